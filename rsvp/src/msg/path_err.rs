//! PathErr: RFC 2205 §3.1.7.

use super::SenderDescriptor;
use super::message::with_common;
use super::parts::{ClassSet, Parts, required};
use super::path::{put_all, put_unknown};
use crate::error::DecodeErrorKind;
use crate::wire::{ClassNum, EncodeError, ErrorSpec, PolicyData, Session, UnknownObject, append};

/// Tells a sender, hop by hop, what is wrong with its Path. Changes no state.
///
/// ```text
/// <PathErr Message> ::= <Common Header> [ <INTEGRITY> ] <SESSION> <ERROR_SPEC>
///                       [ <POLICY_DATA> ... ] [ <sender descriptor> ]
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathErr {
    /// Where the data goes.
    pub session: Session,
    /// What is wrong, and where.
    pub error: ErrorSpec,
    /// More about it.
    pub policy: Vec<PolicyData>,
    /// The sender, copied from the Path.
    pub sender: Option<SenderDescriptor>,
    /// What goes on with this message, not understood here.
    pub unknown: Vec<UnknownObject>,
}

impl PathErr {
    pub(super) const ALLOWED: ClassSet = with_common([
        ClassNum::SESSION,
        ClassNum::ERROR_SPEC,
        ClassNum::POLICY_DATA,
        ClassNum::SENDER_TEMPLATE,
        ClassNum::SENDER_TSPEC,
        ClassNum::ADSPEC,
    ]);

    pub(super) fn take(parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            session: parts.session()?,
            error: required(&mut parts.error)?,
            policy: core::mem::take(&mut parts.policy),
            sender: SenderDescriptor::take(parts)?,
            unknown: core::mem::take(&mut parts.unknown),
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.session, out)?;
        append(&self.error, out)?;
        put_all(&self.policy, out)?;
        put_unknown(&self.unknown, out)?;
        self.sender
            .as_ref()
            .map_or(Ok(()), |sender| sender.emit(out))
    }
}
