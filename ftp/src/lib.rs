//! FTP, from the caller's side.

#![forbid(unsafe_code)]

pub mod answer;
mod client;
pub mod command;
pub mod data;
mod directory;
mod error;
mod feature;
mod link;
pub mod list;
mod name;
mod pool;
pub mod reply;
mod server;
pub mod session;
mod site;
mod stream;
#[cfg(feature = "tls")]
pub mod tls;
mod transfer;

pub use client::{Client, Connections, Limits, TraceSink};
pub use directory::{Entries, ListOptions};
pub use error::{Error, ErrorKind, ErrorNumber, Phase};
pub use feature::Features;
pub use name::{Charset, Name};
pub use server::{DataMode, IMPLICIT_PORT, PORT, Server};
pub use session::Tls;
pub use site::Site;
pub use stream::{Download, Representation, Upload};
pub use transfer::{Get, Progress, ProgressSink, Put, Report};
