//! What is to be transferred, and how.

use crate::session::truth::Setting;
use std::net::{IpAddr, SocketAddr};

/// The commands that move data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "the commands' own names, RFC 959 §4.1.3 and RFC 3659 §7"
)]
pub enum Verb {
    Retr,
    Stor,
    Appe,
    Stou,
    List,
    Nlst,
    Mlsd,
}

impl Verb {
    /// As it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retr => "RETR",
            Self::Stor => "STOR",
            Self::Appe => "APPE",
            Self::Stou => "STOU",
            Self::List => "LIST",
            Self::Nlst => "NLST",
            Self::Mlsd => "MLSD",
        }
    }

    /// Whether the octets go to the server.
    #[must_use]
    pub const fn is_upload(self) -> bool {
        matches!(self, Self::Stor | Self::Appe | Self::Stou)
    }

    /// Whether the octets are a listing.
    pub(super) const fn is_listing(self) -> bool {
        matches!(self, Self::List | Self::Nlst | Self::Mlsd)
    }
}

/// A way of making the data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// `EPSV`: we connect to the port it names (RFC 2428).
    ExtendedPassive,
    /// `PASV`: we connect (RFC 959).
    Passive,
    /// `EPRT`: the server connects (RFC 2428).
    ExtendedActive,
    /// `PORT`: the server connects (RFC 959).
    Active,
    /// `CPSV`: as `PASV`, and the server will be the TLS client; between servers only.
    SecurePassive,
}

impl Method {
    /// The command.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::ExtendedPassive => "EPSV",
            Self::Passive => "PASV",
            Self::ExtendedActive => "EPRT",
            Self::Active => "PORT",
            Self::SecurePassive => "CPSV",
        }
    }

    /// Whether the server is the one that connects.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::ExtendedActive | Self::Active)
    }
}

/// Where a passive server says it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The address it claims, which need not be true; `EPSV` claims none (RFC 2428 §3).
    pub host: Option<IpAddr>,
    /// The port.
    pub port: u16,
}

/// The part in a transfer between servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Third {
    /// This server listens.
    Passive,
    /// This server connects to the other.
    Active(SocketAddr),
}

/// What is to be transferred, and how.
#[derive(Clone, Debug)]
pub struct TransferSpec {
    /// The verb.
    pub verb: Verb,
    /// Its argument.
    pub argument: Option<Vec<u8>>,
    /// What must be set, in this order, where it differs.
    pub settings: Vec<(Setting, String)>,
    /// Where to begin: an offset, or a restart marker.
    pub restart: Option<Vec<u8>>,
    /// How much room the server is told to make, if it wants to be told (`ALLO`).
    pub allocate: Option<u64>,
    /// The ways of making the data connection, the first to be tried first.
    pub methods: Vec<Method>,
    /// Whether the data connection is between two servers.
    pub third: Option<Third>,
}
