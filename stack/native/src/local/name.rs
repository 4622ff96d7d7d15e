//! Names of local sockets, and who holds them.

use std::collections::BTreeMap;
use std::fmt;

use super::socket::LocalKind;
use super::table::LocalId;
use crate::Errno;

/// The name of a local socket (LIP-2): any octets, 1 to [`LocalName::MOST_OCTETS`] of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalName {
    /// A path, or a name such as `\socket\x`: the key of a name space of its own, not a file.
    Path(Vec<u8>),
    /// An abstract name. Streams and datagrams have name spaces of their own.
    Abstract(Vec<u8>),
    /// No name.
    #[default]
    Unnamed,
}

impl LocalName {
    /// The longest name: 108 octets with the zero that ends or begins it.
    pub const MOST_OCTETS: usize = 107;

    /// Checks a name that a program gave.
    pub(super) fn check(&self) -> Result<(), Errno> {
        match self {
            Self::Path(name) if name.is_empty() => Err(Errno::Inval),
            Self::Path(name) | Self::Abstract(name) if name.len() > Self::MOST_OCTETS => {
                Err(Errno::Inval)
            }
            Self::Path(_) | Self::Abstract(_) | Self::Unnamed => Ok(()),
        }
    }
}

/// A path as it is, `@name` for an abstract name, `-` for none.
impl fmt::Display for LocalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(name) => write!(f, "{}", name.escape_ascii()),
            Self::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
            Self::Unnamed => f.write_str("-"),
        }
    }
}

/// The names of a host.
#[derive(Debug, Default)]
pub(super) struct Names {
    held: BTreeMap<(Option<LocalKind>, Vec<u8>), LocalId>,
    chosen: u32,
}

impl Names {
    fn key(kind: LocalKind, name: &LocalName) -> Option<(Option<LocalKind>, Vec<u8>)> {
        match name {
            LocalName::Path(name) => Some((None, name.clone())),
            LocalName::Abstract(name) => Some((Some(kind), name.clone())),
            LocalName::Unnamed => None,
        }
    }

    /// Gives `name` to a socket; whether it was free.
    pub(super) fn hold(&mut self, kind: LocalKind, name: &LocalName, id: LocalId) -> bool {
        let Some(key) = Self::key(kind, name) else {
            return true;
        };
        if self.held.contains_key(&key) {
            return false;
        }
        self.held.insert(key, id);
        true
    }

    pub(super) fn release(&mut self, kind: LocalKind, name: &LocalName) {
        if let Some(key) = Self::key(kind, name) {
            self.held.remove(&key);
        }
    }

    /// Who holds `name`, for a socket of `kind` that wants to reach it.
    pub(super) fn find(&self, kind: LocalKind, name: &LocalName) -> Result<LocalId, Errno> {
        name.check()?;
        let missing = match name {
            LocalName::Path(_) => Errno::NoEnt,
            LocalName::Abstract(_) => Errno::ConnRefused,
            LocalName::Unnamed => Errno::DestAddrReq,
        };
        let key = Self::key(kind, name).ok_or(missing)?;
        self.held.get(&key).copied().ok_or(missing)
    }

    /// Every name held: of which kind of socket if it is abstract, and by which.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Option<LocalKind>, &[u8], LocalId)> {
        self.held
            .iter()
            .map(|((kind, name), &id)| (*kind, name.as_slice(), id))
    }

    /// A name that nobody holds (LIP-3): five hexadecimal digits, as on Linux. There are more of these than sockets.
    pub(super) fn choose(&mut self, kind: LocalKind) -> LocalName {
        loop {
            let name = format!("{:05x}", self.chosen & 0xf_ffff).into_bytes();
            self.chosen = self.chosen.wrapping_add(1);
            if !self.held.contains_key(&(Some(kind), name.clone())) {
                return LocalName::Abstract(name);
            }
        }
    }
}
