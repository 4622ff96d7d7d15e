//! Applications: connections on one side, the pure server on the other.

use fairway_stack::LocalStream;
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
