//! Signing and verifying messages, and the window of sequence numbers: RFC 2747 with the numbers of RFC 3097.
//!
//! Keys, their lifetimes and the handshake are for the engine; here is what is done to octets, and the arithmetic.
//!
//! ```
//! use bytes::Bytes;
//! use fairway_rsvp::integrity::{Algorithm, Key, Signature, sign, verify};
//! use fairway_rsvp::msg::{Ack, Body, Message};
//! use fairway_rsvp::wire::{AckKind, Epoch, Id, KeyId, MessageIdAck};
//!
//! let key = Key::new(Algorithm::HmacMd5, b"rsvp-example-key");
//! let ack = MessageIdAck { kind: AckKind::Ack, epoch: Epoch::new(0x12_3456), id: Id(7) };
//! let message = Message { acks: vec![ack], ..Message::new(64, Body::Ack(Ack)) };
//! let signature = Signature { key_id: KeyId::from_octets([0, 0, 0, 0, 0, 1]), sequence: 9, handshake: true };
//!
//! let octets = Bytes::from(sign(message, signature, &key).unwrap());
//! let signed = Message::decode(&octets).unwrap().integrity.unwrap();
//! assert_eq!(signed.sequence, 9);
//! assert!(verify(&octets, &signed, &key));
//! ```

use core::fmt;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};

use crate::msg::Message;
use crate::wire::{EncodeError, Integrity, KeyId};

/// How digests are made. RFC 2747 requires the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC-MD5, RFC 2104: 16 octets.
    HmacMd5,
    /// HMAC-SHA-1: 20 octets.
    HmacSha1,
}

impl Algorithm {
    /// Octets of a digest.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::HmacMd5 => 16,
            Self::HmacSha1 => 20,
        }
    }
}

/// A secret and what is done with it. `Debug` does not show the secret.
#[derive(Clone)]
pub struct Key(Keyed);

#[derive(Clone)]
enum Keyed {
    Md5(Hmac<md5::Md5>),
    Sha1(Hmac<sha1::Sha1>),
}

impl Key {
    /// A key of any length, as RFC 2104 §2 has it: one longer than a block is hashed first.
    #[must_use]
    pub fn new(algorithm: Algorithm, secret: &[u8]) -> Self {
        Self(match algorithm {
            Algorithm::HmacMd5 => Keyed::Md5(keyed(secret)),
            Algorithm::HmacSha1 => Keyed::Sha1(keyed(secret)),
        })
    }

    /// How its digests are made.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Keyed::Md5(_) => Algorithm::HmacMd5,
            Keyed::Sha1(_) => Algorithm::HmacSha1,
        }
    }

    /// The digest of these octets, one piece after another.
    pub(crate) fn digest(&self, pieces: &[&[u8]]) -> Vec<u8> {
        match &self.0 {
            Keyed::Md5(mac) => fed(mac, pieces).finalize().into_bytes().to_vec(),
            Keyed::Sha1(mac) => fed(mac, pieces).finalize().into_bytes().to_vec(),
        }
    }

    /// Whether `digest` is that of `pieces`, found out in constant time.
    fn is_digest(&self, pieces: &[&[u8]], digest: &[u8]) -> bool {
        match &self.0 {
            Keyed::Md5(mac) => fed(mac, pieces).verify_slice(digest).is_ok(),
            Keyed::Sha1(mac) => fed(mac, pieces).verify_slice(digest).is_ok(),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.algorithm()).finish()
    }
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes keys of every length, so the error cannot occur"
)]
fn keyed<M: Mac + KeyInit>(secret: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(secret).expect("HMAC takes keys of every length")
}

fn fed<M: Mac + Clone>(mac: &M, pieces: &[&[u8]]) -> M {
    let mut mac = mac.clone();
    pieces.iter().for_each(|piece| mac.update(piece));
    mac
}

/// What goes into INTEGRITY beside the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key's name.
    pub key_id: KeyId,
    /// The number of the message under this key.
    pub sequence: u64,
    /// Whether challenges are answered.
    pub handshake: bool,
}

/// The octets of `message` with an INTEGRITY object; the checksum is left zero.
///
/// RFC 2747 §4.1: the digest is taken over the whole message with checksum and digest zero.
///
/// # Errors
///
/// [`EncodeError`] if the message does not fit its length field.
pub fn sign(message: Message, signature: Signature, key: &Key) -> Result<Vec<u8>, EncodeError> {
    let Signature {
        key_id,
        sequence,
        handshake,
    } = signature;
    let len = key.algorithm().digest_len();
    let message = Message {
        integrity: Some(Integrity {
            handshake,
            key_id,
            sequence,
            digest: Bytes::from(vec![0; len]),
        }),
        ..message
    };
    let mut octets = message.encode_without_checksum()?;
    let digest = key.digest(&[&octets]);
    let field = octets
        .get_mut(Integrity::DIGEST_OFFSET..)
        .and_then(|rest| rest.get_mut(..len));
    if let Some(field) = field {
        field.copy_from_slice(&digest);
    }
    Ok(octets)
}

/// Whether `integrity`, decoded from `message`, has the digest of `key` over `message`.
///
/// RFC 2747 §4.2. The sequence number is another matter: see [`Window`].
#[must_use]
pub fn verify(message: &[u8], integrity: &Integrity, key: &Key) -> bool {
    const ZEROS: [u8; 20] = [0; 20];
    let len = key.algorithm().digest_len();
    let pieces = || {
        let (head, rest) = message.split_at_checked(Integrity::DIGEST_OFFSET)?;
        let (digest, tail) = rest.split_at_checked(len)?;
        Some((head.split_first_chunk::<4>()?, digest, tail))
    };
    let Some((([first, message_type, _, _], head), digest, tail)) = pieces() else {
        return false;
    };
    if digest != &*integrity.digest {
        return false;
    }
    let Some(zeros) = ZEROS.get(..len) else {
        return false;
    };
    key.is_digest(&[&[*first, *message_type, 0, 0], head, zeros, tail], digest)
}

/// The sequence numbers of one key that were accepted: RFC 2747 §4.2 with the list of its appendix.
///
/// Numbers jump when they are made from a clock, so the window counts messages, not distance: it holds the `N` greatest
/// numbers accepted. A number is good if it is above the smallest of them and none of them; while fewer than `N` are
/// held, if it is above the one it started from.
#[derive(Clone, Debug)]
pub struct Window {
    size: usize,
    /// What everything accepted is above, until `size` numbers are held.
    floor: u64,
    /// Ascending in sequence, at most `size`.
    held: Vec<u64>,
}

impl Window {
    /// The number of messages out of order that RFC 2747 gives as an example.
    pub const DEFAULT_SIZE: usize = 32;
    /// The greatest size.
    pub const MAX_SIZE: usize = 1024;

    /// A window that has seen `sequence`, by a handshake or the first message; `size` 1 takes rising numbers only.
    ///
    /// A size of zero is taken as 1, one above [`MAX_SIZE`](Self::MAX_SIZE) as that.
    #[must_use]
    pub fn starting_at(sequence: u64, size: usize) -> Self {
        Self {
            size: size.clamp(1, Self::MAX_SIZE),
            floor: sequence,
            held: Vec::new(),
        }
    }

    /// Whether a message with this number is new; remembers it then. Only for messages whose digest is good.
    pub fn accept(&mut self, sequence: u64) -> bool {
        if !is_after(sequence, self.floor) {
            return false;
        }
        let place = self.held.partition_point(|held| is_after(sequence, *held));
        if self.held.get(place) == Some(&sequence) {
            return false;
        }
        self.held.insert(place, sequence);
        // Full: what is not above the smallest of the list is too old.
        if self.held.len() > self.size {
            self.held.remove(0);
        }
        if self.held.len() == self.size
            && let Some(smallest) = self.held.first()
        {
            self.floor = *smallest;
        }
        true
    }

    /// The greatest number seen.
    #[must_use]
    pub fn greatest(&self) -> u64 {
        self.held.last().copied().unwrap_or(self.floor)
    }
}

/// Whether `a` comes after `b`; numbers are modulo 2⁶⁴ (RFC 2747 §3).
const fn is_after(a: u64, b: u64) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::{Ack, Body};
    use crate::wire::{AckKind, Epoch, HeaderFlags, Id, MessageIdAck};

    /// Ack of id 7, key id 1, key `rsvp-example-key`; another implementation agrees with the digest.
    const SIGNED: [u8; 56] = [
        0x11, 0x0d, 0, 0, 0x40, 0, 0, 0x38, 0, 0x24, 4, 1, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1,
        0, 0, 0, 7, 0x74, 0x32, 0x23, 0xb6, 0x28, 0xa0, 0x19, 0x4b, 0xf8, 0xb5, 0xe3, 0xd9, 0x14,
        0xdb, 0x74, 0xde, 0, 0x0c, 0x18, 1, 0, 0x12, 0x34, 0x56, 0, 0, 0, 7,
    ];

    fn key() -> Key {
        Key::new(Algorithm::HmacMd5, b"rsvp-example-key")
    }

    fn unsigned() -> Message {
        let ack = MessageIdAck {
            kind: AckKind::Ack,
            epoch: Epoch::new(0x12_3456),
            id: Id(7),
        };
        Message {
            flags: HeaderFlags::REFRESH_REDUCTION,
            acks: vec![ack],
            ..Message::new(64, Body::Ack(Ack))
        }
    }

    fn signature() -> Signature {
        Signature {
            key_id: KeyId::new(1).unwrap(),
            sequence: 0x1_0000_0007,
            handshake: true,
        }
    }

    #[test]
    fn golden_octets_both_ways() {
        assert_eq!(sign(unsigned(), signature(), &key()).unwrap(), SIGNED);
        let message = Message::decode(&Bytes::from_static(&SIGNED)).unwrap();
        assert!(verify(&SIGNED, message.integrity.as_ref().unwrap(), &key()));
    }

    /// RFC 2747 §4.1: a checksum may be added when the digest stands.
    #[test]
    fn checksum_is_not_signed() {
        let mut octets = SIGNED;
        crate::wire::fill_checksum(&mut octets);
        assert_eq!(octets[2..4], [0x9d, 0xf2]);
        let message = Message::decode(&Bytes::copy_from_slice(&octets)).unwrap();
        assert!(verify(&octets, message.integrity.as_ref().unwrap(), &key()));
    }

    #[test]
    fn every_other_octet_is_signed() {
        for at in (0..SIGNED.len()).filter(|at| !(2..4).contains(at)) {
            let mut octets = SIGNED;
            octets[at] ^= 0x10;
            let octets = Bytes::copy_from_slice(&octets);
            if let Ok(Message {
                integrity: Some(integrity),
                ..
            }) = Message::decode(&octets)
            {
                assert!(!verify(&octets, &integrity, &key()), "octet {at}");
            }
        }
    }

    #[test]
    fn other_key_or_algorithm_does_not_verify() {
        let message = Message::decode(&Bytes::from_static(&SIGNED)).unwrap();
        let integrity = message.integrity.unwrap();
        assert!(!verify(
            &SIGNED,
            &integrity,
            &Key::new(Algorithm::HmacMd5, b"other")
        ));
        let sha = Key::new(Algorithm::HmacSha1, b"rsvp-example-key");
        assert!(!verify(&SIGNED, &integrity, &sha));
        let octets = Bytes::from(sign(unsigned(), signature(), &sha).unwrap());
        let integrity = Message::decode(&octets).unwrap().integrity.unwrap();
        assert_eq!(integrity.digest.len(), 20);
        assert!(verify(&octets, &integrity, &sha));
    }

    /// RFC 2202 §2, §3: cases 1 and 6; the latter's key is longer than a block.
    #[test]
    fn digests_of_rfc_2202() {
        let hex = |octets: Vec<u8>| {
            octets
                .iter()
                .map(|octet| format!("{octet:02x}"))
                .collect::<String>()
        };
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
        for (algorithm, short_key, first, sixth) in [
            (
                Algorithm::HmacMd5,
                16,
                "9294727a3638bb1c13f48ef8158bfc9d",
                "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
            ),
            (
                Algorithm::HmacSha1,
                20,
                "b617318655057264e28bc0b6fb378c8ef146be00",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
        ] {
            let key = Key::new(algorithm, &vec![0x0b; short_key]);
            assert_eq!(hex(key.digest(&[b"Hi ", b"There"])), first);
            let key = Key::new(algorithm, &[0xaa; 80]);
            assert_eq!(hex(key.digest(&[long])), sixth);
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", key()), "Key(HmacMd5)");
    }

    /// RFC 2747 §4.2: after a handshake with 9.
    #[test]
    fn window_takes_what_is_new() {
        let mut window = Window::starting_at(9, 4);
        for (sequence, good) in [
            (10, true),
            (12, true),
            (11, true),
            (9, false),
            (12, false),
            (20, true),
            (15, true),
            (10, false),
            (13, true),
            (11, false),
        ] {
            assert_eq!(window.accept(sequence), good, "{sequence}");
        }
        assert_eq!(window.greatest(), 20);
    }

    #[test]
    fn window_of_one_wants_rising_numbers() {
        let mut window = Window::starting_at(9, 1);
        assert_eq!(
            [10, 12, 11, 13].map(|sequence| window.accept(sequence)),
            [true, true, false, true]
        );
    }

    #[test]
    fn window_wraps() {
        let mut window = Window::starting_at(u64::MAX - 1, 3);
        assert_eq!(
            [u64::MAX, 1, 0, 0, u64::MAX].map(|s| window.accept(s)),
            [true, true, true, false, false]
        );
        assert_eq!(window.greatest(), 1);
    }
}
