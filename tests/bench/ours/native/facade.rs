//! Sockets of a native host, as programs use them, over its loopback interface, on one thread.

use std::net::SocketAddr;

use fairway_native::Stack;
use fairway_stack::native::Host;
use fairway_stack::{Net, TcpStream, option};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::count;
use super::pair::setup;
use crate::lab::{Error, much, now, process_cpu, put};

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

async fn pair(net: &Net) -> Result<(TcpStream, TcpStream), Error> {
    let listener = net.listen_tcp(local(0))?;
    let client = net.connect_tcp(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    for stream in [&client, &server] {
        stream.set(option::NoDelay, true)?;
    }
    Ok((client, server))
}

/// Rates by real and by CPU time of `amount` of work.
async fn rates(
    name: &str,
    unit: &str,
    amount: f64,
    work: impl Future<Output = Result<(), Error>>,
) -> Result<(), Error> {
    let (since, cpu) = (now(), process_cpu());
    work.await?;
    let (wall, cpu) = (since.elapsed().as_secs_f64(), process_cpu() - cpu);
    put(name, amount / wall, unit);
    put(&format!("{name}.cpu"), amount / cpu, &format!("{unit}_cpu"));
    Ok(())
}

pub(super) async fn all() -> Result<(), Error> {
    let host = Host::real_time(Stack::new(setup(1)));
    let net = host.net();
    for (chunk, total) in [(1460, much(256 << 20)), (65_536, much(2 << 30))] {
        bulk(&net, chunk, total).await?;
    }
    stream(&net, much(600_000)).await?;
    datagrams(&net, much(600_000)).await?;
    openings(&net, much(40_000).min(10_000)).await
}

pub(super) async fn bulk(net: &Net, chunk: usize, total: usize) -> Result<(), Error> {
    let (mut client, mut server) = pair(net).await?;
    let total = total / chunk * chunk;
    let work = async {
        let sender = tokio::spawn(async move {
            let buffer = vec![7; chunk];
            for _ in 0..total / chunk {
                client.write_all(&buffer).await?;
            }
            Ok::<_, std::io::Error>(())
        });
        let mut buffer = vec![0; chunk];
        let mut got = 0;
        while got < total {
            match server.read(&mut buffer).await? {
                0 => return Err("closed".into()),
                more => got += more,
            }
        }
        Ok(sender.await??)
    };
    let name = format!("ours.loopback.bulk{chunk}");
    rates(&name, "Gbit/s", count(total) * 8.0 / 1e9, work).await
}

pub(super) async fn stream(net: &Net, times: usize) -> Result<(), Error> {
    let (mut client, mut server) = pair(net).await?;
    let work = async {
        let answering = tokio::spawn(async move {
            let mut buffer = [0; 64];
            while server.read_exact(&mut buffer).await.is_ok() {
                server.write_all(&buffer).await?;
            }
            Ok::<_, std::io::Error>(())
        });
        let mut buffer = [1; 64];
        for _ in 0..times {
            client.write_all(&buffer).await?;
            client.read_exact(&mut buffer).await?;
        }
        drop(client);
        Ok(answering.await??)
    };
    rates("ours.loopback.stream", "rtt/s", count(times), work).await
}

async fn datagrams(net: &Net, times: usize) -> Result<(), Error> {
    let (a, b) = (net.bind_udp(local(0))?, net.bind_udp(local(0))?);
    a.connect(b.local_addr()?)?;
    b.connect(a.local_addr()?)?;
    let work = async {
        let answering = tokio::spawn(async move {
            let mut buffer = [0; 2048];
            for _ in 0..times {
                let got = b.recv(&mut buffer).await?;
                b.send(buffer.get(..got).unwrap_or_default()).await?;
            }
            Ok::<_, fairway_stack::NetError>(())
        });
        let mut buffer = [1; 64];
        for _ in 0..times {
            a.send(&buffer).await?;
            a.recv(&mut buffer).await?;
        }
        Ok(answering.await??)
    };
    rates("ours.loopback.datagram", "rtt/s", count(times), work).await
}

/// Connects, is accepted, and closes, one after another.
async fn openings(net: &Net, times: usize) -> Result<(), Error> {
    let listener = net.listen_tcp(local(0))?;
    let address = listener.local_addr()?;
    let work = async {
        for _ in 0..times {
            let client = net.connect_tcp(address).await?;
            let (mut server, _) = listener.accept().await?;
            drop(client);
            if server.read(&mut [0; 1]).await? != 0 {
                return Err("something was sent".into());
            }
        }
        Ok(())
    };
    rates("ours.loopback.openings", "conn/s", count(times), work).await
}
