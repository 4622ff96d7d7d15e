//! What the daemon stands on beside sockets: routes, traffic control, and news of interfaces.
//!
//! One of these for the system, one for our own stack; tests make their own.

#[cfg(all(feature = "linux-tc", target_os = "linux"))]
mod linux;
mod native;

use core::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::interface::{IfIndex, Interface};
use crate::intserv::LocalElement;
use crate::routing::Routing;
use crate::tc::{
    AdmissionOnly, Granted, RHandle, Request, Shortage, TcError, TcSettings, TrafficControl,
};
use crate::wire::{Sender, Session};

/// Traffic control, told of interfaces and asked how it fares.
pub trait Shaper: TrafficControl {
    /// Interfaces are about to be told of, all there are: what they have in common is looked after. By default they have
    /// nothing.
    fn look_after(&mut self) {}

    /// An interface is there, or has changed. What is reserved on it stays, if it is said so.
    fn set_interface(&mut self, interface: &Interface, settings: &TcSettings) -> Reservations;

    /// An interface is gone, and all that is reserved on it.
    fn interface_gone(&mut self, interface: IfIndex);

    /// All that is reserved goes, and is not asked for again: what the engine removes afterwards is gone already. By default
    /// there is nothing to be gained by that.
    fn close(&mut self) {}

    /// The classes of all interfaces with what they have counted, which the system is asked for: by interface, and those that
    /// are always there first. None where data has no classes, or they do not count.
    fn classes(&mut self) -> Vec<ShaperClass> {
        Vec::new()
    }

    /// How it fares on an interface, as known without asking anybody.
    fn state(&self, interface: IfIndex) -> ShaperState;
}

/// What has become of the reservations of an interface that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reservations {
    /// They are carried out or counted as before, under their names.
    Kept,
    /// They are, but for these, which are gone for this reason.
    KeptWithout(Vec<(RHandle, TcError)>),
    /// They are gone, all of them: the engine is told so.
    Lost,
}

/// Traffic control of one interface, to be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShaperState {
    /// What does it: `htb`, `admission only`, `off`.
    pub kind: &'static str,
    /// What the link carries, octets per second; `None` if that is not known.
    pub link_rate: Option<f32>,
    /// How much of it can be reserved.
    pub share: Option<f32>,
    /// How much is.
    pub reserved: Option<f32>,
    /// Octets that the link puts in front of each packet.
    pub link_header: Option<u32>,
    /// Reservations.
    pub reservations: Option<usize>,
    /// What the administrator should know: why there is no scheduler.
    pub remark: Option<String>,
}

/// What data of one class has come to, to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct ShaperClass {
    /// Where.
    pub interface: IfIndex,
    /// Its name, as the system's own tools print it; `None` if a reservation is only counted.
    pub class: Option<String>,
    /// Whose data it is for.
    pub data: ShapedData,
    /// What it takes of the link, octets per second; `None` of what has no rate of its own.
    pub rate: Option<f32>,
    /// Octets sent, link headers included.
    pub sent_octets: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Packets dropped.
    pub dropped_packets: u64,
    /// Octets beyond the reservation, which went as best effort.
    pub excess_octets: u64,
    /// Packets beyond it.
    pub excess_packets: u64,
}

/// Whose data a class is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShapedData {
    /// RSVP's own messages, and what else must not wait.
    Control,
    /// Everybody else's.
    BestEffort,
    /// That of a reservation: its session and senders, `None` for whomever.
    Reserved(Session, Vec<Option<Sender>>),
}

impl Shaper for AdmissionOnly {
    fn set_interface(&mut self, interface: &Interface, settings: &TcSettings) -> Reservations {
        Self::set_interface(self, interface, settings);
        Reservations::Kept
    }

    fn interface_gone(&mut self, interface: IfIndex) {
        Self::interface_gone(self, interface);
    }

    fn state(&self, interface: IfIndex) -> ShaperState {
        let ledger = self.ledger(interface);
        ShaperState {
            kind: if ledger.is_some() {
                "admission only"
            } else {
                "off"
            },
            share: ledger.map(|ledger| ledger.bounds().share.get()),
            reserved: ledger.map(|ledger| ledger.reserved().get()),
            link_header: ledger.map(|ledger| ledger.bounds().link_header),
            ..ShaperState::default()
        }
    }
}

/// One traffic control, held by the engine and by the daemon.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<Box<dyn Shaper>>>);

impl Shared {
    pub(super) fn new(shaper: Box<dyn Shaper>) -> Self {
        Self(Arc::new(Mutex::new(shaper)))
    }

    /// Held for the time of one call, in one task.
    pub(super) fn lock(&self) -> MutexGuard<'_, Box<dyn Shaper>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TrafficControl for Shared {
    fn advertise(&self, interface: IfIndex) -> LocalElement {
        self.lock().advertise(interface)
    }

    fn install(
        &mut self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
        session: &Session,
        filters: &[Option<Sender>],
    ) -> Result<Granted, TcError> {
        self.lock()
            .install(interface, handle, request, session, filters)
    }

    fn shortage(
        &self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
    ) -> Option<Shortage> {
        self.lock().shortage(interface, handle, request)
    }

    fn remove(&mut self, interface: IfIndex, handle: RHandle) {
        self.lock().remove(interface, handle);
    }
}

/// Something has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Interfaces, or their addresses: the list is to be read again.
    Interfaces,
    /// Routes to a network; `None`: to any.
    Routes(Option<(IpAddr, u8)>),
    /// Interfaces or routes.
    All,
}

/// News of interfaces and routes.
#[async_trait]
pub trait Changes: Send {
    /// The next one; waits for ever where there are none.
    ///
    /// # Cancel safety
    /// No news is lost.
    async fn next(&mut self) -> Change;
}

/// Nothing ever changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoChanges;

#[async_trait]
impl Changes for NoChanges {
    async fn next(&mut self) -> Change {
        core::future::pending().await
    }
}

/// What the daemon stands on.
pub struct Platform {
    /// Answers where data goes.
    pub routing: Box<dyn Routing>,
    /// Carries reservations out.
    pub shaper: Box<dyn Shaper>,
    /// Tells what changes.
    pub changes: Box<dyn Changes>,
    /// The system passes packets on: what `router = "auto"` means.
    pub forwards: bool,
    /// Whether the system passes multicast on now: groups are heard in passing then, and not joined. Asked when interfaces
    /// or groups change.
    pub forwards_multicast: Box<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform")
            .field("routing", &self.routing)
            .field("shaper", &self.shaper)
            .field("forwards", &self.forwards)
            .finish_non_exhaustive()
    }
}
