//! Stratus VOS: `w    158 stm       90-05-19 11:53:44  acctng.cobol`, directories without the file organization, links
//! as `04-07-13 21:15:43  old_logs ->  %sys#disk>dir>logs`.

use bytes::Bytes;

use super::context::Reader;
use super::date::{YEAR_FIRST, clock, numeric};
use super::entry::{Draft, Kind};
use super::text::{Words, number, split_once};

/// Octets in a block.
const BLOCK: u64 = 4096;

/// Access, blocks, organization, date, time, name.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    if words.get(0)?.first()?.is_ascii_digit() {
        return link(words, reader);
    }
    words
        .get(0)
        .filter(|access| matches!(*access, b"u" | b"n" | b"e" | b"r" | b"w" | b"s" | b"m"))?;
    let blocks = number(words.get(1)?)?;
    let organization = words.get(2)?;
    let (kind, at) = if organization.first()?.is_ascii_digit() {
        (Kind::Directory, 2)
    } else if organization.len() <= 6 && organization.iter().all(u8::is_ascii_lowercase) {
        (Kind::File, 3)
    } else {
        return None;
    };
    let clock = clock(words.get(at + 1)?)?;
    let date = numeric(words.get(at)?, reader, YEAR_FIRST)?;
    let mut draft = Draft::new(words.name_from(at + 2)?, kind);
    draft.modified = Some(reader.at(date, Some(clock))?);
    if kind == Kind::File {
        draft.size = blocks.checked_mul(BLOCK);
        draft.size_is_estimate = true;
        draft.details().object = Some(Bytes::copy_from_slice(organization));
    }
    draft.details().protection = words.get(0).map(Bytes::copy_from_slice);
    Some(draft)
}

fn link<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let clock = clock(words.get(1)?)?;
    let date = numeric(words.get(0)?, reader, YEAR_FIRST)?;
    let (name, target) = split_once(words.from(2)?, b"->")?;
    let target = target.trim_ascii();
    // Paths begin with the system or go up.
    target
        .first()
        .filter(|octet| matches!(octet, b'%' | b'#' | b'<' | b'>'))?;
    let mut draft = Draft::new(
        Some(name.trim_ascii_end()).filter(|name| !name.is_empty())?,
        Kind::Link,
    );
    draft.modified = Some(reader.at(date, Some(clock))?);
    draft.target = Some(target);
    Some(draft)
}

/// Whether a line is the first half of a link whose target is on the next, behind a plus.
pub(super) fn is_half_link(line: &[u8]) -> bool {
    let words = Words::new(line);
    line.trim_ascii_end().ends_with(b"->") && words.get(1).and_then(clock).is_some()
}
