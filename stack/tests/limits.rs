//! What happens when a resource of the process runs out: in a process of its own, so that other tests do not notice.

#![expect(clippy::unwrap_used, reason = "tests")]

use fairway_stack::{AcceptError, Family, Net, NetError};
use std::net::SocketAddr;
use std::process::Command;

/// SOC-2, ACC-5: without descriptors, sockets are refused and connections stay in the queue; they are accepted once
/// there is room.
#[test]
fn running_out_of_descriptors_can_be_waited_out() {
    const CHILD: &str = "FAIRWAY_TEST_FEW_DESCRIPTORS";
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(with_few_descriptors());
    }
    let output = Command::new("sh")
        .args([
            "-c",
            r#"ulimit -n 40 && exec "$0" --exact running_out_of_descriptors_can_be_waited_out"#,
        ])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

async fn with_few_descriptors() {
    let net = Net::system();
    let listener = net
        .listen_tcp(SocketAddr::new(Family::V4.loopback(), 0))
        .unwrap();
    let mut sockets = Vec::new();
    let full = loop {
        match net.udp_socket(Family::V4) {
            Ok(socket) => sockets.push(socket),
            Err(error) => break error,
        }
    };
    assert_eq!(full, NetError::TooManyFiles);
    assert!(full.is_exhausted());
    sockets.pop();
    let client = net
        .connect_tcp(listener.local_addr().unwrap())
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(
            listener.accept().await.err(),
            Some(AcceptError::Exhausted(NetError::TooManyFiles))
        );
    }
    sockets.pop();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}
