//! What a server serves: services made by `rpcgen` or by hand, and proxies for programs it was not made for.

use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;

use bytes::Bytes;
use fairway_xdr::{DecodeOwned, Decoder, Mode};

use super::{CallContext, EncodedReply, Refusal};

/// A call that is being handled: gives the reply, or why there is none.
pub type CallFuture = Pin<Box<dyn Future<Output = Result<EncodedReply, Refusal>> + Send>>;

/// One version of one program: what `rpcgen` writes an adaptor for.
///
/// A handler is polled by the task of its connection (or of its datagram socket). It must not block the thread; a long
/// computation belongs into a task of its own. If it panics, its call is answered with SYSTEM_ERR, logged as an error and counted
/// ([`Counters::handler_panics`](crate::Counters::handler_panics)), and everything else goes on. What it held meanwhile is the service's: a
/// `std::sync::Mutex` that was locked is poisoned. (A program built with `panic = "abort"` ends, as it has asked to.)
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service that can be served",
    label = "not a `Service`",
    note = "if it implements a trait made by `rpcgen`, such as `EchoV1`, wrap it: `EchoV1Service::new(…)`"
)]
pub trait Service: Send + Sync + 'static {
    /// The program's number.
    fn program(&self) -> u32;

    /// The version's number.
    fn version(&self) -> u32;

    /// The name of a procedure, for counters and traces.
    fn procedure_name(&self, procedure: u32) -> Option<&'static str> {
        let _ = procedure;
        None
    }

    /// Handles one call. A call of procedure 0 that is refused with [`Refusal::ProcUnavail`] is answered with no results all the same
    /// (RFC 5531 §12.1: procedure 0 does no work, and everything answers it).
    fn call(&self, cx: CallContext, args: Args) -> CallFuture;
}

/// Serves programs that are not known when it is written: proxies, gateways, recorders.
pub trait Proxy: Send + Sync + 'static {
    /// The versions of a program, or `None` if there is no such program: then, and outside of the range, the server answers with PROG_UNAVAIL
    /// and PROG_MISMATCH.
    fn versions(&self, program: u32) -> Option<RangeInclusive<u32>>;

    /// Handles one call: [`Args::raw`] are the arguments as they came, [`CallContext::reply_raw`] takes results as octets.
    fn call(&self, cx: CallContext, args: Args) -> CallFuture;
}

/// How a service is served.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServiceOptions {
    /// Repeated calls over datagrams are answered with the kept reply instead of being executed again. Default true.
    pub duplicate_cache_on_datagrams: bool,
    /// The same over streams: useful where a client calls again over a new connection from the same, reserved port. Such calls run to
    /// their end even if the connection ends before. Default false.
    pub duplicate_cache_on_streams: bool,
    /// Bounds on what decoding the arguments may use. Its memory is also bounded by [`Limits::max_argument_memory`](crate::Limits).
    pub decode: fairway_xdr::Limits,
    /// How exact the arguments must be. Default strict.
    pub mode: Mode,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            duplicate_cache_on_datagrams: true,
            duplicate_cache_on_streams: false,
            decode: fairway_xdr::Limits::default(),
            mode: Mode::Strict,
        }
    }
}

/// The arguments of a call, not yet decoded.
#[derive(Debug)]
pub struct Args {
    octets: Bytes,
    limits: fairway_xdr::Limits,
    mode: Mode,
    /// Octets after the arguments are overlooked.
    lenient: bool,
}

impl Args {
    pub(crate) fn new(
        octets: Bytes,
        limits: fairway_xdr::Limits,
        mode: Mode,
        lenient: bool,
    ) -> Self {
        Self {
            octets,
            limits,
            mode,
            lenient,
        }
    }

    /// Decodes them. Large opaque data shares the memory of the record it came in.
    ///
    /// # Errors
    /// [`Refusal::GarbageArgs`] if they are not of this type, exceed a bound, or octets are left over; these are overlooked in lax
    /// mode and for procedure 0, as the C library does.
    pub fn decode<T: DecodeOwned>(self) -> Result<T, Refusal> {
        let mut decoder = Decoder::shared(&self.octets)
            .with_limits(self.limits)
            .with_mode(self.mode);
        let value = T::decode(&mut decoder)?;
        if !self.lenient {
            decoder.finish()?;
        }
        Ok(value)
    }

    /// The octets as they came.
    #[must_use]
    pub fn raw(&self) -> Bytes {
        self.octets.clone()
    }
}
