//! The protocol over a connection.

use super::wire::MAX_REPLY;
use super::{Command, Handshake, Host, Output, Proxy, SocksError, Target, Version};
use crate::{Net, TcpStream};
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Connects to `target` through `proxy`. Its other name is the proxy's (SKS-4): [`TcpStream::peer_addr`].
///
/// # Errors
/// By what can be done: see [`SocksError`].
///
/// # Cancel safety
/// Dropping it closes the connection to the proxy, which then gives up.
pub async fn connect(
    net: &Net,
    proxy: &Proxy,
    target: impl Into<Target>,
) -> Result<TcpStream, SocksError> {
    let (mut stream, mut handshake) = ask(net, proxy, Command::Connect, target.into()).await?;
    loop {
        match next(&mut stream, &mut handshake).await? {
            Event::Connected(_) => return Ok(stream),
            // Of BIND only.
            Event::Bound(_) => {}
        }
    }
}

/// Asks `proxy` to wait for one call from `peer`: the host that an earlier connection through it leads to, as proxies
/// check who calls. Of `peer`'s port most take no notice.
///
/// # Errors
/// By what can be done: see [`SocksError`].
///
/// # Cancel safety
/// Dropping it closes the connection to the proxy, which then gives up.
pub async fn bind(
    net: &Net,
    proxy: &Proxy,
    peer: impl Into<Target>,
) -> Result<Binding, SocksError> {
    let (mut stream, mut handshake) = ask(net, proxy, Command::Bind, peer.into()).await?;
    let bound = loop {
        match next(&mut stream, &mut handshake).await? {
            Event::Bound(bound) => break bound,
            // Never before it is bound.
            Event::Connected(_) => {}
        }
    };
    let ip = match bound.host {
        // All zeros mean the address that the proxy was reached by.
        Host::Address(ip) if ip.is_unspecified() => proxy.address.ip(),
        Host::Address(ip) => ip,
        Host::Name(name) => look_up(net, &name, |_| true).await?,
    };
    Ok(Binding {
        address: SocketAddr::new(ip, bound.port),
        stream,
        handshake,
    })
}

/// A proxy that waits for a call. Dropping it ends that.
#[derive(Debug)]
pub struct Binding {
    address: SocketAddr,
    stream: TcpStream,
    handshake: Handshake,
}

impl Binding {
    /// Where the proxy waits: what to tell whoever shall call.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the call; gives the connection, and who called if the proxy says it.
    ///
    /// # Errors
    /// [`SocksError::Refused`] if nobody called in the proxy's time, or somebody else; the rest of [`SocksError`].
    ///
    /// # Cancel safety
    /// Dropping it closes the connection to the proxy, which then gives up.
    pub async fn accept(mut self) -> Result<(TcpStream, Option<SocketAddr>), SocksError> {
        loop {
            match next(&mut self.stream, &mut self.handshake).await? {
                Event::Connected(peer) => return Ok((self.stream, peer.address())),
                // It is already.
                Event::Bound(_) => {}
            }
        }
    }
}

/// What there is to tell.
enum Event {
    Bound(Target),
    Connected(Target),
}

/// Connects to the proxy, to ask for `command`. What cannot be asked is found out before.
async fn ask(
    net: &Net,
    proxy: &Proxy,
    command: Command,
    mut target: Target,
) -> Result<(TcpStream, Handshake), SocksError> {
    if let Host::Name(name) = &target.host
        && (proxy.names_here || proxy.version == Version::V4)
    {
        let suits = |ip: &IpAddr| ip.is_ipv4() || proxy.version == Version::V5;
        target.host = Host::Address(look_up(net, name, suits).await?);
    }
    let handshake = Handshake::new(proxy, command, &target)?;
    let stream = net.connect_tcp(proxy.address).await;
    Ok((stream.map_err(SocksError::Io)?, handshake))
}

/// The first address of a host that suits.
async fn look_up(
    net: &Net,
    name: &str,
    suits: impl Fn(&IpAddr) -> bool,
) -> Result<IpAddr, SocksError> {
    let found = net.lookup(name).await.map_err(SocksError::Lookup)?;
    let found = found.into_iter().find(suits);
    found.ok_or(SocksError::Lookup(crate::NetError::HostNotFound))
}

/// Lets the handshake go on until there is something to tell.
async fn next(stream: &mut TcpStream, handshake: &mut Handshake) -> Result<Event, SocksError> {
    loop {
        while let Some(output) = handshake.poll_output() {
            match output {
                Output::Transmit(octets) => stream.write_all(&octets).await?,
                Output::Bound(address) => return Ok(Event::Bound(address)),
                Output::Connected(address) => return Ok(Event::Connected(address)),
                Output::Failed(error) => return Err(error),
            }
        }
        let mut room = [0; MAX_REPLY];
        let (room, _) = room.split_at_mut(handshake.wanted().min(MAX_REPLY));
        match stream.read(room).await? {
            0 => handshake.handle_end(),
            n => {
                handshake.handle_input(room.get(..n).unwrap_or_default());
            }
        }
    }
}
