//! A network namespace of the machine, and a native host at the other end of a TAP device in it.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use fairway_native::{InterfaceAddress, Setup, Stack};
use fairway_stack::device::{Layer, Tun, TunConfig};
use fairway_stack::native::Host;
use fairway_tests::{Child, Output, have, have_root, leave_out};
use fairway_wire::MacAddr;
use nix::sched::{CloneFlags, unshare};

use super::capture::Capture;

/// The native host.
pub(super) const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// The machine's end of the TAP device.
pub(super) const MACHINE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Nothing here takes longer unless it is broken.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

/// Whether the tests on TAP devices can run, with these programs beside `ip` and `tshark`.
pub(super) fn possible(test: &str, programs: &[&str]) -> bool {
    have_root(test)
        && have(test, &["ip", "tshark", "tcpdump"])
        && have(test, programs)
        && (std::path::Path::new("/dev/net/tun").exists() || leave_out(test, "needs /dev/net/tun"))
}

/// Runs a test in a network namespace of its own, which ends with it.
pub(super) fn in_namespace(test: impl FnOnce() + Send + 'static) {
    let inside = std::thread::spawn(|| {
        enter();
        test();
    });
    if let Err(panic) = inside.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Makes a network namespace this thread's, and that of the threads and processes it starts.
pub(super) fn enter() {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    ip("link set lo up");
}

pub(super) fn ip(arguments: &str) {
    let output = run("ip", arguments);
    assert!(output.status.success(), "ip {arguments}: {output:?}");
}

/// Runs a program here to its end. Arguments are words.
pub(super) fn run(program: &str, arguments: &str) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments.split_whitespace())
        .stdin(Stdio::null());
    Child::output(&mut command, LIMIT)
}

/// [`run`], and what it printed. It must succeed.
pub(super) fn told(program: &str, arguments: &str) -> String {
    let output = run(program, arguments);
    assert!(output.status.success(), "{program} {arguments}: {output:?}");
    output.stdout
}

/// The configuration of a TAP device whose host's end has this address.
pub(super) fn tap(name: &str, n: u8, mtu: u16) -> TunConfig {
    TunConfig {
        name: Some(name.into()),
        layer: Layer::Ethernet(MacAddr([2, 0, 0, 0, 0, n])),
        mtu,
        offload: false,
        queue: 5000,
    }
}

/// A native host at the other end of the TAP device `t0`, on a thread of its own, and all that goes over the device
/// captured.
pub(super) struct Lab {
    pub(super) host: Host,
    runtime: tokio::runtime::Handle,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    pub(super) capture: Option<Capture>,
}

impl Lab {
    /// The device, the host, and the services of [`super::services`] on it.
    pub(super) fn new(file: PathBuf) -> Self {
        Self::with_capture_of(file, None)
    }

    /// [`new`](Self::new), with the first `frames` captured only.
    pub(super) fn with_capture_of(file: PathBuf, frames: Option<u32>) -> Self {
        let tun = Tun::open(tap("t0", 2, 1500)).unwrap();
        ip("address add 10.0.0.1/24 dev t0");
        let capture = Capture::start("t0", file, frames);
        let (say, hear) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let host = Host::real_time(Stack::new(Setup::new("native", [3; 32])));
                let plugged = tun.plug_in(&host).unwrap();
                host.with(|stack, now| {
                    let address = InterfaceAddress::new(HOST, 24);
                    stack
                        .add_address(now, plugged.interface(), address)
                        .unwrap();
                });
                super::services::start(&host.net());
                say.send((host, tokio::runtime::Handle::current())).unwrap();
                // The lab is dropped.
                let _ended = stopped.await;
                plugged.pull_out().await;
            });
        });
        let (host, runtime) = hear.recv().unwrap();
        Self {
            host,
            runtime,
            stop: Some(stop),
            thread: Some(thread),
            capture: Some(capture),
        }
    }

    /// Runs a program of the host's own to its end.
    pub(super) fn on_host<F>(&self, program: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let (say, hear) = mpsc::channel();
        self.runtime.spawn(async move {
            let _nobody_hears = say.send(program.await);
        });
        hear.recv_timeout(LIMIT).unwrap()
    }

    /// Ends the capture and gives it.
    pub(super) fn captured(&mut self) -> super::capture::Captured {
        self.capture.take().unwrap().stop([10, 0, 0, 255].into())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic is shown already.
            let _ended = thread.join();
        }
    }
}
