//! Who is accepted, and what is said of who is not.

use super::{Authority, HOST, Identity, context, control, data, pair, try_control, try_data};
use crate::tls::{
    CertificateFault, IdentityError, Pin, TlsContext, TlsError, TlsOptions, TlsVersion,
};
use fairway_stack::Net;
use rustls::pki_types::CertificateDer;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What is wrong with the server's certificate.
async fn fault(options: &TlsOptions, server: &Identity) -> CertificateFault {
    let (client, _) = try_control(&context(options), &server.any()).await;
    match client {
        Err(TlsError::Certificate { host, fault }) => {
            assert_eq!(&*host, HOST);
            fault
        }
        other => panic!("{other:?}"),
    }
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let hash = suite.tls13().unwrap().common.hash_provider.hash(octets);
    hash.as_ref().try_into().unwrap()
}

#[tokio::test]
async fn good_one_is_accepted() {
    let authority = Authority::new();
    let server = authority.issue(HOST);
    for (versions, version) in [
        (&[&TLS12], TlsVersion::Tls12),
        (&[&TLS13], TlsVersion::Tls13),
    ] {
        let context = context(&authority.trusted());
        let (mut client, mut server_end) = control(&context, &server.config(versions)).await;
        client.write_all(b"USER anonymous\r\n").await.unwrap();
        let mut got = [0; 16];
        server_end.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"USER anonymous\r\n");
        server_end.write_all(b"331 ok\r\n").await.unwrap();
        let mut got = [0; 8];
        client.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"331 ok\r\n");
        assert_eq!(client.version(), version);
        let shown = context.certificate().unwrap();
        assert_eq!(shown, server.certificate.der().to_vec());
    }
}

#[tokio::test]
async fn of_an_unknown_issuer_is_refused() {
    let server = Authority::new().issue(HOST);
    let options = Authority::new().trusted();
    assert_eq!(
        fault(&options, &server).await,
        CertificateFault::UnknownIssuer
    );
    let careless = options.dangerous_accept_any_certificate(true);
    control(&context(&careless), &server.any()).await;
}

#[tokio::test]
async fn of_another_name_is_refused() {
    let authority = Authority::new();
    let server = authority.issue("other.example.org");
    let fault = fault(&authority.trusted(), &server).await;
    let text = "issued to other.example.org, not to this server";
    assert_eq!(fault.to_string(), text);
    assert!(matches!(fault, CertificateFault::WrongName { .. }));
    let renamed = authority.trusted().server_name("other.example.org");
    control(&context(&renamed), &server.any()).await;
}

#[tokio::test]
async fn of_another_time_is_refused() {
    let authority = Authority::new();
    let expired = authority.issue_with(HOST, |params| {
        params.not_after = rcgen::date_time_ymd(2001, 2, 3);
    });
    let early = authority.issue_with(HOST, |params| {
        params.not_before = rcgen::date_time_ymd(3001, 2, 3);
    });
    let options = authority.trusted();
    assert_eq!(fault(&options, &expired).await, CertificateFault::Expired);
    assert_eq!(fault(&options, &early).await, CertificateFault::NotValidYet);
}

#[tokio::test]
async fn pin_is_one_more_condition() {
    let authority = Authority::new();
    let (server, other) = (authority.issue(HOST), authority.issue(HOST));
    let own = sha256(server.certificate.der());
    let parsed = ParsedCertificate::try_from(server.certificate.der()).unwrap();
    let key = sha256(&parsed.subject_public_key_info());
    for pin in [Pin::Certificate(own), Pin::Key(key)] {
        let options = authority.trusted().pin(Pin::Key([0; 32])).pin(pin);
        control(&context(&options), &server.any()).await;
        let mismatch = fault(&options, &other).await;
        assert!(matches!(mismatch, CertificateFault::PinMismatch { .. }));
        // It vouches for nobody.
        let strangers = Authority::new().trusted().pin(pin);
        assert_eq!(
            fault(&strangers, &server).await,
            CertificateFault::UnknownIssuer
        );
        let careless = strangers.dangerous_accept_any_certificate(true);
        control(&context(&careless), &server.any()).await;
        let mismatch = fault(&careless, &other).await;
        assert!(matches!(mismatch, CertificateFault::PinMismatch { .. }));
    }
}

#[tokio::test]
async fn pin_alone_will_do_if_asked() {
    let mut params = rcgen::CertificateParams::new(vec!["elsewhere".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2001, 2, 3);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let server = Identity { certificate, key };
    let pin = Pin::Certificate(sha256(server.certificate.der()));
    // No roots at all: none are needed.
    let options = TlsOptions::new()
        .system_roots(false)
        .pin(pin)
        .pin_only(true);
    control(&context(&options), &server.any()).await;
    let other = Authority::new().issue(HOST);
    let CertificateFault::PinMismatch { certificate, .. } = fault(&options, &other).await else {
        panic!("another fault");
    };
    assert_eq!(certificate.len(), 64);
}

#[tokio::test]
async fn self_signed_one_is_accepted_if_it_is_a_root() {
    let self_signed = |name: &str| {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained); // as of `openssl req -x509`
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Identity { certificate, key }
    };
    let (server, other) = (self_signed(HOST), self_signed("other.example.org"));
    let options = TlsOptions::new().system_roots(false);
    let options = options
        .roots_pem(server.certificate.pem().as_bytes())
        .unwrap();
    let options = options
        .roots_pem(other.certificate.pem().as_bytes())
        .unwrap();
    control(&context(&options), &server.any()).await;
    let fault = fault(&options, &other).await;
    assert!(
        matches!(fault, CertificateFault::WrongName { .. }),
        "{fault}"
    );
}

#[tokio::test]
async fn none_to_trust_is_said() {
    let context = context(&TlsOptions::new().system_roots(false));
    let (client, _server) = pair().await;
    let refused = context.connect_control(client).await;
    assert!(
        matches!(refused, Err(TlsError::Roots { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn data_connection_must_show_the_same() {
    let authority = Authority::new();
    let (first, second) = (authority.issue(HOST).any(), authority.issue(HOST).any());
    let strict = context(&authority.trusted());
    let _control = control(&strict, &first).await;
    let (refused, _) = try_data(&strict, &second).await;
    let fault = match refused {
        Err(TlsError::Certificate { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault, CertificateFault::Changed);
    let lenient = context(&authority.trusted().same_certificate(false));
    let _control = control(&lenient, &first).await;
    let (client, _server) = data(&lenient, &second).await;
    assert!(!client.is_resumed());
}

/// A server that asks clients for a certificate of `authority`.
fn asking(authority: &Authority, server: &Identity) -> ServerConfig {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from(authority.issuer.der().to_vec());
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![server.certificate.der().clone()],
            server.key.serialize_der().try_into().unwrap(),
        )
        .unwrap()
}

#[tokio::test]
async fn own_one_is_shown_to_who_asks() {
    let authority = Authority::new();
    let server = asking(&authority, &authority.issue(HOST));
    let user = authority.issue("user");
    let (chain, key) = (user.certificate.pem(), user.key.serialize_pem());
    let options = authority
        .trusted()
        .identity_pem(chain.as_bytes(), key.as_bytes())
        .unwrap();
    assert!(!format!("{options:?}").contains("PRIVATE"));
    let context1 = context(&options);
    let (_client, server_end) = control(&context1, &server).await;
    let seen = server_end.get_ref().1.peer_certificates().unwrap();
    assert_eq!(seen, [user.certificate.der().clone()]);
    // Without one, the server says what it misses.
    let (refused, _) = try_control(&context(&authority.trusted()), &server).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, TlsError::Alert { .. }), "{refused:?}");
}

#[test]
fn own_ones_are_checked_when_given() {
    let authority = Authority::new();
    let (one, other) = (authority.issue("one"), authority.issue("other"));
    let options = authority.trusted();
    let (chain, key) = (one.certificate.pem(), other.key.serialize_pem());
    let give = |chain: &str, key: &str| {
        let given = options
            .clone()
            .identity_pem(chain.as_bytes(), key.as_bytes());
        given.unwrap_err()
    };
    assert!(matches!(give(&chain, &key), IdentityError::Unusable(_)));
    assert!(matches!(give(&chain, "nothing"), IdentityError::Key(_)));
    assert_eq!(give("nothing", &key), IdentityError::NoCertificate);
    assert!(options.clone().roots_pem(chain.as_bytes()).is_ok());
    assert!(options.roots_pem(b"").is_err());
}

#[test]
fn options_are_equal_by_what_they_say() {
    let authority = Authority::new();
    let (one, same) = (authority.trusted(), authority.trusted());
    assert_eq!(one, same);
    assert_ne!(one, same.clone().require_resumption(true));
    let user = authority.issue("user");
    let (chain, key) = (user.certificate.pem(), user.key.serialize_pem());
    let named = same.identity_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    assert_ne!(one, named);
    assert_eq!(named, named.clone());
}

#[test]
fn names_are_those_a_certificate_can_have() {
    let clock = Net::system().clock();
    let options = TlsOptions::new();
    for good in [
        "ftp.example.org",
        "192.0.2.1",
        "2001:db8::1",
        "[2001:db8::1]",
        "fe80::1%eth0",
    ] {
        TlsContext::new(&options, &clock, good).unwrap();
    }
    for bad in ["", "a b", "ftp.example.org\r\n"] {
        let refused = TlsContext::new(&options, &clock, bad);
        assert!(matches!(refused, Err(TlsError::Name { .. })), "{bad:?}");
    }
}
