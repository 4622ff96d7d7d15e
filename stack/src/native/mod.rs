//! Hosts of our own stack: a [`Host`] holds an engine ([`Stack`]), and a [`Net`](crate::Net) of it works like the
//! machine's own.
//!
//! Programs need nothing of this module. It is for those who make hosts: `fairway-sim`, which puts them on simulated
//! links in virtual time, and drivers of real devices.
//!
//! ```text
//!   sockets, options, queries ──► Host::with ──► Stack (behind one lock)
//!                                    │
//!              afterwards:  1. the Port of each interface that has frames takes them     still locked
//!                           2. the Alarm hears when the engine has to be called earlier
//!                           3. unlock
//!                           4. wake who waited
//! ```
//!
//! ```
//! use fairway_native::{Setup, Stack};
//! use fairway_stack::native::Host;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
//! # runtime.block_on(async {
//! // A host of its own, in real time, that knows nobody but itself.
//! let net = Host::real_time(Stack::new(Setup::new("alone", [7; 32]))).net();
//! let server = net.bind_udp("127.0.0.1:7".parse().unwrap()).unwrap();
//! let client = net.bind_udp("127.0.0.1:0".parse().unwrap()).unwrap();
//! client.send_to(b"hello", server.local_addr().unwrap()).await.unwrap();
//! assert_eq!(server.recv_from(&mut [0; 8]).await.unwrap(), (5, client.local_addr().unwrap()));
//! # });
//! ```

mod errno;
mod exclusive;
mod files;
mod host;
pub(crate) mod local;
mod manage;
mod names;
mod option;
mod queue;
mod real_time;
mod socket;
mod stream;
mod task;
mod tcp;
mod udp;
mod ways;

pub use exclusive::{Exclusive, Held};
pub use fairway_native::Stack;
pub(crate) use files::{MemoryFile, MemoryFiles};
pub use host::{Alarm, Host, HostConfig, Port};
pub(crate) use local::{NativeLocalDatagram, NativeLocalListener};
pub use manage::Messages;
pub use names::Names;
#[doc(hidden)]
pub use socket::Socket;
pub(crate) use socket::v4;
pub(crate) use stream::{Half, NativeStream};
pub(crate) use task::NativeTask;
pub(crate) use tcp::{NativeListener, NativeTcpSocket};
pub(crate) use udp::NativeDatagram;
pub use ways::Changes;
