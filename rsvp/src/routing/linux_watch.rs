//! Changes of interfaces, addresses and routes, as the kernel tells of them.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use netlink_sys::protocols::NETLINK_ROUTE;

use crate::interface::IfIndex;
use crate::netlink::{Attributes, Channel, address, u32_at};

/// `RTNLGRP_LINK`, `_IPV4_IFADDR`, `_IPV4_MROUTE`, `_IPV4_ROUTE`, `_IPV4_RULE`, `_IPV6_IFADDR`, `_IPV6_MROUTE`,
/// `_IPV6_ROUTE`, `_IPV6_RULE`
const GROUPS: [u32; 9] = [1, 5, 6, 7, 8, 9, 10, 11, 19];
/// `RTM_NEWLINK` … `RTM_DELLINK`, and so on.
const LINK: core::ops::RangeInclusive<u16> = 16..=17;
const ADDRESS: core::ops::RangeInclusive<u16> = 20..=21;
const ROUTE: core::ops::RangeInclusive<u16> = 24..=25;
const RULE: core::ops::RangeInclusive<u16> = 32..=33;
/// `RTA_DST`
const DESTINATION: u16 = 1;
/// `ENOBUFS`
const OVERFLOW: i32 = 105;

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// An interface, or its addresses: it is there, different, or gone.
    Interface(IfIndex),
    /// Routes to destinations with this prefix, unicast or multicast. Of length zero: all routes.
    Routes {
        /// The prefix, zeros behind it.
        prefix: IpAddr,
        /// Its length in bits.
        length: u8,
    },
    /// Changes were lost: everything may be different.
    Everything,
}

/// Tells what changes in the network namespace that it was made in.
///
/// It never waits. When its descriptor is readable, [`try_next`](Self::try_next) is to be called until it gives `None`; it can
/// be put into `tokio::io::unix::AsyncFd`.
#[derive(Debug)]
pub struct LinuxWatch {
    channel: Channel,
    pending: VecDeque<Change>,
}

impl LinuxWatch {
    /// Begins to watch.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        let channel = Channel::open(NETLINK_ROUTE)?;
        for group in GROUPS {
            channel.join(group)?;
        }
        Ok(Self {
            channel,
            pending: VecDeque::new(),
        })
    }

    /// The next change; `None` if there is none now.
    ///
    /// # Errors
    /// What the system says.
    pub fn try_next(&mut self) -> io::Result<Option<Change>> {
        loop {
            if let Some(change) = self.pending.pop_front() {
                return Ok(Some(change));
            }
            match self.channel.heard() {
                Ok(None) => return Ok(None),
                Ok(Some(messages)) => {
                    for message in messages {
                        let change = read(message.kind, message.body);
                        // Whoever adds an interface causes a dozen of the same.
                        if change.is_some() && change != self.pending.back().copied() {
                            self.pending.extend(change);
                        }
                    }
                }
                Err(error) if error.raw_os_error() == Some(OVERFLOW) => {
                    return Ok(Some(Change::Everything));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for LinuxWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

impl AsRawFd for LinuxWatch {
    fn as_raw_fd(&self) -> RawFd {
        self.channel.as_fd().as_raw_fd()
    }
}

fn read(kind: u16, body: &[u8]) -> Option<Change> {
    if LINK.contains(&kind) || ADDRESS.contains(&kind) {
        return u32_at(body, 4).map(|index| Change::Interface(IfIndex(index)));
    }
    if !ROUTE.contains(&kind) && !RULE.contains(&kind) {
        return None;
    }
    // Families of unicast, and of multicast (RTNL_FAMILY_IPMR, RTNL_FAMILY_IP6MR).
    let all: IpAddr = match body.first()? {
        2 | 128 => Ipv4Addr::UNSPECIFIED.into(),
        10 | 129 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return None,
    };
    if RULE.contains(&kind) {
        return Some(Change::Routes {
            prefix: all,
            length: 0,
        });
    }
    // What the kernel has only found out, such as path MTUs, is no change: RTM_F_CLONED.
    if u32_at(body, 8)? & 0x200 != 0 {
        return None;
    }
    let prefix = Attributes::behind(body, 12).find(DESTINATION);
    Some(Change::Routes {
        prefix: prefix.and_then(address).unwrap_or(all),
        length: body.get(1).copied()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rtnetlink(7), struct rtmsg.
    #[test]
    fn routes_are_told_by_their_prefix() {
        let mut body = vec![2, 24, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        assert_eq!(
            read(24, &body),
            Some(Change::Routes {
                prefix: "0.0.0.0".parse().unwrap(),
                length: 24
            })
        );
        body.extend_from_slice(&8u16.to_ne_bytes());
        body.extend_from_slice(&1u16.to_ne_bytes());
        body.extend_from_slice(&[10, 1, 2, 0]);
        let change = Change::Routes {
            prefix: "10.1.2.0".parse().unwrap(),
            length: 24,
        };
        assert_eq!(read(25, &body), Some(change));
        body[8..12].copy_from_slice(&0x200u32.to_ne_bytes());
        assert_eq!(read(24, &body), None);
        assert_eq!(read(28, &body), None);
    }
}
