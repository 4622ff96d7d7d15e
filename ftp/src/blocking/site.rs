//! Calls to one server, and listings.

use super::engine::Engine;
use super::transfer::{Get, Put};
use crate::directory::{self, ListOptions};
use crate::error::Error;
use crate::feature::Features;
use crate::list::{self, Entry};
use crate::name::Name;
use crate::reply::Reply;
use crate::server::Server;
use crate::session::Verb;
use crate::site;
use crate::verify::{Algorithm, Digest};
use jiff::Timestamp;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A server to make calls to; see [`Site`](crate::Site). Cheap to clone; clones share the current directory.
#[derive(Clone)]
pub struct Site {
    inner: site::Site,
    engine: Arc<Engine>,
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*) -> $out:ty;)+) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            #[doc = concat!("As [`Site::", stringify!($name), "`](crate::Site::", stringify!($name), ").")]
            pub fn $name(&self, $($arg: $ty),*) -> Result<$out, Error> {
                self.engine.wait(self.inner.$name($($arg),*))
            }
        )+
    };
}

impl Site {
    pub(super) fn new(inner: site::Site, engine: &Arc<Engine>) -> Self {
        Self {
            inner,
            engine: Arc::clone(engine),
        }
    }

    pub(super) const fn inner(&self) -> &site::Site {
        &self.inner
    }

    /// The server, and who we are there.
    #[must_use]
    pub fn server(&self) -> &Server {
        self.inner.server()
    }

    /// A handle to the same server whose current directory is its own; at first the same.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self::new(self.inner.detached(), &self.engine)
    }

    /// A file to be got from the server.
    pub fn get(&self, path: impl Into<Name>) -> Get {
        Get::new(self.inner.get(path), &self.engine)
    }

    /// A file to be put onto the server; one that exists is replaced.
    pub fn put(&self, path: impl Into<Name>) -> Put {
        Put::new(self.inner.put(path), &self.engine)
    }

    /// A file to be appended to one on the server.
    pub fn append(&self, path: impl Into<Name>) -> Put {
        Put::new(self.inner.append(path), &self.engine)
    }

    /// A file to be put under a name that the server chooses.
    pub fn put_unique(&self, path: impl Into<Name>) -> Put {
        Put::new(self.inner.put_unique(path), &self.engine)
    }

    /// The entries of a directory one after the other, as they arrive.
    ///
    /// # Errors
    /// As [`Site::entries`](crate::Site::entries).
    pub fn entries(&self, path: Option<&Name>, options: ListOptions) -> Result<Entries, Error> {
        let inner = self.engine.wait(self.inner.entries(path, options))?;
        Ok(Entries {
            inner: Some(inner),
            report: None,
            engine: Arc::clone(&self.engine),
        })
    }

    calls! {
        /// The current directory's path.
        pwd() -> Name;
        /// The server's whole answer to `PWD`.
        pwd_reply() -> Reply;
        /// Changes the current directory of this handle and its clones.
        cd(path: impl Into<Name>) -> ();
        /// Changes to the directory above.
        cdup() -> ();
        /// Makes a directory; its path, if the server says it.
        mkdir(path: impl Into<Name>) -> Option<Name>;
        /// Removes a directory.
        rmdir(path: impl Into<Name>) -> ();
        /// Removes a file.
        delete(path: impl Into<Name>) -> ();
        /// Renames a file or directory.
        rename(from: impl Into<Name>, to: impl Into<Name>) -> ();
        /// Size of a file in octets.
        size(path: impl Into<Name>) -> u64;
        /// When a file was last modified.
        modified(path: impl Into<Name>) -> Timestamp;
        /// Sets when a file was last modified.
        set_modified(path: impl Into<Name>, time: Timestamp) -> ();
        /// Sets the Unix permissions of a file, as in `0o644`.
        chmod(path: impl Into<Name>, mode: u32) -> ();
        /// A command of the server's own (`SITE`), without that word.
        site(line: impl Into<Name>) -> Reply;
        /// Sends a line as it is, and gives the final reply, a refusal too.
        quote(line: impl Into<Name>) -> Reply;
        /// What the server says of its system.
        system() -> Reply;
        /// The state of the server, or of a file or directory there.
        status(path: Option<&Name>) -> Reply;
        /// What the server says of its commands, or of one.
        help(about: Option<&str>) -> Reply;
        /// Whether the server is there.
        noop() -> ();
        /// The algorithms by which the server tells digests, the one to be preferred first.
        hashes() -> Vec<Algorithm>;
        /// The digest of a file on the server.
        hash(path: impl Into<Name>, algorithm: Algorithm) -> Digest;
        /// The digest of a part of a file on the server.
        hash_part(path: impl Into<Name>, part: Range<u64>, algorithm: Algorithm) -> Digest;
        /// What the server can do.
        features() -> Features;
        /// The entries of a directory, without itself and its parent; the current one for `None`.
        list(path: Option<&Name>) -> Vec<Entry>;
        /// The names in a directory, or those that match a pattern.
        names(pattern: Option<&Name>) -> Vec<Name>;
        /// The listing of a directory or a pattern as the server writes it.
        listing(verb: Verb, pattern: Option<&Name>) -> Vec<u8>;
        /// What the server tells about one file or directory.
        metadata(path: impl Into<Name>) -> Entry;
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Entries of a directory on their way. Ends after the first error, which is an item like others.
pub struct Entries {
    /// None when it has ended: its connection is of use to others.
    inner: Option<directory::Entries>,
    report: Option<list::Report>,
    engine: Arc<Engine>,
}

impl Entries {
    /// What the listing has been so far: its form, and the lines that were not understood.
    #[must_use]
    pub fn report(&self) -> Option<&list::Report> {
        let report = self.inner.as_ref().map(directory::Entries::report);
        report.or(self.report.as_ref())
    }

    fn end(&mut self) {
        if let Some(inner) = self.inner.take() {
            self.report = Some(inner.report().clone());
            // Its connection goes back to the pool.
            self.engine.enter(|| drop(inner));
        }
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let inner = self.inner.as_mut()?;
        let next = self.engine.wait(inner.next()).transpose();
        if !matches!(next, Some(Ok(_))) {
            self.end();
        }
        next
    }
}

impl std::iter::FusedIterator for Entries {}

impl Drop for Entries {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("report", &self.report())
            .finish_non_exhaustive()
    }
}
