//! ERROR_SPEC: RFC 2205 §A.5 and appendix B, RFC 2750 appendix A, RFC 3473 §4.4.

use core::fmt;
use std::net::IpAddr;

use super::session::put_address;
use super::{CType, ClassNum, Content, Object, ObjectError, Reader};
use fairway_wire::numbers;

numbers! {
    /// What went wrong (RFC 2205 appendix B); unknown codes survive and print as numbers.
    ErrorCode(u8), "error code {}" {
        /// No error: what a ResvConf carries.
        CONFIRMATION = 0, "confirmation";
        /// The network cannot give what was asked; the value is an [`ErrorValue`].
        ADMISSION_CONTROL = 1, "admission control failure";
        /// Policy forbids it; values in [`PolicyValue`].
        POLICY_CONTROL = 2, "policy control failure";
        /// No path state for this Resv.
        NO_PATH = 3, "no path information for this Resv";
        /// Path state, but none for these senders.
        NO_SENDER = 4, "no sender information for this Resv";
        /// Another style is in use; the value is the low half of its option vector.
        CONFLICTING_STYLE = 5, "conflicting reservation style";
        /// The style is not known.
        UNKNOWN_STYLE = 6, "unknown reservation style";
        /// Sessions of one destination and protocol with and without ports.
        CONFLICTING_DEST_PORTS = 7, "conflicting destination ports";
        /// One sender with and without a port.
        CONFLICTING_SENDER_PORTS = 8, "conflicting sender ports";
        /// Something more important took the reservation's place; the value is an [`ErrorValue`].
        PREEMPTED = 12, "service preempted";
        /// The value has class and C-Type.
        UNKNOWN_CLASS = 13, "unknown object class";
        /// The value has class and C-Type.
        UNKNOWN_C_TYPE = 14, "unknown object C-Type";
        /// Local to a host: the value is the API's code.
        API = 20, "API error";
        /// The request is bad in itself; the value is an [`ErrorValue`].
        TRAFFIC_CONTROL = 21, "traffic control error";
        /// Traffic control failed.
        TRAFFIC_CONTROL_SYSTEM = 22, "traffic control system error";
        /// RSVP failed.
        RSVP_SYSTEM = 23, "RSVP system error";
    }
}

/// The value beside codes 1, 12 and 21: `ssur cccc cccc cccc` (RFC 2205 appendix B).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorValue(pub u16);

impl ErrorValue {
    /// Code 1: the delay bound cannot be met.
    pub const DELAY_BOUND: Self = Self(1);
    /// Code 1: there is not that much bandwidth.
    pub const BANDWIDTH: Self = Self(2);
    /// Code 1: the flowspec's MTU is greater than the interface's.
    pub const MTU: Self = Self(3);
    /// Code 21: two services that do not merge.
    pub const SERVICE_CONFLICT: Self = Self(1);
    /// Code 21: the service is not to be had here.
    pub const SERVICE_UNSUPPORTED: Self = Self(2);
    /// Code 21: the flowspec is malformed or out of range.
    pub const BAD_FLOWSPEC: Self = Self(3);
    /// Code 21: the Tspec is malformed or out of range.
    pub const BAD_TSPEC: Self = Self(4);
    /// Code 21: the Adspec is malformed or out of range.
    pub const BAD_ADSPEC: Self = Self(5);

    /// Whether the low bits are of the global list, `ss = 00`.
    #[must_use]
    pub const fn is_global(self) -> bool {
        self.0 >> 14 == 0
    }

    /// Bit *u*: told for information; the message may still have changed state and gone on.
    #[must_use]
    pub const fn is_informational(self) -> bool {
        self.0 & 0x2000 != 0
    }

    /// The low twelve bits.
    #[must_use]
    pub const fn sub_code(self) -> u16 {
        self.0 & 0x0fff
    }
}

numbers! {
    /// The value beside code 2 (RFC 2750 appendix A); from 2¹⁵ on they are a site's or vendor's own.
    PolicyValue(u16), "policy value {}" {
        /// For information.
        INFORMATION = 0, "information";
        /// A warning.
        WARNING = 1, "warning";
        /// The reason is not known.
        UNKNOWN = 2, "reason unknown";
        /// Refused.
        REJECTED = 3, "rejected by policy";
        /// Over the quota.
        QUOTA_EXCEEDED = 4, "quota exceeded";
        /// Another flow took its place.
        PREEMPTED = 5, "flow preempted";
        /// The policy has expired.
        EXPIRED = 6, "policy expired";
        /// The policy was replaced.
        REPLACED = 7, "policy replaced";
        /// Policies could not be merged.
        CANNOT_MERGE = 8, "policies cannot be merged";
        /// The policy decision point cannot be reached.
        DECISION_POINT_DOWN = 9, "policy decision point down";
        /// A server that it asks cannot be reached.
        SERVER_DOWN = 10, "third-party server down";
        /// POLICY_DATA is malformed.
        DATA_SYNTAX = 11, "malformed policy data";
        /// The INTEGRITY in POLICY_DATA is wrong.
        DATA_INTEGRITY = 12, "policy data fails its integrity check";
        /// An element of POLICY_DATA is malformed.
        ELEMENT_SYNTAX = 13, "malformed policy element";
        /// An element is missing.
        ELEMENT_MISSING = 14, "policy element missing";
        /// The network has no resources for it.
        NO_RESOURCES = 15, "insufficient resources";
        /// An object is wrong for policy.
        BAD_OBJECT = 16, "bad object";
        /// The service is.
        SERVICE = 17, "service not allowed";
        /// The style is.
        STYLE = 18, "style not allowed";
        /// The flowspec is too large.
        FLOWSPEC_TOO_LARGE = 19, "flowspec too large";
    }
}

/// The flags of an ERROR_SPEC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ErrorFlags(u8);

impl ErrorFlags {
    /// None.
    pub const NONE: Self = Self(0);
    /// A reservation was, and is still, in place where the error occurred.
    pub const IN_PLACE: Self = Self(0x01);
    /// What failed was strictly greater than what this receiver asked for; told to the receiver's application only.
    pub const NOT_GUILTY: Self = Self(0x02);
    /// The node that found the error removed its path state, RFC 3473 §4.4.
    pub const PATH_STATE_REMOVED: Self = Self(0x04);

    /// Whether all flags of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These and those.
    #[must_use]
    pub const fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }

    /// These without those.
    #[must_use]
    pub const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }
}

/// What went wrong, and where; in a ResvConf: that nothing did.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Error Node Address (4 octets; C-Type 2: IPv6, 16 octets)    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Flags     |  Error Code   |          Error Value          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorSpec {
    /// Address of the node that found the error.
    pub node: IpAddr,
    /// Circumstances.
    pub flags: ErrorFlags,
    /// What is wrong.
    pub code: ErrorCode,
    /// More about it; the meaning depends on the code.
    pub value: u16,
}

impl ErrorSpec {
    /// What the value says, where the RFCs give it a meaning of its own.
    #[must_use]
    pub const fn reason(&self) -> Option<&'static str> {
        let value = ErrorValue(self.value);
        match self.code {
            ErrorCode::POLICY_CONTROL => PolicyValue(self.value).name(),
            ErrorCode::ADMISSION_CONTROL | ErrorCode::PREEMPTED if value.is_global() => {
                match value.sub_code() {
                    1 => Some("delay bound cannot be met"),
                    2 => Some("bandwidth not available"),
                    3 => Some("MTU larger than the interface's"),
                    _ => None,
                }
            }
            ErrorCode::TRAFFIC_CONTROL if value.is_global() => match value.sub_code() {
                1 => Some("services conflict"),
                2 => Some("service not supported"),
                3 => Some("bad flowspec"),
                4 => Some("bad Tspec"),
                5 => Some("bad Adspec"),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Code, value or its reason, node and flags: `admission control failure (bandwidth not available) at 10.0.0.9, in place`.
impl fmt::Display for ErrorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "{} ({reason}) at {}", self.code, self.node)?,
            None if self.value == 0 => write!(f, "{} at {}", self.code, self.node)?,
            None => write!(f, "{} ({:#06x}) at {}", self.code, self.value, self.node)?,
        }
        for (flag, name) in [
            (ErrorFlags::IN_PLACE, "in place"),
            (ErrorFlags::NOT_GUILTY, "not guilty"),
            (ErrorFlags::PATH_STATE_REMOVED, "path state removed"),
        ] {
            if self.flags.contains(flag) {
                write!(f, ", {name}")?;
            }
        }
        Ok(())
    }
}

impl Object for ErrorSpec {
    const CLASS: ClassNum = ClassNum::ERROR_SPEC;

    fn c_type(&self) -> CType {
        CType::of(self.node)
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        let v6 = c_type.family()?;
        let mut reader = Reader::new(body.octets());
        let mut fields = || {
            let spec = Self {
                node: reader.address(v6)?,
                flags: ErrorFlags(reader.u8()?),
                code: ErrorCode(reader.u8()?),
                value: reader.u16()?,
            };
            reader.done(spec)
        };
        fields().ok_or(ObjectError::Size)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        put_address(self.node, out);
        out.extend_from_slice(&[self.flags.0, self.code.0]);
        out.extend_from_slice(&self.value.to_be_bytes());
    }
}
