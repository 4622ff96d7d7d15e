//! The kernel's loopback through tokio on one thread, with CUBIC; and tokio's duplex, which is the runtime without any stack.

use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::measure::{much, process_cpu, put};

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    SockRef::from(&listener).set_tcp_congestion(b"cubic").unwrap();
    let (a, b) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (a, b) = (a.unwrap(), b.unwrap().0);
    for stream in [&a, &b] {
        stream.set_nodelay(true).unwrap();
        SockRef::from(stream).set_tcp_congestion(b"cubic").unwrap();
    }
    (a, b)
}

/// Real and CPU seconds of `work`.
async fn timed(work: impl Future<Output = ()>) -> (f64, f64) {
    let (since, cpu) = (Instant::now(), process_cpu());
    work.await;
    (since.elapsed().as_secs_f64(), (process_cpu() - cpu).as_secs_f64())
}

async fn bulk<W, R>(mut to: W, mut from: R, chunk: usize, total: usize)
where
    W: AsyncWriteExt + Unpin + Send + 'static,
    R: AsyncReadExt + Unpin,
{
    let sender = tokio::spawn(async move {
        let buffer = vec![7u8; chunk];
        for _ in 0..total / chunk {
            to.write_all(&buffer).await.unwrap();
        }
    });
    let mut buffer = vec![0u8; chunk];
    let mut got = 0;
    while got < total / chunk * chunk {
        let more = from.read(&mut buffer).await.unwrap();
        assert!(more > 0);
        got += more;
    }
    sender.await.unwrap();
}

async fn exchanges<A, B>(mut client: A, mut server: B, times: usize)
where
    A: AsyncReadExt + AsyncWriteExt + Unpin,
    B: AsyncReadExt + AsyncWriteExt + Unpin + Send + 'static,
{
    let answering = tokio::spawn(async move {
        let mut buffer = [0u8; 64];
        while server.read_exact(&mut buffer).await.is_ok() {
            server.write_all(&buffer).await.unwrap();
        }
    });
    let mut buffer = [1u8; 64];
    for _ in 0..times {
        client.write_all(&buffer).await.unwrap();
        client.read_exact(&mut buffer).await.unwrap();
    }
    drop(client);
    answering.await.unwrap();
}

async fn datagrams(times: usize) {
    let a = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let b = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    a.connect(b.local_addr().unwrap()).await.unwrap();
    b.connect(a.local_addr().unwrap()).await.unwrap();
    let answering = tokio::spawn(async move {
        let mut buffer = [0u8; 2048];
        for _ in 0..times {
            let len = b.recv(&mut buffer).await.unwrap();
            b.send(&buffer[..len]).await.unwrap();
        }
    });
    let mut buffer = [1u8; 64];
    for _ in 0..times {
        a.send(&buffer).await.unwrap();
        a.recv(&mut buffer).await.unwrap();
    }
    answering.await.unwrap();
}

/// Connects, is accepted, and closes, one after another.
async fn openings(times: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    for _ in 0..times {
        let client = TcpStream::connect(address).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0u8; 1]).await.unwrap(), 0);
    }
}

fn rates(name: &str, unit: &str, amount: f64, (wall, cpu): (f64, f64)) {
    put(name, amount / wall, unit);
    put(&format!("{name}.cpu"), amount / cpu, &format!("{unit}_cpu"));
}

pub fn all() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for (chunk, total) in [(1460, much(256 << 20)), (65_536, much(2 << 30))] {
            let (a, b) = pair().await;
            let gigabits = (total / chunk * chunk) as f64 * 8.0 / 1e9;
            rates(&format!("kernel.loopback.bulk{chunk}"), "Gbit/s", gigabits, timed(bulk(a, b, chunk, total)).await);
        }
        let times = much(60_000);
        let (a, b) = pair().await;
        rates("kernel.loopback.stream", "rtt/s", times as f64, timed(exchanges(a, b, times)).await);
        rates("kernel.loopback.datagram", "rtt/s", times as f64, timed(datagrams(times)).await);
        let times = much(4000);
        rates("kernel.loopback.openings", "conn/s", times as f64, timed(openings(times)).await);
        let times = much(1_000_000);
        let (a, b) = tokio::io::duplex(4096);
        rates("duplex.stream", "rtt/s", times as f64, timed(exchanges(a, b, times)).await);
        // Sockets of the kernel linger a little: the next measurement is not to pay for it.
        tokio::time::sleep(Duration::from_millis(20)).await;
    });
}
