//! Calls that arrive on a client's connection.

use fairway_rpc::{
    Args, CallContext, CallError, CallFuture, CallOptions, Client, ClientConfig, Procedure,
    Refusal, Registry, Reply, Server, Service,
};
use fairway_stack::Net;

use crate::support::{begin, pair, run, settle};

/// Asks the caller to double its argument, so many times over, and answers the last result.
const ASK_BACK: Procedure = Procedure::new(0x2000_0044, 1, 1);
/// What the caller offers: 3 doubles at once, 4 after a while.
const DOUBLE: Procedure = Procedure::new(55, 1, 3);
const SLOW_DOUBLE: Procedure = Procedure::new(55, 1, 4);
const PANIC: Procedure = Procedure::new(55, 1, 5);

struct Asking;

impl Service for Asking {
    fn program(&self) -> u32 {
        ASK_BACK.program
    }
    fn version(&self) -> u32 {
        ASK_BACK.version
    }
    fn call(&self, cx: CallContext, args: Args) -> CallFuture {
        Box::pin(async move {
            let (mut value, procedure, times) = args.decode::<(u32, u32, u32)>()?;
            let client = cx.callback().ok_or(Refusal::SystemErr)?;
            let back = Procedure {
                procedure,
                ..DOUBLE
            };
            for _ in 0..times {
                value = client
                    .call(back, &value, &CallOptions::new())
                    .await
                    .map_err(|_| Refusal::SystemErr)?;
            }
            cx.reply(Reply::Value(value))
        })
    }
}

struct Doubling;

impl Service for Doubling {
    fn program(&self) -> u32 {
        DOUBLE.program
    }
    fn version(&self) -> u32 {
        DOUBLE.version
    }
    fn call(&self, cx: CallContext, args: Args) -> CallFuture {
        Box::pin(async move {
            let value = args.decode::<u32>()?;
            match Procedure::new(cx.program(), cx.version(), cx.procedure()) {
                DOUBLE => {}
                SLOW_DOUBLE => tokio::task::yield_now().await,
                PANIC => panic!("the handler panics, as the test wants"),
                _ => return Err(Refusal::ProcUnavail),
            }
            cx.reply(Reply::Value(value * 2))
        })
    }
}

async fn both(net: &Net) -> (Server, Client) {
    let server = Server::builder(net)
        .service(Asking)
        .listen_tcp("127.0.0.1:0".parse().unwrap())
        .start()
        .await
        .unwrap();
    let peer = server.tcp_addr().unwrap();
    let client = Client::tcp(net, peer, ClientConfig::new()).await.unwrap();
    (server, client)
}

#[test]
fn are_served_while_calls_wait_for_their_replies() {
    run(async || {
        let net = crate::stacks::net();
        let (_server, client) = both(&net).await;
        client.serve(Registry::new().service(Doubling));
        for procedure in [DOUBLE.procedure, SLOW_DOUBLE.procedure] {
            let calls: Vec<_> = (1..20)
                .map(|n| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        let args = (n, procedure, 5u32);
                        let options = CallOptions::new();
                        assert_eq!(
                            client
                                .call::<_, u32>(ASK_BACK, &args, &options)
                                .await
                                .unwrap(),
                            n << 5
                        );
                    })
                })
                .collect();
            for call in calls {
                call.await.unwrap();
            }
        }
        assert_eq!(client.counters().replies, 38);
        assert!(client.served().is_some());
    });
}

#[test]
fn that_panic_are_answered_and_the_connection_goes_on() {
    run(async || {
        let net = crate::stacks::net();
        let (server, client) = both(&net).await;
        client.serve(Registry::new().service(Doubling));
        for (procedure, works) in [(PANIC, false), (DOUBLE, true)] {
            let args = (3u32, procedure.procedure, 1u32);
            let result = client
                .call::<_, u32>(ASK_BACK, &args, &CallOptions::new())
                .await;
            // The server's handler passes the failure of its callback on.
            match result {
                Ok(6) if works => {}
                Err(CallError::SystemErr) if !works => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(client.served().unwrap().handler_panics, 1);
        assert_eq!(server.counters().handler_panics, 0);
        assert_eq!(server.counters().connections_open, 1);
    });
}

#[test]
fn come_though_the_client_calls_nothing() {
    run(async || {
        let (client, mut peer) = pair(4096, ClientConfig::new());
        client.serve(Registry::new().service(Doubling));
        let net = crate::stacks::net();
        // The other end as a client of this one.
        let (ours, theirs) = tokio::io::duplex(4096);
        let other = Client::from_stream(&net, theirs, ClientConfig::new());
        let pipe = tokio::spawn(async move {
            let mut ours = ours;
            let _ = tokio::io::copy_bidirectional(&mut ours, &mut peer.0).await;
        });
        let options = CallOptions::new();
        let twice: u32 = other.call(DOUBLE, &4u32, &options).await.unwrap();
        assert_eq!(twice, 8);
        let refused = other
            .call::<_, ()>(Procedure::new(56, 1, 1), &(), &options)
            .await;
        assert!(matches!(refused, Err(CallError::ProgUnavail)));
        pipe.abort();
    });
}

#[test]
fn a_handler_may_close_the_client() {
    /// Closes the connection that it is called over.
    struct Closing(std::sync::Mutex<Option<Client>>);
    impl Service for Closing {
        fn program(&self) -> u32 {
            DOUBLE.program
        }
        fn version(&self) -> u32 {
            DOUBLE.version
        }
        fn call(&self, _: CallContext, _: Args) -> CallFuture {
            let client = self.0.lock().unwrap().take();
            Box::pin(async move {
                if let Some(client) = client {
                    client.close().await;
                }
                Err(Refusal::Drop)
            })
        }
    }
    run(async || {
        let net = crate::stacks::net();
        let (_server, client) = both(&net).await;
        let closing = Closing(std::sync::Mutex::new(Some(client.clone())));
        client.serve(Registry::new().service(closing));
        let args = (1u32, DOUBLE.procedure, 1u32);
        let ended = client
            .call::<_, u32>(ASK_BACK, &args, &CallOptions::new())
            .await;
        assert!(matches!(ended, Err(CallError::Closed)));
    });
}

#[test]
fn are_counted_and_dropped_unless_served() {
    run(async || {
        let net = crate::stacks::net();
        let (_server, client) = both(&net).await;
        let args = (1u32, DOUBLE.procedure, 1u32);
        let mut call = Box::pin({
            let client = client.clone();
            async move {
                client
                    .call::<_, u32>(ASK_BACK, &args, &CallOptions::new())
                    .await
            }
        });
        begin(&mut call);
        let call = tokio::spawn(call);
        while client.counters().unserved_calls == 0 {
            settle().await;
        }
        call.abort();
        assert_eq!(client.counters().unserved_calls, 1);
    });
}
