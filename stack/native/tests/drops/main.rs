//! Nothing is dropped unseen: every reason there is ([`DropReason::ALL`]), what provokes it, its event and its counter.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod case;
mod icmp;
mod ip;
mod link;
#[path = "../support/mod.rs"]
mod support;
mod tcp;
mod udp;

use case::{Case, HOST};
use fairway_native::event::{DropReason, Record};
use fairway_native::mgmt::Statistics as _;

/// A reason, how often what follows provokes it, and what provokes it.
type Line = (DropReason, u64, fn(&mut Case));

/// What is done, and what does it.
type Taken = (&'static str, fn(&mut Case));

/// Each reason is raised by what it is for: its counter goes up, and its event says it in its words.
#[test]
fn each_reason_is_raised_by_what_it_is_for() {
    let tables = [link::TABLE, ip::TABLE, icmp::TABLE, udp::TABLE, tcp::TABLE];
    let mut wrong = Vec::new();
    let mut missing: Vec<DropReason> = DropReason::ALL.to_vec();
    for &(reason, times, provoke) in tables.into_iter().flatten() {
        missing.retain(|other| *other != reason);
        let mut case = Case::new();
        provoke(&mut case);
        case.lab.settle();
        let stack = &case.lab.hosts[HOST];
        let told: Vec<&Record> = stack
            .events()
            .ring()
            .iter()
            .filter(|it| it.id == reason.event() && it.fields.reason == Some(reason.words()))
            .collect();
        let drops = stack.events().drops();
        let counted = stack.counters().by_name(&format!("drop.{reason}"));
        let seen = (drops.of(reason), told.len(), counted);
        if seen != (times, usize::try_from(times).unwrap(), Some(times)) {
            wrong.push(format!("{reason}: {times} times, not {seen:?}: {drops:?}"));
        }
        stack.check_drops();
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(missing, [], "nothing here provokes these");
}

/// What is not lost is not counted as if it were.
#[test]
fn what_somebody_has_is_no_drop() {
    for &(name, provoke) in icmp::TAKEN {
        let mut case = Case::new();
        provoke(&mut case);
        case.lab.settle();
        let drops = case.lab.hosts[HOST].events().drops();
        assert_eq!(drops.total(), 0, "{name}: {drops:?}");
    }
}

/// Names and words tell the reasons apart.
#[test]
fn no_two_reasons_look_alike() {
    for (at, one) in DropReason::ALL.iter().enumerate() {
        for other in &DropReason::ALL[at + 1..] {
            assert_ne!(one.name(), other.name());
            assert!(
                (one.event(), one.words()) != (other.event(), other.words()),
                "{one} and {other}"
            );
        }
    }
}

trait CheckDrops {
    fn check_drops(&self);
}

impl CheckDrops for fairway_native::Stack {
    /// An event counts at least what its reasons count.
    fn check_drops(&self) {
        let events = self.events();
        for (reason, _) in events.drops().iter() {
            let of_event: u64 = events
                .drops()
                .iter()
                .filter(|(other, _)| other.event() == reason.event())
                .map(|(_, count)| count)
                .sum();
            assert!(events.count_of(reason.event()) >= of_event, "{reason}");
        }
    }
}
