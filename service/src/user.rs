//! From root to the user that serves.

use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{User, geteuid, initgroups, setgid, setuid};

/// The user to become: the first of `names` that exists. None if none does, or if the daemon is not root: it stays who
/// it is.
#[must_use]
pub fn wanted_user(names: &[String]) -> Option<User> {
    if !geteuid().is_root() {
        return None;
    }
    names
        .iter()
        .find_map(|name| User::from_name(name).ok().flatten())
}

/// What `--user NAME` puts in the place of the configured users: that one, or none for an empty name.
///
/// # Errors
/// There is no such user, in words.
pub fn user_of_flag(name: &str) -> Result<Vec<String>, String> {
    if name.is_empty() {
        return Ok(Vec::new());
    }
    match User::from_name(name) {
        Ok(Some(_)) => Ok(vec![name.to_owned()]),
        _ => Err(format!("--user {name}: no such user")),
    }
}

/// Which step to another user the system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {errno}")]
pub struct BecomeError {
    /// The system call.
    pub call: &'static str,
    /// Its error.
    pub errno: nix::Error,
}

/// Takes the user's groups in place of root's, its group and itself, in this order: without root there is no right to the
/// others. The groups are all that the user is in: what is read once more later, a file of keys perhaps, may be another
/// group's.
///
/// # Errors
/// The first step that the system refuses; those before it are done.
pub fn become_user(user: &User) -> Result<(), BecomeError> {
    let at = |call| move |errno| BecomeError { call, errno };
    let name = CString::new(user.name.as_str()).map_err(|_| at("initgroups")(Errno::EINVAL))?;
    initgroups(&name, user.gid).map_err(at("initgroups"))?;
    setgid(user.gid).map_err(at("setgid"))?;
    setuid(user.uid).map_err(at("setuid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_names_one_user_that_exists_or_none() {
        assert_eq!(user_of_flag("").unwrap(), Vec::<String>::new());
        assert_eq!(user_of_flag("root").unwrap(), ["root"]);
        let error = user_of_flag("no such").unwrap_err();
        assert_eq!(error, "--user no such: no such user");
    }

    #[test]
    fn root_becomes_the_first_that_exists() {
        let names = ["no such", "daemon", "root"].map(str::to_owned);
        let wanted = wanted_user(&names).map(|user| user.name);
        let expected = geteuid().is_root().then(|| "daemon".to_owned());
        assert_eq!(wanted, expected);
        assert_eq!(wanted_user(&names[..1]), None);
    }
}
