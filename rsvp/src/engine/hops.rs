//! Several hops that announce one sender: see [`OtherHop`].

use fairway_wire::Instant;

use super::node::Node;
use super::path::contents_of_state;
use super::refresh::Cause;
use crate::interface::IfIndex;
use crate::state::{OtherHop, Phop, Psb, PsbKey, SessionState};

impl Node {
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
        psb.forgotten = None;
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

    /// A hop that has announced a sender is not remembered any more: unless it is the same node under another handle, it
    /// is told that nothing is asked of it.
    pub(super) fn leave_hop(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: PsbKey,
        hop: Phop,
    ) {
        let Some(psb) = session.psbs.get(&key).filter(|psb| !psb.is_behind(hop)) else {
            return;
        };
        let is_same_node = matches!(hop, Phop::Hop { interface, address, .. }
            if psb.hops().any(|other| other.is_node(interface, address)));
        let asked = session.resvs.get(&hop);
        let asked = asked.filter(|resv| resv.filters().any(|sender| sender == key.sender));
        if let Some(style) = asked.map(|resv| resv.style)
            && !is_same_node
        {
            self.send_resv_tear(now, session, hop, style, &[key.sender]);
        }
        self.refresh_resv(now, session, hop, Cause::Gone);
    }
}

/// The other hops of a sender that comes by `phop` from now on: the one before, and those that it had.
pub(super) fn others_after(old: Psb, phop: Phop) -> Vec<OtherHop> {
    let contents = contents_of_state(&old);
    let is_other = |hop: Phop| match (hop, phop) {
        (
            Phop::Hop {
                interface, address, ..
            },
            new,
        ) => !new.is_node(interface, address),
        (Phop::App(_), _) => false,
    };
    let mut others = old.others;
    others.push(OtherHop {
        phop: old.phop,
        contents,
        expires: old.expires,
        lifetime: old.lifetime,
        id: old.id,
    });
    others.retain(|other| is_other(other.phop));
    if others.len() > Psb::MOST_OTHERS {
        others.sort_by_key(|other| core::cmp::Reverse(other.expires));
        others.truncate(Psb::MOST_OTHERS);
    }
    others.shrink_to_fit();
    others
}
