//! Fair shares of a link's rate, with reservations: worst-case fair weighted fair queueing.
//!
//! The scheduler is WF²Q+ (Bennett and Zhang, 1997). Each flow has a rate; a fluid server would give every flow that
//! has packets its rate, and share what others leave in proportion. The scheduler keeps a *virtual time* that runs as
//! the fluid server's work does, stamps the packet at the head of each flow with the virtual times at which the fluid
//! server would start and finish it, and sends, among the packets already started, the one that finishes first. That
//! costs the logarithm of the number of flows with packets, and gives each packet of a flow that keeps within its token
//! bucket a delay of at most `b/R + C/R + D` (RFC 2212) with
//!
//! * C = M, the flow's longest packet: it is sent whole where the fluid would flow;
//! * D = the time of the link's longest frame: it may be on its way when the packet arrives.
//!
//! Best effort is a flow too, with whatever rate is not reserved; reservations get at most [`FairQueue::MOST_SHARE`] of
//! the link. So is network control, with a hundredth of the link's rate: frames that are not IP (ARP), and packets of
//! precedence 6 and 7 (RFC 791 §3.1; class selectors 6 and 7 of RFC 2474) that no reservation is for. Without neighbours,
//! routes and refreshed reservations the network would not hold through the very overload that reservations are for; and
//! whoever marks more than that gets no more than that. Rates of flowspecs count octets of IP packets, the link's rate counts octets of frames: a reservation is
//! made larger by the headers of its shortest packets (`rsvp.md` §6.5).
//!
//! The queue gives packets out no faster than the link's rate, so that packets wait here, where they are ordered, and
//! not in the device.

mod admission;
mod flow;
mod queue;

#[cfg(test)]
mod tests;

pub use flow::{ErrorTerms, Excess, FlowId, FlowStats, Policing, ReserveOptions};
pub use queue::FairQueue;
