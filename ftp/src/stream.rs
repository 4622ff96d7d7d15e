//! Octets of a transfer, as streams.

mod download;
mod flow;
mod plan;
mod upload;

pub use download::Download;
pub(crate) use flow::Flow;
pub(crate) use plan::Plan;
pub use upload::Upload;

use crate::data::{self, Mode, Structure, Type};
use crate::error::{Error, ErrorKind};
use crate::session::Outcome;
use std::pin::Pin;

/// Octets read at once where they are converted.
const CHUNK: usize = 64 * 1024;

/// How the octets of a file are represented on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Representation {
    /// Type; image by default.
    pub ty: Type,
    /// Mode; stream by default.
    pub mode: Mode,
    /// Structure; file by default.
    pub structure: Structure,
    /// Line ends, code pages and limits of the conversion.
    pub options: data::Options,
}

impl Default for Representation {
    fn default() -> Self {
        Self {
            ty: Type::Image,
            mode: Mode::Stream,
            structure: Structure::File,
            options: data::Options::default(),
        }
    }
}

impl Representation {
    /// Text: type A, non-print, with line ends converted (RFC 959 §3.1.1.1).
    #[must_use]
    pub fn text() -> Self {
        Self {
            ty: Type::Ascii(data::Format::NonPrint),
            ..Self::default()
        }
    }

    /// Whether the octets of the file are those on the wire, in number and place.
    #[must_use]
    pub fn is_verbatim(&self) -> bool {
        matches!(self.ty, Type::Image | Type::Local(8)) && self.structure == Structure::File
    }
}

/// How far the end of a download has come.
enum Ending {
    Flowing,
    /// All octets are there; the final reply is not.
    Waiting(Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send>>),
    Ended(Outcome),
    Failed(Error),
}

fn broken(reason: &str) -> Error {
    ErrorKind::Aborted {
        reason: reason.into(),
        reply: None,
    }
    .into()
}

fn codec(error: data::CodecError) -> Error {
    ErrorKind::Aborted {
        reason: error.to_string(),
        reply: None,
    }
    .into()
}

fn unsupported(error: data::Unsupported) -> Error {
    ErrorKind::Unsupported(error.to_string()).into()
}
