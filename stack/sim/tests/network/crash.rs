//! Hosts that crash and start again.

use crate::{any, ask, echo_of, ms, serve_echo};
use fairway_sim::Network;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_crashed_host_is_silent_and_starts_again_with_its_addresses_and_routes() {
    let network = Network::new(1);
    let (a, b, r) = (network.node("a"), network.node("b"), network.router("r"));
    network.link(&a, &r).connect();
    network.link(&r, &b).connect();
    network.route_all();
    serve_echo(&b);
    let net = a.net();
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        let asked = async || ask(&net, &socket, echo_of(&b), b"?").await;
        assert!(asked().await);
        b.crash();
        assert!(!asked().await);
        b.restart();
        assert!(!asked().await, "nobody has started the service again");
        serve_echo(&b);
        assert!(asked().await);
        // A router in between, too.
        r.crash();
        assert!(!asked().await);
        r.restart();
        assert!(asked().await);
    });
    assert!(
        network
            .log()
            .iter()
            .any(|line| line.ends_with("b: crashed"))
    );
}

#[test]
fn tasks_end_sockets_vanish_and_files_stay() {
    struct Ends(Arc<AtomicBool>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let network = Network::new(1);
    let a = network.node("a");
    let ended = Arc::new(AtomicBool::new(false));
    network.run(async {
        let guard = Ends(ended.clone());
        let clock = network.clock();
        let task = a.spawn(async move {
            let _guard = guard;
            clock.sleep(ms(1_000_000)).await;
        });
        a.net().files().write("/state", *b"kept").await.unwrap();
        let socket = a.net().bind_udp(any(9)).unwrap();
        network.clock().sleep(ms(1)).await;
        a.crash();
        assert!(task.await.is_err());
        assert!(socket.send_to(b"?", (a.address(), 9).into()).await.is_err());
        assert!(a.net().bind_udp(any(9)).is_err(), "the host is down");
        a.restart();
        assert!(socket.send_to(b"?", (a.address(), 9).into()).await.is_err());
        assert!(a.net().bind_udp(any(9)).is_ok());
        assert_eq!(a.net().files().read("/state").await.unwrap(), b"kept");
    });
    assert!(ended.load(Ordering::Relaxed));
    assert_eq!(network.now().since_start(), ms(1));
}
