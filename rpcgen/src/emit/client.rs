//! Clients: a type for each version of a program, a method for each procedure.

use super::facts::Base;
use super::naming::VersionNames;
use super::text::{self, line};
use super::{Form, Gen, comments};
use crate::model::{Item, ItemId, ItemKind, Procedure, Shape, Version};

/// How an argument is passed on.
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) shape_type: String,
    /// The type by which the client takes it.
    taken: String,
    /// What is encoded.
    sent: String,
    /// The type that the server decodes, and what makes the argument of it.
    pub(super) decoded: String,
    pub(super) unwrap: &'static str,
}

/// Type that is decoded for a result or argument of type `Shape`, and how to get at the value: text and arrays have no codec of
/// their own.
fn wire_type(given: &str, shape: &Shape, list: bool) -> (String, &'static str) {
    match shape {
        Shape::Text(_) => ("::fairway_xdr::Text".to_owned(), ".0"),
        Shape::Opaque(_) => ("::fairway_xdr::Opaque".to_owned(), ".0"),
        Shape::Array(..) => (given.replacen("Vec<", "::fairway_xdr::Array<", 1), ".0"),
        Shape::Optional(_) if list => (given.replacen("Vec<", "::fairway_xdr::List<", 1), ".0"),
        Shape::Plain(_) | Shape::FixedOpaque(_) | Shape::FixedArray(..) | Shape::Optional(_) => {
            (given.to_owned(), "")
        }
    }
}

impl<'m> Gen<'m> {
    fn is_list(&self, shape: &'m Shape) -> bool {
        matches!(shape, Shape::Optional(ty) if self.facts.node(ty).is_some())
    }

    /// Everything of `-l`.
    pub(super) fn client(&self) -> String {
        let mut out = String::new();
        for (index, item) in self.facts.model.items.iter().enumerate() {
            if let ItemKind::Program(program) = &item.kind {
                for (version, names) in program
                    .versions
                    .iter()
                    .zip(self.names.versions(ItemId(index)))
                {
                    if out.is_empty() {
                        out.push_str(&self.header(": clients"));
                    }
                    self.client_of(&mut out, item, ItemId(index), version, names);
                }
            }
        }
        out
    }

    fn client_of(
        &self,
        out: &mut String,
        item: &Item,
        id: ItemId,
        version: &'m Version,
        names: &VersionNames,
    ) {
        let (name, program) = (&names.client, self.names.item(id));
        out.push('\n');
        let head = format!(
            "Client of `{}` version {} (`{}`).",
            item.name, version.number, version.name
        );
        line!(out, 0, "/// {head}");
        if let Some(note) = self.names.note(name) {
            line!(out, 0, "///\n/// {note}");
        }
        line!(out, 0, "#[derive(Clone, Debug)]");
        line!(out, 0, "pub struct {name} {{");
        line!(out, 4, "client: ::fairway_rpc::Client,");
        line!(out, 4, "options: ::fairway_rpc::CallOptions,");
        line!(out, 0, "}}\n");
        line!(out, 0, "impl {name} {{");
        line!(out, 4, "/// The program's number.");
        line!(out, 4, "pub const PROGRAM: u32 = {program};");
        line!(out, 4, "/// The version's number.");
        line!(out, 4, "pub const VERSION: u32 = {};\n", names.constant);
        line!(out, 4, "/// Calls over `client`, with its own options.");
        line!(out, 4, "#[must_use]");
        line!(
            out,
            4,
            "pub fn new(client: ::fairway_rpc::Client) -> Self {{"
        );
        line!(
            out,
            8,
            "let options = ::fairway_rpc::CallOptions::default();"
        );
        line!(out, 8, "Self {{ client, options }}");
        line!(out, 4, "}}\n");
        dial(out);
        line!(out, 4, "/// The same client with other options.");
        line!(out, 4, "#[must_use]");
        line!(
            out,
            4,
            "pub fn with(&self, options: ::fairway_rpc::CallOptions) -> Self {{"
        );
        line!(out, 8, "let client = self.client.clone();");
        line!(out, 8, "Self {{ client, options }}");
        line!(out, 4, "}}\n");
        line!(out, 4, "/// The connection it calls over.");
        line!(out, 4, "#[must_use]");
        line!(out, 4, "pub fn client(&self) -> &::fairway_rpc::Client {{");
        line!(out, 8, "&self.client");
        line!(out, 4, "}}");
        for (at, procedure) in version.procedures.iter().enumerate() {
            out.push('\n');
            self.call(out, program, names, at, procedure);
        }
        line!(out, 0, "}}");
    }

    /// The arguments of a procedure, with names that differ.
    pub(super) fn arguments(&self, procedure: &'m Procedure) -> Vec<Argument> {
        let mut taken = std::collections::HashSet::from(
            ["self", "cx", "args", "procedure", "result", "service"].map(str::to_owned),
        );
        let mut arguments = Vec::new();
        for (at, argument) in procedure.arguments.iter().enumerate() {
            let plain = if procedure.arguments.len() == 1 {
                "arg".to_owned()
            } else {
                format!("arg{}", at + 1)
            };
            let wanted = argument
                .name
                .as_deref()
                .map_or(plain, super::naming::variable);
            let mut name = wanted.clone();
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            let shape = &argument.shape;
            let shape_type = self.shape_type(None, shape, Form::Owned);
            let (decoded, unwrap) = wire_type(&shape_type, shape, self.is_list(shape));
            let by_value = match shape {
                Shape::Plain(ty) => match self.facts.base(ty) {
                    Base::Scalar(_) => true,
                    Base::Item(id) => self.facts.is_enum(id),
                    Base::Extern(_) => false,
                },
                _ => false,
            };
            let (by, sent) = match shape {
                Shape::Text(_) => ("&str".to_owned(), format!("::fairway_xdr::TextRef({name})")),
                Shape::Opaque(_) => (
                    "&[u8]".to_owned(),
                    format!("::fairway_xdr::OpaqueRef({name})"),
                ),
                _ if !unwrap.is_empty() => (decoded.clone(), name.clone()),
                _ if by_value => (shape_type.clone(), name.clone()),
                _ => (format!("&{shape_type}"), name.clone()),
            };
            arguments.push(Argument {
                name,
                shape_type,
                taken: by,
                sent,
                decoded,
                unwrap,
            });
        }
        arguments
    }

    /// The type of a result, the type that is decoded for it, and what makes the one of the other.
    pub(super) fn result(&self, procedure: &'m Procedure) -> (String, String, &'static str) {
        match &procedure.result {
            None => ("()".to_owned(), "()".to_owned(), ""),
            Some(shape) => {
                let given = self.shape_type(None, shape, Form::Owned);
                let (decoded, unwrap) = wire_type(&given, shape, self.is_list(shape));
                (given, decoded, unwrap)
            }
        }
    }

    fn call(
        &self,
        out: &mut String,
        program: &str,
        names: &VersionNames,
        at: usize,
        procedure: &'m Procedure,
    ) {
        let arguments = self.arguments(procedure);
        let (given, decoded, unwrap) = self.result(procedure);
        comments::document(
            out,
            4,
            &procedure.docs,
            &[],
            &self.procedure_text(procedure),
        );
        if arguments.len() > 6 {
            line!(
                out,
                4,
                "#[allow(clippy::too_many_arguments, reason = \"those of the procedure\")]"
            );
        }
        let method = &names.methods[at];
        if method.starts_with("into_") || method.starts_with("from_") {
            line!(
                out,
                4,
                "#[allow(clippy::wrong_self_convention, reason = \"the procedure's name\")]"
            );
        }
        if method == "len" && arguments.is_empty() {
            line!(
                out,
                4,
                "#[allow(clippy::len_without_is_empty, reason = \"the procedure's name\")]"
            );
        }
        let mut parameters = vec!["&self".to_owned()];
        parameters.extend(
            arguments
                .iter()
                .map(|argument| format!("{}: {}", argument.name, argument.taken)),
        );
        let result = format!(" -> Result<{given}, ::fairway_rpc::CallError> {{");
        text::signature(
            out,
            4,
            &format!("pub async fn {method}"),
            &parameters,
            &result,
        );
        let number = [program, &names.constant, &names.constants[at]].map(str::to_owned);
        text::let_call(
            out,
            8,
            "procedure",
            "::fairway_rpc::Procedure::new",
            &number,
        );
        let sent = match arguments.as_slice() {
            [] => "&()".to_owned(),
            // Already a reference, or a value.
            [one] if one.taken.starts_with('&') && one.sent == one.name => one.name.clone(),
            [one] if one.sent.len() <= 20 => format!("&{}", one.sent),
            [one] => {
                line!(out, 8, "let args = {};", one.sent);
                "&args".to_owned()
            }
            several => {
                let values: Vec<String> = several
                    .iter()
                    .map(|argument| argument.sent.clone())
                    .collect();
                let values = tuple(&values);
                text::call(out, 8, "let args = ", &values, ";");
                "&args".to_owned()
            }
        };
        if unwrap.is_empty() {
            text::Chain::new("self")
                .link(".client")
                .link(format!(".call(procedure, {sent}, &self.options)"))
                .link(".await")
                .put(out, 8, "", "");
        } else {
            line!(out, 8, "let options = &self.options;");
            let call = text::Chain::new("self")
                .link(".client")
                .link(format!(".call(procedure, {sent}, options)"))
                .link(".await?");
            call.put(out, 8, &format!("let result: {decoded} = "), ";");
            line!(out, 8, "Ok(result{unwrap})");
        }
        line!(out, 4, "}}");
    }
}

/// The constructor that looks the program up.
fn dial(out: &mut String) {
    line!(
        out,
        4,
        "/// Connects to the program on `host`, a name or an address, as its portmapper says."
    );
    line!(out, 4, "///");
    line!(out, 4, "/// # Errors");
    line!(out, 4, "/// As [`fairway_rpc::Client::dial`].");
    let parameters = [
        "net: &::fairway_rpc::Net",
        "host: &str",
        "transport: ::fairway_rpc::Transport",
        "config: ::fairway_rpc::ClientConfig",
    ];
    text::signature(
        out,
        4,
        "pub async fn dial",
        &parameters.map(str::to_owned),
        " -> Result<Self, ::fairway_rpc::ConnectError> {",
    );
    line!(
        out,
        8,
        "let (program, version) = (Self::PROGRAM, Self::VERSION);"
    );
    line!(
        out,
        8,
        "let client = ::fairway_rpc::Client::dial(net, host, program, version, transport, config);"
    );
    line!(out, 8, "Ok(Self::new(client.await?))");
    line!(out, 4, "}}\n");
}

/// Members of a tuple; of more than twelve the rest is a tuple within, which has the same octets.
pub(super) fn tuple(members: &[String]) -> Vec<String> {
    const MOST: usize = 12;
    if members.len() <= MOST {
        return members.to_vec();
    }
    let (first, rest) = members.split_at(MOST - 1);
    let mut out = first.to_vec();
    out.push(format!("({})", tuple(rest).join(", ")));
    out
}
