//! Why a message was refused, dropped, or could not be kept, and what came and went of reservations: for whoever operates this
//! node.
//!
//! Values, made where it happens and put into words by whoever logs them. Their queue is short, and what finds no room there is
//! counted: a flood costs nobody anything.

use core::fmt;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

use crate::DecodeErrorKind;
use crate::interface::IfIndex;
use crate::intserv::Flowspec;
use crate::shown;
use crate::tc::{Bound, Shortage, TcError};
use crate::wire::{ErrorCode, ErrorFlags, ErrorSpec, KeyId, MessageType, Sender, Session, Style};

/// Notices that wait; more are counted.
const MOST: usize = 256;

/// Something was refused, dropped, or could not be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What it was.
    pub about: About,
    /// Why.
    pub why: Why,
}

/// What a notice is about, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The interface it came in by; of a reservation, the one it is for.
    pub interface: IfIndex,
    /// Who sent it: the hop it names, else its source. `None`: an application of this node, or nobody.
    pub neighbour: Option<IpAddr>,
    /// What it is; `None` of a reservation that stands already.
    pub message_type: Option<MessageType>,
    /// The session.
    pub session: Option<Session>,
    /// The style of a reservation.
    pub style: Option<Style>,
    /// The sender, or the first of those a reservation is for.
    pub sender: Option<Sender>,
    /// How many more senders there are.
    pub others: usize,
}

impl About {
    /// Nothing is known but the interface.
    pub(crate) const fn on(interface: IfIndex) -> Self {
        Self {
            interface,
            neighbour: None,
            message_type: None,
            session: None,
            style: None,
            sender: None,
            others: 0,
        }
    }

    /// The same, about these senders.
    pub(crate) fn of_senders(self, mut senders: impl ExactSizeIterator<Item = Sender>) -> Self {
        Self {
            others: senders.len().saturating_sub(1),
            sender: senders.next(),
            ..self
        }
    }
}

/// Why it was refused or left out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Why {
    /// It was answered with this error: RFC 2205 appendix B.
    Refused {
        /// The code.
        code: ErrorCode,
        /// The value.
        value: u16,
    },
    /// Traffic control does not do it.
    NotAdmitted {
        /// Why not.
        error: TcError,
        /// What was asked for, if it is one thing.
        flowspec: Option<Flowspec>,
        /// How much was wanted of how much, where that is the reason.
        shortage: Option<Shortage>,
    },
    /// It was dropped without an answer, for a reason that is counted under this name.
    Dropped(&'static str),
    /// It could not be read.
    Unreadable {
        /// Where in it.
        offset: usize,
        /// What is wrong.
        kind: DecodeErrorKind,
    },
    /// There may be no more of it.
    Limit {
        /// The bound, as a field of [`Limits`](crate::engine::Limits).
        limit: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// Its signature is not there, or not good; or there is no key to make one with: RFC 2747.
    Signature {
        /// What is wrong.
        fault: &'static str,
        /// The key it names.
        key: Option<KeyId>,
    },
    /// Nothing is wrong: traffic control has a reservation more.
    Installed(Flowspec),
    /// Nothing is wrong: a reservation that traffic control has is another one now.
    Changed(Flowspec),
    /// Nothing is wrong: traffic control has a reservation less.
    Removed(Flowspec),
}

impl Why {
    pub(crate) const fn limit(limit: &'static str, most: usize) -> Self {
        Self::Limit { limit, most }
    }

    /// Its kind: few, whatever others send.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::NotAdmitted { .. } => "not admitted",
            Self::Dropped(why) => why,
            Self::Unreadable { .. } => "unreadable",
            Self::Limit { limit, .. } => limit,
            Self::Signature { fault, .. } => fault,
            Self::Installed(_) => "installed",
            Self::Changed(_) => "changed",
            Self::Removed(_) => "removed",
        }
    }
}

/// In words and numbers, without what it is about.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, value } => {
                let spec = ErrorSpec {
                    node: Ipv4Addr::UNSPECIFIED.into(),
                    flags: ErrorFlags::NONE,
                    code: *code,
                    value: *value,
                };
                match spec.reason() {
                    Some(reason) => write!(f, "{code} ({reason})"),
                    None if *value == 0 => code.fmt(f),
                    None => write!(f, "{code} ({value:#06x})"),
                }
            }
            Self::NotAdmitted {
                error,
                flowspec,
                shortage,
            } => {
                error.fmt(f)?;
                if let Some(shortage) = shortage {
                    write!(f, ": {shortage}")?;
                }
                if let Some(flowspec) = flowspec {
                    write!(f, "; asked for: {flowspec}")?;
                }
                Ok(())
            }
            Self::Dropped(why) => f.write_str(why),
            Self::Unreadable { offset, kind } => write!(f, "octet {offset}: {kind}"),
            Self::Limit { limit, most } => write!(f, "{limit}: at most {most}"),
            Self::Signature { fault, .. } => f.write_str(fault),
            Self::Installed(flowspec) | Self::Changed(flowspec) | Self::Removed(flowspec) => {
                flowspec.fmt(f)
            }
        }
    }
}

/// `23.2Mbit/s wanted, link headers of 14B a packet included; 15Mbit/s free`.
impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wanted, free) = (shown::rate(self.wanted.get()), shown::rate(self.free.get()));
        match self.bound {
            Bound::Share { link_header } => {
                write!(f, "{wanted} wanted, ")?;
                if link_header > 0 {
                    write!(f, "link headers of {link_header}B a packet included, ")?;
                }
                write!(f, "{free} free")
            }
            Bound::PerFlow => write!(f, "{wanted} wanted, {free} for one reservation at most"),
            Bound::Queue { wanted, most } => write!(
                f,
                "its bucket and the path so far need a queue of {wanted}B, {most}B is the longest there is"
            ),
        }
    }
}

/// Notices that wait for whoever logs them.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    waiting: VecDeque<Notice>,
    left_out: u64,
}

impl Notices {
    pub(crate) fn push(&mut self, about: About, why: Why) {
        if self.waiting.len() < MOST {
            self.waiting.push_back(Notice { about, why });
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Notice> {
        self.waiting.pop_front()
    }

    /// How many found no room.
    pub(crate) const fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intserv::BytesPerSec;

    #[test]
    fn a_flood_is_counted_and_not_kept() {
        let mut notices = Notices::default();
        for _ in 0..1000 {
            notices.push(About::on(IfIndex(1)), Why::Dropped("object"));
        }
        assert_eq!(notices.left_out(), 1000 - 256);
        assert_eq!(core::iter::from_fn(|| notices.pop()).count(), 256);
    }

    #[test]
    fn reasons_are_words_and_numbers() {
        let rate = |bits: f32| BytesPerSec::new(bits / 8.0).unwrap();
        let why = Why::NotAdmitted {
            error: TcError::Bandwidth,
            flowspec: None,
            shortage: Some(Shortage {
                wanted: rate(23.2e6),
                free: rate(15e6),
                bound: Bound::Share { link_header: 14 },
            }),
        };
        assert_eq!(
            why.to_string(),
            "bandwidth not available: 23.2Mbit/s wanted, link headers of 14B a packet included, 15Mbit/s free"
        );
        let why = Why::Refused {
            code: ErrorCode::NO_PATH,
            value: 0,
        };
        assert_eq!(why.to_string(), "no path information for this Resv");
    }
}
