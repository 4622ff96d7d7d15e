//! What sockets are ready for, and who waits for it (sockets.md §5.5, §5.6).

use super::Stack;
use crate::errno::Errno;
use crate::sock::{Interest, Kind, Readiness, SocketId};
use std::task::Waker;

/// What a wait for a socket came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// It is over.
    Now(Readiness),
    /// The waker is remembered.
    Later,
}

impl Stack {
    /// What a socket is ready for (SEL-2).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    #[inline]
    pub fn readiness(&self, id: SocketId) -> Result<Readiness, Errno> {
        match &self.sockets.get(id)?.kind {
            Kind::Udp(endpoint) | Kind::Raw(_, endpoint) => Ok(Readiness {
                read: endpoint.is_readable(),
                write: true,
                urgent: false,
                error: endpoint.error.is_some(),
                closed: endpoint.read_shutdown && endpoint.write_shutdown,
            }),
            Kind::Tcp(conn) => {
                let Ok(ready) = self.tcp.readiness(*conn) else {
                    // It is being closed, and lingers or is done with that.
                    return Ok(Readiness {
                        closed: !self.tcp.lingers(*conn),
                        ..Readiness::default()
                    });
                };
                Ok(Readiness {
                    read: ready.readable,
                    write: ready.writable,
                    urgent: ready.exceptional,
                    error: ready.error,
                    closed: ready.closed,
                })
            }
            Kind::Local(local) => self.local.readiness(*local),
        }
    }

    /// Waits until a socket is ready for `interest`: if it is, says so, and else remembers to wake `waker`. Spurious
    /// wake-ups are possible; the number of wakers kept is bounded.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn poll_ready(
        &mut self,
        id: SocketId,
        interest: Interest,
        waker: &Waker,
    ) -> Result<Ready, Errno> {
        let readiness = self.readiness(id)?;
        if readiness.satisfies(interest) {
            return Ok(Ready::Now(readiness));
        }
        self.wait(id, interest, waker)?;
        Ok(Ready::Later)
    }

    /// Remembers to wake `waker` at the next news of that kind.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn wait(&mut self, id: SocketId, interest: Interest, waker: &Waker) -> Result<(), Errno> {
        let socket = self.sockets.get_mut(id)?;
        socket.waiters.add(interest, waker);
        Ok(())
    }

    /// Wakes all who wait for a socket, for nothing: they look again.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn interrupt(&mut self, id: SocketId) -> Result<(), Errno> {
        let socket = self.sockets.get_mut(id)?;
        socket.waiters.wake_all(&mut self.woken);
        Ok(())
    }
}
