//! Numbers that nobody can guess who does not know the seed.

use core::time::Duration;
use std::net::IpAddr;

use bytes::Bytes;

use crate::integrity::{Algorithm, Key};
use crate::interface::IfIndex;
use crate::wire::Epoch;

/// The seed, as a key. What is shown to others of one purpose tells nothing about those of another.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    key: Key,
    /// Goes into what is new each time.
    drawn: u64,
}

impl Secret {
    pub(super) fn new(seed: u64, wall_seconds: u64) -> Self {
        let mut secret = seed.to_be_bytes().to_vec();
        secret.extend_from_slice(&wall_seconds.to_be_bytes());
        Self {
            key: Key::new(Algorithm::HmacMd5, &secret),
            drawn: 0,
        }
    }

    fn number(&self, purpose: &[u8], of: &[&[u8]]) -> u64 {
        let pieces: Vec<&[u8]> = core::iter::once(purpose)
            .chain(of.iter().copied())
            .collect();
        let digest = self.key.digest(&pieces);
        digest
            .first_chunk()
            .map_or(0, |octets| u64::from_be_bytes(*octets))
    }

    fn draw(&mut self, purpose: &[u8]) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        self.number(purpose, &[&self.drawn.to_be_bytes()])
    }

    /// RFC 2961 §4.1: the epoch is random, so that a node that restarts hardly has the one it had.
    pub(super) fn epoch(&self) -> Epoch {
        let [.., a, b, c] = self.number(b"epoch", &[]).to_be_bytes();
        Epoch::new(u32::from_be_bytes([0, a, b, c]))
    }

    /// RFC 3209 §5.3: this node's instance for a neighbour, never zero, the same until the neighbour is lost.
    ///
    /// It is computed and not stored, so that a stranger's request is answered without remembering the stranger.
    pub(super) fn instance(&self, interface: IfIndex, neighbour: IpAddr, losses: u32) -> u32 {
        let octets = match neighbour {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        let of: [&[u8]; 3] = [&interface.0.to_be_bytes(), &octets, &losses.to_be_bytes()];
        let [.., a, b, c, d] = self.number(b"instance", &of).to_be_bytes();
        u32::from_be_bytes([a, b, c, d]).max(1)
    }

    /// RFC 2747 §4.3: a cookie, new each time.
    pub(super) fn cookie(&mut self) -> Bytes {
        Bytes::copy_from_slice(&self.draw(b"cookie").to_be_bytes())
    }

    /// Some span from zero up to `most`, uniform.
    pub(super) fn span_up_to(&mut self, most: Duration) -> Duration {
        let [a, b, ..] = self.draw(b"span").to_be_bytes();
        most.saturating_mul(u16::from_be_bytes([a, b]).into()) / (1 << 16)
    }
}
