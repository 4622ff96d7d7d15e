//! Namespaces with traffic control of ours in them.

use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use fairway_rsvp::interface::{IfIndex, Interface, Settings};
use fairway_rsvp::intserv::{BytesPerSec, Flowspec, Tspec};
use fairway_rsvp::tc::{Policing, Request, TcSettings};
use fairway_rsvp::wire::Session;
use fairway_tests::Child;
use fairway_wire::Protocol;
use serde_json::Value;

/// Nothing here takes longer unless it is broken.
pub(super) const LIMIT: Duration = Duration::from_secs(60);
/// UDP.
pub(super) const UDP: Protocol = Protocol(17);

/// Runs a program in the namespace of the calling thread, which must succeed, and gives what it printed.
pub(super) fn told(line: &str) -> String {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).stdin(Stdio::null());
    let output = Child::output(&mut command, LIMIT);
    assert!(output.status.success(), "{line}: {output:?}");
    output.stdout
}

/// [`told`], of what speaks JSON.
pub(super) fn json(line: &str) -> Value {
    let text = told(line);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{line}: {error}: {text}"))
}

/// An interface of the calling thread's namespace.
pub(super) fn interface(name: &str) -> Interface {
    let links = json(&format!("ip -j link show dev {name}"));
    let number = |key: &str| u32::try_from(links[0][key].as_u64().unwrap()).unwrap();
    Interface {
        index: IfIndex(number("ifindex")),
        name: name.into(),
        addresses: Vec::new(),
        mtu: number("mtu"),
        up: true,
        point_to_point: false,
        settings: Settings::default(),
    }
}

/// Settings for a link of so many Mbit/s.
pub(super) fn settings(megabits: f32) -> TcSettings {
    TcSettings {
        link_rate: BytesPerSec::new(megabits * 125_000.0),
        ..TcSettings::default()
    }
}

/// A session.
pub(super) fn session(destination: &str, port: u16) -> Session {
    Session {
        destination: destination.parse::<IpAddr>().unwrap(),
        protocol: UDP,
        e_police: false,
        port,
    }
}

/// A request for a flowspec, of senders that send just that.
pub(super) fn request(flowspec: Flowspec) -> Request {
    Request {
        flowspec,
        path: *flowspec.tspec(),
        policing: Policing::default(),
        upstream: None,
    }
}

/// Controlled load of r (B/s) and b (octets), packets up to 1000 octets.
pub(super) fn controlled_load(rate: f32, bucket: f32) -> Request {
    let tspec = Tspec::new(rate, bucket, f32::INFINITY, 500, 1400).unwrap();
    request(Flowspec::ControlledLoad(tspec))
}

/// Guaranteed service of r = R (B/s) and b (octets).
pub(super) fn guaranteed(rate: f32, bucket: f32) -> Request {
    let tspec = Tspec::new(rate, bucket, f32::INFINITY, 500, 1400).unwrap();
    request(Flowspec::guaranteed(tspec, rate, 0).unwrap())
}
