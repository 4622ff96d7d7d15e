//! What is wrong, and where: `file:line:column`, the line itself, a caret, and a way out.

use std::fmt;

use crate::source::{Pos, Sources, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is generated.
    Error,
    /// Something is generated, and probably not what was meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing that is wrong with a `.x` file.
///
/// Its [`Display`](fmt::Display) form is what people see:
///
/// ```text
/// echo.x:12:9: error: expected `;` after the member, found `}`
///    |
/// 12 |     int a
///    |          ^
///    = help: every member ends with `;`
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The file as it was named by the caller or by the `#include` line.
    pub file: String,
    /// Line, counted from 1.
    pub line: u32,
    /// Column, counted from 1 in characters; a tab counts as one.
    pub column: u32,
    /// What was expected, what was found; one sentence without a full stop.
    pub message: String,
    /// The line of the file.
    pub source_line: String,
    /// How many characters the caret underlines, at least one.
    pub width: u32,
    /// Further lines, each with its own place or advice.
    pub notes: Vec<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            severity,
            file,
            line,
            column,
            message,
            source_line,
            width,
            notes,
        } = self;
        write!(f, "{file}:{line}:{column}: {severity}: {message}")?;
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        // A line nobody wrote by hand is cut, so that one error never prints a megabyte.
        let start = usize::try_from(*column).unwrap_or(1).saturating_sub(1);
        let skipped = if start > 160 { start - 40 } else { 0 };
        let shown: String = source_line
            .chars()
            .skip(skipped)
            .take(240)
            .map(printable)
            .collect();
        write!(f, "\n{gutter} |\n{number} | {}", shown.trim_end())?;
        write!(f, "\n{gutter} | ")?;
        for octet in shown.chars().take(start - skipped) {
            f.write_str(if octet == '\t' { "\t" } else { " " })?;
        }
        let room = shown
            .trim_end()
            .chars()
            .count()
            .saturating_sub(start - skipped)
            .max(1);
        f.write_str(&"^".repeat(usize::try_from(*width).unwrap_or(1).clamp(1, room)))?;
        for note in notes {
            write!(f, "\n{gutter} = {note}")?;
        }
        Ok(())
    }
}

/// Control characters never reach the terminal as they are.
fn printable(c: char) -> char {
    if c.is_control() && c != '\t' {
        '\u{fffd}'
    } else {
        c
    }
}

/// The most diagnostics a run reports; after that it says that there are more.
pub(crate) const MAX_ERRORS: usize = 50;

/// How many `#include` lines a diagnostic names.
const MAX_CHAIN: usize = 8;

/// Collects diagnostics, as positions until they are shown.
#[derive(Debug, Default)]
pub(crate) struct Report {
    entries: Vec<Entry>,
    errors: usize,
    /// Nothing more is worth reading: a limit was hit.
    fatal: bool,
}

#[derive(Debug)]
struct Entry {
    severity: Severity,
    span: Span,
    message: String,
    notes: Vec<Note>,
}

#[derive(Debug)]
enum Note {
    Help(String),
    At(String, Pos),
}

/// Adds to the diagnostic just made.
#[derive(Debug)]
pub(crate) struct Remark<'a>(Option<&'a mut Entry>);

impl Remark<'_> {
    /// Adds a line of advice.
    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        if let Some(entry) = &mut self.0 {
            entry.notes.push(Note::Help(text.into()));
        }
        self
    }

    /// Adds a line that points at another place: "first defined at file:line:column".
    pub(crate) fn at(mut self, text: impl Into<String>, span: Span) -> Self {
        if let Some(entry) = &mut self.0 {
            entry.notes.push(Note::At(text.into(), span.lo));
        }
        self
    }
}

impl Report {
    /// Reports an error.
    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>) -> Remark<'_> {
        self.errors += 1;
        if self.errors > MAX_ERRORS {
            self.fatal = true;
            return Remark(None);
        }
        self.push(Severity::Error, span, message.into())
    }

    /// Reports an error after which nothing more is read.
    pub(crate) fn fatal(&mut self, span: Span, message: impl Into<String>) -> Remark<'_> {
        self.fatal = true;
        self.errors += 1;
        self.push(Severity::Error, span, message.into())
    }

    /// Reports a warning.
    pub(crate) fn warning(&mut self, span: Span, message: impl Into<String>) -> Remark<'_> {
        if self.entries.len() > 2 * MAX_ERRORS {
            return Remark(None);
        }
        self.push(Severity::Warning, span, message.into())
    }

    fn push(&mut self, severity: Severity, span: Span, message: String) -> Remark<'_> {
        self.entries.push(Entry {
            severity,
            span,
            message,
            notes: Vec::new(),
        });
        Remark(self.entries.last_mut())
    }

    /// Whether anything stands in the way of output.
    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether to stop at once.
    pub(crate) fn is_fatal(&self) -> bool {
        self.fatal
    }

    /// The diagnostics as people read them, in the order of the text.
    pub(crate) fn finish(mut self, sources: &Sources) -> Vec<Diagnostic> {
        self.entries.sort_by_key(|entry| entry.span.lo);
        let mut all: Vec<Diagnostic> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let place = sources.place(entry.span.lo);
            let mut notes: Vec<String> = entry
                .notes
                .iter()
                .map(|note| match note {
                    Note::Help(text) => format!("help: {text}"),
                    Note::At(text, pos) => {
                        let at = sources.place(*pos);
                        format!("note: {text} at {}:{}:{}", at.file, at.line, at.column)
                    }
                })
                .collect();
            let chain = sources.include_chain(entry.span.lo);
            let shown = chain.iter().take(MAX_CHAIN);
            notes
                .extend(shown.map(|at| {
                    format!("note: included from {}:{}:{}", at.file, at.line, at.column)
                }));
            if chain.len() > MAX_CHAIN {
                notes.push(format!(
                    "note: included from {} more files",
                    chain.len() - MAX_CHAIN
                ));
            }
            let marked = sources.text(entry.span);
            let width = marked
                .lines()
                .next()
                .unwrap_or("")
                .trim_end()
                .chars()
                .count();
            all.push(Diagnostic {
                severity: entry.severity,
                file: place.file,
                line: place.line,
                column: place.column,
                message: entry.message.clone(),
                source_line: place.text,
                width: u32::try_from(width).unwrap_or(1).max(1),
                notes,
            });
        }
        if self.errors > MAX_ERRORS
            && let Some(last) = all.last_mut()
        {
            last.notes.push(format!(
                "note: {} more errors are not shown",
                self.errors - MAX_ERRORS
            ));
        }
        all
    }
}
