//! FTP, from the caller's side.

#![forbid(unsafe_code)]

pub mod answer;
pub mod command;
pub mod data;
mod error;
mod feature;
pub mod list;
mod name;
pub mod reply;
pub mod session;
#[cfg(feature = "tls")]
pub mod tls;

pub use error::{Error, ErrorKind, ErrorNumber, Phase};
pub use feature::Features;
pub use name::{Charset, Name};
