//! The router's side on one interface: asking who listens, and remembering it, for multicast forwarding (RFC 3376 §6).
//!
//! Of several routers the one with the lowest address asks (§6.6.2); all listen to the answers. When somebody says that
//! he leaves, the others are asked at once, a few times, before he is believed (§6.4.2, §6.6.3).

use super::report::plain;
use super::router_group::{Questions, RouterGroup};
use super::{ALL_SYSTEMS, QUERY_INTERVAL, QUERY_RESPONSE_INTERVAL, Sent};
use crate::config::IgmpConfig;
use crate::limits::IgmpLimits;
use fairway_wire::Instant;
use fairway_wire::igmp::{
    Addresses, Message, Query, QueryV3, RecordType, decode_float, encode_float,
};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Time between queries about a group that somebody left, and that hosts have to answer them: RFC 3376 §8.8.
const LAST_MEMBER_QUERY_INTERVAL: Duration = Duration::from_secs(1);

/// A question about a group that is asked several times.
#[derive(Debug)]
struct Asking {
    group: Ipv4Addr,
    questions: Questions,
    left: u8,
    next: Instant,
    /// When whoever did not answer is forgotten.
    until: Instant,
}

/// The router's side on one interface.
#[derive(Debug)]
pub(super) struct Router {
    address: Ipv4Addr,
    /// Until when another router is taken to be the querier.
    other_until: Option<Instant>,
    /// General queries still to be sent at the beginning, at shorter intervals.
    startup_left: u8,
    next_query: Option<Instant>,
    groups: BTreeMap<Ipv4Addr, RouterGroup>,
    asking: Vec<Asking>,
    /// What the querier said last (RFC 3376 §4.1.6, §4.1.7).
    robustness: u8,
    query_interval: Duration,
}

impl Router {
    /// A router that begins to ask as `address`.
    pub(super) fn new(now: Instant, config: &IgmpConfig, address: Ipv4Addr) -> Self {
        let robustness = config.robustness.clamp(1, 7);
        Self {
            address,
            other_until: None,
            // RFC 3376 §8.7.
            startup_left: robustness,
            next_query: Some(now),
            groups: BTreeMap::new(),
            asking: Vec::new(),
            robustness,
            query_interval: QUERY_INTERVAL,
        }
    }

    /// Whether this router asks.
    pub(super) const fn is_querier(&self) -> bool {
        self.other_until.is_none()
    }

    /// Whether packets of `source` to `group` are wanted on the interface.
    pub(super) fn wants(&self, group: Ipv4Addr, source: Ipv4Addr) -> bool {
        self.groups.get(&group).is_some_and(|it| it.wants(source))
    }

    /// The groups that somebody listens to.
    pub(super) fn groups(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.groups.keys().copied()
    }

    /// How long a listener is believed: RFC 3376 §8.4.
    fn membership_interval(&self) -> Duration {
        self.query_interval * u32::from(self.robustness) + QUERY_RESPONSE_INTERVAL
    }

    /// A router on the network asks.
    pub(super) fn handle_query(
        &mut self,
        now: Instant,
        config: &IgmpConfig,
        source: Ipv4Addr,
        query: &Query<'_>,
    ) {
        if source.is_unspecified() || source == self.address {
            return;
        }
        // RFC 3376 §6.6.2: the lowest address asks.
        if source < self.address {
            if let Some(v3) = query.v3 {
                // RFC 3376 §4.1.6: the querier's values are taken over, unless they are zero.
                self.robustness = if v3.robustness > 0 {
                    v3.robustness
                } else {
                    config.robustness.clamp(1, 7)
                };
                self.query_interval = match decode_float(v3.query_interval_code) {
                    0 => QUERY_INTERVAL,
                    seconds => Duration::from_secs(seconds.into()),
                };
            }
            // RFC 3376 §8.5.
            let time =
                self.query_interval * u32::from(self.robustness) + QUERY_RESPONSE_INTERVAL / 2;
            self.other_until = Some(now + time);
            self.next_query = None;
            self.startup_left = 0;
            self.asking.clear();
        }
        // RFC 3376 §6.6.1: whoever is asked about ends sooner for every router, unless the querier says not to.
        let suppress = query.v3.is_some_and(|v3| v3.suppress_router_processing);
        if !self.is_querier()
            && !suppress
            && !query.group.is_unspecified()
            && let Some(group) = self.groups.get_mut(&query.group)
        {
            let sources: std::collections::BTreeSet<_> = query
                .v3
                .map(|v3| v3.sources)
                .unwrap_or_default()
                .iter()
                .collect();
            let questions = Questions {
                group: sources.is_empty(),
                sources,
            };
            let until = now + LAST_MEMBER_QUERY_INTERVAL * u32::from(self.robustness);
            group.lower(&questions, until);
        }
    }

    /// A host listens, in version 1 or 2.
    pub(super) fn handle_old_report(
        &mut self,
        now: Instant,
        limits: &IgmpLimits,
        version: u8,
        group: Ipv4Addr,
    ) -> bool {
        let interval = self.membership_interval();
        match self.entry(limits, group) {
            Some(entry) => {
                entry.handle_old_report(now, version, interval);
                true
            }
            None => false,
        }
    }

    /// A host of version 2 leaves.
    pub(super) fn handle_leave(
        &mut self,
        now: Instant,
        config: &IgmpConfig,
        limits: &IgmpLimits,
        group: Ipv4Addr,
        out: &mut Vec<Sent>,
    ) {
        let nobody = std::iter::empty();
        let kind = RecordType::CHANGE_TO_INCLUDE;
        self.handle_record(now, config, limits, kind, group, nobody, out);
    }

    /// A host of version 3 says what it listens to; `false` if there is no room for the group.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one record, and the circumstances"
    )]
    pub(super) fn handle_record(
        &mut self,
        now: Instant,
        config: &IgmpConfig,
        limits: &IgmpLimits,
        kind: RecordType,
        group: Ipv4Addr,
        sources: impl Iterator<Item = Ipv4Addr>,
        out: &mut Vec<Sent>,
    ) -> bool {
        let interval = self.membership_interval();
        let Some(entry) = self.entry(limits, group) else {
            return false;
        };
        let questions = entry.handle_record(now, kind, sources, interval, limits);
        if entry.is_empty() {
            self.groups.remove(&group);
        }
        if self.is_querier() && (questions.group || !questions.sources.is_empty()) {
            // RFC 3376 §6.6.3: ask at once, and a few times more.
            let count = self.robustness;
            let until = now + LAST_MEMBER_QUERY_INTERVAL * u32::from(count);
            if let Some(entry) = self.groups.get_mut(&group) {
                entry.lower(&questions, until);
            }
            self.asking
                .retain(|it| it.group != group || !questions.group);
            if self.asking.len() < limits.heard_groups {
                self.asking.push(Asking {
                    group,
                    questions,
                    left: count,
                    next: now,
                    until,
                });
            }
            self.ask(now, config, out);
        }
        true
    }

    fn entry(&mut self, limits: &IgmpLimits, group: Ipv4Addr) -> Option<&mut RouterGroup> {
        if !group.is_multicast() || group == ALL_SYSTEMS {
            return None;
        }
        if self.groups.len() >= limits.heard_groups && !self.groups.contains_key(&group) {
            return None;
        }
        Some(self.groups.entry(group).or_default())
    }

    /// Asks what is due, ends what is due; whether what is wanted may have changed.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        config: &IgmpConfig,
        out: &mut Vec<Sent>,
    ) -> bool {
        if self.other_until.take_if(|at| *at <= now).is_some() {
            // The querier is gone (RFC 3376 §6.6.2).
            self.robustness = config.robustness.clamp(1, 7);
            self.query_interval = QUERY_INTERVAL;
            self.next_query = Some(now);
        }
        if self.next_query.is_some_and(|at| at <= now) {
            out.push(query(
                config,
                self.robustness,
                self.query_interval,
                ALL_SYSTEMS,
                &Ask::ALL,
            ));
            // RFC 3376 §8.6: the first ones at a quarter of the interval.
            self.startup_left = self.startup_left.saturating_sub(1);
            let wait = if self.startup_left > 0 {
                self.query_interval / 4
            } else {
                self.query_interval
            };
            self.next_query = Some(now + wait);
        }
        let mut changed = false;
        for group in self.groups.values_mut() {
            changed |= group.handle_timeout(now);
        }
        self.groups.retain(|_, group| !group.is_empty());
        self.ask(now, config, out);
        changed
    }

    /// Sends the queries about groups and senders that are due.
    fn ask(&mut self, now: Instant, config: &IgmpConfig, out: &mut Vec<Sent>) {
        for asking in &mut self.asking {
            if asking.next > now {
                continue;
            }
            // Who has answered since is not asked for again.
            let Some(group) = self.groups.get(&asking.group) else {
                asking.left = 0;
                continue;
            };
            asking.questions = group.still_asked(&asking.questions, asking.until);
            asking.left -= 1;
            asking.next = now + LAST_MEMBER_QUERY_INTERVAL;
            let (robustness, interval) = (self.robustness, self.query_interval);
            if asking.questions.group {
                let ask = Ask::group(asking.group);
                out.push(query(config, robustness, interval, asking.group, &ask));
            }
            let sources: Vec<_> = asking
                .questions
                .sources
                .iter()
                .map(Ipv4Addr::octets)
                .collect();
            for sources in sources.chunks(MAX_QUERY_SOURCES) {
                let ask = Ask {
                    sources,
                    ..Ask::group(asking.group)
                };
                out.push(query(config, robustness, interval, asking.group, &ask));
            }
            if !asking.questions.group && asking.questions.sources.is_empty() {
                asking.left = 0;
            }
        }
        self.asking.retain(|asking| asking.left > 0);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let groups = self.groups.values().filter_map(RouterGroup::poll_timeout);
        let asking = self.asking.iter().map(|asking| asking.next);
        groups
            .chain(asking)
            .chain(self.next_query)
            .chain(self.other_until)
            .min()
    }
}

/// The most senders of one query, so that it goes whole over any link.
const MAX_QUERY_SOURCES: usize = 128;

/// What a query asks.
struct Ask<'a> {
    group: Ipv4Addr,
    sources: &'a [[u8; 4]],
    response_time: Duration,
}

impl Ask<'_> {
    const ALL: Self = Self {
        group: Ipv4Addr::UNSPECIFIED,
        sources: &[],
        response_time: QUERY_RESPONSE_INTERVAL,
    };

    const fn group(group: Ipv4Addr) -> Self {
        Self {
            group,
            sources: &[],
            response_time: LAST_MEMBER_QUERY_INTERVAL,
        }
    }
}

fn query(
    config: &IgmpConfig,
    robustness: u8,
    interval: Duration,
    destination: Ipv4Addr,
    ask: &Ask<'_>,
) -> Sent {
    let tenths = u16::try_from(ask.response_time.as_millis() / 100).unwrap_or(u16::MAX);
    let seconds = u16::try_from(interval.as_secs()).unwrap_or(u16::MAX);
    let v3 = (config.version >= 3).then(|| QueryV3 {
        suppress_router_processing: false,
        robustness,
        query_interval_code: encode_float(seconds),
        sources: Addresses::new(ask.sources),
    });
    let max_response_code = match config.version {
        0 | 1 => 0,
        _ => encode_float(tenths),
    };
    let query = Query {
        max_response_code,
        group: ask.group,
        v3,
    };
    plain(destination, &Message::Query(query))
}
