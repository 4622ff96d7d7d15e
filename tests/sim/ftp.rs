//! FTP through networks that lose, cut and delay, to servers that crash, fall silent and come back: all in virtual time.

mod active;
mod between;
mod calls;
mod cancel;
mod crash;
mod cuts;
mod keep_alive;
mod limits;
mod relay;
mod same;

use crate::support::World;
use fairway_ftp::{Client, Limits, Server, Site};
use fairway_sim::Node;
use fairway_tests::ftp::{Config, Files, FtpServer};
use std::net::Ipv4Addr;
use std::time::Duration;

/// client — router — server, with an FTP server on port 21.
struct Lab {
    /// Declared first: its tasks end before their host.
    server: FtpServer,
    world: World,
}

impl Lab {
    fn new(seed: u64, config: Config) -> Self {
        let world = World::new(seed);
        Self {
            server: serve(&world.server, config, Files::new()),
            world,
        }
    }

    /// A client on its host.
    fn client(&self, change: impl FnOnce(&mut Limits)) -> Client {
        let mut limits = Limits::default();
        change(&mut limits);
        Client::with_limits(self.world.client.net(), limits)
    }

    /// A handle to the server, from a client of the usual limits.
    fn site(&self) -> Site {
        self.client(|_| {}).site(there())
    }

    /// Virtual time passes.
    async fn wait(&self, time: Duration) {
        self.world.network.clock().sleep(time).await;
    }

    /// The time, from the start of the network.
    fn now(&self) -> fairway_stack::Instant {
        self.world.network.now()
    }

    /// A file on the client's host.
    async fn write(&self, path: &str, octets: &[u8]) {
        let files = self.world.client.net().files();
        files.write(path, octets).await.unwrap();
    }

    async fn read(&self, path: &str) -> Vec<u8> {
        let files = self.world.client.net().files();
        files.read(path).await.unwrap()
    }
}

/// The server, by name.
fn there() -> Server {
    Server::new("server").login("u1", "secret")
}

/// A server on a host's port 21.
fn serve(node: &Node, config: Config, files: Files) -> FtpServer {
    let config = config.listen((Ipv4Addr::UNSPECIFIED, 21));
    FtpServer::start_with(&node.net(), config, files).unwrap()
}

/// Octets that tell where they are.
fn octets(n: usize) -> Vec<u8> {
    (0..n)
        .map(|i| u8::try_from((i * 7 + i / 251) % 256).unwrap())
        .collect()
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}
