//! Traffic control with as much in it as there may be.

use fairway_rsvp::daemon::platform::{Reservations, Shaper};
use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::tc::TrafficControl as _;
use fairway_rsvp::tc::linux::LinuxTc;
use fairway_rsvp::wire::Sender;

use super::installed::{elements, with_link};
use super::lab::{controlled_load, interface, session, settings, told};

/// Reservations that are removed at once.
const RESERVATIONS: u16 = 1500;

/// So many senders, from this number on.
fn senders(first: u16, count: u16) -> Vec<Option<Sender>> {
    (first..first + count)
        .map(|n| {
            let [high, low] = n.to_be_bytes();
            Some(Sender::V4([10, 7, high, low].into(), 6000))
        })
        .collect()
}

fn reserve(tc: &mut LinuxTc, link: IfIndex) {
    let request = controlled_load(1000.0, 2000.0);
    for n in 0..RESERVATIONS {
        let session = session("10.0.0.2", 1000 + n);
        tc.install(link, None, &request, &session, &[None]).unwrap();
    }
    assert_eq!(elements("v4_ports").len(), usize::from(RESERVATIONS));
}

/// RFC 2205 §1.3: a shared-explicit reservation names its senders, hundreds of them; all change at once.
#[test]
fn a_reservation_has_as_many_filters_as_there_may_be() {
    let test = "a_reservation_has_as_many_filters_as_there_may_be";
    with_link(test, 100.0, |tc, link| {
        let request = controlled_load(100_000.0, 20_000.0);
        let session = session("10.0.0.2", 5004);
        let first = senders(0, 800);
        let granted = tc.install(link, None, &request, &session, &first).unwrap();
        assert_eq!(elements("v4_flows").len(), 800);
        // All others, in one transaction.
        let handle = Some(granted.handle);
        let second = senders(800, 800);
        tc.install(link, handle, &request, &session, &second)
            .unwrap();
        let flows = told("nft list map inet fairway_rsvp v4_flows");
        assert_eq!(flows.matches("10.0.0.2 . 10.7.").count(), 800);
        assert!(flows.contains("10.7.6.63 ") && !flows.contains("10.7.0.1 "));
        // What is shared with another reservation is its own again when that goes.
        let shared = tc.install(link, None, &request, &session, &second).unwrap();
        tc.remove(link, shared.handle);
        let flows = told("nft list map inet fairway_rsvp v4_flows");
        assert_eq!(flows.matches(": 5250:10").count(), 800);
        tc.remove(link, granted.handle);
        assert!(elements("v4_flows").is_empty());
    });
}

/// RSVP-5: with many reservations, too, the end takes a few requests, and what is removed afterwards is gone already.
#[test]
fn the_end_takes_a_few_requests() {
    with_link("the_end_takes_a_few_requests", 1000.0, |tc, link| {
        reserve(tc, link);
        let handles: Vec<_> = tc.status().interfaces[0]
            .reservations
            .iter()
            .map(|reservation| reservation.handle)
            .collect();
        let before = tc.status().requests;
        tc.close();
        for handle in handles {
            tc.remove(link, handle);
        }
        let requests = tc.status().requests - before;
        assert!(requests < 10, "{requests}");
        assert!(!told("tc qdisc show dev out").contains("htb"));
        assert!(!told("nft list tables").contains("fairway"));
    });
}

/// Each change of an interface has all of them told anew: the table, which they share, is looked at once.
#[test]
fn interfaces_that_have_not_changed_take_few_requests() {
    let test = "interfaces_that_have_not_changed_take_few_requests";
    with_link(test, 1000.0, |tc, _| {
        let (link, settings) = (interface("out"), settings(1000.0));
        let before = tc.status().requests;
        Shaper::look_after(tc);
        for _ in 0..100 {
            let told = Shaper::set_interface(tc, &link, &settings);
            assert_eq!(told, Reservations::Kept);
        }
        // Its kind and its queueing discipline.
        let requests = tc.status().requests - before;
        assert!((200..210).contains(&requests), "{requests}");
    });
}

/// An interface that goes takes all its reservations with it in a few requests; it is as new when it returns.
#[test]
fn an_interface_that_goes_takes_a_few_requests() {
    let test = "an_interface_that_goes_takes_a_few_requests";
    with_link(test, 1000.0, |tc, link| {
        for _ in 0..2 {
            reserve(tc, link);
            assert_eq!(tc.summary(link).unwrap().reservations, 1500);
            let before = tc.status().requests;
            tc.interface_gone(link);
            let requests = tc.status().requests - before;
            assert!(requests < 20, "{requests}");
            assert!(tc.summary(link).is_none());
            assert!(!told("tc qdisc show dev out").contains("htb"));
            for set in ["v4_ports", "buckets", "excess", "links"] {
                assert!(elements(set).is_empty(), "{set}");
            }
            tc.set_interface(&interface("out"), &settings(1000.0));
        }
    });
}

/// A link that changes has all its reservations changed in a few requests, and they keep their classes. If its scheduler
/// has gone, a few requests put them back.
#[test]
fn a_link_that_changes_takes_a_few_requests() {
    let test = "a_link_that_changes_takes_a_few_requests";
    with_link(test, 1000.0, |tc, link| {
        reserve(tc, link);
        let first = tc.status().interfaces[0].reservations[0].handle;
        tc.remove(link, first);
        let reserved = usize::from(RESERVATIONS) - 1;
        let classes = || {
            let text = told("tc class show dev out");
            let is_changed =
                |line: &&str| line.contains(" prio 1 ") && line.contains(" ceil 2Gbit ");
            text.lines().filter(is_changed).count()
        };
        assert_eq!(classes(), 0);
        let mut settings = settings(2000.0);
        for has_scheduler in [true, false] {
            if !has_scheduler {
                told("tc qdisc del dev out root");
            }
            // Another delay has other buckets.
            settings.delay_micros += 1_000_000;
            let buckets = elements("buckets");
            let before = tc.status().requests;
            tc.set_interface(&interface("out"), &settings);
            let requests = tc.status().requests - before;
            assert!(requests < 30, "{requests}");
            assert_eq!(classes(), reserved);
            // What is made anew has the first number again.
            let of_first = told("tc class show dev out classid 5250:10");
            assert_eq!(of_first.is_empty(), has_scheduler, "{of_first}");
            let after = elements("buckets");
            assert_eq!(after.len(), reserved);
            assert!(after.iter().all(|bucket| !buckets.contains(bucket)));
            assert_eq!(elements("v4_ports").len(), reserved);
        }
    });
}
