//! Messages that tell what is listened to.

use super::{ALL_V3_ROUTERS, Sent};
use crate::pkt::PacketBuf;
use fairway_wire::igmp::{self, Message, RecordType, ReportWriter};
use std::net::Ipv4Addr;

/// The longest report, in octets: with its IP header it goes whole over any link that hosts are likely to have.
const MAX_REPORT: usize = 576 - 24;

/// The most sources of one record in it.
const MAX_SOURCES: usize = (MAX_REPORT - 16) / 4;

/// A group record to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) record_type: RecordType,
    pub(super) group: Ipv4Addr,
    pub(super) sources: Vec<Ipv4Addr>,
}

/// Reports of version 3 with these records, as many as it takes.
pub(super) fn v3(records: &[Record]) -> Vec<Sent> {
    let mut messages = Vec::new();
    let mut room = [0; MAX_REPORT];
    let mut writer = ReportWriter::new(&mut room);
    for (record, sources) in records.iter().flat_map(parts) {
        let push = |writer: &mut ReportWriter<'_>| {
            writer.push(record.record_type, record.group, sources.iter().copied())
        };
        if !push(&mut writer) {
            let length = writer.finish();
            messages.push(message(&room, length));
            writer = ReportWriter::new(&mut room);
            // A part alone always fits.
            push(&mut writer);
        }
    }
    if writer.count() > 0 {
        let length = writer.finish();
        messages.push(message(&room, length));
    }
    messages
}

/// A record in parts that fit into a report (RFC 3376 §4.2.16: one that excludes is cut short instead).
fn parts(record: &Record) -> impl Iterator<Item = (&Record, &[Ipv4Addr])> {
    let excludes = matches!(
        record.record_type,
        RecordType::MODE_IS_EXCLUDE | RecordType::CHANGE_TO_EXCLUDE
    );
    let count = record.sources.len().div_ceil(MAX_SOURCES).max(1);
    let most = if excludes { 1 } else { count };
    (0..most).map(move |part| {
        let from = part * MAX_SOURCES;
        let to = record.sources.len().min(from + MAX_SOURCES);
        (record, record.sources.get(from..to).unwrap_or(&[]))
    })
}

fn message(room: &[u8], length: usize) -> Sent {
    Sent {
        destination: ALL_V3_ROUTERS,
        packet: PacketBuf::from_slice(room.get(..length).unwrap_or(&[])),
    }
}

/// A message to `destination`.
pub(super) fn plain(destination: Ipv4Addr, message: &Message<'_>) -> Sent {
    let mut packet = PacketBuf::new(igmp::V3_QUERY_LEN);
    message.emit(packet.grow(message.wire_len()));
    Sent {
        destination,
        packet,
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_SOURCES, Record, v3};
    use fairway_wire::igmp::{Message, RecordType};
    use std::net::Ipv4Addr;

    fn counts(record_type: RecordType, sources: u32) -> Vec<usize> {
        let record = Record {
            record_type,
            group: Ipv4Addr::new(239, 0, 0, 1),
            sources: (0..sources).map(Ipv4Addr::from_bits).collect(),
        };
        let mut counts = Vec::new();
        for message in v3(&[record]) {
            assert!(message.packet.len() <= 552);
            let Ok(Message::V3Report(report)) = Message::parse(message.packet.as_slice()) else {
                panic!("no report");
            };
            counts.extend(report.records().map(|record| record.sources.len()));
        }
        counts
    }

    /// RFC 3376 §4.2.16.
    #[test]
    fn long_records_are_split_or_cut_short() {
        assert_eq!(
            counts(RecordType::ALLOW_NEW_SOURCES, 300),
            [MAX_SOURCES, MAX_SOURCES, 300 - 2 * MAX_SOURCES]
        );
        assert_eq!(counts(RecordType::CHANGE_TO_EXCLUDE, 300), [MAX_SOURCES]);
        assert_eq!(counts(RecordType::CHANGE_TO_EXCLUDE, 0), [0]);
    }
}
