//! What the Tab key offers: commands, then names there or here.

use super::commands::{self, COMMANDS, Takes};
use crate::tool::lock;
use fairway_ftp::list::Kind;
use fairway_ftp::{Name, Site};
use fairway_stack::Clock;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;

/// How long a key may wait for a server.
const PATIENCE: Duration = Duration::from_secs(3);
/// Not more names than this are offered.
const OFFERED: usize = 500;

/// Where the shell is.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) site: Option<Site>,
    pub(super) local: PathBuf,
}

impl Places {
    pub(super) const fn new(local: PathBuf) -> Self {
        Self { site: None, local }
    }
}

/// Completes lines. Asks the server from the thread that reads the terminal, while the runtime waits for that.
#[derive(Debug)]
pub(super) struct Completion {
    places: Arc<Mutex<Places>>,
    runtime: Handle,
    clock: Clock,
}

impl Completion {
    pub(super) fn new(places: Arc<Mutex<Places>>, clock: Clock) -> Self {
        Self {
            places,
            runtime: Handle::current(),
            clock,
        }
    }

    fn names(&self, takes: Takes, directory: &str) -> Vec<(String, bool)> {
        let (site, local) = {
            let places = lock(&self.places);
            (places.site.clone(), places.local.clone())
        };
        match takes {
            Takes::Nothing => Vec::new(),
            Takes::Local => local_names(&local.join(directory)),
            Takes::Remote => site.map_or_else(Vec::new, |site| {
                self.runtime
                    .block_on(remote_names(&self.clock, &site, directory))
            }),
        }
    }
}

fn local_names(directory: &Path) -> Vec<(String, bool)> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let is_directory = entry.path().is_dir();
            Some((entry.file_name().into_string().ok()?, is_directory))
        })
        .collect()
}

async fn remote_names(clock: &Clock, site: &Site, directory: &str) -> Vec<(String, bool)> {
    let directory = (!directory.is_empty()).then(|| Name::from(directory));
    let listed = clock.timeout(PATIENCE, site.list(directory.as_ref())).await;
    let Ok(Ok(entries)) = listed else {
        return Vec::new();
    };
    let charset = site.server().name_charset();
    entries
        .into_iter()
        .filter(fairway_ftp::list::Entry::is_safe_name)
        .filter_map(|entry| {
            let name = charset.name_of(&entry.name);
            let name = std::str::from_utf8(name.raw()).ok()?.to_owned();
            // What a terminal must not be shown cannot be completed either.
            (!name.chars().any(char::is_control)).then_some((name, entry.kind == Kind::Directory))
        })
        .collect()
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = line.get(..position).unwrap_or(line);
        let (start, word) = last_word(before);
        let typed = before.get(..start).unwrap_or_default().trim();
        if typed.is_empty() {
            let fitting = COMMANDS
                .iter()
                .filter(|command| command.name.starts_with(&word));
            let pairs = fitting.map(|command| Pair {
                display: command.name.to_owned(),
                replacement: format!("{} ", command.name),
            });
            return Ok((start, pairs.collect()));
        }
        let verb = typed.split_whitespace().next().unwrap_or_default();
        let Ok(command) = commands::find(verb) else {
            return Ok((start, Vec::new()));
        };
        let at = typed.split_whitespace().count() - 1;
        let takes = match command.takes {
            [] => Takes::Nothing,
            takes => takes
                .get(at)
                .or(takes.last())
                .copied()
                .unwrap_or(Takes::Nothing),
        };
        let (directory, part) = match word.rfind('/') {
            Some(slash) => word.split_at(slash + 1),
            None => ("", &*word),
        };
        let mut names = self.names(takes, directory);
        names.retain(|(name, _)| {
            name.starts_with(part) && (!part.is_empty() || !name.starts_with('.'))
        });
        names.sort();
        names.truncate(OFFERED);
        let pairs = names.into_iter().map(|(name, is_directory)| {
            let end = if is_directory { "/" } else { " " };
            Pair {
                replacement: format!("{}{end}", quoted(&format!("{directory}{name}"))),
                display: format!("{name}{}", if is_directory { "/" } else { "" }),
            }
        });
        Ok((start, pairs.collect()))
    }
}

/// Where the last word of a line begins, and what it says.
fn last_word(line: &str) -> (usize, String) {
    let mut start = 0;
    let mut word = String::new();
    let mut mark = None;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if escaped {
            word.push(c);
            escaped = false;
        } else if c == '\\' && mark != Some('\'') {
            escaped = true;
        } else if mark == Some(c) {
            mark = None;
        } else if mark.is_none() && (c == '"' || c == '\'') {
            mark = Some(c);
        } else if mark.is_none() && c.is_whitespace() {
            start = at + c.len_utf8();
            word.clear();
        } else {
            word.push(c);
        }
    }
    (start, word)
}

/// A name as it is to be typed.
fn quoted(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_whitespace() || "\\\"'*?[".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}

impl Validator for Completion {}

impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use super::{last_word, quoted};

    #[test]
    fn the_word_before_the_cursor_is_completed() {
        assert_eq!(last_word("get a\\ b/c"), (4, "a b/c".to_owned()));
        assert_eq!(last_word("get 'a b"), (4, "a b".to_owned()));
        assert_eq!(last_word("get "), (4, String::new()));
        assert_eq!(quoted("a b*"), "a\\ b\\*");
    }
}
