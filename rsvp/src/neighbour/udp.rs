//! Messages in UDP: RFC 2205 appendix C.
//!
//! | Node | sends, D unicast | sends, D multicast | hears |
//! |---|---|---|---|
//! | host without raw sockets (Hu) | UDP(D or Ra, Pu) | UDP(G*, Pu) | UDP(D, Pu), UDP(D, Pu′), UDP(G*, Pu) |
//! | router, other host | raw, and if UDP is on UDP(D, Pu′) | the same | raw, UDP(Ra, Pu), UDP(G*, Pu) |

use std::net::{IpAddr, Ipv4Addr};

use super::Via;
use crate::interface::UdpEncapsulation;

/// *Pu*: hosts without raw sockets send to it.
pub(super) const PU: u16 = 1698;
/// *Pu′*: the others send to it.
pub(super) const PU_PRIME: u16 = 1699;
/// *G**: all that are on the link.
pub(super) const ALL_RSVP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 14);

/// Whether what came this way is for a node with this setting.
pub(super) const fn is_heard(setting: UdpEncapsulation, via: Via) -> bool {
    match (setting, via) {
        (UdpEncapsulation::Only { .. }, Via::Udp(port)) => port == PU || port == PU_PRIME,
        (UdpEncapsulation::Only { .. }, Via::Raw) | (UdpEncapsulation::Never, Via::Udp(_)) => false,
        // To Pu′ goes what was sent raw, too: it would be processed twice.
        (_, Via::Udp(port)) => port == PU,
        (_, Via::Raw) => true,
    }
}

/// Where a host without raw sockets sends what goes towards `end`; `None` if there is no such way.
pub(super) const fn from_host(end: IpAddr, router: Option<IpAddr>) -> Option<IpAddr> {
    match (end, router) {
        (IpAddr::V4(group), _) if group.is_multicast() => Some(IpAddr::V4(ALL_RSVP)),
        // The RFC names no group of IPv6.
        (IpAddr::V6(group), _) if group.is_multicast() => None,
        (_, Some(router)) => Some(router),
        (end, None) => Some(end),
    }
}
