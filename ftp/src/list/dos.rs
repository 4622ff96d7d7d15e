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
    // IIS ends its sizes in one column and puts one blank behind them; others fill with blanks.
    let exact = words.end_of(at) == Some(if word.len() == 8 { 38 } else { 40 });
    let name = if exact && what.first().is_some_and(u8::is_ascii_digit) {
        rest.get(1..)?
    } else {
        trim_start(rest)
    };
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
            && let Some((front, target)) = name
                .strip_suffix(b"]")
                .and_then(|name| split_once(name, b" ["))
            && !front.is_empty()
        {
            draft.name = front.into();
            draft.target = Some(target);
        }
    } else {
        draft.size = Some(number(what).or_else(|| grouped(what))?);
    }
    Some(draft)
}
