//! What the options are on our own stack.

use super::Socket;
use crate::error::NetError;
use crate::option::{Membership, PathMtuDiscovery, SourceMembership};
use fairway_native::Errno;
use fairway_native::InterfaceId;
use fairway_native::sock::{MtuDiscovery, SocketOptions};
use fairway_native::tcp;
use fairway_native::tcp::Congestion;
use std::net::{IpAddr, Ipv4Addr};

/// Options of IP that route by source: loose and strict (RFC 791 §3.1).
const SOURCE_ROUTES: [u8; 2] = [131, 137];

impl Socket {
    /// An option that the sockets layer or IP keeps.
    pub(crate) fn common<T>(&self, get: impl FnOnce(&SocketOptions) -> T) -> Result<T, NetError> {
        self.look(|stack, id| Ok(get(stack.options(id)?)))
    }

    pub(crate) fn set_common(&self, set: impl FnOnce(&mut SocketOptions)) -> Result<(), NetError> {
        self.call(|stack, now, id| stack.set_options(now, id, set))
    }

    /// An option of TCP.
    pub(crate) fn tcp<T>(&self, get: impl FnOnce(&tcp::SocketOptions) -> T) -> Result<T, NetError> {
        self.look(|stack, id| Ok(get(stack.tcp_options(id)?)))
    }

    pub(crate) fn set_tcp(
        &self,
        set: impl FnOnce(&mut tcp::SocketOptions),
    ) -> Result<(), NetError> {
        self.call(|stack, now, id| stack.set_tcp_options(now, id, set))
    }

    /// An option that TCP keeps for its own sockets, and the sockets layer for the others.
    pub(crate) fn either<T>(
        &self,
        common: impl FnOnce(&SocketOptions) -> T,
        tcp: impl FnOnce(&tcp::SocketOptions) -> T,
    ) -> Result<T, NetError> {
        if self.is_tcp() {
            self.tcp(tcp)
        } else {
            self.common(common)
        }
    }

    pub(crate) fn set_either(
        &self,
        common: impl FnOnce(&mut SocketOptions),
        tcp: impl FnOnce(&mut tcp::SocketOptions),
    ) -> Result<(), NetError> {
        if self.is_tcp() {
            self.set_tcp(tcp)
        } else {
            self.set_common(common)
        }
    }

    pub(crate) fn is_listening(&self) -> Result<bool, NetError> {
        self.look(|stack, id| stack.is_listening(id))
    }

    pub(crate) fn device(&self) -> Result<Option<String>, NetError> {
        self.look(|stack, id| {
            let device = stack.options(id)?.device;
            let mut interfaces = stack.interfaces().iter();
            let found = interfaces.find(|interface| Some(interface.id()) == device);
            Ok(found.map(|interface| interface.name().to_owned()))
        })
    }

    pub(crate) fn set_device(&self, name: Option<&str>) -> Result<(), NetError> {
        self.call(|stack, now, id| {
            let device = match name {
                None | Some("") => None,
                Some(name) => {
                    let found = stack.interface_by_name(name);
                    Some(found.map_err(|_| Errno::NoDev)?)
                }
            };
            stack.set_options(now, id, |options| options.device = device)
        })
    }

    pub(crate) fn recv_buf(&self) -> Result<usize, NetError> {
        self.either(
            |options| options.recv_buf,
            |options| size(options.recv_buffer),
        )
    }

    pub(crate) fn set_recv_buf(&self, octets: usize) -> Result<(), NetError> {
        self.set_either(
            |options| options.recv_buf = octets,
            |options| options.recv_buffer = number(octets),
        )
    }

    pub(crate) fn send_buf(&self) -> Result<usize, NetError> {
        self.either(
            |options| options.send_buf,
            |options| size(options.send_buffer),
        )
    }

    pub(crate) fn set_send_buf(&self, octets: usize) -> Result<(), NetError> {
        self.set_either(
            |options| options.send_buf = octets,
            |options| options.send_buffer = number(octets),
        )
    }

    pub(crate) fn recv_low_water(&self) -> Result<i32, NetError> {
        self.tcp(|options| i32::try_from(options.recv_low_water).unwrap_or(i32::MAX))
    }

    pub(crate) fn set_recv_low_water(&self, octets: i32) -> Result<(), NetError> {
        // As BSD and Linux: negative is the most.
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        self.set_tcp(|options| options.recv_low_water = octets)
    }

    pub(crate) fn send_low_water(&self) -> Result<usize, NetError> {
        self.tcp(|options| size(options.send_low_water))
    }

    pub(crate) fn set_send_low_water(&self, octets: usize) -> Result<(), NetError> {
        self.set_tcp(|options| options.send_low_water = number(octets))
    }

    /// Whether receiving and sending were shut down.
    pub(crate) fn shutdowns(&self) -> Result<(bool, bool), NetError> {
        self.look(|stack, id| stack.shutdowns(id))
    }

    pub(crate) fn membership(&self, membership: Membership, join: bool) -> Result<(), NetError> {
        let IpAddr::V4(group) = membership.group else {
            return Err(NetError::AfNoSupport);
        };
        let interface = interface(membership.interface);
        self.call(|stack, now, id| {
            if join {
                stack.join(now, id, group, interface, None)
            } else {
                stack.leave(now, id, group, interface, None)
            }
        })
    }

    pub(crate) fn source_membership(
        &self,
        membership: SourceMembership,
        join: bool,
    ) -> Result<(), NetError> {
        let SourceMembership { group, source, .. } = membership;
        let interface = interface(membership.interface);
        self.call(|stack, now, id| {
            if join {
                stack.join(now, id, group, interface, Some(source))
            } else {
                stack.leave(now, id, group, interface, Some(source))
            }
        })
    }

    pub(crate) fn multicast_interface(&self) -> Result<u32, NetError> {
        self.common(|options| options.multicast_interface.map_or(0, |id| id.0))
    }

    pub(crate) fn set_multicast_interface(&self, index: u32) -> Result<(), NetError> {
        let chosen = interface(index);
        self.call(|stack, now, id| {
            let known = |chosen| {
                let mut interfaces = stack.interfaces().iter();
                interfaces.any(|interface| interface.id() == chosen)
            };
            if chosen.is_some_and(|chosen| !known(chosen)) {
                return Err(Errno::NoDev);
            }
            stack.set_options(now, id, |options| options.multicast_interface = chosen)
        })
    }

    /// The options of IP, behind the first hop of a source route among them, or 0.0.0.0; nothing if there are none.
    pub(crate) fn ip_options(&self) -> Result<Vec<u8>, NetError> {
        self.common(|options| match options.ip_options.as_deref() {
            None | Some([]) => Vec::new(),
            Some(octets) => {
                let mut all = first_hop(octets).octets().to_vec();
                all.extend_from_slice(octets);
                all
            }
        })
    }

    pub(crate) fn set_ip_options(&self, octets: Vec<u8>) -> Result<(), NetError> {
        let octets = (!octets.is_empty()).then(|| octets.into_boxed_slice());
        self.set_common(|options| options.ip_options = octets)
    }

    pub(crate) fn path_mtu(&self) -> Result<u32, NetError> {
        self.look(|stack, id| Ok(number(stack.path_mtu(id)?)))
    }

    pub(crate) fn path_mtu_discovery(&self) -> Result<PathMtuDiscovery, NetError> {
        self.common(|options| match options.mtu_discovery {
            MtuDiscovery::Off => PathMtuDiscovery::Off,
            MtuDiscovery::Want => PathMtuDiscovery::Want,
            MtuDiscovery::Always => PathMtuDiscovery::Always,
            MtuDiscovery::Probe => PathMtuDiscovery::Probe,
        })
    }

    pub(crate) fn set_path_mtu_discovery(&self, value: PathMtuDiscovery) -> Result<(), NetError> {
        let value = match value {
            PathMtuDiscovery::Off => MtuDiscovery::Off,
            PathMtuDiscovery::Want => MtuDiscovery::Want,
            PathMtuDiscovery::Always => MtuDiscovery::Always,
            PathMtuDiscovery::Probe => MtuDiscovery::Probe,
        };
        self.set_common(|options| options.mtu_discovery = value)
    }

    pub(crate) fn congestion(&self) -> Result<String, NetError> {
        self.tcp(|options| options.congestion.to_string())
    }

    pub(crate) fn set_congestion(&self, name: &str) -> Result<(), NetError> {
        let known = [Congestion::NewReno, Congestion::Cubic];
        let named = |known: &Congestion| {
            // Linux's name for it, too.
            known.to_string() == name || *known == Congestion::NewReno && name == "reno"
        };
        let congestion = known.into_iter().find(named).ok_or(NetError::NotFound)?;
        self.set_tcp(|options| options.congestion = congestion)
    }

    pub(crate) fn set_keep_count(&self, count: u32) -> Result<(), NetError> {
        let count = u8::try_from(count).map_err(|_| NetError::Inval)?;
        self.set_tcp(|options| options.keep_count = count)
    }

    /// What is in force on a connection, else what was set, else what a peer that says nothing takes.
    pub(crate) fn max_segment(&self) -> Result<u32, NetError> {
        self.look(|stack, id| Ok(stack.tcp_max_segment(id)?.into()))
    }

    pub(crate) fn set_max_segment(&self, octets: u32) -> Result<(), NetError> {
        let octets = u16::try_from(octets).map_err(|_| NetError::Inval)?;
        self.set_tcp(|options| options.max_segment = octets)
    }
}

/// Index 0 leaves the choice to the engine.
fn interface(index: u32) -> Option<InterfaceId> {
    (index != 0).then_some(InterfaceId(index))
}

fn size(octets: u32) -> usize {
    usize::try_from(octets).unwrap_or(usize::MAX)
}

fn number(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX)
}

/// The first address of a source route in `octets`, options of IP.
fn first_hop(mut octets: &[u8]) -> Ipv4Addr {
    loop {
        match octets {
            [1, rest @ ..] => octets = rest,
            [kind, length, rest @ ..] if *kind > 1 => {
                if SOURCE_ROUTES.contains(kind)
                    && let [_pointer, a, b, c, d, ..] = rest
                {
                    return Ipv4Addr::new(*a, *b, *c, *d);
                }
                match octets.get(usize::from(*length).max(2)..) {
                    Some(next) => octets = next,
                    None => return Ipv4Addr::UNSPECIFIED,
                }
            }
            _ => return Ipv4Addr::UNSPECIFIED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::first_hop;
    use std::net::Ipv4Addr;

    /// sockets.md §7.2: what is read back begins with the first hop.
    #[test]
    fn the_first_hop_is_that_of_the_source_route() {
        let timestamp = [68, 8, 5, 0, 0, 0, 0, 0];
        assert_eq!(first_hop(&timestamp), Ipv4Addr::UNSPECIFIED);
        let route = [1, 68, 4, 5, 0, 131, 7, 4, 192, 0, 2, 9, 0];
        assert_eq!(first_hop(&route), Ipv4Addr::new(192, 0, 2, 9));
        for cut in 0..route.len() {
            let _any = first_hop(route.get(..cut).unwrap());
        }
    }
}
