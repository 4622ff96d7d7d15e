//! What passes between daemons otherwise than plain: signed, in UDP, and to groups through multicast routers.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use fairway_tests::rsvp::{Machine, Row, possible};
use fairway_tests::{Child, have, until};
use serde_json::Value;

use super::lab::LIMIT;

const DEFAULTS: &str = "[defaults]\nbandwidth = \"20Mbit/s\"\nrefresh = \"1s\"\n";

/// A configuration with one key on both interfaces.
fn signed(machine: &Machine, secret: &str) -> String {
    let file = machine.file().with_file_name("key");
    std::fs::write(&file, secret).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut text = DEFAULTS.to_owned();
    for interface in ["left", "right"] {
        text += &format!(
            "[interface.{interface}]\nauthentication = \"required\"\n[[interface.{interface}.key]]\nid = 7\nalgorithm = \"hmac-sha1\"\nsecret_file = \"{}\"\n",
            file.display()
        );
    }
    text
}

/// What a machine knows of its neighbours, by interface.
fn neighbours(machine: &Machine, interface: &str) -> Vec<Value> {
    let document = machine.json("neighbours");
    let all = document["neighbours"].as_array().unwrap();
    let here = all.iter().filter(|one| one["interface"] == interface);
    here.cloned().collect()
}

/// RFC 2747: with one key everywhere reservations stand; a router with another is not believed, and its neighbours say so.
#[test]
fn signed_messages_are_believed_and_others_are_not() {
    if !possible("signed_messages_are_believed_and_others_are_not") {
        return;
    }
    let mut nodes = Row::new().machines;
    for node in &mut nodes {
        let text = signed(node, "the first secret");
        node.start(&text);
    }
    let send = nodes[0].hold("send 10.0.3.2:5004 --from :5004 --rate 5Mbit/s");
    let reserve = nodes[4].hold("reserve 10.0.3.2:5004");
    reserve.says("confirmed by 10.0.0.1");
    for router in &nodes[1..4] {
        assert_eq!(router.classes("right"), 1);
    }
    // The router in the middle comes up with another key: it believes neither neighbour, and what they had times out.
    nodes[2].kill();
    let text = signed(&nodes[2], "the second secret");
    nodes[2].start(&text);
    for from in ["10.0.1.1", "10.0.2.2"] {
        until("the router's log", LIMIT, || {
            let log = nodes[2].log();
            let mut lines = log.lines().filter(|line| line.contains(from));
            lines
                .any(|line| line.contains("the signature is wrong"))
                .then_some(())
        });
    }
    send.says("no longer reserved");
    until("no class before the gap", LIMIT, || {
        (nodes[1].classes("right") == 0).then_some(())
    });
    // With the right one it is believed again, though its numbers start anew: it is asked for a challenge's answer.
    nodes[2].kill();
    let text = signed(&nodes[2], "the first secret");
    nodes[2].start(&text);
    for router in &nodes[1..4] {
        until("the reservation to be back", LIMIT, || {
            (router.classes("right") == 1).then_some(())
        });
    }
    drop((send, reserve));
}

/// RFC 2205 appendix C: hosts that cannot send raw packets, behind routers that speak UDP with them.
#[test]
fn hosts_that_speak_udp_only_reserve_through_their_routers() {
    if !possible("hosts_that_speak_udp_only_reserve_through_their_routers") {
        return;
    }
    let mut nodes = Row::new().machines;
    for (at, udp) in [
        "only via 10.0.0.2",
        "when-heard",
        "never",
        "always",
        "only via 10.0.3.1",
    ]
    .iter()
    .enumerate()
    {
        nodes[at].start(&format!("{DEFAULTS}udp = \"{udp}\"\n"));
    }
    let send = nodes[0].hold("send 10.0.3.2:5004 --from :5004 --rate 5Mbit/s");
    let reserve = nodes[4].hold("reserve 10.0.3.2:5004");
    reserve.says("confirmed by 10.0.0.1");
    for router in &nodes[1..4] {
        assert_eq!(router.classes("right"), 1);
    }
    assert_eq!(neighbours(&nodes[1], "left")[0]["is_encapsulated"], true);
    assert_eq!(neighbours(&nodes[2], "left")[0]["is_encapsulated"], false);
    reserve.stop();
    send.says("no longer reserved");
    drop(send);
}

/// RFC 2205 §3.3, §3.9: routers pass on the Paths of a group where multicast routing says, and the system passes on none.
#[test]
fn groups_are_reserved_for_through_multicast_routers() {
    let test = "groups_are_reserved_for_through_multicast_routers";
    if !possible(test) || !have(test, &["smcrouted"]) {
        return;
    }
    let mut nodes = Row::new().machines;
    for (at, name) in [(0, "right"), (4, "left")] {
        nodes[at].run(&format!("ip route add 224.0.0.0/4 dev {name}"));
    }
    let mut multicast = Vec::new();
    for router in &nodes[1..4] {
        let file = router.file().with_file_name("smcroute.conf");
        let config = "phyint left enable\nphyint right enable\n\
                      mroute from left source 10.0.0.1 group 239.1.2.3 to right\n";
        std::fs::write(&file, config).unwrap();
        let [socket, pid] = ["sock", "pid"].map(|end| router.file().with_file_name(end));
        let mut command = router.system("smcrouted");
        command.args(["-n", "-N", "-f"]).arg(&file);
        command.arg("-u").arg(socket).arg("-P").arg(pid);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        multicast.push(Child::spawn(&mut command));
        until("the forwarding cache", LIMIT, || {
            router
                .run("ip mroute show")
                .contains("239.1.2.3")
                .then_some(())
        });
    }
    for node in &mut nodes {
        node.start(DEFAULTS);
    }
    let send = nodes[0].hold("send 239.1.2.3:5004 --from 10.0.0.1:5004 --rate 5Mbit/s --ttl 16");
    let reserve = nodes[4].hold("reserve 239.1.2.3:5004 --style wf");
    reserve.says("confirmed");
    send.says("reserved WF *");
    for router in &nodes[1..4] {
        assert_eq!(router.classes("right"), 1);
    }
    // Some refreshes later, each node has heard its neighbour and nobody behind it.
    let since = nodes[4].json("counters");
    let heard = |document: &Value| {
        let received = &document["counters"]["received"];
        received["Path"].as_u64().unwrap_or(0)
    };
    until("five more Paths", LIMIT, || {
        (heard(&nodes[4].json("counters")) >= heard(&since) + 5).then_some(())
    });
    for (at, node) in nodes.iter().enumerate().skip(1) {
        let left: Vec<_> = neighbours(node, "left")
            .iter()
            .map(|one| one["address"].clone())
            .collect();
        assert_eq!(left, [format!("10.0.{}.1", at - 1)]);
    }
    reserve.stop();
    send.says("no longer reserved");
    drop((send, multicast));
}
