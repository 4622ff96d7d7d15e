//! Any message, whole: what comes before its own objects, and reading and writing.

use bytes::Bytes;

use super::parts::{ClassSet, Parts};
use super::{
    Ack, Bundle, HelloMessage, IntegrityChallenge, IntegrityResponse, Limits, Path, PathErr,
    PathTear, Resv, ResvConf, ResvErr, ResvTear, Srefresh,
};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::wire::{
    ClassNum, EncodeError, Header, HeaderFlags, Integrity, MessageId, MessageIdAck, MessageType,
    Objects, RsvpHop, Session, append, fill_checksum, verify_checksum,
};

/// One RSVP message.
///
/// ```text
/// <Message> ::= <Common Header> [ <INTEGRITY> ]
///               [ [ <MESSAGE_ID_ACK> | <MESSAGE_ID_NACK> ] ... ] [ <MESSAGE_ID> ]
///               <objects of the message's type>
/// ```
///
/// RFC 2205 §3.1, RFC 2961 §4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What the sender can do.
    pub flags: HeaderFlags,
    /// The IP TTL with which it was sent.
    pub send_ttl: u8,
    /// Who signed it and how. Decoding does not check it: [`integrity::verify`](crate::integrity::verify) does.
    pub integrity: Option<Integrity>,
    /// Answers to messages of the one this goes to.
    pub acks: Vec<MessageIdAck>,
    /// Its name.
    pub message_id: Option<MessageId>,
    /// What it says.
    pub body: Body,
}

/// What a message says, by type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A sender's data will come this way.
    Path(Path),
    /// Receivers' reservations.
    Resv(Resv),
    /// Something was wrong with a Path.
    PathErr(PathErr),
    /// Something was wrong with a Resv.
    ResvErr(ResvErr),
    /// A sender stops.
    PathTear(PathTear),
    /// Reservations end.
    ResvTear(ResvTear),
    /// A reservation probably stands.
    ResvConf(ResvConf),
    /// Several messages in one.
    Bundle(Bundle),
    /// Answers alone.
    Ack(Ack),
    /// Refreshes by name.
    Srefresh(Srefresh),
    /// Are you there, and still the same?
    Hello(HelloMessage),
    /// Which sequence number are you at?
    Challenge(IntegrityChallenge),
    /// At this one.
    Response(IntegrityResponse),
}

impl Body {
    /// The number of the type.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        match self {
            Self::Path(_) => MessageType::PATH,
            Self::Resv(_) => MessageType::RESV,
            Self::PathErr(_) => MessageType::PATH_ERR,
            Self::ResvErr(_) => MessageType::RESV_ERR,
            Self::PathTear(_) => MessageType::PATH_TEAR,
            Self::ResvTear(_) => MessageType::RESV_TEAR,
            Self::ResvConf(_) => MessageType::RESV_CONF,
            Self::Bundle(_) => MessageType::BUNDLE,
            Self::Ack(_) => MessageType::ACK,
            Self::Srefresh(_) => MessageType::SREFRESH,
            Self::Hello(_) => MessageType::HELLO,
            Self::Challenge(_) => MessageType::CHALLENGE,
            Self::Response(_) => MessageType::RESPONSE,
        }
    }

    /// Whether RFC 2205 has an error message for faults of such a message.
    const fn is_answered(&self) -> bool {
        matches!(self, Self::Path(_) | Self::Resv(_))
    }

    /// The session it is about, of the messages of RFC 2205.
    #[must_use]
    pub const fn session(&self) -> Option<&Session> {
        Some(match self {
            Self::Path(body) => &body.session,
            Self::Resv(body) => &body.session,
            Self::PathErr(body) => &body.session,
            Self::ResvErr(body) => &body.session,
            Self::PathTear(body) => &body.session,
            Self::ResvTear(body) => &body.session,
            Self::ResvConf(body) => &body.session,
            Self::Bundle(_)
            | Self::Ack(_)
            | Self::Srefresh(_)
            | Self::Hello(_)
            | Self::Challenge(_)
            | Self::Response(_) => return None,
        })
    }

    /// The hop that sent it, if it says so: by it, or else by the IP source, keys (RFC 2747 §4.2) and message
    /// identifiers (RFC 2961 §4.1) are told apart.
    #[must_use]
    pub const fn hop(&self) -> Option<&RsvpHop> {
        Some(match self {
            Self::Path(body) => &body.hop,
            Self::Resv(body) => &body.hop,
            Self::ResvErr(body) => &body.hop,
            Self::PathTear(body) => &body.hop,
            Self::ResvTear(body) => &body.hop,
            Self::PathErr(_)
            | Self::ResvConf(_)
            | Self::Bundle(_)
            | Self::Ack(_)
            | Self::Srefresh(_)
            | Self::Hello(_)
            | Self::Challenge(_)
            | Self::Response(_) => return None,
        })
    }

    /// The classes that a message of the type can have; `None` for types that are not read, and for Bundle.
    const fn allowed(message_type: MessageType) -> Option<ClassSet> {
        Some(match message_type {
            MessageType::PATH => Path::ALLOWED,
            MessageType::RESV => Resv::ALLOWED,
            MessageType::PATH_ERR => PathErr::ALLOWED,
            MessageType::RESV_ERR => ResvErr::ALLOWED,
            MessageType::PATH_TEAR => PathTear::ALLOWED,
            MessageType::RESV_TEAR => ResvTear::ALLOWED,
            MessageType::RESV_CONF => ResvConf::ALLOWED,
            MessageType::ACK => Ack::ALLOWED,
            MessageType::SREFRESH => Srefresh::ALLOWED,
            MessageType::HELLO => HelloMessage::ALLOWED,
            MessageType::CHALLENGE => IntegrityChallenge::ALLOWED,
            MessageType::RESPONSE => IntegrityResponse::ALLOWED,
            _ => return None,
        })
    }

    fn take(message_type: MessageType, parts: &mut Parts) -> Result<Self, DecodeErrorKind> {
        Ok(match message_type {
            MessageType::PATH => Self::Path(Path::take(parts)?),
            MessageType::RESV => Self::Resv(Resv::take(parts)?),
            MessageType::PATH_ERR => Self::PathErr(PathErr::take(parts)?),
            MessageType::RESV_ERR => Self::ResvErr(ResvErr::take(parts)?),
            MessageType::PATH_TEAR => Self::PathTear(PathTear::take(parts)?),
            MessageType::RESV_TEAR => Self::ResvTear(ResvTear::take(parts)?),
            MessageType::RESV_CONF => Self::ResvConf(ResvConf::take(parts)?),
            MessageType::ACK => Self::Ack(Ack::take(parts)?),
            MessageType::SREFRESH => Self::Srefresh(Srefresh::take(parts)?),
            MessageType::HELLO => Self::Hello(HelloMessage::take(parts)?),
            MessageType::CHALLENGE => Self::Challenge(IntegrityChallenge::take(parts)?),
            MessageType::RESPONSE => Self::Response(IntegrityResponse::take(parts)?),
            other => return Err(DecodeErrorKind::UnknownType(other)),
        })
    }

    fn emit(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Path(body) => body.emit(out),
            Self::Resv(body) => body.emit(out),
            Self::PathErr(body) => body.emit(out),
            Self::ResvErr(body) => body.emit(out),
            Self::PathTear(body) => body.emit(out),
            Self::ResvTear(body) => body.emit(out),
            Self::ResvConf(body) => body.emit(out),
            Self::Bundle(body) => {
                body.emit(out);
                Ok(())
            }
            Self::Ack(_) => Ok(()),
            Self::Srefresh(body) => body.emit(out),
            Self::Hello(body) => body.emit(out),
            Self::Challenge(body) => body.emit(out),
            Self::Response(body) => body.emit(out),
        }
    }
}

impl Message {
    /// A message with this content that is neither signed nor named.
    #[must_use]
    pub const fn new(send_ttl: u8, body: Body) -> Self {
        Self {
            flags: HeaderFlags::NONE,
            send_ttl,
            integrity: None,
            acks: Vec::new(),
            message_id: None,
            body,
        }
    }

    /// Reads a message: the payload of one IP or UDP datagram.
    ///
    /// Opaque and unknown objects share the octets of `datagram`; give it a buffer of its own.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]: [`Disposition::of_message`](crate::Disposition::of_message) says what to do then.
    pub fn decode(datagram: &Bytes) -> Result<Self, DecodeError> {
        Self::decode_within(datagram, &Limits::default())
    }

    /// As [`decode`](Self::decode), with other bounds.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_within(datagram: &Bytes, limits: &Limits) -> Result<Self, DecodeError> {
        read(datagram, limits, false)
    }

    /// Reads one of the messages of a [`Bundle`], which cannot be a Bundle itself (RFC 2961 §3.2).
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_bundled(part: &Bytes, limits: &Limits) -> Result<Self, DecodeError> {
        read(part, limits, true)
    }

    /// The octets of the message, with its checksum, objects in the order that the RFCs recommend.
    ///
    /// INTEGRITY is written as it stands; to sign, use [`integrity::sign`](crate::integrity::sign).
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if an object or the whole does not fit its length field.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = self.encode_without_checksum()?;
        fill_checksum(&mut out);
        Ok(out)
    }

    /// As [`encode`](Self::encode), the checksum left zero: none sent.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    pub fn encode_without_checksum(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(&[0; Header::LEN]);
        // RFC 2961 §4: INTEGRITY, then answers, then the name.
        if let Some(integrity) = &self.integrity {
            append(integrity, &mut out)?;
        }
        for ack in &self.acks {
            append(ack, &mut out)?;
        }
        if let Some(message_id) = &self.message_id {
            append(message_id, &mut out)?;
        }
        self.body.emit(&mut out)?;
        let length = u16::try_from(out.len()).map_err(|_| EncodeError::Message(out.len()))?;
        let header = Header {
            flags: self.flags,
            message_type: self.body.message_type(),
            checksum: 0,
            send_ttl: self.send_ttl,
            length,
        };
        if let Some(head) = out.first_chunk_mut() {
            header.emit(head);
        }
        Ok(out)
    }
}

fn read(datagram: &Bytes, limits: &Limits, bundled: bool) -> Result<Message, DecodeError> {
    let fail = |message_type, offset, kind| DecodeError {
        message_type,
        offset,
        kind,
        refused: None,
    };
    let (header, objects) = Header::parse(datagram).map_err(|kind| fail(None, 0, kind))?;
    let message_type = header.message_type;
    let fail = |offset, kind| fail(Some(message_type), offset, kind);
    if !verify_checksum(datagram) {
        return Err(fail(0, DecodeErrorKind::Checksum));
    }
    if message_type == MessageType::BUNDLE {
        if bundled {
            return Err(fail(0, DecodeErrorKind::Nested));
        }
        let bundle =
            Bundle::take(datagram, objects, limits).map_err(|(offset, kind)| fail(offset, kind))?;
        return Ok(Message {
            flags: header.flags,
            ..Message::new(header.send_ttl, Body::Bundle(bundle))
        });
    }
    let allowed = Body::allowed(message_type)
        .ok_or_else(|| fail(0, DecodeErrorKind::UnknownType(message_type)))?;
    let mut parts = Parts::default();
    let mut refusal = None;
    let mut walk = Objects::new(datagram, objects);
    let mut count = 0;
    loop {
        let offset = walk.offset();
        let Some(object) = walk.next() else {
            break;
        };
        count += 1;
        if count > limits.objects {
            return Err(fail(offset, DecodeErrorKind::Limit("objects")));
        }
        let (object, body) = object.map_err(|kind| fail(offset, kind))?;
        match parts.add(object, body, offset == Header::LEN, allowed, limits) {
            Ok(()) => {}
            // The answer is made of the rest of the message. The first object that is not known is told.
            Err(kind) if kind.is_refusal() => {
                refusal.get_or_insert((offset, kind));
                parts.is_refused = true;
            }
            // What follows an object that was left out may seem wrong only for that.
            Err(kind) => {
                let (offset, kind) = refusal.unwrap_or((offset, kind));
                return Err(fail(offset, kind));
            }
        }
    }
    let body = Body::take(message_type, &mut parts);
    let (body, refusal) = match (body, refusal) {
        (Ok(body), None) => {
            let refusal = match &body {
                Body::Resv(resv) => unknown_style(resv.flows.style()),
                Body::ResvTear(tear) => unknown_style(tear.flows.style()),
                Body::ResvConf(confirm) => unknown_style(confirm.flows.style()),
                _ => None,
            };
            (body, refusal.map(|kind| (datagram.len(), kind)))
        }
        (Ok(body), Some(refusal)) => (body, Some(refusal)),
        // What is missing is the object that was not known.
        (Err(_), Some((offset, kind))) => return Err(fail(offset, kind)),
        (Err(kind), None) => return Err(fail(datagram.len(), kind)),
    };
    let message = Message {
        flags: header.flags,
        send_ttl: header.send_ttl,
        integrity: parts.integrity,
        acks: parts.acks,
        message_id: parts.message_id,
        body,
    };
    match refusal {
        None => Ok(message),
        Some((offset, kind)) => Err(DecodeError {
            refused: message.body.is_answered().then(|| Box::new(message)),
            ..fail(offset, kind)
        }),
    }
}

fn unknown_style(style: crate::wire::Style) -> Option<DecodeErrorKind> {
    (!style.is_known()).then_some(DecodeErrorKind::UnknownStyle(style))
}

/// The classes that go with every message of RFC 2205, and the others of a type.
pub(super) const fn with_common<const N: usize>(own: [ClassNum; N]) -> ClassSet {
    let common = ClassSet::of(&[
        ClassNum::INTEGRITY,
        ClassNum::MESSAGE_ID_ACK,
        ClassNum::MESSAGE_ID,
    ]);
    common.and(ClassSet::of(&own))
}
