//! What the tests across crates share: peers and whether they are there, processes that end with their test,
//! private network namespaces, waiting for a condition, golden files.
//!
//! Nothing here leaves a trace: a [`Child`] is killed by its process id when dropped, a [`Namespace`] lives as long as
//! the process inside it, and every folder is below the build's target directory.

mod child;
mod damage;
pub mod ftp;
pub mod generated;
mod golden;
mod namespace;
mod peer;
#[path = "../pktscript/runner/mod.rs"]
pub mod pktscript;
mod programs;
mod random;
pub mod rsvp;
mod turns;
mod wait;

pub use child::{Child, Output};
pub use damage::{damaged, damaged_text, noise};
pub use golden::assert_golden;
pub use namespace::Namespace;
pub use peer::{built, have, have_root, leave_out, scratch, target};
pub use programs::programs;
pub use random::Random;
pub use turns::{Quiet, busy, quiet};
pub use wait::{uninterrupted, until};
