//! Which certificates of servers are accepted.

use super::error::CertificateFault;
use super::options::{Pin, Settings};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use std::fmt::Write as _;
use std::sync::Arc;

/// Checks the certificate of a server: pins first, as a mismatch tells most.
#[derive(Debug)]
pub(super) struct Verifier {
    /// Checks issuers, names and dates; `None` if they do not matter.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// The caller's own roots. A server may show one as its own certificate: self-signed ones usually say that they
    /// are authorities, which a chain of certificates must not end with. As for any root, dates do not count.
    own: Vec<CertificateDer<'static>>,
    pins: Vec<Pin>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Whether `settings` need roots at all.
    pub(super) fn needs_roots(settings: &Settings) -> bool {
        !settings.any_certificate && (settings.pins.is_empty() || !settings.pin_only)
    }

    /// # Errors
    /// What rustls has against the roots: that there are none.
    pub(super) fn new(
        settings: &Settings,
        roots: RootCertStore,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let chain = if Self::needs_roots(settings) {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
            Some(verifier.build().map_err(|error| error.to_string())?)
        } else {
            None
        };
        Ok(Self {
            chain,
            own: settings.roots.clone(),
            pins: settings.pins.clone(),
            algorithms: provider.signature_verification_algorithms,
        })
    }

    fn check_pins(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        if self.pins.is_empty() {
            return Ok(());
        }
        let own = sha256(certificate)?;
        let key = sha256(&ParsedCertificate::try_from(certificate)?.subject_public_key_info())?;
        let pinned = self.pins.iter().any(|pin| match pin {
            Pin::Certificate(pin) => *pin == own,
            Pin::Key(pin) => *pin == key,
        });
        if pinned {
            return Ok(());
        }
        let fault = CertificateFault::PinMismatch {
            certificate: hex(&own),
            key: hex(&key),
        };
        Err(CertificateError::Other(OtherError(Arc::new(fault))).into())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check_pins(end_entity)?;
        match &self.chain {
            Some(_) if self.own.iter().any(|own| own == end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            Some(chain) => {
                chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    // That the server has the key of the certificate is checked whatever the certificate is.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn sha256(octets: &[u8]) -> Result<[u8; 32], Error> {
    let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let hash = suite
        .tls13()
        .map(|suite| suite.common.hash_provider.hash(octets));
    hash.and_then(|hash| hash.as_ref().try_into().ok())
        .ok_or_else(|| Error::General("no sha-256".to_owned()))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}"); // to a string: cannot fail
        text
    })
}
