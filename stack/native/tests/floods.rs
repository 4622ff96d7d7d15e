//! What strangers send too much of: every table stays within its limit, what is dropped is counted, and whoever is
//! honest is served on.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use fairway_native::event::EventId;
use fairway_native::{Errno, InterfaceId, Limits, PacketBuf, Setup, SocketId, Stack};
use fairway_wire::{EtherType, MacAddr, Protocol, arp, icmp, ipv4};
use std::net::Ipv4Addr;
use std::time::Duration;
use support::frames::{self, STRANGER};
use support::{Lab, addr, ip};

/// The only Ethernet of a host with one.
const ETH: InterfaceId = InterfaceId(2);

/// An honest host, and the one that is flooded, with limits that a test reaches soon. The stranger is on their network.
struct Flooded {
    lab: Lab,
    honest: usize,
    victim: usize,
    /// A socket of the honest host.
    asks: SocketId,
    /// One of the victim's, at port 7.
    answers: SocketId,
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.neighbours.entries = 32;
    limits.reassembly.memory = 256 << 10;
    limits.reassembly.memory_per_source = 64 << 10;
    limits.reassembly.datagrams = 64;
    limits.route.redirects = 8;
    limits.route.path_mtus = 8;
    limits.route.routes = 64;
    limits.socket.sockets = 16;
    limits
}

impl Flooded {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// With other limits yet.
    fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut lab = Lab::new();
        let honest = lab.host("honest");
        let mut setup = Setup::new("victim", [7; 32]);
        setup.limits = limits();
        change(&mut setup.limits);
        lab.hosts.push(Stack::new(setup));
        let victim = lab.hosts.len() - 1;
        lab.ethernet(&[(honest, "10.0.0.1"), (victim, "10.0.0.2")]);
        lab.settle();
        let asks = lab.udp(honest, "0.0.0.0:1000");
        let answers = lab.udp(victim, "0.0.0.0:7");
        let mut flooded = Self {
            lab,
            honest,
            victim,
            asks,
            answers,
        };
        flooded.serve();
        flooded
    }

    fn stack(&mut self) -> &mut Stack {
        &mut self.lab.hosts[self.victim]
    }

    /// The victim's link address.
    fn mac(&self) -> MacAddr {
        MacAddr([2, 0, 0, 0, u8::try_from(self.victim).unwrap(), 1])
    }

    /// An IP packet of the stranger.
    fn packet(&mut self, packet: &[u8]) {
        let frame = frames::frame(self.mac(), EtherType::IPV4, packet);
        self.frame(frame);
    }

    fn frame(&mut self, frame: PacketBuf) {
        let now = self.lab.now;
        self.stack().handle_frame(now, ETH, frame);
        self.stack().check().unwrap();
    }

    /// What the victim sends, which goes nowhere.
    fn sent(&mut self) -> Vec<PacketBuf> {
        let now = self.lab.now;
        let stack = &mut self.lab.hosts[self.victim];
        std::iter::from_fn(|| stack.poll_frame(now, ETH)).collect()
    }

    fn count(&self, id: EventId) -> u64 {
        self.lab.hosts[self.victim].events().count_of(id)
    }

    /// The honest host asks, and is answered: with a datagram in fragments, to use everything.
    fn serve(&mut self) {
        let question = vec![b'?'; 3000];
        let (honest, victim) = (self.honest, self.victim);
        self.lab
            .send(honest, self.asks, "10.0.0.2:7", &question)
            .unwrap();
        let (got, from) = self.lab.recv(victim, self.answers).unwrap();
        assert!(got == question);
        let to = from.to_string();
        self.lab.send(victim, self.answers, &to, &got).unwrap();
        assert!(self.lab.recv(honest, self.asks).unwrap().0 == question);
        self.stack().check().unwrap();
    }
}

fn number(from: u32, n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(from + n)
}

mod fragments {
    use super::*;

    /// A fragment of a datagram to the victim.
    fn fragment(source: Ipv4Addr, id: u16, offset: u16, more: bool, data: &[u8]) -> Vec<u8> {
        let header = ipv4::Header {
            id,
            fragment_offset: offset,
            more_fragments: more,
            ..frames::header(source, ip("10.0.0.2"), Protocol::UDP)
        };
        frames::packet(header, &[], data)
    }

    #[test]
    fn of_many_sources_take_no_more_memory_than_there_is_for_them() {
        let mut flooded = Flooded::new();
        for n in 0..2000 {
            let source = number(0x0b00_0000, n);
            flooded.packet(&fragment(source, 1, 0, true, &[0; 1024]));
        }
        let usage = flooded.stack().usage();
        assert!(
            (1..=64).contains(&usage.fragmented) && usage.fragment_octets <= 256 << 10,
            "{usage:?}"
        );
        assert_eq!(flooded.count(EventId::ReassAllocNomem), 2000 - 64);
        flooded.serve();
    }

    #[test]
    fn of_one_source_take_only_its_share() {
        let mut flooded = Flooded::new();
        for id in 0..500 {
            flooded.packet(&fragment(ip("10.0.0.99"), id, 0, true, &[0; 1024]));
        }
        let usage = flooded.stack().usage();
        assert!(usage.fragment_octets <= 64 << 10, "{usage:?}");
        assert_eq!(
            flooded.count(EventId::ReassAllocNomem),
            500 - u64::try_from(usage.fragmented).unwrap()
        );
        flooded.serve();
    }

    /// RFC 1858: overlaps pass what filters; RFC 5722's answer to them.
    #[test]
    fn that_overlap_are_dropped_with_all_of_their_datagram() {
        let mut flooded = Flooded::new();
        for id in 0..100 {
            let source = ip("10.0.0.99");
            for (offset, more) in [(0, true), (8, true), (16, false), (0, true)] {
                flooded.packet(&fragment(source, id, offset, more, &[1; 16]));
            }
        }
        assert_eq!(flooded.count(EventId::IpReassOverlap), 100 * 3);
        assert_eq!(
            flooded.count(EventId::IpReass),
            2 - 1,
            "only what is honest"
        );
        assert_eq!(flooded.stack().usage().fragment_octets, 0);
        flooded.serve();
    }

    /// 1535 fragments of eight octets are a datagram; more are none.
    #[test]
    fn that_are_tiny_are_put_together_or_refused_by_their_number() {
        let mut flooded = Flooded::new();

        let source = ip("10.0.0.99");
        for n in (0..4000).rev() {
            flooded.packet(&fragment(source, 1, n * 8, n != 3999, &[0; 8]));
        }
        let usage = flooded.stack().usage();
        assert!(usage.fragment_octets <= 64 << 10, "{usage:?}");
        flooded.serve();
    }

    /// The "ping of death".
    #[test]
    fn that_reach_past_the_longest_packet_are_dropped() {
        let mut flooded = Flooded::new();
        for id in 0..100 {
            let source = ip("10.0.0.99");
            flooded.packet(&fragment(source, id, 0, true, &[0; 1480]));
            flooded.packet(&fragment(source, id, 65_528, false, &[0; 1480]));
        }
        assert_eq!(flooded.count(EventId::IpReassToolong), 100);
        assert_eq!(flooded.stack().usage().fragment_octets, 0);
        flooded.serve();
    }

    /// Nothing waits for ever, and the errors about what has waited are limited too (RFC 1812 §4.3.2.8).
    #[test]
    fn time_out_together_without_a_burst_of_errors() {
        let mut flooded = Flooded::new();
        for n in 0..60 {
            let source = number(ip("10.0.0.100").to_bits(), n);
            flooded.packet(&fragment(source, 1, 0, true, &[0; 512]));
        }
        let before = flooded.count(EventId::IcmpErrorStart);
        flooded.lab.now += Duration::from_secs(61);
        let now = flooded.lab.now;
        flooded.stack().handle_timeout(now);
        flooded.stack().check().unwrap();
        assert_eq!(flooded.stack().usage().fragmented, 0);
        assert_eq!(flooded.count(EventId::IpReassTimeout), 60);
        assert!(flooded.count(EventId::IcmpErrorStart) - before <= 50);
        flooded.serve();
    }
}

mod arp_packets {
    use super::*;

    fn request(flooded: &mut Flooded, sender: Ipv4Addr, target: Ipv4Addr) {
        let packet = frames::arp(
            arp::Operation::REQUEST,
            (STRANGER, sender),
            (MacAddr::default(), target),
        );
        flooded.frame(frames::frame(MacAddr::BROADCAST, EtherType::ARP, &packet));
    }

    #[test]
    fn that_ask_fill_the_table_and_push_nobody_out_who_was_set_by_hand() {
        let mut flooded = Flooded::new();
        let now = flooded.lab.now;
        let (kept, link) = (ip("10.0.0.77"), MacAddr([2, 0, 0, 0, 0, 77]));
        flooded.stack().set_neighbor(now, ETH, kept, link).unwrap();
        for n in 3..250 {
            request(&mut flooded, number(0x0a00_0000, n), ip("10.0.0.2"));
            flooded.sent();
        }
        assert_eq!(flooded.stack().usage().neighbours, 32);
        // The packet for the one set by hand goes out at once, and to that address.
        let victim = flooded.victim;
        let socket = flooded.answers;
        let now = flooded.lab.now;
        let departure = fairway_native::Departure {
            peer: Some(addr("10.0.0.77:9")),
            ..Default::default()
        };
        flooded.lab.hosts[victim]
            .send_msg(now, socket, &[], &departure)
            .unwrap();
        let sent = flooded.sent();
        assert!(sent[0].as_slice().starts_with(&link.0));
        flooded.serve();
    }

    /// RFC 826 makes entries of those who ask for us, not of everything that is heard.
    #[test]
    fn that_nobody_asked_for_make_no_entries() {
        let mut flooded = Flooded::new();
        let before = flooded.stack().usage().neighbours;
        for n in 3..250 {
            let who = number(0x0a00_0000, n);
            for operation in [arp::Operation::REPLY, arp::Operation::REQUEST] {
                let packet = frames::arp(operation, (STRANGER, who), (STRANGER, who));
                flooded.frame(frames::frame(MacAddr::BROADCAST, EtherType::ARP, &packet));
            }
            // Who is not on the network is no neighbour, whatever it asks for.
            request(&mut flooded, number(0x0b00_0000, n), ip("10.0.0.2"));
        }
        assert_eq!(flooded.stack().usage().neighbours, before);
        flooded.sent();
        flooded.serve();
    }

    /// A packet for each of a whole network that does not answer: a scan from inside.
    #[test]
    fn that_must_be_sent_to_reach_nobody_hold_few_packets_back() {
        let mut flooded = Flooded::new();
        let victim = flooded.victim;
        let socket = flooded.answers;
        for n in 3..250 {
            let to = format!("{}:9", number(0x0a00_0000, n));
            for _ in 0..80 {
                let now = flooded.lab.now;
                let departure = fairway_native::Departure {
                    peer: Some(addr(&to)),
                    ..Default::default()
                };
                let data = [0; 1000];
                let bufs = [std::io::IoSlice::new(&data)];
                let _lost = flooded.lab.hosts[victim].send_msg(now, socket, &bufs, &departure);
            }
            flooded.stack().check().unwrap();
        }
        let usage = flooded.stack().usage();
        assert!(usage.neighbours <= 32, "{usage:?}");
        assert!(usage.neighbour_octets <= 32 * 64 * 2048, "{usage:?}");
        assert!(flooded.count(EventId::EtherOutputNomem) > 0);
        flooded.sent();
        flooded.serve();
    }

    /// RFC 5227 §2.4: an address of ours is defended, but not against every packet.
    #[test]
    fn that_claim_our_address_are_not_all_answered() {
        let mut flooded = Flooded::new();
        let who = ip("10.0.0.2");
        for _ in 0..1000 {
            request(&mut flooded, who, who);
        }
        assert_eq!(flooded.count(EventId::ArpInputDupaddr), 1000);
        assert!(flooded.sent().len() <= 1);
        flooded.serve();
    }
}

mod icmp_messages {
    use super::*;

    /// RFC 1122 §3.2.2.2: only the router in use may redirect, and what it says is bounded all the same.
    #[test]
    fn redirects_are_few_and_only_of_the_router_in_use() {
        let mut flooded = Flooded::new();
        let now = flooded.lab.now;
        let router = ip("10.0.0.254");
        let route = fairway_native::route::Route::new(
            fairway_native::route::Prefix::DEFAULT,
            Some(router),
            ETH,
        );
        flooded.stack().add_route(now, route).unwrap();
        for n in 0..1000 {
            let about = frames::udp((ip("10.0.0.2"), 7), (number(0x0c00_0000, n), 9), &[], b"");
            for (from, gateway) in [
                (router, ip("10.0.0.253")),
                (ip("10.0.0.252"), ip("10.0.0.253")),
                (router, ip("10.9.9.9")),
                (router, ip("10.0.0.2")),
            ] {
                let code = icmp::RedirectCode::HOST;
                let message = icmp::Message::Redirect { code, gateway };
                flooded.packet(&frames::icmp(from, ip("10.0.0.2"), message, &about));
            }
        }
        let usage = flooded.stack().usage();
        assert_eq!((usage.redirects, usage.routes), (8, 8 + 3), "{usage:?}");
        assert_eq!(flooded.count(EventId::RtredirectError), 3000);
        flooded.serve();
    }

    /// RFC 1812 §4.3.2.8.
    #[test]
    fn errors_about_closed_ports_are_limited() {
        let mut flooded = Flooded::new();
        let before = flooded.sent().len();
        assert_eq!(before, 0);
        for n in 0..5000 {
            let source = (number(0x0a00_0003, n % 200), 1);
            flooded.packet(&frames::udp(source, (ip("10.0.0.2"), 9), &[], b"?"));
        }
        assert_eq!(flooded.count(EventId::UdpInputNoport), 5000);
        let errors = flooded.count(EventId::IcmpErrorStart);
        assert!((1..=50).contains(&errors), "{errors}");
        assert_eq!(flooded.count(EventId::IcmpErrorRatelimit), 5000 - errors);
        flooded.sent();
        flooded.serve();
    }

    /// RFC 1122 §3.2.2: none about errors, nor about what was sent to many or comes from nobody.
    #[test]
    fn errors_never_answer_errors_or_go_to_many() {
        let mut flooded = Flooded::new();
        let us = ip("10.0.0.2");
        let code = icmp::UnreachableCode::PORT;
        let unreachable = icmp::Message::DestinationUnreachable {
            code,
            next_hop_mtu: 0,
        };
        let about = frames::udp((us, 7), (ip("10.0.0.99"), 9), &[], b"");
        flooded.packet(&frames::icmp(ip("10.0.0.99"), us, unreachable, &about));
        for source in [
            "0.0.0.0",
            "10.0.0.255",
            "10.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "127.0.0.1",
        ] {
            flooded.packet(&frames::udp((ip(source), 1), (us, 9), &[], b"?"));
        }
        for to in ["10.0.0.255", "255.255.255.255", "224.0.0.1"] {
            flooded.packet(&frames::udp((ip("10.0.0.99"), 1), (ip(to), 9), &[], b"?"));
        }
        assert_eq!(flooded.count(EventId::IcmpErrorStart), 0);
        assert!(flooded.sent().is_empty());
        flooded.serve();
    }

    /// RFC 5927 §7: a path MTU is believed about what was sent only, and its table is bounded.
    #[test]
    fn forged_path_mtus_are_bounded() {
        let mut flooded = Flooded::new();
        let now = flooded.lab.now;
        let route = fairway_native::route::Route::new(
            fairway_native::route::Prefix::DEFAULT,
            Some(ip("10.0.0.254")),
            ETH,
        );
        flooded.stack().add_route(now, route).unwrap();
        let gateway = ip("10.0.0.254");
        let known = flooded.stack().set_neighbor(now, ETH, gateway, STRANGER);
        known.unwrap();
        for n in 0..2000 {
            let to = (number(0x0c00_0000, n), 9);
            if n < 1000 {
                let (victim, answers) = (flooded.victim, flooded.answers);
                let peer = format!("{}:9", to.0);
                flooded
                    .lab
                    .send(victim, answers, &peer, &[0; 1400])
                    .unwrap();
            }
            for port in [7, 8] {
                let about = frames::udp((ip("10.0.0.2"), port), to, &[], &[0; 1400]);
                let code = icmp::UnreachableCode::FRAGMENTATION_NEEDED;
                let message = icmp::Message::DestinationUnreachable {
                    code,
                    next_hop_mtu: 68,
                };
                flooded.packet(&frames::icmp(
                    ip("10.0.0.99"),
                    ip("10.0.0.2"),
                    message,
                    &about,
                ));
            }
        }
        assert_eq!(flooded.stack().usage().path_mtus, 8);
        assert_eq!(flooded.count(EventId::PmtuChange), 1000, "of what was sent");
        assert_eq!(flooded.count(EventId::IcmpInputIgnored), 3000);
        flooded.serve();
    }

    #[test]
    fn answers_to_echo_requests_wait_no_longer_than_the_queue() {
        let mut flooded = Flooded::new();
        for n in 0..3000 {
            let message = icmp::Message::EchoRequest { id: 1, seq: n };
            flooded.packet(&frames::icmp(
                ip("10.0.0.1"),
                ip("10.0.0.2"),
                message,
                &[0; 56],
            ));
        }
        assert_eq!(flooded.stack().usage().queued, 1000);
        assert_eq!(flooded.count(EventId::EtherOutputNomem), 2000);
        flooded.sent();
        flooded.serve();
    }
}

mod datagrams {
    use super::*;

    #[test]
    fn to_a_socket_that_never_reads_are_dropped_when_its_buffer_is_full() {
        let mut flooded = Flooded::new();
        let mut before = 0;
        for n in 0..3000 {
            let source = (ip("10.0.0.99"), n);
            flooded.packet(&frames::udp(source, (ip("10.0.0.2"), 7), &[], &[0; 512]));
            before = flooded.count(EventId::UdpInputFull).max(before);
        }
        let (victim, answers) = (flooded.victim, flooded.answers);
        let mut there = 0;
        while flooded.lab.recv(victim, answers).is_some() {
            there += 1;
        }
        assert_eq!(before + there, 3000);
        assert!(there * 512 <= 256 << 10, "{there}");
        flooded.serve();
    }

    /// An empty datagram takes memory too.
    #[test]
    fn without_data_are_charged_for_what_they_take() {
        let mut flooded = Flooded::new();
        for n in 0..3000 {
            flooded.packet(&frames::udp(
                (ip("10.0.0.99"), n),
                (ip("10.0.0.2"), 7),
                &[],
                b"",
            ));
        }
        assert!(flooded.count(EventId::UdpInputFull) >= 1000);
    }

    /// RFC 791 §3.1: every kind of option at once, malformed, and options that name us again and again.
    #[test]
    fn with_options_of_every_kind_are_obeyed_or_refused() {
        let mut flooded = Flooded::new();
        let us = (ip("10.0.0.2"), 7);
        let from = (ip("10.0.0.99"), 9);
        let (mut taken, victim, answers) = (0, flooded.victim, flooded.answers);
        for kind in 0..=255_u8 {
            for length in [0, 1, 2, 3, 4, 7, 8, 11, 39, 40, 41, 255] {
                for pointer in [0, 1, 3, 4, 5, 8, 37, 255] {
                    let mut options = [0; 40];
                    options[..3].copy_from_slice(&[kind, length, pointer]);
                    flooded.packet(&frames::udp(from, us, &options, b"!"));
                    taken += usize::from(flooded.lab.recv(victim, answers).is_some());
                    flooded.sent();
                }
            }
        }
        let refused = flooded.count(EventId::IpDooptionsBadopt);
        let sent = 256 * 12 * 8;
        assert_eq!(u64::try_from(taken).unwrap() + refused, sent);
        assert!(taken > 0 && refused > 0);
        flooded.serve();
    }

    /// RFC 1122 §3.2.1.3: what nobody can have sent.
    #[test]
    fn from_impossible_senders_are_dropped() {
        let mut flooded = Flooded::new();
        let sources = [
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "10.0.0.2",
        ];
        for source in sources {
            flooded.packet(&frames::udp(
                (ip(source), 7),
                (ip("10.0.0.2"), 7),
                &[],
                b"?",
            ));
        }
        let (victim, answers) = (flooded.victim, flooded.answers);
        assert_eq!(flooded.lab.recv(victim, answers), None);
        assert_eq!(flooded.count(EventId::IpInputBadsrc), 5);
    }
}

mod this_host {
    use super::*;
    use fairway_native::Departure;

    #[test]
    fn has_as_many_sockets_as_it_may() {
        let mut flooded = Flooded::new();
        let now = flooded.lab.now;
        let stack = flooded.stack();
        let mut made = Vec::new();
        let refused = loop {
            let id = match made.len() % 3 {
                0 => stack.udp_socket(),
                1 => stack.raw_socket(Protocol::ICMP),
                _ => stack.tcp_socket(now),
            };
            match id {
                Ok(id) => made.push(id),
                Err(errno) => break errno,
            }
        };
        assert_eq!(refused, Errno::TooManyFiles);
        assert_eq!(stack.usage().sockets, 16);
        stack.check().unwrap();
        assert_eq!(stack.events().count_of(EventId::SocketLimit), 1);
        for id in made {
            stack.close(now, id).unwrap();
        }
        assert_eq!(stack.usage().sockets, 1);
        flooded.serve();
    }

    /// MUL-3: 20 groups for a socket.
    #[test]
    fn joins_as_many_groups_as_it_may() {
        let mut flooded = Flooded::new();
        let now = flooded.lab.now;
        let socket = flooded.answers;
        let stack = flooded.stack();
        let joined = (0..1000)
            .map(|n| number(0xe001_0000, n))
            .map_while(|group| stack.join(now, socket, group, Some(ETH), None).ok());
        assert_eq!(joined.count(), 20);
        assert_eq!(stack.events().count_of(EventId::MulticastJoinLimit), 1);
        let group = ip("224.2.2.2");
        for _ in 0..2 {
            assert_eq!(
                stack.join(now, socket, group, Some(ETH), None),
                Err(Errno::NoBufs)
            );
        }
        stack.check().unwrap();
        flooded.sent();
        flooded.serve();
    }

    /// Whoever sends to itself in answer to itself gets somewhere, and every call comes back.
    #[test]
    fn may_talk_to_itself_without_end() {
        let mut flooded = Flooded::new();
        let now = flooded.lab.now;
        let stack = flooded.stack();
        // Echo requests in the name of this host, to this host: an answer each, and no answer to that.
        let raw = stack.raw_socket(Protocol::RAW).unwrap();
        let us = ip("10.0.0.2");
        let message = icmp::Message::EchoRequest { id: 1, seq: 1 };
        let request = frames::icmp(us, us, message, &[0; 8]);
        // A datagram to a closed port of ours, from a closed port of ours: one error, and none about that.
        let datagram = frames::udp((us, 9), (us, 9), &[], b"?");
        // To all of the network, in the name of all of the network.
        let all = ip("10.0.0.255");
        let many = frames::icmp(all, all, message, &[0; 8]);
        for _ in 0..2000 {
            for packet in [&request, &datagram, &many] {
                let bufs = [std::io::IoSlice::new(packet)];
                let _sent = stack.send_msg(now, raw, &bufs, &Departure::default());
                stack.check().unwrap();
            }
        }
        let mut calls = 0;
        while stack.poll_timeout() == Some(now) {
            stack.handle_timeout(now);
            calls += 1;
            assert!(calls < 10, "never quiet");
        }
        flooded.sent();
        flooded.serve();
    }

    /// A queue without end would be memory without end.
    #[test]
    fn queues_as_many_packets_to_itself_as_it_may() {
        let mut flooded = Flooded::new();
        let now = flooded.lab.now;
        let socket = flooded.answers;
        let stack = flooded.stack();
        let departure = Departure {
            peer: Some(addr("10.0.0.2:7")),
            ..Departure::default()
        };
        for _ in 0..2000 {
            stack.send_msg(now, socket, &[], &departure).unwrap();
        }
        assert_eq!(stack.usage().loopback, 0, "taken up within the call");
        assert!(stack.events().count_of(EventId::UdpInputFull) > 0);
        stack.check().unwrap();
    }
}

mod segments {
    use super::*;
    use fairway_native::tcp::{RecvFlags, SendFlags, State};
    use fairway_wire::{SeqNumber, tcp};
    use std::io::{IoSlice, IoSliceMut};

    const PORT: u16 = 80;

    /// The victim listens.
    fn listening(backlog: u32) -> (Flooded, SocketId) {
        let mut flooded = Flooded::with(|limits| {
            limits.tcp.syn_cache = 16;
            limits.tcp.time_wait = 4;
        });
        let now = flooded.lab.now;
        let stack = flooded.stack();
        let listener = stack.tcp_socket(now).unwrap();
        stack.bind(now, listener, addr("10.0.0.2:80")).unwrap();
        stack.listen(now, listener, backlog).unwrap();
        (flooded, listener)
    }

    /// The honest host connects, and an octet goes each way.
    fn converse(flooded: &mut Flooded, listener: SocketId) {
        let now = flooded.lab.now;
        let (honest, victim) = (flooded.honest, flooded.victim);
        let hosts = &mut flooded.lab.hosts;
        let client = hosts[honest].tcp_socket(now).unwrap();
        let begun = hosts[honest].connect(now, client, addr("10.0.0.2:80"));
        assert_eq!(begun, Err(Errno::InProgress));
        flooded.lab.settle();
        let hosts = &mut flooded.lab.hosts;
        let (server, _) = hosts[victim].accept(now, listener).unwrap();
        for (from, to) in [
            ((honest, client), (victim, server)),
            ((victim, server), (honest, client)),
        ] {
            let bufs = [IoSlice::new(b"!")];
            let flags = SendFlags::default();
            assert_eq!(
                flooded.lab.hosts[from.0].tcp_send(now, from.1, &bufs, flags),
                Ok(1)
            );
            flooded.lab.settle();
            let mut room = [0; 8];
            let bufs = &mut [IoSliceMut::new(&mut room)];
            let flags = RecvFlags::default();
            assert_eq!(
                flooded.lab.hosts[to.0].tcp_recv(now, to.1, bufs, flags),
                Ok(1)
            );
        }
        for (host, id) in [(honest, client), (victim, server)] {
            flooded.lab.hosts[host].close(now, id).unwrap();
            flooded.lab.settle();
        }
        flooded.stack().check().unwrap();
    }

    fn syn(flooded: &mut Flooded, n: u32) {
        // From everywhere, as far as the victim can tell: it has no way back to them, and need not look for one.
        let source = number(0x0a00_0003, n % 200);
        let port = 1024 + u16::try_from(n / 200).unwrap();
        let header = frames::syn(port, PORT, n);
        flooded.packet(&frames::tcp(
            source,
            ip("10.0.0.2"),
            header,
            &[2, 4, 5, 0xb4],
            b"",
        ));
    }

    /// RFC 4987 §3.3, §3.6: handshakes are remembered up to a limit, and beyond it cookies are sent.
    #[test]
    fn that_begin_handshakes_are_answered_with_cookies_when_too_many_are_open() {
        let (mut flooded, listener) = listening(64);
        for n in 0..4000 {
            syn(&mut flooded, n);
            assert!(flooded.stack().usage().handshakes <= 16);
            flooded.sent();
        }
        assert_eq!(flooded.stack().usage().sockets, 2, "no socket for a SYN");
        flooded.serve();
        converse(&mut flooded, listener);
    }

    /// Without cookies a full cache drops what is new; handshakes that nobody completes end by themselves.
    #[test]
    fn that_begin_handshakes_are_dropped_without_cookies_until_old_ones_end() {
        let (mut flooded, listener) = listening(64);
        let now = flooded.lab.now;
        let stack = flooded.stack();
        stack.set_parameter(now, "net.inet.ip.synattck", 0).unwrap();
        for n in 0..4000 {
            syn(&mut flooded, n);
            flooded.sent();
        }
        assert!(flooded.stack().usage().handshakes <= 16);
        flooded.serve();
        flooded.lab.pass(Duration::from_secs(300));
        assert_eq!(flooded.stack().usage().handshakes, 0);
        converse(&mut flooded, listener);
    }

    /// LSN-3: who is not accepted waits in a queue of bounded length.
    #[test]
    fn that_complete_handshakes_fill_the_queue_of_the_listener_and_no_more() {
        let (mut flooded, listener) = listening(2);
        let now = flooded.lab.now;
        let mut clients = Vec::new();
        for _ in 0..50 {
            let honest = &mut flooded.lab.hosts[flooded.honest];
            let client = honest.tcp_socket(now).unwrap();
            let _begun = honest.connect(now, client, addr("10.0.0.2:80"));
            flooded.lab.settle();
            clients.push(client);
            flooded.stack().check().unwrap();
        }
        let stack = flooded.stack();
        let waiting = std::iter::from_fn(|| stack.accept(now, listener).ok()).count();
        assert_eq!(waiting, 3, "the backlog, and one");
        for client in clients {
            let honest = flooded.honest;
            flooded.lab.hosts[honest].close(now, client).unwrap();
        }
        flooded.lab.pass(Duration::from_secs(600));
        flooded.serve();
    }

    /// Connections that wait out their time are bounded too.
    #[test]
    fn that_end_connections_leave_few_behind() {
        let (mut flooded, listener) = listening(2);
        for _ in 0..50 {
            converse(&mut flooded, listener);
            let usage = flooded.stack().usage();
            assert!(usage.time_wait <= 4, "{usage:?}");
        }
    }

    /// RFC 5961 §3, §4, §5: what is forged into a connection by someone who sees nothing of it ends nothing, and is
    /// answered at a limited rate.
    #[test]
    fn that_are_forged_into_a_connection_end_nothing_and_are_answered_at_a_limited_rate() {
        let (mut flooded, listener) = listening(2);
        let now = flooded.lab.now;
        let honest = flooded.honest;
        let hosts = &mut flooded.lab.hosts;
        let client = hosts[honest].tcp_socket(now).unwrap();
        let _begun = hosts[honest].connect(now, client, addr("10.0.0.2:80"));
        flooded.lab.settle();
        let (server, peer) = flooded.stack().accept(now, listener).unwrap();
        let mut answered = 0;
        for n in 0..20_000_u32 {
            // Data from outside the window must be answered, or a lost answer would never be made good.
            let flags = [tcp::Flags::RST, tcp::Flags::SYN, tcp::Flags::ACK]
                [usize::try_from(n % 3).unwrap()];
            let header = tcp::Header {
                source_port: peer.port(),
                destination_port: PORT,
                seq: SeqNumber(n.wrapping_mul(0x9e37_79b9)),
                ack: SeqNumber(n.wrapping_mul(0x85eb_ca6b)),
                header_len: 20,
                flags,
                window: 100,
                checksum: 0,
                urgent: 0,
            };
            flooded.packet(&frames::tcp(*peer.ip(), ip("10.0.0.2"), header, &[], b""));
            answered += flooded.sent().len();
        }
        assert!(answered <= 1000, "{answered} answers");
        assert_eq!(
            flooded.stack().tcp_info(server).unwrap().state,
            State::Established
        );
        let bufs = [IoSlice::new(b"still here")];
        assert_eq!(
            flooded
                .stack()
                .tcp_send(now, server, &bufs, SendFlags::default()),
            Ok(10)
        );
        flooded.lab.pass(Duration::from_secs(5));
        let mut room = [0; 16];
        let got = flooded.lab.hosts[honest].tcp_recv(
            flooded.lab.now,
            client,
            &mut [IoSliceMut::new(&mut room)],
            RecvFlags::default(),
        );
        assert_eq!(got, Ok(10));
        flooded.serve();
    }

    /// Segments without a connection are answered with a reset each, which is no longer than they are.
    #[test]
    fn to_closed_ports_are_answered_with_resets_and_nothing_else() {
        let (mut flooded, _) = listening(2);
        let mut answered = 0;
        for n in 0..5000_u16 {
            let header = frames::syn(n, 9, 1);
            flooded.packet(&frames::tcp(
                ip("10.0.0.1"),
                ip("10.0.0.2"),
                header,
                &[],
                b"",
            ));
            for frame in flooded.sent() {
                assert_eq!(frame.len(), 14 + 40);
                answered += 1;
            }
        }
        assert_eq!(answered, 5000);
        flooded.serve();
    }

    /// Every kind of option, of every length, that ends where it should not.
    #[test]
    fn with_malformed_options_are_taken_without_them() {
        let (mut flooded, listener) = listening(2);
        for kind in 0..=255_u8 {
            for length in [0, 1, 2, 3, 4, 10, 34, 39, 40, 41, 255] {
                let mut options = [0; 40];
                options[..2].copy_from_slice(&[kind, length]);
                let header = frames::syn(u16::from(kind) + 1024, PORT, 7);
                let source = ip("10.0.0.99");
                flooded.packet(&frames::tcp(source, ip("10.0.0.2"), header, &options, b""));
            }
        }
        flooded.sent();
        flooded.serve();
        flooded.lab.pass(Duration::from_secs(300));
        converse(&mut flooded, listener);
    }
}

mod groups {
    use super::*;
    use fairway_native::ip::multicast::Command;
    use fairway_wire::igmp::{Message, Query};

    /// RFC 3376 §5.2: an answer is due within a time; more questions make no more answers of it.
    #[test]
    fn that_are_asked_for_again_and_again_are_answered_no_more_often() {
        let mut flooded = Flooded::new();
        let (now, socket) = (flooded.lab.now, flooded.answers);
        let group = ip("224.1.1.1");
        flooded
            .stack()
            .join(now, socket, group, Some(ETH), None)
            .unwrap();
        flooded.lab.pass(Duration::from_secs(30));
        let before = flooded.count(EventId::IgmpOut);
        for n in 0..5000_u32 {
            for (code, of) in [
                (100, Ipv4Addr::UNSPECIFIED),
                (10, group),
                (1, number(0xe100_0000, n)),
            ] {
                let query = Query {
                    max_response_code: code,
                    group: of,
                    v3: None,
                };
                let to = if of.is_unspecified() {
                    ip("224.0.0.1")
                } else {
                    of
                };
                flooded.packet(&frames::igmp(ip("10.0.0.99"), to, &Message::Query(query)));
            }
        }
        flooded.lab.pass(Duration::from_secs(30));
        let reports = flooded.count(EventId::IgmpOut) - before;
        assert!((1..=4).contains(&reports), "{reports} reports");
        flooded.serve();
    }

    /// What a multicast router remembers of others.
    #[test]
    fn that_others_report_are_remembered_up_to_a_limit() {
        let mut flooded = Flooded::with(|limits| limits.igmp.heard_groups = 16);
        let now = flooded.lab.now;
        let stack = flooded.stack();
        for command in [
            Command::Init,
            Command::AddVif {
                index: 0,
                address: ip("10.0.0.2"),
                threshold: 1,
                tunnel: false,
            },
        ] {
            stack.multicast_command(now, command).unwrap();
        }
        for n in 0..3000 {
            let group = number(0xe100_0000, n);
            flooded.packet(&frames::igmp(
                ip("10.0.0.99"),
                group,
                &Message::V2Report { group },
            ));
            flooded.packet(&frames::igmp(
                ip("10.0.0.99"),
                ip("224.0.0.2"),
                &Message::Leave { group },
            ));
            flooded.sent();
        }
        assert!(flooded.stack().counters().igmp.groups_without_room >= 3000 - 16);
        flooded.serve();
    }
}
