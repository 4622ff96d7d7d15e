//! SHIM
#![allow(missing_docs, dead_code, unused)]
use crate::{errno::Errno, iface::InterfaceId, pkt::PacketBuf, rng::Rng};
use fairway_wire::Instant;
use std::net::Ipv4Addr;
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFilter {
    pub include: bool,
    pub sources: Vec<Ipv4Addr>,
}
#[derive(Debug, Default)]
pub struct IgmpCounters {
    pub received: u64,
    pub short: u64,
    pub bad_checksum: u64,
}
#[derive(Debug)]
pub struct Output {
    pub interface: InterfaceId,
    pub destination: Ipv4Addr,
    pub packet: PacketBuf,
}
#[derive(Debug)]
pub struct Igmp {
    pub counters: IgmpCounters,
}
impl Igmp {
    pub fn new(_: crate::config::IgmpConfig, _: crate::limits::IgmpLimits, _: Rng) -> Self {
        Self {
            counters: IgmpCounters::default(),
        }
    }
    pub fn add_interface(&mut self, _: InterfaceId) {}
    pub fn handle_up(&mut self, _: Instant, _: InterfaceId) {}
    pub fn change(
        &mut self,
        n: Instant,
        i: InterfaceId,
        g: Ipv4Addr,
        b: Option<&SourceFilter>,
        a: Option<&SourceFilter>,
    ) -> Result<(), Errno> {
        Ok(())
    }
    pub fn is_member(&self, i: InterfaceId, g: Ipv4Addr) -> bool {
        true
    }
    pub fn handle_message(
        &mut self,
        n: Instant,
        i: InterfaceId,
        s: Ipv4Addr,
        d: Ipv4Addr,
        m: &fairway_wire::igmp::Message<'_>,
    ) {
    }
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }
    pub fn handle_timeout(&mut self, n: Instant) {}
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
