//! Membership reports of version 3: RFC 9776 §4.2.

use core::fmt;
use core::net::Ipv4Addr;

use super::{Addresses, LEN, ParseError, Type, put, put_checksum};
use crate::numbers;

/// A membership report: what a host listens to, or what has changed of that.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Type = 0x22  |    Reserved   |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |             Flags             |  Number of group records (M)  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Group record [1..M] …                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    count: u16,
    /// As many whole records as `count` says, and nothing else.
    records: &'a [u8],
}

impl<'a> Report<'a> {
    /// Reads a report and checks that all its records are there.
    pub(super) fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        let Some((&[_, _, _, _, _, _, n0, n1], octets)) = octets.split_first_chunk::<LEN>() else {
            return Err(ParseError::Short);
        };
        let count = u16::from_be_bytes([n0, n1]);
        let mut all = Records { octets };
        for _ in 0..count {
            all.next().ok_or(ParseError::Truncated)?;
        }
        let len = octets.len() - all.octets.len();
        Ok(Self {
            count,
            records: octets.get(..len).unwrap_or_default(),
        })
    }

    /// How many records there are.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// The records one after the other.
    #[must_use]
    pub const fn records(&self) -> Records<'a> {
        Records {
            octets: self.records,
        }
    }

    /// The octets of the records.
    #[must_use]
    pub const fn as_octets(&self) -> &'a [u8] {
        self.records
    }
}

/// A group record.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Record type  |  Aux data len |     Number of sources (N)     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       Multicast address                       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     Source address [1..N] …                   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       Auxiliary data …                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What the record says of the group.
    pub record_type: RecordType,
    /// The group.
    pub group: Ipv4Addr,
    /// The sources.
    pub sources: Addresses<'a>,
    /// Auxiliary data, whole words; RFC 9776 §4.2.11: there is none, and what arrives is ignored.
    pub auxiliary: &'a [u8],
}

numbers! {
    /// What a record says of its group (RFC 9776 §4.2.13); unknown ones survive and print as numbers.
    RecordType(u8), "record {}" {
        /// The filter includes the sources.
        MODE_IS_INCLUDE = 1, "is_in";
        /// The filter excludes the sources.
        MODE_IS_EXCLUDE = 2, "is_ex";
        /// The filter has changed and includes the sources.
        CHANGE_TO_INCLUDE = 3, "to_in";
        /// The filter has changed and excludes the sources.
        CHANGE_TO_EXCLUDE = 4, "to_ex";
        /// The host wants the sources too.
        ALLOW_NEW_SOURCES = 5, "allow";
        /// The host wants the sources no longer.
        BLOCK_OLD_SOURCES = 6, "block";
    }
}

/// Records one after the other, as they stand in a report.
#[derive(Clone)]
pub struct Records<'a> {
    octets: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (&[record_type, words, n0, n1, a, b, c, d], rest) =
            self.octets.split_first_chunk::<8>()?;
        let (sources, rest) = Addresses::split(rest, u16::from_be_bytes([n0, n1]))?;
        let (auxiliary, rest) = rest.split_at_checked(usize::from(words) * 4)?;
        self.octets = rest;
        Some(Record {
            record_type: RecordType(record_type),
            group: Ipv4Addr::new(a, b, c, d),
            sources,
            auxiliary,
        })
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// Writes a report record by record into room that the caller has.
///
/// ```
/// use core::net::Ipv4Addr;
/// use fairway_wire::igmp::{RecordType, ReportWriter};
///
/// let mut room = [0; 64];
/// let mut report = ReportWriter::new(&mut room);
/// assert!(report.push(RecordType::CHANGE_TO_EXCLUDE, Ipv4Addr::new(239, 1, 2, 3), []));
/// assert_eq!(report.finish(), 16);
/// assert_eq!(&room[8..16], [4, 0, 0, 0, 239, 1, 2, 3]);
/// ```
#[derive(Debug)]
pub struct ReportWriter<'a> {
    out: &'a mut [u8],
    len: usize,
    count: u16,
}

impl<'a> ReportWriter<'a> {
    /// Begins a report in `out`, whose octets do not matter.
    ///
    /// With fewer than eight octets of room nothing can be pushed.
    #[must_use]
    pub fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            len: LEN,
            count: 0,
        }
    }

    /// Appends a record; `false`, and nothing is added, if it does not fit.
    pub fn push(
        &mut self,
        record_type: RecordType,
        group: Ipv4Addr,
        sources: impl IntoIterator<Item = Ipv4Addr>,
    ) -> bool {
        let Some((head, mut room)) = self
            .out
            .get_mut(self.len..)
            .and_then(|room| room.split_first_chunk_mut::<8>())
        else {
            return false;
        };
        let mut number = 0_u16;
        for source in sources {
            let Some((place, rest)) = room.split_first_chunk_mut::<4>() else {
                return false;
            };
            let Some(next) = number.checked_add(1) else {
                return false;
            };
            *place = source.octets();
            (room, number) = (rest, next);
        }
        let Some(count) = self.count.checked_add(1) else {
            return false;
        };
        let [n0, n1] = number.to_be_bytes();
        let [a, b, c, d] = group.octets();
        *head = [record_type.0, 0, n0, n1, a, b, c, d];
        self.len += 8 + 4 * usize::from(number);
        self.count = count;
        true
    }

    /// How many records there are.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// Writes header and checksum; gives the octets of the report, which may be fewer than the room has.
    #[must_use]
    pub fn finish(self) -> usize {
        let Some(message) = self.out.get_mut(..self.len) else {
            return 0;
        };
        put(message, 0, &[Type::V3_REPORT.0, 0, 0, 0, 0, 0]);
        put(message, 6, &self.count.to_be_bytes());
        put_checksum(message);
        self.len
    }
}
