//! The kernel at both ends, in real time: two network namespaces with a TUN device each, packets carried between them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::time::TimeSpec;
use socket2::SockRef;
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use super::path::{Direction, PATHS, Path};
use crate::measure::{much, put};

/// A TUN device in a new network namespace, which becomes this thread's.
fn device(n: u8) -> SyncDevice {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let device = DeviceBuilder::new()
        .name("t0")
        .layer(Layer::L3)
        .ipv4(Ipv4Addr::new(10, 79, 0, n), 24u8, None)
        .mtu(1500)
        // An unpaced sender overflows the usual 500 at once.
        .tx_queue_len(5000)
        .build_sync()
        .unwrap();
    device.set_nonblocking(true).unwrap();
    device
}

fn relay(path: Path, seed: u64, a: &SyncDevice, b: &SyncDevice, until: Instant) {
    let since = Instant::now();
    let micros = || since.elapsed().as_micros() as i64;
    let (mut there, mut back) = (Direction::new(path, seed), Direction::new(path.back(), seed + 7));
    let mut buffer = vec![0u8; 2048];
    while Instant::now() < until {
        let now = micros();
        // Both ways before waiting, or one starves.
        while let Ok(len) = a.recv(&mut buffer) {
            there.push(now, buffer[..len].to_vec());
        }
        while let Ok(len) = b.recv(&mut buffer) {
            back.push(now, buffer[..len].to_vec());
        }
        while let Some(packet) = there.pop(now) {
            let _ = b.send(&packet);
        }
        while let Some(packet) = back.pop(now) {
            let _ = a.send(&packet);
        }
        let next = [there.next(), back.next()].into_iter().flatten().min();
        let wait = next.map_or(5000, |next| (next - micros()).clamp(0, 5000));
        let mut descriptors = [PollFd::new(a.as_fd(), PollFlags::POLLIN), PollFd::new(b.as_fd(), PollFlags::POLLIN)];
        let wait = TimeSpec::from_duration(Duration::from_micros(wait as u64));
        ppoll(&mut descriptors, Some(wait), None).unwrap();
    }
}

fn run(path: Path, seconds: u64, seed: u64) -> f64 {
    let until = Instant::now() + Duration::from_secs(seconds) + Duration::from_millis(700);
    let (device_a, from_a) = mpsc::channel();
    let (device_b, from_b) = mpsc::channel();
    let (say_port, port) = mpsc::channel();
    let cubic = |socket: SockRef<'_>| socket.set_tcp_congestion(b"cubic").unwrap();
    let receiver = std::thread::spawn(move || {
        device_b.send(device(2)).unwrap();
        let listener = TcpListener::bind("10.79.0.2:0").unwrap();
        say_port.send(listener.local_addr().unwrap().port()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut buffer = vec![0u8; 65_536];
        let (since, mut got) = (Instant::now(), 0);
        while since.elapsed() < Duration::from_secs(seconds) {
            got += stream.read(&mut buffer).unwrap_or(0);
        }
        got as f64 * 8.0 / since.elapsed().as_secs_f64() / 1e6
    });
    let sender = std::thread::spawn(move || {
        device_a.send(device(1)).unwrap();
        let mut stream = TcpStream::connect(("10.79.0.2", port.recv().unwrap())).unwrap();
        cubic(SockRef::from(&stream));
        stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let buffer = vec![1u8; 65_536];
        while Instant::now() < until {
            let _ = stream.write(&buffer);
        }
    });
    let (a, b) = (from_a.recv().unwrap(), from_b.recv().unwrap());
    relay(path, seed, &a, &b, until);
    sender.join().unwrap();
    receiver.join().unwrap()
}

pub fn one(name: &str) {
    let path = PATHS.into_iter().find(|path| path.name == name).expect("a path");
    // Each run of a process differs, as each seed does for the others.
    let seed = u64::from(std::process::id());
    put(&format!("kernel.goodput.{name}"), run(path, much(100).clamp(3, 10) as u64, seed), "Mbit/s");
}
