//! Networks of simulated hosts in virtual time.

#![forbid(unsafe_code)]

mod channel;
#[expect(dead_code, reason = "networks come next")]
mod driver;
mod frame;
pub mod impair;
pub mod pcap;
mod rate;
#[cfg(test)]
mod testing;

pub use channel::{
    Carriage, Channel, ChannelConfig, ChannelCounters, Delivery, DropReason, Fate, Narrow, Queue,
};
pub use frame::{Frame, Framing};
pub use rate::BitsPerSec;
