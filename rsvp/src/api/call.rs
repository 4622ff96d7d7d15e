//! What an application asks.

use std::net::IpAddr;

use super::PathSender;
use crate::intserv::request::{self, NoReservation, Wish};
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

/// What service is wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// As if the network had nothing else to do.
    ControlledLoad,
    /// With a bound on the delay.
    Guaranteed(Wish),
}

impl ReserveCall {
    /// A reservation of its own for each of these senders (style FF), by what they say and their paths can do.
    ///
    /// ```
    /// use std::time::Duration;
    /// use fairway_rsvp::api::{Event, ReserveCall, Service};
    /// use fairway_rsvp::intserv::request::Wish;
    ///
    /// /// What to reserve when an event tells of senders.
    /// fn answer(event: &Event) -> Option<ReserveCall> {
    ///     let Event::Path(senders) = event else {
    ///         return None;
    ///     };
    ///     let wish = Wish::EndToEnd(Duration::from_millis(50));
    ///     ReserveCall::fixed(senders, Service::Guaranteed(wish)).ok()
    /// }
    /// # assert_eq!(answer(&Event::Path(Vec::new())).unwrap().flowspecs, []);
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoReservation`], of the first sender that the service is not to be had for. A sender without an Adspec that
    /// can be read offers nothing.
    pub fn fixed(senders: &[PathSender], service: Service) -> Result<Self, NoReservation> {
        let flowspecs = senders.iter().map(|sender| {
            let adspec = sender.adspec.as_ref().ok_or(NoReservation::NotOffered)?;
            match service {
                Service::ControlledLoad => request::controlled_load(&sender.tspec, adspec),
                Service::Guaranteed(wish) => {
                    request::guaranteed(&sender.tspec, adspec, wish).map(|found| found.flowspec)
                }
            }
        });
        Ok(Self {
            style: Style::FF,
            flowspecs: flowspecs.collect::<Result<_, _>>()?,
            filters: senders.iter().map(|sender| sender.template).collect(),
            confirm: false,
            interface: None,
            policy: Vec::new(),
        })
    }
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
    /// Too many connections, of all users or of this one: the daemon takes no more.
    #[error("too many connections")]
    TooManyConnections,
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
