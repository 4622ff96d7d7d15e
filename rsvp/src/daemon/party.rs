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
mod tests {
    use super::*;
    use crate::daemon::config::{Endpoint, Span};
    use crate::intserv::{
        Adspec, Bandwidth, ErrorTerms, Latency, LocalElement, LocalGuaranteed, LocalValues,
    };
    use crate::wire::{ErrorCode, ErrorFlags, ErrorSpec};

    fn entry(service: ServiceName) -> ReservationEntry {
        ReservationEntry {
            destination: "192.0.2.9:5004".parse().unwrap(),
            protocol: Default::default(),
            style: StyleName::Ff,
            senders: Vec::new(),
            service,
            traffic: None,
            reserve: None,
            delay: None,
            confirm: true,
        }
    }

    fn sender(address: &str) -> PathSender {
        let router = LocalElement {
            general: LocalValues {
                bandwidth: Bandwidth::new(1.25e6).unwrap(),
                latency: Latency::from_micros(100),
                mtu: 1500,
            },
            guaranteed: Some(LocalGuaranteed {
                terms: ErrorTerms::new(4500, 3000),
                ..LocalGuaranteed::default()
            }),
            controlled_load: None,
            after_non_is_hop: false,
        };
        let adspec = Adspec::of_link(Bandwidth::new(1.25e6).unwrap(), 1500)
            .with_guaranteed(true)
            .compose(&router);
        let endpoint: Endpoint = address.parse().unwrap();
        PathSender {
            template: endpoint.into(),
            tspec: Tspec::new(125e3, 10e3, 250e3, 64, 1500).unwrap(),
            adspec: Some(adspec),
        }
    }

    fn reserve(reaction: Reaction) -> Option<ReserveCall> {
        match reaction.call {
            Some(Call::Reserve(call)) => Some(*call),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    /// rsvp.md §14: Q 0.060 → R 184000, plus the latency of the path.
    #[test]
    fn a_wished_delay_becomes_a_rate() {
        let mut wish = entry(ServiceName::Guaranteed);
        wish.delay = Some(Span(Duration::from_micros(60_100)));
        let (mut party, calls) = Party::new(Role::Receiver(wish)).unwrap();
        assert!(matches!(calls[..], [Call::Open(_)]));
        let reaction = party.handle_event(&Event::Path(vec![sender("10.0.0.1:5004")]));
        assert!(matches!(
            &reaction.tell[..],
            [
                EventOf::Path { .. },
                EventOf::Asked {
                    bound_micros: Some(60_100),
                    ..
                }
            ]
        ));
        let call = reserve(reaction).unwrap();
        assert_eq!(call.flowspecs[0].rate().get(), 184_000.0);
        assert!(call.confirm);
    }

    #[test]
    fn what_is_asked_for_already_is_not_asked_for_again() {
        let (mut party, _) =
            Party::new(Role::Receiver(entry(ServiceName::ControlledLoad))).unwrap();
        let one = Event::Path(vec![sender("10.0.0.1:5004")]);
        assert!(reserve(party.handle_event(&one)).is_some());
        assert!(reserve(party.handle_event(&one)).is_none());
        let two = Event::Path(vec![sender("10.0.0.1:5004"), sender("10.0.0.2:5004")]);
        assert_eq!(reserve(party.handle_event(&two)).unwrap().filters.len(), 2);
        assert!(reserve(party.handle_event(&Event::Path(Vec::new()))).is_none());
        assert!(reserve(party.handle_event(&one)).is_some());
    }

    /// rapi.md §4: how many filters and flowspecs a style has.
    #[test]
    fn styles_have_their_counts() {
        for (style, filters, flowspecs) in [
            (StyleName::Ff, 2, 2),
            (StyleName::Se, 2, 1),
            (StyleName::Wf, 0, 1),
        ] {
            let mut wish = entry(ServiceName::ControlledLoad);
            wish.style = style;
            let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
            let two = Event::Path(vec![sender("10.0.0.1:5004"), sender("10.0.0.2:5004")]);
            let call = reserve(party.handle_event(&two)).unwrap();
            assert_eq!(
                (call.filters.len(), call.flowspecs.len()),
                (filters, flowspecs)
            );
        }
    }

    fn refusal(value: u16, sender: &str) -> Event {
        let endpoint: Endpoint = sender.parse().unwrap();
        Event::ResvError {
            error: ErrorSpec {
                node: [192, 0, 2, 9].into(),
                flags: ErrorFlags::NONE,
                code: ErrorCode::CONFLICTING_STYLE,
                value,
            },
            style: Style::FF,
            filters: vec![endpoint.into()],
            flowspec: None,
        }
    }

    /// A node keeps nothing of what it refuses: refreshes would not bring it back.
    #[test]
    fn what_the_node_refuses_is_asked_for_again_and_told_once() {
        let (mut party, _) =
            Party::new(Role::Receiver(entry(ServiceName::ControlledLoad))).unwrap();
        let two = Event::Path(vec![sender("10.0.0.1:5004"), sender("10.0.0.2:5004")]);
        let first = party.handle_event(&two);
        let told = first.tell[1].clone();
        let call = reserve(first);
        for (sender, retry) in [("10.0.0.1:5004", true), ("10.0.0.2:5004", false)] {
            let reaction = party.handle_refusal(&refusal(1, sender));
            assert_eq!((reaction.tell.len(), reaction.retry), (1, retry));
        }
        // The same path changes nothing.
        assert!(reserve(party.handle_event(&two)).is_none());
        // In vain.
        assert_eq!(party.retry(), call.clone().map(Box::new).map(Call::Reserve));
        let reaction = party.handle_refusal(&refusal(1, "10.0.0.2:5004"));
        assert_eq!((reaction.tell.len(), reaction.retry), (0, true));
        assert_eq!(party.retried(), None);
        // One of them stands now, and is not to be confirmed each time.
        let unconfirmed = call.clone().map(|call| ReserveCall {
            confirm: false,
            ..call
        });
        let unconfirmed = unconfirmed.map(Box::new).map(Call::Reserve);
        assert_eq!(party.retry(), unconfirmed);
        // For another reason.
        let reaction = party.handle_refusal(&refusal(2, "10.0.0.2:5004"));
        assert_eq!((reaction.tell.len(), reaction.retry), (1, true));
        assert_eq!(party.retried(), None);
        // What was not met meanwhile is news.
        assert_eq!(party.retry(), unconfirmed);
        let reaction = party.handle_refusal(&refusal(1, "10.0.0.2:5004"));
        assert_eq!((reaction.tell.len(), reaction.retry), (1, true));
        assert_eq!(party.retried(), None);
        // And with success: now it is to be confirmed.
        assert_eq!(party.retry(), unconfirmed);
        let confirm = call.map(Box::new).map(Call::Reserve);
        assert_eq!(party.retried(), Some((told, confirm)));
        assert_eq!(party.retry(), None);
        // What routers further on refuse is this node's to refresh.
        party.handle_event(&refusal(1, "10.0.0.1:5004"));
        assert_eq!(party.retry(), None);
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_asked_for_again() {
        let (mut party, _) =
            Party::new(Role::Receiver(entry(ServiceName::ControlledLoad))).unwrap();
        let one = Event::Path(vec![sender("10.0.0.1:5004")]);
        party.handle_event(&one);
        assert!(party.handle_refusal(&refusal(1, "10.0.0.1:5004")).retry);
        party.handle_event(&Event::Path(Vec::new()));
        // Another one meanwhile, which is not refused.
        assert!(reserve(party.handle_event(&one)).is_some());
        assert_eq!(party.retry(), None);
    }

    #[test]
    fn only_senders_that_are_named_count() {
        let mut wish = entry(ServiceName::ControlledLoad);
        wish.senders = vec!["10.0.0.2:5004".parse().unwrap()];
        let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
        let one = Event::Path(vec![sender("10.0.0.1:5004")]);
        assert!(reserve(party.handle_event(&one)).is_none());
    }

    /// RFC 2210 §3.2.1: nobody is granted more of controlled load than the sender's Tspec.
    #[test]
    fn who_asks_for_more_than_is_sent_is_told_what_is_granted() {
        let mut wish = entry(ServiceName::ControlledLoad);
        wish.traffic = Some(Traffic::of_rate("8Mbit/s".parse().unwrap()));
        let one = Event::Path(vec![sender("10.0.0.1:5004")]);
        let (mut party, _) = Party::new(Role::Receiver(wish.clone())).unwrap();
        let told = party.handle_event(&one).tell;
        let [
            EventOf::Path { .. },
            EventOf::Asked { .. },
            EventOf::Capped { asked, granted, .. },
        ] = &told[..]
        else {
            panic!("{told:?}");
        };
        assert_eq!(asked.tspec.rate_bytes_per_sec, 1e6);
        assert_eq!(granted.tspec.rate_bytes_per_sec, 125e3);
        // Two that share one reservation send as much together.
        wish.style = StyleName::Wf;
        wish.traffic = Some(Traffic::of_rate("2Mbit/s".parse().unwrap()));
        let two = Event::Path(vec![sender("10.0.0.1:5004"), sender("10.0.0.2:5004")]);
        for (event, told) in [(two, 2), (one, 3)] {
            let (mut party, _) = Party::new(Role::Receiver(wish.clone())).unwrap();
            assert_eq!(party.handle_event(&event).tell.len(), told);
        }
    }

    #[test]
    fn that_nobody_sends_is_said_once_each_time() {
        let mut wish = entry(ServiceName::ControlledLoad);
        wish.senders = vec!["10.0.0.1:5004".parse().unwrap()];
        let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
        let waiting = EventOf::Waiting {
            senders: vec!["10.0.0.1:5004".to_owned()],
        };
        assert_eq!(party.wait(), Some(waiting.clone()));
        assert_eq!(party.wait(), None);
        let other = Event::Path(vec![sender("10.0.0.2:5004")]);
        assert_eq!(party.handle_event(&other).tell.len(), 1);
        let one = Event::Path(vec![sender("10.0.0.1:5004")]);
        party.handle_event(&one);
        assert_eq!(party.wait(), None);
        let told = party.handle_event(&Event::Path(Vec::new())).tell;
        assert_eq!(told.last(), Some(&waiting));
    }

    #[test]
    fn what_cannot_be_promised_is_said() {
        let mut wish = entry(ServiceName::Guaranteed);
        wish.delay = Some(Span(Duration::from_millis(1)));
        let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
        let reaction = party.handle_event(&Event::Path(vec![sender("10.0.0.1:5004")]));
        assert!(reaction.call.is_none());
        assert!(
            matches!(&reaction.tell[1], EventOf::NotAsked { sender: None, why } if why.contains("10.0.0.1:5004"))
        );
    }

    /// A reservation that does not give what was wished for any more is given up, until the path is as good again.
    #[test]
    fn what_can_be_promised_no_more_is_taken_back() {
        let mut wish = entry(ServiceName::Guaranteed);
        wish.delay = Some(Span(Duration::from_micros(60_100)));
        let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
        let good = Event::Path(vec![sender("10.0.0.1:5004")]);
        let call = reserve(party.handle_event(&good)).unwrap();
        let mut far = sender("10.0.0.1:5004");
        far.adspec = None;
        let bad = Event::Path(vec![far]);
        let reaction = party.handle_event(&bad);
        assert!(matches!(reaction.tell[1], EventOf::NotAsked { .. }));
        let taken_back = reserve(reaction).unwrap();
        assert_eq!(
            (taken_back.style, taken_back.flowspecs.len()),
            (Style::FF, 0)
        );
        assert!(reserve(party.handle_event(&bad)).is_none());
        assert_eq!(reserve(party.handle_event(&good)), Some(call));
    }

    /// Anybody can announce a sender: one that cannot be served costs the others nothing.
    #[test]
    fn a_sender_too_far_away_is_left_out() {
        for style in [StyleName::Ff, StyleName::Se, StyleName::Wf] {
            let mut wish = entry(ServiceName::Guaranteed);
            wish.style = style;
            wish.delay = Some(Span(Duration::from_micros(60_100)));
            let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
            let near = sender("10.0.0.1:5004");
            let mut far = sender("10.0.0.2:5004");
            far.adspec = None;
            let alone = Event::Path(vec![near.clone()]);
            let both = Event::Path(vec![near, far.clone()]);
            assert!(reserve(party.handle_event(&alone)).is_some());
            let reaction = party.handle_event(&both);
            assert!(matches!(
                &reaction.tell[..],
                [EventOf::Path { .. }, EventOf::NotAsked { sender: Some(of), .. }] if of == "10.0.0.2:5004"
            ));
            assert!(reserve(reaction).is_none());
            // It is said once, and again when it has been away.
            assert_eq!(party.handle_event(&both).tell.len(), 1);
            assert_eq!(party.handle_event(&alone).tell.len(), 1);
            assert_eq!(party.handle_event(&both).tell.len(), 2);
            let reaction = party.handle_event(&Event::Path(vec![far]));
            assert!(matches!(
                reaction.tell[1],
                EventOf::NotAsked { sender: None, .. }
            ));
            assert_eq!(reserve(reaction).unwrap().flowspecs, []);
        }
    }

    /// A configuration that is read again: nothing is torn that is wanted still.
    #[test]
    fn a_changed_entry_changes_what_stands() {
        let before = entry(ServiceName::ControlledLoad);
        let (mut party, _) = Party::new(Role::Receiver(before.clone())).unwrap();
        let one = Event::Path(vec![sender("10.0.0.1:5004")]);
        assert!(reserve(party.handle_event(&one)).is_some());
        let mut after = before.clone();
        after.traffic = Some(Traffic::of_rate("500kbit/s".parse().unwrap()));
        let role = Role::Receiver(after.clone());
        assert!(party.can_become(&role));
        let call = reserve(party.change(role).unwrap()).unwrap();
        assert_eq!(call.flowspecs[0].rate().get(), 62_500.0);
        // Nothing that matters.
        after.traffic = Some(Traffic::of_rate("0.5Mbit/s".parse().unwrap()));
        let reaction = party.change(Role::Receiver(after.clone())).unwrap();
        assert!(reaction.call.is_none() && reaction.tell.is_empty());
        // Only for somebody who is not there.
        after.senders = vec!["10.0.0.2:5004".parse().unwrap()];
        let reaction = party.change(Role::Receiver(after.clone())).unwrap();
        assert!(matches!(reaction.tell[..], [EventOf::Waiting { .. }]));
        assert_eq!(reserve(reaction).unwrap().flowspecs, []);
        // What makes no sense changes nothing.
        let mut wrong = after.clone();
        wrong.delay = Some(Span(Duration::from_millis(1)));
        assert!(party.change(Role::Receiver(wrong)).is_err());
        assert_eq!(party.role(), &Role::Receiver(after));
        let mut other = before;
        other.destination.port = 5005;
        assert!(!party.can_become(&Role::Receiver(other)));
    }

    #[test]
    fn a_changed_sender_says_other_things_of_the_same_source() {
        let before = SenderEntry {
            destination: "192.0.2.9:5004".parse().unwrap(),
            protocol: Default::default(),
            source: Some("10.0.0.1:5004".parse().unwrap()),
            traffic: Traffic::of_rate("1Mbit/s".parse().unwrap()),
            ttl: 9,
        };
        let (mut party, _) = Party::new(Role::Sender(before.clone())).unwrap();
        let mut after = before.clone();
        after.traffic.rate = "2Mbit/s".parse().unwrap();
        assert!(party.can_become(&Role::Sender(after.clone())));
        let Some(Call::Sender(call)) = party.change(Role::Sender(after)).unwrap().call else {
            panic!("no call");
        };
        assert_eq!(call.tspec.rate().get(), 250e3);
        let mut other = before;
        other.source = None;
        assert!(!party.can_become(&Role::Sender(other)));
    }

    #[test]
    fn a_sender_announces_itself_at_once() {
        let entry = SenderEntry {
            destination: "239.1.2.3:5004".parse().unwrap(),
            protocol: Default::default(),
            source: None,
            traffic: Traffic::of_rate("1Mbit/s".parse().unwrap()),
            ttl: 9,
        };
        let (_, calls) = Party::new(Role::Sender(entry.clone())).unwrap();
        let [Call::Open(session), Call::Sender(call)] = &calls[..] else {
            panic!("{calls:?}");
        };
        assert_eq!(session.to_string(), "udp 239.1.2.3:5004");
        assert!(call.template.address().is_unspecified());
        assert_eq!((call.ttl, call.tspec.rate().get()), (9, 125e3));
        let mut wrong = entry;
        wrong.traffic.rate = "0bit/s".parse().unwrap();
        assert!(matches!(
            Party::new(Role::Sender(wrong)),
            Err(PartyError::Traffic(TspecError::Rate))
        ));
    }
}
