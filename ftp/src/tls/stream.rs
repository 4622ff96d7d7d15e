//! Reading and writing through TLS: what control and data connections have in common.

use super::error::{TlsError, into_io, said, tls_error};
use super::handshake::Established;
use super::record::{Head, Opened, Records};
use fairway_stack::TcpStream;
use rustls::crypto::cipher::OutboundChunks;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

/// Sealed octets that may wait to be sent. More are not taken before some are gone.
const MAX_QUEUED: usize = 256 * 1024;

/// Records sent with one system call, at most.
const BATCH: usize = 32;

/// Octets received and not yet handed on, in one buffer that grows as they come.
pub(super) struct Incoming {
    octets: Vec<u8>,
    unread: Range<usize>,
    /// The buffer grows to this, or to the record that does not fit.
    most: usize,
}

impl Incoming {
    /// Of `first` octets; grows up to `most` while reads fill it.
    pub(super) fn new(first: usize, most: usize) -> Self {
        Self {
            octets: vec![0; first],
            unread: 0..0,
            most,
        }
    }

    pub(super) fn unread(&self) -> &[u8] {
        self.octets.get(self.unread.clone()).unwrap_or_default()
    }

    pub(super) fn unread_mut(&mut self) -> &mut [u8] {
        self.octets.get_mut(self.unread.clone()).unwrap_or_default()
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.unread.start = (self.unread.start + n).min(self.unread.end);
        if self.unread.is_empty() {
            self.unread = 0..0;
        }
    }

    /// Room behind what is unread, enough for `whole` octets from its start. Moves what is unread to the front.
    pub(super) fn room(&mut self, whole: usize) -> &mut [u8] {
        if self.unread.start > 0 {
            self.octets.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        if whole > self.octets.len() {
            self.octets
                .resize(whole.next_power_of_two().min(self.most.max(whole)), 0);
        }
        self.octets.get_mut(self.unread.end..).unwrap_or_default()
    }

    /// `n` octets were read into the [room](Self::room).
    pub(super) fn filled(&mut self, n: usize) {
        self.unread.end = (self.unread.end + n).min(self.octets.len());
        if self.unread.end == self.octets.len() && self.octets.len() < self.most {
            let more = (self.octets.len() * 2).min(self.most);
            self.octets.resize(more, 0);
        }
    }

    /// What is unread, and nothing else.
    pub(super) fn into_unread(mut self) -> Vec<u8> {
        self.octets.truncate(self.unread.end);
        self.octets.drain(..self.unread.start);
        self.octets
    }
}

/// How reading came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server said so (`close_notify`): what was read is all there is.
    Closed,
    /// The connection ended without that: there may have been more.
    Truncated,
}

/// A connection behind its handshake.
pub(super) struct Protected {
    stream: TcpStream,
    host: Arc<str>,
    records: Records,
    incoming: Incoming,
    /// Decrypted octets not yet read: a part of `incoming`, before its unread octets.
    plain: Range<usize>,
    end: Option<End>,
    outgoing: VecDeque<Vec<u8>>,
    /// Octets of the first record that are sent.
    sent: usize,
    /// Octets of all records.
    queued: usize,
    close_sent: bool,
    /// It broke; nothing more is read or written.
    broken: bool,
    /// Why, if nobody was told yet.
    failure: Option<TlsError>,
}

impl Protected {
    pub(super) fn new(stream: TcpStream, host: Arc<str>, established: Established) -> Self {
        Self {
            stream,
            host,
            records: established.records,
            incoming: established.incoming,
            plain: 0..0,
            end: None,
            outgoing: VecDeque::new(),
            sent: 0,
            queued: 0,
            close_sent: false,
            broken: false,
            failure: None,
        }
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn host(&self) -> &Arc<str> {
        &self.host
    }

    pub(super) fn records(&self) -> &Records {
        &self.records
    }

    /// How reading ended, if it has.
    pub(super) fn end(&self) -> Option<End> {
        self.end
    }

    /// The connection, and what was received and not yet handed on: decrypted octets, then those that never were
    /// encrypted.
    pub(super) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        let mut rest = self.plain().to_vec();
        rest.extend(self.incoming.into_unread());
        (self.stream, rest)
    }

    /// Decrypted octets not yet read.
    pub(super) fn plain(&self) -> &[u8] {
        self.incoming
            .octets
            .get(self.plain.clone())
            .unwrap_or_default()
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.plain.start = (self.plain.start + n).min(self.plain.end);
    }

    /// What received octets not yet decrypted start with.
    pub(super) fn head(&self) -> Head {
        Head::of(self.incoming.unread())
    }

    /// Decrypts the record that is there, if it is a whole one; whether it was. [`plain`](Self::plain) must be empty.
    pub(super) fn open_next(&mut self) -> Result<bool, TlsError> {
        if self.broken {
            return Err(self.failure.take().unwrap_or_else(|| TlsError::Io {
                host: Arc::clone(&self.host),
                source: io::ErrorKind::BrokenPipe.into(),
            }));
        }
        let length = match self.head() {
            Head::Record(length) => length,
            Head::Partial(_) => return Ok(false),
            Head::NotTls | Head::TooLong => {
                self.broken = true;
                return Err(TlsError::NotTls {
                    host: Arc::clone(&self.host),
                    said: said(self.incoming.unread()),
                });
            }
        };
        let start = self.incoming.unread.start;
        let record = self
            .incoming
            .unread_mut()
            .get_mut(..length)
            .unwrap_or_default();
        let opened = self.records.open(record);
        match opened.and_then(|opened| Ok((opened, self.records.take_update()?))) {
            Ok((opened, update)) => {
                if let Some(update) = update.filter(|_| !self.close_sent) {
                    self.queue(update);
                    if self.queued > MAX_QUEUED {
                        // It asks for new keys again and again, and reads nothing.
                        self.broken = true;
                        return Err(TlsError::Io {
                            host: Arc::clone(&self.host),
                            source: io::Error::other(
                                "more requests for new keys than answers are taken",
                            ),
                        });
                    }
                }
                // Not `consume`, which may forget where the plain octets are.
                self.incoming.unread.start += length;
                match opened {
                    Opened::Plain(place) => self.plain = start + place.start..start + place.end,
                    Opened::Internal => {}
                    Opened::Closed => self.end = Some(End::Closed),
                }
                Ok(true)
            }
            Err(error) => {
                self.broken = true;
                if let Some(alert) = self.records.seal_error(&error).filter(|_| !self.close_sent) {
                    self.queue(alert);
                }
                Err(tls_error(&self.host, error))
            }
        }
    }

    /// Waits until there is something to read, or the end.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.plain.is_empty() || self.end.is_some() {
                return Poll::Ready(Ok(()));
            }
            let opened = self.open_next();
            if self.queued > 0 {
                // Answers and alerts; they wait for the next write if they must.
                let _ = self.poll_send(cx);
            }
            if !opened.map_err(into_io)? {
                ready!(self.poll_receive(cx))?;
            }
        }
    }

    /// Waits for more octets of the connection, or its end. [`plain`](Self::plain) must be empty.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let needed = self.needed();
        let mut room = ReadBuf::new(self.incoming.room(needed));
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
        match room.filled().len() {
            0 => self.end = Some(End::Truncated),
            n => self.incoming.filled(n),
        }
        Poll::Ready(Ok(()))
    }

    /// Octets the record at hand needs, from its start.
    fn needed(&self) -> usize {
        match self.head() {
            Head::Partial(length) | Head::Record(length) => length,
            Head::NotTls | Head::TooLong => self.incoming.unread.len() + 1,
        }
    }

    /// [`poll_receive`](Self::poll_receive) without waiting: whether something came, the end included.
    pub(super) fn try_receive(&mut self) -> io::Result<bool> {
        let needed = self.needed();
        match self.stream.try_read(self.incoming.room(needed)) {
            Ok(0) => self.end = Some(End::Truncated),
            Ok(n) => self.incoming.filled(n),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Reads as much as fits and is there.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_fill(cx))?;
        loop {
            let plain = self.plain();
            let n = plain.len().min(buf.remaining());
            buf.put_slice(plain.get(..n).unwrap_or_default());
            self.consume(n);
            // Whole records that are there already. An error comes back at the next read.
            let more = buf.remaining() > 0 && self.end.is_none() && !self.broken;
            if !more || !matches!(self.head(), Head::Record(_)) {
                return Poll::Ready(Ok(()));
            }
            if let Err(error) = self.open_next() {
                self.failure = Some(error);
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn queue(&mut self, record: Vec<u8>) {
        self.queued += record.len();
        self.outgoing.push_back(record);
    }

    /// Sends what is queued.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.queued > 0 {
            let mut slices = [IoSlice::new(&[]); BATCH];
            let mut skip = self.sent;
            let mut count = 0;
            for (slice, record) in slices.iter_mut().zip(&self.outgoing) {
                *slice = IoSlice::new(record.get(skip..).unwrap_or_default());
                skip = 0;
                count += 1;
            }
            let slices = slices.get(..count).unwrap_or_default();
            let n = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += n;
            while let Some(first) = self.outgoing.front()
                && self.sent >= first.len()
            {
                self.sent -= first.len();
                self.queued -= first.len();
                self.outgoing.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Seals as much of `payload` as may be queued, and sends what goes out at once.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        payload: &OutboundChunks<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.close_sent || self.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.queued >= MAX_QUEUED {
            if let Poll::Ready(Err(error)) = self.poll_send(cx) {
                return Poll::Ready(Err(error));
            }
            if self.queued >= MAX_QUEUED {
                return Poll::Pending;
            }
        }
        let taken = payload.len().min(MAX_QUEUED - self.queued);
        let (payload, _) = payload.split_at(taken);
        let (outgoing, queued) = (&mut self.outgoing, &mut self.queued);
        let sealed = self.records.seal_data(payload, |record| {
            *queued += record.len();
            outgoing.push_back(record);
        });
        if let Err(error) = sealed {
            self.broken = true;
            return Poll::Ready(Err(into_io(tls_error(&self.host, error))));
        }
        match self.poll_send(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(taken)),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Sends `close_notify`, once, behind everything that was written.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.close_sent && !self.broken {
            let record = self.records.seal_close_notify();
            let record = record.map_err(|error| into_io(tls_error(&self.host, error)))?;
            self.queue(record);
        }
        self.close_sent = true;
        self.poll_flush(cx)
    }

    /// Sends `close_notify` and ends the sending direction of the connection.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_close(cx))?;
        match ready!(Pin::new(&mut self.stream).poll_shutdown(cx)) {
            // The server was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}

impl fmt::Debug for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protected")
            .field("host", &self.host)
            .field("stream", &self.stream)
            .field("records", &self.records)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// The slices of a vectored write.
pub(super) fn with_chunks<T>(
    slices: &[IoSlice<'_>],
    write: impl FnOnce(&OutboundChunks<'_>) -> T,
) -> T {
    match slices {
        [] => write(&OutboundChunks::new_empty()),
        [one] => write(&OutboundChunks::Single(one)),
        several => {
            let several: Vec<&[u8]> = several.iter().map(|slice| &**slice).collect();
            write(&OutboundChunks::new(&several))
        }
    }
}
