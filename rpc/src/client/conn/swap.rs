//! Exchanging the stream of a connection for another, for example an encrypted one.

use std::future::Future;
use std::io;

use super::{Conn, Status, Target, Wire};
use crate::client::stream::StreamIo;
use crate::error::CallError;
use crate::transport::Channel;

impl Conn {
    /// Exchanges the stream for another between two records; see [`Client::swap`](super::Client::swap).
    pub(in crate::client) async fn swap<F>(
        &self,
        f: impl FnOnce(Channel) -> F,
    ) -> Result<(), CallError>
    where
        F: Future<Output = io::Result<Channel>>,
    {
        let channel = {
            let mut io = self.io();
            let mut state = self.state();
            let idle = state.status == Status::Up
                && state.core.in_flight() == 0
                && !state.core.has_output();
            match std::mem::replace(&mut io.wire, Wire::None) {
                Wire::Stream(stream) if idle && stream.is_between_records() => {
                    state.status = Status::Swapping;
                    stream.channel
                }
                wire => {
                    io.wire = wire;
                    return Err(CallError::Overloaded);
                }
            }
        };
        let _undo = Undo(self);
        let exchanged = f(channel).await;
        let mut io = self.io();
        let mut state = self.state();
        if state.status == Status::Closed {
            return Err(CallError::Closed);
        }
        match exchanged {
            Ok(channel) => {
                io.wire = Wire::Stream(StreamIo::new(channel, self.config.limits.record));
                // A new connection would lack what the exchange has brought.
                state.target = Target::None;
                state.status = Status::Up;
                if state.core.has_output() || state.server.is_some() {
                    state.hand_to_task();
                }
                Ok(())
            }
            Err(error) => {
                drop(state);
                drop(io);
                Err(CallError::Send(error))
            }
        }
    }
}

/// Breaks the connection off when an exchange of streams is given up.
struct Undo<'a>(&'a Conn);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.status == Status::Swapping {
            state.status = Status::Down;
            state.hand_to_task();
        }
    }
}
