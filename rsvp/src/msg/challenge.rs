//! Integrity Challenge and Response: RFC 2747 §4.3, with the message types of RFC 3097.

use super::parts::{ClassSet, Parts, required};
use crate::error::DecodeErrorKind;
use crate::wire::{Challenge, ClassNum, EncodeError, append};

/// Asks a sender for the sequence number it is at. Not signed, and taken unsigned.
///
/// ```text
/// <Integrity Challenge message> ::= <Common Header> <CHALLENGE>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegrityChallenge {
    /// Key and cookie.
    pub challenge: Challenge,
}

/// The answer, signed with the key that was named; the sequence number is in its INTEGRITY.
///
/// ```text
/// <Integrity Response message> ::= <Common Header> <INTEGRITY> <CHALLENGE>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegrityResponse {
    /// As it was asked.
    pub challenge: Challenge,
}

impl IntegrityChallenge {
    pub(super) const ALLOWED: ClassSet = ClassSet::of(&[ClassNum::CHALLENGE]);

    pub(super) fn take(parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            challenge: required(&mut parts.challenge)?,
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.challenge, out)
    }
}

impl IntegrityResponse {
    pub(super) const ALLOWED: ClassSet = ClassSet::of(&[ClassNum::INTEGRITY, ClassNum::CHALLENGE]);

    pub(super) fn take(parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        if parts.integrity.is_none() {
            return Err(DecodeErrorKind::Missing(ClassNum::INTEGRITY));
        }
        Ok(Self {
            challenge: required(&mut parts.challenge)?,
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.challenge, out)
    }
}
