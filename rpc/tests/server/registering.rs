//! What a portmapper is told, in the order in which it is told.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use fairway_rpc::xdr::Text;
use fairway_rpc::{
    Args, CallContext, CallFuture, Client, Portmapper, Proxy, RegisterError, Reply, Server,
};
use fairway_stack::Net;

use crate::support::*;

/// A portmapper that notes what it is told, and knows a program that it will not register.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

const TAKEN: u32 = 4;

impl Proxy for Notes {
    fn versions(&self, program: u32) -> Option<RangeInclusive<u32>> {
        (program == 100_000).then_some(3..=4)
    }

    fn call(&self, cx: CallContext, args: Args) -> CallFuture {
        let notes = self.0.clone();
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
                .lock()
                .unwrap()
                .push(format!("{verb} {version} {} {}", netid.0, address.0));
            cx.reply(Reply::Value(verb != "set" || version != TAKEN))
        })
    }
}

#[test]
fn each_service_is_registered_at_every_address_and_taken_back() {
    run(async {
        let net = Net::system();
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

#[test]
fn a_program_that_another_server_holds_is_an_error() {
    run(async {
        let net = Net::system();
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
