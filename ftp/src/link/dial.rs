//! Reaching a server: its addresses one after the other.

use crate::client::Limits;
use crate::error::{Error, ErrorKind, Phase};
use crate::server::Server;
use fairway_stack::socks::Target;
use fairway_stack::{Family, Net, NetError, TcpStream};
use std::net::SocketAddr;

/// A connection to the control port of `server`, at an address of `family` if that matters; and, if it leads through a
/// proxy that data connections go through too, what that one is told of the server.
pub(super) async fn dial(
    net: &Net,
    server: &Server,
    limits: &Limits,
    family: Option<Family>,
) -> Result<(TcpStream, Option<Target>), Error> {
    let Some(proxy) = server.proxy_before() else {
        return Ok((direct(net, server, limits, family).await?, None));
    };
    let clock = net.clock();
    let target = proxy.target(net, server.host(), server.port());
    let target = clock.timeout(limits.resolve, target).await;
    let target = target.unwrap_or_else(|_| {
        Err(ErrorKind::TimedOut {
            phase: Phase::Resolve,
        }
        .into())
    })?;
    let stream = proxy.connect(net, &target, limits.connect).await;
    let stream = stream.map_err(|error| proxy.failed(error))?;
    Ok((stream, proxy.carries_data().then_some(target)))
}

async fn direct(
    net: &Net,
    server: &Server,
    limits: &Limits,
    family: Option<Family>,
) -> Result<TcpStream, Error> {
    let clock = net.clock();
    let addresses = match clock
        .timeout(limits.resolve, net.lookup(server.host()))
        .await
    {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(source)) => {
            let host = server.host().to_owned();
            return Err(ErrorKind::Host { host, source }.into());
        }
        Err(_) => {
            return Err(ErrorKind::TimedOut {
                phase: Phase::Resolve,
            }
            .into());
        }
    };
    let mut reason = "no address".to_owned();
    let mut late = false;
    for address in addresses {
        let address = SocketAddr::new(address, server.port());
        if family.is_some_and(|family| family != Family::of(&address)) {
            continue;
        }
        match clock
            .timeout(limits.connect, net.connect_tcp(address))
            .await
        {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(source)) if is_ours(source) => return Err(ErrorKind::Socket { source }.into()),
            Ok(Err(error)) => reason = format!("{address}: {error}"),
            Err(_) => late = true,
        }
    }
    if late {
        return Err(ErrorKind::TimedOut {
            phase: Phase::Connect,
        }
        .into());
    }
    Err(ErrorKind::Connect {
        host: server.authority(),
        reason,
    }
    .into())
}

/// Whether another address would fare no better: the fault is with this host.
const fn is_ours(error: NetError) -> bool {
    matches!(
        error,
        NetError::TooManyFiles
            | NetError::TooManyFilesInSystem
            | NetError::NoBufs
            | NetError::NoMem
    )
}
