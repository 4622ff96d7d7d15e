use super::Igmp;
use crate::config::IgmpConfig;
use crate::errno::Errno;
use crate::event::{EventId, Events};
use crate::iface::InterfaceId;
use crate::igmp::SourceFilter;
use crate::limits::IgmpLimits;
use crate::rng::Rng;
use fairway_wire::Instant;
use fairway_wire::igmp::{Addresses, Message, Query, QueryV3, RecordType, ReportWriter};
use std::net::Ipv4Addr;
use std::time::Duration;

const LAN: InterfaceId = InterfaceId(2);
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(239, 2, 2, 2);
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const NOW: Instant = Instant::ZERO;

struct Bed {
    igmp: Igmp,
    events: Events,
    now: Instant,
}

/// In short: `to 224.0.0.22: to_ex 239.1.1.1 [10.0.0.1]`.
fn describe(destination: Ipv4Addr, octets: &[u8]) -> String {
    let text = match Message::parse(octets).unwrap() {
        Message::V3Report(report) => report
            .records()
            .map(|it| format!("{} {} {:?}", it.record_type, it.group, it.sources))
            .collect::<Vec<_>>()
            .join(", "),
        Message::Query(query) => {
            let sources = query.v3.map(|v3| v3.sources).unwrap_or_default();
            format!("query {} {sources:?}", query.group)
        }
        Message::V1Report { group } => format!("v1 {group}"),
        Message::V2Report { group } => format!("v2 {group}"),
        Message::Leave { group } => format!("leave {group}"),
        other @ Message::Other { .. } => format!("{other:?}"),
    };
    format!("to {destination}: {text}")
}

impl Bed {
    fn with(config: IgmpConfig, limits: IgmpLimits) -> Self {
        let mut igmp = Igmp::new(config, limits, Rng::from_seed([4; 32]));
        igmp.add_interface(LAN);
        Self {
            igmp,
            events: Events::new(),
            now: NOW,
        }
    }

    fn sent(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(output) = self.igmp.poll_output() {
            all.push(describe(output.destination, output.packet.as_slice()));
        }
        all
    }

    /// What is sent until nothing is due before `at`.
    fn run_until(&mut self, at: Instant) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(next) = self.igmp.poll_timeout().filter(|next| *next <= at) {
            self.igmp.handle_timeout(next);
            all.extend(self.sent());
        }
        self.now = at;
        all
    }

    fn run(&mut self, seconds: u64) -> Vec<String> {
        self.run_until(self.now + Duration::from_secs(seconds))
    }

    fn change(
        &mut self,
        group: Ipv4Addr,
        before: Option<&SourceFilter>,
        after: Option<&SourceFilter>,
    ) -> Vec<String> {
        self.igmp
            .change(self.now, LAN, group, before, after)
            .unwrap();
        self.sent()
    }

    fn join(&mut self, group: Ipv4Addr) -> Vec<String> {
        self.change(group, None, Some(&SourceFilter::ALL))
    }

    fn leave(&mut self, group: Ipv4Addr) -> Vec<String> {
        self.change(group, Some(&SourceFilter::ALL), None)
    }

    fn hear_from(&mut self, source: Ipv4Addr, message: &Message<'_>) -> Vec<String> {
        let mut octets = vec![0; message.wire_len()];
        message.emit(&mut octets);
        self.hear_octets(source, &octets)
    }

    fn hear(&mut self, message: &Message<'_>) -> Vec<String> {
        self.hear_from(ROUTER, message)
    }

    fn hear_octets(&mut self, source: Ipv4Addr, octets: &[u8]) -> Vec<String> {
        self.igmp
            .handle_message(self.now, LAN, source, octets, false, &mut self.events);
        self.sent()
    }

    fn record(&mut self, kind: RecordType, group: Ipv4Addr, sources: &[Ipv4Addr]) -> Vec<String> {
        let mut room = [0; 200];
        let mut writer = ReportWriter::new(&mut room);
        assert!(writer.push(kind, group, sources.iter().copied()));
        let length = writer.finish();
        self.hear_octets(Ipv4Addr::new(10, 0, 0, 77), &room[..length])
    }
}

fn bed() -> Bed {
    Bed::with(IgmpConfig::default(), IgmpLimits::default())
}

fn include(last: &[u8]) -> SourceFilter {
    SourceFilter {
        include: true,
        sources: last.iter().map(|&last| source(last)).collect(),
    }
}

fn source(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

fn query_v3(group: Ipv4Addr, sources: &[[u8; 4]]) -> Message<'_> {
    Message::Query(Query {
        max_response_code: 100,
        group,
        v3: Some(QueryV3 {
            suppress_router_processing: false,
            robustness: 2,
            query_interval_code: 125,
            sources: Addresses::new(sources),
        }),
    })
}

fn query_old(code: u8, group: Ipv4Addr) -> Message<'static> {
    Message::Query(Query {
        max_response_code: code,
        group,
        v3: None,
    })
}

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

mod changes {
    use super::*;

    /// RFC 3376 §5.1: told at once, and once more within a second.
    #[test]
    fn joining_and_leaving_are_told_twice() {
        let mut bed = bed();
        let joined = "to 224.0.0.22: to_ex 239.1.1.1 []";
        assert_eq!(bed.join(GROUP), [joined]);
        assert!(bed.igmp.is_member(LAN, GROUP) && !bed.igmp.is_member(LAN, OTHER));
        assert_eq!(bed.run(1), [joined]);
        assert_eq!(bed.igmp.poll_timeout(), None);
        let left = "to 224.0.0.22: to_in 239.1.1.1 []";
        assert_eq!(bed.leave(GROUP), [left]);
        assert!(!bed.igmp.is_member(LAN, GROUP));
        assert_eq!(bed.run(1), [left]);
        assert_eq!(bed.igmp.poll_timeout(), None);
        assert_eq!(bed.igmp.counters.reports_sent, 4);
    }

    #[test]
    fn a_second_socket_changes_nothing() {
        let mut bed = bed();
        bed.join(GROUP);
        assert!(bed.join(GROUP).is_empty());
        assert!(bed.leave(GROUP).is_empty());
        assert!(bed.igmp.is_member(LAN, GROUP));
        assert_eq!(bed.leave(GROUP).len(), 1);
    }

    /// RFC 3376 §5.1, the table.
    #[test]
    fn changes_of_the_filter_are_told_as_differences() {
        let mut bed = bed();
        assert_eq!(
            bed.change(GROUP, None, Some(&include(&[1, 2]))),
            ["to 224.0.0.22: allow 239.1.1.1 [192.0.2.1, 192.0.2.2]"]
        );
        assert!(bed.igmp.accepts(LAN, GROUP, source(1)));
        assert!(!bed.igmp.accepts(LAN, GROUP, source(3)));
        bed.run(1);
        assert_eq!(
            bed.change(GROUP, Some(&include(&[1, 2])), Some(&include(&[2, 3]))),
            ["to 224.0.0.22: allow 239.1.1.1 [192.0.2.3], block 239.1.1.1 [192.0.2.1]"]
        );
        bed.run(1);
        let exclude = SourceFilter {
            include: false,
            ..include(&[3])
        };
        assert_eq!(
            bed.change(GROUP, Some(&include(&[2, 3])), Some(&exclude)),
            ["to 224.0.0.22: to_ex 239.1.1.1 [192.0.2.3]"]
        );
        bed.run(1);
        assert_eq!(
            bed.change(GROUP, Some(&exclude), Some(&SourceFilter::ALL)),
            ["to 224.0.0.22: allow 239.1.1.1 [192.0.2.3]"]
        );
    }

    /// RFC 3376 §5.1: a change while an earlier one is still being told is merged with it.
    #[test]
    fn a_change_on_top_of_another_tells_both() {
        let mut bed = bed();
        bed.change(GROUP, None, Some(&include(&[1])));
        assert_eq!(
            bed.change(GROUP, Some(&include(&[1])), Some(&include(&[2]))),
            ["to 224.0.0.22: allow 239.1.1.1 [192.0.2.2], block 239.1.1.1 [192.0.2.1]"]
        );
    }

    /// RFC 3376 §5: nothing is ever said of 224.0.0.1.
    #[test]
    fn all_hosts_is_a_group_that_nobody_reports() {
        let mut bed = bed();
        assert!(bed.igmp.is_member(LAN, Ipv4Addr::new(224, 0, 0, 1)));
        assert!(bed.join(Ipv4Addr::new(224, 0, 0, 1)).is_empty());
        bed.hear(&query_v3(ANY, &[]));
        assert!(bed.run(20).is_empty());
    }

    /// MUL-3.
    #[test]
    fn there_is_a_limit_of_groups_and_of_senders() {
        let limits = IgmpLimits {
            groups: 1,
            sources: 2,
            ..IgmpLimits::default()
        };
        let mut bed = Bed::with(IgmpConfig::default(), limits);
        bed.join(GROUP);
        let all = Some(&SourceFilter::ALL);
        assert_eq!(
            bed.igmp.change(NOW, LAN, OTHER, None, all),
            Err(Errno::NoBufs)
        );
        let many = include(&[1, 2, 3]);
        assert_eq!(
            bed.igmp.change(NOW, LAN, GROUP, None, Some(&many)),
            Err(Errno::NoBufs)
        );
        let nowhere = InterfaceId(9);
        assert_eq!(
            bed.igmp.change(NOW, nowhere, GROUP, None, all),
            Err(Errno::NoDev)
        );
        assert_eq!(bed.igmp.change(NOW, nowhere, GROUP, all, None), Ok(()));
        assert_eq!(bed.igmp.memberships(LAN), [GROUP]);
    }

    #[test]
    fn an_interface_that_comes_up_tells_everything_again() {
        let mut bed = bed();
        bed.join(GROUP);
        bed.run(2);
        bed.igmp.handle_up(bed.now, LAN);
        assert_eq!(bed.sent(), ["to 224.0.0.22: to_ex 239.1.1.1 []"]);
    }
}

mod queries {
    use super::*;

    fn joined() -> Bed {
        let mut bed = bed();
        bed.join(GROUP);
        bed.change(OTHER, None, Some(&include(&[1, 2])));
        bed.run(2);
        bed
    }

    /// RFC 3376 §5.2: one report of everything, within the time asked for.
    #[test]
    fn a_general_query_is_answered_with_all_groups() {
        let mut bed = joined();
        bed.hear(&query_v3(ANY, &[]));
        let at = bed.igmp.poll_timeout().unwrap();
        assert!(at > bed.now && at <= bed.now + Duration::from_secs(10));
        assert_eq!(
            bed.run(10),
            ["to 224.0.0.22: is_ex 239.1.1.1 [], is_in 239.2.2.2 [192.0.2.1, 192.0.2.2]"]
        );
    }

    #[test]
    fn a_query_about_a_group_is_answered_with_it() {
        let mut bed = joined();
        bed.hear(&query_v3(GROUP, &[]));
        assert_eq!(bed.run(10), ["to 224.0.0.22: is_ex 239.1.1.1 []"]);
        bed.hear(&query_v3(Ipv4Addr::new(239, 9, 9, 9), &[]));
        assert!(bed.run(10).is_empty());
    }

    /// RFC 3376 §5.2: of the senders asked for, those that are wanted.
    #[test]
    fn a_query_about_senders_is_answered_with_those_wanted() {
        let mut bed = joined();
        bed.hear(&query_v3(OTHER, &[[192, 0, 2, 2], [192, 0, 2, 3]]));
        bed.hear(&query_v3(OTHER, &[[192, 0, 2, 1]]));
        assert_eq!(
            bed.run(10),
            ["to 224.0.0.22: is_in 239.2.2.2 [192.0.2.1, 192.0.2.2]"]
        );
        bed.hear(&query_v3(OTHER, &[[192, 0, 2, 9]]));
        assert!(bed.run(10).is_empty());
        bed.hear(&query_v3(GROUP, &[[192, 0, 2, 9]]));
        assert_eq!(bed.run(10), ["to 224.0.0.22: is_in 239.1.1.1 [192.0.2.9]"]);
    }
}

mod old_routers {
    use super::*;

    /// RFC 2236 §3, RFC 3376 §7.2.1.
    #[test]
    fn version_2_is_answered_in_version_2() {
        let mut bed = bed();
        bed.join(GROUP);
        bed.hear(&query_old(100, ANY));
        assert_eq!(bed.igmp.version(LAN), Some(2));
        assert_eq!(bed.run(10), ["to 239.1.1.1: v2 239.1.1.1"]);
        assert_eq!(bed.join(OTHER), ["to 239.2.2.2: v2 239.2.2.2"]);
        assert_eq!(bed.run(10), ["to 239.2.2.2: v2 239.2.2.2"]);
        assert_eq!(bed.leave(OTHER), ["to 224.0.0.2: leave 239.2.2.2"]);
        // Robustness × query interval + response time after the last such query (RFC 3376 §8.12).
        bed.run(250);
        assert_eq!(bed.igmp.version(LAN), Some(3));
    }

    /// RFC 2236 §3: another's report makes ours unnecessary, and our leave too.
    #[test]
    fn a_report_of_another_host_takes_the_place_of_ours() {
        let mut bed = bed();
        bed.join(GROUP);
        bed.hear(&query_old(100, ANY));
        bed.hear(&Message::V2Report { group: GROUP });
        assert!(bed.run(10).is_empty());
        assert!(bed.leave(GROUP).is_empty());
        assert_eq!(bed.igmp.counters.reports_for_own_groups, 1);
    }

    /// RFC 1112 appendix I.
    #[test]
    fn version_1_has_no_leave() {
        let mut bed = bed();
        bed.hear(&query_old(0, ANY));
        assert_eq!(bed.igmp.version(LAN), Some(1));
        assert_eq!(bed.join(GROUP), ["to 239.1.1.1: v1 239.1.1.1"]);
        assert!(bed.leave(GROUP).is_empty());
    }

    #[test]
    fn the_version_can_be_held_down() {
        let config = IgmpConfig {
            version: 2,
            ..IgmpConfig::default()
        };
        let mut bed = Bed::with(config, IgmpLimits::default());
        assert_eq!(bed.join(GROUP), ["to 239.1.1.1: v2 239.1.1.1"]);
    }
}

mod bad_messages {
    use super::*;

    /// EVT-20: igmp_input-shortmsg, igmp_input-badsum.
    #[test]
    fn they_are_dropped_counted_and_told() {
        let mut bed = bed();
        bed.hear_octets(ROUTER, &[0x11, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bed.events.count_of(EventId::IgmpInputShortmsg), 1);
        // A report that announces a record and has none.
        bed.hear_octets(ROUTER, &[0x22, 0, 0xdd, 0xfc, 0, 0, 0, 1]);
        assert_eq!(bed.events.count_of(EventId::IgmpInputShortmsg), 2);
        bed.hear_octets(ROUTER, &[0x11, 0, 1, 2, 0, 0, 0, 0]);
        assert_eq!(bed.events.count_of(EventId::IgmpInputBadsum), 1);
        bed.hear_octets(ROUTER, &[0x11, 0, 0, 0, 0, 0, 0, 0, 0]);
        bed.hear(&query_old(10, ROUTER));
        bed.hear(&Message::V2Report { group: ROUTER });
        assert_eq!(bed.events.count_of(EventId::IgmpInputBadmsg), 3);
        let counters = bed.igmp.counters;
        assert_eq!((counters.received, counters.too_short), (6, 2));
        assert_eq!((counters.bad_checksum, counters.bad_queries), (1, 2));
        assert_eq!(counters.bad_reports, 1);
        assert_eq!(bed.igmp.poll_timeout(), None);
    }
}

mod router {
    use super::*;

    const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);

    fn querier() -> Bed {
        let mut bed = bed();
        bed.igmp.enable_router(NOW, LAN, US);
        bed
    }

    /// RFC 3376 §8.6, §8.7: a few queries at a quarter of the interval, then one per interval.
    #[test]
    fn the_querier_asks_all_now_and_then() {
        let mut bed = querier();
        let query = "to 224.0.0.1: query 0.0.0.0 []";
        assert_eq!(bed.sent(), [query]);
        assert!(bed.run(31).is_empty());
        assert_eq!(bed.run(1), [query]);
        assert!(bed.run(124).is_empty());
        assert_eq!(bed.run(1), [query]);
        assert_eq!(bed.igmp.is_querier(LAN), Some(true));
    }

    /// RFC 3376 §6.6.2.
    #[test]
    fn the_router_with_the_lowest_address_asks() {
        let mut bed = querier();
        bed.sent();
        bed.hear_from(Ipv4Addr::new(10, 0, 0, 200), &query_v3(ANY, &[]));
        assert_eq!(bed.igmp.is_querier(LAN), Some(true));
        bed.hear_from(Ipv4Addr::new(10, 0, 0, 1), &query_v3(ANY, &[]));
        assert_eq!(bed.igmp.is_querier(LAN), Some(false));
        // 2 × 125 s + 5 s (§8.5).
        assert!(bed.run(254).is_empty());
        assert_eq!(bed.run(1).len(), 1);
        assert_eq!(bed.igmp.is_querier(LAN), Some(true));
    }

    #[test]
    fn listeners_are_remembered_until_they_do_not_answer() {
        let mut bed = querier();
        let before = bed.igmp.router_generation();
        bed.record(RecordType::CHANGE_TO_EXCLUDE, GROUP, &[]);
        assert_ne!(bed.igmp.router_generation(), before);
        assert!(bed.igmp.is_wanted(LAN, GROUP, source(1)));
        bed.hear(&Message::V2Report { group: OTHER });
        assert_eq!(bed.igmp.heard_groups(LAN), [GROUP, OTHER]);
        // 2 × 125 s + 10 s (§8.4).
        bed.run(259);
        assert!(bed.igmp.is_wanted(LAN, GROUP, source(1)));
        let before = bed.igmp.router_generation();
        bed.run(1);
        assert!(bed.igmp.heard_groups(LAN).is_empty());
        assert_ne!(bed.igmp.router_generation(), before);
    }

    /// RFC 3376 §6.4.2, §8.8, §8.9: two queries a second apart, then it is forgotten.
    #[test]
    fn a_leave_makes_the_querier_ask_the_others() {
        let mut bed = querier();
        bed.sent();
        bed.hear(&Message::V2Report { group: GROUP });
        let query = "to 239.1.1.1: query 239.1.1.1 []";
        assert_eq!(bed.hear(&Message::Leave { group: GROUP }), [query]);
        assert_eq!(bed.run(1), [query]);
        assert!(bed.igmp.is_wanted(LAN, GROUP, source(1)));
        bed.run(1);
        assert!(!bed.igmp.is_wanted(LAN, GROUP, source(1)));
    }

    #[test]
    fn a_listener_that_answers_keeps_the_group() {
        let mut bed = querier();
        bed.hear(&Message::V2Report { group: GROUP });
        bed.hear(&Message::Leave { group: GROUP });
        bed.hear(&Message::V2Report { group: GROUP });
        assert!(bed.run(1).is_empty());
        bed.run(10);
        assert!(bed.igmp.is_wanted(LAN, GROUP, source(1)));
    }

    #[test]
    fn senders_that_are_blocked_are_asked_for() {
        let mut bed = querier();
        bed.sent();
        bed.record(
            RecordType::ALLOW_NEW_SOURCES,
            GROUP,
            &[source(1), source(2)],
        );
        assert_eq!(
            bed.record(RecordType::BLOCK_OLD_SOURCES, GROUP, &[source(1)]),
            ["to 239.1.1.1: query 239.1.1.1 [192.0.2.1]"]
        );
        bed.run(2);
        assert!(!bed.igmp.is_wanted(LAN, GROUP, source(1)));
        assert!(bed.igmp.is_wanted(LAN, GROUP, source(2)));
    }

    #[test]
    fn its_own_host_is_a_listener_too() {
        let mut bed = querier();
        bed.join(GROUP);
        assert!(bed.igmp.is_wanted(LAN, GROUP, source(1)));
        bed.run(600);
        assert!(bed.igmp.is_wanted(LAN, GROUP, source(1)));
        bed.leave(GROUP);
        bed.run(5);
        assert!(!bed.igmp.is_wanted(LAN, GROUP, source(1)));
    }

    #[test]
    fn a_flood_of_groups_stays_within_the_limit() {
        let limits = IgmpLimits {
            heard_groups: 10,
            ..IgmpLimits::default()
        };
        let mut bed = Bed::with(IgmpConfig::default(), limits);
        bed.igmp.enable_router(NOW, LAN, US);
        for number in 0..1000 {
            let group = Ipv4Addr::from_bits(0xef00_0000 + number);
            bed.record(RecordType::CHANGE_TO_EXCLUDE, group, &[]);
        }
        assert_eq!(bed.igmp.heard_groups(LAN).len(), 10);
        assert_eq!(bed.igmp.counters.groups_without_room, 990);
    }
}

mod agreement {
    use super::*;
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};

    /// Hosts and a router on one network that loses nothing.
    struct Network {
        /// The router first.
        all: Vec<Igmp>,
        events: Events,
        now: Instant,
    }

    impl Network {
        fn new(hosts: u8, version: u8) -> Self {
            let all = (0..=hosts).map(|number| {
                // Of different versions; the router's is the newest.
                let version = if number == 1 { version } else { 3 };
                let config = IgmpConfig {
                    version,
                    ..IgmpConfig::default()
                };
                let limits = IgmpLimits::default();
                let mut igmp = Igmp::new(config, limits, Rng::from_seed([number; 32]));
                igmp.add_interface(LAN);
                igmp
            });
            let mut network = Self {
                all: all.collect(),
                events: Events::new(),
                now: NOW,
            };
            network.all[0].enable_router(NOW, LAN, Ipv4Addr::new(10, 0, 0, 1));
            network.settle();
            network
        }

        fn settle(&mut self) {
            let mut busy = true;
            while busy {
                busy = false;
                for from in 0..self.all.len() {
                    while let Some(output) = self.all[from].poll_output() {
                        busy = true;
                        let last = u8::try_from(from + 1).unwrap();
                        let source = Ipv4Addr::new(10, 0, 0, last);
                        for (to, igmp) in self.all.iter_mut().enumerate() {
                            if to != from {
                                let octets = output.packet.as_slice();
                                igmp.handle_message(
                                    self.now,
                                    LAN,
                                    source,
                                    octets,
                                    false,
                                    &mut self.events,
                                );
                            }
                        }
                    }
                }
            }
        }

        fn pass(&mut self, seconds: u64) {
            let end = self.now + Duration::from_secs(seconds);
            while let Some(at) = self.all.iter().filter_map(Igmp::poll_timeout).min()
                && at <= end
            {
                self.now = at;
                for igmp in &mut self.all {
                    igmp.handle_timeout(at);
                }
                self.settle();
            }
            self.now = end;
        }
    }

    fn some_filter() -> impl Strategy<Value = Option<SourceFilter>> {
        let listed = (
            any::<bool>(),
            proptest::collection::btree_set(1_u8..4, 0..4),
        );
        let listed = listed.prop_map(|(include, sources)| {
            Some(SourceFilter {
                include,
                sources: sources.into_iter().map(source).collect(),
            })
        });
        prop_oneof![
            1 => proptest::strategy::Just(None),
            1 => proptest::strategy::Just(Some(SourceFilter::ALL)),
            3 => listed,
        ]
    }

    proptest! {
        /// RFC 3376 §5 against §6: whatever hosts come to listen to, the router comes to know, exactly if all are of
        /// version 3, and nobody who listens is cut off at any time if some are not.
        #[test]
        fn the_router_knows_what_the_hosts_listen_to(
            steps in proptest::collection::vec((1_usize..4, some_filter(), 0_u64..40), 1..30),
            version in 2_u8..=3,
        ) {
            let mut network = Network::new(3, version);
            let mut filters: Vec<Option<SourceFilter>> = vec![None; 4];
            for (host, filter, wait) in steps {
                let before = filters[host].clone();
                let now = network.now;
                network.all[host]
                    .change(now, LAN, GROUP, before.as_ref(), filter.as_ref())
                    .unwrap();
                filters[host] = filter;
                network.settle();
                network.pass(wait);
                for last in 1..=4 {
                    let wanted = (1..4).any(|host| network.all[host].accepts(LAN, GROUP, source(last)));
                    let known = network.all[0].is_wanted(LAN, GROUP, source(last));
                    assert!(known || !wanted, "{:?} at {}", source(last), network.now);
                }
            }
            // Long enough for every timer of the router to end, and for hosts to answer its queries.
            network.pass(700);
            for last in 1..=4 {
                let wanted = (1..4).any(|host| network.all[host].accepts(LAN, GROUP, source(last)));
                let known = network.all[0].is_wanted(LAN, GROUP, source(last));
                assert!(known == wanted || (known && version < 3), "{:?}", source(last));
            }
        }
    }
}
