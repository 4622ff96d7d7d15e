//! Frames and packets on one line, for traces.
//!
//! The line tells what the headers say, and of payload only its length. It is bounded whatever the octets are, and what
//! cannot be read is named and measured. Checksums are not looked at: with offload they are not there yet.
//!
//! ```
//! use fairway_wire::pretty;
//!
//! let frame = [
//!     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, // Ethernet
//!     0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2, // ARP
//! ];
//! assert_eq!(
//!     pretty::Frame(&frame).to_string(),
//!     "eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff arp who-has 10.0.0.2 tell 10.0.0.1"
//! );
//! ```

use core::fmt::{self, Display};

use crate::ipv4::options::Options as IpOptions;
use crate::list::List;
use crate::tcp::{Flags, OptionIter};
use crate::{EtherType, Protocol, SeqNumber, arp, ethernet, icmp, igmp, ipv4, tcp, udp};

/// An Ethernet frame on one line:
/// `eth … > … ip ttl 64 id 7 DF tcp 10.0.0.1:4000 > 10.0.0.2:80 S 1:1(0) win 65535 <mss 1460>`.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a>(pub &'a [u8]);

/// An IPv4 packet on one line: what follows the hardware addresses in the line of a [`Frame`].
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a>(pub &'a [u8]);

/// How many records, and sources of each, are shown of a membership message.
const SHOWN: usize = 4;

impl Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (header, payload) = match ethernet::Header::parse(self.0) {
            Ok(parsed) => parsed,
            Err(error) => {
                f.write_str("eth")?;
                return malformed(f, &error, self.0);
            }
        };
        write!(f, "eth {} > {} ", header.source, header.destination)?;
        match header.ether_type {
            EtherType::IPV4 => Packet(payload).fmt(f),
            EtherType::ARP => match arp::Packet::parse(payload) {
                Ok(packet) => write!(f, "arp {packet}"),
                Err(error) => {
                    f.write_str("arp")?;
                    malformed(f, &error, payload)
                }
            },
            other => write!(f, "{other} len {}", payload.len()),
        }
    }
}

impl Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (header, options, payload) = match ipv4::Header::parse(self.0) {
            Ok(parsed) => parsed,
            Err(error) => {
                f.write_str("ip")?;
                return malformed(f, &error, self.0);
            }
        };
        f.write_str("ip ")?;
        if header.dscp_ecn != 0 {
            write!(f, "tos {:#04x} ", header.dscp_ecn)?;
        }
        write!(f, "ttl {} id {} ", header.ttl, header.id)?;
        if header.dont_fragment {
            f.write_str("DF ")?;
        }
        if header.is_fragment() {
            let more = if header.more_fragments { "+" } else { "" };
            let end = usize::from(header.fragment_offset) + payload.len();
            write!(f, "frag {}:{end}{more} ", header.fragment_offset)?;
        }
        ip_options(f, options)?;
        if header.fragment_offset == 0 {
            transport(f, &header, payload)
        } else {
            addresses(f, &header)?;
            write!(f, " len {}", payload.len())
        }
    }
}

/// ` malformed (packet shorter than its header) len 3`, behind what it should be.
fn malformed(f: &mut fmt::Formatter<'_>, error: &dyn Display, octets: &[u8]) -> fmt::Result {
    write!(f, " malformed ({error}) len {}", octets.len())
}

/// `[rr{},nop] `, or nothing if there are none.
fn ip_options(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    if octets.is_empty() {
        return Ok(());
    }
    f.write_str("[")?;
    for (index, entry) in IpOptions::new(octets).enumerate() {
        if index > 0 {
            f.write_str(",")?;
        }
        match entry {
            Ok(entry) => entry.option.fmt(f)?,
            Err(error) => write!(f, "malformed ({error})")?,
        }
    }
    f.write_str("] ")
}

/// `rsvp 10.0.0.1 > 10.0.0.2`.
fn addresses(f: &mut fmt::Formatter<'_>, header: &ipv4::Header) -> fmt::Result {
    write!(
        f,
        "{} {} > {}",
        header.protocol, header.source, header.destination
    )
}

/// The payload of a packet that is whole, or the first fragment of one.
fn transport(f: &mut fmt::Formatter<'_>, header: &ipv4::Header, payload: &[u8]) -> fmt::Result {
    match header.protocol {
        Protocol::TCP => match tcp::Header::parse(payload) {
            Ok((segment, options, data)) => {
                ports(f, header, segment.source_port, segment.destination_port)?;
                tcp(f, &segment, options, data)
            }
            Err(error) => unreadable(f, header, &error, payload),
        },
        // Of a first fragment not all of the datagram is there, which its length tells.
        Protocol::UDP if header.more_fragments => {
            addresses(f, header)?;
            write!(f, " len {}", payload.len())
        }
        Protocol::UDP => match udp::Header::parse(payload) {
            Ok((datagram, data)) => {
                ports(f, header, datagram.source_port, datagram.destination_port)?;
                write!(f, " len {}", data.len())
            }
            Err(error) => unreadable(f, header, &error, payload),
        },
        Protocol::ICMP => match icmp::Message::parse(payload) {
            Ok((message, data)) => {
                addresses(f, header)?;
                icmp(f, &message, data)
            }
            Err(error) => unreadable(f, header, &error, payload),
        },
        Protocol::IGMP => match igmp::Message::parse(payload) {
            Ok(message) => {
                addresses(f, header)?;
                igmp(f, &message)
            }
            Err(error) => unreadable(f, header, &error, payload),
        },
        _ => {
            addresses(f, header)?;
            write!(f, " len {}", payload.len())
        }
    }
}

/// A payload that cannot be read.
fn unreadable(
    f: &mut fmt::Formatter<'_>,
    header: &ipv4::Header,
    error: &dyn Display,
    payload: &[u8],
) -> fmt::Result {
    addresses(f, header)?;
    malformed(f, error, payload)
}

/// `udp 10.0.0.1:53 > 10.0.0.2:4000`.
fn ports(
    f: &mut fmt::Formatter<'_>,
    header: &ipv4::Header,
    source_port: u16,
    destination_port: u16,
) -> fmt::Result {
    let ipv4::Header {
        protocol,
        source,
        destination,
        ..
    } = header;
    write!(
        f,
        "{protocol} {source}:{source_port} > {destination}:{destination_port}"
    )
}

/// ` S. 1:1(0) ack 2 win 65535 <mss 1460>`.
fn tcp(
    f: &mut fmt::Formatter<'_>,
    header: &tcp::Header,
    options: &[u8],
    data: &[u8],
) -> fmt::Result {
    let SeqNumber(start) = header.seq;
    let end = header.seq + data.len();
    write!(f, " {} {start}:{end}({})", header.flags, data.len())?;
    if header.flags.contains(Flags::ACK) {
        write!(f, " ack {}", header.ack)?;
    }
    write!(f, " win {}", header.window)?;
    if header.flags.contains(Flags::URG) {
        write!(f, " urg {}", header.urgent)?;
    }
    if options.is_empty() {
        return Ok(());
    }
    f.write_str(" <")?;
    for (index, option) in OptionIter::new(options).enumerate() {
        if index > 0 {
            f.write_str(",")?;
        }
        option.fmt(f)?;
    }
    f.write_str(">")
}

/// ` echo-request id 1 seq 2 len 56`, ` unreachable port for udp 10.0.0.2:4000 > 10.0.0.1:53`.
fn icmp(f: &mut fmt::Formatter<'_>, message: &icmp::Message, data: &[u8]) -> fmt::Result {
    use icmp::Message;

    write!(f, " {}", message.message_type())?;
    match message {
        Message::EchoReply { id, seq }
        | Message::EchoRequest { id, seq }
        | Message::InformationRequest { id, seq }
        | Message::InformationReply { id, seq } => write!(f, " id {id} seq {seq}")?,
        Message::DestinationUnreachable { code, next_hop_mtu } => {
            write!(f, " {code}")?;
            if *code == icmp::UnreachableCode::FRAGMENTATION_NEEDED {
                write!(f, " mtu {next_hop_mtu}")?;
            }
        }
        Message::SourceQuench => {}
        Message::Redirect { code, gateway } => write!(f, " {code} to {gateway}")?,
        Message::TimeExceeded { code } => write!(f, " {code}")?,
        Message::ParameterProblem { code, pointer } => write!(f, " {code} at {pointer}")?,
        Message::TimestampRequest(times) | Message::TimestampReply(times) => write!(
            f,
            " id {} seq {} orig {} recv {} xmit {}",
            times.id, times.seq, times.originate, times.receive, times.transmit
        )?,
        Message::AddressMaskRequest(mask) | Message::AddressMaskReply(mask) => {
            write!(f, " id {} seq {} mask {}", mask.id, mask.seq, mask.mask)?;
        }
        Message::Other { code, .. } => write!(f, " code {code}")?,
    }
    if !message.is_error() {
        return write!(f, " len {}", data.len());
    }
    f.write_str(" for ")?;
    match icmp::Original::parse(data) {
        Ok(original) => match original.ports() {
            Some((source, destination)) => ports(f, &original.header, source, destination),
            None => addresses(f, &original.header),
        },
        Err(error) => {
            f.write_str("ip")?;
            malformed(f, &error, data)
        }
    }
}

/// ` v2-report 239.1.2.3`, ` v3-report to_ex 239.1.2.3 {}`.
fn igmp(f: &mut fmt::Formatter<'_>, message: &igmp::Message<'_>) -> fmt::Result {
    use igmp::Message;

    match message {
        Message::Query(query) => {
            let tenths = query.max_response_tenths();
            write!(f, " v{}-query {}", query.version(), query.group)?;
            if let Some(v3) = query.v3 {
                f.write_str(" ")?;
                sources(f, &v3.sources)?;
                if v3.suppress_router_processing {
                    f.write_str(" suppress")?;
                }
                let interval = igmp::decode_float(v3.query_interval_code);
                write!(f, " qrv {} qqi {interval} s", v3.robustness)?;
            }
            write!(f, " within {}.{} s", tenths / 10, tenths % 10)
        }
        Message::V1Report { group } | Message::V2Report { group } | Message::Leave { group } => {
            write!(f, " {} {group}", message.message_type())
        }
        Message::V3Report(report) => {
            f.write_str(" v3-report")?;
            for record in report.records().take(SHOWN) {
                write!(f, " {} {} ", record.record_type, record.group)?;
                sources(f, &record.sources)?;
            }
            match usize::from(report.count()).checked_sub(SHOWN) {
                None | Some(0) => Ok(()),
                Some(more) => write!(f, " and {more} more"),
            }
        }
        Message::Other {
            message_type, rest, ..
        } => write!(f, " {message_type} len {}", rest.len()),
    }
}

/// `{192.0.2.1,192.0.2.2,…+5}`.
fn sources(f: &mut fmt::Formatter<'_>, sources: &igmp::Addresses<'_>) -> fmt::Result {
    write!(f, "{{{}", List(sources.iter().take(SHOWN)))?;
    if let Some(more @ 1..) = sources.len().checked_sub(SHOWN) {
        write!(f, ",…+{more}")?;
    }
    f.write_str("}")
}

#[cfg(test)]
mod tests;
