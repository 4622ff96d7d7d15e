//! From root to the user that serves.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, lchown};
use std::path::{Path, PathBuf};

use fairway_portmap::config::Config;
use fairway_portmap::warm::{RPCBIND_FILES, STATE_FILE};
use fairway_service::{become_user, wanted_user};
use nix::unistd::{AccessFlags, access, geteuid};
use tracing::{debug, warn};

/// Makes the state directory, and gives it and the files in it to the user that will write them.
///
/// A directory of root's that holds other things than registrations stays root's: it may be `/run` itself.
pub(crate) fn make_state_directory(config: &Config) {
    let directory = &config.state_directory;
    match std::fs::DirBuilder::new().mode(0o755).create(directory) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => {
            warn!(%error, directory = %directory.display(), "cannot make the state directory");
            return;
        }
    }
    let Some(user) = wanted_user(&config.user) else {
        return;
    };
    let (uid, gid) = (Some(user.uid.as_raw()), Some(user.gid.as_raw()));
    for path in state_paths_of_root(directory).unwrap_or_default() {
        if let Err(error) = lchown(&path, uid, gid) {
            warn!(%error, path = %path.display(), "cannot give the state away");
        }
    }
}

/// The directory and the files in it, if it is root's alone and made for registrations.
fn state_paths_of_root(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let about = std::fs::symlink_metadata(directory)?;
    let others_write = about.mode() & 0o022 != 0;
    if !about.is_dir() || about.uid() != 0 || others_write {
        return Ok(Vec::new());
    }
    let mut paths = vec![directory.to_owned()];
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if !is_state(&entry.file_name()) || !entry.file_type()?.is_file() {
            return Ok(Vec::new());
        }
        paths.push(entry.path());
    }
    Ok(paths)
}

/// Whether a file of that name holds registrations.
fn is_state(name: &OsStr) -> bool {
    name == STATE_FILE || RPCBIND_FILES.iter().any(|file| name == *file)
}

/// Says at once, and not when they are lost, that registrations cannot be saved.
pub(crate) fn check_state_directory(config: &Config) {
    let directory = &config.state_directory;
    if let Err(error) = access(directory, AccessFlags::W_OK | AccessFlags::X_OK) {
        warn!(
            %error, directory = %directory.display(), user = %geteuid(),
            "registrations cannot be saved: this user may not write in the state directory"
        );
    }
}

/// Becomes the user to serve as, if started as root.
pub(crate) fn drop_privileges(config: &Config) -> Result<(), String> {
    let Some(user) = wanted_user(&config.user) else {
        if geteuid().is_root() && !config.user.is_empty() {
            return Err(format!("none of the users {:?} exists", config.user));
        }
        return Ok(());
    };
    become_user(&user).map_err(|error| error.to_string())?;
    debug!(user = user.name, "privileges dropped");
    Ok(())
}
