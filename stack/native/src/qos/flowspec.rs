//! What a flow asks for: RFC 2210's flowspec in whole octets.

/// A token bucket with a peak: what a flow sends at most (RFC 2215 §3.6, TOKEN_BUCKET_TSPEC).
///
/// In any span `T` at most `M + min(p·T, r·T + b − M)` octets of IP packets (RFC 2212).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tspec {
    /// *r*: octets per second.
    pub rate: u64,
    /// *b*: octets at once.
    pub bucket: u64,
    /// *p*: octets per second within a burst; `None` is infinite.
    pub peak: Option<u64>,
    /// *m*: a shorter packet counts as this many octets.
    pub min_policed: u32,
    /// *M*: octets of the longest packet.
    pub max_packet: u32,
}

/// The service that a flow asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// What an unloaded network would give (RFC 2211).
    ControlledLoad,
    /// No queueing loss, and a bound on delay (RFC 2212).
    Guaranteed {
        /// *R*: octets per second, at least *r*.
        rate: u64,
    },
}

/// What to reserve for a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flowspec {
    /// What it sends.
    pub tspec: Tspec,
    /// What it gets.
    pub service: Service,
}

/// Why a reservation cannot be made. The one in place, if any, stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// Too little of the share for reservations is left.
    #[error("{available} octets per second are left")]
    Bandwidth {
        /// What is left, in octets per second of IP packets.
        available: u64,
    },
    /// The flow's packets are longer than the link carries.
    #[error("packets of {max_packet} octets, the link carries {mtu}")]
    PacketTooLong {
        /// The flow's longest packet.
        max_packet: u32,
        /// The link's longest.
        mtu: u32,
    },
    /// The values contradict each other or are zero where they may not be.
    #[error("{0}")]
    Malformed(&'static str),
    /// There are as many reservations or filters as there may be.
    #[error("as many reservations or filters as there may be")]
    TooMany,
    /// There is no such reservation.
    #[error("no such reservation")]
    NoSuchFlow,
    /// The same filter selects packets for another reservation.
    #[error("the filter is in use")]
    FilterInUse,
}

impl Flowspec {
    /// The rate to be admitted: *R* of a guaranteed service, *r* of controlled load.
    #[must_use]
    pub const fn admitted_rate(&self) -> u64 {
        match self.service {
            Service::ControlledLoad => self.tspec.rate,
            Service::Guaranteed { rate } => rate,
        }
    }

    /// Checks it by itself and against a link of that MTU.
    pub(super) fn check(&self, mtu: u32) -> Result<(), AdmissionError> {
        let Tspec {
            rate,
            peak,
            min_policed,
            max_packet,
            ..
        } = self.tspec;
        if rate == 0 || max_packet == 0 {
            return Err(AdmissionError::Malformed("a rate or packet size of zero"));
        }
        if min_policed > max_packet {
            return Err(AdmissionError::Malformed("m exceeds M"));
        }
        if let Service::Guaranteed { rate: reserved } = self.service {
            // RFC 2212: p >= r and R >= r.
            if peak.is_some_and(|peak| peak < rate) {
                return Err(AdmissionError::Malformed("the peak rate is below the rate"));
            }
            if reserved < rate {
                return Err(AdmissionError::Malformed("R is below the rate"));
            }
        }
        // RFC 2211, RFC 2212: the link must not fragment what is part of the service.
        if max_packet > mtu {
            return Err(AdmissionError::PacketTooLong { max_packet, mtu });
        }
        Ok(())
    }
}
