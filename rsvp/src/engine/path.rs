//! Path and PathTear: RFC 2209 §2, PATH and PTEAR; RFC 2205 §3.1.3, §3.1.5.
//!
//! Where this leaves RFC 2209: PathTear has to name the previous hop, as RFC 2205 §3.1.5 wants; the non-RSVP flag is
//! taken from each Path; a changed Adspec goes on at once (RFC 2205 §3.3).

use core::time::Duration;
use std::net::IpAddr;

use fairway_wire::Instant;

use super::core::{How, Named};
use super::node::{Node, fingerprint};
use super::refresh::{Cause, later};
use crate::Disposition;
use crate::api::{Event, PathSender};
use crate::interface::IfIndex;
use crate::intserv::{Adspec, GuaranteedTerms, Reading, ServiceNumber, Tspec};
use crate::msg::{Body, Path, PathErr, PathTear, SenderDescriptor, TornSender};
use crate::neighbour::{Arrival, Destination, Neighbours, Outgoing, StateKey, Verdict};
use crate::state::{NextHop, PathOut, Phop, Psb, PsbKey, SessionState};
use crate::timing::lifetime;
use crate::wire::{
    AdspecObject, ErrorCode, ErrorFlags, PolicyData, RsvpHop, SenderTemplate, Session, Style,
    TimeValues, UnknownObject,
};

/// Milliseconds between refreshes that are believed: a neighbour can neither make state end at once nor keep it for ever.
const REFRESH_RANGE: (u32, u32) = (100, 65_535_000);

impl Node {
    /// Processes a Path with a sender descriptor; whether it was not out of order (RFC 2961 §4.6).
    pub(super) fn handle_path(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        arrival: &Arrival,
        path: &Path,
        how: How,
    ) -> bool {
        let Some(sender) = &path.sender else {
            return true;
        };
        let SenderTemplate(template) = sender.template;
        if template.address().is_ipv4() != session.key.destination.is_ipv4() {
            self.drop_message("families of addresses");
            return true;
        }
        if self.is_own(template.address()) {
            // It has come back to where it was made.
            self.drop_message("own Path");
            return true;
        }
        let mtu = self
            .interface(arrival.interface)
            .map_or(65_535, |interface| interface.mtu);
        // RFC 2205 §3.2: one sender, with and without a port.
        let conflict = session.psbs.keys().any(|key| {
            key.sender.address() == template.address()
                && matches!((key.sender.port(), template.port()), (Some(a), Some(b)) if (a == 0) != (b == 0))
        });
        if conflict {
            let code = ErrorCode::CONFLICTING_SENDER_PORTS;
            self.refuse_path(now, arrival, path, code, 0);
            return true;
        }
        let tspec = match Tspec::from_object(&sender.tspec, Reading::Deployed { mtu }) {
            Ok(tspec) => tspec,
            Err(error) => {
                self.refuse_content(now, arrival, path, Disposition::of_tspec(&error));
                return true;
            }
        };
        let adspec = match sender.adspec.as_ref().map(Adspec::from_object) {
            Some(Err(error)) => {
                self.refuse_content(now, arrival, path, Disposition::of_adspec(&error));
                return true;
            }
            Some(Ok(adspec)) => Some(adspec),
            None => None,
        };
        let key = PsbKey {
            sender: template,
            incoming: if session.is_multicast() {
                arrival.interface
            } else {
                IfIndex::LOCAL
            },
        };
        let old = session.psbs.remove(&key);
        let (id, late) = how.named;
        match Neighbours::judge(old.as_ref().and_then(|psb| psb.id), id, late) {
            Verdict::Process => {}
            Verdict::Refresh => {
                if let Some(mut psb) = old {
                    psb.lifetime = self.lifetime(path.time_values, arrival.interface);
                    psb.expires = later(now, psb.lifetime);
                    session.want(psb.expires);
                    session.psbs.insert(key, psb);
                }
                return true;
            }
            Verdict::OutOfOrder => {
                if let Some(psb) = old {
                    session.psbs.insert(key, psb);
                }
                return false;
            }
        }
        if old.is_none() && session.psbs.len() >= self.config.limits.senders {
            self.drop_message("limit: senders");
            return true;
        }
        if old.is_none() && self.senders >= self.config.limits.senders_in_all {
            self.drop_message("limit: senders in all");
            return true;
        }
        let adspec_octets = sender
            .adspec
            .as_ref()
            .map_or(0, |object| object.0.body().len());
        let carried = adspec_octets + carried_octets(&path.policy, &path.unknown);
        if carried > self.config.limits.carried_octets {
            self.drop_message("limit: carried octets");
            if let Some(psb) = old {
                session.psbs.insert(key, psb);
            }
            return true;
        }
        let phop = Phop::Hop {
            interface: arrival.interface,
            address: path.hop.address,
            handle: path.hop.handle,
        };
        let lifetime = self.lifetime(path.time_values, arrival.interface);
        let mut psb = Box::new(Psb {
            phop,
            incoming: arrival.interface,
            tspec,
            tspec_object: sender.tspec.detach(),
            adspec_object: sender.adspec.as_ref().map(AdspecObject::detach),
            upstream: adspec.as_ref().and_then(terms),
            policy: path.policy.iter().map(PolicyData::detach).collect(),
            unknown: path.unknown.iter().map(UnknownObject::detach).collect(),
            ttl: how.ttl,
            e_police: path.session.e_police,
            non_rsvp: how.non_rsvp,
            local_only: false,
            to_local: false,
            outgoing: Vec::new(),
            expires: later(now, lifetime),
            lifetime,
            by_interface: None,
            offers: false,
            id,
        });
        session.want(psb.expires);
        let is_new = old.is_none();
        // RFC 2205 §3.1.3: what makes a Path say something new.
        let (moved, changed) = match &old {
            None => (false, true),
            Some(old) => {
                let moved = old.phop != psb.phop;
                let same = old.tspec_object == psb.tspec_object
                    && old.adspec_object == psb.adspec_object
                    && old.policy == psb.policy
                    && old.unknown == psb.unknown
                    && old.non_rsvp == psb.non_rsvp;
                (moved, moved || !same)
            }
        };
        let old_id = old.as_ref().and_then(|psb| psb.id);
        let old_phop = old.as_ref().map(|psb| psb.phop);
        if let Some(old) = old {
            psb.outgoing = old.outgoing;
            psb.to_local = old.to_local;
            psb.local_only = old.local_only;
            if !changed && (old.ttl, old.e_police) != (psb.ttl, psb.e_police) {
                // Not worth a message of its own; but a refresh by name would not tell it.
                psb.outgoing.iter_mut().for_each(PathOut::mark);
            }
        }
        session.psbs.insert(key, psb);
        if is_new {
            self.senders += 1;
        }
        self.keep_id(session, id);
        if old_id != id {
            self.drop_id(session, old_id);
        }
        let turned =
            (is_new || moved || !self.routing.notifies()) && self.route_sender(session, key);
        if turned && !changed {
            // Nobody tells of route changes: this is where they are noticed.
            self.repair(now, session);
        }
        if is_new || moved {
            self.note_scope(session);
        }
        if changed {
            self.tell_paths(session);
            self.send_paths(now, session, key, true);
            // A new hop has to hear what is reserved, and the old one is not asked for it any more.
            let cause = if moved { Cause::Moved } else { Cause::Change };
            self.path_changed(now, session, key, cause);
            if let (true, Some(old_phop)) = (moved, old_phop) {
                self.refresh_resv(now, session, old_phop, Cause::Gone);
            }
        }
        true
    }

    /// Path state has come or changed: what is installed for it may have to, too, and what is asked for it.
    pub(super) fn path_changed(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        key: PsbKey,
        cause: Cause,
    ) {
        let Some(psb) = session.psbs.get(&key) else {
            return;
        };
        let phop = psb.phop;
        for installed in session.tcsbs_of(key.sender, psb) {
            self.update_and_report(now, session, installed);
        }
        self.refresh_resv(now, session, phop, cause);
    }

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
        let SenderTemplate(template) = sender.template;
        let key = PsbKey {
            sender: template,
            incoming: if session.is_multicast() {
                arrival.interface
            } else {
                IfIndex::LOCAL
            },
        };
        // RFC 2205 §3.1.5: it has to match the previous hop, too.
        let found = session.psbs.get(&key).filter(
            |psb| matches!(psb.phop, Phop::Hop { address, .. } if address == tear.hop.address),
        );
        let Some(psb) = found else {
            self.drop_message("PathTear without state");
            return true;
        };
        if Neighbours::judge(psb.id, named.0, named.1) == Verdict::OutOfOrder {
            return false;
        }
        self.end_path(now, session, key, &tear.unknown);
        true
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
            self.note_scope(session);
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

    /// Whether reservations of style WF need a SCOPE depends on all senders: where that has changed, previous hops are told
    /// in full.
    fn note_scope(&self, session: &mut SessionState) {
        let needs = self.needs_scope(session);
        if core::mem::replace(&mut session.is_scoped, needs) != needs {
            for (_, resv) in session.resvs.iter_mut() {
                resv.fingerprint = 0;
            }
        }
    }

    /// The senders whose data comes to applications of this node.
    pub(super) fn senders_of(session: &SessionState) -> Vec<PathSender> {
        let mut senders: Vec<PathSender> = Vec::new();
        for (key, psb) in session.psbs.iter() {
            let known = senders
                .last()
                .is_some_and(|last| last.template == key.sender);
            if !psb.to_local || known {
                continue;
            }
            senders.push(PathSender {
                template: key.sender,
                tspec: psb.tspec,
                adspec: arriving_adspec(psb),
            });
        }
        senders
    }

    /// Tells the applications which senders there are.
    pub(super) fn tell_paths(&mut self, session: &mut SessionState) {
        if session.apps.is_empty() {
            return;
        }
        let senders = Self::senders_of(session);
        let is_end = senders.is_empty();
        let mut told = Vec::new();
        for (api, app) in session.apps.iter_mut() {
            if !is_end || app.heard_paths {
                app.heard_paths = !is_end;
                told.push(*api);
            }
        }
        for api in told {
            self.tell(api, Event::Path(senders.clone()));
        }
    }

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
        let refresh_at = self.refresh_at(now, interface);
        session.want(refresh_at);
        let neighbour = self.next_rsvp_hop(session, interface);
        if !trigger && self.neighbours.can_summarise(interface, state, neighbour) {
            // What was sent is what would be sent: whatever changes it sends it at once, or marks it.
            let unchanged = session
                .psbs
                .get_mut(&key)
                .and_then(|psb| psb.outgoing.get_mut(at))
                .filter(|out| out.fingerprint > PathOut::STALE);
            if let Some(out) = unchanged {
                out.refresh_at = refresh_at;
                self.neighbours.summarise(now, interface, state);
                return;
            }
        }
        let time_values = self.time_values(interface);
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
        let says_new = trigger && out.fingerprint == PathOut::NEVER || out.fingerprint != print;
        out.fingerprint = print;
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
        let print = fingerprint(&(
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
                let sent = psb.outgoing.get(at)?.fingerprint;
                let print = self.leaving(psb, interface, destination).print;
                // One that was never sent waits for its repair.
                (sent != PathOut::NEVER && sent != print).then_some((*key, at))
            })
            .collect();
        for (key, at) in changed {
            self.send_path(now, session, key, at, true);
        }
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
        if out.fingerprint == PathOut::NEVER {
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

    /// The TTL a Path leaves with: one less than it came with, and not over the interface's limit; `None` if it may not
    /// leave.
    fn forwarded_ttl(&self, psb: &Psb, interface: IfIndex) -> Option<u8> {
        let limit = self.interface(interface)?.settings.ttl_limit;
        let left = if psb.is_of_app() {
            psb.ttl
        } else {
            psb.ttl.saturating_sub(1)
        };
        Some(left.min(limit)).filter(|ttl| *ttl > 0)
    }

    /// The next RSVP node for unicast data that leaves by an interface, as far as reservations tell.
    fn next_rsvp_hop(&self, session: &SessionState, interface: IfIndex) -> Option<IpAddr> {
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

    /// How long state lives that is refreshed at that pace by a neighbour on `interface`.
    pub(super) fn lifetime(&self, period: TimeValues, interface: IfIndex) -> Duration {
        let (least, most) = REFRESH_RANGE;
        let period = TimeValues {
            refresh_millis: period.refresh_millis.clamp(least, most),
        };
        let keep = self
            .interfaces
            .get(&interface)
            .map_or(crate::timing::KEEP_MULTIPLIER, |interface| {
                interface.settings.keep_multiplier
            });
        lifetime(period.refresh_period(), keep)
    }

    fn refuse_content(&mut self, now: Instant, arrival: &Arrival, path: &Path, owed: Disposition) {
        match owed {
            Disposition::Drop(fault) => self.drop_message(fault.name()),
            Disposition::Answer { code, value } => {
                self.refuse_path(now, arrival, path, code, value);
            }
        }
    }

    /// Answers a Path with a PathErr to the hop it came from: RFC 2205 §3.1.7. It makes and changes no state.
    pub(super) fn refuse_path(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        path: &Path,
        code: ErrorCode,
        value: u16,
    ) {
        let interface = arrival.interface;
        let like = path.session.destination;
        let Some(error) = self.error_spec(interface, like, ErrorFlags::NONE, code, value) else {
            return;
        };
        let body = Body::PathErr(PathErr {
            session: path.session,
            error,
            policy: Vec::new(),
            sender: path.sender.clone(),
            unknown: Vec::new(),
        });
        self.send(now, Outgoing::to_hop(interface, path.hop.address, body));
    }
}

/// What a Path says that leaves by one interface, beside what came.
struct Leaving {
    hop: Option<RsvpHop>,
    ttl: Option<u8>,
    e_police: bool,
    adspec: Option<AdspecObject>,
    /// Of all that it says.
    print: u64,
}

/// What the sender's Adspec says of the way to here.
pub(super) fn arriving_adspec(psb: &Psb) -> Option<Adspec> {
    let mut adspec = Adspec::from_object(psb.adspec_object.as_ref()?).ok()?;
    if psb.non_rsvp {
        adspec.mark_non_is_hop();
    }
    Some(adspec)
}

fn terms(adspec: &Adspec) -> Option<GuaranteedTerms> {
    adspec.service(ServiceNumber::GUARANTEED)?;
    adspec.guaranteed.as_ref()?.terms
}

/// The octets that are kept and not understood.
pub(super) fn carried_octets(policy: &[PolicyData], unknown: &[UnknownObject]) -> usize {
    let policy = policy.iter().map(|PolicyData(data)| data.body().len());
    let unknown = unknown.iter().map(|object| object.body().len());
    policy.chain(unknown).sum()
}
