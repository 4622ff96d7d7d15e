//! The goals of the network stack.

use super::Bar::{AtLeast, AtMost, Shown};
use super::{Goal, alone, ratio};

/// Every goal of the network stack that a program can measure. A line appears when its figures were measured.
#[rustfmt::skip]
pub(crate) const STACK: &[Goal] = &[
    ratio("G1", "engine", "bulk, Ethernet 1500, checksums, of smoltcp's", "ours.eth1500.sums.bulk", "smol.eth1500.sums.bulk", AtLeast(1.0)),
    ratio("G2", "engine", "  without checksums", "ours.eth1500.trusted.bulk", "smol.eth1500.trusted.bulk", AtLeast(1.0)),
    ratio("G2", "engine", "  MTU 65535", "ours.ip65535.sums.bulk", "smol.ip65535.sums.bulk", AtLeast(1.0)),
    ratio("G2", "engine", "  MTU 65535 without checksums", "ours.ip65535.trusted.bulk", "smol.ip65535.trusted.bulk", AtLeast(1.0)),
    ratio("G3", "engine", "64 octets there and back, TCP", "ours.eth1500.sums.stream", "smol.eth1500.sums.stream", AtLeast(0.8)),
    ratio("G3", "engine", "  UDP", "ours.eth1500.sums.datagram", "smol.eth1500.sums.datagram", AtLeast(0.8)),
    ratio("G4", "engine", "bulk beside 10 000 idle connections, of our own without", "ours.idle10000.bulk", "ours.eth1500.sums.bulk", AtLeast(0.9)),
    ratio("G4", "engine", "  there and back", "ours.idle10000.stream", "ours.eth1500.sums.stream", AtLeast(0.9)),
    ratio("", "engine", "  bulk, of smoltcp's beside as many", "ours.idle10000.bulk", "smol.idle10000.bulk", Shown),
    ratio("", "engine", "  bulk beside 1000, of smoltcp's", "ours.idle1000.bulk", "smol.idle1000.bulk", Shown),
    alone("G17", "engine", "memory of an idle connection, both ends' mean", "ours.memory.connection", None, AtMost(1024.0)),
    alone("G17", "engine", "  of a connection in TIME-WAIT", "ours.memory.timewait", None, AtMost(64.0)),
    alone("G17", "engine", "  of a connection that only asked", "ours.memory.asked", None, AtMost(128.0)),
    alone("G17", "engine", "  of a host with two interfaces", "ours.memory.host", None, AtMost(65_536.0)),
    alone("G21", "engine", "an event that nobody listens to", "ours.event", None, AtMost(2.0)),
    alone("G23", "engine", "packet scripts that the engine passes", "ours.scripts.share", None, AtLeast(100.0)),
    alone("", "engine", "  how many", "ours.scripts", None, Shown),

    // By CPU time: one thread does it all on both sides, and the rates by the clock move with whatever else the machine does.
    ratio("G5", "facade", "loopback, 64 KiB writes, of the kernel's", "ours.loopback.bulk65536.cpu", "kernel.loopback.bulk65536.cpu", AtLeast(0.8)),
    ratio("", "facade", "  by the clock", "ours.loopback.bulk65536", "kernel.loopback.bulk65536", Shown),
    ratio("", "facade", "  1460-octet writes", "ours.loopback.bulk1460.cpu", "kernel.loopback.bulk1460.cpu", Shown),
    ratio("G6", "facade", "64 octets there and back, TCP", "ours.loopback.stream.cpu", "kernel.loopback.stream.cpu", AtLeast(5.0)),
    ratio("", "facade", "  by the clock", "ours.loopback.stream", "kernel.loopback.stream", Shown),
    ratio("", "facade", "  of tokio's duplex", "ours.loopback.stream.cpu", "duplex.stream.cpu", Shown),
    ratio("G6", "facade", "  UDP", "ours.loopback.datagram.cpu", "kernel.loopback.datagram.cpu", AtLeast(5.0)),
    ratio("G7", "facade", "connect, accept, close", "ours.loopback.openings.cpu", "kernel.loopback.openings.cpu", AtLeast(5.0)),

    ratio("G10", "goodput", "100 Mbit/s, 20 ms, one CUBIC flow, of the kernel's", "ours.goodput.clean", "kernel.goodput.clean", AtLeast(0.97)),
    ratio("G10", "goodput", "  queue of 20 packets", "ours.goodput.queue20", "kernel.goodput.queue20", AtLeast(0.9)),
    ratio("G10", "goodput", "  0.1 % lost", "ours.goodput.loss0.1", "kernel.goodput.loss0.1", AtLeast(0.9)),
    ratio("G10", "goodput", "  1 % lost", "ours.goodput.loss1", "kernel.goodput.loss1", AtLeast(0.9)),
    ratio("G10", "goodput", "  5 % lost", "ours.goodput.loss5", "kernel.goodput.loss5", AtLeast(0.9)),
    ratio("G10", "goodput", "  2 % come 5 ms late", "ours.goodput.late2", "kernel.goodput.late2", AtLeast(0.95)),
    ratio("G10", "goodput", "  2 % come twice", "ours.goodput.twice2", "kernel.goodput.twice2", AtLeast(0.97)),
    ratio("", "goodput", "clean, of smoltcp's", "ours.goodput.clean", "smol.goodput.clean", Shown),
    ratio("", "goodput", "  queue of 20 packets", "ours.goodput.queue20", "smol.goodput.queue20", Shown),
    ratio("", "goodput", "  1 % lost", "ours.goodput.loss1", "smol.goodput.loss1", Shown),
    ratio("", "goodput", "  2 % come 5 ms late", "ours.goodput.late2", "smol.goodput.late2", Shown),
    alone("G11", "goodput", "two flows on one link for 60 s: Jain's index", "ours.fairness", None, AtLeast(0.95)),

    // ns-3 3.37 (Debian's) reached 0.141, 0.098 and 0.060 Gbit per CPU second on such chains; the bars are fifty times that.
    alone("G12", "forward", "bulk through a chain of 3 (kernel: wall, no offload)", "ours.chain3.bulk", Some("kernel.chain3.bulk"), AtLeast(7.05)),
    alone("G12", "forward", "  of 5", "ours.chain5.bulk", Some("kernel.chain5.bulk"), AtLeast(4.9)),
    alone("G12", "forward", "  of 10", "ours.chain10.bulk", Some("kernel.chain10.bulk"), AtLeast(3.0)),
    alone("G13", "forward", "64-octet datagrams through a router of 1000 routes", "ours.forward", None, AtLeast(3e6)),
    alone("G16", "forward", "making a node with its link and routes (kernel)", "ours.chain.node", Some("kernel.chain.node"), AtMost(0.1)),

    alone("G14", "sim", "idle, 50 hosts: seconds simulated (turmoil)", "ours.sim.idle.hosts50", Some("turmoil.idle.hosts50"), AtLeast(10_000.0)),
    ratio("G15", "sim", "datagrams of 2 hosts, of turmoil-net's", "ours.sim.datagrams.hosts2", "turmoil-net.datagrams.hosts2", AtLeast(0.7)),
    ratio("G15", "sim", "  of 51 hosts, of turmoil's", "ours.sim.datagrams.hosts51", "turmoil.datagrams.hosts51", AtLeast(5.0)),
    ratio("", "sim", "bulk, of turmoil-net's (which has no headers)", "ours.sim.bulk", "turmoil-net.bulk", Shown),
    alone("G26", "sim", "different captures of one seed, 100 runs", "ours.sim.captures", None, AtMost(1.0)),

    ratio("G9", "tap", "TAP 1500, the kernel receives, of smoltcp's", "ours.tap1500.kernel-receives", "smol.tap1500.kernel-receives", AtLeast(1.0)),
    ratio("G9", "tap", "  the kernel sends", "ours.tap1500.kernel-sends", "smol.tap1500.kernel-sends", AtLeast(1.0)),
    ratio("", "tap", "  64 octets there and back", "ours.tap1500.exchanges", "smol.tap1500.exchanges", Shown),

    alone("G18", "wire", "parse Ethernet, IPv4, TCP, timestamps (smoltcp)", "ours.parse", Some("smol.parse"), AtMost(15.0)),
    ratio("", "wire", "  of etherparse's time", "ours.parse", "etherparse.parse", Shown),
    ratio("G19", "wire", "checksum of 1460 octets, of the plain loop's", "ours.checksum", "loop.checksum", AtLeast(0.9)),
    alone("G27", "wire", "crates of the stack without unsafe code, of 4", "ours.safe", None, AtLeast(4.0)),
];
