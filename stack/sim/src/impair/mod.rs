//! What goes wrong on the way: faults of a link, each a function of the link's seed.
//!
//! Every fault judges every frame that the link has sent, in the order in which they were added; the first that drops
//! it ends its way. Each has randomness of its own, so that adding one changes nothing of what the others do.

mod burst;
mod chance;
mod nth;
mod predicate;

pub use burst::Burst;
pub use chance::{Chance, Corrupt, Delayed, Duplicated, Lost, Swapped};
pub use nth::Nth;
pub use predicate::When;

use crate::Frame;
use fairway_native::rng::Rng;
use std::time::Duration;

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on unharmed.
    Pass,
    /// It is lost.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// It arrives that much later, and others overtake it.
    Delay(Duration),
    /// It changes places with the next one; without one for that long it goes on alone.
    Swap(Duration),
    /// So many of its bits, behind the link's own header, are turned.
    Corrupt(u32),
}

/// A fault of one direction of a link.
///
/// It is asked while the network and the host that sends are locked: it may look at the frame and at what it has itself,
/// but must not call the network, its links or its hosts. If it does, that panics.
pub trait Fault: Send {
    /// What becomes of `frame`. Whatever is random comes from `rng`.
    fn judge(&mut self, frame: &Frame<'_>, rng: &mut Rng) -> Verdict;

    /// What it is called in logs and captures.
    fn name(&self) -> &'static str;
}
