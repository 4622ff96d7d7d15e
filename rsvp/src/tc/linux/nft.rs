//! Messages of nftables: tables, sets, rules, elements. linux/netfilter/nf_tables.h.

use crate::netlink::{CREATE, Writer};

/// `NFNL_MSG_BATCH_BEGIN`, `NFNL_MSG_BATCH_END`
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
/// `NFNL_SUBSYS_NFTABLES`
const SUBSYSTEM: u16 = 10;
/// `NFPROTO_INET`: IPv4 and IPv6.
const INET: u8 = 1;
/// `NFTA_LIST_ELEM`
const LIST_ELEMENT: u16 = 1;
/// The attribute of a map's or set's element key, and of its data.
const ELEMENT_KEY: u16 = 1;
const ELEMENT_DATA: u16 = 2;
const ELEMENT_EXPRESSION: u16 = 7;

/// A message of nftables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    NewTable = 0,
    DeleteTable = 2,
    NewChain = 3,
    GetChain = 4,
    NewRule = 6,
    NewSet = 9,
    NewElement = 12,
    GetElement = 13,
    DeleteElement = 14,
}

impl Action {
    /// The type of its messages.
    pub(super) const fn kind(self) -> u16 {
        SUBSYSTEM << 8 | self as u16
    }
}

/// A register of 32 bits. Longer values take those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Register(pub(super) u32);

impl Register {
    /// The first, as keys begin there.
    pub(super) const FIRST: Self = Self(8);
    /// The second.
    pub(super) const SECOND: Self = Self(9);
}

/// A verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No other rule of ours is asked.
    Accept,
    /// The rules of this chain, and then no other.
    GoTo(&'static str),
}

/// What a packet, or what is known of it, is loaded from or stored to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meta {
    Priority = 2,
    OutInterface = 5,
    /// The user whose socket sends it; what is passed on has none.
    SocketUser = 10,
    Family = 15,
    Protocol = 16,
}

/// Which header an offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Network = 1,
    Transport = 2,
}

/// A transaction: all of it, or nothing.
///
/// Only its last message asks to be answered: answers wait in the socket while the kernel works, and there is not room for
/// one to each of hundreds.
pub(super) fn transaction(out: &mut Writer, messages: impl FnOnce(&mut Writer)) {
    let edge = [0, 0, 0, 10];
    out.message(BATCH_BEGIN, 0, |out| out.octets(&edge));
    messages(out);
    // Not the end itself, which kernels before 6.10 do not answer.
    out.acknowledge_last();
    out.message(BATCH_END, 0, |out| out.octets(&edge));
}

/// A message in a transaction.
pub(super) fn message(out: &mut Writer, action: Action, body: impl FnOnce(&mut Writer)) {
    let flags = match action {
        Action::NewRule => CREATE | APPEND,
        Action::NewTable | Action::NewChain | Action::NewSet | Action::NewElement => CREATE,
        Action::DeleteTable | Action::DeleteElement | Action::GetElement | Action::GetChain => 0,
    };
    out.message(action.kind(), flags, |out| {
        header(out);
        body(out);
    });
}

/// `NLM_F_APPEND`: rules come behind those that are there.
const APPEND: u16 = 0x800;

/// The header that each has: family, version, subsystem's number.
pub(super) fn header(out: &mut Writer) {
    out.octets(&[INET, 0, 0, 0]);
}

/// A set, or, with octets of data, a map. `types` are those by which `nft` prints the parts of a key.
pub(super) struct Set<'a> {
    pub(super) table: &'a str,
    pub(super) name: &'a str,
    pub(super) id: u32,
    pub(super) types: &'a [u32],
    pub(super) key_octets: u32,
    /// Type by which `nft` prints the data, and its octets.
    pub(super) data: Option<(u32, u32)>,
}

impl Set<'_> {
    /// Makes it.
    pub(super) fn write(&self, out: &mut Writer) {
        message(out, Action::NewSet, |out| {
            out.text(1, self.table);
            out.text(2, self.name);
            // NFT_SET_MAP
            out.net_word(3, if self.data.is_some() { 8 } else { 0 });
            // A type takes six bits; what is too long is printed wrong, and works.
            let kind = self.types.iter().fold(0u32, |all, one| all << 6 | one);
            out.net_word(4, kind);
            out.net_word(5, self.key_octets);
            if let Some((kind, octets)) = self.data {
                out.net_word(6, kind);
                out.net_word(7, octets);
            }
            out.net_word(10, self.id);
            // For `nft`: keys and data that are one number have the machine's order (1).
            let order = 1u32.to_ne_bytes();
            let user_data = [[0, 4], [1, 4]].map(|which| [&which[..], &order].concat());
            out.attribute(13, &user_data.concat());
        });
    }
}

/// An element of a set: its key, its data, and an expression of its own.
pub(super) fn element(
    out: &mut Writer,
    key: &[u8],
    data: Option<&[u8]>,
    expression: Option<&dyn Fn(&mut Writer)>,
) {
    out.nested(LIST_ELEMENT, |out| {
        out.nested(ELEMENT_KEY, |out| out.attribute(1, key));
        if let Some(data) = data {
            out.nested(ELEMENT_DATA, |out| out.attribute(1, data));
        }
        if let Some(expression) = expression {
            out.nested(ELEMENT_EXPRESSION, expression);
        }
    });
}

/// A rule at the end of a chain.
pub(super) fn rule(out: &mut Writer, table: &str, chain: &str, body: impl FnOnce(&mut Rule<'_>)) {
    message(out, Action::NewRule, |out| {
        out.text(1, table);
        out.text(2, chain);
        out.nested(4, |out| body(&mut Rule(out)));
    });
}

/// The expressions of a rule, in order. The first that does not match ends it.
pub(super) struct Rule<'a>(&'a mut Writer);

impl Rule<'_> {
    fn expression(&mut self, name: &str, body: impl FnOnce(&mut Writer)) -> &mut Self {
        self.0
            .nested(LIST_ELEMENT, |out| expression(out, name, body));
        self
    }

    /// Loads what is known of the packet.
    pub(super) fn load(&mut self, meta: Meta, to: Register) -> &mut Self {
        self.expression("meta", |out| {
            out.net_word(1, to.0);
            out.net_word(2, meta as u32);
        })
    }

    /// Stores what is known of the packet.
    pub(super) fn store(&mut self, meta: Meta, from: Register) -> &mut Self {
        self.expression("meta", |out| {
            out.net_word(2, meta as u32);
            out.net_word(3, from.0);
        })
    }

    /// Loads octets of the packet; what has no such header does not match.
    pub(super) fn payload(
        &mut self,
        base: Base,
        offset: u32,
        octets: u32,
        to: Register,
    ) -> &mut Self {
        self.expression("payload", |out| {
            out.net_word(1, to.0);
            out.net_word(2, base as u32);
            out.net_word(3, offset);
            out.net_word(4, octets);
        })
    }

    /// Keeps these bits.
    pub(super) fn mask(&mut self, register: Register, mask: &[u8]) -> &mut Self {
        self.expression("bitwise", |out| {
            out.net_word(1, register.0);
            out.net_word(2, register.0);
            let octets = u32::try_from(mask.len()).unwrap_or(u32::MAX);
            out.net_word(3, octets);
            out.nested(4, |out| out.attribute(1, mask));
            out.nested(5, |out| out.attribute(1, &vec![0; mask.len()]));
        })
    }

    /// Matches if the register is that.
    pub(super) fn is(&mut self, register: Register, value: &[u8]) -> &mut Self {
        self.compare(register, 0, value)
    }

    /// Matches if the register is one of those, or between them, as octets in network order are.
    pub(super) fn is_within<const N: usize>(
        &mut self,
        register: Register,
        [first, last]: [[u8; N]; 2],
    ) -> &mut Self {
        // NFT_CMP_GTE, NFT_CMP_LTE
        self.compare(register, 5, &first)
            .compare(register, 3, &last)
    }

    fn compare(&mut self, register: Register, operation: u32, value: &[u8]) -> &mut Self {
        self.expression("cmp", |out| {
            out.net_word(1, register.0);
            out.net_word(2, operation);
            out.nested(3, |out| out.attribute(1, value));
        })
    }

    /// Matches if the key that begins there is in the set, whose element's expression matches; loads its data.
    pub(super) fn look_up(&mut self, set: &str, key: Register, to: Option<Register>) -> &mut Self {
        self.expression("lookup", |out| {
            out.text(1, set);
            out.net_word(2, key.0);
            if let Some(to) = to {
                out.net_word(3, to.0);
            }
        })
    }

    /// Matches if the key is not in the set.
    pub(super) fn is_not_in(&mut self, set: &str, key: Register) -> &mut Self {
        self.expression("lookup", |out| {
            out.text(1, set);
            out.net_word(2, key.0);
            out.net_word(5, 1);
        })
    }

    /// Loads a value.
    pub(super) fn set(&mut self, register: Register, value: &[u8]) -> &mut Self {
        self.expression("immediate", |out| {
            out.net_word(1, register.0);
            out.nested(2, |out| out.attribute(1, value));
        })
    }

    /// Ends the rule.
    pub(super) fn verdict(&mut self, verdict: Verdict) {
        self.expression("immediate", |out| {
            out.net_word(1, 0);
            out.nested(2, |out| {
                out.nested(2, |out| match verdict {
                    Verdict::Accept => out.net_word(1, 1),
                    Verdict::GoTo(chain) => {
                        // NFT_GOTO: −4
                        out.attribute(1, &(-4i32).to_be_bytes());
                        out.text(2, chain);
                    }
                });
            });
        });
    }
}

/// A name and what belongs to it.
fn expression(out: &mut Writer, name: &str, body: impl FnOnce(&mut Writer)) {
    out.text(1, name);
    out.nested(2, body);
}

/// A token bucket: lets so much pass, and no more.
pub(super) fn limit(out: &mut Writer, rate: u64, burst: u32) {
    expression(out, "limit", |out| {
        out.net_long(1, rate);
        // Per second; octets.
        out.net_long(2, 1);
        out.net_word(3, burst);
        out.net_word(4, 1);
        out.net_word(5, 0);
    });
}

/// Counts octets and packets.
pub(super) fn counter(out: &mut Writer) {
    expression(out, "counter", |out| {
        out.net_long(1, 0);
        out.net_long(2, 0);
    });
}
