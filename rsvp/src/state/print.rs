//! What was said, told by its fingerprint.

use std::hash::{DefaultHasher, Hash, Hasher as _};

/// A fingerprint of what a neighbour was last told: it differs if what would be told now differs, as good as always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Print(u64);

impl Print {
    /// Nothing was said.
    pub(crate) const NEVER: Self = Self(0);
    /// What was said has to be said again in full. No contents have this, or [`NEVER`](Self::NEVER).
    const STALE: Self = Self(1);

    /// That of some contents: the same in every run.
    pub(crate) fn of(contents: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        contents.hash(&mut hasher);
        Self(hasher.finish().max(2))
    }

    /// Whether the neighbour knows what was said, and needs to hear nothing new.
    pub(crate) fn is_current(self) -> bool {
        self > Self::STALE
    }

    /// What was said, if anything was, has to be said again in full with the next refresh.
    pub(crate) fn mark(&mut self) {
        *self = (*self).min(Self::STALE);
    }
}

#[cfg(test)]
mod tests {
    use super::Print;

    #[test]
    fn what_was_never_said_is_not_said_again() {
        let (mut never, mut said) = (Print::NEVER, Print::of(&1));
        assert!(said.is_current() && !never.is_current());
        assert_ne!(said, Print::of(&2));
        never.mark();
        said.mark();
        assert_eq!(never, Print::NEVER);
        assert!(said != never && !said.is_current());
    }
}
