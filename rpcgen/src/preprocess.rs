//! The preprocessor: what files need of C's, on tokens, so that every token knows where it was written.
//!
//! `#include` (next to the file, then in the directories of `-I`), `#if #ifdef #ifndef #elif #else #endif` with `defined` and integer
//! expressions, `#define` of objects and simple functions, `#undef`, `#error`, `#line` and the marks a preprocessor leaves
//! (`# 1 "file"`). `#pragma once` is obeyed; other pragmas and `#ident` are passed over. Left out: `#` and `##` within
//! macros, variable arguments, `__LINE__` and its kin, the system's include directories.
//!
//! Everything that can grow is bounded: the depth and number of includes, the depth and steps of expansion, and
//! [`MAX_TEXT`](crate::source::MAX_TEXT).

mod expand;

use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::condition::Condition;
use crate::diagnostic::Report;
use crate::intern::{Interner, Symbol, word};
use crate::lex::{Kind, Lexeme, Lexer, Token};
use crate::source::{MAX_TEXT, Pos, Sources, Span};

/// How deep `#include` may nest.
pub(crate) const MAX_INCLUDE_DEPTH: usize = 64;
/// How many files a run may include, repetitions counted.
pub(crate) const MAX_INCLUSIONS: usize = 4096;
/// How deep `#if` may nest.
const MAX_CONDITION_DEPTH: usize = 1024;

/// A comment and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comment {
    pub(crate) span: Span,
    /// The token it stands before.
    pub(crate) before: usize,
    /// As for [`Token::gap`].
    pub(crate) gap: u8,
}

/// A `%` line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passthrough {
    /// From behind the `%` to the end of the line, continued lines included.
    pub(crate) span: Span,
    /// The token it stands before.
    pub(crate) before: usize,
}

/// A `%#define` of an object: C would know it.
#[derive(Debug)]
pub(crate) struct PassedDefine {
    pub(crate) name: Symbol,
    pub(crate) body: Vec<Token>,
}

/// What is left of the text for the parser.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    /// The tokens; the last one is [`Kind::End`].
    pub(crate) tokens: Vec<Token>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) passthrough: Vec<Passthrough>,
    pub(crate) passed_defines: Vec<PassedDefine>,
    /// The files that were read, the first one first, each once.
    pub(crate) read: Vec<PathBuf>,
}

/// What the caller says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) include_dirs: Vec<PathBuf>,
    /// Names and values, the later one wins.
    pub(crate) defines: Vec<(String, String)>,
}

#[derive(Debug)]
struct Macro {
    /// `None`: an object.
    parameters: Option<Vec<Symbol>>,
    body: Vec<Token>,
}

#[derive(Debug)]
struct Group {
    opened: Span,
    /// The text around it is in use.
    outer: bool,
    /// The text now read is in use.
    active: bool,
    /// A part of it has been in use.
    taken: bool,
    seen_else: bool,
}

#[derive(Debug)]
struct Frame {
    lexer: Lexer,
    path: PathBuf,
    groups: Vec<Group>,
}

#[derive(Debug)]
pub(crate) struct Preprocessor<'a> {
    sources: &'a mut Sources,
    names: &'a mut Interner,
    report: &'a mut Report,
    settings: &'a Settings,
    macros: Vec<Option<Rc<Macro>>>,
    frames: Vec<Frame>,
    unit: Unit,
    once: HashSet<PathBuf>,
    steps: usize,
    inclusions: usize,
}

/// Reads a text file. One that is not UTF-8 is Latin-1: old files have names and signs in their comments.
pub(crate) fn read_text(path: &Path) -> std::io::Result<Rc<str>> {
    if std::fs::metadata(path)?.is_dir() {
        return Err(std::io::Error::other("is a directory"));
    }
    read_limited(std::fs::File::open(path)?)
}

/// Reads a text to its end, or to the limit.
pub(crate) fn read_limited(input: impl std::io::Read) -> std::io::Result<Rc<str>> {
    let limit = u64::try_from(MAX_TEXT).unwrap_or(u64::MAX);
    let mut octets = Vec::new();
    input.take(limit + 1).read_to_end(&mut octets)?;
    if octets.len() > MAX_TEXT {
        return Err(std::io::Error::other(format!(
            "is larger than {} MiB",
            MAX_TEXT >> 20
        )));
    }
    Ok(match String::from_utf8(octets) {
        Ok(text) => text.into(),
        Err(error) => error
            .as_bytes()
            .iter()
            .copied()
            .map(char::from)
            .collect::<String>()
            .into(),
    })
}

impl<'a> Preprocessor<'a> {
    pub(crate) fn new(
        sources: &'a mut Sources,
        names: &'a mut Interner,
        report: &'a mut Report,
        settings: &'a Settings,
    ) -> Self {
        Self {
            sources,
            names,
            report,
            settings,
            macros: Vec::new(),
            frames: Vec::new(),
            unit: Unit::default(),
            once: HashSet::new(),
            steps: 0,
            inclusions: 0,
        }
    }

    /// Reads the text to its end.
    pub(crate) fn run(mut self, path: &Path, name: &str, text: Rc<str>) -> Unit {
        for (name, value) in &self.settings.defines {
            self.predefine(name, value);
        }
        self.unit.tokens.reserve(text.len() / 6);
        let size = text.len();
        match self.sources.add(name, Rc::clone(&text), None) {
            Some(base) => self.frames.push(Frame {
                lexer: Lexer::new(text, base),
                path: path.to_owned(),
                groups: Vec::new(),
            }),
            None => {
                let _ = self.report.fatal(
                    Span::default(),
                    format!("{name} is too large: {size} octets"),
                );
            }
        }
        let mut end = self.frames.last().map_or(0, |frame| frame.lexer.pos());
        while let Some(frame) = self.frames.last_mut() {
            if self.report.is_fatal() {
                break;
            }
            if frame.groups.last().is_some_and(|group| !group.active) {
                match frame.lexer.skip_to_directive() {
                    Some(pos) => self.directive(pos, false),
                    None => end = self.leave(),
                }
                continue;
            }
            match frame.lexer.next(false, self.names, self.report) {
                Lexeme::Token(token) => match token.name().and_then(|name| self.macro_of(name)) {
                    None => self.unit.tokens.push(token),
                    Some(found) => self.expand_use(token, &found),
                },
                Lexeme::Comment { span, gap } => {
                    self.unit.comments.push(Comment {
                        span,
                        before: self.unit.tokens.len(),
                        gap,
                    });
                }
                Lexeme::Passthrough(span) => self.passthrough(span),
                Lexeme::Directive(pos) => self.directive(pos, true),
                Lexeme::End => end = self.leave(),
            }
        }
        let span = Span { lo: end, hi: end };
        self.unit.tokens.push(Token {
            kind: Kind::End,
            gap: 3,
            span,
            value: 0,
        });
        self.unit
    }

    /// Ends the innermost file; gives its last position.
    fn leave(&mut self) -> Pos {
        let Some(frame) = self.frames.pop() else {
            return 0;
        };
        for group in frame.groups {
            self.report
                .error(group.opened, "expected `#endif` before the end of the file");
        }
        if let Some(outer) = self.frames.last_mut() {
            outer.lexer.widen_gap();
        }
        frame.lexer.pos()
    }

    fn macro_of(&self, name: Symbol) -> Option<Rc<Macro>> {
        self.macros.get(name.index())?.clone()
    }

    fn set_macro(&mut self, name: Symbol, value: Option<Macro>) {
        if self.macros.len() <= name.index() {
            self.macros
                .resize_with(self.names.len().max(name.index() + 1), || None);
        }
        if let Some(slot) = self.macros.get_mut(name.index()) {
            *slot = value.map(Rc::new);
        }
    }

    /// Defines what the caller wants defined, as if by `#define NAME VALUE`.
    fn predefine(&mut self, name: &str, value: &str) {
        let text: Rc<str> = format!("{name} {value}").replace(['\n', '\r'], " ").into();
        if let Some(base) = self.sources.add("<command line>", Rc::clone(&text), None) {
            self.frames.push(Frame {
                lexer: Lexer::new(text, base),
                path: PathBuf::new(),
                groups: Vec::new(),
            });
            self.define(Span {
                lo: base,
                hi: base + 1,
            });
            self.frames.pop();
        }
    }

    // ---- directives ----

    fn lex_directive(&mut self) -> Option<Token> {
        let frame = self.frames.last_mut()?;
        loop {
            match frame.lexer.next(true, self.names, self.report) {
                Lexeme::Token(token) => return Some(token),
                Lexeme::Comment { .. } => {}
                Lexeme::Passthrough(_) | Lexeme::Directive(_) | Lexeme::End => return None,
            }
        }
    }

    fn line_tokens(&mut self) -> Vec<Token> {
        let mut tokens = Vec::new();
        while let Some(token) = self.lex_directive() {
            tokens.push(token);
        }
        tokens
    }

    fn line_text(&mut self) -> Span {
        self.frames
            .last_mut()
            .map(|frame| frame.lexer.rest_of_line())
            .unwrap_or_default()
    }

    fn directive(&mut self, pos: Pos, active: bool) {
        let hash = Span {
            lo: pos,
            hi: pos + 1,
        };
        let depth = self.frames.len();
        if active {
            self.any_directive(hash);
        } else if let Some(token) = self.lex_directive() {
            self.group_directive(hash.to(token.span), token.name());
        }
        // The rest of the line; a file that was just included is not touched.
        if let Some(frame) = self.frames.get_mut(depth - 1) {
            frame.lexer.skip_directive();
            frame.lexer.widen_gap();
        }
    }

    fn any_directive(&mut self, hash: Span) {
        let Some(token) = self.lex_directive() else {
            return;
        }; // a lone `#`
        let span = hash.to(token.span);
        match token.kind {
            Kind::Number { .. } => self.line_mark(token),
            Kind::Name => {
                let name = Symbol::from_number(token.value);
                match name {
                    word::DEFINE => self.define(span),
                    word::UNDEF => match self.lex_directive().and_then(|token| token.name()) {
                        Some(name) => self.set_macro(name, None),
                        None => {
                            self.report.error(span, "expected a name after `#undef`");
                        }
                    },
                    word::INCLUDE => self.include(span),
                    word::ERROR => {
                        let line = self.line_text();
                        let text = self.sources.text(line).trim().to_owned();
                        self.report.error(span, format!("#error {text}"));
                    }
                    word::LINE => match self.lex_directive() {
                        Some(token) if matches!(token.kind, Kind::Number { .. }) => {
                            self.line_mark(token);
                        }
                        _ => {
                            self.report
                                .error(span, "expected a line number after `#line`");
                        }
                    },
                    word::PRAGMA => {
                        if self
                            .lex_directive()
                            .is_some_and(|token| token.is_name(word::ONCE))
                            && let Some(frame) = self.frames.last()
                        {
                            self.once.insert(frame.path.clone());
                        }
                        self.line_text();
                    }
                    word::WARNING => {
                        let line = self.line_text();
                        let text = self.sources.text(line).trim().to_owned();
                        self.report.warning(span, format!("#warning {text}"));
                    }
                    word::IDENT => {
                        self.line_text();
                    }
                    _ => self.group_directive(span, Some(name)),
                }
            }
            _ => self.unknown_directive(span),
        }
    }

    fn unknown_directive(&mut self, span: Span) {
        self.report
            .error(span, format!("expected a directive, found `{}`", self.sources.text(span)))
            .help("known are #include, #define, #undef, #if, #ifdef, #ifndef, #elif, #else, #endif, #error, #line, #pragma");
    }

    /// The directives that count in text that is switched off, too.
    fn group_directive(&mut self, span: Span, name: Option<Symbol>) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let outer = frame.groups.last().is_none_or(|group| group.active);
        match name {
            Some(word::IF | word::IFDEF | word::IFNDEF) => {
                if frame.groups.len() >= MAX_CONDITION_DEPTH {
                    let _ = self.report.fatal(
                        span,
                        format!("expected at most {MAX_CONDITION_DEPTH} levels of `#if`"),
                    );
                    return;
                }
                let active = outer && self.test(span, name);
                if let Some(frame) = self.frames.last_mut() {
                    frame.groups.push(Group {
                        opened: span,
                        outer,
                        active,
                        taken: active,
                        seen_else: false,
                    });
                }
            }
            Some(word::ELIF | word::ELSE) => {
                let is_else = name == Some(word::ELSE);
                let Some(group) = frame.groups.last_mut() else {
                    let found = if is_else { "#else" } else { "#elif" };
                    self.report
                        .error(span, format!("expected `#if` before `{found}`"));
                    return;
                };
                if group.seen_else {
                    let opened = group.opened;
                    self.report
                        .error(span, "expected `#endif`: the `#else` was before")
                        .at("the group begins", opened);
                    return;
                }
                group.seen_else = is_else;
                let may = group.outer && !group.taken;
                let active = may && (is_else || self.test(span, Some(word::IF)));
                if let Some(group) = self
                    .frames
                    .last_mut()
                    .and_then(|frame| frame.groups.last_mut())
                {
                    group.active = active;
                    group.taken |= active;
                }
            }
            Some(word::ENDIF) => match frame.groups.pop() {
                Some(_) => {}
                None => {
                    self.report.error(span, "expected `#if` before `#endif`");
                }
            },
            _ if outer => self.unknown_directive(span),
            _ => {}
        }
    }

    fn test(&mut self, span: Span, kind: Option<Symbol>) -> bool {
        if kind != Some(word::IF) {
            let Some(name) = self.lex_directive().and_then(|token| token.name()) else {
                let what = if kind == Some(word::IFDEF) {
                    "#ifdef"
                } else {
                    "#ifndef"
                };
                self.report
                    .error(span, format!("expected a name after `{what}`"));
                return false;
            };
            return self.macro_of(name).is_some() == (kind == Some(word::IFDEF));
        }
        // `defined` first: its name must not be expanded.
        let line = self.line_tokens();
        let mut tokens = Vec::with_capacity(line.len());
        let mut rest = line.as_slice();
        while let Some((&token, after)) = rest.split_first() {
            rest = after;
            if !token.is_name(word::DEFINED) {
                tokens.push(token);
                continue;
            }
            let (name, after) = match rest {
                [open, name, close, after @ ..]
                    if open.kind == Kind::LeftParen && close.kind == Kind::RightParen =>
                {
                    (name, after)
                }
                [name, after @ ..] => (name, after),
                [] => (&token, rest),
            };
            let Some(symbol) = name.name().filter(|_| name.span != token.span) else {
                self.report
                    .error(token.span, "expected a name after `defined`");
                return false;
            };
            rest = after;
            let value = u64::from(self.macro_of(symbol).is_some());
            tokens.push(Token {
                kind: Kind::Number { decimal: true },
                value,
                ..token
            });
        }
        let mut expanded = Vec::with_capacity(tokens.len());
        self.expand(&tokens, &mut Vec::new(), &mut expanded);
        if self.report.is_fatal() {
            return false;
        }
        Condition::evaluate(&expanded, span, self.report).unwrap_or(false)
    }

    fn define(&mut self, span: Span) {
        let Some(token) = self.lex_directive() else {
            self.report.error(span, "expected a name after `#define`");
            return;
        };
        let Some(name) = token.name() else {
            self.report.error(
                token.span,
                format!(
                    "expected a name after `#define`, found `{}`",
                    self.sources.text(token.span)
                ),
            );
            return;
        };
        if name == word::DEFINED {
            self.report.error(token.span, "`defined` cannot be a macro");
            return;
        }
        let mut body = self.line_tokens();
        // A parenthesis that touches the name opens a list of parameters.
        let mut parameters = None;
        if body
            .first()
            .is_some_and(|first| first.kind == Kind::LeftParen && first.span.lo == token.span.hi)
        {
            let mut list = Vec::new();
            let close = body.iter().position(|token| token.kind == Kind::RightParen);
            let Some(close) = close else {
                self.report.error(
                    token.span,
                    "expected `)` behind the parameters of the macro",
                );
                return;
            };
            for (at, token) in body.get(1..close).unwrap_or(&[]).iter().enumerate() {
                match (at % 2, token.name(), token.kind) {
                    (0, Some(name), _) => list.push(name),
                    (1, _, Kind::Comma) => {}
                    _ => {
                        self.report.error(
                            token.span,
                            "expected names with `,` between them as parameters of the macro",
                        );
                        return;
                    }
                }
            }
            body.drain(..=close);
            parameters = Some(list);
        }
        self.set_macro(name, Some(Macro { parameters, body }));
    }

    fn line_mark(&mut self, number: Token) {
        let name = self
            .lex_directive()
            .filter(|token| token.kind == Kind::Text);
        let name = name.map(|token| self.names.name(Symbol::from_number(token.value)).to_owned());
        if let Some(frame) = self.frames.last_mut() {
            frame.lexer.skip_directive();
            let next_line = frame.lexer.pos() + 1;
            self.sources.mark_line(
                next_line,
                u32::try_from(number.value).unwrap_or(u32::MAX),
                name.as_deref(),
            );
        }
    }

    // ---- include ----

    fn include(&mut self, span: Span) {
        let line = self.line_text();
        let text = self.sources.text(line).trim_start();
        let name = match text.as_bytes().first() {
            Some(b'"') => text.get(1..).and_then(|rest| rest.split_once('"')),
            Some(b'<') => text.get(1..).and_then(|rest| rest.split_once('>')),
            _ => None,
        };
        let Some((name, _)) = name.filter(|(name, _)| !name.is_empty()) else {
            self.report.error(
                span.to(line),
                "expected `\"file\"` or `<file>` after `#include`",
            );
            return;
        };
        let (name, angled) = (name.to_owned(), text.starts_with('<'));
        if self.frames.len() >= MAX_INCLUDE_DEPTH {
            let _ = self.report.fatal(span, format!("expected at most {MAX_INCLUDE_DEPTH} levels of `#include`: does a file include itself?"));
            return;
        }
        self.inclusions += 1;
        if self.inclusions > MAX_INCLUSIONS {
            let _ = self.report.fatal(
                span,
                format!("expected at most {MAX_INCLUSIONS} `#include` in all"),
            );
            return;
        }
        let here = self
            .frames
            .last()
            .and_then(|frame| frame.path.parent())
            .unwrap_or(Path::new(""))
            .join(&name);
        let mut candidates: Vec<PathBuf> = self
            .settings
            .include_dirs
            .iter()
            .map(|dir| dir.join(&name))
            .collect();
        candidates.insert(if angled { candidates.len() } else { 0 }, here);
        for path in &candidates {
            match read_text(path) {
                Ok(text) => {
                    self.enter(path, text, span);
                    return;
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    self.report
                        .error(span.to(line), format!("{}: {error}", path.display()));
                    return;
                }
            }
        }
        let tried: Vec<String> = candidates
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        self.report
            .error(
                span.to(line),
                format!("expected a file named `{name}`: there is none"),
            )
            .help(format!(
                "looked for {}; -I DIR adds a directory",
                tried.join(", ")
            ));
    }

    fn enter(&mut self, path: &Path, text: Rc<str>, span: Span) {
        if self.once.contains(path) {
            return;
        }
        if !self.unit.read.iter().any(|read| read == path) {
            self.unit.read.push(path.to_owned());
        }
        let name = path.display().to_string();
        match self.sources.add(&name, Rc::clone(&text), Some(span.lo)) {
            Some(base) => self.frames.push(Frame {
                lexer: Lexer::new(text, base),
                path: path.to_owned(),
                groups: Vec::new(),
            }),
            None => {
                let _ = self.report.fatal(
                    span,
                    format!("expected at most {} MiB of text in all", MAX_TEXT >> 20),
                );
            }
        }
    }

    // ---- lines that begin with % ----

    fn passthrough(&mut self, span: Span) {
        self.unit.passthrough.push(Passthrough {
            span,
            before: self.unit.tokens.len(),
        });
        if !self.sources.text(span).trim_start().starts_with('#') {
            return;
        }
        let Some(frame) = self.frames.last() else {
            return;
        };
        let mut lexer = frame.lexer.fork(span.lo);
        let mut scratch = Report::default();
        let mut tokens = Vec::new();
        loop {
            match lexer.next(true, self.names, &mut scratch) {
                Lexeme::Token(token) if token.span.hi <= span.hi => tokens.push(token),
                Lexeme::Comment { span: comment, .. } if comment.hi <= span.hi => {}
                _ => break,
            }
        }
        if let [hash, define, name, body @ ..] = tokens.as_slice() {
            let function = body.first().is_some_and(|first| {
                first.kind == Kind::LeftParen && first.span.lo == name.span.hi
            });
            if hash.kind == Kind::Hash
                && define.is_name(word::DEFINE)
                && !function
                && !body.is_empty()
                && !scratch.has_errors()
                && let Some(name) = name.name()
            {
                self.unit.passed_defines.push(PassedDefine {
                    name,
                    body: body.to_vec(),
                });
            }
        }
    }
}
