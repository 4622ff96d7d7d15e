//! Parameters and statistics of a host, by name, by number, and by type (sockets.md §10, §11).

use super::Stack;
use crate::counters::{ArpCounters, IgmpCounters};
use crate::errno::Errno;
use crate::event;
use crate::event::EventId;
use crate::icmp::IcmpCounters;
use crate::iface::{Interface, InterfaceCounters};
use crate::ip::IpCounters;
use crate::mgmt::{
    Access, Counters, MemoryCounters, Parameter, ParameterKind, Setting, Statistics as _, Table,
};
use crate::route::{Origin, Route};
use crate::udp::UdpCounters;
use fairway_wire::Instant;

/// Where the old value of a parameter goes.
#[derive(Debug)]
pub enum Old<'a> {
    /// Nowhere: it is not wanted (SYS-4).
    Unwanted,
    /// Only how large it is, with some to spare for tables that grow, is wanted (SYS-3).
    Size,
    /// Here; a buffer that is too small gets as much as fits (SYS-5).
    Into(&'a mut [u8]),
}

/// Statistics that are read and set to zero (`sockets.md` §8.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clear {
    /// Those of TCP (`SIOSTATTCPZ`).
    Tcp,
    /// Those of UDP (`SIOSTATUDPZ`).
    Udp,
    /// Those of IP (`SIOSTATIPZ`).
    Ip,
    /// Those of ICMP (`SIOSTATICMPZ`).
    Icmp,
    /// Those of IGMP (`SIOSTATIGMPZ`).
    Igmp,
    /// Those of ARP.
    Arp,
    /// Those of the interfaces.
    Interfaces,
}

impl Stack {
    /// The number of a parameter, with its limits, by its dotted name or symbol.
    ///
    /// # Errors
    /// [`Errno::NoEnt`] if there is none of that name (`sysctl-badname`); [`Errno::Inval`] if it is no number.
    pub fn parameter(&mut self, name: &str) -> Result<Setting, Errno> {
        let parameter = self.named(name)?;
        parameter.setting(&self.config).ok_or(Errno::Inval)
    }

    /// Sets a parameter by its dotted name or symbol.
    ///
    /// # Errors
    /// [`Errno::NoEnt`] if there is none of that name (`sysctl-badname`), [`Errno::Perm`] if it cannot be set
    /// (`sysctl-readonly`), [`Errno::Inval`] outside its range (`sysctl-range`).
    pub fn set_parameter(&mut self, now: Instant, name: &str, value: i64) -> Result<(), Errno> {
        self.tell(now);
        let parameter = self.named(name)?;
        self.assign(parameter, value)
    }

    fn named(&mut self, name: &str) -> Result<&'static Parameter, Errno> {
        Parameter::by_name(name).ok_or_else(|| {
            event!(
                self.events,
                self.now,
                EventId::SysctlBadname,
                errno = Errno::NoEnt
            );
            Errno::NoEnt
        })
    }

    fn assign(&mut self, parameter: &'static Parameter, value: i64) -> Result<(), Errno> {
        let result = parameter.set(&mut self.config, value);
        let event = match result {
            Ok(()) => EventId::SysctlSet,
            Err(Errno::Perm) => EventId::SysctlReadonly,
            Err(_) => EventId::SysctlRange,
        };
        event!(
            self.events,
            self.now,
            event,
            reason = parameter.name,
            errno = result.err(),
            detail = u64::try_from(value).ok()
        );
        if result.is_ok() {
            self.reconfigure();
        }
        result
    }

    /// Hands changed tunables to those parts that keep their own.
    fn reconfigure(&mut self) {
        self.neighbors.set_config(self.config.arp.clone());
        self.reassembly.set_life(self.config.ip.fragment_time);
        self.igmp.set_config(self.config.igmp.clone());
        let several = self.config.ip.multiple_default_routes;
        self.routing.routes.set_several_defaults(several);
        self.routing.path_mtu.set_life(self.config.ip.path_mtu_time);
    }

    /// `sysctl`: reads a parameter by its path of numbers, and sets it if `new` is given. Says how many octets the old
    /// value has, or how many were copied (SYS-2, SYS-3, SYS-8). Numbers are 32 bits in the byte order of the machine.
    ///
    /// # Errors
    /// SYS-11: see [`Parameter::by_path`]; [`Errno::Perm`] where `new` is given for what cannot be set, [`Errno::Inval`]
    /// for a value of the wrong size or outside the range. [`Errno::NoMem`] if the buffer is too small: it holds as
    /// much as fits (SYS-5), and nothing is set.
    pub fn sysctl(
        &mut self,
        now: Instant,
        path: &[i32],
        old: Old<'_>,
        new: Option<&[u8]>,
    ) -> Result<usize, Errno> {
        self.tell(now);
        let parameter = match Parameter::by_path(path) {
            Ok(parameter) => parameter,
            Err(errno) => {
                event!(self.events, self.now, EventId::SysctlBadname, errno = errno);
                return Err(errno);
            }
        };
        let wanted = match new {
            Some(_) if parameter.access() == Access::ReadOnly => {
                // SYS-11: read-only; the new value is to be left out.
                return self.assign(parameter, 0).and(Err(Errno::Perm));
            }
            Some(octets) => {
                let number = octets.try_into().map_err(|_| Errno::Inval)?;
                Some(i64::from(i32::from_ne_bytes(number)))
            }
            None => None,
        };
        let copied = match old {
            Old::Unwanted => 0,
            Old::Size => {
                let size = self.value(parameter, path)?.len();
                // SYS-3: room for what a table may grow by until the next call.
                match parameter.kind {
                    ParameterKind::Table(_) => size + size / 8,
                    ParameterKind::Number { .. }
                    | ParameterKind::Fixed(_)
                    | ParameterKind::Version => size,
                }
            }
            Old::Into(buffer) => {
                let value = self.value(parameter, path)?;
                let fits = value.len().min(buffer.len());
                for (to, from) in buffer.iter_mut().zip(&value) {
                    *to = *from;
                }
                if fits < value.len() {
                    return Err(Errno::NoMem);
                }
                fits
            }
        };
        if let Some(value) = wanted {
            self.assign(parameter, value)?;
        }
        Ok(copied)
    }

    /// The value of a parameter as octets.
    fn value(&self, parameter: &Parameter, path: &[i32]) -> Result<Vec<u8>, Errno> {
        Ok(match parameter.kind {
            ParameterKind::Number { .. } | ParameterKind::Fixed(_) => {
                let setting = parameter.setting(&self.config).ok_or(Errno::Inval)?;
                let number = i32::try_from(setting.current).unwrap_or(i32::MAX);
                number.to_ne_bytes().to_vec()
            }
            ParameterKind::Version => {
                let mut value = 1_i32.to_ne_bytes().to_vec();
                let mut text = [0; 10];
                for (to, from) in text
                    .iter_mut()
                    .zip(env!("CARGO_PKG_VERSION").bytes().take(9))
                {
                    *to = from;
                }
                value.extend_from_slice(&text);
                value
            }
            ParameterKind::Table(Table::TcpStat) => self.tcp.counters().to_table(),
            ParameterKind::Table(Table::UdpStat) => self.udp_counters.to_table(),
            ParameterKind::Table(Table::IcmpStat) => self.icmp_counters.to_table(),
            ParameterKind::Table(table) => {
                let argument = path.get(5).copied().unwrap_or(0);
                self.dump(table, argument)
            }
        })
    }

    /// A table of the routes, the interfaces or the neighbours, in records of fixed size. Addresses are in the byte
    /// order of the network, other numbers in that of the machine.
    ///
    /// ```text
    /// route (20 octets):       destination 4, prefix length 4, gateway 4 (0: none), interface 4, flags 4
    /// interface (16 octets):   interface 4, address 4, prefix length 4, flags 4; one for each address
    /// neighbour (16 octets):   interface 4, address 4, link address 6, two octets of zero
    /// ```
    fn dump(&self, table: Table, argument: i32) -> Vec<u8> {
        let mut octets = Vec::new();
        match table {
            Table::Routes | Table::RoutesByFlags => {
                let wanted = match table {
                    Table::RoutesByFlags => u32::try_from(argument).unwrap_or(0),
                    _ => 0,
                };
                for route in self.routing.routes.dump() {
                    let flags = route_flags(route);
                    if flags & wanted != wanted {
                        continue;
                    }
                    let gateway = route.gateway.map_or([0; 4], |gateway| gateway.octets());
                    octets.extend_from_slice(&route.destination.address().octets());
                    octets.extend_from_slice(&u32::from(route.destination.len()).to_ne_bytes());
                    octets.extend_from_slice(&gateway);
                    octets.extend_from_slice(&route.interface.0.to_ne_bytes());
                    octets.extend_from_slice(&flags.to_ne_bytes());
                }
            }
            Table::Interfaces => {
                for interface in &self.routing.interfaces {
                    if argument != 0 && i64::from(argument) != i64::from(interface.id.0) {
                        continue;
                    }
                    for own in &interface.addresses {
                        octets.extend_from_slice(&interface.id.0.to_ne_bytes());
                        octets.extend_from_slice(&own.address.octets());
                        octets.extend_from_slice(&u32::from(own.prefix).to_ne_bytes());
                        octets.extend_from_slice(&interface.flags().0.to_ne_bytes());
                    }
                }
            }
            Table::Neighbors => {
                for neighbor in self.neighbors.list() {
                    let Some(link) = neighbor.mac else {
                        continue;
                    };
                    octets.extend_from_slice(&neighbor.interface.0.to_ne_bytes());
                    octets.extend_from_slice(&neighbor.address.octets());
                    octets.extend_from_slice(&link.0);
                    octets.extend_from_slice(&[0; 2]);
                }
            }
            Table::TcpStat | Table::UdpStat | Table::IcmpStat => {}
        }
        octets
    }

    /// All counters, at one moment.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let interfaces = &self.routing.interfaces;
        let sum = |of: &dyn Fn(&Interface) -> u64| interfaces.iter().map(of).sum();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let mut counters = Counters::default();
        counters.tcp = *self.tcp.counters();
        counters.udp = self.udp_counters;
        counters.ip = self.ip_counters;
        counters.icmp = self.icmp_counters;
        counters.igmp = self.igmp.counters;
        counters.arp = self.neighbors.counters;
        counters.drops = *self.events.drops();
        counters.memory = MemoryCounters {
            sockets: count(self.sockets.len()),
            queued_packets: sum(&|one| count(one.queue.len())),
            queued_octets: sum(&|one| one.queue.octets()),
        };
        counters.interfaces = interfaces
            .iter()
            .map(|one| (one.id, one.counters))
            .collect();
        counters
    }

    /// All counters, of which those of `what` are set to zero by it.
    pub fn clear_counters(&mut self, what: Clear) -> Counters {
        let counters = self.counters();
        match what {
            Clear::Tcp => self.tcp.clear_counters(),
            Clear::Udp => self.udp_counters = UdpCounters::default(),
            Clear::Ip => self.ip_counters = IpCounters::default(),
            Clear::Icmp => self.icmp_counters = IcmpCounters::default(),
            Clear::Igmp => self.igmp.counters = IgmpCounters::default(),
            Clear::Arp => self.neighbors.counters = ArpCounters::default(),
            Clear::Interfaces => {
                for interface in &mut self.routing.interfaces {
                    interface.counters = InterfaceCounters::default();
                }
            }
        }
        counters
    }
}

/// `RTF_UP`, `RTF_GATEWAY`, `RTF_HOST`, `RTF_STATIC`.
fn route_flags(route: &Route) -> u32 {
    let mut flags = 0x1;
    if route.gateway.is_some() {
        flags |= 0x2;
    }
    if route.destination.len() == 32 {
        flags |= 0x4;
    }
    if route.origin == Origin::Static {
        flags |= 0x800;
    }
    flags
}
