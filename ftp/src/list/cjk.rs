//! Dates with the characters for year, month and day behind the numbers, as Chinese, Japanese and Korean servers write
//! them: `11月12日 14時21分`, `2005년 1월 6일`, and the same in encodings that are not UTF-8.

use jiff::civil::Time;

use super::context::Reader;
use super::date::{Clock, Dated, Gap, clock, date};
use super::entry::Precision;
use super::text::{Words, number};

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// Octets that are no ASCII and no character known here.
    Unknown,
}

/// Characters by unit: UTF-8, then Shift JIS, EUC-JP, GBK, Big5, EUC-KR as far as they differ.
const UNITS: [(Unit, &[&[u8]]); 6] = [
    (
        Unit::Year,
        &[
            "年".as_bytes(),
            "년".as_bytes(),
            b"\x94\x4E",
            b"\xC7\xAF",
            b"\xC4\xEA",
            b"\xA6\x7E",
            b"\xB3\xE2",
        ],
    ),
    (
        Unit::Month,
        &[
            "月".as_bytes(),
            "월".as_bytes(),
            b"\x8C\x8E",
            b"\xB7\xEE",
            b"\xD4\xC2",
            b"\xA4\xEB",
            b"\xBF\xF9",
        ],
    ),
    (
        Unit::Day,
        &[
            "日".as_bytes(),
            "일".as_bytes(),
            "号".as_bytes(),
            b"\x93\xFA",
            b"\xC6\xFC",
            b"\xC8\xD5",
            b"\xA4\xE9",
            b"\xC0\xCF",
        ],
    ),
    (
        Unit::Hour,
        &[
            "時".as_bytes(),
            "时".as_bytes(),
            "시".as_bytes(),
            b"\x8E\x9E",
            b"\xBB\xFE",
            b"\xCA\xB1",
            b"\xAE\xC9",
        ],
    ),
    (
        Unit::Minute,
        &[
            "分".as_bytes(),
            "분".as_bytes(),
            b"\x95\xAA",
            b"\xCA\xAC",
            b"\xB7\xD6",
            b"\xA4\xC0",
        ],
    ),
    (
        Unit::Second,
        &["秒".as_bytes(), "초".as_bytes(), b"\x95\x62"],
    ),
];

/// Most numbers a date has: year, month, day, hour, minute, second.
const MOST: usize = 6;

/// A number, its unit, and the word it is in.
#[derive(Clone, Copy, Debug)]
struct Part {
    value: i16,
    digits: usize,
    unit: Option<Unit>,
    word: usize,
}

/// A date beginning at word `at`.
pub(super) fn find(words: &Words<'_>, at: usize, reader: &Reader<'_>) -> Option<Dated> {
    let parts = split(words, at);
    let part = |index: usize| parts.get(index).copied().flatten();
    let first = part(0)?;
    if first.unit.is_none()
        && first.digits <= 2
        && part(1).is_some_and(|part| part.unit == Some(Unit::Month))
    {
        return day_first(words, first, part(1)?, part(2), reader);
    }
    // Either the year leads, with its character or as four digits, or the month does.
    let year_leads =
        first.digits == 4 && matches!(first.unit, None | Some(Unit::Year | Unit::Unknown));
    let (month, day) = if year_leads {
        (part(1)?, part(2)?)
    } else {
        (first, part(1)?)
    };
    if !matches!(month.unit, Some(Unit::Month | Unit::Unknown))
        || !matches!(day.unit, None | Some(Unit::Day | Unit::Unknown))
    {
        return None;
    }
    let (month_number, day_number) = (small(month)?, small(day)?);
    let follow = if year_leads { 3 } else { 2 };
    let time = time_of(words, day.word + 1, part(follow), part(follow + 1));
    if year_leads {
        let date = date(first.value, month_number, day_number)?;
        let (clock, last) = time.map_or((None, day.word), |(clock, last)| (Some(clock), last));
        return Some(Dated {
            modified: reader.at(date, clock)?,
            last,
            gap: gap(words, last),
        });
    }
    if let Some((clock, last)) = time {
        return Some(Dated {
            modified: reader.recent(month_number, day_number, Some(clock))?,
            last,
            gap: gap(words, last),
        });
    }
    let year = part(follow).filter(|part| {
        part.digits == 4 && matches!(part.unit, None | Some(Unit::Year | Unit::Unknown))
    })?;
    let date = date(year.value, month_number, day_number)?;
    Some(Dated {
        modified: reader.at(date, None)?,
        last: year.word,
        gap: Gap::All,
    })
}

/// `02 1月 2006 15:04`, `02 1月 15:04`.
fn day_first(
    words: &Words<'_>,
    day: Part,
    month: Part,
    year: Option<Part>,
    reader: &Reader<'_>,
) -> Option<Dated> {
    let (day_number, month_number) = (small(day)?, small(month)?);
    if let Some(clock) = words.get(month.word + 1).and_then(clock) {
        let modified = reader.recent(month_number, day_number, Some(clock))?;
        return Some(Dated {
            modified,
            last: month.word + 1,
            gap: Gap::One,
        });
    }
    let year =
        year.filter(|part| part.digits == 4 && matches!(part.unit, None | Some(Unit::Year)))?;
    let clock = words.get(year.word + 1).and_then(clock);
    let last = if clock.is_some() {
        year.word + 1
    } else {
        year.word
    };
    let date = date(year.value, month_number, day_number)?;
    Some(Dated {
        modified: reader.at(date, clock)?,
        last,
        gap: gap(words, last),
    })
}

fn small(part: Part) -> Option<i8> {
    i8::try_from(part.value).ok()
}

/// A name is one blank behind a time; columns that end in a character are filled with blanks.
fn gap(words: &Words<'_>, last: usize) -> Gap {
    if words.get(last).is_some_and(<[u8]>::is_ascii) && words.get(last).and_then(clock).is_some() {
        Gap::One
    } else {
        Gap::All
    }
}

/// A time in the word `at`, or as hours and minutes with their characters.
fn time_of(
    words: &Words<'_>,
    at: usize,
    hour: Option<Part>,
    minute: Option<Part>,
) -> Option<(Clock, usize)> {
    if let Some(clock) = words.get(at).and_then(clock) {
        return Some((clock, at));
    }
    let (hour, minute) = (hour?, minute?);
    let hours = matches!(hour.unit, Some(Unit::Hour | Unit::Unknown)) && hour.digits <= 2;
    if !hours || !matches!(minute.unit, Some(Unit::Minute | Unit::Unknown)) {
        return None;
    }
    let time = Time::new(small(hour)?, small(minute)?, 0, 0).ok()?;
    Some((
        Clock {
            time,
            precision: Precision::Minute,
        },
        minute.word,
    ))
}

/// The numbers and units from word `at` on, until something is neither.
fn split(words: &Words<'_>, at: usize) -> [Option<Part>; MOST] {
    let mut parts = [None; MOST];
    let mut slots = parts.iter_mut();
    for index in at..at + MOST {
        let Some(mut rest) = words.get(index) else {
            return parts;
        };
        // A time of the usual kind, or a name that begins with a digit, ends the search.
        while !rest.is_empty() {
            let digits = rest
                .iter()
                .take_while(|octet| octet.is_ascii_digit())
                .count();
            let tail = rest.get(digits..).unwrap_or_default();
            let unit = tail
                .iter()
                .take_while(|octet| !octet.is_ascii_digit())
                .count();
            let (unit, after) = tail.split_at_checked(unit).unwrap_or((tail, &[]));
            let value = rest
                .get(..digits)
                .filter(|digits| digits.len() <= 4)
                .and_then(number);
            let (Some(value), Ok(unit)) = (
                value.and_then(|value| i16::try_from(value).ok()),
                unit_of(unit),
            ) else {
                return parts;
            };
            let Some(slot) = slots.next() else {
                return parts;
            };
            *slot = Some(Part {
                value,
                digits,
                unit,
                word: index,
            });
            rest = after;
        }
    }
    parts
}

/// The unit that octets stand for; none if there are no octets; an error if they cannot be a character.
fn unit_of(octets: &[u8]) -> Result<Option<Unit>, ()> {
    match octets.first() {
        None => Ok(None),
        Some(0x80..) if octets.len() <= 3 => {
            let known = UNITS
                .iter()
                .find(|(_, forms)| forms.contains(&octets))
                .map(|(unit, _)| *unit);
            Ok(Some(known.unwrap_or(Unit::Unknown)))
        }
        Some(_) => Err(()),
    }
}
