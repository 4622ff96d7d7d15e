//! What is accepted, what is refused with an answer, what is dropped: RFC 2205 §3.1, §3.2, §3.8, §3.10.

use bytes::Bytes;
use fairway_rsvp::msg::{Body, Flows, Limits, Message};
use fairway_rsvp::wire::{ErrorCode, Style, UnknownObject};
use fairway_rsvp::{DecodeError, Disposition, Fault};

use crate::hex::*;

fn fails(octets: &Bytes) -> DecodeError {
    match Message::decode(octets) {
        Err(error) => error,
        Ok(message) => panic!("{message:?}"),
    }
}

#[track_caller]
fn dropped(message_type: u8, objects: &[&str], fault: Fault) {
    let error = fails(&message(message_type, objects));
    assert_eq!(
        Disposition::of_message(&error),
        Disposition::Drop(fault),
        "{error}"
    );
    assert!(error.refused().is_none());
}

#[track_caller]
fn answered(message_type: u8, objects: &[&str], code: ErrorCode, value: u16) -> DecodeError {
    let error = fails(&message(message_type, objects));
    assert_eq!(
        Disposition::of_message(&error),
        Disposition::Answer { code, value },
        "{error}"
    );
    error
}

#[track_caller]
fn accepted(message_type: u8, objects: &[&str]) -> Message {
    Message::decode(&message(message_type, objects)).unwrap()
}

const NULL: &str = "0008 0007 01020304";

mod section_3_1 {
    use super::*;

    #[test]
    fn null_objects_are_skipped_anywhere() {
        let plain = accepted(2, &[SESSION, HOP, TIME, FF, FLOWSPEC, FILTER]);
        let padded = accepted(
            2,
            &[
                NULL,
                SESSION,
                NULL,
                HOP,
                TIME,
                FF,
                NULL,
                FLOWSPEC,
                "0004 0001",
                FILTER,
                NULL,
            ],
        );
        assert_eq!(plain, padded);
    }

    #[test]
    fn order_before_the_style_is_free() {
        let usual = accepted(2, &[SESSION, HOP, TIME, CONFIRM, WF, FLOWSPEC]);
        assert_eq!(
            accepted(2, &[CONFIRM, TIME, HOP, SESSION, WF, FLOWSPEC]),
            usual
        );
        let usual = accepted(
            1,
            &[ACK, MESSAGE_ID, SESSION, HOP, TIME, TEMPLATE, TSPEC, ADSPEC],
        );
        assert_eq!(
            accepted(
                1,
                &[ADSPEC, TSPEC, MESSAGE_ID, TEMPLATE, TIME, ACK, HOP, SESSION]
            ),
            usual
        );
    }

    #[test]
    fn style_and_flows_come_last_and_integrity_first() {
        dropped(2, &[SESSION, HOP, WF, FLOWSPEC, TIME], Fault::Grammar);
        dropped(2, &[SESSION, HOP, TIME, FLOWSPEC, WF], Fault::Grammar);
        dropped(
            2,
            &[SESSION, INTEGRITY, HOP, TIME, WF, FLOWSPEC],
            Fault::Grammar,
        );
        dropped(
            2,
            &[NULL, INTEGRITY, SESSION, HOP, TIME, WF, FLOWSPEC],
            Fault::Grammar,
        );
    }

    #[test]
    fn what_must_be_there_once_is() {
        let resv = [SESSION, HOP, TIME, WF, FLOWSPEC];
        for left_out in 0..resv.len() {
            let fault = if left_out == 4 {
                Fault::Descriptors
            } else {
                Fault::Grammar
            };
            let objects: Vec<&str> = resv
                .iter()
                .enumerate()
                .filter(|(i, _)| *i != left_out)
                .map(|(_, o)| *o)
                .collect();
            dropped(2, &objects, fault);
        }
        for twice in 0..4 {
            let mut objects = resv.to_vec();
            objects.insert(twice, resv[twice]);
            dropped(2, &objects, Fault::Grammar);
        }
        dropped(1, &[SESSION, HOP, TIME, TEMPLATE], Fault::Grammar);
        dropped(1, &[SESSION, HOP, TIME, TSPEC], Fault::Grammar);
        dropped(5, &[SESSION, HOP, TSPEC], Fault::Grammar);
        dropped(7, &[SESSION, ERROR, WF, FLOWSPEC], Fault::Grammar);
        dropped(13, &[], Fault::Grammar);
        dropped(15, &[], Fault::Grammar);
        dropped(26, &[CHALLENGE], Fault::Grammar);
    }

    #[test]
    fn what_does_not_belong_is_refused() {
        dropped(1, &[SESSION, HOP, TIME, WF], Fault::Grammar);
        dropped(
            2,
            &[SESSION, HOP, TIME, TEMPLATE, WF, FLOWSPEC],
            Fault::Grammar,
        );
        dropped(13, &[MESSAGE_ID, ACK], Fault::Grammar);
        dropped(25, &[INTEGRITY, CHALLENGE], Fault::Grammar);
        // RFC 2961 §5.2: source lists alone.
        dropped(15, &[LIST, SRC_LIST], Fault::Grammar);
    }

    #[test]
    fn flow_descriptors_fit_the_style() {
        for flows in [
            &[WF, FLOWSPEC, FILTER][..],
            &[WF, FLOWSPEC, FLOWSPEC],
            &[FF, FILTER],
            &[FF, FLOWSPEC],
            &[FF, FLOWSPEC, FILTER, FLOWSPEC],
            &[FF, FLOWSPEC, FLOWSPEC, FILTER],
            &[SE, FLOWSPEC],
            &[SE, FILTER, FLOWSPEC],
            &[SE, FLOWSPEC, FILTER, FLOWSPEC, FILTER_2],
        ] {
            dropped(
                2,
                &[&[SESSION, HOP, TIME][..], flows].concat(),
                Fault::Descriptors,
            );
        }
        dropped(6, &[SESSION, HOP, FF], Fault::Descriptors);
        dropped(6, &[SESSION, HOP, SE, FLOWSPEC], Fault::Descriptors);
    }

    #[test]
    fn reserved_bits_are_ignored() {
        let plain = accepted(1, &[SESSION, HOP, TIME, TEMPLATE, TSPEC]);
        let template = TEMPLATE.replace("0000 1770", "abcd 1770");
        let session = SESSION.replace("11 00 1388", "11 fe 1388");
        assert_eq!(accepted(1, &[&session, HOP, TIME, &template, TSPEC]), plain);
        assert_eq!(
            accepted(
                2,
                &[SESSION, HOP, TIME, "0008 0801 ffffffea", FLOWSPEC, FILTER]
            ),
            accepted(2, &[SESSION, HOP, TIME, FF, FLOWSPEC, FILTER])
        );
        let mut octets = message(1, &[SESSION, HOP, TIME]).to_vec();
        octets[0] |= 0x0e;
        octets[5] = 0xff;
        octets[2..4].fill(0);
        assert_eq!(
            Message::decode(&octets.into()).unwrap(),
            accepted(1, &[SESSION, HOP, TIME])
        );
    }
}

mod section_3_2 {
    use super::*;

    #[test]
    fn source_port_needs_a_destination_port() {
        let session = SESSION.replace("1388", "0000");
        let port_zero = TEMPLATE.replace("1770", "0000");
        dropped(
            1,
            &[&session, HOP, TIME, TEMPLATE, TSPEC],
            Fault::SourcePort,
        );
        dropped(
            2,
            &[&session, HOP, TIME, FF, FLOWSPEC, FILTER],
            Fault::SourcePort,
        );
        accepted(1, &[&session, HOP, TIME, &port_zero, TSPEC]);
        accepted(1, &[SESSION, HOP, TIME, &port_zero, TSPEC]);
    }
}

mod section_3_8 {
    use super::*;

    #[test]
    fn broken_messages_are_dropped() {
        let good = message(1, &[SESSION, HOP, TIME]);
        let change = |change: fn(&mut Vec<u8>)| {
            let mut octets = good.to_vec();
            change(&mut octets);
            Disposition::of_message(&fails(&octets.into()))
        };
        assert_eq!(change(|o| o.truncate(5)), Disposition::Drop(Fault::Length));
        assert_eq!(
            change(|o| o.extend([0; 4])),
            Disposition::Drop(Fault::Length)
        );
        assert_eq!(change(|o| o[0] = 0x20), Disposition::Drop(Fault::Version));
        assert_eq!(change(|o| o[3] ^= 1), Disposition::Drop(Fault::Checksum));
        for message_type in [0, 8, 9, 10, 11, 14, 21, 30, 66, 255] {
            dropped(message_type, &[SESSION], Fault::Type);
        }
    }

    /// A sender that pads with zeros makes objects without length.
    #[test]
    fn object_lengths_are_checked() {
        for object in [
            "00000000",
            "0002 0501",
            "0006 0501 0000 0000",
            "0010 0501 00007530",
        ] {
            dropped(1, &[SESSION, HOP, TIME, object], Fault::Object);
        }
        // More or less than the type has.
        dropped(
            1,
            &[SESSION, HOP, "000c 0501 00007530 00000000"],
            Fault::Object,
        );
        dropped(1, &["0008 0101 ef010203", HOP, TIME], Fault::Object);
        dropped(
            2,
            &[
                SESSION,
                HOP,
                TIME,
                "000c 0702 0a000001 0a000002",
                WF,
                FLOWSPEC,
            ],
            Fault::Object,
        );
        dropped(15, &["000c 1902 00123456 00000007"], Fault::Object);
        dropped(15, &["0004 1901"], Fault::Object);
    }

    #[test]
    fn illegal_addresses_are_dropped() {
        for hop in ["00000000", "e0000001", "ffffffff"] {
            dropped(
                1,
                &[SESSION, &HOP.replace("0a000001", hop), TIME],
                Fault::HopAddress,
            );
        }
        dropped(
            1,
            &[&SESSION.replace("ef010203", "00000000"), HOP, TIME],
            Fault::Object,
        );
        dropped(
            1,
            &[&SESSION.replace("11 00 1388", "00 00 1388"), HOP, TIME],
            Fault::Object,
        );
        dropped(
            1,
            &[
                SESSION,
                HOP,
                TIME,
                &TEMPLATE.replace("0a000002", "00000000"),
                TSPEC,
            ],
            Fault::Object,
        );
    }
}

mod section_3_10 {
    use super::*;

    const LABEL_REQUEST: &str = "0008 1301 00000800";
    const IGNORED: &str = "0008 8601 01020304";
    const OTHER: &str = "0010 cf07 01020304 05060708 090a0b0c";

    #[test]
    fn unknown_class_below_128_is_rejected() {
        let error = answered(
            1,
            &[SESSION, HOP, TIME, LABEL_REQUEST, TEMPLATE, TSPEC],
            ErrorCode::UNKNOWN_CLASS,
            0x1301,
        );
        // What is left is what the PathErr is made of.
        assert_eq!(
            error.refused(),
            Some(&accepted(1, &[SESSION, HOP, TIME, TEMPLATE, TSPEC]))
        );
        let error = answered(
            2,
            &[
                SESSION,
                HOP,
                TIME,
                FF,
                FLOWSPEC,
                FILTER,
                "0008 1001 00000003",
            ],
            ErrorCode::UNKNOWN_CLASS,
            0x1001,
        );
        let Some(Message {
            body: Body::Resv(resv),
            ..
        }) = error.refused()
        else {
            panic!("no Resv");
        };
        assert!(
            matches!(&resv.flows, Flows::Unknown { style: Style::FF, items } if items.len() == 2)
        );
    }

    #[test]
    fn unknown_class_from_128_is_ignored() {
        let plain = accepted(1, &[SESSION, HOP, TIME]);
        assert_eq!(accepted(1, &[SESSION, IGNORED, HOP, TIME]), plain);
    }

    #[test]
    fn unknown_class_from_192_is_kept() {
        let message = accepted(2, &[OTHER, SESSION, HOP, TIME, WF, DCLASS, FLOWSPEC]);
        let Body::Resv(resv) = &message.body else {
            panic!("no Resv");
        };
        let types: Vec<u16> = resv
            .unknown
            .iter()
            .map(|object| object.object_type().error_value())
            .collect();
        assert_eq!(types, [0xcf07, 0xe101]);
        assert_eq!(resv.unknown[0].body(), &octets(OTHER)[4..]);
        // Forwarded where the order of the message lets it.
        assert_eq!(
            message.encode().unwrap(),
            super::message(2, &[SESSION, HOP, TIME, OTHER, DCLASS, WF, FLOWSPEC])
        );
        let again = UnknownObject::new(
            resv.unknown[1].object_type(),
            resv.unknown[1].body().clone(),
        );
        assert_eq!(again.as_ref(), resv.unknown.get(1));
    }

    #[test]
    fn unknown_c_type_is_rejected() {
        answered(
            1,
            &["0010 0107 0a000001 00000001 0a000001", HOP, TIME],
            ErrorCode::UNKNOWN_C_TYPE,
            0x0107,
        );
        answered(
            1,
            &[SESSION, HOP, TIME, TEMPLATE, "0004 0c01"],
            ErrorCode::UNKNOWN_C_TYPE,
            0x0c01,
        );
        let error = answered(
            2,
            &[
                SESSION,
                HOP,
                TIME,
                SE,
                FLOWSPEC,
                "000c 0a04 0a000002 00001770",
                FILTER,
            ],
            ErrorCode::UNKNOWN_C_TYPE,
            0x0a04,
        );
        assert!(error.refused().is_some());
        answered(
            2,
            &[SESSION, HOP, TIME, "0008 0802 00000011", FLOWSPEC],
            ErrorCode::UNKNOWN_C_TYPE,
            0x0802,
        );
    }

    #[test]
    fn unknown_forms_of_opaque_objects_are_not_for_the_codec() {
        let flowspec = FLOWSPEC.replacen("0902", "0963", 1);
        let policy = POLICY.replacen("0e01", "0e63", 1);
        accepted(2, &[SESSION, HOP, TIME, &policy, WF, &flowspec]);
        accepted(
            1,
            &[
                SESSION,
                HOP,
                TIME,
                TEMPLATE,
                TSPEC,
                &ADSPEC.replacen("0d02", "0d63", 1),
            ],
        );
    }

    #[test]
    fn unknown_style_is_answered() {
        let style = "0008 0801 00000013";
        let error = answered(
            2,
            &[SESSION, HOP, TIME, style, FLOWSPEC, FILTER],
            ErrorCode::UNKNOWN_STYLE,
            0,
        );
        assert!(error.refused().is_some());
        dropped(6, &[SESSION, HOP, style, FILTER], Fault::Unknown);
    }

    #[test]
    fn errors_and_tears_are_never_answered() {
        for (message_type, objects) in [
            (3, &[SESSION, ERROR][..]),
            (4, &[SESSION, HOP, ERROR, WF]),
            (5, &[SESSION, HOP]),
            (6, &[SESSION, HOP, WF]),
            (7, &[SESSION, ERROR, CONFIRM, WF, FLOWSPEC]),
            (13, &[ACK]),
            (15, &[LIST]),
            (20, &[HELLO]),
        ] {
            accepted(message_type, objects);
            dropped(
                message_type,
                &[&[LABEL_REQUEST][..], objects].concat(),
                Fault::Unknown,
            );
        }
    }

    /// A message that is broken is not answered, whatever else is in it.
    #[test]
    fn broken_boundaries_win() {
        dropped(
            1,
            &[SESSION, HOP, TIME, LABEL_REQUEST, "00000000"],
            Fault::Object,
        );
    }
}

mod bundles {
    use super::*;

    fn text(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// RFC 2961 §3.2.
    #[test]
    fn a_bad_part_spoils_no_other() {
        let good = text(&message(13, &[ACK]));
        let bad = text(&message(13, &[]));
        let nested = text(&message(12, &[&good]));
        let Body::Bundle(bundle) = accepted(12, &[&good, &bad, &nested, &good]).body else {
            panic!("no bundle");
        };
        let read: Vec<_> = bundle
            .messages(&Limits::default())
            .map(|part| part.map_err(|e| Disposition::of_message(&e)))
            .collect();
        assert_eq!(read[1], Err(Disposition::Drop(Fault::Grammar)));
        assert_eq!(read[2], Err(Disposition::Drop(Fault::Nested)));
        assert!(read[0].is_ok() && read[0] == read[3]);
    }

    #[test]
    fn parts_that_cannot_be_cut_apart_are_dropped() {
        let good = text(&message(13, &[ACK]));
        dropped(12, &[], Fault::Length);
        dropped(12, &[&good, "100d0000"], Fault::Length);
        dropped(12, &["100d0000 40000004 0000"], Fault::Length);
        dropped(12, &["100d0000 40000000"], Fault::Length);
        dropped(12, &["100d0000 4000000c"], Fault::Length);
    }
}

mod limits {
    use super::*;

    #[test]
    fn counts_are_bounded() {
        let many = |object: &'static str, count| {
            [&[SESSION, HOP, TIME][..], &vec![object; count]].concat()
        };
        accepted(1, &many(DCLASS, 32));
        dropped(1, &many(DCLASS, 33), Fault::Limit);
        accepted(1, &many(POLICY, 64));
        dropped(1, &many(POLICY, 65), Fault::Limit);
        dropped(1, &many("0004 0000", 6142), Fault::Limit);
        let ids = format!("fff0 1901 00123456 {}", "00000001".repeat(16_378));
        accepted(15, &[&ids]);
        let filters = [&[SESSION, HOP, TIME, SE, FLOWSPEC][..], &vec![FILTER; 5400]].concat();
        accepted(2, &filters);
    }

    #[test]
    fn messages_too_long_are_not_written() {
        let mut message = accepted(
            2,
            &[&[SESSION, HOP, TIME, SE, FLOWSPEC][..], &vec![FILTER; 5400]].concat(),
        );
        if let Body::Resv(resv) = &mut message.body
            && let Flows::Se { filters, .. } = &mut resv.flows
        {
            filters.extend_from_within(..100);
        }
        assert!(message.encode().is_err());
    }
}

/// What deployed routers send, as captures show it.
mod deployed {
    use super::*;

    use fairway_rsvp::intserv::{
        Adspec, Bandwidth, Flowspec, Latency, LocalElement, LocalValues, Reading, Tspec,
    };

    const TSPEC: &str =
        "0024 0c02 00000007 01000006 7f000005 48989680 459c4000 48989680 00000000 7fffffff";
    const FLOWSPEC: &str =
        "0024 0902 00000007 05000006 7f000005 48989680 459c4000 48989680 00000000 00000000";
    const ADSPEC: &str = "0030 0d02 0000000a 01000008 04000001 00000000 06000001 7f800000 08000001 00000000 \
        0a000001 ffffffff 05000000";

    #[test]
    fn path_of_a_sender() {
        let objects = [SESSION, HOP, TIME, TEMPLATE, TSPEC, ADSPEC];
        let message = accepted(1, &objects);
        // Nothing is put right in what goes on.
        assert_eq!(message.encode().unwrap(), super::message(1, &objects));
        let Body::Path(path) = message.body else {
            panic!("no Path");
        };
        let sender = path.sender.unwrap();
        let tspec = Tspec::from_object(&sender.tspec, Reading::Deployed { mtu: 1500 }).unwrap();
        assert_eq!(
            (tspec.min_policed_unit(), tspec.max_packet_size()),
            (1, 1500)
        );
        assert!(Tspec::from_object(&sender.tspec, Reading::Strict).is_err());

        let adspec = Adspec::from_object(&sender.adspec.unwrap()).unwrap();
        let hop = LocalElement {
            general: LocalValues {
                bandwidth: Bandwidth::new(125e6).unwrap(),
                latency: Latency::INDETERMINATE,
                mtu: 1500,
            },
            guaranteed: None,
            controlled_load: None,
            after_non_is_hop: false,
        };
        let values = adspec.compose(&hop).general.values;
        assert_eq!(
            (values.hops, values.bandwidth.get(), values.mtu),
            (1, 125e6, 1500)
        );
    }

    #[test]
    fn reservation_of_a_receiver() {
        let Body::Resv(resv) =
            accepted(2, &[SESSION, HOP, TIME, CONFIRM, FF, FLOWSPEC, FILTER]).body
        else {
            panic!("no Resv");
        };
        let Flows::Ff(list) = resv.flows else {
            panic!("no FF");
        };
        let flowspec =
            Flowspec::from_object(&list[0].flowspec, Reading::Deployed { mtu: 1400 }).unwrap();
        assert_eq!(flowspec.tspec().max_packet_size(), 1400);
    }

    #[test]
    fn path_tear_with_everything() {
        accepted(5, &[SESSION, HOP, TEMPLATE, TSPEC, ADSPEC]);
    }
}

#[test]
fn errors_say_where() {
    let error = fails(&message(1, &[SESSION, HOP, "0008 1301 00000800", TIME]));
    assert_eq!(
        error.to_string(),
        "Path, octet 32: class 19 C-Type 1 is not known"
    );
    let error = fails(&message(2, &[SESSION, HOP]));
    assert_eq!(error.to_string(), "Resv, octet 32: no TIME_VALUES");
}
