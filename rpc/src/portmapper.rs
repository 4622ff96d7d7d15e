//! The few portmapper calls that clients and servers themselves need (RFC 1833): where a program is, and
//! registering one. Versions 4 and 3 are asked first, then 2, which everybody answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use fairway_stack::{LocalAddr, Net};
use fairway_xdr::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, opaque_len};

use crate::bind::{self, Netid, Transport};
use crate::client::{CallOptions, Client, ClientConfig};
use crate::error::{CallError, ConnectError};
use crate::msg::Procedure;

/// The portmapper's program number, RFC 1833 §2.1.
pub const PROGRAM: u32 = 100_000;

/// The portmapper's port, RFC 1833.
pub const PORT: u16 = 111;

/// Where rpcbind on Linux listens for this machine's programs.
pub const LOCAL_PATH: &str = "/run/rpcbind.sock";

/// SET, of versions 2, 3 and 4.
const SET: u32 = 1;
/// UNSET, of versions 2, 3 and 4.
const UNSET: u32 = 2;
/// GETPORT of version 2, GETADDR of versions 3 and 4.
const GET: u32 = 3;

/// The most octets in an address or network identifier that is looked at.
const TEXT: u32 = 1024;

/// `struct mapping` of version 2, RFC 1833 §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mapping {
    program: u32,
    version: u32,
    protocol: u32,
    port: u32,
}

impl Encode for Mapping {
    fn encoded_len(&self) -> usize {
        16
    }

    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.u32(self.program);
        e.u32(self.version);
        e.u32(self.protocol);
        e.u32(self.port);
        Ok(())
    }
}

/// `struct rpcb` of versions 3 and 4, RFC 1833 §2.1.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rpcb<'a> {
    program: u32,
    version: u32,
    netid: &'a str,
    address: &'a str,
    owner: &'a str,
}

impl Encode for Rpcb<'_> {
    fn encoded_len(&self) -> usize {
        let strings = [self.netid, self.address, self.owner];
        strings.into_iter().fold(8, |sum: usize, text| {
            sum.saturating_add(opaque_len(text.len()))
        })
    }

    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.u32(self.program);
        e.u32(self.version);
        e.string(self.netid, u32::MAX)?;
        e.string(self.address, u32::MAX)?;
        e.string(self.owner, u32::MAX)
    }
}

/// `string<>` as GETADDR answers it.
struct Address(String);

impl<'de> Decode<'de> for Address {
    const MIN_LEN: usize = 4;

    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        Ok(Self(d.string(TEXT)?))
    }
}

/// Whether another version of the portmapper may know more.
fn is_version_matter(error: &CallError) -> bool {
    matches!(
        error,
        CallError::ProgUnavail
            | CallError::ProgMismatch { .. }
            | CallError::ProcUnavail
            | CallError::GarbageArgs
    )
}

/// A portmapper, as one who registers or asks sees it.
#[derive(Clone, Debug)]
pub struct Portmapper {
    client: Client,
    /// The host it was reached at; `None` over a local socket.
    host: Option<IpAddr>,
    options: CallOptions,
}

impl Portmapper {
    /// This machine's: over its local socket if there is one, else over TCP and UDP at `127.0.0.1`.
    ///
    /// # Errors
    /// There is none, or it cannot be reached.
    ///
    /// # Cancel safety
    /// Dropping it gives the attempt up.
    pub async fn local(net: &Net) -> Result<Self, ConnectError> {
        let config = ClientConfig::new().connect_time(Duration::from_secs(5));
        match Client::local(net, &LocalAddr::path(LOCAL_PATH), config.clone()).await {
            Ok(client) => Ok(Self::over(client, None)),
            Err(_) => {
                let peer = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT);
                Self::at(net, peer, Transport::Tcp, config).await
            }
        }
    }

    /// The one at `peer`, over TCP or UDP.
    ///
    /// # Errors
    /// It cannot be reached.
    ///
    /// # Cancel safety
    /// Dropping it gives the attempt up.
    pub async fn at(
        net: &Net,
        peer: SocketAddr,
        transport: Transport,
        config: ClientConfig,
    ) -> Result<Self, ConnectError> {
        let client = match transport {
            Transport::Udp => Client::udp(net, peer, config).await?,
            Transport::Tcp | Transport::Local => Client::tcp(net, peer, config).await?,
        };
        Ok(Self::over(client, Some(peer.ip())))
    }

    /// The one a client is connected to; `host` is what wildcard addresses stand for.
    #[must_use]
    pub fn over(client: Client, host: Option<IpAddr>) -> Self {
        Self {
            client,
            host,
            options: CallOptions::new(),
        }
    }

    /// With other options for its calls.
    #[must_use]
    pub fn with(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// The client it calls through.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The universal address of a program over `netid`, as the portmapper says it (GETADDR, or GETPORT of version
    /// 2); `None` if it is not registered.
    ///
    /// # Errors
    /// The portmapper did not answer, or answered nonsense.
    ///
    /// # Cancel safety
    /// As [`Client`].
    pub async fn address(
        &self,
        program: u32,
        version: u32,
        netid: Netid,
    ) -> Result<Option<String>, CallError> {
        let question = Rpcb {
            program,
            version,
            netid: netid.name(),
            address: "",
            owner: "",
        };
        let mut refusal = None;
        for rpcbind in [4, 3] {
            let procedure = Procedure::new(PROGRAM, rpcbind, GET);
            match self.client.call(procedure, &question, &self.options).await {
                Ok(Address(text)) => return Ok((!text.is_empty()).then_some(text)),
                Err(error) if is_version_matter(&error) => refusal = Some(error),
                Err(error) => return Err(error),
            }
        }
        let (Some(protocol), Some(refusal)) = (netid.protocol(), refusal) else {
            return Ok(None);
        };
        // Where versions 3 and 4 are not there, the program is known by its port alone.
        let Some(host) = self.host else {
            return Err(refusal);
        };
        let question = Mapping {
            program,
            version,
            protocol,
            port: 0,
        };
        let procedure = Procedure::new(PROGRAM, 2, GET);
        let port: u32 = self
            .client
            .call(procedure, &question, &self.options)
            .await?;
        match u16::try_from(port) {
            Ok(0) => Ok(None),
            Ok(port) => Ok(Some(bind::universal(&SocketAddr::new(host, port)))),
            Err(_) => Err(CallError::Malformed("port over 65535")),
        }
    }

    /// Registers a program at `address`, a universal address or a path, for `owner`; false if it is registered
    /// already (SET).
    ///
    /// # Errors
    /// The portmapper did not answer, or refuses this caller.
    ///
    /// # Cancel safety
    /// Dropped, it may or may not have registered.
    pub async fn set(
        &self,
        program: u32,
        version: u32,
        netid: Netid,
        address: &str,
        owner: &str,
    ) -> Result<bool, CallError> {
        let entry = Rpcb {
            program,
            version,
            netid: netid.name(),
            address,
            owner,
        };
        self.change(SET, &entry, netid.protocol()).await
    }

    /// Unregisters a program over `netid`, or over every transport; false if nothing was registered, or is another
    /// owner's (UNSET).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    ///
    /// # Cancel safety
    /// Dropped, it may or may not have unregistered.
    pub async fn unset(
        &self,
        program: u32,
        version: u32,
        netid: Option<Netid>,
        owner: &str,
    ) -> Result<bool, CallError> {
        let entry = Rpcb {
            program,
            version,
            netid: netid.map_or("", Netid::name),
            address: "",
            owner,
        };
        // Version 2 removes all protocols of a program at once (RFC 1833 §3.2).
        self.change(
            UNSET,
            &entry,
            Some(netid.and_then(Netid::protocol).unwrap_or(0)),
        )
        .await
    }

    async fn change(
        &self,
        procedure: u32,
        entry: &Rpcb<'_>,
        protocol: Option<u32>,
    ) -> Result<bool, CallError> {
        let mut refusal = None;
        for rpcbind in [4, 3] {
            let procedure = Procedure::new(PROGRAM, rpcbind, procedure);
            match self.client.call(procedure, entry, &self.options).await {
                Err(error) if is_version_matter(&error) => refusal = Some(error),
                result => return result,
            }
        }
        let port = bind::parse_universal(entry.address).map_or(0, |address| address.port());
        match (protocol, refusal) {
            (Some(protocol), _) => {
                let entry = Mapping {
                    program: entry.program,
                    version: entry.version,
                    protocol,
                    port: u32::from(port),
                };
                let procedure = Procedure::new(PROGRAM, 2, procedure);
                self.client.call(procedure, &entry, &self.options).await
            }
            (None, Some(refusal)) => Err(refusal),
            (None, None) => Ok(false),
        }
    }
}

/// Asks the portmapper at `host` where a program is.
///
/// The answer's address is `host`, whatever the portmapper says, and its port the portmapper's: an address of a
/// network behind a translator would be of no use, and one of somebody else's a way to misdirect.
///
/// # Errors
/// [`ConnectError::Portmapper`] if there is no answer, [`ConnectError::NotRegistered`], [`ConnectError::BadAddress`].
///
/// # Cancel safety
/// Dropping it gives up.
pub async fn lookup(
    net: &Net,
    host: IpAddr,
    program: u32,
    version: u32,
    transport: Transport,
    config: &ClientConfig,
) -> Result<SocketAddr, ConnectError> {
    let peer = SocketAddr::new(host, config.portmapper_port);
    let failed = |error: CallError| ConnectError::Portmapper {
        at: peer.to_string().into(),
        error: Box::new(error),
    };
    // Whoever asks need not prove who they are, and has no use for a port below 1024.
    let mut plain = config.clone().auth(crate::auth::AuthNone);
    plain.reserved_port = false;
    let portmapper = Portmapper::at(net, peer, transport, plain)
        .await
        .map_err(|error| failed(CallError::Connect(Box::new(error))))?;
    let address = portmapper
        .address(program, version, Netid::of(transport, host))
        .await
        .map_err(failed)?
        .ok_or_else(|| ConnectError::NotRegistered {
            at: peer.to_string().into(),
            program,
            version,
        })?;
    let address = bind::parse_universal(&address).ok_or(ConnectError::BadAddress)?;
    Ok(SocketAddr::new(host, address.port()))
}

/// The local socket a program of this machine listens on, by its portmapper.
///
/// # Errors
/// As [`lookup`].
///
/// # Cancel safety
/// Dropping it gives up.
pub async fn lookup_local(
    net: &Net,
    program: u32,
    version: u32,
) -> Result<LocalAddr, ConnectError> {
    const AT: &str = "this machine";
    let failed = |error: CallError| ConnectError::Portmapper {
        at: AT.into(),
        error: Box::new(error),
    };
    let portmapper = Portmapper::local(net)
        .await
        .map_err(|error| failed(CallError::Connect(Box::new(error))))?;
    let path = portmapper
        .address(program, version, Netid::Local)
        .await
        .map_err(failed)?
        .ok_or_else(|| ConnectError::NotRegistered {
            at: AT.into(),
            program,
            version,
        })?;
    Ok(LocalAddr::path(path))
}

/// Arguments of CALLIT (version 2) and of BCAST and INDIRECT (versions 3 and 4): the same octets (RFC 1833 §2.1, §3.1).
#[derive(Clone, Debug)]
pub(crate) struct Indirect {
    pub(crate) procedure: Procedure,
    pub(crate) args: Bytes,
}

impl Encode for Indirect {
    fn encoded_len(&self) -> usize {
        opaque_len(self.args.len()).saturating_add(12)
    }

    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.u32(self.procedure.program);
        e.u32(self.procedure.version);
        e.u32(self.procedure.procedure);
        e.shared(&self.args, u32::MAX)
    }
}
