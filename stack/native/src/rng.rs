//! The engine's own randomness: a function of the seed it was made with.

/// A generator of numbers that look random (xoshiro256**, Blackman and Vigna 2018): for jitter, ports and identifiers.
/// Secrets are keys drawn from it once, at the start, from a seed that nobody else knows (see [`crate::hash::Key`]).
#[derive(Clone)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// A generator for that seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let mut state = [0; 4];
        for (word, octets) in state.iter_mut().zip(seed.as_chunks().0) {
            *word = u64::from_le_bytes(*octets);
        }
        let mut rng = Self { state };
        if rng.state == [0; 4] {
            // The one state that never leaves itself.
            rng.state = [1; 4];
        }
        // Seeds that differ in little give numbers that differ in little at first.
        for _ in 0..16 {
            rng.next_u64();
        }
        rng
    }

    /// 64 random bits.
    #[inline]
    pub const fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c2, d2) = (c ^ a, d ^ b);
        self.state = [a ^ d2, b ^ c2, c2 ^ (b << 17), d2.rotate_left(45)];
        result
    }

    /// 32 random bits.
    #[inline]
    pub const fn next_u32(&mut self) -> u32 {
        let [a, b, c, d, ..] = self.next_u64().to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// 16 random bits.
    #[inline]
    pub const fn next_u16(&mut self) -> u16 {
        let [a, b, ..] = self.next_u64().to_be_bytes();
        u16::from_be_bytes([a, b])
    }

    /// A number below `bound`; 0 if `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product; the bias is below 2^-32 for the bounds used here.
        let product = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// A key for [`crate::hash`].
    pub const fn key(&mut self) -> crate::hash::Key {
        crate::hash::Key([self.next_u64(), self.next_u64()])
    }

    /// A seed for another generator.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        for word in seed.as_chunks_mut().0 {
            *word = self.next_u64().to_le_bytes();
        }
        seed
    }
}

impl std::fmt::Debug for Rng {
    /// Shows nothing of the state: it would give away what comes next.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rng").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn equal_seeds_give_equal_numbers() {
        let (mut one, mut other) = (Rng::from_seed([7; 32]), Rng::from_seed([7; 32]));
        assert!((0..100).all(|_| one.next_u64() == other.next_u64()));
        let mut third = Rng::from_seed([8; 32]);
        assert_ne!(one.next_u64(), third.next_u64());
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut rng = Rng::from_seed([0; 32]);
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[usize::try_from(rng.below(7)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!(rng.below(0), 0);
    }
}
