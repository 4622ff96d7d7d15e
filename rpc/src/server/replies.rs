//! Replies kept for calls that are made again: the duplicate cache.
//!
//! A caller that hears nothing sends its call again. Executed twice, a call that changes something ("remove this file") fails the
//! second time although it was done. So the server remembers what it answered: a call that it has seen is answered with the same
//! results again, and one that is still running is dropped, for its answer is under way.
//!
//! ```text
//!              begin: New            finish                   keep-time over, or octets needed
//!   (unknown) ───────────► Running ──────────► Kept ──────────────────────────────► (unknown)
//!                             │ abandon                 begin: Running → InProgress, dropped
//!                             └───────► (unknown)       begin: Kept → Repeat, answered again
//! ```
//!
//! The key is the peer (address and port), xid, program, version, procedure, and a checksum of the arguments, because callers that
//! start anew reuse transaction identifiers. It is on for datagrams; over streams, where nothing is lost, only if a service asks for
//! it: there it helps a client that comes back over a new connection from the same, reserved port. Running calls are bounded
//! by the limits on calls; what is kept, by octets and time. No I/O, no clock.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use fairway_stack::{Instant, LocalAddr};

use crate::msg::{AcceptStat, Procedure};

/// What an entry costs beside the octets of its reply.
const ENTRY_OCTETS: usize = 128;

/// Which call it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) peer: PeerKey,
    pub(crate) xid: u32,
    pub(crate) procedure: Procedure,
    pub(crate) length: usize,
    pub(crate) checksum: u64,
}

/// Whose call it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PeerKey {
    /// Over UDP, or over TCP.
    Address(SocketAddr, /* stream */ bool),
    /// The connection itself, where peers have no address of their own.
    Connection(u64),
    /// A local datagram socket's name.
    Name(LocalAddr),
}

/// What to do with a call that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Execute it, and say [`finish`](ReplyCache::finish) or [`abandon`](ReplyCache::abandon).
    New,
    /// Drop it: it is being executed, or has been without a reply.
    InProgress,
    /// Answer it with this.
    Repeat(AcceptStat, Bytes),
}

#[derive(Debug)]
enum Entry {
    Running,
    /// Without a stat: nothing was answered.
    Kept {
        stat: Option<AcceptStat>,
        body: Bytes,
        age: u64,
    },
}

/// The cache. See the file's head.
#[derive(Debug)]
pub(crate) struct ReplyCache {
    entries: HashMap<Key, Entry>,
    /// Kept entries from the oldest: when they end, their key, and the number that tells whether it is still that one.
    order: VecDeque<(Instant, u64, Key)>,
    next_age: u64,
    octets: usize,
    max_octets: usize,
    keep: Duration,
    evicted: u64,
    expired: u64,
}

impl ReplyCache {
    /// Keeps replies for `keep`, of `max_octets` together.
    pub(crate) fn new(max_octets: usize, keep: Duration) -> Self {
        Self {
            entries: HashMap::new(),
            order: VecDeque::new(),
            next_age: 0,
            octets: 0,
            max_octets,
            keep,
            evicted: 0,
            expired: 0,
        }
    }

    /// A call has arrived.
    pub(crate) fn begin(&mut self, now: Instant, key: &Key) -> Lookup {
        self.handle_timeout(now);
        match self.entries.entry(key.clone()) {
            Slot::Vacant(slot) => {
                slot.insert(Entry::Running);
                Lookup::New
            }
            Slot::Occupied(slot) => match slot.get() {
                Entry::Running => Lookup::InProgress,
                Entry::Kept {
                    stat: Some(stat),
                    body,
                    ..
                } => Lookup::Repeat(*stat, body.clone()),
                Entry::Kept { stat: None, .. } => Lookup::InProgress,
            },
        }
    }

    /// A call has been executed, and answered like this, or not at all.
    pub(crate) fn finish(
        &mut self,
        now: Instant,
        key: &Key,
        stat: Option<AcceptStat>,
        body: Bytes,
    ) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if !matches!(entry, Entry::Running) {
            return;
        }
        let cost = cost(&body);
        if cost > self.max_octets {
            self.entries.remove(key);
            return;
        }
        let age = self.next_age;
        self.next_age += 1;
        *entry = Entry::Kept { stat, body, age };
        self.octets += cost;
        self.order.push_back((now + self.keep, age, key.clone()));
        while self.octets > self.max_octets && self.drop_oldest() {
            self.evicted += 1;
        }
    }

    /// A call has ended without a reply: the next one like it is executed.
    pub(crate) fn abandon(&mut self, key: &Key) {
        if matches!(self.entries.get(key), Some(Entry::Running)) {
            self.entries.remove(key);
        }
    }

    /// Forgets what is too old.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while self.poll_timeout().is_some_and(|end| end <= now) && self.drop_oldest() {
            self.expired += 1;
        }
    }

    /// When the oldest entry ends.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.order.front().map(|(end, ..)| *end)
    }

    /// Entries evicted and expired since the last question.
    pub(crate) fn take_counts(&mut self) -> (u64, u64) {
        (
            std::mem::take(&mut self.evicted),
            std::mem::take(&mut self.expired),
        )
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((_, wanted, key)) = self.order.pop_front() else {
            return false;
        };
        if let Slot::Occupied(slot) = self.entries.entry(key)
            && let Entry::Kept { body, age, .. } = slot.get()
            && *age == wanted
        {
            self.octets = self.octets.saturating_sub(cost(body));
            slot.remove();
        }
        true
    }
}

fn cost(body: &Bytes) -> usize {
    body.len().saturating_add(ENTRY_OCTETS)
}

/// A checksum that tells different arguments of honest callers apart, eight octets a step. It need not withstand an adversary: whoever
/// can forge a call from the same address and port can make the call itself.
pub(crate) fn checksum(octets: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = octets.as_chunks::<8>();
    let mut sum = FACTOR;
    for word in words {
        sum = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
        sum ^= sum >> 29;
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    sum = (sum ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    sum ^ (sum >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(xid: u32) -> Key {
        Key {
            peer: PeerKey::Address(([192, 0, 2, 1], 700).into(), false),
            xid,
            procedure: Procedure::new(100, 1, 2),
            length: 4,
            checksum: 7,
        }
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    fn cache() -> ReplyCache {
        ReplyCache::new(1000, Duration::from_secs(10))
    }

    fn body(length: usize) -> Bytes {
        Bytes::from(vec![7; length])
    }

    #[test]
    fn a_running_call_is_not_executed_again() {
        let mut cache = cache();
        assert_eq!(cache.begin(at(0), &key(1)), Lookup::New);
        assert_eq!(cache.begin(at(1), &key(1)), Lookup::InProgress);
        // However long it runs.
        assert_eq!(cache.begin(at(1000), &key(1)), Lookup::InProgress);
    }

    #[test]
    fn a_repeated_call_gets_the_same_results() {
        let mut cache = cache();
        assert_eq!(cache.begin(at(0), &key(1)), Lookup::New);
        cache.finish(at(1), &key(1), Some(AcceptStat::Success), body(8));
        assert_eq!(
            cache.begin(at(2), &key(1)),
            Lookup::Repeat(AcceptStat::Success, body(8))
        );
        assert_eq!(cache.begin(at(2), &key(2)), Lookup::New);
    }

    #[test]
    fn errors_are_repeated_too() {
        let mut cache = cache();
        cache.begin(at(0), &key(1));
        cache.finish(at(0), &key(1), Some(AcceptStat::GarbageArgs), Bytes::new());
        assert_eq!(
            cache.begin(at(2), &key(1)),
            Lookup::Repeat(AcceptStat::GarbageArgs, Bytes::new())
        );
    }

    #[test]
    fn every_part_of_the_key_counts() {
        let mut cache = cache();
        cache.begin(at(0), &key(1));
        let other_port = Key {
            peer: PeerKey::Address(([192, 0, 2, 1], 701).into(), false),
            ..key(1)
        };
        let stream = Key {
            peer: PeerKey::Address(([192, 0, 2, 1], 700).into(), true),
            ..key(1)
        };
        let other_procedure = Key {
            procedure: Procedure::new(100, 1, 3),
            ..key(1)
        };
        let other_version = Key {
            procedure: Procedure::new(100, 2, 2),
            ..key(1)
        };
        let other_program = Key {
            procedure: Procedure::new(101, 1, 2),
            ..key(1)
        };
        let other_arguments = Key {
            checksum: 8,
            ..key(1)
        };
        let other_length = Key {
            length: 8,
            ..key(1)
        };
        for other in [
            other_port,
            stream,
            other_procedure,
            other_version,
            other_program,
            other_arguments,
            other_length,
        ] {
            assert_eq!(cache.begin(at(0), &other), Lookup::New, "{other:?}");
        }
    }

    #[test]
    fn an_abandoned_call_is_executed_again() {
        let mut cache = cache();
        cache.begin(at(0), &key(1));
        cache.abandon(&key(1));
        assert_eq!(cache.begin(at(0), &key(1)), Lookup::New);
        cache.finish(at(0), &key(1), Some(AcceptStat::Success), body(4));
        // Too late: it is kept.
        cache.abandon(&key(1));
        assert_eq!(
            cache.begin(at(0), &key(1)),
            Lookup::Repeat(AcceptStat::Success, body(4))
        );
    }

    #[test]
    fn a_call_that_wants_no_reply_is_not_executed_again() {
        let mut cache = cache();
        cache.begin(at(0), &key(1));
        cache.finish(at(0), &key(1), None, Bytes::new());
        assert_eq!(cache.begin(at(2), &key(1)), Lookup::InProgress);
        assert_eq!(cache.begin(at(10), &key(1)), Lookup::New);
    }

    #[test]
    fn replies_end_after_their_time() {
        let mut cache = cache();
        cache.begin(at(0), &key(1));
        cache.finish(at(5), &key(1), Some(AcceptStat::Success), body(4));
        assert_eq!(cache.poll_timeout(), Some(at(15)));
        assert!(matches!(cache.begin(at(14), &key(1)), Lookup::Repeat(..)));
        assert_eq!(cache.begin(at(15), &key(1)), Lookup::New);
        assert_eq!(cache.take_counts(), (0, 1));
        assert_eq!(cache.octets, 0);
    }

    #[test]
    fn the_oldest_replies_give_way_and_the_octets_stay_bounded() {
        let mut cache = cache();
        for xid in 0..100 {
            cache.begin(at(0), &key(xid));
            cache.finish(at(0), &key(xid), Some(AcceptStat::Success), body(72));
            assert!(cache.octets <= 1000);
        }
        // 1000 / (72 + 128) = 5 fit.
        assert_eq!(cache.take_counts(), (95, 0));
        assert_eq!(cache.begin(at(1), &key(94)), Lookup::New);
        assert!(matches!(cache.begin(at(1), &key(95)), Lookup::Repeat(..)));
        assert_eq!(cache.order.len(), 5);
    }

    #[test]
    fn a_reply_that_does_not_fit_is_not_kept() {
        let mut cache = cache();
        cache.begin(at(0), &key(1));
        cache.finish(at(0), &key(1), Some(AcceptStat::Success), body(1000));
        assert_eq!(cache.begin(at(0), &key(1)), Lookup::New);
        assert_eq!(cache.octets, 0);
    }

    #[test]
    fn checksums_differ_by_any_octet() {
        let octets: Vec<u8> = (0..100).collect();
        let sum = checksum(&octets);
        for at in 0..octets.len() {
            let mut other = octets.clone();
            other[at] ^= 1;
            assert_ne!(checksum(&other), sum, "octet {at}");
        }
        assert_eq!(checksum(&octets), sum);
    }
}
