//! Text to tokens (RFC 4506 §6.2), with what C's scanners allow beyond it.
//!
//! The lexer gives out everything the preprocessor needs to see: tokens, comments, lines that begin with `%` or `#`.

use std::rc::Rc;

use crate::diagnostic::Report;
use crate::intern::{Interner, Symbol};
use crate::source::{Pos, Span};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a word of the language; the value is its [`Symbol`].
    Name,
    /// A number; the value is its magnitude.
    Number {
        decimal: bool,
    },
    /// A character in quotes; the value is its code.
    Char,
    /// A string; the value is the [`Symbol`] of its text, escapes undone.
    Text,
    LeftBrace,
    RightBrace,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    Less,
    Greater,
    Semicolon,
    Comma,
    Colon,
    ColonColon,
    Equals,
    Star,
    Minus,
    Plus,
    Slash,
    Percent,
    Ampersand,
    Pipe,
    Caret,
    Tilde,
    Bang,
    Question,
    ShiftLeft,
    ShiftRight,
    And,
    Or,
    EqualsEquals,
    NotEquals,
    LessEquals,
    GreaterEquals,
    Hash,
    /// A character that begins nothing; the value is its code.
    Other,
    End,
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Line ends between the token (or comment) before and this one, up to 3; 3 also behind a directive or a `%` line.
    pub(crate) gap: u8,
    pub(crate) span: Span,
    pub(crate) value: u64,
}

impl Token {
    /// The name, if it is one.
    pub(crate) fn name(&self) -> Option<Symbol> {
        (self.kind == Kind::Name).then(|| Symbol::from_number(self.value))
    }

    pub(crate) fn is_name(&self, name: Symbol) -> bool {
        self.kind == Kind::Name && self.value == name.number()
    }
}

/// What the lexer finds next.
#[derive(Debug)]
pub(crate) enum Lexeme {
    Token(Token),
    Comment {
        span: Span,
        gap: u8,
    },
    /// A line that begins with `%`, continued lines included, from behind the `%`.
    Passthrough(Span),
    /// A `#` that begins a line.
    Directive(Pos),
    /// The end of the file, or, within a directive, of the line.
    End,
}

/// Where a gap is as wide as it gets: nothing before belongs to what follows.
pub(crate) const WIDE_GAP: u8 = 3;

/// Reads one file.
#[derive(Debug)]
pub(crate) struct Lexer {
    text: Rc<str>,
    base: Pos,
    at: usize,
    /// Nothing but white space and comments since the line began.
    line_start: bool,
    gap: u8,
}

/// A place to come back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bookmark {
    at: usize,
    line_start: bool,
    gap: u8,
}

impl Lexer {
    pub(crate) fn new(text: Rc<str>, base: Pos) -> Self {
        Self {
            text,
            base,
            at: 0,
            line_start: true,
            gap: WIDE_GAP,
        }
    }

    /// Another lexer over the same file that begins at `pos`.
    pub(crate) fn fork(&self, pos: Pos) -> Self {
        let at = usize::try_from(pos.saturating_sub(self.base))
            .unwrap_or(usize::MAX)
            .min(self.text.len());
        Self {
            text: Rc::clone(&self.text),
            base: self.base,
            at,
            line_start: false,
            gap: 0,
        }
    }

    pub(crate) fn bookmark(&self) -> Bookmark {
        Bookmark {
            at: self.at,
            line_start: self.line_start,
            gap: self.gap,
        }
    }

    pub(crate) fn go_back(&mut self, to: Bookmark) {
        (self.at, self.line_start, self.gap) = (to.at, to.line_start, to.gap);
    }

    /// Where the next lexeme is looked for.
    pub(crate) fn pos(&self) -> Pos {
        self.pos_of(self.at)
    }

    fn pos_of(&self, at: usize) -> Pos {
        self.base
            .saturating_add(u32::try_from(at).unwrap_or(u32::MAX))
    }

    fn span(&self, from: usize) -> Span {
        Span {
            lo: self.pos_of(from),
            hi: self.pos_of(self.at),
        }
    }

    fn octet(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// The length of a line end at `at`: 0, 1 or 2 octets.
    fn line_end(&self, at: usize) -> usize {
        match self.octet(at) {
            b'\n' => 1,
            b'\r' if self.octet(at + 1) == b'\n' => 2,
            _ => 0,
        }
    }

    /// Makes what was read so far part of nothing that follows.
    pub(crate) fn widen_gap(&mut self) {
        self.gap = WIDE_GAP;
    }

    /// Goes to the end of the line, over continued lines; gives the text passed.
    pub(crate) fn rest_of_line(&mut self) -> Span {
        let from = self.at;
        loop {
            match self.octet(self.at) {
                0 if self.at >= self.text.len() => break,
                b'\n' => break,
                b'\r' if self.line_end(self.at) == 2 => break,
                b'\\' if self.line_end(self.at + 1) > 0 => {
                    self.at += 1 + self.line_end(self.at + 1);
                }
                _ => self.at += 1,
            }
        }
        self.span(from)
    }

    /// Goes to the end of the line as the preprocessor sees it: comments hide line ends. For the tail of a directive.
    pub(crate) fn skip_directive(&mut self) {
        while self.at < self.text.len() {
            match self.octet(self.at) {
                b'\n' => break,
                b'\\' if self.line_end(self.at + 1) > 0 => {
                    self.at += 1 + self.line_end(self.at + 1);
                }
                b'/' if self.octet(self.at + 1) == b'*' => {
                    self.block_comment();
                }
                b'/' if self.octet(self.at + 1) == b'/' => {
                    self.rest_of_line();
                }
                _ => self.at += 1,
            }
        }
    }

    /// Skips text that is switched off, up to the next `#` that begins a line; gives its position.
    pub(crate) fn skip_to_directive(&mut self) -> Option<Pos> {
        self.gap = WIDE_GAP;
        loop {
            match self.octet(self.at) {
                0 if self.at >= self.text.len() => return None,
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'\n' => {
                    self.at += 1;
                    self.line_start = true;
                }
                b'#' if self.line_start => {
                    let pos = self.pos();
                    self.at += 1;
                    self.line_start = false;
                    return Some(pos);
                }
                b'%' if self.line_start => {
                    self.rest_of_line();
                }
                b'/' if self.octet(self.at + 1) == b'*' => {
                    self.block_comment();
                }
                b'/' if self.octet(self.at + 1) == b'/' => {
                    self.rest_of_line();
                }
                quote @ (b'"' | b'\'') => {
                    self.line_start = false;
                    self.skip_quoted(quote);
                }
                _ => {
                    self.line_start = false;
                    self.at += 1;
                }
            }
        }
    }

    /// Over a string or character in text that is switched off; an apostrophe in prose ends with its line.
    fn skip_quoted(&mut self, quote: u8) {
        self.at += 1;
        while self.at < self.text.len() && self.line_end(self.at) == 0 {
            match self.octet(self.at) {
                b'\\' => self.at += 1 + self.line_end(self.at + 1).max(1),
                octet => {
                    self.at += 1;
                    if octet == quote {
                        return;
                    }
                }
            }
        }
        self.at = self.at.min(self.text.len());
    }

    /// Over a comment of C; false if it does not end.
    fn block_comment(&mut self) -> bool {
        let body = self.text.get(self.at + 2..).unwrap_or("");
        if let Some(length) = body.find("*/") {
            self.at += length + 4;
            true
        } else {
            self.at = self.text.len();
            false
        }
    }

    /// The next lexeme. Within a directive a line end is the end.
    pub(crate) fn next(
        &mut self,
        in_directive: bool,
        names: &mut Interner,
        report: &mut Report,
    ) -> Lexeme {
        loop {
            let octet = self.octet(self.at);
            match octet {
                0 if self.at >= self.text.len() => return Lexeme::End,
                b' ' | b'\t' | 0x0b | 0x0c => self.at += 1,
                b'\r' if self.line_end(self.at) == 2 || !in_directive => self.at += 1,
                b'\n' => {
                    if in_directive {
                        return Lexeme::End;
                    }
                    self.at += 1;
                    self.line_start = true;
                    self.gap = (self.gap + 1).min(WIDE_GAP);
                }
                b'\\' if self.line_end(self.at + 1) > 0 => {
                    self.at += 1 + self.line_end(self.at + 1);
                }
                b'/' if matches!(self.octet(self.at + 1), b'*' | b'/') => {
                    return self.comment(report);
                }
                b'#' if self.line_start && !in_directive => {
                    let pos = self.pos();
                    self.at += 1;
                    self.line_start = false;
                    return Lexeme::Directive(pos);
                }
                b'%' if self.line_start && !in_directive => {
                    self.at += 1;
                    self.gap = WIDE_GAP;
                    return Lexeme::Passthrough(self.rest_of_line());
                }
                _ => {
                    self.line_start = false;
                    let gap = std::mem::take(&mut self.gap);
                    let from = self.at;
                    let (kind, value) = self.token(octet, names, report);
                    return Lexeme::Token(Token {
                        kind,
                        gap,
                        span: self.span(from),
                        value,
                    });
                }
            }
        }
    }

    fn comment(&mut self, report: &mut Report) -> Lexeme {
        let from = self.at;
        if self.octet(self.at + 1) == b'/' {
            self.rest_of_line();
        } else if !self.block_comment() {
            let start = Span {
                lo: self.pos_of(from),
                hi: self.pos_of(from + 2),
            };
            report.error(
                start,
                "expected `*/` before the end of the file: the comment does not end",
            );
        }
        Lexeme::Comment {
            span: self.span(from),
            gap: std::mem::take(&mut self.gap),
        }
    }

    fn token(&mut self, octet: u8, names: &mut Interner, report: &mut Report) -> (Kind, u64) {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let from = self.at;
                let bytes = self.text.as_bytes().get(from..).unwrap_or(&[]);
                self.at += bytes
                    .iter()
                    .position(|octet| !(octet.is_ascii_alphanumeric() || *octet == b'_'))
                    .unwrap_or(bytes.len());
                let name = names.intern(self.text.get(from..self.at).unwrap_or(""));
                (Kind::Name, name.number())
            }
            b'0'..=b'9' => self.number(report),
            b'"' => self.string(names, report),
            b'\'' => self.character(report),
            _ => self.punctuation(octet),
        }
    }

    fn punctuation(&mut self, octet: u8) -> (Kind, u64) {
        let second = self.octet(self.at + 1);
        let (kind, length) = match (octet, second) {
            (b':', b':') => (Kind::ColonColon, 2),
            (b'<', b'<') => (Kind::ShiftLeft, 2),
            (b'>', b'>') => (Kind::ShiftRight, 2),
            (b'&', b'&') => (Kind::And, 2),
            (b'|', b'|') => (Kind::Or, 2),
            (b'=', b'=') => (Kind::EqualsEquals, 2),
            (b'!', b'=') => (Kind::NotEquals, 2),
            (b'<', b'=') => (Kind::LessEquals, 2),
            (b'>', b'=') => (Kind::GreaterEquals, 2),
            (b'{', _) => (Kind::LeftBrace, 1),
            (b'}', _) => (Kind::RightBrace, 1),
            (b'(', _) => (Kind::LeftParen, 1),
            (b')', _) => (Kind::RightParen, 1),
            (b'[', _) => (Kind::LeftBracket, 1),
            (b']', _) => (Kind::RightBracket, 1),
            (b'<', _) => (Kind::Less, 1),
            (b'>', _) => (Kind::Greater, 1),
            (b';', _) => (Kind::Semicolon, 1),
            (b',', _) => (Kind::Comma, 1),
            (b':', _) => (Kind::Colon, 1),
            (b'=', _) => (Kind::Equals, 1),
            (b'*', _) => (Kind::Star, 1),
            (b'-', _) => (Kind::Minus, 1),
            (b'+', _) => (Kind::Plus, 1),
            (b'/', _) => (Kind::Slash, 1),
            (b'%', _) => (Kind::Percent, 1),
            (b'&', _) => (Kind::Ampersand, 1),
            (b'|', _) => (Kind::Pipe, 1),
            (b'^', _) => (Kind::Caret, 1),
            (b'~', _) => (Kind::Tilde, 1),
            (b'!', _) => (Kind::Bang, 1),
            (b'?', _) => (Kind::Question, 1),
            (b'#', _) => (Kind::Hash, 1),
            _ => {
                let other = self
                    .text
                    .get(self.at..)
                    .and_then(|rest| rest.chars().next())
                    .unwrap_or('\u{fffd}');
                self.at += other.len_utf8();
                return (Kind::Other, u64::from(u32::from(other)));
            }
        };
        self.at += length;
        (kind, 0)
    }

    /// RFC 4506 §6.2 (4)–(6); the suffixes of C say nothing here and are dropped.
    fn number(&mut self, report: &mut Report) -> (Kind, u64) {
        let from = self.at;
        while self.octet(self.at).is_ascii_alphanumeric()
            || matches!(self.octet(self.at), b'_' | b'.')
        {
            self.at += 1;
        }
        let text = self.text.get(from..self.at).unwrap_or("");
        let (digits, radix) = match text.as_bytes() {
            [b'0', b'x' | b'X', ..] => (text.get(2..).unwrap_or(""), 16),
            [b'0', _, ..] => (text.get(1..).unwrap_or(""), 8),
            _ => (text, 10),
        };
        let digits = digits.trim_end_matches(['u', 'U', 'l', 'L']);
        let value = if digits.is_empty() && radix == 8 {
            Ok(0) // `0L`
        } else {
            u64::from_str_radix(digits, radix)
        };
        let value = match value {
            Ok(value) => value,
            Err(error) => {
                let span = self.span(from);
                if *error.kind() == std::num::IntErrorKind::PosOverflow {
                    report.error(
                        span,
                        format!("`{text}` is too large: expected a number of at most 64 bits"),
                    );
                } else if digits.contains('.') {
                    report.error(span, format!("expected an integer, found `{text}`"));
                } else {
                    let what = match radix {
                        16 => "hexadecimal",
                        8 => "octal",
                        _ => "decimal",
                    };
                    report.error(span, format!("expected {what} digits, found `{text}`"));
                }
                0
            }
        };
        (
            Kind::Number {
                decimal: radix == 10,
            },
            value,
        )
    }

    /// One character of a string or character constant, escapes undone; `None` at the end of the line.
    fn quoted(&mut self) -> Option<char> {
        if self.line_end(self.at) > 0 {
            return None;
        }
        let first = self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())?;
        self.at += first.len_utf8();
        if first != '\\' {
            return Some(first);
        }
        let escape = self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())?;
        if self.line_end(self.at) > 0 {
            return None;
        }
        self.at += escape.len_utf8();
        let radix_and_most = match escape {
            'n' => return Some('\n'),
            't' => return Some('\t'),
            'r' => return Some('\r'),
            'a' => return Some('\x07'),
            'b' => return Some('\x08'),
            'f' => return Some('\x0c'),
            'v' => return Some('\x0b'),
            'x' => (16, 2),
            '0'..='7' => {
                self.at -= 1;
                (8, 3)
            }
            other => return Some(other),
        };
        let (radix, most) = radix_and_most;
        let mut code = 0;
        for _ in 0..most {
            let Some(digit) = char::from(self.octet(self.at)).to_digit(radix) else {
                break;
            };
            code = code * radix + digit;
            self.at += 1;
        }
        char::from_u32(code & 0xff)
    }

    fn string(&mut self, names: &mut Interner, report: &mut Report) -> (Kind, u64) {
        let from = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            if self.octet(self.at) == b'"' {
                self.at += 1;
                break;
            }
            let Some(c) = self.quoted() else {
                report.error(
                    self.span(from),
                    "expected `\"` before the end of the line: the string does not end",
                );
                break;
            };
            text.push(c);
        }
        (Kind::Text, names.intern(&text).number())
    }

    fn character(&mut self, report: &mut Report) -> (Kind, u64) {
        let from = self.at;
        self.at += 1;
        let value = if self.octet(self.at) == b'\'' {
            None
        } else {
            self.quoted()
        };
        if self.octet(self.at) == b'\'' && value.is_some() {
            self.at += 1;
        } else {
            // Up to the closing quote, if the line has one.
            let line = self
                .text
                .get(self.at..)
                .unwrap_or("")
                .lines()
                .next()
                .unwrap_or("");
            self.at += line.find('\'').map_or(0, |length| length + 1);
            report.error(
                self.span(from),
                "expected one character between `'` and `'`",
            );
        }
        (Kind::Char, value.map_or(0, |c| u64::from(u32::from(c))))
    }
}
