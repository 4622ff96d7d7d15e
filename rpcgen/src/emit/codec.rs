//! How types are encoded and decoded.
//!
//! Consecutive members of fixed size are a *run*: read behind one bounds check, written at once. A struct that is a run as a
//! whole gets `read` and `write`, with which others take it into their runs.

use super::facts::{Base, Facts, RUN_MAX};
use super::text::{self, Chain, Init, line};
use super::{Form, Gen};
use crate::model::{Bound, Field, ItemId, ItemKind, Label, Member, Scalar, Shape, Type, Union};

const ENCODE: &str =
    "fn encode(&self, e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {";

/// Where a value to encode is.
struct Place {
    /// `self.name`, or `value` for what is behind a reference.
    path: String,
    reference: bool,
}

impl Place {
    fn member(name: &str) -> Self {
        Self {
            path: format!("self.{name}"),
            reference: false,
        }
    }

    fn payload() -> Self {
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

    fn encode_impl(
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
    fn decode_impl(
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
    fn decode_shape(&self, from: ItemId, shape: &'m Shape, form: Form) -> Chain {
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
    fn encode_shape(
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
    fn len_of(&self, shape: &'m Shape, from: ItemId, place: &Place) -> String {
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
    fn write_shape(
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

    fn run_len(&self, shape: &'m Shape) -> u32 {
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

    fn union_codec(&self, out: &mut String, id: ItemId, union: &'m Union, form: Form) {
        let facts = self.facts.of(id);
        let variants = self.names.members(id);
        let tag = self.facts.base(&union.tag);
        // Which arm each variant belongs to, with its label; the default's comes last.
        let mut cases: Vec<(usize, &'m Label)> = Vec::new();
        for (index, arm) in union.arms.iter().enumerate() {
            cases.extend(arm.labels.iter().map(|label| (index, label)));
        }
        let payload = |arm: usize| {
            union.arms.get(arm).map_or_else(
                || {
                    union
                        .default
                        .as_ref()
                        .and_then(|default| default.field.as_ref())
                },
                |arm| arm.field.as_ref(),
            )
        };
        let boxed = |arm: usize| self.facts.boxes_payload(id, arm);
        self.encode_impl(
            out,
            id,
            form,
            facts.fixed,
            &|out| {
                line!(out, 8, "match self {{");
                let default = union.default.iter().map(|_| union.arms.len());
                for (variant, arm) in variants
                    .iter()
                    .zip(cases.iter().map(|case| case.0).chain(default))
                {
                    let tag = if arm == union.arms.len() { "_, " } else { "" };
                    let field = payload(arm);
                    let known =
                        field.is_none_or(|field| self.facts.fixed_shape(&field.shape).is_some());
                    let pattern = match (field, tag) {
                        (None, "") => format!("Self::{variant}"),
                        (None, _) => format!("Self::{variant}(_)"),
                        (Some(_), tag) => format!(
                            "Self::{variant}({tag}{})",
                            if known { "_" } else { "value" }
                        ),
                    };
                    let pattern = pattern.replace("(_, _)", "(..)");
                    self.len_arm(out, id, &pattern, field, boxed(arm));
                }
                line!(out, 8, "}}");
            },
            &|out| {
                line!(out, 8, "match self {{");
                for (variant, (arm, label)) in variants.iter().zip(&cases) {
                    let value = self.tag_value(tag, label);
                    self.encode_arm(
                        out,
                        id,
                        variant,
                        payload(*arm),
                        boxed(*arm),
                        form,
                        &tag_method(tag),
                        &value,
                        self.tag_path(tag),
                    );
                }
                if let (Some(default), Some(variant)) = (&union.default, variants.get(cases.len()))
                {
                    let all = tag == Base::Scalar(Scalar::Bool) && cases.len() == 2;
                    let more = match &default.field {
                        None => "",
                        Some(_) if all => ", _",
                        Some(_) => ", value",
                    };
                    let scrutinee = if matches!(tag, Base::Extern(_)) {
                        "::fairway_xdr::XdrEnum::to_i32(*tag)"
                    } else {
                        "*tag"
                    };
                    line!(
                        out,
                        12,
                        "Self::{variant}(tag{more}) => match {scrutinee} {{"
                    );
                    for (_, label) in &cases {
                        let error = format!(
                            "Err(::fairway_xdr::EncodeError::listed_case({}))",
                            label.value
                        );
                        text::arm(out, 16, &self.tag_pattern(tag, label), &error);
                    }
                    if all {
                        // Nothing is left for the default case.
                    } else {
                        line!(out, 16, "_ => {{");
                        self.encode_payload(
                            out,
                            20,
                            id,
                            default.field.as_ref(),
                            boxed(union.arms.len()),
                            form,
                            &tag_method(tag),
                            &default_tag(tag),
                        );
                        line!(out, 16, "}}");
                    }
                    line!(out, 12, "}},");
                }
                line!(out, 8, "}}");
            },
        );
        let flat =
            |arm: usize| payload(arm).is_none_or(|field| self.payload_in_run(field, boxed(arm)));
        let always = (0..union.arms.len() + usize::from(union.default.is_some())).all(flat)
            && facts.min_len < 512
            && cases.len() <= 4;
        self.decode_impl(
            out,
            id,
            form,
            facts.min_len,
            always,
            &|out, indent, bind| {
                let read = match tag {
                    Base::Scalar(scalar) => format!("d.{}()?", scalar_method(scalar)),
                    Base::Item(id) => format!("d.enumeration::<{}>()?", self.names.item(id)),
                    Base::Extern(path) => format!("d.enumeration::<{path}>()?"),
                };
                let (scrutinee, foreign) = match tag {
                    Base::Extern(_) => {
                        line!(out, indent, "let tag = {read};");
                        ("::fairway_xdr::XdrEnum::to_i32(tag)".to_owned(), true)
                    }
                    _ => (read, false),
                };
                let (before, after) = if bind {
                    ("let value = ", ";")
                } else {
                    ("", "")
                };
                line!(out, indent, "{before}match {scrutinee} {{");
                // In a binding, the arms give the value itself.
                let give = |text: String| if bind { text } else { format!("Ok({text})") };
                for (variant, (arm, label)) in variants.iter().zip(&cases) {
                    let pattern = self.tag_pattern(tag, label);
                    match payload(*arm) {
                        None => {
                            text::arm(out, indent + 4, &pattern, &give(format!("Self::{variant}")));
                        }
                        Some(field) => {
                            let value = self.decode_payload(id, field, boxed(*arm), form);
                            self.decode_arm(
                                out,
                                indent + 4,
                                &pattern,
                                &format!("Self::{variant}("),
                                value,
                                bind,
                            );
                        }
                    }
                }
                let all = tag == Base::Scalar(Scalar::Bool) && cases.len() == 2;
                let rest = if foreign { "_" } else { "tag" };
                match (&union.default, variants.get(cases.len())) {
                    _ if all => {}
                    (Some(default), Some(variant)) => match &default.field {
                        None => text::arm(
                            out,
                            indent + 4,
                            rest,
                            &give(format!("Self::{variant}(tag)")),
                        ),
                        Some(field) => {
                            let value =
                                self.decode_payload(id, field, boxed(union.arms.len()), form);
                            self.decode_arm(
                                out,
                                indent + 4,
                                rest,
                                &format!("Self::{variant}(tag, "),
                                value,
                                bind,
                            );
                        }
                    },
                    _ => {
                        let number = match tag {
                            Base::Scalar(_) => "tag",
                            Base::Item(_) => "tag.0",
                            Base::Extern(_) => "::fairway_xdr::XdrEnum::to_i32(tag)",
                        };
                        let error = format!("Err(d.union_arm_error(i64::from({number})))");
                        text::arm(
                            out,
                            indent + 4,
                            rest,
                            &if bind {
                                format!("return {error}")
                            } else {
                                error
                            },
                        );
                    }
                }
                line!(out, indent, "}}{after}");
            },
        );
    }

    /// Whether the payload of an arm can be in a run with the discriminant.
    fn payload_in_run(&self, field: &'m Field, boxed: bool) -> bool {
        !boxed && self.facts.in_run(&field.shape) && self.run_len(&field.shape) <= RUN_MAX - 4
    }

    /// The payload of an arm, and whether it has to be boxed once it is read.
    fn decode_payload(
        &self,
        id: ItemId,
        field: &'m Field,
        boxed: bool,
        form: Form,
    ) -> (Chain, bool) {
        let value = self.decode_shape(id, &field.shape, form);
        (in_field(value, &field.name).end("?"), boxed)
    }

    /// Writes `pattern => Ok(Self::Variant(value)),`.
    fn decode_arm(
        &self,
        out: &mut String,
        indent: usize,
        pattern: &str,
        variant: &str,
        value: (Chain, bool),
        bind: bool,
    ) {
        let (open, close) = if bind { ("", "") } else { ("Ok(", ")") };
        let (value, to_box) = value;
        if let Some(text) = value.one_line().filter(|_| !to_box) {
            let inner = format!("{variant}{text})");
            let whole = format!("{pattern} => {open}{inner}{close},");
            // Both the variant's arguments and those of `Ok`.
            if text::fits_call(&inner) && text::fits(indent, &whole) {
                line!(out, indent, "{whole}");
                return;
            }
        }
        line!(out, indent, "{pattern} => {{");
        value.put(out, indent + 4, "let payload = ", ";");
        let payload = if to_box {
            "Box::new(payload)"
        } else {
            "payload"
        };
        line!(out, indent + 4, "{open}{variant}{payload}){close}");
        line!(out, indent, "}}");
    }

    fn len_arm(
        &self,
        out: &mut String,
        id: ItemId,
        pattern: &str,
        field: Option<&'m Field>,
        boxed: bool,
    ) {
        let known = field
            .map_or(Some(0), |field| self.facts.fixed_shape(&field.shape))
            .and_then(|len| len.checked_add(4));
        match (known, field) {
            (Some(len), _) => text::arm(out, 12, pattern, &text::number(i128::from(len), false)),
            (None, Some(field)) => {
                let part = match &field.shape {
                    Shape::FixedArray(..) if boxed => {
                        "::fairway_xdr::fixed_array_len(&**value)".to_owned()
                    }
                    Shape::Optional(_) if boxed => {
                        "::fairway_xdr::optional_len((**value).as_ref())".to_owned()
                    }
                    shape => self.len_of(shape, id, &Place::payload()),
                };
                text::arm(
                    out,
                    12,
                    pattern,
                    &format!("::fairway_xdr::sum([4, {part}])"),
                );
            }
            (None, None) => {}
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what an arm is made of")]
    fn encode_arm(
        &self,
        out: &mut String,
        id: ItemId,
        variant: &str,
        field: Option<&'m Field>,
        boxed: bool,
        form: Form,
        method: &str,
        value: &str,
        path: Option<&str>,
    ) {
        let pattern = if field.is_some() {
            format!("Self::{variant}(value)")
        } else {
            format!("Self::{variant}")
        };
        line!(out, 12, "{pattern} => {{");
        match field {
            // Discriminant and payload in one run.
            Some(field) if self.payload_in_run(field, boxed) => {
                let len = self.run_len(&field.shape) + 4;
                line!(
                    out,
                    16,
                    "let mut run = ::fairway_xdr::RunMut::<{len}>::new();"
                );
                match path {
                    Some(path) => line!(out, 16, "run.enumeration::<0, {path}>({value});"),
                    None => line!(out, 16, "run.{method}::<0>({value});"),
                }
                self.write_shape(out, 16, &field.shape, 4, &Place::payload());
                line!(out, 16, "e.put_run(run);");
                line!(out, 16, "Ok(())");
            }
            _ => self.encode_payload(out, 16, id, field, boxed, form, method, value),
        }
        line!(out, 12, "}}");
    }

    /// Writes discriminant and payload one after the other.
    #[expect(clippy::too_many_arguments, reason = "what an arm is made of")]
    fn encode_payload(
        &self,
        out: &mut String,
        indent: usize,
        id: ItemId,
        field: Option<&'m Field>,
        boxed: bool,
        form: Form,
        method: &str,
        value: &str,
    ) {
        line!(out, indent, "e.{method}({value});");
        let Some(field) = field else {
            line!(out, indent, "Ok(())");
            return;
        };
        if boxed && !matches!(field.shape, Shape::Plain(_)) {
            line!(out, indent, "let value = &**value;");
        }
        let mut place = Place::payload();
        if boxed
            && matches!(&field.shape, Shape::Plain(ty) if matches!(self.facts.base(ty), Base::Scalar(_)))
        {
            place.path = "*value".to_owned();
        }
        let (call, fallible) = self.encode_shape(id, &field.shape, form, &place);
        if fallible {
            in_field(call, &field.name).put(out, indent, "", "");
        } else {
            call.put(out, indent, "", ";");
            line!(out, indent, "Ok(())");
        }
    }

    /// The discriminant of a case as a value.
    fn tag_value(&self, tag: Base<'m>, label: &Label) -> String {
        match tag {
            Base::Item(id) => {
                let named = self.tag_pattern(tag, label);
                // A name that leaves no room for the call around it gives way to the number.
                if named.len() > 58 {
                    format!("{}({})", self.names.item(id), label.value)
                } else {
                    named
                }
            }
            Base::Scalar(Scalar::Bool) => (label.value != 0).to_string(),
            Base::Scalar(_) | Base::Extern(_) => text::number(i128::from(label.value), false),
        }
    }

    fn tag_path(&self, tag: Base<'m>) -> Option<&str> {
        match tag {
            Base::Item(id) => Some(self.names.item(id)),
            Base::Scalar(_) | Base::Extern(_) => None,
        }
    }

    /// The discriminant of a case as a pattern.
    fn tag_pattern(&self, tag: Base<'m>, label: &Label) -> String {
        match tag {
            Base::Item(id) => {
                let name = self.names.item(id);
                let member = match &self.facts.item(id).kind {
                    ItemKind::Enum(members) => members.iter().position(|member| {
                        Some(&member.name) == label.name.as_ref()
                            && i64::from(member.value) == label.value
                    }),
                    _ => None,
                };
                match member {
                    Some(at) => format!("{name}::{}", self.names.members(id)[at]),
                    None => format!("{name}({})", label.value),
                }
            }
            Base::Scalar(Scalar::Bool) => (label.value != 0).to_string(),
            Base::Scalar(_) | Base::Extern(_) => text::number(i128::from(label.value), false),
        }
    }
}

/// Adds the name of a member to errors.
fn in_field(chain: Chain, name: &str) -> Chain {
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

fn tag_method(tag: Base<'_>) -> String {
    match tag {
        Base::Scalar(scalar) => scalar_method(scalar).to_owned(),
        Base::Item(_) => "enumeration".to_owned(),
        Base::Extern(_) => "i32".to_owned(),
    }
}

fn default_tag(tag: Base<'_>) -> String {
    match tag {
        Base::Scalar(_) | Base::Item(_) => "*tag".to_owned(),
        Base::Extern(_) => "::fairway_xdr::XdrEnum::to_i32(*tag)".to_owned(),
    }
}

/// The methods of encoders, decoders and runs for it.
fn scalar_method(scalar: Scalar) -> &'static str {
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
