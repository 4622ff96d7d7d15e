//! Reservations from end to end: made, kept, moved and given up by RSVP itself (RFC 2205).

use super::flow::{Bucket, greedy, steady};
use super::lab::Lab;
use super::speaker::Speaker;
use fairway_rsvp::api::{Call, Event, PathSender, ReserveCall, SenderCall, Service};
use fairway_rsvp::intserv::Flowspec;
use fairway_rsvp::intserv::request::{Wish, guaranteed};
use fairway_rsvp::timing::REFRESH_PERIOD;
use fairway_rsvp::wire::{ErrorCode, ErrorValue, Sender, Session, Style};
use fairway_wire::Protocol;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Three routers in a row; a source of its own fills each link that is shared.
const ROW: &str = "
    host   sender receiver  west middle east
    router r1 r2 r3
    link   sender r1    100Mbit/s 100us
    link   west   r1    100us
    link   middle r2    100us
    link   east   r3    100us
    link   r1 r2        10Mbit/s 5ms
    link   r2 r3        10Mbit/s 3ms
    link   r3 receiver  10Mbit/s 1ms
";

const SPEAKERS: [&str; 5] = ["sender", "r1", "r2", "r3", "receiver"];

const HOPS: [(&str, &str); 4] = [
    ("sender", "r1"),
    ("r1", "r2"),
    ("r2", "r3"),
    ("r3", "receiver"),
];

/// The port that data comes from and goes to.
const PORT: u16 = 5000;
/// The application on either side.
const APP: u64 = 1;

/// The nodes that speak RSVP, by name.
struct Speakers(BTreeMap<&'static str, Speaker>);

impl std::ops::Index<&str> for Speakers {
    type Output = Speaker;

    fn index(&self, name: &str) -> &Speaker {
        &self.0[name]
    }
}

fn start(lab: &Lab, names: &[&'static str]) -> Speakers {
    start_with(lab, names, REFRESH_PERIOD)
}

fn start_with(lab: &Lab, names: &[&'static str], refresh_period: Duration) -> Speakers {
    let started = names.iter().map(|name| {
        let speaker = Speaker::start(lab, name, |interface, _| {
            interface.settings.refresh_period = refresh_period;
        });
        (*name, speaker)
    });
    Speakers(started.collect())
}

fn bucket() -> Bucket {
    Bucket {
        rate: 60_000,
        size: 9_000,
        peak: Some(300_000),
        shortest: 1_000,
        longest: 1_500,
    }
}

/// `sender` announces what it sends, and `receiver` takes part.
fn open(lab: &Lab, speakers: &Speakers) {
    let session = Session {
        destination: lab.address("receiver"),
        protocol: Protocol::UDP,
        e_police: false,
        port: PORT,
    };
    let sender = SenderCall {
        template: Sender::V4(Ipv4Addr::UNSPECIFIED, PORT),
        interface: None,
        tspec: bucket().tspec(),
        adspec: None,
        policy: Vec::new(),
        ttl: 63,
    };
    speakers["receiver"].call(APP, Call::Open(session)).unwrap();
    speakers["sender"].call(APP, Call::Open(session)).unwrap();
    let call = Call::Sender(Box::new(sender));
    speakers["sender"].call(APP, call).unwrap();
}

/// The senders of which the receiver hears, once there are some.
async fn path(speakers: &Speakers) -> Vec<PathSender> {
    loop {
        match speakers["receiver"].event(APP).await {
            Event::Path(senders) if senders.is_empty() => {}
            Event::Path(senders) => return senders,
            other => panic!("{other:?}"),
        }
    }
}

/// Reserves for all of them; the longest that data may take by that.
fn reserve(speakers: &Speakers, senders: &[PathSender], wish: Duration) -> Duration {
    let wish = Wish::EndToEnd(wish);
    let mut call = ReserveCall::fixed(senders, Service::Guaranteed(wish)).unwrap();
    call.confirm = true;
    speakers["receiver"]
        .call(APP, Call::Reserve(Box::new(call)))
        .unwrap();
    let one = &senders[0];
    let made = guaranteed(&one.tspec, one.adspec.as_ref().unwrap(), wish).unwrap();
    made.end_to_end.unwrap()
}

/// Waits until sender and receiver know that it stands.
async fn stands(speakers: &Speakers) {
    match speakers["sender"].event(APP).await {
        Event::Resv { flowspec, .. } => assert!(flowspec.is_some()),
        other => panic!("{other:?}"),
    }
    match speakers["receiver"].event(APP).await {
        Event::Confirm { .. } => {}
        other => panic!("{other:?}"),
    }
}

/// Reserves once there is a path, and waits until it stands; the longest that data may take by that.
async fn reserved(speakers: &Speakers, wish: Duration) -> Duration {
    let senders = path(speakers).await;
    let bound = reserve(speakers, &senders, wish);
    stands(speakers).await;
    bound
}

/// So many reservations are on each link of the row.
#[track_caller]
fn each_hop_has(lab: &Lab, reservations: usize) {
    for (node, peer) in HOPS {
        let found = lab.reserved(node, peer).len();
        assert_eq!(found, reservations, "{node} to {peer}");
    }
}

/// No state of any node has died of old age.
#[track_caller]
fn nothing_expired(speakers: &Speakers) {
    for name in SPEAKERS {
        assert_eq!(speakers[name].with(|it| it.counters().expired), 0, "{name}");
    }
}

/// Sends as much as the sender announced, beside a flood of each link, for two seconds: nothing may be lost, or later
/// than that.
async fn nothing_is_late(lab: &Lab, floods: &[&str], bound: Duration) {
    let span = Duration::from_secs(2);
    for (port, from) in (20..).zip(floods) {
        lab.send((from, port), ("receiver", 9), steady(2_500_000, 1500, span));
    }
    let plan = greedy(&bucket(), span);
    let sent = plan.len();
    let mut sink = lab.sink("receiver", PORT);
    lab.send(("sender", PORT), ("receiver", PORT), plan);
    let end = lab.network.now() + span + Duration::from_secs(2);
    sink.until(end).await;
    let arrived = sink.arrived();
    assert_eq!(arrived.numbers.len(), sent, "data was lost");
    let slowest = arrived.slowest;
    assert!(slowest <= bound, "{slowest:?} > {bound:?}");
}

/// RFC 2205 §2.1, §3.1: Path down, Resv up, a confirmation; then data within the bound that was asked for (RSVP-4,
/// RSVP-10); then a tear, and nothing is left (RSVP-5).
#[test]
fn a_reservation_is_made_kept_and_given_up() {
    let lab = Lab::new(1, ROW);
    lab.greet();
    let speakers = start(&lab, &SPEAKERS);
    open(&lab, &speakers);
    lab.network.run(async {
        let begun = lab.network.now();
        let senders = path(&speakers).await;
        // The way, and nothing worth mentioning at each hop.
        let took = lab.network.now() - begun;
        assert!(took < Duration::from_micros(10_500), "{took:?}");
        let adspec = senders[0].adspec.as_ref().unwrap();
        assert!(!adspec.general.is_broken);
        assert_eq!(adspec.general.values.latency.micros(), 9_100);
        assert_eq!(adspec.general.values.mtu, 1500);
        assert!(!adspec.guaranteed.as_ref().unwrap().is_broken);

        let bound = reserve(&speakers, &senders, Duration::from_millis(90));
        stands(&speakers).await;
        each_hop_has(&lab, 1);
        nothing_is_late(&lab, &["west", "middle", "east"], bound).await;

        speakers["receiver"].call(APP, Call::Release).unwrap();
        lab.network.clock().sleep(Duration::from_millis(15)).await;
        each_hop_has(&lab, 0);
        speakers["sender"].call(APP, Call::Release).unwrap();
        lab.network.clock().sleep(Duration::from_millis(15)).await;
        for name in SPEAKERS {
            assert_eq!(speakers[name].with(|it| it.session_count()), 0, "{name}");
        }
    });
}

/// RFC 2205 §2.3, §3.7 (RSVP-6): refreshes keep it, though some are lost; without them it goes away by itself, everywhere.
#[test]
fn what_is_not_refreshed_goes_away() {
    let lab = Lab::new(2, ROW);
    lab.greet();
    let speakers = start(&lab, &SPEAKERS);
    open(&lab, &speakers);
    lab.network.run(async {
        reserved(&speakers, Duration::from_millis(90)).await;
        lab.network.clock().sleep(Duration::from_secs(1200)).await;
        each_hop_has(&lab, 1);
        lab.node("receiver").crash();
        // The last refresh was just before: L = (K + 0.5) · 1.5 · R = 157.5 s.
        lab.network.clock().sleep(Duration::from_secs(158)).await;
        assert!(lab.reserved("r3", "receiver").is_empty());
        lab.network.clock().sleep(Duration::from_secs(1)).await;
        each_hop_has(&lab, 0);
    });
}

/// RFC 2205 §3.11.5 wants messages protected: refreshes pass where nine of ten packets are lost, with many lifetimes of
/// that, and so does what neighbours ask each other.
#[test]
fn refreshes_pass_through_an_overload() {
    let lab = Lab::new(4, ROW);
    let speakers = start_with(&lab, &SPEAKERS, Duration::from_millis(300));
    open(&lab, &speakers);
    lab.network.run(async {
        reserved(&speakers, Duration::from_millis(90)).await;
        let span = Duration::from_secs(10);
        for (port, from) in (20..).zip(["west", "middle", "east"]) {
            lab.send((from, port), ("receiver", 9), steady(6_250_000, 1500, span));
        }
        lab.network.clock().sleep(span).await;
        each_hop_has(&lab, 1);
        nothing_expired(&speakers);
    });
}

/// RFC 2205 §2.3: a router that has forgotten everything is told again by refreshes, before anybody else forgets. By
/// summaries, too: what it does not know it asks for (RFC 2961 §5.4).
#[test]
fn a_router_that_comes_back_learns_what_was_reserved() {
    let lab = Lab::new(6, ROW);
    lab.greet();
    let period = Duration::from_secs(2);
    let mut speakers = start_with(&lab, &SPEAKERS, period);
    open(&lab, &speakers);
    lab.network.run(async {
        reserved(&speakers, Duration::from_millis(90)).await;
        lab.network.clock().sleep(period * 5).await;
        lab.node("r2").crash();
        lab.network.clock().sleep(period / 2).await;
        lab.node("r2").restart();
        let again = Speaker::start(&lab, "r2", |interface, _| {
            interface.settings.refresh_period = period;
        });
        speakers.0.insert("r2", again);
        assert!(lab.reserved("r2", "r3").is_empty());
        // A refresh of Path from one side, one of Resv from the other: at most 1.5 R each.
        lab.network.clock().sleep(period * 3).await;
        each_hop_has(&lab, 1);
        nothing_expired(&speakers);
    });
}

/// RFC 2205 §3.1.8, appendix B: the first node that has not enough says so to the receiver, and nothing is reserved
/// upstream of it.
#[test]
fn what_cannot_be_had_is_refused_where_it_is_missing() {
    let lab = Lab::new(7, ROW);
    lab.greet();
    let speakers = start(&lab, &SPEAKERS);
    open(&lab, &speakers);
    lab.network.run(async {
        let senders = path(&speakers).await;
        let much = guaranteed(
            &senders[0].tspec,
            senders[0].adspec.as_ref().unwrap(),
            Wish::EndToEnd(Duration::from_millis(90)),
        )
        .unwrap();
        // More than three quarters of a link, whatever the Adspec said.
        let rate = 1_000_000.0;
        let flowspec = Flowspec::guaranteed(*much.flowspec.tspec(), rate, 0).unwrap();
        let call = ReserveCall {
            style: Style::FF,
            filters: vec![senders[0].template],
            flowspecs: vec![flowspec],
            confirm: false,
            interface: None,
            policy: Vec::new(),
        };
        speakers["receiver"]
            .call(APP, Call::Reserve(Box::new(call)))
            .unwrap();
        match speakers["receiver"].event(APP).await {
            Event::ResvError { error, .. } => {
                assert_eq!(error.code, ErrorCode::ADMISSION_CONTROL);
                assert_eq!(error.value, ErrorValue::BANDWIDTH.0);
                let refused_by = lab.node("r3").addresses();
                assert!(refused_by.contains(&match error.node {
                    std::net::IpAddr::V4(node) => node,
                    std::net::IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
                }));
            }
            other => panic!("{other:?}"),
        }
        each_hop_has(&lab, 0);
    });
}

/// A run is a function of its seed: the same messages at the same nanoseconds, the same frames on each link.
#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let lab = Lab::new(seed, ROW);
        let capture = lab.network.capture_all();
        let speakers = start(&lab, &SPEAKERS);
        open(&lab, &speakers);
        lab.network.run(async {
            reserved(&speakers, Duration::from_millis(90)).await;
            lab.network.clock().sleep(Duration::from_secs(300)).await;
        });
        drop(capture);
        let logs: Vec<Vec<String>> = SPEAKERS.iter().map(|name| speakers[name].log()).collect();
        (lab.network.fingerprint(), logs)
    };
    let (first, again, other) = (run(8), run(8), run(9));
    assert!(first.1.iter().all(|log| !log.is_empty()), "{first:?}");
    assert!(first == again, "two runs of one seed differ");
    assert!(first != other);
}

/// Two ways from the first router to the last.
const DIAMOND: &str = "
    host   sender receiver  west
    router r1 upper lower r4
    link   sender r1      100Mbit/s 100us
    link   west   r1      100us
    link   r1 upper       10Mbit/s 2ms
    link   upper r4       10Mbit/s 2ms
    link   r1 lower       10Mbit/s 4ms
    link   lower r4       10Mbit/s 4ms
    link   r4 receiver    10Mbit/s 1ms
";

/// RFC 2205 §3.6 (RSVP-7): when the routes change, path and reservation follow them after W, and what is behind goes.
#[test]
fn a_reservation_follows_the_routes() {
    let lab = Lab::new(3, DIAMOND);
    lab.greet();
    let names = ["sender", "r1", "upper", "lower", "r4", "receiver"];
    let speakers = start(&lab, &names);
    open(&lab, &speakers);
    lab.network.run(async {
        reserved(&speakers, Duration::from_millis(120)).await;
        let (first, second) = if lab.reserved("r1", "upper").is_empty() {
            ("lower", "upper")
        } else {
            ("upper", "lower")
        };
        assert!(lab.reserved("r1", second).is_empty());

        lab.unplug("r1", first);
        lab.network.route_all();
        // W = 2 s, the way there and back, and some.
        lab.network
            .clock()
            .sleep(Duration::from_millis(2_500))
            .await;
        assert_eq!(lab.reserved("r1", second).len(), 1);
        assert_eq!(lab.reserved(second, "r4").len(), 1);
        // What the receiver asked for is kept on the new way, and so is its bound there.
        let senders = path(&speakers).await;
        let bound = reserve(&speakers, &senders, Duration::from_millis(120));
        lab.network.clock().sleep(Duration::from_secs(1)).await;
        nothing_is_late(&lab, &["west"], bound).await;
        lab.network.clock().sleep(Duration::from_secs(158)).await;
        assert!(lab.reserved(first, "r4").is_empty());
        assert_eq!(lab.reserved("r4", "receiver").len(), 1);
    });
}
