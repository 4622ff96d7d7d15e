//! Commands of the control connection (RFC 959 §4.1): a verb, perhaps an argument, CR LF.

use std::fmt;

/// Longest argument that is sent; servers read lines of about this length (vsftpd and Pure-FTPd 4096).
pub const ARGUMENT_LIMIT: usize = 4096;

/// A command, ready to be sent.
///
/// An argument with CR, LF or NUL is refused when the command is made, whatever it is for: it would end the line and
/// start another command of a stranger's choice (RFC 2577 calls for care, CVE-2022-22844 and its like show why).
///
/// ```
/// use fairway_ftp::command::Command;
///
/// let mut line = Vec::new();
/// Command::with("RETR", "notes.txt")?.encode(&mut line);
/// assert_eq!(line, b"RETR notes.txt\r\n");
/// assert!(Command::with("DELE", "a\r\nDELE b").is_err());
/// # Ok::<(), fairway_ftp::command::ArgumentError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    verb: &'static str,
    argument: Option<Vec<u8>>,
    secret: bool,
}

impl Command {
    /// A command without argument.
    #[must_use]
    pub const fn new(verb: &'static str) -> Self {
        Self {
            verb,
            argument: None,
            secret: false,
        }
    }

    /// A command with one argument, sent after a single blank.
    ///
    /// # Errors
    /// [`ArgumentError`] names the octet that cannot be sent, or that there are too many.
    pub fn with(verb: &'static str, argument: impl AsRef<[u8]>) -> Result<Self, ArgumentError> {
        let argument = argument.as_ref();
        check(argument)?;
        Ok(Self {
            verb,
            argument: Some(argument.to_vec()),
            secret: false,
        })
    }

    /// A command whose argument appears nowhere but on the wire (`PASS`, `ACCT`).
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub fn secret(verb: &'static str, argument: impl AsRef<[u8]>) -> Result<Self, ArgumentError> {
        Ok(Self {
            secret: true,
            ..Self::with(verb, argument)?
        })
    }

    /// A whole line of the caller's, as the classic `quote` sends it; without its end.
    ///
    /// A `PASS`, `ACCT` or `ADAT` in it is as secret as one of our own.
    ///
    /// # Errors
    /// As [`with`](Self::with); [`ArgumentError::Empty`] for an empty line.
    pub fn raw(line: impl AsRef<[u8]>) -> Result<Self, ArgumentError> {
        let line = line.as_ref();
        check(line)?;
        let first = line.split(|octet| *octet == b' ').find(|w| !w.is_empty());
        let Some(first) = first else {
            return Err(ArgumentError::Empty);
        };
        let secret = [&b"PASS"[..], b"ACCT", b"ADAT"];
        Ok(Self {
            verb: "",
            secret: secret.iter().any(|verb| first.eq_ignore_ascii_case(verb)),
            argument: Some(line.to_vec()),
        })
    }

    /// The verb in capitals; of a [`raw`](Self::raw) line its first word as it was written.
    #[must_use]
    pub fn verb(&self) -> std::borrow::Cow<'_, str> {
        match (&self.argument, self.verb) {
            (Some(line), "") => {
                let word = line.split(|octet| *octet == b' ').find(|w| !w.is_empty());
                String::from_utf8_lossy(word.unwrap_or_default())
            }
            _ => self.verb.into(),
        }
    }

    /// Whether it is the caller's own line.
    pub(crate) const fn is_raw(&self) -> bool {
        self.verb.is_empty()
    }

    /// What follows the verb; of a [`raw`](Self::raw) line, the whole.
    #[must_use]
    pub fn argument(&self) -> Option<&[u8]> {
        self.argument.as_deref()
    }

    /// Appends the line with its end. An octet 255 is doubled, as Telnet wants it (RFC 854; RFC 959 §2.3 puts the
    /// control connection on Telnet): servers that follow undo it, and in UTF-8 there is none.
    pub fn encode(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(self.verb.as_bytes());
        if let Some(argument) = &self.argument {
            if !self.verb.is_empty() {
                line.push(b' ');
            }
            for octet in argument {
                line.push(*octet);
                if *octet == IAC {
                    line.push(IAC);
                }
            }
        }
        line.extend_from_slice(b"\r\n");
    }
}

/// "Interpret as command", the escape of Telnet (RFC 854).
pub(crate) const IAC: u8 = 255;

fn check(argument: &[u8]) -> Result<(), ArgumentError> {
    if argument.len() > ARGUMENT_LIMIT {
        return Err(ArgumentError::TooLong(argument.len()));
    }
    let forbidden = |octet: &u8| matches!(octet, b'\r' | b'\n' | 0);
    match argument.iter().position(forbidden) {
        Some(at) => Err(ArgumentError::Forbidden {
            octet: argument.get(at).copied().unwrap_or_default(),
            at,
        }),
        None => Ok(()),
    }
}

impl fmt::Display for Command {
    /// As it may be shown and logged: `PASS ****`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.argument, self.secret) {
            (None, _) => f.write_str(self.verb),
            (Some(_), true) => write!(f, "{} ****", self.verb()),
            (Some(argument), false) => {
                f.write_str(self.verb)?;
                if !self.verb.is_empty() {
                    f.write_str(" ")?;
                }
                f.write_str(&String::from_utf8_lossy(argument))
            }
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

/// Why an argument cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// An octet that would end the line or the text.
    #[error("octet {octet:#04x} at {at} cannot be part of a command")]
    Forbidden {
        /// CR, LF or NUL.
        octet: u8,
        /// Where it stands, from 0.
        at: usize,
    },
    /// More than [`ARGUMENT_LIMIT`] octets.
    #[error("{0} octets, at most {ARGUMENT_LIMIT}")]
    TooLong(usize),
    /// Nothing to send.
    #[error("empty")]
    Empty,
    /// A character that the charset of the session does not have.
    #[error("character {0:?} does not exist in the charset of the session")]
    NotInCharset(char),
}

#[cfg(test)]
mod tests {
    use super::{ArgumentError, Command};

    fn line(command: &Command) -> Vec<u8> {
        let mut line = Vec::new();
        command.encode(&mut line);
        line
    }

    #[test]
    fn a_line_ends_with_cr_lf() {
        assert_eq!(line(&Command::new("PWD")), b"PWD\r\n");
        assert_eq!(
            line(&Command::with("CWD", " two ").unwrap()),
            b"CWD  two \r\n"
        );
        assert_eq!(
            line(&Command::raw("site idle 2000").unwrap()),
            b"site idle 2000\r\n"
        );
    }

    #[test]
    fn telnet_escape_is_doubled() {
        let command = Command::with("DELE", b"\xff").unwrap();
        assert_eq!(line(&command), b"DELE \xff\xff\r\n");
    }

    #[test]
    fn nothing_that_ends_a_line_is_sent() {
        for (argument, octet, at) in [("a\rb", 13, 1), ("\n", 10, 0), ("ab\0", 0, 2)] {
            let wrong = Err(ArgumentError::Forbidden { octet, at });
            assert_eq!(Command::with("RETR", argument), wrong);
            assert_eq!(Command::secret("PASS", argument), wrong);
            assert_eq!(Command::raw(argument), wrong);
        }
        let long = vec![b'a'; 4097];
        assert_eq!(
            Command::with("RETR", &long),
            Err(ArgumentError::TooLong(4097))
        );
        assert_eq!(Command::raw("  "), Err(ArgumentError::Empty));
    }

    #[test]
    fn a_password_is_not_shown() {
        let command = Command::secret("PASS", "hunter2").unwrap();
        assert_eq!(command.to_string(), "PASS ****");
        assert_eq!(format!("{command:?}"), "Command(PASS ****)");
        let command = Command::raw("pass hunter2").unwrap();
        assert_eq!(command.to_string(), "pass ****");
    }
}
