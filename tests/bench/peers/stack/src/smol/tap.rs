//! smoltcp on a TAP device against sockets of the kernel, in real time.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;

use smoltcp::phy::{Medium, TunTapInterface, wait};
use smoltcp::time::{Duration, Instant};

use super::Host;
use crate::measure::{much, put};

#[derive(Clone, Copy)]
enum Way {
    KernelReceives,
    KernelSends,
    Exchanges,
}

/// Where smoltcp is.
const PEER: (&str, u16) = ("10.77.0.2", 80);

fn of_kernel(way: Way, total: usize) -> f64 {
    let mut stream = TcpStream::connect(PEER).unwrap();
    stream.set_nodelay(true).unwrap();
    socket2::SockRef::from(&stream).set_tcp_congestion(b"cubic").unwrap();
    let mut buffer = vec![5u8; 262_144];
    let since = std::time::Instant::now();
    match way {
        Way::KernelReceives => {
            let mut got = 0;
            while got < total {
                let more = stream.read(&mut buffer).unwrap();
                assert!(more > 0);
                got += more;
            }
        }
        Way::KernelSends => {
            let mut sent = 0;
            while sent < total {
                let len = buffer.len().min(total - sent);
                sent += stream.write(&buffer[..len]).unwrap();
            }
            stream.shutdown(Shutdown::Write).unwrap();
            // One octet comes back when all have arrived.
            let _ = stream.read(&mut buffer);
        }
        Way::Exchanges => {
            for _ in 0..total {
                stream.write_all(&buffer[..64]).unwrap();
                stream.read_exact(&mut buffer[..64]).unwrap();
            }
            return total as f64 / since.elapsed().as_secs_f64();
        }
    }
    total as f64 * 8.0 / since.elapsed().as_secs_f64() / 1e9
}

fn run(device: &str, way: Way, total: usize) -> f64 {
    let device = TunTapInterface::new(device, Medium::Ethernet).unwrap();
    let descriptor = device.as_raw_fd();
    let mut host = Host::new(device, 2, Instant::now());
    let handle = host.stream(1 << 18, 1 << 18);
    host.tcp(handle).listen(80).unwrap();
    let kernel = std::thread::spawn(move || of_kernel(way, total));
    let mut buffer = vec![9u8; 65_536];
    let (mut octets, mut told) = (0, false);
    while !kernel.is_finished() {
        host.poll(Instant::now());
        let socket = host.tcp(handle);
        match way {
            Way::KernelReceives => {
                while octets < total && socket.can_send() {
                    let len = buffer.len().min(total - octets);
                    octets += socket.send_slice(&buffer[..len]).unwrap();
                }
            }
            Way::KernelSends => {
                while socket.can_recv() {
                    octets += socket.recv_slice(&mut buffer).unwrap();
                }
                if octets >= total && !told {
                    told = true;
                    socket.send_slice(b"!").unwrap();
                }
            }
            Way::Exchanges => {
                while socket.can_recv() {
                    let len = socket.recv_slice(&mut buffer).unwrap();
                    socket.send_slice(&buffer[..len]).unwrap();
                }
            }
        }
        host.poll(Instant::now());
        let most = Duration::from_millis(2);
        let delay = host.interface.poll_delay(Instant::now(), &host.sockets).map_or(most, |delay| delay.min(most));
        wait(descriptor, Some(delay)).unwrap();
    }
    kernel.join().unwrap()
}

pub fn all(device: &str) {
    for (name, way, total, unit) in [
        ("kernel-receives", Way::KernelReceives, much(512 << 20), "Gbit/s"),
        ("kernel-sends", Way::KernelSends, much(512 << 20), "Gbit/s"),
        ("exchanges", Way::Exchanges, much(20_000), "rtt/s"),
    ] {
        put(&format!("smol.tap1500.{name}"), run(device, way, total), unit);
    }
}
