//! What the log says, on a host of our own with one link, `eth0`.

use core::time::Duration;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use fairway_rsvp::daemon::service::Daemon;
use fairway_sim::{Network, Node};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{TEN_MEGABIT, daemon, loaded};

/// The lines of this thread's log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Lines {
    /// Those since the last time.
    fn take(&self) -> Vec<String> {
        let octets = core::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(octets).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    /// Those of them that hold this.
    fn with(&self, what: &str) -> Vec<String> {
        let mut lines = self.take();
        lines.retain(|line| line.contains(what));
        lines
    }
}

const SOON: Duration = Duration::from_secs(1);

/// A log at `info`.
fn log(lines: &Lines) -> impl tracing::Subscriber {
    tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_writer(lines.clone())
        .finish()
}

/// A daemon with this configuration, and its log at `info`.
fn logged(text: &str, test: impl AsyncFnOnce(&Network, &Node, &Daemon, &Lines)) {
    let lines = Lines::default();
    let _log = tracing::subscriber::set_default(log(&lines));
    let network = Network::new(7);
    let nodes = [network.node("one"), network.node("other")];
    network.link(&nodes[0], &nodes[1]).connect();
    network.run(async {
        let daemon = daemon(&nodes[0].net(), text);
        network.clock().sleep(SOON).await;
        test(&network, &nodes[0], &daemon, &lines).await;
        daemon.shutdown().await;
    });
}

/// A name that is misspelt is told at the start and at each reload, with its place.
#[test]
fn an_interface_that_is_not_there_is_warned_of() {
    let text = "router = \"no\"\n[interface.rigth]\nreservable = \"50%\"\n";
    let what = "this machine has no interface of that name";
    logged(text, async |_, _, daemon, lines| {
        let said = "file=rsvpd.toml line=2 key=interface.rigth has=";
        for again in [true, false] {
            let told = lines.with(what);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with("WARN"), "{told:?}");
            assert!(told[0].contains(said), "{told:?}");
            if again {
                daemon.reload(loaded(text)).await;
            }
        }
    });
}

/// Who signs with no valid key is believed by nobody: at the start and at each reload it is told why.
#[test]
fn keys_that_are_not_valid_yet_are_warned_of() {
    let text = "[defaults]\nauthentication = \"required\"\n[[defaults.key]]\nid = 1\nsecret = \"hush\"\nstarts = \"9000-01-01T00:00:00Z\"\n";
    logged(text, async |_, _, daemon, lines| {
        for again in [true, false] {
            let told = lines.with("no key is valid yet");
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with("WARN"), "{told:?}");
            let said = "file=rsvpd.toml line=6 key=\"defaults.key.starts\"";
            assert!(told[0].contains(said), "{told:?}");
            if again {
                daemon.reload(loaded(text)).await;
            }
        }
    });
}

/// What came and went of reservations is in the journal: of what, where, how much, and by whose message; a flood of it is a few
/// lines.
#[test]
fn reservations_that_come_and_go_are_told() {
    let lines = Lines::default();
    let _log = tracing::subscriber::set_default(log(&lines));
    let network = Network::new(7);
    let nodes = [network.node("one"), network.node("other")];
    network.link(&nodes[0], &nodes[1]).connect();
    let [from, to] = nodes.each_ref().map(Node::address);
    let sending = |rate: &str| {
        format!(
            "{TEN_MEGABIT}[[sender]]\ndestination = \"{to}:5004\"\nsource = \"{from}:5004\"\ntraffic = {{ rate = \"{rate}\" }}\n"
        )
    };
    let receiving = format!("{TEN_MEGABIT}[[reservation]]\ndestination = \"{to}:5004\"\n");
    network.run(async {
        let daemons = [
            daemon(&nodes[0].net(), &sending("2Mbit/s")),
            daemon(&nodes[1].net(), &receiving),
        ];
        let soon = async || network.clock().sleep(SOON).await;
        soon().await;
        let told = |what: &str, rate: &str, because: &str| {
            let told = lines.with("INFO reservation ");
            let expected = format!(
                "INFO reservation {what} reserved=controlled load (r {rate}, b 15kB, p unlimited, m 64B, M 1500B){because} neighbour={to} \
                 interface=\"eth0\" session=udp {to}:5004 style=FF sender=\"{from}:5004\""
            );
            let here: Vec<String> = told
                .into_iter()
                .filter(|line| !line.contains("our sender"))
                .collect();
            assert_eq!(here, [expected]);
        };
        told("installed", "2Mbit/s", "");
        daemons[0].reload(loaded(&sending("3Mbit/s"))).await;
        soon().await;
        told("changed", "3Mbit/s", "");
        daemons[1].reload(loaded(TEN_MEGABIT)).await;
        soon().await;
        told("removed", "3Mbit/s", " what=ResvTear");

        // Again and again.
        for text in [receiving.as_str(), TEN_MEGABIT].repeat(20) {
            daemons[1].reload(loaded(text)).await;
            soon().await;
        }
        let told = lines.take();
        let count = |what| told.iter().filter(|line| line.contains(what)).count();
        assert_eq!(count("INFO reservation installed"), 4);
        assert_eq!(count("INFO reservation removed"), 4);
        assert_eq!(count("more of the same are counted for a minute"), 2);
        network.clock().sleep(Duration::from_secs(60)).await;
        assert_eq!(lines.with("more of the same were left out").len(), 2);
    });
}

/// STYLE §11: SIGHUP swaps all; what cannot be swapped is said, in one line.
#[test]
fn keys_that_count_at_the_next_start_are_named() {
    let text = "router = \"no\"\n";
    logged(text, async |_, _, daemon, lines| {
        let other = "router = \"yes\"\nuser = []\n[limits]\nsenders = 7\napplications = 7\n";
        lines.take();
        // It stays so until it is taken back.
        for text in [other, other, text] {
            daemon.reload(loaded(text)).await;
            let mut told = lines.take();
            told.retain(|line| !line.contains("interface"));
            assert_eq!(told[0], "INFO configuration read again");
            let changed = "WARN other than at the start: counts at the next start only \
                           keys=\"user, router, limits.senders\"";
            let expected: &[&str] = if text == other { &[changed] } else { &[] };
            assert_eq!(told[1..], *expected);
        }
    });
}

/// What becomes of an interface is a line each, with what can be reserved there; other news of it are none.
#[test]
fn what_becomes_of_an_interface_is_told_once() {
    let text = "[interface.eth0]\nbandwidth = \"10Mbit/s\"\nreservable = \"50%\"\n";
    logged(text, async |network, node, daemon, lines| {
        let told = || lines.with("INFO interface name=\"eth0\" index=2 event=");
        let tells = |event: &str, rest: &str| {
            let told = told();
            assert_eq!(told.len(), 1, "{told:?} for {event}");
            let expected = format!("event=\"{event}\" enabled={rest}");
            assert!(told[0].contains(&expected), "{told:?}");
        };
        let soon = async || network.clock().sleep(SOON).await;
        let half = "true up=true reservable=\"5Mbit/s\" traffic_control=\"fair queue\"";
        tells("there", half);

        let manage = node.net().manage();
        let index = manage.interface("eth0").unwrap().index;
        manage.set_up(index, false).unwrap();
        soon().await;
        tells("down", "true up=false traffic_control=\"off\"");
        manage.set_up(index, true).unwrap();
        soon().await;
        tells("up", half);

        // The system tells of it, and the configuration is read again: nothing that is logged is other.
        manage.set_mtu(index, 1400).unwrap();
        soon().await;
        daemon.reload(loaded(text)).await;
        assert_eq!(told(), [""; 0]);

        daemon.reload(loaded(&text.replace("50%", "2Mbit/s"))).await;
        tells("changed", &half.replace("5Mbit/s", "2Mbit/s"));
        daemon
            .reload(loaded("[interface.eth0]\nenabled = false\n"))
            .await;
        tells("changed", "false up=true traffic_control=\"off\"");
        manage.set_up(index, false).unwrap();
        soon().await;
        assert_eq!(told(), [""; 0]);
    });
}
