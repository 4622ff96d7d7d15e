//! `rsvpd` on machines in a row: how long calls take, what data suffers, and how many sessions one router sets up.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use fairway_rsvp::api::client::{Notice, Rapi, Session};
use fairway_rsvp::api::{Event, PathSender, ReserveCall, SenderCall, Service};
use fairway_rsvp::intserv::request::{Wish, guaranteed as promised};
use fairway_rsvp::intserv::{Flowspec, Tspec};
use fairway_rsvp::wire::{self, Style};
use fairway_stack::Net;
use fairway_tests::rsvp::{BOTTLENECK_BITS, Carried, Flood, Flow, Machine, Row, carry};
use fairway_tests::until;
use fairway_wire::Protocol;

use crate::lab::{Error, now, put};
use crate::readings::{median, p99};

/// Octets of IP in a packet.
const LENGTH: u32 = 1000;

async fn event(session: &mut Session) -> Result<Event, Error> {
    match session.next_event().await {
        Some(Notice::Event(Event::ResvError { error, .. } | Event::PathError { error, .. })) => {
            Err(error.to_string().into())
        }
        Some(Notice::Event(event)) => Ok(event),
        other => Err(format!("{other:?}").into()),
    }
}

/// The senders there are, once there are any.
async fn senders(session: &mut Session) -> Result<Vec<PathSender>, Error> {
    loop {
        match event(session).await? {
            Event::Path(senders) if !senders.is_empty() => return Ok(senders),
            _ => {}
        }
    }
}

/// Waits until the sender hears of a reservation, or of its end.
async fn resv(session: &mut Session, wanted: bool) -> Result<(), Error> {
    loop {
        match event(session).await? {
            Event::Resv { flowspec, .. } if flowspec.is_some() == wanted => return Ok(()),
            _ => {}
        }
    }
}

fn session(destination: IpAddr, port: u16) -> wire::Session {
    wire::Session {
        destination,
        protocol: Protocol::UDP,
        e_police: false,
        port,
    }
}

fn sender_call(from: IpAddr, port: u16, tspec: Tspec) -> SenderCall {
    SenderCall {
        template: SocketAddr::new(from, port).into(),
        interface: None,
        tspec,
        adspec: None,
        policy: Vec::new(),
        ttl: 63,
    }
}

/// A sender and a receiver that know of each other.
struct Pair {
    sending: Session,
    receiving: Session,
    senders: Vec<PathSender>,
}

impl Pair {
    async fn new(near: &Rapi, far: &Rapi, port: u16, tspec: Tspec) -> Result<Self, Error> {
        let to = session(Row::RECEIVER.into(), port);
        let mut receiving = far.open(to).await?;
        let sending = near.open(to).await?;
        sending
            .sender(sender_call(Row::SENDER.into(), port, tspec))
            .await?;
        let senders = senders(&mut receiving).await?;
        Ok(Self {
            sending,
            receiving,
            senders,
        })
    }

    async fn reserve(&mut self, service: Service) -> Result<(), Error> {
        let call = ReserveCall::fixed(&self.senders, service)?;
        self.receiving.reserve(call).await?;
        resv(&mut self.sending, true).await
    }
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn put_spans(name: &str, spans: &mut [f64]) -> Result<(), Error> {
    put(name, median(spans).ok_or("nothing measured")?, "ms");
    let p99 = p99(spans).ok_or("nothing measured")?;
    put(&format!("{name}.p99"), p99, "ms");
    Ok(())
}

/// Sessions set up one after the other through three routers with traffic control, kept, and released: from a call at
/// one end to the event at the other.
pub(super) async fn setup(sessions: u16) -> Result<(), Error> {
    let mut row = Row::new();
    row.start("");
    let net = Net::system();
    let (near, far) = (
        row.sender().rapi(&net).await,
        row.receiver().rapi(&net).await,
    );
    // A thousand of them fit the bottleneck.
    let tspec = Tspec::new(1000.0, 2000.0, f32::INFINITY, 100, LENGTH)?;
    let (mut paths, mut resvs, mut tears) = (Vec::new(), Vec::new(), Vec::new());
    let mut pairs = Vec::new();
    for port in 5000..5000 + sessions {
        let to = session(Row::RECEIVER.into(), port);
        let mut receiving = far.open(to).await?;
        let mut sending = near.open(to).await?;
        let since = now();
        sending
            .sender(sender_call(Row::SENDER.into(), port, tspec))
            .await?;
        let senders = senders(&mut receiving).await?;
        paths.push(millis(since.elapsed()));
        let call = ReserveCall::fixed(&senders, Service::ControlledLoad)?;
        let since = now();
        receiving.reserve(call).await?;
        resv(&mut sending, true).await?;
        resvs.push(millis(since.elapsed()));
        pairs.push((sending, receiving));
    }
    let classes = |router: &Machine| router.classes("right");
    if !row
        .routers()
        .iter()
        .all(|router| classes(router) == usize::from(sessions))
    {
        return Err("not everything is in traffic control".into());
    }
    for (mut sending, receiving) in pairs {
        // Each hop frees the class before it tells the one before it.
        let since = now();
        receiving.release().await?;
        resv(&mut sending, false).await?;
        tears.push(millis(since.elapsed()));
    }
    let left: usize = row.routers().iter().map(classes).sum();
    put("ours.rsvp.left", f64::from(u32::try_from(left)?), "classes");
    put_spans("ours.rsvp.path", &mut paths)?;
    put_spans("ours.rsvp.resv", &mut resvs)?;
    put_spans("ours.rsvp.tear", &mut tears)?;
    // Five daemons have looked at each message.
    for (name, spans) in [("path", &paths), ("resv", &resvs)] {
        let each = median(spans).ok_or("nothing measured")? / 5.0;
        put(&format!("ours.rsvp.{name}.hop"), each, "ms");
    }
    Ok(())
}

const PORT: u16 = 5004;

fn flow(row: &Row, port: u16, rate: u32, bucket: u32, packets: u32) -> Flow<'_> {
    Flow {
        from: (row.sender(), SocketAddr::new(Row::SENDER.into(), port)),
        to: (row.receiver(), SocketAddr::new(Row::RECEIVER.into(), port)),
        length: LENGTH,
        rate,
        bucket,
        packets,
    }
}

/// Carries one flow in a flood of twice the bottleneck.
fn flooded(row: &Row, flow: Flow<'_>) -> Result<Carried, Error> {
    let flood = Flood {
        from: (row.sender(), SocketAddr::new(Row::SENDER.into(), 9)),
        to: SocketAddr::new(Row::RECEIVER.into(), 9),
        rate: 2 * BOTTLENECK_BITS / 8,
    };
    let mut carried = carry(&[flow], Some(&flood));
    carried.pop().ok_or_else(|| "no flow".into())
}

fn put_carried(name: &str, carried: &Carried) -> Result<(), Error> {
    let at = |share| carried.quantile(share).ok_or("nothing arrived");
    put(&format!("{name}.loss"), 100.0 * carried.loss(), "%");
    put(&format!("{name}.p50"), millis(at(0.5)?), "ms");
    put(&format!("{name}.p99"), millis(at(0.99)?), "ms");
    Ok(())
}

/// A flow of 5 Mbit/s through a bottleneck of 20 Mbit/s, in a flood of 40 Mbit/s: with one queue for all, and reserved.
pub(super) async fn isolation(packets: u32) -> Result<(), Error> {
    let mut row = Row::new();
    if let [router, ..] = row.routers() {
        router.run(&format!(
            "tc qdisc add dev right root tbf rate {BOTTLENECK_BITS}bit burst 5000 limit 250000"
        ));
        put_carried(
            "fifo.rsvp.flood",
            &flooded(&row, flow(&row, PORT, 600_000, 5000, packets))?,
        )?;
        router.run("tc qdisc del dev right root");
    }
    row.start("");
    let net = Net::system();
    let (near, far) = (
        row.sender().rapi(&net).await,
        row.receiver().rapi(&net).await,
    );
    let tspec = Tspec::new(625_000.0, 20_000.0, f32::INFINITY, LENGTH, LENGTH)?;
    let mut pair = Pair::new(&near, &far, PORT, tspec).await?;
    pair.reserve(Service::ControlledLoad).await?;
    put_carried(
        "ours.rsvp.flood",
        &flooded(&row, flow(&row, PORT, 600_000, 5000, packets))?,
    )
}

/// Guaranteed service for three kinds of flows: the delay in a flood, of what was promised. What a reservation may borrow
/// would hide what it has: none may.
pub(super) async fn guaranteed(packets: u32) -> Result<(), Error> {
    let mut row = Row::new();
    row.start("excess = \"drop\"\n");
    let net = Net::system();
    let (near, far) = (
        row.sender().rapi(&net).await,
        row.receiver().rapi(&net).await,
    );
    // Each has a port of its own: of the session before some machine may still know.
    for (kind, port, rate, bucket, queueing) in [
        ("small", PORT, 25_000_u16, 4000_u16, 120),
        ("smooth", PORT + 2, 60_000, 2000, 80),
        ("bursty", PORT + 4, 64_000, 30_000, 200),
    ] {
        let (r, b) = (f32::from(rate), f32::from(bucket));
        let tspec = Tspec::new(r, b, f32::INFINITY, LENGTH, LENGTH)?;
        let mut pair = Pair::new(&near, &far, port, tspec).await?;
        let wish = Wish::Queueing(Duration::from_millis(queueing));
        let adspec = pair.senders.first().and_then(|one| one.adspec.as_ref());
        let promise = promised(&tspec, adspec.ok_or("no Adspec")?, wish)?;
        let bound = promise.queueing;
        if let Some(rate) = promise.flowspec.rspec().map(|rspec| rspec.rate.get()) {
            put(
                &format!("ours.rsvp.guaranteed.{kind}.rate"),
                rate.into(),
                "B/s",
            );
        }
        pair.reserve(Service::Guaranteed(wish)).await?;
        // A little less than was promised: clocks differ.
        let sent = u32::from(rate) * 98 / 100;
        let flow = flow(&row, port, sent, u32::from(bucket), packets);
        let carried = flooded(&row, flow)?;
        let name = format!("ours.rsvp.guaranteed.{kind}");
        put_carried(&name, &carried)?;
        put(&format!("{name}.bound"), millis(bound), "ms");
        let slow = carried.quantile(0.99).ok_or("nothing arrived")?;
        put(
            &format!("{name}.share"),
            slow.as_secs_f64() / bound.as_secs_f64(),
            "of bound",
        );
        pair.receiving.release().await?;
        resv(&mut pair.sending, false).await?;
    }
    Ok(())
}

/// Sessions through one router with traffic control, all at once.
pub(super) async fn many(sessions: u16) -> Result<(), Error> {
    let mut machines = [(); 3].map(|()| Machine::new());
    let [host, router, other] = &machines;
    host.connect(("right", "10.0.0.1/24"), router, ("left", "10.0.0.2/24"));
    router.connect(("right", "10.0.1.1/24"), other, ("left", "10.0.1.2/24"));
    router.forward();
    host.run("ip route add default via 10.0.0.2");
    other.run("ip route add default via 10.0.1.1");
    let limits = "[limits]\nsessions_per_application = 60000\nsessions_per_user = 60000\n";
    for (at, machine) in machines.iter_mut().enumerate() {
        let control = if at == 1 { "auto" } else { "admission-only" };
        machine.start(&format!(
            "{limits}[defaults]\nbandwidth = \"1Gbit/s\"\ntraffic_control = \"{control}\"\n"
        ));
    }
    let [host, router, other] = &machines;
    let net = Net::system();
    let (near, far) = (host.rapi(&net).await, other.rapi(&net).await);
    let [from, to] = ["10.0.0.1", "10.0.1.2"].map(str::parse::<IpAddr>);
    let (from, to) = (from?, to?);
    let tspec = Tspec::new(2000.0, 2000.0, f32::INFINITY, 100, LENGTH)?;
    let since = now();
    let (mut sending, mut receiving) = (Vec::new(), Vec::new());
    for port in 1..=sessions {
        receiving.push(far.open(session(to, port)).await?);
        let one = near.open(session(to, port)).await?;
        one.sender(sender_call(from, port, tspec)).await?;
        sending.push(one);
    }
    for one in &mut receiving {
        let senders = senders(one).await?;
        // The hosts have no traffic control, and the Adspec says so.
        let call = ReserveCall {
            style: Style::FF,
            filters: senders.iter().map(|sender| sender.template).collect(),
            flowspecs: vec![Flowspec::ControlledLoad(tspec)],
            confirm: false,
            interface: None,
            policy: Vec::new(),
        };
        one.reserve(call).await?;
    }
    for one in &mut sending {
        resv(one, true).await?;
    }
    put(
        &format!("ours.rsvp.many{sessions}"),
        since.elapsed().as_secs_f64(),
        "s",
    );
    let classes = router.classes("right");
    if classes != usize::from(sessions) {
        return Err(format!("{classes} classes").into());
    }
    for one in sending.into_iter().chain(receiving) {
        one.release().await?;
    }
    until("the end of all", Duration::from_secs(120), || {
        (router.classes("right") == 0).then_some(())
    });
    Ok(())
}
