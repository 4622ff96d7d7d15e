//! RSVP: messages, the objects of Integrated Services, and what passes between neighbours.

use core::time::Duration;
use std::net::IpAddr;

use bytes::Bytes;
use fairway_rsvp::engine::Limits;
use fairway_rsvp::integrity::{Algorithm, Key};
use fairway_rsvp::interface::{IfIndex, Interface, Settings, UdpEncapsulation};
use fairway_rsvp::intserv::{Adspec, Flowspec, Reading, Tspec};
use fairway_rsvp::msg::{Body, Message};
use fairway_rsvp::neighbour::{
    Arrival, Delivery, Destination, Neighbours, Outgoing, Security, SecurityKey, StateKey, Via,
};
use fairway_rsvp::wire::{
    AdspecObject, CType, FlowspecObject, KeyId, Opaque, SenderTspecObject, verify_checksum,
};
use fairway_wire::Instant;

/// What is read and written is read as the same, and written as the same octets. The octet before the input proper says
/// what it is.
pub(super) fn objects(input: &[u8]) -> bool {
    let Some((which, octets)) = super::parted(input) else {
        return false;
    };
    let opaque = || Opaque::new(CType(2), Bytes::copy_from_slice(octets));
    let reading = match which & 4 {
        0 => Reading::Strict,
        _ => Reading::Deployed { mtu: 1500 },
    };
    match which % 4 {
        0 => message(octets),
        1 => opaque().is_some_and(|opaque| {
            let read = |object: &_| Tspec::from_object(object, reading).ok();
            let Some(tspec) = read(&SenderTspecObject(opaque)) else {
                return false;
            };
            assert_eq!(read(&tspec.to_object()), Some(tspec));
            true
        }),
        2 => opaque().is_some_and(|opaque| {
            let read = |object: &_| Flowspec::from_object(object, reading).ok();
            let Some(flowspec) = read(&FlowspecObject(opaque)) else {
                return false;
            };
            assert_eq!(read(&flowspec.to_object()), Some(flowspec));
            true
        }),
        _ => opaque().is_some_and(|opaque| {
            let Ok(adspec) = Adspec::from_object(&AdspecObject(opaque)) else {
                return false;
            };
            let object = adspec.to_object();
            assert_eq!(Adspec::from_object(&object).as_ref(), Ok(&adspec));
            true
        }),
    }
}

fn message(octets: &[u8]) -> bool {
    let Ok(message) = Message::decode(&whole(octets)) else {
        return false;
    };
    let written = Bytes::from(message.encode().expect("what was decoded can be encoded"));
    assert!(verify_checksum(&written));
    let again = Message::decode(&written).expect("what was encoded can be decoded");
    assert_eq!(again, message);
    assert_eq!(again.encode().map(Bytes::from), Ok(written));
    true
}

/// The octets as one message: its length is theirs, and no checksum was sent.
fn whole(octets: &[u8]) -> Bytes {
    let mut octets = octets.to_vec();
    octets.truncate(octets.len() / 4 * 4);
    let length = u16::try_from(octets.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    if let Some(head) = octets.first_chunk_mut::<8>() {
        let [_, _, c0, c1, _, _, l0, l1] = head;
        [*c0, *c1] = [0, 0];
        [*l0, *l1] = length;
    }
    octets.into()
}

const LINK: IfIndex = IfIndex(1);

/// Two nodes on a link, one of which also hears the input. Steps of four octets: what, how long a datagram follows, what
/// with. Nobody panics, whatever is sent can be read, time goes on, and a stranger gets little back.
pub(super) fn neighbours(input: &[u8]) -> bool {
    let Some((which, mut rest)) = super::parted(input) else {
        return false;
    };
    let addresses = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
    let limits = Limits {
        neighbours: 8,
        unacknowledged: 16,
        ..Limits::default()
    };
    let mut nodes = addresses.map(|address| {
        let mut node = Neighbours::new(u64::from(which), 1, &limits);
        node.set_interface(Instant::ZERO, &interface(address, which));
        node
    });
    let mut now = Instant::ZERO;
    let (mut delivered, mut steps) = (false, 0);
    while let Some((step, behind)) = rest.split_first_chunk::<4>() {
        let [what, with, l0, l1] = *step;
        let length = usize::from(u16::from_be_bytes([l0, l1])).min(behind.len());
        let (octets, behind) = behind.split_at(length);
        rest = behind;
        steps += 1;
        if steps > 64 {
            break;
        }
        let key = StateKey(u64::from(with % 8));
        let [first, _] = &mut nodes;
        match what % 8 {
            0 | 1 => {
                let arrival = arrival(addresses, with, what & 8 != 0);
                first.handle_datagram(now, &arrival, &Bytes::copy_from_slice(octets));
            }
            2 => {
                let arrival = arrival(addresses, with, what & 8 != 0);
                first.handle_datagram(now, &arrival, &whole(octets));
            }
            3 => {
                now += Duration::from_millis(u64::from(with) * u64::from(with));
                for node in &mut nodes {
                    node.handle_timeout(now);
                    assert!(node.poll_timeout().is_none_or(|next| next > now));
                }
            }
            4 | 5 => {
                if let Ok(message) = Message::decode(&whole(octets))
                    && !matches!(message.body, Body::Bundle(_))
                {
                    let [_, neighbour] = addresses;
                    let to = match what & 16 {
                        0 => Destination::Neighbour(neighbour),
                        _ => Destination::Towards {
                            end: IpAddr::from([10, 9, 9, 9]),
                            neighbour: (what & 32 != 0).then_some(neighbour),
                        },
                    };
                    let outgoing = Outgoing {
                        interface: LINK,
                        to,
                        source: None,
                        ttl: 64,
                        state: (what & 64 != 0).then_some(key),
                        trigger: what & 128 != 0,
                        body: message.body,
                    };
                    first.send(now, outgoing);
                }
            }
            6 => first.summarise(now, LINK, key),
            _ => first.forget(key),
        }
        delivered |= settle(&mut nodes, now);
    }
    delivered
}

fn interface(address: IpAddr, which: u8) -> Interface {
    let key = SecurityKey {
        id: KeyId::from_octets([0, 0, 0, 0, 0, 1]),
        key: Key::new(Algorithm::HmacMd5, b"rsvp-example-key"),
        neighbour: None,
        starts: 0,
        ends: u64::MAX,
    };
    let security = Security {
        keys: vec![key],
        required: which & 2 != 0,
        handshake: which & 4 != 0,
        window: 4,
    };
    let settings = Settings {
        security: (which & 1 != 0).then_some(security),
        udp: match which >> 3 & 3 {
            0 => UdpEncapsulation::Never,
            1 => UdpEncapsulation::WhenHeard,
            2 => UdpEncapsulation::Always,
            _ => UdpEncapsulation::Only { router: None },
        },
        hello_interval: (which & 32 != 0).then_some(Duration::from_secs(1)),
        refresh_reduction: which & 64 == 0,
        ..Settings::default()
    };
    Interface {
        index: LINK,
        name: "eth0".into(),
        addresses: vec![address],
        mtu: 1500,
        up: true,
        point_to_point: true,
        settings,
    }
}

/// From the neighbour or a stranger, to this node or a group.
fn arrival([own, neighbour]: [IpAddr; 2], with: u8, udp: bool) -> Arrival {
    Arrival {
        interface: LINK,
        source: match with & 1 {
            0 => neighbour,
            _ => IpAddr::from([10, 0, 0, with]),
        },
        destination: match with & 2 {
            0 => own,
            _ => IpAddr::from([239, 1, 1, 1]),
        },
        ttl: (!udp).then_some(with),
        via: if udp {
            Via::Udp(1698 + u16::from(with & 4 != 0))
        } else {
            Via::Raw
        },
    }
}

/// Carries everything between the nodes; whether something was for an engine.
fn settle(nodes: &mut [Neighbours; 2], now: Instant) -> bool {
    let mut delivered = false;
    // What the nodes have to say to each other comes to an end.
    for round in 0..16 {
        let mut quiet = true;
        for turned in [false, true] {
            let [first, second] = &mut *nodes;
            let (from, to) = if turned {
                (second, first)
            } else {
                (first, second)
            };
            while let Some(delivery) = from.poll_delivery() {
                delivered = true;
                answer(from, now, &delivery);
            }
            while let Some(transmit) = from.poll_transmit() {
                quiet = false;
                let message = Message::decode(&transmit.payload).expect("it can be read");
                assert_eq!(message.send_ttl, transmit.ttl);
                let arrival = Arrival {
                    interface: LINK,
                    source: transmit.source,
                    destination: transmit.destination,
                    ttl: (transmit.via == Via::Raw).then_some(transmit.ttl),
                    via: transmit.via,
                };
                to.handle_datagram(now, &arrival, &transmit.payload);
            }
        }
        if quiet {
            return delivered;
        }
        assert!(round < 15, "they go on and on");
    }
    delivered
}

/// What an engine without state answers.
fn answer(node: &mut Neighbours, now: Instant, delivery: &Delivery) {
    match delivery {
        Delivery::Message { ack: Some(ack), .. } => node.acknowledge(now, *ack),
        Delivery::Refreshed {
            interface,
            id,
            flow: None,
        } => node.nack(now, *interface, *id),
        Delivery::Resend(key) => node.forget(*key),
        _ => {}
    }
}
