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
    }

    pub(super) fn received(&mut self, message_type: MessageType) {
        count(&mut self.received, message_type);
    }

    pub(super) fn sent(&mut self, message_type: MessageType) {
        count(&mut self.sent, message_type);
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
