//! Files of a host that has no disk.

mod contents;

use crate::error::NetError;
use crate::files::{CreateOptions, DirEntry, Existing, FileKind, MODE_BITS, Metadata};
use crate::{Clock, native::files::contents::Contents};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What a host's programs take from the modes they ask for.
const MASK: u32 = 0o022;

/// Files in memory, by absolute path: they outlive a crash of the host. A directory comes to be when something is put
/// in it.
#[derive(Clone)]
pub(crate) struct MemoryFiles {
    root: Arc<Mutex<Directory>>,
    clock: Clock,
}

/// What a name stands for.
#[derive(Debug)]
enum Node {
    File(Arc<Inode>),
    Directory(Directory),
}

#[derive(Debug)]
struct Directory {
    entries: BTreeMap<OsString, Node>,
    modified: SystemTime,
    mode: u32,
}

/// A file, whatever its name is.
#[derive(Debug)]
struct Inode {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    contents: Contents,
    modified: SystemTime,
    mode: u32,
}

/// An open file.
#[derive(Clone)]
pub(crate) struct MemoryFile {
    inode: Arc<Inode>,
    access: Access,
    clock: Clock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Append,
}

impl MemoryFiles {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            root: Arc::new(Mutex::new(Directory::new(clock.wall()))),
            clock,
        }
    }

    pub(crate) fn read(&self, path: &Path) -> Result<Vec<u8>, NetError> {
        let file = self.open(path)?;
        let state = file.inode.lock();
        let mut octets = Vec::new();
        state.contents.read_at(0, usize::MAX, &mut octets);
        Ok(octets)
    }

    pub(crate) fn write(&self, path: &Path, octets: &[u8]) -> Result<(), NetError> {
        let now = self.clock.wall();
        let mut contents = Contents::default();
        contents.write_at(0, octets)?;
        let mut root = self.lock();
        let (directory, name) = root.make_parent(path, now)?;
        let mode = match directory.entries.get(name) {
            None => 0o600,
            Some(Node::File(old)) => old.lock().mode,
            Some(Node::Directory(_)) => return Err(NetError::IsDir),
        };
        // Another file by the name of the old: who has that open keeps it.
        let file = Inode::new(contents, now, mode);
        directory.put(name, Node::File(Arc::new(file)), now);
        Ok(())
    }

    pub(crate) fn open(&self, path: &Path) -> Result<MemoryFile, NetError> {
        let root = self.lock();
        match root.find(&names(path))? {
            Found::File(inode) => Ok(self.handle(inode.clone(), Access::Read)),
            Found::Directory(_) => Err(NetError::IsDir),
        }
    }

    pub(crate) fn create(
        &self,
        path: &Path,
        options: CreateOptions,
    ) -> Result<MemoryFile, NetError> {
        let now = self.clock.wall();
        let access = match options.existing {
            Existing::Append => Access::Append,
            Existing::Truncate | Existing::Keep | Existing::Refuse => Access::Write,
        };
        let mut root = self.lock();
        if names(path).is_empty() {
            return Err(match options.existing {
                Existing::Refuse => NetError::Exists,
                Existing::Truncate | Existing::Append | Existing::Keep => NetError::IsDir,
            });
        }
        let (directory, name) = root.make_parent(path, now)?;
        let inode = match directory.entries.get(name) {
            Some(_) if options.existing == Existing::Refuse => return Err(NetError::Exists),
            Some(Node::Directory(_)) => return Err(NetError::IsDir),
            Some(Node::File(inode)) => {
                if options.existing == Existing::Truncate {
                    let mut state = inode.lock();
                    state.contents.set_len(0)?;
                    state.modified = now;
                }
                inode.clone()
            }
            None => {
                let mode = options.mode & MODE_BITS & !MASK;
                let inode = Arc::new(Inode::new(Contents::default(), now, mode));
                directory.put(name, Node::File(inode.clone()), now);
                inode
            }
        };
        Ok(self.handle(inode, access))
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        self.lock().find(&names(path)).is_ok()
    }

    pub(crate) fn metadata(&self, path: &Path) -> Result<Metadata, NetError> {
        Ok(self.lock().find(&names(path))?.metadata())
    }

    pub(crate) fn read_dir(&self, path: &Path) -> Result<Vec<DirEntry>, NetError> {
        match self.lock().find(&names(path))? {
            Found::File(_) => Err(NetError::NotDir),
            Found::Directory(directory) => Ok(directory
                .entries
                .iter()
                .map(|(name, node)| DirEntry::new(name.clone(), node.found().metadata()))
                .collect()),
        }
    }

    pub(crate) fn create_dir_all(&self, path: &Path) -> Result<(), NetError> {
        let mut root = self.lock();
        let names = names(path);
        if matches!(root.find(&names), Ok(Found::File(_))) {
            return Err(NetError::Exists);
        }
        root.make(&names, self.clock.wall()).map(drop)
    }

    pub(crate) fn remove(&self, path: &Path) -> Result<(), NetError> {
        self.take(path, |node| match node {
            Node::File(_) => Ok(()),
            Node::Directory(_) => Err(NetError::IsDir),
        })
    }

    pub(crate) fn remove_dir(&self, path: &Path) -> Result<(), NetError> {
        self.take(path, |node| match node {
            Node::File(_) => Err(NetError::NotDir),
            Node::Directory(directory) if directory.entries.is_empty() => Ok(()),
            Node::Directory(_) => Err(NetError::NotEmpty),
        })
    }

    /// Removes what `may_go` allows to.
    fn take(
        &self,
        path: &Path,
        may_go: impl FnOnce(&Node) -> Result<(), NetError>,
    ) -> Result<(), NetError> {
        let mut root = self.lock();
        let (directory, name) = root.parent(path)?;
        may_go(directory.entries.get(name).ok_or(NetError::NotFound)?)?;
        directory.entries.remove(name);
        directory.modified = self.clock.wall();
        Ok(())
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<(), NetError> {
        let now = self.clock.wall();
        let mut root = self.lock();
        let (from_names, to_names) = (names(from), names(to));
        let moves_directory = match root.find(&from_names)? {
            Found::Directory(_) => true,
            Found::File(_) => false,
        };
        if from_names == to_names {
            return Ok(());
        }
        if moves_directory && to_names.starts_with(&from_names) {
            return Err(NetError::Inval);
        }
        match root.find(&to_names) {
            Ok(Found::Directory(_)) if !moves_directory => return Err(NetError::IsDir),
            Ok(Found::Directory(old)) if !old.entries.is_empty() => return Err(NetError::NotEmpty),
            Ok(Found::File(_)) if moves_directory => return Err(NetError::NotDir),
            Ok(_) | Err(NetError::NotFound) => {}
            Err(error) => return Err(error),
        }
        // Made first: what may fail comes before anything is moved.
        root.make_parent(to, now)?;
        let (directory, name) = root.parent(from)?;
        let node = directory.entries.remove(name).ok_or(NetError::NotFound)?;
        directory.modified = now;
        let (directory, name) = root.parent(to)?;
        directory.put(name, node, now);
        Ok(())
    }

    pub(crate) fn set_modified(&self, path: &Path, time: SystemTime) -> Result<(), NetError> {
        match self.lock().find_mut(&names(path))? {
            FoundMut::File(inode) => inode.lock().modified = time,
            FoundMut::Directory(directory) => directory.modified = time,
        }
        Ok(())
    }

    pub(crate) fn set_mode(&self, path: &Path, mode: u32) -> Result<(), NetError> {
        let mode = mode & MODE_BITS;
        match self.lock().find_mut(&names(path))? {
            FoundMut::File(inode) => inode.lock().mode = mode,
            FoundMut::Directory(directory) => directory.mode = mode,
        }
        Ok(())
    }

    fn handle(&self, inode: Arc<Inode>, access: Access) -> MemoryFile {
        MemoryFile {
            inode,
            access,
            clock: self.clock.clone(),
        }
    }

    /// The root directory. Locked before a file, never after.
    fn lock(&self) -> MutexGuard<'_, Directory> {
        self.root.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFiles").finish_non_exhaustive()
    }
}

/// What there is at a path.
enum Found<'a> {
    File(&'a Arc<Inode>),
    Directory(&'a Directory),
}

/// [`Found`], to be changed.
enum FoundMut<'a> {
    File(&'a Inode),
    Directory(&'a mut Directory),
}

impl Found<'_> {
    fn metadata(&self) -> Metadata {
        match self {
            Self::File(inode) => inode.metadata(),
            Self::Directory(directory) => Metadata {
                kind: FileKind::Directory,
                len: 0,
                modified: directory.modified,
                mode: directory.mode,
            },
        }
    }
}

impl Node {
    const fn found(&self) -> Found<'_> {
        match self {
            Self::File(inode) => Found::File(inode),
            Self::Directory(directory) => Found::Directory(directory),
        }
    }
}

impl Directory {
    const fn new(now: SystemTime) -> Self {
        Self {
            entries: BTreeMap::new(),
            modified: now,
            mode: 0o777 & !MASK,
        }
    }

    fn put(&mut self, name: &OsStr, node: Node, now: SystemTime) {
        self.entries.insert(name.to_owned(), node);
        self.modified = now;
    }

    /// What is at the end of `names`, from here on.
    fn find(&self, names: &[&OsStr]) -> Result<Found<'_>, NetError> {
        let mut found = Found::Directory(self);
        for name in names {
            found = match found {
                Found::File(_) => return Err(NetError::NotDir),
                Found::Directory(directory) => directory
                    .entries
                    .get(*name)
                    .ok_or(NetError::NotFound)?
                    .found(),
            };
        }
        Ok(found)
    }

    fn find_mut(&mut self, names: &[&OsStr]) -> Result<FoundMut<'_>, NetError> {
        let mut found = FoundMut::Directory(self);
        for name in names {
            found = match found {
                FoundMut::File(_) => return Err(NetError::NotDir),
                FoundMut::Directory(directory) => {
                    match directory.entries.get_mut(*name).ok_or(NetError::NotFound)? {
                        Node::File(inode) => FoundMut::File(inode),
                        Node::Directory(directory) => FoundMut::Directory(directory),
                    }
                }
            };
        }
        Ok(found)
    }

    /// The directory of `path`, which is below here, and the name in it.
    fn parent<'p>(&mut self, path: &'p Path) -> Result<(&mut Self, &'p OsStr), NetError> {
        let mut names = names(path);
        let name = names.pop().ok_or(NetError::Inval)?;
        match self.find_mut(&names)? {
            FoundMut::File(_) => Err(NetError::NotDir),
            FoundMut::Directory(directory) => Ok((directory, name)),
        }
    }

    /// [`parent`](Self::parent), made if it is missing.
    fn make_parent<'p>(
        &mut self,
        path: &'p Path,
        now: SystemTime,
    ) -> Result<(&mut Self, &'p OsStr), NetError> {
        let mut names = names(path);
        let name = names.pop().ok_or(NetError::Inval)?;
        Ok((self.make(&names, now)?, name))
    }

    /// The directory at the end of `names`, made if it is missing.
    fn make(&mut self, names: &[&OsStr], now: SystemTime) -> Result<&mut Self, NetError> {
        let mut directory = self;
        for name in names {
            let node = match directory.entries.entry((*name).to_owned()) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    directory.modified = now;
                    entry.insert(Node::Directory(Self::new(now)))
                }
            };
            directory = match node {
                Node::Directory(directory) => directory,
                Node::File(_) => return Err(NetError::NotDir),
            };
        }
        Ok(directory)
    }
}

impl Inode {
    const fn new(contents: Contents, now: SystemTime, mode: u32) -> Self {
        Self {
            state: Mutex::new(State {
                contents,
                modified: now,
                mode,
            }),
        }
    }

    fn metadata(&self) -> Metadata {
        let state = self.lock();
        Metadata {
            kind: FileKind::File,
            len: state.contents.len(),
            modified: state.modified,
            mode: state.mode,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryFile {
    /// Fills the spare room of `buf`.
    pub(crate) fn read_at(&self, offset: u64, buf: &mut Vec<u8>) -> Result<(), NetError> {
        if self.access != Access::Read {
            return Err(NetError::BadFile);
        }
        let room = buf.capacity() - buf.len();
        self.inode.lock().contents.read_at(offset, room, buf);
        Ok(())
    }

    pub(crate) fn write_at(&self, offset: u64, octets: &[u8]) -> Result<(), NetError> {
        let mut state = self.inode.lock();
        let offset = match self.access {
            Access::Read => return Err(NetError::BadFile),
            Access::Write => offset,
            Access::Append => state.contents.len(),
        };
        state.contents.write_at(offset, octets)?;
        if !octets.is_empty() {
            state.modified = self.clock.wall();
        }
        Ok(())
    }

    pub(crate) fn metadata(&self) -> Metadata {
        self.inode.metadata()
    }

    pub(crate) fn set_len(&self, len: u64) -> Result<(), NetError> {
        if self.access == Access::Read {
            return Err(NetError::Inval);
        }
        let mut state = self.inode.lock();
        state.contents.set_len(len)?;
        state.modified = self.clock.wall();
        Ok(())
    }

    pub(crate) fn set_modified(&self, time: SystemTime) {
        self.inode.lock().modified = time;
    }
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFile")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

/// The names on the way from the root, without detours; relative paths are of the root.
fn names(path: &Path) -> Vec<&OsStr> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::ParentDir => {
                names.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::MemoryFiles;
    use crate::Clock;
    use crate::error::NetError;
    use std::path::Path;

    #[test]
    fn a_name_is_a_file_or_a_directory() {
        let files = MemoryFiles::new(Clock::system());
        files.write(Path::new("/var/run/state"), b"1").unwrap();
        assert_eq!(
            files.read(Path::new("var/./log/../run/state")),
            Ok(b"1".to_vec())
        );
        assert!(files.exists(Path::new("/var/run")) && files.exists(Path::new("/")));
        assert!(!files.exists(Path::new("/var/ru")));
        assert_eq!(
            files.write(Path::new("/var/run"), b""),
            Err(NetError::IsDir)
        );
        assert_eq!(
            files.write(Path::new("/var/run/state/x"), b""),
            Err(NetError::NotDir)
        );
        assert_eq!(files.write(Path::new("/"), b""), Err(NetError::Inval));
        assert_eq!(files.read(Path::new("/var")), Err(NetError::IsDir));
        files.remove(Path::new("/var/run/state")).unwrap();
        assert_eq!(
            files.remove(Path::new("/var/run/state")),
            Err(NetError::NotFound)
        );
        assert!(files.exists(Path::new("/var/run")), "directories stay");
    }

    #[test]
    fn the_root_is_nobodys_to_move() {
        let files = MemoryFiles::new(Clock::system());
        files.write(Path::new("/a"), b"").unwrap();
        let (root, a) = (Path::new("/"), Path::new("/a"));
        assert_eq!(files.rename(root, Path::new("/b")), Err(NetError::Inval));
        assert_eq!(files.rename(a, root), Err(NetError::IsDir));
        assert_eq!(files.remove(root), Err(NetError::Inval));
        assert_eq!(files.remove_dir(root), Err(NetError::Inval));
    }
}
