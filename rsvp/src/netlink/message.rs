//! Messages of the kernel.

use super::{u16_at, u32_at};

/// Octets of a message's header.
const HEADER: usize = 16;

/// A message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// Its type.
    pub(crate) kind: u16,
    /// Its flags.
    pub(crate) flags: u16,
    /// The sequence number of the request it answers.
    pub(crate) sequence: u32,
    /// What follows its header.
    pub(crate) body: &'a [u8],
}

/// The messages in one datagram. Ends where they make no sense.
#[derive(Clone, Debug)]
pub(crate) struct Messages<'a>(&'a [u8]);

impl<'a> Messages<'a> {
    /// Those in `datagram`.
    pub(crate) const fn new(datagram: &'a [u8]) -> Self {
        Self(datagram)
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::try_from(u32_at(self.0, 0)?).ok()?;
        let message = Message {
            kind: u16_at(self.0, 4)?,
            flags: u16_at(self.0, 6)?,
            sequence: u32_at(self.0, 8)?,
            body: self.0.get(HEADER..length)?,
        };
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Attributes;
    use proptest::prelude::{any, proptest};

    proptest! {
        /// Whatever comes, reading it ends and takes nothing that is not there.
        #[test]
        fn garbage_is_read_to_an_end(octets: Vec<u8>) {
            for message in Messages::new(&octets) {
                assert!(message.body.len() <= octets.len());
                for (_, value) in Attributes::new(message.body) {
                    assert!(value.len() <= octets.len());
                }
            }
            assert!(Attributes::new(&octets).count() <= octets.len());
        }

        /// A length below that of the header ends the reading.
        #[test]
        fn short_lengths_end(length in 0u32..16, rest: [u8; 28], _any in any::<bool>()) {
            let mut octets = length.to_ne_bytes().to_vec();
            octets.extend_from_slice(&rest);
            assert!(Messages::new(&octets).next().is_none());
        }
    }
}
