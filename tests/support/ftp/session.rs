//! One client's session: what each command does.

use super::config::{
    AbortStyle, Config, EarlyClose, Foreign, NoopStyle, Passive, PwdStyle, Script, StouStyle, User,
};
use super::control::{Control, without_telnet};
use super::data::{Format, Mode, Place, Structure, Type};
use super::digest::{NAMES, digest};
use super::files::{Node, name, normal, parent};
use super::listing::{FACTS, facts, long_line, seconds, stamp};
use super::record::Command;
use super::server::{Order, Shared};
use super::tls::{Reuse, SessionTls};
use super::transfer::{Done, Failure, Job, Say, Target, What};
use fairway_stack::{TcpListener, TcpStream};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A session.
pub(super) struct Session {
    shared: Arc<Shared>,
    connection: usize,
    control: Control,
    orders: UnboundedReceiver<Order>,
    /// Commands that arrived during a transfer.
    waiting: VecDeque<(Command, Script)>,
    local: SocketAddr,
    peer: SocketAddr,
    login: Login,
    /// What USER said last.
    user: Option<User>,
    directory: Vec<u8>,
    format: Format,
    restart: Option<String>,
    rename: Option<Vec<u8>>,
    target: Target,
    /// Listeners nobody answers at, and data connections that stay open for nothing.
    silent: Vec<Target>,
    only_epsv: bool,
    transfer_announced: bool,
    /// TLS, if there is any.
    tls: Option<Arc<SessionTls>>,
    /// PROT P.
    protected: bool,
    /// SSCN ON, or CPSV for the next transfer: the server's side is the client of TLS.
    as_client: bool,
    once_as_client: bool,
    hash: &'static str,
    facts: Vec<&'static str>,
}

/// How far a login is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    None,
    NeedsPassword,
    NeedsAccount,
    Done,
}

/// Whether a session goes on; an error ends it, too.
enum Next {
    Command,
    End,
}

impl Session {
    pub(super) fn new(
        shared: Arc<Shared>,
        connection: usize,
        stream: TcpStream,
        peer: SocketAddr,
        orders: UnboundedReceiver<Order>,
    ) -> Self {
        let config = shared.config();
        let local = stream.local_addr().unwrap_or(config.listen);
        Self {
            control: Control::new(Arc::clone(&shared), connection, stream),
            connection,
            orders,
            waiting: VecDeque::new(),
            local,
            peer,
            login: Login::None,
            user: None,
            directory: b"/".to_vec(),
            format: config.format,
            restart: None,
            rename: None,
            target: Target::None,
            silent: Vec::new(),
            only_epsv: false,
            transfer_announced: false,
            tls: None,
            protected: false,
            as_client: false,
            once_as_client: false,
            hash: "SHA-1",
            facts: FACTS.to_vec(),
            shared,
        }
    }

    /// There are too many.
    pub(super) async fn refuse(&mut self) -> io::Result<()> {
        self.control.reply("421 too many connections").await
    }

    /// Serves the client to the end.
    pub(super) async fn run(&mut self) -> io::Result<()> {
        let ended = self.talk().await;
        self.control.close().await;
        ended
    }

    async fn talk(&mut self) -> io::Result<()> {
        let config = self.shared.config();
        if let Some(tls) = &config.tls {
            let tls_of_session = SessionTls::new(tls)?;
            if tls.implicit {
                self.control.secure(&tls_of_session).await?;
            }
            self.tls = Some(Arc::new(tls_of_session));
        }
        self.control.pause(config.greeting_delay).await;
        if let Some(greeting) = &config.greeting {
            self.control.send(greeting).await?;
        }
        loop {
            let (command, script) = match self.waiting.pop_front() {
                Some(waiting) => waiting,
                None => match self.command().await? {
                    Some(arrived) => arrived,
                    None => return Ok(()),
                },
            };
            if let Next::End = self.obey(command, script).await? {
                return Ok(());
            }
        }
    }

    /// Waits for a command; obeys orders meanwhile.
    async fn command(&mut self) -> io::Result<Option<(Command, Script)>> {
        let clock = self.shared.net.clock();
        let idle = self.shared.config().idle.map(|span| clock.now() + span);
        let mut timer = pin!(clock.timer());
        timer.as_mut().reset(idle);
        loop {
            tokio::select! { biased;
                () = &mut timer => {
                    self.control.reply("421 idle for too long").await?;
                    return Ok(None);
                }
                order = self.orders.recv() => match order {
                    Some(Order::Say(octets)) => self.control.send(&octets).await?,
                    Some(Order::Close) | None => return Ok(None),
                },
                line = self.control.line() => {
                    return Ok(line?.map(|line| self.note(line, false)));
                }
            }
        }
    }

    /// Reads a line as a command, and remembers it.
    fn note(&self, raw: Vec<u8>, in_transfer: bool) -> (Command, Script) {
        let line = without_telnet(&raw);
        let (verb, argument) = match line.iter().position(|&octet| octet == b' ') {
            Some(at) => (
                line.get(..at).unwrap_or_default(),
                line.get(at + 1..).unwrap_or_default(),
            ),
            None => (line.as_slice(), &b""[..]),
        };
        let command = Command {
            at: self.shared.net.clock().now(),
            connection: self.connection,
            verb: String::from_utf8_lossy(verb).to_ascii_uppercase(),
            argument: argument.to_vec(),
            raw,
            in_transfer,
        };
        let script = self.shared.note(command.clone());
        (command, script)
    }

    /// Does what a command and the script for it say.
    async fn obey(&mut self, command: Command, script: Script) -> io::Result<Next> {
        let (after, close_after) = (script.after.clone(), script.close_after);
        if !self.scripted(&script).await?
            && let Next::End = self.execute(&command, script).await?
        {
            return Ok(Next::End);
        }
        if !after.is_empty() {
            self.control.send(&after).await?;
        }
        Ok(if close_after {
            Next::End
        } else {
            Next::Command
        })
    }

    /// Does what stands before and instead of the right answer; gives whether there was an instead.
    async fn scripted(&mut self, script: &Script) -> io::Result<bool> {
        self.control.pause(script.delay).await;
        if !script.before.is_empty() {
            self.control.send(&script.before).await?;
        }
        if let Some(octets) = &script.instead {
            self.control.send(octets).await?;
        }
        if script.reset {
            self.control.reset();
        }
        if script.reset || script.close {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if let Some(octets) = &script.endless {
            self.control.endless(octets).await?;
        }
        Ok(script.instead.is_some())
    }

    /// The right answer.
    async fn execute(&mut self, command: &Command, script: Script) -> io::Result<Next> {
        let config = self.shared.config();
        let argument = command.argument.as_slice();
        let known = |verb: &str| !config.without.iter().any(|absent| absent == verb);
        if !known(&command.verb) {
            self.control.reply("500 what?").await?;
            return Ok(Next::Command);
        }
        // RFC 1123 §4.1.3.1.
        let verb = match command.verb.as_str() {
            "XCWD" => "CWD",
            "XCUP" => "CDUP",
            "XMKD" => "MKD",
            "XRMD" => "RMD",
            "XPWD" => "PWD",
            verb => verb,
        };
        let rename = self.rename.take();
        let starts = matches!(
            verb,
            "RETR" | "STOR" | "APPE" | "STOU" | "LIST" | "NLST" | "MLSD"
        );
        let restart = if starts || config.rest_is_forgotten {
            self.restart.take()
        } else {
            None
        };
        match verb {
            "AUTH" => self.authenticate(&config, argument).await?,
            "PBSZ" if self.control.is_secure() => self.control.reply("200 PBSZ=0").await?,
            "PROT" if self.control.is_secure() => self.protect(&config, argument).await?,
            "PBSZ" | "PROT" => self.control.reply("503 AUTH first").await?,
            "USER" if self.lacks_tls(&config) => self.control.reply("530 AUTH TLS first").await?,
            "USER" => self.user(&config, argument).await?,
            "PASS" => self.pass(argument).await?,
            "ACCT" => self.account(argument).await?,
            "QUIT" => {
                self.control.reply("221 bye").await?;
                return Ok(Next::End);
            }
            "REIN" => {
                self.reinitialize(&config);
                self.control.reply("220 ready for a new user").await?;
            }
            "NOOP" => self.control.reply("200 nothing done").await?,
            "SYST" => self.control.reply("215 UNIX Type: L8").await?,
            "HELP" => {
                self.control
                    .reply("214-Help\n There is none.\n214 end")
                    .await?;
            }
            "FEAT" => self.features(&config).await?,
            "HOST" | "CLNT" | "LANG" => self.control.reply("200 noted").await?,
            "OPTS" => self.options(argument).await?,
            _ if self.login != Login::Done => self.control.reply("530 not logged in").await?,
            "TYPE" => self.set_type(argument).await?,
            "STRU" => {
                let structure = match argument.to_ascii_uppercase().as_slice() {
                    b"F" => Some(Structure::File),
                    b"R" => Some(Structure::Record),
                    _ => None,
                };
                self.set(structure, |format, structure| format.structure = structure)
                    .await?;
            }
            "MODE" => {
                let mode = match argument.to_ascii_uppercase().as_slice() {
                    b"S" => Some(Mode::Stream),
                    b"B" => Some(Mode::Block),
                    b"C" => Some(Mode::Compressed),
                    b"Z" if config.mode_z => Some(Mode::Deflate),
                    _ => None,
                };
                self.set(mode, |format, mode| format.mode = mode).await?;
            }
            "CCC" => self.clear(&config).await?,
            "SSCN" => self.sscn(argument).await?,
            "PRET" => {
                self.transfer_announced = true;
                self.control.reply("200 go on").await?;
            }
            "PASV" | "EPSV" | "CPSV" => self.passive(&config, verb, argument).await?,
            "PORT" | "EPRT" => self.active(&config, verb, argument).await?,
            "ALLO" => self.control.reply("202 no need").await?,
            "SMNT" => self.control.reply("202 nothing to mount").await?,
            "REST" => {
                self.restart = Some(String::from_utf8_lossy(argument).into_owned());
                let text = String::from_utf8_lossy(argument);
                self.control
                    .reply(format!("350 restarting at {text}"))
                    .await?;
            }
            "RETR" => return self.retrieve(argument, restart, script).await,
            "STOR" | "APPE" | "STOU" => {
                return self.store(verb, argument, restart, script).await;
            }
            "LIST" | "NLST" | "MLSD" => return self.list(&config, verb, argument, script).await,
            "MLST" => self.one_entry(argument).await?,
            "STAT" => self.status(argument).await?,
            "SIZE" => self.size(&config, argument).await?,
            "MDTM" => self.modified(argument).await?,
            "MFMT" => self.set_modified(argument).await?,
            "HASH" => self.hash_file(argument).await?,
            "XCRC" | "XMD5" | "XSHA" | "XSHA1" | "XSHA256" | "XSHA512" => {
                self.checksum(verb, argument).await?;
            }
            "PWD" => {
                let quoted = quoted(&self.directory.clone(), config.pwd);
                self.control
                    .reply([b"257 ", quoted.as_slice(), b" is where you are"].concat())
                    .await?;
            }
            "CWD" => self.change_directory(argument).await?,
            "CDUP" => self.change_directory(b"..").await?,
            "MKD" => self.make_directory(&config, argument).await?,
            "RMD" => self.remove(argument, true).await?,
            "DELE" => self.remove(argument, false).await?,
            "RNFR" => {
                let path = self.path(argument);
                if self.shared.files.get(&path).is_some() {
                    self.rename = Some(path);
                    self.control.reply("350 and now?").await?;
                } else {
                    self.control.reply("550 there is no such file").await?;
                }
            }
            "RNTO" => match rename {
                Some(from) => {
                    let to = self.path(argument);
                    if self
                        .shared
                        .files
                        .get(parent(&to))
                        .is_some_and(|node| node.is_directory())
                    {
                        self.shared.files.rename(&from, &to);
                        self.control.reply("250 renamed").await?;
                    } else {
                        self.control.reply("553 there is no such directory").await?;
                    }
                }
                None => self.control.reply("503 RNFR first").await?,
            },
            "SITE" => self.site(argument).await?,
            "ABOR" => {
                // RFC 959 §4.1.3: the data connection is closed if it is open.
                self.target = Target::None;
                self.control.reply("226 nothing to abort").await?;
            }
            _ => self.control.reply("500 what?").await?,
        }
        Ok(Next::Command)
    }

    /// The absolute path that an argument is.
    fn path(&self, argument: &[u8]) -> Vec<u8> {
        normal(&self.directory, argument)
    }

    // Security.

    /// Whether there must be TLS and there is none.
    fn lacks_tls(&self, config: &Config) -> bool {
        !self.control.is_secure() && config.tls.as_ref().is_some_and(|tls| tls.required)
    }

    /// AUTH, RFC 4217 §4.
    async fn authenticate(&mut self, config: &Config, argument: &[u8]) -> io::Result<()> {
        let (Some(tls), Some(settings)) = (self.tls.clone(), &config.tls) else {
            return self.control.reply("502 there is none").await;
        };
        let mechanism = argument.to_ascii_uppercase();
        if !matches!(mechanism.as_slice(), b"TLS" | b"TLS-C" | b"SSL" | b"TLS-P") {
            return self.control.reply("504 not that").await;
        }
        if self.control.is_secure() {
            return self.control.reply("503 it is secure").await;
        }
        let mut reply = b"234 go on".to_vec();
        reply.extend(config.line_end);
        reply.extend(&settings.injected);
        self.control.send(&reply).await?;
        self.control.secure(&tls).await?;
        // RFC 4217 §4: the login starts anew.
        self.login = Login::None;
        // RFC 4217 §4.2: what draft SSL clients expect.
        self.protected = matches!(mechanism.as_slice(), b"SSL" | b"TLS-P");
        Ok(())
    }

    /// PROT, RFC 4217 §9.
    async fn protect(&mut self, config: &Config, argument: &[u8]) -> io::Result<()> {
        let no_clear = config.tls.as_ref().is_some_and(|tls| tls.no_clear_data);
        match argument.to_ascii_uppercase().as_slice() {
            b"P" => self.protected = true,
            b"C" if no_clear => return self.control.reply("534 not in the clear").await,
            b"C" => self.protected = false,
            _ => return self.control.reply("536 not that").await,
        }
        self.control.reply("200 so be it").await
    }

    /// CCC, RFC 2228 §4 and RFC 4217 §12.3.
    async fn clear(&mut self, config: &Config) -> io::Result<()> {
        if !self.control.is_secure() {
            return self.control.reply("533 it is clear").await;
        }
        if config.tls.as_ref().is_some_and(|tls| tls.no_ccc) {
            return self.control.reply("533 it stays").await;
        }
        self.control.reply("200 in the clear").await?;
        self.control.clear().await
    }

    async fn sscn(&mut self, argument: &[u8]) -> io::Result<()> {
        if self.tls.is_none() {
            return self.control.reply("502 there is no TLS").await;
        }
        match argument.to_ascii_uppercase().as_slice() {
            b"ON" => self.as_client = true,
            b"OFF" => self.as_client = false,
            b"" => {}
            _ => return self.control.reply("501 ON or OFF").await,
        }
        let method = if self.as_client { "CLIENT" } else { "SERVER" };
        self.control
            .reply(format!("200 SSCN:{method} METHOD"))
            .await
    }

    // Login.

    async fn user(&mut self, config: &Config, argument: &[u8]) -> io::Result<()> {
        let named = String::from_utf8_lossy(argument);
        let user = config
            .users
            .iter()
            .find(|user| user.name == named || user.name == "*");
        self.user = user.cloned();
        self.login = Login::NeedsPassword;
        if user.is_some_and(|user| user.password.is_none()) {
            return self.logged_in().await;
        }
        self.control.reply("331 and the password?").await
    }

    async fn pass(&mut self, argument: &[u8]) -> io::Result<()> {
        if self.login != Login::NeedsPassword {
            return self.control.reply("503 USER first").await;
        }
        let expected = self.user.as_ref().and_then(|user| user.password.as_deref());
        if expected.is_some_and(|expected| expected == "*" || expected.as_bytes() == argument) {
            self.logged_in().await
        } else {
            self.login = Login::None;
            self.control.reply("530 no").await
        }
    }

    async fn logged_in(&mut self) -> io::Result<()> {
        if self
            .user
            .as_ref()
            .is_some_and(|user| user.account.is_some())
        {
            self.login = Login::NeedsAccount;
            return self.control.reply("332 and the account?").await;
        }
        self.login = Login::Done;
        self.control.reply("230 welcome").await
    }

    async fn account(&mut self, argument: &[u8]) -> io::Result<()> {
        let account = self.user.as_ref().and_then(|user| user.account.as_deref());
        match (self.login, account) {
            (Login::NeedsAccount, Some(account)) if account.as_bytes() == argument => {
                self.login = Login::Done;
                self.control.reply("230 welcome").await
            }
            (Login::NeedsAccount, _) => {
                self.login = Login::None;
                self.control.reply("530 no").await
            }
            (Login::Done, _) => self.control.reply("202 no need").await,
            (Login::None | Login::NeedsPassword, _) => self.control.reply("503 USER first").await,
        }
    }

    fn reinitialize(&mut self, config: &Config) {
        self.login = Login::None;
        self.user = None;
        self.directory = b"/".to_vec();
        self.format = config.format;
        self.target = Target::None;
        self.only_epsv = false;
        self.facts = FACTS.to_vec();
    }

    // Parameters.

    async fn features(&mut self, config: &Config) -> io::Result<()> {
        if let Some(octets) = &config.feat {
            return self.control.send(octets).await;
        }
        let mut lines: Vec<String> = Vec::new();
        let features = [
            "EPRT",
            "EPSV",
            "HOST",
            "MDTM",
            "MFMT",
            "PRET",
            "REST STREAM",
            "SIZE",
            "TVFS",
            "UTF8",
            "XCRC",
            "XMD5",
            "XSHA1",
            "XSHA256",
            "XSHA512",
        ];
        for feature in features {
            let verb = feature.split(' ').next().unwrap_or_default();
            let has = match verb {
                "PRET" => config.pret,
                verb => !config.without.iter().any(|absent| absent == verb),
            };
            if has {
                lines.push(feature.to_owned());
            }
        }
        if config.tls.is_some() {
            for feature in ["AUTH TLS", "PBSZ", "PROT", "CCC", "SSCN", "CPSV"] {
                let verb = feature.split(' ').next().unwrap_or_default();
                if !config.without.iter().any(|absent| absent == verb) {
                    lines.push(feature.to_owned());
                }
            }
        }
        if config.mode_z {
            lines.push("MODE Z".to_owned());
        }
        let lacks = |verb: &str| config.without.iter().any(|absent| absent == verb);
        if !lacks("MLST") {
            let all = FACTS.map(|fact| {
                format!(
                    "{fact}{};",
                    if self.facts.contains(&fact) { "*" } else { "" }
                )
            });
            lines.push(format!("MLST {}", all.concat()));
        }
        if !lacks("HASH") {
            let all =
                NAMES.map(|name| format!("{name}{}", if name == self.hash { "*" } else { "" }));
            lines.push(format!("HASH {}", all.join(";")));
        }
        self.control
            .reply(format!("211-Extensions:\n {}\n211 end", lines.join("\n ")))
            .await
    }

    async fn options(&mut self, argument: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(argument).to_ascii_uppercase();
        let reply = match text.split_once(' ').unwrap_or((&text, "")) {
            ("UTF8", _) => "200 always".to_owned(),
            ("HASH", "") => format!("200 {}", self.hash),
            ("HASH", wanted) => match NAMES.into_iter().find(|name| *name == wanted) {
                Some(name) => {
                    self.hash = name;
                    format!("200 {name}")
                }
                None => "501 there is no such hash".to_owned(),
            },
            ("MLST", wanted) => {
                let wanted: Vec<&str> = wanted.split(';').collect();
                self.facts = FACTS.to_vec();
                self.facts
                    .retain(|fact| wanted.contains(&fact.to_ascii_uppercase().as_str()));
                let set: String = self.facts.iter().map(|fact| format!("{fact};")).collect();
                format!("200 MLST OPTS {set}")
            }
            ("MODE", _) => "200 noted".to_owned(),
            _ => "501 there is no such option".to_owned(),
        };
        self.control.reply(reply).await
    }

    async fn set_type(&mut self, argument: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(argument).to_ascii_uppercase();
        let kind = match text.split_once(' ').unwrap_or((&text, "")) {
            ("A", "" | "N" | "T" | "C") => Some(Type::Ascii),
            ("E", "" | "N" | "T" | "C") => Some(Type::Ebcdic),
            ("I", "") => Some(Type::Image),
            ("L", size) => size
                .parse::<u8>()
                .ok()
                .filter(|&size| size > 0)
                .map(|_| Type::Image),
            _ => None,
        };
        self.set(kind, |format, kind| format.kind = kind).await
    }

    /// Sets a parameter, or says that there is no such value.
    async fn set<T>(
        &mut self,
        value: Option<T>,
        set: impl FnOnce(&mut Format, T),
    ) -> io::Result<()> {
        match value {
            Some(value) => {
                set(&mut self.format, value);
                self.control.reply("200 so be it").await
            }
            None => self.control.reply("504 not that").await,
        }
    }

    // Data connections.

    async fn passive(&mut self, config: &Config, verb: &str, argument: &[u8]) -> io::Result<()> {
        // RFC 959 §3.2: a new port closes the connection.
        self.target = Target::None;
        if config.pret && !self.transfer_announced {
            return self.control.reply("503 PRET first").await;
        }
        self.once_as_client = verb == "CPSV";
        let long = verb == "EPSV";
        let family = match self.local {
            SocketAddr::V4(_) => "1",
            SocketAddr::V6(_) => "2",
        };
        if long && argument.eq_ignore_ascii_case(b"ALL") {
            self.only_epsv = true;
            return self.control.reply("200 nothing else then").await;
        }
        if long && !argument.is_empty() && argument != family.as_bytes() {
            return self
                .control
                .reply(format!("522 not that protocol, use ({family})"))
                .await;
        }
        if !long && self.only_epsv {
            return self.control.reply("503 you said EPSV ALL").await;
        }
        let how = if long { &config.epsv } else { &config.pasv };
        if let Passive::Refused(line) = how {
            return self.control.reply(line).await;
        }
        let Ok((listener, port)) = self.listen() else {
            return self.control.reply("425 no port left").await;
        };
        let mut shown = (self.local.ip(), port);
        match how {
            Passive::Closed => drop(listener),
            Passive::Silent => self.silent.push(Target::Passive(listener)),
            Passive::Works | Passive::Refused(_) => self.target = Target::Passive(listener),
            Passive::Address(address) => {
                shown.0 = (*address).into();
                self.target = Target::Passive(listener);
            }
            Passive::Port(port) => {
                shown.1 = *port;
                self.target = Target::Passive(listener);
            }
        }
        if matches!(how, Passive::Closed | Passive::Silent) {
            // A transfer waits for a connection that never comes.
            if let Ok((listener, _)) = self.listen() {
                self.target = Target::Passive(listener);
            }
        }
        let (address, port) = shown;
        if long {
            return self
                .control
                .reply(format!("229 Entering Extended Passive Mode (|||{port}|)"))
                .await;
        }
        let IpAddr::V4(address) = address else {
            return self.control.reply("522 use EPSV").await;
        };
        let [a, b, c, d] = address.octets();
        let [high, low] = port.to_be_bytes();
        let numbers = format!("{a},{b},{c},{d},{high},{low}");
        let text = config.pasv_text.replace("{}", &numbers);
        self.control.reply(format!("227 {text}")).await
    }

    /// A listener at the address of the control connection.
    fn listen(&self) -> Result<(TcpListener, u16), fairway_stack::NetError> {
        let (first, last) = self.shared.config().passive_ports.unwrap_or((0, 0));
        let mut tried = Err(fairway_stack::NetError::AddrInUse);
        for port in first..=last {
            tried = self.shared.net.listen_tcp((self.local.ip(), port).into());
            if tried.is_ok() {
                break;
            }
        }
        let listener = tried?;
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    }

    async fn active(&mut self, config: &Config, verb: &str, argument: &[u8]) -> io::Result<()> {
        self.target = Target::None;
        if self.only_epsv {
            return self.control.reply("503 you said EPSV ALL").await;
        }
        let text = String::from_utf8_lossy(argument);
        let address = if verb == "PORT" {
            short_address(&text)
        } else {
            match long_address(&text) {
                Some(address) if address.is_ipv4() != self.local.is_ipv4() => {
                    let family = if self.local.is_ipv4() { 1 } else { 2 };
                    return self
                        .control
                        .reply(format!("522 not that protocol, use ({family})"))
                        .await;
                }
                address => address,
            }
        };
        let Some(address) = address else {
            return self.control.reply("501 that is no address").await;
        };
        if config.foreign != Foreign::Allowed && address.ip() != self.peer.ip() {
            return self.control.reply("500 that is not where you are").await;
        }
        self.target = Target::Active(address);
        self.control.reply("200 there it will be").await
    }

    /// Makes a transfer and says how it ended; obeys meanwhile. `ending` is the text of its last reply.
    async fn transfer(
        &mut self,
        format: Format,
        what: What,
        text: String,
        ending: &str,
        script: Script,
    ) -> io::Result<Next> {
        let config = self.shared.config();
        let (say, mut said) = unbounded_channel();
        self.transfer_announced = false;
        let job = Job {
            shared: Arc::clone(&self.shared),
            connection: self.connection,
            config: Arc::clone(&config),
            script: script.clone(),
            format,
            target: std::mem::replace(&mut self.target, Target::None),
            local: self.local.ip(),
            peer: self.peer.ip(),
            what,
            text,
            say,
            tls: self.tls.clone().filter(|_| self.protected).map(|tls| {
                (
                    tls,
                    self.as_client || std::mem::take(&mut self.once_as_client),
                )
            }),
        };
        // On the heap, so that it can be ended before what it is in.
        let mut running = Box::pin(job.run());
        let done = loop {
            tokio::select! { biased;
                Some(say) = said.recv() => self.say(say).await?,
                line = self.control.line() => {
                    let Some(line) = line? else {
                        self.shared.count(|counters| counters.failed += 1);
                        return Ok(Next::End);
                    };
                    let (command, script) = self.note(line, true);
                    if self.scripted(&script).await? {
                        continue;
                    }
                    match command.verb.as_str() {
                        "ABOR" => {
                            let cut = self.abort(&config.abort).await?;
                            if cut {
                                drop(running);
                                self.shared.count(|counters| counters.failed += 1);
                                return Ok(Next::Command);
                            }
                            if config.abort == AbortStyle::Late {
                                self.waiting.push_back((command, Script::default()));
                            }
                        }
                        "STAT" if command.argument.is_empty() => {
                            self.control.reply("213 a transfer is under way").await?;
                        }
                        "QUIT" => self.waiting.push_back((command, Script::default())),
                        _ => match &config.noop {
                            NoopStyle::Late => {
                                let script = Script { after: script.after, ..Script::default() };
                                self.waiting.push_back((command, script));
                            }
                            NoopStyle::AtOnce(line) => self.control.reply(line).await?,
                        },
                    }
                }
                done = &mut running => break done,
            }
        };
        while let Ok(say) = said.try_recv() {
            self.say(say).await?;
        }
        drop(running);
        self.finish(&config, done, ending, &script, format).await
    }

    /// Says how a transfer ended.
    async fn finish(
        &mut self,
        config: &Config,
        done: Done,
        ending: &str,
        script: &Script,
        format: Format,
    ) -> io::Result<Next> {
        let good = done.result.is_ok();
        self.shared.count(|counters| {
            if good {
                counters.completed += 1;
            } else {
                counters.failed += 1;
            }
        });
        let mut code = "226";
        if let Some(stream) = done.kept {
            let by_close = format.structure == Structure::File && format.mode == Mode::Stream;
            if by_close {
                self.silent.push(Target::Kept(stream));
            } else {
                code = "250";
                self.target = Target::Kept(stream);
            }
        }
        if let Some(octets) = &script.last {
            self.control.send(octets).await?;
            return Ok(Next::Command);
        }
        if script.data == Some(super::config::DataFault::FinalFirst) {
            return Ok(Next::Command);
        }
        match done.result {
            Ok(()) => self.control.reply(format!("{code} {ending}")).await?,
            Err(Failure::NoTls) => self.control.reply("425 no TLS").await?,
            Err(Failure::NotReused) => {
                let reuse = config.tls.as_ref().map(|tls| &tls.reuse);
                if let Some(Reuse::Required(line)) = reuse {
                    self.control.reply(line).await?;
                }
            }
            Err(Failure::NoConnection) => self.control.reply("425 no data connection").await?,
            Err(Failure::Cut) => self.control.reply("426 it broke").await?,
            Err(Failure::CutAll) => return Ok(Next::End),
            Err(Failure::BadFormat) => self.control.reply("451 that is no such file").await?,
            Err(Failure::Full) => self.control.reply("552 there is no room").await?,
            Err(Failure::Closed) => match &config.early_close {
                EarlyClose::Rfc => self.control.reply("426 you closed it").await?,
                EarlyClose::StrayOnly => {
                    self.control
                        .reply("150 0.300 seconds (measured here)")
                        .await?;
                }
                EarlyClose::Raw(octets) => self.control.send(octets).await?,
            },
        }
        Ok(Next::Command)
    }

    async fn say(&mut self, say: Say) -> io::Result<()> {
        match say {
            Say::Line(line) => self.control.reply(line).await,
            Say::Raw(octets) => self.control.send(&octets).await,
        }
    }

    /// Answers ABOR; gives whether the transfer is cut.
    async fn abort(&mut self, style: &AbortStyle) -> io::Result<bool> {
        let reply = match style {
            AbortStyle::Rfc => "426 aborted\n226 as you wanted",
            AbortStyle::Vsftpd => "426 Failure writing network stream.\n225 No transfer to ABOR.",
            AbortStyle::PureFtpd => {
                "150 0.600 seconds (measured here), 1.00 Mbytes per second\n226 Since you see this ABOR must've succeeded"
            }
            AbortStyle::Raw(octets) => {
                self.control.send(octets).await?;
                return Ok(true);
            }
            AbortStyle::Late | AbortStyle::Ignored => return Ok(false),
        };
        self.control.reply(reply).await?;
        Ok(true)
    }

    // Files.

    /// Where a transfer starts: what REST said, by the mode.
    fn place(&self, restart: Option<&str>, content: &[u8]) -> Option<Place> {
        let Some(text) = restart else {
            return Some(Place::default());
        };
        if let Some(place) = Place::parse(text) {
            return Some(place);
        }
        let sent = text.parse().ok()?;
        Some(self.format.place_in(content, sent))
    }

    async fn retrieve(
        &mut self,
        argument: &[u8],
        restart: Option<String>,
        script: Script,
    ) -> io::Result<Next> {
        let path = self.path(argument);
        let file = self
            .shared
            .files
            .get(&path)
            .filter(|node| !node.is_directory());
        let Some(node) = file else {
            self.control.reply("550 there is no such file").await?;
            return Ok(Next::Command);
        };
        let content = node.content.clone().unwrap_or_default();
        let place = self.place(restart.as_deref(), &content);
        let Some(place) = place.filter(|place| place.offset <= content.len()) else {
            self.control.reply("554 there is no such place").await?;
            return Ok(Next::Command);
        };
        let mut octets = self.format.encode(&node, place.offset);
        if place.after_cr && octets.first() == Some(&b'\r') {
            octets = Arc::new(octets.get(1..).unwrap_or_default().to_vec());
        }
        let text = format!(" {} octets coming", octets.len());
        self.transfer(self.format, What::Send(octets), text, "sent", script)
            .await
    }

    async fn store(
        &mut self,
        verb: &str,
        argument: &[u8],
        restart: Option<String>,
        script: Script,
    ) -> io::Result<Next> {
        let config = self.shared.config();
        let mut path = self.path(argument);
        if verb == "STOU" {
            let free = (1_u64..).map(|n| self.path(format!("unique.{n}").as_bytes()));
            path = free
                .into_iter()
                .find(|path| self.shared.files.get(path).is_none())
                .unwrap_or(path);
        }
        let above = self.shared.files.get(parent(&path));
        let old = self.shared.files.get(&path);
        let directory = old.as_ref().is_some_and(Node::is_directory);
        if directory || !above.is_some_and(|node| node.is_directory()) {
            self.control.reply("553 not under that name").await?;
            return Ok(Next::Command);
        }
        if config.rest_needs_file && restart.is_some() && old.is_none() {
            self.control.reply("554 there is no such file").await?;
            return Ok(Next::Command);
        }
        let mut node = old.unwrap_or_else(|| Node::file("", 0));
        let mut content = node.content.take().unwrap_or_default();
        let place = if verb == "APPE" {
            Some(Place {
                offset: content.len(),
                after_cr: false,
            })
        } else {
            self.place(restart.as_deref(), &content)
        };
        // Up to so much a hole may be made.
        let Some(place) = place.filter(|place| place.offset <= content.len() + (1 << 24)) else {
            self.control.reply("554 there is no such place").await?;
            return Ok(Next::Command);
        };
        Arc::make_mut(&mut content).resize(place.offset, 0);
        node.content = Some(content);
        if let Some(ends) = &mut node.records {
            ends.retain(|&end| end <= place.offset);
        }
        node.modified = now(&self.shared);
        self.shared.files.set(&path, node);
        let shown = String::from_utf8_lossy(name(&path)).into_owned();
        let (text, ending) = match (verb, config.stou) {
            ("STOU", StouStyle::Preliminary) => (format!(" FILE: {shown}"), "stored".to_owned()),
            ("STOU", StouStyle::TwoLines) => (
                format!("-FILE: {shown}\n150 Accepted data connection"),
                "stored".to_owned(),
            ),
            ("STOU", StouStyle::Final) => {
                (" coming".to_owned(), format!("unique file name: {shown}"))
            }
            _ => (" send it".to_owned(), "stored".to_owned()),
        };
        self.transfer(
            self.format,
            What::Receive(path, place),
            text,
            &ending,
            script,
        )
        .await
    }

    async fn list(
        &mut self,
        config: &Config,
        verb: &str,
        argument: &[u8],
        script: Script,
    ) -> io::Result<Next> {
        // `-a` and the like are for ls.
        let argument = match argument.strip_prefix(b"-") {
            Some(options) if verb != "MLSD" => {
                let mut words = options.splitn(2, |&octet| octet == b' ');
                let _letters = words.next();
                words.next().unwrap_or_default()
            }
            _ => argument,
        };
        let path = self.path(argument);
        let node = self.shared.files.get(&path);
        let entries = match &node {
            Some(node) if node.is_directory() => self.shared.files.list(&path),
            Some(_) if verb == "MLSD" => {
                self.control.reply("501 that is no directory").await?;
                return Ok(Next::Command);
            }
            Some(node) => vec![(argument.to_vec(), node.clone())],
            None if config.list_missing_is_empty && verb != "MLSD" => Vec::new(),
            None => {
                self.control.reply("550 there is no such file").await?;
                return Ok(Next::Command);
            }
        };
        let now = now(&self.shared);
        let mut text = Vec::new();
        if let (Some(listing), "LIST") = (&config.listing, verb) {
            text.clone_from(listing);
        } else {
            if verb == "MLSD"
                && let Some(node) = &node
            {
                text.extend(facts(&path, node, "cdir", &self.facts));
                text.push(b'\n');
            }
            for (name, node) in &entries {
                match verb {
                    "MLSD" => text.extend(facts(name, node, kind(node), &self.facts)),
                    "LIST" => text.extend(long_line(name, node, now)),
                    _ if argument.is_empty() || *name == argument => text.extend(name),
                    _ => {
                        text.extend(argument);
                        if !argument.ends_with(b"/") {
                            text.push(b'/');
                        }
                        text.extend(name);
                    }
                }
                text.push(b'\n');
            }
        }
        // RFC 1123 §4.1.2.7: TYPE A, or E if that is the type; RFC 3659 §7.2: MLSD is octets, in MODE S and STRU F.
        let mut format = self.format;
        if verb == "MLSD" {
            format.mode = if format.mode == Mode::Deflate {
                Mode::Deflate
            } else {
                Mode::Stream
            };
        }
        format.structure = Structure::File;
        if verb == "MLSD" || format.kind != Type::Ebcdic {
            format.kind = Type::Ascii;
        }
        if config.listing.is_some() && verb == "LIST" {
            // The text has the line ends it is to have.
            format.kind = Type::Image;
        }
        let octets = format.encode(&Node::file(text, 0), 0);
        let what = What::Send(octets);
        self.transfer(format, what, " here it comes".to_owned(), "listed", script)
            .await
    }

    async fn one_entry(&mut self, argument: &[u8]) -> io::Result<()> {
        let path = self.path(argument);
        let Some(node) = self.shared.files.get(&path) else {
            return self.control.reply("550 there is no such file").await;
        };
        let entry = facts(&path, &node, kind(&node), &self.facts);
        self.control
            .reply([b"250-here it is\n ", entry.as_slice(), b"\n250 end"].concat())
            .await
    }

    async fn status(&mut self, argument: &[u8]) -> io::Result<()> {
        if argument.is_empty() {
            return self
                .control
                .reply("211-Status:\n all is well\n211 end")
                .await;
        }
        let path = self.path(argument);
        let entries = match self.shared.files.get(&path) {
            Some(node) if node.is_directory() => self.shared.files.list(&path),
            Some(node) => vec![(argument.to_vec(), node)],
            None => return self.control.reply("450 there is no such file").await,
        };
        let mut text = b"213-Status:\n".to_vec();
        for (name, node) in entries {
            text.push(b' ');
            text.extend(long_line(&name, &node, now(&self.shared)));
            text.push(b'\n');
        }
        text.extend(b"213 end");
        self.control.reply(text).await
    }

    async fn size(&mut self, config: &Config, argument: &[u8]) -> io::Result<()> {
        if config.no_size_in_ascii && self.format.kind == Type::Ascii {
            return self
                .control
                .reply("550 SIZE not allowed in ASCII mode")
                .await;
        }
        let node = self.shared.files.get(self.path(argument));
        match node.filter(|node| !node.is_directory()) {
            Some(node) => {
                // RFC 3659 §4: octets of the transfer, by the type and structure, in MODE S.
                let format = Format {
                    mode: Mode::Stream,
                    ..self.format
                };
                let size = format.encode(&node, 0).len();
                self.control.reply(format!("213 {size}")).await
            }
            None => self.control.reply("550 there is no such file").await,
        }
    }

    async fn modified(&mut self, argument: &[u8]) -> io::Result<()> {
        if let (Some(_), Some(b' ')) = (seconds(argument), argument.get(14)) {
            return self.set_modified(argument).await;
        }
        match self.shared.files.get(self.path(argument)) {
            Some(node) => {
                self.control
                    .reply(format!("213 {}", stamp(node.modified)))
                    .await
            }
            None => self.control.reply("550 there is no such file").await,
        }
    }

    async fn set_modified(&mut self, argument: &[u8]) -> io::Result<()> {
        let mut words = argument.splitn(2, |&octet| octet == b' ');
        let at = words.next().and_then(seconds);
        let (Some(at), Some(file)) = (at, words.next()) else {
            return self.control.reply("501 a time and a name").await;
        };
        let path = self.path(file);
        match self.shared.files.change(&path, |node| node.modified = at) {
            Some(()) => {
                let head = format!("213 Modify={}; ", stamp(at)).into_bytes();
                self.control.reply([head.as_slice(), file].concat()).await
            }
            None => self.control.reply("550 there is no such file").await,
        }
    }

    async fn hash_file(&mut self, argument: &[u8]) -> io::Result<()> {
        let Some(content) = self.shared.files.read(self.path(argument)) else {
            return self.control.reply("550 there is no such file").await;
        };
        let value = digest(self.hash, &content).unwrap_or_default();
        let size = content.len();
        let head = format!("213 {} 0-{size} {value} ", self.hash).into_bytes();
        self.control
            .reply([head.as_slice(), argument].concat())
            .await
    }

    /// XCRC and its kin: a name, in quotes or not, and where from and where to.
    async fn checksum(&mut self, verb: &str, argument: &[u8]) -> io::Result<()> {
        let (file, rest) = match argument.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = quoted
                    .iter()
                    .position(|&octet| octet == b'"')
                    .unwrap_or(quoted.len());
                (
                    quoted.get(..end).unwrap_or_default(),
                    quoted.get(end + 1..).unwrap_or_default(),
                )
            }
            None => (argument, &b""[..]),
        };
        let Some(content) = self.shared.files.read(self.path(file)) else {
            return self.control.reply("550 there is no such file").await;
        };
        let numbers = String::from_utf8_lossy(rest).into_owned();
        let mut numbers = numbers
            .split_whitespace()
            .filter_map(|word| word.parse().ok());
        let start: usize = numbers.next().unwrap_or(0);
        let end = numbers.next().unwrap_or(content.len()).min(content.len());
        let algorithm = match verb {
            "XCRC" => "CRC32",
            "XMD5" => "MD5",
            "XSHA256" => "SHA-256",
            "XSHA512" => "SHA-512",
            _ => "SHA-1",
        };
        let part = content.get(start..end).unwrap_or_default();
        let value = digest(algorithm, part).unwrap_or_default();
        self.control
            .reply(format!("250 {}", value.to_ascii_uppercase()))
            .await
    }

    async fn change_directory(&mut self, argument: &[u8]) -> io::Result<()> {
        let path = self.path(argument);
        if self
            .shared
            .files
            .get(&path)
            .is_some_and(|node| node.is_directory())
        {
            self.directory = path;
            self.control.reply("250 there you are").await
        } else {
            self.control.reply("550 there is no such directory").await
        }
    }

    async fn make_directory(&mut self, config: &Config, argument: &[u8]) -> io::Result<()> {
        let path = self.path(argument);
        let above = self.shared.files.get(parent(&path));
        if self.shared.files.get(&path).is_some() || !above.is_some_and(|node| node.is_directory())
        {
            return self.control.reply("550 not there").await;
        }
        let node = Node::directory(now(&self.shared));
        self.shared.files.set(&path, node);
        self.control
            .reply([b"257 ", quoted(&path, config.pwd).as_slice(), b" made"].concat())
            .await
    }

    async fn remove(&mut self, argument: &[u8], directory: bool) -> io::Result<()> {
        let path = self.path(argument);
        let files = &self.shared.files;
        match files.get(&path) {
            Some(node) if node.is_directory() == directory && files.list(&path).is_empty() => {
                files.remove(&path);
                self.control.reply("250 gone").await
            }
            Some(_) => self.control.reply("550 it stays").await,
            None => self.control.reply("550 there is no such file").await,
        }
    }

    async fn site(&mut self, argument: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(argument).into_owned();
        let mut words = text.splitn(3, ' ');
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        let mode = words
            .next()
            .and_then(|mode| u32::from_str_radix(mode, 8).ok());
        match (verb.as_str(), mode, words.next()) {
            ("CHMOD", Some(mode), Some(file)) => {
                let path = self.path(file.as_bytes());
                match self.shared.files.change(&path, |node| node.mode = mode) {
                    Some(()) => self.control.reply("200 so be it").await,
                    None => self.control.reply("550 there is no such file").await,
                }
            }
            ("HELP", ..) => self.control.reply("214-Of ours:\n CHMOD\n214 end").await,
            _ => self.control.reply("500 what?").await,
        }
    }
}

/// Now, in seconds since 1970.
fn now(shared: &Shared) -> i64 {
    let wall = shared.net.clock().wall();
    let since = wall
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The value of the fact Type.
const fn kind(node: &Node) -> &'static str {
    if node.is_directory() { "dir" } else { "file" }
}

/// A path for 257.
fn quoted(path: &[u8], style: PwdStyle) -> Vec<u8> {
    match style {
        PwdStyle::Unquoted => path.to_vec(),
        PwdStyle::NotDoubled => [b"\"", path, b"\""].concat(),
        PwdStyle::Doubled => {
            let parts: Vec<&[u8]> = path.split(|&octet| octet == b'"').collect();
            [b"\"", parts.join(&b"\"\""[..]).as_slice(), b"\""].concat()
        }
    }
}

/// The argument of PORT.
fn short_address(text: &str) -> Option<SocketAddr> {
    let numbers: Vec<u8> = text
        .split(',')
        .map(|number| number.trim().parse().ok())
        .collect::<Option<_>>()?;
    let &[a, b, c, d, high, low] = numbers.as_slice() else {
        return None;
    };
    Some((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into())
}

/// The argument of EPRT, RFC 2428 §2.
fn long_address(text: &str) -> Option<SocketAddr> {
    let delimiter = text.chars().next()?;
    let mut parts = text.split(delimiter).skip(1);
    let (family, address, port) = (parts.next()?, parts.next()?, parts.next()?);
    let address: IpAddr = address.parse().ok()?;
    let fits = matches!(
        (family, address),
        ("1", IpAddr::V4(_)) | ("2", IpAddr::V6(_))
    );
    Some((address, port.parse().ok()?).into()).filter(|_| fits)
}

#[cfg(test)]
mod tests;
