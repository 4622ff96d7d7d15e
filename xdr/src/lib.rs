//! XDR (RFC 4506): exact, bounded and fast encoding and decoding.

#![no_std]
#![deny(clippy::indexing_slicing)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod array;
mod decode;
mod encode;
mod error;
mod foreign;
mod limits;
mod opaque;
mod optional;
mod quad;
mod run;
mod scalar;
mod small;
mod tuple;

pub use array::{Array, array_len, fixed_array_len};
pub use bytes::Bytes;
pub use decode::{Decode, DecodeOwned, Decoder, from_bytes, from_chunks, from_slice};
pub use encode::{APART_MIN, Encode, Encoder, sum, to_bytes, to_vec};
pub use error::{
    Context, DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, FieldPath, PathPart,
};
pub use limits::{Limits, Mode};
pub use opaque::{Opaque, OpaqueRef, SHARE_MIN, Text, TextRef, opaque_len, padded, string_len};
pub use optional::{Chain, List, list_len, optional_len};
pub use quad::Quad;
pub use run::{Run, RunMut};
pub use scalar::{Scalar, XdrEnum};
