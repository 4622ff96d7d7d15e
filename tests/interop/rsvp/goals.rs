//! What RSVP promises, with `rsvpd` on five machines: data in a flood, what ends, what breaks, what is shown.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use fairway_rsvp::api::client::{Notice, Session};
use fairway_rsvp::api::{Event, PathSender, ReserveCall, SenderCall, Service};
use fairway_rsvp::intserv::Tspec;
use fairway_rsvp::intserv::request::Wish;
use fairway_rsvp::wire::Sender;
use fairway_stack::Net;
use fairway_tests::rsvp::{BOTTLENECK_BITS, Flood, Flow, Machine, Row, carry, possible};
use fairway_tests::{Child, until};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::lab::{LIMIT, session};

/// State is refreshed every second, so that what only refreshes mend does not take long.
const SOON: &str = "refresh = \"1s\"\nlocal_repair_wait = \"100ms\"\n";
const PORT: u16 = 5004;

fn row() -> Row {
    let mut row = Row::new();
    row.start(SOON);
    row
}

/// Applications run while something of theirs is waited for, and stay connected meanwhile.
struct Applications(tokio::runtime::Runtime);

impl Applications {
    fn new() -> Self {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        Self(runtime.enable_all().build().unwrap())
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.block_on(async {
            let clock = Net::system().clock();
            clock.timeout(LIMIT, work).await.unwrap()
        })
    }
}

/// The next event of an application.
async fn event(session: &mut Session) -> Event {
    match session.next_event().await {
        Some(Notice::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

/// r (B/s) and b (octets) of packets of 1000 octets.
fn tspec(rate: f32, bucket: f32) -> Tspec {
    Tspec::new(rate, bucket, f32::INFINITY, 1000, 1000).unwrap()
}

/// An application that sends, and one that receives.
struct Pair {
    sending: Session,
    receiving: Session,
    senders: Vec<PathSender>,
}

impl Pair {
    /// They know of each other.
    async fn new(row: &Row, port: u16, tspec: Tspec) -> Self {
        let net = Net::system();
        let to = session(&Row::RECEIVER.to_string(), port);
        let receiving = row.receiver().rapi(&net).await.open(to).await.unwrap();
        let sending = row.sender().rapi(&net).await.open(to).await.unwrap();
        let call = SenderCall {
            template: Sender::V4(Row::SENDER, port),
            interface: None,
            tspec,
            adspec: None,
            policy: Vec::new(),
            ttl: 63,
        };
        sending.sender(call).await.unwrap();
        let mut pair = Self {
            sending,
            receiving,
            senders: Vec::new(),
        };
        while pair.senders.is_empty() {
            if let Event::Path(senders) = event(&mut pair.receiving).await {
                pair.senders = senders;
            }
        }
        pair
    }

    /// Reserves; the sender is told, which it is once all routers have agreed.
    async fn reserve(&mut self, service: Service) {
        let call = ReserveCall::fixed(&self.senders, service).unwrap();
        let wanted = call.flowspecs.first().copied();
        self.receiving.reserve(call).await.unwrap();
        loop {
            match event(&mut self.sending).await {
                Event::Resv { flowspec, .. } if flowspec == wanted => break,
                Event::Resv { .. } | Event::Path(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The sender is told that nothing is reserved any more.
    async fn await_end(&mut self) {
        loop {
            if let Event::Resv { flowspec: None, .. } = event(&mut self.sending).await {
                break;
            }
        }
    }
}

fn flow(row: &Row, port: u16, rate: u32, bucket: u32, packets: u32) -> Flow<'_> {
    Flow {
        from: (row.sender(), SocketAddr::new(Row::SENDER.into(), port)),
        to: (row.receiver(), SocketAddr::new(Row::RECEIVER.into(), port)),
        length: 1000,
        rate,
        bucket,
        packets,
    }
}

/// Twice what the bottleneck carries.
fn flood(row: &Row) -> Flood<'_> {
    Flood {
        from: (row.sender(), SocketAddr::new(Row::SENDER.into(), 9)),
        to: SocketAddr::new(Row::RECEIVER.into(), 9),
        rate: 2 * BOTTLENECK_BITS / 8,
    }
}

fn no_classes(machines: &[Machine]) {
    until("no class of a reservation to be left", LIMIT, || {
        machines
            .iter()
            .all(|one| one.classes("right") == 0)
            .then_some(())
    });
}

/// RSVP-9, RSVP-10: what is reserved arrives, by either service, where without a reservation a tenth and more is lost.
#[test]
fn reserved_flows_lose_nothing_in_a_flood() {
    if !possible("reserved_flows_lose_nothing_in_a_flood") {
        return;
    }
    let (row, applications) = (row(), Applications::new());
    // The source keeps well within what it says, so that a busy machine makes nothing of it excess.
    let flows = [flow(&row, PORT, 500_000, 4000, 1500)];
    let mut pair = applications.wait(Pair::new(&row, PORT, tspec(625_000.0, 20_000.0)));
    let without = carry(&flows, Some(&flood(&row)));
    let lost = without[0].loss();
    assert!(lost >= 0.1, "without a reservation, {lost} was lost");

    for service in [
        Service::ControlledLoad,
        Service::Guaranteed(Wish::EndToEnd(Duration::from_millis(200))),
    ] {
        applications.wait(pair.reserve(service));
        let with = carry(&flows, Some(&flood(&row)));
        assert_eq!(with[0].delays.len(), 1500, "{service:?}");
    }
    applications.wait(async {
        pair.receiving.release().await.unwrap();
    });
    no_classes(&row.machines[..4]);
}

/// RSVP-11: who sends four times what is reserved gets what is reserved, and the other reservation loses nothing.
#[test]
fn who_sends_too_much_harms_only_himself() {
    if !possible("who_sends_too_much_harms_only_himself") {
        return;
    }
    let (row, applications) = (row(), Applications::new());
    let (over, within) = applications.wait(async {
        let mut over = Pair::new(&row, PORT, tspec(250_000.0, 5000.0)).await;
        over.reserve(Service::ControlledLoad).await;
        let mut within = Pair::new(&row, PORT + 2, tspec(625_000.0, 20_000.0)).await;
        within.reserve(Service::ControlledLoad).await;
        (over, within)
    });
    let flows = [
        flow(&row, PORT, 1_000_000, 8000, 3000),
        flow(&row, PORT + 2, 500_000, 4000, 1500),
    ];
    let carried = carry(&flows, Some(&flood(&row)));
    assert_eq!(carried[1].delays.len(), 1500);
    let lost = carried[0].loss();
    // A quarter is reserved; the rest shares what best effort loses.
    assert!((0.05..=0.75).contains(&lost), "{lost} was lost");
    drop((over, within));
}

/// RSVP-5: an application that is killed takes along what it wanted, on all machines.
#[test]
fn an_application_that_is_killed_frees_everything() {
    if !possible("an_application_that_is_killed_frees_everything") {
        return;
    }
    let row = row();
    let to = session(&Row::RECEIVER.to_string(), PORT);
    let mut sending = row.sender().ctl_command(&format!(
        "send {}:{PORT} --from :{PORT} --rate 5Mbit/s",
        Row::RECEIVER
    ));
    let mut sending = Child::spawn(sending.stdout(Stdio::null()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let net = Net::system();
    runtime.block_on(async {
        let rapi = row.receiver().rapi(&net).await;
        let mut receiving = rapi.open(to).await.unwrap();
        let senders = loop {
            match event(&mut receiving).await {
                Event::Path(senders) if !senders.is_empty() => break senders,
                _ => {}
            }
        };
        let mut call = ReserveCall::fixed(&senders, Service::ControlledLoad).unwrap();
        call.confirm = true;
        receiving.reserve(call).await.unwrap();
        while !matches!(event(&mut receiving).await, Event::Confirm { .. }) {}
        // No farewell: the task that would release it never runs again.
        std::mem::forget(receiving);
    });
    for router in row.routers() {
        assert_eq!(router.classes("right"), 1);
    }
    drop(runtime);
    no_classes(&row.machines[..4]);
    sending.stop(Signal::SIGKILL, LIMIT);
    for machine in &row.machines {
        until("the sessions' end", LIMIT, || {
            (machine.json("status")["status"]["sessions"] == 0).then_some(())
        });
    }
}

/// RSVP-5: an interface that vanishes takes its reservations along, here and before; the daemon goes on.
#[test]
fn an_interface_that_vanishes_takes_its_reservations_along() {
    if !possible("an_interface_that_vanishes_takes_its_reservations_along") {
        return;
    }
    let (row, applications) = (row(), Applications::new());
    let [_, _, r2, ..] = &row.machines;
    let mut pair = applications.wait(Pair::new(&row, PORT, tspec(625_000.0, 20_000.0)));
    applications.wait(pair.reserve(Service::ControlledLoad));
    r2.run("ip link del right");
    applications.wait(pair.await_end());
    let [sender, r1, ..] = &row.machines;
    for machine in [sender, r1] {
        until("no class before the gap", LIMIT, || {
            (machine.classes("right") == 0).then_some(())
        });
    }
    until("nothing to be marked", LIMIT, || {
        let rules = r2.run("nft list ruleset");
        (!rules.contains("10.0.3.2")).then_some(())
    });
    let interfaces = r2.json("interfaces");
    let interfaces = interfaces["interfaces"].as_array().unwrap();
    assert!(
        interfaces.iter().all(|one| one["name"] != "right"),
        "{interfaces:?}"
    );
}

/// RFC 2205 §3.3, RSVP-7: reservations follow the route of their data, to another way and back.
#[test]
fn reservations_follow_a_route_and_come_back() {
    if !possible("reservations_follow_a_route_and_come_back") {
        return;
    }
    let mut row = Row::new();
    // A second link between r1 and r3.
    let [_, r1, _, r3, _] = &row.machines;
    r1.connect(("around", "10.9.0.1/24"), r3, ("around", "10.9.0.2/24"));
    row.start(SOON);
    let applications = Applications::new();
    let [_, r1, r2, r3, _] = &row.machines;
    let mut pair = applications.wait(Pair::new(&row, PORT, tspec(625_000.0, 20_000.0)));
    applications.wait(pair.reserve(Service::ControlledLoad));
    for (gateway, new, old) in [
        ("10.9.0.2", "around", "right"),
        ("10.0.1.2", "right", "around"),
    ] {
        r1.run(&format!("ip route replace 10.0.3.0/24 via {gateway}"));
        until("a reservation on the new way", LIMIT, || {
            (r1.classes(new) == 1).then_some(())
        });
        until("none on the old way", LIMIT, || {
            (r1.classes(old) == 0).then_some(())
        });
        let through = usize::from(new == "right");
        until("what r2 has to do with it", LIMIT, || {
            (r2.classes("right") == through).then_some(())
        });
        assert_eq!(r3.classes("right"), 1);
        let installed = r1.json("installed");
        let sessions = installed["sessions"]["sessions"].as_array().unwrap();
        assert_eq!(sessions[0]["installed"].as_array().unwrap().len(), 1);
    }
}

/// All hops show the same sender and the same reservation, but for where they are.
#[test]
fn all_hops_show_the_same() {
    if !possible("all_hops_show_the_same") {
        return;
    }
    let (row, applications) = (row(), Applications::new());
    let mut pair = applications.wait(Pair::new(&row, PORT, tspec(625_000.0, 20_000.0)));
    applications.wait(
        pair.reserve(Service::Guaranteed(Wish::EndToEnd(Duration::from_millis(
            200,
        )))),
    );
    let of = |machine: &Machine| {
        let document = machine.json("sessions");
        let session = &document["sessions"]["sessions"][0];
        let pick = |list: &str, keys: &[&str]| -> Vec<Value> {
            let all = session[list].as_array().unwrap();
            let one = |one: &Value| keys.iter().map(|key| one[*key].clone()).collect();
            all.iter().map(one).collect()
        };
        (
            session["destination"].clone(),
            pick("senders", &["sender", "tspec"]),
            pick(
                "reservations",
                &["outgoing", "style", "senders", "flowspec"],
            ),
            pick("installed", &["outgoing", "senders", "flowspec"]),
        )
    };
    let first = of(&row.routers()[0]);
    assert_eq!((first.1.len(), first.2.len(), first.3.len()), (1, 1, 1));
    for router in row.routers() {
        assert_eq!(of(router), first);
        assert_eq!(router.classes("right"), 1);
    }
}
