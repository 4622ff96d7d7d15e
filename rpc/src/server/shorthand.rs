//! AUTH_SHORT: a server's shorthand for credentials it has seen (RFC 5531 appendix A).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use fairway_stack::{Net, Rng};

use super::auth::{Accepted, ServerAuth, ServerAuthSys};
use super::parked::lock;
use super::{Caller, Registry};
use crate::auth::AuthSys;
use crate::error::AuthStat;
use crate::msg::{AuthFlavor, CallHeader, OpaqueAuth};

/// Octets of a shorthand: slot, secret, and four octets of zero.
const LENGTH: usize = 16;

/// Issues shorthands for AUTH_SYS credentials, and knows them again.
///
/// A reply to a call with AUTH_SYS carries, as its verifier, 16 octets that stand for the credential in later calls. Off unless
/// added: it saves callers octets, and costs a table. Of `capacity` credentials the one issued longest ago gives way; its holder is told
/// AUTH_REJECTEDCRED, and sends the whole credential again. A shorthand proves no more than AUTH_SYS itself does.
///
/// ```
/// use fairway_rpc::{Registry, Shorthand};
///
/// let registry = Shorthand::new(&fairway_stack::Net::system(), 1000).add_to(Registry::new());
/// ```
pub struct Shorthand {
    issued: Arc<Mutex<Issued>>,
}

impl fmt::Debug for Shorthand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issued = lock(&self.issued);
        f.debug_struct("Shorthand")
            .field("issued", &issued.slots.len())
            .field("capacity", &issued.capacity)
            .finish()
    }
}

impl Shorthand {
    /// Room for `capacity` credentials, at least one.
    #[must_use]
    pub fn new(net: &Net, capacity: u32) -> Self {
        let issued = Issued {
            capacity: capacity.max(1),
            slots: Vec::new(),
            next: 0,
            by_body: HashMap::new(),
            rng: net.rng(),
        };
        Self {
            issued: Arc::new(Mutex::new(issued)),
        }
    }

    /// Judges AUTH_SYS and AUTH_SHORT of this registry from now on.
    #[must_use]
    pub fn add_to(self, registry: Registry) -> Registry {
        registry
            .auth(Arc::new(Issuing(Arc::clone(&self.issued))))
            .auth(Arc::new(Knowing(self.issued)))
    }
}

struct Issued {
    capacity: u32,
    slots: Vec<Slot>,
    /// The slot that gives way next.
    next: u32,
    by_body: HashMap<Bytes, u32>,
    rng: Rng,
}

struct Slot {
    secret: u64,
    body: Bytes,
    sys: AuthSys,
}

impl Issued {
    /// The shorthand of a credential, issued now if it has none.
    fn issue(&mut self, body: &Bytes, sys: &AuthSys) -> [u8; LENGTH] {
        if let Some(&at) = self.by_body.get(body)
            && let Some(slot) = self.slot(at)
        {
            return shorthand(at, slot.secret);
        }
        // A copy: a slice would keep the whole record.
        let slot = Slot {
            secret: self.rng.next_u64(),
            body: Bytes::copy_from_slice(body),
            sys: sys.clone(),
        };
        let (at, secret) = (self.next, slot.secret);
        self.next = (at + 1) % self.capacity;
        self.by_body.insert(slot.body.clone(), at);
        match usize::try_from(at)
            .ok()
            .and_then(|at| self.slots.get_mut(at))
        {
            Some(old) => {
                let old = std::mem::replace(old, slot);
                self.by_body.remove(&old.body);
            }
            None => self.slots.push(slot),
        }
        shorthand(at, secret)
    }

    fn slot(&self, at: u32) -> Option<&Slot> {
        self.slots.get(usize::try_from(at).ok()?)
    }

    /// The credential that a shorthand stands for.
    fn find(&self, body: &[u8]) -> Option<&AuthSys> {
        let (&at, _) = body.split_first_chunk::<4>()?;
        let at = u32::from_be_bytes(at);
        let slot = self.slot(at)?;
        (body == shorthand(at, slot.secret)).then_some(&slot.sys)
    }
}

fn shorthand(at: u32, secret: u64) -> [u8; LENGTH] {
    let ([a, b, c, d], [e, f, g, h, i, j, k, l]) = (at.to_be_bytes(), secret.to_be_bytes());
    [a, b, c, d, e, f, g, h, i, j, k, l, 0, 0, 0, 0]
}

/// AUTH_SYS, answered with a shorthand.
struct Issuing(Arc<Mutex<Issued>>);

impl ServerAuth for Issuing {
    fn flavor(&self) -> AuthFlavor {
        AuthFlavor::SYS
    }

    fn accept(&self, call: &CallHeader, head: &[u8], args: Bytes) -> Accepted {
        match ServerAuthSys.accept(call, head, args) {
            Accepted::Caller {
                caller: Caller::Sys(sys),
                args,
                seal,
                ..
            } => {
                let body = lock(&self.0).issue(call.credential.body(), &sys);
                let verifier = OpaqueAuth::new(AuthFlavor::SHORT, Bytes::copy_from_slice(&body))
                    .unwrap_or_default();
                Accepted::Caller {
                    caller: Caller::Sys(sys),
                    args,
                    verifier,
                    seal,
                }
            }
            other => other,
        }
    }
}

/// AUTH_SHORT.
struct Knowing(Arc<Mutex<Issued>>);

impl ServerAuth for Knowing {
    fn flavor(&self) -> AuthFlavor {
        AuthFlavor::SHORT
    }

    fn accept(&self, call: &CallHeader, _: &[u8], args: Bytes) -> Accepted {
        match lock(&self.0).find(call.credential.body()) {
            Some(sys) => Accepted::Caller {
                caller: Caller::Sys(Box::new(sys.clone())),
                args,
                verifier: OpaqueAuth::NONE,
                seal: None,
            },
            // RFC 5531 appendix A: the caller then sends the original credential again.
            None => Accepted::Refuse(AuthStat::REJECTEDCRED),
        }
    }
}
