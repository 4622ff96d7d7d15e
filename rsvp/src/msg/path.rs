//! Path: RFC 2205 §3.1.3.

use super::message::with_common;
use super::parts::{ClassSet, Parts, required};
use crate::error::DecodeErrorKind;
use crate::wire::{
    AdspecObject, ClassNum, EncodeError, Object, PolicyData, RsvpHop, SenderTemplate,
    SenderTspecObject, Session, TimeValues, UnknownObject, append, append_unknown,
};

/// Tells the nodes on the way of a sender's data that it will come, and the receivers what the way can do.
///
/// ```text
/// <Path Message> ::= <Common Header> [ <INTEGRITY> ] <SESSION> <RSVP_HOP> <TIME_VALUES>
///                    [ <POLICY_DATA> ... ] [ <sender descriptor> ]
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Where the data goes.
    pub session: Session,
    /// The previous hop.
    pub hop: RsvpHop,
    /// How often this is refreshed.
    pub time_values: TimeValues,
    /// Who asks.
    pub policy: Vec<PolicyData>,
    /// The sender; a Path without one makes no state.
    pub sender: Option<SenderDescriptor>,
    /// What goes on with the refreshes of this state, not understood here.
    pub unknown: Vec<UnknownObject>,
}

/// `<sender descriptor> ::= <SENDER_TEMPLATE> <SENDER_TSPEC> [ <ADSPEC> ]`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SenderDescriptor {
    /// Where the data comes from.
    pub template: SenderTemplate,
    /// What the data is like.
    pub tspec: SenderTspecObject,
    /// What the way so far can do.
    pub adspec: Option<AdspecObject>,
}

impl SenderDescriptor {
    pub(super) fn take(parts: &mut Parts) -> Result<Option<Self>, DecodeErrorKind> {
        if parts.template.is_none() && parts.tspec.is_none() && parts.adspec.is_none() {
            return Ok(None);
        }
        Ok(Some(Self {
            template: required(&mut parts.template)?,
            tspec: required(&mut parts.tspec)?,
            adspec: parts.adspec.take(),
        }))
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.template, out)?;
        append(&self.tspec, out)?;
        put(self.adspec.as_ref(), out)
    }
}

impl Path {
    pub(super) const ALLOWED: ClassSet = with_common([
        ClassNum::SESSION,
        ClassNum::RSVP_HOP,
        ClassNum::TIME_VALUES,
        ClassNum::POLICY_DATA,
        ClassNum::SENDER_TEMPLATE,
        ClassNum::SENDER_TSPEC,
        ClassNum::ADSPEC,
    ]);

    pub(super) fn take(parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            session: parts.session()?,
            hop: required(&mut parts.hop)?,
            time_values: required(&mut parts.time_values)?,
            policy: core::mem::take(&mut parts.policy),
            sender: SenderDescriptor::take(parts)?,
            unknown: core::mem::take(&mut parts.unknown),
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.session, out)?;
        append(&self.hop, out)?;
        append(&self.time_values, out)?;
        put_all(&self.policy, out)?;
        put_unknown(&self.unknown, out)?;
        self.sender
            .as_ref()
            .map_or(Ok(()), |sender| sender.emit(out))
    }
}

/// Appends an object that may be missing.
pub(super) fn put<T: Object>(object: Option<&T>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    object.map_or(Ok(()), |object| append(object, out))
}

/// Appends objects of one class.
pub(super) fn put_all<T: Object>(objects: &[T], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    objects.iter().try_for_each(|object| append(object, out))
}

/// Appends what goes on untouched.
pub(super) fn put_unknown(objects: &[UnknownObject], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    objects
        .iter()
        .try_for_each(|object| append_unknown(object, out))
}
