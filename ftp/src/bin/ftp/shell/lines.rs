//! Where the lines come from: a terminal, with history and completion; a pipe; the command line.

use super::complete::{Completion, Places};
use fairway_stack::Clock;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, BufReader, Stdin};

/// How many lines of history are kept.
const HISTORY: usize = 1000;

/// What was read.
pub(super) enum Line {
    Text(String),
    /// Ctrl-C at the prompt: another line.
    Cancelled,
    End,
}

/// The lines of a shell.
pub(super) enum Lines {
    Terminal(Option<Box<Terminal>>),
    Pipe(tokio::io::Lines<BufReader<Stdin>>),
    Given(std::vec::IntoIter<String>),
}

/// A terminal and what was typed there before.
pub(super) struct Terminal {
    editor: Editor<Completion, FileHistory>,
    history: Option<PathBuf>,
}

impl Lines {
    pub(super) fn new(given: &[String], places: Arc<Mutex<Places>>, clock: Clock) -> Self {
        if !given.is_empty() {
            return Self::Given(Vec::from(given).into_iter());
        }
        if std::io::stdin().is_terminal()
            && std::io::stdout().is_terminal()
            && let Some(terminal) = Terminal::new(places, clock)
        {
            return Self::Terminal(Some(Box::new(terminal)));
        }
        Self::Pipe(BufReader::new(tokio::io::stdin()).lines())
    }

    pub(super) const fn is_interactive(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    pub(super) async fn next(&mut self, prompt: &str) -> Line {
        match self {
            Self::Given(lines) => lines.next().map_or(Line::End, Line::Text),
            Self::Pipe(lines) => {
                let line = tokio::select! { biased;
                    () = crate::interrupted() => return Line::End,
                    line = lines.next_line() => line,
                };
                line.ok().flatten().map_or(Line::End, Line::Text)
            }
            Self::Terminal(place) => {
                let Some(mut terminal) = place.take() else {
                    return Line::End;
                };
                let prompt = prompt.to_owned();
                let read = tokio::task::spawn_blocking(move || {
                    let line = terminal.read(&prompt);
                    (terminal, line)
                });
                match read.await {
                    Ok((terminal, line)) => {
                        *place = Some(terminal);
                        line
                    }
                    Err(_) => Line::End,
                }
            }
        }
    }
}

impl Terminal {
    fn new(places: Arc<Mutex<Places>>, clock: Clock) -> Option<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY)
            .ok()?
            .auto_add_history(false)
            .completion_type(rustyline::CompletionType::List)
            .build();
        let lines = FileHistory::with_config(&config);
        let mut editor = Editor::with_history(config, lines).ok()?;
        editor.set_helper(Some(Completion::new(places, clock)));
        let history = history();
        if let Some(path) = &history {
            // There is none the first time.
            let _ = editor.load_history(path);
        }
        Some(Self { editor, history })
    }

    fn read(&mut self, prompt: &str) -> Line {
        match self.editor.readline(prompt) {
            Ok(line) => {
                if is_worth_keeping(&line) {
                    let _ = self.editor.add_history_entry(&line);
                    if let Some(path) = &self.history {
                        // A history that cannot be kept does not keep anybody from working.
                        let _ = self.editor.append_history(path);
                    }
                }
                Line::Text(line)
            }
            Err(ReadlineError::Interrupted) => Line::Cancelled,
            Err(_) => Line::End,
        }
    }
}

/// Whether a line may be in a file: not if there is a password in it.
fn is_worth_keeping(line: &str) -> bool {
    let trimmed = line.trim();
    let has_password = line
        .split_once("://")
        .and_then(|(_, rest)| rest.split(['/', ' ']).next())
        .and_then(|authority| authority.rsplit_once('@'))
        .is_some_and(|(login, _)| login.contains(':'));
    let upper = trimmed.to_ascii_uppercase();
    let is_secret = upper.contains("PASS ") || upper.contains("ACCT ");
    !trimmed.is_empty() && !has_password && !is_secret
}

/// The file of the history; its directory is made.
fn history() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").filter(|path| !path.is_empty());
    let state = match state {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".local/state"),
    };
    let directory = state.join("fairway");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("ftp_history"))
}

#[cfg(test)]
mod tests {
    use super::is_worth_keeping;

    #[test]
    fn passwords_are_not_kept() {
        assert!(is_worth_keeping("open ftp://anna@host/"));
        assert!(is_worth_keeping("get a:b@c"));
        assert!(!is_worth_keeping("open ftp://anna:pw@host/"));
        assert!(!is_worth_keeping("quote pass x"));
        assert!(!is_worth_keeping("  "));
    }
}
