//! One asynchronous socket layer over the system's TCP/IP stack and our own in-process one.
//!
//! A program holds a [`Net`]: its host's network. From it come all sockets, the clock, randomness, files, names and
//! tasks, so that the same program runs on the machine's stack or inside a simulated internetwork without a change.
//!
//! ```text
//!            Net ── clock() rng() files() spawn() lookup() interfaces()
//!             │
//!    ┌────────┼───────────┬──────────────┬─────────────┐
//!   TcpSocket UdpSocket  RawSocket   LocalListener  LocalDatagram      typed options: option
//!   TcpListener                      LocalStream                       errors: NetError
//!   TcpStream
//!    └────────┴───────────┴──────┬───────┴─────────────┘
//!                    one branch: Backend
//!                    system: tokio, socket2, nix, rustix     (native: our own TCP/IP engine)
//! ```
//!
//! ```
//! use fairway_stack::{Net, NetError, SendInfo, option};
//! use std::io::IoSlice;
//! use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
//!
//! async fn greet(net: Net) -> std::io::Result<()> {
//!     // A stream: tokio's traits, options by type.
//!     let listener = net.listen_tcp("127.0.0.1:0".parse().unwrap())?;
//!     let mut client = net.connect_tcp(listener.local_addr()?).await?;
//!     let (mut server, _peer) = listener.accept().await.map_err(NetError::from)?;
//!     client.set(option::NoDelay, true)?;
//!     client.write_all(b"hello").await?;
//!     let mut buf = [0; 5];
//!     server.read_exact(&mut buf).await?;
//!     assert_eq!(&buf, b"hello");
//!
//!     // A datagram, and the answer from the address that was asked, although the server is bound to all.
//!     let server = net.bind_udp("0.0.0.0:0".parse().unwrap())?;
//!     let client = net.bind_udp("127.0.0.1:0".parse().unwrap())?;
//!     let address = (std::net::Ipv4Addr::LOCALHOST, server.local_addr()?.port()).into();
//!     client.send_to(b"who?", address).await?;
//!     let (_, question) = server.recv_msg(&mut [0; 64]).await?;
//!     server.send_msg(&[IoSlice::new(b"me")], &SendInfo::reply_to(&question)).await?;
//!     assert_eq!(client.recv_from(&mut [0; 64]).await?, (2, address));
//!     Ok(())
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(greet(Net::system())).unwrap();
//! ```
//!
//! # What it is
//!
//! * Concrete types: every socket is a struct with the back end inside. The system path costs one branch and no
//!   allocation over bare tokio, and makes the same system calls.
//! * Readiness without waste: a short read or write forgets readiness, so that the next wait is for news.
//! * Datagrams with their circumstances: destination, interface and time to live of each arrival, source, interface
//!   and time to live of each departure, several in one system call ([`RecvBatch`]), and ICMP errors that come back.
//! * Raw sockets for routing daemons: router alert, foreign sources, included headers, groups by interface index.
//! * Options by type ([`option`]): one that a kind of socket does not have does not compile.
//! * Errors with the BSD and `SOCE…` names and numbers ([`NetError`]); errors of accepting by what to do about them
//!   ([`AcceptError`]).
//!
//! * Hosts of our own ([`native`]): a whole TCP/IP stack in this process, on simulated networks (`fairway-sim`), in real
//!   time, or on a TUN or TAP device, with the same [`Net`] for its programs. A call costs a lock that nobody else wants,
//!   and allocates nothing; who waits is woken after it is released.
//! * Connections through SOCKS proxies ([`socks`]), to call and to be called.
//! * Files ([`Net::files`]) whole or by offsets, with the caller's buffers, on a disk or in a host's memory.
//! * An administrator's side ([`Net::manage`]): interfaces, routes, neighbours, multicast routes, queues that keep
//!   reservations ([`qos`]), counters, parameters by name and number, messages.
//!
//! # What it is not
//!
//! No TLS, no HTTP, no thread pool: tokio's runtime drives it, either flavour. The system back end is Linux's.
//! Descriptors that a peer passes over local sockets are not taken.
//!
//! # Where it leaves the tradition
//!
//! * IPv6 sockets carry IPv6 only ([`option::V6Only`]), so that both wildcards can be bound.
//! * No call blocks, so `SO_RCVTIMEO` and `SO_SNDTIMEO` are [`Clock::timeout`]; cancelling (`so_cancel`) is dropping the
//!   future, and every async method says under "Cancel safety" what that means.
//!
//! # Where the back ends differ
//!
#![doc = include_str!("../doc/differences.md")]
//!
//! Options that a back end lacks: see [`option`](option#what-a-back-end-lacks).
//!
//! # Limits
//!
//! 32 datagrams per batch, [`BACKLOG`] connections not yet accepted, [`CONNECT_TIME_LIMIT`] to connect; the rest is the
//! system's, or what the native host was made with ([`fairway_native::Limits`]).

#![forbid(unsafe_code)]

#[macro_use]
mod backend;
#[macro_use]
mod stream;
#[cfg(feature = "tun")]
pub mod device;
mod error;
mod files;
mod local;
mod manage;
pub mod native;
mod net;
pub mod option;
mod raw;
mod resolve;
mod rng;
pub mod socks;
mod system;
mod task;
mod tcp;
mod time;
mod udp;

/// Reservations on the queues of interfaces: what [`Manage`] is told and answers.
pub mod qos {
    pub use crate::manage::queue::{FlowState, LinkShare, ReserveError};
    pub use fairway_native::qos::{
        AdmissionError, ErrorTerms, Excess, FairQueue, Filter, FilterId, FlowId, FlowStats,
        Flowspec, Policing, QueueStats, ReserveOptions, Service, Tspec,
    };
    pub use fairway_native::stack::Offer;
}

pub use error::{AcceptError, NetError};
pub use fairway_native::event::{Message, MessageId, MessageKind};
pub use fairway_native::mgmt::{Counters, Parameter, ParameterKind, Setting, Statistics};
pub use fairway_native::stack::{Clear, Old};
pub use fairway_native::tcp::TcpInfo;
pub use fairway_wire::{Instant, MacAddr};
pub use files::{CreateOptions, DirEntry, Existing, File, FileKind, Files, Metadata};
pub use local::{
    Credentials, LocalAddr, LocalDatagram, LocalListener, LocalMsgInfo, LocalReadHalf, LocalStream,
    LocalWriteHalf, remove_stale,
};
pub use manage::ways::{MulticastRoute, Way};
pub use manage::{Interface, InterfaceAddress, Manage, Neighbor, Route, RouteOrigin};
pub use net::{BACKLOG, Family, Net};
pub use raw::{IpProtocol, RawSocket};
pub use rng::Rng;
pub use task::{Task, TaskEnded};
pub use tcp::{CONNECT_TIME_LIMIT, TcpListener, TcpReadHalf, TcpSocket, TcpStream, TcpWriteHalf};
pub use time::{Clock, Elapsed, Timer, VirtualClock};
pub use udp::{MsgInfo, Outgoing, RecvBatch, SendInfo, UdpSocket};
