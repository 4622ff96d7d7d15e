//! Ack: RFC 2961 §4.4.

use super::parts::{ClassSet, Parts};
use crate::error::DecodeErrorKind;
use crate::wire::ClassNum;

/// Nothing but answers, which are in [`Message::acks`](super::Message::acks); at least one.
///
/// ```text
/// <ACK Message> ::= <Common Header> [ <INTEGRITY> ] <MESSAGE_ID_ACK> | <MESSAGE_ID_NACK>
///                   [ [<MESSAGE_ID_ACK> | <MESSAGE_ID_NACK>] ... ]
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack;

impl Ack {
    pub(super) const ALLOWED: ClassSet =
        ClassSet::of(&[ClassNum::INTEGRITY, ClassNum::MESSAGE_ID_ACK]);

    pub(super) const fn take(parts: &Parts) -> Result<Self, DecodeErrorKind> {
        if parts.acks.is_empty() {
            return Err(DecodeErrorKind::Missing(ClassNum::MESSAGE_ID_ACK));
        }
        Ok(Self)
    }
}
