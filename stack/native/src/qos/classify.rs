//! Which flow a packet belongs to.
//!
//! Filters of one shape (the same fields given) are in one hash table; a packet is looked up in each table, those with
//! the most fields first. So it costs the same however many filters there are, and there are 64 shapes at most. The
//! exact five-tuple is a shape like any other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use fairway_wire::{Protocol, ipv4};

use super::fair::FlowId;
use crate::hash::Key;

/// Which packets a reservation is for: those that agree in every field given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Filter {
    /// Source address.
    pub source: Option<Ipv4Addr>,
    /// Destination address.
    pub destination: Option<Ipv4Addr>,
    /// IP protocol.
    pub protocol: Option<Protocol>,
    /// Source port; a fragment other than the first has none.
    pub source_port: Option<u16>,
    /// Destination port; a fragment other than the first has none.
    pub destination_port: Option<u16>,
    /// Differentiated services code point, 0 to 63.
    pub dscp: Option<u8>,
}

/// Names a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilterId(u64);

/// Which fields a filter gives: a bit each.
type Shape = u8;

const SOURCE: Shape = 1;
const DESTINATION: Shape = 1 << 1;
const PROTOCOL: Shape = 1 << 2;
const SOURCE_PORT: Shape = 1 << 3;
const DESTINATION_PORT: Shape = 1 << 4;
const DSCP: Shape = 1 << 5;

impl Filter {
    fn shape(&self) -> Shape {
        let bit = |given: bool, bit: Shape| if given { bit } else { 0 };
        bit(self.source.is_some(), SOURCE)
            | bit(self.destination.is_some(), DESTINATION)
            | bit(self.protocol.is_some(), PROTOCOL)
            | bit(self.source_port.is_some(), SOURCE_PORT)
            | bit(self.destination_port.is_some(), DESTINATION_PORT)
            | bit(self.dscp.is_some(), DSCP)
    }

    /// Only the fields of `shape`; `None` if one of them is not there.
    fn masked(&self, shape: Shape) -> Option<Self> {
        let pick = |bit: Shape| shape & bit != 0;
        let masked = Self {
            source: self.source.filter(|_| pick(SOURCE)),
            destination: self.destination.filter(|_| pick(DESTINATION)),
            protocol: self.protocol.filter(|_| pick(PROTOCOL)),
            source_port: self.source_port.filter(|_| pick(SOURCE_PORT)),
            destination_port: self.destination_port.filter(|_| pick(DESTINATION_PORT)),
            dscp: self.dscp.filter(|_| pick(DSCP)),
        };
        (masked.shape() == shape).then_some(masked)
    }

    /// All that can be said of an IP packet; `None` if it is none.
    #[must_use]
    pub fn of_packet(packet: &[u8]) -> Option<Self> {
        let (header, _, payload) = ipv4::Header::parse(packet).ok()?;
        let has_ports =
            matches!(header.protocol, Protocol::TCP | Protocol::UDP) && header.fragment_offset == 0;
        let ports = payload.first_chunk().filter(|_| has_ports);
        Some(Self {
            source: Some(header.source),
            destination: Some(header.destination),
            protocol: Some(header.protocol),
            source_port: ports.map(|&[a, b, _, _]| u16::from_be_bytes([a, b])),
            destination_port: ports.map(|&[_, _, a, b]| u16::from_be_bytes([a, b])),
            dscp: Some(header.dscp_ecn >> 2),
        })
    }
}

/// The filters of one queue.
#[derive(Debug)]
pub(super) struct Classifier {
    key: Key,
    /// The tables, most fields first.
    tables: Vec<(Shape, HashMap<Filter, FlowId, Key>)>,
    filters: BTreeMap<FilterId, (Filter, FlowId)>,
    /// The same by flow.
    of_flows: BTreeSet<(FlowId, FilterId)>,
    named: u64,
}

impl Classifier {
    pub(super) const fn new(key: Key) -> Self {
        Self {
            key,
            tables: Vec::new(),
            filters: BTreeMap::new(),
            of_flows: BTreeSet::new(),
            named: 0,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.filters.len()
    }

    /// The flow of a packet, if a filter selects it.
    pub(super) fn classify(&self, packet: &[u8]) -> Option<FlowId> {
        let packet = Filter::of_packet(packet)?;
        self.tables
            .iter()
            .find_map(|(shape, table)| table.get(&packet.masked(*shape)?).copied())
    }

    /// Adds a filter; `None` if it is there already.
    pub(super) fn add(&mut self, filter: Filter, flow: FlowId) -> Option<FilterId> {
        let shape = filter.shape();
        let place = self.tables.iter().position(|(other, _)| *other == shape);
        let place = place.unwrap_or_else(|| {
            let key = (std::cmp::Reverse(shape.count_ones()), shape);
            let place = self.tables.partition_point(|(other, _)| {
                (std::cmp::Reverse(other.count_ones()), *other) < key
            });
            self.tables
                .insert(place, (shape, HashMap::with_hasher(self.key)));
            place
        });
        let (_, table) = self.tables.get_mut(place)?;
        if table.contains_key(&filter) {
            return None;
        }
        table.insert(filter, flow);
        let id = FilterId(self.named);
        self.named += 1;
        self.filters.insert(id, (filter, flow));
        self.of_flows.insert((flow, id));
        Some(id)
    }

    /// Removes a filter; whether it was there.
    pub(super) fn remove(&mut self, id: FilterId) -> bool {
        let Some((filter, flow)) = self.filters.remove(&id) else {
            return false;
        };
        self.of_flows.remove(&(flow, id));
        let shape = filter.shape();
        if let Some((_, table)) = self.tables.iter_mut().find(|(other, _)| *other == shape) {
            table.remove(&filter);
        }
        self.tables.retain(|(_, table)| !table.is_empty());
        true
    }
}

impl Classifier {
    /// Removes the filters of a flow.
    pub(super) fn remove_flow(&mut self, flow: FlowId) {
        let all = (flow, FilterId(0))..=(flow, FilterId(u64::MAX));
        let ids: Vec<FilterId> = self.of_flows.range(all).map(|&(_, id)| id).collect();
        for id in ids {
            self.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Classifier, Filter};
    use crate::hash::Key;
    use crate::qos::FlowId;
    use fairway_wire::{Protocol, ipv4};
    use std::net::Ipv4Addr;

    const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn packet(protocol: Protocol, dscp: u8, fragment_offset: u16) -> Vec<u8> {
        let header = ipv4::Header {
            dscp_ecn: dscp << 2,
            total_len: 28,
            id: 0,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset,
            ttl: 64,
            protocol,
            source: A,
            destination: B,
            header_len: 20,
        };
        let mut packet = vec![0; 28];
        header.emit(&[], &mut packet[..20]);
        packet[20..24].copy_from_slice(&[0x03, 0xe8, 0x00, 0x50]);
        packet
    }

    fn exact() -> Filter {
        Filter {
            source: Some(A),
            destination: Some(B),
            protocol: Some(Protocol::UDP),
            source_port: Some(1000),
            destination_port: Some(80),
            dscp: None,
        }
    }

    #[test]
    fn the_filter_with_the_most_fields_wins() {
        let mut classifier = Classifier::new(Key([1, 2]));
        let wildcard = Filter {
            source: Some(A),
            ..Filter::default()
        };
        let any = classifier.add(Filter::default(), FlowId(3)).unwrap();
        let by_source = classifier.add(wildcard, FlowId(2)).unwrap();
        let by_tuple = classifier.add(exact(), FlowId(1)).unwrap();
        let udp = packet(Protocol::UDP, 0, 0);
        assert_eq!(classifier.classify(&udp), Some(FlowId(1)));
        assert_eq!(
            classifier.classify(&packet(Protocol::TCP, 0, 0)),
            Some(FlowId(2))
        );
        assert!(classifier.remove(by_tuple));
        assert_eq!(classifier.classify(&udp), Some(FlowId(2)));
        assert!(classifier.remove(by_source));
        assert_eq!(classifier.classify(&udp), Some(FlowId(3)));
        assert!(classifier.remove(any) && !classifier.remove(any));
        assert_eq!(classifier.classify(&udp), None);
        assert!(classifier.is_empty());
    }

    #[test]
    fn every_field_matters() {
        let udp = packet(Protocol::UDP, 46, 0);
        let with_dscp = Filter {
            dscp: Some(46),
            ..exact()
        };
        for (filter, matches) in [
            (with_dscp, true),
            (
                Filter {
                    dscp: Some(0),
                    ..exact()
                },
                false,
            ),
            (
                Filter {
                    source: Some(B),
                    ..exact()
                },
                false,
            ),
            (
                Filter {
                    destination: Some(A),
                    ..exact()
                },
                false,
            ),
            (
                Filter {
                    source_port: Some(1),
                    ..exact()
                },
                false,
            ),
            (
                Filter {
                    destination_port: Some(1),
                    ..exact()
                },
                false,
            ),
            (
                Filter {
                    protocol: Some(Protocol::TCP),
                    ..exact()
                },
                false,
            ),
            (
                Filter {
                    dscp: Some(46),
                    ..Filter::default()
                },
                true,
            ),
            (
                Filter {
                    protocol: Some(Protocol::UDP),
                    ..Filter::default()
                },
                true,
            ),
        ] {
            let mut classifier = Classifier::new(Key([1, 2]));
            classifier.add(filter, FlowId(7)).unwrap();
            assert_eq!(classifier.classify(&udp).is_some(), matches, "{filter:?}");
        }
    }

    #[test]
    fn ports_are_those_of_first_fragments_of_udp_and_tcp() {
        let mut classifier = Classifier::new(Key([1, 2]));
        classifier.add(exact(), FlowId(1)).unwrap();
        assert_eq!(classifier.classify(&packet(Protocol::UDP, 0, 8)), None);
        assert_eq!(
            Filter::of_packet(&packet(Protocol::ICMP, 0, 0))
                .unwrap()
                .source_port,
            None
        );
        assert_eq!(classifier.classify(b"no packet"), None);
    }

    #[test]
    fn a_filter_is_there_once() {
        let mut classifier = Classifier::new(Key([1, 2]));
        classifier.add(exact(), FlowId(1)).unwrap();
        assert_eq!(classifier.add(exact(), FlowId(2)), None);
        assert_eq!(classifier.len(), 1);
    }
}
