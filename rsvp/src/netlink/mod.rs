//! Netlink, as far as traffic control, classification and routing need it.
//!
//! Requests are written by [`Writer`], answers read by [`Messages`] and [`Attributes`]; a [`Channel`] carries them. The
//! kernel works on a request while it is being sent, so that its answer is there when sending returns: nothing here
//! waits.

mod attribute;
mod channel;
mod message;
mod writer;

pub(crate) use attribute::{Attributes, address, text, u16_at, u32_at, u64_at};
pub(crate) use channel::{Channel, KernelError};
pub(crate) use message::Messages;
pub(crate) use writer::{ACK, CREATE, DUMP, ECHO, EXCL, REPLACE, Writer};
