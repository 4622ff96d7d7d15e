//! The figures of RFC 2205 §1.3 and §2: one router, previous hops on (a) and (b), next hops on (c) and (d).
//!
//! ```text
//!   S1 ── (a) ┌────────┐ (c) ── R1
//!             │ router │
//!   S2, S3 ── (b) └────────┘ (d) ── R2, R3
//! ```

use std::net::{IpAddr, Ipv4Addr};

use fairway_rsvp::api::Call;
use fairway_rsvp::engine::SessionReport;
use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::intserv::Flowspec;
use fairway_rsvp::wire::{Sender, Style};

use crate::net::{Net, cl, tspec, udp};

const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 1, 1, 1));
const C: u32 = 3;
const D: u32 = 4;

struct Figure {
    net: Net,
    s1: Sender,
    s2: Sender,
    s3: Sender,
}

impl Figure {
    /// Figure 4: everybody hears everybody.
    fn new() -> Self {
        let mut net = Net::of(
            &["X", "S1", "S2", "S3", "R1", "R2", "R3"],
            &[
                &["X", "S1"],
                &["X", "S2", "S3"],
                &["X", "R1"],
                &["X", "R2", "R3"],
            ],
        );
        net.join(GROUP, &["R1", "R2", "R3"]);
        let session = udp(GROUP, 5000);
        for receiver in ["R1", "R2", "R3"] {
            net.call(receiver, 1, Call::Open(session)).unwrap();
        }
        for sender in ["S1", "S2", "S3"] {
            net.send(sender, 1, session, 4000, tspec(1000.0));
        }
        net.settle();
        let of = |name| Sender::V4(net.home(name), 4000);
        let (s1, s2, s3) = (of("S1"), of("S2"), of("S3"));
        Self { net, s1, s2, s3 }
    }

    fn reserve(&mut self, who: &str, style: Style, filters: &[Sender], flowspecs: &[Flowspec]) {
        self.net.reserve(who, 1, style, filters, flowspecs);
        self.net.settle();
    }

    fn router(&mut self) -> SessionReport {
        let now = self.net.now;
        self.net.engine("X").sessions(now).remove(0)
    }

    /// What the router has installed on an interface: senders and flowspec.
    fn installed(&mut self, interface: u32) -> Vec<(Vec<Sender>, Flowspec)> {
        self.router()
            .installed
            .into_iter()
            .filter(|one| one.outgoing == IfIndex(interface))
            .map(|one| (one.filters, one.flowspec))
            .collect()
    }

    /// What a sender's host was asked for: senders and flowspec.
    fn asked(&mut self, sender: &str) -> Vec<(Vec<Sender>, Flowspec)> {
        let now = self.net.now;
        let sessions = self.net.engine(sender).sessions(now);
        sessions
            .iter()
            .flat_map(|session| &session.reservations)
            .map(|one| (one.filters.clone(), one.flowspec))
            .collect()
    }
}

/// *B* of the figures.
fn b(times: f32) -> Flowspec {
    cl(10.0 * times)
}

#[test]
fn figure_5_wildcard_filter() {
    let mut figure = Figure::new();
    figure.reserve("R1", Style::WF, &[], &[b(4.0)]);
    figure.reserve("R2", Style::WF, &[], &[b(3.0)]);
    figure.reserve("R3", Style::WF, &[], &[b(2.0)]);
    assert_eq!(figure.installed(C), [(vec![], b(4.0))]);
    assert_eq!(figure.installed(D), [(vec![], b(3.0))]);
    for sender in ["S1", "S2", "S3"] {
        assert_eq!(figure.asked(sender), [(vec![], b(4.0))], "{sender}");
    }
}

#[test]
fn figure_6_fixed_filter() {
    let mut figure = Figure::new();
    let (s1, s2, s3) = (figure.s1, figure.s2, figure.s3);
    figure.reserve("R1", Style::FF, &[s1, s2], &[b(4.0), b(5.0)]);
    figure.reserve("R2", Style::FF, &[s1, s3], &[b(3.0), b(1.0)]);
    figure.reserve("R3", Style::FF, &[s1], &[b(1.0)]);
    assert_eq!(
        figure.installed(C),
        [(vec![s1], b(4.0)), (vec![s2], b(5.0))]
    );
    assert_eq!(
        figure.installed(D),
        [(vec![s1], b(3.0)), (vec![s3], b(1.0))]
    );
    assert_eq!(figure.asked("S1"), [(vec![s1], b(4.0))]);
    assert_eq!(figure.asked("S2"), [(vec![s2], b(5.0))]);
    assert_eq!(figure.asked("S3"), [(vec![s3], b(1.0))]);
}

#[test]
fn figure_7_shared_explicit() {
    let mut figure = Figure::new();
    let (s1, s2, s3) = (figure.s1, figure.s2, figure.s3);
    figure.reserve("R1", Style::SE, &[s1, s2], &[b(1.0)]);
    figure.reserve("R2", Style::SE, &[s1, s3], &[b(3.0)]);
    figure.reserve("R3", Style::SE, &[s2], &[b(2.0)]);
    assert_eq!(figure.installed(C), [(vec![s1, s2], b(1.0))]);
    assert_eq!(figure.installed(D), [(vec![s1, s2, s3], b(3.0))]);
    assert_eq!(figure.asked("S1"), [(vec![s1], b(3.0))]);
    // Both are on one link, and each hears only of itself.
    assert_eq!(figure.asked("S2"), [(vec![s2], b(3.0))]);
    assert_eq!(figure.asked("S3"), [(vec![s3], b(3.0))]);
}
