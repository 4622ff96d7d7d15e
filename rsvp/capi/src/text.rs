//! Objects as text, for the formatting calls (`rapi.md` §4.9), or what is there in place of an object.

use fairway_rsvp::api::text;
use fairway_rsvp::intserv::{Adspec, Flowspec, Tspec};
use fairway_rsvp::wire::Sender;

use crate::code::Code;

/// The text of an object that is there, of none, or of one that cannot be read.
fn or<T>(
    object: Result<Option<T>, Code>,
    text: impl FnOnce(&T) -> String,
    [none, unreadable]: [&str; 2],
) -> String {
    match object {
        Ok(Some(object)) => text(&object),
        Ok(None) => none.to_owned(),
        Err(_) => unreadable.to_owned(),
    }
}

/// A Tspec, or what is there in place of one.
pub(crate) fn tspec(tspec: Result<Option<Tspec>, Code>) -> String {
    or(tspec, text::tspec, ["TS[ ]", "TS[?]"])
}

/// A flowspec, or what is there in place of one.
pub(crate) fn flowspec(flowspec: Result<Option<Flowspec>, Code>) -> String {
    or(flowspec, text::flowspec, ["[ ]", "[?]"])
}

/// A filter, or what is there in place of one.
pub(crate) fn filter(filter: Result<Option<Sender>, Code>) -> String {
    or(filter, text::sender, ["( )", "(?)"])
}

/// An Adspec, or what is there in place of one.
pub(crate) fn adspec(adspec: Result<Option<Adspec>, Code>) -> String {
    or(adspec, text::adspec, ["Adspec()", "Adspec(?)"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_has_a_text_too() {
        assert_eq!(tspec(Ok(None)), "TS[ ]");
        assert_eq!(flowspec(Ok(None)), "[ ]");
        assert_eq!(filter(Ok(None)), "( )");
        assert_eq!(adspec(Ok(None)), "Adspec()");
        assert_eq!(adspec(Err(Code::OBJTYPE)), "Adspec(?)");
    }
}
