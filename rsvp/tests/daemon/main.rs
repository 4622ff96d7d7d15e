//! The daemon on our own stack: signalling from end to end, and its control socket.

#![cfg(feature = "service")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod entries;
mod logged;
mod support;

use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use fairway_rsvp::daemon::control::protocol::{Reply, Request};
use fairway_rsvp::daemon::control::value::EventOf;
use fairway_rsvp::daemon::io::{Encapsulation, PU, PU_PRIME, PacketIo};
use fairway_rsvp::daemon::platform::{Change, Changes, Platform};
use fairway_rsvp::daemon::service::Daemon;
use fairway_sim::{BitsPerSec, Network, Node};
use fairway_stack::{Family, LocalAddr, LocalStream, NetError, option};
use tokio::io::{AsyncRead as _, ReadBuf};

use support::{Ctl, TEN_MEGABIT, daemon, loaded, reserved, sessions};

/// `sender – west – east – receiver`.
fn row() -> (Network, [Node; 4]) {
    let network = Network::new(7);
    let nodes = [
        network.node("sender"),
        network.router("west"),
        network.router("east"),
        network.node("receiver"),
    ];
    for pair in nodes.windows(2) {
        network
            .link(&pair[0], &pair[1])
            .rate(BitsPerSec::mega(10))
            .delay(Duration::from_millis(1))
            .connect();
    }
    network.route_all();
    (network, nodes)
}

/// A daemon on each node, by these configurations.
fn daemons(nodes: &[Node; 4], texts: [&str; 4]) -> [Daemon; 4] {
    std::array::from_fn(|at| daemon(&nodes[at].net(), texts[at]))
}

/// RFC 2205 §1: Path from hop to hop down, Resv back up, traffic control on each outgoing interface; and all of it ends with
/// whoever asked for it.
#[test]
fn a_reservation_is_made_over_two_routers_and_ends_with_its_receiver() {
    let (network, nodes) = row();
    network.run(async {
        let daemons = daemons(&nodes, [TEN_MEGABIT; 4]);
        let [sender, west, _, receiver] = nodes.each_ref().map(Node::net);
        let to = nodes[3].address();
        let mut send = Ctl::to(&sender).await;
        send.say(&format!(
            r#"{{"request":"send","destination":"{to}:5004","source":"{}:5004","traffic":{{"rate":"1Mbit/s"}}}}"#,
            nodes[0].address()
        ))
        .await;
        let mut reserve = Ctl::to(&receiver).await;
        reserve
            .say(&format!(
                r#"{{"request":"reserve","destination":"{to}:5004","confirm":true}}"#
            ))
            .await;
        // Nobody sends yet where it is asked.
        assert!(matches!(reserve.event().await, EventOf::Waiting { .. }));
        let EventOf::Path { senders } = reserve.event().await else {
            panic!("no path");
        };
        assert_eq!(senders[0].sender, format!("{}:5004", nodes[0].address()));
        let adspec = senders[0].adspec.as_ref().unwrap();
        assert!(adspec.controlled_load, "{adspec:?}");
        assert!(matches!(reserve.event().await, EventOf::Asked { .. }));
        let EventOf::Confirmed { flowspec, .. } = reserve.event().await else {
            panic!("not confirmed");
        };
        assert_eq!(flowspec.unwrap().tspec.rate_bytes_per_sec, 125e3);
        let EventOf::PathSent {
            sender: template,
            outgoing,
            ..
        } = send.event().await
        else {
            panic!("not said that it is sent");
        };
        assert_eq!(template, format!("{}:5004", nodes[0].address()));
        assert_eq!(outgoing.len(), 1);
        let EventOf::Reservation { style, .. } = send.event().await else {
            panic!("no reservation");
        };
        assert_eq!(style, "FF");

        let known = sessions(&west).await;
        assert_eq!(known[0].installed.len(), 1);
        assert_eq!(known[0].senders.len(), 1);
        let asked = known[0].requests[0].flowspecs[0].as_ref().unwrap();
        assert_eq!(asked.tspec.rate_bytes_per_sec, 125e3);
        let reserved = reserved(&west).await;
        assert!(reserved.iter().any(|rate| *rate >= 125e3), "{reserved:?}");

        // The receiver's connection ends, and the reservation with it, at once and everywhere.
        drop(reserve);
        let EventOf::Reservation { flowspec, .. } = send.event().await else {
            panic!("no news");
        };
        assert_eq!(flowspec, None);
        assert!(sessions(&west).await[0].installed.is_empty());
        drop(send);
        network.clock().sleep(Duration::from_millis(100)).await;
        for node in &nodes {
            assert!(sessions(&node.net()).await.is_empty());
        }
        for daemon in daemons {
            daemon.shutdown().await;
        }
    });
}

/// RFC 2210 §3.2.1: of controlled load nobody is granted more than is sent, and the confirmation says so.
#[test]
fn a_confirmation_names_what_is_granted() {
    let (network, nodes) = row();
    let (sender, _) = fixed(&nodes);
    network.run(async {
        let _daemons = daemons(&nodes, [&sender, TEN_MEGABIT, TEN_MEGABIT, TEN_MEGABIT]);
        let to = nodes[3].address();
        let mut reserve = Ctl::to(&nodes[3].net()).await;
        reserve
            .say(&format!(
                r#"{{"request":"reserve","destination":"{to}:5004","confirm":true,"traffic":{{"rate":"4Mbit/s"}}}}"#
            ))
            .await;
        let (mut capped, mut asked) = (None, None);
        let confirmed = loop {
            match reserve.event().await {
                EventOf::Asked { flowspecs, .. } => asked = flowspecs.first().cloned(),
                EventOf::Capped { granted, .. } => capped = Some(granted),
                EventOf::Confirmed { flowspec, .. } => break flowspec,
                EventOf::Path { .. } | EventOf::Waiting { .. } => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(asked.unwrap().tspec.rate_bytes_per_sec, 500e3);
        assert_eq!(confirmed, capped);
        assert_eq!(confirmed.unwrap().tspec.rate_bytes_per_sec, 250e3);
    });
}

/// A host of our own has neither users nor groups, and what it makes is no file of this machine's.
#[test]
fn a_group_for_the_sockets_means_nothing_on_our_own_stack() {
    let (network, [host, ..]) = row();
    network.run(async {
        let daemon = daemon(&host.net(), "socket_group = \"root\"\n");
        assert!(sessions(&host.net()).await.is_empty());
        daemon.shutdown().await;
    });
}

/// Nothing is installed.
const NONE: Vec<f32> = Vec::new();

/// A sender on the first node and a receiver on the last, by the configuration alone.
fn fixed(nodes: &[Node; 4]) -> (String, String) {
    let (from, to) = (nodes[0].address(), nodes[3].address());
    let sender = format!(
        "{TEN_MEGABIT}[[sender]]\ndestination = \"{to}:5004\"\nsource = \"{from}:5004\"\ntraffic = {{ rate = \"2Mbit/s\" }}\n"
    );
    let receiver = format!("{TEN_MEGABIT}[[reservation]]\ndestination = \"{to}:5004\"\n");
    (sender, receiver)
}

/// What is installed by each node, in octets per second.
async fn installed(nodes: &[Node]) -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    for node in nodes {
        let sessions = sessions(&node.net()).await;
        let rates = sessions
            .iter()
            .flat_map(|session| &session.installed)
            .filter(|of| of.outgoing != "local")
            .map(|of| of.flowspec.tspec.rate_bytes_per_sec);
        all.push(rates.collect());
    }
    all
}

/// RFC 2205 §3.11.2, `TC_Advertise`, and §3.3: what a router can do changes, and the receiver hears of it at once.
#[test]
fn another_bandwidth_is_told_in_the_adspec_at_once() {
    let (network, nodes) = row();
    let (sender, _) = fixed(&nodes);
    network.run(async {
        let daemons = daemons(&nodes, [&sender, TEN_MEGABIT, TEN_MEGABIT, TEN_MEGABIT]);
        let clock = network.clock();
        clock.sleep(Duration::from_secs(1)).await;
        let told = async || {
            sessions(&nodes[3].net()).await[0].senders[0]
                .adspec
                .clone()
                .unwrap()
        };
        let before = told().await;
        assert!(before.controlled_load);
        daemons[1]
            .reload(loaded(&TEN_MEGABIT.replace("10Mbit/s", "4Mbit/s")))
            .await;
        clock.sleep(Duration::from_millis(100)).await;
        let narrow = told().await;
        assert!(
            narrow.bandwidth_bytes_per_sec < before.bandwidth_bytes_per_sec,
            "{narrow:?} after {before:?}"
        );
        let text = format!("{TEN_MEGABIT}traffic_control = \"admission-only\"\n");
        daemons[1].reload(loaded(&text)).await;
        clock.sleep(Duration::from_millis(100)).await;
        assert!(!told().await.controlled_load);
    });
}

/// RFC 2205 §3.11.2, `TC_Preempt`: with the queue goes what it carried out; it is asked for again, and counted.
#[test]
fn what_is_lost_with_its_queue_is_told_and_asked_for_again() {
    let (network, nodes) = row();
    let (sender, _) = fixed(&nodes);
    network.run(async {
        let daemons = daemons(&nodes, [&sender, TEN_MEGABIT, TEN_MEGABIT, TEN_MEGABIT]);
        let mut reserve = Ctl::to(&nodes[3].net()).await;
        let to = nodes[3].address();
        reserve
            .say(&format!(
                r#"{{"request":"reserve","destination":"{to}:5004"}}"#
            ))
            .await;
        let clock = network.clock();
        clock.sleep(Duration::from_secs(1)).await;
        assert_eq!(installed(&nodes[1..2]).await, [vec![250e3]]);
        let text = format!("{TEN_MEGABIT}traffic_control = \"admission-only\"\n");
        daemons[1].reload(loaded(&text)).await;
        clock.sleep(Duration::from_millis(100)).await;
        assert_eq!(installed(&nodes[1..2]).await, [NONE]);
        loop {
            match reserve.event().await {
                EventOf::ReservationError { error, .. } => {
                    assert_eq!(error.code, 22, "{}", error.text);
                    break;
                }
                EventOf::Path { .. } | EventOf::Asked { .. } | EventOf::Waiting { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        clock.sleep(Duration::from_secs(60)).await;
        assert_eq!(installed(&nodes[1..2]).await, [vec![250e3]]);
        let reserved = reserved(&nodes[1].net()).await;
        assert!(reserved.iter().any(|rate| *rate >= 250e3), "{reserved:?}");
    });
}

/// RSVP-5: what a daemon announced is torn down when it ends, and its traffic control is free.
#[test]
fn a_daemon_that_ends_takes_its_sender_along() {
    let (network, nodes) = row();
    let (sender, receiver) = fixed(&nodes);
    network.run(async {
        let first = daemon(&nodes[0].net(), &sender);
        let others: Vec<_> = [TEN_MEGABIT, TEN_MEGABIT, &receiver]
            .iter()
            .zip(&nodes[1..])
            .map(|(text, node)| daemon(&node.net(), text))
            .collect();
        let clock = network.clock();
        clock.sleep(Duration::from_secs(1)).await;
        assert_eq!(installed(&nodes[1..3]).await, [vec![250e3], vec![250e3]]);
        first.shutdown().await;
        clock.sleep(Duration::from_millis(50)).await;
        assert_eq!(installed(&nodes[1..3]).await, [NONE; 2]);
        let left = nodes[0].net().manage().flows(2);
        assert!(left.is_ok_and(|flows| flows.is_empty()));
        for daemon in others {
            daemon.shutdown().await;
        }
    });
}

/// A router that ends, and one that crashes: soft state fills the next one's tables (RFC 2205 §2.3).
#[test]
fn a_router_that_is_started_anew_learns_all_again() {
    let (network, nodes) = row();
    let (sender, receiver) = fixed(&nodes);
    let quick = |text: &str| text.replace("[defaults]\n", "[defaults]\nrefresh = \"1s\"\n");
    network.run(async {
        let texts = [&sender, &receiver].map(|text| quick(text));
        let _ends = [
            daemon(&nodes[0].net(), &texts[0]),
            daemon(&nodes[3].net(), &texts[1]),
        ];
        let west = daemon(&nodes[1].net(), &quick(TEN_MEGABIT));
        let _east = daemon(&nodes[2].net(), &quick(TEN_MEGABIT));
        let clock = network.clock();
        clock.sleep(Duration::from_secs(3)).await;
        assert_eq!(installed(&nodes[1..2]).await, [vec![250e3]]);
        drop(west);
        clock.sleep(Duration::from_millis(10)).await;
        let _west = daemon(&nodes[1].net(), &quick(TEN_MEGABIT));
        assert_eq!(installed(&nodes[1..2]).await, [NONE]);
        clock.sleep(Duration::from_secs(4)).await;
        assert_eq!(installed(&nodes[1..2]).await, [vec![250e3]]);
    });
}

/// rapi.md §1: a program's sessions end with it.
#[test]
fn applications_reserve_by_the_api_and_end_with_their_connection() {
    use fairway_rsvp::api::client::{Notice, Rapi};
    use fairway_rsvp::api::{Event, ReserveCall, SOCKET_PATH, Service};
    use fairway_rsvp::wire::Session;

    let (network, nodes) = row();
    let (sender, _) = fixed(&nodes);
    network.run(async {
        let _daemons: Vec<_> = [sender.as_str(), TEN_MEGABIT, TEN_MEGABIT, TEN_MEGABIT]
            .iter()
            .zip(&nodes)
            .map(|(text, node)| daemon(&node.net(), text))
            .collect();
        let path = LocalAddr::path(SOCKET_PATH);
        let rapi = Rapi::connect(&nodes[3].net(), &path).await.unwrap();
        let session = Session {
            destination: nodes[3].address().into(),
            protocol: fairway_wire::Protocol(17),
            e_police: false,
            port: 5004,
        };
        let mut session = rapi.open(session).await.unwrap();
        let Some(Notice::Event(Event::Path(senders))) = session.next_event().await else {
            panic!("no path");
        };
        let mut call = ReserveCall::fixed(&senders, Service::ControlledLoad).unwrap();
        call.confirm = true;
        session.reserve(call).await.unwrap();
        let Some(Notice::Event(Event::Confirm { .. })) = session.next_event().await else {
            panic!("not confirmed");
        };
        assert_eq!(installed(&nodes[1..3]).await, [vec![250e3], vec![250e3]]);
        let Reply::Applications(list) = Ctl::to(&nodes[3].net())
            .await
            .ask(&Request::Applications)
            .await
        else {
            panic!("no applications");
        };
        assert_eq!(list.len(), 1);
        drop(session);
        drop(rapi);
        network.clock().sleep(Duration::from_millis(100)).await;
        assert_eq!(installed(&nodes[1..3]).await, [NONE; 2]);
    });
}

/// rapi.md §2.6: who is turned away hears that there is a daemon, and why it does not answer.
#[test]
fn applications_that_are_too_many_are_told() {
    use fairway_rsvp::api::client::{CallError, Rapi};
    use fairway_rsvp::api::{ApiError, SOCKET_PATH};
    use fairway_rsvp::wire::Session;

    let (network, [host, ..]) = row();
    network.run(async {
        let _daemon = daemon(&host.net(), "[limits]\napplications = 1\n");
        let path = LocalAddr::path(SOCKET_PATH);
        let session = Session {
            destination: host.address().into(),
            protocol: fairway_wire::Protocol(17),
            e_police: false,
            port: 5004,
        };
        let first = Rapi::connect(&host.net(), &path).await.unwrap();
        let _open = first.open(session).await.unwrap();
        let second = Rapi::connect(&host.net(), &path).await.unwrap();
        let error = second.open(session).await.unwrap_err();
        assert_eq!(error, CallError::Refused(ApiError::TooManyConnections));
    });
}

/// RFC 2205 §3.1.4, rapi.md §4.3: a daemon that has just begun knows of no path to reserve on; what an application had
/// reserved is asked for again when it does, and the application hears of no error.
#[test]
fn what_an_application_reserved_comes_back_with_the_daemon() {
    use fairway_rsvp::api::client::{Notice, Rapi};
    use fairway_rsvp::api::{Event, ReserveCall, SOCKET_PATH, Service};
    use fairway_rsvp::wire::Session;

    let (network, nodes) = row();
    let (sender, _) = fixed(&nodes);
    let quick = |text: &str| text.replace("[defaults]\n", "[defaults]\nrefresh = \"1s\"\n");
    let text = quick(TEN_MEGABIT);
    network.run(async {
        let [_first, _west, _east, last] = daemons(&nodes, [&quick(&sender), &text, &text, &text]);
        let clock = network.clock();
        let path = LocalAddr::path(SOCKET_PATH);
        let rapi = Rapi::connect(&nodes[3].net(), &path).await.unwrap();
        let session = Session {
            destination: nodes[3].address().into(),
            protocol: fairway_wire::Protocol(17),
            e_police: false,
            port: 5004,
        };
        let mut session = rapi.open(session).await.unwrap();
        let Some(Notice::Event(Event::Path(senders))) = session.next_event().await else {
            panic!("no path");
        };
        let call = ReserveCall::fixed(&senders, Service::ControlledLoad).unwrap();
        session.reserve(call).await.unwrap();
        clock.sleep(Duration::from_millis(100)).await;
        let both = [vec![250e3], vec![250e3]];
        assert_eq!(installed(&nodes[1..3]).await, both);
        last.shutdown().await;
        clock.sleep(Duration::from_millis(50)).await;
        assert_eq!(installed(&nodes[1..3]).await, [NONE; 2]);
        let _last = daemon(&nodes[3].net(), &text);
        clock.sleep(Duration::from_secs(4)).await;
        assert_eq!(installed(&nodes[1..3]).await, both);
        let mut heard = Vec::new();
        session.dispatch(|notice| heard.push(notice));
        assert_eq!(heard.remove(0), Notice::Reestablished);
        let is_path = |notice: &Notice| matches!(notice, Notice::Event(Event::Path(_)));
        assert!(heard.iter().all(is_path), "{heard:?}");
    });
}

/// RSVP and its tools: what passes can be watched, and looked up later.
#[test]
fn messages_can_be_watched_and_looked_up() {
    let (network, nodes) = row();
    let (sender, receiver) = fixed(&nodes);
    network.run(async {
        let _west = daemon(&nodes[1].net(), TEN_MEGABIT);
        let mut watch = Ctl::to(&nodes[1].net()).await;
        watch.say(r#"{"request":"watch"}"#).await;
        network.clock().sleep(Duration::from_millis(10)).await;
        let _others = [
            daemon(&nodes[2].net(), TEN_MEGABIT),
            daemon(&nodes[3].net(), &receiver),
            daemon(&nodes[0].net(), &sender),
        ];
        let mut seen = Vec::new();
        // When the node's clock stood at zero.
        let clock = network.clock();
        let wall = clock.wall().duration_since(std::time::UNIX_EPOCH).unwrap();
        let zero = (wall - clock.now().since_start()).as_micros();
        while seen.len() < 4 {
            match watch.reply().await {
                Reply::Message(line) => {
                    let times = [line.at_unix_micros, line.at_micros].map(u128::from);
                    assert!(times[0].abs_diff(zero + times[1]) <= 1, "{line:?}");
                    seen.push(format!("{} {}", line.direction, line.message));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, ["in Path", "out Path", "in Resv", "out Resv"]);
        let mut ask = Ctl::to(&nodes[1].net()).await;
        let to = nodes[3].address();
        for (destination, count) in [(format!("{to}"), 4), (format!("{to}:5005"), 0)] {
            ask.say(&format!(
                r#"{{"request":"log","destination":"{destination}"}}"#
            ))
            .await;
            let Reply::Log(lines) = ask.reply().await else {
                panic!("no log");
            };
            assert_eq!(lines.len(), count);
        }
    });
}

/// D6: whoever talks nonsense is told so or closed, and others go on being served.
#[test]
fn control_connections_that_make_no_sense_harm_nobody() {
    let (network, nodes) = row();
    network.run(async {
        let net = nodes[0].net();
        let text = format!("{TEN_MEGABIT}[limits]\ncontrol_connections = 3\n");
        let _daemon = daemon(&net, &text);
        let mut good = Ctl::to(&net).await;
        let mut bad = Ctl::to(&net).await;
        for nonsense in [
            "",
            "nonsense",
            r#"{"request":"reboot"}"#,
            r#"{"request":"reserve"}"#,
        ] {
            bad.say(nonsense).await;
            assert!(matches!(bad.reply().await, Reply::Error(_)), "{nonsense}");
        }
        // Sense that makes no sense.
        bad.say(r#"{"request":"reserve","destination":"192.0.2.1:1","delay":"1s"}"#)
            .await;
        assert!(matches!(bad.reply().await, Reply::Error(_)));
        bad.say(&"x".repeat(70_000)).await;
        assert!(matches!(bad.reply().await, Reply::Error(_)));
        assert_eq!(bad.line().await, None);
        assert!(matches!(good.ask(&Request::Status).await, Reply::Status(_)));

        // Too many are told so, unheard.
        let _more = [Ctl::to(&net).await, Ctl::to(&net).await];
        let mut one_too_many = Ctl::to(&net).await;
        let Reply::Error(why) = one_too_many.reply().await else {
            panic!("four");
        };
        assert_eq!(
            why,
            "too many runs of rsvpctl: limits.control_connections is 3"
        );
        assert_eq!(one_too_many.line().await, None);
        assert!(matches!(good.ask(&Request::Status).await, Reply::Status(_)));
    });
}

/// A question waits for the answer before it, and no run of `rsvpctl` plays more than its share of parties.
#[test]
fn questions_in_crowds_are_answered_in_turn() {
    let (network, nodes) = row();
    network.run(async {
        let net = nodes[0].net();
        let text = format!("{TEN_MEGABIT}[limits]\ncontrol_parties = 2\n");
        let _daemon = daemon(&net, &text);
        let (mut many, mut few) = (Ctl::to(&net).await, Ctl::to(&net).await);
        // More than may wait for one that does not read.
        let status = r#"{"request":"status"}"#;
        many.say(&vec![status; 3000].join("\n")).await;
        for _ in 0..10 {
            assert!(matches!(few.ask(&Request::Status).await, Reply::Status(_)));
        }
        for _ in 0..3000 {
            assert!(matches!(many.reply().await, Reply::Status(_)));
        }
        for port in 1..=3 {
            few.say(&format!(
                r#"{{"request":"reserve","destination":"192.0.2.9:{port}"}}"#
            ))
            .await;
        }
        for _ in 0..2 {
            assert!(matches!(few.event().await, EventOf::Waiting { .. }));
        }
        let Reply::Error(why) = few.reply().await else {
            panic!("three");
        };
        assert_eq!(
            why,
            "too many senders and reservations: limits.control_parties"
        );
        assert_eq!(sessions(&net).await.len(), 2);
    });
}

/// Memberships are bounded, and a router of multicast needs none.
#[test]
fn groups_beyond_the_bounds_are_counted_and_left_out() {
    let (network, nodes) = row();
    network.run(async {
        for (node, forwards_multicast, limit, expected) in [
            (&nodes[0], false, "memberships = 2", 1),
            (&nodes[3], false, "groups_per_user = 1", 2),
            (&nodes[1], true, "memberships = 2", 0),
        ] {
            let net = node.net();
            let text = format!("{TEN_MEGABIT}[limits]\n{limit}\n");
            let platform = Platform::native(&net, forwards_multicast).unwrap();
            let _daemon = Daemon::start(&net, loaded(&text), platform).unwrap();
            let mut ctl = Ctl::to(&net).await;
            for last in 1..=3 {
                ctl.say(&format!(
                    r#"{{"request":"reserve","destination":"239.1.1.{last}:5004"}}"#
                ))
                .await;
                assert!(matches!(ctl.event().await, EventOf::Waiting { .. }));
            }
            let Reply::Counters(counters) = ctl.ask(&Request::Counters).await else {
                panic!("no counters");
            };
            assert_eq!(sessions(&net).await.len(), 3);
            assert_eq!(
                counters.other["group_memberships_left_out"], expected,
                "{limit}"
            );
            assert_eq!(counters.other["group_join_errors"], 0);
        }
    });
}

/// One application can have much carried out: others are answered meanwhile.
#[test]
fn calls_in_crowds_keep_nobody_waiting() {
    use fairway_rsvp::api::client::Rapi;
    use fairway_rsvp::wire::Session;

    let (network, nodes) = row();
    network.run(async {
        let net = nodes[0].net();
        let _daemon = daemon(&net, TEN_MEGABIT);
        let path = LocalAddr::path(fairway_rsvp::api::SOCKET_PATH);
        let rapi = Rapi::connect(&net, &path).await.unwrap();
        let mut open = Vec::new();
        for port in 1..=1000 {
            let session = Session {
                destination: nodes[3].address().into(),
                protocol: fairway_wire::Protocol(17),
                e_police: false,
                port,
            };
            open.push(rapi.open(session).await.unwrap());
        }
        let mut ctl = Ctl::to(&net).await;
        let mut left = async || match ctl.ask(&Request::Status).await {
            Reply::Status(status) => status.sessions,
            other => panic!("{other:?}"),
        };
        assert_eq!(left().await, 1000);
        // All is released: more than is carried out in one turn.
        drop(open);
        drop(rapi);
        let mut seen = vec![1000];
        while seen.last() != Some(&0) {
            seen.push(left().await);
        }
        assert!(seen.iter().any(|left| (1..1000).contains(left)), "{seen:?}");
    });
}

/// News of routes that never end, until a stream does.
struct Storm {
    stream: Arc<Mutex<Option<LocalStream>>>,
    taken: Arc<AtomicUsize>,
}

impl Storm {
    /// More than a daemon takes before it looks after others.
    const MANY: usize = 100_000;

    fn is_over(&self) -> bool {
        let mut place = self.stream.lock().unwrap();
        let Some(stream) = &mut *place else {
            return true;
        };
        let (mut octet, mut context) = ([0], Context::from_waker(Waker::noop()));
        let mut buffer = ReadBuf::new(&mut octet);
        let has_ended = Pin::new(stream)
            .poll_read(&mut context, &mut buffer)
            .is_ready();
        if has_ended || self.taken.fetch_add(1, Ordering::Relaxed) == Self::MANY {
            *place = None;
            return true;
        }
        false
    }
}

#[async_trait::async_trait]
impl Changes for Storm {
    async fn next(&mut self) -> Change {
        let change = Change::Routes(Some((Ipv4Addr::LOCALHOST.into(), 32)));
        // Whoever polls it was woken by something else.
        core::future::poll_fn(|_| match self.is_over() {
            true => Poll::Pending,
            false => Poll::Ready(change),
        })
        .await
    }
}

/// RFC 2205 appendix C: nobody else on the host takes what is sent to the daemon's ports, and a daemon that is started anew has
/// them at once.
#[test]
fn the_ports_of_encapsulation_are_the_daemons_alone() {
    let (network, nodes) = row();
    network.run(async {
        let net = nodes[0].net();
        let both = Encapsulation {
            router: true,
            host: true,
        };
        for _ in 0..2 {
            let _io = PacketIo::open(&net, false, both).unwrap();
            for port in [PU, PU_PRIME] {
                for address in [Ipv4Addr::UNSPECIFIED, nodes[0].address()] {
                    let other = net.udp_socket(Family::V4).unwrap();
                    other.set(option::ReuseAddr, true).unwrap();
                    let bound = other.bind((address, port).into());
                    assert_eq!(bound, Err(NetError::AddrInUse), "{address}:{port}");
                }
            }
        }
    });
}

/// However often the system tells of routes, who connects is looked after: here, turned away.
#[test]
fn news_in_crowds_keep_nobody_waiting() {
    let (network, nodes) = row();
    network.run(async {
        let net = nodes[0].net();
        let (stream, taken) = <(Arc<Mutex<_>>, Arc<AtomicUsize>)>::default();
        let platform = Platform {
            changes: Box::new(Storm {
                stream: Arc::clone(&stream),
                taken: Arc::clone(&taken),
            }),
            ..Platform::native(&net, false).unwrap()
        };
        let _daemon =
            Daemon::start(&net, loaded("[limits]\napplications = 1\n"), platform).unwrap();
        let path = LocalAddr::path(fairway_rsvp::api::SOCKET_PATH);
        let _first = net.connect_local(&path).await.unwrap();
        network.clock().sleep(Duration::from_millis(1)).await;
        let second = net.connect_local(&path).await.unwrap();
        *stream.lock().unwrap() = Some(second);
        network.clock().sleep(Duration::from_millis(1)).await;
        assert!(stream.lock().unwrap().is_none());
        let taken = taken.load(Ordering::Relaxed);
        assert!(taken < 1000, "{taken}");
    });
}

/// A reservation for more than the share is refused where it does not fit, and the receiver hears of it.
#[test]
fn a_reservation_that_does_not_fit_is_refused() {
    let (network, nodes) = row();
    let (sender, _) = fixed(&nodes);
    network.run(async {
        let narrow = TEN_MEGABIT.to_owned() + "reservable = \"1Mbit/s\"\n";
        let _daemons: Vec<_> = [sender.as_str(), &narrow, TEN_MEGABIT, TEN_MEGABIT]
            .iter()
            .zip(&nodes)
            .map(|(text, node)| daemon(&node.net(), text))
            .collect();
        let mut reserve = Ctl::to(&nodes[3].net()).await;
        let to = nodes[3].address();
        reserve
            .say(&format!(
                r#"{{"request":"reserve","destination":"{to}:5004"}}"#
            ))
            .await;
        loop {
            match reserve.event().await {
                EventOf::ReservationError { error, .. } => {
                    assert_eq!((error.code, error.value), (1, 2), "{}", error.text);
                    break;
                }
                EventOf::Path { .. } | EventOf::Asked { .. } | EventOf::Waiting { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    });
}

/// STYLE §11 has nothing on metrics; Prometheus's text format does.
#[test]
fn metrics_are_served_to_whoever_may_ask() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let (network, nodes) = row();
    network.run(async {
        let net = nodes[0].net();
        let _daemon = daemon(
            &net,
            &format!("metrics = \"127.0.0.1:9746\"\n{TEN_MEGABIT}"),
        );
        let get = async |path: &str| {
            let mut stream = net
                .connect_tcp("127.0.0.1:9746".parse().unwrap())
                .await
                .unwrap();
            let question = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            stream.write_all(question.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = get("/metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\nrsvp_sessions 0\n"), "{answer}");
        assert!(
            answer.contains("rsvp_reservable_bytes_per_second{interface="),
            "{answer}"
        );
        // What passes is told by interface, too.
        let mut send = Ctl::to(&net).await;
        let to = nodes[3].address();
        send.say(&format!(
            r#"{{"request":"send","destination":"{to}:5004","source":"{}:5004","traffic":{{"rate":"1Mbit/s"}}}}"#,
            nodes[0].address()
        ))
        .await;
        assert!(matches!(send.event().await, EventOf::PathSent { .. }));
        let answer = get("/metrics").await;
        let of_paths = |line: &&str| {
            line.starts_with("rsvp_interface_messages_total{interface=")
                && line.contains(r#"type="Path",direction="out"}"#)
        };
        let counts: Vec<&str> = answer.lines().filter(of_paths).collect();
        assert!(matches!(&counts[..], [one] if one.ends_with(" 1")), "{answer}");
        assert!(get("/").await.starts_with("HTTP/1.1 404 "));
    });
}
