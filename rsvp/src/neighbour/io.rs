//! Inputs and outputs of this layer.

use std::net::IpAddr;

use bytes::Bytes;

use crate::interface::IfIndex;
use crate::msg::{Body, Message};
use crate::wire::{Epoch, Id};

/// How a datagram travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// IP protocol 46.
    Raw,
    /// UDP to this port: 1698 (*Pu*) or 1699 (*Pu′*).
    Udp(u16),
}

/// How a datagram came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The interface.
    pub interface: IfIndex,
    /// The source in its IP header.
    pub source: IpAddr,
    /// The destination in its IP header.
    pub destination: IpAddr,
    /// The TTL in its IP header; `None` if it is not known, as of UDP.
    pub ttl: Option<u8>,
    /// How it travelled.
    pub via: Via,
}

/// A datagram to be sent. `payload` is the RSVP message, without IP and UDP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// By this interface.
    pub interface: IfIndex,
    /// By no other, whatever the routes say: Path and PathTear, multicast, link-local addresses. Else the system's
    /// routes decide, for a hop may be behind others that do not know RSVP.
    pub pinned: bool,
    /// From this address: not one of this node's in Path and PathTear.
    pub source: IpAddr,
    /// To this address.
    pub destination: IpAddr,
    /// With this TTL.
    pub ttl: u8,
    /// With the router alert option, so that routers on the way look at it.
    pub router_alert: bool,
    /// How.
    pub via: Via,
    /// What.
    pub payload: Bytes,
}

/// Names a piece of state that is refreshed to a neighbour: the engine's choice, one per Path state and outgoing
/// interface, one per Resv state and previous hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateKey(pub u64);

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To a neighbour, without router alert: Resv, ResvTear, PathErr, ResvErr.
    Neighbour(IpAddr),
    /// Towards an end, with router alert, for whichever RSVP node comes next: Path, PathTear, ResvConf.
    Towards {
        /// The destination in the IP header: the session's, or the receiver's.
        end: IpAddr,
        /// The next RSVP node, if it is known and the session is unicast or the link has one peer.
        neighbour: Option<IpAddr>,
    },
}

/// A message from the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// By this interface.
    pub interface: IfIndex,
    /// To there.
    pub to: Destination,
    /// With this source address: the sender's in Path and PathTear; `None`: the interface's.
    pub source: Option<IpAddr>,
    /// With this IP TTL, which is also the send TTL.
    pub ttl: u8,
    /// The state it refreshes (Path, Resv); `None` for all others.
    pub state: Option<StateKey>,
    /// It says something new, and is not only a refresh (RFC 2961 §4.2: a trigger message). Only looked at with `state`;
    /// all others are triggers.
    pub trigger: bool,
    /// What it says.
    pub body: Body,
}

impl Outgoing {
    /// The TTL of what goes to a neighbour: it may be behind routers that do not know RSVP.
    const TTL: u8 = 255;

    /// A message to a neighbour.
    #[must_use]
    pub const fn to_hop(interface: IfIndex, hop: IpAddr, body: Body) -> Self {
        Self {
            interface,
            to: Destination::Neighbour(hop),
            source: None,
            ttl: Self::TTL,
            state: None,
            trigger: true,
            body,
        }
    }

    /// A message of this node towards an end, for whichever RSVP node comes next.
    #[must_use]
    pub fn towards(interface: IfIndex, end: IpAddr, body: Body) -> Self {
        Self {
            to: Destination::Towards {
                end,
                neighbour: None,
            },
            ..Self::to_hop(interface, end, body)
        }
    }
}

/// The identifier of a message that made or changed a piece of state. The engine keeps it with the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdOfState {
    /// The interface it came in by: what is not signed at one does not speak for what was signed at another.
    pub interface: IfIndex,
    /// Whose identifiers: the RSVP_HOP address, or the IP source of messages without one.
    pub generator: IpAddr,
    /// Changes when the generator restarts.
    pub epoch: Epoch,
    /// Grows with each change.
    pub id: Id,
}

impl IdOfState {
    /// Whether both are of one row, so that the greater is the newer.
    #[must_use]
    pub fn is_of_row(&self, other: &Self) -> bool {
        (self.interface, self.generator, self.epoch)
            == (other.interface, other.generator, other.epoch)
    }
}

/// What an identifier says about a message, given what is stored with the state it is about: RFC 2961 §4.4, §4.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Process it in full.
    Process,
    /// It is what made the state: restart its lifetime.
    Refresh,
    /// It is older than what made the state: drop it, do not acknowledge it.
    OutOfOrder,
}

/// An acknowledgement that is owed once the message has been looked at, and was not out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckDue {
    /// By this interface.
    pub interface: IfIndex,
    /// What was named.
    pub id: IdOfState,
    /// It was sent to a group: others answer, too, so wait a random time.
    pub multicast: bool,
}

/// Something for the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// A message, verified, read, and for the engine: none of Bundle, Ack, Srefresh, Hello, Challenge, Response.
    Message {
        /// How it came in; of one in a Bundle, how the Bundle did.
        arrival: Arrival,
        /// The message.
        message: Box<Message>,
        /// Its send TTL, less the hops in between that do not know RSVP: the IP TTL it came with. Never more than it
        /// says, and of UDP what it says.
        ttl: u8,
        /// Its send TTL, or that of its Bundle, is not the IP TTL: a hop in between does not know RSVP (RFC 2205 §3.8).
        non_rsvp_hop: bool,
        /// Its identifier, if it has one.
        id: Option<IdOfState>,
        /// Whether the identifier is less than the largest of its generator and epoch: then, and only then, it can be
        /// out of order.
        late: bool,
        /// What is to be given to `acknowledge` unless it is out of order.
        ack: Option<AckDue>,
    },
    /// A message that could not be read; the engine answers or counts it by
    /// [`Disposition::of_message`](crate::Disposition::of_message).
    Unreadable {
        /// How it came in.
        arrival: Arrival,
        /// Who sent it: the hop it names, else its source.
        neighbour: IpAddr,
        /// Why.
        error: crate::DecodeError,
    },
    /// A neighbour refreshes the state that was made under this identifier. If there is none, the engine calls `nack`.
    Refreshed {
        /// The interface it came in by.
        interface: IfIndex,
        /// The identifier.
        id: IdOfState,
        /// Of lists of multicast sessions: source and group of the data; the group of a list without groups is where it
        /// was sent to. `None` otherwise.
        flow: Option<(IpAddr, IpAddr)>,
    },
    /// A neighbour does not know this state: send it in full, at once.
    Resend(StateKey),
    /// Summaries do not refresh these states any more, which are in order: refresh them within a refresh period, and at
    /// that pace from then on.
    Unlisted(Vec<StateKey>),
    /// A neighbour has restarted or is gone: as if its link had failed.
    Lost {
        /// On this interface.
        interface: IfIndex,
        /// The neighbour.
        neighbour: IpAddr,
    },
}
