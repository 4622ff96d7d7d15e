//! Simulated networks: idle, busy, long; and whether a seed gives the same octets each time.

use std::net::SocketAddr;
use std::time::Duration;

use fairway_sim::{Network, Node};
use fairway_stack::{NetError, TcpStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt};

use super::count;
use crate::lab::{Error, much, put, thread_cpu};

pub(super) fn all() -> Result<(), Error> {
    let seconds = much(20_000);
    put("ours.sim.idle.hosts50", idle(50, seconds)?, "s/s_cpu");
    let rate = datagrams(1, much(100_000))?;
    put("ours.sim.datagrams.hosts2", rate, "datagram/s_cpu");
    let rate = datagrams(50, much(2000))?;
    put("ours.sim.datagrams.hosts51", rate, "datagram/s_cpu");
    let rate = chain(2, much(512 << 20))?;
    put("ours.sim.bulk", rate, "Gbit/s_cpu");
    put("ours.sim.captures", different_captures(100)?, "captures");
    Ok(())
}

/// Chains of hosts, and what making one costs.
pub(super) fn chains() -> Result<(), Error> {
    for nodes in [3, 5, 10] {
        let rate = chain(nodes, much(256 << 20))?;
        put(&format!("ours.chain{nodes}.bulk"), rate, "Gbit/s_cpu");
    }
    let times = much(200).max(1);
    let since = thread_cpu();
    for seed in 0..times {
        drop(line(&Network::new(u64::try_from(seed)?), 10));
    }
    let each = (thread_cpu() - since) * 1e3 / count(times * 10);
    put("ours.chain.node", each, "ms");
    Ok(())
}

/// Hosts in a line, each but the ends a router, with routes to everywhere.
fn line(network: &Network, nodes: usize) -> Vec<Node> {
    let line: Vec<Node> = (0..nodes)
        .map(|n| match n {
            0 => network.node("first"),
            n if n + 1 == nodes => network.node("last"),
            n => network.router(&format!("r{n}")),
        })
        .collect();
    for (one, next) in line.iter().zip(line.iter().skip(1)) {
        network
            .link(one, next)
            .delay(Duration::from_micros(10))
            .connect();
    }
    network.route_all();
    line
}

/// Hosts around one switch.
fn star(network: &Network, hosts: usize) -> Vec<Node> {
    let hosts: Vec<Node> = (0..hosts).map(|n| network.node(&format!("h{n}"))).collect();
    let mut segment = network.segment();
    for host in &hosts {
        segment = segment.station(host);
    }
    segment
        .cables(|cable| cable.delay(Duration::from_micros(500)))
        .build();
    network.route_all();
    hosts
}

/// Simulated seconds per CPU second of hosts that sleep a second at a time.
fn idle(hosts: usize, seconds: usize) -> Result<f64, Error> {
    let network = Network::new(1);
    let hosts = star(&network, hosts);
    let tasks: Vec<_> = hosts
        .iter()
        .map(|host| {
            let clock = host.net().clock();
            host.spawn(async move {
                for _ in 0..seconds {
                    clock.sleep(Duration::from_secs(1)).await;
                }
            })
        })
        .collect();
    let since = thread_cpu();
    network.run(async {
        for task in tasks {
            task.await?;
        }
        Ok::<_, Error>(())
    })?;
    Ok(count(seconds) / (thread_cpu() - since))
}

/// Datagrams per CPU second of `clients`, each with `times` exchanges with one server.
fn datagrams(clients: usize, times: usize) -> Result<f64, Error> {
    let network = Network::new(1);
    let hosts = star(&network, clients + 1);
    let (server, clients_) = hosts.split_first().ok_or("no hosts")?;
    let socket = server.net().bind_udp(([0, 0, 0, 0], 9).into())?;
    let peer: SocketAddr = (server.address(), 9).into();
    let answering = server.spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
            let sent = socket.send_to(buffer.get(..len).unwrap_or_default(), from);
            if sent.await.is_err() {
                break;
            }
        }
    });
    let mut tasks = Vec::new();
    for client in clients_ {
        let socket = client.net().bind_udp(([0, 0, 0, 0], 10).into())?;
        tasks.push(client.spawn(async move {
            let mut buffer = [1; 64];
            for _ in 0..times {
                socket.send_to(&buffer, peer).await?;
                socket.recv_from(&mut buffer).await?;
            }
            Ok::<_, NetError>(())
        }));
    }
    let since = thread_cpu();
    network.run(async {
        for task in tasks {
            task.await??;
        }
        Ok::<_, Error>(())
    })?;
    let cpu = thread_cpu() - since;
    answering.abort();
    Ok(count(2 * clients * times) / cpu)
}

/// Gbit per CPU second from the first to the last of a line.
fn chain(nodes: usize, total: usize) -> Result<f64, Error> {
    let network = Network::new(1);
    let line = line(&network, nodes);
    let (Some(first), Some(last)) = (line.first(), line.last()) else {
        return Err("no hosts".into());
    };
    let since = thread_cpu();
    let got = network.run(transfer(first, last, total))?;
    Ok(count(got) * 8.0 / (thread_cpu() - since) / 1e9)
}

async fn transfer(from: &Node, to: &Node, total: usize) -> Result<usize, Error> {
    let listener = to.net().listen_tcp(([0, 0, 0, 0], 80).into())?;
    let net = from.net();
    let peer = (to.address(), 80).into();
    let sender = from.spawn(async move {
        let mut stream: TcpStream = net.connect_tcp(peer).await?;
        let buffer = vec![7; 65_536];
        for _ in 0..total / buffer.len() {
            stream.write_all(&buffer).await?;
        }
        AsyncWriteExt::shutdown(&mut stream).await
    });
    let (mut stream, _) = listener.accept().await?;
    let mut buffer = vec![0; 65_536];
    let mut got = 0;
    while let more @ 1.. = stream.read(&mut buffer).await? {
        got += more;
    }
    sender.await??;
    Ok(got)
}

/// How many different captures `runs` of one seed give: a transfer over a path that loses, reorders, doubles and
/// damages (G26).
fn different_captures(runs: usize) -> Result<f64, Error> {
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..runs {
        let network = Network::new(5);
        let (a, b) = (network.node("a"), network.node("b"));
        network
            .link(&a, &b)
            .delay(Duration::from_millis(3))
            .checksums()
            .both(|way| {
                way.loss(0.02)
                    .reorder(0.02, Duration::from_millis(2))
                    .duplicate(0.01)
                    .corrupt(0.01)
            })
            .connect();
        let capture = network.capture_all();
        network.run(transfer(&a, &b, 4 << 16))?;
        seen.insert(capture.octets());
    }
    Ok(count(seen.len()))
}
