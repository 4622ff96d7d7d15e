//! What may stand between us and a server.

mod http;

pub use http::{HttpError, HttpProxy};

use crate::error::{Error, ErrorKind, Phase};
use fairway_stack::socks::{self, Binding, SocksError, Target, Version};
use fairway_stack::{Net, NetError, TcpStream};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// A proxy, part of what a [`Server`](crate::Server) is.
///
/// Control and data connections both go through it. Passive data connections are asked for at the server's own name, or
/// at the address that a 227 claims where [that is trusted](crate::Server::trust_passive_address); the server's
/// connections to us (`PORT`) are taken by proxies that can (`BIND` of SOCKS).
///
/// ```
/// use fairway_ftp::proxy::{HttpProxy, Proxy};
/// use fairway_stack::socks::{self, Version};
///
/// let socks = Proxy::from(socks::Proxy::new(Version::V5, "192.0.2.1:1080".parse().unwrap()));
/// let http = Proxy::from(HttpProxy::new("proxy.example.org", 3128).login("anna", "secret"));
/// # assert_ne!(socks, http);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// SOCKS 4, 4a or 5.
    Socks(socks::Proxy),
    /// HTTP `CONNECT` (RFC 9110 §9.3.6).
    Http(HttpProxy),
    /// An FTP proxy, which is logged in to as `user@host`. It makes the data connections too.
    UserAtHost {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
    },
}

impl From<socks::Proxy> for Proxy {
    fn from(proxy: socks::Proxy) -> Self {
        Self::Socks(proxy)
    }
}

impl From<HttpProxy> for Proxy {
    fn from(proxy: HttpProxy) -> Self {
        Self::Http(proxy)
    }
}

/// Why there is no connection through a proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy cannot be reached.
    #[error("no connection to it: {0}")]
    Unreachable(NetError),
    /// It did not answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// By SOCKS.
    #[error(transparent)]
    Socks(#[from] SocksError),
    /// By HTTP.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl ProxyError {
    /// Whether it may be otherwise later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) => true,
            Self::Socks(error) => !matches!(
                error,
                SocksError::Argument(_)
                    | SocksError::NoAcceptableMethod
                    | SocksError::LoginFailed(_)
                    | SocksError::Broken(_)
            ),
            Self::Http(error) => error.is_transient(),
        }
    }
}

impl Proxy {
    /// Whether other connections than that to the server go through it too.
    pub(crate) const fn carries_data(&self) -> bool {
        !matches!(self, Self::UserAtHost { .. })
    }

    /// Whether the server can be told to connect to it.
    pub(crate) const fn binds(&self) -> bool {
        matches!(self, Self::Socks(_))
    }

    /// Who it is, for errors.
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Socks(proxy) => proxy.address().to_string(),
            Self::Http(proxy) => proxy.authority(),
            Self::UserAtHost { host, port } => format!("{host}:{port}"),
        }
    }

    /// What to tell it of a server. SOCKS 4 knows no names: there the first address stands for all connections.
    pub(crate) async fn target(&self, net: &Net, host: &str, port: u16) -> Result<Target, Error> {
        let mut target = Target::from((host, port));
        if let Self::Socks(proxy) = self
            && proxy.version() == Version::V4
            && target.address().is_none()
        {
            let unknown = |source| {
                let host = host.to_owned();
                Error::from(ErrorKind::Host { host, source })
            };
            let found = net.lookup(host).await.map_err(unknown)?;
            let found = found.into_iter().find(std::net::IpAddr::is_ipv4);
            let ip = found.ok_or_else(|| unknown(NetError::HostNotFound))?;
            target = Target::from((ip, port));
        }
        Ok(target)
    }

    /// A connection to `target`.
    pub(crate) async fn connect(
        &self,
        net: &Net,
        target: &Target,
        limit: Duration,
    ) -> Result<TcpStream, ProxyError> {
        let connect = async {
            match self {
                Self::Socks(proxy) => Ok(socks::connect(net, proxy, target.clone()).await?),
                Self::Http(proxy) => proxy.connect(net, target).await,
                Self::UserAtHost { host, port } => reach(net, host, *port).await,
            }
        };
        let clock = net.clock();
        let connected = clock.timeout(limit, connect).await;
        connected.unwrap_or(Err(ProxyError::TimedOut(limit)))
    }

    /// Has it wait for a connection of the server `target`.
    pub(crate) async fn bind(
        &self,
        net: &Net,
        target: &Target,
        limit: Duration,
    ) -> Result<Binding, ProxyError> {
        let Self::Socks(proxy) = self else {
            return Err(ProxyError::Unreachable(NetError::OpNotSupp));
        };
        let clock = net.clock();
        let bound = clock.timeout(limit, socks::bind(net, proxy, target.clone()));
        match bound.await {
            Ok(bound) => Ok(bound?),
            Err(_) => Err(ProxyError::TimedOut(limit)),
        }
    }

    pub(crate) fn failed(&self, source: ProxyError) -> Error {
        match source {
            ProxyError::TimedOut(_) => ErrorKind::TimedOut {
                phase: Phase::Connect,
            },
            source => ErrorKind::Proxy {
                host: self.authority(),
                source,
            },
        }
        .into()
    }
}

/// A connection to a proxy by name.
async fn reach(net: &Net, host: &str, port: u16) -> Result<TcpStream, ProxyError> {
    let addresses = net.lookup(host).await.map_err(ProxyError::Unreachable)?;
    let mut last = NetError::HostNotFound;
    for address in addresses {
        match net.connect_tcp(SocketAddr::new(address, port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(ProxyError::Unreachable(last))
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Socks(proxy) => match proxy.version() {
                Version::V4 => "socks4",
                Version::V4a => "socks4a",
                Version::V5 => "socks5",
            },
            Self::Http(_) => "http",
            Self::UserAtHost { .. } => "ftp",
        };
        write!(f, "{kind}://{}", self.authority())
    }
}
