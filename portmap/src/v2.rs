//! Portmap, version 2 (RFC 1833 §3): calls to [`Core`](crate::core::Core)'s methods.

use fairway_rpc::{CallContext, Procedure, Refusal, Reply};

use crate::address;
use crate::call_it::Kind;
use crate::pmap::{CallArgs, CallResult, Mapping, PmapV2, PmaplistPtr};
use crate::portmapper::{Portmapper, refused};
use crate::stats::Version;

impl PmapV2 for Portmapper {
    async fn null(&self, cx: &CallContext) -> Result<Reply<()>, Refusal> {
        self.core().null(Version::V2, &self.origin(cx));
        Ok(().into())
    }

    async fn set(&self, cx: &CallContext, arg: Mapping) -> Result<Reply<bool>, Refusal> {
        let origin = self.origin(cx);
        let done = self
            .core()
            .set_port(&origin, arg.prog, arg.vers, arg.prot, arg.port)
            .map_err(refused)?;
        self.note_change();
        Ok(done.into())
    }

    async fn unset(&self, cx: &CallContext, arg: Mapping) -> Result<Reply<bool>, Refusal> {
        let origin = self.origin(cx);
        let done = self
            .core()
            .unset_ports(&origin, arg.prog, arg.vers)
            .map_err(refused)?;
        self.note_change();
        Ok(done.into())
    }

    async fn getport(&self, cx: &CallContext, arg: Mapping) -> Result<Reply<u32>, Refusal> {
        let origin = self.origin(cx);
        let port = self
            .core()
            .port(&origin, arg.prog, arg.vers, arg.prot)
            .map_err(refused)?;
        Ok(port.into())
    }

    async fn dump(&self, cx: &CallContext) -> Result<Reply<PmaplistPtr>, Refusal> {
        let origin = self.origin(cx);
        let dump = self.core().dump(Version::V2, &origin).map_err(refused)?;
        dump.map(Reply::Encoded).map_err(|_| Refusal::SystemErr)
    }

    async fn callit(&self, cx: &CallContext, arg: CallArgs) -> Result<Reply<CallResult>, Refusal> {
        let call = Procedure::new(arg.prog, arg.vers, arg.proc);
        // Boxed: lookups, whose futures share their memory with this one, stay small.
        let forwarded = Box::pin(self.forward(cx, Version::V2, Kind::Broadcast, call, arg.args));
        let (address, res) = forwarded.await?;
        let port = address::port_of(&address).ok_or(Refusal::Drop)?.into();
        Ok(CallResult { port, res }.into())
    }
}
