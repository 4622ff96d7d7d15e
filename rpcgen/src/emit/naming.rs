//! Names: from those of the `.x` file to Rust's, and nowhere else.
//!
//! Types and variants are `UpperCamel`, members and procedures `snake_case`, constants keep their spelling in `SCREAMING` form.
//! Keywords become raw identifiers, or get a trailing `_` where Rust knows no raw form. What clashes after conversion gets
//! the first number that frees it: `Foo2`, `foo_2`, `FOO_2`. Names of the prelude that the output uses count as taken.

use std::collections::{HashMap, HashSet};

use crate::model::{ItemId, ItemKind, Label, Model};

/// Names of the prelude, and those that the output uses for itself.
const TAKEN: &[&str] = &[
    "Arc",
    "AsMut",
    "AsRef",
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "Deref",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Handler",
    "Hash",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Self",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "T",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
];

/// Keywords of every edition up to 2024.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Methods of a generated client.
const CLIENT_METHODS: &[&str] = &["new", "dial", "with", "client"];

/// Rust's names for everything in a model, in the model's order.
#[derive(Debug, Default)]
pub(super) struct Names {
    items: Vec<ItemNames>,
    /// Procedure constants by name in the `.x` file and number.
    procedures: HashMap<(String, u32), String>,
    /// Notes for the documentation of names that could not be had, by Rust's name.
    notes: HashMap<String, String>,
}

#[derive(Debug, Default)]
struct ItemNames {
    name: String,
    borrowed: String,
    /// Members of an enum or struct; variants of a union, a name for each label in order, the default's last.
    members: Vec<String>,
    versions: Vec<VersionNames>,
}

/// Names of one version of a program.
#[derive(Debug, Default)]
pub(super) struct VersionNames {
    pub(super) constant: String,
    /// Whether the constant is first met here, and so is to be written.
    pub(super) declares_version: bool,
    pub(super) service: String,
    pub(super) client: String,
    pub(super) adaptor: String,
    /// A method for each procedure.
    pub(super) methods: Vec<String>,
    /// A constant for each procedure.
    pub(super) constants: Vec<String>,
    /// Whether each is first met here.
    pub(super) declares: Vec<bool>,
}

impl Names {
    /// `borrowed` gives the items that also have a borrowed type.
    pub(super) fn new(model: &Model, borrowed: impl Fn(ItemId) -> bool) -> Self {
        let mut names = Self::default();
        let mut module = Scope::with(TAKEN);
        for item in &model.items {
            let mut of = ItemNames::default();
            match &item.kind {
                ItemKind::Constant(_) => {
                    of.name = names.take(&mut module, &screaming(&item.name), "_", &item.name);
                }
                ItemKind::Enum(members) => {
                    of.name = names.take(&mut module, &camel(&item.name), "", &item.name);
                    let mut scope = Scope::default();
                    of.members = members
                        .iter()
                        .map(|member| scope.take(&screaming(&member.name), "_"))
                        .collect();
                }
                ItemKind::Struct(fields) => {
                    of.name = names.take(&mut module, &camel(&item.name), "", &item.name);
                    let mut scope = Scope::default();
                    of.members = fields
                        .iter()
                        .map(|field| escape(scope.take(&snake(&field.name), "_")))
                        .collect();
                }
                ItemKind::Union(union) => {
                    of.name = names.take(&mut module, &camel(&item.name), "", &item.name);
                    let mut scope = Scope::with(&["Self"]);
                    of.members = union
                        .arms
                        .iter()
                        .flat_map(|arm| &arm.labels)
                        .map(|label| scope.take(&variant(label), ""))
                        .collect();
                    if union.default.is_some() {
                        of.members.push(scope.take("Default", ""));
                    }
                }
                ItemKind::Typedef(_) => {
                    of.name = names.take(&mut module, &camel(&item.name), "", &item.name);
                }
                ItemKind::Program(program) => {
                    of.name = names.take(&mut module, &screaming(&item.name), "_", &item.name);
                    let stem = stem(&item.name);
                    for version in &program.versions {
                        let (constant, declares_version) = names.take_number(
                            &mut module,
                            &version.name,
                            version.number,
                            version.number,
                        );
                        let mut of_version = VersionNames {
                            constant,
                            declares_version,
                            ..VersionNames::default()
                        };
                        let base = format!("{}V{}", camel(stem), version.number);
                        of_version.service = names.take(&mut module, &base, "", &base);
                        of_version.client =
                            names.take(&mut module, &format!("{base}Client"), "", &base);
                        of_version.adaptor =
                            names.take(&mut module, &format!("{base}Service"), "", &base);
                        let mut scope = Scope::with(CLIENT_METHODS);
                        for procedure in &version.procedures {
                            of_version.methods.push(escape(
                                scope.take(&snake(short(stem, &procedure.name)), "_"),
                            ));
                            let (name, declares) = names.take_number(
                                &mut module,
                                &procedure.name,
                                procedure.number,
                                version.number,
                            );
                            of_version.constants.push(name);
                            of_version.declares.push(declares);
                        }
                        of.versions.push(of_version);
                    }
                }
                ItemKind::Hook(_) => {}
            }
            names.items.push(of);
        }
        for id in 0..model.items.len() {
            if borrowed(ItemId(id)) {
                let name = format!("{}Ref", names.items[id].name);
                names.items[id].borrowed = module.take(&name, "");
            }
        }
        names
    }

    pub(super) fn item(&self, id: ItemId) -> &str {
        &self.items[id.0].name
    }

    /// The name of the borrowed type.
    pub(super) fn borrowed(&self, id: ItemId) -> &str {
        &self.items[id.0].borrowed
    }

    pub(super) fn members(&self, id: ItemId) -> &[String] {
        &self.items[id.0].members
    }

    pub(super) fn versions(&self, id: ItemId) -> &[VersionNames] {
        &self.items[id.0].versions
    }

    /// Why a name is not the one expected, if it is not.
    pub(super) fn note(&self, name: &str) -> Option<&str> {
        self.notes.get(name).map(String::as_str)
    }

    fn take(&mut self, scope: &mut Scope, wanted: &str, joint: &str, original: &str) -> String {
        let name = scope.take(wanted, joint);
        if name != wanted {
            self.notes.insert(
                name.clone(),
                format!("`{original}`; the name `{wanted}` is taken."),
            );
        }
        name
    }

    /// A constant for the number of a version or procedure: several may share one name.
    fn take_number(
        &mut self,
        scope: &mut Scope,
        name: &str,
        number: u32,
        version: u32,
    ) -> (String, bool) {
        if let Some(known) = self.procedures.get(&(name.to_owned(), number)) {
            return (known.clone(), false);
        }
        let mut wanted = screaming(name);
        if scope.0.contains(&wanted) {
            wanted = format!("{wanted}_V{version}");
        }
        let taken = scope.take(&wanted, "_");
        self.procedures
            .insert((name.to_owned(), number), taken.clone());
        (taken, true)
    }
}

/// Names taken in one place.
#[derive(Debug, Default)]
struct Scope(HashSet<String>);

impl Scope {
    fn with(taken: &[&str]) -> Self {
        Self(taken.iter().map(|&name| name.to_owned()).collect())
    }

    /// The wanted name, or the first of `name2`, `name3`… that is free.
    fn take(&mut self, wanted: &str, joint: &str) -> String {
        if !self.0.contains(wanted) {
            self.0.insert(wanted.to_owned());
            return wanted.to_owned();
        }
        let mut name = format!("{wanted}{joint}2");
        let mut number = 3_u32;
        while !self.0.insert(name.clone()) {
            name = format!("{wanted}{joint}{number}");
            number = number.saturating_add(1);
        }
        name
    }
}

/// The words of a name: parted by `_` and where the case changes.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .flat_map(|part| {
            let mut rest = part;
            core::iter::from_fn(move || {
                let (word, after) = rest.split_at(word_len(rest));
                rest = after;
                (!word.is_empty()).then_some(word)
            })
        })
}

/// Length of the first word of letters and digits.
fn word_len(part: &str) -> usize {
    let letters = part.as_bytes();
    let mut lower = false;
    for at in 1..letters.len() {
        let before = letters[at - 1];
        lower |= before.is_ascii_lowercase();
        let begins = letters[at].is_ascii_uppercase()
            && match before {
                b'a'..=b'z' => true,
                b'0'..=b'9' => lower,
                // The last capital of a run begins a word: IPAddr, but not NFSv4.
                _ => letters
                    .get(at + 1..at + 3)
                    .is_some_and(|ahead| ahead.iter().all(u8::is_ascii_lowercase)),
            };
        if begins {
            return at;
        }
    }
    letters.len()
}

fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    for word in words(name) {
        // Digits on both sides keep their gap: v1_2 is not v12.
        if out.ends_with(|c: char| c.is_ascii_digit())
            && word.starts_with(|c: char| c.is_ascii_digit())
        {
            out.push('_');
        }
        let at = out.len();
        out.push_str(word);
        out[at..].make_ascii_lowercase();
        out[at..=at].make_ascii_uppercase();
    }
    if out.len() > 2 && out.bytes().all(|c| c.is_ascii_uppercase()) {
        out[1..].make_ascii_lowercase(); // a_b_c: all capitals read as a constant
    }
    begin_with_letter(out, 'X')
}

fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for word in words(name) {
        if !out.is_empty() {
            out.push('_');
        }
        out.push_str(word);
    }
    out.make_ascii_lowercase();
    begin_with_letter(out, 'x')
}

fn begin_with_letter(mut name: String, letter: char) -> String {
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.insert(0, letter);
    }
    name
}

fn screaming(name: &str) -> String {
    if !name.contains(|c: char| c.is_ascii_lowercase())
        && name.contains(|c: char| c.is_ascii_alphabetic())
    {
        return name.to_owned();
    }
    snake(name).to_ascii_uppercase()
}

/// The name of an argument.
pub(super) fn variable(name: &str) -> String {
    escape(snake(name))
}

/// A keyword's raw form, or with a `_` behind it.
fn escape(name: String) -> String {
    match name.as_str() {
        "self" | "super" | "crate" => name + "_",
        keyword if KEYWORDS.contains(&keyword) => format!("r#{name}"),
        _ => name,
    }
}

fn variant(label: &Label) -> String {
    match &label.name {
        Some(name) if name.starts_with('\'') => match name.chars().nth(1) {
            Some(c) if c.is_ascii_alphanumeric() && name.len() == 3 => {
                format!("Case{}", c.to_ascii_uppercase())
            }
            _ => numbered(label.value),
        },
        Some(name) => camel(name),
        None => numbered(label.value),
    }
}

fn numbered(value: i64) -> String {
    if value < 0 {
        format!("CaseNeg{}", value.unsigned_abs())
    } else {
        format!("Case{value}")
    }
}

/// The name of a program without the ending that says it is one.
fn stem(program: &str) -> &str {
    for ending in ["_PROGRAM", "PROGRAM", "_PROG", "PROG"] {
        let Some(at) = program
            .len()
            .checked_sub(ending.len())
            .filter(|at| *at > 0 && program.is_char_boundary(*at))
        else {
            continue;
        };
        if program[at..].eq_ignore_ascii_case(ending) {
            return &program[..at];
        }
    }
    program
}

/// The name of a procedure without what it shares with its program: the program's stem (`ECHO_NULL`), or all up to a word that
/// ends in `PROC` and perhaps a number (`MOUNTPROC3_NULL`, `REMOTE_PROC_OPEN`).
fn short<'a>(stem: &str, procedure: &'a str) -> &'a str {
    let is_name = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic());
    let mut at = 0;
    for word in procedure.split('_').take(2) {
        at += word.len() + 1;
        let kind = word.trim_end_matches(|c: char| c.is_ascii_digit());
        if let Some(rest) = procedure.get(at..).filter(|rest| is_name(rest))
            && kind.to_ascii_uppercase().ends_with("PROC")
        {
            return rest;
        }
    }
    let prefix = procedure
        .get(..stem.len())
        .filter(|prefix| prefix.eq_ignore_ascii_case(stem));
    prefix
        .and_then(|_| procedure[stem.len()..].strip_prefix('_'))
        .filter(|rest| is_name(rest))
        .unwrap_or(procedure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_camel() {
        for (name, rust) in [
            ("echo_blob", "EchoBlob"),
            ("nfs_fh3", "NfsFh3"),
            ("READ3res", "Read3res"),
            ("virNetMessage", "VirNetMessage"),
            ("IPAddr", "IpAddr"),
            ("NFSv4", "Nfsv4"),
            ("x_y_z", "Xyz"),
            ("_3com", "X3com"),
            ("v1_2", "V1_2"),
            ("__a__b", "AB"),
            ("u32_t", "U32T"),
        ] {
            assert_eq!(camel(name), rust);
        }
    }

    #[test]
    fn constants_keep_their_spelling() {
        for (name, rust) in [
            ("NFS4_OK", "NFS4_OK"),
            ("__A", "__A"),
            ("fooBar", "FOO_BAR"),
            ("nfs4_ok", "NFS4_OK"),
            ("_", "X"),
        ] {
            assert_eq!(screaming(name), rust);
        }
    }

    #[test]
    fn procedures_lose_what_they_share_with_their_program() {
        for (program, procedure, rust) in [
            ("ECHO_PROG", "ECHO_NULL", "null"),
            ("MOUNTPROG", "MOUNTPROC_NULL", "null"),
            ("MOUNT_PROGRAM", "MOUNTPROC3_MNT", "mnt"),
            ("REMOTE_PROGRAM", "REMOTE_PROC_CONNECT_OPEN", "connect_open"),
            ("KEY_PROG", "KEY_SET", "set"),
            ("DEVICE_CORE", "create_link", "create_link"),
            ("NFS_PROGRAM", "NFSPROC3_GETATTR", "getattr"),
            ("X_PROG", "X_9P", "x_9p"),
            ("PROG", "PROG_A", "a"),
        ] {
            assert_eq!(snake(short(stem(program), procedure)), rust);
        }
    }

    #[test]
    fn keywords_stay_usable() {
        assert_eq!(
            ["type", "gen", "self", "crate", "name"].map(|name| escape(name.to_owned())),
            ["r#type", "r#gen", "self_", "crate_", "name"]
        );
    }

    #[test]
    fn procedures_make_way_for_the_methods_of_every_client() {
        let mut scope = Scope::with(CLIENT_METHODS);
        assert_eq!(
            ["new", "dial", "with", "client", "call"].map(|name| scope.take(name, "_")),
            ["new_2", "dial_2", "with_2", "client_2", "call"]
        );
    }

    #[test]
    fn clashes_are_numbered_until_free() {
        let mut scope = Scope::with(TAKEN);
        assert_eq!(
            ["Foo", "Foo2", "Foo", "Result"].map(|name| scope.take(name, "")),
            ["Foo", "Foo2", "Foo3", "Result2"]
        );
    }
}
