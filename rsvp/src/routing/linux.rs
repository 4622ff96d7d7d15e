//! Routing as the system's kernel does it, asked over rtnetlink.

use std::io;
use std::net::IpAddr;

use netlink_sys::protocols::NETLINK_ROUTE;

use super::{Route, Routing, Tree};
use crate::interface::IfIndex;
use crate::netlink::{ACK, Attributes, Channel, KernelError, Writer, address, u16_at, u32_at};

/// `RTM_NEWROUTE`, `RTM_GETROUTE`
const NEW_ROUTE: u16 = 24;
const GET_ROUTE: u16 = 26;
/// Octets of `struct rtmsg`, and of `struct rtnexthop`.
const ROUTE: usize = 12;
const NEXT_HOP: usize = 8;
/// `RTA_DST`, `RTA_SRC`, `RTA_IIF`, `RTA_OIF`, `RTA_GATEWAY`, `RTA_MULTIPATH`, `RTA_VIA`
const DESTINATION: u16 = 1;
const SOURCE: u16 = 2;
const INCOMING: u16 = 3;
const OUTGOING: u16 = 4;
const GATEWAY: u16 = 5;
const MULTIPATH: u16 = 9;
const VIA: u16 = 18;
/// `RTN_UNICAST`, `RTN_LOCAL`, `RTN_MULTICAST`
const TO_UNICAST: u8 = 1;
const TO_LOCAL: u8 = 2;
const TO_MULTICAST: u8 = 5;
/// `AF_INET`, `AF_INET6`, `RTNL_FAMILY_IPMR`, `RTNL_FAMILY_IP6MR`
const V4: u8 = 2;
const V6: u8 = 10;
const V4_MULTICAST: u8 = 128;
const V6_MULTICAST: u8 = 129;

/// Asks the kernel of the network namespace that it was made in.
///
/// Unicast: the route the kernel would take, for the source if it is one of this node, since the kernel knows of no
/// others without the interface they come in by. Multicast: the kernel's forwarding cache, if a multicast router runs;
/// else a host's tree: what its own applications send leaves by the interface of the route to the group, and what others
/// send arrives where the group has been joined.
#[derive(Debug)]
pub struct LinuxRouting {
    channel: Channel,
    notifies: bool,
}

/// An answer to a question for a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Answer {
    kind: u8,
    incoming: Option<IfIndex>,
    outgoing: Option<IfIndex>,
    gateway: Option<IpAddr>,
    branches: Vec<IfIndex>,
}

impl LinuxRouting {
    /// Opens the way to the kernel. `notifies`: somebody watches for changes, with a
    /// [`LinuxWatch`](super::LinuxWatch), and tells the engine.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(notifies: bool) -> io::Result<Self> {
        Ok(Self {
            channel: Channel::open(NETLINK_ROUTE)?,
            notifies,
        })
    }

    fn ask(
        &mut self,
        family: u8,
        destination: IpAddr,
        source: Option<IpAddr>,
    ) -> Result<Answer, KernelError> {
        let mut answer = Answer::default();
        self.channel.exchange(
            |out| {
                out.message(GET_ROUTE, ACK, |out| {
                    question(out, family, destination, source);
                });
            },
            |message| {
                if message.kind == NEW_ROUTE {
                    answer = read(message.body);
                }
            },
        )?;
        Ok(answer)
    }

    /// The route that the kernel takes.
    fn route(&mut self, destination: IpAddr, source: Option<IpAddr>) -> Option<Answer> {
        let family = if destination.is_ipv4() { V4 } else { V6 };
        let source = source.filter(|source| source.is_ipv4() == destination.is_ipv4());
        source
            .and_then(|source| self.ask(family, destination, Some(source)).ok())
            .or_else(|| self.ask(family, destination, None).ok())
    }

    fn is_ours(&mut self, address: IpAddr) -> bool {
        self.route(address, None)
            .is_some_and(|answer| answer.kind == TO_LOCAL)
    }

    /// The entry of the forwarding cache, if there are a multicast router and such an entry.
    fn forwarded(&mut self, source: IpAddr, group: IpAddr) -> Option<Answer> {
        let family = if group.is_ipv4() {
            V4_MULTICAST
        } else {
            V6_MULTICAST
        };
        // An entry that waits for the router's decision has no interfaces.
        self.ask(family, group, Some(source))
            .ok()
            .filter(|answer| answer.incoming.is_some())
    }
}

impl Routing for LinuxRouting {
    fn unicast(&mut self, destination: IpAddr, source: Option<IpAddr>) -> Option<Route> {
        let answer = self.route(destination, source)?;
        match answer.kind {
            TO_LOCAL => Some(Route {
                interface: IfIndex::LOCAL,
                gateway: None,
            }),
            TO_UNICAST => Some(Route {
                interface: answer.outgoing?,
                gateway: answer.gateway,
            }),
            // Unreachable, prohibited, broadcast.
            _ => None,
        }
    }

    fn multicast(&mut self, source: IpAddr, group: IpAddr) -> Option<Tree> {
        let ours = self.is_ours(source);
        let entry = self.forwarded(source, group);
        if ours {
            let way = self.route(group, Some(source));
            let first = way
                .filter(|way| matches!(way.kind, TO_MULTICAST | TO_UNICAST))
                .and_then(|way| way.outgoing);
            // A multicast router's own packets are sent on, too.
            let branches = entry.map(|entry| entry.branches).unwrap_or_default();
            let mut outgoing: Vec<_> = first.into_iter().chain(branches).collect();
            outgoing.sort_unstable();
            outgoing.dedup();
            return (!outgoing.is_empty()).then_some(Tree {
                incoming: Some(IfIndex::LOCAL),
                outgoing,
            });
        }
        if let Some(entry) = entry {
            return Some(Tree {
                incoming: entry.incoming,
                outgoing: entry.branches,
            });
        }
        let joined = joined(group);
        // If several interfaces have joined, data is believed to come from where an answer would go.
        let back = self.route(source, None).and_then(|answer| answer.outgoing);
        let incoming = back
            .filter(|back| joined.contains(back))
            .or_else(|| joined.first().copied())?;
        Some(Tree {
            incoming: Some(incoming),
            outgoing: Vec::new(),
        })
    }

    fn notifies(&self) -> bool {
        self.notifies
    }
}

fn question(out: &mut Writer, family: u8, destination: IpAddr, source: Option<IpAddr>) {
    let bits = if destination.is_ipv4() { 32 } else { 128 };
    let source_bits = if source.is_some() { bits } else { 0 };
    out.octets(&[family, bits, source_bits, 0]);
    out.octets(&[0; 8]);
    for (kind, address) in [(DESTINATION, Some(destination)), (SOURCE, source)] {
        match address {
            Some(IpAddr::V4(address)) => out.attribute(kind, &address.octets()),
            Some(IpAddr::V6(address)) => out.attribute(kind, &address.octets()),
            None => {}
        }
    }
}

fn read(body: &[u8]) -> Answer {
    let attributes = Attributes::behind(body, ROUTE);
    let index = |kind| {
        let octets = attributes.find(kind)?;
        u32_at(octets, 0)
            .map(IfIndex)
            .filter(|index| !index.is_local())
    };
    // A gateway of the other family comes with its family in front.
    let via = attributes.find(VIA).and_then(|octets| octets.get(2..));
    Answer {
        kind: body.get(7).copied().unwrap_or(0),
        incoming: index(INCOMING),
        outgoing: index(OUTGOING),
        gateway: attributes.find(GATEWAY).or(via).and_then(address),
        branches: next_hops(attributes.find(MULTIPATH).unwrap_or_default()),
    }
}

/// The interfaces in a list of next hops, each of which has its length in front.
fn next_hops(mut octets: &[u8]) -> Vec<IfIndex> {
    let mut interfaces = Vec::new();
    while let (Some(length), Some(index)) = (u16_at(octets, 0), u32_at(octets, 4)) {
        interfaces.push(IfIndex(index));
        let length = usize::from(length).max(NEXT_HOP).next_multiple_of(4);
        octets = octets.get(length..).unwrap_or_default();
    }
    interfaces.sort_unstable();
    interfaces.dedup();
    interfaces
}

/// The interfaces that have joined a group. Netlink does not tell: /proc does, of the calling thread's namespace.
fn joined(group: IpAddr) -> Vec<IfIndex> {
    let file = match group {
        IpAddr::V4(_) => "/proc/thread-self/net/igmp",
        IpAddr::V6(_) => "/proc/thread-self/net/igmp6",
    };
    let text = std::fs::read_to_string(file).unwrap_or_default();
    match group {
        IpAddr::V4(group) => joined_v4(&text, u32::from_ne_bytes(group.octets())),
        IpAddr::V6(group) => joined_v6(&text, u128::from(group)),
    }
}

/// ```text
/// Idx     Device    : Count Querier       Group    Users Timer    Reporter
/// 1       lo        :     1      V3
///                                 010000E0     1 0:00000000               0
/// ```
fn joined_v4(text: &str, group: u32) -> Vec<IfIndex> {
    let mut interfaces = Vec::new();
    let mut interface = None;
    for line in text.lines().skip(1) {
        let Some(word) = line.split_whitespace().next() else {
            continue;
        };
        if !line.starts_with(char::is_whitespace) {
            interface = word.parse().ok().map(IfIndex);
        } else if u32::from_str_radix(word, 16) == Ok(group) {
            interfaces.extend(interface);
        }
    }
    interfaces
}

/// ```text
/// 1    lo              ff020000000000000000000000000001     1 0000000C 0
/// ```
fn joined_v6(text: &str, group: u128) -> Vec<IfIndex> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let index = words.next()?.parse().ok()?;
            let found = u128::from_str_radix(words.nth(1)?, 16).ok()?;
            (found == group).then_some(IfIndex(index))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loopback is this node, in both families; 240.0.0.1 is nowhere.
    #[test]
    fn loopback_is_local() {
        let mut routing = LinuxRouting::new(false).unwrap();
        let local = routing.unicast("127.0.0.1".parse().unwrap(), None).unwrap();
        assert_eq!(local.interface, IfIndex::LOCAL);
        assert!(!routing.notifies());
        // A source that is not ours does not keep the answer away.
        let source = Some("192.0.2.1".parse().unwrap());
        let again = routing.unicast("127.0.0.1".parse().unwrap(), source);
        assert_eq!(again, Some(local));
    }

    #[test]
    fn groups_that_were_joined_are_found() {
        let text = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
                    1\tlo        :     1      V3\n\
                    \t\t\t\t010000E0     1 0:00000000\t\t0\n\
                    7\teth0      :     2      V3\n\
                    \t\t\t\t030201EF     1 0:00000000\t\t0\n\
                    \t\t\t\t010000E0     1 0:00000000\t\t0\n";
        let group = |octets: [u8; 4]| joined_v4(text, u32::from_ne_bytes(octets));
        if cfg!(target_endian = "little") {
            assert_eq!(group([239, 1, 2, 3]), [IfIndex(7)]);
            assert_eq!(group([224, 0, 0, 1]), [IfIndex(1), IfIndex(7)]);
            assert!(group([224, 0, 0, 2]).is_empty());
        }
        let text = "1    lo              ff020000000000000000000000000001     1 0000000C 0\n\
                    4    eth0            ff0e0000000000000000000000001234     1 0000000C 0\n";
        assert_eq!(joined_v6(text, 0xff0e << 112 | 0x1234), [IfIndex(4)]);
        assert!(joined_v6("nonsense", 1).is_empty());
    }

    /// rtnetlink(7): a next hop has its length, flags, hops and interface.
    #[test]
    fn branches_are_read() {
        let hop = |index: u32| {
            let mut octets = 8u16.to_ne_bytes().to_vec();
            octets.extend_from_slice(&[0, 1]);
            octets.extend_from_slice(&index.to_ne_bytes());
            octets
        };
        let octets = [hop(5), hop(3), hop(5)].concat();
        assert_eq!(next_hops(&octets), [IfIndex(3), IfIndex(5)]);
        // A length that cannot be does not stop the reading for ever.
        assert_eq!(next_hops(&[0; 24]).len(), 1);
        assert!(next_hops(&[8, 0, 0]).is_empty());
    }
}
