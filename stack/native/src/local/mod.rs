//! Local sockets: streams and datagrams between programs of one host, with no protocol underneath (`sockets.md` §15).
//!
//! [`Local`] is the whole domain of one host: its sockets, and the names that they are found by. It is told what
//! programs do and says which sockets became ready ([`Local::poll_notice`]); nothing takes time, so it has no timers.
//! What programs see is what Linux shows them:
//!
//! * A *path* names one socket of whatever kind; there is no file, and the name goes with its socket. An *abstract*
//!   name names one stream socket and one datagram socket.
//! * A stream connects to a listener, whose queue has room for one more than its backlog; beyond, connecting waits its
//!   turn without a time limit (LIP-4).
//! * Datagrams are neither lost nor reordered: a sender waits while the receiver's queue is full (LIP-4).
//! * Urgent data, keepalive, linger, broadcasts and address reuse do not exist here (LIP-5).
//!
//! | file | holds |
//! |---|---|
//! | `name.rs` | names, and who holds them |
//! | `socket.rs` | a socket and its states |
//! | `table.rs` | the sockets and names of a host; naming, closing, readiness |
//! | `stream.rs` | connecting, accepting, octets |
//! | `datagram.rs` | messages |

mod datagram;
mod name;
mod socket;
mod stream;
mod table;

#[cfg(test)]
mod tests;

pub use name::LocalName;
pub use socket::{Credentials, LocalKind, LocalNotice};
pub use table::{Local, LocalId, LocalReceived};
