//! What goes out: names, ways, answers and repetitions.

use core::time::Duration;
use std::net::IpAddr;

use fairway_wire::Instant;

use super::flush::{Departure, Signing};
use super::ids::{Name, Order};
use super::io::{AckDue, Delivery, Destination, IdOfState, Outgoing, StateKey, Via};
use super::neighbours::{Neighbours, Timer};
use super::peer::{Peer, PeerKey};
use super::udp;
use crate::interface::{IfIndex, UdpEncapsulation};
use crate::msg::{Body, Message};
use crate::notice::Why;
use crate::wire::{AckKind, Id, MessageIdAck};

/// One neighbour may leave this part of [`Limits::unacknowledged`](crate::engine::Limits::unacknowledged) unanswered, so
/// that one who answers nothing does not take the others' room; and [`LEAST_SHARE`] at least.
const SHARES: usize = 8;

/// The least of what one neighbour may leave unanswered, if the limit of all is not less.
const LEAST_SHARE: usize = 64;

impl Neighbours {
    /// Sends a message of the engine: named and repeated if its neighbour can that, at the next flush.
    ///
    /// What cannot be sent or encoded is dropped and counted.
    pub fn send(&mut self, now: Instant, outgoing: Outgoing) {
        self.now = now;
        let Outgoing {
            interface,
            to,
            source,
            ttl,
            state,
            trigger,
            body,
        } = outgoing;
        if let Body::Path(path) = &body {
            // The sender is there again. If this Path has no name, nothing would tell that a tear is older than it.
            for id in self.ids.overtaken_by(interface, path) {
                self.stop_waiting(id);
            }
        }
        let neighbour = match to {
            Destination::Neighbour(neighbour) => Some(neighbour),
            Destination::Towards { neighbour, .. } => neighbour,
        };
        let peer = neighbour
            .map(|neighbour| (interface, neighbour))
            .filter(|peer| self.is_capable(*peer));
        let mut order = Order {
            interface,
            to,
            source,
            message: Message::new(ttl, body),
        };
        match (peer, state) {
            (Some(peer), Some(key)) => self.name_state(now, &mut order, peer, key, trigger),
            (Some(peer), None) => {
                let id = self.ids.next();
                self.name_message(now, &mut order, peer, None, id);
            }
            (None, Some(key)) => self.forget(key),
            (None, None) => {}
        }
        self.dispatch(&order);
        if let Some(link) = self.links.get_mut(&interface)
            && let Some(security) = &link.interface.settings.security
            && security.handshake
        {
            link.recent.keep(now, order);
        }
    }

    /// Gives the message of a state a name: a new one if it says something new, else the one it has.
    fn name_state(
        &mut self,
        now: Instant,
        order: &mut Order,
        peer: PeerKey,
        key: StateKey,
        trigger: bool,
    ) {
        let known = self.ids.name(key).copied();
        if let Some(known) = known {
            // Whatever was said about this state before is out of date.
            self.stop_waiting(known.id);
            self.count_out(&known);
        }
        let Some(made) = self.peers.get_mut(&peer).map(|peer| {
            peer.named += 1;
            peer.made
        }) else {
            return;
        };
        let generator = generator(order, &self.own_address(peer));
        let flow = flow(&order.message.body);
        let same = known
            .filter(|known| (known.peer, known.made) == (peer, made))
            // An identifier belongs to the address it was given out under.
            .filter(|known| (known.generator, known.flow) == (generator, flow))
            .filter(|_| !trigger);
        if let (Some(known), None) = (&known, &same) {
            self.unlist(known);
        }
        let (id, acknowledged) = match same {
            Some(known) => (known.id, known.acknowledged),
            None => (self.ids.next(), false),
        };
        let name = Name {
            peer,
            made,
            generator,
            id,
            acknowledged,
            listed: same.is_some_and(|known| known.listed),
            resend: false,
            asked: known.and_then(|known| known.asked),
            flow,
        };
        self.ids.set_name(key, name);
        if acknowledged {
            order.message.message_id = Some(self.ids.object(id, false));
        } else {
            self.name_message(now, order, peer, Some(key), id);
        }
    }

    /// Gives a message this name, and waits for the answer. Without room to wait, none is asked for.
    fn name_message(
        &mut self,
        now: Instant,
        order: &mut Order,
        peer: PeerKey,
        state: Option<StateKey>,
        id: Id,
    ) {
        let has_room = self.has_room_to_wait(peer);
        order.message.message_id = Some(self.ids.object(id, has_room));
        if has_room {
            self.wait(now, id, peer, state, order.clone());
        } else {
            let message_type = order.message.body.message_type();
            self.counters.turn_to(peer.0, Some(message_type));
            self.counters.dropped("unacknowledged");
            let why = Why::limit("unacknowledged", self.limits.unacknowledged);
            self.note(peer, why);
        }
    }

    /// Whether one more message may wait for its answer, of all and of this neighbour's.
    fn has_room_to_wait(&self, peer: PeerKey) -> bool {
        let most = self.limits.unacknowledged;
        let share = (most / SHARES).max(LEAST_SHARE);
        let waiting = self.peers.get(&peer).map_or(0, |peer| peer.waiting);
        self.ids.waiting_len() < most && waiting < share
    }

    /// A name is no longer its peer's, if that is still the same.
    fn count_out(&mut self, name: &Name) {
        if let Some(peer) = self.peers.get_mut(&name.peer)
            && peer.made == name.made
        {
            peer.named = peer.named.saturating_sub(1);
        }
    }

    fn own_address(&self, (interface, neighbour): PeerKey) -> Option<IpAddr> {
        self.links
            .get(&interface)
            .and_then(|link| link.interface.address(neighbour))
    }

    fn wait(&mut self, now: Instant, id: Id, key: PeerKey, state: Option<StateKey>, order: Order) {
        let Some(retransmission) = self
            .links
            .get(&key.0)
            .map(|link| link.interface.settings.retransmission)
        else {
            return;
        };
        if let Some(wait) = self.ids.wait(id, key, state, order, retransmission) {
            self.timers.set(Timer::Retransmit(id), now + wait);
            if let Some(peer) = self.peers.get_mut(&key) {
                peer.waiting += 1;
            }
        }
    }

    pub(super) fn stop_waiting(&mut self, id: Id) -> Option<super::ids::Waiting> {
        let waiting = self.ids.stop(id)?;
        self.timers.stop(&Timer::Retransmit(id));
        if let Some(peer) = self.peers.get_mut(&waiting.peer) {
            peer.waiting = peer.waiting.saturating_sub(1);
        }
        Some(waiting)
    }

    /// RFC 2961 §6.3: no answer came.
    pub(super) fn retransmit(&mut self, now: Instant, id: Id) {
        let Some((order, wait)) = self.ids.again(id) else {
            if self.stop_waiting(id).is_some() {
                self.counters.unanswered += 1;
            }
            return;
        };
        self.counters.retransmitted += 1;
        self.timers.set(Timer::Retransmit(id), now + wait);
        self.dispatch(&order);
    }

    /// RFC 2961 §2, §4.7: a neighbour does not understand identifiers any more, if it ever did. What waits for its
    /// answer goes once more, without.
    pub(super) fn incapable(&mut self, now: Instant, peer: PeerKey) {
        self.now = now;
        self.close_roll(peer);
        for id in self.ids.waiting_for(peer) {
            let Some(mut waiting) = self.stop_waiting(id) else {
                continue;
            };
            match waiting.key {
                Some(key) => self.deliveries.push_back(Delivery::Resend(key)),
                None => {
                    waiting.order.message.message_id = None;
                    self.dispatch(&waiting.order);
                }
            }
        }
    }

    /// Whether what was last said about a state was named, and nobody has acknowledged it yet.
    #[must_use]
    pub fn is_unacknowledged(&self, key: StateKey) -> bool {
        self.ids.name(key).is_some_and(|name| !name.acknowledged)
    }

    /// Whether what was last said about a state was named to that neighbour.
    #[must_use]
    pub fn is_named_to(&self, key: StateKey, interface: IfIndex, neighbour: IpAddr) -> bool {
        let name = self.ids.name(key);
        name.is_some_and(|name| name.peer == (interface, neighbour))
    }

    /// The state is gone: its name is forgotten, and what was said about it is not repeated.
    pub fn forget(&mut self, key: StateKey) {
        let Some(name) = self.ids.remove_name(key) else {
            return;
        };
        self.stop_waiting(name.id);
        self.count_out(&name);
        self.unlist(&name);
    }

    /// Acknowledges a message that was not out of order: RFC 2961 §4.6.
    pub fn acknowledge(&mut self, now: Instant, ack: AckDue) {
        self.now = now;
        let peer = (ack.interface, ack.id.generator);
        let answer = MessageIdAck {
            kind: AckKind::Ack,
            epoch: ack.id.epoch,
            id: ack.id.id,
        };
        if !ack.multicast || self.delayed_acks.len() >= self.limits.neighbours {
            self.acks.entry(peer).or_default().push(answer);
            return;
        }
        // RFC 2961 §4.6: a random wait, less than the sender's until it repeats: of that, ours is the best guess.
        self.delayed_acks.entry(peer).or_default().push(answer);
        let most = self
            .links
            .get(&ack.interface)
            .map_or(Duration::ZERO, |link| {
                link.interface.settings.retransmission.rapid_period / 2
            });
        let wait = self.secret.span_up_to(most);
        self.timers
            .set_no_later(Timer::DelayedAck(peer), now + wait);
    }

    /// Tells a neighbour that no state has this identifier: RFC 2961 §5.4.
    pub fn nack(&mut self, now: Instant, interface: IfIndex, id: IdOfState) {
        self.now = now;
        let answer = MessageIdAck {
            kind: AckKind::Nack,
            epoch: id.epoch,
            id: id.id,
        };
        self.acks
            .entry((interface, id.generator))
            .or_default()
            .push(answer);
    }

    /// Finds the way of a message and queues it.
    pub(super) fn dispatch(&mut self, order: &Order) {
        let Order {
            interface,
            to,
            source,
            ref message,
        } = *order;
        let message_type = message.body.message_type();
        self.counters.turn_to(interface, Some(message_type));
        let Some(link) = self.links.get(&interface) else {
            return self.counters.dropped("interface");
        };
        let settings = &link.interface.settings;
        if !settings.enabled {
            return self.counters.dropped("interface");
        }
        let (end, neighbour) = match to {
            Destination::Neighbour(neighbour) => {
                let udp = self
                    .peers
                    .get(&(interface, neighbour))
                    .is_some_and(|peer| peer.udp);
                let via = self.via_to(interface, udp);
                return self.depart_to((interface, neighbour), source, via, message.clone());
            }
            Destination::Towards { end, neighbour } => (end, neighbour),
        };
        if let UdpEncapsulation::Only { router } = settings.udp {
            let Some(destination) = udp::from_host(end, router) else {
                return self.counters.dropped("no_address");
            };
            // What cannot send raw cannot send under another's address.
            let Some(source) = link.interface.address(destination) else {
                return self.counters.dropped("no_address");
            };
            self.departures.push(Departure {
                interface,
                source,
                destination,
                ttl: message.send_ttl,
                router_alert: false,
                via: Via::Udp(udp::PU),
                peer: neighbour,
                takes_acks: false,
                bundle: None,
                signing: Signing::Usual,
                message: message.clone(),
            });
            return;
        }
        let own = link.interface.address(end);
        let udp = match settings.udp {
            UdpEncapsulation::Always => true,
            UdpEncapsulation::WhenHeard => link.udp_heard,
            UdpEncapsulation::Never | UdpEncapsulation::Only { .. } => false,
        };
        let Some(raw_source) = source.or(own) else {
            return self.counters.dropped("no_address");
        };
        // RFC 2961 §3.3: a Path may go in a Bundle if the next hop is known; and nobody else has to hear it.
        let bundle = neighbour
            .filter(|neighbour| !udp && self.is_capable((interface, *neighbour)))
            .and_then(|neighbour| {
                let is_udp = |peer: &Peer| peer.udp;
                let udp = self.peers.get(&(interface, neighbour)).is_some_and(is_udp);
                Some((
                    link.interface.address(neighbour)?,
                    neighbour,
                    self.via_to(interface, udp),
                ))
            });
        let raw = Departure {
            interface,
            source: raw_source,
            destination: end,
            ttl: message.send_ttl,
            router_alert: true,
            via: Via::Raw,
            peer: neighbour,
            takes_acks: false,
            bundle,
            signing: Signing::Usual,
            message: message.clone(),
        };
        self.departures.push(raw.clone());
        // RFC 2205 appendix C: and UDP(D, Pu′), for hosts that hear nothing else.
        if udp {
            let Some(source) = own else {
                return self.counters.dropped("no_address");
            };
            self.departures.push(Departure {
                source,
                router_alert: false,
                via: Via::Udp(udp::PU_PRIME),
                bundle: None,
                ..raw
            });
        }
    }

    /// Queues a message that goes to a neighbour's own address.
    pub(super) fn depart_to(
        &mut self,
        (interface, neighbour): PeerKey,
        source: Option<IpAddr>,
        via: Via,
        message: Message,
    ) {
        let Some(own) = self.own_address((interface, neighbour)) else {
            return self.counters.dropped_nowhere("no_address");
        };
        let source = source.unwrap_or(own);
        let capable = self.is_capable((interface, neighbour));
        self.departures.push(Departure {
            interface,
            source,
            destination: neighbour,
            ttl: message.send_ttl,
            router_alert: false,
            via,
            peer: Some(neighbour),
            takes_acks: true,
            bundle: capable.then_some((source, neighbour, via)),
            signing: Signing::Usual,
            message,
        });
    }
}

/// RFC 2961 §4.1: the address that identifiers are given out under.
fn generator(order: &Order, own: &Option<IpAddr>) -> IpAddr {
    let hop = order.message.body.hop().map(|hop| hop.address);
    let unspecified = IpAddr::from([0; 4]);
    hop.or(order.source).or(*own).unwrap_or(unspecified)
}

/// Source and group, of the Path of a multicast session.
fn flow(body: &Body) -> Option<(IpAddr, IpAddr)> {
    let Body::Path(path) = body else {
        return None;
    };
    let group = Some(path.session.destination).filter(IpAddr::is_multicast)?;
    Some((path.sender.as_ref()?.template.0.address(), group))
}
