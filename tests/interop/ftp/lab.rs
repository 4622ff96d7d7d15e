//! What the tests of the client share: a server of others, and the client's view of it.

use fairway_ftp::tls::TlsOptions;
use fairway_ftp::{Client, Limits, Server, Site, Tls};
use fairway_stack::Net;
use fairway_tests::ftp::{Product, RealConfig, RealServer, RealTls};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A server of others, and a client.
pub(super) struct Lab {
    pub(super) server: RealServer,
    pub(super) client: Client,
    pub(super) site: Site,
}

/// The servers and kinds of TLS to test against: implicit TLS with one server, sessions that must be resumed where a
/// server can insist on that.
pub(super) const KINDS: [(Product, RealTls); 7] = [
    (Product::Vsftpd, RealTls::None),
    (Product::Vsftpd, RealTls::Explicit),
    (Product::Vsftpd, RealTls::Implicit),
    (Product::PureFtpd, RealTls::None),
    (Product::PureFtpd, RealTls::Explicit),
    (Product::ProFtpd, RealTls::None),
    (Product::ProFtpd, RealTls::Explicit),
];

/// Runs a test that waits.
pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

/// Says what a test found.
#[expect(clippy::print_stdout, reason = "what a test found, and its traces")]
pub(super) fn say(line: &str) {
    println!("{line}");
}

/// Whether the long form of a test is wanted.
pub(super) fn is_long() -> bool {
    std::env::var_os("FAIRWAY_LONG").is_some()
}

/// Short waits: what is to fail is to fail soon.
pub(super) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.retry_wait = Duration::from_millis(20);
    limits.retries = 5;
    limits.reply = Duration::from_secs(10);
    limits.data_idle = Duration::from_secs(10);
    limits
}

/// How `server` is reached directly.
pub(super) fn address_of(server: &RealServer, tls: RealTls) -> Server {
    let address = server.address();
    let to = Server::new(address.ip().to_string()).on_port(address.port());
    let to = to.login(server.user(), server.password());
    let plan = match tls {
        RealTls::None => return to,
        RealTls::Explicit => Tls::Explicit,
        RealTls::Implicit => Tls::Implicit,
    };
    to.tls(plan).tls_options(trust(server))
}

/// Trust in the certificate of `server` and in nothing else.
pub(super) fn trust(server: &RealServer) -> TlsOptions {
    TlsOptions::new()
        .system_roots(false)
        .root_der(server.certificate().der().to_vec())
}

/// Starts a server for `test`, and a client for it; `None` where there is none.
pub(super) fn lab(test: &str, (product, tls): (Product, RealTls)) -> Option<Lab> {
    let config = RealConfig {
        tls,
        reuse_required: product != Product::PureFtpd,
        ..RealConfig::default()
    };
    let server = RealServer::start(test, product, &config)?;
    let client = Client::with_limits(Net::system(), limits());
    if std::env::var_os("FAIRWAY_TRACE").is_some() {
        let clock = client.net().clock();
        client.set_trace(Some(Arc::new(move |_, note| {
            say(&format!("{:?} {note:?}", clock.now()));
        })));
    }
    let site = client.site(address_of(&server, tls));
    Some(Lab {
        server,
        client,
        site,
    })
}

/// Octets that do not repeat soon.
pub(super) fn octets(length: usize) -> Vec<u8> {
    let mut random = fairway_tests::Random::new(length as u64);
    let mut octets: Vec<u8> = Vec::with_capacity(length + 8);
    while octets.len() < length {
        octets.extend(random.bits().to_le_bytes());
    }
    octets.truncate(length);
    octets
}
