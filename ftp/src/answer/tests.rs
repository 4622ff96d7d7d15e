use super::{
    announced_size, extended_passive, extended_port_argument, passive, path, port_argument, size,
    time, time_argument, unique_name,
};
use crate::reply::{Code, Reply};
use proptest::prelude::*;

fn reply(text: impl AsRef<[u8]>) -> Reply {
    Reply::new(Code::new(200).unwrap(), text.as_ref())
}

// RFC 959 §4.2.2, RFC 1123 §4.1.2.6.
mod passive_address {
    use super::{passive, port_argument, reply};

    #[test]
    fn stands_anywhere_in_the_text() {
        for text in [
            "Entering Passive Mode (127,0,0,2,78,32).",
            "Entering Passive Mode 127,0,0,2,78,32",
            "=127,0,0,2,78,32",
            "2 words, then 127, 0, 0, 2, 78, 32 and 5,6",
        ] {
            let address = passive(&reply(text)).unwrap();
            assert_eq!(address.to_string(), "127.0.0.2:20000", "{text}");
            assert_eq!(port_argument(address), "127,0,0,2,78,32");
        }
    }

    #[test]
    fn must_be_possible() {
        for text in [
            "(256,0,0,2,78,32)",
            "(127,0,0,2,0,0)",
            "(127,0,0,2,78)",
            "(1270,0,0,2,278,3)",
            "",
        ] {
            assert_eq!(passive(&reply(text)), None, "{text}");
        }
    }
}

// RFC 2428.
mod extended {
    use super::{extended_passive, extended_port_argument, reply};

    #[test]
    fn port_stands_between_any_bars() {
        for text in [
            "Entering Extended Passive Mode (|||6446|)",
            "ok (!!!6446!)",
            "|||6446|",
            "odd (|1|192.0.2.1|6446|)",
        ] {
            assert_eq!(extended_passive(&reply(text)), Some(6446), "{text}");
        }
    }

    #[test]
    fn port_must_be_possible() {
        for text in [
            "(|||0|)",
            "(|||65536|)",
            "(|||6446)",
            "(||6446|)",
            "(|||-1|)",
        ] {
            assert_eq!(extended_passive(&reply(text)), None, "{text}");
        }
    }

    #[test]
    fn argument_names_the_family() {
        let argument = |address: &str| extended_port_argument(address.parse().unwrap());
        assert_eq!(argument("192.0.2.1:6275"), "|1|192.0.2.1|6275|");
        assert_eq!(argument("[2001:db8::1]:6275"), "|2|2001:db8::1|6275|");
    }
}

// RFC 3659 §2.3, §3, §4.
mod sizes_and_times {
    use super::{announced_size, reply, size, time, time_argument};

    #[test]
    fn size_may_have_text_around_it() {
        assert_eq!(size(&reply("1234")), Some(1234));
        assert_eq!(
            size(&reply("  file is 18446744073709551615 octets")),
            Some(u64::MAX)
        );
        assert_eq!(size(&reply("18446744073709551616")), None);
        assert_eq!(size(&reply("none")), None);
        let opening = "Opening BINARY mode data connection for a(1).txt (73 bytes).";
        assert_eq!(announced_size(&reply(opening)), Some(73));
    }

    #[test]
    fn time_is_utc() {
        let at = |text: &str| time(&reply(text)).map(|t| t.to_string());
        assert_eq!(at("19980615100045").unwrap(), "1998-06-15T10:00:45Z");
        assert_eq!(
            at("19980615100045.014").unwrap(),
            "1998-06-15T10:00:45.014Z"
        );
        assert_eq!(
            at("modify=20240229235960; x").unwrap(),
            "2024-02-29T23:59:59Z"
        );
        // The year 2000 as "19" and the years since 1900.
        assert_eq!(at("191000615100045").unwrap(), "2000-06-15T10:00:45Z");
        for wrong in [
            "20230229000000",
            "1998061510004",
            "19981315100045",
            "1998061510004x",
            "+9980615100045",
            "",
        ] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
        let written = time_argument("1998-06-15T10:00:45.9Z".parse().unwrap());
        assert_eq!(written, "19980615100045");
    }
}

// RFC 959 appendix II.
mod current_path {
    use super::{path, reply};

    #[test]
    fn stands_in_quotes() {
        for (text, expected) in [
            (r#""/" is the current directory"#, "/"),
            (r#""/a b" created"#, "/a b"),
            (r#""/say ""hi""" created"#, r#"/say "hi""#),
            // Pure-FTPd does not double.
            (
                r#""/say "hi" now" is your current location"#,
                r#"/say "hi" now"#,
            ),
            (
                r#""/a"" b" : The directory was successfully created"#,
                r#"/a"" b"#,
            ),
            (r#""/a"b" is your current location"#, r#"/a"b"#),
            (r#"no blank "/x"."#, "/x"),
            ("\"C:\\\" is current directory.", "C:\\"),
        ] {
            assert_eq!(
                path(&reply(text)).map(|p| String::from_utf8(p).unwrap()),
                Some(expected.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn rubbish_is_none() {
        for text in [
            "/ is current",
            "\"/unclosed",
            "\"\" empty",
            "\"/a\tb\" x",
            "",
        ] {
            assert_eq!(path(&reply(text)), None, "{text}");
        }
    }
}

// RFC 1123 §4.1.2.9.
mod name_of_stou {
    use super::{reply, unique_name};

    #[test]
    fn is_found_in_what_servers_write() {
        for (text, expected) in [
            ("FILE: pureftpd.624c1f01.1a", "pureftpd.624c1f01.1a"),
            ("FILE: STOU.x8Yk2 \nAccepted data connection", "STOU.x8Yk2"),
            ("Transfer complete (unique file name:notes.1).", "notes.1"),
            ("FILE: \"with blanks.txt\"", "with blanks.txt"),
        ] {
            let name = unique_name(&reply(text)).map(|n| String::from_utf8(n).unwrap());
            assert_eq!(name.as_deref(), Some(expected), "{text}");
        }
        for text in [
            "Opening data connection",
            "FILE: ",
            "Transfer complete (unique file name:).",
            "",
        ] {
            assert_eq!(unique_name(&reply(text)), None, "{text}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_does_harm(text in proptest::collection::vec(any::<u8>(), 0..80)) {
        let reply = reply(text);
        let _ = (passive(&reply), extended_passive(&reply), size(&reply), announced_size(&reply));
        let _ = (time(&reply), path(&reply), unique_name(&reply));
    }
}
