//! The classic FTP API by its names: every call says which host, as whom and what, and needs no handle.
//!
//! [`Calls`] remembers which servers it is connected to. A call uses the connection that is there, or makes one and logs
//! in; what the server has dropped is made again without a word, in the directory it was in. Only
//! [`logoff`](Calls::logoff) closes connections, all of them, and more than 256 there cannot be.
//!
//! | classic | here | | classic | here |
//! |---|---|---|---|---|
//! | `ftpget` `ftpput` `ftpappend` | [`get`](Calls::get) [`put`](Calls::put) [`append`](Calls::append) | | `ftpsite` `ftpquote` `ftpsys` | [`site`](Calls::site) [`quote`](Calls::quote) [`sys`](Calls::sys) |
//! | `ftpputunique` | [`put_unique`](Calls::put_unique) gives the name | | `ftpremsize` `ftprestart` | [`rem_size`](Calls::rem_size) [`restart`](Calls::restart) |
//! | `ftpdir` `ftpls` | [`dir`](Calls::dir) [`ls`](Calls::ls) | | `Keep_File_Date` | [`keep_file_date`](Calls::keep_file_date) |
//! | `ftpcd` `ftppwd` | [`cd`](Calls::cd) [`pwd`](Calls::pwd) | | `ftpping` `ping` | [`ping`](Calls::ping) [`ping_addr`](Calls::ping_addr) |
//! | `ftpmkd` `ftprmd` | [`mkd`](Calls::mkd) [`rmd`](Calls::rmd) | | `ftptrcon` `ftptrcoff` | [`trace_on`](Calls::trace_on) [`trace_off`](Calls::trace_off) |
//! | `ftpdelete` `ftprename` | [`delete`](Calls::delete) [`rename`](Calls::rename) | | `ftplogoff` `ftpver` | [`logoff`](Calls::logoff) [`version`](Calls::version) |
//! | `ftpproxy` | [`proxy`](Calls::proxy), target first | | `ftpxferwnd` | [`set_progress`](Calls::set_progress) |
//! | `ftp_errno` | [`Error::number`], [`last_error`](Calls::last_error) | | `ftpxlate` `ftpsetactivemode` | [`xlate`](Calls::xlate) [`set_active_mode`](Calls::set_active_mode) |
//!
//! A server is a host, a port and a user. A call with another password or account than the one before logs in anew, on a
//! connection of its own: nobody uses a connection that he could not have opened. The current directory is the same.
//!
//! Unlike the classic ones, calls may be made from several tasks at once, and the error of each is its own. Arguments
//! keep their order: **local before remote**, on `get` too. What the classic calls leave in a buffer is returned.
//!
//! ```no_run
//! use fairway_ftp::calls::{Calls, LocalMode, T_BINARY};
//! use fairway_stack::Net;
//!
//! # async fn example() -> Result<(), fairway_ftp::Error> {
//! let ftp = Calls::new(Net::system());
//! ftp.cd("server1 2121", "anna", "secret", None, "pub").await?;
//! ftp.get("server1 2121", "anna", "secret", None, "a.zip", "a.zip", LocalMode::Overwrite, T_BINARY).await?;
//! ftp.logoff().await;
//! # Ok(())
//! # }
//! ```

mod ping;
mod session;
mod trace;
mod transfer;
mod values;

pub use ping::PingError;
pub use trace::TraceError;
pub use values::{
    LocalMode, M_APPEND, M_OVERLAY, REST_GET, REST_PUT, Restart, T_ASCII, T_BINARY, T_EBCDIC,
    TraceMode, TransferType,
};

use crate::client::{Client, Limits, lock};
use crate::data::CodePage;
use crate::error::{Error, ErrorNumber};
use crate::name::Name;
use crate::server::Server;
use crate::site::Site;
use crate::transfer::ProgressSink;
use fairway_stack::Net;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use trace::TraceFile;

/// Connections that there may be (`ftp-api` §1).
const CONNECTIONS: usize = 256;
/// How many servers' current directories are remembered.
const PLACES: usize = 1024;

/// The classic calls. Cheap to clone; clones share the connections and all that is set.
#[derive(Clone)]
pub struct Calls {
    client: Client,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The servers called, the most recently called last.
    places: Mutex<Vec<Place>>,
    settings: Mutex<Settings>,
    last_error: Mutex<Option<ErrorNumber>>,
    trace: tokio::sync::Mutex<Option<TraceFile>>,
}

/// A server, and where we are there.
struct Place {
    key: (String, u16, String),
    site: Site,
}

/// What is set for all calls.
#[derive(Clone, Default)]
struct Settings {
    table: Option<CodePage>,
    active_only: bool,
    progress: Option<ProgressSink>,
    prepare: Option<Prepare>,
}

type Prepare = Arc<dyn Fn(Server) -> Server + Send + Sync>;

impl Calls {
    /// Calls over a client of their own, with the [limits](Self::limits) of the classic API.
    #[must_use]
    pub fn new(net: Net) -> Self {
        Self::over(Client::with_limits(net, Self::limits()))
    }

    /// Calls over a client that the program also uses otherwise, with whatever limits that has.
    #[must_use]
    pub fn over(client: Client) -> Self {
        Self {
            client,
            state: Arc::default(),
        }
    }

    /// What the classic API allows: 256 connections, none of which makes room for another or is closed for being idle.
    #[must_use]
    pub fn limits() -> Limits {
        Limits {
            connections: CONNECTIONS,
            per_server: CONNECTIONS,
            evict: false,
            idle: Duration::MAX,
            ..Limits::default()
        }
    }

    /// The client underneath.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Has `prepare` complete what the arguments say of a server: TLS, a charset, a proxy.
    pub fn prepare(&self, prepare: impl Fn(Server) -> Server + Send + Sync + 'static) {
        lock(&self.state.settings).prepare = Some(Arc::new(prepare));
    }

    /// Chooses the code page of EBCDIC transfers (`ftpxlate`), by its number (37, 500, 1047, …) or, if that is 0, by its
    /// name (`cp500`, `IBM-1047`). With neither, none is chosen.
    ///
    /// # Errors
    /// `FTPNOXLATETBL` if there is no such code page; the one chosen before stays.
    pub fn xlate(&self, number: u32, name: &str) -> Result<(), Error> {
        let table = values::table(number, name);
        let table = self.note(table)?;
        lock(&self.state.settings).table = table;
        Ok(())
    }

    /// Lets the servers make all data connections (`PORT`), instead of trying passive mode first (`ftpsetactivemode`).
    pub fn set_active_mode(&self, active: bool) {
        lock(&self.state.settings).active_only = active;
    }

    /// Tells `sink` how far each transfer of a file has come, some times a second and at its end; `None` ends that
    /// (`ftpxferwnd` and its message `WM_FTPAPI_XFER_UPDATE`).
    pub fn set_progress(&self, sink: Option<ProgressSink>) {
        lock(&self.state.settings).progress = sink;
    }

    /// Why the last call that failed did (`ftperrno`); `None` before any did. Of all clones: where calls run beside each
    /// other, ask the [`Error`] itself.
    #[must_use]
    pub fn last_error(&self) -> Option<ErrorNumber> {
        *lock(&self.state.last_error)
    }

    /// The version of this API (`ftpver`).
    #[must_use]
    pub const fn version(&self) -> &'static str {
        concat!("Fairway FTP API ", env!("CARGO_PKG_VERSION"))
    }

    /// Remembers why a call failed.
    fn note<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            *lock(&self.state.last_error) = Some(error.number());
        }
        result
    }

    fn settings(&self) -> Settings {
        lock(&self.state.settings).clone()
    }

    /// The server that the leading arguments name, in the directory that the last `cd` there led to.
    fn at(
        &self,
        host: &str,
        user: &str,
        password: &str,
        account: Option<&str>,
    ) -> Result<Site, Error> {
        let settings = self.settings();
        let mut server = Server::parse(host)?.login(user, password);
        if let Some(account) = account {
            server = server.account(account);
        }
        if let Some(prepare) = &settings.prepare {
            server = prepare(server);
        }
        let key = (
            server.host().to_ascii_lowercase(),
            server.port(),
            server.user().to_owned(),
        );
        let mut places = lock(&self.state.places);
        let site = match places.iter().position(|place| place.key == key) {
            Some(at) => places.remove(at).site.as_server(server),
            None => {
                if places.len() >= PLACES {
                    places.remove(0);
                }
                self.client.site(server)
            }
        };
        let mut of_call = site.clone();
        places.push(Place { key, site });
        of_call.active_only = settings.active_only;
        Ok(of_call)
    }

    /// The connection most recently used.
    fn latest(&self) -> Option<Site> {
        let places = lock(&self.state.places);
        places.last().map(|place| place.site.clone())
    }
}

/// A pattern or path; none if it is empty.
fn pattern(text: impl Into<Name>) -> Option<Name> {
    let name = text.into();
    (!name.raw().is_empty()).then_some(name)
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
