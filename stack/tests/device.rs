//! Hosts of our own stack on TUN and TAP devices, asked by the kernel at the other end: feature `tun`.
//!
//! Each test has a network name space of its own, which needs root (or `CAP_SYS_ADMIN` and `CAP_NET_ADMIN`), `ip` of
//! iproute2, and `ping`. Without them the tests say so and pass, unless `CI` is `true`: then they fail.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use fairway_native::{InterfaceAddress, Setup, Stack};
use fairway_stack::Net;
use fairway_stack::device::{Layer, Plugged, Tun, TunConfig};
use fairway_stack::native::Host;
use fairway_wire::MacAddr;
use nix::sched::{CloneFlags, unshare};
use std::future::Future;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The machine's end, and the host's.
const MACHINE: &str = "10.0.0.1/24";
const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// Nothing here takes longer unless it is broken.
const LIMIT: Duration = Duration::from_secs(20);

/// A host at the other end of a device of this name space.
fn host(config: TunConfig) -> (Net, Plugged) {
    let host = Host::real_time(Stack::new(Setup::new("native", [3; 32])));
    let tun = Tun::open(config).unwrap();
    run("ip", &format!("address add {MACHINE} dev {}", tun.name())).unwrap();
    let plugged = tun.plug_in(&host).unwrap();
    host.with(|stack, now| {
        stack
            .add_address(now, plugged.interface(), InterfaceAddress::new(HOST, 24))
            .unwrap();
    });
    (host.net(), plugged)
}

fn run(program: &str, arguments: &str) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments.split_whitespace())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        let why = String::from_utf8_lossy(&output.stderr);
        Err(format!("{program} {arguments}: {text}{why}"))
    }
}

/// Runs a program of this name space without stopping the host.
async fn run_beside(program: &'static str, arguments: String) -> Result<String, String> {
    tokio::task::spawn_blocking(move || run(program, &arguments))
        .await
        .unwrap()
}

/// Runs a test on a runtime in a name space of its own.
fn in_namespace<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let tested = std::thread::spawn(|| {
        let entered = unshare(CloneFlags::CLONE_NEWNET)
            .map_err(|error| error.to_string())
            .and_then(|()| run("ip", "link set lo up"))
            .and_then(|_| {
                std::fs::metadata("/dev/net/tun").map_err(|error| format!("/dev/net/tun: {error}"))
            });
        if let Err(error) = entered {
            return leave_out(&error);
        }
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async {
                let clock = Net::system().clock();
                clock.timeout(LIMIT, test()).await.unwrap();
            });
    });
    if let Err(panic) = tested.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Says that the tests are left out, and why; the list is a courtesy of `tests/run`.
fn leave_out(why: &str) {
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "the privileges are missing: {why}"
    );
    println!("skipped: devices need root and iproute2: {why}");
    if let Some(list) = std::env::var_os("FAIRWAY_LEFT_OUT")
        && let Ok(mut list) = std::fs::OpenOptions::new().append(true).open(list)
    {
        let _listed = writeln!(list, "stack: TUN and TAP devices: {why}");
    }
}

/// Both kinds of device, with and without offload.
fn every_config() -> impl Iterator<Item = TunConfig> {
    let tap = Layer::Ethernet(MacAddr([2, 0, 0, 0, 0, 2]));
    [Layer::Ip, tap].into_iter().flat_map(|layer| {
        [false, true].map(|offload| TunConfig {
            layer,
            offload,
            ..TunConfig::default()
        })
    })
}

#[test]
fn the_kernel_pings_it_also_with_fragments_and_options() {
    in_namespace(|| async {
        for config in every_config() {
            let (_net, plugged) = host(config.clone());
            // ping waits for the last reply as long as between two, at least. `-R` and `-T`: RFC 1122 §3.2.2.6, options come back
            // in the reply.
            for options in [
                "-c 3 -i 0.2",
                "-c 2 -i 0.2 -s 4000",
                "-c 1 -R",
                "-c 1 -T tsonly",
            ] {
                let pinged = run_beside("ping", format!("-n -W 2 {options} {HOST}")).await;
                let said = pinged.unwrap_or_else(|error| panic!("{config:?}: {error}"));
                assert!(said.contains(" 0% packet loss"), "{config:?}: {said}");
                if options.contains("-R") {
                    assert!(said.contains("RR:"), "{said}");
                }
                if options.contains("-T") {
                    assert!(said.contains("TS:"), "{said}");
                }
            }
            plugged.pull_out().await;
        }
    });
}

#[test]
fn datagrams_go_both_ways_with_right_checksums() {
    in_namespace(|| async {
        for config in every_config() {
            let (net, plugged) = host(config);
            let machine = Net::system();
            let ours = net.bind_udp((HOST, 7).into()).unwrap();
            let theirs = machine.bind_udp("10.0.0.1:0".parse().unwrap()).unwrap();
            for length in [0, 1, 1400, 9000] {
                let data = vec![5; length];
                let mut buf = vec![0; 10_000];
                theirs.send_to(&data, (HOST, 7).into()).await.unwrap();
                let (got, peer) = ours.recv_from(&mut buf).await.unwrap();
                assert_eq!(
                    (&buf[..got], peer),
                    (&data[..], theirs.local_addr().unwrap())
                );
                ours.send_to(&data, peer).await.unwrap();
                let (got, peer) = theirs.recv_from(&mut buf).await.unwrap();
                assert_eq!(
                    (&buf[..got], peer),
                    (&data[..], SocketAddr::from((HOST, 7)))
                );
            }
            plugged.pull_out().await;
        }
    });
}

#[test]
fn streams_carry_megabytes_both_ways_between_it_and_the_kernel() {
    const LENGTH: usize = 1 << 20;
    in_namespace(|| async {
        for config in every_config() {
            let (net, plugged) = host(config);
            let machine = Net::system();
            // Whoever connects sends first; either end is connected to once.
            for (server, client, address) in [
                (&net, &machine, SocketAddr::from((HOST, 80))),
                (&machine, &net, "10.0.0.1:80".parse().unwrap()),
            ] {
                let listener = server.listen_tcp(address).unwrap();
                let serving = async {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let mut all = Vec::new();
                    stream.read_to_end(&mut all).await.unwrap();
                    stream.write_all(&all).await.unwrap();
                    all
                };
                let asking = async {
                    let mut stream = client.connect_tcp(address).await.unwrap();
                    stream.write_all(&pattern(LENGTH)).await.unwrap();
                    stream.shutdown(std::net::Shutdown::Write).unwrap();
                    let mut all = Vec::new();
                    stream.read_to_end(&mut all).await.unwrap();
                    all
                };
                let (there, back) = tokio::join!(biased; serving, asking);
                assert!(there == pattern(LENGTH) && back == there);
            }
            plugged.pull_out().await;
        }
    });
}

/// Octets that tell where they are.
fn pattern(length: usize) -> Vec<u8> {
    (0..u32::try_from(length).unwrap())
        .flat_map(|at| (at * 4).to_be_bytes())
        .take(length)
        .collect()
}
