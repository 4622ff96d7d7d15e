use super::super::{
    BytesPerSec, LocalControlledLoad, LocalElement, LocalGuaranteed, LocalValues,
    compose_bandwidth, compose_latency, compose_sum,
};
use super::*;
use crate::wire::Opaque;
use proptest::prelude::*;

fn bandwidth(value: f32) -> Bandwidth {
    Bandwidth::new(value).unwrap()
}

fn octets(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn from_words(words: &[u32]) -> Result<Adspec, AdspecError> {
    Adspec::from_object(&AdspecObject(Opaque::new(CType(2), octets(words)).unwrap()))
}

const GENERAL: [u32; 9] = [
    0x0100_0008,
    0x0400_0001,
    3,
    0x0600_0001,
    0x4998_9680,
    0x0800_0001,
    400,
    0x0a00_0001,
    1500,
];
const GUARANTEED: [u32; 9] = [
    0x0200_0008,
    0x8500_0001,
    4500,
    0x8600_0001,
    13_800,
    0x8700_0001,
    4500,
    0x8800_0001,
    13_800,
];

/// RFC 2210 §3.3: general only, and with both services.
#[test]
fn golden_octets_both_ways() {
    let general = [&[9][..], &GENERAL].concat();
    let full = [&[0x13][..], &GENERAL, &GUARANTEED, &[0x0500_0000]].concat();
    let overridden = [
        &[0x15][..],
        &GENERAL,
        &GUARANTEED,
        &[0x0500_0002, 0x0600_0001, 0x48f4_2400],
    ]
    .concat();
    for (words, len) in [(general, 44), (full, 84), (overridden, 92)] {
        let adspec = from_words(&words).unwrap();
        let object = adspec.to_object();
        assert_eq!(object.0.body(), &octets(&words));
        assert_eq!(object.0.body().len() + 4, len);
    }
    let made = Adspec::of_link(bandwidth(1.25e6), 1500)
        .with_guaranteed(false)
        .with_controlled_load(true);
    let words = [
        0xb,
        0x0100_0008,
        0x0400_0001,
        0,
        0x0600_0001,
        0x4998_9680,
        0x0800_0001,
        0,
        0x0a00_0001,
        1500,
        0x0280_0000,
        0x0500_0000,
    ];
    assert_eq!(made.to_object().0.body(), &octets(&words));
    assert_eq!(from_words(&words), Ok(made));
}

/// RFC 2210 §3.3: walk by lengths; unknown services and parameters stay.
#[test]
fn unknown_parts_are_kept() {
    let words = [
        &[20][..],
        &[0x0100_000a],
        &GENERAL[1..],
        &[0x1400_0001, 77],
        &[0x0300_0002, 1, 2],
        &[0x0500_0004, 0x0600_0001, 0x48f4_2400, 0x1400_0001, 9],
        &[0x0900_0000],
    ]
    .concat();
    let adspec = from_words(&words).unwrap();
    assert_eq!(adspec.to_object().0.body(), &octets(&words));
    assert_eq!(adspec.others().len(), 2);
    // Who does not have a service says so in its fragment, even if it cannot read it (RFC 2210 §3.3.3).
    let behind = adspec.compose(&element(1e6, 1, 1500, None));
    assert!(behind.others().iter().all(|fragment| fragment.is_broken));
    assert!(behind.controlled_load.unwrap().is_broken);
    assert!(!behind.general.is_broken);
}

#[test]
fn malformed_objects_say_why() {
    assert_eq!(
        from_words(&[0]),
        Err(FormError::NoService(ServiceNumber::GENERAL).into())
    );
    assert_eq!(
        from_words(&[
            7,
            0x0100_0006,
            0x0400_0001,
            0,
            0x0600_0001,
            0,
            0x0800_0001,
            0
        ]),
        Err(FormError::NoParameter(ParameterNumber::MTU).into())
    );
    assert_eq!(
        from_words(&[&[10][..], &GENERAL].concat()),
        Err(FormError::Length.into())
    );
    assert_eq!(
        from_words(&[&[18][..], &GENERAL, &GENERAL].concat()),
        Err(FormError::Twice(ServiceNumber(1)).into())
    );
    let mut nan = GENERAL;
    nan[4] = 0x7fc0_0000;
    assert_eq!(
        from_words(&[&[9][..], &nan].concat()),
        Err(AdspecError::Value(ParameterNumber::BANDWIDTH))
    );
    let terms = [&[12][..], &GENERAL, &[0x0200_0002, 0x8500_0001, 1]].concat();
    assert_eq!(
        from_words(&terms),
        Err(FormError::NoParameter(ParameterNumber::D_TOT).into())
    );
    let object = AdspecObject(Opaque::new(CType(1), Vec::new()).unwrap());
    assert_eq!(
        Adspec::from_object(&object),
        Err(AdspecError::CType(CType(1)))
    );
}

fn element(rate: f32, latency: u32, mtu: u32, terms: Option<(u32, u32)>) -> LocalElement {
    LocalElement {
        general: LocalValues {
            bandwidth: bandwidth(rate),
            latency: Latency::from_micros(latency),
            mtu,
        },
        guaranteed: terms.map(|(c, d)| LocalGuaranteed {
            terms: ErrorTerms::new(c, d),
            ..LocalGuaranteed::default()
        }),
        controlled_load: None,
        after_non_is_hop: false,
    }
}

/// RFC 2215 §3, RFC 2212: three hops.
#[test]
fn three_hops() {
    // As a sender without a limit of its own starts: seen from deployed routers.
    let start = Adspec::of_link(bandwidth(f32::INFINITY), u32::MAX).with_guaranteed(true);
    let end = start
        .compose(&element(1.25e6, 100, 1500, Some((1500, 12_000))))
        .compose(&element(2.5e6, 250, 1500, Some((1500, 600))))
        .compose(&element(1.25e7, 50, 9000, Some((1500, 1200))));
    assert_eq!(
        end.general.values,
        PathValues {
            hops: 3,
            bandwidth: bandwidth(1.25e6),
            latency: Latency::from_micros(400),
            mtu: 1500,
        }
    );
    let terms = end.guaranteed.unwrap().terms.unwrap();
    assert_eq!(terms.total, ErrorTerms::new(4500, 13_800));
    assert_eq!(terms.since_reshaper, terms.total);
}

#[test]
fn edges_of_composition() {
    let rate = bandwidth(1.25e6);
    assert_eq!(compose_bandwidth(bandwidth(0.0), rate), bandwidth(0.0));
    assert_eq!(compose_bandwidth(bandwidth(f32::INFINITY), rate), rate);
    assert_eq!(
        compose_bandwidth(bandwidth(f32::INFINITY), bandwidth(f32::INFINITY)),
        Bandwidth::UNKNOWN
    );
    let latency = |a, b| compose_latency(Latency::from_micros(a), Latency::from_micros(b)).micros();
    assert_eq!(latency(4_294_967_000, 294), 4_294_967_294);
    assert_eq!(latency(4_294_967_000, 295), u32::MAX);
    assert_eq!(latency(u32::MAX, 5), u32::MAX);
    assert_eq!(Latency::from_micros(u32::MAX).known(), None);
    assert_eq!(compose_sum(4_294_967_000, 1500), u32::MAX);
}

/// RFC 2210 §3.3.3: an empty fragment is filled, and its break bit stays.
#[test]
fn empty_fragment_is_expanded() {
    let start = Adspec::of_link(bandwidth(1e6), 1500).with_guaranteed(false);
    let end = start
        .compose(&element(1e6, 1, 1500, Some((10, 20))))
        .guaranteed
        .unwrap();
    assert!(end.is_broken);
    assert_eq!(end.terms.unwrap().total, ErrorTerms::new(10, 20));
}

/// RFC 2212: Csum and Dsum begin anew at a reshaper.
#[test]
fn reshaper_restarts_the_sums() {
    let mut second = element(1e6, 1, 1500, Some((10, 20)));
    second.guaranteed.as_mut().unwrap().reshapes = true;
    let end = Adspec::of_link(bandwidth(1e6), 1500)
        .with_guaranteed(true)
        .compose(&element(1e6, 1, 1500, Some((1, 2))))
        .compose(&second)
        .guaranteed
        .unwrap();
    let terms = end.terms.unwrap();
    assert_eq!(terms.total, ErrorTerms::new(11, 22));
    assert_eq!(terms.since_reshaper, ErrorTerms::new(10, 20));
}

#[test]
fn gaps_set_the_break_bit() {
    let mut local = element(1e6, 1, 1500, None);
    local.after_non_is_hop = true;
    let end = Adspec::of_link(bandwidth(1e6), 1500)
        .with_guaranteed(true)
        .compose(&local);
    assert!(end.general.is_broken);
    assert!(end.guaranteed.unwrap().is_broken);
    assert!(end.controlled_load.is_none());
}

/// RFC 2210 §3.3.5: bandwidth of controlled load against the default.
#[test]
fn overrides() {
    for (name, default, own, local_default, local_own, to_default, to_own) in [
        ("O1", 1.25e6, Some(5e5), 1e6, Some(6e5), 1e6, Some(5e5)),
        ("O2", 1.25e6, Some(5e5), 4e5, None, 4e5, Some(4e5)),
        ("O3", 1.25e6, None, 1e6, Some(6e5), 1e6, Some(6e5)),
        ("O4", 5e5, None, 1e6, Some(6e5), 5e5, Some(5e5)),
        ("O5", 5e5, None, 1e6, None, 5e5, None),
    ] {
        let mut adspec = Adspec::of_link(bandwidth(default), 1500).with_controlled_load(true);
        adspec.controlled_load.as_mut().unwrap().overrides.bandwidth = own.map(bandwidth);
        let mut local = element(local_default, 1, 1500, None);
        local.controlled_load = Some(LocalControlledLoad {
            overrides: Overrides {
                bandwidth: local_own.map(bandwidth),
                ..Overrides::default()
            },
        });
        let end = adspec.compose(&local);
        assert_eq!(
            end.general.values.bandwidth,
            bandwidth(to_default),
            "{name}"
        );
        let own = end.controlled_load.as_ref().unwrap().overrides.bandwidth;
        assert_eq!(own, to_own.map(bandwidth), "{name}");
        let seen = end
            .service(ServiceNumber::CONTROLLED_LOAD)
            .unwrap()
            .bandwidth;
        assert_eq!(seen, bandwidth(to_own.unwrap_or(to_default)), "{name}");
    }
}

/// RFC 2215 §3.5: a service's MTU is no greater than the general one.
#[test]
fn mtu_of_a_service_is_bounded() {
    let mut adspec = Adspec::of_link(bandwidth(1e6), 9000).with_controlled_load(true);
    adspec.controlled_load.as_mut().unwrap().overrides.mtu = Some(8000);
    let mut local = element(1e6, 1, 1500, None);
    local.controlled_load = Some(LocalControlledLoad {
        overrides: Overrides {
            mtu: Some(9000),
            ..Overrides::default()
        },
    });
    assert_eq!(
        adspec
            .compose(&local)
            .service(ServiceNumber::CONTROLLED_LOAD)
            .unwrap()
            .mtu,
        1500
    );
}

#[test]
fn bandwidth_known_or_not() {
    assert_eq!(bandwidth(0.0).known(), None);
    assert_eq!(bandwidth(f32::INFINITY).known(), None);
    assert_eq!(bandwidth(5.0).known(), BytesPerSec::new(5.0));
}

proptest! {
    /// Whatever is read is written so that it is read the same, and then written the same.
    #[test]
    fn arbitrary_words_are_stable(words in prop::collection::vec(prop_oneof![
        any::<u32>(), 0_u32..40, Just(0x0100_0008), Just(0x0200_0008), Just(0x0500_0000)], 0..40)) {
        if let Ok(adspec) = from_words(&words) {
            let object = adspec.to_object();
            let again = Adspec::from_object(&object);
            prop_assert_eq!(again.as_ref(), Ok(&adspec));
            prop_assert_eq!(again.unwrap().to_object(), object);
        }
    }

    #[test]
    fn order_of_hops_does_not_matter(hops in prop::collection::vec((1.0_f32..1e9, any::<u32>(), 1_u32..9000,
        any::<u32>(), any::<u32>()), 0..6)) {
        let compose = |adspec: Adspec, (rate, latency, mtu, c, d): &(f32, u32, u32, u32, u32)| {
            adspec.compose(&element(*rate, *latency, *mtu, Some((*c, *d))))
        };
        let start = || Adspec::of_link(bandwidth(1e8), 9000).with_guaranteed(true);
        prop_assert_eq!(hops.iter().fold(start(), compose), hops.iter().rev().fold(start(), compose));
    }
}
