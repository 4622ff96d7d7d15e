//! How types are encoded and decoded.
//!
//! Consecutive members of fixed size are a *run*: read behind one bounds check, written at once. A struct that is a run as a
//! whole gets `read` and `write`, with which others take it into their runs.

use super::facts::{Base, Facts, RUN_MAX};
use super::text::{self, Chain, Init, line};
use super::{Form, Gen};
use crate::model::{Bound, Field, ItemId, ItemKind, Member, Scalar, Shape, Type};

const ENCODE: &str =
    "fn encode(&self, e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {";

/// Where a value to encode is.
pub(super) struct Place {
    /// `self.name`, or `value` for what is behind a reference.
    pub(super) path: String,
    reference: bool,
}

impl Place {
    fn member(name: &str) -> Self {
        Self {
            path: format!("self.{name}"),
            reference: false,
        }
    }

    pub(super) fn payload() -> Self {
        Self::behind("value")
    }

    /// Behind a reference of this name.
    fn behind(name: &str) -> Self {
        Self {
            path: name.to_owned(),
            reference: true,
        }
    }

    /// The same under a short name, if its own would make lines too long.
    fn shortened(self, out: &mut String, indent: usize, name: &str) -> Self {
        if self.path.len() <= 40 {
            return self;
        }
        line!(out, indent, "let {name} = &{};", self.path);
        Self::behind(name)
    }

    fn by_reference(&self) -> String {
        if self.reference {
            self.path.clone()
        } else {
            format!("&{}", self.path)
        }
    }

    fn by_value(&self) -> String {
        if self.reference {
            format!("*{}", self.path)
        } else {
            self.path.clone()
        }
    }
}

/// Members that are read and written together.
enum Segment {
    Run { members: Vec<usize>, len: u32 },
    Single(usize),
}

impl<'m> Gen<'m> {
    /// Everything of `-c`.
    pub(super) fn codecs(&self) -> String {
        let mut out = String::with_capacity(self.facts.model.items.len() * 1024);
        for (index, item) in self.facts.model.items.iter().enumerate() {
            let id = ItemId(index);
            match &item.kind {
                ItemKind::Enum(members) => self.enum_codec(&mut out, &item.name, id, members),
                ItemKind::Struct(_) => {
                    self.each_form(&mut out, id, |out, form| self.struct_codec(out, id, form));
                }
                ItemKind::Union(union) => self.each_form(&mut out, id, |out, form| {
                    self.union_codec(out, id, union, form);
                }),
                ItemKind::Typedef(Shape::Plain(_))
                | ItemKind::Constant(_)
                | ItemKind::Program(_)
                | ItemKind::Hook(_) => {}
                ItemKind::Typedef(shape) => self.each_form(&mut out, id, |out, form| {
                    self.newtype_codec(out, id, shape, form);
                }),
            }
        }
        if out.is_empty() {
            return out;
        }
        // `Encode` and `Decode` are in scope where they are implemented.
        let uses = if out.contains(".field(") {
            "\nuse ::fairway_xdr::Context as _;\n"
        } else {
            ""
        };
        out.insert_str(0, &(self.header(": codecs") + uses));
        out
    }

    fn enum_codec(&self, out: &mut String, original: &str, id: ItemId, members: &[Member]) {
        let name = self.names.item(id);
        out.push('\n');
        text::impl_for(out, "impl ::fairway_xdr::XdrEnum", name);
        line!(
            out,
            4,
            "const NAME: &'static str = {};\n",
            super::types::quoted(original)
        );
        line!(out, 4, "#[inline]");
        let unused = if members.is_empty() { "_" } else { "" };
        line!(
            out,
            4,
            "fn from_i32({unused}number: i32) -> Option<Self> {{"
        );
        if members.is_empty() {
            line!(out, 8, "None");
        } else {
            line!(out, 8, "match number {{");
            for pattern in patterns(members) {
                line!(out, 12, "{pattern} => Some(Self(number)),");
            }
            line!(out, 12, "_ => None,");
            line!(out, 8, "}}");
        }
        line!(out, 4, "}}\n");
        line!(
            out,
            4,
            "#[inline]\n    fn from_i32_lax(number: i32) -> Self {{\n        Self(number)\n    }}\n"
        );
        line!(
            out,
            4,
            "#[inline]\n    fn to_i32(self) -> i32 {{\n        self.0\n    }}"
        );
        line!(out, 0, "}}");
        self.encode_impl(
            out,
            id,
            Form::Owned,
            Some(4),
            &|out| line!(out, 8, "4"),
            &|out| {
                line!(out, 8, "e.enumeration(*self);");
                line!(out, 8, "Ok(())");
            },
        );
        self.decode_impl(out, id, Form::Owned, 4, false, &|out, indent, _| {
            line!(out, indent, "d.enumeration()");
        });
    }

    pub(super) fn encode_impl(
        &self,
        out: &mut String,
        id: ItemId,
        form: Form,
        fixed: Option<u32>,
        len: &dyn Fn(&mut String),
        body: &dyn Fn(&mut String),
    ) {
        let name = self.type_name(id, form).replace("<'a>", "<'_>");
        out.push('\n');
        text::impl_for(out, "impl ::fairway_xdr::Encode", &name);
        if let Some(fixed) = fixed {
            line!(
                out,
                4,
                "#[inline]\n    fn fixed_len() -> Option<usize> {{\n        Some({})\n    }}\n",
                text::number(i128::from(fixed), false)
            );
        }
        line!(out, 4, "#[inline]\n    fn encoded_len(&self) -> usize {{");
        len(out);
        line!(out, 4, "}}\n");
        let mut inner = String::with_capacity(1024);
        body(&mut inner);
        let uses = mentions(&inner, "e");
        line!(
            out,
            4,
            "#[inline]\n    {}",
            if uses {
                ENCODE.to_owned()
            } else {
                ENCODE.replace(" e:", " _e:")
            }
        );
        out.push_str(&inner);
        line!(out, 4, "}}");
        line!(out, 0, "}}");
    }

    /// `body` gets the indentation, and whether its result is bound to `value` instead of given.
    pub(super) fn decode_impl(
        &self,
        out: &mut String,
        id: ItemId,
        form: Form,
        min: u32,
        always: bool,
        body: &dyn Fn(&mut String, usize, bool),
    ) {
        let name = self.type_name(id, form);
        let life = if self.lifetime(id, form).is_empty() {
            "'de"
        } else {
            "'a"
        };
        out.push('\n');
        text::impl_for(
            out,
            &format!("impl<{life}> ::fairway_xdr::Decode<{life}>"),
            &name,
        );
        line!(
            out,
            4,
            "const MIN_LEN: usize = {};\n",
            text::number(i128::from(min), false)
        );
        let nested = self.facts.of(id).nested;
        let mut inner = String::with_capacity(1024);
        if nested {
            line!(&mut inner, 8, "d.nested(|d| {{");
            body(&mut inner, 12, true);
            line!(&mut inner, 12, "Ok(value)");
            line!(&mut inner, 8, "}})");
        } else {
            body(&mut inner, 8, false);
        }
        let d = if mentions(&inner, "d") { "d" } else { "_d" };
        line!(out, 4, "#[inline{}]", if always { "(always)" } else { "" });
        text::signature(
            out,
            4,
            "fn decode",
            &[format!("{d}: &mut ::fairway_xdr::Decoder<{life}>")],
            " -> Result<Self, ::fairway_xdr::DecodeError> {",
        );
        out.push_str(&inner);
        line!(out, 4, "}}");
        line!(out, 0, "}}");
    }

    /// A bound as text, a named constant only where `room` characters are left for it.
    fn bound(&self, bound: Bound, room: usize) -> String {
        match bound.constant {
            _ if bound.value == u32::MAX => "u32::MAX".to_owned(),
            Some(id) if self.names.item(id).len() <= room => self.names.item(id).to_owned(),
            _ => text::number(i128::from(bound.value), false),
        }
    }

    /// The value of a declaration, read by a decoder called `d`.
    pub(super) fn decode_shape(&self, from: ItemId, shape: &'m Shape, form: Form) -> Chain {
        let d = Chain::new("d");
        let borrowed = form == Form::Borrowed;
        match shape {
            Shape::Plain(ty) => match self.facts.base(ty) {
                Base::Scalar(scalar) => d.link(format!(".{}()", scalar_method(scalar))),
                Base::Item(id) if self.facts.is_enum(id) => d.link(".enumeration()"),
                Base::Item(id) if self.facts.of(id).node => {
                    Chain::new("::fairway_xdr::Chain::decode(d)")
                }
                Base::Item(id) => {
                    let name = if borrowed && self.has_borrowed(id) {
                        self.names.borrowed(id)
                    } else {
                        self.names.item(id)
                    };
                    Chain::new(format!("{name}::decode(d)"))
                }
                Base::Extern(_) => Chain::new("::fairway_xdr::Decode::decode(d)"),
            },
            Shape::Text(max) => d.link(format!(
                ".{}({})",
                if borrowed { "str_ref" } else { "string" },
                self.bound(*max, 40)
            )),
            Shape::Opaque(max) => d.link(format!(
                ".{}({})",
                if borrowed { "bytes_ref" } else { "opaque" },
                self.bound(*max, 40)
            )),
            Shape::FixedOpaque(len) if Facts::is_inline_opaque(len.value) => {
                d.link(format!(".fixed_opaque::<{}>()", len.value))
            }
            Shape::FixedOpaque(len) => d.link(format!(
                ".fixed_octets({})",
                text::number(i128::from(len.value), false)
            )),
            Shape::Array(_, max) => d.link(format!(".array({})", self.bound(*max, 40))),
            Shape::FixedArray(ty, len) if self.facts.is_inline_array(ty, len.value) => {
                d.link(".fixed_array()")
            }
            Shape::FixedArray(_, len) => d.link(format!(
                ".fixed_vec({})",
                text::number(i128::from(len.value), false)
            )),
            Shape::Optional(ty) if self.facts.node(ty).is_some() => d.link(".list()"),
            Shape::Optional(ty) if self.facts.boxes_optional(Some(from), ty) => d.link(".boxed()"),
            Shape::Optional(_) => d.link(".optional()"),
        }
    }

    /// A call that writes the value of a declaration, and whether it can fail.
    pub(super) fn encode_shape(
        &self,
        from: ItemId,
        shape: &'m Shape,
        form: Form,
        place: &Place,
    ) -> (Chain, bool) {
        let e = Chain::new("e");
        // The constant's name, while the arguments fit a line.
        let bounded = |call: &str, value: String, max: Bound| {
            let room = 58_usize.saturating_sub(value.len());
            format!(".{call}({value}, {})", self.bound(max, room))
        };
        // Borrowed text is a reference by itself.
        let octets = |place: &Place| {
            if form == Form::Borrowed {
                place.path.clone()
            } else {
                place.by_reference()
            }
        };
        match shape {
            Shape::Plain(ty) => match self.facts.base(ty) {
                Base::Scalar(scalar) => (
                    e.link(format!(".{}({})", scalar_method(scalar), place.by_value())),
                    false,
                ),
                Base::Item(id) if self.facts.is_enum(id) => {
                    (e.link(format!(".enumeration({})", place.by_value())), false)
                }
                Base::Item(_) | Base::Extern(_) => {
                    let mut parts = place.path.splitn(2, '.');
                    let mut chain = Chain::new(parts.next().unwrap_or_default());
                    for part in parts {
                        chain = chain.link(format!(".{part}"));
                    }
                    (chain.link(".encode(e)"), true)
                }
            },
            Shape::Text(max) => (e.link(bounded("string", octets(place), *max)), true),
            Shape::Opaque(max) => (
                e.link(bounded(
                    if form == Form::Borrowed {
                        "opaque"
                    } else {
                        "shared"
                    },
                    octets(place),
                    *max,
                )),
                true,
            ),
            Shape::FixedOpaque(len) if Facts::is_inline_opaque(len.value) => (
                e.link(format!(".fixed_opaque({})", place.by_reference())),
                false,
            ),
            Shape::FixedOpaque(len) => (
                e.link(bounded(
                    "fixed_shared",
                    place.by_reference(),
                    Bound::number(len.value),
                )),
                true,
            ),
            Shape::Array(_, max) => (e.link(bounded("array", place.by_reference(), *max)), true),
            Shape::FixedArray(ty, len) if self.facts.is_inline_array(ty, len.value) => (
                e.link(format!(".fixed_array({})", place.by_reference())),
                true,
            ),
            Shape::FixedArray(_, len) => (
                e.link(bounded(
                    "fixed_vec",
                    place.by_reference(),
                    Bound::number(len.value),
                )),
                true,
            ),
            Shape::Optional(ty) if self.facts.node(ty).is_some() => {
                (e.link(format!(".list({})", place.by_reference())), true)
            }
            Shape::Optional(ty) if self.facts.boxes_optional(Some(from), ty) => (
                e.link(format!(".optional({}.as_deref())", place.path)),
                true,
            ),
            Shape::Optional(_) => (e.link(format!(".optional({}.as_ref())", place.path)), true),
        }
    }

    /// The length of the value of a declaration that has no fixed one.
    pub(super) fn len_of(&self, shape: &'m Shape, from: ItemId, place: &Place) -> String {
        match shape {
            Shape::Plain(_) => format!("{}.encoded_len()", place.path),
            Shape::Text(_) => format!("::fairway_xdr::string_len({}.len())", place.path),
            Shape::Opaque(_) => format!("::fairway_xdr::opaque_len({}.len())", place.path),
            Shape::FixedOpaque(len) => {
                text::number(i128::from(len.value.saturating_add(3) & !3), false)
            }
            Shape::Array(..) => format!("::fairway_xdr::array_len({})", place.by_reference()),
            Shape::FixedArray(..) => {
                format!("::fairway_xdr::fixed_array_len({})", place.by_reference())
            }
            Shape::Optional(ty) if self.facts.node(ty).is_some() => {
                format!("::fairway_xdr::list_len({})", place.by_reference())
            }
            Shape::Optional(ty) if self.facts.boxes_optional(Some(from), ty) => {
                format!("::fairway_xdr::optional_len({}.as_deref())", place.path)
            }
            Shape::Optional(_) => format!("::fairway_xdr::optional_len({}.as_ref())", place.path),
        }
    }

    /// A member in a run at octet `at`: its value without what names an error, and whether it can fail.
    fn read_shape(&self, shape: &'m Shape, at: u32, run: &str) -> (Chain, bool) {
        let fallible = self.facts.is_fallible(shape);
        let chain = match shape {
            Shape::Plain(ty) => match self.facts.base(ty) {
                Base::Scalar(scalar) => {
                    Chain::new(run).link(format!(".{}::<{at}>()", scalar_method(scalar)))
                }
                Base::Item(id) if self.facts.is_enum(id) => {
                    Chain::new(run).link(format!(".enumeration::<{at}, _>()"))
                }
                Base::Item(id) => match &self.facts.item(id).kind {
                    ItemKind::Typedef(inner) => {
                        let (value, fallible) = self.read_shape(inner, at, run);
                        let value = if fallible { value.end("?") } else { value };
                        let text = format!(
                            "{}({})",
                            self.names.item(id),
                            value.one_line().unwrap_or_default()
                        );
                        return (Chain::new(text), false);
                    }
                    _ => {
                        let len = self.facts.of(id).fixed.unwrap_or(0);
                        Chain::new(format!(
                            "{}::read(&{run}.part::<{at}, {len}>())",
                            self.names.item(id)
                        ))
                    }
                },
                Base::Extern(_) => Chain::new(""),
            },
            Shape::FixedOpaque(len) if len.value % 4 == 0 => {
                Chain::new(run).link(format!(".octets::<{at}, {}>()", len.value))
            }
            Shape::FixedOpaque(len) => {
                Chain::new(run).link(format!(".padded_octets::<{at}, {}>()", len.value))
            }
            Shape::FixedArray(ty, len) => Chain::new(run).link(format!(
                ".scalars::<{at}, {}, {}>()",
                self.scalar_name(ty),
                len.value
            )),
            Shape::Text(_) | Shape::Opaque(_) | Shape::Array(..) | Shape::Optional(_) => {
                Chain::new("")
            }
        };
        (chain, fallible)
    }

    fn scalar_name(&self, ty: &'m Type) -> String {
        match self.facts.base(ty) {
            Base::Scalar(scalar) => super::types::scalar_type(scalar).to_owned(),
            _ => String::new(),
        }
    }

    /// Writes a member into a run called `run`, at octet `at`.
    pub(super) fn write_shape(
        &self,
        out: &mut String,
        indent: usize,
        shape: &'m Shape,
        at: u32,
        place: &Place,
    ) {
        let by_value = place.by_value();
        match shape {
            Shape::Plain(ty) => match self.facts.base(ty) {
                Base::Scalar(scalar) => line!(
                    out,
                    indent,
                    "run.{}::<{at}>({by_value});",
                    scalar_method(scalar)
                ),
                Base::Item(id) if self.facts.is_enum(id) => {
                    line!(out, indent, "run.enumeration::<{at}, _>({by_value});");
                }
                Base::Item(id) => match &self.facts.item(id).kind {
                    ItemKind::Typedef(inner) => {
                        let place = Place {
                            path: format!("{}.0", place.path),
                            reference: false,
                        };
                        self.write_shape(out, indent, inner, at, &place);
                    }
                    _ => {
                        let len = self.facts.of(id).fixed.unwrap_or(0);
                        line!(
                            out,
                            indent,
                            "run.part::<{at}, {len}>({}.write());",
                            place.path
                        );
                    }
                },
                Base::Extern(_) => {}
            },
            Shape::FixedOpaque(len) => line!(
                out,
                indent,
                "run.octets::<{at}, {}>({});",
                len.value,
                place.by_reference()
            ),
            Shape::FixedArray(ty, len) => {
                line!(
                    out,
                    indent,
                    "run.scalars::<{at}, {}, {}>({});",
                    self.scalar_name(ty),
                    len.value,
                    place.by_reference()
                );
            }
            Shape::Text(_) | Shape::Opaque(_) | Shape::Array(..) | Shape::Optional(_) => {}
        }
    }

    pub(super) fn run_len(&self, shape: &'m Shape) -> u32 {
        self.facts.fixed_shape(shape).unwrap_or(0)
    }

    fn segments(&self, fields: &'m [Field]) -> Vec<Segment> {
        let mut segments = Vec::new();
        let mut run: (Vec<usize>, u32) = (Vec::new(), 0);
        let close = |run: &mut (Vec<usize>, u32), segments: &mut Vec<Segment>| {
            let (members, len) = core::mem::take(run);
            match members.as_slice() {
                [] => {}
                [one] => segments.push(Segment::Single(*one)),
                _ => segments.push(Segment::Run { members, len }),
            }
        };
        for (at, field) in fields.iter().enumerate() {
            if self.facts.in_run(&field.shape) {
                let len = self.run_len(&field.shape);
                if run.1.saturating_add(len) > RUN_MAX {
                    close(&mut run, &mut segments);
                }
                run.0.push(at);
                run.1 = run.1.saturating_add(len);
            } else {
                close(&mut run, &mut segments);
                segments.push(Segment::Single(at));
            }
        }
        close(&mut run, &mut segments);
        segments
    }

    fn struct_codec(&self, out: &mut String, id: ItemId, form: Form) {
        let fields = self.facts.fields(id);
        let names = self.names.members(id);
        let facts = self.facts.of(id);
        if facts.in_run {
            self.run_codec(out, id, fields);
            return;
        }
        let segments = self.segments(fields);
        self.encode_impl(
            out,
            id,
            form,
            facts.fixed,
            &|out| {
                let members = fields
                    .iter()
                    .zip(names)
                    .map(|(field, name)| (&field.shape, Place::member(name)));
                self.lengths(out, id, members);
            },
            &|out| {
                for segment in &segments {
                    match segment {
                        Segment::Run { members, len } => {
                            line!(
                                out,
                                8,
                                "let mut run = ::fairway_xdr::RunMut::<{len}>::new();"
                            );
                            let mut at = 0;
                            for &member in members {
                                let place =
                                    Place::member(&names[member]).shortened(out, 8, "value");
                                self.write_shape(out, 8, &fields[member].shape, at, &place);
                                at += self.run_len(&fields[member].shape);
                            }
                            line!(out, 8, "e.put_run(run);");
                        }
                        Segment::Single(member) => {
                            let shape = &fields[*member].shape;
                            let place = Place::member(&names[*member]).shortened(out, 8, "value");
                            let (call, fallible) = self.encode_shape(id, shape, form, &place);
                            let call = if fallible {
                                in_field(call, &fields[*member].name).end("?")
                            } else {
                                call
                            };
                            call.put(out, 8, "", ";");
                        }
                    }
                }
                line!(out, 8, "Ok(())");
            },
        );
        self.decode_impl(out, id, form, facts.min_len, false, &|out, indent, bind| {
            let last = segments
                .iter()
                .rposition(|segment| matches!(segment, Segment::Run { .. }))
                .unwrap_or(0);
            let mut inits: Vec<(usize, Init)> = Vec::new();
            let mut runs = 0;
            for (at, segment) in segments.iter().enumerate() {
                match segment {
                    Segment::Run { members, len } => {
                        runs += 1;
                        let run = if runs == 1 {
                            "run".to_owned()
                        } else {
                            format!("run{runs}")
                        };
                        let first = &fields[members[0]].name;
                        let read =
                            in_field(Chain::new("d").link(format!(".run::<{len}>()")), first)
                                .end("?");
                        read.put(out, indent, &format!("let {run} = "), ";");
                        let mut octet = 0;
                        for &member in members {
                            let field = &fields[member];
                            let (value, fallible) = self.read_shape(&field.shape, octet, &run);
                            let value = if fallible {
                                in_field(value, &field.name).end("?")
                            } else {
                                value
                            };
                            inits.push((member, Init::Value(names[member].clone(), value)));
                            octet += self.run_len(&field.shape);
                        }
                    }
                    Segment::Single(member) => {
                        let (field, name) = (&fields[*member], &names[*member]);
                        let value =
                            in_field(self.decode_shape(id, &field.shape, form), &field.name)
                                .end("?");
                        if at < last {
                            let taken =
                                matches!(name.as_str(), "d" | "value") || name.starts_with("run");
                            let local = if taken {
                                format!("{}_member", name.trim_start_matches("r#"))
                            } else {
                                name.clone()
                            };
                            value.put(out, indent, &format!("let {local} = "), ";");
                            let init = if taken {
                                Init::Value(name.clone(), Chain::new(local))
                            } else {
                                Init::Same(local)
                            };
                            inits.push((*member, init));
                        } else {
                            inits.push((*member, Init::Value(name.clone(), value)));
                        }
                    }
                }
            }
            let inits: Vec<Init> = inits.into_iter().map(|(_, init)| init).collect();
            if bind {
                text::literal(out, indent, "let value = Self", &inits, ";");
            } else {
                text::literal(out, indent, "Ok(Self", &inits, ")");
            }
        });
    }

    /// The sum of lengths as the value of a block, known ones added up.
    fn lengths(
        &self,
        out: &mut String,
        id: ItemId,
        members: impl Iterator<Item = (&'m Shape, Place)>,
    ) {
        let mut known = 0_u32;
        let mut parts = Vec::new();
        for (shape, place) in members {
            match self
                .facts
                .fixed_shape(shape)
                .and_then(|len| known.checked_add(len))
            {
                Some(sum) => known = sum,
                None => {
                    let place = place.shortened(out, 8, &format!("part{}", parts.len() + 1));
                    parts.push(self.len_of(shape, id, &place));
                }
            }
        }
        if known > 0 {
            parts.insert(0, text::number(i128::from(known), false));
        }
        text::sum(out, 8, &parts);
    }

    /// A struct that is a run as a whole.
    fn run_codec(&self, out: &mut String, id: ItemId, fields: &'m [Field]) {
        let facts = self.facts.of(id);
        let (name, len) = (self.names.item(id), facts.fixed.unwrap_or(0));
        let names = self.names.members(id);
        let mut reads = Vec::new();
        let mut at = 0;
        for (field, name) in fields.iter().zip(names) {
            let (value, fallible) = self.read_shape(&field.shape, at, "run");
            let value = if fallible {
                in_field(value, &field.name).end("?")
            } else {
                value
            };
            reads.push(Init::Value(name.clone(), value));
            at += self.run_len(&field.shape);
        }
        out.push('\n');
        line!(out, 0, "impl {name} {{");
        line!(out, 4, "#[inline]");
        if facts.fallible {
            let result = " -> Result<Self, ::fairway_xdr::DecodeError> {";
            text::signature(
                out,
                4,
                "fn read",
                &[format!("run: &::fairway_xdr::Run<'_, {len}>")],
                result,
            );
            text::literal(out, 8, "Ok(Self", &reads, ")");
        } else {
            line!(
                out,
                4,
                "fn read(run: &::fairway_xdr::Run<'_, {len}>) -> Self {{"
            );
            text::literal(out, 8, "Self", &reads, "");
        }
        line!(out, 4, "}}\n");
        line!(
            out,
            4,
            "#[inline]\n    fn write(&self) -> ::fairway_xdr::RunMut<{len}> {{"
        );
        line!(
            out,
            8,
            "let mut run = ::fairway_xdr::RunMut::<{len}>::new();"
        );
        let mut at = 0;
        for (field, name) in fields.iter().zip(names) {
            let place = Place::member(name).shortened(out, 8, "value");
            self.write_shape(out, 8, &field.shape, at, &place);
            at += self.run_len(&field.shape);
        }
        line!(out, 8, "run");
        line!(out, 4, "}}");
        line!(out, 0, "}}");
        self.encode_impl(
            out,
            id,
            Form::Owned,
            Some(len),
            &|out| line!(out, 8, "{}", text::number(i128::from(len), false)),
            &|out| {
                line!(out, 8, "e.put_run(self.write());");
                line!(out, 8, "Ok(())");
            },
        );
        self.decode_impl(out, id, Form::Owned, len, false, &|out, indent, _| {
            if facts.fallible {
                line!(out, indent, "Self::read(&d.run::<{len}>()?)");
            } else {
                line!(out, indent, "Ok(Self::read(&d.run::<{len}>()?))");
            }
        });
    }

    fn newtype_codec(&self, out: &mut String, id: ItemId, shape: &'m Shape, form: Form) {
        let facts = self.facts.of(id);
        let place = Place::member("0");
        self.encode_impl(
            out,
            id,
            form,
            facts.fixed,
            &|out| {
                self.lengths(out, id, [(shape, Place::member("0"))].into_iter());
            },
            &|out| {
                let (call, fallible) = self.encode_shape(id, shape, form, &place);
                if fallible {
                    call.put(out, 8, "", "");
                } else {
                    call.put(out, 8, "", ";");
                    line!(out, 8, "Ok(())");
                }
            },
        );
        self.decode_impl(out, id, form, facts.min_len, false, &|out, indent, bind| {
            let value = self
                .decode_shape(id, shape, form)
                .end("?")
                .one_line()
                .unwrap_or_default();
            if bind {
                line!(out, indent, "let value = Self({value});");
            } else {
                line!(out, indent, "Ok(Self({value}))");
            }
        });
    }
}

/// Adds the name of a member to errors.
pub(super) fn in_field(chain: Chain, name: &str) -> Chain {
    // A name of this length would not fit its line; the error then names what is around it.
    if name.len() > 40 {
        chain
    } else {
        chain.link(format!(".field(\"{name}\")"))
    }
}

/// Whether a variable of one letter is used.
fn mentions(code: &str, variable: &str) -> bool {
    let other = |c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.' && c != '"';
    [".", ")", "\n"].iter().any(|end| {
        let used = format!("{variable}{end}");
        code.match_indices(&used)
            .any(|(at, _)| code[..at].ends_with(other))
    })
}

/// The methods of encoders, decoders and runs for it.
pub(super) fn scalar_method(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Quad => "quad",
        other => super::types::scalar_type(other),
    }
}

/// The values of an enum as patterns, neighbours joined to ranges, as many on a line as fit.
fn patterns(members: &[Member]) -> Vec<String> {
    let mut values: Vec<i32> = members.iter().map(|member| member.value).collect();
    values.sort_unstable();
    values.dedup();
    let mut ranges: Vec<(i32, i32)> = Vec::new();
    for value in values {
        match ranges.last_mut() {
            Some((_, to)) if to.checked_add(1) == Some(value) => *to = value,
            _ => ranges.push((value, value)),
        }
    }
    let mut lines: Vec<String> = Vec::new();
    for (from, to) in ranges {
        let text = match (from, to) {
            (from, to) if from == to => from.to_string(),
            (from, to) => format!("{from}..={to}"),
        };
        match lines.last_mut() {
            Some(line) if line.len() + text.len() < 56 => {
                line.push_str(" | ");
                line.push_str(&text);
            }
            _ => lines.push(text),
        }
    }
    lines
}
