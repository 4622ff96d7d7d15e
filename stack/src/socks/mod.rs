//! Connections through a SOCKS proxy: versions 4, 4a and 5, to call and to be called.
//!
//! ```
//! # use fairway_stack::socks::{self, Proxy, SocksError, Version};
//! # use fairway_stack::{Net, TcpStream};
//! # use std::net::SocketAddr;
//! async fn through(net: &Net, proxy: SocketAddr) -> Result<TcpStream, SocksError> {
//!     let proxy = Proxy::new(Version::V5, proxy).login("anna", "secret");
//!     // The proxy looks the name up.
//!     socks::connect(net, &proxy, ("ftp.example.org", 21)).await
//! }
//! ```
//!
//! ```text
//!  V5:  methods ──► Method ──(none asked)───────────► Reply ──► Done       CONNECT
//!                     │                                ▲ │
//!                     └─(login asked)─► Login ─(ok)────┘ └──► Peer ──► Done       BIND: two replies
//!  V4, 4a:  request ─────────────────────────────────► Reply …
//!                                     any of them ──► Failed
//! ```
//!
//! From the last reply on the connection is the caller's: not an octet behind it is read. [`Handshake`] is the protocol
//! without the connection.
//!
//! # Limits
//!
//! A proxy is heard for 262 octets per reply at most. Names have at most 255 octets, users and passwords 1 to 255. There
//! is no time limit but that of connecting to the proxy: put one around with [`Clock::timeout`](crate::Clock::timeout).
//!
//! # Standards
//!
//! RFC 1928 and RFC 1929; for version 4, the description it has always had (`sockets.md` section 18). Not offered: GSS-API
//! (RFC 1928 §3 asks for it, RFC 1961; proxies that insist on it are not seen any more), and UDP.

mod client;
mod error;
mod handshake;
mod proxy;
mod wire;

pub use client::{Binding, bind, connect};
pub use error::{Broken, Refusal, ReplyV4, ReplyV5, SocksError};
pub use handshake::{Command, Handshake, Output};
pub use proxy::{Host, Proxy, Target, Version};
