//! Socket options, typed, from one declaration.
//!
//! ```
//! use fairway_stack::{Family, Net, option};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # let _guard = runtime.enter();
//! let socket = Net::system().tcp_socket(Family::V4)?;
//! socket.set(option::NoDelay, true)?;
//! assert!(socket.get(option::NoDelay)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An option is a unit struct; [`set`](crate::TcpStream::set) and [`get`](crate::TcpStream::get) of a socket take it
//! and its value. Options that the kind of socket does not have do not compile; those that its address family does not
//! have give [`NetError::NoProtoOpt`](crate::NetError::NoProtoOpt).

use socket2::{Domain, Socket};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// What an option is, for documentation and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionInfo {
    /// The type's name here.
    pub name: &'static str,
    /// The names in C, the IPv6 one after a slash.
    pub symbol: &'static str,
    /// The type of the value.
    pub value: &'static str,
    /// The kinds of socket that have it.
    pub kinds: &'static [&'static str],
    /// It can be read.
    pub get: bool,
    /// It can be set.
    pub set: bool,
    /// What it does.
    pub doc: &'static str,
}

/// A socket option.
pub trait SocketOption: Copy {
    /// The type of its value.
    type Value;
    /// What it is.
    const INFO: OptionInfo;
}

/// An option that can be read. Implemented by the options of this module only.
pub trait GetOption: SocketOption {
    #[doc(hidden)]
    fn get_system(self, socket: &Socket) -> io::Result<Self::Value>;
}

/// An option that can be set. Implemented by the options of this module only.
pub trait SetOption: SocketOption {
    #[doc(hidden)]
    fn set_system(self, socket: &Socket, value: Self::Value) -> io::Result<()>;
}

/// An option that sockets of kind `K` have.
pub trait On<K>: SocketOption {}

/// Kinds of socket.
pub mod kind {
    /// TCP streams, listeners, and sockets that are neither yet.
    #[derive(Debug)]
    pub enum Tcp {}
    /// UDP sockets.
    #[derive(Debug)]
    pub enum Udp {}
    /// Raw sockets.
    #[derive(Debug)]
    pub enum Raw {}
    /// Local stream and datagram sockets.
    #[derive(Debug)]
    pub enum Local {}
}

/// A group and the interface to be a member on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Membership {
    /// The group.
    pub group: IpAddr,
    /// The interface's index; 0 lets the system choose.
    pub interface: u32,
}

/// Declares options: the type, its documentation, the traits, a line of [`TABLE`].
macro_rules! options {
    (@get $name:ident $socket:ident => $get:expr) => {
        impl GetOption for $name {
            fn get_system(self, $socket: &Socket) -> io::Result<Self::Value> {
                $get
            }
        }
    };
    (@set $name:ident $socket:ident, $value:ident => $set:expr) => {
        impl SetOption for $name {
            fn set_system(self, $socket: &Socket, $value: Self::Value) -> io::Result<()> {
                $set
            }
        }
    };
    (@has) => { false };
    (@has $($some:tt)+) => { true };
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $type:ty = $symbol:literal on [$($kind:ident)+]
        $(get |$get_socket:ident| $get:expr)?
        $(, set |$set_socket:ident, $value:ident| $set:expr)?;
    )+) => {
        $(
            $(#[doc = $doc])+
            #[doc = concat!("\n`", $symbol, "`.")]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub struct $name;

            impl SocketOption for $name {
                type Value = $type;
                const INFO: OptionInfo = OptionInfo {
                    name: stringify!($name),
                    symbol: $symbol,
                    value: stringify!($type),
                    kinds: &[$(stringify!($kind)),+],
                    get: options!(@has $($get)?),
                    set: options!(@has $($set)?),
                    doc: concat!($($doc),+),
                };
            }

            $(impl On<kind::$kind> for $name {})+
            $(options!(@get $name $get_socket => $get);)?
            $(options!(@set $name $set_socket, $value => $set);)?
        )+

        /// Every option.
        pub const TABLE: &[OptionInfo] = &[$($name::INFO),+];
    };
}

options! {
    /// Small writes go out at once instead of being gathered (Nagle's algorithm off).
    NoDelay: bool = "TCP_NODELAY" on [Tcp]
        get |socket| socket.tcp_nodelay(), set |socket, value| socket.set_tcp_nodelay(value);
    /// A local address that a connection used a short while ago may be bound; several sockets may share a group's.
    ReuseAddr: bool = "SO_REUSEADDR" on [Tcp Udp Raw]
        get |socket| socket.reuse_address(), set |socket, value| socket.set_reuse_address(value);
    /// Datagrams may be sent to broadcast addresses.
    Broadcast: bool = "SO_BROADCAST" on [Udp Raw]
        get |socket| socket.broadcast(), set |socket, value| socket.set_broadcast(value);
    /// What closing does with unsent data: `None` sends it in the background, zero aborts the connection.
    Linger: Option<Duration> = "SO_LINGER" on [Tcp]
        get |socket| socket.linger(), set |socket, value| socket.set_linger(value);
    /// Idle connections are probed.
    KeepAlive: bool = "SO_KEEPALIVE" on [Tcp]
        get |socket| socket.keepalive(), set |socket, value| socket.set_keepalive(value);
    /// Octets of the receive buffer. Linux gives twice what is asked for, for its own use.
    RecvBuf: usize = "SO_RCVBUF" on [Tcp Udp Raw Local]
        get |socket| socket.recv_buffer_size(), set |socket, value| socket.set_recv_buffer_size(value);
    /// Octets of the send buffer. Linux gives twice what is asked for, for its own use.
    SendBuf: usize = "SO_SNDBUF" on [Tcp Udp Raw Local]
        get |socket| socket.send_buffer_size(), set |socket, value| socket.set_send_buffer_size(value);
    /// An IPv6 socket carries IPv6 only.
    V6Only: bool = "IPV6_V6ONLY" on [Tcp Udp]
        get |socket| socket.only_v6(), set |socket, value| socket.set_only_v6(value);
    /// Joins a group on an interface.
    JoinGroup: Membership = "IP_ADD_MEMBERSHIP/IPV6_JOIN_GROUP" on [Udp Raw]
        , set |socket, value| membership(socket, value, true);
    /// Leaves a group on an interface.
    LeaveGroup: Membership = "IP_DROP_MEMBERSHIP/IPV6_LEAVE_GROUP" on [Udp Raw]
        , set |socket, value| membership(socket, value, false);
}

/// `ENOPROTOOPT`: the socket's family does not have the option.
fn not_here() -> io::Error {
    crate::NetError::NoProtoOpt.into()
}

fn membership(
    socket: &Socket,
    Membership { group, interface }: Membership,
    join: bool,
) -> io::Result<()> {
    let by_index = socket2::InterfaceIndexOrAddress::Index(interface);
    match (group, socket.domain()?) {
        (IpAddr::V4(group), Domain::IPV4) if join => socket.join_multicast_v4_n(&group, &by_index),
        (IpAddr::V4(group), Domain::IPV4) => socket.leave_multicast_v4_n(&group, &by_index),
        (IpAddr::V6(group), Domain::IPV6) if join => socket.join_multicast_v6(&group, interface),
        (IpAddr::V6(group), Domain::IPV6) => socket.leave_multicast_v6(&group, interface),
        _ => Err(not_here()),
    }
}
