//! The internet timestamp option: RFC 791 §3.1.

use core::fmt;
use core::net::Ipv4Addr;

use super::record::{address_at, next_entry, pointed, write_entry};
use super::{OptionError, OptionFault, Recorded};
use crate::list::List;

/// Octets in front of the entries of a timestamp option: type, length, pointer, overflow and form.
const TIMESTAMP_HEAD: usize = 4;

/// What a timestamp option holds: the low four bits of its fourth octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampForm {
    /// 0: times only.
    Times,
    /// 1: the address of each node before its time.
    Addressed,
    /// 3: the sender named the nodes that shall write their time.
    Prespecified,
    /// A number that RFC 791 does not know.
    Unknown(u8),
}

impl TimestampForm {
    const fn from_flags(flags: u8) -> Self {
        match flags {
            0 => Self::Times,
            1 => Self::Addressed,
            3 => Self::Prespecified,
            other => Self::Unknown(other),
        }
    }

    /// The bits.
    #[must_use]
    pub const fn flags(self) -> u8 {
        match self {
            Self::Times => 0,
            Self::Addressed => 1,
            Self::Prespecified => 3,
            Self::Unknown(other) => other & 0x0f,
        }
    }

    /// Octets of an entry.
    #[must_use]
    pub const fn entry_len(self) -> usize {
        match self {
            Self::Times => 4,
            Self::Addressed | Self::Prespecified | Self::Unknown(_) => 8,
        }
    }
}

/// An entry of a timestamp option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The node, in the forms that name it.
    pub address: Option<Ipv4Addr>,
    /// Milliseconds since midnight UT; of another unit with [`Stamp::NON_STANDARD`] set.
    pub time: u32,
}

impl Stamp {
    /// The bit of a time that is not milliseconds since midnight UT.
    pub const NON_STANDARD: u32 = 0x8000_0000;
}

/// A timestamp option.
///
/// ```text
/// +--------+--------+--------+--------+
/// |01000100| length | pointer|oflw|flg|
/// +--------+--------+--------+--------+
/// |         internet address          |
/// +--------+--------+--------+--------+
/// |             timestamp             |
/// +--------+--------+--------+--------+
/// |                 …                 |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp<'a> {
    octets: &'a [u8],
}

impl<'a> Timestamp<'a> {
    /// Milliseconds of a day.
    pub const DAY: u32 = 86_400_000;

    pub(super) fn new(octets: &'a [u8]) -> Result<Self, OptionError> {
        if octets.len() < TIMESTAMP_HEAD {
            return Err(OptionError::new(1, OptionFault::Length));
        }
        pointed(octets, TIMESTAMP_HEAD).map(|_| Self { octets })
    }

    fn flags(octets: &[u8]) -> u8 {
        octets.get(3).copied().unwrap_or_default()
    }

    /// The pointer: where the next entry goes, counted from one, at least 5.
    #[must_use]
    pub fn pointer(&self) -> u8 {
        self.octets.get(2).copied().unwrap_or_default()
    }

    /// How many nodes could not write their time for lack of room, at most 15.
    #[must_use]
    pub fn overflow(&self) -> u8 {
        Self::flags(self.octets) >> 4
    }

    /// What the entries are.
    #[must_use]
    pub fn form(&self) -> TimestampForm {
        TimestampForm::from_flags(Self::flags(self.octets) & 0x0f)
    }

    /// Whether no entry can be added.
    #[must_use]
    pub fn is_full(&self) -> bool {
        usize::from(self.pointer()) > self.octets.len()
    }

    /// The entries written so far.
    pub fn recorded(&self) -> impl Iterator<Item = Stamp> + Clone + use<'a> {
        let end = usize::from(self.pointer())
            .saturating_sub(1)
            .min(self.octets.len());
        self.entries(TIMESTAMP_HEAD, end)
    }

    /// The nodes that shall still write their time, in the prespecified form; else what happens to be in the room.
    pub fn remaining(&self) -> impl Iterator<Item = Stamp> + Clone + use<'a> {
        self.entries(
            usize::from(self.pointer()).saturating_sub(1),
            self.octets.len(),
        )
    }

    fn entries(&self, start: usize, end: usize) -> impl Iterator<Item = Stamp> + Clone + use<'a> {
        let entry_len = self.form().entry_len();
        let octets = self.octets.get(start..end).unwrap_or_default();
        octets.chunks_exact(entry_len).map(|entry| {
            let (address, time) = entry.split_at_checked(entry.len() - 4).unwrap_or_default();
            Stamp {
                address: address.first_chunk::<4>().copied().map(Ipv4Addr::from),
                time: time
                    .first_chunk::<4>()
                    .copied()
                    .map_or(0, u32::from_be_bytes),
            }
        })
    }

    /// Writes the time into the option in place; `option` are all its octets.
    ///
    /// `address` is written where the form wants one, `is_ours` tells whether a prespecified address belongs to this
    /// node. RFC 791 §3.1: a full option counts the node in its overflow.
    ///
    /// # Errors
    ///
    /// A bad pointer, room for part of an entry only, an overflow that cannot be counted, or an unknown form: the
    /// packet is one to be discarded.
    pub fn record(
        option: &mut [u8],
        address: Ipv4Addr,
        time: u32,
        is_ours: impl FnOnce(Ipv4Addr) -> bool,
    ) -> Result<Recorded, OptionError> {
        let flags = Self::flags(option);
        let form = TimestampForm::from_flags(flags & 0x0f);
        if let TimestampForm::Unknown(_) = form {
            return Err(OptionError::new(3, OptionFault::Form));
        }
        let Some(range) = next_entry(option, TIMESTAMP_HEAD, form.entry_len())? else {
            let Some(flags) = flags.checked_add(0x10) else {
                return Err(OptionError::new(3, OptionFault::Overflow));
            };
            if let Some(field) = option.get_mut(3) {
                *field = flags;
            }
            return Ok(Recorded::Full);
        };
        let address = match form {
            TimestampForm::Prespecified => {
                let named = address_at(option, range.start..range.start + 4);
                match named {
                    Some(named) if is_ours(named) => named,
                    _ => return Ok(Recorded::NotForUs),
                }
            }
            TimestampForm::Times | TimestampForm::Addressed | TimestampForm::Unknown(_) => address,
        };
        let [a, b, c, d] = address.octets();
        let [e, f, g, h] = time.to_be_bytes();
        let entry = [a, b, c, d, e, f, g, h];
        let [_, _, _, _, time @ ..] = &entry;
        match form {
            TimestampForm::Times => write_entry(option, range, time),
            _ => write_entry(option, range, &entry),
        }
        Ok(Recorded::Written)
    }
}

/// `{1000,2000}`, `{192.0.2.1@1000}`; behind a bar the nodes that shall still write, behind a plus the overflow.
impl fmt::Display for Timestamp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}", List(self.recorded()))?;
        if self.form() == TimestampForm::Prespecified {
            let nodes = self.remaining().filter_map(|stamp| stamp.address);
            write!(f, "|{}", List(nodes))?;
        }
        match self.overflow() {
            0 => f.write_str("}"),
            missed => write!(f, "+{missed}}}"),
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{address}@{}", self.time),
            None => self.time.fmt(f),
        }
    }
}
