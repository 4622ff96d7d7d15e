//! What was typed.

use clap::{Args as ClapArgs, CommandFactory as _, Parser, Subcommand, ValueEnum};
use fairway_ftp::tls::TlsVersion;
use std::ffi::OsString;
use std::path::PathBuf;

/// Copies files from, to and between FTP servers
///
/// Files and directories of servers are given as URLs, or as local paths where a command takes both. Without a command,
/// or with a URL alone, it is an interactive shell.
#[derive(Debug, Parser)]
#[command(
    name = "ftp",
    version,
    after_long_help = LONG_HELP,
    disable_help_subcommand = true,
    subcommand_help_heading = "Commands",
    max_term_width = 100
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Server to open a shell at, as a URL or a host
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,

    #[command(flatten)]
    pub(crate) options: Options,
}

impl Args {
    /// The shell, if it is that.
    pub(crate) fn shell(&self) -> Option<ShellArgs> {
        match &self.command {
            Some(Command::Shell(args)) => Some(args.clone()),
            Some(_) => None,
            None => Some(ShellArgs {
                url: self.url.clone(),
                errexit: false,
                execute: Vec::new(),
            }),
        }
    }
}

/// The word that stands where a command should, if that is why the rest makes no sense: it was taken for a host.
pub(crate) fn mistyped(
    error: &clap::Error,
    words: impl IntoIterator<Item = OsString>,
) -> Option<String> {
    if error.kind() != clap::error::ErrorKind::UnknownArgument {
        return None;
    }
    let first = words.into_iter().next()?.into_string().ok()?;
    let is_command = Args::command()
        .get_subcommands()
        .any(|command| command.get_name() == first);
    (!is_command && !first.starts_with('-') && !first.contains(['/', '.', ':'])).then_some(first)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Get files, into the current directory if nothing else is said
    #[command(after_long_help = GET_HELP)]
    Get(GetArgs),
    /// Put local files onto a server
    #[command(after_long_help = PUT_HELP)]
    Put(PutArgs),
    /// List directories
    #[command(after_long_help = LS_HELP)]
    Ls(LsArgs),
    /// Show what is in a directory and below it
    Tree(TreeArgs),
    /// Make a directory tree like another: from a server, onto one, or from one to another
    #[command(after_long_help = MIRROR_HELP)]
    Mirror(MirrorArgs),
    /// Copy files from one server to another
    #[command(after_long_help = CP_HELP)]
    Cp(CpArgs),
    /// Remove files
    Rm(RmArgs),
    /// Rename a file or directory on its server
    #[command(after_long_help = MV_HELP)]
    Mv(MvArgs),
    /// Make directories
    Mkdir(MkdirArgs),
    /// Remove empty directories
    Rmdir(UrlsArgs),
    /// Print files
    Cat(CatArgs),
    /// Send lines to a server as they are, and print its replies
    #[command(after_long_help = QUOTE_HELP)]
    Quote(QuoteArgs),
    /// Measure how fast a server answers
    Ping(PingArgs),
    /// Print sizes of files in octets
    Size(UrlsArgs),
    /// Set the permissions of files (SITE CHMOD)
    Chmod(ChmodArgs),
    /// Interactive shell; reads commands from stdin if that is no terminal
    #[command(after_long_help = SHELL_HELP)]
    Shell(ShellArgs),
}

/// What every command takes.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Options {
    /// User to log in as, if the URL names none; the password is asked for, or found in ~/.netrc
    #[arg(
        long,
        short = 'u',
        global = true,
        value_name = "NAME",
        help_heading = "Login"
    )]
    pub(crate) user: Option<String>,

    /// File with logins [default: ~/.netrc]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Login",
        hide_short_help = true
    )]
    pub(crate) netrc: Option<PathBuf>,

    /// Look into no file for logins
    #[arg(
        long,
        global = true,
        help_heading = "Login",
        hide_short_help = true,
        conflicts_with = "netrc"
    )]
    pub(crate) no_netrc: bool,

    /// When to use TLS [default: as the URL says: ftp never, ftpes require, ftps implicit]
    #[arg(long, global = true, value_name = "WHEN", help_heading = "TLS")]
    pub(crate) tls: Option<TlsWhen>,

    /// Trust the certificates in this PEM file, too
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "TLS",
        hide_short_help = true
    )]
    pub(crate) ca: Option<PathBuf>,

    /// Accept only a certificate with this SHA-256 fingerprint, and that one whoever signed it
    ///
    /// 64 hexadecimal digits, with or without colons, as `openssl x509 -noout -fingerprint -sha256` prints. With `key:`
    /// before it, that of the public key, which outlives renewals. May be given more than once.
    #[arg(long, global = true, value_name = "SHA256", help_heading = "TLS", hide_short_help = true, value_parser = parse_pin)]
    pub(crate) pin: Vec<PinArg>,

    /// Accept any certificate: no protection from whoever sits on the way
    #[arg(long, global = true, help_heading = "TLS", hide_short_help = true)]
    pub(crate) insecure: bool,

    /// Newest version of TLS: 1.2 or 1.3
    #[arg(long, global = true, value_name = "VERSION", help_heading = "TLS", hide_short_help = true, value_parser = parse_version)]
    pub(crate) tls_max: Option<TlsVersion>,

    /// The server makes the data connections
    #[arg(
        long,
        global = true,
        help_heading = "Connection",
        conflicts_with = "passive"
    )]
    pub(crate) active: bool,

    /// We make them, and nothing else is tried
    #[arg(long, global = true, help_heading = "Connection")]
    pub(crate) passive: bool,

    /// Believe the address in the answer to PASV, instead of calling the server itself
    #[arg(
        long,
        global = true,
        help_heading = "Connection",
        hide_short_help = true
    )]
    pub(crate) trust_passive_address: bool,

    /// Proxy: socks5://, socks4a://, socks4://, http://, or ftp:// for one that is logged in to as user@host
    ///
    /// As in `socks5://user:password@host:1080`; the user may be left out, and the port, which is 1080, 3128 (HTTP) or
    /// 21 (FTP) then.
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection", value_parser = crate::proxy::ProxyUrl::parse)]
    pub(crate) proxy: Option<crate::proxy::ProxyUrl>,

    /// Charset of the names on the server, such as latin1 or windows-1251 [default: UTF-8]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Connection", hide_short_help = true, value_parser = parse_charset)]
    pub(crate) charset: Option<fairway_ftp::Charset>,

    /// Zone of the times in its listings, such as Europe/Berlin, where it has only LIST [default: UTC]
    #[arg(long, global = true, value_name = "ZONE", help_heading = "Connection", hide_short_help = true, value_parser = parse_zone)]
    pub(crate) zone: Option<jiff::tz::TimeZone>,

    /// Seconds to wait for a connection, a reply, the next octet [default: 30, 60, 60]
    #[arg(long, global = true, value_name = "SECONDS", help_heading = "Connection", value_parser = parse_seconds)]
    pub(crate) timeout: Option<u32>,

    /// How often a transfer that broke is taken up again [default: 3]
    #[arg(
        long,
        global = true,
        value_name = "N",
        help_heading = "Connection",
        hide_short_help = true
    )]
    pub(crate) retries: Option<u32>,

    /// Print JSON on stdout: one document for each entry, file or answer, one per line
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,

    /// Say nothing but errors; no progress
    #[arg(long, short = 'q', global = true, help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Show the conversation on stderr, passwords masked; twice: what goes on inside, too
    #[arg(long, short = 'v', global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
}

/// When TLS is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsWhen {
    /// Plain text
    Never,
    /// By AUTH TLS, if the server has it; else plain text
    Try,
    /// By AUTH TLS, and nothing without it
    Require,
    /// From the first octet
    Implicit,
}

/// What must be the same after a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verify {
    /// The number of octets
    Size,
    /// A digest that the server tells, by the best algorithm it has; it reads the file once more, and so do we
    Hash,
}

/// A fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PinArg(pub(crate) fairway_ftp::tls::Pin);

/// How files are moved.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct TransferOptions {
    /// Go on where an earlier transfer of the same file ended
    #[arg(long = "continue", short = 'c')]
    pub(crate) resume: bool,

    /// So many files at the same time
    #[arg(long, short = 'j', value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,

    /// At most so many octets a second for each file, as 500k or 1M
    #[arg(long, value_name = "RATE", value_parser = crate::size::parse)]
    pub(crate) limit_rate: Option<u64>,

    /// Compare afterwards
    #[arg(long, value_name = "WHAT")]
    pub(crate) verify: Option<Verify>,

    /// Do not give the copies the times of the originals
    #[arg(long, conflicts_with = "keep_time")]
    pub(crate) no_keep_time: bool,

    /// Give the copies the times of the originals; this is the default
    #[arg(long, hide_short_help = true)]
    pub(crate) keep_time: bool,

    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct GetArgs {
    /// Files; * ? and […] match names there
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,

    /// File to write to, or directory; - is stdout
    #[arg(long, short = 'o', value_name = "FILE|DIR")]
    pub(crate) output: Option<String>,

    /// Directories with all that is in them
    #[arg(long, short = 'r')]
    pub(crate) recursive: bool,

    /// As text, with line ends of this system
    #[arg(long, conflicts_with = "resume")]
    pub(crate) text: bool,

    /// Get large files over up to so many connections at once, each a part
    #[arg(long, short = 's', value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16), conflicts_with = "text")]
    pub(crate) segments: u16,

    /// Leave files alone that are here already
    #[arg(long, short = 'n')]
    pub(crate) no_clobber: bool,

    /// * ? [ in paths are themselves
    #[arg(long)]
    pub(crate) no_glob: bool,

    #[command(flatten)]
    pub(crate) transfer: TransferOptions,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(override_usage = "ftp put [OPTIONS] <FILE>... <URL>")]
pub(crate) struct PutArgs {
    /// Local files, - for stdin; then the URL of a directory (with a slash at its end, or one that exists) or of a file
    #[arg(value_name = "FILE", required = true)]
    pub(crate) words: Vec<OsString>,

    /// Directories with all that is in them
    #[arg(long, short = 'r')]
    pub(crate) recursive: bool,

    /// As text, with line ends converted
    #[arg(long, conflicts_with = "resume")]
    pub(crate) text: bool,

    /// Behind what the file on the server has
    #[arg(long, conflicts_with_all = ["unique", "resume", "recursive"])]
    pub(crate) append: bool,

    /// Under a name that the server chooses (STOU), which is printed
    #[arg(long, conflicts_with_all = ["resume", "recursive"])]
    pub(crate) unique: bool,

    /// Leave files alone that the server has already
    #[arg(long, short = 'n', conflicts_with_all = ["append", "unique"])]
    pub(crate) no_clobber: bool,

    #[command(flatten)]
    pub(crate) transfer: TransferOptions,
}

/// What a listing is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortBy {
    #[default]
    Name,
    /// Largest first
    Size,
    /// Newest first
    Time,
    /// As the server lists
    None,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct LsArgs {
    /// Directories, files, or patterns of them
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,

    /// As ls(1) has it: a table, which is the default
    #[arg(short = 'l', hide = true)]
    pub(crate) long: bool,

    /// Names only, one per line
    #[arg(short = '1', long = "names", overrides_with = "long")]
    pub(crate) names: bool,

    /// Those that begin with a dot, too
    #[arg(short = 'a', long)]
    pub(crate) all: bool,

    /// Sizes in octets
    #[arg(short = 'b', long)]
    pub(crate) bytes: bool,

    /// Directories themselves, not what is in them
    #[arg(short = 'd', long)]
    pub(crate) directory: bool,

    /// Order
    #[arg(long, value_name = "BY", default_value = "name")]
    pub(crate) sort: SortBy,

    /// The other way round
    #[arg(long, short = 'r')]
    pub(crate) reverse: bool,

    /// * ? [ in paths are themselves
    #[arg(long)]
    pub(crate) no_glob: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct TreeArgs {
    /// Directory
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Those that begin with a dot, too
    #[arg(short = 'a', long)]
    pub(crate) all: bool,

    /// Not deeper than this
    #[arg(long, short = 'L', value_name = "LEVELS", default_value_t = 64)]
    pub(crate) depth: usize,

    /// So many directories at the same time
    #[arg(long, short = 'j', value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct MirrorArgs {
    /// Directory to copy from: a URL or a local path
    #[arg(value_name = "SRC")]
    pub(crate) from: String,

    /// Directory to make like it; its contents become those of SRC
    #[arg(value_name = "DST")]
    pub(crate) to: String,

    /// Remove from DST what SRC has not
    #[arg(long)]
    pub(crate) delete: bool,

    /// Leave out names (or paths, if there is a slash in it) that match; may be given more than once
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,

    /// Take them in nevertheless
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,

    /// Files of the same size are the same, whatever their times
    #[arg(long, conflicts_with = "checksum")]
    pub(crate) size_only: bool,

    /// Files of the same size are compared by digests that the servers tell, whatever their times
    #[arg(long)]
    pub(crate) checksum: bool,

    /// Between two servers: through this machine, instead of from one straight to the other
    #[arg(long)]
    pub(crate) through: bool,

    /// Get what links lead to; otherwise links are left out
    #[arg(long)]
    pub(crate) follow: bool,

    /// Not deeper than this
    #[arg(
        long,
        value_name = "LEVELS",
        default_value_t = 64,
        hide_short_help = true
    )]
    pub(crate) depth: usize,

    /// Not more files and directories than this
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000_000,
        hide_short_help = true
    )]
    pub(crate) max_entries: usize,

    #[command(flatten)]
    pub(crate) transfer: TransferOptions,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(mut_arg("resume", |arg| arg.hide(true)))]
pub(crate) struct CpArgs {
    /// File to copy, as a URL
    #[arg(value_name = "SRC")]
    pub(crate) from: String,

    /// URL to copy to; with a slash at its end, the directory to copy into
    #[arg(value_name = "DST")]
    pub(crate) to: String,

    /// * ? [ in the first path are themselves
    #[arg(long)]
    pub(crate) no_glob: bool,

    /// Through this machine, instead of from one server straight to the other
    #[arg(long)]
    pub(crate) through: bool,

    #[command(flatten)]
    pub(crate) transfer: TransferOptions,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct RmArgs {
    /// Files; patterns match names
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,

    /// Directories with all that is in them
    #[arg(long, short = 'r')]
    pub(crate) recursive: bool,

    /// What is not there is no failure
    #[arg(long, short = 'f')]
    pub(crate) force: bool,

    /// * ? [ in paths are themselves
    #[arg(long)]
    pub(crate) no_glob: bool,

    /// Show what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct MvArgs {
    /// What to rename
    #[arg(value_name = "URL")]
    pub(crate) from: String,

    /// New name: a URL at the same server, or a path there, from where the login leads
    #[arg(value_name = "URL|PATH")]
    pub(crate) to: String,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct MkdirArgs {
    /// Directories
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,

    /// Those above, too, as far as they are missing; what is there already is no failure
    #[arg(long, short = 'p')]
    pub(crate) parents: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct UrlsArgs {
    /// One or more
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct CatArgs {
    /// Files; patterns match names
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,

    /// As text, with line ends of this system
    #[arg(long)]
    pub(crate) text: bool,

    /// * ? [ in paths are themselves
    #[arg(long)]
    pub(crate) no_glob: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct QuoteArgs {
    /// Server; a path is the directory to be in
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Lines, each one argument
    #[arg(value_name = "LINE", required = true)]
    pub(crate) lines: Vec<String>,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct PingArgs {
    /// Server
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// How often
    #[arg(long, short = 'c', value_name = "N", default_value_t = 4)]
    pub(crate) count: u32,

    /// Seconds between
    #[arg(long, short = 'i', value_name = "SECONDS", default_value_t = 1.0, value_parser = parse_interval)]
    pub(crate) interval: f64,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ChmodArgs {
    /// Permissions in octal, as 644
    #[arg(value_name = "MODE", value_parser = parse_mode)]
    pub(crate) mode: u32,

    /// Files and directories; patterns match names
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,

    /// * ? [ in paths are themselves
    #[arg(long)]
    pub(crate) no_glob: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ShellArgs {
    /// Server, as a URL or a host
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,

    /// End at the first command that fails
    #[arg(long, short = 'e')]
    pub(crate) errexit: bool,

    /// Run this line, and no other; may be given more than once
    #[arg(long, short = 'x', value_name = "LINE")]
    pub(crate) execute: Vec<String>,
}

fn parse_seconds(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err("a whole number of seconds is expected, 1 or more".into()),
    }
}

fn parse_interval(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds is expected, 0 to 3600".into()),
    }
}

pub(crate) fn parse_mode(text: &str) -> Result<u32, String> {
    let octal = text.bytes().all(|c| matches!(c, b'0'..=b'7'));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if octal && mode <= 0o7777 => Ok(mode),
        _ => Err("permissions are octal, as 644 or 0755".into()),
    }
}

fn parse_version(text: &str) -> Result<TlsVersion, String> {
    match text {
        "1.2" => Ok(TlsVersion::Tls12),
        "1.3" => Ok(TlsVersion::Tls13),
        _ => Err("1.2 or 1.3".into()),
    }
}

fn parse_charset(text: &str) -> Result<fairway_ftp::Charset, String> {
    fairway_ftp::Charset::named(text).ok_or_else(|| {
        "no such charset; utf-8, latin1, windows-1251, gbk and shift_jis are some".into()
    })
}

fn parse_zone(text: &str) -> Result<jiff::tz::TimeZone, String> {
    if text == "local" {
        return Ok(jiff::tz::TimeZone::system());
    }
    jiff::tz::TimeZone::get(text)
        .map_err(|_| "no such zone; local, UTC and Europe/Berlin are some".into())
}

fn parse_pin(text: &str) -> Result<PinArg, String> {
    let (is_key, digits) = match text.strip_prefix("key:") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let digits = digits.rsplit_once('=').map_or(digits, |(_, digits)| digits);
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let wrong = || "64 hexadecimal digits are expected, with or without colons".to_owned();
    if digits.len() != 64 || !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut hash = [0; 32];
    for (octet, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        let pair = digits.get(at..at + 2).ok_or_else(wrong)?;
        *octet = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(PinArg(if is_key {
        fairway_ftp::tls::Pin::Key(hash)
    } else {
        fairway_ftp::tls::Pin::Certificate(hash)
    }))
}

const LONG_HELP: &str = "\
URLs:
  ftp://[user[:password]@]host[:port]/path[;type=a|i|d]
  ftps://…                TLS from the first octet, port 990
  ftpes://…               TLS by AUTH TLS, required
  A path is relative to the directory that the login leads to; %2F at its
  start makes it absolute: ftp://host/%2Fetc/motd is /etc/motd. Blanks and the
  like may be written as %20. A password in a URL can be seen in ps(1) and in
  the history of the system's shell; ~/.netrc and the prompt keep it secret.

Examples:
  ftp get ftp://ftp.example.org/pub/README
  ftp get -o - ftp://ftp.example.org/pub/README | less
  ftp get -j4 'ftp://ftp.example.org/pub/*.tar.gz'
  ftp put -c image.iso ftpes://anna@ftp.example.org/upload/
  ftp mirror --delete ./site ftpes://anna@www.example.org/htdocs
  ftp cp ftp://one.example.org/big ftp://anna@two.example.org/big
  ftp ls --json ftp://ftp.example.org/ | jq -r .name
  ftp ftp.example.org     an interactive shell

Exit status:
  0    done
  1    the server said no, or what arrived is not what was sent
  2    wrong usage or input; a local file could not be read or written
  3    no answer
  130  interrupted by Ctrl-C
  Of several files that fail, the first one decides.

Files:
  ~/.netrc                              logins: machine, login, password,
                                        account, default
  $XDG_STATE_HOME/fairway/ftp_history   lines typed in the shell
                                        (~/.local/state if not set)

Environment:
  HOME, XDG_STATE_HOME; NO_COLOR; RUST_LOG for what -vv shows

See also:
  ftp COMMAND --help, netrc(5), RFC 959, RFC 1738, RFC 4217
";

const GET_HELP: &str = "\
Examples:
  ftp get ftp://host/pub/a ftp://host/pub/b
  ftp get -o new-name ftp://host/pub/a
  ftp get -r -o here ftp://host/pub/dir      makes here/dir, or here if there is
                                             no such directory
  ftp get -c ftp://host/pub/image.iso        goes on with what an earlier run left

Interrupted, a file keeps what has come; -c goes on with it.
";

const PUT_HELP: &str = "\
Examples:
  ftp put a b ftp://anna@host/incoming/
  ftp put a ftp://anna@host/incoming/other-name
  tar cz . | ftp put - ftp://anna@host/backup.tar.gz
  ftp put --unique a ftp://anna@host/incoming/a
";

const LS_HELP: &str = "\
JSON, an object per line:
  name, path, kind (file, directory, link …), size_bytes, size_is_exact,
  modified (RFC 3339, UTC), modified_precision (day, minute, second, fraction),
  mode, owner, group, target. What the server does not tell is left out.
";

const MIRROR_HELP: &str = "\
A file is copied if DST has none, if sizes differ, or if times do, as far as
listings tell them; where the copy cannot have the time of the original, only
if the original is newer. Names that would lead elsewhere (with a slash in
them, or ..) are left out, and nothing is written through links in a local DST.
Nothing is removed if not all of SRC could be read, and nothing that is
excluded.

Examples:
  ftp mirror ftp://host/pub/project ./project
  ftp mirror --dry-run --delete ./site ftpes://anna@host/htdocs
  ftp mirror --exclude .git --exclude '*.o' . ftp://anna@host/src
  ftp mirror -j4 ftp://one/pub ftp://anna@two/pub
";

const MV_HELP: &str = "\
Examples:
  ftp mv ftp://anna@host/pub/old ftp://anna@host/pub/new
  ftp mv ftp://anna@host/pub/old pub/new     the same: paths are whole here, too
  ftp mv ftp://anna@host/pub/old attic/      into a directory
";

const CP_HELP: &str = "\
The file goes from one server straight to the other, at their speed (FXP), and
both sizes are compared in the end. Servers that do not talk to each other need
--through. Where both connections have TLS, the data has it too, or nothing is
copied.

Examples:
  ftp cp ftp://one/pub/big ftp://anna@two/incoming/
  ftp cp 'ftp://one/pub/*.iso' ftp://anna@two/incoming/
";

const QUOTE_HELP: &str = "\
The exit status is 1 if a reply is 4xx or 5xx. Commands that move data or log
in cannot be quoted.

Examples:
  ftp quote ftp://host/ HELP
  ftp quote ftp://anna@host/ 'SITE UMASK 022' STAT
";

const SHELL_HELP: &str = "\
Examples:
  ftp shell ftp://anna@host/pub
  ftp shell -e -x 'cd pub' -x 'mget *.txt' ftp://host/
  ftp shell -e ftp://host/ < commands

`help` in the shell lists its commands. Ctrl-C ends the command that runs, Ctrl-D the shell.
";

#[cfg(test)]
mod tests {
    use super::{Args, parse_mode, parse_pin};
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn the_grammar_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_url_alone_is_a_shell() {
        let args = Args::parse_from(["ftp", "ftp://h/"]);
        assert!(args.command.is_none() && args.url.is_some());
        let args = Args::parse_from(["ftp", "get", "ftp://h/x", "-v"]);
        assert!(args.command.is_some() && args.options.verbose == 1);
    }

    #[test]
    fn a_fingerprint_is_read_as_openssl_prints_it() {
        let colons = format!("sha256 Fingerprint={}", ["AB"; 32].join(":"));
        assert_eq!(parse_pin(&colons), parse_pin(&"ab".repeat(32)));
        assert!(parse_pin("key:12").is_err());
        assert_ne!(
            parse_pin(&format!("key:{}", "ab".repeat(32))),
            parse_pin(&"ab".repeat(32))
        );
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!(parse_mode("0644"), Ok(0o644));
        for wrong in ["", "8", "+7", "77777", "rw"] {
            assert!(parse_mode(wrong).is_err(), "{wrong}");
        }
    }
}
