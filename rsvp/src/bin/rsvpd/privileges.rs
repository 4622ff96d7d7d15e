//! From root with all its rights to a user with two of them.

use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, lchown};
use std::path::Path;

use fairway_rsvp::daemon::config::Config;
use fairway_service::{become_user, wanted_user};
use nix::unistd::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
};
use tracing::{debug, warn};

/// What the daemon needs as long as it lives: packets with others' addresses, and traffic control.
const KEPT: CapabilitySet = CapabilitySet::NET_ADMIN.union(CapabilitySet::NET_RAW);

/// Makes the directories of the sockets where they are missing, for the user that will have to remove them.
pub(crate) fn make_directories(config: &Config) {
    let user = wanted_user(&config.user);
    for socket in [&config.control_socket, &config.rapi_socket] {
        let Some(directory) = socket.parent().filter(|path| *path != Path::new("")) else {
            continue;
        };
        match std::fs::DirBuilder::new().mode(0o755).create(directory) {
            Ok(()) => {
                if let Some(user) = &user
                    && let Err(error) =
                        lchown(directory, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                {
                    warn!(%error, directory = %directory.display(), "cannot give the directory away");
                }
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                warn!(%error, directory = %directory.display(), "cannot make the directory");
            }
        }
    }
}

/// Becomes the user, with its groups, if started as root, and drops all rights but two, for good: what it might execute gets
/// none.
///
/// Only this thread's rights: to be called before there are others.
pub(crate) fn drop_privileges(config: &Config) -> Result<(), String> {
    let said = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    let had = capabilities(None).map_err(|error| said("capget")(error.into()))?;
    set_no_new_privs(true).map_err(|error| said("no new privileges")(error.into()))?;
    if had.effective.contains(CapabilitySet::SETPCAP) {
        narrow().map_err(|error| said("bounding set")(error.into()))?;
    }
    if geteuid().is_root() && wanted_user(&config.user).is_none() && !config.user.is_empty() {
        warn!(user = ?config.user, "no such user: serving as root, with few rights");
    }
    if let Some(user) = wanted_user(&config.user) {
        set_keep_capabilities(true).map_err(|error| said("keep capabilities")(error.into()))?;
        become_user(&user).map_err(|error| said(error.call)(error.errno.into()))?;
        debug!(user = user.name, "user changed");
    }
    // Of those it was given: a service manager may have kept some back.
    let kept = had.permitted.intersection(KEPT);
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).map_err(|error| said("capset")(error.into()))?;
    debug!(kept = ?kept, "privileges dropped");
    Ok(())
}

/// Takes out of the bounding set what is not kept.
fn narrow() -> Result<(), rustix::io::Errno> {
    for number in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << number);
        if KEPT.contains(one) {
            continue;
        }
        match capability_is_in_bounding_set(one) {
            Ok(true) => remove_capability_from_bounding_set(one)?,
            Ok(false) => {}
            // The kernel knows no more of them.
            Err(rustix::io::Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
