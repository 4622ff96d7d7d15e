//! What every command needs: the client, the logins, and where to say things.

use crate::args::{Options, TlsWhen};
use crate::exit::{Failure, Outcome};
use crate::netrc::{Login, Netrc};
use crate::output::clean;
use crate::progress::Board;
use crate::prompt;
use crate::url::{FtpUrl, Scheme};
use fairway_ftp::session::Note;
use fairway_ftp::tls::{TlsOptions, TlsVersion};
use fairway_ftp::{Client, DataMode, Limits, Server, Site, Tls};
use fairway_stack::{Files, Net};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What every command needs.
pub(crate) struct Tool {
    pub(crate) client: Client,
    pub(crate) net: Net,
    pub(crate) options: Options,
    pub(crate) board: Board,
    tls: TlsOptions,
    netrc: Netrc,
    /// What was typed at the prompt, by user, host and port: asked once.
    typed: tokio::sync::Mutex<Vec<(String, String)>>,
    warned: Mutex<bool>,
    under_way: Mutex<Vec<Interrupted>>,
}

impl Tool {
    /// Reads the files that the options name.
    ///
    /// # Errors
    /// A file that cannot be read or understood.
    pub(crate) async fn new(options: Options, board: Board) -> Outcome<Arc<Self>> {
        let net = Net::system();
        let mut limits = Limits::default();
        if let Some(seconds) = options.timeout {
            let span = Duration::from_secs(seconds.into());
            limits.resolve = span;
            limits.connect = span;
            limits.reply = span;
            limits.data_connection = span;
            limits.data_idle = span;
        }
        limits.retries = options.retries.unwrap_or(limits.retries);
        let client = Client::with_limits(net.clone(), limits);
        if options.verbose > 0 {
            let board = board.clone();
            client.set_trace(Some(Arc::new(move |server, note| {
                trace(&board, server.host(), note);
            })));
        }
        let netrc = netrc(&net.files(), &options, &board).await?;
        let tls = tls(&net.files(), &options).await?;
        Ok(Arc::new(Self {
            client,
            net,
            options,
            board,
            tls,
            netrc,
            typed: tokio::sync::Mutex::default(),
            warned: Mutex::default(),
            under_way: Mutex::default(),
        }))
    }

    /// A handle to the server of `url`. Nothing is sent yet; the password may be asked for.
    ///
    /// # Errors
    /// Options that contradict the URL; a password that is needed, and nobody to ask.
    pub(crate) async fn site(&self, url: &FtpUrl) -> Outcome<Site> {
        let options = &self.options;
        let login = self.login(url).await?;
        let user = login.user.unwrap_or_else(|| "anonymous".into());
        let mut server = Server::new(&url.host)
            .login(user, login.password.unwrap_or_default())
            .tls(plan(url.scheme, options.tls)?)
            .tls_options(self.tls.clone())
            .trust_passive_address(options.trust_passive_address)
            .charset(options.charset.unwrap_or_default());
        if let Some(account) = login.account {
            server = server.account(account);
        }
        if let Some(port) = url.port {
            server = server.on_port(port);
        }
        if options.active {
            server = server.data_mode(DataMode::Active);
        } else if options.passive {
            server = server.data_mode(DataMode::Passive);
        }
        if let Some(proxy) = &options.proxy {
            server = server.proxy(proxy.proxy(&self.net).await?);
        }
        if let Some(zone) = &options.zone {
            server = server.zone(zone.clone());
        }
        Ok(self.client.site(server))
    }

    /// The same, connected and logged in: where nobody answers, that is said at once, and not after the patience of a
    /// transfer.
    ///
    /// # Errors
    /// As [`site`](Self::site); no connection.
    pub(crate) async fn connected(&self, url: &FtpUrl) -> Outcome<Site> {
        let site = self.site(url).await?;
        // What it can do is known without a word more, once somebody is logged in.
        let known = site.features().await;
        known.map_err(|error| Failure::ftp("", &error))?;
        Ok(site)
    }

    async fn login(&self, url: &FtpUrl) -> Outcome<Login> {
        let user = url.user.clone().or_else(|| self.options.user.clone());
        if let Some(password) = &url.password {
            let user = user.unwrap_or_else(|| "anonymous".into());
            if !is_anonymous(&user) {
                self.warn_of_password();
            }
            return Ok(Login {
                user: Some(user),
                password: Some(password.clone()),
                account: None,
            });
        }
        let known = self.netrc.find(&url.host, user.as_deref());
        let mut login = known.cloned().unwrap_or_default();
        login.user = user.or(login.user);
        let user = login.user.get_or_insert_with(|| "anonymous".into());
        if login.password.is_none() {
            login.password = Some(if is_anonymous(user) {
                "anonymous@".into()
            } else {
                self.ask(url, user).await?
            });
        }
        Ok(login)
    }

    /// Asks at the terminal, once for a user at a server.
    async fn ask(&self, url: &FtpUrl, user: &str) -> Outcome<String> {
        let port = url.port.map(|port| format!(":{port}")).unwrap_or_default();
        let who = clean(&format!("{user}@{}{port}", url.host));
        let mut typed = self.typed.lock().await;
        if let Some((_, password)) = typed.iter().find(|(known, _)| *known == who) {
            return Ok(password.clone());
        }
        let password = prompt::password(&format!("Password of {who}: "))
            .await
            .map_err(|_| {
                Failure::usage(format!(
                    "the password of {who} is neither in ~/.netrc nor in the URL, and there is no terminal to ask at"
                ))
            })?;
        typed.push((who, password.clone()));
        Ok(password)
    }

    fn warn_of_password(&self) {
        // Who wrote a script has decided; who types may not have thought of it.
        let typing = std::io::IsTerminal::is_terminal(&std::io::stderr());
        if typing && !std::mem::replace(&mut *lock(&self.warned), true) {
            self.board.tell(
                "ftp: a password in a URL can be seen by other users of this machine; ~/.netrc or the prompt hide it",
            );
        }
    }

    /// The files of this machine.
    pub(crate) fn files(&self) -> Files {
        self.net.files()
    }

    /// Says something that matters.
    pub(crate) fn say(&self, text: &str) {
        self.board.say(&format!("ftp: {text}"));
    }

    /// Says a failure after which others go on; as JSON, too, if that is wanted.
    pub(crate) fn fail(&self, failure: &Failure) {
        if failure.text.is_empty() {
            return;
        }
        self.say(&failure.text);
        if self.options.json {
            self.board
                .aside(|| crate::output::print_failure(&failure.text));
        }
    }

    /// Says something good to know, unless nobody wants to.
    pub(crate) fn tell(&self, text: &str) {
        self.board.tell(text);
    }

    /// Notes that a file is being written, for the case that the user interrupts.
    pub(crate) fn begin(&self, what: impl Into<String>, goes_on: bool) -> UnderWay<'_> {
        let file = Interrupted {
            what: what.into(),
            goes_on,
        };
        lock(&self.under_way).push(file.clone());
        UnderWay { tool: self, file }
    }

    /// The files that were being written when the program was interrupted.
    pub(crate) fn interrupted(&self) -> Vec<Interrupted> {
        std::mem::take(&mut *lock(&self.under_way))
    }
}

/// A file that is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interrupted {
    pub(crate) what: String,
    /// Whether the same again with `-c` makes it complete.
    pub(crate) goes_on: bool,
}

/// A file that is being written. Dropped without [`end`](Self::end), it counts as interrupted.
pub(crate) struct UnderWay<'a> {
    tool: &'a Tool,
    file: Interrupted,
}

impl UnderWay<'_> {
    /// It is written, or has failed and that is told.
    pub(crate) fn end(self) {
        let mut under_way = lock(&self.tool.under_way);
        if let Some(at) = under_way.iter().position(|file| *file == self.file) {
            under_way.remove(at);
        }
    }
}

fn is_anonymous(user: &str) -> bool {
    matches!(user, "anonymous" | "ftp")
}

/// How TLS begins, by the URL and the option.
fn plan(scheme: Scheme, option: Option<TlsWhen>) -> Outcome<Tls> {
    let of_option = option.map(|when| match when {
        TlsWhen::Never => Tls::None,
        TlsWhen::Try => Tls::IfOffered,
        TlsWhen::Require => Tls::Explicit,
        TlsWhen::Implicit => Tls::Implicit,
    });
    let (of_scheme, name) = match scheme {
        Scheme::Plain => return Ok(of_option.unwrap_or(Tls::None)),
        Scheme::Implicit => (Tls::Implicit, "ftps"),
        Scheme::Explicit => (Tls::Explicit, "ftpes"),
    };
    match of_option {
        Some(wanted) if wanted != of_scheme => Err(Failure::usage(format!(
            "--tls contradicts {name}://; say it with ftp://"
        ))),
        _ => Ok(of_scheme),
    }
}

async fn tls(files: &Files, options: &Options) -> Outcome<TlsOptions> {
    let mut tls = TlsOptions::new();
    if let Some(path) = &options.ca {
        let shown = path.display();
        let pem = files
            .read(path)
            .await
            .map_err(|error| Failure::usage(format!("{shown}: {error}")))?;
        tls = tls
            .roots_pem(&pem)
            .map_err(|error| Failure::usage(format!("{shown}: {error}")))?;
    }
    for pin in &options.pin {
        tls = tls.pin(pin.0).pin_only(true);
    }
    if options.insecure {
        tls = tls.dangerous_accept_any_certificate(true);
    }
    if let Some(newest) = options.tls_max {
        tls = tls.version(TlsVersion::Tls12..=newest);
    }
    Ok(tls)
}

async fn netrc(files: &Files, options: &Options, board: &Board) -> Outcome<Netrc> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".netrc"));
    let (path, asked_for) = match &options.netrc {
        _ if options.no_netrc => return Ok(Netrc::default()),
        Some(path) => (path.clone(), true),
        None => match home() {
            Some(path) => (path, false),
            None => return Ok(Netrc::default()),
        },
    };
    let shown = path.display();
    let octets = match files.read(&path).await {
        Ok(octets) => octets,
        Err(_) if !asked_for => return Ok(Netrc::default()),
        Err(error) => return Err(Failure::usage(format!("{shown}: {error}"))),
    };
    let text = String::from_utf8_lossy(&octets);
    let netrc = match Netrc::parse(&text) {
        Ok(netrc) => netrc,
        Err(error) => return Err(Failure::usage(format!("{shown}: {error}"))),
    };
    if netrc.has_passwords()
        && let Ok(metadata) = files.metadata(&path).await
        && metadata.mode & 0o077 != 0
    {
        board.tell(&format!(
            "ftp: {shown} has passwords that others can read; chmod 600 hides them"
        ));
    }
    Ok(netrc)
}

pub(crate) fn trace(board: &Board, host: &str, note: &Note) {
    match note {
        Note::Sent(command) => board.say(&format!("{host} > {}", clean(command))),
        Note::Received(reply) => {
            for line in crate::output::reply(reply).lines() {
                board.say(&format!("{host} < {line}"));
            }
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{TlsWhen, plan};
    use crate::url::Scheme;
    use fairway_ftp::Tls;

    #[test]
    fn an_option_never_weakens_what_the_url_says() {
        assert_eq!(plan(Scheme::Plain, None).unwrap(), Tls::None);
        assert_eq!(
            plan(Scheme::Plain, Some(TlsWhen::Require)).unwrap(),
            Tls::Explicit
        );
        assert_eq!(plan(Scheme::Explicit, None).unwrap(), Tls::Explicit);
        assert_eq!(
            plan(Scheme::Implicit, Some(TlsWhen::Implicit)).unwrap(),
            Tls::Implicit
        );
        assert!(plan(Scheme::Explicit, Some(TlsWhen::Try)).is_err());
        assert!(plan(Scheme::Implicit, Some(TlsWhen::Never)).is_err());
    }
}
