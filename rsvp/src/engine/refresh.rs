//! What is sent upstream, when it is sent, and what ends: RFC 2209 §2, RESV REFRESH and the timers; RFC 2205 §3.7.

use fairway_wire::Instant;

use super::merge::{Desired, Wanted};
use super::node::{Node, fingerprint};
use crate::api::Event;
use crate::interface::IfIndex;
use crate::msg::{Body, FfDescriptor, Flows, LooseFlows, Resv, ResvTear};
use crate::neighbour::{IdOfState, Outgoing};
use crate::state::{Phop, ResvOut, RsbKey, SessionState, TcsbKey};
use crate::wire::{FilterSpec, Sender, Style};

/// Why a Resv may be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// What is asked may have changed.
    Change,
    /// It is time.
    Timer,
    /// The previous hop refused something.
    Error,
    /// The previous hop is new for a sender, or has a new handle.
    Moved,
    /// The previous hop has no path state any more for some sender: it needs no tear.
    Gone,
    /// The neighbour has asked for it in full.
    Resend,
    /// A next hop has torn something, or let it time out.
    Torn,
}

impl Node {
    /// Brings a previous hop up to date: tears what is not reserved any more, and sends what is reserved, if that is new
    /// or it is time.
    pub(super) fn refresh_resv(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        phop: Phop,
        cause: Cause,
    ) {
        if cause == Cause::Timer && self.summarises(now, session, phop) {
            return;
        }
        let desired = self.desired(now, session, phop, cause == Cause::Error);
        // RFC 2205 §3.6: while a new way is tried, what was reserved along the old one is not torn before this node.
        let holds = session.hold_until.is_some_and(|until| now < until)
            && matches!(cause, Cause::Change | Cause::Timer);
        let wanted = match desired {
            Desired::Hold => return,
            Desired::Nothing if holds => return,
            Desired::Nothing => {
                self.end_resv(now, session, phop, cause);
                return;
            }
            Desired::Reserve(wanted) => wanted,
        };
        self.answer_confirmations(now, session, &wanted.answered);
        for key in &wanted.dropped {
            if let Some(tcsb) = session.tcsbs.get_mut(key) {
                tcsb.confirm = None;
            }
        }
        let confirm = wanted.confirm.and_then(|key| {
            let tcsb = session.tcsbs.get_mut(&key)?;
            Some((key, tcsb.confirm.take()?))
        });
        let style = wanted.flows.style();
        let print = fingerprint(&(
            &wanted.flows,
            &wanted.scope,
            &wanted.policy,
            &wanted.unknown,
        ));
        let old = session.resvs.get(&phop);
        let is_new = old.is_none_or(|old| old.fingerprint != print);
        let lost: Vec<Sender> = old
            .filter(|old| old.style != Style::WF)
            .map(|old| &*old.filters)
            .unwrap_or_default()
            .iter()
            .filter(|sender| !wanted.filters.contains(sender) && !wanted.held.contains(sender))
            .filter(|sender| has_path(session, **sender, phop))
            .copied()
            .collect();
        let (interface, address, handle) = match phop {
            Phop::App(api) => {
                // The sender's application: what would be sent to it is told to it.
                if let Some((key, _)) = &confirm {
                    let key = *key;
                    if let (Some(tcsb), Some((_, confirm))) = (session.tcsbs.get_mut(&key), confirm)
                    {
                        tcsb.confirm = Some(confirm);
                    }
                    self.answer_confirmations(now, session, &[key]);
                }
                if is_new && session.apps.contains(&api) {
                    self.remember(session, phop, Instant::MAX, &wanted, print);
                    self.tell(
                        api,
                        Event::Resv {
                            style,
                            filters: wanted.filters,
                            flowspec: wanted.flowspecs.first().copied(),
                        },
                    );
                }
                return;
            }
            Phop::Hop {
                interface,
                address,
                handle,
            } => (interface, address, handle),
        };
        if !lost.is_empty() && !holds {
            self.send_resv_tear(now, session, phop, style, &lost);
        }
        let due = is_new
            || confirm.is_some()
            || matches!(cause, Cause::Timer | Cause::Moved | Cause::Resend);
        if !due {
            return;
        }
        let refresh_at = self.refresh_at(now, interface);
        session.want(refresh_at);
        let hop = self.hop(interface, handle, session.key.destination);
        // What cannot be sent now, since the interface is down, is new when it can.
        let told = if hop.is_some() { print } else { 0 };
        let key = self.remember(session, phop, refresh_at, &wanted, told);
        let trigger = is_new || cause != Cause::Timer;
        let Some(hop) = hop else {
            return;
        };
        let is_confirmed = confirm.is_some();
        let body = Body::Resv(Resv {
            session: session.key.session(),
            hop,
            time_values: self.time_values(interface),
            confirm: confirm.map(|(_, confirm)| confirm),
            scope: wanted.scope,
            policy: wanted.policy,
            flows: wanted.flows,
            unknown: wanted.unknown,
        });
        self.send(
            now,
            Outgoing {
                state: Some(key),
                // A confirmation is wanted once: it makes the message another one.
                trigger: trigger || is_confirmed,
                ..Outgoing::to_hop(interface, address, body)
            },
        );
    }

    /// Refreshes a previous hop by name, if it knows what it was told by name, and that is still so: whatever changes it
    /// is sent at once, or marked.
    fn summarises(&mut self, now: Instant, session: &mut SessionState, phop: Phop) -> bool {
        let Phop::Hop { interface, .. } = phop else {
            return false;
        };
        let known = session
            .resvs
            .get(&phop)
            .filter(|resv| {
                resv.fingerprint != 0 && session.hold_until.is_none_or(|until| until <= now)
            })
            .map(|resv| resv.key)
            .filter(|key| self.neighbours.can_summarise(interface, *key));
        let Some(key) = known else {
            return false;
        };
        let refresh_at = self.refresh_at(now, interface);
        session.want(refresh_at);
        if let Some(resv) = session.resvs.get_mut(&phop) {
            resv.refresh_at = refresh_at;
        }
        self.neighbours.summarise(now, interface, key);
        true
    }

    /// Notes what a previous hop is told; gives the name of that state.
    #[expect(
        clippy::unused_self,
        reason = "one of the node's rules, called as such"
    )]
    fn remember(
        &self,
        session: &mut SessionState,
        phop: Phop,
        refresh_at: Instant,
        wanted: &Wanted,
        print: u64,
    ) -> crate::neighbour::StateKey {
        let key = match session.resvs.get(&phop) {
            Some(old) => old.key,
            None => session.name(),
        };
        session.resvs.insert(
            phop,
            Box::new(ResvOut {
                key,
                refresh_at,
                style: wanted.flows.style(),
                filters: wanted.filters.clone(),
                fingerprint: print,
            }),
        );
        key
    }

    /// Nothing is reserved any more behind this node, as far as a previous hop is concerned.
    fn end_resv(&mut self, now: Instant, session: &mut SessionState, phop: Phop, cause: Cause) {
        let Some(old) = session.resvs.remove(&phop) else {
            return;
        };
        self.neighbours.forget(old.key);
        match phop {
            Phop::App(api) => {
                if session.apps.contains(&api) {
                    self.tell(
                        api,
                        Event::Resv {
                            style: old.style,
                            filters: old.filters,
                            flowspec: None,
                        },
                    );
                }
            }
            Phop::Hop { .. } => {
                let known: Vec<Sender> = old
                    .filters
                    .iter()
                    .filter(|sender| has_path(session, **sender, phop))
                    .copied()
                    .collect();
                let has_any = session.psbs.values().any(|psb| psb.phop == phop);
                // RFC 2205 §3.1.5: a PathTear has taken the reservation with it.
                let torn = cause == Cause::Gone && !has_any;
                if !torn && (old.style == Style::WF && has_any || !known.is_empty()) {
                    self.send_resv_tear(now, session, phop, old.style, &known);
                }
            }
        }
    }

    fn send_resv_tear(
        &mut self,
        now: Instant,
        session: &SessionState,
        phop: Phop,
        style: Style,
        senders: &[Sender],
    ) {
        let Phop::Hop {
            interface,
            address,
            handle,
        } = phop
        else {
            return;
        };
        let Some(hop) = self.hop(interface, handle, session.key.destination) else {
            return;
        };
        let filters = senders.iter().copied().map(FilterSpec);
        let flows: LooseFlows = match style {
            Style::WF => Flows::Wf(None),
            Style::FF => Flows::Ff(
                filters
                    .map(|filter| FfDescriptor {
                        flowspec: None,
                        filter,
                    })
                    .collect(),
            ),
            _ => Flows::Se {
                flowspec: None,
                filters: filters.collect(),
            },
        };
        let body = Body::ResvTear(ResvTear {
            session: session.key.session(),
            hop,
            scope: None,
            flows,
            unknown: Vec::new(),
        });
        self.send(now, Outgoing::to_hop(interface, address, body));
    }

    /// Takes a sender out of a next hop's reservation; the whole of it, if it is for no other. Previous hops hear of it.
    pub(super) fn drop_filter(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: RsbKey,
        sender: Sender,
    ) {
        let Some(rsb) = session.rsbs.get_mut(&key) else {
            return;
        };
        rsb.filters.remove(&sender);
        if rsb.filters.is_empty() {
            self.drop_rsb(session, key);
        }
        self.reservation_changed(now, session, super::control::tcsb_of(&key));
    }

    /// Removes a next hop's reservation, and nothing else.
    pub(super) fn drop_rsb(&mut self, session: &mut SessionState, key: RsbKey) {
        if let Some(rsb) = session.rsbs.remove(&key) {
            self.drop_id(session, rsb.id);
        }
    }

    /// What is asked of an interface has changed: installs that, and tells the previous hops.
    pub(super) fn reservation_changed(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: TcsbKey,
    ) {
        self.update_and_report(now, session, key);
        for phop in super::core::phops(session) {
            self.refresh_resv(now, session, phop, Cause::Torn);
        }
    }

    /// Does what is due in a session: refreshes, and ends what was not refreshed.
    pub(super) fn run_timers(&mut self, now: Instant, session: &mut SessionState) {
        let ended: Vec<_> = session
            .psbs
            .iter()
            .filter(|(_, psb)| psb.expires <= now)
            .map(|(key, _)| *key)
            .collect();
        for key in ended {
            self.counters.expired += 1;
            self.end_path(now, session, key, &[]);
        }
        self.end_reservations(now, session);
        let over: Vec<_> = session
            .bsbs
            .iter()
            .filter(|(_, bsb)| bsb.expires <= now)
            .map(|(key, _)| *key)
            .collect();
        if !over.is_empty() {
            // RFC 2205 §3.5: the next refresh tries the full merge again.
            for (_, resv) in session.resvs.iter_mut() {
                resv.fingerprint = 0;
            }
        }
        for key in over {
            session.bsbs.remove(&key);
        }
        if session.repair_at.is_some_and(|at| at <= now) {
            session.repair_at = None;
            self.repair(now, session);
        }
        let due: Vec<_> = session
            .psbs
            .iter()
            .flat_map(|(key, psb)| {
                psb.outgoing
                    .iter()
                    .enumerate()
                    .filter(|(_, out)| out.refresh_at <= now)
                    .map(|(at, _)| (*key, at))
            })
            .collect();
        if !due.is_empty() && !self.routing.notifies() {
            self.reroute(now, session);
        }
        for (key, at) in due {
            self.send_path(now, session, key, at, false);
        }
        let due: Vec<_> = session
            .resvs
            .iter()
            .filter(|(_, resv)| resv.refresh_at <= now)
            .map(|(phop, _)| *phop)
            .collect();
        for phop in due {
            // RFC 2209: the next refresh tries the full merge again where a blockade has ended.
            self.refresh_resv(now, session, phop, Cause::Timer);
            // What is held back is looked at again, at the same pace.
            let interface = match phop {
                Phop::Hop { interface, .. } => interface,
                Phop::App(_) => IfIndex::LOCAL,
            };
            let again = self.refresh_at(now, interface);
            if let Some(resv) = session.resvs.get_mut(&phop)
                && resv.refresh_at <= now
            {
                resv.refresh_at = again;
            }
        }
    }

    fn end_reservations(&mut self, now: Instant, session: &mut SessionState) {
        let over: Vec<RsbKey> = session
            .rsbs
            .iter()
            .filter(|(_, rsb)| rsb.next_end() <= now)
            .map(|(key, _)| *key)
            .collect();
        for key in over {
            self.counters.expired += 1;
            let Some(rsb) = session.rsbs.get_mut(&key) else {
                continue;
            };
            let gone: Vec<Sender> = rsb
                .filters
                .iter()
                .filter(|(_, end)| **end <= now)
                .map(|(sender, _)| *sender)
                .collect();
            for sender in gone {
                rsb.filters.remove(&sender);
            }
            if rsb.filters.is_empty() {
                self.drop_rsb(session, key);
            }
            self.reservation_changed(now, session, super::control::tcsb_of(&key));
        }
    }

    /// A neighbour has refreshed by name what it once sent under that identifier; whether there is such state.
    pub(super) fn handle_summary(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        id: IdOfState,
    ) -> bool {
        let mut found = false;
        let mut soonest = Instant::MAX;
        for (_, psb) in session.psbs.iter_mut() {
            if psb.id == Some(id) {
                psb.expires = later(now, psb.lifetime);
                soonest = soonest.min(psb.expires);
                found = true;
            }
        }
        for (_, rsb) in session.rsbs.iter_mut() {
            if rsb.id == Some(id) {
                let end = later(now, rsb.lifetime);
                rsb.expires = end;
                for (_, expires) in rsb.filters.iter_mut() {
                    *expires = end;
                }
                soonest = soonest.min(end);
                found = true;
            }
        }
        session.want(soonest);
        found
    }
}

/// `now` and a span later; for ever, if that is too far.
pub(super) fn later(now: Instant, span: core::time::Duration) -> Instant {
    now.checked_add(span).unwrap_or(Instant::MAX)
}

/// Whether a previous hop has announced that sender.
fn has_path(session: &SessionState, sender: Sender, phop: Phop) -> bool {
    session
        .psbs
        .iter()
        .any(|(key, psb)| key.sender == sender && psb.phop == phop)
}
