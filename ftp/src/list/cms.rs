//! VM and z/VM: minidisks and shared file system (`PROFILE  EXEC  V  17  3  1 9/12/91 12:39:07 -`), and the byte file
//! system (`05/20/2000 13:38:19 F 1 65758 'mail.maw'`).

use bytes::Bytes;

use super::context::Reader;
use super::date::{MONTH_FIRST, clock, numeric};
use super::entry::{Draft, Kind};
use super::text::{Words, number};

/// File name, file type, perhaps file mode, record format, record length, records, blocks, date, time, owner.
///
/// The name is both words with a full stop between, as commands take it. The size is exact for fixed records.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let name = words.get(0).filter(|name| name.len() <= 18)?;
    let is_format = |at: usize| matches!(words.get(at), Some(b"F" | b"V" | b"DIR"));
    let format_at = (1..=3).find(|&at| is_format(at))?;
    let format = words.get(format_at)?;
    let [length, records, _blocks] = [1, 2, 3].map(|next| words.get(format_at + next));
    let date = numeric(words.get(format_at + 4)?, reader, MONTH_FIRST)?;
    let clock = clock(words.get(format_at + 5)?)?;
    if words.len() > format_at + 8 {
        return None;
    }
    let kind = if format == b"DIR" {
        Kind::Directory
    } else {
        Kind::File
    };
    let mut draft = Draft::new(name, kind);
    if kind == Kind::File {
        let (length, records) = (number(length?)?, number(records?)?);
        draft.size = length.checked_mul(records);
        draft.size_is_estimate = format == b"V";
        draft.details().records = Some(records);
        // Without a file type there is nothing between name and format.
        if let Some(kind) = words.get(1).filter(|_| format_at > 1) {
            draft.name = [name, b".", kind].concat().into();
        }
    } else if length? != b"-" {
        return None;
    }
    draft.modified = Some(reader.at(date, Some(clock))?);
    draft.owner = words.get(format_at + 6).filter(|owner| *owner != b"-");
    draft.details().object = Some(Bytes::copy_from_slice(format));
    Some(draft)
}

/// Date, time, `F` or `D`, links, size, name in quotes.
pub(super) fn parse_bfs<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let kind = match words.get(2)? {
        b"F" => Kind::File,
        b"D" => Kind::Directory,
        _ => return None,
    };
    let clock = clock(words.get(1)?)?;
    let date = numeric(words.get(0)?, reader, MONTH_FIRST)?;
    let (links, size) = (words.get(3)?, words.get(4)?);
    let name = words.name_from(5)?;
    let name = name
        .strip_prefix(b"'")
        .map_or(name, |name| name.strip_suffix(b"'").unwrap_or(name));
    let mut draft = Draft::new(name, kind);
    if kind == Kind::File {
        draft.links = Some(number(links)?);
        draft.size = Some(number(size)?);
    } else if links != b"-" || size != b"-" {
        return None;
    }
    draft.modified = Some(reader.at(date, Some(clock))?);
    Some(draft)
}
