//! A small map in order.

use core::cmp::Ordering;

/// A map in one sorted list: what a session holds is mostly one or two blocks of a kind, and the next is allocated when
/// it comes. Values should be small, or boxed.
#[derive(Clone, Debug)]
pub(crate) struct VecMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for VecMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> VecMap<K, V> {
    fn find(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(here, _)| here.cmp(key))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let at = self.find(key).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    /// Puts a value in place; gives what was there.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => self
                .0
                .get_mut(at)
                .map(|(_, old)| core::mem::replace(old, value)),
            Err(at) => {
                if self.0.len() == self.0.capacity() && self.0.len() < 4 {
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.find(key).ok()?;
        let (_, value) = self.0.remove(at);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The entries whose keys are `Equal`, where keys that are not come before or behind all of them.
    pub(crate) fn run(&self, order: impl Fn(&K) -> Ordering) -> impl Iterator<Item = (&K, &V)> {
        let start = self.0.partition_point(|(key, _)| order(key).is_lt());
        let end = self.0.partition_point(|(key, _)| order(key).is_le());
        let run = self.0.get(start..end).unwrap_or_default();
        run.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::VecMap;

    #[test]
    fn it_is_in_order_and_takes_no_more_than_it_needs() {
        let mut map = VecMap::default();
        for key in [5, 1, 3] {
            assert_eq!(map.insert(key, key * 10), None);
        }
        assert_eq!(map.insert(3, 33), Some(30));
        assert_eq!(map.keys().copied().collect::<Vec<_>>(), [1, 3, 5]);
        assert_eq!((map.get(&3), map.get(&4)), (Some(&33), None));
        let run = |tens: i32| map.run(move |key| (key / 2).cmp(&tens)).count();
        assert_eq!([run(0), run(1), run(2), run(3)], [1, 1, 1, 0]);
        assert!(map.contains(&5) && map.len() == 3 && map.0.capacity() == 3);
        assert_eq!((map.remove(&1), map.remove(&1)), (Some(10), None));
        map.remove(&3);
        map.remove(&5);
        assert!(map.is_empty() && map.0.capacity() == 0);
    }
}
