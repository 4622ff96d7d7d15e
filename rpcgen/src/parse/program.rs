//! Programs, versions and procedures (RFC 5531 §12.2).

use super::{Parser, Place};
use crate::ast::{DefinitionKind, Procedure, Program, Specifier, Version};
use crate::intern::word;
use crate::lex::Kind;

impl Parser<'_> {
    pub(super) fn program(&mut self, docs: &mut Vec<String>) -> Option<Option<DefinitionKind>> {
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
}
