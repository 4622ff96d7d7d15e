//! One daemon in a network namespace: another one touches nothing, and what a killed one left can be removed.

use fairway_tests::rsvp::{Machine, possible};
use fairway_tests::until;
use nix::sys::signal::Signal;

use super::lab::LIMIT;

const CONFIG: &str = "[defaults]\nbandwidth = \"20Mbit/s\"\n";

/// Queues and filters of ours: how many lines of `tc` and `nft` tell of them.
fn installed(node: &Machine) -> (usize, usize) {
    let qdiscs = node.run("tc qdisc show dev eth0");
    let tables = node.run("nft list tables");
    (
        qdiscs.matches("htb 5250:").count(),
        tables.matches("fairway_rsvp").count(),
    )
}

/// RSVP-5: nothing is left behind, and nothing is taken away from whoever works with it.
#[test]
fn a_second_daemon_touches_nothing() {
    if !possible("a_second_daemon_touches_nothing") {
        return;
    }
    let (mut one, other) = (Machine::new(), Machine::new());
    one.connect(("eth0", "10.9.0.1/24"), &other, ("eth0", "10.9.0.2/24"));
    one.start(CONFIG);
    until("traffic control", LIMIT, || {
        (installed(&one) == (1, 1)).then_some(())
    });
    let config = one.file();
    let file = config.to_str().unwrap();
    let cleaner = ["--remove-traffic-control"];
    // With nothing else in its way than traffic control.
    let second = [
        "--config",
        file,
        "--control-socket",
        "",
        "--rapi-socket",
        "",
    ];
    for refused in [one.rsvpd(&second), one.rsvpd(&cleaner)] {
        assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
        let why = "another process has the traffic control of this network namespace";
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        assert_eq!(installed(&one), (1, 1));
    }
    // Other namespaces have their own.
    assert!(other.rsvpd(&cleaner).status.success());

    one.daemon().stop(Signal::SIGKILL, LIMIT);
    assert_eq!(installed(&one), (1, 1), "the test shows nothing");
    for said in [
        "rsvpd: removed what was left behind: the queues of eth0 and the table of nftables\n",
        "rsvpd: nothing was left behind in traffic control\n",
    ] {
        let removed = one.rsvpd(&cleaner);
        assert!(removed.status.success(), "{}", removed.stderr);
        assert_eq!(removed.stderr, said);
        assert_eq!(installed(&one), (0, 0));
    }
}

/// `nft flush ruleset` and `tc qdisc del` are noticed while the daemon runs, and told; so is what it may not put back.
#[test]
fn what_others_remove_is_noticed() {
    if !possible("what_others_remove_is_noticed") {
        return;
    }
    let (mut one, other) = (Machine::new(), Machine::new());
    one.connect(("eth0", "10.9.0.1/24"), &other, ("eth0", "10.9.0.2/24"));
    one.start(CONFIG);
    let is_installed = || (installed(&one) == (1, 1)).then_some(());
    until("traffic control", LIMIT, is_installed);
    for (line, left, told) in [
        ("nft flush ruleset", (1, 0), "the table of nftables"),
        (
            "tc qdisc del dev eth0 root",
            (0, 1),
            "removed its scheduler",
        ),
    ] {
        one.run(line);
        assert_eq!(installed(&one), left);
        until(line, LIMIT, is_installed);
        assert!(one.log().contains(told), "{}", one.log());
    }
    one.run("tc qdisc replace dev eth0 root handle 7: bfifo limit 100000");
    until("admission only", LIMIT, || {
        let log = one.log();
        let why = "somebody made the root queueing discipline bfifo 7:";
        log.contains(why).then_some(())
    });
}
