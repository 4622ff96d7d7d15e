//! What we send is understood by Wireshark.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fairway_tests::{Child, Namespace, have, have_root, scratch, until};
use nix::sys::signal::Signal;

use crate::portmapper::ours;

const SOON: Duration = Duration::from_secs(30);

/// A namespace in which our portmapper answers on port 111 and `/run/rpcbind.sock`.
struct Machine {
    namespace: Namespace,
    rpcinfo: PathBuf,
    _portmapd: Child,
}

impl Machine {
    fn new() -> Self {
        let namespace = Namespace::new();
        let mut portmapd = namespace.command(ours("portmapd"));
        portmapd.args(["-f", "--user", ""]);
        let portmapd = Child::spawn(portmapd.stdout(Stdio::null()).stderr(Stdio::null()));
        let machine = Self {
            namespace,
            rpcinfo: ours("rpcinfo"),
            _portmapd: portmapd,
        };
        until("the portmapper", SOON, || {
            machine.ask(&["-T", "tcp", "127.0.0.1", "100000", "2"])
        });
        machine
    }

    /// What our rpcinfo prints, if it succeeds.
    fn ask(&self, arguments: &[&str]) -> Option<String> {
        let mut rpcinfo = self.namespace.command(&self.rpcinfo);
        let output = Child::output(rpcinfo.args(arguments), SOON);
        output.status.success().then_some(output.stdout)
    }
}

/// A capture of everything that our portmapper, rpcinfo, client and server say to each other, read by another implementation.
#[test]
fn wireshark_finds_nothing_malformed() {
    let test = "wireshark_finds_nothing_malformed";
    if !(have_root(test) && have(test, &["unshare", "ip", "tshark", "dumpcap"])) {
        return;
    }
    let machine = Machine::new();
    let file = scratch(test).join("all.pcapng");
    let mut dumpcap = machine.namespace.command("dumpcap");
    dumpcap.args(["-q", "-i", "lo", "-w"]).arg(&file);
    let mut dumpcap = Child::spawn(dumpcap.stdout(Stdio::null()).stderr(Stdio::null()));
    // It has written its file's header when it listens.
    until("the capture", SOON, || {
        std::fs::metadata(&file).ok().filter(|file| file.len() > 0)
    });
    for arguments in [
        &["-p", "127.0.0.1"][..],
        &["-s", "127.0.0.1"],
        &["-m", "127.0.0.1"],
        &["127.0.0.1"],
        &["-l", "127.0.0.1", "100000", "4"],
        &["-t", "127.0.0.1", "100000"],
        &["-u", "127.0.0.1", "100000"],
        &["-T", "tcp", "127.0.0.1", "100000", "3"],
    ] {
        assert!(machine.ask(arguments).is_some(), "rpcinfo {arguments:?}");
    }
    let mut demo = machine.namespace.command(env!("CARGO_BIN_EXE_demo"));
    let output = Child::output(demo.arg("--system"), SOON);
    assert!(output.status.success(), "{output:?}");
    // What was captured is on disk when the last packet is: a packet of our own tells.
    until("the whole capture", SOON, || {
        machine.ask(&["-u", "127.0.0.1", "100000", "2"])?;
        let last = frames(&file, "rpc.program == 538976288 && rpc.procedure == 99");
        (last > 0).then_some(())
    });
    dumpcap.stop(Signal::SIGINT, SOON);
    for (what, filter, at_least) in [
        ("calls", "rpc.msgtyp == 0", 100),
        ("replies", "rpc.msgtyp == 1", 100),
        ("portmap 2", "portmap && rpc.programversion == 2", 4),
        ("rpcbind 3", "portmap && rpc.programversion == 3", 2),
        ("rpcbind 4", "portmap && rpc.programversion == 4", 4),
        ("the demo's service", "rpc.program == 538976288", 100),
    ] {
        let count = frames(&file, filter);
        assert!(count >= at_least, "{what}: {count} frames");
    }
    for wrong in [
        "_ws.malformed",
        "_ws.expert.severity == error",
        "rpc.fragment.error",
    ] {
        assert_eq!(frames(&file, wrong), 0, "{wrong} in {}", file.display());
    }
}

/// How many frames of a capture a display filter takes.
fn frames(capture: &Path, filter: &str) -> usize {
    let mut tshark = Command::new("tshark");
    tshark
        .arg("-r")
        .arg(capture)
        .args(["-Y", filter, "-T", "fields", "-e", "frame.number"]);
    // A program of ours has no dissector of its own; its messages have.
    tshark.args(["-o", "rpc.dissect_unknown_programs:TRUE"]);
    let output = Child::output(&mut tshark, SOON);
    output.stdout.lines().count()
}
