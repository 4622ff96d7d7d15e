//! Reading.

use super::block::{BYTE_ORDER, kind, option, padding};
use super::{Direction, Interface, LinkType, Packet};
use std::io::{self, Read};
use std::time::Duration;

/// Longest block that is read, in octets: a packet of the greatest length and much to say about it.
const LONGEST_BLOCK: usize = 1 << 20;
/// Most interfaces of a section.
const MOST_INTERFACES: usize = 4096;

/// Reads the packets of a capture file, whoever wrote it; blocks that it does not know are skipped.
///
/// Memory is bounded: blocks above a mebibyte and more than 4096 interfaces are refused.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    order: Order,
    /// Whether a section has begun.
    begun: bool,
    interfaces: Vec<Described>,
    block: Vec<u8>,
}

/// Why reading stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The input failed.
    #[error("reading failed")]
    Io(#[from] io::Error),
    /// The input does not begin a section of this format.
    #[error("not a pcapng file")]
    NotPcapng,
    /// A block contradicts itself or the format.
    #[error("malformed block: {0}")]
    Malformed(&'static str),
    /// A block or the number of interfaces is above what is read.
    #[error("too large: {0}")]
    TooLarge(&'static str),
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Little,
    Big,
}

/// An interface and how its times are written.
#[derive(Debug)]
struct Described {
    interface: Interface,
    /// Units per second.
    resolution: u64,
    /// Seconds to add.
    offset: u64,
    /// Most octets of a packet that were kept; 0 for all.
    snap_length: u32,
}

impl<R: Read> Reader<R> {
    /// Reads from `input`, which should be buffered.
    pub const fn new(input: R) -> Self {
        Self {
            input,
            order: Order::Little,
            begun: false,
            interfaces: Vec::new(),
            block: Vec::new(),
        }
    }

    /// The interfaces described so far in this section; packets name them by index.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.interfaces.iter().map(|described| &described.interface)
    }

    /// The next packet; `None` at the end of the file.
    ///
    /// # Errors
    /// See [`ReadError`]; nothing can be read after one.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, ReadError> {
        loop {
            let Some(kind) = self.read_block()? else {
                return Ok(None);
            };
            match kind {
                kind::INTERFACE_DESCRIPTION => self.describe()?,
                kind::ENHANCED_PACKET => return self.enhanced_packet().map(Some),
                kind::SIMPLE_PACKET => return self.simple_packet().map(Some),
                _ => {}
            }
        }
    }

    /// Reads the next block's body to `self.block` and gives its kind; `None` at the end of the input.
    fn read_block(&mut self) -> Result<Option<u32>, ReadError> {
        let mut head = [0; 8];
        match self.input.read(&mut head)? {
            0 => return Ok(None),
            read => self
                .input
                .read_exact(head.get_mut(read..).unwrap_or(&mut []))?,
        }
        let [a, b, c, d, length @ ..] = head;
        let mut before_body = 8;
        self.block.clear();
        // The number of a section header reads the same in both orders.
        if u32::from_le_bytes([a, b, c, d]) == kind::SECTION_HEADER {
            let mut magic = [0; 4];
            self.input.read_exact(&mut magic)?;
            self.order = match BYTE_ORDER {
                order if u32::from_le_bytes(magic) == order => Order::Little,
                order if u32::from_be_bytes(magic) == order => Order::Big,
                _ => return Err(ReadError::NotPcapng),
            };
            self.begun = true;
            self.interfaces.clear();
            before_body = 12;
        }
        if !self.begun {
            return Err(ReadError::NotPcapng);
        }
        let kind = self.order.word([a, b, c, d]);
        let length = usize::try_from(self.order.word(length)).unwrap_or(usize::MAX);
        if length > LONGEST_BLOCK {
            return Err(ReadError::TooLarge("block"));
        }
        let body = length
            .checked_sub(before_body + 4)
            .filter(|body| body % 4 == 0)
            .ok_or(ReadError::Malformed("length"))?;
        self.block.resize(body, 0);
        self.input.read_exact(&mut self.block)?;
        let mut again = [0; 4];
        self.input.read_exact(&mut again)?;
        if usize::try_from(self.order.word(again)) != Ok(length) {
            return Err(ReadError::Malformed("the lengths before and behind differ"));
        }
        Ok(Some(kind))
    }

    fn describe(&mut self) -> Result<(), ReadError> {
        let mut body = Body {
            rest: &self.block,
            order: self.order,
        };
        let link_type = LinkType(body.half()?);
        body.half()?;
        let mut described = Described {
            interface: Interface {
                name: String::new(),
                description: String::new(),
                link_type,
                speed: None,
            },
            resolution: 1_000_000,
            offset: 0,
            snap_length: body.word()?,
        };
        while let Some((code, value)) = body.option()? {
            let text = || String::from_utf8_lossy(value).into_owned();
            match (code, value) {
                (option::NAME, _) => described.interface.name = text(),
                (option::DESCRIPTION, _) => described.interface.description = text(),
                (option::SPEED, _) => described.interface.speed = Some(self.order.long(value)?),
                (option::RESOLUTION, &[resolution]) => {
                    let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
                    described.resolution = base
                        .checked_pow(u32::from(resolution & 0x7f))
                        .ok_or(ReadError::Malformed("resolution of time"))?;
                }
                (option::TIME_OFFSET, _) => described.offset = self.order.long(value)?,
                _ => {}
            }
        }
        if self.interfaces.len() == MOST_INTERFACES {
            return Err(ReadError::TooLarge("number of interfaces"));
        }
        self.interfaces.push(described);
        Ok(())
    }

    fn interface(&self, index: u32) -> Result<&Described, ReadError> {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.interfaces.get(index))
            .ok_or(ReadError::Malformed("interface that was not described"))
    }

    fn enhanced_packet(&self) -> Result<Packet<'_>, ReadError> {
        let mut body = Body {
            rest: &self.block,
            order: self.order,
        };
        let interface = body.word()?;
        let time = (u64::from(body.word()?) << 32) | u64::from(body.word()?);
        let captured = length(body.word()?);
        let original_length = length(body.word()?);
        let octets = body.octets(captured)?;
        body.octets(padding(captured))?;
        let described = self.interface(interface)?;
        let mut packet = Packet {
            interface,
            at: described.time(time),
            direction: Direction::Unknown,
            octets,
            original_length,
            comment: "",
        };
        while let Some((code, value)) = body.option()? {
            match code {
                option::FLAGS => {
                    let &flags = value
                        .first_chunk()
                        .ok_or(ReadError::Malformed("flags of a packet"))?;
                    packet.direction = match self.order.word(flags) & 3 {
                        1 => Direction::Inbound,
                        2 => Direction::Outbound,
                        _ => Direction::Unknown,
                    };
                }
                option::COMMENT => packet.comment = std::str::from_utf8(value).unwrap_or(""),
                _ => {}
            }
        }
        Ok(packet)
    }

    /// A packet without a time, of the first interface.
    fn simple_packet(&self) -> Result<Packet<'_>, ReadError> {
        let mut body = Body {
            rest: &self.block,
            order: self.order,
        };
        let original_length = length(body.word()?);
        let captured = match self.interface(0)?.snap_length {
            0 => original_length,
            most => original_length.min(length(most)),
        };
        Ok(Packet {
            interface: 0,
            at: Duration::ZERO,
            direction: Direction::Unknown,
            octets: body.octets(captured)?,
            original_length,
            comment: "",
        })
    }
}

impl Described {
    /// The time since the beginning of 1970 that the interface writes as `units`.
    fn time(&self, units: u64) -> Duration {
        let seconds = units / self.resolution;
        let fraction =
            u128::from(units % self.resolution) * 1_000_000_000 / u128::from(self.resolution);
        Duration::new(
            seconds.saturating_add(self.offset),
            u32::try_from(fraction).unwrap_or(0),
        )
    }
}

impl Order {
    const fn half(self, octets: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(octets),
            Self::Big => u16::from_be_bytes(octets),
        }
    }

    const fn word(self, octets: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(octets),
            Self::Big => u32::from_be_bytes(octets),
        }
    }

    fn long(self, value: &[u8]) -> Result<u64, ReadError> {
        let octets = value
            .try_into()
            .map_err(|_| ReadError::Malformed("option of an interface"))?;
        Ok(match self {
            Self::Little => u64::from_le_bytes(octets),
            Self::Big => u64::from_be_bytes(octets),
        })
    }
}

fn length(field: u32) -> usize {
    usize::try_from(field).unwrap_or(usize::MAX)
}

/// What remains of a block's body.
struct Body<'a> {
    rest: &'a [u8],
    order: Order,
}

impl<'a> Body<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (first, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(ReadError::Malformed("short block"))?;
        self.rest = rest;
        Ok(*first)
    }

    fn half(&mut self) -> Result<u16, ReadError> {
        Ok(self.order.half(self.array()?))
    }

    fn word(&mut self) -> Result<u32, ReadError> {
        Ok(self.order.word(self.array()?))
    }

    fn octets(&mut self, length: usize) -> Result<&'a [u8], ReadError> {
        let (octets, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(ReadError::Malformed("short block"))?;
        self.rest = rest;
        Ok(octets)
    }

    /// The next option; `None` after the last.
    fn option(&mut self) -> Result<Option<(u16, &'a [u8])>, ReadError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (code, length) = (self.half()?, usize::from(self.half()?));
        if code == option::END {
            return Ok(None);
        }
        let value = self.octets(length)?;
        self.octets(padding(length))?;
        Ok(Some((code, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_BLOCK, ReadError, Reader};
    use crate::pcap::{Direction, Interface, LinkType, Packet, Writer};
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn interface(name: &str) -> Interface {
        Interface {
            name: name.into(),
            description: "of a test".into(),
            link_type: LinkType::ETHERNET,
            speed: Some(100_000_000),
        }
    }

    fn packet<'a>(interface: u32, octets: &'a [u8], comment: &'a str) -> Packet<'a> {
        Packet {
            interface,
            at: Duration::new(1_800_000_000, 999_999_999),
            direction: Direction::Inbound,
            octets,
            original_length: octets.len(),
            comment,
        }
    }

    fn file() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        writer.interface(&interface("one")).unwrap();
        writer.interface(&interface("other")).unwrap();
        writer
            .names([(Ipv4Addr::new(10, 0, 0, 1), "alpha")])
            .unwrap();
        writer.packet(&packet(0, &[1, 2, 3, 4, 5], "")).unwrap();
        writer.packet(&packet(1, &[], "lost")).unwrap();
        writer.into_inner()
    }

    #[test]
    fn what_was_written_is_read() {
        let file = file();
        let mut reader = Reader::new(&file[..]);
        assert_eq!(
            reader.next_packet().unwrap(),
            Some(packet(0, &[1, 2, 3, 4, 5], ""))
        );
        assert_eq!(reader.next_packet().unwrap(), Some(packet(1, &[], "lost")));
        assert_eq!(reader.next_packet().unwrap(), None);
        assert!(
            reader
                .interfaces()
                .eq(&[interface("one"), interface("other")])
        );
    }

    #[test]
    fn files_of_the_other_octet_order_and_resolution_are_read() {
        // A section, an interface in units of 2^-10 s from second 5 on, a packet at 1.5 s.
        let words: [&[u32]; 3] = [
            &[
                0x0a0d_0d0a,
                28,
                0x1a2b_3c4d,
                1 << 16,
                u32::MAX,
                u32::MAX,
                28,
            ],
            &[
                1,
                44,
                101 << 16,
                0,
                (9 << 16) | 1,
                0x8a00_0000,
                (14 << 16) | 8,
                0,
                5,
                0,
                44,
            ],
            &[6, 36, 0, 0, 1536, 2, 20, 0x4500_0000, 36],
        ];
        let file: Vec<u8> = words
            .into_iter()
            .flatten()
            .flat_map(|word| word.to_be_bytes())
            .collect();
        let mut reader = Reader::new(&file[..]);
        let packet = reader.next_packet().unwrap().unwrap();
        assert_eq!(packet.at, Duration::from_millis(6_500));
        assert_eq!(
            (packet.octets, packet.original_length),
            (&[0x45, 0][..], 20)
        );
        assert_eq!(reader.interfaces().next().unwrap().link_type, LinkType(101));
    }

    #[test]
    fn a_packet_of_an_interface_that_was_not_described_is_not_written() {
        let mut writer = Writer::new(Vec::new());
        assert!(writer.packet(&packet(0, &[1], "")).is_err());
    }

    #[test]
    fn other_files_are_refused() {
        let read = |octets: &[u8]| Reader::new(octets).next_packet().map(|_| ());
        assert!(matches!(read(&[7; 64]), Err(ReadError::NotPcapng)));
        let mut long = file();
        long[4..8].copy_from_slice(&u32::try_from(LONGEST_BLOCK + 4).unwrap().to_le_bytes());
        assert!(matches!(read(&long), Err(ReadError::TooLarge(_))));
    }

    #[test]
    fn files_cut_or_changed_anywhere_give_an_error_or_less_and_never_panic() {
        let whole = file();
        let read_all = |octets: &[u8]| {
            let mut reader = Reader::new(octets);
            while matches!(reader.next_packet(), Ok(Some(_))) {}
        };
        for at in 0..whole.len() {
            read_all(&whole[..at]);
            for change in [1, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                read_all(&changed);
            }
        }
    }
}
