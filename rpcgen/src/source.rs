//! The texts a run has read, one behind the other in a single space of positions.
//!
//! Every inclusion of a file is a text of its own, so that a position also tells through which `#include` lines it was reached.

use std::rc::Rc;

/// An offset into the texts of a run, laid end to end.
pub(crate) type Pos = u32;

/// A stretch of text, `lo` inclusive and `hi` exclusive, within one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) lo: Pos,
    pub(crate) hi: Pos,
}

impl Span {
    /// From the start of `self` to the end of `other`; `self` alone if `other` lies before it (in another file).
    pub(crate) fn to(self, other: Self) -> Self {
        if other.hi >= self.lo {
            Self {
                lo: self.lo,
                hi: other.hi,
            }
        } else {
            self
        }
    }
}

/// A `#line` (or `# 1 "file"`) directive: what the lines after it call themselves.
#[derive(Clone, Debug)]
struct LineMark {
    /// Offset within the file of the first line the mark speaks for.
    at: u32,
    line: u32,
    name: Option<Rc<str>>,
}

#[derive(Debug)]
struct SourceFile {
    name: Rc<str>,
    text: Rc<str>,
    base: Pos,
    included_at: Option<Pos>,
    marks: Vec<LineMark>,
}

/// A position as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: String,
    /// Counted from 1.
    pub(crate) line: u32,
    /// Counted from 1, in characters.
    pub(crate) column: u32,
    /// The whole line, without its end.
    pub(crate) text: String,
}

/// All texts of a run.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: Vec<SourceFile>,
    end: Pos,
}

/// What all texts of a run may hold together, included files counted at every inclusion.
pub(crate) const MAX_TEXT: usize = 64 << 20;

impl Sources {
    /// Adds a text; `None` if all texts together become larger than [`MAX_TEXT`].
    pub(crate) fn add(
        &mut self,
        name: &str,
        text: Rc<str>,
        included_at: Option<Pos>,
    ) -> Option<Pos> {
        let end = usize::try_from(self.end)
            .ok()?
            .checked_add(text.len())?
            .checked_add(1)?;
        if end > MAX_TEXT {
            return None;
        }
        let base = self.end;
        self.files.push(SourceFile {
            name: name.into(),
            text,
            base,
            included_at,
            marks: Vec::new(),
        });
        self.end = u32::try_from(end).ok()?;
        Some(base)
    }

    fn file_at(&self, pos: Pos) -> Option<&SourceFile> {
        let after = self.files.partition_point(|file| file.base <= pos);
        self.files.get(after.checked_sub(1)?)
    }

    /// The text between two positions of one file.
    pub(crate) fn text(&self, span: Span) -> &str {
        self.file_at(span.lo)
            .and_then(|file| {
                let lo = usize::try_from(span.lo - file.base).ok()?;
                let hi = usize::try_from(span.hi.checked_sub(file.base)?).ok()?;
                file.text.get(lo..hi)
            })
            .unwrap_or("")
    }

    /// Remembers a line mark: the line that begins at `pos` is line `line` of `name` (or of the same file).
    pub(crate) fn mark_line(&mut self, pos: Pos, line: u32, name: Option<&str>) {
        let after = self.files.partition_point(|file| file.base <= pos);
        let Some(file) = after.checked_sub(1).and_then(|at| self.files.get_mut(at)) else {
            return;
        };
        let name = name
            .map(Rc::from)
            .or_else(|| file.marks.last().and_then(|mark| mark.name.clone()));
        file.marks.push(LineMark {
            at: pos - file.base,
            line,
            name,
        });
    }

    /// File, line and column of a position.
    pub(crate) fn place(&self, pos: Pos) -> Place {
        let Some(file) = self.file_at(pos) else {
            return Place {
                file: String::new(),
                line: 1,
                column: 1,
                text: String::new(),
            };
        };
        let offset = usize::try_from(pos - file.base)
            .unwrap_or(usize::MAX)
            .min(file.text.len());
        let before = file.text.get(..offset).unwrap_or("");
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = file.text.get(start..).unwrap_or("");
        let line_text = rest.split('\n').next().unwrap_or("").trim_end_matches('\r');
        let marked = file
            .marks
            .partition_point(|mark| usize::try_from(mark.at).is_ok_and(|at| at <= offset));
        let mark = marked.checked_sub(1).and_then(|at| file.marks.get(at));
        let (first, from, name) = match mark {
            Some(mark) => (
                mark.line,
                usize::try_from(mark.at).unwrap_or(0),
                mark.name.as_ref().unwrap_or(&file.name),
            ),
            None => (1, 0, &file.name),
        };
        let newlines = before
            .get(from..)
            .unwrap_or("")
            .bytes()
            .filter(|&octet| octet == b'\n')
            .count();
        let column = before.get(start..).unwrap_or("").chars().count() + 1;
        Place {
            file: name.to_string(),
            line: first.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX)),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            text: line_text.to_owned(),
        }
    }

    /// Where the file of `pos` was included, then where that file was, and so on.
    pub(crate) fn include_chain(&self, pos: Pos) -> Vec<Place> {
        let mut chain = Vec::new();
        let mut at = self.file_at(pos).and_then(|file| file.included_at);
        while let Some(pos) = at {
            chain.push(self.place(pos));
            at = self.file_at(pos).and_then(|file| file.included_at);
        }
        chain
    }
}
