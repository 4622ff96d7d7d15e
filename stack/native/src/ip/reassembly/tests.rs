use super::{Outcome, Reassembly};
use crate::event::{EventId, Events};
use crate::hash::Key;
use crate::iface::InterfaceId;
use crate::ip::fragment::fragment;
use crate::limits::ReassemblyLimits;
use crate::pkt::PacketBuf;
use fairway_wire::{Instant, Protocol, ipv4};
use proptest::prelude::{any, proptest};
use std::net::Ipv4Addr;
use std::time::Duration;

const LAN: InterfaceId = InterfaceId(2);
const NOW: Instant = Instant::ZERO;
const LIFE: Duration = Duration::from_secs(60);

struct Bed {
    table: Reassembly,
    events: Events,
}

impl Bed {
    fn new(limits: ReassemblyLimits) -> Self {
        Self {
            table: Reassembly::new(limits, LIFE, Key([1, 2])),
            events: Events::new(),
        }
    }

    fn put(&mut self, packet: PacketBuf) -> Outcome {
        self.table
            .handle_fragment(NOW, LAN, packet, &mut self.events)
    }

    fn count(&self, id: EventId) -> u64 {
        self.events.count_of(id)
    }

    /// Puts one in that must be dropped for that reason.
    fn refuses(&mut self, packet: PacketBuf, id: EventId) {
        let before = self.count(id);
        assert!(matches!(self.put(packet), Outcome::Dropped));
        assert_eq!(self.count(id), before + 1);
    }
}

fn bed() -> Bed {
    Bed::new(ReassemblyLimits::default())
}

#[derive(Clone, Copy)]
struct Cut {
    source: u8,
    id: u16,
    offset: u16,
    more: bool,
    ecn: u8,
}

const CUT: Cut = Cut {
    source: 1,
    id: 7,
    offset: 0,
    more: true,
    ecn: 0,
};

fn piece(cut: Cut, data: &[u8]) -> PacketBuf {
    let header = ipv4::Header {
        dscp_ecn: cut.ecn,
        total_len: u16::try_from(20 + data.len()).unwrap(),
        id: cut.id,
        dont_fragment: false,
        more_fragments: cut.more,
        fragment_offset: cut.offset,
        ttl: 64,
        protocol: Protocol::UDP,
        source: Ipv4Addr::new(10, 0, 0, cut.source),
        destination: Ipv4Addr::new(10, 0, 0, 200),
        header_len: 20,
    };
    let mut packet = PacketBuf::new(data.len() + 20);
    header.emit(&[], packet.grow(20));
    packet.extend_from_slice(data);
    packet
}

fn at(offset: u16, more: bool, data: &[u8]) -> PacketBuf {
    piece(
        Cut {
            offset,
            more,
            ..CUT
        },
        data,
    )
}

fn data(outcome: Outcome) -> Vec<u8> {
    let Outcome::Whole(packet) = outcome else {
        panic!("{outcome:?}");
    };
    let (header, _, data) = ipv4::Header::parse_verified(packet.as_slice()).unwrap();
    assert!(!header.is_fragment());
    data.to_vec()
}

mod order {
    use super::*;

    /// RFC 791 §3.2: in any order.
    #[test]
    fn fragments_in_any_order_make_the_packet() {
        let pieces = [(0, true, [1; 8]), (8, true, [2; 8]), (16, false, [3; 8])];
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let mut bed = bed();
            let [first, second, third] = order.map(|number: usize| {
                let (offset, more, data) = pieces[number];
                bed.put(at(offset, more, &data))
            });
            assert!(matches!(
                (first, second),
                (Outcome::Waiting, Outcome::Waiting)
            ));
            assert_eq!(data(third), [[1; 8], [2; 8], [3; 8]].concat());
            assert!(bed.table.is_empty() && bed.table.poll_timeout().is_none());
            assert_eq!(bed.table.memory(), 0);
        }
    }

    #[test]
    fn fragments_of_different_packets_are_kept_apart() {
        let mut bed = bed();
        for (source, id) in [(1, 7), (2, 7), (1, 8)] {
            let cut = Cut { source, id, ..CUT };
            assert!(matches!(
                bed.put(piece(cut, &[source; 8])),
                Outcome::Waiting
            ));
        }
        assert_eq!(bed.table.len(), 3);
        let last = Cut {
            source: 2,
            offset: 8,
            more: false,
            ..CUT
        };
        assert_eq!(
            data(bed.put(piece(last, &[9]))),
            [2, 2, 2, 2, 2, 2, 2, 2, 9]
        );
    }

    /// RFC 3168 §5.3.
    #[test]
    fn congestion_experienced_by_one_is_kept_and_not_mixed() {
        for (first, second, expected) in [(2, 3, Some(3)), (2, 2, Some(2)), (0, 3, None)] {
            let mut bed = bed();
            bed.put(piece(Cut { ecn: first, ..CUT }, &[0; 8]));
            let last = Cut {
                ecn: second,
                offset: 8,
                more: false,
                ..CUT
            };
            let ecn = match bed.put(piece(last, &[0; 8])) {
                Outcome::Whole(packet) => Some(packet.as_slice()[1]),
                _ => None,
            };
            assert_eq!(ecn, expected);
        }
    }
}

mod refusal {
    use super::*;

    /// RFC 5722 §4: the packet is dropped, and so is what still comes of it.
    #[test]
    fn an_overlap_refuses_the_packet_for_good() {
        for overlap in [
            at(8, true, &[9; 16]),
            at(0, true, &[9; 16]),
            at(16, true, &[9; 8]),
        ] {
            let mut bed = bed();
            bed.put(at(0, true, &[1; 8]));
            bed.put(at(16, true, &[3; 8]));
            bed.refuses(overlap, EventId::IpReassOverlap);
            bed.refuses(at(8, true, &[2; 8]), EventId::IpReassOverlap);
            bed.refuses(at(24, false, &[4; 8]), EventId::IpReassOverlap);
            assert_eq!((bed.table.len(), bed.table.memory()), (1, 0));
            bed.table.handle_timeout(NOW + LIFE, &mut bed.events);
            assert!(bed.table.is_empty() && bed.table.poll_output().is_none());
        }
    }

    /// RFC 8200 §4.5: a mere copy may be ignored.
    #[test]
    fn a_copy_of_a_fragment_is_dropped_alone() {
        let mut bed = bed();
        bed.put(at(0, true, &[1; 8]));
        bed.refuses(at(0, true, &[1; 8]), EventId::IpReassOverlap);
        assert_eq!(
            data(bed.put(at(8, false, &[2]))),
            [1, 1, 1, 1, 1, 1, 1, 1, 2]
        );
    }

    /// The ping of death.
    #[test]
    fn nothing_reaches_past_the_longest_packet() {
        let mut bed = bed();
        bed.put(at(0, true, &[1; 8]));
        bed.refuses(at(65_512, false, &[0; 8]), EventId::IpReassToolong);
        bed.refuses(at(8, false, &[0; 8]), EventId::IpReassOverlap);
        bed = super::bed();
        bed.put(at(65_504, false, &[0; 11]));
        assert_eq!(bed.table.len(), 1);
    }

    #[test]
    fn fragments_of_impossible_length_are_dropped() {
        let mut bed = bed();
        bed.refuses(at(0, true, &[1; 7]), EventId::IpReassToolong);
        bed.refuses(at(8, false, &[]), EventId::IpReassToolong);
        assert!(bed.table.is_empty());
    }

    #[test]
    fn two_ends_refuse_the_packet() {
        for second in [at(24, false, &[0; 8]), at(24, true, &[0; 8])] {
            let mut bed = bed();
            bed.put(at(16, false, &[0; 8]));
            bed.refuses(second, EventId::IpReassToolong);
        }
        let mut bed = bed();
        bed.put(at(24, true, &[0; 8]));
        bed.refuses(at(8, false, &[0; 8]), EventId::IpReassToolong);
    }
}

mod time {
    use super::*;

    /// RFC 1122 §3.3.2: an ICMP error if the first fragment came.
    #[test]
    fn what_misses_something_is_dropped_after_a_minute() {
        let mut bed = bed();
        bed.put(at(0, true, &[1; 8]));
        bed.put(at(16, true, &[1; 8]));
        let other = Cut {
            id: 8,
            offset: 8,
            ..CUT
        };
        bed.put(piece(other, &[0; 8]));
        assert_eq!(bed.table.poll_timeout(), Some(NOW + LIFE));
        bed.table
            .handle_timeout(NOW + LIFE - Duration::from_nanos(1), &mut bed.events);
        assert_eq!(bed.table.len(), 2);
        bed.table.handle_timeout(NOW + LIFE, &mut bed.events);
        let first = bed.table.poll_output().unwrap();
        assert_eq!(
            first.first.unwrap().as_slice(),
            at(0, true, &[1; 8]).as_slice()
        );
        assert_eq!(first.interface, LAN);
        assert!(bed.table.poll_output().unwrap().first.is_none());
        assert!(bed.table.poll_output().is_none());
        assert_eq!(
            (bed.count(EventId::IpReassTimeout), bed.table.timed_out()),
            (2, 2)
        );
        assert_eq!((bed.table.len(), bed.table.memory()), (0, 0));
    }
}

mod limits {
    use super::*;

    #[test]
    fn one_source_cannot_push_out_the_others() {
        let mut bed = Bed::new(ReassemblyLimits {
            memory_per_source: 5 * 2048,
            ..ReassemblyLimits::default()
        });
        let good = Cut { source: 2, ..CUT };
        bed.put(piece(good, &[1; 8]));
        for id in 0..1000 {
            bed.put(piece(Cut { id, ..CUT }, &[0; 8]));
            assert!(bed.table.memory() <= 6 * 2048);
        }
        assert_eq!(bed.count(EventId::ReassAllocNomem), 995);
        let last = Cut {
            offset: 8,
            more: false,
            ..good
        };
        assert!(matches!(bed.put(piece(last, &[1])), Outcome::Whole(_)));
    }

    #[test]
    fn memory_and_number_of_all_are_bounded() {
        let mut bed = Bed::new(ReassemblyLimits {
            memory: 10 * 2048,
            datagrams: 20,
            ..ReassemblyLimits::default()
        });
        for number in 0..1000_u16 {
            let [id, source] = number.to_be_bytes();
            let cut = Cut {
                source,
                id: id.into(),
                ..CUT
            };
            bed.put(piece(cut, &[0; 8]));
            assert!(bed.table.memory() <= 10 * 2048 && bed.table.len() <= 20);
        }
        assert_eq!(bed.table.by_age.len(), bed.table.len());
        assert_eq!(bed.table.by_source.len(), bed.table.len());
        assert!(bed.count(EventId::ReassAllocNomem) >= 990);
    }

    #[test]
    fn a_packet_has_so_many_fragments_at_most() {
        let mut bed = Bed::new(ReassemblyLimits {
            fragments: 3,
            ..ReassemblyLimits::default()
        });
        for offset in [0, 8, 16] {
            assert!(matches!(
                bed.put(at(offset, true, &[0; 8])),
                Outcome::Waiting
            ));
        }
        bed.refuses(at(24, true, &[0; 8]), EventId::IpReassToolong);
    }

    #[test]
    fn short_fragments_do_not_pin_long_buffers() {
        let mut bed = bed();
        let mut long = PacketBuf::new(60_000);
        long.extend_from_slice(at(0, true, &[1; 8]).as_slice());
        assert!(long.memory() > 60_000);
        bed.put(long);
        assert_eq!(bed.table.memory(), 2048);
    }
}

proptest! {
    /// Random cuts and orders, against the octets they were cut from.
    #[test]
    fn what_was_cut_comes_together(
        data in proptest::collection::vec(any::<u8>(), 1..3000),
        mtus in proptest::collection::vec(28_usize..400, 1..4),
        order in any::<u64>(),
        copies in any::<bool>(),
    ) {
        let mut pieces = vec![piece(Cut { more: false, ..CUT }, &data)];
        for mtu in mtus {
            pieces = pieces.iter().flat_map(|piece| fragment(piece, mtu).unwrap()).collect();
        }
        if copies {
            let again = pieces.clone();
            // The last to come must not be a copy of a whole packet's fragment: that would begin another packet.
            pieces.extend(again.into_iter().skip(1));
        }
        let mut bits = order;
        for at in (1..pieces.len()).rev() {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            pieces.swap(at, usize::try_from(bits >> 33).unwrap() % (at + 1));
        }
        let mut bed = bed();
        let mut whole = None;
        for piece in pieces {
            match bed.put(piece) {
                Outcome::Whole(packet) => {
                    assert!(whole.is_none());
                    whole = Some(packet);
                }
                Outcome::Waiting | Outcome::Dropped => {}
            }
        }
        let whole = whole.unwrap();
        let (header, _, together) = ipv4::Header::parse_verified(whole.as_slice()).unwrap();
        assert_eq!((together, header.is_fragment()), (data.as_slice(), false));
    }

    /// Random fragments, overlaps included, against a map of octets: what comes out was put in, each octet once.
    #[test]
    fn what_comes_out_has_every_octet_from_one_fragment(
        cuts in proptest::collection::vec((0_u16..12, 1_usize..4, any::<bool>(), any::<u8>()), 1..40),
    ) {
        let mut bed = bed();
        let mut map = [None; 256];
        let mut broken = false;
        for (unit, units, last, fill) in cuts {
            let length = units * 8;
            let start = usize::from(unit) * 8;
            // At the beginning and the last: that is no fragment.
            let more = !last || unit == 0;
            let outcome = bed.put(at(unit * 8, more, &vec![fill; length]));
            match outcome {
                Outcome::Whole(packet) => {
                    assert!(!broken);
                    map[start..start + length].fill(Some(fill));
                    let expected: Vec<u8> = map.iter().map_while(|octet| *octet).collect();
                    assert_eq!(&packet.as_slice()[20..], expected);
                    map = [None; 256];
                }
                Outcome::Waiting => {
                    let free = map[start..start + length].iter().all(Option::is_none);
                    assert!(free && !broken);
                    map[start..start + length].fill(Some(fill));
                }
                // Only a copy leaves the packet as it was.
                Outcome::Dropped => {
                    let copied = map[start..start + length].iter().all(|octet| *octet == Some(fill));
                    broken |= !copied || bed.table.memory() == 0;
                }
            }
            if bed.table.memory() > 0 {
                let octets = map.iter().filter(|octet| octet.is_some()).count();
                let kept: usize = bed.table.partials.values().map(|partial| partial.have).sum();
                assert_eq!(kept, octets);
            }
        }
    }
}
