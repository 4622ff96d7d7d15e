//! How a daemon ends.

use std::process::ExitCode;

/// Exit codes of a daemon, as its help lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: ended as told.
    Done,
    /// 1: the system said no.
    System,
    /// 2: wrong usage or configuration.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::System => 1,
            Exit::Usage => 2,
        })
    }
}
