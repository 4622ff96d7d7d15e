//! What a handler knows about its call.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use fairway_stack::{Credentials, Instant, LocalAddr, Net};
use fairway_xdr::Encode;

use super::auth::Seal;
use super::handle::Handle;
use super::replies::PeerKey;
use super::{EncodedReply, Refusal, Reply};
use crate::auth::AuthSys;
use crate::client::Client;
use crate::msg::{AcceptStat, OpaqueAuth, Procedure};

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// An address and port.
    Socket(SocketAddr),
    /// A process of this machine over a local socket, with what the system says about it; datagrams do not tell.
    Local(Option<Credentials>),
    /// This process.
    Memory,
}

impl Peer {
    /// Address and port, if it has them.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Socket(address) => Some(*address),
            Self::Local(_) | Self::Memory => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::Local(Some(credentials)) => write!(f, "local uid {}", credentials.uid),
            Self::Local(None) => f.write_str("local"),
            Self::Memory => f.write_str("memory"),
        }
    }
}

/// What a call came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// A local stream socket.
    Local,
    /// A local datagram socket.
    LocalDatagram,
    /// A pipe within the process.
    Memory,
}

impl TransportKind {
    /// Whether messages are records of a stream, and not datagrams.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Tcp | Self::Local | Self::Memory)
    }
}

/// Who calls, as the call's credential has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caller {
    /// AUTH_NONE: unknown.
    None,
    /// AUTH_SYS: what the caller says about itself, unproven.
    Sys(Box<AuthSys>),
    /// Another flavour's principal.
    Other {
        /// The principal's name, as the flavour writes it.
        principal: Arc<str>,
    },
}

/// Where calls come from: one value per connection, or per datagram.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) net: Net,
    pub(crate) transport: TransportKind,
    pub(crate) peer: Peer,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) interface: Option<u32>,
    pub(crate) id: u64,
    /// The name of a local datagram's sender.
    pub(crate) name: Option<Box<LocalAddr>>,
    /// The connection, for calls back over it.
    pub(crate) connection: Weak<Handle>,
}

impl Origin {
    /// Who it is to the duplicate cache.
    pub(crate) fn key(&self) -> PeerKey {
        match (&self.peer, &self.name) {
            (Peer::Socket(address), _) => PeerKey::Address(*address, self.transport.is_stream()),
            (_, Some(name)) => PeerKey::Name((**name).clone()),
            _ => PeerKey::Connection(self.id),
        }
    }
}

/// One call, as its handler sees it.
pub struct CallContext {
    pub(crate) origin: Arc<Origin>,
    pub(crate) xid: u32,
    pub(crate) procedure: Procedure,
    pub(crate) credential: OpaqueAuth,
    pub(crate) caller: Caller,
    pub(crate) verifier: OpaqueAuth,
    pub(crate) seal: Option<Arc<dyn Seal>>,
    pub(crate) deadline: Option<Instant>,
}

/// A handler may hold `&CallContext` while it waits, on a runtime with several threads.
const _: fn() = || {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<CallContext>();
};

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext")
            .field("xid", &self.xid)
            .field("procedure", &self.procedure)
            .field("peer", &self.origin.peer)
            .finish_non_exhaustive()
    }
}

impl CallContext {
    /// The program called.
    #[must_use]
    pub fn program(&self) -> u32 {
        self.procedure.program
    }

    /// The version called.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.procedure.version
    }

    /// The number of the procedure called.
    #[must_use]
    pub fn procedure(&self) -> u32 {
        self.procedure.procedure
    }

    /// The call's transaction identifier, as the caller chose it.
    #[must_use]
    pub fn xid(&self) -> u32 {
        self.xid
    }

    /// The other end.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.origin.peer
    }

    /// The address that was asked: of the connection, or the destination of the datagram. None for local sockets.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.origin.local
    }

    /// The index of the interface the call arrived on; known for UDP only.
    #[must_use]
    pub fn interface(&self) -> Option<u32> {
        self.origin.interface
    }

    /// What the call came over.
    #[must_use]
    pub fn transport(&self) -> TransportKind {
        self.origin.transport
    }

    /// A number for the connection (or datagram socket), never used again by its server.
    #[must_use]
    pub fn connection_id(&self) -> u64 {
        self.origin.id
    }

    /// The `Net` the server lives on: clock, tasks, sockets.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.origin.net
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The credential as it came.
    #[must_use]
    pub fn credential(&self) -> &OpaqueAuth {
        &self.credential
    }

    /// A client that calls the other way, over the connection that this call came on; the peer serves what it gave
    /// [`Client::serve`]. None over datagrams, and when the connection has ended.
    ///
    /// It can be kept: its calls fail as interrupted when the connection ends. Its calls are answered while a handler waits for them,
    /// for nothing holds up the reading but the limits on calls.
    #[must_use]
    pub fn callback(&self) -> Option<Client> {
        self.origin.connection.upgrade()?.callback()
    }

    /// When the handler is cut off ([`Limits::call_within`](crate::Limits)), if ever.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Encodes what a handler answers.
    ///
    /// # Errors
    /// [`Refusal::SystemErr`] if the results cannot be encoded: a length over its bound.
    pub fn reply<T: Encode>(&self, reply: Reply<T>) -> Result<EncodedReply, Refusal> {
        match reply {
            Reply::Value(results) if self.seal.is_none() => {
                EncodedReply::success(self.xid, &self.verifier, &results)
                    .map_err(|error| self.unencodable(&error))
            }
            Reply::Value(results) => {
                let results =
                    fairway_xdr::to_bytes(&results).map_err(|error| self.unencodable(&error))?;
                self.reply_raw(results)
            }
            Reply::Encoded(results) => self.reply_raw(results),
            Reply::None => Ok(EncodedReply::silent()),
        }
    }

    /// Answers with results that are encoded already, a multiple of four octets.
    ///
    /// # Errors
    /// [`Refusal::SystemErr`] if it is not such a multiple, or what sealing them says.
    pub fn reply_raw(&self, results: Bytes) -> Result<EncodedReply, Refusal> {
        let (sealed, unsealed) = match &self.seal {
            Some(seal) => (seal.wrap(results.clone())?, Some(results)),
            None => (results, None),
        };
        let reply = EncodedReply::accepted(self.xid, &self.verifier, AcceptStat::Success, &sealed)
            .map_err(|error| self.unencodable(&error))?;
        Ok(match unsealed {
            Some(results) => reply.with_unsealed(results),
            None => reply,
        })
    }

    /// Answers with no reply at all.
    #[must_use]
    pub fn no_reply(&self) -> EncodedReply {
        EncodedReply::silent()
    }

    fn unencodable(&self, error: &dyn fmt::Display) -> Refusal {
        tracing::warn!(%error, xid = self.xid, procedure = %self.procedure, "results cannot be encoded");
        Refusal::SystemErr
    }
}
