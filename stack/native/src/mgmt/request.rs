//! Requests of control operations, and the rules of interface flags (`sockets.md` §8.9).

use std::fmt;
use std::ops::{BitAnd, BitOr, BitXor, Not};

use crate::Errno;

/// The number of a control operation: direction, length of the parameter, group letter, number (4.4BSD's `_IO`, `_IOR`,
/// `_IOW`).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +---------------+---------------+---------------+---------------+
/// |   direction   |    length     |     group     |    number     |
/// +---------------+---------------+---------------+---------------+
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request(pub u32);

/// Parameters go in.
const IN: u8 = 0x80;
/// Parameters come out.
const OUT: u8 = 0x40;
/// Octets of an `ifreq`, an `ifaliasreq`, an `arpreq`, a `rtentry`.
const IFREQ: u8 = 32;
const IFALIASREQ: u8 = 64;
const ARPREQ: u8 = 36;
const RTENTRY: u8 = 48;

impl Request {
    /// `SIOCSIFADDR`: set an address.
    pub const SET_ADDRESS: Self = Self::new(IN, IFREQ, b'i', 12);
    /// `SIOCGIFADDR`: get the address.
    pub const GET_ADDRESS: Self = Self::new(IN | OUT, IFREQ, b'i', 33);
    /// `SIOCAIFADDR`: add an address.
    pub const ADD_ADDRESS: Self = Self::new(IN, IFALIASREQ, b'i', 26);
    /// `SIOCDIFADDR`: delete an address.
    pub const DELETE_ADDRESS: Self = Self::new(IN, IFREQ, b'i', 25);
    /// `SIOCSIFDSTADDR`: set the address of the other end.
    pub const SET_DESTINATION: Self = Self::new(IN, IFREQ, b'i', 14);
    /// `SIOCGIFDSTADDR`: get the address of the other end.
    pub const GET_DESTINATION: Self = Self::new(IN | OUT, IFREQ, b'i', 34);
    /// `SIOCSIFBRDADDR`: set the broadcast address.
    pub const SET_BROADCAST: Self = Self::new(IN, IFREQ, b'i', 19);
    /// `SIOCGIFBRDADDR`: get the broadcast address.
    pub const GET_BROADCAST: Self = Self::new(IN | OUT, IFREQ, b'i', 35);
    /// `SIOCSIFNETMASK`: set the network's mask.
    pub const SET_NETMASK: Self = Self::new(IN, IFREQ, b'i', 22);
    /// `SIOCGIFNETMASK`: get the network's mask.
    pub const GET_NETMASK: Self = Self::new(IN | OUT, IFREQ, b'i', 37);
    /// `SIOCSIFFLAGS`: set flags.
    pub const SET_FLAGS: Self = Self::new(IN, IFREQ, b'i', 16);
    /// `SIOCGIFFLAGS`: get flags.
    pub const GET_FLAGS: Self = Self::new(IN | OUT, IFREQ, b'i', 17);
    /// `SIOCSIFMTU`: set the MTU.
    pub const SET_MTU: Self = Self::new(IN, IFREQ, b'i', 52);
    /// `SIOCGIFMTU`: get the MTU.
    pub const GET_MTU: Self = Self::new(IN | OUT, IFREQ, b'i', 51);
    /// `SIOCSIFMETRIC`: set the metric.
    pub const SET_METRIC: Self = Self::new(IN, IFREQ, b'i', 24);
    /// `SIOCGIFMETRIC`: get the metric.
    pub const GET_METRIC: Self = Self::new(IN | OUT, IFREQ, b'i', 23);
    /// `SIOCSARP`: add a neighbour.
    pub const SET_ARP: Self = Self::new(IN, ARPREQ, b'i', 30);
    /// `SIOCGARP`: read a neighbour.
    pub const GET_ARP: Self = Self::new(IN | OUT, ARPREQ, b'i', 38);
    /// `SIOCDARP`: delete a neighbour.
    pub const DELETE_ARP: Self = Self::new(IN, ARPREQ, b'i', 32);
    /// `SIOCADDRT`: add a route.
    pub const ADD_ROUTE: Self = Self::new(IN, RTENTRY, b'r', 10);
    /// `SIOCDELRT`: delete a route.
    pub const DELETE_ROUTE: Self = Self::new(IN, RTENTRY, b'r', 11);

    /// A request of these parts.
    #[must_use]
    pub const fn new(direction: u8, length: u8, group: u8, number: u8) -> Self {
        Self(u32::from_be_bytes([direction, length, group, number]))
    }

    /// Octets of its parameter.
    #[must_use]
    pub const fn length(self) -> u8 {
        let [_, length, _, _] = self.0.to_be_bytes();
        length
    }

    /// Its group: `s` sockets, `r` routes, `i` interfaces.
    #[must_use]
    pub const fn group(self) -> u8 {
        let [_, _, group, _] = self.0.to_be_bytes();
        group
    }

    /// Its number within the group.
    #[must_use]
    pub const fn number(self) -> u8 {
        let [_, _, _, number] = self.0.to_be_bytes();
        number
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08x}", self.0)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({self})")
    }
}

impl crate::event::Field<u32> for Request {
    fn field(self) -> Option<u32> {
        Some(self.0)
    }
}

/// The flags of an interface (`IFF_…`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InterfaceFlags(pub u32);

impl InterfaceFlags {
    /// It is switched on.
    pub const UP: Self = Self(0x1);
    /// It reaches all hosts of its network at once.
    pub const BROADCAST: Self = Self(0x2);
    /// It leads back to this host.
    pub const LOOPBACK: Self = Self(0x8);
    /// It has one other end.
    pub const POINT_TO_POINT: Self = Self(0x10);
    /// It has a carrier.
    pub const RUNNING: Self = Self(0x40);
    /// It takes frames for other stations.
    pub const PROMISCUOUS: Self = Self(0x100);
    /// It carries multicast.
    pub const MULTICAST: Self = Self(0x8000);

    /// Whether it has every flag of `other`.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags after a request to make them `wanted`. Only [`UP`](Self::UP) can be changed so; what the interface
    /// is cannot be, and is left alone.
    ///
    /// # Errors
    /// [`Errno::Inval`] to change [`PROMISCUOUS`](Self::PROMISCUOUS): only the routine for it can.
    pub fn request(self, wanted: Self) -> Result<Self, Errno> {
        if ((self ^ wanted) & Self::PROMISCUOUS) != Self::default() {
            return Err(Errno::Inval);
        }
        Ok((self & !Self::UP) | (wanted & Self::UP))
    }

    /// Whether an address of the interface may have a broadcast address.
    ///
    /// # Errors
    /// [`Errno::Inval`] unless it has [`BROADCAST`](Self::BROADCAST).
    pub const fn allow_broadcast(self) -> Result<(), Errno> {
        if self.contains(Self::BROADCAST) {
            Ok(())
        } else {
            Err(Errno::Inval)
        }
    }

    /// Whether an address of the interface may have an address of the other end.
    ///
    /// # Errors
    /// [`Errno::Inval`] unless it has [`POINT_TO_POINT`](Self::POINT_TO_POINT).
    pub const fn allow_destination(self) -> Result<(), Errno> {
        if self.contains(Self::POINT_TO_POINT) {
            Ok(())
        } else {
            Err(Errno::Inval)
        }
    }
}

impl BitOr for InterfaceFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for InterfaceFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitXor for InterfaceFlags {
    type Output = Self;

    fn bitxor(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

impl Not for InterfaceFlags {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0)
    }
}
