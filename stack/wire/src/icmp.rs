//! The Internet Control Message Protocol: RFC 792, RFC 950 (address mask), RFC 1122 §3.2.2 (more codes), RFC 1191
//! (next-hop MTU), RFC 1812 §5.2.7, RFC 4884 (extensions).

use core::fmt;
use core::net::Ipv4Addr;

use crate::checksum;

/// A message without what follows its header: the echoed data, or the packet that an error is about.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Type      |     Code      |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          four octets that depend on type and code             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |        data, or the packet in error from its header on …      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Timestamp messages have three more words in their header, address mask messages one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Type 0.
    EchoReply {
        /// Identifier of the request.
        id: u16,
        /// Number of the request.
        seq: u16,
    },
    /// Type 3.
    DestinationUnreachable {
        /// Why.
        code: UnreachableCode,
        /// With [`UnreachableCode::FRAGMENTATION_NEEDED`]: the largest packet that the next hop takes, in octets; zero
        /// from a router that does not know RFC 1191.
        next_hop_mtu: u16,
    },
    /// Type 4; obsolete (RFC 6633), hosts must not send it.
    SourceQuench,
    /// Type 5.
    Redirect {
        /// For which packets.
        code: RedirectCode,
        /// The better router.
        gateway: Ipv4Addr,
    },
    /// Type 8.
    EchoRequest {
        /// Tells programs apart.
        id: u16,
        /// Tells requests apart.
        seq: u16,
    },
    /// Type 11.
    TimeExceeded {
        /// Where.
        code: TimeExceededCode,
    },
    /// Type 12.
    ParameterProblem {
        /// How to read the pointer.
        code: ParameterCode,
        /// The octet of the packet that is at fault.
        pointer: u8,
    },
    /// Type 13.
    TimestampRequest(TimestampMessage),
    /// Type 14.
    TimestampReply(TimestampMessage),
    /// Type 15; obsolete (RFC 1122 §3.2.2.7).
    InformationRequest {
        /// Tells programs apart.
        id: u16,
        /// Tells requests apart.
        seq: u16,
    },
    /// Type 16; obsolete.
    InformationReply {
        /// Identifier of the request.
        id: u16,
        /// Number of the request.
        seq: u16,
    },
    /// Type 17, RFC 950.
    AddressMaskRequest(AddressMaskMessage),
    /// Type 18, RFC 950.
    AddressMaskReply(AddressMaskMessage),
    /// A type not known here.
    Other {
        /// The type.
        message_type: Type,
        /// The code.
        code: u8,
        /// The four octets behind the checksum.
        rest: [u8; 4],
    },
}

/// What timestamp messages hold (RFC 792); times are milliseconds since midnight UT, or have their high bit set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TimestampMessage {
    /// Tells programs apart.
    pub id: u16,
    /// Tells requests apart.
    pub seq: u16,
    /// When the asking side sent the request.
    pub originate: u32,
    /// When the answering side received it.
    pub receive: u32,
    /// When the answering side sent the reply.
    pub transmit: u32,
}

/// What address mask messages hold (RFC 950 appendix I).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressMaskMessage {
    /// Tells programs apart.
    pub id: u16,
    /// Tells requests apart.
    pub seq: u16,
    /// The mask of the subnet; zero in a request.
    pub mask: Ipv4Addr,
}

/// A number of a registry, with its constants.
macro_rules! numbers {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $constant:ident = $value:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub u8);

        impl $name {
            $($(#[$item])* pub const $constant: Self = Self($value);)*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    $($value => f.pad($text),)*
                    number => fmt::Display::fmt(&number, f),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

numbers! {
    /// The type octet (IANA "ICMP Type Numbers"); unknown ones survive and print as numbers.
    Type {
        /// Echo reply, RFC 792.
        ECHO_REPLY = 0, "echo-reply";
        /// Destination unreachable, RFC 792.
        DESTINATION_UNREACHABLE = 3, "unreachable";
        /// Source quench, RFC 792.
        SOURCE_QUENCH = 4, "source-quench";
        /// Redirect, RFC 792.
        REDIRECT = 5, "redirect";
        /// Echo, RFC 792.
        ECHO_REQUEST = 8, "echo-request";
        /// Router advertisement, RFC 1256.
        ROUTER_ADVERTISEMENT = 9, "router-advertisement";
        /// Router solicitation, RFC 1256.
        ROUTER_SOLICITATION = 10, "router-solicitation";
        /// Time exceeded, RFC 792.
        TIME_EXCEEDED = 11, "time-exceeded";
        /// Parameter problem, RFC 792.
        PARAMETER_PROBLEM = 12, "parameter-problem";
        /// Timestamp, RFC 792.
        TIMESTAMP_REQUEST = 13, "timestamp-request";
        /// Timestamp reply, RFC 792.
        TIMESTAMP_REPLY = 14, "timestamp-reply";
        /// Information request, RFC 792.
        INFORMATION_REQUEST = 15, "information-request";
        /// Information reply, RFC 792.
        INFORMATION_REPLY = 16, "information-reply";
        /// Address mask request, RFC 950.
        ADDRESS_MASK_REQUEST = 17, "mask-request";
        /// Address mask reply, RFC 950.
        ADDRESS_MASK_REPLY = 18, "mask-reply";
    }
}

numbers! {
    /// Why a destination cannot be reached (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1).
    UnreachableCode {
        /// No route to the network.
        NET = 0, "net";
        /// The host does not answer.
        HOST = 1, "host";
        /// The host does not know the protocol.
        PROTOCOL = 2, "protocol";
        /// Nobody listens at the port.
        PORT = 3, "port";
        /// Too large for the next hop, and "don't fragment" is set.
        FRAGMENTATION_NEEDED = 4, "need-frag";
        /// A source route leads nowhere.
        SOURCE_ROUTE_FAILED = 5, "source-route-failed";
        /// The network is not known.
        NET_UNKNOWN = 6, "net-unknown";
        /// The host is not known.
        HOST_UNKNOWN = 7, "host-unknown";
        /// The source host is isolated.
        SOURCE_ISOLATED = 8, "source-isolated";
        /// The network is forbidden.
        NET_PROHIBITED = 9, "net-prohibited";
        /// The host is forbidden.
        HOST_PROHIBITED = 10, "host-prohibited";
        /// No route to the network for this type of service.
        NET_TOS = 11, "net-tos";
        /// No route to the host for this type of service.
        HOST_TOS = 12, "host-tos";
        /// A filter forbids it.
        ADMIN_PROHIBITED = 13, "admin-prohibited";
        /// The host has too low a precedence.
        HOST_PRECEDENCE = 14, "host-precedence";
        /// A cutoff of precedence is in effect.
        PRECEDENCE_CUTOFF = 15, "precedence-cutoff";
    }
}

numbers! {
    /// Which packets should take another router (RFC 792).
    RedirectCode {
        /// Those to the network.
        NET = 0, "net";
        /// Those to the host.
        HOST = 1, "host";
        /// Those to the network with this type of service.
        NET_TOS = 2, "net-tos";
        /// Those to the host with this type of service.
        HOST_TOS = 3, "host-tos";
    }
}

numbers! {
    /// Where time ran out (RFC 792).
    TimeExceededCode {
        /// The time to live, in transit.
        TTL = 0, "ttl";
        /// The time for reassembly, at the destination.
        REASSEMBLY = 1, "reassembly";
    }
}

numbers! {
    /// What is wrong with a packet (RFC 792, RFC 1122 §3.2.2.5).
    ParameterCode {
        /// The octet that the pointer tells.
        POINTER = 0, "pointer";
        /// An option is missing.
        MISSING_OPTION = 1, "missing-option";
        /// A length is wrong.
        LENGTH = 2, "length";
    }
}

impl Message {
    /// Octets of most headers, and the least of a message.
    pub const LEN: usize = 8;

    /// The message and what follows its header. The checksum is not looked at: see [`verify_checksum`].
    ///
    /// # Errors
    ///
    /// [`ParseError::Short`] with fewer octets than the header of that type has.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let Some((header, payload)) = octets.split_first_chunk::<{ Self::LEN }>() else {
            return Err(ParseError::Short);
        };
        let [message_type, code, _, _, r0, r1, r2, r3] = *header;
        let message_type = Type(message_type);
        let id = u16::from_be_bytes([r0, r1]);
        let seq = u16::from_be_bytes([r2, r3]);
        let message = match message_type {
            Type::ECHO_REPLY => Self::EchoReply { id, seq },
            Type::DESTINATION_UNREACHABLE => Self::DestinationUnreachable {
                code: UnreachableCode(code),
                next_hop_mtu: seq,
            },
            Type::SOURCE_QUENCH => Self::SourceQuench,
            Type::REDIRECT => Self::Redirect {
                code: RedirectCode(code),
                gateway: Ipv4Addr::new(r0, r1, r2, r3),
            },
            Type::ECHO_REQUEST => Self::EchoRequest { id, seq },
            Type::TIME_EXCEEDED => Self::TimeExceeded {
                code: TimeExceededCode(code),
            },
            Type::PARAMETER_PROBLEM => Self::ParameterProblem {
                code: ParameterCode(code),
                pointer: r0,
            },
            Type::TIMESTAMP_REQUEST | Type::TIMESTAMP_REPLY => {
                let Some((&[a, b, c, d, e, f, g, h, i, j, k, l], payload)) =
                    payload.split_first_chunk::<12>()
                else {
                    return Err(ParseError::Short);
                };
                let times = TimestampMessage {
                    id,
                    seq,
                    originate: u32::from_be_bytes([a, b, c, d]),
                    receive: u32::from_be_bytes([e, f, g, h]),
                    transmit: u32::from_be_bytes([i, j, k, l]),
                };
                let message = if message_type == Type::TIMESTAMP_REQUEST {
                    Self::TimestampRequest(times)
                } else {
                    Self::TimestampReply(times)
                };
                return Ok((message, payload));
            }
            Type::INFORMATION_REQUEST => Self::InformationRequest { id, seq },
            Type::INFORMATION_REPLY => Self::InformationReply { id, seq },
            Type::ADDRESS_MASK_REQUEST | Type::ADDRESS_MASK_REPLY => {
                let Some((mask, payload)) = payload.split_first_chunk::<4>() else {
                    return Err(ParseError::Short);
                };
                let mask = AddressMaskMessage {
                    id,
                    seq,
                    mask: Ipv4Addr::from(*mask),
                };
                let message = if message_type == Type::ADDRESS_MASK_REQUEST {
                    Self::AddressMaskRequest(mask)
                } else {
                    Self::AddressMaskReply(mask)
                };
                return Ok((message, payload));
            }
            message_type => Self::Other {
                message_type,
                code,
                rest: [r0, r1, r2, r3],
            },
        };
        Ok((message, payload))
    }

    /// Writes the header into the first [`header_len`](Self::header_len) octets of `message`, and the checksum over
    /// all of `message`: what follows the header is in place already.
    ///
    /// Less room than the header needs is a mistake of the caller; nothing is written then.
    pub fn emit(&self, message: &mut [u8]) {
        debug_assert!(message.len() >= self.header_len());
        if message.len() < self.header_len() {
            return;
        }
        let Some((header, rest)) = message.split_first_chunk_mut::<{ Self::LEN }>() else {
            return;
        };
        let [r0, r1, r2, r3] = self.second_word();
        *header = [self.message_type().0, self.code(), 0, 0, r0, r1, r2, r3];
        match *self {
            Self::TimestampRequest(times) | Self::TimestampReply(times) => {
                let words = [times.originate, times.receive, times.transmit];
                for (place, word) in rest.as_chunks_mut::<4>().0.iter_mut().zip(words) {
                    *place = word.to_be_bytes();
                }
            }
            Self::AddressMaskRequest(mask) | Self::AddressMaskReply(mask) => {
                if let Some(place) = rest.first_chunk_mut::<4>() {
                    *place = mask.mask.octets();
                }
            }
            _ => {}
        }
        let checksum = checksum::sum(message).finish();
        if let Some(field) = message.get_mut(2..4) {
            field.copy_from_slice(&checksum.to_be_bytes());
        }
    }

    /// Octets of the header: 8, 12 or 20.
    #[must_use]
    pub const fn header_len(&self) -> usize {
        match self {
            Self::TimestampRequest(_) | Self::TimestampReply(_) => 20,
            Self::AddressMaskRequest(_) | Self::AddressMaskReply(_) => 12,
            _ => Self::LEN,
        }
    }

    /// The type octet.
    #[must_use]
    pub const fn message_type(&self) -> Type {
        match self {
            Self::EchoReply { .. } => Type::ECHO_REPLY,
            Self::DestinationUnreachable { .. } => Type::DESTINATION_UNREACHABLE,
            Self::SourceQuench => Type::SOURCE_QUENCH,
            Self::Redirect { .. } => Type::REDIRECT,
            Self::EchoRequest { .. } => Type::ECHO_REQUEST,
            Self::TimeExceeded { .. } => Type::TIME_EXCEEDED,
            Self::ParameterProblem { .. } => Type::PARAMETER_PROBLEM,
            Self::TimestampRequest(_) => Type::TIMESTAMP_REQUEST,
            Self::TimestampReply(_) => Type::TIMESTAMP_REPLY,
            Self::InformationRequest { .. } => Type::INFORMATION_REQUEST,
            Self::InformationReply { .. } => Type::INFORMATION_REPLY,
            Self::AddressMaskRequest(_) => Type::ADDRESS_MASK_REQUEST,
            Self::AddressMaskReply(_) => Type::ADDRESS_MASK_REPLY,
            Self::Other { message_type, .. } => *message_type,
        }
    }

    /// The code octet.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::DestinationUnreachable { code, .. } => code.0,
            Self::Redirect { code, .. } => code.0,
            Self::TimeExceeded { code } => code.0,
            Self::ParameterProblem { code, .. } => code.0,
            Self::Other { code, .. } => *code,
            _ => 0,
        }
    }

    /// Whether the message tells of an error in a packet; no error is sent about such a one (RFC 1122 §3.2.2).
    ///
    /// Types not known here count as errors if their number lies among the old ones, which are all known, never.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        matches!(
            self,
            Self::DestinationUnreachable { .. }
                | Self::SourceQuench
                | Self::Redirect { .. }
                | Self::TimeExceeded { .. }
                | Self::ParameterProblem { .. }
        )
    }

    fn second_word(&self) -> [u8; 4] {
        let (high, low) = match *self {
            Self::EchoReply { id, seq }
            | Self::EchoRequest { id, seq }
            | Self::InformationRequest { id, seq }
            | Self::InformationReply { id, seq }
            | Self::TimestampRequest(TimestampMessage { id, seq, .. })
            | Self::TimestampReply(TimestampMessage { id, seq, .. })
            | Self::AddressMaskRequest(AddressMaskMessage { id, seq, .. })
            | Self::AddressMaskReply(AddressMaskMessage { id, seq, .. }) => (id, seq),
            Self::DestinationUnreachable { next_hop_mtu, .. } => (0, next_hop_mtu),
            Self::SourceQuench | Self::TimeExceeded { .. } => (0, 0),
            Self::Redirect { gateway, .. } => return gateway.octets(),
            Self::ParameterProblem { pointer, .. } => return [pointer, 0, 0, 0],
            Self::Other { rest, .. } => return rest,
        };
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        [a, b, c, d]
    }
}

/// Whether the checksum over the whole message is right.
#[inline]
#[must_use]
pub fn verify_checksum(octets: &[u8]) -> bool {
    checksum::sum(octets).is_valid()
}

/// Why octets are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer octets than the header of that type has.
    Short,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("message shorter than its header"),
        }
    }
}

impl core::error::Error for ParseError {}
