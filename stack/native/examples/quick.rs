#![allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods
)]
use fairway_native::{
    route::{Prefix, Route},
    *,
};
use fairway_wire::{Instant, MacAddr};
use std::net::{Ipv4Addr, SocketAddrV4};
fn host(seed: u8, fwd: bool) -> Stack {
    let mut s = Setup::new("h", [seed; 32]);
    s.config.ip.forwarding = fwd;
    Stack::new(s)
}
fn eth(h: &mut Stack, n: u8, a: [u8; 4], trusted: bool) -> InterfaceId {
    let mut c =
        InterfaceConfig::ethernet(&format!("eth{n}"), MacAddr([2, a[0], a[1], a[2], a[3], n]));
    c.trusted = trusted;
    let i = h.add_interface(c);
    h.add_address(
        Instant::ZERO,
        i,
        InterfaceAddress::new(Ipv4Addr::from(a), 24),
    )
    .unwrap();
    i
}
fn pump(now: Instant, a: &mut Stack, ai: InterfaceId, b: &mut Stack, bi: InterfaceId) {
    let mut batch: Vec<PacketBuf> = Vec::with_capacity(64);
    loop {
        while let Some(f) = a.poll_frame(now, ai) {
            batch.push(f);
            if batch.len() == 64 {
                break;
            }
        }
        let mut busy = !batch.is_empty();
        if busy {
            b.handle_frames(now, bi, batch.drain(..));
        }
        while let Some(f) = b.poll_frame(now, bi) {
            batch.push(f);
            if batch.len() == 64 {
                break;
            }
        }
        if !batch.is_empty() {
            busy = true;
            a.handle_frames(now, ai, batch.drain(..));
        }
        if !busy {
            return;
        }
    }
}
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    s.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
fn tcp(trusted: bool, mtu: usize, which: &str) {
    use fairway_native::tcp::*;
    let mut now = Instant::from_nanos(1);
    let (mut a, mut b) = (host(1, false), host(2, false));
    let (ai, bi) = (
        eth(&mut a, 1, [10, 0, 0, 1], trusted),
        eth(&mut b, 1, [10, 0, 0, 2], trusted),
    );
    if mtu != 1500 {
        a.set_mtu(now, ai, mtu).unwrap();
        b.set_mtu(now, bi, mtu).unwrap();
    }
    let l = b.tcp_socket(now).unwrap();
    b.bind(now, l, "10.0.0.2:80".parse().unwrap()).unwrap();
    b.listen(now, l, 10).unwrap();
    let c = a.tcp_socket(now).unwrap();
    let _ = a.connect(now, c, "10.0.0.2:80".parse().unwrap());
    pump(now, &mut a, ai, &mut b, bi);
    let (s, _) = b.accept(now, l).unwrap();
    a.set_tcp_options(now, c, |o| o.no_delay = true).unwrap();
    b.set_tcp_options(now, s, |o| o.no_delay = true).unwrap();
    let buf = vec![7u8; 65536];
    let mut out = vec![0u8; 65536];
    if which == "bulk" {
        let total = std::env::args()
            .nth(1)
            .map_or(4u64 << 30, |a| a.parse().unwrap());
        let mut got = 0u64;
        let mut sent = 0u64;
        let t = cpu();
        while got < total {
            if sent < total {
                if let Ok(n) =
                    a.tcp_send(now, c, &[std::io::IoSlice::new(&buf)], SendFlags::default())
                {
                    sent += n as u64;
                }
            }
            pump(now, &mut a, ai, &mut b, bi);
            let mut moved = false;
            while let Ok(n) = b.tcp_recv(
                now,
                s,
                &mut [std::io::IoSliceMut::new(&mut out)],
                RecvFlags::default(),
            ) {
                got += n as u64;
                moved = true;
                if n == 0 {
                    break;
                }
            }
            pump(now, &mut a, ai, &mut b, bi);
            now = now + std::time::Duration::from_micros(5);
            if !moved {
                let d = [a.poll_timeout(), b.poll_timeout()]
                    .into_iter()
                    .flatten()
                    .min()
                    .unwrap();
                now = now.max(d);
                a.handle_timeout(now);
                b.handle_timeout(now);
            }
        }
        println!(
            "tcp bulk mtu {mtu} trusted={trusted}: {:.1} Gbit/s_cpu",
            got as f64 * 8.0 / (cpu() - t) / 1e9
        );
    } else {
        let n = 1_000_000;
        let t = cpu();
        for _ in 0..n {
            a.tcp_send(
                now,
                c,
                &[std::io::IoSlice::new(&buf[..64])],
                SendFlags::default(),
            )
            .unwrap();
            pump(now, &mut a, ai, &mut b, bi);
            b.tcp_recv(
                now,
                s,
                &mut [std::io::IoSliceMut::new(&mut out)],
                RecvFlags::default(),
            )
            .unwrap();
            b.tcp_send(
                now,
                s,
                &[std::io::IoSlice::new(&buf[..64])],
                SendFlags::default(),
            )
            .unwrap();
            pump(now, &mut a, ai, &mut b, bi);
            a.tcp_recv(
                now,
                c,
                &mut [std::io::IoSliceMut::new(&mut out)],
                RecvFlags::default(),
            )
            .unwrap();
            now = now + std::time::Duration::from_micros(1);
        }
        println!(
            "tcp ping-pong trusted={trusted}: {:.2} M rtt/s_cpu",
            n as f64 / (cpu() - t) / 1e6
        );
    }
}
fn main() {
    let mode = std::env::args().nth(2).unwrap_or_default();
    if mode == "bulk" {
        return tcp(false, 1500, "bulk");
    }
    if mode == "pp" {
        return tcp(false, 1500, "pp");
    }
    if mode == "all" {
        for (t, m) in [(false, 1500), (true, 1500), (false, 65535), (true, 65535)] {
            tcp(t, m, "bulk");
        }
    }
    let now = Instant::from_nanos(1);
    for trusted in [false] {
        let (mut a, mut b) = (host(1, false), host(2, false));
        let (ai, bi) = (
            eth(&mut a, 1, [10, 0, 0, 1], trusted),
            eth(&mut b, 1, [10, 0, 0, 2], trusted),
        );
        let (sa, sb) = (a.udp_socket().unwrap(), b.udp_socket().unwrap());
        a.bind(now, sa, "10.0.0.1:1000".parse().unwrap()).unwrap();
        b.bind(now, sb, "10.0.0.2:1000".parse().unwrap()).unwrap();
        let (da, db) = (
            Departure {
                peer: Some("10.0.0.2:1000".parse().unwrap()),
                ..Default::default()
            },
            Departure {
                peer: Some("10.0.0.1:1000".parse().unwrap()),
                ..Default::default()
            },
        );
        let buf = [7u8; 64];
        let mut got = [0u8; 128];
        let t = cpu();
        let n = std::env::args()
            .nth(1)
            .map_or(3_000_000, |a| a.parse().unwrap());
        for _ in 0..n {
            a.send_msg(now, sa, &[std::io::IoSlice::new(&buf)], &da)
                .unwrap();
            pump(now, &mut a, ai, &mut b, bi);
            b.recv_msg(sb, &mut got, false).unwrap();
            b.send_msg(now, sb, &[std::io::IoSlice::new(&buf)], &db)
                .unwrap();
            pump(now, &mut a, ai, &mut b, bi);
            a.recv_msg(sa, &mut got, false).unwrap();
        }
        println!(
            "udp ping-pong trusted={trusted}: {:.2} M rtt/s",
            n as f64 / (cpu() - t) / 1e6
        );
    }
    if std::env::args().count() > 1 {
        return;
    }
    // forward
    let (mut a, mut r, mut b) = (host(1, false), host(2, true), host(3, false));
    let (ai, r1) = (
        eth(&mut a, 1, [10, 0, 1, 1], false),
        eth(&mut r, 1, [10, 0, 1, 254], false),
    );
    let (r2, bi) = (
        eth(&mut r, 2, [10, 0, 2, 254], false),
        eth(&mut b, 1, [10, 0, 2, 1], false),
    );
    a.add_route(
        now,
        Route::new(Prefix::DEFAULT, Some(Ipv4Addr::new(10, 0, 1, 254)), ai),
    )
    .unwrap();
    for i in 0..1000u32 {
        r.add_route(
            now,
            Route::new(
                Prefix::new(Ipv4Addr::from(0x1400_0000 + (i << 8)), 24).unwrap(),
                Some(Ipv4Addr::new(10, 0, 2, 1)),
                r2,
            ),
        )
        .unwrap();
    }
    let sa = a.udp_socket().unwrap();
    a.bind(now, sa, "10.0.1.1:1000".parse().unwrap()).unwrap();
    let mut frames = vec![];
    for i in 0..1000u32 {
        let d = Departure {
            peer: Some(SocketAddrV4::new(Ipv4Addr::from(0x1400_0001 + (i << 8)), 9)),
            ..Default::default()
        };
        a.send_msg(now, sa, &[std::io::IoSlice::new(&[1u8; 64])], &d)
            .unwrap();
        loop {
            let mut busy = false;
            while let Some(f) = a.poll_frame(now, ai) {
                busy = true;
                if f.as_slice()[12..14] == [8, 6] {
                    r.handle_frame(now, r1, f)
                } else {
                    frames.push(f)
                }
            }
            while let Some(f) = r.poll_frame(now, r1) {
                busy = true;
                a.handle_frame(now, ai, f)
            }
            if !busy {
                break;
            }
        }
    }
    println!("{} frames", frames.len());
    let mut out = 0u64;
    let t = cpu();
    for round in 0..3000 {
        for f in &frames {
            r.handle_frame(now, r1, f.clone());
            while let Some(g) = r.poll_frame(now, r2) {
                out += 1;
                if round == 0 && g.as_slice()[12..14] == [8, 6] {
                    b.handle_frame(now, bi, g);
                    while let Some(h) = b.poll_frame(now, bi) {
                        r.handle_frame(now, r2, h)
                    }
                }
            }
        }
    }
    println!(
        "forward 1000 destinations: {:.2} M pkt/s",
        out as f64 / (cpu() - t) / 1e6
    );
    let mut out = 0u64;
    let t = cpu();
    for _ in 0..3_000_000 {
        r.handle_frame(now, r1, frames[5].clone());
        while let Some(_) = r.poll_frame(now, r2) {
            out += 1;
        }
    }
    println!(
        "forward 1 destination: {:.2} M pkt/s",
        out as f64 / (cpu() - t) / 1e6
    );
}
