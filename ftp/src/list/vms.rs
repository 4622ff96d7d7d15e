//! OpenVMS: `README.TXT;4          2/4      18-APR-2000 10:40:39.90  [SYSTEM]  (RWED,RWED,RE,)`.
//!
//! Sizes are blocks of 512 octets. A name that is too long for its column stands on a line of its own; so can the
//! protection. Versions are not part of the name here, nor is the `.DIR` of a directory, which `CWD` does not take.

use bytes::Bytes;

use super::context::Reader;
use super::date::{clock, day_month_year};
use super::entry::{Draft, Kind};
use super::text::{Words, number, scaled, split_once};

/// Octets in a block.
const BLOCK: u64 = 512;

/// Name and version, then size, date, time, owner and protection in nearly any order, most of them optional.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let (name, version) = name_and_version(words.get(0)?)?;
    let mut rest = words.after(0)?.trim_ascii();
    let mut date = None;
    let mut time = None;
    let mut size = None;
    let mut owner = None;
    let mut protection = None;
    while let Some(&first) = rest.first() {
        if first == b'(' {
            protection = Some(protected(rest)?);
            break;
        }
        if first == b'[' && owner.is_none() {
            let (name, after) = bracketed(rest)?;
            owner = Some(name);
            rest = after.trim_ascii_start();
            continue;
        }
        let end = rest
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end)?;
        let day = if date.is_none() {
            day_month_year(word)
        } else {
            None
        };
        if day.is_some() {
            date = day;
        } else if date.is_some() && time.is_none() && word.contains(&b':') {
            time = Some(clock(word)?);
        } else if size.is_none() && (first.is_ascii_digit() || first == b'*') {
            size = Some(blocks(word)?);
        } else if date.is_some()
            && owner.is_none()
            && first.is_ascii_alphabetic()
            && word.iter().all(|octet| is_identifier(*octet))
        {
            owner = Some(word);
        } else {
            return None;
        }
        rest = after.trim_ascii_start();
    }
    let mut draft = match name
        .strip_suffix(b".DIR")
        .or_else(|| name.strip_suffix(b".dir"))
    {
        Some(bare) if !bare.is_empty() => Draft::new(bare, Kind::Directory),
        _ => Draft::new(name, Kind::File),
    };
    draft.modified = Some(reader.at(date?, time)?);
    draft.size = size.flatten();
    draft.size_is_estimate = true;
    match owner.map(|owner| split_once(owner, b",").ok_or(owner)) {
        Some(Ok((group, owner))) => {
            draft.group = Some(group.trim_ascii());
            draft.owner = Some(owner.trim_ascii());
        }
        Some(Err(owner)) if !owner.is_empty() => draft.owner = Some(owner),
        _ => {}
    }
    let details = draft.details();
    details.version = Some(version);
    details.protection = protection.map(Bytes::copy_from_slice);
    Some(draft)
}

/// Whether a line begins with a name and a version, so that it cannot continue another.
pub(super) fn starts_entry(line: &[u8]) -> bool {
    let end = line
        .iter()
        .position(|octet| octet.is_ascii_whitespace())
        .unwrap_or(line.len());
    line.get(..end).and_then(name_and_version).is_some()
}

/// `NAME.EXT;3`. A wildcard is what the server could not find.
fn name_and_version(word: &[u8]) -> Option<(&[u8], u64)> {
    let at = word.iter().rposition(|&octet| octet == b';')?;
    let (name, version) = (word.get(..at)?, number(word.get(at + 1..)?)?);
    if name.is_empty()
        || name
            .iter()
            .any(|octet| matches!(octet, b'*' | b'=' | b',' | b';'))
    {
        return None;
    }
    Some((name, version))
}

/// `155`, `2/8` (used and allocated), `2KB`, or `******` for more than fits.
fn blocks(word: &[u8]) -> Option<Option<u64>> {
    if word.iter().all(|&octet| octet == b'*') {
        return Some(None);
    }
    let used = match split_once(word, b"/") {
        Some((used, allocated)) => {
            number(allocated)?;
            used
        }
        None => word,
    };
    match number(used) {
        Some(blocks) => Some(Some(blocks.checked_mul(BLOCK)?)),
        None => Some(Some(scaled(used).filter(|_| used.ends_with(b"B"))?)),
    }
}

/// `[OWNER]` or `[GROUP,OWNER]`, and what follows it. A name too long for its column loses its bracket.
fn bracketed(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let open = rest.strip_prefix(b"[")?;
    let end = open.iter().position(|octet| matches!(octet, b']' | b'('))?;
    let (owner, after) = open.split_at_checked(end)?;
    let owner = owner.trim_ascii_end();
    let valid = owner
        .iter()
        .all(|octet| is_identifier(*octet) || matches!(octet, b',' | b' '));
    if valid {
        Some((owner, after.strip_prefix(b"]").unwrap_or(after)))
    } else {
        None
    }
}

fn is_identifier(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'$' | b'_')
}

/// `(RWED,RWED,RE,)`: system, owner, group, world; nothing behind.
fn protected(rest: &[u8]) -> Option<&[u8]> {
    let inner = rest
        .trim_ascii_end()
        .strip_prefix(b"(")?
        .strip_suffix(b")")?;
    let mut classes = 0;
    for class in inner.split(|&octet| octet == b',') {
        let mut allowed = b"RWED".iter();
        if !class
            .iter()
            .all(|letter| allowed.any(|known| known == letter))
        {
            return None;
        }
        classes += 1;
    }
    if classes == 4 { Some(inner) } else { None }
}
