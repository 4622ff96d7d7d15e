//! What a portmapper is told, in the order in which it is told.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fairway_rpc::xdr::Text;
use fairway_rpc::{
    Args, CallContext, CallFuture, Client, Portmapper, Proxy, RegisterError, Reply, Server,
};
use fairway_stack::Net;

use crate::support::*;

/// A portmapper that notes what it is told, and knows a program that it will not register. Told to be silent, it answers nothing.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>, Arc<AtomicBool>);

const TAKEN: u32 = 4;

impl Proxy for Notes {
    fn versions(&self, program: u32) -> Option<RangeInclusive<u32>> {
        (program == 100_000).then_some(3..=4)
    }

    fn call(&self, cx: CallContext, args: Args) -> CallFuture {
        let notes = self.clone();
        Box::pin(async move {
            let verb = match cx.procedure() {
                1 => "set",
                2 => "unset",
                _ => return Err(fairway_rpc::Refusal::ProcUnavail),
            };
            let ((program, version), netid, address, owner) =
                args.decode::<((u32, u32), Text, Text, Text)>()?;
            assert_eq!((program, &owner.0[..]), (PROGRAM, ""));
            notes
                .0
                .lock()
                .unwrap()
                .push(format!("{verb} {version} {} {}", netid.0, address.0));
            if notes.1.load(Ordering::Relaxed) {
                return Err(fairway_rpc::Refusal::Drop);
            }
            cx.reply(Reply::Value(verb != "set" || version != TAKEN))
        })
    }
}

#[test]
fn each_service_is_registered_at_every_address_and_taken_back() {
    run(async || {
        let net = crate::stacks::net();
        let notes = Notes::default();
        let mapper = Server::builder(&net)
            .fallback(notes.clone())
            .start()
            .await
            .unwrap();
        let portmapper = Portmapper::over(Client::memory(&mapper), None);
        let any = "127.0.0.1:0".parse().unwrap();
        let server = Server::builder(&net)
            .service(TestService::new(2))
            .service(TestService::new(3))
            .listen_tcp(any)
            .listen_udp(any)
            .listen_tcp(any)
            .start()
            .await
            .unwrap();
        let address = |address: std::net::SocketAddr| {
            let [high, low] = address.port().to_be_bytes();
            format!("127.0.0.1.{high}.{low}")
        };
        let (tcp, udp) = (
            address(server.tcp_addr().unwrap()),
            address(server.udp_addr().unwrap()),
        );
        let told = || std::mem::take(&mut *notes.0.lock().unwrap());

        server.register(&portmapper).await.unwrap();
        let mut expected = Vec::new();
        for version in [2, 3] {
            expected.push(format!("unset {version} tcp "));
            expected.push(format!("unset {version} udp "));
            expected.push(format!("set {version} tcp {tcp}"));
            expected.push(format!("set {version} udp {udp}"));
        }
        assert_eq!(told(), expected, "of two TCP addresses the first");

        server.unregister(&portmapper).await.unwrap();
        assert_eq!(
            told(),
            [
                "unset 2 tcp ",
                "unset 2 udp ",
                "unset 3 tcp ",
                "unset 3 udp "
            ]
        );
    });
}

/// Two services over TCP at a portmapper that notes, registered.
async fn registered(net: &Net) -> (Server, Server, Portmapper, Notes) {
    let notes = Notes::default();
    let mapper = Server::builder(net)
        .fallback(notes.clone())
        .start()
        .await
        .unwrap();
    let portmapper = Portmapper::over(Client::memory(&mapper), None);
    let server = Server::builder(net)
        .service(TestService::new(2))
        .service(TestService::new(3))
        .listen_tcp("127.0.0.1:0".parse().unwrap())
        .start()
        .await
        .unwrap();
    server.register(&portmapper).await.unwrap();
    notes.0.lock().unwrap().clear();
    (server, mapper, portmapper, notes)
}

#[test]
fn shutdown_takes_back_what_is_registered_and_once() {
    run(async || {
        let net = crate::stacks::net();
        let (server, _mapper, portmapper, notes) = registered(&net).await;
        assert!(server.shutdown(Duration::from_secs(20)).await);
        let told = || std::mem::take(&mut *notes.0.lock().unwrap());
        assert_eq!(told(), ["unset 2 tcp ", "unset 3 tcp "]);
        assert!(server.shutdown(Duration::from_secs(20)).await);
        assert_eq!(told(), [""; 0]);

        // What was taken back before may be another server's now.
        server.register(&portmapper).await.unwrap();
        server.unregister(&portmapper).await.unwrap();
        told();
        assert!(server.shutdown(Duration::from_secs(20)).await);
        assert_eq!(told(), [""; 0]);
    });
}

#[test]
fn shutdown_takes_back_what_a_failed_registration_has_left() {
    run(async || {
        let net = crate::stacks::net();
        let notes = Notes::default();
        let mapper = Server::builder(&net).fallback(notes.clone());
        let mapper = mapper.start().await.unwrap();
        let portmapper = Portmapper::over(Client::memory(&mapper), None);
        let fixture = Fixture::new().await;
        fixture.server.register(&portmapper).await.unwrap_err();
        notes.0.lock().unwrap().clear();
        assert!(fixture.server.shutdown(Duration::from_secs(20)).await);
        // Not version 4: that is the other server's.
        assert_eq!(*notes.0.lock().unwrap(), ["unset 2 tcp ", "unset 2 udp "]);
    });
}

#[test]
fn shutdown_does_not_wait_for_a_portmapper_that_is_gone_or_silent() {
    run(async || {
        let net = crate::stacks::net();
        let (server, mapper, ..) = registered(&net).await;
        drop(mapper);
        assert!(server.shutdown(Duration::from_secs(20)).await);

        let (server, _mapper, _, notes) = registered(&net).await;
        notes.1.store(true, Ordering::Relaxed);
        let clock = net.clock();
        let begun = clock.now();
        assert!(server.shutdown(Duration::from_secs(20)).await);
        assert_eq!(*notes.0.lock().unwrap(), ["unset 2 tcp "]);
        // A call alone would wait 25 s.
        assert!(clock.now().saturating_duration_since(begun) < Duration::from_secs(20));
    });
}

#[test]
fn a_program_that_another_server_holds_is_an_error() {
    run(async || {
        let net = crate::stacks::net();
        let mapper = Server::builder(&net)
            .fallback(Notes::default())
            .start()
            .await
            .unwrap();
        let portmapper = Portmapper::over(Client::memory(&mapper), None);
        let fixture = Fixture::new().await;
        let error = fixture.server.register(&portmapper).await.unwrap_err();
        assert!(
            matches!(
                error,
                RegisterError::Refused {
                    program: PROGRAM,
                    version: TAKEN,
                    ..
                }
            ),
            "{error}"
        );
    });
}
