//! ResvErr: RFC 2205 §3.1.8.

use super::LooseFlows;
use super::message::with_common;
use super::parts::{ClassSet, Parts, required};
use super::path::{put, put_all, put_unknown};
use crate::error::DecodeErrorKind;
use crate::wire::{
    ClassNum, EncodeError, ErrorSpec, PolicyData, RsvpHop, Scope, Session, UnknownObject, append,
};

/// Tells receivers, hop by hop, what is wrong with their reservation.
///
/// ```text
/// <ResvErr Message> ::= <Common Header> [ <INTEGRITY> ] <SESSION> <RSVP_HOP> <ERROR_SPEC>
///                       [ <SCOPE> ] [ <POLICY_DATA> ... ] <STYLE> [ <error flow descriptor> ]
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResvErr {
    /// Where the data goes.
    pub session: Session,
    /// The previous hop: who sends this.
    pub hop: RsvpHop,
    /// What is wrong, and where.
    pub error: ErrorSpec,
    /// The senders whose way it concerns, style WF only.
    pub scope: Option<Scope>,
    /// More about it.
    pub policy: Vec<PolicyData>,
    /// The reservation that failed. Senders that keep to the RFC put one descriptor in; none is an empty list.
    pub flows: LooseFlows,
    /// What goes on with this message, not understood here.
    pub unknown: Vec<UnknownObject>,
}

impl ResvErr {
    pub(super) const ALLOWED: ClassSet = with_common([
        ClassNum::SESSION,
        ClassNum::RSVP_HOP,
        ClassNum::ERROR_SPEC,
        ClassNum::SCOPE,
        ClassNum::POLICY_DATA,
        ClassNum::STYLE,
        ClassNum::FLOWSPEC,
        ClassNum::FILTER_SPEC,
    ]);

    pub(super) fn take(parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            session: parts.session()?,
            hop: required(&mut parts.hop)?,
            error: required(&mut parts.error)?,
            scope: parts.scope.take(),
            policy: core::mem::take(&mut parts.policy),
            flows: LooseFlows::take(parts)?,
            unknown: core::mem::take(&mut parts.unknown),
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.session, out)?;
        append(&self.hop, out)?;
        append(&self.error, out)?;
        put(self.scope.as_ref(), out)?;
        put_all(&self.policy, out)?;
        put_unknown(&self.unknown, out)?;
        self.flows.emit(out)
    }
}
