//! Traffic control (`rsvp.md` §13): reservations on the queue of an interface.
//!
//! An interface takes reservations if its queueing discipline is a [`FairQueue`]
//! ([`set_queue`](Stack::set_queue)). A daemon that speaks RSVP asks for them here; a handle names the interface's
//! reservation, and is the traffic class of its packets.

use super::Stack;
use crate::errno::Errno;
use crate::event;
use crate::event::EventId;
use crate::iface::InterfaceId;
use crate::qos::{
    AdmissionError, ErrorTerms, FairQueue, Filter, FilterId, FlowId, Flowspec, ReserveOptions,
};
use fairway_wire::Instant;

/// Why traffic control did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrafficError {
    /// There is no such interface ([`Errno::NxIo`]), or its queue takes no reservations ([`Errno::OpNotSupp`]).
    #[error(transparent)]
    Interface(#[from] Errno),
    /// The queue refuses.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
}

/// What an interface can offer to further flows: its part of an Adspec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Octets per second of IP packets that can still be reserved.
    pub available: u64,
    /// Octets per second of frames that the link carries.
    pub link_rate: u64,
    /// Octets of the longest IP packet.
    pub mtu: usize,
    /// Its error terms.
    pub terms: ErrorTerms,
}

impl Stack {
    fn fair(&mut self, id: InterfaceId) -> Result<&mut FairQueue, Errno> {
        let interface = self.routing.interface_mut(id).ok_or(Errno::NxIo)?;
        interface.queue.as_fair_mut().ok_or(Errno::OpNotSupp)
    }

    /// Lets whoever drives an interface look at its queue again: what waits may leave at another time now.
    fn queue_changed(&mut self, id: InterfaceId) {
        let Some(interface) = self.routing.interface_mut(id) else {
            return;
        };
        if interface.held_until.take().is_some() && interface.pending && !interface.suspended {
            self.pending.push_back(id);
        }
    }

    /// `TC_AddFlowspec`: reserves for a flow on an interface.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn reserve(
        &mut self,
        now: Instant,
        id: InterfaceId,
        spec: Flowspec,
        options: ReserveOptions,
    ) -> Result<FlowId, TrafficError> {
        self.tell(now);
        let flow = self.fair(id)?.reserve(spec, options)?;
        event!(
            self.events,
            self.now,
            EventId::QdiscReserve,
            interface = id,
            detail = flow.0
        );
        Ok(flow)
    }

    /// `TC_ModFlowspec`: changes a reservation; on failure the old one stays.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn modify_reservation(
        &mut self,
        now: Instant,
        id: InterfaceId,
        flow: FlowId,
        spec: Flowspec,
        options: ReserveOptions,
    ) -> Result<(), TrafficError> {
        self.tell(now);
        let now = self.now;
        self.fair(id)?.modify(now, flow, spec, options)?;
        event!(
            self.events,
            self.now,
            EventId::QdiscReserve,
            interface = id,
            detail = flow.0
        );
        self.queue_changed(id);
        Ok(())
    }

    /// `TC_DelFlowspec`: gives a reservation up, its filters too.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn release(
        &mut self,
        now: Instant,
        id: InterfaceId,
        flow: FlowId,
    ) -> Result<(), TrafficError> {
        self.tell(now);
        let now = self.now;
        if !self.fair(id)?.release(now, flow) {
            return Err(AdmissionError::NoSuchFlow.into());
        }
        event!(
            self.events,
            self.now,
            EventId::QdiscRelease,
            interface = id,
            detail = flow.0
        );
        self.queue_changed(id);
        Ok(())
    }

    /// `TC_AddFilter`: selects packets for a reservation.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn add_filter(
        &mut self,
        id: InterfaceId,
        flow: FlowId,
        filter: Filter,
    ) -> Result<FilterId, TrafficError> {
        Ok(self.fair(id)?.add_filter(flow, filter)?)
    }

    /// `TC_DelFilter`: whether there was such a filter.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn remove_filter(
        &mut self,
        id: InterfaceId,
        filter: FilterId,
    ) -> Result<bool, TrafficError> {
        Ok(self.fair(id)?.remove_filter(filter))
    }

    /// `TC_Advertise`: what the interface offers to a flow whose packets have `min_policed` to `max_packet` octets.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn offer(
        &mut self,
        id: InterfaceId,
        min_policed: u32,
        max_packet: u32,
    ) -> Result<Offer, TrafficError> {
        let mtu = self.routing.interface(id).ok_or(Errno::NxIo)?.mtu;
        let fair = self.fair(id)?;
        Ok(Offer {
            available: fair.available(min_policed),
            link_rate: fair.link_rate(),
            mtu,
            terms: fair.error_terms(max_packet),
        })
    }
}
