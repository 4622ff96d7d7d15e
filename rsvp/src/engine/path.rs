//! Path: RFC 2209 §2, PATH; RFC 2205 §3.1.3.
//!
//! Where this leaves RFC 2209: the non-RSVP flag is taken from each Path; a changed Adspec goes on at once (RFC 2205
//! §3.3); a hop that Paths do not come from any more is remembered until it is silent (`hops.rs`).

use core::time::Duration;

use fairway_wire::Instant;

use super::core::How;
use super::hops::others_after;
use super::node::Node;
use super::refresh::{Cause, later};
use crate::Disposition;
use crate::api::{Event, PathSender};
use crate::interface::IfIndex;
use crate::intserv::{Adspec, GuaranteedTerms, Reading, ServiceNumber, Tspec};
use crate::msg::{Body, Path, PathErr, SenderDescriptor};
use crate::neighbour::{Arrival, Neighbours, Outgoing, Verdict};
use crate::state::{Phop, Print, Psb, PsbKey, SessionState};
use crate::timing::{KEEP_MULTIPLIER, lifetime, period_of};
use crate::wire::{
    AdspecObject, ErrorCode, ErrorFlags, PolicyData, SenderTemplate, TimeValues, UnknownObject,
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
        let known = self.refresh_path(now, session, arrival, (path, sender), how);
        known.unwrap_or_else(|| {
            self.learn_path(now, session, arrival, (path, sender), how);
            true
        })
    }

    /// Processes a Path that says what is known, the commonest of all messages: whether it was not out of order. `None`: it
    /// says something new.
    fn refresh_path(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        arrival: &Arrival,
        (path, sender): (&Path, &SenderDescriptor),
        how: How,
    ) -> Option<bool> {
        let key = psb_key(session, arrival, sender.template);
        let hop = phop(arrival, path);
        let is_node = |phop: Phop| phop.is_node(arrival.interface, path.hop.address);
        let lifetime = self.lifetime(path.time_values, arrival.interface);
        let expires = later(now, lifetime);
        let psb = session.psbs.get_mut(&key)?;
        let (id, late) = how.named;
        let mut forgotten = false;
        let (old_id, is_current) = if is_node(psb.phop) {
            match Neighbours::judge(psb.id, id, late) {
                Verdict::OutOfOrder => return Some(false),
                Verdict::Process if psb.phop != hop || !is_said(psb, path, sender, how) => {
                    return None;
                }
                // Whatever its name: a router that does not know RSVP has come between, or left; or another hop was
                // heard meanwhile.
                Verdict::Refresh if !has_same_way(psb, path, how) => return None,
                Verdict::Process | Verdict::Refresh => {}
            }
            (psb.expires, psb.lifetime) = (expires, lifetime);
            forgotten = psb.is_waited_for();
            (core::mem::replace(&mut psb.id, id), true)
        } else {
            let other = psb.others.iter_mut().find(|other| is_node(other.phop))?;
            match Neighbours::judge(other.id, id, late) {
                Verdict::OutOfOrder => return Some(false),
                Verdict::Process
                    if other.phop != hop
                        || other.contents != contents_of_message(path, sender, how) =>
                {
                    return None;
                }
                Verdict::Process | Verdict::Refresh => {}
            }
            (other.expires, other.lifetime) = (expires, lifetime);
            (core::mem::replace(&mut other.id, id), false)
        };
        session.want(expires);
        if old_id != id {
            self.keep_id(id);
            self.drop_id(session, old_id);
        }
        // Where nobody tells of route changes, this is where they are noticed.
        if is_current && !self.routing.notifies() && self.route_sender(session, key) {
            self.repair(now, session);
        }
        if forgotten {
            self.hasten(now, session, hop);
        }
        Some(true)
    }

    /// Processes a Path that says something new.
    fn learn_path(
        &mut self,
        now: Instant,
        session: &mut SessionState,
        arrival: &Arrival,
        (path, sender): (&Path, &SenderDescriptor),
        how: How,
    ) {
        self.note_heard(session);
        let key = psb_key(session, arrival, sender.template);
        let template = key.sender;
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
            return;
        }
        let tspec = match Tspec::from_object(&sender.tspec, Reading::Deployed { mtu }) {
            Ok(tspec) => tspec,
            Err(error) => {
                self.refuse_content(now, arrival, path, Disposition::of_tspec(&error));
                return;
            }
        };
        let adspec = match sender.adspec.as_ref().map(Adspec::from_object) {
            Some(Err(error)) => {
                self.refuse_content(now, arrival, path, Disposition::of_adspec(&error));
                return;
            }
            Some(Ok(adspec)) => Some(adspec),
            None => None,
        };
        let is_new = !session.psbs.contains(&key);
        if is_new && session.psbs.len() >= self.config.limits.senders {
            self.drop_message("limit: senders");
            return;
        }
        if is_new && self.senders >= self.config.limits.senders_in_all {
            self.drop_message("limit: senders in all");
            return;
        }
        let adspec_octets = sender
            .adspec
            .as_ref()
            .map_or(0, |object| object.0.body().len());
        let tspec_octets = sender.tspec.0.body().len();
        let carried = tspec_octets + adspec_octets + carried_octets(&path.policy, &path.unknown);
        if carried > self.config.limits.carried_octets {
            self.drop_message("limit: carried octets");
            return;
        }
        let lifetime = self.lifetime(path.time_values, arrival.interface);
        let id = how.named.0;
        let mut psb = Box::new(Psb {
            phop: phop(arrival, path),
            forgotten: None,
            others: Vec::new(),
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
        let old = session.psbs.remove(&key);
        // RFC 2205 §3.1.3: what makes a Path say something new.
        let moved = old.as_ref().is_some_and(|old| old.phop != psb.phop);
        let changed = moved
            || old
                .as_ref()
                .is_none_or(|old| contents_of_state(old) != contents_of_state(&psb));
        let mut forgotten = false;
        let (mut old_hops, mut old_ids) = (Vec::new(), Vec::new());
        if let Some(mut old) = old {
            forgotten = old.is_waited_for();
            if old.phop.is_node(arrival.interface, path.hop.address) {
                psb.forgotten = old.forgotten;
            }
            old_ids.extend(old.id);
            if moved {
                old_hops.extend(old.hops());
                old_ids.extend(old.others.iter().filter_map(|other| other.id));
            }
            psb.outgoing.clone_from(&old.outgoing);
            psb.to_local = old.to_local;
            psb.local_only = old.local_only;
            if !changed && (old.ttl, old.e_police) != (psb.ttl, psb.e_police) {
                // Not worth a message of its own; but a refresh by name would not tell it.
                for out in &mut psb.outgoing {
                    out.told.mark();
                    if self.neighbours.is_summarised(out.key) {
                        out.refresh_at = self.refresh_at(now, out.interface).min(out.refresh_at);
                        session.want(out.refresh_at);
                    }
                }
            }
            psb.others = others_after(*old, psb.phop);
        }
        session.psbs.insert(key, psb);
        if is_new {
            self.senders += 1;
        }
        self.keep_id(id);
        for old_id in old_ids {
            if Some(old_id) != id {
                self.drop_id(session, Some(old_id));
            }
        }
        let turned =
            (is_new || moved || !self.routing.notifies()) && self.route_sender(session, key);
        if turned && !changed {
            // Nobody tells of route changes: this is where they are noticed.
            self.repair(now, session);
        }
        if is_new || moved {
            self.note_scope(now, session);
        }
        if changed {
            self.tell_paths(session);
            self.send_paths(now, session, key, true);
            // A new hop has to hear what is reserved; one that is none any more is not asked for it.
            let cause = if moved { Cause::Moved } else { Cause::Change };
            self.path_changed(now, session, key, cause);
            for hop in old_hops {
                self.leave_hop(now, session, key, hop);
            }
        }
        if let (true, false, Some(psb)) = (forgotten, moved, session.psbs.get(&key)) {
            self.hasten(now, session, psb.phop);
        }
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

    /// Whether reservations of style WF need a SCOPE depends on all senders: where that has changed, previous hops are told
    /// in full.
    pub(super) fn note_scope(&mut self, now: Instant, session: &mut SessionState) {
        let needs = self.needs_scope(session);
        if core::mem::replace(&mut session.is_scoped, needs) != needs {
            self.mark_all(now, session);
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

    /// How long state lives that is refreshed at that pace by a neighbour on `interface`.
    pub(super) fn lifetime(&self, period: TimeValues, interface: IfIndex) -> Duration {
        let (least, most) = REFRESH_RANGE;
        let period = TimeValues {
            refresh_millis: period.refresh_millis.clamp(least, most),
        };
        lifetime(period.refresh_period(), self.keep_multiplier(interface))
    }

    /// The pace of a neighbour on `interface` whose state lives so long.
    pub(super) fn period_of(&self, lifetime: Duration, interface: IfIndex) -> Duration {
        period_of(lifetime, self.keep_multiplier(interface))
    }

    fn keep_multiplier(&self, interface: IfIndex) -> u32 {
        self.interfaces
            .get(&interface)
            .map_or(KEEP_MULTIPLIER, |interface| {
                interface.settings.keep_multiplier
            })
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
        self.note_refused(code, value, core::iter::empty());
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

/// What the sender's Adspec says of the way to here.
pub(super) fn arriving_adspec(psb: &Psb) -> Option<Adspec> {
    let mut adspec = Adspec::from_object(psb.adspec_object.as_ref()?).ok()?;
    if psb.non_rsvp {
        adspec.mark_non_is_hop();
    }
    Some(adspec)
}

/// Which path state a Path or PathTear is about.
pub(super) fn psb_key(
    session: &SessionState,
    arrival: &Arrival,
    SenderTemplate(sender): SenderTemplate,
) -> PsbKey {
    PsbKey {
        sender,
        incoming: if session.is_multicast() {
            arrival.interface
        } else {
            IfIndex::LOCAL
        },
    }
}

const fn phop(arrival: &Arrival, path: &Path) -> Phop {
    Phop::Hop {
        interface: arrival.interface,
        address: path.hop.address,
        handle: path.hop.handle,
    }
}

/// Whether a Path says nothing that is not known of its sender.
fn is_said(psb: &Psb, path: &Path, sender: &SenderDescriptor, how: How) -> bool {
    psb.tspec_object == sender.tspec
        && psb.adspec_object == sender.adspec
        && psb.policy == path.policy
        && psb.unknown == path.unknown
        && has_same_way(psb, path, how)
}

/// Whether a Path has come the way that is known.
const fn has_same_way(psb: &Psb, path: &Path, how: How) -> bool {
    psb.non_rsvp == how.non_rsvp && psb.ttl == how.ttl && psb.e_police == path.session.e_police
}

/// RFC 2205 §3.1.3: what makes a Path say something new, beside its hop.
fn contents_of_message(path: &Path, sender: &SenderDescriptor, how: How) -> Print {
    let (policy, unknown) = (&path.policy, &path.unknown);
    Print::of(&(&sender.tspec, &sender.adspec, policy, unknown, how.non_rsvp))
}

/// As [`contents_of_message`], of the Path that was last heard.
pub(super) fn contents_of_state(psb: &Psb) -> Print {
    let (policy, unknown) = (&psb.policy, &psb.unknown);
    let (tspec, adspec) = (&psb.tspec_object, &psb.adspec_object);
    Print::of(&(tspec, adspec, policy, unknown, psb.non_rsvp))
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
