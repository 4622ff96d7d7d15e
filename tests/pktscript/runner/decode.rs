//! What was on the wire, in a script's own words and numbers.

use fairway_wire::{Protocol, ipv4, tcp, udp};

use super::ast::{Body, Bounds, Icmp, IcmpContent, Ip, Packet, Segment, TcpOption};
use super::flow::{FlowKey, Flows};
use super::octets::Sender;
use super::segment::Flags;

/// A packet that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    /// Its conversation.
    pub(crate) key: FlowKey,
    /// All that a script could say of it; fields that a script need not name are filled in.
    pub(crate) packet: Packet,
    /// Its data.
    pub(crate) data: Vec<u8>,
}

/// Reads an IP packet; `None` if it is not IPv4 (a router solicitation, say).
///
/// # Errors
/// What no stack should send: a damaged header, a wrong checksum.
pub(crate) fn decode(
    octets: &[u8],
    sender: Sender,
    flows: &mut Flows,
) -> Option<Result<Decoded, String>> {
    if octets.first().is_none_or(|first| first >> 4 != 4) {
        return None;
    }
    Some(decode_ip(octets, sender, flows, false))
}

fn decode_ip(
    octets: &[u8],
    sender: Sender,
    flows: &mut Flows,
    quoted: bool,
) -> Result<Decoded, String> {
    let whole;
    let octets = if quoted {
        // A quotation is cut short: give it the length it claims.
        let mut copy = octets.to_vec();
        let claimed = number(octets, 2);
        copy.resize(claimed.max(octets.len()), 0);
        whole = copy;
        whole.as_slice()
    } else {
        octets
    };
    let (header, options, payload) =
        ipv4::Header::parse(octets).map_err(|error| format!("a bad IP header: {error}"))?;
    if !quoted && !ipv4::Header::verify_checksum(octets) {
        return Err("a wrong IP header checksum".into());
    }
    let (source, destination) = (header.source, header.destination);
    let remote_ip = match sender {
        Sender::Local => destination,
        Sender::Remote => source,
    };
    let mut key = flows.key(&Packet {
        remote_ip: Some(remote_ip),
        ..Packet::default()
    });
    let mut ports = |source_port, destination_port| {
        (key.local_port, key.remote_port) = match sender {
            Sender::Local => (source_port, destination_port),
            Sender::Remote => (destination_port, source_port),
        };
        key
    };
    let fragment_end = header
        .fragment_offset
        .saturating_add(octet_count(payload.len()));
    let is_fragment = header.more_fragments || header.fragment_offset != 0;
    let ip = Ip {
        tos: Some(header.dscp_ecn),
        ttl: Some(header.ttl),
        id: Some(header.id),
        dont_fragment: Some(header.dont_fragment),
        fragment: is_fragment.then_some((header.fragment_offset, fragment_end)),
        options: (!options.is_empty()).then(|| options.to_vec()),
        damaged: false,
    };
    let whole_datagram = !is_fragment && !quoted;
    let (key, body, data) = match header.protocol {
        Protocol::TCP if header.fragment_offset == 0 => {
            if whole_datagram && !tcp::verify_checksum(source, destination, payload) {
                return Err("a wrong TCP checksum".into());
            }
            // Only eight octets of a quotation need be there.
            let mut padded = payload.to_vec();
            if quoted {
                padded.resize(padded.len().max(20), 0);
                if let Some(offset) = padded.get_mut(12) {
                    *offset = (*offset).max(0x50);
                }
            }
            let (tcp, options, data) = tcp::Header::parse(&padded)
                .map_err(|error| format!("a bad TCP header: {error}"))?;
            let key = ports(tcp.source_port, tcp.destination_port);
            let segment = segment(&tcp, options, data.len(), sender, key, flows);
            (key, Body::Tcp(segment), data.to_vec())
        }
        Protocol::UDP if header.fragment_offset == 0 => {
            let len = if is_fragment || quoted {
                let (source_port, destination_port) = payload
                    .first_chunk::<4>()
                    .map(|[a, b, c, d]| {
                        (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))
                    })
                    .ok_or("a bad UDP header")?;
                ports(source_port, destination_port);
                let claimed = number(payload, 4);
                claimed.saturating_sub(8)
            } else {
                if !udp::verify_checksum(source, destination, payload) {
                    return Err("a wrong UDP checksum".into());
                }
                let (udp, data) = udp::Header::parse(payload)
                    .map_err(|error| format!("a bad UDP header: {error}"))?;
                ports(udp.source_port, udp.destination_port);
                data.len()
            };
            if sender == Sender::Local {
                flows.sent(key);
            }
            let data = payload.get(8..).unwrap_or_default().to_vec();
            (key, Body::Udp(len), data)
        }
        Protocol::ICMP if header.fragment_offset == 0 => {
            let (message, data) = icmp(payload, sender, flows)?;
            (key, Body::Icmp(message), data)
        }
        // What a later fragment carries is its first one's business.
        _ if header.fragment_offset != 0 => (key, Body::Udp(0), payload.to_vec()),
        Protocol(other) => (key, Body::Other(other, payload.len()), payload.to_vec()),
    };
    Ok(Decoded {
        key,
        packet: Packet {
            remote_ip: Some(key.remote_ip),
            remote_port: Some(key.remote_port),
            local_port: Some(key.local_port),
            ip,
            body,
            damaged: false,
        },
        data,
    })
}

fn segment(
    tcp: &tcp::Header,
    options: &[u8],
    len: usize,
    sender: Sender,
    key: FlowKey,
    flows: &mut Flows,
) -> Segment {
    let flags = Flags(tcp.flags.0);
    if sender == Sender::Local {
        flows.sent(key);
        if flags.has(Flags::SYN) {
            flows.flow(key).syn_sent(tcp.seq.0);
        }
    }
    let (local_isn, remote_isn) = (flows.local_isn(key), flows.remote_isn);
    let (ours, theirs) = match sender {
        Sender::Local => (local_isn, remote_isn),
        Sender::Remote => (remote_isn, local_isn),
    };
    // A reset that answers a segment without acknowledgement has the number 0 itself.
    let bare_reset = flags.has(Flags::RST) && tcp.seq.0 == 0;
    let seq = if bare_reset {
        0
    } else {
        tcp.seq.0.wrapping_sub(ours)
    };
    let options = tcp_options(options, theirs);
    for option in &options {
        if let (TcpOption::Timestamps(Some(value), _), Sender::Local) = (option, sender) {
            flows.flow(key).last_timestamp = *value;
        }
    }
    let window = u64::from(tcp.window);
    Segment {
        flags,
        push_optional: false,
        seq: Some(seq),
        len: Some(len),
        ack: flags
            .has(Flags::ACK)
            .then(|| tcp.ack.0.wrapping_sub(theirs)),
        window: Some(Bounds {
            least: window,
            most: window,
        }),
        urgent: flags.has(Flags::URG).then_some(tcp.urgent),
        options: Some(options),
    }
}

fn tcp_options(mut octets: &[u8], their_isn: u32) -> Vec<TcpOption> {
    let mut options = Vec::new();
    while let Some((kind, rest)) = octets.split_first() {
        if *kind < 2 {
            options.push(if *kind == 0 {
                TcpOption::End
            } else {
                TcpOption::Nop
            });
            octets = rest;
            continue;
        }
        let len = rest.first().map_or(0, |len| usize::from(*len));
        let Some(content) = len.checked_sub(1).and_then(|end| rest.get(1..end)) else {
            options.push(TcpOption::Other(*kind, rest.to_vec()));
            break;
        };
        let words: Vec<u32> = content
            .as_chunks::<4>()
            .0
            .iter()
            .map(|word| u32::from_be_bytes(*word))
            .collect();
        options.push(match (kind, content, words.as_slice()) {
            (2, [high, low], _) => TcpOption::Mss(u16::from_be_bytes([*high, *low])),
            (3, [shift], _) => TcpOption::WindowScale(Some(*shift)),
            (4, [], _) => TcpOption::SackPermitted,
            (5, _, edges) => TcpOption::Sack(
                edges
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|[left, right]| {
                        (left.wrapping_sub(their_isn), right.wrapping_sub(their_isn))
                    })
                    .collect(),
            ),
            (8, _, [value, echo]) => TcpOption::Timestamps(Some(*value), Some(*echo)),
            _ => TcpOption::Other(*kind, content.to_vec()),
        });
        octets = rest.get(len - 1..).unwrap_or_default();
    }
    options
}

fn icmp(payload: &[u8], sender: Sender, flows: &mut Flows) -> Result<(Icmp, Vec<u8>), String> {
    let Some(([kind, code, _, _, a, b, c, d], rest)) = payload.split_first_chunk::<8>() else {
        return Err("an ICMP message of less than eight octets".into());
    };
    let content = match kind {
        3 | 4 | 5 | 11 | 12 => {
            let quoted_sender = match sender {
                Sender::Local => Sender::Remote,
                Sender::Remote => Sender::Local,
            };
            let quoted = decode_ip(rest, quoted_sender, flows, true)
                .map_err(|error| format!("an ICMP message that quotes {error}"))?;
            IcmpContent::Quote(Box::new(quoted.packet))
        }
        _ => IcmpContent::Data(rest.len()),
    };
    let message = Icmp {
        kind: *kind,
        code: *code,
        rest: Some(u32::from_be_bytes([*a, *b, *c, *d])),
        content,
    };
    Ok((message, rest.to_vec()))
}

/// The 16-bit number at `at`; 0 if it is cut off.
fn number(octets: &[u8], at: usize) -> usize {
    let field = octets.get(at..).and_then(|rest| rest.first_chunk::<2>());
    field.map_or(0, |field| usize::from(u16::from_be_bytes(*field)))
}

fn octet_count(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}
