//! Faults that hit each frame with the same probability.

use super::{Fault, Verdict};
use crate::Frame;
use fairway_native::rng::Rng;
use std::time::Duration;

/// A probability.
///
/// Made of a number from 0 (never) to 1 (always).
///
/// # Panics
/// Making one of what is below, above, or no number: `loss(20.0)` is no loss of 20 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance(Threshold);

/// A probability in 2⁻⁶⁴; `None` is always.
type Threshold = Option<u64>;

impl Chance {
    /// Whether it happens this time.
    #[must_use]
    pub fn happens(self, rng: &mut Rng) -> bool {
        let number = rng.next_u64();
        self.0.is_none_or(|threshold| number < threshold)
    }
}

impl From<f64> for Chance {
    fn from(probability: f64) -> Self {
        const WHOLE: f64 = 18_446_744_073_709_551_616.0;
        assert!(
            (0.0..=1.0).contains(&probability),
            "{probability} is no probability: it must be from 0 to 1"
        );
        if probability >= 1.0 {
            return Self(None);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is below 2^64, and not below 0"
        )]
        let threshold = (probability * WHOLE) as u64;
        Self(Some(threshold))
    }
}

/// Frames are lost, independently of each other (Bernoulli).
#[derive(Clone, Copy, Debug)]
pub struct Lost(pub Chance);

impl Fault for Lost {
    fn judge(&mut self, _: &Frame<'_>, rng: &mut Rng) -> Verdict {
        verdict(self.0, rng, Verdict::Drop)
    }

    fn name(&self) -> &'static str {
        "loss"
    }
}

/// Frames arrive twice.
#[derive(Clone, Copy, Debug)]
pub struct Duplicated(pub Chance);

impl Fault for Duplicated {
    fn judge(&mut self, _: &Frame<'_>, rng: &mut Rng) -> Verdict {
        verdict(self.0, rng, Verdict::Duplicate)
    }

    fn name(&self) -> &'static str {
        "duplication"
    }
}

/// Frames arrive late, and others overtake them.
#[derive(Clone, Copy, Debug)]
pub struct Delayed(pub Chance, pub Duration);

impl Fault for Delayed {
    fn judge(&mut self, _: &Frame<'_>, rng: &mut Rng) -> Verdict {
        verdict(self.0, rng, Verdict::Delay(self.1))
    }

    fn name(&self) -> &'static str {
        "reordering by delay"
    }
}

/// Frames change places with the next, which is waited for that long.
#[derive(Clone, Copy, Debug)]
pub struct Swapped(pub Chance, pub Duration);

impl Fault for Swapped {
    fn judge(&mut self, _: &Frame<'_>, rng: &mut Rng) -> Verdict {
        verdict(self.0, rng, Verdict::Swap(self.1))
    }

    fn name(&self) -> &'static str {
        "swapping"
    }
}

/// Frames have that many bits turned.
#[derive(Clone, Copy, Debug)]
pub struct Corrupt(pub Chance, pub u32);

impl Fault for Corrupt {
    fn judge(&mut self, _: &Frame<'_>, rng: &mut Rng) -> Verdict {
        verdict(self.0, rng, Verdict::Corrupt(self.1))
    }

    fn name(&self) -> &'static str {
        "corruption"
    }
}

fn verdict(chance: Chance, rng: &mut Rng, hit: Verdict) -> Verdict {
    if chance.happens(rng) {
        hit
    } else {
        Verdict::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;
    use fairway_native::rng::Rng;

    #[test]
    fn it_happens_as_often_as_it_says() {
        let mut rng = Rng::from_seed([1; 32]);
        let mut count = |probability: f64| {
            let chance = Chance::from(probability);
            (0..10_000).filter(|_| chance.happens(&mut rng)).count()
        };
        assert_eq!(count(0.0), 0);
        assert_eq!(count(-0.0), 0);
        assert_eq!(count(f64::MIN_POSITIVE), 0);
        assert_eq!(count(1.0), 10_000);
        assert!((400..600).contains(&count(0.05)));
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        for wrong in [20.0, 1.000_001, -0.1, f64::NAN, f64::INFINITY] {
            let made = std::panic::catch_unwind(|| Chance::from(wrong));
            let message = *made.unwrap_err().downcast::<String>().unwrap();
            assert!(message.contains("from 0 to 1"), "{message}");
        }
    }
}
