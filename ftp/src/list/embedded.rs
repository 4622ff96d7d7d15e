//! Small servers in routers, instruments and controllers, each with a form of its own.

use super::context::Reader;
use super::date::{
    MONTH_FIRST, YEAR_FIRST, clock, date, full_year, month_day_year, numeric, two_digits,
};
use super::entry::{Draft, Kind};
use super::month::{is_weekday, month};
use super::text::{Words, all_digits, number, split_once};

use bytes::Bytes;
use jiff::civil::Time;

use super::date::Clock;
use super::entry::Precision;

/// `VxWorks`: size, `Mon-dd-yyyy`, time, name, and `<DIR>` behind it.
pub(super) fn vxworks<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let size = number(words.get(0)?)?;
    let date = month_day_year(words.get(1)?)?;
    let clock = clock(words.get(2)?)?;
    let name = words.name_from(3)?;
    let (name, kind) = match name.strip_suffix(b"<DIR>") {
        Some(name) => (name.trim_ascii_end(), Kind::Directory),
        None => (name, Kind::File),
    };
    let mut draft = Draft::new(Some(name).filter(|name| !name.is_empty())?, kind);
    draft.size = Some(size);
    draft.modified = Some(reader.at(date, Some(clock))?);
    Some(draft)
}

/// wfFtp of Wellfleet and Nortel: name, size, `mm/dd/yy`, day of the week, time.
pub(super) fn wfftp<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    if !words.is_exactly(5) || !is_weekday(words.get(3)?) {
        return None;
    }
    let size = number(words.get(1)?)?;
    let clock = clock(words.get(4)?)?;
    let date = numeric(words.get(2)?, reader, MONTH_FIRST)?;
    let mut draft = Draft::new(words.get(0)?, Kind::File);
    draft.size = Some(size);
    draft.modified = Some(reader.at(date, Some(clock))?);
    Some(draft)
}

/// Old `VShell`: size, `Mon dd, yyyy hh:mm`, name, with a stroke behind directories.
pub(super) fn vshell<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let size = number(words.get(0)?)?;
    let month = month(words.get(1)?)?;
    let day = two_digits(words.get(2)?.strip_suffix(b",")?)?;
    let date = date(full_year(words.get(3)?)?, month, day)?;
    let clock = clock(words.get(4)?)?;
    let name = super::date::Gap::One.name(words.after(4)?)?;
    let (name, kind) = match name.strip_suffix(b"/") {
        Some(bare) if !bare.is_empty() => (bare, Kind::Directory),
        _ => (name, Kind::File),
    };
    let mut draft = Draft::new(name, kind);
    draft.size = Some(size);
    draft.modified = Some(reader.at(date, Some(clock))?);
    Some(draft)
}

/// PC/TCP and its like: name, size or `<DIR>`, `mm-dd-yy`, time, then nothing, attributes, or the long name.
/// Chameleon: the date in words, and permissions behind it.
pub(super) fn pctcp<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let name = words.get(0)?;
    let what = words.get(1)?;
    let bare = name.strip_suffix(b"/").filter(|bare| !bare.is_empty());
    let is_directory = bare.is_some() || what.eq_ignore_ascii_case(b"<DIR>");
    let mut draft = Draft::new(
        bare.unwrap_or(name),
        if is_directory {
            Kind::Directory
        } else {
            Kind::File
        },
    );
    if !what.eq_ignore_ascii_case(b"<DIR>") {
        draft.size = Some(number(what)?);
    }
    if let Some(month) = month(words.get(2)?) {
        let date = date(full_year(words.get(4)?)?, month, two_digits(words.get(3)?)?)?;
        draft.modified = Some(reader.at(date, Some(clock(words.get(5)?)?))?);
        let access = words.get(6).filter(|access| {
            access.len() == 4 && access.iter().all(|letter| b"drwas-".contains(letter))
        })?;
        draft.details().protection = Some(Bytes::copy_from_slice(access));
        return if words.is_exactly(7) {
            Some(draft)
        } else {
            None
        };
    }
    let clock = clock(words.get(3)?)?;
    let date = numeric(words.get(2)?, reader, MONTH_FIRST)?;
    draft.modified = Some(reader.at(date, Some(clock))?);
    let Some(behind) = words.get(4) else {
        return Some(draft);
    };
    let attributes = words.is_exactly(5) && behind.iter().all(|letter| b"RASH".contains(letter));
    if attributes && words.gap_before(4).is_some_and(|gap| gap > 1) {
        return Some(draft);
    }
    // The name in front is the short one that Windows made of it then.
    let long = super::date::Gap::One.name(words.after(3)?)?;
    if !long.eq_ignore_ascii_case(name) && !name.contains(&b'~') {
        return None;
    }
    draft.name = long.into();
    Some(draft)
}

/// Allied Telesis: size or `<dir>`, name, `Tue Dec 20 06:20:00 1994`.
pub(super) fn allied<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    if !words.is_exactly(7) || !is_weekday(words.get(2)?) {
        return None;
    }
    let what = words.get(0)?;
    let kind = if what.eq_ignore_ascii_case(b"<dir>") {
        Kind::Directory
    } else {
        Kind::File
    };
    let mut draft = Draft::new(words.get(1)?, kind);
    if kind == Kind::File {
        draft.size = Some(number(what)?);
    }
    let date = date(
        full_year(words.get(6)?)?,
        month(words.get(3)?)?,
        two_digits(words.get(4)?)?,
    )?;
    draft.modified = Some(reader.at(date, Some(clock(words.get(5)?)?))?);
    Some(draft)
}

/// OS-9 of Microware: owner, `yy/mm/dd`, `hhmm`, attributes, sector, size, name.
pub(super) fn os9<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let owner = words.get(0)?;
    let (group, user) = split_once(owner, b".")?;
    let attributes = words.get(3).filter(|letters| letters.len() == 8)?;
    if !all_digits(group)
        || !all_digits(user)
        || !attributes
            .iter()
            .zip(b"dsewrewr")
            .all(|(letter, full)| letter == full || *letter == b'-')
    {
        return None;
    }
    let time = words.get(2).filter(|time| time.len() == 4)?;
    let (hour, minute) = (two_digits(time.get(..2)?)?, two_digits(time.get(2..)?)?);
    let clock = Clock {
        time: Time::new(hour, minute, 0, 0).ok()?,
        precision: Precision::Minute,
    };
    let date = numeric(words.get(1)?, reader, YEAR_FIRST)?;
    let size = number(words.get(5)?)?;
    let kind = if attributes.starts_with(b"d") {
        Kind::Directory
    } else {
        Kind::File
    };
    let mut draft = Draft::new(words.name_from(6)?, kind);
    draft.size = Some(size);
    draft.modified = Some(reader.at(date, Some(clock))?);
    draft.owner = Some(owner);
    draft.details().protection = Some(Bytes::copy_from_slice(attributes));
    Some(draft)
}

/// iRMX of Intel: name, `DR` for directories, access, blocks, size, two granularities, owner, `dd MON yy`.
pub(super) fn irmx<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let count = words.len();
    let [day, name_of_month, year] =
        [3, 2, 1].map(|back| count.checked_sub(back).and_then(|at| words.get(at)));
    let date = date(
        super::date::year(year?)?,
        month(name_of_month?)?,
        two_digits(day?)?,
    )?;
    let number_at = (1..4).find(|&at| {
        words
            .get(at)
            .is_some_and(|word| word.first().is_some_and(u8::is_ascii_digit))
    })?;
    let is_access = |at: usize| {
        words
            .get(at)
            .is_some_and(|word| word.iter().all(u8::is_ascii_uppercase))
    };
    if !(1..number_at).all(is_access) || count < number_at + 7 {
        return None;
    }
    let plain = |word: &[u8]| number(word).or_else(|| super::text::grouped(word));
    plain(words.get(number_at)?)?;
    let size = plain(words.get(number_at + 1)?)?;
    plain(words.get(number_at + 2)?)?;
    plain(words.get(number_at + 3)?)?;
    let is_directory = number_at > 1 && words.get(1) == Some(b"DR");
    let mut draft = Draft::new(
        words.get(0)?,
        if is_directory {
            Kind::Directory
        } else {
            Kind::File
        },
    );
    draft.size = Some(size);
    draft.modified = Some(reader.at(date, None)?);
    draft.owner = words.through(number_at + 4, count - 4);
    Some(draft)
}
