//! Traffic control: RFC 2205 §3.11.2.
//!
//! The engine decides what is to be reserved on which interface, and says so through [`TrafficControl`]; whoever
//! implements it admits or refuses, and carries it out. Calls are made one after the other and answered at once.

use crate::interface::IfIndex;
use crate::intserv::{BytesPerSec, Flowspec, GuaranteedTerms, LocalElement, Tspec};
use crate::wire::{ErrorCode, ErrorValue, Sender, Session};

mod admission_only;
pub mod ledger;
#[cfg(all(feature = "linux-tc", target_os = "linux"))]
pub mod linux;
#[cfg(feature = "service")]
mod native;
mod settings;
mod shared;

pub use admission_only::AdmissionOnly;
#[cfg(feature = "service")]
pub use native::NativeTc;
pub use settings::{Excess, Portion, TcMode, TcSettings};

/// Names an installed reservation on its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RHandle(pub u64);

/// How data is to be held to its reservation: RFC 2205 §2.3 and `rsvp.md` §6.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policing {
    /// *E_Police*: this is the first node that can; no node before it did.
    pub edge: bool,
    /// *M_Police*: several senders merge into one reservation.
    pub merge: bool,
    /// *B_Police*: another branch has a larger, or incomparable, reservation.
    pub branch: bool,
}

/// What is asked of traffic control for one reservation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    /// *Re* and *Resv_Te*: what the receivers ask, merged.
    pub flowspec: Flowspec,
    /// *Path_Te*: what the senders that are covered send together. What is installed is
    /// [`Flowspec::effective`] of both.
    pub path: Tspec,
    /// How the data is held to it.
    pub policing: Policing,
    /// The error terms of the path so far, this node's not among them: of each the greatest of the senders'. `None` if
    /// no Adspec tells.
    pub upstream: Option<GuaranteedTerms>,
}

/// Why traffic control does not do it. What was in place stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TcError {
    /// The delay bound cannot be met.
    #[error("delay bound cannot be met")]
    DelayBound,
    /// Too little of the share for reservations is left.
    #[error("bandwidth not available")]
    Bandwidth,
    /// M exceeds the interface's MTU.
    #[error("packets longer than the interface's MTU")]
    Mtu,
    /// Two services that cannot be merged.
    #[error("services conflict")]
    ServiceConflict,
    /// The service is not to be had there.
    #[error("service not supported")]
    ServiceUnsupported,
    /// As many reservations or filters as there may be.
    #[error("as many reservations as there may be")]
    TooMany,
    /// There is no such reservation: the engine and traffic control disagree.
    #[error("no such handle")]
    NoSuchHandle,
    /// The system failed.
    #[error("{0}")]
    System(String),
}

/// How much was wanted of how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Wanted.
    pub wanted: BytesPerSec,
    /// To be had.
    pub free: BytesPerSec,
    /// What keeps it from being had.
    pub bound: Bound,
}

/// What a reservation is too much for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// What is left of the link's share for reservations. Both rates count link headers.
    Share {
        /// Octets that the link puts in front of each packet.
        link_header: u32,
    },
    /// What one reservation can have. Neither rate counts link headers.
    PerFlow,
    /// Its queue, for what b and the path so far may let bunch up. There is bandwidth enough.
    Queue {
        /// Octets that its queue needs.
        wanted: u64,
        /// Octets of the longest there is.
        most: u64,
    },
}

impl TcError {
    /// What is told of it: RFC 2205 appendix B.
    #[must_use]
    pub const fn code(&self) -> (ErrorCode, u16) {
        match self {
            Self::DelayBound => (ErrorCode::ADMISSION_CONTROL, 1),
            Self::Bandwidth | Self::TooMany => (ErrorCode::ADMISSION_CONTROL, 2),
            Self::Mtu => (ErrorCode::ADMISSION_CONTROL, 3),
            Self::ServiceConflict => (ErrorCode::TRAFFIC_CONTROL, ErrorValue::SERVICE_CONFLICT.0),
            Self::ServiceUnsupported => (
                ErrorCode::TRAFFIC_CONTROL,
                ErrorValue::SERVICE_UNSUPPORTED.0,
            ),
            Self::NoSuchHandle | Self::System(_) => (ErrorCode::TRAFFIC_CONTROL_SYSTEM, 0),
        }
    }
}

/// What has been granted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Granted {
    /// The reservation's name.
    pub handle: RHandle,
    /// *Fwd_Flowspec*: what to ask of the nodes before this one, if it differs from what was asked of this one.
    pub forward: Option<Flowspec>,
}

/// Carries reservations out: the calls of RFC 2205 §3.11.2, with a reservation and its filters in one, so that a change
/// is made whole or not at all.
///
/// Interfaces are told of before they are named here. Never called for [`IfIndex::LOCAL`].
///
/// The upcalls are `Engine::handle_reservation_lost` (`TC_Preempt`), after which the handle is not named here again, and
/// `Engine::handle_traffic_control_changed`.
pub trait TrafficControl: Send + core::fmt::Debug {
    /// `TC_Advertise`: what this node adds to the Adspec of a Path that leaves by `interface`. A service that is not
    /// enforced there is `None`, which sets its break bit downstream; with neither, data is not policed there.
    /// `after_non_is_hop` is the engine's to set. The answer stays the same until
    /// `Engine::handle_traffic_control_changed` is called.
    fn advertise(&self, interface: IfIndex) -> LocalElement;

    /// `TC_AddFlowspec`, or, of a `handle` that was given out, `TC_ModFlowspec`; and what `TC_AddFilter` and
    /// `TC_DelFilter` do: `filters` is the whole list, in order and without doubles, of the senders of `session` whose
    /// data uses the reservation, `None` for whomever.
    ///
    /// A request for no more than what is installed is never refused for want of bandwidth.
    ///
    /// # Errors
    /// [`TcError`]; what was installed, its filters included, stays as it was.
    fn install(
        &mut self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
        session: &Session,
        filters: &[Option<Sender>],
    ) -> Result<Granted, TcError>;

    /// How much was wanted of how much, of a request that [`install`](Self::install) has just refused for want of bandwidth:
    /// for people to read. `None` if that is not known.
    fn shortage(
        &self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
    ) -> Option<Shortage> {
        let _ = (interface, handle, request);
        None
    }

    /// `TC_DelFlowspec`: removes a reservation and its filters. One that is not there is no error.
    fn remove(&mut self, interface: IfIndex, handle: RHandle);
}
