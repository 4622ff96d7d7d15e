//! What only threads bring about, step by step on one.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use fairway_stack::Net;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::client::core::Terms;
use crate::msg::ReplyHeader;
use crate::transport::Channel;

fn run<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        Net::system()
            .clock()
            .timeout(Duration::from_secs(10), test)
            .await
            .expect("the test hangs");
    });
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn connection() -> (Arc<Conn>, DuplexStream) {
    let net = Net::system();
    let (own, peer) = tokio::io::duplex(4096);
    let config = ClientConfig::default();
    let wire = Wire::Stream(StreamIo::new(Channel::Memory(own), config.limits.record));
    (Conn::new(&net, config, Target::None, wire, None), peer)
}

/// Reads a call, and answers it without results.
async fn answer(peer: &mut DuplexStream) {
    let mark = peer.read_u32().await.unwrap();
    let mut call = vec![0; usize::try_from(mark & 0x7fff_ffff).unwrap()];
    peer.read_exact(&mut call).await.unwrap();
    let xid = u32::from_be_bytes(*call.first_chunk().unwrap());
    let mut reply = Encoder::new();
    ReplyHeader::success(xid).put(&mut reply);
    peer.write_u32(0x8000_0000 | u32::try_from(reply.len()).unwrap())
        .await
        .unwrap();
    peer.write_all(&reply.into_vec()).await.unwrap();
}

/// A frame: mark and the call's header.
fn frame(mut frame: Encoder, xid: u32) -> Encoder {
    frame.put([0x80, 0, 0, 40]);
    frame.u32(xid);
    frame.put([0; 36]);
    frame
}

/// The caller has seen that it holds the role, another thread gives the role to the task, the task waits for the stream, and only then
/// the caller comes to the stream.
#[test]
fn a_caller_that_comes_late_does_not_take_the_streams_waker_from_the_task() {
    run(async {
        let (conn, mut peer) = connection();
        let terms = Terms::default();
        let (place, encoder) = conn.admit(44, terms).await.unwrap();
        let xid = place.xid;
        let call = place.exchange(frame(encoder, xid), &terms);
        let mut call = pin!(call);
        std::future::poll_fn(|cx| {
            assert!(call.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(conn.state().role, Role::Caller(xid));
        conn.state().hand_to_task();
        settle().await;
        let mut cx = Context::from_waker(Waker::noop());
        let late = conn.drive(&mut cx, Some(xid), None);
        assert!(matches!(late, Drive::Waiting));
        answer(&mut peer).await;
        assert!(ReplyHeader::parse(&call.await.unwrap()).is_ok());
    });
}

/// Dropped clients must not leave their task behind: the tests above would not end.
#[test]
fn the_last_client_ends_the_task() {
    run(async {
        let (conn, mut peer) = connection();
        let weak = Arc::downgrade(&conn);
        conn.close();
        drop(conn);
        settle().await;
        assert!(weak.upgrade().is_none());
        assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
    });
}
