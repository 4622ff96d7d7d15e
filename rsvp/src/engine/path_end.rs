//! The end of path state: RFC 2209 §2, PTEAR; RFC 2205 §3.1.5.
//!
//! Where this leaves RFC 2209: PathTear has to name the previous hop, as RFC 2205 §3.1.5 wants; where another hop still
//! announces the sender, it is not passed on.

use fairway_wire::Instant;

use super::core::Named;
use super::node::Node;
use super::path::psb_key;
use super::refresh::Cause;
use crate::msg::PathTear;
use crate::neighbour::{Arrival, Neighbours, Verdict};
use crate::state::{Phop, PsbKey, SessionState};
use crate::wire::{Style, UnknownObject};

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
}
