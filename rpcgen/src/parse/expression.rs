//! Constants, names, and expressions of them.

use super::Parser;
use crate::ast::{Expression, ExpressionKind};
use crate::condition::precedence;
use crate::intern::Symbol;
use crate::lex::Kind;

/// How many operators an expression may have.
const MAX_OPERATORS: usize = 256;

impl Parser<'_> {
    /// A constant, a name, or an expression of them. Within bounds `>` ends it.
    pub(super) fn expression(&mut self, in_bound: bool) -> Option<Expression> {
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
