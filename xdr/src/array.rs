//! Arrays (RFC 4506 §4.12, §4.13): the forms inside structs, and a type for use on its own.

use crate::decode::{Decode, Decoder};
use crate::encode::{Encode, Encoder};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

/// Octets that a variable-length array of these elements takes: the count and the elements.
#[inline]
#[must_use]
pub fn array_len<T: Encode>(items: &[T]) -> usize {
    fixed_array_len(items).saturating_add(4)
}

/// Octets that these elements take, without a count.
#[inline]
#[must_use]
pub fn fixed_array_len<T: Encode>(items: &[T]) -> usize {
    match T::fixed_len() {
        Some(each) => items.len().saturating_mul(each),
        None => items
            .iter()
            .fold(0, |sum: usize, item| sum.saturating_add(item.encoded_len())),
    }
}

impl Encoder {
    /// Writes a variable-length array: count and elements (RFC 4506 §4.13).
    ///
    /// # Errors
    /// More than `max` elements, or an element cannot be encoded.
    #[inline]
    pub fn array<T: Encode>(&mut self, items: &[T], max: u32) -> Result<(), EncodeError> {
        match u32::try_from(items.len()) {
            Ok(count) if count <= max => self.u32(count),
            _ => {
                return Err(EncodeError::new(EncodeErrorKind::TooMany {
                    count: items.len(),
                    max,
                }));
            }
        }
        T::encode_all(items, self)
    }

    /// Writes a fixed-length array: elements only (RFC 4506 §4.12). The length is the caller's matter.
    ///
    /// # Errors
    /// An element cannot be encoded.
    #[inline]
    pub fn fixed_array<T: Encode>(&mut self, items: &[T]) -> Result<(), EncodeError> {
        T::encode_all(items, self)
    }

    /// Writes a fixed-length array of `count` elements.
    ///
    /// # Errors
    /// Another count, or an element cannot be encoded.
    pub fn fixed_vec<T: Encode>(&mut self, items: &[T], count: usize) -> Result<(), EncodeError> {
        if items.len() != count {
            let kind = EncodeErrorKind::WrongLength {
                length: items.len(),
                expected: count,
            };
            return Err(EncodeError::new(kind));
        }
        T::encode_all(items, self)
    }
}

impl<'de> Decoder<'de> {
    /// Reads a variable-length array of at most `max` elements (RFC 4506 §4.13).
    ///
    /// # Errors
    /// More than `max` elements, or than the [limit](crate::Limits::max_len), or than the octets left can hold; the
    /// memory budget is used up; an element is wrong.
    #[inline]
    pub fn array<T: Decode<'de>>(&mut self, max: u32) -> Result<Vec<T>, DecodeError> {
        let count = self.u32()?;
        if count > max.min(self.max_len()) {
            return Err(self.too_many(count, max));
        }
        self.fixed_vec(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Reads a fixed-length array (RFC 4506 §4.12).
    ///
    /// # Errors
    /// An element is wrong.
    #[inline]
    pub fn fixed_array<T: Decode<'de>, const COUNT: usize>(
        &mut self,
    ) -> Result<[T; COUNT], DecodeError> {
        T::decode_array(self)
    }

    /// Reads a fixed-length array of `count` elements into a vector.
    ///
    /// # Errors
    /// The octets left cannot hold so many; the memory budget is used up; an element is wrong.
    #[inline]
    pub fn fixed_vec<T: Decode<'de>>(&mut self, count: usize) -> Result<Vec<T>, DecodeError> {
        if count > self.remaining() / T::MIN_LEN.max(1) && T::MIN_LEN > 0 {
            return Err(self.cannot_hold(count, T::MIN_LEN));
        }
        self.charge_items::<T>(count)?;
        T::decode_all(count, self)
    }

    #[cold]
    #[inline(never)]
    fn too_many(&self, count: u32, max: u32) -> DecodeError {
        self.error_behind(DecodeErrorKind::TooMany {
            count,
            max: max.min(self.max_len()),
        })
    }

    #[cold]
    #[inline(never)]
    fn cannot_hold(&self, count: usize, each: usize) -> DecodeError {
        let needed = count.saturating_mul(each);
        self.error(DecodeErrorKind::Truncated {
            needed,
            remaining: self.remaining(),
        })
    }
}

/// `T<>`: a variable-length array without a bound, on its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Array<T>(pub Vec<T>);

impl<T: Encode> Encode for Array<T> {
    #[inline]
    fn encoded_len(&self) -> usize {
        array_len(&self.0)
    }

    #[inline]
    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.array(&self.0, u32::MAX)
    }
}

impl<'de, T: Decode<'de>> Decode<'de> for Array<T> {
    const MIN_LEN: usize = 4;

    #[inline]
    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        d.array(u32::MAX).map(Self)
    }
}

/// Gives a newtype over `Vec<T>` what a vector's user expects.
macro_rules! over_vec {
    ($name:ident) => {
        impl<T> Default for $name<T> {
            #[inline]
            fn default() -> Self {
                Self(Vec::new())
            }
        }

        impl<T> Deref for $name<T> {
            type Target = Vec<T>;

            #[inline]
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl<T> DerefMut for $name<T> {
            #[inline]
            fn deref_mut(&mut self) -> &mut Self::Target {
                &mut self.0
            }
        }

        impl<T> From<Vec<T>> for $name<T> {
            #[inline]
            fn from(items: Vec<T>) -> Self {
                Self(items)
            }
        }

        impl<T> From<$name<T>> for Vec<T> {
            #[inline]
            fn from(items: $name<T>) -> Self {
                items.0
            }
        }
    };
}
pub(crate) use over_vec;
over_vec!(Array);
