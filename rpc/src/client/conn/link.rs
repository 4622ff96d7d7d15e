//! Calls over a link, which somebody else reads, and the link that a connection is to callbacks.

use std::io;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use fairway_xdr::Encoder;

use super::{Conn, Status, wake};
use crate::client::core::Output;
use crate::error::CallError;
use crate::transport::{Link, LinkError};

/// Sends replies over the connection that their calls came by.
#[derive(Debug)]
pub(super) struct Back(pub(super) Weak<Conn>);

impl Link for Back {
    fn send(&self, message: Bytes) -> Result<(), LinkError> {
        let conn = self.0.upgrade().ok_or(LinkError::Closed)?;
        let mut frame = Encoder::segmented(0);
        // A record is a multiple of four octets; anything else would be a fault of the server's.
        frame.raw_shared(&message).map_err(|_| LinkError::Closed)?;
        conn.send_loose(frame)
    }
}

impl Conn {
    /// A reply that came by the connection under the link.
    pub(in crate::client) fn deliver(&self, reply: Bytes) {
        let mut state = self.state();
        state.core.handle_record(reply, None);
        let mut wakes = std::mem::take(&mut state.core.wakes);
        drop(state);
        wake(&mut wakes);
    }

    /// The connection under the link has ended.
    pub(in crate::client) fn link_closed(&self) {
        let mut state = self.state();
        let error = Arc::new(io::Error::from(io::ErrorKind::ConnectionAborted));
        state.core.handle_lost(&error);
        state.core.handle_failed(|| CallError::Closed, false);
        state.status = Status::Closed;
        let mut wakes = std::mem::take(&mut state.core.wakes);
        drop(state);
        wake(&mut wakes);
        self.room.notify_waiters();
    }

    pub(super) fn send_by_link(&self) {
        let Some(link) = &self.link else {
            return;
        };
        let now = self.clock.now();
        loop {
            let Some(Output { xid, frame, octets }) = self.state().core.poll_output() else {
                break;
            };
            let message = frame.into_bytes();
            let sent = if message.is_empty() {
                Ok(())
            } else {
                link.send(message)
            };
            let output = Output {
                xid,
                frame: Encoder::new(),
                octets,
            };
            let mut state = self.state();
            match sent {
                Ok(()) => state.core.handle_sent(now, output),
                Err(error) => state
                    .core
                    .handle_send_failed(output, io::Error::new(io::ErrorKind::BrokenPipe, error)),
            }
            let mut wakes = std::mem::take(&mut state.core.wakes);
            drop(state);
            wake(&mut wakes);
        }
        self.tell_room();
    }
}
