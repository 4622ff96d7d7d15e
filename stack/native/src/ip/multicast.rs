//! SHIM
#![allow(missing_docs, dead_code, unused)]
use crate::{iface::InterfaceId, pkt::PacketBuf};
use fairway_wire::{Instant, ipv4};
#[derive(Debug)]
pub struct MulticastForwarder;
impl MulticastForwarder {
    pub fn new(_: crate::limits::MulticastLimits) -> Self {
        Self
    }
    pub fn is_enabled(&self) -> bool {
        false
    }
    pub fn is_interested(&self, _: InterfaceId) -> bool {
        false
    }
    pub fn handle_packet(
        &mut self,
        n: Instant,
        i: InterfaceId,
        h: &ipv4::Header,
        p: PacketBuf,
    ) -> Vec<(InterfaceId, PacketBuf)> {
        vec![]
    }
    pub fn handle_timeout(&mut self, n: Instant) {}
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
