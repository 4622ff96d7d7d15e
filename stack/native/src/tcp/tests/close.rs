//! Closing: RFC 9293 §3.6, §3.10.4 to §3.10.7.4; sockets.md §12.4.

use super::*;

// RFC 9293 figure 12
#[test]
fn both_ends_close_and_the_first_waits() {
    let mut pair = Pair::new(Link {
        delay: ms(10),
        ..Link::default()
    });
    let (one, other) = pair.connected();
    pair.send(A, one, b"last words").unwrap();
    assert_eq!(pair.close(A, one), Close::Done);
    pair.run(ms(30));
    assert_eq!(pair.state(A, one), Some(State::FinWait2));
    assert_eq!(pair.state(B, other), Some(State::CloseWait));
    assert_eq!(pair.recv(B, other, 100).unwrap(), b"last words");
    assert_eq!(pair.recv(B, other, 100).unwrap(), b"");
    pair.close(B, other);
    pair.run(ms(30));
    assert_eq!(pair.state(B, other), None);
    assert_eq!(pair.state(A, one), None);
    assert_eq!(pair.hosts[A].tcp.sizes(), (0, 0, 1));
    pair.run(Duration::from_secs(120));
    assert_eq!(pair.hosts[A].tcp.sizes(), (0, 0, 0));
    assert_eq!(pair.hosts[A].tcp.poll_timeout(), None);
}

// RFC 9293 §3.6: half close
#[test]
fn one_direction_closes_and_the_other_goes_on() {
    let mut pair = Pair::new(Link {
        delay: ms(10),
        ..Link::default()
    });
    let (one, other) = pair.connected();
    pair.send(A, one, b"question").unwrap();
    pair.shutdown(A, one);
    assert_eq!(pair.send(A, one, b"more"), Err(Errno::Pipe));
    pair.run(ms(100));
    assert_eq!(pair.recv(B, other, 100).unwrap(), b"question");
    assert_eq!(pair.recv(B, other, 100).unwrap(), b"");
    pair.transfer(B, other, one, 300_000);
    pair.close(B, other);
    pair.run(ms(100));
    assert_eq!(pair.recv(A, one, 100).unwrap(), b"");
    assert_eq!(pair.state(A, one), Some(State::TimeWait));
    pair.close(A, one);
    assert_eq!(pair.state(A, one), None);
}

// RFC 9293 figure 13
#[test]
fn fins_that_cross_close_both() {
    let mut pair = Pair::new(Link {
        delay: ms(10),
        ..Link::default()
    });
    let (one, other) = pair.connected();
    pair.close(A, one);
    pair.close(B, other);
    pair.run(ms(5));
    assert_eq!(pair.state(A, one), Some(State::FinWait1));
    pair.run(ms(100));
    assert_eq!(pair.hosts[A].tcp.sizes(), (0, 0, 1));
    assert_eq!(pair.hosts[B].tcp.sizes(), (0, 0, 1));
}

// RFC 9293 §3.6.1: closing with data unread tells the peer that it is lost.
#[test]
fn closing_with_unread_data_resets() {
    let mut pair = Pair::new(Link::default());
    let (one, other) = pair.connected();
    pair.send(A, one, b"unheard").unwrap();
    pair.run(ms(1));
    pair.close(B, other);
    pair.run(ms(1));
    assert_eq!(pair.recv(A, one, 10), Err(Errno::ConnReset));
    assert_eq!(pair.recv(A, one, 10).unwrap(), b"");
    assert_eq!(pair.send(A, one, b"x"), Err(Errno::Pipe));
    assert_eq!(pair.hosts[B].tcp.sizes(), (0, 0, 0));
}

// sockets.md §12.4, third row, as POSIX has it (C-1)
#[test]
fn lingering_for_no_time_resets() {
    let mut pair = Pair::new(Link::default());
    let (one, other) = pair.connected();
    pair.with(A, |tcp, cx| {
        tcp.set_options(cx, one, |options| options.linger = Some(Duration::ZERO))
    })
    .unwrap();
    assert_eq!(pair.close(A, one), Close::Done);
    pair.run(ms(1));
    assert_eq!(pair.recv(B, other, 10), Err(Errno::ConnReset));
    assert_eq!(pair.hosts[A].tcp.sizes(), (0, 0, 0));
}

// CLO-3
#[test]
fn lingering_ends_with_the_acknowledgment_or_with_time() {
    for lost in [false, true] {
        let mut pair = Pair::new(Link {
            delay: ms(10),
            ..Link::default()
        });
        let (one, _other) = pair.connected();
        pair.with(A, |tcp, cx| {
            tcp.set_options(cx, one, |options| options.linger = Some(ms(2000)))
        })
        .unwrap();
        if lost {
            pair.pass = Box::new(|_| false);
        }
        pair.send(A, one, b"last words").unwrap();
        assert_eq!(pair.close(A, one), Close::Lingering(ms(2000)));
        while pair.hosts[A].tcp.poll_notice().is_some() {}
        let start = pair.now;
        loop {
            let until = pair.now + Duration::from_secs(10);
            assert!(pair.step(until));
            if let Some(notice) = pair.hosts[A].tcp.poll_notice() {
                assert!(notice.readiness.closed && notice.id == one);
                break;
            }
        }
        assert_eq!(pair.now - start, if lost { ms(2000) } else { ms(20) });
        if lost {
            assert!(pair.last_from(A).header.flags.contains(Flags::RST));
        }
    }
}

// RFC 9293 §3.10.7.4: data for nobody
#[test]
fn data_after_close_is_answered_with_a_reset() {
    let mut pair = Pair::new(Link {
        delay: ms(10),
        ..Link::default()
    });
    let (one, other) = pair.connected();
    pair.close(A, one);
    pair.send(B, other, b"too late").unwrap();
    pair.run(ms(100));
    assert_eq!(pair.recv(B, other, 10), Err(Errno::Pipe));
    assert_eq!(pair.hosts[A].tcp.sizes(), (0, 0, 0));
}

// CLO-4
#[test]
fn what_was_written_is_sent_after_close() {
    let mut pair = Pair::new(Link {
        delay: ms(10),
        loss: 100,
        ..Link::default()
    });
    let (one, other) = pair.connected();
    let data = pattern(200_000);
    assert_eq!(pair.send(A, one, &data), Ok(data.len()));
    pair.close(A, one);
    let mut got = Vec::new();
    let limit = pair.now + Duration::from_secs(600);
    loop {
        match pair.recv(B, other, 65_536) {
            Ok(more) if more.is_empty() => break,
            Ok(more) => got.extend(more),
            Err(Errno::WouldBlock) => assert!(pair.step(limit)),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(got, data);
}

// RFC 9293 §3.6.1
#[test]
fn a_fin_is_sent_again() {
    let mut pair = Pair::new(Link {
        delay: ms(10),
        ..Link::default()
    });
    let (one, other) = pair.connected();
    let mut first = true;
    pair.pass = Box::new(move |seen| {
        !(seen.header.flags.contains(Flags::FIN) && core::mem::take(&mut first))
    });
    pair.shutdown(A, one);
    pair.run(ms(500));
    assert_eq!(pair.state(B, other), Some(State::CloseWait));
}

#[test]
fn an_orphan_in_fin_wait_2_is_not_kept_for_ever() {
    let mut pair = Pair::new(Link::default());
    let (one, _other) = pair.connected();
    pair.close(A, one);
    pair.run(Duration::from_secs(59));
    assert_eq!(pair.state(A, one), Some(State::FinWait2));
    pair.run(Duration::from_secs(2));
    assert_eq!(pair.state(A, one), None);
}

mod time_wait {
    use super::*;

    fn waiting() -> (Pair, Seen) {
        let mut pair = Pair::new(Link::default());
        let (one, other) = pair.connected();
        pair.close(A, one);
        pair.run(ms(1));
        pair.close(B, other);
        pair.run(ms(1));
        let last = pair.last_from(A);
        assert_eq!(pair.hosts[A].tcp.sizes().2, 1);
        (pair, last)
    }

    // RFC 9293 §3.10.7.4, eighth
    #[test]
    fn a_fin_that_comes_again_is_acknowledged_and_the_wait_begins_anew() {
        let (mut pair, last) = waiting();
        pair.run(Duration::from_secs(100));
        let fin = Header {
            seq: last.header.ack - 1_u32,
            flags: Flags::FIN | Flags::ACK,
            ..answering(&last)
        };
        let before = pair.seen.len();
        pair.pass = Box::new(|seen| seen.from == B);
        pair.inject(A, fin, &Options::default(), b"");
        assert_eq!(pair.seen.len(), before + 1);
        assert_eq!(pair.last_from(A).header.ack, last.header.ack);
        pair.run(Duration::from_secs(119));
        assert_eq!(pair.hosts[A].tcp.sizes().2, 1);
        pair.run(Duration::from_secs(2));
        assert_eq!(pair.hosts[A].tcp.sizes().2, 0);
    }

    // RFC 1337
    #[test]
    fn resets_are_ignored_if_so_configured() {
        for protect in [true, false] {
            let (mut pair, last) = waiting();
            pair.hosts[A].config.protect_time_wait = protect;
            let reset = Header {
                flags: Flags::RST,
                ..answering(&last)
            };
            pair.inject(A, reset, &Options::default(), b"");
            assert_eq!(pair.hosts[A].tcp.sizes().2, usize::from(protect));
        }
    }

    // RFC 6191, RFC 9293 §3.6.1
    #[test]
    fn a_newer_syn_takes_the_place() {
        let (mut pair, last) = waiting();
        let listener = pair.with(A, |tcp, cx| {
            let id = tcp.create(cx).unwrap();
            let name = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, last.header.source_port);
            tcp.set_options(cx, id, |options| options.reuse_addr = true)
                .unwrap();
            tcp.bind(cx, id, name).unwrap();
            tcp.listen(cx, id, 5).unwrap();
            id
        });
        let syn = |seq| Header {
            seq,
            ack: SeqNumber(0),
            flags: Flags::SYN,
            ..answering(&last)
        };
        pair.pass = Box::new(|seen| seen.from == B);
        pair.inject(A, syn(last.header.ack - 1000_u32), &Options::default(), b"");
        assert_eq!(pair.last_from(A).header.flags, Flags::ACK);
        pair.inject(A, syn(last.header.ack + 1000_u32), &Options::default(), b"");
        let answer = pair.last_from(A);
        assert_eq!(answer.header.flags, Flags::SYN | Flags::ACK);
        assert!(answer.header.seq.gt(last.header.seq));
        assert_eq!(pair.accept(A, listener), Err(Errno::WouldBlock));
    }

    // G17
    #[test]
    fn an_entry_is_small() {
        assert!(
            crate::tcp::table::TupleTable::<crate::tcp::timewait::Remains>::octets_per_entry()
                <= 64
        );
        assert!(
            crate::tcp::table::TupleTable::<crate::tcp::listen::Handshake>::octets_per_entry()
                <= 128
        );
    }
}
