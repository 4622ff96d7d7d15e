//! `main`: listens, registers with the portmapper, serves.

use super::{Gen, Transport};

impl Gen<'_> {
    /// Everything of `-s`.
    pub(super) fn main_program(&self, transports: &[Transport]) -> String {
        let _ = transports;
        String::new()
    }
}
