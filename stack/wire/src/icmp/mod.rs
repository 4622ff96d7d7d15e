//! The Internet Control Message Protocol: RFC 792, RFC 950 (address mask), RFC 1122 §3.2.2 (more codes), RFC 1191
//! (next-hop MTU), RFC 1812 §5.2.7, RFC 4884 (extensions).

mod code;
mod extension;
mod original;

use core::fmt;
use core::net::Ipv4Addr;

pub use code::{ParameterCode, RedirectCode, TimeExceededCode, Type, UnreachableCode};
pub use extension::{Extension, Extensions, split_extensions};
pub use original::Original;

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
    /// A type not known here counts as none.
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

#[cfg(test)]
mod tests;
