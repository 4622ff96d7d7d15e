//! A peer that does as the test says, octet by octet.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use fairway_rpc::msg::{AcceptStat, CallHeader, RejectStat, ReplyHeader};
use fairway_rpc::xdr::Encoder;
use fairway_rpc::{
    AuthStat, CallError, CallOptions, Client, ClientConfig, OpaqueAuth, Procedure, record,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};

use crate::stacks::limited;
pub(crate) use crate::stacks::run;

pub(crate) const ECHO: Procedure = Procedure::new(0x2000_0099, 1, 1);

/// Runs a test on the system's stack, on a runtime with two workers.
pub(crate) fn run_threaded<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(limited(test));
}

/// A call as the peer sees it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) header: CallHeader,
    pub(crate) args: Bytes,
}

impl Call {
    pub(crate) fn xid(&self) -> u32 {
        self.header.xid
    }
}

/// The other end of a stream.
pub(crate) struct Peer<S>(pub(crate) S);

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) async fn record(&mut self) -> Bytes {
        let mark = self.0.read_u32().await.expect("a record mark");
        assert_ne!(mark & 0x8000_0000, 0, "calls leave in one fragment");
        let mut octets = vec![0; usize::try_from(mark & 0x7fff_ffff).unwrap()];
        self.0
            .read_exact(&mut octets)
            .await
            .expect("a whole record");
        octets.into()
    }

    pub(crate) async fn call(&mut self) -> Call {
        let (header, args) = CallHeader::parse(&self.record().await).expect("a call");
        Call { header, args }
    }

    pub(crate) async fn octets(&mut self, octets: &[u8]) {
        self.0.write_all(octets).await.unwrap();
    }

    /// Answers with `results`.
    pub(crate) async fn reply(&mut self, xid: u32, results: &[u8]) {
        self.octets(&marked(&success(xid, results))).await;
    }

    /// Answers calls with their own arguments until the stream ends.
    pub(crate) async fn echo(mut self) {
        loop {
            let Ok(mark) = self.0.read_u32().await else {
                return;
            };
            let mut octets = vec![0; usize::try_from(mark & 0x7fff_ffff).unwrap()];
            if self.0.read_exact(&mut octets).await.is_err() {
                return;
            }
            let (header, args) = CallHeader::parse(&octets.into()).expect("a call");
            let reply = marked(&success(header.xid, &args));
            if self.0.write_all(&reply).await.is_err() {
                return;
            }
        }
    }
}

/// A reply without its mark.
pub(crate) fn success(xid: u32, results: &[u8]) -> Vec<u8> {
    let mut e = Encoder::new();
    ReplyHeader::success(xid).put(&mut e);
    e.raw(results).unwrap();
    e.into_vec()
}

pub(crate) fn accepted(xid: u32, stat: AcceptStat) -> Vec<u8> {
    let mut e = Encoder::new();
    ReplyHeader::accepted(xid, stat).put(&mut e);
    e.into_vec()
}

pub(crate) fn denied(xid: u32, stat: RejectStat) -> Vec<u8> {
    let mut e = Encoder::new();
    ReplyHeader::denied(xid, stat).put(&mut e);
    e.into_vec()
}

pub(crate) fn auth_error(xid: u32, why: AuthStat) -> Vec<u8> {
    denied(xid, RejectStat::AuthError(why))
}

pub(crate) fn success_with(xid: u32, verifier: OpaqueAuth) -> Vec<u8> {
    let stat = fairway_rpc::msg::ReplyStat::Accepted(verifier, AcceptStat::Success);
    let mut e = Encoder::new();
    ReplyHeader { xid, stat }.put(&mut e);
    e.into_vec()
}

/// With a record mark.
pub(crate) fn marked(message: &[u8]) -> Vec<u8> {
    [&record::mark(message.len()).unwrap()[..], message].concat()
}

pub(crate) fn fragment(last: bool, octets: &[u8]) -> Vec<u8> {
    let length = u32::try_from(octets.len()).unwrap() | if last { 0x8000_0000 } else { 0 };
    [&length.to_be_bytes()[..], octets].concat()
}

/// A client and its peer; the pipe holds `octets` each way.
pub(crate) fn pair(octets: usize, config: ClientConfig) -> (Client, Peer<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(octets);
    let client = Client::from_stream(&crate::stacks::net(), ours, config);
    (client, Peer(theirs))
}

/// Calls ECHO with `value`, as a future that can be polled by hand.
pub(crate) fn echo(
    client: &Client,
    value: u32,
) -> Pin<Box<dyn Future<Output = Result<u32, CallError>> + Send>> {
    let client = client.clone();
    Box::pin(async move { client.call(ECHO, &value, &CallOptions::new()).await })
}

/// Polls once and expects it to wait.
pub(crate) fn begin<F: Future + Unpin>(future: &mut F) {
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(Pin::new(future).poll(&mut cx).is_pending());
}

/// Lets other tasks run until they have nothing to do.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// A stream that counts writes and how many octets each took.
pub(crate) struct Counted<S> {
    pub(crate) inner: S,
    pub(crate) writes: std::sync::Arc<std::sync::Mutex<Vec<usize>>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        if let Poll::Ready(Ok(count)) = &polled {
            self.writes.lock().unwrap().push(*count);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let joined: Vec<u8> = bufs.iter().flat_map(|buf| buf.to_vec()).collect();
        let polled = Pin::new(&mut self.inner).poll_write(cx, &joined);
        if let Poll::Ready(Ok(count)) = &polled {
            self.writes.lock().unwrap().push(*count);
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
