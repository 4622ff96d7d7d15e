//! All that is known of one session.

use core::time::Duration;
use std::net::IpAddr;

use fairway_wire::{Instant, Protocol};

use super::{App, Bsb, BsbKey, Phop, Psb, PsbKey, ResvOut, Rsb, RsbKey, Tcsb, TcsbKey, VecMap};
use crate::api::ApiId;
use crate::neighbour::StateKey;
use crate::wire::{Sender, Session, Style};

/// A session's identity, in an order that keeps those of one destination and protocol together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionKey {
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) port: u16,
}

impl SessionKey {
    pub(crate) const fn of(session: &Session) -> Self {
        Self {
            destination: session.destination,
            protocol: session.protocol.0,
            port: session.port,
        }
    }

    pub(crate) const fn session(self) -> Session {
        Session {
            destination: self.destination,
            protocol: Protocol(self.protocol),
            e_police: false,
            port: self.port,
        }
    }
}

/// A session's blocks.
#[derive(Clone, Debug)]
pub(crate) struct SessionState {
    /// Its place in the engine.
    pub(crate) index: u32,
    pub(crate) key: SessionKey,
    pub(crate) psbs: VecMap<PsbKey, Box<Psb>>,
    pub(crate) rsbs: VecMap<RsbKey, Box<Rsb>>,
    pub(crate) tcsbs: VecMap<TcsbKey, Box<Tcsb>>,
    pub(crate) bsbs: VecMap<BsbKey, Box<Bsb>>,
    pub(crate) resvs: VecMap<Phop, Box<ResvOut>>,
    pub(crate) apps: VecMap<ApiId, App>,
    /// Names given to what is sent: the low half of a [`StateKey`].
    named: u32,
    /// Reservations of style WF go upstream with a SCOPE.
    pub(crate) is_scoped: bool,
    /// Paths on new interfaces are due then: local repair (RFC 2205 §3.6).
    pub(crate) repair_at: Option<Instant>,
    /// Reservation state has come or gone since this was last looked at: next hops may be others.
    pub(crate) next_hops_changed: bool,
    /// Until then nothing is torn only because routes have turned away.
    pub(crate) hold_until: Option<Instant>,
    /// The hold that began then does not last longer.
    hold_limit: Instant,
    /// Not after the earliest deadline of the blocks.
    pub(crate) next: Instant,
    /// When the engine wakes for it.
    pub(crate) armed: Instant,
}

impl SessionState {
    /// What is held back is refreshed again before it ends at previous hops.
    const LONGEST_HOLD: Duration = Duration::from_secs(60);

    pub(crate) fn new(index: u32, key: SessionKey) -> Self {
        Self {
            index,
            key,
            psbs: VecMap::default(),
            rsbs: VecMap::default(),
            tcsbs: VecMap::default(),
            bsbs: VecMap::default(),
            resvs: VecMap::default(),
            apps: VecMap::default(),
            named: 0,
            is_scoped: false,
            repair_at: None,
            next_hops_changed: false,
            hold_until: None,
            hold_limit: Instant::ZERO,
            next: Instant::MAX,
            armed: Instant::MAX,
        }
    }

    pub(crate) const fn is_multicast(&self) -> bool {
        self.key.destination.is_multicast()
    }

    /// Nothing is known of it, and nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.psbs.is_empty() && self.rsbs.is_empty() && self.apps.is_empty()
    }

    /// Whether other nodes have announced senders.
    pub(crate) fn has_remote_senders(&self) -> bool {
        self.psbs.values().any(|psb| !psb.incoming.is_local())
    }

    /// The style of its reservations: a session has one (RFC 2205 §2.4).
    pub(crate) fn style(&self) -> Option<Style> {
        self.rsbs.values().next().map(|rsb| rsb.style)
    }

    /// A name for something that is refreshed.
    pub(crate) const fn name(&mut self) -> StateKey {
        self.named = self.named.wrapping_add(1);
        StateKey((self.index as u64) << 32 | self.named as u64)
    }

    /// Notes that something is due then.
    pub(crate) fn want(&mut self, at: Instant) {
        self.next = self.next.min(at);
    }

    /// Until then nothing is torn only because routes have turned away; but not for longer than `longest`, however often
    /// they turn.
    pub(crate) fn hold(&mut self, now: Instant, until: Instant, longest: Duration) {
        if self.hold_until.is_none() {
            let longest = longest.min(Self::LONGEST_HOLD);
            self.hold_limit = now.checked_add(longest).unwrap_or(Instant::MAX);
        }
        let until = until.min(self.hold_limit);
        self.hold_until = self.hold_until.max(Some(until));
        self.want(until);
    }

    /// The earliest deadline of all blocks.
    pub(crate) fn deadline(&self) -> Instant {
        self.psbs
            .values()
            .map(|psb| psb.deadline())
            .chain(self.rsbs.values().map(|rsb| rsb.next_end()))
            .chain(self.bsbs.values().map(|bsb| bsb.expires))
            .chain(self.resvs.values().map(|resv| resv.refresh_at))
            .chain(self.repair_at)
            .chain(self.hold_until)
            .min()
            .unwrap_or(Instant::MAX)
    }

    /// The previous hops of the senders that a reservation covers.
    pub(crate) fn phops_of(&self, key: &RsbKey, rsb: &Rsb) -> Vec<Phop> {
        let mut phops: Vec<Phop> = self
            .psbs
            .iter()
            .filter(|(sender, psb)| rsb.covers(key.outgoing, sender, psb))
            .flat_map(|(_, psb)| psb.hops())
            .collect();
        phops.sort_unstable();
        phops.dedup();
        phops
    }

    /// Which installed reservations are for that path state.
    pub(crate) fn tcsbs_of(&self, sender: Sender, psb: &Psb) -> Vec<TcsbKey> {
        self.tcsbs
            .iter()
            .filter(|(key, tcsb)| {
                psb.sends_to(key.outgoing)
                    && match tcsb.style {
                        Style::FF => key.filter == Some(sender),
                        Style::WF => true,
                        _ => tcsb.filters.binary_search(&Some(sender)).is_ok(),
                    }
            })
            .map(|(key, _)| *key)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::SessionState;

    #[test]
    fn a_session_takes_little_memory() {
        // RSVP-12: 2 KiB a session; this is what all have, the blocks come on top.
        assert!(
            size_of::<SessionState>() <= 256,
            "{}",
            size_of::<SessionState>()
        );
    }
}
