//! The management plane: what an operator wants to know, rarely (`events.md` §7.3, §8.1).
//!
//! One collector, any number of subscriptions (up to [`Subscription::MOST`]), each with its own filter and bounded
//! queue: who is slow loses messages of its own only.

use std::collections::VecDeque;
use std::fmt;
use std::net::Ipv4Addr;
use std::task::Waker;
use std::time::Duration;

use fairway_wire::Instant;

use super::dictionary::EventId;
use super::fields::Fields;
use super::text;
use crate::Errno;

/// Whose message numbers these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subsystem {
    /// The TCP/IP stack.
    Stack,
    /// Names to addresses.
    Resolver,
    /// Programs to ports.
    Portmapper,
    /// Remote procedure calls.
    Rpc,
    /// File transfer.
    Ftp,
    /// Reservations.
    Rsvp,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// It works, with loss of function.
    Warn,
    /// What the message is about is gone.
    Fatal,
}

/// The summary state of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// It carries packets.
    Up,
    /// It carries none.
    Down,
}

/// Why a summary state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateCause {
    /// Something failed.
    Error,
    /// An operator asked for it.
    Operator,
    /// What had failed works again.
    Recovery,
}

/// What a message says: the kinds worth having of the subsystem's list (`events.md` §7.2), with their tokens as typed
/// fields.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MessageKind {
    /// Memory, or what a limit leaves of it, ran out.
    NoMemory {
        /// What was wanted, in octets or pieces.
        wanted: u64,
        /// For what.
        what: &'static str,
    },
    /// An interface changed its summary state.
    StateChange {
        /// The interface's number.
        interface: u32,
        /// The state left.
        old: LinkState,
        /// The state entered.
        new: LinkState,
        /// Why.
        cause: StateCause,
    },
    /// The program found itself in a state that cannot be.
    Internal {
        /// Where and what.
        text: &'static str,
    },
    /// Another machine uses an address of this host.
    DuplicateAddress {
        /// The address.
        address: Ipv4Addr,
        /// The other machine's link address.
        link_address: [u8; 6],
    },
    /// A machine has the broadcast address as its link address.
    BroadcastLinkAddress {
        /// The machine's address.
        address: Ipv4Addr,
    },
    /// A configuration file cannot be read.
    ConfigurationAccess {
        /// The file.
        file: String,
    },
    /// A configuration file has a line that cannot be understood; it is left out.
    ConfigurationSyntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
    },
    /// A socket failed.
    SocketError {
        /// How.
        errno: Errno,
        /// In which call.
        call: &'static str,
    },
    /// There was no buffer for a request.
    OutOfBuffers {
        /// Octets wanted.
        wanted: u64,
    },
    /// An event of level 1 or 2 was raised.
    Event {
        /// Which.
        id: EventId,
        /// What it said.
        fields: Fields,
    },
}

/// The kind of a message, to filter by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MessageId {
    /// `NO-MEM`.
    NoMem,
    /// `SUMSTATE-CHG`.
    SumstateChg,
    /// `INTL`.
    Intl,
    /// `DUP-IP-ADDR`.
    DupIpAddr,
    /// `BCAST-ENET-ADDR`.
    BcastEnetAddr,
    /// `CONF-FILE-ACC-ERR`.
    ConfFileAccErr,
    /// `CONF-FILE-SYN-ERR`.
    ConfFileSynErr,
    /// `SOCK-ERR`.
    SockErr,
    /// `OUT-OF-MBUF`.
    OutOfMbuf,
    /// An event of the trace plane.
    Event,
}

/// What is the same in every message of a kind.
struct About {
    number: u16,
    name: &'static str,
    critical: bool,
    severity: Severity,
    cause: &'static str,
    effect: &'static str,
    recovery: &'static str,
}

impl MessageId {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::NoMem,
        Self::SumstateChg,
        Self::Intl,
        Self::DupIpAddr,
        Self::BcastEnetAddr,
        Self::ConfFileAccErr,
        Self::ConfFileSynErr,
        Self::SockErr,
        Self::OutOfMbuf,
        Self::Event,
    ];

    const fn about(self) -> About {
        use Severity::{Fatal, Info, Warn};
        let (number, name, critical, severity, [cause, effect, recovery]) = match self {
            Self::NoMem => (
                1,
                "NO-MEM",
                true,
                Warn,
                [
                    "memory, or what a limit leaves of it, ran out",
                    "transfers slow down or fail",
                    "raise the limits or lower the load",
                ],
            ),
            Self::SumstateChg => (
                5,
                "SUMSTATE-CHG",
                false,
                Info,
                [
                    "an interface came up or went down",
                    "it carries packets, or none",
                    "none",
                ],
            ),
            Self::Intl => (
                6,
                "INTL",
                true,
                Fatal,
                [
                    "the program found itself in a state that cannot be",
                    "what was being done is abandoned",
                    "report it with the text",
                ],
            ),
            Self::DupIpAddr => (
                7,
                "DUP-IP-ADDR",
                true,
                Warn,
                [
                    "another machine uses an address of this host",
                    "packets for the address may go to either",
                    "give one of the two another address",
                ],
            ),
            Self::BcastEnetAddr => (
                8,
                "BCAST-ENET-ADDR",
                true,
                Warn,
                [
                    "a machine uses the broadcast address as its link address",
                    "what it says of itself is ignored",
                    "repair that machine",
                ],
            ),
            Self::ConfFileAccErr => (
                16,
                "CONF-FILE-ACC-ERR",
                true,
                Warn,
                [
                    "a configuration file cannot be read",
                    "defaults are used",
                    "see that the file is there and readable",
                ],
            ),
            Self::ConfFileSynErr => (
                17,
                "CONF-FILE-SYN-ERR",
                true,
                Warn,
                [
                    "a line of a configuration file cannot be understood",
                    "the line is left out",
                    "correct the line",
                ],
            ),
            Self::SockErr => (
                23,
                "SOCK-ERR",
                true,
                Warn,
                [
                    "a call on a socket of the program's own failed",
                    "what it was for is not done",
                    "see the error",
                ],
            ),
            Self::OutOfMbuf => (
                28,
                "OUT-OF-MBUF",
                true,
                Warn,
                [
                    "there was no buffer for a request",
                    "the request is dropped",
                    "raise the limits or lower the load",
                ],
            ),
            // Numbers of the project's own begin at 100.
            Self::Event => (
                100,
                "EVENT",
                true,
                Warn,
                [
                    "an event of level 1 or 2 was raised",
                    "see the event",
                    "see the event",
                ],
            ),
        };
        About {
            number,
            name,
            critical,
            severity,
            cause,
            effect,
            recovery,
        }
    }

    /// Its number within the stack's messages.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.about().number
    }

    /// Its symbolic name: what follows `ZTCI-EVT-` in the original list.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.about().name
    }

    /// Whether it is serious and does not mend itself.
    #[must_use]
    pub const fn is_critical(self) -> bool {
        self.about().critical
    }

    /// How bad it is; [`Severity::Info`] exactly where it is not critical.
    #[must_use]
    pub const fn severity(self) -> Severity {
        self.about().severity
    }

    /// Cause, effect and recovery.
    #[must_use]
    pub fn explain(self) -> String {
        let About {
            name,
            cause,
            effect,
            recovery,
            ..
        } = self.about();
        format!("{name}\ncause: {cause}\neffect: {effect}\nrecovery: {recovery}\n")
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl MessageKind {
    /// Which kind it is.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        match self {
            Self::NoMemory { .. } => MessageId::NoMem,
            Self::StateChange { .. } => MessageId::SumstateChg,
            Self::Internal { .. } => MessageId::Intl,
            Self::DuplicateAddress { .. } => MessageId::DupIpAddr,
            Self::BroadcastLinkAddress { .. } => MessageId::BcastEnetAddr,
            Self::ConfigurationAccess { .. } => MessageId::ConfFileAccErr,
            Self::ConfigurationSyntax { .. } => MessageId::ConfFileSynErr,
            Self::SocketError { .. } => MessageId::SockErr,
            Self::OutOfBuffers { .. } => MessageId::OutOfMbuf,
            Self::Event { .. } => MessageId::Event,
        }
    }
}

/// A message: what happened, where and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who says so.
    pub subsystem: Subsystem,
    /// When it happened.
    pub time: Instant,
    /// Its place among the messages of this stack, from 0.
    pub sequence: u64,
    /// What happened.
    pub kind: MessageKind,
}

impl Message {
    /// Which kind it is.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.kind.id()
    }

    /// Whether it is serious and does not mend itself.
    #[must_use]
    pub const fn is_critical(&self) -> bool {
        self.id().is_critical()
    }
}

/// A subscription to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subscription(u64);

impl Subscription {
    /// How many there may be at a time.
    pub const MOST: usize = 64;
}

/// There are as many subscriptions as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are {} subscriptions already", Subscription::MOST)]
pub struct TooManySubscriptions;

type Filter = Box<dyn Fn(&Message) -> bool + Send + Sync>;

struct Subscriber {
    name: Subscription,
    filter: Filter,
    queue: VecDeque<Message>,
    capacity: usize,
    lost: u64,
    waker: Option<Waker>,
}

/// Messages of a kind that strangers can cause, in a [`WINDOW`]; the rest is not even counted as a message.
const MOST_CAUSED: u32 = 32;
const WINDOW: Duration = Duration::from_secs(5);

/// Where messages come together and go apart again.
#[derive(Default)]
pub(super) struct Collector {
    /// Since when, and how many: duplicate addresses, broadcast link addresses, events.
    caused: [(Instant, u32); 3],
    subscribers: Vec<Subscriber>,
    subscribed: u64,
    published: u64,
    wakers: Vec<Waker>,
}

impl Collector {
    pub(super) fn publish(&mut self, time: Instant, kind: &MessageKind) {
        let id = kind.id();
        if !self.admits(time, id) {
            return;
        }
        // §8.1: INFO and above. An event is written under its own name.
        match (kind, id.severity()) {
            (MessageKind::Event { id, fields }, _) => text::write(*id, fields),
            (_, Severity::Info) => {
                tracing::info!(target: "net::ctl", message_id = id.name(), number = id.number(), ?kind);
            }
            (_, Severity::Warn | Severity::Fatal) => {
                tracing::warn!(target: "net::ctl", message_id = id.name(), number = id.number(), ?kind);
            }
        }
        let sequence = self.published;
        self.published += 1;
        if self.subscribers.is_empty() {
            return;
        }
        let message = Message {
            subsystem: Subsystem::Stack,
            time,
            sequence,
            kind: kind.clone(),
        };
        for subscriber in &mut self.subscribers {
            if !(subscriber.filter)(&message) {
                continue;
            }
            if subscriber.queue.len() == subscriber.capacity {
                subscriber.lost += 1;
                continue;
            }
            subscriber.queue.push_back(message.clone());
            self.wakers.extend(subscriber.waker.take());
        }
    }

    /// Whether there were not too many messages of a kind that strangers cause.
    fn admits(&mut self, time: Instant, id: MessageId) -> bool {
        let [duplicate, broadcast, event] = &mut self.caused;
        let (since, count) = match id {
            MessageId::DupIpAddr => duplicate,
            MessageId::BcastEnetAddr => broadcast,
            // A flood may fill a table again and again.
            MessageId::Event => event,
            MessageId::NoMem
            | MessageId::SumstateChg
            | MessageId::Intl
            | MessageId::ConfFileAccErr
            | MessageId::ConfFileSynErr
            | MessageId::SockErr
            | MessageId::OutOfMbuf => return true,
        };
        if time - *since >= WINDOW {
            (*since, *count) = (time, 0);
        }
        *count += 1;
        *count <= MOST_CAUSED
    }

    pub(super) fn subscribe(
        &mut self,
        capacity: usize,
        filter: Filter,
    ) -> Result<Subscription, TooManySubscriptions> {
        if self.subscribers.len() >= Subscription::MOST {
            return Err(TooManySubscriptions);
        }
        let name = Subscription(self.subscribed);
        self.subscribed += 1;
        self.subscribers.push(Subscriber {
            name,
            filter,
            queue: VecDeque::new(),
            capacity,
            lost: 0,
            waker: None,
        });
        Ok(name)
    }

    pub(super) fn unsubscribe(&mut self, name: Subscription) {
        self.subscribers.retain(|one| one.name != name);
    }

    pub(super) fn poll(&mut self, name: Subscription, waker: Option<&Waker>) -> Option<Message> {
        let subscriber = self.subscribers.iter_mut().find(|one| one.name == name)?;
        let message = subscriber.queue.pop_front();
        if message.is_none()
            && let Some(waker) = waker
        {
            subscriber.waker = Some(waker.clone());
        }
        message
    }

    pub(super) fn lost(&self, name: Subscription) -> u64 {
        self.subscribers
            .iter()
            .find(|one| one.name == name)
            .map_or(0, |one| one.lost)
    }

    #[inline]
    pub(super) fn take_wakers(&mut self, into: &mut Vec<Waker>) {
        if !self.wakers.is_empty() {
            into.append(&mut self.wakers);
        }
    }
}
