use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fairway_wire::Instant;

use super::{
    Class, Direction, EventId, Events, Fields, Level, Message, MessageId, MessageKind, PortRange,
    Record, Side, StateCause, Supports,
};
use crate::event;
use crate::event::LinkState;
use crate::route::Prefix;

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);

/// Raises `id` with every field that a filter looks at.
fn raise(events: &mut Events, id: EventId) {
    event!(
        events,
        Instant::ZERO,
        id,
        source = A,
        destination = B,
        sport = 1000_u16,
        dport = 80_u16
    );
}

/// Whether `id` is reported.
fn is_reported(events: &mut Events, id: EventId) -> bool {
    events.ring_mut().take();
    raise(events, id);
    events
        .ring_mut()
        .take()
        .iter()
        .any(|record| record.id == id)
}

fn running() -> Events {
    let mut events = Events::new();
    events.start(64, false);
    events
}

mod dictionary {
    use super::*;

    /// The 55 names of `events.md` §5, in its order.
    const NAMES: [&str; 55] = [
        "ifpromisc-ifdown",
        "ether_output-ifdown",
        "ether_output-nomem",
        "ether_output-noroute",
        "ether_output-rtreject",
        "arpioctl-noentry",
        "ipintr-shortmsg",
        "ipintr-badvers",
        "ipintr-badhlen",
        "ipintr-badsum",
        "ipintr-badlen",
        "ipintr-badmblk",
        "ip_dooptions-badopt",
        "ip_forward-badaddr",
        "ip_output-badaddr",
        "ip_output-badaddrtype",
        "ip_output-badsize",
        "ip_output-shortmsg",
        "icmp_error-start",
        "icmp_input-shortmsg",
        "icmp_input-badsum",
        "icmp_input-badlen",
        "igmp_input-shortmsg",
        "igmp_input-badsum",
        "rtalloc1-miss",
        "rtredirect-error",
        "rtrequest-error",
        "route_output-error",
        "tcp_input-badsum",
        "tcp_input-badhlen",
        "tcp_ctloutput-nopcb",
        "tcp_attach-nopcbmem",
        "sosend-error",
        "soreceive-error",
        "ifioctl-badifname",
        "ifioctl-noproto",
        "arpioctl-badreq",
        "ether_output-afnotsupp",
        "in_control-noifdata",
        "in_control-badflags",
        "in_pcbbind-noaddr",
        "in_pcbbind-badsock",
        "in_pcbbind-badaddrlen",
        "in_pcbbind-badaddr",
        "in_pcbbind-badport",
        "in_pcbladdr-badaddr",
        "in_pcbladdr-badif",
        "in_pcbconnect-badaddr",
        "ip_mrouter_cmd-notinit",
        "ip_mrouter_cmd-badcmd",
        "add_vif-badindex",
        "add_vif-badentry",
        "add_vif-badaddr",
        "add_vif-badif",
        "del_vif-badindex",
    ];

    #[test]
    fn holds_the_names_of_the_seed() {
        let at_level = |level| {
            EventId::ALL
                .iter()
                .filter(move |id| id.level() == level)
                .map(|id| id.name())
        };
        let critical: Vec<&str> = at_level(Level::Critical).take(34).collect();
        let error: Vec<&str> = at_level(Level::Error).take(21).collect();
        assert_eq!([critical, error].concat(), NAMES);
        // The one name at two levels.
        assert_eq!(
            EventId::IcmpErrorStartQuench.name(),
            EventId::IcmpErrorStart.name()
        );
        assert_eq!(EventId::IcmpErrorStartQuench.level(), Level::Emergency);
    }

    #[test]
    fn classes_are_even() {
        // "28 core, 28 auxiliary".
        let core = |name: &&str| name.parse::<EventId>().unwrap().class() == Class::Core;
        assert_eq!(NAMES.iter().filter(|name| core(name)).count() + 1, 28);
        let filterless = |name: &&&str| {
            name.parse::<EventId>().unwrap().declaration().supports == Supports::Nothing
        };
        // "43 entries without any filter", that of level 1 among them.
        assert_eq!(NAMES.iter().filter(filterless).count() + 1, 43);
    }

    /// EVT-7, EVT-8
    #[test]
    fn numbers_are_unique_and_say_level_and_offset() {
        let numbers: BTreeSet<u16> = EventId::ALL.iter().map(|id| id.number()).collect();
        assert_eq!(numbers.len(), EventId::COUNT);
        assert_eq!("add_mrt-nomem".parse::<EventId>().unwrap().number(), 20_118);
        assert!(EventId::ALL.is_sorted_by_key(|id| id.level()));
    }

    #[test]
    fn names_are_found_and_explained() {
        for &id in EventId::ALL {
            assert_eq!(id.name().parse::<EventId>().unwrap().name(), id.name());
            let text = id.explain();
            assert!(
                text.contains("cause: ") && text.contains("recovery: "),
                "{text}"
            );
            assert!(id.declaration().target.starts_with("net::"));
        }
        "no-such".parse::<EventId>().unwrap_err();
    }
}

mod documentation {
    use super::*;
    use std::fmt::Write as _;

    fn markdown() -> String {
        let mut table = String::from(
            "| No. | Event | Class | Level | Filters | Target | What happened | What the stack does |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for &id in EventId::ALL {
            let declared = id.declaration();
            let effect = match declared.effect {
                "none" => "-",
                effect => effect,
            };
            writeln!(
                table,
                "| {} | `{id}` | {} | {} {} | {} | `{}` | {} | {effect} |",
                id.number(),
                declared.class,
                declared.level.number(),
                declared.level,
                declared.supports,
                declared.target,
                declared.cause,
            )
            .unwrap();
        }
        table
    }

    /// The table in the documentation is the declaration; `BLESS=1` writes it anew.
    #[test]
    fn shows_the_declaration() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/doc/events.md");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap();
        assert_eq!(written, markdown(), "BLESS=1 writes it anew");
    }
}

mod selection {
    use super::*;

    /// EVT-21: class × level × override, by the formula of §3.
    #[test]
    fn follows_class_level_and_overrides() {
        for classes in 0..4_u8 {
            for threshold in Level::ALL {
                let mut events = running();
                events.set_class(Class::Core, classes & 1 != 0);
                events.set_class(Class::Aux, classes & 2 != 0);
                events.set_threshold(threshold);
                for &id in EventId::ALL {
                    let class = match id.class() {
                        Class::Core => classes & 1 != 0,
                        Class::Aux => classes & 2 != 0,
                    };
                    let level = id.level() <= threshold;
                    events.reset(id);
                    assert_eq!(is_reported(&mut events, id), class && level, "{id}");
                    events.enable(id);
                    assert_eq!(is_reported(&mut events, id), class, "{id} enabled");
                    events.disable(id);
                    assert!(!is_reported(&mut events, id), "{id} disabled");
                }
            }
        }
    }

    /// EVT-5
    #[test]
    fn switches_whole_levels() {
        let mut events = running();
        events.set_level(Level::Critical, false);
        assert!(!is_reported(&mut events, EventId::IpintrBadsum));
        assert!(is_reported(&mut events, EventId::LinkIn));
        events.set_level(Level::Critical, true);
        assert!(is_reported(&mut events, EventId::IpintrBadsum));
    }

    /// EVT-6, EVT-9
    #[test]
    fn starts_and_stops_as_a_whole() {
        let mut events = Events::new();
        assert!(!is_reported(&mut events, EventId::IpintrBadsum));
        events.start(8, false);
        assert!(EventId::ALL.iter().all(|&id| is_reported(&mut events, id)));
        events.stop();
        assert!(!EventId::ALL.iter().any(|&id| is_reported(&mut events, id)));
    }
}

mod filters {
    use super::*;
    use Direction::{Input, Output};
    use Side::{Destination, Source};

    /// Which of the four filters of a kind an event obeys, in the order source in, destination in, source out,
    /// destination out: those with which it is not reported when they do not match.
    fn obeyed(id: EventId, set: impl Fn(&mut Events, Side, Direction)) -> [bool; 4] {
        [
            (Source, Input),
            (Destination, Input),
            (Source, Output),
            (Destination, Output),
        ]
        .map(|(side, direction)| {
            let mut events = running();
            set(&mut events, side, direction);
            !is_reported(&mut events, id)
        })
    }

    /// EVT-22, EVT-10: non-matching, wrong direction, wrong type, for every event.
    #[test]
    fn only_those_supported_matter() {
        let stranger = Ipv4Addr::new(192, 0, 2, 9);
        for &id in EventId::ALL {
            let addresses = obeyed(id, |events, side, direction| {
                events.set_address_filter(side, direction, Some(Prefix::host(stranger)));
            });
            let ports = obeyed(id, |events, side, direction| {
                events.set_port_filter(side, direction, Some(9.into()));
            });
            let none = [false; 4];
            let expected = match id.declaration().supports {
                Supports::Nothing => (none, none),
                Supports::AddressesIn => ([true, true, false, false], none),
                Supports::AddressesOut | Supports::DestinationOutBroadcastSource => {
                    ([false, false, true, true], none)
                }
                Supports::DestinationOut => ([false, false, false, true], none),
                Supports::PortsIn => (none, [true, true, false, false]),
            };
            assert_eq!((addresses, ports), expected, "{id}");
        }
    }

    /// EVT-11, EVT-12, EVT-13: matching, and all that are set must match.
    #[test]
    fn equal_values_pass() {
        let mut events = running();
        events.set_address_filter(Source, Input, Some(Prefix::host(A)));
        assert!(is_reported(&mut events, EventId::IpintrBadmblk));
        events.set_address_filter(Destination, Input, Some(Prefix::host(A)));
        assert!(!is_reported(&mut events, EventId::IpintrBadmblk));
        events.set_address_filter(Destination, Input, Some(Prefix::host(B)));
        assert!(is_reported(&mut events, EventId::IpintrBadmblk));
        events.set_port_filter(Destination, Input, Some(80.into()));
        assert!(is_reported(&mut events, EventId::TcpInputBadsum));
        events.set_port_filter(Destination, Input, Some(81.into()));
        assert!(!is_reported(&mut events, EventId::TcpInputBadsum));
        events.set_port_filter(Destination, Input, None);
        assert!(is_reported(&mut events, EventId::TcpInputBadsum));
    }

    /// EVT-14
    #[test]
    fn prefixes_and_ranges_pass() {
        let mut events = running();
        for (length, passes) in [(0, true), (8, true), (23, true), (24, false)] {
            let prefix = Prefix::new(Ipv4Addr::new(10, 0, 0, 9), length);
            events.set_address_filter(Destination, Output, prefix);
            let reported = is_reported(&mut events, EventId::IpOutputBadaddr);
            assert_eq!(reported, passes, "/{length}");
        }
        for (first, last, passes) in [
            (80, 80, true),
            (1, 79, false),
            (81, 99, false),
            (7, 90, true),
        ] {
            events.set_port_filter(Destination, Input, Some(PortRange { first, last }));
            assert_eq!(is_reported(&mut events, EventId::UdpInputNoport), passes);
        }
    }

    /// `ip_output-badaddrtype`: "A:D out; broadcast cases also A:S out".
    #[test]
    fn the_source_matters_to_broadcasts_only() {
        let mut events = running();
        events.set_address_filter(Source, Output, Some(Prefix::host(B)));
        let id = EventId::IpOutputBadaddrtype;
        for (to, reported) in [(Ipv4Addr::BROADCAST, 0), (Ipv4Addr::new(224, 0, 0, 5), 1)] {
            event!(events, Instant::ZERO, id, source = A, destination = to);
            assert_eq!(events.ring_mut().take().len(), reported, "{to}");
        }
    }

    #[test]
    fn what_an_event_does_not_say_matches_nothing() {
        let mut events = running();
        events.set_address_filter(Source, Input, Some(Prefix::host(A)));
        event!(
            events,
            Instant::ZERO,
            EventId::IpintrBadmblk,
            destination = B
        );
        assert!(events.ring().is_empty());
    }
}

mod raising {
    use super::*;

    /// EVT-23
    #[test]
    fn counts_when_nobody_listens() {
        let mut events = Events::new();
        for _ in 0..3 {
            raise(&mut events, EventId::IpintrBadsum);
        }
        assert_eq!(events.count_of(EventId::IpintrBadsum), 3);
        assert_eq!(
            events.counts().collect::<Vec<_>>(),
            [(EventId::IpintrBadsum, 3)]
        );
        assert!(events.ring().is_empty());
        events.clear_counters();
        assert_eq!(events.counts().count(), 0);
    }

    #[test]
    fn fields_are_evaluated_only_if_reported() {
        let evaluated = std::cell::Cell::new(0);
        let costly = || {
            evaluated.set(evaluated.get() + 1);
            A
        };
        let mut events = Events::new();
        event!(events, Instant::ZERO, EventId::LinkIn, source = costly());
        assert_eq!(evaluated.get(), 0);
        events.start(8, false);
        event!(
            &mut events,
            Instant::ZERO,
            EventId::LinkIn,
            source = costly()
        );
        assert_eq!(evaluated.get(), 1);
    }

    #[test]
    fn fields_take_what_callers_have() {
        let mut events = running();
        event!(
            events,
            Instant::from_nanos(7),
            EventId::TcpState,
            interface = 3_u16,
            len = usize::MAX,
            protocol = 6_u8,
            socket = None::<u64>,
            from = "LISTEN",
            to = "SYN-RECEIVED",
            errno = crate::Errno::NoBufs,
            detail = Some(5_u32),
            reason = "test",
            request = 0xaa20_69dd_u32,
        );
        let fields = Fields {
            interface: Some(3),
            len: Some(u32::MAX),
            protocol: Some(6),
            from: Some("LISTEN"),
            to: Some("SYN-RECEIVED"),
            errno: Some(crate::Errno::NoBufs),
            detail: Some(5),
            reason: Some("test"),
            request: Some(0xaa20_69dd),
            ..Fields::NONE
        };
        let record = Record {
            time: Instant::from_nanos(7),
            id: EventId::TcpState,
            fields,
        };
        assert_eq!(events.ring_mut().take(), [record]);
    }

    /// EVT-24
    #[test]
    fn a_full_ring_loses_the_oldest_and_counts_them() {
        let mut events = Events::new();
        events.start(4, false);
        for number in 0..11_u64 {
            event!(
                events,
                Instant::from_nanos(number),
                EventId::LinkIn,
                detail = number
            );
        }
        let kept: Vec<u64> = events
            .ring()
            .iter()
            .filter_map(|record| record.fields.detail)
            .collect();
        assert_eq!(kept, [7, 8, 9, 10]);
        assert_eq!((events.ring().lost(), events.ring().capacity()), (7, 4));
        assert_eq!(events.ring_mut().take().len(), 4);
        assert!(events.ring().is_empty());
        raise(&mut events, EventId::LinkIn);
        assert_eq!(events.ring().len(), 1);
        events.start(0, false);
        raise(&mut events, EventId::LinkIn);
        assert!(events.ring().is_empty());
    }

    /// EVT-27
    #[test]
    fn equal_stimuli_give_equal_records() {
        let run = || {
            let mut events = running();
            for (nanos, &id) in (0..).zip(EventId::ALL) {
                event!(
                    events,
                    Instant::from_nanos(nanos),
                    id,
                    source = A,
                    len = nanos
                );
            }
            events.ring_mut().take()
        };
        assert_eq!(run(), run());
    }
}

mod text {
    use super::*;
    use tracing::field::{Field, Visit};
    use tracing::span;

    /// Keeps the lines written while it is the subscriber.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Writer(String);

    impl Visit for Writer {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            self.0 += &format!(" {}={value:?}", field.name());
        }
    }

    impl tracing::Subscriber for Lines {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            let about = event.metadata();
            let mut line = Writer(format!(
                "{} {} {}",
                about.level(),
                about.target(),
                about.name()
            ));
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
    }

    /// The lines that `raise` makes be written.
    fn lines(raise: impl FnOnce(&mut Events)) -> Vec<String> {
        let lines = Lines::default();
        tracing::subscriber::with_default(lines.clone(), || {
            let mut events = Events::new();
            events.start(8, true);
            raise(&mut events);
        });
        std::mem::take(&mut lines.0.lock().unwrap())
    }

    /// `events.md` §8.2, §8.3: name, target, level, and the fields under their names.
    #[test]
    fn says_name_number_class_and_fields() {
        let written = lines(|events| {
            event!(
                events,
                Instant::ZERO,
                EventId::IpOutputBadaddr,
                interface = 2_u32,
                source = A,
                destination = B,
                errno = crate::Errno::HostUnreach,
                reason = "no route",
            );
        });
        assert_eq!(
            written,
            [
                "WARN net::ip::out ip_output-badaddr event=\"ip_output-badaddr\" prio=3 class=core \
              id=20315 if=2 src=10.0.0.1 dst=10.0.1.2 errno=no route to host reason=\"no route\""
            ]
        );
    }

    /// EVT-25
    #[test]
    fn a_flood_is_limited_in_lines_but_not_in_counters() {
        let mut count = 0;
        let written = lines(|events| {
            for nanos in 0..1000 {
                event!(
                    events,
                    Instant::from_nanos(nanos),
                    EventId::IpintrBadsum,
                    source = A
                );
            }
            event!(
                events,
                Instant::from_nanos(1000),
                EventId::IpintrBadsum,
                source = B
            );
            let later = Instant::ZERO + Duration::from_secs(6);
            event!(events, later, EventId::IpintrBadsum, source = A);
            count = events.count_of(EventId::IpintrBadsum);
        });
        assert_eq!(count, 1002);
        // Ten of the one address, one of the other, and one later that says how many were left out.
        assert_eq!(written.len(), 12);
        assert!(
            written.last().unwrap().ends_with("suppressed=990"),
            "{written:?}"
        );
    }

    #[test]
    fn addresses_made_up_get_no_more_lines() {
        let written = lines(|events| {
            for address in 0..5000_u32 {
                let source = Ipv4Addr::from_bits(0x0a00_0000 + address);
                event!(
                    events,
                    Instant::ZERO,
                    EventId::IpintrBadsum,
                    source = source
                );
            }
        });
        assert_eq!(written.len(), 50);
    }

    #[test]
    fn what_no_stranger_causes_is_not_limited() {
        let written = lines(|events| {
            for _ in 0..500 {
                raise(events, EventId::LinkIn);
            }
        });
        assert_eq!(written.len(), 500);
    }
}

mod management {
    use super::*;

    fn down(interface: u32) -> MessageKind {
        MessageKind::StateChange {
            interface,
            old: LinkState::Up,
            new: LinkState::Down,
            cause: StateCause::Operator,
        }
    }

    fn drain(events: &mut Events, from: super::super::Subscription) -> Vec<Message> {
        std::iter::from_fn(|| events.poll_message(from, None)).collect()
    }

    /// EVT-26
    #[test]
    fn a_subscriber_gets_what_its_filter_lets_through() {
        let mut events = Events::new();
        let critical = events.subscribe(8, Message::is_critical).unwrap();
        let all = events.subscribe(8, |_| true).unwrap();
        events.publish(Instant::ZERO, &down(1));
        let address = A;
        events.publish(
            Instant::ZERO,
            &MessageKind::BroadcastLinkAddress { address },
        );
        let got: Vec<MessageId> = drain(&mut events, critical)
            .iter()
            .map(Message::id)
            .collect();
        assert_eq!(got, [MessageId::BcastEnetAddr]);
        let sequence: Vec<u64> = drain(&mut events, all)
            .iter()
            .map(|one| one.sequence)
            .collect();
        assert_eq!(sequence, [0, 1]);
    }

    /// EVT-26
    #[test]
    fn a_slow_subscriber_loses_messages_of_its_own_only() {
        let mut events = Events::new();
        let slow = events.subscribe(2, |_| true).unwrap();
        let quick = events.subscribe(2, |_| true).unwrap();
        let mut got = 0;
        for interface in 0..5 {
            events.publish(Instant::ZERO, &down(interface));
            got += drain(&mut events, quick).len();
        }
        assert_eq!((got, events.messages_lost(quick)), (5, 0));
        assert_eq!(
            (drain(&mut events, slow).len(), events.messages_lost(slow)),
            (2, 3)
        );
        events.unsubscribe(slow);
        events.publish(Instant::ZERO, &down(9));
        assert!(drain(&mut events, slow).is_empty());
        assert_eq!(drain(&mut events, quick).len(), 1);
    }

    /// What a stranger can cause does not drown what an operator asked to hear.
    #[test]
    fn strangers_cause_no_flood_of_messages() {
        let mut events = Events::new();
        let all = events.subscribe(1000, |_| true).unwrap();
        let duplicate = MessageKind::DuplicateAddress {
            address: A,
            link_address: [2; 6],
        };
        for _ in 0..500 {
            events.publish(Instant::ZERO, &duplicate);
            raise(&mut events, EventId::ReassAllocNomem);
        }
        events.publish(Instant::ZERO, &down(1));
        assert_eq!(drain(&mut events, all).len(), 65);
        events.publish(Instant::ZERO + Duration::from_secs(6), &duplicate);
        assert_eq!(drain(&mut events, all).len(), 1);
    }

    /// `events.md` §8.1: levels 1 and 2 always raise a message, whatever is selected or running.
    #[test]
    fn urgent_events_are_messages() {
        let mut events = Events::new();
        let all = events.subscribe(8, |_| true).unwrap();
        event!(
            events,
            Instant::ZERO,
            EventId::RtTreeCorrupt,
            destination = B
        );
        raise(&mut events, EventId::IpintrBadsum);
        let got = drain(&mut events, all);
        let fields = Fields {
            destination: Some(B),
            ..Fields::NONE
        };
        assert_eq!(got.len(), 1);
        assert_eq!(
            got[0].kind,
            MessageKind::Event {
                id: EventId::RtTreeCorrupt,
                fields
            }
        );
    }

    #[test]
    fn who_waits_is_woken() {
        struct Flag(std::sync::atomic::AtomicUsize);
        impl std::task::Wake for Flag {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let flag = Arc::new(Flag(0.into()));
        let waker = flag.clone().into();
        let mut events = Events::new();
        let all = events.subscribe(8, |_| true).unwrap();
        assert_eq!(events.poll_message(all, Some(&waker)), None);
        events.publish(Instant::ZERO, &down(1));
        events.publish(Instant::ZERO, &down(2));
        let mut wakers = Vec::new();
        events.take_wakers(&mut wakers);
        assert_eq!(wakers.len(), 1);
        assert_eq!(drain(&mut events, all).len(), 2);
    }

    #[test]
    fn subscriptions_have_a_limit() {
        let mut events = Events::new();
        for _ in 0..super::super::Subscription::MOST {
            events.subscribe(1, |_| true).unwrap();
        }
        events.subscribe(1, |_| true).unwrap_err();
    }

    /// `events.md` §7.1: INFO appears exactly when it is not critical; numbers are those of the list.
    #[test]
    fn kinds_are_numbered_and_explained() {
        let numbers: BTreeSet<u16> = MessageId::ALL.iter().map(|id| id.number()).collect();
        assert_eq!(numbers.len(), MessageId::ALL.len());
        for id in MessageId::ALL {
            assert_eq!(
                id.is_critical(),
                id.severity() != super::super::Severity::Info
            );
            assert!(id.explain().contains("recovery: "));
        }
        assert_eq!(
            (MessageId::DupIpAddr.number(), MessageId::DupIpAddr.name()),
            (7, "DUP-IP-ADDR")
        );
    }
}
