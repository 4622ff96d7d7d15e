//! RSVP in whole networks: what reservations do to the data that they are for, and to all other.

mod bounds;
mod daemons;
mod flow;
mod groups;
mod lab;
mod setup;
mod speaker;
mod topology;
