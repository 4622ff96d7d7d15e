//! No faster than a token bucket.

use fairway_wire::Instant;

use super::bucket::TokenBucket;
use super::qdisc::{Dropped, Qdisc, QueueStats, length};
use crate::pkt::PacketBuf;

/// Lets packets of the discipline inside it out when a token bucket has enough for them: in any span `T` at most
/// `depth + rate × T` octets, link headers included.
///
/// A packet longer than the bucket is deep leaves when the bucket is full, and the bucket then owes the rest.
#[derive(Debug)]
pub struct Shaper {
    bucket: TokenBucket,
    inner: Qdisc,
    /// What the discipline inside has given out, waiting for its tokens.
    head: Option<PacketBuf>,
    stats: QueueStats,
}

impl Shaper {
    /// Octets of `inner` at `rate` per second, and `depth` at once.
    #[must_use]
    pub fn new(rate: u64, depth: u64, inner: impl Into<Qdisc>) -> Self {
        Self {
            bucket: TokenBucket::new(rate, depth),
            inner: inner.into(),
            head: None,
            stats: QueueStats::default(),
        }
    }

    /// Changes rate and depth.
    pub fn set_rate(&mut self, now: Instant, rate: u64, depth: u64) {
        self.bucket.set(now, rate, depth);
    }

    /// See [`Qdisc::enqueue`].
    ///
    /// # Errors
    /// [`Dropped`] by the discipline inside.
    pub fn enqueue(&mut self, now: Instant, packet: PacketBuf) -> Result<(), Dropped> {
        let taken = self.inner.enqueue(now, packet);
        self.stats.count_in(taken.is_ok());
        if self.head.is_none() {
            self.head = self.inner.dequeue(now);
        }
        taken
    }

    /// See [`Qdisc::dequeue`].
    pub fn dequeue(&mut self, now: Instant) -> Option<PacketBuf> {
        if self.head.is_none() {
            self.head = self.inner.dequeue(now);
        }
        let octets = length(self.head.as_ref()?);
        if !self.bucket.take(now, octets) {
            return None;
        }
        let packet = self.head.take()?;
        self.head = self.inner.dequeue(now);
        self.stats.count_out(&packet);
        Some(packet)
    }

    /// See [`Qdisc::next_ready`].
    #[must_use]
    pub fn next_ready(&self, now: Instant) -> Option<Instant> {
        match &self.head {
            Some(head) => Some(self.bucket.ready_at(now, length(head))),
            None => self.inner.next_ready(now),
        }
    }

    /// How many packets wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.len() + usize::from(self.head.is_some())
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many octets wait.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.inner.octets() + self.head.as_ref().map_or(0, length)
    }

    /// What it has counted.
    #[must_use]
    pub const fn stats(&self) -> &QueueStats {
        &self.stats
    }

    /// Throws away what waits; how many packets that was.
    pub fn clear(&mut self) -> usize {
        self.inner.clear() + usize::from(self.head.take().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::Shaper;
    use crate::pkt::PacketBuf;
    use crate::qos::{Fifo, Priority, Qdisc};
    use core::time::Duration;
    use fairway_wire::Instant;
    use proptest::prelude::*;

    /// Takes everything out as soon as it may leave; when each packet left and its length.
    fn drain(qdisc: &mut Qdisc, mut now: Instant) -> Vec<(Instant, usize)> {
        let mut left = Vec::new();
        while let Some(ready) = qdisc.next_ready(now) {
            now = ready.max(now);
            let packet = qdisc.dequeue(now).expect("said to be ready");
            left.push((now, packet.len()));
        }
        left
    }

    #[test]
    fn a_burst_leaves_at_once_and_the_rest_at_the_rate() {
        let mut qdisc = Qdisc::from(Shaper::new(1_000_000, 2000, Fifo::default()));
        for _ in 0..5 {
            qdisc
                .enqueue(Instant::ZERO, PacketBuf::from_slice(&[0; 1000]))
                .unwrap();
        }
        assert_eq!((qdisc.len(), qdisc.octets()), (5, 5000));
        let millis: Vec<u64> = drain(&mut qdisc, Instant::ZERO)
            .iter()
            .map(|(at, _)| at.as_nanos() / 1_000_000)
            .collect();
        assert_eq!(millis, [0, 0, 1, 2, 3]);
    }

    #[test]
    fn what_is_inside_orders_what_waits() {
        let mut qdisc = Qdisc::from(Shaper::new(1000, 100, Priority::new(2, 10)));
        for class in [0, 0, 1] {
            let mut packet = PacketBuf::from_slice(&[0; 100]);
            packet.class = class;
            qdisc.enqueue(Instant::ZERO, packet).unwrap();
        }
        let mut now = Instant::ZERO;
        let mut order = Vec::new();
        while let Some(ready) = qdisc.next_ready(now) {
            now = ready;
            order.push(qdisc.dequeue(now).unwrap().class);
        }
        assert_eq!(order, [0, 1, 0]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_the_envelope_holds(
            rate in 1000..1_000_000_u64,
            depth in 100..10_000_u64,
            lengths in prop::collection::vec(1..100_usize, 1..100),
        ) {
            let mut qdisc = Qdisc::from(Shaper::new(rate, depth, Fifo::default()));
            for &len in &lengths {
                qdisc.enqueue(Instant::ZERO, PacketBuf::from_slice(&vec![0; len])).unwrap();
            }
            let left = drain(&mut qdisc, Instant::ZERO);
            let got: Vec<usize> = left.iter().map(|(_, len)| *len).collect();
            prop_assert_eq!(&got, &lengths);
            let mut sum = 0;
            for (at, len) in left {
                sum += u128::try_from(len).unwrap();
                let span = at.saturating_duration_since(Instant::ZERO).as_nanos();
                prop_assert!(sum * 1_000_000_000 <= u128::from(depth) * 1_000_000_000 + span * u128::from(rate));
                let late = Duration::from_nanos(1);
                prop_assert!(at == Instant::ZERO || {
                    let span = (at - late).saturating_duration_since(Instant::ZERO).as_nanos();
                    sum * 1_000_000_000 > u128::from(depth) * 1_000_000_000 + span * u128::from(rate)
                }, "later than it must");
            }
        }
    }
}
