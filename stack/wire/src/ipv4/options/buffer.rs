//! Options to be sent.

use core::fmt;
use core::net::Ipv4Addr;

use super::{Kind, MAX_LEN, TimestampForm};

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
