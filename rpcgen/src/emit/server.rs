//! Servers: a trait for each version of a program, and what makes a `fairway_rpc::Service` of it.

use super::Gen;
use super::client::tuple;
use super::comments;
use super::naming::VersionNames;
use super::text::{self, line};
use crate::model::{Item, ItemId, ItemKind, Procedure, Version};

impl<'m> Gen<'m> {
    /// Everything of `-m`.
    pub(super) fn server(&self) -> String {
        let mut out = String::new();
        for (index, item) in self.facts.model.items.iter().enumerate() {
            if let ItemKind::Program(program) = &item.kind {
                for (version, names) in program
                    .versions
                    .iter()
                    .zip(self.names.versions(ItemId(index)))
                {
                    if out.is_empty() {
                        out.push_str(&self.header(": servers"));
                    }
                    self.service(&mut out, item, version, names);
                    self.adaptor(&mut out, item, ItemId(index), version, names);
                }
            }
        }
        out
    }

    fn service(&self, out: &mut String, item: &Item, version: &'m Version, names: &VersionNames) {
        let name = &names.service;
        out.push('\n');
        line!(
            out,
            0,
            "/// Server side of `{}` version {} (`{}`).",
            item.name,
            version.number,
            version.name
        );
        if let Some(note) = self.names.note(name) {
            line!(out, 0, "///\n/// {note}");
        }
        let empty = if version.procedures.is_empty() {
            "}"
        } else {
            ""
        };
        line!(out, 0, "pub trait {name}: Send + Sync + 'static {{{empty}");
        if version.procedures.is_empty() {
            return;
        }
        for (at, procedure) in version.procedures.iter().enumerate() {
            if at > 0 {
                out.push('\n');
            }
            self.method(out, &names.methods[at], procedure);
        }
        line!(out, 0, "}}");
    }

    fn method(&self, out: &mut String, method: &str, procedure: &'m Procedure) {
        let arguments = self.arguments(procedure);
        let (given, ..) = self.result(procedure);
        comments::document(
            out,
            4,
            &procedure.docs,
            &[],
            &self.procedure_text(procedure),
        );
        if arguments.len() > 5 {
            line!(
                out,
                4,
                "#[allow(clippy::too_many_arguments, reason = \"those of the procedure\")]"
            );
        }
        if method.starts_with("into_") || method.starts_with("from_") {
            line!(
                out,
                4,
                "#[allow(clippy::wrong_self_convention, reason = \"the procedure's name\")]"
            );
        }
        line!(out, 4, "fn {method}(");
        line!(out, 8, "&self,");
        line!(out, 8, "cx: &::fairway_rpc::CallContext,");
        for argument in &arguments {
            line!(out, 8, "{}: {},", argument.name, argument.shape_type);
        }
        line!(out, 4, ") -> impl ::core::future::Future<");
        let output =
            format!("Output = Result<::fairway_rpc::Reply<{given}>, ::fairway_rpc::Refusal>,");
        if text::fits(8, &output) {
            line!(out, 8, "{output}");
        } else {
            line!(out, 8, "Output = Result<");
            line!(out, 12, "::fairway_rpc::Reply<{given}>,");
            line!(out, 12, "::fairway_rpc::Refusal,");
            line!(out, 8, ">,");
        }
        // RFC 5531 §12: procedure 0 does nothing.
        if procedure.number == 0 && arguments.is_empty() && procedure.result.is_none() {
            line!(out, 4, "> + ::core::marker::Send {{");
            line!(out, 8, "let _ = cx;");
            line!(out, 8, "async {{ Ok(::fairway_rpc::Reply::Value(())) }}");
            line!(out, 4, "}}");
        } else {
            line!(out, 4, "> + ::core::marker::Send;");
        }
    }

    fn adaptor(
        &self,
        out: &mut String,
        item: &Item,
        id: ItemId,
        version: &'m Version,
        names: &VersionNames,
    ) {
        let (name, service) = (&names.adaptor, &names.service);
        out.push('\n');
        line!(
            out,
            0,
            "/// Serves `{}` version {} by a [`{service}`].",
            item.name,
            version.number
        );
        line!(out, 0, "#[derive(Debug)]");
        line!(out, 0, "pub struct {name}<T>(::std::sync::Arc<T>);\n");
        let head = format!("impl<T: {service}> {name}<T> {{");
        if text::fits(0, &head) {
            line!(out, 0, "{head}");
        } else {
            line!(out, 0, "impl<T: {service}>\n    {name}<T>\n{{");
        }
        line!(out, 4, "/// Calls the methods of `service`.");
        line!(out, 4, "#[must_use]");
        line!(out, 4, "pub fn new(service: T) -> Self {{");
        line!(out, 8, "Self(::std::sync::Arc::new(service))");
        line!(out, 4, "}}\n");
        line!(out, 4, "/// Calls the methods of what others hold too.");
        line!(out, 4, "#[must_use]");
        line!(
            out,
            4,
            "pub fn from_arc(service: ::std::sync::Arc<T>) -> Self {{"
        );
        line!(out, 8, "Self(service)");
        line!(out, 4, "}}");
        line!(out, 0, "}}\n");
        text::impl_for(
            out,
            &format!("impl<T: {service}> ::fairway_rpc::Service"),
            &format!("{name}<T>"),
        );
        line!(
            out,
            4,
            "fn program(&self) -> u32 {{\n        {}\n    }}\n",
            self.names.item(id)
        );
        line!(
            out,
            4,
            "fn version(&self) -> u32 {{\n        {}\n    }}\n",
            names.constant
        );
        let unused = if version.procedures.is_empty() {
            "_"
        } else {
            ""
        };
        line!(
            out,
            4,
            "fn procedure_name(&self, {unused}procedure: u32) -> Option<&'static str> {{"
        );
        if version.procedures.is_empty() {
            line!(out, 8, "None");
        } else {
            line!(out, 8, "Some(match procedure {{");
            for (procedure, constant) in version.procedures.iter().zip(&names.constants) {
                text::arm(out, 12, constant, &super::types::quoted(&procedure.name));
            }
            line!(out, 12, "_ => return None,");
            line!(out, 8, "}})");
        }
        line!(out, 4, "}}\n");
        line!(out, 4, "fn call(");
        line!(out, 8, "&self,");
        let (cx, args) = match version.procedures.as_slice() {
            [] => ("_cx", "_args"),
            _ => ("cx", "args"),
        };
        line!(out, 8, "{cx}: ::fairway_rpc::CallContext,");
        line!(out, 8, "{args}: ::fairway_rpc::Args,");
        line!(out, 4, ") -> ::fairway_rpc::CallFuture {{");
        if version.procedures.is_empty() {
            line!(
                out,
                8,
                "Box::pin(async {{ Err(::fairway_rpc::Refusal::ProcUnavail) }})"
            );
        } else {
            line!(out, 8, "let service = ::std::sync::Arc::clone(&self.0);");
            line!(out, 8, "Box::pin(async move {{");
            line!(out, 12, "match cx.procedure() {{");
            for (at, procedure) in version.procedures.iter().enumerate() {
                self.dispatch(out, &names.methods[at], &names.constants[at], procedure);
            }
            line!(out, 16, "_ => Err(::fairway_rpc::Refusal::ProcUnavail),");
            line!(out, 12, "}}");
            line!(out, 8, "}})");
        }
        line!(out, 4, "}}");
        line!(out, 0, "}}");
    }

    fn dispatch(&self, out: &mut String, method: &str, constant: &str, procedure: &'m Procedure) {
        let arguments = self.arguments(procedure);
        let (_, _, unwrap) = self.result(procedure);
        line!(out, 16, "{constant} => {{");
        let mut values = vec!["&cx".to_owned()];
        match arguments.as_slice() {
            [] => line!(out, 20, "args.decode::<()>()?;"),
            [one] => {
                let decode =
                    text::Chain::new("args").link(format!(".decode::<{}>()?", one.decoded));
                decode.put(out, 20, &format!("let {} = ", one.name), ";");
                values.push(format!("{}{}", one.name, one.unwrap));
            }
            several => {
                let names: Vec<String> = several
                    .iter()
                    .map(|argument| argument.name.clone())
                    .collect();
                let types: Vec<String> = several
                    .iter()
                    .map(|argument| argument.decoded.clone())
                    .collect();
                text::call(out, 20, "type Decoded = ", &tuple(&types), ";");
                text::call(
                    out,
                    20,
                    "let ",
                    &tuple(&names),
                    " = args.decode::<Decoded>()?;",
                );
                values.extend(
                    several
                        .iter()
                        .map(|argument| format!("{}{}", argument.name, argument.unwrap)),
                );
            }
        }
        let callee = format!("service.{method}");
        let whole = format!("{callee}({}).await?", values.join(", "));
        let one_line = text::Chain::new("service")
            .link(&whole["service".len()..whole.len() - ".await?".len()])
            .link(".await?");
        match one_line.one_line().filter(|text| {
            text::fits(20, &format!("let reply = {text};")) && text::fits_call(&values.join(", "))
        }) {
            Some(text) => line!(out, 20, "let reply = {text};"),
            None => {
                let link = format!(".{method}({})", values.join(", "));
                let beside = format!("let future = service{link};");
                if text::fits(20, &beside) || !text::fits(24, &link) {
                    text::let_call(out, 20, "future", &callee, &values);
                } else {
                    text::Chain::new("service")
                        .link(link)
                        .put(out, 20, "let future = ", ";");
                }
                line!(out, 20, "let reply = future.await?;");
            }
        }
        if unwrap.is_empty() {
            line!(out, 20, "cx.reply(reply)");
        } else {
            line!(out, 20, "cx.reply(reply.map({}))", self.wrap(procedure));
        }
        line!(out, 16, "}}");
    }

    /// What makes the type that is encoded of a result.
    fn wrap(&self, procedure: &'m Procedure) -> &'static str {
        match &procedure.result {
            Some(crate::model::Shape::Text(_)) => "::fairway_xdr::Text",
            Some(crate::model::Shape::Opaque(_)) => "::fairway_xdr::Opaque",
            Some(crate::model::Shape::Array(..)) => "::fairway_xdr::Array",
            _ => "::fairway_xdr::List",
        }
    }
}
