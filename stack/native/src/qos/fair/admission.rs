//! Reservations: admission, change, filters, and what is left (`rsvp.md` §13's calls of traffic control).

use fairway_wire::Instant;

use super::flow::{ErrorTerms, FlowId, FlowStats, Policing, Reservation, ReserveOptions, span};
use super::queue::{FairQueue, best_effort_rate, hundredth};
use crate::qos::bucket::TokenBucket;
use crate::qos::classify::{Filter, FilterId};
use crate::qos::flowspec::{AdmissionError, Flowspec, Service};
use crate::qos::qdisc::length;

impl FairQueue {
    /// Reserves for a flow; its filters come after.
    ///
    /// # Errors
    /// [`AdmissionError`] but for `NoSuchFlow` and `FilterInUse`.
    pub fn reserve(
        &mut self,
        spec: Flowspec,
        options: ReserveOptions,
    ) -> Result<FlowId, AdmissionError> {
        if self.reservations.len() >= Self::MOST_FLOWS {
            return Err(AdmissionError::TooMany);
        }
        self.admit(&spec, 0)?;
        let taken = |id: &FlowId| *id == FlowId::CONTROL || self.reservations.contains_key(id);
        let mut id = FlowId(self.named);
        loop {
            id = FlowId(id.0.wrapping_add(1).max(1));
            if !taken(&id) {
                break;
            }
        }
        self.named = id.0;
        let mut reservation = Reservation::new(spec, options);
        self.apply(&mut reservation);
        self.admitted += self.frame_rate(&spec, spec.admitted_rate());
        self.share_out(0, reservation.flow.rate);
        self.reservations.insert(id, reservation);
        Ok(id)
    }

    /// Changes a reservation. One that asks for no more than what is installed is never refused for want of bandwidth.
    ///
    /// # Errors
    /// [`AdmissionError`]; the reservation is then unchanged.
    pub fn modify(
        &mut self,
        now: Instant,
        id: FlowId,
        spec: Flowspec,
        options: ReserveOptions,
    ) -> Result<(), AdmissionError> {
        let old = self
            .reservations
            .get(&id)
            .ok_or(AdmissionError::NoSuchFlow)?
            .spec;
        let held = self.frame_rate(&old, old.admitted_rate());
        self.admit(&spec, held)?;
        let wanted = self.frame_rate(&spec, spec.admitted_rate());
        self.admitted = self.admitted - held + wanted;
        let Some(mut reservation) = self.reservations.remove(&id) else {
            return Err(AdmissionError::NoSuchFlow);
        };
        let max_packet = u64::from(spec.tspec.max_packet);
        reservation.spec = spec;
        reservation.options = options;
        let depth = spec.tspec.bucket.max(max_packet);
        reservation.bucket.set(now, spec.tspec.rate, depth);
        reservation.peak = match (reservation.peak.take(), spec.tspec.peak) {
            (Some(mut bucket), Some(peak)) => {
                bucket.set(now, peak, max_packet);
                Some(bucket)
            }
            (None, Some(peak)) => Some(TokenBucket::new(peak, max_packet)),
            (_, None) => None,
        };
        let before = reservation.flow.rate;
        self.apply(&mut reservation);
        self.share_out(before, reservation.flow.rate);
        self.reservations.insert(id, reservation);
        Ok(())
    }

    /// Gives a reservation and its filters up; what waits of the flow goes on as best effort, as far as there is room.
    /// Whether there was such a reservation.
    pub fn release(&mut self, now: Instant, id: FlowId) -> bool {
        self.unschedule(id);
        let Some(reservation) = self.reservations.remove(&id) else {
            return false;
        };
        self.classifier.remove_flow(id);
        self.admitted -= self.frame_rate(&reservation.spec, reservation.spec.admitted_rate());
        self.share_out(reservation.flow.rate, 0);
        for packet in reservation.queue {
            self.packets -= 1;
            self.octets -= length(&packet);
            if self.enqueue_best_effort(now, packet).is_err() {
                self.stats.dropped += 1;
            }
        }
        true
    }

    /// Selects packets for a reservation.
    ///
    /// # Errors
    /// `NoSuchFlow`, `FilterInUse` or `TooMany`.
    pub fn add_filter(&mut self, id: FlowId, filter: Filter) -> Result<FilterId, AdmissionError> {
        if !self.reservations.contains_key(&id) {
            return Err(AdmissionError::NoSuchFlow);
        }
        if self.classifier.len() >= Self::MOST_FILTERS {
            return Err(AdmissionError::TooMany);
        }
        self.classifier
            .add(filter, id)
            .ok_or(AdmissionError::FilterInUse)
    }

    /// Removes a filter; whether it was there. What it selected and waits stays with the reservation.
    pub fn remove_filter(&mut self, id: FilterId) -> bool {
        self.classifier.remove(id)
    }

    /// What is reserved for a flow.
    #[must_use]
    pub fn reservation(&self, id: FlowId) -> Option<&Flowspec> {
        Some(&self.reservations.get(&id)?.spec)
    }

    /// What a flow has counted.
    #[must_use]
    pub fn flow_stats(&self, id: FlowId) -> Option<FlowStats> {
        Some(self.reservations.get(&id)?.stats)
    }

    /// The reservations, in order.
    pub fn flows(&self) -> impl Iterator<Item = (FlowId, &Flowspec)> {
        self.reservations.iter().map(|(&id, one)| (id, &one.spec))
    }

    /// The error terms to advertise for a flow whose longest packet has `max_packet` octets.
    #[must_use]
    pub fn error_terms(&self, max_packet: u32) -> ErrorTerms {
        let frame = u64::from(self.mtu) + u64::from(self.header);
        let nanos = span(frame, self.link_rate) >> 20;
        ErrorTerms {
            c: u64::from(max_packet),
            // A nanosecond more for the rounding of virtual time.
            d_micros: u64::try_from((nanos + 1).div_ceil(1000)).unwrap_or(u64::MAX),
        }
    }

    /// What can still be reserved, in octets per second of packets of `min_policed` octets and more.
    #[must_use]
    pub fn available(&self, min_policed: u32) -> u64 {
        let left = self.reservable_frames().saturating_sub(self.admitted);
        self.packet_rate(left, min_policed)
    }

    /// What could be reserved if nothing was, in octets per second of packets of `min_policed` octets and more.
    #[must_use]
    pub fn reservable(&self, min_policed: u32) -> u64 {
        self.packet_rate(self.reservable_frames(), min_policed)
    }

    /// The link has another rate, in octets of frames per second: at least 1. What is reserved stays.
    pub fn set_link_rate(&mut self, link_rate: u64) {
        self.link_rate = link_rate.max(1);
        let mut reservations = std::mem::take(&mut self.reservations);
        for one in reservations.values_mut() {
            self.apply(one);
        }
        self.reservations = reservations;
        self.share_out(0, 0);
    }

    /// The link's rate, in octets of frames per second.
    #[must_use]
    pub const fn link_rate(&self) -> u64 {
        self.link_rate
    }

    fn reservable_frames(&self) -> u64 {
        let share = u128::from(self.link_rate) * u128::from(self.share) / 100;
        u64::try_from(share).unwrap_or(u64::MAX)
    }

    /// `rate` of frames as one of IP packets that have `min_policed` octets and more.
    fn packet_rate(&self, rate: u64, min_policed: u32) -> u64 {
        let packet = u128::from(min_policed.max(1));
        let frame = packet + u128::from(self.header);
        u64::try_from(u128::from(rate) * packet / frame).unwrap_or(u64::MAX)
    }

    /// `rate` of IP packets as a rate of frames: larger by the headers of the shortest packets (`rsvp.md` §6.5).
    fn frame_rate(&self, spec: &Flowspec, rate: u64) -> u64 {
        let packet = u128::from(spec.tspec.min_policed.max(1));
        let frame = packet + u128::from(self.header);
        u64::try_from((u128::from(rate) * frame).div_ceil(packet)).unwrap_or(u64::MAX)
    }

    /// Whether there is room for `spec` where `held` is given back.
    fn admit(&self, spec: &Flowspec, held: u64) -> Result<(), AdmissionError> {
        spec.check(self.mtu)?;
        let wanted = self.frame_rate(spec, spec.admitted_rate());
        let others = self.admitted.saturating_sub(held);
        if wanted > held && others.saturating_add(wanted) > self.reservable_frames() {
            return Err(AdmissionError::Bandwidth {
                available: self.available(spec.tspec.min_policed),
            });
        }
        Ok(())
    }

    /// Sets what follows from a reservation's flowspec and options.
    fn apply(&self, reservation: &mut Reservation) {
        let spec = reservation.spec;
        let rate = self.frame_rate(&spec, spec.admitted_rate());
        reservation.flow.rate = match spec.service {
            Service::Guaranteed { .. } => rate,
            // RFC 2211: more than the Tspec says must be lent, else the queue left by a burst never drains.
            Service::ControlledLoad => rate.saturating_add(rate / 8),
        };
        // RFC 2212: b + Csum + Dsum·R loses nothing (with r, where the flow is reshaped); our own terms included.
        let own = self.error_terms(spec.tspec.max_packet);
        let ReserveOptions {
            policing,
            upstream_c,
            upstream_d_micros,
            ..
        } = reservation.options;
        let at = match policing {
            Policing::Reshape => spec.tspec.rate,
            Policing::None | Policing::Police => spec.admitted_rate(),
        };
        let micros = u128::from(own.d_micros) + u128::from(upstream_d_micros);
        let delayed = (micros * u128::from(at)).div_ceil(1_000_000);
        reservation.most_octets = spec
            .tspec
            .bucket
            .max(spec.tspec.max_packet.into())
            .saturating_add(own.c)
            .saturating_add(upstream_c)
            .saturating_add(u64::try_from(delayed).unwrap_or(u64::MAX));
    }

    /// A flow that had a share of the link's rate has another now; best effort gets what is left.
    fn share_out(&mut self, before: u64, now: u64) {
        self.shared = self.shared - u128::from(before) + u128::from(now);
        let reserved = u64::try_from(self.shared).unwrap_or(u64::MAX);
        self.best_effort.flow.rate = best_effort_rate(self.link_rate, reserved);
        self.control.flow.rate = hundredth(self.link_rate);
    }
}
