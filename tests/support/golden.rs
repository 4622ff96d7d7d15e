//! Expected output kept in files.

use std::path::Path;

/// Compares `actual` with the file at `path`; `BLESS=1` writes the file instead, and is the only thing that does.
///
/// # Panics
/// When they differ: with the first line that does.
#[track_caller]
#[expect(clippy::panic, reason = "a test helper: failing is its job")]
pub fn assert_golden(path: impl AsRef<Path>, actual: &str) {
    let path = path.as_ref();
    if std::env::var_os("BLESS").is_some() {
        if let Err(error) = std::fs::write(path, actual) {
            panic!("{}: {error}", path.display());
        }
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return;
    }
    let same = expected
        .lines()
        .zip(actual.lines())
        .take_while(|(left, right)| left == right)
        .count();
    panic!(
        "{}:{}: expected {:?}, got {:?} (BLESS=1 accepts what is now)\n{actual}",
        path.display(),
        same + 1,
        expected.lines().nth(same),
        actual.lines().nth(same),
    );
}
