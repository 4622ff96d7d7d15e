//! Two hosts with a router between them, and a service that counts.

use fairway_rpc::{
    Args, CallContext, CallError, CallFuture, CallOptions, Client, Procedure, Refusal, Reply,
    Server, Service,
};
use fairway_sim::impair::{Chance, Delayed, Duplicated, Lost};
use fairway_sim::{Link, LinkDirection, Network, Node};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Doubles a number, and counts how often it was asked to.
pub(crate) const DOUBLE: Procedure = Procedure::new(0x2000_0123, 1, 1);

/// Where the service is.
pub(crate) const PORT: u16 = 2049;

/// client — router — server.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) client: Node,
    pub(crate) server: Node,
    /// From the client to the router, and back.
    pub(crate) near: Link,
    /// From the router to the server, and back.
    pub(crate) far: Link,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let network = Network::new(seed);
        let (client, server) = (network.node("client"), network.node("server"));
        let router = network.router("router");
        let delay = Duration::from_millis(5);
        let near = network.link(&client, &router).delay(delay).connect();
        let far = network.link(&router, &server).delay(delay).connect();
        network.route_all();
        Self {
            network,
            client,
            server,
            near,
            far,
        }
    }

    /// The four directions.
    pub(crate) fn directions(&self) -> [LinkDirection; 4] {
        let (near, far) = (&self.near, &self.far);
        [near.there(), near.back(), far.there(), far.back()]
    }

    /// Faults on both links, both ways: of a hundred packets ten are lost, five repeated, ten late by 20 ms.
    pub(crate) fn spoil(&self) {
        let late = Duration::from_millis(20);
        for direction in self.directions() {
            direction.add_fault(Lost(Chance::from(0.10)));
            direction.add_fault(Duplicated(Chance::from(0.05)));
            direction.add_fault(Delayed(Chance::from(0.10), late));
        }
    }

    /// The service's address.
    pub(crate) fn address(&self) -> SocketAddr {
        (self.server.address(), PORT).into()
    }
}

/// How often each number was doubled.
#[derive(Clone, Default)]
pub(crate) struct Executed(Arc<Mutex<BTreeMap<u32, u32>>>);

impl Executed {
    /// The counts.
    pub(crate) fn counts(&self) -> BTreeMap<u32, u32> {
        self.0.lock().unwrap().clone()
    }
}

impl Service for Executed {
    fn program(&self) -> u32 {
        DOUBLE.program
    }

    fn version(&self) -> u32 {
        DOUBLE.version
    }

    fn call(&self, cx: CallContext, args: Args) -> CallFuture {
        let executed = self.clone();
        Box::pin(async move {
            if cx.procedure() != DOUBLE.procedure {
                return Err(Refusal::SystemErr);
            }
            let number = args.decode::<u32>()?;
            *executed.0.lock().unwrap().entry(number).or_default() += 1;
            cx.reply(Reply::Value(number * 2))
        })
    }
}

/// Serves on both transports at [`PORT`].
pub(crate) async fn serve(node: &Node, executed: &Executed) -> Server {
    let any: SocketAddr = (Ipv4Addr::UNSPECIFIED, PORT).into();
    Server::builder(&node.net())
        .service(executed.clone())
        .listen_tcp(any)
        .listen_udp(any)
        .start()
        .await
        .unwrap()
}

/// One call.
pub(crate) async fn double(client: &Client, number: u32) -> Result<u32, CallError> {
    client.call(DOUBLE, &number, &CallOptions::new()).await
}
