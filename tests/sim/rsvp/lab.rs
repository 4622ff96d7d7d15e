//! A network that is made of text, and what an administrator would do on it.

use super::topology::Topology;
use fairway_rsvp::interface::{IfIndex, Interface, Settings};
use fairway_rsvp::intserv::{Adspec, Bandwidth, BytesPerSec, Tspec};
use fairway_rsvp::tc::{Excess, NativeTc, Policing, Request, TcSettings, TrafficControl as _};
use fairway_rsvp::wire::{Sender, Session};
use fairway_sim::{BitsPerSec, Link, Network, Node};
use fairway_wire::Protocol;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// A network with routes to everywhere, whose hosts know their neighbours.
pub(crate) struct Lab {
    pub(crate) network: Network,
    nodes: BTreeMap<String, Node>,
    links: Vec<Wire>,
}

struct Wire {
    ends: [String; 2],
    link: Link,
    rate: Option<BitsPerSec>,
    delay: Duration,
}

impl Lab {
    pub(crate) fn new(seed: u64, text: &str) -> Self {
        let topology = Topology::read(text);
        let network = Network::new(seed);
        let mut nodes = BTreeMap::new();
        for name in &topology.hosts {
            nodes.insert(name.clone(), network.node(name));
        }
        for name in &topology.routers {
            nodes.insert(name.clone(), network.router(name));
        }
        let links = topology
            .links
            .into_iter()
            .map(|line| {
                let [one, other] = line.ends.each_ref().map(|name| &nodes[name]);
                let mut builder = network.link(one, other).delay(line.delay);
                if let Some(rate) = line.rate {
                    builder = builder.rate(rate);
                }
                Wire {
                    link: builder.connect(),
                    ends: line.ends,
                    rate: line.rate,
                    delay: line.delay,
                }
            })
            .collect();
        network.route_all();
        Self {
            network,
            nodes,
            links,
        }
    }

    pub(crate) fn node(&self, name: &str) -> &Node {
        &self.nodes[name]
    }

    /// The first of a node's addresses.
    pub(crate) fn address(&self, name: &str) -> IpAddr {
        self.node(name).address().into()
    }

    fn wire(&self, one: &str, other: &str) -> &Wire {
        let joins = |wire: &&Wire| wire.ends == [one, other] || wire.ends == [other, one];
        self.links.iter().find(joins).expect("a link between them")
    }

    /// The interface of `node` on its link to `peer`.
    pub(crate) fn interface(&self, node: &str, peer: &str) -> IfIndex {
        let link = &self.wire(node, peer).link;
        IfIndex(link.interface(self.node(node)).unwrap().0)
    }

    /// Breaks the link between two nodes; both notice.
    pub(crate) fn unplug(&self, one: &str, other: &str) {
        self.wire(one, other).link.unplug();
    }

    /// Octets per second of the link between two nodes, link headers included.
    pub(crate) fn rate(&self, one: &str, other: &str) -> u64 {
        self.wire(one, other).rate.expect("a rate").get() / 8
    }

    /// The interfaces of a node, as its daemon is told of them: it knows the rates and delays of its links.
    pub(crate) fn interfaces(&self, name: &str) -> Vec<(Interface, TcSettings)> {
        let node = self.node(name);
        let known = node.net().interfaces().unwrap();
        let outside = known.into_iter().filter(|one| !one.loopback);
        outside
            .map(|one| {
                let wire = self.links.iter().find(|wire| {
                    wire.link
                        .interface(node)
                        .is_some_and(|id| id.0 == one.index)
                });
                let wire = wire.expect("an interface is on a link");
                let micros = wire.delay.as_micros();
                let settings = TcSettings {
                    link_rate: wire.rate.map(|rate| octets(rate.get() / 8)),
                    latency_micros: u32::try_from(micros).unwrap(),
                    ..TcSettings::default()
                };
                let interface = Interface {
                    index: IfIndex(one.index),
                    name: one.name,
                    addresses: one.addresses.iter().map(|own| own.address).collect(),
                    mtu: one.mtu.unwrap(),
                    up: one.up && one.running,
                    point_to_point: one.point_to_point,
                    settings: Settings::default(),
                };
                (interface, settings)
            })
            .collect()
    }

    /// Traffic control of a node, over all its interfaces.
    pub(crate) fn tc(&self, name: &str, change: impl Fn(&mut TcSettings)) -> NativeTc {
        let mut tc = NativeTc::new(self.node(name).net().manage());
        for (interface, mut settings) in self.interfaces(name) {
            change(&mut settings);
            tc.set_interface(&interface, &settings).unwrap();
        }
        tc
    }

    /// Sends a datagram each way between neighbours, so that nobody has to ask for link addresses later.
    pub(crate) fn greet(&self) {
        self.network.run(async {
            for wire in &self.links {
                for [from, to] in [[0, 1], [1, 0]] {
                    let (from, to) = (&wire.ends[from], &wire.ends[to]);
                    let node = self.node(to);
                    let index = wire.link.interface(node).unwrap().0;
                    let interfaces = node.net().interfaces().unwrap();
                    let there = interfaces.iter().find(|one| one.index == index).unwrap();
                    let net = self.node(from).net();
                    let socket = net.bind_udp("0.0.0.0:0".parse().unwrap()).unwrap();
                    // Nobody listens, but somebody is there.
                    let to = (there.addresses[0].address, 9).into();
                    let _sent = socket.send_to(b"hello", to).await;
                }
            }
            self.network.clock().sleep(Duration::from_secs(1)).await;
        });
    }
}

/// A rate that single precision holds exactly.
pub(crate) fn octets(per_second: u64) -> BytesPerSec {
    let exact = u32::try_from(per_second).unwrap();
    assert!(exact < 1 << 24, "{exact} octets per second");
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
    BytesPerSec::new(exact as f32).unwrap()
}

/// A path of routers, with a reservation on each, made by hand.
pub(crate) struct Path<'a> {
    lab: &'a Lab,
    /// The routers that reserve, in order, and the interface data leaves by.
    hops: Vec<(String, IfIndex, NativeTc)>,
}

impl<'a> Path<'a> {
    /// Through these nodes: the first is where data comes from, the last where it goes to; those between reserve.
    pub(crate) fn new(lab: &'a Lab, names: &[&str], change: impl Fn(&mut TcSettings)) -> Self {
        let hops = names
            .windows(2)
            .skip(1)
            .map(|pair| {
                let [node, next] = pair else { unreachable!() };
                let tc = lab.tc(node, &change);
                ((*node).to_owned(), lab.interface(node, next), tc)
            })
            .collect();
        Self { lab, hops }
    }

    /// What a Path collects on the way.
    pub(crate) fn adspec(&self) -> Adspec {
        let start = Adspec::of_link(Bandwidth::from(BytesPerSec::MAX), 1500)
            .with_guaranteed(true)
            .with_controlled_load(true);
        self.hops.iter().fold(start, |adspec, (_, interface, tc)| {
            adspec.compose(&tc.advertise(*interface))
        })
    }

    /// Reserves for data of `from` to `to`, from the last hop to the first, as Resv messages do.
    pub(crate) fn reserve(
        &mut self,
        flowspec: fairway_rsvp::intserv::Flowspec,
        path: Tspec,
        from: (&str, u16),
        to: (&str, u16),
    ) {
        let session = Session {
            destination: self.lab.address(to.0),
            protocol: Protocol::UDP,
            e_police: false,
            port: to.1,
        };
        let sender = Sender::V4(self.lab.node(from.0).address(), from.1);
        let start = Adspec::of_link(Bandwidth::UNKNOWN, 1500).with_guaranteed(true);
        let mut adspec = start;
        for (hop, (_, interface, tc)) in self.hops.iter_mut().enumerate() {
            let upstream = adspec.guaranteed.as_ref().and_then(|it| it.terms);
            let request = Request {
                flowspec,
                path,
                policing: Policing {
                    edge: hop == 0,
                    ..Policing::default()
                },
                upstream,
            };
            tc.install(*interface, None, &request, &session, &[Some(sender)])
                .unwrap();
            adspec = adspec.compose(&tc.advertise(*interface));
        }
    }

    /// Excess is dropped, and not best effort.
    pub(crate) fn drop_excess(settings: &mut TcSettings) {
        settings.excess = Excess::Drop;
    }
}
