//! Control messages: what accompanies a datagram beside its octets (`cmsg(3)`).

use nix::libc;
use nix::sys::socket::{ControlMessageOwned, RecvMsg, SockaddrStorage};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for what we ask for: packet information of either family, and the TTL, aligned as `cmsghdr` wants it.
#[repr(align(8))]
pub(crate) struct ReceiveSpace(pub(crate) [u8; 128]);

impl ReceiveSpace {
    pub(crate) const fn new() -> Self {
        Self([0; 128])
    }
}

/// What the control messages of a datagram said.
#[derive(Clone, Copy, Default)]
pub(crate) struct Arrival {
    pub(crate) destination: Option<IpAddr>,
    pub(crate) local: Option<IpAddr>,
    pub(crate) interface: Option<u32>,
    pub(crate) ttl: Option<u8>,
}

impl Arrival {
    /// Reads them; what we did not ask for is passed over.
    pub(crate) fn of<A>(message: &RecvMsg<'_, '_, A>) -> Self {
        let mut arrival = Self::default();
        let Ok(controls) = message.cmsgs() else {
            return arrival; // The list was cut.
        };
        for control in controls {
            match control {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    arrival.destination = Some(IpAddr::V4(address_v4(info.ipi_addr)));
                    arrival.local = Some(IpAddr::V4(address_v4(info.ipi_spec_dst)));
                    arrival.interface = u32::try_from(info.ipi_ifindex).ok();
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    let destination = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    arrival.destination = Some(IpAddr::V6(destination));
                    arrival.local =
                        (!destination.is_multicast()).then_some(IpAddr::V6(destination));
                    arrival.interface = Some(info.ipi6_ifindex);
                }
                ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                    arrival.ttl = u8::try_from(ttl).ok();
                }
                _ => {}
            }
        }
        arrival
    }
}

/// The address in `in_addr`, which is in network order.
fn address_v4(address: libc::in_addr) -> Ipv4Addr {
    Ipv4Addr::from(u32::from_be(address.s_addr))
}

/// The system's address as ours; `None` if it is of no Internet family.
pub(crate) fn socket_addr(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(&v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::V4(SocketAddrV4::from(v4)));
    }
    address
        .as_sockaddr_in6()
        .map(|&v6| SocketAddr::V6(SocketAddrV6::from(v6)))
}

/// Octets of a `cmsghdr`: length, level, type.
const HEADER: usize = size_of::<usize>() + 8;

/// Control messages to send along, encoded without allocation.
pub(crate) struct SendControl {
    octets: [u8; 96],
    used: usize,
}

impl SendControl {
    pub(crate) const fn new() -> Self {
        Self {
            octets: [0; 96],
            used: 0,
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.used).unwrap_or(&[])
    }

    /// Source address and outgoing interface of an IPv4 datagram.
    pub(crate) fn packet_info_v4(&mut self, source: Ipv4Addr, interface: u32) {
        let [a, b, c, d] = interface.to_ne_bytes();
        let [s, o, u, r] = source.octets();
        // struct in_pktinfo { int ipi_ifindex; in_addr ipi_spec_dst; in_addr ipi_addr; }
        self.push(
            libc::IPPROTO_IP,
            libc::IP_PKTINFO,
            &[a, b, c, d, s, o, u, r, 0, 0, 0, 0],
        );
    }

    /// Source address and outgoing interface of an IPv6 datagram.
    pub(crate) fn packet_info_v6(&mut self, source: Ipv6Addr, interface: u32) {
        // struct in6_pktinfo { in6_addr ipi6_addr; unsigned int ipi6_ifindex; } (RFC 3542 §6.1)
        let mut info = [0; 20];
        let (address, index) = info.split_at_mut(16);
        address.copy_from_slice(&source.octets());
        index.copy_from_slice(&interface.to_ne_bytes());
        self.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
    }

    pub(crate) fn ttl_v4(&mut self, ttl: u8) {
        self.push(
            libc::IPPROTO_IP,
            libc::IP_TTL,
            &i32::from(ttl).to_ne_bytes(),
        );
    }

    pub(crate) fn hop_limit_v6(&mut self, hops: u8) {
        self.push(
            libc::IPPROTO_IPV6,
            libc::IPV6_HOPLIMIT,
            &i32::from(hops).to_ne_bytes(),
        );
    }

    fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let length = HEADER + data.len();
        let space = length.next_multiple_of(size_of::<usize>());
        let Some(out) = self.octets.get_mut(self.used..self.used + space) else {
            return; // 96 octets hold one packet information (40) and one TTL (24), all that is ever pushed.
        };
        let (header, rest) = out.split_at_mut(HEADER);
        let (length_field, kinds) = header.split_at_mut(size_of::<usize>());
        length_field.copy_from_slice(&length.to_ne_bytes());
        let (level_field, kind_field) = kinds.split_at_mut(4);
        level_field.copy_from_slice(&level.to_ne_bytes());
        kind_field.copy_from_slice(&kind.to_ne_bytes());
        if let Some(body) = rest.get_mut(..data.len()) {
            body.copy_from_slice(data);
        }
        self.used += space;
    }
}
