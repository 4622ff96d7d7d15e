//! A UDP socket as the client uses it: connected, so that only its peer's datagrams arrive.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use fairway_stack::{RecvBatch, SendInfo, UdpSocket};

use super::core::Output;

/// Datagrams received by one system call. More than are expected: a call that comes back with fewer tells the
/// runtime that nothing is left.
const BATCH: usize = 16;

/// What came of sending a frame.
#[derive(Debug)]
pub(super) enum Sent {
    Done,
    /// Nothing fits now; the context is woken when something does.
    Blocked,
    Failed(io::Error),
}

/// A connected socket and room for what arrives.
#[derive(Debug)]
pub(super) struct DatagramIo {
    socket: Arc<UdpSocket>,
    batch: RecvBatch,
    /// Room for one datagram, one octet longer than a reply may be, so that a longer one shows.
    single: Box<[u8]>,
    /// Octets in a call, at most.
    longest: usize,
}

impl DatagramIo {
    pub(super) fn new(socket: UdpSocket, longest: usize, receive: usize) -> Self {
        let receive = receive.clamp(512, 65_535);
        Self {
            socket: Arc::new(socket),
            batch: RecvBatch::new(BATCH, receive),
            single: vec![0; receive + 1].into_boxed_slice(),
            longest,
        }
    }

    /// Receives one datagram for a caller who waits for one only: without the machinery of a batch. When it was the
    /// one, [`assume_drained`](Self::assume_drained) spares the call that would find nothing.
    pub(super) fn poll_receive_one(
        &mut self,
        cx: &mut Context<'_>,
        records: &mut Vec<Bytes>,
    ) -> Poll<io::Result<u64>> {
        loop {
            match self.socket.poll_recv_ready(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => result?,
            }
            match self.socket.try_recv(&mut self.single) {
                Ok(length) => {
                    let whole = length < self.single.len();
                    let octets = self.single.get(..length).filter(|_| whole);
                    records.extend(octets.map(Bytes::copy_from_slice));
                    return Poll::Ready(Ok(u64::from(!whole)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// The socket, to wait for errors on.
    pub(super) fn socket(&self) -> Arc<UdpSocket> {
        Arc::clone(&self.socket)
    }

    /// Nothing more is waited for: what may still be there is a repetition.
    pub(super) fn assume_drained(&self) {
        self.socket.assume_drained();
    }

    /// Receives what is there; gives the number of datagrams that were cut and are lost.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        records: &mut Vec<Bytes>,
    ) -> Poll<io::Result<u64>> {
        loop {
            match self.socket.poll_recv_ready(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => result?,
            }
            match self.socket.try_recv_batch(&mut self.batch) {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let mut cut = 0;
        for (octets, info) in self.batch.iter() {
            if info.truncated {
                cut += 1;
            } else {
                records.push(Bytes::copy_from_slice(octets));
            }
        }
        Poll::Ready(Ok(cut))
    }

    /// Sends one frame as one datagram.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, output: &Output) -> Sent {
        if output.frame.is_empty() {
            return Sent::Done;
        }
        if output.frame.len() > self.longest {
            return Sent::Failed(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "call of {} octets, at most {} over UDP",
                    output.frame.len(),
                    self.longest
                ),
            ));
        }
        loop {
            match self.try_send(output) {
                Ok(()) => return Sent::Done,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.socket.poll_send_ready(cx) {
                        Poll::Pending => return Sent::Blocked,
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Sent::Failed(error),
                    }
                }
                Err(error) => return Sent::Failed(error),
            }
        }
    }

    fn try_send(&self, output: &Output) -> io::Result<()> {
        let mut pieces = output.frame.segments();
        let first = pieces.next().unwrap_or_default();
        match pieces.next() {
            None => self.socket.try_send(first)?,
            Some(second) => {
                let slices: Vec<IoSlice<'_>> = [first, second]
                    .into_iter()
                    .chain(pieces)
                    .map(IoSlice::new)
                    .collect();
                self.socket.try_send_msg(&slices, &SendInfo::default())?
            }
        };
        Ok(())
    }
}
