//! Which key, which number, and who may be believed: RFC 2747 §3, §4 with the message types of RFC 3097.
//!
//! An association is simplex: for each neighbour, interface and key, the numbers that came. It is made of the first
//! message whose digest is good, so nobody without a key makes this node remember anything.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use bytes::Bytes;

use super::security::{Security, SecurityKey};
use crate::integrity::{Window, verify};
use crate::interface::IfIndex;
use crate::wire::{Challenge, ClassNum, Header, Integrity, KeyId, Object, Objects, RsvpHop};

/// Challenges sent before it is given up, until the neighbour's next message.
const TRIES: u32 = 5;

/// The wait after the first challenge; each is twice the one before.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// What of a message is looked at before it is believed: what finds the key.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    pub(super) integrity: Option<Integrity>,
    /// The hop it names: its sender, rather than its IP source (RFC 2747 §4.2).
    pub(super) hop: Option<IpAddr>,
}

impl Outside {
    /// Looks at a message. What does not make sense is not there; decoding will say so.
    pub(super) fn of(message: &Bytes) -> Self {
        let mut outside = Self {
            integrity: None,
            hop: None,
        };
        let Some(objects) = message.get(Header::LEN..) else {
            return outside;
        };
        for (place, object) in Objects::new(message, objects).enumerate() {
            let Ok((object, body)) = object else {
                break;
            };
            match object.class {
                // RFC 2747 §2: right behind the header.
                ClassNum::INTEGRITY if place == 0 => {
                    outside.integrity = Integrity::parse(object.c_type, body).ok();
                }
                ClassNum::RSVP_HOP => {
                    outside.hop = RsvpHop::parse(object.c_type, body)
                        .ok()
                        .map(|hop| hop.address);
                    break;
                }
                // Behind it there is none.
                ClassNum::STYLE => break,
                _ => {}
            }
        }
        outside
    }
}

/// A neighbour's key at an interface.
pub(super) type AssociationKey = (IfIndex, IpAddr, KeyId);

/// How it stands with a neighbour's sequence numbers.
#[derive(Clone, Debug)]
enum Association {
    /// They are not known; it was asked.
    Challenged { cookie: Bytes, tries: u32 },
    /// These came.
    Established(Window),
}

/// What comes of a signed message, or an unsigned one where they are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Believe it.
    Good,
    /// Drop it, for this reason.
    Bad(&'static str),
    /// Drop it, and challenge its sender under this key.
    Challenge(KeyId),
}

/// All associations, at most so many: two keys for each neighbour, for changing over.
#[derive(Debug)]
pub(super) struct Associations {
    known: BTreeMap<AssociationKey, Association>,
    limit: usize,
}

impl Associations {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            known: BTreeMap::new(),
            limit,
        }
    }

    /// Looks at a message that is not a Challenge or Response.
    pub(super) fn check(
        &mut self,
        security: &Security,
        message: &[u8],
        sender: (IfIndex, IpAddr),
        integrity: Option<&Integrity>,
        wall_seconds: u64,
    ) -> Check {
        let Some(integrity) = integrity else {
            return if security.required {
                Check::Bad("unsigned")
            } else {
                Check::Good
            };
        };
        if !is_good(security, message, sender.1, integrity, wall_seconds) {
            return Check::Bad("signature");
        }
        let key = (sender.0, sender.1, integrity.key_id);
        let is_full = self.known.len() >= self.limit;
        match self.known.get_mut(&key) {
            Some(Association::Established(window)) => {
                if window.accept(integrity.sequence) {
                    Check::Good
                } else {
                    Check::Bad("replayed")
                }
            }
            Some(Association::Challenged { .. }) => Check::Bad("challenged"),
            None if is_full => Check::Bad("associations"),
            // RFC 2747 §4.3: without knowing where its numbers are, a message could be an old one.
            None if security.handshake && integrity.handshake => Check::Challenge(integrity.key_id),
            None => {
                let window = Window::starting_at(integrity.sequence, security.window);
                self.known.insert(key, Association::Established(window));
                Check::Good
            }
        }
    }

    /// Whether anything is known under a key, be it only that its number was asked for.
    pub(super) fn is_known(&self, key: &AssociationKey) -> bool {
        self.known.contains_key(key)
    }

    /// Takes note that a challenge goes, and gives the wait until the next: the first, or after one that was not
    /// answered. `None`: it was tried often enough, or there is no need.
    pub(super) fn challenge(&mut self, key: AssociationKey, cookie: Bytes) -> Option<Duration> {
        let association = self
            .known
            .entry(key)
            .or_insert_with(|| Association::Challenged {
                cookie: Bytes::new(),
                tries: 0,
            });
        let Association::Challenged {
            cookie: sent,
            tries,
        } = association
        else {
            return None;
        };
        if *tries >= TRIES {
            self.known.remove(&key);
            return None;
        }
        let wait = FIRST_WAIT.saturating_mul(1 << *tries);
        *tries += 1;
        *sent = cookie;
        Some(wait)
    }

    /// Takes a Response; whether it is the answer to the challenge that was sent.
    pub(super) fn respond(
        &mut self,
        security: &Security,
        message: &[u8],
        sender: (IfIndex, IpAddr),
        (integrity, challenge): (&Integrity, &Challenge),
        wall_seconds: u64,
    ) -> bool {
        let key = (sender.0, sender.1, integrity.key_id);
        let Some(association) = self.known.get_mut(&key) else {
            return false;
        };
        let Association::Challenged { cookie, .. } = association else {
            return false;
        };
        if *cookie != challenge.cookie
            || challenge.key_id != integrity.key_id
            || !is_good(security, message, sender.1, integrity, wall_seconds)
        {
            return false;
        }
        // RFC 2747 §4.3: its number is taken as the largest that came.
        let window = Window::starting_at(integrity.sequence, security.window);
        *association = Association::Established(window);
        true
    }

    /// How it stands with a neighbour, by the best of its keys.
    pub(super) fn state_of(&self, interface: IfIndex, neighbour: IpAddr) -> super::SecurityRow {
        let from = (interface, neighbour, KeyId::from_octets([0; 6]));
        let to = (interface, neighbour, KeyId::from_octets([0xff; 6]));
        let mut row = super::SecurityRow::None;
        for (_, association) in self.known.range(from..=to) {
            match association {
                Association::Established(_) => return super::SecurityRow::Established,
                Association::Challenged { .. } => row = super::SecurityRow::Challenged,
            }
        }
        row
    }

    /// The interface has these keys now. What is known under others goes, so that changing over does not fill the table.
    pub(super) fn keep_keys<'a>(
        &mut self,
        interface: IfIndex,
        keys: impl Iterator<Item = &'a SecurityKey>,
    ) {
        let ids: BTreeSet<KeyId> = keys.map(|key| key.id).collect();
        self.known
            .retain(|(at, _, id), _| *at != interface || ids.contains(id));
    }

    pub(super) fn remove_interface(&mut self, interface: IfIndex) {
        self.known.retain(|(at, _, _), _| *at != interface);
    }
}

/// RFC 2747 §4.2: a key of this name and for this sender is in use, and the digest is that of the key.
fn is_good(
    security: &Security,
    message: &[u8],
    sender: IpAddr,
    integrity: &Integrity,
    wall_seconds: u64,
) -> bool {
    let applies = |key: &&SecurityKey| key.neighbour.is_none_or(|neighbour| neighbour == sender);
    let last = last_expired(security.keys.iter().filter(applies), wall_seconds);
    security
        .keys
        .iter()
        .filter(applies)
        .filter(|key| key.id == integrity.key_id)
        .filter(|key| key.is_alive(wall_seconds) || last == Some(key.id))
        .any(|key| verify(message, integrity, &key.key))
}

/// Why a digest is not good.
pub(super) fn fault(
    security: &Security,
    sender: IpAddr,
    integrity: &Integrity,
    wall_seconds: u64,
) -> &'static str {
    let mut keys = security
        .keys
        .iter()
        .filter(|key| key.id == integrity.key_id)
        .filter(|key| key.neighbour.is_none_or(|neighbour| neighbour == sender))
        .peekable();
    if keys.peek().is_none() {
        "signed with a key that is not known here"
    } else if keys.any(|key| key.is_alive(wall_seconds)) {
        "the signature is wrong: another secret or algorithm, or the message was changed"
    } else {
        "signed with a key that is not valid now, or wrongly"
    }
}

/// The key to sign with, and whether its life is over.
pub(super) fn signing_key(
    security: &Security,
    neighbour: Option<IpAddr>,
    wall_seconds: u64,
) -> Option<(&SecurityKey, bool)> {
    let of = |neighbour: Option<IpAddr>| {
        let keys = move || {
            security
                .keys
                .iter()
                .filter(move |key| key.neighbour == neighbour)
        };
        current(keys(), wall_seconds)
            .map(|key| (key, false))
            .or_else(|| {
                let last = last_expired(keys(), wall_seconds)?;
                Some((keys().find(|key| key.id == last)?, true))
            })
    };
    // A key for this neighbour alone comes before one for all.
    let own = neighbour.and_then(|neighbour| of(Some(neighbour)));
    own.or_else(|| of(None)).or_else(|| {
        // Nobody knows yet who is there, and there can be only one.
        let mut neighbours = security.keys.iter().filter_map(|key| key.neighbour);
        let only = neighbours.next().filter(|_| neighbour.is_none())?;
        if neighbours.any(|other| other != only) {
            return None;
        }
        of(Some(only))
    })
}

/// The key that a Challenge names, if this node may sign with it.
pub(super) fn named_key(
    security: &Security,
    neighbour: IpAddr,
    id: KeyId,
    wall_seconds: u64,
) -> Option<&SecurityKey> {
    security
        .keys
        .iter()
        .filter(|key| key.id == id)
        .filter(|key| key.neighbour.is_none_or(|other| other == neighbour))
        .find(|key| key.starts <= wall_seconds)
}

/// RFC 2747 §5.1: of two keys that are alive, the newer from the middle of the time they share.
fn current<'a>(
    keys: impl Iterator<Item = &'a SecurityKey>,
    wall_seconds: u64,
) -> Option<&'a SecurityKey> {
    let mut alive: Vec<&SecurityKey> = keys.filter(|key| key.is_alive(wall_seconds)).collect();
    alive.sort_by_key(|key| (key.starts, key.id));
    alive.into_iter().reduce(|old, new| {
        let middle = if old.ends == u64::MAX {
            new.starts
        } else {
            new.starts + old.ends.saturating_sub(new.starts) / 2
        };
        if wall_seconds >= middle { new } else { old }
    })
}

/// RFC 2747 §5.3: if all are over, the one that was last goes on.
fn last_expired<'a>(
    keys: impl Iterator<Item = &'a SecurityKey> + Clone,
    wall_seconds: u64,
) -> Option<KeyId> {
    if keys.clone().any(|key| key.is_alive(wall_seconds)) {
        return None;
    }
    keys.filter(|key| key.starts <= wall_seconds)
        .max_by_key(|key| (key.ends, key.id))
        .map(|key| key.id)
}

impl SecurityKey {
    const fn is_alive(&self, wall_seconds: u64) -> bool {
        self.starts <= wall_seconds && wall_seconds <= self.ends
    }
}

/// The numbers of this node's signed messages: RFC 2747 §3.
///
/// They are made of the clock, so that they rise over a restart: seconds since 1970 in the upper 32 bits, a counter in
/// the lower. A node that starts again within a second of its start begins where it began; so it waits for the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequence {
    last: u64,
}

impl Sequence {
    pub(super) const fn new(wall_seconds: u64) -> Self {
        Self {
            last: wall_seconds << 32,
        }
    }

    pub(super) const fn next(&mut self, wall_seconds: u64) -> u64 {
        let next = self.last.wrapping_add(1);
        let clock = wall_seconds << 32;
        self.last = if clock > next { clock } else { next };
        self.last
    }
}
