//! The portmapper: which address a program listens on (RFC 1833).
//!
//! A server of ONC RPC listens wherever the system lets it; it tells the portmapper of its machine, which listens on port 111, and
//! clients ask there. This crate is that portmapper, versions 2 (portmap), 3 and 4 (rpcbind), as a library and as two programs in the place of
//! rpcbind's: `portmapd` and `rpcinfo`. It is no name service for other things, and keeps nothing of what it is not told.
//!
//! ```text
//!   x/pmap.x x/rpcb.x ── rpcgen ──► pmap, rpcb: types, clients, server traits
//!                                        │
//!  calls ─► v2  v3  v4 ─────────────► core ◄─── config, hosts, warm
//!            (portmapper: a lock,        │
//!             forwarded calls)  access ──┼── call_it ── stats
//!                                        ▼
//!                                     registry
//! ```
//!
//! [`core::Core`] is pure: it is told where a call comes from and gives the answer. [`Portmapper`] puts it behind a server:
//!
//! ```
//! use fairway_portmap::{Portmapper, core::Core, pmap::{Mapping, PmapV2Client}};
//! use fairway_rpc::{Client, ClientConfig, Server};
//! # use fairway_stack::{LocalAddr, Net};
//! # let path = std::env::temp_dir().join(format!("fairway-portmap-doc-{}", std::process::id()));
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let net = Net::system();
//! let portmapper = Portmapper::new(&net, Core::default());
//! let at = LocalAddr::path(&path);
//! let server = Server::builder(&net).registry(portmapper.services()).listen_local(at.clone()).start().await?;
//!
//! let client = PmapV2Client::new(Client::local(&net, &at, ClientConfig::default()).await?);
//! let nfs = Mapping { prog: 100_003, vers: 3, prot: 6, port: 2049 };
//! assert!(client.set(&nfs).await?);
//! assert_eq!(client.getport(&nfs).await?, 2049);
//! # drop(server);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Standards
//!
//! RFC 1833 whole; universal addresses as in RFC 5665. Octets and texts are rpcbind 1.2.6's and libtirpc 1.3.3's, which tests compare, with
//! these differences:
//!
//! * Arguments must be whole and without octets behind them (GARBAGE_ARGS); rpcbind takes the rest from its memory, or overlooks it.
//! * SET needs a netid and an address (RFC 1833 §2.2.1); both are bounded, and so are registrations in all and of one user.
//! * UNSET of all netids removes all of them that are the caller's; rpcbind stops at the first that is not.
//! * A port over 65 535 in an address is no port. GETADDRLIST leaves out netids it does not know; rpcbind then does not answer.
//! * A caller on loopback with a port below 1024 is the superuser in all versions; in rpcbind only in version 2.
//! * Over UDP, strangers get no lists and no indirect calls ([`access`]); rpcbind answers 40 octets with thousands.
//! * CALLIT is silent about denied calls, too (RFC 1833 §2.2.1); INDIRECT is answered over TCP as well; forwarded calls carry no credentials.
//! * LOCAL in `hosts.allow` is this machine, and domains are not understood: no name server is asked about callers ([`hosts`]).
//! * `rpcinfo -n` is obeyed; libtirpc's overlooks it.
//!
//! # Limits
//!
//! [`registry::Limits`], [`config::Limits`], [`stats::DEFAULT_LIST`], [`call_it::FORWARDS`] and
//! [`call_it::FORWARDS_PER_ADDRESS`]; a full table answers FALSE and counts.
#![forbid(unsafe_code)]

pub mod access;
pub mod address;
pub mod call_it;
pub mod client;
pub mod config;
pub mod core;
pub mod hosts;
pub mod portmapper;
pub mod registry;
pub mod report;
pub mod stats;
mod v2;
mod v3;
mod v4;
pub mod warm;

pub use portmapper::Portmapper;

/// Portmap, version 2: what `rpcgen` makes of `x/pmap.x`.
#[expect(
    clippy::missing_errors_doc,
    reason = "generated: every call can fail as CallError says"
)]
pub mod pmap {
    include!(concat!(env!("OUT_DIR"), "/pmap.rs"));
}

/// rpcbind, versions 3 and 4: what `rpcgen` makes of `x/rpcb.x`.
#[expect(
    clippy::missing_errors_doc,
    reason = "generated: every call can fail as CallError says"
)]
pub mod rpcb {
    include!(concat!(env!("OUT_DIR"), "/rpcb.rs"));
}
