//! Neighbours: the hardware addresses of those on the same network (ARP, RFC 826), and which addresses are ours to use
//! there (RFC 5227).

mod cache;
mod claim;
mod outcome;

pub use cache::ArpCache;
pub use claim::{ClaimMode, ClaimState, ConflictPolicy};
pub use outcome::{Heard, Misuse, Neighbour, NeighbourState, Output, Resolution};
