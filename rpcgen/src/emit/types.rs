//! Constants and types.

use super::comments;
use super::facts::{self, Base, DefaultBy, Facts};
use super::text::{self, Chain, Init, line};
use super::{Form, Gen, Hook};
use crate::model::{Field, Item, ItemId, ItemKind, Member, Scalar, Shape, Type, Union, Value};

impl<'m> Gen<'m> {
    /// Everything of `-h`.
    pub(super) fn types(&self) -> String {
        let mut out = self.header("");
        out.reserve(self.facts.model.items.len() * 512);
        for (index, item) in self.facts.model.items.iter().enumerate() {
            let id = ItemId(index);
            match &item.kind {
                ItemKind::Constant(value) => self.constant(&mut out, item, id, value),
                ItemKind::Enum(members) => self.enumeration(&mut out, item, id, members),
                ItemKind::Struct(_) => self.each_form(&mut out, id, |out, form| {
                    self.structure(out, item, id, form);
                }),
                ItemKind::Union(union) => self.each_form(&mut out, id, |out, form| {
                    self.union(out, item, id, union, form);
                }),
                ItemKind::Typedef(Shape::Plain(ty)) => self.each_form(&mut out, id, |out, form| {
                    self.alias(out, item, id, ty, form);
                }),
                ItemKind::Typedef(shape) => self.each_form(&mut out, id, |out, form| {
                    self.newtype(out, item, id, shape, form);
                }),
                ItemKind::Program(program) => self.numbers(&mut out, item, id, program),
                ItemKind::Hook(lines) => self.hook(&mut out, lines),
            }
        }
        out
    }

    /// Writes the owned form, and the borrowed one where there is one.
    pub(super) fn each_form(
        &self,
        out: &mut String,
        id: ItemId,
        write: impl Fn(&mut String, Form),
    ) {
        write(out, Form::Owned);
        if self.has_borrowed(id) {
            write(out, Form::Borrowed);
        }
    }

    /// Name of a type in a form, with its lifetime.
    pub(super) fn type_name(&self, id: ItemId, form: Form) -> String {
        match form {
            Form::Borrowed if self.has_borrowed(id) => format!("{}<'a>", self.names.borrowed(id)),
            _ => self.names.item(id).to_owned(),
        }
    }

    fn named(&self, ty: &'m Type, form: Form) -> String {
        match ty {
            Type::Scalar(scalar) => scalar_type(*scalar).to_owned(),
            Type::Named(id) => self.type_name(*id, form),
            Type::Extern { path, .. } => path.clone(),
        }
    }

    /// A type used directly.
    pub(super) fn direct(&self, ty: &'m Type, form: Form) -> String {
        match self.facts.node(ty) {
            Some(_) => format!("::fairway_xdr::Chain<{}>", self.named(ty, form)),
            None => self.named(ty, form),
        }
    }

    /// The type of a declaration in an item.
    pub(super) fn shape_type(&self, from: Option<ItemId>, shape: &'m Shape, form: Form) -> String {
        match shape {
            Shape::Plain(ty) => self.direct(ty, form),
            Shape::Text(_) if form == Form::Borrowed => "&'a str".to_owned(),
            Shape::Text(_) => "String".to_owned(),
            Shape::Opaque(_) if form == Form::Borrowed => "&'a [u8]".to_owned(),
            Shape::Opaque(_) => "::fairway_xdr::Bytes".to_owned(),
            Shape::FixedOpaque(len) if Facts::is_inline_opaque(len.value) => {
                format!("[u8; {}]", len.value)
            }
            Shape::FixedOpaque(_) => "::fairway_xdr::Bytes".to_owned(),
            Shape::Array(ty, _) => format!("Vec<{}>", self.direct(ty, form)),
            Shape::FixedArray(ty, len) if self.facts.is_inline_array(ty, len.value) => {
                format!("[{}; {}]", self.direct(ty, form), len.value)
            }
            Shape::FixedArray(ty, _) => format!("Vec<{}>", self.direct(ty, form)),
            Shape::Optional(ty) if self.facts.node(ty).is_some() => {
                format!("Vec<{}>", self.named(ty, form))
            }
            Shape::Optional(ty) if self.facts.boxes_optional(from, ty) => {
                format!("Option<Box<{}>>", self.named(ty, form))
            }
            Shape::Optional(ty) => format!("Option<{}>", self.named(ty, form)),
        }
    }

    fn document(&self, out: &mut String, item: &Item, name: &str, head: &str, form: Form) {
        let whole = comments::declaration(&item.text);
        let declaration = if whole.is_empty() {
            head.to_owned()
        } else {
            whole
        };
        let note = self.names.note(name);
        let mut notes: Vec<&str> = note.into_iter().collect();
        let borrowed = "Borrows what it was decoded from.";
        if form == Form::Borrowed {
            notes.push(borrowed);
        }
        comments::document(out, 0, &item.docs, &notes, &declaration);
    }

    fn constant(&self, out: &mut String, item: &Item, id: ItemId, value: &Value) {
        let name = self.names.item(id);
        out.push('\n');
        self.document(
            out,
            item,
            name,
            &format!("const {}", item.name),
            Form::Owned,
        );
        match value {
            Value::Int { value, hex } => {
                let ty = if u32::try_from(*value).is_ok() {
                    "u32"
                } else if i32::try_from(*value).is_ok() {
                    "i32"
                } else if u64::try_from(*value).is_ok() {
                    "u64"
                } else {
                    "i64"
                };
                put_constant(out, 0, name, ty, &text::number(*value, *hex && *value >= 0));
            }
            Value::Text(value) => put_constant(out, 0, name, "&str", &quoted(value)),
        }
    }

    fn enumeration(&self, out: &mut String, item: &Item, id: ItemId, members: &[Member]) {
        let name = self.names.item(id);
        out.push('\n');
        self.document(out, item, name, &format!("enum {}", item.name), Form::Owned);
        let mut traits = vec!["Clone", "Copy"];
        if self.facts.of(id).traits.default {
            traits.push("Default");
        }
        traits.extend(["PartialEq", "Eq", "Hash", "PartialOrd", "Ord"]);
        self.serde(&mut traits);
        text::derive(out, &traits);
        line!(out, 0, "pub struct {name}(pub i32);\n");
        line!(out, 0, "impl {name} {{");
        for (member, rust) in members.iter().zip(self.names.members(id)) {
            comments::document(
                out,
                4,
                &member.docs,
                &[],
                &format!("{} = {}", member.name, member.value),
            );
            put_constant(out, 4, rust, "Self", &format!("Self({})", member.value));
        }
        if !members.is_empty() {
            out.push('\n');
        }
        line!(
            out,
            4,
            "/// The name of this number in the `.x` file, the first if there are several."
        );
        line!(out, 4, "#[must_use]");
        line!(out, 4, "pub const fn name(self) -> Option<&'static str> {{");
        if members.is_empty() {
            line!(out, 8, "None");
        } else {
            line!(out, 8, "Some(match self.0 {{");
            let mut seen = std::collections::HashSet::new();
            for member in members.iter().filter(|member| seen.insert(member.value)) {
                text::arm(out, 12, &member.value.to_string(), &quoted(&member.name));
            }
            line!(out, 12, "_ => return None,");
            line!(out, 8, "}})");
        }
        line!(out, 4, "}}");
        line!(out, 0, "}}");
        out.push('\n');
        text::impl_for(out, "impl ::core::fmt::Display", name);
        line!(
            out,
            4,
            "fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{"
        );
        line!(out, 8, "match self.name() {{");
        line!(out, 12, "Some(name) => f.write_str(name),");
        line!(out, 12, "None => ::core::fmt::Display::fmt(&self.0, f),");
        line!(out, 8, "}}");
        line!(out, 4, "}}");
        line!(out, 0, "}}\n");
        text::impl_for(out, "impl ::core::fmt::Debug", name);
        line!(
            out,
            4,
            "fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{"
        );
        line!(out, 8, "::core::fmt::Display::fmt(self, f)");
        line!(out, 4, "}}");
        line!(out, 0, "}}");
    }

    fn serde(&self, traits: &mut Vec<&str>) {
        if self.options.serde {
            traits.extend(["::serde::Serialize", "::serde::Deserialize"]);
        }
    }

    fn derive(&self, out: &mut String, id: ItemId, form: Form, default: DefaultBy) {
        let has = self.traits(id, form);
        let mut traits = vec!["Clone"];
        if has.copy {
            traits.push("Copy");
        }
        traits.push("Debug");
        if default == DefaultBy::Derive {
            traits.push("Default");
        }
        traits.push("PartialEq");
        if has.eq {
            traits.extend(["Eq", "Hash"]);
        }
        if form == Form::Owned {
            self.serde(&mut traits);
        }
        text::derive(out, &traits);
    }

    fn traits(&self, id: ItemId, form: Form) -> facts::Traits {
        let mut traits = self.facts.of(id).traits;
        // A borrowed type is made of slices, vectors and what is owned in any case.
        traits.copy &= form == Form::Owned;
        traits
    }

    fn structure(&self, out: &mut String, item: &Item, id: ItemId, form: Form) {
        let fields = self.facts.fields(id);
        let name = self.type_name(id, form);
        out.push('\n');
        self.document(
            out,
            item,
            self.names.item(id),
            &format!("struct {}", item.name),
            form,
        );
        let default = self
            .facts
            .default_by(id, fields.iter().map(|field| &field.shape));
        self.derive(out, id, form, default);
        if fields.is_empty() {
            line!(out, 0, "pub struct {name} {{}}");
            return;
        }
        line!(out, 0, "pub struct {name} {{");
        for (field, rust) in fields.iter().zip(self.names.members(id)) {
            self.document_field(out, field);
            if let Some(attribute) = self.serde_array(&field.shape, false, form) {
                line!(out, 4, "{attribute}");
            }
            let ty = self.shape_type(Some(id), &field.shape, form);
            if text::fits(4, &format!("pub {rust}: {ty},")) {
                line!(out, 4, "pub {rust}: {ty},");
            } else {
                line!(out, 4, "pub {rust}:");
                line!(out, 8, "{ty},");
            }
        }
        line!(out, 0, "}}");
        if default == DefaultBy::Hand {
            self.default_by_hand(out, id, form, |out| {
                let inits: Vec<Init> = fields
                    .iter()
                    .zip(self.names.members(id))
                    .map(|(field, rust)| {
                        Init::Value(rust.clone(), Chain::new(self.default_value(&field.shape)))
                    })
                    .collect();
                text::literal(out, 8, "Self", &inits, "");
            });
        }
    }

    fn default_by_hand(
        &self,
        out: &mut String,
        id: ItemId,
        form: Form,
        body: impl Fn(&mut String),
    ) {
        let lifetime = self.lifetime(id, form);
        out.push('\n');
        text::impl_for(
            out,
            &format!("impl{lifetime} Default"),
            &self.type_name(id, form),
        );
        line!(out, 4, "fn default() -> Self {{");
        body(out);
        line!(out, 4, "}}");
        line!(out, 0, "}}");
    }

    fn default_value(&self, shape: &'m Shape) -> String {
        match shape {
            Shape::FixedOpaque(len) if facts::is_long_array(shape) => format!("[0; {}]", len.value),
            Shape::FixedArray(ty, len) if facts::is_long_array(shape) => {
                let zero = match self.facts.base(ty) {
                    Base::Scalar(Scalar::Bool) => "false",
                    Base::Scalar(Scalar::F32 | Scalar::F64) => "0.0",
                    _ => "0",
                };
                format!("[{zero}; {}]", len.value)
            }
            _ => "Default::default()".to_owned(),
        }
    }

    /// `<'a>` where the type has one.
    pub(super) fn lifetime(&self, id: ItemId, form: Form) -> &'static str {
        if form == Form::Borrowed && self.has_borrowed(id) {
            "<'a>"
        } else {
            ""
        }
    }

    fn document_field(&self, out: &mut String, field: &Field) {
        let declaration = comments::declaration(&field.text);
        let declaration = if declaration.is_empty() {
            field.name.clone()
        } else {
            declaration
        };
        comments::document(out, 4, &field.docs, &[], &declaration);
    }

    /// What serde needs for an array of more than 32, for which it has no implementation.
    fn serde_array(&self, shape: &'m Shape, boxed: bool, form: Form) -> Option<&'static str> {
        let inline = match shape {
            Shape::FixedOpaque(len) => Facts::is_inline_opaque(len.value),
            Shape::FixedArray(ty, len) => self.facts.is_inline_array(ty, len.value),
            _ => false,
        };
        let long =
            self.options.serde && form == Form::Owned && inline && facts::is_long_array(shape);
        long.then_some(if boxed {
            "#[serde(with = \"::fairway_xdr::serde_array::boxed\")]"
        } else {
            "#[serde(with = \"::fairway_xdr::serde_array\")]"
        })
    }

    fn union(&self, out: &mut String, item: &Item, id: ItemId, union: &'m Union, form: Form) {
        let name = self.type_name(id, form);
        let tag = self.named(&union.tag, Form::Owned);
        out.push('\n');
        let switch = comments::declaration(item.text.split('{').next().unwrap_or_default());
        let head = if switch.is_empty() {
            format!("union {}", item.name)
        } else {
            switch
        };
        self.document(out, item, self.names.item(id), &head, form);
        self.derive(out, id, form, DefaultBy::None);
        // clippy looks at three or more.
        if self.names.members(id).len() > 2 {
            line!(
                out,
                0,
                "#[allow(clippy::enum_variant_names, reason = \"names of the .x file\")]"
            );
        }
        line!(out, 0, "pub enum {name} {{");
        let mut variants = self.names.members(id).iter();
        for (index, arm) in union.arms.iter().enumerate() {
            let payload = arm
                .field
                .as_ref()
                .map(|field| self.payload_type(id, index, field, form));
            for label in &arm.labels {
                let Some(variant) = variants.next() else {
                    break;
                };
                let case = label
                    .name
                    .clone()
                    .unwrap_or_else(|| label.value.to_string());
                let holds = arm.field.as_ref().map_or("void".to_owned(), |field| {
                    comments::declaration(&field.text)
                });
                self.document_arm(
                    out,
                    &arm.docs,
                    arm.field.as_ref(),
                    &format!("case {case}: {holds}"),
                );
                match &payload {
                    Some(payload) => text::variant(out, variant, &[payload]),
                    None => line!(out, 4, "{variant},"),
                }
            }
        }
        if let (Some(default), Some(variant)) = (&union.default, variants.next()) {
            let holds = default.field.as_ref().map_or("void".to_owned(), |field| {
                comments::declaration(&field.text)
            });
            self.document_arm(
                out,
                &default.docs,
                default.field.as_ref(),
                &format!("default: {holds}"),
            );
            match &default.field {
                Some(field) => {
                    let payload = self.payload_type(id, union.arms.len(), field, form);
                    text::variant(out, variant, &[&tag, &payload]);
                }
                None => line!(out, 4, "{variant}({tag}),"),
            }
        }
        line!(out, 0, "}}");
    }

    fn document_arm(
        &self,
        out: &mut String,
        docs: &[String],
        field: Option<&Field>,
        declaration: &str,
    ) {
        let mut all = docs.to_vec();
        if let Some(field) = field {
            all.extend(field.docs.iter().cloned());
        }
        comments::document(out, 4, &all, &[], declaration.trim_end());
    }

    fn payload_type(&self, id: ItemId, arm: usize, field: &'m Field, form: Form) -> String {
        let ty = self.shape_type(Some(id), &field.shape, form);
        let boxed = self.facts.boxes_payload(id, arm);
        let ty = if boxed { format!("Box<{ty}>") } else { ty };
        match self.serde_array(&field.shape, boxed, form) {
            Some(attribute) => format!("{attribute} {ty}"),
            None => ty,
        }
    }

    fn alias(&self, out: &mut String, item: &Item, id: ItemId, ty: &'m Type, form: Form) {
        out.push('\n');
        self.document(
            out,
            item,
            self.names.item(id),
            &format!("typedef {}", item.name),
            form,
        );
        let (name, to) = (self.type_name(id, form), self.named(ty, form));
        let whole = format!("pub type {name} = {to};");
        if text::fits(0, &whole) {
            line!(out, 0, "{whole}");
        } else {
            line!(out, 0, "pub type {name} =\n    {to};");
        }
    }

    fn newtype(&self, out: &mut String, item: &Item, id: ItemId, shape: &'m Shape, form: Form) {
        let name = self.type_name(id, form);
        let inner = self.shape_type(Some(id), shape, form);
        let lifetime = self.lifetime(id, form);
        out.push('\n');
        self.document(
            out,
            item,
            self.names.item(id),
            &format!("typedef {}", item.name),
            form,
        );
        let default = self.facts.default_by(id, [shape].into_iter());
        self.derive(out, id, form, default);
        let attribute = self.serde_array(shape, false, form);
        let space = if attribute.is_some() { " " } else { "" };
        let whole = format!(
            "pub struct {name}({}{space}pub {inner});",
            attribute.unwrap_or_default()
        );
        if text::fits(0, &whole) {
            line!(out, 0, "{whole}");
        } else {
            line!(out, 0, "pub struct {name}(");
            if let Some(attribute) = attribute {
                line!(out, 4, "{attribute}");
            }
            line!(out, 4, "pub {inner},");
            line!(out, 0, ");");
        }
        if default == DefaultBy::Hand {
            self.default_by_hand(out, id, form, |out| {
                line!(out, 8, "Self({})", self.default_value(shape));
            });
        }
        out.push('\n');
        text::impl_for(out, &format!("impl{lifetime} ::core::ops::Deref"), &name);
        line!(out, 4, "type Target = {inner};\n");
        line!(
            out,
            4,
            "fn deref(&self) -> &Self::Target {{\n        &self.0\n    }}"
        );
        line!(out, 0, "}}");
        for (from, to, value, body) in [
            (&inner, &name, "value", "Self(value)"),
            (&name, &inner, "value", "value.0"),
        ] {
            out.push('\n');
            text::impl_for(out, &format!("impl{lifetime} From<{from}>"), to);
            text::signature(
                out,
                4,
                "fn from",
                &[format!("{value}: {from}")],
                " -> Self {",
            );
            line!(out, 8, "{body}");
            line!(out, 4, "}}");
            line!(out, 0, "}}");
        }
    }

    fn numbers(&self, out: &mut String, item: &Item, id: ItemId, program: &crate::model::Program) {
        out.push('\n');
        let head = format!("program {}", item.name);
        comments::document(out, 0, &item.docs, &[], &head);
        put_constant(
            out,
            0,
            self.names.item(id),
            "u32",
            &text::number(i128::from(program.number), program.number >= 0x2000_0000),
        );
        for (version, names) in program.versions.iter().zip(self.names.versions(id)) {
            if names.declares_version {
                out.push('\n');
                comments::document(
                    out,
                    0,
                    &version.docs,
                    &[],
                    &format!("version {}", version.name),
                );
                put_constant(
                    out,
                    0,
                    &names.constant,
                    "u32",
                    &text::number(i128::from(version.number), false),
                );
            }
            for (at, procedure) in version.procedures.iter().enumerate() {
                if names.declares[at] {
                    out.push('\n');
                    let declared = self.procedure_text(procedure);
                    comments::document(out, 0, &[], &[], &declared);
                    put_constant(
                        out,
                        0,
                        &names.constants[at],
                        "u32",
                        &text::number(i128::from(procedure.number), false),
                    );
                }
            }
        }
    }

    /// The declaration of a procedure, or its name if that is long.
    pub(super) fn procedure_text(&self, procedure: &crate::model::Procedure) -> String {
        let whole = comments::declaration(&procedure.text);
        if whole.is_empty() {
            procedure.name.clone()
        } else {
            whole
        }
    }

    fn hook(&self, out: &mut String, lines: &str) {
        match self.options.hook {
            Hook::Drop => {}
            Hook::Comment => {
                out.push('\n');
                for text in lines.lines() {
                    let text: String = text
                        .replace('\t', "    ")
                        .chars()
                        .filter(|&c| comments::is_text(c))
                        .collect();
                    line!(out, 0, "{}", format!("// % {text}").trim_end());
                }
            }
            Hook::Verbatim => {
                out.push('\n');
                out.push_str(lines);
                if !lines.ends_with('\n') {
                    out.push('\n');
                }
            }
        }
    }
}

pub(super) fn scalar_type(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Bool => "bool",
        Scalar::I8 => "i8",
        Scalar::U8 => "u8",
        Scalar::I16 => "i16",
        Scalar::U16 => "u16",
        Scalar::I32 => "i32",
        Scalar::U32 => "u32",
        Scalar::I64 => "i64",
        Scalar::U64 => "u64",
        Scalar::F32 => "f32",
        Scalar::F64 => "f64",
        Scalar::Quad => "::fairway_xdr::Quad",
    }
}

fn put_constant(out: &mut String, indent: usize, name: &str, ty: &str, value: &str) {
    let whole = format!("pub const {name}: {ty} = {value};");
    if text::fits(indent, &whole) {
        line!(out, indent, "{whole}");
    } else {
        line!(out, indent, "pub const {name}: {ty} =");
        line!(out, indent + 4, "{value};");
    }
}

/// A string literal; what is not plain text is escaped.
pub(super) fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if comments::is_text(c) => out.push(c),
            c => out.extend(c.escape_unicode()),
        }
    }
    out.push('"');
    out
}
