//! A sender or receiver that the daemon plays itself: `[[sender]]`, `[[reservation]]`, `rsvpctl send`, `rsvpctl reserve`.
//!
//! Pure: an entry and events in, calls and words out.
//!
//! A receiver asks when it knows whom to ask: at the first path event that names a sender it wants. What it asks for is
//! computed anew at each path event, and asked for again only if it differs. What this node itself refuses it does not keep,
//! so that no refresh would bring it back: that is asked for again after a while, as it is.

use core::time::Duration;

use crate::api::{Call, Event, PathSender, ReserveCall, SenderCall};
use crate::daemon::config::{
    Octets, Rate, ReservationEntry, SenderEntry, ServiceName, StyleName, Traffic,
};
use crate::daemon::control::value::{self, EventOf};
use crate::intserv::request::{self, Wish};
use crate::intserv::{BytesPerSec, Flowspec, Rspec, Tspec, TspecError};
use crate::wire::{Sender, Session, Style};

/// What a party is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Somebody who sends.
    Sender(SenderEntry),
    /// Somebody who receives.
    Receiver(ReservationEntry),
}

/// Why an entry makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PartyError {
    /// Its numbers are none of a Tspec.
    #[error("traffic: {0}")]
    Traffic(#[from] TspecError),
    /// It contradicts itself.
    #[error("{0}: {1}")]
    Entry(&'static str, &'static str),
}

/// A sender or receiver.
#[derive(Clone, Debug)]
pub(super) struct Party {
    role: Role,
    session: Session,
    /// What is asked for now.
    asked: Option<Asked>,
    /// Senders that nothing is asked for, and why.
    left_out: Vec<(Sender, String)>,
    /// What was told of its being refused by this node, and what was met of that since it was asked for last.
    refusals: Vec<EventOf>,
    met: Vec<EventOf>,
    /// It is to be asked for again.
    is_refused: bool,
    /// The senders there are.
    senders: Vec<PathSender>,
    /// It is said that nobody is there to ask for, or why it is not asked.
    is_said: bool,
}

/// What a receiver asks for.
#[derive(Clone, Debug)]
struct Asked {
    call: ReserveCall,
    /// What is told of it.
    told: EventOf,
}

/// What is to be done and told after an event.
#[derive(Clone, Debug, Default)]
pub(super) struct Reaction {
    /// Asked of the engine.
    pub(super) call: Option<Call>,
    /// [`Party::retry`] is to be called after a while.
    pub(super) retry: bool,
    /// Told to whoever watches.
    pub(super) tell: Vec<EventOf>,
}

impl Party {
    /// Checks the entry; gives what is to be asked first, in order.
    pub(super) fn new(role: Role) -> Result<(Self, Vec<Call>), PartyError> {
        let (destination, protocol) = match &role {
            Role::Sender(entry) => (entry.destination, entry.protocol),
            Role::Receiver(entry) => (entry.destination, entry.protocol),
        };
        let session = Session {
            destination: destination.address,
            protocol: fairway_wire::Protocol(protocol.0),
            e_police: false,
            port: destination.port,
        };
        let mut calls = vec![Call::Open(session)];
        calls.extend(first_call(&role)?);
        let party = Self {
            role,
            session,
            asked: None,
            left_out: Vec::new(),
            refusals: Vec::new(),
            met: Vec::new(),
            is_refused: false,
            senders: Vec::new(),
            is_said: false,
        };
        Ok((party, calls))
    }

    /// Whether it is enough to [`change`](Self::change) this one into another: of a sender, that is the same source.
    pub(super) fn can_become(&self, role: &Role) -> bool {
        match (&self.role, role) {
            (Role::Sender(old), Role::Sender(new)) => {
                (old.destination, old.protocol, old.source)
                    == (new.destination, new.protocol, new.source)
            }
            (Role::Receiver(old), Role::Receiver(new)) => {
                (old.destination, old.protocol) == (new.destination, new.protocol)
            }
            _ => false,
        }
    }

    /// Whether it can be changed into the other one while others of its session stand, which all have one style and one
    /// service.
    pub(super) fn is_of_kind(&self, role: &Role) -> bool {
        match (&self.role, role) {
            (Role::Receiver(old), Role::Receiver(new)) => {
                (old.style, old.service) == (new.style, new.service)
            }
            _ => true,
        }
    }

    /// Whether it reserves in the same way for the same senders as that other one, or sends.
    pub(super) fn is_like(&self, role: &Role) -> bool {
        match (&self.role, role) {
            (Role::Receiver(old), Role::Receiver(new)) => {
                (old.style, &old.senders) == (new.style, &new.senders)
            }
            _ => true,
        }
    }

    /// Makes it another one that it [can become](Self::can_become): what stands is changed, not given up.
    pub(super) fn change(&mut self, role: Role) -> Result<Reaction, PartyError> {
        let mut reaction = Reaction {
            call: first_call(&role)?,
            ..Reaction::default()
        };
        self.role = role;
        if let Role::Receiver(_) = self.role {
            let asked = self.asked.as_ref().map(|asked| asked.call.style);
            self.ask(&mut reaction);
            // Of those it wants now nobody is there.
            if let (Some(style), None, None) = (asked, &self.asked, &reaction.call) {
                reaction.call = Some(removal(style));
            }
        }
        Ok(reaction)
    }

    /// What it is.
    pub(super) const fn role(&self) -> &Role {
        &self.role
    }

    /// Its session.
    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    /// Says once of a receiver that it waits, if it does.
    pub(super) fn wait(&mut self) -> Option<EventOf> {
        let Role::Receiver(entry) = &self.role else {
            return None;
        };
        if self.is_said || self.asked.is_some() {
            return None;
        }
        self.is_said = true;
        let senders = entry.senders.iter().copied().map(Sender::from);
        Some(EventOf::Waiting {
            senders: senders.map(value::sender).collect(),
        })
    }

    /// Something happened in its session.
    pub(super) fn handle_event(&mut self, event: &Event) -> Reaction {
        let mut reaction = Reaction {
            tell: vec![event.into()],
            ..Reaction::default()
        };
        let Role::Receiver(_) = &self.role else {
            return reaction;
        };
        let senders = match event {
            Event::Path(senders) => senders,
            Event::Confirm {
                filters, flowspec, ..
            } => {
                // A ResvConf says what was asked for (RFC 2205 §3.1.8).
                let granted = flowspec.and_then(|asked| less(filters, &asked, &self.senders));
                if let (Some(granted), [EventOf::Confirmed { flowspec, .. }]) =
                    (granted, reaction.tell.as_mut_slice())
                {
                    *flowspec = Some((&granted).into());
                }
                return reaction;
            }
            Event::Resv { .. } | Event::PathError { .. } | Event::ResvError { .. } => {
                return reaction;
            }
        };
        self.senders.clone_from(senders);
        self.ask(&mut reaction);
        reaction
    }

    /// Asks for what is wanted of the senders there are, if that is something else than before.
    fn ask(&mut self, reaction: &mut Reaction) {
        let Role::Receiver(entry) = &self.role else {
            return;
        };
        let Wanted { call, left_out } = wanted(entry, &self.senders);
        let before = core::mem::replace(&mut self.left_out, left_out);
        match call {
            Ok(None) if self.left_out.is_empty() => {
                // Nobody is left to reserve for; what was asked for ends with their state.
                self.asked = None;
                self.refusals.clear();
                reaction.tell.extend(self.wait());
            }
            Ok(None) => {
                let all = self.left_out.iter();
                let all: Vec<String> = all.map(|(of, why)| of_sender(*of, why)).collect();
                self.take_back(reaction, all.join("; "));
            }
            Ok(Some((call, bound))) => {
                for (sender, why) in self.left_out.iter().filter(|one| !before.contains(one)) {
                    reaction.tell.push(EventOf::NotAsked {
                        sender: Some(value::sender(*sender)),
                        why: why.clone(),
                    });
                }
                if self.asked.as_ref().is_some_and(|asked| asked.call == call) {
                    return;
                }
                let told = EventOf::Asked {
                    style: call.style.to_string(),
                    senders: call.filters.iter().copied().map(value::sender).collect(),
                    flowspecs: call.flowspecs.iter().map(value::Flowspec::from).collect(),
                    bound_micros: bound.and_then(|bound| u64::try_from(bound.as_micros()).ok()),
                };
                reaction.tell.push(told.clone());
                reaction.tell.extend(capped(entry, &self.senders, &call));
                self.asked = Some(Asked {
                    call: call.clone(),
                    told,
                });
                self.refusals.clear();
                self.is_said = false;
                reaction.call = Some(Call::Reserve(Box::new(call)));
            }
            Err(why) => self.take_back(reaction, why),
        }
    }

    /// Nothing can be promised: what was promised before is not kept either.
    fn take_back(&mut self, reaction: &mut Reaction, why: String) {
        reaction.call = self.asked.take().map(|asked| removal(asked.call.style));
        self.refusals.clear();
        self.is_said = true;
        reaction.tell.push(EventOf::NotAsked { sender: None, why });
    }

    /// This node itself has refused what is asked for, or a part of it. Each refusal is told once, however often it is met.
    pub(super) fn handle_refusal(&mut self, event: &Event) -> Reaction {
        let mut reaction = self.handle_event(event);
        if self.asked.is_none() {
            return reaction;
        }
        reaction.retry = !core::mem::replace(&mut self.is_refused, true);
        self.met.extend_from_slice(&reaction.tell);
        reaction.tell.retain(|told| !self.refusals.contains(told));
        self.refusals.extend_from_slice(&reaction.tell);
        reaction
    }

    /// What was refused, to be asked for again, if it is still wanted. Once the engine has answered, call
    /// [`retried`](Self::retried).
    pub(super) fn retry(&mut self) -> Option<Call> {
        self.is_refused = false;
        self.met.clear();
        let asked = self.asked.as_ref().filter(|_| !self.refusals.is_empty())?;
        // What stands of it would be confirmed each time.
        let confirm = asked.call.confirm && !self.is_refused_in_part(&asked.call);
        let call = asked.call.clone();
        Some(Call::Reserve(Box::new(ReserveCall { confirm, ..call })))
    }

    /// What is told of the trial, if it was not refused again, and what is to be asked then.
    pub(super) fn retried(&mut self) -> Option<(EventOf, Option<Call>)> {
        if self.is_refused {
            // What is met again later is news then.
            let met = &self.met;
            self.refusals.retain(|refusal| met.contains(refusal));
            return None;
        }
        let asked = self.asked.as_ref()?;
        let call = asked.call.clone();
        let is_to_be_confirmed = call.confirm && self.is_refused_in_part(&call);
        let told = asked.told.clone();
        self.refusals.clear();
        let confirm = is_to_be_confirmed.then(|| Call::Reserve(Box::new(call)));
        Some((told, confirm))
    }

    /// Whether some of the senders that are asked for were not refused.
    fn is_refused_in_part(&self, call: &ReserveCall) -> bool {
        let is_refused = |filter: &Sender| {
            let name = value::sender(*filter);
            self.refusals.iter().any(|refusal| {
                matches!(refusal, EventOf::ReservationError { senders, .. } if senders.contains(&name))
            })
        };
        call.style == Style::FF && !call.filters.iter().all(is_refused)
    }
}

/// What is asked first, once the session is open; checks the entry.
fn first_call(role: &Role) -> Result<Option<Call>, PartyError> {
    let fault = match role {
        Role::Sender(entry) => entry.fault(),
        Role::Receiver(entry) => entry.fault(),
    };
    if let Some((key, what)) = fault {
        return Err(PartyError::Entry(key, what));
    }
    match role {
        Role::Sender(entry) => {
            let unspecified = || match entry.destination.address {
                std::net::IpAddr::V4(_) => Sender::V4(std::net::Ipv4Addr::UNSPECIFIED, 0),
                std::net::IpAddr::V6(_) => Sender::V6(std::net::Ipv6Addr::UNSPECIFIED, 0),
            };
            Ok(Some(Call::Sender(Box::new(SenderCall {
                template: entry.source.map_or_else(unspecified, Sender::from),
                interface: None,
                tspec: tspec(&entry.traffic)?,
                adspec: None,
                policy: Vec::new(),
                ttl: entry.ttl,
            }))))
        }
        Role::Receiver(entry) => {
            if let Some(traffic) = &entry.traffic {
                tspec(traffic)?;
            }
            Ok(None)
        }
    }
}

/// Takes back what was asked for.
fn removal(style: Style) -> Call {
    Call::Reserve(Box::new(ReserveCall {
        style,
        filters: Vec::new(),
        flowspecs: Vec::new(),
        confirm: false,
        interface: None,
        policy: Vec::new(),
    }))
}

/// A Tspec from numbers with units.
fn tspec(traffic: &Traffic) -> Result<Tspec, TspecError> {
    let whole = |Octets(octets): Octets| u32::try_from(octets).unwrap_or(u32::MAX);
    Tspec::new(
        traffic.rate.octets_per_sec(),
        traffic.bucket.get(),
        traffic.peak.map_or(f32::INFINITY, Rate::octets_per_sec),
        whole(traffic.min_packet),
        whole(traffic.max_packet),
    )
}

/// What is to be reserved for the senders there are.
struct Wanted {
    /// `None` if none of them is wanted, or can be served. With the bound on the delay, where one is promised: the greatest
    /// of the senders'. An error: nothing serves them all.
    call: Result<Option<(ReserveCall, Option<Duration>)>, String>,
    /// Those who are wanted and cannot be served, and why. Anybody can announce a sender: the others' reservation stands.
    left_out: Vec<(Sender, String)>,
}

fn wanted(entry: &ReservationEntry, senders: &[PathSender]) -> Wanted {
    let is_wanted = |of: &&PathSender| {
        entry.senders.is_empty()
            || entry
                .senders
                .iter()
                .any(|wanted| Sender::from(*wanted) == of.template)
    };
    let mut filters = Vec::new();
    let mut flowspecs: Vec<Flowspec> = Vec::new();
    let (mut bound, mut left_out) = (None, Vec::new());
    for of in senders.iter().filter(is_wanted) {
        match flowspec(entry, of) {
            Ok((flowspec, end_to_end)) => {
                bound = bound.max(end_to_end);
                filters.push(of.template);
                flowspecs.push(flowspec);
            }
            Err(why) => left_out.push((of.template, why)),
        }
    }
    let call = call_for(entry, filters, flowspecs).map(|call| Some((call?, bound)));
    Wanted { call, left_out }
}

/// The call for senders that can be served, if there are any.
fn call_for(
    entry: &ReservationEntry,
    filters: Vec<Sender>,
    flowspecs: Vec<Flowspec>,
) -> Result<Option<ReserveCall>, String> {
    let Some((first, rest)) = flowspecs.split_first() else {
        return Ok(None);
    };
    // One for all: what is enough for any one of them.
    let merged = || {
        rest.iter().try_fold(*first, |merged, next| {
            merged.merge(next).map_err(|error| error.to_string())
        })
    };
    let (style, filters, flowspecs) = match entry.style {
        StyleName::Ff => (Style::FF, filters, flowspecs),
        StyleName::Se => (Style::SE, filters, vec![merged()?]),
        StyleName::Wf => (Style::WF, Vec::new(), vec![merged()?]),
    };
    Ok(Some(ReserveCall {
        style,
        filters,
        flowspecs,
        confirm: entry.confirm,
        interface: None,
        policy: Vec::new(),
    }))
}

/// Why nothing is asked for a sender, with its name.
fn of_sender(sender: Sender, why: &str) -> String {
    format!("sender {}: {why}", value::sender(sender))
}

/// Where more is asked for than the senders say they send, and that is more than anybody is granted: the smaller of both is
/// installed (RFC 2205 §2.3), and the rate of controlled load is that of its Tspec (RFC 2210 §3.2.1).
fn capped(entry: &ReservationEntry, senders: &[PathSender], call: &ReserveCall) -> Option<EventOf> {
    entry.traffic.as_ref()?;
    let mut of_all: Vec<(Vec<Sender>, &Flowspec)> = Vec::new();
    match call.flowspecs.as_slice() {
        [one] => of_all.push((call.filters.clone(), one)),
        each => {
            let pairs = call.filters.iter().zip(each);
            of_all.extend(pairs.map(|(filter, flowspec)| (vec![*filter], flowspec)));
        }
    }
    of_all.into_iter().find_map(|(filters, asked)| {
        let granted = less(&filters, asked, senders)?;
        Some(EventOf::Capped {
            senders: filters.iter().copied().map(value::sender).collect(),
            asked: asked.into(),
            granted: (&granted).into(),
        })
    })
}

/// What is granted, if that is less than is asked for.
fn less(filters: &[Sender], asked: &Flowspec, senders: &[PathSender]) -> Option<Flowspec> {
    let covered = senders
        .iter()
        .filter(|of| filters.is_empty() || filters.contains(&of.template));
    let sent = Tspec::sum_of(covered.map(|of| &of.tspec))?;
    let granted = asked.effective(&sent);
    let is_less = asked.rspec().is_none() && granted.rate() < asked.rate();
    is_less.then_some(granted)
}

/// What is to be reserved for one sender, and the bound on the delay.
fn flowspec(
    entry: &ReservationEntry,
    of: &PathSender,
) -> Result<(Flowspec, Option<Duration>), String> {
    let tspec = match &entry.traffic {
        Some(traffic) => tspec(traffic).map_err(|error| error.to_string())?,
        None => of.tspec,
    };
    match (entry.service, &of.adspec) {
        (ServiceName::ControlledLoad, Some(adspec)) => {
            let mtu = adspec.general.values.mtu;
            // A path that does not promise it may still give it: a reservation where it counts is worth having.
            let flowspec = request::controlled_load(&tspec, adspec)
                .unwrap_or_else(|_| Flowspec::ControlledLoad(tspec.within_mtu(mtu)));
            Ok((flowspec, None))
        }
        (ServiceName::ControlledLoad, None) => Ok((Flowspec::ControlledLoad(tspec), None)),
        (ServiceName::Guaranteed, adspec) => match (entry.delay, adspec) {
            (Some(delay), Some(adspec)) => {
                let reservation = request::guaranteed(&tspec, adspec, Wish::EndToEnd(delay.0))
                    .map_err(|error| error.to_string())?;
                Ok((reservation.flowspec, reservation.end_to_end))
            }
            (Some(_), None) => Err("nothing is known of the path: no delay can be promised".into()),
            (None, adspec) => {
                let mtu = adspec.as_ref().map(|adspec| adspec.general.values.mtu);
                let tspec = mtu
                    .map_or(tspec, |mtu| tspec.within_mtu(mtu))
                    .with_peak_of_rate();
                let rate = match entry.reserve {
                    Some(rate) => BytesPerSec::new(rate.octets_per_sec()).unwrap_or(tspec.rate()),
                    None => tspec.rate(),
                };
                if rate < tspec.rate() {
                    return Err(format!(
                        "a reservation of {rate} is less than what is sent, {}",
                        tspec.rate()
                    ));
                }
                let rspec = Rspec {
                    rate,
                    slack_micros: 0,
                };
                Ok((Flowspec::Guaranteed(tspec, rspec), None))
            }
        },
    }
}

#[cfg(test)]
mod tests;
