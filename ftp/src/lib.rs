//! An FTP client: calls that look stateless over a pool of connections, FTPS, and copies from server to server.
//!
//! ```no_run
//! use fairway_ftp::{Client, Error, Server, Tls};
//! use fairway_stack::Net;
//!
//! # async fn example() -> Result<(), Error> {
//! let client = Client::new(Net::system());
//! let site = client.site(Server::new("ftp.example.org").login("anna", "secret").tls(Tls::Explicit));
//!
//! // The first call logs in; the next ones find the connection.
//! site.put("reports/may.pdf").from_file("may.pdf").await?;
//! for entry in site.list(Some(&"reports".into())).await? {
//!     println!("{:>10} {}", entry.size.unwrap_or(0), entry.name_lossy());
//! }
//! // Goes on where an earlier one ended, and takes itself up again when the connection breaks.
//! let report = site.get("images/disk.iso").resume(true).to_file("disk.iso").await?;
//! println!("{} octets in {:?}", report.octets, report.time);
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//!   Calls, blocking          the classic API by its names; a wrapper for programs without async
//!        │
//!   Client ── Site ── Get Put Entries … Download Upload      relay: server to server
//!        │
//!   pool: connections logged in, lent to one call at a time
//!        │
//!   link: the I/O of one control and one data connection ── tls
//!        │
//!   session: what is said, without I/O      data: type, mode and structure      list: listings
//!        │
//!   command  reply  answer  feature  name
//! ```
//!
//! # What it is
//!
//! * A pool of up to 256 connections ([`Limits`]), each used by one call at a time, replaced when it turns out to have
//!   died, closed when idle for long. Every call may be dropped at any time: the connection gets back in step by itself.
//! * Never out of step: [replies](reply) are read as servers write them, and after a transfer that was given up a marker
//!   tells which reply is whose.
//! * [Listings](list) in more than thirty dialects, with the present and the server's zone as arguments.
//! * Transfers that are taken up again where they broke, and never twice: an append goes on only where it is known what
//!   was there before.
//! * Copies that are checked by size or [digest](verify) and mended once; large files over several connections
//!   ([`Get::segments`]), many files over the pool ([`Batch`]).
//! * [Proxies](proxy): SOCKS 4, 4a and 5, HTTP `CONNECT` and `user@host`, for control and data alike.
//! * The classic API [by its names](calls), and everything [without async](blocking).
//! * [TLS](tls) by rustls, explicit and implicit, with sessions resumed on every data connection, which strict servers
//!   insist on; certificates are checked.
//! * Types A, E, I and L 8, modes S, B, C and Z, structures F and R ([`Representation`]).
//!
//! # What it is not
//!
//! No server, no SFTP (another protocol). Page structure is not offered.
//!
//! # Safety
//!
//! * No argument can hold CR, LF or NUL. Passwords appear in no log, trace or `Debug`.
//! * The data connection goes to the host of the control connection, whatever a 227 says, and is accepted from it alone
//!   ([`Server::trust_passive_address`] for servers that need otherwise).
//! * Nothing a server sends makes memory grow beyond [`Limits`], [`reply::ReplyLimits`] and [`list::Limits`].
//! * A download is complete only if the server said so *and*, under TLS, closed its side in order. An upload that is
//!   given up is cut off in a way that no server takes for the end of the file.
//!
//! # Standards
//!
//! RFC 959, 1123 §4.1, 2228 and 4217 (TLS only), 2389, 2428, 2577 §3–5 (client's side), 2640, 3659;
//! draft-bryan-ftpext-hash; RFC 1928, 1929 and 9110 §9.3.6 towards proxies. Left out: `LPRT`
//! (RFC 1639), STRU P, and what nobody serves any more. Where servers bend the RFCs, the client follows the servers:
//! the places say so.
//!
//! # Features
//!
//! `tls` (default): FTPS. Without it, [`Tls`] other than none fails.
//!
//! `tool` (default): the program `ftp` and what only it needs. Turn the default features off where the library is all
//! that is wanted.

#![forbid(unsafe_code)]

pub mod answer;
mod batch;
pub mod blocking;
pub mod calls;
mod client;
pub mod command;
pub mod data;
mod directory;
mod error;
mod feature;
mod link;
pub mod list;
mod name;
mod pool;
pub mod proxy;
mod relay;
pub mod reply;
mod segments;
mod server;
pub mod session;
mod site;
mod stream;
mod tasks;
#[cfg(feature = "tls")]
pub mod tls;
mod transfer;
pub mod verify;

pub use batch::Batch;
pub use client::{Client, Connections, Limits, TraceSink};
pub use directory::{Entries, ListOptions};
pub use error::{Error, ErrorKind, ErrorNumber, Phase};
pub use feature::Features;
pub use name::{Charset, Name};
pub use proxy::Proxy;
pub use relay::{Addressing, Orientation, Protection, Relay, RelayReport, Side, Verified};
pub use server::{DataMode, IMPLICIT_PORT, PORT, Server};
pub use session::Tls;
pub use site::Site;
pub use stream::{Download, Representation, Upload};
pub use transfer::{Get, Progress, ProgressSink, Put, Report};
pub use verify::Verify;
