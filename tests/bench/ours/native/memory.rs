//! What the system must give for connections and hosts, by the resident memory of this process (G17).

use std::net::Ipv4Addr;

use fairway_native::{InterfaceAddress, InterfaceConfig, PacketBuf, Stack};
use fairway_wire::tcp::Flags;
use fairway_wire::{Instant, MacAddr, Protocol, SeqNumber, ipv4, tcp};

use super::pair::{ETHERNET, Kind, Pair, setup};
use super::{count, engine};
use crate::lab::{Error, put, resident};

/// How many of each, beside those that warm up what is made once.
const MANY: usize = 10_000;
const WARM: usize = 500;

/// Measures one of them. What was given back before would be used again unseen, so that each is for a process of its own.
pub(super) fn run(what: &str) -> Result<(), Error> {
    let each = match what {
        "host" => hosts()?,
        "connection" => connections()?,
        "timewait" => waiting()?,
        "asked" => asked()?,
        _ => return Err(format!("no memory of '{what}'").into()),
    };
    put(&format!("ours.memory.{what}"), each, "octets");
    Ok(())
}

fn now_resident() -> Result<f64, Error> {
    resident(std::process::id()).ok_or_else(|| "no resident memory in /proc".into())
}

/// Hosts with two interfaces.
fn hosts() -> Result<f64, Error> {
    let host = |n: u16| -> Result<Stack, Error> {
        let [high, low] = n.to_be_bytes();
        let mut stack = Stack::new(setup(low));
        for which in 0..2 {
            let address = MacAddr([2, which, 0, 0, high, low]);
            let config = InterfaceConfig::ethernet(&format!("e{which}"), address);
            let interface = stack.add_interface(config);
            let own = Ipv4Addr::new(10, which, high, low.max(1));
            stack.add_address(Instant::ZERO, interface, InterfaceAddress::new(own, 24))?;
        }
        Ok(stack)
    };
    let mut hosts = Vec::with_capacity(1100);
    for n in 0..100 {
        hosts.push(host(n)?);
    }
    let before = now_resident()?;
    for n in 100..1100 {
        hosts.push(host(n)?);
    }
    Ok((now_resident()? - before) / 1000.0)
}

/// Idle connections: the mean of their two ends.
fn connections() -> Result<f64, Error> {
    let mut pair = Pair::new(ETHERNET)?;
    engine::idle(&mut pair, WARM)?;
    let before = now_resident()?;
    engine::idle_at(&mut pair, 10, MANY)?;
    Ok((now_resident()? - before) / count(2 * MANY))
}

/// Connections that are over, at the end that closed first.
fn waiting() -> Result<f64, Error> {
    let mut pair = Pair::new(ETHERNET)?;
    let listener = pair.listen(80, 16)?;
    let over = |pair: &mut Pair, many: usize| -> Result<(), Error> {
        for _ in 0..many {
            let (client, server) = pair.connect(listener, 80, None)?;
            let now = pair.step();
            pair.a.stack.close(now, client)?;
            pair.carry_a();
            let now = pair.step();
            pair.b.stack.close(now, server)?;
            pair.carry_b();
            pair.carry_a();
        }
        Ok(())
    };
    over(&mut pair, WARM)?;
    let before = now_resident()?;
    over(&mut pair, MANY)?;
    Ok((now_resident()? - before) / count(MANY))
}

/// Connections that were asked for, by a SYN, and never followed up.
fn asked() -> Result<f64, Error> {
    let kind = Kind {
        ethernet: false,
        ..ETHERNET
    };
    let mut pair = Pair::new(kind)?;
    let room = fairway_native::Limits::default().tcp.syn_cache;
    // Room for as many at one listener as there is at all.
    pair.listen(80, u32::try_from(2 * room)?)?;
    let ask = |pair: &mut Pair, from: usize, to: usize| -> Result<(), Error> {
        for n in from..to {
            let syn = syn(u32::try_from(n)?, pair.b.address)?;
            let now = pair.step();
            pair.b.stack.handle_frame(now, pair.b.interface, syn);
            while pair.b.stack.poll_frame(now, pair.b.interface).is_some() {}
        }
        Ok(())
    };
    let warm = room / 8;
    ask(&mut pair, 0, warm)?;
    let before = now_resident()?;
    ask(&mut pair, warm, room)?;
    Ok((now_resident()? - before) / count(room - warm))
}

/// A SYN from somewhere on the network.
fn syn(n: u32, destination: Ipv4Addr) -> Result<PacketBuf, Error> {
    let source = Ipv4Addr::from_bits(0x0a4d_0000 | (n % 200 + 3));
    let mut packet = [0; 40];
    let (header, segment) = packet.split_at_mut_checked(20).ok_or("too short")?;
    ipv4::Header {
        dscp_ecn: 0,
        total_len: 40,
        id: 1,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol: Protocol::TCP,
        source,
        destination,
        header_len: 20,
    }
    .emit(&[], header);
    tcp::Header {
        source_port: u16::try_from(1024 + n / 200)?,
        destination_port: 80,
        seq: SeqNumber(n),
        ack: SeqNumber(0),
        header_len: 20,
        flags: Flags::SYN,
        window: 65_535,
        checksum: 0,
        urgent: 0,
    }
    .emit(&[], segment);
    tcp::fill_checksum(source, destination, segment);
    Ok(PacketBuf::from_slice(&packet))
}
