//! What a line of a listing says about one name.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;

/// One name of a directory, with what the server told about it.
///
/// Octet strings are as the server wrote them, in whatever character set that was: [`Entry::name_lossy`] is for people,
/// [`Entry::name`] is for the next command. What a dialect does not tell is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The name, or the path if the server put directories in front. Blanks that belong to it are kept.
    pub name: Bytes,
    /// File, directory, link…
    pub kind: Kind,
    /// Size in octets. On systems that count blocks or records this is an upper bound: see [`Entry::size_is_exact`].
    pub size: Option<u64>,
    /// When the content last changed.
    pub modified: Option<Modified>,
    /// Unix permission bits, `0o7777` at most: set-user-id, set-group-id, sticky, then read, write, execute.
    pub mode: Option<u16>,
    /// Number of hard links.
    pub links: Option<u64>,
    /// Who owns it: a name or a number.
    pub owner: Option<Bytes>,
    /// The owning group: a name or a number.
    pub group: Option<Bytes>,
    /// Where a link points, as written.
    pub target: Option<Bytes>,
    size_is_estimate: bool,
    details: Option<Box<Details>>,
}

impl Entry {
    /// An entry of which no more is known.
    #[must_use]
    pub fn new(name: impl Into<Bytes>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            size: None,
            modified: None,
            mode: None,
            links: None,
            owner: None,
            group: None,
            target: None,
            size_is_estimate: false,
            details: None,
        }
    }

    /// The name as text, with U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn name_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }

    /// Whether the name is one component that stays in the directory it was listed in.
    ///
    /// False for the empty name, `.` and `..`, and for names with `/`, NUL, CR or LF in them. A program that creates
    /// local files after a listing must refuse those: the server chose them.
    #[must_use]
    pub fn is_safe_name(&self) -> bool {
        !self.name.is_empty()
            && !self.is_dot()
            && !self
                .name
                .iter()
                .any(|octet| matches!(octet, b'/' | 0 | b'\r' | b'\n'))
    }

    /// Whether this is the directory itself or its parent: `.`, `..`, or the MLSx types `cdir` and `pdir`.
    #[must_use]
    pub fn is_dot(&self) -> bool {
        matches!(self.name.as_ref(), b"." | b"..")
            || matches!(self.kind, Kind::CurrentDirectory | Kind::ParentDirectory)
    }

    /// False if [`Entry::size`] was computed from blocks or records, so that the real size may be smaller.
    #[must_use]
    pub fn size_is_exact(&self) -> bool {
        !self.size_is_estimate
    }

    /// What only some dialects tell, if this line told any of it.
    #[must_use]
    pub fn details(&self) -> Option<&Details> {
        self.details.as_deref()
    }

    /// Version of the file (VMS `NAME.EXT;3`, TOPS-20 `NAME.EXT.3`); it is not part of [`Entry::name`].
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.details()?.version
    }

    /// Identifier that is the same for all names of one object: the MLSx fact `unique`, EPLF `i`.
    #[must_use]
    pub fn unique(&self) -> Option<&[u8]> {
        self.details()?.unique.as_deref()
    }

    /// Letters of the MLSx fact `perm` (RFC 3659 §7.5.5): what this user may do.
    #[must_use]
    pub fn perm(&self) -> Option<&[u8]> {
        self.details()?.perm.as_deref()
    }

    /// When it was created.
    #[must_use]
    pub fn created(&self) -> Option<Modified> {
        self.details()?.created
    }

    /// Major and minor number of a device.
    #[must_use]
    pub fn device(&self) -> Option<(u64, u64)> {
        self.details()?.device
    }
}

/// What only some dialects tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Details {
    /// Version number of the file, where files have versions.
    pub version: Option<u64>,
    /// Identifier that is the same for all names of one object.
    pub unique: Option<Bytes>,
    /// Letters of the MLSx fact `perm`.
    pub perm: Option<Bytes>,
    /// When it was created.
    pub created: Option<Modified>,
    /// Major and minor number of a device.
    pub device: Option<(u64, u64)>,
    /// Number of records, on systems whose files consist of them.
    pub records: Option<u64>,
    /// Protection in the words of the system: VMS `RWED,RWED,RE,`, NetWare `RWCEAFMS`, Guardian `nunu`.
    pub protection: Option<Bytes>,
    /// Type of the object in the words of the system: OS/400 `*STMF`, data set organization `PO`, job status `OUTPUT`.
    pub object: Option<Bytes>,
    /// MLSx facts that have no field here, name and value as written, in order.
    pub facts: Vec<(Bytes, Bytes)>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An ordinary file.
    File,
    /// A directory, or what the system uses as one: a partitioned data set, a library, a folder.
    Directory,
    /// The directory that was listed, said to be so (MLSx `cdir`).
    CurrentDirectory,
    /// A directory above the one that was listed, said to be so (MLSx `pdir`).
    ParentDirectory,
    /// A symbolic link, junction or alias; what it points at is not known.
    Link,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharDevice,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A door.
    Door,
    /// Anything else the server has a letter or word for.
    Other,
}

impl Kind {
    /// Whether it is a directory: listed, current or parent.
    #[must_use]
    pub fn is_directory(self) -> bool {
        matches!(
            self,
            Self::Directory | Self::CurrentDirectory | Self::ParentDirectory
        )
    }
}

/// A point in time as good as the server told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Modified {
    /// The instant; its first moment if only the day or minute is known.
    pub at: Timestamp,
    /// How much of the instant is known.
    pub precision: Precision,
}

impl Modified {
    /// A time known to the second.
    #[must_use]
    pub const fn exact(at: Timestamp) -> Self {
        Self {
            at,
            precision: Precision::Second,
        }
    }
}

/// How much of an instant is known. Finer is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// The day, in the server's zone.
    Day,
    /// The minute.
    Minute,
    /// The second.
    Second,
    /// A fraction of a second.
    Fraction,
}

/// An entry whose strings still lie in the line.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) name: Cow<'a, [u8]>,
    pub(super) kind: Kind,
    pub(super) size: Option<u64>,
    pub(super) size_is_estimate: bool,
    pub(super) modified: Option<Modified>,
    pub(super) mode: Option<u16>,
    pub(super) links: Option<u64>,
    pub(super) owner: Option<&'a [u8]>,
    pub(super) group: Option<&'a [u8]>,
    pub(super) target: Option<&'a [u8]>,
    pub(super) details: Option<Box<Details>>,
}

impl<'a> Draft<'a> {
    /// An entry of which only name and kind are known.
    pub(super) fn new(name: &'a [u8], kind: Kind) -> Self {
        Self {
            name: Cow::Borrowed(name),
            kind,
            size: None,
            size_is_estimate: false,
            modified: None,
            mode: None,
            links: None,
            owner: None,
            group: None,
            target: None,
            details: None,
        }
    }

    /// The rarer fields, made on first use.
    pub(super) fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// Shares the octets of `line`, in which the strings of this draft lie.
    pub(super) fn into_entry(self, line: &Bytes) -> Entry {
        Entry {
            name: match self.name {
                Cow::Borrowed(name) => share(line, name),
                Cow::Owned(name) => Bytes::from(name),
            },
            kind: self.kind,
            size: self.size,
            modified: self.modified,
            mode: self.mode,
            links: self.links,
            owner: self.owner.map(|part| share(line, part)),
            group: self.group.map(|part| share(line, part)),
            target: self.target.map(|part| share(line, part)),
            size_is_estimate: self.size_is_estimate,
            details: self.details,
        }
    }
}

/// `part` as a slice of `line`; copied if it lies elsewhere, so that no input can make this fail.
fn share(line: &Bytes, part: &[u8]) -> Bytes {
    let start = part.as_ptr().addr().checked_sub(line.as_ptr().addr());
    match start.and_then(|start| Some((start, start.checked_add(part.len())?))) {
        Some((start, end)) if end <= line.len() => line.slice(start..end),
        _ => Bytes::copy_from_slice(part),
    }
}
