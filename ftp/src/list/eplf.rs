//! Easily Parsed LIST Format, of publicfile and anonftpd: `+i8388621.48594,m825718503,r,s280,` tab, name.

use bytes::Bytes;
use jiff::Timestamp;

use super::context::Reader;
use super::entry::{Draft, Kind, Modified, Precision};
use super::text::{Words, in_base, number, split_once};

/// Facts between commas, told apart by their first letter; times are seconds since 1970, UTC.
pub(super) fn parse<'a>(words: &Words<'a>, _: &Reader<'_>) -> Option<Draft<'a>> {
    let facts = words.line().strip_prefix(b"+")?;
    // The format demands a tab; a blank is what is left of one after some gateways.
    let (facts, name) = split_once(facts, b"\t").or_else(|| split_once(facts, b" "))?;
    if name.is_empty() {
        return None;
    }
    let mut draft = Draft::new(name, Kind::Other);
    for fact in facts
        .split(|&octet| octet == b',')
        .filter(|fact| !fact.is_empty())
    {
        let (letter, value) = fact.split_first()?;
        match letter {
            b'/' if value.is_empty() => draft.kind = Kind::Directory,
            b'r' if value.is_empty() => draft.kind = Kind::File,
            b's' => draft.size = Some(number(value)?),
            b'm' => {
                let at = Timestamp::from_second(i64::try_from(number(value)?).ok()?).ok()?;
                draft.modified = Some(Modified {
                    at,
                    precision: Precision::Second,
                });
            }
            b'i' => draft.details().unique = Some(Bytes::copy_from_slice(value)),
            b'u' if value.starts_with(b"p") => {
                draft.mode = value
                    .get(1..)
                    .and_then(|bits| in_base(bits, 8))
                    .and_then(|bits| u16::try_from(bits & 0o7777).ok());
            }
            // Facts that are not known are to be ignored.
            _ => {}
        }
    }
    // A plus in front of prose is no listing.
    if facts.is_empty()
        || draft.kind == Kind::Other && draft.details.is_none() && draft.modified.is_none()
    {
        return None;
    }
    Some(draft)
}
