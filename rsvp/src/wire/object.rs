//! Objects: header, class numbers, the walk over a message: RFC 2205 §3.1.2, §3.10.

use core::fmt;

use bytes::Bytes;

use crate::error::DecodeErrorKind;
use fairway_wire::numbers;

numbers! {
    /// The class of an object (RFC 2205 appendix A, IANA "Class Names, Class Numbers, and Class Types").
    ClassNum(u8), "class {}" {
        /// Anything, skipped: RFC 2205 §3.1.2.
        NULL = 0, "NULL";
        /// RFC 2205 §A.1.
        SESSION = 1, "SESSION";
        /// RFC 2205 §A.2.
        RSVP_HOP = 3, "RSVP_HOP";
        /// RFC 2747 §2.1.
        INTEGRITY = 4, "INTEGRITY";
        /// RFC 2205 §A.4.
        TIME_VALUES = 5, "TIME_VALUES";
        /// RFC 2205 §A.5.
        ERROR_SPEC = 6, "ERROR_SPEC";
        /// RFC 2205 §A.6.
        SCOPE = 7, "SCOPE";
        /// RFC 2205 §A.7.
        STYLE = 8, "STYLE";
        /// RFC 2205 §A.8.
        FLOWSPEC = 9, "FLOWSPEC";
        /// RFC 2205 §A.9.
        FILTER_SPEC = 10, "FILTER_SPEC";
        /// RFC 2205 §A.10.
        SENDER_TEMPLATE = 11, "SENDER_TEMPLATE";
        /// RFC 2205 §A.11.
        SENDER_TSPEC = 12, "SENDER_TSPEC";
        /// RFC 2205 §A.12.
        ADSPEC = 13, "ADSPEC";
        /// RFC 2205 §A.13, RFC 2750.
        POLICY_DATA = 14, "POLICY_DATA";
        /// RFC 2205 §A.14.
        RESV_CONFIRM = 15, "RESV_CONFIRM";
        /// RFC 3209 §5.
        HELLO = 22, "HELLO";
        /// RFC 2961 §4.1.
        MESSAGE_ID = 23, "MESSAGE_ID";
        /// RFC 2961 §4.2, §4.3.
        MESSAGE_ID_ACK = 24, "MESSAGE_ID_ACK";
        /// RFC 2961 §5.1.
        MESSAGE_ID_LIST = 25, "MESSAGE_ID_LIST";
        /// RFC 2747 §4.3.
        CHALLENGE = 64, "CHALLENGE";
    }
}

/// What to do with an object whose class is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownAction {
    /// The whole message is refused, with error 13.
    Reject,
    /// The object is as good as not there, and goes nowhere.
    Ignore,
    /// The object means nothing here, and goes on with what results from the message.
    Forward,
}

impl ClassNum {
    /// What RFC 2205 §3.10 says of a class that is not known, by its two high bits.
    #[must_use]
    pub const fn if_unknown(self) -> UnknownAction {
        match self.0 >> 6 {
            0 | 1 => UnknownAction::Reject,
            2 => UnknownAction::Ignore,
            _ => UnknownAction::Forward,
        }
    }
}

/// The form of an object within its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CType(pub u8);

impl CType {
    /// The IPv4 form of the classes that hold addresses.
    pub const IPV4: Self = Self(1);
    /// The IPv6 form of the classes that hold addresses.
    pub const IPV6: Self = Self(2);

    /// Whether the form is that of IPv6, of the classes with these two forms and no other.
    pub(crate) const fn family(self) -> Result<bool, ObjectError> {
        match self {
            Self::IPV4 => Ok(false),
            Self::IPV6 => Ok(true),
            _ => Err(ObjectError::CType),
        }
    }

    /// The form for an address of this family.
    pub(crate) const fn of(address: core::net::IpAddr) -> Self {
        if address.is_ipv6() {
            Self::IPV6
        } else {
            Self::IPV4
        }
    }
}

/// Class and form of an object, as errors 13 and 14 name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectType {
    /// The class.
    pub class: ClassNum,
    /// The form within it.
    pub c_type: CType,
}

impl ObjectType {
    /// RFC 2205 appendix B, errors 13 and 14: class in the high octet, C-Type in the low one.
    #[must_use]
    pub const fn error_value(self) -> u16 {
        u16::from_be_bytes([self.class.0, self.c_type.0])
    }
}

impl fmt::Display for ObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} C-Type {}", self.class, self.c_type.0)
    }
}

/// The four octets in front of every object.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |        Length (octets)        |   Class-Num   |    C-Type     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// //                      (object contents)                      //
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectHeader {
    /// Octets of the whole object, this header among them.
    pub length: u16,
    /// What it is.
    pub object_type: ObjectType,
}

impl ObjectHeader {
    /// Octets of the header.
    pub const LEN: usize = 4;
    /// The longest content an object can have: its length is a multiple of four in 16 bits.
    pub const MAX_BODY: usize = 65_528;
}

/// The content of an object inside the message that holds it.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    message: &'a Bytes,
    octets: &'a [u8],
}

impl<'a> Content<'a> {
    /// An object's content that is all of `octets`.
    #[must_use]
    pub fn of(octets: &'a Bytes) -> Self {
        Self {
            message: octets,
            octets,
        }
    }

    /// The octets, a multiple of four when they come from a message.
    #[must_use]
    pub const fn octets(self) -> &'a [u8] {
        self.octets
    }

    /// The part of the content that a reader has left.
    pub(super) const fn rest(self, reader: super::Reader<'a>) -> Self {
        Self {
            octets: reader.rest(),
            ..self
        }
    }

    /// The octets as a handle that keeps the message alive, without a copy.
    #[must_use]
    pub fn share(self) -> Bytes {
        self.message.slice_ref(self.octets)
    }
}

/// The objects of a message, one after another; ends at the first whose length is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Objects<'a> {
    message: &'a Bytes,
    left: &'a [u8],
}

impl<'a> Objects<'a> {
    /// The objects in `left`, which is a part of `message`.
    pub(crate) const fn new(message: &'a Bytes, left: &'a [u8]) -> Self {
        Self { message, left }
    }

    /// Where in the message the next object begins.
    pub(crate) const fn offset(&self) -> usize {
        self.message.len() - self.left.len()
    }
}

impl<'a> Iterator for Objects<'a> {
    type Item = Result<(ObjectType, Content<'a>), DecodeErrorKind>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let Some((header, _)) = self.left.split_first_chunk::<{ ObjectHeader::LEN }>() else {
            self.left = &[];
            return Some(Err(DecodeErrorKind::Short));
        };
        let [l0, l1, class, c_type] = *header;
        let length = u16::from_be_bytes([l0, l1]);
        // RFC 2205 §3.1.2: a multiple of four, at least four. Senders that pad with zeros exist, and a length of zero
        // must not be walked over for ever.
        let object = if length < 4 || !length.is_multiple_of(4) {
            None
        } else {
            self.left.split_at_checked(usize::from(length))
        };
        let Some((object, rest)) = object else {
            self.left = &[];
            return Some(Err(DecodeErrorKind::ObjectLength(length)));
        };
        self.left = rest;
        let object_type = ObjectType {
            class: ClassNum(class),
            c_type: CType(c_type),
        };
        let body = Content {
            message: self.message,
            octets: object.get(ObjectHeader::LEN..).unwrap_or_default(),
        };
        Some(Ok((object_type, body)))
    }
}

/// A class of objects that this crate reads and writes.
pub trait Object: Sized {
    /// Its number.
    const CLASS: ClassNum;

    /// The form that [`emit`](Self::emit) writes.
    fn c_type(&self) -> CType;

    /// Reads the content of an object of this class.
    ///
    /// # Errors
    ///
    /// [`ObjectError`]: the form is not known, or the content is not of this form.
    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError>;

    /// Appends the content, without the object's header, to `out`.
    fn emit(&self, out: &mut Vec<u8>);

    /// The whole object, header and content.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the content has more than [`ObjectHeader::MAX_BODY`] octets.
    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        append(self, &mut out)?;
        Ok(out)
    }
}

/// Appends the whole object to `out`.
pub(crate) fn append<T: Object>(object: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0, 0, T::CLASS.0, object.c_type().0]);
    object.emit(out);
    set_length(out, start, T::CLASS)
}

/// Appends an object that was not understood.
pub(crate) fn append_unknown(object: &UnknownObject, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let ObjectType { class, c_type } = object.object_type;
    let start = out.len();
    out.extend_from_slice(&[0, 0, class.0, c_type.0]);
    out.extend_from_slice(&object.body);
    set_length(out, start, class)
}

fn set_length(out: &mut [u8], start: usize, class: ClassNum) -> Result<(), EncodeError> {
    let length = u16::try_from(out.len().saturating_sub(start))
        .ok()
        .filter(|length| length.is_multiple_of(4))
        .ok_or(EncodeError::Object(class))?;
    if let Some(field) = out
        .get_mut(start..)
        .and_then(|object| object.first_chunk_mut::<2>())
    {
        *field = length.to_be_bytes();
    }
    Ok(())
}

/// An object of class 11bbbbbb that is not known here and goes on untouched: RFC 2205 §3.10.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UnknownObject {
    object_type: ObjectType,
    body: Bytes,
}

impl UnknownObject {
    /// An object of this class with this content.
    ///
    /// `None` if the class is not of the form 11bbbbbb, or the content no multiple of four octets or too long.
    #[must_use]
    pub fn new(object_type: ObjectType, body: Bytes) -> Option<Self> {
        let fits = body.len().is_multiple_of(4) && body.len() <= ObjectHeader::MAX_BODY;
        (fits && object_type.class.if_unknown() == UnknownAction::Forward)
            .then_some(Self { object_type, body })
    }

    pub(crate) fn keep(object_type: ObjectType, body: Content<'_>) -> Self {
        Self {
            object_type,
            body: body.share(),
        }
    }

    /// What it is.
    #[must_use]
    pub const fn object_type(&self) -> ObjectType {
        self.object_type
    }

    /// Its content.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The same with octets of its own.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self {
            object_type: self.object_type,
            body: Bytes::copy_from_slice(&self.body),
        }
    }
}

impl fmt::Debug for UnknownObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} octets)", self.object_type, self.body.len())
    }
}

/// Why the content of an object could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// The class is known and this form of it is not.
    #[error("unknown C-Type")]
    CType,
    /// More or fewer octets than the form has.
    #[error("size does not fit the type")]
    Size,
    /// A field holds what the RFC forbids.
    #[error("{0}")]
    Value(&'static str),
}

/// Why a value could not be written: a length that its field cannot say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// An object would have more than 65532 octets, or no multiple of four (a digest, a cookie).
    #[error("{0} object is too long or no multiple of four octets")]
    Object(ClassNum),
    /// The message would have more than 65532 octets.
    #[error("message of {0} octets does not fit 16 bits of length")]
    Message(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(octets: &'static [u8]) -> Vec<Result<(u8, usize), DecodeErrorKind>> {
        let message = Bytes::from_static(octets);
        Objects::new(&message, &message)
            .map(|object| object.map(|(kind, body)| (kind.class.0, body.octets().len())))
            .collect()
    }

    /// RFC 2205 §3.1.2.
    #[test]
    fn objects_follow_each_other() {
        assert_eq!(
            walk(&[0, 4, 0, 9, 0, 8, 5, 1, 0, 0, 0x75, 0x30]),
            [Ok((0, 0)), Ok((5, 4))]
        );
    }

    /// RFC 2205 §3.1.2: multiple of four, at least four, within the message.
    #[test]
    fn bad_lengths_end_the_walk() {
        for (octets, length) in [
            (&[0, 0, 0, 0, 0, 0, 0, 0][..], 0),
            (&[0, 3, 5, 1], 3),
            (&[0, 6, 5, 1, 0, 0, 0, 0], 6),
            (&[0, 12, 5, 1, 0, 0, 0, 0], 12),
        ] {
            assert_eq!(walk(octets), [Err(DecodeErrorKind::ObjectLength(length))]);
        }
        assert_eq!(walk(&[0, 4]), [Err(DecodeErrorKind::Short)]);
    }

    /// RFC 2205 §3.10.
    #[test]
    fn high_bits_decide_on_unknown_classes() {
        assert_eq!(ClassNum(127).if_unknown(), UnknownAction::Reject);
        assert_eq!(ClassNum(128).if_unknown(), UnknownAction::Ignore);
        assert_eq!(ClassNum(191).if_unknown(), UnknownAction::Ignore);
        assert_eq!(ClassNum(192).if_unknown(), UnknownAction::Forward);
    }

    #[test]
    fn kept_objects_are_of_the_forwarded_classes() {
        let kind = |class| ObjectType {
            class: ClassNum(class),
            c_type: CType(1),
        };
        assert!(UnknownObject::new(kind(225), Bytes::from_static(&[0, 0, 0, 0xb8])).is_some());
        assert!(UnknownObject::new(kind(190), Bytes::new()).is_none());
        assert!(UnknownObject::new(kind(225), Bytes::from_static(&[0])).is_none());
        // RFC 2996: DCLASS with EF.
        let dclass = UnknownObject::new(kind(225), Bytes::from_static(&[0, 0, 0, 0xb8])).unwrap();
        let mut out = Vec::new();
        append_unknown(&dclass, &mut out).unwrap();
        assert_eq!(out, [0, 8, 0xe1, 1, 0, 0, 0, 0xb8]);
    }
}
