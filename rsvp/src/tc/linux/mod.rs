//! Traffic control of Linux: a scheduler (HTB) and a classifier (nftables), over netlink.
//!
//! # The scheduler
//!
//! The root queueing discipline of an interface that is told of becomes an HTB with handle `5250:` ("RP"):
//!
//! ```text
//! 5250:   ── 5250:1    the link: its rate is the link's rate
//!              ├ 5250:2    best effort: guaranteed what cannot be reserved, and takes what is left      priority 3
//!              ├ 5250:3    RSVP itself, ARP, neighbour discovery                                         priority 0
//!              ├ 5250:4    OSPF, and what else is marked CS6 or CS7                                      priority 2
//!              ├ 5250:10   a reservation of guaranteed service: R                                        priority 0
//!              ├ 5250:11   a reservation of controlled load: somewhat more than r, so that               priority 1
//!              ⋮           what a burst leaves behind drains (RFC 2211 §5)
//! ```
//!
//! HTB serves classes that are within their rate before those that borrow, and admission keeps the sum of the rates
//! below that of the link: each gets its rate, whatever others send. A class takes a burst of b at once, may borrow what
//! nobody uses, and keeps a queue as long as [`delay::buffer`](crate::intserv::delay::buffer) says. Where data is to be
//! reshaped (RFC 2212: branches and merges), the class borrows nothing, so that it sends at R.
//!
//! Any user can mark data as CS6, and no user can send what has a class with RSVP: whoever floods does not stop the
//! messages that hold reservations, nor what finds neighbours. Of RSVP in UDP (RFC 2205 appendix C), that is so for what
//! root sends, or the daemon's own user. A reservation takes none of it away, whatever its session is.
//!
//! # The classifier and excess
//!
//! One table of nftables, `inet fairway_rsvp`, holds for all interfaces: maps from flows to classes, a map per form of
//! filter (sender or any, ports or none, flow label), so that a packet costs a few look-ups in hash tables however many
//! reservations there are; and a token bucket per reservation. What the bucket does not let pass is best effort
//! (RFC 2211 §5, RFC 2212 "Policing"), and counted. It sees packets behind routing and before they are fragmented, so
//! that fragments made here belong to their flow; fragments made elsewhere have no ports, and are best effort.
//!
//! Why nftables and not filters of the scheduler: no filter can send excess to another class without an action, and the
//! action for it (`police`) is often not there; and nothing else changes a reservation with all its filters in one
//! transaction. The bucket of the kernel is deeper than what
//! it is told by what its rate gives in a second: a flow that has been silent gets that much more before it is held to
//! its reservation. The scheduler still protects all others from it.
//!
//! # Interfaces on interfaces
//!
//! No two interfaces have a class of the same number: a packet from a VLAN, a bridge, a bond or a macvlan is still marked with
//! the class it had there when the interface below sends it, which does not know that class and takes it for best effort. A
//! reservation holds where its session's data leaves by the routes, and no further down: what lies below must carry all that
//! the interfaces on it can send. Two processes do not know each other's numbers: an interface that was moved to another
//! network namespace with a daemon of its own (macvlan), and that below it, should not both have the scheduler.
//!
//! # What others do to it
//!
//! `nft flush ruleset`, which is what a reload of a firewall begins with, takes the table away, and `tc qdisc del` a
//! scheduler. [`TcWatch`] sees it, and [`LinuxTc::set_interface`] puts it back, as does a reservation that cannot be
//! installed for it.
//!
//! # What is left behind
//!
//! Nothing: closing removes both. If the program is killed, the next [`LinuxTc::new`] does, which knows them by their
//! names; [`LinuxTc::remove_left_over`] does just that. Only one process in a network namespace can have a [`LinuxTc`], so
//! that none takes what another works with for left over. A root queueing discipline that somebody else made is not touched, unless
//! [`TcSettings::replace_qdisc`](super::TcSettings::replace_qdisc) says so; then there is admission only.

mod classifier;
mod flow;
mod htb;
mod install;
mod link;
mod lock;
mod nft;
mod plan;
mod service;
mod status;
mod table;
mod watch;

pub use service::{LeftOver, LinuxTc};
pub use status::{
    BEST_EFFORT_CLASS, CONTROL_CLASS, InterfaceStatus, InterfaceSummary, NETWORK_CONTROL_CLASS,
    ReservationStatus, TcCounters, TcState, TcStatus,
};
pub use watch::TcWatch;
