//! Applications against the API's server on a real socket.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod blocking;
mod daemon;
#[cfg(feature = "service")]
mod session;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use fairway_rsvp::api::{Event, PathSender, ReserveCall, SenderCall, Service};
use fairway_rsvp::intserv::Tspec;
use fairway_rsvp::wire::{Sender, Session};
use fairway_wire::Protocol;

/// A path for a socket of this test's own.
fn socket() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("fw-rapi-{}-{number}", std::process::id()))
}

fn flow() -> Session {
    Session {
        destination: Ipv4Addr::new(10, 0, 0, 2).into(),
        protocol: Protocol(17),
        e_police: false,
        port: 5000,
    }
}

fn sender(port: u16) -> SenderCall {
    SenderCall {
        template: Sender::from(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        interface: None,
        tspec: Tspec::new(125e3, 10e3, 250e3, 64, 1500).unwrap(),
        adspec: None,
        policy: Vec::new(),
        ttl: 63,
    }
}

fn wanted(senders: &[PathSender]) -> ReserveCall {
    ReserveCall {
        confirm: true,
        ..ReserveCall::fixed(senders, Service::ControlledLoad).unwrap()
    }
}

/// The senders of a path event.
fn path(event: Event) -> Vec<PathSender> {
    match event {
        Event::Path(senders) => senders,
        other => panic!("{other:?}"),
    }
}
