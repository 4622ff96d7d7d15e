//! Packets of a script as octets.

use std::net::Ipv4Addr;

use fairway_wire::{Protocol, checksum, ipv4, tcp, udp};

use super::ast::{Body, Icmp, IcmpContent, Packet, Segment, TcpOption};
use super::flow::{FlowKey, Flows};
use super::segment::Flags;

/// Who sends a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The stack under test.
    Local,
    /// The scripted peer.
    Remote,
}

/// Octet `offset` of the data of a stream or datagram, where a script gives no text.
pub(crate) fn pattern(offset: usize) -> u8 {
    u8::try_from(offset % 251).unwrap_or(0)
}

/// Octets `from..from + len` of the pattern.
pub(crate) fn pattern_from(from: usize, len: usize) -> Vec<u8> {
    (from..from.saturating_add(len)).map(pattern).collect()
}

/// Where in the stream of its direction the data of a segment starts; the SYN has number 0.
pub(crate) fn stream_offset(segment: &Segment) -> usize {
    let data = segment.seq.unwrap_or(0);
    let first = if segment.flags.has(Flags::SYN) {
        data
    } else {
        data.wrapping_sub(1)
    };
    usize::try_from(first).unwrap_or(0)
}

/// The octets of a packet that `sender` sends.
///
/// # Errors
/// When it does not fit in an IP packet.
pub(crate) fn build(packet: &Packet, sender: Sender, flows: &mut Flows) -> Result<Vec<u8>, String> {
    let key = flows.key(packet);
    let (source, destination) = match sender {
        Sender::Local => (flows.local_ip, key.remote_ip),
        Sender::Remote => (key.remote_ip, flows.local_ip),
    };
    let (protocol, mut payload) = match &packet.body {
        Body::Tcp(segment) => (Protocol::TCP, tcp_segment(segment, sender, key, flows)?),
        Body::Udp(len) => (Protocol::UDP, udp_datagram(*len, sender, key)?),
        Body::Icmp(message) => (Protocol::ICMP, icmp_message(message, sender, flows)?),
        Body::Other(protocol, len) => (Protocol(*protocol), pattern_from(0, *len)),
        Body::Raw(octets) => return Ok(octets.clone()),
    };
    match protocol {
        Protocol::TCP => tcp::fill_checksum(source, destination, &mut payload),
        Protocol::UDP => udp::fill_checksum(source, destination, &mut payload),
        Protocol::ICMP => {
            let sum = checksum::sum(&payload).finish();
            put(&mut payload, 2, sum);
        }
        _ => {}
    }
    if packet.damaged {
        let field = match protocol {
            Protocol::TCP => 16,
            Protocol::UDP => 6,
            _ => 2,
        };
        if let Some(octet) = payload.get_mut(field) {
            *octet ^= 0x55;
        }
    }
    ip_packet(packet, protocol, source, destination, &payload)
}

fn ip_packet(
    packet: &Packet,
    protocol: Protocol,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    payload: &[u8],
) -> Result<Vec<u8>, String> {
    let (from, to) = packet.ip.fragment.map_or((0, payload.len()), |(from, to)| {
        (usize::from(from), usize::from(to))
    });
    let piece = payload.get(from..to).ok_or_else(|| {
        format!(
            "there are only {} octets to cut a fragment from",
            payload.len()
        )
    })?;
    let options = packet.ip.options.as_deref().unwrap_or_default();
    let header_len = 20 + options.len().next_multiple_of(4);
    let total_len =
        u16::try_from(header_len + piece.len()).map_err(|_| "too long for an IP packet")?;
    let header = ipv4::Header {
        dscp_ecn: packet.ip.tos.unwrap_or(0),
        total_len,
        id: packet.ip.id.unwrap_or(0),
        dont_fragment: packet.ip.dont_fragment.unwrap_or(false),
        more_fragments: to < payload.len(),
        fragment_offset: u16::try_from(from).map_err(|_| "a fragment too far")?,
        ttl: packet.ip.ttl.unwrap_or(64),
        protocol,
        source,
        destination,
        header_len: u8::try_from(header_len)
            .ok()
            .filter(|len| *len <= 60)
            .ok_or("more than 40 octets of IP options")?,
    };
    let mut octets = vec![0; header_len];
    header.emit(options, &mut octets);
    if packet.ip.damaged
        && let Some(octet) = octets.get_mut(10)
    {
        *octet ^= 0x55;
    }
    octets.extend_from_slice(piece);
    Ok(octets)
}

fn tcp_segment(
    segment: &Segment,
    sender: Sender,
    key: FlowKey,
    flows: &mut Flows,
) -> Result<Vec<u8>, String> {
    let local_isn = flows.local_isn(key);
    let remote_isn = flows.remote_isn;
    let (ours, theirs) = match sender {
        Sender::Local => (local_isn, remote_isn),
        Sender::Remote => (remote_isn, local_isn),
    };
    let (source_port, destination_port) = match sender {
        Sender::Local => (key.local_port, key.remote_port),
        Sender::Remote => (key.remote_port, key.local_port),
    };
    let flow = flows.flow(key);
    if sender == Sender::Remote {
        if segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK) {
            flow.syn_received();
        }
        flow.urgent |= segment.flags.has(Flags::URG);
    }
    let options = tcp_options(
        segment.options.as_deref().unwrap_or_default(),
        theirs,
        |echo| match echo {
            Some(0) => 0,
            Some(echo) => echo.wrapping_add(flow.timestamp_offset.unwrap_or(0)),
            None => flow.last_timestamp,
        },
    );
    let header_len = 20 + options.len();
    let header = tcp::Header {
        source_port,
        destination_port,
        seq: tcp::SeqNumber(segment.seq.unwrap_or(0).wrapping_add(ours)),
        ack: tcp::SeqNumber(segment.ack.map_or(0, |ack| ack.wrapping_add(theirs))),
        header_len: u8::try_from(header_len)
            .ok()
            .filter(|len| *len <= 60)
            .ok_or("more than 40 octets of TCP options")?,
        flags: tcp::Flags(segment.flags.0),
        window: segment
            .window
            .map_or(Ok(u16::MAX), |window| u16::try_from(window.least))
            .map_err(|_| "a window beyond 16 bits")?,
        checksum: 0,
        urgent: segment.urgent.unwrap_or(0),
    };
    let mut octets = vec![0; header_len];
    header.emit(&options, &mut octets);
    octets.extend(pattern_from(
        stream_offset(segment),
        segment.len.unwrap_or(0),
    ));
    Ok(octets)
}

/// Options in the order written, padded with ends of list to a multiple of four octets.
fn tcp_options(
    options: &[TcpOption],
    their_isn: u32,
    echo_on_wire: impl Fn(Option<u32>) -> u32,
) -> Vec<u8> {
    let mut octets = Vec::new();
    for option in options {
        match option {
            TcpOption::End => octets.push(0),
            TcpOption::Nop => octets.push(1),
            TcpOption::Mss(mss) => {
                octets.extend([2, 4]);
                octets.extend(mss.to_be_bytes());
            }
            TcpOption::WindowScale(shift) => octets.extend([3, 3, shift.unwrap_or(0)]),
            TcpOption::SackPermitted => octets.extend([4, 2]),
            TcpOption::Sack(blocks) => {
                octets.extend([5, octet(2 + 8 * blocks.len())]);
                for (left, right) in blocks {
                    octets.extend(left.wrapping_add(their_isn).to_be_bytes());
                    octets.extend(right.wrapping_add(their_isn).to_be_bytes());
                }
            }
            TcpOption::Timestamps(value, echo) => {
                octets.extend([8, 10]);
                octets.extend(value.unwrap_or(0).to_be_bytes());
                octets.extend(echo_on_wire(*echo).to_be_bytes());
            }
            TcpOption::Other(kind, content) => {
                octets.extend([*kind, octet(2 + content.len())]);
                octets.extend(content);
            }
        }
    }
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

/// A length that fits an octet because all options fit in 40, which is checked when the header is made.
fn octet(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

fn udp_datagram(len: usize, sender: Sender, key: FlowKey) -> Result<Vec<u8>, String> {
    let (source_port, destination_port) = match sender {
        Sender::Local => (key.local_port, key.remote_port),
        Sender::Remote => (key.remote_port, key.local_port),
    };
    let header = udp::Header {
        source_port,
        destination_port,
        length: u16::try_from(8 + len).map_err(|_| "too long for a datagram")?,
        checksum: 0,
    };
    let mut head = [0; 8];
    header.emit(&mut head);
    let mut octets = head.to_vec();
    octets.extend(pattern_from(0, len));
    Ok(octets)
}

/// An ICMP message; a quoted packet was sent by the other side and is cut after eight octets of its payload, the least
/// that RFC 792 asks for.
fn icmp_message(message: &Icmp, sender: Sender, flows: &mut Flows) -> Result<Vec<u8>, String> {
    let mut octets = vec![message.kind, message.code, 0, 0];
    octets.extend(message.rest.unwrap_or(0).to_be_bytes());
    match &message.content {
        IcmpContent::Data(len) => octets.extend(pattern_from(0, *len)),
        IcmpContent::Quote(packet) => {
            let quoted_sender = match sender {
                Sender::Local => Sender::Remote,
                Sender::Remote => Sender::Local,
            };
            let mut quoted = build(packet, quoted_sender, flows)?;
            quoted.truncate(28);
            octets.extend(quoted);
        }
    }
    Ok(octets)
}

fn put(octets: &mut [u8], at: usize, value: u16) {
    if let Some(field) = octets.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}
