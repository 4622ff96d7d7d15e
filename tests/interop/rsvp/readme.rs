//! The README's reservation holds when a stranger copies it.

use std::path::Path;
use std::process::Stdio;

use fairway_tests::rsvp::{possible, programs};
use fairway_tests::{Child, Namespace, have, quiet};

use super::lab::LIMIT;

/// The commands of the README's section, without those that build.
fn commands() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(file).unwrap();
    let (_, section) = readme.split_once("\n## Reserving a path\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks: Vec<&str> = section
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split_once("```").unwrap().0)
        .collect();
    assert_eq!(blocks.len(), 3, "{blocks:?}");
    let text = blocks.concat();
    let (build, rest) = text.split_once("\n\n").unwrap();
    assert_eq!(
        build,
        "cargo build --release -p fairway-rsvp\nPATH=$PWD/target/release:$PATH"
    );
    rest.to_owned()
}

/// The losses that iperf3 tells, in percent, second by second.
fn losses(text: &str) -> Vec<f64> {
    let of_line = |line: &str| {
        let (_, behind) = line.rsplit_once('(')?;
        behind.split_once("%)")?.0.parse().ok()
    };
    text.lines()
        .filter(|line| line.trim_end().ends_with("%)"))
        .filter_map(of_line)
        .collect()
}

/// RSVP-9, as the README tells it.
#[test]
fn the_reservation_of_the_readme_holds() {
    let test = "the_reservation_of_the_readme_holds";
    if !possible(test) || !have(test, &["iperf3", "sysctl"]) {
        return;
    }
    let here = Namespace::new();
    let mut shell = here.command("bash");
    let path = std::env::var("PATH").unwrap();
    shell.env("PATH", format!("{}:{path}", programs().display()));
    shell.args(["-c", &commands()]).stderr(Stdio::null());
    let _quiet = quiet();
    let output = Child::output(&mut shell, LIMIT);
    let said = output.stdout;
    assert!(
        said.contains("confirmed by 10.1.1.1 for 10.1.1.1:4000"),
        "{said} {}",
        output.stderr
    );
    let installed =
        "udp 10.1.4.2:5001  10.1.1.1:4000  right  CL 5.5Mbit/s b 15kB  5.5Mbit/s b 15kB";
    // On each of the three routers.
    assert_eq!(said.matches(installed).count(), 3, "{said}");
    let losses = losses(&said);
    // Lost while only flooded, in one second at least, and how much depends on the machine; not after the reservation, the
    // second of the change apart.
    assert!(losses.iter().any(|loss| *loss >= 1.0), "{said}");
    let after = losses.iter().skip(7).take(4).copied();
    assert!(
        after.clone().count() == 4 && after.sum::<f64>() < 1.0,
        "{said}"
    );
}
