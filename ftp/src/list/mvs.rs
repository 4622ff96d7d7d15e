//! MVS and its descendants up to z/OS: data sets and members of partitioned data sets.
//!
//! Data sets: `VOL001 3390   2004/06/23  1    1  FB     128  6144  PS    SOME.DATA.SET`. Members:
//! `MEMBER    01.03 2002/09/12 2002/10/11 09:37    11    11     0 USER01`, or, in a load library,
//! `MEMBER    005F48   000011          00 FO             RN RU            31    ANY`.
//! Tracks and records are not octets, so that only load modules have a size.

use bytes::Bytes;
use jiff::civil::Date;

use super::context::Reader;
use super::date::{MONTH_FIRST, YEAR_FIRST, clock, numeric};
use super::entry::{Draft, Kind};
use super::text::{Words, all_digits, in_base, number, small, split_once, starts_with};

/// What the system calls names of data sets, and what other servers with its listings allow.
fn is_name(word: &[u8]) -> bool {
    !word.is_empty()
        && word.len() <= 64
        && word.iter().all(|octet| {
            octet.is_ascii_alphanumeric() || b"$#@.-_{}&()+".contains(octet) || *octet >= 0x80
        })
}

/// Without the quotes that make a name absolute.
fn unquoted(word: &[u8]) -> &[u8] {
    word.strip_prefix(b"'")
        .and_then(|word| word.strip_suffix(b"'"))
        .unwrap_or(word)
}

/// A line about a data set.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let name = unquoted(words.last()?);
    if !is_name(name) {
        return None;
    }
    special(words, name).or_else(|| attributes(words, name, reader))
}

/// Data sets without attributes: migrated, on tape, archived, VSAM; and levels of qualifiers shown as directories.
fn special<'a>(words: &Words<'a>, name: &'a [u8]) -> Option<Draft<'a>> {
    let line = words.line().trim_ascii_start();
    let wide = words
        .gap_before(words.len().checked_sub(1)?)
        .is_some_and(|gap| gap > 1)
        || words.gap_before(0).is_some_and(|gap| gap > 20)
        || words.line().contains(&b'\t');
    let is =
        |front: &[u8], count: usize| starts_with(line, front) && words.is_exactly(count) && wide;
    let organization = words.len().checked_sub(2).and_then(|at| words.get(at))?;
    let volume = words.get(0)?;
    let (kind, object): (Kind, &[u8]) = if is(b"Migrated ", 2) || is(b"Migrated\t", 2) {
        (Kind::File, b"Migrated")
    } else if is(b"Pseudo Directory", 3) {
        (Kind::Directory, b"Pseudo Directory")
    } else if is(b"Error determining attributes", 4) {
        (Kind::Other, b"Error determining attributes")
    } else if is(b"User catalog connector ", 4) {
        (Kind::Other, b"User catalog connector")
    } else if is(b"GDG ", 2) {
        (Kind::Other, b"GDG")
    } else if is(b"VSAM ", 2) || is(b"PATH ", 2) || is(b"AIX ", 2) {
        (Kind::File, organization)
    } else if wide
        && [
            &b" Not Direct Access Device "[..],
            b" Not Mounted ",
            b" Not a DASD device ",
            b" File not on volume ",
            b" Error determining attributes ",
        ]
        .iter()
        .any(|state| super::text::contains(line, state))
    {
        (Kind::File, volume)
    } else if words.is_exactly(4) && organization == b"VSAM" && all_digits(words.get(1)?) {
        (Kind::File, b"VSAM")
    } else if words.is_exactly(3) && wide && organization.eq_ignore_ascii_case(b"tape") {
        (Kind::File, b"Tape")
    } else {
        return None;
    };
    let mut draft = Draft::new(name, kind);
    draft.details().object = Some(Bytes::copy_from_slice(object));
    Some(draft)
}

/// Volume, unit, date of last use, extents, tracks, record format and lengths, organization.
fn attributes<'a>(words: &Words<'a>, name: &'a [u8], reader: &Reader<'_>) -> Option<Draft<'a>> {
    words
        .get(0)
        .filter(|volume| volume.len() <= 6 && is_name(volume))?;
    // Long listings have wider columns, and none for the unit.
    let dated = match words.get(1)? {
        unit if unit.len() <= 8 && unit.iter().all(u8::is_ascii_alphanumeric) => 2,
        _ => 1,
    };
    let modified = match words.get(dated)? {
        b"**NONE**" | b"***NONE***" => None,
        word => {
            // Three digits of extents touch the date.
            let (day, _) = word
                .split_at_checked(10)
                .filter(|(_, extents)| all_digits(extents))
                .unwrap_or((word, b""));
            Some(reader.at(referred(day, reader)?, None)?)
        }
    };
    let count = words.len();
    let organization = words.get(count.checked_sub(2)?)?;
    let kind = match organization {
        b"PO" | b"PO-E" | b"POU" | b"PO-U" => Kind::Directory,
        b"PS" | b"PS-E" | b"PS-L" | b"PSU" | b"DA" | b"DAU" | b"IS" | b"ISU" | b"VS" | b"VSAM"
        | b"NONE" | b"?" => Kind::File,
        _ => return None,
    };
    // Extents and tracks, the record format and two lengths: columns can touch, or be too narrow.
    if !(6..=11).contains(&count)
        || !words
            .get(dated + 1)?
            .iter()
            .all(|octet| octet.is_ascii_digit() || matches!(octet, b'+' | b'?'))
    {
        return None;
    }
    let mut draft = Draft::new(name, kind);
    draft.modified = modified;
    draft.details().object = Some(Bytes::copy_from_slice(organization));
    Some(draft)
}

/// `yyyy/mm/dd`, and `mm/dd/yy` of the years before.
fn referred(word: &[u8], reader: &Reader<'_>) -> Option<Date> {
    let (front, _) = split_once(word, b"/")?;
    numeric(
        word,
        reader,
        if front.len() == 4 {
            YEAR_FIRST
        } else {
            MONTH_FIRST
        },
    )
}

/// A name of a member.
fn is_member(word: &[u8]) -> bool {
    (1..=24).contains(&word.len())
        && word
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || b"$#@-_{".contains(octet))
}

/// A line about a member, with statistics or as the linkage editor left it.
pub(super) fn parse_member<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let name = words.get(0).filter(|name| is_member(name))?;
    let mut draft = Draft::new(name, Kind::File);
    if let Some((version, modification)) = split_once(words.get(1)?, b".") {
        if version.len() != 2
            || modification.len() != 2
            || !all_digits(version)
            || !all_digits(modification)
        {
            return None;
        }
        let created = numeric(words.get(2)?, reader, YEAR_FIRST)?;
        let changed = numeric(words.get(3)?, reader, YEAR_FIRST)?;
        draft.modified = Some(reader.at(changed, Some(clock(words.get(4)?)?))?);
        let records = number(words.get(5)?)?;
        number(words.get(6)?)?;
        let details = draft.details();
        details.created = reader.at(created, None);
        details.version = small(version).and_then(|version| u64::try_from(version).ok());
        details.records = Some(records);
        draft.owner = words.get(8);
        return Some(draft);
    }
    // Size and place in hexadecimal, perhaps the name this is an alias of, the authorization code, attributes.
    let (size, place) = (words.get(1)?, words.get(2)?);
    if !matches!(size.len(), 6 | 8) || place.len() != 6 {
        return None;
    }
    draft.size = Some(in_base(size, 16)?);
    in_base(place, 16)?;
    let authorized = |at: usize| {
        words
            .get(at)
            .is_some_and(|code| code.len() == 2 && all_digits(code))
    };
    if !authorized(3) {
        let alias = words
            .get(3)
            .filter(|alias| authorized(4) && is_member(alias))?;
        draft.details().unique = Some(Bytes::copy_from_slice(alias));
    }
    Some(draft)
}

/// The same, where it is known that members are listed: they need no statistics.
pub(super) fn parse_member_known<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    parse_member(words, reader).or_else(|| {
        let name = words
            .get(0)
            .filter(|name| words.is_exactly(1) && is_member(name))?;
        Some(Draft::new(name, Kind::File))
    })
}
