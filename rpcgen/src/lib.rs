//! Rust from RPC language files: types, codecs, clients and servers.
//!
//! A `.x` file (RFC 4506 §6, RFC 5531 §12) describes data and the procedures of a remote program. This crate turns it into a Rust
//! module: types with their codecs over `fairway-xdr`, an async client for each version of a program and a trait for its server over
//! `fairway-rpc`. It is the library behind the program `rpcgen`, and what a build script uses:
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), fairway_rpcgen::Error> {
//!     fairway_rpcgen::Builder::new().file("x/echo.x").generate()
//! }
//! ```
//!
//! and in the crate: `mod echo { include!(concat!(env!("OUT_DIR"), "/echo.rs")); }`.
//!
//! # From text to text
//!
//! ```text
//!  .x ─► preprocess ─► lex ─► parse ─► ast ─► resolve ─► model ─► emit ─► .rs
//!             #include, macros            names, constants, checks
//! ```
//!
//! The preprocessor works on tokens, so that every token knows the file, line and column where it was written. Errors are
//! collected: one run reports all it can find ([`Diagnostic`]).
//!
//! # The language
//!
//! All of RFC 4506 and RFC 5531, and beyond them what files use: a preprocessor of its own (`#include`, `#if` and its kin,
//! `#define`, `RPC_HDR` and its kin); C's names of types (`unsigned`, `u_int`, `uint64_t`, `long` of 4 octets, `struct x y`);
//! types within types, `typedef struct { … } x`; enum members without values; expressions as values; negative, octal, hexadecimal,
//! 64-bit, character and string constants; several arguments, pointers as arguments; `//` comments, `namespace`, trailing commas,
//! Linux xdrgen's pragmas; keywords of C and Rust as names, XDR's as names of members. Names that C takes from its headers are given
//! by [`Builder::extern_const`] and [`Builder::extern_type`]; a `%#define` of a number is understood by itself.
//!
//! # Limits
//!
//! 64 MiB of text in all, 64 levels of `#include`, 64 levels of types within types, 1024 types in a chain. No input makes the
//! front end panic, overflow the stack, or run for long.

mod ast;
mod comment;
mod condition;
mod diagnostic;
pub mod emit;
mod error;
mod graph;
mod intern;
mod lex;
pub mod model;
mod parse;
mod preprocess;
mod resolve;
mod source;

mod builder;

pub use builder::{Builder, Generated};
pub use diagnostic::{Diagnostic, Severity};
pub use error::Error;
