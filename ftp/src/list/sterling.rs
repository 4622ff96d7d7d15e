//! Connect:Enterprise of Sterling Commerce: `-C--E-----FTP B QUA1I1      18128       41 Aug 12 13:56 name`.

use bytes::Bytes;

use super::context::Reader;
use super::date::find;
use super::entry::{Draft, Kind};
use super::text::{Words, all_digits, number};

/// Flags of the batch and how it came, one letter for its format, mailbox, batch number, size, date, name.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let flags = words
        .get(0)
        .filter(|flags| flags.starts_with(b"-") && (8..=16).contains(&flags.len()))?;
    if !flags
        .iter()
        .all(|flag| *flag == b'-' || flag.is_ascii_uppercase())
    {
        return None;
    }
    words
        .get(1)
        .filter(|format| matches!(format, [b'A'..=b'Z']))?;
    let batch = words.get(3).filter(|batch| all_digits(batch))?;
    let size = number(words.get(4)?)?;
    let dated = find(words, 5, reader)?;
    let mut draft = Draft::new(dated.gap.name(words.after(dated.last)?)?, Kind::File);
    draft.size = Some(size);
    draft.modified = Some(dated.modified);
    draft.owner = words.get(2);
    draft.group = Some(batch);
    draft.details().protection = Some(Bytes::copy_from_slice(flags));
    Some(draft)
}
