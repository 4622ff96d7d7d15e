//! Tokens to a tree (RFC 4506 §6.3, RFC 5531 §12.2), with what C's rpcgen and other dialects allow beyond them.
//!
//! An error in a member costs that member, an error elsewhere costs the definition; reading goes on behind it, so that one run
//! reports several errors.

mod body;
mod declaration;
mod expression;
mod program;

use crate::ast::{
    Body, Declaration, Definition, DefinitionKind, Form, Name, Specification, Specifier,
};
use crate::comment::Comments;
use crate::diagnostic::Report;
use crate::intern::{Interner, Symbol, is_keyword, word};
use crate::lex::{Kind, Token};
use crate::preprocess::Unit;
use crate::source::{Sources, Span};

/// How deep types may stand within types, and parentheses within parentheses.
const MAX_NESTING: usize = 64;

/// Reads a whole unit.
pub(crate) fn parse(
    unit: &Unit,
    sources: &Sources,
    names: &Interner,
    report: &mut Report,
) -> Specification {
    let comments = Comments { unit, sources };
    let parser = Parser {
        tokens: &unit.tokens,
        end: unit.tokens.last().copied().unwrap_or(NO_TOKEN),
        at: 0,
        depth: 0,
        operators: 0,
        comments,
        names,
        report,
        out: Specification::default(),
    };
    parser.specification(unit)
}

const NO_TOKEN: Token = Token {
    kind: Kind::End,
    gap: 0,
    span: Span { lo: 0, hi: 0 },
    value: 0,
};

#[derive(Debug)]
struct Parser<'a> {
    tokens: &'a [Token],
    end: Token,
    at: usize,
    /// Of types and parentheses.
    depth: usize,
    operators: usize,
    comments: Comments<'a>,
    names: &'a Interner,
    report: &'a mut Report,
    out: Specification,
}

/// What may stand in a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Member,
    Typedef,
    Arm,
    Discriminant,
    Argument,
    Result,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Member => "the member",
            Self::Typedef => "the typedef",
            Self::Arm => "the arm",
            Self::Discriminant => "the discriminant",
            Self::Argument => "the argument",
            Self::Result => "the result",
        }
    }
}

impl Parser<'_> {
    // ---- tokens ----

    fn peek(&self) -> Token {
        self.tokens.get(self.at).copied().unwrap_or(self.end)
    }

    fn peek_at(&self, ahead: usize) -> Token {
        self.tokens
            .get(self.at + ahead)
            .copied()
            .unwrap_or(self.end)
    }

    fn is(&self, kind: Kind) -> bool {
        self.peek().kind == kind
    }

    fn is_word(&self, word: Symbol) -> bool {
        self.peek().is_name(word)
    }

    fn take(&mut self, kind: Kind) -> bool {
        let found = self.is(kind);
        if found {
            self.advance();
        }
        found
    }

    fn take_word(&mut self, word: Symbol) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len());
    }

    /// The last token taken.
    fn last_span(&self) -> Span {
        self.at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .map_or(self.end.span, |token| token.span)
    }

    fn found(&self) -> String {
        let token = self.peek();
        match token.kind {
            Kind::End => "the end of the file".to_owned(),
            Kind::Name if token.name().is_some_and(is_keyword) => {
                format!("the keyword `{}`", self.spelling(token))
            }
            Kind::Other => {
                let c = u32::try_from(token.value)
                    .ok()
                    .and_then(char::from_u32)
                    .unwrap_or('\u{fffd}');
                if c.is_control() {
                    format!("the character U+{:04X}", u32::from(c))
                } else {
                    format!("`{c}`")
                }
            }
            Kind::Text => "a string".to_owned(),
            _ => {
                // The text of a macro's use says nothing about what it stands for.
                let text = self.comments.sources.text(token.span);
                let shown: String = text.chars().take(40).collect();
                format!("`{shown}`")
            }
        }
    }

    fn spelling(&self, token: Token) -> &str {
        token.name().map_or("", |name| self.names.name(name))
    }

    /// Reports what was expected here. What is missing at a line's end is reported there, not on the next line.
    fn expected(&mut self, what: &str) {
        let token = self.peek();
        let last = self.last_span();
        // A string or character that does not end has swallowed the rest of its line, and is reported.
        let quoted = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        if quoted.is_some_and(|last| matches!(last.kind, Kind::Text | Kind::Char))
            && token.gap > 0
            && !self.comments.sources.text(last).ends_with(['"', '\''])
        {
            return;
        }
        let missing =
            self.at > 0 && token.gap > 0 && (what.starts_with("`;`") || token.kind == Kind::End);
        let span = if missing {
            Span {
                lo: last.hi,
                hi: last.hi,
            }
        } else {
            token.span
        };
        let message = format!("expected {what}, found {}", self.found());
        self.report.error(span, message);
    }

    fn expect(&mut self, kind: Kind, what: &str) -> Option<()> {
        if self.take(kind) {
            return Some(());
        }
        self.expected(what);
        None
    }

    /// A name of something new. The keywords of the language would be ambiguous.
    fn name(&mut self, what: &str) -> Option<Name> {
        let token = self.peek();
        match token.name() {
            Some(symbol) if !is_keyword(symbol) => {
                self.advance();
                Some(Name {
                    symbol,
                    span: token.span,
                })
            }
            _ => {
                self.expected(what);
                None
            }
        }
    }

    /// A name where only a name can stand: of a member, an arm, a procedure, an enum's value.
    fn any_name(&mut self, what: &str) -> Option<Name> {
        let token = self.peek();
        let Some(symbol) = token.name() else {
            self.expected(what);
            return None;
        };
        self.advance();
        Some(Name {
            symbol,
            span: token.span,
        })
    }

    fn deeper(&mut self) -> Option<()> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            let span = self.peek().span;
            let _ = self.report.fatal(
                span,
                format!("expected at most {MAX_NESTING} levels of nesting"),
            );
            return None;
        }
        Some(())
    }

    // ---- definitions ----

    fn specification(mut self, unit: &Unit) -> Specification {
        let mut namespaces: Vec<Span> = Vec::new();
        let mut passed = unit.passthrough.iter().peekable();
        loop {
            let mut lines = Vec::new();
            while let Some(line) = passed.next_if(|line| line.before <= self.at) {
                lines.push(line.span);
            }
            if let (Some(first), Some(last)) = (lines.first(), lines.last()) {
                let span = first.to(*last);
                self.out.definitions.push(Definition {
                    docs: Vec::new(),
                    span,
                    kind: DefinitionKind::Passthrough(lines),
                });
            }
            if self.report.is_fatal() {
                break;
            }
            let token = self.peek();
            match token.kind {
                Kind::End => break,
                Kind::Semicolon => self.advance(),
                Kind::RightBrace if !namespaces.is_empty() => {
                    namespaces.pop();
                    self.advance();
                }
                Kind::Name if token.is_name(word::NAMESPACE) => {
                    self.advance();
                    if self.namespace().is_some() {
                        namespaces.push(token.span);
                    } else {
                        self.recover(self.at);
                    }
                }
                // Linux's xdrgen: `pragma header nlm4;`
                Kind::Name if token.is_name(word::PRAGMA) => {
                    while !matches!(self.peek().kind, Kind::Semicolon | Kind::End) {
                        self.advance();
                    }
                    let _ = self.expect(Kind::Semicolon, "`;` after the pragma");
                }
                _ => self.definition(),
            }
        }
        for open in namespaces {
            self.report.error(
                open,
                "expected `}` before the end of the file: the namespace does not end",
            );
        }
        self.passed_constants(unit);
        self.out
    }

    fn namespace(&mut self) -> Option<()> {
        self.name("a name after `namespace`")?;
        while self.take(Kind::ColonColon) {
            self.name("a name after `::`")?;
        }
        self.expect(Kind::LeftBrace, "`{` after the name of the namespace")
    }

    /// `%#define NAME value`, where the value is one this parser understands.
    fn passed_constants(&mut self, unit: &Unit) {
        for define in &unit.passed_defines {
            let mut scratch = Report::default();
            let end = define.body.last().map_or(NO_TOKEN, |last| Token {
                kind: Kind::End,
                ..*last
            });
            let mut parser = Parser {
                tokens: &define.body,
                end,
                at: 0,
                depth: 0,
                operators: 0,
                comments: Comments {
                    unit: self.comments.unit,
                    sources: self.comments.sources,
                },
                names: self.names,
                report: &mut scratch,
                out: Specification::default(),
            };
            if let Some(value) = parser.expression(false)
                && parser.at == define.body.len()
            {
                let span = value.span;
                self.out.passed_constants.push((
                    Name {
                        symbol: define.name,
                        span,
                    },
                    value,
                ));
            }
        }
    }

    fn definition(&mut self) {
        let from = self.at;
        let first = self.peek();
        let mut docs = Vec::new();
        self.comments.leading(from, &mut docs);
        self.depth = 0;
        let kind = match first.name() {
            Some(word::CONST) => self.constant(),
            Some(word::ENUM) => self.enumeration(&mut docs),
            Some(word::STRUCT) => self.structure(&mut docs),
            Some(word::UNION) => self.union(&mut docs),
            Some(word::TYPEDEF) => self.typedef(),
            Some(word::PROGRAM) => self.program(&mut docs),
            _ => {
                self.expected("`const`, `enum`, `struct`, `union`, `typedef` or `program`");
                None
            }
        };
        let Some(kind) = kind else {
            self.broken_name(from);
            self.recover(from);
            return;
        };
        if self
            .expect(Kind::Semicolon, "`;` after the definition")
            .is_none()
        {
            // The definition itself is whole.
            if !self.at_definition() {
                self.recover(from);
            }
        } else {
            self.comments.trailing(self.at - 1, &mut docs);
        }
        let span = first.span.to(self.last_span());
        if let Some(kind) = kind {
            self.out.definitions.push(Definition { docs, span, kind });
        }
    }

    /// Remembers what a definition that could not be read was to define.
    fn broken_name(&mut self, from: usize) {
        let mut found = false;
        let introduces = |token: &Token| {
            token.name().is_some_and(|name| {
                matches!(
                    name,
                    word::CONST | word::ENUM | word::STRUCT | word::UNION | word::PROGRAM
                )
            })
        };
        if self.tokens.get(from).is_some_and(introduces)
            && let Some(name) = self
                .tokens
                .get(from + 1)
                .and_then(Token::name)
                .filter(|name| !is_keyword(*name))
        {
            self.out.broken.push(name);
            // What an enum or a program holds is lost, too.
            found = self
                .tokens
                .get(from)
                .is_some_and(|token| !token.is_name(word::ENUM) && !token.is_name(word::PROGRAM));
        }
        self.out.unknown_broken |= !found;
    }

    /// Whether a definition begins here, on a line of its own.
    fn at_definition(&self) -> bool {
        let token = self.peek();
        token.gap > 0
            && token.name().is_some_and(|name| {
                matches!(
                    name,
                    word::CONST
                        | word::ENUM
                        | word::STRUCT
                        | word::UNION
                        | word::TYPEDEF
                        | word::PROGRAM
                        | word::NAMESPACE
                )
            })
    }

    /// Goes on behind a definition that began at `from` and could not be read.
    fn recover(&mut self, from: usize) {
        let mut depth = 0_usize;
        for token in self.tokens.get(from..self.at).unwrap_or(&[]) {
            match token.kind {
                Kind::LeftBrace => depth += 1,
                Kind::RightBrace => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        // Something was read: else this would not end.
        if self.at == from {
            if self.is(Kind::LeftBrace) {
                depth += 1;
            }
            self.advance();
        }
        loop {
            let token = self.peek();
            match token.kind {
                Kind::End => return,
                Kind::Semicolon if depth == 0 => {
                    self.advance();
                    return;
                }
                Kind::LeftBrace => depth += 1,
                Kind::RightBrace => depth = depth.saturating_sub(1),
                // These begin nothing but definitions, however many braces are open.
                Kind::Name
                    if token.gap > 0
                        && matches!(
                            token.name(),
                            Some(word::CONST | word::TYPEDEF | word::PROGRAM)
                        ) =>
                {
                    return;
                }
                Kind::Name if depth == 0 && self.at_definition() => return,
                _ => {}
            }
            self.advance();
        }
    }

    /// Goes on behind a member that could not be read: behind its separator, or before what ends the body.
    fn recover_member(&mut self, separator: Kind) {
        let mut depth = 0_usize;
        loop {
            let token = self.peek();
            match token.kind {
                Kind::End => return,
                Kind::RightBrace if depth == 0 => return,
                kind if kind == separator && depth == 0 => {
                    self.advance();
                    return;
                }
                Kind::LeftBrace => depth += 1,
                Kind::RightBrace => depth -= 1,
                Kind::Name
                    if token.gap > 0
                        && matches!(
                            token.name(),
                            Some(word::CONST | word::TYPEDEF | word::PROGRAM)
                        ) =>
                {
                    return;
                }
                _ => {}
            }
            self.advance();
        }
    }

    fn constant(&mut self) -> Option<Option<DefinitionKind>> {
        self.advance();
        let name = self.name("a name after `const`")?;
        self.expect(Kind::Equals, "`=` after the name of the constant")?;
        let value = self.expression(false)?;
        Some(Some(DefinitionKind::Constant(name, value)))
    }

    fn enumeration(&mut self, docs: &mut Vec<String>) -> Option<Option<DefinitionKind>> {
        self.advance();
        let name = self.name("a name after `enum`")?;
        if self.is(Kind::Semicolon) {
            return Some(None); // announced only
        }
        let members = self.enum_body(docs)?;
        Some(Some(DefinitionKind::Enum(name, members)))
    }

    fn structure(&mut self, docs: &mut Vec<String>) -> Option<Option<DefinitionKind>> {
        let from = self.peek().span;
        self.advance();
        let pointer = self.take(Kind::Star);
        let name = self.name("a name after `struct`")?;
        if pointer {
            return self.pointer_to_structure(from, name, docs);
        }
        if self.is(Kind::Semicolon) {
            return Some(None);
        }
        let members = self.struct_body(docs)?;
        Some(Some(DefinitionKind::Struct(name, members)))
    }

    /// `struct *list { int item; list next; };` of RFC 1057, 1094, 1832 and 1833: `typedef struct { … } *list;`
    fn pointer_to_structure(
        &mut self,
        from: Span,
        name: Name,
        docs: &mut Vec<String>,
    ) -> Option<Option<DefinitionKind>> {
        let body = Body::Struct(self.struct_body(docs)?);
        let span = from.to(self.last_span());
        Some(Some(DefinitionKind::Typedef(Declaration {
            docs: Vec::new(),
            span,
            specifier: self.inline(from, None, body),
            specifier_span: span,
            form: Form::Pointer,
            name: Some(name),
        })))
    }

    fn union(&mut self, docs: &mut Vec<String>) -> Option<Option<DefinitionKind>> {
        self.advance();
        let name = self.name("a name after `union`")?;
        if self.is(Kind::Semicolon) {
            return Some(None);
        }
        let body = self.union_body(docs)?;
        Some(Some(DefinitionKind::Union(name, Box::new(body))))
    }

    fn typedef(&mut self) -> Option<Option<DefinitionKind>> {
        self.advance();
        let declaration = self.declaration(Place::Typedef)?;
        if let Specifier::Void = declaration.specifier {
            self.report.error(
                declaration.specifier_span,
                "expected a type, found `void`: it is no type of data",
            );
            return None;
        }
        Some(Some(DefinitionKind::Typedef(declaration)))
    }
}
