//! XDR, the External Data Representation of RFC 4506: exact, bounded and fast encoding and decoding.
//!
//! XDR lays data out in multiples of four octets, most significant first, without tags: both sides know the types. ONC RPC,
//! NFS, libvirt and many others speak it. This crate has the codec.
//!
//! You seldom write what follows: `rpcgen` (`fairway-rpcgen`) writes types and their codecs from a `.x` file, and all that is
//! left is [`to_vec`] and [`from_slice`], or nothing at all when calls carry them (`fairway-rpc`). Where there is no `.x` file, a
//! type by hand is about as long as its specification:
//!
//! ```
//! use fairway_xdr::{Context, Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, from_slice, opaque_len, sum, to_vec};
//!
//! /// `struct stamped { unsigned hyper time; string note<80>; };`
//! #[derive(Debug, PartialEq)]
//! struct Stamped { time: u64, note: String }
//!
//! impl Encode for Stamped {
//!     fn encoded_len(&self) -> usize { sum([8, opaque_len(self.note.len())]) }
//!     fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
//!         e.u64(self.time);
//!         e.string(&self.note, 80).field("note")
//!     }
//! }
//!
//! impl<'de> Decode<'de> for Stamped {
//!     const MIN_LEN: usize = 12;
//!     fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
//!         Ok(Self { time: d.u64().field("time")?, note: d.string(80).field("note")? })
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let stamped = Stamped { time: 7, note: "hello".into() };
//! let wire = to_vec(&stamped)?;
//! assert_eq!(wire, b"\0\0\0\0\0\0\0\x07\0\0\0\x05hello\0\0\0");
//! assert_eq!(from_slice::<Stamped>(&wire)?, stamped);
//! let error = from_slice::<Stamped>(&[0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 81]).unwrap_err();
//! assert_eq!(error.to_string(), "note at octet 8: 81 octets, at most 80");
//! # Ok(()) }
//! ```
//!
//! # The parts
//!
//! ```text
//!   value ── Encode ──► Encoder ──► one Vec, or segments with large Bytes as they are
//!                          ▲
//!                   RunMut │ fixed-size members as one array of octets
//!                      Run ▼
//!   value ◄─ Decode ─── Decoder ◄── a slice, or a record in Bytes that large opaques are slices of
//!                          │
//!                          └─ Limits: depth, memory, length · Mode: strict or lax
//! ```
//!
//! * Encoding asks for the [exact length](Encode::encoded_len) first and allocates once. A
//!   [segmented](Encoder::segmented) encoder does not even copy opaque data of [`APART_MIN`] octets and more.
//! * Decoding gives owned values, or borrowed ones that hold `&str` and `&[u8]` of the input. From [shared](Decoder::shared)
//!   input opaque data of [`SHARE_MIN`] octets and more are slices; smaller are copied, so that a field of a few octets
//!   does not keep a record in memory.
//! * A run of fixed-size members is read behind [one bounds check](Decoder::run), at offsets that the compiler checks.
//! * Lists (`struct node { …; node *next; }`) are vectors, [read in a loop](Decoder::list).
//! * A [`DecodeError`] says what is wrong, in which field, at which octet, and is one pointer wide.
//!
//! # Bad input
//!
//! Nothing read can make this crate panic, recurse without bound or reserve memory for octets that did not come: a length is
//! held against the octets left before anything is allocated, and all that is built counts against [`Limits`], which are
//! always on. Padding, bools, enums, UTF-8 and what follows a value are checked; [`Mode::Lax`] reads and writes what the C
//! library would.
//!
//! # What RFC 4506 says, and where it is
//!
//! | section | | here |
//! |---|---|---|
//! | 4.1, 4.2, 4.5 | int, unsigned, hyper | `i32` `u32` `i64` `u64`; `i8` `u8` `i16` `u16` for the `char` and `short` of many files |
//! | 4.3, 4.4 | enum, bool | [`XdrEnum`], `bool` |
//! | 4.6, 4.7, 4.8 | float, double, quadruple | `f32`, `f64`, [`Quad`] with conversions from and to `f64` |
//! | 4.9, 4.10 | opaque | [`Encoder::fixed_opaque`], [`Encoder::opaque`], [`Opaque`] |
//! | 4.11 | string | [`Encoder::string`], [`Text`]: UTF-8, of which the RFC's ASCII is part; data in another encoding is opaque |
//! | 4.12, 4.13 | arrays | [`Encoder::fixed_array`], [`Encoder::array`], [`Array`] |
//! | 4.14, 4.15, 4.16 | struct, union, void | structs and enums that implement the traits; tuples; `()` |
//! | 4.17, 4.18 | const, typedef | Rust's own; see `rpcgen` |
//! | 4.19 | optional data | `Option<T>`, [`List`], [`Chain`] |
//!
//! # What it is not
//!
//! No parser of `.x` files (that is `rpcgen`), no transport, no serde format: XDR has bounds, unions and enums that serde's
//! model cannot express.
//!
//! # Features
//!
//! * `std` (default): only passed on to dependencies; without it the crate needs `alloc`.
//! * `serde`: `Serialize` and `Deserialize` for the types of this crate.

#![no_std]
#![deny(clippy::indexing_slicing)]

extern crate alloc;

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
#[cfg(feature = "serde")]
pub mod serde_array;
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
