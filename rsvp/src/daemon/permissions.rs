//! Local sockets that are for some users only.

use std::os::unix::fs::lchown;
use std::path::Path;

use fairway_stack::{LocalAddr, LocalListener, Net, NetError};
use nix::sys::stat::{Mode as SystemMode, umask};
use nix::unistd::Group;

use super::config::Mode;

/// Listens on a local socket that has these permissions from its first moment, and belongs to `group` if one is named.
///
/// The process's mask is changed for the moment: to be called before there are threads that make files. On a host of our
/// own, which has no users, permissions mean nothing, and the process's mask stays as it is.
///
/// # Errors
/// Those of [`Net::listen_local`]; [`NetError::NotFound`] for a group that is none; [`NetError::Perm`] for one that is not
/// ours to give: the owner gives a file to groups of its own only, root to any.
pub(super) fn listen(
    net: &Net,
    path: &Path,
    mode: Mode,
    group: &str,
) -> Result<LocalListener, NetError> {
    if !net.is_system() {
        return net.listen_local(&LocalAddr::path(path));
    }
    let old = umask(SystemMode::from_bits_truncate(0o777 & !mode.0));
    let listener = net.listen_local(&LocalAddr::path(path));
    umask(old);
    let listener = listener?;
    if !group.is_empty() {
        let group = Group::from_name(group).map_err(std::io::Error::from)?;
        let group = group.ok_or(NetError::NotFound)?;
        // Of the socket itself, should somebody have put a link in its place.
        lchown(path, None, Some(group.gid.as_raw()))?;
    }
    Ok(listener)
}
