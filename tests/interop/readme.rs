//! The README's service works when a stranger copies it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fairway_tests::{Child, built, scratch, until};

const SOON: Duration = Duration::from_secs(30);

/// The README's files: blocks of code behind a line that is nothing but a name in backticks.
fn files(readme: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        let name = line
            .strip_prefix('`')
            .and_then(|line| line.strip_suffix('`'));
        let Some(name) = name.filter(|name| !name.contains('`')) else {
            continue;
        };
        let Some(fence) = lines.next().filter(|fence| fence.starts_with("```")) else {
            continue;
        };
        assert!(fence.len() > 3, "{name}: a block without a language");
        let mut text = String::new();
        for line in lines.by_ref().take_while(|line| *line != "```") {
            text.push_str(line);
            text.push('\n');
        }
        found.push((name, text));
    }
    found
}

#[test]
fn the_service_of_the_readme_compiles_and_answers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let folder = scratch("the_service_of_the_readme");
    let files = files(&readme);
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["Cargo.toml", "build.rs", "greeter.x", "src/main.rs"]
    );
    for (name, mut text) in files {
        if name == "Cargo.toml" {
            text = text.replace("../fairway", root.to_str().unwrap());
            // Here it lies within another workspace.
            text.push_str("\n[workspace]\n");
        }
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    // The versions that Fairway is tested with: nothing is fetched.
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--offline"]);
    cargo.env("CARGO_TARGET_DIR", folder.join("target"));
    cargo.env("RUSTFLAGS", "-Dwarnings");
    built(cargo.current_dir(&folder));
    let greeter = folder.join("target/debug/greeter");

    // Both protocols want the same port, which must be free.
    let (mut server, address) = until("a server", SOON, || {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let mut serve = Command::new(&greeter);
        serve.args(["serve", &address]);
        let mut server = Child::spawn(serve.stdout(Stdio::piped()));
        let listens = until("a word", SOON, || {
            let call = Command::new(&greeter)
                .args(["call", &address, "nobody"])
                .output();
            match server.ended() {
                Some(_) => Some(false),
                None => call.is_ok_and(|call| call.status.success()).then_some(true),
            }
        });
        listens.then_some((server, address))
    });
    let mut call = Command::new(&greeter);
    let output = Child::output(call.args(["call", &address, "Ada"]), SOON);
    assert_eq!(
        output.stdout, "Hello Ada, over Tcp. You are guest 2.\n",
        "{output:?}"
    );
    assert!(server.first_line().starts_with("listening on ["));
}
