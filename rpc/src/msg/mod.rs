//! RPC messages (RFC 5531 §9): what stands before the arguments and before the results.
//!
//! ```text
//!  call:  xid · CALL(0) · rpcvers(2) · prog · vers · proc · credential · verifier · arguments
//!  reply: xid · REPLY(1) · MSG_ACCEPTED(0) · verifier · accept_stat · results | low, high
//!         xid · REPLY(1) · MSG_DENIED(1)   · RPC_MISMATCH(0), low, high | AUTH_ERROR(1), auth_stat
//! ```
//!
//! Every field is four octets, most significant first, but for the two `opaque_auth`, which are a
//! flavour, a length and up to [`MAX_AUTH_BYTES`] octets padded to a multiple of four.

mod call;
mod reply;

pub use call::{CallFault, CallHeader};
pub use reply::{AcceptStat, RejectStat, ReplyFault, ReplyHeader, ReplyStat};

use std::fmt;

use bytes::Bytes;
use fairway_xdr::Encoder;

/// The version of the protocol itself, RFC 5531 §9: `rpcvers`, "MUST be equal to two (2)".
pub const RPC_VERSION: u32 = 2;

/// The most octets in the body of a credential or verifier, RFC 5531 §8.2: `opaque body<400>`.
pub const MAX_AUTH_BYTES: usize = 400;

/// `msg_type` of a call, RFC 5531 §9.
const CALL: u32 = 0;
/// `msg_type` of a reply, RFC 5531 §9.
const REPLY: u32 = 1;

/// Which procedure of which version of which program is meant, RFC 5531 §8.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Procedure {
    /// The program number (`prog`).
    pub program: u32,
    /// The version of the program (`vers`).
    pub version: u32,
    /// The procedure's number within the version (`proc`).
    pub procedure: u32,
}

impl Procedure {
    /// Names procedure `procedure` of version `version` of program `program`.
    #[must_use]
    pub const fn new(program: u32, version: u32, procedure: u32) -> Self {
        Self {
            program,
            version,
            procedure,
        }
    }
}

impl fmt::Display for Procedure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.program, self.version, self.procedure)
    }
}

/// `auth_flavor`, RFC 5531 §8.2: which rules a credential or verifier follows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct AuthFlavor(pub u32);

impl AuthFlavor {
    /// No authentication, RFC 5531 §10.1.
    pub const NONE: Self = Self(0);
    /// User and group numbers as the caller states them, RFC 5531 appendix A.
    pub const SYS: Self = Self(1);
    /// A server's shorthand for a credential it has seen, RFC 5531 appendix A.
    pub const SHORT: Self = Self(2);
    /// Diffie-Hellman; obsolete and not offered here, RFC 5531 §8.2.
    pub const DH: Self = Self(3);
    /// RPCSEC_GSS, RFC 2203.
    pub const RPCSEC_GSS: Self = Self(6);
    /// The probe for TLS, RFC 9289 §4.1.
    pub const TLS: Self = Self(7);
}

impl fmt::Debug for AuthFlavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NONE => "AUTH_NONE",
            Self::SYS => "AUTH_SYS",
            Self::SHORT => "AUTH_SHORT",
            Self::DH => "AUTH_DH",
            Self::RPCSEC_GSS => "RPCSEC_GSS",
            Self::TLS => "AUTH_TLS",
            Self(number) => return write!(f, "AuthFlavor({number})"),
        };
        f.write_str(name)
    }
}

impl fmt::Display for AuthFlavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// `opaque_auth`, RFC 5531 §8.2: a credential or a verifier.
///
/// The body never holds more than [`MAX_AUTH_BYTES`] octets: [`OpaqueAuth::new`] checks.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OpaqueAuth {
    flavor: AuthFlavor,
    body: Bytes,
}

impl OpaqueAuth {
    /// `AUTH_NONE` with an empty body, RFC 5531 §10.1.
    pub const NONE: Self = Self {
        flavor: AuthFlavor::NONE,
        body: Bytes::new(),
    };

    /// A credential or verifier with `body`, or `None` if that is longer than [`MAX_AUTH_BYTES`].
    #[must_use]
    pub fn new(flavor: AuthFlavor, body: Bytes) -> Option<Self> {
        (body.len() <= MAX_AUTH_BYTES).then_some(Self { flavor, body })
    }

    /// The flavour.
    #[must_use]
    pub fn flavor(&self) -> AuthFlavor {
        self.flavor
    }

    /// The octets whose meaning the flavour gives, at most [`MAX_AUTH_BYTES`].
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Its length on the wire: flavour, length, body and padding.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        8 + self.body.len().next_multiple_of(4)
    }

    /// Writes it.
    pub fn put(&self, e: &mut Encoder) {
        let [f0, f1, f2, f3] = self.flavor.0.to_be_bytes();
        // At most MAX_AUTH_BYTES: the constructor checked.
        let length = u32::try_from(self.body.len()).unwrap_or(0);
        let [l0, l1, l2, l3] = length.to_be_bytes();
        e.put([f0, f1, f2, f3, l0, l1, l2, l3]);
        if length != 0 {
            e.fixed_opaque(&self.body);
        }
    }
}

/// Prints the length of the body only: it may be a secret.
impl fmt::Debug for OpaqueAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}[{} octets]", self.flavor, self.body.len())
    }
}

/// Takes words and opaque data off the front of a message.
struct Words<'a> {
    record: &'a Bytes,
    rest: &'a [u8],
}

/// Why an `opaque_auth` could not be read.
enum AuthFault {
    Truncated,
    /// More than [`MAX_AUTH_BYTES`], or padding that is not zero.
    Bad,
}

impl<'a> Words<'a> {
    fn new(record: &'a Bytes) -> Self {
        Self {
            record,
            rest: record,
        }
    }

    fn run<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(head)
    }

    fn word(&mut self) -> Option<u32> {
        self.run::<4>().copied().map(u32::from_be_bytes)
    }

    /// RFC 5531 §8.2; the body is a slice of the record, not a copy.
    fn auth(&mut self) -> Result<OpaqueAuth, AuthFault> {
        let [f0, f1, f2, f3, l0, l1, l2, l3] = *self.run::<8>().ok_or(AuthFault::Truncated)?;
        let flavor = AuthFlavor(u32::from_be_bytes([f0, f1, f2, f3]));
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        if length == 0 {
            return Ok(OpaqueAuth {
                flavor,
                body: Bytes::new(),
            });
        }
        let length = usize::try_from(length).map_err(|_| AuthFault::Bad)?;
        if length > MAX_AUTH_BYTES {
            return Err(AuthFault::Bad);
        }
        let (body, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(AuthFault::Truncated)?;
        let (padding, rest) = rest
            .split_at_checked(length.next_multiple_of(4) - length)
            .ok_or(AuthFault::Truncated)?;
        // RFC 4506 §3: the octets that fill a block up are zero.
        if padding.iter().any(|&octet| octet != 0) {
            return Err(AuthFault::Bad);
        }
        self.rest = rest;
        Ok(OpaqueAuth {
            flavor,
            body: self.record.slice_ref(body),
        })
    }

    /// What has not been taken, as a slice of the record.
    fn rest(&self) -> Bytes {
        self.record.slice_ref(self.rest)
    }
}

#[cfg(test)]
mod tests;
