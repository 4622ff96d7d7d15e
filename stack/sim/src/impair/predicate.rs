//! Faults that one writes down.

use super::{Fault, Verdict};
use crate::Frame;
use fairway_native::rng::Rng;

/// Asks a closure what becomes of each frame, under the rule of every [`Fault`].
///
/// ```
/// use fairway_sim::impair::{Verdict, When};
///
/// // Every third acknowledgement that reports a gap is lost.
/// let mut sacks = 0;
/// let fault = When(move |frame: &fairway_sim::Frame<'_>| {
///     let is_sack = frame.tcp().is_some_and(|(_, options, _)| !options.sack.is_empty());
///     sacks += u32::from(is_sack);
///     if is_sack && sacks % 3 == 0 { Verdict::Drop } else { Verdict::Pass }
/// });
/// # fn is_fault(_: impl fairway_sim::impair::Fault) {}
/// # is_fault(fault);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct When<F>(pub F);

impl<F: FnMut(&Frame<'_>) -> Verdict + Send> Fault for When<F> {
    fn judge(&mut self, frame: &Frame<'_>, _: &mut Rng) -> Verdict {
        (self.0)(frame)
    }

    fn name(&self) -> &'static str {
        "predicate"
    }
}
