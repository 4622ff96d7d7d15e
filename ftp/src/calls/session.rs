//! Calls that move no file: directories, queries, raw commands, the end (`ftp-api` §4.2, §4.3, §4.6).

use super::{Calls, TransferType};
use crate::client::lock;
use crate::error::{Error, ErrorKind};
use crate::name::Name;
use crate::reply::Reply;
use std::path::Path;
use std::time::SystemTime;

#[expect(
    clippy::too_many_arguments,
    reason = "the arguments of the classic calls, in their order"
)]
impl Calls {
    /// Changes the current directory there (`ftpcd`), for all calls with the same host, port and user.
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses; what keeps us from logging in.
    ///
    /// # Cancel safety
    /// The directory has changed for all later calls, or for none.
    pub async fn cd(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        dir: impl Into<Name>,
    ) -> Result<(), Error> {
        let result = async { self.at(host, user, passwd, acct)?.cd(dir).await };
        self.note(result.await)
    }

    /// What the server says of the current directory (`ftppwd`): the whole text behind the code, as in
    /// `"C:\" is current directory.`
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses; what keeps us from logging in.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn pwd(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
    ) -> Result<String, Error> {
        let result = async { self.at(host, user, passwd, acct)?.pwd_reply().await };
        let reply = self.note(result.await)?;
        Ok(reply.text().into_owned())
    }

    /// Makes a directory (`ftpmkd`).
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses; what keeps us from logging in.
    ///
    /// # Cancel safety
    /// It may have been made.
    pub async fn mkd(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        dir: impl Into<Name>,
    ) -> Result<(), Error> {
        let result = async { self.at(host, user, passwd, acct)?.mkdir(dir).await };
        self.note(result.await).map(drop)
    }

    /// Removes a directory (`ftprmd`).
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses; what keeps us from logging in.
    ///
    /// # Cancel safety
    /// It may have been removed.
    pub async fn rmd(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        dir: impl Into<Name>,
    ) -> Result<(), Error> {
        let result = async { self.at(host, user, passwd, acct)?.rmdir(dir).await };
        self.note(result.await)
    }

    /// Removes a file (`ftpdelete`).
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses; what keeps us from logging in.
    ///
    /// # Cancel safety
    /// It may have been removed.
    pub async fn delete(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        name: impl Into<Name>,
    ) -> Result<(), Error> {
        let result = async { self.at(host, user, passwd, acct)?.delete(name).await };
        self.note(result.await)
    }

    /// Renames a file (`ftprename`).
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses; what keeps us from logging in.
    ///
    /// # Cancel safety
    /// It may have been renamed.
    pub async fn rename(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        namefrom: impl Into<Name>,
        nameto: impl Into<Name>,
    ) -> Result<(), Error> {
        let result = async {
            let site = self.at(host, user, passwd, acct)?;
            site.rename(namefrom, nameto).await
        };
        self.note(result.await)
    }

    /// Has the server carry out a command of its own (`ftpsite`); `sitestr` without the word `SITE`. Its reply.
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses; what keeps us from logging in.
    ///
    /// # Cancel safety
    /// It may have been carried out.
    pub async fn site(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        sitestr: impl Into<Name>,
    ) -> Result<Reply, Error> {
        let result = async { self.at(host, user, passwd, acct)?.site(sitestr).await };
        self.note(result.await)
    }

    /// Sends a line as it is (`ftpquote`). Its reply.
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses, and for lines that take the connection out of our hands
    /// ([`Site::quote`](crate::Site::quote)); what keeps us from logging in.
    ///
    /// # Cancel safety
    /// It may have been carried out.
    pub async fn quote(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        quotestr: impl Into<Name>,
    ) -> Result<Reply, Error> {
        let quotestr = quotestr.into();
        let result = async {
            let site = self.at(host, user, passwd, acct)?;
            let reply = site.quote(quotestr.clone()).await?;
            if reply.is_negative() {
                // The verb alone: what follows may be secret.
                let line = quotestr.display();
                let command = line
                    .split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                return Err(ErrorKind::Refused { command, reply }.into());
            }
            Ok(reply)
        };
        self.note(result.await)
    }

    /// What the server says of its system (`ftpsys`).
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses; what keeps us from logging in.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn sys(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
    ) -> Result<String, Error> {
        let result = async { self.at(host, user, passwd, acct)?.system().await };
        let reply = self.note(result.await)?;
        Ok(reply.text().into_owned())
    }

    /// Size of a file on the server (`ftpremsize`), as a transfer of this type would move it; servers of today mostly
    /// tell it for [`T_BINARY`](super::T_BINARY) alone. `local` and `mode` have no meaning and are here for the order.
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses or knows no `SIZE`; what keeps us from logging in.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn rem_size(
        &self,
        host: &str,
        user: &str,
        passwd: &str,
        acct: Option<&str>,
        _local: impl AsRef<Path>,
        remote: impl Into<Name>,
        _mode: super::LocalMode,
        transfertype: TransferType,
    ) -> Result<u64, Error> {
        let remote = remote.into();
        let result = async {
            let site = self.at(host, user, passwd, acct)?;
            site.size_as(transfertype.argument(), &remote).await
        };
        self.note(result.await)
    }
}

impl Calls {
    /// Gives a local file the time of a remote one (`Keep_File_Date`), which is looked for on the connection most recently
    /// used.
    ///
    /// # Errors
    /// `FTPCOMMAND` if the server refuses, or no server was called yet; `FTPLOCALFILE`.
    ///
    /// # Cancel safety
    /// The file has the one time or the other.
    pub async fn keep_file_date(
        &self,
        localfile: impl AsRef<Path>,
        remotefile: impl Into<Name>,
    ) -> Result<(), Error> {
        let local = localfile.as_ref();
        let remote = remotefile.into();
        let result = async {
            let site = self
                .latest()
                .ok_or_else(|| ErrorKind::Unsupported("no server was called yet".into()))?;
            let time = site.modified(remote).await?;
            let time = SystemTime::try_from(time).map_err(|error| {
                ErrorKind::Unsupported(format!("a time that this system cannot represent: {error}"))
            })?;
            let files = self.client.net().files();
            let set = files.set_modified(local, time).await;
            set.map_err(|error| Error::local(local)(error.into()))
        };
        self.note(result.await)
    }

    /// Closes all connections (`ftplogoff`): says goodbye on each, waits 2 s for the answers at most, and forgets the
    /// current directories. What calls still use is closed when they are done.
    ///
    /// # Cancel safety
    /// What has not been closed in order is closed without a word.
    pub async fn logoff(&self) {
        lock(&self.state.places).clear();
        self.client.close().await;
    }
}
