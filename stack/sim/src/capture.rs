//! Captures: what passed on a link, as a file for Wireshark.

use crate::pcap::{Direction, Interface, LinkType, Packet, Writer};
use crate::{Fate, Framing, frame, log};
use fairway_native::PacketBuf;
use fairway_native::hash::Sip13;
use fairway_native::pkt::ChecksumState;
use fairway_stack::Instant;
use std::borrow::Cow;
use std::fmt;
use std::hash::Hasher as _;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// A capture that grows while the network runs. Cheap to clone: clones are the same capture.
///
/// Frames are recorded when they are put on the link, also those that the link then loses; a comment says what became
/// of them. Checksums that were left out are filled in.
#[derive(Clone)]
pub struct Capture {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    writer: Writer<Output>,
    /// The beginning of the network's time, since the beginning of 1970.
    start: Duration,
    packets: u64,
    failed: Option<io::Error>,
}

/// Where the file goes, with a hash of what it holds.
struct Output {
    to: Target,
    hash: Sip13,
}

enum Target {
    Memory(Vec<u8>),
    Writer(Box<dyn Write + Send>),
}

impl Write for Output {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = match &mut self.to {
            Target::Memory(memory) => memory.write(octets)?,
            Target::Writer(writer) => writer.write(octets)?,
        };
        self.hash.write(octets.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            Target::Memory(_) => Ok(()),
            Target::Writer(writer) => writer.flush(),
        }
    }
}

impl Capture {
    /// A capture that goes to `to` as it grows, or stays in memory.
    pub(crate) fn begin(to: Option<Box<dyn Write + Send>>, wall_start: SystemTime) -> Self {
        let inner = Inner {
            writer: Writer::new(Output {
                to: to.map_or_else(|| Target::Memory(Vec::new()), Target::Writer),
                hash: log::hasher(),
            }),
            start: wall_start
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
            packets: 0,
            failed: None,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// Frames so far.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.lock().packets
    }

    /// The file so far, if it is in memory; empty if it goes elsewhere.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        match &self.lock().writer.get_ref().to {
            Target::Memory(memory) => memory.clone(),
            Target::Writer(_) => Vec::new(),
        }
    }

    /// Writes the file so far, if it is in memory.
    ///
    /// # Errors
    /// The system's.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        std::fs::write(path, self.octets())
    }

    /// Passes on what is buffered, and says what went wrong since the beginning: after that nothing was written.
    ///
    /// # Errors
    /// Those of the writer the capture goes to.
    pub fn flush(&self) -> io::Result<()> {
        let mut inner = self.lock();
        match inner.failed.take() {
            Some(error) => Err(error),
            None => inner.writer.flush(),
        }
    }

    /// A hash of the file so far: the same in every run with the same seed.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.lock().writer.get_ref().hash.finish()
    }

    /// Adds an interface, and gives its index.
    pub(crate) fn describe(&self, name: String, framing: Framing, speed: Option<u64>) -> u32 {
        let interface = Interface {
            name,
            description: String::new(),
            link_type: match framing {
                Framing::Ethernet => LinkType::ETHERNET,
                Framing::Ip => LinkType::RAW_IP,
            },
            speed,
        };
        self.write(|inner| inner.writer.interface(&interface))
            .unwrap_or(0)
    }

    /// Says what addresses are called.
    pub(crate) fn name<'a>(&self, names: impl IntoIterator<Item = (Ipv4Addr, &'a str)>) {
        self.write(|inner| inner.writer.names(names));
    }

    /// Records a frame.
    pub(crate) fn record(&self, frame: &Recorded<'_>) {
        // The checksum that was left out goes into a copy: on the way it would only cost.
        let packet = match frame.packet.checksum {
            ChecksumState::Trusted => {
                let mut whole = frame.packet.clone();
                frame::fill_checksum(frame.framing, &mut whole);
                Cow::Owned(whole)
            }
            ChecksumState::Unknown => Cow::Borrowed(frame.packet),
        };
        let comment = if frame.fate.is_remarkable() {
            frame.fate.to_string()
        } else {
            String::new()
        };
        self.write(|inner| {
            inner.packets += 1;
            let at = inner.start + frame.at.since_start();
            inner.writer.packet(&Packet {
                interface: frame.interface,
                at,
                direction: frame.direction,
                octets: packet.as_slice(),
                original_length: packet.len(),
                comment: &comment,
            })
        });
    }

    /// Writes, unless writing has failed before.
    fn write<T>(&self, write: impl FnOnce(&mut Inner) -> io::Result<T>) -> Option<T> {
        let mut inner = self.lock();
        if inner.failed.is_some() {
            return None;
        }
        match write(&mut inner) {
            Ok(value) => Some(value),
            Err(error) => {
                inner.failed = Some(error);
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A frame to record.
pub(crate) struct Recorded<'a> {
    pub(crate) interface: u32,
    pub(crate) framing: Framing,
    pub(crate) direction: Direction,
    pub(crate) at: Instant,
    pub(crate) packet: &'a PacketBuf,
    pub(crate) fate: Fate,
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("packets", &self.packets())
            .finish_non_exhaustive()
    }
}
