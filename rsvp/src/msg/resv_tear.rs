//! ResvTear: RFC 2205 §3.1.6.

use super::message::with_common;
use super::parts::{ClassSet, Parts, required};
use super::path::{put, put_unknown};
use super::{Flows, LooseFlows};
use crate::error::DecodeErrorKind;
use crate::wire::{ClassNum, EncodeError, RsvpHop, Scope, Session, UnknownObject, append};

/// Removes reservations, hop by hop towards the senders.
///
/// ```text
/// <ResvTear Message> ::= <Common Header> [ <INTEGRITY> ] <SESSION> <RSVP_HOP> [ <SCOPE> ]
///                        <STYLE> <flow descriptor list>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResvTear {
    /// Where the data went.
    pub session: Session,
    /// The next hop: who sends this.
    pub hop: RsvpHop,
    /// Ignored.
    pub scope: Option<Scope>,
    /// Which reservations; flowspecs are ignored and may be missing.
    pub flows: LooseFlows,
    /// What goes on with this message, not understood here.
    pub unknown: Vec<UnknownObject>,
}

impl ResvTear {
    pub(super) const ALLOWED: ClassSet = with_common([
        ClassNum::SESSION,
        ClassNum::RSVP_HOP,
        ClassNum::SCOPE,
        ClassNum::STYLE,
        ClassNum::FLOWSPEC,
        ClassNum::FILTER_SPEC,
    ]);

    pub(super) fn take(parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        let session = parts.session()?;
        let hop = required(&mut parts.hop)?;
        let flows = LooseFlows::take(parts)?;
        // Nothing named is nothing to remove, in the styles that name senders.
        let empty = match &flows {
            Flows::Ff(list) => list.is_empty(),
            Flows::Se { filters, .. } => filters.is_empty(),
            Flows::Wf(_) | Flows::Unknown { .. } => false,
        };
        if empty {
            return Err(DecodeErrorKind::Descriptors(flows.style()));
        }
        Ok(Self {
            session,
            hop,
            scope: parts.scope.take(),
            flows,
            unknown: core::mem::take(&mut parts.unknown),
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.session, out)?;
        append(&self.hop, out)?;
        put(self.scope.as_ref(), out)?;
        put_unknown(&self.unknown, out)?;
        self.flows.emit(out)
    }
}
