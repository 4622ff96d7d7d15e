//! The daemon: the engine's shell, the same on the system's stack and on our own.

pub mod config;
pub mod io;
