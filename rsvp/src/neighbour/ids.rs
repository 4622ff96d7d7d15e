//! Names of messages, given out and not yet answered: RFC 2961 §4, §6.
//!
//! This node numbers all its messages in one row, whatever interface they leave by; so an identifier alone names a
//! message.

use core::time::Duration;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use fairway_wire::Instant;

use super::io::{Destination, StateKey};
use super::peer::PeerKey;
use crate::interface::IfIndex;
use crate::msg::{Body, Message, Path};
use crate::timing::Retransmission;
use crate::wire::{Epoch, Id, MessageId, MessageType, Session};

/// The name of the message that made a state, as it stands with the neighbour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) peer: PeerKey,
    /// [`Peer::made`](super::peer::Peer::made) of that peer.
    pub(super) made: u64,
    /// The address the identifier was given out under.
    pub(super) generator: IpAddr,
    pub(super) id: Id,
    /// The neighbour has it.
    pub(super) acknowledged: bool,
    /// Summaries refresh the state: it is on the neighbour's roll.
    pub(super) listed: bool,
    /// The engine was asked to send the state in full.
    pub(super) resend: bool,
    /// When it was last asked.
    pub(super) asked: Option<Instant>,
    /// Source and group, of Path states of multicast sessions.
    pub(super) flow: Option<(IpAddr, IpAddr)>,
}

/// Where a message goes, kept so that it can go there again.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) interface: IfIndex,
    pub(super) to: Destination,
    pub(super) source: Option<IpAddr>,
    pub(super) message: Message,
}

/// A message that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) peer: PeerKey,
    pub(super) key: Option<StateKey>,
    pub(super) order: Order,
    /// The wait after the next transmission.
    wait: Duration,
    delta_percent: u32,
    /// Transmissions that are left.
    left: u32,
}

/// What an error message answers: the neighbour, the type, and the session's destination, protocol and port.
type About = (PeerKey, MessageType, IpAddr, u8, u16);

/// The Paths a PathTear is before or behind: the interface, and the session's destination, protocol and port.
type Place = (IfIndex, IpAddr, u8, u16);

const fn place(interface: IfIndex, session: &Session) -> Place {
    (
        interface,
        session.destination,
        session.protocol.0,
        session.port,
    )
}

fn about(peer: PeerKey, message_type: MessageType, session: &Session) -> About {
    (
        peer,
        message_type,
        session.destination,
        session.protocol.0,
        session.port,
    )
}

/// All names, and all that waits. Hash tables are only looked up in.
#[derive(Debug)]
pub(super) struct Ids {
    epoch: Epoch,
    last: Id,
    names: HashMap<StateKey, Name>,
    /// The state that has this identifier now.
    states: HashMap<u32, StateKey>,
    waiting: HashMap<u32, Waiting>,
    waiting_of: BTreeSet<(PeerKey, u32)>,
    /// Of Path and Resv.
    waiting_about: BTreeSet<(About, u32)>,
    /// Of PathTear.
    waiting_tears: BTreeSet<(Place, u32)>,
}

impl Ids {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            last: Id(0),
            names: HashMap::new(),
            states: HashMap::new(),
            waiting: HashMap::new(),
            waiting_of: BTreeSet::new(),
            waiting_about: BTreeSet::new(),
            waiting_tears: BTreeSet::new(),
        }
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) fn waiting_len(&self) -> usize {
        self.waiting.len()
    }

    /// RFC 2961 §4.1: larger than all before.
    pub(super) const fn next(&mut self) -> Id {
        self.last = self.last.next();
        self.last
    }

    pub(super) fn name(&self, key: StateKey) -> Option<&Name> {
        self.names.get(&key)
    }

    pub(super) fn name_mut(&mut self, key: StateKey) -> Option<&mut Name> {
        self.names.get_mut(&key)
    }

    /// Names a state, instead of the name it had.
    pub(super) fn set_name(&mut self, key: StateKey, name: Name) {
        if let Some(before) = self.names.insert(key, name) {
            self.states.remove(&before.id.0);
        }
        self.states.insert(name.id.0, key);
    }

    pub(super) fn remove_name(&mut self, key: StateKey) -> Option<Name> {
        let name = self.names.remove(&key)?;
        self.states.remove(&name.id.0);
        Some(name)
    }

    /// The state with this identifier, if it is one of this interface and of this epoch.
    pub(super) fn state_of(
        &mut self,
        interface: IfIndex,
        epoch: Epoch,
        id: Id,
    ) -> Option<(StateKey, &mut Name)> {
        if epoch != self.epoch {
            return None;
        }
        let key = *self.states.get(&id.0)?;
        let name = self.names.get_mut(&key)?;
        (name.peer.0 == interface).then_some((key, name))
    }

    /// Waits for the answer to a message that is about to be sent for the first time; gives the first wait.
    pub(super) fn wait(
        &mut self,
        id: Id,
        peer: PeerKey,
        key: Option<StateKey>,
        order: Order,
        retransmission: Retransmission,
    ) -> Option<Duration> {
        let mut waits = retransmission.waits();
        let first = waits.next()?;
        match &order.message.body {
            Body::Path(_) | Body::Resv(_) => {
                if let Some(session) = order.message.body.session() {
                    let about = about(peer, order.message.body.message_type(), session);
                    self.waiting_about.insert((about, id.0));
                }
            }
            Body::PathTear(tear) => {
                let place = place(peer.0, &tear.session);
                self.waiting_tears.insert((place, id.0));
            }
            _ => {}
        }
        self.waiting_of.insert((peer, id.0));
        let waiting = Waiting {
            peer,
            key,
            order,
            wait: waits.next().unwrap_or(first),
            delta_percent: retransmission.delta_percent,
            left: retransmission.limit.saturating_sub(1),
        };
        self.waiting.insert(id.0, waiting);
        Some(first)
    }

    /// The wait for an answer is over. What to send again and how long to wait then, or `None`: it was the last time.
    pub(super) fn again(&mut self, id: Id) -> Option<(Order, Duration)> {
        let waiting = self.waiting.get_mut(&id.0)?;
        waiting.left = waiting.left.checked_sub(1)?;
        let wait = waiting.wait;
        let longer = wait.saturating_mul(waiting.delta_percent) / 100;
        waiting.wait = wait.saturating_add(longer);
        Some((waiting.order.clone(), wait))
    }

    /// Waits no more.
    pub(super) fn stop(&mut self, id: Id) -> Option<Waiting> {
        let waiting = self.waiting.remove(&id.0)?;
        self.waiting_of.remove(&(waiting.peer, id.0));
        let body = &waiting.order.message.body;
        if let Some(session) = body.session() {
            let about = about(waiting.peer, body.message_type(), session);
            self.waiting_about.remove(&(about, id.0));
            let place = place(waiting.peer.0, session);
            self.waiting_tears.remove(&(place, id.0));
        }
        Some(waiting)
    }

    /// Whether this identifier waits at this interface.
    pub(super) fn is_waiting(&self, interface: IfIndex, epoch: Epoch, id: Id) -> bool {
        epoch == self.epoch
            && self
                .waiting
                .get(&id.0)
                .is_some_and(|waiting| waiting.peer.0 == interface)
    }

    /// What waits for this neighbour, oldest number first.
    pub(super) fn waiting_for(&self, peer: PeerKey) -> Vec<Id> {
        self.waiting_of
            .range((peer, 0)..=(peer, u32::MAX))
            .map(|(_, id)| Id(*id))
            .collect()
    }

    /// The PathTears of its sender that wait where this Path goes.
    pub(super) fn overtaken_by(&self, interface: IfIndex, path: &Path) -> Vec<Id> {
        let place = place(interface, &path.session);
        let template = path.sender.as_ref().map(|sender| sender.template);
        self.waiting_tears
            .range((place, 0)..=(place, u32::MAX))
            .map(|(_, id)| Id(*id))
            .filter(|id| {
                let waiting = self.waiting.get(&id.0);
                waiting.is_some_and(|waiting| match &waiting.order.message.body {
                    Body::PathTear(tear) => {
                        tear.sender.as_ref().map(|sender| sender.template) == template
                    }
                    _ => false,
                })
            })
            .collect()
    }

    /// What an error message of this neighbour answers: RFC 2961 §4.6 counts it as an acknowledgement.
    pub(super) fn answered_by(&self, peer: PeerKey, error: &Body) -> Vec<Id> {
        let (message_type, session) = match error {
            Body::PathErr(error) => (MessageType::PATH, &error.session),
            Body::ResvErr(error) => (MessageType::RESV, &error.session),
            _ => return Vec::new(),
        };
        let about = about(peer, message_type, session);
        self.waiting_about
            .range((about, 0)..=(about, u32::MAX))
            .map(|(_, id)| Id(*id))
            .filter(|id| {
                self.waiting
                    .get(&id.0)
                    .is_some_and(|waiting| is_answer(error, &waiting.order.message.body))
            })
            .collect()
    }

    /// The object that names a message.
    pub(super) const fn object(&self, id: Id, ack_desired: bool) -> MessageId {
        MessageId {
            ack_desired,
            epoch: self.epoch,
            id,
        }
    }
}

/// Whether an error message is about this message, the session being the same.
fn is_answer(error: &Body, body: &Body) -> bool {
    match (error, body) {
        (Body::PathErr(error), Body::Path(path)) => {
            let template = |sender: &crate::msg::SenderDescriptor| sender.template;
            error.sender.as_ref().map(template) == path.sender.as_ref().map(template)
        }
        (Body::ResvErr(_), Body::Resv(_)) => true,
        _ => false,
    }
}
