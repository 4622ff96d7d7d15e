//! Objects that RSVP carries and others read: FLOWSPEC, SENDER_TSPEC, ADSPEC, POLICY_DATA.
//!
//! RFC 2205 §3.10: they are handed to traffic control and policy as they are, whatever their C-Type; those decide. So a
//! bad flowspec spoils its own flow descriptor and no other, and everything is forwarded to the bit.

use core::fmt;

use bytes::Bytes;

use super::{CType, ClassNum, Content, Object, ObjectError, ObjectHeader};

/// C-Type and content of an object, unread.
///
/// What was decoded shares the octets of the datagram it came in: a receiver should hand each in a buffer of its own,
/// of its size. [`detach`](Self::detach) copies.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Opaque {
    c_type: CType,
    body: Bytes,
}

impl Opaque {
    /// An object's content; `None` if it is no multiple of four octets or more than [`ObjectHeader::MAX_BODY`].
    #[must_use]
    pub fn new(c_type: CType, body: impl Into<Bytes>) -> Option<Self> {
        let body = body.into();
        (body.len().is_multiple_of(4) && body.len() <= ObjectHeader::MAX_BODY)
            .then_some(Self { c_type, body })
    }

    /// An object's content that consists of whole words and is short enough.
    pub(crate) fn whole_words(c_type: CType, body: Vec<u8>) -> Self {
        Self {
            c_type,
            body: body.into(),
        }
    }

    /// The form of the object.
    #[must_use]
    pub const fn c_type(&self) -> CType {
        self.c_type
    }

    /// The content.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The same with octets of its own.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self {
            c_type: self.c_type,
            body: Bytes::copy_from_slice(&self.body),
        }
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C-Type {}, {:?}", self.c_type.0, self.body)
    }
}

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident, $class:ident, $only:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub Opaque);

        impl $name {
            /// The same with octets of its own.
            #[must_use]
            pub fn detach(&self) -> Self {
                Self(self.0.detach())
            }
        }

        impl Object for $name {
            const CLASS: ClassNum = ClassNum::$class;

            fn c_type(&self) -> CType {
                self.0.c_type
            }

            fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
                let only: Option<u8> = $only;
                if only.is_some_and(|only| only != c_type.0) {
                    return Err(ObjectError::CType);
                }
                Ok(Self(Opaque { c_type, body: body.share() }))
            }

            fn emit(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0.body);
            }
        }
    };
}

opaque! {
    /// FLOWSPEC (RFC 2205 §A.8): what a receiver wants. `intserv::Flowspec` reads and makes C-Type 2.
    FlowspecObject, FLOWSPEC, None
}
opaque! {
    /// SENDER_TSPEC (RFC 2205 §A.11): what a sender will send. `intserv::Tspec` reads and makes it. C-Type 2 only.
    SenderTspecObject, SENDER_TSPEC, Some(2)
}
opaque! {
    /// ADSPEC (RFC 2205 §A.12): what the path can do. `intserv::Adspec` reads and makes C-Type 2.
    AdspecObject, ADSPEC, None
}
opaque! {
    /// POLICY_DATA (RFC 2205 §A.13, RFC 2750 §2): who asks and by what right. Nodes without policy pass it on unread.
    PolicyData, POLICY_DATA, None
}
