//! What the options are on the system's stack.

use crate::error::NetError;
use crate::manage::system_interfaces;
use crate::option::{Membership, PathMtuDiscovery, SocketType};
use nix::sys::socket::sockopt::SetOsString as SetOctets;
use nix::sys::socket::{GetSockOpt, SetSockOpt, getsockopt, setsockopt};
use nix::{getsockopt_impl, libc, setsockopt_impl, sockopt_impl};
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery as V4, Ipv6PathMtuDiscovery as V6, ip_mtu_discover, ipv6_mtu_discover,
    set_ip_mtu_discover, set_ip_multicast_if_with_ifindex, set_ipv6_mtu_discover,
};
use socket2::{Domain, InterfaceIndexOrAddress, Socket};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

// What neither socket2 nor nix nor rustix names is declared with nix's macro for that purpose. The macro's own code
// makes the system call; what we answer for is that the kernel reads and writes a value of exactly the type given here
// (`ip(7)`, `ipv6(7)`, `socket(7)`: an `int` each, and for IP_OPTIONS octets with their length).

sockopt_impl!(
    RouterAlertV4,
    Both,
    libc::IPPROTO_IP,
    libc::IP_ROUTER_ALERT,
    i32
);
sockopt_impl!(
    RouterAlertV6,
    Both,
    libc::IPPROTO_IPV6,
    libc::IPV6_ROUTER_ALERT,
    i32
);
sockopt_impl!(
    RouterAlertIsolate,
    Both,
    libc::IPPROTO_IPV6,
    IPV6_ROUTER_ALERT_ISOLATE,
    bool
);
sockopt_impl!(RecvLowWater, Both, libc::SOL_SOCKET, libc::SO_RCVLOWAT, i32);
sockopt_impl!(Debug, Both, libc::SOL_SOCKET, libc::SO_DEBUG, bool);
sockopt_impl!(NoCheck, Both, libc::SOL_SOCKET, libc::SO_NO_CHECK, bool);
sockopt_impl!(
    ChecksumOffset,
    Both,
    libc::IPPROTO_IPV6,
    libc::IPV6_CHECKSUM,
    i32
);
sockopt_impl!(
    SendOptions,
    SetOnly,
    libc::IPPROTO_IP,
    libc::IP_OPTIONS,
    std::ffi::OsString,
    SetOctets<'_>
);

/// Of `linux/in6.h`; libc has it for some targets only.
const IPV6_ROUTER_ALERT_ISOLATE: libc::c_int = 30;

/// `ENOPROTOOPT`: the socket's family does not have the option.
fn not_here() -> io::Error {
    NetError::NoProtoOpt.into()
}

fn is_v6(socket: &Socket) -> io::Result<bool> {
    match socket.domain()? {
        Domain::IPV4 => Ok(false),
        Domain::IPV6 => Ok(true),
        _ => Err(not_here()),
    }
}

/// The socket, if it is of IPv4.
pub(crate) fn of_v4(socket: &Socket) -> io::Result<&Socket> {
    if is_v6(socket)? {
        Err(not_here())
    } else {
        Ok(socket)
    }
}

/// The socket, if it is of IPv6.
pub(crate) fn of_v6(socket: &Socket) -> io::Result<&Socket> {
    if is_v6(socket)? {
        Ok(socket)
    } else {
        Err(not_here())
    }
}

/// An option that the system keeps as an int although its values are octets.
pub(crate) fn octet(value: u32) -> io::Result<u8> {
    u8::try_from(value).map_err(|_| io::ErrorKind::InvalidData.into())
}

pub(crate) fn seconds(span: Duration) -> io::Result<u32> {
    u32::try_from(span.as_secs()).map_err(|_| NetError::Inval.into())
}

pub(crate) fn socket_type(socket: &Socket) -> io::Result<SocketType> {
    match socket.r#type()? {
        socket2::Type::STREAM => Ok(SocketType::Stream),
        socket2::Type::DGRAM => Ok(SocketType::Datagram),
        socket2::Type::RAW => Ok(SocketType::Raw),
        socket2::Type::SEQPACKET => Ok(SocketType::SeqPacket),
        _ => Err(NetError::SockTNoSupport.into()),
    }
}

pub(crate) fn membership(
    socket: &Socket,
    Membership { group, interface }: Membership,
    join: bool,
) -> io::Result<()> {
    let by_index = InterfaceIndexOrAddress::Index(interface);
    match (group, is_v6(socket)?) {
        (IpAddr::V4(group), false) if join => socket.join_multicast_v4_n(&group, &by_index),
        (IpAddr::V4(group), false) => socket.leave_multicast_v4_n(&group, &by_index),
        (IpAddr::V6(group), true) if join => socket.join_multicast_v6(&group, interface),
        (IpAddr::V6(group), true) => socket.leave_multicast_v6(&group, interface),
        _ => Err(NetError::AfNoSupport.into()),
    }
}

/// The first IPv4 address of an interface; the wildcard for index 0.
pub(crate) fn interface_address(index: u32) -> io::Result<Ipv4Addr> {
    if index == 0 {
        return Ok(Ipv4Addr::UNSPECIFIED);
    }
    let interfaces = system_interfaces()?;
    let interface = interfaces
        .iter()
        .find(|interface| interface.index == index)
        .ok_or(NetError::NoDev)?;
    let mut addresses = interface
        .addresses
        .iter()
        .filter_map(|address| match address.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
    Ok(addresses.next().unwrap_or(Ipv4Addr::UNSPECIFIED))
}

pub(crate) fn multicast_interface(socket: &Socket) -> io::Result<u32> {
    if is_v6(socket)? {
        return socket.multicast_if_v6();
    }
    // IPv4 tells the address that was set along with the index.
    let address = IpAddr::V4(socket.multicast_if_v4()?);
    if address.is_unspecified() {
        return Ok(0);
    }
    let interfaces = system_interfaces()?;
    let of_address = interfaces
        .iter()
        .find(|interface| {
            interface
                .addresses
                .iter()
                .any(|candidate| candidate.address == address)
        })
        .ok_or(NetError::AddrNotAvail)?;
    Ok(of_address.index)
}

pub(crate) fn set_multicast_interface(socket: &Socket, index: u32) -> io::Result<()> {
    if is_v6(socket)? {
        return socket.set_multicast_if_v6(index);
    }
    let address = interface_address(index)?;
    Ok(set_ip_multicast_if_with_ifindex(
        socket,
        &Ipv4Addr::UNSPECIFIED,
        &address,
        index,
    )?)
}

pub(crate) fn path_mtu_discovery(socket: &Socket) -> io::Result<PathMtuDiscovery> {
    if is_v6(socket)? {
        match ipv6_mtu_discover(socket)? {
            V6::DONT => Ok(PathMtuDiscovery::Off),
            V6::WANT => Ok(PathMtuDiscovery::Want),
            V6::DO => Ok(PathMtuDiscovery::Always),
            V6::PROBE => Ok(PathMtuDiscovery::Probe),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    } else {
        match ip_mtu_discover(socket)? {
            V4::DONT => Ok(PathMtuDiscovery::Off),
            V4::WANT => Ok(PathMtuDiscovery::Want),
            V4::DO => Ok(PathMtuDiscovery::Always),
            V4::PROBE => Ok(PathMtuDiscovery::Probe),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

pub(crate) fn set_path_mtu_discovery(socket: &Socket, value: PathMtuDiscovery) -> io::Result<()> {
    let (four, six) = match value {
        PathMtuDiscovery::Off => (V4::DONT, V6::DONT),
        PathMtuDiscovery::Want => (V4::WANT, V6::WANT),
        PathMtuDiscovery::Always => (V4::DO, V6::DO),
        PathMtuDiscovery::Probe => (V4::PROBE, V6::PROBE),
    };
    if is_v6(socket)? {
        Ok(set_ipv6_mtu_discover(socket, six)?)
    } else {
        Ok(set_ip_mtu_discover(socket, four)?)
    }
}

/// What the option of the socket's family does.
pub(crate) fn by_family<T>(
    socket: &Socket,
    v4: impl FnOnce(&Socket) -> io::Result<T>,
    v6: impl FnOnce(&Socket) -> io::Result<T>,
) -> io::Result<T> {
    if is_v6(socket)? {
        v6(socket)
    } else {
        v4(socket)
    }
}

/// Reads an option that nix declares.
pub(crate) fn get<O: GetSockOpt>(socket: &Socket, option: O) -> io::Result<O::Val> {
    Ok(getsockopt(socket, option)?)
}

/// Sets an option that nix declares.
pub(crate) fn set<O: SetSockOpt>(socket: &Socket, option: O, value: &O::Val) -> io::Result<()> {
    Ok(setsockopt(socket, option, value)?)
}
