//! Connections cut at every step of a transfer: what was taken up again is equal, and nothing is there twice.

use super::lab::{is_long, limits, octets, say};
use fairway_ftp::tls::TlsOptions;
use fairway_ftp::{Client, Error, ErrorKind, Report, Server, Tls};
use fairway_stack::Net;
use fairway_tests::Random;
use fairway_tests::ftp::{
    Action, After, Channel, Fault, FaultProxy, PRODUCTS, Product, RealConfig, RealServer, RealTls,
    Sender,
};
use fairway_tests::scratch;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

/// Octets of a file.
const SIZE: usize = 200_000;
/// What every other put replaces: shorter, and no part of the file.
const OLD: &[u8] = b"what is replaced";
/// Octets that are there before an append.
const BASE: &[u8] = b"what is there before";
/// Cases under way at a time: they wait most of the time.
const AT_ONCE: usize = 24;
/// What the servers say and are told takes fewer messages than this.
const MESSAGES: u64 = 40;
/// And fewer octets, TLS and all.
const OCTETS: u64 = 9_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Get,
    Put,
    Append,
}

/// A server and what all cases share.
struct Place {
    server: RealServer,
    tls: RealTls,
    folder: PathBuf,
    content: Vec<u8>,
}

/// An address for a proxy of its own: the ports of data connections are the server's.
fn next_address() -> IpAddr {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let [_, process, _, _] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 128 | process, high, low).into()
}

impl Place {
    fn new(test: &str, product: Product, tls: RealTls) -> Option<Self> {
        let config = RealConfig {
            tls,
            reuse_required: product != Product::PureFtpd,
            passive_ports: (tls != RealTls::None).then_some(60),
            ..RealConfig::default()
        };
        let server = RealServer::start(test, product, &config)?;
        let place = Self {
            folder: scratch(&format!("{test}-{}", server.address().ip())),
            server,
            tls,
            content: octets(SIZE),
        };
        place.server.put("pub/f", &place.content);
        std::fs::write(place.folder.join("source"), &place.content).unwrap();
        Some(place)
    }

    /// One transfer with faults: how many happened.
    async fn case(&self, number: usize, what: What, faults: &[Fault]) -> Result<u64, String> {
        let net = Net::system();
        let proxy = FaultProxy::start(&net, (next_address(), 0).into(), self.server.address());
        let proxy = proxy.map_err(|error| error.to_string())?;
        let to = proxy.address();
        let mut to = Server::new(to.ip().to_string())
            .on_port(to.port())
            .login(self.server.user(), self.server.password());
        if self.tls != RealTls::None {
            let (first, last) = self.server.passive_ports();
            let listening = proxy.pass_ports(first..=last);
            listening.map_err(|error| error.to_string())?;
            let trust = TlsOptions::new()
                .system_roots(false)
                .root_der(self.server.certificate().der().to_vec())
                .server_name(&self.server.address().ip().to_string());
            to = to.tls(Tls::Explicit).tls_options(trust);
        }
        for fault in faults {
            proxy.fault(*fault);
        }
        let client = Client::with_limits(net, limits());
        let site = client.site(to);
        let (local, remote) = (self.folder.join(format!("{number}")), format!("w/{number}"));
        let result: Result<Report, Error> = match what {
            What::Get => site.get("pub/f").check_size(true).to_file(&local).await,
            What::Put => {
                if number % 2 == 1 {
                    self.server.put(&remote, OLD);
                }
                site.put(&remote)
                    .check_size(true)
                    .from_file(self.folder.join("source"))
                    .await
            }
            What::Append => {
                self.server.put(&remote, BASE);
                site.append(&remote)
                    .check_size(true)
                    .from_file(self.folder.join("source"))
                    .await
            }
        };
        let happened = proxy.passed().faults;
        let told = format!("{what:?} with {faults:?}: {result:?}");
        let is = match what {
            What::Get => std::fs::read(&local).unwrap_or_default(),
            What::Put | What::Append => self.server.read(&remote).unwrap_or_default(),
        };
        let wanted = match what {
            What::Append => [BASE, &self.content].concat(),
            What::Get | What::Put => self.content.clone(),
        };
        drop((
            std::fs::remove_file(&local),
            std::fs::remove_file(self.server.root().join(&remote)),
        ));
        match result {
            Ok(_) if is == wanted => Ok(happened),
            Ok(_) => Err(format!("{told}, and there are {} octets", is.len())),
            // Even then nothing is there that should not be.
            Err(_) if !wanted.starts_with(&is) => {
                Err(format!("{told}, and {} octets are wrong", is.len()))
            }
            // A connection closed in order on the way looks like the end of the file. What is put is put once more; what is
            // appended is not.
            Err(error) if what == What::Append && matches!(error.kind(), ErrorKind::Verify(_)) => {
                Ok(happened)
            }
            Err(_) => Err(told),
        }
    }

    /// All cases, some at a time; fails with those that went wrong.
    fn run(self, cases: Vec<(What, Vec<Fault>)>) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (all, place) = (cases.len(), Arc::new(self));
        let places = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
        let results = runtime.block_on(async {
            let mut running = Vec::new();
            for (number, (what, faults)) in cases.into_iter().enumerate() {
                let turn = Arc::clone(&places).acquire_owned().await.unwrap();
                let place = Arc::clone(&place);
                running.push(tokio::spawn(async move {
                    let result = place.case(number, what, &faults).await;
                    drop(turn);
                    result
                }));
            }
            let mut results = Vec::new();
            for case in running {
                results.push(case.await.unwrap());
            }
            results
        });
        let happened: u64 = results.iter().flatten().sum();
        let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
        let of = (place.server.product(), place.tls);
        say(&format!("{of:?}: {all} cases, {happened} cuts"));
        assert!(
            wrong.is_empty(),
            "{} of {all}:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
}

const ALL: [What; 3] = [What::Get, What::Put, What::Append];

/// A cut of the data connection at these places, and of the control connection while data flow.
fn in_data() -> Vec<(What, Vec<Fault>)> {
    let mut cases = Vec::new();
    for what in ALL {
        let sender = if what == What::Get {
            Sender::Server
        } else {
            Sender::Client
        };
        for after in [0, 1, 4_000, 70_000, 199_999, 200_000] {
            for action in [Action::Close, Action::Reset, Action::CloseAll] {
                cases.push((
                    what,
                    vec![Fault::new(
                        Channel::Data,
                        sender,
                        After::Octets(after),
                        action,
                    )],
                ));
            }
        }
    }
    cases
}

#[test]
fn cut_behind_every_command_and_reply() {
    for product in PRODUCTS {
        let name = "cut_behind_every_command_and_reply";
        let Some(place) = Place::new(name, product, RealTls::None) else {
            continue;
        };
        let mut cases = in_data();
        for what in ALL {
            for sender in [Sender::Client, Sender::Server] {
                for messages in 0..MESSAGES {
                    for action in [Action::Close, Action::Reset] {
                        if action == Action::Reset && !is_long() && messages % 2 == 0 {
                            continue;
                        }
                        let after = After::Messages(messages);
                        cases.push((
                            what,
                            vec![Fault::new(Channel::Control, sender, after, action)],
                        ));
                    }
                }
            }
        }
        place.run(cases);
    }
}

// The messages cannot be seen: so at octets.
#[test]
fn cut_anywhere_under_tls() {
    for product in PRODUCTS {
        let Some(place) = Place::new("cut_anywhere_under_tls", product, RealTls::Explicit) else {
            continue;
        };
        let mut cases = in_data();
        let step = if is_long() { 37 } else { 371 };
        for what in ALL {
            for sender in [Sender::Client, Sender::Server] {
                for octets in (1..OCTETS).step_by(step) {
                    let after = After::Octets(octets);
                    cases.push((
                        what,
                        vec![Fault::new(Channel::Control, sender, after, Action::Close)],
                    ));
                }
            }
        }
        place.run(cases);
    }
}

// Again and again, as on a line that is really bad.
#[test]
fn cut_several_times() {
    let mut random = Random::for_test("cut_several_times", 11);
    for product in PRODUCTS {
        let Some(place) = Place::new("cut_several_times", product, RealTls::None) else {
            continue;
        };
        let times = if is_long() { 400 } else { 40 };
        let cases = (0..times).map(|_| {
            let what = *random.pick(&ALL);
            let faults = (0..3).map(|_| {
                let sender = *random.pick(&[Sender::Client, Sender::Server]);
                // An end in order twice would be believed.
                let action = *random.pick(&[Action::Reset, Action::CloseAll]);
                if random.below(2) == 0 {
                    let messages = After::Messages(5 + random.below(12) as u64);
                    Fault::new(Channel::Control, sender, messages, action)
                } else {
                    let octets = After::Octets(random.below(SIZE) as u64);
                    Fault::new(Channel::Data, sender, octets, action)
                }
            });
            (what, faults.collect())
        });
        place.run(cases.collect());
    }
}
