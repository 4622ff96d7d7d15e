//! Small servers on the native host: what is sent comes back (7), web pages (80).

use std::net::{Shutdown, SocketAddr};

use fairway_stack::{Net, TcpStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Length of the page.
pub(super) const PAGE: usize = 100 << 20;

pub(super) fn start(net: &Net) {
    let any = |port| SocketAddr::from(([0, 0, 0, 0], port));
    let listener = net.listen_tcp(any(7)).unwrap();
    let tasks = net.clone();
    drop(net.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(tasks.spawn(echo(stream)));
        }
    }));
    let socket = net.bind_udp(any(7)).unwrap();
    drop(net.spawn(async move {
        let mut buffer = vec![0; 65_536];
        while let Ok((len, peer)) = socket.recv_from(&mut buffer).await {
            // Who asks from a strange address gets no answer.
            let _sent = socket.send_to(&buffer[..len], peer).await;
        }
    }));
    let listener = net.listen_tcp(any(80)).unwrap();
    let tasks = net.clone();
    drop(net.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(tasks.spawn(async move {
                // A client that goes away is no concern of ours.
                let _ended = serve(stream).await;
            }));
        }
    }));
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0; 65_536];
    while let Ok(len @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..len]).await.is_err() {
            return;
        }
    }
    // The end of the stream is echoed as well.
    let _closed = stream.shutdown(Shutdown::Write);
}

/// The octets of the page from `at` on. None of its long pieces is like another, so that one out of place is noticed.
pub(super) fn page(at: usize, into: &mut [u8]) {
    for (at, octet) in (at..).zip(into) {
        let word = (at / 8).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        *octet = word.to_be_bytes()[at % 8];
    }
}

/// Whether octets are those of the page from `at` on.
pub(super) fn is_page(at: usize, octets: &[u8]) -> bool {
    let mut right = vec![0; octets.len()];
    page(at, &mut right);
    right == octets
}

/// Answers one request (RFC 9112): the page to GET; to PUT of the page, how much of it was right.
async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut octet).await? == 0 {
            return Ok(());
        }
        head.push(octet[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut buffer = vec![0; 65_536];
    if head.starts_with("PUT") {
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        if head.contains("Expect: 100-continue") {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let (mut got, mut right) = (0, 0);
        while got < length {
            let len = stream.read(&mut buffer).await?;
            if len == 0 {
                break;
            }
            if is_page(got, &buffer[..len]) {
                right += len;
            }
            got += len;
        }
        let body = format!("{right} of {got}");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await?;
    } else {
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {PAGE}\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
        let mut sent = 0;
        while sent < PAGE {
            let len = buffer.len().min(PAGE - sent);
            page(sent, &mut buffer[..len]);
            stream.write_all(&buffer[..len]).await?;
            sent += len;
        }
    }
    Ok(stream.shutdown(Shutdown::Write)?)
}
