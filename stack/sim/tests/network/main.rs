//! Networks as a whole: programs on simulated hosts, over simulated links, in virtual time.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod alert;
mod crash;
mod determinism;
mod paths;
mod queues;
mod segments;
mod transfers;
mod wireshark;

use fairway_sim::Node;
use fairway_stack::{Net, UdpSocket};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The port of the echo service.
const ECHO: u16 = 7;

fn any(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

/// Where a host's echo service is.
fn echo_of(node: &Node) -> SocketAddr {
    (node.address(), ECHO).into()
}

/// Answers every datagram with itself, until the host crashes.
fn serve_echo(node: &Node) {
    let socket = node.net().bind_udp(any(ECHO)).unwrap();
    node.spawn(async move {
        let mut buf = [0; 2000];
        while let Ok((length, peer)) = socket.recv_from(&mut buf).await {
            // The way back may be cut: that is the sender's business.
            let _sent = socket.send_to(&buf[..length], peer).await;
        }
    })
    .detach();
}

/// Asks an echo service once; says whether the answer came within a second.
async fn ask(net: &Net, socket: &UdpSocket, to: SocketAddr, question: &[u8]) -> bool {
    // A host that knows it cannot reach the other says so at once.
    if socket.send_to(question, to).await.is_err() {
        return false;
    }
    let mut buf = [0; 2000];
    let clock = net.clock();
    let answer = clock.timeout(ms(1000), async {
        loop {
            // An error that an earlier datagram met is reported by a later call.
            if let Ok((length, _)) = socket.recv_from(&mut buf).await
                && &buf[..length] == question
            {
                return;
            }
        }
    });
    answer.await.is_ok()
}
