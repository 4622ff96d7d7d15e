//! Where the measuring happens: a private network, pinned processes, the programs that are measured beside ours.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use fairway_tests::Child;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::readings::Readings;

/// What went wrong, in a sentence.
pub(crate) type Error = Box<dyn std::error::Error>;

/// Where client and server run. On two cores a lone call between cores costs two wake-ups of a halted core, so that this decides as much as
/// the programs do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Both on the first core.
    Same,
    /// The client on the first core, the server on the second.
    Split,
    /// Where the scheduler puts them.
    Free,
}

impl Place {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Split => "split",
            Self::Free => "free",
        }
    }

    fn server_cpu(self) -> Option<usize> {
        match self {
            Self::Same => Some(0),
            Self::Split => Some(1),
            Self::Free => None,
        }
    }

    /// The client's, as the measuring programs take it in `BENCH_CPU`.
    fn client_cpu(self) -> &'static str {
        match self {
            Self::Same | Self::Split => "0",
            Self::Free => "-1",
        }
    }
}

/// Programs nobody here wrote, to be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peers {
    /// Of ONC RPC: in C with libtirpc, and published crates.
    Rpc,
    /// Of the network stack: smoltcp, the kernel through tokio, turmoil.
    Stack,
    /// Of FTP: suppaftp.
    Ftp,
}

/// The programs, the pace and the figures so far.
#[derive(Debug)]
pub(crate) struct Lab {
    /// The C peers.
    c: PathBuf,
    /// The Rust peers of ONC RPC, in one program.
    rust: PathBuf,
    /// The peers of the network stack, in one program.
    stack: PathBuf,
    /// The peer of FTP that is a crate.
    ftp: PathBuf,
    /// This program.
    ours: PathBuf,
    /// Folder of `portmapd`, `rpcinfo` and `rpcgen`.
    release: PathBuf,
    quick: bool,
    pub(crate) readings: Readings,
    /// What could not be measured, and why.
    pub(crate) notes: Vec<String>,
}

/// Set for the process inside the namespace.
pub(crate) const INSIDE: &str = "FAIRWAY_BENCH_INSIDE";

/// Starts this program again in a network and mount namespace of its own, as root or as a user who may make one.
pub(crate) fn enter_namespace() -> Result<Option<ExitCode>, Error> {
    if std::env::var_os(INSIDE).is_some() {
        for (program, arguments) in [
            ("ip", &["link", "set", "lo", "up"][..]),
            ("mount", &["-t", "tmpfs", "tmpfs", "/run"]),
            ("mkdir", &["-p", "/run/rpcbind"]),
        ] {
            run(Command::new(program).args(arguments))?;
        }
        return Ok(None);
    }
    let mut command = Command::new("unshare");
    command.arg(if nix::unistd::geteuid().is_root() {
        "-nm"
    } else {
        "-rnm"
    });
    command
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1));
    let status = command
        .env(INSIDE, "1")
        .status()
        .map_err(|error| format!("unshare: {error}"))?;
    Ok(Some(match status.code() {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(2)),
        None => ExitCode::FAILURE,
    }))
}

/// The build's target directory: this program is two levels below it.
pub(crate) fn target() -> Result<PathBuf, Error> {
    let here = std::env::current_exe()?;
    let found = here.ancestors().nth(2).ok_or("no target directory")?;
    Ok(found.to_path_buf())
}

/// Compiles what is measured: peers, our daemons and tools. Needs the network the first time.
pub(crate) fn build(which: Peers, ours: &[&str]) -> Result<(), Error> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = target()?;
    let peers = here.join("bench/peers");
    talk("building the peers");
    if which == Peers::Rpc {
        let mut make = Command::new("make");
        make.args(["--silent", "-C"]).arg(peers.join("c"));
        make.arg(format!("OUT={}", target.join("bench/c").display()));
        run(&mut make)?;
    }
    let mut cargo = Command::new(cargo());
    cargo.args(["build", "--quiet", "--release", "--manifest-path"]);
    cargo.arg(peers.join("Cargo.toml")).arg("--locked");
    cargo.arg("--package").arg(match which {
        Peers::Rpc => "peer-bench",
        Peers::Stack => "stack-peers",
        Peers::Ftp => "ftp-peers",
    });
    cargo.env("CARGO_TARGET_DIR", target.join("bench/rust"));
    cargo.env("RUSTFLAGS", "-Awarnings");
    run(cargo.current_dir(&peers))?;
    for package in ours {
        let mut cargo = Command::new(self::cargo());
        cargo.args([
            "build",
            "--quiet",
            "--release",
            "--bins",
            "--package",
            package,
        ]);
        cargo.env("CARGO_TARGET_DIR", &target);
        run(cargo.current_dir(here))?;
    }
    Ok(())
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

impl Lab {
    pub(crate) fn new(quick: bool) -> Result<Self, Error> {
        let target = target()?;
        Ok(Self {
            c: target.join("bench/c"),
            rust: target.join("bench/rust/release/peer-bench"),
            stack: target.join("bench/rust/release/stack-peers"),
            ftp: target.join("bench/rust/release/ftp-peers"),
            ours: std::env::current_exe()?,
            release: target.join("release"),
            quick,
            readings: Readings::default(),
            notes: Vec::new(),
        })
    }

    /// How often each case is repeated, peers and ours in turn.
    pub(crate) fn repeats(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }

    pub(crate) fn quick(&self) -> bool {
        self.quick
    }

    /// A C peer.
    pub(crate) fn c(&self, name: &str) -> Command {
        self.paced(self.c.join(name))
    }

    /// The folder with the C peers and the data that they write.
    pub(crate) fn c_folder(&self) -> &Path {
        &self.c
    }

    /// The peers of the network stack, doing some of their cases.
    pub(crate) fn stack_peers(&self, cases: &[&str]) -> Command {
        let mut command = self.paced(&self.stack);
        command.args(cases);
        command
    }

    /// The peer of FTP that is a crate.
    pub(crate) fn ftp_peers(&self) -> Command {
        self.paced(&self.ftp)
    }

    /// The program of Rust peers.
    pub(crate) fn rust(&self) -> Command {
        self.paced(&self.rust)
    }

    /// This program, doing a part.
    pub(crate) fn ours(&self) -> Command {
        self.paced(&self.ours)
    }

    /// One of our programs as a user has it.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.paced(self.release.join(name))
    }

    fn paced(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        if self.quick {
            command
                .env("BENCH_MS", "100")
                .env("BENCH_MB", "8")
                .env("BENCH_QUICK", "1");
        }
        command
    }

    /// Measures a group; what stops it is noted.
    pub(crate) fn attempt(&mut self, group: &str, run: fn(&mut Self) -> Result<(), Error>) {
        if let Err(error) = run(self) {
            self.notes.push(format!("{group} stopped: {error}"));
        }
    }

    /// Runs a measuring program to its end against `server`, both placed, and keeps its figures.
    pub(crate) fn measure(&mut self, command: &mut Command, server: Option<(&Child, Place)>) {
        if let Some((server, place)) = server {
            command.env("SRV_PID", server.id().to_string());
            command.env("BENCH_CPU", place.client_cpu());
            if let Err(error) = pin(server.id(), place.server_cpu()) {
                self.notes.push(format!("not pinned: {error}"));
            }
        }
        let output = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output();
        match output {
            Ok(output) => {
                self.readings
                    .add_lines(&String::from_utf8_lossy(&output.stdout));
                if !output.status.success() {
                    let said = String::from_utf8_lossy(&output.stderr);
                    let said = said.lines().last().unwrap_or_default();
                    self.notes
                        .push(format!("{}: {} {said}", told(command), output.status));
                }
            }
            Err(error) => self.notes.push(format!("{}: {error}", told(command))),
        }
    }
}

/// The command as a person would type it, without folders.
fn told(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// Starts a server and waits until it answers a null call of `program`, version `version`, over TCP on `port`.
pub(crate) fn serve(command: &mut Command, port: u16, call: (u32, u32)) -> Result<Child, Error> {
    let mut child = Child::spawn(command.stdout(Stdio::null()));
    let since = now();
    while !answers_tcp(port, call) {
        if let Some(status) = child.ended() {
            return Err(format!("{} ended: {status}", told(command)).into());
        }
        if since.elapsed() > Duration::from_secs(10) {
            return Err(format!("{} does not answer", told(command)).into());
        }
        pause();
    }
    Ok(child)
}

/// A null call with AUTH_NONE (RFC 5531 §9).
pub(crate) fn null_call((program, version): (u32, u32), procedure: u32) -> Vec<u8> {
    [7, 0, 2, program, version, procedure, 0, 0, 0, 0]
        .into_iter()
        .flat_map(u32::to_be_bytes)
        .collect()
}

fn answers_tcp(port: u16, call: (u32, u32)) -> bool {
    let asked = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_millis(500)))?;
        let call = null_call(call, 0);
        stream.write_all(&[&[0x80, 0, 0, 40], call.as_slice()].concat())?;
        let mut reply = [0; 28];
        stream.read_exact(&mut reply)?;
        Ok(reply.get(4..8) == call.get(..4))
    };
    asked().unwrap_or(false)
}

/// Whether a null call over UDP is answered within a few milliseconds.
pub(crate) fn answers_udp(address: &str, call: (u32, u32)) -> bool {
    let asked = || -> std::io::Result<bool> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(address)?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        socket.send(&null_call(call, 0))?;
        let mut reply = [0; 64];
        Ok(socket.recv(&mut reply)? == 24)
    };
    asked().unwrap_or(false)
}

/// Puts all threads of a process on one core, or on all.
pub(crate) fn pin(process: u32, cpu: Option<usize>) -> Result<(), Error> {
    let mut set = CpuSet::new();
    match cpu {
        Some(cpu) => set.set(cpu)?,
        None => {
            let all = std::thread::available_parallelism()?.get();
            (0..all).try_for_each(|cpu| set.set(cpu))?;
        }
    }
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let id = thread?.file_name().to_string_lossy().parse()?;
        sched_setaffinity(Pid::from_raw(id), &set)?;
    }
    Ok(())
}

/// Puts this process where `BENCH_CPU` says.
pub(crate) fn pin_self() -> Result<(), Error> {
    match std::env::var("BENCH_CPU")
        .ok()
        .and_then(|cpu| cpu.parse().ok())
    {
        Some(cpu) => pin(std::process::id(), Some(cpu)),
        None => Ok(()),
    }
}

/// CPU seconds that all threads of a process have used. Steadier than rates when other work shares the machine.
pub(crate) fn cpu_seconds(process: u32) -> f64 {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        return 0.0;
    };
    threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<f64>().ok())
        .map(|nanoseconds| nanoseconds * 1e-9)
        .sum()
}

/// Resident memory of a process, in octets.
pub(crate) fn resident(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? * 1024.0)
}

/// Runs a command that must succeed, its errors shown.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("{}: {error}", told(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", told(command)).into())
    }
}

/// Says what is going on, on standard error.
#[expect(clippy::print_stderr, reason = "progress of a long run")]
pub(crate) fn talk(what: &str) {
    eprintln!("bench: {what}");
}

/// CPU seconds that this thread has used.
pub(crate) fn thread_cpu() -> f64 {
    clock(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU seconds that this process has used, all its threads.
pub(crate) fn process_cpu() -> f64 {
    clock(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

fn clock(id: nix::time::ClockId) -> f64 {
    nix::time::clock_gettime(id).map_or(0.0, |time| Duration::from(time).as_secs_f64())
}

/// `usual`, or a tenth of it in short rounds.
pub(crate) fn much(usual: usize) -> usize {
    if std::env::var_os("BENCH_QUICK").is_some() {
        usual / 10
    } else {
        usual
    }
}

/// Prints one figure for the process that asked for it.
#[expect(clippy::print_stdout, reason = "what a measuring part is for")]
pub(crate) fn put(name: &str, value: f64, unit: &str) {
    println!("{name} {value} {unit}");
}

/// The time: measuring it is what a benchmark does.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A few milliseconds between two looks at another process.
#[expect(clippy::disallowed_methods, reason = "waits for another process")]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

/// Length of one round of a measurement, as the C programs take it.
pub(crate) fn round() -> Duration {
    Duration::from_secs_f64(env_number("BENCH_MS", 400.0) / 1000.0)
}

/// A number from the environment.
pub(crate) fn env_number(name: &str, usual: f64) -> f64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(usual)
}
