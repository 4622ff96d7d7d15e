//! Loss that comes in bursts.

use super::{Chance, Fault, Verdict};
use crate::Frame;
use fairway_native::rng::Rng;

/// The model of Gilbert (1960) and Elliott (1963): the link is good or bad, changes from one to the other by chance
/// before each frame, and loses frames with a probability of its own in either state.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// From good to bad: on average one burst in 1/*p* frames of the good state.
    pub begins: Chance,
    /// From bad to good: a burst lasts 1/*r* frames on average.
    pub ends: Chance,
    /// Loss in the good state: 0 in Gilbert's model.
    pub good: Chance,
    /// Loss in the bad state.
    pub bad: Chance,
    is_bad: bool,
}

impl Burst {
    /// Bursts that begin and end with these probabilities per frame, in which every frame is lost, and none outside.
    ///
    /// # Panics
    /// When one is not from 0 to 1.
    #[must_use]
    pub fn new(begins: f64, ends: f64) -> Self {
        Self {
            begins: begins.into(),
            ends: ends.into(),
            good: 0.0.into(),
            bad: 1.0.into(),
            is_bad: false,
        }
    }
}

impl Fault for Burst {
    fn judge(&mut self, _: &Frame<'_>, rng: &mut Rng) -> Verdict {
        let change = if self.is_bad { self.ends } else { self.begins };
        self.is_bad ^= change.happens(rng);
        let loss = if self.is_bad { self.bad } else { self.good };
        if loss.happens(rng) {
            Verdict::Drop
        } else {
            Verdict::Pass
        }
    }

    fn name(&self) -> &'static str {
        "burst loss"
    }
}

#[cfg(test)]
mod tests {
    use super::Burst;
    use crate::impair::{Fault as _, Verdict};
    use crate::{Frame, Framing};
    use fairway_native::rng::Rng;

    #[test]
    fn losses_come_in_bursts_of_the_length_asked_for() {
        let mut rng = Rng::from_seed([3; 32]);
        let mut burst = Burst::new(0.01, 0.25);
        let lost: Vec<bool> = (0..100_000)
            .map(|_| burst.judge(&Frame::new(Framing::Ip, &[]), &mut rng) == Verdict::Drop)
            .collect();
        let total = lost.iter().filter(|&&lost| lost).count();
        let bursts = lost
            .windows(2)
            .filter(|pair| pair == &[false, true])
            .count();
        // 0.01 / (0.01 + 0.25) of all frames, four at a time.
        assert!((3_300..4_400).contains(&total), "{total}");
        assert!(
            (35..46).contains(&(total * 10 / bursts)),
            "{total} {bursts}"
        );
    }
}
