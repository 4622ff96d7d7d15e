//! MESSAGE_ID, MESSAGE_ID_ACK, MESSAGE_ID_LIST: RFC 2961 §4.1–4.3, §5.1.

use core::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::session::put_address;
use super::{CType, ClassNum, Content, Object, ObjectError, Reader};

/// A number that its generator draws when it starts: 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(u32);

impl Epoch {
    /// The low 24 bits of `number`.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number & 0x00ff_ffff)
    }

    /// The number, below 2²⁴.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// The number of a message within an epoch of its generator. It wraps, so it has no total order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(pub u32);

impl Id {
    /// RFC 2961 §4.1: whether this identifier was given out before `other`, across the wrap.
    #[must_use]
    pub const fn is_older(self, other: Self) -> bool {
        other.0.wrapping_sub(self.0).cast_signed() > 0
    }

    /// The identifier of the message after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// How this compares with `other`: `None` if they are half of the numbers apart, where neither is older.
    #[must_use]
    pub fn compare(self, other: Self) -> Option<Ordering> {
        if self == other {
            Some(Ordering::Equal)
        } else if self.is_older(other) {
            Some(Ordering::Less)
        } else if other.is_older(self) {
            Some(Ordering::Greater)
        } else {
            None
        }
    }
}

/// Names a message, and so the state it made.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Flags     |                     Epoch                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Message_Identifier                       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageId {
    /// Flag 0x01: the receiver answers with a MESSAGE_ID_ACK.
    pub ack_desired: bool,
    /// The generator's epoch.
    pub epoch: Epoch,
    /// The message.
    pub id: Id,
}

impl MessageId {
    const ACK_DESIRED: u8 = 0x01;
}

/// Flags and epoch, which begin every object of this file.
fn flags_and_epoch(reader: &mut Reader<'_>) -> Option<(u8, Epoch)> {
    let word = reader.u32()?;
    let [flags, ..] = word.to_be_bytes();
    Some((flags, Epoch::new(word)))
}

fn put_flags_and_epoch(flags: u8, epoch: Epoch, out: &mut Vec<u8>) {
    out.extend_from_slice(&(u32::from(flags) << 24 | epoch.0).to_be_bytes());
}

impl Object for MessageId {
    const CLASS: ClassNum = ClassNum::MESSAGE_ID;

    fn c_type(&self) -> CType {
        CType(1)
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        if c_type != CType(1) {
            return Err(ObjectError::CType);
        }
        let mut reader = Reader::new(body.octets());
        let mut fields = || {
            let (flags, epoch) = flags_and_epoch(&mut reader)?;
            let id = Id(reader.u32()?);
            reader.done(Self {
                ack_desired: flags & Self::ACK_DESIRED != 0,
                epoch,
                id,
            })
        };
        fields().ok_or(ObjectError::Size)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        put_flags_and_epoch(
            if self.ack_desired {
                Self::ACK_DESIRED
            } else {
                0
            },
            self.epoch,
            out,
        );
        out.extend_from_slice(&self.id.0.to_be_bytes());
    }
}

/// Which of the two forms a MESSAGE_ID_ACK has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckKind {
    /// C-Type 1: the message arrived.
    Ack,
    /// C-Type 2, MESSAGE_ID_NACK: no state has this identifier.
    Nack,
}

/// Answers a [`MessageId`], or an entry of a [`MessageIdList`].
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Flags: 0    |                     Epoch                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Message_Identifier                       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageIdAck {
    /// Arrived, or not known.
    pub kind: AckKind,
    /// The epoch that came with the identifier.
    pub epoch: Epoch,
    /// The identifier.
    pub id: Id,
}

impl Object for MessageIdAck {
    const CLASS: ClassNum = ClassNum::MESSAGE_ID_ACK;

    fn c_type(&self) -> CType {
        match self.kind {
            AckKind::Ack => CType(1),
            AckKind::Nack => CType(2),
        }
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        let kind = match c_type {
            CType(1) => AckKind::Ack,
            CType(2) => AckKind::Nack,
            _ => return Err(ObjectError::CType),
        };
        let mut reader = Reader::new(body.octets());
        let mut fields = || {
            let (_flags, epoch) = flags_and_epoch(&mut reader)?;
            let id = Id(reader.u32()?);
            reader.done(Self { kind, epoch, id })
        };
        fields().ok_or(ObjectError::Size)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        put_flags_and_epoch(0, self.epoch, out);
        out.extend_from_slice(&self.id.0.to_be_bytes());
    }
}

/// An identifier whose generator is not the sender of the list: C-Types 2 and 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SrcId<A> {
    /// The message.
    pub id: Id,
    /// The source address of the session's data.
    pub source: A,
}

/// An identifier of a multicast session: C-Types 4 and 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct McastId<A> {
    /// The message.
    pub id: Id,
    /// The source address of the session's data.
    pub source: A,
    /// The group it goes to.
    pub group: A,
}

/// The entries of a [`MessageIdList`], of one form each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IdEntries {
    /// C-Type 1: MESSAGE_ID LIST.
    Ids(Vec<Id>),
    /// C-Type 2: IPv4 MESSAGE_ID SRC_LIST.
    SrcV4(Vec<SrcId<Ipv4Addr>>),
    /// C-Type 3: IPv6 MESSAGE_ID SRC_LIST.
    SrcV6(Vec<SrcId<Ipv6Addr>>),
    /// C-Type 4: IPv4 MESSAGE_ID MCAST_LIST.
    McastV4(Vec<McastId<Ipv4Addr>>),
    /// C-Type 5: IPv6 MESSAGE_ID MCAST_LIST.
    McastV6(Vec<McastId<Ipv6Addr>>),
}

/// Identifiers of messages whose state is refreshed by their names alone.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Flags: 0    |                     Epoch                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Message_Identifier                       | ┐
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+ │
/// |      Source Address (C-Types 2, 4: IPv4; 3, 5: IPv6)          | │ repeated
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+ │
/// |    Destination Address (C-Types 4: IPv4; 5: IPv6)             | ┘
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageIdList {
    /// The epoch of all of them.
    pub epoch: Epoch,
    /// The messages.
    pub entries: IdEntries,
}

impl MessageIdList {
    /// Whether entries name the generator by source address (C-Types 2 and 3): they share a message with no others.
    #[must_use]
    pub const fn is_source_list(&self) -> bool {
        matches!(self.entries, IdEntries::SrcV4(_) | IdEntries::SrcV6(_))
    }
}

/// Reads entries until nothing is left.
fn entries<T>(
    mut reader: Reader<'_>,
    octets_each: usize,
    mut one: impl FnMut(&mut Reader<'_>) -> Option<T>,
) -> Result<Vec<T>, ObjectError> {
    let mut list = Vec::with_capacity(reader.rest().len() / octets_each);
    while !reader.is_empty() {
        list.push(one(&mut reader).ok_or(ObjectError::Size)?);
    }
    Ok(list)
}

impl Object for MessageIdList {
    const CLASS: ClassNum = ClassNum::MESSAGE_ID_LIST;

    fn c_type(&self) -> CType {
        CType(match self.entries {
            IdEntries::Ids(_) => 1,
            IdEntries::SrcV4(_) => 2,
            IdEntries::SrcV6(_) => 3,
            IdEntries::McastV4(_) => 4,
            IdEntries::McastV6(_) => 5,
        })
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        if !(1..=5).contains(&c_type.0) {
            return Err(ObjectError::CType);
        }
        let mut reader = Reader::new(body.octets());
        let (_flags, epoch) = flags_and_epoch(&mut reader).ok_or(ObjectError::Size)?;
        let entries = match c_type.0 {
            1 => IdEntries::Ids(entries(reader, 4, |r| r.u32().map(Id))?),
            2 => IdEntries::SrcV4(entries(reader, 8, |r| {
                Some(SrcId {
                    id: Id(r.u32()?),
                    source: r.ipv4()?,
                })
            })?),
            3 => IdEntries::SrcV6(entries(reader, 20, |r| {
                Some(SrcId {
                    id: Id(r.u32()?),
                    source: r.ipv6()?,
                })
            })?),
            4 => IdEntries::McastV4(entries(reader, 12, |r| {
                Some(McastId {
                    id: Id(r.u32()?),
                    source: r.ipv4()?,
                    group: r.ipv4()?,
                })
            })?),
            _ => IdEntries::McastV6(entries(reader, 36, |r| {
                Some(McastId {
                    id: Id(r.u32()?),
                    source: r.ipv6()?,
                    group: r.ipv6()?,
                })
            })?),
        };
        Ok(Self { epoch, entries })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        put_flags_and_epoch(0, self.epoch, out);
        let mut put = |id: Id, addresses: &[IpAddr]| {
            out.extend_from_slice(&id.0.to_be_bytes());
            addresses
                .iter()
                .for_each(|address| put_address(*address, out));
        };
        match &self.entries {
            IdEntries::Ids(list) => list.iter().for_each(|id| put(*id, &[])),
            IdEntries::SrcV4(list) => list.iter().for_each(|e| put(e.id, &[e.source.into()])),
            IdEntries::SrcV6(list) => list.iter().for_each(|e| put(e.id, &[e.source.into()])),
            IdEntries::McastV4(list) => list
                .iter()
                .for_each(|e| put(e.id, &[e.source.into(), e.group.into()])),
            IdEntries::McastV6(list) => list
                .iter()
                .for_each(|e| put(e.id, &[e.source.into(), e.group.into()])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2961 §4.1.
    #[test]
    fn order_of_identifiers_wraps() {
        let older = |old: u32, new: u32| Id(new).is_older(Id(old));
        assert!(!older(0xffff_ffff, 0));
        assert!(older(5, 0xffff_fffe));
        assert!(!older(7, 7));
        assert!(older(8, 7));
        assert!(!older(0, 0x8000_0000));
        assert_eq!(Id(0).compare(Id(0x8000_0000)), None);
        assert_eq!(
            Id(u32::MAX).compare(Id(u32::MAX).next()),
            Some(Ordering::Less)
        );
    }
}
