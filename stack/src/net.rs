//! The handle every program holds.

use crate::backend::Backend;
use crate::error::NetError;
use crate::local::{LocalAddr, LocalDatagram, LocalListener, LocalStream};
use crate::manage::Manage;
use crate::native::Host;
use crate::raw::{IpProtocol, RawSocket};
use crate::tcp::{TcpListener, TcpSocket, TcpStream};
use crate::udp::UdpSocket;
use crate::{Clock, Files, Interface, Rng, Task, resolve};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Connections that may wait to be accepted, for listeners that do not say: the system caps it at its own limit.
pub const BACKLOG: u32 = 1024;

/// A host's network: the only source of sockets, time, randomness, files, names and tasks.
///
/// Cheap to clone; clones are the same host. What it makes lives on the tokio runtime it is used on, which must have
/// I/O and time enabled for [the machine's own](Self::system), and nothing for a [native](crate::native::Host) one in
/// virtual time.
#[derive(Clone, Debug)]
pub struct Net {
    inner: Backend<Clock, Host>,
}

impl Net {
    /// The machine's own stack. Its clock starts now.
    #[must_use]
    pub fn system() -> Self {
        Self {
            inner: Backend::System(Clock::system()),
        }
    }

    /// A host of our own stack.
    pub(crate) const fn native(host: Host) -> Self {
        Self {
            inner: Backend::Native(host),
        }
    }

    /// Whether it is the machine's own stack, with its files and users, and not a host of ours.
    #[must_use]
    pub const fn is_system(&self) -> bool {
        matches!(self.inner, Backend::System(_))
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        on_backend!(&self.inner, clock => clock.clone(), host => host.clock().clone())
    }

    /// A new source of random numbers.
    #[must_use]
    pub fn rng(&self) -> Rng {
        match &self.inner {
            Backend::System(_) => Rng::from_system(),
            Backend::Native(host) => host.rng(),
        }
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> Files {
        match &self.inner {
            Backend::System(_) => Files::system(),
            Backend::Native(host) => Files::native(host.files().clone()),
        }
    }

    /// Runs `future` as a task of this host.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match &self.inner {
            Backend::System(_) => Task::system(future),
            Backend::Native(host) => Task::native(host, future),
        }
    }

    /// The addresses of a host, in the order the resolver prefers. A numeric address is its own answer.
    ///
    /// # Errors
    /// [`NetError::HostNotFound`]; [`NetError::TryAgain`] if no name server answered.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn lookup(&self, host: &str) -> Result<Vec<IpAddr>, NetError> {
        match &self.inner {
            Backend::System(_) => resolve::lookup(host).await,
            Backend::Native(native) => native.lookup(host),
        }
    }

    /// The name of an address, if it has one.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn reverse_lookup(&self, address: IpAddr) -> Option<String> {
        match &self.inner {
            Backend::System(_) => resolve::reverse_lookup(address).await,
            Backend::Native(host) => host.reverse_lookup(address),
        }
    }

    /// The name of this host.
    #[must_use]
    pub fn host_name(&self) -> String {
        match &self.inner {
            Backend::System(_) => resolve::host_name(),
            Backend::Native(host) => host.name().to_owned(),
        }
    }

    /// The interfaces of this host, by index.
    ///
    /// # Errors
    /// The system's.
    pub fn interfaces(&self) -> Result<Vec<Interface>, NetError> {
        match &self.inner {
            Backend::System(_) => crate::manage::system_interfaces(),
            Backend::Native(host) => host.interfaces(),
        }
    }

    /// The administrator's side: routes, neighbours, counters, parameters.
    #[must_use]
    pub fn manage(&self) -> Manage {
        match &self.inner {
            Backend::System(_) => Manage::system(),
            Backend::Native(host) => Manage::native(host.clone()),
        }
    }

    /// Connects to `peer` from any address and port, within [`CONNECT_TIME_LIMIT`](crate::CONNECT_TIME_LIMIT).
    ///
    /// # Errors
    /// As [`TcpSocket::connect`].
    ///
    /// # Cancel safety
    /// Dropping it abandons the attempt.
    pub async fn connect_tcp(&self, peer: SocketAddr) -> Result<TcpStream, NetError> {
        self.tcp_socket(Family::of(&peer))?.connect(peer).await
    }

    /// A TCP socket to set options on and bind before it connects or listens.
    ///
    /// # Errors
    /// [`NetError::TooManyFiles`] (SOC-2), [`NetError::AfNoSupport`] if the host has no such family (SOC-3).
    pub fn tcp_socket(&self, family: Family) -> Result<TcpSocket, NetError> {
        on_backend!(&self.inner,
            clock => TcpSocket::system(family, clock.clone()),
            host => TcpSocket::native(host, family),
        )
    }

    /// Listens on `local`, port 0 meaning any free one. Addresses of connections that ended a short while ago do not
    /// stand in the way (`SO_REUSEADDR`). An IPv6 wildcard does not cover IPv4.
    ///
    /// # Errors
    /// [`NetError::AddrInUse`], [`NetError::AddrNotAvail`], [`NetError::Access`] for a port below 1024 without the
    /// privilege.
    pub fn listen_tcp(&self, local: SocketAddr) -> Result<TcpListener, NetError> {
        let socket = self.tcp_socket(Family::of(&local))?;
        socket.set(crate::option::ReuseAddr, true)?;
        socket.bind(local)?;
        socket.listen(BACKLOG)
    }

    /// A UDP socket that is not bound.
    ///
    /// # Errors
    /// [`NetError::TooManyFiles`] (SOC-2), [`NetError::AfNoSupport`] if the host has no such family (SOC-3).
    pub fn udp_socket(&self, family: Family) -> Result<UdpSocket, NetError> {
        match &self.inner {
            Backend::System(_) => UdpSocket::system(family, None),
            Backend::Native(host) => UdpSocket::native(host, family, None),
        }
    }

    /// A UDP socket bound to `local`, port 0 meaning any free one. An IPv6 wildcard does not cover IPv4.
    ///
    /// # Errors
    /// [`NetError::AddrInUse`], [`NetError::AddrNotAvail`], [`NetError::Access`] for a port below 1024 without the
    /// privilege.
    pub fn bind_udp(&self, local: SocketAddr) -> Result<UdpSocket, NetError> {
        match &self.inner {
            Backend::System(_) => UdpSocket::system(Family::of(&local), Some(local)),
            Backend::Native(host) => UdpSocket::native(host, Family::of(&local), Some(local)),
        }
    }

    /// A socket for the packets of one IP protocol.
    ///
    /// # Errors
    /// [`NetError::Perm`] without the privilege to make one.
    pub fn raw_socket(&self, family: Family, protocol: IpProtocol) -> Result<RawSocket, NetError> {
        match &self.inner {
            Backend::System(_) => RawSocket::system(family, protocol),
            Backend::Native(host) => RawSocket::native(host, family, protocol),
        }
    }

    /// Connects to a local stream socket. Has no time limit (LIP-4).
    ///
    /// # Errors
    /// [`NetError::NotFound`] if there is no such file, [`NetError::ConnRefused`] if nobody listens,
    /// [`NetError::Access`] without the right to write to it.
    ///
    /// # Cancel safety
    /// Dropping it abandons the attempt.
    pub async fn connect_local(&self, peer: &LocalAddr) -> Result<LocalStream, NetError> {
        match &self.inner {
            Backend::System(_) => LocalStream::connect_system(peer).await,
            Backend::Native(host) => LocalStream::connect_native(host, peer).await,
        }
    }

    /// Listens on a local stream socket. A socket file that nobody listens on any more is replaced; the file made is
    /// removed when the listener is dropped.
    ///
    /// # Errors
    /// [`NetError::AddrInUse`], [`NetError::NotFound`] if the directory is missing, [`NetError::Access`].
    pub fn listen_local(&self, local: &LocalAddr) -> Result<LocalListener, NetError> {
        match &self.inner {
            Backend::System(_) => LocalListener::listen_system(local, BACKLOG),
            Backend::Native(host) => LocalListener::listen_native(host, local, BACKLOG),
        }
    }

    /// A local datagram socket bound to `local`; [`LocalAddr::Unnamed`] makes the system choose a name (LIP-3). A
    /// socket file that nobody holds any more is replaced; the file made is removed when the socket is dropped.
    ///
    /// # Errors
    /// [`NetError::AddrInUse`], [`NetError::NotFound`] if the directory is missing, [`NetError::Access`].
    pub fn bind_local_datagram(&self, local: &LocalAddr) -> Result<LocalDatagram, NetError> {
        match &self.inner {
            Backend::System(_) => LocalDatagram::bind_to_system(local),
            Backend::Native(host) => LocalDatagram::native(host, Some(local)),
        }
    }

    /// A local datagram socket without a name: it can send, but not be answered.
    ///
    /// # Errors
    /// [`NetError::TooManyFiles`] (SOC-2).
    pub fn local_datagram(&self) -> Result<LocalDatagram, NetError> {
        match &self.inner {
            Backend::System(_) => LocalDatagram::unbound_system(),
            Backend::Native(host) => LocalDatagram::native(host, None),
        }
    }
}

/// A family of Internet addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6. Sockets of this family do not carry IPv4 unless [`option::V6Only`](crate::option::V6Only) is cleared
    /// before binding.
    V6,
}

impl Family {
    /// The family of `address`.
    #[must_use]
    pub const fn of(address: &SocketAddr) -> Self {
        match address {
            SocketAddr::V4(_) => Self::V4,
            SocketAddr::V6(_) => Self::V6,
        }
    }

    /// The wildcard: every local address.
    #[must_use]
    pub const fn unspecified(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    /// This host, as it names itself: `127.0.0.1` or `::1`.
    #[must_use]
    pub const fn loopback(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Self::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
        }
    }

    /// The engine speaks IPv4 only.
    pub(crate) const fn on_native(self) -> Result<(), NetError> {
        match self {
            Self::V4 => Ok(()),
            Self::V6 => Err(NetError::AfNoSupport),
        }
    }

    pub(crate) const fn domain(self) -> socket2::Domain {
        match self {
            Self::V4 => socket2::Domain::IPV4,
            Self::V6 => socket2::Domain::IPV6,
        }
    }
}

/// The ports that only the superuser may bind and that old services take as the sign of one.
const RESERVED: std::ops::RangeInclusive<u16> = 512..=1023;

/// Binds to a free reserved port through `bind`, trying them in order from a random one.
pub(crate) fn bind_reserved(
    family: Family,
    rng: &mut Rng,
    bind: impl Fn(SocketAddr) -> Result<(), NetError>,
) -> Result<(), NetError> {
    let count = u32::try_from(RESERVED.len()).unwrap_or(0);
    let skipped = usize::try_from(rng.below(count)).unwrap_or(0);
    for port in RESERVED.cycle().skip(skipped).take(RESERVED.len()) {
        match bind(SocketAddr::new(family.unspecified(), port)) {
            Err(NetError::AddrInUse) => {}
            result => return result,
        }
    }
    Err(NetError::AddrInUse)
}
