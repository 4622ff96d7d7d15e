//! ResvConf: RFC 2205 §3.1.9.

use super::Flows;
use super::message::with_common;
use super::parts::{ClassSet, Parts, required};
use super::path::put_unknown;
use crate::error::DecodeErrorKind;
use crate::wire::{ClassNum, EncodeError, ErrorSpec, ResvConfirm, Session, UnknownObject, append};

/// Tells a receiver that its reservation was merged into one that stands.
///
/// ```text
/// <ResvConf Message> ::= <Common Header> [ <INTEGRITY> ] <SESSION> <ERROR_SPEC> <RESV_CONFIRM>
///                        <STYLE> <flow descriptor list>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResvConf {
    /// Where the data goes.
    pub session: Session,
    /// Code and value zero, and the node that confirms.
    pub error: ErrorSpec,
    /// The receiver that asked.
    pub confirm: ResvConfirm,
    /// What is confirmed.
    pub flows: Flows,
    /// What goes on with this message, not understood here.
    pub unknown: Vec<UnknownObject>,
}

impl ResvConf {
    pub(super) const ALLOWED: ClassSet = with_common([
        ClassNum::SESSION,
        ClassNum::ERROR_SPEC,
        ClassNum::RESV_CONFIRM,
        ClassNum::STYLE,
        ClassNum::FLOWSPEC,
        ClassNum::FILTER_SPEC,
    ]);

    pub(super) fn take(parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            session: parts.session()?,
            error: required(&mut parts.error)?,
            confirm: required(&mut parts.confirm)?,
            flows: Flows::take(parts)?,
            unknown: core::mem::take(&mut parts.unknown),
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.session, out)?;
        append(&self.error, out)?;
        append(&self.confirm, out)?;
        put_unknown(&self.unknown, out)?;
        self.flows.emit(out)
    }
}
