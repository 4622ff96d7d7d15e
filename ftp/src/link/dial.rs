//! Reaching a server: its addresses one after the other.

use crate::client::Limits;
use crate::error::{Error, ErrorKind, Phase};
use crate::server::Server;
use fairway_stack::{Net, TcpStream};
use std::net::SocketAddr;

/// A connection to the control port of `server`.
pub(super) async fn dial(net: &Net, server: &Server, limits: &Limits) -> Result<TcpStream, Error> {
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
        match clock
            .timeout(limits.connect, net.connect_tcp(address))
            .await
        {
            Ok(Ok(stream)) => return Ok(stream),
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
