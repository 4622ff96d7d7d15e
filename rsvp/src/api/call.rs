//! What an application asks.

use std::net::IpAddr;

use crate::intserv::{Adspec, Flowspec, Tspec};
use crate::wire::{PolicyData, Sender, Session, Style};

/// A call of an application about one of its sessions: `rapi.md` §4.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// `rapi_session`: take part. Path events follow.
    Open(Session),
    /// `rapi_sender`: be a sender, or another one than before.
    Sender(Box<SenderCall>),
    /// `rapi_sender` without a local address: be none any more.
    WithdrawSender,
    /// `rapi_reserve`: reserve, in place of what was reserved before. Without flowspecs: remove it.
    Reserve(Box<ReserveCall>),
    /// `rapi_release`: end it; no event follows.
    Release,
}

/// What a sender says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct SenderCall {
    /// The source of its data: address and port. The unspecified address stands for this node's address towards the
    /// session's destination.
    pub template: Sender,
    /// The address of the interface to send by; `None`: that of `template`.
    pub interface: Option<IpAddr>,
    /// What it sends.
    pub tspec: Tspec,
    /// What the Adspec starts with; `None`: what this node offers, both services open.
    pub adspec: Option<Adspec>,
    /// Who asks.
    pub policy: Vec<PolicyData>,
    /// The IP TTL of its data, which its Path messages get, too.
    pub ttl: u8,
}

/// What a receiver reserves.
///
/// | Style | Filters | Flowspecs |
/// |---|---|---|
/// | WF | 0 | 1 |
/// | FF | n ≥ 1 | n |
/// | SE | n ≥ 1 | 1 |
#[derive(Clone, Debug, PartialEq)]
pub struct ReserveCall {
    /// The style.
    pub style: Style,
    /// The senders.
    pub filters: Vec<Sender>,
    /// What is reserved; none removes the reservation.
    pub flowspecs: Vec<Flowspec>,
    /// A confirmation is wanted.
    pub confirm: bool,
    /// The address of the interface the data is received by; `None`: whichever it comes in by.
    pub interface: Option<IpAddr>,
    /// Who asks.
    pub policy: Vec<PolicyData>,
}

/// Why a call is refused at once: `rapi.md` §2.6. What was in place stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// A parameter is wrong.
    #[error("invalid parameter")]
    Invalid,
    /// Too many sessions.
    #[error("too many sessions")]
    TooManySessions,
    /// No such session.
    #[error("no such session")]
    BadSession,
    /// The number of filters or flowspecs does not fit the style.
    #[error("number of filters or flowspecs does not fit the style")]
    Counts,
    /// No known style.
    #[error("illegal style")]
    BadStyle,
    /// The source address is not an address of this node. Of the classic calls this is told later, by an event.
    #[error("the sender's address is not an address of this node")]
    BadSender,
    /// The receiving address is not an address of this node. Of the classic calls this is told later.
    #[error("the receiver's address is not an address of this node")]
    BadReceiver,
    /// A source port in a session without ports. Of the classic calls this is told later.
    #[error("source port in a session without ports")]
    BadSourcePort,
    /// Sessions of the same destination with and without a port: error 7 (RFC 2205 §3.2).
    #[error("conflicting destination ports")]
    DestinationPorts,
    /// A sender with and without a port: error 8 (RFC 2205 §3.2).
    #[error("conflicting source ports")]
    SenderPorts,
}
