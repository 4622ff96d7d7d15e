//! That every statement of the reference of sockets is checked, and what is said of the back ends.

use crate::bodies::difference::DIFFERENCES;
use std::fmt::Write as _;

/// The differences between the back ends are documented as the tests know them; `BLESS=1` writes them anew.
#[test]
fn differences_are_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/doc/differences.md");
    let mut table = String::from("| What | On the system | On native | Why |\n|---|---|---|---|\n");
    for [what, system, native, why] in DIFFERENCES {
        writeln!(table, "| {what} | {system} | {native} | {why} |").unwrap();
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        table,
        "BLESS=1 writes it anew"
    );
}
