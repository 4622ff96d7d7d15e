//! Opening: RFC 9293 §3.5, §3.10.1 to §3.10.7.3.

use super::*;
use crate::event::EventId;

mod section_3_5 {
    use super::*;

    // RFC 9293 figure 6
    #[test]
    fn three_segments_open_a_connection() {
        let mut pair = Pair::new(Link {
            delay: ms(10),
            ..Link::default()
        });
        let start = pair.now;
        let (one, other) = pair.connected();
        assert_eq!(pair.state(B, other), Some(State::Established));
        assert_eq!(pair.now - start, ms(30));
        let flags: Vec<String> = pair
            .seen
            .iter()
            .map(|seen| seen.header.flags.to_string())
            .collect();
        assert_eq!(flags, ["S", "S.", "."]);
        let info = pair.info(A, one);
        assert_eq!((info.send_mss, info.rtt), (1448, ms(20)));
        assert!(info.sack && info.timestamps && info.window_scale);
        assert_eq!(info.congestion_window, 14_480);
    }

    // A9: the options of a SYN stand in the order most hosts use.
    #[test]
    fn a_syn_offers_what_modern_hosts_do() {
        let mut pair = Pair::new(Link::default());
        pair.connect(A);
        let syn = pair.last_from(A);
        assert_eq!(syn.options.max_segment_size, Some(1460));
        assert!(syn.options.sack_permitted);
        assert_eq!(syn.options.timestamps.unwrap().echo, 0);
        assert_eq!(syn.options.window_scale, Some(7));
        assert_eq!(syn.header.window, 65_535);
    }

    // RFC 9293 figure 7
    #[test]
    fn syns_that_cross_open_one_connection() {
        let mut pair = Pair::new(Link {
            delay: ms(10),
            ..Link::default()
        });
        let names = [
            SocketAddrV4::new(ADDRESSES[A], 1000),
            SocketAddrV4::new(ADDRESSES[B], 2000),
        ];
        let mut ids = Vec::new();
        for host in [A, B] {
            let id = pair.with(host, |tcp, cx| {
                let id = tcp.create(cx).unwrap();
                tcp.bind(cx, id, names[host]).unwrap();
                id
            });
            ids.push(id);
        }
        for host in [A, B] {
            assert_eq!(
                pair.connect_to(host, ids[host], names[1 - host]),
                Err(Errno::InProgress)
            );
        }
        pair.run(ms(100));
        for host in [A, B] {
            assert_eq!(pair.state(host, ids[host]), Some(State::Established));
        }
        pair.transfer(A, ids[A], ids[B], 10_000);
        pair.transfer(B, ids[B], ids[A], 10_000);
    }
}

mod errors {
    use super::*;

    // CON-2
    #[test]
    fn nobody_listens() {
        let mut pair = Pair::new(Link {
            delay: ms(10),
            ..Link::default()
        });
        let id = pair.connect(A);
        pair.run(ms(20));
        assert!(pair.hosts[A].tcp.readiness(id).unwrap().writable);
        assert_eq!(
            pair.hosts[A].tcp.take_error(id),
            Ok(Some(Errno::ConnRefused))
        );
        assert_eq!(pair.hosts[A].tcp.take_error(id), Ok(None));
        assert_eq!(pair.hosts[B].events.count_of(EventId::TcpInputNoport), 1);
    }

    // CON-3
    #[test]
    fn nobody_answers_for_75_seconds() {
        let mut pair = Pair::new(Link::default());
        pair.pass = Box::new(|_| false);
        let id = pair.connect(A);
        pair.run(Duration::from_millis(74_999));
        assert_eq!(pair.state(A, id), Some(State::SynSent));
        assert_eq!(
            pair.connect_to(A, id, SocketAddrV4::new(ADDRESSES[B], PORT)),
            Err(Errno::Already)
        );
        pair.run(ms(2));
        assert_eq!(pair.send(A, id, b"x"), Err(Errno::TimedOut));
        // RFC 6298 §5.5: at 0, 1, 3, 7, 15, 31 and 63 seconds.
        let times: Vec<u64> = pair
            .seen
            .iter()
            .map(|seen| (seen.at - Instant::from_nanos(1_000_000_000)).as_secs())
            .collect();
        assert_eq!(times, [0, 1, 3, 7, 15, 31, 63]);
    }

    // CON-1
    #[test]
    fn a_socket_connects_once() {
        let mut pair = Pair::new(Link::default());
        let (one, _) = pair.connected();
        let peer = SocketAddrV4::new(ADDRESSES[B], PORT);
        assert_eq!(pair.connect_to(A, one, peer), Err(Errno::IsConn));
    }

    // PRT-5
    #[test]
    fn the_name_stays_after_a_failed_attempt() {
        let mut pair = Pair::new(Link::default());
        let id = pair.connect(A);
        let name = pair.hosts[A].tcp.local_name(id).unwrap();
        pair.run(ms(1));
        let peer = SocketAddrV4::new(ADDRESSES[B], PORT);
        assert_eq!(pair.connect_to(A, id, peer), Err(Errno::ConnRefused));
        pair.listen(B);
        assert_eq!(pair.connect_to(A, id, peer), Err(Errno::InProgress));
        pair.run(ms(1));
        assert_eq!(pair.state(A, id), Some(State::Established));
        assert_eq!(pair.hosts[A].tcp.local_name(id).unwrap(), name);
    }
}

mod listening {
    use super::*;

    // ACC-1, ACC-3, ACC-5
    #[test]
    fn accepting_gives_connections_in_order_with_the_options_of_the_listener() {
        let mut pair = Pair::new(Link::default());
        let listener = pair.listen(B);
        pair.with(B, |tcp, cx| {
            tcp.set_options(cx, listener, |options| options.no_delay = true)
        })
        .unwrap();
        assert_eq!(pair.accept(B, listener), Err(Errno::WouldBlock));
        let clients = [pair.connect(A), pair.connect(A)];
        pair.run(ms(1));
        for client in clients {
            let accepted = pair.accept(B, listener).unwrap();
            let name = pair.hosts[A].tcp.local_name(client).unwrap();
            assert_eq!(pair.hosts[B].tcp.peer_name(accepted), Ok(name));
            assert!(pair.hosts[B].tcp.options(accepted).unwrap().no_delay);
            assert_eq!(pair.accept(B, accepted), Err(Errno::Inval));
        }
    }

    // LSN-3, C-10
    #[test]
    fn a_full_queue_ignores_requests_until_there_is_room() {
        let mut pair = Pair::new(Link::default());
        let listener = pair.listen(B);
        pair.with(B, |tcp, cx| tcp.listen(cx, listener, 1)).unwrap();
        let mut clients = vec![pair.connect(A), pair.connect(A)];
        pair.run(ms(50));
        clients.push(pair.connect(A));
        pair.run(ms(50));
        assert_eq!(pair.state(A, clients[2]), Some(State::SynSent));
        assert!(pair.hosts[B].events.count_of(EventId::TcpListenOverflow) > 0);
        pair.accept(B, listener).unwrap();
        pair.run(ms(1000));
        assert_eq!(pair.state(A, clients[2]), Some(State::Established));
    }

    // CLO-2
    #[test]
    fn closing_a_listener_resets_what_waits() {
        let mut pair = Pair::new(Link::default());
        let listener = pair.listen(B);
        let client = pair.connect(A);
        pair.run(ms(1));
        pair.close(B, listener);
        pair.run(ms(1));
        assert_eq!(pair.recv(A, client, 10), Err(Errno::ConnReset));
        assert_eq!(pair.hosts[B].tcp.sizes().0, 0);
    }

    // ACC-5
    #[test]
    fn a_connection_that_was_reset_is_not_accepted() {
        let mut pair = Pair::new(Link::default());
        let listener = pair.listen(B);
        let client = pair.connect(A);
        pair.run(ms(1));
        pair.with(A, |tcp, cx| tcp.abort(cx, client));
        pair.run(ms(1));
        assert_eq!(pair.accept(B, listener), Err(Errno::ConnAborted));
        assert_eq!(pair.accept(B, listener), Err(Errno::WouldBlock));
    }

    // RFC 9293 §3.10.7.4 for SYN-RECEIVED; RFC 6298 §5.5
    #[test]
    fn a_syn_ack_is_sent_again() {
        let mut pair = Pair::new(Link::default());
        let listener = pair.listen(B);
        let mut drops = 2;
        pair.pass = Box::new(move |seen| {
            let syn_ack = seen.header.flags == Flags::SYN | Flags::ACK;
            drops -= i32::from(syn_ack);
            !syn_ack || drops < 0
        });
        pair.connect(A);
        pair.run(Duration::from_secs(4));
        assert!(pair.accept(B, listener).is_ok());
    }
}

mod cookies {
    use super::*;

    // RFC 4987 §3.6
    #[test]
    fn a_flood_is_answered_with_cookies_and_real_peers_get_in() {
        let mut pair = Pair::new(Link::default());
        let listener = pair.listen(B);
        pair.hosts[B].limits.syn_cache = 4;
        for port in 1..=10 {
            let syn = Header {
                source_port: port,
                destination_port: PORT,
                seq: SeqNumber(9),
                ack: SeqNumber(0),
                header_len: 20,
                flags: Flags::SYN,
                window: 1000,
                checksum: 0,
                urgent: 0,
            };
            // Nobody is there to answer with a reset.
            pair.pass = Box::new(|seen| seen.from == A);
            pair.inject(B, syn, &Options::default(), b"");
        }
        assert_eq!(pair.hosts[B].tcp.sizes().1, 4);
        assert_eq!(pair.hosts[B].tcp.counters().syn_cookies_sent, 6);
        pair.pass = Box::new(|_| true);
        let client = pair.connect(A);
        pair.run(ms(1));
        let server = pair.accept(B, listener).unwrap();
        assert_eq!(pair.hosts[B].tcp.counters().syn_cookies_accepted, 1);
        let (near, far) = (pair.info(A, client), pair.info(B, server));
        assert_eq!(
            (far.send_mss, far.send_shift, far.sack),
            (1448, near.recv_shift, true)
        );
        pair.transfer(A, client, server, 100_000);
        pair.transfer(B, server, client, 100_000);
    }

    #[test]
    fn a_forged_acknowledgment_is_refused() {
        let mut pair = Pair::new(Link::default());
        pair.listen(B);
        let ack = Header {
            source_port: 5,
            destination_port: PORT,
            seq: SeqNumber(9),
            ack: SeqNumber(77),
            header_len: 20,
            flags: Flags::ACK,
            window: 1000,
            checksum: 0,
            urgent: 0,
        };
        pair.inject(B, ack, &Options::default(), b"");
        let reset = pair.last_from(B);
        assert_eq!(
            (reset.header.flags, reset.header.seq),
            (Flags::RST, SeqNumber(77))
        );
    }
}
