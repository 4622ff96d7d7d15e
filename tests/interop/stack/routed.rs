//! Two namespaces of the kernel's with a native router between them.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use fairway_native::{InterfaceAddress, Setup, Stack};
use fairway_stack::device::Tun;
use fairway_stack::native::Host;
use fairway_tests::{Child, Output, quiet, scratch, until};

use super::capture::{Capture, Captured};
use super::machine::{LIMIT, enter, ip, possible, run, tap, told};

type Work = Box<dyn FnOnce() + Send>;

/// A namespace of the machine, lived in by a thread that does what it is told.
struct Side(mpsc::Sender<Work>);

impl Side {
    fn new() -> Self {
        let (say, hear) = mpsc::channel::<Work>();
        std::thread::spawn(move || {
            enter();
            for work in hear {
                work();
            }
        });
        Self(say)
    }

    fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (say, hear) = mpsc::channel();
        let work = move || {
            let _nobody_hears = say.send(work());
        };
        self.0.send(Box::new(work)).unwrap();
        hear.recv_timeout(LIMIT).unwrap()
    }

    /// A TAP device `t0` here: the machine's end is `n`.1, the router's `n`.254.
    fn device(&self, n: u8, mtu: u16) -> Tun {
        self.run(move || {
            let tun = Tun::open(tap("t0", n, mtu)).unwrap();
            ip(&format!("address add 10.{n}.0.1/24 dev t0"));
            ip(&format!("route add default via 10.{n}.0.254"));
            tun
        })
    }

    fn told(&self, program: &'static str, arguments: &'static str) -> String {
        self.run(move || told(program, arguments))
    }

    fn tried(&self, program: &'static str, arguments: &'static str) -> Output {
        self.run(move || run(program, arguments))
    }
}

/// Both sides, and the router on a thread of its own.
struct Lab {
    left: Side,
    right: Side,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    capture: Option<Capture>,
}

impl Lab {
    fn new() -> Self {
        let (left, right) = (Side::new(), Side::new());
        let devices = [(1, left.device(1, 1500)), (2, right.device(2, 1400))];
        let (say, hear) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut setup = Setup::new("router", [4; 32]);
                setup.config.ip.forwarding = true;
                let host = Host::real_time(Stack::new(setup));
                let plugged = devices.map(|(n, device)| {
                    let plugged = device.plug_in(&host).unwrap();
                    host.with(|stack, now| {
                        let own = InterfaceAddress::new(Ipv4Addr::new(10, n, 0, 254), 24);
                        stack.add_address(now, plugged.interface(), own).unwrap();
                    });
                    plugged
                });
                say.send(()).unwrap();
                // The lab is dropped.
                let _ended = stopped.await;
                for plugged in plugged {
                    plugged.pull_out().await;
                }
            });
        });
        hear.recv().unwrap();
        Self {
            left,
            right,
            stop: Some(stop),
            thread: Some(thread),
            capture: None,
        }
    }

    /// Captures what goes over the right side's device from now on.
    fn capture(&mut self, test: &str) {
        let file = scratch(test).join("right.pcap");
        let capture = self.right.run(move || Capture::start("t0", file, None));
        self.capture = Some(capture);
    }

    fn captured(&mut self) -> Captured {
        let capture = self.capture.take().unwrap();
        self.right.run(|| capture.stop([10, 2, 0, 255].into()))
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

#[test]
fn a_native_router_sends_on_and_says_what_it_cannot() {
    let test = "a_native_router_sends_on_and_says_what_it_cannot";
    if !possible(test, &["ping"]) {
        return;
    }
    let mut lab = Lab::new();
    lab.capture(test);
    let said = lab.left.told("ping", "-c 3 -i 0.2 10.2.0.1");
    assert!(
        said.contains(" 0% packet loss") && said.contains("ttl=63"),
        "{said}"
    );
    let said = lab.left.told("ping", "-c 2 -i 0.2 -s 4000 10.2.0.1");
    assert!(said.contains(" 0% packet loss"), "{said}");
    // RFC 1812 §5.2.4.1: a router records itself, there and back.
    let said = lab.left.told("ping", "-c 1 -R 10.2.0.1");
    assert!(
        said.contains("10.2.0.254") && said.contains("10.1.0.254"),
        "{said}"
    );
    // RFC 1812 §5.3.1, §5.2.7.1, and RFC 1191 §4.
    let said = lab.left.tried("ping", "-c 1 -W 2 -t 1 10.2.0.1").stdout;
    assert!(
        said.contains("From 10.1.0.254") && said.contains("Time to live exceeded"),
        "{said}"
    );
    let said = lab.left.tried("ping", "-c 1 -W 2 10.3.0.1").stdout;
    assert!(
        said.contains("From 10.1.0.254") && said.contains("Unreachable"),
        "{said}"
    );
    let said = lab
        .left
        .tried("ping", "-c 1 -W 2 -M do -s 1450 10.2.0.1")
        .stdout;
    assert!(
        said.contains("mtu = 1400") || said.contains("mtu=1400"),
        "{said}"
    );
    lab.captured().assert_sound("10.2.0.254");
}

#[test]
fn iperf3_runs_through_a_native_router() {
    let test = "iperf3_runs_through_a_native_router";
    if !possible(test, &["iperf3", "ss"]) {
        return;
    }
    let lab = Lab::new();
    let mut server = lab.right.run(|| {
        let mut iperf3 = Command::new("iperf3");
        Child::spawn(iperf3.args(["-s", "-B", "10.2.0.1"]).stdout(Stdio::null()))
    });
    until("iperf3 to listen", LIMIT, || {
        lab.right
            .told("ss", "-Hltn")
            .contains(":5201")
            .then_some(())
    });
    let _quiet = quiet();
    // The default congestion control of a machine may pace; every kernel has this one.
    for arguments in [
        "-c 10.2.0.1 -t 2 -C cubic -J",
        "-c 10.2.0.1 -t 2 -C cubic -R -J",
    ] {
        let said = lab.left.told("iperf3", arguments);
        let report: serde_json::Value = serde_json::from_str(&said).unwrap();
        let rate = report["end"]["sum_received"]["bits_per_second"]
            .as_f64()
            .unwrap();
        assert!(rate > 10e6, "{rate} bit/s: {said}");
    }
    let said = lab
        .left
        .told("iperf3", "-c 10.2.0.1 -u -b 20M -l 1000 -w 400k -t 2 -J");
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    let lost = report["end"]["sum"]["lost_percent"].as_f64().unwrap();
    assert!(lost < 5.0, "{lost} %: {said}");
    server.stop(nix::sys::signal::Signal::SIGTERM, LIMIT);
}
