//! What is wrong with a configuration file, and where.

use core::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with a configuration file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    line: Option<usize>,
    table: Option<String>,
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
        match (&self.table, &self.key) {
            (Some(table), Some(key)) => write!(f, ": key `{table}.{key}`")?,
            (Some(name), None) | (None, Some(name)) => write!(f, ": key `{name}`")?,
            (None, None) => {}
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// What is wrong with a file as a whole.
    #[must_use]
    pub fn of_file(file: &Path, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            table: None,
            key: None,
            what: what.into(),
        }
    }

    /// What the parser says of `text`, which was read from `file`.
    #[must_use]
    pub fn of_parser(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map(|span| span.start);
        let (table, key) = at.map(|at| key_at(text, at)).unwrap_or_default();
        Self {
            file: file.to_owned(),
            line: at.map(|at| line_of(text, at)),
            table: table.map(str::to_owned),
            key: key.map(str::to_owned),
            what: in_words(error.message().lines().next().unwrap_or_default()),
        }
    }

    /// A value that is well-formed and makes no sense: of `key` in the `nth` table (from 0) of that name; the table of
    /// no name is the top.
    #[must_use]
    pub fn of_key(
        file: &Path,
        text: &str,
        (table, nth): (&str, usize),
        key: &str,
        what: impl Into<String>,
    ) -> Self {
        Self {
            file: file.to_owned(),
            line: line_of_key(text, table, nth, key),
            table: (!table.is_empty()).then(|| table.to_owned()),
            key: Some(key.to_owned()),
            what: what.into(),
        }
    }

    /// The line in the file, where it is known.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// Names the key without its table, for files in which no two tables have keys of one name.
    #[must_use]
    pub fn without_table(self) -> Self {
        Self {
            table: self.table.filter(|_| self.key.is_none()),
            ..self
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
        "u16" => "a number from 0 to 65535",
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

/// The table and the key whose value, or whose own name, an offset is in: the last one assigned to at or before its line.
/// For a table's own name, the table.
fn key_at(text: &str, at: usize) -> (Option<&str>, Option<&str>) {
    let (mut table, mut key) = (None, None);
    for line in text.lines().take(line_of(text, at)) {
        match (table_of_line(line), key_of_line(line)) {
            (Some(name), _) => (table, key) = (Some(name), None),
            (None, Some(name)) => key = Some(name),
            (None, None) => {}
        }
    }
    (table, key)
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

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
port = \"x\"

[limits]
record = 5

[[key]]
id = 1

[[key]]
id = 2
";

    fn of_parser(text: &str) -> ConfigError {
        let error = toml::from_str::<toml::Table>(text).unwrap_err();
        ConfigError::of_parser(Path::new("d.toml"), text, &error)
    }

    #[test]
    fn what_the_parser_refuses_has_line_table_and_key() {
        for (text, expected) in [
            ("port = yes\n", "d.toml:1: key `port`: "),
            (
                "\n[limits]\nrecord = yes\n",
                "d.toml:3: key `limits.record`: ",
            ),
            ("port = 1\n[limits\n", "d.toml:2: key `port`: "),
            ("[a]\nb = 1\n[a]\n", "d.toml:3: key `a`: "),
        ] {
            let told = of_parser(text).to_string();
            assert!(told.starts_with(expected), "{told} for {text:?}");
        }
    }

    #[test]
    fn a_key_is_found_in_its_table() {
        for (table, key, expected) in [
            (("", 0), "port", "d.toml:1: key `port`: no"),
            (("limits", 0), "record", "d.toml:4: key `limits.record`: no"),
            (("key", 1), "id", "d.toml:10: key `key.id`: no"),
            // Not there: where it would be.
            (("key", 1), "secret", "d.toml:9: key `key.secret`: no"),
            (("", 0), "listen", "d.toml: key `listen`: no"),
        ] {
            let error = ConfigError::of_key(Path::new("d.toml"), FILE, table, key, "no");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_table_is_left_out_only_beside_a_key() {
        let told = |text| of_parser(text).without_table().to_string();
        assert!(told("[limits]\nrecord = yes\n").starts_with("d.toml:2: key `record`: "));
        assert!(told("[a]\nb = 1\n[a]\n").starts_with("d.toml:3: key `a`: "));
    }

    #[test]
    fn types_are_in_words() {
        for (message, words) in [
            (
                "invalid type, expected u16",
                "invalid type, expected a number from 0 to 65535",
            ),
            ("no, expected struct Limits", "no, expected a table"),
            (
                "no, expected an address in quotes",
                "no, expected an address in quotes",
            ),
            ("unknown field `x`", "unknown field `x`"),
        ] {
            assert_eq!(in_words(message), words);
        }
    }
}
