//! The kernel's own chain: namespaces joined by veth pairs without segmentation offload, each but the ends a router.

use std::process::{Command, Stdio};
use std::time::Duration;

use fairway_tests::{Child, Namespace, until};

use crate::lab::{Error, Lab, now};

/// Bulk from the first to the last of `nodes`, and how long a node takes to make.
pub(crate) fn run(lab: &mut Lab, nodes: u8) -> Result<(), Error> {
    let since = now();
    let chain: Vec<Namespace> = (0..nodes).map(|_| Namespace::new()).collect();
    for (n, (one, next)) in (0..).zip(chain.iter().zip(chain.iter().skip(1))) {
        let (here, there) = (format!("10.90.{n}.1/24"), format!("10.90.{n}.2/24"));
        one.connect(("right", &here), next, ("left", &there));
    }
    for (at, node) in (0..).zip(&chain) {
        crate::lab::run(
            node.command("sysctl")
                .args(["-qw", "net.ipv4.ip_forward=1"]),
        )?;
        // The links to the right by the next node, those to the left by the one before.
        for link in 0..nodes - 1 {
            let gateway = if link > at {
                format!("10.90.{at}.2")
            } else if link + 1 < at {
                format!("10.90.{}.1", at - 1)
            } else {
                continue;
            };
            let network = format!("10.90.{link}.0/24");
            crate::lab::run(
                node.command("ip")
                    .args(["route", "add", &network, "via", &gateway]),
            )?;
        }
    }
    let each = since.elapsed().as_secs_f64() * 1e3 / f64::from(nodes);
    lab.readings.add("kernel.chain.node", each, "ms");
    for (device, nodes) in [("right", 0..chain.len() - 1), ("left", 1..chain.len())] {
        for node in chain.get(nodes).unwrap_or_default() {
            let mut ethtool = node.command("ethtool");
            ethtool.args(["-K", device, "tso", "off", "gso", "off", "gro", "off"]);
            crate::lab::run(ethtool.stdout(Stdio::null()).stderr(Stdio::null()))?;
        }
    }
    let (Some(first), Some(last)) = (chain.first(), chain.last()) else {
        return Err("no nodes".into());
    };
    let _server = Child::spawn(quiet(last.command("iperf3").arg("-s")));
    until("iperf3", Duration::from_secs(10), || {
        let mut ss = last.command("ss");
        let output = ss.args(["-Hltn"]).output().ok()?;
        String::from_utf8_lossy(&output.stdout)
            .contains(":5201")
            .then_some(())
    });
    let peer = format!("10.90.{}.2", nodes - 2);
    let mut client = first.command("iperf3");
    client.args(["-c", &peer, "-C", "cubic", "-J", "-t"]);
    client.arg(if lab.quick() { "1" } else { "3" });
    let output = client.output()?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let rate = report
        .pointer("/end/sum_received/bits_per_second")
        .and_then(serde_json::Value::as_f64)
        .ok_or("iperf3 says no rate")?;
    lab.readings
        .add(&format!("kernel.chain{nodes}.bulk"), rate / 1e9, "Gbit/s");
    Ok(())
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdout(Stdio::null()).stderr(Stdio::null())
}
