//! The operating system's stack, through safe wrappers only (tokio, socket2, nix).

pub(crate) mod control;
pub(crate) mod udp;
