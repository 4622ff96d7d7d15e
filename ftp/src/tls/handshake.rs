//! Handshakes, by rustls.

use super::error::{TlsError, io_error, said, tls_error};
use super::record::{Head, Records};
use super::sessions::{Origin, Sessions, Stamp};
use super::stream::Incoming;
use fairway_stack::TcpStream;
use rustls::client::{ClientConfig, ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData};
use rustls::{Error, HandshakeKind};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What a handshake leaves.
pub(super) struct Established {
    pub(super) records: Records,
    /// What came behind the handshake.
    pub(super) incoming: Incoming,
    pub(super) resumed: bool,
    /// The server's own certificate, also of a session that was resumed.
    pub(super) certificate: Option<CertificateDer<'static>>,
}

/// What rustls wants next.
enum Step {
    Send,
    Receive,
    Again,
    Done,
}

/// Shakes hands on `stream`.
pub(super) async fn handshake(
    stream: &mut TcpStream,
    host: &Arc<str>,
    name: &ServerName<'static>,
    config: ClientConfig,
    sessions: &Arc<Sessions>,
    stamp: Arc<Stamp>,
    mut incoming: Incoming,
) -> Result<Established, TlsError> {
    let failed = |error| tls_error(host, error);
    let connection = UnbufferedClientConnection::new(Arc::new(config), name.clone());
    let mut connection = connection.map_err(failed)?;
    let mut outgoing = Vec::new();
    // Octets shown to rustls: whole records, and no more of them than it needs, so that what is behind the handshake
    // is left to us.
    let mut shown = 0;
    loop {
        let step = match step(&mut connection, &mut incoming, &mut shown, &mut outgoing) {
            Ok(step) => step,
            Err(error) => {
                farewell(stream, &mut connection, &mut incoming, shown);
                if error == Error::HandshakeNotComplete {
                    return Err(TlsError::Closed {
                        host: Arc::clone(host),
                    });
                }
                return Err(failed(error));
            }
        };
        match step {
            Step::Again => {}
            Step::Done => break,
            Step::Send => {
                let sent = stream.write_all(&outgoing).await;
                sent.map_err(|error| io_error(host, error))?;
                outgoing.clear();
            }
            Step::Receive => match Head::of(incoming.unread().get(shown..).unwrap_or_default()) {
                Head::Record(length) => shown += length,
                Head::NotTls | Head::TooLong => {
                    return Err(TlsError::NotTls {
                        host: Arc::clone(host),
                        said: said(incoming.unread().get(shown..).unwrap_or_default()),
                    });
                }
                Head::Partial(length) => {
                    let read = stream.read(incoming.room(shown + length)).await;
                    match read.map_err(|error| io_error(host, error))? {
                        0 => {
                            return Err(TlsError::Closed {
                                host: Arc::clone(host),
                            });
                        }
                        n => incoming.filled(n),
                    }
                }
            },
        }
    }
    let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
    let certificates = connection.peer_certificates().unwrap_or_default();
    let certificate = certificates.first().map(|first| first.clone().into_owned());
    let suite = connection.negotiated_cipher_suite();
    let suite = suite.ok_or_else(|| failed(Error::HandshakeNotComplete))?;
    let (secrets, kernel) = connection
        .dangerous_into_kernel_connection()
        .map_err(failed)?;
    let origin = Arc::new(Origin::new(kernel, stamp));
    let records = Records::new(suite, secrets, origin, Arc::clone(sessions)).map_err(failed)?;
    Ok(Established {
        records,
        incoming,
        resumed,
        certificate,
    })
}

/// One step of rustls, over the first `shown` octets of `incoming`.
fn step(
    connection: &mut UnbufferedClientConnection,
    incoming: &mut Incoming,
    shown: &mut usize,
    outgoing: &mut Vec<u8>,
) -> Result<Step, Error> {
    let octets = incoming.unread_mut().get_mut(..*shown).unwrap_or_default();
    let status = connection.process_tls_records(octets);
    let discard = status.discard;
    let step = match status.state {
        Ok(ConnectionState::EncodeTlsData(data)) => encode(data, outgoing).map(|()| Step::Again),
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done(); // it is, before anything else happens
            Ok(Step::Send)
        }
        Ok(ConnectionState::BlockedHandshake) => Ok(Step::Receive),
        Ok(ConnectionState::WriteTraffic(_)) => Ok(Step::Done),
        // `close_notify`; data cannot come before the handshake is over.
        Ok(_) => Err(Error::HandshakeNotComplete),
        Err(error) => Err(error),
    };
    incoming.consume(discard);
    *shown = shown.saturating_sub(discard);
    step
}

/// Puts a record of rustls behind those in `outgoing`.
fn encode(
    mut data: EncodeTlsData<'_, ClientConnectionData>,
    outgoing: &mut Vec<u8>,
) -> Result<(), Error> {
    let start = outgoing.len();
    if let Err(EncodeError::InsufficientSize(size)) = data.encode(&mut []) {
        outgoing.resize(start + size.required_size, 0);
        let room = outgoing.get_mut(start..).unwrap_or_default();
        data.encode(room)
            .map_err(|error| Error::General(error.to_string()))?;
    }
    Ok(())
}

/// Sends the alert that tells the server why, if there is one and it goes out at once.
fn farewell(
    stream: &TcpStream,
    connection: &mut UnbufferedClientConnection,
    incoming: &mut Incoming,
    shown: usize,
) {
    // The same octets again: rustls remembers where in them it was.
    let octets = incoming.unread_mut().get_mut(..shown).unwrap_or_default();
    if let Ok(ConnectionState::EncodeTlsData(data)) = connection.process_tls_records(octets).state {
        let mut alert = Vec::new();
        if encode(data, &mut alert).is_ok() {
            let _ = stream.try_write(&alert);
        }
    }
}
