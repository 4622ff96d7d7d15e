use super::super::tspec::tests::any_tspec;
use super::*;
use crate::Disposition;
use crate::wire::{ErrorCode, Opaque};
use proptest::prelude::*;

fn load(r: f32, b: f32, p: f32, m: u32, max: u32) -> Flowspec {
    Flowspec::ControlledLoad(Tspec::new(r, b, p, m, max).unwrap())
}

fn octets(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// RFC 2210 §3.2.1, §3.2.2.
#[test]
fn golden_octets_both_ways() {
    let tspec = Tspec::new(625e3, 20e3, 1.25e6, 100, 1500).unwrap();
    let bucket = [
        0x7f00_0005,
        0x4918_9680,
        0x469c_4000,
        0x4998_9680,
        0x64,
        0x5dc,
    ];
    let load = [&[0x0000_0007, 0x0500_0006][..], &bucket].concat();
    let guaranteed = [
        &[0x0000_000a, 0x0200_0009][..],
        &bucket,
        &[0x8200_0002, 0x4998_9680, 500],
    ]
    .concat();
    for (flowspec, words, len) in [
        (Flowspec::ControlledLoad(tspec), load, 36),
        (
            Flowspec::guaranteed(tspec, 1.25e6, 500).unwrap(),
            guaranteed,
            48,
        ),
    ] {
        let object = flowspec.to_object();
        assert_eq!(object.0.body(), &octets(&words));
        assert_eq!(object.0.body().len() + 4, len);
        assert_eq!(
            Flowspec::from_object(&object, Reading::Strict),
            Ok(flowspec)
        );
    }
}

/// RFC 2205 appendix B, codes 14 and 21: each fault has its answer.
#[test]
fn faults_have_answers() {
    let read = |c_type, words: &[u32]| {
        let object = FlowspecObject(Opaque::new(CType(c_type), octets(words)).unwrap());
        match Disposition::of_flowspec(
            &Flowspec::from_object(&object, Reading::Strict).unwrap_err(),
        ) {
            Disposition::Answer { code, value } => (code, value),
            other @ Disposition::Drop(_) => panic!("{other:?}"),
        }
    };
    let bucket = [
        0x7f00_0005,
        0x4918_9680,
        0x469c_4000,
        0x4998_9680,
        0x64,
        0x5dc,
    ];
    let bad = (ErrorCode::TRAFFIC_CONTROL, 3);
    assert_eq!(read(1, &[]), (ErrorCode::UNKNOWN_C_TYPE, 0x0901));
    assert_eq!(read(2, &[]), bad);
    assert_eq!(read(2, &[1, 0x0600_0000]), (ErrorCode::TRAFFIC_CONTROL, 2));
    // Guaranteed: no Rspec; R < r; p < r.
    assert_eq!(read(2, &[&[7, 0x0200_0006][..], &bucket].concat()), bad);
    assert_eq!(
        read(
            2,
            &[
                &[10, 0x0200_0009][..],
                &bucket,
                &[0x8200_0002, 0x469c_4000, 0]
            ]
            .concat()
        ),
        bad
    );
    let slow = [
        0x7f00_0005,
        0x4998_9680,
        0x469c_4000,
        0x4918_9680,
        0x64,
        0x5dc,
    ];
    assert_eq!(
        read(
            2,
            &[
                &[10, 0x0200_0009][..],
                &slow,
                &[0x8200_0002, 0x4998_9680, 0]
            ]
            .concat()
        ),
        bad
    );
    // RFC 2211: no such rule for controlled load.
    let object = FlowspecObject(
        Opaque::new(CType(2), octets(&[&[7, 0x0500_0006][..], &slow].concat())).unwrap(),
    );
    assert!(Flowspec::from_object(&object, Reading::Strict).is_ok());
}

/// RFC 2205 §3.5: Qb blockades what is not smaller than itself.
#[test]
fn blockade() {
    let failed = load(100e3, 10e3, 200e3, 64, 1500);
    assert!(!failed.blockades(&load(80e3, 10e3, 200e3, 64, 1500)));
    assert!(failed.blockades(&failed));
    // Of another service it says nothing: they do not merge.
    let guaranteed = Flowspec::guaranteed(*failed.tspec(), 200e3, 0).unwrap();
    assert!(!guaranteed.blockades(&failed) && !failed.blockades(&guaranteed));
    // Of guaranteed service, the senders' Tspec is mostly the same: it is R that was too much.
    let of_rate = |rate: f32, slack| {
        let tspec = *guaranteed.tspec();
        Flowspec::guaranteed(tspec, rate, slack).unwrap()
    };
    assert!(!of_rate(3e6, 0).blockades(&of_rate(1e6, 0)));
    assert!(!of_rate(3e6, 0).blockades(&of_rate(1e6, 5000)));
    assert!(of_rate(3e6, 5000).blockades(&of_rate(1e6, 0)));
    assert!(of_rate(3e6, 0).blockades(&of_rate(3e6, 0)));
    assert!(failed.blockades(&load(80e3, 20e3, 200e3, 64, 1500)));
}

/// RFC 2210 §1: services do not merge.
#[test]
fn services_conflict() {
    let load = load(100e3, 10e3, 200e3, 64, 1500);
    let guaranteed = Flowspec::guaranteed(*load.tspec(), 100e3, 0).unwrap();
    assert_eq!(load.merge(&guaranteed), Err(ServiceConflict));
    assert_eq!(load.greatest_lower_bound(&guaranteed), Err(ServiceConflict));
    assert_eq!(load.partial_cmp(&guaranteed), None);
}

/// RFC 2205 §2.3: `Te = min(Path_Te, Resv_Te)`; R stays.
#[test]
fn effective_flowspec_is_bounded_by_what_is_sent() {
    let request =
        Flowspec::guaranteed(Tspec::new(100e3, 10e3, 200e3, 64, 1500).unwrap(), 150e3, 7).unwrap();
    let path = Tspec::new(50e3, 5e3, 100e3, 100, 1000).unwrap();
    assert_eq!(
        request.effective(&path),
        Flowspec::guaranteed(path, 150e3, 7).unwrap()
    );
}

fn any_flowspec() -> impl Strategy<Value = Flowspec> {
    let faster = prop_oneof![Just(1.0_f32), Just(2.0), 1.0_f32..10.0];
    (
        any_tspec(),
        prop::option::of((faster, prop_oneof![0_u32..3, any::<u32>()])),
    )
        .prop_map(|(tspec, more)| {
            more.map_or(Flowspec::ControlledLoad(tspec), |(factor, slack)| {
                let rate = tspec.rate().get() * factor;
                Flowspec::guaranteed(tspec.with_peak_of_rate(), rate, slack).unwrap()
            })
        })
}

proptest! {
    #[test]
    fn merging_commutes_associates_and_repeats(x in any_flowspec(), y in any_flowspec(), z in any_flowspec()) {
        for op in [Flowspec::merge, Flowspec::greatest_lower_bound] {
            prop_assert_eq!(op(&x, &y), op(&y, &x));
            prop_assert_eq!(op(&x, &x), Ok(x));
            let left = op(&x, &y).and_then(|xy| op(&xy, &z));
            let right = op(&y, &z).and_then(|yz| op(&x, &yz));
            prop_assert_eq!(left, right);
        }
    }

    #[test]
    fn order_is_partial(x in any_flowspec(), y in any_flowspec()) {
        prop_assert_eq!(x.partial_cmp(&x), Some(Ordering::Equal));
        prop_assert_eq!(x.partial_cmp(&y), y.partial_cmp(&x).map(Ordering::reverse));
        // All but M is at least as good in the merged request.
        if let Ok(merged) = x.merge(&y) {
            prop_assert!(merged.rate() >= x.rate() && merged.rate() >= y.rate());
            if x.tspec().max_packet_size() == y.tspec().max_packet_size() {
                prop_assert!(merged >= x && merged >= y);
            }
        }
        prop_assert!(x.blockades(&y) || x > y || x.service() != y.service());
    }

    #[test]
    fn results_are_legal_and_survive_the_wire(x in any_flowspec(), y in any_flowspec(), path in any_tspec()) {
        let all = [x.merge(&y), x.greatest_lower_bound(&y), Ok(x.effective(&path))];
        for flowspec in all.into_iter().flatten() {
            prop_assert_eq!(Flowspec::from_object(&flowspec.to_object(), Reading::Strict), Ok(flowspec));
        }
    }
}
