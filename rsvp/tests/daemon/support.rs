//! Hosts and routers of our own stack, a daemon on each, and questions over its control socket.

use std::path::Path;

use fairway_rsvp::daemon::config::{Config, Loaded, ReadSecret};
use fairway_rsvp::daemon::control::protocol::{Reply, Request, SessionOf};
use fairway_rsvp::daemon::control::value::EventOf;
use fairway_rsvp::daemon::platform::Platform;
use fairway_rsvp::daemon::service::Daemon;
use fairway_stack::{LocalAddr, LocalReadHalf, LocalWriteHalf, Net};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};

/// No configuration of these tests names a file.
struct NoFiles;

impl ReadSecret for NoFiles {
    fn read(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        Err(format!("{}: no files here", file.display()))
    }
}

pub(crate) fn loaded(text: &str) -> Loaded {
    let file = Path::new("rsvpd.toml");
    let config = Config::parse(file, text).unwrap();
    config.load(file, text, &mut NoFiles).unwrap()
}

/// What all interfaces of these networks carry.
pub(crate) const TEN_MEGABIT: &str = "[defaults]\nbandwidth = \"10Mbit/s\"\n";

pub(crate) fn daemon(net: &Net, text: &str) -> Daemon {
    Daemon::start(net, loaded(text), Platform::native(net, false).unwrap()).unwrap()
}

/// A run of `rsvpctl`.
pub(crate) struct Ctl {
    write: LocalWriteHalf,
    lines: Lines<BufReader<LocalReadHalf>>,
}

impl Ctl {
    pub(crate) async fn to(net: &Net) -> Self {
        let path = LocalAddr::path(fairway_rsvp::daemon::config::CONTROL_SOCKET);
        let (read, write) = net.connect_local(&path).await.unwrap().into_split();
        let lines = BufReader::new(read).lines();
        Self { write, lines }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.write.write_all(text.as_bytes()).await.unwrap();
        self.write.write_all(b"\n").await.unwrap();
    }

    pub(crate) async fn line(&mut self) -> Option<String> {
        self.lines.next_line().await.unwrap_or(None)
    }

    pub(crate) async fn reply(&mut self) -> Reply {
        let line = self.line().await.unwrap();
        serde_json::from_str(&line).unwrap()
    }

    pub(crate) async fn ask(&mut self, request: &Request) -> Reply {
        self.say(&serde_json::to_string(request).unwrap()).await;
        self.reply().await
    }

    pub(crate) async fn event(&mut self) -> EventOf {
        match self.reply().await {
            Reply::Event(event) => event,
            other => panic!("{other:?}"),
        }
    }
}

/// The sessions that a node knows.
pub(crate) async fn sessions(net: &Net) -> Vec<SessionOf> {
    let request = Request::Sessions {
        destination: None,
        most: 1000,
    };
    match Ctl::to(net).await.ask(&request).await {
        Reply::Sessions(sessions) => sessions.sessions,
        other => panic!("{other:?}"),
    }
}

/// How much is reserved on each interface of a node, octets per second, where traffic control tells.
pub(crate) async fn reserved(net: &Net) -> Vec<f32> {
    match Ctl::to(net).await.ask(&Request::Interfaces).await {
        Reply::Interfaces(interfaces) => interfaces
            .iter()
            .filter_map(|interface| interface.traffic_control.reserved_bytes_per_sec)
            .collect(),
        other => panic!("{other:?}"),
    }
}
