//! Extensions of error messages: RFC 4884.

use core::fmt;

use super::{Message, Type};
use crate::checksum;

/// What an error message quotes, and its extensions.
///
/// `message` is the whole ICMP message. RFC 4884 §4: destination unreachable, time exceeded and parameter problem can
/// have extensions; the second octet of their second word tells how many words of four octets the quoted packet takes up
/// in front of them. Messages without that length have no extensions here, and neither have those whose extension
/// structure is of another version or damaged.
#[must_use]
pub fn split_extensions(message: &[u8]) -> (&[u8], Option<Extensions<'_>>) {
    let Some((&[message_type, _, _, _, _, words, _, _], quoted)) =
        message.split_first_chunk::<{ Message::LEN }>()
    else {
        return (&[], None);
    };
    let extensible = matches!(
        Type(message_type),
        Type::DESTINATION_UNREACHABLE | Type::TIME_EXCEEDED | Type::PARAMETER_PROBLEM
    );
    if !extensible || words == 0 {
        return (quoted, None);
    }
    match quoted.split_at_checked(usize::from(words) * 4) {
        Some((original, structure)) => (original, Extensions::new(structure)),
        None => (quoted, None),
    }
}

/// The objects of an extension structure one after the other; ends at a length that makes no sense.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version|      (Reserved)       |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |             Length            |   Class-Num   |   C-Type      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       Object payload …                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone)]
pub struct Extensions<'a> {
    objects: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// Checks version and checksum.
    fn new(structure: &'a [u8]) -> Option<Self> {
        let (&[version, _, c0, c1], objects) = structure.split_first_chunk::<4>()?;
        // RFC 4884 §7: version 2; a checksum of zero means that none was sent.
        let intact = [c0, c1] == [0, 0] || checksum::sum(structure).is_valid();
        (version >> 4 == 2 && intact).then_some(Self { objects })
    }
}

/// An object of an extension structure (RFC 4884 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// What it is about (IANA "ICMP Extension Object Classes").
    pub class: u8,
    /// Its form within the class.
    pub class_type: u8,
    /// What it says.
    pub data: &'a [u8],
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Extension<'a>> {
        let objects = core::mem::take(&mut self.objects);
        let (&[l0, l1, class, class_type], rest) = objects.split_first_chunk::<4>()?;
        // The length counts the four octets of the object's header.
        let len = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(4)?;
        let (data, rest) = rest.split_at_checked(len)?;
        self.objects = rest;
        Some(Extension {
            class,
            class_type,
            data,
        })
    }
}

impl fmt::Debug for Extensions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
