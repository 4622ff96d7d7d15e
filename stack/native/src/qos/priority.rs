//! The most important first.

use fairway_wire::Instant;

use super::fifo::Fifo;
use super::qdisc::{Dropped, QueueStats};
use crate::pkt::PacketBuf;

/// Bands in strict order: nothing leaves a band while a higher one has a packet.
///
/// The band of a packet is its traffic class ([`PacketBuf::class`]): 0, best effort, is the lowest; classes beyond the
/// last band are in the last.
#[derive(Debug)]
pub struct Priority {
    /// Lowest first; never empty.
    bands: Vec<Fifo>,
    stats: QueueStats,
}

impl Priority {
    /// Most bands.
    pub const MOST_BANDS: usize = 16;

    /// That many bands (1 to [`MOST_BANDS`](Self::MOST_BANDS)), each for `most_packets` packets.
    #[must_use]
    pub fn new(bands: usize, most_packets: usize) -> Self {
        let bands = bands.clamp(1, Self::MOST_BANDS);
        Self {
            bands: (0..bands)
                .map(|_| Fifo::new(most_packets, u64::MAX))
                .collect(),
            stats: QueueStats::default(),
        }
    }

    /// See [`Qdisc::enqueue`](super::Qdisc::enqueue).
    ///
    /// # Errors
    /// [`DropReason::QueueFull`](super::DropReason::QueueFull) when the packet's band is full.
    pub fn enqueue(&mut self, now: Instant, packet: PacketBuf) -> Result<(), Dropped> {
        let highest = self.bands.len().saturating_sub(1);
        let band = usize::try_from(packet.class).map_or(highest, |class| class.min(highest));
        let Some(band) = self.bands.get_mut(band) else {
            return Ok(()); // there is a band always
        };
        let taken = band.enqueue(now, packet);
        self.stats.count_in(taken.is_ok());
        taken
    }

    /// See [`Qdisc::dequeue`](super::Qdisc::dequeue).
    pub fn dequeue(&mut self, now: Instant) -> Option<PacketBuf> {
        let packet = self
            .bands
            .iter_mut()
            .rev()
            .find_map(|band| band.dequeue(now))?;
        self.stats.count_out(&packet);
        Some(packet)
    }

    /// See [`Qdisc::next_ready`](super::Qdisc::next_ready).
    #[must_use]
    pub fn next_ready(&self, now: Instant) -> Option<Instant> {
        self.bands.iter().find_map(|band| band.next_ready(now))
    }

    /// How many packets wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bands.iter().map(Fifo::len).sum()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bands.iter().all(Fifo::is_empty)
    }

    /// How many octets wait.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.bands.iter().map(Fifo::octets).sum()
    }

    /// What it has counted.
    #[must_use]
    pub const fn stats(&self) -> &QueueStats {
        &self.stats
    }

    /// Throws away what waits; how many packets that was.
    pub fn clear(&mut self) -> usize {
        self.bands.iter_mut().map(Fifo::clear).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Priority;
    use crate::pkt::PacketBuf;
    use fairway_wire::Instant;

    fn packet(class: u32) -> PacketBuf {
        let mut packet = PacketBuf::from_slice(&[0; 100]);
        packet.class = class;
        packet
    }

    #[test]
    fn higher_bands_leave_first_and_are_full_by_themselves() {
        let mut bands = Priority::new(3, 2);
        for class in [0, 1, 2, 0, 9, 1] {
            bands.enqueue(Instant::ZERO, packet(class)).unwrap();
        }
        bands.enqueue(Instant::ZERO, packet(0)).unwrap_err();
        assert_eq!((bands.len(), bands.octets()), (6, 600));
        let order: Vec<u32> = std::iter::from_fn(|| bands.dequeue(Instant::ZERO))
            .map(|packet| packet.class)
            .collect();
        assert_eq!(order, [2, 9, 1, 1, 0, 0]);
        assert_eq!((bands.stats().enqueued, bands.stats().dropped), (6, 1));
    }
}
