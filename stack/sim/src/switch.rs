//! A switch: the middle of an Ethernet that several hosts share.

use crate::line::LineId;
use fairway_wire::{MacAddr, ethernet};
use std::collections::BTreeMap;

/// Most addresses a switch remembers; frames to others go everywhere.
const MOST_ADDRESSES: usize = 4096;

/// A switch that learns where stations are from what they send, and passes groups and strangers to all.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    /// The lines to the stations, by port.
    lines: Vec<LineId>,
    stations: BTreeMap<MacAddr, usize>,
    /// Whether it learns nothing: every station gets everything.
    is_hub: bool,
}

impl Switch {
    pub(crate) const fn new(is_hub: bool) -> Self {
        Self {
            lines: Vec::new(),
            stations: BTreeMap::new(),
            is_hub,
        }
    }

    /// The port the next station gets.
    pub(crate) const fn next_port(&self) -> usize {
        self.lines.len()
    }

    /// Adds the line to the station at the next port.
    pub(crate) fn add(&mut self, line: LineId) {
        self.lines.push(line);
    }

    /// The lines that a frame from the station at `port` goes out by.
    pub(crate) fn forward(&mut self, port: usize, frame: &[u8]) -> impl Iterator<Item = LineId> {
        let to = match ethernet::Header::parse(frame) {
            Ok((header, _)) => {
                self.learn(header.source, port);
                self.stations
                    .get(&header.destination)
                    .copied()
                    .filter(|_| !self.is_hub)
            }
            Err(_) => None,
        };
        let everywhere = self.lines.iter().copied().enumerate();
        everywhere
            .filter(move |&(other, _)| other != port && to.is_none_or(|to| other == to))
            .map(|(_, line)| line)
    }

    fn learn(&mut self, station: MacAddr, port: usize) {
        let known = self.stations.contains_key(&station);
        if station.is_unicast() && (known || self.stations.len() < MOST_ADDRESSES) {
            self.stations.insert(station, port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Switch;
    use crate::line::LineId;
    use fairway_wire::{EtherType, MacAddr, ethernet};

    fn frame(from: u8, to: MacAddr) -> Vec<u8> {
        let mut octets = [0; ethernet::Header::LEN];
        ethernet::Header {
            destination: to,
            source: station(from),
            ether_type: EtherType::IPV4,
        }
        .emit(&mut octets);
        octets.to_vec()
    }

    fn station(number: u8) -> MacAddr {
        MacAddr([2, 0, 0, 0, 0, number])
    }

    fn forward(switch: &mut Switch, port: usize, frame: &[u8]) -> Vec<usize> {
        switch.forward(port, frame).map(|line| line.0).collect()
    }

    #[test]
    fn strangers_and_groups_go_everywhere_and_known_stations_get_their_own() {
        let mut switch = Switch::new(false);
        for line in 0..3 {
            assert_eq!(switch.next_port(), line);
            switch.add(LineId(line));
        }
        assert_eq!(forward(&mut switch, 0, &frame(0, station(2))), [1, 2]);
        assert_eq!(forward(&mut switch, 2, &frame(2, station(0))), [0]);
        assert_eq!(forward(&mut switch, 0, &frame(0, station(2))), [2]);
        assert_eq!(
            forward(&mut switch, 0, &frame(0, MacAddr::BROADCAST)),
            [1, 2]
        );
        // It has moved, and says so.
        assert_eq!(
            forward(&mut switch, 1, &frame(2, MacAddr::BROADCAST)),
            [0, 2]
        );
        assert_eq!(forward(&mut switch, 0, &frame(0, station(2))), [1]);
        // Nothing goes back to where it came from.
        assert_eq!(forward(&mut switch, 1, &frame(1, station(2))), [0; 0]);
    }

    #[test]
    fn a_hub_learns_nothing_and_short_frames_do_no_harm() {
        let mut hub = Switch::new(true);
        (0..3).for_each(|line| hub.add(LineId(line)));
        for _ in 0..2 {
            assert_eq!(forward(&mut hub, 0, &frame(0, station(1))), [1, 2]);
            assert_eq!(forward(&mut hub, 1, &frame(1, station(0))), [0, 2]);
        }
        assert_eq!(forward(&mut hub, 1, &[1, 2, 3]), [0, 2]);
    }
}
