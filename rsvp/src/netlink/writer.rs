//! Requests, as octets.

use super::u16_at;

/// Flag: this is a request.
pub(super) const REQUEST: u16 = 0x01;
/// Flag: an answer is wanted even if all is well.
pub(crate) const ACK: u16 = 0x04;
/// Flag: what is asked for, or done, is told to whoever asked.
pub(crate) const ECHO: u16 = 0x08;
/// Flag: all there are.
pub(crate) const DUMP: u16 = 0x300;
/// Flag: what is there is replaced.
pub(crate) const REPLACE: u16 = 0x100;
/// Flag: what is there is an error.
pub(crate) const EXCL: u16 = 0x200;
/// Flag: what is not there is made.
pub(crate) const CREATE: u16 = 0x400;

/// Set in the type of attributes that hold attributes.
const NESTED: u16 = 0x8000;

/// Writes messages, one behind the other.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                  Length, header included                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |             Type              |             Flags             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           Sequence                            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        Port of the sender                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// An attribute is a length and a type of 16 bits each, then its value, padded to four octets. All numbers are in the
/// machine's order unless their subsystem says otherwise.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    octets: Vec<u8>,
    sequences: Vec<(u32, bool)>,
    next: u32,
    /// Where the last message begins.
    last: usize,
}

/// Where a message has its flags.
const FLAGS: usize = 6;

impl Writer {
    /// A writer whose first message has this sequence number.
    pub(super) fn starting_at(sequence: u32) -> Self {
        Self {
            octets: Vec::with_capacity(512),
            sequences: Vec::new(),
            next: sequence,
            last: 0,
        }
    }

    /// What has been written, and each message's sequence number and whether it is answered.
    pub(crate) fn finish(self) -> (Vec<u8>, Vec<(u32, bool)>) {
        (self.octets, self.sequences)
    }

    /// A message.
    pub(crate) fn message(&mut self, kind: u16, flags: u16, body: impl FnOnce(&mut Self)) {
        let start = self.octets.len();
        self.last = start;
        // Requests to make something use one bit of those of a dump or the other.
        let is_answered = flags & ACK != 0 || flags & DUMP == DUMP;
        self.sequences.push((self.next, is_answered));
        self.octets(&[0; 4]);
        self.octets(&kind.to_ne_bytes());
        self.octets(&(flags | REQUEST).to_ne_bytes());
        self.octets(&self.next.to_ne_bytes());
        self.octets(&[0; 4]);
        self.next = self.next.wrapping_add(1);
        body(self);
        self.pad();
        let length = u32::try_from(self.octets.len() - start).unwrap_or(u32::MAX);
        self.patch(start, &length.to_ne_bytes());
    }

    /// Has the last message answered even if all is well. The kernel works on messages in their order: what is wrong with
    /// one before has been told by then.
    pub(crate) fn acknowledge_last(&mut self) {
        let Some((_, is_answered)) = self.sequences.last_mut() else {
            return;
        };
        *is_answered = true;
        let at = self.last + FLAGS;
        if let Some(flags) = u16_at(&self.octets, at) {
            self.patch(at, &(flags | ACK).to_ne_bytes());
        }
    }

    /// Octets as they are.
    pub(crate) fn octets(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    /// An attribute.
    pub(crate) fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.around(kind, |out| out.octets(value));
    }

    /// An attribute of 32 bits in the machine's order.
    pub(crate) fn word(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    /// An attribute of 32 bits in the network's order.
    pub(crate) fn net_word(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_be_bytes());
    }

    /// An attribute of 64 bits in the network's order.
    pub(crate) fn net_long(&mut self, kind: u16, value: u64) {
        self.attribute(kind, &value.to_be_bytes());
    }

    /// An attribute that is a text.
    pub(crate) fn text(&mut self, kind: u16, value: &str) {
        self.around(kind, |out| {
            out.octets(value.as_bytes());
            out.octets(&[0]);
        });
    }

    /// An attribute of attributes.
    pub(crate) fn nested(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        self.around(kind | NESTED, body);
    }

    fn around(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        let start = self.octets.len();
        self.octets(&[0; 2]);
        self.octets(&kind.to_ne_bytes());
        body(self);
        // The kernel refuses what is cut short; nothing here comes near.
        let length = u16::try_from(self.octets.len() - start).unwrap_or(u16::MAX);
        self.patch(start, &length.to_ne_bytes());
        self.pad();
    }

    fn pad(&mut self) {
        let length = self.octets.len().next_multiple_of(4);
        self.octets.resize(length, 0);
    }

    fn patch(&mut self, at: usize, value: &[u8]) {
        for (octet, value) in self.octets.iter_mut().skip(at).zip(value) {
            *octet = *value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Attributes, Messages};

    /// What is written is read back: lengths, padding, nesting.
    #[test]
    fn attributes_are_padded_and_nested() {
        let mut out = Writer::starting_at(7);
        out.message(36, ACK, |out| {
            out.octets(&[1; 4]);
            out.text(1, "htb");
            out.nested(2, |out| {
                out.word(3, 5);
                out.attribute(4, &[9]);
            });
        });
        out.message(37, 0, |_| {});
        let (octets, sequences) = out.finish();
        assert_eq!(sequences, [(7, true), (8, false)]);
        let messages: Vec<_> = Messages::new(&octets).collect();
        assert_eq!(messages.len(), 2);
        assert_eq!(
            (messages[0].kind, messages[0].sequence, messages[1].kind),
            (36, 7, 37)
        );
        let attributes: Vec<_> = Attributes::behind(messages[0].body, 4).collect();
        assert_eq!(attributes[0], (1, &b"htb\0"[..]));
        let inner: Vec<_> = Attributes::new(attributes[1].1).collect();
        assert_eq!(inner, [(3, &5u32.to_ne_bytes()[..]), (4, &[9][..])]);
    }

    #[test]
    fn the_last_message_is_answered_for_all() {
        let mut out = Writer::starting_at(1);
        out.acknowledge_last();
        out.message(1, CREATE | EXCL, |out| out.octets(&[1; 4]));
        out.message(2, CREATE, |out| out.octets(&[1; 8]));
        out.acknowledge_last();
        let (octets, sequences) = out.finish();
        assert_eq!(sequences, [(1, false), (2, true)]);
        let flags: Vec<_> = Messages::new(&octets).map(|of| of.flags).collect();
        let made = REQUEST | CREATE;
        assert_eq!(flags, [made | EXCL, made | ACK]);
    }
}
