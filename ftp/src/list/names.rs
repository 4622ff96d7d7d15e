//! Plain names, a line each: the answer to NLST (RFC 959 §4.1.3), or to LIST from servers that know no more.

use super::entry::{Draft, Kind};
use super::text::Words;

/// The line is the name, directories in front included. What it is, is not known, unless a stroke behind it says so.
pub(super) fn parse<'a>(words: &Words<'a>) -> Option<Draft<'a>> {
    let line = words.line();
    match line.strip_suffix(b"/") {
        Some(bare) if !bare.is_empty() => Some(Draft::new(bare, Kind::Directory)),
        _ if line.is_empty() => None,
        _ => Some(Draft::new(line, Kind::Other)),
    }
}
