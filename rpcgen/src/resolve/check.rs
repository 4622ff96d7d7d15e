//! What can only be checked once all items are known: labels of unions, recursion of types.

use std::collections::{HashMap, HashSet};

use super::{Resolver, wrap};
use crate::ast::Expression;
use crate::graph::components;
use crate::model::{ItemId, ItemKind, Scalar, Shape, Type, Value};
use crate::source::Span;

/// How many types may stand within or behind each other: what reads the model may follow them by recursion.
const MAX_TYPE_DEPTH: usize = 1024;

/// What labels may be.
#[derive(Clone, Copy, Debug)]
enum Discriminant {
    Any,
    Bool,
    Range(i64, i64),
    Enum(ItemId),
}

impl<'a> Resolver<'a> {
    /// What a union is switched by, behind typedefs.
    fn discriminant(&self, of: &Type) -> Option<Discriminant> {
        let mut of = of;
        // Typedefs may form a circle, which is reported elsewhere.
        for _ in 0..=self.items.len() {
            match of {
                Type::Extern { .. } => return Some(Discriminant::Any),
                Type::Scalar(scalar) => {
                    return match scalar {
                        Scalar::Bool => Some(Discriminant::Bool),
                        Scalar::I8 => {
                            Some(Discriminant::Range(i64::from(i8::MIN), i64::from(i8::MAX)))
                        }
                        Scalar::U8 => Some(Discriminant::Range(0, i64::from(u8::MAX))),
                        Scalar::I16 => Some(Discriminant::Range(
                            i64::from(i16::MIN),
                            i64::from(i16::MAX),
                        )),
                        Scalar::U16 => Some(Discriminant::Range(0, i64::from(u16::MAX))),
                        Scalar::I32 => Some(Discriminant::Range(
                            i64::from(i32::MIN),
                            i64::from(i32::MAX),
                        )),
                        Scalar::U32 => Some(Discriminant::Range(0, i64::from(u32::MAX))),
                        Scalar::I64 | Scalar::U64 | Scalar::F32 | Scalar::F64 | Scalar::Quad => {
                            None
                        }
                    };
                }
                Type::Named(id) => match &self.items.get(id.0)?.kind {
                    ItemKind::Enum(_) => return Some(Discriminant::Enum(*id)),
                    ItemKind::Typedef(Shape::Plain(inner)) => of = inner,
                    _ => return None,
                },
            }
        }
        Some(Discriminant::Any)
    }

    /// RFC 4506 §6.4 (5): the discriminant is an integer of 32 bits, labels are values of its type, each once.
    pub(super) fn check_labels(&mut self) {
        let mut enums: HashMap<ItemId, HashSet<i64>> = HashMap::new();
        for (union, id) in std::mem::take(&mut self.unions) {
            let Some(ItemKind::Union(made)) = self.items.get(id.0).map(|item| &item.kind) else {
                continue;
            };
            // If a label was wrong, the labels of tree and model do not correspond.
            let whole = made.arms.len() == union.arms.len()
                && made
                    .arms
                    .iter()
                    .zip(&union.arms)
                    .all(|(made, arm)| made.labels.len() == arm.labels.len());
            let Some(discriminant) = self.discriminant(&made.tag) else {
                self.report
                    .error(
                        union.discriminant.specifier_span,
                        "expected a discriminant of type int, unsigned int, bool or an enum",
                    )
                    .help("RFC 4506, section 6.4 (5)");
                continue;
            };
            if !whole {
                continue;
            }
            let mut seen: HashMap<i64, Span> = HashMap::new();
            let mut wrapped = Vec::new();
            for (at, arm) in union.arms.iter().enumerate() {
                for (nth, label) in arm.labels.iter().enumerate() {
                    let Some(ItemKind::Union(made)) = self.items.get(id.0).map(|item| &item.kind)
                    else {
                        continue;
                    };
                    let Some(mut value) = made
                        .arms
                        .get(at)
                        .and_then(|arm| arm.labels.get(nth))
                        .map(|label| label.value)
                    else {
                        continue;
                    };
                    let signed = matches!(discriminant, Discriminant::Enum(_))
                        || matches!(discriminant, Discriminant::Range(least, _) if least < 0);
                    if signed
                        && value > i64::from(i32::MAX)
                        && value <= i64::from(u32::MAX)
                        && self.is_hex(label)
                    {
                        value = i64::from(wrap(i128::from(value)));
                        wrapped.push((at, nth, value));
                    }
                    let wrong = match discriminant {
                        Discriminant::Any => (!(i64::from(i32::MIN)..=i64::from(u32::MAX))
                            .contains(&value))
                        .then(|| "a label of 32 bits".to_owned()),
                        Discriminant::Bool => {
                            (!matches!(value, 0 | 1)).then(|| "TRUE or FALSE".to_owned())
                        }
                        Discriminant::Range(least, most) => (value < least || value > most)
                            .then(|| format!("a label from {least} to {most}")),
                        Discriminant::Enum(of) => {
                            let values = enums.entry(of).or_insert_with(|| {
                                match self.items.get(of.0).map(|item| &item.kind) {
                                    Some(ItemKind::Enum(members)) => members
                                        .iter()
                                        .map(|member| i64::from(member.value))
                                        .collect(),
                                    _ => HashSet::new(),
                                }
                            });
                            let name = self.items.get(of.0).map_or("", |item| &item.name);
                            (!values.contains(&value)).then(|| format!("a value of `enum {name}`"))
                        }
                    };
                    if let Some(wanted) = wrong {
                        let text = self.sources.text(label.span);
                        let found = if text == value.to_string() {
                            text.to_owned()
                        } else {
                            format!("`{text}`, which is {value}")
                        };
                        self.report
                            .error(label.span, format!("expected {wanted}, found {found}"));
                    }
                    if let Some(first) = seen.insert(value, label.span) {
                        let text = self.sources.text(label.span);
                        let _ = self
                            .report
                            .error(
                                label.span,
                                format!("expected a new label: `{text}` has a case already"),
                            )
                            .at("the first one is", first);
                    }
                }
            }
            if let Some(ItemKind::Union(made)) = self.items.get_mut(id.0).map(|item| &mut item.kind)
            {
                for (at, nth, value) in wrapped {
                    if let Some(label) = made
                        .arms
                        .get_mut(at)
                        .and_then(|arm| arm.labels.get_mut(nth))
                    {
                        label.value = value;
                    }
                }
            }
        }
    }

    fn is_hex(&mut self, label: &'a Expression) -> bool {
        matches!(self.value(label), Some(Value::Int { hex: true, .. }))
    }

    /// No type holds itself by value, and no chain of types is so long that following it would exhaust a stack.
    pub(super) fn check_recursion(&mut self) {
        let mut by_value = vec![Vec::new(); self.items.len()];
        let mut all = vec![Vec::new(); self.items.len()];
        for (at, item) in self.items.iter().enumerate() {
            let (Some(by_value), Some(all)) = (by_value.get_mut(at), all.get_mut(at)) else {
                continue;
            };
            let mut edge = |shape: &Shape, direct: bool| {
                let (of, direct) = match shape {
                    Shape::Plain(of) | Shape::FixedArray(of, _) => (of, direct),
                    Shape::Array(of, _) | Shape::Optional(of) => (of, false),
                    Shape::Text(_) | Shape::Opaque(_) | Shape::FixedOpaque(_) => return,
                };
                if let Type::Named(id) = of {
                    all.push(id.0);
                    if direct {
                        by_value.push(id.0);
                    }
                }
            };
            match &item.kind {
                ItemKind::Struct(fields) => {
                    fields.iter().for_each(|field| edge(&field.shape, true));
                }
                ItemKind::Typedef(shape) => edge(shape, true),
                ItemKind::Union(union) => {
                    edge(&Shape::Plain(union.tag.clone()), true);
                    let fields = union.arms.iter().filter_map(|arm| arm.field.as_ref());
                    let default = union.default.iter().filter_map(|arm| arm.field.as_ref());
                    fields
                        .chain(default)
                        .for_each(|field| edge(&field.shape, false));
                }
                ItemKind::Constant(_)
                | ItemKind::Enum(_)
                | ItemKind::Program(_)
                | ItemKind::Hook(_) => {}
            }
        }
        for component in components(&by_value) {
            let Some(&first) = component.iter().min() else {
                continue;
            };
            let itself = by_value
                .get(first)
                .is_some_and(|edges| edges.contains(&first));
            if component.len() > 1 || itself {
                let name = self.items.get(first).map_or("", |item| &item.name);
                let span = self.spans.get(first).copied().unwrap_or_default();
                self.report
                    .error(
                        span,
                        format!("expected a finite type: `{name}` holds itself"),
                    )
                    .help(format!(
                        "a pointer (`{name} *x`) or an array (`{name} x<>`) ends the recursion"
                    ));
            }
        }
        let mut depths = vec![0_usize; self.items.len()];
        for component in components(&all) {
            // What a component leads to comes before it.
            let below = component
                .iter()
                .filter_map(|node| all.get(*node))
                .flatten()
                .filter_map(|to| depths.get(*to))
                .max();
            let depth = below.copied().unwrap_or(0) + component.len();
            for node in &component {
                if let Some(slot) = depths.get_mut(*node) {
                    *slot = depth;
                }
            }
            if depth > MAX_TYPE_DEPTH {
                let span = component
                    .iter()
                    .min()
                    .and_then(|first| self.spans.get(*first))
                    .copied()
                    .unwrap_or_default();
                let _ = self.report.fatal(
                    span,
                    format!(
                        "expected at most {MAX_TYPE_DEPTH} types that lead from one to the next"
                    ),
                );
                return;
            }
        }
    }
}
