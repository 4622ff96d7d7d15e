//! Files of the node a [`Net`](crate::Net) stands for.

use crate::backend::Backend;
use crate::error::NetError;
use crate::native::MemoryFiles;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Small files: configuration and state. On the system back end, those of the machine, on the blocking pool; on the
/// native back end, files in memory that outlive a crash of the host, in directories that need not be made.
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files {
    inner: Backend<(), MemoryFiles>,
}

impl Files {
    pub(crate) const fn system() -> Self {
        Self {
            inner: Backend::System(()),
        }
    }

    pub(crate) const fn native(files: MemoryFiles) -> Self {
        Self {
            inner: Backend::Native(files),
        }
    }

    /// The whole of a file.
    ///
    /// # Errors
    /// [`NetError::NotFound`], [`NetError::Access`] and the rest of the system's.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>, NetError> {
        match &self.inner {
            Backend::System(()) => on_pool(path, |path| fs::read(path)).await,
            Backend::Native(files) => files.read(path.as_ref()),
        }
    }

    /// Replaces a file, or makes it, so that readers and a crash find either the old octets or the new, whole: a
    /// temporary file beside it, `fsync`, rename, `fsync` of the directory. Keeps the mode of a file that exists;
    /// a new one is readable and writable by its owner only.
    ///
    /// # Errors
    /// [`NetError::NotFound`] if the directory is missing, [`NetError::Access`] and the rest of the system's; the
    /// old file stands then.
    ///
    /// # Cancel safety
    /// Dropped, it still finishes.
    pub async fn write(
        &self,
        path: impl AsRef<Path>,
        octets: impl Into<Vec<u8>>,
    ) -> Result<(), NetError> {
        let octets = octets.into();
        match &self.inner {
            Backend::System(()) => on_pool(path, move |path| replace(path, &octets)).await,
            Backend::Native(files) => files.write(path.as_ref(), octets),
        }
    }

    /// Whether there is something at `path`.
    ///
    /// # Errors
    /// The system's, where it cannot tell.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn exists(&self, path: impl AsRef<Path>) -> Result<bool, NetError> {
        match &self.inner {
            Backend::System(()) => on_pool(path, |path| path.try_exists()).await,
            Backend::Native(files) => Ok(files.exists(path.as_ref())),
        }
    }

    /// Removes a file.
    ///
    /// # Errors
    /// [`NetError::NotFound`], [`NetError::Access`] and the rest of the system's.
    ///
    /// # Cancel safety
    /// Dropped, it still finishes.
    pub async fn remove(&self, path: impl AsRef<Path>) -> Result<(), NetError> {
        match &self.inner {
            Backend::System(()) => on_pool(path, |path| fs::remove_file(path)).await,
            Backend::Native(files) => files.remove(path.as_ref()),
        }
    }
}

/// Runs `work` where it may wait for a disk.
async fn on_pool<T: Send + 'static>(
    path: impl AsRef<Path>,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, NetError> {
    let path = path.as_ref().to_owned();
    match tokio::task::spawn_blocking(move || work(&path)).await {
        Ok(result) => Ok(result?),
        // The runtime is going down: nobody will ask again.
        Err(_) => Err(NetError::Intr),
    }
}

fn replace(path: &Path, octets: &[u8]) -> io::Result<()> {
    let (mut file, temporary) = temporary_beside(path)?;
    let written = (|| {
        if let Ok(old) = fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(octets)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        fs::File::open(directory_of(path))?.sync_all()
    })();
    if written.is_err() {
        // What remains is our own half-written file; the first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A new file in the directory of `path`, with a name nobody uses.
fn temporary_beside(path: &Path) -> io::Result<(fs::File, PathBuf)> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut rng = crate::Rng::from_system();
    loop {
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{:08x}", rng.next_u32()));
        let temporary = directory_of(path).join(temporary);
        match fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
        {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
