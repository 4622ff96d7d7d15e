//! Segments from the blind, the late and the confused: RFC 5961, RFC 7323 §5, RFC 5927, RFC 9293 §3.10.7.

use super::*;
use crate::event::EventId;

/// An established connection, and a header that continues B's stream to A.
fn established() -> (Pair, ConnId, ConnId, Header, Options) {
    let mut pair = Pair::new(Link {
        delay: ms(10),
        ..Link::default()
    });
    let (one, other) = pair.connected();
    pair.send(A, one, b"hello").unwrap();
    pair.run(ms(100));
    let last = pair.last_from(A);
    let options = Options {
        timestamps: pair.last_from(B).options.timestamps,
        ..Options::default()
    };
    (pair, one, other, answering(&last), options)
}

mod resets {
    use super::*;

    // RFC 5961 §3.2
    #[test]
    fn only_the_very_next_number_resets() {
        let (mut pair, one, _, header, options) = established();
        pair.pass = Box::new(|_| false);
        for (offset, answered) in [(1, true), (50_000, true), (10_000_000, false)] {
            let before = pair.seen.len();
            let reset = Header {
                seq: header.seq + offset,
                flags: Flags::RST,
                ..header
            };
            pair.inject(A, reset, &options, b"");
            assert_eq!(pair.seen.len() - before, usize::from(answered), "{offset}");
            assert_eq!(pair.state(A, one), Some(State::Established));
        }
        pair.inject(
            A,
            Header {
                flags: Flags::RST,
                ..header
            },
            &options,
            b"",
        );
        assert_eq!(pair.recv(A, one, 1), Err(Errno::ConnReset));
        assert_eq!(pair.hosts[A].events.count_of(EventId::TcpInputReset), 1);
    }
}

mod syns {
    use super::*;

    // RFC 5961 §4.2
    #[test]
    fn a_syn_is_answered_with_a_challenge_wherever_it_lies() {
        let (mut pair, one, _, header, options) = established();
        pair.pass = Box::new(|_| false);
        for offset in [0, 1000, 1 << 30] {
            let syn = Header {
                seq: header.seq + offset,
                flags: Flags::SYN,
                ..header
            };
            pair.inject(A, syn, &options, b"");
            let answer = pair.last_from(A).header;
            assert_eq!((answer.flags, answer.ack), (Flags::ACK, header.seq));
        }
        assert_eq!(pair.state(A, one), Some(State::Established));
    }
}

mod acknowledgments {
    use super::*;

    // RFC 9293 §3.10.7.4, RFC 5961 §5.2
    #[test]
    fn of_what_was_never_sent_and_of_the_far_past_are_refused() {
        let (mut pair, one, _, header, options) = established();
        pair.pass = Box::new(|_| false);
        for ack in [header.ack + 1_u32, header.ack - 10_000_000_u32] {
            pair.inject(A, Header { ack, ..header }, &options, b"forged");
            assert_eq!(pair.recv(A, one, 10), Err(Errno::WouldBlock));
            assert_eq!(pair.last_from(A).header.ack, header.seq);
        }
        assert_eq!(pair.hosts[A].events.count_of(EventId::TcpInputBadack), 2);
    }

    // RFC 5961 §7
    #[test]
    fn challenges_are_limited() {
        let (mut pair, _, _, header, options) = established();
        pair.pass = Box::new(|_| false);
        let before = pair.seen.len();
        for _ in 0..500 {
            pair.inject(
                A,
                Header {
                    flags: Flags::SYN,
                    ..header
                },
                &options,
                b"",
            );
        }
        // At most 100, at least half of them.
        let sent = pair.seen.len() - before;
        assert!((50..=100).contains(&sent), "{sent}");
        let refused = pair.hosts[A].events.count_of(EventId::TcpInputChallenge);
        assert_eq!(u64::try_from(sent).unwrap() + refused, 500);
    }

    // RFC 9293 §3.10.7.4, fifth: no ACK bit
    #[test]
    fn a_segment_without_the_bit_is_dropped() {
        let (mut pair, one, _, header, options) = established();
        pair.inject(
            A,
            Header {
                flags: Flags::PSH,
                ..header
            },
            &options,
            b"data",
        );
        assert_eq!(pair.recv(A, one, 10), Err(Errno::WouldBlock));
    }
}

mod paws {
    use super::*;

    fn aged(options: Options, by: u32) -> Options {
        let mut stamps = options.timestamps.unwrap();
        stamps.value = stamps.value.wrapping_sub(by);
        Options {
            timestamps: Some(stamps),
            ..options
        }
    }

    // RFC 7323 §5.3, HPX-3
    #[test]
    fn an_old_duplicate_is_dropped_and_answered() {
        let (mut pair, one, _, header, options) = established();
        pair.pass = Box::new(|_| false);
        let before = pair.seen.len();
        pair.inject(A, header, &aged(options, 1000), b"old");
        assert_eq!(pair.recv(A, one, 10), Err(Errno::WouldBlock));
        assert_eq!(pair.seen.len() - before, 1);
        assert_eq!(pair.hosts[A].tcp.counters().paws_drops, 1);
        pair.inject(A, header, &options, b"new");
        assert_eq!(pair.recv(A, one, 10).unwrap(), b"new");
    }

    // RFC 7323 §5.2: R1 does not hold for resets.
    #[test]
    fn resets_are_exempt() {
        let (mut pair, one, _, header, options) = established();
        pair.inject(
            A,
            Header {
                flags: Flags::RST,
                ..header
            },
            &aged(options, 1000),
            b"",
        );
        assert_eq!(pair.recv(A, one, 1), Err(Errno::ConnReset));
    }

    // RFC 7323 §5.5
    #[test]
    fn after_24_days_a_timestamp_proves_nothing() {
        let (mut pair, one, _, header, options) = established();
        pair.run(Duration::from_secs(25 * 86_400));
        pair.inject(A, header, &aged(options, 1000), b"fine");
        assert_eq!(pair.recv(A, one, 10).unwrap(), b"fine");
    }
}

mod icmp {
    use super::*;
    use crate::tcp::Unreachable;

    fn report(pair: &mut Pair, one: ConnId, seq: SeqNumber) {
        let local = pair.hosts[A].tcp.local_name(one).unwrap();
        let peer = SocketAddrV4::new(ADDRESSES[B], PORT);
        let error = Unreachable {
            errno: Errno::HostUnreach,
            hard: false,
        };
        pair.with(A, |tcp, cx| {
            tcp.handle_unreachable(cx, local, peer, seq, error);
        });
    }

    // RFC 1122 §4.2.3.9: soft errors end nothing; they explain a failure.
    #[test]
    fn a_soft_error_is_told_when_the_connection_fails() {
        let (mut pair, one, _, header, _) = established();
        pair.pass = Box::new(|_| false);
        pair.with(A, |tcp, cx| {
            tcp.set_options(cx, one, |options| options.user_timeout = Some(ms(3000)))
        })
        .unwrap();
        pair.send(A, one, b"x").unwrap();
        // RFC 5927 §4: only if it quotes what is in flight.
        report(&mut pair, one, header.ack - 100_u32);
        report(&mut pair, one, header.ack);
        assert_eq!(pair.state(A, one), Some(State::Established));
        pair.run(ms(4000));
        assert_eq!(pair.recv(A, one, 1), Err(Errno::HostUnreach));
    }

    // RFC 5461 §4
    #[test]
    fn an_error_ends_an_attempt_to_connect() {
        let mut pair = Pair::new(Link::default());
        pair.pass = Box::new(|_| false);
        let one = pair.connect(A);
        let seq = pair.last_from(A).header.seq;
        let local = pair.hosts[A].tcp.local_name(one).unwrap();
        let peer = SocketAddrV4::new(ADDRESSES[B], PORT);
        let error = Unreachable {
            errno: Errno::NetUnreach,
            hard: false,
        };
        pair.with(A, |tcp, cx| {
            tcp.handle_unreachable(cx, local, peer, seq + 1_u32, error);
        });
        assert_eq!(pair.state(A, one), Some(State::SynSent));
        pair.with(A, |tcp, cx| {
            tcp.handle_unreachable(cx, local, peer, seq, error);
        });
        assert_eq!(
            pair.hosts[A].tcp.take_error(one),
            Ok(Some(Errno::NetUnreach))
        );
    }
}

mod path_mtu {
    use super::*;

    // RFC 1191 §6.4
    #[test]
    fn what_was_too_long_is_sent_again_shorter_at_once() {
        let mut pair = Pair::new(Link {
            delay: ms(10),
            ..Link::default()
        });
        let (one, other) = pair.connected();
        pair.pass = Box::new(|seen| seen.len <= 1000);
        let data = pattern(20_000);
        pair.send(A, one, &data).unwrap();
        let seq = pair
            .sent_by(A)
            .find(|seen| seen.len > 0)
            .unwrap()
            .header
            .seq;
        let local = pair.hosts[A].tcp.local_name(one).unwrap();
        let peer = SocketAddrV4::new(ADDRESSES[B], PORT);
        // RFC 5927 §7.2: not for what is not in flight.
        pair.with(A, |tcp, cx| {
            tcp.handle_path_mtu(cx, local, peer, seq - 1000_u32, 600);
        });
        assert_eq!(pair.info(A, one).send_mss, 1448);
        pair.with(A, |tcp, cx| tcp.handle_path_mtu(cx, local, peer, seq, 1000));
        assert_eq!(pair.info(A, one).send_mss, 948);
        pair.run(ms(200));
        assert_eq!(pair.recv(B, other, 65_536).unwrap(), data);
        assert_eq!(pair.hosts[A].tcp.counters().retransmit_timeouts, 0);
    }

    // RFC 2923 §2.1
    #[test]
    fn a_black_hole_is_found_without_a_word() {
        let mut pair = Pair::new(Link {
            delay: ms(10),
            ..Link::default()
        });
        let (one, other) = pair.connected();
        pair.pass = Box::new(|seen| seen.len <= 1240);
        let time = pair.transfer(A, one, other, 200_000);
        assert!(time < Duration::from_secs(10), "{time:?}");
        assert!(pair.hosts[A].tcp.counters().black_holes > 0);
    }

    #[test]
    fn an_outage_leaves_long_segments_as_they_were() {
        let mut pair = Pair::new(Link {
            delay: ms(10),
            ..Link::default()
        });
        let (one, other) = pair.connected();
        let start = pair.now;
        pair.pass = Box::new(move |seen| seen.at - start > ms(3000));
        pair.transfer(A, one, other, 100_000);
        assert_eq!(pair.info(A, one).send_mss, 1448);
    }
}

mod garbage {
    use super::*;

    // RFC 9293 §3.1, MUST-3
    #[test]
    fn a_wrong_checksum_is_dropped_and_counted() {
        let mut pair = Pair::new(Link {
            corrupt: 1000,
            ..Link::default()
        });
        pair.listen(B);
        pair.connect(A);
        pair.run(ms(1));
        let events = &pair.hosts[B].events;
        assert_eq!(
            events.count_of(EventId::TcpInputBadsum) + events.count_of(EventId::TcpInputBadhlen),
            1
        );
    }

    /// Arbitrary octets, and arbitrary segments of a connection, never panic, and the tables stay in order (the debug
    /// build checks after each step).
    #[test]
    fn arbitrary_segments_do_no_harm() {
        let mut rng = Rng::from_seed([9; 32]);
        let (mut pair, one, _, header, options) = established();
        pair.record = false;
        for _ in 0..3000 {
            let mut odd = header;
            odd.flags = Flags(rng.next_u64().to_le_bytes()[0]);
            odd.seq = header.seq + u32::try_from(rng.below(70_000)).unwrap() - 2000_u32;
            odd.ack = header.ack + u32::try_from(rng.below(20)).unwrap() - 10_u32;
            odd.window = rng.next_u16();
            odd.urgent = u16::try_from(rng.below(50)).unwrap();
            if rng.below(50) > 0 {
                odd.flags = odd.flags.without(Flags::RST);
            }
            let len = usize::try_from(rng.below(3000)).unwrap();
            let data = pattern(len);
            pair.inject(A, odd, &options, &data);
            match rng.below(6) {
                0 => drop(pair.recv(A, one, 4000)),
                1 => drop(pair.send(A, one, &data)),
                2 => pair.run(ms(rng.below(300))),
                _ => {}
            }
        }
        for _ in 0..3000 {
            let len = usize::try_from(rng.below(80)).unwrap();
            let octets: Vec<u8> = (0..len).map(|_| rng.next_u64().to_le_bytes()[0]).collect();
            let ip = IpInfo {
                source: ADDRESSES[B],
                destination: ADDRESSES[A],
                ttl: 64,
                tos: 0,
                interface: 1,
                unicast: true,
            };
            let mut packet = PacketBuf::from_slice(&octets);
            packet.checksum = ChecksumState::Trusted;
            pair.with(A, |tcp, cx| tcp.handle_packet(cx, &ip, packet));
        }
    }
}
