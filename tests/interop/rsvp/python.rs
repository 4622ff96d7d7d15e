//! RSVP-16: a peer in another language, written from the RFC, is sender, receiver and hop between, against `rsvpd`.

#[path = "python/stage.rs"]
mod stage;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stage::{At, DESTINATION, MIDDLE, Peer, SOURCE, Stage, ready};

const PORTS: [u16; 2] = [5000, 5004];
/// What `rsvpctl` does at `a`, and at `c`.
const SEND: &str = "send 10.2.0.3:5004 --from :5000 --rate 1Mbit/s";
const RESERVE: &str = "reserve 10.2.0.3:5004";

fn session() -> Value {
    json!([DESTINATION, 17, PORTS[1]])
}

fn sender(port: u16) -> Value {
    json!([SOURCE, port])
}

fn tspec(rate: f64) -> Value {
    json!({"r": rate, "b": 10_000.0, "p": 2.0 * rate, "m": 64, "M": 1500})
}

/// As a host with traffic control of its own starts it.
fn adspec() -> Value {
    let terms = json!({"break": false, "Ctot": 1500, "Dtot": 1200, "Csum": 1500, "Dsum": 1200});
    json!({
        "hops": 1, "bandwidth": 1_000_000.0, "latency": 100, "mtu": 1500, "break": false,
        "guaranteed": terms, "controlled_load": {"break": false},
    })
}

fn send(peer: &mut Peer, port: u16, others: &Value) {
    peer.tell(&json!({
        "do": "send", "session": session(), "sender": sender(port), "tspec": tspec(100_000.0),
        "adspec": adspec(), "others": others,
    }));
}

fn stop_sending(peer: &mut Peer, tear: bool) {
    peer.tell(&json!({"do": "stop_sending", "session": session(), "sender": sender(PORTS[0]), "tear": tear}));
}

fn reserve(peer: &mut Peer, style: &str, flows: &Value) {
    peer.tell(&json!({"do": "reserve", "session": session(), "style": style, "flows": flows, "confirm": true}));
}

fn stop_reserving(peer: &mut Peer, tear: bool) {
    peer.tell(&json!({"do": "stop_reserving", "session": session(), "tear": tear}));
}

fn refresh(peer: &mut Peer, millis: u32) {
    peer.tell(&json!({"do": "refresh", "millis": millis}));
}

/// R for state that is to die soon: its lifetime is (K + 0.5) · 1.5 · R = 1.05 s.
const SHORT: u32 = 200;

/// Lets `stop` end the refreshes, and says how long the reservation stood then.
fn time_out(stage: &Stage, at: At, interface: &str, stop: impl FnOnce()) {
    // RSVP-6: not before (K + 0.5) · R. The last refresh was at most 1.5 · R before.
    let least = Duration::from_millis(u64::from(SHORT) * 2);
    #[expect(clippy::disallowed_methods, reason = "of processes in real time")]
    let begun = Instant::now();
    stop();
    stage.until_reserved(at, interface, false);
    assert!(begun.elapsed() >= least, "{:?}", begun.elapsed());
}

/// RFC 2205 §3.1.3, §3.1.4, §3.1.7, §3.5, §3.7: sender.
#[test]
fn a_peer_sends_to_us() {
    if !ready("a_peer_sends_to_us") {
        return;
    }
    let mut stage = Stage::new("a_peer_sends_to_us");
    stage.daemon(At::B);
    stage.daemon(At::C);
    let mut peer = stage.peer(At::A, &[]);
    let tool = stage.tool(At::C, RESERVE);
    send(&mut peer, PORTS[0], &json!([]));
    let path = tool.event("path");
    let one = &path["senders"][0];
    assert_eq!(one["sender"], "10.1.0.1:5000");
    assert_eq!(one["tspec"]["rate_bytes_per_sec"], 100_000.0);
    assert_eq!(one["tspec"]["peak_bytes_per_sec"], 200_000.0);
    // rsvp.md §5: the router adds a hop, and its C and D.
    let adspec = &one["adspec"];
    assert_eq!(
        (&adspec["hops"], &adspec["latency_micros"]),
        (&json!(2), &json!(100))
    );
    assert_eq!(adspec["bandwidth_bytes_per_sec"], 1_000_000.0);
    assert_eq!(adspec["c_total_bytes"], 3000);
    assert_eq!(adspec["is_broken"], false);

    let resv = peer.sees("Resv");
    assert_eq!(
        (&resv["from"], &resv["to"]),
        (&json!(MIDDLE[0]), &json!(SOURCE))
    );
    let resv = &resv["saw"];
    assert_eq!(resv["session"], "10.2.0.3:5004/17");
    assert_eq!(resv["hop"]["address"], MIDDLE[0]);
    // The peer's own handle comes back (RFC 2205 §A.2).
    assert_eq!(resv["hop"]["handle"].as_u64().unwrap() >> 12, 5);
    assert_eq!(
        (&resv["style"], &resv["filters"]),
        (&json!("FF"), &json!(["10.1.0.1:5000"]))
    );
    assert_eq!(resv["refresh"], 30_000);
    let mut asked = tspec(100_000.0);
    asked["service"] = json!(5);
    assert_eq!(resv["flowspecs"], json!([asked]));
    assert_eq!(resv["confirm"], DESTINATION);
    // The sender's host confirms.
    assert_eq!(tool.event("confirmed")["by"], SOURCE);
    stage.until_reserved(At::B, "b1", true);

    // RFC 2205 §3.10: class 80 refuses the message.
    send(&mut peer, PORTS[0], &json!([[80, 1, ""]]));
    let error = peer.sees("PathErr");
    let expected = json!({"node": MIDDLE[0], "flags": 0, "code": 13, "value": 80 << 8 | 1});
    assert_eq!(error["saw"]["error"], expected);
    assert_eq!(error["saw"]["sender"], "10.1.0.1:5000");
    assert!(stage.is_reserved(At::B, "b1"));

    send(&mut peer, PORTS[0], &json!([]));
    stop_sending(&mut peer, true);
    stage.until_reserved(At::B, "b1", false);
    // Sent anew, it is reserved anew; then no word comes any more.
    refresh(&mut peer, SHORT);
    send(&mut peer, PORTS[0], &json!([]));
    stage.until_reserved(At::B, "b1", true);
    time_out(&stage, At::B, "b1", || stop_sending(&mut peer, false));
    stage.nothing_was_bad();
}

/// RFC 2205 §3.1.3, §3.1.4, §3.1.6, §3.1.8: receiver.
#[test]
fn a_peer_receives_from_us() {
    if !ready("a_peer_receives_from_us") {
        return;
    }
    let mut stage = Stage::new("a_peer_receives_from_us");
    stage.daemon(At::A);
    stage.daemon(At::B);
    let mut peer = stage.peer(At::C, &[]);
    let tool = stage.tool(At::A, &format!("{SEND} --bucket 20kB"));
    let path = peer.sees("Path");
    // RFC 2205 §3.1.3: the sender's address, router alert, the TTL told.
    assert_eq!(
        (&path["from"], &path["to"]),
        (&json!(SOURCE), &json!(DESTINATION))
    );
    assert_eq!(path["alert"], true);
    assert_eq!(path["ip_ttl"], path["saw"]["ttl"]);
    let path = &path["saw"];
    assert_eq!(
        (&path["session"], &path["sender"]),
        (&json!("10.2.0.3:5004/17"), &json!("10.1.0.1:5000"))
    );
    assert_eq!(
        (&path["hop"]["address"], &path["refresh"]),
        (&json!(MIDDLE[1]), &json!(30_000))
    );
    assert_eq!(
        path["tspec"],
        json!({"r": 125_000.0, "b": 20_000.0, "p": "inf", "m": 64, "M": 1500})
    );
    let adspec = &path["adspec"];
    assert_eq!((&adspec["hops"], &adspec["mtu"]), (&json!(2), &json!(1500)));
    // Three quarters of 20 Mbit/s.
    assert_eq!(
        (&adspec["bandwidth"], &adspec["break"]),
        (&json!(1_875_000.0), &json!(false))
    );
    assert_eq!(
        (&adspec["guaranteed"]["Ctot"], &adspec["guaranteed"]["Dtot"]),
        (&json!(3000), &json!(20_000))
    );

    let filters = json!([sender(PORTS[0])]);
    for style in ["FF", "SE", "WF"] {
        let filters = if style == "WF" {
            json!([])
        } else {
            filters.clone()
        };
        reserve(&mut peer, style, &json!([[tspec(125_000.0), filters]]));
        let conf = peer.sees("ResvConf");
        assert_eq!(conf["alert"], true);
        let conf = &conf["saw"];
        assert_eq!(
            (&conf["style"], &conf["confirm"]),
            (&json!(style), &json!(DESTINATION))
        );
        assert_eq!(
            conf["error"],
            json!({"node": SOURCE, "flags": 0, "code": 0, "value": 0})
        );
        for (at, interface) in [(At::A, "a0"), (At::B, "b1")] {
            stage.until_reserved(at, interface, true);
        }
        if style == "FF" {
            // More than the link has: refused, and what stood stays (RFC 2205 §3.5, killer reservation I).
            let mut huge = tspec(125_000.0);
            huge["R"] = json!(12_500_000.0);
            reserve(&mut peer, style, &json!([[huge, filters]]));
            let error = peer.sees("ResvErr");
            assert_eq!(error["saw"]["hop"]["address"], MIDDLE[1]);
            assert_eq!(error["saw"]["flowspecs"][0]["R"], 12_500_000.0);
            // Bandwidth, and InPlace.
            let expected = json!({"node": MIDDLE[1], "flags": 1, "code": 1, "value": 2});
            assert_eq!(error["saw"]["error"], expected);
            assert!(stage.is_reserved(At::A, "a0") && stage.is_reserved(At::B, "b1"));
        }
        stop_reserving(&mut peer, true);
        for (at, interface) in [(At::A, "a0"), (At::B, "b1")] {
            stage.until_reserved(at, interface, false);
        }
    }
    refresh(&mut peer, SHORT);
    reserve(&mut peer, "FF", &json!([[tspec(125_000.0), filters]]));
    stage.until_reserved(At::A, "a0", true);
    time_out(&stage, At::B, "b1", || stop_reserving(&mut peer, false));
    // The router tells the sender, without waiting for the sender's own timer.
    stage.until_reserved(At::A, "a0", false);

    tool.stop();
    let tear = peer.sees("PathTear");
    assert_eq!(
        (&tear["from"], &tear["alert"]),
        (&json!(SOURCE), &json!(true))
    );
    assert_eq!(tear["saw"]["hop"]["address"], MIDDLE[1]);
    stage.nothing_was_bad();
}

/// RFC 2205 §3.1, §3.8: the hop between two of ours.
#[test]
fn a_peer_passes_on_between_us() {
    if !ready("a_peer_passes_on_between_us") {
        return;
    }
    let mut stage = Stage::new("a_peer_passes_on_between_us");
    stage.daemon(At::A);
    stage.daemon(At::C);
    let mut peer = stage.peer(At::B, &["--transit", "--serves", "controlled_load"]);
    let sending = stage.tool(At::A, SEND);
    let path = peer.sees("Path");
    assert_eq!(
        (&path["from"], &path["to"]),
        (&json!(SOURCE), &json!(DESTINATION))
    );
    assert_eq!(
        (&path["alert"], &path["saw"]["hop"]["address"]),
        (&json!(true), &json!(SOURCE))
    );
    assert_eq!(path["ip_ttl"], path["saw"]["ttl"]);

    let reserving = stage.tool(At::C, RESERVE);
    let adspec = &reserving.event("path")["senders"][0]["adspec"];
    // It has controlled load, and not guaranteed service.
    assert_eq!(
        (&adspec["hops"], &adspec["is_broken"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(
        (&adspec["controlled_load"], &adspec["guaranteed"]),
        (&json!(true), &json!(false))
    );
    let resv = peer.sees("Resv");
    assert_eq!(
        (&resv["from"], &resv["to"]),
        (&json!(DESTINATION), &json!(MIDDLE[1]))
    );
    assert_eq!(
        (&resv["saw"]["hop"]["address"], &resv["ip_ttl"]),
        (&json!(DESTINATION), &json!(255))
    );
    assert_eq!(
        sending.event("reservation")["flowspec"]["rate_bytes_per_sec"],
        125_000.0
    );
    let conf = peer.sees("ResvConf");
    assert_eq!(
        (&conf["from"], &conf["to"], &conf["alert"]),
        (&json!(SOURCE), &json!(DESTINATION), &json!(true))
    );
    assert_eq!(reserving.event("confirmed")["by"], SOURCE);
    stage.until_reserved(At::A, "a0", true);

    peer.tell(&json!({"do": "refuse", "session": session(), "code": 1, "value": 2, "flags": 1}));
    let error = &reserving.event("reservation_error")["error"];
    assert_eq!(
        (&error["code"], &error["in_place"]),
        (&json!(1), &json!(true)),
        "{error}"
    );

    reserving.stop();
    peer.sees("ResvTear");
    stage.until_reserved(At::A, "a0", false);
    sending.stop();
    peer.sees("PathTear");
    stage.nothing_was_bad();
}

/// RFC 2205 §3.10: objects of classes 11bbbbbb go on, with the state and its refreshes; §3.1.4: each style.
#[test]
fn what_is_not_known_passes_through_us() {
    if !ready("what_is_not_known_passes_through_us") {
        return;
    }
    let mut stage = Stage::new("what_is_not_known_passes_through_us");
    stage.daemon(At::B);
    let mut source = stage.peer(At::A, &[]);
    let mut sink = stage.peer(At::C, &[]);
    let others = json!([
        [201, 7, "00ff00ff01020304"],
        [14, 1, "00040000"],
        [129, 1, "aabbccdd"]
    ]);
    let kept = json!([[14, 1, "00040000"], [201, 7, "00ff00ff01020304"]]);
    send(&mut source, 5000, &others);
    send(&mut source, 5001, &json!([]));
    let path = sink.sees_that("Path", |path| path["sender"] == "10.1.0.1:5000");
    assert_eq!(path["saw"]["others"], kept);
    let path = sink.sees_that("Path", |path| path["sender"] == "10.1.0.1:5001");
    assert_eq!(path["saw"]["others"], Value::Null);

    let both = json!([sender(5000), sender(5001)]);
    let ff = json!([
        [tspec(50_000.0), [sender(5000)]],
        [tspec(80_000.0), [sender(5001)]]
    ]);
    for (style, flows) in [
        ("FF", ff),
        ("SE", json!([[tspec(60_000.0), both]])),
        ("WF", json!([[tspec(70_000.0), []]])),
    ] {
        sink.tell(&json!({
            "do": "reserve", "session": session(), "style": style, "flows": flows, "others": [[201, 7, "01020304"]],
        }));
        let resv = source.sees_that("Resv", |resv| resv["style"] == style);
        let resv = &resv["saw"];
        assert_eq!(resv["others"], json!([[201, 7, "01020304"]]));
        let rates: Vec<f64> = resv["flowspecs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["r"].as_f64().unwrap())
            .collect();
        let (expected, filters) = match style {
            "FF" => (vec![50_000.0, 80_000.0], 2),
            "SE" => (vec![60_000.0], 2),
            _ => (vec![70_000.0], 0),
        };
        assert_eq!(rates, expected);
        assert_eq!(resv["filters"].as_array().map_or(0, Vec::len), filters);
        sink.tell(&json!({"do": "stop_reserving", "session": session()}));
        let tear = source.sees("ResvTear");
        assert_eq!(tear["saw"]["style"], style);
        stage.until_reserved(At::B, "b1", false);
    }
    stage.nothing_was_bad();
}

/// RFC 2205 §3.1.7, §3.1.8: errors go hop by hop, unchanged but for the hop; §3.7: what the router tells is refreshed at
/// the rate that it tells, whole, and dies if it is not.
#[test]
fn errors_pass_through_us_and_state_is_refreshed() {
    if !ready("errors_pass_through_us_and_state_is_refreshed") {
        return;
    }
    let mut stage = Stage::new("errors_pass_through_us_and_state_is_refreshed");
    // State ends soon, and a blockade is still there when it is looked for.
    stage.daemon_with(At::B, "refresh = \"200ms\"\nblockade_multiplier = 200");
    let mut source = stage.peer(At::A, &[]);
    let mut sink = stage.peer(At::C, &[]);
    send(&mut source, PORTS[0], &json!([[201, 7, "00ff00ff"]]));
    for _ in 0..3 {
        let path = sink.sees("Path");
        assert_eq!(path["saw"]["others"], json!([[201, 7, "00ff00ff"]]));
        assert_eq!(path["saw"]["refresh"], SHORT);
    }
    sink.tell(&json!({"do": "refuse_sender", "session": session(), "sender": sender(PORTS[0]), "code": 2, "value": 4}));
    let error = source.sees("PathErr");
    assert_eq!(
        (&error["from"], &error["to"]),
        (&json!(MIDDLE[0]), &json!(SOURCE))
    );
    let expected = json!({"node": DESTINATION, "flags": 0, "code": 2, "value": 4});
    assert_eq!(error["saw"]["error"], expected);
    assert_eq!(error["saw"]["sender"], "10.1.0.1:5000");

    reserve(
        &mut sink,
        "FF",
        &json!([[tspec(90_000.0), [sender(PORTS[0])]]]),
    );
    for turn in 0..3 {
        let resv = source.sees("Resv");
        assert_eq!(resv["saw"]["flowspecs"][0]["r"], 90_000.0);
        assert_eq!(resv["saw"]["refresh"], SHORT);
        // RFC 2205 §3.1.4: asked for once.
        assert_eq!(resv["saw"]["confirm"].is_string(), turn == 0);
    }
    sink.sees("ResvConf");
    source.tell(&json!({"do": "refuse", "session": session(), "code": 1, "value": 2, "flags": 0}));
    let error = sink.sees("ResvErr");
    assert_eq!(
        (&error["from"], &error["to"]),
        (&json!(MIDDLE[1]), &json!(DESTINATION))
    );
    let expected = json!({"node": SOURCE, "flags": 0, "code": 1, "value": 2});
    assert_eq!(error["saw"]["error"], expected);
    assert_eq!(error["saw"]["hop"]["address"], MIDDLE[1]);
    assert_eq!(error["saw"]["filters"], json!(["10.1.0.1:5000"]));
    // RFC 2205 §3.5: what was refused there stands here, and is marked.
    let requests = stage.node(At::B).json("requests");
    let blockades = &requests["sessions"]["sessions"][0]["blockades"];
    assert_eq!(blockades.as_array().map(Vec::len), Some(1), "{requests}");
    assert!(stage.is_reserved(At::B, "b1"));

    stage.kill(At::B);
    sink.until("the end of path state", |line| line["expired"] == "path");
    source.until("the end of reservation state", |line| {
        line["expired"] == "resv"
    });
    stage.nothing_was_bad();
}

/// RFC 2205 §2.9, RFC 2210 §3.3.1: a router in between that does not know RSVP.
#[test]
fn a_router_without_rsvp_is_noticed() {
    if !ready("a_router_without_rsvp_is_noticed") {
        return;
    }
    let mut stage = Stage::new("a_router_without_rsvp_is_noticed");
    stage.daemon(At::C);
    let mut peer = stage.peer(At::A, &[]);
    let tool = stage.tool(At::C, RESERVE);
    send(&mut peer, PORTS[0], &json!([]));
    let adspec = &tool.event("path")["senders"][0]["adspec"];
    assert_eq!(adspec["is_broken"], true);
    let senders = stage.node(At::C).json("senders");
    let one = &senders["sessions"]["sessions"][0]["senders"][0];
    assert_eq!(
        (&one["after_non_rsvp_hop"], &one["previous_hop"]),
        (&json!(true), &json!(SOURCE))
    );

    // The other way, the peer notices.
    let back = stage.tool(At::C, "send 10.1.0.1:5004 --from :5000 --rate 1Mbit/s");
    let path = peer.sees("Path");
    assert_eq!(
        path["saw"]["ttl"].as_u64().unwrap(),
        path["ip_ttl"].as_u64().unwrap() + 1
    );
    assert_eq!(path["saw"]["hop"]["address"], DESTINATION);
    peer.tell(&json!({
        "do": "reserve", "session": [SOURCE, 17, 5004], "style": "WF", "flows": [[tspec(125_000.0), []]], "confirm": true,
    }));
    assert_eq!(
        back.event("reservation")["flowspec"]["rate_bytes_per_sec"],
        125_000.0
    );
    let conf = peer.sees("ResvConf");
    assert_eq!(conf["saw"]["error"]["node"], DESTINATION);
    stage.until_reserved(At::C, "c0", true);
    stage.nothing_was_bad();
}
