//! Our echo server: `ECHO_PROG` of echo.x by generated code, on UDP and TCP.

use std::sync::atomic::{AtomicU32, Ordering};

use fairway_rpc::{CallContext, Limits, Refusal, Reply, Server};
use fairway_stack::Net;

use crate::lab::{Error, pin_self};
use fairway_tests::generated::echo::{EchoBlob, EchoStat, EchoV1, EchoV1Service};

#[derive(Debug, Default)]
struct Echo {
    calls: AtomicU32,
}

impl EchoV1 for Echo {
    async fn blob(&self, _: &CallContext, blob: EchoBlob) -> Result<Reply<EchoBlob>, Refusal> {
        Ok(blob.into())
    }

    async fn stat(&self, _: &CallContext, pad: u32) -> Result<Reply<EchoStat>, Refusal> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(EchoStat { calls, pad }.into())
    }
}

/// Serves until it is killed.
pub(crate) async fn run(udp: u16, tcp: u16) -> Result<(), Error> {
    pin_self()?;
    let net = Net::system();
    let limits = Limits {
        // Ten thousand connections come from one address.
        max_connections: 20_000,
        max_connections_per_address: 20_000,
        ..Limits::default()
    };
    let server = Server::builder(&net)
        .limits(limits)
        .service(EchoV1Service::new(Echo::default()))
        .listen_udp(([127, 0, 0, 1], udp).into())
        .listen_tcp(([127, 0, 0, 1], tcp).into())
        .start()
        .await?;
    std::future::pending::<()>().await;
    drop(server);
    Ok(())
}
