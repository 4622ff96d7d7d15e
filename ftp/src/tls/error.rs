//! What can go wrong, for whoever called.

use rustls::{AlertDescription, CertificateError, Error};
use std::io;
use std::sync::Arc;

/// Why a connection could not be protected, or not any longer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The server's certificate is not one to accept. Trying again changes nothing; other options may.
    #[error("{host}: certificate refused: {fault}")]
    Certificate {
        /// Whom it was to belong to.
        host: Arc<str>,
        /// What is wrong with it.
        fault: CertificateFault,
    },
    /// The server sent an alert: it does not like our version, our ciphers or our certificate.
    #[error("{host}: server sent tls alert {code} ({meaning})")]
    Alert {
        /// The server.
        host: Arc<str>,
        /// Number of the alert, RFC 8446 §6.
        code: u8,
        /// Its name, in words.
        meaning: String,
    },
    /// The server speaks, but not TLS: plain text on a port of implicit TLS, or an `AUTH` it did not mean.
    #[error("{host}: server does not speak tls: it said {said:?}")]
    NotTls {
        /// The server.
        host: Arc<str>,
        /// The start of what came instead; what is not printable ASCII is replaced.
        said: String,
    },
    /// The server broke the rules of TLS, or has nothing in common with us.
    #[error("{host}: tls failed")]
    Protocol {
        /// The server.
        host: Arc<str>,
        /// How.
        #[source]
        source: Error,
    },
    /// The server ended the connection in the middle of the handshake, without a word.
    #[error("{host}: connection closed during the tls handshake")]
    Closed {
        /// The server.
        host: Arc<str>,
    },
    /// The connection failed under TLS.
    #[error("{host}: connection failed under tls")]
    Io {
        /// The server.
        host: Arc<str>,
        /// How.
        #[source]
        source: io::Error,
    },
    /// The data connection did not resume the session of the control connection, and
    /// [`TlsOptions::require_resumption`](super::TlsOptions::require_resumption) asks for that.
    #[error("{host}: data connection did not resume the session of the control connection")]
    NotResumed {
        /// The server.
        host: Arc<str>,
    },
    /// The name is neither a domain name nor an address, so no certificate can have it.
    #[error("{host:?} is not a name that a certificate can have")]
    Name {
        /// The name.
        host: Arc<str>,
    },
    /// No certificate to trust was found on this machine.
    #[error("no trusted certificates: {reason}")]
    Roots {
        /// What the system said.
        reason: String,
    },
}

impl TlsError {
    /// What went wrong and why, without the host: for texts that name it themselves.
    #[must_use]
    pub fn reason(&self) -> String {
        let text = self.to_string();
        let reason = match self {
            Self::Certificate { host, .. }
            | Self::Alert { host, .. }
            | Self::NotTls { host, .. }
            | Self::Protocol { host, .. }
            | Self::Closed { host }
            | Self::Io { host, .. }
            | Self::NotResumed { host } => text.strip_prefix(&format!("{host}: ")),
            Self::Name { .. } | Self::Roots { .. } => None,
        };
        let reason = reason.unwrap_or(&text);
        match std::error::Error::source(self) {
            Some(source) => format!("{reason}: {source}"),
            None => reason.to_owned(),
        }
    }
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Its time has not come.
    #[error("not valid yet")]
    NotValidYet,
    /// Nobody we trust vouches for it; a self-signed one, mostly.
    #[error("unknown issuer")]
    UnknownIssuer,
    /// It belongs to somebody else.
    #[error("issued to {}, not to this server", Names(presented))]
    WrongName {
        /// Whom it belongs to.
        presented: Vec<String>,
    },
    /// It is none of the [pinned](super::TlsOptions::pin) ones.
    #[error("not the pinned one: certificate {certificate}, key {key}")]
    PinMismatch {
        /// SHA-256 of the certificate, in hexadecimal.
        certificate: String,
        /// SHA-256 of its public key (`SubjectPublicKeyInfo`), in hexadecimal.
        key: String,
    },
    /// The data connection showed another one than the control connection.
    #[error("not that of the control connection")]
    Changed,
    /// It was revoked.
    #[error("revoked")]
    Revoked,
    /// Its signature, or the handshake's by its key, is wrong.
    #[error("bad signature")]
    BadSignature,
    /// Something else; the text says what.
    #[error("{0}")]
    Other(String),
}

/// Names in a sentence.
struct Names<'a>(&'a [String]);

impl std::fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [] => f.write_str("nobody by name"),
            names => f.write_str(&names.join(", ")),
        }
    }
}

impl From<&CertificateError> for CertificateFault {
    fn from(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotValidYet
            }
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::NotValidForName => Self::WrongName {
                presented: Vec::new(),
            },
            CertificateError::NotValidForNameContext { presented, .. } => Self::WrongName {
                presented: presented.iter().map(|name| bare(name)).collect(),
            },
            CertificateError::Revoked => Self::Revoked,
            CertificateError::BadSignature => Self::BadSignature,
            CertificateError::Other(other) => other
                .0
                .downcast_ref::<Self>()
                .cloned()
                .unwrap_or_else(|| Self::Other(other.to_string())),
            other => Self::Other(other.to_string()),
        }
    }
}

/// `DnsName("ftp.example.org")`, as rustls shows names, is `ftp.example.org`.
fn bare(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

/// The caller's error for one of rustls.
pub(super) fn tls_error(host: &Arc<str>, error: Error) -> TlsError {
    let host = Arc::clone(host);
    match error {
        Error::InvalidCertificate(error) => TlsError::Certificate {
            host,
            fault: CertificateFault::from(&error),
        },
        Error::AlertReceived(alert) => TlsError::Alert {
            host,
            code: alert.into(),
            meaning: words(alert),
        },
        source => TlsError::Protocol { host, source },
    }
}

/// The caller's error for one of the connection, which may have one of ours inside.
pub(super) fn io_error(host: &Arc<str>, error: io::Error) -> TlsError {
    match error.downcast::<TlsError>() {
        Ok(error) => error,
        Err(source) => TlsError::Io {
            host: Arc::clone(host),
            source,
        },
    }
}

/// Ours, for those who read and write.
pub(super) fn into_io(error: TlsError) -> io::Error {
    match error {
        TlsError::Io { source, .. } => source,
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

/// `HandshakeFailure` is "handshake failure".
fn words(alert: AlertDescription) -> String {
    let mut words = String::new();
    for character in format!("{alert:?}").chars() {
        if character.is_ascii_uppercase() && !words.is_empty() && !words.ends_with(' ') {
            words.push(' ');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}

/// The start of what a server said instead of TLS.
pub(super) fn said(octets: &[u8]) -> String {
    octets
        .iter()
        .take(60)
        .take_while(|octet| !matches!(octet, b'\r' | b'\n'))
        .map(|&octet| match octet {
            b' '..=b'~' => char::from(octet),
            _ => char::REPLACEMENT_CHARACTER,
        })
        .collect()
}
