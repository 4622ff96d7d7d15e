//! FTP, from the caller's side.

#![forbid(unsafe_code)]
