//! Our half of the comparisons: the parts that the benchmark starts as processes of their own.

pub(crate) mod amplify;
pub(crate) mod bombs;
pub(crate) mod client;
pub(crate) mod codec;
pub(crate) mod echod;
pub(crate) mod exchange;
pub(crate) mod ftp;
pub(crate) mod idle;
pub(crate) mod native;
pub(crate) mod rsvp;
pub(crate) mod slow;
