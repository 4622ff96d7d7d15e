//! A native host on a TAP device without offload, against sockets of the kernel.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use fairway_native::{InterfaceAddress, Stack};
use fairway_stack::device::{Layer, Tun, TunConfig};
use fairway_stack::native::Host;
use fairway_stack::option;
use fairway_wire::MacAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::count;
use super::pair::setup;
use crate::lab::{Error, much, now, put};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    KernelReceives,
    KernelSends,
    Exchanges,
}

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 2);

pub(super) async fn all() -> Result<(), Error> {
    let host = Host::real_time(Stack::new(setup(1)));
    let config = TunConfig {
        name: Some("t1".into()),
        layer: Layer::Ethernet(MacAddr([2, 0, 0, 0, 0, 2])),
        mtu: 1500,
        offload: false,
        queue: 5000,
    };
    let device = Tun::open(config)?;
    let mut ip = std::process::Command::new("ip");
    crate::lab::run(ip.args(["address", "add", "10.78.0.1/24", "dev", device.name()]))?;
    let plugged = device.plug_in(&host)?;
    host.with(|stack, now| {
        stack.add_address(now, plugged.interface(), InterfaceAddress::new(ADDRESS, 24))
    })?;
    for (name, way, total, unit) in [
        (
            "kernel-receives",
            Way::KernelReceives,
            much(512 << 20),
            "Gbit/s",
        ),
        ("kernel-sends", Way::KernelSends, much(512 << 20), "Gbit/s"),
        ("exchanges", Way::Exchanges, much(20_000), "rtt/s"),
    ] {
        let rate = one(&host, way, total).await?;
        put(&format!("ours.tap1500.{name}"), rate, unit);
    }
    plugged.pull_out().await;
    Ok(())
}

async fn one(host: &Host, way: Way, total: usize) -> Result<f64, Error> {
    let listener = host.net().listen_tcp((ADDRESS, 80).into())?;
    let kernel =
        std::thread::spawn(move || of_kernel(way, total).map_err(|error| error.to_string()));
    let (mut stream, _) = listener.accept().await?;
    stream.set(option::NoDelay, true)?;
    let mut buffer = vec![9; 65_536];
    match way {
        Way::KernelReceives => {
            let mut octets = 0;
            while octets < total {
                let len = buffer.len().min(total - octets);
                stream
                    .write_all(buffer.get(..len).unwrap_or_default())
                    .await?;
                octets += len;
            }
        }
        Way::KernelSends => {
            while stream.read(&mut buffer).await? > 0 {}
            stream.write_all(b"!").await?;
        }
        Way::Exchanges => {
            while let len @ 1.. = stream.read(&mut buffer).await? {
                stream
                    .write_all(buffer.get(..len).unwrap_or_default())
                    .await?;
            }
        }
    }
    while !kernel.is_finished() {
        host.net().clock().sleep(Duration::from_millis(2)).await;
    }
    Ok(kernel.join().map_err(|_| "the kernel's side panicked")??)
}

fn of_kernel(way: Way, total: usize) -> Result<f64, Error> {
    let mut stream = TcpStream::connect((ADDRESS, 80))?;
    stream.set_nodelay(true)?;
    // The default of a machine may pace what it sends.
    socket2::SockRef::from(&stream).set_tcp_congestion(b"cubic")?;
    let mut buffer = vec![5; 262_144];
    let since = now();
    match way {
        Way::KernelReceives => {
            let mut got = 0;
            while got < total {
                match stream.read(&mut buffer)? {
                    0 => return Err("closed".into()),
                    more => got += more,
                }
            }
        }
        Way::KernelSends => {
            let mut sent = 0;
            while sent < total {
                let len = buffer.len().min(total - sent);
                sent += stream.write(buffer.get(..len).unwrap_or_default())?;
            }
            stream.shutdown(std::net::Shutdown::Write)?;
            // One octet comes back when all have arrived.
            stream.read_exact(buffer.get_mut(..1).unwrap_or_default())?;
        }
        Way::Exchanges => {
            for _ in 0..total {
                stream.write_all(buffer.get(..64).unwrap_or_default())?;
                stream.read_exact(buffer.get_mut(..64).unwrap_or_default())?;
            }
            return Ok(count(total) / since.elapsed().as_secs_f64());
        }
    }
    Ok(count(total) * 8.0 / since.elapsed().as_secs_f64() / 1e9)
}
