//! The README's service works when a stranger copies it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fairway_tests::{Child, built, busy, scratch, target, until};
use nix::sys::signal::Signal;

const SOON: Duration = Duration::from_secs(30);
/// For a command that compiles a program first.
const BUILT: Duration = Duration::from_secs(600);

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

/// The README's commands between the tutorial's last file and what follows it, each with the output that is shown below it as comments.
fn commands(readme: &str) -> Vec<(&str, String)> {
    let (_, behind) = readme.split_once("`src/main.rs`\n").unwrap();
    let (tutorial, _) = behind.split_once("\nWhere to go on:").unwrap();
    let mut found: Vec<(&str, String)> = Vec::new();
    for block in tutorial.split("```sh\n").skip(1) {
        let (lines, _) = block.split_once("```").unwrap();
        for line in lines.lines() {
            match (line.strip_prefix("# "), found.last_mut()) {
                (Some(output), Some((_, outputs))) => {
                    outputs.push_str(output);
                    outputs.push('\n');
                }
                _ => found.push((line, String::new())),
            }
        }
    }
    found
}

/// The README's lines of Rust for the tutorial's program, below "Where to go on", as one function: they need only compile.
fn further_lines(readme: &str) -> String {
    let (_, behind) = readme.split_once("\nWhere to go on:").unwrap();
    let blocks: Vec<&str> = behind
        .split("```rust,ignore\n")
        .skip(1)
        .map(|block| block.split_once("```").unwrap().0)
        .collect();
    assert_eq!(blocks.len(), 2, "{blocks:?}");
    format!(
        "#[expect(dead_code, unused_variables)]
         async fn further(net: Net, server: Server) -> Result<(), Error> {{
             use fairway_rpc::{{Portmapper, Transport}};
             {}
             Ok(())
         }}",
        blocks.concat()
    )
}

/// A shell in which the README's commands mean what they say.
fn shell(folder: &Path, command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec {command}")]);
    // The cargo that runs this test, which fetches nothing; what it builds stays for the next time.
    let cargo = Path::new(env!("CARGO")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    shell.env("PATH", format!("{}:{path}", cargo.display()));
    shell.env("CARGO_NET_OFFLINE", "true");
    shell.env(
        "CARGO_TARGET_DIR",
        target().join("fairway-tests/readme_built"),
    );
    shell.env("RUSTFLAGS", "-Dwarnings");
    shell.current_dir(folder.join("greeter"));
    shell
}

#[test]
fn the_service_of_the_readme_compiles_answers_and_ends() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let folder = scratch("the_service_of_the_readme");
    std::os::unix::fs::symlink(&root, folder.join("fairway")).unwrap();
    let files = files(&readme);
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["Cargo.toml", "build.rs", "greeter.x", "src/main.rs"]
    );
    for (name, mut text) in files {
        if name == "src/main.rs" {
            text.push_str(&further_lines(&readme));
        }
        if name == "Cargo.toml" {
            // Here it lies within another workspace.
            text.push_str("\n[workspace]\n");
        }
        let path = folder.join("greeter").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    // The versions that Fairway is tested with.
    std::fs::copy(root.join("Cargo.lock"), folder.join("greeter/Cargo.lock")).unwrap();
    let share = busy();
    built(&mut shell(&folder, "cargo build --quiet"));

    drop(share);

    let commands = commands(&readme);
    let starts: Vec<&str> = commands
        .iter()
        .map(|(command, _)| command.split_once("-- ").unwrap().1)
        .collect();
    assert_eq!(
        starts,
        [
            "serve 127.0.0.1:4242",
            "call 127.0.0.1:4242 Ada",
            "-n 4242 -u 127.0.0.1 0x20000042 1",
        ]
    );
    let [(serve, _), asked @ ..] = &commands[..] else {
        unreachable!("three commands");
    };

    // Both protocols want the same port, which must be free: 4242 may not be.
    let (mut server, port) = until("a server", SOON, || {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let serve = serve.replace("4242", &port);
        let mut server = Child::spawn(shell(&folder, &serve).stdout(Stdio::piped()));
        let listens = until("a word", SOON, || {
            let listens = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok();
            match server.ended() {
                Some(_) => Some(false),
                None => listens.then_some(true),
            }
        });
        listens.then_some((server, port))
    });
    for (command, output) in asked {
        let command = command.replace("4242", &port);
        let share = busy();
        let said = Child::output(&mut shell(&folder, &command), BUILT);
        drop(share);
        assert_eq!(said.stdout, *output, "{command}: {}", said.stderr);
    }
    assert_eq!(
        server.first_line(),
        format!("listening on 127.0.0.1:{port}, TCP and UDP, until ctrl-c\n")
    );
    assert!(server.stop(Signal::SIGINT, SOON).success());
}

/// Files and folders of the project, wherever the README speaks of them.
#[test]
fn what_the_readme_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let folders = ["portmap/", "rpc/", "tests/"];
    let named: Vec<&str> = readme
        .split(|c| !is_part(c))
        .filter(|word| folders.iter().any(|folder| word.starts_with(folder)))
        .collect();
    assert!(
        named.contains(&"portmap/etc/portmapd.sysusers"),
        "{named:?}"
    );
    for name in named {
        assert!(root.join(name).exists(), "no {name}");
    }
}
