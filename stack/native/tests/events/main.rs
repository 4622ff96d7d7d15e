//! EVT-20: each of the 55 names of the event dictionary, raised by the one thing it is for; and EVT-27.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod case;
mod critical;
mod error;
mod operations;
mod readers;
#[path = "../support/mod.rs"]
mod support;

use crate::case::{Case, ETH, HOST};
use critical::CRITICAL;
use error::ERROR;
use fairway_native::event::{EventId, Events, MessageId, Record};
use fairway_native::qos::Fifo;
use fairway_native::route::{Prefix, Route};
use fairway_native::{InterfaceId, Setup, Stack};
use fairway_wire::{EtherType, MacAddr, arp};
use support::frames::{self, STRANGER};
use support::{Lab, ip};

/// EVT-20: name, class, level, error, counter, and whatever the line checks by itself.
#[test]
fn each_name_is_raised_by_what_it_is_for() {
    assert_eq!(CRITICAL.len() + ERROR.len(), 55);
    for (name, level, class, errno, stimulus) in CRITICAL.iter().chain(ERROR) {
        let id: EventId = name.parse().unwrap();
        assert_eq!(
            (id.level().number(), id.class()),
            (*level, *class),
            "{name}"
        );
        let mut case = Case::new();
        let result = stimulus(&mut case);
        assert_eq!(result.err(), *errno, "{name}");
        let events = case.host().events();
        let records: Vec<&Record> = events.ring().iter().filter(|one| one.id == id).collect();
        assert!(!records.is_empty(), "{name} was not raised");
        let counted = usize::try_from(events.count_of(id)).unwrap();
        assert_eq!(counted, records.len(), "{name}");
        for record in records {
            // The error told is the caller's, where there is a caller.
            assert!(
                errno.is_none() || record.fields.errno == *errno,
                "{name}: {record:?}"
            );
        }
    }
}

/// The one name at two levels: level 1 for a source quench, which no router sends unless told to (RFC 6633).
#[test]
fn a_source_quench_is_an_emergency() {
    for on in [false, true] {
        let mut lab = Lab::new();
        let mut setup = Setup::new("router", [3; 32]);
        setup.config.ip.forwarding = true;
        setup.config.icmp.source_quench = on;
        lab.hosts.push(Stack::new(setup));
        let (source, sink) = (lab.host("source"), lab.host("sink"));
        lab.ethernet(&[(HOST, "10.0.0.1"), (source, "10.0.0.2")]);
        lab.ethernet(&[(HOST, "10.0.1.1"), (sink, "10.0.1.2")]);
        lab.settle();
        let gateway = Route::new(Prefix::DEFAULT, Some(ip("10.0.0.1")), ETH);
        let now = lab.now;
        lab.hosts[source].add_route(now, gateway).unwrap();
        let id = lab.udp(source, "0.0.0.0:1000");
        lab.send(source, id, "10.0.1.2:7", b"finds the way")
            .unwrap();
        lab.hosts[HOST]
            .set_queue(InterfaceId(3), Fifo::new(0, 0))
            .unwrap();
        lab.send(source, id, "10.0.1.2:7", b"too much").unwrap();
        let raised = |host: &Stack, id| host.events().count_of(id) != 0;
        assert_eq!(raised(&lab.hosts[HOST], EventId::IcmpErrorStartQuench), on);
        // Who gets it does not care (RFC 6633 §3.1).
        assert_eq!(raised(&lab.hosts[source], EventId::IcmpInputQuench), on);
    }
}

/// `events.md` §7.3: what an operator hears of.
#[test]
fn the_operator_is_told_of_links_and_of_two_with_one_address() {
    let mut case = Case::new();
    let now = case.lab.now;
    let all = case.host().events_mut().subscribe(16, |_| true).unwrap();
    case.host().set_up(now, ETH, false).unwrap();
    case.host().set_up(now, ETH, true).unwrap();
    case.host().handle_carrier(now, ETH, false);
    case.host().handle_carrier(now, ETH, true);
    let mut claim = |mac: MacAddr, address: &str| {
        let sender = (mac, ip(address));
        let octets = frames::arp(
            arp::Operation::REQUEST,
            sender,
            (MacAddr([0; 6]), ip("10.0.0.1")),
        );
        let frame = frames::frame(MacAddr::BROADCAST, EtherType::ARP, &octets);
        case.host().handle_frame(now, ETH, frame);
    };
    claim(STRANGER, "10.0.0.1");
    claim(MacAddr::BROADCAST, "10.0.0.66");
    let told = |events: &mut Events| {
        std::iter::from_fn(|| events.poll_message(all, None))
            .map(|one| one.id())
            .collect()
    };
    let told: Vec<MessageId> = told(case.host().events_mut());
    let link = MessageId::SumstateChg;
    assert_eq!(
        told,
        [
            link,
            link,
            link,
            link,
            MessageId::DupIpAddr,
            MessageId::BcastEnetAddr
        ]
    );
}

/// EVT-27
#[test]
fn the_same_stimuli_give_the_same_events() {
    let run = || {
        let mut records = Vec::new();
        for (.., stimulus) in CRITICAL.iter().chain(ERROR) {
            let mut case = Case::new();
            let _ = stimulus(&mut case);
            records.extend(case.host().events_mut().ring_mut().take());
        }
        records
    };
    let first = run();
    assert!(first.len() > 50);
    assert_eq!(first, run());
}
