//! A place in a line of a script, and the errors that point at it.

use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with a script, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// The file.
    pub path: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What was wrong.
    pub message: String,
    /// The line as written.
    pub text: String,
}

/// `file:line:column: message`, the line, and a caret below the place.
impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            column,
            message,
            text,
        } = self;
        writeln!(f, "{}:{line}:{column}: {message}", path.display())?;
        writeln!(f, "  {text}")?;
        write!(f, "  {:>column$}", "^")
    }
}

/// A reading position in one line.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    path: &'a Path,
    line: usize,
    text: &'a str,
    at: usize,
}

type Parsed<T> = Result<T, ParseError>;

impl<'a> Cursor<'a> {
    pub(crate) fn new(path: &'a Path, line: usize, text: &'a str) -> Self {
        Self {
            path,
            line,
            text,
            at: 0,
        }
    }

    /// What has not been read yet, without leading blanks.
    pub(crate) fn rest(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    /// An error here.
    pub(crate) fn error(&self, message: impl Into<String>) -> ParseError {
        self.error_at(self.at, message)
    }

    /// An error at an earlier place, as [`Self::mark`] gave it.
    pub(crate) fn error_at(&self, at: usize, message: impl Into<String>) -> ParseError {
        let before = self.text.get(..at).unwrap_or(self.text);
        ParseError {
            path: self.path.to_owned(),
            line: self.line,
            column: before.chars().count() + 1,
            message: message.into(),
            text: self.text.to_owned(),
        }
    }

    /// This place, for [`Self::error_at`].
    pub(crate) fn mark(&mut self) -> usize {
        self.rest();
        self.at
    }

    pub(crate) fn at_end(&mut self) -> bool {
        self.rest().is_empty()
    }

    /// The next character.
    pub(crate) fn peek(&mut self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Reads `token` if it is next.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        if there {
            self.at += token.len();
        }
        there
    }

    /// Reads `word` if it is next and ends there.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let there = self
            .rest()
            .strip_prefix(word)
            .is_some_and(|after| !after.starts_with(is_word));
        if there {
            self.at += word.len();
        }
        there
    }

    pub(crate) fn expect(&mut self, token: &str) -> Parsed<()> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.expected(&format!("'{token}'")))
        }
    }

    /// An error that says what should be here.
    pub(crate) fn expected(&mut self, what: &str) -> ParseError {
        self.rest();
        self.error(format!("{what} expected"))
    }

    /// The longest run of characters that `belongs` accepts; may be empty.
    pub(crate) fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let run = rest.get(..end).unwrap_or_default();
        self.at += end;
        run
    }

    /// A name: letters, digits, `_` and `-`.
    pub(crate) fn word(&mut self, what: &str) -> Parsed<&'a str> {
        let word = self.run(is_word);
        if word.is_empty() {
            Err(self.expected(what))
        } else {
            Ok(word)
        }
    }

    /// A number, decimal or `0x…`, that fits `T`.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self, what: &str) -> Parsed<T> {
        let start = self.mark();
        let negative = self.eat("-");
        let digits = self.run(|c| c.is_ascii_alphanumeric());
        let value = match digits.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        let Ok(value) = value else {
            return Err(self.error_at(start, format!("{what} expected")));
        };
        T::try_from(if negative { -value } else { value })
            .map_err(|_| self.error_at(start, format!("{what} is out of range")))
    }

    /// Text in double quotes with `\n`, `\r`, `\t`, `\\`, `\"` and `\xHH`; the opening quote is next.
    pub(crate) fn quoted(&mut self) -> Parsed<Vec<u8>> {
        let start = self.mark();
        self.expect("\"")?;
        let mut octets = Vec::new();
        let body = self.text.get(self.at..).unwrap_or_default();
        let mut characters = body.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += at + 1;
                    return Ok(octets);
                }
                '\\' => match characters.next().map(|(_, escaped)| escaped) {
                    Some('n') => octets.push(b'\n'),
                    Some('r') => octets.push(b'\r'),
                    Some('t') => octets.push(b'\t'),
                    Some(same @ ('\\' | '"')) => octets.extend(same.to_string().bytes()),
                    Some('x') => {
                        let digits: String = characters
                            .by_ref()
                            .take(2)
                            .map(|(_, digit)| digit)
                            .collect();
                        let octet = u8::from_str_radix(&digits, 16);
                        octets.push(octet.map_err(|_| {
                            self.error_at(self.at + at, "two hexadecimal digits expected after \\x")
                        })?);
                    }
                    _ => return Err(self.error_at(self.at + at, "unknown escape")),
                },
                other => octets.extend(other.to_string().bytes()),
            }
        }
        Err(self.error_at(start, "this text is not closed"))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}
