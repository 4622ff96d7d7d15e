//! What can be wrong with a message, and what a node owes its sender for it.

use crate::intserv::{AdspecError, FlowspecError, TspecError};
use crate::msg::Message;
use crate::wire::{ClassNum, ErrorCode, ErrorValue, MessageType, ObjectType, Style};

/// Why a message could not be read as it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}octet {offset}: {kind}", Prefix(*.message_type))]
pub struct DecodeError {
    /// What the message is, as soon as that was known.
    pub message_type: Option<MessageType>,
    /// Where in the message the object begins that is wrong, or the message's length if something is missing.
    pub offset: usize,
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// The rest of a message that is refused with an answer.
    pub(crate) refused: Option<Box<Message>>,
}

impl DecodeError {
    /// The message without the object that is not known: what an error message to its sender is made of.
    ///
    /// Only with kinds that ask for an answer, and only if what is left is a message of its type.
    #[must_use]
    pub fn refused(&self) -> Option<&Message> {
        self.refused.as_deref()
    }
}

/// The type of the message in front of an error's text.
struct Prefix(Option<MessageType>);

impl core::fmt::Display for Prefix {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0
            .map_or(Ok(()), |message_type| write!(f, "{message_type}, "))
    }
}

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Fewer octets than a header has.
    #[error("too short for a header")]
    Short,
    /// Another version than 1.
    #[error("version {0}")]
    Version(u8),
    /// The length field is not that of the datagram, or no multiple of four.
    #[error("length field says {length}, there are {actual} octets")]
    Length {
        /// The field.
        length: u16,
        /// Octets that are there.
        actual: usize,
    },
    /// The checksum was sent and is wrong.
    #[error("wrong checksum")]
    Checksum,
    /// A message that this node does not read.
    #[error("{0} is not read here")]
    UnknownType(MessageType),
    /// An object's length is below four, no multiple of four, or beyond the message.
    #[error("object of length {0}")]
    ObjectLength(u16),
    /// An object has more or fewer octets than its form.
    #[error("{0} of another size")]
    ObjectSize(ObjectType),
    /// An object holds what the RFC forbids.
    #[error("{object}: {what}")]
    Value {
        /// The object.
        object: ObjectType,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The hop address is not one host's.
    #[error("illegal hop address")]
    HopAddress,
    /// A source port where the session has no port: RFC 2205 §3.2.
    #[error("source port in a session without port")]
    SourcePort,
    /// An object that every message of the type has.
    #[error("no {0}")]
    Missing(ClassNum),
    /// An object that no message of the type has.
    #[error("{0} does not belong here")]
    Illegal(ClassNum),
    /// An object that a message of the type has once.
    #[error("second {0}")]
    Duplicate(ClassNum),
    /// An object where the order of objects forbids it.
    #[error("{0} at the wrong place")]
    Misplaced(ClassNum),
    /// Flowspecs and filters that do not make the flow descriptors of the style.
    #[error("flow descriptors do not fit style {0}")]
    Descriptors(Style),
    /// A Bundle in a Bundle.
    #[error("bundle inside a bundle")]
    Nested,
    /// More than [`Limits`](crate::msg::Limits) lets through.
    #[error("more {0} than the limit")]
    Limit(&'static str),
    /// An object of a class that is not known and must not be ignored.
    #[error("{0} is not known")]
    UnknownClass(ObjectType),
    /// An object of a known class in a form that is not.
    #[error("{0} is not known")]
    UnknownCType(ObjectType),
    /// A style that is none of the three.
    #[error("{0} is not known")]
    UnknownStyle(Style),
}

impl DecodeErrorKind {
    /// Whether it is told to who sent a Path or a Resv, so that the rest of the message is of use.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::UnknownClass(_) | Self::UnknownCType(_) | Self::UnknownStyle(_)
        )
    }
}

/// Why a message is dropped without an answer: one counter each (RFC 2205 §3.8: logged, not sent).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Length of the message, or no header.
    Length,
    /// Version.
    Version,
    /// Checksum.
    Checksum,
    /// Type of message.
    Type,
    /// Length of an object, or its content.
    Object,
    /// Hop address.
    HopAddress,
    /// Source port in a session without ports.
    SourcePort,
    /// Object missing, illegal, repeated or at the wrong place.
    Grammar,
    /// Flow descriptors that do not fit the style.
    Descriptors,
    /// Nested Bundle.
    Nested,
    /// Over a limit of ours.
    Limit,
    /// Unknown class, form or style in a message that is never answered.
    Unknown,
}

impl Fault {
    /// Its name among the counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Version => "version",
            Self::Checksum => "checksum",
            Self::Type => "message type",
            Self::Object => "object",
            Self::HopAddress => "hop address",
            Self::SourcePort => "source port",
            Self::Grammar => "grammar",
            Self::Descriptors => "flow descriptors",
            Self::Nested => "nested bundle",
            Self::Limit => "limit: message",
            Self::Unknown => "unknown object",
        }
    }
}

/// What is owed for a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Drop the message, count it, say nothing.
    Drop(Fault),
    /// Drop the message or the flow descriptor, and tell its sender: PathErr for a Path, ResvErr for a Resv.
    Answer {
        /// Error code.
        code: ErrorCode,
        /// Error value.
        value: u16,
    },
}

impl Disposition {
    /// What is owed for a message that could not be read.
    #[must_use]
    pub fn of_message(error: &DecodeError) -> Self {
        use DecodeErrorKind as Kind;
        let (code, value) = match &error.kind {
            Kind::Short | Kind::Length { .. } => return Self::Drop(Fault::Length),
            Kind::Version(_) => return Self::Drop(Fault::Version),
            Kind::Checksum => return Self::Drop(Fault::Checksum),
            Kind::UnknownType(_) => return Self::Drop(Fault::Type),
            Kind::ObjectLength(_) | Kind::ObjectSize(_) | Kind::Value { .. } => {
                return Self::Drop(Fault::Object);
            }
            Kind::HopAddress => return Self::Drop(Fault::HopAddress),
            Kind::SourcePort => return Self::Drop(Fault::SourcePort),
            Kind::Missing(_) | Kind::Illegal(_) | Kind::Duplicate(_) | Kind::Misplaced(_) => {
                return Self::Drop(Fault::Grammar);
            }
            Kind::Descriptors(_) => return Self::Drop(Fault::Descriptors),
            Kind::Nested => return Self::Drop(Fault::Nested),
            Kind::Limit(_) => return Self::Drop(Fault::Limit),
            Kind::UnknownClass(object) => (ErrorCode::UNKNOWN_CLASS, object.error_value()),
            Kind::UnknownCType(object) => (ErrorCode::UNKNOWN_C_TYPE, object.error_value()),
            Kind::UnknownStyle(_) => (ErrorCode::UNKNOWN_STYLE, 0),
        };
        match error.message_type {
            // RFC 2205 §3.1.7, §3.1.8: errors are told to who made the Path or the Resv, and never in answer to an
            // error or a tear.
            Some(MessageType::PATH | MessageType::RESV) => Self::Answer { code, value },
            _ => Self::Drop(Fault::Unknown),
        }
    }

    /// What is owed for a Tspec in a Path. RFC 2205 appendix B, code 21.
    #[must_use]
    pub const fn of_tspec(_: &TspecError) -> Self {
        Self::traffic_control(ErrorValue::BAD_TSPEC)
    }

    /// What is owed for a flowspec in a Resv.
    #[must_use]
    pub const fn of_flowspec(error: &FlowspecError) -> Self {
        match error {
            FlowspecError::CType(c_type) => Self::Answer {
                code: ErrorCode::UNKNOWN_C_TYPE,
                value: u16::from_be_bytes([ClassNum::FLOWSPEC.0, c_type.0]),
            },
            FlowspecError::Service(_) => Self::traffic_control(ErrorValue::SERVICE_UNSUPPORTED),
            FlowspecError::Form(_)
            | FlowspecError::Tspec(_)
            | FlowspecError::Rate(..)
            | FlowspecError::PeakBelowRate { .. } => {
                Self::traffic_control(ErrorValue::BAD_FLOWSPEC)
            }
        }
    }

    /// What is owed for an Adspec in a Path.
    #[must_use]
    pub const fn of_adspec(error: &AdspecError) -> Self {
        match error {
            AdspecError::CType(c_type) => Self::Answer {
                code: ErrorCode::UNKNOWN_C_TYPE,
                value: u16::from_be_bytes([ClassNum::ADSPEC.0, c_type.0]),
            },
            AdspecError::Form(_) | AdspecError::Value(_) => {
                Self::traffic_control(ErrorValue::BAD_ADSPEC)
            }
        }
    }

    const fn traffic_control(value: ErrorValue) -> Self {
        Self::Answer {
            code: ErrorCode::TRAFFIC_CONTROL,
            value: value.0,
        }
    }
}
