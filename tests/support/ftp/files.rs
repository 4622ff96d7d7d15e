//! What a server of the tests serves: a tree of files in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A tree of files, shared by whoever holds a clone. Paths are octets, absolute, with `/`.
#[derive(Clone, Debug)]
pub struct Files {
    tree: Arc<Mutex<BTreeMap<Vec<u8>, Node>>>,
}

/// A file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What is in it; `None` for a directory.
    pub content: Option<Arc<Vec<u8>>>,
    /// Where its records end, if it was stored as records that lines cannot tell apart (STRU R with TYPE I or L).
    pub records: Option<Vec<usize>>,
    /// When it was changed: seconds since 1970.
    pub modified: i64,
    /// Its mode, as `chmod` has it.
    pub mode: u32,
}

impl Node {
    /// A file.
    #[must_use]
    pub fn file(content: impl Into<Vec<u8>>, modified: i64) -> Self {
        Self {
            content: Some(Arc::new(content.into())),
            records: None,
            modified,
            mode: 0o644,
        }
    }

    /// A directory.
    #[must_use]
    pub const fn directory(modified: i64) -> Self {
        Self {
            content: None,
            records: None,
            modified,
            mode: 0o755,
        }
    }

    /// Whether it is a directory.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        self.content.is_none()
    }

    /// Octets in it; 0 for a directory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.content.as_ref().map_or(0, |content| content.len())
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// When files of a tree were changed unless said otherwise: 2024-02-29 12:34:56 UTC.
pub const LEAP_DAY: i64 = 1_709_210_096;

impl Default for Files {
    fn default() -> Self {
        let root = (b"/".to_vec(), Node::directory(LEAP_DAY));
        Self {
            tree: Arc::new(Mutex::new(BTreeMap::from([root]))),
        }
    }
}

impl Files {
    /// A tree with nothing but `/`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes or replaces a file, and the directories above it.
    pub fn put(&self, path: impl AsRef<[u8]>, content: impl Into<Vec<u8>>) {
        self.set(path, Node::file(content, LEAP_DAY));
    }

    /// Makes a directory, and those above it.
    pub fn directory(&self, path: impl AsRef<[u8]>) {
        self.set(path, Node::directory(LEAP_DAY));
    }

    /// Puts `node` there, and makes the directories above it.
    pub fn set(&self, path: impl AsRef<[u8]>, node: Node) {
        let path = normal(b"/", path.as_ref());
        let mut tree = self.lock();
        let mut above = parent(&path);
        while !tree.contains_key(&above) {
            let _none = tree.insert(above.clone(), Node::directory(LEAP_DAY));
            above = parent(&above);
        }
        let _old = tree.insert(path, node);
    }

    /// What is there.
    #[must_use]
    pub fn get(&self, path: impl AsRef<[u8]>) -> Option<Node> {
        self.lock().get(&normal(b"/", path.as_ref())).cloned()
    }

    /// What is in the file there.
    #[must_use]
    pub fn read(&self, path: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.get(path)?.content.map(|content| content.to_vec())
    }

    /// Removes what is there, with all that is below.
    pub fn remove(&self, path: impl AsRef<[u8]>) {
        let path = normal(b"/", path.as_ref());
        self.lock()
            .retain(|key, _| *key != path && !below(&path, key) || key == b"/");
    }

    /// Names in the directory there, in order, with what they name.
    #[must_use]
    pub fn list(&self, path: impl AsRef<[u8]>) -> Vec<(Vec<u8>, Node)> {
        let path = normal(b"/", path.as_ref());
        self.lock()
            .iter()
            .filter(|(key, _)| *key != b"/" && parent(key) == path)
            .map(|(key, node)| (name(key).to_vec(), node.clone()))
            .collect()
    }

    /// Every path, in order.
    #[must_use]
    pub fn paths(&self) -> Vec<Vec<u8>> {
        self.lock().keys().cloned().collect()
    }

    /// Moves what is at `from`, with all that is below; what was at `to` is replaced.
    pub(super) fn rename(&self, from: &[u8], to: &[u8]) {
        let mut tree = self.lock();
        let keys: Vec<Vec<u8>> = tree
            .keys()
            .filter(|key| *key == from || below(from, key))
            .cloned()
            .collect();
        for key in keys {
            if let Some(node) = tree.remove(&key) {
                let rest = key.get(from.len()..).unwrap_or_default();
                let _old = tree.insert([to, rest].concat(), node);
            }
        }
    }

    /// Changes what is there, if it is.
    pub(super) fn change<T>(&self, path: &[u8], change: impl FnOnce(&mut Node) -> T) -> Option<T> {
        self.lock().get_mut(path).map(change)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Node>> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The absolute path that `path` is, seen from the directory `at`: without `.`, `..` and empty parts.
pub(super) fn normal(at: &[u8], path: &[u8]) -> Vec<u8> {
    let start = if path.starts_with(b"/") { &b""[..] } else { at };
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in start
        .split(|&c| c == b'/')
        .chain(path.split(|&c| c == b'/'))
    {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    [b"/", parts.join(&b'/').as_slice()].concat()
}

/// The directory that `path` is in; `/` is in itself.
pub(super) fn parent(path: &[u8]) -> Vec<u8> {
    match path.iter().rposition(|&c| c == b'/') {
        None | Some(0) => b"/".to_vec(),
        Some(at) => path.get(..at).unwrap_or_default().to_vec(),
    }
}

/// The last part of `path`.
pub(super) fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|&c| c == b'/').next().unwrap_or_default()
}

/// Whether `path` is below `top`.
fn below(top: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(top)
        .is_some_and(|rest| top == b"/" || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::{Files, normal};

    #[test]
    fn paths_are_seen_from_a_directory() {
        assert_eq!(normal(b"/a/b", b"../c/./d"), b"/a/c/d");
        assert_eq!(normal(b"/a", b"/x//y/"), b"/x/y");
        assert_eq!(normal(b"/", b".."), b"/");
    }

    #[test]
    fn what_is_below_goes_along() {
        let files = Files::new();
        files.put("/a/b/c", "1");
        files.put("/ab", "2");
        files.rename(b"/a", b"/z");
        assert_eq!(files.read("/z/b/c").unwrap(), b"1");
        files.remove("/z");
        assert_eq!(files.paths(), [b"/".to_vec(), b"/ab".to_vec()]);
    }
}
