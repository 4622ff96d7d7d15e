//! The host's side on one interface: what is listened to there, and telling routers.
//!
//! Two things make it speak: a change of what is listened to, told at once and again a few times in case it is lost
//! (RFC 3376 §5.1), and a router's question, answered after a random while (§5.2). Routers of older versions are
//! answered in theirs (§7.2.1): then other hosts' reports make ours unnecessary, and filters are not told.
//!
//! Timers: one per interface for the answer to a general query, and per group one for the answer to a query about it
//! and one for the next repetition of a change.

use super::filter::{Filters, Merged, SourceFilter};
use super::report::{Record, plain, v3};
use super::{ALL_ROUTERS, ALL_SYSTEMS, QUERY_INTERVAL, Sent, within};
use crate::config::IgmpConfig;
use crate::rng::Rng;
use fairway_wire::Instant;
use fairway_wire::igmp::{Message, Query, RecordType};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Within what time reports of versions 1 and 2 are repeated: RFC 2236 §8.10.
const V2_UNSOLICITED_INTERVAL: Duration = Duration::from_secs(10);

/// Senders of one group that are asked for before an answer is due; whoever asks could go on for an hour.
const MOST_ASKED: usize = 512;

/// One group.
#[derive(Debug, Default)]
struct Group {
    filters: Filters,
    /// Reports that still have to tell that the mode changed.
    mode_reports: u8,
    /// Reports that still have to tell of a sender, of those whose state changed.
    source_reports: BTreeMap<Ipv4Addr, u8>,
    /// When the next of them is due.
    change_at: Option<Instant>,
    /// When the answer to a query about the group is due.
    answer_at: Option<Instant>,
    /// The senders that the query was about; empty for all.
    asked_sources: BTreeSet<Ipv4Addr>,
    /// Whether the last report of the group that was heard is ours (RFC 2236 §6).
    last_reporter: bool,
}

impl Group {
    fn has_changes(&self) -> bool {
        self.mode_reports > 0 || !self.source_reports.is_empty()
    }

    /// The records that tell of the last changes, once more (RFC 3376 §5.1).
    fn change_records(&mut self, group: Ipv4Addr, records: &mut Vec<Record>) {
        let merged = self.filters.merged();
        if self.mode_reports > 0 {
            self.mode_reports -= 1;
            records.push(Record {
                record_type: if merged.include {
                    RecordType::CHANGE_TO_INCLUDE
                } else {
                    RecordType::CHANGE_TO_EXCLUDE
                },
                group,
                sources: merged.sources.into_iter().collect(),
            });
        } else {
            let (allow, block): (Vec<_>, Vec<_>) = self
                .source_reports
                .keys()
                .partition(|source| merged.wants(**source));
            for (record_type, sources) in [
                (RecordType::ALLOW_NEW_SOURCES, allow),
                (RecordType::BLOCK_OLD_SOURCES, block),
            ] {
                if !sources.is_empty() {
                    records.push(Record {
                        record_type,
                        group,
                        sources,
                    });
                }
            }
        }
        // A record of the mode tells of every sender too.
        self.source_reports.retain(|_, left| {
            *left -= 1;
            *left > 0
        });
    }

    /// The record that answers the query about the group; `None` if there is nothing to say (RFC 3376 §5.2).
    fn answer_record(&mut self, group: Ipv4Addr) -> Option<Record> {
        let asked = std::mem::take(&mut self.asked_sources);
        let merged = self.filters.merged();
        if asked.is_empty() {
            return current(group, merged);
        }
        let sources: Vec<_> = asked.into_iter().filter(|it| merged.wants(*it)).collect();
        (!sources.is_empty()).then_some(Record {
            record_type: RecordType::MODE_IS_INCLUDE,
            group,
            sources,
        })
    }
}

/// The record that says what is listened to of a group.
fn current(group: Ipv4Addr, merged: Merged) -> Option<Record> {
    if merged.is_nothing() {
        return None;
    }
    Some(Record {
        record_type: if merged.include {
            RecordType::MODE_IS_INCLUDE
        } else {
            RecordType::MODE_IS_EXCLUDE
        },
        group,
        sources: merged.sources.into_iter().collect(),
    })
}

/// The host's side on one interface.
#[derive(Debug)]
pub(super) struct Host {
    groups: BTreeMap<Ipv4Addr, Group>,
    /// When the answer to a general query is due.
    answer_at: Option<Instant>,
    /// Until when a router of that version is taken to be there.
    v1_until: Option<Instant>,
    v2_until: Option<Instant>,
    /// What the querier of version 3 said last.
    robustness: Option<u8>,
    query_interval: Duration,
}

impl Host {
    pub(super) const fn new() -> Self {
        Self {
            groups: BTreeMap::new(),
            answer_at: None,
            v1_until: None,
            v2_until: None,
            robustness: None,
            query_interval: QUERY_INTERVAL,
        }
    }

    /// The version spoken (RFC 3376 §7.2.1).
    pub(super) fn version(&self, config: &IgmpConfig) -> u8 {
        let heard = match (self.v1_until, self.v2_until) {
            (Some(_), _) => 1,
            (None, Some(_)) => 2,
            (None, None) => 3,
        };
        config.version.clamp(1, 3).min(heard)
    }

    fn robustness(&self, config: &IgmpConfig) -> u8 {
        self.robustness.unwrap_or(config.robustness).clamp(1, 7)
    }

    /// Whether anybody listens to the group.
    pub(super) fn is_member(&self, group: Ipv4Addr) -> bool {
        let known = self.groups.get(&group);
        group == ALL_SYSTEMS || known.is_some_and(|it| !it.filters.is_nothing())
    }

    /// Whether anybody listens to that sender of the group.
    pub(super) fn wants(&self, group: Ipv4Addr, source: Ipv4Addr) -> bool {
        let known = self.groups.get(&group);
        group == ALL_SYSTEMS || known.is_some_and(|it| it.filters.wants(source))
    }

    /// The groups that are listened to.
    pub(super) fn members(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.groups
            .iter()
            .filter(|(_, it)| !it.filters.is_nothing())
            .map(|(group, _)| *group)
    }

    /// Whether there is an entry for the group, be it one that only waits to be told of.
    pub(super) fn knows(&self, group: Ipv4Addr) -> bool {
        self.groups.contains_key(&group)
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// A socket changes its filter for a group from the one before to the one after; `None` stands for not listening.
    pub(super) fn change(
        &mut self,
        now: Instant,
        config: &IgmpConfig,
        rng: &mut Rng,
        group: Ipv4Addr,
        (before, after): (Option<&SourceFilter>, Option<&SourceFilter>),
        out: &mut Vec<Sent>,
    ) {
        let version = self.version(config);
        let robustness = self.robustness(config);
        let entry = self.groups.entry(group).or_default();
        let old = entry.filters.merged();
        if let Some(before) = before {
            entry.filters.remove(before);
        }
        if let Some(after) = after {
            entry.filters.add(after);
        }
        let new = entry.filters.merged();
        // RFC 3376 §5: "the all-systems multicast address 224.0.0.1 […] no IGMP messages are ever sent".
        if group != ALL_SYSTEMS && old != new {
            if version == 3 {
                if old.include == new.include {
                    let changed = old.sources.symmetric_difference(&new.sources);
                    entry
                        .source_reports
                        .extend(changed.map(|&it| (it, robustness)));
                } else {
                    entry.mode_reports = robustness;
                }
                self.tell_change(now, config, rng, group, out);
            } else if old.is_nothing() {
                // RFC 2236 §3: one at once, and again in case it is lost.
                entry.mode_reports = robustness;
                self.tell_change(now, config, rng, group, out);
            } else if new.is_nothing() {
                entry.mode_reports = 0;
                if version == 2 && entry.last_reporter {
                    // RFC 2236 §3: "If it was not the last host to reply, it MAY send nothing".
                    out.push(plain(ALL_ROUTERS, &Message::Leave { group }));
                }
            }
        }
        self.forget_if_idle(group);
    }

    fn forget_if_idle(&mut self, group: Ipv4Addr) {
        if let Some(entry) = self.groups.get(&group)
            && entry.filters.is_nothing()
            && !entry.has_changes()
        {
            self.groups.remove(&group);
        }
    }

    /// Tells of the changes of one group, and plans to do so again.
    fn tell_change(
        &mut self,
        now: Instant,
        config: &IgmpConfig,
        rng: &mut Rng,
        group: Ipv4Addr,
        out: &mut Vec<Sent>,
    ) {
        let version = self.version(config);
        let Some(entry) = self.groups.get_mut(&group) else {
            return;
        };
        let interval = if version == 3 {
            let mut records = Vec::new();
            entry.change_records(group, &mut records);
            out.extend(v3(&records));
            config.unsolicited_interval
        } else {
            entry.mode_reports = entry.mode_reports.saturating_sub(1);
            entry.source_reports.clear();
            entry.last_reporter = true;
            out.push(old_report(version, group));
            V2_UNSOLICITED_INTERVAL
        };
        let again = entry.has_changes();
        entry.change_at = again.then(|| now + within(rng, interval));
    }

    /// A router asks.
    pub(super) fn handle_query(
        &mut self,
        now: Instant,
        config: &IgmpConfig,
        rng: &mut Rng,
        query: &Query<'_>,
    ) {
        let before = self.version(config);
        let tenths = query.max_response_tenths();
        let response_time = Duration::from_millis(u64::from(tenths.max(1)) * 100);
        // RFC 3376 §8.12: Older Version Querier Present Timeout.
        let old_time = self.query_interval * u32::from(self.robustness(config)) + response_time;
        match (query.version(), query.v3) {
            (1, _) => self.v1_until = Some(now + old_time),
            (2, _) => self.v2_until = Some(now + old_time),
            (_, Some(v3)) => {
                // RFC 3376 §4.1.6, §4.1.7: the values of the querier are taken over, unless they are zero.
                self.robustness = (v3.robustness > 0).then_some(v3.robustness);
                let seconds = fairway_wire::igmp::decode_float(v3.query_interval_code);
                self.query_interval = match seconds {
                    0 => QUERY_INTERVAL,
                    seconds => Duration::from_secs(seconds.into()),
                };
            }
            _ => {}
        }
        let version = self.version(config);
        if version != before {
            self.forget_pending();
        }
        let at = now + within(rng, response_time);
        if version < 3 {
            self.plan_old_answers(query.group, at);
        } else {
            self.plan_answer(query, at);
        }
    }

    /// RFC 3376 §7.2.1: "Whenever a host changes its compatibility mode, it cancels all its pending response and
    /// retransmission timers."
    fn forget_pending(&mut self) {
        self.answer_at = None;
        for entry in self.groups.values_mut() {
            entry.answer_at = None;
            entry.asked_sources.clear();
            entry.change_at = None;
            entry.mode_reports = 0;
            entry.source_reports.clear();
        }
        self.groups.retain(|_, entry| !entry.filters.is_nothing());
    }

    /// RFC 2236 §3: a timer for each group asked for; one that runs is only made shorter.
    fn plan_old_answers(&mut self, asked: Ipv4Addr, at: Instant) {
        for (&group, entry) in &mut self.groups {
            let meant = asked.is_unspecified() || asked == group;
            if meant && group != ALL_SYSTEMS && !entry.filters.is_nothing() {
                entry.answer_at = Some(entry.answer_at.map_or(at, |earlier| earlier.min(at)));
            }
        }
    }

    /// RFC 3376 §5.2, the five rules.
    fn plan_answer(&mut self, query: &Query<'_>, at: Instant) {
        if self.answer_at.is_some_and(|general| general <= at) {
            return;
        }
        if query.group.is_unspecified() {
            self.answer_at = Some(at);
            return;
        }
        let Some(entry) = self.groups.get_mut(&query.group) else {
            return;
        };
        let sources = query.v3.map(|v3| v3.sources).unwrap_or_default();
        match entry.answer_at {
            None => {
                entry.asked_sources = sources.iter().collect();
                entry.answer_at = Some(at);
            }
            Some(earlier) => {
                if sources.is_empty() || entry.asked_sources.is_empty() {
                    entry.asked_sources.clear();
                } else {
                    entry.asked_sources.extend(sources.iter());
                    if entry.asked_sources.len() > MOST_ASKED {
                        // Who asks for that many is told all.
                        entry.asked_sources.clear();
                    }
                }
                entry.answer_at = Some(earlier.min(at));
            }
        }
    }

    /// Another host of an older version reports a group; whether it is one of ours.
    pub(super) fn handle_report(&mut self, config: &IgmpConfig, group: Ipv4Addr) -> bool {
        let version = self.version(config);
        let Some(entry) = self.groups.get_mut(&group) else {
            return false;
        };
        if version < 3 {
            // RFC 2236 §3: "it stops its timer for the specified group and does not send a Report for it".
            entry.answer_at = None;
            entry.last_reporter = false;
        }
        true
    }

    /// Says everything again: the interface is up.
    pub(super) fn handle_up(
        &mut self,
        now: Instant,
        config: &IgmpConfig,
        rng: &mut Rng,
        out: &mut Vec<Sent>,
    ) {
        let robustness = self.robustness(config);
        let members: Vec<_> = self.members().filter(|it| *it != ALL_SYSTEMS).collect();
        for group in members {
            if let Some(entry) = self.groups.get_mut(&group) {
                entry.mode_reports = robustness;
            }
            self.tell_change(now, config, rng, group, out);
        }
    }

    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        config: &IgmpConfig,
        rng: &mut Rng,
        out: &mut Vec<Sent>,
    ) {
        let before = self.version(config);
        for until in [&mut self.v1_until, &mut self.v2_until] {
            until.take_if(|at| *at <= now);
        }
        let version = self.version(config);
        if version != before {
            self.forget_pending();
        }
        let mut records = Vec::new();
        if self.answer_at.take_if(|at| *at <= now).is_some() {
            let answers = self
                .groups
                .iter()
                .filter(|(group, _)| **group != ALL_SYSTEMS);
            records.extend(answers.filter_map(|(&group, it)| current(group, it.filters.merged())));
        }
        let mut changed = Vec::new();
        for (&group, entry) in &mut self.groups {
            if entry.answer_at.take_if(|at| *at <= now).is_some() {
                if version == 3 {
                    records.extend(entry.answer_record(group));
                } else {
                    entry.last_reporter = true;
                    out.push(old_report(version, group));
                }
            }
            if entry.change_at.take_if(|at| *at <= now).is_some() {
                changed.push(group);
            }
        }
        out.extend(v3(&records));
        for group in changed {
            self.tell_change(now, config, rng, group, out);
            self.forget_if_idle(group);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let of_groups = self
            .groups
            .values()
            .flat_map(|entry| [entry.answer_at, entry.change_at]);
        [self.answer_at, self.v1_until, self.v2_until]
            .into_iter()
            .chain(of_groups)
            .flatten()
            .min()
    }
}

/// A report of version 1 or 2, which goes to the group itself.
fn old_report(version: u8, group: Ipv4Addr) -> Sent {
    let message = if version == 1 {
        Message::V1Report { group }
    } else {
        Message::V2Report { group }
    };
    plain(group, &message)
}

#[cfg(test)]
mod tests {
    use super::{Host, MOST_ASKED, SourceFilter};
    use crate::config::IgmpConfig;
    use crate::rng::Rng;
    use fairway_wire::Instant;
    use fairway_wire::igmp::{Addresses, Query, QueryV3};
    use std::net::Ipv4Addr;

    /// RFC 3376 §5.2: senders that are asked for are added to an answer that is due, for as long as its asker likes.
    #[test]
    fn an_answer_that_is_due_names_a_bounded_number_of_senders() {
        let (config, mut rng) = (IgmpConfig::default(), Rng::from_seed([1; 32]));
        let (now, group) = (Instant::ZERO, Ipv4Addr::new(224, 1, 1, 1));
        let mut host = Host::new();
        let joins = (None, Some(&SourceFilter::ALL));
        host.change(now, &config, &mut rng, group, joins, &mut Vec::new());
        for n in 0..100_u8 {
            let senders: Vec<[u8; 4]> = (0..100).map(|m| [10, 0, n, m]).collect();
            let query = Query {
                max_response_code: 255,
                group,
                v3: Some(QueryV3 {
                    suppress_router_processing: false,
                    robustness: 2,
                    query_interval_code: 125,
                    sources: Addresses::new(&senders),
                }),
            };
            host.handle_query(now, &config, &mut rng, &query);
            let asked = host.groups.get(&group).map(|it| it.asked_sources.len());
            assert!(asked.is_some_and(|asked| asked <= MOST_ASKED), "{asked:?}");
        }
    }
}
