//! What went wrong, in which field, at which octet.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// Why decoding stopped: the kind of fault, the octet and the field.
///
/// One pointer wide, so that a `Result` of a small value stays in registers. The path is built on the way out, only when
/// there is an error to tell of.
///
/// ```
/// use fairway_xdr::{Context, Decoder};
///
/// let wire = [0, 0, 0x23, 0x28]; // 9000
/// let error = Decoder::new(&wire).opaque(400).field("body").field("cred").field("call").unwrap_err();
/// assert_eq!(error.to_string(), "call.cred.body at octet 0: 9000 octets, at most 400");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<DecodeFault>);

/// Why a value could not be encoded: the kind of fault and the field. One pointer wide, as [`DecodeError`].
///
/// Its text reads like `call.cred.body: 500 octets, at most 400`.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Box<EncodeFault>);

#[derive(Clone, PartialEq, Eq)]
struct DecodeFault {
    kind: DecodeErrorKind,
    offset: usize,
    path: FieldPath,
}

#[derive(Clone, PartialEq, Eq)]
struct EncodeFault {
    kind: EncodeErrorKind,
    path: FieldPath,
}

/// The kinds of fault found while decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The input ends before the item does.
    #[error("{needed} octets needed, {remaining} left")]
    Truncated {
        /// Octets the item needs at least.
        needed: usize,
        /// Octets that were left.
        remaining: usize,
    },
    /// Variable-length opaque data or a string longer than its bound (RFC 4506 §4.10, §4.11).
    #[error("{length} octets, at most {max}")]
    TooLong {
        /// Length on the wire, in octets.
        length: u32,
        /// The bound: the field's, or [`Limits::max_len`](crate::Limits::max_len) if that is less.
        max: u32,
    },
    /// A variable-length array of more elements than its bound (RFC 4506 §4.13).
    #[error("{count} elements, at most {max}")]
    TooMany {
        /// Count on the wire.
        count: u32,
        /// The bound: the field's, or [`Limits::max_len`](crate::Limits::max_len) if that is less.
        max: u32,
    },
    /// Octets that fill up to a multiple of four are not zero (RFC 4506 §3).
    #[error("padding is not zero")]
    Padding,
    /// A bool that is neither 0 nor 1 (RFC 4506 §4.4).
    #[error("{0} is no bool")]
    Bool(u32),
    /// A number that the enum does not name (RFC 4506 §4.3).
    #[error("{value} is no {name}")]
    Enum {
        /// Name of the enum, as [`XdrEnum::NAME`](crate::XdrEnum::NAME).
        name: &'static str,
        /// Number on the wire.
        value: i32,
    },
    /// A number that does not fit the C type of 8 or 16 bits that the specification gives.
    #[error("{value} is out of range")]
    Range {
        /// Number on the wire, as an int, or as an unsigned int if the type has no sign.
        value: i64,
    },
    /// A discriminant without an arm in a union that has no default (RFC 4506 §4.15).
    #[error("the union has no arm {0}")]
    Arm(i64),
    /// A string that is not UTF-8.
    #[error("not UTF-8 after {valid} octets")]
    Utf8 {
        /// Octets from the start of the string that are.
        valid: usize,
    },
    /// Data nested deeper than [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("nested more than {max} deep")]
    Depth {
        /// The limit.
        max: u16,
    },
    /// The decoded value would take more memory than is left of [`Limits::memory`](crate::Limits::memory).
    #[error("{needed} octets of memory, {left} left")]
    Memory {
        /// Octets the next part would take.
        needed: usize,
        /// Octets left of the budget.
        left: usize,
    },
    /// Octets after the end of the value.
    #[error("{octets} octets too many")]
    Trailing {
        /// How many.
        octets: usize,
    },
    /// What a hand-written decoder has found.
    #[error("{0}")]
    Invalid(&'static str),
}

/// The kinds of fault found while encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// Opaque data or a string longer than its bound, in octets.
    #[error("{length} octets, at most {max}")]
    TooLong {
        /// Length of the value.
        length: usize,
        /// The bound.
        max: u32,
    },
    /// An array of more elements than its bound.
    #[error("{count} elements, at most {max}")]
    TooMany {
        /// Elements of the value.
        count: usize,
        /// The bound.
        max: u32,
    },
    /// A fixed-length item of another length.
    #[error("length {length}, not {expected}")]
    WrongLength {
        /// Octets or elements of the value.
        length: usize,
        /// The length declared.
        expected: usize,
    },
    /// The default arm of a union, with a discriminant that has an arm of its own.
    #[error("discriminant {0} has an arm of its own")]
    ListedCase(i64),
    /// Encoded octets whose number is not a multiple of four (RFC 4506 §3).
    #[error("{length} octets, not a multiple of 4")]
    Unaligned {
        /// How many octets.
        length: usize,
    },
    /// What a hand-written encoder has found.
    #[error("{0}")]
    Invalid(&'static str),
}

/// Where in the value an error happened: `call.cred.body`, `recs[3].name`.
///
/// Its `Display` is empty for the value itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPath(Vec<PathPart>); // innermost first: outer parts are added on the way out

/// One step of a [`FieldPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// A field of a struct, or an arm of a union.
    Field(&'static str),
    /// An element of an array, counted from 0.
    Index(usize),
}

impl FieldPath {
    /// The steps, outermost first.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = PathPart> + ExactSizeIterator + '_ {
        self.0.iter().rev().copied()
    }

    /// True if the error is in the value itself.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts().enumerate() {
            match part {
                PathPart::Field(name) if at == 0 => f.write_str(name)?,
                PathPart::Field(name) => write!(f, ".{name}")?,
                PathPart::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Says where an error happened; for results of encoding and decoding.
///
/// Generated code calls the methods of the same names of [`DecodeError`] and [`EncodeError`].
pub trait Context: Sized {
    /// The error was in the field, or arm, of this name.
    #[must_use]
    fn field(self, name: &'static str) -> Self;

    /// The error was in the element of this index, counted from 0.
    #[must_use]
    fn index(self, index: usize) -> Self;
}

macro_rules! error {
    ($error:ident, $kind:ident) => {
        impl $error {
            /// What is wrong.
            #[must_use]
            pub fn kind(&self) -> &$kind {
                &self.0.kind
            }

            /// The field at fault.
            #[must_use]
            pub fn path(&self) -> &FieldPath {
                &self.0.path
            }

            /// The same error, in the field of this name of an outer value.
            #[cold]
            #[inline(never)]
            #[must_use]
            pub fn field(mut self, name: &'static str) -> Self {
                self.0.path.0.push(PathPart::Field(name));
                self
            }

            /// The same error, in the element of this index of an outer array.
            #[cold]
            #[inline(never)]
            #[must_use]
            pub fn index(mut self, index: usize) -> Self {
                self.0.path.0.push(PathPart::Index(index));
                self
            }
        }

        impl<T> Context for Result<T, $error> {
            #[inline]
            fn field(self, name: &'static str) -> Self {
                self.map_err(|error| error.field(name))
            }

            #[inline]
            fn index(self, index: usize) -> Self {
                self.map_err(|error| error.index(index))
            }
        }

        impl core::error::Error for $error {}
    };
}

error!(DecodeError, DecodeErrorKind);
error!(EncodeError, EncodeErrorKind);

impl DecodeError {
    /// An error of this kind at this octet, of no field yet.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self(Box::new(DecodeFault {
            kind,
            offset,
            path: FieldPath::default(),
        }))
    }

    /// Offset of the first octet of the item at fault, from the start of the input.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.offset
    }
}

impl EncodeError {
    /// An error of this kind, of no field yet.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn new(kind: EncodeErrorKind) -> Self {
        Self(Box::new(EncodeFault {
            kind,
            path: FieldPath::default(),
        }))
    }

    /// The error of a union's default arm that holds a discriminant with an arm of its own.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn listed_case(tag: i64) -> Self {
        Self::new(EncodeErrorKind::ListedCase(tag))
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DecodeFault { kind, offset, path } = &*self.0;
        if !path.is_empty() {
            write!(f, "{path} ")?;
        }
        write!(f, "at octet {offset}: {kind}")
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EncodeFault { kind, path } = &*self.0;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        write!(f, "{kind}")
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodeError({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn errors_are_one_pointer_wide() {
        assert_eq!(size_of::<DecodeError>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), EncodeError>>(), size_of::<usize>());
    }

    #[test]
    fn display_names_path_offset_and_fault() {
        let kind = DecodeErrorKind::TooLong {
            length: 9000,
            max: 400,
        };
        let error = DecodeError::new(kind, 36)
            .field("body")
            .field("cred")
            .field("call");
        assert_eq!(
            error.to_string(),
            "call.cred.body at octet 36: 9000 octets, at most 400"
        );
        let error = DecodeError::new(DecodeErrorKind::Padding, 8)
            .field("name")
            .index(3)
            .field("recs");
        assert_eq!(
            error.to_string(),
            "recs[3].name at octet 8: padding is not zero"
        );
        assert_eq!(error.path().parts().next(), Some(PathPart::Field("recs")));
    }

    #[test]
    fn display_without_a_path_starts_with_the_offset() {
        let error = DecodeError::new(DecodeErrorKind::Trailing { octets: 4 }, 12);
        assert_eq!(error.to_string(), "at octet 12: 4 octets too many");
    }
}
