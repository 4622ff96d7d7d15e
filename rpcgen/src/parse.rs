//! Tokens to a tree (RFC 4506 §6.3, RFC 5531 §12.2), with what C's rpcgen and other dialects allow beyond them.
//!
//! An error in a member costs that member, an error elsewhere costs the definition; reading goes on behind it, so that one run
//! reports several errors.

use crate::ast::{
    Arm, Body, Declaration, Definition, DefinitionKind, Expression, ExpressionKind, Form, Inline,
    Member, Name, Procedure, Program, Specification, Specifier, Union, Version,
};
use crate::comment::Comments;
use crate::condition::precedence;
use crate::diagnostic::Report;
use crate::intern::{Interner, Symbol, is_keyword, word};
use crate::lex::{Kind, Token};
use crate::model::Scalar;
use crate::preprocess::Unit;
use crate::source::{Sources, Span};

/// How deep types may stand within types, and parentheses within parentheses.
const MAX_NESTING: usize = 64;
/// How many operators an expression may have.
const MAX_OPERATORS: usize = 256;

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
        self.advance();
        let name = self.name("a name after `struct`")?;
        if self.is(Kind::Semicolon) {
            return Some(None);
        }
        let members = self.struct_body(docs)?;
        Some(Some(DefinitionKind::Struct(name, members)))
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

    // ---- bodies ----

    /// `{ … }` of an enum; `docs` receives the comment behind the brace.
    fn enum_body(&mut self, docs: &mut Vec<String>) -> Option<Vec<Member>> {
        self.expect(Kind::LeftBrace, "`{` before the members of the enum")?;
        self.comments.trailing(self.at - 1, docs);
        let mut members = Vec::new();
        let mut failed = false;
        let depth = self.depth;
        while !self.is(Kind::RightBrace) {
            match self.enum_member() {
                Some(member) => members.push(member),
                None => {
                    failed = true;
                    self.depth = depth;
                    self.recover_member(Kind::Comma);
                    if self.is(Kind::End) || self.report.is_fatal() || self.at_definition() {
                        return None;
                    }
                    continue;
                }
            }
            if self.take(Kind::Comma) {
                if let Some(member) = members.last_mut() {
                    self.comments.trailing(self.at - 1, &mut member.docs);
                }
            } else if !self.is(Kind::RightBrace) {
                self.expected("`,` or `}` after the member of the enum");
                failed = true;
                self.recover_member(Kind::Comma);
                if self.is(Kind::End) || self.at_definition() {
                    return None;
                }
            }
        }
        if members.is_empty() && !failed {
            self.expected("at least one member of the enum");
            return None;
        }
        self.advance();
        self.out.unknown_broken |= failed;
        Some(members)
    }

    fn enum_member(&mut self) -> Option<Member> {
        let mut docs = Vec::new();
        self.comments.leading(self.at, &mut docs);
        let name = self.any_name("a name of a member of the enum")?;
        let value = if self.take(Kind::Equals) {
            Some(self.expression(false)?)
        } else {
            None
        };
        self.comments.trailing(self.at - 1, &mut docs);
        Some(Member { docs, name, value })
    }

    fn struct_body(&mut self, docs: &mut Vec<String>) -> Option<Vec<Declaration>> {
        self.expect(Kind::LeftBrace, "`{` before the members of the struct")?;
        self.comments.trailing(self.at - 1, docs);
        let mut members = Vec::new();
        let depth = self.depth;
        while !self.is(Kind::RightBrace) {
            if self.take(Kind::Semicolon) {
                continue;
            }
            match self.struct_member() {
                Some(member) => members.push(member),
                None => {
                    self.depth = depth;
                    self.recover_member(Kind::Semicolon);
                    if self.is(Kind::End) || self.report.is_fatal() || self.at_hard_definition() {
                        return None;
                    }
                }
            }
        }
        self.advance();
        Some(members)
    }

    /// A word that begins nothing but a definition, on a line of its own.
    fn at_hard_definition(&self) -> bool {
        let token = self.peek();
        token.gap > 0
            && matches!(
                token.name(),
                Some(word::CONST | word::TYPEDEF | word::PROGRAM)
            )
    }

    fn struct_member(&mut self) -> Option<Declaration> {
        let mut docs = Vec::new();
        self.comments.leading(self.at, &mut docs);
        if self.at_hard_definition() || self.is(Kind::End) {
            self.expected("a member or `}`");
            return None;
        }
        let mut member = self.declaration(Place::Member)?;
        if let Specifier::Void = member.specifier {
            self.report.error(
                member.specifier_span,
                "expected a type, found `void`: a struct has no void members",
            );
            if !self.take(Kind::Semicolon) {
                return None;
            }
            return Some(member);
        }
        self.comments.trailing(self.at - 1, &mut docs);
        self.expect(Kind::Semicolon, "`;` after the member")?;
        self.comments.trailing(self.at - 1, &mut docs);
        member.docs = docs;
        Some(member)
    }

    /// `switch (…) { … }`
    fn union_body(&mut self, docs: &mut Vec<String>) -> Option<Union> {
        if !self.take_word(word::SWITCH) {
            self.expected("`switch` after the name of the union");
            return None;
        }
        self.expect(Kind::LeftParen, "`(` after `switch`")?;
        let discriminant = self.declaration(Place::Discriminant)?;
        self.expect(Kind::RightParen, "`)` after the discriminant")?;
        self.expect(Kind::LeftBrace, "`{` before the cases of the union")?;
        self.comments.trailing(self.at - 1, docs);
        let mut union = Union {
            discriminant,
            arms: Vec::new(),
            default: None,
        };
        let mut failed = false;
        let depth = self.depth;
        while !self.is(Kind::RightBrace) {
            if self.take(Kind::Semicolon) {
                continue;
            }
            let span = self.peek().span;
            let is_default = self.is_word(word::DEFAULT);
            match self.arm() {
                Some(arm) if is_default => {
                    if let Some(first) = &union.default {
                        let first = first.declaration.span;
                        self.report
                            .error(span, "expected `}`, found another `default`")
                            .at("the first one is", first);
                    } else if union.arms.is_empty() && !failed {
                        self.report.error(span, "expected `case`, found the keyword `default`: the cases of a union come before its default");
                        failed = true;
                    }
                    union.default = Some(arm);
                }
                Some(arm) => {
                    if union.default.is_some() && !failed {
                        self.report.error(span, "expected `}`, found the keyword `case`: the cases of a union come before its default");
                        failed = true;
                    }
                    union.arms.push(arm);
                }
                None => {
                    failed = true;
                    self.depth = depth;
                    self.recover_member(Kind::Semicolon);
                    if self.is(Kind::End) || self.report.is_fatal() || self.at_hard_definition() {
                        return None;
                    }
                }
            }
        }
        if union.arms.is_empty() && union.default.is_none() && !failed {
            self.expected("`case`");
            return None;
        }
        self.advance();
        Some(union)
    }

    fn arm(&mut self) -> Option<Arm> {
        let mut docs = Vec::new();
        self.comments.leading(self.at, &mut docs);
        let mut labels = Vec::new();
        if self.take_word(word::DEFAULT) {
            self.expect(Kind::Colon, "`:` after `default`")?;
        } else {
            while self.take_word(word::CASE) {
                labels.push(self.expression(false)?);
                self.expect(Kind::Colon, "`:` after the label of the case")?;
            }
            if labels.is_empty() {
                self.expected("`case`, `default` or `}`");
                return None;
            }
            if self.is_word(word::DEFAULT) && self.peek_at(1).kind == Kind::Colon {
                self.expected("a declaration or `void` after the case");
                return None;
            }
        }
        self.comments.trailing(self.at - 1, &mut docs);
        self.comments.leading(self.at, &mut docs);
        let mut declaration = self.declaration(Place::Arm)?;
        self.comments.trailing(self.at - 1, &mut docs);
        self.expect(Kind::Semicolon, "`;` after the arm")?;
        self.comments.trailing(self.at - 1, &mut docs);
        declaration.docs.clear();
        Some(Arm {
            docs,
            labels,
            declaration,
        })
    }

    // ---- declarations ----

    fn declaration(&mut self, place: Place) -> Option<Declaration> {
        let first = self.peek().span;
        let specifier = self.specifier(place)?;
        let specifier_span = first.to(self.last_span());
        let pointer = self.is(Kind::Star);
        let star = self.peek().span;
        if pointer {
            self.advance();
            if self.is(Kind::Star) {
                self.expected("a name: a pointer to a pointer needs a typedef between");
                return None;
            }
        }
        let plain_void = matches!(specifier, Specifier::Void) && !pointer;
        let name = match place {
            // `void` ends the arm, or the parenthesis.
            Place::Arm | Place::Member | Place::Typedef
                if plain_void && self.is(Kind::Semicolon) =>
            {
                None
            }
            Place::Argument => {
                let is_name = self.is(Kind::Name);
                if is_name { self.any_name("") } else { None }
            }
            Place::Result => None,
            Place::Typedef => Some(self.name("a name of the type")?),
            Place::Member | Place::Arm | Place::Discriminant => {
                Some(self.any_name(&format!("a name of {}", place.name()))?)
            }
        };
        let form = self.form(place, pointer, star, &specifier)?;
        let span = first.to(self.last_span());
        if matches!(specifier, Specifier::Void)
            && (name.is_some() || !matches!(form, Form::Plain))
            && place != Place::Typedef
        {
            self.report.error(
                specifier_span,
                format!(
                    "expected a type of {}, found `void` with a name",
                    place.name()
                ),
            );
            return None;
        }
        Some(Declaration {
            docs: Vec::new(),
            span,
            specifier,
            specifier_span,
            form,
            name,
        })
    }

    /// What stands behind the name, and whether the type may have it.
    fn form(
        &mut self,
        place: Place,
        pointer: bool,
        star: Span,
        specifier: &Specifier,
    ) -> Option<Form> {
        let open = self.peek();
        let form = match open.kind {
            Kind::LeftBracket if place != Place::Result => {
                self.advance();
                if self.is(Kind::RightBracket) {
                    self.expected("a length of the array");
                    return None;
                }
                let length = self.expression(true)?;
                self.expect(Kind::RightBracket, "`]` after the length of the array")?;
                Form::Fixed(length)
            }
            Kind::Less if place != Place::Result => {
                self.advance();
                let bound = if self.is(Kind::Greater) {
                    None
                } else {
                    Some(self.expression(true)?)
                };
                self.expect(Kind::Greater, "`>` after the bound of the array")?;
                Form::Variable(bound)
            }
            _ if pointer => Form::Pointer,
            _ => Form::Plain,
        };
        if matches!(self.peek().kind, Kind::LeftBracket | Kind::Less) && place != Place::Result {
            self.expected("`;`: an array of arrays needs a typedef between");
            return None;
        }
        if pointer && !matches!(form, Form::Pointer) {
            self.report
                .error(
                    star,
                    format!(
                        "expected a name of {}, found `*`: an array of pointers needs a typedef",
                        place.name()
                    ),
                )
                .help("typedef T *name; name array<>;");
            return None;
        }
        match (specifier, &form) {
            (Specifier::Text, Form::Variable(_))
            | (Specifier::Opaque, Form::Variable(_) | Form::Fixed(_)) => {}
            (Specifier::Text, Form::Plain) if matches!(place, Place::Argument | Place::Result) => {
                return Some(Form::Variable(None));
            }
            (Specifier::Text, Form::Pointer) | (Specifier::Opaque, Form::Pointer) => {
                let what = if matches!(specifier, Specifier::Text) {
                    "string"
                } else {
                    "opaque"
                };
                self.report.error(
                    star,
                    format!("expected a name, found `*`: a pointer to {what} needs a typedef"),
                );
                return None;
            }
            (Specifier::Text, Form::Fixed(_)) => {
                self.report.error(open.span, "expected `<` after the name of the string, found `[`: a string has no fixed length");
                return None;
            }
            (Specifier::Text, Form::Plain) => {
                self.expected("`<` after the name of the string");
                return None;
            }
            (Specifier::Opaque, Form::Plain) => {
                self.expected("`[` or `<` after the name of the opaque data");
                return None;
            }
            _ => {}
        }
        Some(form)
    }

    fn specifier(&mut self, place: Place) -> Option<Specifier> {
        let token = self.peek();
        let Some(name) = token.name() else {
            self.expected(&format!("a type of {}", place.name()));
            return None;
        };
        let inline = self.peek_at(1).kind == Kind::LeftBrace
            || (self.peek_at(2).kind == Kind::LeftBrace && self.peek_at(1).kind == Kind::Name);
        let specifier = match name {
            word::VOID => Specifier::Void,
            word::INT => Specifier::Scalar(Scalar::I32),
            word::HYPER => {
                self.advance();
                self.take_type_word(word::INT);
                return Some(Specifier::Scalar(Scalar::I64));
            }
            word::FLOAT => Specifier::Scalar(Scalar::F32),
            word::DOUBLE => Specifier::Scalar(Scalar::F64),
            word::QUADRUPLE => Specifier::Scalar(Scalar::Quad),
            word::BOOL => Specifier::Scalar(Scalar::Bool),
            word::STRING => Specifier::Text,
            word::OPAQUE => Specifier::Opaque,
            word::UNSIGNED | word::SIGNED | word::LONG | word::SHORT | word::CHAR => {
                return Some(self.c_integer());
            }
            word::ENUM if inline => return self.inline_enum(),
            word::STRUCT if inline => return self.inline_struct(),
            word::UNION
                if self.peek_at(1).is_name(word::SWITCH)
                    || self.peek_at(2).is_name(word::SWITCH) =>
            {
                return self.inline_union();
            }
            word::ENUM | word::STRUCT | word::UNION => {
                self.advance();
                return Some(Specifier::Named(self.name("a name or `{`")?));
            }
            _ if is_keyword(name) => {
                self.expected(&format!("a type of {}", place.name()));
                return None;
            }
            _ => {
                // `a::b`: namespaces are flat here, the last name counts.
                let mut last = self.name("a type")?;
                while self.take(Kind::ColonColon) {
                    last = self.name("a name after `::`")?;
                }
                return Some(Specifier::Named(last));
            }
        };
        self.advance();
        Some(specifier)
    }

    /// Takes a word that goes on a type, unless it is the name of what is declared.
    fn take_type_word(&mut self, word: Symbol) -> bool {
        self.is_word(word) && {
            self.advance();
            true
        }
    }

    /// `unsigned`, `unsigned int`, `long long unsigned int`, `short`, `char` …: C's integers, as C's filters carry them.
    ///
    /// A word that does not fit those before it is no part of the type.
    fn c_integer(&mut self) -> Specifier {
        let (mut sign, mut unsigned, mut int) = (false, false, false);
        let (mut longs, mut short, mut char, mut hyper) = (0, false, false, false);
        while let Some(name) = self.peek().name() {
            let sized = longs > 0 || short || char || hyper;
            match name {
                word::UNSIGNED | word::SIGNED if !sign => {
                    sign = true;
                    unsigned = name == word::UNSIGNED;
                }
                word::INT if !int && !char => int = true,
                word::LONG if !sized || longs == 1 => longs += 1,
                word::SHORT if !sized => short = true,
                word::CHAR if !sized && !int => char = true,
                word::HYPER if !sized && !int => hyper = true,
                _ => break,
            }
            self.advance();
        }
        // `long` is 4 octets on the wire (xdr_long), `long long` is 8.
        Specifier::Scalar(match (unsigned, char, short, hyper || longs > 1) {
            (false, true, ..) => Scalar::I8,
            (true, true, ..) => Scalar::U8,
            (false, _, true, _) => Scalar::I16,
            (true, _, true, _) => Scalar::U16,
            (false, _, _, true) => Scalar::I64,
            (true, _, _, true) => Scalar::U64,
            (false, ..) => Scalar::I32,
            (true, ..) => Scalar::U32,
        })
    }

    fn inline_tag(&mut self) -> Option<Name> {
        self.advance();
        let token = self.peek();
        let symbol = token.name().filter(|symbol| *symbol != word::SWITCH)?;
        self.advance();
        Some(Name {
            symbol,
            span: token.span,
        })
    }

    fn inline(&mut self, from: Span, tag: Option<Name>, body: Body) -> Specifier {
        let slot = self.out.inline_count;
        self.out.inline_count += 1;
        Specifier::Inline(Box::new(Inline {
            tag,
            slot,
            span: from.to(self.last_span()),
            body,
        }))
    }

    fn inline_enum(&mut self) -> Option<Specifier> {
        self.deeper()?;
        let from = self.peek().span;
        let tag = self.inline_tag();
        let body = Body::Enum(self.enum_body(&mut Vec::new())?);
        self.depth -= 1;
        Some(self.inline(from, tag, body))
    }

    fn inline_struct(&mut self) -> Option<Specifier> {
        self.deeper()?;
        let from = self.peek().span;
        let tag = self.inline_tag();
        let body = Body::Struct(self.struct_body(&mut Vec::new())?);
        self.depth -= 1;
        Some(self.inline(from, tag, body))
    }

    fn inline_union(&mut self) -> Option<Specifier> {
        self.deeper()?;
        let from = self.peek().span;
        let tag = self.inline_tag();
        let body = Body::Union(Box::new(self.union_body(&mut Vec::new())?));
        self.depth -= 1;
        Some(self.inline(from, tag, body))
    }

    // ---- programs ----

    fn program(&mut self, docs: &mut Vec<String>) -> Option<Option<DefinitionKind>> {
        self.advance();
        let name = self.name("a name after `program`")?;
        self.expect(Kind::LeftBrace, "`{` before the versions of the program")?;
        self.comments.trailing(self.at - 1, docs);
        let mut versions = Vec::new();
        while !self.is(Kind::RightBrace) {
            if self.take(Kind::Semicolon) {
                continue;
            }
            versions.push(self.version()?);
        }
        if versions.is_empty() {
            self.expected("`version`");
            return None;
        }
        self.advance();
        self.expect(Kind::Equals, "`=` and the number of the program")?;
        let number = self.expression(false)?;
        Some(Some(DefinitionKind::Program(Program {
            name,
            number,
            versions,
        })))
    }

    fn version(&mut self) -> Option<Version> {
        let mut docs = Vec::new();
        self.comments.leading(self.at, &mut docs);
        if !self.take_word(word::VERSION) {
            self.expected("`version` or `}`");
            return None;
        }
        let name = self.name("a name after `version`")?;
        self.expect(Kind::LeftBrace, "`{` before the procedures of the version")?;
        self.comments.trailing(self.at - 1, &mut docs);
        let mut procedures = Vec::new();
        let mut failed = false;
        let depth = self.depth;
        while !self.is(Kind::RightBrace) {
            if self.take(Kind::Semicolon) {
                continue;
            }
            match self.procedure() {
                Some(procedure) => procedures.push(procedure),
                None => {
                    failed = true;
                    self.depth = depth;
                    self.out.unknown_broken = true;
                    self.recover_member(Kind::Semicolon);
                    if self.is(Kind::End) || self.report.is_fatal() || self.at_hard_definition() {
                        return None;
                    }
                }
            }
        }
        if procedures.is_empty() && !failed {
            self.expected("a procedure");
            return None;
        }
        self.advance();
        self.expect(Kind::Equals, "`=` and the number of the version")?;
        let number = self.expression(false)?;
        self.expect(Kind::Semicolon, "`;` after the version")?;
        self.comments.trailing(self.at - 1, &mut docs);
        Some(Version {
            docs,
            name,
            number,
            procedures,
        })
    }

    fn procedure(&mut self) -> Option<Procedure> {
        let mut docs = Vec::new();
        self.comments.leading(self.at, &mut docs);
        let first = self.peek().span;
        let result = self.declaration(Place::Result)?;
        let name = self.any_name("a name of the procedure")?;
        self.expect(Kind::LeftParen, "`(` after the name of the procedure")?;
        let mut arguments = Vec::new();
        // C's rpcgen takes `()` for `(void)`.
        while !(arguments.is_empty() && self.is(Kind::RightParen)) {
            let argument = self.declaration(Place::Argument)?;
            if let Specifier::Void = argument.specifier {
                if !arguments.is_empty() || !self.is(Kind::RightParen) {
                    self.report.error(
                        argument.span,
                        "expected a type of the argument, found `void`: it stands alone",
                    );
                    return None;
                }
                break;
            }
            arguments.push(argument);
            if !self.take(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::RightParen, "`,` or `)` after the argument")?;
        self.expect(Kind::Equals, "`=` and the number of the procedure")?;
        let number = self.expression(false)?;
        self.comments.trailing(self.at - 1, &mut docs);
        self.expect(Kind::Semicolon, "`;` after the procedure")?;
        self.comments.trailing(self.at - 1, &mut docs);
        let span = first.to(self.last_span());
        Some(Procedure {
            docs,
            span,
            name,
            number,
            result,
            arguments,
        })
    }

    // ---- expressions ----

    /// A constant, a name, or an expression of them. Within bounds `>` ends it.
    fn expression(&mut self, in_bound: bool) -> Option<Expression> {
        self.operators = 0;
        self.binary(0, in_bound)
    }

    fn binary(&mut self, least: u8, in_bound: bool) -> Option<Expression> {
        let mut left = self.operand()?;
        loop {
            let operator = self.peek().kind;
            let usable = match operator {
                Kind::Plus
                | Kind::Minus
                | Kind::Star
                | Kind::Slash
                | Kind::Percent
                | Kind::Pipe
                | Kind::Ampersand
                | Kind::Caret => true,
                Kind::ShiftLeft | Kind::ShiftRight => !in_bound,
                _ => false,
            };
            let Some(binds) = precedence(operator).filter(|binds| usable && *binds >= least) else {
                return Some(left);
            };
            self.operators += 1;
            if self.operators > MAX_OPERATORS {
                self.expected(&format!(
                    "an expression of at most {MAX_OPERATORS} operators"
                ));
                return None;
            }
            self.advance();
            self.deeper()?;
            let right = self.binary(binds + 1, in_bound)?;
            self.depth -= 1;
            let span = left.span.to(right.span);
            left = Expression {
                span,
                kind: ExpressionKind::Binary(operator, Box::new((left, right))),
            };
        }
    }

    fn operand(&mut self) -> Option<Expression> {
        let token = self.peek();
        let kind = match token.kind {
            Kind::Number { decimal } => ExpressionKind::Number {
                value: token.value,
                decimal,
            },
            Kind::Char => ExpressionKind::Char(token.value),
            Kind::Text => ExpressionKind::Text(Symbol::from_number(token.value)),
            Kind::Name => {
                self.advance();
                let mut last = token;
                while self.is(Kind::ColonColon) && self.peek_at(1).kind == Kind::Name {
                    last = self.peek_at(1);
                    self.advance();
                    self.advance();
                }
                let symbol = Symbol::from_number(last.value);
                return Some(Expression {
                    span: token.span.to(last.span),
                    kind: ExpressionKind::Name(symbol),
                });
            }
            Kind::Minus | Kind::Tilde | Kind::Plus => {
                self.advance();
                self.deeper()?;
                let operand = self.operand()?;
                self.depth -= 1;
                let span = token.span.to(operand.span);
                let kind = match token.kind {
                    Kind::Minus => ExpressionKind::Negative(Box::new(operand)),
                    Kind::Tilde => ExpressionKind::Complement(Box::new(operand)),
                    _ => operand.kind,
                };
                return Some(Expression { span, kind });
            }
            Kind::LeftParen => {
                self.advance();
                self.deeper()?;
                let inner = self.binary(0, false)?;
                self.depth -= 1;
                self.expect(Kind::RightParen, "`)`")?;
                return Some(Expression {
                    span: token.span.to(self.last_span()),
                    kind: inner.kind,
                });
            }
            _ => {
                self.expected("a number or the name of a constant");
                return None;
            }
        };
        self.advance();
        Some(Expression {
            span: token.span,
            kind,
        })
    }
}
