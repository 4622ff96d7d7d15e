//! What a build script sees.
#![expect(clippy::unwrap_used, reason = "tests may: a panic is how they fail")]

use std::path::PathBuf;
use std::process::Command;

use fairway_rpcgen::emit::{Hook, Parts};
use fairway_rpcgen::{Builder, Error, Severity};

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("builder-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("x")).unwrap();
    std::fs::create_dir_all(folder.join("out")).unwrap();
    std::fs::write(
        folder.join("x/types.x"),
        "struct included { string s<LEN>; };\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("x/echo.x"),
        "#include \"types.x\"\n#include <more.x>\nstruct echo { included a; more b; };\n",
    )
    .unwrap();
    std::fs::create_dir_all(folder.join("inc")).unwrap();
    std::fs::write(folder.join("inc/more.x"), "typedef int more;\n").unwrap();
    folder
}

/// Acts as a build script when [`as_a_build_script`] starts it.
#[test]
#[ignore = "a part of other tests"]
fn child() {
    let Some(folder) = std::env::var_os("BUILDER_FOLDER").map(PathBuf::from) else {
        return;
    };
    let result = Builder::new()
        .file(folder.join("x/echo.x"))
        .include_dir(folder.join("inc"))
        .extern_const("LEN", 16)
        .generate();
    if let Err(error) = result {
        eprintln!("Error: {error:?}"); // as std does for a main that returns it
        std::process::exit(1);
    }
}

/// Runs [`child`] with `OUT_DIR` set: its exit status, what it told cargo, what it said.
fn as_a_build_script(folder: &PathBuf) -> (Option<i32>, Vec<String>, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("BUILDER_FOLDER", folder)
        .env("OUT_DIR", folder.join("out"))
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    // The harness may have written on the same line before.
    let told = stdout
        .lines()
        .filter_map(|line| line.find("cargo:").map(|at| line[at..].to_owned()))
        .collect();
    (
        output.status.code(),
        told,
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn output_goes_to_out_dir_and_cargo_learns_of_all_files() {
    let folder = folder("script");
    let (code, told, said) = as_a_build_script(&folder);
    assert_eq!(code, Some(0), "{said}");
    let line = |file: &str| format!("cargo:rerun-if-changed={}", folder.join(file).display());
    assert_eq!(
        told,
        [line("x/echo.x"), line("x/types.x"), line("inc/more.x")]
    );
    let written = std::fs::read_to_string(folder.join("out/echo.rs")).unwrap();
    assert!(written.contains("pub struct Echo"), "{written}");
}

#[test]
fn errors_are_shown_and_cargo_still_learns_of_the_files() {
    let folder = folder("script-fails");
    std::fs::write(folder.join("x/types.x"), "struct included { wrong s; };\n").unwrap();
    let (code, told, said) = as_a_build_script(&folder);
    assert_eq!(code, Some(1));
    assert_eq!(told.len(), 3);
    assert!(
        said.contains("types.x:1:19: error: expected a known type, found `wrong`"),
        "{said}"
    );
    assert!(
        said.contains("\n1 | struct included { wrong s; };\n  |                   ^^^^^\n"),
        "{said}"
    );
    assert!(
        said.contains(&format!(
            "note: included from {}:1:1",
            folder.join("x/echo.x").display()
        )),
        "{said}"
    );
    assert!(!folder.join("out/echo.rs").exists());
}

#[test]
fn unchanged_output_is_not_touched() {
    let folder = folder("unchanged");
    let builder = Builder::new()
        .text("a.x", "struct a { int b; };")
        .out_dir(folder.join("out"));
    builder.generate().unwrap();
    let path = folder.join("out/a.rs");
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(old)
        .unwrap();
    builder.generate().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), old);
    Builder::new()
        .text("a.x", "struct a { int c; };")
        .out_dir(folder.join("out"))
        .generate()
        .unwrap();
    assert_ne!(std::fs::metadata(&path).unwrap().modified().unwrap(), old);
}

#[test]
fn two_files_of_one_name_are_refused() {
    let folder = folder("same-name");
    let builder = Builder::new()
        .text("p/a.x", "")
        .text("q/a.x", "")
        .out_dir(folder.join("out"));
    assert!(matches!(builder.generate(), Err(Error::Overwrite(path)) if path.ends_with("a.rs")));
}

#[test]
fn options_are_checked() {
    let wrong = [
        Builder::new().extern_const("not a name", 1),
        Builder::new().extern_const("A", i128::from(u64::MAX) + 1),
        Builder::new().extern_type("a", ""),
        Builder::new().extern_type("a", "crate::x; evil()!"),
        Builder::new().extern_type("a b", "crate::X"),
        Builder::new().define("1", "1"),
    ];
    for builder in wrong {
        assert!(
            matches!(
                builder.clone().text("a.x", "").models(),
                Err(Error::Option(_))
            ),
            "{builder:?}"
        );
    }
    let right = Builder::new()
        .extern_type("a", "::std::vec::Vec<crate::X>")
        .define("F(x)", "x")
        .extern_const("B", u64::MAX);
    right
        .text("a.x", "struct s { a x; }; const C = F(B);")
        .models()
        .unwrap();
}

#[test]
fn text_and_files_give_the_same() {
    let folder = folder("text");
    let from_file = Builder::new()
        .file(folder.join("inc/more.x"))
        .generate_to_string()
        .unwrap();
    let from_text = Builder::new()
        .text("more.x", "typedef int more;\n")
        .generate_to_string()
        .unwrap();
    assert_eq!(from_file, from_text);
    let reader = Builder::new()
        .reader("more.x", &b"typedef int more;\n"[..])
        .unwrap();
    assert_eq!(reader.generate_to_string().unwrap(), from_text);
    let both = Builder::new()
        .text("more.x", "typedef int more;\n")
        .text("more.x", "typedef int more;\n");
    assert_eq!(both.generate_to_string().unwrap(), from_text.repeat(2));
}

#[test]
fn hooks_are_dropped_or_kept() {
    let text = "%use crate::elsewhere;\nstruct a { int b; };\n";
    let with = |hook| {
        Builder::new()
            .text("a.x", text)
            .hook(hook)
            .generate_to_string()
            .unwrap()
    };
    assert!(!with(Hook::Drop).contains("elsewhere"));
    assert!(with(Hook::Comment).contains("// % use crate::elsewhere;"));
    assert!(
        with(Hook::Verbatim)
            .lines()
            .any(|line| line == "use crate::elsewhere;")
    );
}

#[test]
fn parts_make_up_the_whole() {
    let text = std::fs::read_to_string("testdata/accept/17-procedures.x").unwrap();
    let part = |parts| {
        Builder::new()
            .text("a.x", &text)
            .parts(parts)
            .generate_to_string()
            .unwrap()
    };
    let parts = [
        Parts {
            types: true,
            ..Parts::default()
        },
        Parts {
            codecs: true,
            ..Parts::default()
        },
        Parts {
            client: true,
            ..Parts::default()
        },
        Parts {
            server: true,
            ..Parts::default()
        },
    ];
    // Comments of one line head the parts.
    let without_headings = |text: String| {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("// ") && !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    };
    let sum = parts.map(|one| without_headings(part(one))).join("\n");
    assert_eq!(sum, without_headings(part(Parts::plain())));
}

#[test]
fn warnings_are_given_with_the_output() {
    let generated = Builder::new()
        .text("a.x", "typedef int a;\ntypedef  int a;\n")
        .generate_all()
        .unwrap();
    let [generated] = generated.as_slice() else {
        panic!("one file, one output")
    };
    let [warning] = generated.warnings.as_slice() else {
        panic!("one warning: {:?}", generated.warnings)
    };
    assert_eq!(
        (warning.severity, warning.line, warning.column),
        (Severity::Warning, 2, 14)
    );
    assert!(
        warning
            .to_string()
            .contains("note: the first definition is at a.x:1:13"),
        "{warning}"
    );
}
