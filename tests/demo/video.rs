//! A video stream through a crowded network: as it is, and with a reservation.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fairway_rsvp::api::client::{Notice, Rapi, Session as Application};
use fairway_rsvp::api::{Event, PathSender, ReserveCall, SOCKET_PATH, SenderCall, Service};
use fairway_rsvp::daemon::config::{Config, Loaded, ReadSecret};
use fairway_rsvp::daemon::platform::Platform;
use fairway_rsvp::daemon::service::Daemon;
use fairway_rsvp::intserv::Tspec;
use fairway_rsvp::intserv::request::{Wish, guaranteed};
use fairway_rsvp::wire::{Sender, Session};
use fairway_sim::{BitsPerSec, Capture, Network, Node};
use fairway_stack::{LocalAddr, Net, UdpSocket};
use fairway_wire::Protocol;

use crate::Error;
use crate::report::{Arrival, Report, Run};
use crate::story::Story;

const MAP: &str = "\
camera ── west ═══════════ middle ═══════════ east ── bridge
           │   10 Mbit/s    │     10 Mbit/s
         crowd    2 ms     crowd     2 ms";

/// Octets of the video's IP packets.
const PACKET: u32 = 1000;
/// One is sent every so often, and ten at once when a second begins.
const EVERY: Duration = Duration::from_millis(5);
/// How long each run is.
const SPAN: Duration = Duration::from_secs(4);
/// What is still under way after a run has this long.
const DRAIN: Duration = Duration::from_secs(10);
/// Octets of the IP and UDP headers.
const HEADERS: u32 = 28;
/// How late the receiver lets the video be.
const WISH: Duration = Duration::from_millis(50);
const VIDEO: u16 = 5004;
const CONFIG: &str = "[defaults]\nbandwidth = \"10Mbit/s\"\nlatency = \"1ms\"\n";

/// The configuration names no files.
struct NoFiles;

impl ReadSecret for NoFiles {
    fn read(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        Err(format!("{} is not read here", file.display()))
    }
}

fn config() -> Result<Loaded, Error> {
    let file = Path::new("rsvpd.toml");
    Ok(Config::parse(file, CONFIG)?.load(file, CONFIG, &mut NoFiles)?)
}

struct Stage {
    camera: Node,
    bridge: Node,
    crowds: [Node; 2],
    nodes: Vec<Node>,
    capture: Capture,
}

impl Stage {
    fn new(network: &Network) -> Self {
        let [camera, bridge, south, north] =
            ["camera", "bridge", "crowd-1", "crowd-2"].map(|name| network.node(name));
        let [west, middle, east] = ["west", "middle", "east"].map(|name| network.router(name));
        let slow = |one: &Node, other: &Node, name: &str| {
            network
                .link(one, other)
                .name(name)
                .rate(BitsPerSec::mega(10))
                .delay(Duration::from_millis(2))
                .connect()
        };
        network.link(&camera, &west).connect();
        network.link(&south, &west).connect();
        network.link(&north, &middle).connect();
        let first = slow(&west, &middle, "first");
        let _ = slow(&middle, &east, "second");
        network.link(&east, &bridge).connect();
        network.route_all();
        let nodes = vec![camera.clone(), west, middle, east, bridge.clone()];
        Self {
            camera,
            bridge,
            crowds: [south, north],
            nodes,
            capture: first.capture(),
        }
    }

    /// Each crowd sends twice of what a link carries, to a port where nobody listens.
    fn flood(&self) -> Result<(), Error> {
        let to = SocketAddr::from((self.bridge.address(), 9));
        for crowd in &self.crowds {
            let net = crowd.net();
            let socket = net.bind_udp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?;
            let running = crowd.spawn(async move {
                let clock = net.clock();
                let end = clock.now() + SPAN;
                let packet = [0; 1400 - HEADERS as usize];
                while clock.now() < end {
                    // What does not fit is lost: that is what a crowd does.
                    let _lost = socket.send_to(&packet, to).await;
                    clock.sleep(Duration::from_micros(560)).await;
                }
            });
            running.detach();
        }
        Ok(())
    }

    /// Sends the video, and gives what arrived: when it was sent, and how long it took.
    async fn play(&self, receiver: &UdpSocket) -> Result<Run, Error> {
        self.flood()?;
        let net = self.camera.net();
        let socket = net.bind_udp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, VIDEO)))?;
        let to = SocketAddr::from((self.bridge.address(), VIDEO));
        let began = net.clock().now();
        let sending = self.camera.spawn(async move {
            let clock = net.clock();
            let (mut sent, mut at) = (0_usize, Duration::ZERO);
            let mut packet = [0; (PACKET - HEADERS) as usize];
            while at < SPAN {
                clock.sleep_until(began + at).await;
                let burst = if at.as_millis() % 1000 == 0 { 10 } else { 1 };
                for _ in 0..burst {
                    let now = clock.now().as_nanos().to_be_bytes();
                    packet[..now.len()].copy_from_slice(&now);
                    let _lost = socket.send_to(&packet, to).await;
                    sent += 1;
                }
                at += EVERY;
            }
            sent
        });
        let clock = self.bridge.net().clock();
        // Queues are long where nothing is reserved: what waits there is waited for.
        let over = clock.sleep_until(began + SPAN + DRAIN);
        tokio::pin!(over);
        let mut arrivals = Vec::new();
        let mut buf = [0; 1500];
        loop {
            let length = tokio::select! { biased;
                got = receiver.recv_from(&mut buf) => got?.0,
                () = &mut over => break,
            };
            let stamp = buf.first_chunk().filter(|_| length >= 8);
            let stamp = u64::from_be_bytes(*stamp.ok_or("a packet without its time")?);
            let stamp = stamp.checked_sub(began.as_nanos());
            let sent = Duration::from_nanos(stamp.ok_or("a packet of the run before")?);
            arrivals.push(Arrival {
                sent,
                took: clock.now() - began - sent,
            });
        }
        Ok(Run {
            sent: sending.await?,
            arrivals,
        })
    }
}

/// What the camera says that it sends: 200 packets a second, and 10 at once, as fast as they go.
fn tspec() -> Result<Tspec, Error> {
    Ok(Tspec::new(
        210_000.0,
        12_000.0,
        f32::INFINITY,
        1000,
        PACKET,
    )?)
}

async fn event(application: &mut Application) -> Result<Event, Error> {
    loop {
        match application.next_event().await {
            Some(Notice::Event(event)) => return Ok(event),
            Some(_) => {}
            None => return Err("the daemon is gone".into()),
        }
    }
}

/// Waits until the receiver hears of the camera.
async fn senders(receiver: &mut Application) -> Result<Vec<PathSender>, Error> {
    loop {
        match event(receiver).await? {
            Event::Path(senders) if !senders.is_empty() => return Ok(senders),
            _ => {}
        }
    }
}

async fn open(net: &Net, session: Session) -> Result<Application, Error> {
    let socket = LocalAddr::path(SOCKET_PATH);
    Ok(Rapi::connect(net, &socket).await?.open(session).await?)
}

/// The files that are left.
pub(crate) struct Left {
    pub(crate) report: PathBuf,
    pub(crate) capture: PathBuf,
}

/// Plays the video without and with a reservation, in a network of its own.
pub(crate) fn play(seed: u64, story: &Story) -> Result<Left, Error> {
    let network = Network::new(seed);
    let stage = Stage::new(&network);
    network.run(async {
        story.step("A video through a crowd")?;
        story.code(MAP)?;
        story.say(
            "The camera sends 1.7 Mbit/s to the bridge, in packets that are fresh for\n\
             50 ms. Each crowd sends 20 Mbit/s over a link of 10.",
        )?;
        let daemons = stage
            .nodes
            .iter()
            .map(|node| {
                let net = node.net();
                let platform = Platform::native(&net, false)?;
                Ok(Daemon::start(&net, config()?, platform)?)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let bridge = stage.bridge.net();
        let receiver = bridge.bind_udp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, VIDEO)))?;
        let before = stage.play(&receiver).await?;

        story.step("The same, with a reservation (RSVP)")?;
        let session = Session {
            destination: stage.bridge.address().into(),
            protocol: Protocol::UDP,
            e_police: false,
            port: VIDEO,
        };
        let clock = network.clock();
        let asked = clock.now();
        let mut viewer = open(&bridge, session).await?;
        let camera = open(&stage.camera.net(), session).await?;
        camera
            .sender(SenderCall {
                template: Sender::V4(Ipv4Addr::UNSPECIFIED, VIDEO),
                interface: None,
                tspec: tspec()?,
                adspec: None,
                policy: Vec::new(),
                ttl: 63,
            })
            .await?;
        let found = senders(&mut viewer).await?;
        let path_took = clock.now() - asked;
        let adspec = found
            .first()
            .and_then(|sender| sender.adspec.as_ref())
            .ok_or("the path says nothing of itself")?;
        let made = guaranteed(&tspec()?, adspec, Wish::EndToEnd(WISH))?;
        let bound = made.end_to_end.ok_or("the path's latency is not known")?;
        let asked = clock.now();
        let wish = Service::Guaranteed(Wish::EndToEnd(WISH));
        let mut call = ReserveCall::fixed(&found, wish)?;
        call.confirm = true;
        viewer.reserve(call).await?;
        match event(&mut viewer).await? {
            Event::Confirm { .. } => {}
            other => return Err(format!("no reservation: {other:?}").into()),
        }
        let resv_took = clock.now() - asked;
        let values = adspec.general.values;
        story.say(&format!(
            "Path: {} hops, {} ms on the way at least, {:.1} Mbit/s, in {:.1} ms.\n\
             Reserved: {:.2} Mbit/s at each hop, confirmed in {:.1} ms. So no packet\n\
             takes more than {:.1} ms.",
            values.hops,
            values.latency.micros() / 1000,
            values.bandwidth.get() * 8.0 / 1e6,
            millis(path_took),
            made.flowspec.rate().get() * 8.0 / 1e6,
            millis(resv_took),
            millis(bound),
        ))?;
        let after = stage.play(&receiver).await?;
        story.table(&format!(
            "{:<22} {:>10} {:>10} {:>10} {:>10}\n{}\n{}",
            "",
            "lost",
            "median",
            "99 %",
            "slowest",
            row("best effort", &before),
            row("reserved", &after),
        ))?;
        let slowest = after.slowest();
        if slowest > bound || after.lost() != 0 {
            return Err(format!("{slowest:?} and {} lost: not as promised", after.lost()).into());
        }
        viewer.release().await?;
        camera.release().await?;
        for daemon in daemons {
            daemon.shutdown().await;
        }
        let folder = std::env::temp_dir();
        let capture = folder.join("fairway-demo-video.pcapng");
        stage.capture.save(&capture)?;
        let report = folder.join("fairway-demo.html");
        let html = Report {
            map: MAP,
            before: &before,
            after: &after,
            bound,
            seed,
        };
        std::fs::write(&report, html.to_html()?)?;
        Ok(Left { report, capture })
    })
}

fn row(what: &str, run: &Run) -> String {
    format!(
        "{what:<22} {:>8.1} % {:>7.1} ms {:>7.1} ms {:>7.1} ms",
        run.lost_percent(),
        millis(run.percentile(50)),
        millis(run.percentile(99)),
        millis(run.slowest()),
    )
}

pub(crate) fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}
