//! Classes, levels and filter support: how an event is selected.

use std::fmt;

/// What kind of operation an event belongs to (`events.md` §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// Directly concerned with moving data between hosts (`WV_NET_CORE_CLASS`).
    Core = 0b01,
    /// Everything else: routes, socket creation and naming, control (`WV_NET_AUX_CLASS`).
    Aux = 0b10,
}

impl Class {
    /// The classes, as they are listed.
    pub const ALL: [Self; 2] = [Self::Core, Self::Aux];

    /// Its bit in a mask of classes.
    pub(super) const fn bit(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Core => "core",
            Self::Aux => "aux",
        })
    }
}

/// How urgent an event is: 1 is the most urgent (`events.md` §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// The network may be disrupted for good: memory ran out, or an internal check failed.
    Emergency = 1,
    /// Recoverable, but a user must act: an internal table is damaged.
    Alert = 2,
    /// A transient error that cannot be corrected; usually data is discarded.
    Critical = 3,
    /// A request that cannot be carried out; nobody else is affected.
    Error = 4,
    /// Something a peer or a limit made go wrong.
    Warning = 5,
    /// A lasting change: interfaces, routes, neighbours, groups.
    Notice = 6,
    /// What sockets and connections go through.
    Info = 7,
    /// Each packet and each call.
    Verbose = 8,
}

impl Level {
    /// The levels, most urgent first.
    pub const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Info,
        Self::Verbose,
    ];

    /// Its number, 1 to 8: the field `prio`.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Its bit in a mask of levels.
    pub(super) const fn bit(self) -> u8 {
        1 << (self as u8 - 1)
    }

    /// The severity of a `tracing` event of this level (`events.md` §8.2).
    #[must_use]
    pub const fn tracing(self) -> tracing::Level {
        match self {
            Self::Emergency | Self::Alert => tracing::Level::ERROR,
            Self::Critical | Self::Error => tracing::Level::WARN,
            Self::Warning | Self::Notice => tracing::Level::INFO,
            Self::Info => tracing::Level::DEBUG,
            Self::Verbose => tracing::Level::TRACE,
        }
    }

    /// The severity of a syslog message of this level, 0 to 7 (RFC 5424 §6.2.1).
    #[must_use]
    pub const fn syslog(self) -> u8 {
        self as u8 - 1
    }

    /// Whether the lines written of this level are limited in rate: those that a stranger can cause.
    #[must_use]
    pub const fn is_rate_limited(self) -> bool {
        matches!(self, Self::Critical | Self::Error | Self::Warning)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Emergency => "EMERGENCY",
            Self::Alert => "ALERT",
            Self::Critical => "CRITICAL",
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Info => "INFO",
            Self::Verbose => "VERBOSE",
        })
    }
}

/// Which filters an event supports (EVT-10): those not named here leave it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Supports {
    /// No filter.
    Nothing,
    /// Address filters on source and destination of input.
    AddressesIn,
    /// Address filters on source and destination of output.
    AddressesOut,
    /// The address filter on the destination of output.
    DestinationOut,
    /// The address filter on the destination of output; where the destination is a broadcast address also that on the
    /// source.
    DestinationOutBroadcastSource,
    /// Port filters on source and destination of input.
    PortsIn,
}

impl fmt::Display for Supports {
    /// In the notation of `events.md` §4: `A:S,D in` is an address filter on source and destination of input.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "none",
            Self::AddressesIn => "A:S,D in",
            Self::AddressesOut => "A:S,D out",
            Self::DestinationOut => "A:D out",
            Self::DestinationOutBroadcastSource => "A:D out; broadcast also A:S out",
            Self::PortsIn => "P:S,D in",
        })
    }
}
