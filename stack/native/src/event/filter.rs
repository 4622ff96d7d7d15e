//! Filters on the addresses and ports of events (`events.md` §4).

use super::fields::Fields;
use super::level::Supports;
use crate::route::Prefix;

/// Which end of a packet a filter looks at (`type` 0 and 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
}

/// Which way a packet goes (`direction` 0 and 1). It follows from the event, not from the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It was received.
    Input,
    /// It is to be sent.
    Output,
}

/// A port, or a range of ports with both ends in it (EVT-14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest port.
    pub first: u16,
    /// The highest port.
    pub last: u16,
}

impl PortRange {
    /// Whether `port` is in the range.
    #[must_use]
    pub const fn contains(&self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl From<u16> for PortRange {
    /// That port alone.
    fn from(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }
}

/// The filters that are set: one for each kind, side and direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Filters {
    addresses: [[Option<Prefix>; 2]; 2],
    ports: [[Option<PortRange>; 2]; 2],
}

/// The filter of one side and direction.
fn of<T>(filters: &[[Option<T>; 2]; 2], side: Side, direction: Direction) -> Option<&T> {
    let [input, output] = filters;
    let [source, destination] = match direction {
        Direction::Input => input,
        Direction::Output => output,
    };
    match side {
        Side::Source => source.as_ref(),
        Side::Destination => destination.as_ref(),
    }
}

fn set<T>(filters: &mut [[Option<T>; 2]; 2], side: Side, direction: Direction, to: Option<T>) {
    let [input, output] = filters;
    let [source, destination] = match direction {
        Direction::Input => input,
        Direction::Output => output,
    };
    *match side {
        Side::Source => source,
        Side::Destination => destination,
    } = to;
}

impl Filters {
    pub(super) fn set_address(&mut self, side: Side, direction: Direction, to: Option<Prefix>) {
        set(&mut self.addresses, side, direction, to);
    }

    pub(super) fn set_port(&mut self, side: Side, direction: Direction, to: Option<PortRange>) {
        set(&mut self.ports, side, direction, to);
    }

    /// Whether every filter that is set and supported passes (EVT-11, EVT-13). What an event does not say equals no
    /// filter's value.
    pub(super) fn pass(&self, supports: Supports, fields: &Fields) -> bool {
        use Direction::{Input, Output};
        use Side::{Destination, Source};
        let address = |side, direction| {
            of(&self.addresses, side, direction).is_none_or(|prefix| {
                match side {
                    Source => fields.source,
                    Destination => fields.destination,
                }
                .is_some_and(|address| prefix.contains(address))
            })
        };
        let port = |side, direction| {
            of(&self.ports, side, direction).is_none_or(|range| {
                match side {
                    Source => fields.sport,
                    Destination => fields.dport,
                }
                .is_some_and(|port| range.contains(port))
            })
        };
        match supports {
            Supports::Nothing => true,
            Supports::AddressesIn => address(Source, Input) && address(Destination, Input),
            Supports::AddressesOut => address(Source, Output) && address(Destination, Output),
            Supports::DestinationOut => address(Destination, Output),
            Supports::DestinationOutBroadcastSource => {
                let multicast = fields.destination.is_some_and(|to| to.is_multicast());
                address(Destination, Output) && (multicast || address(Source, Output))
            }
            Supports::PortsIn => port(Source, Input) && port(Destination, Input),
        }
    }
}
