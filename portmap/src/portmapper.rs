//! The portmapper as a server's services: [`Core`] behind a lock that is never held while waiting, and the calls it forwards.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fairway_rpc::{
    AuthStat, CallContext, CallOptions, Client, ClientConfig, ClientLimits, Peer, Procedure,
    Refusal, Registry, ServiceOptions, TransportKind,
};
use fairway_stack::Net;
use tokio::sync::Notify;

use crate::access::{Denied, Origin};
use crate::address::Netid;
use crate::call_it::{
    FORWARD_WITHIN, FORWARDED_ANSWER, FORWARDS, FORWARDS_PER_ADDRESS, Kind, NotForwarded,
};
use crate::core::{Core, HostAddress};
use crate::hosts::Network;
use crate::pmap::PmapV2Service;
use crate::rpcb::{RpcbV3Service, RpcbV4Service};
use crate::stats::Version;

/// The header of a call without credentials (RFC 5531 §9): the least a question takes beside its arguments.
const CALL_HEADER: usize = 40;

/// Serves versions 2, 3 and 4 of program 100000. A handle: clones are the same portmapper.
#[derive(Clone, Debug)]
pub struct Portmapper {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    net: Net,
    core: Mutex<Core>,
    /// Indexes of the loopback interfaces.
    loopback: Vec<u32>,
    /// Told when the table changes.
    changed: Notify,
    forwards: Mutex<HashSet<(Option<SocketAddr>, u64, u32)>>,
}

/// A call that is being forwarded: its place is free again when this goes.
#[derive(Debug)]
struct InFlight<'a> {
    shared: &'a Shared,
    key: (Option<SocketAddr>, u64, u32),
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        lock(&self.shared.forwards).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A handler that panicked left the table as it was between two of its steps, which are whole ones.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Portmapper {
    /// A portmapper on a machine.
    #[must_use]
    pub fn new(net: &Net, core: Core) -> Self {
        let interfaces = net.interfaces().unwrap_or_default();
        let loopback = interfaces
            .iter()
            .filter(|interface| interface.loopback)
            .map(|interface| interface.index)
            .collect();
        Self {
            shared: Arc::new(Shared {
                net: net.clone(),
                core: Mutex::new(core),
                loopback,
                changed: Notify::new(),
                forwards: Mutex::default(),
            }),
        }
    }

    /// The three services, for a [`Server`](fairway_rpc::Server).
    #[must_use]
    pub fn services(&self) -> Registry {
        // To execute a repeated call again does no harm: SET of what is there and UNSET of what is not are TRUE, and calls that are being
        // forwarded are known. So no reply is kept, which a lookup would pay for.
        let mut options = ServiceOptions::default();
        options.duplicate_cache_on_datagrams = false;
        let this = || Arc::new(self.clone());
        Registry::new()
            .service_with(PmapV2Service::from_arc(this()), options.clone())
            .service_with(RpcbV3Service::from_arc(this()), options.clone())
            .service_with(RpcbV4Service::from_arc(this()), options)
    }

    /// The table, the counters and the rules. The lock must not be held while waiting.
    pub fn core(&self) -> MutexGuard<'_, Core> {
        lock(&self.shared.core)
    }

    /// Waits until the table changes, or has changed since it was last waited for.
    ///
    /// # Cancel safety
    /// A change is not lost.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    pub(crate) fn note_change(&self) {
        self.shared.changed.notify_one();
    }

    /// Seconds since 1970.
    pub(crate) fn wall(&self) -> Duration {
        let now = self.shared.net.clock().wall();
        now.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
    }

    pub(crate) fn origin(&self, cx: &CallContext) -> Origin {
        let local = cx.local_addr().map(|local| local.ip());
        match (cx.peer(), cx.transport()) {
            (Peer::Socket(peer), TransportKind::Udp) => Origin::Udp {
                peer: *peer,
                local,
                through_lo: cx
                    .interface()
                    .is_some_and(|index| self.shared.loopback.contains(&index)),
            },
            (Peer::Socket(peer), _) => Origin::Tcp { peer: *peer, local },
            (Peer::Local(credentials), _) => Origin::Local {
                uid: credentials.as_ref().map(|credentials| credentials.uid),
            },
            (Peer::Memory, _) => Origin::Memory,
            // A kind of peer that is yet to come is one that nothing is known of.
            _ => Origin::Local { uid: None },
        }
    }

    /// The addresses of this host, from the system.
    pub(crate) fn host(&self) -> Vec<HostAddress> {
        let interfaces = match self.shared.net.interfaces() {
            Ok(interfaces) => interfaces,
            Err(error) => {
                tracing::warn!(%error, "cannot list interfaces");
                return Vec::new();
            }
        };
        let mut host = Vec::new();
        for interface in interfaces.iter().filter(|interface| interface.up) {
            for address in &interface.addresses {
                if let Some(network) = Network::new(address.address, address.prefix.into()) {
                    host.push(HostAddress {
                        address: address.address,
                        network,
                        last_choice: interface.loopback || interface.point_to_point,
                    });
                }
            }
        }
        host
    }

    /// Forwards a call (RFC 1833 §2.2.1, §2.2.2, §3.2); gives where the program listens and its results.
    pub(crate) async fn forward(
        &self,
        cx: &CallContext,
        at: Version,
        kind: Kind,
        call: Procedure,
        args: Bytes,
    ) -> Result<(String, Bytes), Refusal> {
        let origin = self.origin(cx);
        let numbers = (call.program, call.version, call.procedure);
        let forward = self
            .core()
            .forward(at, kind, &origin, numbers, &|| self.host())
            .map_err(|why| why.refusal(kind))?;
        let key = (origin.peer(), cx.connection_id(), cx.xid());
        let _in_flight = match self.begin(key) {
            Begun::Yes(in_flight) => in_flight,
            // The caller over UDP asks again: the first call's answer will do for both.
            Begun::Already => return Err(Refusal::Drop),
            Begun::Full { of_address } => {
                self.core().no_room(&origin, of_address);
                return Err(NotForwarded::Failed.refusal(kind));
            }
        };
        let net = &self.shared.net;
        let mut limits = ClientLimits::default();
        limits.record.max_record = FORWARDED_ANSWER;
        let config = ClientConfig::default()
            .deadline(FORWARD_WITHIN)
            .connect_time(FORWARD_WITHIN)
            .limits(limits);
        let client = match forward.netid {
            Netid::Tcp | Netid::Tcp6 => Client::tcp(net, forward.to, config).await,
            _ => Client::udp(net, forward.to, config).await,
        };
        let results = match client {
            // No credentials of the caller's go along: to the program the call would come from this machine with any name the caller chose.
            Ok(client) => client
                .call_raw(call, args, &CallOptions::default())
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match results {
            Ok(results) => Ok((forward.address, results)),
            Err(error) => {
                tracing::debug!(%call, to = %forward.to, error, "forwarded call failed");
                Err(NotForwarded::Failed.refusal(kind))
            }
        }
    }

    fn begin(&self, key: (Option<SocketAddr>, u64, u32)) -> Begun<'_> {
        let mut forwards = lock(&self.shared.forwards);
        if forwards.contains(&key) {
            return Begun::Already;
        }
        if forwards.len() >= FORWARDS {
            return Begun::Full { of_address: false };
        }
        let address = |caller: Option<SocketAddr>| caller.map(|caller| caller.ip().to_canonical());
        let of_address = forwards
            .iter()
            .filter(|(caller, ..)| address(*caller) == address(key.0))
            .count();
        if of_address >= FORWARDS_PER_ADDRESS {
            return Begun::Full { of_address: true };
        }
        forwards.insert(key);
        Begun::Yes(InFlight {
            shared: &self.shared,
            key,
        })
    }
}

enum Begun<'a> {
    Yes(InFlight<'a>),
    Already,
    Full { of_address: bool },
}

/// rpcbind's answer to whoever may not (RFC 5531 §9).
pub(crate) fn refused(_why: Denied) -> Refusal {
    Refusal::Auth(AuthStat::TOOWEAK)
}

/// Octets of a question with these arguments, at least.
pub(crate) fn question(args: &impl fairway_xdr::Encode) -> usize {
    CALL_HEADER.saturating_add(args.encoded_len())
}
