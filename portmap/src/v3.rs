//! rpcbind, version 3 (RFC 1833 §2.2.1): calls to [`Core`](crate::core::Core)'s methods, and what version 4 shares.

use fairway_rpc::{CallContext, Procedure, Refusal, Reply};

use crate::call_it::Kind;
use crate::portmapper::{Portmapper, question, refused};
use crate::rpcb::{Netbuf, Rpcb, RpcbRmtcallargs, RpcbRmtcallres, RpcbV3, RpcblistPtr};
use crate::stats::Version;

impl Portmapper {
    /// RPCBPROC_GETADDR and RPCBPROC_GETVERSADDR.
    pub(crate) fn address(
        &self,
        at: Version,
        cx: &CallContext,
        arg: &Rpcb,
        exact: bool,
    ) -> Result<Reply<String>, Refusal> {
        let origin = self.origin(cx);
        let question = question(arg);
        let host = || self.host();
        let address = self
            .core()
            .address(
                at,
                &origin,
                arg.r_prog,
                arg.r_vers,
                &arg.r_addr,
                exact,
                question,
                &host,
            )
            .map_err(refused)?;
        Ok(address.into())
    }

    /// RPCBPROC_SET.
    pub(crate) fn set_for(
        &self,
        at: Version,
        cx: &CallContext,
        arg: Rpcb,
    ) -> Result<Reply<bool>, Refusal> {
        let origin = self.origin(cx);
        let done = self
            .core()
            .set(
                at,
                &origin,
                arg.r_prog,
                arg.r_vers,
                &arg.r_netid,
                arg.r_addr,
            )
            .map_err(refused)?;
        self.note_change();
        Ok(done.into())
    }

    /// RPCBPROC_UNSET.
    pub(crate) fn unset_for(
        &self,
        at: Version,
        cx: &CallContext,
        arg: &Rpcb,
    ) -> Result<Reply<bool>, Refusal> {
        let origin = self.origin(cx);
        let done = self
            .core()
            .unset(at, &origin, arg.r_prog, arg.r_vers, &arg.r_netid)
            .map_err(refused)?;
        self.note_change();
        Ok(done.into())
    }

    /// RPCBPROC_DUMP.
    pub(crate) fn dump_for(
        &self,
        at: Version,
        cx: &CallContext,
    ) -> Result<Reply<RpcblistPtr>, Refusal> {
        let origin = self.origin(cx);
        let dump = self.core().dump(at, &origin).map_err(refused)?;
        dump.map(Reply::Encoded).map_err(|_| Refusal::SystemErr)
    }

    /// RPCBPROC_GETTIME.
    pub(crate) fn time(&self, at: Version, cx: &CallContext) -> Result<Reply<u32>, Refusal> {
        let origin = self.origin(cx);
        let now = self.wall();
        let time = self.core().time(at, &origin, now).map_err(refused)?;
        Ok(time.into())
    }

    /// RPCBPROC_UADDR2TADDR.
    pub(crate) fn transport_of(
        &self,
        at: Version,
        cx: &CallContext,
        arg: &str,
    ) -> Result<Reply<Netbuf>, Refusal> {
        let origin = self.origin(cx);
        let address = self
            .core()
            .to_transport(at, &origin, arg)
            .map_err(refused)?;
        Ok(Netbuf {
            maxlen: address.max_len,
            buf: address.octets.into(),
        }
        .into())
    }

    /// RPCBPROC_TADDR2UADDR.
    pub(crate) fn universal_of(
        &self,
        at: Version,
        cx: &CallContext,
        arg: &Netbuf,
    ) -> Result<Reply<String>, Refusal> {
        let origin = self.origin(cx);
        // An address longer than the room it says it has is none, to the C library as well.
        let fits = u32::try_from(arg.buf.len()).is_ok_and(|len| len <= arg.maxlen);
        if !fits {
            self.core().statistics.call(at, 8);
            return Err(Refusal::GarbageArgs(None));
        }
        let address = self
            .core()
            .from_transport(at, &origin, &arg.buf)
            .map_err(refused)?;
        Ok(address.into())
    }

    /// RPCBPROC_CALLIT, RPCBPROC_BCAST and RPCBPROC_INDIRECT.
    pub(crate) async fn call_for(
        &self,
        at: Version,
        kind: Kind,
        cx: &CallContext,
        arg: RpcbRmtcallargs,
    ) -> Result<Reply<RpcbRmtcallres>, Refusal> {
        let call = Procedure::new(arg.prog, arg.vers, arg.proc);
        let (addr, results) = self.forward(cx, at, kind, call, arg.args).await?;
        Ok(RpcbRmtcallres { addr, results }.into())
    }
}

impl RpcbV3 for Portmapper {
    async fn null(&self, cx: &CallContext) -> Result<Reply<()>, Refusal> {
        self.core().null(Version::V3, &self.origin(cx));
        Ok(().into())
    }

    async fn set(&self, cx: &CallContext, arg: Rpcb) -> Result<Reply<bool>, Refusal> {
        self.set_for(Version::V3, cx, arg)
    }

    async fn unset(&self, cx: &CallContext, arg: Rpcb) -> Result<Reply<bool>, Refusal> {
        self.unset_for(Version::V3, cx, &arg)
    }

    async fn getaddr(&self, cx: &CallContext, arg: Rpcb) -> Result<Reply<String>, Refusal> {
        self.address(Version::V3, cx, &arg, false)
    }

    async fn dump(&self, cx: &CallContext) -> Result<Reply<RpcblistPtr>, Refusal> {
        self.dump_for(Version::V3, cx)
    }

    async fn callit(
        &self,
        cx: &CallContext,
        arg: RpcbRmtcallargs,
    ) -> Result<Reply<RpcbRmtcallres>, Refusal> {
        Box::pin(self.call_for(Version::V3, Kind::Broadcast, cx, arg)).await
    }

    async fn gettime(&self, cx: &CallContext) -> Result<Reply<u32>, Refusal> {
        self.time(Version::V3, cx)
    }

    async fn uaddr2taddr(&self, cx: &CallContext, arg: String) -> Result<Reply<Netbuf>, Refusal> {
        self.transport_of(Version::V3, cx, &arg)
    }

    async fn taddr2uaddr(&self, cx: &CallContext, arg: Netbuf) -> Result<Reply<String>, Refusal> {
        self.universal_of(Version::V3, cx, &arg)
    }
}
