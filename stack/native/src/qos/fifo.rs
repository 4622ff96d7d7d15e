//! First come, first served; what finds the queue full is dropped.

use std::collections::VecDeque;

use fairway_wire::Instant;

use super::qdisc::{DropReason, Dropped, QueueStats, length};
use crate::pkt::PacketBuf;

/// A queue with a limit in packets and one in octets.
#[derive(Debug)]
pub struct Fifo {
    packets: VecDeque<PacketBuf>,
    octets: u64,
    most_packets: usize,
    most_octets: u64,
    stats: QueueStats,
}

impl Default for Fifo {
    /// 1000 packets, of whatever length.
    fn default() -> Self {
        Self::new(1000, u64::MAX)
    }
}

impl Fifo {
    /// A queue for that many packets and octets, whichever is reached first.
    #[must_use]
    pub fn new(most_packets: usize, most_octets: u64) -> Self {
        Self {
            packets: VecDeque::new(),
            octets: 0,
            most_packets,
            most_octets,
            stats: QueueStats::default(),
        }
    }

    /// See [`Qdisc::enqueue`](super::Qdisc::enqueue).
    ///
    /// # Errors
    /// [`DropReason::QueueFull`].
    #[inline]
    pub fn enqueue(&mut self, _now: Instant, packet: PacketBuf) -> Result<(), Dropped> {
        let octets = self.octets.saturating_add(length(&packet));
        let fits = self.packets.len() < self.most_packets && octets <= self.most_octets;
        self.stats.count_in(fits);
        if !fits {
            return Err(Dropped(packet, DropReason::QueueFull));
        }
        self.octets = octets;
        self.packets.push_back(packet);
        Ok(())
    }

    /// See [`Qdisc::dequeue`](super::Qdisc::dequeue).
    #[inline]
    pub fn dequeue(&mut self, _now: Instant) -> Option<PacketBuf> {
        let packet = self.packets.pop_front()?;
        self.octets -= length(&packet);
        self.stats.count_out(&packet);
        Some(packet)
    }

    /// See [`Qdisc::next_ready`](super::Qdisc::next_ready).
    #[inline]
    #[must_use]
    pub fn next_ready(&self, now: Instant) -> Option<Instant> {
        (!self.packets.is_empty()).then_some(now)
    }

    /// The packet that comes next.
    #[must_use]
    pub fn front(&self) -> Option<&PacketBuf> {
        self.packets.front()
    }

    /// How many packets wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// How many octets wait.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// What it has counted.
    #[must_use]
    pub const fn stats(&self) -> &QueueStats {
        &self.stats
    }

    /// Throws away what waits; how many packets that was.
    pub fn clear(&mut self) -> usize {
        let waiting = self.packets.len();
        self.packets.clear();
        self.octets = 0;
        waiting
    }
}

#[cfg(test)]
mod tests {
    use super::{DropReason, Fifo};
    use crate::pkt::PacketBuf;
    use fairway_wire::Instant;

    #[test]
    fn packets_leave_in_order_and_the_last_is_dropped_when_full() {
        let mut fifo = Fifo::new(3, 250);
        for octet in 0..3 {
            let taken = fifo.enqueue(Instant::ZERO, PacketBuf::from_slice(&[octet; 80]));
            taken.unwrap();
        }
        let dropped = fifo
            .enqueue(Instant::ZERO, PacketBuf::from_slice(b"x"))
            .unwrap_err();
        assert_eq!(
            (dropped.0.as_slice(), dropped.1),
            (&b"x"[..], DropReason::QueueFull)
        );
        assert_eq!((fifo.len(), fifo.octets()), (3, 240));
        for octet in 0..3 {
            let packet = fifo.dequeue(Instant::ZERO).unwrap();
            assert_eq!(packet.as_slice(), [octet; 80]);
        }
        assert!(fifo.dequeue(Instant::ZERO).is_none());
        assert_eq!(fifo.next_ready(Instant::ZERO), None);
        assert_eq!(
            (fifo.stats().dequeued_octets, fifo.stats().dropped),
            (240, 1)
        );
    }

    #[test]
    fn octets_are_a_limit_too() {
        let mut fifo = Fifo::new(10, 100);
        fifo.enqueue(Instant::ZERO, PacketBuf::from_slice(&[0; 60]))
            .unwrap();
        fifo.enqueue(Instant::ZERO, PacketBuf::from_slice(&[0; 60]))
            .unwrap_err();
        fifo.enqueue(Instant::ZERO, PacketBuf::from_slice(&[0; 40]))
            .unwrap();
        assert_eq!(fifo.clear(), 2);
        assert_eq!((fifo.octets(), fifo.len()), (0, 0));
    }
}
