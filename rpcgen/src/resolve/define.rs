//! What items hold: members, arms, shapes, procedures.

use std::collections::HashMap;

use super::known::{c_type, header_type};
use super::{ConstantKind, Entity, Resolver, State, wrap};
use crate::ast::{
    self, Body, Declaration, DefinitionKind, Expression, ExpressionKind, Form, Member, Name,
    Specifier, Union,
};
use crate::intern::Symbol;
use crate::model::{
    self, Argument, Arm, Bound, DefaultArm, Field, Item, ItemId, ItemKind, Label, Shape, Type,
    Value,
};
use crate::source::Span;

impl<'a> Resolver<'a> {
    pub(super) fn define(&mut self) {
        let specification = self.specification;
        // Members first, in order: a member found out of order then costs no second walk.
        for wanted in [true, false] {
            for id in 0..self.constants.len() {
                let kind = self.constants.get(id).map(|constant| constant.kind);
                if kind != Some(ConstantKind::Passed)
                    && (kind == Some(ConstantKind::Member)) == wanted
                {
                    self.constant(id);
                }
            }
        }
        let mut programs = HashMap::new();
        for (at, definition) in specification.definitions.iter().enumerate() {
            if self.report.is_fatal() {
                return;
            }
            let Some(id) = self.definition_ids.get(at).copied().flatten() else {
                continue;
            };
            let kind = match &definition.kind {
                DefinitionKind::Constant(name, _) => match self.entity(name.symbol) {
                    Some((Entity::Constant(constant, _), _)) => {
                        self.constant(constant).map(ItemKind::Constant)
                    }
                    _ => None,
                },
                DefinitionKind::Enum(_, members) => Some(self.enumeration(members)),
                DefinitionKind::Struct(_, members) => Some(self.structure(members)),
                DefinitionKind::Union(_, union) => self.union(union, id),
                DefinitionKind::Typedef(declaration) => self.typedef(declaration, id),
                DefinitionKind::Program(program) => self.program(program, &mut programs),
                DefinitionKind::Passthrough(_) => None,
            };
            if let Some(kind) = kind {
                self.set_kind(id, kind);
            }
        }
    }

    fn enumeration(&mut self, members: &[Member]) -> ItemKind {
        let members = members.iter().map(|member| {
            let value = match self.entity(member.name.symbol) {
                Some((Entity::Constant(id, _), _)) => self
                    .constants
                    .get(id)
                    .map(|constant| constant.state.clone()),
                _ => None,
            };
            let value = match value {
                Some(State::Known(Value::Int { value, .. })) => wrap(value),
                _ => 0, // reported
            };
            model::Member {
                name: self.name(member.name.symbol).to_owned(),
                docs: member.docs.clone(),
                value,
            }
        });
        ItemKind::Enum(members.collect())
    }

    fn structure(&mut self, members: &'a [Declaration]) -> ItemKind {
        let mut seen = HashMap::new();
        let mut fields = Vec::with_capacity(members.len());
        for member in members {
            if let Some(name) = member.name {
                self.check_new(&mut seen, name, "member");
            }
            fields.extend(self.field(member));
        }
        ItemKind::Struct(fields)
    }

    /// RFC 4506 §6.4 (4): names are unique within their scope.
    fn check_new(&mut self, seen: &mut HashMap<Symbol, Span>, name: Name, what: &str) {
        if let Some(first) = seen.insert(name.symbol, name.span) {
            let message = format!(
                "expected a new name of the {what}: `{}` is taken",
                self.name(name.symbol)
            );
            let _ = self
                .report
                .error(name.span, message)
                .at("the first one is", first);
        }
    }

    fn field(&mut self, declaration: &'a Declaration) -> Option<Field> {
        let name = declaration.name?;
        let shape = self.shape(declaration)?;
        Some(Field {
            name: self.name(name.symbol).to_owned(),
            docs: declaration.docs.clone(),
            text: self.sources.text(declaration.span).to_owned(),
            shape,
        })
    }

    fn union(&mut self, union: &'a Union, id: ItemId) -> Option<ItemKind> {
        let discriminant = &union.discriminant;
        let tag = self.shape(discriminant);
        let tag = match tag {
            Some(Shape::Plain(tag)) => Some(tag),
            Some(_) => {
                self.report.error(
                    discriminant.span,
                    "expected a discriminant of one number, found an array or a pointer",
                );
                None
            }
            None => None,
        };
        let mut names = HashMap::new();
        let mut arms = Vec::with_capacity(union.arms.len());
        for arm in &union.arms {
            let mut labels = Vec::with_capacity(arm.labels.len());
            for label in &arm.labels {
                let Some((value, _)) = self.number(label) else {
                    continue;
                };
                let name = match label.kind {
                    ExpressionKind::Name(name) => Some(self.name(name).to_owned()),
                    ExpressionKind::Char(_) => Some(self.sources.text(label.span).to_owned()),
                    _ => None,
                };
                match i64::try_from(value) {
                    Ok(value) => labels.push(Label { name, value }),
                    Err(_) => {
                        self.report.error(
                            label.span,
                            format!("expected a label of 32 bits, found {value}"),
                        );
                    }
                }
            }
            if let Some(name) = arm.declaration.name {
                self.check_new(&mut names, name, "arm");
            }
            let field = self.field(&arm.declaration);
            arms.push(Arm {
                labels,
                docs: arm.docs.clone(),
                field,
            });
        }
        let default = union.default.as_ref().map(|arm| {
            if let Some(name) = arm.declaration.name {
                self.check_new(&mut names, name, "arm");
            }
            DefaultArm {
                docs: arm.docs.clone(),
                field: self.field(&arm.declaration),
            }
        });
        self.unions.push((union, id));
        let tag_name = discriminant
            .name
            .map_or("", |name| self.name(name.symbol))
            .to_owned();
        Some(ItemKind::Union(model::Union {
            tag_name,
            tag: tag?,
            arms,
            default,
        }))
    }

    fn typedef(&mut self, declaration: &'a Declaration, id: ItemId) -> Option<ItemKind> {
        if let Specifier::Inline(inline) = &declaration.specifier
            && self.slot(inline) == Some(id)
        {
            return self.body(&inline.body, id); // `typedef struct { … } foo;`
        }
        self.shape(declaration).map(ItemKind::Typedef)
    }

    fn body(&mut self, body: &'a Body, id: ItemId) -> Option<ItemKind> {
        match body {
            Body::Enum(members) => Some(self.enumeration(members)),
            Body::Struct(members) => Some(self.structure(members)),
            Body::Union(union) => self.union(union, id),
        }
    }

    // ---- types ----

    /// The form and type of a declaration, types within it defined; `None` if it is void or wrong.
    fn shape(&mut self, declaration: &'a Declaration) -> Option<Shape> {
        let bound = match &declaration.form {
            Form::Plain | Form::Pointer | Form::Variable(None) => Some(Bound::NONE),
            Form::Fixed(bound) | Form::Variable(Some(bound)) => self.bound(bound),
        };
        let of = match &declaration.specifier {
            Specifier::Void => return None,
            Specifier::Text => return bound.map(Shape::Text),
            Specifier::Opaque => {
                let fixed = matches!(declaration.form, Form::Fixed(_));
                return bound.map(if fixed {
                    Shape::FixedOpaque
                } else {
                    Shape::Opaque
                });
            }
            Specifier::Scalar(scalar) => Type::Scalar(*scalar),
            Specifier::Named(name) => self.named_type(*name)?,
            Specifier::Inline(inline) => {
                let id = self.slot(inline)?;
                if let Some(kind) = self.body(&inline.body, id) {
                    self.set_kind(id, kind);
                }
                Type::Named(id)
            }
        };
        Some(match declaration.form {
            Form::Plain => Shape::Plain(of),
            Form::Pointer => Shape::Optional(of),
            Form::Fixed(_) => Shape::FixedArray(of, bound?),
            Form::Variable(_) => Shape::Array(of, bound?),
        })
    }

    /// RFC 4506 §6.4 (2): bounds are unsigned; on the wire they have 32 bits.
    fn bound(&mut self, expression: &'a Expression) -> Option<Bound> {
        let (number, _) = self.number(expression)?;
        let Ok(value) = u32::try_from(number) else {
            self.report.error(
                expression.span,
                format!("expected a bound from 0 to {}, found {number}", u32::MAX),
            );
            return None;
        };
        let constant = match expression.kind {
            ExpressionKind::Name(name) => match self.entity(name) {
                Some((Entity::Constant(_, item), _)) => item,
                _ => None,
            },
            _ => None,
        };
        Some(Bound { value, constant })
    }

    fn named_type(&mut self, name: Name) -> Option<Type> {
        match self.entity(name.symbol) {
            Some((Entity::Type(id), _)) => return Some(Type::Named(id)),
            Some((Entity::Constant(..), first)) => {
                let message = format!(
                    "expected a type, found the constant `{}`",
                    self.name(name.symbol)
                );
                let _ = self
                    .report
                    .error(name.span, message)
                    .at("it is defined", first);
                return None;
            }
            None => {}
        }
        let written = self.name(name.symbol);
        if let Some(path) = self.extern_types.get(&name.symbol) {
            return Some(Type::Extern {
                name: written.to_owned(),
                path: path.clone(),
            });
        }
        if let Some(scalar) = c_type(written) {
            return Some(Type::Scalar(scalar));
        }
        if let Some(id) = self.header_types.get(&name.symbol) {
            return Some(Type::Named(*id));
        }
        if let Some((kind, text)) = header_type(written) {
            let id = ItemId(self.items.len());
            let docs = vec![
                "As in the headers of C's RPC library; the file does not define it.".to_owned(),
            ];
            self.items.push(Item {
                name: written.to_owned(),
                docs,
                text: text.to_owned(),
                kind,
            });
            self.spans.push(name.span);
            self.header_types.insert(name.symbol, id);
            return Some(Type::Named(id));
        }
        self.report_unknown(name.symbol, name.span, "type", |name| {
            format!("--extern-type {name}=RUST::PATH says where it is")
        });
        None
    }

    // ---- programs ----

    fn program(
        &mut self,
        program: &'a ast::Program,
        programs: &mut HashMap<u32, Span>,
    ) -> Option<ItemKind> {
        let number = self.unsigned(&program.number);
        if let Some(number) = number {
            self.check_number(programs, number, program.number.span, "program");
        }
        let mut names = HashMap::new();
        let mut numbers = HashMap::new();
        let mut versions = Vec::with_capacity(program.versions.len());
        for version in &program.versions {
            // RFC 5531 §12.3: neither name nor number may occur twice.
            self.check_new(&mut names, version.name, "version");
            let number = self.unsigned(&version.number);
            if let Some(number) = number {
                self.check_number(&mut numbers, number, version.number.span, "version");
            }
            let procedures = self.procedures(version);
            versions.extend(number.map(|number| model::Version {
                name: self.name(version.name.symbol).to_owned(),
                docs: version.docs.clone(),
                number,
                procedures,
            }));
        }
        Some(ItemKind::Program(model::Program {
            number: number?,
            versions,
        }))
    }

    fn procedures(&mut self, version: &'a ast::Version) -> Vec<model::Procedure> {
        let mut names = HashMap::new();
        let mut numbers = HashMap::new();
        let mut procedures = Vec::with_capacity(version.procedures.len());
        for procedure in &version.procedures {
            self.check_new(&mut names, procedure.name, "procedure");
            let number = self.unsigned(&procedure.number);
            if let Some(number) = number {
                self.check_number(&mut numbers, number, procedure.number.span, "procedure");
            }
            let mut argument_names = HashMap::new();
            let mut arguments = Vec::with_capacity(procedure.arguments.len());
            for argument in &procedure.arguments {
                if let Some(name) = argument.name {
                    self.check_new(&mut argument_names, name, "argument");
                }
                let name = argument.name.map(|name| self.name(name.symbol).to_owned());
                arguments.extend(self.shape(argument).map(|shape| Argument { name, shape }));
            }
            let result = self.shape(&procedure.result);
            procedures.extend(number.map(|number| model::Procedure {
                name: self.name(procedure.name.symbol).to_owned(),
                docs: procedure.docs.clone(),
                text: self.sources.text(procedure.span).to_owned(),
                number,
                arguments,
                result,
            }));
        }
        procedures
    }

    /// A number of a program, version or procedure; its range was checked as that of a constant.
    fn unsigned(&mut self, expression: &'a Expression) -> Option<u32> {
        match self.value(expression)? {
            Value::Int { value, .. } => u32::try_from(value).ok(),
            Value::Text(_) => None,
        }
    }

    fn check_number(&mut self, seen: &mut HashMap<u32, Span>, number: u32, span: Span, what: &str) {
        if let Some(first) = seen.insert(number, span) {
            let _ = self
                .report
                .error(
                    span,
                    format!("expected a new number of the {what}: {number} is taken"),
                )
                .at("the first one is", first);
        }
    }
}
