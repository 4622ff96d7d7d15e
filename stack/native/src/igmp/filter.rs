//! Source filters (RFC 3376 §3).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// Which senders to a group one socket wants to hear (RFC 3376 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFilter {
    /// Whether `sources` are the only ones to hear; else they are the only ones not to.
    pub include: bool,
    /// The senders.
    pub sources: Vec<Ipv4Addr>,
}

impl SourceFilter {
    /// Every sender: what joining a group means.
    pub const ALL: Self = Self {
        include: false,
        sources: Vec::new(),
    };
}

/// What all sockets together want to hear of a group on one interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Merged {
    /// Whether `sources` are the only ones to hear.
    pub(super) include: bool,
    pub(super) sources: BTreeSet<Ipv4Addr>,
}

impl Merged {
    /// Whether nobody listens: the state of a group that there is no entry for (RFC 3376 §5.1).
    pub(super) fn is_nothing(&self) -> bool {
        self.include && self.sources.is_empty()
    }

    pub(super) fn wants(&self, source: Ipv4Addr) -> bool {
        self.sources.contains(&source) == self.include
    }
}

/// The filters of all sockets for one group on one interface, counted, so that one can be taken out again.
#[derive(Debug, Default)]
pub(super) struct Filters {
    /// Filters that exclude.
    excluding: usize,
    /// How many of them exclude each sender.
    excluded: BTreeMap<Ipv4Addr, usize>,
    /// How many others include each sender.
    included: BTreeMap<Ipv4Addr, usize>,
}

impl Filters {
    pub(super) fn add(&mut self, filter: &SourceFilter) {
        self.excluding += usize::from(!filter.include);
        for &source in &filter.sources {
            *self.counts(filter).entry(source).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, filter: &SourceFilter) {
        self.excluding = self.excluding.saturating_sub(usize::from(!filter.include));
        for source in &filter.sources {
            let counts = self.counts(filter);
            if let Some(count) = counts.get_mut(source) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(source);
                }
            }
        }
    }

    fn counts(&mut self, filter: &SourceFilter) -> &mut BTreeMap<Ipv4Addr, usize> {
        if filter.include {
            &mut self.included
        } else {
            &mut self.excluded
        }
    }

    /// Whether there is none that wants anybody.
    pub(super) fn is_nothing(&self) -> bool {
        self.excluding == 0 && self.included.is_empty()
    }

    /// Whether the [merged](Self::merged) filter wants that sender.
    pub(super) fn wants(&self, source: Ipv4Addr) -> bool {
        let excluded = self.excluded.get(&source).copied().unwrap_or(0);
        self.included.contains_key(&source) || excluded < self.excluding
    }

    /// RFC 3376 §3.2: if any filter excludes, the senders excluded by all of those and included by none; else the
    /// senders included by any.
    pub(super) fn merged(&self) -> Merged {
        if self.excluding == 0 {
            return Merged {
                include: true,
                sources: self.included.keys().copied().collect(),
            };
        }
        let by_all = self
            .excluded
            .iter()
            .filter(|(source, count)| {
                **count == self.excluding && !self.included.contains_key(source)
            })
            .map(|(source, _)| *source);
        Merged {
            include: false,
            sources: by_all.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Filters, Merged, SourceFilter};
    use std::net::Ipv4Addr;

    fn list(last: &[u8]) -> Vec<Ipv4Addr> {
        last.iter()
            .map(|&last| Ipv4Addr::new(10, 0, 0, last))
            .collect()
    }

    fn filter(include: bool, last: &[u8]) -> SourceFilter {
        SourceFilter {
            include,
            sources: list(last),
        }
    }

    fn merged(include: bool, last: &[u8]) -> Merged {
        Merged {
            include,
            sources: list(last).into_iter().collect(),
        }
    }

    /// RFC 3376 §3.2: the examples of the text.
    #[test]
    fn filters_merge_as_in_the_examples() {
        let mut filters = Filters::default();
        // s1: exclude {a, b, c, d}; s2: exclude {b, c, d, e}; s3: include {d, e, f}: exclude {b, c}.
        filters.add(&filter(false, &[1, 2, 3, 4]));
        filters.add(&filter(false, &[2, 3, 4, 5]));
        filters.add(&filter(true, &[4, 5, 6]));
        assert_eq!(filters.merged(), merged(false, &[2, 3]));
        for source in list(&[1, 2, 3, 4, 5, 6, 7]) {
            assert_eq!(filters.wants(source), filters.merged().wants(source));
        }
        filters.remove(&filter(false, &[1, 2, 3, 4]));
        filters.remove(&filter(false, &[2, 3, 4, 5]));
        // Includes {a, b, c} and {b, c, d} besides: {a, b, c, d}.
        filters.remove(&filter(true, &[4, 5, 6]));
        filters.add(&filter(true, &[1, 2, 3]));
        filters.add(&filter(true, &[2, 3, 4]));
        assert_eq!(filters.merged(), merged(true, &[1, 2, 3, 4]));
    }

    #[test]
    fn without_filters_nobody_is_heard() {
        let mut filters = Filters::default();
        assert!(filters.merged().is_nothing() && filters.is_nothing());
        assert!(!filters.wants(Ipv4Addr::LOCALHOST));
        filters.add(&SourceFilter::ALL);
        assert!(filters.merged().wants(Ipv4Addr::LOCALHOST));
        filters.remove(&SourceFilter::ALL);
        assert!(filters.merged().is_nothing());
    }
}
