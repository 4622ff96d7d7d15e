//! What is typed, what it means, and what comes of it.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, CommandFactory as _, Parser};
use fairway_rpcgen::emit::{Parts, Transport};
use fairway_rpcgen::{Builder, Error, Generated};

/// Writes Rust from an RPC language file: types, codecs, clients and servers
///
/// Reads a .x file (RFC 4506, RFC 5531) and writes FILE.rs to the current directory: a Rust module with everything the file
/// describes, for use with the crates fairway-xdr and fairway-rpc. With one of -c, -h, -l, -m and -s it writes only that part, to
/// standard output; the parts -h, -c, -l and -m one behind the other are the plain output.
#[derive(Debug, Parser)]
#[command(
    name = "rpcgen",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    override_usage = "rpcgen [-c|-h|-l|-m|-s TRANSPORT] [OPTIONS] [FILE.x]",
    after_help = "-h writes the types, as it always did: help is --help.",
    after_long_help = AFTER_HELP,
)]
struct Args {
    /// The .x file; standard input if there is none, or if it is `-`
    #[arg(value_name = "FILE.x")]
    file: Option<PathBuf>,

    /// Only constants and types
    #[arg(short = 'h', group = "part")]
    types: bool,

    /// Only how the types are encoded and decoded
    #[arg(short = 'c', group = "part")]
    codecs: bool,

    /// Only the clients
    #[arg(short = 'l', group = "part")]
    client: bool,

    /// Only the traits of servers and their adaptors
    #[arg(short = 'm', group = "part")]
    server: bool,

    /// The server part with a `main` for this transport, tcp or udp; may be repeated
    #[arg(short = 's', value_name = "TRANSPORT", group = "part", value_parser = transport)]
    main: Vec<Transport>,

    /// Where to write; `-` is standard output
    #[arg(short = 'o', value_name = "OUT")]
    out: Option<PathBuf>,

    /// A directory in which #include looks; may be repeated
    #[arg(short = 'I', value_name = "DIR")]
    include: Vec<PathBuf>,

    /// Defines a macro, as 1 if no value is given; may be repeated
    #[arg(short = 'D', value_name = "NAME[=VALUE]")]
    define: Vec<String>,

    /// Says what a constant is that the file uses and does not define; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = extern_const)]
    extern_const: Vec<(String, i128)>,

    /// Says which Rust type a name is that the file uses and does not define; may be repeated
    #[arg(long, value_name = "NAME=RUST_PATH", value_parser = extern_type)]
    extern_type: Vec<(String, String)>,

    /// Also write a borrowed type for every type that holds text or opaque data
    #[arg(long)]
    borrowed: bool,

    #[arg(short = 'L', hide = true)]
    syslog: bool,
    #[arg(short = 't', hide = true)]
    table: bool,
    #[arg(short = 'T', hide = true)]
    table_support: bool,

    /// Print help: a page with --help
    #[arg(long, action = ArgAction::HelpLong)]
    help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

const AFTER_HELP: &str = "\
Examples:
  rpcgen echo.x                      write echo.rs
  rpcgen -o - echo.x                 write to standard output
  rpcgen -s tcp -s udp -o srv.rs echo.x
                                     a server with its main, over TCP and UDP
  rpcgen -I /usr/include nis.x       find what nis.x includes
  rpcgen --extern-const VIR_UUID_BUFLEN=16 remote_protocol.x
                                     a constant that C takes from a header
  rpcgen --extern-type sockaddr_in=crate::net::SockAddrIn prot.x
                                     a type that is written by hand

The preprocessor is built in. RPC_HDR is defined for -h and for the plain output, RPC_XDR for -c, RPC_CLNT for -l, RPC_SVC for -m and -s. Lines that begin with % are dropped; a number defined by a %#define is known.

Exit status:
  0  done
  1  the output could not be written
  2  wrong usage, or a .x file that is wrong or cannot be read

Files:
  FILE.x   what is read; -h writes the types, so help is --help
  FILE.rs  what is written, in the current directory; never over what is read

See also:
  RFC 4506 (XDR), RFC 5531 (RPC), rpcinfo, portmapd";

/// How the program ends.
#[derive(Clone, Copy, Debug)]
enum Exit {
    Done = 0,
    NotWritten = 1,
    Wrong = 2,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::NotWritten => 1,
            Exit::Wrong => 2,
        })
    }
}

/// What was typed, understood.
#[derive(Debug)]
struct Config {
    builder: Builder,
    file: Option<PathBuf>,
    to: Target,
}

#[derive(Debug)]
enum Target {
    Stdout,
    File(PathBuf),
}

fn transport(text: &str) -> Result<Transport, String> {
    match text {
        "tcp" => Ok(Transport::Tcp),
        "udp" => Ok(Transport::Udp),
        _ => Err("expected tcp or udp".to_owned()),
    }
}

fn extern_const(text: &str) -> Result<(String, i128), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let (negative, digits) = value
        .strip_prefix('-')
        .map_or((false, value), |digits| (true, digits));
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (digits.get(2..).unwrap_or(""), 16),
        [b'0', _, ..] => (digits.get(1..).unwrap_or(""), 8),
        _ => (digits, 10),
    };
    let number = u64::from_str_radix(digits, radix)
        .map_err(|_| format!("expected a number after `=`, found `{value}`"))?;
    Ok((
        name.to_owned(),
        if negative {
            -i128::from(number)
        } else {
            i128::from(number)
        },
    ))
}

fn extern_type(text: &str) -> Result<(String, String), String> {
    let (name, path) = text.split_once('=').ok_or("expected NAME=RUST_PATH")?;
    Ok((name.to_owned(), path.to_owned()))
}

impl Args {
    fn into_config(self) -> Result<Config, String> {
        if self.syslog {
            return Err("-L is not supported: a generated server reports through tracing, and what listens there decides where to".into());
        }
        if self.table || self.table_support {
            return Err("-t and -T are not supported: a generated server finds its procedures by a match, there is no dispatch table".into());
        }
        let file = self.file.filter(|file| file.as_os_str() != "-");
        let single =
            self.types || self.codecs || self.client || self.server || !self.main.is_empty();
        let parts = if single {
            Parts {
                types: self.types,
                codecs: self.codecs,
                client: self.client,
                server: self.server || !self.main.is_empty(),
                main: self.main,
            }
        } else {
            Parts::plain()
        };
        let to = match (self.out, &file) {
            (Some(out), _) if out.as_os_str() == "-" => Target::Stdout,
            (Some(out), _) => Target::File(out),
            (None, Some(file)) if !single => {
                let name = file
                    .file_name()
                    .ok_or_else(|| format!("{}: expected a file", file.display()))?;
                Target::File(PathBuf::from(name).with_extension("rs"))
            }
            (None, _) => Target::Stdout,
        };
        let mut builder = Builder::new().borrowed(self.borrowed).parts(parts);
        for dir in self.include {
            builder = builder.include_dir(dir);
        }
        for define in self.define {
            let (name, value) = define.split_once('=').unwrap_or((&define, "1"));
            builder = builder.define(name, value);
        }
        for (name, value) in self.extern_const {
            builder = builder.extern_const(name, value);
        }
        for (name, path) in self.extern_type {
            builder = builder.extern_type(name, path);
        }
        Ok(Config { builder, file, to })
    }
}

/// Parses the command line, runs, and says how it ended.
pub(crate) fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let wrong = error.use_stderr();
            let _ = error.print();
            return if wrong { Exit::Wrong } else { Exit::Done }.into();
        }
    };
    let config = match args.into_config() {
        Ok(config) => config,
        Err(message) => {
            let error = Args::command().error(clap::error::ErrorKind::ArgumentConflict, message);
            let _ = error.print();
            return Exit::Wrong.into();
        }
    };
    match generate(config) {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            say(&describe(&error));
            match error {
                Error::Write { .. } => Exit::NotWritten.into(),
                _ => Exit::Wrong.into(),
            }
        }
    }
}

fn describe(error: &Error) -> String {
    match error {
        Error::Invalid(diagnostics) => {
            let count = diagnostics
                .iter()
                .filter(|one| one.severity == fairway_rpcgen::Severity::Error)
                .count();
            let errors = if count == 1 {
                "1 error".to_owned()
            } else {
                format!("{count} errors")
            };
            format!("{error}\n\nrpcgen: {errors}, nothing written")
        }
        _ => format!("rpcgen: {error}"),
    }
}

fn generate(config: Config) -> Result<(), Error> {
    let Config { builder, file, to } = config;
    let builder = match file {
        Some(file) => builder.file(file),
        None => {
            let stdin = std::io::stdin();
            if stdin.is_terminal() {
                say("rpcgen: reading standard input until Ctrl-D; for help: rpcgen --help");
            }
            builder.reader("<stdin>", stdin.lock())?
        }
    };
    for generated in builder.generate_all()? {
        for warning in &generated.warnings {
            say(&warning.to_string());
        }
        put(&generated, &to)?;
    }
    Ok(())
}

fn put(generated: &Generated, to: &Target) -> Result<(), Error> {
    match to {
        Target::File(path) => generated.write(path),
        Target::Stdout => {
            let mut stdout = std::io::stdout().lock();
            match stdout
                .write_all(generated.text.as_bytes())
                .and_then(|()| stdout.flush())
            {
                // Whoever read it has enough.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
                Err(source) => Err(Error::Write {
                    path: "<stdout>".into(),
                    source,
                }),
                Ok(()) => Ok(()),
            }
        }
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
