//! The Resv that is kept up towards one previous hop.

use fairway_wire::Instant;

use crate::neighbour::StateKey;
use crate::wire::{Sender, Style};

/// What a previous hop was last told.
#[derive(Clone, Debug)]
pub(crate) struct ResvOut {
    pub(crate) key: StateKey,
    pub(crate) refresh_at: Instant,
    pub(crate) style: Style,
    /// The senders that were named; none of style WF.
    pub(crate) filters: Vec<Sender>,
    /// Of the last message, without its confirmation.
    pub(crate) fingerprint: u64,
}
