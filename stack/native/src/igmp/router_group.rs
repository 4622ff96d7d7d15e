//! What a router remembers of one group on one interface (RFC 3376 §6.2).
//!
//! A group whose listeners all name the senders they want is in *include* mode: it has the senders, each with a timer,
//! and is forgotten with the last one. If anybody wants every sender but some, it is in *exclude* mode, with a timer of
//! its own: then senders with a running timer are wanted by somebody, and those whose timer has run out by nobody.
//!
//! In the tables of §6.4, `A`, `X` and `Y` are the senders of the group with and without a running timer, `B` those of
//! the record; the code names the rows.

use crate::limits::IgmpLimits;
use fairway_wire::Instant;
use fairway_wire::igmp::RecordType;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

/// What is to be asked about a group because of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Questions {
    /// Whether anybody listens at all.
    pub(super) group: bool,
    /// Whether anybody listens to these senders.
    pub(super) sources: BTreeSet<Ipv4Addr>,
}

/// One group.
#[derive(Debug, Default)]
pub(super) struct RouterGroup {
    /// When exclude mode ends; `None` in include mode.
    exclude_until: Option<Instant>,
    /// The senders and their timers; `None` for those that nobody wants, in exclude mode.
    sources: BTreeMap<Ipv4Addr, Option<Instant>>,
    /// Until when a host of that version listens (RFC 3376 §7.3.2).
    v1_until: Option<Instant>,
    v2_until: Option<Instant>,
}

impl RouterGroup {
    /// Whether packets of `source` are wanted.
    pub(super) fn wants(&self, source: Ipv4Addr) -> bool {
        match self.sources.get(&source) {
            Some(timer) => timer.is_some(),
            None => self.exclude_until.is_some(),
        }
    }

    /// Whether nobody listens any more.
    pub(super) fn is_empty(&self) -> bool {
        self.exclude_until.is_none() && self.sources.is_empty()
    }

    /// When anything about it ends next.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let sources = self.sources.values().copied();
        sources
            .chain([self.exclude_until, self.v1_until, self.v2_until])
            .flatten()
            .min()
    }

    /// Ends what is due; whether what is wanted may have changed.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        for until in [&mut self.v1_until, &mut self.v2_until] {
            until.take_if(|at| *at <= now);
        }
        let mut changed = false;
        let exclude = self.exclude_until.is_some_and(|at| at > now);
        for timer in self.sources.values_mut() {
            changed |= timer.take_if(|at| *at <= now).is_some();
        }
        if self.exclude_until.take_if(|at| *at <= now).is_some() {
            changed = true;
        }
        if !exclude {
            // RFC 3376 §6.5: in include mode, a sender without timer is none.
            self.sources.retain(|_, timer| timer.is_some());
        }
        changed
    }

    /// A host of version 1 or 2 reports the group (RFC 3376 §7.3.2).
    pub(super) fn handle_old_report(&mut self, now: Instant, version: u8, interval: Duration) {
        if version == 1 {
            self.v1_until = Some(now + interval);
        } else {
            self.v2_until = Some(now + interval);
        }
        self.exclude_until = Some(now + interval);
        self.sources.clear();
    }

    /// A record of a report of version 3, or a leave of version 2 as TO_IN of nothing (RFC 3376 §6.4, §7.3.2).
    /// `interval` is the group membership interval. What is to be asked now.
    pub(super) fn handle_record(
        &mut self,
        now: Instant,
        record_type: RecordType,
        listed: impl Iterator<Item = Ipv4Addr>,
        interval: Duration,
        limits: &IgmpLimits,
    ) -> Questions {
        let until = now + interval;
        let mut listed: BTreeSet<Ipv4Addr> = listed.take(limits.heard_sources).collect();
        let mut questions = Questions::default();
        let exclude = self.exclude_until.is_some();
        let old_hosts = self.v1_until.is_some() || self.v2_until.is_some();
        match record_type {
            // §7.3.2: with old hosts about, BLOCK is ignored, and TO_EX taken as of no senders.
            RecordType::BLOCK_OLD_SOURCES if old_hosts => return questions,
            RecordType::CHANGE_TO_EXCLUDE if old_hosts => listed.clear(),
            RecordType::CHANGE_TO_INCLUDE if self.v1_until.is_some() => return questions,
            _ => {}
        }
        match record_type {
            // INCLUDE (A): INCLUDE (A+B); EXCLUDE (X,Y): EXCLUDE (X+A, Y-A); (B)=GMI in both.
            RecordType::MODE_IS_INCLUDE | RecordType::ALLOW_NEW_SOURCES => {
                self.want(&listed, until, limits);
            }
            // The same, and Q(G, A-B) or Q(G, X-A), Q(G).
            RecordType::CHANGE_TO_INCLUDE => {
                questions.sources = self.wanted().filter(|it| !listed.contains(it)).collect();
                questions.group = exclude;
                self.want(&listed, until, limits);
            }
            // INCLUDE (A): Q(G, A*B); EXCLUDE (X,Y): X+(A-Y), (A-X-Y)=group timer, Q(G, A-Y).
            RecordType::BLOCK_OLD_SOURCES => {
                if let Some(group_until) = self.exclude_until {
                    self.add_unknown(&listed, Some(group_until), limits);
                }
                questions.sources = self.wanted().filter(|it| listed.contains(it)).collect();
            }
            // INCLUDE (A): EXCLUDE (A*B, B-A); EXCLUDE (X,Y): EXCLUDE (A-Y, Y*A). New ones are unwanted if it was
            // INCLUDE, else they get GMI (IS_EX) or the group timer (TO_EX). TO_EX asks for those with a timer.
            RecordType::MODE_IS_EXCLUDE | RecordType::CHANGE_TO_EXCLUDE => {
                let change = record_type == RecordType::CHANGE_TO_EXCLUDE;
                let timer = self
                    .exclude_until
                    .map(|group_until| if change { group_until } else { until });
                self.sources.retain(|source, _| listed.contains(source));
                self.add_unknown(&listed, timer, limits);
                self.exclude_until = Some(until);
                if change {
                    questions.sources = self.wanted().collect();
                }
            }
            // RFC 3376 §4.2.12: unknown types are ignored.
            _ => {}
        }
        questions
    }

    /// Somebody is asked whether he still listens: without an answer, it ends at `until`.
    pub(super) fn lower(&mut self, questions: &Questions, until: Instant) {
        if questions.group
            && let Some(at) = &mut self.exclude_until
        {
            *at = until.min(*at);
        }
        for source in &questions.sources {
            if let Some(Some(at)) = self.sources.get_mut(source) {
                *at = until.min(*at);
            }
        }
    }

    /// The senders whose timers run past `at`, of those given: they were asked for again since.
    pub(super) fn still_asked(&self, questions: &Questions, at: Instant) -> Questions {
        let group = questions.group && self.exclude_until.is_some_and(|until| until <= at);
        let running = |source: &&Ipv4Addr| {
            self.sources
                .get(source)
                .is_some_and(|timer| timer.is_some_and(|until| until <= at))
        };
        Questions {
            group,
            sources: questions.sources.iter().filter(running).copied().collect(),
        }
    }

    fn wanted(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.sources
            .iter()
            .filter(|(_, timer)| timer.is_some())
            .map(|(source, _)| *source)
    }

    fn want(&mut self, listed: &BTreeSet<Ipv4Addr>, until: Instant, limits: &IgmpLimits) {
        for &source in listed {
            if self.sources.len() < limits.heard_sources || self.sources.contains_key(&source) {
                self.sources.insert(source, Some(until));
            }
        }
    }

    fn add_unknown(
        &mut self,
        listed: &BTreeSet<Ipv4Addr>,
        timer: Option<Instant>,
        limits: &IgmpLimits,
    ) {
        for &source in listed {
            if self.sources.len() < limits.heard_sources {
                self.sources.entry(source).or_insert(timer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Questions, RouterGroup};
    use crate::limits::IgmpLimits;
    use fairway_wire::Instant;
    use fairway_wire::igmp::RecordType;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    const GMI: Duration = Duration::from_secs(260);
    const NOW: Instant = Instant::ZERO;

    fn list(last: &[u8]) -> Vec<Ipv4Addr> {
        last.iter()
            .map(|&last| Ipv4Addr::new(10, 0, 0, last))
            .collect()
    }

    fn put(
        group: &mut RouterGroup,
        now: Instant,
        kind: RecordType,
        last: &[u8],
    ) -> (bool, Vec<Ipv4Addr>) {
        let limits = IgmpLimits::default();
        let Questions { group, sources } =
            group.handle_record(now, kind, list(last).into_iter(), GMI, &limits);
        (group, sources.into_iter().collect())
    }

    /// With senders 1 and 2 wanted.
    fn include() -> RouterGroup {
        let mut group = RouterGroup::default();
        put(&mut group, NOW, RecordType::ALLOW_NEW_SOURCES, &[1, 2]);
        group
    }

    /// With sender 1 wanted, 3 unwanted.
    fn exclude() -> RouterGroup {
        let mut group = RouterGroup::default();
        put(&mut group, NOW, RecordType::MODE_IS_EXCLUDE, &[3]);
        put(&mut group, NOW, RecordType::ALLOW_NEW_SOURCES, &[1]);
        group
    }

    fn shape(group: &RouterGroup) -> (bool, Vec<u8>, Vec<u8>) {
        let last = |it: &Ipv4Addr| it.octets()[3];
        let with = |wanted: bool| {
            let all = group.sources.iter();
            let some = all.filter(|(_, timer)| timer.is_some() == wanted);
            some.map(|(source, _)| last(source)).collect()
        };
        (group.exclude_until.is_some(), with(true), with(false))
    }

    /// RFC 3376 §6.4.1, §6.4.2: every row of the tables.
    #[test]
    fn records_change_the_state_as_the_tables_say() {
        use RecordType as R;
        type Row = (
            R,
            &'static [u8],
            (bool, &'static [u8], &'static [u8]),
            (bool, &'static [u8]),
        );
        let from_include: [Row; 6] = [
            (
                R::MODE_IS_INCLUDE,
                &[2, 4],
                (false, &[1, 2, 4], &[]),
                (false, &[]),
            ),
            (
                R::MODE_IS_EXCLUDE,
                &[2, 4],
                (true, &[2], &[4]),
                (false, &[]),
            ),
            (
                R::ALLOW_NEW_SOURCES,
                &[4],
                (false, &[1, 2, 4], &[]),
                (false, &[]),
            ),
            (
                R::BLOCK_OLD_SOURCES,
                &[2, 4],
                (false, &[1, 2], &[]),
                (false, &[2]),
            ),
            (
                R::CHANGE_TO_EXCLUDE,
                &[2, 4],
                (true, &[2], &[4]),
                (false, &[2]),
            ),
            (
                R::CHANGE_TO_INCLUDE,
                &[2, 4],
                (false, &[1, 2, 4], &[]),
                (false, &[1]),
            ),
        ];
        let from_exclude: [Row; 6] = [
            (
                R::MODE_IS_INCLUDE,
                &[3, 4],
                (true, &[1, 3, 4], &[]),
                (false, &[]),
            ),
            (
                R::MODE_IS_EXCLUDE,
                &[3, 4],
                (true, &[4], &[3]),
                (false, &[]),
            ),
            (
                R::ALLOW_NEW_SOURCES,
                &[3],
                (true, &[1, 3], &[]),
                (false, &[]),
            ),
            (
                R::BLOCK_OLD_SOURCES,
                &[1, 3, 4],
                (true, &[1, 4], &[3]),
                (false, &[1, 4]),
            ),
            (
                R::CHANGE_TO_EXCLUDE,
                &[3, 4],
                (true, &[4], &[3]),
                (false, &[4]),
            ),
            (
                R::CHANGE_TO_INCLUDE,
                &[3, 4],
                (true, &[1, 3, 4], &[]),
                (true, &[1]),
            ),
        ];
        for (from, rows) in [(false, from_include), (true, from_exclude)] {
            for (kind, listed, (mode, wanted, unwanted), (ask_group, ask)) in rows {
                let mut group = if from { exclude() } else { include() };
                let asked = put(&mut group, NOW, kind, listed);
                assert_eq!(
                    shape(&group),
                    (mode, wanted.to_vec(), unwanted.to_vec()),
                    "{kind}"
                );
                assert_eq!(asked, (ask_group, list(ask)), "{kind}");
            }
        }
    }

    /// RFC 3376 §6.5, §6.3: what timers do.
    #[test]
    fn senders_and_modes_end_with_their_timers() {
        let mut group = include();
        assert!(
            group.wants(Ipv4Addr::new(10, 0, 0, 1)) && !group.wants(Ipv4Addr::new(10, 0, 0, 9))
        );
        assert!(group.handle_timeout(NOW + GMI));
        assert!(group.is_empty());
        let mut group = exclude();
        let later = NOW + Duration::from_secs(100);
        put(&mut group, later, RecordType::ALLOW_NEW_SOURCES, &[5]);
        assert!(
            group.wants(Ipv4Addr::new(10, 0, 0, 9)) && !group.wants(Ipv4Addr::new(10, 0, 0, 3))
        );
        assert!(group.handle_timeout(NOW + GMI));
        assert_eq!(shape(&group), (false, vec![5], vec![]));
        group.handle_timeout(later + GMI);
        assert!(group.is_empty() && group.poll_timeout().is_none());
    }

    /// RFC 3376 §7.3.2.
    #[test]
    fn hosts_of_old_versions_are_not_cut_off_by_new_ones() {
        let mut group = RouterGroup::default();
        group.handle_old_report(NOW, 1, GMI);
        assert_eq!(
            put(&mut group, NOW, RecordType::BLOCK_OLD_SOURCES, &[1]),
            (false, vec![])
        );
        assert_eq!(
            put(&mut group, NOW, RecordType::CHANGE_TO_INCLUDE, &[]),
            (false, vec![])
        );
        put(&mut group, NOW, RecordType::CHANGE_TO_EXCLUDE, &[1]);
        assert_eq!(shape(&group), (true, vec![], vec![]));
        let mut group = RouterGroup::default();
        group.handle_old_report(NOW, 2, GMI);
        assert_eq!(
            put(&mut group, NOW, RecordType::CHANGE_TO_INCLUDE, &[]),
            (true, vec![])
        );
    }
}
