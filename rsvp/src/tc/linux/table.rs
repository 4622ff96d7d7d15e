//! The table of nftables: its sets, maps and rules.
//!
//! ```text
//! table inet fairway_rsvp
//!   set links      interfaces with our scheduler
//!   map v4_flows … flow → class, one for each form of filter
//!   set buckets    (interface, class), each with a token bucket
//!   set excess     (interface, class), each with a counter
//!   chain out, behind routing
//!     to another interface?          no business of ours
//!     RSVP, neighbour discovery?     priority = class of control traffic
//!     OSPF?                          priority = class of network control
//!     in v4_flows?                   priority = class; go to police      (one rule for each map)
//!     CS6, CS7?                      priority = class of network control
//!   chain police
//!     in buckets, and lets it pass?  done
//!     in excess, and counted         priority = class of best effort
//! ```
//!
//! HTB takes a packet's priority for the name of its class.

use std::collections::BTreeSet;

use super::flow::{FORMS, Form, Part};
use super::htb::{BEST_EFFORT, CONTROL, NETWORK_CONTROL, class_id};
use super::nft::{self, Action, Base, Meta, Register, Rule, Set, Verdict};
use crate::netlink::Writer;

/// The name by which our table is known, a predecessor's too.
pub(super) const TABLE: &str = "fairway_rsvp";
/// The chain that packets pass.
pub(super) const OUT: &str = "out";
/// The chain of those that have a reservation.
const POLICE: &str = "police";
/// The set of interfaces with our scheduler.
pub(super) const LINKS: &str = "links";
/// The sets of what reservations have: token buckets, and counters of what is beyond them.
pub(super) const BUCKETS: &str = "buckets";
/// See [`BUCKETS`].
pub(super) const EXCESS: &str = "excess";

/// Behind translation of addresses (100): what it sees is what leaves.
const HOOK_PRIORITY: i32 = 150;
/// `NF_INET_POST_ROUTING`
const POST_ROUTING: u32 = 4;
/// `nft`'s types, so that it prints keys as what they are.
const TYPE_IPV4: u32 = 7;
const TYPE_IPV6: u32 = 8;
const TYPE_PROTOCOL: u32 = 12;
const TYPE_SERVICE: u32 = 13;
const TYPE_MARK: u32 = 19;
const TYPE_INTERFACE: u32 = 20;
const TYPE_CLASS: u32 = 23;

/// The table, empty. What these users send in UDP is RSVP, if it goes to its ports.
pub(super) fn write_table(out: &mut Writer, users: &BTreeSet<u32>) {
    nft::transaction(out, |out| {
        nft::message(out, Action::NewTable, |out| {
            out.text(1, TABLE);
            out.net_word(2, 0);
        });
        let mut id = 0;
        let mut set = |out: &mut Writer, name, types: &[u32], key_octets, data| {
            id += 1;
            Set {
                table: TABLE,
                name,
                id,
                types,
                key_octets,
                data,
            }
            .write(out);
        };
        set(out, LINKS, &[TYPE_INTERFACE], 4, None);
        for form in &FORMS {
            let types: Vec<u32> = form.parts.iter().map(|part| kind(*part, form)).collect();
            let octets = form.parts.iter().map(|part| octets(*part, form)).sum();
            set(out, form.name, &types, octets, Some((TYPE_CLASS, 4)));
        }
        for name in [BUCKETS, EXCESS] {
            set(out, name, &[TYPE_INTERFACE, TYPE_CLASS], 8, None);
        }
        nft::message(out, Action::NewChain, |out| {
            out.text(1, TABLE);
            out.text(3, POLICE);
        });
        nft::message(out, Action::NewChain, |out| {
            out.text(1, TABLE);
            out.text(3, OUT);
            out.nested(4, |out| {
                out.net_word(1, POST_ROUTING);
                out.attribute(2, &HOOK_PRIORITY.to_be_bytes());
            });
            out.text(7, "filter");
        });
        write_out(out, users);
        write_police(out);
    });
}

fn write_out(out: &mut Writer, users: &BTreeSet<u32>) {
    const KEY: Register = Register::FIRST;
    nft::rule(out, TABLE, OUT, |rule| {
        rule.load(Meta::OutInterface, KEY)
            .is_not_in(LINKS, KEY)
            .verdict(Verdict::Accept);
    });
    write_control(out, users);
    for form in &FORMS {
        nft::rule(out, TABLE, OUT, |rule| {
            rule.load(Meta::Family, KEY).is(KEY, &[family(form.v6)]);
            let mut register = KEY;
            for part in form.parts {
                load(rule, *part, form, register);
                register.0 += octets(*part, form) / 4;
            }
            rule.look_up(form.name, KEY, Some(KEY))
                .store(Meta::Priority, KEY)
                .verdict(Verdict::GoTo(POLICE));
        });
    }
    // CS6 and CS7 (RFC 2474 §4.2.2.2): six bits behind the version and length of IPv4, behind the version of IPv6. Anybody can
    // mark data so.
    to_class(out, NETWORK_CONTROL, |rule| {
        rule.load(Meta::Family, KEY)
            .is(KEY, &[family(false)])
            .payload(Base::Network, 1, 1, KEY)
            .mask(KEY, &[0xdc])
            .is(KEY, &[0xc0]);
    });
    to_class(out, NETWORK_CONTROL, |rule| {
        rule.load(Meta::Family, KEY)
            .is(KEY, &[family(true)])
            .payload(Base::Network, 0, 2, KEY)
            .mask(KEY, &[0x0d, 0xc0])
            .is(KEY, &[0x0c, 0x00]);
    });
}

/// What no reservation takes: RSVP, and the neighbour discovery that nothing leaves without. Who sends it has rights that
/// not everybody has.
fn write_control(out: &mut Writer, users: &BTreeSet<u32>) {
    const KEY: Register = Register::FIRST;
    to_class(out, CONTROL, |rule| {
        rule.load(Meta::Protocol, KEY).is(KEY, &[RSVP]);
    });
    to_class(out, CONTROL, |rule| {
        rule.load(Meta::Protocol, KEY)
            .is(KEY, &[ICMPV6])
            .payload(Base::Transport, 0, 1, KEY)
            .is_within(KEY, NEIGHBOUR_DISCOVERY);
    });
    // In UDP, RSVP is what these users send.
    for user in users {
        to_class(out, CONTROL, |rule| {
            rule.load(Meta::Protocol, KEY)
                .is(KEY, &[UDP])
                .payload(Base::Transport, 2, 2, KEY)
                .is_within(KEY, ENCAPSULATION.map(u16::to_be_bytes))
                .load(Meta::SocketUser, KEY)
                .is(KEY, &user.to_ne_bytes());
        });
    }
    to_class(out, NETWORK_CONTROL, |rule| {
        rule.load(Meta::Protocol, KEY).is(KEY, &[OSPF]);
    });
}

/// What `matches` is of this class, whatever else it is.
fn to_class(out: &mut Writer, minor: u16, matches: impl FnOnce(&mut Rule<'_>)) {
    nft::rule(out, TABLE, OUT, |rule| {
        matches(rule);
        rule.set(Register::FIRST, &class_id(minor).to_ne_bytes())
            .store(Meta::Priority, Register::FIRST)
            .verdict(Verdict::Accept);
    });
}

const UDP: u8 = 17;
const RSVP: u8 = 46;
const ICMPV6: u8 = 58;
const OSPF: u8 = 89;
/// From router solicitation to redirect: RFC 4861 §4.
const NEIGHBOUR_DISCOVERY: [[u8; 1]; 2] = [[133], [137]];
/// *Pu* and *Pu'*: RFC 2205 appendix C.
const ENCAPSULATION: [u16; 2] = [1698, 1699];

fn write_police(out: &mut Writer) {
    let key = |rule: &mut Rule<'_>| {
        rule.load(Meta::OutInterface, Register::FIRST)
            .load(Meta::Priority, Register::SECOND);
    };
    nft::rule(out, TABLE, POLICE, |rule| {
        key(rule);
        rule.look_up(BUCKETS, Register::FIRST, None)
            .verdict(Verdict::Accept);
    });
    nft::rule(out, TABLE, POLICE, |rule| {
        key(rule);
        rule.look_up(EXCESS, Register::FIRST, None)
            .set(Register::FIRST, &class_id(BEST_EFFORT).to_ne_bytes())
            .store(Meta::Priority, Register::FIRST)
            .verdict(Verdict::Accept);
    });
}

/// `NFPROTO_IPV4`, `NFPROTO_IPV6`
const fn family(v6: bool) -> u8 {
    if v6 { 10 } else { 2 }
}

/// Loads a part of a key.
fn load(rule: &mut Rule<'_>, part: Part, form: &Form, to: Register) {
    match part {
        Part::Interface => rule.load(Meta::OutInterface, to),
        Part::Protocol => rule.load(Meta::Protocol, to),
        Part::Destination if form.v6 => rule.payload(Base::Network, 24, 16, to),
        Part::Destination => rule.payload(Base::Network, 16, 4, to),
        Part::Source if form.v6 => rule.payload(Base::Network, 8, 16, to),
        Part::Source => rule.payload(Base::Network, 12, 4, to),
        Part::Ports => rule.payload(Base::Transport, 0, 4, to),
        Part::DestinationPort => rule.payload(Base::Transport, 2, 2, to),
        Part::FlowLabel => rule
            .payload(Base::Network, 0, 4, to)
            .mask(to, &[0, 0x0f, 0xff, 0xff]),
    };
}

/// Octets of a part in a key.
const fn octets(part: Part, form: &Form) -> u32 {
    match part {
        Part::Destination | Part::Source if form.v6 => 16,
        Part::Destination
        | Part::Source
        | Part::Interface
        | Part::Protocol
        | Part::Ports
        | Part::DestinationPort
        | Part::FlowLabel => 4,
    }
}

/// `nft`'s type of a part.
const fn kind(part: Part, form: &Form) -> u32 {
    match part {
        Part::Interface => TYPE_INTERFACE,
        Part::Destination | Part::Source if form.v6 => TYPE_IPV6,
        Part::Destination | Part::Source => TYPE_IPV4,
        Part::Protocol => TYPE_PROTOCOL,
        Part::DestinationPort => TYPE_SERVICE,
        // Both ports in one word, since `nft` has room for five types.
        Part::Ports | Part::FlowLabel => TYPE_MARK,
    }
}
