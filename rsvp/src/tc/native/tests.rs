use std::net::Ipv4Addr;

use fairway_sim::{Network, Node};

use super::*;
use crate::interface::Settings;
use crate::intserv::{GuaranteedTerms, Tspec};
use crate::tc::{Policing, Portion};

/// 10 Mbit/s.
const RATE: f32 = 1_250_000.0;
const HERE: IfIndex = IfIndex(2);
const SENDER: Option<Sender> = Some(Sender::V4(Ipv4Addr::new(10, 0, 0, 9), 7000));

struct Bed {
    node: Node,
    tc: NativeTc,
    /// The host lives as long as it.
    _network: Network,
}

impl Bed {
    fn new(change: impl FnOnce(&mut TcSettings)) -> Self {
        let network = Network::new(1);
        let (node, other) = (network.router("router"), network.node("next"));
        network.link(&node, &other).connect();
        let mut tc = NativeTc::new(node.net().manage());
        tc.set_interface(&interface(), &settings(change)).unwrap();
        Self {
            node,
            tc,
            _network: network,
        }
    }

    fn ask(&mut self, request: &Request) -> Result<RHandle, TcError> {
        self.ask_for(None, request, &[SENDER])
    }

    fn ask_for(
        &mut self,
        handle: Option<RHandle>,
        request: &Request,
        filters: &[Option<Sender>],
    ) -> Result<RHandle, TcError> {
        let granted = self
            .tc
            .install(HERE, handle, request, &session(5004), filters)?;
        assert_eq!(granted.forward, None);
        Ok(granted.handle)
    }

    /// What the queue has reserved.
    fn reserved(&self) -> Vec<qos::Flowspec> {
        let flows = self.node.net().manage().flows(HERE.0).unwrap();
        flows.into_iter().map(|(_, spec)| spec).collect()
    }
}

fn settings(change: impl FnOnce(&mut TcSettings)) -> TcSettings {
    let mut settings = TcSettings {
        link_rate: BytesPerSec::new(RATE),
        ..TcSettings::default()
    };
    change(&mut settings);
    settings
}

fn interface() -> Interface {
    Interface {
        index: HERE,
        name: "eth0".into(),
        addresses: vec!["10.0.0.1".parse().unwrap()],
        mtu: 1500,
        up: true,
        point_to_point: false,
        settings: Settings::default(),
    }
}

fn session(port: u16) -> Session {
    Session {
        destination: "192.0.2.1".parse().unwrap(),
        protocol: Protocol::UDP,
        e_police: false,
        port,
    }
}

fn tspec(rate: f32) -> Tspec {
    Tspec::new(rate, 10_000.0, f32::INFINITY, 100, 1000).unwrap()
}

fn request(flowspec: Flowspec) -> Request {
    Request {
        flowspec,
        path: tspec(flowspec.tspec().rate().get()),
        policing: Policing::default(),
        upstream: None,
    }
}

fn guaranteed(rate: f32, reserved: f32) -> Request {
    request(Flowspec::guaranteed(tspec(rate), reserved, 0).unwrap())
}

fn controlled_load(rate: f32) -> Request {
    request(Flowspec::ControlledLoad(tspec(rate)))
}

/// RFC 2212 "Exported Information": C is the longest packet, D the time of the link's longest frame.
#[test]
fn its_error_terms_are_those_of_fair_queueing() {
    let bed = Bed::new(|settings| settings.latency_micros = 5000);
    let element = bed.tc.advertise(HERE);
    let terms = element.guaranteed.as_ref().unwrap().terms;
    // 1514 octets at 1.25 MB/s: 1211.2 µs.
    assert_eq!(terms, ErrorTerms::new(1500, 1212));
    assert!(element.controlled_load.is_some());
    assert_eq!(element.general.latency.micros(), 5000);
    assert_eq!(element.general.mtu, 1500);
    // Three quarters of the link, less the link's headers.
    let bandwidth = element.general.bandwidth.get();
    assert!((bandwidth - 937_500.0 * 1500.0 / 1514.0).abs() < 1.0);
}

/// RFC 2205 §3.11.2: what receivers ask and senders send, the smaller of them, is installed, and given up again.
#[test]
fn installs_what_is_effective() {
    let mut bed = Bed::new(|_| ());
    let mut asked = guaranteed(20_000.0, 30_000.0);
    asked.path = tspec(15_000.0);
    let handle = bed.ask(&asked).unwrap();
    let [spec] = bed.reserved()[..] else {
        panic!("one reservation")
    };
    assert_eq!(spec.tspec.rate, 15_000);
    assert_eq!(spec.service, qos::Service::Guaranteed { rate: 30_000 });
    assert_eq!(bed.tc.flow(HERE, handle).unwrap().waiting, 0);
    bed.tc.remove(HERE, handle);
    bed.tc.remove(HERE, handle);
    assert!(bed.reserved().is_empty());
    assert!(bed.tc.ledger(HERE).unwrap().is_empty());
}

/// RFC 2211 §6, RFC 2212: no more than the share; a change to less is never refused, one that is leaves all as it was.
#[test]
fn admits_up_to_the_share() {
    let mut bed = Bed::new(|settings| settings.reservable = Portion::Percent(50));
    let first = bed.ask(&guaranteed(10_000.0, 300_000.0)).unwrap();
    let much = guaranteed(10_000.0, 400_000.0);
    assert_eq!(
        bed.tc.install(HERE, None, &much, &session(6), &[None]),
        Err(TcError::Bandwidth)
    );
    let refused = bed.ask_for(Some(first), &guaranteed(10_000.0, 900_000.0), &[None]);
    assert_eq!(refused, Err(TcError::Bandwidth));
    assert_eq!(
        bed.reserved()[0].service,
        qos::Service::Guaranteed { rate: 300_000 }
    );
    // The share shrinks: what is there stays, less is granted, more is not.
    let smaller = settings(|settings| settings.reservable = Portion::Percent(10));
    bed.tc.set_interface(&interface(), &smaller).unwrap();
    assert_eq!(bed.reserved().len(), 1);
    let less = guaranteed(10_000.0, 200_000.0);
    bed.ask_for(Some(first), &less, &[SENDER]).unwrap();
    let more = bed.ask_for(Some(first), &guaranteed(10_000.0, 250_000.0), &[SENDER]);
    assert_eq!(more, Err(TcError::Bandwidth));
    let strange = bed.ask_for(Some(RHandle(99)), &less, &[SENDER]);
    assert_eq!(strange, Err(TcError::NoSuchHandle));
}

/// RFC 2205 appendix B: packets longer than the interface's MTU are error 1/3.
#[test]
fn packets_longer_than_the_link_takes_are_refused() {
    let mut bed = Bed::new(|_| ());
    let long = Tspec::new(1000.0, 10_000.0, f32::INFINITY, 100, 1501).unwrap();
    let asked = request(Flowspec::ControlledLoad(long));
    assert_eq!(bed.ask(&asked), Err(TcError::Mtu));
    assert!(bed.reserved().is_empty());
}

/// RFC 2205 §3.11.2: the whole list of filters, or what was there before.
#[test]
fn filters_are_changed_as_a_whole() {
    let mut bed = Bed::new(|settings| settings.max_filters = 3);
    let other = |port| Some(Sender::V4(Ipv4Addr::new(10, 0, 0, 8), port));
    let asked = controlled_load(10_000.0);
    let handle = bed
        .ask_for(None, &asked, &[other(1), other(2), SENDER])
        .unwrap();
    let most = [other(1), other(2), other(3), SENDER];
    let more = bed.ask_for(Some(handle), &asked, &most);
    assert_eq!(more, Err(TcError::TooMany));
    bed.ask_for(Some(handle), &asked, &[other(1)]).unwrap();
    let swapped = [other(3), other(4), SENDER];
    bed.ask_for(Some(handle), &asked, &swapped).unwrap();
    bed.ask_for(Some(handle), &asked, &[SENDER]).unwrap();
    // Somebody else's filter: nothing of a second reservation stays.
    let twice = bed.ask(&asked);
    assert!(matches!(twice, Err(TcError::System(_))), "{twice:?}");
    assert_eq!(bed.reserved().len(), 1);
    assert_eq!(bed.tc.ledger(HERE).unwrap().len(), 1);
    bed.tc.remove(HERE, handle);
    bed.ask(&asked).unwrap();
}

/// RFC 2205 §1.1: a session without a port is all of a protocol; ports are those of protocols that have them.
#[test]
fn filters_say_what_a_session_says() {
    let of = |session: &Session, sender| filter(session, sender).unwrap();
    let one = of(&session(5004), SENDER);
    assert_eq!(one.destination_port, Some(5004));
    assert_eq!(one.source, Some(Ipv4Addr::new(10, 0, 0, 9)));
    assert_eq!(one.source_port, Some(7000));
    let any = of(&session(0), Some(Sender::V4(Ipv4Addr::LOCALHOST, 0)));
    assert_eq!((any.destination_port, any.source_port), (None, None));
    let everybody = of(&session(5004), None);
    assert_eq!((everybody.source, everybody.source_port), (None, None));
    let esp = |port| Session {
        protocol: Protocol(50),
        ..session(port)
    };
    assert!(filter(&esp(0), None).is_ok());
    assert_eq!(filter(&esp(9), None), Err(TcError::ServiceUnsupported));
    let v6 = Session {
        destination: "2001:db8::1".parse().unwrap(),
        ..session(1)
    };
    assert_eq!(filter(&v6, None), Err(TcError::ServiceUnsupported));
}

/// RFC 2212 "Policing", RFC 2211 §5: who is held to it where, and what inside the network is allowed to bunch up.
#[test]
fn data_is_held_to_it_by_service_and_place() {
    let place = |edge, merge, branch| Policing {
        edge,
        merge,
        branch,
    };
    let how = |request: Request, policing| {
        let request = Request {
            policing,
            ..request
        };
        options(&request, Excess::BestEffort).policing
    };
    let (inside, edge) = (place(false, false, false), place(true, false, false));
    for (policing, expected) in [
        (inside, qos::Policing::None),
        (edge, qos::Policing::Police),
        (place(false, true, false), qos::Policing::Reshape),
        (place(true, false, true), qos::Policing::Reshape),
    ] {
        assert_eq!(how(guaranteed(1000.0, 2000.0), policing), expected);
        assert_eq!(
            how(controlled_load(1000.0), policing),
            qos::Policing::Police
        );
    }
    let excess = |policing, excess| {
        let request = Request {
            policing,
            ..guaranteed(1000.0, 2000.0)
        };
        options(&request, excess).excess
    };
    assert_eq!(excess(edge, Excess::BestEffort), qos::Excess::LowerEffort);
    assert_eq!(excess(inside, Excess::BestEffort), qos::Excess::BestEffort);
    assert_eq!(excess(edge, Excess::Drop), qos::Excess::Drop);
    let bucket = |policing, terms| {
        let request = Request {
            policing,
            upstream: terms,
            ..controlled_load(1000.0)
        };
        spec(&request).tspec.bucket
    };
    let terms = ErrorTerms::new(3000, 2_000_000);
    let terms = Some(GuaranteedTerms {
        total: terms,
        since_reshaper: terms,
    });
    assert_eq!(bucket(edge, terms), 10_000);
    assert_eq!(bucket(inside, None), 10_000 + 1000 + 2500);
    assert_eq!(bucket(inside, terms), 10_000 + 3000 + 2000);
}

/// `rsvp.md` §15: deployed senders announce an m of 0, which is read as 1; no packet is that short.
#[test]
fn the_least_packet_has_a_header() {
    let mut bed = Bed::new(|_| ());
    let tspec = Tspec::new(100_000.0, 10_000.0, f32::INFINITY, 1, 1000).unwrap();
    bed.ask(&Request {
        path: tspec,
        ..request(Flowspec::ControlledLoad(tspec))
    })
    .unwrap();
    assert_eq!(bed.reserved()[0].tspec.min_policed, 20);
    let reserved = bed.tc.ledger(HERE).unwrap().reserved().get();
    assert!((reserved - 170_000.0).abs() < 1.0, "{reserved}");
}

/// Without the rate of a link nothing can be enforced, and none is promised: RFC 2210 §3.3.3.
#[test]
fn links_of_unknown_rate_promise_nothing() {
    let mut bed = Bed::new(|_| ());
    let handle = bed.ask(&controlled_load(1000.0)).unwrap();
    let unknown = settings(|settings| settings.link_rate = None);
    bed.tc.set_interface(&interface(), &unknown).unwrap();
    assert!(bed.reserved().is_empty());
    let element = bed.tc.advertise(HERE);
    assert!(element.guaranteed.is_none() && element.controlled_load.is_none());
    bed.tc.remove(HERE, handle);
    bed.ask(&controlled_load(1000.0)).unwrap();
}

/// What an earlier life of the daemon left is gone, and what this one leaves is, too.
#[test]
fn nothing_stays_behind() {
    let mut bed = Bed::new(|_| ());
    bed.ask(&controlled_load(1000.0)).unwrap();
    bed.tc = NativeTc::new(bed.node.net().manage());
    bed.tc
        .set_interface(&interface(), &settings(|_| ()))
        .unwrap();
    assert!(bed.reserved().is_empty());
    bed.ask(&controlled_load(1000.0)).unwrap();
    bed.tc.interface_gone(HERE);
    assert!(bed.reserved().is_empty());
    let nowhere = Interface {
        index: IfIndex(77),
        ..interface()
    };
    let refused = bed.tc.set_interface(&nowhere, &settings(|_| ()));
    assert!(matches!(refused, Err(TcError::System(_))));
}
