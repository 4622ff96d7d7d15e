//! Processes that end with the test that started them.

use std::io::BufRead as _;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::until;

/// What a finished command said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, as text.
    pub stdout: String,
    /// Its standard error, as text.
    pub stderr: String,
}

/// A running process, killed by its process id when dropped.
#[derive(Debug)]
pub struct Child {
    inner: std::process::Child,
    name: String,
}

impl Child {
    /// Starts `command` with its output captured in pipes that are read when it has ended, or inherited on request of
    /// the command itself.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[track_caller]
    #[expect(clippy::panic, reason = "a test helper")]
    pub fn spawn(command: &mut Command) -> Self {
        let name = format!("{:?}", command.get_program());
        match command.stdin(Stdio::null()).spawn() {
            Ok(inner) => Self { inner, name },
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// Waits for the first line of its standard output, which its command has made a pipe.
    ///
    /// # Panics
    /// When the output is no pipe, was asked for before, or ends first.
    #[track_caller]
    #[expect(clippy::expect_used, reason = "a test helper")]
    pub fn first_line(&mut self) -> String {
        let mut line = String::new();
        let out = self.inner.stdout.take().expect("its output is a pipe");
        std::io::BufReader::new(out)
            .read_line(&mut line)
            .expect("a line");
        assert!(line.ends_with('\n'), "{} ended first", self.name);
        line
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.inner.try_wait().ok().flatten()
    }

    /// Sends `signal` and waits for the end, at most `limit`.
    ///
    /// # Panics
    /// When the process outlives `limit`.
    pub fn stop(&mut self, signal: Signal, limit: Duration) -> ExitStatus {
        self.signal(signal);
        let name = self.name.clone();
        until(&format!("the end of {name}"), limit, || self.ended())
    }

    /// Sends `signal`.
    pub fn signal(&self, signal: Signal) {
        if let Ok(id) = i32::try_from(self.inner.id()) {
            let _already_gone = kill(Pid::from_raw(id), signal);
        }
    }

    /// Runs `command` to its end, at most `limit`, with both outputs as text.
    ///
    /// # Panics
    /// When the program cannot be started or outlives `limit`.
    #[track_caller]
    #[expect(clippy::expect_used, reason = "a test helper")]
    pub fn output(command: &mut Command, limit: Duration) -> Output {
        let mut child = Self::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let out = read(child.inner.stdout.take().expect("a pipe"));
        let err = read(child.inner.stderr.take().expect("a pipe"));
        let name = child.name.clone();
        let status = until(&format!("the end of {name}"), limit, || child.ended());
        Output {
            status,
            stdout: out.join().unwrap_or_default(),
            stderr: err.join().unwrap_or_default(),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended().is_none() {
            drop(self.inner.kill());
            drop(self.inner.wait());
        }
    }
}

/// Reads a pipe to its end beside the waiting thread, so that a full pipe stops nobody.
fn read(mut pipe: impl std::io::Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut octets = Vec::new();
        // What came before a failure is still worth showing.
        drop(pipe.read_to_end(&mut octets));
        String::from_utf8_lossy(&octets).into_owned()
    })
}
