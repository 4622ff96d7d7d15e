//! `call_body`, RFC 5531 §9.

use bytes::Bytes;
use fairway_xdr::Encoder;

use super::{AuthFault, CALL, OpaqueAuth, Procedure, RPC_VERSION, Words};

/// What stands before the arguments of a call, RFC 5531 §9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallHeader {
    /// The transaction identifier: the reply carries the same.
    pub xid: u32,
    /// What is called.
    pub procedure: Procedure,
    /// Who calls (`cred`).
    pub credential: OpaqueAuth,
    /// Proof of it (`verf`).
    pub verifier: OpaqueAuth,
}

/// Why octets are no call that can be served. What to answer is the server's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallFault {
    /// The message ends within the header: there is nobody to answer to.
    #[error("call header cut short")]
    Truncated,
    /// A reply, or neither call nor reply.
    #[error("message type {0} is not a call")]
    NotACall(u32),
    /// Another version of the protocol: answered with `RPC_MISMATCH` (RFC 5531 §9).
    #[error("call {xid:#x} of protocol version {version}, not 2")]
    RpcMismatch {
        /// The call's transaction identifier.
        xid: u32,
        /// The version it asked for.
        version: u32,
    },
    /// A credential longer than 400 octets or badly padded: `AUTH_BADCRED`.
    #[error("call {xid:#x} with a malformed credential")]
    BadCredential {
        /// The call's transaction identifier.
        xid: u32,
    },
    /// A verifier longer than 400 octets or badly padded: `AUTH_BADVERF`.
    #[error("call {xid:#x} with a malformed verifier")]
    BadVerifier {
        /// The call's transaction identifier.
        xid: u32,
    },
}

impl CallHeader {
    /// Octets of a header up to the credential: from `xid` to `proc`.
    pub const FIXED_LEN: usize = 24;

    /// Parts a record into header and arguments; both share the record's memory.
    ///
    /// # Errors
    /// See [`CallFault`].
    pub fn parse(record: &Bytes) -> Result<(Self, Bytes), CallFault> {
        let mut words = Words::new(record);
        let xid = words.word().ok_or(CallFault::Truncated)?;
        let kind = words.word().ok_or(CallFault::Truncated)?;
        if kind != CALL {
            return Err(CallFault::NotACall(kind));
        }
        let version = words.word().ok_or(CallFault::Truncated)?;
        // RFC 5531 §9: "rpcvers MUST be equal to two (2)". What follows it may differ in another version.
        if version != RPC_VERSION {
            return Err(CallFault::RpcMismatch { xid, version });
        }
        let &[p0, p1, p2, p3, v0, v1, v2, v3, n0, n1, n2, n3] =
            words.run::<12>().ok_or(CallFault::Truncated)?;
        let credential = words.auth().map_err(|fault| match fault {
            AuthFault::Truncated => CallFault::Truncated,
            AuthFault::Bad => CallFault::BadCredential { xid },
        })?;
        let verifier = words.auth().map_err(|fault| match fault {
            AuthFault::Truncated => CallFault::Truncated,
            AuthFault::Bad => CallFault::BadVerifier { xid },
        })?;
        let procedure = Procedure::new(
            u32::from_be_bytes([p0, p1, p2, p3]),
            u32::from_be_bytes([v0, v1, v2, v3]),
            u32::from_be_bytes([n0, n1, n2, n3]),
        );
        Ok((
            Self {
                xid,
                procedure,
                credential,
                verifier,
            },
            words.rest(),
        ))
    }

    /// Writes the part up to the credential: what an RPCSEC_GSS verifier signs begins here
    /// (RFC 2203 §5.3.1).
    pub fn put_fixed(xid: u32, procedure: Procedure, e: &mut Encoder) {
        let [x0, x1, x2, x3] = xid.to_be_bytes();
        let [c0, c1, c2, c3] = CALL.to_be_bytes();
        let [r0, r1, r2, r3] = RPC_VERSION.to_be_bytes();
        let [p0, p1, p2, p3] = procedure.program.to_be_bytes();
        let [v0, v1, v2, v3] = procedure.version.to_be_bytes();
        let [n0, n1, n2, n3] = procedure.procedure.to_be_bytes();
        e.put([
            x0, x1, x2, x3, c0, c1, c2, c3, r0, r1, r2, r3, p0, p1, p2, p3, v0, v1, v2, v3, n0, n1,
            n2, n3,
        ]);
    }

    /// Writes the whole header.
    pub fn put(&self, e: &mut Encoder) {
        Self::put_fixed(self.xid, self.procedure, e);
        self.credential.put(e);
        self.verifier.put(e);
    }

    /// Its length on the wire.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        Self::FIXED_LEN + self.credential.encoded_len() + self.verifier.encoded_len()
    }
}
