//! Guardian, of Tandem and HP NonStop: `EMSACSTM      101     146 18-Sep-00 09:03:37 170,175 "nunu"`.

use bytes::Bytes;

use super::context::Reader;
use super::date::{clock, day_month_year};
use super::entry::{Draft, Kind};
use super::text::{Words, number, split_once};

/// Name, whether it is open, file code, end of file, date, time, group and user, security.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let name = words.get(0)?;
    let security = words
        .last()?
        .strip_prefix(b"\"")
        .and_then(|word| word.strip_suffix(b"\""))?;
    let at = if matches!(words.get(1)?, b"O" | b"o") {
        2
    } else {
        1
    };
    let code = words.get(at)?;
    let digits = code
        .iter()
        .take_while(|octet| octet.is_ascii_digit())
        .count();
    if digits == 0 || code.len() > digits + 1 {
        return None;
    }
    let size = number(words.get(at + 1)?)?;
    let date = day_month_year(words.get(at + 2)?)?;
    let clock = clock(words.get(at + 3)?)?;
    let mut draft = Draft::new(name, Kind::File);
    draft.size = Some(size);
    draft.modified = Some(reader.at(date, Some(clock))?);
    // A blank can follow the comma: `255, 0`.
    let last = words.len().checked_sub(2).filter(|last| *last >= at + 4)?;
    let (group, owner) = split_once(words.through(at + 4, last)?, b",")?;
    draft.group = Some(group.trim_ascii());
    draft.owner = Some(owner.trim_ascii());
    draft.details().protection = Some(Bytes::copy_from_slice(security));
    Some(draft)
}
