//! What an engine holds, for people and programs that look: values to be shown, no state.

use std::net::IpAddr;

use core::time::Duration;
use fairway_wire::Instant;

use super::core::Engine;
use super::merge::Desired;
use super::node::Node;
use super::path::arriving_adspec;
use crate::api::ApiId;
use crate::interface::{IfIndex, Interface};
use crate::intserv::{Adspec, Flowspec, Tspec};
use crate::neighbour::{NeighbourCounters, NeighbourRow};
use crate::state::{NextHop, Phop, SessionState};
use crate::tc::{Policing, RHandle};
use crate::wire::{Sender, Session, Style};

/// A session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionReport {
    /// Which.
    pub session: Session,
    /// Its senders: path state.
    pub senders: Vec<SenderReport>,
    /// What next hops and applications reserve here: reservation state.
    pub reservations: Vec<ReservationReport>,
    /// What is installed: traffic control state.
    pub installed: Vec<InstalledReport>,
    /// What previous hops are asked.
    pub requests: Vec<RequestReport>,
    /// What is kept out of requests, since it has failed.
    pub blockades: Vec<BlockadeReport>,
    /// Applications that take part.
    pub applications: Vec<ApiId>,
}

/// The other side of some state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The RSVP node of this address.
    Node(IpAddr),
    /// An application of this node.
    Application(ApiId),
}

/// A sender's path state.
#[derive(Clone, Debug, PartialEq)]
pub struct SenderReport {
    /// The sender.
    pub sender: Sender,
    /// Where its Path came from.
    pub previous_hop: Side,
    /// The interface it came in by.
    pub incoming: IfIndex,
    /// The interfaces it leaves by.
    pub outgoing: Vec<IfIndex>,
    /// Its data comes to applications of this node.
    pub to_local: bool,
    /// Routing expects its data elsewhere: only applications of this node are served.
    pub local_only: bool,
    /// A hop before this node does not know RSVP.
    pub non_rsvp_hop: bool,
    /// What it sends.
    pub tspec: Tspec,
    /// What the path to this node can do.
    pub adspec: Option<Adspec>,
    /// The IP TTL left.
    pub ttl: u8,
    /// How long it lives without a refresh; `None`: for ever.
    pub expires_in: Option<Duration>,
}

/// One next hop's reservation.
#[derive(Clone, Debug, PartialEq)]
pub struct ReservationReport {
    /// The interface.
    pub outgoing: IfIndex,
    /// Who reserves.
    pub next_hop: Side,
    /// The style.
    pub style: Style,
    /// The senders; none of style WF.
    pub filters: Vec<Sender>,
    /// What is reserved.
    pub flowspec: Flowspec,
    /// How long it lives without a refresh; `None`: for ever.
    pub expires_in: Option<Duration>,
}

/// An installed reservation.
#[derive(Clone, Debug, PartialEq)]
pub struct InstalledReport {
    /// The interface.
    pub outgoing: IfIndex,
    /// Its name in traffic control; `None` for applications of this node.
    pub handle: Option<RHandle>,
    /// The senders it is for; none: whomever.
    pub filters: Vec<Sender>,
    /// What the next hops ask together.
    pub flowspec: Flowspec,
    /// What the senders send together.
    pub path: Tspec,
    /// How data is held to it.
    pub policing: Policing,
}

/// What a previous hop is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestReport {
    /// Whom.
    pub previous_hop: Side,
    /// The interface it is reached by.
    pub incoming: IfIndex,
    /// The style.
    pub style: Style,
    /// The senders.
    pub filters: Vec<Sender>,
    /// What the next refresh asks for: of style FF for each of them, else one for all. `None`: nothing for that one, which is
    /// not torn yet. Empty: nothing for any.
    pub flowspecs: Vec<Option<Flowspec>>,
    /// When it is refreshed; `None`: never.
    pub refresh_in: Option<Duration>,
}

/// A blockade.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockadeReport {
    /// The sender; `None`, style WF: all senders behind a previous hop.
    pub sender: Option<Sender>,
    /// The request that failed.
    pub flowspec: Flowspec,
    /// How long it lasts.
    pub expires_in: Duration,
}

impl Engine {
    /// All sessions, in order of destination, protocol and port.
    #[must_use]
    pub fn sessions(&self, now: Instant) -> Vec<SessionReport> {
        self.sessions_of(now, |_| true).collect()
    }

    /// Those sessions that are `wanted`, in order of destination, protocol and port. A report costs what its session
    /// holds, and is made when it is asked for.
    pub fn sessions_of(
        &self,
        now: Instant,
        wanted: impl Fn(&Session) -> bool,
    ) -> impl Iterator<Item = SessionReport> {
        self.states()
            .filter(move |session| wanted(&session.key.session()))
            .map(move |session| {
                let mut session = session.clone();
                self.node.note_heard(&mut session);
                let mut report = report(now, &session);
                for (of, phop) in report.requests.iter_mut().zip(session.resvs.keys()) {
                    of.flowspecs = self.node.asked_of(now, &session, *phop, &of.filters);
                }
                report
            })
    }

    /// What is installed on an interface, in order of the sessions.
    pub fn installed_on(&self, interface: IfIndex) -> impl Iterator<Item = RHandle> {
        self.states()
            .flat_map(|session| session.tcsbs.iter())
            .filter(move |(key, _)| key.outgoing == interface)
            .filter_map(|(_, tcsb)| tcsb.handle)
    }

    fn states(&self) -> impl Iterator<Item = &SessionState> {
        self.by_key.values().filter_map(|index| {
            let place = self.sessions.get(usize::try_from(*index).ok()?)?;
            place.as_deref()
        })
    }

    /// The interfaces it was told of.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.node.interfaces.values()
    }

    /// The neighbours it has heard.
    pub fn neighbours(&self) -> impl Iterator<Item = NeighbourRow> {
        self.node.neighbours.neighbours()
    }

    /// What the layer between neighbours has counted.
    #[must_use]
    pub const fn neighbour_counters(&self) -> &NeighbourCounters {
        self.node.neighbours.counters()
    }
}

impl Node {
    /// What a previous hop is asked for these senders, as the next refresh says.
    fn asked_of(
        &self,
        now: Instant,
        session: &SessionState,
        phop: Phop,
        filters: &[Sender],
    ) -> Vec<Option<Flowspec>> {
        let Desired::Reserve(wanted) = self.desired(now, session, phop, false) else {
            return Vec::new();
        };
        if session.style() != Some(Style::FF) {
            return wanted.flowspecs.into_iter().map(Some).collect();
        }
        let of = |sender: &Sender| {
            let at = wanted.filters.iter().position(|named| named == sender)?;
            wanted.flowspecs.get(at).copied()
        };
        filters.iter().map(of).collect()
    }
}

fn report(now: Instant, session: &SessionState) -> SessionReport {
    let left = |at: Instant| (at < Instant::MAX).then(|| at.saturating_duration_since(now));
    let of_phop = |phop: &Phop| match phop {
        Phop::Hop {
            interface, address, ..
        } => (Side::Node(*address), *interface),
        Phop::App(api) => (Side::Application(*api), IfIndex::LOCAL),
    };
    SessionReport {
        session: session.key.session(),
        senders: session
            .psbs
            .iter()
            .map(|(key, psb)| SenderReport {
                sender: key.sender,
                previous_hop: of_phop(&psb.phop).0,
                incoming: psb.incoming,
                outgoing: psb.outgoing.iter().map(|out| out.interface).collect(),
                to_local: psb.to_local,
                local_only: psb.local_only,
                non_rsvp_hop: psb.non_rsvp,
                tspec: psb.tspec,
                adspec: arriving_adspec(psb),
                ttl: psb.ttl,
                expires_in: left(psb.expires),
            })
            .collect(),
        reservations: session
            .rsbs
            .iter()
            .map(|(key, rsb)| ReservationReport {
                outgoing: key.outgoing,
                next_hop: match key.nhop {
                    NextHop::Hop(address) => Side::Node(address),
                    NextHop::App(api) => Side::Application(api),
                },
                style: rsb.style,
                filters: rsb.filters.keys().copied().collect(),
                flowspec: rsb.flowspec,
                expires_in: left(rsb.next_end()),
            })
            .collect(),
        installed: session
            .tcsbs
            .iter()
            .map(|(key, tcsb)| InstalledReport {
                outgoing: key.outgoing,
                handle: tcsb.handle,
                filters: tcsb.filters.iter().flatten().copied().collect(),
                flowspec: tcsb.flowspec,
                path: tcsb.path,
                policing: tcsb.policing,
            })
            .collect(),
        requests: session
            .resvs
            .iter()
            .map(|(phop, resv)| {
                let (previous_hop, incoming) = of_phop(phop);
                RequestReport {
                    previous_hop,
                    incoming,
                    style: resv.style,
                    filters: resv.filters().collect(),
                    // Known to the node.
                    flowspecs: Vec::new(),
                    refresh_in: left(resv.refresh_at),
                }
            })
            .collect(),
        blockades: session
            .bsbs
            .iter()
            .map(|(key, bsb)| BlockadeReport {
                sender: key.sender,
                flowspec: bsb.flowspec,
                expires_in: bsb.expires.saturating_duration_since(now),
            })
            .collect(),
        applications: session.apps.keys().copied().collect(),
    }
}
