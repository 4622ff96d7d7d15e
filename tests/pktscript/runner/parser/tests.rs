//! The language, and what is said of text that is not in it.

use std::path::Path;
use std::time::Duration;

use super::super::ast::{
    Action, Body, Call, IcmpContent, Moment, Outcome, Packet, Segment, Side, Subject, TcpOption,
    When,
};
use super::super::segment::Flags;
use super::{ParseError, Script, parse};

fn script(text: &str) -> Script {
    parse(Path::new("a.pkt"), text).unwrap()
}

fn refused(text: &str) -> ParseError {
    parse(Path::new("a.pkt"), text).unwrap_err()
}

fn packet(text: &str) -> Packet {
    match script(text).statements.remove(0).action {
        Action::Inject(packet) | Action::Expect(packet) => packet,
        other => panic!("{other:?}"),
    }
}

fn segment(text: &str) -> Segment {
    match packet(text).body {
        Body::Tcp(segment) => segment,
        other => panic!("{other:?}"),
    }
}

mod times {
    use super::*;

    fn when(text: &str) -> When {
        script(&format!("{text} > . 1:1(0) ack 1")).statements[0].when
    }

    #[test]
    fn are_relative_absolute_ranges_or_any() {
        let ms = Duration::from_millis;
        assert_eq!(when("+0.1"), When::At(Moment::After(ms(100))));
        assert_eq!(when("+.1"), When::At(Moment::After(ms(100))));
        assert_eq!(when("12.5"), When::At(Moment::Absolute(ms(12_500))));
        let range = When::Between(Moment::After(ms(200)), Moment::After(ms(300)));
        assert_eq!(when("+0.2~+0.3"), range);
        assert_eq!(when("*"), When::Any);
    }

    #[test]
    fn a_call_may_return_later_than_it_is_made() {
        let script = script("+0...+0.2 connect(3, remote:80) = 0");
        let statement = &script.statements[0];
        assert_eq!(statement.when, When::At(Moment::After(Duration::ZERO)));
        assert_eq!(
            statement.returns,
            Some(Moment::After(Duration::from_millis(200)))
        );
    }

    #[test]
    fn only_packets_come_at_ranges() {
        assert!(
            refused("+0~+1 close(3) = 0")
                .message
                .contains("range of times")
        );
        assert!(
            refused("+0...+1 > . 1:1(0) ack 1")
                .message
                .contains("only a call")
        );
        assert!(
            refused("+2~+1 > . 1:1(0) ack 1")
                .message
                .contains("ends before")
        );
    }
}

mod segments {
    use super::*;

    #[test]
    fn have_flags_numbers_window_urgent_pointer_and_options() {
        let got = segment(
            "+0 < PU. 1:101(100) ack 7 win 500 urg 3 <nop,nop,TS val 1 ecr 2,sack 1:2 5:6>",
        );
        assert_eq!(got.flags, Flags::PSH.with(Flags::URG).with(Flags::ACK));
        assert_eq!(
            (got.seq, got.len, got.ack, got.urgent),
            (Some(1), Some(100), Some(7), Some(3))
        );
        assert_eq!(
            got.options.unwrap(),
            [
                TcpOption::Nop,
                TcpOption::Nop,
                TcpOption::Timestamps(Some(1), Some(2)),
                TcpOption::Sack(vec![(1, 2), (5, 6)]),
            ]
        );
    }

    #[test]
    fn expected_ones_have_wildcards() {
        let got = segment("+0 > p. * ack * win * <...>");
        assert!(got.push_optional);
        assert_eq!((got.seq, got.len, got.ack), (None, None, None));
        assert!(got.window.is_none() && got.options.is_none());
        assert!(refused("+0 < . * ack 1").message.contains("wildcards"));
    }

    #[test]
    fn numbers_have_to_agree_with_the_length() {
        let error = refused("+0 < . 1:101(99) ack 1");
        assert_eq!(error.message, "1 + 99 is not 101");
        assert_eq!((error.line, error.column), (1, 8));
    }

    #[test]
    fn an_acknowledgement_and_its_flag_come_together() {
        assert!(refused("+0 < S 0:0(0) ack 1").message.contains("flag '.'"));
        assert!(refused("+0 < . 0:0(0)").message.contains("ack, as"));
    }

    #[test]
    fn other_ports_addresses_and_ip_fields_come_first() {
        let got = packet("+0 < @198.51.100.7:9/8081 ip(ttl 3, ce, df, id 0x10) S 0:0(0)");
        assert_eq!(got.remote_ip, Some([198, 51, 100, 7].into()));
        assert_eq!((got.remote_port, got.local_port), (Some(9), Some(8081)));
        assert_eq!(
            (got.ip.ttl, got.ip.tos, got.ip.id),
            (Some(3), Some(3), Some(16))
        );
        assert_eq!(got.ip.dont_fragment, Some(true));
        assert_eq!(packet("+0 < @40001 S 0:0(0)").remote_port, Some(40_001));
    }
}

#[test]
fn other_protocols_and_raw_octets_have_no_names() {
    assert!(matches!(
        packet("+0 < proto 89 (44)").body,
        Body::Other(89, 44)
    ));
    assert!(matches!(packet("+0 < raw 4500").body, Body::Raw(octets) if octets == [0x45, 0]));
    let got = packet("+0 < ip(options 94040000, badsum) udp (4)").ip;
    assert_eq!(got.options.as_deref(), Some(&[0x94, 4, 0, 0][..]));
    assert!(got.damaged);
    assert!(refused("+0 > raw 4500").message.contains("no stack"));
    assert!(refused("+0 > udp (4) badsum").message.contains("no stack"));
    assert!(refused("+0 < raw 450").message.contains("hexadecimal"));
}

#[test]
fn icmp_messages_quote_packets() {
    let Body::Icmp(icmp) =
        packet("+0 < icmp unreachable frag mtu 1200 [. 1:1461(1460) ack 1]").body
    else {
        panic!("no ICMP");
    };
    assert_eq!((icmp.kind, icmp.code, icmp.rest), (3, 4, Some(1200)));
    assert!(matches!(icmp.content, IcmpContent::Quote(_)));
    let Body::Icmp(icmp) = packet("+0 > icmp echo reply id 1 seq 2 (56)").body else {
        panic!("no ICMP");
    };
    assert_eq!((icmp.kind, icmp.rest), (0, Some(0x0001_0002)));
    assert!(
        refused("+0 < icmp unreachable moon [udp (1)]")
            .message
            .contains("unreachable moon")
    );
}

#[test]
fn calls_have_outcomes() {
    let text = "+0 write(4, \"a\\x00\\n\") = 3\n+0 read(4, 9, MSG_PEEK|MSG_OOB) = -1 EINVAL\n\
                +0 poll(4) = POLLOUT|POLLIN\n+0 getsockopt(4, SO_ERROR) = ECONNREFUSED";
    let script = script(text);
    let outcomes: Vec<&Outcome> = script
        .statements
        .iter()
        .map(|statement| match &statement.action {
            Action::Call(_, outcome) => outcome,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(*outcomes[0], Outcome::Number(3));
    assert_eq!(*outcomes[1], Outcome::Error("EINVAL".into()));
    assert_eq!(
        *outcomes[2],
        Outcome::Words(vec!["POLLIN".into(), "POLLOUT".into()])
    );
    assert_eq!(*outcomes[3], Outcome::Words(vec!["ECONNREFUSED".into()]));
    let Action::Call(Call::Receive { flags, .. }, _) = &script.statements[1].action else {
        panic!("no receive");
    };
    assert!(flags.peek && flags.oob);
    assert!(
        refused("+0 socket(tcp) = 0")
            .message
            .contains("number from 3")
    );
}

#[test]
fn assertions_have_units_and_ranges() {
    let script =
        script("+0 expect tcp_info(4).rto = 200ms~300ms\n+0 expect counter tcp.rexmit >= 2");
    let Action::Assert(first) = &script.statements[0].action else {
        panic!("no assertion");
    };
    assert_eq!(first.subject, Subject::TcpInfo(4, "rto".into()));
    assert!(
        first.bounds.hold(200_000) && first.bounds.hold(300_000) && !first.bounds.hold(300_001)
    );
    let Action::Assert(second) = &script.statements[1].action else {
        panic!("no assertion");
    };
    assert!(second.bounds.hold(u64::MAX) && !second.bounds.hold(1));
}

#[test]
fn a_line_for_one_side_has_a_reason() {
    let script = script("linux:  +0 quiet  // its timer is coarse");
    assert_eq!(script.statements[0].only, Some(Side::Linux));
    assert!(refused("native: +0 quiet").message.contains("says why"));
    assert!(
        refused("--native-only=\n+0 quiet")
            .message
            .contains("the reason")
    );
}

#[test]
fn headers_come_first_and_are_known() {
    let script = script("// about\n--mtu=600\n--set=timestamps=0\n--congestion=cubic\n+0 quiet");
    assert_eq!(script.settings.mtu, 600);
    assert_eq!(script.settings.knobs, [("timestamps".to_owned(), 0)]);
    assert_eq!(script.settings.congestion, "cubic");
    assert!(
        refused("+0 quiet\n--mtu=600")
            .message
            .contains("before the first")
    );
    assert!(
        refused("--set=gravity=9\n+0 quiet")
            .message
            .contains("gravity")
    );
    assert!(refused("--mtu=60\n+0 quiet").message.contains("576"));
}

#[test]
fn errors_point_at_the_place() {
    let error = refused("// a comment\n\n+0 wrte(3, 10) = 10  // a typo");
    assert_eq!(
        error.to_string(),
        "a.pkt:3:4: no call is named wrte\n  +0 wrte(3, 10) = 10\n     ^"
    );
}

#[test]
fn two_slashes_within_quotes_are_text() {
    let script = script("+0 write(4, \"http://\") = 7 // seven");
    assert_eq!(script.statements[0].text, "+0 write(4, \"http://\") = 7");
}

#[test]
fn every_prefix_of_a_line_is_read_or_refused() {
    let line = "native: +0.1~+0.3 > @40001/80 ip(ttl 1, fragment 0..8) FPU. 1:2(1) ack 3 win 4~5 urg 6 \
                <mss 1,nop,eol,wscale any,sackOK,sack 1:2,TS val any ecr 1,opt 9 ab> // why";
    for end in 0..line.len() {
        let _ = parse(Path::new("a.pkt"), &line[..end]);
    }
    assert_eq!(script(line).statements.len(), 1);
}
