//! The data connection: how a file looks on it, and how it comes to be.
//!
//! A file goes through three choices of RFC 959 §3, and each has a stage here. None of it does I/O:
//!
//! ```text
//!              STRU                TYPE                     MODE
//!  local   ─► records,     ─►  A  line ends  (convert)  ─►  S  as it is, or escapes (record)  ─► wire
//!  octets     if it is R       E  code page  (ebcdic)       B  blocks               (block)
//!                              I, L  nothing                C  runs                 (compressed)
//!                                                           Z  zlib around S        (deflate)
//! ```
//!
//! Structure R makes records of lines unless [`RecordForm`] says else. In modes B and C, whose blocks can end a record
//! whatever the structure is, such an end in a file of structure F is the end of a line in types A and E, as hosts of
//! records send it, and nothing in I and L. Restart markers are [`Event`]s, with their place in the local file.
//!
//! [`Encoder`] goes from left to right, [`Decoder`] back. Who sends `TYPE I` in mode S, as nearly everybody does, asks
//! `is_transparent` and leaves both out.

mod block;
mod compressed;
mod convert;
mod decoder;
mod deflate;
mod ebcdic;
mod encoder;
mod error;
mod frame;
mod options;
mod record;
mod representation;

pub use convert::AsciiSize;
pub use decoder::{Decoder, Event, Progress};
pub use ebcdic::{CodePage, NewLine};
pub use encoder::Encoder;
pub use error::{CodecError, CodecErrorKind, Unsupported};
pub use frame::MARKER_LIMIT;
pub use options::{Level, Limits, LineEnd, LocalCharset, LoneCr, Options, RecordForm, Unmappable};
pub use representation::{Format, Mode, Structure, Type};

#[cfg(test)]
mod tests;
