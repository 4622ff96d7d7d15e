//! The portmapper on its own port, 111, of a simulated host: found by name, through a network that loses packets.

use crate::support::{DOUBLE, Executed, World, double, serve};
use fairway_portmap::core::Core;
use fairway_portmap::pmap::PmapV2Client;
use fairway_portmap::{Portmapper, access, address, registry};
use fairway_rpc::bind::universal;
use fairway_rpc::{Client, ClientConfig, Server, Transport, portmapper};
use fairway_sim::Node;
use fairway_sim::impair::{Chance, Lost};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A portmapper on port 111 of that host.
async fn portmapd(node: &Node) -> Server {
    let any: SocketAddr = (Ipv4Addr::UNSPECIFIED, 111).into();
    let net = node.net();
    let core = Core::new(registry::Limits::default(), access::Access::default());
    let portmapper = Portmapper::new(&net, core);
    let server = Server::builder(&net)
        .registry(portmapper.services())
        .listen_tcp(any)
        .listen_udp(any)
        .start()
        .await
        .unwrap();
    for netid in ["tcp", "udp"] {
        portmapper
            .core()
            .register_self(&address::Netid::new(netid), &universal(&any));
    }
    server
}

/// RFC 1833: register on the host itself, ask from another.
#[test]
fn a_service_is_found_by_the_name_of_its_host_and_called() {
    for seed in 0..3 {
        let world = World::new(seed);
        for direction in [world.far.there(), world.far.back()] {
            direction.add_fault(Lost(Chance::from(0.05)));
        }
        let executed = Executed::default();
        let (client, server) = (world.client.net(), world.server.net());
        world.network.run(async {
            let _portmapper = portmapd(&world.server).await;
            let service = serve(&world.server, &executed).await;
            let local: SocketAddr = (Ipv4Addr::LOCALHOST, 111).into();
            let registrar =
                portmapper::Portmapper::at(&server, local, Transport::Tcp, ClientConfig::new())
                    .await
                    .unwrap();
            service.register(&registrar).await.unwrap();

            let at: SocketAddr = (world.server.address(), 111).into();
            let asked =
                PmapV2Client::new(Client::tcp(&client, at, ClientConfig::new()).await.unwrap());
            let mappings = asked.dump().await.unwrap();
            assert!(
                mappings.iter().any(|row| row.map.prog == DOUBLE.program),
                "seed {seed}"
            );

            for transport in [Transport::Tcp, Transport::Udp] {
                let config = ClientConfig::new().first_wait(Duration::from_millis(100));
                let found = Client::dial(
                    &client,
                    "server",
                    DOUBLE.program,
                    DOUBLE.version,
                    transport,
                    config,
                );
                assert_eq!(
                    double(&found.await.unwrap(), 21).await.unwrap(),
                    42,
                    "seed {seed}"
                );
            }
            service.shutdown(Duration::from_secs(5)).await;
            let left = asked.dump().await.unwrap();
            assert!(
                left.iter().all(|row| row.map.prog != DOUBLE.program),
                "seed {seed}"
            );
        });
    }
}

/// Registrations come from the host itself only.
#[test]
fn another_host_may_not_register() {
    let world = World::new(1);
    let executed = Executed::default();
    let client = world.client.net();
    world.network.run(async {
        let _portmapper = portmapd(&world.server).await;
        let own = serve(&world.client, &executed).await;
        let at: SocketAddr = (world.server.address(), 111).into();
        let remote = portmapper::Portmapper::at(&client, at, Transport::Tcp, ClientConfig::new())
            .await
            .unwrap();
        assert!(own.register(&remote).await.is_err());
    });
}
