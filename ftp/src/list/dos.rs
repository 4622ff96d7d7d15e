//! `DIR` of MS-DOS, Windows and Windows CE, as IIS and others send it: `04-27-00  09:09PM  <DIR>  name`.

use super::context::Reader;
use super::date::{MONTH_FIRST, clock_with_half, numeric};
use super::entry::{Draft, Kind};
use super::text::{Words, grouped, number, split_once, trim_start};

/// Date, time, `<DIR>` or size, name.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let word = words.get(0)?;
    if !word.first()?.is_ascii_digit() {
        return None;
    }
    let (clock, taken) = clock_with_half(words.get(1)?, words.get(2))?;
    let at = if taken { 3 } else { 2 };
    let what = words.get(at)?;
    let date = numeric(word, reader, MONTH_FIRST)?;
    let rest = words.after(at)?;
    let name = placed(rest, what, words.end_of(at)?, word.len() == 8).unwrap_or(trim_start(rest));
    if trim_start(name).is_empty()
        || !rest
            .first()
            .is_some_and(|&octet| super::text::is_blank(octet))
    {
        return None;
    }
    let mut draft = Draft::new(name, Kind::File);
    draft.modified = Some(reader.at(date, Some(clock))?);
    if what.starts_with(b"<") {
        draft.kind = match what.to_ascii_uppercase().as_slice() {
            b"<DIR>" => Kind::Directory,
            b"<JUNCTION>" | b"<SYMLINKD>" | b"<SYMLINK>" => Kind::Link,
            _ => return None,
        };
        if draft.kind == Kind::Link
            && let Some((front, target)) = linked(name)
        {
            draft.name = front.into();
            draft.target = Some(target);
        }
    } else {
        draft.size = Some(number(what).or_else(|| grouped(what))?);
    }
    Some(draft)
}

/// The name from its column on, blanks in front of it and all, where the columns are those of IIS or of `DIR`: sizes
/// end one blank before the name, what stands for a size starts fifteen columns before it.
fn placed<'a>(rest: &'a [u8], what: &[u8], end: usize, short: bool) -> Option<&'a [u8]> {
    if what.first()?.is_ascii_digit() {
        return if end == if short { 38 } else { 40 } {
            rest.get(1..)
        } else {
            None
        };
    }
    let start = end.checked_sub(what.len())?;
    if start != 24 && (short || start != 26) {
        return None;
    }
    let (blanks, name) = rest.split_at_checked(15_usize.checked_sub(what.len())?)?;
    blanks.iter().all(|octet| *octet == b' ').then_some(name)
}

/// The name and the target of a link, `name [target]` or `name -> target`.
fn linked(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let (front, target) = name
        .strip_suffix(b"]")
        .and_then(|name| split_once(name, b" ["))
        .or_else(|| split_once(name, b" -> "))?;
    (!front.is_empty() && !target.is_empty()).then_some((front, target))
}
