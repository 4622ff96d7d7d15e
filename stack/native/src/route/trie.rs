//! Longest-prefix match.
//!
//! A tree of nodes that decide six bits at a time. A node holds, as bits of two words, which of its 64 children exist
//! and which of the 63 prefixes that end inside its six bits are present; children and values lie packed in two pools,
//! at the rank of their bit. A lookup therefore reads one node of 24 octets per six bits and one value at the end,
//! whatever the number of routes: four nodes for the /24 that most of the Internet's prefixes are.
//!
//! So that a /24 is the last prefix of its node instead of the first of another one, keys are taken to begin with
//! five bits of zero: the root decides one bit of the address, the next nodes bits 1–6, 7–12, 13–18, 19–24, 25–30
//! and 31.

use super::Prefix;
use std::net::Ipv4Addr;

/// Bits that a node decides.
const STRIDE: u8 = 6;
/// Zero bits in front of every key.
const PADDING: u8 = 5;

/// For each six bits, the prefixes of them: the bit of a prefix with value `v` of `r` < 6 bits is `2^r + v`, so that
/// longer ones have higher numbers and the parent of bit `n` is `n / 2`.
#[expect(clippy::indexing_slicing, reason = "while it is compiled")]
const ANCESTORS: [u64; 64] = {
    let mut table = [0; 64];
    let mut index = 0;
    while index < 64 {
        let mut number = (64 + index) >> 1;
        while number > 0 {
            table[index] |= 1 << number;
            number >>= 1;
        }
        index += 1;
    }
    table
};

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// The prefixes that end here; bit 0 is not used.
    prefixes: u64,
    /// The children that exist.
    children: u64,
    /// Where they lie in the pool of nodes.
    first_child: u32,
    /// Where the values of `prefixes` lie in the pool of values.
    first_value: u32,
}

/// A map from prefixes to numbers, asked for the longest prefix that an address has.
#[derive(Clone, Debug)]
pub struct Trie {
    root: Node,
    nodes: Pool<Node>,
    values: Pool<u32>,
    len: usize,
}

impl Default for Trie {
    fn default() -> Self {
        Self::new()
    }
}

impl Trie {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            root: Node::default(),
            nodes: Pool::new(),
            values: Pool::new(),
            len: 0,
        }
    }

    /// How many prefixes it holds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Octets of memory that its nodes and values take, free room included.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.nodes.cells.capacity() * size_of::<Node>()
            + self.values.cells.capacity() * size_of::<u32>()
    }

    /// The value of the longest prefix that `address` has.
    #[inline]
    #[must_use]
    pub fn longest_match(&self, address: Ipv4Addr) -> Option<u32> {
        let mut key = key(address);
        let mut node = self.root;
        // Of the best match so far: the node's prefixes, its first value, the number of the bit. Bit 0 is never set.
        let (mut prefixes, mut first_value, mut number) = (0, 0, 0);
        loop {
            let index = top(key);
            let matches = node.prefixes & ANCESTORS.get(index)?;
            if matches != 0 {
                number = 63 - matches.leading_zeros();
                prefixes = node.prefixes;
                first_value = node.first_value;
            }
            let bit = 1 << index;
            if node.children & bit == 0 {
                break;
            }
            node = self.nodes.at(node.first_child, rank(node.children, bit))?;
            key <<= STRIDE;
        }
        if number == 0 {
            return None;
        }
        self.values.at(first_value, rank(prefixes, 1 << number))
    }

    /// The values of all prefixes that `address` has, longest first.
    #[must_use]
    pub fn matches(&self, address: Ipv4Addr) -> Vec<u32> {
        let mut found = Vec::new();
        let mut key = key(address);
        let mut node = self.root;
        loop {
            let index = top(key);
            let mut matches = node.prefixes & ANCESTORS.get(index).copied().unwrap_or(0);
            while matches != 0 {
                let bit = matches & matches.wrapping_neg();
                matches ^= bit;
                found.extend(self.values.at(node.first_value, rank(node.prefixes, bit)));
            }
            let bit = 1 << index;
            let next = self.nodes.at(node.first_child, rank(node.children, bit));
            let (true, Some(next)) = (node.children & bit != 0, next) else {
                break;
            };
            node = next;
            key <<= STRIDE;
        }
        found.reverse();
        found
    }

    /// The value of exactly that prefix.
    #[must_use]
    pub fn find(&self, prefix: Prefix) -> Option<u32> {
        let (depth, bit_of) = place(prefix);
        let mut key = key(prefix.address());
        let mut node = self.root;
        for _ in 0..depth {
            let bit = 1 << top(key);
            if node.children & bit == 0 {
                return None;
            }
            node = self.nodes.at(node.first_child, rank(node.children, bit))?;
            key <<= STRIDE;
        }
        let bit = bit_of(key);
        if node.prefixes & bit == 0 {
            return None;
        }
        self.values.at(node.first_value, rank(node.prefixes, bit))
    }

    /// Gives that prefix a value; the one it had before, if any.
    pub fn insert(&mut self, prefix: Prefix, value: u32) -> Option<u32> {
        let (depth, bit_of) = place(prefix);
        let mut key = key(prefix.address());
        let mut at = None;
        for _ in 0..depth {
            let mut node = self.node(at);
            let bit = 1 << top(key);
            let rank = rank(node.children, bit);
            if node.children & bit == 0 {
                node.first_child = self.nodes.widen(
                    node.first_child,
                    node.children.count_ones(),
                    rank,
                    Node::default(),
                );
                node.children |= bit;
                self.set_node(at, node);
            }
            at = Some(node.first_child + rank);
            key <<= STRIDE;
        }
        let mut node = self.node(at);
        let bit = bit_of(key);
        let rank = rank(node.prefixes, bit);
        if node.prefixes & bit != 0 {
            return self.values.replace(node.first_value + rank, value);
        }
        node.first_value =
            self.values
                .widen(node.first_value, node.prefixes.count_ones(), rank, value);
        node.prefixes |= bit;
        self.set_node(at, node);
        self.len += 1;
        None
    }

    /// Forgets that prefix; the value it had, if any.
    pub fn remove(&mut self, prefix: Prefix) -> Option<u32> {
        let (depth, bit_of) = place(prefix);
        let mut key = key(prefix.address());
        // The nodes on the way, each with the bit of the child taken.
        let mut way = [(None, 0); 7];
        let mut at = None;
        for step in way.iter_mut().take(depth) {
            let node = self.node(at);
            let bit = 1 << top(key);
            if node.children & bit == 0 {
                return None;
            }
            *step = (at, bit);
            at = Some(node.first_child + rank(node.children, bit));
            key <<= STRIDE;
        }
        let mut node = self.node(at);
        let bit = bit_of(key);
        if node.prefixes & bit == 0 {
            return None;
        }
        let place = rank(node.prefixes, bit);
        let value = self.values.at(node.first_value, place);
        node.first_value = self
            .values
            .narrow(node.first_value, node.prefixes.count_ones(), place);
        node.prefixes &= !bit;
        self.set_node(at, node);
        self.len -= 1;
        // Nodes that hold nothing any more go, from the last one upwards.
        for &(parent, bit) in way.iter().take(depth).rev() {
            if node.prefixes != 0 || node.children != 0 {
                break;
            }
            node = self.node(parent);
            let place = rank(node.children, bit);
            node.first_child =
                self.nodes
                    .narrow(node.first_child, node.children.count_ones(), place);
            node.children &= !bit;
            self.set_node(parent, node);
        }
        value
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The node at that place of the pool; the root for `None`.
    fn node(&self, at: Option<u32>) -> Node {
        at.map_or(self.root, |at| self.nodes.at(at, 0).unwrap_or_default())
    }

    fn set_node(&mut self, at: Option<u32>, node: Node) {
        match at {
            None => self.root = node,
            Some(at) => {
                self.nodes.replace(at, node);
            }
        }
    }
}

/// The address behind [`PADDING`], at the top of a word.
#[inline]
fn key(address: Ipv4Addr) -> u64 {
    u64::from(address.to_bits()) << (32 - PADDING)
}

/// The six bits that a node decides by.
#[inline]
fn top(key: u64) -> usize {
    // Below 64: it is six bits.
    usize::try_from(key >> (64 - STRIDE)).unwrap_or(0)
}

/// How many of `bits` are below the one bit `bit`.
#[inline]
const fn rank(bits: u64, bit: u64) -> u32 {
    (bits & (bit - 1)).count_ones()
}

/// How many nodes are above the one that a prefix ends in, and its bit there, of what is left of the key.
fn place(prefix: Prefix) -> (usize, impl Fn(u64) -> u64) {
    let length = prefix.len() + PADDING;
    let inside = length % STRIDE;
    (usize::from(length / STRIDE), move |key: u64| {
        1 << ((64 | (key >> (64 - STRIDE))) >> (STRIDE - inside))
    })
}

/// Blocks of up to 64 equal things, packed in one vector, with the free ones kept by size.
#[derive(Clone, Debug)]
struct Pool<T> {
    cells: Vec<T>,
    free: Vec<Vec<u32>>,
}

impl<T: Copy + Default> Pool<T> {
    const fn new() -> Self {
        Self {
            cells: Vec::new(),
            free: Vec::new(),
        }
    }

    #[inline]
    fn at(&self, first: u32, rank: u32) -> Option<T> {
        self.cells.get(index(first) + index(rank)).copied()
    }

    fn replace(&mut self, at: u32, value: T) -> Option<T> {
        let cell = self.cells.get_mut(index(at))?;
        Some(std::mem::replace(cell, value))
    }

    /// The block of `size` things at `first` with `value` put in at `rank`: where it lies now.
    fn widen(&mut self, first: u32, size: u32, rank: u32, value: T) -> u32 {
        let wider = self.take(size + 1);
        self.move_block(first, wider, rank);
        self.move_block(first + rank, wider + rank + 1, size - rank);
        self.replace(wider + rank, value);
        self.give_back(first, size);
        wider
    }

    /// The block of `size` things at `first` without the one at `rank`: where it lies now.
    fn narrow(&mut self, first: u32, size: u32, rank: u32) -> u32 {
        let narrower = if size > 1 { self.take(size - 1) } else { 0 };
        self.move_block(first, narrower, rank);
        self.move_block(first + rank + 1, narrower + rank, size - rank - 1);
        self.give_back(first, size);
        narrower
    }

    /// A block of that size, with anything in it.
    fn take(&mut self, size: u32) -> u32 {
        if let Some(block) = self.free.get_mut(index(size)).and_then(Vec::pop) {
            return block;
        }
        let first = self.cells.len();
        self.cells.resize(first + index(size), T::default());
        // The table's own limit of routes keeps the pool far below 2^32 cells.
        u32::try_from(first).unwrap_or(u32::MAX)
    }

    fn give_back(&mut self, first: u32, size: u32) {
        if size == 0 {
            return;
        }
        if self.free.len() <= index(size) {
            self.free.resize(index(size) + 1, Vec::new());
        }
        if let Some(blocks) = self.free.get_mut(index(size)) {
            blocks.push(first);
        }
    }

    fn move_block(&mut self, from: u32, to: u32, size: u32) {
        let (from, to, size) = (index(from), index(to), index(size));
        if size > 0 && from + size <= self.cells.len() && to + size <= self.cells.len() {
            self.cells.copy_within(from..from + size, to);
        }
    }
}

/// A place in a pool as an index.
#[inline]
fn index(place: u32) -> usize {
    // Never fails where pointers have 32 bits or more.
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Prefix, Trie};
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    fn prefix(text: &str) -> Prefix {
        let (address, length) = text.split_once('/').unwrap();
        Prefix::new(address.parse().unwrap(), length.parse().unwrap()).unwrap()
    }

    /// RFC 1812 §5.2.4.3 (2): the longest match wins.
    #[test]
    fn the_longest_prefix_wins() {
        let mut trie = Trie::new();
        for (number, text) in ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32"]
            .iter()
            .enumerate()
        {
            trie.insert(prefix(text), u32::try_from(number).unwrap());
        }
        let find = |text: &str| trie.longest_match(text.parse().unwrap());
        assert_eq!(find("10.1.2.3"), Some(3));
        assert_eq!(find("10.1.2.4"), Some(2));
        assert_eq!(find("10.2.0.0"), Some(1));
        assert_eq!(find("11.0.0.0"), Some(0));
        assert_eq!(trie.matches("10.1.2.3".parse().unwrap()), [3, 2, 1, 0]);
    }

    #[test]
    fn an_empty_trie_matches_nothing_and_takes_no_memory() {
        let mut trie = Trie::new();
        assert_eq!(trie.longest_match(Ipv4Addr::LOCALHOST), None);
        assert_eq!(trie.memory(), 0);
        trie.insert(prefix("10.0.0.0/8"), 1);
        assert_eq!(trie.longest_match(Ipv4Addr::LOCALHOST), None);
        assert_eq!(trie.remove(prefix("10.0.0.0/8")), Some(1));
        assert_eq!(trie.remove(prefix("10.0.0.0/8")), None);
        assert_eq!(trie.root.children, 0);
    }

    #[test]
    fn coming_and_going_does_not_take_more_memory_each_time() {
        let mut trie = Trie::new();
        let all: Vec<_> = (0..=255)
            .map(|octet| Prefix::host(Ipv4Addr::new(10, 0, octet, octet)))
            .collect();
        let mut first = 0;
        for _ in 0..20 {
            for &prefix in &all {
                trie.insert(prefix, 7);
            }
            if first == 0 {
                first = trie.memory();
            }
            for &prefix in &all {
                assert_eq!(trie.remove(prefix), Some(7));
            }
        }
        assert!(trie.is_empty());
        assert!(trie.memory() <= 2 * first, "{} {first}", trie.memory());
    }

    /// Prefixes that nest and collide often.
    fn some_prefix() -> impl Strategy<Value = Prefix> {
        let address = prop_oneof![
            any::<u32>(),
            (0_u32..8, 0_u32..4).prop_map(|(a, b)| (10 << 24) | (a << 13) | b),
        ];
        (address, 0_u8..=32)
            .prop_map(|(bits, length)| Prefix::new(Ipv4Addr::from_bits(bits), length).unwrap())
    }

    proptest! {
        /// The routing table against a linear scan.
        #[test]
        fn it_does_what_a_linear_scan_does(
            changes in proptest::collection::vec((some_prefix(), any::<Option<u32>>()), 0..200),
            others in proptest::collection::vec(any::<u32>(), 20),
        ) {
            let mut trie = Trie::new();
            let mut scan = BTreeMap::new();
            for &(prefix, value) in &changes {
                match value {
                    Some(value) => assert_eq!(trie.insert(prefix, value), scan.insert(prefix, value)),
                    None => assert_eq!(trie.remove(prefix), scan.remove(&prefix)),
                }
                assert_eq!(trie.len(), scan.len());
            }
            let near = changes.iter().flat_map(|(prefix, _)| {
                let bits = prefix.address().to_bits();
                [bits, bits.wrapping_sub(1), bits.wrapping_add(1), bits | 0xff]
            });
            for bits in near.chain(others) {
                let address = Ipv4Addr::from_bits(bits);
                let mut all: Vec<_> = scan
                    .iter()
                    .filter(|(prefix, _)| prefix.contains(address))
                    .map(|(prefix, value)| (prefix.len(), *value))
                    .collect();
                all.sort_unstable_by_key(|&(length, _)| std::cmp::Reverse(length));
                assert_eq!(trie.longest_match(address), all.first().map(|&(_, value)| value));
                assert!(trie.matches(address).into_iter().eq(all.into_iter().map(|(_, value)| value)));
            }
            for &(prefix, _) in &changes {
                assert_eq!(trie.find(prefix), scan.get(&prefix).copied());
            }
            for &prefix in scan.keys() {
                assert!(trie.remove(prefix).is_some());
            }
            assert_eq!((trie.root.children, trie.root.prefixes), (0, 0));
        }
    }
}
