//! Resv: RFC 2205 §3.1.4.

use super::Flows;
use super::message::with_common;
use super::parts::{ClassSet, Parts, required};
use super::path::{put, put_all, put_unknown};
use crate::error::DecodeErrorKind;
use crate::wire::{
    ClassNum, EncodeError, PolicyData, ResvConfirm, RsvpHop, Scope, Session, TimeValues,
    UnknownObject, append,
};

/// Carries receivers' requests hop by hop towards the senders.
///
/// ```text
/// <Resv Message> ::= <Common Header> [ <INTEGRITY> ] <SESSION> <RSVP_HOP> <TIME_VALUES>
///                    [ <RESV_CONFIRM> ] [ <SCOPE> ] [ <POLICY_DATA> ... ]
///                    <STYLE> <flow descriptor list>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resv {
    /// Where the data goes.
    pub session: Session,
    /// The next hop: who sends this.
    pub hop: RsvpHop,
    /// How often this is refreshed.
    pub time_values: TimeValues,
    /// Who wants a confirmation.
    pub confirm: Option<ResvConfirm>,
    /// The senders it goes to, style WF only.
    pub scope: Option<Scope>,
    /// Who asks.
    pub policy: Vec<PolicyData>,
    /// What is reserved for whom.
    pub flows: Flows,
    /// What goes on with the refreshes of this state, not understood here.
    pub unknown: Vec<UnknownObject>,
}

impl Resv {
    pub(super) const ALLOWED: ClassSet = with_common([
        ClassNum::SESSION,
        ClassNum::RSVP_HOP,
        ClassNum::TIME_VALUES,
        ClassNum::RESV_CONFIRM,
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
            time_values: required(&mut parts.time_values)?,
            confirm: parts.confirm.take(),
            scope: parts.scope.take(),
            policy: core::mem::take(&mut parts.policy),
            flows: Flows::take(parts)?,
            unknown: core::mem::take(&mut parts.unknown),
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.session, out)?;
        append(&self.hop, out)?;
        append(&self.time_values, out)?;
        put(self.confirm.as_ref(), out)?;
        put(self.scope.as_ref(), out)?;
        put_all(&self.policy, out)?;
        put_unknown(&self.unknown, out)?;
        self.flows.emit(out)
    }
}
