//! The network stack beside smoltcp, the kernel, turmoil and etherparse, in turn.

use crate::lab::{Error, Lab, talk};

/// How often peers and ours are measured in turn.
fn repeats(lab: &Lab) -> usize {
    if lab.quick() { 1 } else { 5 }
}

/// Measures peers and ours in turn.
fn in_turn(lab: &mut Lab, peers: &[&str], ours: &[&str]) {
    for _ in 0..repeats(lab) {
        if !peers.is_empty() {
            let mut command = lab.stack_peers(peers);
            lab.measure(&mut command, None);
        }
        if !ours.is_empty() {
            let mut command = lab.ours();
            lab.measure(command.arg("native").args(ours), None);
        }
    }
}

pub(crate) fn engine(lab: &mut Lab) -> Result<(), Error> {
    talk("engine");
    in_turn(
        lab,
        &["engine", "idle:1000", "idle:10000"],
        &["engine", "idle:1000", "idle:10000", "event"],
    );
    let mut command = lab.ours();
    lab.measure(command.args(["native", "scripts"]), None);
    for what in ["host", "connection", "timewait", "asked"] {
        in_turn(lab, &[], &[&format!("memory:{what}")]);
    }
    Ok(())
}

pub(crate) fn facade(lab: &mut Lab) -> Result<(), Error> {
    talk("sockets on it");
    in_turn(lab, &["loopback"], &["loopback"]);
    Ok(())
}

pub(crate) fn goodput(lab: &mut Lab) -> Result<(), Error> {
    talk("goodput");
    let mut command = lab.stack_peers(&["goodput-smol"]);
    lab.measure(&mut command, None);
    let seeds = if lab.quick() {
        "goodput:3"
    } else {
        "goodput:9"
    };
    let mut command = lab.ours();
    lab.measure(command.args(["native", seeds]), None);
    for _ in 0..if lab.quick() { 1 } else { 3 } {
        for case in [
            "clean", "queue20", "loss0.1", "loss1", "loss5", "late2", "twice2",
        ] {
            let mut command = lab.stack_peers(&[&format!("goodput-kernel:{case}")]);
            lab.measure(&mut command, None);
        }
    }
    Ok(())
}

pub(crate) fn forward(lab: &mut Lab) -> Result<(), Error> {
    talk("forwarding");
    in_turn(lab, &[], &["forward", "chains"]);
    for nodes in [3, 5, 10] {
        // The machine's own tools: without them the rest is measured all the same.
        if let Err(error) = super::chain::run(lab, nodes) {
            lab.notes
                .push(format!("the kernel's chain of {nodes}: {error}"));
        }
    }
    Ok(())
}

pub(crate) fn sim(lab: &mut Lab) -> Result<(), Error> {
    talk("simulation");
    in_turn(lab, &["simulators"], &["simulators"]);
    Ok(())
}

pub(crate) fn tap(lab: &mut Lab) -> Result<(), Error> {
    talk("TAP device");
    let ip = |arguments: &[&str]| crate::lab::run(std::process::Command::new("ip").args(arguments));
    ip(&["tuntap", "add", "name", "t0", "mode", "tap"])?;
    ip(&["address", "add", "10.77.0.1/24", "dev", "t0"])?;
    // An unpaced sender overflows the usual queue of a TAP at once.
    ip(&[
        "link",
        "set",
        "t0",
        "mtu",
        "1500",
        "txqueuelen",
        "5000",
        "up",
    ])?;
    in_turn(lab, &["tap:t0"], &["tap"]);
    Ok(())
}

pub(crate) fn wire(lab: &mut Lab) -> Result<(), Error> {
    talk("headers and checksums");
    in_turn(lab, &["wire"], &["wire"]);
    Ok(())
}
