//! Segments, handshakes and connections.

use crate::Line;
use crate::case::{Case, ETH, OWN};
use crate::support::frames;
use crate::support::ip;
use fairway_native::event::DropReason as Why;
use fairway_native::tcp::Shutdown;
use fairway_wire::tcp::Flags;
use fairway_wire::{EtherType, MacAddr, Protocol, SeqNumber};
use std::time::Duration;

const SYN: Flags = Flags::SYN;
const ACK: Flags = Flags::ACK;
const RST: Flags = Flags::RST;
const FIN: Flags = Flags::FIN;

/// The timestamp option with that value.
fn stamp(value: u8) -> [u8; 12] {
    [1, 1, 8, 10, 0, 0, 0, value, 0, 0, 0, 0]
}

/// The stranger is connected with timestamps, of which the last was 9.
fn stamped(case: &mut Case) {
    case.listen(5);
    case.syn(&stamp(9));
    let (seq, ack) = (case.seq, case.ack);
    case.segment_as(ACK, seq, ack, &stamp(9), b"");
}

/// A connection of the stranger that the host has closed and he too: it is in TIME-WAIT.
fn time_wait(case: &mut Case) {
    let id = case.accepted();
    case.close(id);
    case.ack += 1_u32;
    case.segment(ACK | FIN, 0, b"");
    case.seq += 1_u32;
}

/// Challenges are not answered; no cookies are sent.
fn stern(case: &mut Case) {
    case.again(|setup| {
        setup.config.tcp.challenge_acks = 0;
        setup.config.tcp.syn_cookies = false;
    });
}

pub(crate) const TABLE: &[Line] = &[
    (Why::TcpShort, 1, |case| {
        case.payload(Protocol::TCP, &[0; 19]);
    }),
    (Why::TcpBadOffset, 1, |case| {
        let mut segment = [0; 20];
        segment[12] = 0x40;
        case.payload(Protocol::TCP, &segment);
    }),
    (Why::TcpBadChecksum, 1, |case| {
        let mut segment = [0; 20];
        segment[12] = 0x50;
        case.payload(Protocol::TCP, &segment);
    }),
    (Why::TcpMany, 1, |case| {
        let syn = frames::syn(5000, 80, 1);
        let packet = frames::tcp(ip("10.0.0.9"), ip("10.0.0.255"), syn, &[], b"");
        case.frame_to(MacAddr::BROADCAST, EtherType::IPV4, &packet);
    }),
    (Why::TcpNoPort, 1, |case| case.segment(SYN, 0, b"")),
    (Why::TcpSynInside, 1, |case| {
        case.accepted();
        case.segment(SYN, 0, b"");
    }),
    (Why::TcpSynData, 1, |case| {
        case.listen(5);
        case.segment(SYN, 0, b"early");
    }),
    (Why::TcpNoAck, 1, |case| {
        case.accepted();
        case.segment(Flags::NONE, 0, b"x");
    }),
    (Why::TcpNoSyn, 1, |case| {
        case.connecting();
        case.segment(ACK, 0, b"x");
    }),
    (Why::TcpOldStamp, 1, |case| {
        stamped(case);
        let (seq, ack) = (case.seq, case.ack);
        case.segment_as(ACK, seq, ack, &stamp(3), b"x");
    }),
    (Why::TcpOutside, 1, |case| {
        case.accepted();
        case.segment(ACK, 100_000_000, b"x");
    }),
    (Why::TcpBeyond, 1, |case| {
        case.accepted();
        let edge = i32::from(case.heard().window) - 2;
        case.segment(ACK, edge, b"four");
    }),
    (Why::TcpTwice, 1, |case| {
        case.accepted();
        case.segment(ACK, 0, b"once");
        case.segment(ACK, 0, b"once");
    }),
    (Why::TcpResetOutside, 1, |case| {
        case.accepted();
        case.segment(RST, -5, b"");
    }),
    (Why::TcpResetBeside, 1, |case| {
        case.accepted();
        case.segment(RST, 5, b"");
    }),
    (Why::TcpResetBlind, 1, |case| {
        case.connecting();
        case.segment(RST, 0, b"");
    }),
    (Why::TcpNotOurSyn, 1, |case| {
        case.connecting();
        case.ack += 7_u32;
        case.segment(SYN | ACK, 0, b"");
    }),
    (Why::TcpNotOurSynAck, 1, |case| {
        case.listen(5);
        case.syn(&[]);
        case.ack += 7_u32;
        case.segment(ACK, 0, b"");
    }),
    (Why::TcpAckUnsent, 1, |case| {
        case.accepted();
        case.ack += 7_u32;
        case.segment(ACK, 0, b"x");
    }),
    (Why::TcpAckPast, 1, |case| {
        case.accepted();
        case.ack = SeqNumber(case.ack.0.wrapping_sub(1 << 20));
        case.segment(ACK, 0, b"x");
    }),
    (Why::TcpUnanswered, 1, |case| {
        stern(case);
        case.accepted();
        case.segment(SYN, 0, b"");
    }),
    (Why::TcpClosed, 1, |case| {
        let id = case.accepted();
        case.close(id);
        case.segment(ACK, 0, b"x");
    }),
    (Why::TcpPastFin, 1, |case| {
        case.accepted();
        case.segment(ACK, 10, b"beyond");
        case.segment(ACK | FIN, 0, b"end");
    }),
    (Why::TcpShut, 2, |case| {
        let (id, now) = (case.accepted(), case.lab.now);
        case.segment(ACK, 1, b"early");
        case.host().shutdown(now, id, Shutdown::Read).unwrap();
        case.segment(ACK, 0, b"x");
    }),
    (Why::TcpTooEarly, 1, |case| {
        case.limited(|limits| limits.tcp.out_of_order = 1);
        case.accepted();
        case.segment(ACK, 10, b"x");
        case.segment(ACK, 20, b"x");
    }),
    (Why::TcpRepliesFull, 76, |case| {
        // As many as come at once, before any can be answered.
        let now = case.lab.now;
        let syn = |port| {
            let syn = frames::syn(port, 9, 1);
            let packet = frames::tcp(ip("10.0.0.9"), ip("10.0.0.1"), syn, &[], b"");
            frames::frame(OWN, EtherType::IPV4, &packet)
        };
        case.host().handle_frames(now, ETH, (0..1100).map(syn));
    }),
    (Why::ListenReset, 1, |case| {
        case.listen(5);
        case.segment(RST, 0, b"");
    }),
    (Why::ListenNoSyn, 1, |case| {
        case.listen(5);
        case.segment(SYN | FIN, 0, b"");
    }),
    (Why::ListenNoWay, 1, |case| {
        case.listen(5);
        let syn = frames::syn(5000, 80, 1);
        let packet = frames::tcp(ip("172.16.0.9"), ip("10.0.0.1"), syn, &[], b"");
        case.packet(&packet);
    }),
    (Why::ListenFull, 1, |case| {
        case.listen(0);
        case.syn(&[]);
        case.segment(ACK, 0, b"");
        case.ports.0 += 1;
        case.segment(SYN, 0, b"");
    }),
    (Why::ListenCrowded, 1, |case| {
        case.again(|setup| {
            setup.limits.tcp.syn_cache = 1;
            setup.config.tcp.syn_cookies = false;
        });
        case.listen(5);
        case.syn(&[]);
        case.ports.0 += 1;
        case.segment(SYN, 0, b"");
    }),
    (Why::ListenNoRoom, 1, |case| {
        case.limited(|limits| limits.tcp.endpoints = 1);
        case.listen(5);
        case.syn(&[]);
        case.segment(ACK, 0, b"");
    }),
    (Why::ListenBadCookie, 1, |case| {
        case.limited(|limits| limits.tcp.syn_cache = 0);
        case.listen(5);
        case.syn(&[]);
        case.ack += 7_u32;
        case.segment(ACK, 0, b"");
    }),
    (Why::HandshakeSyn, 1, |case| {
        case.listen(5);
        case.syn(&[]);
        case.segment(SYN, 70, b"");
    }),
    (Why::HandshakeReset, 1, |case| {
        case.listen(5);
        case.syn(&[]);
        case.segment(RST, 0, b"");
    }),
    (Why::HandshakeResetBeside, 1, |case| {
        case.listen(5);
        case.syn(&[]);
        case.segment(RST, 7, b"");
    }),
    (Why::HandshakeLate, 1, |case| {
        case.listen(5);
        case.syn(&[]);
        case.lab.pass(Duration::from_secs(600));
    }),
    (Why::TimeWaitReset, 1, |case| {
        time_wait(case);
        case.segment(RST, 5, b"");
    }),
    (Why::TimeWaitOld, 1, |case| {
        time_wait(case);
        case.segment(ACK, 0, b"");
    }),
    (Why::TimeWaitFull, 1, |case| {
        case.limited(|limits| limits.tcp.time_wait = 0);
        time_wait(case);
    }),
    (Why::OrphansFull, 1, |case| {
        case.limited(|limits| limits.tcp.orphans = 0);
        let id = case.accepted();
        case.close(id);
    }),
    (Why::ConnectLate, 1, |case| {
        case.again(|setup| setup.config.tcp.syn_retries = 60);
        case.connecting();
        case.lab.pass(Duration::from_secs(600));
    }),
    (Why::SendLate, 1, |case| {
        let id = case.accepted();
        case.tcp_send(id, b"x");
        case.lab.pass(Duration::from_secs(3600));
    }),
    (Why::WindowLate, 1, |case| {
        let id = case.accepted();
        case.close_window();
        case.tcp_send(id, b"x");
        case.lab.pass(Duration::from_secs(7200));
    }),
    (Why::LingerLate, 1, |case| {
        let (id, now) = (case.accepted(), case.lab.now);
        let time = Some(Duration::from_secs(1));
        case.host()
            .set_tcp_options(now, id, |options| options.linger = time)
            .unwrap();
        case.tcp_send(id, b"x");
        let _ = case.host().begin_close(now, id);
        case.lab.pass(Duration::from_secs(2));
    }),
    (Why::CloseLate, 1, |case| {
        let id = case.accepted();
        case.close(id);
        case.ack += 1_u32;
        case.segment(ACK, 0, b"");
        case.lab.pass(Duration::from_secs(120));
    }),
    (Why::KeepaliveLate, 1, |case| {
        let (id, now) = (case.accepted(), case.lab.now);
        case.host()
            .set_tcp_options(now, id, |options| options.keepalive = true)
            .unwrap();
        case.lab.pass(Duration::from_secs(24 * 3600));
    }),
];
