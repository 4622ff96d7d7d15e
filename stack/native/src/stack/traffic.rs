//! Traffic control (`rsvp.md` §13): reservations on the queue of an interface.
//!
//! An interface takes reservations if its queueing discipline is a [`FairQueue`]
//! ([`set_fair_queue`](Stack::set_fair_queue), [`set_queue`](Stack::set_queue)). A daemon that speaks RSVP asks for them here; a handle names the interface's
//! reservation, and is the traffic class of its packets.

use super::Stack;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};
use crate::iface::{InterfaceId, Medium};
use crate::qos::{
    AdmissionError, ErrorTerms, FairQueue, Filter, FilterId, FlowId, FlowStats, Flowspec,
    ReserveOptions,
};
use fairway_wire::{Instant, ethernet};

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
    /// Octets per second of IP packets that could be reserved if nothing was.
    pub reservable: u64,
    /// Octets per second of frames that the link carries.
    pub link_rate: u64,
    /// Octets of the longest IP packet.
    pub mtu: usize,
    /// Its error terms.
    pub terms: ErrorTerms,
}

impl Stack {
    /// Gives an interface a [`FairQueue`] that fits it, on a link that carries `link_rate` octets of frames per second.
    /// At most `share` percent of that can be reserved ([`FairQueue::MOST_SHARE`]); at most `best_effort` packets wait
    /// without a reservation. What waits in a queue of another discipline is dropped; a fair queue that is there already
    /// changes, and keeps what is reserved, even if it would not be admitted now.
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is no such interface, [`Errno::Inval`] for a rate of zero.
    pub fn set_fair_queue(
        &mut self,
        now: Instant,
        id: InterfaceId,
        link_rate: u64,
        share: u8,
        best_effort: usize,
    ) -> Result<(), Errno> {
        self.tell(now);
        let interface = self.routing.interface(id).ok_or(Errno::NxIo)?;
        if link_rate == 0 {
            return Err(Errno::Inval);
        }
        let header = match interface.medium {
            Medium::Ethernet(_) => u32::try_from(ethernet::Header::LEN).unwrap_or(0),
            Medium::Point | Medium::Loopback => 0,
        };
        let mtu = u32::try_from(interface.mtu).unwrap_or(u32::MAX);
        let is_new = self.fair(id).is_err();
        if is_new {
            let queue = FairQueue::new(link_rate, mtu, header, self.key);
            self.set_queue(id, queue)?;
        }
        let fair = self.fair(id)?;
        fair.set_link_rate(link_rate);
        fair.set_share(share);
        let lost = fair.set_best_effort_limit(best_effort, u64::MAX);
        self.queue_lost(id, lost, DropReason::QueueReplaced);
        self.queue_changed(id);
        Ok(())
    }

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

    /// What is reserved for a flow, what it has counted, and how many packets of it wait.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn flow_state(
        &mut self,
        id: InterfaceId,
        flow: FlowId,
    ) -> Result<(Flowspec, FlowStats, usize), TrafficError> {
        let fair = self.fair(id)?;
        let spec = fair.reservation(flow).copied();
        match (spec, fair.flow_stats(flow)) {
            (Some(spec), Some(stats)) => Ok((spec, stats, fair.len_of(flow))),
            _ => Err(AdmissionError::NoSuchFlow.into()),
        }
    }

    /// The reservations of an interface, in the order of their names.
    ///
    /// # Errors
    /// [`TrafficError::Interface`].
    pub fn flows(&mut self, id: InterfaceId) -> Result<Vec<(FlowId, Flowspec)>, TrafficError> {
        let flows = self.fair(id)?.flows();
        Ok(flows.map(|(flow, spec)| (flow, *spec)).collect())
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
            reservable: fair.reservable(min_policed),
            link_rate: fair.link_rate(),
            mtu,
            terms: fair.error_terms(max_packet),
        })
    }
}
