//! Rust text from a [`Model`].

mod client;
mod codec;
mod comments;
mod facts;
mod main_program;
mod naming;
mod server;
mod text;
mod types;
mod union_codec;

use std::borrow::Cow;

use crate::model::{Item, ItemId, ItemKind, Model, Shape, Type};

use facts::Facts;
use naming::Names;

pub use facts::infinite_types;

/// Which parts of the output to write. They come in the order of the fields, each usable alone beside the others in one module,
/// and the first four one after another are the plain output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// `-h`: constants and types.
    pub types: bool,
    /// `-c`: how they are encoded and decoded.
    pub codecs: bool,
    /// `-l`: a client for each version of a program.
    pub client: bool,
    /// `-m`: a trait for each version of a program, and its adaptor to `fairway_rpc::Service`.
    pub server: bool,
    /// `-s`: a `main` that listens on these transports; nothing if empty.
    pub main: Vec<Transport>,
}

impl Parts {
    /// Plain output: all but `main`.
    #[must_use]
    pub const fn plain() -> Self {
        Self {
            types: true,
            codecs: true,
            client: true,
            server: true,
            main: Vec::new(),
        }
    }
}

/// A transport that a generated `main` listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// `tcp`
    Tcp,
    /// `udp`
    Udp,
}

/// What becomes of `%` lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hook {
    /// They are left out: in most files they are C.
    #[default]
    Drop,
    /// They are kept as comments.
    Comment,
    /// They are Rust, and stand in the output as they are.
    Verbatim,
}

/// How the output is to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Also write a borrowed type (`RecRef<'a>`) for every type that holds text or opaque data.
    pub borrowed: bool,
    /// Derive serde's traits for the types.
    pub serde: bool,
    /// What becomes of `%` lines.
    pub hook: Hook,
}

/// Writes the wanted parts of `model`: the same octets for the same model, formatted as rustfmt would.
#[must_use]
pub fn emit(model: &Model, parts: &Parts, options: &Options) -> String {
    let model = &with_argument_types(model);
    let facts = Facts::new(model);
    let names = Names::new(model, |id| options.borrowed && facts.of(id).holds_octets);
    let generator = Gen {
        facts,
        names,
        options,
    };
    let mut out = String::new();
    if parts.types {
        out.push_str(&generator.types());
    }
    if parts.codecs {
        out.push_str(&generator.codecs());
    }
    if parts.client {
        out.push_str(&generator.client());
    }
    if parts.server {
        out.push_str(&generator.server());
    }
    if !parts.main.is_empty() {
        out.push_str(&generator.main_program(&parts.main));
    }
    out
}

/// Gives arguments and results a type of their own where they need one: a bound, or an array of fixed length.
fn with_argument_types(model: &Model) -> Cow<'_, Model> {
    let mut model = Cow::Borrowed(model);
    for at in 0..model.items.len() {
        let ItemKind::Program(program) = &model.items[at].kind else {
            continue;
        };
        let procedures = program
            .versions
            .iter()
            .flat_map(|version| &version.procedures);
        let mut shapes = procedures.flat_map(|procedure| {
            procedure
                .arguments
                .iter()
                .map(|argument| &argument.shape)
                .chain(&procedure.result)
        });
        if !shapes.any(needs_type) {
            continue;
        }
        let mut program = program.clone();
        for procedure in program
            .versions
            .iter_mut()
            .flat_map(|version| &mut version.procedures)
        {
            let name = &procedure.name;
            for (number, argument) in procedure.arguments.iter_mut().enumerate() {
                if needs_type(&argument.shape) {
                    let (own, called) = match &argument.name {
                        Some(own) => (own.clone(), format!("'{own}'")),
                        None => (format!("arg{}", number + 1), (number + 1).to_string()),
                    };
                    let item = (
                        format!("{name}_{own}"),
                        format!("Argument {called} of procedure {name}."),
                    );
                    give_type(&mut model, &mut argument.shape, item, &procedure.text);
                }
            }
            if let Some(result) = procedure.result.as_mut().filter(|shape| needs_type(shape)) {
                let item = (
                    format!("{name}_result"),
                    format!("Result of procedure {name}."),
                );
                give_type(&mut model, result, item, &procedure.text);
            }
        }
        model.to_mut().items[at].kind = ItemKind::Program(program);
    }
    model
}

fn needs_type(shape: &Shape) -> bool {
    match shape {
        Shape::Plain(_) | Shape::Optional(_) => false,
        Shape::Text(max) | Shape::Opaque(max) | Shape::Array(_, max) => max.value != u32::MAX,
        Shape::FixedOpaque(_) | Shape::FixedArray(..) => true,
    }
}

/// Makes `shape` an item of its own with this name and documentation, declared by the text of its procedure.
fn give_type(
    model: &mut Cow<'_, Model>,
    shape: &mut Shape,
    (name, docs): (String, String),
    text: &str,
) {
    let items = &mut model.to_mut().items;
    let plain = Shape::Plain(Type::Named(ItemId(items.len())));
    let kind = ItemKind::Typedef(core::mem::replace(shape, plain));
    items.push(Item {
        name,
        docs: vec![docs],
        text: text.to_owned(),
        kind,
    });
}

/// What the emitters share.
struct Gen<'m> {
    facts: Facts<'m>,
    names: Names,
    options: &'m Options,
}

impl Gen<'_> {
    /// The line that begins a part.
    fn header(&self, part: &str) -> String {
        format!(
            "// Generated by rpcgen from {}{part}. Do not edit.\n",
            self.facts.model.file
        )
    }

    /// Whether a type has a borrowed form too.
    fn has_borrowed(&self, id: ItemId) -> bool {
        self.options.borrowed && self.facts.of(id).holds_octets
    }
}

/// Whether a type owns its text and opaque data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Owned,
    Borrowed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bound, Field, Procedure, Program, Scalar, Version};

    fn item(name: &str, kind: ItemKind) -> Item {
        Item {
            name: name.to_owned(),
            docs: Vec::new(),
            text: String::new(),
            kind,
        }
    }

    fn field(name: &str, shape: Shape) -> Field {
        Field {
            name: name.to_owned(),
            docs: Vec::new(),
            text: name.to_owned(),
            shape,
        }
    }

    fn named(id: usize) -> Type {
        Type::Named(ItemId(id))
    }

    fn model(items: Vec<Item>) -> Model {
        Model {
            file: "t.x".to_owned(),
            items,
        }
    }

    fn plain(model: &Model) -> String {
        emit(model, &Parts::plain(), &Options::default())
    }

    #[test]
    fn an_empty_file_is_its_header() {
        let found = plain(&model(Vec::new()));
        assert_eq!(found, "// Generated by rpcgen from t.x. Do not edit.\n");
    }

    #[test]
    fn a_version_without_procedures_knows_none() {
        let version = Version {
            name: "T_V1".to_owned(),
            docs: Vec::new(),
            number: 1,
            procedures: Vec::new(),
        };
        let program = Program {
            number: 7,
            versions: vec![version],
        };
        let found = plain(&model(vec![item("T_PROG", ItemKind::Program(program))]));
        assert!(found.contains("pub trait TV1: Send + Sync + 'static {}\n"));
        assert!(found.contains("Box::pin(async { Err(::fairway_rpc::Refusal::ProcUnavail) })"));
    }

    #[test]
    fn types_that_hold_themselves_are_found() {
        let own = |id| ItemKind::Struct(vec![field("x", Shape::Plain(named(id)))]);
        let pointer = ItemKind::Struct(vec![
            field("x", Shape::Optional(named(3))),
            field("y", Shape::Plain(Type::Scalar(Scalar::I32))),
        ]);
        let array = ItemKind::Struct(vec![field("x", Shape::Array(named(4), Bound::NONE))]);
        let fixed = ItemKind::Typedef(Shape::FixedArray(named(6), Bound::number(2)));
        let items = vec![
            item("a", own(0)),
            item("b", own(2)),
            item("c", own(1)),
            item("d", pointer),
            item("e", array),
            item("f", fixed),
            item("g", own(5)),
        ];
        let found = infinite_types(&model(items));
        assert_eq!(found, [0, 1, 2, 5, 6].map(ItemId));
    }

    /// Neither stack nor time, however long the chain.
    #[test]
    fn chains_of_types_are_no_recursion() {
        let chain = (0..20_000).map(|at| {
            let to = if at == 0 {
                Type::Scalar(Scalar::I32)
            } else {
                named(at - 1)
            };
            item(
                &format!("t{at}"),
                ItemKind::Struct(vec![field("x", Shape::Optional(to))]),
            )
        });
        let found = plain(&model(chain.collect()));
        assert!(found.contains("pub struct T19999 {"));
    }

    /// A default must be a value that a peer takes.
    #[test]
    fn an_enum_without_zero_has_no_default_and_neither_has_what_holds_it() {
        let member = |value| crate::model::Member {
            name: format!("M{value}"),
            docs: Vec::new(),
            value,
        };
        let holds = |shape| ItemKind::Struct(vec![field("x", shape)]);
        // What holds it comes first: the order in the file does not matter.
        let items = vec![
            item("twice", holds(Shape::Plain(named(1)))),
            item("once", holds(Shape::FixedArray(named(3), Bound::number(2)))),
            item("maybe", holds(Shape::Optional(named(3)))),
            item("from_one", ItemKind::Enum(vec![member(1), member(2)])),
            item("from_zero", ItemKind::Enum(vec![member(1), member(0)])),
            item("zeros", holds(Shape::Plain(named(4)))),
        ];
        let found = plain(&model(items));
        for (name, default) in [
            ("Twice", false),
            ("Once", false),
            ("Maybe", true),
            ("FromOne", false),
            ("FromZero", true),
            ("Zeros", true),
        ] {
            let (before, _) = found.split_once(&format!("pub struct {name}")).unwrap();
            let (_, derive) = before.rsplit_once("#[derive(").unwrap();
            assert_eq!(derive.contains("Default"), default, "{name}: {derive}");
        }
    }

    #[test]
    fn procedures_of_one_name_share_a_constant_unless_their_numbers_differ() {
        let procedure = |number| Procedure {
            name: "T_GET".to_owned(),
            docs: Vec::new(),
            text: String::new(),
            number,
            arguments: Vec::new(),
            result: None,
        };
        let version = |number, procedure| Version {
            name: format!("T_V{number}"),
            docs: Vec::new(),
            number,
            procedures: vec![procedure],
        };
        let program = Program {
            number: 7,
            versions: vec![
                version(1, procedure(3)),
                version(2, procedure(3)),
                version(4, procedure(5)),
            ],
        };
        let found = plain(&model(vec![item("T_PROG", ItemKind::Program(program))]));
        assert_eq!(found.matches("pub const T_GET: u32 = 3;").count(), 1);
        assert_eq!(found.matches("pub const T_GET_V4: u32 = 5;").count(), 1);
        assert_eq!(
            found
                .matches("Procedure::new(T_PROG, T_V4, T_GET_V4)")
                .count(),
            1
        );
    }
}
