//! Who listens to which multicast group: IGMP versions 1, 2 and 3 (RFC 1112, RFC 2236, RFC 3376).
//!
//! | file | holds |
//! |---|---|
//! | `filter.rs` | which senders a socket wants to hear, and what that makes of all sockets together |
//! | `host.rs` | telling routers what is listened to on one interface |
//! | `report.rs` | putting it into messages |
//! | `router.rs` | asking, and remembering who listens on one interface, for multicast forwarding |
//! | `router_group.rs` | what routers remember of one group |
//! | `igmp.rs` | all interfaces of a host |
//!
//! A message goes out with a time to live of 1 and a router alert (RFC 2236 §2, RFC 3376 §4).

mod filter;
mod host;
#[expect(
    clippy::module_inception,
    reason = "a file is named after what it defines, and this folder after the protocol"
)]
mod igmp;
mod report;
mod router;
mod router_group;

pub use filter::SourceFilter;
pub use igmp::{Igmp, Output};

use crate::pkt::PacketBuf;
use crate::rng::Rng;
use std::net::Ipv4Addr;
use std::time::Duration;

/// All hosts on the network: who listens to anything listens to this, and never reports it (RFC 1112 §4).
pub const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// All routers on the network, which leaves of version 2 are sent to (RFC 2236 §9).
pub const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
/// All routers of version 3, which its reports are sent to (RFC 3376 §4.2.14).
pub const ALL_V3_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);

/// Time between two general queries: RFC 3376 §8.2.
const QUERY_INTERVAL: Duration = Duration::from_secs(125);
/// Time that hosts have to answer a general query: RFC 3376 §8.3.
const QUERY_RESPONSE_INTERVAL: Duration = Duration::from_secs(10);

/// A message to be sent.
#[derive(Debug)]
struct Sent {
    destination: Ipv4Addr,
    packet: PacketBuf,
}

/// A time from the moment after now to `most` from now, evenly.
fn within(rng: &mut Rng, most: Duration) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(rng.below(nanos).saturating_add(1))
}
