//! Queues of interfaces that keep reservations, and the reservations: traffic control as RFC 2205 §3.11.2 has it.
//!
//! ```
//! use fairway_native::{InterfaceConfig, Setup, Stack};
//! use fairway_stack::native::Host;
//! use fairway_stack::qos::{Filter, Flowspec, LinkShare, ReserveOptions, Service, Tspec};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
//! # let _guard = runtime.enter();
//! let mut stack = Stack::new(Setup::new("router", [7; 32]));
//! let line = stack.add_interface(InterfaceConfig::point("p2p0", 1500)).0;
//! let manage = Host::real_time(stack).net().manage();
//! // 10 Mbit/s, of which half can be reserved.
//! manage.share_link(line, &LinkShare::new(1_250_000).share(50)).unwrap();
//! let tspec = Tspec { rate: 25_000, bucket: 3_000, peak: None, min_policed: 100, max_packet: 1_000 };
//! let voice = Flowspec { tspec, service: Service::Guaranteed { rate: 50_000 } };
//! let flow = manage.reserve(line, voice, ReserveOptions::default()).unwrap();
//! let filter = Filter { destination_port: Some(5004), ..Filter::default() };
//! manage.add_filter(line, flow, filter).unwrap();
//! // 1.2 ms for the link's longest packet.
//! let offer = manage.offer(line, 100, 1_000).unwrap();
//! assert_eq!((offer.terms.c, offer.terms.d_micros), (1_000, 1_201));
//! assert_eq!(offer.available, 575_000);
//! ```

use super::Manage;
use crate::error::NetError;
use fairway_native::qos::{
    AdmissionError, FairQueue, Filter, FilterId, FlowId, FlowStats, Flowspec, QueueStats,
    ReserveOptions,
};
use fairway_native::stack::{Offer, TrafficError};

/// How an interface shares its link between reservations and all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkShare {
    pub(crate) rate: u64,
    pub(crate) share: u8,
    pub(crate) best_effort: usize,
}

impl LinkShare {
    /// A link that carries `rate` octets of frames per second, link headers included: at least 1. The queue gives packets
    /// out no faster.
    #[must_use]
    pub const fn new(rate: u64) -> Self {
        Self {
            rate,
            share: FairQueue::MOST_SHARE,
            best_effort: 1000,
        }
    }

    /// At most so many percent of the rate can be reserved. Default, and most that counts,
    /// [`FairQueue::MOST_SHARE`].
    #[must_use]
    pub const fn share(self, percent: u8) -> Self {
        Self {
            share: percent,
            ..self
        }
    }

    /// At most so many packets wait without a reservation; more are dropped. Default 1000.
    #[must_use]
    pub const fn best_effort(self, packets: usize) -> Self {
        Self {
            best_effort: packets,
            ..self
        }
    }
}

/// A reservation and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowState {
    /// What is reserved.
    pub spec: Flowspec,
    /// What was counted.
    pub stats: FlowStats,
    /// How many of its packets wait.
    pub waiting: usize,
}

/// Why traffic control did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// There is no such interface ([`NetError::Nxio`]), its queue takes no reservations ([`NetError::OpNotSupp`], as on
    /// the system back end), or the host has crashed ([`NetError::NetDown`]).
    #[error(transparent)]
    Net(#[from] NetError),
    /// The queue refuses. What was in place stays.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
}

impl From<TrafficError> for ReserveError {
    fn from(error: TrafficError) -> Self {
        match error {
            TrafficError::Interface(errno) => Self::Net(errno.into()),
            TrafficError::Admission(error) => Self::Admission(error),
            // The engine's enum may grow.
            _ => Self::Net(NetError::Inval),
        }
    }
}

/// Queueing disciplines of interfaces. On the system back end they are [`NetError::OpNotSupp`]: who speaks RSVP there
/// uses the kernel's traffic control itself.
impl Manage {
    /// Gives an interface a queue that keeps reservations (worst-case fair weighted fair queueing); what waits in another
    /// is dropped. One that is there already changes, and keeps what is reserved, even if it would not be admitted now.
    ///
    /// # Errors
    /// [`NetError::Nxio`], [`NetError::Inval`] for a rate of zero, [`NetError::OpNotSupp`] on the system back end.
    pub fn share_link(&self, interface: u32, share: &LinkShare) -> Result<(), NetError> {
        self.host()?.share_link(interface, share)
    }

    /// Gives an interface a plain queue again, first come, first served, of so many packets. What waits in the old queue
    /// is dropped, and its reservations are gone.
    ///
    /// # Errors
    /// [`NetError::Nxio`], [`NetError::OpNotSupp`] on the system back end.
    pub fn queue_plainly(&self, interface: u32, packets: usize) -> Result<(), NetError> {
        self.host()?.queue_plainly(interface, packets)
    }

    /// What the queue of an interface has counted, whatever its discipline.
    ///
    /// # Errors
    /// [`NetError::Nxio`], [`NetError::OpNotSupp`] on the system back end.
    pub fn queue_stats(&self, interface: u32) -> Result<QueueStats, NetError> {
        self.host()?.queue_stats(interface)
    }

    /// Reserves for a flow (`TC_AddFlowspec`); its filters come after.
    ///
    /// # Errors
    /// [`ReserveError`].
    pub fn reserve(
        &self,
        interface: u32,
        spec: Flowspec,
        options: ReserveOptions,
    ) -> Result<FlowId, ReserveError> {
        self.host()?.reserve(interface, spec, options)
    }

    /// Changes a reservation (`TC_ModFlowspec`). One that asks for no more than what is installed is never refused for
    /// want of bandwidth.
    ///
    /// # Errors
    /// [`ReserveError`]; the reservation is then unchanged.
    pub fn modify(
        &self,
        interface: u32,
        flow: FlowId,
        spec: Flowspec,
        options: ReserveOptions,
    ) -> Result<(), ReserveError> {
        self.host()?.modify(interface, flow, spec, options)
    }

    /// Gives a reservation and its filters up (`TC_DelFlowspec`); what waits goes on as best effort.
    ///
    /// # Errors
    /// [`ReserveError`].
    pub fn release(&self, interface: u32, flow: FlowId) -> Result<(), ReserveError> {
        self.host()?.release(interface, flow)
    }

    /// Selects packets for a reservation (`TC_AddFilter`). Of several filters that a packet agrees with, the one that
    /// gives most fields counts.
    ///
    /// # Errors
    /// [`ReserveError`].
    pub fn add_filter(
        &self,
        interface: u32,
        flow: FlowId,
        filter: Filter,
    ) -> Result<FilterId, ReserveError> {
        self.host()?.add_filter(interface, flow, filter)
    }

    /// Removes a filter (`TC_DelFilter`); whether it was there.
    ///
    /// # Errors
    /// [`ReserveError::Net`].
    pub fn remove_filter(&self, interface: u32, filter: FilterId) -> Result<bool, ReserveError> {
        self.host()?.remove_filter(interface, filter)
    }

    /// The reservations of an interface, in the order of their names.
    ///
    /// # Errors
    /// [`ReserveError::Net`].
    pub fn flows(&self, interface: u32) -> Result<Vec<(FlowId, Flowspec)>, ReserveError> {
        self.host()?.flows(interface)
    }

    /// What is reserved for a flow, and what became of it.
    ///
    /// # Errors
    /// [`ReserveError`].
    pub fn flow(&self, interface: u32, flow: FlowId) -> Result<FlowState, ReserveError> {
        self.host()?.flow(interface, flow)
    }

    /// What an interface offers to a flow whose packets have `min_policed` to `max_packet` octets: rate, MTU, error terms
    /// (`TC_Advertise`).
    ///
    /// # Errors
    /// [`ReserveError::Net`].
    pub fn offer(
        &self,
        interface: u32,
        min_policed: u32,
        max_packet: u32,
    ) -> Result<Offer, ReserveError> {
        self.host()?.offer(interface, min_policed, max_packet)
    }
}
