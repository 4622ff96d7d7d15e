//! Putting files.

use super::check::Check;
use super::{BUFFER, Meter, Options, Patience, ProgressSink, Report, local_error, options};
use crate::error::{Error, ErrorKind};
use crate::name::Name;
use crate::reply::Reply;
use crate::session::Verb;
use crate::site::Site;
use crate::stream::{Flow, Plan, Representation, Upload};
use crate::verify::Verify;
use fairway_stack::File;
use jiff::Timestamp;
use std::fmt;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

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
        // What a put replaces must not be taken for what has arrived of it: servers that write elsewhere and rename show it
        // to the end. A small file is simply put anew.
        let mut before = None;
        if self.verb == Verb::Stor && verbatim && !options.resume && length >= BUFFER as u64 {
            before = self.remote_size().await.ok().map(Option::unwrap_or_default);
        }
        let whole = self.verb != Verb::Appe;
        let check = match self.site.check_by(&options, whole).await? {
            Check::Size if !whole && base.is_none() => Check::No,
            check => check,
        };
        let mut again = self.verb == Verb::Stor;
        let report = loop {
            let done = self.whole(&file, &path, length, from, (base, before), &mut meter);
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
        (base, before): (Option<u64>, Option<u64>),
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
                            match self.settled((base, before), from, handed).await {
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
    /// is still there. Nor is, of a put, what has the size that the file had `before`; where that is not known, nothing is.
    async fn settled(
        &self,
        (base, before): (Option<u64>, Option<u64>),
        from: u64,
        handed: u64,
    ) -> Result<u64, Error> {
        let start = match self.verb {
            Verb::Appe => base.unwrap_or(0),
            _ => from,
        };
        let replaces = self.verb == Verb::Stor && !self.options.resume;
        if !self.options.representation.is_verbatim() || (replaces && before.is_none()) {
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
            if replaces && before == Some(size) {
                return Ok(0);
            }
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

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Refused { reply, .. } if matches!(reply.code().get(), 500..=504 | 550 | 554))
}

impl Site {
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

impl fmt::Debug for Put {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put")
            .field("verb", &self.verb)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
