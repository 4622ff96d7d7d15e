//! Reservations on the queues of a host of our own stack.

use super::{Host, Stack};
use crate::error::NetError;
use crate::manage::queue::{FlowState, LinkShare, ReserveError};
use fairway_native::InterfaceId;
use fairway_native::qos::{Fifo, Filter, FilterId, FlowId, Flowspec, QueueStats, ReserveOptions};
use fairway_native::stack::{Offer, TrafficError};
use fairway_wire::Instant;

impl Host {
    fn control<R>(
        &self,
        work: impl FnOnce(&mut Stack, Instant) -> Result<R, TrafficError>,
    ) -> Result<R, ReserveError> {
        let result = self.call(NetError::NetDown, |stack, now| Ok(work(stack, now)))?;
        Ok(result?)
    }

    pub(crate) fn share_link(&self, interface: u32, share: &LinkShare) -> Result<(), NetError> {
        let LinkShare {
            rate,
            share,
            best_effort,
        } = *share;
        self.change(|stack, now| {
            stack.set_fair_queue(now, InterfaceId(interface), rate, share, best_effort)
        })
    }

    pub(crate) fn queue_plainly(&self, interface: u32, packets: usize) -> Result<(), NetError> {
        let queue = Fifo::new(packets, u64::MAX);
        self.change(|stack, _| stack.set_queue(InterfaceId(interface), queue))
    }

    pub(crate) fn queue_stats(&self, interface: u32) -> Result<QueueStats, NetError> {
        self.look(NetError::NetDown, |stack| {
            let mut interfaces = stack.interfaces().iter();
            let found = interfaces.find(|one| one.id() == InterfaceId(interface));
            Ok(*found.ok_or(NetError::Nxio)?.queue().stats())
        })
    }

    pub(crate) fn reserve(
        &self,
        interface: u32,
        spec: Flowspec,
        options: ReserveOptions,
    ) -> Result<FlowId, ReserveError> {
        self.control(|stack, now| stack.reserve(now, InterfaceId(interface), spec, options))
    }

    pub(crate) fn modify(
        &self,
        interface: u32,
        flow: FlowId,
        spec: Flowspec,
        options: ReserveOptions,
    ) -> Result<(), ReserveError> {
        let id = InterfaceId(interface);
        self.control(|stack, now| stack.modify_reservation(now, id, flow, spec, options))
    }

    pub(crate) fn release(&self, interface: u32, flow: FlowId) -> Result<(), ReserveError> {
        self.control(|stack, now| stack.release(now, InterfaceId(interface), flow))
    }

    pub(crate) fn add_filter(
        &self,
        interface: u32,
        flow: FlowId,
        filter: Filter,
    ) -> Result<FilterId, ReserveError> {
        self.control(|stack, _| stack.add_filter(InterfaceId(interface), flow, filter))
    }

    pub(crate) fn remove_filter(
        &self,
        interface: u32,
        filter: FilterId,
    ) -> Result<bool, ReserveError> {
        self.control(|stack, _| stack.remove_filter(InterfaceId(interface), filter))
    }

    pub(crate) fn flows(&self, interface: u32) -> Result<Vec<(FlowId, Flowspec)>, ReserveError> {
        self.control(|stack, _| stack.flows(InterfaceId(interface)))
    }

    pub(crate) fn flow(&self, interface: u32, flow: FlowId) -> Result<FlowState, ReserveError> {
        let (spec, stats, waiting) =
            self.control(|stack, _| stack.flow_state(InterfaceId(interface), flow))?;
        Ok(FlowState {
            spec,
            stats,
            waiting,
        })
    }

    pub(crate) fn offer(
        &self,
        interface: u32,
        min_policed: u32,
        max_packet: u32,
    ) -> Result<Offer, ReserveError> {
        self.control(|stack, _| stack.offer(InterfaceId(interface), min_policed, max_packet))
    }
}
