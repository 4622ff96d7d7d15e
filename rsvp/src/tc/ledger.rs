//! What of a link is reserved: admission control, without installing anything.
//!
//! Guaranteed service counts its R, controlled load its r (RFC 2211 §3, RFC 2212), of what senders and receivers agree
//! on ([`Flowspec::effective`]), and as octets on the link: a reservation of rate r for packets of m octets and more
//! takes r · (m + header)/m of it ([`Tspec::on_link`](crate::intserv::Tspec::on_link)). The sum never exceeds the share of
//! the link that can be reserved.
//!
//! It counts whole thousandths of octets per second, rounded up, so that what is released is exactly what was taken.

use std::collections::BTreeMap;

use super::{Bound, RHandle, Request, Shortage, TcError, TcSettings};
use crate::intserv::{BytesPerSec, Flowspec};

/// Thousandths in one.
const MILLI: f64 = 1000.0;

/// The reservations of one interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    bounds: Bounds,
    entries: BTreeMap<RHandle, Entry>,
    reserved: u64,
}

/// What an interface can bear.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// What can be reserved in all, link headers included.
    pub share: BytesPerSec,
    /// What one reservation can have, link headers not included.
    pub per_flow_max: BytesPerSec,
    /// Octets that the link puts in front of each packet.
    pub link_header: u32,
    /// The longest IP packet, octets.
    pub mtu: u32,
    /// The most reservations.
    pub reservations: usize,
}

impl Bounds {
    /// Those of a link of this rate, link header and MTU under these settings.
    #[must_use]
    pub fn new(settings: &TcSettings, link_rate: BytesPerSec, link_header: u32, mtu: u32) -> Self {
        Self {
            share: settings.share(link_rate),
            per_flow_max: settings.per_flow.of(link_rate),
            link_header,
            mtu,
            reservations: settings.max_reservations,
        }
    }
}

/// What one reservation has been granted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    asked: Flowspec,
    effective: Flowspec,
    charge: u64,
}

impl Entry {
    pub(super) fn new(request: &Request, link_header: u32) -> Self {
        let effective = request.flowspec.effective(&request.path);
        Self {
            asked: request.flowspec,
            effective,
            charge: millis_up(on_link(&effective, link_header)),
        }
    }

    /// What is installed: [`Flowspec::effective`].
    #[must_use]
    pub const fn effective(&self) -> &Flowspec {
        &self.effective
    }

    /// What it takes of the link, link headers included.
    #[must_use]
    pub fn rate(&self) -> BytesPerSec {
        octets(self.charge)
    }

    /// Whether this is no more than what `old` has.
    fn is_within(&self, old: &Self) -> bool {
        self.charge <= old.charge && self.asked.rate() <= old.asked.rate()
    }
}

impl Ledger {
    /// Nothing is reserved.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            entries: BTreeMap::new(),
            reserved: 0,
        }
    }

    /// What the interface can bear.
    #[must_use]
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The interface has changed. What is reserved stays, even if it would no longer be admitted; what it takes of the
    /// link is counted anew.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
        for entry in self.entries.values_mut() {
            entry.charge = millis_up(on_link(&entry.effective, bounds.link_header));
        }
        self.reserved = self.entries.values().map(|entry| entry.charge).sum();
    }

    /// Takes what is asked under this name, which is not in use.
    ///
    /// # Errors
    /// [`TcError::Mtu`], [`TcError::Bandwidth`] or [`TcError::TooMany`]; then nothing is taken.
    pub fn admit(&mut self, handle: RHandle, request: &Request) -> Result<Entry, TcError> {
        if self.entries.len() >= self.bounds.reservations {
            return Err(TcError::TooMany);
        }
        self.bear(request, None)?;
        let entry = Entry::new(request, self.bounds.link_header);
        self.enter(handle, entry, None)?;
        Ok(entry)
    }

    /// Counts what has been granted already, whether it would be admitted or not.
    pub fn count(&mut self, handle: RHandle, request: &Request) {
        self.release(handle);
        let entry = Entry::new(request, self.bounds.link_header);
        self.reserved = self.reserved.saturating_add(entry.charge);
        self.entries.insert(handle, entry);
    }

    /// Takes something else instead, and gives what was there before, for [`restore`](Self::restore).
    ///
    /// No more than before is always admitted (RFC 2211 §6, RFC 2212).
    ///
    /// # Errors
    /// [`TcError::NoSuchHandle`], or as [`admit`](Self::admit); then all is as it was.
    pub fn change(&mut self, handle: RHandle, request: &Request) -> Result<Entry, TcError> {
        let old = *self.entries.get(&handle).ok_or(TcError::NoSuchHandle)?;
        self.bear(request, Some(&old))?;
        let entry = Entry::new(request, self.bounds.link_header);
        self.enter(handle, entry, Some(&old))?;
        Ok(old)
    }

    /// Undoes a [`change`](Self::change).
    pub fn restore(&mut self, handle: RHandle, old: Entry) {
        if let Some(entry) = self.entries.get_mut(&handle) {
            self.reserved = self
                .reserved
                .saturating_sub(entry.charge)
                .saturating_add(old.charge);
            *entry = old;
        }
    }

    /// Gives back what was taken.
    pub fn release(&mut self, handle: RHandle) -> Option<Entry> {
        let entry = self.entries.remove(&handle)?;
        self.reserved = self.reserved.saturating_sub(entry.charge);
        Some(entry)
    }

    /// What this one has.
    #[must_use]
    pub fn get(&self, handle: RHandle) -> Option<&Entry> {
        self.entries.get(&handle)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is reserved, link headers included.
    #[must_use]
    pub fn reserved(&self) -> BytesPerSec {
        octets(self.reserved)
    }

    /// What is left, link headers included.
    #[must_use]
    pub fn available(&self) -> BytesPerSec {
        octets(self.share().saturating_sub(self.reserved))
    }

    /// What a request, new or in place of what `handle` has, wants, and what there is for it. To be asked when it was refused
    /// for want of bandwidth.
    #[must_use]
    pub fn shortage(&self, handle: Option<RHandle>, request: &Request) -> Shortage {
        let link_header = self.bounds.link_header;
        let entry = Entry::new(request, link_header);
        let own = handle
            .and_then(|handle| self.entries.get(&handle))
            .map_or(0, |own| own.charge);
        let free = self
            .share()
            .saturating_sub(self.reserved.saturating_sub(own));
        if entry.charge <= free {
            Shortage {
                wanted: entry.effective.rate(),
                free: self.bounds.per_flow_max,
                bound: Bound::PerFlow,
            }
        } else {
            Shortage {
                wanted: entry.rate(),
                free: octets(free),
                bound: Bound::Share { link_header },
            }
        }
    }

    fn share(&self) -> u64 {
        millis_down(self.bounds.share.wide())
    }

    /// Whether the packets, and the flow alone, are not too big; `old` may be as big as it is.
    fn bear(&self, request: &Request, old: Option<&Entry>) -> Result<(), TcError> {
        let longest = request.flowspec.tspec().max_packet_size();
        let before = old.map_or(0, |old| old.asked.tspec().max_packet_size());
        // RFC 2211 §3, RFC 2212: packets that the link would have to fragment are not for it.
        if longest > self.bounds.mtu.max(before) {
            return Err(TcError::Mtu);
        }
        Ok(())
    }

    fn enter(&mut self, handle: RHandle, entry: Entry, old: Option<&Entry>) -> Result<(), TcError> {
        let rest = self
            .reserved
            .saturating_sub(old.map_or(0, |old| old.charge));
        let sum = rest.checked_add(entry.charge).ok_or(TcError::Bandwidth)?;
        if !old.is_some_and(|old| entry.is_within(old)) {
            let fits = old.is_some_and(|old| entry.charge <= old.charge) || sum <= self.share();
            if !fits || entry.effective.rate() > self.bounds.per_flow_max {
                return Err(TcError::Bandwidth);
            }
        }
        self.reserved = sum;
        self.entries.insert(handle, entry);
        Ok(())
    }
}

/// The rate that counts, with link headers.
fn on_link(flowspec: &Flowspec, header: u32) -> f64 {
    flowspec.rate().wide() * flowspec.tspec().on_link(header)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, as is wanted"
)]
fn millis_up(octets: f64) -> u64 {
    // What misses a whole number by the last digits of the computation is that number.
    (octets * MILLI * (1.0 - 1e-12)).ceil() as u64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, as is wanted"
)]
fn millis_down(octets: f64) -> u64 {
    (octets * MILLI * (1.0 + 1e-12)).floor() as u64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rates have 24 bits, and this 53"
)]
fn octets(millis: u64) -> BytesPerSec {
    BytesPerSec::nearest(millis as f64 / MILLI)
}

#[cfg(test)]
mod tests;
