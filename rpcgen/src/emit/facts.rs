//! What follows from a model: lengths on the wire, list nodes, where a `Box` is needed, which traits can be derived.
//!
//! Facts are worked out for dependencies first, in the order that Tarjan's algorithm gives, so that no depth of nesting in a
//! `.x` file is a depth of recursion here.

use crate::model::{Item, ItemId, ItemKind, Model, Scalar, Shape, Type, Union};

/// Types that would hold themselves directly (`struct a { a x; };`): no value of them exists. In source order.
#[must_use]
pub fn infinite_types(model: &Model) -> Vec<ItemId> {
    let mut facts = Facts::empty(model);
    facts.find_boxes();
    let by_value = |id: usize| {
        facts.edges(id, |edge| {
            edge.kind == EdgeKind::Value && !facts.is_boxed(&edge)
        })
    };
    let groups = groups(model.items.len(), by_value);
    let mut found: Vec<ItemId> = groups
        .into_iter()
        .filter(|group| group.cyclic)
        .flat_map(|group| group.members)
        .map(ItemId)
        .collect();
    found.sort_unstable();
    found
}

/// Octets of the largest run, and of the largest type that is read as one (RFC 4506 has no such limit; the stack does).
pub(super) const RUN_MAX: u32 = 1024;
/// Octets in memory from which a fixed-length array is a `Vec` or `Bytes`.
const INLINE_MAX: u64 = 4096;
/// `Copy` is derived up to this many octets.
const COPY_MAX: u64 = 64;
/// By how much the largest variant of an enum may exceed the next before it is boxed; clippy complains above 200, by sizes that
/// are known only to the compiler.
const VARIANT_SPREAD_MAX: u64 = 160;

/// What a type is once typedefs that only rename are looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base<'m> {
    Scalar(Scalar),
    Item(ItemId),
    Extern(&'m str),
}

/// How a default value is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DefaultBy {
    None,
    Derive,
    /// Arrays of more than 32 have no `Default`, but their zeros can be written.
    Hand,
}

/// Traits that a type can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Traits {
    pub(super) copy: bool,
    pub(super) eq: bool,
    pub(super) default: bool,
}

/// Facts about an item that is a type.
#[derive(Clone, Debug)]
pub(super) struct ItemFacts {
    /// Least octets on the wire; a list node's without its pointer.
    pub(super) min_len: u32,
    /// Octets on the wire, if every value has as many.
    pub(super) fixed: Option<u32>,
    /// Whether it is read from a run; then `fixed` is at most [`RUN_MAX`].
    pub(super) in_run: bool,
    /// Whether reading it from a run can fail.
    pub(super) fallible: bool,
    /// Whether it is a struct whose last member is a pointer to the next of its kind.
    pub(super) node: bool,
    /// Whether its decoder counts as a step down.
    pub(super) nested: bool,
    /// Whether it holds text or opaque data somewhere.
    pub(super) holds_octets: bool,
    pub(super) traits: Traits,
    /// Octets in memory, about.
    size: u64,
    /// For a union: whether the payload of an arm is boxed; the default arm's is last.
    boxed_arms: Vec<bool>,
}

pub(super) struct Facts<'m> {
    pub(super) model: &'m Model,
    items: Vec<ItemFacts>,
    /// Group of each item among those that hold each other by value or through optional data.
    pointer_groups: Vec<usize>,
    /// The same without optional data that is boxed.
    value_groups: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EdgeKind {
    /// A member, or an element of a fixed-length array.
    Value,
    /// The payload of a union's arm, which can be boxed.
    Payload,
    /// Optional data, which can be boxed.
    Optional,
    /// An element of a vector or list.
    Element,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    from: usize,
    to: usize,
    kind: EdgeKind,
}

impl<'m> Facts<'m> {
    pub(super) fn new(model: &'m Model) -> Self {
        let mut facts = Self::empty(model);
        facts.find_boxes();
        let stepping = |id: usize| {
            facts.edges(id, |edge| {
                !(edge.kind == EdgeKind::Optional && facts.is_boxed(&edge))
            })
        };
        let mut nested = Vec::new();
        for group in groups(model.items.len(), stepping) {
            if group.cyclic {
                nested.extend(group.members);
            }
        }
        for id in nested {
            facts.items[id].nested = true;
        }
        let order: Vec<usize> = groups(model.items.len(), |id| facts.edges(id, |_| true))
            .into_iter()
            .flat_map(|group| group.members)
            .collect();
        for &id in &order {
            facts.measure(id);
        }
        // Traits and what a type holds: the same for all of a cycle, hence until nothing changes.
        let mut changed = true;
        while changed {
            changed = false;
            for &id in &order {
                changed |= facts.settle(id);
            }
        }
        facts
    }

    fn empty(model: &'m Model) -> Self {
        let unknown = ItemFacts {
            min_len: 0,
            fixed: None,
            in_run: false,
            fallible: false,
            node: false,
            nested: false,
            holds_octets: false,
            traits: Traits {
                copy: true,
                eq: true,
                default: true,
            },
            size: 0,
            boxed_arms: Vec::new(),
        };
        let count = model.items.len();
        let mut facts = Self {
            model,
            items: vec![unknown; count],
            pointer_groups: (0..count).collect(),
            value_groups: (0..count).collect(),
        };
        for id in 0..count {
            facts.items[id].node = facts.find_node(id);
        }
        facts
    }

    pub(super) fn item(&self, id: ItemId) -> &'m Item {
        &self.model.items[id.0]
    }

    pub(super) fn of(&self, id: ItemId) -> &ItemFacts {
        &self.items[id.0]
    }

    /// The type behind typedefs that only rename.
    pub(super) fn base(&self, ty: &'m Type) -> Base<'m> {
        let mut ty = ty;
        for _ in 0..=self.model.items.len() {
            match ty {
                Type::Scalar(scalar) => return Base::Scalar(*scalar),
                Type::Extern { path, .. } => return Base::Extern(path),
                Type::Named(id) => match &self.item(*id).kind {
                    ItemKind::Typedef(Shape::Plain(to)) => ty = to,
                    _ => return Base::Item(*id),
                },
            }
        }
        Base::Scalar(Scalar::I32) // typedefs in a circle, which the resolver refuses
    }

    /// Whether a type is an item of this kind: an enum.
    pub(super) fn is_enum(&self, id: ItemId) -> bool {
        matches!(self.item(id).kind, ItemKind::Enum(_))
    }

    /// The list node that a type is.
    pub(super) fn node(&self, ty: &'m Type) -> Option<ItemId> {
        match self.base(ty) {
            Base::Item(id) if self.items[id.0].node => Some(id),
            _ => None,
        }
    }

    /// Members of a struct as they are in Rust: a list node's without its pointer.
    pub(super) fn fields(&self, id: ItemId) -> &'m [crate::model::Field] {
        match &self.item(id).kind {
            ItemKind::Struct(fields) if self.items[id.0].node => {
                &fields[..fields.len().saturating_sub(1)]
            }
            ItemKind::Struct(fields) => fields,
            _ => &[],
        }
    }

    /// A list node has exactly one pointer to its kind, and it is the last member, directly or by a typedef of the pointer.
    fn find_node(&self, id: usize) -> bool {
        let ItemKind::Struct(fields) = &self.model.items[id].kind else {
            return false;
        };
        let refers = |ty: &'m Type| self.base(ty) == Base::Item(ItemId(id));
        let pointer = |shape: &'m Shape| match shape {
            Shape::Optional(ty) => refers(ty),
            Shape::Plain(ty) => match self.base(ty) {
                Base::Item(to) => {
                    matches!(&self.item(to).kind, ItemKind::Typedef(Shape::Optional(ty)) if refers(ty))
                }
                _ => false,
            },
            _ => false,
        };
        let any = |shape: &'m Shape| {
            pointer(shape)
                || match shape {
                    Shape::Plain(ty)
                    | Shape::Array(ty, _)
                    | Shape::FixedArray(ty, _)
                    | Shape::Optional(ty) => refers(ty),
                    _ => false,
                }
        };
        fields.last().is_some_and(|last| pointer(&last.shape))
            && fields.iter().filter(|field| any(&field.shape)).count() == 1
    }

    fn edge_of_shape(&self, from: usize, shape: &'m Shape, payload: bool, edges: &mut Vec<Edge>) {
        let (ty, kind) = match shape {
            Shape::Plain(ty) if payload => (ty, EdgeKind::Payload),
            Shape::Plain(ty) => (ty, EdgeKind::Value),
            Shape::FixedArray(ty, _) if payload => (ty, EdgeKind::Payload),
            Shape::FixedArray(ty, _) => (ty, EdgeKind::Value),
            Shape::Array(ty, _) => (ty, EdgeKind::Element),
            Shape::Optional(ty) if self.node(ty).is_some() => (ty, EdgeKind::Element),
            Shape::Optional(ty) => (ty, EdgeKind::Optional),
            Shape::Text(_) | Shape::Opaque(_) | Shape::FixedOpaque(_) => return,
        };
        // Not the base: a typedef is an item on the way.
        if let Type::Named(id) = ty {
            edges.push(Edge {
                from,
                to: id.0,
                kind,
            });
        }
    }

    fn edges(&self, id: usize, wanted: impl Fn(Edge) -> bool) -> Vec<usize> {
        let mut edges = Vec::new();
        match &self.model.items[id].kind {
            ItemKind::Struct(_) => {
                for field in self.fields(ItemId(id)) {
                    self.edge_of_shape(id, &field.shape, false, &mut edges);
                }
            }
            ItemKind::Union(union) => {
                for field in payloads(union).flatten() {
                    self.edge_of_shape(id, &field.shape, true, &mut edges);
                }
            }
            ItemKind::Typedef(shape) => self.edge_of_shape(id, shape, false, &mut edges),
            ItemKind::Constant(_)
            | ItemKind::Enum(_)
            | ItemKind::Program(_)
            | ItemKind::Hook(_) => {}
        }
        edges
            .into_iter()
            .filter(|edge| wanted(*edge))
            .map(|edge| edge.to)
            .collect()
    }

    fn find_boxes(&mut self) {
        let count = self.model.items.len();
        let number = |found: Vec<Group>| {
            let mut numbers = vec![0; count];
            for (number, group) in found.into_iter().enumerate() {
                for member in group.members {
                    numbers[member] = number;
                }
            }
            numbers
        };
        self.pointer_groups = number(groups(count, |id| {
            self.edges(id, |edge| edge.kind != EdgeKind::Element)
        }));
        self.value_groups = number(groups(count, |id| {
            self.edges(id, |edge| {
                matches!(edge.kind, EdgeKind::Value | EdgeKind::Payload)
            })
        }));
    }

    fn is_boxed(&self, edge: &Edge) -> bool {
        match edge.kind {
            EdgeKind::Optional => self.pointer_groups[edge.from] == self.pointer_groups[edge.to],
            EdgeKind::Payload => self.value_groups[edge.from] == self.value_groups[edge.to],
            EdgeKind::Value | EdgeKind::Element => false,
        }
    }

    /// Whether optional data of type `ty` in item `from` is an `Option<Box<T>>`.
    pub(super) fn boxes_optional(&self, from: Option<ItemId>, ty: &Type) -> bool {
        match (from, ty) {
            (Some(from), Type::Named(to)) => {
                self.pointer_groups[from.0] == self.pointer_groups[to.0]
            }
            _ => false,
        }
    }

    /// Whether the payload of a union's arm is boxed: arms are counted in source order, the default is last.
    pub(super) fn boxes_payload(&self, union: ItemId, arm: usize) -> bool {
        self.of(union).boxed_arms.get(arm).copied().unwrap_or(false)
    }

    /// Whether a fixed-length opaque is kept in the type itself.
    pub(super) fn is_inline_opaque(len: u32) -> bool {
        u64::from(len) <= INLINE_MAX
    }

    /// Whether a fixed-length array is kept in the type itself.
    pub(super) fn is_inline_array(&self, ty: &'m Type, len: u32) -> bool {
        self.size_of_type(ty).max(1).saturating_mul(u64::from(len)) <= INLINE_MAX
    }

    /// Octets on the wire of a type used directly, if every value has as many.
    pub(super) fn fixed_type(&self, ty: &'m Type) -> Option<u32> {
        match self.base(ty) {
            Base::Scalar(scalar) => Some(scalar_len(scalar)),
            Base::Item(id) if self.is_enum(id) => Some(4),
            Base::Item(id) if !self.of(id).node => self.of(id).fixed,
            Base::Item(_) | Base::Extern(_) => None,
        }
    }

    /// Octets on the wire of a declaration, if every value has as many.
    pub(super) fn fixed_shape(&self, shape: &'m Shape) -> Option<u32> {
        match shape {
            Shape::Plain(ty) => self.fixed_type(ty),
            Shape::FixedOpaque(len) => len.value.checked_next_multiple_of(4),
            Shape::FixedArray(ty, len) => self.fixed_type(ty)?.checked_mul(len.value),
            Shape::Text(_) | Shape::Opaque(_) | Shape::Array(..) | Shape::Optional(_) => None,
        }
    }

    /// Least octets on the wire of a declaration.
    pub(super) fn min_len(&self, shape: &'m Shape) -> u32 {
        match shape {
            Shape::Plain(ty) => self.min_type(ty),
            Shape::FixedArray(ty, len) => self.min_type(ty).saturating_mul(len.value),
            Shape::FixedOpaque(len) => len.value.saturating_add(3) & !3,
            Shape::Text(_) | Shape::Opaque(_) | Shape::Array(..) | Shape::Optional(_) => 4,
        }
    }

    fn min_type(&self, ty: &'m Type) -> u32 {
        match self.base(ty) {
            Base::Scalar(scalar) => scalar_len(scalar),
            // A chain: the node, and the FALSE that ends the list.
            Base::Item(id) if self.of(id).node => self.of(id).min_len.saturating_add(4),
            Base::Item(id) => self.of(id).min_len,
            Base::Extern(_) => 0,
        }
    }

    /// Whether a declaration can be read from a run; its length then is [`Self::fixed_shape`].
    pub(super) fn in_run(&self, shape: &'m Shape) -> bool {
        let short = self.fixed_shape(shape).is_some_and(|len| len <= RUN_MAX);
        short
            && match shape {
                Shape::Plain(ty) => match self.base(ty) {
                    Base::Scalar(_) => true,
                    Base::Item(id) => self.is_enum(id) || self.of(id).in_run,
                    Base::Extern(_) => false,
                },
                Shape::FixedOpaque(len) => len.value > 0,
                Shape::FixedArray(ty, len) => {
                    len.value > 0
                        && matches!(self.base(ty), Base::Scalar(scalar) if is_wire_scalar(scalar))
                }
                Shape::Text(_) | Shape::Opaque(_) | Shape::Array(..) | Shape::Optional(_) => false,
            }
    }

    /// Whether reading a declaration from a run can fail.
    pub(super) fn is_fallible(&self, shape: &'m Shape) -> bool {
        match shape {
            Shape::Plain(ty) => match self.base(ty) {
                Base::Scalar(scalar) => matches!(
                    scalar,
                    Scalar::Bool | Scalar::I8 | Scalar::U8 | Scalar::I16 | Scalar::U16
                ),
                Base::Item(id) => self.is_enum(id) || self.of(id).fallible,
                Base::Extern(_) => true,
            },
            Shape::FixedOpaque(len) => len.value % 4 != 0,
            _ => false,
        }
    }

    fn measure(&mut self, id: usize) {
        match &self.model.items[id].kind {
            ItemKind::Enum(_) => {
                let facts = &mut self.items[id];
                (facts.min_len, facts.fixed, facts.size, facts.fallible) = (4, Some(4), 4, true);
            }
            ItemKind::Struct(_) => {
                let fields = self.fields(ItemId(id));
                let node = self.items[id].node;
                let (mut min, mut fixed, mut size) = (0_u32, Some(0_u32), 0_u64);
                for field in fields {
                    min = min.saturating_add(self.min_len(&field.shape));
                    fixed = fixed.and_then(|sum| sum.checked_add(self.fixed_shape(&field.shape)?));
                    size = size.saturating_add(self.size_of_shape(Some(ItemId(id)), &field.shape));
                }
                let in_run = !node
                    && !fields.is_empty()
                    && fixed.is_some_and(|len| len <= RUN_MAX && len > 0)
                    && fields.iter().all(|field| self.in_run(&field.shape));
                let fallible = fields.iter().any(|field| self.is_fallible(&field.shape));
                let facts = &mut self.items[id];
                (facts.min_len, facts.fixed, facts.in_run, facts.fallible) =
                    (min, fixed, in_run, fallible);
                facts.size = size.next_multiple_of(8);
            }
            ItemKind::Union(union) => {
                let min = payloads(union)
                    .map(|field| field.map_or(0, |field| self.min_len(&field.shape)))
                    .min();
                let mut sizes: Vec<(u64, bool)> = payloads(union)
                    .map(|field| {
                        let recursive = field.is_some_and(|field| match &field.shape {
                            Shape::Plain(Type::Named(to))
                            | Shape::FixedArray(Type::Named(to), _) => {
                                self.value_groups[id] == self.value_groups[to.0]
                            }
                            _ => false,
                        });
                        let size = field.map_or(0, |field| {
                            self.size_of_shape(Some(ItemId(id)), &field.shape)
                        });
                        (if recursive { 8 } else { size }, recursive)
                    })
                    .collect();
                // The largest payload is boxed while it stands out.
                while sizes.len() > 1 {
                    let mut order: Vec<usize> = (0..sizes.len()).collect();
                    order.sort_by_key(|&arm| core::cmp::Reverse(sizes[arm].0));
                    if sizes[order[0]].0.saturating_sub(sizes[order[1]].0) <= VARIANT_SPREAD_MAX {
                        break;
                    }
                    sizes[order[0]] = (8, true);
                }
                let facts = &mut self.items[id];
                facts.min_len = min.unwrap_or(0).saturating_add(4);
                facts.size = sizes
                    .iter()
                    .map(|size| size.0)
                    .max()
                    .unwrap_or(0)
                    .saturating_add(8);
                facts.boxed_arms = sizes.into_iter().map(|size| size.1).collect();
            }
            ItemKind::Typedef(shape) => {
                let (min, fixed, in_run, fallible) = (
                    self.min_len(shape),
                    self.fixed_shape(shape),
                    self.in_run(shape),
                    self.is_fallible(shape),
                );
                let size = self.size_of_shape(Some(ItemId(id)), shape);
                let facts = &mut self.items[id];
                (
                    facts.min_len,
                    facts.fixed,
                    facts.in_run,
                    facts.fallible,
                    facts.size,
                ) = (min, fixed, in_run, fallible, size);
            }
            ItemKind::Constant(_) | ItemKind::Program(_) | ItemKind::Hook(_) => {}
        }
    }

    fn settle(&mut self, id: usize) -> bool {
        let shapes: Vec<&'m Shape> = match &self.model.items[id].kind {
            ItemKind::Struct(_) => self
                .fields(ItemId(id))
                .iter()
                .map(|field| &field.shape)
                .collect(),
            ItemKind::Union(union) => payloads(union)
                .flatten()
                .map(|field| &field.shape)
                .collect(),
            ItemKind::Typedef(shape) => vec![shape],
            ItemKind::Enum(members) => {
                // Zero is a value of it only if it has a name; there is no other choice that is not arbitrary.
                let named = members.iter().any(|member| member.value == 0);
                let default = &mut self.items[id].traits.default;
                return std::mem::replace(default, named) != named;
            }
            _ => return false,
        };
        let mut traits = Traits {
            copy: true,
            eq: true,
            default: true,
        };
        let mut holds = false;
        for shape in shapes {
            let member = self.traits_of_shape(Some(ItemId(id)), shape);
            traits.copy &= member.copy;
            traits.eq &= member.eq;
            traits.default &= member.default;
            holds |= self.holds_octets(shape);
        }
        if let ItemKind::Union(union) = &self.model.items[id].kind {
            traits.default = false;
            traits.copy &= !self.items[id].boxed_arms.contains(&true);
            if matches!(self.base(&union.tag), Base::Extern(_)) && union.default.is_some() {
                (traits.copy, traits.eq) = (false, false);
            }
        }
        traits.copy &= self.items[id].size <= COPY_MAX;
        let facts = &mut self.items[id];
        let changed = facts.traits != traits || facts.holds_octets != holds;
        (facts.traits, facts.holds_octets) = (traits, holds);
        changed
    }

    pub(super) fn holds_octets(&self, shape: &'m Shape) -> bool {
        match shape {
            Shape::Text(_) | Shape::Opaque(_) => true,
            Shape::FixedOpaque(_) => false,
            Shape::Plain(ty)
            | Shape::Array(ty, _)
            | Shape::FixedArray(ty, _)
            | Shape::Optional(ty) => self.type_holds_octets(ty),
        }
    }

    pub(super) fn type_holds_octets(&self, ty: &'m Type) -> bool {
        match self.base(ty) {
            Base::Item(id) => self.of(id).holds_octets,
            Base::Scalar(_) | Base::Extern(_) => false,
        }
    }

    fn traits_of_type(&self, ty: &'m Type) -> Traits {
        match self.base(ty) {
            Base::Scalar(Scalar::F32 | Scalar::F64) => Traits {
                copy: true,
                eq: false,
                default: true,
            },
            Base::Scalar(_) => Traits {
                copy: true,
                eq: true,
                default: true,
            },
            Base::Item(id) if self.of(id).node => Traits {
                copy: false,
                ..self.of(id).traits
            },
            Base::Item(id) => self.of(id).traits,
            Base::Extern(_) => Traits {
                copy: false,
                eq: false,
                default: false,
            },
        }
    }

    fn traits_of_shape(&self, from: Option<ItemId>, shape: &'m Shape) -> Traits {
        let all = Traits {
            copy: true,
            eq: true,
            default: true,
        };
        match shape {
            Shape::Plain(ty) => self.traits_of_type(ty),
            Shape::Text(_) | Shape::Opaque(_) => Traits { copy: false, ..all },
            Shape::FixedOpaque(len) => Traits {
                copy: Self::is_inline_opaque(len.value),
                default: Self::is_inline_opaque(len.value),
                ..all
            },
            Shape::Array(ty, _) => Traits {
                copy: false,
                default: true,
                eq: self.traits_of_type(ty).eq,
            },
            Shape::FixedArray(ty, len) if !self.is_inline_array(ty, len.value) => Traits {
                copy: false,
                default: false,
                eq: self.traits_of_type(ty).eq,
            },
            Shape::FixedArray(ty, len) => {
                let of = self.traits_of_type(ty);
                let zeros = len.value <= 32
                    || matches!(self.base(ty), Base::Scalar(scalar) if scalar != Scalar::Quad);
                Traits {
                    default: of.default && zeros,
                    ..of
                }
            }
            Shape::Optional(ty) => {
                let indirect = self.node(ty).is_some() || self.boxes_optional(from, ty);
                let of = match self.node(ty) {
                    Some(node) => self.of(node).traits,
                    None => self.traits_of_type(ty),
                };
                Traits {
                    copy: of.copy && !indirect,
                    default: true,
                    eq: of.eq,
                }
            }
        }
    }

    /// How a struct or newtype with these members gets its default.
    pub(super) fn default_by<'a>(
        &self,
        id: ItemId,
        mut shapes: impl Iterator<Item = &'a Shape>,
    ) -> DefaultBy {
        if !self.of(id).traits.default {
            return DefaultBy::None;
        }
        if shapes.any(is_long_array) {
            DefaultBy::Hand
        } else {
            DefaultBy::Derive
        }
    }

    fn size_of_type(&self, ty: &'m Type) -> u64 {
        match self.base(ty) {
            Base::Scalar(scalar) => match scalar {
                Scalar::Bool | Scalar::I8 | Scalar::U8 => 1,
                Scalar::I16 | Scalar::U16 => 2,
                other => u64::from(scalar_len(other)),
            },
            Base::Item(id) if self.of(id).node => self.of(id).size.saturating_add(24),
            Base::Item(id) => self.of(id).size,
            Base::Extern(_) => 64,
        }
    }

    fn size_of_shape(&self, from: Option<ItemId>, shape: &'m Shape) -> u64 {
        match shape {
            Shape::Plain(ty) => self.size_of_type(ty),
            Shape::Text(_) | Shape::Array(..) => 24,
            Shape::Opaque(_) => 32,
            Shape::FixedOpaque(len) if Self::is_inline_opaque(len.value) => u64::from(len.value),
            Shape::FixedOpaque(_) => 32,
            Shape::FixedArray(ty, len) if self.is_inline_array(ty, len.value) => {
                self.size_of_type(ty).saturating_mul(u64::from(len.value))
            }
            Shape::FixedArray(..) => 24,
            Shape::Optional(ty) if self.node(ty).is_some() => 24,
            Shape::Optional(ty) if self.boxes_optional(from, ty) => 8,
            Shape::Optional(ty) => self.size_of_type(ty).saturating_add(8),
        }
    }
}

/// Whether a default of this declaration has to be written.
pub(super) fn is_long_array(shape: &Shape) -> bool {
    matches!(shape, Shape::FixedOpaque(len) | Shape::FixedArray(_, len) if len.value > 32)
}

/// Octets on the wire.
pub(super) fn scalar_len(scalar: Scalar) -> u32 {
    match scalar {
        Scalar::I64 | Scalar::U64 | Scalar::F64 => 8,
        Scalar::Quad => 16,
        Scalar::Bool
        | Scalar::I8
        | Scalar::U8
        | Scalar::I16
        | Scalar::U16
        | Scalar::I32
        | Scalar::U32
        | Scalar::F32 => 4,
    }
}

/// Whether `fairway_xdr::Scalar` covers it: every pattern of octets is a value.
pub(super) fn is_wire_scalar(scalar: Scalar) -> bool {
    matches!(
        scalar,
        Scalar::I32
            | Scalar::U32
            | Scalar::I64
            | Scalar::U64
            | Scalar::F32
            | Scalar::F64
            | Scalar::Quad
    )
}

/// The payloads of a union's arms in source order, the default's last.
pub(super) fn payloads(union: &Union) -> impl Iterator<Item = Option<&crate::model::Field>> {
    union
        .arms
        .iter()
        .map(|arm| arm.field.as_ref())
        .chain(union.default.iter().map(|arm| arm.field.as_ref()))
}

/// Items that can be reached from each other.
struct Group {
    members: Vec<usize>,
    cyclic: bool,
}

/// The strongly connected groups of `0..count` (Tarjan), those that others lead to first.
fn groups(count: usize, edges: impl Fn(usize) -> Vec<usize>) -> Vec<Group> {
    const UNSEEN: usize = usize::MAX;
    let mut index = vec![UNSEEN; count];
    let mut low = vec![0; count];
    let mut on_stack = vec![false; count];
    let (mut stack, mut found, mut next) = (Vec::new(), Vec::new(), 0);
    for root in 0..count {
        if index[root] != UNSEEN {
            continue;
        }
        // Items being visited, each with the edges still to follow.
        let mut visits: Vec<(usize, Vec<usize>, bool)> = Vec::new();
        let mut enter = Some(root);
        loop {
            if let Some(id) = enter.take() {
                (index[id], low[id], on_stack[id]) = (next, next, true);
                next += 1;
                stack.push(id);
                let mut to = edges(id);
                to.reverse();
                let own = to.contains(&id);
                visits.push((id, to, own));
            }
            let Some((id, to, own)) = visits.last_mut() else {
                break;
            };
            let (id, own) = (*id, *own);
            if let Some(target) = to.pop() {
                if index[target] == UNSEEN {
                    enter = Some(target);
                } else if on_stack[target] {
                    low[id] = low[id].min(index[target]);
                }
                continue;
            }
            visits.pop();
            if let Some((parent, ..)) = visits.last() {
                low[*parent] = low[*parent].min(low[id]);
            }
            if low[id] == index[id] {
                let at = stack.iter().rposition(|&member| member == id).unwrap_or(0);
                let members = stack.split_off(at);
                for &member in &members {
                    on_stack[member] = false;
                }
                let cyclic = own || members.len() > 1;
                found.push(Group { members, cyclic });
            }
        }
    }
    found
}
