//! Places in the order of registration, and small sets of them.

use std::collections::HashMap;
use std::hash::Hash;

/// Place of a mapping in the lists.
pub(super) type Rank = i64;

/// Places under one key of an index, in order. Most keys have one, which takes no memory of its own. Never empty.
#[derive(Debug)]
pub(super) enum Ranks {
    One(Rank),
    Many(Vec<Rank>),
}

impl Ranks {
    pub(super) fn as_slice(&self) -> &[Rank] {
        match self {
            Self::One(rank) => std::slice::from_ref(rank),
            Self::Many(ranks) => ranks,
        }
    }

    /// The latest.
    pub(super) fn last(&self) -> Rank {
        self.as_slice().last().copied().unwrap_or(Rank::MIN)
    }

    fn insert(&mut self, rank: Rank) {
        match self {
            Self::One(there) if *there == rank => {}
            Self::One(there) => {
                *self = Self::Many(vec![rank.min(*there), rank.max(*there)]);
            }
            Self::Many(ranks) => {
                if let Err(at) = ranks.binary_search(&rank) {
                    ranks.insert(at, rank);
                }
            }
        }
    }

    /// Takes one out; says whether none is left.
    fn remove(&mut self, rank: Rank) -> bool {
        match self {
            Self::One(there) => *there == rank,
            Self::Many(ranks) => {
                if let Ok(at) = ranks.binary_search(&rank) {
                    ranks.remove(at);
                }
                if let &[last] = ranks.as_slice() {
                    *self = Self::One(last);
                }
                false
            }
        }
    }
}

/// Puts a place under a key of an index.
pub(super) fn insert<K: Eq + Hash>(index: &mut HashMap<K, Ranks>, key: K, rank: Rank) {
    index
        .entry(key)
        .and_modify(|ranks| ranks.insert(rank))
        .or_insert(Ranks::One(rank));
}

/// Takes a place from under a key, and the key with the last one.
pub(super) fn remove<K: Eq + Hash>(index: &mut HashMap<K, Ranks>, key: &K, rank: Rank) {
    if index.get_mut(key).is_some_and(|ranks| ranks.remove(rank)) {
        index.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn an_index_is_a_set_per_key(steps in proptest::collection::vec((any::<bool>(), 0u8..2, -4i64..4), 1..60)) {
            let mut index = HashMap::new();
            let mut plain = [BTreeSet::new(), BTreeSet::new()];
            for (add, key, rank) in steps {
                let set = &mut plain[usize::from(key)];
                if add {
                    insert(&mut index, key, rank);
                    set.insert(rank);
                } else {
                    remove(&mut index, &key, rank);
                    set.remove(&rank);
                }
                let ranks = index.get(&key).map_or(&[][..], Ranks::as_slice);
                prop_assert_eq!(ranks, set.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(index.get(&key).map(Ranks::last), set.last().copied());
            }
        }
    }

    #[test]
    fn a_single_place_takes_no_more_than_a_vector_would() {
        assert_eq!(size_of::<Ranks>(), size_of::<Vec<Rank>>());
    }
}
