//! Goodput over impaired paths in virtual time: the paths of bench/peers/stack/src/goodput/path.rs.

use std::net::SocketAddr;
use std::time::Duration;

use fairway_sim::{BitsPerSec, DirectionBuilder, Network, Node, Queue};
use fairway_stack::{Instant, TcpStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::count;
use crate::lab::{Error, put};
use crate::readings::median;

/// The way there: the way back is the same without the faults.
#[derive(Clone, Copy, Debug)]
struct Path {
    name: &'static str,
    queue: usize,
    fault: fn(DirectionBuilder) -> DirectionBuilder,
}

const QUEUE: usize = 170;
const LATE: Duration = Duration::from_millis(5);

const PATHS: [Path; 7] = [
    Path {
        name: "clean",
        queue: QUEUE,
        fault: |way| way,
    },
    Path {
        name: "queue20",
        queue: 20,
        fault: |way| way,
    },
    Path {
        name: "loss0.1",
        queue: QUEUE,
        fault: |way| way.loss(0.001),
    },
    Path {
        name: "loss1",
        queue: QUEUE,
        fault: |way| way.loss(0.01),
    },
    Path {
        name: "loss5",
        queue: QUEUE,
        fault: |way| way.loss(0.05),
    },
    Path {
        name: "late2",
        queue: QUEUE,
        fault: |way| way.reorder(0.02, LATE),
    },
    Path {
        name: "twice2",
        queue: QUEUE,
        fault: |way| way.duplicate(0.02),
    },
];

/// How long a flow runs.
const SPAN: Duration = Duration::from_secs(10);

pub(super) fn run(seeds: u64) -> Result<(), Error> {
    for path in PATHS {
        let rates = (0..seeds)
            .map(|seed| one_flow(path, 11 + seed))
            .collect::<Result<Vec<_>, Error>>()?;
        let rate = median(&rates).ok_or("no seeds")?;
        put(&format!("ours.goodput.{}", path.name), rate, "Mbit/s");
    }
    put("ours.fairness", fairness(11)?, "index");
    Ok(())
}

fn link(network: &Network, a: &Node, b: &Node, path: Path) {
    let way = |way: DirectionBuilder| {
        way.rate(BitsPerSec::mega(100))
            .delay(Duration::from_millis(10))
            .queue(Queue::frames(path.queue))
    };
    network
        .link(a, b)
        .point_to_point()
        .both(way)
        .there(path.fault)
        .connect();
}

fn one_flow(path: Path, seed: u64) -> Result<f64, Error> {
    let network = Network::new(seed);
    let (a, b) = (network.node("a"), network.node("b"));
    link(&network, &a, &b, path);
    let until = Instant::ZERO + SPAN;
    let got = network.run(async {
        let receiver = receive(&b, 80, until)?;
        let sender = send(&a, (b.address(), 80).into());
        let got = receiver.await??;
        sender.abort();
        Ok::<_, Error>(got)
    })?;
    Ok(count(got) * 8.0 / SPAN.as_secs_f64() / 1e6)
}

/// Counts what arrives at a port until then.
fn receive(
    node: &Node,
    port: u16,
    until: Instant,
) -> Result<fairway_stack::Task<Result<usize, fairway_stack::NetError>>, Error> {
    let listener = node.net().listen_tcp(([0, 0, 0, 0], port).into())?;
    let clock = node.net().clock();
    Ok(node.spawn(async move {
        let mut got = 0;
        let counting = async {
            let Ok((mut stream, _)) = listener.accept().await else {
                return;
            };
            let mut buffer = vec![0; 65_536];
            while let Ok(more @ 1..) = stream.read(&mut buffer).await {
                got += more;
            }
        };
        // It goes on for ever: the time is up.
        let _late = clock
            .timeout(until.saturating_duration_since(clock.now()), counting)
            .await;
        Ok(got)
    }))
}

/// Sends for ever.
fn send(node: &Node, peer: SocketAddr) -> fairway_stack::Task<()> {
    let net = node.net();
    node.spawn(async move {
        let buffer = vec![1; 65_536];
        if let Ok(mut stream) = net.connect_tcp(peer).await {
            while write(&mut stream, &buffer).await.is_ok() {}
        }
    })
}

async fn write(stream: &mut TcpStream, octets: &[u8]) -> std::io::Result<()> {
    stream.write_all(octets).await
}

/// Jain's index of two flows, one begun after the other, over 60 s of one link (G11): 1 is fair, a half is not at all.
fn fairness(seed: u64) -> Result<f64, Error> {
    let network = Network::new(seed);
    let (a, b) = (network.node("a"), network.node("b"));
    let [clean, ..] = PATHS;
    link(&network, &a, &b, clean);
    let until = Instant::ZERO + Duration::from_secs(60);
    let (one, other) = network.run(async {
        let receivers = (receive(&b, 80, until)?, receive(&b, 81, until)?);
        let senders = [80, 81].map(|port| send(&a, (b.address(), port).into()));
        let rates = (receivers.0.await??, receivers.1.await??);
        for sender in senders {
            sender.abort();
        }
        Ok::<_, Error>((count(rates.0), count(rates.1)))
    })?;
    Ok((one + other).powi(2) / (2.0 * (one * one + other * other)))
}
