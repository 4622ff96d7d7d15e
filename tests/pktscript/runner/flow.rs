//! Conversations, and what a script's numbers are on the wire.
//!
//! A script counts sequence numbers of both directions from 0, the number of the SYN. The peer's first number on the
//! wire is a setting; the stack's is learned from the first SYN it sends, and again after a new SYN of the peer.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::ast::{Address, Host, Packet, Settings};

/// What tells conversations apart: the stack's port, the peer's address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FlowKey {
    pub(crate) local_port: u16,
    pub(crate) remote_ip: Ipv4Addr,
    pub(crate) remote_port: u16,
}

/// One conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    /// The stack's first sequence number, once it has been seen.
    pub(crate) local_isn: Option<u32>,
    /// Whether the next SYN of the stack starts a new incarnation.
    reopened: bool,
    /// What to add to the script's timestamps of the stack, once one has been compared.
    pub(crate) timestamp_offset: Option<u32>,
    /// The last timestamp the stack sent.
    pub(crate) last_timestamp: u32,
    /// Whether urgent data has been announced, so that the stream read may have holes.
    pub(crate) urgent: bool,
}

/// All conversations of a run.
#[derive(Clone, Debug)]
pub(crate) struct Flows {
    pub(crate) local_ip: Ipv4Addr,
    pub(crate) remote_isn: u32,
    remote_ip: Ipv4Addr,
    local_port: Option<u16>,
    remote_port: u16,
    flows: BTreeMap<FlowKey, Flow>,
}

impl Flows {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            local_ip: settings.local_ip,
            remote_isn: settings.remote_isn,
            remote_ip: settings.remote_ip,
            local_port: Some(settings.local_port),
            remote_port: settings.remote_port,
            flows: BTreeMap::new(),
        }
    }

    /// The stack opens towards `to` from a port that its first packet will tell: the usual ports are those from now on.
    pub(crate) fn opened(&mut self, to: Address) {
        match to.host {
            Host::Remote => {}
            Host::Ip(ip) => self.remote_ip = ip,
            Host::Local | Host::Any => return,
        }
        self.remote_port = to.port;
        self.local_port = None;
    }

    /// The conversation a packet of the script belongs to. Before the port of an active open is known, it is 0.
    pub(crate) fn key(&self, packet: &Packet) -> FlowKey {
        FlowKey {
            local_port: packet.local_port.or(self.local_port).unwrap_or(0),
            remote_ip: packet.remote_ip.unwrap_or(self.remote_ip),
            remote_port: packet.remote_port.unwrap_or(self.remote_port),
        }
    }

    /// Whether the script need not name this conversation.
    pub(crate) fn is_usual(&self, key: FlowKey) -> bool {
        key == self.key(&Packet::default())
    }

    pub(crate) fn flow(&mut self, key: FlowKey) -> &mut Flow {
        self.flows.entry(key).or_default()
    }

    /// The stack sent something: learns its port.
    pub(crate) fn sent(&mut self, key: FlowKey) {
        let usual_peer = key.remote_port == self.remote_port && key.remote_ip == self.remote_ip;
        if self.local_port.is_none() && usual_peer {
            self.local_port = Some(key.local_port);
        }
    }

    /// Whether urgent data was announced anywhere, so that what a socket reads may have holes.
    pub(crate) fn any_urgent(&self) -> bool {
        self.flows.values().any(|flow| flow.urgent)
    }

    /// The number of the stack's SYN in this conversation; 0 before one has been seen.
    pub(crate) fn local_isn(&self, key: FlowKey) -> u32 {
        let flow = self.flows.get(&key);
        flow.and_then(|flow| flow.local_isn).unwrap_or(0)
    }
}

impl Flow {
    /// The stack sent a SYN with this number.
    pub(crate) fn syn_sent(&mut self, seq: u32) {
        if self.local_isn.is_none() || self.reopened {
            self.local_isn = Some(seq);
            self.reopened = false;
        }
    }

    /// The peer sends a SYN: what the stack's next SYN says may be new.
    pub(crate) fn syn_received(&mut self) {
        self.reopened = true;
    }
}
