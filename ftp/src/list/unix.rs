//! `ls -l` and everything that imitates it.
//!
//! The columns vary (inode and blocks in front, no group, no owner, blanks in names of owners and groups, no size), so
//! only two things are relied on: a line begins with type and permissions, and a size followed by a date stands in
//! front of the name. The form that nearly all servers send is read by [`usual`], without looking for anything.

use super::context::Reader;
use super::date::{Clock, Dated, Gap, date, find};
use super::entry::{Draft, Kind, Modified, Precision};
use super::month::english;
use super::text::{Words, all_digits, grouped, number, scaled, split_once};

use jiff::civil::Time;

/// Most words between permissions and size: groups have been seen with eleven.
const MAX_OWNER_WORDS: usize = 20;

/// The first column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    pub(super) kind: Kind,
    pub(super) bits: Option<u16>,
    /// Links, if their number is so long that it touches the permissions.
    links: Option<u64>,
}

/// What the letter in front of the permissions means.
fn kind(letter: u8) -> Option<Kind> {
    Some(match letter {
        // `f` is what some say for a plain file, `C` a contiguous one, `M` one on tape.
        b'-' | b'f' | b'C' | b'M' => Kind::File,
        b'd' => Kind::Directory,
        b'l' => Kind::Link,
        b'b' => Kind::BlockDevice,
        b'c' => Kind::CharDevice,
        b'p' => Kind::Pipe,
        b's' => Kind::Socket,
        b'D' => Kind::Door,
        b'P' | b'n' | b'w' | b'?' => Kind::Other,
        _ => return None,
    })
}

/// Nine letters of permissions as bits; `None` if one of them cannot stand where it stands.
fn permissions(letters: [u8; 9]) -> Option<u16> {
    let [ur, uw, ux, gr, gw, gx, or, ow, ox] = letters;
    let mut bits = 0;
    for (letter, expected, bit) in [
        (ur, b'r', 0o400),
        (uw, b'w', 0o200),
        (gr, b'r', 0o040),
        (gw, b'w', 0o020),
        (or, b'r', 0o004),
        (ow, b'w', 0o002),
    ] {
        if letter == expected {
            bits |= bit;
        } else if letter != b'-' {
            return None;
        }
    }
    for (letter, execute, special) in [
        (ux, 0o100, 0o4000),
        (gx, 0o010, 0o2000),
        (ox, 0o001, 0o1000),
    ] {
        bits |= match letter {
            b'-' => 0,
            b'x' => execute,
            b's' | b't' => execute | special,
            // `l` is mandatory locking, which set-group-id without execute stands for.
            b'S' | b'T' | b'l' | b'L' => special,
            _ => return None,
        };
    }
    Some(bits)
}

impl Mode {
    /// Reads the first column; the whole word must make sense.
    pub(super) fn read(word: &[u8]) -> Option<Self> {
        let kind = kind(*word.first()?)?;
        if let Some((&[_, a, b, c, d, e, f, g, h, i], rest)) = word.split_first_chunk::<10>() {
            let bits = Some(permissions([a, b, c, d, e, f, g, h, i])?);
            // Access lists, SELinux, attributes: `+`, `.`, `@`.
            let rest = match rest.split_first() {
                Some((b'+' | b'.' | b'@' | b'*', rest)) => rest,
                _ => rest,
            };
            let links = if rest.is_empty() {
                None
            } else {
                Some(number(rest)?)
            };
            return Some(Self { kind, bits, links });
        }
        let letters = word.get(1..)?;
        let short = match letters.len() {
            // Two groups of three (HylaFAX).
            6 => letters
                .iter()
                .zip(b"rwxrwx")
                .all(|(letter, full)| letter == full || *letter == b'-'),
            // One letter short, and none of them said (CMX).
            8 => letters.iter().all(|letter| *letter == b'-'),
            _ => false,
        };
        if short {
            Some(Self {
                kind,
                bits: None,
                links: None,
            })
        } else {
            None
        }
    }
}

/// A line of `ls -l`.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    usual(words.line(), reader).or_else(|| unusual(words, reader))
}

/// `-rw-r--r--   1 owner    group        531 Jan 29 03:26 name`, with no column missing and none added.
pub(super) fn usual<'a>(line: &'a [u8], reader: &Reader<'_>) -> Option<Draft<'a>> {
    let (&[letter, a, b, c, d, e, f, g, h, i], rest) = line.split_first_chunk::<10>()?;
    let kind = kind(letter)?;
    if matches!(kind, Kind::BlockDevice | Kind::CharDevice) {
        return None;
    }
    let bits = permissions([a, b, c, d, e, f, g, h, i])?;
    let rest = match rest.split_first() {
        Some((b'+' | b'.' | b'@', rest)) => rest,
        _ => rest,
    };
    let mut columns = Columns { rest };
    let links = number(columns.next()?)?;
    let owner = columns.next()?;
    let group = columns.next()?;
    let size = number(columns.next()?)?;
    let month = english(columns.next()?)?;
    let day = match *columns.next()? {
        [ones] => digit(ones)?,
        [tens, ones] => digit(tens)? * 10 + digit(ones)?,
        _ => return None,
    };
    let before = columns.rest;
    let modified = match *columns.next()? {
        [h1, h2, b':', m1, m2] => {
            let time = Time::new(
                digit(h1)? * 10 + digit(h2)?,
                digit(m1)? * 10 + digit(m2)?,
                0,
                0,
            )
            .ok()?;
            reader.recent(
                month,
                day,
                Some(Clock {
                    time,
                    precision: Precision::Minute,
                }),
            )?
        }
        // Padded in front, as `ls` does it; otherwise the blank behind it would be in question.
        [y1, y2, y3, y4] if before.starts_with(b"  ") => {
            let year = [y1, y2, y3, y4]
                .into_iter()
                .try_fold(0, |sum, octet| Some(sum * 10 + i16::from(digit(octet)?)))?;
            reader.at(date(year, month, day)?, None)?
        }
        _ => return None,
    };
    let name = columns
        .rest
        .strip_prefix(b" ")
        .filter(|name| !name.is_empty() && !is_followed_by_time(name))?;
    let mut draft = Draft::new(name, kind);
    draft.size = Some(size);
    draft.modified = Some(modified);
    draft.mode = Some(bits);
    draft.links = Some(links);
    draft.owner = Some(owner);
    draft.group = Some(group);
    name_and_target(&mut draft, name);
    Some(draft)
}

/// Whether what looks like the name is the year or time that some servers write behind time or year.
fn is_followed_by_time(name: &[u8]) -> bool {
    matches!(
        name,
        [
            b'0'..=b'2',
            b'0'..=b'9',
            b':',
            b'0'..=b'5',
            b'0'..=b'9',
            b' ',
            ..
        ]
    )
}

fn digit(octet: u8) -> Option<i8> {
    let digit = octet.wrapping_sub(b'0');
    if digit > 9 {
        None
    } else {
        i8::try_from(digit).ok()
    }
}

/// Words one after the other; the blanks of ASCII only.
struct Columns<'a> {
    rest: &'a [u8],
}

impl<'a> Columns<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.rest.iter().position(|&octet| octet != b' ')?;
        let rest = self.rest.get(start..)?;
        let end = rest.iter().position(|&octet| octet == b' ')?;
        let (word, rest) = rest.split_at_checked(end)?;
        self.rest = rest;
        Some(word)
    }
}

/// Sets name and target: a link says where it points, a directory may end in a stroke.
pub(super) fn name_and_target<'a>(draft: &mut Draft<'a>, name: &'a [u8]) {
    let mut name = name;
    if draft.kind == Kind::Link {
        // The size of a link is the length of its target, which tells which arrow is meant.
        let length = draft.size.and_then(|size| usize::try_from(size).ok());
        let by_length = length
            .and_then(|length| name.len().checked_sub(length.checked_add(4)?))
            .and_then(|at| name.split_at_checked(at))
            .and_then(|(front, back)| Some((front, back.strip_prefix(b" -> ")?)));
        let parts = by_length
            .filter(|(front, _)| !front.is_empty())
            .or_else(|| split_once(name, b" -> "));
        if let Some((front, target)) = parts
            && !front.is_empty()
        {
            name = front;
            draft.target = Some(target).filter(|target| !target.is_empty());
        }
    } else if draft.kind == Kind::Directory {
        // Some servers follow the link for its type and still say where it points.
        if let Some((front, target)) = split_once(name, b" -> ")
            && !front.is_empty()
            && !target.is_empty()
            && split_once(target, b" -> ").is_none()
        {
            name = front;
            draft.target = Some(target);
        }
        name = name
            .strip_suffix(b"/")
            .filter(|bare| !bare.is_empty())
            .unwrap_or(name);
    }
    draft.name = name.into();
}

/// A size: digits, digits in groups, or a number with a unit.
pub(super) fn size(word: &[u8]) -> Option<u64> {
    number(word).or_else(|| {
        if word.contains(&b',') {
            grouped(word)
        } else {
            scaled(word)
        }
    })
}

/// What stands between permissions and date.
#[derive(Clone, Copy, Default)]
struct Middle<'a> {
    links: Option<u64>,
    owner: Option<&'a [u8]>,
    group: Option<&'a [u8]>,
}

fn unusual<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    // `ls -is` puts inode and blocks in front.
    let first = (0..3).find(|&index| !words.get(index).is_some_and(all_digits))?;
    let mode = Mode::read(words.get(first)?)?;
    sized(words, first, mode, reader)
        .or_else(|| unsized_or_joined(words, first, mode, reader))
        .or_else(|| dateless(words, first, mode))
}

/// With a size, or device numbers in its place, in front of the date.
fn sized<'a>(
    words: &Words<'a>,
    first: usize,
    mode: Mode,
    reader: &Reader<'_>,
) -> Option<Draft<'a>> {
    let is_device = matches!(mode.kind, Kind::BlockDevice | Kind::CharDevice);
    (first + 1..words.len().min(first + MAX_OWNER_WORDS)).find_map(|at| {
        let word = words.get(at)?;
        let device = if is_device {
            device(word, words.get(at + 1))
        } else {
            None
        };
        let size = size(word);
        if device.is_none() && size.is_none() {
            return None;
        }
        let next = at
            + if device.is_some_and(|(_, _, two)| two) {
                2
            } else {
                1
            };
        let dated = find(words, next, reader)?;
        let middle = middle(words, first, at, mode)?;
        let mut draft = finish(words, mode, middle, dated)?;
        if let Some((major, minor, _)) = device {
            draft.details().device = Some((major, minor));
        } else {
            draft.size = size;
        }
        let name = dated.gap.name(words.after(dated.last)?)?;
        name_and_target(&mut draft, name);
        Some(draft)
    })
}

/// `5,` and `27` as two words, or `5,27` as one; the flag tells which.
fn device(word: &[u8], next: Option<&[u8]>) -> Option<(u64, u64, bool)> {
    let minor = |digits: &[u8]| match digits.strip_prefix(b"0x") {
        Some(hex) => super::text::in_base(hex, 16),
        None => number(digits),
    };
    let (front, back) = split_once(word, b",")?;
    let major = minor(front)?;
    if back.is_empty() {
        Some((major, minor(next?)?, true))
    } else {
        Some((major, minor(back)?, false))
    }
}

/// Without a size, or with one that touches the name of the group: `longgroup123456 Feb 12 17:20`.
fn unsized_or_joined<'a>(
    words: &Words<'a>,
    first: usize,
    mode: Mode,
    reader: &Reader<'_>,
) -> Option<Draft<'a>> {
    (first + 1..words.len().min(first + MAX_OWNER_WORDS)).find_map(|at| {
        let dated = find(words, at, reader)?;
        let before = words.get(at.checked_sub(1)?)?;
        let letters = before
            .iter()
            .rposition(|octet| !octet.is_ascii_digit())
            .map_or(0, |last| last + 1);
        let joined = before
            .get(letters..)
            .filter(|_| at > first + 1)
            .and_then(number);
        // A number that is no size is a sign that the line is not understood.
        let letter = before
            .first()
            .is_some_and(|octet| octet.is_ascii_alphabetic() || matches!(octet, b'_' | 0x80..));
        if at > first + 1 && !letter && !is_nothing(before) {
            return None;
        }
        let mut middle = middle(words, first, at, mode)?;
        if joined.is_some() {
            let cut = |name: &'a [u8]| name.get(..name.len().checked_sub(before.len() - letters)?);
            match middle.group.as_mut().or(middle.owner.as_mut()) {
                Some(last) => *last = cut(last)?,
                None => return None,
            }
        }
        let mut draft = finish(words, mode, middle, dated)?;
        draft.size = joined;
        let name = dated.gap.name(words.after(dated.last)?)?;
        name_and_target(&mut draft, name);
        Some(draft)
    })
}

/// Whether a word stands for nothing.
fn is_nothing(word: &[u8]) -> bool {
    word.iter().all(|octet| matches!(octet, b'-' | b'?' | b'*'))
}

/// Without a date, as small servers write it: `-rw-r--r-- 1 0 0 100 services`. The name has no blanks then, for
/// otherwise any line with a date in it that is wrong would be one of these.
fn dateless<'a>(words: &Words<'a>, first: usize, mode: Mode) -> Option<Draft<'a>> {
    let size = number(words.get(first + 4)?)?;
    number(words.get(first + 1)?)?;
    let name = first + 5;
    let ends = |count: usize| words.is_exactly(count);
    let is_link = mode.kind == Kind::Link && ends(name + 3) && words.get(name + 1) == Some(b"->");
    if !ends(name + 1) && !is_link {
        return None;
    }
    let middle = middle(words, first, first + 4, mode)?;
    let text = words.from(name)?;
    let mut draft = Draft::new(text, mode.kind);
    draft.size = Some(size);
    fill(&mut draft, mode, middle);
    name_and_target(&mut draft, text);
    Some(draft)
}

fn finish<'a>(
    words: &Words<'a>,
    mode: Mode,
    middle: Middle<'a>,
    dated: Dated,
) -> Option<Draft<'a>> {
    let name = dated.gap.name(words.after(dated.last)?)?;
    let mut draft = Draft::new(name, mode.kind);
    draft.modified = Some(dated.modified);
    fill(&mut draft, mode, middle);
    Some(draft)
}

fn fill<'a>(draft: &mut Draft<'a>, mode: Mode, middle: Middle<'a>) {
    draft.mode = mode.bits;
    draft.links = middle.links;
    draft.owner = middle.owner;
    draft.group = middle.group;
}

/// Links, owner and group from the words between `first`, the permissions, and `end`.
fn middle<'a>(words: &Words<'a>, first: usize, end: usize, mode: Mode) -> Option<Middle<'a>> {
    let mut from = first + 1;
    // UniTree has the kind of storage and the family of the file behind the group.
    let stored = end
        .checked_sub(2)
        .filter(|&at| at > from + 1 && matches!(words.get(at), Some(b"AR" | b"DK")));
    let end = stored.unwrap_or(end);
    let mut middle = Middle {
        links: mode.links,
        ..Middle::default()
    };
    if middle.links.is_none() && from < end {
        let word = words.get(from)?;
        if let Some(links) = number(word) {
            middle.links = Some(links);
            from += 1;
        } else if word.first().is_some_and(u8::is_ascii_digit)
            && word.iter().any(u8::is_ascii_alphabetic)
        {
            // The number of links and the owner have grown together.
            return None;
        }
    }
    if from == end {
        return Some(middle);
    }
    // Columns are two blanks apart where names have blanks in them; if none are, the owner is one word.
    let mut wide =
        (from + 1..end).filter(|&index| words.gap_before(index).is_some_and(|gap| gap > 1));
    let split = match (wide.next(), wide.next()) {
        (None, _) => from + 1,
        (Some(at), None) => at,
        (Some(_), Some(_)) => return None,
    };
    middle.owner = words.through(from, split - 1);
    middle.group = if split < end {
        words.through(split, end - 1)
    } else {
        None
    };
    Some(middle)
}

/// A line of octal mode, owner, group, size and seconds since 1970: `0100644   500  101   12345    123456789  name`.
pub(super) fn parse_numeric<'a>(words: &Words<'a>, _: &Reader<'_>) -> Option<Draft<'a>> {
    let mode = words
        .get(0)
        .filter(|word| matches!(word.len(), 6 | 7) && word.first() == Some(&b'0'))?;
    let mode = u32::try_from(super::text::in_base(mode, 8)?).ok()?;
    let kind = match mode & 0o170_000 {
        0o100_000 => Kind::File,
        0o040_000 => Kind::Directory,
        0o120_000 => Kind::Link,
        0o060_000 => Kind::BlockDevice,
        0o020_000 => Kind::CharDevice,
        0o010_000 => Kind::Pipe,
        0o140_000 => Kind::Socket,
        _ => return None,
    };
    let (owner, group) = (words.get(1)?, words.get(2)?);
    if !all_digits(owner) || !all_digits(group) {
        return None;
    }
    let size = number(words.get(3)?)?;
    let seconds = i64::try_from(number(words.get(4)?)?).ok()?;
    let name = Gap::All.name(words.after(4)?)?;
    let mut draft = Draft::new(name, kind);
    draft.size = Some(size);
    draft.modified = Some(Modified {
        at: jiff::Timestamp::from_second(seconds).ok()?,
        precision: Precision::Second,
    });
    draft.mode = u16::try_from(mode & 0o7777).ok();
    draft.owner = Some(owner);
    draft.group = Some(group);
    name_and_target(&mut draft, name);
    Some(draft)
}
