//! Calls that move files and listings (`ftp-api` §4.1, §4.2).

use super::{Calls, LocalMode, Restart, Settings, TransferType, pattern};
use crate::error::{Error, ErrorKind};
use crate::name::Name;
use crate::relay::RelayReport;
use crate::session::Verb;
use crate::site::Site;
use crate::transfer::{Get, Put, Report};
use std::path::Path;

#[expect(
    clippy::too_many_arguments,
    reason = "the arguments of the classic calls, in their order"
)]
impl Calls {
    /// Fetches `remote` into `local` (`ftpget`).
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses; then the local file is as it was. `FTPLOCALFILE`, `FTPDATACONN`, `FTPABORT`;
    /// `FTPNOXLATETBL`; what keeps us from logging in.
    ///
    /// # Cancel safety
    /// What has come is left in the file.
    pub async fn get(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        local: impl AsRef<Path>,
        remote: impl Into<Name>,
        mode: LocalMode,
        transfertype: TransferType,
    ) -> Result<Report, Error> {
        let remote = remote.into();
        let result = async {
            let settings = self.settings();
            let get = settings.get(&self.at(host, user, passwd, acct)?, remote, transfertype)?;
            let get = get.append_to_local(mode == LocalMode::Append);
            get.to_file(local).await
        };
        self.note(result.await)
    }

    /// Sends `local` to `remote` (`ftpput`); a file that is there is replaced.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    /// The file on the server may be cut short.
    pub async fn put(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        local: impl AsRef<Path>,
        remote: impl Into<Name>,
        transfertype: TransferType,
    ) -> Result<Report, Error> {
        let result = async {
            let put = self.at(host, user, passwd, acct)?.put(remote);
            let put = self.settings().put(put, transfertype)?;
            put.from_file(local).await
        };
        self.note(result.await)
    }

    /// Appends `local` to `remote` (`ftpappend`).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    /// Part of it may have been appended.
    pub async fn append(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        local: impl AsRef<Path>,
        remote: impl Into<Name>,
        transfertype: TransferType,
    ) -> Result<Report, Error> {
        let result = async {
            let put = self.at(host, user, passwd, acct)?.append(remote);
            let put = self.settings().put(put, transfertype)?;
            put.from_file(local).await
        };
        self.note(result.await)
    }

    /// Sends `local` and overwrites nothing (`ftpputunique`). The name that the server gave, which the classic call prints;
    /// `None` if the server does not say it.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    /// A part may be on the server under some name.
    pub async fn put_unique(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        local: impl AsRef<Path>,
        remote: impl Into<Name>,
        transfertype: TransferType,
    ) -> Result<Option<Name>, Error> {
        let result = async {
            let put = self.at(host, user, passwd, acct)?.put_unique(remote);
            let put = self.settings().put(put, transfertype)?;
            Ok(put.from_file(local).await?.name)
        };
        self.note(result.await)
    }

    /// Writes the long listing of what matches `pattern` to the file `local` (`ftpdir`), as the server words it, with
    /// local line ends. An empty pattern is the current directory.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    /// What has come is left in the file.
    pub async fn dir(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        local: impl AsRef<Path>,
        pattern: impl Into<Name>,
    ) -> Result<Report, Error> {
        let result = async {
            let site = self.at(host, user, passwd, acct)?;
            list(&site, Verb::List, local.as_ref(), pattern.into()).await
        };
        self.note(result.await)
    }

    /// Writes the names of what matches `pattern` to the file `local` (`ftpls`), one a line. An empty pattern is the
    /// current directory.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    /// What has come is left in the file.
    pub async fn ls(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        local: impl AsRef<Path>,
        pattern: impl Into<Name>,
    ) -> Result<Report, Error> {
        let result = async {
            let site = self.at(host, user, passwd, acct)?;
            list(&site, Verb::Nlst, local.as_ref(), pattern.into()).await
        };
        self.note(result.await)
    }

    /// Has `host2` send its file `fn2` straight to `host1`, which stores it as `fn1` (`ftpproxy`). **The target comes
    /// first**, as in the interactive `proxy put`; no octet of the file passes here. As text or binary; either way round,
    /// if the first is refused.
    ///
    /// # Errors
    /// `FTPPROXYTHIRD` if a server takes no part in such transfers; `FTPNOPRIMARY` if the target cannot be had;
    /// `FTPCOMMAND` if one refuses the file, or for EBCDIC; `FTPDATACONN` if they do not find each other; `FTPABORT` for
    /// what breaks in the middle; [`Error::side`] tells whose fault it was.
    ///
    /// # Cancel safety
    /// The transfer is broken off on both servers; the target may be left cut short.
    pub async fn proxy(
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
        let (fn1, fn2) = (fn1.into(), fn2.into());
        let result = async {
            let target = self.at(host1, userid1, passwd1, acct1)?;
            let source = self.at(host2, userid2, passwd2, acct2)?;
            let relay = self.client.copy((&source, fn2), (&target, fn1));
            let relay = match transfertype {
                TransferType::Binary => relay,
                TransferType::Ascii => relay.text(),
                TransferType::Ebcdic => {
                    let reason = "servers copy text or binary from each other, not EBCDIC";
                    return Err(ErrorKind::Unsupported(reason.into()).into());
                }
            };
            match self.settings().progress {
                Some(sink) => relay.progress(sink).run().await,
                None => relay.run().await,
            }
        };
        self.note(result.await)
    }

    /// Goes on with a get or put that was interrupted (`ftprestart`), where the shorter of the two files ends. `mode` has
    /// no meaning and is here for the order.
    ///
    /// # Errors
    /// `FTPCOMMAND` for texts, whose places cannot be compared; else as [`get`](Self::get).
    ///
    /// # Cancel safety
    /// What has been moved stays, to be gone on with.
    pub async fn restart(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        local: impl AsRef<Path>,
        remote: impl Into<Name>,
        _mode: LocalMode,
        transfertype: TransferType,
        rest: Restart,
    ) -> Result<Report, Error> {
        let remote = remote.into();
        let result = async {
            let settings = self.settings();
            let site = self.at(host, user, passwd, acct)?;
            match rest {
                Restart::Get => {
                    let get = settings.get(&site, remote, transfertype)?;
                    get.resume(true).to_file(local).await
                }
                Restart::Put => {
                    let put = settings.put(site.put(remote), transfertype)?;
                    put.resume(true).from_file(local).await
                }
            }
        };
        self.note(result.await)
    }
}

impl Settings {
    fn get(&self, site: &Site, remote: Name, transfertype: TransferType) -> Result<Get, Error> {
        let representation = transfertype.representation(self.table)?;
        let get = site.get(remote).representation(representation);
        Ok(match &self.progress {
            Some(sink) => get.progress(sink.clone()),
            None => get,
        })
    }

    fn put(&self, put: Put, transfertype: TransferType) -> Result<Put, Error> {
        let put = put.representation(transfertype.representation(self.table)?);
        Ok(match &self.progress {
            Some(sink) => put.progress(sink.clone()),
            None => put,
        })
    }
}

async fn list(site: &Site, verb: Verb, local: &Path, text: Name) -> Result<Report, Error> {
    Get::listing(site, verb, pattern(text)).to_file(local).await
}
