//! `ftp shell`: a session with a current directory there and here.

mod commands;
mod complete;
mod lines;
mod words;

use crate::args::{Options, ShellArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::get::parse_one;
use crate::output::name;
use crate::tool::{Tool, lock};
use crate::url::{FtpUrl, RemotePath};
use commands::COMMANDS;
use complete::Places;
use fairway_ftp::Site;
use lines::{Line, Lines};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::signal::unix::{SignalKind, signal};
use words::Word;

/// What the shell knows.
pub(crate) struct Shell {
    tool: Arc<Tool>,
    site: Option<Site>,
    url: Option<FtpUrl>,
    /// The current directory there, as far as it is known.
    remote: String,
    local: PathBuf,
    text: bool,
    verbose: bool,
    /// What the completion needs to know.
    places: Arc<Mutex<Places>>,
}

/// What a line leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Line,
    End,
}

/// Runs the shell to its end.
pub(crate) async fn run(tool: &Arc<Tool>, args: &ShellArgs, options: &Options) -> Outcome {
    // From here on Ctrl-C ends no more than a command, one of this machine too.
    let _handled = signal(SignalKind::interrupt());
    let local = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let mut shell = Shell {
        tool: Arc::clone(tool),
        site: None,
        url: None,
        remote: String::new(),
        places: Arc::new(Mutex::new(Places::new(local.clone()))),
        local,
        text: false,
        verbose: options.verbose > 0,
    };
    let mut lines = Lines::new(&args.execute, Arc::clone(&shell.places), tool.net.clock());
    let interactive = lines.is_interactive();
    let mut first = None;
    if let Some(url) = &args.url {
        let opened = shell.interruptible(shell_open(url)).await;
        if let Err(failure) = opened {
            let mut failure = failure;
            let is_word = !url.contains(['/', '.', ':']);
            if is_word && failure.exit == Exit::NoAnswer {
                failure.text += ", and no command; see ftp --help";
            }
            if !interactive {
                return Err(failure);
            }
            shell.tool.say(&failure.text);
        }
    }
    'session: loop {
        let line = match lines.next(&shell.prompt()).await {
            Line::Text(line) => line,
            Line::Cancelled => continue,
            Line::End => break,
        };
        // Several lines may be pasted at once.
        for line in line.lines() {
            match shell.line(line).await {
                Ok(Next::Line) => {}
                Ok(Next::End) => break 'session,
                Err(failure) => {
                    shell.tool.fail(&failure);
                    if args.errexit || (failure.exit == Exit::Interrupted && !interactive) {
                        return Err(Failure::told(failure.exit));
                    }
                    first.get_or_insert(failure.exit);
                    break;
                }
            }
        }
    }
    match first {
        // Who sat there has seen what failed; who runs a script has not.
        Some(exit) if !interactive => Err(Failure::told(exit)),
        _ => Ok(()),
    }
}

/// The words of `open` for a URL of the command line.
fn shell_open(url: &str) -> Vec<Word> {
    vec![Word::plain("open"), Word::plain(url)]
}

impl Shell {
    fn prompt(&self) -> String {
        match &self.site {
            Some(site) => format!("ftp {}:{}> ", site.server().host(), self.remote),
            None => "ftp> ".to_owned(),
        }
    }

    async fn line(&mut self, line: &str) -> Outcome<Next> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(Next::Line);
        }
        if let Some(command) = line.strip_prefix('!') {
            return self.local_command(command).await.map(|()| Next::Line);
        }
        let words = words::split(line).map_err(Failure::usage)?;
        self.interruptible(words).await
    }

    /// Runs a command until it ends or Ctrl-C is typed; the session stays usable either way.
    async fn interruptible(&mut self, words: Vec<Word>) -> Outcome<Next> {
        let tool = Arc::clone(&self.tool);
        let outcome = tokio::select! { biased;
            () = crate::interrupted() => None,
            outcome = self.command(&words) => Some(outcome),
        };
        outcome.unwrap_or_else(|| {
            tool.board.wipe();
            for file in tool.interrupted() {
                let hint = if file.goes_on {
                    "; reget goes on with a get"
                } else {
                    ""
                };
                tool.say(&format!("{} is not complete{hint}", file.what));
            }
            Err(Failure::interrupted())
        })
    }

    async fn command(&mut self, words: &[Word]) -> Outcome<Next> {
        let Some((verb, arguments)) = words.split_first() else {
            return Ok(Next::Line);
        };
        let command = commands::find(&verb.text)?;
        let (least, most) = command.arguments;
        if arguments.len() < least || arguments.len() > most {
            return Err(Failure::usage(format!(
                "usage: {} {}",
                command.name, command.usage
            )));
        }
        commands::run(self, command.name, arguments).await
    }

    /// Hands a line to the system's shell, as it is.
    async fn local_command(&self, line: &str) -> Outcome {
        let shell = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
        let mut command = std::process::Command::new(shell);
        if !line.trim().is_empty() {
            command.arg("-c").arg(line);
        }
        command.current_dir(&self.local);
        let status = tokio::task::spawn_blocking(move || command.status()).await;
        match status {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Failure::usage(format!("{}: {status}", line.trim()))),
            Ok(Err(error)) => Err(Failure::usage(error.to_string())),
            Err(error) => Err(Failure::usage(error.to_string())),
        }
    }

    /// The site, if one is open.
    fn site(&self) -> Outcome<&Site> {
        self.site
            .as_ref()
            .ok_or_else(|| Failure::usage("not connected: open HOST first"))
    }

    async fn open(&mut self, text: &str, port: Option<&str>) -> Outcome {
        let mut url = if text.contains("://") {
            parse_one(text)?
        } else {
            // A host, as ftp(1) takes it.
            parse_one(&format!("ftp://{text}"))?
        };
        if let Some(port) = port {
            let number = port.parse().ok().filter(|port| *port != 0);
            url.port = Some(number.ok_or_else(|| Failure::usage(format!("{port} is no port")))?);
        }
        let site = self.tool.site(&url).await?;
        site.noop()
            .await
            .map_err(|error| Failure::ftp("", &error))?;
        if let Some(path) = url.path.trimmed().name() {
            let moved = site.cd(&path).await;
            moved.map_err(|error| Failure::ftp(name(path.raw()), &error))?;
        }
        url.path = RemotePath::default();
        self.tool.tell(&format!("connected to {}", site.server()));
        self.site = Some(site);
        self.url = Some(url);
        self.locate().await;
        Ok(())
    }

    async fn close(&mut self) {
        self.site = None;
        self.url = None;
        self.remote.clear();
        lock(&self.places).site = None;
        self.tool.client.close().await;
    }

    /// Asks where we are there; servers that do not say leave the prompt without.
    async fn locate(&mut self) {
        self.remote = match &self.site {
            Some(site) => match site.pwd().await {
                Ok(path) => name(path.raw()),
                Err(_) => String::new(),
            },
            None => String::new(),
        };
        let mut places = lock(&self.places);
        places.site.clone_from(&self.site);
        places.local.clone_from(&self.local);
    }

    fn set_verbose(&mut self, verbose: bool) {
        self.verbose = verbose;
        let board = self.tool.board.clone();
        self.tool
            .client
            .set_trace(verbose.then(|| -> fairway_ftp::TraceSink {
                Arc::new(move |server, note| crate::tool::trace(&board, server.host(), note))
            }));
    }

    fn help(about: Option<&Word>) -> Outcome<String> {
        use std::fmt::Write as _;
        let mut text = String::new();
        match about {
            Some(about) => {
                let command = commands::find(&about.text)?;
                // Writing into a string does not fail.
                let _ = writeln!(
                    text,
                    "{} {}\n    {}",
                    command.name, command.usage, command.help
                );
            }
            None => {
                let form =
                    |command: &commands::Command| format!("{} {}", command.name, command.usage);
                let width = COMMANDS
                    .iter()
                    .map(|command| form(command).chars().count())
                    .max();
                let width = width.unwrap_or_default();
                for command in COMMANDS {
                    let _ = writeln!(text, "{:width$}  {}", form(command), command.help);
                }
                let _ = writeln!(text, "{:width$}  run a command of this machine", "!COMMAND");
                text.push_str(
                    "\nA part of a name that fits only one is enough. Quotation marks and \\ keep\nblanks, stars and the like in names. Ctrl-C ends the command that runs,\nCtrl-D the shell.\n",
                );
            }
        }
        Ok(text)
    }
}
