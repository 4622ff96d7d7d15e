//! Networks of namespaces with `rsvpd` in each, applications on them, and data that is measured.
//!
//! Applications speak RAPI from the measuring process itself: local sockets do not care for network namespaces, and the
//! folder of each machine is reached through `/proc`. Data is sent and received by sockets made inside.

mod data;
mod machine;
mod row;

pub use data::{Carried, Flood, Flow, carry, receive_late};
pub use machine::{Held, Machine, programs};
pub use row::{BOTTLENECK_BITS, Row};

use crate::{have, have_root};

/// Whether such networks can be made here.
#[must_use]
pub fn possible(test: &str) -> bool {
    have_root(test) && have(test, &["unshare", "nsenter", "setpriv", "ip", "tc", "nft"])
}
