//! Types that extern.x and others take from elsewhere.

use fairway_xdr::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, XdrEnum};

/// An address: 4 octets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Address(pub u32);

impl Encode for Address {
    fn encoded_len(&self) -> usize {
        4
    }

    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.u32(self.0);
        Ok(())
    }
}

impl<'de> Decode<'de> for Address {
    const MIN_LEN: usize = 4;

    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        Ok(Self(d.u32()?))
    }
}

/// An enum written by hand, as C's headers have them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind(pub i32);

impl XdrEnum for Kind {
    const NAME: &'static str = "kind";

    fn from_i32(number: i32) -> Option<Self> {
        (1..=9).contains(&number).then_some(Self(number))
    }

    fn from_i32_lax(number: i32) -> Self {
        Self(number)
    }

    fn to_i32(self) -> i32 {
        self.0
    }
}

impl Encode for Kind {
    fn encoded_len(&self) -> usize {
        4
    }

    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.enumeration(*self);
        Ok(())
    }
}

impl<'de> Decode<'de> for Kind {
    const MIN_LEN: usize = 4;

    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        d.enumeration()
    }
}
