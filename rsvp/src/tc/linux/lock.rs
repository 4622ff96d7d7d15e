//! One at a time: who has the traffic control of a network namespace.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The name of a socket that nobody speaks to. Names that are no paths belong to the network namespace, as qdiscs and
/// tables do, and go with their process, however it ends.
const NAME: &str = "fairway-rsvp-tc";

/// Held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock(
    #[expect(dead_code, reason = "what matters is that it is open")] UnixDatagram,
);

impl Lock {
    /// Takes it for the network namespace of the calling thread.
    ///
    /// # Errors
    /// `AddrInUse` if another process has it, with how to find it; else what the system says.
    pub(super) fn take() -> io::Result<Self> {
        let name = SocketAddr::from_abstract_name(NAME)?;
        match UnixDatagram::bind_addr(&name) {
            Ok(socket) => Ok(Self(socket)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                format!(
                    "another process has the traffic control of this network namespace; \
                     `ss -xap src @{NAME}` shows which"
                ),
            )),
            Err(error) => Err(error),
        }
    }
}
