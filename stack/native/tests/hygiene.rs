//! What the engine is made of: few crates, no unsafe code, and nothing that would make a run depend on more than its
//! seed, its inputs and the times it is told.

#![expect(clippy::unwrap_used, reason = "tests")]

use fairway_native::event::{DropReason, EventId};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of all crates of the stack.
fn stack() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// The sources of a crate, without its tests and its comments.
fn sources(of: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![stack().join(of).join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if name != "tests" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|kind| kind == "rs") && name != "tests.rs" {
                let text = read(&path);
                let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
                let code: Vec<&str> = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                    .collect();
                found.push((path.clone(), code.join("\n")));
            }
        }
    }
    assert!(found.len() > 10, "{of}: found {}", found.len());
    found
}

/// The names in a section of a manifest.
fn section(manifest: &str, name: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| *line != format!("[{name}]"))
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let end = line.find(['.', ' ', '=']).unwrap_or(line.len());
            line.get(..end).unwrap().to_owned()
        })
        .collect()
}

#[test]
fn the_engine_needs_few_crates_and_the_codecs_none() {
    let manifest = read(&stack().join("native/Cargo.toml"));
    assert_eq!(
        section(&manifest, "dependencies"),
        ["bytes", "fairway-wire", "thiserror", "tracing"]
    );
    let manifest = read(&stack().join("wire/Cargo.toml"));
    assert_eq!(section(&manifest, "dependencies"), [""; 0]);
    for manifest in ["native/Cargo.toml", "wire/Cargo.toml"] {
        let manifest = read(&stack().join(manifest));
        assert_eq!(section(&manifest, "build-dependencies"), [""; 0]);
        assert!(!manifest.contains("[target."), "{manifest}");
    }
}

/// The same seed, inputs and times give the same octets.
#[test]
fn nothing_names_a_clock_a_thread_a_socket_or_chance() {
    let forbidden = [
        "Instant::now",
        "SystemTime",
        "UNIX_EPOCH",
        "std::time::Instant",
        "std::thread",
        "thread::spawn",
        "thread::sleep",
        "UdpSocket",
        "TcpStream",
        "TcpListener",
        "UnixStream",
        "std::fs",
        "std::io::Read",
        "std::env",
        "std::process",
        "tokio",
        "getrandom",
        "rand::",
        // Hash maps whose order depends on chance; ours are keyed by the seed and never iterated.
        "RandomState",
        "HashMap::new(",
        "HashSet::new(",
        "HashMap::default(",
        "HashSet::default(",
        // Addresses of memory differ from run to run.
        "as_ptr() as usize",
        ".addr()",
        "{:p}",
    ];
    for (path, code) in ["native", "wire"].into_iter().flat_map(sources) {
        for word in forbidden {
            let line = code.lines().find(|line| line.contains(word));
            assert_eq!(line, None, "{}", path.display());
        }
    }
}

/// G27.
#[test]
fn unsafe_code_is_forbidden_and_no_packet_reaches_an_index() {
    let workspace = read(&stack().join("../Cargo.toml"));
    assert!(
        section(&workspace, "workspace.lints.rust").contains(&"unsafe_code".to_owned())
            && workspace.contains("unsafe_code = \"forbid\"")
    );
    for of in ["wire", "native", "sim", "."] {
        let manifest = read(&stack().join(of).join("Cargo.toml"));
        assert_eq!(section(&manifest, "lints"), ["workspace"], "{of}");
    }
    for of in ["wire", "native"] {
        let root = read(&stack().join(of).join("src/lib.rs"));
        for line in [
            "#![forbid(unsafe_code)]",
            "#![warn(clippy::indexing_slicing)]",
        ] {
            assert!(root.lines().any(|other| other == line), "{of}: {line}");
        }
    }
}

/// No lint is switched off for more than an item, nor without a reason; and what is not ready is not there.
#[test]
fn exceptions_are_small_and_have_reasons() {
    for (path, code) in ["native", "wire"].into_iter().flat_map(sources) {
        for word in [
            "#![allow",
            "#![expect",
            "#[allow",
            "todo!",
            "unimplemented!",
            "SHIM",
            ".unwrap()",
            "panic!(",
        ] {
            let line = code.lines().find(|line| line.contains(word));
            assert_eq!(line, None, "{}", path.display());
        }
    }
}

/// What a reason to drop raises ([`DropReason`]) is raised by `dropped!`, which counts the reason; by `event!` only
/// where nothing is dropped.
#[test]
fn drops_are_told_by_their_reasons() {
    // Calls that are refused, and news that cost nobody anything.
    let no_drops = [
        ("input.rs", EventId::TcpInputReset),
        ("calls.rs", EventId::TcpAttachNopcbmem),
        ("tcp_calls.rs", EventId::TcpAttachNopcbmem),
        ("multicast.rs", EventId::IpMforwardNoroute),
        ("groups.rs", EventId::MulticastJoinLimit),
        ("tcp_calls.rs", EventId::IpOutputBadaddr),
        ("local_calls.rs", EventId::LocalFull),
        // A comparison.
        ("output.rs", EventId::IpOutputBadaddr),
    ];
    let mut found = 0;
    for (path, code) in sources("native") {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.parent().unwrap().ends_with("event") {
            continue;
        }
        for reason in DropReason::ALL {
            let event = format!("EventId::{:?}", reason.event());
            let there = code.match_indices(&event).any(|(at, it)| {
                let behind = code[at + it.len()..].chars().next();
                !behind.is_some_and(char::is_alphanumeric)
            });
            let fine = no_drops.contains(&(name, reason.event()));
            assert!(!there || fine, "{event} in {}", path.display());
        }
        found += code.matches("dropped!(").count();
    }
    assert!(found > 80, "{found} drops");
}
