//! `pktscript`: timed scripts of socket calls and segments, run on a TCP/IP stack.
//!
//! A script says, line by line, what a program calls, what its peer sends, and what the stack has to answer, when.
//! The same script runs on two sides: Fairway's engine in virtual time, and the kernel of this machine through a TUN
//! device in real time. So each script says what an independent stack does, too; where the two differ, a line carries
//! a tag and the reason.
//!
//! ```text
//! script ─► parser ─► ast ─► run ─► Executor ─┬─ native: virtual time
//!                       octets │ decode       └─ kernel: system calls, TUN, real time
//!                           compare
//! ```
//!
//! The language is on the reference card, `tests/pktscript/README.md`.

pub mod ast;
mod compare;
pub mod corpus;
mod cursor;
mod decode;
pub mod executor;
mod flow;
mod icmp_names;
pub mod kernel;
pub mod knobs;
pub mod native;
mod octets;
mod options;
mod parser;
mod run;
mod segment;
mod show;

pub use cursor::ParseError;
pub use parser::parse;
pub use run::{Failed, Passed, run};
pub use segment::Flags;
