//! What is sent upstream, when it is sent, and what ends: RFC 2209 §2, RESV REFRESH and the timers; RFC 2205 §3.7.

use core::time::Duration;

use fairway_wire::Instant;

use super::merge::{Desired, Wanted};
use super::node::Node;
use crate::api::Event;
use crate::msg::{Body, FfDescriptor, Flows, LooseFlows, Resv, ResvTear};
use crate::neighbour::Outgoing;
use crate::state::{PathOut, Phop, Print, ResvOut, RsbKey, SessionState};
use crate::wire::{FilterSpec, Sender, Style};

/// For so long, the senders are gathered that a previous hop has forgotten and hears of again.
const GATHERING: Duration = Duration::from_millis(300);

/// Why a Resv may be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// What is asked may have changed.
    Change,
    /// Routes have turned, or an interface is lost.
    Turned,
    /// It is time.
    Timer,
    /// The previous hop refused something.
    Error,
    /// The previous hop is new for a sender, or has a new handle.
    Moved,
    /// The previous hop has no path state any more for some sender: it needs no tear, and no Resv before it is time
    /// (RFC 2205 §3.1.5).
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
        let holds = session.hold_until.is_some()
            && matches!(cause, Cause::Change | Cause::Timer | Cause::Turned);
        let wanted = match desired {
            Desired::Hold => return self.mark(now, session, phop),
            Desired::Nothing
                if holds || session.hold_until.is_some() && is_asked_for(session, phop) =>
            {
                return self.mark(now, session, phop);
            }
            Desired::Nothing => {
                self.end_resv(now, session, phop, cause);
                return;
            }
            Desired::Reserve(wanted) => wanted,
        };
        let style = wanted.flows.style();
        let print = Print::of(&(
            &wanted.flows,
            &wanted.scope,
            &wanted.policy,
            &wanted.unknown,
        ));
        let mut wanted = wanted;
        let mut lost = lost_senders(session, phop, &wanted);
        if session.hold_until.is_some() {
            // What some next hop still asks for is only on its way to somewhere else.
            lost.retain(|sender| {
                let kept = session.rsbs.values().any(|rsb| rsb.selects(sender));
                if kept {
                    wanted.held.push(*sender);
                }
                !kept
            });
        }
        let says_otherwise = session
            .resvs
            .get(&phop)
            .is_some_and(|old| old.told != print);
        if holds && says_otherwise && cause != Cause::Change {
            // Looked at again when the hold ends.
            return self.mark(now, session, phop);
        }
        self.answer_confirmations(now, session, &wanted.answered);
        if wanted.is_cut {
            self.drop_message("limit: carried octets");
        }
        for key in &wanted.dropped {
            if let Some(tcsb) = session.tcsbs.get_mut(key) {
                tcsb.confirm = None;
            }
        }
        let confirm = wanted.confirm.and_then(|key| {
            let tcsb = session.tcsbs.get_mut(&key)?;
            Some((key, tcsb.confirm.take()?))
        });
        let said = Said::of(&wanted, print);
        let old = session.resvs.get_mut(&phop);
        let is_new = old.as_ref().is_none_or(|old| old.told != print);
        let is_other = old.as_ref().is_none_or(|old| !said.is(old));
        let says_more = old.is_none_or(|old| {
            // RFC 2205 §3.1.6: where senders are only torn, no Resv has to say so, too.
            old.keep(|sender| wanted.filters.contains(sender) || wanted.held.contains(sender));
            !said.is_part_of(old)
        });
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
                if is_other && session.apps.contains(&api) {
                    self.remember(session, phop, Instant::MAX, &wanted, said);
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
        if !lost.is_empty() {
            self.send_resv_tear(now, session, phop, style, &lost);
        }
        // What is torn in part, and was said before in a message that may still be under way, is said again behind it.
        let overtakes = !lost.is_empty()
            && session
                .resvs
                .get(&phop)
                .is_some_and(|old| self.neighbours.is_unacknowledged(old.key));
        let due = says_more && cause != Cause::Gone
            || overtakes
            || confirm.is_some()
            // RFC 2205 §3.5, item 4: at once, be it new or not.
            || matches!(cause, Cause::Timer | Cause::Moved | Cause::Resend | Cause::Error);
        if !due {
            if is_new {
                self.mark(now, session, phop);
            }
            return;
        }
        let refresh_at = self.refresh_at(now, interface);
        session.want(refresh_at);
        let hop = self.hop(interface, handle, session.key.destination);
        // What cannot be sent now, since the interface is down, is new when it can.
        let said = if hop.is_some() { said } else { Said::default() };
        let key = self.remember(session, phop, refresh_at, &wanted, said);
        let trigger = is_new || overtakes || cause != Cause::Timer;
        let Some(hop) = hop else {
            return;
        };
        let is_confirmed = confirm.is_some();
        let body = Body::Resv(Resv {
            session: session.key.session(),
            hop,
            time_values: self.time_values(interface),
            confirm: confirm.map(|(_, (confirm, _))| confirm),
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
        if self.neighbours.is_summarised(key)
            && let Some(resv) = session.resvs.get_mut(&phop)
        {
            resv.refresh_at = self.in_full_at(refresh_at, interface);
        }
    }

    /// A previous hop was told something else than what is so now: the next refresh, which is not later than without
    /// summaries, says it in full.
    pub(super) fn mark(&mut self, now: Instant, session: &mut SessionState, phop: Phop) {
        let interface = phop.interface();
        let Some(resv) = session.resvs.get_mut(&phop) else {
            return;
        };
        resv.told.mark();
        if self.neighbours.is_summarised(resv.key) {
            resv.refresh_at = resv.refresh_at.min(self.refresh_at(now, interface));
            session.next = session.next.min(resv.refresh_at);
        }
    }

    /// A previous hop that has forgotten a sender has heard of it again, and mostly hears of more at this moment: it is told
    /// soon what is reserved, once for all of them. At once for each, it would refuse most of each message.
    pub(super) fn hasten(&mut self, now: Instant, session: &mut SessionState, phop: Phop) {
        let (Some(resv), None) = (session.resvs.get_mut(&phop), session.hold_until) else {
            // Nothing to be said again, or a refresh would wait until routes have settled.
            return self.refresh_resv(now, session, phop, Cause::Moved);
        };
        resv.told.mark();
        resv.refresh_at = resv.refresh_at.min(later(now, GATHERING));
        session.next = session.next.min(resv.refresh_at);
    }

    /// As [`mark`](Self::mark), all previous hops.
    pub(super) fn mark_all(&mut self, now: Instant, session: &mut SessionState) {
        let phops: Vec<Phop> = session.resvs.keys().copied().collect();
        for phop in phops {
            self.mark(now, session, phop);
        }
    }

    /// Leaves the refreshes of a previous hop to summaries, if it knows what it was told by name, and that is still so:
    /// whatever changes it is sent at once, or marked.
    fn summarises(&mut self, now: Instant, session: &mut SessionState, phop: Phop) -> bool {
        let Phop::Hop {
            interface, address, ..
        } = phop
        else {
            return false;
        };
        let known = session
            .resvs
            .get(&phop)
            .filter(|resv| {
                resv.told.is_current() && session.hold_until.is_none_or(|until| until <= now)
            })
            .map(|resv| resv.key)
            .filter(|key| {
                // If they do already, it is time for one in full.
                !self.neighbours.is_summarised(*key)
                    && self
                        .neighbours
                        .can_summarise(interface, *key, Some(address))
            });
        let Some(key) = known else {
            return false;
        };
        let next = self.refresh_at(now, interface);
        let refresh_at = self.in_full_at(next, interface);
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
        said: Said,
    ) -> crate::neighbour::StateKey {
        let mut parts = said.parts;
        let key = match session.resvs.get(&phop) {
            Some(old) => {
                // What is left out for a while may have to be torn later.
                let held = old
                    .parts
                    .iter()
                    .filter(|(sender, _)| wanted.held.contains(sender));
                parts.extend(held);
                old.key
            }
            None => session.name(),
        };
        session.resvs.insert(
            phop,
            Box::new(ResvOut {
                key,
                refresh_at,
                style: wanted.flows.style(),
                parts,
                common: said.common,
                told: said.whole,
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
                            filters: old.filters().collect(),
                            flowspec: None,
                        },
                    );
                }
            }
            Phop::Hop { .. } => {
                let known: Vec<Sender> = old
                    .filters()
                    .filter(|sender| has_path(session, *sender, phop))
                    .collect();
                let has_any = session.psbs.values().any(|psb| psb.is_behind(phop));
                // RFC 2205 §3.1.5: a PathTear has taken the reservation with it.
                let torn = cause == Cause::Gone && !has_any;
                if !torn && (old.style == Style::WF && has_any || !known.is_empty()) {
                    self.send_resv_tear(now, session, phop, old.style, &known);
                }
            }
        }
    }

    pub(super) fn send_resv_tear(
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
            // RFC 2205 §3.10: they go on at once.
            unknown: self.torn_along.clone(),
        });
        self.send(now, Outgoing::to_hop(interface, address, body));
    }

    /// Takes a sender out of a next hop's reservation, which did not ask for that; the whole of it, if it is for no other.
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
        let (id, is_empty) = (rsb.id, rsb.filters.is_empty());
        if is_empty {
            self.drop_rsb(session, key);
        }
        self.unname(session, id);
        self.update_and_report(now, session, super::control::tcsb_of(&key));
    }

    /// Removes a next hop's reservation, and nothing else.
    pub(super) fn drop_rsb(&mut self, session: &mut SessionState, key: RsbKey) {
        if let Some(rsb) = session.rsbs.remove(&key) {
            session.next_hops_changed = true;
            self.reservations = self.reservations.saturating_sub(1);
            self.drop_id(session, rsb.id);
        }
    }

    /// Brings all previous hops of a session up to date.
    pub(super) fn refresh_all(&mut self, now: Instant, session: &mut SessionState, cause: Cause) {
        for phop in super::core::phops(session) {
            self.refresh_resv(now, session, phop, cause);
        }
    }

    /// Does what is due in a session: refreshes, and ends what was not refreshed.
    pub(super) fn run_timers(&mut self, now: Instant, session: &mut SessionState) {
        self.end_other_hops(now, session);
        let mut ended: Vec<_> = session
            .psbs
            .iter()
            .filter(|(_, psb)| psb.expires <= now)
            .map(|(key, _)| *key)
            .collect();
        self.counters.expired += u64::try_from(ended.len()).unwrap_or(u64::MAX);
        ended.retain(|key| !self.fall_back(now, session, *key));
        self.end_paths(now, session, &ended, &[]);
        self.end_reservations(now, session);
        let over: Vec<_> = session
            .bsbs
            .iter()
            .filter(|(_, bsb)| bsb.expires <= now)
            .map(|(key, _)| *key)
            .collect();
        if !over.is_empty() {
            // RFC 2205 §3.5: the next refresh tries the full merge again.
            self.mark_all(now, session);
        }
        for key in over {
            session.bsbs.remove(&key);
        }
        if session.repair_at.is_some_and(|at| at <= now) {
            session.repair_at = None;
            self.repair(now, session);
        }
        if session.hold_until.is_some_and(|until| until <= now) {
            session.hold_until = None;
            self.refresh_all(now, session, Cause::Torn);
        }
        let is_due = |out: &PathOut| out.refresh_at <= now;
        if !self.routing.notifies()
            && session
                .psbs
                .values()
                .any(|psb| psb.outgoing.iter().any(is_due))
        {
            self.reroute(now, session);
        }
        let due: Vec<_> = session
            .psbs
            .iter()
            .flat_map(|(key, psb)| {
                psb.outgoing
                    .iter()
                    .enumerate()
                    .filter(|(_, out)| is_due(out))
                    .map(|(at, _)| (*key, at))
            })
            .collect();
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
            let interface = phop.interface();
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
        let mut any = false;
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
            self.update_and_report(now, session, super::control::tcsb_of(&key));
            any = true;
        }
        if any {
            self.refresh_all(now, session, Cause::Torn);
        }
    }
}

/// `now` and a span later; for ever, if that is too far.
pub(super) fn later(now: Instant, span: Duration) -> Instant {
    now.checked_add(span).unwrap_or(Instant::MAX)
}

/// What a Resv says, in fingerprints; the default: nothing.
#[derive(Default)]
struct Said {
    whole: Print,
    common: Print,
    /// By sender.
    parts: Vec<(Sender, Print)>,
}

impl Said {
    fn of(wanted: &Wanted, whole: Print) -> Self {
        let (shared, parts) = match &wanted.flows {
            Flows::Ff(list) => {
                let parts = list
                    .iter()
                    .map(|one| (one.filter.0, Print::of(&one.flowspec)));
                (None, parts.collect())
            }
            Flows::Se { flowspec, filters } => {
                let parts = filters.iter().map(|filter| (filter.0, Print::NEVER));
                (Some(flowspec), parts.collect())
            }
            Flows::Wf(flowspec) => (Some(flowspec), Vec::new()),
            Flows::Unknown { .. } => (None, Vec::new()),
        };
        let common = Print::of(&(
            wanted.flows.style(),
            shared,
            &wanted.scope,
            &wanted.policy,
            &wanted.unknown,
        ));
        Self {
            whole,
            common,
            parts,
        }
    }

    /// Whether the previous hop was told this and no more.
    fn is(&self, told: &ResvOut) -> bool {
        self.common == told.common && self.parts == told.parts
    }

    /// Whether the previous hop was told all of it.
    fn is_part_of(&self, told: &ResvOut) -> bool {
        self.common == told.common && self.parts.iter().all(|part| told.parts.contains(part))
    }
}

/// The senders that a previous hop was asked to reserve for, and is not any more.
fn lost_senders(session: &SessionState, phop: Phop, wanted: &Wanted) -> Vec<Sender> {
    session
        .resvs
        .get(&phop)
        .into_iter()
        .flat_map(|old| old.filters())
        .filter(|sender| !wanted.filters.contains(sender) && !wanted.held.contains(sender))
        .filter(|sender| has_path(session, *sender, phop))
        .collect()
}

/// Whether some next hop asks for a sender behind that previous hop, be it routed there or not. Of style WF those do
/// that no sender is routed to: whoever was is on the way to somewhere else.
fn is_asked_for(session: &SessionState, phop: Phop) -> bool {
    let is_wanted = |sender: &Sender| match session.style() {
        Some(Style::WF) => session.rsbs.iter().any(|(key, rsb)| {
            let mut senders = session.psbs.iter();
            key.outgoing != phop.interface()
                && !senders.any(|(sender, psb)| rsb.covers(key.outgoing, sender, psb))
        }),
        _ => session.rsbs.values().any(|rsb| rsb.selects(sender)),
    };
    session
        .psbs
        .iter()
        .filter(|(_, psb)| psb.is_behind(phop))
        .any(|(key, _)| is_wanted(&key.sender))
}

/// Whether a previous hop has announced that sender.
fn has_path(session: &SessionState, sender: Sender, phop: Phop) -> bool {
    session
        .psbs
        .iter()
        .any(|(key, psb)| key.sender == sender && psb.is_behind(phop))
}
