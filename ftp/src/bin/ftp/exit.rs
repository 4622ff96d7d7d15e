//! How the program ends.

use fairway_ftp::{Error, ErrorKind, Name};
use std::fmt;
use std::io;
use std::process::ExitCode;

/// The exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was done.
    Done = 0,
    /// The server said no, or what arrived is not what was sent.
    Refused = 1,
    /// What was typed makes no sense, or a local file is not as needed.
    Usage = 2,
    /// No server answers, or it stopped answering.
    NoAnswer = 3,
    /// Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What is to be said; empty if all is said.
    pub(crate) text: String,
    /// Whether other files of the same server will fare no better.
    pub(crate) ends_all: bool,
}

impl Failure {
    /// The user asks for what makes no sense.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            text: text.into(),
            ends_all: false,
        }
    }

    /// The server's answer, or the lack of it, about `what`.
    pub(crate) fn ftp(what: impl fmt::Display, error: &Error) -> Self {
        let what = what.to_string();
        let text = match error.kind() {
            // The command says nothing that `what` does not.
            ErrorKind::Refused { reply, .. } if !what.is_empty() => reply.to_string(),
            // A literal address needs no second one behind it.
            ErrorKind::Connect { host, reason } if reason.starts_with(host.as_str()) => {
                reason.clone()
            }
            // The library's call is the tool's command.
            ErrorKind::Unsupported(what) => what.replace("a call for it", "a command for it"),
            _ => error.to_string(),
        };
        let text = match inner(error) {
            ErrorKind::Tls { .. } => certificate_hint(&text),
            _ => text,
        };
        let text = crate::output::clean(&text);
        Self {
            exit: exit_of(error),
            ends_all: ends_all(error),
            text: if what.is_empty() {
                text
            } else {
                format!("{what}: {text}")
            },
        }
    }

    /// All has been said already.
    pub(crate) const fn told(exit: Exit) -> Self {
        Self {
            exit,
            text: String::new(),
            ends_all: false,
        }
    }

    /// A failure with a reason of ours.
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::Refused,
            text: text.into(),
            ends_all: false,
        }
    }

    /// What the server says of something else than what was asked for.
    pub(crate) fn nothing_at(path: &Name) -> Self {
        Self::refused(format!(
            "{}: no such file or directory",
            crate::output::name(path.raw())
        ))
    }

    /// Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self {
            exit: Exit::Interrupted,
            text: "interrupted".into(),
            ends_all: true,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::ftp("", &error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// What happened, at whichever side of a copy between servers.
pub(crate) fn inner(error: &Error) -> &ErrorKind {
    match error.kind() {
        ErrorKind::Relay { error, .. } => inner(error),
        kind => kind,
    }
}

fn exit_of(error: &Error) -> Exit {
    match inner(error) {
        // Who reads our output has gone: nothing to complain about.
        ErrorKind::Local { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        ErrorKind::Argument { .. } | ErrorKind::Unsupported(_) | ErrorKind::Local { .. } => {
            Exit::Usage
        }
        ErrorKind::Host { .. }
        | ErrorKind::Connect { .. }
        | ErrorKind::Proxy { .. }
        | ErrorKind::Lost { .. }
        | ErrorKind::TimedOut { .. }
        | ErrorKind::PoolFull { .. }
        | ErrorKind::DataConnection { reply: None, .. }
        | ErrorKind::Aborted { reply: None, .. } => Exit::NoAnswer,
        _ => Exit::Refused,
    }
}

/// What to do about a certificate that nobody we trust vouches for.
fn certificate_hint(text: &str) -> String {
    // What TLS calls one that was made to sign others, itself among them, as most home-made ones are.
    let text = text.replace("CaUsedAsEndEntity", "self-signed");
    if text.ends_with("self-signed") || text.ends_with("unknown issuer") {
        text + "; --ca trusts who signed it, --pin this one alone"
    } else {
        text
    }
}

/// Whether the server is not there, or not for us.
fn ends_all(error: &Error) -> bool {
    matches!(
        inner(error),
        ErrorKind::Host { .. }
            | ErrorKind::Connect { .. }
            | ErrorKind::Proxy { .. }
            | ErrorKind::Unavailable { .. }
            | ErrorKind::Tls { .. }
            | ErrorKind::Login { .. }
            | ErrorKind::Lost { .. }
            | ErrorKind::TimedOut { .. }
            | ErrorKind::PoolFull { .. }
            | ErrorKind::Closed
    )
}

/// Whether `error` only says that the reader of our output has gone.
pub(crate) fn is_closed_pipe(error: &Error) -> bool {
    exit_of(error) == Exit::Done
}
