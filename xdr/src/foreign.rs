//! Octets in a string that are not UTF-8, as private characters and back, for [`Mode::Lax`](crate::Mode::Lax).
//!
//! The octet `b`, 0x80 or more, becomes the character U+10FF00 + `b`. Genuine characters of that range are taken apart into
//! octets as if they were foreign, so that every sequence of octets has a string of its own, and comes back.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

const BASE: u32 = 0x10_ff00;

/// The octet that the character stands for.
fn octet(character: char) -> Option<u8> {
    let octet = u32::from(character).checked_sub(BASE)?;
    u8::try_from(octet).ok().filter(|octet| *octet >= 0x80)
}

fn stand_in(octet: u8) -> char {
    char::from_u32(BASE + u32::from(octet)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The string of these octets, in characters.
fn characters(octets: &[u8]) -> impl Iterator<Item = char> {
    octets.utf8_chunks().flat_map(|chunk| {
        let genuine = chunk.valid().chars().flat_map(|character| {
            let mut buffer = [0; 4];
            let apart: &[u8] = match octet(character) {
                Some(_) => character.encode_utf8(&mut buffer).as_bytes(),
                None => &[],
            };
            let kept = apart.is_empty().then_some(character);
            let octets: [Option<u8>; 4] = core::array::from_fn(|at| apart.get(at).copied());
            kept.into_iter()
                .chain(octets.into_iter().flatten().map(stand_in))
        });
        genuine.chain(chunk.invalid().iter().copied().map(stand_in))
    })
}

/// Length in octets of the string of these octets.
pub(crate) fn string_len(octets: &[u8]) -> usize {
    characters(octets).map(char::len_utf8).sum()
}

/// The string of these octets.
pub(crate) fn to_string(octets: &[u8]) -> String {
    characters(octets).collect()
}

/// The octets of this string.
pub(crate) fn to_octets(string: &str) -> Cow<'_, [u8]> {
    if !string.chars().any(|character| octet(character).is_some()) {
        return Cow::Borrowed(string.as_bytes());
    }
    let mut octets = Vec::with_capacity(string.len());
    for character in string.chars() {
        match octet(character) {
            Some(octet) => octets.push(octet),
            None => octets.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(octets)
}
