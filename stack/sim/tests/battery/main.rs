//! The battery of socket tests (`stack/tests/battery`) between two hosts on an Ethernet, in virtual time, and within one
//! simulated host.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "../../../tests/battery/bodies/mod.rs"]
#[macro_use]
mod bodies;

use bodies::{NOBODY, Pair};
use fairway_sim::Network;
use std::net::IpAddr;

/// Two hosts on a wire.
fn apart() -> (Network, Pair) {
    let network = Network::new(7);
    let (client, server) = (network.node("client"), network.node("server"));
    network.link(&client, &server).connect();
    let pair = Pair {
        client: client.net(),
        server: server.net(),
        client_ips: vec![IpAddr::V4(client.address())],
        server_ips: vec![IpAddr::V4(server.address())],
        whose: NOBODY,
        native: true,
        simulated: true,
    };
    (network, pair)
}

/// One host, twice, by the address of its wire.
fn together() -> (Network, Pair) {
    let (network, pair) = apart();
    let pair = Pair {
        client: pair.server.clone(),
        client_ips: pair.server_ips.clone(),
        ..pair
    };
    (network, pair)
}

macro_rules! run {
    ($make:ident: $($module:ident: $($test:ident)+;)+) => {
        mod $make {
            $(mod $module { $(
                #[test]
                fn $test() {
                    let (network, pair) = crate::$make();
                    network.run(crate::bodies::limited(pair, crate::bodies::$module::$test));
                }
            )+ })+
        }
    };
}

mod two_hosts {
    bodies!(run, apart);
}
mod two_hosts_native {
    native_bodies!(run, apart);
}
mod one_host {
    bodies!(run, together);
}
