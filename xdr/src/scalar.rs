//! Numbers, bools and enums (RFC 4506 §4.1–4.8), and void (§4.16).

use crate::decode::{Decode, Decoder};
use crate::encode::{Encode, Encoder};
use crate::error::{DecodeError, EncodeError};
use crate::quad::Quad;
use crate::run::{odd_bool, odd_enum};
use alloc::vec::Vec;

/// An XDR enum (RFC 4506 §4.3): a number, some of which have names.
///
/// rpcgen makes a newtype over `i32` with a constant for each name, so that [`Mode::Lax`](crate::Mode::Lax) can keep
/// numbers without one.
pub trait XdrEnum: Copy {
    /// The name in the specification, for errors.
    const NAME: &'static str;

    /// The value of this number, if it has a name.
    fn from_i32(number: i32) -> Option<Self>;

    /// The value of this number, named or not.
    fn from_i32_lax(number: i32) -> Self;

    /// The number.
    fn to_i32(self) -> i32;
}

/// A number of fixed size: `i32`, `u32`, `i64`, `u64`, `f32`, `f64`, [`Quad`]. Sealed.
pub trait Scalar: Copy + sealed::Wire {
    /// Octets on the wire.
    const LEN: usize;
}

pub(crate) mod sealed {
    use alloc::vec::Vec;

    /// How a scalar is laid out.
    #[expect(unnameable_types, reason = "seals `Scalar`")]
    pub trait Wire: Sized {
        /// The values that the octets hold, whole ones only.
        fn vec_from_wire(octets: &[u8]) -> Vec<Self>;
        /// The first `COUNT` values that the octets hold; zeros follow if they hold fewer.
        fn array_from_wire<const COUNT: usize>(octets: &[u8]) -> [Self; COUNT];
        /// Writes the value into a place of its length.
        fn write_wire(&self, place: &mut [u8]);
    }
}

macro_rules! scalar {
    ($($type:ident $len:literal $read:ident $zero:expr, $from:expr, $to:expr;)*) => {$(
        impl Scalar for $type {
            const LEN: usize = $len;
        }

        impl sealed::Wire for $type {
            #[inline]
            fn vec_from_wire(octets: &[u8]) -> Vec<Self> {
                octets.as_chunks::<$len>().0.iter().copied().map($from).collect()
            }

            #[inline(always)]
            fn array_from_wire<const COUNT: usize>(octets: &[u8]) -> [Self; COUNT] {
                let mut chunks = octets.as_chunks::<$len>().0.iter().copied();
                core::array::from_fn(|_| chunks.next().map_or($zero, $from))
            }

            #[inline(always)]
            fn write_wire(&self, place: &mut [u8]) {
                if let Some(place) = place.first_chunk_mut() {
                    *place = $to(*self);
                }
            }
        }

        impl Encode for $type {
            #[inline]
            fn fixed_len() -> Option<usize> {
                Some($len)
            }

            #[inline]
            fn encoded_len(&self) -> usize {
                $len
            }

            #[inline(always)]
            fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
                e.put($to(*self));
                Ok(())
            }

            #[inline]
            fn encode_all(items: &[Self], e: &mut Encoder) -> Result<(), EncodeError> {
                e.reserve(items.len().saturating_mul($len));
                let (blocks, rest) = items.as_chunks::<8>();
                for block in blocks {
                    let mut octets = [0; 8 * $len];
                    for (place, item) in octets.as_chunks_mut::<$len>().0.iter_mut().zip(block) {
                        *place = $to(*item);
                    }
                    e.put(octets);
                }
                for item in rest {
                    e.put($to(*item));
                }
                Ok(())
            }
        }

        impl<'de> Decode<'de> for $type {
            const MIN_LEN: usize = $len;

            #[inline(always)]
            fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
                d.$read()
            }

            #[inline]
            fn decode_all(count: usize, d: &mut Decoder<'de>) -> Result<Vec<Self>, DecodeError> {
                Ok(<Self as sealed::Wire>::vec_from_wire(d.take(count.saturating_mul($len))?))
            }

            #[inline]
            fn decode_array<const COUNT: usize>(d: &mut Decoder<'de>) -> Result<[Self; COUNT], DecodeError> {
                Ok(<Self as sealed::Wire>::array_from_wire(d.take(COUNT.saturating_mul($len))?))
            }
        }

        impl<'de> Decoder<'de> {
            #[doc = concat!("Reads a `", stringify!($type), "`, ", stringify!($len), " octets.")]
            ///
            /// # Errors
            /// [`DecodeErrorKind::Truncated`](crate::DecodeErrorKind::Truncated).
            #[inline(always)]
            pub fn $read(&mut self) -> Result<$type, DecodeError> {
                Ok($from(*self.chunk::<$len>()?))
            }
        }

        impl Encoder {
            #[doc = concat!("Writes a `", stringify!($type), "`, ", stringify!($len), " octets.")]
            #[inline(always)]
            pub fn $read(&mut self, value: $type) {
                self.put($to(value));
            }
        }
    )*};
}

scalar! {
    i32 4 i32 0, i32::from_be_bytes, i32::to_be_bytes;
    u32 4 u32 0, u32::from_be_bytes, u32::to_be_bytes;
    i64 8 i64 0, i64::from_be_bytes, i64::to_be_bytes;
    u64 8 u64 0, u64::from_be_bytes, u64::to_be_bytes;
    f32 4 f32 0.0, f32::from_be_bytes, f32::to_be_bytes;
    f64 8 f64 0.0, f64::from_be_bytes, f64::to_be_bytes;
    Quad 16 quad Quad::default(), Quad, Quad::to_octets;
}

impl Decoder<'_> {
    /// Reads a bool (RFC 4506 §4.4).
    ///
    /// # Errors
    /// Truncated input; in strict mode a number other than 0 and 1.
    #[inline(always)]
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            other => odd_bool(other, self.mode(), self.offset().saturating_sub(4)),
        }
    }

    /// Reads an enum (RFC 4506 §4.3).
    ///
    /// # Errors
    /// Truncated input; in strict mode a number without a name.
    #[inline(always)]
    pub fn enumeration<E: XdrEnum>(&mut self) -> Result<E, DecodeError> {
        let number = self.i32()?;
        match E::from_i32(number) {
            Some(value) => Ok(value),
            None => odd_enum(number, self.mode(), self.offset().saturating_sub(4)),
        }
    }
}

impl Encoder {
    /// Writes a bool (RFC 4506 §4.4).
    #[inline(always)]
    pub fn bool(&mut self, value: bool) {
        self.u32(u32::from(value));
    }

    /// Writes an enum (RFC 4506 §4.3).
    #[inline(always)]
    pub fn enumeration<E: XdrEnum>(&mut self, value: E) {
        self.i32(value.to_i32());
    }
}

impl Encode for bool {
    #[inline]
    fn fixed_len() -> Option<usize> {
        Some(4)
    }

    #[inline]
    fn encoded_len(&self) -> usize {
        4
    }

    #[inline(always)]
    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.bool(*self);
        Ok(())
    }
}

impl<'de> Decode<'de> for bool {
    const MIN_LEN: usize = 4;

    #[inline(always)]
    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        d.bool()
    }
}

/// Void (RFC 4506 §4.16): no octets.
impl Encode for () {
    #[inline]
    fn fixed_len() -> Option<usize> {
        Some(0)
    }

    #[inline]
    fn encoded_len(&self) -> usize {
        0
    }

    #[inline]
    fn encode(&self, _: &mut Encoder) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl<'de> Decode<'de> for () {
    const MIN_LEN: usize = 0;

    #[inline]
    fn decode(_: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        Ok(())
    }
}
