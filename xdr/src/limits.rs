//! What a decoder refuses, however well-formed.

/// Caps on what one decoder may build; always on.
///
/// Whatever the limits, no vector is given more capacity than the octets left could fill, and an item is copied only once
/// its octets are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Limits {
    /// How deep data of recursive types may nest: optional data that is boxed, and recursive types within arrays.
    /// Lists do not nest, however long. Default 64.
    pub max_depth: u16,
    /// Octets of memory the decoded value may take, apart from its outermost struct: elements of vectors, boxes, copied
    /// strings and opaque data. An element of no size counts as one octet. Default 64 MiB.
    pub memory: usize,
    /// Greatest length of any one string or opaque, in octets, and of any array, in elements, whatever bound the type
    /// gives. Default `u32::MAX`.
    pub max_len: u32,
}

impl Limits {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        max_depth: 64,
        memory: 64 << 20,
        max_len: u32::MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How strictly to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Mode {
    /// Padding must be zero, a bool 0 or 1, an enum one of its names, and nothing may follow the value.
    #[default]
    Strict,
    /// Reads as the C library's routines do: padding is not looked at, a bool other than 0 is true, any number is an enum,
    /// a number too large for a C `short` or `char` loses its upper bits, and
    /// [`Decoder::finish`](crate::Decoder::finish) lets octets follow. Octets of an owned string that are not UTF-8
    /// become private characters: the octet `b` is U+10FF00 + `b`, and genuine characters from U+10FF80 up are taken
    /// apart in the same way; an [`Encoder`](crate::Encoder::with_mode) in this mode turns them back. What was read
    /// encodes to the octets C would write. Lengths, bounds and all [`Limits`] hold as ever.
    Lax,
}
