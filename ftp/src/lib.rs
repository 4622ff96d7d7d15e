//! FTP, from the caller's side.

#![forbid(unsafe_code)]

pub mod command;
pub mod reply;
