//! Random numbers: the one source of a program, seeded by the system, or by a test.

use std::fmt;

/// Octets of one ChaCha block.
const BLOCK: usize = 64;

/// A generator of unpredictable numbers: ChaCha with 20 rounds (RFC 8439 §2.3), keyed from the system's source, so it
/// serves for secrets as well as for transaction identifiers and jitter.
///
/// It is not `Clone`: two copies would give the same numbers. [`Net::rng`](crate::Net::rng) gives another one.
pub struct Rng {
    key: [u32; 8],
    counter: u64,
    block: [u8; BLOCK],
    used: usize,
}

impl Rng {
    /// A generator whose numbers are a function of `seed`: for tests and simulations.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let mut key = [0; 8];
        for (word, octets) in key.iter_mut().zip(seed.chunks_exact(4)) {
            *word = octets
                .iter()
                .rev()
                .fold(0, |value, &octet| (value << 8) | u32::from(octet));
        }
        Self {
            key,
            counter: 0,
            block: [0; BLOCK],
            used: BLOCK,
        }
    }

    /// A generator seeded by the operating system.
    ///
    /// # Panics
    /// If the system has no source of randomness, which no supported system lacks; going on without one would hand
    /// out guessable secrets.
    #[must_use]
    pub(crate) fn from_system() -> Self {
        let mut seed = [0; 32];
        #[expect(
            clippy::expect_used,
            reason = "documented above; there is no safe way to go on"
        )]
        getrandom::fill(&mut seed).expect("the system's random source answers");
        Self::from_seed(seed)
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        let mut octets = [0; 4];
        self.fill(&mut octets);
        u32::from_le_bytes(octets)
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let mut octets = [0; 8];
        self.fill(&mut octets);
        u64::from_le_bytes(octets)
    }

    /// A number below `bound`, every one equally likely; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        // Lemire's method: the high half of a product, with the biased low part thrown again.
        let Some(threshold) = bound.wrapping_neg().checked_rem(bound) else {
            return 0;
        };
        loop {
            let product = u64::from(self.next_u32()) * u64::from(bound);
            let [low, high] =
                [product & 0xffff_ffff, product >> 32].map(|half| u32::try_from(half).unwrap_or(0));
            if low >= threshold {
                return high;
            }
        }
    }

    /// Fills `out` with random octets.
    pub fn fill(&mut self, out: &mut [u8]) {
        let mut rest = out;
        while !rest.is_empty() {
            if self.used == BLOCK {
                self.refill();
            }
            let fresh = self.block.get(self.used..).unwrap_or(&[]);
            let count = fresh.len().min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            now.copy_from_slice(fresh.get(..count).unwrap_or(&[]));
            self.used += count;
            rest = later;
        }
    }

    fn refill(&mut self) {
        let [low, high] = [self.counter & 0xffff_ffff, self.counter >> 32]
            .map(|half| u32::try_from(half).unwrap_or(0));
        self.block = chacha20(&self.key, [low, high, 0, 0]);
        self.counter = self.counter.wrapping_add(1);
        self.used = 0;
    }
}

impl fmt::Debug for Rng {
    /// Shows nothing of the state: it would give away what comes next.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rng").finish_non_exhaustive()
    }
}

/// The ChaCha20 block function (RFC 8439 §2.3); `tail` is the counter and nonce words.
fn chacha20(key: &[u32; 8], tail: [u32; 4]) -> [u8; BLOCK] {
    let [k0, k1, k2, k3, k4, k5, k6, k7] = *key;
    let [t0, t1, t2, t3] = tail;
    let start = [
        0x6170_7865,
        0x3320_646e,
        0x7962_2d32,
        0x6b20_6574,
        k0,
        k1,
        k2,
        k3,
        k4,
        k5,
        k6,
        k7,
        t0,
        t1,
        t2,
        t3,
    ];
    let mut state = start;
    for _ in 0..10 {
        quarter(&mut state, [0, 4, 8, 12]);
        quarter(&mut state, [1, 5, 9, 13]);
        quarter(&mut state, [2, 6, 10, 14]);
        quarter(&mut state, [3, 7, 11, 15]);
        quarter(&mut state, [0, 5, 10, 15]);
        quarter(&mut state, [1, 6, 11, 12]);
        quarter(&mut state, [2, 7, 8, 13]);
        quarter(&mut state, [3, 4, 9, 14]);
    }
    let mut block = [0; BLOCK];
    for ((out, word), begin) in block.chunks_exact_mut(4).zip(state).zip(start) {
        out.copy_from_slice(&word.wrapping_add(begin).to_le_bytes());
    }
    block
}

/// The quarter round (RFC 8439 §2.1) on four words of the state.
fn quarter(state: &mut [u32; 16], [a, b, c, d]: [usize; 4]) {
    let mut half = |x: usize, y: usize, z: usize, left: u32| {
        state[x] = state[x].wrapping_add(state[y]);
        state[z] = (state[z] ^ state[x]).rotate_left(left);
    };
    half(a, b, d, 16);
    half(c, d, b, 12);
    half(a, b, d, 8);
    half(c, d, b, 7);
}

#[cfg(test)]
mod tests {
    use super::{Rng, chacha20};

    /// RFC 8439 §2.3.2: the block function's test vector.
    #[test]
    fn block_function_matches_the_rfc() {
        let key = std::array::from_fn(|i| {
            let first = u8::try_from(4 * i).unwrap();
            u32::from_le_bytes([first, first + 1, first + 2, first + 3])
        });
        let block = chacha20(&key, [1, 0x0900_0000, 0x4a00_0000, 0]);
        assert_eq!(
            block[..16],
            [
                0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20,
                0x71, 0xc4
            ]
        );
        assert_eq!(
            block[48..],
            [
                0xb5, 0x12, 0x9c, 0xd1, 0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50,
                0x3c, 0x4e
            ]
        );
    }

    #[test]
    fn equal_seeds_give_equal_numbers_and_system_seeds_do_not() {
        let mut one = Rng::from_seed([7; 32]);
        let mut other = Rng::from_seed([7; 32]);
        let (a, b): (Vec<_>, Vec<_>) = (0..100).map(|_| (one.next_u64(), other.next_u64())).unzip();
        assert_eq!(a, b);
        assert_ne!(Rng::from_system().next_u64(), Rng::from_system().next_u64());
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut rng = Rng::from_seed([1; 32]);
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[usize::try_from(rng.below(7)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
    }
}
