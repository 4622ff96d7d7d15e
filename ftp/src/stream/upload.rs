//! A file on its way to the server.

use super::{CHUNK, Ending, Flow, Representation, broken, codec, unsupported};
use crate::answer;
use crate::data::Encoder;
use crate::error::{Error, ErrorKind};
use crate::reply::Reply;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// A file on its way to the server.
///
/// Write to it, then [`finish`](Self::finish): only that tells whether the server has it. Shutting it down as an
/// `AsyncWrite` does the same.
///
/// # Cancel safety
/// Dropped before that, the transfer is given up in a way that the server does not take for the end of the file. A file
/// that existed before may be cut short there: it is being replaced from the first octet on.
pub struct Upload {
    flow: Option<Flow>,
    encoder: Encoder,
    transparent: bool,
    /// Converted octets that have not been sent.
    wire: Vec<u8>,
    sent_of_wire: usize,
    sent: u64,
    ended: bool,
    ending: Ending,
    name: Option<Vec<u8>>,
}

impl Upload {
    pub(crate) fn new(flow: Flow, representation: &Representation) -> Result<Self, Error> {
        let Representation {
            ty,
            mode,
            structure,
            options,
        } = representation;
        let encoder = Encoder::new(*ty, *structure, *mode, *options).map_err(unsupported)?;
        Ok(Self {
            transparent: encoder.is_transparent(),
            encoder,
            name: flow.begun.as_ref().and_then(answer::unique_name),
            flow: Some(flow),
            wire: Vec::new(),
            sent_of_wire: 0,
            sent: 0,
            ended: false,
            ending: Ending::Flowing,
        })
    }

    /// Octets that the data connection has taken so far.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// The name that the server gave to the file, of a put with a unique name.
    #[must_use]
    pub fn unique_name(&self) -> Option<&[u8]> {
        self.name.as_deref()
    }

    /// Puts a restart marker into the data (RFC 959 §3.5), in block or compressed mode.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] in other modes.
    pub fn mark(&mut self, marker: &[u8]) -> Result<(), Error> {
        let marked = self.encoder.insert_marker(marker, &mut self.wire);
        marked
            .map(drop)
            .map_err(|error| ErrorKind::Unsupported(error.to_string()).into())
    }

    /// Says that this was all, and waits until the server has said that it has all.
    ///
    /// # Errors
    /// What made the transfer fail.
    pub async fn finish(&mut self) -> Result<Reply, Error> {
        if let Err(error) = poll_fn(|cx| self.poll_close(cx)).await {
            return Err(self.failure(error));
        }
        match &self.ending {
            Ending::Ended(outcome) => {
                if let (None, Some(reply)) = (&self.name, outcome.replies.last()) {
                    self.name = answer::unique_name(reply);
                }
                outcome
                    .replies
                    .last()
                    .cloned()
                    .ok_or_else(|| broken("no reply"))
            }
            Ending::Failed(error) => Err(error.clone()),
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
        self.flow = None;
        self.ending = Ending::Failed(error.clone());
        error.into()
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .wire
            .get(self.sent_of_wire..)
            .filter(|rest| !rest.is_empty())
        {
            let Some(flow) = &mut self.flow else {
                return Poll::Ready(Err(self.gone()));
            };
            match ready!(flow.poll_write(cx, rest)) {
                Ok(n) => {
                    self.sent_of_wire += n;
                    self.sent += n as u64;
                }
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
        }
        self.wire.clear();
        self.sent_of_wire = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.ending, Ending::Flowing) {
            if !self.ended {
                self.ended = true;
                if let Err(error) = self.encoder.finish(&mut self.wire) {
                    return Poll::Ready(Err(self.fail(codec(error))));
                }
            }
            ready!(self.poll_send(cx))?;
            if let Some(flow) = &mut self.flow {
                match ready!(flow.poll_finish(cx)) {
                    Ok(()) => {}
                    Err(error) => return Poll::Ready(Err(self.fail(error))),
                }
            }
            if let Some(flow) = self.flow.take() {
                self.ending = Ending::Waiting(Box::pin(flow.end()));
            }
        }
        if let Ending::Waiting(end) = &mut self.ending {
            match ready!(end.as_mut().poll(cx)) {
                Ok(outcome) => self.ending = Ending::Ended(outcome),
                Err(error) => self.ending = Ending::Failed(error),
            }
        }
        match &self.ending {
            Ending::Failed(error) => Poll::Ready(Err(error.clone().into())),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn gone(&self) -> io::Error {
        match &self.ending {
            Ending::Failed(error) => error.clone().into(),
            _ => io::ErrorKind::BrokenPipe.into(),
        }
    }
}

impl AsyncWrite for Upload {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        let Some(flow) = &mut this.flow else {
            return Poll::Ready(Err(this.gone()));
        };
        if this.transparent {
            return match ready!(flow.poll_write(cx, octets)) {
                Ok(n) => {
                    this.sent += n as u64;
                    Poll::Ready(Ok(n))
                }
                Err(error) => Poll::Ready(Err(this.fail(error))),
            };
        }
        let part = octets.get(..CHUNK).unwrap_or(octets);
        if let Err(error) = this.encoder.encode(part, &mut this.wire) {
            return Poll::Ready(Err(this.fail(codec(error))));
        }
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_close(cx)
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}
