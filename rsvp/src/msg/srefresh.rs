//! Srefresh: RFC 2961 §5.2.

use super::message::with_common;
use super::parts::{ClassSet, Parts};
use super::path::put_all;
use crate::error::DecodeErrorKind;
use crate::wire::{ClassNum, EncodeError, MessageIdList};

/// Refreshes states by the names of the messages that made them.
///
/// ```text
/// <Srefresh Message> ::= <Common Header> [ <INTEGRITY> ]
///                        [ [<MESSAGE_ID_ACK> | <MESSAGE_ID_NACK>] ... ] [ <MESSAGE_ID> ]
///                        <srefresh list> | <source srefresh list>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srefresh {
    /// The lists, at least one. Source lists and others never go together.
    pub lists: Vec<MessageIdList>,
}

impl Srefresh {
    pub(super) const ALLOWED: ClassSet = with_common([ClassNum::MESSAGE_ID_LIST]);

    pub(super) fn take(parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        let lists = core::mem::take(&mut parts.lists);
        let of_sources = lists.iter().filter(|list| list.is_source_list()).count();
        if lists.is_empty() {
            return Err(DecodeErrorKind::Missing(ClassNum::MESSAGE_ID_LIST));
        }
        if of_sources != 0 && of_sources != lists.len() {
            return Err(DecodeErrorKind::Illegal(ClassNum::MESSAGE_ID_LIST));
        }
        Ok(Self { lists })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        put_all(&self.lists, out)
    }
}
