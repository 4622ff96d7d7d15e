//! Sockets of this machine only: names in the file system or in the abstract name space.

mod addr;
mod datagram;
mod file;
mod stream;

pub use addr::{Credentials, LocalAddr};
pub use datagram::{LocalDatagram, LocalMsgInfo};
pub use file::remove_stale;
pub use stream::{LocalListener, LocalReadHalf, LocalStream, LocalWriteHalf};
