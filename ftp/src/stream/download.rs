//! A file or listing on its way to us.

use super::{CHUNK, Ending, Flow, Representation, broken, codec, unsupported};
use crate::answer;
use crate::data::{self, Decoder};
use crate::error::Error;
use crate::reply::Reply;
use crate::session::DataEvent;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// A file or listing on its way to us.
///
/// Reads to the end like any other stream; the end comes only after the server has said that all was sent, and what is
/// short or broken is an error instead. An error of it holds an [`Error`] (`io::Error::get_ref`).
///
/// # Cancel safety
/// Dropped before its end, the transfer is given up and the connection gets back in step by itself. Unread, it stands
/// still, and the control connection is not kept alive.
pub struct Download {
    flow: Option<Flow>,
    decoder: Decoder,
    transparent: bool,
    /// Octets from the wire, where they are converted.
    wire: Vec<u8>,
    /// Whether the decoder has more to give without new octets.
    again: bool,
    /// Converted octets that have not been read.
    ready: Vec<u8>,
    taken: usize,
    received: u64,
    markers: Vec<Vec<u8>>,
    ending: Ending,
}

impl Download {
    pub(crate) fn new(flow: Flow, representation: &Representation) -> Result<Self, Error> {
        let Representation {
            ty,
            mode,
            structure,
            options,
        } = representation;
        let decoder = Decoder::new(*ty, *structure, *mode, *options).map_err(unsupported)?;
        Ok(Self {
            transparent: decoder.is_transparent(),
            decoder,
            flow: Some(flow),
            wire: Vec::new(),
            again: false,
            ready: Vec::new(),
            taken: 0,
            received: 0,
            markers: Vec::new(),
            ending: Ending::Flowing,
        })
    }

    /// The size that the server announced in its preliminary reply, if it did: good for a progress bar.
    #[must_use]
    pub fn announced_size(&self) -> Option<u64> {
        answer::announced_size(self.flow.as_ref()?.begun.as_ref()?)
    }

    /// Octets read from the data connection so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// The restart markers that came in block or compressed mode (RFC 959 §3.5).
    #[must_use]
    pub fn markers(&self) -> &[Vec<u8>] {
        &self.markers
    }

    /// Reads what is left and gives the server's final reply.
    ///
    /// # Errors
    /// What made the transfer fail.
    pub async fn finish(mut self) -> Result<Reply, Error> {
        use tokio::io::AsyncReadExt as _;
        let mut rest = vec![0; 8192];
        loop {
            match self.read(&mut rest).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => return Err(self.failure(error)),
            }
        }
        match self.ending {
            Ending::Ended(outcome) => outcome
                .replies
                .into_iter()
                .next_back()
                .ok_or_else(|| broken("no reply")),
            Ending::Failed(error) => Err(error),
            Ending::Flowing | Ending::Waiting(_) => Err(broken("no end")),
        }
    }

    pub(crate) fn failure(&self, error: io::Error) -> Error {
        match &self.ending {
            Ending::Failed(error) => error.clone(),
            _ => Error::local("")(error),
        }
    }

    fn fail(&mut self, error: Error) -> io::Error {
        // What the server still sends is of no interest: the connection gets back in step by itself.
        self.flow = None;
        self.ending = Ending::Failed(error.clone());
        error.into()
    }

    /// Octets of the wire into `buf`, or the end.
    fn poll_transparent(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let (Ending::Flowing, Some(flow)) = (&self.ending, &mut self.flow) {
            match ready!(flow.poll_read(cx, buf)) {
                Ok(true) => {
                    self.received += (buf.filled().len() - before) as u64;
                    return Poll::Ready(Ok(()));
                }
                Ok(false) => {}
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
        }
        self.poll_end(cx)
    }

    fn poll_converted(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let left = self.ready.get(self.taken..).unwrap_or_default();
            if !left.is_empty() {
                let n = left.len().min(buf.remaining());
                buf.put_slice(left.get(..n).unwrap_or_default());
                self.taken += n;
                return Poll::Ready(Ok(()));
            }
            self.ready.clear();
            self.taken = 0;
            if !matches!(self.ending, Ending::Flowing) {
                return self.poll_end(cx);
            }
            if self.again || !self.wire.is_empty() {
                if let Err(error) = self.convert() {
                    return Poll::Ready(Err(self.fail(error)));
                }
                continue;
            }
            let Some(flow) = &mut self.flow else {
                return self.poll_end(cx);
            };
            let mut chunk = std::mem::take(&mut self.wire);
            chunk.resize(CHUNK, 0);
            let mut raw = ReadBuf::new(&mut chunk);
            let read = flow.poll_read(cx, &mut raw);
            let n = raw.filled().len();
            chunk.truncate(n);
            self.wire = chunk;
            match ready!(read) {
                Ok(true) => self.received += n as u64,
                Ok(false) => {
                    if let Err(error) = self.decoder.finish(&mut self.ready) {
                        return Poll::Ready(Err(self.fail(codec(error))));
                    }
                    if self.ready.is_empty() {
                        return self.poll_end(cx);
                    }
                    // What the end of the data completes is read first.
                    self.begin_end();
                }
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
        }
    }

    /// Converts what has come from the wire.
    fn convert(&mut self) -> Result<(), Error> {
        let progress = self
            .decoder
            .decode(&self.wire, &mut self.ready)
            .map_err(codec)?;
        self.wire.drain(..progress.consumed);
        self.again = progress.again;
        for event in progress.events {
            if let data::Event::Marker { octets, .. } = event {
                self.markers.push(octets);
            }
        }
        if progress.ended {
            // The mode says so itself; the connection need not end (RFC 959 §3.3).
            if !self.wire.is_empty() {
                return Err(broken("octets behind the end of the file"));
            }
            if let Some(flow) = &mut self.flow {
                flow.ended = true;
                flow.lease.data_event(DataEvent::Ended);
            }
            self.begin_end();
        }
        Ok(())
    }

    fn begin_end(&mut self) {
        if let Some(flow) = self.flow.take() {
            self.ending = Ending::Waiting(Box::pin(flow.end()));
        }
    }

    /// The final reply.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &mut self.ending {
                Ending::Flowing => {
                    if self.flow.is_none() {
                        return Poll::Ready(Ok(()));
                    }
                    self.begin_end();
                }
                Ending::Waiting(end) => match ready!(end.as_mut().poll(cx)) {
                    Ok(outcome) => self.ending = Ending::Ended(outcome),
                    Err(error) => self.ending = Ending::Failed(error),
                },
                Ending::Ended(_) => return Poll::Ready(Ok(())),
                Ending::Failed(error) => return Poll::Ready(Err(error.clone().into())),
            }
        }
    }
}

impl AsyncRead for Download {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.transparent {
            this.poll_transparent(cx, buf)
        } else {
            this.poll_converted(cx, buf)
        }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
