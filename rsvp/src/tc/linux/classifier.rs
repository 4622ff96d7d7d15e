//! Which packet belongs to which reservation, and which is beyond it: what is in the table of nftables. What that does
//! with it: [`table`](super::table).

use std::collections::{BTreeMap, BTreeSet};

use netlink_sys::protocols::NETLINK_NETFILTER;
use tracing::warn;

use super::flow::Flow;
use super::htb::class_id;
use super::nft::{self, Action};
use super::plan::Bucket;
use super::table::{BUCKETS, EXCESS, LINKS, OUT, TABLE, write_table};
use crate::interface::IfIndex;
use crate::netlink::{ACK, Attributes, Channel, KernelError, Writer, u32_at};
use crate::tc::RHandle;

/// Elements in one message. With at most 80 octets each, they are far from the 64 KiB of an attribute.
const ELEMENTS: usize = 128;
/// Elements in one transaction when a link comes or goes: 80 octets each, and a socket's buffer has room for 200 000.
const FLOWS_AT_ONCE: usize = 1024;
/// Buckets, which have two elements each, of up to 150 octets.
const BUCKETS_AT_ONCE: usize = 512;

/// What belongs to one reservation in the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// What it is for.
    pub(super) flows: BTreeSet<Flow>,
    /// What passes; `None` lets all pass.
    pub(super) bucket: Option<Bucket>,
}

/// Octets and packets beyond a reservation, by its interface and the number of its class.
pub(super) type Excess = BTreeMap<(IfIndex, u16), (u64, u64)>;

/// The table, and who has which flow in it.
#[derive(Debug)]
pub(super) struct Classifier {
    channel: Channel,
    /// Of several reservations with the same filter, the last has the flow.
    owners: BTreeMap<Flow, Vec<(RHandle, u16)>>,
    /// Interfaces that are looked at.
    links: BTreeSet<IfIndex>,
    written: Written,
    /// Whose RSVP in UDP is control traffic.
    users: BTreeSet<u32>,
}

/// What a table is known by that is as it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// What refers to the chain: its rules.
    uses: Option<u32>,
    /// Something could not be removed.
    has_remains: bool,
}

impl Written {
    /// Whether that table is there still, and needs not be written anew. If the kernel does not tell, it is.
    pub(super) fn is_there(self, channel: &mut Channel) -> bool {
        !self.has_remains && !uses(channel).is_ok_and(|uses| uses != self.uses)
    }
}

impl Classifier {
    /// Removes the table that a predecessor left; whether there was one.
    ///
    /// # Errors
    /// What the system or the kernel says.
    pub(super) fn remove_left_over() -> Result<bool, KernelError> {
        remove_table(&mut Channel::open(NETLINK_NETFILTER)?)
    }

    /// Makes the table, which must not be there. What `users` send in UDP can be RSVP.
    ///
    /// # Errors
    /// What the system or the kernel says: then there is none.
    pub(super) fn open(users: BTreeSet<u32>) -> Result<Self, KernelError> {
        let mut channel = Channel::open(NETLINK_NETFILTER)?;
        // No owner, though the kernel would remove the table with it: `nft -j` of Debian 12 dies of such tables.
        channel.send(|out| write_table(out, &users))?;
        let uses = uses(&mut channel)?;
        Ok(Self {
            channel,
            users,
            owners: BTreeMap::new(),
            links: BTreeSet::new(),
            written: Written {
                uses,
                has_remains: false,
            },
        })
    }

    /// What the table is known by.
    pub(super) const fn written(&self) -> Written {
        self.written
    }

    /// Whether the table is as it was written, or else somebody has removed it, or something could not be removed from it.
    pub(super) fn is_whole(&mut self) -> bool {
        self.written.is_there(&mut self.channel)
    }

    /// Something is in it that does not belong there.
    pub(super) const fn note_remains(&mut self) {
        self.written.has_remains = true;
    }

    /// Writes the table anew, empty.
    ///
    /// # Errors
    /// What the kernel says; then it is not whole.
    pub(super) fn rewrite(&mut self) -> Result<(), KernelError> {
        self.owners.clear();
        self.links.clear();
        self.note_remains();
        remove_table(&mut self.channel)?;
        let users = &self.users;
        self.channel.send(|out| write_table(out, users))?;
        self.written = Written {
            uses: uses(&mut self.channel)?,
            has_remains: false,
        };
        Ok(())
    }

    /// Packets that leave by this interface are looked at, which has these reservations: name, number of the class, and what
    /// it is.
    ///
    /// A few requests for thousands of reservations.
    ///
    /// # Errors
    /// What the kernel says; then the table is not whole.
    pub(super) fn add_link(
        &mut self,
        interface: IfIndex,
        reservations: &[(RHandle, u16, &Entry)],
    ) -> Result<(), KernelError> {
        // If it fails half way, nobody knows what is in it.
        let before = core::mem::replace(&mut self.written.has_remains, true);
        let mut flows: BTreeMap<&Flow, u16> = BTreeMap::new();
        for (handle, minor, entry) in reservations {
            for flow in &entry.flows {
                flows.insert(flow, *minor);
                let owners = self.owners.entry(flow.clone()).or_default();
                owners.push((*handle, *minor));
            }
        }
        for some in reservations.chunks(BUCKETS_AT_ONCE) {
            self.channel.send(|out| {
                nft::transaction(out, |out| {
                    let buckets: Vec<_> = some
                        .iter()
                        .map(|(_, minor, entry)| (bucket_key(interface, *minor), entry.bucket))
                        .collect();
                    add_buckets(out, BUCKETS, &buckets);
                    add_buckets(out, EXCESS, &buckets);
                });
            })?;
        }
        let flows: Vec<(&Flow, u16)> = flows.into_iter().collect();
        for some in flows.chunks(FLOWS_AT_ONCE) {
            self.channel.send(|out| {
                nft::transaction(out, |out| add_flows(out, some));
            })?;
        }
        self.link(Action::NewElement, interface)?;
        self.links.insert(interface);
        self.written.has_remains = before;
        Ok(())
    }

    /// They are no longer. All that is reserved there is forgotten: its flows and the numbers of its classes.
    ///
    /// A few requests for thousands of reservations. What cannot be removed makes the table one that is not whole.
    pub(super) fn remove_link<'a>(
        &mut self,
        interface: IfIndex,
        reservations: impl Iterator<Item = (u16, &'a Entry)>,
    ) {
        if !self.links.remove(&interface) {
            return;
        }
        if let Err(error) = self.remove_all(interface, reservations) {
            if !error.is_missing() {
                warn!(%error, %interface, "nftables: not all can be removed");
            }
            self.note_remains();
        }
    }

    fn remove_all<'a>(
        &mut self,
        interface: IfIndex,
        reservations: impl Iterator<Item = (u16, &'a Entry)>,
    ) -> Result<(), KernelError> {
        // A flow is of one interface, so that no other has any of these.
        let mut flows: BTreeSet<&Flow> = BTreeSet::new();
        let mut buckets = Vec::new();
        for (minor, entry) in reservations {
            flows.extend(&entry.flows);
            buckets.push(bucket_key(interface, minor));
        }
        flows.retain(|flow| self.owners.remove(*flow).is_some());
        let flows: Vec<&Flow> = flows.into_iter().collect();
        self.link(Action::DeleteElement, interface)?;
        for flows in flows.chunks(FLOWS_AT_ONCE) {
            self.channel.send(|out| {
                nft::transaction(out, |out| remove_flows(out, flows));
            })?;
        }
        for buckets in buckets.chunks(BUCKETS_AT_ONCE) {
            self.channel.send(|out| {
                nft::transaction(out, |out| {
                    for set in [BUCKETS, EXCESS] {
                        remove_keys(out, set, buckets);
                    }
                });
            })?;
        }
        Ok(())
    }

    /// Gives reservations other buckets, hundreds in a transaction: the number of each one's class, and its bucket.
    ///
    /// # Errors
    /// What the kernel says; some may have changed.
    pub(super) fn change_buckets(
        &mut self,
        interface: IfIndex,
        buckets: &[(u16, Option<Bucket>)],
    ) -> Result<(), KernelError> {
        for some in buckets.chunks(BUCKETS_AT_ONCE) {
            let (keys, buckets): (Vec<_>, Vec<_>) = some
                .iter()
                .map(|(minor, bucket)| {
                    let key = bucket_key(interface, *minor);
                    (key.clone(), (key, *bucket))
                })
                .unzip();
            self.channel.send(|out| {
                nft::transaction(out, |out| {
                    remove_keys(out, BUCKETS, &keys);
                    add_buckets(out, BUCKETS, &buckets);
                });
            })?;
        }
        Ok(())
    }

    /// How often the kernel was asked.
    pub(super) const fn requests(&self) -> u64 {
        self.channel.requests()
    }

    fn link(&mut self, action: Action, interface: IfIndex) -> Result<(), KernelError> {
        self.channel.send(|out| {
            nft::transaction(out, |out| {
                elements(out, action, LINKS, |out| {
                    nft::element(out, &interface.0.to_ne_bytes(), None, None);
                });
            });
        })
    }

    /// Makes the reservation `new` what was `old`, in one transaction.
    ///
    /// # Errors
    /// What the kernel says; then all is as it was.
    pub(super) fn change(
        &mut self,
        (handle, interface, minor): (RHandle, IfIndex, u16),
        old: Option<&Entry>,
        new: Option<&Entry>,
    ) -> Result<(), KernelError> {
        const NONE: &BTreeSet<Flow> = &BTreeSet::new();
        let before = old.map_or(NONE, |entry| &entry.flows);
        let after = new.map_or(NONE, |entry| &entry.flows);
        let gone: Vec<_> = before.difference(after).collect();
        let come: Vec<_> = after.difference(before).collect();
        let key = bucket_key(interface, minor);
        let owners = &self.owners;
        // Who has a flow, and who had it before: whoever had it before gets it back; if another has it, it keeps it.
        let mut leave: Vec<&Flow> = Vec::new();
        let mut enter: Vec<(&Flow, u16)> = Vec::new();
        for flow in &gone {
            if let Some(((last, _), others)) = owners.get(*flow).and_then(|of| of.split_last())
                && *last == handle
            {
                leave.push(flow);
                enter.extend(others.last().map(|(_, minor)| (*flow, *minor)));
            }
        }
        for flow in &come {
            leave.extend(owners.contains_key(*flow).then_some(*flow));
            enter.push((flow, minor));
        }
        self.channel.send(|out| {
            nft::transaction(out, |out| {
                remove_flows(out, &leave);
                if old.map(|entry| entry.bucket) != new.map(|entry| entry.bucket) {
                    if old.is_some() {
                        for set in [BUCKETS, EXCESS] {
                            remove_keys(out, set, core::slice::from_ref(&key));
                        }
                    }
                    if let Some(entry) = new {
                        let bucket = [(key, entry.bucket)];
                        add_buckets(out, BUCKETS, &bucket);
                        add_buckets(out, EXCESS, &bucket);
                    }
                }
                add_flows(out, &enter);
            });
        })?;
        for flow in gone {
            if let Some(owners) = self.owners.get_mut(flow) {
                owners.retain(|(owner, _)| *owner != handle);
                if owners.is_empty() {
                    self.owners.remove(flow);
                }
            }
        }
        for flow in come {
            let owners = self.owners.entry(flow.clone()).or_default();
            owners.push((handle, minor));
        }
        Ok(())
    }

    /// Octets and packets beyond each reservation, by interface and class.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn excess(&mut self) -> Result<Excess, KernelError> {
        let body = |out: &mut Writer| {
            nft::header(out);
            out.text(1, TABLE);
            out.text(2, EXCESS);
        };
        let messages = self
            .channel
            .dump(Action::GetElement.kind(), body, |_, body| {
                let elements = Attributes::behind(body, 4).within(3);
                let counted: Vec<_> = elements
                    .filter_map(|(_, element)| counted(&Attributes::new(element)))
                    .collect();
                Some(counted)
            })?;
        Ok(messages.into_iter().flatten().collect())
    }

    /// Removes the table.
    pub(super) fn close(&mut self) {
        if let Err(error) = remove_table(&mut self.channel) {
            warn!(%error, "nftables: the table cannot be removed");
        }
        self.owners.clear();
        self.links.clear();
    }
}

/// What an element of the set of excess says.
fn counted(element: &Attributes<'_>) -> Option<((IfIndex, u16), (u64, u64))> {
    let key = element.within(1).find(1)?;
    let counter = element.within(7).within(2);
    let number = |kind| {
        let octets = counter.find(kind)?.first_chunk()?;
        Some(u64::from_be_bytes(*octets))
    };
    let minor = u16::try_from(u32_at(key, 4)? & 0xffff).ok()?;
    Some(((IfIndex(u32_at(key, 0)?), minor), (number(1)?, number(2)?)))
}

/// What refers to the chain: its rules; `None` if it or the table is not there.
fn uses(channel: &mut Channel) -> Result<Option<u32>, KernelError> {
    let mut uses = None;
    let asked = channel.exchange(
        |out| {
            out.message(Action::GetChain.kind(), ACK, |out| {
                nft::header(out);
                out.text(1, TABLE);
                out.text(3, OUT);
            });
        },
        |message| {
            let found = Attributes::behind(message.body, 4).find(6);
            let octets = found.and_then(|octets| octets.first_chunk());
            uses = octets.copied().map(u32::from_be_bytes);
        },
    );
    match asked {
        Err(error) if error.is_missing() => Ok(None),
        asked => asked.map(|()| uses),
    }
}

/// Removes the table; none is no error. Whether there was one.
fn remove_table(channel: &mut Channel) -> Result<bool, KernelError> {
    let removed = channel.send(|out| {
        nft::transaction(out, |out| {
            nft::message(out, Action::DeleteTable, |out| out.text(1, TABLE));
        });
    });
    match removed {
        Err(error) if error.is_missing() => Ok(false),
        removed => removed.map(|()| true),
    }
}

fn elements(out: &mut Writer, action: Action, set: &str, body: impl FnOnce(&mut Writer)) {
    nft::message(out, action, |out| {
        out.text(1, TABLE);
        out.text(2, set);
        out.nested(3, body);
    });
}

/// Runs of flows that are of the same map, and few enough for one message.
fn add_flows(out: &mut Writer, flows: &[(&Flow, u16)]) {
    let runs = flows.chunk_by(|(one, _), (other, _)| one.map == other.map);
    for run in runs.flat_map(|run| run.chunks(ELEMENTS)) {
        let map = run.first().map_or("", |(flow, _)| flow.map);
        elements(out, Action::NewElement, map, |out| {
            for (flow, minor) in run {
                let class = class_id(*minor).to_ne_bytes();
                nft::element(out, &flow.key, Some(&class), None);
            }
        });
    }
}

fn remove_flows(out: &mut Writer, flows: &[&Flow]) {
    for run in flows.chunk_by(|one, other| one.map == other.map) {
        let map = run.first().map_or("", |flow| flow.map);
        let keys: Vec<&[u8]> = run.iter().map(|flow| &flow.key[..]).collect();
        remove_keys(out, map, &keys);
    }
}

fn remove_keys(out: &mut Writer, set: &str, keys: &[impl AsRef<[u8]>]) {
    for keys in keys.chunks(ELEMENTS) {
        elements(out, Action::DeleteElement, set, |out| {
            for key in keys {
                nft::element(out, key.as_ref(), None, None);
            }
        });
    }
}

fn bucket_key(interface: IfIndex, minor: u16) -> Vec<u8> {
    [interface.0, class_id(minor)]
        .map(u32::to_ne_bytes)
        .concat()
}

/// Elements with a bucket each, or with a counter if the set is that of excess.
fn add_buckets(out: &mut Writer, set: &str, buckets: &[(Vec<u8>, Option<Bucket>)]) {
    for buckets in buckets.chunks(ELEMENTS) {
        elements(out, Action::NewElement, set, |out| {
            for (key, bucket) in buckets {
                let limit = bucket.map(|bucket| {
                    move |out: &mut Writer| nft::limit(out, bucket.rate, bucket.burst)
                });
                let limit = limit.as_ref().map(|limit| limit as &dyn Fn(&mut Writer));
                let counter: &dyn Fn(&mut Writer) = &nft::counter;
                let expression = if set == EXCESS { Some(counter) } else { limit };
                nft::element(out, key, None, expression);
            }
        });
    }
}
