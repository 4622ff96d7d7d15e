//! The goals, each with the figures that decide it, and the table that is printed.

mod ftp;
mod rsvp;
mod stack;

use serde::Serialize;

pub(crate) use ftp::FTP;
pub(crate) use rsvp::RSVP;
pub(crate) use stack::STACK;

use Bar::{AtLeast, AtMost, Never, Shown};

use crate::readings::Readings;

/// What is compared with the bar.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer {
    /// Our figure divided by this one.
    Of(&'static str),
    /// Our figure divided by the best (lowest) of these.
    Lowest(&'static [&'static str]),
    /// Our figure itself; the second, if there is one, is shown for comparison.
    Alone(Option<&'static str>),
}

/// How good is good enough.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
    /// In none of the runs: the worst of them counts, not the median.
    Never,
    /// Shown without a verdict.
    Shown,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub(crate) id: &'static str,
    pub(crate) group: &'static str,
    pub(crate) case: &'static str,
    pub(crate) ours: &'static str,
    pub(crate) peer: Peer,
    pub(crate) bar: Bar,
}

/// A goal with its figures.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) group: &'static str,
    pub(crate) goal: &'static str,
    pub(crate) case: &'static str,
    pub(crate) ours: f64,
    pub(crate) unit: String,
    /// Whose figure the next is.
    pub(crate) peer_name: Option<&'static str>,
    pub(crate) peer: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) bar: Option<String>,
    pub(crate) met: Option<bool>,
}

impl Goal {
    /// The line of this goal, if its figures were measured.
    pub(crate) fn line(&self, readings: &Readings) -> Option<Line> {
        let (ours, unit) = match self.bar {
            Never => readings.greatest(self.ours)?,
            AtLeast(_) | AtMost(_) | Shown => readings.median(self.ours)?,
        };
        let of = |name: &'static str| Some((name, readings.median(name)?.0));
        let peer = match self.peer {
            Peer::Of(name) => Some(of(name)?),
            Peer::Lowest(names) => Some(
                names
                    .iter()
                    .filter_map(|name| of(name))
                    .min_by(|a, b| a.1.total_cmp(&b.1))?,
            ),
            Peer::Alone(name) => name.and_then(of),
        };
        let ratio = peer.map(|(_, peer)| ours / peer);
        let judged = match self.peer {
            Peer::Of(_) | Peer::Lowest(_) => ratio?,
            Peer::Alone(_) => ours,
        };
        let sign = if matches!(self.peer, Peer::Alone(_)) {
            ""
        } else {
            "×"
        };
        let (bar, met) = match self.bar {
            AtLeast(bar) => (
                Some(format!("≥ {}{sign}", figure(bar))),
                Some(judged >= bar),
            ),
            AtMost(bar) => (
                Some(format!("≤ {}{sign}", figure(bar))),
                Some(judged <= bar),
            ),
            Never => (Some("0".to_owned()), Some(judged <= 0.0)),
            Shown => (None, None),
        };
        Some(Line {
            group: self.group,
            goal: self.id,
            case: self.case,
            ours,
            unit: unit.to_owned(),
            peer_name: peer.map(|(name, _)| name),
            peer: peer.map(|(_, value)| value),
            ratio,
            bar,
            met,
        })
    }
}

/// A number with three figures that matter, and thousands set apart.
pub(crate) fn figure(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 || v == 0.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0
            && (whole.len() - at).is_multiple_of(3)
            && digit.is_ascii_digit()
            && !grouped.ends_with('-')
        {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() {
        grouped
    } else {
        format!("{grouped}.{rest}")
    }
}

/// The table as text, columns aligned.
pub(crate) fn table(lines: &[Line]) -> String {
    let head = ["goal", "case", "ours", "peer", "ratio", "bar", ""].map(str::to_owned);
    let mut rows = vec![head];
    for line in lines {
        let number = |value: Option<f64>| value.map_or_else(String::new, figure);
        rows.push([
            line.goal.to_owned(),
            line.case.to_owned(),
            format!("{} {}", figure(line.ours), line.unit),
            number(line.peer),
            number(line.ratio),
            line.bar.clone().unwrap_or_default(),
            match line.met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            }
            .to_owned(),
        ]);
    }
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let gap = " ".repeat(width - cell.chars().count());
            // Words to the left, numbers to the right.
            let padded = if matches!(at, 0 | 1 | 6) {
                format!("{cell}{gap}  ")
            } else {
                format!("{gap}{cell}  ")
            };
            line.push_str(&padded);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

const fn ratio(
    id: &'static str,
    group: &'static str,
    case: &'static str,
    ours: &'static str,
    peer: &'static str,
    bar: Bar,
) -> Goal {
    Goal {
        id,
        group,
        case,
        ours,
        peer: Peer::Of(peer),
        bar,
    }
}

const fn alone(
    id: &'static str,
    group: &'static str,
    case: &'static str,
    ours: &'static str,
    peer: Option<&'static str>,
    bar: Bar,
) -> Goal {
    Goal {
        id,
        group,
        case,
        ours,
        peer: Peer::Alone(peer),
        bar,
    }
}

const fn lowest(
    id: &'static str,
    group: &'static str,
    case: &'static str,
    ours: &'static str,
    peers: &'static [&'static str],
    bar: Bar,
) -> Goal {
    Goal {
        id,
        group,
        case,
        ours,
        peer: Peer::Lowest(peers),
        bar,
    }
}

/// Every goal of the RPC and portmapper part. A line appears when its figures were measured.
#[rustfmt::skip]
pub(crate) const RPC: &[Goal] = &[
    ratio("C1", "codec", "encode rec, instructions, of libtirpc's", "ours.count.rec.enc", "tirpc.count.rec.enc", AtMost(0.30)),
    ratio("C1", "codec", "encode recs1000, instructions", "ours.count.recs1000.enc", "tirpc.count.recs1000.enc", AtMost(0.30)),
    ratio("C1", "codec", "encode rdplus500, instructions", "ours.count.rdplus500.enc", "tirpc.count.rdplus500.enc", AtMost(0.20)),
    ratio("", "codec", "decode rec, instructions", "ours.count.rec.dec", "tirpc.count.rec.dec", Shown),
    ratio("", "codec", "decode recs1000, instructions", "ours.count.recs1000.dec", "tirpc.count.recs1000.dec", Shown),
    ratio("", "codec", "decode rdplus500, instructions", "ours.count.rdplus500.dec", "tirpc.count.rdplus500.dec", Shown),
    ratio("C2", "codec", "encode rec, of libtirpc's time", "ours.xdr.rec.encode", "tirpc.xdr.rec.encode", AtMost(0.22)),
    ratio("C2", "codec", "encode recs1000", "ours.xdr.recs1000.encode", "tirpc.xdr.recs1000.encode", AtMost(0.22)),
    ratio("C2", "codec", "encode rdplus500", "ours.xdr.rdplus500.encode", "tirpc.xdr.rdplus500.encode", AtMost(0.12)),
    ratio("C3", "codec", "decode rec, owned, of libtirpc's time", "ours.xdr.rec.decode", "tirpc.xdr.rec.decode", AtMost(0.40)),
    ratio("C3", "codec", "decode recs1000, owned", "ours.xdr.recs1000.decode", "tirpc.xdr.recs1000.decode", AtMost(0.50)),
    ratio("C3", "codec", "decode rdplus500, owned", "ours.xdr.rdplus500.decode", "tirpc.xdr.rdplus500.decode", AtMost(0.32)),
    ratio("C4", "codec", "decode rec, borrowed, of libtirpc's time", "ours.xdr.rec.borrow", "tirpc.xdr.rec.decode", AtMost(0.20)),
    ratio("C4", "codec", "decode recs1000, borrowed", "ours.xdr.recs1000.borrow", "tirpc.xdr.recs1000.decode", AtMost(0.17)),
    ratio("C4", "codec", "decode rdplus500, borrowed", "ours.xdr.rdplus500.borrow", "tirpc.xdr.rdplus500.decode", AtMost(0.09)),
    lowest("C5", "codec", "encode rec, of the best Rust peer's time", "ours.xdr.rec.encode", &["rust.xdr-codec.rec.encode", "rust.onc-xdr.rec.encode"], AtMost(0.8)),
    lowest("C5", "codec", "encode recs1000", "ours.xdr.recs1000.encode", &["rust.xdr-codec.recs1000.encode", "rust.onc-xdr.recs1000.encode"], AtMost(0.8)),
    lowest("C5", "codec", "encode rdplus500", "ours.xdr.rdplus500.encode", &["rust.xdr-codec.rdplus500.encode", "rust.onc-xdr.rdplus500.encode", "rust.nfs3_types.rdplus500.encode"], AtMost(0.8)),
    lowest("C5", "codec", "decode rec, owned", "ours.xdr.rec.decode", &["rust.xdr-codec.rec.decode", "rust.onc-xdr.rec.decode", "rust.fastxdr.rec.decode"], AtMost(0.95)),
    lowest("C5", "codec", "decode recs1000, owned", "ours.xdr.recs1000.decode", &["rust.xdr-codec.recs1000.decode", "rust.onc-xdr.recs1000.decode", "rust.fastxdr.recs1000.decode"], AtMost(0.95)),
    lowest("C5", "codec", "decode rdplus500, owned", "ours.xdr.rdplus500.decode", &["rust.xdr-codec.rdplus500.decode", "rust.onc-xdr.rdplus500.decode", "rust.nfs3_types.rdplus500.decode", "rust.fastxdr.rdplus500.decode"], AtMost(0.95)),
    lowest("C5", "codec", "decode rec, borrowed", "ours.xdr.rec.borrow", &["rust.xdr-codec.rec.decode", "rust.onc-xdr.rec.decode", "rust.fastxdr.rec.decode"], AtMost(0.4)),
    lowest("C5", "codec", "decode recs1000, borrowed", "ours.xdr.recs1000.borrow", &["rust.xdr-codec.recs1000.decode", "rust.onc-xdr.recs1000.decode", "rust.fastxdr.recs1000.decode"], AtMost(0.4)),
    lowest("C5", "codec", "decode rdplus500, borrowed", "ours.xdr.rdplus500.borrow", &["rust.xdr-codec.rdplus500.decode", "rust.onc-xdr.rdplus500.decode", "rust.nfs3_types.rdplus500.decode", "rust.fastxdr.rdplus500.decode"], AtMost(0.4)),
    alone("C6", "codec", "1 MiB opaque, shared decode (fastxdr beside it)", "ours.xdr.blob1m.borrow", Some("rust.fastxdr.blob1m.decode"), AtMost(100.0)),
    alone("C6", "codec", "1 MiB opaque, vectored encode", "ours.xdr.blob1m.segmented", None, AtMost(200.0)),
    ratio("C7", "codec", "call header with AUTH_SYS, encode, of onc-rpc's time", "ours.callhdr.encode", "rust.onc-rpc.callhdr.encode", AtMost(0.8)),
    ratio("C7", "codec", "call header with AUTH_SYS, decode, credential included", "ours.callhdr.decode.user", "rust.onc-rpc.callhdr.decode", AtMost(0.6)),
    alone("S2", "codec", "list of a million entries: stack used to decode it", "ours.bombs.list.stack", None, AtMost(64.0)),
    alone("S2", "codec", "100 000 nested optionals: refused (1 = yes)", "ours.bombs.depth.refused", None, AtLeast(1.0)),

    ratio("R1", "calls", "null, UDP, one core: calls, of libtirpc both ends", "ours.cl.same.udp.null", "tirpc.cl-tirpc.same.udp.null", AtLeast(0.95)),
    ratio("R1", "calls", "  CPU a call, client", "ours.cl.same.udp.null.clicpu", "tirpc.cl-tirpc.same.udp.null.clicpu", AtMost(1.05)),
    ratio("R1", "calls", "  CPU a call, server", "ours.cl.same.udp.null.srvcpu", "tirpc.cl-tirpc.same.udp.null.srvcpu", AtMost(1.05)),
    ratio("R1", "calls", "null, TCP, one core", "ours.cl.same.tcp.null", "tirpc.cl-tirpc.same.tcp.null", AtLeast(0.95)),
    ratio("R1", "calls", "  CPU a call, client", "ours.cl.same.tcp.null.clicpu", "tirpc.cl-tirpc.same.tcp.null.clicpu", AtMost(1.05)),
    ratio("R1", "calls", "  CPU a call, server", "ours.cl.same.tcp.null.srvcpu", "tirpc.cl-tirpc.same.tcp.null.srvcpu", AtMost(1.05)),
    ratio("R1", "calls", "null, UDP, two cores", "ours.cl.split.udp.null", "tirpc.cl-tirpc.split.udp.null", AtLeast(0.95)),
    ratio("R1", "calls", "  CPU a call, client", "ours.cl.split.udp.null.clicpu", "tirpc.cl-tirpc.split.udp.null.clicpu", AtMost(1.05)),
    ratio("R1", "calls", "  CPU a call, server", "ours.cl.split.udp.null.srvcpu", "tirpc.cl-tirpc.split.udp.null.srvcpu", AtMost(1.05)),
    ratio("R1", "calls", "null, TCP, two cores", "ours.cl.split.tcp.null", "tirpc.cl-tirpc.split.tcp.null", AtLeast(0.95)),
    ratio("R1", "calls", "  CPU a call, client", "ours.cl.split.tcp.null.clicpu", "tirpc.cl-tirpc.split.tcp.null.clicpu", AtMost(1.05)),
    ratio("R1", "calls", "  CPU a call, server", "ours.cl.split.tcp.null.srvcpu", "tirpc.cl-tirpc.split.tcp.null.srvcpu", AtMost(1.05)),
    ratio("", "calls", "echo of 1 KiB, TCP, one core", "ours.cl.same.tcp.echo1k", "tirpc.cl-tirpc.same.tcp.echo1k", Shown),
    ratio("", "calls", "null, TCP, one core, ours on two workers", "ours2.cl.same.tcp.null", "tirpc.cl-tirpc.same.tcp.null", Shown),
    ratio("R2", "calls", "null, UDP, one core, libtirpc's server, of onc-rpc-client", "ours.at-tirpc.same.udp.null", "rust.onc-rpc-client.ct.udp.null", AtLeast(1.8)),
    alone("R3", "calls", "null, TCP, 64 in flight, two cores, bare responder", "ours.at-bare.split.tcp.w64", None, AtLeast(250_000.0)),
    ratio("R3", "calls", "  of our own one at a time", "ours.at-bare.split.tcp.w64", "ours.at-bare.split.tcp.null", AtLeast(5.0)),
    ratio("R7", "calls", "echo of 1 MiB, TCP, two cores, of libtirpc both ends", "ours.cl.split.tcp.echo1m", "tirpc.cl-tirpc.split.tcp.echo1m", AtLeast(1.2)),

    ratio("R4", "server", "TCP, 32 in flight, of libtirpc's server", "ours.srv.null.tcp.w32.split", "tirpc.srv.null.tcp.w32.split", AtLeast(1.8)),
    ratio("R4", "server", "TCP, 256 in flight", "ours.srv.null.tcp.w256.split", "tirpc.srv.null.tcp.w256.split", AtLeast(6.0)),
    ratio("R4", "server", "TCP, 16 connections of 8 in flight", "ours.srv.null.tcp.w8c16.split", "tirpc.srv.null.tcp.w8c16.split", AtLeast(4.0)),
    ratio("R4b", "server", "  CPU a call, 32 in flight", "ours.srv.null.tcp.w32.split.srvcpu", "tirpc.srv.null.tcp.w32.split.srvcpu", AtMost(0.35)),
    ratio("R4b", "server", "  CPU a call, 256 in flight", "ours.srv.null.tcp.w256.split.srvcpu", "tirpc.srv.null.tcp.w256.split.srvcpu", AtMost(0.12)),
    ratio("R4b", "server", "  CPU a call, 16 connections of 8", "ours.srv.null.tcp.w8c16.split.srvcpu", "tirpc.srv.null.tcp.w8c16.split.srvcpu", AtMost(0.30)),
    ratio("R5", "server", "TCP, 32 in flight, of nfs3_server", "ours.srv.null.tcp.w32.split", "nfs3.srv.null.tcp.w32.split", AtLeast(5.0)),
    ratio("R5", "server", "TCP, 256 in flight", "ours.srv.null.tcp.w256.split", "nfs3.srv.null.tcp.w256.split", AtLeast(15.0)),
    ratio("R5", "server", "TCP, 16 connections of 8 in flight", "ours.srv.null.tcp.w8c16.split", "nfs3.srv.null.tcp.w8c16.split", AtLeast(8.0)),
    ratio("R5b", "server", "99th percentile, TCP, 256 in flight, of libtirpc's", "ours.srv.null.tcp.w256.split.p99", "tirpc.srv.null.tcp.w256.split.p99", AtMost(0.3)),
    ratio("R6", "server", "UDP, 16 in flight, of libtirpc's server", "ours.srv.null.udp.w16.split", "tirpc.srv.null.udp.w16.split", AtLeast(1.3)),
    ratio("R6", "server", "  CPU a call", "ours.srv.null.udp.w16.split.srvcpu", "tirpc.srv.null.udp.w16.split.srvcpu", AtMost(0.8)),
    ratio("", "server", "UDP, one in flight, one core", "ours.srv.null.udp.w1.same", "tirpc.srv.null.udp.w1.same", Shown),
    ratio("", "server", "TCP, one in flight, one core", "ours.srv.null.tcp.w1.same", "tirpc.srv.null.tcp.w1.same", Shown),
    ratio("", "server", "TCP, 256 in flight, of the bare responder", "ours.srv.null.tcp.w256.split", "limit.srv.null.tcp.w256.split", Shown),
    alone("R8", "server", "p99 of calls beside slow clients", "ours.slow.p99", None, AtMost(10.0)),
    alone("R10", "server", "10 000 idle connections: memory each", "ours.idle.memory", None, AtMost(6.0)),
    alone("R10", "server", "  p99 of calls beside them", "ours.idle.p99", None, AtMost(5.0)),

    ratio("B1", "portmap", "GETPORT, 10 mappings, UDP, 16 in flight: CPU, of rpcbind's", "ours.getport.n10.udp.w16.split.srvcpu", "rpcbind.getport.n10.udp.w16.split.srvcpu", AtMost(0.35)),
    ratio("B2", "portmap", "  calls", "ours.getport.n10.udp.w16.split", "rpcbind.getport.n10.udp.w16.split", AtLeast(3.5)),
    ratio("B2", "portmap", "GETPORT, 10 mappings, TCP, 32 in flight", "ours.getport.n10.tcp.w32.split", "rpcbind.getport.n10.tcp.w32.split", AtLeast(6.0)),
    ratio("B2b", "portmap", "GETPORT, UDP, one in flight, one core", "ours.getport.n10.udp.w1.same", "rpcbind.getport.n10.udp.w1.same", AtLeast(1.5)),
    ratio("B2b", "portmap", "GETPORT, TCP, one in flight, one core", "ours.getport.n10.tcp.w1.same", "rpcbind.getport.n10.tcp.w1.same", AtLeast(1.5)),
    ratio("B3", "portmap", "GETPORT, 5000 mappings, UDP, of our own at 10", "ours.getport.n5000.udp.w16.split", "ours.getport.n10.udp.w16.split", AtLeast(0.95)),
    ratio("B3", "portmap", "GETPORT, 5000 mappings, TCP, of our own at 10", "ours.getport.n5000.tcp.w32.split", "ours.getport.n10.tcp.w32.split", AtLeast(0.95)),
    ratio("B3", "portmap", "GETPORT, 5000 mappings, UDP, of rpcbind", "ours.getport.n5000.udp.w16.split", "rpcbind.getport.n5000.udp.w16.split", AtLeast(6.0)),
    ratio("B3", "portmap", "GETPORT, 5000 mappings, TCP, of rpcbind", "ours.getport.n5000.tcp.w32.split", "rpcbind.getport.n5000.tcp.w32.split", AtLeast(10.0)),
    ratio("B4", "portmap", "DUMP, 1000 mappings, TCP, one core", "ours.dump.n1000.tcp.w1.same", "rpcbind.dump.n1000.tcp.w1.same", AtLeast(2.0)),
    ratio("B5", "portmap", "SET by libtirpc's client, to 10 mappings", "ours.set10", "rpcbind.set10", AtLeast(1.0)),
    ratio("B5", "portmap", "SET, to 1000", "ours.set1000", "rpcbind.set1000", AtLeast(1.0)),
    ratio("B5", "portmap", "SET, to 5000", "ours.set5000", "rpcbind.set5000", AtLeast(1.0)),
    ratio("B5", "portmap", "UNSET, from 10", "ours.unset10", "rpcbind.unset10", AtLeast(1.0)),
    ratio("B5", "portmap", "UNSET, from 1000", "ours.unset1000", "rpcbind.unset1000", AtLeast(1.0)),
    ratio("B5", "portmap", "UNSET, from 5000", "ours.unset5000", "rpcbind.unset5000", AtLeast(1.0)),
    alone("B6", "portmap", "largest UDP answer to a stranger, of its question", "ours.amplification", Some("rpcbind.amplification"), AtMost(3.0)),
    alone("B7", "portmap", "start to first answer", "ours.start", Some("rpcbind.start"), AtMost(20.0)),
    alone("B7", "portmap", "resident", "ours.resident", Some("rpcbind.resident"), AtMost(6.0)),
    alone("B7", "portmap", "rpcinfo -p of 1000 mappings", "ours.rpcinfo", Some("rpcbind.rpcinfo"), AtMost(6.0)),

    ratio("G4", "rpcgen", "remote_protocol.x (libvirt), of C's -c and -h", "ours.rpcgen.remote_protocol", "c.rpcgen.remote_protocol", AtMost(0.4)),
    ratio("G4", "rpcgen", "nis.x, of C's -c and -h", "ours.rpcgen.nis", "c.rpcgen.nis", AtMost(0.4)),

    ratio("STK-G22", "stack", "TCP read and write, instructions, of bare tokio", "ours.stack.tcp.instructions", "tokio.stack.tcp.instructions", AtMost(1.02)),
    ratio("STK-G22", "stack", "  system calls", "ours.stack.tcp.syscalls", "tokio.stack.tcp.syscalls", AtMost(1.0)),
    ratio("STK-G22", "stack", "UDP send and receive, instructions", "ours.stack.udp.instructions", "tokio.stack.udp.instructions", AtMost(1.02)),
    ratio("STK-G22", "stack", "  system calls", "ours.stack.udp.syscalls", "tokio.stack.udp.syscalls", AtMost(1.0)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_figures() {
        assert_eq!(figure(1_234_567.8), "1\u{202f}234\u{202f}568");
        assert_eq!(figure(0.123_4), "0.123");
        assert_eq!(figure(2.5), "2.5");
        assert_eq!(figure(100_000.0), "100\u{202f}000");
        assert_eq!(figure(12.34), "12.3");
    }

    #[test]
    fn a_goal_is_judged_by_its_ratio_or_by_itself() {
        let mut readings = Readings::default();
        readings.add("a", 30.0, "ns");
        readings.add("b", 100.0, "ns");
        readings.add("c", 60.0, "ns");
        let met = |peer, bar| {
            Goal {
                id: "X",
                group: "g",
                case: "",
                ours: "a",
                peer,
                bar,
            }
            .line(&readings)
            .unwrap()
            .met
        };
        assert_eq!(met(Peer::Of("b"), AtMost(0.3)), Some(true));
        assert_eq!(
            met(Peer::Lowest(&["b", "c", "not measured"]), AtMost(0.3)),
            Some(false)
        );
        assert_eq!(met(Peer::Alone(Some("b")), AtLeast(30.0)), Some(true));
        assert_eq!(met(Peer::Alone(None), Shown), None);
    }
}
