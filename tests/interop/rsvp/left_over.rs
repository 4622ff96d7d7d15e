//! What others made is not touched, and what a predecessor left is removed.

use std::process::Stdio;

use fairway_rsvp::tc::linux::{LinuxTc, TcState};
use fairway_rsvp::tc::{TcSettings, TrafficControl as _};
use fairway_tests::rsvp::possible;
use fairway_tests::{Child, Namespace, built, until};

use super::lab::{LIMIT, controlled_load, interface, session, settings, told};

const IN_CHILD: &str = "FAIRWAY_TC_CHILD";

fn namespace() -> Namespace {
    let namespace = Namespace::new();
    for line in [
        "link add name out type veth peer name far",
        "link set dev out up",
    ] {
        built(namespace.command("ip").args(line.split(' ')));
    }
    namespace
}

/// Not a test of its own: what the test below runs in a process that it kills.
#[test]
fn child_that_is_killed() {
    if std::env::var_os(IN_CHILD).is_none() {
        return;
    }
    let mut tc = LinuxTc::new().unwrap();
    let link = interface("out");
    tc.set_interface(&link, &settings(20.0));
    tc.install(
        link.index,
        None,
        &controlled_load(10_000.0, 5000.0),
        &session("10.0.0.2", 5004),
        &[None],
    )
    .unwrap();
    std::thread::park();
}

/// RSVP-5: nothing is left in traffic control after kill −9 and a restart.
#[test]
fn what_a_killed_predecessor_left_is_removed() {
    if !possible("what_a_killed_predecessor_left_is_removed") {
        return;
    }
    let namespace = namespace();
    let mut command = namespace.command(std::env::current_exe().unwrap());
    command
        .args([
            "rsvp::left_over::child_that_is_killed",
            "--exact",
            "--nocapture",
        ])
        .env(IN_CHILD, "1")
        .stdout(Stdio::null());
    let child = Child::spawn(&mut command);
    namespace.enter(|| {
        until("the child's filter", LIMIT, || {
            let rules = told("nft list ruleset");
            rules.contains(". 5004 : 5250:10").then_some(())
        });
        assert!(told("tc class show dev out").contains("5250:10"));
    });
    // Dropping kills it.
    drop(child);
    namespace.enter(|| {
        assert!(told("tc class show dev out").contains("5250:10"));
        let tc = LinuxTc::new().unwrap();
        assert!(!told("tc qdisc show").contains("htb"));
        assert!(!told("nft list ruleset").contains("5250:10"));
        drop(tc);
        assert!(!told("nft list tables").contains("fairway_rsvp"));
    });
}

/// A queueing discipline that an administrator made is not touched, unless it may be.
#[test]
fn what_an_administrator_made_is_not_touched() {
    if !possible("what_an_administrator_made_is_not_touched") {
        return;
    }
    let namespace = namespace();
    namespace.enter(|| {
        told("tc qdisc add dev out root handle 7: htb default 1");
        let mut tc = LinuxTc::new().unwrap();
        let link = interface("out");
        tc.set_interface(&link, &settings(20.0));
        let status = tc.status();
        let TcState::AdmissionOnly(reason) = &status.interfaces[0].state else {
            panic!("{status:?}");
        };
        assert!(reason.contains("htb 7:"), "{reason}");
        assert!(tc.advertise(link.index).controlled_load.is_none());
        // It is counted, and nothing is installed.
        let request = controlled_load(1_800_000.0, 5000.0);
        let session = session("10.0.0.2", 5004);
        tc.install(link.index, None, &request, &session, &[None])
            .unwrap();
        assert!(
            tc.install(link.index, None, &request, &session, &[None])
                .is_err()
        );
        assert!(told("tc qdisc show dev out").contains("htb 7:"));
        assert!(!told("tc qdisc show dev out").contains("5250:"));

        let replace = TcSettings {
            replace_qdisc: true,
            ..settings(20.0)
        };
        tc.set_interface(&link, &replace);
        assert_eq!(tc.status().interfaces[0].state, TcState::Installed);
        assert!(told("tc class show dev out").contains("5250:10"));
        drop(tc);
        assert!(!told("tc qdisc show dev out").contains("htb"));
    });
}
