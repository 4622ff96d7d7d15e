//! Text made to break the front end: it must say what is wrong, soon, and neither panic nor run out of stack.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may: a panic is how they fail"
)]

use std::fmt::Write as _;
use std::path::PathBuf;

use fairway_rpcgen::{Builder, Diagnostic, Error};

/// What is said about a text; nothing if it is accepted, and then it is generated, too.
fn check(text: &str) -> Vec<Diagnostic> {
    match Builder::new().text("hostile.x", text).generate_to_string() {
        Ok(_) => Vec::new(),
        Err(Error::Invalid(diagnostics)) => diagnostics,
        Err(other) => panic!("{other}"),
    }
}

/// The first thing said has these words.
fn refused(text: &str, words: &str) {
    let found = check(text);
    let first = found
        .first()
        .unwrap_or_else(|| panic!("accepted, without: {words}"));
    assert!(first.message.contains(words), "{first}");
}

mod nesting {
    use super::{check, refused};

    #[test]
    fn types_within_types_have_a_limit() {
        let depth = 100_000;
        let open = "struct { ".repeat(depth);
        refused(
            &format!("struct a {{ {open}"),
            "at most 64 levels of nesting",
        );
        let unions = "union switch (int x) { case 1: ".repeat(depth);
        refused(
            &format!("struct a {{ {unions}"),
            "at most 64 levels of nesting",
        );
        let inner = format!("{}int x;{}", "struct { ".repeat(60), "} y;".repeat(60));
        assert!(check(&format!("struct a {{ {inner} }};")).is_empty());
    }

    #[test]
    fn expressions_have_a_limit() {
        refused(
            &format!("const A = {}1;", "(".repeat(100_000)),
            "at most 64 levels of nesting",
        );
        refused(
            &format!("const A = {}1;", "-".repeat(100_000)),
            "at most 64 levels of nesting",
        );
        refused(
            &format!("const A = 1{};", " + 1".repeat(100_000)),
            "at most 256 operators",
        );
        refused(
            &format!("#if {}1\n#endif", "(".repeat(100_000)),
            "at most 128 levels",
        );
        refused(
            &format!("#if {}1\n#endif", "!".repeat(100_000)),
            "at most 128 levels",
        );
        refused(
            &format!("#if 1{}\n#endif", " ? 1".repeat(100_000)),
            "at most 128 levels",
        );
        refused(&"#if 1\n".repeat(100_000), "at most 1024 levels of `#if`");
    }

    #[test]
    fn many_things_side_by_side_are_fine() {
        assert!(check(&format!("#if 1{}\n#endif", " + 1".repeat(100_000))).is_empty());
        assert!(check(&"#if 1\n#endif\n".repeat(50_000)).is_empty());
        assert!(check(&"namespace a {\n".repeat(50_000)).len() <= 51);
        assert!(
            check(&format!(
                "{}{}",
                "namespace a {".repeat(50_000),
                "}".repeat(50_000)
            ))
            .is_empty()
        );
        assert!(check(&";".repeat(500_000)).is_empty());
    }
}

mod macros {
    use super::{check, refused};
    use std::fmt::Write as _;

    #[test]
    fn doubling_is_stopped() {
        let mut text = String::from("#define A0 1 +\n");
        for level in 1..100 {
            writeln!(text, "#define A{level} A{} A{}", level - 1, level - 1).unwrap();
        }
        text.push_str("const X = A99 1;\n");
        refused(&text, "macros that expand to at most");
    }

    #[test]
    fn doubling_of_nothing_is_stopped() {
        let mut text = String::from("#define A0\n");
        for level in 1..100 {
            writeln!(text, "#define A{level} A{} A{}", level - 1, level - 1).unwrap();
        }
        text.push_str("const X = A99 1;\n");
        refused(&text, "macros that expand to at most");
        text.push_str("#if A99\n#endif\n");
        refused(&text, "macros that expand to at most");
    }

    #[test]
    fn doubling_of_arguments_is_stopped() {
        let mut text = String::from("#define F(x) x x\nconst X = ");
        text.push_str(&"F(".repeat(100));
        text.push('1');
        text.push_str(&")".repeat(100));
        refused(&text, "macros");
    }

    #[test]
    fn long_chains_are_stopped() {
        let mut text = String::from("#define A0 1\n");
        for level in 1..100_000 {
            writeln!(text, "#define A{level} A{}", level - 1).unwrap();
        }
        text.push_str("const X = A99999;\n");
        refused(&text, "macros within macros at most");
    }

    #[test]
    fn a_macro_does_not_expand_itself() {
        assert!(check("#define A B\n#define B A\nconst A = 1;").is_empty());
        assert!(check("#define F(x) F(x)\n#define N 3\nconst F = N;").is_empty());
        refused(
            "#define F(x) F(x)\nconst A = F(1);",
            "expected `;` after the definition",
        );
    }

    #[test]
    fn arguments_without_end_are_one_error() {
        assert_eq!(
            check(&format!(
                "#define F(x) x\nconst A = F({}",
                "(".repeat(100_000)
            ))
            .len(),
            2
        );
    }
}

mod includes {
    use super::{Builder, Error, PathBuf};

    fn folder(name: &str) -> PathBuf {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn first(path: PathBuf) -> String {
        match Builder::new().file(path).models() {
            Err(Error::Invalid(diagnostics)) => diagnostics.first().unwrap().message.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_tree_of_includes_is_stopped() {
        let folder = folder("include-tree");
        for level in 1..40 {
            let text = format!(
                "#include \"{}.x\"\n#include \"{}.x\"\n",
                level - 1,
                level - 1
            );
            std::fs::write(folder.join(format!("{level}.x")), text).unwrap();
        }
        std::fs::write(folder.join("0.x"), "").unwrap();
        assert!(first(folder.join("39.x")).contains("at most 4096 `#include` in all"));
    }

    #[test]
    fn the_sum_of_all_texts_is_limited() {
        let folder = folder("include-sum");
        std::fs::write(folder.join("big.x"), " ".repeat(1 << 20)).unwrap();
        std::fs::write(folder.join("all.x"), "#include \"big.x\"\n".repeat(100)).unwrap();
        assert!(first(folder.join("all.x")).contains("at most 64 MiB of text in all"));
    }

    #[test]
    fn a_directory_is_no_file() {
        let folder = folder("include-directory");
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        std::fs::write(folder.join("a.x"), "#include \"sub\"\n").unwrap();
        assert!(first(folder.join("a.x")).contains("is a directory"));
        assert!(matches!(
            Builder::new().file(&folder).models(),
            Err(Error::Read { .. })
        ));
    }
}

mod chains {
    use super::{check, refused};
    use std::fmt::Write as _;

    const COUNT: usize = 20_000;

    #[test]
    fn types_that_lead_to_types_have_a_limit() {
        for order in [false, true] {
            for form in [
                "typedef t{} t{};",
                "struct t{1} { t{} *x; };",
                "struct t{1} { t{} x; };",
                "typedef t{} t{}<>;",
            ] {
                let mut lines = vec!["typedef int t0;".to_owned()];
                for at in 1..COUNT {
                    let line = form.replace("{1}", &at.to_string());
                    let line = line.replacen("{}", &(at - 1).to_string(), 1);
                    lines.push(line.replacen("{}", &at.to_string(), 1));
                }
                if order {
                    lines.reverse();
                }
                refused(
                    &lines.join("\n"),
                    "at most 1024 types that lead from one to the next",
                );
            }
        }
    }

    #[test]
    fn types_up_to_the_limit_are_generated() {
        let mut text = String::from("struct t0 { string s<>; };\n");
        for at in 1..1023 {
            writeln!(text, "struct t{at} {{ t{} x; }};", at - 1).unwrap();
        }
        assert!(check(&text).is_empty());
    }

    #[test]
    fn a_circle_of_types_has_the_same_limit() {
        let mut text = String::new();
        for at in 0..COUNT {
            writeln!(text, "struct t{at} {{ t{} *x; }};", (at + 1) % COUNT).unwrap();
        }
        refused(&text, "at most 1024 types");
    }

    #[test]
    fn constants_that_name_constants_have_a_limit() {
        let mut text = String::new();
        for at in 0..COUNT {
            writeln!(text, "const c{at} = c{};", at + 1).unwrap();
        }
        writeln!(text, "const c{COUNT} = 1;").unwrap();
        refused(&text, "at most 256 constants that name each other");
        // In order there is nothing to follow.
        let mut text = String::from("const c0 = 1;\n");
        for at in 1..COUNT {
            writeln!(text, "const c{at} = c{} + 1;", at - 1).unwrap();
        }
        assert!(check(&text).is_empty());
    }

    #[test]
    fn an_enum_counts_on_without_recursion() {
        let members: Vec<String> = (0..COUNT).map(|at| format!("M{at}")).collect();
        assert!(
            check(&format!(
                "const LAST = M{}; enum e {{ {} }};",
                COUNT - 1,
                members.join(", ")
            ))
            .is_empty()
        );
        refused(
            "enum e { A = 2147483647, B };",
            "from -2147483648 to 2147483647, found 2147483648",
        );
    }
}

mod errors {
    use super::check;

    #[test]
    fn their_number_is_limited() {
        let found = check(&"wrong;\n".repeat(100_000));
        assert_eq!(found.len(), 50);
        assert!(
            found
                .last()
                .unwrap()
                .notes
                .iter()
                .any(|note| note.contains("more errors"))
        );
        assert_eq!(check(&"struct a { b c; };\n".repeat(1000)).len(), 50);
    }

    #[test]
    fn a_long_line_is_cut() {
        let found = check(&format!(
            "{}wrong;{}",
            " ".repeat(1 << 20),
            "x".repeat(1 << 20)
        ));
        let first = found.first().unwrap();
        assert_eq!(first.column, (1 << 20) + 1);
        assert!(first.to_string().len() < 2000);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let found = check("struct \x1b[31m\0 { int a; };\n\x07\n");
        assert!(!found.is_empty());
        for one in found {
            assert!(
                one.to_string()
                    .chars()
                    .all(|c| c == '\n' || !c.is_control()),
                "{one:?}"
            );
        }
    }
}

/// Every file of the test data, cut and changed at random: an answer each time. `SEED` repeats a run.
#[test]
fn changed_files_are_accepted_or_refused() {
    let mut seed: u64 = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    println!("SEED={seed}");
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(below.max(1)).unwrap()).unwrap()
    };
    let mut texts = Vec::new();
    for folder in ["testdata/accept", "testdata/refuse"] {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        for path in paths
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "x"))
        {
            texts.push(std::fs::read(path).unwrap());
        }
    }
    let pieces: &[&str] = &[
        "{",
        "}",
        "(",
        ")",
        "<",
        ">",
        "[",
        "]",
        ";",
        ",",
        "*",
        "=",
        ":",
        "/*",
        "*/",
        "//",
        "\"",
        "'",
        "\\\n",
        "\n#",
        "\n%",
        "#define ",
        "#if ",
        "#include \"22-include.x\"\n",
        "struct ",
        "union ",
        "switch ",
        "case ",
        "default",
        "enum ",
        "typedef ",
        "const ",
        "program ",
        "version ",
        "void",
        "string ",
        "opaque ",
        "unsigned ",
        "0x",
        "-",
        "18446744073709551615",
        "namespace a {",
        "pragma ",
        "::",
        "\u{fffd}",
        "\0",
    ];
    for text in &texts {
        for _ in 0..24 {
            let mut changed = text.clone();
            for _ in 0..=next(4) {
                let at = next(changed.len() + 1);
                match next(5) {
                    0 => changed.truncate(at),
                    1 if at < changed.len() => changed[at] = u8::try_from(next(256)).unwrap(),
                    2 => {
                        let to = (at + next(20)).min(changed.len());
                        changed.drain(at..to);
                    }
                    3 => {
                        let from = next(changed.len() + 1);
                        let piece: Vec<u8> =
                            changed[from..(from + next(40)).min(changed.len())].to_vec();
                        changed.splice(at..at, piece);
                    }
                    _ => {
                        let piece = pieces[next(pieces.len())];
                        changed.splice(at..at, piece.bytes());
                    }
                }
            }
            let mut name = String::new();
            write!(name, "testdata/accept/changed.x").unwrap();
            let result = Builder::new()
                .reader(name, changed.as_slice())
                .unwrap()
                .generate_to_string();
            if let Err(error) = result {
                assert!(!error.to_string().is_empty());
            }
        }
    }
}
