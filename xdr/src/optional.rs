//! Optional data (RFC 4506 §4.19), and the lists made of it.

use crate::array::over_vec;
use crate::decode::{Decode, Decoder};
use crate::encode::{Encode, Encoder};
use crate::error::{DecodeError, EncodeError};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

/// Octets that optional data takes: the flag, and the data if there is some.
#[inline]
#[must_use]
pub fn optional_len<T: Encode>(value: Option<&T>) -> usize {
    value.map_or(4, |value| value.encoded_len().saturating_add(4))
}

/// Octets that a list of these nodes takes: a flag before each, and one at the end.
#[inline]
#[must_use]
pub fn list_len<T: Encode>(nodes: &[T]) -> usize {
    let flags = nodes.len().saturating_add(1).saturating_mul(4);
    crate::fixed_array_len(nodes).saturating_add(flags)
}

impl Encoder {
    /// Writes optional data: TRUE and the data, or FALSE (RFC 4506 §4.19).
    ///
    /// # Errors
    /// The data cannot be encoded.
    #[inline]
    pub fn optional<T: Encode>(&mut self, value: Option<&T>) -> Result<(), EncodeError> {
        self.bool(value.is_some());
        match value {
            Some(value) => value.encode(self),
            None => Ok(()),
        }
    }

    /// Writes a list: TRUE before each node, FALSE at the end. A node does not write its link.
    ///
    /// # Errors
    /// A node cannot be encoded.
    #[inline]
    pub fn list<T: Encode>(&mut self, nodes: &[T]) -> Result<(), EncodeError> {
        for (index, node) in nodes.iter().enumerate() {
            self.bool(true);
            node.encode(self).map_err(|error| error.index(index))?;
        }
        self.bool(false);
        Ok(())
    }
}

impl<'de> Decoder<'de> {
    /// Reads optional data (RFC 4506 §4.19).
    ///
    /// # Errors
    /// The flag or the data is wrong.
    #[inline]
    pub fn optional<T: Decode<'de>>(&mut self) -> Result<Option<T>, DecodeError> {
        if self.bool()? {
            T::decode(self).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Reads optional data that may hold itself, one level deeper.
    ///
    /// # Errors
    /// The flag or the data is wrong; nested too deep; the memory budget is used up.
    #[inline]
    pub fn boxed<T: Decode<'de>>(&mut self) -> Result<Option<Box<T>>, DecodeError> {
        self.optional()
    }

    /// Reads a list into a vector, in a loop: however long, it takes no stack.
    ///
    /// # Errors
    /// A flag or a node is wrong; the memory budget is used up.
    #[inline]
    pub fn list<T: Decode<'de>>(&mut self) -> Result<Vec<T>, DecodeError> {
        let mut nodes = Vec::new();
        while self.bool()? {
            self.charge_items::<T>(1)?;
            if nodes.len() == nodes.capacity() {
                self.grow(&mut nodes);
            }
            let index = nodes.len();
            nodes.push(T::decode(self).map_err(|error| error.index(index))?);
        }
        Ok(nodes)
    }

    /// Doubles the room, but to no more nodes than the octets left can hold.
    #[cold]
    #[inline(never)]
    fn grow<T: Decode<'de>>(&self, nodes: &mut Vec<T>) {
        // A node's flag has been read; each other one needs a flag of its own, and the end another.
        let most = self.remaining() / T::MIN_LEN.saturating_add(4);
        let more = nodes.len().max(8).min(most).max(1);
        nodes.reserve_exact(more);
    }
}

impl<T: Encode> Encode for Option<T> {
    #[inline]
    fn encoded_len(&self) -> usize {
        optional_len(self.as_ref())
    }

    #[inline]
    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.optional(self.as_ref())
    }
}

impl<'de, T: Decode<'de>> Decode<'de> for Option<T> {
    const MIN_LEN: usize = 4;

    #[inline]
    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        d.optional()
    }
}

impl<T: Encode + ?Sized> Encode for Box<T> {
    #[inline]
    fn encoded_len(&self) -> usize {
        (**self).encoded_len()
    }

    #[inline]
    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        (**self).encode(e)
    }
}

/// Boxed data is one level deeper than what holds it.
impl<'de, T: Decode<'de>> Decode<'de> for Box<T> {
    const MIN_LEN: usize = T::MIN_LEN;

    #[inline]
    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        d.charge_items::<T>(1)?;
        d.nested(T::decode).map(Box::new)
    }
}

/// A list without a bound, on its own: `T *x` where `T` is a node whose last field is `T *next`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct List<T>(pub Vec<T>);

over_vec!(List);

impl<T: Encode> Encode for List<T> {
    #[inline]
    fn encoded_len(&self) -> usize {
        list_len(&self.0)
    }

    #[inline]
    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.list(&self.0)
    }
}

impl<'de, T: Decode<'de>> Decode<'de> for List<T> {
    const MIN_LEN: usize = 4;

    #[inline]
    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        d.list().map(Self)
    }
}

/// A list node used directly: a list that is never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Chain<T> {
    /// The node itself.
    pub first: T,
    /// The nodes that follow it.
    pub rest: Vec<T>,
}

impl<T> Chain<T> {
    /// All nodes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        core::iter::once(&self.first).chain(&self.rest)
    }
}

impl<T> From<T> for Chain<T> {
    /// A list of one node.
    fn from(first: T) -> Self {
        Self {
            first,
            rest: Vec::new(),
        }
    }
}

impl<T: Encode> Encode for Chain<T> {
    #[inline]
    fn encoded_len(&self) -> usize {
        self.first
            .encoded_len()
            .saturating_add(list_len(&self.rest))
    }

    #[inline]
    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        self.first.encode(e).map_err(|error| error.field("first"))?;
        e.list(&self.rest).map_err(|error| error.field("rest"))
    }
}

impl<'de, T: Decode<'de>> Decode<'de> for Chain<T> {
    const MIN_LEN: usize = T::MIN_LEN.saturating_add(4);

    #[inline]
    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        let first = T::decode(d).map_err(|error| error.field("first"))?;
        let rest = d.list().map_err(|error| error.field("rest"))?;
        Ok(Self { first, rest })
    }
}
