//! Loss of the frames one names.

use super::{Fault, Verdict};
use crate::Frame;
use fairway_native::rng::Rng;

/// Loses the frames with these numbers: the first frame after it was added is number 1.
#[derive(Clone, Debug)]
pub struct Nth {
    /// In descending order: the next one is the last.
    numbers: Vec<u64>,
    seen: u64,
}

impl Nth {
    /// Loses those.
    #[must_use]
    pub fn new(numbers: impl IntoIterator<Item = u64>) -> Self {
        let mut numbers: Vec<u64> = numbers.into_iter().collect();
        numbers.sort_unstable_by(|one, other| other.cmp(one));
        numbers.dedup();
        Self { numbers, seen: 0 }
    }
}

impl Fault for Nth {
    fn judge(&mut self, _: &Frame<'_>, _: &mut Rng) -> Verdict {
        self.seen += 1;
        match self.numbers.pop_if(|number| *number <= self.seen) {
            Some(number) if number == self.seen => Verdict::Drop,
            _ => Verdict::Pass,
        }
    }

    fn name(&self) -> &'static str {
        "chosen loss"
    }
}

#[cfg(test)]
mod tests {
    use super::Nth;
    use crate::impair::{Fault as _, Verdict};
    use crate::{Frame, Framing};
    use fairway_native::rng::Rng;

    #[test]
    fn exactly_the_named_frames_are_lost() {
        let mut rng = Rng::from_seed([0; 32]);
        let mut nth = Nth::new([5, 2, 2, 9]);
        let lost: Vec<u64> = (1..=10)
            .filter(|_| nth.judge(&Frame::new(Framing::Ip, &[]), &mut rng) == Verdict::Drop)
            .collect();
        assert_eq!(lost, [2, 5, 9]);
    }
}
