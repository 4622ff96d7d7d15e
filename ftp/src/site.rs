//! Calls to one server.

use crate::answer;
use crate::client::Shared;
use crate::command::Command;
use crate::error::{Error, ErrorKind};
use crate::feature::Features;
use crate::name::Name;
use crate::pool::{Lease, Pool, Want};
use crate::reply::{Class, Reply};
use crate::server::Server;
use crate::session::{Directory, Operation, Outcome, Step};
use jiff::Timestamp;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::lock;

/// How long a connection may have been idle before a command that must not be carried out twice is preceded by one
/// that may.
const PROBE_AFTER: Duration = Duration::from_secs(5);

/// A server to make calls to, with a current directory there. Cheap to clone; clones share the directory.
///
/// Every call takes a connection of the [`Client`](crate::Client)'s pool for itself, so that calls may run beside each
/// other. Relative names are resolved against the directory that [`cd`](Self::cd) set; each call uses the one that was
/// set when it began, on whichever connection.
///
/// # Cancel safety
/// Every call may be dropped at any time. The connection gets back in step by itself, or is closed. The server may
/// have carried out a command whose reply was not waited for.
#[derive(Clone)]
pub struct Site {
    pub(crate) shared: Arc<Shared>,
    pub(crate) server: Arc<Server>,
    directory: Arc<Mutex<Directory>>,
    /// Data connections are made by the server, whatever [`Server`] says.
    pub(crate) active_only: bool,
}

/// Whether a command may be sent again when it is not known whether the server carried it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It asks, or sets what it sets again.
    Safe,
    /// Carried out twice it fails, or does something else.
    Never,
}

impl Site {
    pub(crate) fn new(shared: Arc<Shared>, server: Server) -> Self {
        Self {
            shared,
            server: Arc::new(server.with_its_port()),
            directory: Arc::default(),
            active_only: false,
        }
    }

    /// A handle whose current directory is that of this one, to the same server in another way.
    pub(crate) fn as_server(&self, server: Server) -> Self {
        let server = server.with_its_port();
        if *self.server == server {
            return self.clone();
        }
        Self {
            server: Arc::new(server),
            ..self.clone()
        }
    }

    /// The server, and who we are there.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A handle to the same server whose current directory is its own; at first the same.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            directory: Arc::new(Mutex::new(self.wanted_directory())),
            ..self.clone()
        }
    }

    /// A connection that is in the current directory.
    pub(crate) async fn lease(&self, mut want: Want) -> Result<Lease, Error> {
        let directory = self.wanted_directory();
        loop {
            let mut lease = Pool::lease(&self.shared, &self.server, &directory, want).await?;
            match enter(&mut lease, &directory).await {
                Ok(true) => return Ok(lease),
                // There is no way back to where the login led: a new connection is there.
                Ok(false) => {
                    lease.abandon();
                    want = Want::New;
                }
                Err(error) if lease.is_stale(&error) && want == Want::Any => want = Want::New,
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn wanted_directory(&self) -> Directory {
        lock(&self.directory).clone()
    }

    /// Sends commands one after the other, on one connection.
    pub(crate) async fn converse(
        &self,
        steps: Vec<Step>,
        repeat: Repeat,
    ) -> Result<Vec<Reply>, Error> {
        let mut want = Want::Any;
        loop {
            let mut lease = match repeat {
                Repeat::Safe => self.lease(want).await?,
                Repeat::Never => self.sure_lease(&mut want).await?,
            };
            match lease.run(Operation::Converse(steps.clone())).await {
                Ok(outcome) => return Ok(outcome.replies),
                Err(error) if want == Want::Any && lease.is_stale(&error) => {
                    // 421 says that nothing was done; a broken connection does not.
                    if repeat == Repeat::Never && error.may_have_happened() {
                        return Err(error);
                    }
                    want = Want::New;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A connection that has been heard of of late: what it is told next must not be carried out twice.
    async fn sure_lease(&self, want: &mut Want) -> Result<Lease, Error> {
        loop {
            let mut lease = self.lease(*want).await?;
            if !lease.reused || lease.idle_for() <= PROBE_AFTER {
                return Ok(lease);
            }
            let probe = vec![Step {
                command: Command::new("NOOP"),
                may_be_refused: true,
            }];
            match lease.run(Operation::Converse(probe)).await {
                Ok(_) => return Ok(lease),
                Err(error) if *want == Want::Any && lease.is_stale(&error) => *want = Want::New,
                Err(error) => return Err(error),
            }
        }
    }

    /// One command and its final reply.
    async fn command(&self, command: Command, repeat: Repeat) -> Result<Reply, Error> {
        let replies = self.converse(vec![command.into()], repeat).await?;
        last(replies)
    }

    async fn on_path(
        &self,
        verb: &'static str,
        path: impl Into<Name>,
        repeat: Repeat,
    ) -> Result<Reply, Error> {
        let command = self.with_path(verb, &path.into())?;
        self.command(command, repeat).await
    }

    pub(crate) fn with_path(&self, verb: &'static str, path: &Name) -> Result<Command, Error> {
        path.encode(self.server.name_charset())
            .and_then(|path| Command::with(verb, path))
            .map_err(Error::argument("path"))
    }

    /// The current directory's path.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`]; [`ErrorKind::Protocol`] if the answer cannot be read.
    pub async fn pwd(&self) -> Result<Name, Error> {
        let reply = self.pwd_reply().await?;
        match answer::path(&reply) {
            Some(path) => Ok(self.server.name_charset().name_of(&path)),
            None => Err(ErrorKind::Protocol(format!("no path in {reply}")).into()),
        }
    }

    /// The server's whole answer to `PWD`, as the classic API gives it.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`].
    pub async fn pwd_reply(&self) -> Result<Reply, Error> {
        self.command(Command::new("PWD"), Repeat::Safe).await
    }

    /// Changes the current directory of this handle and its clones.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`]: the directory stays as it was.
    pub async fn cd(&self, path: impl Into<Name>) -> Result<(), Error> {
        let command = self.with_path("CWD", &path.into())?;
        self.change(command).await
    }

    /// Changes to the directory above.
    ///
    /// # Errors
    /// As [`cd`](Self::cd).
    pub async fn cdup(&self) -> Result<(), Error> {
        self.change(Command::new("CDUP")).await
    }

    async fn change(&self, command: Command) -> Result<(), Error> {
        let mut want = Want::Any;
        loop {
            let mut lease = self.lease(want).await?;
            match change(&mut lease, &command).await {
                Ok(directory) => {
                    *lock(&self.directory) = directory;
                    return Ok(());
                }
                Err(error) if want == Want::Any && lease.is_stale(&error) => want = Want::New,
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes a directory; its path, if the server says it.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`]; [`Error::may_have_happened`] tells whether a lost connection leaves it open.
    pub async fn mkdir(&self, path: impl Into<Name>) -> Result<Option<Name>, Error> {
        let reply = self.on_path("MKD", path, Repeat::Never).await?;
        Ok(answer::path(&reply).map(|path| self.server.name_charset().name_of(&path)))
    }

    /// Removes a directory.
    ///
    /// # Errors
    /// As [`mkdir`](Self::mkdir).
    pub async fn rmdir(&self, path: impl Into<Name>) -> Result<(), Error> {
        self.on_path("RMD", path, Repeat::Never).await.map(drop)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// As [`mkdir`](Self::mkdir).
    pub async fn delete(&self, path: impl Into<Name>) -> Result<(), Error> {
        self.on_path("DELE", path, Repeat::Never).await.map(drop)
    }

    /// Renames a file or directory.
    ///
    /// # Errors
    /// As [`mkdir`](Self::mkdir).
    pub async fn rename(&self, from: impl Into<Name>, to: impl Into<Name>) -> Result<(), Error> {
        let steps = vec![
            self.with_path("RNFR", &from.into())?.into(),
            self.with_path("RNTO", &to.into())?.into(),
        ];
        self.converse(steps, Repeat::Never).await.map(drop)
    }

    /// Size of a file in octets, as a transfer of type I would move (RFC 3659 §4).
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], also where the server knows no `SIZE`; [`ErrorKind::Protocol`].
    pub async fn size(&self, path: impl Into<Name>) -> Result<u64, Error> {
        // In type A the size is another, or refused.
        self.size_as("I", &path.into()).await
    }

    /// Size of a file as a transfer of type `ty` would move it.
    pub(crate) async fn size_as(&self, ty: &'static str, path: &Name) -> Result<u64, Error> {
        let size = self.with_path("SIZE", path)?;
        let mut want = Want::Any;
        loop {
            let mut lease = self.lease(want).await?;
            match size_on(&mut lease, size.clone(), ty).await {
                Err(error) if want == Want::Any && lease.is_stale(&error) => want = Want::New,
                result => return result,
            }
        }
    }

    /// When a file was last modified (`MDTM`, RFC 3659 §3).
    ///
    /// # Errors
    /// As [`size`](Self::size).
    pub async fn modified(&self, path: impl Into<Name>) -> Result<Timestamp, Error> {
        let reply = self.on_path("MDTM", path, Repeat::Safe).await?;
        answer::time(&reply)
            .ok_or_else(|| ErrorKind::Protocol(format!("no time in {reply}")).into())
    }

    /// Sets when a file was last modified: by `MFMT` or `MFF` where the server names it, else by `MDTM` with a time, else by
    /// `SITE UTIME`.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] by the last way tried.
    pub async fn set_modified(&self, path: impl Into<Name>, time: Timestamp) -> Result<(), Error> {
        let path = path.into();
        let path = path
            .encode(self.server.name_charset())
            .map_err(Error::argument("path"))?;
        let time = answer::time_argument(time);
        let features = self.features().await?;
        let line = |words: &[&[u8]]| words.join(&b' ');
        let ways = [
            (
                "MFMT",
                line(&[time.as_bytes(), &path]),
                !features.are_known() || features.has("MFMT"),
            ),
            (
                "MFF",
                line(&[format!("modify={time};").as_bytes(), &path]),
                features.has("MFF"),
            ),
            ("MDTM", line(&[time.as_bytes(), &path]), true),
            ("SITE", line(&[b"UTIME", time.as_bytes(), &path]), true),
        ];
        let mut refusal = None;
        for (verb, argument, worth_trying) in ways {
            if !worth_trying {
                continue;
            }
            let command = Command::with(verb, argument).map_err(Error::argument("path"))?;
            match self.command(command, Repeat::Safe).await {
                // A server without this form of MDTM looks for a file with the time in its name: 550.
                Err(error) if matches!(error.kind(), ErrorKind::Refused { .. }) => {
                    refusal.get_or_insert(error);
                }
                result => return result.map(drop),
            }
        }
        Err(refusal.unwrap_or_else(|| ErrorKind::Unsupported("setting times".into()).into()))
    }

    /// Sets the Unix permissions of a file (`SITE CHMOD`), as in `0o644`.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`].
    pub async fn chmod(&self, path: impl Into<Name>, mode: u32) -> Result<(), Error> {
        let path = path.into();
        let path = path
            .encode(self.server.name_charset())
            .map_err(Error::argument("path"))?;
        let argument = [format!("CHMOD {mode:03o} ").as_bytes(), &path].concat();
        let command = Command::with("SITE", argument).map_err(Error::argument("path"))?;
        self.command(command, Repeat::Safe).await.map(drop)
    }

    /// A command of the server's own (`SITE`), without that word.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`].
    pub async fn site(&self, line: impl Into<Name>) -> Result<Reply, Error> {
        self.on_path("SITE", line, Repeat::Never).await
    }

    /// Sends a line as it is, and gives the final reply, a refusal too.
    ///
    /// What it changed on the connection is not known afterwards and is set anew. Lines one after the other use the same
    /// connection, if no other call comes between.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for commands that would take the connection out of our hands: those that move data,
    /// log in or begin TLS.
    pub async fn quote(&self, line: impl Into<Name>) -> Result<Reply, Error> {
        let line = line.into();
        let line = line
            .encode(self.server.name_charset())
            .map_err(Error::argument("line"))?;
        let command = Command::raw(line).map_err(Error::argument("line"))?;
        let verb = command.verb().to_ascii_uppercase();
        if OUT_OF_OUR_HANDS.contains(&&*verb) {
            return Err(ErrorKind::Unsupported(format!(
                "{verb} cannot be quoted: there is a call for it"
            ))
            .into());
        }
        let mut lease = self.sure_lease(&mut Want::Any).await?;
        let step = Step {
            command,
            may_be_refused: true,
        };
        let harmless = HARMLESS.contains(&&*verb);
        let stays = harmless || SETTINGS.contains(&&*verb);
        if !stays && lease.session.truth().directory == Some(Directory::Login) {
            // Else there would be no way back but a new login.
            ask_home(&mut lease).await?;
        }
        let directory = lease.session.truth().directory.clone();
        let outcome = lease.run(Operation::Converse(vec![step])).await;
        if !harmless {
            lease.session.truth_mut().forget();
        }
        if stays && outcome.is_ok() {
            lease.session.truth_mut().directory = directory;
        }
        last(outcome?.replies)
    }

    /// Mounts another file system (`SMNT`), on servers that still know such a thing. Where that leaves the connection is not
    /// known afterwards.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`].
    pub async fn mount(&self, path: impl Into<Name>) -> Result<Reply, Error> {
        let command = self.with_path("SMNT", &path.into())?;
        let mut lease = self.sure_lease(&mut Want::Any).await?;
        let outcome = lease.run(Operation::Converse(vec![command.into()])).await;
        lease.session.truth_mut().forget();
        last(outcome?.replies)
    }

    /// Takes back all that a session has set (`REIN`): the connection is as good as new for the server, and is closed
    /// here, since nobody is logged in on it any more. The next call logs in anew.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`].
    pub async fn reinitialize(&self) -> Result<Reply, Error> {
        let mut lease = self.lease(Want::Any).await?;
        let outcome = lease
            .run(Operation::Converse(vec![Command::new("REIN").into()]))
            .await;
        lease.abandon();
        last(outcome?.replies)
    }

    /// What the server says of its system (`SYST`).
    ///
    /// # Errors
    /// [`ErrorKind::Refused`].
    pub async fn system(&self) -> Result<Reply, Error> {
        self.command(Command::new("SYST"), Repeat::Safe).await
    }

    /// The state of the server, or of a file or directory there (`STAT`).
    ///
    /// # Errors
    /// [`ErrorKind::Refused`].
    pub async fn status(&self, path: Option<&Name>) -> Result<Reply, Error> {
        match path {
            Some(path) => self.on_path("STAT", path, Repeat::Safe).await,
            None => self.command(Command::new("STAT"), Repeat::Safe).await,
        }
    }

    /// What the server says of its commands, or of one (`HELP`).
    ///
    /// # Errors
    /// [`ErrorKind::Refused`].
    pub async fn help(&self, about: Option<&str>) -> Result<Reply, Error> {
        match about {
            Some(about) => self.on_path("HELP", about, Repeat::Safe).await,
            None => self.command(Command::new("HELP"), Repeat::Safe).await,
        }
    }

    /// Whether the server is there (`NOOP`).
    ///
    /// # Errors
    /// No connection; [`ErrorKind::Refused`].
    pub async fn noop(&self) -> Result<(), Error> {
        self.command(Command::new("NOOP"), Repeat::Safe)
            .await
            .map(drop)
    }

    /// What the server can do, as its `FEAT` tells.
    ///
    /// # Errors
    /// No connection.
    pub async fn features(&self) -> Result<Features, Error> {
        if let Some(features) = self.shared.memory_of(&self.server).features {
            return Ok(features);
        }
        let lease = self.lease(Want::Any).await?;
        Ok(lease.session.features().clone())
    }
}

/// Commands that `quote` refuses.
const OUT_OF_OUR_HANDS: [&str; 21] = [
    "RETR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD", "EPSV", "PASV", "EPRT", "PORT", "CPSV",
    "LPSV", "LPRT", "USER", "PASS", "ACCT", "AUTH", "REIN", "CCC", "QUIT",
];
/// Commands that change nothing on the connection.
const HARMLESS: [&str; 15] = [
    "NOOP", "PWD", "SYST", "STAT", "HELP", "FEAT", "SIZE", "MDTM", "MLST", "SITE", "MKD", "DELE",
    "RMD", "RNFR", "RNTO",
];
/// Commands that set something, and leave the directory as it is.
const SETTINGS: [&str; 10] = [
    "TYPE", "MODE", "STRU", "PROT", "PBSZ", "SSCN", "REST", "ALLO", "OPTS", "CLNT",
];

fn last(mut replies: Vec<Reply>) -> Result<Reply, Error> {
    replies.pop().ok_or_else(|| Error::lost("no reply"))
}

/// Asks for a size in type `ty`.
pub(crate) async fn size_on(
    lease: &mut Lease,
    size: Command,
    ty: &'static str,
) -> Result<u64, Error> {
    let mut steps = Vec::new();
    let typed = lease.session.truth().get(crate::session::Setting::Type) == Some(ty);
    if !typed {
        steps.push(
            Command::with("TYPE", ty)
                .map_err(Error::argument("type"))?
                .into(),
        );
    }
    steps.push(size.into());
    let outcome = lease.run(Operation::Converse(steps)).await;
    if !typed {
        let known = outcome.is_ok().then_some(ty);
        lease
            .session
            .truth_mut()
            .set(crate::session::Setting::Type, known);
    }
    let reply = last(outcome?.replies)?;
    answer::size(&reply).ok_or_else(|| ErrorKind::Protocol(format!("no size in {reply}")).into())
}

/// Sees to it that `lease` is in `directory`. `false` if it cannot get there from where it is.
pub(crate) async fn enter(lease: &mut Lease, directory: &Directory) -> Result<bool, Error> {
    let truth = lease.session.truth();
    if truth.directory.as_ref() == Some(directory) {
        return Ok(true);
    }
    let home = truth.home.clone();
    let at_login = truth.directory == Some(Directory::Login);
    let paths: Vec<Vec<u8>> = match (directory, home) {
        (Directory::Path(path), _) => vec![path.clone()],
        (Directory::Login, Some(home)) => vec![home],
        (Directory::Steps(steps), _) if at_login => steps.clone(),
        (Directory::Steps(steps), Some(home)) => {
            std::iter::once(home).chain(steps.iter().cloned()).collect()
        }
        (Directory::Login | Directory::Steps(_), None) => return Ok(false),
    };
    if at_login {
        ask_home(lease).await?;
    }
    lease.session.truth_mut().directory = None;
    let mut steps = Vec::new();
    for path in paths {
        steps.push(
            Command::with("CWD", path)
                .map_err(Error::argument("directory"))?
                .into(),
        );
    }
    lease.run(Operation::Converse(steps)).await?;
    lease.session.truth_mut().directory = Some(directory.clone());
    Ok(true)
}

/// Asks where the login has led, before that is left.
async fn ask_home(lease: &mut Lease) -> Result<(), Error> {
    if lease.session.truth().home.is_none() {
        let outcome = lease.run(Operation::Converse(vec![pwd()])).await?;
        let mut home = path_in(&outcome);
        if home.as_ref().is_some_and(|home| !home.starts_with(b"/")) && is_os400(lease).await? {
            // Libraries and members, unless one asks for paths (`NAMEFMT 1`).
            let paths = Command::with("SITE", "NAMEFMT 1").map_err(Error::argument("format"))?;
            let paths = Step {
                command: paths,
                may_be_refused: true,
            };
            let outcome = lease.run(Operation::Converse(vec![paths])).await?;
            if outcome.replies.iter().all(|reply| !reply.is_negative()) {
                home = path_in(&lease.run(Operation::Converse(vec![pwd()])).await?);
            }
        }
        lease.session.truth_mut().home = home;
    }
    Ok(())
}

/// Whether the server runs on OS/400.
async fn is_os400(lease: &mut Lease) -> Result<bool, Error> {
    let system = Step {
        command: Command::new("SYST"),
        may_be_refused: true,
    };
    let outcome = lease.run(Operation::Converse(vec![system])).await?;
    let of_os400 = |reply: &Reply| reply.text().contains("OS/400");
    Ok(outcome.replies.first().is_some_and(of_os400))
}

/// Changes the directory of `lease`, and says where that is.
async fn change(lease: &mut Lease, command: &Command) -> Result<Directory, Error> {
    let before = lease.session.truth().directory.clone();
    if before == Some(Directory::Login) {
        ask_home(lease).await?;
    }
    lease
        .run(Operation::Converse(vec![command.clone().into()]))
        .await?;
    lease.session.truth_mut().directory = None;
    let outcome = lease.run(Operation::Converse(vec![pwd()])).await?;
    let directory = match (path_in(&outcome), before) {
        (Some(path), _) => Directory::Path(path),
        (None, Some(before)) => {
            let mut steps = match before {
                Directory::Login => Vec::new(),
                Directory::Path(path) => vec![path],
                Directory::Steps(steps) => steps,
            };
            steps.push(command.argument().unwrap_or(b"..").to_vec());
            Directory::Steps(steps)
        }
        (None, None) => {
            return Err(ErrorKind::Protocol("the server does not say where it is".into()).into());
        }
    };
    lease.session.truth_mut().directory = Some(directory.clone());
    Ok(directory)
}

fn pwd() -> Step {
    Step {
        command: Command::new("PWD"),
        may_be_refused: true,
    }
}

fn path_in(outcome: &Outcome) -> Option<Vec<u8>> {
    let reply = outcome.replies.first()?;
    if reply.class() != Class::Completion {
        return None;
    }
    answer::path(reply)
}

impl Lease {
    /// Whether `error` says that the connection had died while nobody looked, so that a new one may do better.
    pub(crate) fn is_stale(&self, error: &Error) -> bool {
        self.reused
            && matches!(
                error.kind(),
                ErrorKind::Lost { .. } | ErrorKind::Unavailable { .. }
            )
    }

    pub(crate) fn idle_for(&self) -> Duration {
        let now = self.net.clock().now();
        now.saturating_duration_since(self.used_at)
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
