//! What comes in.

use core::time::Duration;
use std::collections::BTreeSet;
use std::net::IpAddr;

use bytes::Bytes;
use fairway_wire::Instant;

use super::flush::{Departure, Signing};
use super::hello::OwnInstance;
use super::io::{AckDue, Arrival, Delivery, IdOfState, Via};
use super::neighbours::{Neighbours, Timer};
use super::peer::{Heard, PeerKey, Way};
use super::security::Security;
use super::signatures::{AssociationKey, Check, Outside, fault, named_key};
use super::udp;
use crate::error::DecodeErrorKind;
use crate::interface::UdpEncapsulation;
use crate::msg::{Body, HelloMessage, IntegrityChallenge, IntegrityResponse, Message, Srefresh};
use crate::notice::Why;
use crate::wire::{
    AckKind, Challenge, Header, Hello, HelloKind, Id, IdEntries, Integrity, MessageIdAck,
    MessageType, verify_checksum,
};

/// The TTL of messages between neighbours.
pub(super) const NEIGHBOUR_TTL: u8 = 255;

/// RFC 3209 §5.1: Hello does not go further than the link.
const HELLO_TTL: u8 = 1;

/// What two TTLs tell of the way of a datagram: that with which it was sent, as it says, and that with which it came.
#[derive(Clone, Copy, Debug)]
struct Crossed {
    /// The hops without RSVP; none if it came with more than it says.
    hops: u8,
    /// The two differ: RFC 2205 §3.8. If the IP TTL is not known, they do not.
    differs: bool,
}

impl Neighbours {
    /// Takes a datagram: verified, unbundled, its answers taken; what is for the engine waits for
    /// [`poll_delivery`](Self::poll_delivery).
    pub fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &Bytes) {
        self.now = now;
        self.counters.turn_to(arrival.interface, None);
        let mut arrival = *arrival;
        let Some(link) = self.links.get(&arrival.interface) else {
            return self.counters.dropped_nowhere("interface");
        };
        let settings = &link.interface.settings;
        if !settings.enabled {
            return self.counters.dropped("interface");
        }
        if !udp::is_heard(settings.udp, arrival.via) {
            return self.counters.dropped("encapsulation");
        }
        if !is_host(arrival.source) {
            return self.counters.dropped("source");
        }
        let header = match Header::parse(datagram) {
            Ok((header, _)) => header,
            Err(kind) => return self.counters.dropped(reason(&kind)),
        };
        let message_type = Some(header.message_type);
        self.counters.turn_to(arrival.interface, message_type);
        // RFC 2205 appendix C: the TTL of UDP is not known, so it is believed.
        if let Via::Udp(_) = arrival.via {
            arrival.ttl = Some(header.send_ttl);
        }
        if header.message_type != MessageType::BUNDLE {
            let crossed = crossed(&header, &arrival);
            return self.handle_message(now, arrival, datagram, crossed, false);
        }
        let bundle = match Message::decode_within(datagram, &self.limits.message) {
            Ok(Message {
                body: Body::Bundle(bundle),
                ..
            }) => bundle,
            Ok(_) => return,
            Err(error) => return self.counters.dropped(reason(&error.kind)),
        };
        self.counters.received(MessageType::BUNDLE);
        // RFC 2961 §3.4: each is treated as if it were alone, but for the hops without RSVP, which are the Bundle's.
        let crossed = crossed(&header, &arrival);
        for part in bundle.parts() {
            self.handle_message(now, arrival, part, crossed, true);
        }
    }

    /// One message, alone or of a Bundle, that has come so far.
    fn handle_message(
        &mut self,
        now: Instant,
        arrival: Arrival,
        octets: &Bytes,
        crossed: Crossed,
        bundled: bool,
    ) {
        let header = match Header::parse(octets) {
            Ok((header, _)) => header,
            Err(kind) => return self.counters.dropped(reason(&kind)),
        };
        let message_type = Some(header.message_type);
        self.counters.turn_to(arrival.interface, message_type);
        if bundled && header.message_type == MessageType::BUNDLE {
            return self.counters.dropped(reason(&DecodeErrorKind::Nested));
        }
        let Some(link) = self.links.get(&arrival.interface) else {
            return;
        };
        let outside = Outside::of(octets);
        let sender = (arrival.interface, outside.hop.unwrap_or(arrival.source));
        if link.interface.addresses.contains(&sender.1) {
            // A group, or a loop, has given back what this node has sent.
            return self.counters.dropped("own");
        }
        if let MessageType::CHALLENGE | MessageType::RESPONSE = header.message_type {
            return self.handle_handshake(now, arrival, octets);
        }
        if let Some(security) = &link.interface.settings.security {
            let wall = self.wall(now);
            let integrity = outside.integrity.as_ref();
            match self
                .associations
                .check(security, octets, sender, integrity, wall)
            {
                Check::Good => {}
                Check::Bad(why) => {
                    self.counters.dropped(why);
                    if let Some(why) = untrusted(why, security, integrity, sender.1, wall) {
                        self.note(sender, why);
                    }
                    return;
                }
                Check::Challenge(id) => {
                    self.counters.dropped("challenged");
                    return self.challenge(now, (sender.0, sender.1, id));
                }
            }
        }
        let heard = Heard {
            flagged: bundled || header.flags.refresh_reduction(),
            way: Way::of(header.message_type),
            far: crossed.differs,
            udp: arrival.via != Via::Raw,
        };
        match Message::decode_within(octets, &self.limits.message) {
            Ok(message) => {
                self.counters.received(header.message_type);
                self.hear(now, sender, heard, header.message_type);
                self.handle_read(now, arrival, crossed, sender, message);
            }
            Err(error) => {
                if verify_checksum(octets) {
                    self.hear(now, sender, heard, header.message_type);
                }
                self.deliveries.push_back(Delivery::Unreadable {
                    arrival,
                    neighbour: sender.1,
                    error,
                });
            }
        }
    }

    /// A message that is what it says it is.
    fn handle_read(
        &mut self,
        now: Instant,
        arrival: Arrival,
        crossed: Crossed,
        sender: PeerKey,
        message: Message,
    ) {
        for ack in &message.acks {
            self.handle_ack(sender, *ack);
        }
        let mut late = false;
        let id = message.message_id.map(|object| IdOfState {
            interface: sender.0,
            generator: sender.1,
            epoch: object.epoch,
            id: object.id,
        });
        if let (Some(id), Some(peer)) = (id, self.peers.get_mut(&sender)) {
            late = peer.is_late(id.epoch, id.id);
        }
        let ack = message
            .message_id
            .filter(|object| object.ack_desired)
            .and(id)
            .map(|id| AckDue {
                interface: arrival.interface,
                id,
                multicast: arrival.destination.is_multicast(),
            });
        match &message.body {
            Body::Ack(_) => {}
            Body::Srefresh(srefresh) => {
                self.handle_srefresh(&arrival, srefresh);
                self.acknowledge_if(now, ack);
            }
            Body::Hello(HelloMessage { hello }) => {
                let hello = *hello;
                self.handle_hello(now, &arrival, sender, hello);
                self.acknowledge_if(now, ack);
            }
            Body::Bundle(_) | Body::Challenge(_) | Body::Response(_) => {}
            Body::Path(_)
            | Body::Resv(_)
            | Body::PathErr(_)
            | Body::ResvErr(_)
            | Body::PathTear(_)
            | Body::ResvTear(_)
            | Body::ResvConf(_) => {
                if let (Body::Path(_), Via::Udp(udp::PU), Some(link)) = (
                    &message.body,
                    arrival.via,
                    self.links.get_mut(&arrival.interface),
                ) {
                    link.udp_heard = true;
                }
                for id in self.ids.answered_by(sender, &message.body) {
                    self.answered(id);
                }
                self.deliveries.push_back(Delivery::Message {
                    arrival,
                    ttl: message.send_ttl.saturating_sub(crossed.hops),
                    non_rsvp_hop: crossed.differs,
                    message: Box::new(message),
                    id,
                    late,
                    ack,
                });
            }
        }
    }

    fn acknowledge_if(&mut self, now: Instant, ack: Option<AckDue>) {
        if let Some(ack) = ack {
            self.acknowledge(now, ack);
        }
    }

    /// Takes note of who was heard.
    fn hear(&mut self, now: Instant, sender: PeerKey, heard: Heard, message_type: MessageType) {
        // Who only says Hello, or whose ResvConf has come a long way, is no neighbour yet.
        let make = !matches!(message_type, MessageType::HELLO | MessageType::RESV_CONF);
        let Some(peer) = self.peer_mut(now, sender, make && is_host(sender.1)) else {
            return;
        };
        if message_type == MessageType::RESV_CONF {
            return;
        }
        if peer.hear(now, heard) {
            self.incapable(now, sender);
        }
    }

    fn handle_ack(&mut self, sender: PeerKey, ack: MessageIdAck) {
        match ack.kind {
            AckKind::Ack => {
                if self.ids.is_waiting(sender.0, ack.epoch, ack.id) {
                    self.answered(ack.id);
                }
                if let Some((_, name)) = self.ids.state_of(sender.0, ack.epoch, ack.id) {
                    name.acknowledged = true;
                }
            }
            AckKind::Nack => {
                // What is not known is sent once in the time in which an answer is waited for, however often it is
                // asked for: the message is longer than the question.
                let wait = self.links.get(&sender.0).map_or(Duration::ZERO, |link| {
                    link.interface.settings.retransmission.rapid_period
                });
                let now = self.now;
                if let Some((key, name)) = self.ids.state_of(sender.0, ack.epoch, ack.id)
                    && name.peer == sender
                    && name.asked.is_none_or(|asked| asked + wait <= now)
                {
                    name.acknowledged = false;
                    name.asked = Some(now);
                    let asked = core::mem::replace(&mut name.resend, true);
                    let before = *name;
                    name.listed = false;
                    self.unlist(&before);
                    if !asked {
                        self.deliveries.push_back(Delivery::Resend(key));
                    }
                }
            }
        }
    }

    /// A message has its answer.
    fn answered(&mut self, id: Id) {
        if let Some(waiting) = self.stop_waiting(id)
            && let Some(key) = waiting.key
            && let Some(name) = self.ids.name_mut(key)
            && name.id == id
        {
            name.acknowledged = true;
        }
    }

    /// RFC 2961 §5.3: refreshes by identifier, each once: one may have made much state, and fits a message many times.
    fn handle_srefresh(&mut self, arrival: &Arrival, srefresh: &Srefresh) {
        let generator = arrival.source;
        let interface = arrival.interface;
        // RFC 2961 §5.3: the group of C-Types 2 and 3 is that to which the message was sent.
        let group = arrival.destination;
        let mut seen = Seen::default();
        for list in &srefresh.lists {
            let epoch = list.epoch;
            let mut refreshed = |id: Id, flow: Option<(IpAddr, IpAddr)>| {
                if !seen.is_new((epoch.number(), id.0)) {
                    return;
                }
                self.deliveries.push_back(Delivery::Refreshed {
                    interface,
                    id: IdOfState {
                        interface,
                        generator,
                        epoch,
                        id,
                    },
                    flow,
                });
            };
            match &list.entries {
                IdEntries::Ids(ids) => ids.iter().for_each(|id| refreshed(*id, None)),
                IdEntries::SrcV4(ids) => ids
                    .iter()
                    .for_each(|entry| refreshed(entry.id, Some((entry.source.into(), group)))),
                IdEntries::SrcV6(ids) => ids
                    .iter()
                    .for_each(|entry| refreshed(entry.id, Some((entry.source.into(), group)))),
                IdEntries::McastV4(ids) => ids.iter().for_each(|entry| {
                    let flow = (entry.source.into(), entry.group.into());
                    refreshed(entry.id, Some(flow));
                }),
                IdEntries::McastV6(ids) => ids.iter().for_each(|entry| {
                    let flow = (entry.source.into(), entry.group.into());
                    refreshed(entry.id, Some(flow));
                }),
            }
        }
    }

    fn handle_hello(&mut self, now: Instant, arrival: &Arrival, sender: PeerKey, hello: Hello) {
        // A Bundle's is another, and with it no router was crossed either.
        let is_of_link = |ttl| matches!(ttl, HELLO_TTL | NEIGHBOUR_TTL);
        if !arrival.ttl.is_none_or(is_of_link) {
            return self.counters.dropped("ttl");
        }
        let interval = self.hello_interval(sender);
        let mut losses = 0;
        if let Some(peer) = self.peers.get_mut(&sender) {
            losses = peer.hello.losses();
            // Who does not ask takes no answers: what strangers say has no effect then.
            if let Some(interval) = interval {
                peer.says_hello = true;
                let own = |losses| self.secret.instance(sender.0, sender.1, losses);
                let ours = OwnInstance {
                    now: own(losses),
                    before: own(losses.wrapping_sub(1)),
                };
                if peer.hello.handle_hello(now, &hello, ours, interval) {
                    self.deliveries.push_back(Delivery::Lost {
                        interface: sender.0,
                        neighbour: sender.1,
                    });
                }
                losses = peer.hello.losses();
                let next = peer.hello.next(now, interval);
                self.timers.set_no_later(Timer::Hello(sender), next);
            }
        }
        if hello.kind == HelloKind::Request {
            // RFC 3209 §5.3: every request is answered, with the instance it came from.
            let ours = self.secret.instance(sender.0, sender.1, losses);
            let answer = Hello {
                kind: HelloKind::Ack,
                source_instance: ours,
                destination_instance: hello.source_instance,
            };
            let udp = arrival.via != Via::Raw;
            self.say(
                sender,
                HELLO_TTL,
                udp,
                Body::Hello(HelloMessage { hello: answer }),
            );
        }
    }

    fn hello_interval(&self, peer: PeerKey) -> Option<Duration> {
        self.links
            .get(&peer.0)
            .and_then(|link| link.interface.settings.hello_interval)
            .filter(|interval| !interval.is_zero())
    }

    /// Asks this neighbour from time to time, if that is wanted at its interface, or no longer.
    pub(super) fn start_hello(&mut self, now: Instant, peer: PeerKey) {
        match self.hello_interval(peer) {
            Some(interval) => {
                // Of two that meet at one moment, one is to be the first to ask.
                let first = interval - self.secret.span_up_to(interval / 2);
                self.timers.set_no_later(Timer::Hello(peer), now + first);
            }
            None => {
                self.timers.stop(&Timer::Hello(peer));
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.says_hello = false;
                    peer.hello.stop();
                }
            }
        }
    }

    pub(super) fn hello_timeout(&mut self, now: Instant, key: PeerKey) {
        let Some(interval) = self.hello_interval(key) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&key) else {
            return;
        };
        if peer.hello.handle_timeout(now, interval) {
            self.deliveries.push_back(Delivery::Lost {
                interface: key.0,
                neighbour: key.1,
            });
        }
        let request = Hello {
            kind: HelloKind::Request,
            source_instance: self.secret.instance(key.0, key.1, peer.hello.losses()),
            destination_instance: peer.hello.theirs(),
        };
        let is_to_ask = peer.hello.is_to_ask(now, interval);
        let (udp, next) = (peer.udp, peer.hello.next(now, interval));
        self.timers.set(Timer::Hello(key), next);
        if is_to_ask {
            self.say(
                key,
                HELLO_TTL,
                udp,
                Body::Hello(HelloMessage { hello: request }),
            );
        }
    }

    /// Challenge and Response: RFC 2747 §4.3.
    fn handle_handshake(&mut self, now: Instant, arrival: Arrival, octets: &Bytes) {
        let sender = (arrival.interface, arrival.source);
        let Some(link) = self.links.get(&arrival.interface) else {
            return;
        };
        let Some(security) = link
            .interface
            .settings
            .security
            .as_ref()
            .filter(|security| security.handshake)
        else {
            return self.counters.dropped("handshake");
        };
        let message = match Message::decode_within(octets, &self.limits.message) {
            Ok(message) => message,
            Err(error) => return self.counters.dropped(reason(&error.kind)),
        };
        let wall = self.wall(now);
        match message.body {
            Body::Challenge(IntegrityChallenge { challenge }) => {
                if named_key(security, sender.1, challenge.key_id, wall).is_none() {
                    self.counters.dropped("handshake");
                    let why = Why::Signature {
                        fault: "a challenge under a key that is not known here",
                        key: Some(challenge.key_id),
                    };
                    return self.note(sender, why);
                }
                self.counters.received(MessageType::CHALLENGE);
                // Under the address that was challenged: by it the neighbour knows whose number this is.
                let source = Some(arrival.destination)
                    .filter(|address| link.interface.addresses.contains(address))
                    .or_else(|| link.interface.address(sender.1));
                let signing = Signing::With(challenge.key_id);
                let body = Body::Response(IntegrityResponse { challenge });
                self.shake(sender, source, arrival.via != Via::Raw, body, signing);
                // Behind the answer, what was dropped before it.
                let missed = self
                    .links
                    .get_mut(&sender.0)
                    .map(|link| link.recent.missed_by(now, sender.1));
                for order in missed.into_iter().flatten() {
                    self.dispatch(&order);
                }
            }
            Body::Response(IntegrityResponse { challenge }) => {
                let good = message.integrity.is_some_and(|integrity| {
                    self.associations.respond(
                        security,
                        octets,
                        sender,
                        (&integrity, &challenge),
                        wall,
                    )
                });
                if good {
                    self.counters.received(MessageType::RESPONSE);
                    let key = (sender.0, sender.1, challenge.key_id);
                    self.timers.stop(&Timer::Challenge(key));
                } else {
                    self.counters.dropped("handshake");
                    let why = Why::Signature {
                        fault: "no answer to a challenge of ours",
                        key: Some(challenge.key_id),
                    };
                    self.note(sender, why);
                }
            }
            _ => {}
        }
    }

    /// Asks for the number that a neighbour is at, for the first time or again.
    pub(super) fn challenge(&mut self, now: Instant, key: AssociationKey) {
        let (interface, neighbour, key_id) = key;
        if !self.links.contains_key(&interface) {
            return;
        }
        let cookie = self.secret.cookie();
        let Some(wait) = self.associations.challenge(key, cookie.clone()) else {
            return;
        };
        self.timers.set(Timer::Challenge(key), now + wait);
        let source = self
            .links
            .get(&interface)
            .and_then(|link| link.interface.address(neighbour));
        let udp = self
            .peers
            .get(&(interface, neighbour))
            .is_some_and(|peer| peer.udp);
        let challenge = Challenge { key_id, cookie };
        let body = Body::Challenge(IntegrityChallenge { challenge });
        self.shake((interface, neighbour), source, udp, body, Signing::Never);
    }

    /// Queues a message of the handshake.
    fn shake(
        &mut self,
        (interface, neighbour): PeerKey,
        source: Option<IpAddr>,
        udp: bool,
        body: Body,
        signing: Signing,
    ) {
        let Some(source) = source else {
            return self.counters.dropped("no_address");
        };
        let via = self.via_to(interface, udp);
        self.departures.push(Departure {
            interface,
            source,
            destination: neighbour,
            ttl: NEIGHBOUR_TTL,
            router_alert: false,
            via,
            peer: Some(neighbour),
            takes_acks: false,
            bundle: None,
            signing,
            message: Message::new(NEIGHBOUR_TTL, body),
        });
    }

    /// Queues a message of this core's own for a neighbour.
    pub(super) fn say(&mut self, (interface, neighbour): PeerKey, ttl: u8, udp: bool, body: Body) {
        let via = self.via_to(interface, udp);
        self.depart_to((interface, neighbour), None, via, Message::new(ttl, body));
    }

    /// How a neighbour that is or is not heard in UDP is reached.
    pub(super) fn via_to(&self, interface: crate::interface::IfIndex, udp: bool) -> Via {
        let setting = self
            .links
            .get(&interface)
            .map(|link| link.interface.settings.udp);
        match setting {
            Some(UdpEncapsulation::Only { .. }) => Via::Udp(udp::PU),
            _ if udp => Via::Udp(udp::PU_PRIME),
            _ => Via::Raw,
        }
    }
}

/// What to tell of a message that was not believed, if anything.
fn untrusted(
    why: &'static str,
    security: &Security,
    integrity: Option<&Integrity>,
    sender: IpAddr,
    wall_seconds: u64,
) -> Option<Why> {
    let key = integrity.map(|integrity| integrity.key_id);
    let fault = match (why, integrity) {
        // Until the answer is there, all that comes is dropped.
        ("challenged", _) => return None,
        ("unsigned", _) => "not signed, and authentication is required",
        ("replayed", _) => "signed with a number that came before",
        ("associations", _) => "too many neighbours that sign",
        (_, Some(integrity)) => fault(security, sender, integrity, wall_seconds),
        (other, None) => other,
    };
    Some(Why::Signature { fault, key })
}

/// What a message has named already. Names are mostly listed in order, and each once.
#[derive(Default)]
struct Seen {
    ascending: Vec<(u32, u32)>,
    others: BTreeSet<(u32, u32)>,
}

impl Seen {
    /// Takes note of a name; whether it is the first time.
    fn is_new(&mut self, name: (u32, u32)) -> bool {
        if self.ascending.last().is_none_or(|last| *last < name) {
            self.ascending.push(name);
            return true;
        }
        self.ascending.binary_search(&name).is_err() && self.others.insert(name)
    }
}

/// How far a datagram has come.
fn crossed(header: &Header, arrival: &Arrival) -> Crossed {
    let sent = header.send_ttl;
    let came = arrival.ttl.unwrap_or(sent);
    Crossed {
        hops: sent.saturating_sub(came),
        differs: sent != came,
    }
}

/// Whether an address is that of one host.
fn is_host(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || broadcast)
}

/// The name of the counter of a fault.
const fn reason(kind: &DecodeErrorKind) -> &'static str {
    match kind {
        DecodeErrorKind::Short | DecodeErrorKind::Length { .. } => "length",
        DecodeErrorKind::Version(_) => "version",
        DecodeErrorKind::Checksum => "checksum",
        DecodeErrorKind::Nested => "nested",
        DecodeErrorKind::Limit(_) => "limit",
        _ => "object",
    }
}
