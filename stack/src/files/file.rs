//! An open file.

use super::{Metadata, on_pool};
use crate::backend::Backend;
use crate::error::NetError;
use crate::native::MemoryFile;
use rustix::buffer::spare_capacity;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::SystemTime;

/// What becomes of a file that is there already when one is [created](crate::Files::create).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Existing {
    /// It is emptied.
    Truncate,
    /// It stays, and every write goes to its end, wherever that is then: offsets do not count.
    Append,
    /// It stays, to be written at offsets: for what is resumed, or written in segments.
    Keep,
    /// It stays, and creating fails.
    Refuse,
}

/// How to [create](crate::Files::create) a file.
///
/// ```
/// use fairway_stack::CreateOptions;
///
/// let secret = CreateOptions::NEW.mode(0o600);
/// # assert_eq!(secret.mode, 0o600);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CreateOptions {
    /// What becomes of a file that is there already.
    pub existing: Existing,
    /// The permissions of a new one, of which the process's mask (`umask`) takes away some; that of a host of our own
    /// is 022.
    pub mode: u32,
}

impl CreateOptions {
    /// Empties a file that is there; a new one is for everybody that the mask allows.
    pub const TRUNCATE: Self = Self::new(Existing::Truncate);
    /// Appends to a file that is there.
    pub const APPEND: Self = Self::new(Existing::Append);
    /// Writes into a file that is there, or makes one.
    pub const KEEP: Self = Self::new(Existing::Keep);
    /// Makes a file where there is none, neither a link to one.
    pub const NEW: Self = Self::new(Existing::Refuse);

    const fn new(existing: Existing) -> Self {
        Self {
            existing,
            mode: 0o666,
        }
    }

    /// The same, with the permissions of a new file.
    #[must_use]
    pub const fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }
}

/// An open file, read or written at offsets.
///
/// Clones are the same open file, so that tasks can work on its parts at the same time. Buffers go in and come back
/// with what was done, without a copy; on the system back end each call is one visit to the blocking pool, so large
/// buffers (256 KiB and more) cost little more than the system's `pread` and `pwrite`. It closes with its last clone;
/// errors of the disk that come so late are lost, unless [`sync`](Self::sync) was called.
///
/// A call that is dropped still runs to its end, and then or later: who goes on with the file after dropping a write
/// may see it overtaken. Its buffer is lost.
///
/// ```
/// # use fairway_stack::{CreateOptions, Net, NetError};
/// async fn copy(net: &Net, from: &str, to: &str) -> Result<u64, NetError> {
///     let (from, to) = (net.files().open(from).await?, net.files().create(to, CreateOptions::TRUNCATE).await?);
///     let (mut buf, mut offset) = (Vec::with_capacity(256 * 1024), 0);
///     loop {
///         buf.clear();
///         buf = from.read_at(offset, buf).await?;
///         if buf.is_empty() {
///             return Ok(offset);
///         }
///         let len = buf.len() as u64;
///         buf = to.write_at(offset, buf).await?;
///         offset += len;
///     }
/// }
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// # let host = fairway_stack::native::Host::real_time(fairway_native::Stack::new(fairway_native::Setup::new("a", [7; 32])));
/// # host.net().files().write("/a", vec![7; 1 << 20]).await.unwrap();
/// # assert_eq!(copy(&host.net(), "/a", "/b").await, Ok(1 << 20));
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct File {
    inner: Backend<Arc<fs::File>, MemoryFile>,
}

impl File {
    pub(super) fn system(file: fs::File) -> Self {
        Self {
            inner: Backend::System(Arc::new(file)),
        }
    }

    pub(super) const fn native(file: MemoryFile) -> Self {
        Self {
            inner: Backend::Native(file),
        }
    }

    /// Reads from `offset` on into the spare room of `buf`, behind what it holds, until that is full or the file ends;
    /// gives it back. Room that stays empty means that the file ends there. Allocates nothing, and clears nothing:
    /// that is for the caller to do ([`Vec::clear`]) between reads.
    ///
    /// # Errors
    /// [`NetError::Inval`] if `buf` has no room, [`NetError::BadFile`] if the file was opened for writing,
    /// [`NetError::NotSeekable`] for a pipe, [`NetError::Io`] and the rest of the system's.
    ///
    /// # Cancel safety
    /// Nothing is changed; the buffer is lost.
    pub async fn read_at(&self, offset: u64, mut buf: Vec<u8>) -> Result<Vec<u8>, NetError> {
        if buf.len() == buf.capacity() {
            return Err(NetError::Inval);
        }
        match &self.inner {
            Backend::System(file) => {
                let file = file.clone();
                on_pool(move || read_at(&file, offset, buf)).await
            }
            Backend::Native(file) => {
                file.read_at(offset, &mut buf)?;
                Ok(buf)
            }
        }
    }

    /// Writes all of `buf` at `offset`, and gives it back. Beyond the end of the file, what is between reads as zeros.
    /// A file opened to [append](Existing::Append) takes it at its end instead.
    ///
    /// # Errors
    /// [`NetError::NoSpace`], [`NetError::Quota`], [`NetError::FBig`] beyond what a file can hold (4 GiB on hosts of our
    /// own), [`NetError::BadFile`] if the file was opened for reading, [`NetError::Io`] and the rest of the system's.
    /// Part of it may have been written.
    ///
    /// # Cancel safety
    /// It is written all the same, if it can be, now or later; the buffer is lost.
    pub async fn write_at<B>(&self, offset: u64, buf: B) -> Result<B, NetError>
    where
        B: AsRef<[u8]> + Send + 'static,
    {
        match &self.inner {
            Backend::System(file) => {
                let file = file.clone();
                on_pool(move || write_at(&file, offset, buf)).await
            }
            Backend::Native(file) => {
                file.write_at(offset, buf.as_ref())?;
                Ok(buf)
            }
        }
    }

    /// How many octets it has.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a question to the system, not a collection"
    )]
    pub async fn len(&self) -> Result<u64, NetError> {
        Ok(self.metadata().await?.len)
    }

    /// When its contents were last changed.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn modified(&self) -> Result<SystemTime, NetError> {
        Ok(self.metadata().await?.modified)
    }

    /// What is known of it.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn metadata(&self) -> Result<Metadata, NetError> {
        match &self.inner {
            Backend::System(file) => {
                let file = file.clone();
                on_pool(move || Metadata::of_system(&file.metadata()?)).await
            }
            Backend::Native(file) => Ok(file.metadata()),
        }
    }

    /// Cuts it, or makes it longer: what is added reads as zeros.
    ///
    /// # Errors
    /// [`NetError::Inval`] if it was opened for reading, [`NetError::FBig`] beyond what a file can hold (4 GiB on hosts
    /// of our own), and the rest of the system's.
    ///
    /// # Cancel safety
    /// Dropped, it still finishes.
    pub async fn set_len(&self, len: u64) -> Result<(), NetError> {
        match &self.inner {
            Backend::System(file) => {
                let file = file.clone();
                on_pool(move || match i64::try_from(len) {
                    Ok(_) => file.set_len(len),
                    Err(_) => Err(NetError::FBig.into()),
                })
                .await
            }
            Backend::Native(file) => file.set_len(len),
        }
    }

    /// Waits until everything written is on the disk, and says so if it could not be. Files of hosts of our own are
    /// safe at once.
    ///
    /// # Errors
    /// [`NetError::Io`], [`NetError::NoSpace`] and the rest of the system's.
    ///
    /// # Cancel safety
    /// Dropped, it still finishes.
    pub async fn sync(&self) -> Result<(), NetError> {
        match &self.inner {
            Backend::System(file) => {
                let file = file.clone();
                on_pool(move || file.sync_all()).await
            }
            Backend::Native(_) => Ok(()),
        }
    }

    /// Sets when its contents were last changed: until the next write.
    ///
    /// # Errors
    /// [`NetError::Perm`] for a file of somebody else, and the rest of the system's.
    ///
    /// # Cancel safety
    /// Dropped, it still finishes.
    pub async fn set_modified(&self, time: SystemTime) -> Result<(), NetError> {
        match &self.inner {
            Backend::System(file) => {
                let file = file.clone();
                on_pool(move || file.set_modified(time)).await
            }
            Backend::Native(file) => {
                file.set_modified(time);
                Ok(())
            }
        }
    }
}

fn read_at(file: &fs::File, offset: u64, mut buf: Vec<u8>) -> io::Result<Vec<u8>> {
    let start = buf.len();
    while buf.len() < buf.capacity() {
        let done = u64::try_from(buf.len() - start).unwrap_or(u64::MAX);
        // No file reaches so far that it could not be said.
        let Some(at) = offset
            .checked_add(done)
            .filter(|at| i64::try_from(*at).is_ok())
        else {
            break;
        };
        match rustix::io::pread(file, spare_capacity(&mut buf), at) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(buf)
}

fn write_at<B: AsRef<[u8]>>(file: &fs::File, offset: u64, buf: B) -> io::Result<B> {
    let octets = buf.as_ref();
    let end = u64::try_from(octets.len())
        .ok()
        .and_then(|len| offset.checked_add(len));
    if end.is_none_or(|end| i64::try_from(end).is_err()) {
        return Err(NetError::FBig.into());
    }
    file.write_all_at(octets, offset)?;
    Ok(buf)
}
