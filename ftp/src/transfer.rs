//! Getting and putting files: from and to files, memory and streams, taken up again where they broke.

mod check;
mod get;
mod meter;
mod put;
mod seen;

pub use get::Get;
pub(crate) use meter::{Meter, Patience};
pub use meter::{Progress, ProgressSink};
pub use put::Put;
pub(crate) use seen::{Seen, has_changed};

use crate::error::{Error, ErrorKind};
use crate::name::Name;
use crate::reply::Reply;
use crate::stream::{Download, Representation};
use crate::verify::{Algorithm, Verify};
use check::Check;
use fairway_stack::NetError;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

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
use options;

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

pub(crate) fn local_error(path: &Path) -> impl Fn(NetError) -> Error + use<> {
    let path = PathBuf::from(path);
    move |error| Error::local(&path)(error.into())
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
