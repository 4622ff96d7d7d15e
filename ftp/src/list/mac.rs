//! Servers of the classic Mac OS (NetPresenz, Rumpus, WebSTAR), which list both forks of a file:
//! `-------r--         326  1391972  1392298 Nov 22  1995 name`.

use super::context::Reader;
use super::date::find;
use super::entry::{Draft, Kind};
use super::text::{Words, number};
use super::unix::{Mode, name_and_target};

/// Permissions, then resource fork, data fork and their sum, or `folder` and the number of things in it.
pub(super) fn parse<'a>(words: &Words<'a>, reader: &Reader<'_>) -> Option<Draft<'a>> {
    let mode = Mode::read(words.get(0)?)?;
    let (size, date) = match mode.kind {
        Kind::Directory if words.get(1)? == b"folder" => (number(words.get(2)?)?, 3),
        Kind::File | Kind::Link => {
            let (resource, data, sum) = (
                number(words.get(1)?)?,
                number(words.get(2)?)?,
                number(words.get(3)?)?,
            );
            // Otherwise they are links, owner and size.
            if resource.checked_add(data)? != sum {
                return None;
            }
            (sum, 4)
        }
        _ => return None,
    };
    let dated = find(words, date, reader)?;
    let name = dated.gap.name(words.after(dated.last)?)?;
    let mut draft = Draft::new(name, mode.kind);
    draft.size = Some(size);
    draft.modified = Some(dated.modified);
    draft.mode = mode.bits;
    name_and_target(&mut draft, name);
    Some(draft)
}
