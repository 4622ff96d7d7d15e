use super::*;
use crate::intserv::Tspec;
use crate::tc::Policing;
use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
use proptest::test_runner::Config;

fn tspec(rate: f32, m: u32, max: u32) -> Tspec {
    Tspec::new(rate, 10_000.0, f32::INFINITY, m, max).unwrap()
}

fn asked(flowspec: Flowspec) -> Request {
    Request {
        flowspec,
        path: *flowspec.tspec(),
        policing: Policing::default(),
        upstream: None,
    }
}

fn load(rate: f32) -> Request {
    asked(Flowspec::ControlledLoad(tspec(rate, 1500, 1500)))
}

fn bounds(share: f32) -> Bounds {
    Bounds {
        share: BytesPerSec::new(share).unwrap(),
        per_flow_max: BytesPerSec::MAX,
        link_header: 0,
        mtu: 1500,
        reservations: 100,
    }
}

const ONE: RHandle = RHandle(1);
const TWO: RHandle = RHandle(2);

/// RFC 2211 §3: the safe form of admission refuses what would exceed the share.
#[test]
fn the_sum_never_exceeds_the_share() {
    let mut ledger = Ledger::new(bounds(750_000.0));
    ledger.admit(ONE, &load(500_000.0)).unwrap();
    let before = ledger.clone();
    assert_eq!(ledger.admit(TWO, &load(250_001.0)), Err(TcError::Bandwidth));
    assert_eq!(ledger, before);
    ledger.admit(TWO, &load(250_000.0)).unwrap();
    assert_eq!(ledger.available().get(), 0.0);
    ledger.release(ONE);
    assert_eq!(ledger.available().get(), 500_000.0);
}

/// RFC 2212: guaranteed service takes R; RFC 2211: controlled load takes r.
#[test]
fn guaranteed_counts_its_rate_and_controlled_load_that_of_its_bucket() {
    let mut ledger = Ledger::new(bounds(1e6));
    let guaranteed = Flowspec::guaranteed(tspec(100_000.0, 100, 1500), 300_000.0, 0).unwrap();
    ledger.admit(ONE, &asked(guaranteed)).unwrap();
    assert_eq!(ledger.reserved().get(), 300_000.0);
    ledger.admit(TWO, &load(100_000.0)).unwrap();
    assert_eq!(ledger.reserved().get(), 400_000.0);
}

/// RFC 2205 §2.3: what the senders do not send is not reserved.
#[test]
fn what_senders_do_not_send_is_not_counted() {
    let mut ledger = Ledger::new(bounds(1e6));
    let mut request = load(500_000.0);
    request.path = tspec(200_000.0, 1500, 1500);
    ledger.admit(ONE, &request).unwrap();
    assert_eq!(ledger.reserved().get(), 200_000.0);
}

/// `rsvp.md` §14: r 100000, m 100, header 14 take 114000.
#[test]
fn link_headers_count() {
    let mut ledger = Ledger::new(Bounds {
        link_header: 14,
        ..bounds(1e6)
    });
    let request = asked(Flowspec::ControlledLoad(tspec(100_000.0, 100, 1500)));
    ledger.admit(ONE, &request).unwrap();
    assert_eq!(ledger.reserved().get(), 114_000.0);
    ledger.set_bounds(bounds(1e6));
    assert_eq!(ledger.reserved().get(), 100_000.0);
}

/// `rsvp.md` §15: deployed senders announce an m of 0, which is read as 1; the link's header is not charged fifteenfold.
#[test]
fn no_packet_is_shorter_than_its_header() {
    let mut ledger = Ledger::new(Bounds {
        link_header: 14,
        ..bounds(1e6)
    });
    let request = asked(Flowspec::ControlledLoad(tspec(100_000.0, 1, 1500)));
    ledger.admit(ONE, &request).unwrap();
    assert_eq!(ledger.reserved().get(), 170_000.0);
}

/// RFC 2211 §3, RFC 2212: packets longer than the MTU: error 1, value 3.
#[test]
fn packets_longer_than_the_mtu_are_refused() {
    let mut ledger = Ledger::new(bounds(1e6));
    let request = asked(Flowspec::ControlledLoad(tspec(1000.0, 64, 1501)));
    assert_eq!(ledger.admit(ONE, &request), Err(TcError::Mtu));
    assert!(ledger.is_empty());
}

/// RFC 2211 §6, RFC 2212: a smaller request is never refused, whatever has become of the interface.
#[test]
fn no_more_than_before_is_never_refused() {
    let mut ledger = Ledger::new(bounds(1e6));
    ledger.admit(ONE, &load(800_000.0)).unwrap();
    ledger.set_bounds(Bounds {
        mtu: 1000,
        per_flow_max: BytesPerSec::new(1000.0).unwrap(),
        ..bounds(500_000.0)
    });
    assert_eq!(ledger.available().get(), 0.0);
    ledger.change(ONE, &load(800_000.0)).unwrap();
    ledger.change(ONE, &load(700_000.0)).unwrap();
    assert_eq!(
        ledger.change(ONE, &load(700_001.0)),
        Err(TcError::Bandwidth)
    );
    assert_eq!(ledger.admit(TWO, &load(1.0)), Err(TcError::Mtu));
    assert_eq!(ledger.reserved().get(), 700_000.0);
}

/// Link headers count, of what is wanted and of what is reserved.
#[test]
fn a_shortage_is_in_octets_on_the_link() {
    let mut ledger = Ledger::new(Bounds {
        link_header: 14,
        ..bounds(750_000.0)
    });
    let small = |rate| asked(Flowspec::ControlledLoad(tspec(rate, 56, 1500)));
    ledger.admit(ONE, &small(400_000.0)).unwrap();
    assert_eq!(
        ledger.admit(TWO, &small(240_000.0)),
        Err(TcError::Bandwidth)
    );
    let shortage = ledger.shortage(None, &small(240_000.0));
    assert_eq!(shortage.bound, Bound::Share { link_header: 14 });
    assert_eq!(
        (shortage.wanted.get(), shortage.free.get()),
        (300_000.0, 250_000.0)
    );
    // In place of its own, what it has is free.
    let shortage = ledger.shortage(Some(ONE), &small(640_000.0));
    assert_eq!(
        (shortage.wanted.get(), shortage.free.get()),
        (800_000.0, 750_000.0)
    );
}

#[test]
fn one_flow_has_no_more_than_it_may() {
    let mut ledger = Ledger::new(Bounds {
        per_flow_max: BytesPerSec::new(1000.0).unwrap(),
        reservations: 1,
        ..bounds(1e6)
    });
    assert_eq!(ledger.admit(ONE, &load(1001.0)), Err(TcError::Bandwidth));
    let shortage = ledger.shortage(None, &load(1001.0));
    assert_eq!(
        (shortage.bound, shortage.wanted.get(), shortage.free.get()),
        (Bound::PerFlow, 1001.0, 1000.0)
    );
    ledger.admit(ONE, &load(1000.0)).unwrap();
    assert_eq!(ledger.admit(TWO, &load(1.0)), Err(TcError::TooMany));
    assert_eq!(ledger.change(TWO, &load(1.0)), Err(TcError::NoSuchHandle));
}

#[test]
fn a_change_can_be_undone() {
    let mut ledger = Ledger::new(bounds(1e6));
    ledger.admit(ONE, &load(1000.0)).unwrap();
    let before = ledger.clone();
    let old = ledger.change(ONE, &load(5000.0)).unwrap();
    ledger.restore(ONE, old);
    assert_eq!(ledger, before);
}

#[derive(Clone, Debug)]
enum Step {
    Admit(u64, f32, u32),
    Change(u64, f32, u32),
    Release(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let request = (0..8u64, 1f32..400_000.0, 20..1500u32);
    prop_oneof![
        request
            .clone()
            .prop_map(|(name, rate, m)| Step::Admit(name, rate, m)),
        request.prop_map(|(name, rate, m)| Step::Change(name, rate, m)),
        (0..8u64).prop_map(Step::Release),
        Just(Step::Release(0)),
    ]
}

proptest! {
    #![proptest_config(Config { cases: 128, ..Config::default() })]

    /// Never over the share, and what is released is exactly what was taken.
    #[test]
    fn books_balance(steps in proptest::collection::vec(step(), 0..60)) {
        let mut ledger = Ledger::new(Bounds { link_header: 14, ..bounds(750_000.0) });
        let flow = |rate, m| asked(Flowspec::ControlledLoad(tspec(rate, m, 1500)));
        for step in steps {
            let before = ledger.clone();
            let done = match step {
                Step::Admit(name, rate, m) if ledger.get(RHandle(name)).is_none() => {
                    let admitted = ledger.admit(RHandle(name), &flow(rate, m));
                    if admitted.is_ok() {
                        let mut undone = ledger.clone();
                        undone.release(RHandle(name));
                        assert_eq!(undone, before);
                    }
                    admitted.is_ok()
                }
                Step::Admit(..) => false,
                Step::Change(name, rate, m) => match ledger.change(RHandle(name), &flow(rate, m)) {
                    Ok(old) => {
                        let mut undone = ledger.clone();
                        undone.restore(RHandle(name), old);
                        assert_eq!(undone, before);
                        true
                    }
                    Err(_) => false,
                },
                Step::Release(name) => ledger.release(RHandle(name)).is_some(),
            };
            if !done {
                assert_eq!(ledger, before);
            }
            let sum: u64 = ledger.entries.values().map(|entry| entry.charge).sum();
            assert_eq!(sum, ledger.reserved);
            assert!(ledger.reserved <= ledger.share());
        }
        for name in 0..8 {
            ledger.release(RHandle(name));
        }
        assert_eq!(ledger.reserved, 0);
    }
}
