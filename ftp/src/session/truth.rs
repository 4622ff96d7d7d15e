//! What a connection is known to be set to.

use std::collections::BTreeMap;

/// What a client can set on a connection, in the order in which it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// Protection of data connections (RFC 2228 §3).
    Protection,
    /// Whether the server is the TLS client of its passive data connections (SSCN of drftpd, ProFTPD).
    SecureClient,
    /// Representation type (RFC 959 §3.1.1).
    Type,
    /// Transmission mode (RFC 959 §3.4).
    Mode,
    /// File structure (RFC 959 §3.1.2).
    Structure,
}

impl Setting {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [
        Self::Protection,
        Self::SecureClient,
        Self::Type,
        Self::Mode,
        Self::Structure,
    ];

    /// The command that sets it.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Protection => "PROT",
            Self::SecureClient => "SSCN",
            Self::Type => "TYPE",
            Self::Mode => "MODE",
            Self::Structure => "STRU",
        }
    }

    /// What it is after a login (RFC 959 §5.1, RFC 4217 §9).
    pub(super) const fn at_login(self) -> &'static str {
        match self {
            Self::Protection => "C",
            Self::SecureClient => "OFF",
            Self::Type => "A N",
            Self::Mode => "S",
            Self::Structure => "F",
        }
    }
}

/// Where on the server a connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Directory {
    /// Where the login left it.
    #[default]
    Login,
    /// At a path that `PWD` gave.
    Path(Vec<u8>),
    /// From the login on, by these `CWD`s, on a server whose `PWD` cannot be read.
    Steps(Vec<Vec<u8>>),
}

/// What the connection is set to, as far as its replies tell. Only the differences from what a transfer wants are sent.
#[derive(Clone, Debug)]
pub struct Truth {
    settings: BTreeMap<Setting, Option<String>>,
    /// Where it is; `None` when it cannot be known.
    pub directory: Option<Directory>,
    /// Where the login left it, as `PWD` has it, once somebody asked.
    pub home: Option<Vec<u8>>,
    /// A `REST` was accepted and no transfer has used it up.
    pub restart_pending: bool,
    /// The server wants `PRET` before `PASV`: one behind a distributor, such as drftpd.
    pub pre_transfer: bool,
}

impl Truth {
    /// A connection that has just logged in.
    #[must_use]
    pub fn new() -> Self {
        Self {
            settings: BTreeMap::new(),
            directory: Some(Directory::Login),
            home: None,
            restart_pending: false,
            pre_transfer: false,
        }
    }

    /// What `setting` is, or `None` if a refused command left that open.
    #[must_use]
    pub fn get(&self, setting: Setting) -> Option<&str> {
        match self.settings.get(&setting) {
            Some(known) => known.as_deref(),
            None => Some(setting.at_login()),
        }
    }

    /// A command was accepted (with the new value), or refused: then it may have had an effect nevertheless (Pure-FTPd
    /// refuses `TYPE E` and sets `A`).
    pub fn set(&mut self, setting: Setting, value: Option<&str>) {
        self.settings.insert(setting, value.map(str::to_owned));
    }

    /// The caller said something of his own: nothing is known.
    pub fn forget(&mut self) {
        for setting in Setting::ALL {
            self.settings.insert(setting, None);
        }
        self.directory = None;
        self.restart_pending = true;
    }
}

impl Default for Truth {
    fn default() -> Self {
        Self::new()
    }
}
