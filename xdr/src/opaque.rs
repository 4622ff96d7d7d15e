//! Opaque data and strings (RFC 4506 §4.9–4.11): the forms inside structs, and types for use on their own.

use crate::decode::{Decode, Decoder};
use crate::encode::{Encode, Encoder};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
use crate::foreign;
use crate::limits::Mode;
use alloc::borrow::ToOwned;
use alloc::string::String;
use bytes::Bytes;
use core::ops::Deref;

/// Opaque data of this length and more, decoded from [shared](Decoder::shared) input, is a slice of it, not a copy.
pub const SHARE_MIN: usize = 1024;

/// Octets that fixed-length opaque data of this length takes: up to the next multiple of 4.
#[inline]
#[must_use]
pub const fn padded(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// Octets that variable-length opaque data of this length takes: its length, itself, its padding.
#[inline]
#[must_use]
pub const fn opaque_len(length: usize) -> usize {
    length.saturating_add(7) & !3
}

/// Octets that a string of this length, in octets, takes.
#[inline]
#[must_use]
pub const fn string_len(length: usize) -> usize {
    opaque_len(length)
}

impl Encoder {
    /// Writes variable-length opaque data: length, octets, padding (RFC 4506 §4.10).
    ///
    /// # Errors
    /// More than `max` octets.
    #[inline(always)]
    pub fn opaque(&mut self, octets: &[u8], max: u32) -> Result<(), EncodeError> {
        let length = Self::length(octets.len(), max)?;
        self.u32(length);
        self.padded(octets);
        Ok(())
    }

    /// Writes variable-length opaque data; [segmented](Encoder::segmented) encoders keep long ones apart.
    ///
    /// # Errors
    /// More than `max` octets.
    #[inline(always)]
    pub fn shared(&mut self, octets: &Bytes, max: u32) -> Result<(), EncodeError> {
        let length = Self::length(octets.len(), max)?;
        self.u32(length);
        self.padded_shared(octets);
        Ok(())
    }

    /// Writes a string (RFC 4506 §4.11).
    ///
    /// # Errors
    /// More than `max` octets.
    #[inline(always)]
    pub fn string(&mut self, string: &str, max: u32) -> Result<(), EncodeError> {
        match self.mode() {
            Mode::Strict => self.opaque(string.as_bytes(), max),
            Mode::Lax => self.lax_string(string, max),
        }
    }

    #[cold]
    #[inline(never)]
    fn lax_string(&mut self, string: &str, max: u32) -> Result<(), EncodeError> {
        self.opaque(&foreign::to_octets(string), max)
    }

    /// Writes fixed-length opaque data: octets, padding (RFC 4506 §4.9). The length is the caller's matter.
    #[inline]
    pub fn fixed_opaque(&mut self, octets: &[u8]) {
        self.padded(octets);
    }

    /// Writes fixed-length opaque data of `length` octets; [segmented](Encoder::segmented) encoders keep long ones apart.
    ///
    /// # Errors
    /// Another length.
    pub fn fixed_shared(&mut self, octets: &Bytes, length: usize) -> Result<(), EncodeError> {
        if octets.len() != length {
            let kind = EncodeErrorKind::WrongLength {
                length: octets.len(),
                expected: length,
            };
            return Err(EncodeError::new(kind));
        }
        self.padded_shared(octets);
        Ok(())
    }

    #[inline(always)]
    fn length(length: usize, max: u32) -> Result<u32, EncodeError> {
        match u32::try_from(length) {
            Ok(length) if length <= max => Ok(length),
            _ => Err(EncodeError::new(EncodeErrorKind::TooLong { length, max })),
        }
    }
}

impl<'de> Decoder<'de> {
    /// Reads variable-length opaque data of at most `max` octets (RFC 4506 §4.10), without copying it.
    ///
    /// # Errors
    /// Truncated; longer than `max` or the [limit](crate::Limits::max_len); padding that is not zero, in strict mode.
    #[inline(always)]
    pub fn bytes_ref(&mut self, max: u32) -> Result<&'de [u8], DecodeError> {
        let length = self.u32()?;
        if length > max.min(self.max_len()) {
            return Err(self.too_long(length, max));
        }
        self.fixed_octets_ref(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Reads fixed-length opaque data of `length` octets (RFC 4506 §4.9), without copying it.
    ///
    /// # Errors
    /// Truncated; padding that is not zero, in strict mode.
    #[inline(always)]
    pub fn fixed_octets_ref(&mut self, length: usize) -> Result<&'de [u8], DecodeError> {
        let padded = self.take(padded(length))?;
        let padding_bits = length.wrapping_neg() & 3;
        if let Some(last) = padded.last_chunk() {
            let mask = !(u32::MAX << (8 * padding_bits));
            if u32::from_be_bytes(*last) & mask != 0 {
                self.odd_padding(padded.len())?;
            }
        }
        Ok(padded.get(..length).unwrap_or_default())
    }

    /// Reads a string of at most `max` octets (RFC 4506 §4.11), without copying it.
    ///
    /// The RFC speaks of ASCII; UTF-8 is what its users have come to send. Data in another encoding is opaque.
    ///
    /// # Errors
    /// As [`bytes_ref`](Self::bytes_ref), or not UTF-8.
    #[inline(always)]
    pub fn str_ref(&mut self, max: u32) -> Result<&'de str, DecodeError> {
        let octets = self.bytes_ref(max)?;
        core::str::from_utf8(octets).map_err(|error| self.not_utf8(octets, error.valid_up_to()))
    }

    /// Reads variable-length opaque data of at most `max` octets: a slice of [shared](Self::shared) input if there are
    /// [`SHARE_MIN`] octets or more, else a copy.
    ///
    /// # Errors
    /// As [`bytes_ref`](Self::bytes_ref), or the memory budget is used up.
    #[inline(always)]
    pub fn opaque(&mut self, max: u32) -> Result<Bytes, DecodeError> {
        let octets = self.bytes_ref(max)?;
        self.own(octets)
    }

    /// Reads a string of at most `max` octets. In [`Mode::Lax`] octets that are not UTF-8 become private characters.
    ///
    /// # Errors
    /// As [`str_ref`](Self::str_ref), or the memory budget is used up.
    #[inline(always)]
    pub fn string(&mut self, max: u32) -> Result<String, DecodeError> {
        if self.mode() == Mode::Lax {
            return self.lax_string(max);
        }
        let string = self.str_ref(max)?;
        self.charge(string.len())?;
        Ok(string.to_owned())
    }

    #[cold]
    #[inline(never)]
    fn lax_string(&mut self, max: u32) -> Result<String, DecodeError> {
        let octets = self.bytes_ref(max)?;
        self.charge(foreign::string_len(octets))?;
        Ok(foreign::to_string(octets))
    }

    /// Reads fixed-length opaque data. `LEN` may be any number; padding is checked.
    ///
    /// # Errors
    /// As [`fixed_octets_ref`](Self::fixed_octets_ref).
    #[inline(always)]
    pub fn fixed_opaque<const LEN: usize>(&mut self) -> Result<[u8; LEN], DecodeError> {
        Ok(self
            .fixed_octets_ref(LEN)?
            .first_chunk()
            .copied()
            .unwrap_or([0; LEN]))
    }

    /// Reads fixed-length opaque data of `length` octets, shared or copied as by [`opaque`](Self::opaque).
    ///
    /// # Errors
    /// As [`fixed_octets_ref`](Self::fixed_octets_ref), or the memory budget is used up.
    pub fn fixed_octets(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        let octets = self.fixed_octets_ref(length)?;
        self.own(octets)
    }

    #[inline(always)]
    fn own(&mut self, octets: &'de [u8]) -> Result<Bytes, DecodeError> {
        if octets.len() >= SHARE_MIN
            && let Some(slice) = self.slice_of_shared(octets)
        {
            return Ok(slice);
        }
        self.charge(octets.len())?;
        Ok(Bytes::copy_from_slice(octets))
    }

    #[cold]
    #[inline(never)]
    fn too_long(&self, length: u32, max: u32) -> DecodeError {
        self.error_behind(DecodeErrorKind::TooLong {
            length,
            max: max.min(self.max_len()),
        })
    }

    /// The string just read is none.
    #[cold]
    #[inline(never)]
    fn not_utf8(&self, octets: &[u8], valid: usize) -> DecodeError {
        let offset = self.offset().saturating_sub(opaque_len(octets.len()));
        DecodeError::new(DecodeErrorKind::Utf8 { valid }, offset)
    }

    /// Padding other than zero, of the item just read.
    #[cold]
    #[inline(never)]
    fn odd_padding(&self, padded: usize) -> Result<(), DecodeError> {
        match self.mode() {
            // RFC 4506 §3: the residual bytes are zero.
            Mode::Strict => Err(DecodeError::new(
                DecodeErrorKind::Padding,
                self.offset().saturating_sub(padded),
            )),
            Mode::Lax => Ok(()),
        }
    }
}

macro_rules! item {
    ($($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? ($inner:ty) as $target:ty, $write:ident, $read:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(transparent))]
        pub struct $name $(<$life>)? (pub $inner);

        impl $(<$life>)? Deref for $name $(<$life>)? {
            type Target = $target;

            #[inline]
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl $(<$life>)? From<$inner> for $name $(<$life>)? {
            #[inline]
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }

        impl $(<$life>)? From<$name $(<$life>)?> for $inner {
            #[inline]
            fn from(item: $name $(<$life>)?) -> Self {
                item.0
            }
        }

        impl $(<$life>)? Encode for $name $(<$life>)? {
            #[inline]
            fn encoded_len(&self) -> usize {
                opaque_len(self.0.len())
            }

            #[inline]
            fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
                e.$write(&self.0, u32::MAX)
            }
        }

        item!(@decode $name $(<$life>)?, $read);
    )*};
    (@decode $name:ident, $read:ident) => {
        impl<'de> Decode<'de> for $name {
            const MIN_LEN: usize = 4;

            #[inline]
            fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
                d.$read(u32::MAX).map(Self)
            }
        }
    };
    (@decode $name:ident <$life:lifetime>, $read:ident) => {
        impl<$life> Decode<$life> for $name<$life> {
            const MIN_LEN: usize = 4;

            #[inline]
            fn decode(d: &mut Decoder<$life>) -> Result<Self, DecodeError> {
                d.$read(u32::MAX).map(Self)
            }
        }
    };
}

item! {
    /// `opaque<>`: variable-length opaque data without a bound, on its own.
    Opaque(Bytes) as Bytes, shared, opaque;
    /// `string<>`: a string without a bound, on its own.
    Text(String) as String, string, string;
    /// `opaque<>`, borrowed.
    OpaqueRef<'a>(&'a [u8]) as [u8], opaque, bytes_ref;
    /// `string<>`, borrowed.
    TextRef<'a>(&'a str) as str, string, str_ref;
}

impl Copy for OpaqueRef<'_> {}
impl Copy for TextRef<'_> {}
