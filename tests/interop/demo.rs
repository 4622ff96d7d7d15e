//! `cargo demo` tells its story and ends well.

use std::process::Command;
use std::time::Duration;

use fairway_tests::Child;

#[test]
fn the_demo_calls_its_service_and_shows_the_port_table() {
    let demo = env!("CARGO_BIN_EXE_demo");
    let output = Child::output(&mut Command::new(demo), Duration::from_secs(120));
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
    // The table is shown while the service is registered, and after.
    assert_eq!(rows("  portmapper"), 12, "{told}");
    assert_eq!(rows("  harbour"), 2, "{told}");
    for line in [
        "program vers proto   port  service",
        "moor Fram                        → berth 2",
        "moor Terra Nova                  → no berth is free",
        "tide at 06:00, over UDP          → 2762 mm",
        "a version that is not there      → program versions 1 to 1 there",
        "HARBOUR_TIDE              4001 calls, 0 refused",
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
}
