//! Where senders' data goes, and what happens when that changes: RFC 2209 §2, PATH LOCAL REPAIR; RFC 2205 §3.6, §3.9.

use core::time::Duration;
use std::net::IpAddr;

use fairway_wire::Instant;

use super::control::tcsb_of;
use super::node::Node;
use super::refresh::{Cause, later};
use crate::interface::IfIndex;
use crate::state::{NextHop, PathOut, Phop, Print, Psb, PsbKey, SessionState};
use crate::timing::{KEEP_MULTIPLIER, lifetime};

/// Repairs of many sessions are spread over this span after *W*.
const REPAIR_SPREAD: Duration = Duration::from_millis(300);

/// What was reserved along the old way is not torn before the new one had that long after its repair.
const REPAIR_GRACE: Duration = Duration::from_secs(3);

/// Where the data of a sender goes.
#[derive(Debug, Default)]
struct Ways {
    outgoing: Vec<IfIndex>,
    /// The next router on the only one of them.
    gateway: Option<IpAddr>,
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
                gateway: route.gateway.filter(|_| {
                    psb.by_interface
                        .is_none_or(|named| named == route.interface)
                }),
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
            gateway: None,
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
        let gateway = ways.gateway;
        let stays =
            |out: &PathOut| ways.outgoing.contains(&out.interface) && out.gateway == gateway;
        for out in psb.outgoing.iter().filter(|out| !stays(out)) {
            self.neighbours.forget(out.key);
        }
        let mut grew = false;
        let mut outgoing = Vec::with_capacity(ways.outgoing.len());
        for interface in ways.outgoing.iter().copied() {
            // Another router on the same link is another way.
            let known = psb
                .outgoing
                .iter()
                .find(|out| out.interface == interface && stays(out));
            outgoing.push(known.copied().unwrap_or_else(|| {
                grew = true;
                PathOut {
                    interface,
                    gateway,
                    key: session.name(),
                    refresh_at: Instant::MAX,
                    told: Print::NEVER,
                }
            }));
        }
        psb.outgoing = outgoing;
        psb.to_local = ways.to_local;
        psb.local_only = ways.local_only;
        if psb.offers {
            let adspec = self.first_adspec(psb.outgoing.first().map(|out| out.interface));
            psb.upstream = adspec.guaranteed.as_ref().and_then(|part| part.terms);
            psb.adspec_object = Some(adspec.to_object());
        }
        session.psbs.insert(key, psb);
        grew
    }

    /// Routes have changed: where senders' data goes now is noted at once, and told to the nodes there after *W*.
    pub(super) fn reroute(&mut self, now: Instant, session: &mut SessionState) {
        let keys: Vec<PsbKey> = session.psbs.keys().copied().collect();
        let mut wait: Option<Duration> = None;
        let (mut local_changed, mut turned) = (false, false);
        for key in keys {
            let Some(before) = session.psbs.get(&key) else {
                continue;
            };
            let (to_local, outgoing) = (before.to_local, before.outgoing.clone());
            self.route_sender(session, key);
            let Some(psb) = session.psbs.get(&key) else {
                continue;
            };
            local_changed |= to_local != psb.to_local;
            for out in psb.outgoing.iter().filter(|out| out.told == Print::NEVER) {
                wait = wait.max(Some(self.repair_wait(out.interface)));
            }
            let now_to = |interface| psb.outgoing.iter().any(|out| out.interface == interface);
            let lost = outgoing.iter().filter(|out| !now_to(out.interface));
            let held = lost.map(|out| self.repair_wait(out.interface)).max();
            turned |= held.is_some() || outgoing.len() != psb.outgoing.len();
            if let Some(held) = held {
                self.hold(now, session, later(now, held.saturating_add(REPAIR_GRACE)));
            }
        }
        if let Some(wait) = wait {
            let spread = REPAIR_SPREAD * (self.random.u32() >> 22) / 1024;
            let at = later(now, wait.saturating_add(spread));
            session.repair_at = Some(session.repair_at.map_or(at, |old| old.min(at)));
            self.hold(now, session, later(at, wait.saturating_add(REPAIR_GRACE)));
            session.want(at);
        }
        if local_changed {
            self.tell_paths(session);
        }
        if turned || local_changed {
            // What is reserved on an interface already counts for senders that have turned there.
            let installed: Vec<_> = session.tcsbs.keys().copied().collect();
            for key in installed {
                self.update_and_report(now, session, key);
            }
            self.refresh_all(now, session, Cause::Turned);
        }
    }

    /// Until then nothing is torn only because routes have turned away; but not for longer than previous hops keep what
    /// is not refreshed meanwhile.
    fn hold(&self, now: Instant, session: &mut SessionState, until: Instant) {
        let kept = |phop: &Phop| match phop {
            Phop::Hop { interface, .. } => {
                let period = self.time_values(*interface).refresh_period();
                // The last refresh may be so long ago.
                let last = period.saturating_mul(3) / 2;
                Some(lifetime(period, KEEP_MULTIPLIER).saturating_sub(last))
            }
            Phop::App(_) => None,
        };
        let longest = session.resvs.keys().filter_map(kept).min();
        session.hold(now, until, longest.unwrap_or(Duration::MAX));
    }

    /// *W* of an interface: RFC 2205 §3.6.
    fn repair_wait(&self, interface: IfIndex) -> Duration {
        self.interfaces
            .get(&interface)
            .map_or(Duration::ZERO, |interface| {
                interface.settings.local_repair_wait
            })
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
                    .filter(|(_, out)| out.told == Print::NEVER)
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
        self.leave_interface(now, session, interface);
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
        if lost.is_empty() {
            return;
        }
        // Another way may be found: until then the hops before keep theirs.
        let wait = self.repair_wait(interface).saturating_add(REPAIR_GRACE);
        self.hold(now, session, later(now, wait));
        for key in lost {
            self.drop_rsb(session, key);
            self.update_and_report(now, session, tcsb_of(&key));
        }
        self.refresh_all(now, session, Cause::Turned);
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
                    out.refresh_at = at;
                    out.told.mark();
                    any = true;
                }
            }
        }
        for (phop, resv) in session.resvs.iter_mut() {
            if matches!(phop, Phop::Hop { interface: here, .. } if *here == interface) {
                resv.refresh_at = at;
                resv.told.mark();
                any = true;
            }
        }
        if any {
            session.want(at);
        }
    }

    /// Whether something of a session was told to that neighbour.
    pub(super) fn has_told(
        &self,
        session: &SessionState,
        interface: IfIndex,
        neighbour: IpAddr,
    ) -> bool {
        is_next_hop(session, interface, neighbour)
            || session
                .resvs
                .keys()
                .any(|phop| phop.is_node(interface, neighbour))
            || session
                .psbs
                .values()
                .flat_map(|psb| &psb.outgoing)
                .any(|out| self.is_told(session.key.destination, out, interface, neighbour))
    }

    /// Whether that neighbour is known to hear a Path to `destination`, be anything reserved or not: it is where the data
    /// goes, or routing has it as the next router, or nobody else is on the link, or messages are named to it.
    fn is_told(
        &self,
        destination: IpAddr,
        out: &PathOut,
        interface: IfIndex,
        neighbour: IpAddr,
    ) -> bool {
        out.interface == interface
            && (destination == neighbour
                || out.gateway == Some(neighbour)
                || self
                    .interface(interface)
                    .is_some_and(|interface| interface.point_to_point)
                || self.neighbours.is_named_to(out.key, interface, neighbour))
    }

    /// What a neighbour was told of a session is told again, soon. Paths go to it if it is known to hear them: for a
    /// stranger on the link, nothing is said again.
    pub(super) fn tell_again(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        interface: IfIndex,
        neighbour: IpAddr,
    ) {
        let at = later(now, REPAIR_SPREAD * (self.random.u32() >> 22) / 1024);
        let destination = session.key.destination;
        let is_next_hop = is_next_hop(session, interface, neighbour);
        let mut any = false;
        for (_, psb) in session.psbs.iter_mut() {
            for out in &mut psb.outgoing {
                if out.interface == interface && is_next_hop
                    || self.is_told(destination, out, interface, neighbour)
                {
                    out.refresh_at = at;
                    out.told.mark();
                    any = true;
                }
            }
        }
        for (phop, resv) in session.resvs.iter_mut() {
            if phop.is_node(interface, neighbour) {
                resv.refresh_at = at;
                resv.told.mark();
                any = true;
            }
        }
        if any {
            session.want(at);
        }
    }
}

/// Whether that neighbour has reserved something.
fn is_next_hop(session: &SessionState, interface: IfIndex, neighbour: IpAddr) -> bool {
    let nhop = NextHop::Hop(neighbour);
    session
        .rsbs
        .keys()
        .any(|key| (key.outgoing, key.nhop) == (interface, nhop))
}
