//! `.x` files to accept, with what they mean, and to refuse, with what is said about them. `BLESS=1` rewrites the golden files.
#![expect(clippy::unwrap_used, reason = "tests may: a panic is how they fail")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use fairway_rpcgen::model::{Field, ItemKind, Model, Scalar, Shape, Type, Value};
use fairway_rpcgen::{Builder, Error};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new("testdata").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "x"))
        .collect();
    files.sort();
    files
}

/// The options a file asks for in lines like `// extern-const LEN=16`.
fn builder(path: &Path) -> Builder {
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    let mut builder = Builder::new().file(path);
    for line in text.lines().filter_map(|line| line.strip_prefix("// ")) {
        let Some((option, rest)) = line.split_once(' ') else {
            continue;
        };
        let (name, value) = rest.split_once('=').unwrap_or((rest, "1"));
        builder = match option {
            "extern-const" => {
                let value = value.strip_prefix("0x").map_or_else(
                    || value.parse::<i128>().unwrap(),
                    |hex| i128::from_str_radix(hex, 16).unwrap(),
                );
                builder.extern_const(name, value)
            }
            "extern-type" => builder.extern_type(name, value),
            "define" => builder.define(name, value),
            "include-dir" => builder.include_dir(rest),
            _ => builder,
        };
    }
    builder
}

/// Compares with a golden file, or writes it.
fn check_golden(path: &Path, found: &str, failures: &mut String) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected != found {
        writeln!(
            failures,
            "--- {} differs; expected:\n{expected}\n--- found:\n{found}",
            path.display()
        )
        .unwrap();
    }
}

/// A model as text: what every item comes to, once names are looked up and numbers computed.
struct Dump<'a> {
    model: &'a Model,
    out: String,
}

impl Dump<'_> {
    fn of(model: &Model) -> String {
        let mut dump = Dump {
            model,
            out: String::new(),
        };
        for item in &model.items {
            dump.docs("", &item.docs);
            let name = &item.name;
            match &item.kind {
                ItemKind::Constant(Value::Int { value, hex: true }) => {
                    dump.line(&format!("const {name} = {value:#x}"));
                }
                ItemKind::Constant(Value::Int { value, .. }) => {
                    dump.line(&format!("const {name} = {value}"));
                }
                ItemKind::Constant(Value::Text(text)) => {
                    dump.line(&format!("const {name} = {text:?}"));
                }
                ItemKind::Enum(members) => {
                    dump.line(&format!("enum {name}"));
                    for member in members {
                        dump.docs("    ", &member.docs);
                        dump.line(&format!("    {} = {}", member.name, member.value));
                    }
                }
                ItemKind::Struct(fields) => {
                    dump.line(&format!("struct {name}"));
                    for field in fields {
                        dump.docs("    ", &field.docs);
                        dump.field("    ", field);
                    }
                }
                ItemKind::Union(union) => {
                    let tag = dump.of_type(&union.tag);
                    dump.line(&format!("union {name} by {}: {tag}", union.tag_name));
                    for arm in &union.arms {
                        let labels: Vec<String> = arm
                            .labels
                            .iter()
                            .map(|label| match &label.name {
                                Some(name) => format!("{name}({})", label.value),
                                None => label.value.to_string(),
                            })
                            .collect();
                        dump.docs("    ", &arm.docs);
                        dump.line(&format!("    case {}", labels.join(", ")));
                        arm.field
                            .iter()
                            .for_each(|field| dump.field("        ", field));
                    }
                    if let Some(arm) = &union.default {
                        dump.docs("    ", &arm.docs);
                        dump.line("    default");
                        arm.field
                            .iter()
                            .for_each(|field| dump.field("        ", field));
                    }
                }
                ItemKind::Typedef(shape) => {
                    let shape = dump.shape(shape);
                    dump.line(&format!("type {name}: {shape}"));
                }
                ItemKind::Program(program) => {
                    dump.line(&format!("program {name} = {}", program.number));
                    for version in &program.versions {
                        dump.docs("    ", &version.docs);
                        dump.line(&format!(
                            "    version {} = {}",
                            version.name, version.number
                        ));
                        for procedure in &version.procedures {
                            let arguments: Vec<String> = procedure
                                .arguments
                                .iter()
                                .map(|argument| {
                                    let shape = dump.shape(&argument.shape);
                                    match &argument.name {
                                        Some(name) => format!("{name}: {shape}"),
                                        None => shape,
                                    }
                                })
                                .collect();
                            let result = procedure
                                .result
                                .as_ref()
                                .map_or("void".to_owned(), |shape| dump.shape(shape));
                            dump.docs("        ", &procedure.docs);
                            dump.line(&format!(
                                "        {} = {} ({}) -> {result}",
                                procedure.name,
                                procedure.number,
                                arguments.join(", ")
                            ));
                        }
                    }
                }
                ItemKind::Hook(text) => dump.line(&format!("hook {text:?}")),
            }
        }
        dump.out
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn docs(&mut self, indent: &str, docs: &[String]) {
        for line in docs {
            self.line(&format!("{indent}/// {line}"));
        }
    }

    fn field(&mut self, indent: &str, field: &Field) {
        let shape = self.shape(&field.shape);
        let text = field.text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.line(&format!("{indent}{}: {shape}  `{text}`", field.name));
    }

    fn of_type(&self, of: &Type) -> String {
        match of {
            Type::Scalar(scalar) => match scalar {
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
                Scalar::Quad => "quad",
            }
            .to_owned(),
            Type::Named(id) => format!("<{}>", self.model.item(*id).unwrap().name),
            Type::Extern { path, .. } => path.clone(),
        }
    }

    fn shape(&self, shape: &Shape) -> String {
        let bound = |bound: &fairway_rpcgen::model::Bound| {
            let constant = bound.constant.map(|id| &self.model.item(id).unwrap().name);
            match (constant, bound.value) {
                (Some(name), value) => format!("{name}({value})"),
                (None, u32::MAX) => "max".to_owned(),
                (None, value) => value.to_string(),
            }
        };
        match shape {
            Shape::Plain(of) => self.of_type(of),
            Shape::Text(most) => format!("text up to {}", bound(most)),
            Shape::Opaque(most) => format!("opaque up to {}", bound(most)),
            Shape::FixedOpaque(length) => format!("opaque of {}", bound(length)),
            Shape::Array(of, most) => format!("{} up to {}", self.of_type(of), bound(most)),
            Shape::FixedArray(of, length) => {
                format!("{} times {}", self.of_type(of), bound(length))
            }
            Shape::Optional(of) => format!("optional {}", self.of_type(of)),
        }
    }
}

#[test]
fn what_is_right_is_understood() {
    let files = files("accept");
    assert!(files.len() >= 45, "{} files", files.len());
    let mut failures = String::new();
    for path in files {
        match builder(&path).models() {
            Ok(models) => {
                let dump: String = models.iter().map(Dump::of).collect();
                check_golden(&path.with_extension("model"), &dump, &mut failures);
            }
            Err(error) => writeln!(failures, "{error}").unwrap(),
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Each file to refuse says in lines `// expect [FILE:]LINE:COLUMN words` what must be said about it, in this order, and nothing else.
#[test]
fn what_is_wrong_is_refused_with_its_place_and_what_was_expected() {
    let files = files("refuse");
    assert!(files.len() >= 30, "{} files", files.len());
    let mut failures = String::new();
    for path in files {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let expected: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("// expect "))
            .collect();
        let diagnostics = match builder(&path).models() {
            Err(Error::Invalid(diagnostics)) => diagnostics,
            other => {
                writeln!(failures, "{}: not refused: {other:?}", path.display()).unwrap();
                continue;
            }
        };
        let found: Vec<String> = diagnostics
            .iter()
            .map(|one| {
                let file = Path::new(&one.file);
                let file = match file.strip_prefix("testdata/refuse") {
                    _ if file == path => String::new(),
                    Ok(other) => format!("{}:", other.display()),
                    Err(_) => format!("{}:", file.display()),
                };
                format!("{file}{}:{} {}", one.line, one.column, one.message)
            })
            .collect();
        let same = expected.len() == found.len()
            && expected.iter().zip(&found).all(|(expected, found)| {
                let (place, words) = expected.split_once(' ').unwrap();
                let (found_place, message) = found.split_once(' ').unwrap();
                place == found_place && message.contains(words)
            });
        if !same || expected.is_empty() {
            writeln!(
                failures,
                "{}: expected\n  {}\nfound\n  {}",
                path.display(),
                expected.join("\n  "),
                found.join("\n  ")
            )
            .unwrap();
        }
        let shown = format!("{}\n", Error::Invalid(diagnostics));
        check_golden(&path.with_extension("txt"), &shown, &mut failures);
    }
    assert!(failures.is_empty(), "{failures}");
}
