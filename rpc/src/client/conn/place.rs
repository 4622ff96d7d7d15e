//! Places: how many calls there are at once, and what is left when one is dropped.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use fairway_stack::Instant;
use fairway_xdr::Encoder;

use super::{Conn, Status};
use crate::client::core::Terms;
use crate::error::CallError;

impl Conn {
    /// Takes a place for a call of about so many octets, waiting for one if need be.
    pub(in crate::client) async fn admit(
        self: &Arc<Self>,
        octets: usize,
        terms: Terms,
    ) -> Result<(Place, Encoder), CallError> {
        if let Some(place) = self.try_admit(octets, terms)? {
            return Ok(place);
        }
        let waiting = Waiting::new(self)?;
        let wait = async {
            loop {
                let mut room = pin!(self.room.notified());
                room.as_mut().enable();
                if let Some((mut place, frame)) = self.try_admit(octets, terms)? {
                    place.began = None;
                    return Ok((place, frame));
                }
                room.await;
            }
        };
        let place = match terms.deadline {
            Some(deadline) => match self.clock.timeout_at(deadline, wait).await {
                Ok(place) => place,
                Err(_) => Err(CallError::TimedOut),
            },
            None => wait.await,
        };
        drop(waiting);
        // There may be room for the next one as well.
        self.tell_room();
        place
    }

    pub(super) fn try_admit(
        self: &Arc<Self>,
        octets: usize,
        terms: Terms,
    ) -> Result<Option<(Place, Encoder)>, CallError> {
        let mut state = self.state();
        if state.status == Status::Closed {
            return Err(CallError::Closed);
        }
        let Some(xid) = state.core.handle_reserve(octets, terms) else {
            return Ok(None);
        };
        let frame = state.core.frame();
        drop(state);
        Ok(Some((
            Place {
                conn: Arc::clone(self),
                xid,
                began: terms.began,
                done: false,
            },
            frame,
        )))
    }

    /// Waits until there may be room.
    pub(in crate::client) async fn batch_room(self: &Arc<Self>) -> Result<(), CallError> {
        let _waiting = Waiting::new(self)?;
        self.room.notified().await;
        Ok(())
    }
}

/// A call waits for a place.
struct Waiting<'a>(&'a Conn);

impl<'a> Waiting<'a> {
    fn new(conn: &'a Conn) -> Result<Self, CallError> {
        if conn.waiting.fetch_add(1, Ordering::SeqCst) >= conn.config.limits.waiting {
            conn.waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(CallError::Overloaded);
        }
        Ok(Self(conn))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A call's place among those in flight; dropping it drops the call.
pub(in crate::client) struct Place {
    conn: Arc<Conn>,
    pub(in crate::client) xid: u32,
    /// The time, if it was read without waiting since: the timer may not have gone off meanwhile.
    began: Option<Instant>,
    /// The outcome was taken, and the place with it.
    done: bool,
}

impl Place {
    /// Queues the call and waits for its reply, or for all before it to be written if it gets none.
    pub(in crate::client) async fn exchange(
        mut self,
        frame: Encoder,
        terms: &Terms,
    ) -> Result<Bytes, CallError> {
        let mut first = Some((frame, self.began));
        let (conn, xid) = (&*self.conn, self.xid);
        let call = std::future::poll_fn(|cx| conn.poll_call(cx, xid, &mut first));
        let outcome = match terms.deadline {
            // Nobody else watches the time here.
            Some(deadline) if conn.link.is_some() => {
                match conn.clock.timeout_at(deadline, call).await {
                    Ok(outcome) => outcome,
                    Err(_) => return Err(CallError::TimedOut),
                }
            }
            _ => call.await,
        };
        self.done = true;
        outcome
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.done {
            self.conn.cancel(self.xid);
        }
    }
}
