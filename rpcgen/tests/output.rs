//! What is written: compared with golden files, formatted, and compiled as users would, in both editions. `BLESS=1` rewrites the
//! golden files.
#![expect(clippy::unwrap_used, reason = "tests may: a panic is how they fail")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use fairway_rpcgen::Builder;
use fairway_rpcgen::emit::{Hook, Parts, Transport};

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(Path::new("testdata").join(folder))
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
        let (option, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (name, value) = rest.split_once('=').unwrap_or((rest, "1"));
        builder = match option {
            "extern-const" => {
                let value = match value.strip_prefix("0x") {
                    Some(hex) => i64::from_str_radix(hex, 16),
                    None => value.parse(),
                };
                builder.extern_const(name, value.unwrap())
            }
            "extern-type" => builder.extern_type(name, value),
            "define" => builder.define(name, value),
            "include-dir" => builder.include_dir(rest),
            _ => builder,
        };
    }
    builder
}

fn written(path: &Path) -> String {
    builder(path).borrowed(true).generate_to_string().unwrap()
}

/// A folder of this run's own below the target folder.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Asserts that a program succeeds, and shows what it said if not.
fn assert_succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn output_is_that_of_the_golden_files() {
    let mut differ = String::new();
    for path in files("output") {
        let golden = path.with_extension("rs");
        let found = written(&path);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &found).unwrap();
        } else if std::fs::read_to_string(&golden).unwrap_or_default() != found {
            writeln!(differ, "{}", golden.display()).unwrap();
        }
    }
    assert!(
        differ.is_empty(),
        "not as expected (BLESS=1 accepts what is now):\n{differ}"
    );
}

/// Item 4 of the command line: the parts in the order h c l m are the plain output.
#[test]
fn parts_in_order_are_the_plain_output() {
    for path in files("output") {
        let part = |change: fn(&mut Parts)| {
            let mut parts = Parts::default();
            change(&mut parts);
            builder(&path)
                .borrowed(true)
                .parts(parts)
                .generate_to_string()
                .unwrap()
        };
        let parts = [
            part(|parts| parts.types = true),
            part(|parts| parts.codecs = true),
            part(|parts| parts.client = true),
            part(|parts| parts.server = true),
        ];
        assert_eq!(parts.concat(), written(&path), "{}", path.display());
    }
}

#[test]
fn main_is_added_for_each_transport_once() {
    let parts = Parts {
        server: true,
        main: vec![Transport::Udp, Transport::Tcp, Transport::Udp],
        ..Parts::default()
    };
    let found = builder(Path::new("testdata/output/echo.x"))
        .parts(parts)
        .generate_to_string()
        .unwrap();
    assert!(found.contains("pub trait EchoV1"));
    let transports =
        "    let transports = [::fairway_rpc::Transport::Tcp, ::fairway_rpc::Transport::Udp];\n";
    assert_eq!(found.matches(transports).count(), 1, "{found}");
}

#[test]
fn percent_lines_are_dropped_kept_as_comments_or_taken_as_rust() {
    let text = "%use crate::Thing;\nstruct a { int x; };\n";
    let hook = |hook| {
        Builder::new()
            .text("a.x", text)
            .hook(hook)
            .generate_to_string()
            .unwrap()
    };
    assert!(!hook(Hook::Drop).contains("Thing"));
    assert!(hook(Hook::Comment).contains("\n// % use crate::Thing;\n"));
    assert!(hook(Hook::Verbatim).contains("\nuse crate::Thing;\n"));
}

/// STYLE: no unsafe, nothing that panics, no path of a file.
#[test]
fn output_holds_nothing_that_it_should_not() {
    for path in files("output").into_iter().chain(files("accept")) {
        let found = written(&path);
        let code = found
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for word in [
                "unsafe {",
                "unsafe fn",
                "unsafe impl",
                "unwrap(",
                "expect(",
                "panic!",
                "todo!",
                "testdata",
            ] {
                assert!(!line.contains(word), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn output_is_formatted() {
    let folder = scratch("formatted");
    let mut command = Command::new("rustfmt");
    command.args([
        "--check",
        "--edition",
        "2024",
        "--config",
        "style_edition=2024",
    ]);
    for path in files("output").into_iter().chain(files("accept")) {
        let name = folder.join(path.file_name().unwrap()).with_extension("rs");
        std::fs::write(&name, written(&path)).unwrap();
        command.arg(name);
    }
    let parts = Parts {
        main: vec![Transport::Tcp],
        ..Parts::default()
    };
    let main = builder(Path::new("testdata/output/echo.x"))
        .parts(parts)
        .generate_to_string()
        .unwrap();
    std::fs::write(folder.join("main_part.rs"), main).unwrap();
    command.arg(folder.join("main_part.rs"));
    assert_succeeds(&mut command);
}

/// What a user writes for the main of echo.x.
const HANDLER: &str = r#"
pub mod server {
    #[derive(Default)]
    struct Handler;

    impl EchoV1 for Handler {
        async fn blob(
            &self,
            _: &fairway_rpc::CallContext,
            arg: EchoBlob,
        ) -> Result<fairway_rpc::Reply<EchoBlob>, fairway_rpc::Refusal> {
            Ok(arg.into())
        }

        async fn stat(
            &self,
            _: &fairway_rpc::CallContext,
            arg: u32,
        ) -> Result<fairway_rpc::Reply<EchoStat>, fairway_rpc::Refusal> {
            Ok(EchoStat { calls: arg, pad: 0 }.into())
        }
    }

    include!("echo_server.rs");
}
"#;

/// As a user's crate: included into public and private modules, rustc's and clippy's default lints, nothing allowed.
#[test]
fn output_compiles_without_a_warning_in_both_editions() {
    let folder = scratch("generated");
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let mut root = String::from("//! Generated code.\n\n#[path = \"");
    let foreign = std::fs::canonicalize("testdata/output/foreign.rs").unwrap();
    writeln!(
        root,
        "{}\"]\npub mod foreign;\npub use foreign::Kind;\npub use foreign as net;\n",
        foreign.display()
    )
    .unwrap();
    for path in files("output").into_iter().chain(files("accept")) {
        let stem = path
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .replace('-', "_");
        std::fs::write(
            folder.join("src").join(format!("{stem}.rs")),
            written(&path),
        )
        .unwrap();
        let name = stem.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
        writeln!(
            root,
            "pub mod x_{name} {{\n    include!(\"{stem}.rs\");\n}}"
        )
        .unwrap();
        // What is not used from elsewhere: names are looked at more closely then.
        writeln!(
            root,
            "#[allow(dead_code)]\nmod private_{name} {{\n    include!(\"{stem}.rs\");\n}}"
        )
        .unwrap();
    }
    // A server with its main, as a user completes it.
    let parts = Parts {
        types: true,
        codecs: true,
        server: true,
        main: vec![Transport::Tcp, Transport::Udp],
        ..Parts::default()
    };
    let echo = builder(Path::new("testdata/output/echo.x")).parts(parts);
    std::fs::write(
        folder.join("src/echo_server.rs"),
        echo.generate_to_string().unwrap(),
    )
    .unwrap();
    root.push_str(HANDLER);
    // With serde, where long arrays need help.
    let zoo = builder(Path::new("testdata/output/zoo.x")).serde(true);
    std::fs::write(
        folder.join("src/zoo_serde.rs"),
        zoo.generate_to_string().unwrap(),
    )
    .unwrap();
    root.push_str("pub mod with_serde {\n    include!(\"zoo_serde.rs\");\n}\n");
    std::fs::write(folder.join("src/lib.rs"), root).unwrap();
    let workspace = std::fs::canonicalize("..").unwrap();
    std::fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    for edition in ["2021", "2024"] {
        let manifest = format!(
            "[package]\nname = \"generated\"\nversion = \"0.0.0\"\nedition = \"{edition}\"\n\n[workspace]\n\n[dependencies]\n\
             serde = {{ version = \"1.0\", features = [\"derive\"] }}\nfairway-xdr = {{ path = \"{0}/xdr\", features = [\"serde\"] }}\nfairway-rpc = {{ path = \"{0}/rpc\" }}\n",
            workspace.display()
        );
        std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        assert_succeeds(
            Command::new(env!("CARGO"))
                .args(["clippy", "--quiet", "--offline", "--", "-D", "warnings"])
                .current_dir(&folder)
                .env("CARGO_TARGET_DIR", folder.join("target"))
                .env_remove("RUSTFLAGS"),
        );
    }
}
