//! The Resv that is kept up towards one previous hop.

use fairway_wire::Instant;

use super::Print;
use crate::neighbour::StateKey;
use crate::wire::{Sender, Style};

/// What a previous hop was last told.
#[derive(Clone, Debug)]
pub(crate) struct ResvOut {
    pub(crate) key: StateKey,
    pub(crate) refresh_at: Instant,
    pub(crate) style: Style,
    /// The senders that were named and not torn since, each with what was asked for it; none of style WF.
    pub(crate) parts: Vec<(Sender, Print)>,
    /// What was said beside.
    pub(crate) common: Print,
    /// The last message, without its confirmation.
    pub(crate) told: Print,
}

impl ResvOut {
    /// The senders that were named and not torn since.
    pub(crate) fn filters(&self) -> impl Iterator<Item = Sender> {
        self.parts.iter().map(|(sender, _)| *sender)
    }

    /// Forgets all other senders.
    pub(crate) fn keep(&mut self, is_kept: impl Fn(&Sender) -> bool) {
        self.parts.retain(|(sender, _)| is_kept(sender));
    }
}
