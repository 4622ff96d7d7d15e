//! Our own programs, built for a test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::{built, busy};

/// The folder of our programs and libraries, with all that a package has built as this program was: with optimisation if it
/// was.
///
/// # Panics
/// When they cannot be built.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a test helper")]
pub fn programs(package: &'static str) -> PathBuf {
    static BUILT: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let here = std::env::current_exe().unwrap();
    let folder = here.parent().unwrap();
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap()
    } else {
        folder
    };
    let is_built = || {
        let packages = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        packages.contains(package)
    };
    if !is_built() {
        let _share = busy();
        // Others wait meanwhile: for the same package, or else for cargo.
        let mut packages = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if !packages.contains(package) {
            build(package, folder);
            packages.insert(package);
        }
    }
    folder.to_path_buf()
}

/// Builds a package into the folder of its profile.
fn build(package: &str, folder: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "-p", package]);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    if let Some(target) = folder.parent() {
        command.env("CARGO_TARGET_DIR", target);
    }
    built(command.current_dir(env!("CARGO_MANIFEST_DIR")));
}
