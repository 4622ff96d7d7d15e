//! MLST and MLSD, the listings made for programs (RFC 3659 §7).

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Time;

use super::context::Reader;
use super::date::{date, nanoseconds, two_digits};
use super::entry::{Details, Draft, Kind, Modified, Precision};
use super::text::{Words, all_digits, in_base, number, small, split_once, starts_with};

/// A line of facts and a name: `type=file;size=42;modify=19991231235959; name`.
///
/// One blank in front is allowed for, which is there in the answer to MLST (RFC 3659 §7.2).
pub(super) fn parse<'a>(words: &Words<'a>, _: &Reader<'_>) -> Option<Draft<'a>> {
    let line = words.line();
    let line = line
        .strip_prefix(b" ")
        .filter(|rest| rest.first() != Some(&b' '))
        .unwrap_or(line);
    facts_and_name(line)
}

/// The same where the caller knows that MLSx was asked for, so that a line without facts is a name.
pub(super) fn parse_known<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    if let Some(name) = words
        .line()
        .strip_prefix(b" ")
        .filter(|name| !name.is_empty())
    {
        // RFC 3659 §7.2: no facts at all leave the blank; MLST puts one more in front, then facts can follow.
        return facts_and_name(name).or_else(|| Some(Draft::new(name, Kind::Other)));
    }
    parse(words, reader)
}

fn facts_and_name(line: &[u8]) -> Option<Draft<'_>> {
    let (facts, name) = split(line)?;
    let mut draft = Draft::new(name, Kind::Other);
    for fact in facts
        .split(|&octet| octet == b';')
        .filter(|fact| !fact.is_empty())
    {
        let (name, value) = split_once(fact, b"=")?;
        if name.is_empty() || name.iter().any(|octet| !is_token(*octet)) {
            return None;
        }
        apply(&mut draft, name, value)?;
    }
    Some(draft)
}

/// Facts and name. Facts end in `;` and one blank; early servers leave out the last `;`, some write a tab, and some
/// have values with blanks.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    // The cheap test that nearly all other lines fail.
    let equals = line.iter().take(64).position(|&octet| octet == b'=')?;
    if equals == 0 || line.get(..equals)?.iter().any(|octet| !is_token(*octet)) {
        return None;
    }
    let at = line
        .iter()
        .position(|octet| matches!(octet, b' ' | b'\t'))?;
    let (facts, name) = (line.get(..at)?, line.get(at + 1..)?);
    if facts.ends_with(b";") {
        return Some((facts, name)).filter(|_| !name.is_empty());
    }
    if let Some((front, back)) = split_once(line, b"; ")
        && front.split(|&octet| octet == b';').all(|fact| {
            split_once(fact, b"=")
                .is_some_and(|(name, _)| name.iter().all(|octet| is_token(*octet)))
        })
        && front.len() > at
        && !back.is_empty()
    {
        return Some((front, back));
    }
    // Without any `;` only a known type is evidence enough.
    let last = facts.rsplit(|&octet| octet == b';').next()?;
    let (_, value) = split_once(last, b"=")?;
    let known = facts.contains(&b';') || starts_with(facts, b"type=");
    if known && !value.is_empty() && !name.is_empty() {
        Some((facts, name))
    } else {
        None
    }
}

fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_')
}

/// Enters one fact. Names of facts are the same in any case (RFC 3659 §7.5). A time or size that is none makes the
/// line none.
fn apply<'a>(draft: &mut Draft<'a>, name: &'a [u8], value: &'a [u8]) -> Option<()> {
    let is = |fact: &[u8]| name.eq_ignore_ascii_case(fact);
    if is(b"type") {
        kind(draft, value);
    } else if is(b"size") || is(b"sizd") {
        if !value.is_empty() {
            draft.size = Some(number(value)?);
        }
    } else if is(b"modify") {
        if !value.is_empty() {
            draft.modified = Some(time(value)?);
        }
    } else if is(b"create") {
        if !value.is_empty() {
            draft.details().created = Some(time(value)?);
        }
    } else if is(b"perm") {
        draft.details().perm = Some(Bytes::copy_from_slice(value));
    } else if is(b"unique") {
        draft.details().unique = Some(Bytes::copy_from_slice(value));
    } else if is(b"unix.mode") {
        let mode = in_base(value, 8).and_then(|mode| u16::try_from(mode & 0o7777).ok());
        match mode {
            Some(mode) => draft.mode = Some(mode),
            None => keep(draft.details(), name, value),
        }
    } else if is(b"unix.ownername")
        || (is(b"unix.owner") || is(b"unix.uid")) && draft.owner.is_none()
    {
        draft.owner = Some(value);
    } else if is(b"unix.groupname")
        || (is(b"unix.group") || is(b"unix.gid")) && draft.group.is_none()
    {
        draft.group = Some(value);
    } else {
        keep(draft.details(), name, value);
    }
    Some(())
}

fn keep(details: &mut Details, name: &[u8], value: &[u8]) {
    details
        .facts
        .push((Bytes::copy_from_slice(name), Bytes::copy_from_slice(value)));
}

/// The type (RFC 3659 §7.5.1), the usual ones of Unix among those that depend on the system included.
fn kind<'a>(draft: &mut Draft<'a>, value: &'a [u8]) {
    let is = |word: &[u8]| value.eq_ignore_ascii_case(word);
    draft.kind = if is(b"file") {
        Kind::File
    } else if is(b"dir") {
        Kind::Directory
    } else if is(b"cdir") {
        Kind::CurrentDirectory
    } else if is(b"pdir") {
        Kind::ParentDirectory
    } else if starts_with(value, b"os.") {
        let (_, word) = split_once(value, b"=").unwrap_or((value, b""));
        let end = word
            .iter()
            .position(|octet| matches!(octet, b':' | b'-'))
            .unwrap_or(word.len());
        let (word, rest) = word.split_at_checked(end).unwrap_or((word, b""));
        let rest = rest.get(1..).unwrap_or_default();
        let kind = match word.to_ascii_lowercase().as_slice() {
            b"slink" | b"symlink" => Kind::Link,
            b"chr" => Kind::CharDevice,
            b"blk" => Kind::BlockDevice,
            b"fifo" | b"pipe" => Kind::Pipe,
            b"socket" | b"sock" => Kind::Socket,
            b"door" => Kind::Door,
            _ => Kind::Other,
        };
        match kind {
            Kind::Link => draft.target = Some(rest).filter(|target| !target.is_empty()),
            Kind::CharDevice | Kind::BlockDevice => {
                draft.details().device = split_once(rest, b"/")
                    .and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
            }
            Kind::Other => keep(draft.details(), b"type", value),
            _ => {}
        }
        kind
    } else {
        if !value.is_empty() {
            keep(draft.details(), b"type", value);
        }
        Kind::Other
    };
}

/// A time-val (RFC 3659 §2.3): `YYYYMMDDHHMMSS` and perhaps a fraction, in UTC.
pub(super) fn time(value: &[u8]) -> Option<Modified> {
    let (digits, fraction) = value.split_at_checked(14)?;
    if !all_digits(digits) {
        return None;
    }
    let (year, rest) = digits.split_at_checked(4)?;
    let pair = |index: usize| two_digits(rest.get(index * 2..index * 2 + 2)?);
    let (nanosecond, precision) = match fraction.strip_prefix(b".") {
        Some(fraction) => (nanoseconds(fraction)?, Precision::Fraction),
        None if fraction.is_empty() => (0, Precision::Second),
        None => return None,
    };
    // RFC 3659 §2.3 allows the 60th second of a leap minute.
    let second = pair(4)?;
    let time = Time::new(
        pair(2)?,
        pair(3)?,
        if second == 60 { 59 } else { second },
        nanosecond,
    )
    .ok()?;
    let local = date(small(year)?, pair(0)?, pair(1)?)?.to_datetime(time);
    let at: Timestamp = jiff::tz::Offset::UTC.to_timestamp(local).ok()?;
    Some(Modified { at, precision })
}
