//! Reservations on a router's link, from the socket of the sender to that of the receiver (`rsvp.md` §13).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use fairway_native::event::EventId;
use fairway_native::hash::Key;
use fairway_native::qos::{
    AdmissionError, Excess, FairQueue, Fifo, Filter, FlowId, Flowspec, Policing, ReserveOptions,
    Service, Shaper, Tspec,
};
use fairway_native::stack::TrafficError;
use fairway_native::{Errno, InterfaceId};
use fairway_wire::Protocol;
use std::time::Duration;
use support::{Lab, addr, ip};

const ETH: InterfaceId = InterfaceId(2);
/// Octets of frames per second: 1 Mbit/s.
const RATE: u64 = 125_000;

fn lab() -> (Lab, usize, usize) {
    let mut lab = Lab::new();
    let (sender, receiver) = (lab.host("sender"), lab.host("receiver"));
    lab.ethernet(&[(sender, "10.0.0.1"), (receiver, "10.0.0.2")]);
    lab.settle();
    // Addresses are resolved before the link is slow.
    let id = lab.udp(sender, "0.0.0.0:1");
    lab.send(sender, id, "10.0.0.2:1", b"x").unwrap();
    (lab, sender, receiver)
}

fn spec(rate: u64, bucket: u64) -> Flowspec {
    Flowspec {
        tspec: Tspec {
            rate,
            bucket,
            peak: None,
            min_policed: 100,
            max_packet: 1500,
        },
        service: Service::Guaranteed { rate },
    }
}

#[test]
fn a_reserved_flow_overtakes_best_effort_and_keeps_its_rate() {
    let (mut lab, sender, receiver) = lab();
    let now = lab.now;
    let queue = FairQueue::new(RATE, 1500, 14, Key([1, 2]));
    lab.hosts[sender].set_queue(ETH, queue).unwrap();
    let offer = lab.hosts[sender].offer(ETH, 100, 1028).unwrap();
    assert_eq!(
        (offer.link_rate, offer.mtu, offer.terms.c),
        (RATE, 1500, 1028)
    );
    let flow = lab.hosts[sender]
        .reserve(now, ETH, spec(50_000, 3000), ReserveOptions::default())
        .unwrap();
    let filter = Filter {
        destination: Some(ip("10.0.0.2")),
        protocol: Some(Protocol::UDP),
        destination_port: Some(700),
        ..Filter::default()
    };
    lab.hosts[sender].add_filter(ETH, flow, filter).unwrap();
    assert_eq!(
        lab.hosts[sender].events().count_of(EventId::QdiscReserve),
        1
    );
    let (reserved, other) = (
        lab.udp(receiver, "0.0.0.0:700"),
        lab.udp(receiver, "0.0.0.0:800"),
    );
    let id = lab.udp(sender, "0.0.0.0:1000");
    // Two seconds' worth of best effort is there first.
    for _ in 0..240 {
        lab.send(sender, id, "10.0.0.2:800", &[0; 1000]).unwrap();
    }
    let mut got = 0;
    for _ in 0..100 {
        // 500 octets of data, 528 of IP, each 10.56 ms: what was reserved.
        lab.send(sender, id, "10.0.0.2:700", &[1; 500]).unwrap();
        lab.pass(Duration::from_micros(10_560));
        got += std::iter::from_fn(|| lab.recv(receiver, reserved)).count();
    }
    assert!(got >= 97, "{got} of 100 in time");
    let best_effort = std::iter::from_fn(|| lab.recv(receiver, other)).count();
    // 1.056 s of the link, less 54 200 octets of the flow's.
    assert!((70..=76).contains(&best_effort), "{best_effort}");
    lab.pass(Duration::from_secs(3));
    let late = std::iter::from_fn(|| lab.recv(receiver, other)).count();
    assert_eq!(best_effort + late, 240);
    lab.hosts[sender].check().unwrap();
}

#[test]
fn a_flow_that_is_reshaped_wakes_the_interface_by_itself() {
    let (mut lab, sender, receiver) = lab();
    let now = lab.now;
    lab.hosts[sender]
        .set_queue(ETH, FairQueue::new(RATE, 1500, 14, Key([1, 2])))
        .unwrap();
    let options = ReserveOptions {
        policing: Policing::Reshape,
        excess: Excess::Drop,
        upstream_c: 100_000,
        upstream_d_micros: 0,
    };
    let flow = lab.hosts[sender]
        .reserve(now, ETH, spec(10_000, 1500), options)
        .unwrap();
    lab.hosts[sender]
        .add_filter(ETH, flow, Filter::default())
        .unwrap();
    let inbox = lab.udp(receiver, "0.0.0.0:700");
    let id = lab.udp(sender, "0.0.0.0:1000");
    for _ in 0..11 {
        lab.send(sender, id, "10.0.0.2:700", &[1; 972]).unwrap();
    }
    lab.pass(Duration::from_millis(440));
    // The bucket lets one through, then one each tenth of a second; the half that it had left comes first.
    assert_eq!(std::iter::from_fn(|| lab.recv(receiver, inbox)).count(), 5);
    // What waits goes at once when the reservation is given up.
    lab.hosts[sender].release(lab.now, ETH, flow).unwrap();
    lab.pass(Duration::from_millis(60));
    assert_eq!(std::iter::from_fn(|| lab.recv(receiver, inbox)).count(), 6);
    assert_eq!(
        lab.hosts[sender].events().count_of(EventId::QdiscRelease),
        1
    );
    lab.hosts[sender].check().unwrap();
}

#[test]
fn what_exceeds_a_reservation_is_told() {
    let (mut lab, sender, _) = lab();
    let now = lab.now;
    lab.hosts[sender]
        .set_queue(ETH, FairQueue::new(RATE, 1500, 14, Key([1, 2])))
        .unwrap();
    let options = ReserveOptions {
        excess: Excess::Drop,
        ..ReserveOptions::default()
    };
    let flow = lab.hosts[sender]
        .reserve(now, ETH, spec(10_000, 1500), options)
        .unwrap();
    lab.hosts[sender]
        .add_filter(ETH, flow, Filter::default())
        .unwrap();
    let id = lab.udp(sender, "0.0.0.0:1000");
    lab.send(sender, id, "10.0.0.2:700", &[1; 1000]).unwrap();
    assert_eq!(
        lab.send(sender, id, "10.0.0.2:700", &[1; 1000]),
        Err(Errno::NoBufs)
    );
    let events = lab.hosts[sender].events();
    assert_eq!(events.count_of(EventId::QdiscPolice), 1);
    assert_eq!(events.count_of(EventId::UdpOutputNomem), 1);
}

#[test]
fn refusals_say_why() {
    let (mut lab, sender, _) = lab();
    let (now, host) = (lab.now, &mut lab.hosts[sender]);
    let none = ReserveOptions::default();
    let plain = host.reserve(now, ETH, spec(1000, 1500), none);
    assert_eq!(plain, Err(TrafficError::Interface(Errno::OpNotSupp)));
    let nowhere = host.reserve(now, InterfaceId(9), spec(1000, 1500), none);
    assert_eq!(nowhere, Err(TrafficError::Interface(Errno::NxIo)));
    host.set_queue(ETH, FairQueue::new(RATE, 1500, 14, Key([1, 2])))
        .unwrap();
    let much = host.reserve(now, ETH, spec(RATE, 1500), none);
    assert!(matches!(
        much,
        Err(TrafficError::Admission(AdmissionError::Bandwidth { .. }))
    ));
    let gone = host.release(now, ETH, FlowId(7));
    assert_eq!(
        gone,
        Err(TrafficError::Admission(AdmissionError::NoSuchFlow))
    );
    let flow = host.reserve(now, ETH, spec(1000, 1500), none).unwrap();
    host.modify_reservation(now, ETH, flow, spec(2000, 1500), none)
        .unwrap();
    let filter = host.add_filter(ETH, flow, Filter::default()).unwrap();
    assert_eq!(host.remove_filter(ETH, filter), Ok(true));
}

#[test]
fn a_shaped_interface_sends_at_its_rate() {
    let (mut lab, sender, receiver) = lab();
    lab.hosts[sender]
        .set_queue(ETH, Shaper::new(10_420, 1042, Fifo::default()))
        .unwrap();
    let inbox = lab.udp(receiver, "0.0.0.0:700");
    let id = lab.udp(sender, "0.0.0.0:1000");
    lab.hosts[sender]
        .connect(lab.now, id, addr("10.0.0.2:700"))
        .unwrap();
    for _ in 0..20 {
        // 1000 octets and 42 of headers: ten a second.
        let none = fairway_native::Departure::default();
        let data = [std::io::IoSlice::new(&[7; 1000])];
        lab.hosts[sender]
            .send_msg(lab.now, id, &data, &none)
            .unwrap();
    }
    let mut arrivals = Vec::new();
    for _ in 0..4 {
        lab.pass(Duration::from_millis(500));
        arrivals.push(std::iter::from_fn(|| lab.recv(receiver, inbox)).count());
    }
    assert_eq!(arrivals, [6, 5, 5, 4]);
}
