//! Configurations of rustls: what connections share, and what is each one's own.

use super::certificates::Verifier;
use super::error::TlsError;
use super::options::{Settings, TlsVersion};
use super::sessions::{Sessions, Stamp};
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientConfig, ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{Error, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use std::sync::Arc;

/// What all connections with the same options share. rustls resumes a session only with the very same verifier and
/// client certificate.
#[derive(Clone, Debug)]
pub(super) struct Base {
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Arc<dyn ResolvesClientCert>,
}

impl Base {
    /// Looks up what the system trusts, if it counts, on a thread where that may take its time.
    pub(super) async fn load(settings: &Arc<Settings>) -> Result<Self, TlsError> {
        let system = settings.system_roots && Verifier::needs_roots(settings);
        let settings = Arc::clone(settings);
        let build = move || Self::build(&settings, system);
        let built = if system {
            let thread = tokio::task::spawn_blocking(build);
            thread.await.unwrap_or_else(|error| Err(error.to_string()))
        } else {
            build()
        };
        built.map_err(|reason| TlsError::Roots { reason })
    }

    fn build(settings: &Settings, system: bool) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let (_, refused) = roots.add_parsable_certificates(settings.roots.iter().cloned());
        if refused > 0 {
            return Err(format!("{refused} of our own cannot be read"));
        }
        if system {
            let found = rustls_native_certs::load_native_certs();
            // Some that cannot be read are usual; none at all is not.
            roots.add_parsable_certificates(found.certs);
            if let (true, Some(error)) = (roots.is_empty(), found.errors.first()) {
                return Err(error.to_string());
            }
        }
        let provider = Arc::new(provider());
        Ok(Self {
            verifier: Arc::new(Verifier::new(settings, roots, &provider)?),
            identity: match &settings.identity {
                Some(identity) => {
                    Arc::new(SingleCertAndKey::from(CertifiedKey::clone(&identity.key)))
                }
                None => Arc::new(NoIdentity),
            },
            provider,
        })
    }

    /// The configuration of one connection, with sessions from and to `sessions`.
    pub(super) fn config(
        &self,
        oldest: TlsVersion,
        newest: TlsVersion,
        sessions: &Arc<Sessions>,
        stamp: &Arc<Stamp>,
    ) -> Result<ClientConfig, Error> {
        const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
        let versions = match (oldest, newest) {
            (TlsVersion::Tls13, _) => &[&TLS13],
            (TlsVersion::Tls12, TlsVersion::Tls12) => &[&TLS12],
            (TlsVersion::Tls12, TlsVersion::Tls13) => BOTH,
        };
        let stamp = Arc::clone(stamp);
        let mut config = ClientConfig::builder_with_details(Arc::clone(&self.provider), stamp)
            .with_protocol_versions(versions)?
            .dangerous() // that is, with a verifier of our own
            .with_custom_certificate_verifier(Arc::clone(&self.verifier))
            .with_client_cert_resolver(Arc::clone(&self.identity));
        config.resumption = Resumption::store(Arc::clone(sessions) as _);
        config.enable_secret_extraction = true; // for our own handling of records; see the module's text
        Ok(config)
    }
}

/// Ciphers and key exchanges: ring's, AES-128 before AES-256. Servers that follow our order then spend a fifth less on
/// each octet, at a strength that nothing else in a session exceeds.
pub(super) fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    let first = [
        ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
        ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ring::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ];
    provider
        .cipher_suites
        .retain(|suite| !first.contains(suite));
    provider.cipher_suites.splice(0..0, first);
    provider
}

/// No client certificate. One value for all connections, where rustls' own is another each time.
#[derive(Debug)]
struct NoIdentity;

impl ResolvesClientCert for NoIdentity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
