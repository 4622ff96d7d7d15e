//! `reply_body`, RFC 5531 §9.

use bytes::Bytes;
use fairway_xdr::Encoder;

use super::{AuthFault, OpaqueAuth, REPLY, Words};
use crate::error::AuthStat;

/// `reply_stat` MSG_ACCEPTED, RFC 5531 §9.
const MSG_ACCEPTED: u32 = 0;
/// `reply_stat` MSG_DENIED, RFC 5531 §9.
const MSG_DENIED: u32 = 1;

/// How a call that passed authentication ended (`accept_stat`), RFC 5531 §9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AcceptStat {
    /// It was executed; the results follow.
    Success,
    /// The server does not have the program.
    ProgUnavail,
    /// The server has the program, in other versions.
    ProgMismatch {
        /// Lowest version there.
        low: u32,
        /// Highest version there.
        high: u32,
    },
    /// The version has no such procedure.
    ProcUnavail,
    /// The arguments could not be decoded.
    GarbageArgs,
    /// The server ran out of something, or failed.
    SystemErr,
}

/// Why a call was not even looked at (`reject_stat`), RFC 5531 §9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectStat {
    /// The protocol's version is not two.
    RpcMismatch {
        /// Lowest protocol version there.
        low: u32,
        /// Highest protocol version there.
        high: u32,
    },
    /// Authentication failed.
    AuthError(AuthStat),
}

/// `reply_stat` with what it carries, RFC 5531 §9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyStat {
    /// `MSG_ACCEPTED`: the server's verifier and how the call ended.
    Accepted(OpaqueAuth, AcceptStat),
    /// `MSG_DENIED`.
    Denied(RejectStat),
}

/// What stands before the results of a reply, RFC 5531 §9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyHeader {
    /// The transaction identifier of the call that is answered.
    pub xid: u32,
    /// The answer.
    pub stat: ReplyStat,
}

/// Why octets are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyFault {
    /// The message ends within the header.
    #[error("reply header cut short")]
    Truncated,
    /// A call, or neither call nor reply.
    #[error("message type {0} is not a reply")]
    NotAReply(u32),
    /// A `reply_stat`, `accept_stat` or `reject_stat` that RFC 5531 does not have.
    #[error("reply {xid:#x} with unknown {field} {value}")]
    Unknown {
        /// The reply's transaction identifier.
        xid: u32,
        /// Which field, as RFC 5531 §9 names it.
        field: &'static str,
        /// What stood there.
        value: u32,
    },
    /// A verifier longer than 400 octets or badly padded.
    #[error("reply {xid:#x} with a malformed verifier")]
    BadVerifier {
        /// The reply's transaction identifier.
        xid: u32,
    },
}

/// What follows the xid in the reply to a call that succeeded without a verifier.
const USUAL: [u8; 20] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

impl ReplyHeader {
    /// Length of an accepted reply with an empty verifier and no version numbers.
    pub const ACCEPTED_LEN: usize = 24;

    /// A reply that says the call was executed, with an empty verifier; the results follow.
    #[must_use]
    pub fn success(xid: u32) -> Self {
        Self::accepted(xid, AcceptStat::Success)
    }

    /// An accepted reply with an empty verifier.
    #[must_use]
    pub fn accepted(xid: u32, stat: AcceptStat) -> Self {
        Self {
            xid,
            stat: ReplyStat::Accepted(OpaqueAuth::NONE, stat),
        }
    }

    /// A denied reply.
    #[must_use]
    pub fn denied(xid: u32, stat: RejectStat) -> Self {
        Self {
            xid,
            stat: ReplyStat::Denied(stat),
        }
    }

    /// The transaction identifier of a message and whether it is a call (`Some(true)`), a reply
    /// (`Some(false)`) or neither (`None`), or nothing if it is shorter than that.
    #[must_use]
    pub fn peek(record: &[u8]) -> Option<(u32, Option<bool>)> {
        let (&[x0, x1, x2, x3, k0, k1, k2, k3], _) = record.split_first_chunk::<8>()?;
        let kind = match u32::from_be_bytes([k0, k1, k2, k3]) {
            super::CALL => Some(true),
            REPLY => Some(false),
            _ => None,
        };
        Some((u32::from_be_bytes([x0, x1, x2, x3]), kind))
    }

    /// Parts a record into header and results; both share the record's memory.
    ///
    /// # Errors
    /// See [`ReplyFault`].
    pub fn parse(record: &Bytes) -> Result<(Self, Bytes), ReplyFault> {
        // The usual reply in one look: REPLY, MSG_ACCEPTED, AUTH_NONE of no octets, SUCCESS.
        if let Some((&[a, b, c, d, ref rest @ ..], _)) =
            record.split_first_chunk::<{ Self::ACCEPTED_LEN }>()
            && *rest == USUAL
        {
            let xid = u32::from_be_bytes([a, b, c, d]);
            let stat = ReplyStat::Accepted(OpaqueAuth::NONE, AcceptStat::Success);
            return Ok((Self { xid, stat }, record.slice(Self::ACCEPTED_LEN..)));
        }
        let mut words = Words::new(record);
        let xid = words.word().ok_or(ReplyFault::Truncated)?;
        let kind = words.word().ok_or(ReplyFault::Truncated)?;
        if kind != REPLY {
            return Err(ReplyFault::NotAReply(kind));
        }
        let stat = match words.word().ok_or(ReplyFault::Truncated)? {
            MSG_ACCEPTED => {
                let verifier = words.auth().map_err(|fault| match fault {
                    AuthFault::Truncated => ReplyFault::Truncated,
                    AuthFault::Bad => ReplyFault::BadVerifier { xid },
                })?;
                let stat = match words.word().ok_or(ReplyFault::Truncated)? {
                    0 => AcceptStat::Success,
                    1 => AcceptStat::ProgUnavail,
                    2 => {
                        let low = words.word().ok_or(ReplyFault::Truncated)?;
                        let high = words.word().ok_or(ReplyFault::Truncated)?;
                        AcceptStat::ProgMismatch { low, high }
                    }
                    3 => AcceptStat::ProcUnavail,
                    4 => AcceptStat::GarbageArgs,
                    5 => AcceptStat::SystemErr,
                    value => {
                        return Err(ReplyFault::Unknown {
                            xid,
                            field: "accept_stat",
                            value,
                        });
                    }
                };
                ReplyStat::Accepted(verifier, stat)
            }
            MSG_DENIED => ReplyStat::Denied(match words.word().ok_or(ReplyFault::Truncated)? {
                0 => {
                    let low = words.word().ok_or(ReplyFault::Truncated)?;
                    let high = words.word().ok_or(ReplyFault::Truncated)?;
                    RejectStat::RpcMismatch { low, high }
                }
                1 => RejectStat::AuthError(AuthStat(words.word().ok_or(ReplyFault::Truncated)?)),
                value => {
                    return Err(ReplyFault::Unknown {
                        xid,
                        field: "reject_stat",
                        value,
                    });
                }
            }),
            value => {
                return Err(ReplyFault::Unknown {
                    xid,
                    field: "reply_stat",
                    value,
                });
            }
        };
        Ok((Self { xid, stat }, words.rest()))
    }

    /// Writes it.
    pub fn put(&self, e: &mut Encoder) {
        e.u32(self.xid);
        e.u32(REPLY);
        match &self.stat {
            ReplyStat::Accepted(verifier, stat) => {
                e.u32(MSG_ACCEPTED);
                verifier.put(e);
                match *stat {
                    AcceptStat::Success => e.u32(0),
                    AcceptStat::ProgUnavail => e.u32(1),
                    AcceptStat::ProgMismatch { low, high } => {
                        e.u32(2);
                        e.u32(low);
                        e.u32(high);
                    }
                    AcceptStat::ProcUnavail => e.u32(3),
                    AcceptStat::GarbageArgs => e.u32(4),
                    AcceptStat::SystemErr => e.u32(5),
                }
            }
            ReplyStat::Denied(stat) => {
                e.u32(MSG_DENIED);
                match *stat {
                    RejectStat::RpcMismatch { low, high } => {
                        e.u32(0);
                        e.u32(low);
                        e.u32(high);
                    }
                    RejectStat::AuthError(why) => {
                        e.u32(1);
                        e.u32(why.0);
                    }
                }
            }
        }
    }

    /// Its length on the wire.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match &self.stat {
            ReplyStat::Accepted(verifier, stat) => {
                let versions = match stat {
                    AcceptStat::ProgMismatch { .. } => 8,
                    _ => 0,
                };
                16 + verifier.encoded_len() + versions
            }
            ReplyStat::Denied(RejectStat::RpcMismatch { .. }) => 24,
            ReplyStat::Denied(RejectStat::AuthError(_)) => 20,
        }
    }
}
