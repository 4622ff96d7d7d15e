//! The end of path state, and of the hops it comes from: RFC 2209 §2, PTEAR; RFC 2205 §3.1.5.
//!
//! Where this leaves RFC 2209: PathTear has to name the previous hop, as RFC 2205 §3.1.5 wants; where another hop still
//! announces the sender, it is not passed on.

use fairway_wire::Instant;

use super::core::Named;
use super::node::Node;
use super::path::{contents_of_state, psb_key};
use super::refresh::Cause;
use crate::interface::IfIndex;
use crate::msg::{Body, PathTear, TornSender};
use crate::neighbour::{Arrival, Destination, Neighbours, Outgoing, Verdict};
use crate::state::{OtherHop, PathOut, Phop, Print, PsbKey, SessionState};
use crate::wire::{SenderTemplate, Style, UnknownObject};

impl Node {
    /// Processes a PathTear; whether it was not out of order.
    pub(super) fn handle_path_tear(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        arrival: &Arrival,
        tear: &PathTear,
        named: Named,
    ) -> bool {
        let Some(sender) = &tear.sender else {
            return true;
        };
        let key = psb_key(session, arrival, sender.template);
        // RFC 2205 §3.1.5: it has to match the previous hop, too.
        let is_from = |phop: Phop| phop.is_node(arrival.interface, tear.hop.address);
        let is_late = |id| Neighbours::judge(id, named.0, named.1) == Verdict::OutOfOrder;
        let Some(psb) = session.psbs.get_mut(&key) else {
            self.drop_message("PathTear without state");
            return true;
        };
        if is_from(psb.phop) {
            if is_late(psb.id) {
                return false;
            }
            if !self.fall_back(now, session, key) {
                self.end_path(now, session, key, &tear.unknown);
            }
            return true;
        }
        match psb.others.iter().position(|other| is_from(other.phop)) {
            Some(at) if psb.others.get(at).is_some_and(|other| is_late(other.id)) => false,
            Some(at) => {
                let other = psb.others.swap_remove(at);
                self.end_other_hop(now, session, other);
                true
            }
            None => {
                self.drop_message("PathTear without state");
                true
            }
        }
    }

    /// The hop that a sender's Paths came from has torn, fallen silent or become unreachable: another that still announces
    /// it, if there is one, takes its place. If that one has said something else, that is learned from its next Path.
    pub(super) fn fall_back(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: PsbKey,
    ) -> bool {
        let Some(psb) = session.psbs.get_mut(&key) else {
            return false;
        };
        let living = psb.others.iter().enumerate();
        let living = living.filter(|(_, other)| {
            other.expires > now && self.interface(other.phop.interface()).is_some()
        });
        let Some((at, _)) = living.max_by_key(|(_, other)| other.expires) else {
            return false;
        };
        let next = psb.others.swap_remove(at);
        // Its name stands for what it has said: kept only if that is what is known.
        let next_id = next.id.filter(|_| next.contents == contents_of_state(psb));
        let phop = core::mem::replace(&mut psb.phop, next.phop);
        let id = core::mem::replace(&mut psb.id, next_id);
        psb.incoming = next.phop.interface();
        (psb.expires, psb.lifetime) = (next.expires, next.lifetime);
        session.want(next.expires);
        for id in [id, next.id] {
            self.drop_id(session, id);
        }
        if self.route_sender(session, key) {
            self.repair(now, session);
        }
        self.note_scope(now, session);
        self.path_changed(now, session, key, Cause::Moved);
        self.refresh_resv(now, session, phop, Cause::Gone);
        true
    }

    /// Asks a hop that has announced a sender for nothing any more, if there is another; whether there is.
    pub(super) fn give_up_hop(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: PsbKey,
        phop: Phop,
    ) -> bool {
        let Some(psb) = session.psbs.get_mut(&key) else {
            return false;
        };
        match psb.others.iter().position(|other| other.phop == phop) {
            Some(at) => {
                let other = psb.others.swap_remove(at);
                self.end_other_hop(now, session, other);
                true
            }
            None => psb.phop == phop && self.fall_back(now, session, key),
        }
    }

    /// Nothing comes in by an interface any more: senders that other hops announce come from those.
    pub(super) fn leave_interface(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        interface: IfIndex,
    ) {
        let behind = |phop: &Phop| phop.interface() == interface;
        let hops: Vec<(PsbKey, Phop)> = session
            .psbs
            .iter()
            .filter(|(_, psb)| !psb.others.is_empty())
            .flat_map(|(key, psb)| psb.hops().filter(behind).map(|phop| (*key, phop)))
            .collect();
        for (key, phop) in hops {
            self.give_up_hop(now, session, key, phop);
        }
    }

    /// Ends what other hops have not refreshed.
    pub(super) fn end_other_hops(&mut self, now: Instant, session: &mut SessionState) {
        let mut ended = Vec::new();
        for (_, psb) in session.psbs.iter_mut() {
            ended.extend(psb.others.extract_if(.., |other| other.expires <= now));
        }
        for other in ended {
            self.counters.expired += 1;
            self.end_other_hop(now, session, other);
        }
    }

    pub(super) fn end_other_hop(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        other: OtherHop,
    ) {
        self.drop_id(session, other.id);
        self.note_scope(now, session);
        self.refresh_resv(now, session, other.phop, Cause::Gone);
    }

    /// Path state ends, by a PathTear, or because the application withdraws: tears on, and gives up what depends on it. No
    /// Resv and no ResvErr follow.
    pub(super) fn end_path(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: PsbKey,
        unknown: &[UnknownObject],
    ) {
        self.end_paths(now, session, &[key], unknown);
    }

    /// As [`end_path`](Self::end_path), of several at once: for want of refreshes.
    pub(super) fn end_paths(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        keys: &[PsbKey],
        unknown: &[UnknownObject],
    ) {
        let mut any = false;
        for key in keys {
            any |= self.remove_path(now, session, *key, unknown);
        }
        if any {
            self.note_scope(now, session);
            // RFC 2205 §3.1.5: no Resv goes out for this; the PathTear has made the change upstream.
            self.refresh_all(now, session, Cause::Gone);
            self.tell_paths(session);
        }
    }

    fn remove_path(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: PsbKey,
        unknown: &[UnknownObject],
    ) -> bool {
        let Some(psb) = session.psbs.get(&key) else {
            return false;
        };
        let outs = psb.outgoing.clone();
        for out in outs {
            self.send_path_tear(now, session, key, out, unknown);
        }
        // RFC 2209 has the next two the other way round, which would leave the sender's Tspec in Path_Te.
        let Some(psb) = session.psbs.remove(&key) else {
            return false;
        };
        self.senders = self.senders.saturating_sub(1);
        self.drop_id(session, psb.id);
        for other in &psb.others {
            self.drop_id(session, other.id);
        }
        let dependent: Vec<_> = session
            .rsbs
            .iter()
            .filter(|(rsb_key, rsb)| psb.sends_to(rsb_key.outgoing) && rsb.selects(&key.sender))
            .map(|(rsb_key, _)| *rsb_key)
            .collect();
        for rsb_key in dependent {
            let still = session.psbs.iter().any(|(other, psb)| {
                session.rsbs.get(&rsb_key).is_some_and(|rsb| {
                    rsb.covers(rsb_key.outgoing, other, psb)
                        && (rsb.style == Style::WF || other.sender == key.sender)
                })
            });
            if still {
                self.update_and_report(now, session, super::control::tcsb_of(&rsb_key));
            } else {
                self.drop_filter(now, session, rsb_key, key.sender);
            }
        }
        true
    }

    /// Sends a PathTear by one interface; what was sent there before is not refreshed or sent again.
    pub(super) fn send_path_tear(
        &mut self,
        now: Instant,
        session: &SessionState,
        key: PsbKey,
        out: PathOut,
        unknown: &[UnknownObject],
    ) {
        self.neighbours.forget(out.key);
        if out.told == Print::NEVER {
            return;
        }
        let destination = session.key.destination;
        let Some(psb) = session.psbs.get(&key) else {
            return;
        };
        let hop = self.hop(out.interface, out.interface.0, destination);
        let ttl = self.forwarded_ttl(psb, out.interface);
        let (Some(hop), Some(ttl)) = (hop, ttl) else {
            return;
        };
        let body = Body::PathTear(PathTear {
            session: session.key.session(),
            hop,
            sender: Some(TornSender {
                template: SenderTemplate(key.sender),
                tspec: Some(psb.tspec_object.clone()),
                adspec: None,
            }),
            unknown: unknown.to_vec(),
        });
        let neighbour = self.next_rsvp_hop(session, out.interface);
        self.send(
            now,
            Outgoing {
                interface: out.interface,
                to: Destination::Towards {
                    end: destination,
                    neighbour,
                },
                source: Some(key.sender.address()),
                ttl,
                state: None,
                trigger: true,
                body,
            },
        );
    }
}
