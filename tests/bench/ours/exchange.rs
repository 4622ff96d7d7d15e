//! One hundred octets there and back, over our socket layer and over bare tokio: to count what the layer costs.

use std::net::SocketAddr;

use fairway_stack::Net;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::lab::Error;

const LEN: usize = 100;
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Makes `times` exchanges over `protocol`.
pub(crate) async fn run(ours: bool, tcp: bool, times: u32) -> Result<(), Error> {
    match (ours, tcp) {
        (true, true) => {
            let net = Net::system();
            let listener = net.listen_tcp(ANY)?;
            let client = net.connect_tcp(listener.local_addr()?).await?;
            let (server, _) = listener.accept().await?;
            streams(client, server, times).await
        }
        (false, true) => {
            let listener = tokio::net::TcpListener::bind(ANY).await?;
            let client = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
            let (server, _) = listener.accept().await?;
            streams(client, server, times).await
        }
        (true, false) => {
            let net = Net::system();
            let (client, server) = (net.bind_udp(ANY)?, net.bind_udp(ANY)?);
            client.connect(server.local_addr()?)?;
            server.connect(client.local_addr()?)?;
            let mut buffer = [0; LEN + 100];
            for _ in 0..times {
                client.send(&[1; LEN]).await?;
                let got = server.recv(&mut buffer).await?;
                server.send(buffer.get(..got).ok_or("no message")?).await?;
                client.recv(&mut buffer).await?;
            }
            Ok(())
        }
        (false, false) => {
            let bind = tokio::net::UdpSocket::bind;
            let (client, server) = (bind(ANY).await?, bind(ANY).await?);
            client.connect(server.local_addr()?).await?;
            server.connect(client.local_addr()?).await?;
            let mut buffer = [0; LEN + 100];
            for _ in 0..times {
                client.send(&[1; LEN]).await?;
                let got = server.recv(&mut buffer).await?;
                server.send(buffer.get(..got).ok_or("no message")?).await?;
                client.recv(&mut buffer).await?;
            }
            Ok(())
        }
    }
}

async fn streams<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    mut client: S,
    mut server: S,
    times: u32,
) -> Result<(), Error> {
    // More room than a message needs: a short read says that nothing is left.
    let mut buffer = [0; LEN + 100];
    for _ in 0..times {
        client.write_all(&[1; LEN]).await?;
        let got = server.read(&mut buffer).await?;
        server
            .write_all(buffer.get(..got).ok_or("no octets")?)
            .await?;
        if client.read(&mut buffer).await? == 0 {
            return Err("closed".into());
        }
    }
    Ok(())
}
