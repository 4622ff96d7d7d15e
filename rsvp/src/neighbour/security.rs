//! What an administrator wants of signatures: RFC 2747, RFC 3097.

use std::net::IpAddr;

use crate::integrity::Key;
use crate::wire::KeyId;

/// Signatures on one interface.
#[derive(Clone, Debug)]
pub struct Security {
    /// Keys, by which is signed and verified. Several may be valid at once, for changing over.
    pub keys: Vec<SecurityKey>,
    /// A message without a signature is dropped, a challenge excepted. Default yes.
    pub required: bool,
    /// The first message under a key is taken only after a challenge was answered (RFC 2747 §4.3), and challenges are
    /// answered. Default yes.
    pub handshake: bool,
    /// *N*: how many of the largest sequence numbers are remembered. Default 32.
    pub window: usize,
}

/// A key and its time.
#[derive(Clone, Debug)]
pub struct SecurityKey {
    /// Its name.
    pub id: KeyId,
    /// The key.
    pub key: Key,
    /// Only for this neighbour; `None`: for all on the interface.
    pub neighbour: Option<IpAddr>,
    /// First second of its life, since 1970; 0 for always.
    pub starts: u64,
    /// Last second of its life, since 1970; `u64::MAX` for ever.
    pub ends: u64,
}
