//! What others made is not touched, and what a predecessor left is removed.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Stdio;

use fairway_rsvp::tc::linux::{LinuxTc, TcState};
use fairway_rsvp::tc::{TcMode, TcSettings, TrafficControl as _};
use fairway_tests::rsvp::possible;
use fairway_tests::{Child, Namespace, built, until};

use super::installed::{elements, with_link};
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

/// An interface that could not be taken because of somebody else's queueing discipline is, when that is gone.
#[test]
fn what_was_somebody_elses_is_taken_when_it_is_free() {
    if !possible("what_was_somebody_elses_is_taken_when_it_is_free") {
        return;
    }
    let namespace = namespace();
    namespace.enter(|| {
        told("tc qdisc add dev out root handle 7: htb default 1");
        let mut tc = LinuxTc::new().unwrap();
        let mut watch = tc.watch().unwrap();
        let link = interface("out");
        tc.set_interface(&link, &settings(20.0));
        let request = controlled_load(10_000.0, 5000.0);
        let session = session("10.0.0.2", 5004);
        tc.install(link.index, None, &request, &session, &[None])
            .unwrap();
        assert!(watch.is_wanting() && !watch.is_amiss());
        // Trying it again changes nothing while it is there.
        tc.set_interface(&link, &settings(20.0));
        assert!(watch.is_wanting());
        assert!(told("tc qdisc show dev out").contains("htb 7:"));
        told("tc qdisc del dev out root");
        assert!(watch.is_wanting());
        tc.set_interface(&link, &settings(20.0));
        assert!(!watch.is_wanting() && !watch.is_amiss());
        assert_eq!(tc.status().interfaces[0].state, TcState::Installed);
        assert!(told("tc class show dev out").contains("5250:10"));
        // Where there is to be none, none is wanting.
        let counted = TcSettings {
            mode: TcMode::AdmissionOnly,
            ..settings(20.0)
        };
        tc.set_interface(&link, &counted);
        assert!(!watch.is_wanting());
    });
}

/// `nft flush ruleset` begins each reload of a firewall: what is reserved is put back, and what is new is installed.
#[test]
fn what_others_remove_is_put_back() {
    with_link("what_others_remove_is_put_back", 20.0, |tc, link| {
        let mut watch = tc.watch().unwrap();
        let request = controlled_load(10_000.0, 5000.0);
        let install = |tc: &mut LinuxTc, port| {
            let session = session("10.0.0.2", port);
            tc.install(link, None, &request, &session, &[None]).unwrap();
        };
        let mut installed = 1;
        install(tc, 1);
        assert!(!watch.is_amiss());
        for line in [
            "nft flush ruleset",
            "nft flush table inet fairway_rsvp",
            "tc qdisc del dev out root",
        ] {
            told(line);
            assert!(watch.is_amiss(), "{line}");
            tc.set_interface(&interface("out"), &settings(20.0));
            assert!(!watch.is_amiss(), "{line}");
            let sets = ["v4_ports", "buckets", "excess"].map(|set| elements(set).len());
            assert_eq!(sets, [usize::from(installed); 3], "{line}");
            assert!(told("tc class show dev out").contains("5250:10"), "{line}");
            assert_eq!(elements("links").len(), 1, "{line}");
            assert!(
                told("nft list table inet fairway_rsvp").contains("goto police"),
                "{line}"
            );
            let status = tc.status();
            assert_eq!(
                status.interfaces[0].reservations.len(),
                usize::from(installed)
            );
            // Before anybody has looked.
            told(line);
            installed += 1;
            install(tc, installed);
            if line.contains("flush table") {
                tc.set_interface(&interface("out"), &settings(20.0));
            }
            assert!(!watch.is_amiss(), "{line}");
            assert_eq!(elements("v4_ports").len(), usize::from(installed), "{line}");
            let classes = told("tc class show dev out").lines().count();
            assert_eq!(classes, 4 + usize::from(installed), "{line}");
        }
        // All of it can be changed and removed as if nothing had been.
        for reservation in &tc.status().interfaces[0].reservations {
            tc.remove(link, reservation.handle);
        }
        assert!(elements("v4_ports").is_empty() && elements("buckets").is_empty());
        assert_eq!(told("tc class show dev out").lines().count(), 4);
        assert!(!watch.is_amiss());
    });
}

/// What cannot be removed is no other reservation's, and goes when the table is next looked after.
#[test]
fn what_cannot_be_removed_is_not_used_again() {
    with_link(
        "what_cannot_be_removed_is_not_used_again",
        20.0,
        |tc, link| {
            let mut watch = tc.watch().unwrap();
            let request = controlled_load(10_000.0, 5000.0);
            let install = |tc: &mut LinuxTc, port| {
                let session = session("10.0.0.2", port);
                let granted = tc.install(link, None, &request, &session, &[None]);
                granted.unwrap().handle
            };
            let (first, _) = (install(tc, 1), install(tc, 2));
            told("nft flush set inet fairway_rsvp buckets");
            tc.remove(link, first);
            // The transaction is undone as a whole.
            assert_eq!(elements("v4_ports").len(), 2);
            assert!(watch.is_amiss());
            tc.set_interface(&interface("out"), &settings(20.0));
            assert!(!watch.is_amiss());
            let sets = ["v4_ports", "buckets"].map(|set| elements(set).len());
            assert_eq!(sets, [1, 1]);
        },
    );
}

/// What the kernel does not tell is not taken for a scheduler that is gone.
#[test]
fn a_link_that_is_not_told_of_stays_as_it_is() {
    if !possible("a_link_that_is_not_told_of_stays_as_it_is") {
        return;
    }
    let namespace = namespace();
    namespace.enter(|| {
        let mut tc = LinuxTc::new().unwrap();
        let link = interface("out");
        tc.set_interface(&link, &settings(20.0));
        let request = controlled_load(10_000.0, 5000.0);
        let session = session("10.0.0.2", 5004);
        tc.install(link.index, None, &request, &session, &[None])
            .unwrap();
        told("ip link del out");
        assert_eq!(tc.set_interface(&link, &settings(100.0)), []);
        let status = tc.status();
        assert_eq!(status.interfaces[0].state, TcState::Installed);
        assert!(status.interfaces[0].reservations[0].class.is_some());
    });
}

const NAME: &str = "fairway-rsvp-tc";

/// Who has the name by which tools show the daemon does not have traffic control, unless it is root or our own user.
#[test]
fn an_ordinary_user_keeps_nobody_out() {
    if !possible("an_ordinary_user_keeps_nobody_out") {
        return;
    }
    let namespace = namespace();
    let mut command = namespace.command("setpriv");
    let listen = format!(
        "use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0); \
         bind(S, pack('S a*', AF_UNIX, \"\\0{NAME}\")); listen(S, 1); sleep"
    );
    command
        .args(["--reuid=65534", "--clear-groups", "perl", "-e", &listen])
        .stdout(Stdio::null());
    let stranger = Child::spawn(&mut command);
    namespace.enter(|| {
        until("the stranger's socket", LIMIT, || {
            let sockets = told("cat /proc/thread-self/net/unix");
            sockets.contains(NAME).then_some(())
        });
        let is_refused = || LinuxTc::new().is_err_and(|error| error.kind() == ErrorKind::AddrInUse);
        // A process that another test is just starting has what was open here until it is another program.
        let when_free = || until("traffic control to be free", LIMIT, || LinuxTc::new().ok());
        LinuxTc::remove_left_over().unwrap();
        let tc = when_free();
        // There is still only one.
        assert!(is_refused());
        drop(tc);
        drop(stranger);
        let name = SocketAddr::from_abstract_name(NAME).unwrap();
        let roots = until("the name to be free", LIMIT, || {
            UnixListener::bind_addr(&name).ok()
        });
        assert!(is_refused());
        drop(roots);
        drop(when_free());
    });
}
