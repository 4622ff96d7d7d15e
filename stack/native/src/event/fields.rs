//! The fields of an event: values, never text made ahead of time.

use std::net::{Ipv4Addr, SocketAddrV4};

use fairway_wire::{MacAddr, Protocol, SeqNumber};

use crate::Errno;
use crate::iface::InterfaceId;

/// What an event says besides its name (`events.md` §8.3). Never payload, keys or user names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Fields {
    /// Number of the interface.
    pub interface: Option<u32>,
    /// Source address of the packet, or the local address.
    pub source: Option<Ipv4Addr>,
    /// Destination address of the packet, or the address asked for.
    pub destination: Option<Ipv4Addr>,
    /// Source port.
    pub sport: Option<u16>,
    /// Destination port.
    pub dport: Option<u16>,
    /// Number of the IP protocol.
    pub protocol: Option<u8>,
    /// Length in octets.
    pub len: Option<u32>,
    /// The socket: its generation in the high half, its index in the low half.
    pub socket: Option<u64>,
    /// What the call, or the caller, gets.
    pub errno: Option<Errno>,
    /// Why, in constant words.
    pub reason: Option<&'static str>,
    /// The 32-bit request of a control operation (`sockets.md` §8.9).
    pub request: Option<u32>,
    /// The number that the event's documentation names.
    pub detail: Option<u64>,
    /// The state left.
    pub from: Option<&'static str>,
    /// The state entered.
    pub to: Option<&'static str>,
}

impl Fields {
    /// No field set.
    pub const NONE: Self = Self {
        interface: None,
        source: None,
        destination: None,
        sport: None,
        dport: None,
        protocol: None,
        len: None,
        socket: None,
        errno: None,
        reason: None,
        request: None,
        detail: None,
        from: None,
        to: None,
    };

    /// These fields with the source set from an address and port.
    #[must_use]
    pub const fn with_source(mut self, source: SocketAddrV4) -> Self {
        self.source = Some(*source.ip());
        self.sport = Some(source.port());
        self
    }

    /// These fields with the destination set from an address and port.
    #[must_use]
    pub const fn with_destination(mut self, destination: SocketAddrV4) -> Self {
        self.destination = Some(*destination.ip());
        self.dport = Some(destination.port());
        self
    }
}

/// A value that an event field of type `T` can be set from.
pub trait Field<T> {
    /// The value of the field, if it has one. Numbers too large for the field become its largest.
    fn field(self) -> Option<T>;
}

impl<T, V: Field<T>> Field<T> for Option<V> {
    #[inline]
    fn field(self) -> Option<T> {
        self.and_then(V::field)
    }
}

macro_rules! field {
    ($($from:ty => $to:ty),* $(,)?) => {$(
        impl Field<$to> for $from {
            #[inline]
            fn field(self) -> Option<$to> {
                Some(<$to>::try_from(self).unwrap_or(<$to>::MAX))
            }
        }
    )*};
}

field! {
    u8 => u8,
    u8 => u16, u16 => u16,
    u8 => u32, u16 => u32, u32 => u32, u64 => u32, usize => u32,
    u8 => u64, u16 => u64, u32 => u64, u64 => u64, usize => u64,
}

macro_rules! own {
    ($($own:ty),* $(,)?) => {$(
        impl Field<$own> for $own {
            #[inline]
            fn field(self) -> Option<$own> {
                Some(self)
            }
        }
    )*};
}

own!(Ipv4Addr, Errno, &'static str);

impl Field<u32> for InterfaceId {
    #[inline]
    fn field(self) -> Option<u32> {
        Some(self.0)
    }
}

impl Field<u8> for Protocol {
    #[inline]
    fn field(self) -> Option<u8> {
        Some(self.0)
    }
}

/// As a number of 48 bits.
impl Field<u64> for MacAddr {
    #[inline]
    fn field(self) -> Option<u64> {
        let [a, b, c, d, e, f] = self.0;
        Some(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }
}

impl Field<u64> for SeqNumber {
    #[inline]
    fn field(self) -> Option<u64> {
        Some(self.0.into())
    }
}
