//! IPv4 options: RFC 791 §3.1, RFC 2113 (router alert).
//!
//! [`Options`] walks over the options of a header; each [`Entry`] knows its place, so that a router can rewrite an
//! option where it is: [`RecordRoute::record`], [`SourceRoute::advance`], [`Timestamp::record`]. [`OptionBuffer`]
//! builds options, and [`copied_to_fragments`] selects those that every fragment repeats.

use core::fmt;
use core::net::Ipv4Addr;
use core::ops::Range;

/// The most octets that options can take up.
pub const MAX_LEN: usize = 40;

/// The type octet of an option: a copied flag, a class of two bits, a number of five.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub u8);

impl Kind {
    /// End of option list; a single octet.
    pub const END_OF_LIST: Self = Self(0);
    /// No operation; a single octet.
    pub const NO_OPERATION: Self = Self(1);
    /// Record route.
    pub const RECORD_ROUTE: Self = Self(7);
    /// Internet timestamp.
    pub const TIMESTAMP: Self = Self(68);
    /// Security; 11 octets in RFC 791, other lengths in RFC 1108.
    pub const SECURITY: Self = Self(130);
    /// Loose source and record route.
    pub const LOOSE_SOURCE_ROUTE: Self = Self(131);
    /// Stream identifier; 4 octets, obsolete (RFC 6814).
    pub const STREAM_ID: Self = Self(136);
    /// Strict source and record route.
    pub const STRICT_SOURCE_ROUTE: Self = Self(137);
    /// Router alert; 4 octets, RFC 2113.
    pub const ROUTER_ALERT: Self = Self(148);

    /// Whether every fragment repeats the option (RFC 791 §3.1, copied flag).
    #[inline]
    #[must_use]
    pub const fn is_copied(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Whether the option is its type octet only.
    #[inline]
    #[must_use]
    pub const fn is_single_octet(self) -> bool {
        matches!(self, Self::END_OF_LIST | Self::NO_OPERATION)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "option {}", self.0)
    }
}

/// An option that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// The octet at fault, counted from the beginning of what was examined: the options of a header, or one option.
    ///
    /// The pointer of an ICMP parameter problem is this plus 20 (and the offset of the option).
    pub offset: usize,
    /// What is wrong with it.
    pub fault: OptionFault,
}

/// What is wrong with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionFault {
    /// The length octet is missing, below what the option needs, or above what there is.
    Length,
    /// The pointer is below its smallest value.
    Pointer,
    /// There is room left, but not enough for what is to be recorded.
    Room,
    /// The timestamp option cannot count more nodes that found it full.
    Overflow,
    /// A timestamp option of no known form.
    Form,
}

impl OptionError {
    /// The same error seen from `base` octets further to the front.
    #[must_use]
    pub const fn behind(self, base: usize) -> Self {
        Self {
            offset: self.offset + base,
            fault: self.fault,
        }
    }

    const fn new(offset: usize, fault: OptionFault) -> Self {
        Self { offset, fault }
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            OptionFault::Length => "length of an option makes no sense",
            OptionFault::Pointer => "pointer of an option below its smallest value",
            OptionFault::Room => "too little room left in an option",
            OptionFault::Overflow => "overflow counter of a timestamp option is full",
            OptionFault::Form => "timestamp option of unknown form",
        };
        write!(f, "{fault}, at octet {}", self.offset)
    }
}

impl core::error::Error for OptionError {}

/// The options of a header one after the other; ends after an end-of-list or an error.
///
/// ```
/// use fairway_wire::ipv4::options::{IpOption, Options};
///
/// // RFC 2113 §2.1: router alert.
/// let mut options = Options::new(&[148, 4, 0, 0]);
/// let alert = options.next().unwrap()?;
/// assert_eq!(alert.option, IpOption::RouterAlert(0));
/// assert_eq!(alert.range(), 0..4);
/// # Ok::<(), fairway_wire::ipv4::options::OptionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Options<'a> {
    /// Over the options of a header.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self {
            rest: octets,
            offset: 0,
        }
    }
}

/// An option and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where it begins in the options.
    pub offset: usize,
    /// All of its octets, with type and length.
    pub octets: &'a [u8],
    /// What it says.
    pub option: IpOption<'a>,
}

impl Entry<'_> {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind(self.octets.first().copied().unwrap_or_default())
    }

    /// Its place in the options.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.octets.len()
    }
}

/// What an option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpOption<'a> {
    /// Nothing follows.
    EndOfList,
    /// A filler.
    NoOperation,
    /// Routers write their addresses here.
    RecordRoute(RecordRoute<'a>),
    /// Goes by the addresses given, with other routers between them.
    LooseSourceRoute(SourceRoute<'a>),
    /// Goes by the addresses given and by no others.
    StrictSourceRoute(SourceRoute<'a>),
    /// Routers write the time here.
    Timestamp(Timestamp<'a>),
    /// Routers shall look at the packet; the value is 0 (RFC 2113 §2.1).
    RouterAlert(u16),
    /// An option not known here.
    Other {
        /// Its type.
        kind: Kind,
        /// What follows the length octet.
        data: &'a [u8],
    },
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<Entry<'a>, OptionError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = core::mem::take(&mut self.rest);
        let offset = self.offset;
        let kind = Kind(*rest.first()?);
        let len = if kind.is_single_octet() {
            1
        } else {
            rest.get(1).copied().map_or(0, usize::from)
        };
        let (Some((octets, after)), true) = (
            rest.split_at_checked(len),
            kind.is_single_octet() || len >= 2,
        ) else {
            return Some(Err(OptionError::new(offset + 1, OptionFault::Length)));
        };
        let option = match IpOption::read(kind, octets) {
            Ok(option) => option,
            Err(error) => return Some(Err(error.behind(offset))),
        };
        if kind != Kind::END_OF_LIST {
            self.rest = after;
        }
        self.offset = offset + len;
        Some(Ok(Entry {
            offset,
            octets,
            option,
        }))
    }
}

impl<'a> IpOption<'a> {
    /// Reads one option; `octets` are all of it.
    fn read(kind: Kind, octets: &'a [u8]) -> Result<Self, OptionError> {
        Ok(match kind {
            Kind::END_OF_LIST => Self::EndOfList,
            Kind::NO_OPERATION => Self::NoOperation,
            Kind::RECORD_ROUTE => Self::RecordRoute(RecordRoute::new(octets)?),
            Kind::LOOSE_SOURCE_ROUTE => Self::LooseSourceRoute(SourceRoute::new(octets)?),
            Kind::STRICT_SOURCE_ROUTE => Self::StrictSourceRoute(SourceRoute::new(octets)?),
            Kind::TIMESTAMP => Self::Timestamp(Timestamp::new(octets)?),
            Kind::ROUTER_ALERT => match *octets {
                [_, _, a, b] => Self::RouterAlert(u16::from_be_bytes([a, b])),
                _ => return Err(OptionError::new(1, OptionFault::Length)),
            },
            kind => Self::Other {
                kind,
                data: octets.get(2..).unwrap_or_default(),
            },
        })
    }
}

/// What became of the wish to record something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It was written.
    Written,
    /// The option was full already; a timestamp option has counted that.
    Full,
    /// The next entry of a timestamp option waits for another node.
    NotForUs,
}

/// Octets in front of the addresses of a route: type, length, pointer.
const ROUTE_HEAD: usize = 3;
/// Octets in front of the entries of a timestamp option: type, length, pointer, overflow and form.
const TIMESTAMP_HEAD: usize = 4;

/// Where the next entry of an option goes: the pointer octet counts from one.
///
/// `None` if the option is full: the pointer is greater than the length (RFC 791 §3.1).
fn next_entry(
    octets: &[u8],
    head: usize,
    entry: usize,
) -> Result<Option<Range<usize>>, OptionError> {
    let pointer = octets.get(2).copied().map_or(0, usize::from);
    if pointer <= head {
        return Err(OptionError::new(2, OptionFault::Pointer));
    }
    if pointer > octets.len() {
        return Ok(None);
    }
    let range = pointer - 1..pointer - 1 + entry;
    // RFC 791 §3.1: some room but not enough for a full entry: the datagram is in error.
    if range.end > octets.len() {
        return Err(OptionError::new(2, OptionFault::Room));
    }
    Ok(Some(range))
}

/// Writes `entry` at `range` and moves the pointer behind it.
fn write_entry(octets: &mut [u8], range: Range<usize>, entry: &[u8]) {
    // The pointer counts from one; an option has at most 40 octets.
    let pointer = u8::try_from(range.end + 1).unwrap_or(u8::MAX);
    if let Some(place) = octets.get_mut(range)
        && place.len() == entry.len()
    {
        place.copy_from_slice(entry);
        if let Some(field) = octets.get_mut(2) {
            *field = pointer;
        }
    }
}

/// The address at `range`.
fn address_at(octets: &[u8], range: Range<usize>) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = octets.get(range)?.try_into().ok()?;
    Some(Ipv4Addr::from(octets))
}

/// Whole addresses of a slice.
fn addresses(octets: &[u8]) -> impl DoubleEndedIterator<Item = Ipv4Addr> + Clone + '_ {
    let (addresses, _) = octets.as_chunks::<4>();
    addresses.iter().copied().map(Ipv4Addr::from)
}

/// A record route option.
///
/// ```text
/// +--------+--------+--------+---------//--------+
/// |00000111| length | pointer|     route data    |
/// +--------+--------+--------+---------//--------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRoute<'a> {
    octets: &'a [u8],
}

impl<'a> RecordRoute<'a> {
    /// Checks length and pointer; `octets` are the whole option.
    fn new(octets: &'a [u8]) -> Result<Self, OptionError> {
        if octets.len() < ROUTE_HEAD {
            return Err(OptionError::new(1, OptionFault::Length));
        }
        match next_entry(octets, ROUTE_HEAD, 4) {
            // Whether the last piece of room is too small matters to who writes into it.
            Ok(_)
            | Err(OptionError {
                fault: OptionFault::Room,
                ..
            }) => Ok(Self { octets }),
            Err(error) => Err(error),
        }
    }

    /// The pointer: where the next address goes, counted from one, at least 4.
    #[must_use]
    pub fn pointer(&self) -> u8 {
        self.octets.get(2).copied().unwrap_or_default()
    }

    /// Whether no address can be added.
    #[must_use]
    pub fn is_full(&self) -> bool {
        usize::from(self.pointer()) > self.octets.len()
    }

    /// The addresses written so far.
    pub fn recorded(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> + Clone + use<'a> {
        let end = usize::from(self.pointer())
            .saturating_sub(1)
            .min(self.octets.len());
        addresses(self.octets.get(ROUTE_HEAD..end).unwrap_or_default())
    }

    /// Writes `address` into the option in place; `option` are all its octets.
    ///
    /// # Errors
    ///
    /// RFC 791 §3.1: an option with a bad pointer, or with some room but not enough for an address, makes the whole
    /// packet one to be discarded.
    pub fn record(option: &mut [u8], address: Ipv4Addr) -> Result<Recorded, OptionError> {
        match next_entry(option, ROUTE_HEAD, 4)? {
            None => Ok(Recorded::Full),
            Some(range) => {
                write_entry(option, range, &address.octets());
                Ok(Recorded::Written)
            }
        }
    }
}

/// A loose or strict source route: addresses still to be visited, and those visited.
///
/// ```text
/// +--------+--------+--------+---------//--------+
/// |1000x0x1| length | pointer|     route data    |
/// +--------+--------+--------+---------//--------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRoute<'a> {
    route: RecordRoute<'a>,
}

impl<'a> SourceRoute<'a> {
    fn new(octets: &'a [u8]) -> Result<Self, OptionError> {
        RecordRoute::new(octets).map(|route| Self { route })
    }

    /// The pointer: where the next address to be visited stands, counted from one, at least 4.
    #[must_use]
    pub fn pointer(&self) -> u8 {
        self.route.pointer()
    }

    /// Whether all addresses were visited: the destination of the packet is the last.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.route.is_full()
    }

    /// The addresses visited, as the routers wrote them.
    pub fn recorded(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> + Clone + use<'a> {
        self.route.recorded()
    }

    /// The addresses still to be visited, without the one that is the packet's destination now.
    pub fn remaining(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> + Clone + use<'a> {
        let start = usize::from(self.pointer()).saturating_sub(1);
        addresses(self.route.octets.get(start..).unwrap_or_default())
    }

    /// Takes the next address out of the option in place and writes `local`, the router's own address, instead.
    ///
    /// `None` if the route is complete. `option` are all octets of the option.
    ///
    /// # Errors
    ///
    /// As for [`RecordRoute::record`].
    pub fn advance(option: &mut [u8], local: Ipv4Addr) -> Result<Option<Ipv4Addr>, OptionError> {
        let Some(range) = next_entry(option, ROUTE_HEAD, 4)? else {
            return Ok(None);
        };
        let next = address_at(option, range.clone());
        write_entry(option, range, &local.octets());
        Ok(next)
    }

    /// The way back along a complete route: the first hop and the route from there to `source`, who sent the packet.
    ///
    /// RFC 1122 §3.2.1.8(c): a reply goes by the reversed route. With nothing recorded the first hop is `source` and
    /// the list is empty.
    pub fn reversed(
        &self,
        source: Ipv4Addr,
    ) -> (Ipv4Addr, impl Iterator<Item = Ipv4Addr> + Clone + use<'a>) {
        let mut way = self.recorded().rev().chain(core::iter::once(source));
        let first = way.next().unwrap_or(source);
        (first, way)
    }
}

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

    fn new(octets: &'a [u8]) -> Result<Self, OptionError> {
        if octets.len() < TIMESTAMP_HEAD {
            return Err(OptionError::new(1, OptionFault::Length));
        }
        let option = Self { octets };
        match next_entry(octets, TIMESTAMP_HEAD, option.form().entry_len()) {
            Ok(_)
            | Err(OptionError {
                fault: OptionFault::Room,
                ..
            }) => Ok(option),
            Err(error) => Err(error),
        }
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

/// Room for the options of one header, filled from the front.
///
/// ```
/// use fairway_wire::ipv4::options::OptionBuffer;
///
/// let mut options = OptionBuffer::new();
/// assert!(options.push_router_alert(0));
/// assert_eq!(options.as_slice(), [148, 4, 0, 0]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OptionBuffer {
    /// Zero, which is end-of-list, past `len`.
    octets: [u8; MAX_LEN],
    len: usize,
}

impl OptionBuffer {
    /// No options.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            octets: [0; MAX_LEN],
            len: 0,
        }
    }

    /// The options, padded with end-of-list octets to a multiple of four.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.octets
            .get(..self.len.next_multiple_of(4))
            .unwrap_or_default()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends octets: one whole option or several. `false`, and nothing is added, if they do not fit.
    pub fn push(&mut self, octets: &[u8]) -> bool {
        let place = self
            .len
            .checked_add(octets.len())
            .and_then(|end| self.octets.get_mut(self.len..end));
        match place {
            Some(place) => {
                place.copy_from_slice(octets);
                self.len += octets.len();
                true
            }
            None => false,
        }
    }

    /// Appends a filler of one octet.
    pub fn push_no_operation(&mut self) -> bool {
        self.push(&[Kind::NO_OPERATION.0])
    }

    /// Appends a router alert; the value is 0 (RFC 2113 §2.1).
    pub fn push_router_alert(&mut self, value: u16) -> bool {
        let [a, b] = value.to_be_bytes();
        self.push(&[Kind::ROUTER_ALERT.0, 4, a, b])
    }

    /// Appends an empty record route option with room for `slots` addresses, at most nine.
    pub fn push_record_route(&mut self, slots: u8) -> bool {
        self.push_room(&[Kind::RECORD_ROUTE.0, 0, 4], usize::from(slots) * 4)
    }

    /// Appends a source route through `hops`, at most nine, the last of which is where the packet shall go.
    ///
    /// The first hop is the destination of the packet and does not stand in the option (RFC 791 §3.1).
    pub fn push_source_route(
        &mut self,
        strict: bool,
        hops: impl IntoIterator<Item = Ipv4Addr>,
    ) -> bool {
        let kind = if strict {
            Kind::STRICT_SOURCE_ROUTE
        } else {
            Kind::LOOSE_SOURCE_ROUTE
        };
        let mut with = *self;
        let start = with.len;
        let fits =
            with.push(&[kind.0, 0, 4]) && hops.into_iter().all(|hop| with.push(&hop.octets()));
        self.adopt(with, start, fits)
    }

    /// Appends an empty timestamp option with room for `slots` entries: at most nine times, or four with addresses.
    ///
    /// An option of the prespecified form takes its addresses from
    /// [`push_prespecified_timestamp`](Self::push_prespecified_timestamp).
    pub fn push_timestamp(&mut self, form: TimestampForm, slots: u8) -> bool {
        let room = usize::from(slots) * form.entry_len();
        self.push_room(&[Kind::TIMESTAMP.0, 0, 5, form.flags()], room)
    }

    /// Appends a timestamp option that the nodes of `addresses`, at most four, shall fill.
    pub fn push_prespecified_timestamp(
        &mut self,
        addresses: impl IntoIterator<Item = Ipv4Addr>,
    ) -> bool {
        let mut with = *self;
        let start = with.len;
        let fits = with.push(&[Kind::TIMESTAMP.0, 0, 5, TimestampForm::Prespecified.flags()])
            && addresses
                .into_iter()
                .all(|address| with.push(&address.octets()) && with.push(&[0; 4]));
        self.adopt(with, start, fits)
    }

    fn push_room(&mut self, head: &[u8], room: usize) -> bool {
        let mut with = *self;
        let start = with.len;
        let fits = with.push(head) && with.push([0; MAX_LEN].get(..room).unwrap_or(&[0; MAX_LEN]));
        self.adopt(with, start, fits)
    }

    /// Becomes `with`, whose option from `start` on gets its length, if all of it fitted.
    fn adopt(&mut self, mut with: Self, start: usize, fits: bool) -> bool {
        if !fits {
            return false;
        }
        if let (Some(field), Ok(len)) = (
            with.octets.get_mut(start + 1),
            u8::try_from(with.len - start),
        ) {
            *field = len;
        }
        *self = with;
        true
    }
}

impl Default for OptionBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for OptionBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// The options that go into every fragment but the first: those with the copied flag (RFC 791 §3.1).
///
/// # Errors
///
/// The first option that makes no sense.
pub fn copied_to_fragments(options: &[u8]) -> Result<OptionBuffer, OptionError> {
    let mut copied = OptionBuffer::new();
    for entry in Options::new(options) {
        let entry = entry?;
        if entry.kind().is_copied() && !copied.push(entry.octets) {
            return Err(OptionError::new(entry.offset, OptionFault::Length));
        }
    }
    Ok(copied)
}
