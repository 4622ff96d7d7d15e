//! From root to the user that serves.

use std::os::unix::fs::DirBuilderExt as _;

use fairway_portmap::config::Config;
use nix::unistd::{User, chown, geteuid, setgid, setgroups, setuid};
use tracing::{debug, warn};

/// The user to become, if there is one to become.
fn wanted_user(config: &Config) -> Option<User> {
    if !geteuid().is_root() {
        return None;
    }
    config
        .user
        .iter()
        .find_map(|name| User::from_name(name).ok().flatten())
}

pub(crate) fn make_state_directory(config: &Config) {
    let directory = &config.state_directory;
    if directory.exists() {
        return;
    }
    if let Err(error) = std::fs::DirBuilder::new().mode(0o755).create(directory) {
        warn!(%error, directory = %directory.display(), "cannot make the state directory");
        return;
    }
    if let Some(user) = wanted_user(config)
        && let Err(error) = chown(directory, Some(user.uid), Some(user.gid))
    {
        warn!(%error, directory = %directory.display(), "cannot give the state directory away");
    }
}

/// Drops groups, group and user, in this order: without the user there is no right to the others.
pub(crate) fn become_user(config: &Config) -> Result<(), String> {
    let Some(user) = wanted_user(config) else {
        if geteuid().is_root() && !config.user.is_empty() {
            return Err(format!("none of the users {:?} exists", config.user));
        }
        return Ok(());
    };
    let said = |what: &'static str| move |error: nix::Error| format!("{what}: {error}");
    setgroups(&[]).map_err(said("setgroups"))?;
    setgid(user.gid).map_err(said("setgid"))?;
    setuid(user.uid).map_err(said("setuid"))?;
    debug!(user = user.name, "privileges dropped");
    Ok(())
}
