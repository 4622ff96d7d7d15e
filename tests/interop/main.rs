//! Ours against implementations nobody here wrote.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod calls;
mod codec_against_c;
mod demo;
mod ftp;
mod portmapper;
mod readme;
mod real_files;
mod rsvp;
mod socks;
mod stack;
mod support_works;
mod wireshark;
