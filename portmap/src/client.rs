//! Asking other portmappers: how a program on some host is reached.
//!
//! [`dial`] and its kin choose transports as the C library's netids do. What a portmapper can be asked beyond addresses is in the typed clients
//! [`PmapV2Client`], [`RpcbV3Client`] and [`RpcbV4Client`], which take the [`Client`] that [`local`], [`reach`] or
//! [`portmapper_of`] give.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use fairway_rpc::{CallError, Client, ClientConfig, ClntStat, ConnectError};
use fairway_stack::{LocalAddr, Net, NetError};

use crate::address::{self, Netid};
use crate::pmap::{Mapping, PmapV2Client};
use crate::registry::PORTMAP_PROGRAM;
use crate::rpcb::{Rpcb, RpcbV3Client, RpcbV4Client};

/// Where portmappers listen.
pub const PORT: u16 = fairway_rpc::portmapper::PORT;
/// Where this machine's listens.
pub const SOCKET: &str = fairway_rpc::portmapper::LOCAL_PATH;

/// A portmapper's own address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// Over TCP or UDP.
    Ip(SocketAddr),
    /// A local socket.
    Path(PathBuf),
}

impl FromStr for At {
    type Err = Infallible;

    /// `127.0.0.1:10111`, `[::1]:10111`, an address alone (port 111), or else a path.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        if let Ok(host) = text.parse() {
            return Ok(Self::Ip(SocketAddr::new(host, PORT)));
        }
        Ok(Self::Path(PathBuf::from(text)))
    }
}

/// Why a program was not reached, in the C library's words (`clnt_pcreateerror`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    stat: ClntStat,
    text: String,
}

impl Failure {
    /// A host that has no address for the transport.
    #[must_use]
    pub fn unknown_host() -> Self {
        Self::plain(ClntStat::UNKNOWN_HOST)
    }

    /// A name that could not be turned into an address: the C library has a number for it, but no text.
    #[must_use]
    pub fn translation() -> Self {
        Self {
            stat: ClntStat::UNKNOWN_HOST,
            text: "RPC: (unknown error code)".to_owned(),
        }
    }

    fn plain(stat: ClntStat) -> Self {
        Self {
            stat,
            text: stat.text().to_owned(),
        }
    }

    fn not_registered() -> Self {
        Self::plain(ClntStat::PROG_NOT_REGISTERED)
    }

    /// Whether the host has no address for this transport: another may do.
    #[must_use]
    pub fn is_unknown_host(&self) -> bool {
        self.stat == ClntStat::UNKNOWN_HOST
    }

    /// The C library's number for it.
    #[must_use]
    pub fn stat(&self) -> ClntStat {
        self.stat
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self {
            stat: error.stat(),
            text: without_number(&error.classic_text()),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Connect(error) => Self::from(*error),
            // A lookup that failed is told without what the system said.
            error => Self::plain(error.stat()),
        }
    }
}

/// What strerror(3) says: the system's text without Rust's number behind it.
#[must_use]
pub fn without_number(text: &str) -> String {
    match text.split_once(" (os error ") {
        Some((text, _)) => text.to_owned(),
        None => text.to_owned(),
    }
}

/// This machine's portmapper.
///
/// # Errors
/// Nobody listens on its socket.
///
/// # Cancel safety
/// Nothing is left open.
pub async fn local(net: &Net, config: ClientConfig) -> Result<Client, Failure> {
    Ok(Client::local(net, &LocalAddr::path(SOCKET), config).await?)
}

/// A portmapper at a known address, over UDP if a datagram netid is given and over TCP otherwise; and that address.
///
/// # Errors
/// Nobody listens there.
///
/// # Cancel safety
/// Nothing is left open.
pub async fn reach(
    net: &Net,
    at: &At,
    netid: Option<&Netid>,
    config: ClientConfig,
) -> Result<(Client, Option<SocketAddr>), Failure> {
    match at {
        At::Path(path) => {
            let client = Client::local(net, &LocalAddr::path(path), config).await?;
            Ok((client, None))
        }
        At::Ip(address) => {
            let client = match netid {
                Some(Netid::Udp | Netid::Udp6) => Client::udp(net, *address, config).await?,
                _ => Client::tcp(net, *address, config).await?,
            };
            Ok((client, Some(*address)))
        }
    }
}

/// The portmapper of a host over a kind of transport, and its address.
///
/// # Errors
/// The host has no address for it, or nobody listens.
///
/// # Cancel safety
/// Nothing is left open.
pub async fn portmapper_of(
    net: &Net,
    netid: &Netid,
    host: &str,
    config: ClientConfig,
) -> Result<(Client, Option<SocketAddr>), Failure> {
    if *netid == Netid::Local {
        return Ok((local(net, config).await?, None));
    }
    let address = resolve(net, netid, host, PORT).await?;
    let client = over(net, netid, address, config).await?;
    Ok((client, Some(address)))
}

/// A host's port over a kind of transport, without asking its portmapper.
///
/// # Errors
/// The host has no address for it, or nobody listens.
///
/// # Cancel safety
/// Nothing is left open.
pub async fn connect(
    net: &Net,
    netid: &Netid,
    host: &str,
    port: u16,
    config: ClientConfig,
) -> Result<Client, Failure> {
    let address = resolve(net, netid, host, port).await?;
    over(net, netid, address, config).await
}

async fn over(
    net: &Net,
    netid: &Netid,
    address: SocketAddr,
    config: ClientConfig,
) -> Result<Client, Failure> {
    Ok(match netid {
        Netid::Udp | Netid::Udp6 => Client::udp(net, address, config).await?,
        Netid::Tcp | Netid::Tcp6 | Netid::Local | Netid::Other(_) => {
            Client::tcp(net, address, config).await?
        }
    })
}

/// The first address of a host that fits a kind of transport.
async fn resolve(net: &Net, netid: &Netid, host: &str, port: u16) -> Result<SocketAddr, Failure> {
    let v6 = matches!(netid, Netid::Udp6 | Netid::Tcp6);
    let addresses = match net.lookup(host).await {
        Ok(addresses) => addresses,
        Err(NetError::HostNotFound | NetError::TryAgain) => return Err(Failure::unknown_host()),
        Err(error) => return Err(ConnectError::from(error).into()),
    };
    addresses
        .into_iter()
        .find(|address| address.is_ipv6() == v6)
        .map(|address| SocketAddr::new(address, port))
        .ok_or_else(Failure::unknown_host)
}

/// A program of a host over a kind of transport: asks the host's portmapper (or the one at `at`) for its address first.
///
/// # Errors
/// The host has no address for the transport, its portmapper does not answer, or not with a usable address, or nobody listens there.
///
/// # Cancel safety
/// Nothing is left open.
pub async fn dial(
    net: &Net,
    at: Option<&At>,
    netid: &Netid,
    host: &str,
    program: u32,
    version: u32,
    config: ClientConfig,
) -> Result<Client, Failure> {
    let (portmapper, reached) = match at {
        Some(at) => reach(net, at, Some(netid), config.clone()).await?,
        None => portmapper_of(net, netid, host, config.clone()).await?,
    };
    // The portmapper knows itself best.
    if program == PORTMAP_PROGRAM && at.is_some() {
        return Ok(portmapper);
    }
    let found = ask(&portmapper, netid, reached, program, version).await?;
    let Some(found) = found.filter(|found| !found.is_empty()) else {
        return Err(Failure::not_registered());
    };
    match at_universal(net, netid, &found, config).await {
        Ok(client) => Ok(client),
        Err(Some(failure)) => Err(failure),
        Err(None) => Err(ConnectError::BadAddress.into()),
    }
}

/// Asks for a program's address: version 4, or the highest version the portmapper has.
async fn ask(
    portmapper: &Client,
    netid: &Netid,
    reached: Option<SocketAddr>,
    program: u32,
    version: u32,
) -> Result<Option<String>, Failure> {
    let question = Rpcb {
        r_prog: program,
        r_vers: version,
        r_netid: netid.as_str().to_owned(),
        r_addr: reached.map(address::universal).unwrap_or_default(),
        r_owner: String::new(),
    };
    let older = |error: &CallError| {
        matches!(
            error,
            CallError::ProgMismatch { .. } | CallError::ProgUnavail | CallError::ProcUnavail
        )
    };
    match RpcbV4Client::new(portmapper.clone())
        .getaddr(&question)
        .await
    {
        Err(error) if older(&error) => {}
        found => return Ok(Some(found?)),
    }
    match RpcbV3Client::new(portmapper.clone())
        .getaddr(&question)
        .await
    {
        Err(error) if older(&error) => {}
        found => return Ok(Some(found?)),
    }
    let (Some(protocol), Some(reached)) = (netid.protocol(), reached) else {
        return Ok(None);
    };
    let mapping = Mapping {
        prog: program,
        vers: version,
        prot: protocol,
        port: 0,
    };
    let port = PmapV2Client::new(portmapper.clone())
        .getport(&mapping)
        .await?;
    let port = u16::try_from(port).ok().filter(|port| *port != 0);
    Ok(port.map(|port| address::universal(SocketAddr::new(reached.ip(), port))))
}

/// A program at a universal address; `None` in the error if that is no address of the transport.
///
/// # Errors
/// Nobody listens there.
///
/// # Cancel safety
/// Nothing is left open.
pub async fn at_universal(
    net: &Net,
    netid: &Netid,
    universal: &str,
    config: ClientConfig,
) -> Result<Client, Option<Failure>> {
    if *netid == Netid::Local {
        let path = LocalAddr::path(universal);
        let client = Client::local(net, &path, config).await;
        return client.map_err(|error| Some(error.into()));
    }
    let v6 = matches!(netid, Netid::Udp6 | Netid::Tcp6);
    let address = address::parse(universal).filter(|address| address.is_ipv6() == v6);
    let address = address.ok_or(None)?;
    over(net, netid, address, config).await.map_err(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portmappers_address_is_an_address_or_a_path() {
        let at = |text: &str| text.parse::<At>().unwrap();
        assert_eq!(
            at("127.0.0.1:10111"),
            At::Ip("127.0.0.1:10111".parse().unwrap())
        );
        assert_eq!(at("::1"), At::Ip("[::1]:111".parse().unwrap()));
        assert_eq!(at("/tmp/x.sock"), At::Path("/tmp/x.sock".into()));
    }

    #[test]
    fn the_systems_words_come_without_a_number() {
        assert_eq!(
            without_number("x - Connection refused (os error 111)"),
            "x - Connection refused"
        );
        assert_eq!(without_number("RPC: Timed out"), "RPC: Timed out");
    }
}
