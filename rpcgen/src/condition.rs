//! The integer expressions of `#if`.

use crate::diagnostic::Report;
use crate::lex::{Kind, Token};
use crate::source::Span;

/// How deep an expression may nest.
const MAX_DEPTH: usize = 128;

/// Evaluates one expression whose macros are replaced; names that are left count as 0.
#[derive(Debug)]
pub(crate) struct Condition<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    /// Where the line is: for what is missing at its end.
    end: Span,
    report: &'a mut Report,
}

impl<'a> Condition<'a> {
    /// Whether it is not zero; `None` if it was wrong, which is then reported.
    pub(crate) fn evaluate(
        tokens: &'a [Token],
        directive: Span,
        report: &'a mut Report,
    ) -> Option<bool> {
        let end = tokens.last().map_or(directive, |last| Span {
            lo: last.span.hi,
            hi: last.span.hi,
        });
        let mut this = Condition {
            tokens,
            at: 0,
            depth: 0,
            end,
            report,
        };
        let value = this.ternary(true)?;
        if this.at < tokens.len() {
            this.expected("an operator or the end of the line");
            return None;
        }
        Some(value != 0)
    }

    fn peek(&self) -> Kind {
        self.tokens
            .get(self.at)
            .map_or(Kind::End, |token| token.kind)
    }

    fn here(&self) -> Span {
        self.tokens
            .get(self.at)
            .map_or(self.end, |token| token.span)
    }

    fn expected(&mut self, what: &str) {
        let here = self.here();
        self.report
            .error(here, format!("expected {what} in the expression of `#if`"));
    }

    fn take(&mut self, kind: Kind) -> bool {
        let found = self.peek() == kind;
        self.at += usize::from(found);
        found
    }

    /// `live` is false in an operand that does not count: dividing by zero is then no error.
    fn ternary(&mut self, live: bool) -> Option<i128> {
        let test = self.binary(0, live)?;
        if !self.take(Kind::Question) {
            return Some(test);
        }
        self.enter()?;
        let yes = self.ternary(live && test != 0)?;
        if !self.take(Kind::Colon) {
            self.expected("`:`");
            return None;
        }
        let no = self.ternary(live && test == 0)?;
        self.depth -= 1;
        Some(if test != 0 { yes } else { no })
    }

    fn enter(&mut self) -> Option<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.expected(&format!("at most {MAX_DEPTH} levels"));
            return None;
        }
        Some(())
    }

    fn binary(&mut self, least: u8, live: bool) -> Option<i128> {
        let mut left = self.unary(live)?;
        loop {
            let operator = self.peek();
            let Some(binds) = precedence(operator).filter(|binds| *binds >= least) else {
                return Some(left);
            };
            let at = self.here();
            self.at += 1;
            let right_live = live
                && match operator {
                    Kind::And => left != 0,
                    Kind::Or => left == 0,
                    _ => true,
                };
            self.enter()?;
            let right = self.binary(binds + 1, right_live)?;
            self.depth -= 1;
            left = match apply(operator, left, right) {
                Some(value) => value,
                None if !right_live => 0,
                None => {
                    let why = if right == 0 {
                        "the divisor is zero"
                    } else {
                        "the result is out of range"
                    };
                    self.report
                        .error(at, format!("{why} in the expression of `#if`"));
                    return None;
                }
            };
        }
    }

    fn unary(&mut self, live: bool) -> Option<i128> {
        let Some(&token) = self.tokens.get(self.at) else {
            self.expected("a number, a name or `(`");
            return None;
        };
        self.at += 1;
        match token.kind {
            Kind::Number { .. } | Kind::Char => Some(i128::from(token.value)),
            Kind::Name => Some(0),
            Kind::LeftParen | Kind::Minus | Kind::Plus | Kind::Bang | Kind::Tilde => {
                self.enter()?;
                let value = if token.kind == Kind::LeftParen {
                    let value = self.ternary(live)?;
                    if !self.take(Kind::RightParen) {
                        self.expected("`)`");
                        return None;
                    }
                    value
                } else {
                    let operand = self.unary(live)?;
                    match token.kind {
                        Kind::Minus => -operand,
                        Kind::Bang => i128::from(operand == 0),
                        Kind::Tilde => !operand,
                        _ => operand,
                    }
                };
                self.depth -= 1;
                Some(value)
            }
            _ => {
                self.at -= 1;
                self.expected("a number, a name or `(`");
                None
            }
        }
    }
}

/// How tightly an operator binds; `None` if the token is none.
pub(crate) fn precedence(kind: Kind) -> Option<u8> {
    Some(match kind {
        Kind::Or => 0,
        Kind::And => 1,
        Kind::Pipe => 2,
        Kind::Caret => 3,
        Kind::Ampersand => 4,
        Kind::EqualsEquals | Kind::NotEquals => 5,
        Kind::Less | Kind::Greater | Kind::LessEquals | Kind::GreaterEquals => 6,
        Kind::ShiftLeft | Kind::ShiftRight => 7,
        Kind::Plus | Kind::Minus => 8,
        Kind::Star | Kind::Slash | Kind::Percent => 9,
        _ => return None,
    })
}

/// The value; `None` if there is none. Values stay within 64 bits and a sign.
pub(crate) fn apply(operator: Kind, left: i128, right: i128) -> Option<i128> {
    let shift = || u32::try_from(right).ok().filter(|by| *by < 64);
    let value = match operator {
        Kind::Or => i128::from(left != 0 || right != 0),
        Kind::And => i128::from(left != 0 && right != 0),
        Kind::Pipe => left | right,
        Kind::Caret => left ^ right,
        Kind::Ampersand => left & right,
        Kind::EqualsEquals => i128::from(left == right),
        Kind::NotEquals => i128::from(left != right),
        Kind::Less => i128::from(left < right),
        Kind::Greater => i128::from(left > right),
        Kind::LessEquals => i128::from(left <= right),
        Kind::GreaterEquals => i128::from(left >= right),
        Kind::ShiftLeft => left.checked_mul(1_i128 << shift()?)?,
        Kind::ShiftRight => left >> shift()?,
        Kind::Plus => left.checked_add(right)?,
        Kind::Minus => left.checked_sub(right)?,
        Kind::Star => left.checked_mul(right)?,
        Kind::Slash => left.checked_div(right)?,
        Kind::Percent => left.checked_rem(right)?,
        _ => return None,
    };
    (-(1_i128 << 64)..=(1_i128 << 64))
        .contains(&value)
        .then_some(value)
}
