//! Blockade state: RFC 2209 §1.2.

use fairway_wire::Instant;

use super::Phop;
use crate::intserv::Flowspec;
use crate::wire::Sender;

/// What is blockaded: a sender's reservation (FF, SE), or all towards a previous hop (WF).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BsbKey {
    Sender(Sender),
    Phop(Phop),
}

/// A request that failed further on: what is not less is left out of merging for a while (RFC 2205 §3.5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bsb {
    /// *Qb*.
    pub(crate) flowspec: Flowspec,
    pub(crate) expires: Instant,
}
