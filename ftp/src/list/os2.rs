//! OS/2: `     0           DIR   05-12-97   16:44  LANGUAGE`.

use bytes::Bytes;

use super::context::Reader;
use super::date::{MONTH_FIRST, clock, numeric};
use super::entry::{Draft, Kind};
use super::text::{Words, number};

/// Size, attributes and `DIR` in either order, date, time, name. Early versions count years from 1900: `04-23-103`.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let size = number(words.get(0)?)?;
    let mut at = 1;
    let mut kind = Kind::File;
    let mut attributes = None;
    while let Some(word) = words
        .get(at)
        .filter(|word| word.first().is_some_and(u8::is_ascii_uppercase))
    {
        if word == b"DIR" && kind == Kind::File {
            kind = Kind::Directory;
        } else if attributes.is_none()
            && word.len() <= 5
            && word.iter().all(|letter| b"RASHD".contains(letter))
        {
            attributes = Some(word);
        } else {
            return None;
        }
        at += 1;
    }
    let word = words.get(at)?;
    if word.iter().filter(|octet| **octet == b'-').count() != 2 || word.get(2) != Some(&b'-') {
        return None;
    }
    let clock = clock(words.get(at + 1)?)?;
    let date = numeric(word, reader, MONTH_FIRST)?;
    let mut draft = Draft::new(words.name_from(at + 2)?, kind);
    draft.size = Some(size);
    draft.modified = Some(reader.at(date, Some(clock))?);
    if let Some(attributes) = attributes {
        draft.details().protection = Some(Bytes::copy_from_slice(attributes));
    }
    Some(draft)
}
