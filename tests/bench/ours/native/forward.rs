//! A router between two links in memory.

use std::net::Ipv4Addr;

use fairway_native::route::{Prefix, Route};
use fairway_native::{InterfaceAddress, InterfaceConfig, PacketBuf, Stack};
use fairway_wire::{Instant, MacAddr, Protocol, ipv4, udp};

use super::count;
use super::pair::setup;
use crate::lab::{Error, much, put, thread_cpu};

const ROUTES: u32 = 1000;
/// Frames handed in before those that come out are taken.
const BATCH: u32 = 32;

/// 64-octet datagrams from one Ethernet to another, to networks in turn, by one of a thousand routes (G13).
pub(super) fn run() -> Result<(), Error> {
    let now = Instant::ZERO;
    let mut setup = setup(1);
    setup.config.ip.forwarding = true;
    let mut router = Stack::new(setup);
    let (near, far) = (MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]));
    let inside = router.add_interface(InterfaceConfig::ethernet("e0", near));
    let outside = router.add_interface(InterfaceConfig::ethernet("e1", far));
    router.add_address(now, inside, InterfaceAddress::new([10, 0, 0, 1].into(), 24))?;
    router.add_address(
        now,
        outside,
        InterfaceAddress::new([10, 0, 1, 1].into(), 24),
    )?;
    let gateway = Ipv4Addr::new(10, 0, 1, 2);
    router.set_neighbor(now, outside, gateway, MacAddr([2, 0, 0, 0, 0, 3]))?;
    for n in 0..ROUTES {
        let network = Prefix::new(network(n), 24).ok_or("a prefix")?;
        router.add_route(now, Route::new(network, Some(gateway), outside))?;
    }
    // Routers announce themselves and their groups: that is no part of it.
    while router.poll_frame(now, inside).is_some() || router.poll_frame(now, outside).is_some() {}
    let frames = (0..ROUTES)
        .map(|n| frame(near, n))
        .collect::<Result<Vec<_>, Error>>()?;
    let times = much(5_000_000) / count_of(BATCH) * count_of(BATCH);
    let mut next = frames.iter().cycle();
    let mut out = 0;
    let since = thread_cpu();
    for _ in 0..times / count_of(BATCH) {
        for frame in next.by_ref().take(count_of(BATCH)) {
            router.handle_frame(now, inside, PacketBuf::from_slice(frame));
        }
        while router.poll_frame(now, outside).is_some() {
            out += 1;
        }
    }
    let cpu = thread_cpu() - since;
    if out != times {
        return Err(format!("{out} of {times} datagrams came through").into());
    }
    put("ours.forward", count(times) / cpu, "packet/s_cpu");
    Ok(())
}

fn count_of(many: u32) -> usize {
    usize::try_from(many).unwrap_or(1)
}

fn network(n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x1400_0000 + (n << 8))
}

/// An Ethernet frame with a datagram of 64 octets, headers of IP and UDP included.
fn frame(to: MacAddr, n: u32) -> Result<Vec<u8>, Error> {
    let mut frame = to.0.to_vec();
    frame.extend([2, 0, 0, 0, 0, 9, 8, 0]);
    let ip = ipv4::Header {
        dscp_ecn: 0,
        total_len: 64,
        id: 7,
        dont_fragment: false,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol: Protocol::UDP,
        source: Ipv4Addr::new(10, 0, 0, 9),
        destination: Ipv4Addr::from_bits(network(n).to_bits() + 5),
        header_len: 20,
    };
    let udp = udp::Header {
        source_port: 1000,
        destination_port: 2000,
        length: 44,
        checksum: 0,
    };
    let at = frame.len();
    frame.resize(at + 64, 0);
    let (header, datagram) = frame
        .get_mut(at..)
        .and_then(|packet| packet.split_at_mut_checked(20))
        .ok_or("too short")?;
    ip.emit(&[], header);
    let datagram = datagram.first_chunk_mut().ok_or("too short")?;
    udp.emit(datagram);
    Ok(frame)
}
