//! Writing.

use super::block::{BYTE_ORDER, kind, option, padding};
use super::{Direction, Interface, Packet};
use std::io::{self, Write};
use std::net::Ipv4Addr;

/// Writes a capture file: a section, its interfaces, and packets with nanoseconds.
///
/// The octets are a function of what is written: no time of writing, no name of a machine.
///
/// ```
/// use fairway_sim::pcap::{Direction, Interface, LinkType, Packet, Reader, Writer};
/// use std::time::Duration;
///
/// let mut writer = Writer::new(Vec::new());
/// let interface = writer.interface(&Interface {
///     name: "eth0".into(),
///     description: String::new(),
///     link_type: LinkType::RAW_IP,
///     speed: None,
/// })?;
/// let packet = Packet {
///     interface,
///     at: Duration::from_nanos(1_700_000_000_123_456_789),
///     direction: Direction::Outbound,
///     octets: &[0x45, 0, 0, 20],
///     original_length: 20,
///     comment: "lost on the way",
/// };
/// writer.packet(&packet)?;
/// let file = writer.into_inner();
/// assert_eq!(Reader::new(&file[..]).next_packet().unwrap(), Some(packet));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    /// Whether the section header is written.
    begun: bool,
    interfaces: u32,
    /// The block at work; kept for its memory.
    block: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes a file to `out`: its first octets with the first block.
    #[must_use]
    pub const fn new(out: W) -> Self {
        Self {
            out,
            begun: false,
            interfaces: 0,
            block: Vec::new(),
        }
    }

    /// Begins the section that the file consists of.
    fn section(&mut self) -> io::Result<()> {
        self.start(kind::SECTION_HEADER);
        self.word(BYTE_ORDER);
        self.half(1); // version 1.0
        self.half(0);
        self.octets(&u64::MAX.to_le_bytes()); // the section's length: not said
        self.option(option::APPLICATION, b"fairway-sim");
        self.end()
    }

    /// Describes an interface, and gives its index for packets.
    ///
    /// # Errors
    /// Those of `out`; [`io::ErrorKind::InvalidInput`] for a text of more than 65 535 octets.
    pub fn interface(&mut self, interface: &Interface) -> io::Result<u32> {
        check_text(&interface.name)?;
        check_text(&interface.description)?;
        self.begin(kind::INTERFACE_DESCRIPTION)?;
        self.half(interface.link_type.0);
        self.half(0);
        self.word(0); // packets are not cut
        if !interface.name.is_empty() {
            self.option(option::NAME, interface.name.as_bytes());
        }
        if !interface.description.is_empty() {
            self.option(option::DESCRIPTION, interface.description.as_bytes());
        }
        if let Some(speed) = interface.speed {
            self.option(option::SPEED, &speed.to_le_bytes());
        }
        self.option(option::RESOLUTION, &[9]); // nanoseconds
        self.end()?;
        self.interfaces += 1;
        Ok(self.interfaces - 1)
    }

    /// Says what addresses are called.
    ///
    /// # Errors
    /// Those of `out`; [`io::ErrorKind::InvalidInput`] for a name that is too long.
    pub fn names<'a>(
        &mut self,
        names: impl IntoIterator<Item = (Ipv4Addr, &'a str)>,
    ) -> io::Result<()> {
        self.begin(kind::NAME_RESOLUTION)?;
        for (address, name) in names {
            check_text(name)?;
            let length = u16::try_from(4 + name.len() + 1)
                .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
            self.half(1); // an IPv4 address and its names, each ended by a zero
            self.half(length);
            self.octets(&address.octets());
            self.octets(name.as_bytes());
            self.octets(&[0]);
            self.pad(usize::from(length));
        }
        self.word(0); // end of records
        self.end()
    }

    /// Writes a packet.
    ///
    /// # Errors
    /// Those of `out`; [`io::ErrorKind::InvalidInput`] for an interface that was not described, and for a length or a
    /// time that the format cannot express.
    pub fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let invalid = |_| io::Error::from(io::ErrorKind::InvalidInput);
        if packet.interface >= self.interfaces {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        check_text(packet.comment)?;
        let captured = u32::try_from(packet.octets.len()).map_err(invalid)?;
        let original = u32::try_from(packet.original_length).map_err(invalid)?;
        let nanos = u64::try_from(packet.at.as_nanos()).map_err(invalid)?;
        let [a, b, c, d, e, f, g, h] = nanos.to_be_bytes();
        self.begin(kind::ENHANCED_PACKET)?;
        self.word(packet.interface);
        self.word(u32::from_be_bytes([a, b, c, d]));
        self.word(u32::from_be_bytes([e, f, g, h]));
        self.word(captured);
        self.word(original);
        self.octets(packet.octets);
        self.pad(packet.octets.len());
        let flags: u32 = match packet.direction {
            Direction::Unknown => 0,
            Direction::Inbound => 1,
            Direction::Outbound => 2,
        };
        if flags != 0 {
            self.option(option::FLAGS, &flags.to_le_bytes());
        }
        if !packet.comment.is_empty() {
            self.option(option::COMMENT, packet.comment.as_bytes());
        }
        self.end()
    }

    /// Passes on what is buffered below.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// What is written to.
    pub const fn get_ref(&self) -> &W {
        &self.out
    }

    /// Begins a block, and the file before its first.
    fn begin(&mut self, kind: u32) -> io::Result<()> {
        if !self.begun {
            self.section()?;
            self.begun = true;
        }
        self.start(kind);
        Ok(())
    }

    fn start(&mut self, kind: u32) {
        self.block.clear();
        self.word(kind);
        self.word(0); // the length, when it is known
    }

    /// Ends the block and its options, and writes it.
    fn end(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.block.len() + 4)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.word(length);
        if let Some(field) = self.block.get_mut(4..8) {
            field.copy_from_slice(&length.to_le_bytes());
        }
        self.out.write_all(&self.block)
    }

    fn octets(&mut self, octets: &[u8]) {
        self.block.extend_from_slice(octets);
    }

    fn half(&mut self, value: u16) {
        self.octets(&value.to_le_bytes());
    }

    fn word(&mut self, value: u32) {
        self.octets(&value.to_le_bytes());
    }

    fn pad(&mut self, length: usize) {
        self.block.resize(self.block.len() + padding(length), 0);
    }

    /// Adds an option whose value is known to be short enough. The end of the options is not written: the end of the
    /// block says it as well.
    fn option(&mut self, code: u16, value: &[u8]) {
        self.half(code);
        self.half(u16::try_from(value.len()).unwrap_or(u16::MAX));
        self.octets(value);
        self.pad(value.len());
    }
}

fn check_text(text: &str) -> io::Result<()> {
    match u16::try_from(text.len()) {
        Ok(_) => Ok(()),
        Err(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}
