//! What is measured, by group.

pub(crate) mod calls;
pub(crate) mod chain;
pub(crate) mod codec;
pub(crate) mod ftp;
pub(crate) mod native;
pub(crate) mod portmap;
pub(crate) mod rpcgen;
pub(crate) mod rsvp;
pub(crate) mod server;
pub(crate) mod stack;
