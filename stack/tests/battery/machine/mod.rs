//! What only the machine's own stack has: privileged ports, files of local sockets, descriptors of the standard library.

pub(crate) mod files;
pub(crate) mod local;
pub(crate) mod tcp;
pub(crate) mod udp;
