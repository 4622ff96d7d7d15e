//! A client and a server on a simulated network.

use fairway_ftp::{Client, Limits, Server, Site};
use fairway_sim::{Network, Node};
use fairway_tests::ftp::{Config, FtpServer};
use std::time::Duration;

pub(super) struct World {
    pub(super) network: Network,
    pub(super) client: Node,
    pub(super) server: Node,
}

impl World {
    pub(super) fn new() -> Self {
        let network = Network::new(7);
        let (client, server) = (network.node("client"), network.node("server"));
        let delay = Duration::from_millis(2);
        network.link(&client, &server).delay(delay).connect();
        Self {
            network,
            client,
            server,
        }
    }

    pub(super) fn config(&self) -> Config {
        Config::new().listen((self.server.address(), 21))
    }

    pub(super) fn start(&self, config: Config) -> FtpServer {
        let server = FtpServer::start(&self.server.net(), config).unwrap();
        server.files().put("/a", "first\nsecond\n");
        server.files().directory("/d");
        server.files().put("/d/b.txt", "b");
        server
    }

    pub(super) fn host(&self) -> String {
        self.server.address().to_string()
    }

    pub(super) fn site(&self) -> Site {
        self.site_with(Limits::default())
    }

    pub(super) fn site_with(&self, limits: Limits) -> Site {
        let server = Server::new(self.host()).login("u1", "secret");
        Client::with_limits(self.client.net(), limits).site(server)
    }
}
