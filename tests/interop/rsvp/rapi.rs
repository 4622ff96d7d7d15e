//! Programs in C, of both forms of RAPI, reserve between two hosts through `rsvpd` and `librsvp`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use fairway_tests::rsvp::{Machine, possible};
use fairway_tests::{Child, built, have, programs, scratch, until};
use nix::sys::signal::Signal;

use super::lab::LIMIT;

/// Compiles a program against the headers and the library.
fn compiled(folder: &Path, name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = folder.join("lib");
    if !library.exists() {
        std::fs::create_dir(&library).unwrap();
        for link in ["librsvp.so", "librsvp.so.1"] {
            std::os::unix::fs::symlink(
                programs("fairway-rapi").join("librsvp.so"),
                library.join(link),
            )
            .unwrap();
        }
    }
    let program = folder.join(name);
    built(
        Command::new("cc")
            .args([
                "-std=c11",
                "-D_GNU_SOURCE",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-o",
            ])
            .arg(&program)
            .arg(root.join("interop/rsvp/c").join(format!("{name}.c")))
            .arg("-I")
            .arg(root.join("../rsvp/capi/include"))
            .arg("-L")
            .arg(&library)
            .arg(format!("-Wl,-rpath,{}", library.display()))
            .arg("-lrsvp"),
    );
    program
}

/// What a host's daemon is told.
const CONFIG: &str = "router = \"no\"\n[defaults]\nbandwidth = \"100Mbit/s\"\n";

/// Starts a program on a host.
fn run(host: &Machine, program: &Path, arguments: &[&str]) -> Program {
    let said = program.with_extension("out");
    let mut command = host.command(program);
    command.args(arguments).stdout(File::create(&said).unwrap());
    Program {
        child: Child::spawn(&mut command),
        said,
    }
}

/// A program that says what it hears.
struct Program {
    child: Child,
    said: PathBuf,
}

impl Program {
    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap()
    }

    fn until(&self, line: &str) {
        let what = format!("{line:?} of {}", self.said.display());
        until(&what, LIMIT, || self.said().contains(line).then_some(()));
    }

    /// Waits for a good end.
    fn done(mut self) -> String {
        let status = until("the program's end", 2 * LIMIT, || self.child.ended());
        assert!(status.success(), "{status}: {}", self.said());
        self.said()
    }
}

/// rapi.md §1: the flow of control, from the first Path to the end of the reservation; RSVP-4 on the system's stack.
#[test]
fn programs_of_both_forms_reserve_between_two_hosts() {
    let test = "programs_of_both_forms_reserve_between_two_hosts";
    if !possible(test) || !have(test, &["cc"]) {
        return;
    }
    let folder = scratch(test);
    let mut hosts = [Machine::new(), Machine::new()];
    let [from, to] = &hosts;
    from.connect(("eth0", "10.9.0.1/24"), to, ("eth0", "10.9.0.2/24"));
    for host in &mut hosts {
        host.start(CONFIG);
    }
    let [from, to] = &hosts;
    let load = "[CL T=[125K(10K) 250KB/s 64 1K] ]";
    let guaranteed = "[G R=200K S=0 T=[125K(10K) 250KB/s 64 1K]]";
    for (sender, receiver, reserved) in [
        ("sender_c809", "receiver_c809", load),
        ("sender_c809", "receiver_os2", guaranteed),
        ("sender_os2", "receiver_c809", load),
        ("sender_os2", "receiver_os2", guaranteed),
    ] {
        let [sender, receiver] = [sender, receiver].map(|name| compiled(&folder, name));
        let receiver = run(to, &receiver, &["10.9.0.2", "5000"]);
        receiver.until("listening");
        let sender = run(from, &sender, &["10.9.0.2", "5000", "10.9.0.1", "6000"]);
        let said = sender.done();
        assert!(said.contains(&format!("reserved {reserved}\n")), "{said}");
        let said = receiver.done();
        for line in [
            "from 10.9.0.1:6000\n",
            "sends [T=[125K(10K) 250KB/s 64 1K]]\n",
            "confirmed",
            "gone",
        ] {
            assert!(said.contains(line), "no {line:?} in {said}");
        }
    }
    for host in &mut hosts {
        let status = host.daemon().stop(Signal::SIGTERM, LIMIT);
        assert!(status.success(), "{status}");
    }
}

/// rapi.md §2.6: a daemon that is full is other than none.
#[test]
fn a_program_that_is_turned_away_hears_why() {
    let test = "a_program_that_is_turned_away_hears_why";
    if !possible(test) || !have(test, &["cc"]) {
        return;
    }
    let folder = scratch(test);
    let mut host = Machine::new();
    let [first, second] = ["receiver_c809", "receiver_os2"].map(|name| compiled(&folder, name));
    let session = ["10.9.0.2", "5000"];
    host.start("router = \"no\"\n[limits]\napplications = 1\n");
    let first = run(&host, &first, &session);
    first.until("listening");
    let turned_away = host.command(&second).args(session).output().unwrap();
    let said = String::from_utf8_lossy(&turned_away.stderr);
    assert_eq!(
        said,
        "rapi_session: 2\n",
        "RAPI_ERR_MAXSESS: {}",
        host.log()
    );
    let status = host.daemon().stop(Signal::SIGTERM, LIMIT);
    assert!(status.success(), "{status}");
    let alone = host.command(&second).args(session).output().unwrap();
    let said = String::from_utf8_lossy(&alone.stderr);
    assert_eq!(said, "rapi_session: 9\n", "RAPI_ERR_NORSVP");
}
