//! Resv and ResvTear: RFC 2209 §2, RESV and RTEAR; RFC 2205 §3.1.4, §3.1.6.
//!
//! A reservation of an application of this node goes the same way, from [`Node::reserve`] on.

use core::time::Duration;
use std::net::IpAddr;

use fairway_wire::Instant;

use super::control::{Refused, Updated, tcsb_of};
use super::core::Named;
use super::node::Node;
use super::path::carried_octets;
use super::refresh::{Cause, later};
use crate::Disposition;
use crate::interface::IfIndex;
use crate::intserv::{Flowspec, Reading};
use crate::msg::{Flows, Resv, ResvTear};
use crate::neighbour::{Arrival, IdOfState, Neighbours, Verdict};
use crate::state::{NextHop, Phop, Rsb, RsbKey, SessionState};
use crate::wire::{
    ErrorCode, ErrorFlags, ErrorValue, FilterSpec, FlowspecObject, PolicyData, ResvConfirm, Scope,
    Sender, Style, UnknownObject,
};

/// A reservation about to be made: one flow descriptor of style FF, or all of a Resv of another style.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) outgoing: IfIndex,
    pub(super) nhop: NextHop,
    pub(super) style: Style,
    /// One of style FF, none of style WF.
    pub(super) filters: Vec<Sender>,
    pub(super) flowspec: Flowspec,
    pub(super) scope: Option<Scope>,
    pub(super) confirm: Option<ResvConfirm>,
    pub(super) policy: Vec<PolicyData>,
    pub(super) unknown: Vec<UnknownObject>,
    pub(super) by_interface: Option<IfIndex>,
    /// `None`: for ever.
    pub(super) lifetime: Option<Duration>,
    pub(super) id: Option<IdOfState>,
}

/// Why a reservation is not made: what is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) value: u16,
    pub(super) flags: ErrorFlags,
    /// Whoever operates the node is told already.
    pub(super) is_noted: bool,
}

impl Refusal {
    pub(super) const fn of(code: ErrorCode, value: u16) -> Self {
        Self {
            code,
            value,
            flags: ErrorFlags::NONE,
            is_noted: false,
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let (code, value) = refused.error.code();
        Self {
            code,
            value,
            flags: refused.flags(),
            // Where it was asked for.
            is_noted: true,
        }
    }
}

/// Whether it can be one host's address.
fn is_host(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !address.is_unspecified() && !address.is_multicast() && !broadcast
}

/// What making a reservation leads to.
#[derive(Debug, Default)]
pub(super) struct Reserved {
    pub(super) updated: Updated,
    /// The previous hops it concerns.
    pub(super) phops: Vec<Phop>,
    /// No sender that was named is left out.
    pub(super) is_whole: bool,
}

impl Node {
    /// Processes a Resv; whether it was not out of order.
    pub(super) fn handle_resv(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        arrival: &Arrival,
        resv: &Resv,
        named: Named,
    ) -> bool {
        let Some(outgoing) = self.outgoing_of(arrival, resv.hop.handle) else {
            self.drop_message("logical interface handle");
            return true;
        };
        let family = session.key.destination.is_ipv4();
        if resv
            .flows
            .filters()
            .any(|filter| filter.0.address().is_ipv4() != family)
        {
            self.drop_message("families of addresses");
            return true;
        }
        let limits = self.config.limits;
        // What names the senders that are known here has its limit with them.
        let scope = resv.scope.as_ref().map_or(0, |scope| {
            let octets = if family { 4 } else { 16 };
            let more = scope.addresses().count().saturating_sub(limits.senders);
            more.saturating_mul(octets)
        });
        if scope + carried_octets(&resv.policy, &resv.unknown) > limits.carried_octets {
            self.drop_message("limit: carried octets");
            return true;
        }
        let nhop = NextHop::Hop(resv.hop.address);
        let style = resv.flows.style();
        let (id, late) = named;
        let mut named_senders: Vec<Sender> = resv.flows.filters().map(|filter| filter.0).collect();
        named_senders.sort_unstable();
        let stored = session
            .rsbs
            .iter()
            .filter(|(key, _)| key.outgoing == outgoing && key.nhop == nhop)
            // Of style FF, each sender's may be named by a message of its own.
            .filter(|(key, _)| {
                key.filter
                    .is_none_or(|sender| named_senders.binary_search(&sender).is_ok())
            })
            .filter_map(|(_, rsb)| rsb.id)
            .filter(|stored| id.is_none_or(|id| stored.is_of_row(&id)))
            .reduce(|a, b| match a.id.compare(b.id) {
                Some(core::cmp::Ordering::Less) => b,
                _ => a,
            });
        match Neighbours::judge(stored, id, late) {
            Verdict::OutOfOrder => return false,
            Verdict::Refresh if stored == id && resv.confirm.is_none() => {
                if let Some(id) = id {
                    let lifetime = self.lifetime(resv.time_values, outgoing);
                    let made = session.rsbs.iter_mut();
                    for (_, rsb) in made.filter(|(_, rsb)| rsb.id == Some(id)) {
                        rsb.lifetime = lifetime;
                    }
                    self.hear_name(now, id);
                    self.note_heard(session);
                }
                return true;
            }
            Verdict::Refresh | Verdict::Process => {}
        }
        if session.psbs.is_empty() {
            self.refuse_resv(now, arrival, resv, ErrorCode::NO_PATH, 0);
            return true;
        }
        if let Some(existing) = session.style().filter(|existing| *existing != style) {
            // RFC 2205 appendix B, code 5: the value is the style there is.
            let value = existing.option_vector();
            self.refuse_resv(now, arrival, resv, ErrorCode::CONFLICTING_STYLE, value);
            return true;
        }
        let lifetime = self.lifetime(resv.time_values, outgoing);
        let mtu = self
            .interface(outgoing)
            .map_or(65_535, |interface| interface.mtu);
        let descriptors: Vec<(FlowspecObject, Vec<Sender>)> = match &resv.flows {
            Flows::Wf(flowspec) => vec![(flowspec.clone(), Vec::new())],
            Flows::Se { flowspec, filters } => {
                let filters = filters.iter().map(|FilterSpec(sender)| *sender);
                vec![(flowspec.clone(), filters.collect())]
            }
            Flows::Ff(list) => list
                .iter()
                .map(|one| (one.flowspec.clone(), vec![one.filter.0]))
                .collect(),
            Flows::Unknown { .. } => return true,
        };
        // It is answered to that address, so it has to be one host's.
        let confirm = resv.confirm.filter(|confirm| is_host(confirm.receiver));
        if confirm != resv.confirm {
            self.drop_message("confirmation address");
        }
        let mut phops = Vec::new();
        let mut is_whole = true;
        for (object, filters) in descriptors {
            let flowspec = match Flowspec::from_object(&object, Reading::Deployed { mtu }) {
                Ok(flowspec) => flowspec,
                Err(error) => {
                    is_whole = false;
                    match Disposition::of_flowspec(&error) {
                        Disposition::Drop(fault) => self.drop_message(fault.name()),
                        Disposition::Answer { code, value } => {
                            let refusal = Refusal::of(code, value);
                            self.refuse_flow(now, resv, outgoing, &object, &filters, refusal);
                        }
                    }
                    continue;
                }
            };
            let request = Request {
                outgoing,
                nhop,
                style,
                filters: filters.clone(),
                flowspec,
                scope: resv.scope.clone(),
                confirm,
                policy: resv.policy.iter().map(PolicyData::detach).collect(),
                unknown: resv.unknown.iter().map(UnknownObject::detach).collect(),
                by_interface: None,
                lifetime: Some(lifetime),
                id,
            };
            match self.reserve(now, session, request) {
                Ok(reserved) => {
                    is_whole &= reserved.is_whole;
                    if let Some(confirm) = reserved.updated.confirm {
                        let what = (style, flowspec, &*filters);
                        self.confirm_flow(now, session, outgoing, confirm, what);
                    }
                    if reserved.updated.ask {
                        phops.extend(reserved.phops);
                    }
                }
                Err(refusal) => {
                    is_whole = false;
                    self.refuse_flow(now, resv, outgoing, &object, &filters, refusal);
                }
            }
        }
        if !is_whole {
            self.unname(session, id);
        }
        phops.sort_unstable();
        phops.dedup();
        for phop in phops {
            self.refresh_resv(now, session, phop, Cause::Change);
        }
        true
    }

    /// Makes or changes a reservation: `rsvp.md` §8, Resv, a descriptor.
    pub(super) fn reserve(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        mut request: Request,
    ) -> Result<Reserved, Refusal> {
        let key = RsbKey {
            outgoing: request.outgoing,
            filter: request
                .filters
                .first()
                .copied()
                .filter(|_| request.style == Style::FF),
            nhop: request.nhop,
        };
        // RFC 2205 §3.1.4: filters that match no sender are left out, and if none is left, that is an error.
        request.filters.sort_unstable();
        request.filters.dedup();
        let named = request.filters.len();
        request.filters.retain(|filter| {
            session.psbs.iter().any(|(sender, psb)| {
                sender.sender == *filter
                    && psb.sends_to(key.outgoing)
                    && request
                        .by_interface
                        .is_none_or(|named| named == psb.incoming)
            })
        });
        let any = if request.style == Style::WF {
            session.psbs.values().any(|psb| {
                psb.sends_to(key.outgoing)
                    && request
                        .by_interface
                        .is_none_or(|named| named == psb.incoming)
            })
        } else {
            !request.filters.is_empty()
        };
        if !any {
            return Err(Refusal::of(ErrorCode::NO_SENDER, 0));
        }
        // RFC 2210 §3.1.3 and RFC 2205 appendix B: one session has one service.
        let other_service = session.rsbs.iter().any(|(other, rsb)| {
            // What the same hop asks is about to be replaced.
            (other.outgoing, other.nhop) != (key.outgoing, key.nhop)
                && rsb.flowspec.service() != request.flowspec.service()
        });
        if other_service {
            let value = ErrorValue::SERVICE_CONFLICT.0;
            return Err(Refusal::of(ErrorCode::TRAFFIC_CONTROL, value));
        }
        let end = request
            .lifetime
            .map_or(Instant::MAX, |span| later(now, span));
        let old = session.rsbs.remove(&key);
        let is_new = old.is_none();
        let mut filters = old
            .as_ref()
            .map(|old| old.filters.clone())
            .unwrap_or_default();
        // What this message does not name ends before what it names, however soon it came after the one before: a summary
        // of it refreshes the latest only.
        for (_, expires) in filters.iter_mut() {
            if *expires == end && end < Instant::MAX {
                *expires = end.checked_sub(Duration::from_nanos(1)).unwrap_or(end);
            }
        }
        let mut grew = false;
        for filter in &request.filters {
            grew |= filters.insert(*filter, end).is_none();
        }
        let limits = self.config.limits;
        let others: usize = session
            .rsbs
            .values()
            .map(|rsb| rsb.filters.len().max(1))
            .sum();
        let met = if filters.len() > limits.filters {
            Some(("filters", limits.filters))
        } else if others + filters.len().max(1) > limits.reservations {
            Some(("reservations", limits.reservations))
        } else if old.is_none() && self.reservations >= limits.reservations_in_all {
            Some(("reservations_in_all", limits.reservations_in_all))
        } else {
            None
        };
        if let Some(limit) = met {
            if let Some(old) = old {
                session.rsbs.insert(key, old);
            }
            self.over_limit(session, "limit: reservations", limit);
            return Err(Refusal {
                is_noted: true,
                ..Refusal::of(ErrorCode::RSVP_SYSTEM, 0)
            });
        }
        let changed = old.as_ref().is_none_or(|old| {
            grew || old.flowspec != request.flowspec
                || old.scope != request.scope
                || old.by_interface != request.by_interface
        });
        let carries_new = old
            .as_ref()
            .is_none_or(|old| old.policy != request.policy || old.unknown != request.unknown);
        let updates = changed || request.confirm.is_some();
        let old_id = old.as_ref().and_then(|old| old.id);
        let rsb = Box::new(Rsb {
            style: request.style,
            filters,
            expires: end,
            lifetime: request.lifetime.unwrap_or(Duration::MAX),
            flowspec: request.flowspec,
            scope: request.scope,
            confirm: request.confirm,
            policy: request.policy,
            unknown: request.unknown,
            by_interface: request.by_interface,
            id: request.id,
        });
        let mut phops = session.phops_of(&key, &rsb);
        if let Some(old) = &old {
            phops.extend(session.phops_of(&key, old));
        }
        session.want(rsb.next_end());
        session.rsbs.insert(key, rsb);
        let mut updated = Updated::default();
        if updates {
            match self.update_traffic_control(session, tcsb_of(&key), Some(key)) {
                Ok(done) => updated = done,
                Err(refused) => {
                    // RFC 2205 §3.5, killer reservation I: what there was stays.
                    session.rsbs.remove(&key);
                    if let Some(mut old) = old {
                        // RFC 2209, RESV: its lifetime begins anew all the same.
                        old.expires = end;
                        for filter in &request.filters {
                            if let Some(old_end) = old.filters.get_mut(filter) {
                                *old_end = end;
                            }
                        }
                        session.rsbs.insert(key, old);
                    }
                    return Err(refused.into());
                }
            }
        }
        if is_new {
            session.next_hops_changed = true;
            self.reservations += 1;
        }
        updated.ask |= changed || carries_new;
        self.keep_id(request.id);
        if old_id != request.id {
            self.drop_id(session, old_id);
        }
        Ok(Reserved {
            updated,
            phops,
            is_whole: named == request.filters.len(),
        })
    }

    /// Processes a ResvTear; whether it was not out of order.
    pub(super) fn handle_resv_tear(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        arrival: &Arrival,
        tear: &ResvTear,
        named: Named,
    ) -> bool {
        let Some(outgoing) = self.outgoing_of(arrival, tear.hop.handle) else {
            self.drop_message("logical interface handle");
            return true;
        };
        if session.style() != Some(tear.flows.style()) {
            self.drop_message("ResvTear without state");
            return true;
        }
        let nhop = NextHop::Hop(tear.hop.address);
        let senders: Vec<Sender> = tear.flows.filters().map(|filter| filter.0).collect();
        let concerned: Vec<RsbKey> = session
            .rsbs
            .iter()
            .filter(|(key, rsb)| {
                key.outgoing == outgoing
                    && key.nhop == nhop
                    && (rsb.style == Style::WF || senders.iter().any(|sender| rsb.selects(sender)))
            })
            .map(|(key, _)| *key)
            .collect();
        if concerned.is_empty() {
            self.drop_message("ResvTear without state");
            return true;
        }
        let mut any = false;
        for key in concerned {
            let Some(rsb) = session.rsbs.get_mut(&key) else {
                continue;
            };
            // Of style FF, one sender's may have come again since, and another's not.
            if Neighbours::judge(rsb.id, named.0, named.1) == Verdict::OutOfOrder {
                continue;
            }
            any = true;
            for sender in &senders {
                rsb.filters.remove(sender);
            }
            if rsb.filters.is_empty() {
                self.drop_rsb(session, key);
            }
            self.update_and_report(now, session, tcsb_of(&key));
        }
        if !any {
            return false;
        }
        // What is torn towards one previous hop goes in one message.
        self.torn_along = tear.unknown.iter().map(UnknownObject::detach).collect();
        self.refresh_all(now, session, Cause::Torn);
        self.torn_along = Vec::new();
        true
    }

    /// The interface a reservation is for: the one whose index we gave as handle, else the one it was sent to.
    pub(super) fn outgoing_of(&self, arrival: &Arrival, handle: u32) -> Option<IfIndex> {
        let index = if handle == 0 {
            self.interface_of(arrival.destination)
                .unwrap_or(arrival.interface)
        } else {
            IfIndex(handle)
        };
        self.interface(index).map(|interface| interface.index)
    }

    /// The address a confirmation for an application of this node is sent to: that of the interface the data comes in by.
    pub(super) fn confirm_address(
        &self,
        session: &SessionState,
        request: &Request,
    ) -> Option<IpAddr> {
        let like = session.key.destination;
        let incoming = session
            .psbs
            .iter()
            .find(|(key, psb)| {
                psb.to_local
                    && (request.filters.is_empty() || request.filters.contains(&key.sender))
            })
            .map(|(_, psb)| psb.incoming)?;
        self.interfaces
            .get(&incoming)
            .and_then(|interface| interface.address(like))
            .or_else(|| {
                self.interfaces
                    .values()
                    .find_map(|interface| interface.address(like))
            })
    }
}
