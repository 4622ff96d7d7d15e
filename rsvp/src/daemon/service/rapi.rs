//! Applications: connections on one side, the pure server on the other.

use core::pin::Pin;
use core::task::{Context, Waker};

use bytes::Bytes;
use fairway_stack::LocalStream;
use tokio::io::AsyncWrite as _;
use tracing::{debug, warn};

use super::{Behind, Service};
use crate::api::server::{ConnectError, Output, Peer};
use crate::daemon::connection::Connection;

impl Service {
    /// An application has connected.
    pub(super) fn connect_application(&mut self, stream: LocalStream) {
        let peer = match stream.peer_credentials() {
            Ok(of) => Peer {
                uid: of.uid,
                pid: of.pid,
            },
            Err(error) => {
                debug!(%error, "an application that is nobody");
                return;
            }
        };
        self.rapi.handle_time(self.clock.now());
        let client = match self.rapi.handle_connect(peer) {
            Ok(client) => client,
            Err(error) => {
                // Each is counted. The limits are few, and so are these lines.
                let key = match error {
                    ConnectError::Full => "limits.applications",
                    ConnectError::User(_) => "limits.applications_per_user",
                };
                if self.seldom.may(self.clock.now(), key) {
                    warn!(%error, key, uid = peer.uid, "application not taken");
                }
                self.turn_away(stream, error.last_words());
                return;
            }
        };
        let id = self.connection_id();
        let connection = Connection::start(&self.net, id, stream, self.to_inbox.clone());
        self.connections
            .insert(id, (connection, Behind::Application(client)));
        self.applications.insert(client, id);
        self.move_on(id);
    }

    /// Ends a connection after some words: at once, unless it is so new that nothing can be sent yet.
    fn turn_away(&mut self, mut stream: LocalStream, words: Bytes) {
        let mut context = Context::from_waker(Waker::noop());
        let sent = Pin::new(&mut stream).poll_write(&mut context, &words);
        if sent.is_pending() {
            let id = self.connection_id();
            Connection::start(&self.net, id, stream, self.to_inbox.clone()).finish(Some(words));
        }
    }

    /// What the server of applications wants.
    pub(super) fn serve(&mut self, output: Output) {
        match output {
            Output::Call { id, call } => {
                let result = self.call(id, call);
                self.rapi.handle_result(id, result);
            }
            Output::Ready(client) => {
                if let Some(id) = self.applications.get(&client) {
                    self.move_on(*id);
                }
            }
            Output::Close { client, why, last } => {
                debug!(%client, %why, "application disconnected");
                if let Some(id) = self.applications.remove(&client)
                    && let Some((connection, _)) = self.connections.remove(&id)
                {
                    connection.finish(last);
                }
            }
        }
    }
}
