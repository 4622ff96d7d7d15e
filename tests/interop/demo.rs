//! `cargo demo` tells its story and ends well.

use std::process::Command;
use std::time::Duration;

use fairway_tests::Child;

#[test]
fn the_demo_calls_its_service_on_our_own_stack() {
    let told = tell(&[]);
    let lines: Vec<&str> = told.lines().map(str::trim_start).collect();
    for line in [
        "HARBOUR_TIDE              4002 calls, 0 refused",
        "again until it got through.",
    ] {
        assert!(lines.contains(&line), "no line {line:?} in\n{told}");
    }
    let reserved = lines
        .iter()
        .find(|line| line.starts_with("reserved  "))
        .unwrap();
    assert!(reserved.contains("  0.0 % "), "{reserved}");
    let report = std::env::temp_dir().join("fairway-demo.html");
    let report = std::fs::read_to_string(report).unwrap();
    assert_eq!(report.matches("<svg").count(), 2);
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, excerpt) = readme.split_once("```text\n4 Calls\n").unwrap();
    let (excerpt, _) = excerpt.split_once("```").unwrap();
    let told: Vec<String> = told.lines().map(without_figures).collect();
    for line in excerpt.lines().map(without_figures) {
        assert!(told.contains(&line), "the README has {line:?}");
    }
}

#[test]
fn the_demo_calls_its_service_on_the_system_s_stack() {
    let told = tell(&["--system"]);
    let lines: Vec<&str> = told.lines().map(str::trim_start).collect();
    let counted = "HARBOUR_TIDE              4001 calls, 0 refused";
    assert!(lines.contains(&counted), "no line {counted:?} in\n{told}");
}

/// What the demo tells, with what it tells on either stack checked.
fn tell(arguments: &[&str]) -> String {
    let demo = env!("CARGO_BIN_EXE_demo");
    let output = Child::output(Command::new(demo).args(arguments), Duration::from_secs(120));
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, "");
    let told = output.stdout;
    assert!(!told.contains('\x1b'), "no colours in a pipe");
    let lines: Vec<&str> = told.lines().map(str::trim_start).collect();
    let rows = |service: &str| {
        let of_service = |line: &&&str| {
            line.starts_with(|c: char| c.is_ascii_digit()) && line.ends_with(service)
        };
        lines.iter().filter(of_service).count()
    };
    assert_eq!(rows("  portmapper"), 6, "{told}");
    assert_eq!(rows("  harbour"), 2, "{told}");
    for line in [
        "program vers proto   port  service",
        "moor Fram                        → berth 2",
        "moor Terra Nova                  → no berth is free",
        "tide at 06:00, over UDP          → 2762 mm",
        "a procedure that is not there    → procedure unavailable",
        "HARBOUR_MOOR                 4 calls, 1 refused",
        "`rpcinfo -p` no longer shows it.",
    ] {
        assert!(lines.contains(&line), "no line {line:?} in\n{told}");
    }
    for many in [
        "TCP, one by one",
        "TCP, 1000 at a time",
        "UDP, one by one",
        "UDP, 1000 at a time",
    ] {
        let figures = lines.iter().find(|line| line.starts_with(many)).unwrap();
        assert!(figures.contains(" 1000 calls in "), "{figures}");
    }
    for line in told.lines() {
        assert!(line.chars().count() <= 80, "too long: {line}");
    }
    told
}

/// A line whose numbers, which are others every time, are `#`, and whose columns are a space apart.
fn without_figures(line: &str) -> String {
    let is_figure = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    line.split_ascii_whitespace()
        .map(|word| if is_figure(word) { "#" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

/// A shell's `demo | head -1`: the reader leaves, which is no failure.
#[test]
fn the_demo_ends_quietly_when_nobody_reads_on() {
    let demo = env!("CARGO_BIN_EXE_demo");
    let mut command = Command::new("sh");
    command.args(["-c", "{ \"$0\"; echo \"ended $?\" >&2; } | head -1", demo]);
    let output = Child::output(&mut command, Duration::from_secs(120));
    assert_eq!(output.stderr, "ended 0\n");
    assert_eq!(output.stdout, "\n");
}

#[test]
fn the_demo_refuses_arguments_it_does_not_know() {
    let demo = env!("CARGO_BIN_EXE_demo");
    let output = Child::output(Command::new(demo).arg("bogus"), Duration::from_secs(120));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("'bogus'"), "{}", output.stderr);
    let output = Child::output(Command::new(demo).arg("--help"), Duration::from_secs(120));
    assert!(output.status.success());
    assert!(
        output.stdout.contains("Usage: cargo demo [OPTIONS]\n"),
        "{}",
        output.stdout
    );
}
