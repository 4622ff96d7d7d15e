//! UDP.

use crate::bodies::Pair;
use fairway_stack::{Family, NetError};

/// Ports 512–1023 say that the superuser asks.
pub(crate) async fn reserved_ports_are_of_the_superuser(pair: Pair) {
    let socket = pair.client.udp_socket(Family::V4).unwrap();
    match socket.bind_reserved(&mut pair.client.rng()) {
        Ok(address) => assert!((512..1024).contains(&address.port()), "{address}"),
        Err(error) => assert_eq!(error, NetError::Access),
    }
}
