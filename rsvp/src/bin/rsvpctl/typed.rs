//! Arguments as they are typed: what is not understood is answered with what is expected, and an example.

use core::str::FromStr;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use fairway_rsvp::daemon::config::{
    Endpoint, Octets, Protocol, Rate, ServiceName, Span, StyleName,
};

/// A source with or without its address.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    Whole(Endpoint),
    Port(u16),
}

const ENDPOINT: &str =
    "expected an address with its port, such as 192.0.2.9:5004 or [2001:db8::9]:5004";

/// A value with a unit.
fn value<T: FromStr>(text: &str, expected: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("expected {expected}"))
}

pub(crate) fn rate(text: &str) -> Result<Rate, String> {
    value(text, Rate::EXPECTED)
}

pub(crate) fn octets(text: &str) -> Result<Octets, String> {
    value(text, Octets::EXPECTED)
}

pub(crate) fn span(text: &str) -> Result<Span, String> {
    value(text, Span::EXPECTED)
}

pub(crate) fn protocol(text: &str) -> Result<Protocol, String> {
    value(
        text,
        "udp, tcp, sctp, or the number of a protocol, such as 47",
    )
}

pub(crate) fn endpoint(text: &str) -> Result<Endpoint, String> {
    if let Some((address, port)) = without_brackets(text) {
        let written = SocketAddr::new(address.into(), port);
        return Err(if text.parse::<IpAddr>().is_ok() {
            format!(
                "is {port} its port? Then write {written}; and [{text}]:0 if all of it is the address"
            )
        } else {
            format!("an IPv6 address with a port is written in brackets: {written}")
        });
    }
    text.parse().map_err(|_| ENDPOINT.to_owned())
}

/// One of several senders.
pub(crate) fn sender(text: &str) -> Result<Endpoint, String> {
    if text.contains([',', ' ']) {
        return Err(
            "expected one sender; each of several has an option of its own: \
                    --from 192.0.2.1:5004 --from 192.0.2.2:5004"
                .to_owned(),
        );
    }
    endpoint(text)
}

/// What looks like an IPv6 address and a port behind it: the last group can be one, and the rest is an address.
fn without_brackets(text: &str) -> Option<(Ipv6Addr, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let is_plain = port.len() >= 4 && port.bytes().all(|digit| digit.is_ascii_digit());
    let is_address = text.parse::<Ipv6Addr>().is_ok();
    if is_address && !is_plain {
        return None;
    }
    Some((address.parse().ok()?, port.parse().ok()?))
}

pub(crate) fn source(text: &str) -> Result<Source, String> {
    match text.strip_prefix(':') {
        Some(port) => port
            .parse()
            .map(Source::Port)
            .map_err(|_| "expected a port behind the colon, such as :5004".to_owned()),
        None => endpoint(text).map(Source::Whole).map_err(|why| {
            if why == ENDPOINT {
                format!("{why}; or :5004 for this machine's address")
            } else {
                why
            }
        }),
    }
}

pub(crate) fn style(text: &str) -> Result<StyleName, String> {
    match text.to_ascii_lowercase().as_str() {
        "ff" => Ok(StyleName::Ff),
        "se" => Ok(StyleName::Se),
        "wf" => Ok(StyleName::Wf),
        _ => Err(
            "expected ff (for each sender alone), se (for the senders named together) or wf \
             (for whoever sends), such as --style se"
                .to_owned(),
        ),
    }
}

pub(crate) fn service(text: &str) -> Result<ServiceName, String> {
    match text {
        "controlled-load" | "cl" => Ok(ServiceName::ControlledLoad),
        "guaranteed" | "gs" => Ok(ServiceName::Guaranteed),
        _ => Err("expected controlled-load (cl) or guaranteed (gs)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_answered_with_an_example() {
        for (why, example) in [
            (rate("5").unwrap_err(), "10Mbit/s"),
            (rate("5Mbps").unwrap_err(), "125kB/s"),
            (octets("1500").unwrap_err(), "1500B"),
            (span("30").unwrap_err(), "500ms"),
            (protocol("icmpv7").unwrap_err(), "47"),
            (style("xf").unwrap_err(), "--style se"),
            (service("best").unwrap_err(), "controlled-load"),
            (endpoint("nowhere").unwrap_err(), "192.0.2.9:5004"),
            (endpoint("192.0.2.9:65536").unwrap_err(), "192.0.2.9:5004"),
            (
                sender("192.0.2.1:1,192.0.2.2:1").unwrap_err(),
                "--from 192.0.2.1:5004 --from",
            ),
            (source("nowhere").unwrap_err(), ":5004 for this machine"),
            (source(":x").unwrap_err(), ":5004"),
        ] {
            assert!(why.contains(example), "{why}");
        }
    }

    #[test]
    fn ipv6_with_a_port_wants_brackets() {
        for text in ["2001:db8::9:5004", "2001:db8:0:0:0:0:0:9:5004", "::1:5004"] {
            let why = endpoint(text).unwrap_err();
            assert!(why.contains("]:5004"), "{text}: {why}");
        }
        for text in [
            "2001:db8::9",
            "fd00::5004",
            "[2001:db8::9]:5004",
            "[2001:db8::9:5004]:0",
            "2001:db8::1:99",
            "fe80::1:abcd",
            "192.0.2.9",
        ] {
            assert!(endpoint(text).is_ok(), "{text}");
        }
    }
}
