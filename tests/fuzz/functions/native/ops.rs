//! Fuzz octets as a list of operations: words of four octets, and what some of them take behind them.

use std::net::Ipv4Addr;

/// What is left of the octets.
pub(super) struct Ops<'a>(&'a [u8]);

impl<'a> Ops<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The next operation: what to do, and three octets that say how.
    pub(super) fn next(&mut self) -> Option<[u8; 4]> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*word)
    }

    /// The next word as a number; 0 where there is none.
    pub(super) fn number(&mut self) -> u32 {
        u32::from_be_bytes(self.next().unwrap_or_default())
    }

    /// The next `words` words, or as many as there are.
    pub(super) fn take(&mut self, words: u8) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(self.0.len().min(usize::from(words) * 4));
        self.0 = rest;
        taken
    }

    /// An address: of the internetwork mostly, anything else for 15.
    pub(super) fn address(&mut self, which: u8) -> Ipv4Addr {
        match which % 16 {
            0 => Ipv4Addr::new(10, 0, 1, 1),
            1 => Ipv4Addr::new(10, 0, 2, 1),
            2 => Ipv4Addr::new(10, 0, 1, 254),
            3 => Ipv4Addr::new(10, 0, 2, 254),
            4 => Ipv4Addr::UNSPECIFIED,
            5 => Ipv4Addr::LOCALHOST,
            6 => Ipv4Addr::BROADCAST,
            7 => Ipv4Addr::new(10, 0, 1, 255),
            8 => Ipv4Addr::new(224, 0, 0, 1),
            9 => Ipv4Addr::new(224, 1, 1, 1),
            10 => Ipv4Addr::new(232, 1, 1, 1),
            11 => Ipv4Addr::new(10, 0, 1, 77),
            12 => Ipv4Addr::new(192, 0, 2, 1),
            13 => Ipv4Addr::new(127, 1, 2, 3),
            14 => Ipv4Addr::new(10, 0, 1, 0),
            _ => Ipv4Addr::from_bits(self.number()),
        }
    }
}
