//! Error codes of calls: `rapi.md` §2.6.

use core::ffi::{CStr, c_int};

use fairway_rsvp::api::ApiError;
use fairway_rsvp::api::client::CallError;

/// What a call gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) c_int);

impl Code {
    pub(crate) const OK: Self = Self(0);
    pub(crate) const INVAL: Self = Self(1);
    pub(crate) const MAXSESS: Self = Self(2);
    pub(crate) const BADSID: Self = Self(3);
    pub(crate) const N_FFS: Self = Self(4);
    pub(crate) const BADSTYLE: Self = Self(5);
    pub(crate) const SYSCALL: Self = Self(6);
    pub(crate) const OVERFLOW: Self = Self(7);
    pub(crate) const NORSVP: Self = Self(9);
    pub(crate) const OBJTYPE: Self = Self(10);
    pub(crate) const OBJLEN: Self = Self(11);
    pub(crate) const NOTSPEC: Self = Self(12);
    pub(crate) const INTSERV: Self = Self(13);
    pub(crate) const UNSUPPORTED: Self = Self(254);
    pub(crate) const UNKNOWN: Self = Self(255);

    /// Of what a call could not do. Errors that are told later are not among them: see [`later`].
    pub(crate) const fn of(error: CallError) -> Self {
        match error {
            CallError::Refused(ApiError::TooManySessions | ApiError::TooManyConnections) => {
                Self::MAXSESS
            }
            CallError::Refused(ApiError::BadSession) => Self::BADSID,
            CallError::Refused(ApiError::Counts) => Self::N_FFS,
            CallError::Refused(ApiError::BadStyle) => Self::BADSTYLE,
            CallError::Refused(_) => Self::INVAL,
            CallError::TooLong(_) => Self::OVERFLOW,
            // Of opening a session, more is said.
            CallError::NoDaemon | CallError::Unreachable(_) => Self::NORSVP,
            _ => Self::UNKNOWN,
        }
    }
}

/// Code and value of the event that tells of a refusal, if it is one that is told later.
pub(crate) const fn later(error: ApiError) -> Option<(u8, u16)> {
    const API_ERROR: u8 = 20;
    match error {
        ApiError::BadSender | ApiError::BadReceiver | ApiError::BadSourcePort => {
            Some((API_ERROR, error.code() as u16))
        }
        ApiError::DestinationPorts => Some((7, 0)),
        ApiError::SenderPorts => Some((8, 0)),
        _ => None,
    }
}

/// The text of an error code and its value (`rapi.md` §2.7, §4.8, RFC 2205 appendix B, RFC 2750); `None` if there is no such
/// error. Programs also ask with what a call gave them: where a number is no error of RSVP, it is taken for that.
pub(crate) const fn text(code: c_int, value: c_int) -> Option<&'static CStr> {
    Some(match code {
        0 => c"no error",
        1 => match value & 0x0fff {
            1 => c"admission control failure: delay bound cannot be met",
            2 => c"admission control failure: bandwidth unavailable",
            3 => c"admission control failure: MTU in flowspec larger than that of the interface",
            _ => c"admission control failure",
        },
        2 => match value {
            3 => c"policy control failure: rejected",
            4 => c"policy control failure: quota exceeded",
            5 => c"policy control failure: flow was preempted",
            _ => c"policy control failure",
        },
        3 => c"no path information for this reservation",
        4 => c"no sender information for this reservation",
        5 => c"conflicting reservation style",
        6 => c"unknown reservation style",
        7 => c"conflicting destination ports in the session",
        8 => c"conflicting source port",
        12 => c"service preempted",
        13 => c"unknown object class",
        14 => c"unknown object C-Type",
        20 => return api_text(value),
        21 => match value & 0x0fff {
            1 => c"traffic control error: service conflict",
            2 => c"traffic control error: service unsupported",
            3 => c"traffic control error: bad flowspec",
            4 => c"traffic control error: bad Tspec",
            5 => c"traffic control error: bad Adspec",
            _ => c"traffic control error",
        },
        22 => c"traffic control system error",
        23 => c"RSVP system error",
        _ => return api_text(code),
    })
}

const fn api_text(value: c_int) -> Option<&'static CStr> {
    Some(match value {
        0 => c"no error",
        1 => c"invalid parameter",
        2 => c"too many sessions",
        3 => c"no such session",
        4 => c"number of filters or flowspecs does not fit the style",
        5 => c"illegal style",
        6 => c"system call failed",
        7 => c"parameter list overflow",
        8 => c"out of memory",
        9 => c"the RSVP daemon does not answer",
        10 => c"invalid object type",
        11 => c"invalid object length",
        12 => c"sender without Tspec",
        13 => c"integrated services format error",
        14 => c"sender address is not a local interface",
        15 => c"receiver address is not a local interface",
        16 => c"source port in a session without ports",
        17 => c"wrong parameters for a session with generalized port identifiers",
        18 => c"conflicting C-Type",
        19 => c"protocol is neither AH nor ESP",
        20 => c"virtual destination port is zero",
        254 => c"not supported",
        255 => c"fault of the library",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rapi.md §2.7: the codes there are. Those that are reserved are codes of calls (§2.6).
    #[test]
    fn every_code_has_a_text_and_no_other() {
        let known: Vec<c_int> = (-5..300).filter(|code| text(*code, 0).is_some()).collect();
        let expected: Vec<c_int> = (0..=23).chain(254..=255).collect();
        assert_eq!(known, expected);
        for code in (9..=11).chain(15..=19).chain(254..=255) {
            assert_eq!(text(code, 0), text(20, code), "{code}");
        }
        assert_eq!(
            text(20, 14),
            Some(c"sender address is not a local interface")
        );
        assert_eq!(text(20, 100), None);
        assert_eq!(text(1, -1), Some(c"admission control failure"));
    }

    /// rapi.md §2.6: asynchronous only.
    #[test]
    fn some_refusals_are_told_later() {
        assert_eq!(later(ApiError::BadSender), Some((20, 14)));
        assert_eq!(later(ApiError::BadReceiver), Some((20, 15)));
        assert_eq!(later(ApiError::BadSourcePort), Some((20, 16)));
        assert_eq!(later(ApiError::SenderPorts), Some((8, 0)));
        assert_eq!(later(ApiError::Invalid), None);
    }
}
