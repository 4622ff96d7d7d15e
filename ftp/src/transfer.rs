//! Getting and putting files: from and to files, memory and streams, taken up again where they broke.

mod check;
mod meter;

pub(crate) use meter::{Meter, Patience};
pub use meter::{Progress, ProgressSink};

use crate::error::{Error, ErrorKind};
use crate::name::Name;
use crate::reply::Reply;
use crate::segments;
use crate::session::Verb;
use crate::site::Site;
use crate::stream::{Download, Flow, Plan, Representation, Upload};
use crate::verify::{Algorithm, Verify};
use check::Check;
use fairway_stack::{CreateOptions, File, NetError};
use jiff::Timestamp;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Octets read or written at once; two such buffers are under way.
pub(crate) const BUFFER: usize = 256 * 1024;

/// What a transfer did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Octets moved, of the local form.
    pub octets: u64,
    /// Where in the file it began; above 0 when it went on from an earlier one.
    pub from: u64,
    /// How long it took.
    pub time: Duration,
    /// How many times it was taken up again.
    pub retries: u32,
    /// The server's last word; `None` if there was nothing to move.
    pub reply: Option<Reply>,
    /// The name the server gave to the file, of a put with a unique name.
    pub name: Option<Name>,
    /// What it was found the same by, on both sides.
    pub verified: Verify,
    /// The algorithm of [`Verify::Hash`].
    pub algorithm: Option<Algorithm>,
}

impl Report {
    fn checked(mut self, check: Check) -> Self {
        (self.verified, self.algorithm) = match check {
            Check::No => (Verify::No, None),
            Check::Size => (Verify::Size, None),
            Check::Hash(algorithm) => (Verify::Hash, Some(algorithm)),
        };
        self
    }
}

/// What a get or put does about its size, time and speed.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) representation: Representation,
    pub(crate) resume: bool,
    offset: u64,
    keep_time: bool,
    verify: Verify,
    rate: Option<u64>,
    progress: Option<ProgressSink>,
    total: Option<u64>,
}

macro_rules! options {
    () => {
        /// As text: type A, line ends converted (RFC 959 §3.1.1.1).
        pub fn text(self) -> Self {
            self.representation(Representation::text())
        }

        /// In this type, mode and structure.
        pub fn representation(mut self, representation: Representation) -> Self {
            self.options.representation = representation;
            self
        }

        /// Goes on where an earlier transfer of the same file ended, if the other side has a part of it. Not for text, where
        /// places cannot be compared.
        pub fn resume(mut self, resume: bool) -> Self {
            self.options.resume = resume;
            self
        }

        /// Gives the copy the time of the original.
        pub fn keep_time(mut self, keep: bool) -> Self {
            self.options.keep_time = keep;
            self
        }

        /// Compares the size on the server with what was moved: [`Verify::Size`].
        pub fn check_size(self, check: bool) -> Self {
            self.verify(if check { Verify::Size } else { Verify::No })
        }

        /// What a transfer from or to a file is checked by when it is over. If that finds a fault, the whole file is moved
        /// once more; if it finds another, the call fails with [`ErrorKind::Verify`](crate::ErrorKind::Verify).
        ///
        /// Texts have no size and no digest in common with the original: of them the size is not checked, and asking for
        /// the digest is an error, as it is where the server offers none.
        pub fn verify(mut self, verify: Verify) -> Self {
            self.options.verify = verify;
            self
        }

        /// Moves at most so many octets a second.
        pub fn rate(mut self, octets_per_sec: u64) -> Self {
            self.options.rate = Some(octets_per_sec.max(1));
            self
        }

        /// Tells `sink` how far it has come.
        pub fn progress(mut self, sink: ProgressSink) -> Self {
            self.options.progress = Some(sink);
            self
        }

        /// How large the file is, where the caller knows, for the progress.
        pub fn expected(mut self, octets: u64) -> Self {
            self.options.total = Some(octets);
            self
        }
    };
}

/// A file to be got; made by [`Site::get`].
#[derive(Clone)]
#[must_use = "nothing is got before one of its async methods is called"]
pub struct Get {
    pub(crate) site: Site,
    pub(crate) verb: Verb,
    /// None only of a listing.
    pub(crate) path: Option<Name>,
    pub(crate) options: Options,
    pub(crate) appending: bool,
    pub(crate) segments: usize,
}

impl Get {
    options!();

    /// Begins at this octet.
    ///
    /// Sent as `REST`; without effect on a text, where places cannot be counted.
    pub fn from(mut self, offset: u64) -> Self {
        self.options.offset = offset;
        self
    }

    /// Puts what comes behind what the local file has (mode `a` of the classic API).
    pub fn append_to_local(mut self, append: bool) -> Self {
        self.appending = append;
        self
    }

    /// Gets a large file over up to so many connections at once, each a part of it ([`to_file`](Self::to_file) alone);
    /// 1 by default, 16 at most.
    ///
    /// Servers that cannot begin in the middle of a file, or tell no size, send it over one; where a server takes fewer
    /// logins, there are fewer parts at a time. Beside the file, as long as it is not complete, stands another with
    /// `.segments` added to its name, that tells which parts are there: with [`resume`](Self::resume) they are not got
    /// again. It is brought up to date every two seconds, and protects against the end of the program, not of the
    /// machine. Without it, what is there of the file itself counts as its beginning.
    pub fn segments(mut self, segments: usize) -> Self {
        self.segments = segments.clamp(1, segments::LIMIT);
        self
    }

    /// A listing as text, got like a file.
    pub(crate) fn listing(site: &Site, verb: Verb, path: Option<Name>) -> Self {
        Self {
            site: site.clone(),
            verb,
            path,
            options: Options::default(),
            appending: false,
            segments: 1,
        }
        .text()
    }

    /// As a stream.
    ///
    /// # Errors
    /// What keeps the transfer from beginning.
    pub async fn reader(self) -> Result<Download, Error> {
        self.open(self.options.offset).await
    }

    pub(crate) async fn open(&self, offset: u64) -> Result<Download, Error> {
        let representation = self.options.representation.clone();
        let mut plan = Plan::new(self.verb, self.path.clone(), representation);
        plan.restart = (offset > 0).then(|| offset.to_string().into_bytes());
        let flow = Flow::start(&self.site, &plan).await?;
        Download::new(flow, &self.options.representation)
    }

    /// The whole file in memory; up to [`Limits::in_memory`](crate::Limits::in_memory).
    ///
    /// # Errors
    /// What makes the transfer fail; [`ErrorKind::Unsupported`] if it is too large.
    pub async fn bytes(self) -> Result<Vec<u8>, Error> {
        let limit = self.site.shared.limits.in_memory;
        let mut download = self.open(self.options.offset).await?;
        let mut all = Vec::new();
        read_all(&mut download, &mut all, limit).await?;
        Ok(all)
    }

    /// Into a stream of the caller's, which is flushed and not closed. Not taken up again if it breaks: what the stream
    /// did with the octets is not known.
    ///
    /// # Errors
    /// What makes the transfer fail; [`ErrorKind::Local`] if the stream does.
    pub async fn to_writer<W: AsyncWrite + Unpin>(self, writer: &mut W) -> Result<Report, Error> {
        let clock = self.site.shared.net.clock();
        let mut meter = Meter::new(clock, &self.options, self.options.offset);
        let mut download = self.open(self.options.offset).await?;
        meter.total(download.announced_size());
        let mut buffer = Vec::with_capacity(BUFFER);
        while fill(&mut download, &mut buffer, meter.chunk()).await? {
            writer.write_all(&buffer).await.map_err(Error::local(""))?;
            meter.moved(buffer.len()).await;
            buffer.clear();
        }
        writer.flush().await.map_err(Error::local(""))?;
        let reply = download.finish().await?;
        Ok(meter.report(Some(reply)))
    }

    /// Into a local file, which is made or replaced (or extended, with [`append_to_local`](Self::append_to_local) or
    /// [`resume`](Self::resume)). A transfer that breaks is taken up again where it broke, if the file on the server is
    /// still what it was, as far as it tells.
    ///
    /// The first time it breaks, all there is to compare is the size that the server announced when it began, if it did;
    /// from then on, size and time are. What goes unnoticed is a file replaced before that by another as large (or of any
    /// size, where none was announced), later by one as large and as old, and whatever changes while octets flow: a copy
    /// that began with the one file and ends with the other. [`Verify::Hash`] finds these. And with
    /// [`resume`](Self::resume), what was got by an earlier call is taken for a part of the same file.
    ///
    /// # Errors
    /// What makes the transfer fail; what has come is left in the file then.
    ///
    /// # Cancel safety
    /// What has come is left in the file.
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<Report, Error> {
        let path = path.as_ref().to_owned();
        let Self { site, options, .. } = &self;
        // A listing asks for nothing that needs a name.
        let remote = &self.path.clone().unwrap_or_else(|| Name::from("."));
        let verbatim = options.representation.is_verbatim();
        if (options.resume || options.offset > 0) && !verbatim {
            return Err(ErrorKind::Unsupported("a text cannot be resumed".into()).into());
        }
        let local = local_error(&path);
        // A file that is to be replaced is touched only when the server has begun to send.
        let mut file = None;
        let mut length = 0;
        if options.resume || self.appending {
            let there = self.local_file(&path).await?;
            length = there.len().await.map_err(&local)?;
            file = Some(there);
        }
        // Where in the remote file to begin, and where in the local one that goes.
        let from = if options.resume {
            length
        } else {
            options.offset
        };
        let check = site.check_by(options, options.resume || from == 0).await?;
        // Where the first octet of the remote file stands here.
        let base = if self.appending && !options.resume {
            length
        } else {
            0
        };
        let mut from = from;
        let mut meter = Meter::new(site.shared.net.clock(), options, from);
        let mut again = true;
        let reply = loop {
            let reply = self.whole(&mut file, &path, length, from, &mut meter);
            let reply = reply.await?;
            let size = meter.from + meter.octets;
            match site.compare(check, remote, &path, base, size).await {
                Ok(()) => break reply,
                Err(error) if again && matches!(error.kind(), ErrorKind::Verify(_)) => {
                    tracing::warn!(%error, "the whole file is got once more");
                    again = false;
                    from = if options.resume { 0 } else { options.offset };
                    meter.begin_anew(from);
                    if let Some(file) = &file {
                        file.set_len(base).await.map_err(&local)?;
                    }
                }
                Err(error) => return Err(error),
            }
        };
        if options.keep_time
            && let Some(file) = file
        {
            let time = SystemTime::try_from(site.modified(remote).await?).map_err(|error| {
                ErrorKind::Unsupported(format!("a time that this system cannot represent: {error}"))
            })?;
            file.set_modified(time).await.map_err(&local)?;
        }
        Ok(meter.report(reply).checked(check))
    }

    /// The file from `from` on, over as many connections as that takes. `None` if there was nothing to move.
    async fn whole(
        &self,
        file: &mut Option<File>,
        path: &Path,
        length: u64,
        from: u64,
        meter: &mut Meter,
    ) -> Result<Option<Reply>, Error> {
        let Self { site, options, .. } = self;
        let remote = &self.path.clone().unwrap_or_else(|| Name::from("."));
        let mut from = from;
        if let Some(reply) = self.in_segments(file, path, &mut from, meter).await? {
            return Ok(reply);
        }
        if from > 0 && options.resume {
            let size = site.size(remote).await?;
            if size == from {
                return Ok(None);
            }
            if size < from {
                return Err(ErrorKind::Verify(format!(
                    "{} has {from} octets, the file on the server {size}",
                    path.display()
                ))
                .into());
            }
        }
        let verbatim = options.representation.is_verbatim();
        let mut patience = Patience::new(site);
        // What the file was when the first part came: as the server announced it, and as it was first told when asked.
        let mut announced = None;
        let mut seen: Option<Seen> = None;
        loop {
            let result = self.part(file, path, length, from, meter, &mut announced);
            let result = result.await;
            match result {
                Ok(reply) => return Ok(Some(reply)),
                Err(error) if verbatim && error.is_transient() => {
                    patience.again(error, meter).await?;
                    if meter.octets > 0 {
                        // What broke the transfer may last, and a question is an attempt like any other.
                        let now = loop {
                            match Seen::ask(site, remote).await {
                                Ok(now) => break now,
                                Err(error) if error.is_transient() => {
                                    patience.again(error, meter).await?;
                                }
                                Err(error) => return Err(error),
                            }
                        };
                        match &seen {
                            Some(before) if *before != now => return Err(has_changed()),
                            None if announced.is_some_and(|size| !size.fits(now.size)) => {
                                return Err(has_changed());
                            }
                            _ => seen = Some(now),
                        }
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn local_file(&self, path: &Path) -> Result<File, Error> {
        let files = self.site.shared.net.files();
        let options = if self.options.resume || self.appending {
            CreateOptions::KEEP
        } else {
            CreateOptions::TRUNCATE
        };
        files.create(path, options).await.map_err(local_error(path))
    }

    /// The rest of the file, as far as one connection carries.
    async fn part(
        &self,
        file: &mut Option<File>,
        path: &Path,
        length: u64,
        from: u64,
        meter: &mut Meter,
        announced: &mut Option<Announced>,
    ) -> Result<Reply, Error> {
        let base = if self.appending && !self.options.resume {
            length
        } else {
            from
        };
        let start = from + meter.octets;
        let mut download = self.open(start).await?;
        let size = download.announced_size();
        if meter.octets == 0 {
            *announced = size.map(|size| Announced { start, size });
        }
        meter.total(size.map(|size| size.max(meter.octets)));
        let file = match file {
            Some(file) => file,
            None => file.insert(self.local_file(path).await?),
        };
        let local = local_error(path);
        let mut reading = Vec::with_capacity(BUFFER);
        let mut writing = Vec::with_capacity(BUFFER);
        let mut more = fill(&mut download, &mut reading, meter.chunk()).await?;
        while more {
            std::mem::swap(&mut reading, &mut writing);
            reading.clear();
            let (offset, len) = (base + meter.octets, writing.len());
            // One buffer is written while the next is read.
            let (filled, written) = tokio::join!(
                fill(&mut download, &mut reading, meter.chunk()),
                file.write_at(offset, writing)
            );
            writing = written.map_err(&local)?;
            // What was written counts, even if the connection has broken since.
            meter.moved(len).await;
            more = filled?;
        }
        download.finish().await
    }
}

pub(crate) fn has_changed() -> Error {
    ErrorKind::Verify("the file on the server has changed since the transfer began".into()).into()
}

/// The size in the preliminary reply to a `RETR` that begins at `start`.
#[derive(Clone, Copy, Debug)]
struct Announced {
    start: u64,
    size: u64,
}

impl Announced {
    /// Whether it can be that of a file of `size` octets. Some announce all of it (vsftpd), others what is left
    /// (ProFTPD).
    fn fits(self, size: u64) -> bool {
        self.size == size || self.start.checked_add(self.size) == Some(size)
    }
}

/// What tells whether a file is still the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) size: u64,
    pub(crate) modified: Option<Timestamp>,
}

impl Seen {
    pub(crate) async fn ask(site: &Site, path: &Name) -> Result<Self, Error> {
        let size = site.size(path).await?;
        let modified = match site.modified(path).await {
            Ok(modified) => Some(modified),
            // A server that does not tell, or in no way that can be read.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Refused { .. } | ErrorKind::Protocol(_) | ErrorKind::Unsupported(_)
                ) =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Self { size, modified })
    }
}

/// A file to be put; made by [`Site::put`], [`Site::append`] and [`Site::put_unique`].
#[derive(Clone)]
#[must_use = "nothing is put before one of its async methods is called"]
pub struct Put {
    site: Site,
    path: Option<Name>,
    verb: Verb,
    options: Options,
    allocate: bool,
}

impl Put {
    options!();

    /// Tells the server beforehand how much room is needed (`ALLO`), where that is known.
    pub fn allocate(mut self, allocate: bool) -> Self {
        self.allocate = allocate;
        self
    }

    /// As a stream.
    ///
    /// # Errors
    /// What keeps the transfer from beginning.
    pub async fn writer(self) -> Result<Upload, Error> {
        self.open(self.verb, self.options.offset, None).await
    }

    async fn open(&self, verb: Verb, offset: u64, size: Option<u64>) -> Result<Upload, Error> {
        let mut plan = Plan::new(verb, self.path.clone(), self.options.representation.clone());
        plan.restart = (offset > 0 && verb == Verb::Stor).then(|| offset.to_string().into_bytes());
        plan.allocate = size.filter(|_| self.allocate);
        let flow = Flow::start(&self.site, &plan).await?;
        Upload::new(flow, &self.options.representation)
    }

    /// These octets.
    ///
    /// # Errors
    /// What makes the transfer fail.
    ///
    /// # Cancel safety
    /// The file on the server may be cut short.
    pub async fn bytes(self, octets: impl AsRef<[u8]>) -> Result<Report, Error> {
        let octets = octets.as_ref();
        self.from_reader(&mut &*octets).await
    }

    /// What `reader` gives, to its end. Not taken up again if it breaks.
    ///
    /// # Errors
    /// What makes the transfer fail; [`ErrorKind::Local`] if the reader does.
    ///
    /// # Cancel safety
    /// The file on the server may be cut short.
    pub async fn from_reader<R: AsyncRead + Unpin>(self, reader: &mut R) -> Result<Report, Error> {
        let clock = self.site.shared.net.clock();
        let mut meter = Meter::new(clock, &self.options, self.options.offset);
        let mut upload = self
            .open(self.verb, self.options.offset, self.options.total)
            .await?;
        let mut buffer = Vec::with_capacity(BUFFER);
        loop {
            let room = meter.chunk().min(BUFFER);
            let mut limited = (&mut *reader).take(room as u64);
            if limited
                .read_buf(&mut buffer)
                .await
                .map_err(Error::local(""))?
                == 0
            {
                break;
            }
            if let Err(error) = upload.write_all(&buffer).await {
                return Err(upload.failure(error));
            }
            meter.moved(buffer.len()).await;
            buffer.clear();
        }
        let reply = upload.finish().await?;
        Ok(self.done(&meter, reply, &upload))
    }

    /// A local file. A put that breaks is taken up again where it broke, as far as the server tells how much it has; an
    /// append only where that is sure, and a put with a unique name never.
    ///
    /// # Errors
    /// What makes the transfer fail.
    ///
    /// # Cancel safety
    /// The file on the server may be cut short.
    pub async fn from_file(self, path: impl AsRef<Path>) -> Result<Report, Error> {
        let path = path.as_ref().to_owned();
        let local = local_error(&path);
        let files = self.site.shared.net.files();
        let file = files.open(&path).await.map_err(&local)?;
        let length = file.len().await.map_err(&local)?;
        let options = Options {
            total: Some(length),
            ..self.options.clone()
        };
        let verbatim = options.representation.is_verbatim();
        if options.resume && (!verbatim || self.verb != Verb::Stor) {
            return Err(
                ErrorKind::Unsupported("only a put of octets can be resumed".into()).into(),
            );
        }
        let mut from = 0;
        if options.resume {
            from = self.remote_size().await?.unwrap_or(0);
            if from > length {
                return Err(ErrorKind::Verify(format!(
                    "the file on the server has {from} octets, {} {length}",
                    path.display()
                ))
                .into());
            }
        }
        let clock = self.site.shared.net.clock();
        let mut meter = Meter::new(clock, &options, from);
        // An append goes on safely only if it is known what was there before.
        let mut patience = Patience::new(&self.site);
        let base = loop {
            if self.verb != Verb::Appe || !verbatim {
                break None;
            }
            match self.remote_size().await {
                Ok(size) => break Some(size.unwrap_or(0)),
                Err(error) if matches!(error.kind(), ErrorKind::Refused { .. }) => break None,
                Err(error) if error.is_transient() => patience.again(error, &mut meter).await?,
                Err(_) => break None,
            }
        };
        let whole = self.verb != Verb::Appe;
        let check = match self.site.check_by(&options, whole).await? {
            Check::Size if !whole && base.is_none() => Check::No,
            check => check,
        };
        let mut again = self.verb == Verb::Stor;
        let report = loop {
            let done = self.whole(&file, &path, length, from, base, &mut meter);
            let report = match done.await? {
                Some((upload, reply)) => self.done(&meter, reply, &upload),
                None => meter.report(None),
            };
            let named = match self.verb {
                Verb::Stou => report.name.as_ref(),
                _ => self.path.as_ref(),
            };
            let Some(remote) = named else { break report };
            let size = base.unwrap_or(0) + from + meter.octets;
            match self.site.compare(check, remote, &path, 0, size).await {
                Ok(()) => break report.checked(check),
                Err(error) if again && matches!(error.kind(), ErrorKind::Verify(_)) => {
                    tracing::warn!(%error, "the whole file is put once more");
                    again = false;
                    from = 0;
                    meter.begin_anew(from);
                }
                Err(error) => return Err(error),
            }
        };
        if options.keep_time
            && let Some(remote) = report.name.as_ref().or(self.path.as_ref())
        {
            let time = file.modified().await.map_err(&local)?;
            let time = Timestamp::try_from(time)
                .map_err(|error| Error::local(&path)(std::io::Error::other(error.to_string())))?;
            self.site.set_modified(remote, time).await?;
        }
        Ok(report)
    }

    /// The file from `from` on, over as many connections as that takes. `None` if there was nothing to move.
    async fn whole(
        &self,
        file: &File,
        path: &Path,
        length: u64,
        from: u64,
        base: Option<u64>,
        meter: &mut Meter,
    ) -> Result<Option<(Upload, Reply)>, Error> {
        if from == length && length > 0 {
            return Ok(None);
        }
        let verbatim = self.options.representation.is_verbatim();
        let mut patience = Patience::new(&self.site);
        // Behind `from`, as much as a data connection was given to carry.
        let mut handed = 0;
        loop {
            let part = self.part(file, path, length, from, meter, &mut handed);
            match part.await {
                Ok(done) => return Ok(Some(done)),
                // No REST for STOR here (554 and its like): what is replaced can as well begin anew.
                Err((error, _))
                    if meter.octets > 0 && self.verb == Verb::Stor && is_refusal(&error) =>
                {
                    patience.again(error, meter).await?;
                    meter.octets = 0;
                }
                Err((error, touched)) => {
                    let again =
                        error.is_transient() && (!touched || self.can_go_on(verbatim, base));
                    if !again {
                        return Err(error);
                    }
                    patience.again(error, meter).await?;
                    if touched {
                        meter.octets = loop {
                            match self.settled(base, from, handed).await {
                                Ok(arrived) => break arrived,
                                // What broke the transfer may last: a question is an attempt like any other.
                                Err(error) if error.is_transient() => {
                                    patience.again(error, meter).await?;
                                }
                                Err(error) => return Err(error),
                            }
                        };
                    }
                }
            }
        }
    }

    const fn can_go_on(&self, verbatim: bool, base: Option<u64>) -> bool {
        match self.verb {
            Verb::Stor => true,
            Verb::Appe => verbatim && base.is_some(),
            _ => false,
        }
    }

    /// How large the file on the server is; `None` if there is none.
    async fn remote_size(&self) -> Result<Option<u64>, Error> {
        let Some(path) = &self.path else {
            return Ok(None);
        };
        match self.site.size(path).await {
            Ok(size) => Ok(Some(size)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How much of what was sent has arrived, once that does not change any more: the server's old process may still be
    /// writing. More than was `handed` to a data connection is not ours: before the server begins, what a put replaces
    /// is still there.
    async fn settled(&self, base: Option<u64>, from: u64, handed: u64) -> Result<u64, Error> {
        let start = match self.verb {
            Verb::Appe => base.unwrap_or(0),
            _ => from,
        };
        if !self.options.representation.is_verbatim() {
            return Ok(0);
        }
        let clock = self.site.shared.net.clock();
        let mut last = None;
        for _ in 0..20 {
            let size = match self.remote_size().await {
                Ok(size) => size.unwrap_or(0),
                // A server without SIZE: a put begins anew, an append does not get here.
                Err(error) if matches!(error.kind(), ErrorKind::Refused { .. }) => return Ok(0),
                Err(error) => return Err(error),
            };
            if last == Some(size) {
                let arrived = size.checked_sub(start).filter(|arrived| *arrived <= handed);
                return match (arrived, self.verb) {
                    (Some(arrived), _) => Ok(arrived),
                    // Something else is there: a put replaces it.
                    (None, Verb::Stor) => Ok(0),
                    (None, _) => Err(ErrorKind::Verify(format!(
                        "the file on the server had {start} octets before the append and has {size} now"
                    ))
                    .into()),
                };
            }
            last = Some(size);
            clock.sleep(Duration::from_millis(500)).await;
        }
        Err(ErrorKind::Verify("the file on the server keeps changing".into()).into())
    }

    async fn part(
        &self,
        file: &File,
        path: &Path,
        length: u64,
        from: u64,
        meter: &mut Meter,
        handed: &mut u64,
    ) -> Result<(Upload, Reply), (Error, bool)> {
        let start = from + meter.octets;
        // REST and APPE both begin behind what is there; only the first says where.
        let left = length.saturating_sub(start);
        let mut upload = match self.open(self.verb, start, Some(left)).await {
            Ok(upload) => upload,
            // 554 and its like: no REST for STOR here. A file that is replaced from its start needs none.
            Err(error) if matches!(error.kind(), ErrorKind::Aborted { .. }) => {
                return Err((error, true));
            }
            Err(error) => return Err((error, false)),
        };
        let touched = |error| (error, true);
        let local = local_error(path);
        let mut reading = file
            .read_at(start, Vec::with_capacity(meter.chunk().min(BUFFER)))
            .await
            .map_err(|error| touched(local(error)))?;
        let mut writing = Vec::with_capacity(BUFFER);
        while !reading.is_empty() {
            std::mem::swap(&mut reading, &mut writing);
            reading.clear();
            let offset = start + upload_len(meter, from, start) + writing.len() as u64;
            *handed = (*handed).max(meter.octets + writing.len() as u64);
            // The next buffer is read while one is sent.
            let (read, sent) =
                tokio::join!(file.read_at(offset, reading), upload.write_all(&writing));
            if let Err(error) = sent {
                return Err(touched(upload.failure(error)));
            }
            meter.moved(writing.len()).await;
            reading = read.map_err(|error| touched(local(error)))?;
        }
        let reply = upload.finish().await.map_err(touched)?;
        Ok((upload, reply))
    }

    fn done(&self, meter: &Meter, reply: Reply, upload: &Upload) -> Report {
        let mut report = meter.report(Some(reply));
        if self.verb == Verb::Stou {
            let charset = self.site.server.name_charset();
            report.name = upload.unique_name().map(|name| charset.name_of(name));
        }
        report
    }
}

/// Octets sent in this part so far.
const fn upload_len(meter: &Meter, from: u64, start: u64) -> u64 {
    from + meter.octets - start
}

impl Site {
    /// A file to be got from the server.
    pub fn get(&self, path: impl Into<Name>) -> Get {
        Get {
            site: self.clone(),
            verb: Verb::Retr,
            path: Some(path.into()),
            options: Options::default(),
            appending: false,
            segments: 1,
        }
    }

    /// A file to be put onto the server; one that exists is replaced.
    pub fn put(&self, path: impl Into<Name>) -> Put {
        self.upload(Verb::Stor, Some(path.into()))
    }

    /// A file to be appended to one on the server.
    pub fn append(&self, path: impl Into<Name>) -> Put {
        self.upload(Verb::Appe, Some(path.into()))
    }

    /// A file to be put under a name that the server chooses, if `path` is taken (or always, with most servers of today:
    /// [`Report::name`] tells it).
    pub fn put_unique(&self, path: impl Into<Name>) -> Put {
        self.upload(Verb::Stou, Some(path.into()))
    }

    fn upload(&self, verb: Verb, path: Option<Name>) -> Put {
        Put {
            site: self.clone(),
            path,
            verb,
            options: Options::default(),
            allocate: false,
        }
    }
}

/// Fills `buffer` with at least a quarter of `room` octets, unless the end comes first. `false` if there is nothing.
pub(crate) async fn fill(
    download: &mut Download,
    buffer: &mut Vec<u8>,
    room: usize,
) -> Result<bool, Error> {
    use bytes::BufMut as _;
    while buffer.len() < room / 4 * 3 + 1 {
        let left = room.saturating_sub(buffer.len());
        let mut limited = (&mut *buffer).limit(left);
        match download.read_buf(&mut limited).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if buffer.is_empty() => return Err(download.failure(error)),
            // What has come is of use; the error comes again.
            Err(_) => break,
        }
    }
    Ok(!buffer.is_empty())
}

pub(crate) async fn read_all(
    download: &mut Download,
    all: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Error> {
    loop {
        all.reserve(8192);
        match download.read_buf(all).await {
            Ok(0) => return Ok(()),
            Ok(_) if all.len() > limit => {
                return Err(
                    ErrorKind::Unsupported(format!("more than {limit} octets in memory")).into(),
                );
            }
            Ok(_) => {}
            Err(error) => return Err(download.failure(error)),
        }
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Refused { reply, .. } if matches!(reply.code().get(), 500..=504 | 550 | 554))
}

pub(crate) fn local_error(path: &Path) -> impl Fn(NetError) -> Error + use<> {
    let path = PathBuf::from(path);
    move |error| Error::local(&path)(error.into())
}

impl fmt::Debug for Get {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Put {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put")
            .field("verb", &self.verb)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Client, Server};
    use fairway_stack::Net;

    #[test]
    fn transfers_can_be_made_on_any_thread() {
        fn sent<T: Send>(_: T) {}
        let site = Client::new(Net::system()).site(Server::new("a"));
        sent(site.get("a").to_file("a"));
        sent(site.get("a").bytes());
        sent(site.put("a").from_file("a"));
        sent(site.put("a").bytes("a"));
        sent(site.entries(None, crate::ListOptions::default()));
        sent(site.get("a").to_writer(&mut tokio::io::sink()));
        sent(site.put("a").from_reader(&mut tokio::io::empty()));
    }
}
