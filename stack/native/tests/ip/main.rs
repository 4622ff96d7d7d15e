//! The IP layer of a whole host, seen from its wires: the events of `reference/events.md` §5 (EVT-20) and the
//! requirements of RFC 1122 and RFC 1812.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod control_events;
mod icmp_events;
mod internet;
mod ip_events;
mod link_events;
mod multicast_events;
mod naming_events;
mod requirements;
mod route_events;
mod scene;
mod tcp_events;
