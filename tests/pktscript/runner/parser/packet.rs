//! Packets: `< @40001 ip(ttl 3) P. 1:101(100) ack 1 win 1000 <nop,nop,TS val 1 ecr 0>`.

use super::super::ast::{Body, Icmp, IcmpContent, Ip, Packet, Segment, TcpOption};
use super::super::cursor::{Cursor, ParseError};
use super::super::icmp_names;
use super::super::segment::Flags;
use super::settings::address;

/// A packet the peer sends: everything that has no usual value is said.
pub(super) fn to_send(cursor: &mut Cursor<'_>) -> Result<Packet, ParseError> {
    let start = cursor.mark();
    let packet = packet(cursor)?;
    if let Body::Tcp(segment) = &packet.body {
        let vague = segment.seq.is_none()
            || segment.len.is_none()
            || segment.push_optional
            || segment.options.is_none()
            || segment.flags.has(Flags::ACK) && segment.ack.is_none()
            || segment
                .window
                .is_some_and(|window| window.least != window.most);
        if vague {
            return Err(cursor.error_at(start, "a segment to send has numbers, not wildcards"));
        }
    }
    Ok(packet)
}

/// A packet the stack has to send.
pub(super) fn expected(cursor: &mut Cursor<'_>) -> Result<Packet, ParseError> {
    let start = cursor.mark();
    let packet = packet(cursor)?;
    if packet.damaged || packet.ip.damaged || matches!(packet.body, Body::Raw(_)) {
        return Err(cursor.error_at(start, "no stack may be expected to send this"));
    }
    Ok(packet)
}

fn packet(cursor: &mut Cursor<'_>) -> Result<Packet, ParseError> {
    let mut packet = Packet::default();
    if cursor.eat("@") {
        ports(cursor, &mut packet)?;
    }
    if cursor.eat("ip(") {
        packet.ip = ip(cursor)?;
    }
    packet.body = if cursor.eat_word("udp") {
        cursor.expect("(")?;
        let len = cursor.number("octets of data")?;
        cursor.expect(")")?;
        Body::Udp(len)
    } else if cursor.eat_word("icmp") {
        Body::Icmp(icmp(cursor)?)
    } else if cursor.eat_word("proto") {
        let protocol = cursor.number("the number of a protocol")?;
        cursor.expect("(")?;
        let len = cursor.number("octets of data")?;
        cursor.expect(")")?;
        Body::Other(protocol, len)
    } else if cursor.eat_word("raw") {
        Body::Raw(hexadecimal(cursor)?)
    } else {
        Body::Tcp(segment(cursor)?)
    };
    packet.damaged = cursor.eat_word("badsum");
    Ok(packet)
}

/// `@40001`, `@40001/8081`, `@192.0.2.9:40001`, `@192.0.2.9`.
fn ports(cursor: &mut Cursor<'_>, packet: &mut Packet) -> Result<(), ParseError> {
    let rest = cursor.rest();
    let token = rest.split_whitespace().next().unwrap_or_default();
    if token.contains('.') {
        packet.remote_ip = Some(address(cursor)?);
        if cursor.eat(":") {
            packet.remote_port = Some(cursor.number("a port")?);
        }
    } else {
        packet.remote_port = Some(cursor.number("a port")?);
    }
    if cursor.eat("/") {
        packet.local_port = Some(cursor.number("a port")?);
    }
    Ok(())
}

/// What follows `ip(`, with the closing parenthesis.
fn ip(cursor: &mut Cursor<'_>) -> Result<Ip, ParseError> {
    let mut ip = Ip::default();
    loop {
        let at = cursor.mark();
        match cursor.word("a field of the IP header")? {
            "ttl" => ip.ttl = Some(cursor.number("hops")?),
            "tos" => ip.tos = Some(cursor.number("the octet")?),
            "id" => ip.id = Some(cursor.number("an identification")?),
            "df" => ip.dont_fragment = Some(true),
            "no-df" => ip.dont_fragment = Some(false),
            "noecn" => ip.tos = Some(0),
            "ect1" => ip.tos = Some(1),
            "ect0" => ip.tos = Some(2),
            "ce" => ip.tos = Some(3),
            "badsum" => ip.damaged = true,
            "options" => ip.options = Some(hexadecimal(cursor)?),
            "fragment" => {
                let from: u16 = cursor.number("the first octet")?;
                cursor.expect("..")?;
                let to: u16 = cursor.number("the end")?;
                if !from.is_multiple_of(8) || to <= from {
                    return Err(cursor
                        .error_at(at, "a fragment starts at a multiple of 8 and is not empty"));
                }
                ip.fragment = Some((from, to));
            }
            other => {
                return Err(
                    cursor.error_at(at, format!("no field of the IP header is called {other}"))
                );
            }
        }
        if cursor.eat(")") {
            return Ok(ip);
        }
        cursor.expect(",")?;
    }
}

fn segment(cursor: &mut Cursor<'_>) -> Result<Segment, ParseError> {
    let start = cursor.mark();
    let mut segment = Segment {
        options: Some(Vec::new()),
        ..Segment::default()
    };
    let letters = cursor.run(|c| !c.is_whitespace());
    for letter in letters.chars() {
        match (Flags::of(letter), letter) {
            (Some(bit), _) => segment.flags = segment.flags.with(bit),
            (None, 'p') => segment.push_optional = true,
            (None, '-') if letters == "-" => {}
            _ => {
                let what = "flags (S F R P p U E W . or -), udp or icmp expected";
                return Err(cursor.error_at(start, what));
            }
        }
    }
    if letters.is_empty() {
        return Err(cursor.expected("flags, udp or icmp"));
    }
    if !cursor.eat("*") {
        numbers(cursor, &mut segment)?;
    }
    if cursor.eat_word("ack") {
        segment.ack = if cursor.eat("*") {
            None
        } else {
            Some(cursor.number("an acknowledgement number")?)
        };
        if !segment.flags.has(Flags::ACK) {
            return Err(cursor.error_at(start, "an acknowledgement number needs the flag '.'"));
        }
    } else if segment.flags.has(Flags::ACK) {
        return Err(cursor.expected("ack, as the flag '.' is set,"));
    }
    if cursor.eat_word("win") && !cursor.eat("*") {
        let bounds = super::bounds(cursor)?;
        if bounds.most > u64::from(u16::MAX) {
            return Err(cursor.error("a window field is 65535 at most"));
        }
        segment.window = Some(bounds);
    }
    if cursor.eat_word("urg") {
        segment.urgent = Some(cursor.number("an urgent pointer")?);
        if !segment.flags.has(Flags::URG) {
            return Err(cursor.error_at(start, "an urgent pointer needs the flag 'U'"));
        }
    }
    if cursor.eat("<...>") {
        segment.options = None;
    } else if cursor.eat("<") {
        segment.options = Some(options(cursor)?);
    }
    Ok(segment)
}

/// `1:101(100)`: first sequence number, the number after the last, octets of data.
fn numbers(cursor: &mut Cursor<'_>, segment: &mut Segment) -> Result<(), ParseError> {
    let start = cursor.mark();
    let first: u32 = cursor.number("a sequence number")?;
    cursor.expect(":")?;
    let end: u32 = cursor.number("a sequence number")?;
    cursor.expect("(")?;
    let len: u32 = cursor.number("octets of data")?;
    cursor.expect(")")?;
    if first.wrapping_add(len) != end {
        return Err(cursor.error_at(start, format!("{first} + {len} is not {end}")));
    }
    segment.seq = Some(first);
    segment.len = Some(usize::try_from(len).unwrap_or(usize::MAX));
    Ok(())
}

/// What follows `<`, with the closing `>`.
fn options(cursor: &mut Cursor<'_>) -> Result<Vec<TcpOption>, ParseError> {
    let mut options = Vec::new();
    loop {
        let at = cursor.mark();
        options.push(match cursor.word("a TCP option")? {
            "eol" => TcpOption::End,
            "nop" => TcpOption::Nop,
            "mss" => TcpOption::Mss(cursor.number("octets")?),
            "wscale" => TcpOption::WindowScale(any_or(cursor, |c| c.number("a shift"))?),
            "sackOK" => TcpOption::SackPermitted,
            "sack" => {
                let mut blocks = Vec::new();
                while cursor.peek().is_some_and(|c| c.is_ascii_digit()) {
                    let left = cursor.number("a sequence number")?;
                    cursor.expect(":")?;
                    blocks.push((left, cursor.number("a sequence number")?));
                }
                TcpOption::Sack(blocks)
            }
            "TS" => {
                if cursor.eat_word("any") {
                    TcpOption::Timestamps(None, None)
                } else {
                    cursor.expect("val")?;
                    let value = any_or(cursor, |c| c.number("a timestamp"))?;
                    cursor.expect("ecr")?;
                    let echo = any_or(cursor, |c| c.number("a timestamp"))?;
                    TcpOption::Timestamps(value, echo)
                }
            }
            "opt" => {
                let kind = cursor.number("a kind")?;
                TcpOption::Other(kind, hexadecimal(cursor)?)
            }
            other => return Err(cursor.error_at(at, format!("no TCP option is called {other}"))),
        });
        if cursor.eat(">") {
            return Ok(options);
        }
        cursor.expect(",")?;
    }
}

fn any_or<T>(
    cursor: &mut Cursor<'_>,
    read: impl FnOnce(&mut Cursor<'_>) -> Result<T, ParseError>,
) -> Result<Option<T>, ParseError> {
    if cursor.eat_word("any") {
        Ok(None)
    } else {
        read(cursor).map(Some)
    }
}

/// Pairs of hexadecimal digits; none at all if no digit follows.
fn hexadecimal(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, ParseError> {
    let start = cursor.mark();
    let digits = cursor.run(|c| c.is_ascii_hexdigit());
    let bad = || cursor.error_at(start, "pairs of hexadecimal digits expected");
    if !digits.len().is_multiple_of(2) {
        return Err(bad());
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| {
            let pair = digits.get(at..at + 2).unwrap_or_default();
            u8::from_str_radix(pair, 16).map_err(|_| bad())
        })
        .collect()
}

/// `echo request id 1 seq 2 (56)`, `unreachable frag mtu 1200 [. 1:1461(1460) ack 1]`.
fn icmp(cursor: &mut Cursor<'_>) -> Result<Icmp, ParseError> {
    let start = cursor.mark();
    let first = cursor.word("a kind of ICMP message")?;
    let second = match cursor.peek() {
        Some('[' | '(') | None => "",
        _ if icmp_names::takes_two_words(first) => cursor.word("a kind of ICMP message")?,
        _ => "",
    };
    let Some((kind, code)) = icmp_names::number(first, second) else {
        let name = format!("{first} {second}");
        return Err(cursor.error_at(start, format!("no ICMP message is called {}", name.trim())));
    };
    let mut rest = None;
    if cursor.eat_word("mtu") {
        rest = Some(u32::from(cursor.number::<u16>("octets")?));
    } else if cursor.eat_word("pointer") {
        rest = Some(u32::from(cursor.number::<u8>("an octet's place")?) << 24);
    } else if cursor.eat_word("id") {
        let id = u32::from(cursor.number::<u16>("an identifier")?);
        cursor.expect("seq")?;
        rest = Some(id << 16 | u32::from(cursor.number::<u16>("a number")?));
    }
    let content = if cursor.eat("[") {
        let quoted = packet(cursor)?;
        cursor.expect("]")?;
        IcmpContent::Quote(Box::new(quoted))
    } else {
        cursor.expect("(")?;
        let len = cursor.number("octets of data")?;
        cursor.expect(")")?;
        IcmpContent::Data(len)
    };
    Ok(Icmp {
        kind,
        code,
        rest,
        content,
    })
}
