//! Listeners: what they accept is the server's, and no error ends them.

use std::sync::Arc;
use std::time::Duration;

use fairway_stack::{AcceptError, LocalListener, TcpListener, option};
use tracing::{debug, error, warn};

use super::server::Shared;
use super::{Peer, TransportKind};
use crate::transport::Channel;

/// The longest a listener rests.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// How long a listener rests after an error, so that it neither spins nor gives up.
struct Rest {
    first: Duration,
    next: Duration,
}

impl Rest {
    fn new(shared: &Shared) -> Self {
        let first = shared.dispatcher.limits.accept_backoff;
        Self { first, next: first }
    }

    async fn after(&mut self, shared: &Shared, failure: AcceptError) {
        match failure {
            AcceptError::Connection(error) => {
                debug!(%error, "a connection died before it was accepted");
            }
            failure => {
                shared.dispatcher.tally.accept_backoffs.one();
                if self.next == self.first && shared.dispatcher.may_warn(shared.clock.now()) {
                    match failure {
                        AcceptError::Exhausted(error) => {
                            warn!(%error, "no resources to accept a connection");
                        }
                        failure => error!(error = %failure.error(), "cannot accept"),
                    }
                }
                shared.clock.sleep(self.next).await;
                self.next = self.next.saturating_mul(2).min(LONGEST_REST);
            }
        }
    }
}

/// Accepts TCP connections for as long as the server lives.
pub(crate) async fn tcp(shared: Arc<Shared>, listener: TcpListener) {
    let mut rest = Rest::new(&shared);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                rest.next = rest.first;
                // Replies are gathered here; the system need not wait for more.
                if let Err(error) = stream.set(option::NoDelay, true) {
                    debug!(%peer, %error, "cannot set TCP_NODELAY");
                }
                let local = stream.local_addr().ok();
                shared.admit(
                    Channel::Tcp(stream),
                    Peer::Socket(peer),
                    local,
                    TransportKind::Tcp,
                );
            }
            Err(failure) => rest.after(&shared, failure).await,
        }
    }
}

/// Accepts local stream connections for as long as the server lives.
pub(crate) async fn local(shared: Arc<Shared>, listener: LocalListener) {
    let mut rest = Rest::new(&shared);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                rest.next = rest.first;
                let peer = Peer::Local(stream.peer_credentials().ok());
                shared.admit(Channel::Local(stream), peer, None, TransportKind::Local);
            }
            Err(failure) => rest.after(&shared, failure).await,
        }
    }
}
