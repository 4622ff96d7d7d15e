//! Names of local sockets, and who holds them.

use crate::error::NetError;
use socket2::SockAddr;
use std::ffi::OsStr;
use std::fmt;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::path::{Path, PathBuf};

/// The name of a local socket.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum LocalAddr {
    /// A file: at most 107 octets.
    Path(PathBuf),
    /// A name outside the file system, gone with its socket; anyone on the machine may connect to it. At most 107
    /// octets, any values.
    Abstract(Vec<u8>),
    /// No name: the usual state of the connecting side.
    Unnamed,
}

impl LocalAddr {
    /// A name in the file system.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::Path(path.into())
    }

    /// A name in the abstract name space, without the leading zero octet.
    pub fn abstract_name(name: impl Into<Vec<u8>>) -> Self {
        Self::Abstract(name.into())
    }

    /// As the standard library wants a peer. No name is no peer.
    pub(super) fn to_std(&self) -> Result<UnixAddr, NetError> {
        match self {
            Self::Path(path) => Ok(UnixAddr::from_pathname(path)?),
            Self::Abstract(name) => Ok(UnixAddr::from_abstract_name(name)?),
            Self::Unnamed => Err(NetError::DestAddrReq),
        }
    }

    /// As the generic socket calls want it. No name makes binding choose one (LIP-3).
    pub(super) fn to_socket2(&self) -> Result<SockAddr, NetError> {
        Ok(match self {
            Self::Path(path) if path.as_os_str().is_empty() => return Err(NetError::Inval),
            Self::Path(path) => SockAddr::unix(path)?,
            // A leading zero octet makes the name abstract (unix(7)).
            Self::Abstract(name) => {
                SockAddr::unix(OsStr::from_bytes(&[&[0], name.as_slice()].concat()))?
            }
            Self::Unnamed => SockAddr::unix("")?,
        })
    }

    pub(super) fn from_system(address: &UnixAddr) -> Self {
        match (address.as_pathname(), address.as_abstract_name()) {
            (Some(path), _) => Self::Path(path.to_owned()),
            (None, Some(name)) => Self::Abstract(name.to_owned()),
            (None, None) => Self::Unnamed,
        }
    }
}

/// A path as it is, `@name` for an abstract name, `-` for none.
impl fmt::Display for LocalAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{}", OsStr::from_bytes(name).display()),
            Self::Unnamed => f.write_str("-"),
        }
    }
}

impl fmt::Debug for LocalAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalAddr({self})")
    }
}

impl From<&Path> for LocalAddr {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl From<PathBuf> for LocalAddr {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

/// Who is at the other end, as the system saw it when the connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
    /// Process, where the system tells.
    pub pid: Option<i32>,
}
