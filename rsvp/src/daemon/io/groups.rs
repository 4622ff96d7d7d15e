//! Groups that this host is a member of so that it hears their Paths.
//!
//! A router hears what passes, by router alert, and must not join: a multicast router that is a member gets each Path and
//! forwards it as well (`field/rsvp.md` §4.2). Who calls decides.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fairway_stack::{Family, Net, UdpSocket};
use tracing::{debug, warn};

/// A socket for each group: systems limit the memberships of one.
#[derive(Debug, Default)]
pub(super) struct Groups {
    joined: BTreeMap<IpAddr, Membership>,
}

#[derive(Debug)]
struct Membership {
    socket: UdpSocket,
    interfaces: BTreeSet<u32>,
}

impl Groups {
    /// Joins and leaves, so that the memberships are those wanted; says how many could not be had.
    pub(super) fn set(&mut self, net: &Net, wanted: &[(IpAddr, Vec<u32>)]) -> u64 {
        let mut failed = 0;
        self.joined
            .retain(|group, _| wanted.iter().any(|(other, _)| other == group));
        for (group, interfaces) in wanted {
            if !self.joined.contains_key(group) {
                let family = match group {
                    IpAddr::V4(_) => Family::V4,
                    IpAddr::V6(_) => Family::V6,
                };
                match net.udp_socket(family) {
                    Ok(socket) => {
                        let interfaces = BTreeSet::new();
                        let membership = Membership { socket, interfaces };
                        self.joined.insert(*group, membership);
                    }
                    Err(error) => {
                        warn!(%error, %group, "cannot join");
                        failed += 1;
                        continue;
                    }
                }
            }
            if let Some(membership) = self.joined.get_mut(group) {
                failed += membership.set(*group, interfaces);
            }
        }
        failed
    }
}

impl Membership {
    fn set(&mut self, group: IpAddr, wanted: &[u32]) -> u64 {
        let mut failed = 0;
        let socket = &self.socket;
        self.interfaces.retain(|&interface| {
            let stays = wanted.contains(&interface);
            if !stays && let Err(error) = socket.leave_group(group, interface) {
                // The interface is gone, and the membership with it.
                debug!(%error, %group, interface, "not left");
            }
            stays
        });
        for &interface in wanted {
            if self.interfaces.contains(&interface) {
                continue;
            }
            match socket.join_group(group, interface) {
                Ok(()) => {
                    debug!(%group, interface, "joined");
                    self.interfaces.insert(interface);
                }
                Err(error) => {
                    warn!(%error, %group, interface, "cannot join");
                    failed += 1;
                }
            }
        }
        failed
    }
}
