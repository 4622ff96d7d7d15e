//! The sockets: those of a service manager or our own, and what the table says about them.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use fairway_portmap::address::{self, Netid};
use fairway_portmap::config::Config;
use fairway_portmap::core::Core;
use fairway_rpc::Listener;
use fairway_stack::{Family, LocalAddr, LocalListener, Net, NetError, TcpListener, UdpSocket};
use listenfd::ListenFd;
use nix::sys::stat::{Mode, umask};
use tracing::{debug, warn};

/// rpcbind's multicast group: libtirpc's broadcasts over IPv6 go there.
const RPCB_MULTICAST: &str = "ff02::202";

/// Sockets from a service manager.
pub(crate) fn adopted(mut activated: ListenFd) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    for at in 0..activated.len() {
        // Each kind is tried in turn; what does not fit is left in place.
        let listener = if let Ok(Some(listener)) = activated.take_tcp_listener(at) {
            TcpListener::from_std(listener).map(Listener::from)
        } else if let Ok(Some(socket)) = activated.take_udp_socket(at) {
            UdpSocket::from_std(socket).map(Listener::from)
        } else if let Ok(Some(listener)) = activated.take_unix_listener(at) {
            LocalListener::from_std(listener).map(Listener::from)
        } else {
            return Err(format!("descriptor {} is no socket to serve on", at + 3));
        };
        listeners.push(listener.map_err(|error| format!("descriptor {}: {error}", at + 3))?);
    }
    Ok(listeners)
}

/// Sockets of our own, in the order in which rpcbind makes them.
pub(crate) fn made(net: &Net, config: &Config) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    if !config.socket.as_os_str().is_empty() {
        listeners.push(local_listener(net, &config.socket)?.into());
        if config.abstract_socket {
            let name = config.socket.as_os_str().as_encoded_bytes();
            match net.listen_local(&LocalAddr::abstract_name(name)) {
                Ok(listener) => listeners.push(listener.into()),
                // Two network namespaces may share one; the path is what matters.
                Err(error) => warn!(%error, "cannot listen on the abstract socket"),
            }
        }
    }
    for v6 in [false, true] {
        let mut served = false;
        let of_family =
            |addresses: Vec<IpAddr>| addresses.into_iter().filter(move |a| a.is_ipv6() == v6);
        for address in of_family(config.udp_addresses()) {
            let address = SocketAddr::new(address, config.port);
            served |= kept("udp", address, net.bind_udp(address), &mut listeners)?;
        }
        for address in of_family(config.listen.clone()) {
            let address = SocketAddr::new(address, config.port);
            served |= kept("tcp", address, net.listen_tcp(address), &mut listeners)?;
        }
        if !served {
            debug!(v6, "no address of this family");
        }
    }
    if listeners.is_empty() {
        return Err("no address to serve on".to_owned());
    }
    Ok(listeners)
}

/// Keeps a listener that came to be. A machine without IPv6, or an address that is not there, is no reason not to serve on the others.
fn kept(
    kind: &str,
    address: SocketAddr,
    made: Result<impl Into<Listener>, NetError>,
    listeners: &mut Vec<Listener>,
) -> Result<bool, String> {
    match made {
        Ok(listener) => {
            listeners.push(listener.into());
            Ok(true)
        }
        Err(error @ (NetError::AfNoSupport | NetError::AddrNotAvail)) => {
            warn!(%error, kind, %address, "cannot listen");
            Ok(false)
        }
        Err(error) => Err(format!("{kind} {address}: {}", said(&error))),
    }
}

/// The error, and its usual cause.
fn said(error: &NetError) -> String {
    match error {
        NetError::AddrInUse => format!("{error}: is rpcbind running?"),
        error => error.to_string(),
    }
}

/// The local socket, writable for everybody from its first moment: who connects is told by the system.
fn local_listener(net: &Net, path: &Path) -> Result<LocalListener, String> {
    let old = umask(Mode::S_IXUSR | Mode::S_IXGRP | Mode::S_IXOTH);
    let listener = net.listen_local(&LocalAddr::path(path));
    umask(old);
    listener.map_err(|error| format!("{}: {}", path.display(), said(&error)))
}

/// Joins rpcbind's group on every interface that can; on those that come later, the next start does.
pub(crate) fn join_group(net: &Net) -> Option<UdpSocket> {
    let group: IpAddr = RPCB_MULTICAST.parse().ok()?;
    let socket = net.udp_socket(Family::V6).ok()?;
    for interface in net.interfaces().unwrap_or_default() {
        let v6 = interface.addresses.iter().any(|a| a.address.is_ipv6());
        if !(interface.multicast && v6) {
            continue;
        }
        match socket.join_group(group, interface.index) {
            Ok(()) => debug!(interface = interface.name, "joined rpcbind's group"),
            Err(error) => debug!(interface = interface.name, %error, "cannot join rpcbind's group"),
        }
    }
    Some(socket)
}

/// Puts the portmapper's own registration for a listener into the table.
pub(crate) fn register(core: &mut Core, listener: &Listener) {
    let ip = |v4: Netid, v6: Netid, address: Result<SocketAddr, NetError>| {
        let address = address.ok()?;
        let netid = if address.is_ipv4() { v4 } else { v6 };
        Some((netid, address::universal(address)))
    };
    let own = match listener {
        Listener::Tcp(listener) => ip(Netid::Tcp, Netid::Tcp6, listener.local_addr()),
        Listener::Udp(socket) => ip(Netid::Udp, Netid::Udp6, socket.local_addr()),
        Listener::Local(listener) => match listener.local_addr() {
            Ok(LocalAddr::Path(path)) => Some((Netid::Local, path.display().to_string())),
            _ => None,
        },
        _ => None,
    };
    if let Some((netid, address)) = own {
        core.register_self(&netid, &address);
    }
}
