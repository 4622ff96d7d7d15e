//! TLS on the connections of a link.

use super::control::{Control, Moved};
use super::data::DataStream;
use super::{DataJob, Link};
use crate::error::{Error, ErrorKind, Phase, tls_reason};
use crate::session::{Setting, Tls};
use crate::tls::{ControlTls, TlsContext, TlsVersion};
use std::time::Duration;

/// How long a server may take to say that its side of TLS is over, after `CCC`. Some never do.
const CLEARING: Duration = Duration::from_secs(3);

impl Link {
    /// The sessions of this control connection: those of another would be refused by servers that insist on their reuse.
    pub(super) fn prepare_tls(&mut self) -> Result<(), Error> {
        if self.server.tls_plan() == Tls::None {
            return Ok(());
        }
        let clock = self.net.clock();
        let context = TlsContext::new(self.server.tls_settings(), &clock, self.server.host())
            .map_err(|error| Error::tls(self.server.authority(), &error))?;
        let capped = self.shared.memory_of(&self.server).tls_capped;
        let capped = capped.then(|| context.capped()).flatten();
        self.tls = Some(capped.unwrap_or(context));
        Ok(())
    }

    /// Begins TLS on the control connection, or ends it.
    pub(super) fn move_control(&mut self, begin: bool) {
        let control = std::mem::replace(&mut self.control, Control::Moving);
        let (host, context) = (self.server.authority(), self.tls.clone());
        let (clock, limit) = (self.net.clock(), self.shared.limits.connect);
        self.moving = Some(Box::pin(async move {
            let late = |_| {
                Error::from(ErrorKind::TimedOut {
                    phase: Phase::Connect,
                })
            };
            match (control, context) {
                (Control::Plain(stream), Some(context)) if begin => {
                    let connected = clock.timeout(limit, context.connect_control(stream)).await;
                    let stream = connected
                        .map_err(late)?
                        .map_err(|error| Error::tls(host, &error))?;
                    Ok((Control::Tls(Box::new(stream)), Vec::new()))
                }
                (Control::Tls(stream), _) if !begin => clear(*stream, &clock, host).await,
                _ => Err(Error::lost("no connection to protect")),
            }
        }));
    }

    /// Begins TLS on the data connection.
    pub(super) fn protect(&mut self) {
        let (Some(context), Some(stream)) = (self.tls.clone(), self.bare.take()) else {
            return;
        };
        self.protect_at = None;
        let (clock, limit) = (self.net.clock(), self.shared.limits.data_connection);
        self.job = Some(DataJob::Protect(Box::pin(async move {
            match clock.timeout(limit, context.connect_data(stream)).await {
                Ok(Ok(data)) => Ok(DataStream::Tls(Box::new(data))),
                Ok(Err(error)) => Err(tls_reason(&error)),
                Err(_) => Err(format!("no TLS on the data connection within {limit:?}")),
            }
        })));
    }

    /// Lets TLS begin on the data connection of a transfer that is given up, and breaks it off behind that: vsftpd and
    /// Pure-FTPd end the session when a handshake fails.
    pub(super) fn fade(&mut self) {
        // The server is about to begin, even if its 1xx is not here yet.
        self.protect();
        let Some(DataJob::Protect(job)) = self.job.take() else {
            return;
        };
        self.fading = Some(Box::pin(async move {
            if let Ok(data) = job.await {
                data.reset();
            }
        }));
    }

    /// Whether data connections are to be protected.
    pub(super) fn protects_data(&self) -> bool {
        self.is_secure() && self.session.truth().get(Setting::Protection) == Some("P")
    }

    /// Whether the control connection has, or had, TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.version().is_some())
    }

    /// Whether the next data connection has what it needs: a server that insists on sessions being resumed refuses it
    /// otherwise, and may leave an empty file behind. One that has given no session yet is asked.
    pub(crate) fn can_protect(&self) -> bool {
        let Some(tls) = self.tls.as_ref().filter(|_| self.protects_data()) else {
            return true;
        };
        tls.version() != Some(TlsVersion::Tls13)
            || tls.can_resume()
            || !tls.has_seen_tickets()
            || tls.capped().is_none()
    }
}

impl Link {
    /// Whether `error` is the refusal of a data connection that did not resume a session, and TLS 1.2 may help.
    pub(crate) fn wants_resumption(&self, error: &Error) -> bool {
        let ErrorKind::DataConnection {
            reply: Some(reply), ..
        } = error.kind()
        else {
            return false;
        };
        let Some(tls) = self.tls.as_ref().filter(|_| self.protects_data()) else {
            return false;
        };
        matches!(reply.code().get(), 425 | 450 | 522)
            && tls.version() == Some(TlsVersion::Tls13)
            && tls.capped().is_some()
    }
}

async fn clear(mut stream: ControlTls, clock: &fairway_stack::Clock, host: String) -> Moved {
    let wrong = |error| Error::tls(host.clone(), &error);
    stream.send_close().await.map_err(wrong)?;
    if let Ok(closed) = clock.timeout(CLEARING, stream.closed()).await {
        closed.map_err(wrong)?;
    }
    let (stream, octets) = stream.into_plain();
    Ok((Control::Plain(stream), octets))
}
