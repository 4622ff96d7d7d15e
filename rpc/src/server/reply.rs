//! What a handler answers, and how it is written: the one place that turns errors into replies (RFC 5531 §9).

use bytes::Bytes;
use fairway_xdr::{DecodeError, Encode, EncodeError, Encoder};

use crate::error::AuthStat;
use crate::msg::{AcceptStat, OpaqueAuth, RejectStat, ReplyHeader, ReplyStat};

/// What a handler answers to a call that it has executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<T> {
    /// These results.
    Value(T),
    /// Results that are encoded already: octets of XDR, a multiple of four of them. A table that is asked for often is
    /// encoded once; a proxy passes on what it was given.
    Encoded(Bytes),
    /// No reply at all: the caller does not wait for one (batched calls, RFC 5531 §8.4.1).
    None,
}

impl<T> Reply<T> {
    /// The same reply with its value, if it is one, turned into something else.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Reply<U> {
        match self {
            Self::Value(value) => Reply::Value(f(value)),
            Self::Encoded(octets) => Reply::Encoded(octets),
            Self::None => Reply::None,
        }
    }
}

impl<T> From<T> for Reply<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

/// Why a call is not answered with results. Each is a reply of RFC 5531 §9, but for [`Drop`](Self::Drop).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The version has no such procedure: PROC_UNAVAIL.
    #[error("procedure unavailable")]
    ProcUnavail,
    /// The arguments could not be decoded: GARBAGE_ARGS.
    #[error("arguments cannot be decoded{}", .0.as_ref().map(|e| format!(": {e}")).unwrap_or_default())]
    GarbageArgs(Option<DecodeError>),
    /// The server could not do it, out of memory for example: SYSTEM_ERR.
    #[error("system error")]
    SystemErr,
    /// Not to this caller: MSG_DENIED with AUTH_ERROR.
    #[error("refused: {0}")]
    Auth(AuthStat),
    /// No such program (behind a proxy): PROG_UNAVAIL.
    #[error("program unavailable")]
    ProgUnavail,
    /// The program exists in other versions (behind a proxy): PROG_MISMATCH.
    #[error("program versions {low} to {high} only")]
    ProgMismatch {
        /// Lowest version.
        low: u32,
        /// Highest version.
        high: u32,
    },
    /// No answer at all.
    #[error("no answer wanted")]
    Drop,
}

/// Clippy's default `result_large_err` must not fire in generated code.
const _: () = assert!(size_of::<Refusal>() <= 32);

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self::GarbageArgs(Some(error))
    }
}

/// The octets before the message that the record mark takes.
const MARK: usize = 4;
/// Mark and header of an accepted reply whose verifier is empty.
const PLAIN: usize = MARK + ReplyHeader::ACCEPTED_LEN;

/// A reply ready to be sent: a record with room for its mark, the header, the results.
///
/// Made by [`CallContext::reply`](crate::CallContext::reply).
#[derive(Debug)]
pub struct EncodedReply {
    /// Mark, header, results; empty if nothing is to be sent. Opaque data of 1 KiB and more stays in slices of its own.
    encoder: Encoder,
    /// Where the results begin.
    body_at: usize,
    stat: Option<AcceptStat>,
    /// The results before they were sealed, if they were.
    unsealed: Option<Bytes>,
}

impl EncodedReply {
    /// Nothing is sent.
    pub(crate) fn silent() -> Self {
        Self {
            encoder: Encoder::new(),
            body_at: 0,
            stat: None,
            unsealed: None,
        }
    }

    /// An executed call with results that write themselves.
    pub(crate) fn success<T: Encode + ?Sized>(
        xid: u32,
        verifier: &OpaqueAuth,
        results: &T,
    ) -> Result<Self, EncodeError> {
        let length = results.encoded_len();
        // Longer ones may be mostly opaque data that is kept apart.
        let mut encoder = Encoder::segmented(PLAIN + verifier.body().len() + length.min(4096));
        let body_at = put_accepted(&mut encoder, xid, verifier, AcceptStat::Success);
        results.encode(&mut encoder)?;
        Ok(Self {
            encoder,
            body_at,
            stat: Some(AcceptStat::Success),
            unsealed: None,
        })
    }

    /// An accepted call with results as octets.
    pub(crate) fn accepted(
        xid: u32,
        verifier: &OpaqueAuth,
        stat: AcceptStat,
        body: &Bytes,
    ) -> Result<Self, EncodeError> {
        let mut encoder =
            Encoder::segmented(PLAIN + 8 + verifier.body().len() + body.len().min(4096));
        let body_at = put_accepted(&mut encoder, xid, verifier, stat);
        encoder.raw_shared(body)?;
        Ok(Self {
            encoder,
            body_at,
            stat: Some(stat),
            unsealed: None,
        })
    }

    /// An accepted call without results.
    pub(crate) fn bare(xid: u32, verifier: &OpaqueAuth, stat: AcceptStat) -> Self {
        let mut encoder = Encoder::with_capacity(PLAIN + 8 + verifier.body().len());
        let body_at = put_accepted(&mut encoder, xid, verifier, stat);
        Self {
            encoder,
            body_at,
            stat: Some(stat),
            unsealed: None,
        }
    }

    /// A call that was not even looked at.
    pub(crate) fn denied(xid: u32, stat: RejectStat) -> Self {
        let mut encoder = Encoder::with_capacity(PLAIN);
        encoder.put([0; MARK]);
        ReplyHeader {
            xid,
            stat: ReplyStat::Denied(stat),
        }
        .put(&mut encoder);
        Self {
            body_at: encoder.len(),
            encoder,
            stat: None,
            unsealed: None,
        }
    }

    /// The reply that RFC 5531 §9 has for a refusal; `None` for none.
    pub(crate) fn refusal(xid: u32, verifier: &OpaqueAuth, why: &Refusal) -> Option<Self> {
        let stat = match *why {
            Refusal::ProcUnavail => AcceptStat::ProcUnavail,
            Refusal::GarbageArgs(_) => AcceptStat::GarbageArgs,
            Refusal::SystemErr => AcceptStat::SystemErr,
            Refusal::ProgUnavail => AcceptStat::ProgUnavail,
            Refusal::ProgMismatch { low, high } => AcceptStat::ProgMismatch { low, high },
            Refusal::Auth(stat) => return Some(Self::denied(xid, RejectStat::AuthError(stat))),
            Refusal::Drop => return None,
        };
        Some(Self::bare(xid, verifier, stat))
    }

    pub(crate) fn with_unsealed(mut self, results: Bytes) -> Self {
        self.unsealed = Some(results);
        self
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.encoder.is_empty()
    }

    /// Whether it says that the call was executed, or says nothing.
    pub(crate) fn is_success(&self) -> bool {
        self.is_silent() || matches!(self.stat, Some(AcceptStat::Success))
    }

    /// Octets of the message, the mark not among them.
    pub(crate) fn message_len(&self) -> usize {
        self.encoder.len().saturating_sub(MARK)
    }

    /// What is to be kept for a repetition of the call: how it was accepted, and the results unsealed.
    pub(crate) fn keep(&self) -> Option<(AcceptStat, Bytes)> {
        let stat = self.stat?;
        if let Some(unsealed) = &self.unsealed {
            return Some((stat, unsealed.clone()));
        }
        let mut skip = self.body_at;
        let mut body = Vec::with_capacity(self.encoder.len().saturating_sub(skip));
        for segment in self.encoder.segments() {
            body.extend_from_slice(segment.get(skip..).unwrap_or_default());
            skip = skip.saturating_sub(segment.len());
        }
        Some((stat, Bytes::from(body)))
    }

    /// Writes the record mark (RFC 5531 §11); false if the reply is longer than a fragment can be.
    pub(crate) fn mark(&mut self) -> bool {
        let Some(mark) = crate::record::mark(self.message_len()) else {
            return false;
        };
        self.encoder.patch_u32(0, u32::from_be_bytes(mark));
        true
    }

    /// The record, mark first, in pieces.
    pub(crate) fn record(&self) -> impl Iterator<Item = &[u8]> {
        self.encoder.segments()
    }

    /// The message without a mark, in pieces.
    pub(crate) fn message(&self) -> impl Iterator<Item = &[u8]> {
        let mut skip = MARK;
        self.encoder.segments().map(move |segment| {
            let rest = segment.get(skip..).unwrap_or_default();
            skip = skip.saturating_sub(segment.len());
            rest
        })
    }

    /// The message without a mark, if it is in one piece.
    pub(crate) fn as_message(&self) -> Option<&[u8]> {
        let mut pieces = self.encoder.segments();
        let first = pieces.next()?;
        if pieces.next().is_some() {
            None
        } else {
            first.get(MARK..)
        }
    }

    /// Octets of the record, the mark among them.
    pub(crate) fn record_len(&self) -> usize {
        self.encoder.len()
    }

    /// The record, in pieces that own their memory.
    pub(crate) fn into_pieces(self) -> Vec<Bytes> {
        self.encoder.into_segments()
    }
}

/// Mark and header of an accepted reply; gives where the results begin.
fn put_accepted(e: &mut Encoder, xid: u32, verifier: &OpaqueAuth, stat: AcceptStat) -> usize {
    if stat == AcceptStat::Success && *verifier == OpaqueAuth::NONE {
        // The usual reply in one run: mark, xid, REPLY, MSG_ACCEPTED, AUTH_NONE of no octets, SUCCESS.
        let [a, b, c, d] = xid.to_be_bytes();
        e.put([
            0, 0, 0, 0, a, b, c, d, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ]);
    } else {
        e.put([0; MARK]);
        ReplyHeader {
            xid,
            stat: ReplyStat::Accepted(verifier.clone(), stat),
        }
        .put(e);
    }
    e.len()
}
