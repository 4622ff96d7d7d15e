//! The daemon: the engine's shell, the same on the system's stack and on our own.

pub mod config;
mod connection;
pub mod control;
pub mod io;
mod metrics;
mod party;
mod permissions;
pub mod platform;
mod seldom;
pub mod service;
mod settling;
mod timeline;
mod told;
