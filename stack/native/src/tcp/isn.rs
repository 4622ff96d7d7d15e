//! Initial sequence numbers and the offsets of timestamps: RFC 6528, RFC 7323 §7.1.

use fairway_wire::{Instant, SeqNumber};

use super::table::FourTuple;
use crate::hash::Key;
use crate::rng::Rng;

/// The secrets of one host, drawn once at its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secrets {
    isn: Key,
    timestamps: Key,
    pub(crate) cookie: Key,
}

impl Secrets {
    pub(crate) const fn new(rng: &mut Rng) -> Self {
        Self {
            isn: rng.key(),
            timestamps: rng.key(),
            cookie: rng.key(),
        }
    }

    /// RFC 6528 §3: ISN = M + F(localip, localport, remoteip, remoteport, secretkey), where M ticks every 4 µs.
    pub(crate) fn initial_sequence(&self, now: Instant, tuple: FourTuple) -> SeqNumber {
        let ticks = low(now.as_nanos() / 4_000);
        SeqNumber(low(self.isn.strong(&tuple.words())).wrapping_add(ticks))
    }

    /// RFC 7323 §5.4 and §7.1: each pair of hosts sees a timestamp clock of its own. It depends on the addresses alone,
    /// so that a later connection between them continues where an earlier one was (RFC 6191).
    pub(crate) fn timestamp_offset(&self, tuple: FourTuple) -> u32 {
        let [addresses, _] = tuple.words();
        low(self.timestamps.strong(&[addresses]))
    }
}

/// The timestamp clock without offset: milliseconds (RFC 7323 §5.4: 1 ms to 1 s).
#[inline]
pub(crate) fn timestamp_clock(now: Instant) -> u32 {
    low(now.as_nanos() / 1_000_000)
}

/// The low 32 bits.
#[inline]
pub(crate) const fn low(value: u64) -> u32 {
    let [.., a, b, c, d] = value.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::{FourTuple, Rng, Secrets};
    use fairway_wire::Instant;

    // RFC 6528 §3
    #[test]
    fn numbers_grow_with_time_and_differ_between_tuples() {
        let secrets = Secrets::new(&mut Rng::from_seed([1; 32]));
        let one = FourTuple::new(
            "10.0.0.1:80".parse().unwrap(),
            "10.0.0.2:4000".parse().unwrap(),
        );
        let other = FourTuple::new(
            "10.0.0.1:80".parse().unwrap(),
            "10.0.0.2:4001".parse().unwrap(),
        );
        let at = |micros: u64| Instant::from_nanos(micros * 1000);
        let first = secrets.initial_sequence(at(0), one);
        assert_eq!(secrets.initial_sequence(at(400), one) - first, 100);
        assert_ne!(secrets.initial_sequence(at(0), other), first);
        assert_eq!(
            secrets.timestamp_offset(one),
            secrets.timestamp_offset(other)
        );
    }
}
