//! Calls procedure 0 of a program for a while and says how many calls a second that makes.
//!
//! ```text
//! cargo run --release -p fairway-rpc --example null_calls -- tcp 127.0.0.1:2049 100003 3 64 2
//! ```
//!
//! Arguments: transport (`tcp`, `udp` or `local`), address with port, or a host whose portmapper is asked, program, version, calls
//! in flight, seconds.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use fairway_rpc::{CallError, CallOptions, Client, ClientConfig, Procedure, Transport};
use fairway_stack::Net;

async fn caller(
    client: Client,
    null: Procedure,
    net: Net,
    span: Duration,
) -> Result<u64, CallError> {
    let clock = net.clock();
    let end = clock.now() + span;
    let options = CallOptions::new();
    let mut calls = 0;
    while clock.now() < end {
        for _ in 0..32 {
            client.call::<_, ()>(null, &(), &options).await?;
        }
        calls += 32;
    }
    Ok(calls)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or_else(|| format!("{what} expected"));
    let transport = next("tcp or udp")?;
    let host = next("address")?;
    let (program, version) = (next("program")?.parse()?, next("version")?.parse()?);
    let null = Procedure::new(program, version, 0);
    let in_flight: u32 = next("calls in flight")?.parse()?;
    let span = Duration::from_secs_f64(next("seconds")?.parse()?);

    let net = Net::system();
    let config = ClientConfig::new();
    let transport = match transport.as_str() {
        "local" => Transport::Local,
        "udp" => Transport::Udp,
        _ => Transport::Tcp,
    };
    let client = match (host.parse::<SocketAddr>(), transport) {
        (Ok(peer), Transport::Udp) => Client::udp(&net, peer, config).await?,
        (Ok(peer), _) => Client::tcp(&net, peer, config).await?,
        (Err(_), _) => Client::dial(&net, &host, program, version, transport, config).await?,
    };
    let began = net.clock().now();
    let mut calls = 0;
    if in_flight == 1 {
        calls = caller(client.clone(), null, net.clone(), span).await?;
    } else {
        let callers: Vec<_> = (0..in_flight)
            .map(|_| net.spawn(caller(client.clone(), null, net.clone(), span)))
            .collect();
        for caller in callers {
            calls += caller.await??;
        }
    }
    let took = net.clock().now().saturating_duration_since(began);
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let rate = calls as f64 / took.as_secs_f64();
    println!("{rate:.0} calls/s, {calls} calls, {:?}", client.counters());
    Ok(())
}
