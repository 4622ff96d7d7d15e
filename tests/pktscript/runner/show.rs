//! Packets in the words of the script language, for traces and messages.

use std::fmt::Write as _;

use super::ast::{Body, Icmp, IcmpContent, Packet, Segment, TcpOption};
use super::decode::Decoded;
use super::flow::Flows;
use super::icmp_names;

/// A packet as a script would write it; ports only where a script would need them, and of the IP header only what is
/// unusual.
pub(crate) fn packet(seen: &Decoded, flows: &Flows) -> String {
    let mut text = String::new();
    if !flows.is_usual(seen.key) {
        let key = seen.key;
        let _ = write!(
            text,
            "@{}:{}/{} ",
            key.remote_ip, key.remote_port, key.local_port
        );
    }
    text + &plain(&seen.packet)
}

/// Without addresses and ports.
pub(crate) fn plain(packet: &Packet) -> String {
    let mut text = String::new();
    let ip = &packet.ip;
    let mut fields = Vec::new();
    if let Some(tos) = ip.tos.filter(|tos| *tos != 0) {
        fields.push(format!("tos {tos:#x}"));
    }
    if let Some(ttl) = ip.ttl.filter(|ttl| *ttl != 64) {
        fields.push(format!("ttl {ttl}"));
    }
    if let Some((from, to)) = ip.fragment {
        fields.push(format!("fragment {from}..{to}"));
    }
    if let Some(options) = &ip.options {
        fields.push(format!("options {}", hexadecimal(options)));
    }
    if !fields.is_empty() {
        let _ = write!(text, "ip({}) ", fields.join(", "));
    }
    text += &match &packet.body {
        Body::Tcp(tcp) => segment(tcp),
        Body::Udp(len) => format!("udp ({len})"),
        Body::Icmp(message) => icmp(message),
        Body::Other(protocol, len) => format!("proto {protocol} ({len})"),
        Body::Raw(octets) => format!("raw {}", hexadecimal(octets)),
    };
    text
}

fn or_any<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "any".into(), |value| value.to_string())
}

/// `P. 1:101(100) ack 1 win 1000 <nop,nop,TS val 1 ecr 0>`
fn segment(segment: &Segment) -> String {
    let mut text = segment.flags.to_string();
    if let (Some(seq), Some(len)) = (segment.seq, segment.len) {
        let span = u32::try_from(len).unwrap_or(u32::MAX);
        let _ = write!(text, " {seq}:{}({len})", seq.wrapping_add(span));
    } else {
        text += " *";
    }
    if let Some(ack) = segment.ack {
        let _ = write!(text, " ack {ack}");
    }
    if let Some(window) = segment.window {
        let _ = write!(text, " win {window}");
    }
    if let Some(urgent) = segment.urgent {
        let _ = write!(text, " urg {urgent}");
    }
    match &segment.options {
        None => text += " <...>",
        Some(options) if options.is_empty() => {}
        Some(options) => {
            let _ = write!(text, " <{}>", tcp_options(options));
        }
    }
    text
}

/// The options between `<` and `>`.
pub(crate) fn tcp_options(options: &[TcpOption]) -> String {
    let words: Vec<String> = options.iter().map(tcp_option).collect();
    words.join(",")
}

fn tcp_option(option: &TcpOption) -> String {
    match option {
        TcpOption::End => "eol".into(),
        TcpOption::Nop => "nop".into(),
        TcpOption::Mss(mss) => format!("mss {mss}"),
        TcpOption::WindowScale(shift) => format!("wscale {}", or_any(*shift)),
        TcpOption::SackPermitted => "sackOK".into(),
        TcpOption::Sack(blocks) => {
            let mut text = "sack".to_owned();
            for (left, right) in blocks {
                let _ = write!(text, " {left}:{right}");
            }
            text
        }
        TcpOption::Timestamps(None, None) => "TS any".into(),
        TcpOption::Timestamps(value, echo) => {
            format!("TS val {} ecr {}", or_any(*value), or_any(*echo))
        }
        TcpOption::Other(kind, content) => {
            format!("opt {kind} {}", hexadecimal(content))
        }
    }
}

/// Pairs of hexadecimal digits.
pub(crate) fn hexadecimal(octets: &[u8]) -> String {
    let mut text = String::new();
    for octet in octets {
        let _ = write!(text, "{octet:02x}");
    }
    text
}

fn icmp(message: &Icmp) -> String {
    let mut text = match icmp_names::name(message.kind, message.code) {
        Some((first, second)) => format!("icmp {first} {second}"),
        None => format!("icmp type {} code {}", message.kind, message.code),
    };
    let rest = message.rest.unwrap_or(0);
    match (message.kind, message.code) {
        (3, 4) => {
            let _ = write!(text, " mtu {}", rest & 0xffff);
        }
        (12, _) => {
            let _ = write!(text, " pointer {}", rest >> 24);
        }
        (0 | 8, _) => {
            let _ = write!(text, " id {} seq {}", rest >> 16, rest & 0xffff);
        }
        _ => {}
    }
    match &message.content {
        IcmpContent::Quote(quoted) => {
            let _ = write!(text, " [{}]", plain(quoted));
        }
        IcmpContent::Data(len) => {
            let _ = write!(text, " ({len})");
        }
    }
    text
}
