//! A keyed hash: what a stranger cannot predict.
//!
//! SipHash (Aumasson and Bernstein, 2012) keys the tables that strangers fill, so that nobody can make their entries
//! collide, and makes the numbers that strangers must not guess: initial sequence numbers (RFC 6528 §3), SYN cookies,
//! ports (RFC 6056 §3.3.3). The standard library's hasher cannot be given a key, and a run must be a function of its
//! seed.

use std::hash::{BuildHasher, Hasher};

/// A secret of 128 bits.
#[derive(Clone, Copy)]
pub struct Key(pub [u64; 2]);

impl std::fmt::Debug for Key {
    /// Shows nothing of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// SipHash-2-4 of a few words: for secrets that leave the host.
    #[inline]
    #[must_use]
    pub fn strong(self, words: &[u64]) -> u64 {
        let mut state = State::new(self);
        for &word in words {
            state.absorb(word, 2);
        }
        state.finish(words.len().wrapping_mul(8), 4)
    }
}

impl BuildHasher for Key {
    type Hasher = Sip13;

    #[inline]
    fn build_hasher(&self) -> Sip13 {
        Sip13 {
            state: State::new(*self),
            tail: 0,
            filled: 0,
            length: 0,
        }
    }
}

/// The hash of map keys: SipHash-1-3.
#[derive(Clone, Debug)]
pub struct Sip13 {
    state: State,
    tail: u64,
    /// Bits of `tail` in use.
    filled: u32,
    length: usize,
}

impl Sip13 {
    /// Takes the low `bits` bits of `value`.
    #[inline]
    fn push(&mut self, value: u64, bits: u32) {
        self.length = self
            .length
            .wrapping_add(usize::try_from(bits / 8).unwrap_or(0));
        self.tail |= value << self.filled;
        let filled = self.filled + bits;
        if filled < 64 {
            self.filled = filled;
            return;
        }
        self.state.absorb(self.tail, 1);
        self.tail = value.checked_shr(64 - self.filled).unwrap_or(0);
        self.filled = filled - 64;
    }
}

impl Hasher for Sip13 {
    fn write(&mut self, octets: &[u8]) {
        for &octet in octets {
            self.push(u64::from(octet), 8);
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.push(u64::from(value), 8);
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.push(u64::from(value), 16);
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.push(u64::from(value), 32);
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.push(value, 64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        let mut state = self.state.clone();
        state.finish_with(self.tail, self.length, 1, 3)
    }
}

#[derive(Clone, Debug)]
struct State {
    v: [u64; 4],
}

impl State {
    #[inline]
    const fn new(Key([k0, k1]): Key) -> Self {
        Self {
            v: [
                k0 ^ 0x736f_6d65_7073_6575,
                k1 ^ 0x646f_7261_6e64_6f6d,
                k0 ^ 0x6c79_6765_6e65_7261,
                k1 ^ 0x7465_6462_7974_6573,
            ],
        }
    }

    #[inline]
    const fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.v;
        a = a.wrapping_add(b);
        b = b.rotate_left(13) ^ a;
        a = a.rotate_left(32);
        c = c.wrapping_add(d);
        d = d.rotate_left(16) ^ c;
        a = a.wrapping_add(d);
        d = d.rotate_left(21) ^ a;
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        self.v = [a, b, c, d];
    }

    #[inline]
    fn absorb(&mut self, word: u64, rounds: u32) {
        let [_, _, _, d] = &mut self.v;
        *d ^= word;
        for _ in 0..rounds {
            self.round();
        }
        let [a, ..] = &mut self.v;
        *a ^= word;
    }

    #[inline]
    fn finish(&mut self, length: usize, last: u32) -> u64 {
        self.finish_with(0, length, 2, last)
    }

    #[inline]
    fn finish_with(&mut self, tail: u64, length: usize, rounds: u32, last: u32) -> u64 {
        // The top octet of the last word is the length, modulo 256.
        let top = u64::try_from(length).unwrap_or(0) << 56;
        self.absorb(tail | top, rounds);
        let [_, _, c, _] = &mut self.v;
        *c ^= 0xff;
        for _ in 0..last {
            self.round();
        }
        let [a, b, c, d] = self.v;
        a ^ b ^ c ^ d
    }
}

#[cfg(test)]
mod tests {
    use super::Key;
    use std::hash::{BuildHasher as _, Hasher as _};

    const KEY: Key = Key([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);

    /// The vectors of the SipHash paper's reference: octets 0, 1, 2, … under the key 0, 1, 2, ….
    #[test]
    fn strong_matches_the_reference_vectors() {
        assert_eq!(KEY.strong(&[]), 0x726f_db47_dd0e_0e31);
        assert_eq!(KEY.strong(&[0x0706_0504_0302_0100]), 0x93f5_f579_9a93_2462);
    }

    #[test]
    fn pieces_hash_as_the_octets_they_are_made_of() {
        let octets: Vec<u8> = (0..29).collect();
        let mut whole = KEY.build_hasher();
        whole.write(&octets);
        let mut pieces = KEY.build_hasher();
        pieces.write_u8(0);
        pieces.write_u32(0x0403_0201);
        pieces.write_u16(0x0605);
        pieces.write_u64(0x0e0d_0c0b_0a09_0807);
        pieces.write_u64(0x1615_1413_1211_100f);
        pieces.write_u32(0x1a19_1817);
        pieces.write_u16(0x1c1b);
        assert_eq!(whole.finish(), pieces.finish());
        let mut other = KEY.build_hasher();
        other.write_u8(1);
        assert_ne!(whole.finish(), other.finish());
    }
}
