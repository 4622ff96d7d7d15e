//! Path state: RFC 2209 §1.2.

use core::time::Duration;
use std::net::IpAddr;

use fairway_wire::Instant;

use super::Print;
use crate::api::ApiId;
use crate::interface::IfIndex;
use crate::intserv::{GuaranteedTerms, Tspec};
use crate::neighbour::{IdOfState, StateKey};
use crate::wire::{AdspecObject, PolicyData, Sender, SenderTspecObject, UnknownObject};

/// Which path state: sender, and the interface its Path came in by. Of unicast sessions, and of senders on this node,
/// there is one block a sender, and the interface is [`IfIndex::LOCAL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PsbKey {
    pub(crate) sender: Sender,
    pub(crate) incoming: IfIndex,
}

/// Where reservations for a sender are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phop {
    /// To the RSVP node before this one: the interface its Path came in by, its address, and its handle for its own
    /// interface (LIH).
    Hop {
        interface: IfIndex,
        address: IpAddr,
        handle: u32,
    },
    /// To an application of this node.
    App(ApiId),
}

impl Phop {
    /// The interface its Paths come in by.
    pub(crate) const fn interface(&self) -> IfIndex {
        match self {
            Self::Hop { interface, .. } => *interface,
            Self::App(_) => IfIndex::LOCAL,
        }
    }

    /// Whether it is that node on that link, whatever handle it has for it.
    pub(crate) fn is_node(&self, link: IfIndex, node: IpAddr) -> bool {
        matches!(self, Self::Hop { interface, address, .. } if (*interface, *address) == (link, node))
    }
}

/// The Path that leaves by one interface.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathOut {
    pub(crate) interface: IfIndex,
    /// The next router, of unicast data that goes to one.
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) key: StateKey,
    pub(crate) refresh_at: Instant,
    /// The last message sent, so that one is known to be new.
    pub(crate) told: Print,
}

/// A sender, as far as this node has heard.
#[derive(Clone, Debug)]
pub(crate) struct Psb {
    /// The hop that has last said something new; if that one is gone, the one of the others that is heard longest.
    pub(crate) phop: Phop,
    /// That hop has answered that it knows nothing of the sender.
    pub(crate) forgotten: Option<Forgotten>,
    /// The hops before it that have not fallen silent.
    pub(crate) others: Vec<OtherHop>,
    /// [`IfIndex::LOCAL`] of a sender on this node.
    pub(crate) incoming: IfIndex,
    pub(crate) tspec: Tspec,
    /// As it came, to go on to the bit.
    pub(crate) tspec_object: SenderTspecObject,
    pub(crate) adspec_object: Option<AdspecObject>,
    /// The error terms of the Adspec.
    pub(crate) upstream: Option<GuaranteedTerms>,
    pub(crate) policy: Vec<PolicyData>,
    pub(crate) unknown: Vec<UnknownObject>,
    /// The IP TTL left: of a sender on this node, that of its data.
    pub(crate) ttl: u8,
    /// No node before this one has policed.
    pub(crate) e_police: bool,
    /// Some hop between the previous RSVP node and this one does not know RSVP.
    pub(crate) non_rsvp: bool,
    /// For applications of this node only: routing expects the sender's data elsewhere.
    pub(crate) local_only: bool,
    /// Its data comes to applications of this node.
    pub(crate) to_local: bool,
    pub(crate) outgoing: Vec<PathOut>,
    pub(crate) expires: Instant,
    /// How long a refresh lasts.
    pub(crate) lifetime: Duration,
    /// The sender's application names the interface.
    pub(crate) by_interface: Option<IfIndex>,
    /// Of a sender on this node whose application leaves it to the node what the Adspec starts with.
    pub(crate) offers: bool,
    pub(crate) id: Option<IdOfState>,
}

/// A hop that has announced a sender answers that it knows no path, or not that sender. It has mostly restarted, and
/// will hear of it again within a refresh period; or else goes on without knowing it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forgotten {
    /// When it said so first, and last.
    first: Instant,
    last: Instant,
    /// No Path has come since: the next is answered soon.
    waits: bool,
}

/// A hop that announces a sender whose Paths come by another hop now. When a route changes upstream, and both ways meet
/// again before this node, the routers on the old one hear nothing of that: they go on refreshing until their state
/// ends. Such a hop is asked for what is reserved as the one before it is, so that it may be the right one again at any time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OtherHop {
    pub(crate) phop: Phop,
    /// A fingerprint of the contents of its last Path: one that says the same is a refresh.
    pub(crate) contents: Print,
    pub(crate) expires: Instant,
    pub(crate) lifetime: Duration,
    pub(crate) id: Option<IdOfState>,
}

impl Psb {
    /// The most other hops that are remembered of a sender.
    pub(crate) const MOST_OTHERS: usize = 2;

    /// All hops that announce the sender.
    pub(crate) fn hops(&self) -> impl Iterator<Item = Phop> {
        core::iter::once(self.phop).chain(self.others.iter().map(|other| other.phop))
    }

    /// Whether that hop announces the sender.
    pub(crate) fn is_behind(&self, phop: Phop) -> bool {
        self.hops().any(|hop| hop == phop)
    }

    /// Whether state is kept under that identifier.
    pub(crate) fn is_named(&self, id: IdOfState) -> bool {
        self.id == Some(id) || self.others.iter().any(|other| other.id == Some(id))
    }

    /// Takes note of when summaries last named it, as told of each identifier.
    pub(crate) fn note_heard(&mut self, heard: impl Fn(Option<IdOfState>) -> Option<Instant>) {
        let end = |id, lifetime| heard(id).and_then(|at| at.checked_add(lifetime));
        if let Some(end) = end(self.id, self.lifetime) {
            self.expires = self.expires.max(end);
        }
        for other in &mut self.others {
            if let Some(end) = end(other.id, other.lifetime) {
                other.expires = other.expires.max(end);
            }
        }
    }

    /// The earliest deadline.
    pub(crate) fn deadline(&self) -> Instant {
        let refreshes = self.outgoing.iter().map(|out| out.refresh_at);
        let others = self.others.iter().map(|other| other.expires);
        refreshes.chain(others).fold(self.expires, Instant::min)
    }

    /// The hop knows nothing of the sender; whether it has said so for longer than a restart explains: 1.5 of these
    /// refresh periods, its own or ours, whichever is longer. If it has not said so for twice that, it did hear of the sender
    /// meanwhile.
    pub(crate) fn forget(&mut self, now: Instant, period: Duration) -> bool {
        let borne = period.saturating_mul(3) / 2;
        let is_over = |since: Instant, span| since.checked_add(span).is_some_and(|end| end <= now);
        let before = self
            .forgotten
            .filter(|before| !is_over(before.last, borne.saturating_mul(2)));
        let first = before.map_or(now, |before| before.first);
        self.forgotten = Some(Forgotten {
            first,
            last: now,
            waits: true,
        });
        is_over(first, borne)
    }

    /// A Path has come; whether the hop waits for what is reserved, having forgotten it.
    pub(crate) fn is_waited_for(&mut self) -> bool {
        self.forgotten
            .as_mut()
            .is_some_and(|forgotten| core::mem::take(&mut forgotten.waits))
    }

    /// Whether its data leaves by that interface.
    pub(crate) fn sends_to(&self, interface: IfIndex) -> bool {
        if interface.is_local() {
            self.to_local
        } else {
            self.outgoing.iter().any(|out| out.interface == interface)
        }
    }

    pub(crate) fn is_of_app(&self) -> bool {
        matches!(self.phop, Phop::App(_))
    }
}
