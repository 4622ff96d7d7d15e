//! The operating system's stack, through safe wrappers only (tokio, socket2, nix, rustix).

pub(crate) mod batch;
pub(crate) mod control;
pub(crate) mod link;
pub(crate) mod option;
pub(crate) mod raw;
pub(crate) mod stream;
pub(crate) mod udp;
