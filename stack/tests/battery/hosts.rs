//! Hosts of our own with something about them: a limit, an end.

use fairway_native::{Setup, Stack};
use fairway_stack::native::Host;
use fairway_stack::{AcceptError, Family, NetError, TaskEnded};
use std::net::SocketAddr;
use tokio::io::AsyncReadExt as _;

/// GSN-5, GPN-4, ARC-1: what is no socket any more has no name, no peer and no data.
#[tokio::test]
async fn sockets_are_gone_with_their_host() {
    let host = Host::real_time(Stack::new(Setup::new("mortal", [5; 32])));
    let net = host.net();
    let home = SocketAddr::new(Family::V4.loopback(), 0);
    let listener = net.listen_tcp(home).unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = net.connect_tcp(address).await.unwrap();
    let task = net.spawn(std::future::pending::<()>());
    net.files().write("/etc/motd", "hello").await.unwrap();
    host.crash();
    assert!(host.is_down());
    assert_eq!(client.local_addr(), Err(NetError::NotSock));
    assert_eq!(client.peer_addr(), Err(NetError::NotSock));
    let error = client.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(NetError::from(error), NetError::NotSock);
    let error = listener.accept().await.err();
    assert_eq!(error, Some(AcceptError::Listener(NetError::NotSock)));
    assert_eq!(
        net.udp_socket(Family::V4).err(),
        Some(NetError::NetDown),
        "there is no host"
    );
    assert_eq!(task.await, Err(TaskEnded::Stopped));
    let late = net.spawn(std::future::pending::<()>());
    assert_eq!(late.await, Err(TaskEnded::Stopped));

    let mut setup = Setup::new("mortal", [6; 32]);
    setup.incarnation = 1;
    host.restart(Stack::new(setup));
    assert_eq!(client.local_addr(), Err(NetError::NotSock), "nor later");
    let again = net.listen_tcp(address).unwrap();
    assert_eq!(again.local_addr(), Ok(address));
    assert_eq!(net.files().read("/etc/motd").await.unwrap(), b"hello");
    drop((client, listener));
}

/// SOC-2, ACC-5, CON-1: as many sockets as there may be, and no more; a connection waits until there is room.
#[tokio::test]
async fn sockets_have_a_limit() {
    let mut setup = Setup::new("small", [4; 32]);
    setup.limits.socket.sockets = 4;
    let net = Host::real_time(Stack::new(setup)).net();
    let home = SocketAddr::new(Family::V4.loopback(), 0);
    let listener = net.listen_tcp(home).unwrap();
    let client = net
        .connect_tcp(listener.local_addr().unwrap())
        .await
        .unwrap();
    let mut others: Vec<_> = (0..2)
        .map(|_| net.udp_socket(Family::V4).unwrap())
        .collect();
    assert_eq!(
        net.udp_socket(Family::V4).err(),
        Some(NetError::TooManyFiles)
    );
    assert_eq!(
        listener.accept().await.err(),
        Some(AcceptError::Exhausted(NetError::TooManyFiles))
    );
    others.pop();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}
