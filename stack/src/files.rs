//! Files of the node a [`Net`](crate::Net) stands for.

mod file;
mod metadata;

pub use file::{CreateOptions, Existing, File};
pub(crate) use metadata::MODE_BITS;
pub use metadata::{DirEntry, FileKind, Metadata};

use crate::backend::Backend;
use crate::error::NetError;
use crate::native::MemoryFiles;
use nix::fcntl::AT_FDCWD;
use nix::libc::{O_NOCTTY, O_NONBLOCK};
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The files of a host: small ones whole ([`read`](Self::read), [`write`](Self::write)), large ones [open](Self::open)
/// and by offsets, and the directories they are in. Paths are octets, as the system has them: they need not be UTF-8.
///
/// On the system back end these are the machine's, reached on the blocking pool. On the native back end they are in
/// memory and outlive a crash of the host; directories need not be made, there are no links, and modes are remembered
/// but keep nobody out. Either way a file that is removed, renamed or replaced stays what it was for who has it open.
///
/// Errors are the system's: beside those named at each method any may give [`NetError::Access`],
/// [`NetError::NotDir`] where a directory of the path is none, [`NetError::Loop`], [`NetError::NameTooLong`],
/// [`NetError::Io`].
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
    /// [`NetError::NotFound`], [`NetError::IsDir`].
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>, NetError> {
        match &self.inner {
            Backend::System(()) => with_path(path, |path| fs::read(path)).await,
            Backend::Native(files) => files.read(path.as_ref()),
        }
    }

    /// Replaces a file, or makes it, so that readers and a crash find either the old octets or the new, whole: a
    /// temporary file beside it, `fsync`, rename, `fsync` of the directory. Keeps the mode of a file that exists;
    /// a new one is readable and writable by its owner only.
    ///
    /// # Errors
    /// [`NetError::NotFound`] if the directory is missing, [`NetError::IsDir`], [`NetError::NoSpace`]; the old file
    /// stands then.
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
            Backend::System(()) => with_path(path, move |path| replace(path, &octets)).await,
            Backend::Native(files) => files.write(path.as_ref(), &octets),
        }
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`NetError::NotFound`], [`NetError::IsDir`], [`NetError::TooManyFiles`].
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn open(&self, path: impl AsRef<Path>) -> Result<File, NetError> {
        match &self.inner {
            Backend::System(()) => with_path(path, open).await.map(File::system),
            Backend::Native(files) => files.open(path.as_ref()).map(File::native),
        }
    }

    /// Opens a file for writing; makes it if there is none. `options` say what becomes of one that is there.
    ///
    /// # Errors
    /// [`NetError::NotFound`] if the directory is missing, [`NetError::Exists`] if there may be no file and is
    /// one, [`NetError::IsDir`], [`NetError::NoSpace`], [`NetError::TooManyFiles`].
    ///
    /// # Cancel safety
    /// Dropped, it still makes or empties the file.
    pub async fn create(
        &self,
        path: impl AsRef<Path>,
        options: CreateOptions,
    ) -> Result<File, NetError> {
        match &self.inner {
            Backend::System(()) => with_path(path, move |path| create(path, options))
                .await
                .map(File::system),
            Backend::Native(files) => files.create(path.as_ref(), options).map(File::native),
        }
    }

    /// What is known of the file or directory at `path`; of what a link leads to, if it is one.
    ///
    /// # Errors
    /// [`NetError::NotFound`], also for a link that leads nowhere.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn metadata(&self, path: impl AsRef<Path>) -> Result<Metadata, NetError> {
        match &self.inner {
            Backend::System(()) => {
                with_path(path, |path| Metadata::of_system(&fs::metadata(path)?)).await
            }
            Backend::Native(files) => files.metadata(path.as_ref()),
        }
    }

    /// [`metadata`](Self::metadata), but of a link itself.
    ///
    /// # Errors
    /// [`NetError::NotFound`].
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn link_metadata(&self, path: impl AsRef<Path>) -> Result<Metadata, NetError> {
        match &self.inner {
            Backend::System(()) => {
                let look = |path: &Path| Metadata::of_system(&fs::symlink_metadata(path)?);
                with_path(path, look).await
            }
            Backend::Native(files) => files.metadata(path.as_ref()),
        }
    }

    /// What is in a directory, by name (octet by octet), without `.` and `..`. What goes away while it is read may be
    /// among it or not.
    ///
    /// # Errors
    /// [`NetError::NotFound`], [`NetError::NotDir`].
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn read_dir(&self, path: impl AsRef<Path>) -> Result<Vec<DirEntry>, NetError> {
        match &self.inner {
            Backend::System(()) => with_path(path, read_dir).await,
            Backend::Native(files) => files.read_dir(path.as_ref()),
        }
    }

    /// Makes a directory and those above it, as far as they are missing.
    ///
    /// # Errors
    /// [`NetError::Exists`] if `path` is something else, [`NetError::NotDir`] if something above it is.
    ///
    /// # Cancel safety
    /// Dropped, it still finishes.
    pub async fn create_dir_all(&self, path: impl AsRef<Path>) -> Result<(), NetError> {
        match &self.inner {
            Backend::System(()) => with_path(path, |path| fs::create_dir_all(path)).await,
            Backend::Native(files) => files.create_dir_all(path.as_ref()),
        }
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`NetError::NotFound`], [`NetError::NotDir`], [`NetError::NotEmpty`].
    ///
    /// # Cancel safety
    /// Dropped, it still finishes.
    pub async fn remove_dir(&self, path: impl AsRef<Path>) -> Result<(), NetError> {
        match &self.inner {
            Backend::System(()) => with_path(path, |path| fs::remove_dir(path)).await,
            Backend::Native(files) => files.remove_dir(path.as_ref()),
        }
    }

    /// Gives a file or a directory another name, in one step. A file that had it is replaced, and so is an empty
    /// directory by a directory.
    ///
    /// # Errors
    /// [`NetError::NotFound`] if `from` or the directory of `to` is missing; [`NetError::IsDir`],
    /// [`NetError::NotDir`], [`NetError::NotEmpty`] if `to` is something that `from` cannot replace;
    /// [`NetError::Inval`] for a directory below itself; [`NetError::CrossDevice`] from one file system to another.
    ///
    /// # Cancel safety
    /// Dropped, it still finishes.
    pub async fn rename(
        &self,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
    ) -> Result<(), NetError> {
        match &self.inner {
            Backend::System(()) => {
                let to = to.as_ref().to_owned();
                with_path(from, move |from| fs::rename(from, to)).await
            }
            Backend::Native(files) => files.rename(from.as_ref(), to.as_ref()),
        }
    }

    /// Sets when a file or a directory was last changed; of what a link leads to, if it is one.
    ///
    /// # Errors
    /// [`NetError::NotFound`], [`NetError::Perm`] for a file of somebody else.
    ///
    /// # Cancel safety
    /// Dropped, it still finishes.
    pub async fn set_modified(
        &self,
        path: impl AsRef<Path>,
        time: SystemTime,
    ) -> Result<(), NetError> {
        match &self.inner {
            Backend::System(()) => with_path(path, move |path| set_modified(path, time)).await,
            Backend::Native(files) => files.set_modified(path.as_ref(), time),
        }
    }

    /// Sets the permissions of a file or a directory, as `chmod` does: the lowest twelve bits of `mode` count.
    ///
    /// # Errors
    /// [`NetError::NotFound`], [`NetError::Perm`] for a file of somebody else.
    ///
    /// # Cancel safety
    /// Dropped, it still finishes.
    pub async fn set_mode(&self, path: impl AsRef<Path>, mode: u32) -> Result<(), NetError> {
        match &self.inner {
            Backend::System(()) => {
                let permissions = fs::Permissions::from_mode(mode & MODE_BITS);
                with_path(path, move |path| fs::set_permissions(path, permissions)).await
            }
            Backend::Native(files) => files.set_mode(path.as_ref(), mode),
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
            Backend::System(()) => with_path(path, |path| path.try_exists()).await,
            Backend::Native(files) => Ok(files.exists(path.as_ref())),
        }
    }

    /// Removes a file, or a link.
    ///
    /// # Errors
    /// [`NetError::NotFound`], [`NetError::IsDir`].
    ///
    /// # Cancel safety
    /// Dropped, it still finishes.
    pub async fn remove(&self, path: impl AsRef<Path>) -> Result<(), NetError> {
        match &self.inner {
            Backend::System(()) => with_path(path, |path| fs::remove_file(path)).await,
            Backend::Native(files) => files.remove(path.as_ref()),
        }
    }
}

/// Runs `work` with a path of its own where it may wait for a disk.
async fn with_path<T: Send + 'static>(
    path: impl AsRef<Path>,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, NetError> {
    let path = path.as_ref().to_owned();
    on_pool(move || work(&path)).await
}

/// Runs `work` where it may wait for a disk.
async fn on_pool<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, NetError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        // The runtime is going down: nobody will ask again.
        Err(_) => Err(NetError::Intr),
    }
}

/// Nobody waits for the other end of a pipe, and no terminal becomes ours.
const FLAGS: i32 = O_NONBLOCK | O_NOCTTY;

fn open(path: &Path) -> io::Result<fs::File> {
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(FLAGS)
        .open(path)?;
    // The system would open a directory too, and refuse to read it.
    if file.metadata()?.is_dir() {
        return Err(NetError::IsDir.into());
    }
    Ok(file)
}

fn create(path: &Path, options: CreateOptions) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(options.existing == Existing::Truncate)
        .append(options.existing == Existing::Append)
        .create_new(options.existing == Existing::Refuse)
        .mode(options.mode & MODE_BITS)
        .custom_flags(FLAGS)
        .open(path)
}

fn read_dir(path: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) => entries.push(DirEntry::new(
                entry.file_name(),
                Metadata::of_system(&metadata)?,
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

fn set_modified(path: &Path, time: SystemTime) -> io::Result<()> {
    let time = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => TimeSpec::from_duration(since),
        // The part of a second counts forwards also before 1970.
        Err(before) => {
            let before = before.duration();
            let seconds = before.as_secs() + u64::from(before.subsec_nanos() > 0);
            let nanos = std::time::Duration::from_secs(seconds) - before;
            let seconds = i64::try_from(seconds).map_err(|_| NetError::Inval)?;
            TimeSpec::new(-seconds, nanos.subsec_nanos().into())
        }
    };
    let follow = UtimensatFlags::FollowSymlink;
    Ok(utimensat(
        AT_FDCWD,
        path,
        &TimeSpec::UTIME_OMIT,
        &time,
        follow,
    )?)
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
