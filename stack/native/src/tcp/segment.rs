//! A segment between the octets of a packet and the state machine.

use std::net::Ipv4Addr;

use fairway_wire::SeqNumber;
use fairway_wire::tcp::{self, Flags, Header, MAX_OPTIONS_LEN, Options};

use super::num::seq_len;
use crate::pkt::{ChecksumState, PacketBuf};

/// A segment that arrived: its header, its options, and the packet cut down to its data.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: Header,
    pub(crate) options: Options,
    /// Octets of data.
    pub(crate) len: u32,
    pub(crate) data: PacketBuf,
    /// The IP header's congestion mark (RFC 3168 §5): both bits are set.
    pub(crate) marked: bool,
}

impl Segment {
    /// SEG.LEN of RFC 9293 §3.4: data, SYN and FIN.
    #[inline]
    pub(crate) const fn sequence_len(&self) -> u32 {
        self.len + self.header.flags.sequence_len()
    }

    /// The number after its last.
    #[inline]
    pub(crate) fn end(&self) -> SeqNumber {
        self.header.seq + self.sequence_len()
    }

    #[inline]
    pub(crate) const fn has(&self, flags: Flags) -> bool {
        self.header.flags.contains(flags)
    }
}

/// The header of a segment without data or options, ready for [`bare`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) seq: SeqNumber,
    pub(crate) ack: SeqNumber,
    pub(crate) flags: Flags,
    pub(crate) window: u16,
}

/// A packet with that header and those options, and no data.
pub(crate) fn bare(
    (source, destination): (Ipv4Addr, Ipv4Addr),
    answer: &Answer,
    options: &Options,
    trusted: bool,
) -> PacketBuf {
    let mut room = [0; MAX_OPTIONS_LEN];
    let options_len = options.emit(&mut room);
    let header_len = Header::LEN + options_len;
    let header = Header {
        source_port: answer.source_port,
        destination_port: answer.destination_port,
        seq: answer.seq,
        ack: answer.ack,
        header_len: u8::try_from(header_len).unwrap_or(u8::MAX),
        flags: answer.flags,
        window: answer.window,
        checksum: 0,
        urgent: 0,
    };
    let mut packet = PacketBuf::for_overwrite(header_len);
    header.emit(
        room.get(..options_len).unwrap_or_default(),
        packet.as_mut_slice(),
    );
    seal(&mut packet, source, destination, trusted);
    packet
}

/// Computes the checksum, unless the path can be trusted.
#[inline]
pub(crate) fn seal(packet: &mut PacketBuf, source: Ipv4Addr, destination: Ipv4Addr, trusted: bool) {
    if trusted {
        packet.checksum = ChecksumState::Trusted;
    } else {
        tcp::fill_checksum(source, destination, packet.as_mut_slice());
    }
}

/// RFC 9293 §3.5.2, group 1: the reset that answers a segment for which there is no connection.
pub(crate) fn reset_for(header: &Header, data: usize) -> Answer {
    let (seq, ack, flags) = if header.flags.contains(Flags::ACK) {
        (header.ack, SeqNumber(0), Flags::RST)
    } else {
        let len = seq_len(data) + header.flags.sequence_len();
        (SeqNumber(0), header.seq + len, Flags::RST | Flags::ACK)
    };
    Answer {
        source_port: header.destination_port,
        destination_port: header.source_port,
        seq,
        ack,
        flags,
        window: 0,
    }
}
