//! The engine between two hosts in memory.

use std::io::IoSlice;

use fairway_native::Departure;

use super::count;
use super::pair::{ETHERNET, Kind, Pair};
use crate::lab::{Error, much, put, thread_cpu};

/// Octets sent and received at a time.
const CHUNK: usize = 65_536;

pub(super) fn all() -> Result<(), Error> {
    let large = Kind {
        ethernet: false,
        mtu: 65_535,
        sums: true,
    };
    for (name, kind, total) in [
        ("eth1500.sums", ETHERNET, 512 << 20),
        (
            "eth1500.trusted",
            Kind {
                sums: false,
                ..ETHERNET
            },
            512 << 20,
        ),
        ("ip65535.sums", large, 2 << 30),
        (
            "ip65535.trusted",
            Kind {
                sums: false,
                ..large
            },
            2 << 30,
        ),
    ] {
        // The better of two sizes of the sockets' buffers, as for the peer.
        let (small, wide) = (
            bulk(kind, 1 << 16, much(total), 0)?,
            bulk(kind, 1 << 20, much(total), 0)?,
        );
        let best = if small.0 > wide.0 { small } else { wide };
        put(&format!("ours.{name}.bulk"), best.0, "Gbit/s_cpu");
        put(&format!("ours.{name}.frames"), best.1, "frame/s_cpu");
    }
    let rate = exchanges(ETHERNET, much(300_000), 0)?;
    put("ours.eth1500.sums.stream", rate, "rtt/s_cpu");
    datagrams()
}

/// UDP there and back.
pub(super) fn datagrams() -> Result<(), Error> {
    let rate = datagram_exchanges(ETHERNET, much(300_000))?;
    put("ours.eth1500.sums.datagram", rate, "rtt/s_cpu");
    Ok(())
}

/// Bulk alone, to be profiled.
pub(super) fn bulk_alone() -> Result<(), Error> {
    let (rate, _) = bulk(ETHERNET, 1 << 16, much(2 << 30), 0)?;
    put("ours.eth1500.sums.bulk", rate, "Gbit/s_cpu");
    Ok(())
}

/// Exchanges alone, to be profiled.
pub(super) fn exchanges_alone() -> Result<(), Error> {
    let rate = exchanges(ETHERNET, much(2_000_000), 0)?;
    put("ours.eth1500.sums.stream", rate, "rtt/s_cpu");
    Ok(())
}

/// Both beside idle connections.
pub(super) fn beside_idle(many: usize) -> Result<(), Error> {
    let (rate, _) = bulk(ETHERNET, 1 << 16, much(512 << 20), many)?;
    put(&format!("ours.idle{many}.bulk"), rate, "Gbit/s_cpu");
    let rate = exchanges(ETHERNET, much(300_000), many)?;
    put(&format!("ours.idle{many}.stream"), rate, "rtt/s_cpu");
    Ok(())
}

/// Idle established connections.
pub(super) fn idle(pair: &mut Pair, many: usize) -> Result<(), Error> {
    idle_at(pair, 9, many)
}

/// [`idle`] at a port of `b`'s.
pub(super) fn idle_at(pair: &mut Pair, port: u16, many: usize) -> Result<(), Error> {
    let listener = pair.listen(port, 128)?;
    for _ in 0..many {
        pair.connect(listener, port, None)?;
    }
    // What they still owe each other is said.
    pair.settle(300);
    Ok(())
}

/// Gbit and frames per CPU second.
fn bulk(kind: Kind, buffer: u32, total: usize, many: usize) -> Result<(f64, f64), Error> {
    let mut pair = Pair::new(kind)?;
    idle(&mut pair, many)?;
    let listener = pair.listen(80, 1)?;
    let (client, server) = pair.connect(listener, 80, Some(buffer))?;
    let source = vec![7; CHUNK];
    let mut sink = vec![0; CHUNK];
    let (mut sent, mut got) = (0, 0);
    let frames = pair.frames;
    let since = thread_cpu();
    while got < total {
        let now = pair.step();
        while sent < total {
            let chunk = source.get(..CHUNK.min(total - sent)).unwrap_or(&source);
            match pair.a.send(now, client, chunk)? {
                0 => break,
                more => sent += more,
            }
        }
        pair.carry_a();
        let now = pair.step();
        loop {
            match pair.b.receive(now, server, &mut sink)? {
                0 => break,
                more => got += more,
            }
        }
        pair.carry_b();
    }
    let cpu = thread_cpu() - since;
    let frames = pair.frames - frames;
    Ok((
        count(got) * 8.0 / cpu / 1e9,
        count(usize::try_from(frames)?) / cpu,
    ))
}

/// Round trips of 64 octets of TCP per CPU second.
fn exchanges(kind: Kind, times: usize, many: usize) -> Result<f64, Error> {
    let mut pair = Pair::new(kind)?;
    idle(&mut pair, many)?;
    let listener = pair.listen(80, 1)?;
    let (client, server) = pair.connect(listener, 80, None)?;
    let mut octets = [1; 64];
    let since = thread_cpu();
    for _ in 0..times {
        let now = pair.step();
        pair.a.send(now, client, &octets)?;
        pair.carry_a();
        let now = pair.step();
        let got = pair.b.receive(now, server, &mut octets)?;
        let there = octets.get(..got).unwrap_or_default();
        pair.b.send(now, server, there)?;
        pair.carry_b();
        let now = pair.step();
        if pair.a.receive(now, client, &mut octets)? != octets.len() {
            return Err("not all came back".into());
        }
    }
    Ok(count(times) / (thread_cpu() - since))
}

fn datagram_exchanges(kind: Kind, times: usize) -> Result<f64, Error> {
    let mut pair = Pair::new(kind)?;
    let now = pair.step();
    let (client, server) = (pair.a.stack.udp_socket()?, pair.b.stack.udp_socket()?);
    pair.a.stack.bind(now, client, pair.a.at(4000))?;
    pair.b.stack.bind(now, server, pair.b.at(4001))?;
    let mut octets = [1; 64];
    let to_b = Departure {
        peer: Some(pair.b.at(4001)),
        ..Departure::default()
    };
    let mut exchange = |pair: &mut Pair| -> Result<(), Error> {
        let now = pair.step();
        pair.a
            .stack
            .send_msg(now, client, &[IoSlice::new(&octets)], &to_b)?;
        pair.carry_a();
        // The first time, neighbours ask for each other.
        while !pair.b.stack.readiness(server)?.read {
            pair.carry_b();
            pair.carry_a();
        }
        let (got, arrival) = pair.b.stack.recv_msg(server, &mut octets, false)?;
        let back = Departure {
            peer: Some(arrival.peer),
            ..Departure::default()
        };
        let there = octets.get(..got).unwrap_or_default();
        let now = pair.step();
        pair.b
            .stack
            .send_msg(now, server, &[IoSlice::new(there)], &back)?;
        pair.carry_b();
        pair.a.stack.recv_msg(client, &mut octets, false)?;
        Ok(())
    };
    exchange(&mut pair)?;
    let since = thread_cpu();
    for _ in 0..times {
        exchange(&mut pair)?;
    }
    Ok(count(times) / (thread_cpu() - since))
}
