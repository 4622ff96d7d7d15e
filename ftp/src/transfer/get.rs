//! Getting files.

use super::seen::{Announced, Seen, has_changed};
use super::{
    BUFFER, Meter, Options, Patience, ProgressSink, Report, fill, local_error, options, read_all,
};
use crate::error::{Error, ErrorKind};
use crate::name::Name;
use crate::reply::Reply;
use crate::segments;
use crate::session::Verb;
use crate::site::Site;
use crate::stream::{Download, Flow, Plan, Representation};
use crate::verify::Verify;
use fairway_stack::{CreateOptions, File};
use std::fmt;
use std::path::Path;
use std::time::SystemTime;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

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
}

impl fmt::Debug for Get {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
