//! Many scripts at once.
//!
//! A script against the kernel mostly waits, so several run side by side, each in a process of its own: the program
//! `pktscript`, which this module starts again with [`INSIDE`].

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ast::{Script, Side};
use super::kernel::Kernel;
use super::native::Native;
use super::{parse, run};

/// The argument by which `pktscript` runs one script against the kernel in its own process.
pub const INSIDE: &str = "--inside";
/// Exit status of such a process when the script failed.
pub const FAILED: u8 = 1;
/// Exit status of such a process when it could not run a script at all.
pub const CANNOT: u8 = 3;

/// How often a script that runs in real time is tried.
const TRIES: usize = 3;

/// What became of a script.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It did all that is written; the trace, and how many tries it took.
    Passed(String, usize),
    /// It is for the other side, for this reason.
    NotForThisSide(String),
    /// It did not.
    Failed(String),
}

/// A script and what became of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// What became of it.
    pub verdict: Verdict,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(_, 1) => f.write_str("ok"),
            Self::Passed(_, tries) => write!(f, "ok, at try {tries}"),
            Self::NotForThisSide(reason) => write!(f, "not run: {reason}"),
            Self::Failed(what) => write!(f, "FAILED\n{what}"),
        }
    }
}

/// Every script below a folder, sorted.
#[must_use]
pub fn scripts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return found;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(scripts(&path));
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Reads a script from its file.
///
/// # Errors
/// When it cannot be read, or is not in the language.
pub fn load(path: &Path) -> Result<Script, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(path, &text).map_err(|error| error.to_string())
}

/// Runs one script in this process, which moves into a network namespace for it, and gives the trace.
///
/// # Errors
/// `Ok(Err(_))` is the script's failure, `Err` that it could not be run.
pub fn inside(path: &Path) -> Result<Result<String, String>, String> {
    let script = load(path)?;
    let mut kernel = Kernel::enter(&script.settings)?;
    Ok(match run(&script, &mut kernel) {
        Ok(passed) => Ok(passed.trace.join("\n")),
        Err(failed) => Err(failed.to_string()),
    })
}

/// Runs scripts against the engine, in this process and in virtual time.
#[must_use]
pub fn native(paths: &[PathBuf]) -> Vec<Report> {
    let report = |path: &PathBuf| Report {
        path: path.clone(),
        verdict: native_once(path),
    };
    paths.iter().map(report).collect()
}

fn native_once(path: &Path) -> Verdict {
    let script = match load(path) {
        Ok(script) => script,
        Err(error) => return Verdict::Failed(error),
    };
    if let Some((Side::Linux, reason)) = script.settings.only {
        return Verdict::NotForThisSide(reason);
    }
    match Native::new(&script.settings) {
        Err(error) => Verdict::Failed(format!("{}: {error}", path.display())),
        Ok(mut native) => match run(&script, &mut native) {
            Ok(passed) => Verdict::Passed(passed.trace.join("\n"), 1),
            Err(failed) => Verdict::Failed(failed.to_string()),
        },
    }
}

/// Runs scripts against the kernel, `jobs` at a time, each in a process that `program` (the `pktscript` binary) starts.
#[must_use]
pub fn kernel(program: &Path, paths: &[PathBuf], jobs: usize) -> Vec<Report> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(paths.len()) {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdict = kernel_with_tries(program, path, 1..=TRIES - 1);
                    if let Ok(mut results) = results.lock() {
                        results.push(Report {
                            path: path.clone(),
                            verdict,
                        });
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by(|a, b| a.path.cmp(&b.path));
    // The last time with no other beside it: what failed because all were late fails with all, each time.
    for report in &mut results {
        if matches!(report.verdict, Verdict::Failed(_)) {
            report.verdict = kernel_with_tries(program, &report.path, TRIES..=TRIES);
        }
    }
    results
}

/// Real time is not exact: a failure counts when it comes three times.
fn kernel_with_tries(program: &Path, path: &Path, tries: RangeInclusive<usize>) -> Verdict {
    let script = match load(path) {
        Ok(script) => script,
        Err(error) => return Verdict::Failed(error),
    };
    if let Some((Side::Native, reason)) = script.settings.only {
        return Verdict::NotForThisSide(reason);
    }
    let mut verdict = Verdict::Failed("never run".into());
    for tried in tries {
        verdict = match kernel_once(program, path) {
            Ok(trace) => return Verdict::Passed(trace, tried),
            Err(what) => Verdict::Failed(what),
        };
    }
    verdict
}

fn kernel_once(program: &Path, path: &Path) -> Result<String, String> {
    let output = Command::new(program)
        .arg(INSIDE)
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(text + &String::from_utf8_lossy(&output.stderr))
    }
}
