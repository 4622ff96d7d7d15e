use super::{Class, Code, GRACE, LONG_GRACE, Reply, ReplyError, ReplyLimits, ReplyParser};
use fairway_stack::Instant;
use proptest::prelude::*;

const START: Instant = Instant::from_nanos(0);

/// All replies of `octets`, then of the silence after them.
fn replies(octets: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut parser = ReplyParser::default();
    parser.handle_input(START, octets).unwrap();
    let at_once = drain(&mut parser);
    parser.handle_timeout(START + LONG_GRACE);
    (at_once, drain(&mut parser))
}

fn drain(parser: &mut ReplyParser) -> Vec<String> {
    std::iter::from_fn(|| parser.poll_reply())
        .map(|reply| reply.to_string())
        .collect()
}

#[track_caller]
fn at_once(octets: impl AsRef<[u8]>, expected: &[&str]) {
    assert_eq!(
        replies(octets.as_ref()),
        (expected.iter().map(ToString::to_string).collect(), vec![])
    );
}

// RFC 959 §4.2.
mod strict {
    use super::{Class, Code, at_once};

    #[test]
    fn one_line() {
        at_once("220 ready\r\n", &["220 ready"]);
        at_once("220 a\r\n331 b\r\n", &["220 a", "331 b"]);
        at_once("220  two blanks\r\n", &["220  two blanks"]);
    }

    #[test]
    fn several_lines_end_with_the_same_code() {
        at_once(
            "123-First\r\nSecond\r\n  234 begins with a number\r\n123 last\r\n",
            &["123 First / Second /   234 begins with a number / last"],
        );
        at_once("230-a\r\n230-b\r\n230 c\r\n", &["230 a / b / c"]);
        at_once("211-\r\n211 \r\n", &["211  / "]);
    }

    #[test]
    fn first_digit_is_the_class() {
        let classes = [100, 299, 331, 421, 550, 633].map(|code| Code::new(code).unwrap().class());
        assert_eq!(
            classes,
            [
                Class::Preliminary,
                Class::Completion,
                Class::Intermediate,
                Class::TransientNegative,
                Class::PermanentNegative,
                Class::Protected
            ]
        );
        assert!(Code::new(99).is_none() && Code::new(700).is_none());
    }
}

// What servers send, and what other clients fail on.
mod tolerant {
    use super::{GRACE, LONG_GRACE, Reply, ReplyParser, START, at_once, drain, replies};

    #[test]
    fn a_number_in_a_banner_is_text() {
        at_once(
            "220-Welcome\r\n150 users online\r\n220 ready\r\n",
            &["220 Welcome / 150 users online / ready"],
        );
        at_once(
            "220-Welcome\r\n2201 x\r\n220 ready\r\n",
            &["220 Welcome / 2201 x / ready"],
        );
    }

    #[test]
    fn a_bare_code_is_a_reply() {
        at_once("220\r\n", &["220 "]);
        at_once("220-a\r\n220\r\n", &["220 a / "]);
    }

    #[test]
    fn a_line_may_end_in_lf_alone() {
        at_once("220-a\nb\n220 c\n", &["220 a / b / c"]);
        at_once("220 c\r\r\n", &["220 c"]);
    }

    #[test]
    fn any_octet_may_be_text() {
        let mut parser = ReplyParser::default();
        parser
            .handle_input(START, b"220 caf\xe9\xff\0\x1b[2J\r\n")
            .unwrap();
        let reply = parser.poll_reply().unwrap();
        assert_eq!(reply.octets(), b"caf\xe9\xff\0\x1b[2J");
        assert_eq!(reply.text(), "caf\u{fffd}\u{fffd}\u{fffd}\u{fffd}[2J");
    }

    #[test]
    fn another_code_ends_a_reply_only_if_nothing_follows() {
        let (now, later) = replies(b"553-Not here\r\n150 Opening\r\n");
        assert!(now.is_empty());
        assert_eq!(later, ["150 Not here / Opening"]);
        let mut parser = ReplyParser::default();
        parser.handle_input(START, b"553-a\r\n150 b\r\n").unwrap();
        assert_eq!(parser.poll_timeout(), Some(START + GRACE));

        let mut parser = ReplyParser::default();
        parser.handle_input(START, b"220-a\r\n150 b\r\n").unwrap();
        assert_eq!(parser.poll_timeout(), Some(START + LONG_GRACE));
        // The start of a further line is enough to wait for its end.
        parser.handle_input(START, b"22").unwrap();
        assert_eq!(parser.poll_timeout(), None);
        parser.handle_timeout(START + LONG_GRACE);
        parser.handle_input(START + LONG_GRACE, b"0 c\r\n").unwrap();
        assert_eq!(drain(&mut parser), ["220 a / 150 b / c"]);
    }

    #[test]
    fn telnet_is_undone() {
        at_once(b"\xff\xfb\x01\xff\xfd\x03220 a\r\n", &["220 a"]);
        let mut parser = ReplyParser::default();
        parser
            .handle_input(START, b"250 \xff\xff\xff\xfe\xf9\r\n")
            .unwrap();
        assert_eq!(
            parser.poll_reply().map(|reply| reply.octets().to_vec()),
            Some(b"\xff\xff\xfe\xf9".to_vec())
        );
    }

    #[test]
    fn lines_without_code_before_a_reply_are_skipped() {
        at_once("\r\nld.so: warning\r\n220 ready\r\n", &["220 ready"]);
        at_once("2200 x\r\n220 ready\r\n", &["220 ready"]);
    }

    #[test]
    fn the_end_of_the_connection_ends_a_line() {
        let mut parser = ReplyParser::default();
        parser.handle_input(START, b"221 bye").unwrap();
        assert_eq!(parser.poll_reply(), None);
        parser.handle_eof(START).unwrap();
        assert_eq!(drain(&mut parser), ["221 bye"]);
        let code = super::Code::new(421).unwrap();
        assert_eq!(Reply::new(code, "x").to_string(), "421 x");
    }
}

mod limits {
    use super::{Code, ReplyError, ReplyLimits, ReplyParser, START, drain};

    #[test]
    fn a_long_line_is_cut() {
        let limits = ReplyLimits {
            line: 10,
            ..ReplyLimits::default()
        };
        for whole in [true, false] {
            let mut parser = ReplyParser::new(limits);
            let octets = b"220 abcdefghijkl\r\n331 b\r\n";
            if whole {
                parser.handle_input(START, octets).unwrap();
            } else {
                for octet in octets {
                    parser.handle_input(START, &[*octet]).unwrap();
                }
            }
            assert_eq!(drain(&mut parser), ["220 abcdef", "331 b"]);
            assert_eq!(parser.lines_cut(), 1);
        }
    }

    #[test]
    fn an_endless_reply_is_an_error() {
        let code = Code::new(220).unwrap();
        let mut parser = ReplyParser::default();
        parser.handle_input(START, b"220-\r\n").unwrap();
        let mut fed = 0;
        let error = loop {
            match parser.handle_input(START, b"more\r\n") {
                Ok(()) => fed += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(
            (fed, error),
            (
                16_383,
                ReplyError::TooManyLines {
                    code,
                    limit: 16_384
                }
            )
        );

        let mut parser = ReplyParser::default();
        parser.handle_input(START, b"220-\r\n").unwrap();
        let line = [&[b'a'; 8000][..], b"\r\n"].concat();
        let error = (0..1000).find_map(|_| parser.handle_input(START, &line).err());
        assert_eq!(
            error,
            Some(ReplyError::TooLong {
                code,
                limit: 1024 * 1024
            })
        );
    }

    #[test]
    fn a_peer_that_speaks_another_protocol_is_an_error() {
        let mut parser = ReplyParser::default();
        let error = (0..100).find_map(|_| parser.handle_input(START, b"HTTP/1.1 400\r\n").err());
        assert!(matches!(error, Some(ReplyError::Noise { lines: 65, .. })));
    }

    #[test]
    fn a_connection_that_ends_inside_a_reply_is_an_error() {
        let mut parser = ReplyParser::default();
        parser.handle_input(START, b"220-a\r\n").unwrap();
        let code = Code::new(220).unwrap();
        assert_eq!(parser.handle_eof(START), Err(ReplyError::Cut { code }));
    }
}

proptest! {
    /// However the octets are cut, the replies are the same.
    #[test]
    fn cuts_do_not_matter(
        lines in proptest::collection::vec("(220|331|550|)[- ]?[a-z0-9\\xff]{0,12}(\r\n|\n)", 0..12),
        cut in 1usize..7,
    ) {
        let octets: Vec<u8> = lines.concat().chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let mut whole = ReplyParser::default();
        whole.handle_input(START, &octets).unwrap();
        let mut parts = ReplyParser::default();
        for part in octets.chunks(cut) {
            parts.handle_input(START, part).unwrap();
        }
        prop_assert_eq!(drain(&mut whole), drain(&mut parts));
        prop_assert_eq!(whole.handle_eof(START), parts.handle_eof(START));
        prop_assert_eq!(drain(&mut whole), drain(&mut parts));
    }

    #[test]
    fn no_octets_do_harm(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut parser = ReplyParser::default();
        let _ = parser.handle_input(START, &octets);
        parser.handle_timeout(START + LONG_GRACE);
        let _ = parser.handle_eof(START + GRACE);
        while let Some(reply) = parser.poll_reply() {
            prop_assert!((100..700).contains(&reply.code().get()));
        }
    }
}
