//! Where connections are found: by identity, and by their four-tuple.
//!
//! | | finds | cost |
//! |---|---|---|
//! | [`Slab`] | an endpoint by [`ConnId`] | an index |
//! | [`TupleTable`] | a handshake or a TIME-WAIT entry by four-tuple; what is due, by time | a hash, a list head |
//!
//! Nothing here iterates a hash map, and nothing looks at more entries than it changes.

use core::hash::{BuildHasher as _, Hash, Hasher};
use core::time::Duration;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use fairway_wire::Instant;

use super::isn::low;
use super::num::octets;
use crate::hash::Key;

/// Names an endpoint of TCP: a socket that is idle, listens, or has a connection. It is never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// Two socket addresses: ours and the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FourTuple {
    local: u32,
    peer: u32,
    /// Ours in the high half.
    ports: u32,
}

impl FourTuple {
    #[inline]
    pub(crate) fn new(local: SocketAddrV4, peer: SocketAddrV4) -> Self {
        Self::from_parts(*local.ip(), local.port(), *peer.ip(), peer.port())
    }

    #[inline]
    pub(crate) fn from_parts(
        local: Ipv4Addr,
        local_port: u16,
        peer: Ipv4Addr,
        peer_port: u16,
    ) -> Self {
        Self {
            local: local.to_bits(),
            peer: peer.to_bits(),
            ports: u32::from(local_port) << 16 | u32::from(peer_port),
        }
    }

    #[inline]
    pub(crate) const fn local(self) -> SocketAddrV4 {
        let [high, low, ..] = self.ports.to_be_bytes();
        SocketAddrV4::new(
            Ipv4Addr::from_bits(self.local),
            u16::from_be_bytes([high, low]),
        )
    }

    #[inline]
    pub(crate) const fn peer(self) -> SocketAddrV4 {
        let [.., high, low] = self.ports.to_be_bytes();
        SocketAddrV4::new(
            Ipv4Addr::from_bits(self.peer),
            u16::from_be_bytes([high, low]),
        )
    }

    /// For keyed hashes: the addresses, the ports.
    #[inline]
    pub(crate) fn words(self) -> [u64; 2] {
        [
            u64::from(self.local) << 32 | u64::from(self.peer),
            u64::from(self.ports),
        ]
    }
}

impl Hash for FourTuple {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [addresses, ports] = self.words();
        state.write_u64(addresses);
        state.write_u64(ports);
    }
}

/// Values that are named by index and generation; freed places are used again, the last freed first.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Puts a value in; `None` if 2^32 are there.
    pub(crate) fn insert(&mut self, value: T) -> Option<ConnId> {
        if let Some(index) = self.free.pop() {
            let place = self.places.get_mut(octets(index))?;
            place.value = Some(value);
            return Some(ConnId {
                index,
                generation: place.generation,
            });
        }
        let index = u32::try_from(self.places.len()).ok()?;
        self.places.push(Place {
            generation: 0,
            value: Some(value),
        });
        Some(ConnId {
            index,
            generation: 0,
        })
    }

    pub(crate) fn remove(&mut self, id: ConnId) -> Option<T> {
        let place = self.places.get_mut(octets(id.index))?;
        if place.generation != id.generation {
            return None;
        }
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(id.index);
        Some(value)
    }

    #[inline]
    pub(crate) fn get(&self, id: ConnId) -> Option<&T> {
        let place = self.places.get(octets(id.index))?;
        if place.generation == id.generation {
            place.value.as_ref()
        } else {
            None
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: ConnId) -> Option<&mut T> {
        let place = self.places.get_mut(octets(id.index))?;
        if place.generation == id.generation {
            place.value.as_mut()
        } else {
            None
        }
    }

    /// What is at that index now.
    #[inline]
    pub(crate) fn at(&self, index: u32) -> Option<(ConnId, &T)> {
        let place = self.places.get(octets(index))?;
        let id = ConnId {
            index,
            generation: place.generation,
        };
        Some((id, place.value.as_ref()?))
    }

    /// What is at that index now.
    #[inline]
    pub(crate) fn at_mut(&mut self, index: u32) -> Option<(ConnId, &mut T)> {
        let place = self.places.get_mut(octets(index))?;
        let id = ConnId {
            index,
            generation: place.generation,
        };
        Some((id, place.value.as_mut()?))
    }

    /// All, in the order of their indices. For tables that people read, not for packets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnId, &T)> {
        (0..).zip(&self.places).filter_map(|(index, place)| {
            let id = ConnId {
                index,
                generation: place.generation,
            };
            Some((id, place.value.as_ref()?))
        })
    }
}

/// No node.
const NONE: u32 = u32::MAX;

/// Small values by four-tuple, each with a deadline.
///
/// A node is in one chain of the hash table and in one queue. All nodes of a queue wait equally long, so that each queue
/// is in the order of its deadlines, joining it and leaving it cost the same whatever its length, and the next deadline
/// is the earliest of a few heads. The queues are told apart by how long they make wait.
#[derive(Debug)]
pub(crate) struct TupleTable<T> {
    key: Key,
    nodes: Vec<Node<T>>,
    /// First node of each chain; as many as a power of two, at least as many as nodes.
    heads: Vec<u32>,
    free: u32,
    len: usize,
    queues: BTreeMap<Duration, Queue>,
}

#[derive(Debug)]
struct Node<T> {
    tuple: FourTuple,
    /// The next of the chain, or of the free nodes.
    chain: u32,
    before: u32,
    after: u32,
    deadline: Instant,
    /// Whole milliseconds that its queue makes wait.
    wait: u32,
    value: T,
}

#[derive(Clone, Copy, Debug)]
struct Queue {
    first: u32,
    last: u32,
}

impl<T: Copy + Default> TupleTable<T> {
    pub(crate) const fn new(key: Key) -> Self {
        Self {
            key,
            nodes: Vec::new(),
            heads: Vec::new(),
            free: NONE,
            len: 0,
            queues: BTreeMap::new(),
        }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Octets that one entry takes up here, the hash table included.
    #[cfg(test)]
    pub(crate) const fn octets_per_entry() -> usize {
        size_of::<Node<T>>() + size_of::<u32>()
    }

    #[inline]
    fn node(&self, at: u32) -> Option<&Node<T>> {
        self.nodes.get(octets(at))
    }

    #[inline]
    fn node_mut(&mut self, at: u32) -> Option<&mut Node<T>> {
        self.nodes.get_mut(octets(at))
    }

    fn slot(&self, tuple: FourTuple) -> usize {
        let hash = self.key.hash_one(tuple);
        octets(low(hash)) & self.heads.len().wrapping_sub(1)
    }

    #[inline]
    fn find(&self, tuple: FourTuple) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        let mut at = *self.heads.get(self.slot(tuple))?;
        while let Some(node) = self.node(at) {
            if node.tuple == tuple {
                return Some(at);
            }
            at = node.chain;
        }
        None
    }

    #[inline]
    pub(crate) fn get(&self, tuple: FourTuple) -> Option<&T> {
        self.find(tuple)
            .and_then(|at| self.node(at))
            .map(|node| &node.value)
    }

    /// Puts an entry in, in place of one with the same tuple, to wait for `wait` from `now` on.
    pub(crate) fn insert(&mut self, now: Instant, tuple: FourTuple, wait: Duration, value: T) {
        self.remove(tuple);
        if self.len >= self.heads.len() {
            self.grow();
        }
        let slot = self.slot(tuple);
        let node = Node {
            tuple,
            chain: self.heads.get(slot).copied().unwrap_or(NONE),
            before: NONE,
            after: NONE,
            deadline: Instant::ZERO,
            wait: 0,
            value,
        };
        let at = if let Some(free) = self.nodes.get_mut(octets(self.free)) {
            let at = self.free;
            self.free = free.chain;
            *free = node;
            at
        } else {
            let at = u32::try_from(self.nodes.len()).unwrap_or(NONE);
            self.nodes.push(node);
            at
        };
        if let Some(head) = self.heads.get_mut(slot) {
            *head = at;
        }
        self.len += 1;
        self.join(now, at, wait);
    }

    /// Makes an entry wait for `wait` from `now` on.
    pub(crate) fn wait_again(&mut self, now: Instant, tuple: FourTuple, wait: Duration) {
        if let Some(at) = self.find(tuple) {
            self.leave(at);
            self.join(now, at, wait);
        }
    }

    pub(crate) fn remove(&mut self, tuple: FourTuple) -> Option<T> {
        let at = self.find(tuple)?;
        self.remove_at(at)
    }

    fn remove_at(&mut self, at: u32) -> Option<T> {
        self.leave(at);
        let (tuple, chain, value) = {
            let node = self.node(at)?;
            (node.tuple, node.chain, node.value)
        };
        let slot = self.slot(tuple);
        let mut before = *self.heads.get(slot)?;
        if before == at {
            *self.heads.get_mut(slot)? = chain;
        } else {
            while let Some(node) = self.node_mut(before) {
                if node.chain == at {
                    node.chain = chain;
                    break;
                }
                before = node.chain;
            }
        }
        let free = self.free;
        let node = self.node_mut(at)?;
        node.chain = free;
        node.value = T::default();
        self.free = at;
        self.len -= 1;
        Some(value)
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.queues
            .values()
            .filter_map(|queue| self.node(queue.first))
            .map(|node| node.deadline)
            .min()
    }

    /// Takes out an entry whose time is up.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(FourTuple, T)> {
        let at = self
            .queues
            .values()
            .map(|queue| queue.first)
            .find(|&at| self.node(at).is_some_and(|node| node.deadline <= now))?;
        let tuple = self.node(at)?.tuple;
        Some((tuple, self.remove_at(at)?))
    }

    /// Takes out the entry that would be due first.
    pub(crate) fn pop_first(&mut self) -> Option<(FourTuple, T)> {
        let at = self
            .queues
            .values()
            .filter_map(|queue| Some((self.node(queue.first)?.deadline, queue.first)))
            .min()?
            .1;
        let tuple = self.node(at)?.tuple;
        Some((tuple, self.remove_at(at)?))
    }

    fn join(&mut self, now: Instant, at: u32, wait: Duration) {
        let wait_millis = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        let wait = Duration::from_millis(u64::from(wait_millis));
        let queue = self.queues.entry(wait).or_insert(Queue {
            first: NONE,
            last: NONE,
        });
        let last = queue.last;
        queue.last = at;
        if last == NONE {
            queue.first = at;
        }
        if let Some(node) = self.node_mut(last) {
            node.after = at;
        }
        if let Some(node) = self.node_mut(at) {
            node.before = last;
            node.after = NONE;
            node.wait = wait_millis;
            node.deadline = now + wait;
        }
    }

    fn leave(&mut self, at: u32) {
        let Some(node) = self.node(at) else { return };
        let (before, after) = (node.before, node.after);
        let wait = Duration::from_millis(u64::from(node.wait));
        if let Some(node) = self.node_mut(before) {
            node.after = after;
        }
        if let Some(node) = self.node_mut(after) {
            node.before = before;
        }
        if let Some(queue) = self.queues.get_mut(&wait) {
            if queue.first == at {
                queue.first = after;
            }
            if queue.last == at {
                queue.last = before;
            }
            if queue.first == NONE {
                self.queues.remove(&wait);
            }
        }
    }

    /// Doubles the hash table.
    #[cold]
    fn grow(&mut self) {
        let size = (self.heads.len() * 2).max(16);
        // Every node in a chain is there once: chains are walked in order, so that the result depends on nothing else.
        let old = core::mem::replace(&mut self.heads, vec![NONE; size]);
        for head in old {
            let mut at = head;
            while let Some(node) = self.node(at) {
                let (tuple, next) = (node.tuple, node.chain);
                let slot = self.slot(tuple);
                let chain = self.heads.get(slot).copied().unwrap_or(NONE);
                if let Some(node) = self.node_mut(at) {
                    node.chain = chain;
                }
                if let Some(head) = self.heads.get_mut(slot) {
                    *head = at;
                }
                at = next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FourTuple, Slab, TupleTable};
    use crate::hash::Key;
    use core::time::Duration;
    use fairway_wire::Instant;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    fn tuple(port: u16) -> FourTuple {
        FourTuple::from_parts(Ipv4Addr::LOCALHOST, 80, Ipv4Addr::BROADCAST, port)
    }

    #[test]
    fn a_tuple_gives_back_its_addresses() {
        let (local, peer) = (
            "10.1.2.3:4567".parse().unwrap(),
            "9.8.7.6:54".parse().unwrap(),
        );
        let tuple = FourTuple::new(local, peer);
        assert_eq!((tuple.local(), tuple.peer()), (local, peer));
    }

    #[test]
    fn a_name_dies_with_what_it_named() {
        let mut slab = Slab::new();
        let one = slab.insert('a').unwrap();
        assert_eq!(slab.remove(one), Some('a'));
        let other = slab.insert('b').unwrap();
        assert_eq!(one.index, other.index);
        assert_eq!((slab.get(one), slab.get(other)), (None, Some(&'b')));
        assert_eq!(slab.remove(one), None);
        assert_eq!(slab.len(), 1);
    }

    proptest! {
        /// Any sequence of insertions, removals and expiries agrees with an ordered map.
        #[test]
        fn tuple_table_agrees_with_a_map(steps in prop::collection::vec((0_u8..5, 0_u16..20, 0_u64..4), 0..200)) {
            let mut table = TupleTable::<u64>::new(Key([1, 2]));
            let mut model = BTreeMap::<u16, (u64, u64)>::new(); // value, deadline in ms
            let mut now = 0_u64;
            for (step, (kind, port, wait)) in (0_u64..).zip(steps) {
                let at = Instant::from_nanos(now * 1_000_000);
                let wait_ms = wait * 100;
                match kind {
                    0 | 1 => {
                        table.insert(at, tuple(port), Duration::from_millis(wait_ms), step);
                        model.insert(port, (step, now + wait_ms));
                    }
                    2 => prop_assert_eq!(table.remove(tuple(port)), model.remove(&port).map(|(value, _)| value)),
                    3 => {
                        table.wait_again(at, tuple(port), Duration::from_millis(wait_ms));
                        if let Some(entry) = model.get_mut(&port) {
                            entry.1 = now + wait_ms;
                        }
                    }
                    _ => {
                        now += wait * 57;
                        let at = Instant::from_nanos(now * 1_000_000);
                        while let Some((due, _)) = table.pop_due(at) {
                            let (_, deadline) = model.remove(&due.peer().port()).unwrap();
                            prop_assert!(deadline <= now);
                        }
                        prop_assert!(model.values().all(|&(_, deadline)| deadline > now));
                    }
                }
                prop_assert_eq!(table.len(), model.len());
                for (&port, &(value, _)) in &model {
                    prop_assert_eq!(table.get(tuple(port)), Some(&value));
                }
            }
        }
    }
}
