//! Between the engine and the network: what passes between neighbours about messages, and not about reservations.
//!
//! A core of its own, which the engine owns: datagrams in, messages to the engine; messages from the engine, datagrams
//! out. Here are signatures (RFC 2747, 3097), message identifiers, acknowledgements, retransmission, Bundles and summary
//! refreshes (RFC 2961), Hello (RFC 3209 §5), UDP encapsulation (RFC 2205 appendix C), and which neighbour can what.
//!
//! ```text
//!            Delivery ▲                 │ Outgoing
//!   ┌─────────────────┴─────────────────▼──────────────────┐
//!   │ arrive.rs                  depart.rs                 │  ids.rs   names, and what waits for an answer
//!   │  unbundle, verify,          name, encapsulate,       │  peer.rs  what is known of a neighbour
//!   │  acknowledge                send again; roll.rs      │  hello.rs whether it is there; recent.rs what it missed
//!   │                             summaries; flush.rs      │  signatures.rs keys, numbers, challenges
//!   │                             answers on board,        │  udp.rs   appendix C
//!   │                             Bundles, signatures      │
//!   └─────────────────▲─────────────────┬──────────────────┘
//!            Arrival  │                 ▼ Transmit
//! ```

mod arrive;
mod counters;
mod depart;
mod flush;
mod hello;
mod ids;
mod io;
mod neighbours;
mod peer;
mod recent;
mod roll;
mod secret;
mod security;
mod signatures;
mod udp;

#[cfg(test)]
mod tests;

pub use counters::{HelloRow, NeighbourCounters, NeighbourRow, SecurityRow};
pub use io::{
    AckDue, Arrival, Delivery, Destination, IdOfState, Outgoing, StateKey, Transmit, Verdict, Via,
};
pub use neighbours::Neighbours;
pub use security::{Security, SecurityKey};
