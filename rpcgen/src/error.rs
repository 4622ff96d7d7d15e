//! Why nothing was generated.

use std::fmt;
use std::path::PathBuf;

use crate::diagnostic::Diagnostic;

/// Why nothing was generated.
///
/// Its [`Debug`] form is its [`Display`](fmt::Display) form, so that a build script whose `main` returns it shows the diagnostics as
/// they should look.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The `.x` file is wrong.
    #[error("{}", Shown(.0))]
    Invalid(Vec<Diagnostic>),
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The output could not be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The output would replace a file that was read, or another output.
    #[error("{}: is read, and would be overwritten", .0.display())]
    Overwrite(PathBuf),
    /// An option makes no sense.
    #[error("{0}")]
    Option(String),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

struct Shown<'a>(&'a [Diagnostic]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}
