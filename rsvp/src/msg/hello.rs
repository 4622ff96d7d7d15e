//! Hello: RFC 3209 §5.1.

use super::message::with_common;
use super::parts::{ClassSet, Parts, required};
use crate::error::DecodeErrorKind;
use crate::wire::{ClassNum, EncodeError, Hello, append};

/// Finds out whether a neighbour is there and has not restarted.
///
/// ```text
/// <Hello Message> ::= <Common Header> [ <INTEGRITY> ] <HELLO>
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloMessage {
    /// Request or answer.
    pub hello: Hello,
}

impl HelloMessage {
    pub(super) const ALLOWED: ClassSet = with_common([ClassNum::HELLO]);

    pub(super) fn take(parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            hello: required(&mut parts.hello)?,
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.hello, out)
    }
}
