//! OS/400, which IBM i is called now: `QSYS            77824 02/23/00 15:09:55 *DIR       QOPENSYS/`.

use bytes::Bytes;

use super::context::Reader;
use super::date::{DAY_FIRST, YEAR_FIRST, clock, numeric};
use super::entry::{Draft, Kind};
use super::text::{Words, grouped, number};

/// Owner, size, date in the order of the job, time, object type, name. Members have neither size nor date.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    // Who is anonymous is not told the owner.
    let first = usize::from(!words.get(3).is_some_and(|word| word.starts_with(b"*")));
    let owner = match first {
        0 => None,
        _ => Some(
            words
                .get(0)
                .filter(|owner| owner.len() <= 10 && owner.first() != Some(&b'*'))?,
        ),
    };
    let is_type = |word: &&[u8]| {
        word.len() > 1
            && word.starts_with(b"*")
            && word.iter().skip(1).all(u8::is_ascii_alphanumeric)
    };
    if let Some(object) = words.get(1).filter(is_type) {
        // The name of a member is that of its file and its own.
        let mut draft = Draft::new(
            words.name_from(2).filter(|_| object == b"*MEM")?,
            Kind::File,
        );
        draft.owner = owner;
        draft.details().object = Some(Bytes::copy_from_slice(object));
        return Some(draft);
    }
    let object = words
        .get(first + 3)
        .filter(is_type)
        .filter(|object| *object != b"*MEM")?;
    let size = words
        .get(first)
        .and_then(|size| number(size).or_else(|| grouped(size)))?;
    let clock = clock(words.get(first + 2)?)?;
    let word = words.get(first + 1)?;
    let date = numeric(
        word,
        reader,
        if word.contains(&b'.') {
            DAY_FIRST
        } else {
            YEAR_FIRST
        },
    )?;
    let name = words.name_from(first + 4)?;
    let bare = name.strip_suffix(b"/").filter(|bare| !bare.is_empty());
    let kind = match object {
        b"*DIR" | b"*DDIR" | b"*LIB" | b"*FLR" => Kind::Directory,
        b"*SYMLNK" => Kind::Link,
        b"*FILE" if bare.is_some() => Kind::Directory,
        _ => Kind::File,
    };
    let name = bare.unwrap_or(name);
    // A name that begins at the root is a path: its last part is in the directory that was listed.
    let own = match name.iter().rposition(|&octet| octet == b'/') {
        Some(at) if name.starts_with(b"/") => name.get(at + 1..)?,
        _ => name,
    };
    let mut draft = Draft::new(own, kind);
    draft.size = Some(size);
    draft.modified = Some(reader.at(date, Some(clock))?);
    draft.owner = owner;
    draft.details().object = Some(Bytes::copy_from_slice(object));
    Some(draft)
}
