use super::ArpCache;
use crate::config::ArpConfig;
use crate::iface::InterfaceId;
use crate::limits::NeighbourLimits;
use crate::neigh::{
    ClaimMode, ClaimState, ConflictPolicy, Heard, Misuse, NeighbourState, Output, Resolution,
};
use crate::pkt::PacketBuf;
use crate::rng::Rng;
use fairway_wire::arp::{self, Operation};
use fairway_wire::{Instant, MacAddr};
use std::net::Ipv4Addr;
use std::time::Duration;

const LAN: InterfaceId = InterfaceId(2);
const OUR_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const PEER_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
const OUR_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const PEER_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn cache_with(limits: NeighbourLimits) -> ArpCache {
    let mut cache = ArpCache::new(ArpConfig::default(), limits, Rng::from_seed([3; 32]));
    cache.add_interface(LAN, OUR_MAC);
    cache.add_address(
        at(0),
        LAN,
        OUR_IP,
        24,
        ClaimMode::Silent,
        ConflictPolicy::Keep,
    );
    cache
}

fn cache() -> ArpCache {
    cache_with(NeighbourLimits::default())
}

fn packet(text: &str) -> PacketBuf {
    PacketBuf::from_slice(text.as_bytes())
}

fn reply() -> arp::Packet {
    arp::Packet {
        operation: Operation::REPLY,
        sender_mac: PEER_MAC,
        sender_ip: PEER_IP,
        target_mac: OUR_MAC,
        target_ip: OUR_IP,
    }
}

fn request() -> arp::Packet {
    arp::Packet {
        operation: Operation::REQUEST,
        target_mac: MacAddr::default(),
        ..reply()
    }
}

/// What the table wants, in short.
fn drain(cache: &mut ArpCache) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(output) = cache.poll_output() {
        all.push(match output {
            Output::Forgotten { address, .. } => format!("forgotten {address}"),
            Output::Transmit {
                destination,
                packet,
                ..
            } => format!("{packet} to {destination}"),
            Output::Release {
                destination,
                packet,
                ..
            } => format!(
                "release {} to {destination}",
                String::from_utf8_lossy(packet.as_slice())
            ),
            Output::Unreachable { packet, .. } => {
                format!("unreachable {}", String::from_utf8_lossy(packet.as_slice()))
            }
            Output::Suspended { address, until, .. } => {
                format!("suspended {address} until {until}")
            }
            Output::Expired { address, .. } => format!("expired {address}"),
            Output::Ready { address, .. } => format!("ready {address}"),
        });
    }
    all
}

fn resolve(cache: &mut ArpCache, now: Instant, text: &str) -> String {
    match cache.resolve(now, LAN, PEER_IP, packet(text)) {
        Resolution::Known(mac, _) => mac.to_string(),
        Resolution::Queued { dropped, .. } => format!("queued {dropped}"),
        Resolution::Suspended { until, .. } => format!("suspended until {until}"),
        Resolution::NoSource(_) => "no source".into(),
    }
}

fn state(cache: &ArpCache) -> Option<NeighbourState> {
    cache.lookup(LAN, PEER_IP).map(|it| it.state)
}

mod resolution {
    use super::*;

    /// RFC 826, RFC 1122 §2.3.2.2.
    #[test]
    fn a_packet_waits_for_the_answer_and_goes_then() {
        let mut cache = cache();
        assert_eq!(resolve(&mut cache, at(0), "one"), "queued 0");
        assert_eq!(resolve(&mut cache, at(0), "two"), "queued 0");
        assert_eq!(
            drain(&mut cache),
            ["who-has 10.0.0.2 tell 10.0.0.1 to ff:ff:ff:ff:ff:ff"]
        );
        let heard = cache.handle_arp(at(0), LAN, &reply());
        assert_eq!(
            heard,
            Heard::Resolved {
                address: PEER_IP,
                mac: PEER_MAC
            }
        );
        assert_eq!(
            drain(&mut cache),
            [
                "release one to 02:00:00:00:00:02",
                "release two to 02:00:00:00:00:02"
            ]
        );
        assert_eq!(resolve(&mut cache, at(1), "x"), "02:00:00:00:00:02");
        assert_eq!(cache.waiting_octets, 0);
    }

    /// `events.md` §6: 5 tries, then suspended for 20 s; RFC 1122 §2.3.2.1: at most one request per second.
    #[test]
    fn five_tries_then_twenty_seconds_of_suspension() {
        let mut cache = cache();
        resolve(&mut cache, at(0), "one");
        assert_eq!(drain(&mut cache).len(), 1);
        for second in 1..5 {
            assert_eq!(cache.poll_timeout(), Some(at(second)));
            cache.handle_timeout(at(second));
            assert_eq!(drain(&mut cache).len(), 1);
        }
        cache.handle_timeout(at(5));
        assert_eq!(
            drain(&mut cache),
            ["suspended 10.0.0.2 until 25.000000000s", "unreachable one"]
        );
        assert_eq!(cache.counters.requests_sent, 5);
        assert_eq!(
            resolve(&mut cache, at(6), "two"),
            "suspended until 25.000000000s"
        );
        assert!(drain(&mut cache).is_empty());
        cache.handle_timeout(at(25));
        assert_eq!(state(&cache), None);
        assert_eq!(resolve(&mut cache, at(25), "three"), "queued 0");
        assert_eq!(cache.counters.suspended, 1);
    }

    #[test]
    fn a_suspended_neighbour_that_speaks_is_reachable_again() {
        let mut cache = cache();
        resolve(&mut cache, at(0), "one");
        (1..=5).for_each(|second| cache.handle_timeout(at(second)));
        assert_eq!(state(&cache), Some(NeighbourState::Suspended));
        cache.handle_arp(at(6), LAN, &request());
        assert_eq!(resolve(&mut cache, at(6), "x"), "02:00:00:00:00:02");
    }

    #[test]
    fn the_oldest_waiting_packet_is_dropped_and_counted() {
        let mut cache = cache_with(NeighbourLimits {
            waiting: 2,
            ..NeighbourLimits::default()
        });
        for (text, outcome) in [("1", "queued 0"), ("2", "queued 0"), ("3", "queued 1")] {
            assert_eq!(resolve(&mut cache, at(0), text), outcome);
        }
        drain(&mut cache);
        cache.handle_arp(at(0), LAN, &reply());
        assert_eq!(
            drain(&mut cache),
            [
                "release 2 to 02:00:00:00:00:02",
                "release 3 to 02:00:00:00:00:02"
            ]
        );
        assert_eq!(cache.counters.dropped_waiting, 1);
    }

    #[test]
    fn memory_of_waiting_packets_is_bounded_over_all_neighbours() {
        let mut cache = cache_with(NeighbourLimits {
            waiting_octets: 5 * 2048,
            ..NeighbourLimits::default()
        });
        let mut dropped = 0;
        for number in 0..100 {
            let address = Ipv4Addr::new(10, 0, 0, 10 + number % 10);
            if let Resolution::Queued { dropped: more, .. } =
                cache.resolve(at(0), LAN, address, packet("x"))
            {
                dropped += more;
            }
            assert!(cache.waiting_octets <= 5 * 2048);
        }
        assert_eq!(dropped, 95);
        assert_eq!(cache.flush(None, false), 10);
        assert_eq!(
            (cache.waiting_octets, cache.counters.dropped_waiting),
            (0, 100)
        );
    }

    #[test]
    fn no_address_of_our_own_asks_nobody() {
        let mut cache = cache();
        cache.remove_address(LAN, OUR_IP);
        assert_eq!(resolve(&mut cache, at(0), "x"), "no source");
        assert!(drain(&mut cache).is_empty() && cache.is_empty());
    }
}

mod expiry {
    use super::*;

    fn reachable() -> ArpCache {
        let mut cache = cache();
        resolve(&mut cache, at(0), "x");
        cache.handle_arp(at(0), LAN, &reply());
        drain(&mut cache);
        cache
    }

    /// RFC 1122 §2.3.2.1 (2): the neighbour in use is asked by unicast, before its entry ends.
    #[test]
    fn a_neighbour_in_use_is_probed_and_stays() {
        let mut cache = reachable();
        resolve(&mut cache, at(600), "x");
        assert_eq!(cache.poll_timeout(), Some(at(1195)));
        cache.handle_timeout(at(1195));
        assert_eq!(
            drain(&mut cache),
            ["who-has 10.0.0.2 tell 10.0.0.1 to 02:00:00:00:00:02"]
        );
        assert_eq!(resolve(&mut cache, at(1195), "x"), "02:00:00:00:00:02");
        assert_eq!(cache.handle_arp(at(1196), LAN, &reply()), Heard::Nothing);
        assert_eq!(state(&cache), Some(NeighbourState::Reachable));
        assert_eq!(cache.poll_timeout(), Some(at(1196 + 1195)));
    }

    /// `sockets.md` §10.2 IPCTL_ARPKILLC: 1200 s.
    #[test]
    fn a_neighbour_in_use_that_does_not_answer_is_forgotten_at_its_time() {
        let mut cache = reachable();
        resolve(&mut cache, at(600), "x");
        (1195..1200).for_each(|second| cache.handle_timeout(at(second)));
        assert_eq!(state(&cache), Some(NeighbourState::Probing));
        assert_eq!(drain(&mut cache).len(), 5);
        cache.handle_timeout(at(1200));
        assert_eq!(drain(&mut cache), ["expired 10.0.0.2"]);
        assert_eq!(state(&cache), None);
    }

    #[test]
    fn a_neighbour_not_in_use_is_forgotten_without_a_question() {
        let mut cache = reachable();
        cache.handle_timeout(at(1195));
        assert_eq!(drain(&mut cache), ["expired 10.0.0.2"]);
        assert_eq!((cache.len(), cache.poll_timeout()), (0, None));
    }

    #[test]
    fn progress_of_a_higher_layer_keeps_it() {
        let mut cache = reachable();
        cache.confirm(at(1000), LAN, PEER_IP);
        assert_eq!(cache.poll_timeout(), Some(at(2195)));
    }
}

mod reception {
    use super::*;

    /// RFC 826: whoever asks for us is answered, and remembered.
    #[test]
    fn a_request_for_our_address_is_answered_and_makes_an_entry() {
        let mut cache = cache();
        cache.handle_arp(at(0), LAN, &request());
        assert_eq!(
            drain(&mut cache),
            ["10.0.0.1 is-at 02:00:00:00:00:01 to 02:00:00:00:00:02"]
        );
        assert_eq!(resolve(&mut cache, at(0), "x"), "02:00:00:00:00:02");
    }

    #[test]
    fn replies_and_announcements_that_nobody_asked_for_make_no_entry() {
        let mut cache = cache();
        assert_eq!(cache.handle_arp(at(0), LAN, &reply()), Heard::Nothing);
        let announcement = arp::Packet {
            target_ip: PEER_IP,
            ..request()
        };
        assert_eq!(cache.handle_arp(at(0), LAN, &announcement), Heard::Nothing);
        assert!(cache.is_empty() && drain(&mut cache).is_empty());
    }

    /// RFC 826 "Packet Reception": an existing entry is brought up to date by any packet.
    #[test]
    fn an_announcement_moves_an_entry_that_exists() {
        let mut cache = cache();
        cache.handle_arp(at(0), LAN, &request());
        let other = MacAddr([2, 0, 0, 0, 0, 9]);
        let announcement = arp::Packet {
            target_ip: PEER_IP,
            sender_mac: other,
            ..request()
        };
        assert_eq!(
            cache.handle_arp(at(1), LAN, &announcement),
            Heard::Moved {
                address: PEER_IP,
                from: PEER_MAC,
                to: other
            }
        );
        assert_eq!(resolve(&mut cache, at(1), "x"), other.to_string());
    }

    /// RFC 5227 §2.5: probes for our address are answered too.
    #[test]
    fn a_probe_for_our_address_is_answered_and_makes_no_entry() {
        let mut cache = cache();
        let probe = arp::Packet {
            sender_ip: Ipv4Addr::UNSPECIFIED,
            ..request()
        };
        assert_eq!(cache.handle_arp(at(0), LAN, &probe), Heard::Nothing);
        assert_eq!(drain(&mut cache).len(), 1);
        assert!(cache.is_empty());
    }

    #[test]
    fn a_request_for_somebody_else_is_not_answered() {
        let mut cache = cache();
        let other = arp::Packet {
            target_ip: Ipv4Addr::new(10, 0, 0, 77),
            ..request()
        };
        assert_eq!(cache.handle_arp(at(0), LAN, &other), Heard::Nothing);
        assert!(drain(&mut cache).is_empty() && cache.is_empty());
    }

    /// EVT-20: arp_input-bcastsrc, arp_input-badmsg.
    #[test]
    fn senders_that_cannot_be_are_refused() {
        let mut cache = cache();
        let mut bad = request();
        bad.sender_mac = MacAddr::BROADCAST;
        assert_eq!(cache.handle_arp(at(0), LAN, &bad), Heard::BroadcastSource);
        bad = request();
        for octets in [[224, 0, 0, 1], [255; 4], [127, 0, 0, 1], [0, 0, 0, 1]] {
            bad.sender_ip = Ipv4Addr::from_octets(octets);
            assert_eq!(cache.handle_arp(at(0), LAN, &bad), Heard::BadSender);
        }
        assert_eq!(cache.counters.bad_received, 5);
        assert!(cache.is_empty() && drain(&mut cache).is_empty());
    }

    #[test]
    fn our_own_packets_repeated_by_the_network_are_ignored() {
        let mut cache = cache();
        let own = arp::Packet {
            sender_mac: OUR_MAC,
            sender_ip: OUR_IP,
            target_ip: OUR_IP,
            ..request()
        };
        assert_eq!(cache.handle_arp(at(0), LAN, &own), Heard::Own);
    }

    #[test]
    fn a_flood_of_requests_stays_within_the_limits() {
        let mut cache = cache_with(NeighbourLimits {
            entries: 16,
            output: 4,
            ..NeighbourLimits::default()
        });
        cache.add(at(0), LAN, PEER_IP, PEER_MAC, true).unwrap();
        for number in 0..=255_u8 {
            let flood = arp::Packet {
                sender_ip: Ipv4Addr::new(10, 0, 0, number.max(3)),
                ..request()
            };
            cache.handle_arp(Instant::from_nanos(number.into()), LAN, &flood);
            assert!(cache.len() <= 16);
            assert_eq!(cache.by_use.len() + 1, cache.len());
        }
        assert_eq!(drain(&mut cache).len(), 4);
        assert_eq!(
            (
                cache.counters.replies_sent,
                cache.counters.replies_suppressed
            ),
            (4, 252)
        );
        assert!(cache.counters.evicted > 200);
        assert_eq!(state(&cache), Some(NeighbourState::Permanent));
    }

    #[test]
    fn neighbours_in_use_survive_a_scan() {
        let mut cache = cache_with(NeighbourLimits {
            entries: 16,
            ..NeighbourLimits::default()
        });
        cache.handle_arp(at(0), LAN, &request());
        for number in 0..200_u8 {
            let now = Instant::from_nanos(u64::from(number) + 1);
            resolve(&mut cache, now, "x");
            let victim = Ipv4Addr::new(10, 0, 0, number.saturating_add(10));
            cache.resolve(now, LAN, victim, packet("scan"));
        }
        assert_eq!(state(&cache), Some(NeighbourState::Reachable));
        assert_eq!(cache.len(), 16);
    }
}

mod conflicts {
    use super::*;

    fn probing() -> ArpCache {
        let mut cache = cache();
        cache.remove_address(LAN, OUR_IP);
        cache.add_address(
            at(0),
            LAN,
            OUR_IP,
            24,
            ClaimMode::Probe,
            ConflictPolicy::Keep,
        );
        cache
    }

    fn run_until_quiet(cache: &mut ArpCache) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(now) = cache.poll_timeout() {
            cache.handle_timeout(now);
            all.extend(drain(cache));
        }
        all
    }

    /// RFC 5227 §2.1.1, §2.3.
    #[test]
    fn probes_have_no_sender_address_and_announcements_have_ours() {
        let mut cache = probing();
        assert_eq!(
            run_until_quiet(&mut cache),
            [
                "who-has 10.0.0.1 tell 0.0.0.0 to ff:ff:ff:ff:ff:ff",
                "who-has 10.0.0.1 tell 0.0.0.0 to ff:ff:ff:ff:ff:ff",
                "who-has 10.0.0.1 tell 0.0.0.0 to ff:ff:ff:ff:ff:ff",
                "ready 10.0.0.1",
                "who-has 10.0.0.1 tell 10.0.0.1 to ff:ff:ff:ff:ff:ff",
                "who-has 10.0.0.1 tell 10.0.0.1 to ff:ff:ff:ff:ff:ff",
            ]
        );
        assert_eq!(cache.claim_state(LAN, OUR_IP), Some(ClaimState::Held));
    }

    #[test]
    fn an_address_being_probed_is_not_answered_for() {
        let mut cache = probing();
        cache.handle_arp(at(0), LAN, &request());
        assert!(drain(&mut cache).is_empty());
    }

    /// RFC 5227 §2.1.1: a packet from the address, or a probe for it, while probing.
    #[test]
    fn somebody_else_with_the_address_or_asking_for_it_ends_probing() {
        let from_it = arp::Packet {
            sender_ip: OUR_IP,
            target_ip: PEER_IP,
            ..reply()
        };
        let probe = arp::Packet {
            sender_ip: Ipv4Addr::UNSPECIFIED,
            ..request()
        };
        for packet in [from_it, probe] {
            let mut cache = probing();
            let heard = cache.handle_arp(at(1), LAN, &packet);
            assert_eq!(
                heard,
                Heard::Conflict {
                    address: OUR_IP,
                    mac: PEER_MAC,
                    lost: true
                }
            );
            assert_eq!(cache.claim_state(LAN, OUR_IP), Some(ClaimState::Lost));
            assert!(run_until_quiet(&mut cache).is_empty());
        }
    }

    /// EVT-20: arp_input-dupaddr; RFC 5227 §2.4 (c).
    #[test]
    fn an_address_in_use_is_defended_once_in_ten_seconds() {
        let mut cache = cache();
        let theirs = arp::Packet {
            sender_ip: OUR_IP,
            target_ip: OUR_IP,
            ..request()
        };
        for (second, announcements) in [(0, 1), (5, 0), (30, 1)] {
            let heard = cache.handle_arp(at(second), LAN, &theirs);
            assert!(matches!(heard, Heard::Conflict { lost: false, .. }));
            assert_eq!(drain(&mut cache).len(), announcements);
        }
        assert_eq!(cache.counters.conflicts, 3);
        assert!(cache.is_empty());
    }

    /// RFC 5227 §2.1.1: MAX_CONFLICTS and RATE_LIMIT_INTERVAL.
    #[test]
    fn after_ten_conflicts_probing_waits_a_minute() {
        let mut cache = cache();
        cache.remove_address(LAN, OUR_IP);
        let theirs = arp::Packet {
            sender_ip: OUR_IP,
            ..reply()
        };
        let claim = |cache: &mut ArpCache| {
            let (mode, policy) = (ClaimMode::Probe, ConflictPolicy::Keep);
            cache.add_address(at(0), LAN, OUR_IP, 24, mode, policy);
            cache.poll_timeout().unwrap()
        };
        for _ in 0..10 {
            assert!(claim(&mut cache) <= at(1));
            cache.handle_arp(at(0), LAN, &theirs);
        }
        assert!(claim(&mut cache) >= at(60));
        for _ in 0..100 {
            cache.handle_up(at(1), LAN);
            let next = cache.poll_timeout().unwrap();
            assert!((at(60)..=at(61)).contains(&next), "not put off: {next}");
        }
    }
}

mod management {
    use super::*;

    #[test]
    fn entries_set_by_hand_stay_and_are_not_overridden() {
        let mut cache = cache();
        let mac = MacAddr([2, 0, 0, 0, 0, 7]);
        cache.add(at(0), LAN, PEER_IP, mac, true).unwrap();
        assert_eq!(cache.handle_arp(at(0), LAN, &request()), Heard::Nothing);
        assert_eq!(resolve(&mut cache, at(0), "x"), mac.to_string());
        assert_eq!(cache.poll_timeout(), None);
        assert_eq!(cache.flush(Some(LAN), false), 0);
        assert_eq!(cache.delete(LAN, PEER_IP), Ok(()));
        assert_eq!(cache.delete(LAN, PEER_IP), Err(Misuse::NoEntry));
    }

    #[test]
    fn setting_an_entry_releases_what_waits_for_it() {
        let mut cache = cache();
        resolve(&mut cache, at(0), "one");
        drain(&mut cache);
        cache.add(at(0), LAN, PEER_IP, PEER_MAC, false).unwrap();
        assert_eq!(drain(&mut cache), ["release one to 02:00:00:00:00:02"]);
        assert_eq!(state(&cache), Some(NeighbourState::Reachable));
    }

    #[test]
    fn bad_entries_are_refused() {
        let mut cache = cache();
        let group = MacAddr([1, 0, 0x5e, 0, 0, 1]);
        for (interface, address, mac) in [
            (InterfaceId(9), PEER_IP, PEER_MAC),
            (LAN, Ipv4Addr::BROADCAST, PEER_MAC),
            (LAN, PEER_IP, group),
        ] {
            let result = cache.add(at(0), interface, address, mac, true);
            assert_eq!(result, Err(Misuse::BadAddress));
        }
        assert!(cache.is_empty());
    }

    #[test]
    fn the_list_is_in_order_and_an_interface_that_goes_takes_its_own() {
        let mut cache = cache();
        let other = InterfaceId(3);
        cache.add_interface(other, OUR_MAC);
        cache.add(at(0), other, PEER_IP, PEER_MAC, true).unwrap();
        cache.add(at(0), LAN, PEER_IP, PEER_MAC, false).unwrap();
        let on: Vec<_> = cache.list().map(|it| it.interface).collect();
        assert_eq!(on, [LAN, other]);
        cache.remove_interface(other);
        assert_eq!(cache.len(), 1);
    }
}

mod accounts {
    use super::*;
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};

    #[derive(Clone, Debug)]
    enum Step {
        Resolve(u8),
        Hear(Operation, u8, u8),
        Wait(u16),
        Set(u8, bool),
        Delete(u8),
        Flush,
    }

    fn some_step() -> impl Strategy<Value = Step> {
        let operation = any::<bool>().prop_map(|it| {
            if it {
                Operation::REQUEST
            } else {
                Operation::REPLY
            }
        });
        prop_oneof![
            8 => (2_u8..10).prop_map(Step::Resolve),
            4 => (operation, 1_u8..10, 1_u8..10).prop_map(|(it, from, to)| Step::Hear(it, from, to)),
            4 => (0_u16..8000).prop_map(Step::Wait),
            1 => (2_u8..10, any::<bool>()).prop_map(|(who, forever)| Step::Set(who, forever)),
            1 => (2_u8..10).prop_map(Step::Delete),
            1 => proptest::strategy::Just(Step::Flush),
        ]
    }

    fn ip(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, last)
    }

    fn mac(last: u8) -> MacAddr {
        MacAddr([2, 0, 0, 0, 0, last])
    }

    proptest! {
        /// Whatever happens, the table fits together, stays within its limits, and every packet given to it is sent,
        /// given back or counted as dropped, once.
        #[test]
        fn every_packet_is_accounted_for(steps in proptest::collection::vec(some_step(), 1..200)) {
            let mut cache = cache_with(NeighbourLimits {
                entries: 5,
                waiting: 3,
                waiting_octets: 8 * 2048,
                output: 4,
            });
            let mut now = at(0);
            let (mut given, mut sent, mut refused) = (0_u64, 0_u64, 0_u64);
            let drain = |cache: &mut ArpCache, sent: &mut u64| {
                while let Some(output) = cache.poll_output() {
                    *sent += u64::from(matches!(output, Output::Release { .. }));
                }
            };
            for step in steps {
                match step {
                    Step::Resolve(who) => {
                        given += 1;
                        match cache.resolve(now, LAN, ip(who), packet("x")) {
                            Resolution::Known(..) => sent += 1,
                            Resolution::Queued { .. } => {}
                            Resolution::Suspended { .. } | Resolution::NoSource(_) => refused += 1,
                        }
                    }
                    Step::Hear(operation, from, to) => {
                        let packet = arp::Packet {
                            operation,
                            sender_mac: mac(from.max(2)),
                            sender_ip: ip(from),
                            target_mac: MacAddr::default(),
                            target_ip: ip(to),
                        };
                        cache.handle_arp(now, LAN, &packet);
                    }
                    Step::Wait(milliseconds) => {
                        let until = now + Duration::from_millis(milliseconds.into());
                        while let Some(due) = cache.poll_timeout().filter(|due| *due <= until) {
                            assert!(due >= now);
                            now = due;
                            cache.handle_timeout(now);
                            drain(&mut cache, &mut sent);
                        }
                        now = until;
                    }
                    Step::Set(who, forever) => {
                        let _full = cache.add(now, LAN, ip(who), mac(who), forever);
                    }
                    Step::Delete(who) => {
                        let _none = cache.delete(LAN, ip(who));
                    }
                    Step::Flush => {
                        cache.flush(Some(LAN), false);
                    }
                }
                drain(&mut cache, &mut sent);
                cache.check().unwrap();
                assert!(cache.len() <= 5 && cache.waiting_octets <= 8 * 2048);
            }
            cache.flush(None, true);
            drain(&mut cache, &mut sent);
            cache.check().unwrap();
            assert_eq!(given, sent + refused + cache.counters.dropped_waiting);
            assert_eq!((cache.len(), cache.waiting_octets, cache.timers.len()), (0, 0, 0));
        }
    }
}
