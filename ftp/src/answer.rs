//! What the text of certain replies says: addresses (227, 229), sizes and times (213), paths (257), names (`STOU`).

use crate::reply::Reply;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use nom::branch::alt;
use nom::bytes::complete::{tag_no_case, take_while1};
use nom::character::complete::{char, satisfy, space0, u8 as octet, u16 as port, u64 as number};
use nom::combinator::{map_opt, opt, peek, verify};
use nom::multi::count;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

/// The address in a 227: six numbers with commas, wherever they stand (RFC 959 §4.2.2, RFC 1123 §4.1.2.6).
///
/// Port 0 and numbers above 255 are no address. The host is the server's claim and need not be true.
#[must_use]
pub fn passive(reply: &Reply) -> Option<SocketAddrV4> {
    anywhere(reply.last_line(), six_numbers)
}

/// The port in a 229: `(|||port|)`, with any character from 33 to 126 for the bar (RFC 2428 §3).
#[must_use]
pub fn extended_passive(reply: &Reply) -> Option<u16> {
    let text = reply.last_line();
    // Without parentheses it is against the RFC, and still clear where it has the usual bars.
    anywhere(text, |text| preceded(char('('), extended).parse(text))
        .or_else(|| anywhere(text, |text| preceded(peek(char('|')), extended).parse(text)))
}

/// The address and port in the answer to `LPSV`-like or extended replies that carry both: `|1|192.0.2.1|2000|`.
#[must_use]
pub fn extended_address(text: &[u8]) -> Option<SocketAddr> {
    let mut parts = text.strip_prefix(b"|")?.split(|octet| *octet == b'|');
    let family = parts.next()?;
    let host = std::str::from_utf8(parts.next()?).ok()?;
    let port = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let host: IpAddr = match family {
        b"1" => host.parse::<Ipv4Addr>().ok()?.into(),
        b"2" => host.parse::<Ipv6Addr>().ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(host, port))
}

/// The argument of `PORT` (RFC 959 §4.1.2).
#[must_use]
pub fn port_argument(address: SocketAddrV4) -> String {
    let [a, b, c, d] = address.ip().octets();
    let [high, low] = address.port().to_be_bytes();
    format!("{a},{b},{c},{d},{high},{low}")
}

/// The argument of `EPRT` (RFC 2428 §2).
#[must_use]
pub fn extended_port_argument(address: SocketAddr) -> String {
    let family = if address.is_ipv4() { 1 } else { 2 };
    // Without the zone of a link-local address: it means nothing at the other end.
    format!("|{family}|{}|{}|", address.ip(), address.port())
}

/// The number in a 213 to `SIZE` (RFC 3659 §4.1), whatever text surrounds it.
#[must_use]
pub fn size(reply: &Reply) -> Option<u64> {
    let text = reply.last_line();
    let start = text.iter().position(u8::is_ascii_digit)?;
    let rest: IResult<_, _, nom::error::Error<_>> = number(text.get(start..)?);
    rest.ok().map(|(_, size)| size)
}

/// The size that many servers put into their 150: "(1234 bytes)". Good for a progress bar and nothing else.
#[must_use]
pub fn announced_size(reply: &Reply) -> Option<u64> {
    anywhere(reply.last_line(), |text| {
        preceded(
            char('('),
            terminated(
                number,
                (space0, alt((tag_no_case("bytes"), tag_no_case("octets")))),
            ),
        )
        .parse(text)
    })
}

/// The time in a 213 to `MDTM` or `MFMT`: `YYYYMMDDHHMMSS` and perhaps a fraction, UTC (RFC 3659 §2.3).
///
/// Years of five digits ("19100"), as some servers wrote from the year 2000 on, are understood.
#[must_use]
pub fn time(reply: &Reply) -> Option<Timestamp> {
    let text = reply.last_line();
    let text = text.split(|octet| *octet == b' ' || *octet == b'=');
    text.into_iter().find_map(time_value)
}

/// A time value of RFC 3659 §2.3.
#[must_use]
pub fn time_value(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.trim_end_matches(';');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole
        .bytes()
        .chain(fraction.bytes())
        .all(|c| c.is_ascii_digit())
    {
        return None;
    }
    let (year, rest) = match whole.len() {
        14 => whole.split_at(4),
        15 if whole.starts_with("191") => whole.split_at(5),
        _ => return None,
    };
    let year: i16 = match year.parse().ok()? {
        long @ 19_100.. => 1900 + (long - 19_000),
        year => year,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
    let nanos = format!("{fraction:0<9}");
    let nanos = nanos.get(..9)?.parse().ok()?;
    // A leap second is the last one that has a number.
    let second = part(8)?.min(59);
    let civil = DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, second, nanos).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// Time as `MDTM`, `MFMT` and `MFF` write it: `YYYYMMDDHHMMSS`, UTC.
#[must_use]
pub fn time_argument(time: Timestamp) -> String {
    time.strftime("%Y%m%d%H%M%S").to_string()
}

/// What Pure-FTPd writes behind the closing quote of a 257.
const NOT_DOUBLED: [&[u8]; 2] = [
    b"\" is your current location",
    b"\" : The directory was successfully created",
];

/// The path in a 257: between quotes, a quote in it doubled (RFC 959 appendix II), or not, as Pure-FTPd has it.
///
/// `None` when there is none, its quote never closes, or it holds control characters.
#[must_use]
pub fn path(reply: &Reply) -> Option<Vec<u8>> {
    let text = reply.first_line();
    let start = text.iter().position(|octet| *octet == b'"')?;
    let mut rest = text.get(start + 1..)?;
    let mut path = Vec::new();
    let as_it_is = NOT_DOUBLED.iter().find_map(|end| rest.strip_suffix(*end));
    if let Some(whole) = as_it_is {
        path.extend_from_slice(whole);
        rest = b"\"";
    }
    loop {
        match rest {
            [b'"', b'"', after @ ..] => {
                path.push(b'"');
                rest = after;
            }
            [b'"'] | [b'"', b' ' | b'\t', ..] => break,
            [b'"', after @ ..] if !after.contains(&b'"') => break,
            [octet, after @ ..] => {
                path.push(*octet);
                rest = after;
            }
            [] => return None,
        }
    }
    let fine = !path.is_empty() && !path.iter().any(u8::is_ascii_control);
    fine.then_some(path)
}

/// The name a server gave to a file put with `STOU`: "FILE: name" in the 125 or 150 (RFC 1123 §4.1.2.9), or, as BSD's
/// servers have it in the 226, "unique file name:name)".
#[must_use]
pub fn unique_name(reply: &Reply) -> Option<Vec<u8>> {
    for line in reply.lines() {
        if let Some(name) = anywhere(line, |text| {
            preceded((tag_no_case("FILE:"), space0), rest_of_line).parse(text)
        }) && !line
            .to_ascii_lowercase()
            .windows(17)
            .any(|w| w == b"unique file name:")
        {
            return Some(name.to_vec());
        }
        let named = anywhere(line, |text| {
            preceded((tag_no_case("unique file name:"), space0), rest_of_line).parse(text)
        });
        if let Some(name) = named {
            let name = name.strip_suffix(b".").unwrap_or(name);
            let name = name.strip_suffix(b")").unwrap_or(name);
            // Of a server that leaves the place of the name empty.
            return (!name.is_empty()).then(|| name.to_vec());
        }
    }
    None
}

fn rest_of_line(text: &[u8]) -> IResult<&[u8], &[u8]> {
    let (rest, line) = take_while1(|_| true).parse(text)?;
    let line = line.trim_ascii_end();
    let line = match line {
        [b'"', name @ .., b'"'] if !name.is_empty() => name,
        line => line,
    };
    if line.is_empty() {
        let kind = nom::error::ErrorKind::TakeWhile1;
        return Err(nom::Err::Error(nom::error::Error::new(text, kind)));
    }
    Ok((rest, line))
}

fn six_numbers(text: &[u8]) -> IResult<&[u8], SocketAddrV4> {
    let part = || terminated(octet, (space0, char(','), space0));
    let numbers = (count(part(), 4), part(), octet);
    map_opt(numbers, |(host, high, low)| {
        let host: [u8; 4] = host.try_into().ok()?;
        let port = u16::from_be_bytes([high, low]);
        (port != 0).then(|| SocketAddrV4::new(host.into(), port))
    })
    .parse(text)
}

fn extended(text: &[u8]) -> IResult<&[u8], u16> {
    let (text, bar) =
        satisfy(|c| matches!(c, '!'..='~') && !c.is_ascii_alphanumeric()).parse(text)?;
    let skipped = |text| {
        opt(take_while1(move |c: u8| {
            char::from(c) != bar && c.is_ascii_graphic()
        }))
        .parse(text)
    };
    let (text, _) = (skipped, char(bar), skipped, char(bar)).parse(text)?;
    terminated(verify(port, |port| *port != 0), char(bar)).parse(text)
}

/// The first place of `text` where `parser` succeeds; numbers are not begun in their middle.
fn anywhere<'a, T>(
    text: &'a [u8],
    mut parser: impl FnMut(&'a [u8]) -> IResult<&'a [u8], T>,
) -> Option<T> {
    let mut before = b' ';
    for (at, first) in text.iter().enumerate() {
        let inside = before.is_ascii_digit() && first.is_ascii_digit();
        before = *first;
        if inside {
            continue;
        }
        if let Ok((_, value)) = parser(text.get(at..)?) {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
