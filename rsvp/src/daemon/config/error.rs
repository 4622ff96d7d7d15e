//! What is wrong with a configuration file, and where.

use core::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with a configuration file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    line: Option<usize>,
    key: Option<String>,
    what: String,
}

/// ``FILE:LINE: key `KEY`: what``
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ": key `{key}`")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// A file that cannot be read at all.
    #[must_use]
    pub fn of_file(file: &Path, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            key: None,
            what: what.into(),
        }
    }

    /// What the parser says of `text`.
    pub(super) fn of_parser(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map(|span| span.start);
        Self {
            file: file.to_owned(),
            line: at.map(|at| line_of(text, at)),
            key: at.and_then(|at| key_at(text, at)),
            what: in_words(error.message().lines().next().unwrap_or_default()),
        }
    }

    /// A value that is well-formed and makes no sense: of `key` in the `nth` table (from 0) of that name; the table of
    /// no name is the top.
    pub(super) fn of_key(
        file: &Path,
        text: &str,
        (table, nth): (&str, usize),
        key: &str,
        what: impl Into<String>,
    ) -> Self {
        let full = if table.is_empty() {
            key.to_owned()
        } else {
            format!("{table}.{key}")
        };
        Self {
            file: file.to_owned(),
            line: line_of_key(text, table, nth, key),
            key: Some(full),
            what: what.into(),
        }
    }
}

/// The parser's message without the names of Rust's types.
fn in_words(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once("expected ") else {
        return message.to_owned();
    };
    let expected = match expected {
        "u8" => "a number from 0 to 255",
        "u32" | "usize" | "u64" => "a number, 0 or more",
        "a sequence" => "a list: [...]",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text in quotes",
        expected if expected.starts_with("struct ") => "a table",
        expected => expected,
    };
    format!("{found}expected {expected}")
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.iter().filter(|b| **b == b'\n').count() + 1
}

/// The key whose value, or whose own name, an offset is in, with its table: the last one assigned to at or before its
/// line. For a table's own name, the table.
fn key_at(text: &str, at: usize) -> Option<String> {
    let (mut table, mut key) = (None, None);
    for line in text.lines().take(line_of(text, at)) {
        match (table_of_line(line), key_of_line(line)) {
            (Some(name), _) => (table, key) = (Some(name), None),
            (None, Some(name)) => key = Some(name),
            (None, None) => {}
        }
    }
    match (table, key) {
        (Some(table), Some(key)) => Some(format!("{table}.{key}")),
        (found, None) | (None, found) => found.map(str::to_owned),
    }
}

/// The name in `[name]` or `[[name]]`.
fn table_of_line(line: &str) -> Option<&str> {
    let line = line.trim();
    let end = line.find(']')?;
    let name = line.get(..end)?.strip_prefix('[')?;
    Some(name.strip_prefix('[').unwrap_or(name).trim())
}

fn key_of_line(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    (!key.is_empty() && key.bytes().all(plain)).then_some(key)
}

/// The line of a key; if it is not there, that of its table.
fn line_of_key(text: &str, table: &str, nth: usize, key: &str) -> Option<usize> {
    let mut seen = 0;
    let mut inside = table.is_empty();
    let mut of_table = None;
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(name) = table_of_line(line) {
            inside = name.replace(['"', '\''], "") == table && {
                seen += 1;
                seen == nth + 1
            };
            if inside {
                of_table = Some(number);
            }
        } else if inside && key_of_line(line) == Some(key) {
            return Some(number);
        }
    }
    of_table
}
