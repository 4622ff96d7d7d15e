//! What is installed, for people to see.

use crate::interface::IfIndex;
use crate::intserv::{BytesPerSec, Flowspec};
use crate::tc::RHandle;
use crate::wire::{Sender, Session};

/// The class of RSVP itself, ARP and neighbour discovery, as `tc` prints it.
pub const CONTROL_CLASS: &str = "5250:3";
/// The class of what else is network control, or is marked so, as `tc` prints it.
pub const NETWORK_CONTROL_CLASS: &str = "5250:4";
/// The class of best effort, as `tc` prints it.
pub const BEST_EFFORT_CLASS: &str = "5250:2";

/// All interfaces.
#[derive(Clone, Debug, PartialEq)]
pub struct TcStatus {
    /// Why flows cannot be classified on this system, if they cannot.
    pub no_classifier: Option<String>,
    /// The interfaces, by index.
    pub interfaces: Vec<InterfaceStatus>,
    /// How often the kernel has been asked for something.
    pub requests: u64,
}

/// What is done on an interface, without what the kernel counts.
#[derive(Clone, Debug, PartialEq)]
pub struct InterfaceSummary {
    /// What is done there.
    pub state: TcState,
    /// Why flows cannot be classified on this system, if they cannot.
    pub no_classifier: Option<String>,
    /// The link's rate, link headers included, if it is known.
    pub link_rate: Option<BytesPerSec>,
    /// What can be reserved of it.
    pub share: Option<BytesPerSec>,
    /// What is reserved.
    pub reserved: Option<BytesPerSec>,
    /// Octets that the link puts in front of each packet, if reservations are counted.
    pub link_header: Option<u32>,
    /// How many reservations there are.
    pub reservations: usize,
}

/// What is done on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcState {
    /// A scheduler and filters are installed.
    Installed,
    /// Reservations are only counted, because of this.
    AdmissionOnly(String),
    /// Whatever is asked is granted, because of this.
    Off(String),
}

/// An interface.
#[derive(Clone, Debug, PartialEq)]
pub struct InterfaceStatus {
    /// Its index.
    pub index: IfIndex,
    /// Its name.
    pub name: String,
    /// What is done there.
    pub state: TcState,
    /// The link's rate, link headers included, if it is known.
    pub link_rate: Option<BytesPerSec>,
    /// What can be reserved of it.
    pub share: Option<BytesPerSec>,
    /// What is reserved.
    pub reserved: Option<BytesPerSec>,
    /// What is left to be reserved.
    pub available: Option<BytesPerSec>,
    /// Best effort, as counted by the kernel.
    pub best_effort: TcCounters,
    /// RSVP, ARP and neighbour discovery, as counted by the kernel.
    pub control: TcCounters,
    /// What else is network control, or is marked so, as counted by the kernel.
    pub network_control: TcCounters,
    /// The reservations, oldest first.
    pub reservations: Vec<ReservationStatus>,
}

/// A reservation.
#[derive(Clone, Debug, PartialEq)]
pub struct ReservationStatus {
    /// Its name.
    pub handle: RHandle,
    /// Its class of the scheduler, as `tc` prints it: `5250:10`; `None` if none is installed.
    pub class: Option<String>,
    /// Whose data it is for.
    pub session: Session,
    /// Which senders' data; `None` for whomever.
    pub filters: Vec<Option<Sender>>,
    /// What is installed.
    pub flowspec: Flowspec,
    /// What it takes of the link, octets per second, link headers included.
    pub rate: BytesPerSec,
    /// What the kernel has counted.
    pub counters: TcCounters,
}

/// Counters of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcCounters {
    /// Octets sent, link headers included.
    pub octets: u64,
    /// Packets sent.
    pub packets: u64,
    /// Octets that wait.
    pub queued: u32,
    /// Packets dropped.
    pub drops: u32,
    /// How often the class had to wait for its rate.
    pub overlimits: u32,
    /// Octets beyond the reservation, which went as best effort.
    pub excess_octets: u64,
    /// Packets beyond the reservation, which went as best effort.
    pub excess_packets: u64,
}
