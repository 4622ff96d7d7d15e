//! What passes between `rsvpctl` and the daemon: a line of JSON asks, a line of JSON answers.

pub mod protocol;
pub mod value;
