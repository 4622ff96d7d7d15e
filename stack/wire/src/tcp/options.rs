//! TCP options: RFC 9293 §3.2, RFC 2018 (selective acknowledgment), RFC 7323 (window scale, timestamps).

use core::fmt;

use crate::SeqNumber;

/// The most octets that options can take up: a header has at most fifteen words of four octets, five of them fixed.
pub const MAX_OPTIONS_LEN: usize = 40;

/// The kind octet of an option (IANA "TCP Option Kind Numbers").
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OptionKind(pub u8);

impl OptionKind {
    /// End of option list; a single octet.
    pub const END_OF_LIST: Self = Self(0);
    /// No operation; a single octet.
    pub const NO_OPERATION: Self = Self(1);
    /// Maximum segment size; 4 octets, RFC 9293 §3.7.1.
    pub const MAX_SEGMENT_SIZE: Self = Self(2);
    /// Window scale; 3 octets, RFC 7323 §2.2.
    pub const WINDOW_SCALE: Self = Self(3);
    /// SACK permitted; 2 octets, RFC 2018 §2.
    pub const SACK_PERMITTED: Self = Self(4);
    /// SACK; 2 octets and 8 per block, RFC 2018 §3.
    pub const SACK: Self = Self(5);
    /// Timestamps; 10 octets, RFC 7323 §3.2.
    pub const TIMESTAMPS: Self = Self(8);
}

impl fmt::Debug for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kind {}", self.0)
    }
}

/// What a segment's options say, of those that the stack knows; others are left out.
///
/// ```
/// use fairway_wire::tcp::{Options, Timestamps};
///
/// let options = Options {
///     max_segment_size: Some(1460),
///     sack_permitted: true,
///     timestamps: Some(Timestamps { value: 7, echo: 0 }),
///     window_scale: Some(7),
///     ..Options::default()
/// };
/// let mut room = [0; 40];
/// let len = options.emit(&mut room);
/// assert_eq!(len, 20);
/// assert_eq!(Options::parse(&room[..len]), options);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Options {
    /// The largest segment the sender takes, without headers (RFC 9293 §3.7.1); in a SYN.
    pub max_segment_size: Option<u16>,
    /// The shift of the sender's windows as it was sent, also above 14 (RFC 7323 §2.3 wants 14 then); in a SYN.
    pub window_scale: Option<u8>,
    /// Whether the sender takes selective acknowledgments (RFC 2018 §2); in a SYN.
    pub sack_permitted: bool,
    /// Timestamp value and echo.
    pub timestamps: Option<Timestamps>,
    /// Blocks that arrived out of order.
    pub sack: SackBlocks,
}

/// The timestamps option (RFC 7323 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub value: u32,
    /// TSecr: a clock value of the receiver, sent back; meaningful with the ACK bit.
    pub echo: u32,
}

/// NOP, NOP, kind and length of a timestamps option: how nearly every segment of a connection begins its options
/// (RFC 7323 appendix A).
const ALIGNED_TIMESTAMPS: [u8; 4] = [1, 1, 8, 10];

impl Options {
    /// Reads the options of a segment.
    ///
    /// RFC 9293 §3.1 (MUST-7): a length that makes no sense ends the reading; what came before it counts, and the
    /// caller need not drop the segment. An option whose own length is wrong is passed over. Of an option that comes
    /// twice the last counts.
    #[inline]
    #[must_use]
    pub fn parse(octets: &[u8]) -> Self {
        if let Some((head, [])) = octets.split_first_chunk::<12>()
            && let Some((&ALIGNED_TIMESTAMPS, rest)) = head.split_first_chunk::<4>()
            && let Some((timestamps, _)) = Timestamps::read(rest)
        {
            return Self {
                timestamps: Some(timestamps),
                ..Self::default()
            };
        }
        if octets.is_empty() {
            return Self::default();
        }
        Self::parse_any(octets)
    }

    fn parse_any(octets: &[u8]) -> Self {
        let mut options = Self::default();
        for option in OptionIter::new(octets) {
            match option {
                TcpOption::EndOfList | TcpOption::NoOperation | TcpOption::Other { .. } => {}
                TcpOption::MaxSegmentSize(size) => options.max_segment_size = Some(size),
                TcpOption::WindowScale(shift) => options.window_scale = Some(shift),
                TcpOption::SackPermitted => options.sack_permitted = true,
                TcpOption::Sack(blocks) => options.sack = blocks,
                TcpOption::Timestamps(timestamps) => options.timestamps = Some(timestamps),
            }
        }
        options
    }

    /// Writes the options and gives their length, a multiple of four.
    ///
    /// The order is the one that most hosts of the Internet use: maximum segment size, SACK permitted, timestamps,
    /// window scale, then SACK blocks, each aligned with NOPs. As many blocks are written as there is room for:
    /// three beside timestamps, else four.
    #[inline]
    pub fn emit(&self, out: &mut [u8; MAX_OPTIONS_LEN]) -> usize {
        let mut writer = Writer { out, len: 0 };
        if let Some(size) = self.max_segment_size {
            let [a, b] = size.to_be_bytes();
            writer.put([2, 4, a, b]);
        }
        if let Some(timestamps) = self.timestamps {
            writer.put(if self.sack_permitted {
                [4, 2, 8, 10]
            } else {
                ALIGNED_TIMESTAMPS
            });
            writer.put(timestamps.value.to_be_bytes());
            writer.put(timestamps.echo.to_be_bytes());
        } else if self.sack_permitted {
            writer.put([1, 1, 4, 2]);
        }
        if let Some(shift) = self.window_scale {
            writer.put([1, 3, 3, shift]);
        }
        let blocks = self.sack.as_slice();
        let fitting = blocks.len().min(writer.room().saturating_sub(4) / 8);
        if let (Some(blocks), Ok(count)) = (blocks.get(..fitting), u8::try_from(fitting))
            && count > 0
        {
            writer.put([1, 1, 5, 2 + 8 * count]);
            for block in blocks {
                writer.put(block.left.0.to_be_bytes());
                writer.put(block.right.0.to_be_bytes());
            }
        }
        writer.len
    }

    /// Octets that [`emit`](Self::emit) writes.
    #[must_use]
    pub fn len(&self) -> usize {
        let mut len = 0;
        if self.max_segment_size.is_some() {
            len += 4;
        }
        if self.timestamps.is_some() {
            len += 12;
        } else if self.sack_permitted {
            len += 4;
        }
        if self.window_scale.is_some() {
            len += 4;
        }
        let fitting = self
            .sack
            .as_slice()
            .len()
            .min((MAX_OPTIONS_LEN - len - 4) / 8);
        if fitting > 0 {
            len += 4 + 8 * fitting;
        }
        len
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Appends words of four octets to the room for options.
struct Writer<'a> {
    out: &'a mut [u8; MAX_OPTIONS_LEN],
    len: usize,
}

impl Writer<'_> {
    #[inline]
    fn put(&mut self, word: [u8; 4]) {
        if let Some(room) = self.out.get_mut(self.len..self.len + 4) {
            room.copy_from_slice(&word);
            self.len += 4;
        }
    }

    #[inline]
    fn room(&self) -> usize {
        MAX_OPTIONS_LEN - self.len
    }
}

impl Timestamps {
    #[inline]
    fn read(octets: &[u8]) -> Option<(Self, &[u8])> {
        let ([a, b, c, d, e, f, g, h], rest) = octets.split_first_chunk::<8>()?;
        let timestamps = Self {
            value: u32::from_be_bytes([*a, *b, *c, *d]),
            echo: u32::from_be_bytes([*e, *f, *g, *h]),
        };
        Some((timestamps, rest))
    }
}

/// A run of sequence numbers that arrived: from `left` to before `right` (RFC 2018 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SackBlock {
    /// The first number.
    pub left: SeqNumber,
    /// The one after the last.
    pub right: SeqNumber,
}

/// Up to four blocks; no more fit into a header.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct SackBlocks {
    /// Those past `len` are zero, so that equality can be derived.
    blocks: [SackBlock; Self::MAX],
    len: u8,
}

impl SackBlocks {
    /// The most blocks of one segment.
    pub const MAX: usize = 4;

    /// The blocks in the order of the segment.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[SackBlock] {
        self.blocks.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Appends a block; `false` if there are four already.
    #[inline]
    pub fn push(&mut self, block: SackBlock) -> bool {
        match self.blocks.get_mut(usize::from(self.len)) {
            Some(place) => {
                *place = block;
                self.len += 1;
                true
            }
            None => false,
        }
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }
}

impl FromIterator<SackBlock> for SackBlocks {
    /// The first four.
    fn from_iter<T: IntoIterator<Item = SackBlock>>(blocks: T) -> Self {
        let mut all = Self::default();
        for block in blocks.into_iter().take(Self::MAX) {
            all.push(block);
        }
        all
    }
}

impl<'a> IntoIterator for &'a SackBlocks {
    type Item = &'a SackBlock;
    type IntoIter = core::slice::Iter<'a, SackBlock>;

    fn into_iter(self) -> Self::IntoIter {
        self.as_slice().iter()
    }
}

impl fmt::Debug for SackBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOption<'a> {
    /// Nothing follows.
    EndOfList,
    /// A filler.
    NoOperation,
    /// The largest segment the sender takes.
    MaxSegmentSize(u16),
    /// The shift of the sender's windows.
    WindowScale(u8),
    /// The sender takes selective acknowledgments.
    SackPermitted,
    /// Blocks that arrived out of order.
    Sack(SackBlocks),
    /// Timestamp value and echo.
    Timestamps(Timestamps),
    /// A kind that is not known here, or a known one of the wrong length.
    Other {
        /// The kind.
        kind: OptionKind,
        /// What follows the length octet.
        data: &'a [u8],
    },
}

/// The options of a segment one after the other, up to an end-of-list or a length that makes no sense.
#[derive(Clone, Debug)]
pub struct OptionIter<'a> {
    rest: &'a [u8],
}

impl<'a> OptionIter<'a> {
    /// Over the options of a segment.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }
}

impl<'a> Iterator for OptionIter<'a> {
    type Item = TcpOption<'a>;

    #[inline]
    fn next(&mut self) -> Option<TcpOption<'a>> {
        let rest = core::mem::take(&mut self.rest);
        let (&kind, after) = rest.split_first()?;
        let kind = OptionKind(kind);
        if kind == OptionKind::END_OF_LIST {
            return Some(TcpOption::EndOfList);
        }
        if kind == OptionKind::NO_OPERATION {
            self.rest = after;
            return Some(TcpOption::NoOperation);
        }
        let (&len, after) = after.split_first()?;
        // The length counts kind and length octets.
        let (data, after) = after.split_at_checked(usize::from(len).checked_sub(2)?)?;
        self.rest = after;
        Some(match (kind, data) {
            (OptionKind::MAX_SEGMENT_SIZE, &[a, b]) => {
                TcpOption::MaxSegmentSize(u16::from_be_bytes([a, b]))
            }
            (OptionKind::WINDOW_SCALE, &[shift]) => TcpOption::WindowScale(shift),
            (OptionKind::SACK_PERMITTED, []) => TcpOption::SackPermitted,
            (OptionKind::SACK, data) => match read_blocks(data) {
                Some(blocks) => TcpOption::Sack(blocks),
                None => TcpOption::Other { kind, data },
            },
            (OptionKind::TIMESTAMPS, data) => match Timestamps::read(data) {
                Some((timestamps, [])) => TcpOption::Timestamps(timestamps),
                _ => TcpOption::Other { kind, data },
            },
            (kind, data) => TcpOption::Other { kind, data },
        })
    }
}

/// One to four whole blocks.
fn read_blocks(data: &[u8]) -> Option<SackBlocks> {
    let (words, []) = data.as_chunks::<8>() else {
        return None;
    };
    if words.is_empty() || words.len() > SackBlocks::MAX {
        return None;
    }
    let blocks = words.iter().map(|&[a, b, c, d, e, f, g, h]| SackBlock {
        left: SeqNumber(u32::from_be_bytes([a, b, c, d])),
        right: SeqNumber(u32::from_be_bytes([e, f, g, h])),
    });
    Some(blocks.collect())
}

/// As packet scripts write them: `mss 1460`, `sackOK`, `TS val 7 ecr 0`, `nop`, `wscale 7`, `sack 1:2 5:6`, `eol`.
impl fmt::Display for TcpOption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndOfList => f.write_str("eol"),
            Self::NoOperation => f.write_str("nop"),
            Self::MaxSegmentSize(size) => write!(f, "mss {size}"),
            Self::WindowScale(shift) => write!(f, "wscale {shift}"),
            Self::SackPermitted => f.write_str("sackOK"),
            Self::Sack(blocks) => {
                f.write_str("sack")?;
                for SackBlock { left, right } in blocks {
                    write!(f, " {left}:{right}")?;
                }
                Ok(())
            }
            Self::Timestamps(Timestamps { value, echo }) => {
                write!(f, "TS val {value} ecr {echo}")
            }
            Self::Other { kind, data } => {
                write!(f, "kind {} ({} octets)", kind.0, data.len() + 2)
            }
        }
    }
}

#[cfg(test)]
mod tests;
