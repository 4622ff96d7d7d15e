//! The job queues of z/OS: `USER01A  JOB01906 USER01   OUTPUT A        RC=0000 3 spool files`.

use bytes::Bytes;

use super::context::Reader;
use super::entry::{Draft, Kind};
use super::text::{Words, all_digits, number};

/// Job name, identifier, owner, status, class; without the owner in level 1 of the interface. The identifier is what
/// commands take, so it is the name.
pub(super) fn parse<'a>(words: &Words<'a>, _: &Reader<'_>) -> Option<Draft<'a>> {
    let job = words.get(0).filter(|job| is_job(job))?;
    let Some(id) = words.get(1).filter(|id| is_identifier(id)) else {
        return spool_file(words);
    };
    let (owner, status) = match words.get(2)? {
        word if is_status(word) => (None, word),
        owner => (Some(owner), words.get(3).filter(|word| is_status(word))?),
    };
    let mut draft = Draft::new(id, Kind::File);
    draft.owner = owner.or(Some(job));
    let details = draft.details();
    details.object = Some(Bytes::copy_from_slice(status));
    details.unique = Some(Bytes::copy_from_slice(job));
    Some(draft)
}

/// A file of a job: `001 JES2              A JESMSGLG      1200`.
fn spool_file<'a>(words: &Words<'a>) -> Option<Draft<'a>> {
    let id = words.get(0).filter(|id| id.len() == 3 && all_digits(id))?;
    let last = words
        .len()
        .checked_sub(1)
        .filter(|last| (4..=5).contains(last))?;
    let size = number(words.get(last)?)?;
    words.get(last - 1).filter(|name| is_job(name))?;
    words.get(last - 2).filter(|class| class.len() == 1)?;
    let mut draft = Draft::new(id, Kind::File);
    draft.size = Some(size);
    draft.details().object = words.get(last - 1).map(Bytes::copy_from_slice);
    Some(draft)
}

fn is_job(word: &[u8]) -> bool {
    word.len() <= 8
        && word.iter().all(|octet| {
            octet.is_ascii_uppercase() || octet.is_ascii_digit() || b"$#@".contains(octet)
        })
}

/// `JOB01906`, `TSU01830`, `STC04218`, and the short forms `J0887745`, `T0886971`, `S0001234`.
fn is_identifier(word: &[u8]) -> bool {
    let letters = word
        .iter()
        .take_while(|octet| octet.is_ascii_uppercase())
        .count();
    let known = word
        .get(..letters)
        .is_some_and(|letters| [&b"JOB"[..], b"TSU", b"STC", b"J", b"T", b"S"].contains(&letters));
    known && (6..=8).contains(&word.len()) && word.get(letters..).is_some_and(all_digits)
}

fn is_status(word: &[u8]) -> bool {
    [&b"INPUT"[..], b"ACTIVE", b"OUTPUT", b"HELD", b"HOLD"].contains(&word)
}
