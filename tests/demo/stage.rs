//! Where the story happens: an internetwork of hosts of our own, or this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use fairway_sim::{BitsPerSec, Capture, Link, Network, Node};
use fairway_stack::Net;

/// Three hosts, or one machine in all roles.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The harbour office: it runs the portmapper and the service.
    pub(crate) office: Net,
    /// A quay of the same harbour: it has files, too.
    pub(crate) quay: Net,
    /// The ship: it calls.
    pub(crate) ship: Net,
    /// The office as the ship knows it.
    pub(crate) name: &'static str,
    /// The quay as the ship knows it.
    pub(crate) quay_name: &'static str,
    /// The port of the file servers, if it is free to choose it; else 0.
    pub(crate) ftp_port: u16,
    /// The address the office listens on; port 0.
    pub(crate) any: SocketAddr,
    /// The port of the portmapper, if it is free to choose it.
    pub(crate) portmapper_port: Option<u16>,
    /// What lies between the two, if it is not this machine.
    pub(crate) between: Option<Between>,
}

/// The network between the two hosts.
#[derive(Debug)]
pub(crate) struct Between {
    pub(crate) network: Network,
    /// The long way, which loses packets and can be cut.
    pub(crate) trunk: Link,
    /// What it carried.
    pub(crate) capture: Capture,
}

/// The map of the internetwork, as it is told.
pub(crate) const MAP: &str = "\
ship ───── west ═══════════════════ east ───── office
           router  20 Mbit/s, 1 ms  router ─── quay
                   1 of 200 lost";

impl Stage {
    /// Five hosts on our own stack, in virtual time: the same seed gives the same packets.
    pub(crate) fn internetwork(seed: u64) -> Self {
        let network = Network::new(seed);
        let [ship, office, quay] = ["ship", "office", "quay"].map(|name| network.node(name));
        let [west, east]: [Node; 2] = ["west", "east"].map(|name| network.router(name));
        network.link(&ship, &west).connect();
        let trunk = network
            .link(&west, &east)
            .name("trunk")
            .rate(BitsPerSec::mega(20))
            .delay(Duration::from_millis(1))
            .loss(0.005)
            .connect();
        network.link(&east, &office).connect();
        network.link(&east, &quay).connect();
        network.route_all();
        let capture = trunk.capture();
        Self {
            office: office.net(),
            quay: quay.net(),
            ship: ship.net(),
            name: "office",
            quay_name: "quay",
            ftp_port: 21,
            any: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            portmapper_port: Some(111),
            between: Some(Between {
                network,
                trunk,
                capture,
            }),
        }
    }

    /// This machine, by its own stack.
    pub(crate) fn machine() -> Self {
        let net = Net::system();
        Self {
            office: net.clone(),
            quay: net.clone(),
            ship: net,
            name: "127.0.0.1",
            quay_name: "127.0.0.1",
            ftp_port: 0,
            any: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            portmapper_port: None,
            between: None,
        }
    }
}

impl Between {
    /// Octets that the trunk was given to carry so far, both ways.
    pub(crate) fn carried(&self) -> u64 {
        self.trunk.there().counters().octets + self.trunk.back().counters().octets
    }

    /// Writes what the trunk carried to a file that Wireshark opens, in the folder for temporary files.
    pub(crate) fn save(&self) -> std::io::Result<PathBuf> {
        let file = std::env::temp_dir().join("fairway-demo-trunk.pcapng");
        self.capture.save(&file).map_err(|error| {
            std::io::Error::new(
                error.kind(),
                format!("cannot write {}: {error}", file.display()),
            )
        })?;
        Ok(file)
    }
}
