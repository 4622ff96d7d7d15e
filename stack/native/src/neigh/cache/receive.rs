//! What ARP packets tell (RFC 826, "Packet Reception"; RFC 5227 §2.4).

use super::own::announcement;
use super::{ArpCache, Place, State, covers, may_be_neighbour};
use crate::iface::InterfaceId;
use crate::neigh::claim::Answer;
use crate::neigh::{ClaimState, Heard};
use fairway_wire::arp::{self, Operation};
use fairway_wire::{Instant, MacAddr};
use std::net::Ipv4Addr;

impl ArpCache {
    /// An ARP packet came by `interface`.
    pub fn handle_arp(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        packet: &arp::Packet,
    ) -> Heard {
        let Some(link) = self.links.get_mut(&interface) else {
            return Heard::Nothing;
        };
        match packet.operation {
            Operation::REQUEST => self.counters.requests_received += 1,
            Operation::REPLY => self.counters.replies_received += 1,
            _ => return Heard::BadOperation,
        }
        let &arp::Packet {
            sender_mac,
            sender_ip,
            target_ip,
            ..
        } = packet;
        if sender_mac.is_multicast() || sender_mac == MacAddr::default() {
            self.counters.bad_received += 1;
            return Heard::BroadcastSource;
        }
        if !packet.is_probe() && !may_be_neighbour(sender_ip) {
            self.counters.bad_received += 1;
            return Heard::BadSender;
        }
        if sender_mac == link.mac {
            // Our own packet, repeated by the network (RFC 5227 §2.1.1, the note).
            return Heard::Own;
        }
        // RFC 5227 §2.1.1 and §2.4: the sender has an address of ours, or asks for one that we ask for too.
        let conflict = link.claims.iter_mut().find(|claim| {
            claim.address == sender_ip
                || (packet.is_probe() && claim.address == target_ip && claim.is_probing())
        });
        if let Some(claim) = conflict
            && claim.state() != ClaimState::Lost
        {
            let address = claim.address;
            let answer = claim.handle_conflict(now);
            link.conflicts = link.conflicts.saturating_add(1);
            self.counters.conflicts += 1;
            if answer == Answer::Defend {
                let packet = announcement(link.mac, address);
                self.transmit(interface, MacAddr::BROADCAST, packet);
            }
            self.plan_claims();
            return Heard::Conflict {
                address,
                mac: sender_mac,
                lost: answer == Answer::GiveUp,
            };
        }
        let our_mac = link.mac;
        let for_us = link
            .claims
            .iter()
            .any(|claim| claim.address == target_ip && claim.is_usable());
        let on_link = link.claims.iter().any(|claim| covers(claim, sender_ip));
        // RFC 826, "Packet Reception": first the merge, then, if the target is us, the new entry, then the reply.
        let mut heard = Heard::Nothing;
        let asks_us = for_us && packet.operation == Operation::REQUEST;
        if !packet.is_probe() {
            let place = (interface, sender_ip);
            if self.entries.contains_key(&place) {
                heard = self.learn(now, place, sender_mac);
            } else if asks_us && on_link && self.make_room() {
                // Whoever asks for us is about to send to us, and will want an answer.
                self.insert(now, place);
                heard = self.learn(now, place, sender_mac);
            } else if asks_us && on_link {
                self.counters.no_room += 1;
            }
        }
        if asks_us {
            let reply = arp::Packet {
                operation: Operation::REPLY,
                sender_mac: our_mac,
                sender_ip: target_ip,
                target_mac: sender_mac,
                target_ip: sender_ip,
            };
            if self.transmits < self.limits.output {
                self.counters.replies_sent += 1;
                self.transmit(interface, sender_mac, reply);
            } else {
                self.counters.replies_suppressed += 1;
            }
        }
        heard
    }

    /// A packet of a higher layer shows that the neighbour is there: its entry holds as if it had just answered
    /// (RFC 1122 §2.3.2.1 (4)).
    pub fn confirm(&mut self, now: Instant, interface: InterfaceId, address: Ipv4Addr) {
        let place = (interface, address);
        if let Some(State::Reachable { mac, .. } | State::Probing { mac, .. }) =
            self.entries.get(&place).map(|entry| &entry.state)
        {
            let mac = *mac;
            self.set_reachable(now, place, mac);
        }
    }

    /// The neighbour of an entry said what its hardware address is.
    fn learn(&mut self, now: Instant, place: Place, mac: MacAddr) -> Heard {
        let known = match self.entries.get(&place).map(|entry| &entry.state) {
            // What was set by hand stays.
            None | Some(State::Permanent { .. }) => return Heard::Nothing,
            Some(State::Reachable { mac, .. } | State::Probing { mac, .. }) => Some(*mac),
            Some(State::Incomplete { .. } | State::Suspended { .. }) => None,
        };
        self.generation += u64::from(known.is_some_and(|known| known != mac));
        self.release(place, mac);
        self.set_reachable(now, place, mac);
        let address = place.1;
        match known {
            None => Heard::Resolved { address, mac },
            Some(from) if from != mac => Heard::Moved {
                address,
                from,
                to: mac,
            },
            Some(_) => Heard::Nothing,
        }
    }
}
