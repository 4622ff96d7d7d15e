//! Headers and checksums.

use std::hint::black_box;
use std::path::Path;

use fairway_wire::{EtherType, Protocol, checksum, ethernet, ipv4, tcp};

use super::{count, each};
use crate::lab::{Error, much, put};

/// Ethernet, IPv4, TCP with a timestamp option, 64 octets; checksums left out, as they are not looked at.
fn frame() -> Vec<u8> {
    let mut frame = vec![2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 8, 0];
    frame.extend([
        0x45, 0, 0, 116, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ]);
    frame.extend([
        0x9c, 0x40, 0, 80, 0, 0, 3, 0xe8, 0, 0, 0, 77, 0x80, 0x18, 0xff, 0xff, 0, 0, 0, 0,
    ]);
    frame.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
    frame.extend([7; 64]);
    frame
}

#[derive(Debug, PartialEq)]
struct Found {
    ip: ipv4::Header,
    tcp: tcp::Header,
    timestamp: u32,
    len: usize,
}

fn parse(frame: &[u8]) -> Option<Found> {
    let (link, packet) = ethernet::Header::parse(frame).ok()?;
    if link.ether_type != EtherType::IPV4 {
        return None;
    }
    let (ip, _, segment) = ipv4::Header::parse(packet).ok()?;
    if ip.protocol != Protocol::TCP {
        return None;
    }
    let (tcp, options, data) = tcp::Header::parse(segment).ok()?;
    let timestamps = tcp::Options::parse(options).timestamps;
    Some(Found {
        ip,
        tcp,
        timestamp: timestamps.map_or(0, |timestamps| timestamps.value),
        len: data.len(),
    })
}

pub(super) fn run() -> Result<(), Error> {
    let frame = frame();
    let found = parse(&frame).ok_or("the frame does not parse")?;
    if (found.timestamp, found.len) != (1, 64) {
        return Err(format!("the frame parses as {found:?}").into());
    }
    let times = much(5_000_000);
    put("ours.parse", each(times, || parse(black_box(&frame))), "ns");
    let octets: Vec<u8> = (0..=255).cycle().take(1460).collect();
    let nanoseconds = each(times, || checksum::sum(black_box(&octets)).finish());
    put("ours.checksum", count(octets.len()) / nanoseconds, "GB/s");
    put("ours.safe", safe_crates(), "crates");
    Ok(())
}

/// How many crates of the stack forbid unsafe code in their source (G27).
fn safe_crates() -> f64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stack");
    let forbids = |source: &&&str| {
        std::fs::read_to_string(folder.join(source))
            .is_ok_and(|text| text.lines().any(|line| line == "#![forbid(unsafe_code)]"))
    };
    let sources = [
        "wire/src/lib.rs",
        "native/src/lib.rs",
        "sim/src/lib.rs",
        "src/lib.rs",
    ];
    count(sources.iter().filter(forbids).count())
}
