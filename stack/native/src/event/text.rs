//! The lines written: events as `tracing` events, and how often.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fairway_wire::Instant;

use super::dictionary::{self, EventId};
use super::fields::Fields;

/// What a `tracing` event says.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) id: EventId,
    pub(super) fields: &'a Fields,
    /// How many lines like this one were left out since the last.
    pub(super) suppressed: Option<u64>,
}

/// One call site: `tracing` wants name, target and level constant.
macro_rules! write_line {
    ($line:expr, $name:literal, $target:literal, $level:expr) => {{
        let $crate::event::text::Line { id, fields, suppressed } = $line;
        let declared = id.declaration();
        tracing::event!(
            name: $name,
            target: $target,
            $level,
            event = $name,
            prio = declared.level.number(),
            class = tracing::field::display(declared.class),
            id = id.number(),
            "if" = fields.interface,
            src = $crate::event::text::address(fields.source),
            dst = $crate::event::text::address(fields.destination),
            sport = fields.sport,
            dport = fields.dport,
            proto = fields.protocol,
            len = fields.len,
            socket = fields.socket,
            errno = fields.errno.map(tracing::field::display),
            reason = fields.reason,
            request = fields.request,
            from = fields.from,
            to = fields.to,
            detail = fields.detail,
            suppressed = suppressed,
        );
    }};
}
pub(super) use write_line;

/// An address as a field.
pub(super) fn address(address: Option<Ipv4Addr>) -> Option<tracing::field::DisplayValue<IpAddr>> {
    address.map(|address| tracing::field::display(IpAddr::V4(address)))
}

/// Writes an event whose number is limited elsewhere.
pub(super) fn write(id: EventId, fields: &Fields) {
    dictionary::write(&Line {
        id,
        fields,
        suppressed: None,
    });
}

/// How long a count of lines lasts.
const WINDOW: Duration = Duration::from_secs(5);
/// Lines of one event about one address in a [`WINDOW`].
const LINES_PER_ADDRESS: u32 = 10;
/// Lines of one event in a [`WINDOW`], whatever the address: who makes up addresses gets no more.
const LINES_PER_EVENT: u32 = 50;
/// How many pairs of event and address are counted apart.
const PAIRS: usize = 256;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// What is counted: an event and an address.
    of: Option<(EventId, Option<Ipv4Addr>)>,
    since: Instant,
    lines: u32,
    suppressed: u64,
}

impl Count {
    /// Counts a line; what was left out before it if it may be written.
    fn admit(&mut self, now: Instant, most: u32) -> Option<u64> {
        if now - self.since >= WINDOW {
            self.since = now;
            self.lines = 0;
        }
        if self.lines >= most {
            self.suppressed = self.suppressed.saturating_add(1);
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

/// Limits the lines that strangers can cause (`events.md` §8.2, EVT-25). Allocates when it is made only.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    events: Vec<Count>,
    pairs: Vec<Count>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self {
            events: vec![Count::default(); EventId::COUNT],
            pairs: vec![Count::default(); PAIRS],
        }
    }

    /// Writes an event, unless enough like it were written of late.
    pub(super) fn write(&mut self, now: Instant, id: EventId, fields: &Fields) {
        let declared = id.declaration();
        let mut suppressed = 0;
        if declared.level.is_rate_limited() {
            let Some(left_out) = self.admit(now, id, fields.source.or(fields.destination)) else {
                return;
            };
            suppressed = left_out;
        }
        dictionary::write(&Line {
            id,
            fields,
            suppressed: (suppressed != 0).then_some(suppressed),
        });
    }

    fn admit(&mut self, now: Instant, id: EventId, address: Option<Ipv4Addr>) -> Option<u64> {
        let of = (id, address);
        // Any spreading does: pairs that share a place only share its window.
        let spread = address
            .map_or(0, Ipv4Addr::to_bits)
            .wrapping_mul(0x9e37_79b1)
            .rotate_left(13)
            ^ u32::from(id.number());
        let place = usize::try_from(spread).unwrap_or(0) % PAIRS;
        let pair = self.pairs.get_mut(place)?;
        if pair.of != Some(of) {
            *pair = Count {
                of: Some(of),
                since: now,
                ..Count::default()
            };
        }
        let event = self.events.get_mut(id.index())?;
        let by_pair = pair.admit(now, LINES_PER_ADDRESS)?;
        let by_event = event.admit(now, LINES_PER_EVENT)?;
        Some(by_pair + by_event)
    }
}
