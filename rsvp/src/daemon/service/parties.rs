//! Senders and receivers that the daemon plays: for the configuration, and for runs of `rsvpctl`.

use std::net::IpAddr;

use fairway_stack::Instant;
use tracing::{debug, info, warn};

use super::{Owner, Played, RETRY, Service};
use crate::api::{ApiError, ApiId, Call, Event};
use crate::daemon::config::{ReservationEntry, SenderEntry};
use crate::daemon::control::protocol::Reply;
use crate::daemon::control::value::{self, EventOf};
use crate::daemon::party::{Party, Reaction, Role};
use crate::engine::{SenderReport, Side};
use crate::shown;
use crate::wire::Session;

impl Service {
    /// Begins to play a sender or receiver.
    pub(super) fn play(&mut self, role: Role, owner: Owner) -> Result<ApiId, String> {
        let (party, calls) = Party::new(role).map_err(|error| error.to_string())?;
        let id = ApiId(self.next_party);
        self.next_party += 1;
        // It is there before its first event.
        self.parties.insert(id, Played { party, owner });
        for call in calls {
            if let Err(error) = self.call(id, call) {
                self.dismiss(id);
                return Err(error.to_string());
            }
        }
        Ok(id)
    }

    /// How it stands with a party that has just begun, if its events do not say it.
    pub(super) fn standing(&mut self, id: ApiId) -> Option<EventOf> {
        let played = self.parties.get_mut(&id)?;
        let Role::Sender(_) = played.party.role() else {
            return played.party.wait();
        };
        let session = *played.party.session();
        let own = self.own_sender(id, &session)?;
        Some(EventOf::PathSent {
            sender: value::sender(own.sender),
            tspec: (&own.tspec).into(),
            outgoing: own
                .outgoing
                .iter()
                .map(|index| self.name(*index))
                .chain(own.to_local.then(|| "local".to_owned()))
                .collect(),
        })
    }

    /// Ends a party.
    pub(super) fn dismiss(&mut self, id: ApiId) {
        if self.parties.remove(&id).is_some() {
            // If it could not even be opened there is nothing to release.
            let _ = self.call(id, Call::Release);
        }
    }

    /// Plays what the configuration names, and nothing else of that kind; whom an entry has changed is changed, and loses
    /// nothing. What could not be played, for want of an address perhaps, is tried again: to be called when interfaces have
    /// changed, too.
    pub(super) fn play_fixed(&mut self) {
        let config = self.loaded.config();
        let senders = config.sender.iter().cloned().map(Role::Sender);
        let receivers = config.reservation.iter().cloned().map(Role::Receiver);
        let mut wanted: Vec<Role> = senders.chain(receivers).collect();
        let mut over = Vec::new();
        for (id, played) in &self.parties {
            if played.owner != Owner::Fixed {
                continue;
            }
            match wanted.iter().position(|role| role == played.party.role()) {
                Some(at) => drop(wanted.remove(at)),
                None => over.push(*id),
            }
        }
        // Of several in one session, first those that stay the most alike.
        let mut changes = Vec::new();
        for any in [false, true] {
            over.retain(|id| {
                let Some(Played { party, .. }) = self.parties.get(id) else {
                    return false;
                };
                let is_alone = self.is_alone(*id, party);
                let can = |role: &Role| {
                    party.can_become(role)
                        && (is_alone || party.is_of_kind(role))
                        && (any || party.is_like(role))
                };
                let at = wanted.iter().position(can);
                changes.extend(at.map(|at| (*id, wanted.remove(at))));
                at.is_none()
            });
        }
        // Who goes is in nobody's way any more.
        for id in over {
            self.dismiss(id);
        }
        for (id, role) in changes {
            if !self.change(id, role) {
                self.dismiss(id);
            }
        }
        self.follow_addresses();
        for role in wanted {
            let session = role_session(&role);
            if let Err(error) = self.play(role, Owner::Fixed)
                && self
                    .seldom
                    .may(self.clock.now(), &format!("{session}: {error}"))
            {
                warn!(
                    error,
                    session, "a sender or reservation of the configuration is left out"
                );
            }
        }
    }

    /// Whether the configuration has no other receiver in a party's session.
    fn is_alone(&self, id: ApiId, party: &Party) -> bool {
        !self.parties.iter().any(|(other, played)| {
            *other != id
                && played.owner == Owner::Fixed
                && matches!(played.party.role(), Role::Receiver(_))
                && played.party.session() == party.session()
        })
    }

    /// Makes a party another one, of the same session; whether that has come to pass, or is to be tried again.
    fn change(&mut self, id: ApiId, role: Role) -> bool {
        let Some(played) = self.parties.get_mut(&id) else {
            return false;
        };
        let (owner, session) = (played.owner, *played.party.session());
        let old = played.party.role().clone();
        let reaction = match played.party.change(role) {
            Ok(reaction) => reaction,
            Err(error) => {
                warn!(%session, %error, "a sender or reservation of the configuration is left out");
                return false;
            }
        };
        self.tell_owner(owner, &session, reaction.tell);
        let Some(call) = reaction.call else {
            return true;
        };
        match self.call(id, call) {
            Ok(()) => true,
            // As long as there is no address to send from, it stays as it is.
            Err(error @ ApiError::BadSender) => {
                debug!(%session, %error, "a sender of the configuration is changed later");
                let as_it_was = self.parties.get_mut(&id).map(|of| of.party.change(old));
                as_it_was.is_some_and(|changed| changed.is_ok())
            }
            Err(error) => {
                warn!(%session, %error, "a sender or reservation of the configuration is left out");
                false
            }
        }
    }

    /// Senders of the configuration that name no source have that of this node, which may have changed.
    fn follow_addresses(&mut self) {
        let unnamed = self.parties.iter().filter(|(_, played)| {
            let is_unnamed = matches!(played.party.role(), Role::Sender(entry) if entry
                .source
                .is_none_or(|source| source.address.is_unspecified()));
            is_unnamed && played.owner == Owner::Fixed
        });
        let lost: Vec<(ApiId, Role)> = unnamed
            .filter(|(id, played)| {
                let own = self.own_sender(**id, played.party.session());
                own.is_some_and(|own| !self.is_own(own.sender.address()))
            })
            .map(|(id, played)| (*id, played.party.role().clone()))
            .collect();
        for (id, role) in lost {
            // As long as there is no other address, it stays as it is.
            if let Some(played) = self.parties.get_mut(&id)
                && let Ok(Reaction {
                    call: Some(call), ..
                }) = played.party.change(role)
            {
                let session = *played.party.session();
                match self.call(id, call) {
                    Ok(()) => info!(%session, "sending from another address"),
                    Err(error) => debug!(%session, %error, "no address to send from"),
                }
            }
        }
    }

    /// The path state of a party that sends.
    fn own_sender(&self, id: ApiId, wanted: &Session) -> Option<SenderReport> {
        let is_of = |session: &Session| {
            (session.destination, session.protocol, session.port)
                == (wanted.destination, wanted.protocol, wanted.port)
        };
        let mut reports = self.engine.sessions_of(self.clock.now(), is_of);
        let is_own = |of: &SenderReport| of.previous_hop == Side::Application(id);
        reports.next()?.senders.into_iter().find(is_own)
    }

    /// Something happened to a party.
    pub(super) fn tell_party(&mut self, id: ApiId, event: &Event) {
        let is_own = match event {
            Event::ResvError { error, .. } => self.is_own(error.node),
            _ => false,
        };
        let Some(played) = self.parties.get_mut(&id) else {
            return; // dismissed meanwhile
        };
        let reaction = if is_own {
            played.party.handle_refusal(event)
        } else {
            played.party.handle_event(event)
        };
        let (owner, session) = (played.owner, *played.party.session());
        if reaction.retry {
            self.refused.push_back((self.clock.now() + RETRY, id));
        }
        self.tell_owner(owner, &session, reaction.tell);
        if let Some(call) = reaction.call
            && let Err(error) = self.call(id, call)
        {
            match owner {
                Owner::Fixed => {
                    warn!(%session, %error, "a reservation of the configuration is refused");
                }
                Owner::Control(connection) => {
                    self.answer(connection, &Reply::Error(error.to_string()));
                }
            }
        }
    }

    /// Asks again for what this node has refused a while ago.
    pub(super) fn ask_again(&mut self, now: Instant) {
        while let Some((at, id)) = self.refused.front().copied()
            && at <= now
        {
            self.refused.pop_front();
            let Some(call) = self.parties.get_mut(&id).and_then(|of| of.party.retry()) else {
                continue; // it has gone, or wants something else
            };
            if self.call(id, call).is_err() {
                continue; // it was none that could be refused
            }
            // A refusal is among what the engine has to say now.
            self.carry_out();
            let Some(played) = self.parties.get_mut(&id) else {
                continue;
            };
            if let Some((told, confirm)) = played.party.retried() {
                let (owner, session) = (played.owner, *played.party.session());
                self.tell_owner(owner, &session, [told]);
                if let Some(call) = confirm {
                    // As it stands.
                    let _ = self.call(id, call);
                }
            }
        }
    }

    fn tell_owner(
        &mut self,
        owner: Owner,
        session: &Session,
        all: impl IntoIterator<Item = EventOf>,
    ) {
        for told in all {
            match owner {
                Owner::Fixed => log_event(session, &told),
                Owner::Control(connection) => self.answer(connection, &Reply::Event(told)),
            }
        }
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.interfaces
            .values()
            .any(|interface| interface.addresses.contains(&address))
    }
}

/// The session that an entry is about, for people.
fn role_session(role: &Role) -> String {
    match role {
        Role::Sender(SenderEntry {
            destination,
            protocol,
            ..
        })
        | Role::Receiver(ReservationEntry {
            destination,
            protocol,
            ..
        }) => format!("{protocol} {destination}"),
    }
}

/// What happened to a party of the configuration: an administrator reads it.
fn log_event(session: &Session, event: &EventOf) {
    match event {
        EventOf::PathError { error, sender } => {
            warn!(%session, sender, error = error.text, "path error");
        }
        EventOf::ReservationError { error, .. } => {
            warn!(%session, error = error.text, "reservation failed");
        }
        EventOf::NotAsked { sender, why } => warn!(%session, sender, why, "not reserved"),
        EventOf::Confirmed { by, .. } => info!(%session, %by, "reservation confirmed"),
        EventOf::Asked { .. } => info!(%session, "reserving"),
        EventOf::Capped { asked, granted, .. } => {
            let asked = shown::rate(asked.tspec.rate_bytes_per_sec);
            let granted = shown::rate(granted.tspec.rate_bytes_per_sec);
            info!(%session, asked, granted, "more is asked for than is sent");
        }
        EventOf::Waiting { .. } => info!(%session, "waiting for a sender"),
        EventOf::PathSent { .. } => debug!(%session, "path sent"),
        EventOf::Reservation { flowspec, .. } => {
            info!(%session, reserved = flowspec.is_some(), "reservation for our sender");
        }
        EventOf::Path { senders } => debug!(%session, senders = senders.len(), "path"),
    }
}
