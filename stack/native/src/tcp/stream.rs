//! The calls of programs that write and read: `sockets.md` §5.5, §5.6.

use std::io::{IoSlice, IoSliceMut};

use super::endpoint::Endpoint;
use super::num::octets;
use super::state::State;
use super::table::ConnId;
use super::tcb::{Env, Tcb};
use super::tcp::{Tcp, env};
use super::types::{Context, RecvFlags, SendFlags};
use crate::errno::Errno;

impl Tcp {
    /// Takes octets to send, as many as there is room for (SND-2, SND-4).
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] if there is no room or the connection is not yet there, [`Errno::NotConn`] without a
    /// connection, [`Errno::Pipe`] after sending was shut down or the connection has ended, and once the error it ended
    /// with.
    pub fn send(
        &mut self,
        cx: &mut Context<'_>,
        id: ConnId,
        buffers: &[IoSlice<'_>],
        flags: SendFlags,
    ) -> Result<usize, Errno> {
        let tcb = match self.endpoints.get_mut(id) {
            Some(Endpoint::Connection(tcb)) if !tcb.is.orphan && !tcb.is.unaccepted => tcb,
            Some(Endpoint::Idle(idle)) => {
                return Err(idle.error.take().unwrap_or(Errno::NotConn));
            }
            Some(Endpoint::Listener(_)) => return Err(Errno::NotConn),
            Some(Endpoint::Connection(_)) | None => return Err(Errno::NotSock),
        };
        let sent = tcb.write(&mut env!(self, cx), buffers, flags)?;
        self.finish(cx, id.index, None);
        Ok(sent)
    }

    /// Gives octets that have arrived; 0 is the end of the stream (RCV-2).
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] if nothing is there (RCV-4, RCV-6), [`Errno::NotConn`] without a connection,
    /// [`Errno::Inval`] for urgent data where there is none, and once the error the connection ended with.
    pub fn recv(
        &mut self,
        cx: &mut Context<'_>,
        id: ConnId,
        buffers: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<usize, Errno> {
        let tcb = match self.endpoints.get_mut(id) {
            Some(Endpoint::Connection(tcb)) if !tcb.is.orphan && !tcb.is.unaccepted => tcb,
            Some(Endpoint::Idle(idle)) => {
                return Err(idle.error.take().unwrap_or(Errno::NotConn));
            }
            Some(Endpoint::Listener(_)) => return Err(Errno::NotConn),
            Some(Endpoint::Connection(_)) | None => return Err(Errno::NotSock),
        };
        let got = tcb.read(&mut env!(self, cx), buffers, flags)?;
        self.finish(cx, id.index, None);
        Ok(got)
    }
}

impl Tcb {
    fn write(
        &mut self,
        env: &mut Env<'_, '_>,
        buffers: &[IoSlice<'_>],
        flags: SendFlags,
    ) -> Result<usize, Errno> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        match self.state {
            State::Established | State::CloseWait => {}
            // SND-3 for a connection that is not there yet.
            State::SynSent | State::SynReceived => return Err(Errno::WouldBlock),
            State::Closed if !self.is.was_established => return Err(Errno::NotConn),
            State::Closed
            | State::Listen
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait => return Err(Errno::Pipe),
        }
        let room = self.send_room();
        if room == 0 {
            if self.options.send_auto {
                self.tune_send_buffer(env);
            }
            if self.send_room() == 0 {
                return Err(Errno::WouldBlock);
            }
        }
        let written = self.send_queue.write(buffers, self.send_room());
        let all = buffers.iter().map(|buffer| buffer.len()).sum::<usize>() == written;
        if flags.oob && written > 0 && all {
            self.mark_urgent();
        }
        if flags.eof && all {
            self.close_sending(env, "MSG_EOF");
        }
        self.is.more = flags.more;
        self.is.dirty = true;
        Ok(written)
    }

    fn read(
        &mut self,
        env: &mut Env<'_, '_>,
        buffers: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<usize, Errno> {
        if flags.oob {
            let octet = self.take_urgent(flags.peek)?;
            let place = buffers.iter_mut().find_map(|buffer| buffer.first_mut());
            return Ok(match place {
                Some(place) => {
                    *place = octet;
                    1
                }
                None => 0,
            });
        }
        let limit = self.readable_now();
        if limit == 0 {
            return self.nothing_to_read();
        }
        if flags.wait_all && !self.at_end() && self.error.is_none() {
            let wanted: usize = buffers.iter().map(|buffer| buffer.len()).sum();
            let stopped = limit < self.recv_queue.len();
            let full = octets(self.options.recv_buffer) <= self.recv_queue.len();
            if limit < wanted && !stopped && !full {
                return Err(Errno::WouldBlock);
            }
        }
        let got = self.recv_queue.read(buffers, limit, flags.peek);
        if !flags.peek && got > 0 {
            if self.urgent.is_some() {
                self.passed_mark();
            }
            self.tune_recv_buffer(env, got);
            self.window_opened(env);
        }
        Ok(got)
    }

    fn nothing_to_read(&mut self) -> Result<usize, Errno> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if self.at_end() {
            return Ok(0);
        }
        match self.state {
            State::Closed if !self.is.was_established => Err(Errno::NotConn),
            State::Closed | State::TimeWait => Ok(0),
            _ => Err(Errno::WouldBlock),
        }
    }
}
