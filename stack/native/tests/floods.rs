//! What strangers send too much of: every table stays within its limit, what is dropped is counted, and whoever is
//! honest is served on (DESIGN D6).

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
        let mut lab = Lab::new();
        let honest = lab.host("honest");
        let mut setup = Setup::new("victim", [7; 32]);
        setup.limits = limits();
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
        for n in 0..1000 {
            for port in [7, 8] {
                let to = (number(0x0c00_0000, n), 9);
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
        assert_eq!(flooded.count(EventId::PmtuChange), 1000, "of a port in use");
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
