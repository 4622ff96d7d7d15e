//! Files of a host that has no disk.

use crate::error::NetError;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Files in memory, by absolute path: they outlive a crash of the host. Directories are there when something is in
/// them.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryFiles {
    files: Arc<Mutex<BTreeMap<PathBuf, Arc<Vec<u8>>>>>,
}

impl MemoryFiles {
    pub(crate) fn read(&self, path: &Path) -> Result<Vec<u8>, NetError> {
        let found = self.lock().get(&plain(path)).cloned();
        Ok(found.ok_or(NetError::NotFound)?.to_vec())
    }

    pub(crate) fn write(&self, path: &Path, octets: Vec<u8>) -> Result<(), NetError> {
        let path = plain(path);
        if path.file_name().is_none() {
            return Err(NetError::Inval);
        }
        let mut files = self.lock();
        if path
            .ancestors()
            .skip(1)
            .any(|above| files.contains_key(above))
        {
            return Err(NetError::NotDir);
        }
        if is_directory(&files, &path) {
            return Err(NetError::Exists);
        }
        files.insert(path, Arc::new(octets));
        Ok(())
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        let path = plain(path);
        let files = self.lock();
        files.contains_key(&path) || is_directory(&files, &path)
    }

    pub(crate) fn remove(&self, path: &Path) -> Result<(), NetError> {
        let removed = self.lock().remove(&plain(path));
        removed.map(drop).ok_or(NetError::NotFound)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Arc<Vec<u8>>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether something is below `path`.
fn is_directory(files: &BTreeMap<PathBuf, Arc<Vec<u8>>>, path: &Path) -> bool {
    let next = files
        .range(path.to_owned()..)
        .find(|(name, _)| *name != path);
    path == Path::new("/") || next.is_some_and(|(name, _)| name.starts_with(path))
}

/// The path from the root on, without detours; relative ones are of the root.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => {
                plain.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::MemoryFiles;
    use crate::error::NetError;
    use std::path::Path;

    #[test]
    fn a_name_is_a_file_or_a_directory() {
        let files = MemoryFiles::default();
        files
            .write(Path::new("/var/run/state"), b"1".to_vec())
            .unwrap();
        assert_eq!(
            files.read(Path::new("var/./log/../run/state")),
            Ok(b"1".to_vec())
        );
        assert!(files.exists(Path::new("/var/run")) && files.exists(Path::new("/")));
        assert!(!files.exists(Path::new("/var/ru")));
        assert_eq!(
            files.write(Path::new("/var/run"), vec![]),
            Err(NetError::Exists)
        );
        assert_eq!(
            files.write(Path::new("/var/run/state/x"), vec![]),
            Err(NetError::NotDir)
        );
        assert_eq!(files.write(Path::new("/"), vec![]), Err(NetError::Inval));
        assert_eq!(files.read(Path::new("/var")), Err(NetError::NotFound));
        files.remove(Path::new("/var/run/state")).unwrap();
        assert_eq!(
            files.remove(Path::new("/var/run/state")),
            Err(NetError::NotFound)
        );
        assert!(!files.exists(Path::new("/var/run")));
    }
}
