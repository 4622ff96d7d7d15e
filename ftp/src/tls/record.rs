//! Records after the handshake: RFC 8446 §5 and RFC 5246 §6.2, without I/O.

use super::options::TlsVersion;
use super::sessions::{Origin, Sessions};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks,
    OutboundPlainMessage,
};
use rustls::{
    AlertDescription, ConnectionTrafficSecrets, ContentType, Error, ExtractedSecrets,
    HandshakeType, InvalidMessage, ProtocolVersion, SupportedCipherSuite,
};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Octets before the payload: type, version, length.
pub(super) const HEADER: usize = 5;

/// The most a record may carry, RFC 8446 §5.1.
pub(super) const MAX_PLAIN: usize = 1 << 14;

/// The longest record: TLS 1.2 allows 2,048 octets around what it carries (RFC 5246 §6.2.3), TLS 1.3 256.
pub(super) const MAX_RECORD: usize = HEADER + MAX_PLAIN + 2048;

/// The longest handshake message to put together from several records; tickets are a few hundred octets.
const MAX_MESSAGE: usize = 1 << 16;

/// Records in a row that bring nothing to read, at most.
const MAX_IDLE_RECORDS: u32 = 64;

/// Records sent with one key before it is changed, short of what its cipher allows.
const KEY_MARGIN: u64 = 64;

/// What a buffer starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Less than a record; this many octets are known to be needed.
    Partial(usize),
    /// A whole record of this many octets.
    Record(usize),
    /// Something that is not TLS.
    NotTls,
    /// A record longer than any may be.
    TooLong,
}

impl Head {
    pub(super) fn of(octets: &[u8]) -> Self {
        // RFC 8446 §5.1: change_cipher_spec(20), alert(21), handshake(22), application_data(23); the version is 3.x
        match octets {
            [kind, ..] if !(20..=23).contains(kind) => return Self::NotTls,
            [_, major, ..] if *major != 3 => return Self::NotTls,
            _ => {}
        }
        let &[_, _, _, high, low, ..] = octets else {
            return Self::Partial(HEADER);
        };
        match HEADER + usize::from(u16::from_be_bytes([high, low])) {
            length if length > MAX_RECORD => Self::TooLong,
            length if length > octets.len() => Self::Partial(length),
            length => Self::Record(length),
        }
    }
}

/// What a record was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// Octets to read, at this place of the record.
    Plain(Range<usize>),
    /// Something between the two TLS ends.
    Internal,
    /// `close_notify`.
    Closed,
}

/// One end of the record layer: keys and numbers of both directions.
pub(super) struct Records {
    suite: SupportedCipherSuite,
    origin: Arc<Origin>,
    sessions: Arc<Sessions>,
    sealing: Sealing,
    opening: Opening,
    /// Handshake messages not yet complete.
    messages: Vec<u8>,
    idle_records: u32,
    /// The peer asked for new keys from us.
    update_wanted: bool,
}

struct Sealing {
    cipher: Box<dyn MessageEncrypter>,
    number: u64,
}

struct Opening {
    cipher: Box<dyn MessageDecrypter>,
    number: u64,
}

impl Records {
    /// # Errors
    /// If the cipher's keys are of a kind not known here: never with ring.
    pub(super) fn new(
        suite: SupportedCipherSuite,
        secrets: ExtractedSecrets,
        origin: Arc<Origin>,
        sessions: Arc<Sessions>,
    ) -> Result<Self, Error> {
        Ok(Self {
            sealing: sealing(suite, secrets.tx)?,
            opening: opening(suite, secrets.rx)?,
            suite,
            origin,
            sessions,
            messages: Vec::new(),
            idle_records: 0,
            update_wanted: false,
        })
    }

    pub(super) fn version(&self) -> TlsVersion {
        match self.suite {
            SupportedCipherSuite::Tls13(_) => TlsVersion::Tls13,
            SupportedCipherSuite::Tls12(_) => TlsVersion::Tls12,
        }
    }

    /// The cipher suite's name.
    pub(super) fn suite(&self) -> SupportedCipherSuite {
        self.suite
    }

    /// One record of at most [`MAX_PLAIN`] octets.
    fn seal(&mut self, kind: ContentType, payload: OutboundChunks<'_>) -> Result<Vec<u8>, Error> {
        let message = OutboundPlainMessage {
            typ: kind,
            version: ProtocolVersion::TLSv1_2, // on the wire; TLS 1.3 says so, too
            payload,
        };
        let number = self.sealing.number;
        // RFC 8446 §5.3: "Sequence numbers MUST NOT wrap"
        self.sealing.number = number.checked_add(1).ok_or(Error::EncryptError)?;
        Ok(self.sealing.cipher.encrypt(message, number)?.encode())
    }

    /// `payload`, in as many records as it needs, to the end of `out`.
    ///
    /// # Errors
    /// [`Error::EncryptError`] if the key has been used as often as it may (TLS 1.2 has no way to change it).
    pub(super) fn seal_data(
        &mut self,
        payload: OutboundChunks<'_>,
        mut out: impl FnMut(Vec<u8>),
    ) -> Result<(), Error> {
        let mut rest = payload;
        while !rest.is_empty() {
            let (record, behind) = rest.split_at(MAX_PLAIN.min(rest.len()));
            rest = behind;
            if self.is_key_worn() {
                out(self.update_key()?);
            }
            out(self.seal(ContentType::ApplicationData, record)?);
        }
        Ok(())
    }

    /// RFC 8446 §5.5, RFC 5246 has no such rule but the same ciphers.
    fn is_key_worn(&self) -> bool {
        let limit = match self.suite {
            SupportedCipherSuite::Tls13(suite) => suite.common.confidentiality_limit,
            SupportedCipherSuite::Tls12(suite) => suite.common.confidentiality_limit,
        };
        self.sealing.number >= limit.saturating_sub(KEY_MARGIN)
    }

    /// The record that tells the peer of our next key (RFC 8446 §4.6.3); what follows is sealed with that.
    fn update_key(&mut self) -> Result<Vec<u8>, Error> {
        if self.version() != TlsVersion::Tls13 {
            return Err(Error::EncryptError);
        }
        const UPDATE_NOT_REQUESTED: [u8; 5] = [24, 0, 0, 1, 0];
        let record = self.seal(ContentType::Handshake, (&UPDATE_NOT_REQUESTED[..]).into())?;
        self.sealing = sealing(self.suite, self.origin.next_sending()?)?;
        Ok(record)
    }

    /// The answer to the peer's wish for new keys, if it has one. One answer will do for several wishes.
    pub(super) fn take_update(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if !std::mem::take(&mut self.update_wanted) {
            return Ok(None);
        }
        self.update_key().map(Some)
    }

    pub(super) fn seal_close_notify(&mut self) -> Result<Vec<u8>, Error> {
        self.seal_alert(1, AlertDescription::CloseNotify)
    }

    /// The alert to send after `error`, if one is due.
    pub(super) fn seal_error(&mut self, error: &Error) -> Option<Vec<u8>> {
        let alert = match error {
            Error::AlertReceived(_) => return None,
            Error::DecryptError => AlertDescription::BadRecordMac,
            Error::PeerSentOversizedRecord => AlertDescription::RecordOverflow,
            Error::InvalidMessage(_) => AlertDescription::DecodeError,
            _ => AlertDescription::UnexpectedMessage,
        };
        self.seal_alert(2, alert).ok()
    }

    fn seal_alert(&mut self, level: u8, alert: AlertDescription) -> Result<Vec<u8>, Error> {
        self.seal(ContentType::Alert, (&[level, u8::from(alert)][..]).into())
    }

    /// Decrypts one whole record in place.
    ///
    /// # Errors
    /// What breaks the connection: an alert of the peer, octets not the peer's, a message out of place.
    pub(super) fn open(&mut self, record: &mut [u8]) -> Result<Opened, Error> {
        let start = record.as_ptr().addr();
        let Some((&mut [kind, major, minor, _, _], payload)) = record.split_first_chunk_mut()
        else {
            return Err(Error::DecryptError);
        };
        let kind = ContentType::from(kind);
        // RFC 8446 §5.2: what is encrypted says application_data outside. The change_cipher_spec for old firewalls
        // comes before the server's Finished (§D.4).
        let expected = match self.version() {
            TlsVersion::Tls13 => kind == ContentType::ApplicationData,
            TlsVersion::Tls12 => kind != ContentType::ChangeCipherSpec,
        };
        if !expected {
            return Err(unexpected(kind));
        }
        let version = ProtocolVersion::from(u16::from_be_bytes([major, minor]));
        let number = self.opening.number;
        self.opening.number = number.checked_add(1).ok_or(Error::DecryptError)?;
        let message = InboundOpaqueMessage::new(kind, version, payload);
        let plain = self.opening.cipher.decrypt(message, number)?;
        if plain.payload.len() > MAX_PLAIN {
            return Err(Error::PeerSentOversizedRecord);
        }
        match plain.typ {
            // RFC 8446 §5.1: "Handshake messages MUST NOT be interleaved with other record types."
            kind if kind != ContentType::Handshake && !self.messages.is_empty() => {
                Err(unexpected(kind))
            }
            ContentType::ApplicationData if plain.payload.is_empty() => self.idle(),
            ContentType::ApplicationData => {
                self.idle_records = 0;
                // Where in the record depends on the cipher: some have a nonce before it.
                let at = plain.payload.as_ptr().addr().saturating_sub(start);
                Ok(Opened::Plain(at..at + plain.payload.len()))
            }
            ContentType::Alert => self.handle_alert(plain.payload),
            ContentType::Handshake => self.handle_messages(plain.payload),
            kind => Err(unexpected(kind)),
        }
    }

    /// A record brought nothing to read.
    fn idle(&mut self) -> Result<Opened, Error> {
        self.idle_records += 1;
        if self.idle_records > MAX_IDLE_RECORDS {
            return Err(Error::General("too many records without data".to_owned()));
        }
        Ok(Opened::Internal)
    }

    /// RFC 8446 §6.
    fn handle_alert(&mut self, alert: &[u8]) -> Result<Opened, Error> {
        const WARNING: u8 = 1;
        let &[level, alert] = alert else {
            return Err(InvalidMessage::TrailingData("alert").into());
        };
        match (AlertDescription::from(alert), self.version()) {
            (AlertDescription::CloseNotify, _) => Ok(Opened::Closed),
            (AlertDescription::UserCanceled, TlsVersion::Tls13) => self.idle(),
            // RFC 5246 §7.2: warnings do not end a connection. TLS 1.3 does not look at the level.
            (_, TlsVersion::Tls12) if level == WARNING => self.idle(),
            (alert, _) => Err(Error::AlertReceived(alert)),
        }
    }

    /// Part of a handshake message, a whole one, or several.
    fn handle_messages(&mut self, part: &[u8]) -> Result<Opened, Error> {
        if self.version() == TlsVersion::Tls12 {
            // RFC 5246 §7.4.1.1: HelloRequest "MAY be ignored by the client".
            return match part {
                [0, 0, 0, 0] => self.idle(),
                _ => Err(unexpected(ContentType::Handshake)),
            };
        }
        if part.is_empty() {
            // RFC 8446 §5.1: "Implementations MUST NOT send zero-length fragments of Handshake types"
            return Err(unexpected(ContentType::Handshake));
        }
        let mut messages = std::mem::take(&mut self.messages);
        messages.extend_from_slice(part);
        let mut rest = &messages[..];
        while let &[kind, high, middle, low, ref body @ ..] = rest {
            let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            if length > MAX_MESSAGE {
                return Err(InvalidMessage::HandshakePayloadTooLarge.into());
            }
            let Some((body, behind)) = body.split_at_checked(length) else {
                break;
            };
            rest = behind;
            match (HandshakeType::from(kind), body) {
                (HandshakeType::NewSessionTicket, body) => {
                    self.sessions.add_ticket(&self.origin, body)?;
                }
                // RFC 8446 §5.1: "Handshake messages MUST NOT span key changes."
                (HandshakeType::KeyUpdate, &[wish @ 0..=1]) if rest.is_empty() => {
                    self.opening = opening(self.suite, self.origin.next_receiving()?)?;
                    self.update_wanted |= wish == 1;
                }
                _ => return Err(unexpected(ContentType::Handshake)),
            }
        }
        self.messages = rest.to_vec();
        self.idle()
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("suite", &self.suite.suite())
            .field("sealed", &self.sealing.number)
            .field("opened", &self.opening.number)
            .finish_non_exhaustive()
    }
}

fn unexpected(kind: ContentType) -> Error {
    Error::InappropriateMessage {
        expect_types: vec![ContentType::ApplicationData],
        got_type: kind,
    }
}

fn sealing(
    suite: SupportedCipherSuite,
    (number, secrets): (u64, ConnectionTrafficSecrets),
) -> Result<Sealing, Error> {
    let (key, iv) = key_and_iv(secrets)?;
    let cipher = match suite {
        SupportedCipherSuite::Tls13(suite) => suite.aead_alg.encrypter(key, iv),
        SupportedCipherSuite::Tls12(suite) => {
            let fixed = suite.aead_alg.key_block_shape().fixed_iv_len;
            let parts = iv.as_ref().split_at_checked(fixed);
            let (fixed, explicit) = parts.ok_or(Error::EncryptError)?;
            suite.aead_alg.encrypter(key, fixed, explicit)
        }
    };
    Ok(Sealing { cipher, number })
}

fn opening(
    suite: SupportedCipherSuite,
    (number, secrets): (u64, ConnectionTrafficSecrets),
) -> Result<Opening, Error> {
    let (key, iv) = key_and_iv(secrets)?;
    let cipher = match suite {
        SupportedCipherSuite::Tls13(suite) => suite.aead_alg.decrypter(key, iv),
        SupportedCipherSuite::Tls12(suite) => {
            let fixed = suite.aead_alg.key_block_shape().fixed_iv_len;
            let fixed = iv.as_ref().get(..fixed).ok_or(Error::DecryptError)?;
            suite.aead_alg.decrypter(key, fixed)
        }
    };
    Ok(Opening { cipher, number })
}

fn key_and_iv(secrets: ConnectionTrafficSecrets) -> Result<(AeadKey, Iv), Error> {
    match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv }
        | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
        | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => Ok((key, iv)),
        _ => Err(Error::General("a cipher not known here".to_owned())),
    }
}
