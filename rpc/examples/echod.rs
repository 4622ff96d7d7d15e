//! The echo service of the benchmarks, written by hand: `echod UDP-PORT TCP-PORT` serves it on loopback until it is killed.
//!
//! ```text
//! void      ECHO_NULL(void)      = 0;
//! echo_blob ECHO_BLOB(echo_blob) = 1;
//! echo_stat ECHO_STAT(unsigned)  = 2;
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use fairway_rpc::xdr::Opaque;
use fairway_rpc::{Args, CallContext, CallFuture, Refusal, Reply, Server, Service};
use fairway_stack::Net;

#[derive(Default)]
struct Echo {
    calls: Arc<AtomicU32>,
}

impl Service for Echo {
    fn program(&self) -> u32 {
        0x2000_4321
    }

    fn version(&self) -> u32 {
        1
    }

    fn procedure_name(&self, procedure: u32) -> Option<&'static str> {
        ["ECHO_NULL", "ECHO_BLOB", "ECHO_STAT"]
            .get(usize::try_from(procedure).ok()?)
            .copied()
    }

    fn call(&self, cx: CallContext, args: Args) -> CallFuture {
        let calls = Arc::clone(&self.calls);
        Box::pin(async move {
            let before = calls.fetch_add(1, Ordering::Relaxed);
            match cx.procedure() {
                0 => cx.reply(Reply::Value(args.decode::<()>()?)),
                1 => cx.reply(Reply::Value(args.decode::<Opaque>()?)),
                2 => {
                    args.decode::<u32>()?;
                    cx.reply(Reply::Value((before, 0u32)))
                }
                _ => Err(Refusal::ProcUnavail),
            }
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut ports = std::env::args().skip(1);
    let mut address = || {
        let port = ports.next().unwrap_or_default().parse().unwrap_or(0);
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
    };
    let (udp, tcp) = (address(), address());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let net = Net::system();
        let _server = Server::builder(&net)
            .service(Echo::default())
            .listen_udp(udp)
            .listen_tcp(tcp)
            .start()
            .await?;
        std::future::pending().await
    })
}
