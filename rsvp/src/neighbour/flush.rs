//! From messages to datagrams: answers on board, Bundles, signatures.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bytes::Bytes;

use super::io::{Transmit, Via};
use super::neighbours::Neighbours;
use super::peer::PeerKey;
use super::signatures::{named_key, signing_key};
use crate::integrity::{Signature, sign};
use crate::interface::IfIndex;
use crate::msg::{Ack, Body, Bundle, Message};
use crate::notice::{About, Why};
use crate::wire::{Header, HeaderFlags, KeyId, MessageType};

/// The TTL of messages between neighbours.
const NEIGHBOUR_TTL: u8 = 255;

/// Answers that one message takes on board; what is more goes by itself.
const MOST_ON_BOARD: usize = 16;

/// Octets of an answer.
const ACK_LEN: usize = 12;

/// How a message is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signing {
    /// As the interface wants it.
    Usual,
    /// With this key: a Response.
    With(KeyId),
    /// Not: a Challenge.
    Never,
}

/// A message with its way, not encoded yet.
#[derive(Clone, Debug)]
pub(super) struct Departure {
    pub(super) interface: IfIndex,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) ttl: u8,
    pub(super) router_alert: bool,
    pub(super) via: Via,
    /// The neighbour it is for, if known: it may have a key of its own.
    pub(super) peer: Option<IpAddr>,
    /// It goes to the neighbour's own address: answers may go on board.
    pub(super) takes_acks: bool,
    /// It may go in a Bundle, from here to there.
    pub(super) bundle: Option<(IpAddr, IpAddr, Via)>,
    pub(super) signing: Signing,
    pub(super) message: Message,
}

impl Neighbours {
    /// Sends all that was queued.
    pub(super) fn flush(&mut self) {
        self.board_acks();
        let mut groups: Vec<Vec<Departure>> = Vec::new();
        let mut open: BTreeMap<(IfIndex, IpAddr, IpAddr, Option<u16>), usize> = BTreeMap::new();
        for departure in core::mem::take(&mut self.departures) {
            let place = departure.bundle.map(|(source, destination, via)| {
                let port = match via {
                    Via::Raw => None,
                    Via::Udp(port) => Some(port),
                };
                let key = (departure.interface, source, destination, port);
                *open.entry(key).or_insert(groups.len())
            });
            match place.and_then(|place| groups.get_mut(place)) {
                Some(group) => group.push(departure),
                None => groups.push(vec![departure]),
            }
        }
        for group in groups {
            self.emit(group);
        }
    }

    /// RFC 2961 §4.6: answers go with what is sent to the same neighbour anyway, or by themselves.
    fn board_acks(&mut self) {
        let mut acks = core::mem::take(&mut self.acks);
        for departure in &mut self.departures {
            let peer = (departure.interface, departure.destination);
            if departure.takes_acks
                && let Some(list) = acks.get(&peer)
                && list.len() <= MOST_ON_BOARD
                && let Some(list) = acks.remove(&peer)
            {
                departure.message.acks = list;
            }
        }
        for (peer, list) in acks {
            let udp = self.peers.get(&peer).is_some_and(|peer| peer.udp);
            let room = self.payload(peer).saturating_sub(Header::LEN) / ACK_LEN;
            for part in list.chunks(room.max(1)) {
                let message = Message {
                    acks: part.to_vec(),
                    ..Message::new(NEIGHBOUR_TTL, Body::Ack(Ack))
                };
                let via = self.via_to(peer.0, udp);
                self.depart_to(peer, None, via, message);
            }
        }
    }

    /// Octets of a message, without INTEGRITY, that fit a packet to this neighbour.
    pub(super) fn payload(&self, peer: PeerKey) -> usize {
        /// What every node takes in one piece (RFC 1122 §3.3.2), less headers.
        const LEAST: usize = 512;
        let Some(link) = self.links.get(&peer.0) else {
            return LEAST;
        };
        let mtu = usize::try_from(link.interface.mtu).unwrap_or(usize::MAX);
        let ip = if peer.1.is_ipv4() { 20 } else { 40 };
        // INTEGRITY with the longest digest there is; UDP where it may be.
        let signature = link.interface.settings.security.as_ref().map_or(0, |_| 40);
        mtu.min(usize::from(u16::MAX))
            .saturating_sub(ip + 8)
            .max(LEAST)
            .saturating_sub(signature)
    }

    /// Sends the messages of a group, in order, in as many datagrams as the MTU asks for.
    fn emit(&mut self, group: Vec<Departure>) {
        let alone = group.len() == 1;
        let mut ready: Vec<(Departure, Bytes)> = Vec::new();
        let mut size = Header::LEN;
        for departure in group {
            let message_type = departure.message.body.message_type();
            self.counters
                .turn_to(departure.interface, Some(message_type));
            let Some(octets) = self.encode(&departure) else {
                continue;
            };
            if alone {
                self.transmit(&departure, octets);
                continue;
            }
            let neighbour = departure.bundle.map_or(departure.destination, |way| way.1);
            // The room for INTEGRITY is for each message by itself: a Bundle has none.
            let most = self.payload((departure.interface, neighbour));
            if size + octets.len() > most {
                self.transmit_together(core::mem::take(&mut ready));
                size = Header::LEN;
            }
            size += octets.len();
            ready.push((departure, octets));
        }
        self.transmit_together(ready);
    }

    fn transmit_together(&mut self, mut ready: Vec<(Departure, Bytes)>) {
        let way = match ready.as_slice() {
            [] => return,
            [_] => None,
            [(first, _), ..] => first.bundle.map(|way| (first.interface, way)),
        };
        let parts = ready.iter().map(|(_, octets)| octets.clone()).collect();
        let bundle = way.and_then(|(interface, way)| {
            let bundle = Bundle::of_encoded(parts)?;
            let message = Message {
                flags: HeaderFlags::REFRESH_REDUCTION,
                ..Message::new(NEIGHBOUR_TTL, Body::Bundle(bundle))
            };
            Some((interface, way, message.encode().ok()?))
        });
        let Some((interface, (source, destination, via), octets)) = bundle else {
            for (departure, octets) in ready.drain(..) {
                self.transmit(&departure, octets);
            }
            return;
        };
        self.counters.turn_to(interface, Some(MessageType::BUNDLE));
        self.counters.sent(MessageType::BUNDLE);
        for (departure, _) in &ready {
            self.counters.sent(departure.message.body.message_type());
        }
        self.transmits.push_back(Transmit {
            interface,
            pinned: is_of_link(destination),
            source,
            destination,
            ttl: NEIGHBOUR_TTL,
            router_alert: false,
            via,
            payload: octets.into(),
        });
    }

    fn transmit(&mut self, departure: &Departure, payload: Bytes) {
        let message_type = departure.message.body.message_type();
        self.counters
            .turn_to(departure.interface, Some(message_type));
        self.counters.sent(message_type);
        let of_path = matches!(message_type, MessageType::PATH | MessageType::PATH_TEAR);
        self.transmits.push_back(Transmit {
            interface: departure.interface,
            pinned: of_path || is_of_link(departure.destination),
            source: departure.source,
            destination: departure.destination,
            ttl: departure.ttl,
            router_alert: departure.router_alert,
            via: departure.via,
            payload,
        });
    }

    /// The octets, flagged and signed as the interface wants it.
    fn encode(&mut self, departure: &Departure) -> Option<Bytes> {
        let Some(link) = self.links.get(&departure.interface) else {
            self.counters.dropped("interface");
            return None;
        };
        let settings = &link.interface.settings;
        let mut message = departure.message.clone();
        // RFC 2961 §2: in every message.
        if settings.refresh_reduction {
            message.flags = HeaderFlags::REFRESH_REDUCTION;
        }
        let wall = self.wall(self.now);
        let octets = match (&settings.security, departure.signing) {
            (None, _) | (_, Signing::Never) => message.encode(),
            (Some(security), signing) => {
                let key = match (signing, departure.peer) {
                    (Signing::With(id), Some(peer)) => {
                        named_key(security, peer, id, wall).map(|key| (key, false))
                    }
                    _ => signing_key(security, departure.peer, wall),
                };
                let Some((key, expired)) = key else {
                    self.counters.dropped("no_key");
                    let why = Why::Signature {
                        fault: "not sent: no key to sign with is valid now",
                        key: None,
                    };
                    self.notices.push(about(departure), why);
                    return None;
                };
                // RFC 2747 §5.3: rather than none; but an administrator must know.
                if expired {
                    self.counters.expired_keys_used += 1;
                    let why = Why::Signature {
                        fault: "signed with a key whose life is over, for want of another",
                        key: Some(key.id),
                    };
                    self.notices.push(about(departure), why);
                }
                let signature = Signature {
                    key_id: key.id,
                    sequence: self.sequence.next(wall),
                    handshake: security.handshake,
                };
                sign(message, signature, &key.key)
            }
        };
        match octets {
            Ok(octets) => Some(octets.into()),
            Err(_) => {
                self.counters.dropped("too_long");
                None
            }
        }
    }
}

/// What a notice of it is about.
fn about(departure: &Departure) -> About {
    let body = &departure.message.body;
    About {
        neighbour: departure.peer,
        message_type: Some(body.message_type()),
        session: body.session().copied(),
        ..About::on(departure.interface)
    }
}

/// Whether an address means something by one interface only.
const fn is_of_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_multicast() || address.is_link_local(),
        IpAddr::V6(address) => address.is_multicast() || address.is_unicast_link_local(),
    }
}
