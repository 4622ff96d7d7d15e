//! How unions are encoded and decoded: the discriminant, then the arm that it chooses; as one run where the arm is one.

use super::codec::{Place, in_field, scalar_method};
use super::facts::{Base, RUN_MAX};
use super::text::{self, Chain, line};
use super::{Form, Gen};
use crate::model::{Field, ItemId, ItemKind, Label, Scalar, Shape, Union};

impl<'m> Gen<'m> {
    pub(super) fn union_codec(&self, out: &mut String, id: ItemId, union: &'m Union, form: Form) {
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
