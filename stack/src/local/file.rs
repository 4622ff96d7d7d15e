//! Binding, and the files it makes.

use super::LocalAddr;
use crate::error::NetError;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Makes a non-blocking socket of type `kind` and binds it; a stale file in the way is removed first.
pub(super) fn bind_system(
    address: &LocalAddr,
    kind: socket2::Type,
) -> Result<(socket2::Socket, Option<SocketFile>), NetError> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, kind, None)?;
    socket.set_nonblocking(true)?;
    let system = address.to_socket2()?;
    match socket.bind(&system) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => match address {
            LocalAddr::Path(path) if remove_stale(path)? => socket.bind(&system)?,
            _ => return Err(NetError::AddrInUse),
        },
        other => other?,
    }
    let file = match address {
        LocalAddr::Path(path) => SocketFile::of(path),
        LocalAddr::Abstract(_) | LocalAddr::Unnamed => None,
    };
    Ok((socket, file))
}

/// Removes the socket file at `path` if nobody listens there any more; says whether it did.
///
/// Anything but a socket is left alone. Two programs that do this at the same moment can remove each other's fresh
/// file; a lock file is the cure where that matters.
///
/// # Errors
/// The system's refusal to remove the file.
pub fn remove_stale(path: &Path) -> Result<bool, NetError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error.into()),
    }
    // Refused means that the file outlived its socket. A datagram socket answers a stream with "wrong type": in use.
    let probe = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(&socket2::SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// A file that binding made: removed when dropped, unless another has taken its place.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> Option<Self> {
        let made = fs::symlink_metadata(path).ok()?;
        // An absolute path still means the same file after a change of directory.
        let path = std::path::absolute(path).ok()?;
        Some(Self {
            path,
            device: made.dev(),
            inode: made.ino(),
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Ok(now) = fs::symlink_metadata(&self.path)
            && (now.dev(), now.ino()) == (self.device, self.inode)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(target: "net::local", path = %self.path.display(), %error, "socket file stays");
        }
    }
}
