//! Dates and times as listings write them.

use jiff::civil::{Date, Time};

use super::cjk;
use super::context::{DateOrder, Reader};
use super::entry::{Modified, Precision};
use super::month::{is_weekday, month};
use super::text::{Words, all_digits, number, small, split_once};

/// A time of day, and how much of it was said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) time: Time,
    pub(super) precision: Precision,
}

/// How a name follows a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// One blank; more belong to the name.
    One,
    /// One blank, and one more that filled the column of the year.
    Two,
    /// Any number of blanks.
    All,
}

impl Gap {
    /// The name in what follows the date, if there is one.
    pub(super) fn name(self, rest: &[u8]) -> Option<&[u8]> {
        let blank = |rest: &[u8]| {
            rest.first()
                .is_some_and(|&octet| super::text::is_blank(octet))
        };
        if !blank(rest) {
            return None;
        }
        let name = match self {
            Self::One => rest.get(1..)?,
            Self::Two => rest.get(1..).map(|rest| {
                if blank(rest) {
                    rest.get(1..).unwrap_or_default()
                } else {
                    rest
                }
            })?,
            Self::All => super::text::trim_start(rest),
        };
        if name.is_empty() { None } else { Some(name) }
    }
}

/// A date found among the words of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dated {
    pub(super) modified: Modified,
    /// Index of its last word.
    pub(super) last: usize,
    /// How the name follows.
    pub(super) gap: Gap,
}

/// `Some` order of preference for what is written with strokes or hyphens in America.
pub(super) const MONTH_FIRST: [DateOrder; 3] = [
    DateOrder::MonthDayYear,
    DateOrder::DayMonthYear,
    DateOrder::YearMonthDay,
];
/// Preference where the day comes first.
pub(super) const DAY_FIRST: [DateOrder; 3] = [
    DateOrder::DayMonthYear,
    DateOrder::MonthDayYear,
    DateOrder::YearMonthDay,
];
/// Preference where dates sort.
pub(super) const YEAR_FIRST: [DateOrder; 3] = [
    DateOrder::YearMonthDay,
    DateOrder::MonthDayYear,
    DateOrder::DayMonthYear,
];

/// A date that exists.
pub(super) fn date(year: i16, month: i8, day: i8) -> Option<Date> {
    Date::new(year, month, day).ok()
}

/// A number of at most two digits.
pub(super) fn two_digits(word: &[u8]) -> Option<i8> {
    if word.len() > 2 {
        None
    } else {
        number(word)?.try_into().ok()
    }
}

/// `h:mm`, `hh:mm:ss`, `hh:mm:ss.fff`; 24 hours. Also `h:m`, which small servers write.
pub(super) fn clock(word: &[u8]) -> Option<Clock> {
    let mut parts = word.splitn(3, |&octet| octet == b':');
    let hour = two_digits(parts.next()?)?;
    let minute = two_digits(parts.next()?)?;
    let Some(seconds) = parts.next() else {
        return Some(Clock {
            time: Time::new(hour, minute, 0, 0).ok()?,
            precision: Precision::Minute,
        });
    };
    let (second, fraction) = match seconds
        .iter()
        .position(|octet| matches!(octet, b'.' | b','))
    {
        Some(at) => (seconds.get(..at)?, Some(seconds.get(at + 1..)?)),
        None => (seconds, None),
    };
    // A leap second is a second that computers do not have.
    let second = Some(second)
        .filter(|digits| digits.len() == 2)
        .and_then(two_digits)?;
    let second = if second == 60 { 59 } else { second };
    let (nanosecond, precision) = match fraction {
        Some(digits) => (nanoseconds(digits)?, Precision::Fraction),
        None => (0, Precision::Second),
    };
    Some(Clock {
        time: Time::new(hour, minute, second, nanosecond).ok()?,
        precision,
    })
}

/// Digits behind the point of a second; those behind the ninth are cut off.
pub(super) fn nanoseconds(digits: &[u8]) -> Option<i32> {
    if !all_digits(digits) {
        return None;
    }
    let kept = digits.get(..digits.len().min(9))?;
    let missing = u32::try_from(9_usize.checked_sub(kept.len())?).ok()?;
    number(kept)?
        .checked_mul(10_u64.checked_pow(missing)?)?
        .try_into()
        .ok()
}

/// A time with `AM`, `PM`, `a` or `p` behind it or as the next word; the flag tells that the next word was taken.
pub(super) fn clock_with_half(word: &[u8], next: Option<&[u8]>) -> Option<(Clock, bool)> {
    let digits = word.iter().rposition(u8::is_ascii_digit)? + 1;
    let plain = clock(word.get(..digits)?)?;
    let attached = half(word.get(digits..)?);
    let (half, taken) = match (attached, next.map(half)) {
        (Half::None, Some(next @ (Half::Am | Half::Pm))) => (next, true),
        (attached, _) => (attached, false),
    };
    let hour = match (half, plain.time.hour()) {
        (Half::None, hour) => hour,
        (Half::Am, 12) => 0,
        (Half::Am, hour @ 0..=11) => hour,
        (Half::Pm, hour @ 1..=11) => hour + 12,
        // Some servers write `13:05PM`.
        (Half::Pm, hour) => hour,
        _ => return None,
    };
    let time = Time::new(
        hour,
        plain.time.minute(),
        plain.time.second(),
        plain.time.subsec_nanosecond(),
    )
    .ok()?;
    Some((Clock { time, ..plain }, taken))
}

#[derive(Clone, Copy)]
enum Half {
    None,
    Am,
    Pm,
    Wrong,
}

fn half(word: &[u8]) -> Half {
    if word.is_empty() {
        Half::None
    } else if word.eq_ignore_ascii_case(b"am") || word.eq_ignore_ascii_case(b"a") {
        Half::Am
    } else if word.eq_ignore_ascii_case(b"pm") || word.eq_ignore_ascii_case(b"p") {
        Half::Pm
    } else {
        Half::Wrong
    }
}

/// A year of four digits, of two (1970 to 2069), or of three, which is what adding 1900 was forgotten to.
pub(super) fn year(word: &[u8]) -> Option<i16> {
    let value = small(word)?;
    match word.len() {
        4 if (1900..=2999).contains(&value) => Some(value),
        3 if (100..=199).contains(&value) => Some(1900 + value),
        2 if value < 70 => Some(2000 + value),
        2 => Some(1900 + value),
        _ => None,
    }
}

/// A year of four digits that a file can have.
pub(super) fn full_year(word: &[u8]) -> Option<i16> {
    if word.len() == 4 { year(word) } else { None }
}

/// A date of three numbers with the same mark between: `04-27-00`, `27.04.2000`, `2000/4/27`.
pub(super) fn numeric(word: &[u8], reader: &Reader<'_>, prefer: [DateOrder; 3]) -> Option<Date> {
    let mark = *word.iter().find(|octet| !octet.is_ascii_digit())?;
    if !matches!(mark, b'-' | b'/' | b'.') {
        return None;
    }
    let mut parts = word.split(|&octet| octet == mark);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || b.len() > 2 {
        return None;
    }
    let reading = |y: &[u8], m: &[u8], d: &[u8]| date(year(y)?, two_digits(m)?, two_digits(d)?);
    if a.len() == 4 {
        return reading(a, b, c);
    }
    reader.choose(
        [
            (DateOrder::YearMonthDay, reading(a, b, c)),
            (DateOrder::MonthDayYear, reading(c, a, b)),
            (DateOrder::DayMonthYear, reading(c, b, a)),
        ],
        if mark == b'.' && prefer == MONTH_FIRST {
            DAY_FIRST
        } else {
            prefer
        },
    )
}

/// `dd-Mon-yyyy` with a name or abbreviation in the middle; two digits of the year will do.
pub(super) fn day_month_year(word: &[u8]) -> Option<Date> {
    let (day, rest) = split_once(word, b"-")?;
    let (name, last) = split_once(rest, b"-")?;
    date(year(last)?, month(name)?, two_digits(day)?)
}

/// `Mon-dd-yyyy`.
pub(super) fn month_day_year(word: &[u8]) -> Option<Date> {
    let (name, rest) = split_once(word, b"-")?;
    let (day, last) = split_once(rest, b"-")?;
    date(year(last)?, month(name)?, two_digits(day)?)
}

/// Without the full stop or comma that ends a number or name in some languages.
fn bare(word: &[u8]) -> &[u8] {
    let end = word
        .iter()
        .rposition(|octet| !matches!(octet, b'.' | b','))
        .map_or(0, |last| last + 1);
    word.get(..end).unwrap_or_default()
}

/// A date in any of the forms `ls` and its imitations use, beginning at word `at`.
pub(super) fn find(words: &Words<'_>, at: usize, reader: &Reader<'_>) -> Option<Dated> {
    let word = words.get(at)?;
    let first = *word.first()?;
    if first.is_ascii_digit() {
        iso(words, at, reader)
            .or_else(|| day_then_name(words, at, reader))
            .or_else(|| joined_name(words, at, reader))
            .or_else(|| three_numbers(words, at, reader))
            .or_else(|| two_numbers(words, at, reader))
            .or_else(|| cjk::find(words, at, reader))
    } else if is_weekday(word) && month(words.get(at + 1)?).is_some() {
        name_then_day(words, at + 1, reader)
    } else {
        name_then_day(words, at, reader)
    }
}

/// `Apr  8 10:24`, `Apr  8  1994`, `Apr  8 10:24:31 1994`, `Oct 08, 2002 09:47`.
fn name_then_day(words: &Words<'_>, at: usize, reader: &Reader<'_>) -> Option<Dated> {
    let month = month(words.get(at)?)?;
    let day = two_digits(bare(words.get(at + 1)?))?;
    year_or_time(words, at + 2, month, day, reader)
}

/// `8 Apr 10:24`, `26. Juli, 20:10`, `2.   Okt.  2003`, `12 de enero 2003`.
fn day_then_name(words: &Words<'_>, at: usize, reader: &Reader<'_>) -> Option<Dated> {
    let day = two_digits(bare(words.get(at)?))?;
    let name = if words.get(at + 1)?.eq_ignore_ascii_case(b"de") {
        at + 2
    } else {
        at + 1
    };
    let month = month(words.get(name)?)?;
    let next = if words.get(name + 1)?.eq_ignore_ascii_case(b"de") {
        name + 2
    } else {
        name + 1
    };
    year_or_time(words, next, month, day, reader)
}

/// What follows day and month: a time, or a year, or both.
fn year_or_time(
    words: &Words<'_>,
    at: usize,
    month: i8,
    day: i8,
    reader: &Reader<'_>,
) -> Option<Dated> {
    let word = words.get(at)?;
    if let Some(clock) = clock(word) {
        // BSD `ls -T`: seconds and the year behind them.
        if clock.precision >= Precision::Second
            && let Some(year) = words.get(at + 1).and_then(full_year)
            && words.get(at + 2).is_some()
        {
            let modified = reader.at(date(year, month, day)?, Some(clock))?;
            return Some(Dated {
                modified,
                last: at + 1,
                gap: Gap::One,
            });
        }
        return Some(Dated {
            modified: reader.recent(month, day, Some(clock))?,
            last: at,
            gap: Gap::One,
        });
    }
    let date = date(full_year(bare(word))?, month, day)?;
    if words.get(at + 2).is_some()
        && let Some(clock) = words.get(at + 1).and_then(clock)
    {
        return Some(Dated {
            modified: reader.at(date, Some(clock))?,
            last: at + 1,
            gap: Gap::One,
        });
    }
    // A year as wide as a time has a blank before it or behind it.
    let gap = if words.gap_before(at) == Some(1) {
        Gap::Two
    } else {
        Gap::One
    };
    Some(Dated {
        modified: reader.at(date, None)?,
        last: at,
        gap,
    })
}

/// `2009-09-15`, `2009/09/15 10:37`, `2009-09-15 10:37:51.000000000 +0200`, `2009-09-15T10:37:51Z`.
fn iso(words: &Words<'_>, at: usize, reader: &Reader<'_>) -> Option<Dated> {
    let word = words.get(at)?;
    let (day, inner) = match word.get(10) {
        Some(b'T' | b'_') => (word.get(..10)?, word.get(11..)),
        Some(_) => return None,
        None => (word, None),
    };
    if word.get(..4).is_none_or(|year| !all_digits(year)) {
        return None;
    }
    let date = numeric(day, reader, YEAR_FIRST)?;
    if let Some(inner) = inner {
        let (inner, utc) = inner
            .strip_suffix(b"Z")
            .map_or((inner, false), |inner| (inner, true));
        let clock = clock(inner)?;
        let modified = if utc {
            in_offset(date, clock, 0)?
        } else {
            reader.at(date, Some(clock))?
        };
        return Some(Dated {
            modified,
            last: at,
            gap: Gap::One,
        });
    }
    let Some(clock) = words.get(at + 1).and_then(clock) else {
        return Some(Dated {
            modified: reader.at(date, None)?,
            last: at,
            gap: Gap::All,
        });
    };
    if words.get(at + 3).is_some()
        && let Some(seconds) = words.get(at + 2).and_then(zone_offset)
    {
        return Some(Dated {
            modified: in_offset(date, clock, seconds)?,
            last: at + 2,
            gap: Gap::One,
        });
    }
    Some(Dated {
        modified: reader.at(date, Some(clock))?,
        last: at + 1,
        gap: Gap::One,
    })
}

/// `+0200`, `-0330`: seconds east of Greenwich.
fn zone_offset(word: &[u8]) -> Option<i32> {
    let (sign, digits) = word.split_first()?;
    let sign = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = i32::from(two_digits(digits.get(..2)?)?);
    let minutes = i32::from(two_digits(digits.get(2..)?)?);
    if digits.len() == 4 && hours < 24 && minutes < 60 {
        Some(sign * (hours * 3600 + minutes * 60))
    } else {
        None
    }
}

fn in_offset(date: Date, clock: Clock, seconds: i32) -> Option<Modified> {
    let offset = jiff::tz::Offset::from_seconds(seconds).ok()?;
    let at = offset.to_timestamp(date.to_datetime(clock.time)).ok()?;
    Some(Modified {
        at,
        precision: clock.precision,
    })
}

/// `01-jun-99`, `01-Jun-1999 14:03`.
fn joined_name(words: &Words<'_>, at: usize, reader: &Reader<'_>) -> Option<Dated> {
    let date = day_month_year(words.get(at)?)?;
    let clock = words
        .get(at + 1)
        .and_then(clock)
        .filter(|_| words.get(at + 2).is_some());
    let (last, gap) = if clock.is_some() {
        (at + 1, Gap::One)
    } else {
        (at, Gap::All)
    };
    Some(Dated {
        modified: reader.at(date, clock)?,
        last,
        gap,
    })
}

/// `24-04-2003 17:12`, `99/05/13 11:38:34`, `24.04.03`.
fn three_numbers(words: &Words<'_>, at: usize, reader: &Reader<'_>) -> Option<Dated> {
    let word = words.get(at)?;
    let clock = words.get(at + 1).and_then(clock);
    // Who writes strokes and seconds sorts by date (Toshiba OS/7).
    let sorted =
        word.contains(&b'/') && clock.is_some_and(|clock| clock.precision >= Precision::Second);
    let date = numeric(word, reader, if sorted { YEAR_FIRST } else { MONTH_FIRST })?;
    let (last, gap) = if clock.is_some() {
        (at + 1, Gap::One)
    } else {
        (at, Gap::All)
    };
    Some(Dated {
        modified: reader.at(date, clock)?,
        last,
        gap,
    })
}

/// `09-26 13:45`, `11/13 1996`, `11/ 6 14:21`, `26.09. 13:45`, `3 29 03:26`.
fn two_numbers(words: &Words<'_>, at: usize, reader: &Reader<'_>) -> Option<Dated> {
    let word = words.get(at)?;
    let mark = word.iter().find(|octet| !octet.is_ascii_digit()).copied();
    let (a, b, next) = match mark {
        Some(mark @ (b'-' | b'/' | b'.')) => {
            let (a, b) = split_once(word, &[mark])?;
            if b.is_empty() {
                (a, words.get(at + 1)?, at + 2)
            } else {
                (a, bare(b), at + 1)
            }
        }
        None => {
            let b = words.get(at + 1)?;
            // Without any mark only a time makes two numbers a date.
            clock(words.get(at + 2)?)?;
            (word, b, at + 2)
        }
        Some(_) => return None,
    };
    let (a, b) = (two_digits(a)?, two_digits(bare(b))?);
    let last = words.get(next)?;
    let clock = clock(last);
    let year = full_year(last);
    if clock.is_none() && year.is_none() {
        return None;
    }
    let reading = |month, day| date(year.unwrap_or(2000), month, day);
    let prefer = if mark == Some(b'.') {
        DAY_FIRST
    } else {
        MONTH_FIRST
    };
    let chosen = reader.choose(
        [
            (DateOrder::YearMonthDay, None),
            (DateOrder::MonthDayYear, reading(a, b)),
            (DateOrder::DayMonthYear, reading(b, a)),
        ],
        prefer,
    )?;
    let modified = match year {
        Some(_) => reader.at(chosen, None)?,
        None => reader.recent(chosen.month(), chosen.day(), clock)?,
    };
    Some(Dated {
        modified,
        last: next,
        gap: if clock.is_some() { Gap::One } else { Gap::All },
    })
}
