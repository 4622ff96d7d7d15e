//! What is known of a file without reading it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::time::SystemTime;

/// The bits of a mode that can be set: permissions, set-user-id, set-group-id, sticky.
pub(crate) const MODE_BITS: u32 = 0o7777;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link. Hosts of our own have none.
    Link,
    /// A device, a pipe, a socket. Hosts of our own have none.
    Other,
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// What it is.
    pub kind: FileKind,
    /// How many octets it has; of what is no regular file, whatever the system says.
    pub len: u64,
    /// When its contents were last changed, by the [wall's time](crate::Clock::wall), or what it was
    /// [set](crate::Files::set_modified) to.
    pub modified: SystemTime,
    /// Its permissions, as `chmod` has them: the lowest twelve bits.
    pub mode: u32,
}

impl Metadata {
    /// A directory.
    #[must_use]
    pub const fn is_dir(&self) -> bool {
        matches!(self.kind, FileKind::Directory)
    }

    /// A regular file.
    #[must_use]
    pub const fn is_file(&self) -> bool {
        matches!(self.kind, FileKind::File)
    }

    pub(crate) fn of_system(metadata: &fs::Metadata) -> io::Result<Self> {
        Ok(Self {
            kind: match metadata.file_type() {
                kind if kind.is_file() => FileKind::File,
                kind if kind.is_dir() => FileKind::Directory,
                kind if kind.is_symlink() => FileKind::Link,
                _ => FileKind::Other,
            },
            len: metadata.len(),
            modified: metadata.modified()?,
            mode: metadata.permissions().mode() & MODE_BITS,
        })
    }
}

/// A name in a directory, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirEntry {
    /// The name, without the directory.
    pub name: OsString,
    /// What it stands for; of a symbolic link, the link itself.
    pub metadata: Metadata,
}

impl DirEntry {
    pub(crate) const fn new(name: OsString, metadata: Metadata) -> Self {
        Self { name, metadata }
    }
}
