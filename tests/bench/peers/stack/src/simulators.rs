//! turmoil and turmoil-net, the deterministic network simulators for tokio: octets, datagrams and simulated time per CPU second.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::measure::{Timer, much, put};

fn builder() -> turmoil::Builder {
    let mut builder = turmoil::Builder::new();
    builder
        .simulation_duration(Duration::from_secs(100_000))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(1))
        .udp_capacity(4096);
    builder
}

/// Datagrams per CPU second of `clients`, each with `times` exchanges with one server.
fn turmoil_datagrams(clients: usize, times: usize) -> f64 {
    let mut sim = builder().build();
    sim.host("server", || async {
        let socket = turmoil::net::UdpSocket::bind("0.0.0.0:9").await?;
        let mut buffer = [0u8; 2048];
        loop {
            let (len, from) = socket.recv_from(&mut buffer).await?;
            socket.send_to(&buffer[..len], from).await?;
        }
    });
    for client in 0..clients {
        sim.client(format!("c{client}"), async move {
            let socket = turmoil::net::UdpSocket::bind("0.0.0.0:10").await?;
            let mut buffer = [1u8; 64];
            for _ in 0..times {
                socket.send_to(&buffer, "server:9").await?;
                socket.recv_from(&mut buffer).await?;
            }
            Ok(())
        });
    }
    let timer = Timer::start();
    while !sim.step().unwrap() {}
    (2 * clients * times) as f64 / timer.cpu()
}

/// Simulated seconds per CPU second of hosts that sleep a second at a time.
fn turmoil_idle(hosts: usize, seconds: u64) -> f64 {
    let mut sim = turmoil::Builder::new().simulation_duration(Duration::from_secs(100_000)).build();
    for host in 0..hosts {
        sim.client(format!("c{host}"), async move {
            for _ in 0..seconds {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Ok(())
        });
    }
    let timer = Timer::start();
    while !sim.step().unwrap() {}
    seconds as f64 / timer.cpu()
}

fn turmoil_net_bulk(total: usize) -> f64 {
    use turmoil_net::shim::tokio::net::{TcpListener, TcpStream};
    let timer = Timer::start();
    turmoil_net::fixture::ClientServer::new()
        .server("server", async {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let buffer = vec![7u8; 65_536];
            while stream.write_all(&buffer).await.is_ok() {}
        })
        .run("client", async move {
            let mut stream = TcpStream::connect("server:80").await.unwrap();
            let mut buffer = vec![0u8; 65_536];
            let mut got = 0;
            while got < total {
                got += stream.read(&mut buffer).await.unwrap();
            }
        });
    total as f64 * 8.0 / timer.cpu() / 1e9
}

fn turmoil_net_datagrams(times: usize) -> f64 {
    use turmoil_net::shim::tokio::net::UdpSocket;
    let timer = Timer::start();
    turmoil_net::fixture::ClientServer::new()
        .server("server", async {
            let socket = UdpSocket::bind("0.0.0.0:9").await.unwrap();
            let mut buffer = [0u8; 2048];
            loop {
                let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
                socket.send_to(&buffer[..len], from).await.unwrap();
            }
        })
        .run("client", async move {
            let socket = UdpSocket::bind("0.0.0.0:10").await.unwrap();
            let mut buffer = [1u8; 64];
            for _ in 0..times {
                socket.send_to(&buffer, "server:9").await.unwrap();
                socket.recv_from(&mut buffer).await.unwrap();
            }
        });
    (2 * times) as f64 / timer.cpu()
}

pub fn all() {
    put("turmoil.datagrams.hosts2", turmoil_datagrams(1, much(10_000)), "datagram/s_cpu");
    put("turmoil.datagrams.hosts51", turmoil_datagrams(50, much(200)), "datagram/s_cpu");
    put("turmoil.idle.hosts50", turmoil_idle(50, much(20) as u64), "s/s_cpu");
    put("turmoil-net.bulk", turmoil_net_bulk(much(64 << 20)), "Gbit/s_cpu");
    put("turmoil-net.datagrams.hosts2", turmoil_net_datagrams(much(10_000)), "datagram/s_cpu");
}
