//! One control connection's TLS: its options, its sessions.

use super::control::ControlTls;
use super::data::DataTls;
use super::error::{CertificateFault, TlsError, tls_error};
use super::handshake::{Established, handshake};
use super::options::{TlsOptions, TlsVersion};
use super::sessions::{Sessions, Stamp};
use super::stream::{Incoming, Protected};
use fairway_stack::option::NoDelay;
use fairway_stack::{Clock, TcpStream};
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::{Arc, Mutex, PoisonError};

/// The buffer of a control connection: replies are short. It grows to one record if the server sends long ones.
const CONTROL_BUFFER: usize = 2 * 1024;

/// The buffer of a data connection, first and at last: the second lets one system call fetch several records.
const DATA_BUFFERS: (usize, usize) = (32 * 1024, 256 * 1024);

/// What a control connection and its data connections have in common: options, the server's name, sessions.
///
/// Make one for every control connection: sessions of another would be refused by servers that insist on their reuse.
/// Clones are the same context.
#[derive(Clone, Debug)]
pub struct TlsContext {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: TlsOptions,
    newest: TlsVersion,
    clock: Clock,
    host: Arc<str>,
    name: ServerName<'static>,
    sessions: Arc<Sessions>,
    control: Mutex<Option<Control>>,
}

/// What the control connection turned out to be.
#[derive(Debug)]
struct Control {
    version: TlsVersion,
    certificate: Option<CertificateDer<'static>>,
}

impl TlsContext {
    /// For a new control connection to `host`, a name or an address as the user wrote it. Certificates are checked by
    /// the time of `clock`.
    ///
    /// # Errors
    /// [`TlsError::Name`] if no certificate can have that name.
    pub fn new(options: &TlsOptions, clock: &Clock, host: &str) -> Result<Self, TlsError> {
        Self::with_newest(options, options.newest_version(), clock, host.into())
    }

    fn with_newest(
        options: &TlsOptions,
        newest: TlsVersion,
        clock: &Clock,
        host: Arc<str>,
    ) -> Result<Self, TlsError> {
        let wanted = options.settings.server_name.as_deref().unwrap_or(&host);
        // An address of IPv6 may come in brackets, or with a zone that only counts on this machine.
        let bare = wanted.trim_start_matches('[').trim_end_matches(']');
        let bare = bare.split('%').next().unwrap_or(bare);
        let Ok(name) = ServerName::try_from(bare.to_owned()) else {
            return Err(TlsError::Name {
                host: wanted.into(),
            });
        };
        Ok(Self {
            shared: Arc::new(Shared {
                options: options.clone(),
                newest,
                clock: clock.clone(),
                host,
                name,
                sessions: Arc::new(Sessions::new(clock.clone())),
                control: Mutex::default(),
            }),
        })
    }

    /// A new context, for another control connection to the same host, that speaks TLS 1.2 at most: its session can be
    /// resumed any number of times on any server.
    ///
    /// `None` if the options forbid TLS 1.2.
    #[must_use]
    pub fn capped(&self) -> Option<Self> {
        let shared = &*self.shared;
        if shared.options.oldest_version() > TlsVersion::Tls12 {
            return None;
        }
        let host = Arc::clone(&shared.host);
        Self::with_newest(&shared.options, TlsVersion::Tls12, &shared.clock, host).ok()
    }

    /// The options it was made with.
    #[must_use]
    pub fn options(&self) -> &TlsOptions {
        &self.shared.options
    }

    /// The version the control connection speaks; `None` before its handshake.
    #[must_use]
    pub fn version(&self) -> Option<TlsVersion> {
        let control = self
            .shared
            .control
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        control.as_ref().map(|control| control.version)
    }

    /// The certificate the control connection's server showed (DER); `None` before its handshake.
    #[must_use]
    pub fn certificate(&self) -> Option<Vec<u8>> {
        let control = self
            .shared
            .control
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let certificate = control
            .as_ref()
            .and_then(|control| control.certificate.as_ref());
        certificate.map(|certificate| certificate.to_vec())
    }

    /// The stock of TLS 1.3 tickets that were never used and are not too old. Each data connection takes one, and
    /// uses the newest one again when none is left.
    ///
    /// Tickets arrive when they are read: [`ControlTls::poll_idle`] and [`DataTls::drain`] do so, too.
    #[must_use]
    pub fn tickets(&self) -> usize {
        self.shared.sessions.fresh()
    }

    /// Whether the next data connection can be expected to resume: there is a session of TLS 1.2 or a ticket of
    /// TLS 1.3, and unless it is a fresh one the server has not refused to see a ticket again.
    #[must_use]
    pub fn can_resume(&self) -> bool {
        self.shared.sessions.can_resume()
    }

    /// Whether the server has ever given a ticket of TLS 1.3.
    pub(crate) fn has_seen_tickets(&self) -> bool {
        self.shared.sessions.has_seen_tickets()
    }

    /// Shakes hands on the control connection: after the `234` to `AUTH`, or at once if TLS is implicit.
    ///
    /// Octets that came after the `234` and before this were not protected and must not be believed: do not pass them
    /// on as replies (the handshake fails if the server sent any that are still unread).
    ///
    /// # Errors
    /// [`TlsError`]; the connection is of no use then.
    ///
    /// # Cancel safety
    /// The connection is closed.
    pub async fn connect_control(&self, mut stream: TcpStream) -> Result<ControlTls, TlsError> {
        let shared = &*self.shared;
        let incoming = Incoming::new(CONTROL_BUFFER, CONTROL_BUFFER);
        let established = self.handshake(&mut stream, incoming).await?;
        let control = Control {
            version: established.records.version(),
            certificate: established.certificate.clone(),
        };
        tracing::debug!(
            peer = &*shared.host,
            version = %control.version,
            suite = ?established.records.suite().suite(),
            "control connection protected"
        );
        *shared
            .control
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(control);
        let host = Arc::clone(&shared.host);
        Ok(ControlTls::new(Protected::new(stream, host, established)))
    }

    /// Shakes hands on a data connection, whoever made it: the FTP client is always the TLS client (RFC 4217 §7).
    /// Resumes the control connection's session if the server agrees.
    ///
    /// Some servers begin only once they have sent their `150`: send the command first, then call this, and wait for
    /// the reply meanwhile (RFC 4217 §12.7).
    ///
    /// # Errors
    /// [`TlsError`]; [`CertificateFault::Changed`] and [`TlsError::NotResumed`] if the options are strict.
    ///
    /// # Cancel safety
    /// The connection is closed; a ticket may be spent.
    pub async fn connect_data(&self, mut stream: TcpStream) -> Result<DataTls, TlsError> {
        let shared = &*self.shared;
        let settings = &*shared.options.settings;
        let incoming = Incoming::new(DATA_BUFFERS.0, DATA_BUFFERS.1);
        let established = self.handshake(&mut stream, incoming).await?;
        let resumed = established.resumed;
        tracing::debug!(
            peer = &*shared.host,
            version = %established.records.version(),
            resumed,
            tickets = self.tickets(),
            "data connection protected"
        );
        shared.sessions.note_outcome(resumed);
        if !resumed {
            let host = Arc::clone(&shared.host);
            if settings.require_resumption {
                return Err(TlsError::NotResumed { host });
            }
            if settings.same_certificate && !self.is_certificate(established.certificate.as_ref()) {
                let fault = CertificateFault::Changed;
                return Err(TlsError::Certificate { host, fault });
            }
        }
        let protected = Protected::new(stream, Arc::clone(&shared.host), established);
        Ok(DataTls::new(protected, resumed, settings.accept_truncation))
    }

    fn is_certificate(&self, certificate: Option<&CertificateDer<'_>>) -> bool {
        let control = self
            .shared
            .control
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        control
            .as_ref()
            .is_none_or(|control| control.certificate.as_ref() == certificate)
    }

    async fn handshake(
        &self,
        stream: &mut TcpStream,
        incoming: Incoming,
    ) -> Result<Established, TlsError> {
        let shared = &*self.shared;
        // The end of the handshake, and the octets behind it, must not wait for each other's acknowledgement.
        let _ = stream.set(NoDelay, true);
        let base = shared.options.base().await?;
        let stamp = Arc::new(Stamp::new(shared.clock.clone()));
        let oldest = shared.options.oldest_version();
        let config = base.config(oldest, shared.newest, &shared.sessions, &stamp);
        let config = config.map_err(|error| tls_error(&shared.host, error))?;
        let (host, name) = (&shared.host, &shared.name);
        handshake(
            stream,
            host,
            name,
            config,
            &shared.sessions,
            stamp,
            incoming,
        )
        .await
    }
}
