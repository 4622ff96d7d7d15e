//! rpcbind, version 4 (RFC 1833 §2.2.2): calls to [`Core`](crate::core::Core)'s methods.

use fairway_rpc::{CallContext, Refusal, Reply};

use crate::call_it::Kind;
use crate::portmapper::{Portmapper, refused};
use crate::rpcb::{
    Netbuf, Rpcb, RpcbEntry, RpcbEntryList, RpcbEntryListPtr, RpcbRmtcallargs, RpcbRmtcallres,
    RpcbStatByvers, RpcbV4, RpcblistPtr,
};
use crate::stats::Version;

impl RpcbV4 for Portmapper {
    async fn null(&self, cx: &CallContext) -> Result<Reply<()>, Refusal> {
        self.core().null(Version::V4, &self.origin(cx));
        Ok(().into())
    }

    async fn set(&self, cx: &CallContext, arg: Rpcb) -> Result<Reply<bool>, Refusal> {
        self.set_for(Version::V4, cx, arg)
    }

    async fn unset(&self, cx: &CallContext, arg: Rpcb) -> Result<Reply<bool>, Refusal> {
        self.unset_for(Version::V4, cx, &arg)
    }

    async fn getaddr(&self, cx: &CallContext, arg: Rpcb) -> Result<Reply<String>, Refusal> {
        self.address(Version::V4, cx, &arg, false)
    }

    async fn dump(&self, cx: &CallContext) -> Result<Reply<RpcblistPtr>, Refusal> {
        self.dump_for(Version::V4, cx)
    }

    async fn bcast(
        &self,
        cx: &CallContext,
        arg: RpcbRmtcallargs,
    ) -> Result<Reply<RpcbRmtcallres>, Refusal> {
        Box::pin(self.call_for(Version::V4, Kind::Broadcast, cx, arg)).await
    }

    async fn gettime(&self, cx: &CallContext) -> Result<Reply<u32>, Refusal> {
        self.time(Version::V4, cx)
    }

    async fn uaddr2taddr(&self, cx: &CallContext, arg: String) -> Result<Reply<Netbuf>, Refusal> {
        self.transport_of(Version::V4, cx, &arg)
    }

    async fn taddr2uaddr(&self, cx: &CallContext, arg: Netbuf) -> Result<Reply<String>, Refusal> {
        self.universal_of(Version::V4, cx, &arg)
    }

    async fn getversaddr(&self, cx: &CallContext, arg: Rpcb) -> Result<Reply<String>, Refusal> {
        self.address(Version::V4, cx, &arg, true)
    }

    async fn indirect(
        &self,
        cx: &CallContext,
        arg: RpcbRmtcallargs,
    ) -> Result<Reply<RpcbRmtcallres>, Refusal> {
        Box::pin(self.call_for(Version::V4, Kind::Indirect, cx, arg)).await
    }

    async fn getaddrlist(
        &self,
        cx: &CallContext,
        arg: Rpcb,
    ) -> Result<Reply<RpcbEntryListPtr>, Refusal> {
        let origin = self.origin(cx);
        let entries = self
            .core()
            .address_list(&origin, arg.r_prog, arg.r_vers, &arg.r_addr, &|| {
                self.host()
            })
            .map_err(refused)?;
        let entries = entries
            .into_iter()
            .map(|entry| RpcbEntryList {
                rpcb_entry_map: RpcbEntry {
                    r_maddr: entry.address,
                    r_nc_netid: entry.netid.as_str().to_owned(),
                    r_nc_semantics: entry.semantics.semantics,
                    r_nc_protofmly: entry.semantics.family.to_owned(),
                    r_nc_proto: entry.semantics.protocol.to_owned(),
                },
            })
            .collect();
        Ok(RpcbEntryListPtr(entries).into())
    }

    async fn getstat(&self, cx: &CallContext) -> Result<Reply<RpcbStatByvers>, Refusal> {
        let origin = self.origin(cx);
        let statistics = self.core().statistics(&origin).map_err(refused)?;
        statistics
            .map(Reply::Encoded)
            .map_err(|_| Refusal::SystemErr)
    }
}
