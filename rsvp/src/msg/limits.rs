//! What one message may make a node remember.

/// Bounds on what decoding keeps of one message.
///
/// A message has at most 65532 octets, and nothing is allocated for octets that are not there. These bounds are for
/// objects that cost more in memory than on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Objects in one message, NULL among them. Default 6144, more than fit as filters in the longest message.
    pub objects: usize,
    /// POLICY_DATA objects in one message. Default 64.
    pub policy: usize,
    /// Objects of unknown classes 11bbbbbb in one message. Default 32.
    pub unknown: usize,
    /// Messages in one Bundle. Default 4096.
    pub bundled: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            objects: 6144,
            policy: 64,
            unknown: 32,
            bundled: 4096,
        }
    }
}
