//! What to protect, whom to trust.

use super::config::{Base, provider};
use super::error::TlsError;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

/// The SHA-256 of what a server must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pin {
    /// Of its certificate (DER): what `openssl x509 -fingerprint -sha256` prints.
    Certificate([u8; 32]),
    /// Of its public key (DER of the `SubjectPublicKeyInfo`): outlives renewals of the certificate.
    Key([u8; 32]),
}

/// Certificates or keys that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Not PEM, or not that of a certificate.
    #[error("not a certificate in pem: {0}")]
    Certificate(String),
    /// There is no certificate.
    #[error("no certificate")]
    NoCertificate,
    /// Not PEM, or not that of a private key.
    #[error("not a private key in pem: {0}")]
    Key(String),
    /// The key does not belong to the certificate, or is of a kind that is not supported.
    #[error("key unusable: {0}")]
    Unusable(String),
}

/// Whom to trust, whom to be, what to insist on.
///
/// By default: the certificates this machine trusts, TLS 1.2 and 1.3, data connections protected and with the
/// certificate of the control connection, no data without `close_notify`.
///
/// Cheap to clone. Two are equal if they say the same, so that they can be part of a key of a pool. What the system
/// trusts is looked up when it is first needed, once for an option set and its clones.
///
/// ```
/// use fairway_ftp::tls::{Pin, TlsOptions, TlsVersion};
///
/// let options = TlsOptions::new().version(TlsVersion::Tls12..=TlsVersion::Tls12);
/// assert_eq!(options, options.clone());
/// assert_ne!(options, options.clone().pin(Pin::Key([7; 32])));
/// ```
#[derive(Clone)]
pub struct TlsOptions {
    pub(super) settings: Arc<Settings>,
    /// Made of them when first needed; every connection must use the same, as sessions are bound to it.
    pub(super) base: Arc<OnceLock<Base>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Settings {
    pub(super) system_roots: bool,
    pub(super) roots: Vec<CertificateDer<'static>>,
    pub(super) pins: Vec<Pin>,
    pub(super) pin_only: bool,
    pub(super) any_certificate: bool,
    pub(super) identity: Option<Identity>,
    pub(super) oldest: TlsVersion,
    pub(super) newest: TlsVersion,
    pub(super) server_name: Option<Arc<str>>,
    pub(super) protect_data: bool,
    pub(super) same_certificate: bool,
    pub(super) require_resumption: bool,
    pub(super) accept_truncation: bool,
}

/// A client's certificate, the chain above it, and its key.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) key: Arc<CertifiedKey>,
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        // The key belongs to the certificate, which was checked.
        self.key.cert == other.key.cert
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.cert.hash(state);
    }
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl TlsOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            settings: Arc::new(Settings {
                system_roots: true,
                roots: Vec::new(),
                pins: Vec::new(),
                pin_only: false,
                any_certificate: false,
                identity: None,
                oldest: TlsVersion::Tls12,
                newest: TlsVersion::Tls13,
                server_name: None,
                protect_data: true,
                same_certificate: true,
                require_resumption: false,
                accept_truncation: false,
            }),
            base: Arc::default(),
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self.base = Arc::default();
        self
    }

    /// Whether the certificates this machine trusts are trusted; they are unless this says otherwise.
    #[must_use]
    pub fn system_roots(self, trusted: bool) -> Self {
        self.change(|settings| settings.system_roots = trusted)
    }

    /// Trusts this certificate (DER), too: those it vouches for, and a server that shows it as its own, if it has the
    /// server's name.
    #[must_use]
    pub fn root_der(self, certificate: impl Into<Vec<u8>>) -> Self {
        self.change(|settings| settings.roots.push(certificate.into().into()))
    }

    /// Trusts all certificates of this PEM text, too, each as with [`root_der`](Self::root_der).
    ///
    /// # Errors
    /// [`IdentityError::Certificate`] if it is not PEM, [`IdentityError::NoCertificate`] if it has none.
    pub fn roots_pem(self, pem: &[u8]) -> Result<Self, IdentityError> {
        let roots = certificates(pem)?;
        Ok(self.change(|settings| settings.roots.extend(roots)))
    }

    /// The server must show this, or another pinned one. What else it must show is checked as well, unless
    /// [`pin_only`](Self::pin_only) says otherwise. Counts for the server's own certificate, not for its issuers.
    #[must_use]
    pub fn pin(self, pin: Pin) -> Self {
        self.change(|settings| settings.pins.push(pin))
    }

    /// Whether a pinned certificate is accepted as it is: self-signed, of another name, expired. No effect without a
    /// [pin](Self::pin).
    #[must_use]
    pub fn pin_only(self, only: bool) -> Self {
        self.change(|settings| settings.pin_only = only)
    }

    /// Whether anybody's certificate will do. There is no protection then from whoever sits on the way. Pins are still
    /// checked.
    #[must_use]
    pub fn dangerous_accept_any_certificate(self, accept: bool) -> Self {
        self.change(|settings| settings.any_certificate = accept)
    }

    /// Shows this certificate, with the chain above it, to servers that ask for one (RFC 4217 §15.1.2).
    ///
    /// # Errors
    /// [`IdentityError`], by what is wrong with which.
    pub fn identity_pem(self, chain: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| IdentityError::Key(error.to_string()))?;
        let key = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| IdentityError::Unusable(error.to_string()))?;
        let identity = Identity { key: Arc::new(key) };
        Ok(self.change(|settings| settings.identity = Some(identity)))
    }

    /// The oldest and the newest version to use.
    #[must_use]
    pub fn version(self, versions: std::ops::RangeInclusive<TlsVersion>) -> Self {
        self.change(|settings| {
            settings.oldest = *versions.start();
            settings.newest = *versions.end().max(versions.start());
        })
    }

    /// The name the certificate must have, and which the server is told (SNI), instead of that of the host.
    #[must_use]
    pub fn server_name(self, name: &str) -> Self {
        self.change(|settings| settings.server_name = Some(name.into()))
    }

    /// Whether data connections are protected (`PROT P`) or plain (`PROT C`).
    #[must_use]
    pub fn protect_data(self, protect: bool) -> Self {
        self.change(|settings| settings.protect_data = protect)
    }

    /// Whether a data connection must show the certificate of its control connection, if it does not resume its
    /// session (which proves the same). Without it any certificate will do that is good enough for a control
    /// connection: clusters of servers may need that.
    #[must_use]
    pub fn same_certificate(self, same: bool) -> Self {
        self.change(|settings| settings.same_certificate = same)
    }

    /// Whether a data connection must resume the session of the control connection: nobody else can then have taken
    /// the server's place, or the client's, between the two. Servers need not be able to.
    #[must_use]
    pub fn require_resumption(self, require: bool) -> Self {
        self.change(|settings| settings.require_resumption = require)
    }

    /// Whether data that ends without `close_notify` is taken for complete. Whoever sits on the way can then cut it
    /// short.
    #[must_use]
    pub fn accept_truncation(self, accept: bool) -> Self {
        self.change(|settings| settings.accept_truncation = accept)
    }

    /// Whether data connections are protected: `PROT P`, not `PROT C`.
    #[must_use]
    pub fn protects_data(&self) -> bool {
        self.settings.protect_data
    }

    /// The newest version to use.
    #[must_use]
    pub fn newest_version(&self) -> TlsVersion {
        self.settings.newest
    }

    /// The oldest version to use.
    #[must_use]
    pub fn oldest_version(&self) -> TlsVersion {
        self.settings.oldest
    }

    /// What all connections have in common.
    pub(super) async fn base(&self) -> Result<&Base, TlsError> {
        if let Some(base) = self.base.get() {
            return Ok(base);
        }
        let base = Base::load(&self.settings).await?;
        Ok(self.base.get_or_init(|| base))
    }
}

/// Never the key.
impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &*self.settings;
        f.debug_struct("TlsOptions")
            .field("system_roots", &settings.system_roots)
            .field("roots", &settings.roots.len())
            .field("pins", &settings.pins)
            .field("pin_only", &settings.pin_only)
            .field("any_certificate", &settings.any_certificate)
            .field("identity", &settings.identity.is_some())
            .field("versions", &(settings.oldest..=settings.newest))
            .field("server_name", &settings.server_name)
            .field("protect_data", &settings.protect_data)
            .field("same_certificate", &settings.same_certificate)
            .field("require_resumption", &settings.require_resumption)
            .field("accept_truncation", &settings.accept_truncation)
            .finish()
    }
}

impl PartialEq for TlsOptions {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.settings, &other.settings) || self.settings == other.settings
    }
}

impl Eq for TlsOptions {}

impl Hash for TlsOptions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.settings.hash(state);
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| IdentityError::Certificate(error.to_string()))?;
    if found.is_empty() {
        return Err(IdentityError::NoCertificate);
    }
    Ok(found)
}
