//! The tree to the [`Model`]: names looked up, constants computed, types within types given names and places of their own.
//!
//! Constants, enum members, types and programs share one name space (RFC 4506 §6.4 (3), RFC 5531 §12.3), in which order does not
//! matter. Where it has no such name, a constant may also be a version or procedure, an extern constant, a `%#define`, `TRUE`,
//! `FALSE` or one of C's headers, in this order; a type may be an extern one or one that C's headers define.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::ast::{
    Body, Declaration, Definition, DefinitionKind, Expression, ExpressionKind, Form, Inline,
    Member, Name, Specification, Specifier, Union,
};
use crate::condition::apply;
use crate::diagnostic::Report;
use crate::graph::components;
use crate::intern::{Interner, Symbol, word};
use crate::model::{
    self, Argument, Arm, Bound, DefaultArm, Field, Item, ItemId, ItemKind, Label, Model, Scalar,
    Shape, Type, Value,
};
use crate::source::{Sources, Span};

/// How deep constants may name constants.
const MAX_CONSTANT_DEPTH: usize = 256;
/// How many types may stand within or behind each other: what reads the model may follow them by recursion.
pub(crate) const MAX_TYPE_DEPTH: usize = 1024;

/// What the caller knows of names that the file does not define.
#[derive(Clone, Debug, Default)]
pub(crate) struct Externs {
    pub(crate) constants: BTreeMap<String, i128>,
    /// Paths of Rust types.
    pub(crate) types: BTreeMap<String, String>,
}

/// Builds the model. What it holds is complete only if `report` has no errors.
pub(crate) fn resolve(
    specification: &Specification,
    file: &str,
    externs: &Externs,
    names: &mut Interner,
    sources: &Sources,
    report: &mut Report,
) -> Model {
    let constants = externs
        .constants
        .iter()
        .map(|(name, value)| (names.intern(name), *value))
        .collect();
    let types = externs
        .types
        .iter()
        .map(|(name, path)| (names.intern(name), path.clone()))
        .collect();
    let mut resolver = Resolver {
        specification,
        names,
        sources,
        report,
        extern_constants: constants,
        extern_types: types,
        entities: Vec::new(),
        constants: Vec::new(),
        lesser: HashMap::new(),
        unknown: HashSet::new(),
        definition_ids: Vec::with_capacity(specification.definitions.len()),
        unions: Vec::new(),
        header_types: HashMap::new(),
        inline_ids: vec![None; specification.inline_count],
        items: Vec::new(),
        spans: Vec::new(),
        taken: HashSet::new(),
        depth: 0,
    };
    resolver.declare();
    resolver.define();
    resolver.check_labels();
    resolver.check_recursion();
    Model {
        file: file.to_owned(),
        items: resolver.items,
    }
}

/// What a name of the one name space stands for.
#[derive(Clone, Copy, Debug)]
enum Entity {
    Constant(usize, Option<ItemId>),
    Type(ItemId),
}

/// A constant of any kind: `const`, member of an enum, number of a program, version or procedure, `%#define`.
#[derive(Debug)]
struct Constant<'a> {
    name: Name,
    kind: ConstantKind,
    /// Without one: one more than the constant before it in the table, or 0.
    value: Option<&'a Expression>,
    /// It is a member of an enum, and not the first.
    follows: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConstantKind {
    Const,
    Member,
    Number,
    Passed,
}

#[derive(Clone, Debug)]
enum State {
    New,
    Busy,
    Known(Value),
    /// Reported.
    Wrong,
}

#[derive(Debug)]
struct Resolver<'a> {
    specification: &'a Specification,
    names: &'a Interner,
    sources: &'a Sources,
    report: &'a mut Report,
    extern_constants: HashMap<Symbol, i128>,
    extern_types: HashMap<Symbol, String>,
    /// By symbol, with the place of the name.
    entities: Vec<Option<(Entity, Span)>>,
    constants: Vec<Constant<'a>>,
    /// Names that count only where the name space has none.
    lesser: HashMap<Symbol, usize>,
    /// Unknown names reported already.
    unknown: HashSet<Symbol>,
    /// The item of each definition; `typedef struct foo foo;` has none.
    definition_ids: Vec<Option<ItemId>>,
    /// Unions and where they went: their labels are checked when all enums are known.
    unions: Vec<(&'a Union, ItemId)>,
    /// Where the types within types went, by slot.
    inline_ids: Vec<Option<ItemId>>,
    items: Vec<Item>,
    /// The place of each item, for errors.
    spans: Vec<Span>,
    /// Types of C's headers that were used.
    header_types: HashMap<Symbol, ItemId>,
    /// Names of items, those without one of their own included.
    taken: HashSet<String>,
    depth: usize,
}

impl<'a> Resolver<'a> {
    fn name(&self, symbol: Symbol) -> &'a str {
        self.names.name(symbol)
    }

    fn entity(&self, symbol: Symbol) -> Option<(Entity, Span)> {
        self.entities.get(symbol.index()).copied().flatten()
    }

    // ---- declaring: every item gets its place, every name its meaning ----

    fn declare(&mut self) {
        let specification = self.specification;
        self.entities.resize(self.names.len(), None);
        // Names that are written come before names that are made up.
        for definition in &specification.definitions {
            if let Some(name) = defined_name(definition) {
                self.taken.insert(self.name(name.symbol).to_owned());
            }
        }
        for definition in &specification.definitions {
            let id = self.declare_definition(definition);
            self.definition_ids.push(id);
        }
        for (name, value) in &specification.passed_constants {
            let id = self.add_constant(*name, ConstantKind::Passed, Some(value), false);
            self.lesser.entry(name.symbol).or_insert(id);
        }
    }

    fn declare_definition(&mut self, definition: &'a Definition) -> Option<ItemId> {
        Some(match &definition.kind {
            DefinitionKind::Constant(name, value) => {
                let constant = self.add_constant(*name, ConstantKind::Const, Some(value), false);
                let id = self.add_item(
                    self.name(name.symbol).to_owned(),
                    definition.docs.clone(),
                    definition.span,
                );
                self.add_entity(*name, Entity::Constant(constant, Some(id)));
                id
            }
            DefinitionKind::Enum(name, members) => {
                self.declare_members(members);
                self.add_type(*name, definition)
            }
            DefinitionKind::Struct(name, members) => {
                self.declare_inline_in(members, self.name(name.symbol));
                self.add_type(*name, definition)
            }
            DefinitionKind::Union(name, union) => {
                self.declare_inline_in_union(union, self.name(name.symbol));
                self.add_type(*name, definition)
            }
            DefinitionKind::Typedef(declaration) => {
                return self.declare_typedef(definition, declaration);
            }
            DefinitionKind::Program(program) => {
                for version in &program.versions {
                    for procedure in &version.procedures {
                        let name = self.name(procedure.name.symbol);
                        self.declare_inline(&procedure.result.specifier, name, "result");
                        for argument in &procedure.arguments {
                            let member = argument
                                .name
                                .map_or("argument", |name| self.name(name.symbol));
                            self.declare_inline(&argument.specifier, name, member);
                        }
                    }
                }
                let constant = self.add_constant(
                    program.name,
                    ConstantKind::Number,
                    Some(&program.number),
                    false,
                );
                let id = self.add_item(
                    self.name(program.name.symbol).to_owned(),
                    definition.docs.clone(),
                    definition.span,
                );
                self.add_entity(program.name, Entity::Constant(constant, None));
                for version in &program.versions {
                    let constant = self.add_constant(
                        version.name,
                        ConstantKind::Number,
                        Some(&version.number),
                        false,
                    );
                    self.lesser.entry(version.name.symbol).or_insert(constant);
                    for procedure in &version.procedures {
                        let constant = self.add_constant(
                            procedure.name,
                            ConstantKind::Number,
                            Some(&procedure.number),
                            false,
                        );
                        self.lesser.entry(procedure.name.symbol).or_insert(constant);
                    }
                }
                id
            }
            DefinitionKind::Passthrough(lines) => {
                let mut text = String::new();
                for line in lines {
                    text.push_str(&self.sources.text(*line).replace('\r', ""));
                    text.push('\n');
                }
                let id = self.add_item(String::new(), Vec::new(), definition.span);
                self.set_kind(id, ItemKind::Hook(text));
                id
            }
        })
    }

    fn declare_typedef(
        &mut self,
        definition: &'a Definition,
        declaration: &'a Declaration,
    ) -> Option<ItemId> {
        let name = declaration.name?;
        let written = self.name(name.symbol);
        match (&declaration.specifier, &declaration.form) {
            // `typedef struct foo foo;`: C wants it, here it says nothing.
            (Specifier::Named(target), Form::Plain) if target.symbol == name.symbol => None,
            // `typedef struct { … } foo;` is `struct foo { … };`
            (Specifier::Inline(inline), Form::Plain)
                if inline.tag.is_none_or(|tag| tag.symbol == name.symbol) =>
            {
                self.declare_body(&inline.body, written);
                let id = self.add_type(name, definition);
                self.set_slot(inline, id);
                Some(id)
            }
            // C allows to say it twice, and files do.
            (
                Specifier::Named(_) | Specifier::Scalar(_) | Specifier::Text | Specifier::Opaque,
                _,
            ) if self.is_said_already(name, definition) => None,
            (specifier, _) => {
                self.declare_inline(specifier, written, "item");
                Some(self.add_type(name, definition))
            }
        }
    }

    /// Whether the same typedef was there before, word for word: then there is a warning, and nothing more to do.
    fn is_said_already(&mut self, name: Name, definition: &Definition) -> bool {
        let Some((Entity::Type(id), first)) = self.entity(name.symbol) else {
            return false;
        };
        let before = self.items.get(id.0).map_or("", |item| &item.text);
        let again = self.sources.text(definition.span);
        if !before.split_whitespace().eq(again.split_whitespace()) {
            return false;
        }
        let message = format!(
            "`{}` is defined again, in the same words",
            self.name(name.symbol)
        );
        let _ = self
            .report
            .warning(name.span, message)
            .at("the first definition is", first);
        true
    }

    fn declare_members(&mut self, members: &'a [Member]) {
        for (at, member) in members.iter().enumerate() {
            let id = self.add_constant(
                member.name,
                ConstantKind::Member,
                member.value.as_ref(),
                at > 0,
            );
            self.add_entity(member.name, Entity::Constant(id, None));
        }
    }

    fn declare_inline_in(&mut self, members: &'a [Declaration], parent: &str) {
        for member in members {
            if let (Specifier::Inline(_), Some(name)) = (&member.specifier, member.name) {
                self.declare_inline(&member.specifier, parent, self.name(name.symbol));
            }
        }
    }

    fn declare_inline_in_union(&mut self, union: &'a Union, parent: &str) {
        self.declare_inline_in(std::slice::from_ref(&union.discriminant), parent);
        for arm in union.arms.iter().chain(&union.default) {
            self.declare_inline_in(std::slice::from_ref(&arm.declaration), parent);
        }
    }

    fn declare_body(&mut self, body: &'a Body, name: &str) {
        match body {
            Body::Enum(members) => self.declare_members(members),
            Body::Struct(members) => self.declare_inline_in(members, name),
            Body::Union(union) => self.declare_inline_in_union(union, name),
        }
    }

    /// Makes an item of a type within a type, after those within it. The nesting is limited by the parser.
    fn declare_inline(&mut self, specifier: &'a Specifier, parent: &str, member: &str) {
        let Specifier::Inline(inline) = specifier else {
            return;
        };
        let name = match inline.tag {
            Some(tag) => self.name(tag.symbol).to_owned(),
            None => {
                let wanted = format!("{parent}_{member}");
                let mut name = wanted.clone();
                let mut count = 2;
                while !self.taken.insert(name.clone()) {
                    name = format!("{wanted}_{count}");
                    count += 1;
                }
                name
            }
        };
        self.declare_body(&inline.body, &name);
        let id = self.add_item(name, Vec::new(), inline.span);
        if let Some(tag) = inline.tag {
            self.add_entity(tag, Entity::Type(id));
        }
        self.set_slot(inline, id);
    }

    fn set_slot(&mut self, inline: &Inline, id: ItemId) {
        if let Some(slot) = self.inline_ids.get_mut(inline.slot) {
            *slot = Some(id);
        }
    }

    fn slot(&self, inline: &Inline) -> Option<ItemId> {
        self.inline_ids.get(inline.slot).copied().flatten()
    }

    fn add_item(&mut self, name: String, docs: Vec<String>, span: Span) -> ItemId {
        let id = ItemId(self.items.len());
        let text = self.sources.text(span).to_owned();
        self.items.push(Item {
            name,
            docs,
            text,
            kind: ItemKind::Struct(Vec::new()),
        });
        self.spans.push(span);
        id
    }

    fn add_type(&mut self, name: Name, definition: &Definition) -> ItemId {
        let id = self.add_item(
            self.name(name.symbol).to_owned(),
            definition.docs.clone(),
            definition.span,
        );
        if let Some(span) = self.spans.get_mut(id.0) {
            *span = name.span;
        }
        self.add_entity(name, Entity::Type(id));
        id
    }

    fn set_kind(&mut self, id: ItemId, kind: ItemKind) {
        if let Some(item) = self.items.get_mut(id.0) {
            item.kind = kind;
        }
    }

    fn add_constant(
        &mut self,
        name: Name,
        kind: ConstantKind,
        value: Option<&'a Expression>,
        follows: bool,
    ) -> usize {
        self.constants.push(Constant {
            name,
            kind,
            value,
            follows,
            state: State::New,
        });
        self.constants.len() - 1
    }

    fn add_entity(&mut self, name: Name, entity: Entity) {
        if let Some((_, first)) = self.entity(name.symbol) {
            let message = format!(
                "expected a new name: `{}` is defined already",
                self.name(name.symbol)
            );
            let _ = self
                .report
                .error(name.span, message)
                .at("the first definition is", first);
        } else if let Some(slot) = self.entities.get_mut(name.symbol.index()) {
            *slot = Some((entity, name.span));
        }
    }

    // ---- constants ----

    /// The value of a constant; `None` if it is wrong, which is then reported.
    fn constant(&mut self, id: usize) -> Option<Value> {
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

    fn value(&mut self, expression: &'a Expression) -> Option<Value> {
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
    fn number(&mut self, expression: &'a Expression) -> Option<(i128, bool)> {
        match self.value(expression)? {
            Value::Int { value, hex } => Some((value, hex)),
            Value::Text(_) => {
                self.report
                    .error(expression.span, "expected a number, found a string");
                None
            }
        }
    }

    fn named_value(&mut self, name: Symbol, span: Span) -> Option<Value> {
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

    fn report_unknown(
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

    // ---- defining ----

    fn define(&mut self) {
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
        program: &'a crate::ast::Program,
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

    fn procedures(&mut self, version: &'a crate::ast::Version) -> Vec<model::Procedure> {
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

    // ---- checks of the whole ----

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
    fn check_labels(&mut self) {
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
    fn check_recursion(&mut self) {
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

/// What labels may be.
#[derive(Clone, Copy, Debug)]
enum Discriminant {
    Any,
    Bool,
    Range(i64, i64),
    Enum(ItemId),
}

/// The 32 bits of a value of an enum, which may be written without its sign in hexadecimal.
fn wrap(value: i128) -> i32 {
    i32::try_from(value).unwrap_or_else(|_| {
        u32::try_from(value).map_or(0, |bits| i32::from_ne_bytes(bits.to_ne_bytes()))
    })
}

fn defined_name(definition: &Definition) -> Option<Name> {
    match &definition.kind {
        DefinitionKind::Constant(name, _)
        | DefinitionKind::Enum(name, _)
        | DefinitionKind::Struct(name, _)
        | DefinitionKind::Union(name, _) => Some(*name),
        DefinitionKind::Typedef(declaration) => declaration.name,
        DefinitionKind::Program(program) => Some(program.name),
        DefinitionKind::Passthrough(_) => None,
    }
}

/// Types of C with a filter in every RPC library; a definition in the file comes before these.
fn c_type(name: &str) -> Option<Scalar> {
    Some(match name {
        "bool_t" => Scalar::Bool,
        "int8_t" => Scalar::I8,
        "u_char" | "uint8_t" | "u_int8_t" => Scalar::U8,
        "int16_t" => Scalar::I16,
        "u_short" | "uint16_t" | "u_int16_t" => Scalar::U16,
        "int32_t" | "enum_t" => Scalar::I32,
        // xdr_u_long carries 4 octets, whatever C's type has.
        "u_int" | "u_long" | "uint32_t" | "u_int32_t" | "uint" | "ulong" => Scalar::U32,
        "rpcprog_t" | "rpcvers_t" | "rpcproc_t" | "rpcprot_t" | "rpcport_t" => Scalar::U32,
        "quad_t" | "longlong_t" | "int64_t" => Scalar::I64,
        "u_quad_t" | "u_longlong_t" | "uint64_t" | "u_int64_t" => Scalar::U64,
        _ => return None,
    })
}

/// Types that files use because C's `rpc/types.h`, `rpc/xdr.h`, `rpc/key_prot.h` or `rpc/auth_sys.h` defines them.
fn header_type(name: &str) -> Option<(ItemKind, &'static str)> {
    Some(match name {
        "netobj" => (
            ItemKind::Typedef(Shape::Opaque(Bound::number(1024))),
            "typedef opaque netobj<1024>;",
        ),
        "des_block" => (
            ItemKind::Typedef(Shape::FixedOpaque(Bound::number(8))),
            "typedef opaque des_block[8];",
        ),
        // RFC 5531 appendix A.
        "authsys_parms" => {
            let number = || Shape::Plain(Type::Scalar(Scalar::U32));
            let field = |name: &str, text: &str, shape| Field {
                name: name.to_owned(),
                docs: Vec::new(),
                text: text.to_owned(),
                shape,
            };
            let fields = vec![
                field("stamp", "unsigned int stamp", number()),
                field(
                    "machinename",
                    "string machinename<255>",
                    Shape::Text(Bound::number(255)),
                ),
                field("uid", "unsigned int uid", number()),
                field("gid", "unsigned int gid", number()),
                field(
                    "gids",
                    "unsigned int gids<16>",
                    Shape::Array(Type::Scalar(Scalar::U32), Bound::number(16)),
                ),
            ];
            let text = "struct authsys_parms { unsigned int stamp; string machinename<255>; unsigned int uid; unsigned int gid; unsigned int gids<16>; };";
            (ItemKind::Struct(fields), text)
        }
        _ => return None,
    })
}

/// Constants that files use because C's `rpc/auth.h`, `rpc/rpc_msg.h` or `rpc/key_prot.h` defines them.
fn header_constant(name: &str) -> Option<i128> {
    Some(match name {
        "AUTH_NONE" | "AUTH_NULL" => 0,
        "AUTH_SYS" | "AUTH_UNIX" => 1,
        "AUTH_SHORT" => 2,
        "AUTH_DH" | "AUTH_DES" => 3,
        "RPCSEC_GSS" => 6,
        "RPC_MSG_VERSION" => 2,
        "MAX_AUTH_BYTES" => 400,
        "MAXNETNAMELEN" => 255,
        "MAX_NETOBJ_SZ" => 1024,
        _ => return None,
    })
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
