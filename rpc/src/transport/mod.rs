//! What carries messages: byte streams of several kinds, and the way to send over somebody else's.

mod channel;
mod link;
mod memory;

pub use channel::{Channel, Stream};
pub(crate) use link::{Link, LinkError};
