//! Senders and reservations of the configuration: read again, refused, without an address.

use core::time::Duration;
use std::net::Ipv4Addr;

use fairway_rsvp::daemon::control::protocol::{Reply, Request};
use fairway_rsvp::daemon::control::value::EventOf;
use fairway_sim::Node;

use crate::support::{Ctl, TEN_MEGABIT, daemon, loaded, sessions};
use crate::{NONE, daemons, fixed, installed, row};

/// STYLE §11: SIGHUP swaps all, and no state is lost.
#[test]
fn another_configuration_changes_what_it_changes_and_nothing_else() {
    let (network, nodes) = row();
    let (sender, receiver) = fixed(&nodes);
    network.run(async {
        let daemons = daemons(&nodes, [&sender, TEN_MEGABIT, TEN_MEGABIT, &receiver]);
        let clock = network.clock();
        clock.sleep(Duration::from_secs(1)).await;
        let three = [vec![250e3], vec![250e3], vec![250e3], vec![]];
        assert_eq!(installed(&nodes).await, three);
        let before = sessions(&nodes[1].net()).await[0].senders[0].expires_in_micros;

        // The same again, and another period of refreshes.
        let text = format!("{sender}\n[interface.nothing]\nenabled = false\n");
        daemons[0].reload(loaded(&text)).await;
        clock.sleep(Duration::from_millis(100)).await;
        assert_eq!(installed(&nodes).await, three);
        let after = sessions(&nodes[1].net()).await[0].senders[0].expires_in_micros;
        assert!(
            after < before,
            "nothing was sent: {after:?} after {before:?}"
        );

        // Another rate: the sender says so, and the receiver follows. Another one asks for it in the same way.
        daemons[0]
            .reload(loaded(&sender.replace("2Mbit/s", "3Mbit/s")))
            .await;
        clock.sleep(Duration::from_secs(1)).await;
        let three = [vec![375e3], vec![375e3], vec![375e3], vec![]];
        assert_eq!(installed(&nodes).await, three);
        let less = format!("{receiver}traffic = {{ rate = \"1Mbit/s\" }}\n");
        daemons[3].reload(loaded(&less)).await;
        clock.sleep(Duration::from_secs(1)).await;
        let three = [vec![125e3], vec![125e3], vec![125e3], vec![]];
        assert_eq!(installed(&nodes).await, three);
        assert_eq!(tears(&nodes[1]).await, NO_TEARS);

        // No more of it.
        daemons[3].reload(loaded(TEN_MEGABIT)).await;
        clock.sleep(Duration::from_secs(1)).await;
        assert_eq!(installed(&nodes).await, [NONE; 4]);
        assert_eq!(tears(&nodes[1]).await, ["ResvTear"; 2]);
    });
}

/// RFC 2205 §1.3: styles do not mix in a session. Two entries of one that both have another are in each other's way, unless
/// both go first.
#[test]
fn entries_of_one_session_take_another_style_together() {
    let (network, nodes) = row();
    let (from, to) = (nodes[0].address(), nodes[3].address());
    let each = |entry: &dyn Fn(u16) -> String| {
        let entries: String = [5004, 5006].map(entry).concat();
        format!("{TEN_MEGABIT}{entries}")
    };
    let senders = each(&|port| {
        format!(
            "[[sender]]\ndestination = \"{to}:5004\"\nsource = \"{from}:{port}\"\ntraffic = {{ rate = \"2Mbit/s\" }}\n"
        )
    });
    let receivers = |style: &str| {
        each(&|port| {
            format!(
                "[[reservation]]\ndestination = \"{to}:5004\"\nsenders = [\"{from}:{port}\"]\nstyle = \"{style}\"\n"
            )
        })
    };
    network.run(async {
        let texts = [&*senders, TEN_MEGABIT, TEN_MEGABIT, &*receivers("ff")];
        let daemons = daemons(&nodes, texts);
        let clock = network.clock();
        clock.sleep(Duration::from_secs(1)).await;
        let of_each = [vec![250e3; 2], vec![250e3; 2], vec![250e3; 2], vec![]];
        assert_eq!(installed(&nodes).await, of_each);
        daemons[3].reload(loaded(&receivers("se"))).await;
        clock.sleep(Duration::from_secs(1)).await;
        let shared = [vec![250e3], vec![250e3], vec![250e3], vec![]];
        assert_eq!(installed(&nodes).await, shared);
    });
}

const NO_TEARS: [&str; 0] = [];

/// The messages a node saw that tear state, in and out.
async fn tears(node: &Node) -> Vec<String> {
    let request = Request::Log {
        destination: None,
        most: 1000,
    };
    let Reply::Log(lines) = Ctl::to(&node.net()).await.ask(&request).await else {
        panic!("no log");
    };
    let names = lines.into_iter().map(|line| line.message);
    names.filter(|name| name.ends_with("Tear")).collect()
}

/// RFC 2205 §1.3: styles do not mix in a session. Who comes second has its turn when the first has gone.
#[test]
fn what_a_node_refuses_is_asked_for_again() {
    let (network, nodes) = row();
    let (sender, _) = fixed(&nodes);
    network.run(async {
        let _daemons = daemons(&nodes, [&sender, TEN_MEGABIT, TEN_MEGABIT, TEN_MEGABIT]);
        let to = nodes[3].address();
        let reserve = async |style| {
            let mut ctl = Ctl::to(&nodes[3].net()).await;
            ctl.say(&format!(
                r#"{{"request":"reserve","destination":"{to}:5004","style":"{style}","confirm":true}}"#
            ))
            .await;
            ctl
        };
        let mut first = reserve("se").await;
        while !matches!(first.event().await, EventOf::Confirmed { .. }) {}
        let mut second = reserve("wf").await;
        while !matches!(second.event().await, EventOf::ReservationError { .. }) {}
        // Meanwhile it is tried in vain, which is not told.
        network.clock().sleep(Duration::from_secs(20)).await;
        drop(first);
        let clock = network.clock();
        let soon = clock.timeout(Duration::from_secs(10), second.event());
        assert!(matches!(soon.await, Ok(EventOf::Asked { .. })));
        assert!(matches!(second.event().await, EventOf::Confirmed { .. }));
        assert_eq!(
            installed(&nodes).await,
            [vec![250e3], vec![250e3], vec![250e3], vec![]]
        );
    });
}

/// Without a source it is this node, whatever address it has.
#[test]
fn a_sender_without_a_source_follows_its_nodes_address() {
    let (network, nodes) = row();
    let (sender, _) = fixed(&nodes);
    let source = format!("source = \"{}:5004\"\n", nodes[0].address());
    let sender = sender.replace(&source, "");
    network.run(async {
        let net = nodes[0].net();
        let daemon = daemon(&net, &sender);
        let clock = network.clock();
        let list = net.interfaces().unwrap();
        let link = list.iter().find(|one| !one.loopback).unwrap();
        let address = link.addresses[0];
        let senders = async || -> Vec<String> {
            clock.sleep(Duration::from_secs(1)).await;
            let sessions = sessions(&net).await;
            let senders = sessions.iter().flat_map(|of| &of.senders);
            senders.map(|of| of.sender.clone()).collect()
        };
        assert_eq!(senders().await, [nodes[0].address().to_string()]);
        // Another one beside it changes nothing.
        let mut other = address;
        other.address = Ipv4Addr::new(10, 77, 0, 1).into();
        net.manage().add_address(link.index, other).unwrap();
        assert_eq!(senders().await, [nodes[0].address().to_string()]);
        net.manage()
            .remove_address(link.index, address.address)
            .unwrap();
        assert_eq!(senders().await, ["10.77.0.1"]);
        daemon.shutdown().await;
    });
}

/// At boot the daemon may come before the addresses: a sender of the configuration waits for one.
#[test]
fn a_sender_without_an_address_waits_for_one() {
    let (network, nodes) = row();
    let (sender, _) = fixed(&nodes);
    network.run(async {
        let net = nodes[0].net();
        let list = net.interfaces().unwrap();
        let link = list.iter().find(|one| !one.loopback).unwrap();
        let address = link.addresses[0];
        net.manage()
            .remove_address(link.index, address.address)
            .unwrap();
        let _daemon = daemon(&net, &sender);
        let clock = network.clock();
        clock.sleep(Duration::from_secs(1)).await;
        assert!(sessions(&net).await.is_empty());
        net.manage().add_address(link.index, address).unwrap();
        clock.sleep(Duration::from_secs(1)).await;
        assert_eq!(sessions(&net).await[0].senders.len(), 1);
    });
}
