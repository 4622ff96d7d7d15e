//! Blockade state: RFC 2209 §1.2.

use std::net::IpAddr;

use fairway_wire::Instant;

use super::Phop;
use crate::interface::IfIndex;
use crate::intserv::Flowspec;
use crate::wire::{Sender, Style};

/// What is blockaded towards a previous hop, whatever its handle: a sender's reservation (FF, SE), or all (WF). Another
/// hop that announces the sender, or did, may have room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BsbKey {
    /// `None` of style WF.
    pub(crate) sender: Option<Sender>,
    interface: IfIndex,
    address: IpAddr,
}

impl BsbKey {
    /// `None`: applications refuse nothing.
    pub(crate) fn of(style: Style, sender: Sender, phop: Phop) -> Option<Self> {
        match phop {
            Phop::Hop {
                interface, address, ..
            } => Some(Self {
                sender: Some(sender).filter(|_| style != Style::WF),
                interface,
                address,
            }),
            Phop::App(_) => None,
        }
    }
}

/// A request that failed further on: what is not less is left out of merging for a while (RFC 2205 §3.5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bsb {
    /// *Qb*.
    pub(crate) flowspec: Flowspec,
    pub(crate) expires: Instant,
}
