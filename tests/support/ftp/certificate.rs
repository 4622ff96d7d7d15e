//! Certificates for servers of tests, made on the spot.

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;

/// A certificate that signs itself, and its key.
#[derive(Clone)]
pub struct Certificate {
    inner: Arc<Inner>,
}

struct Inner {
    der: CertificateDer<'static>,
    key: Vec<u8>,
    pem: String,
    key_pem: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

impl Certificate {
    /// A certificate for these names, which may be addresses.
    ///
    /// # Panics
    /// When a name is no name.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test helper")]
    pub fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let params = CertificateParams::new(names).expect("names");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            inner: Arc::new(Inner {
                der: certificate.der().clone(),
                key: key.serialize_der(),
                pem: certificate.pem(),
                key_pem: key.serialize_pem(),
            }),
        }
    }

    /// The certificate, for who is to trust it.
    #[must_use]
    pub fn der(&self) -> CertificateDer<'static> {
        self.inner.der.clone()
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.inner.key.clone()).into()
    }

    /// The certificate as a PEM file has it.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.inner.pem
    }

    /// The key as a PEM file has it.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.inner.key_pem
    }
}
