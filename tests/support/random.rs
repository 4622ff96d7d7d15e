//! Numbers for random tests: from a seed that is printed, so that a failure can be repeated.

/// A small generator (SplitMix64): the same seed gives the same numbers on every machine.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator that starts at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The seed for `test`: `FAIRWAY_SEED` if it is set, else `usual`; printed either way.
    ///
    /// # Panics
    /// When `FAIRWAY_SEED` is no number.
    #[must_use]
    #[expect(clippy::print_stdout, reason = "the seed that repeats a failure")]
    #[expect(clippy::expect_used, reason = "a test helper")]
    pub fn for_test(test: &str, usual: u64) -> Self {
        let seed = std::env::var("FAIRWAY_SEED").map_or(usual, |seed| {
            seed.parse().expect("FAIRWAY_SEED is a number")
        });
        println!("{test}: FAIRWAY_SEED={seed}");
        Self::new(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.bits() % end).unwrap_or(0)
    }

    /// One of `these`.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        let at = self.below(these.len());
        #[expect(clippy::expect_used, reason = "a test helper")]
        these.get(at).expect("something to pick from")
    }

    /// Four octets as they often stand in XDR data: a count, a flag, a small number, an edge, text, or anything.
    pub fn word(&mut self) -> [u8; 4] {
        let bits = self.bits();
        let [a, b, c, d, ..] = bits.to_be_bytes();
        match bits % 16 {
            0..=5 => [0, 0, 0, d >> 4 & 7],
            6 | 7 => [0, 0, 0, d],
            8 => [0, 0, c & 7, d],
            9 => [0xff, 0xff, 0xff, 0xf0 | d],
            10 => [0x80, 0, 0, d & 1],
            11 => [0x7f, 0xff, 0xff, 0xff],
            12 | 13 => [a, b, c, d].map(|octet| b'a' + octet % 26),
            14 => [0, 0, 0, 0],
            _ => [a, b, c, d],
        }
    }
}
