//! Against a server of rustls, on the loopback interface and on a simulated network.

mod ccc;
mod certificates;
mod ending;
mod records;
mod resumption;
mod simulated;

use super::{ControlTls, DataTls, TlsContext, TlsError, TlsOptions};
use fairway_stack::{Net, TcpStream};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, SupportedProtocolVersion};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The name of the server.
const HOST: &str = "ftp.example.org";

/// Somebody who vouches for servers.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
struct Identity {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut params = CertificateParams::new(vec![]).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    fn issue(&self, name: &str) -> Identity {
        self.issue_with(name, |_| {})
    }

    fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Identity {
            certificate: params.signed_by(&key, &self.issuer).unwrap(),
            key,
        }
    }

    /// Trusts this authority and no other.
    fn trusted(&self) -> TlsOptions {
        let root = self.issuer.der().to_vec();
        TlsOptions::new().system_roots(false).root_der(root)
    }
}

impl Identity {
    fn config(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.der().clone()], key)
            .unwrap()
    }

    /// Of all versions.
    fn any(&self) -> ServerConfig {
        self.config(rustls::ALL_VERSIONS)
    }
}

/// A server that sends `tickets` tickets on each connection and sees them as often as a client likes.
fn with_tickets(mut config: ServerConfig, tickets: usize) -> ServerConfig {
    config.ticketer = rustls::crypto::ring::Ticketer::new().unwrap();
    config.send_tls13_tickets = tickets;
    config
}

/// The same server, on connections where it sends another number of tickets.
fn sending(config: &ServerConfig, tickets: usize) -> ServerConfig {
    let mut config = config.clone();
    config.send_tls13_tickets = tickets;
    config
}

/// Two ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let net = Net::system();
    let listener = net.listen_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = tokio::join!(net.connect_tcp(address), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

type Served = std::io::Result<TlsStream<TcpStream>>;

fn context(options: &TlsOptions) -> TlsContext {
    TlsContext::new(options, &Net::system().clock(), HOST).unwrap()
}

fn accept(config: &ServerConfig, stream: TcpStream) -> tokio_rustls::Accept<TcpStream> {
    TlsAcceptor::from(Arc::new(config.clone())).accept(stream)
}

async fn try_control(
    context: &TlsContext,
    config: &ServerConfig,
) -> (Result<ControlTls, TlsError>, Served) {
    let (client, server) = pair().await;
    tokio::join!(context.connect_control(client), accept(config, server))
}

async fn control(
    context: &TlsContext,
    config: &ServerConfig,
) -> (ControlTls, TlsStream<TcpStream>) {
    let (client, server) = try_control(context, config).await;
    (client.unwrap(), server.unwrap())
}

async fn try_data(
    context: &TlsContext,
    config: &ServerConfig,
) -> (Result<DataTls, TlsError>, Served) {
    let (client, server) = pair().await;
    tokio::join!(context.connect_data(client), accept(config, server))
}

async fn data(context: &TlsContext, config: &ServerConfig) -> (DataTls, TlsStream<TcpStream>) {
    let (client, server) = try_data(context, config).await;
    (client.unwrap(), server.unwrap())
}
