//! The tree to the [`Model`]: names looked up, constants computed, types within types given names and places of their own.
//!
//! Constants, enum members, types and programs share one name space (RFC 4506 §6.4 (3), RFC 5531 §12.3), in which order does not
//! matter. Where it has no such name, a constant may also be a version or procedure, an extern constant, a `%#define`, `TRUE`,
//! `FALSE` or one of C's headers, in this order; a type may be an extern one or one that C's headers define.

mod check;
mod constant;
mod define;
mod known;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::ast::{
    Body, Declaration, Definition, DefinitionKind, Expression, Form, Inline, Member, Name,
    Specification, Specifier, Union,
};
use crate::diagnostic::Report;
use crate::intern::{Interner, Symbol};
use crate::model::{Item, ItemId, ItemKind, Model, Value};
use crate::source::{Sources, Span};

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

/// The 32 bits of a value of an enum, which may be written without its sign in hexadecimal.
fn wrap(value: i128) -> i32 {
    i32::try_from(value).unwrap_or_else(|_| {
        u32::try_from(value).map_or(0, |bits| i32::from_ne_bytes(bits.to_ne_bytes()))
    })
}
