use super::*;
use proptest::prelude::*;

const FREE: f32 = f32::INFINITY;

#[track_caller]
fn close(value: f64, expected: f64) {
    assert!(
        (value - expected).abs() <= expected.abs() * 1e-6,
        "{value} instead of {expected}"
    );
}

fn flow(r: f32, b: f32, p: f32, max: u32) -> Tspec {
    Tspec::new(r, b, p, 1, max).unwrap()
}

fn rate(value: f64) -> BytesPerSec {
    BytesPerSec::nearest(value)
}

fn millis(value: u64) -> Duration {
    Duration::from_millis(value)
}

/// RFC 2212 "Guaranteed delay bound".
#[test]
fn bounds() {
    for (r, b, p, max, reserved, c, d, bound) in [
        (100e3, 2600.0, 100e3, 1300, 100e3, 0, 0, 0.013),
        (100e3, 2600.0, 100e3, 1300, 200e3, 0, 0, 0.0065),
        (125e3, 10e3, 250e3, 1500, 125e3, 4500, 3000, 0.119),
        (125e3, 10e3, 250e3, 1500, 187.5e3, 4500, 3000, 0.057_666_667),
        (125e3, 10e3, 250e3, 1500, 250e3, 4500, 3000, 0.027),
        (125e3, 10e3, 250e3, 1500, 300e3, 4500, 3000, 0.023),
        (125e3, 10e3, FREE, 1500, 187.5e3, 4500, 3000, 0.080_333_333),
        (8e3, 400.0, 64e3, 200, 16e3, 1500, 20_000, 0.136_964_286),
        (1e6, 1e5, 1e7, 1500, 2e6, 30_000, 50_000, 0.109_527_778),
    ] {
        let delay = queueing_delay(&flow(r, b, p, max), rate(reserved), ErrorTerms::new(c, d));
        close(delay.as_secs_f64(), bound);
    }
}

#[test]
fn rates_for_wished_delays() {
    let terms = ErrorTerms::new(4500, 3000);
    let wished = |p, millis_wished| {
        rate_for_delay(&flow(125e3, 10e3, p, 1500), terms, millis(millis_wished))
            .map(|rate| rate.wide())
    };
    assert_eq!(wished(250e3, 60), Some(184_000.0));
    assert_eq!(wished(250e3, 120), Some(125_000.0));
    assert_eq!(wished(250e3, 20), Some(352_941.187_5));
    close(wished(FREE, 60).unwrap(), 254_385.965);
    assert_eq!(wished(FREE, 3), None);
    assert_eq!(wished(250e3, 3), None);
    let fast = rate_for_delay(
        &flow(625e3, 20e3, 2.5e6, 1500),
        ErrorTerms::new(3000, 2000),
        millis(30),
    );
    close(fast.unwrap().wide(), 770_246.479);
}

#[test]
fn time_to_spare_is_slack() {
    let (flow, terms) = (flow(125e3, 10e3, 250e3, 1500), ErrorTerms::new(4500, 3000));
    assert_eq!(slack(&flow, rate(125e3), terms, millis(120)), 1000);
    assert_eq!(slack(&flow, rate(125e3), terms, millis(150)), 31_000);
    assert_eq!(slack(&flow, rate(125e3), terms, millis(100)), 0);
}

/// RFC 2212: a node that reserves less and uses slack.
#[test]
fn slack_at_a_node() {
    let flow = flow(125e3, 10e3, FREE, 1500);
    let request = |r, slack_micros| Rspec {
        rate: rate(r),
        slack_micros,
    };
    let least = spend_slack(&flow, 3000, request(250e3, 20_000));
    close(least.rate.wide(), 180_555.556);
    assert_eq!(least.slack_micros, 0);
    for (to, left) in [(200e3, 7000), (240e3, 17_833), (190e3, 3578)] {
        assert_eq!(
            slack_left(&flow, 3000, request(250e3, 20_000), rate(to)),
            Some(left)
        );
    }
    assert_eq!(
        slack_left(&flow, 3000, request(250e3, 20_000), rate(180e3)),
        None
    );
    assert_eq!(
        slack_left(&flow, 3000, request(250e3, 20_000), rate(260e3)),
        None
    );
    assert_eq!(
        spend_slack(&flow, 3000, request(250e3, 100_000)),
        request(125e3, 48_000)
    );
    let least = spend_slack(&flow, 1500, request(187.5e3, 5000));
    close(least.rate.wide(), 173_366.834);
    assert_eq!(least.slack_micros, 0);
    assert_eq!(take_slack(request(1e6, 10), 3), Some(request(1e6, 7)));
    assert_eq!(take_slack(request(1e6, 10), 11), None);
}

/// RFC 2212 "Guidelines for Implementors".
#[test]
fn buffers() {
    let peaky = flow(125e3, 10e3, 250e3, 1500);
    let free = flow(125e3, 10e3, FREE, 1500);
    let sums = ErrorTerms::new(4500, 3000);
    close(buffer(&peaky, rate(187.5e3), sums, 0), 10_812.5);
    close(
        buffer(&peaky, rate(187.5e3), ErrorTerms::new(4500, 100_000), 0),
        25_500.0,
    );
    close(buffer(&peaky, rate(300e3), sums, 0), 6000.0);
    close(buffer(&free, rate(187.5e3), sums, 0), 15_062.5);
    close(reshaper_queue(&free, sums), 14_875.0);
    close(buffer(&peaky, rate(187.5e3), sums, 7000), 12_125.0);
    close(buffer(&free, rate(187.5e3), sums, 7000), 16_375.0);
    // p = r: no burst above the rate.
    let smooth = flow(100e3, 2600.0, 100e3, 1300);
    close(
        buffer(&smooth, rate(100e3), ErrorTerms::new(1000, 0), 0),
        2300.0,
    );
}

#[test]
fn terms_of_fair_queueing() {
    let terms = ErrorTerms::of_fair_queueing(1500, 1500, rate(1.25e6));
    assert_eq!(terms, ErrorTerms::new(1500, 1200));
    assert_eq!(
        ErrorTerms::of_fair_queueing(9000, 1500, rate(7e6)).d_micros,
        215
    );
}

fn any_flow() -> impl Strategy<Value = Tspec> {
    let peak = prop_oneof![Just(FREE), 1.0_f32..1e9];
    (1.0_f32..1e8, 1.0_f32..1e7, peak, 1_u32..9000).prop_map(|(r, b, p, max)| flow(r, b, p, max))
}

fn any_terms() -> impl Strategy<Value = ErrorTerms> {
    (0_u32..1_000_000, 0_u32..1_000_000).prop_map(|(c, d)| ErrorTerms::new(c, d))
}

proptest! {
    #[test]
    fn more_rate_is_less_delay(flow in any_flow(), terms in any_terms(), a in 1.0_f64..1e9, b in 1.0_f64..1e9) {
        let (slow, fast) = (a.min(b), a.max(b));
        let slow = queueing_delay(&flow, rate(slow), terms).as_secs_f64();
        prop_assert!(queueing_delay(&flow, rate(fast), terms).as_secs_f64() <= slow * (1.0 + 1e-9) + 1e-9);
    }

    /// The rate meets the wish, and one that is a little smaller does not.
    #[test]
    fn rate_for_delay_is_the_least(flow in any_flow(), terms in any_terms(), micros in 1_u64..100_000_000) {
        let wished = Duration::from_micros(micros);
        match rate_for_delay(&flow, terms, wished) {
            Some(found) => {
                let delay = queueing_delay(&flow, found, terms).as_secs_f64();
                prop_assert!(delay <= wished.as_secs_f64() * (1.0 + 1e-9) + 2e-9);
                prop_assert!(found >= flow.rate());
                if found > flow.rate() {
                    let less = queueing_delay(&flow, rate(found.wide() * 0.9999), terms).as_secs_f64();
                    prop_assert!(less >= wished.as_secs_f64() * (1.0 - 1e-6));
                }
            }
            None => prop_assert!(
                queueing_delay(&flow, rate(39e12), terms).as_secs_f64() >= wished.as_secs_f64() * (1.0 - 1e-9) - 1e-9
            ),
        }
    }

    /// The inequality of RFC 2212 holds for whatever is handed on, but for a microsecond of rounding.
    #[test]
    fn slack_is_never_made_up(flow in any_flow(), c in 0_u32..1_000_000, factor in 1.0_f64..100.0,
        slack_micros in any::<u32>()) {
        let request = Rspec { rate: rate(flow.rate().wide() * factor), slack_micros };
        let out = spend_slack(&flow, c, request);
        let octets = flow.bucket().wide().max(f64::from(flow.max_packet_size())) + f64::from(c);
        let time = |rspec: Rspec| seconds(rspec.slack_micros) + octets / rspec.rate.wide();
        prop_assert!(time(out) <= time(request) * (1.0 + 1e-6) + 1e-6);
        prop_assert!(out.rate >= flow.rate() && out.rate <= request.rate);
        prop_assert!(out.slack_micros <= slack_micros);
    }

    #[test]
    fn buffers_hold_a_burst(flow in any_flow(), sums in any_terms(), r in 1.0_f64..1e9) {
        let octets = buffer(&flow, rate(r), sums, 0);
        prop_assert!(octets.is_finite() && octets >= f64::from(flow.max_packet_size()));
        // What arrives until the first octet is served has to fit.
        let r = rate(r).max(flow.rate());
        let latency = sums.c() / r.wide() + sums.d();
        let flow = flow.with_peak_of_rate();
        prop_assert!(octets * (1.0 + 1e-6) + 1.0 >= flow.guaranteed_curve(span(latency)));
    }
}
