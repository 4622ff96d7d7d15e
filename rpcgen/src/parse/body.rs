//! What stands in braces: members of enums and structs, cases of unions.

use super::{Parser, Place};
use crate::ast::{Arm, Declaration, Member, Specifier, Union};
use crate::intern::word;
use crate::lex::Kind;

impl Parser<'_> {
    /// `{ … }` of an enum; `docs` receives the comment behind the brace.
    pub(super) fn enum_body(&mut self, docs: &mut Vec<String>) -> Option<Vec<Member>> {
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

    pub(super) fn struct_body(&mut self, docs: &mut Vec<String>) -> Option<Vec<Declaration>> {
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
    pub(super) fn at_hard_definition(&self) -> bool {
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
    pub(super) fn union_body(&mut self, docs: &mut Vec<String>) -> Option<Union> {
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
}
