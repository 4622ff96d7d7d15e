//! Data connections through a proxy.

use super::{DataJob, Link};
use crate::session::{Announced, DataEvent};
use fairway_stack::socks::{Binding, Target};

impl Link {
    /// Makes the data connection that the server waits for: to the server by the name that the control connection went to.
    pub(super) fn connect_through(&mut self, announced: Announced) {
        let (Some(far), Some(proxy)) = (&self.far, self.server.proxy_before().cloned()) else {
            return;
        };
        let target = match announced.host {
            Some(host) if self.server.trusts_passive_address() => (host, announced.port).into(),
            _ => Target {
                host: far.host.clone(),
                port: announced.port,
            },
        };
        let (net, limit) = (self.net.clone(), self.shared.limits.data_connection);
        self.job = Some(DataJob::Open(Box::pin(async move {
            let connected = proxy.connect(&net, &target, limit).await;
            connected.map_err(|error| format!("{target} through {proxy}: {error}"))
        })));
    }

    /// Has the proxy listen for the server's data connection.
    pub(super) fn listen_through(&mut self) {
        let (Some(far), Some(proxy)) = (self.far.clone(), self.server.proxy_before().cloned())
        else {
            return;
        };
        let (net, limit) = (self.net.clone(), self.shared.limits.data_connection);
        self.job = Some(DataJob::Bind(Box::pin(async move {
            let bound = proxy.bind(&net, &far, limit).await;
            bound.map_err(|error| format!("{proxy}: {error}"))
        })));
    }

    /// The proxy listens.
    pub(super) fn bound(&mut self, binding: Binding) {
        let address = binding.address();
        let (clock, limit) = (self.net.clock(), self.shared.limits.data_connection);
        let server = self.far.as_ref().and_then(Target::address);
        self.job = Some(DataJob::Open(Box::pin(async move {
            match clock.timeout(limit, binding.accept()).await {
                // Names are for the proxy to check, as it does for all.
                Ok(Ok((stream, caller))) => match (caller, server) {
                    (Some(caller), Some(server))
                        if caller.ip().to_canonical() != server.ip().to_canonical() =>
                    {
                        tracing::warn!(peer = %caller, "stranger at the proxy's data port");
                        Err("a stranger at the proxy's data port".to_owned())
                    }
                    _ => Ok(stream),
                },
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err(format!("the server did not connect within {limit:?}")),
            }
        })));
        self.data_event(DataEvent::Listening(address));
    }
}
