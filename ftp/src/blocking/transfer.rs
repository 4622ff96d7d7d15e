//! Getting and putting files.

use super::engine::Engine;
use crate::error::Error;
use crate::reply::Reply;
use crate::stream::{Download, Representation, Upload};
use crate::transfer::{self, ProgressSink, Report};
use crate::verify::Verify;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty)?);)+) => {
        $(
            $(#[$doc])*
            pub fn $name(self $(, $arg: $ty)?) -> Self {
                Self { inner: self.inner.$name($($arg)?), ..self }
            }
        )+
    };
}

/// A file to be got; made by [`Site::get`](super::Site::get).
#[derive(Clone)]
#[must_use = "nothing is got before one of its methods is called"]
pub struct Get {
    inner: transfer::Get,
    engine: Arc<Engine>,
}

impl Get {
    pub(super) fn new(inner: transfer::Get, engine: &Arc<Engine>) -> Self {
        Self {
            inner,
            engine: Arc::clone(engine),
        }
    }

    options! {
        /// As text: type A, line ends converted.
        text();
        /// In this type, mode and structure.
        representation(representation: Representation);
        /// Goes on where an earlier transfer of the same file ended.
        resume(resume: bool);
        /// Gives the copy the time of the original.
        keep_time(keep: bool);
        /// Compares the sizes.
        check_size(check: bool);
        /// What it is checked by when it is over.
        verify(verify: Verify);
        /// Moves at most so many octets a second.
        rate(octets_per_sec: u64);
        /// Tells `sink` how far it has come.
        progress(sink: ProgressSink);
        /// How large the file is, for the progress.
        expected(octets: u64);
        /// Begins at this octet.
        from(offset: u64);
        /// Gets a large file over up to so many connections at once.
        segments(segments: usize);
        /// Puts what comes behind what the local file has.
        append_to_local(append: bool);
    }

    pub(super) fn into_inner(self) -> transfer::Get {
        self.inner
    }

    /// As a stream.
    ///
    /// # Errors
    /// What keeps the transfer from beginning.
    pub fn reader(self) -> Result<Reader, Error> {
        let inner = self.engine.wait(self.inner.reader())?;
        Ok(Reader {
            inner: Some(inner),
            engine: self.engine,
        })
    }

    /// The whole file in memory.
    ///
    /// # Errors
    /// As [`Get::bytes`](crate::Get::bytes).
    pub fn bytes(self) -> Result<Vec<u8>, Error> {
        self.engine.run(self.inner.bytes())
    }

    /// Into a stream of the caller's, which is flushed.
    ///
    /// # Errors
    /// As [`Get::to_writer`](crate::Get::to_writer).
    pub fn to_writer<W: Write + Unpin>(self, writer: &mut W) -> Result<Report, Error> {
        let mut writer = Waiting(writer);
        self.engine.wait(self.inner.to_writer(&mut writer))
    }

    /// Into a local file.
    ///
    /// # Errors
    /// As [`Get::to_file`](crate::Get::to_file).
    pub fn to_file(self, path: impl AsRef<Path>) -> Result<Report, Error> {
        self.engine
            .run(self.inner.to_file(PathBuf::from(path.as_ref())))
    }
}

/// A file to be put; made by [`Site::put`](super::Site::put), [`append`](super::Site::append) and
/// [`put_unique`](super::Site::put_unique).
#[derive(Clone)]
#[must_use = "nothing is put before one of its methods is called"]
pub struct Put {
    inner: transfer::Put,
    engine: Arc<Engine>,
}

impl Put {
    pub(super) fn new(inner: transfer::Put, engine: &Arc<Engine>) -> Self {
        Self {
            inner,
            engine: Arc::clone(engine),
        }
    }

    options! {
        /// As text: type A, line ends converted.
        text();
        /// In this type, mode and structure.
        representation(representation: Representation);
        /// Goes on where an earlier transfer of the same file ended.
        resume(resume: bool);
        /// Gives the copy the time of the original.
        keep_time(keep: bool);
        /// Compares the sizes.
        check_size(check: bool);
        /// What it is checked by when it is over.
        verify(verify: Verify);
        /// Moves at most so many octets a second.
        rate(octets_per_sec: u64);
        /// Tells `sink` how far it has come.
        progress(sink: ProgressSink);
        /// How large the file is, for the progress.
        expected(octets: u64);
        /// Tells the server beforehand how much room is needed.
        allocate(allocate: bool);
    }

    pub(super) fn into_inner(self) -> transfer::Put {
        self.inner
    }

    /// As a stream.
    ///
    /// # Errors
    /// What keeps the transfer from beginning.
    pub fn writer(self) -> Result<Writer, Error> {
        let inner = self.engine.wait(self.inner.writer())?;
        Ok(Writer {
            inner: Some(inner),
            engine: self.engine,
        })
    }

    /// These octets.
    ///
    /// # Errors
    /// As [`Put::bytes`](crate::Put::bytes).
    pub fn bytes(self, octets: impl AsRef<[u8]>) -> Result<Report, Error> {
        self.engine.wait(self.inner.bytes(octets))
    }

    /// What `reader` gives, to its end.
    ///
    /// # Errors
    /// As [`Put::from_reader`](crate::Put::from_reader).
    pub fn from_reader<R: Read + Unpin>(self, reader: &mut R) -> Result<Report, Error> {
        let mut reader = Waiting(reader);
        self.engine.wait(self.inner.from_reader(&mut reader))
    }

    /// A local file.
    ///
    /// # Errors
    /// As [`Put::from_file`](crate::Put::from_file).
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<Report, Error> {
        self.engine
            .run(self.inner.from_file(PathBuf::from(path.as_ref())))
    }
}

/// A stream that waits where an asynchronous one would say "not yet". Its thread is the caller's own.
struct Waiting<T>(T);

impl<W: Write + Unpin> AsyncWrite for Waiting<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(again(|| self.0.write(octets)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(again(|| self.0.flush()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl<R: Read + Unpin> AsyncRead for Waiting<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buf.initialize_unfilled();
        let n = again(|| self.0.read(room))?;
        buf.set_filled(buf.filled().len() + n.min(buf.remaining()));
        Poll::Ready(Ok(()))
    }
}

/// Does it again if a signal came between.
fn again<T>(mut action: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match action() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A file on its way to us; see [`Download`]. Dropped before its end, the transfer is given up.
pub struct Reader {
    /// There until it is dropped.
    inner: Option<Download>,
    engine: Arc<Engine>,
}

impl Reader {
    /// The size that the server announced, if it did.
    #[must_use]
    pub fn announced_size(&self) -> Option<u64> {
        self.inner.as_ref().and_then(Download::announced_size)
    }

    /// Reads what is left and gives the server's final reply.
    ///
    /// # Errors
    /// What made the transfer fail.
    pub fn finish(mut self) -> Result<Reply, Error> {
        match self.inner.take() {
            Some(inner) => self.engine.wait(inner.finish()),
            None => Err(Error::lost("no transfer")),
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Some(inner) => self.engine.wait(inner.read(buf)),
            None => Ok(0),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.engine.enter(|| self.inner = None);
    }
}

/// A file on its way to the server; see [`Upload`]. Dropped before [`finish`](Self::finish), the transfer is given up.
pub struct Writer {
    /// There until it is dropped.
    inner: Option<Upload>,
    engine: Arc<Engine>,
}

impl Writer {
    /// Says that all has been written, and gives the server's final reply.
    ///
    /// # Errors
    /// What made the transfer fail.
    pub fn finish(mut self) -> Result<Reply, Error> {
        match &mut self.inner {
            Some(inner) => self.engine.wait(inner.finish()),
            None => Err(Error::lost("no transfer")),
        }
    }
}

impl Write for Writer {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match &mut self.inner {
            Some(inner) => self.engine.wait(inner.write(octets)),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.inner {
            Some(inner) => self.engine.wait(inner.flush()),
            None => Ok(()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.engine.enter(|| self.inner = None);
    }
}

macro_rules! debug {
    ($($name:ident)+) => {
        $(
            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($name))
                        .field("inner", &self.inner)
                        .finish_non_exhaustive()
                }
            }
        )+
    };
}

debug! { Get Put Reader Writer }
