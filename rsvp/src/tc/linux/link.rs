//! What is known of one interface, and what is reserved on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::plan::{Plan, Terms, whole};
use super::{TcState, classifier, htb};
use crate::interface::{IfIndex, Interface};
use crate::intserv::{BytesPerSec, ErrorTerms};
use crate::tc::ledger::{Bounds, Ledger};
use crate::tc::{RHandle, Request, TcError, TcMode, TcSettings};
use crate::wire::{Sender, Session};

/// `ARPHRD_ETHER`, and `ARPHRD_LOOPBACK`, whose packets have such headers, too.
const ETHERNET: u16 = 1;
const LOOPBACK: u16 = 772;
/// Octets of an Ethernet header, as the kernel counts packets: without the check sequence.
const ETHERNET_HEADER: u32 = 14;

/// An interface.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) mtu: u32,
    pub(super) settings: TcSettings,
    /// The link's rate, if it is known.
    pub(super) rate: Option<BytesPerSec>,
    /// Octets in front of IP packets.
    pub(super) header: u32,
    pub(super) state: TcState,
    /// `None`: whatever is asked is granted.
    pub(super) ledger: Option<Ledger>,
    pub(super) reservations: BTreeMap<RHandle, Reservation>,
    /// How many filters all of them have.
    pub(super) filters: usize,
    /// Those of its classes, and of what could not be removed.
    pub(super) numbers: BTreeSet<u16>,
}

/// A reservation: what was asked, and how it is installed.
#[derive(Debug)]
pub(super) struct Reservation {
    pub(super) request: Request,
    pub(super) session: Session,
    pub(super) filters: Vec<Option<Sender>>,
    /// `None` where nothing is installed.
    pub(super) installed: Option<Installed>,
}

/// A reservation that cannot stay when its link changes, and why.
pub(super) type Lost = (RHandle, TcError);

/// How a reservation is installed.
#[derive(Clone, Debug)]
pub(super) struct Installed {
    /// The number of its class.
    pub(super) minor: u16,
    /// Its class and its bucket.
    pub(super) plan: Plan,
    /// What the classifier has of it.
    pub(super) entry: classifier::Entry,
}

impl Link {
    /// An interface that is new here, or has changed from `before`, with what is reserved on it: all of it, unless it was not
    /// counted before. Then it is admitted now, in order of handle, and what does not fit comes with it, to be lost.
    pub(super) fn new(
        interface: &Interface,
        settings: &TcSettings,
        kind: u16,
        before: Option<Self>,
    ) -> (Self, Vec<Lost>) {
        let rate = settings
            .link_rate
            .or_else(|| speed(interface))
            .filter(|rate| rate.get() >= 1.0);
        let header = settings.link_header.unwrap_or(match kind {
            ETHERNET | LOOPBACK => ETHERNET_HEADER,
            _ => 0,
        });
        let state = match (settings.mode, rate) {
            (TcMode::Off, _) => TcState::Off("it is configured so".into()),
            (_, None) => TcState::Off("the rate of the link is not known".into()),
            (TcMode::AdmissionOnly, _) => TcState::AdmissionOnly("it is configured so".into()),
            (TcMode::Auto, _) => TcState::Installed,
        };
        let bounds = rate
            .filter(|_| !matches!(state, TcState::Off(_)))
            .map(|rate| Bounds::new(settings, rate, header, interface.mtu));
        let (old_ledger, mut reservations, numbers) = before
            .map(|link| (link.ledger, link.reservations, link.numbers))
            .unwrap_or_default();
        let mut lost = Vec::new();
        let ledger = bounds.map(|bounds| match old_ledger {
            Some(mut ledger) => {
                ledger.set_bounds(bounds);
                ledger
            }
            None => {
                let mut ledger = Ledger::new(bounds);
                for (handle, reservation) in &reservations {
                    let admitted = ledger.admit(*handle, &reservation.request);
                    lost.extend(admitted.err().map(|error| (*handle, error)));
                }
                ledger
            }
        });
        for (handle, _) in &lost {
            reservations.remove(handle);
        }
        let filters = reservations.values().map(|one| one.filters.len()).sum();
        let link = Self {
            name: interface.name.clone(),
            mtu: interface.mtu,
            settings: settings.clone(),
            rate,
            header,
            state,
            ledger,
            reservations,
            filters,
            numbers,
        };
        (link, lost)
    }

    /// A reservation is lost, of which nothing is installed.
    pub(super) fn forget(&mut self, handle: RHandle) {
        if let Some(ledger) = &mut self.ledger {
            ledger.release(handle);
        }
        if let Some(reservation) = self.reservations.remove(&handle) {
            self.filters = self.filters.saturating_sub(reservation.filters.len());
        }
    }

    /// What the classifier has of its reservations.
    pub(super) fn entries(&self) -> Vec<(RHandle, u16, &classifier::Entry)> {
        self.reservations
            .iter()
            .filter_map(|(handle, reservation)| {
                let installed = reservation.installed.as_ref()?;
                Some((*handle, installed.minor, &installed.entry))
            })
            .collect()
    }

    /// Nothing of its reservations is installed any more; gives what was.
    pub(super) fn take_installed(&mut self) -> Vec<Installed> {
        self.reservations
            .values_mut()
            .filter_map(|reservation| reservation.installed.take())
            .collect()
    }

    /// Whether a scheduler is, or is to be, installed.
    pub(super) const fn is_installed(&self) -> bool {
        matches!(self.state, TcState::Installed)
    }

    /// Whether a scheduler could not be installed that is to be.
    pub(super) fn is_wanting(&self) -> bool {
        self.settings.mode == TcMode::Auto && matches!(self.state, TcState::AdmissionOnly(_))
    }

    /// The link in the scheduler's terms; `None` if its rate is not known.
    pub(super) fn terms(&self) -> Option<Terms> {
        let rate = self.rate?;
        Some(Terms {
            rate: whole(rate.wide()),
            share: whole(self.settings.share(rate).wide()),
            longest: self.mtu.saturating_add(self.header),
            header: self.header,
            own: self.error_terms(),
            excess: self.settings.excess,
        })
    }

    /// C and D of guaranteed service here: a packet may wait for one that has begun (RFC 2212 "Exported Information"),
    /// and for the system.
    pub(super) const fn error_terms(&self) -> ErrorTerms {
        ErrorTerms::new(self.mtu, self.settings.delay_micros)
    }
}

/// Numbers of classes that are not in use on any link; those that were longest ago come first.
///
/// No two links have a number in common. By a packet's priority HTB knows its class, and a packet keeps it when it goes from
/// a VLAN, a bridge or the like to the link below: there, no class has that number, and so it is best effort.
#[derive(Debug)]
pub(super) struct Numbers {
    never_used: u16,
    free: VecDeque<u16>,
    used: u16,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            never_used: htb::FIRST,
            free: VecDeque::new(),
            used: 0,
        }
    }
}

impl Numbers {
    /// One that is free.
    pub(super) fn take(&mut self) -> Option<u16> {
        while self.never_used <= htb::LAST {
            let number = self.never_used;
            self.never_used += 1;
            if htb::is_free_number(number) {
                self.used += 1;
                return Some(number);
            }
        }
        let number = self.free.pop_front()?;
        self.used += 1;
        Some(number)
    }

    /// It is free again.
    pub(super) fn give_back(&mut self, number: u16) {
        self.free.push_back(number);
        self.used = self.used.saturating_sub(1);
    }

    /// All of a link that has no classes any more are free again. When no link has any, all begins anew.
    pub(super) fn give_back_all(&mut self, numbers: BTreeSet<u16>) {
        for number in numbers {
            self.give_back(number);
        }
        if self.used == 0 {
            *self = Self::default();
        }
    }
}

/// What the system says of the link's rate.
///
/// /sys may be that of another network namespace; then it speaks of another interface, which has another index, and is
/// not believed.
fn speed(interface: &Interface) -> Option<BytesPerSec> {
    let read = |name: &str| {
        let path = format!("/sys/class/net/{}/{name}", interface.name);
        std::fs::read_to_string(path).ok()
    };
    let index: u32 = read("ifindex")?.trim().parse().ok()?;
    if IfIndex(index) != interface.index {
        return None;
    }
    // Mbit/s; −1 if it is not known.
    let speed: i32 = read("speed")?.trim().parse().ok()?;
    (speed > 0).then(|| BytesPerSec::nearest(f64::from(speed) * 125_000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HTB has 65 534 classes; some numbers are the scheduler's own.
    #[test]
    fn numbers_of_classes_are_used_once() {
        let mut numbers = Numbers::default();
        let all: BTreeSet<u16> = core::iter::from_fn(|| numbers.take()).collect();
        assert!(all.len() >= 61_000);
        assert!(!all.contains(&0x5250) && !all.contains(&2));
        numbers.give_back(77);
        assert_eq!((numbers.take(), numbers.take()), (Some(77), None));
        numbers.give_back_all(all);
        assert_eq!(numbers.take(), Some(htb::FIRST));
    }
}
