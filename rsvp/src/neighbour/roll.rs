//! States that are refreshed by their names alone: RFC 2961 §5.
//!
//! What a neighbour has acknowledged is put on its roll, and from then on the roll is called again and again, page by
//! page, each page a message and a whole turn about a refresh period: no state has a timer for that, none is looked at.

use core::ops::Bound;
use core::time::Duration;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fairway_wire::Instant;

use super::arrive::NEIGHBOUR_TTL;
use super::ids::Name;
use super::io::{Delivery, StateKey};
use super::neighbours::{Neighbours, Timer};
use super::peer::PeerKey;
use crate::interface::IfIndex;
use crate::msg::{Body, Message, Srefresh};
use crate::timing::REFRESH_PERIOD;
use crate::wire::{Header, Id, IdEntries, McastId, MessageIdList, ObjectHeader};

/// How long a new name waits for others that go in the same summary.
const NEW_WAIT: Duration = Duration::from_secs(1);

/// No two pages are closer.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// How names are listed. A message has those of one form, given out under one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Ids,
    /// With source and group.
    McastV4,
    McastV6,
}

impl Form {
    const fn of(name: &Name) -> Self {
        match name.flow {
            Some((IpAddr::V4(_), IpAddr::V4(_))) => Self::McastV4,
            Some((IpAddr::V6(_), IpAddr::V6(_))) => Self::McastV6,
            _ => Self::Ids,
        }
    }

    /// Octets of an entry.
    const fn entry_len(self) -> usize {
        match self {
            Self::Ids => 4,
            Self::McastV4 => 12,
            Self::McastV6 => 36,
        }
    }
}

/// The address that names were given out under, and their form.
type Section = (IpAddr, Form);

/// The names that one neighbour is reminded of.
#[derive(Debug, Default)]
pub(super) struct Roll {
    sections: BTreeMap<Section, BTreeMap<u32, StateKey>>,
    len: usize,
    /// The last that was called: the next page begins behind it.
    called: Option<(Section, u32)>,
    /// What has come onto the roll and was not called yet.
    new: Vec<StateKey>,
}

impl Roll {
    fn insert(&mut self, name: &Name, key: StateKey) {
        let section = self.sections.entry(section(name)).or_default();
        if section.insert(name.id.0, key).is_none() {
            self.len += 1;
        }
    }

    fn remove(&mut self, name: &Name) {
        let section_of = section(name);
        if let Some(section) = self.sections.get_mut(&section_of)
            && section.remove(&name.id.0).is_some()
        {
            self.len -= 1;
            if section.is_empty() {
                self.sections.remove(&section_of);
            }
        }
    }

    /// The next page, of so many names of a form at most.
    fn page(&mut self, room: impl Fn(Form) -> usize) -> Option<(Section, Vec<(Id, StateKey)>)> {
        let behind = self.called.and_then(|(section, id)| {
            let ids = self.sections.get(&section)?;
            let rest = (Bound::Excluded(id), Bound::Unbounded);
            ids.range(rest).next()?;
            Some((section, rest))
        });
        let whole = (Bound::Unbounded, Bound::Unbounded);
        let (section, range) = behind.or_else(|| {
            let next = self.called.and_then(|(section, _)| {
                let behind = (Bound::Excluded(section), Bound::Unbounded);
                self.sections.range(behind).next()
            });
            let next = next.or_else(|| self.sections.first_key_value());
            next.map(|(section, _)| (*section, whole))
        })?;
        let ids = self.sections.get(&section)?.range(range);
        let page: Vec<_> = ids
            .take(room(section.1).max(1))
            .map(|(id, key)| (Id(*id), *key))
            .collect();
        self.called = page.last().map(|(id, _)| (section, id.0));
        Some((section, page))
    }
}

const fn section(name: &Name) -> Section {
    (name.generator, Form::of(name))
}

impl Neighbours {
    /// Whether the refresh of a state can be left to summaries: the neighbour that it would be sent to, which is known, is
    /// the one that has acknowledged its name, and capable.
    #[must_use]
    pub fn can_summarise(
        &self,
        interface: IfIndex,
        key: StateKey,
        neighbour: Option<IpAddr>,
    ) -> bool {
        self.ids.name(key).is_some_and(|name| {
            Some(name.peer.1) == neighbour && self.is_to_be_listed(interface, name)
        })
    }

    /// Whether summaries refresh a state.
    #[must_use]
    pub fn is_summarised(&self, key: StateKey) -> bool {
        self.ids.name(key).is_some_and(|name| name.listed)
    }

    /// Whether this name can refresh its state.
    fn is_to_be_listed(&self, interface: IfIndex, name: &Name) -> bool {
        name.acknowledged
            && name.peer.0 == interface
            && self.is_capable(name.peer)
            && self
                .peers
                .get(&name.peer)
                .is_some_and(|peer| peer.made == name.made)
    }

    /// Leaves the refreshes of a state to summaries: the first goes within a second, and one in each refresh period after
    /// that, until the state is sent under another name or [forgotten](Self::forget), or this is taken back:
    /// [`Delivery::Resend`], also at once, or [`Delivery::Unlisted`].
    pub fn summarise(&mut self, now: Instant, interface: IfIndex, key: StateKey) {
        self.now = now;
        let name = self.ids.name(key).copied();
        let Some(name) = name.filter(|name| self.is_to_be_listed(interface, name)) else {
            return self.deliveries.push_back(Delivery::Resend(key));
        };
        if name.listed {
            return;
        }
        if let Some(name) = self.ids.name_mut(key) {
            name.listed = true;
            name.resend = false;
        }
        let peer = name.peer;
        let room = self.room_for(peer, Form::of(&name));
        let turn = self.turn(peer);
        let roll = self.rolls.entry(peer).or_default();
        roll.insert(&name, key);
        roll.new.push(key);
        let is_full = roll.new.len() >= room;
        if roll.len == 1 {
            self.timers.set(Timer::Roll(peer), now + turn);
        }
        if is_full {
            self.call_new(peer);
        } else {
            self.timers
                .set_no_later(Timer::Summary(peer), now + NEW_WAIT);
        }
    }

    /// Summaries do not refresh this name any more.
    pub(super) fn unlist(&mut self, name: &Name) {
        if name.listed
            && let Some(roll) = self.rolls.get_mut(&name.peer)
        {
            roll.remove(name);
        }
    }

    /// No summaries go to a neighbour any more.
    pub(super) fn close_roll(&mut self, peer: PeerKey) {
        for timer in [Timer::Summary(peer), Timer::Roll(peer)] {
            self.timers.stop(&timer);
        }
        let Some(roll) = self.rolls.remove(&peer) else {
            return;
        };
        let sections = roll.sections.into_values();
        let mut keys: Vec<StateKey> = sections.flat_map(BTreeMap::into_values).collect();
        keys.sort_unstable();
        for key in &keys {
            if let Some(name) = self.ids.name_mut(*key) {
                name.listed = false;
            }
        }
        if !keys.is_empty() {
            self.deliveries.push_back(Delivery::Unlisted(keys));
        }
    }

    /// Sends what is new on a roll.
    pub(super) fn call_new(&mut self, peer: PeerKey) {
        self.timers.stop(&Timer::Summary(peer));
        if !self.is_capable(peer) {
            return self.close_roll(peer);
        }
        let Some(roll) = self.rolls.get_mut(&peer) else {
            return;
        };
        let mut pages: BTreeMap<Section, Vec<(Id, StateKey)>> = BTreeMap::new();
        for key in core::mem::take(&mut roll.new) {
            // What was said anew meanwhile has come off the roll.
            if let Some(name) = self.ids.name(key)
                && name.listed
                && name.peer == peer
            {
                pages.entry(section(name)).or_default().push((name.id, key));
            }
        }
        for (section, names) in pages {
            for page in names.chunks(self.room_for(peer, section.1)) {
                self.send_page(peer, section, page);
            }
        }
    }

    /// Sends the next page of a roll.
    pub(super) fn call_page(&mut self, now: Instant, peer: PeerKey) {
        if !self.is_capable(peer) {
            return self.close_roll(peer);
        }
        let rooms = [Form::Ids, Form::McastV4, Form::McastV6].map(|form| self.room_for(peer, form));
        let turn = self.turn(peer);
        let Some(roll) = self.rolls.get_mut(&peer) else {
            return;
        };
        let page = roll.page(|form| match (form, rooms) {
            (Form::Ids, [room, ..])
            | (Form::McastV4, [_, room, _])
            | (Form::McastV6, [.., room]) => room,
        });
        let Some((section, page)) = page else {
            // Nobody is on it.
            self.rolls.remove(&peer);
            return;
        };
        // All pages together take a turn.
        let share = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let wait = turn.saturating_mul(share(page.len())) / share(roll.len).max(1);
        self.timers
            .set(Timer::Roll(peer), now + wait.max(LEAST_WAIT));
        self.send_page(peer, section, &page);
    }

    fn send_page(&mut self, peer: PeerKey, (generator, form): Section, page: &[(Id, StateKey)]) {
        let flows = page
            .iter()
            .filter_map(|(id, key)| Some((*id, self.ids.name(*key)?.flow?)));
        let entries = match form {
            Form::Ids => IdEntries::Ids(page.iter().map(|(id, _)| *id).collect()),
            Form::McastV4 => IdEntries::McastV4(flows.filter_map(v4).collect()),
            Form::McastV6 => IdEntries::McastV6(flows.filter_map(v6).collect()),
        };
        self.counters.summarised += u64::try_from(page.len()).unwrap_or(u64::MAX);
        let udp = self.peers.get(&peer).is_some_and(|peer| peer.udp);
        let via = self.via_to(peer.0, udp);
        let epoch = self.ids.epoch();
        let lists = vec![MessageIdList { epoch, entries }];
        let message = Message::new(NEIGHBOUR_TTL, Body::Srefresh(Srefresh { lists }));
        self.depart_to(peer, Some(generator), via, message);
    }

    /// How many entries fit a summary to this neighbour.
    fn room_for(&self, peer: PeerKey, form: Form) -> usize {
        let taken = Header::LEN + ObjectHeader::LEN + 4;
        (self.payload(peer).saturating_sub(taken) / form.entry_len()).max(1)
    }

    /// How long the next turn takes.
    fn turn(&mut self, peer: PeerKey) -> Duration {
        let period = self.links.get(&peer.0).map_or(REFRESH_PERIOD, |link| {
            link.interface.settings.refresh_period
        });
        // As `next_refresh`: uniform from half a period to one and a half.
        period / 2 + self.secret.span_up_to(period)
    }
}

fn v4((id, flow): (Id, (IpAddr, IpAddr))) -> Option<McastId<Ipv4Addr>> {
    match flow {
        (IpAddr::V4(source), IpAddr::V4(group)) => Some(McastId { id, source, group }),
        _ => None,
    }
}

fn v6((id, flow): (Id, (IpAddr, IpAddr))) -> Option<McastId<Ipv6Addr>> {
    match flow {
        (IpAddr::V6(source), IpAddr::V6(group)) => Some(McastId { id, source, group }),
        _ => None,
    }
}
