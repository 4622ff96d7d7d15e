use super::*;
use proptest::prelude::*;

fn a() -> Tspec {
    Tspec::new(100e3, 10e3, 200e3, 64, 1500).unwrap()
}

fn b() -> Tspec {
    Tspec::new(80e3, 20e3, 300e3, 128, 1000).unwrap()
}

fn c() -> Tspec {
    Tspec::new(100e3, 20e3, 200e3, 64, 1500).unwrap()
}

fn tspec(r: f32, b: f32, p: f32, m: u32, max: u32) -> Tspec {
    Tspec::new(r, b, p, m, max).unwrap()
}

/// RFC 2211 §8, RFC 2212 "Ordering and Merging".
#[test]
fn two_flows_without_order() {
    assert_eq!(a().partial_cmp(&b()), None);
    assert_eq!(a().merge(&b()), tspec(100e3, 20e3, 300e3, 64, 1000));
    assert_eq!(
        a().least_upper_bound(&b()),
        tspec(100e3, 20e3, 300e3, 64, 1500)
    );
    assert_eq!(a().sum(&b()), tspec(180e3, 30e3, 500e3, 64, 1500));
    assert_eq!(a().minimum(&b()), tspec(80e3, 20e3, 200e3, 64, 1000));
    assert_eq!(
        a().greatest_lower_bound(&b()),
        tspec(80e3, 10e3, 200e3, 128, 1000)
    );
}

#[test]
fn the_smaller_of_ordered_flows_is_the_minimum() {
    assert!(c() > a());
    assert_eq!(a().minimum(&c()), a());
    assert_eq!(c().minimum(&a()), a());
}

/// RFC 2212: conforming data in T.
#[test]
fn curves() {
    let flow = tspec(1000.0, 4000.0, 4000.0, 1, 1000);
    for (millis, guaranteed, controlled_load) in [
        (0, 1000.0, 4000.0),
        (500, 3000.0, 4500.0),
        (1000, 5000.0, 5000.0),
        (2000, 6000.0, 6000.0),
    ] {
        let span = Duration::from_millis(millis);
        assert_eq!(flow.guaranteed_curve(span), guaranteed);
        assert_eq!(flow.controlled_load_curve(span), controlled_load);
    }
    let free = tspec(1000.0, 4000.0, f32::INFINITY, 1, 1000);
    assert_eq!(free.guaranteed_curve(Duration::ZERO), 4000.0);
}

/// RFC 2211 §7: what m is for.
#[test]
fn link_headers_cost_bandwidth() {
    let on_link = |m| tspec(100e3, 10e3, 200e3, m, 1500).on_link(14);
    assert_eq!(on_link(100), 1.14);
    // No packet is shorter than its header.
    assert_eq!([on_link(1), on_link(20)], [1.7; 2]);
}

/// RFC 2210 §3.1.
#[test]
fn golden_octets_both_ways() {
    let flow = tspec(625e3, 20e3, 1.25e6, 100, 1500);
    let words: [u32; 8] = [
        0x0000_0007,
        0x0100_0006,
        0x7f00_0005,
        0x4918_9680,
        0x469c_4000,
        0x4998_9680,
        0x64,
        0x5dc,
    ];
    let octets: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    let object = flow.to_object();
    assert_eq!(object.0.body(), &octets);
    assert_eq!(Tspec::from_object(&object, Reading::Strict), Ok(flow));
}

fn from_words(words: &[u32]) -> SenderTspecObject {
    let octets: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    SenderTspecObject(Opaque::new(CType(2), octets).unwrap())
}

fn read(r: u32, b: u32, p: u32, m: u32, max: u32, reading: Reading) -> Result<Tspec, TspecError> {
    Tspec::from_object(
        &from_words(&[7, 0x0100_0006, 0x7f00_0005, r, b, p, m, max]),
        reading,
    )
}

/// RFC 2212, RFC 2215 §3.6: what the floats can be.
#[test]
fn floats_out_of_range_are_refused() {
    let good = 0x4918_9680;
    let rate = |bits| read(bits, good, 0x7f80_0000, 1, 1500, Reading::Strict);
    assert!(rate(0x3f80_0000).is_ok());
    for bad in [
        0x3f7f_ffff,
        0x8000_0000,
        0x7fc0_0000,
        0x7f80_0000,
        0xc918_9680,
        0,
    ] {
        assert_eq!(rate(bad), Err(TspecError::Rate), "{bad:#x}");
        assert_eq!(
            read(good, bad, good, 1, 1500, Reading::Strict),
            Err(TspecError::Bucket)
        );
        if bad != 0x7f80_0000 {
            assert_eq!(
                read(good, good, bad, 1, 1500, Reading::Strict),
                Err(TspecError::Peak)
            );
        }
    }
    // Discouraged (2³⁶ and up), and allowed up to 40 · 10¹².
    assert!(rate(0x517f_ffff).is_ok() && rate(0x5180_0000).is_ok() && rate(0x5611_84e7).is_ok());
    assert_eq!(rate(0x5620_0000), Err(TspecError::Rate));
}

/// What deployed routers send: m = 0; M = 0, 2³¹ − 1 or 1500.
#[test]
fn routers_values_are_put_right() {
    let good = 0x4918_9680;
    let deployed = Reading::Deployed { mtu: 1400 };
    for (m, max, sizes) in [
        (0, 0, (1, 1400)),
        (0, 0x7fff_ffff, (1, 1400)),
        (0, 1500, (1, 1500)),
        (64, 65_535, (64, 65_535)),
        (64, 65_536, (64, 1400)),
        (1450, 0, (1400, 1400)),
    ] {
        let flow = read(good, good, good, m, max, deployed).unwrap();
        assert_eq!((flow.min_policed_unit(), flow.max_packet_size()), sizes);
        if m == 0 {
            assert!(read(good, good, good, m, max, Reading::Strict).is_err());
        }
    }
    assert!(read(good, good, good, 200, 100, deployed).is_err());
}

/// RFC 2210 appendix 1: walk by lengths.
#[test]
fn odd_forms() {
    let longer = [
        9,
        0x0100_0008,
        0x2a00_0001,
        7,
        0x7f00_0005,
        0x4918_9680,
        0x469c_4000,
        0x4998_9680,
        100,
        1500,
    ];
    assert!(Tspec::from_object(&from_words(&longer), Reading::Strict).is_ok());
    let form = |words: &[u32]| match Tspec::from_object(&from_words(words), Reading::Strict) {
        Err(TspecError::Form(form)) => form,
        other => panic!("{other:?}"),
    };
    assert_eq!(form(&[]), FormError::Length);
    assert_eq!(form(&[8, 0x0100_0006]), FormError::Length);
    assert_eq!(form(&[0x1000_0000]), FormError::Version(1));
    assert_eq!(form(&[0]), FormError::NoService(ServiceNumber::GENERAL));
    assert_eq!(
        form(&[1, 0x0100_0000]),
        FormError::NoParameter(ParameterNumber::TOKEN_BUCKET)
    );
    assert_eq!(form(&[1, 0x0100_0001]), FormError::Length);
    assert_eq!(
        form(&[3, 0x0100_0002, 0x7f00_0001, 0]),
        FormError::Size(ParameterNumber::TOKEN_BUCKET)
    );
}

pub(in crate::intserv) fn any_tspec() -> impl Strategy<Value = Tspec> {
    // Few different values, so that pairs are often equal or ordered in a component; sums stay exact.
    let small = || (1_u16..8).prop_map(|n| f32::from(n) * 1000.0);
    let rate = prop_oneof![small(), 1.0_f32..1e9];
    let bucket = prop_oneof![small(), 1.0_f32..1e9];
    let peak = prop_oneof![small(), 1.0_f32..1e9, Just(f32::INFINITY)];
    (rate, bucket, peak, 1_u32..2000, 0_u32..2000)
        .prop_map(|(r, b, p, m, more)| Tspec::new(r, b, p, m, m + more).unwrap())
}

proptest! {
    #[test]
    fn order_is_partial(x in any_tspec(), y in any_tspec(), z in any_tspec()) {
        prop_assert_eq!(x.partial_cmp(&x), Some(Ordering::Equal));
        prop_assert_eq!(x.partial_cmp(&y), y.partial_cmp(&x).map(Ordering::reverse));
        prop_assert_eq!(x.partial_cmp(&y) == Some(Ordering::Equal), x == y);
        if x <= y && y <= z {
            prop_assert!(x <= z);
        }
    }

    #[test]
    fn operations_commute_associate_and_repeat(x in any_tspec(), y in any_tspec(), z in any_tspec()) {
        for op in [Tspec::merge, Tspec::least_upper_bound, Tspec::greatest_lower_bound] {
            prop_assert_eq!(op(&x, &y), op(&y, &x));
            prop_assert_eq!(op(&x, &op(&y, &z)), op(&op(&x, &y), &z));
            prop_assert_eq!(op(&x, &x), x);
        }
        prop_assert_eq!(x.minimum(&y), y.minimum(&x));
        prop_assert_eq!(x.minimum(&x), x);
        prop_assert_eq!(x.sum(&y), y.sum(&x));
    }

    #[test]
    fn bounds_are_bounds(x in any_tspec(), y in any_tspec(), z in any_tspec()) {
        let upper = x.least_upper_bound(&y);
        prop_assert!(upper >= x && upper >= y);
        if z >= x && z >= y {
            prop_assert!(z >= upper);
        }
        let lower = x.greatest_lower_bound(&y);
        if x.min_policed_unit().max(y.min_policed_unit()) <= lower.max_packet_size() {
            prop_assert!(lower <= x && lower <= y);
            if z <= x && z <= y {
                prop_assert!(z <= lower);
            }
        }
        let sum = x.sum(&y);
        prop_assert!(sum >= x && sum >= y);
        if x <= y {
            prop_assert_eq!(x.minimum(&y), x);
            prop_assert_eq!(x.least_upper_bound(&y), y);
        }
    }

    #[test]
    fn sums_associate_but_for_rounding(x in any_tspec(), y in any_tspec(), z in any_tspec()) {
        let (left, right) = (x.sum(&y).sum(&z), x.sum(&y.sum(&z)));
        prop_assert!((left.rate().get() - right.rate().get()).abs() <= left.rate().get() * 1e-6);
        prop_assert!((left.bucket().get() - right.bucket().get()).abs() <= left.bucket().get() * 1e-6);
    }

    #[test]
    fn results_are_legal_and_survive_the_wire(x in any_tspec(), y in any_tspec()) {
        let all = [x.merge(&y), x.least_upper_bound(&y), x.sum(&y), x.minimum(&y), x.greatest_lower_bound(&y)];
        for flow in all {
            prop_assert_eq!(Tspec::from_object(&flow.to_object(), Reading::Strict), Ok(flow));
        }
    }
}
