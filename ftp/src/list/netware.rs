//! NetWare: `d [RWCEAFMS] owner   512 May 10  2007 name`.

use bytes::Bytes;

use super::context::Reader;
use super::date::{Gap, find};
use super::entry::{Draft, Kind};
use super::text::{Words, number, split_once};

/// Type, rights in brackets, owner, size, date, name. Old servers leave out the blank in front of the bracket.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let (letter, rest) = words.line().split_first()?;
    let kind = match letter {
        b'-' => Kind::File,
        b'd' => Kind::Directory,
        _ => return None,
    };
    let open = super::text::trim_start(rest).strip_prefix(b"[")?;
    let (rights, _) = split_once(open, b"]")?;
    if rights.is_empty() || !rights.iter().all(|right| b"RWCEAFMS-".contains(right)) {
        return None;
    }
    let first = if rest.starts_with(b"[") { 1 } else { 2 };
    if !words.get(first - 1)?.ends_with(b"]") {
        return None;
    }
    // The owner may have blanks, and is never missing.
    let (at, size, dated) = (first + 1..words.len().min(first + 9)).find_map(|at| {
        let size = number(words.get(at)?)?;
        words
            .get(at + 1)?
            .first()
            .filter(|octet| !octet.is_ascii_digit())?;
        Some((at, size, find(words, at + 1, reader)?))
    })?;
    // Where the size and the date are apart, so are the date and the name.
    let gap = if words.gap_before(at + 1) == Some(1) {
        dated.gap
    } else {
        Gap::All
    };
    let mut draft = Draft::new(gap.name(words.after(dated.last)?)?, kind);
    draft.size = Some(size);
    draft.modified = Some(dated.modified);
    draft.owner = words.through(first, at - 1);
    draft.details().protection = Some(Bytes::copy_from_slice(rights));
    Some(draft)
}
