//! One at a time: who has the traffic control of a network namespace.
//!
//! Two things say so, both of which belong to the network namespace, as qdiscs and tables do, and go with their process,
//! however it ends. A queue of netfilter, into which nothing is ever put: only who may change traffic control can have one.
//! And a socket with a name, which tools show: anybody can bind it, so that it counts only if root has it, or our own user.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use netlink_sys::protocols::NETLINK_NETFILTER;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt,
};
use rustix::process::{Uid, geteuid};
use tracing::warn;

use crate::netlink::{ACK, Channel, KernelError};

/// The name of a socket that nobody speaks to. Names that are no paths belong to the network namespace.
const NAME: &str = "fairway-rsvp-tc";

/// The number of the queue: "RP", as in the handle of our qdiscs.
const QUEUE: u16 = 0x5250;
/// `NFNL_SUBSYS_QUEUE`, `NFQNL_MSG_CONFIG`
const CONFIGURE: u16 = 3 << 8 | 2;
/// `NFQA_CFG_CMD`
const COMMAND: u16 = 1;
/// `NFQNL_CFG_CMD_BIND`: the queue is ours.
const BIND: u8 = 1;
/// `NFQNL_CFG_CMD_PF_BIND`: does nothing, for those who may.
const NOTHING: u8 = 3;

/// Held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    /// `None` where the kernel has no queues, or we may not have one.
    _queue: Option<Channel>,
    /// `None` if somebody has the name who has no business with it.
    _name: Option<UnixListener>,
}

impl Lock {
    /// Takes it for the network namespace of the calling thread.
    ///
    /// # Errors
    /// `AddrInUse` if another process has it, with how to find it; else what the system says.
    pub(super) fn take() -> io::Result<Self> {
        Ok(Self {
            _queue: take_queue()?,
            _name: take_name()?,
        })
    }
}

fn in_use() -> io::Error {
    io::Error::new(
        io::ErrorKind::AddrInUse,
        format!(
            "another process has the traffic control of this network namespace; \
             `ss -xlp src @{NAME}` shows which"
        ),
    )
}

fn take_queue() -> io::Result<Option<Channel>> {
    let mut channel = Channel::open(NETLINK_NETFILTER)?;
    // Without the right to it, and if another has the queue, the kernel's answer is the same: so this comes first.
    if command(&mut channel, NOTHING).is_err() {
        return Ok(None);
    }
    match command(&mut channel, BIND) {
        Ok(()) => Ok(Some(channel)),
        Err(error) if error.is_refusal() => Err(in_use()),
        Err(error) => {
            warn!(%error, "no queue of netfilter says that traffic control is ours");
            Ok(None)
        }
    }
}

fn command(channel: &mut Channel, command: u8) -> Result<(), KernelError> {
    channel.send(|out| {
        out.message(CONFIGURE, ACK, |out| {
            let [high, low] = QUEUE.to_be_bytes();
            out.octets(&[0, 0, high, low]);
            out.attribute(COMMAND, &[command, 0, 0, 0]);
        });
    })
}

fn take_name() -> io::Result<Option<UnixListener>> {
    let name = SocketAddr::from_abstract_name(NAME)?;
    match UnixListener::bind_addr(&name) {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let holder = holder();
            if holder
                .as_ref()
                .is_ok_and(|user| user.is_root() || *user == geteuid())
            {
                return Err(in_use());
            }
            let user = holder.ok().map(Uid::as_raw);
            warn!(
                name = NAME,
                user, "somebody else has the name of traffic control, who may not have it"
            );
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whose socket has the name, as long as it listens: ours does.
fn holder() -> Result<Uid, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(
        &socket,
        &SocketAddrUnix::new_abstract_name(NAME.as_bytes())?,
    )?;
    Ok(sockopt::socket_peercred(&socket)?.uid)
}
