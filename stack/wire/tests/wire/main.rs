//! Properties of the codecs over random values and random octets, and a second opinion of an independent library.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails here has found what it looks for"
)]

mod any;
mod garbage;
mod round_trip;
mod second_opinion;
