//! What reservations promise, held against what the network does, link by link filled with what nobody reserved for:
//! RFC 2211, RFC 2212.

use super::flow::{Arrived, Bucket, Plan, Sink, at_random, greedy, steady};
use super::lab::{Lab, Path, octets};
use fairway_rsvp::intserv::delay::queueing_delay;
use fairway_rsvp::intserv::{Flowspec, Rspec};
use fairway_sim::fairway_stack::Instant;
use std::time::Duration;

/// A path of three links of 10 Mbit/s; each is entered by a source of its own, which wants twice as much.
const NETWORK: &str = "
    host   sender receiver  west middle east
    router r1 r2 r3
    link   sender r1  100us
    link   west   r1  100us
    link   middle r2  100us
    link   east   r3  100us
    link   r1 r2        10Mbit/s 5ms
    link   r2 r3        10Mbit/s 3ms
    link   r3 receiver  10Mbit/s 1ms
";

const PATH: [&str; 5] = ["sender", "r1", "r2", "r3", "receiver"];

const SPAN: Duration = Duration::from_secs(4);

/// The latency of the sender's own link, which no router tells of.
const ACCESS: Duration = Duration::from_micros(100);

/// Who asks for guaranteed service, and for which R: long packets, a burst at once and little more than its rate; packets
/// of all lengths, a burst with a peak, and thrice its rate; short packets, and ten times their rate.
fn guaranteed() -> [(Bucket, u64); 3] {
    [
        (
            Bucket {
                rate: 125_000,
                size: 15_000,
                peak: None,
                shortest: 1_500,
                longest: 1_500,
            },
            130_000,
        ),
        (
            Bucket {
                rate: 60_000,
                size: 9_000,
                peak: Some(300_000),
                shortest: 64,
                longest: 1_500,
            },
            180_000,
        ),
        (
            Bucket {
                rate: 25_000,
                size: 2_500,
                peak: None,
                shortest: 300,
                longest: 300,
            },
            250_000,
        ),
    ]
}

/// The bound of RFC 2212 end to end.
fn bound(path: &Path<'_>, bucket: &Bucket, reserved: u64) -> Duration {
    let adspec = path.adspec();
    let terms = adspec.guaranteed.as_ref().unwrap().terms.unwrap().total;
    let latency = adspec.general.values.latency.known().unwrap();
    queueing_delay(&bucket.tspec(), octets(reserved), terms) + latency + ACCESS
}

/// Reserves guaranteed service from port `port` to the same.
fn reserve(path: &mut Path<'_>, bucket: &Bucket, reserved: u64, port: u16) {
    let rspec = Rspec {
        rate: octets(reserved),
        slack_micros: 0,
    };
    let tspec = bucket.tspec();
    let flowspec = Flowspec::Guaranteed(tspec, rspec);
    path.reserve(flowspec, tspec, ("sender", port), ("receiver", port));
}

/// Fills each link twofold; the sinks of that.
fn flood(lab: &Lab) -> Vec<Sink> {
    let floods = [("west", 20), ("middle", 21), ("east", 22)];
    floods
        .map(|(from, port)| {
            lab.send(
                (from, port),
                ("receiver", port),
                steady(2_500_000, 1500, SPAN),
            );
            lab.sink("receiver", port)
        })
        .into()
}

/// Lets the network run until all is over; what came to each.
fn run(lab: &Lab, sinks: Vec<Sink>) -> Vec<Arrived> {
    let end: Instant = lab.network.now() + SPAN + Duration::from_secs(3);
    let mut tasks = Vec::new();
    for mut sink in sinks {
        tasks.push(lab.node("receiver").spawn(async move {
            sink.until(end).await;
            sink.arrived()
        }));
    }
    lab.network.run(async {
        let mut arrived = Vec::new();
        for task in tasks {
            arrived.push(task.await.unwrap());
        }
        arrived
    })
}

/// RSVP-10; RFC 2212: nothing is lost and nothing is late, by not a nanosecond, whatever others send.
fn nothing_is_late(seed: u64, plan: impl Fn(&Bucket, u64) -> Plan) {
    let lab = Lab::new(seed, NETWORK);
    lab.greet();
    let mut path = Path::new(&lab, &PATH, |_| ());
    let flows = guaranteed();
    let bounds: Vec<Duration> = flows
        .iter()
        .map(|(bucket, reserved)| bound(&path, bucket, *reserved))
        .collect();
    let mut sinks = flood(&lab);
    let mut sent = Vec::new();
    for (port, (bucket, reserved)) in (100..).zip(&flows) {
        reserve(&mut path, bucket, *reserved, port);
        let plan = plan(bucket, u64::from(port));
        sent.push(plan.len());
        lab.send(("sender", port), ("receiver", port), plan);
        sinks.push(lab.sink("receiver", port));
    }
    // What else may be reserved is, and is used.
    let other = Bucket {
        rate: 300_000,
        size: 30_000,
        peak: None,
        shortest: 500,
        longest: 1_500,
    };
    let controlled = Flowspec::ControlledLoad(other.tspec());
    let ends = (("sender", 200), ("receiver", 200));
    path.reserve(controlled, other.tspec(), ends.0, ends.1);
    let load = greedy(&other, SPAN);
    sent.push(load.len());
    lab.send(ends.0, ends.1, load);
    sinks.push(lab.sink("receiver", 200));

    let arrived = run(&lab, sinks);
    let (best_effort, reserved) = arrived.split_at(3);
    for (at, (one, sent)) in reserved.iter().zip(&sent).enumerate() {
        assert_eq!(one.numbers.len(), *sent, "seed {seed}: flow {at} lost data");
    }
    for ((at, one), bound) in reserved.iter().enumerate().zip(&bounds) {
        let slowest = one.slowest;
        assert!(
            slowest <= *bound,
            "seed {seed}: {at}: {slowest:?} > {bound:?}"
        );
    }
    // The first flow, which sends a burst at once, gets no more than it asked for: the test is about something.
    let burst = bounds[0] / 2;
    assert!(
        reserved[0].slowest > burst,
        "seed {seed}: {:?}",
        reserved[0].slowest
    );
    // Best effort has the rest of the last link, and no more: it lost half and more.
    let octets: u64 = arrived.iter().map(|one| one.octets).sum();
    let link = lab.rate("r3", "receiver") * SPAN.as_secs();
    assert!(octets > link * 95 / 100, "seed {seed}: {octets} of {link}");
    let left: usize = best_effort.iter().map(|one| one.numbers.len()).sum();
    let offered = 3 * steady(2_500_000, 1500, SPAN).len();
    assert!(left < offered / 4, "seed {seed}: {left} of {offered}");
}

/// RSVP-10.
#[test]
fn the_worst_that_conforms_is_never_late() {
    nothing_is_late(1, |bucket, _| greedy(bucket, SPAN));
}

/// RSVP-10.
#[test]
fn what_conforms_is_never_late() {
    for seed in 2..5 {
        nothing_is_late(seed, |bucket, port| {
            at_random(bucket, SPAN, seed << 16 | port)
        });
    }
}

/// RSVP-9: the same data without a reservation is lost, and late.
#[test]
fn without_a_reservation_it_is_late_and_lost() {
    let lab = Lab::new(1, NETWORK);
    lab.greet();
    let path = Path::new(&lab, &PATH, |_| ());
    let (bucket, reserved) = &guaranteed()[0];
    let bound = bound(&path, bucket, *reserved);
    let mut sinks = flood(&lab);
    let plan = greedy(bucket, SPAN);
    let sent = plan.len();
    lab.send(("sender", 100), ("receiver", 100), plan);
    sinks.push(lab.sink("receiver", 100));
    let arrived = run(&lab, sinks).pop().unwrap();
    assert!(arrived.numbers.len() < sent * 3 / 4);
    assert!(arrived.slowest > bound * 3);
}

/// What became of a flow that sends twice what it reserved, and the bound of what it reserved; with a flood beside it, or
/// not. Another flow keeps to what it reserved, and must not notice.
fn beside_an_offender(
    flooded: bool,
    change: impl Fn(&mut fairway_rsvp::tc::TcSettings),
) -> (Arrived, Duration) {
    let lab = Lab::new(1, NETWORK);
    lab.greet();
    let mut path = Path::new(&lab, &PATH, change);
    let [(offender, granted), (honest, reserved), _] = guaranteed();
    reserve(&mut path, &offender, granted, 100);
    reserve(&mut path, &honest, reserved, 101);
    let bounds = [
        bound(&path, &offender, granted),
        bound(&path, &honest, reserved),
    ];
    let mut sinks = if flooded { flood(&lab) } else { Vec::new() };
    let plans = [
        steady(2 * offender.rate, offender.longest, SPAN),
        greedy(&honest, SPAN),
    ];
    let honest_sent = plans[1].len();
    for (port, plan) in (100..).zip(plans) {
        lab.send(("sender", port), ("receiver", port), plan);
        sinks.push(lab.sink("receiver", port));
    }
    let mut arrived = run(&lab, sinks);
    let honest = arrived.pop().unwrap();
    assert_eq!(
        honest.numbers.len(),
        honest_sent,
        "the other flow lost data"
    );
    let slowest = honest.slowest;
    assert!(slowest <= bounds[1], "{slowest:?} > {:?}", bounds[1]);
    (arrived.pop().unwrap(), bounds[0])
}

/// What of an offender's data, twice its rate, conforms: r · T + b, in packets.
fn conforming_packets() -> usize {
    let (bucket, _) = &guaranteed()[0];
    let octets = bucket.rate * SPAN.as_secs() + bucket.size;
    usize::try_from(octets / bucket.longest).unwrap()
}

/// RSVP-11; RFC 2212 "Policing": beyond what is reserved data is best effort, and what is reserved is not harmed.
#[test]
fn excess_is_best_effort() {
    let conforming = conforming_packets();
    let all = steady(250_000, 1_500, SPAN).len();
    let (alone, _) = beside_an_offender(false, |_| ());
    assert_eq!(alone.numbers.len(), all, "there is room for all");
    let (flooded, bound) = beside_an_offender(true, |_| ());
    let got = flooded.numbers.len();
    assert!(got >= conforming, "{got} of {conforming}");
    assert!(
        got < conforming + (all - conforming) * 3 / 4,
        "{got} of {all}"
    );
    // What conforms is as fast as ever.
    let mut delays = flooded.delays;
    delays.sort_unstable();
    assert!(delays[conforming - 1] <= bound, "{bound:?}");
}

/// RSVP-11: or it is dropped, where an administrator wants that.
#[test]
fn excess_is_dropped_where_that_is_wanted() {
    for flooded in [false, true] {
        let (offender, bound) = beside_an_offender(flooded, Path::drop_excess);
        let (got, conforming) = (offender.numbers.len(), conforming_packets());
        assert!(got.abs_diff(conforming) <= 1, "{got} of {conforming}");
        // What is left conforms, and is never late.
        assert!(offender.slowest <= bound, "{:?}", offender.slowest);
    }
}
