//! PathTear: RFC 2205 §3.1.5.

use super::message::with_common;
use super::parts::{ClassSet, Parts, required};
use super::path::{put, put_unknown};
use crate::error::DecodeErrorKind;
use crate::wire::{
    AdspecObject, ClassNum, EncodeError, RsvpHop, SenderTemplate, SenderTspecObject, Session,
    UnknownObject, append,
};

/// Removes the path state of a sender, all the way down.
///
/// ```text
/// <PathTear Message> ::= <Common Header> [ <INTEGRITY> ] <SESSION> <RSVP_HOP> [ <sender descriptor> ]
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTear {
    /// Where the data went.
    pub session: Session,
    /// The previous hop.
    pub hop: RsvpHop,
    /// The sender.
    pub sender: Option<TornSender>,
    /// What goes on with this message, not understood here.
    pub unknown: Vec<UnknownObject>,
}

/// A sender descriptor of which only the template means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornSender {
    /// Where the data came from.
    pub template: SenderTemplate,
    /// Ignored.
    pub tspec: Option<SenderTspecObject>,
    /// Ignored.
    pub adspec: Option<AdspecObject>,
}

impl PathTear {
    pub(super) const ALLOWED: ClassSet = with_common([
        ClassNum::SESSION,
        ClassNum::RSVP_HOP,
        ClassNum::SENDER_TEMPLATE,
        ClassNum::SENDER_TSPEC,
        ClassNum::ADSPEC,
    ]);

    pub(super) fn take(parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        let session = parts.session()?;
        let hop = required(&mut parts.hop)?;
        let (tspec, adspec) = (parts.tspec.take(), parts.adspec.take());
        let sender = match parts.template.take() {
            Some(template) => Some(TornSender {
                template,
                tspec,
                adspec,
            }),
            None if tspec.is_some() || adspec.is_some() => {
                return Err(DecodeErrorKind::Missing(ClassNum::SENDER_TEMPLATE));
            }
            None => None,
        };
        Ok(Self {
            session,
            hop,
            sender,
            unknown: core::mem::take(&mut parts.unknown),
        })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        append(&self.session, out)?;
        append(&self.hop, out)?;
        put_unknown(&self.unknown, out)?;
        let Some(sender) = &self.sender else {
            return Ok(());
        };
        append(&sender.template, out)?;
        put(sender.tspec.as_ref(), out)?;
        put(sender.adspec.as_ref(), out)
    }
}
