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
//! and in the crate: `mod echo { include!(concat!(env!("OUT_DIR"), "/echo.rs")); }`, with `fairway-xdr` among its
//! dependencies, and `fairway-rpc` if the file has programs.
//!
//! Files that lean on C headers need a line for each name from there:
//!
//! ```no_run
//! # fn main() -> Result<(), fairway_rpcgen::Error> {
//! fairway_rpcgen::Builder::new()
//!     .include_dir("x/include")                       // where #include looks
//!     .extern_const("VIR_UUID_BUFLEN", 16)            // from libvirt's headers
//!     .extern_type("sockaddr_in", "crate::net::SockAddrIn")
//!     .define("WITH_ACL", "1")                        // for #ifdef
//!     .file("x/remote_protocol.x")
//!     .generate()
//! # }
//! ```
//!
//! # What becomes of it
//!
//! | `.x` | Rust |
//! |---|---|
//! | `const MAX = 12;` | `pub const MAX: u32 = 12;`, or the next of `i32`, `u64`, `i64` that holds it; text is a `&str` |
//! | `int`, `unsigned hyper`, `bool`, `double`, `quadruple` | `i32`, `u64`, `bool`, `f64`, `fairway_xdr::Quad` |
//! | `string s<80>` | `String`; the bound is checked when it is written and when it is read |
//! | `opaque o<>`, `opaque o[16]` | `fairway_xdr::Bytes`, `[u8; 16]`; long ones of fixed length are `Bytes`, too |
//! | `int v<8>`, `int v[3]` | `Vec<i32>`, `[i32; 3]` |
//! | `int *p` | `Option<i32>`; `Option<Box<Tree>>` in a type that holds itself |
//! | `struct node { int value; node *next; };` | a list: `node *list` is `Vec<Node>`, and `Node` has no `next`; where a `node` stands without `*`, `fairway_xdr::Chain<Node>`, which is never empty |
//! | `enum color { RED = 1 };` | `struct Color(pub i32)` with the constant `Color::RED` and `name()`; a number without a name is an error when read, unless in `Mode::Lax`; `Default` only if 0 has a name |
//! | `union answer switch (state s)` `{ case FREE: int berth; case TAKEN: void; };` | `enum Answer { Free(i32), Taken }` |
//! | `default: int d;`, `default: void;` | `Default(State, i32)`, `Default(State)`: with what it was chosen by |
//! | `switch (bool b)`, `switch (int i) { case -3: …` | `True(…)` and `False(…)`, `CaseNeg3(…)` |
//! | `typedef string name<64>;` | `struct Name(pub String)` with `Deref` and `From` both ways; so with every typedef of a string, opaque, array or pointer |
//! | `typedef unsigned int id;` | `type Id = u32;` |
//! | `program PETS_PROG { version PETS_V2 { … } = 2; } = 0x20000099;` | `PetsV2Client`, the trait `PetsV2`, and `PetsV2Service` around what implements it |
//! | `int PETS_ADD(int, color) = 1;` | client: `pets.add(7, Color::RED).await?`; trait: `async fn add(&self, cx: &CallContext, arg1: i32, arg2: Color) -> Result<Reply<i32>, Refusal>` |
//! | `pet PETS_GET(pet_name) = 2;` | client: `get(&self, arg: &PetName)`; structs, unions and typedefs of what has a heap go in by reference, numbers and enums by value, strings as `&str`; the trait's method has all of them owned, and makes its `Reply` by `Ok(pet.into())` |
//!
//! Names become Rust's (`pet_name`, `PetName`), and procedures lose their program's name (`PETS_ADD`, `MOUNTPROC3_NULL`). What
//! collides, or is a keyword, gets an underscore or a number. Every item says in its documentation what it was in the file:
//!
//! ```
//! let text = fairway_rpcgen::Builder::new()
//!     .text("pets.x", "enum color { RED = 1 }; struct pet { string name<64>; color fur; pet *next; };")
//!     .generate_to_string()?;
//! assert!(text.contains("pub struct Color(pub i32);"));
//! assert!(text.contains("pub const RED: Self = Self(1);"));
//! assert!(text.contains(
//!     "pub struct Pet {
//!     /// `string name<64>`
//!     pub name: String,
//!     /// `color fur`
//!     pub fur: Color,
//! }"
//! ));
//! # Ok::<(), fairway_rpcgen::Error>(())
//! ```
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
