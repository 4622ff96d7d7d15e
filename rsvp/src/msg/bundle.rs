//! Bundle: RFC 2961 §3.

use bytes::Bytes;

use super::{Limits, Message};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::wire::{EncodeError, Header};

/// Several messages in one datagram.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Vers=1| Flags | Msg Type = 12 |         RSVP Checksum         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Send_TTL    |   Reserved    |          RSVP Length          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// //            whole messages with their own headers            //
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// The messages are cut apart and not read: each stands for itself, is verified and decoded for itself, and one that
/// is bad spoils no other. Where they cannot be cut apart, the whole is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    parts: Vec<Bytes>,
}

impl Bundle {
    /// A Bundle of these messages, at least one.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] of a message. Messages that are Bundles are left out (RFC 2961 §3.2).
    pub fn new<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Result<Self, EncodeError> {
        let parts = messages
            .into_iter()
            .filter(|message| !matches!(message.body, super::Body::Bundle(_)))
            .map(|message| message.encode().map(Bytes::from))
            .collect::<Result<_, _>>()?;
        Ok(Self { parts })
    }

    /// A Bundle of messages that are encoded, for instance signed, already.
    ///
    /// `None` of no message, or if one is none by its header, or a Bundle.
    #[must_use]
    pub fn of_encoded(parts: Vec<Bytes>) -> Option<Self> {
        let good = |part: &Bytes| {
            Header::parse(part)
                .is_ok_and(|(header, _)| header.message_type != crate::wire::MessageType::BUNDLE)
        };
        (!parts.is_empty() && parts.iter().all(good)).then_some(Self { parts })
    }

    /// The messages as octets, to be verified if they are signed.
    #[must_use]
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
    }

    /// The messages, each read as if it were alone, but for its TTL: the Bundle's counts.
    pub fn messages(&self, limits: &Limits) -> impl Iterator<Item = Result<Message, DecodeError>> {
        self.parts
            .iter()
            .map(|part| Message::decode_bundled(part, limits))
    }

    /// Cuts what is behind the Bundle's header into messages.
    pub(super) fn take(
        datagram: &Bytes,
        octets: &[u8],
        limits: &Limits,
    ) -> Result<Self, (usize, DecodeErrorKind)> {
        let mut parts = Vec::new();
        let mut rest = octets;
        while !rest.is_empty() {
            let offset = datagram.len() - rest.len();
            let Some((header, _)) = rest.split_first_chunk::<{ Header::LEN }>() else {
                return Err((offset, DecodeErrorKind::Short));
            };
            let [.., l0, l1] = *header;
            let length = u16::from_be_bytes([l0, l1]);
            let good = usize::from(length) >= Header::LEN && length.is_multiple_of(4);
            let Some((part, behind)) = good.then(|| rest.split_at_checked(length.into())).flatten()
            else {
                let actual = rest.len();
                return Err((offset, DecodeErrorKind::Length { length, actual }));
            };
            if parts.len() >= limits.bundled {
                return Err((offset, DecodeErrorKind::Limit("bundled messages")));
            }
            parts.push(datagram.slice_ref(part));
            rest = behind;
        }
        // RFC 2961 §3.2: one or more.
        if parts.is_empty() {
            return Err((datagram.len(), DecodeErrorKind::Short));
        }
        Ok(Self { parts })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        self.parts
            .iter()
            .for_each(|part| out.extend_from_slice(part));
    }
}
