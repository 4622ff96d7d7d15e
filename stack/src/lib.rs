//! One asynchronous socket layer over the system's TCP/IP stack and our own.

#![forbid(unsafe_code)]

#[macro_use]
mod backend;
#[macro_use]
mod stream;
mod error;
mod files;
mod local;
mod manage;
mod net;
pub mod option;
mod raw;
mod resolve;
mod rng;
mod system;
mod task;
mod tcp;
mod time;
mod udp;

pub use error::{AcceptError, NetError};
pub use fairway_wire::Instant;
pub use files::Files;
pub use local::{
    Credentials, LocalAddr, LocalDatagram, LocalListener, LocalMsgInfo, LocalReadHalf, LocalStream,
    LocalWriteHalf, remove_stale,
};
pub use manage::{Interface, InterfaceAddress};
pub use net::{BACKLOG, Family, Net};
pub use raw::{IpProtocol, RawSocket};
pub use rng::Rng;
pub use task::{Task, TaskEnded};
pub use tcp::{CONNECT_TIME_LIMIT, TcpListener, TcpReadHalf, TcpSocket, TcpStream, TcpWriteHalf};
pub use time::{Clock, Elapsed, Timer};
pub use udp::{MsgInfo, Outgoing, RecvBatch, SendInfo, UdpSocket};
