//! Reservation state: RFC 2209 §1.2.

use core::time::Duration;
use std::net::IpAddr;

use fairway_wire::Instant;

use super::{Psb, PsbKey, VecMap};
use crate::api::ApiId;
use crate::interface::IfIndex;
use crate::intserv::Flowspec;
use crate::neighbour::IdOfState;
use crate::wire::{PolicyData, ResvConfirm, Scope, Sender, Style, UnknownObject};

/// Who reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NextHop {
    /// The RSVP node of this address.
    Hop(IpAddr),
    /// An application of this node.
    App(ApiId),
}

/// Which reservation state: interface, next hop, and, style FF only, sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RsbKey {
    pub(crate) outgoing: IfIndex,
    pub(crate) filter: Option<Sender>,
    pub(crate) nhop: NextHop,
}

/// One next hop's reservation.
#[derive(Clone, Debug)]
pub(crate) struct Rsb {
    pub(crate) style: Style,
    /// The senders, each with the end of its life; none of style WF.
    pub(crate) filters: VecMap<Sender, Instant>,
    /// The end of its life, of style WF.
    pub(crate) expires: Instant,
    /// How long a refresh lasts.
    pub(crate) lifetime: Duration,
    pub(crate) flowspec: Flowspec,
    pub(crate) scope: Option<Scope>,
    pub(crate) confirm: Option<ResvConfirm>,
    pub(crate) policy: Vec<PolicyData>,
    pub(crate) unknown: Vec<UnknownObject>,
    /// Of an application that named it: the interface its data comes in by.
    pub(crate) by_interface: Option<IfIndex>,
    pub(crate) id: Option<IdOfState>,
}

impl Rsb {
    /// Whether the sender is among its filters.
    pub(crate) fn selects(&self, sender: &Sender) -> bool {
        self.style == Style::WF || self.filters.contains(sender)
    }

    /// Whether it reserves for that path state.
    pub(crate) fn covers(&self, outgoing: IfIndex, sender: &PsbKey, psb: &Psb) -> bool {
        psb.sends_to(outgoing)
            && self.selects(&sender.sender)
            && self
                .by_interface
                .is_none_or(|interface| interface == psb.incoming)
    }

    /// Takes note of when a summary last named the message that has made it.
    pub(crate) fn note_heard(&mut self, at: Instant) {
        let Some(end) = at.checked_add(self.lifetime) else {
            return;
        };
        if end > self.expires {
            let last = core::mem::replace(&mut self.expires, end);
            // Those that the message named ended with it; others were named by one before.
            for (_, expires) in self.filters.iter_mut() {
                if *expires == last {
                    *expires = end;
                }
            }
        }
    }

    /// When the next part of it ends.
    pub(crate) fn next_end(&self) -> Instant {
        if self.style == Style::WF {
            self.expires
        } else {
            self.filters
                .values()
                .copied()
                .min()
                .unwrap_or(Instant::ZERO)
        }
    }
}
