//! `rsvpd` and `rsvpctl` on Linux: three routers between two hosts, each in a namespace.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use fairway_tests::rsvp::{Machine, Row, possible, programs};
use fairway_tests::{Child, until};
use nix::sys::signal::Signal;

use super::lab::LIMIT;

/// All links carry 20 Mbit/s, and state is refreshed every second, so that nothing here takes long.
const CONFIG: &str = "[defaults]\nbandwidth = \"20Mbit/s\"\nrefresh = \"1s\"\n";

fn started() -> [Machine; 5] {
    let mut nodes = Row::new().machines;
    for node in &mut nodes {
        node.start(CONFIG);
    }
    nodes
}

/// What each router reserves towards the right, in octets per second.
fn reserved(nodes: &[Machine]) -> Vec<f64> {
    let mut all = Vec::new();
    for node in nodes {
        let document = node.json("installed");
        let sessions = document["sessions"]["sessions"].as_array().unwrap();
        for of in sessions
            .iter()
            .flat_map(|session| session["installed"].as_array().unwrap())
        {
            assert_eq!(of["outgoing"], "right");
            all.push(of["flowspec"]["rate_bytes_per_sec"].as_f64().unwrap());
        }
    }
    all
}

fn await_reserved(nodes: &[Machine], wanted: &[f64]) {
    until(&format!("{wanted:?} to be reserved"), LIMIT, || {
        (reserved(nodes) == wanted).then_some(())
    });
}

/// The issue's own words: the receiver reserves, and rsvpctl shows it on all three.
#[test]
fn a_reservation_is_shown_by_all_routers_and_ends_with_the_receiver() {
    if !possible("a_reservation_is_shown_by_all_routers") {
        return;
    }
    let nodes = started();
    let [sender, routers @ .., receiver] = &nodes;
    let send = sender.hold("send 10.0.3.2:5004 --from 10.0.0.1:5004 --rate 5Mbit/s --bucket 20kB");
    let reserve = receiver.hold("reserve 10.0.3.2:5004");
    reserve.says("confirmed by 10.0.0.1");
    send.says("reserved FF 10.0.0.1:5004: CL 5Mbit/s b 20kB");
    assert!(reserve.said().contains("4 hops"), "{}", reserve.said());
    assert_eq!(reserved(routers), [625e3; 3]);
    for router in routers {
        assert_eq!(router.classes("right"), 1);
        let text = router.ctl("reservations").stdout;
        assert!(
            text.contains("udp 10.0.3.2:5004  FF     10.0.0.1:5004"),
            "{text}"
        );
        let all = router.json("traffic-control 10.0.3.2:5004");
        let classes = all["traffic_control"]["classes"].as_array().unwrap();
        let [class] = &classes[..] else {
            panic!("{all}");
        };
        assert_eq!(
            (&class["interface"], &class["mode"]),
            (&"right".into(), &"htb".into())
        );
        assert_eq!(class["class"], "5250:10");
        assert_eq!(class["session"]["port"], 5004);
        assert_eq!(class["senders"][0], "10.0.0.1:5004");
        assert!(class["rate_bytes_per_sec"].as_f64().unwrap() > 625e3);
        // RSVP's own messages have been sent, and counted.
        let all = router.json("tc");
        let control = all["traffic_control"]["classes"].as_array().unwrap();
        let control = control.iter().find(|of| of["class"] == "5250:3").unwrap();
        assert_eq!(control["kind"], "control");
        assert!(control["sent_packets"].as_u64().unwrap() > 0, "{all}");
        let text = router.ctl("tc").stdout;
        assert!(text.contains("udp 10.0.3.2:5004  10.0.0.1:5004"), "{text}");
    }
    reserve.stop();
    send.says("no longer reserved");
    await_reserved(routers, &[]);
    for router in routers {
        assert_eq!(router.classes("right"), 0);
        assert_eq!(
            router.json("senders")["sessions"]["sessions"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
    send.stop();
    for router in routers {
        until("the sessions' end", LIMIT, || {
            (router.json("status")["status"]["sessions"] == 0).then_some(())
        });
    }
}

/// Who operates a router reads in its log why something was refused: what, of whom, and how much there was of it.
#[test]
fn the_log_says_why() {
    if !possible("the_log_says_why") {
        return;
    }
    let mut nodes = [Machine::new(), Machine::new()];
    nodes[0].connect(("one", "10.8.0.1/24"), &nodes[1], ("two", "10.8.0.2/24"));
    for (node, limits) in nodes.iter_mut().zip(["[limits]\nsenders = 1\n", ""]) {
        node.start(&format!("{CONFIG}{limits}"));
    }
    let logs = |node: &Machine, words: &[&str]| {
        until(&format!("{words:?}"), LIMIT, || {
            let log = node.log();
            let mut lines = log.lines().filter(|line| line.contains(" WARN "));
            let all = |line: &&str| words.iter().all(|word| line.contains(word));
            lines.any(|line| all(&line)).then_some(())
        });
    };
    let [sender, receiver] = &nodes;
    let send =
        sender.hold("send 10.8.0.2:5004 --from 10.8.0.1:5004 --rate 19Mbit/s --min-packet 100B");
    let reserve = receiver.hold("reserve 10.8.0.2:5004");
    reserve.says("bandwidth not available");
    let refused = [
        "Resv refused",
        "neighbour=10.8.0.2",
        "interface=\"one\"",
        "session=udp 10.8.0.2:5004",
        "style=FF",
        "sender=\"10.8.0.1:5004\"",
        "bandwidth not available: 21.7Mbit/s wanted, link headers of 14B a packet included, 15Mbit/s free",
    ];
    logs(sender, &refused);
    let second = sender.ctl("send 10.8.0.2:5004 --from 10.8.0.1:5005 --rate 1Mbit/s --for 1s");
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    logs(sender, &["limit met", "limits.senders"]);
    drop((send, reserve));

    // One that signs, and one that does not.
    let signs = "authentication = \"required\"\n[[defaults.key]]\nid = 7\nsecret = \"hush\"\n";
    nodes[0].configure(&format!("{CONFIG}{signs}"));
    nodes[0].run(&format!("chmod 600 {}", nodes[0].file().display()));
    nodes[0].daemon().signal(Signal::SIGHUP);
    let [sender, receiver] = &nodes;
    let _send = receiver.hold("send 10.8.0.1:5004 --from 10.8.0.2:5004 --rate 1Mbit/s");
    let unsigned = ["signature", "not signed", "neighbour=10.8.0.2", "Path"];
    logs(sender, &unsigned);
    let text = sender.ctl("counters").stdout;
    assert!(text.contains("unsigned"), "{text}");
}

/// For scripts: the first failure, or success, ends `reserve` and `send`, with an exit status; until then they say how it
/// stands.
#[test]
fn a_script_learns_whether_a_reservation_can_be_had() {
    if !possible("a_script_learns_whether") {
        return;
    }
    let mut nodes = [Machine::new(), Machine::new()];
    nodes[0].connect(("one", "10.8.0.1/24"), &nodes[1], ("two", "10.8.0.2/24"));
    for node in &mut nodes {
        node.start(CONFIG);
    }
    let [sender, receiver] = &nodes;
    let code = |node: &Machine, line: &str, code: i32| {
        let output = node.ctl(line);
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
        output
    };
    // Nobody sends yet: it is said at once, and beside the answers.
    let to = "reserve 10.8.0.2:5004";
    let output = code(receiver, &format!("{to} --until-confirmed --for 2s"), 4);
    assert!(output.stdout.is_empty(), "{output:?}");
    let expected = "waiting for a sender …\nrsvpctl: not confirmed within 2s\n";
    assert_eq!(output.stderr, expected);
    let output = code(
        receiver,
        &format!("{to} --from 10.8.0.1:1 --for 2s --json"),
        0,
    );
    let waits = "{\"event\":{\"kind\":\"waiting\",\"senders\":[\"10.8.0.1:1\"]}}\n";
    assert_eq!(output.stdout, waits);

    let from = "send 10.8.0.2:5004 --from 10.8.0.1:5004 --rate 5Mbit/s";
    let output = code(sender, &format!("{from} --until-reserved --for 2s"), 4);
    let expected =
        "path of 10.8.0.1:5004 sent by one: 5Mbit/s b 15kB; waiting for reservations …\n";
    assert!(output.stderr.starts_with(expected), "{output:?}");
    // Interrupted before: that is no success either.
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut waits = receiver.ctl_command(&format!("{to} --until-confirmed --json"));
        let mut waits = Child::spawn(waits.stdout(Stdio::piped()));
        assert!(waits.first_line().contains("waiting"));
        assert_eq!(waits.stop(signal, LIMIT).code(), Some(4));
    }
    let send = sender.hold(from);
    let line = format!("{to} --rate 8Mbit/s --until-confirmed");
    let output = code(receiver, &line, 0);
    let granted = "granted for 10.8.0.1:5004: CL 5Mbit/s b 15kB instead of CL 8Mbit/s b 15kB";
    assert!(output.stdout.contains(granted), "{output:?}");
    send.says("no longer reserved FF 10.8.0.1:5004");
    let output = code(receiver, &format!("{line} --fail-fast"), 1);
    assert!(output.stdout.contains(granted), "{output:?}");
    code(receiver, &format!("{to} --delay 1us --fail-fast"), 1);

    // What the reservation carries is counted beside it, and the interface says what else counts.
    let reserve = receiver.hold(to);
    reserve.says("confirmed");
    let document = sender.json("installed");
    let of = &document["sessions"]["sessions"][0]["installed"][0];
    assert!(of["counted"]["sent_packets"].is_u64(), "{document}");
    assert!(of["counted"]["excess_packets"].is_u64(), "{document}");
    let document = sender.json("interfaces");
    let control = &document["interfaces"][0]["traffic_control"];
    assert_eq!(control["link_header_bytes"], 14, "{document}");
    let document = sender.json("counters");
    let rows = document["counters"]["interfaces"].as_array().unwrap();
    let row = |message: &str| rows.iter().find(|row| row["message"] == message).unwrap();
    assert!(row("Path")["sent"].as_u64() >= Some(1), "{document}");
    assert!(row("Resv")["received"].as_u64() >= Some(1), "{document}");
    assert_eq!(row("Resv")["interface"], "one");
    reserve.stop();
    send.stop();

    // More than there is, and who ends it where nobody asked for that.
    let send = sender.hold("send 10.8.0.2:5004 --from 10.8.0.1:5004 --rate 19Mbit/s");
    let output = code(receiver, &format!("{to} --fail-fast"), 1);
    assert!(
        output
            .stdout
            .contains("link headers count, too: 23.2Mbit/s"),
        "{output:?}"
    );
    drop(send);

    // The daemon goes while somebody reserves.
    let _send = sender.hold(from);
    let daemon = nodes[1].daemon().id();
    let [sender, receiver] = &nodes;
    std::thread::scope(|scope| {
        let reserve = scope.spawn(|| receiver.ctl(&format!("{to} --fail-fast")));
        until("the reservation", LIMIT, || {
            (sender.classes("one") == 1).then_some(())
        });
        sender.run(&format!("kill -KILL {daemon}"));
        let output = reserve.join().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        // It may have waited for the Path first.
        let ended = "rsvpctl: the daemon has ended\n";
        assert!(output.stderr.ends_with(ended), "{output:?}");
    });
}

/// RFC 2205 §1.3: styles do not mix in a session. Who comes second has its turn when the first has gone.
#[test]
fn what_the_node_refuses_is_asked_for_again() {
    if !possible("what_the_node_refuses_is_asked_for_again") {
        return;
    }
    let mut nodes = [Machine::new(), Machine::new()];
    nodes[0].connect(("one", "10.8.0.1/24"), &nodes[1], ("two", "10.8.0.2/24"));
    for node in &mut nodes {
        node.start(CONFIG);
    }
    let [sender, receiver] = &nodes;
    let _send = sender.hold("send 10.8.0.2:5004 --from 10.8.0.1:5004 --rate 5Mbit/s");
    let first = receiver.hold("reserve 10.8.0.2:5004 --style se");
    first.says("confirmed");
    let second = receiver.hold("reserve 10.8.0.2:5004 --style wf");
    second.says("conflicting reservation style");
    first.stop();
    second.says("confirmed");
    let said = second.said();
    assert_eq!(said.matches("conflicting").count(), 1, "{said}");
    assert_eq!(said.matches("reserving WF").count(), 2, "{said}");
    assert_eq!(sender.classes("one"), 1);
}

/// The same over IPv6: router alert in hop-by-hop options, messages with foreign source addresses.
#[test]
fn ipv6_reserves_as_ipv4_does() {
    if !possible("ipv6_reserves_as_ipv4_does") {
        return;
    }
    let nodes = started();
    let [sender, routers @ .., receiver] = &nodes;
    let send = sender.hold("send [fd00:3::2]:5004 --from [fd00:0::1]:5004 --rate 4Mbit/s");
    let reserve = receiver.hold("reserve [fd00:3::2]:5004 --delay 200ms");
    reserve.says("confirmed by");
    send.says("reserved FF [fd00::1]:5004: GS 4Mbit/s");
    assert_eq!(reserved(routers), [5e5; 3]);
}

/// RSVP-5: nothing is left in traffic control, whether a daemon ends or is killed and started anew; soft state fills
/// its tables again.
#[test]
fn daemons_that_end_leave_nothing_and_killed_ones_recover() {
    if !possible("daemons_that_end_leave_nothing") {
        return;
    }
    let mut nodes = started();
    let send = nodes[0].hold("send 10.0.3.2:5004 --from :5004 --rate 5Mbit/s");
    let reserve = nodes[4].hold("reserve 10.0.3.2:5004");
    reserve.says("confirmed");

    nodes[2].daemon().stop(Signal::SIGKILL, LIMIT);
    assert_eq!(nodes[2].classes("right"), 1);
    nodes[2].start_again();
    await_reserved(&nodes[1..4], &[625e3; 3]);
    assert_eq!(nodes[2].classes("right"), 1);

    let status = nodes[2]
        .daemon()
        .stop(Signal::SIGTERM, Duration::from_secs(10));
    assert!(status.success());
    assert!(!nodes[2].run("tc qdisc show").contains("htb"));
    assert!(!nodes[2].run("nft list ruleset").contains("rsvp"));
    let files = nodes[2].run("ls /run/rsvp");
    assert_eq!(files, "");
    assert_eq!(nodes[2].ctl("status").status.code(), Some(3));

    // A host that ends takes its sender along.
    let status = nodes[0]
        .daemon()
        .stop(Signal::SIGTERM, Duration::from_secs(10));
    assert!(status.success());
    until("the path's end", LIMIT, || {
        (nodes[1].json("status")["status"]["sessions"] == 0).then_some(())
    });
    drop(send);
}

/// RFC 2205 §3.3, RSVP-7: a route that changes takes the reservation along.
#[test]
fn reservations_follow_the_routes() {
    if !possible("reservations_follow_the_routes") {
        return;
    }
    let mut nodes = Row::new().machines;
    // A second link between west and east.
    nodes[1].connect(
        ("around", "10.9.0.1/24"),
        &nodes[3],
        ("around", "10.9.0.2/24"),
    );
    for node in &mut nodes {
        node.start(&format!("{CONFIG}local_repair_wait = \"100ms\"\n"));
    }
    let send = nodes[0].hold("send 10.0.3.2:5004 --from :5004 --rate 5Mbit/s");
    let reserve = nodes[4].hold("reserve 10.0.3.2:5004");
    reserve.says("confirmed");
    assert_eq!(nodes[1].classes("right"), 1);
    nodes[1].run("ip route replace 10.0.3.0/24 via 10.9.0.2");
    until("the new way", LIMIT, || {
        (nodes[1].classes("around") == 1).then_some(())
    });
    until("the old way's end", LIMIT, || {
        (nodes[1].classes("right") == 0).then_some(())
    });
    assert_eq!(nodes[3].classes("right"), 1);
    drop((send, reserve));
}

/// Hosts without a router between: a group, joined for as long as somebody reserves.
#[test]
fn groups_are_joined_for_those_who_listen() {
    if !possible("groups_are_joined_for_those_who_listen") {
        return;
    }
    let mut nodes = [Machine::new(), Machine::new()];
    nodes[0].connect(("one", "10.8.0.1/24"), &nodes[1], ("two", "10.8.0.2/24"));
    for (node, name) in nodes.iter_mut().zip(["one", "two"]) {
        node.run(&format!("ip route add 224.0.0.0/4 dev {name}"));
        node.start(CONFIG);
    }
    let send = nodes[0].hold("send 239.1.2.3:5004 --from 10.8.0.1:5004 --rate 1Mbit/s --ttl 4");
    let reserve = nodes[1].hold("reserve 239.1.2.3:5004 --style wf");
    send.says("reserved WF *: CL 1Mbit/s");
    reserve.says("confirmed");
    assert!(
        nodes[1]
            .run("ip maddress show dev two")
            .contains("239.1.2.3")
    );
    reserve.stop();
    until("the group's end", LIMIT, || {
        (!nodes[1]
            .run("ip maddress show dev two")
            .contains("239.1.2.3"))
        .then_some(())
    });
}

/// STYLE §11: SIGHUP takes all of a configuration, or nothing of it.
#[test]
fn a_configuration_is_taken_whole_or_not_at_all() {
    if !possible("a_configuration_is_taken_whole") {
        return;
    }
    let mut node = Machine::new();
    let other = Machine::new();
    node.connect(("left", "10.7.0.1/24"), &other, ("right", "10.7.0.2/24"));
    node.start(CONFIG);
    let reservable = |node: &Machine| {
        let document = node.json("interfaces");
        document["interfaces"][0]["traffic_control"]["reservable_bytes_per_sec"].as_f64()
    };
    assert_eq!(reservable(&node), Some(1_875_000.0));

    node.configure(&format!(
        "{CONFIG}reservable = \"10Mbit/s\"\nlatency = \"long\"\n"
    ));
    node.daemon().signal(Signal::SIGHUP);
    until("a refusal", LIMIT, || {
        node.log().contains("configuration kept").then_some(())
    });
    assert!(
        node.log()
            .contains("rsvpd.toml:5: key `defaults.latency`: `long` is not a span"),
        "{}",
        node.log()
    );
    assert_eq!(reservable(&node), Some(1_875_000.0));

    node.configure(&format!("{CONFIG}reservable = \"10Mbit/s\"\n"));
    node.daemon().signal(Signal::SIGHUP);
    until("the new share", LIMIT, || {
        (reservable(&node) == Some(1_250_000.0)).then_some(())
    });
}

/// What the configuration sends and reserves is changed by reading it again, not torn and made anew: others would take the
/// bandwidth meanwhile.
#[test]
fn a_configuration_read_again_changes_what_stands() {
    if !possible("a_configuration_read_again_changes_what_stands") {
        return;
    }
    let mut nodes = [Machine::new(), Machine::new()];
    nodes[0].connect(("one", "10.8.0.1/24"), &nodes[1], ("two", "10.8.0.2/24"));
    let sending = |rate: &str| {
        format!(
            "{CONFIG}[[sender]]\ndestination = \"10.8.0.2:5004\"\ntraffic = {{ rate = \"{rate}\" }}\n"
        )
    };
    let receiving = |style: &str| {
        format!("{CONFIG}[[reservation]]\ndestination = \"10.8.0.2:5004\"\nstyle = \"{style}\"\n")
    };
    nodes[0].start(&sending("5Mbit/s"));
    nodes[1].start(&receiving("ff"));
    let class = |node: &Machine| {
        let all = node.json("traffic-control 10.8.0.2:5004");
        let classes = all["traffic_control"]["classes"].as_array().unwrap();
        assert!(classes.len() <= 1, "{all}");
        let class = classes.first()?;
        let rate = class["rate_bytes_per_sec"].as_f64().unwrap();
        Some((class["class"].as_str().unwrap().to_owned(), rate))
    };
    let first = until("the reservation", LIMIT, || class(&nodes[0]));

    nodes[0].configure(&sending("6Mbit/s"));
    nodes[0].daemon().signal(Signal::SIGHUP);
    let second = until("the other rate", LIMIT, || {
        class(&nodes[0]).filter(|(_, rate)| *rate > first.1)
    });
    assert_eq!(second.0, first.0);
    for node in &nodes {
        let log = node.ctl("log").stdout;
        assert!(log.contains("Path") && !log.contains("Tear"), "{log}");
    }

    // Styles do not mix: what is reserved in one is given up for the other, and the sender keeps its own.
    nodes[1].configure(&receiving("wf"));
    nodes[1].daemon().signal(Signal::SIGHUP);
    until("the other style", LIMIT, || {
        nodes[0]
            .ctl("reservations")
            .stdout
            .contains(" WF ")
            .then_some(())
    });
    let log = nodes[0].ctl("log").stdout;
    assert!(!log.contains("PathTear"), "{log}");

    // Without a source it is whatever address the machine has.
    nodes[0].run("ip addr add 10.8.0.7/24 dev one");
    nodes[0].run("ip addr del 10.8.0.1/24 dev one");
    nodes[0].run("ip addr replace 10.8.0.7/24 dev one");
    until("the other address", LIMIT, || {
        let senders = nodes[1].ctl("senders").stdout;
        (senders.contains("10.8.0.7") && !senders.contains("10.8.0.1 ")).then_some(())
    });
}

/// Who keeps no messages can look at them all the same.
#[test]
fn messages_are_watched_where_none_are_kept() {
    if !possible("messages_are_watched_where_none_are_kept") {
        return;
    }
    let mut nodes = [Machine::new(), Machine::new()];
    nodes[0].connect(("one", "10.8.0.1/24"), &nodes[1], ("two", "10.8.0.2/24"));
    nodes[0].start(&format!("{CONFIG}[limits]\nlog_entries = 0\n"));
    let _send = nodes[0].hold("send 10.8.0.2:5004 --from 10.8.0.1:5004 --rate 5Mbit/s");
    let other = nodes[0].hold("watch 10.8.0.9");
    let mut watch = nodes[0].ctl_command("watch 10.8.0.2");
    let mut watch = Child::spawn(watch.stdout(Stdio::piped()));
    let line = watch.first_line();
    assert!(line.contains("Path") && line.contains("10.8.0.2"), "{line}");
    assert!(watch.stop(Signal::SIGINT, LIMIT).success());
    assert_eq!(other.said(), "");
    assert_eq!(nodes[0].ctl("log").stdout, "");
}

/// Limits are told to whoever meets them.
#[test]
fn one_rsvpctl_too_many_is_told_so() {
    if !possible("one_rsvpctl_too_many_is_told_so") {
        return;
    }
    let mut node = Machine::new();
    node.start(&format!("{CONFIG}[limits]\ncontrol_connections = 1\n"));
    let mut first = node.ctl_command("reserve 10.8.0.2:5004 --json");
    let mut first = Child::spawn(first.stdout(Stdio::piped()));
    assert!(first.first_line().contains("waiting"));
    let second = node.ctl("status");
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    let expected = "rsvpctl: too many runs of rsvpctl: limits.control_connections is 1\n";
    assert_eq!(second.stderr, expected);
}

/// D6: the daemon keeps what it needs, and no other right of root's.
#[test]
fn the_daemon_keeps_two_rights() {
    if !possible("the_daemon_keeps_two_rights") {
        return;
    }
    let mut node = Machine::new();
    node.start(CONFIG);
    let id = node.daemon().id();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    for set in ["CapPrm", "CapEff"] {
        let line = format!("{set}:\t0000000000003000");
        assert!(status.contains(&line), "{status}");
    }
    // Threads, too: each has rights of its own.
    for task in std::fs::read_dir(format!("/proc/{id}/task")).unwrap() {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        assert!(status.contains("CapEff:\t0000000000003000"), "{status}");
    }
}

/// What its user may read through a group can be read at SIGHUP, too.
#[test]
fn the_daemon_is_in_its_users_groups() {
    if !possible("the_daemon_is_in_its_users_groups") {
        return;
    }
    let mut node = Machine::new();
    node.start(&format!("user = [\"daemon\"]\n{CONFIG}"));
    let id = node.daemon().id();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:"));
    let numbers = |text: &str| -> BTreeSet<u32> {
        text.split_whitespace()
            .map(|number| number.parse().unwrap())
            .collect()
    };
    // Its own among them.
    let expected = numbers(&node.run("id -G daemon"));
    assert!(!expected.is_empty());
    assert_eq!(numbers(groups.unwrap()), expected);
}

/// STYLE §7: lines on standard error; the journal gives them times of its own.
#[test]
fn lines_for_the_journal_have_no_time() {
    if !possible("lines_for_the_journal_have_no_time") {
        return;
    }
    let mut node = Machine::new();
    node.start(CONFIG);
    // A second one says why it ends.
    let mut second = node.command("rsvpd");
    second.arg("-c").arg(node.file());
    let told = Child::output(&mut second, LIMIT).stderr;
    assert!(told.starts_with("20"), "{told}");
    let told = Child::output(second.env("JOURNAL_STREAM", "8:1"), LIMIT).stderr;
    assert!(told.starts_with("ERROR cannot start "), "{told}");
}

/// STYLE §10, §11: exit codes, and errors with file, line and key.
#[test]
fn wrong_usage_is_told_and_has_its_code() {
    let run = |program: &str, line: &str| {
        Child::output(
            Command::new(programs().join(program)).args(line.split_whitespace()),
            LIMIT,
        )
    };
    let folder = fairway_tests::scratch("wrong_usage_is_told");
    let file = folder.join("r.toml");
    let name = file.display().to_string();
    std::fs::write(&file, "\nrefesh = 1\n").unwrap();
    let output = run("rsvpd", &format!("--check-config -c {name}"));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        output
            .stderr
            .starts_with(&format!("rsvpd: {name}:2: key `refesh`: unknown field")),
        "{}",
        output.stderr
    );

    std::fs::write(&file, CONFIG).unwrap();
    let output = run("rsvpd", &format!("--check-config -c {name}"));
    assert_eq!(
        (output.status.code(), output.stderr.as_str()),
        (Some(0), "rsvpd: configuration is good\n")
    );
    // An interface may come later, or its name may be wrong.
    std::fs::write(
        &file,
        format!("{CONFIG}[interface.no-such0]\nenabled = false\n"),
    )
    .unwrap();
    let output = run("rsvpd", &format!("--check-config -c {name}"));
    assert_eq!(output.status.code(), Some(0));
    let warning =
        format!("rsvpd: warning: {name}:4: key `interface.no-such0`: this machine has no");
    assert!(output.stderr.starts_with(&warning), "{}", output.stderr);
    std::fs::write(&file, CONFIG).unwrap();
    let printed = run("rsvpd", &format!("--print-config -c {name}")).stdout;
    std::fs::write(&file, &printed).unwrap();
    assert_eq!(
        run("rsvpd", &format!("--print-config -c {name}")).stdout,
        printed
    );

    // A key that others can read is no secret.
    std::fs::write(&file, "[[defaults.key]]\nid = 1\nsecret = \"hush\"\n").unwrap();
    let output = run("rsvpd", &format!("--check-config -c {name}"));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        output.stderr.contains("others can read it"),
        "{}",
        output.stderr
    );

    // One that is not good yet is none to sign with.
    let key = "[defaults]\nauthentication = \"required\"\n[[defaults.key]]\nid = 1\nsecret = \"hush\"\nstarts = \"9000-01-01T00:00:00Z\"\n";
    std::fs::write(&file, key).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let output = run("rsvpd", &format!("--check-config -c {name}"));
    assert_eq!(output.status.code(), Some(0));
    let warning =
        format!("rsvpd: warning: {name}:6: key `defaults.key.starts`: no key is valid yet");
    assert!(output.stderr.starts_with(&warning), "{}", output.stderr);

    assert_eq!(run("rsvpd", "--no-such-flag").status.code(), Some(2));
    for (line, expected) in [
        ("reserve nowhere", "such as 192.0.2.9:5004"),
        ("reserve 2001:db8::9:5004", "write [2001:db8::9]:5004"),
        (
            "reserve 192.0.2.9:5004 --from 192.0.2.1:1,192.0.2.2:1",
            "--from 192.0.2.1:5004 --from",
        ),
        ("reserve 192.0.2.9:5004 --delay 30", "such as \"500ms\""),
        ("reserve 192.0.2.9:5004 --style xf", "--style se"),
        ("send 192.0.2.9:5004 --rate 5", "such as \"10Mbit/s\""),
    ] {
        let output = run("rsvpctl", line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    }
    let output = run("rsvpctl", &format!("--socket {name}.sock status --json"));
    assert_eq!(output.status.code(), Some(3));
    assert!(
        output.stdout.starts_with("{\"error\":"),
        "{}",
        output.stdout
    );
    assert!(run("rsvpctl", "--help").stdout.contains("Exit status:"));
}
