//! What constants come to: `const`, members of enums, numbers of programs, and names the file does not define.

use super::known::header_constant;
use super::{ConstantKind, Entity, Resolver, State};
use crate::ast::{Expression, ExpressionKind};
use crate::condition::apply;
use crate::intern::{Symbol, word};
use crate::model::Value;
use crate::source::Span;

/// How deep constants may name constants.
const MAX_CONSTANT_DEPTH: usize = 256;

impl<'a> Resolver<'a> {
    /// The value of a constant; `None` if it is wrong, which is then reported.
    pub(super) fn constant(&mut self, id: usize) -> Option<Value> {
        // A member of an enum without a value counts on from the last that has one.
        let mut first = id;
        let mut base = None;
        loop {
            let constant = self.constants.get(first)?;
            match &constant.state {
                State::Known(value) => {
                    if first == id {
                        return Some(value.clone());
                    }
                    base = Some(value.clone());
                    break;
                }
                State::Wrong => break,
                State::New | State::Busy if constant.value.is_none() && constant.follows => {
                    first -= 1;
                }
                State::New | State::Busy => {
                    base = self.own_value(first);
                    break;
                }
            }
        }
        for at in first..=id {
            let constant = self.constants.get(at)?;
            let (kind, span) = (constant.kind, constant.name.span);
            let known = matches!(constant.state, State::Known(_));
            if at > first {
                base = match base {
                    Some(Value::Int { value, hex }) => Some(Value::Int {
                        value: value + 1,
                        hex,
                    }),
                    _ => None,
                };
            }
            if !known {
                base = base.and_then(|value| self.checked(value, kind, span));
                let state = base.clone().map_or(State::Wrong, State::Known);
                if let Some(constant) = self.constants.get_mut(at) {
                    constant.state = state;
                }
            }
        }
        base
    }

    /// The value that is written, or 0 for the first member of an enum.
    fn own_value(&mut self, id: usize) -> Option<Value> {
        let constant = self.constants.get_mut(id)?;
        let name = constant.name;
        let Some(value) = constant.value else {
            return Some(Value::Int {
                value: 0,
                hex: false,
            });
        };
        if let State::Busy = constant.state {
            let message = format!(
                "expected a value: `{}` depends on itself",
                self.name(name.symbol)
            );
            self.report.error(name.span, message);
            return None;
        }
        constant.state = State::Busy;
        self.depth += 1;
        let found = if self.depth > MAX_CONSTANT_DEPTH {
            self.report.error(
                value.span,
                format!("expected at most {MAX_CONSTANT_DEPTH} constants that name each other"),
            );
            None
        } else {
            self.value(value)
        };
        self.depth -= 1;
        found
    }

    /// Whether the value fits what it is for.
    fn checked(&mut self, value: Value, kind: ConstantKind, span: Span) -> Option<Value> {
        let Value::Int { value: number, hex } = value else {
            if kind == ConstantKind::Member || kind == ConstantKind::Number {
                self.report.error(span, "expected a number, found a string");
                return None;
            }
            return Some(value);
        };
        let least_and_most = match kind {
            // An enum is a signed number of 32 bits (RFC 4506 §4.3); in hexadecimal its octets may be meant.
            ConstantKind::Member if hex => (i128::from(i32::MIN), i128::from(u32::MAX)),
            ConstantKind::Member => (i128::from(i32::MIN), i128::from(i32::MAX)),
            ConstantKind::Number => (0, i128::from(u32::MAX)),
            ConstantKind::Const | ConstantKind::Passed => {
                (i128::from(i64::MIN), i128::from(u64::MAX))
            }
        };
        if number < least_and_most.0 || number > least_and_most.1 {
            let (least, most) = least_and_most;
            self.report.error(
                span,
                format!("expected a value from {least} to {most}, found {number}"),
            );
            return None;
        }
        Some(Value::Int { value: number, hex })
    }

    pub(super) fn value(&mut self, expression: &'a Expression) -> Option<Value> {
        Some(match &expression.kind {
            ExpressionKind::Number { value, decimal } => Value::Int {
                value: i128::from(*value),
                hex: !decimal,
            },
            ExpressionKind::Char(code) => Value::Int {
                value: i128::from(*code),
                hex: false,
            },
            ExpressionKind::Text(text) => Value::Text(self.name(*text).to_owned()),
            ExpressionKind::Name(name) => return self.named_value(*name, expression.span),
            ExpressionKind::Negative(operand) | ExpressionKind::Complement(operand) => {
                let (value, hex) = self.number(operand)?;
                let value = if matches!(expression.kind, ExpressionKind::Negative(_)) {
                    -value
                } else {
                    !value
                };
                Value::Int {
                    value,
                    hex: hex && value >= 0,
                }
            }
            ExpressionKind::Binary(operator, operands) => {
                let (left, hex) = self.number(&operands.0)?;
                let (right, right_hex) = self.number(&operands.1)?;
                let Some(value) = apply(*operator, left, right) else {
                    let why = if right == 0 {
                        "the divisor is zero"
                    } else {
                        "the result is out of range"
                    };
                    self.report
                        .error(expression.span, format!("expected a value: {why}"));
                    return None;
                };
                Value::Int {
                    value,
                    hex: hex || right_hex,
                }
            }
        })
    }

    /// An integer, and whether it is written in hexadecimal or octal.
    pub(super) fn number(&mut self, expression: &'a Expression) -> Option<(i128, bool)> {
        match self.value(expression)? {
            Value::Int { value, hex } => Some((value, hex)),
            Value::Text(_) => {
                self.report
                    .error(expression.span, "expected a number, found a string");
                None
            }
        }
    }

    pub(super) fn named_value(&mut self, name: Symbol, span: Span) -> Option<Value> {
        let int = |value| Some(Value::Int { value, hex: false });
        match self.entity(name) {
            Some((Entity::Constant(id, _), _)) => return self.constant(id),
            Some((Entity::Type(_), first)) => {
                let message = format!("expected a constant, found the type `{}`", self.name(name));
                let _ = self.report.error(span, message).at("it is defined", first);
                return None;
            }
            None => {}
        }
        let lesser = self.lesser.get(&name).copied();
        let lesser_kind = lesser
            .and_then(|id| self.constants.get(id))
            .map(|constant| constant.kind);
        if let (Some(id), Some(ConstantKind::Number)) = (lesser, lesser_kind) {
            return self.constant(id);
        }
        if let Some(value) = self.extern_constants.get(&name) {
            return int(*value);
        }
        if let Some(id) = lesser {
            return self.constant(id);
        }
        match name {
            word::TRUE => return int(1),
            word::FALSE => return int(0),
            _ => {}
        }
        if let Some(value) = header_constant(self.name(name)) {
            return int(value);
        }
        self.report_unknown(name, span, "constant", |name| {
            format!("--extern-const {name}=VALUE says what it is")
        });
        None
    }

    pub(super) fn report_unknown(
        &mut self,
        name: Symbol,
        span: Span,
        what: &str,
        help: impl Fn(&str) -> String,
    ) {
        let specification = self.specification;
        if specification.unknown_broken
            || specification.broken.contains(&name)
            || !self.unknown.insert(name)
        {
            return;
        }
        let written = self.name(name);
        let similar = self.similar(written, what == "type");
        let remark = self.report.error(
            span,
            format!("expected a known {what}, found `{written}`, which is not defined"),
        );
        let _ = match similar {
            Some(similar) => remark.help(format!("is `{similar}` meant?")),
            None => remark.help(help(written)),
        };
    }

    /// A defined name that differs in case or by one letter.
    fn similar(&self, written: &str, types: bool) -> Option<&'a str> {
        let defined = self.entities.iter().enumerate().filter(|(_, entity)| {
            entity.is_some_and(|(entity, _)| matches!(entity, Entity::Type(_)) == types)
        });
        defined
            .filter_map(|(index, _)| u64::try_from(index).ok())
            .map(|index| self.name(Symbol::from_number(index)))
            .find(|name| {
                name.eq_ignore_ascii_case(written)
                    || (written.len() > 3 && one_apart(name.as_bytes(), written.as_bytes()))
            })
    }
}

/// Whether one letter was added, dropped or changed.
fn one_apart(one: &[u8], other: &[u8]) -> bool {
    let same = one
        .iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count();
    let (one, other) = (
        one.get(same..).unwrap_or(&[]),
        other.get(same..).unwrap_or(&[]),
    );
    match (one, other) {
        ([_, rest @ ..], whole) if rest == whole => true,
        (whole, [_, rest @ ..]) if rest == whole => true,
        ([_, one @ ..], [_, other @ ..]) => one == other,
        _ => false,
    }
}
