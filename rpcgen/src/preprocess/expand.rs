//! Uses of macros, and what they come to.

use std::borrow::Cow;

use super::{Macro, Preprocessor};
use crate::diagnostic::Report;
use crate::intern::Symbol;
use crate::lex::{Kind, Lexeme, Token};

/// How deep macros may stand within macros.
const MAX_EXPANSION_DEPTH: usize = 128;
/// How many tokens the expansion of macros may look at in a run.
const MAX_STEPS: usize = 1 << 20;

impl Preprocessor<'_> {
    /// Replaces a use of a macro in the text of the file.
    pub(super) fn expand_use(&mut self, token: Token, found: &Macro) {
        let mut uses = vec![token];
        if found.parameters.is_some() && !self.collect_arguments(&mut uses) {
            self.unit.tokens.push(token); // its name alone is no use of it
            return;
        }
        let mut out = Vec::new();
        self.expand(&uses, &mut Vec::new(), &mut out);
        let whole = uses
            .last()
            .map_or(token.span, |last| token.span.to(last.span));
        for (at, mut new) in out.into_iter().enumerate() {
            new.span = whole;
            new.gap = if at == 0 { token.gap } else { 0 };
            self.unit.tokens.push(new);
        }
    }

    /// Reads `( … )` behind the name of a function macro; false, with nothing read, if there is none.
    fn collect_arguments(&mut self, uses: &mut Vec<Token>) -> bool {
        let Some(frame) = self.frames.last_mut() else {
            return false;
        };
        let start = frame.lexer.bookmark();
        let mut scratch = Report::default();
        let mut depth = 0_usize;
        loop {
            match frame.lexer.next(false, self.names, &mut scratch) {
                Lexeme::Token(token) => {
                    match token.kind {
                        Kind::LeftParen => depth += 1,
                        Kind::RightParen => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    if depth == 0 && token.kind != Kind::RightParen {
                        break;
                    }
                    uses.push(token);
                    if depth == 0 {
                        return true;
                    }
                }
                Lexeme::Comment { .. } => {}
                Lexeme::Passthrough(_) | Lexeme::Directive(_) | Lexeme::End => break,
            }
        }
        uses.truncate(1);
        frame.lexer.go_back(start);
        let (Some(name), true) = (uses.first_mut(), depth > 0) else {
            return false;
        };
        // The arguments have no end: up to where the declaration has one, they count as a number, so that this is one error.
        self.report
            .error(name.span, "expected `)` behind the arguments of the macro");
        *name = number_in_place_of(*name);
        loop {
            let start = frame.lexer.bookmark();
            match frame.lexer.next(false, self.names, &mut scratch) {
                Lexeme::Token(token)
                    if !matches!(
                        token.kind,
                        Kind::Semicolon | Kind::LeftBrace | Kind::RightBrace
                    ) => {}
                Lexeme::Comment { .. } => {}
                _ => {
                    frame.lexer.go_back(start);
                    return true;
                }
            }
        }
    }

    /// Replaces the macros in `tokens`; those in `hidden` are being replaced already.
    pub(super) fn expand(
        &mut self,
        tokens: &[Token],
        hidden: &mut Vec<Symbol>,
        out: &mut Vec<Token>,
    ) {
        let mut rest = tokens;
        while let Some((&token, after)) = rest.split_first() {
            rest = after;
            self.steps += 1;
            if self.steps > MAX_STEPS {
                if !self.report.is_fatal() {
                    let _ = self.report.fatal(
                        token.span,
                        format!("expected macros that expand to at most {MAX_STEPS} tokens in all"),
                    );
                }
                return;
            }
            let Some((name, found)) = token
                .name()
                .and_then(|name| Some((name, self.macro_of(name)?)))
            else {
                out.push(token);
                continue;
            };
            if hidden.contains(&name) {
                out.push(token);
                continue;
            }
            if hidden.len() >= MAX_EXPANSION_DEPTH {
                if !self.report.is_fatal() {
                    let _ = self.report.fatal(
                        token.span,
                        format!("expected macros within macros at most {MAX_EXPANSION_DEPTH} deep"),
                    );
                }
                return;
            }
            let mut body = Cow::Borrowed(found.body.as_slice());
            if let Some(parameters) = &found.parameters {
                let Some((arguments, after)) = split_arguments(rest) else {
                    out.push(token);
                    continue;
                };
                rest = after;
                let none =
                    arguments.len() == 1 && arguments.iter().all(|argument| argument.is_empty());
                if arguments.len() != parameters.len() && !(parameters.is_empty() && none) {
                    let (expected, given) =
                        (parameters.len(), if none { 0 } else { arguments.len() });
                    self.report.error(
                        token.span,
                        format!(
                            "expected {expected} arguments of the macro `{}`, found {given}",
                            self.names.name(name)
                        ),
                    );
                    out.push(number_in_place_of(token));
                    continue;
                }
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    let mut value = Vec::new();
                    self.expand(argument, hidden, &mut value);
                    values.push(value);
                }
                let mut replaced = Vec::with_capacity(found.body.len());
                for part in &found.body {
                    let parameter = part.name().and_then(|name| {
                        parameters.iter().position(|parameter| *parameter == name)
                    });
                    match parameter.and_then(|at| values.get(at)) {
                        Some(value) => replaced.extend_from_slice(value),
                        None => replaced.push(*part),
                    }
                    if replaced.len() > MAX_STEPS {
                        break;
                    }
                }
                body = replaced.into();
            }
            hidden.push(name);
            self.expand(&body, hidden, out);
            hidden.pop();
            if self.report.is_fatal() {
                return;
            }
        }
    }
}

/// What stands for a use of a macro that was wrong, which is reported.
fn number_in_place_of(token: Token) -> Token {
    Token {
        kind: Kind::Number { decimal: true },
        value: 0,
        ..token
    }
}

/// The arguments of a use of a function macro and what is behind them, if `tokens` begins with a whole list.
fn split_arguments(tokens: &[Token]) -> Option<(Vec<&[Token]>, &[Token])> {
    let (open, rest) = tokens.split_first()?;
    if open.kind != Kind::LeftParen {
        return None;
    }
    let mut arguments = Vec::new();
    let (mut depth, mut from) = (0_usize, 0);
    for (at, token) in rest.iter().enumerate() {
        match token.kind {
            Kind::LeftParen => depth += 1,
            Kind::RightParen if depth == 0 => {
                arguments.push(rest.get(from..at)?);
                return Some((arguments, rest.get(at + 1..)?));
            }
            Kind::RightParen => depth -= 1,
            Kind::Comma if depth == 0 => {
                arguments.push(rest.get(from..at)?);
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}
