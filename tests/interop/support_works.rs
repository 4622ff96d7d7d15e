//! The helpers that the rest stands on.

use std::process::{Command, Stdio};
use std::time::Duration;

use fairway_tests::{Child, Namespace, have, have_root};

#[test]
fn a_namespace_has_a_run_of_its_own_and_reaches_its_neighbour() {
    let test = "a_namespace_has_a_run_of_its_own_and_reaches_its_neighbour";
    if !(have_root(test) && have(test, &["unshare", "nsenter", "ip"])) {
        return;
    }
    let (left, right) = (Namespace::new(), Namespace::new());
    left.connect(("a", "10.9.0.1/24"), &right, ("b", "10.9.0.2/24"));
    let listing = Child::output(left.command("ls").arg("/run"), Duration::from_secs(5));
    assert_eq!(listing.stdout, "rpcbind\n");
    let route = Child::output(
        left.command("ip").args(["route", "get", "10.9.0.2"]),
        Duration::from_secs(5),
    );
    assert!(
        route.status.success() && route.stdout.contains("dev a"),
        "{route:?}"
    );
}

#[test]
fn a_dropped_child_is_gone() {
    let child = Child::spawn(Command::new("sleep").arg("1000").stdout(Stdio::null()));
    let id = child.id();
    drop(child);
    let status = std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
    assert!(!status.starts_with("sleep"), "{status:?}");
}
