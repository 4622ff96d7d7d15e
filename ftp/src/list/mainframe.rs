//! Other large systems: Fujitsu, Mitsubishi, Bull, Unisys, HP 3000, TOPS-20.

use bytes::Bytes;

use super::context::Reader;
use super::date::{
    Gap, MONTH_FIRST, YEAR_FIRST, clock, date, day_month_year, full_year, numeric, two_digits,
};
use super::entry::{Draft, Kind};
use super::month::month;
use super::text::{Words, all_digits, contains, number, split_once};
use super::unix::{Mode, name_and_target};

/// Fujitsu GP6000: permissions, `yy.mm.dd`, time, owner, group, size, name.
pub(super) fn gp6000<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let mode = Mode::read(words.get(0)?)?;
    let word = words
        .get(1)
        .filter(|word| word.first().is_some_and(u8::is_ascii_digit))?;
    let clock = clock(words.get(2)?)?;
    let date = numeric(word, reader, YEAR_FIRST)?;
    let size = number(words.get(5)?)?;
    let name = Gap::One.name(words.after(5)?)?;
    let mut draft = Draft::new(name, mode.kind);
    draft.size = Some(size);
    draft.modified = Some(reader.at(date, Some(clock))?);
    draft.mode = mode.bits;
    draft.owner = words.get(3);
    draft.group = words.get(4);
    name_and_target(&mut draft, name);
    Some(draft)
}

/// Fujitsu OS IV/MSP: `drwx  F  400  400  PO  93.10.27  NAME/`; stars stand for what is not known.
pub(super) fn msp<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let mode = words.get(0).filter(|mode| mode.len() == 4)?;
    if !mode
        .iter()
        .skip(1)
        .zip(b"rwx")
        .all(|(letter, full)| letter == full || *letter == b'-')
    {
        return None;
    }
    let kind = match mode.first()? {
        b'd' => Kind::Directory,
        b'-' => Kind::File,
        _ => return None,
    };
    let is_number = |word: &[u8]| all_digits(word) || word.iter().all(|&octet| octet == b'*');
    if !is_number(words.get(2)?) || !is_number(words.get(3)?) {
        return None;
    }
    let organization = words
        .get(4)
        .filter(|word| word.iter().all(u8::is_ascii_uppercase))?;
    let word = words.get(5)?;
    let modified = if word == b"**.**.**" {
        None
    } else {
        Some(reader.at(numeric(word, reader, YEAR_FIRST)?, None)?)
    };
    let name = words.name_from(6)?;
    let mut draft = Draft::new(name, kind);
    draft.modified = modified;
    draft.details().object = Some(Bytes::copy_from_slice(organization));
    name_and_target(&mut draft, name);
    Some(draft)
}

/// Mitsubishi MELCOM: `- RW-RW-RW-   1   OWNER       50 DEC  1  1997 NAME           B(B)`.
pub(super) fn melcom<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let kind = match words.get(0)? {
        b"-" => Kind::File,
        b"d" => Kind::Directory,
        _ => return None,
    };
    let access = words.get(1).filter(|access| {
        access.len() == 9 && access.iter().all(|letter| b"RWX-".contains(letter))
    })?;
    let links = number(words.get(2)?)?;
    let size = number(words.get(4)?)?;
    let date = date(
        full_year(words.get(7)?)?,
        month(words.get(5)?)?,
        two_digits(words.get(6)?)?,
    )?;
    let name = words.get(8)?;
    // The class of the file is in a column of its own, which a long name touches.
    let name = match name
        .strip_suffix(b")")
        .and_then(|name| split_once(name, b"("))
    {
        Some((front, _)) => front.get(..front.len().checked_sub(1)?)?,
        None => name,
    };
    let mut draft = Draft::new(Some(name).filter(|name| !name.is_empty())?, kind);
    draft.links = Some(links);
    draft.owner = words.get(3);
    draft.size = Some(size);
    draft.modified = Some(reader.at(date, None)?);
    draft.details().protection = Some(Bytes::copy_from_slice(access));
    Some(draft)
}

/// Bull GCOS 7: `- - -----0 SEPT         OWNER         AUG 26, 1997 NAME`; no sizes.
pub(super) fn gcos7<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let kind = match words.get(0)? {
        b"-" => Kind::File,
        b"d" => Kind::Directory,
        _ => return None,
    };
    words
        .get(1)
        .filter(|letter| matches!(*letter, b"-" | b"d" | b"s" | b"m"))?;
    let access = words.get(2).filter(|access| access.len() == 6)?;
    let day = two_digits(words.get(6)?.strip_suffix(b",")?)?;
    let date = date(full_year(words.get(7)?)?, month(words.get(5)?)?, day)?;
    let mut draft = Draft::new(words.name_from(8)?, kind);
    draft.modified = Some(reader.at(date, None)?);
    draft.owner = words.get(4);
    draft.details().protection = Some(Bytes::copy_from_slice(access));
    Some(draft)
}

/// Unisys `ClearPath`: `A/B   SEQDATA    84 06/09/1998  12:03`.
pub(super) fn clearpath<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    if !words.is_exactly(5) {
        return None;
    }
    let kind = words
        .get(1)
        .filter(|kind| kind.len() > 2 && kind.iter().all(u8::is_ascii_uppercase))?;
    let size = number(words.get(2)?)?;
    let clock = clock(words.get(4)?)?;
    let date = words
        .get(3)
        .filter(|date| date.len() == 10 || date.len() == 8 && kind.ends_with(b"DATA"))?;
    let date = numeric(date, reader, MONTH_FIRST)?;
    let mut draft = Draft::new(words.get(0)?, Kind::File);
    draft.size = Some(size);
    draft.modified = Some(reader.at(date, Some(clock))?);
    draft.details().object = Some(Bytes::copy_from_slice(kind));
    Some(draft)
}

/// HP 3000, MPE/iX: `FILE1   PROG   128W  FB   12   12   1   16  1  8`, or with the name behind the numbers.
pub(super) fn mpe<'a>(words: &Words<'a>, _: &Reader<'_>) -> Option<Draft<'a>> {
    let record = |word: &[u8]| {
        let (unit, digits) = word.split_last()?;
        let octets = match unit {
            b'B' => 1,
            b'W' => 2,
            _ => return None,
        };
        number(digits)?.checked_mul(octets)
    };
    let at = (0..3).find(|&at| words.get(at).and_then(record).is_some())?;
    let kind = words.get(at + 1).filter(|kind| {
        (2..=4).contains(&kind.len())
            && matches!(kind.first(), Some(b'F' | b'V' | b'U' | b'H' | b'D' | b'B'))
    })?;
    if !kind.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let (length, records) = (record(words.get(at)?)?, number(words.get(at + 2)?)?);
    number(words.get(at + 3)?)?;
    let name = if at == 0 {
        words.last()?
    } else {
        words.get(0)?
    };
    let name = name.strip_suffix(b"*").unwrap_or(name);
    if name.is_empty() || number(name).is_some() {
        return None;
    }
    let mut draft = Draft::new(name, Kind::File);
    draft.size = length.checked_mul(records);
    draft.size_is_estimate = kind.starts_with(b"V");
    if let Some(bare) = name.strip_suffix(b"/") {
        draft.name = bare.into();
        draft.kind = Kind::Directory;
    }
    draft.details().records = Some(records);
    Some(draft)
}

/// TOPS-20: `<USER>LOGIN.CMD.1;P777700;A,1,15-Aug-2003 09:42:12,15-Aug-2003 09:42:12,…`; sizes are pages.
pub(super) fn tops20<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let line = words.line();
    let rest = match line.strip_prefix(b"<") {
        Some(path) => split_once(path, b">")?.1,
        None => line,
    };
    let (file, attributes) = split_once(rest, b";P")?;
    let mut fields = attributes.split(|&octet| octet == b',').skip(1);
    let pages = number(fields.next()?)?;
    let moment = |field: &[u8]| {
        let (day, time) = split_once(field, b" ")?;
        reader.at(day_month_year(day)?, Some(clock(time)?))
    };
    let created = moment(fields.next()?)?;
    let modified = moment(fields.next()?)?;
    // The generation is the last part; a directory is a file of that type.
    let dot = file.iter().rposition(|&octet| octet == b'.')?;
    let (name, generation) = (file.get(..dot)?, number(file.get(dot + 1..)?)?);
    let (name, kind) = if contains(name, b".DIRECTORY") {
        (name.get(..name.len().checked_sub(10)?)?, Kind::Directory)
    } else {
        (name, Kind::File)
    };
    let mut draft = Draft::new(Some(name).filter(|name| !name.is_empty())?, kind);
    draft.modified = Some(modified);
    let details = draft.details();
    details.created = Some(created);
    details.version = Some(generation);
    details.records = Some(pages);
    Some(draft)
}
