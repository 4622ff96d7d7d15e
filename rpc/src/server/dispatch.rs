//! From a message to the service that handles it, and from what the service says to the reply.
//!
//! The order of the checks is that of the classic library: the message itself, RPC version (RPC_MISMATCH), credential (AUTH_ERROR),
//! program (PROG_UNAVAIL), version (PROG_MISMATCH), procedure (PROC_UNAVAIL), arguments (GARBAGE_ARGS).

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fairway_stack::Instant;
use tracing::{Span, debug, debug_span, error, trace};

use super::auth::{Accepted, ServerAuth, ServerAuthNone, ServerAuthSys, Upgrade};
use super::context::Origin;
use super::counters::{Sample, ServiceTally, Tally};
use super::replies::{Key, Lookup, ReplyCache, checksum};
use super::{
    Args, CallContext, CallFuture, Counters, EncodedReply, Limits, Proxy, Refusal, Service,
    ServiceOptions,
};
use crate::error::AuthStat;
use crate::msg::{AcceptStat, CallFault, CallHeader, OpaqueAuth, Procedure, RejectStat};

/// What a server, or a client that takes callbacks, serves: services by program and version, a proxy for all other programs, and who
/// judges credentials.
///
/// AUTH_NONE and AUTH_SYS are judged from the start; [`auth`](Self::auth) adds a flavour or takes its place.
#[derive(Default)]
pub struct Registry {
    /// In the order of program and version.
    entries: Vec<Entry>,
    proxy: Option<ProxyEntry>,
    auths: Vec<Arc<dyn ServerAuth>>,
    clash: Option<(u32, u32)>,
}

struct Entry {
    program: u32,
    version: u32,
    service: Box<dyn Service>,
    options: ServiceOptions,
    tally: ServiceTally,
}

struct ProxyEntry {
    proxy: Box<dyn Proxy>,
    options: ServiceOptions,
    tally: ServiceTally,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.services()).finish()
    }
}

impl Registry {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service.
    ///
    /// Each program and version once: of two services for the same, the first stays, and a server that was given both does not start.
    #[must_use]
    pub fn service(self, service: impl Service) -> Self {
        self.service_with(service, ServiceOptions::default())
    }

    /// Adds a service with options.
    #[must_use]
    pub fn service_with(mut self, service: impl Service, options: ServiceOptions) -> Self {
        let (program, version) = (service.program(), service.version());
        match self.find(program, version) {
            Ok(_) => self.clash = Some((program, version)),
            Err(at) => {
                let tally = ServiceTally::new(|procedure| service.procedure_name(procedure));
                self.entries.insert(
                    at,
                    Entry {
                        program,
                        version,
                        service: Box::new(service),
                        options,
                        tally,
                    },
                );
            }
        }
        self
    }

    /// Serves the programs that no service is there for.
    #[must_use]
    pub fn fallback(self, proxy: impl Proxy) -> Self {
        self.fallback_with(proxy, ServiceOptions::default())
    }

    /// The same with options.
    #[must_use]
    pub fn fallback_with(mut self, proxy: impl Proxy, options: ServiceOptions) -> Self {
        self.proxy = Some(ProxyEntry {
            proxy: Box::new(proxy),
            options,
            tally: ServiceTally::new(|_| None),
        });
        self
    }

    /// Judges the credentials of one flavour from now on.
    #[must_use]
    pub fn auth(mut self, auth: Arc<dyn ServerAuth>) -> Self {
        self.auths.retain(|other| other.flavor() != auth.flavor());
        self.auths.push(auth);
        self
    }

    /// Program and version of each service, in this order.
    pub fn services(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.entries
            .iter()
            .map(|entry| (entry.program, entry.version))
    }

    /// A program and version that was added twice.
    pub(crate) fn clash(&self) -> Option<(u32, u32)> {
        self.clash
    }

    fn find(&self, program: u32, version: u32) -> Result<usize, usize> {
        self.entries
            .binary_search_by_key(&(program, version), |entry| (entry.program, entry.version))
    }

    /// Lowest and highest version of a program.
    fn versions(&self, program: u32) -> Option<(u32, u32)> {
        let mut all = self
            .entries
            .iter()
            .filter(|entry| entry.program == program)
            .map(|entry| entry.version);
        let low = all.next()?;
        Some((low, all.next_back().unwrap_or(low)))
    }
}

/// What to do with a message.
pub(crate) enum Verdict {
    /// Poll the handler.
    Run(Call),
    /// Send this.
    Answer(EncodedReply),
    /// Send this, and move the connection onto another stream when it has gone out.
    Swap(EncodedReply, Arc<dyn Upgrade>),
    /// A reply: to a callback, or to nothing.
    Reply,
    /// Nothing; it is counted.
    Ignore,
}

/// A call whose handler has not ended.
pub(crate) struct Call {
    pub(crate) future: CallFuture,
    pub(crate) ticket: Ticket,
    pub(crate) span: Span,
}

/// What is needed to answer when the handler has ended.
pub(crate) struct Ticket {
    xid: u32,
    procedure: Procedure,
    verifier: OpaqueAuth,
    /// Which service; beyond the last one, the proxy.
    entry: usize,
    started: Instant,
    octets_in: usize,
    /// Octets of the longest message that the transport takes.
    max_reply: usize,
    pub(crate) deadline: Option<Instant>,
    /// Its handler panicked.
    pub(crate) panicked: bool,
    pub(crate) kept: Option<KeptCall>,
}

/// A call that the duplicate cache knows to be running; dropped unanswered, it is forgotten.
pub(crate) struct KeptCall {
    dispatcher: Arc<Dispatcher>,
    key: Option<Box<Key>>,
}

impl Drop for KeptCall {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.dispatcher.cache().abandon(&key);
        }
    }
}

/// A registry at work: with bounds, counters and kept replies.
pub(crate) struct Dispatcher {
    registry: Registry,
    pub(crate) limits: Limits,
    pub(crate) tally: Tally,
    cache: Mutex<ReplyCache>,
    /// When the next warning about a peer may be written, in nanoseconds.
    next_warning: AtomicU64,
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

impl Dispatcher {
    pub(crate) fn new(mut registry: Registry, limits: Limits) -> Arc<Self> {
        for auth in [
            Arc::new(ServerAuthNone) as Arc<dyn ServerAuth>,
            Arc::new(ServerAuthSys),
        ] {
            if registry
                .auths
                .iter()
                .all(|other| other.flavor() != auth.flavor())
            {
                registry.auths.push(auth);
            }
        }
        let cache = Mutex::new(ReplyCache::new(
            limits.reply_cache_octets,
            limits.reply_cache_keep,
        ));
        Arc::new(Self {
            registry,
            limits,
            tally: Tally::default(),
            cache,
            next_warning: AtomicU64::new(0),
        })
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn counters(&self) -> Counters {
        let mut counters = self.tally.read();
        for entry in &self.registry.entries {
            let name = |procedure| entry.service.procedure_name(procedure);
            entry
                .tally
                .read(entry.program, entry.version, name, &mut counters.procedures);
        }
        counters
    }

    /// Whether a peer's misbehaviour is worth a warning now: one a second, so that a peer cannot fill the log.
    pub(crate) fn may_warn(&self, now: Instant) -> bool {
        let (now, next) = (now.as_nanos(), self.next_warning.load(Relaxed));
        let after = now.saturating_add(1_000_000_000);
        now >= next
            && self
                .next_warning
                .compare_exchange(next, after, Relaxed, Relaxed)
                .is_ok()
    }

    /// Nothing panics while it holds the lock; if something did, the cache would still be whole.
    fn cache(&self) -> MutexGuard<'_, ReplyCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges a message.
    pub(crate) fn accept(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        record: &Bytes,
        now: Instant,
    ) -> Verdict {
        let (header, args) = match CallHeader::parse(record) {
            Ok(parts) => parts,
            Err(fault) => return self.refuse_message(origin, fault),
        };
        let CallHeader { xid, procedure, .. } = header;

        // Who calls comes before what is called: RFC 5531 §8.2, and the order of the classic library.
        let flavor = header.credential.flavor();
        let Some(auth) = self
            .registry
            .auths
            .iter()
            .find(|auth| auth.flavor() == flavor)
        else {
            debug!(peer = %origin.peer, %flavor, "credential of an unknown flavour");
            return self.auth_error(xid, AuthStat::REJECTEDCRED);
        };
        let head_len = CallHeader::FIXED_LEN + header.credential.encoded_len();
        let head = record.get(..head_len).unwrap_or_default();
        let (caller, args, verifier, seal) = match auth.accept(&header, head, args) {
            Accepted::Caller {
                caller,
                args,
                verifier,
                seal,
            } => (caller, args, verifier, seal),
            Accepted::Answer {
                verifier,
                body,
                then_swap,
            } => {
                let reply = EncodedReply::accepted(xid, &verifier, AcceptStat::Success, &body)
                    .unwrap_or_else(|_| EncodedReply::bare(xid, &verifier, AcceptStat::SystemErr));
                return match then_swap {
                    Some(upgrade) if origin.transport.is_stream() => Verdict::Swap(reply, upgrade),
                    _ => Verdict::Answer(reply),
                };
            }
            Accepted::Refuse(stat) => return self.auth_error(xid, stat),
            Accepted::Drop => {
                self.tally.auth_dropped.one();
                return Verdict::Ignore;
            }
        };

        let found = self.registry.find(procedure.program, procedure.version);
        let (entry, options) = match found {
            Ok(at) => (
                at,
                self.registry.entries.get(at).map(|entry| &entry.options),
            ),
            Err(_) => match self.refuse_program(origin, procedure) {
                Some(stat) => return Verdict::Answer(EncodedReply::bare(xid, &verifier, stat)),
                None => (
                    usize::MAX,
                    self.registry.proxy.as_ref().map(|proxy| &proxy.options),
                ),
            },
        };
        let Some(options) = options else {
            return Verdict::Ignore;
        };

        let cached = if origin.transport.is_stream() {
            options.duplicate_cache_on_streams
        } else {
            options.duplicate_cache_on_datagrams
        };
        let kept = if cached && procedure.procedure != 0 {
            let key = Box::new(Key {
                peer: origin.key(),
                xid,
                procedure,
                length: args.len(),
                checksum: checksum(&args),
            });
            let lookup = {
                let mut cache = self.cache();
                let lookup = cache.begin(now, &key);
                self.count_cache(&mut cache);
                lookup
            };
            match lookup {
                Lookup::New => Some(KeptCall {
                    dispatcher: Arc::clone(self),
                    key: Some(key),
                }),
                Lookup::InProgress => {
                    debug!(peer = %origin.peer, xid, %procedure, "repeated call dropped");
                    self.tally.repeats_dropped.one();
                    return Verdict::Ignore;
                }
                Lookup::Repeat(stat, body) => {
                    debug!(peer = %origin.peer, xid, %procedure, "repeated call answered again");
                    self.tally.replies_repeated.one();
                    let reply = match &seal {
                        Some(seal) if stat == AcceptStat::Success => seal.wrap(body),
                        _ => Ok(body),
                    }
                    .and_then(|body| {
                        EncodedReply::accepted(xid, &verifier, stat, &body)
                            .map_err(|_| Refusal::SystemErr)
                    });
                    return match reply {
                        Ok(reply) => Verdict::Answer(reply),
                        Err(why) => EncodedReply::refusal(xid, &verifier, &why)
                            .map_or(Verdict::Ignore, Verdict::Answer),
                    };
                }
            }
        } else {
            None
        };

        let deadline = self
            .limits
            .call_within
            .and_then(|within| now.checked_add(within));
        let mut ticket = Ticket {
            xid,
            procedure,
            verifier: verifier.clone(),
            entry,
            started: now,
            octets_in: args.len(),
            max_reply: if origin.transport.is_stream() {
                usize::MAX
            } else {
                self.limits.udp_send.min(65_507)
            },
            deadline,
            panicked: false,
            kept,
        };
        let mut limits = options.decode;
        limits.memory = limits.memory.min(self.limits.max_argument_memory);
        let lenient = procedure.procedure == 0 || options.mode == fairway_xdr::Mode::Lax;
        let args = Args::new(args, limits, options.mode, lenient);
        let span = debug_span!(
            "call",
            xid,
            prog = procedure.program,
            vers = procedure.version,
            proc = procedure.procedure
        );
        let cx = CallContext {
            origin: Arc::clone(origin),
            xid,
            procedure,
            credential: header.credential,
            caller,
            verifier,
            seal,
            deadline,
        };
        // Services made by rpcgen do nothing yet; others may, and their panic is the call's alone as well.
        let begun = match (self.registry.entries.get(entry), &self.registry.proxy) {
            (Some(entry), _) => catch_unwind(AssertUnwindSafe(|| entry.service.call(cx, args))),
            (None, Some(proxy)) => catch_unwind(AssertUnwindSafe(|| proxy.proxy.call(cx, args))),
            (None, None) => return Verdict::Ignore,
        };
        let future = begun.unwrap_or_else(|_| {
            ticket.panicked = true;
            Box::pin(std::future::ready(Err(Refusal::SystemErr)))
        });
        Verdict::Run(Call {
            future,
            ticket,
            span,
        })
    }

    /// Turns what a handler said into the reply, if there is one, and counts the call.
    pub(crate) fn finish(
        &self,
        ticket: Ticket,
        now: Instant,
        result: Result<EncodedReply, Refusal>,
    ) -> Option<EncodedReply> {
        let Ticket {
            xid,
            procedure,
            verifier,
            entry,
            started,
            octets_in,
            max_reply,
            panicked,
            kept,
            ..
        } = ticket;
        if panicked {
            self.tally.handler_panics.one();
            let Procedure {
                program: prog,
                version: vers,
                procedure: proc,
            } = procedure;
            // What the panic said is the panic hook's to print: it may hold what the caller has sent.
            error!(
                xid,
                prog, vers, proc, "a handler panicked: its call is answered with SYSTEM_ERR"
            );
        }
        let mut reply = match result {
            Ok(reply) => (!reply.is_silent()).then_some(reply),
            // Everything answers procedure 0 (RFC 5531 §12.1).
            Err(Refusal::ProcUnavail) if procedure.procedure == 0 => {
                Some(EncodedReply::bare(xid, &verifier, AcceptStat::Success))
            }
            Err(why) => {
                debug!(xid, %procedure, error = %why, "call refused");
                EncodedReply::refusal(xid, &verifier, &why)
            }
        };
        if let Some(long) = reply
            .as_ref()
            .map(EncodedReply::message_len)
            .filter(|len| *len > max_reply)
        {
            debug!(xid, %procedure, len = long, "reply longer than a datagram may be");
            self.tally.replies_too_long.one();
            reply = Some(EncodedReply::bare(xid, &verifier, AcceptStat::SystemErr));
        }
        if let Some(mut kept) = kept
            && let Some(key) = kept.key.take()
        {
            let mut cache = self.cache();
            match &reply {
                None => cache.finish(now, &key, None, Bytes::new()),
                Some(reply) => match reply.keep() {
                    Some((stat, body)) => cache.finish(now, &key, Some(stat), body),
                    // Refused for its credential: the same call can be accepted the next time.
                    None => cache.abandon(&key),
                },
            }
            self.count_cache(&mut cache);
        }
        let took = now.saturating_duration_since(started);
        let octets_out = reply.as_ref().map_or(0, EncodedReply::message_len);
        let error = reply.as_ref().is_some_and(|reply| !reply.is_success());
        trace!(xid, %procedure, len = octets_out, error, "call ended");
        let tally = match (self.registry.entries.get(entry), &self.registry.proxy) {
            (Some(entry), _) => Some(&entry.tally),
            (None, proxy) => proxy.as_ref().map(|proxy| &proxy.tally),
        };
        if let Some(tally) = tally {
            tally.count(
                procedure.procedure,
                Sample {
                    octets_in,
                    octets_out,
                    error,
                    took,
                },
            );
        }
        reply
    }

    fn count_cache(&self, cache: &mut ReplyCache) {
        let (evicted, expired) = cache.take_counts();
        if evicted > 0 {
            self.tally.replies_evicted.add(evicted);
        }
        if expired > 0 {
            self.tally.replies_expired.add(expired);
        }
    }

    fn refuse_message(&self, origin: &Origin, fault: CallFault) -> Verdict {
        match fault {
            CallFault::NotACall(1) => Verdict::Reply,
            CallFault::RpcMismatch { xid, version } => {
                debug!(peer = %origin.peer, xid, version, "call of another protocol version");
                self.tally.rpc_mismatch.one();
                // RFC 5531 §9: the lowest and the highest version that we speak.
                Verdict::Answer(EncodedReply::denied(
                    xid,
                    RejectStat::RpcMismatch { low: 2, high: 2 },
                ))
            }
            CallFault::BadCredential { xid } => self.auth_error(xid, AuthStat::BADCRED),
            CallFault::BadVerifier { xid } => self.auth_error(xid, AuthStat::BADVERF),
            fault => {
                debug!(peer = %origin.peer, error = %fault, "message dropped");
                self.tally.garbage.one();
                Verdict::Ignore
            }
        }
    }

    fn auth_error(&self, xid: u32, stat: AuthStat) -> Verdict {
        self.tally.auth_errors.one();
        Verdict::Answer(EncodedReply::denied(xid, RejectStat::AuthError(stat)))
    }

    /// Why no service and no proxy takes a call.
    fn refuse_program(&self, origin: &Origin, procedure: Procedure) -> Option<AcceptStat> {
        let Procedure {
            program, version, ..
        } = procedure;
        let (low, high) = match (self.registry.versions(program), &self.registry.proxy) {
            (Some(range), _) => range,
            (None, Some(proxy)) => match proxy.proxy.versions(program) {
                Some(range) if range.contains(&version) => return None,
                Some(range) if !range.is_empty() => range.into_inner(),
                _ => return Some(self.prog_unavail(origin, procedure)),
            },
            (None, None) => return Some(self.prog_unavail(origin, procedure)),
        };
        debug!(peer = %origin.peer, %procedure, low, high, "call of another version");
        self.tally.prog_mismatch.one();
        Some(AcceptStat::ProgMismatch { low, high })
    }

    fn prog_unavail(&self, origin: &Origin, procedure: Procedure) -> AcceptStat {
        debug!(peer = %origin.peer, %procedure, "call of an unknown program");
        self.tally.prog_unavail.one();
        AcceptStat::ProgUnavail
    }
}
