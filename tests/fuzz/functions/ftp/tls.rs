//! What a server may send instead of a handshake, and behind one: records of its own making, sealed with the right key.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use fairway_ftp::tls::{End, Idle, TlsContext, TlsOptions};
use fairway_sim::{Network, Node};
use fairway_stack::TcpStream;
use fairway_tests::ftp::Certificate;
use rustls::crypto::cipher::{AeadKey, Iv, MessageEncrypter, OutboundPlainMessage};
use rustls::{
    ConnectionTrafficSecrets, ContentType, ProtocolVersion, ServerConfig, SupportedCipherSuite,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

/// The first word says when there is a handshake, of which version, and what the client does then. The words behind it
/// are octets, or records: their type, and how many octets they have, filled up to words.
///
/// The client comes to an end when the server closes. What it reads is what was sealed as data, in its order and
/// nothing else, and ends in order only behind a `close_notify`.
pub(in super::super) fn tls(input: &[u8]) -> bool {
    let Some(([.., begin, version, act], script)) = input.split_first_chunk::<4>() else {
        return false;
    };
    FIXTURE.with_borrow_mut(|fixture| {
        let fixture = fixture.get_or_insert_with(Fixture::new);
        fixture.used += 1;
        if fixture.used.is_multiple_of(MOST_USES) {
            fixture.renew();
        }
        let config = match version % 2 {
            0 => &fixture.config12,
            _ => &fixture.config13,
        };
        let handshake = (begin % 4 != 0).then(|| Arc::clone(config));
        fixture.talk(handshake, script, *act)
    })
}

/// After so many connections a host is made anew: none of its ports is free before long.
const MOST_USES: u32 = 4000;

struct Fixture {
    used: u32,
    network: Network,
    node: Node,
    options: TlsOptions,
    config12: Arc<ServerConfig>,
    config13: Arc<ServerConfig>,
}

thread_local! {
    static FIXTURE: RefCell<Option<Fixture>> = const { RefCell::new(None) };
}

impl Fixture {
    fn new() -> Self {
        let certificate = Certificate::new(&["ftp.example"]);
        let config = |version| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let mut config = ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[version])
                .expect("a version")
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der()], certificate.key())
                .expect("a certificate");
            config.enable_secret_extraction = true;
            Arc::new(config)
        };
        let network = Network::new(1);
        let node = network.node("host");
        Self {
            used: 0,
            options: TlsOptions::new()
                .system_roots(false)
                .dangerous_accept_any_certificate(true),
            config12: config(&rustls::version::TLS12),
            config13: config(&rustls::version::TLS13),
            network,
            node,
        }
    }

    fn renew(&mut self) {
        self.network = Network::new(1);
        self.node = self.network.node("host");
    }

    fn talk(&self, handshake: Option<Arc<ServerConfig>>, script: &[u8], act: u8) -> bool {
        let net = self.node.net();
        let good = handshake.is_some();
        self.network.run(async {
            let listener = net
                .listen_tcp(([127, 0, 0, 1], 0).into())
                .expect("a listener");
            let at = listener.local_addr().expect("an address");
            let server = async {
                let (stream, _) = listener.accept().await.expect("a connection");
                serve(stream, handshake, script).await
            };
            let context =
                TlsContext::new(&self.options, &net.clock(), "ftp.example").expect("a name");
            let client = async {
                let stream = net.connect_tcp(at).await.expect("a connection");
                act_on(&context, stream, act).await
            };
            let both = async { tokio::join!(server, client) };
            let limit = Duration::from_secs(600);
            let both = net.clock().timeout(limit, both).await;
            let (sealed, read) = both.expect("an end");
            assert!(
                sealed.data.starts_with(&read.octets),
                "what was not sealed as data"
            );
            if let Some(end) = read.end {
                let orderly = matches!(end, End::Closed);
                assert!(
                    !orderly || sealed.closed,
                    "an orderly end that was not said"
                );
            }
            good && !read.octets.is_empty()
        })
    }
}

/// What the client got.
#[derive(Default)]
struct Read {
    octets: Vec<u8>,
    end: Option<End>,
}

async fn act_on(context: &TlsContext, stream: TcpStream, act: u8) -> Read {
    let mut read = Read::default();
    if act.is_multiple_of(4) {
        let Ok(mut data) = context.connect_data(stream).await else {
            return read;
        };
        let mut room = [0; 512];
        while let Ok(n @ 1..) = data.read(&mut room).await {
            read.octets
                .extend_from_slice(room.get(..n).unwrap_or_default());
        }
        read.end = data.end();
        let _ = data.finish_upload().await;
        return read;
    }
    let Ok(mut control) = context.connect_control(stream).await else {
        return read;
    };
    match act % 4 {
        1 => {
            let mut room = [0; 16];
            while let Ok(n @ 1..) = control.read(&mut room).await {
                read.octets
                    .extend_from_slice(room.get(..n).unwrap_or_default());
                // A server that wants new keys gets some with the next octets.
                if control.write_all(b"NOOP\r\n").await.is_err() || control.flush().await.is_err() {
                    break;
                }
            }
        }
        2 => {
            for _ in 0..1000 {
                match control.poll_idle() {
                    Ok(Idle::Nothing) => tokio::task::yield_now().await,
                    Ok(Idle::Waiting) => {
                        let octet = control.read_u8().await.expect("one that waits");
                        read.octets.push(octet);
                    }
                    Ok(Idle::Closed) | Err(_) => break,
                }
            }
        }
        _ => {
            // CCC: what comes behind is plain, whatever it is.
            if let Ok((mut stream, rest)) = control.clear().await {
                assert!(rest.len() <= 64 << 10);
                let mut plain = Vec::new();
                let _ = stream.read_to_end(&mut plain).await;
            }
        }
    }
    read
}

/// What the server sent.
#[derive(Default)]
struct Sealed {
    data: Vec<u8>,
    closed: bool,
}

async fn serve(
    mut stream: TcpStream,
    handshake: Option<Arc<ServerConfig>>,
    mut script: &[u8],
) -> Sealed {
    let mut sealed = Sealed::default();
    let mut sealing = None;
    if let Some(config) = handshake {
        let Ok(protected) = TlsAcceptor::from(config).accept(stream).await else {
            return sealed;
        };
        let (inner, connection) = protected.into_inner();
        stream = inner;
        let suite = connection
            .negotiated_cipher_suite()
            .expect("one was agreed upon");
        let secrets = connection
            .dangerous_extract_secrets()
            .expect("the configuration allows it");
        sealing = Some(Sealing::new(suite, secrets.tx));
    }
    while let Some(([kind, length, form, _], rest)) = script.split_first_chunk::<4>() {
        let length = usize::from(*length);
        let (words, rest) = rest.split_at(rest.len().min(length.next_multiple_of(4)));
        let octets = words.get(..length).unwrap_or(words);
        script = rest;
        let sent = match &mut sealing {
            Some(sealing) if form % 8 != 7 => {
                let kind = match kind % 8 {
                    0..=3 => ContentType::ApplicationData,
                    4 => ContentType::Alert,
                    5 | 6 => ContentType::Handshake,
                    _ => ContentType::from(*kind),
                };
                if kind == ContentType::ApplicationData && !sealed.closed {
                    sealed.data.extend_from_slice(octets);
                }
                // Two octets, of which the second says which.
                let octets = match kind {
                    ContentType::Alert => octets.get(..2).unwrap_or(octets),
                    _ => octets,
                };
                sealed.closed |= kind == ContentType::Alert && octets.get(1) == Some(&0);
                sealing.seal(kind, octets)
            }
            _ => octets.to_vec(),
        };
        if stream.write_all(&sent).await.is_err() {
            break;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    // Until the client has gone, or for a while: nothing it sends is looked at.
    let mut room = [0; 512];
    while let Ok(1..) = stream.read(&mut room).await {}
    sealed
}

/// The server's end of the record layer.
struct Sealing {
    cipher: Box<dyn MessageEncrypter>,
    number: u64,
}

impl Sealing {
    fn new(
        suite: SupportedCipherSuite,
        (number, secrets): (u64, ConnectionTrafficSecrets),
    ) -> Self {
        let (key, iv): (AeadKey, Iv) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv }
            | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
            | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (key, iv),
            _ => panic!("a cipher not known here"),
        };
        let cipher = match suite {
            SupportedCipherSuite::Tls13(suite) => suite.aead_alg.encrypter(key, iv),
            SupportedCipherSuite::Tls12(suite) => {
                let fixed = suite.aead_alg.key_block_shape().fixed_iv_len;
                let (fixed, explicit) = iv.as_ref().split_at(fixed);
                suite.aead_alg.encrypter(key, fixed, explicit)
            }
        };
        Self { cipher, number }
    }

    fn seal(&mut self, kind: ContentType, octets: &[u8]) -> Vec<u8> {
        let message = OutboundPlainMessage {
            typ: kind,
            version: ProtocolVersion::TLSv1_2,
            payload: octets.into(),
        };
        let record = self.cipher.encrypt(message, self.number);
        self.number += 1;
        record.expect("a record").encode()
    }
}
