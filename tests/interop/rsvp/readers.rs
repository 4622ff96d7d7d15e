//! Readers nobody here wrote: every message we can send is understood by tshark, tcpdump and scapy as it was meant, and
//! what scapy writes is understood here.

#[path = "readers/all.rs"]
mod all;
#[path = "readers/engines.rs"]
mod engines;
#[path = "readers/meant.rs"]
mod meant;
#[path = "readers/packets.rs"]
mod packets;
#[path = "readers/pdml.rs"]
mod pdml;

use all::Family;
use bytes::Bytes;
use fairway_rsvp::integrity::{Algorithm, Key, Signature, sign};
use fairway_rsvp::interface::Settings;
use fairway_rsvp::msg::{Body, Bundle, Limits, Message};
use fairway_rsvp::neighbour::{Security, SecurityKey};
use fairway_rsvp::wire::KeyId;
use fairway_tests::{Child, have, scratch};
use meant::{BUNDLE_CHECKSUM, Meant, NO_CHALLENGE, NO_CHECKSUM, SLIPS};
use packets::Datagram;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);
/// `rsvp.md` §14.
const SECRET: &[u8] = b"rsvp-example-key";

fn key() -> Key {
    Key::new(Algorithm::HmacMd5, SECRET)
}

/// A message, and it as octets of a datagram.
type Sent = (Message, Datagram);

fn sent(family: Family, message: Message, payload: Vec<u8>) -> Sent {
    let router_alert = matches!(message.body.message_type().0, 1 | 5 | 7);
    let datagram = Datagram {
        at: Duration::ZERO,
        source: family.address(1),
        destination: family.address(9),
        ttl: message.send_ttl,
        router_alert,
        payload,
    };
    (message, datagram)
}

/// All messages as they are.
fn bare(family: Family) -> Vec<Sent> {
    let unsigned = all::messages(family)
        .into_iter()
        .filter(|message| !all::needs_signature(message));
    let mut all: Vec<Sent> = unsigned
        .map(|message| {
            let octets = message.encode().unwrap();
            sent(family, message, octets)
        })
        .collect();
    let one = all[0].0.clone();
    let octets = one.encode_without_checksum().unwrap();
    all.push(sent(family, one, octets));
    all
}

/// All messages that are signed, with HMAC-MD5 (RFC 2747): a Bundle is not, its parts are (RFC 2961 §3.1).
fn signed(family: Family) -> Vec<Sent> {
    let signable = all::messages(family)
        .into_iter()
        .filter(|message| !matches!(message.body.message_type().0, 12 | 25));
    let each = signable.enumerate().map(|(at, message)| {
        let signature = Signature {
            key_id: KeyId::new(0x0102_0304_0506).unwrap(),
            sequence: 0x1_0000_0000 + at as u64,
            handshake: at % 2 == 0,
        };
        Bytes::from(sign(message, signature, &key()).unwrap())
    });
    let parts: Vec<Bytes> = each.collect();
    let bundle = Bundle::of_encoded(parts[..20].to_vec()).unwrap();
    let bundle = Message::new(255, Body::Bundle(bundle)).encode().unwrap();
    let all = parts.into_iter().chain([bundle.into()]);
    all.map(|octets| {
        let message = Message::decode(&octets).unwrap();
        sent(family, message, octets.to_vec())
    })
    .collect()
}

/// What engines send, with these settings.
fn run(family: Family, settings: &Settings) -> (Vec<Sent>, String) {
    let (datagrams, table) = engines::scenario(family, settings);
    let sent = datagrams.into_iter().map(|datagram| {
        let message = Message::decode(&datagram.payload.clone().into()).unwrap();
        (message, datagram)
    });
    (sent.collect(), table)
}

/// The settings under which engines are watched.
fn settings() -> Vec<(&'static str, Settings)> {
    let plain = Settings {
        refresh_reduction: false,
        ..Settings::default()
    };
    let security = Security {
        keys: vec![SecurityKey {
            id: KeyId::new(7).unwrap(),
            key: key(),
            neighbour: None,
            starts: 0,
            ends: u64::MAX,
        }],
        required: true,
        handshake: true,
        window: 32,
    };
    vec![
        ("plain", plain.clone()),
        (
            "reduced",
            Settings {
                hello_interval: Some(Duration::from_secs(5)),
                ..Settings::default()
            },
        ),
        (
            "signed",
            Settings {
                security: Some(security),
                ..plain
            },
        ),
    ]
}

/// What tshark finds wrong with the messages in a capture, if there are any.
pub(super) fn complaints(capture: &Path) -> Vec<String> {
    let shown = pdml::read(capture);
    let types = shown.iter().flat_map(|packet| &packet.fields);
    assert!(types.filter(|(name, _)| name == "rsvp.msg").count() > 0);
    let each = shown.into_iter().flat_map(|packet| {
        let odd = packet
            .checksums
            .into_iter()
            .filter(|text| !text.ends_with("[correct]"));
        odd.chain(packet.complaints)
    });
    each.collect()
}

/// Has tshark read them: it must have nothing to complain of, and show what was meant, field by field. The slips of
/// tshark that were met.
fn compare(test: &str, name: &str, sent: &[Sent], log: &str) -> BTreeSet<&'static str> {
    let capture = scratch(&format!("{test}-{name}")).join("all.pcapng");
    let datagrams: Vec<Datagram> = sent.iter().map(|(_, datagram)| datagram.clone()).collect();
    packets::write(&capture, &datagrams);
    let shown = pdml::read(&capture);
    assert_eq!(shown.len(), sent.len(), "{}", capture.display());
    let mut slips = BTreeSet::new();
    let mut wrong = String::new();
    for (number, ((message, datagram), shown)) in sent.iter().zip(&shown).enumerate() {
        let mut meant = Meant::of(message, datagram.payload.len());
        if datagram.payload[2..4] == [0, 0] && message.integrity.is_none() {
            meant.slips.push(NO_CHECKSUM);
        }
        let is_excused = |slip| meant.slips.contains(&slip);
        let skipped = usize::from(is_excused(BUNDLE_CHECKSUM) || is_excused(NO_CHECKSUM));
        let is_good = |text: &str| {
            ["[correct]", "integrity object used]"]
                .iter()
                .any(|end| text.ends_with(end))
        };
        let odd = shown
            .checksums
            .iter()
            .skip(skipped)
            .any(|text| !is_good(text));
        let complains = shown
            .complaints
            .iter()
            .any(|text| !(is_excused(NO_CHALLENGE) && text.contains("Unknown session type")));
        if meant.fields != shown.fields || complains || odd {
            wrong.push_str(&difference(number + 1, message, &meant, shown));
            if wrong.lines().count() > 120 {
                break;
            }
        }
        slips.extend(meant.slips);
    }
    assert!(wrong.is_empty(), "{}\n{wrong}\n{log}", capture.display());
    slips
}

fn difference(number: usize, message: &Message, meant: &Meant, shown: &pdml::Shown) -> String {
    let kind = message.body.message_type();
    let same = meant
        .fields
        .iter()
        .zip(&shown.fields)
        .take_while(|(a, b)| a == b)
        .count();
    let some = |fields: &[(String, String)]| {
        let rest = fields.iter().skip(same.saturating_sub(1)).take(5);
        rest.map(|(name, value)| format!("{name}={value} "))
            .collect::<String>()
    };
    format!(
        "frame {number}, {kind}:\n  meant {}\n  shown {}\n  {:?} {:?}\n",
        some(&meant.fields),
        some(&shown.fields),
        shown.checksums,
        shown.complaints,
    )
}

/// RSVP-2: nothing malformed, bogus or incorrect, and every field is what was meant.
#[test]
fn tshark_reads_every_message_as_it_was_meant() {
    let test = "tshark_reads_every_message_as_it_was_meant";
    if !have(test, &["tshark"]) {
        return;
    }
    let mut slips = BTreeSet::new();
    for (family, name) in [(Family::V4, "v4"), (Family::V6, "v6")] {
        slips.extend(compare(test, &format!("bare-{name}"), &bare(family), ""));
        slips.extend(compare(
            test,
            &format!("signed-{name}"),
            &signed(family),
            "",
        ));
    }
    // A slip that is mended upstream is to be struck from the list.
    assert_eq!(slips, BTreeSet::from(SLIPS));
}

/// RSVP-2: so it is with what engines send, whatever they do; every type of message is among it.
#[test]
fn tshark_reads_what_engines_send_as_it_was_meant() {
    let test = "tshark_reads_what_engines_send_as_it_was_meant";
    if !have(test, &["tshark"]) {
        return;
    }
    for (family, name) in [(Family::V4, "v4"), (Family::V6, "v6")] {
        let mut types = BTreeSet::new();
        for (how, settings) in settings() {
            let (sent, log) = run(family, &settings);
            types.extend(
                sent.iter()
                    .map(|(message, _)| message.body.message_type().0),
            );
            compare(test, &format!("{how}-{name}"), &sent, &log);
        }
        let all = BTreeSet::from([1, 2, 3, 4, 5, 6, 7, 12, 13, 15, 20, 25, 26]);
        assert_eq!(types, all, "of all types of message");
    }
}

/// What scapy says of a packet.
#[derive(Debug, serde::Deserialize, PartialEq)]
struct Scapy {
    r#type: u8,
    flags: u8,
    ttl: u8,
    length: usize,
    objects: Vec<(usize, usize, usize)>,
    inside: Vec<serde_json::Value>,
    same: bool,
}

/// The scapy of Debian is for its own Python.
const PYTHON: &str = "/usr/bin/python3";
const SCAPY: &str = "/usr/lib/python3/dist-packages/scapy/contrib/rsvp.py";
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/interop/rsvp/readers/scapy_says.py"
);

fn scapy(arguments: &[&str]) -> String {
    let output = Child::output(Command::new(PYTHON).arg(SCRIPT).args(arguments), LIMIT);
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// RSVP-2: scapy, which knows IPv4 only, finds the same header and objects, and writes the same octets again from what
/// it has read. Of a Bundle it knows nothing but the header.
#[test]
fn scapy_reads_every_message_and_writes_it_again() {
    let test = "scapy_reads_every_message_and_writes_it_again";
    if !have(test, &[PYTHON, SCAPY]) {
        return;
    }
    let mut sent = bare(Family::V4);
    for (_, settings) in settings() {
        sent.extend(run(Family::V4, &settings).0);
    }
    sent.retain(|(message, _)| message.body.message_type().0 != 12);
    let capture = scratch(test).join("all.pcapng");
    let datagrams: Vec<Datagram> = sent.iter().map(|(_, datagram)| datagram.clone()).collect();
    packets::write(&capture, &datagrams);
    let said = scapy(&["read", capture.to_str().unwrap()]);
    assert_eq!(said.lines().count(), sent.len());
    for ((message, datagram), line) in sent.iter().zip(said.lines()) {
        let said: Scapy =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let meant = Meant::of(message, datagram.payload.len());
        let values = |name: &str| {
            let found = meant.fields.iter().filter(move |(known, _)| known == name);
            found
                .map(|(_, value)| value.parse::<usize>().unwrap())
                .collect::<Vec<_>>()
        };
        let numbers = values("rsvp.object").into_iter().zip(values("rsvp.ctype"));
        let objects: Vec<(usize, usize, usize)> = numbers
            .zip(values("rsvp.length"))
            .map(|((class, c_type), length)| (class, c_type, length))
            .collect();
        assert_eq!(said.objects, objects, "{line}");
        let header = (said.r#type, said.ttl, said.length);
        let kind = message.body.message_type().0;
        assert_eq!(
            header,
            (kind, message.send_ttl, datagram.payload.len()),
            "{line}"
        );
        assert_eq!(said.flags == 1, message.flags.refresh_reduction());
        if let Some(hop) = message.body.hop() {
            let hop = serde_json::json!(["hop", hop.address, hop.handle]);
            assert!(said.inside.contains(&hop), "{line}");
        }
        // Scapy always sends a checksum; messages that are signed have none.
        assert!(said.same || datagram.payload[2..4] == [0, 0], "{line}");
    }
}

/// RSVP-2, RFC 2205 §3.1: what scapy writes is read here as the message that it is, and written as scapy wrote it, but for
/// the order, which is then the recommended one.
#[test]
fn what_scapy_writes_is_read() {
    let test = "what_scapy_writes_is_read";
    if !have(test, &[PYTHON, SCAPY]) {
        return;
    }
    let written = scapy(&["write"]);
    let read: Vec<(Message, Vec<u8>)> = written
        .lines()
        .map(|line| {
            let pairs = line.as_bytes().chunks(2);
            let octets: Vec<u8> = pairs
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect();
            (Message::decode(&octets.clone().into()).unwrap(), octets)
        })
        .collect();
    let expected = all::as_scapy_writes();
    assert_eq!(read.len(), expected.len());
    for ((message, octets), expected) in read.iter().zip(&expected) {
        assert_eq!(message, expected);
        let again = message.encode().unwrap();
        let is_in_order = octets[9] == 12 && octets[10] == 1;
        assert!(again == *octets || !is_in_order && again.len() == octets.len());
    }
}

/// Digests in a message that tcpdump looks at: those of the parts of a Bundle, and none of a Response, which it does not
/// know (RFC 3097).
fn digests(message: &Message) -> usize {
    match &message.body {
        Body::Bundle(bundle) => {
            let limits = Limits::default();
            let parts = bundle.messages(&limits);
            parts.map(|part| digests(&part.unwrap())).sum()
        }
        Body::Response(_) => 0,
        _ => usize::from(message.integrity.is_some()),
    }
}

/// RSVP-2, RFC 2747: tcpdump, which knows the key, finds every digest valid, and nothing wrong with any message.
#[test]
fn tcpdump_finds_every_digest_valid() {
    let test = "tcpdump_finds_every_digest_valid";
    if !have(test, &["tcpdump"]) {
        return;
    }
    for family in [Family::V4, Family::V6] {
        let mut sent = bare(family);
        sent.extend(signed(family));
        for (_, settings) in settings() {
            sent.extend(run(family, &settings).0);
        }
        let capture = scratch(&format!("{test}-{family:?}")).join("all.pcapng");
        let datagrams: Vec<Datagram> = sent.iter().map(|(_, datagram)| datagram.clone()).collect();
        packets::write(&capture, &datagrams);
        let mut tcpdump = Command::new("tcpdump");
        tcpdump.args([
            "-nn",
            "-vv",
            "-M",
            std::str::from_utf8(SECRET).unwrap(),
            "-r",
        ]);
        let output = Child::output(tcpdump.arg(&capture), LIMIT);
        assert!(output.status.success(), "{output:?}");
        let said = output.stdout;
        let of = |text: &str| said.matches(text).count();
        let signed: usize = sent.iter().map(|(message, _)| digests(message)).sum();
        assert_eq!(of("(valid)"), signed, "{}", capture.display());
        for wrong in ["invalid", "incorrect", "[|", "ERROR", "bad "] {
            let line = said.lines().find(|line| line.contains(wrong));
            assert_eq!(line, None, "{}", capture.display());
        }
        let heads = said.matches("RSVPv1 ").count();
        assert!(heads >= sent.len(), "{heads} of {}", sent.len());
    }
}
