//! Directories: their entries, names and listings as the server writes them.

use crate::data::{Format, Type};
use crate::error::{Error, ErrorKind};
use crate::list::{self, Context, Entry, Kind, Line, Listing};
use crate::name::Name;
use crate::reply::Reply;
use crate::session::Verb;
use crate::site::{Repeat, Site};
use crate::stream::{Download, Flow, Plan, Representation};
use crate::transfer::read_all;
use jiff::Timestamp;
use std::fmt;
use tokio::io::AsyncReadExt as _;

/// Octets of a listing read at once.
const CHUNK: usize = 32 * 1024;

/// What [`Site::entries`] asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListOptions {
    /// Hidden files too, where only `LIST` can be had: sent as `LIST -a`, which Unix servers understand. `MLSD` shows
    /// them anyway.
    pub all: bool,
    /// Only `LIST`, though the server may have `MLSD`.
    pub classic: bool,
}

impl Site {
    /// The entries of a directory, without itself and its parent; the current one for `None`.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`]; what breaks the transfer; [`ErrorKind::Protocol`] if the listing is in no form that is
    /// known.
    pub async fn list(&self, path: Option<&Name>) -> Result<Vec<Entry>, Error> {
        let mut entries = self.entries(path, ListOptions::default()).await?;
        let mut all = Vec::new();
        let limit = self.shared.limits.in_memory;
        let mut size = 0usize;
        while let Some(entry) = entries.next().await? {
            size += size_of::<Entry>() + entry.name.len();
            if size > limit {
                return Err(ErrorKind::Unsupported(format!(
                    "a listing of more than {limit} octets in memory"
                ))
                .into());
            }
            all.push(entry);
        }
        Ok(all)
    }

    /// The entries of a directory one after the other, as they arrive: by `MLSD` where the server has it (RFC 3659 §7),
    /// by `LIST` otherwise.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn entries(
        &self,
        path: Option<&Name>,
        options: ListOptions,
    ) -> Result<Entries, Error> {
        if !options.classic && self.features().await?.has("MLST") {
            match self.entries_by(Verb::Mlsd, path.cloned()).await {
                Err(error) if is_unknown_command(&error) => {}
                result => return result,
            }
        }
        let argument = match (options.all, path) {
            (true, Some(path)) => Some(Name::from("-a ").concat(&shielded(path))),
            (true, None) => Some(Name::from("-a")),
            (false, path) => path.map(shielded),
        };
        self.entries_by(Verb::List, argument).await
    }

    async fn entries_by(&self, verb: Verb, argument: Option<Name>) -> Result<Entries, Error> {
        let mut plan = Plan::new(verb, argument, listing_representation());
        // RFC 3659 §7.2: what MLSD sends does not depend on the type.
        plan.any_type = verb == Verb::Mlsd;
        let flow = Flow::start(self, &plan).await?;
        // The lines are read as they are: all that a listing in type A has, and a file may not, is a CR at their ends.
        let download = Download::new(flow, &Representation::default())?;
        let now = self.shared.net.clock().wall();
        let now = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
        let context = Context::new(now, self.server.zone_of_listings());
        let format = (verb == Verb::Mlsd).then_some(list::Format::Mlsx);
        Ok(Entries {
            download,
            listing: Listing::new(context, format),
            buffer: Vec::new(),
            ended: false,
        })
    }

    /// The names in a directory, or those that match a pattern with `*` and `?` (`NLST`), without itself and its parent.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], by some servers where there are none; what breaks the transfer.
    pub async fn names(&self, pattern: Option<&Name>) -> Result<Vec<Name>, Error> {
        let charset = self.server.name_charset();
        let text = self.listing(Verb::Nlst, pattern).await?;
        let lines = text.split(|octet| *octet == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        // Pure-FTPd names the directory and its parent, too.
        let named = lines.filter(|line| {
            let name = line.rsplit(|octet| *octet == b'/').next();
            !line.is_empty() && !matches!(name, Some(b"." | b".."))
        });
        Ok(named.map(|line| charset.name_of(line)).collect())
    }

    /// The listing of a directory or a pattern as the server writes it (`LIST`, or `NLST` for names alone), lines
    /// ending in CR LF.
    ///
    /// # Errors
    /// As [`names`](Self::names).
    pub async fn listing(&self, verb: Verb, pattern: Option<&Name>) -> Result<Vec<u8>, Error> {
        if !matches!(verb, Verb::List | Verb::Nlst | Verb::Mlsd) {
            return Err(ErrorKind::Unsupported(format!("{} lists nothing", verb.as_str())).into());
        }
        let mut plan = Plan::new(verb, pattern.cloned(), listing_representation());
        plan.any_type = verb == Verb::Mlsd;
        let flow = Flow::start(self, &plan).await?;
        let mut download = Download::new(flow, &Representation::default())?;
        let mut text = Vec::new();
        read_all(&mut download, &mut text, self.shared.limits.in_memory).await?;
        Ok(text)
    }

    /// What the server tells about one file or directory: by `MLST` where it has that (RFC 3659 §7), else by `SIZE` and
    /// `MDTM` for a file and by changing into it for a directory.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if there is none, or its state cannot be told.
    pub async fn metadata(&self, path: impl Into<Name>) -> Result<Entry, Error> {
        let path = path.into();
        if self.features().await?.has("MLST") {
            let command = self.with_path("MLST", &path)?;
            match self.converse(vec![command.into()], Repeat::Safe).await {
                Ok(replies) => {
                    let reply = replies.last();
                    let entry = reply.and_then(|reply| self.entry_in(reply));
                    return entry.ok_or_else(|| {
                        ErrorKind::Protocol("no facts in the answer to MLST".into()).into()
                    });
                }
                Err(error) if is_unknown_command(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let raw = path
            .encode(self.server.name_charset())
            .map_err(Error::argument("path"))?;
        let mut entry = Entry::new(raw.to_vec(), Kind::File);
        match self.size(&path).await {
            Ok(size) => entry.size = Some(size),
            Err(error) if matches!(error.kind(), ErrorKind::Refused { .. }) => {
                // A directory can be entered, on a handle of its own.
                return match self.detached().cd(&path).await {
                    Ok(()) => Ok(Entry::new(raw.to_vec(), Kind::Directory)),
                    Err(_) => Err(error),
                };
            }
            Err(error) => return Err(error),
        }
        if let Ok(time) = self.modified(&path).await {
            entry.modified = Some(list::Modified::exact(time));
        }
        Ok(entry)
    }

    pub(crate) fn entry_in(&self, reply: &Reply) -> Option<Entry> {
        let context = Context::new(Timestamp::UNIX_EPOCH, self.server.zone_of_listings());
        reply.lines().skip(1).find_map(|line| {
            let line = line.strip_prefix(b" ").unwrap_or(line);
            match list::parse_line_as(line, &context, list::Format::Mlsx) {
                Line::Entry(entry) => Some(entry),
                _ => None,
            }
        })
    }
}

/// RFC 959 §3.1.1.1: listings are text.
fn listing_representation() -> Representation {
    Representation {
        ty: Type::Ascii(Format::NonPrint),
        ..Representation::default()
    }
}

/// A path that looks like options to a server that hands it to `ls`.
fn shielded(path: &Name) -> Name {
    if path.raw().starts_with(b"-") {
        Name::from("./").concat(path)
    } else {
        path.clone()
    }
}

pub(crate) fn is_unknown_command(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Refused { reply, .. } if matches!(reply.code().get(), 500 | 502 | 504))
}

/// Entries of a directory on their way.
///
/// # Cancel safety
/// Dropped before its end, the transfer is given up; [`next`](Self::next) can be dropped and called again.
pub struct Entries {
    download: Download,
    listing: Listing,
    buffer: Vec<u8>,
    ended: bool,
}

impl Entries {
    /// The next entry; `None` after the last, when the server has said that all was sent.
    ///
    /// # Errors
    /// What breaks the transfer; [`ErrorKind::Protocol`] at the end of a listing of which nothing was understood.
    ///
    /// # Cancel safety
    /// No entry is lost.
    pub async fn next(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            while let Some(entry) = self.listing.next_entry() {
                if !entry.is_dot() {
                    return Ok(Some(entry));
                }
            }
            if self.ended {
                let report = self.listing.report();
                if report.entries == 0
                    && let Some(line) = report.first_unknown.first()
                {
                    let sample = String::from_utf8_lossy(&line.octets);
                    let sample: String = sample.chars().take(80).collect();
                    return Err(ErrorKind::Protocol(format!(
                        "a listing in no known form, such as {sample:?}"
                    ))
                    .into());
                }
                return Ok(None);
            }
            self.buffer.clear();
            self.buffer.reserve(CHUNK);
            match self.download.read_buf(&mut self.buffer).await {
                Ok(0) => {
                    self.listing.finish();
                    self.ended = true;
                }
                Ok(_) => self.listing.push(&self.buffer),
                Err(error) => return Err(self.download.failure(error)),
            }
        }
    }

    /// What the listing has been so far: its form, and the lines that were not understood.
    #[must_use]
    pub fn report(&self) -> &list::Report {
        self.listing.report()
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("report", self.report())
            .finish_non_exhaustive()
    }
}
