//! The RSVP node, pure: RFC 2205 with the processing of RFC 2209.
//!
//! # What it is told and what it answers
//!
//! ```text
//!            applications                     system
//!                  │ ▲                          │ handle_interface, handle_interface_gone,
//!      handle_call │ │ Output::Event            │ handle_routes_changed,
//!                  ▼ │                          ▼ handle_traffic_control_changed, handle_reservation_lost
//!   ┌──────────────────────────────────────────────────┐
//!   │ Engine: path, reservation, blockade,             │── Routing ─────────► asked, answers at once
//!   │         traffic control state (RFC 2209 §1)      │── TrafficControl ──► asked, answers at once
//!   │   Delivery ▲          │ Outgoing                 │
//!   │   ┌────────┴──────────▼────────┐                 │
//!   │   │ neighbour: signatures, ids │                 │
//!   └───┴────────▲──────────┬────────┴─────────────────┘
//! handle_datagram│          ▼ Output::Transmit
//!              packets in and out
//! ```
//!
//! After any `handle_*`, ask [`poll_output`](Engine::poll_output) until there is nothing; then wait for the next input or
//! `poll_timeout`, whichever is first. `now` never goes back. Randomness is a seed; the same
//! inputs give the same outputs, octet by octet.
//!
//! * Outputs are in the order in which they came about. A Path that was received leaves on all interfaces before the
//!   Resv refresh it causes; a message that answers another leaves before what it changes.
//! * Traffic control and routing are asked while an input is handled; nothing waits for them. Both may be slow by some
//!   hundred microseconds, not more.
//! * Applications are behind [`IfIndex::LOCAL`](crate::interface::IfIndex::LOCAL): a sender's Path has come in by it, a receiver's reservation goes out
//!   by it, and traffic control is never asked about it. So a host is nothing but a router with one more interface.
//! * A message is lost, or its transmission fails: nothing is told to the engine; soft state mends it.
//!
//! # Where it leaves the RFCs, and why
//!
//! Said at the line that does; the list is in the [crate's front page](crate#where-the-engine-leaves-the-rfcs).

mod calls;
mod control;
mod core;
mod error;
mod hops;
mod io;
mod merge;
mod node;
mod path;
mod path_end;
mod path_out;
mod refresh;
mod report;
mod resv;
mod route;
mod summary;
mod upcall;

pub use self::core::Engine;
pub use io::{Config, Counters, Direction, Limits, LogEntry, Output};
pub use report::{
    BlockadeReport, InstalledReport, RequestReport, ReservationReport, SenderReport, SessionReport,
    Side,
};
