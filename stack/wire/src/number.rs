//! Numbers of registries: how they are defined, and those that more than one layer names.

/// Defines numbers of a registry: a newtype with a constant for each that has a name here.
///
/// Others survive and print by the format given after the type.
///
/// ```
/// fairway_wire::numbers! {
///     /// What a ship is, by the harbour's list.
///     Ship(u8), "ship {}" {
///         /// It carries oil.
///         TANKER = 1, "tanker";
///     }
/// }
/// assert_eq!((Ship::TANKER.to_string(), Ship(9).to_string()), ("tanker".into(), "ship 9".into()));
/// ```
#[macro_export]
macro_rules! numbers {
    (
        $(#[$doc:meta])*
        $name:ident($int:ty), $unknown:literal
        { $($(#[$item:meta])* $constant:ident = $value:literal, $text:literal;)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl $name {
            $($(#[$item])* pub const $constant: Self = Self($value);)*

            /// The short name in lower case, of the numbers that have a constant.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, $unknown, self.0),
                }
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }
    };
}

numbers! {
    /// An IP protocol number (RFC 791 §3.1, IANA "Protocol Numbers"); unknown ones survive and print as numbers.
    Protocol(u8), "protocol {}" {
        /// Internet Control Message Protocol, RFC 792.
        ICMP = 1, "icmp";
        /// Internet Group Management Protocol, RFC 1112, 2236, 9776.
        IGMP = 2, "igmp";
        /// IPv4 in IPv4, RFC 2003.
        IPV4 = 4, "ipip";
        /// Transmission Control Protocol, RFC 9293.
        TCP = 6, "tcp";
        /// User Datagram Protocol, RFC 768.
        UDP = 17, "udp";
        /// Resource Reservation Protocol, RFC 2205.
        RSVP = 46, "rsvp";
        /// Raw IP: never on the wire, the number of a raw socket that writes its own header.
        RAW = 255, "raw";
    }
}
