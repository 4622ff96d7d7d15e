//! ICMP (RFC 792): what is counted, and how many errors are sent at most. What is said and heard is in `stack/icmp.rs`.

mod limit;

pub(crate) use limit::RateLimiter;

use crate::errno::Errno;
use fairway_wire::icmp::{Message, Type, UnreachableCode};

/// What ICMP has counted (`icmpstat` of sockets.md §11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IcmpCounters {
    /// Errors sent.
    pub errors: u64,
    /// Errors not sent because the packet was an ICMP error, a later fragment, or to or from many.
    pub suppressed: u64,
    /// Errors not sent because of the rate limits.
    pub rate_limited: u64,
    /// Messages received that were too short.
    pub short: u64,
    /// Messages received with a wrong checksum.
    pub bad_checksum: u64,
    /// Errors received without enough of the packet they are about.
    pub bad_length: u64,
    /// Messages received of a code not known here.
    pub bad_code: u64,
    /// Requests answered.
    pub responses: u64,
    /// Redirects believed.
    pub redirects_taken: u64,
    /// Redirects not believed.
    pub redirects_refused: u64,
    /// Messages received, by type; the last place is for types not known here.
    pub received: [u64; 20],
    /// Messages sent, by type.
    pub sent: [u64; 20],
}

impl IcmpCounters {
    pub(crate) fn count_received(&mut self, of: Type) {
        if let Some(counter) = self.received.get_mut(place(of)) {
            *counter += 1;
        }
    }

    pub(crate) fn count_sent(&mut self, of: Type) {
        if let Some(counter) = self.sent.get_mut(place(of)) {
            *counter += 1;
        }
    }
}

fn place(Type(of): Type) -> usize {
    usize::from(of.min(19))
}

/// The error that a socket is told for a message about a packet of its own (RFC 1122 §4.2.3.9, 4.4BSD), and whether
/// trying again is of no use.
pub(crate) fn errno_of(message: &Message) -> Option<(Errno, bool)> {
    match message {
        Message::DestinationUnreachable { code, .. } => Some(match *code {
            UnreachableCode::PROTOCOL => (Errno::NoProtoOpt, true),
            UnreachableCode::PORT => (Errno::ConnRefused, true),
            UnreachableCode::FRAGMENTATION_NEEDED => (Errno::MsgSize, false),
            UnreachableCode::HOST
            | UnreachableCode::SOURCE_ROUTE_FAILED
            | UnreachableCode::HOST_UNKNOWN
            | UnreachableCode::HOST_PROHIBITED
            | UnreachableCode::HOST_TOS
            | UnreachableCode::ADMIN_PROHIBITED => (Errno::HostUnreach, false),
            _ => (Errno::NetUnreach, false),
        }),
        Message::TimeExceeded { .. } => Some((Errno::HostUnreach, false)),
        Message::ParameterProblem { .. } => Some((Errno::NoProtoOpt, false)),
        _ => None,
    }
}
