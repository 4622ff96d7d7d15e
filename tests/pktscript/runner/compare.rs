//! Whether a packet is the one a script expects, and if not, why.

use std::time::Duration;

use super::ast::{Body, Icmp, IcmpContent, Packet, Segment, TcpOption};
use super::decode::Decoded;
use super::flow::Flows;
use super::octets::{pattern_from, stream_offset};
use super::segment::Flags;
use super::show;

/// What differs, a sentence each; empty if nothing does.
///
/// `slack` is how far a timestamp may be off. `check_data` says whether the stack was given the pattern to send.
pub(crate) fn differences(
    expected: &Packet,
    seen: &Decoded,
    flows: &mut Flows,
    slack: Duration,
    check_data: bool,
) -> Vec<String> {
    let mut found = Vec::new();
    let wanted_key = flows.key(expected);
    if wanted_key != seen.key && !matches!(expected.body, Body::Icmp(_) | Body::Other(..)) {
        let (wanted, key) = (wanted_key, seen.key);
        found.push(format!(
            "the ports: expected {} to {}:{}, got {} to {}:{}",
            wanted.local_port,
            wanted.remote_ip,
            wanted.remote_port,
            key.local_port,
            key.remote_ip,
            key.remote_port,
        ));
    } else if wanted_key.remote_ip != seen.key.remote_ip {
        found.push(format!(
            "the destination: expected {}, got {}",
            wanted_key.remote_ip, seen.key.remote_ip
        ));
    }
    ip(expected, &seen.packet, &mut found);
    match (&expected.body, &seen.packet.body) {
        (Body::Tcp(wanted), Body::Tcp(got)) => {
            segment(wanted, got, &mut found);
            options(wanted, got, seen, flows, slack, &mut found);
            if check_data && found.is_empty() {
                data(got, &seen.data, &mut found);
            }
        }
        (Body::Udp(wanted), Body::Udp(got)) => {
            differs("octets of data", wanted, got, &mut found);
            if check_data && seen.packet.ip.fragment.is_none() && seen.data != pattern_from(0, *got)
            {
                found.push("the data is not what was sent".into());
            }
        }
        (Body::Icmp(wanted), Body::Icmp(got)) => icmp(wanted, got, &mut found),
        (Body::Other(wanted, length), Body::Other(got, got_length)) => {
            differs("protocol", wanted, got, &mut found);
            differs("octets of data", length, got_length, &mut found);
        }
        _ => found.push("the protocol".into()),
    }
    found
}

fn differs<T: PartialEq + std::fmt::Display>(
    what: &str,
    wanted: &T,
    got: &T,
    found: &mut Vec<String>,
) {
    if wanted != got {
        found.push(format!("{what}: expected {wanted}, got {got}"));
    }
}

fn ip(expected: &Packet, seen: &Packet, found: &mut Vec<String>) {
    let mut field = |what, wanted: Option<u64>, got: Option<u64>| {
        if let (Some(wanted), Some(got)) = (wanted, got) {
            differs(what, &wanted, &got, found);
        }
    };
    let (wanted, got) = (&expected.ip, &seen.ip);
    field(
        "type of service",
        wanted.tos.map(u64::from),
        got.tos.map(u64::from),
    );
    field(
        "time to live",
        wanted.ttl.map(u64::from),
        got.ttl.map(u64::from),
    );
    field(
        "identification",
        wanted.id.map(u64::from),
        got.id.map(u64::from),
    );
    field(
        "don't fragment",
        wanted.dont_fragment.map(u64::from),
        got.dont_fragment.map(u64::from),
    );
    if let Some(options) = &wanted.options {
        // Padding is no option.
        let mut padded = options.clone();
        padded.resize(padded.len().next_multiple_of(4), 0);
        if got.options.as_ref() != Some(&padded) {
            let got = got.options.as_deref().unwrap_or_default();
            found.push(format!(
                "IP options: expected {}, got {}",
                show::hexadecimal(options),
                show::hexadecimal(got)
            ));
        }
    } else if got.options.is_some() {
        found.push("there are IP options".into());
    }
    if wanted.fragment != got.fragment {
        let show = |fragment: Option<(u16, u16)>| {
            fragment.map_or_else(|| "none".into(), |(from, to)| format!("{from}..{to}"))
        };
        found.push(format!(
            "the fragment: expected {}, got {}",
            show(wanted.fragment),
            show(got.fragment)
        ));
    }
}

fn segment(wanted: &Segment, got: &Segment, found: &mut Vec<String>) {
    let mut got_flags = got.flags;
    if wanted.push_optional {
        got_flags = got_flags.without(Flags::PSH);
    }
    differs("flags", &wanted.flags, &got_flags, found);
    let mut number = |what, wanted: Option<u64>, got: Option<u64>| {
        if let (Some(wanted), Some(got)) = (wanted, got) {
            differs(what, &wanted, &got, found);
        }
    };
    number(
        "sequence number",
        wanted.seq.map(u64::from),
        got.seq.map(u64::from),
    );
    let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
    number("octets of data", wanted.len.map(count), got.len.map(count));
    number(
        "acknowledgement number",
        wanted.ack.map(u64::from),
        got.ack.map(u64::from),
    );
    number(
        "urgent pointer",
        Some(u64::from(wanted.urgent.unwrap_or(0))),
        Some(u64::from(got.urgent.unwrap_or(0))),
    );
    if let (Some(bounds), Some(window)) = (wanted.window, got.window)
        && !bounds.hold(window.least)
    {
        found.push(format!("window: expected {bounds}, got {}", window.least));
    }
}

fn options(
    wanted: &Segment,
    got: &Segment,
    seen: &Decoded,
    flows: &mut Flows,
    slack: Duration,
    found: &mut Vec<String>,
) {
    let (Some(wanted), Some(got)) = (&wanted.options, &got.options) else {
        return;
    };
    let same = wanted.len() == got.len()
        && wanted
            .iter()
            .zip(got)
            .all(|(wanted, got)| match (wanted, got) {
                (TcpOption::WindowScale(None), TcpOption::WindowScale(_)) => true,
                (
                    TcpOption::Timestamps(value, echo),
                    TcpOption::Timestamps(got_value, got_echo),
                ) => {
                    timestamp(*value, *got_value, seen, flows, slack)
                        && (echo.is_none() || echo == got_echo)
                }
                _ => wanted == got,
            });
    if !same {
        let offset = flows.flow(seen.key).timestamp_offset.unwrap_or(0);
        let relative: Vec<TcpOption> = got
            .iter()
            .map(|option| match option {
                TcpOption::Timestamps(Some(value), echo) => {
                    TcpOption::Timestamps(Some(value.wrapping_sub(offset)), *echo)
                }
                other => other.clone(),
            })
            .collect();
        found.push(format!(
            "options: expected <{}>, got <{}>",
            show::tcp_options(wanted),
            show::tcp_options(&relative)
        ));
    }
}

/// Whether a timestamp of the stack is `wanted`; the first one that is compared says where the script's clock starts.
fn timestamp(
    wanted: Option<u32>,
    got: Option<u32>,
    seen: &Decoded,
    flows: &mut Flows,
    slack: Duration,
) -> bool {
    let (Some(wanted), Some(got)) = (wanted, got) else {
        return true;
    };
    let flow = flows.flow(seen.key);
    let offset = *flow
        .timestamp_offset
        .get_or_insert_with(|| got.wrapping_sub(wanted));
    let off = got.wrapping_sub(offset).wrapping_sub(wanted).cast_signed();
    u128::from(off.unsigned_abs()) <= slack.as_millis() + 1
}

fn data(got: &Segment, data: &[u8], found: &mut Vec<String>) {
    let from = stream_offset(got);
    let wanted = pattern_from(from, data.len());
    if let Some(at) = data
        .iter()
        .zip(&wanted)
        .position(|(got, wanted)| got != wanted)
    {
        found.push(format!("octet {at} of the data is not what was written"));
    }
}

fn icmp(wanted: &Icmp, got: &Icmp, found: &mut Vec<String>) {
    differs("type", &wanted.kind, &got.kind, found);
    differs("code", &wanted.code, &got.code, found);
    if let (Some(wanted), Some(got)) = (wanted.rest, got.rest) {
        differs("octets 4 to 7", &wanted, &got, found);
    }
    match (&wanted.content, &got.content) {
        (IcmpContent::Data(wanted), IcmpContent::Data(got)) => {
            differs("octets of data", wanted, got, found);
        }
        (IcmpContent::Quote(wanted), IcmpContent::Quote(got)) => match (&wanted.body, &got.body) {
            (Body::Tcp(wanted), Body::Tcp(got)) => {
                if let (Some(wanted), Some(got)) = (wanted.seq, got.seq) {
                    differs("quoted sequence number", &wanted, &got, found);
                }
            }
            (Body::Udp(wanted), Body::Udp(got)) => {
                differs("octets of data quoted", wanted, got, found);
            }
            (Body::Icmp(wanted), Body::Icmp(got)) => {
                differs("quoted type", &wanted.kind, &got.kind, found);
            }
            (Body::Other(wanted, _), Body::Other(got, _)) => {
                differs("quoted protocol", wanted, got, found);
            }
            _ => found.push("the protocol of the quoted packet".into()),
        },
        _ => found.push("the content".into()),
    }
}
