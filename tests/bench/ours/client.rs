//! Our client: calls one after another and many at a time.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fairway_rpc::{CallError, Client, ClientConfig};
use fairway_stack::Net;

use crate::lab::{Error, cpu_seconds, env_number, now, pin_self, put, round};
use crate::readings::median;
use fairway_tests::generated::echo::{EchoBlob, EchoV1Client};

const ROUNDS: usize = 7;
/// Calls between two looks at the clock.
const CHUNK: usize = 50;

/// Which measurements to make; none named is all but `in-flight`.
pub(crate) async fn run(prefix: &str, udp: u16, tcp: u16, cases: &[String]) -> Result<(), Error> {
    pin_self()?;
    let wants = |case: &str| match case {
        "in-flight" => cases.iter().any(|wanted| wanted == case),
        _ => cases.is_empty() || cases.iter().any(|wanted| wanted == case),
    };
    let net = Net::system();
    let config = ClientConfig::default();
    let local = |port| ([127, 0, 0, 1], port).into();
    let by_udp = EchoV1Client::new(Client::udp(&net, local(udp), config.clone()).await?);
    let by_tcp = EchoV1Client::new(Client::tcp(&net, local(tcp), config).await?);
    if wants("null") {
        one_by_one(
            &format!("{prefix}.udp.null"),
            CHUNK,
            1.0,
            "call/s",
            async || by_udp.null().await,
        )
        .await?;
        one_by_one(
            &format!("{prefix}.tcp.null"),
            CHUNK,
            1.0,
            "call/s",
            async || by_tcp.null().await,
        )
        .await?;
    }
    let echo = async |blob: &EchoBlob| -> Result<(), CallError> {
        let back = by_tcp.blob(blob).await?;
        debug_assert_eq!(&back, blob);
        Ok(())
    };
    if wants("echo1k") {
        let small = EchoBlob(vec![0x5a; 1 << 10].into());
        one_by_one(
            &format!("{prefix}.tcp.echo1k"),
            CHUNK,
            1.0,
            "call/s",
            async || echo(&small).await,
        )
        .await?;
    }
    if wants("echo1m") {
        let large = EchoBlob(vec![0x5a; 1 << 20].into());
        let megabytes = 2.0 * f64::from(1 << 20) / 1e6;
        one_by_one(
            &format!("{prefix}.tcp.echo1m"),
            1,
            megabytes,
            "MB/s",
            async || echo(&large).await,
        )
        .await?;
    }
    if wants("in-flight") {
        in_flight(&net, &format!("{prefix}.tcp.w64"), &by_tcp, 64).await?;
    }
    Ok(())
}

/// CPU of this process and of the server's, at the start of a measurement.
struct Cpu {
    server: u32,
    own_before: f64,
    server_before: f64,
}

impl Cpu {
    fn start() -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a process id"
        )]
        let server = env_number("SRV_PID", 0.0) as u32;
        Self {
            server,
            own_before: cpu_seconds(std::process::id()),
            server_before: cpu_seconds(server),
        }
    }

    fn put(&self, name: &str, calls: f64) {
        let own = cpu_seconds(std::process::id()) - self.own_before;
        put(&format!("{name}.clicpu"), own / calls * 1e6, "us/call");
        if self.server != 0 {
            let server = cpu_seconds(self.server) - self.server_before;
            put(&format!("{name}.srvcpu"), server / calls * 1e6, "us/call");
        }
    }
}

async fn one_by_one(
    name: &str,
    chunk: usize,
    scale: f64,
    unit: &str,
    call: impl AsyncFn() -> Result<(), CallError>,
) -> Result<(), Error> {
    let cpu = Cpu::start();
    let calls = Cell::new(0.0);
    let mut rates = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let since = now();
        let mut made = 0.0;
        while since.elapsed() < round() {
            for _ in 0..chunk {
                call().await?;
                made += 1.0;
            }
        }
        rates.push(made / since.elapsed().as_secs_f64() * scale);
        calls.set(calls.get() + made);
    }
    put(name, median(&rates).ok_or("no rounds")?, unit);
    cpu.put(name, calls.get());
    Ok(())
}

/// As many tasks as calls are to be in flight, each calling again and again.
async fn in_flight(net: &Net, name: &str, client: &EchoV1Client, many: usize) -> Result<(), Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..many)
        .map(|_| {
            let (client, stop, calls) = (client.clone(), Arc::clone(&stop), Arc::clone(&calls));
            net.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    client.null().await?;
                    calls.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, CallError>(())
            })
        })
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
    let made = || calls.load(Ordering::Relaxed) as f64;
    let clock = net.clock();
    let cpu = Cpu::start();
    let at_start = made();
    let mut rates = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let (since, before) = (now(), made());
        clock.sleep(round()).await;
        rates.push((made() - before) / since.elapsed().as_secs_f64());
    }
    cpu.put(name, made() - at_start);
    put(name, median(&rates).ok_or("no rounds")?, "call/s");
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    Ok(())
}
