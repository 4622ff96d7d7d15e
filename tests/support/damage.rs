//! Inputs for decoders: noise, and valid inputs damaged in the ways that break decoders.

use crate::Random;

/// Random words, mostly small numbers: at most `most` of them.
#[must_use]
pub fn noise(random: &mut Random, most: usize) -> Vec<u8> {
    let words = random.below(most + 1);
    (0..words).flat_map(|_| random.word()).collect()
}

/// One of `pool`, cut, with words changed, put in and taken out, bits turned, or the tail of another; sometimes as it is.
///
/// # Panics
/// When the pool is empty.
#[must_use]
pub fn damaged(random: &mut Random, pool: &[Vec<u8>]) -> Vec<u8> {
    let mut input = random.pick(pool).clone();
    for _ in 0..random.below(4) {
        let at = random.below(input.len() / 4 + 1) * 4;
        let end = (at + 4).min(input.len());
        match random.below(9) {
            0 => input.truncate(random.below(input.len() + 1)),
            1 => input.truncate(at),
            2 | 3 => drop(input.splice(at.min(end)..end, random.word())),
            4 => drop(input.splice(at.min(end)..at.min(end), random.word())),
            5 => drop(input.drain(at.min(end)..end)),
            6 if !input.is_empty() => {
                let bit = random.below(input.len() * 8);
                if let Some(octet) = input.get_mut(bit / 8) {
                    *octet ^= 1 << (bit % 8);
                }
            }
            7 => {
                let other = random.pick(pool);
                let from = random.below(other.len() / 4 + 1) * 4;
                input.truncate(at);
                input.extend_from_slice(other.get(from..).unwrap_or_default());
            }
            _ => input.extend_from_slice(&random.word()),
        }
    }
    input
}

/// One of `pool`, as text: pieces doubled, dropped, swapped, cut, and `words` put in.
///
/// # Panics
/// When the pool or the words are empty.
#[must_use]
pub fn damaged_text(random: &mut Random, pool: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut input = random.pick(pool).clone();
    for _ in 0..=random.below(4) {
        let (a, b) = (random.below(input.len() + 1), random.below(input.len() + 1));
        let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 40));
        match random.below(7) {
            0 => drop(input.drain(from..to)),
            1 => {
                let piece: Vec<u8> = input.get(from..to).unwrap_or_default().to_vec();
                drop(input.splice(to..to, piece));
            }
            2 | 3 => drop(input.splice(from..from, random.pick(words).bytes())),
            4 => {
                let other = random.pick(pool);
                let start = random.below(other.len() + 1);
                let piece = other.iter().skip(start).take(60).copied();
                drop(input.splice(from..to, piece));
            }
            5 => {
                if let Some(octet) = input.get_mut(from) {
                    let [.., new] = random.word();
                    *octet = new;
                }
            }
            _ => input.truncate(b.max(1)),
        }
    }
    input
}
