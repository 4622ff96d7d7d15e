//! C programs of both forms, compiled against the headers and run against a daemon that brings senders and receivers
//! together.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

#[expect(dead_code, reason = "shared with the tests of the Rust API")]
#[path = "../../tests/api/daemon.rs"]
mod daemon;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use fairway_rsvp::api::client::{Notice, blocking::Client};
use fairway_rsvp::api::server::Limits;
use fairway_rsvp::api::{ApiId, Call, Event, ReserveCall, Service};
use fairway_rsvp::wire::{ErrorCode, ErrorFlags, ErrorSpec, Sender, Session};
use fairway_wire::Protocol;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::daemon::{Daemon, STRANGER};

fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Whether a program is on this machine; where everything has to be, its absence is a failure.
fn have(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    assert!(
        found || std::env::var("CI").as_deref() != Ok("true"),
        "{program} is missing"
    );
    if !found {
        eprintln!("left out: librsvp needs {program}");
        if let Some(list) = std::env::var_os("FAIRWAY_LEFT_OUT")
            && let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(list)
        {
            // The list is a courtesy of `tests/run`: a test does not fail over it.
            drop(writeln!(file, "librsvp needs {program}"));
        }
    }
    found
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Where the library is, under the names that the linker and the loader look for.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        // The test is in `deps`; the library is beside it or one above.
        let here = std::env::current_exe().unwrap();
        let built = here
            .ancestors()
            .skip(1)
            .take(2)
            .map(|folder| folder.join("librsvp.so"))
            .find(|file| file.exists())
            .expect("librsvp.so is built with this test");
        let folder = folder().join("lib");
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["librsvp.so", "librsvp.so.1"] {
            let link = folder.join(name);
            drop(std::fs::remove_file(&link));
            std::os::unix::fs::symlink(&built, link).unwrap();
        }
        folder
    })
}

/// Compiles a program of these tests.
fn compiled(name: &str, test: &str) -> PathBuf {
    compiled_of("tests/c", name, test)
}

/// Compiles a program; every warning is an error, since the headers are part of it.
fn compiled_of(sources: &str, name: &str, test: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = folder().join(format!("{name}-{test}"));
    let library = library().display().to_string();
    run(Command::new("cc")
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-g",
        ])
        .args(["-D_GNU_SOURCE", "-pthread"])
        .arg("-I")
        .arg(here.join("include"))
        .arg("-o")
        .arg(&program)
        .arg(here.join(sources).join(format!("{name}.c")))
        .args([&format!("-L{library}"), "-lrsvp", "-lm"])
        .arg(format!("-Wl,-rpath,{library}")));
    program
}

fn socket(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("fw-librsvp-{}-{name}", std::process::id()))
}

/// A program that goes on until it is killed.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn start(program: &Path, arguments: &[&str], socket: &Path) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .env("RSVP_SOCKET", socket)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads lines until one is as wanted.
    fn until(&mut self, wanted: &str) {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "ended before {wanted:?}");
            if line == wanted {
                return;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn works(name: &str) {
    if !have("cc") {
        return;
    }
    let at = socket(name);
    let daemon = Daemon::start(&at);
    let program = compiled(name, "works");
    assert_eq!(
        run(Command::new(&program).env("RSVP_SOCKET", &at)),
        "done\n"
    );
    daemon.until(|seen| (seen.clients == 0).then_some(()));
    if !have("valgrind") {
        return;
    }
    let valgrind = ["--quiet", "--error-exitcode=9", "--leak-check=full"];
    let checked = run(Command::new("valgrind")
        .args(valgrind)
        .arg("--errors-for-leak-kinds=definite")
        .arg(&program)
        .env("RSVP_SOCKET", &at));
    assert_eq!(checked, "done\n");
}

/// rapi.md, the C809 columns.
#[test]
fn the_form_of_c809_works() {
    works("c809");
}

/// rapi.md, the OS/2 columns.
#[test]
fn the_form_of_os2_works() {
    works("os2");
}

/// rapi.md §1: one library to a process, whatever its threads and children do.
#[test]
fn threads_and_children_do_not_wait_for_each_other() {
    if !have("cc") {
        return;
    }
    let (at, silent) = (socket("threads"), socket("silent"));
    let daemon = Daemon::start(&at);
    let program = compiled("threads", "works");
    let run_with = |command: &mut Command| run(command.arg(&silent).env("RSVP_SOCKET", &at));
    assert_eq!(run_with(&mut Command::new(&program)), "done\n");
    daemon.until(|seen| (seen.clients == 0).then_some(()));
    if have("valgrind") {
        let valgrind = ["--quiet", "--error-exitcode=9"];
        let checked = run_with(Command::new("valgrind").args(valgrind).arg(&program));
        assert_eq!(checked, "done\n");
    }
}

/// rapi.md §3: the compiler sees what the library reads.
#[test]
fn structures_are_laid_out_as_the_library_reads_them() {
    if !have("cc") {
        return;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["layout_c809", "layout_os2"] {
        for language in [&["-std=c11"][..], &["-std=gnu17", "-m32"]] {
            // Not every compiler is made for both.
            let mut probe = Command::new("cc");
            probe
                .args(language)
                .args(["-E", "-include", "netinet/in.h"]);
            let has_headers = probe.args(["-x", "c", "/dev/null"]).output().unwrap();
            if !has_headers.status.success() {
                continue;
            }
            run(Command::new("cc")
                .args(language)
                .args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"])
                .arg(here.join("include"))
                .arg(here.join("tests/c").join(format!("{name}.c"))));
        }
    }
}

/// The headers are C++, too.
#[test]
fn headers_are_fit_for_cpp() {
    if !have("c++") {
        return;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for header in ["rapi.h", "rsvprapi.h"] {
        run(Command::new("c++")
            .args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"])
            .args(["-x", "c++"])
            .arg(here.join("include").join(header)));
    }
}

/// The programs that `tests/interop/rsvp` runs between two hosts: whichever form, they understand each other.
#[test]
fn programs_of_both_forms_meet() {
    if !have("cc") {
        return;
    }
    let at = socket("flow");
    let _daemon = Daemon::start(&at);
    for (from, to, flowspec) in [
        ("c809", "c809", "[CL T=[125K(10K) 250KB/s 64 1K] ]"),
        ("c809", "os2", "[G R=200K S=0 T=[125K(10K) 250KB/s 64 1K]]"),
        ("os2", "c809", "[CL T=[125K(10K) 250KB/s 64 1K] ]"),
        ("os2", "os2", "[G R=200K S=0 T=[125K(10K) 250KB/s 64 1K]]"),
    ] {
        let sources = "../../tests/interop/rsvp/c";
        let [sender, receiver] = [("sender", from), ("receiver", to)]
            .map(|(part, form)| compiled_of(sources, &format!("{part}_{form}"), "flow"));
        let mut receiver = Running::start(&receiver, &["10.0.0.2", "5000"], &at);
        receiver.until("listening");
        let arguments = ["10.0.0.2", "5000", "127.0.0.1", "6000"];
        let mut sender = Running::start(&sender, &arguments, &at);
        sender.until("sending");
        receiver.until("from 127.0.0.1:6000");
        receiver.until("sends [T=[125K(10K) 250KB/s 64 1K]]");
        sender.until(&format!("reserved {flowspec}"));
        receiver.until("confirmed");
        sender.until("removed");
        receiver.until("gone");
        assert!(sender.child.wait().unwrap().success());
        assert!(receiver.child.wait().unwrap().success());
    }
}

/// rapi.md §2.6, §6: NORSVP; and back.
#[test]
fn a_program_survives_its_daemon() {
    if !have("cc") {
        return;
    }
    let at = socket("restart");
    let program = compiled("watch", "restart");
    let mut alone = Running::start(&program, &[], &at);
    assert_eq!(alone.line(), "no session: 9");
    let daemon = Daemon::start(&at);
    let mut running = Running::start(&program, &[], &at);
    running.until("ready");
    running.until("event 1 code 0 value 0 flowspecs 1");
    drop(daemon);
    running.until("dispatch 9");
    let daemon = Daemon::start(&at);
    running.until("event 1 code 0 value 0 flowspecs 1");
    daemon.until(|seen| matches!(seen.calls.last()?.1, Call::Sender(_)).then_some(()));
}

/// rapi.md §2.6: a daemon that is full, and one that the system keeps the program from, are other than none.
#[test]
fn a_program_that_is_turned_away_hears_why() {
    if !have("cc") {
        return;
    }
    let at = socket("full");
    let program = compiled("watch", "full");
    let limits = Limits {
        clients: 0,
        ..Limits::default()
    };
    let daemon = Daemon::start_limited(&at, limits);
    assert_eq!(Running::start(&program, &[], &at).line(), "no session: 2");
    drop(daemon);
    let _datagrams = UnixDatagram::bind(&at).unwrap();
    let errno = Errno::PROTOTYPE.raw_os_error();
    let expected = format!("errno {errno} no session: 6");
    assert_eq!(Running::start(&program, &[], &at).line(), expected);
    std::fs::remove_file(at).unwrap();
}

/// rapi.md §5: zero flowspecs, went away. What went away with the daemon is told when it is back, be it before anybody has
/// missed it; what is there then follows.
#[test]
fn what_went_away_with_the_daemon_is_told() {
    if !have("cc") {
        return;
    }
    let at = socket("gone");
    let program = compiled("watch", "gone");
    let daemon = Daemon::start(&at);
    let mut running = Running::start(&program, &[], &at);
    running.until("event 1 code 0 value 0 flowspecs 1");
    // A receiver that does not come back: it does not look whether the daemon has.
    let receiver = Client::new(&at).unwrap();
    // That of `watch.c`.
    let flow = Session {
        destination: [10, 0, 0, 2].into(),
        protocol: Protocol(17),
        e_police: false,
        port: 5000,
    };
    let session = receiver.open(flow).unwrap();
    let mut senders = Vec::new();
    while senders.is_empty() {
        poll(&mut [PollFd::new(&receiver, PollFlags::IN)], None).unwrap();
        receiver
            .dispatch(|_, notice| {
                if let Notice::Event(Event::Path(of)) = notice {
                    senders = of;
                }
            })
            .unwrap();
    }
    let call = ReserveCall::fixed(&senders, Service::ControlledLoad).unwrap();
    receiver.reserve(session, call).unwrap();
    running.until("event 2 code 0 value 0 flowspecs 1");
    drop(daemon);
    let _daemon = Daemon::start(&at);
    running.until("event 1 code 0 value 0 flowspecs 0");
    assert_eq!(running.line(), "event 2 code 0 value 0 flowspecs 0");
    running.until("event 1 code 0 value 0 flowspecs 1");
}

/// rapi.md §1: when a program ends, however, its sessions are closed for it.
#[test]
fn a_program_that_is_killed_is_released() {
    if !have("cc") {
        return;
    }
    let at = socket("killed");
    let daemon = Daemon::start(&at);
    let program = compiled("watch", "killed");
    let mut running = Running::start(&program, &[], &at);
    running.until("ready");
    drop(running);
    daemon.until(|seen| (seen.calls.last()? == &(ApiId(1), Call::Release)).then_some(()));
    daemon.until(|seen| (seen.clients == 0).then_some(()));
}

/// rapi.md §1: so they are when it has forked, and its child lives on.
#[test]
fn a_program_that_is_killed_is_released_though_its_child_is_not() {
    if !have("cc") {
        return;
    }
    let at = socket("forked");
    let daemon = Daemon::start(&at);
    let program = compiled("watch", "forked");
    let mut running = Running::start(&program, &["fork"], &at);
    let line = running.line();
    let child = line.strip_prefix("child ").unwrap().parse().unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    running.until("ready");
    drop(running);
    daemon.until(|seen| (seen.calls.last()? == &(ApiId(1), Call::Release)).then_some(()));
    daemon.until(|seen| (seen.clients == 0).then_some(()));
    // It was there all the time.
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
}

/// A caller's environment does not tell a program with more rights than the caller's whom to believe.
#[test]
fn a_set_uid_program_does_not_heed_the_environment() {
    const NOBODY: u32 = 65_534;
    if !have("cc") {
        return;
    }
    let at = socket("secure");
    let _daemon = Daemon::start(&at);
    let program = compiled("watch", "secure");
    let set = PermissionsExt::from_mode(0o4755);
    if !rustix::process::geteuid().is_root()
        || std::os::unix::fs::chown(&program, Some(NOBODY), None).is_err()
    {
        eprintln!("left out: only root makes a program another user's");
        return;
    }
    std::fs::set_permissions(&program, set).unwrap();
    std::fs::set_permissions(&at, PermissionsExt::from_mode(0o777)).unwrap();
    let mut running = Running::start(&program, &["secure"], &at);
    let is_secure = running.line();
    let first = running.line();
    if is_secure == "secure: 0" {
        eprintln!("left out: this file system knows no set-uid programs");
        assert_eq!(first, "ready");
        return;
    }
    assert_eq!(
        (is_secure.as_str(), first.as_str()),
        ("secure: 1", "no session: 9")
    );
}

/// A program that never reads costs only itself.
#[test]
fn a_program_that_never_reads_is_disconnected() {
    if !have("cc") {
        return;
    }
    let at = socket("deaf");
    let limits = Limits {
        most_queued_octets: 256 << 10,
        ..Limits::default()
    };
    let daemon = Daemon::start_limited(&at, limits);
    let program = compiled("watch", "deaf");
    let mut deaf = Running::start(&program, &["deaf"], &at);
    deaf.until("ready");
    let mut other = Running::start(&program, &[], &at);
    other.until("ready");
    let error = Event::PathError {
        error: ErrorSpec {
            node: STRANGER,
            flags: ErrorFlags::NONE,
            code: ErrorCode::NO_PATH,
            value: 0,
        },
        sender: Sender::V4([127, 0, 0, 1].into(), 6000),
        tspec: None,
    };
    daemon.tell(ApiId(1), error.clone(), 20_000);
    daemon.until(|seen| (seen.counters.clients_overflowed == 1).then_some(()));
    daemon.until(|seen| {
        let released = (ApiId(1), Call::Release);
        seen.calls.contains(&released).then_some(())
    });
    daemon.tell(ApiId(2), error, 1);
    other.until("event 3 code 3 value 0 flowspecs 0");
}
