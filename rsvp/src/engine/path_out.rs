//! The Paths and PathTears that leave: RFC 2209 §2, PATH REFRESH; RFC 2205 §3.8.

use std::net::IpAddr;

use fairway_wire::Instant;

use super::node::Node;
use crate::interface::IfIndex;
use crate::intserv::Adspec;
use crate::msg::{Body, Path, PathTear, SenderDescriptor, TornSender};
use crate::neighbour::{Destination, Outgoing, StateKey};
use crate::state::{NextHop, PathOut, Print, Psb, PsbKey, SessionState};
use crate::wire::{AdspecObject, RsvpHop, SenderTemplate, Session, UnknownObject};

impl Node {
    /// Sends the Path of a sender by each of its interfaces. `trigger`: it says something new.
    pub(super) fn send_paths(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: PsbKey,
        trigger: bool,
    ) {
        let outs = session.psbs.get(&key).map_or(0, |psb| psb.outgoing.len());
        for at in 0..outs {
            self.send_path(now, session, key, at, trigger);
        }
    }

    /// Sends the Path of a sender by one of its interfaces: RFC 2209 §2, PATH REFRESH.
    pub(super) fn send_path(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: PsbKey,
        at: usize,
        trigger: bool,
    ) {
        let destination = session.key.destination;
        let Some((interface, state)) = session
            .psbs
            .get(&key)
            .and_then(|psb| psb.outgoing.get(at))
            .map(|out| (out.interface, out.key))
        else {
            return;
        };
        let time_values = self.time_values(interface);
        let refresh_at = self.refresh_after(now, time_values);
        let neighbour = self.next_rsvp_hop(session, interface);
        // If summaries refresh it already, it is time for a refresh in full.
        if !trigger
            && !self.neighbours.is_summarised(state)
            && self.neighbours.can_summarise(interface, state, neighbour)
        {
            let in_full_at = self.in_full_at(refresh_at, interface);
            // What was sent is what would be sent: whatever changes it sends it at once, or marks it.
            let unchanged = session
                .psbs
                .get_mut(&key)
                .and_then(|psb| psb.outgoing.get_mut(at))
                .filter(|out| out.told.is_current());
            if let Some(out) = unchanged {
                out.refresh_at = in_full_at;
                session.want(in_full_at);
                self.neighbours.summarise(now, interface, state);
                return;
            }
        }
        session.want(refresh_at);
        let Some(psb) = session.psbs.get_mut(&key) else {
            return;
        };
        let Leaving {
            hop,
            ttl,
            e_police,
            adspec,
            print,
        } = self.leaving(psb, interface, destination);
        let path_session = Session {
            e_police,
            ..session.key.session()
        };
        let (policy, unknown) = (&psb.policy, &psb.unknown);
        let tspec = psb.tspec_object.clone();
        let Some(out) = psb.outgoing.get_mut(at) else {
            return;
        };
        out.refresh_at = refresh_at;
        let says_new = trigger && out.told == Print::NEVER || out.told != print;
        out.told = print;
        let (Some(hop), Some(ttl)) = (hop, ttl) else {
            return;
        };
        let body = Body::Path(Path {
            session: path_session,
            hop,
            time_values,
            policy: policy.clone(),
            sender: Some(SenderDescriptor {
                template: SenderTemplate(key.sender),
                tspec,
                adspec,
            }),
            unknown: unknown.clone(),
        });
        self.send(
            now,
            Outgoing {
                interface,
                to: Destination::Towards {
                    end: destination,
                    neighbour,
                },
                source: Some(key.sender.address()),
                ttl,
                state: Some(state),
                trigger: says_new,
                body,
            },
        );
        if self.neighbours.is_summarised(state)
            && let Some(out) = session
                .psbs
                .get_mut(&key)
                .and_then(|psb| psb.outgoing.get_mut(at))
        {
            out.refresh_at = self.in_full_at(refresh_at, interface);
        }
    }

    /// What a Path says that leaves by `interface`, as far as that depends on this node.
    fn leaving(&self, psb: &Psb, interface: IfIndex, destination: IpAddr) -> Leaving {
        let hop = self.hop(interface, interface.0, destination);
        let ttl = self.forwarded_ttl(psb, interface);
        let element = self.tc.advertise(interface);
        let polices = element.controlled_load.is_some() || element.guaranteed.is_some();
        let adspec = psb.adspec_object.as_ref().and_then(|object| {
            // It has been read before: what cannot be read makes no state.
            let mut adspec = Adspec::from_object(object).ok()?;
            if psb.non_rsvp {
                adspec.mark_non_is_hop();
            }
            // `rsvp.md` §5: a host without traffic control is no hop.
            let counts = polices || !psb.is_of_app();
            Some(if counts {
                adspec.compose(&element).to_object()
            } else {
                adspec.to_object()
            })
        });
        // RFC 2205 §2.3: the first node that can police clears the flag.
        let e_police = psb.e_police && !polices;
        let print = Print::of(&(
            e_police,
            &psb.tspec_object,
            &adspec,
            &psb.policy,
            &psb.unknown,
            hop,
            ttl,
        ));
        Leaving {
            hop,
            ttl,
            e_police,
            adspec,
            print,
        }
    }

    /// Sends the Paths that leave by `interface` and would say something else now than they did last.
    pub(super) fn send_changed_paths(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        interface: IfIndex,
    ) {
        let destination = session.key.destination;
        let changed: Vec<(PsbKey, usize)> = session
            .psbs
            .iter()
            .filter_map(|(key, psb)| {
                let at = psb
                    .outgoing
                    .iter()
                    .position(|out| out.interface == interface)?;
                let sent = psb.outgoing.get(at)?.told;
                let print = self.leaving(psb, interface, destination).print;
                // One that was never sent waits for its repair.
                (sent != Print::NEVER && sent != print).then_some((*key, at))
            })
            .collect();
        for (key, at) in changed {
            self.send_path(now, session, key, at, true);
        }
    }

    /// Next hops have come or gone: what summaries refresh at one that is none any more, or not the only one, is sent in
    /// full when it would be without them.
    pub(super) fn follow_next_hops(&mut self, now: Instant, session: &mut SessionState) {
        let mut others = Vec::new();
        for (key, psb) in session.psbs.iter() {
            for (at, out) in psb.outgoing.iter().enumerate() {
                let neighbours = &self.neighbours;
                if neighbours.is_summarised(out.key)
                    && !neighbours.can_summarise(
                        out.interface,
                        out.key,
                        self.next_rsvp_hop(session, out.interface),
                    )
                {
                    others.push((*key, at));
                }
            }
        }
        for (key, at) in others {
            let out = session
                .psbs
                .get_mut(&key)
                .and_then(|psb| psb.outgoing.get_mut(at));
            if let Some(out) = out {
                out.refresh_at = self.refresh_at(now, out.interface).min(out.refresh_at);
                session.next = session.next.min(out.refresh_at);
            }
        }
    }

    /// Summaries do not refresh these states any more, which are in order: they are refreshed within a period.
    pub(super) fn pace(&mut self, now: Instant, session: &mut SessionState, names: &[StateKey]) {
        let mut soonest = Instant::MAX;
        let is_named = |name: StateKey| names.binary_search(&name).is_ok();
        let outs = session
            .psbs
            .iter_mut()
            .flat_map(|(_, psb)| &mut psb.outgoing);
        for out in outs.filter(|out| is_named(out.key)) {
            out.refresh_at = self.soon(now, out.interface).min(out.refresh_at);
            soonest = soonest.min(out.refresh_at);
        }
        for (phop, resv) in session
            .resvs
            .iter_mut()
            .filter(|(_, resv)| is_named(resv.key))
        {
            resv.refresh_at = self.soon(now, phop.interface()).min(resv.refresh_at);
            soonest = soonest.min(resv.refresh_at);
        }
        session.want(soonest);
    }

    /// Sends a Path again that the neighbour does not know any more.
    pub(super) fn resend_path(&mut self, now: Instant, session: &mut SessionState, name: StateKey) {
        let found = session.psbs.iter().find_map(|(key, psb)| {
            let at = psb.outgoing.iter().position(|out| out.key == name)?;
            Some((*key, at))
        });
        if let Some((key, at)) = found {
            self.send_path(now, session, key, at, true);
        }
    }

    /// The TTL a Path leaves with: one less than it came with, and not over the interface's limit; `None` if it may not
    /// leave.
    pub(super) fn forwarded_ttl(&self, psb: &Psb, interface: IfIndex) -> Option<u8> {
        let limit = self.interface(interface)?.settings.ttl_limit;
        let left = if psb.is_of_app() {
            psb.ttl
        } else {
            psb.ttl.saturating_sub(1)
        };
        Some(left.min(limit)).filter(|ttl| *ttl > 0)
    }

    /// The next RSVP node for unicast data that leaves by an interface, as far as reservations tell.
    pub(super) fn next_rsvp_hop(
        &self,
        session: &SessionState,
        interface: IfIndex,
    ) -> Option<IpAddr> {
        let one_peer = self.interface(interface)?.point_to_point;
        if session.is_multicast() && !one_peer {
            return None;
        }
        let mut hops = session
            .rsbs
            .keys()
            .filter(|key| key.outgoing == interface)
            .filter_map(|key| match key.nhop {
                NextHop::Hop(address) => Some(address),
                NextHop::App(_) => None,
            });
        let first = hops.next()?;
        hops.all(|hop| hop == first).then_some(first)
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

/// What a Path says that leaves by one interface, beside what came.
struct Leaving {
    hop: Option<RsvpHop>,
    ttl: Option<u8>,
    e_police: bool,
    adspec: Option<AdspecObject>,
    /// Of all that it says.
    print: Print,
}
