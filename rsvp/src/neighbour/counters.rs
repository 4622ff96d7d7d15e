//! What is counted here.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fairway_wire::Instant;

use crate::interface::IfIndex;
use crate::wire::MessageType;

/// What passed and what did not, since this was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeighbourCounters {
    /// Messages that came and were read, by type; what was in a Bundle and the Bundle.
    pub received: BTreeMap<MessageType, u64>,
    /// Messages that went, by type; what was in a Bundle and the Bundle.
    pub sent: BTreeMap<MessageType, u64>,
    /// Datagrams and messages that were dropped here, each way, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Of `received`, by the interface.
    pub received_at: BTreeMap<(IfIndex, MessageType), u64>,
    /// Of `sent`, by the interface.
    pub sent_at: BTreeMap<(IfIndex, MessageType), u64>,
    /// Of `dropped`, by the interface and the type, if that is known.
    pub dropped_at: BTreeMap<(IfIndex, Option<MessageType>, &'static str), u64>,
    /// Where what is counted now passes, and what it is.
    pub(super) here: (IfIndex, Option<MessageType>),
    /// Messages sent again for want of an answer.
    pub retransmitted: u64,
    /// Messages that were never answered, after all transmissions.
    pub unanswered: u64,
    /// States refreshed by summaries that went.
    pub summarised: u64,
    /// Messages signed with a key whose life is over, for want of another: an administrator must act.
    pub expired_keys_used: u64,
}

impl NeighbourCounters {
    pub(super) fn dropped(&mut self, reason: &'static str) {
        count(&mut self.dropped, reason);
        let (interface, message_type) = self.here;
        count(&mut self.dropped_at, (interface, message_type, reason));
    }

    /// Something that passes at no interface that there is.
    pub(super) fn dropped_nowhere(&mut self, reason: &'static str) {
        count(&mut self.dropped, reason);
    }

    pub(super) fn received(&mut self, message_type: MessageType) {
        count(&mut self.received, message_type);
        count(&mut self.received_at, (self.here.0, message_type));
    }

    pub(super) fn sent(&mut self, message_type: MessageType) {
        count(&mut self.sent, message_type);
        count(&mut self.sent_at, (self.here.0, message_type));
    }

    /// What passes now.
    pub(super) const fn message_type(&self) -> Option<MessageType> {
        self.here.1
    }

    /// What is counted from now on passes there, and is this, if it is known. Types that are none of RSVP's are not: others
    /// choose them.
    pub(super) fn turn_to(&mut self, interface: IfIndex, message_type: Option<MessageType>) {
        self.here = (interface, message_type.filter(|of| of.name().is_some()));
    }

    /// An interface is gone: what was counted there stays in the sums.
    pub(super) fn forget(&mut self, interface: IfIndex) {
        self.received_at.retain(|(at, _), _| *at != interface);
        self.sent_at.retain(|(at, _), _| *at != interface);
        self.dropped_at.retain(|(at, _, _), _| *at != interface);
    }
}

fn count<K: Ord>(counters: &mut BTreeMap<K, u64>, key: K) {
    let counter = counters.entry(key).or_default();
    *counter = counter.saturating_add(1);
}

/// A neighbour, for whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeighbourRow {
    /// The interface it is at.
    pub interface: IfIndex,
    /// Its address there: the hop it names in its messages, or else their source.
    pub address: IpAddr,
    /// It understands Bundles, identifiers, Acks and summaries (RFC 2961), and nothing that does not is in between.
    pub refresh_reduction: bool,
    /// Its messages come in UDP.
    pub udp: bool,
    /// What Hello says: `Some` if there were any.
    pub hello: Option<HelloRow>,
    /// Messages it has not acknowledged yet.
    pub unacknowledged: usize,
    /// States that it can be told to refresh by identifier.
    pub named: usize,
    /// When a message of it last came.
    pub last_heard: Instant,
    /// How it stands with signatures.
    pub security: SecurityRow,
}

/// A neighbour by its Hellos: RFC 3209 §5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloRow {
    /// Not heard, or lost.
    Down,
    /// Heard, as this instance.
    Up(u32),
}

/// A neighbour by its signatures: RFC 2747.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityRow {
    /// Nothing signed came of it.
    None,
    /// It was challenged and has not answered.
    Challenged,
    /// Its sequence numbers are known.
    Established,
}
