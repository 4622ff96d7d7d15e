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
use fairway_stack::{CONNECT_TIME_LIMIT, NetError};
use std::net::{IpAddr, SocketAddr};

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

/// CON-3: an attempt that nobody answers ends after 75 seconds.
#[test]
fn connecting_gives_up_after_75_seconds() {
    let network = Network::new(7);
    let (client, server) = (network.node("client"), network.node("server"));
    network.link(&client, &server).connect();
    network.run(async {
        // They know each other's link address.
        let address = SocketAddr::new(server.address().into(), 7);
        let first = client.net().connect_tcp(address).await;
        assert_eq!(first.err(), Some(NetError::ConnRefused));
        network.partition(&[&client], &[&server]);
        let start = network.now();
        let late = client.net().connect_tcp(address).await;
        assert_eq!(late.err(), Some(NetError::TimedOut));
        assert_eq!(network.now() - start, CONNECT_TIME_LIMIT);
    });
}
