//! What a server is to do, as data.

use super::data::Format;
use super::tls::Tls;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// What a server is to do. The default is a server that does everything right.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens; port 0 means any free one.
    pub listen: SocketAddr,
    /// Who may log in.
    pub users: Vec<User>,
    /// What it says first, octets as they are. `None`: nothing, ever.
    pub greeting: Option<Vec<u8>>,
    /// How long it waits before that.
    pub greeting_delay: Duration,
    /// Connections at a time; further ones get 421 and are closed.
    pub max_connections: usize,
    /// How long a connection may be idle before 421 and the end.
    pub idle: Option<Duration>,
    /// The end of its lines.
    pub line_end: &'static [u8],
    /// Replies come octet by octet, with this pause before each.
    pub dribble: Option<Duration>,
    /// After so many octets of replies the control connection is cut.
    pub cut_control: Option<u64>,
    /// Replies and faults by command.
    pub(super) rules: Vec<Rule>,
    /// Commands it does not know (500), and does not list in FEAT.
    pub without: Vec<String>,
    /// What it answers to FEAT instead of what is true, octets as they are.
    pub feat: Option<Vec<u8>>,
    /// PASV.
    pub pasv: Passive,
    /// EPSV.
    pub epsv: Passive,
    /// The ports of PASV and EPSV, first and last; `None` means any free one.
    pub passive_ports: Option<(u16, u16)>,
    /// The text around the address of 227, `{}` being the six numbers.
    pub pasv_text: String,
    /// How long it waits for a data connection.
    pub data_wait: Duration,
    /// PASV and EPSV are refused before PRET.
    pub pret: bool,
    /// Data connections to and from other hosts than the client's.
    pub foreign: Foreign,
    /// Address its own data connections come from, if not that of the control connection.
    pub active_from: Option<IpAddr>,
    /// 150 before there is a data connection, not when there is.
    pub early_150: bool,
    /// MODE B and C leave the data connection open: 250, and 125 the next time.
    pub keep_data: bool,
    /// Octets written to a data connection at a time, and the pause before each.
    pub pace: Option<(usize, Duration)>,
    /// How it answers NOOP and what it does not know during a transfer.
    pub noop: NoopStyle,
    /// How it answers ABOR during a transfer.
    pub abort: AbortStyle,
    /// How it answers when a peer closes the data connection early.
    pub early_close: EarlyClose,
    /// SIZE is refused (550) in TYPE A.
    pub no_size_in_ascii: bool,
    /// How it names the file of STOU.
    pub stou: StouStyle,
    /// How it quotes the directory of PWD and MKD.
    pub pwd: PwdStyle,
    /// What LIST sends, whatever there is.
    pub listing: Option<Vec<u8>>,
    /// Whether a name that there is not is an empty listing (226), not 550.
    pub list_missing_is_empty: bool,
    /// STOR and APPE behind REST need a file that is there (554 otherwise).
    pub rest_needs_file: bool,
    /// REST counts for the very next command only, even if that starts no transfer.
    pub rest_is_forgotten: bool,
    /// Octets there is room for in a file; then 552.
    pub room: Option<usize>,
    /// TLS, if there is to be any.
    pub tls: Option<Tls>,
    /// Whether there is MODE Z.
    pub mode_z: bool,
    /// How MODE B, MODE C and TYPE E are written; type, structure and mode in it are those of a new connection.
    pub format: Format,
}

/// Who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name; `*` is any.
    pub name: String,
    /// The password; without one, USER is enough (230).
    pub password: Option<String>,
    /// The account, asked for after the password (332).
    pub account: Option<String>,
}

/// What PASV or EPSV is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passive {
    /// It works.
    Works,
    /// It is refused with this line.
    Refused(String),
    /// It names a port where nobody listens.
    Closed,
    /// It names a port where connections are taken and nothing happens.
    Silent,
    /// It names this address instead of its own (PASV only).
    Address(Ipv4Addr),
    /// It names this port instead of the one it listens on.
    Port(u16),
}

/// What a server does with data connections of others than the client: the halves of a transfer between servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// They are welcome.
    Allowed,
    /// PORT and EPRT get 500, a connection from elsewhere 425 (vsftpd).
    Refused,
    /// PORT and EPRT get 500, a connection from elsewhere is closed and waited on (Pure-FTPd).
    Ignored,
    /// PORT and EPRT get 500, a connection from elsewhere is welcome (ProFTPD).
    OnlyPassive,
}

/// How commands other than ABOR, STAT and QUIT are answered during a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoopStyle {
    /// After it.
    Late,
    /// With this line, at once: `500 Unknown command` is Pure-FTPd's.
    AtOnce(String),
}

/// How ABOR is answered during a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AbortStyle {
    /// 426 and 226: RFC 959, ProFTPD.
    Rfc,
    /// 426 and 225: vsftpd.
    Vsftpd,
    /// A stray 150 and 226: Pure-FTPd.
    PureFtpd,
    /// These octets; the transfer is cut.
    Raw(Vec<u8>),
    /// The transfer goes on to its end, then its reply and 226.
    Late,
    /// Not at all, and the transfer goes on.
    Ignored,
}

/// How an early end of the data connection is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarlyClose {
    /// 426.
    Rfc,
    /// A stray 150 and no final reply: Pure-FTPd.
    StrayOnly,
    /// These octets.
    Raw(Vec<u8>),
}

/// How a file made by STOU is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StouStyle {
    /// `150 FILE: name`, RFC 1123 §4.1.2.9.
    Preliminary,
    /// `150-FILE: name` and a further line: Pure-FTPd.
    TwoLines,
    /// In the 226.
    Final,
    /// Nowhere.
    Untold,
}

/// How a directory is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PwdStyle {
    /// Quotes in it are doubled, RFC 959 appendix II.
    Doubled,
    /// They are not: Pure-FTPd.
    NotDoubled,
    /// There are no quotes.
    Unquoted,
}

/// What a command is answered with instead of, or besides, what is right.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These octets instead; the command is not carried out.
    Raw(Vec<u8>),
    /// Nothing, ever.
    Nothing,
    /// These octets again and again, until the peer closes.
    Endless(Vec<u8>),
    /// These octets before the right answer.
    Before(Vec<u8>),
    /// These octets after the right answer.
    After(Vec<u8>),
    /// These octets instead of the 1yz of a transfer, which is carried out.
    Preliminary(Vec<u8>),
    /// These octets instead of the last reply of a transfer.
    Final(Vec<u8>),
    /// The right answer after this time.
    Delay(Duration),
    /// The control connection is closed, without an answer or after the octets of [`Raw`](Self::Raw).
    Close,
    /// The same with a reset.
    Reset,
    /// The control connection is closed after the right answer.
    CloseAfter,
    /// The data connection is not what it should be.
    Data(DataFault),
}

impl Reply {
    /// [`Raw`](Self::Raw): one line, or several, which get their ends here.
    #[must_use]
    pub fn line(text: &str) -> Self {
        Self::Raw(lines(text))
    }
}

/// `text` with CR LF at the end of each line.
pub(super) fn lines(text: &str) -> Vec<u8> {
    text.lines()
        .flat_map(|line| [line.as_bytes(), b"\r\n"])
        .flatten()
        .copied()
        .collect()
}

/// What is wrong with a data connection. Numbers are octets on the wire, sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFault {
    /// It is closed in order after so many octets, as if that were all; the reply is 426.
    CloseAt(u64),
    /// The same without close_notify, if there is TLS.
    TruncateAt(u64),
    /// It is reset after so many octets; the reply is 426.
    ResetAt(u64),
    /// It is closed after so many octets and the control connection with it.
    AllCloseAt(u64),
    /// After so many octets nothing happens any more.
    StallAt(u64),
    /// What is sent has no end: the file again and again.
    Endless,
    /// It is not closed at the end of a file that the end of the connection ends.
    LeftOpen,
    /// The last reply comes before the data.
    FinalFirst,
    /// The last reply comes so long after the end of the data.
    FinalLate(Duration),
}

/// When a rule applies.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// The command, in capitals; `*` is any.
    pub(super) verb: String,
    /// The how-manieth of its kind on the whole server, from 1; `None` is each.
    pub(super) nth: Option<u64>,
    pub(super) reply: Reply,
}

impl Default for Config {
    fn default() -> Self {
        let user = |name: &str, password: &str| User {
            name: name.to_owned(),
            password: Some(password.to_owned()),
            account: None,
        };
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            users: vec![user("u1", "secret"), user("anonymous", "*")],
            greeting: Some(b"220 ready\r\n".to_vec()),
            greeting_delay: Duration::ZERO,
            max_connections: usize::MAX,
            idle: None,
            line_end: b"\r\n",
            dribble: None,
            cut_control: None,
            rules: Vec::new(),
            without: Vec::new(),
            feat: None,
            pasv: Passive::Works,
            epsv: Passive::Works,
            passive_ports: None,
            pasv_text: "Entering Passive Mode ({}).".to_owned(),
            data_wait: Duration::from_secs(30),
            pret: false,
            foreign: Foreign::Allowed,
            active_from: None,
            early_150: false,
            keep_data: false,
            pace: None,
            noop: NoopStyle::Late,
            abort: AbortStyle::Rfc,
            early_close: EarlyClose::Rfc,
            no_size_in_ascii: false,
            stou: StouStyle::Preliminary,
            pwd: PwdStyle::Doubled,
            listing: None,
            list_missing_is_empty: false,
            rest_needs_file: false,
            rest_is_forgotten: false,
            room: None,
            tls: None,
            mode_z: true,
            format: Format::default(),
        }
    }
}

impl Config {
    /// The default: user `u1` with password `secret`, `anonymous` with any, on loopback.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens there.
    #[must_use]
    pub fn listen(mut self, at: impl Into<SocketAddr>) -> Self {
        self.listen = at.into();
        self
    }

    /// Answers every `verb` (`*`: every command) with `reply`. Several rules for a command add up.
    #[must_use]
    pub fn on(mut self, verb: &str, reply: Reply) -> Self {
        self.rule(verb, None, reply);
        self
    }

    /// Answers the `nth` `verb` that the server gets, from 1, with `reply`; with `*` the `nth` command.
    #[must_use]
    pub fn on_nth(mut self, verb: &str, nth: u64, reply: Reply) -> Self {
        self.rule(verb, Some(nth), reply);
        self
    }

    /// [`on`](Self::on) and [`on_nth`](Self::on_nth) for a server that runs.
    pub fn rule(&mut self, verb: &str, nth: Option<u64>, reply: Reply) {
        self.rules.push(Rule {
            verb: verb.to_ascii_uppercase(),
            nth,
            reply,
        });
    }

    /// Forgets every rule.
    pub fn forget_rules(&mut self) {
        self.rules.clear();
    }

    /// Does not know these commands.
    #[must_use]
    pub fn without(mut self, verbs: &[&str]) -> Self {
        let verbs = verbs.iter().map(|verb| verb.to_ascii_uppercase());
        self.without.extend(verbs);
        self
    }

    /// Changes any of the fields.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// As vsftpd 3.0.3 answers.
    #[must_use]
    pub fn like_vsftpd(self) -> Self {
        let absent = ["MLSD", "MLST", "HASH", "HOST", "MFMT", "SSCN", "CPSV"];
        self.without(&absent).with(|config| {
            config.abort = AbortStyle::Vsftpd;
            config.mode_z = false;
            config.list_missing_is_empty = true;
            for user in &mut config.users {
                if user.name == "anonymous" {
                    user.password = None;
                }
            }
        })
    }

    /// As Pure-FTPd 1.0.50 answers.
    #[must_use]
    pub fn like_pureftpd(self) -> Self {
        let absent = ["HASH", "SSCN", "CPSV", "XCRC", "XMD5", "XSHA1", "XSHA256"];
        self.without(&absent).with(|config| {
            config.abort = AbortStyle::PureFtpd;
            config.early_close = EarlyClose::StrayOnly;
            config.noop = NoopStyle::AtOnce("500 Unknown command".to_owned());
            config.stou = StouStyle::TwoLines;
            config.pwd = PwdStyle::NotDoubled;
            config.mode_z = false;
            config.list_missing_is_empty = true;
        })
    }

    /// As ProFTPD 1.3.8 answers.
    #[must_use]
    pub fn like_proftpd(self) -> Self {
        self.with(|config| {
            config.no_size_in_ascii = true;
            config.rest_needs_file = true;
            config.mode_z = false;
        })
    }
}

/// All that the rules say about one command.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) delay: Duration,
    pub(super) before: Vec<u8>,
    pub(super) instead: Option<Vec<u8>>,
    pub(super) endless: Option<Vec<u8>>,
    pub(super) after: Vec<u8>,
    pub(super) preliminary: Option<Vec<u8>>,
    pub(super) last: Option<Vec<u8>>,
    pub(super) close: bool,
    pub(super) reset: bool,
    pub(super) close_after: bool,
    pub(super) data: Option<DataFault>,
}

impl Script {
    /// Adds one rule.
    pub(super) fn add(&mut self, reply: &Reply) {
        match reply {
            Reply::Raw(octets) => self.instead.get_or_insert_default().extend(octets),
            Reply::Nothing => drop(self.instead.get_or_insert_default()),
            Reply::Endless(octets) => self.endless = Some(octets.clone()),
            Reply::Before(octets) => self.before.extend(octets),
            Reply::After(octets) => self.after.extend(octets),
            Reply::Preliminary(octets) => self.preliminary = Some(octets.clone()),
            Reply::Final(octets) => self.last = Some(octets.clone()),
            Reply::Delay(span) => self.delay += *span,
            Reply::Close => self.close = true,
            Reply::Reset => self.reset = true,
            Reply::CloseAfter => self.close_after = true,
            Reply::Data(fault) => self.data = Some(*fault),
        }
    }
}
