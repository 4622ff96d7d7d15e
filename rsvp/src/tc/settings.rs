//! What an administrator wants of traffic control on one interface.

use crate::intserv::BytesPerSec;

/// How much of traffic control there is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TcMode {
    /// As much as the system can: a scheduler and filters, else admission only.
    #[default]
    Auto,
    /// Reservations are counted against the link, nothing is installed, and no service is advertised.
    AdmissionOnly,
    /// Whatever is asked is granted, nothing is installed, and no service is advertised.
    Off,
}

/// What becomes of data beyond a reservation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Excess {
    /// It is best effort: RFC 2211 §5, RFC 2212 "Policing".
    #[default]
    BestEffort,
    /// It waits behind its reservation, and is dropped when the queue is full.
    Drop,
}

/// A part of a link's rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Portion {
    /// So many hundredths.
    Percent(u32),
    /// So much, whatever there is.
    Rate(BytesPerSec),
}

impl Portion {
    /// How much that is of this link.
    #[must_use]
    pub fn of(self, link_rate: BytesPerSec) -> BytesPerSec {
        match self {
            Self::Percent(percent) => {
                BytesPerSec::nearest(link_rate.wide() * f64::from(percent) / 100.0)
            }
            Self::Rate(rate) => rate,
        }
    }
}

/// Traffic control of one interface. All have defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct TcSettings {
    /// How much there is to be. Default [`TcMode::Auto`].
    pub mode: TcMode,
    /// The link's rate, link headers included. `None`, the default: what the system says of it.
    pub link_rate: Option<BytesPerSec>,
    /// How much of it can be reserved. Default 75 %; never more than [`MAX_SHARE`](Self::MAX_SHARE), the rest being for
    /// RSVP itself and for best effort.
    pub reservable: Portion,
    /// The most that one reservation can have, link headers not included. Default 100 %.
    pub per_flow: Portion,
    /// What becomes of data beyond a reservation. Default: best effort.
    pub excess: Excess,
    /// *D* of guaranteed service, microseconds: how late the node can be at any rate. Default 10 000, which is what a
    /// scheduler of a general-purpose system needs. Where the system joins packets (GRO, TSO), it is no less than the time
    /// the link takes for 64 KiB: another's may have begun.
    pub delay_micros: u32,
    /// The least time a packet takes to the next node, microseconds. Default 0.
    pub latency_micros: u32,
    /// Octets that the link puts in front of each IP packet. `None`, the default: 14 on Ethernet, else 0.
    pub link_header: Option<u32>,
    /// A queueing discipline that an administrator made may be replaced. Default no: then there is admission only.
    pub replace_qdisc: bool,
    /// The most reservations on the interface. Default and maximum 61 000: a class each, of which HTB has 65 534, for all
    /// interfaces together.
    pub max_reservations: usize,
    /// The most filters on the interface. Default 262 144.
    pub max_filters: usize,
}

impl TcSettings {
    /// The greatest share that can be reserved, in percent.
    pub const MAX_SHARE: u32 = 94;

    /// What can be reserved of a link.
    #[must_use]
    pub fn share(&self, link_rate: BytesPerSec) -> BytesPerSec {
        let most = Portion::Percent(Self::MAX_SHARE).of(link_rate);
        self.reservable.of(link_rate).min(most)
    }
}

impl Default for TcSettings {
    fn default() -> Self {
        Self {
            mode: TcMode::default(),
            link_rate: None,
            reservable: Portion::Percent(75),
            per_flow: Portion::Percent(100),
            excess: Excess::default(),
            delay_micros: 10_000,
            latency_micros: 0,
            link_header: None,
            replace_qdisc: false,
            max_reservations: 61_000,
            max_filters: 262_144,
        }
    }
}
