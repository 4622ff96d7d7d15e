//! Values of RSVP as documents: keys with units, for programs and for `rsvpctl`'s tables.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::api::{Event, PathSender};
use crate::intserv::{self, Latency, Reading};
use crate::wire::{self, ErrorFlags};

/// What is sent: RFC 2210 §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tspec {
    /// *r*.
    pub rate_bytes_per_sec: f32,
    /// *b*.
    pub bucket_bytes: f32,
    /// *p*; none: not known.
    pub peak_bytes_per_sec: Option<f32>,
    /// *m*.
    pub min_packet_bytes: u32,
    /// *M*.
    pub max_packet_bytes: u32,
}

impl From<&intserv::Tspec> for Tspec {
    fn from(tspec: &intserv::Tspec) -> Self {
        Self {
            rate_bytes_per_sec: tspec.rate().get(),
            bucket_bytes: tspec.bucket().get(),
            peak_bytes_per_sec: Some(tspec.peak().get()).filter(|peak| peak.is_finite()),
            min_packet_bytes: tspec.min_policed_unit(),
            max_packet_bytes: tspec.max_packet_size(),
        }
    }
}

/// What is reserved: RFC 2210 §3.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flowspec {
    /// `controlled-load` or `guaranteed`.
    pub service: String,
    /// What is carried.
    #[serde(flatten)]
    pub tspec: Tspec,
    /// *R*, of guaranteed service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reserved_bytes_per_sec: Option<f32>,
    /// *S*, of guaranteed service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub slack_micros: Option<u32>,
}

impl From<&intserv::Flowspec> for Flowspec {
    fn from(flowspec: &intserv::Flowspec) -> Self {
        let rspec = flowspec.rspec();
        Self {
            service: match rspec {
                Some(_) => "guaranteed",
                None => "controlled-load",
            }
            .to_owned(),
            tspec: flowspec.tspec().into(),
            reserved_bytes_per_sec: rspec.map(|rspec| rspec.rate.get()),
            slack_micros: rspec.map(|rspec| rspec.slack_micros),
        }
    }
}

/// What the path can do: RFC 2210 §3.3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adspec {
    /// A hop without Integrated Services is on the path: nothing else can be relied on.
    pub is_broken: bool,
    /// Hops with Integrated Services.
    pub hops: u32,
    /// What the path has, at most; none: not known.
    pub bandwidth_bytes_per_sec: Option<f32>,
    /// The least time that packets take; none: not known.
    pub latency_micros: Option<u32>,
    /// The longest packet.
    pub mtu_bytes: u32,
    /// Whether controlled load can be had from end to end.
    pub controlled_load: bool,
    /// Whether guaranteed service can.
    pub guaranteed: bool,
    /// Its Ctot, if it is offered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub c_total_bytes: Option<u32>,
    /// Its Dtot.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub d_total_micros: Option<u32>,
}

impl From<&intserv::Adspec> for Adspec {
    fn from(adspec: &intserv::Adspec) -> Self {
        let values = &adspec.general.values;
        let guaranteed = adspec.guaranteed.as_ref();
        let total = guaranteed
            .and_then(|fragment| fragment.terms)
            .map(|terms| terms.total);
        Self {
            is_broken: adspec.general.is_broken,
            hops: values.hops,
            bandwidth_bytes_per_sec: values.bandwidth.known().map(intserv::BytesPerSec::get),
            latency_micros: Some(values.latency)
                .filter(|latency| *latency != Latency::INDETERMINATE)
                .map(Latency::micros),
            mtu_bytes: values.mtu,
            controlled_load: adspec
                .controlled_load
                .as_ref()
                .is_some_and(|fragment| !fragment.is_broken),
            guaranteed: guaranteed.is_some_and(|fragment| !fragment.is_broken),
            c_total_bytes: total.map(|terms| terms.c_octets),
            d_total_micros: total.map(|terms| terms.d_micros),
        }
    }
}

/// The source of data: `192.0.2.1:5004`, or the address alone.
#[must_use]
pub fn sender(sender: wire::Sender) -> String {
    match sender.port() {
        Some(0) => sender.address().to_string(),
        Some(port) => std::net::SocketAddr::new(sender.address(), port).to_string(),
        None => sender.to_string(),
    }
}

fn senders(list: &[wire::Sender]) -> Vec<String> {
    list.iter().copied().map(sender).collect()
}

/// An error, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Error {
    /// In words.
    pub text: String,
    /// The code: RFC 2205 appendix B.
    pub code: u8,
    /// The value.
    pub value: u16,
    /// The node that found it.
    pub node: IpAddr,
    /// Another reservation stays in place there.
    pub in_place: bool,
    /// It is not this receiver's fault.
    pub not_guilty: bool,
}

impl From<&wire::ErrorSpec> for Error {
    fn from(error: &wire::ErrorSpec) -> Self {
        Self {
            text: error.to_string(),
            code: error.code.0,
            value: error.value,
            node: error.node,
            in_place: error.flags.contains(ErrorFlags::IN_PLACE),
            not_guilty: error.flags.contains(ErrorFlags::NOT_GUILTY),
        }
    }
}

/// One sender of a path event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathOf {
    /// The source of its data.
    pub sender: String,
    /// What it sends.
    pub tspec: Tspec,
    /// What the path can do.
    pub adspec: Option<Adspec>,
}

impl From<&PathSender> for PathOf {
    fn from(of: &PathSender) -> Self {
        Self {
            sender: sender(of.template),
            tspec: (&of.tspec).into(),
            adspec: of.adspec.as_ref().map(Adspec::from),
        }
    }
}

/// What happens to a sender or a receiver: what `rsvpctl send` and `rsvpctl reserve` print.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventOf {
    /// The senders there are now.
    Path {
        /// All of them.
        senders: Vec<PathOf>,
    },
    /// What is reserved for our sender now.
    Reservation {
        /// The style.
        style: String,
        /// The senders it is for.
        senders: Vec<String>,
        /// What is reserved; none: nothing any more.
        flowspec: Option<Flowspec>,
    },
    /// Our sender is announced: its Path has gone.
    PathSent {
        /// The source of its data.
        sender: String,
        /// What it sends.
        tspec: Tspec,
        /// The interfaces the Path left by; none: there is no route yet.
        outgoing: Vec<String>,
    },
    /// Something is wrong with our sender.
    PathError {
        /// What.
        error: Error,
        /// Which sender.
        sender: String,
    },
    /// Nobody sends yet whom a reservation is wanted for; it is asked for when somebody does.
    Waiting {
        /// The senders that are waited for; none: any.
        senders: Vec<String>,
    },
    /// More was asked for than is sent, and of controlled load nobody is granted that (RFC 2210 §3.2.1, RFC 2205 §2.3).
    Capped {
        /// The senders.
        senders: Vec<String>,
        /// What was asked for.
        asked: Flowspec,
        /// What is granted: what the senders say they send.
        granted: Flowspec,
    },
    /// Something is wrong with our reservation.
    ReservationError {
        /// What.
        error: Error,
        /// The style.
        style: String,
        /// The senders.
        senders: Vec<String>,
        /// What failed.
        flowspec: Option<Flowspec>,
    },
    /// The reservation stands, very probably.
    Confirmed {
        /// The node that says so.
        by: IpAddr,
        /// The style.
        style: String,
        /// The senders.
        senders: Vec<String>,
        /// What is reserved: where more was asked for than is granted, what is granted.
        flowspec: Option<Flowspec>,
    },
    /// What we ask for now, computed from what we were told.
    Asked {
        /// The style.
        style: String,
        /// The senders.
        senders: Vec<String>,
        /// What is asked for, one for each sender or one for all.
        flowspecs: Vec<Flowspec>,
        /// The longest that packets take from end to end, as far as that is promised.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        bound_micros: Option<u64>,
    },
    /// Nothing can be asked for, and why.
    NotAsked {
        /// Only for this sender: what is asked for the others stands.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sender: Option<String>,
        /// Why.
        why: String,
    },
}

impl From<&Event> for EventOf {
    fn from(event: &Event) -> Self {
        let flowspec_of =
            |flowspec: &Option<intserv::Flowspec>| flowspec.as_ref().map(Flowspec::from);
        match event {
            Event::Path(of) => Self::Path {
                senders: of.iter().map(PathOf::from).collect(),
            },
            Event::Resv {
                style,
                filters,
                flowspec,
            } => Self::Reservation {
                style: style.to_string(),
                senders: senders(filters),
                flowspec: flowspec_of(flowspec),
            },
            Event::PathError {
                error, sender: of, ..
            } => Self::PathError {
                error: error.into(),
                sender: sender(*of),
            },
            Event::ResvError {
                error,
                style,
                filters,
                flowspec,
            } => Self::ReservationError {
                error: error.into(),
                style: style.to_string(),
                senders: senders(filters),
                flowspec: flowspec_of(flowspec),
            },
            Event::Confirm {
                confirmed_by,
                style,
                filters,
                flowspec,
            } => Self::Confirmed {
                by: confirmed_by.node,
                style: style.to_string(),
                senders: senders(filters),
                flowspec: flowspec_of(flowspec),
            },
        }
    }
}

/// Objects of messages are read as deployed routers mean them.
pub const READING: Reading = Reading::Deployed { mtu: 65_535 };
