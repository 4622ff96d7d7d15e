//! A server whose process has run out of descriptors. A program of its own, because the limit holds for all of it.

#![expect(clippy::unwrap_used, reason = "a test that fails says so")]

use std::fs::File;
use std::time::Duration;

use fairway_rpc::{Args, CallContext, CallFuture, Reply, Server, Service};
use fairway_stack::{Net, TcpStream};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Null;

impl Service for Null {
    fn program(&self) -> u32 {
        0x2000_7777
    }

    fn version(&self) -> u32 {
        1
    }

    fn call(&self, cx: CallContext, args: Args) -> CallFuture {
        Box::pin(async move { cx.reply(Reply::Value(args.decode::<()>()?)) })
    }
}

async fn ask(stream: &mut TcpStream) {
    let words = [0x8000_0028u32, 7, 0, 2, 0x2000_7777, 1, 0, 0, 0, 0, 0];
    stream
        .write_all(&words.map(u32::to_be_bytes).concat())
        .await
        .unwrap();
    let mut reply = [0; 28];
    stream.read_exact(&mut reply).await.unwrap();
    assert_eq!(
        reply[..],
        [0x8000_0018u32, 7, 1, 0, 0, 0, 0]
            .map(u32::to_be_bytes)
            .concat()
    );
}

#[test]
fn accepting_rests_while_descriptors_are_out_and_connections_go_on() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let test = async {
        let net = Net::system();
        let server = Server::builder(&net)
            .service(Null)
            .listen_tcp("127.0.0.1:0".parse().unwrap())
            .start()
            .await
            .unwrap();
        let address = server.tcp_addr().unwrap();
        let mut before = net.connect_tcp(address).await.unwrap();
        ask(&mut before).await;

        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 64.min(hard), hard).unwrap();
        let mut files = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
        }
        // One descriptor for the client's end; none is left for the server's.
        files.pop();
        let mut waiting = net.connect_tcp(address).await.unwrap();
        while server.counters().accept_backoffs < 3 {
            ask(&mut before).await;
        }
        // Rests of 10, 20, 40 … ms: a loop that did not rest would be in the thousands by now.
        let rested = server.counters().accept_backoffs;
        net.clock().sleep(Duration::from_millis(100)).await;
        let more = server.counters().accept_backoffs - rested;
        assert!(more <= 2, "{more} tries in 100 ms");
        assert_eq!(server.counters().connections_accepted, 1);

        drop(files);
        ask(&mut waiting).await;
        assert_eq!(server.counters().connections_accepted, 2);
    };
    runtime.block_on(async {
        Net::system()
            .clock()
            .timeout(Duration::from_secs(30), test)
            .await
            .expect("the test hangs");
    });
}
