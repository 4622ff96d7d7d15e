//! FTP, from the caller's side.

#![forbid(unsafe_code)]

pub mod answer;
pub mod command;
mod feature;
mod name;
pub mod reply;

pub use feature::Features;
pub use name::{Charset, Name};
