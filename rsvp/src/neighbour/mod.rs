//! Between the engine and the network: what passes between neighbours about messages, and not about reservations.
//!
//! A core of its own, which the engine owns: datagrams in, messages to the engine; messages from the engine, datagrams
//! out. Here are signatures (RFC 2747, 3097), message identifiers, acknowledgements, retransmission, Bundles and summary
//! refreshes (RFC 2961), Hello (RFC 3209 §5), UDP encapsulation (RFC 2205 appendix C), and which neighbour can what.

mod io;
mod security;

pub use io::{
    AckDue, Arrival, Delivery, Destination, IdOfState, Outgoing, StateKey, Transmit, Verdict, Via,
};
pub use security::{Security, SecurityKey};
