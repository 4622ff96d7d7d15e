//! The scheduler: qdiscs, classes and their queues. linux/pkt_sched.h, linux/rtnetlink.h.

use std::io;

use netlink_sys::protocols::NETLINK_ROUTE;

use super::TcCounters;
use super::plan::{Class, Terms, to_f64, whole};
use crate::interface::IfIndex;
use crate::netlink::{
    ACK, Attributes, CREATE, Channel, ECHO, EXCL, KernelError, REPLACE, Writer, text, u32_at,
    u64_at,
};

/// `RTM_NEWLINK`, `RTM_GETLINK`
const GET_LINK: u16 = 18;
const NEW_QDISC: u16 = 36;
const DEL_QDISC: u16 = 37;
const GET_QDISC: u16 = 38;
const NEW_CLASS: u16 = 40;
const DEL_CLASS: u16 = 41;
const GET_CLASS: u16 = 42;
const NEW_FILTER: u16 = 44;

/// `TC_H_ROOT`
const ROOT: u32 = u32::MAX;
/// Octets of `struct tcmsg`.
const TCMSG: usize = 20;
/// `TCA_KIND`, `TCA_OPTIONS`, `TCA_STATS2`
const KIND: u16 = 1;
const OPTIONS: u16 = 2;
const STATS2: u16 = 7;
/// `TCA_STATS_BASIC`, `TCA_STATS_QUEUE`, `TCA_STATS_PKT64`
const BASIC: u16 = 1;
const QUEUE: u16 = 3;
const PACKETS_64: u16 = 8;
/// `TCA_HTB_PARMS`, `TCA_HTB_INIT`, `TCA_HTB_RATE64`, `TCA_HTB_CEIL64`
const PARMS: u16 = 1;
const INIT: u16 = 2;
const RATE_64: u16 = 6;
const CEIL_64: u16 = 7;
/// `TCA_U32_CLASSID`, `TCA_U32_SEL`
const CLASS_ID: u16 = 1;
const SELECTOR: u16 = 5;
/// `TC_LINKLAYER_ETHERNET`: the kernel counts the packets' octets, and wants no table of sizes.
const BY_OCTETS: u8 = 1;
/// `ETH_P_ARP`
const ARP: u16 = 0x0806;

/// The handle by which our qdiscs are known, those of a predecessor too: `5250:`, "RP".
pub(super) const HANDLE: u32 = 0x5250_0000;
/// The class of the link.
const LINK_CLASS: u16 = 1;
/// The class of best effort.
pub(super) const BEST_EFFORT: u16 = 2;
/// The class of RSVP itself, and of what it and all else needs to be sent at all.
pub(super) const CONTROL: u16 = 3;
/// The class of what anybody can mark as network control.
pub(super) const NETWORK_CONTROL: u16 = 4;
/// The first class of a reservation.
pub(super) const FIRST: u16 = 0x10;
/// The last. The queue of a class has its number as handle, and the highest handles are the kernel's.
pub(super) const LAST: u16 = 0xffef;

/// The full name of a class.
pub(super) const fn class_id(minor: u16) -> u32 {
    HANDLE | minor as u32
}

/// Whether a class can have this number: its queue, which has it as handle, must be neither the root nor in its way.
///
/// The kernel finds qdiscs by their handles in a table of 16 lists, and walks that of the root at each request; with
/// 4000 queues, a list has 250.
pub(super) const fn is_free_number(minor: u16) -> bool {
    list(handle_of_queue(minor)) != list(HANDLE)
}

/// The handle of a class's queue.
const fn handle_of_queue(minor: u16) -> u32 {
    (minor as u32) << 16
}

/// The handle of a queue that takes the place of the first one of a class that is always there. The kernel's own choice,
/// 8001: and so on, would be in the way of classes with such numbers.
const fn handle_of_fair_queue(minor: u16) -> u32 {
    handle_of_queue(minor + FIRST / 2)
}

/// The list that a handle is in: `hash_32` of linux/hash.h, 4 bits.
const fn list(handle: u32) -> u32 {
    handle.wrapping_mul(0x61c8_8647) >> 28
}

/// A qdisc at the root of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    /// Its interface.
    pub(super) interface: IfIndex,
    /// Its kind.
    pub(super) kind: String,
    /// Its handle; zero for what the kernel put there.
    pub(super) handle: u32,
}

impl Root {
    /// Whether it is ours, or a predecessor's.
    pub(super) fn is_ours(&self) -> bool {
        self.kind == "htb" && self.handle == HANDLE
    }

    /// Whether somebody made it.
    pub(super) const fn is_made(&self) -> bool {
        self.handle != 0
    }
}

/// A class of a reservation: its number, what it is, octets of its queue.
pub(super) type ReservedClass = (u16, Class, u32);

/// Classes in one request: with their queues, some 200 octets each, and a socket's buffer has room for 200 000.
const AT_ONCE: usize = 256;

/// Speaks of qdiscs and classes to the kernel.
#[derive(Debug)]
pub(super) struct Scheduler {
    channel: Channel,
    ticks_per_second: f64,
}

impl Scheduler {
    /// Opens the way to the kernel.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn open() -> io::Result<Self> {
        let psched = std::fs::read_to_string("/proc/net/psched").unwrap_or_default();
        Ok(Self {
            channel: Channel::open(NETLINK_ROUTE)?,
            ticks_per_second: ticks_per_second(&psched).unwrap_or(15_625_000.0),
        })
    }

    /// Removes our qdiscs that a predecessor left; says where.
    ///
    /// # Errors
    /// What the kernel says; what can be removed is.
    pub(super) fn remove_left_over(&mut self) -> Result<Vec<IfIndex>, KernelError> {
        let mut removed = Ok(Vec::new());
        for root in self.roots()? {
            if root.is_ours() {
                let one = self.remove(root.interface);
                removed = removed.and_then(|mut all| {
                    one?;
                    all.push(root.interface);
                    Ok(all)
                });
            }
        }
        removed
    }

    /// How often the kernel was asked.
    pub(super) const fn requests(&self) -> u64 {
        self.channel.requests()
    }

    /// The root qdiscs of all interfaces.
    ///
    /// # Errors
    /// What the kernel says.
    fn roots(&mut self) -> Result<Vec<Root>, KernelError> {
        let body = |out: &mut Writer| tcmsg(out, IfIndex::LOCAL, 0, 0, 0);
        self.channel
            .dump(GET_QDISC, body, |_, body| read_root(body))
    }

    /// The root qdisc of an interface, if it is one that can be seen.
    ///
    /// # Errors
    /// What the kernel says: that there is no such interface, too.
    pub(super) fn root(&mut self, interface: IfIndex) -> Result<Option<Root>, KernelError> {
        root(&mut self.channel, interface)
    }

    /// The kind of the link, as `ARPHRD_*`, and whether it is there.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn link_kind(&mut self, interface: IfIndex) -> Result<u16, KernelError> {
        let mut kind = 0;
        self.channel.exchange(
            |out| {
                out.message(GET_LINK, ACK, |out| {
                    out.octets(&[0; 4]);
                    out.octets(&interface.0.to_ne_bytes());
                    out.octets(&[0; 8]);
                });
            },
            |message| kind = crate::netlink::u16_at(message.body, 2).unwrap_or(0),
        )?;
        Ok(kind)
    }

    /// Puts the qdisc and the classes that are always there at the root of an interface.
    ///
    /// # Errors
    /// What the kernel says; then all is as it was, unless something was replaced.
    pub(super) fn install(
        &mut self,
        interface: IfIndex,
        replace: bool,
        terms: &Terms,
    ) -> Result<(), KernelError> {
        let flags = ACK | CREATE | if replace { REPLACE } else { EXCL };
        self.channel.send(|out| {
            out.message(NEW_QDISC, flags, |out| {
                tcmsg(out, interface, HANDLE, ROOT, 0);
                out.text(KIND, "htb");
                out.nested(OPTIONS, |out| {
                    // Version, rate for quanta that are not given, class of what nobody classifies, debug, a counter.
                    let words = [3, 10, u32::from(BEST_EFFORT), 0, 0];
                    out.attribute(INIT, &words.map(u32::to_ne_bytes).concat());
                });
            });
        })?;
        let ticks = self.ticks_per_second;
        let made = self.channel.send(|out| {
            let flags = ACK | CREATE | EXCL;
            own_classes(out, flags, interface, terms, ticks);
            for (minor, octets) in [
                (BEST_EFFORT, terms.best_effort_queue()),
                (CONTROL, CONTROL_QUEUE),
                (NETWORK_CONTROL, CONTROL_QUEUE),
            ] {
                fifo(out, flags, interface, minor, octets);
            }
        });
        if made.is_err() {
            // What is to be told is why it could not be made.
            drop(self.remove(interface));
            return made;
        }
        // Better, where they are there: queues that do not stand, and in which nobody is in the way of others; and a way
        // for ARP.
        for minor in [BEST_EFFORT, NETWORK_CONTROL] {
            drop(self.channel.send(|out| fair_queue(out, interface, minor)));
        }
        drop(self.channel.send(|out| arp_to_control(out, interface)));
        Ok(())
    }

    /// Changes the classes that are always there; those of reservations stay as they are.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn change(&mut self, interface: IfIndex, terms: &Terms) -> Result<(), KernelError> {
        let ticks = self.ticks_per_second;
        self.channel
            .send(|out| own_classes(out, ACK, interface, terms, ticks))?;
        // Where there is a better queue, it is not of that kind, and needs no length.
        drop(self.channel.send(|out| {
            fifo(out, ACK, interface, BEST_EFFORT, terms.best_effort_queue());
        }));
        Ok(())
    }

    /// Removes the qdisc with all its classes; the kernel puts its own there. What is gone is no error.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn remove(&mut self, interface: IfIndex) -> Result<(), KernelError> {
        unless_gone(self.channel.send(|out| {
            out.message(DEL_QDISC, ACK, |out| tcmsg(out, interface, HANDLE, ROOT, 0));
        }))
    }

    /// Makes a class and its queue.
    ///
    /// # Errors
    /// What the kernel says; then there is none.
    pub(super) fn add_class(
        &mut self,
        interface: IfIndex,
        class: ReservedClass,
    ) -> Result<(), KernelError> {
        let made = self.add_classes(interface, &[class]);
        if made.is_err() {
            // As above.
            drop(self.delete_class(interface, class.0));
        }
        made
    }

    /// Makes classes and their queues, hundreds in a request.
    ///
    /// # Errors
    /// The first that the kernel says; others may be there.
    pub(super) fn add_classes(
        &mut self,
        interface: IfIndex,
        classes: &[ReservedClass],
    ) -> Result<(), KernelError> {
        self.write_classes(CREATE | EXCL, interface, classes)
    }

    /// Changes classes and their queues, hundreds in a request.
    ///
    /// # Errors
    /// The first that the kernel says; others may have changed.
    pub(super) fn change_classes(
        &mut self,
        interface: IfIndex,
        classes: &[ReservedClass],
    ) -> Result<(), KernelError> {
        self.write_classes(0, interface, classes)
    }

    fn write_classes(
        &mut self,
        flags: u16,
        interface: IfIndex,
        classes: &[ReservedClass],
    ) -> Result<(), KernelError> {
        let ticks = self.ticks_per_second;
        for classes in classes.chunks(AT_ONCE) {
            self.channel.send(|out| {
                for (minor, class, queue) in classes {
                    out.message(NEW_CLASS, flags, |out| {
                        class_body(out, interface, (*minor, LINK_CLASS), class, ticks);
                    });
                    fifo(out, flags, interface, *minor, *queue);
                }
                // What is wrong with one before is told unasked.
                out.acknowledge_last();
            })?;
        }
        Ok(())
    }

    /// Removes a class and its queue. One that is gone is no error.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn delete_class(
        &mut self,
        interface: IfIndex,
        minor: u16,
    ) -> Result<(), KernelError> {
        unless_gone(self.channel.send(|out| {
            out.message(DEL_CLASS, ACK, |out| {
                tcmsg(out, interface, class_id(minor), 0, 0);
            });
        }))
    }

    /// What the classes of an interface have counted.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn counters(
        &mut self,
        interface: IfIndex,
    ) -> Result<Vec<(u16, TcCounters)>, KernelError> {
        let body = |out: &mut Writer| tcmsg(out, interface, 0, 0, 0);
        self.channel.dump(GET_CLASS, body, |_, body| {
            let handle = u32_at(body, 8).filter(|handle| handle & 0xffff_0000 == HANDLE)?;
            let minor = u16::try_from(handle & 0xffff).ok()?;
            Some((minor, counters(&Attributes::behind(body, TCMSG))))
        })
    }
}

/// The root qdisc of an interface, if it is one that can be seen.
///
/// # Errors
/// What the kernel says: that there is no such interface, too.
pub(super) fn root(channel: &mut Channel, interface: IfIndex) -> Result<Option<Root>, KernelError> {
    let mut root = None;
    channel.exchange(
        |out| {
            out.message(GET_QDISC, ACK | ECHO, |out| {
                tcmsg(out, interface, 0, ROOT, 0);
            });
        },
        |message| root = read_root(message.body),
    )?;
    Ok(root)
}

fn read_root(body: &[u8]) -> Option<Root> {
    if u32_at(body, 12) != Some(ROOT) {
        return None;
    }
    let kind = Attributes::behind(body, TCMSG).find(KIND);
    Some(Root {
        interface: IfIndex(u32_at(body, 4)?),
        kind: kind.map(text).unwrap_or_default(),
        handle: u32_at(body, 8)?,
    })
}

/// What is gone need not be removed.
fn unless_gone(removed: Result<(), KernelError>) -> Result<(), KernelError> {
    match removed {
        Err(error) if error.is_missing() => Ok(()),
        removed => removed,
    }
}

/// Octets of a queue of control traffic.
const CONTROL_QUEUE: u32 = 65_536;

/// The classes that are always there.
fn own_classes(out: &mut Writer, flags: u16, interface: IfIndex, terms: &Terms, ticks: f64) {
    for (minor, parent, class) in [
        (LINK_CLASS, ROOT_OF_CLASSES, terms.root()),
        (BEST_EFFORT, LINK_CLASS, terms.best_effort()),
        (CONTROL, LINK_CLASS, terms.control()),
        (NETWORK_CONTROL, LINK_CLASS, terms.network_control()),
    ] {
        out.message(NEW_CLASS, flags, |out| {
            class_body(out, interface, (minor, parent), &class, ticks);
        });
    }
}

/// The parent of the link's class: the qdisc itself.
const ROOT_OF_CLASSES: u16 = 0;

fn tcmsg(out: &mut Writer, interface: IfIndex, handle: u32, parent: u32, info: u32) {
    out.octets(&[0; 4]);
    for word in [interface.0, handle, parent, info] {
        out.octets(&word.to_ne_bytes());
    }
}

/// A class and its parent, below the root.
fn class_body(
    out: &mut Writer,
    interface: IfIndex,
    (minor, parent): (u16, u16),
    class: &Class,
    ticks_per_second: f64,
) {
    tcmsg(out, interface, class_id(minor), class_id(parent), 0);
    out.text(KIND, "htb");
    let ticks = |octets: u64, rate: u64| {
        let ticks = to_f64(octets) / to_f64(rate.max(1)) * ticks_per_second;
        u32::try_from(whole(ticks.ceil())).unwrap_or(u32::MAX)
    };
    out.nested(OPTIONS, |out| {
        let mut options = Vec::with_capacity(44);
        for rate in [class.rate, class.ceil] {
            // Cell size, link layer, overhead, alignment, least packet, then the rate.
            options.extend_from_slice(&[0, BY_OCTETS, 0, 0, 0, 0, 0, 0]);
            let rate = u32::try_from(rate.max(1)).unwrap_or(u32::MAX);
            options.extend_from_slice(&rate.to_ne_bytes());
        }
        let words = [
            ticks(class.burst, class.rate),
            ticks(class.ceil_burst, class.ceil),
            class.quantum,
            0,
            class.priority,
        ];
        options.extend_from_slice(&words.map(u32::to_ne_bytes).concat());
        out.attribute(PARMS, &options);
        for (kind, rate) in [(RATE_64, class.rate), (CEIL_64, class.ceil)] {
            if rate > u64::from(u32::MAX) {
                out.attribute(kind, &rate.to_ne_bytes());
            }
        }
    });
}

/// The queue of a class.
fn fifo(out: &mut Writer, flags: u16, interface: IfIndex, minor: u16, octets: u32) {
    out.message(NEW_QDISC, flags, |out| {
        tcmsg(out, interface, handle_of_queue(minor), class_id(minor), 0);
        out.text(KIND, "bfifo");
        out.word(OPTIONS, octets);
    });
}

/// A queue of a class that is always there, in which nobody is in the way of others, instead of its first one.
fn fair_queue(out: &mut Writer, interface: IfIndex, minor: u16) {
    out.message(NEW_QDISC, ACK | CREATE | REPLACE, |out| {
        tcmsg(
            out,
            interface,
            handle_of_fair_queue(minor),
            class_id(minor),
            0,
        );
        out.text(KIND, "fq_codel");
    });
}

/// Without neighbours' addresses nothing leaves: ARP, which nftables does not see here, goes with control traffic.
fn arp_to_control(out: &mut Writer, interface: IfIndex) {
    out.message(NEW_FILTER, ACK | CREATE | EXCL, |out| {
        let info = (1 << 16) | u32::from(ARP.to_be());
        tcmsg(out, interface, 0, HANDLE, info);
        out.text(KIND, "u32");
        out.nested(OPTIONS, |out| {
            out.word(CLASS_ID, class_id(CONTROL));
            // Terminal, and one key that any packet has.
            let mut selector = [0; 32];
            selector[0] = 1;
            selector[2] = 1;
            out.attribute(SELECTOR, &selector);
        });
    });
}

fn counters(attributes: &Attributes<'_>) -> TcCounters {
    let stats = attributes.within(STATS2);
    let basic = stats.find(BASIC).unwrap_or_default();
    let queue = stats.find(QUEUE).unwrap_or_default();
    let queue = |at| u32_at(queue, at).unwrap_or(0);
    let packets = stats.find(PACKETS_64).and_then(|octets| u64_at(octets, 0));
    TcCounters {
        octets: u64_at(basic, 0).unwrap_or(0),
        packets: packets.unwrap_or_else(|| u32_at(basic, 8).unwrap_or(0).into()),
        queued: queue(4),
        drops: queue(8),
        overlimits: queue(16),
        ..TcCounters::default()
    }
}

/// The clock of the scheduler, from /proc/net/psched: ticks per microsecond as a fraction, then units per second.
fn ticks_per_second(psched: &str) -> Option<f64> {
    let mut words = psched
        .split_whitespace()
        .map(|word| u32::from_str_radix(word, 16).map(f64::from));
    let (per_tick, ticks, resolution) = (
        words.next()?.ok()?,
        words.next()?.ok()?,
        words.next()?.ok()?,
    );
    (ticks > 0.0 && resolution > 0.0).then(|| per_tick / ticks * resolution)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A tick is 64 ns on the kernels of today: 1000/64 in a microsecond.
    #[test]
    fn ticks_are_read() {
        let told = "000003e8 00000040 000f4240 3b9aca00\n";
        assert_eq!(ticks_per_second(told), Some(15_625_000.0));
        assert_eq!(ticks_per_second("000003e8 0 0"), None);
        assert_eq!(ticks_per_second(""), None);
    }

    #[test]
    fn queues_are_not_in_the_way_of_the_root() {
        assert!(!is_free_number(0x5250));
        assert!((FIRST..=LAST).contains(&0x5250));
        let free = (FIRST..=LAST).filter(|minor| is_free_number(*minor));
        assert!(free.count() >= 61_000);
        assert_eq!(class_id(0x10), 0x5250_0010);
    }

    /// Every class can have its queue, whichever others there are.
    #[test]
    fn no_two_queues_have_one_handle() {
        let own = [BEST_EFFORT, CONTROL, NETWORK_CONTROL].map(handle_of_queue);
        let reserved = (FIRST..=LAST).map(handle_of_queue);
        let mut all: BTreeSet<u32> = reserved.chain(own).collect();
        for minor in [BEST_EFFORT, NETWORK_CONTROL] {
            let mut out = Writer::default();
            fair_queue(&mut out, IfIndex(2), minor);
            let (octets, _) = out.finish();
            // Behind the header of netlink, and the interface.
            let handle = u32_at(&octets, 16 + 8).unwrap();
            assert!(handle != 0 && handle & 0xffff == 0, "{handle:x}");
            assert!(all.insert(handle), "{handle:x}");
            assert_ne!(list(handle), list(HANDLE));
        }
    }
}
