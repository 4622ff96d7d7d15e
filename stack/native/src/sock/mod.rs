//! Sockets as the engine knows them: a table of endpoints, their options, and who waits for them.

mod options;
mod table;
mod wait;

pub(crate) use options::size;
pub use options::{MtuDiscovery, SocketOptions};
pub use table::SocketId;
pub(crate) use table::{Kind, Socket, Table};
pub(crate) use wait::Waiters;
pub use wait::{Interest, Readiness};
