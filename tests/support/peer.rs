//! Programs nobody here wrote: whether they are there, and building small C programs against their libraries.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether every one of `programs` is on this machine.
///
/// When one is not, says which test goes without it (also in the file that `tests/run` prints at its end) and gives
/// `false`; under `CI=true` a missing peer is a failure.
///
/// # Panics
/// Under `CI=true`, when a program is missing.
#[must_use]
pub fn have(test: &str, programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs
        .iter()
        .copied()
        .filter(|program| !is_there(program))
        .collect();
    missing.is_empty() || leave_out(test, &format!("needs {}", missing.join(", ")))
}

/// Whether this process may make namespaces and use ports below 1024, that is, whether it is root.
///
/// # Panics
/// Under `CI=true`, when it is not.
#[must_use]
pub fn have_root(test: &str) -> bool {
    nix::unistd::geteuid().is_root() || leave_out(test, "needs root")
}

/// Says which test is left out and why, as [`have`] does, and gives `false`.
///
/// # Panics
/// Under `CI=true`.
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
pub fn leave_out(test: &str, why: &str) -> bool {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{test} {why}");
    eprintln!("left out: {test} {why}");
    if let Some(list) = std::env::var_os("FAIRWAY_LEFT_OUT")
        && let Ok(mut file) = OpenOptions::new().append(true).open(list)
    {
        // The list is a courtesy: a test does not fail over it.
        drop(writeln!(file, "{test} {why}"));
    }
    false
}

fn is_there(program: &str) -> bool {
    if program.starts_with('/') {
        return Path::new(program).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).exists())
}

/// A folder of this test's own below the build's target directory, emptied.
///
/// # Panics
/// When it cannot be made.
#[must_use]
#[expect(clippy::expect_used, reason = "a test helper")]
pub fn scratch(name: &str) -> PathBuf {
    let folder = target().join("fairway-tests").join(name);
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

/// Runs a build step (`gcc`, `rpcgen`, `make`) and fails with its output.
///
/// # Panics
/// When the command cannot be started or fails.
#[expect(clippy::expect_used, reason = "a test helper")]
pub fn built(command: &mut Command) {
    let output = command.output().expect("the build command starts");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The build's target directory: above the running test (`target/debug/deps/interop-…`), whatever it is called.
#[must_use]
pub fn target() -> PathBuf {
    let fallback = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let here = std::env::current_exe().unwrap_or_else(|_| fallback());
    here.ancestors()
        .find(|folder| folder.join(".rustc_info.json").exists())
        .map_or_else(fallback, Path::to_path_buf)
}
