//! The server's side of TLS: RFC 4217, and what servers make of it.

use super::certificate::Certificate;
use super::record::Handshake;
use super::stream::{Records, Stream};
use fairway_stack::TcpStream;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, DigitallySignedStruct, HandshakeKind, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// How a server does TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// What it shows of itself.
    pub certificate: Certificate,
    /// TLS from the first octet, instead of AUTH TLS.
    pub implicit: bool,
    /// USER is refused (530) before AUTH TLS.
    pub required: bool,
    /// The version, if it is to be one of the two.
    pub version: Option<TlsVersion>,
    /// Tickets that a login brings under TLS 1.3.
    pub tickets: usize,
    /// Tickets that a data connection brings on which the server sends.
    pub download_tickets: usize,
    /// Tickets that a data connection brings on which the server receives: ProFTPD gives none.
    pub upload_tickets: usize,
    /// Each ticket counts once; a session that is used again is not known. Otherwise as often as one likes.
    pub single_use: bool,
    /// What sessions of the control connection are good for on its data connections. Those of others never are.
    pub reuse: Reuse,
    /// The handshake of a data connection comes before the 150; else behind it.
    pub handshake_first: bool,
    /// Plain octets sent in one go with the 234: what someone between could add.
    pub injected: Vec<u8>,
    /// Data connections end without close_notify.
    pub no_close_notify: bool,
    /// PROT C is refused (534).
    pub no_clear_data: bool,
    /// CCC is refused (533).
    pub no_ccc: bool,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2.
    V1_2,
    /// 1.3.
    V1_3,
}

/// What a server makes of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// Data connections may, and may not, resume the control connection's.
    Possible,
    /// There is nothing to resume.
    Never,
    /// Data connections must resume it, or get this line: `522 SSL connection failed: session reuse required`
    /// (vsftpd), `425 Unable to build data connection: Operation not permitted` (ProFTPD).
    Required(String),
}

impl Tls {
    /// A server with this certificate that does everything right, and requires nothing.
    #[must_use]
    pub const fn new(certificate: Certificate) -> Self {
        Self {
            certificate,
            implicit: false,
            required: false,
            version: None,
            tickets: 2,
            download_tickets: 2,
            upload_tickets: 2,
            single_use: false,
            reuse: Reuse::Possible,
            handshake_first: false,
            injected: Vec::new(),
            no_close_notify: false,
            no_clear_data: false,
            no_ccc: false,
        }
    }

    /// As ProFTPD 1.3.8: two tickets at login, none on uploads, reuse required.
    #[must_use]
    pub fn like_proftpd(certificate: Certificate) -> Self {
        let line = "425 Unable to build data connection: Operation not permitted";
        Self {
            upload_tickets: 0,
            reuse: Reuse::Required(line.to_owned()),
            ..Self::new(certificate)
        }
    }

    /// As vsftpd 3.0.3 by default: reuse required.
    #[must_use]
    pub fn like_vsftpd(certificate: Certificate) -> Self {
        let line = "522 SSL connection failed: session reuse required";
        Self {
            reuse: Reuse::Required(line.to_owned()),
            ..Self::new(certificate)
        }
    }
}

/// What one control connection and its data connections share; nobody else does.
pub(super) struct SessionTls {
    control: Arc<ServerConfig>,
    download: Arc<ServerConfig>,
    upload: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Control,
    Download,
    Upload,
}

impl SessionTls {
    pub(super) fn new(tls: &Tls) -> io::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let both: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
        let versions = match tls.version {
            None => both.to_vec(),
            Some(TlsVersion::V1_2) => vec![&TLS12],
            Some(TlsVersion::V1_3) => vec![&TLS13],
        };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(vec![tls.certificate.der()], tls.certificate.key())
            })
            .map_err(io::Error::other)?;
        match (&tls.reuse, tls.single_use) {
            (Reuse::Never, _) => config.session_storage = Arc::new(NoServerSessionStorage {}),
            (_, true) => config.session_storage = ServerSessionMemoryCache::new(1024),
            (_, false) => {
                config.session_storage = ServerSessionMemoryCache::new(1024);
                config.ticketer = ring::Ticketer::new().map_err(io::Error::other)?;
            }
        }
        let with = |tickets| {
            let mut config = config.clone();
            config.send_tls13_tickets = if tls.reuse == Reuse::Never {
                0
            } else {
                tickets
            };
            Arc::new(config)
        };
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
            .with_no_client_auth();
        Ok(Self {
            control: with(tls.tickets),
            download: with(tls.download_tickets),
            upload: with(tls.upload_tickets),
            client: Arc::new(client),
        })
    }

    /// Shakes hands as the server.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        what: Use,
    ) -> io::Result<(Stream, Handshake)> {
        let config = match what {
            Use::Control => &self.control,
            Use::Download => &self.download,
            Use::Upload => &self.upload,
        };
        let acceptor = TlsAcceptor::from(Arc::clone(config));
        let stream = acceptor.accept(Records::new(stream)).await?;
        let kind = stream.get_ref().1.handshake_kind();
        Ok((Stream::Server(Box::new(stream)), handshake(kind)))
    }

    /// Shakes hands as the client: SSCN, CPSV.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        peer: IpAddr,
    ) -> io::Result<(Stream, Handshake)> {
        let connector = TlsConnector::from(Arc::clone(&self.client));
        let name = ServerName::IpAddress(peer.into());
        let stream = connector.connect(name, Records::new(stream)).await?;
        let kind = stream.get_ref().1.handshake_kind();
        Ok((Stream::Client(Box::new(stream)), handshake(kind)))
    }
}

const fn handshake(kind: Option<HandshakeKind>) -> Handshake {
    match kind {
        Some(HandshakeKind::Resumed) => Handshake::Resumed,
        _ => Handshake::Full,
    }
}

/// Ends TLS on a control connection, both ways, and gives what was below (RFC 4217 §12.3: CCC).
pub(super) async fn clear(stream: Stream) -> io::Result<Stream> {
    let Stream::Server(mut stream) = stream else {
        return Ok(stream);
    };
    stream.get_mut().1.send_close_notify();
    stream.flush().await?;
    // Up to the client's close_notify, and no octet more.
    let mut octet = [0; 1];
    while tokio::io::AsyncReadExt::read(&mut stream, &mut octet).await? > 0 {}
    Ok(Stream::Plain(stream.into_inner().0.stream))
}

/// Believes every server.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
