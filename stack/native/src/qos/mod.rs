//! Queueing disciplines: which packet an interface sends next, and when.
//!
//! A [`Qdisc`] stands between the network layer and a device. It is given packets, and asked for the next one; where
//! the answer is "not yet" it says when. The same disciplines serve the queues of simulated links.
//!
//! | discipline | orders by | holds back |
//! |---|---|---|
//! | [`Fifo`] | arrival | nothing |
//! | [`Priority`] | band, then arrival | nothing |
//! | [`Shaper`] | what is inside it | what exceeds a token bucket |
//! | [`FairQueue`] | fair shares of a link's rate, with reservations (RFC 2211, RFC 2212) | what exceeds the link's rate, and flows to be reshaped |
//!
//! No discipline ever searches its packets: a packet costs the same however many wait, or the logarithm of the number
//! of flows that have one.

mod bucket;
mod classify;
mod fair;
mod fifo;
mod flowspec;
mod priority;
mod qdisc;
mod shaper;

pub use bucket::TokenBucket;
pub use classify::{Filter, FilterId};
pub use fair::{ErrorTerms, Excess, FairQueue, FlowId, FlowStats, Policing, ReserveOptions};
pub use fifo::Fifo;
pub use flowspec::{AdmissionError, Flowspec, Service, Tspec};
pub use priority::Priority;
pub use qdisc::{DropReason, Dropped, Qdisc, QueueStats};
pub use shaper::Shaper;
