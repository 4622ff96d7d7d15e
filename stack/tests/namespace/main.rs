//! Raw sockets, router alert, foreign sources and multicast, in networks of the test's own.
//!
//! Each host is a thread in a network name space of its own; virtual cables join them. This needs root (or the
//! capabilities `CAP_SYS_ADMIN`, `CAP_NET_ADMIN`, `CAP_NET_RAW`) and `ip` of iproute2. Without them the tests say so and
//! pass, unless `CI` is `true`: then they fail.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod host;
mod interfaces;
mod multicast;
mod raw;

use host::Host;
use std::time::Duration;

/// Whether the networks of these tests can be built here.
fn privileged() -> bool {
    match Host::try_new("probe") {
        Ok(_) => true,
        Err(error) => {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "the privileges are missing: {error}"
            );
            println!("skipped: network name spaces need root and iproute2: {error}");
            false
        }
    }
}

/// How long anything may take that should happen at once.
const LIMIT: Duration = Duration::from_secs(10);

/// Sender, router and receiver in a row: 10.1.0.0/24 and 10.2.0.0/24, fd01::/64 and fd02::/64, the router `.2` and
/// `.1`. Both ends have a default route through it; it forwards.
struct Row {
    sender: Host,
    router: Host,
    receiver: Host,
}

impl Row {
    fn new() -> Self {
        let [sender, router, receiver] =
            ["sender", "router", "receiver"].map(|name| Host::try_new(name).unwrap());
        Host::join((&sender, "right"), (&router, "left"));
        Host::join((&router, "right"), (&receiver, "left"));
        sender.address("right", &["10.1.0.1/24", "fd01::1/64"]);
        router.address("left", &["10.1.0.2/24", "fd01::2/64"]);
        router.address("right", &["10.2.0.1/24", "fd02::1/64"]);
        receiver.address("left", &["10.2.0.2/24", "fd02::2/64"]);
        sender.ip("route add default via 10.1.0.2");
        sender.ip("-6 route add default via fd01::2");
        receiver.ip("route add default via 10.2.0.1");
        receiver.ip("-6 route add default via fd02::1");
        router.sysctl("net/ipv4/ip_forward", "1");
        router.sysctl("net/ipv6/conf/all/forwarding", "1");
        Self {
            sender,
            router,
            receiver,
        }
    }
}
