//! Where senders' data goes, and what happens when that changes: RFC 2209 §2, PATH LOCAL REPAIR; RFC 2205 §3.6, §3.9.

use core::time::Duration;
use std::net::IpAddr;

use fairway_wire::Instant;

use super::control::tcsb_of;
use super::node::Node;
use super::refresh::later;
use crate::interface::IfIndex;
use crate::state::{PathOut, Phop, Psb, PsbKey, SessionState};

/// Repairs of many sessions are spread over this span after *W*.
const REPAIR_SPREAD: Duration = Duration::from_millis(300);

/// What was reserved along the old way is not torn before the new one had that long after its repair.
const REPAIR_GRACE: Duration = Duration::from_secs(3);

/// Where the data of a sender goes.
#[derive(Debug, Default)]
struct Ways {
    outgoing: Vec<IfIndex>,
    to_local: bool,
    local_only: bool,
}

impl Node {
    fn ways(&mut self, session: &SessionState, key: PsbKey, psb: &Psb) -> Ways {
        let (destination, source) = (session.key.destination, key.sender.address());
        let mut ways = if session.is_multicast() {
            self.multicast_ways(source, destination, psb)
        } else {
            self.unicast_ways(source, destination, psb)
        };
        if !self.config.forwards && !psb.is_of_app() {
            ways.outgoing.clear();
        }
        // RFC 2205 §3.3: never back to where it came from.
        ways.outgoing
            .retain(|index| *index != psb.incoming && self.interface(*index).is_some());
        ways.outgoing.sort_unstable();
        ways.outgoing.dedup();
        ways
    }

    fn unicast_ways(&mut self, source: IpAddr, destination: IpAddr, psb: &Psb) -> Ways {
        let route = self.routing.unicast(destination, Some(source));
        match route {
            Some(route) if route.interface.is_local() => Ways {
                to_local: true,
                ..Ways::default()
            },
            Some(route) => Ways {
                // The application may name the interface (RFC 2205 §3.9).
                outgoing: vec![psb.by_interface.unwrap_or(route.interface)],
                ..Ways::default()
            },
            None => Ways::default(),
        }
    }

    fn multicast_ways(&mut self, source: IpAddr, group: IpAddr, psb: &Psb) -> Ways {
        let tree = self.routing.multicast(source, group);
        if psb.is_of_app() {
            // Data of this node leaves by the interface chosen, and by the tree's, wherever the tree expects it.
            let mut outgoing = tree.map(|tree| tree.outgoing).unwrap_or_default();
            outgoing.extend(psb.by_interface.or_else(|| self.interface_of(source)));
            return Ways {
                outgoing,
                ..Ways::default()
            };
        }
        let tree = tree.unwrap_or_default();
        let local_only = tree
            .incoming
            .is_some_and(|expected| expected != psb.incoming);
        Ways {
            outgoing: if local_only {
                Vec::new()
            } else {
                tree.outgoing
            },
            to_local: true,
            local_only,
        }
    }

    /// Asks routing where a sender's data goes; whether it goes to somewhere new.
    pub(super) fn route_sender(&mut self, session: &mut SessionState, key: PsbKey) -> bool {
        let Some(psb) = session.psbs.remove(&key) else {
            return false;
        };
        let ways = self.ways(session, key, &psb);
        let mut psb = psb;
        for out in &psb.outgoing {
            if !ways.outgoing.contains(&out.interface) {
                self.neighbours.forget(out.key);
            }
        }
        let mut grew = false;
        let mut outgoing = Vec::with_capacity(ways.outgoing.len());
        for interface in ways.outgoing {
            let known = psb.outgoing.iter().find(|out| out.interface == interface);
            outgoing.push(known.copied().unwrap_or_else(|| {
                grew = true;
                PathOut {
                    interface,
                    key: session.name(),
                    refresh_at: Instant::MAX,
                    fingerprint: 0,
                }
            }));
        }
        psb.outgoing = outgoing;
        psb.to_local = ways.to_local;
        psb.local_only = ways.local_only;
        session.psbs.insert(key, psb);
        grew
    }

    /// Routes have changed: where senders' data goes now is noted at once, and told to the nodes there after *W*.
    pub(super) fn reroute(&mut self, now: Instant, session: &mut SessionState) {
        let keys: Vec<PsbKey> = session.psbs.keys().copied().collect();
        let mut wait: Option<Duration> = None;
        let (mut local_changed, mut turned) = (false, false);
        for key in keys {
            let ways = |session: &SessionState| {
                let psb = session.psbs.get(&key)?;
                let outgoing: Vec<IfIndex> = psb.outgoing.iter().map(|out| out.interface).collect();
                Some((outgoing, psb.to_local))
            };
            let old_ways = ways(session);
            let before = old_ways.as_ref().map(|(_, to_local)| *to_local);
            self.route_sender(session, key);
            turned |= ways(session) != old_ways;
            let Some(psb) = session.psbs.get(&key) else {
                continue;
            };
            local_changed |= before != Some(psb.to_local);
            for out in psb.outgoing.iter().filter(|out| out.fingerprint == 0) {
                let own = self
                    .interfaces
                    .get(&out.interface)
                    .map_or(Duration::ZERO, |interface| {
                        interface.settings.local_repair_wait
                    });
                wait = wait.max(Some(own));
            }
        }
        if turned {
            // What is asked of previous hops has to be worked out anew when it is refreshed.
            for (_, resv) in session.resvs.iter_mut() {
                resv.fingerprint = 0;
            }
        }
        if let Some(wait) = wait {
            let spread = REPAIR_SPREAD * (self.random.u32() >> 22) / 1024;
            let at = later(now, wait.saturating_add(spread));
            session.repair_at = Some(session.repair_at.map_or(at, |old| old.min(at)));
            session.hold_until = Some(later(at, wait.saturating_add(REPAIR_GRACE)));
            session.want(at);
        }
        if local_changed {
            self.tell_paths(session);
        }
    }

    /// Sends Paths along the new ways.
    pub(super) fn repair(&mut self, now: Instant, session: &mut SessionState) {
        let new: Vec<(PsbKey, usize)> = session
            .psbs
            .iter()
            .flat_map(|(key, psb)| {
                psb.outgoing
                    .iter()
                    .enumerate()
                    .filter(|(_, out)| out.fingerprint == 0)
                    .map(|(at, _)| (*key, at))
            })
            .collect();
        for (key, at) in new {
            self.send_path(now, session, key, at, true);
        }
    }

    /// An interface does not work any more: nothing is reserved or sent there.
    pub(super) fn lose_interface(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        interface: IfIndex,
    ) {
        let mut forgotten = Vec::new();
        for (_, psb) in session.psbs.iter_mut() {
            psb.outgoing.retain(|out| {
                let stays = out.interface != interface;
                if !stays {
                    forgotten.push(out.key);
                }
                stays
            });
        }
        for key in forgotten {
            self.neighbours.forget(key);
        }
        let lost: Vec<_> = session
            .rsbs
            .keys()
            .filter(|key| key.outgoing == interface)
            .copied()
            .collect();
        for key in lost {
            self.drop_rsb(session, key);
            self.reservation_changed(now, session, tcsb_of(&key));
        }
    }

    /// An interface has other addresses or settings: what is said there is said again, soon.
    pub(super) fn touch_interface(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        interface: IfIndex,
    ) {
        let at = later(now, REPAIR_SPREAD * (self.random.u32() >> 22) / 1024);
        let mut any = false;
        for (_, psb) in session.psbs.iter_mut() {
            for out in &mut psb.outgoing {
                if out.interface == interface {
                    (out.refresh_at, out.fingerprint) = (at, 0);
                    any = true;
                }
            }
        }
        for (phop, resv) in session.resvs.iter_mut() {
            if matches!(phop, Phop::Hop { interface: here, .. } if *here == interface) {
                (resv.refresh_at, resv.fingerprint) = (at, 0);
                any = true;
            }
        }
        if any {
            session.want(at);
        }
    }

    /// A neighbour has lost its state, or is out of reach: what it was told is told again, soon.
    pub(super) fn neighbour_lost(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        interface: IfIndex,
        neighbour: IpAddr,
    ) {
        let at = later(now, REPAIR_SPREAD * (self.random.u32() >> 22) / 1024);
        let mut any = false;
        for (_, psb) in session.psbs.iter_mut() {
            for out in &mut psb.outgoing {
                if out.interface == interface {
                    (out.refresh_at, out.fingerprint) = (at, 0);
                    any = true;
                }
            }
        }
        for (phop, resv) in session.resvs.iter_mut() {
            if matches!(phop, Phop::Hop { interface: here, address, .. }
                if *here == interface && *address == neighbour)
            {
                (resv.refresh_at, resv.fingerprint) = (at, 0);
                any = true;
            }
        }
        if any {
            session.want(at);
        }
    }
}
