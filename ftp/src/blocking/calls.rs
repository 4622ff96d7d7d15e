//! The classic calls.

use super::Client;
use super::engine::Engine;
use crate::calls::{self, LocalMode, PingError, Restart, TraceError, TraceMode, TransferType};
use crate::error::{Error, ErrorNumber};
use crate::name::Name;
use crate::relay::RelayReport;
use crate::reply::Reply;
use crate::server::Server;
use crate::transfer::{ProgressSink, Report};
use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The classic calls, as they were: they wait. See [`calls`](crate::calls).
#[derive(Clone)]
pub struct Calls {
    inner: calls::Calls,
    engine: Arc<Engine>,
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*) -> $out:ty;)+) => {
        #[expect(
            clippy::too_many_arguments,
            reason = "the arguments of the classic calls, in their order"
        )]
        impl Calls {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                #[doc = concat!("As [`Calls::", stringify!($name), "`](crate::calls::Calls::", stringify!($name), ").")]
                pub fn $name(
                    &self,
                    host: &str,
                    user: &str,
                    passwd: &str,
                    acct: Option<&str>
                    $(, $arg: $ty)*
                ) -> Result<$out, Error> {
                    self.engine.wait(self.inner.$name(host, user, passwd, acct $(, $arg)*))
                }
            )+
        }
    };
}

calls! {
    /// Fetches `remote` into `local` (`ftpget`).
    get(local: impl AsRef<Path>, remote: impl Into<Name>, mode: LocalMode, transfertype: TransferType) -> Report;
    /// Sends `local` to `remote` (`ftpput`).
    put(local: impl AsRef<Path>, remote: impl Into<Name>, transfertype: TransferType) -> Report;
    /// Appends `local` to `remote` (`ftpappend`).
    append(local: impl AsRef<Path>, remote: impl Into<Name>, transfertype: TransferType) -> Report;
    /// Sends `local` and overwrites nothing (`ftpputunique`).
    put_unique(local: impl AsRef<Path>, remote: impl Into<Name>, transfertype: TransferType) -> Option<Name>;
    /// Writes the long listing of `pattern` to `local` (`ftpdir`).
    dir(local: impl AsRef<Path>, pattern: impl Into<Name>) -> Report;
    /// Writes the names of `pattern` to `local` (`ftpls`).
    ls(local: impl AsRef<Path>, pattern: impl Into<Name>) -> Report;
    /// Goes on with a get or put that was interrupted (`ftprestart`).
    restart(local: impl AsRef<Path>, remote: impl Into<Name>, mode: LocalMode, transfertype: TransferType, rest: Restart) -> Report;
    /// Changes the current directory there (`ftpcd`).
    cd(dir: impl Into<Name>) -> ();
    /// What the server says of the current directory (`ftppwd`).
    pwd() -> String;
    /// Makes a directory (`ftpmkd`).
    mkd(dir: impl Into<Name>) -> ();
    /// Removes a directory (`ftprmd`).
    rmd(dir: impl Into<Name>) -> ();
    /// Removes a file (`ftpdelete`).
    delete(name: impl Into<Name>) -> ();
    /// Renames a file (`ftprename`).
    rename(namefrom: impl Into<Name>, nameto: impl Into<Name>) -> ();
    /// Has the server carry out a command of its own (`ftpsite`).
    site(sitestr: impl Into<Name>) -> Reply;
    /// Sends a line as it is (`ftpquote`).
    quote(quotestr: impl Into<Name>) -> Reply;
    /// What the server says of its system (`ftpsys`).
    sys() -> String;
    /// Size of a file on the server (`ftpremsize`).
    rem_size(local: impl AsRef<Path>, remote: impl Into<Name>, mode: LocalMode, transfertype: TransferType) -> u64;
}

impl Calls {
    /// Calls on the machine's own network, with the limits of the classic API.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn new() -> Result<Self, Error> {
        Ok(Self::over(&Client::with_limits(calls::Calls::limits())?))
    }

    /// Calls over `client`, with whatever limits that has.
    #[must_use]
    pub fn over(client: &Client) -> Self {
        Self {
            inner: calls::Calls::over(client.inner.clone()),
            engine: Arc::clone(&client.engine),
        }
    }

    /// The same calls for async programs, over the same connections.
    #[must_use]
    pub const fn asynchronous(&self) -> &calls::Calls {
        &self.inner
    }

    /// Has `host2` send its file `fn2` straight to `host1`, which stores it as `fn1` (`ftpproxy`): the target comes first.
    ///
    /// # Errors
    /// As [`Calls::proxy`](calls::Calls::proxy).
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the classic call, in their order"
    )]
    pub fn proxy(
        &self,
        host1: &str,
        userid1: &str,
        passwd1: &str,
        acct1: Option<&str>,
        host2: &str,
        userid2: &str,
        passwd2: &str,
        acct2: Option<&str>,
        fn1: impl Into<Name>,
        fn2: impl Into<Name>,
        transfertype: TransferType,
    ) -> Result<RelayReport, Error> {
        self.engine.wait(self.inner.proxy(
            host1,
            userid1,
            passwd1,
            acct1,
            host2,
            userid2,
            passwd2,
            acct2,
            fn1,
            fn2,
            transfertype,
        ))
    }

    /// Gives a local file the time of a remote one (`Keep_File_Date`).
    ///
    /// # Errors
    /// As [`Calls::keep_file_date`](calls::Calls::keep_file_date).
    pub fn keep_file_date(
        &self,
        localfile: impl AsRef<Path>,
        remotefile: impl Into<Name>,
    ) -> Result<(), Error> {
        self.engine
            .wait(self.inner.keep_file_date(localfile, remotefile))
    }

    /// Looks up `host` and pings it (`ftpping`).
    ///
    /// # Errors
    /// [`PingError`].
    pub fn ping(&self, host: &str, len: usize) -> Result<(Ipv4Addr, Duration), PingError> {
        self.engine.wait(self.inner.ping(host, len))
    }

    /// Pings an address (`ping`).
    ///
    /// # Errors
    /// [`PingError`].
    pub fn ping_addr(&self, addr: Ipv4Addr, len: usize) -> Result<Duration, PingError> {
        self.engine.wait(self.inner.ping_addr(addr, len))
    }

    /// Closes all connections (`ftplogoff`).
    pub fn logoff(&self) {
        self.engine.wait(self.inner.logoff());
    }

    /// Begins a trace (`ftptrcon`).
    ///
    /// # Errors
    /// [`TraceError::Open`].
    pub fn trace_on(&self, file: impl AsRef<Path>, mode: TraceMode) -> Result<(), TraceError> {
        self.engine.wait(self.inner.trace_on(file, mode))
    }

    /// Ends the trace (`ftptrcoff`).
    pub fn trace_off(&self) {
        self.engine.wait(self.inner.trace_off());
    }

    /// The version of this API (`ftpver`).
    #[must_use]
    pub const fn version(&self) -> &'static str {
        self.inner.version()
    }

    /// Why the last call that failed did (`ftperrno`).
    #[must_use]
    pub fn last_error(&self) -> Option<ErrorNumber> {
        self.inner.last_error()
    }

    /// Chooses the code page of EBCDIC transfers (`ftpxlate`).
    ///
    /// # Errors
    /// As [`Calls::xlate`](calls::Calls::xlate).
    pub fn xlate(&self, number: u32, name: &str) -> Result<(), Error> {
        self.inner.xlate(number, name)
    }

    /// Lets the servers make all data connections (`ftpsetactivemode`).
    pub fn set_active_mode(&self, active: bool) {
        self.inner.set_active_mode(active);
    }

    /// Tells `sink` how far each transfer of a file has come.
    pub fn set_progress(&self, sink: Option<ProgressSink>) {
        self.inner.set_progress(sink);
    }

    /// Has `prepare` complete what the arguments say of a server.
    pub fn prepare(&self, prepare: impl Fn(Server) -> Server + Send + Sync + 'static) {
        self.inner.prepare(prepare);
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
