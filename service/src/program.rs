//! What a daemon says before there is a log, or in place of serving.

use core::fmt;
use std::io::Write as _;

use crate::Exit;

/// A daemon, by the name that its lines on standard error begin with.
#[derive(Clone, Copy, Debug)]
pub struct Program(pub &'static str);

impl Program {
    /// What clap has to say of a command line: help that was asked for is no failure.
    #[must_use]
    pub fn usage(self, usage: &clap::Error) -> Exit {
        // Without standard error there is nobody to tell.
        let _ = usage.print();
        if usage.use_stderr() {
            Exit::Usage
        } else {
            Exit::Done
        }
    }

    /// `NAME: error`, and how the daemon ends by it.
    #[must_use]
    pub fn failed(self, exit: Exit, error: impl fmt::Display) -> Exit {
        self.say(error);
        exit
    }

    /// `--print-config`: the effective file, on standard output.
    #[must_use]
    pub fn print_config(self, toml: &str) -> Exit {
        // A closed pipe is a quiet success.
        let _ = std::io::stdout().write_all(toml.as_bytes());
        Exit::Done
    }

    /// `--check-config`: there was no fault.
    #[must_use]
    pub fn config_is_good(self) -> Exit {
        self.say("configuration is good");
        Exit::Done
    }

    /// A line on standard error.
    pub fn say(self, what: impl fmt::Display) {
        let _ = writeln!(std::io::stderr(), "{}: {what}", self.0);
    }
}
