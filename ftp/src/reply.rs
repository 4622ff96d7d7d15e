//! Replies of the control connection (RFC 959 §4.2), read as servers write them.
//!
//! A reply is one line, `ddd text`, or several: `ddd-text`, any lines, `ddd text` with the same code. Servers of today
//! and of thirty years ago bend this, and clients get out of step over it. [`ReplyParser`] reads strictly first: inside
//! a reply of several lines only its own code followed by a blank (or nothing) ends it, so that "150 users online" in a
//! banner is text. Only where this leaves the reply open, and nothing more comes for a while, a last line with another
//! code is taken for its end: for [`GRACE`] in a reply that began with a refusal, which is where servers do that
//! (`553-` … `150`), for [`LONG_GRACE`] in others, where a slow server may only have paused in its banner.
//!
//! Also understood: a bare code, lines that end in LF alone, octets of any value in the text, Telnet's doubled 255 and
//! its negotiations at the start of a line, and lines without a code before a reply, which are skipped.

use crate::command::IAC;
use fairway_stack::Instant;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// How long a line with another code waits for company before it is taken for the end of a reply.
pub const GRACE: Duration = Duration::from_millis(500);

/// The same for a reply that did not begin with a refusal.
pub const LONG_GRACE: Duration = Duration::from_secs(4);

/// The three digits of a reply (RFC 959 §4.2.1; RFC 2228 §5 adds those beginning with 6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

impl Code {
    /// A code, if it is from 100 to 699.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            100..=699 => Some(Self(code)),
            _ => None,
        }
    }

    /// As a number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// What the first digit says.
    #[must_use]
    pub const fn class(self) -> Class {
        match self.0 / 100 {
            1 => Class::Preliminary,
            2 => Class::Completion,
            3 => Class::Intermediate,
            4 => Class::TransientNegative,
            5 => Class::PermanentNegative,
            _ => Class::Protected,
        }
    }

    fn read(line: &[u8]) -> Option<Self> {
        let [
            hundreds @ b'1'..=b'6',
            tens @ b'0'..=b'9',
            ones @ b'0'..=b'9',
            ..,
        ] = *line
        else {
            return None;
        };
        let digit = |octet: u8| u16::from(octet - b'0');
        Some(Self(digit(hundreds) * 100 + digit(tens) * 10 + digit(ones)))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The first digit of a code (RFC 959 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 1: begun; another reply follows.
    Preliminary,
    /// 2: done.
    Completion,
    /// 3: accepted; the next command of the sequence is awaited.
    Intermediate,
    /// 4: not now.
    TransientNegative,
    /// 5: no.
    PermanentNegative,
    /// 6: a reply under the protection of RFC 2228 §5.
    Protected,
}

/// One reply, with the text of all its lines.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    code: Code,
    /// The lines without code, separator and end, joined by LF.
    text: Vec<u8>,
}

impl Reply {
    /// A reply made by hand: for tests, and for what stands in for a server.
    #[must_use]
    pub fn new(code: Code, text: impl Into<Vec<u8>>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }

    /// Its code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What the first digit of its code says.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.code.class()
    }

    /// Whether the code is `code`.
    #[must_use]
    pub const fn is(&self, code: u16) -> bool {
        self.code.0 == code
    }

    /// 4xx or 5xx (or 6xx, which no command of ours asks for).
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.code.0 >= 400
    }

    /// The lines, without code and line ends; at least one.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split(|octet| *octet == b'\n')
    }

    /// The text of the first line.
    #[must_use]
    pub fn first_line(&self) -> &[u8] {
        self.lines().next().unwrap_or_default()
    }

    /// The text of the last line: in a reply of one line its text.
    #[must_use]
    pub fn last_line(&self) -> &[u8] {
        self.lines().last().unwrap_or_default()
    }

    /// All lines, joined by LF.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.text
    }

    /// All lines as text to show: foreign octets and control characters replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        let text = String::from_utf8_lossy(&self.text);
        if text.chars().any(|c| c.is_control() && c != '\n') {
            let shown = |c: char| match c {
                '\t' => ' ',
                c if c.is_control() && c != '\n' => char::REPLACEMENT_CHARACTER,
                c => c,
            };
            return text.chars().map(shown).collect::<String>().into();
        }
        text
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text().replace('\n', " / "))
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({self})")
    }
}

/// How much of a server's words is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyLimits {
    /// Octets of a line; 8192. The rest of a longer one is dropped.
    pub line: usize,
    /// Lines of a reply; 16 384 (`STAT` of a large directory is a reply). More are an error.
    pub lines: usize,
    /// Octets of a reply; 1 048 576. More are an error.
    pub reply: usize,
    /// Lines without a code before a reply; 64. More are an error.
    pub noise: usize,
}

impl Default for ReplyLimits {
    fn default() -> Self {
        Self {
            line: 8192,
            lines: 16_384,
            reply: 1024 * 1024,
            noise: 64,
        }
    }
}

/// What a server sent that no client can follow; the connection is of no use any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// A reply of more lines than [`ReplyLimits::lines`].
    #[error("reply {code} of more than {limit} lines")]
    TooManyLines {
        /// Its code.
        code: Code,
        /// The limit.
        limit: usize,
    },
    /// A reply of more octets than [`ReplyLimits::reply`].
    #[error("reply {code} of more than {limit} octets")]
    TooLong {
        /// Its code.
        code: Code,
        /// The limit.
        limit: usize,
    },
    /// Line after line without a code.
    #[error("{lines} lines without a reply code, such as {sample:?}")]
    Noise {
        /// How many.
        lines: usize,
        /// The start of the last.
        sample: String,
    },
    /// The connection ended inside a reply.
    #[error("connection closed inside reply {code}")]
    Cut {
        /// Code of the reply that has no end.
        code: Code,
    },
}

/// Octets of the control connection in, replies out. Holds no more than [`ReplyLimits`] say.
///
/// Law: after every `handle_…`, take replies until there is none; then wait for more octets or for
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug, Default)]
pub struct ReplyParser {
    limits: ReplyLimits,
    /// The line that has not ended.
    line: Vec<u8>,
    /// The reply that has not ended.
    open: Option<Open>,
    ready: std::collections::VecDeque<Reply>,
    noise: usize,
    /// Lines cut short.
    cut: u64,
    /// Octets in the unfinished line that were dropped.
    overlong: bool,
}

#[derive(Debug)]
struct Open {
    code: Code,
    text: Vec<u8>,
    lines: usize,
    /// The last line is `ddd text` with another code: its code, where its text begins, and when it will be believed.
    candidate: Option<(Code, usize, Instant)>,
}

impl ReplyParser {
    /// A parser with `limits`.
    #[must_use]
    pub fn new(limits: ReplyLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Octets have arrived.
    ///
    /// # Errors
    /// [`ReplyError`]: the peer does not speak FTP, or without end. Replies before the fault can be taken.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8]) -> Result<(), ReplyError> {
        let mut rest = octets;
        while let Some(end) = rest.iter().position(|octet| *octet == b'\n') {
            let (line, next) = rest.split_at(end);
            rest = next.get(1..).unwrap_or_default();
            if self.line.is_empty() && line.len() <= self.limits.line {
                self.take_line(now, line)?;
            } else {
                self.append(line);
                let line = std::mem::take(&mut self.line);
                self.overlong = false;
                let taken = self.take_line(now, &line);
                self.line = line;
                self.line.clear();
                taken?;
            }
        }
        self.append(rest);
        Ok(())
    }

    /// Nothing more will come: what has no line end yet, and a candidate, are the end of the reply.
    ///
    /// # Errors
    /// [`ReplyError::Cut`] if a reply stays open.
    pub fn handle_eof(&mut self, now: Instant) -> Result<(), ReplyError> {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.take_line(now, &line)?;
        }
        self.adopt();
        match self.open.take() {
            Some(open) => Err(ReplyError::Cut { code: open.code }),
            None => Ok(()),
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.adopt();
        }
    }

    /// When to say that time has passed.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (_, _, at) = self.open.as_ref()?.candidate?;
        // A further line is on its way: the candidate will be judged by it.
        self.line.is_empty().then_some(at)
    }

    /// The next whole reply.
    pub fn poll_reply(&mut self) -> Option<Reply> {
        self.ready.pop_front()
    }

    /// Whether there is nothing begun and nothing to take: the stream stands right behind a reply.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.noise == 0 && self.line.is_empty() && self.open.is_none() && self.ready.is_empty()
    }

    /// How many lines were longer than the limit, and cut.
    #[must_use]
    pub const fn lines_cut(&self) -> u64 {
        self.cut
    }

    fn append(&mut self, octets: &[u8]) {
        let room = self.limits.line.saturating_sub(self.line.len());
        if octets.len() > room && !self.overlong {
            self.overlong = true;
            self.cut += 1;
        }
        self.line
            .extend_from_slice(octets.get(..room).unwrap_or(octets));
    }

    fn take_line(&mut self, now: Instant, line: &[u8]) -> Result<(), ReplyError> {
        let line = without_telnet(without_cr(line));
        let line = &*line;
        let code = Code::read(line);
        let separator = line.get(3);
        let Some(open) = &mut self.open else {
            return match (code, separator) {
                (Some(code), Some(b'-')) => {
                    self.noise = 0;
                    self.open = Some(Open {
                        code,
                        text: line.get(4..).unwrap_or_default().to_vec(),
                        lines: 1,
                        candidate: None,
                    });
                    Ok(())
                }
                // "220" and "220:text" end a reply as "220 text" does; "2200" is no code.
                (Some(code), separator) if !separator.is_some_and(u8::is_ascii_digit) => {
                    self.noise = 0;
                    let text = match separator {
                        Some(b' ') => line.get(4..),
                        _ => line.get(3..),
                    };
                    let text = text.unwrap_or_default().to_vec();
                    self.ready.push_back(Reply { code, text });
                    Ok(())
                }
                // The empty line behind a reply is common; words are not.
                _ if line.is_empty() => Ok(()),
                _ => {
                    self.noise += 1;
                    if self.noise > self.limits.noise {
                        let sample = String::from_utf8_lossy(line.get(..40).unwrap_or(line));
                        return Err(ReplyError::Noise {
                            lines: self.noise,
                            sample: sample.into_owned(),
                        });
                    }
                    Ok(())
                }
            };
        };
        // Something follows it: the candidate was text.
        open.candidate = None;
        open.lines += 1;
        if open.lines > self.limits.lines {
            return Err(ReplyError::TooManyLines {
                code: open.code,
                limit: self.limits.lines,
            });
        }
        if open.text.len() + line.len() >= self.limits.reply {
            return Err(ReplyError::TooLong {
                code: open.code,
                limit: self.limits.reply,
            });
        }
        let ours = code == Some(open.code);
        open.text.push(b'\n');
        let start = open.text.len();
        match separator {
            Some(b' ' | b'-') if ours => {
                open.text
                    .extend_from_slice(line.get(4..).unwrap_or_default());
            }
            None if ours => {}
            _ => open.text.extend_from_slice(line),
        }
        match (code, separator) {
            (Some(_), Some(b' ') | None) if ours => {
                if let Some(Open { code, text, .. }) = self.open.take() {
                    self.ready.push_back(Reply { code, text });
                }
            }
            (Some(code), Some(b' ')) => {
                let grace = if open.code.get() >= 400 {
                    GRACE
                } else {
                    LONG_GRACE
                };
                open.candidate = Some((code, start, now + grace));
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes the candidate for the end of the reply.
    fn adopt(&mut self) {
        if let Some(Open {
            candidate: Some((code, start, _)),
            mut text,
            ..
        }) = self.open.take_if(|open| open.candidate.is_some())
        {
            text.drain(start..start + 4);
            self.ready.push_back(Reply { code, text });
        }
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    let mut line = line;
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    line
}

/// Undoes Telnet: 255 doubled is 255, and a negotiation (255, 251 to 254, option) at the start of a line is nothing.
/// Elsewhere 255 is a letter: in the Cyrillic charsets a common one.
fn without_telnet(line: &[u8]) -> Cow<'_, [u8]> {
    if !line.contains(&IAC) {
        return Cow::Borrowed(line);
    }
    let mut rest = line;
    while let [IAC, 251..=254, _, after @ ..] = rest {
        rest = after;
    }
    let mut plain = Vec::with_capacity(rest.len());
    let mut octets = rest.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        plain.push(octet);
        if octet == IAC && octets.peek() == Some(&IAC) {
            octets.next();
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests;
