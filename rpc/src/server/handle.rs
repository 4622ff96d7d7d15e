//! A connection, or a datagram socket, as others see it: the server that stops it, callbacks that send over it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;

use super::context::Origin;
use super::parked::{Wakeups, lock};
use crate::client::{Client, ClientConfig};
use crate::transport::{Link, LinkError};

/// A connection, for those who are not its task: the server that stops it, and callbacks that send over it.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) origin: Arc<Origin>,
    pub(crate) wakeups: Arc<Wakeups>,
    /// What it is asked to do, one of the constants.
    wish: AtomicU8,
    /// Records that callbacks want to be sent.
    outbox: Mutex<Outbox>,
    max_queued: usize,
    /// The client for calls the other way, once somebody has asked for it.
    callback: Mutex<Callback>,
}

#[derive(Debug, Default)]
enum Callback {
    #[default]
    Unused,
    Used(Client),
    Closed,
}

#[derive(Debug, Default)]
struct Outbox {
    records: Vec<Bytes>,
    octets: usize,
    closed: bool,
}

const GO_ON: u8 = 0;
const FINISH: u8 = 1;
const STOP: u8 = 2;

impl Handle {
    /// `origin` is given the handle's own address, for callbacks.
    pub(crate) fn new(max_queued: usize, origin: impl FnOnce(Weak<Self>) -> Origin) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            origin: Arc::new(origin(Weak::clone(own))),
            wakeups: Arc::default(),
            wish: AtomicU8::new(GO_ON),
            outbox: Mutex::default(),
            max_queued,
            callback: Mutex::default(),
        })
    }

    /// The client for calls the other way; none once the connection has ended.
    pub(crate) fn callback(self: Arc<Self>) -> Option<Client> {
        let link = Arc::clone(&self);
        let mut callback = lock(&self.callback);
        match &*callback {
            Callback::Used(client) => Some(client.clone()),
            Callback::Closed => None,
            Callback::Unused => {
                let client = Client::over(&self.origin.net, link, ClientConfig::default());
                *callback = Callback::Used(client.clone());
                Some(client)
            }
        }
    }

    /// The client that replies are for, if any.
    pub(crate) fn called_back(&self) -> Option<Client> {
        match &*lock(&self.callback) {
            Callback::Used(client) => Some(client.clone()),
            Callback::Unused | Callback::Closed => None,
        }
    }

    /// The connection has ended.
    pub(crate) fn close(&self) {
        lock(&self.outbox).closed = true;
        self.close_callback();
    }

    /// No reply comes any more: calls the other way fail, and none is begun.
    pub(crate) fn close_callback(&self) {
        let callback = std::mem::replace(&mut *lock(&self.callback), Callback::Closed);
        if let Callback::Used(client) = callback {
            client.link_closed();
        }
    }

    /// Hands over the records that callbacks want to be sent.
    pub(crate) fn take_records(&self, take: impl FnMut(Bytes)) {
        let mut outbox = lock(&self.outbox);
        outbox.octets = 0;
        outbox.records.drain(..).for_each(take);
    }

    /// Asks it to read no more, to answer what runs, and to end.
    pub(crate) fn finish(&self) {
        self.wish.fetch_max(FINISH, Ordering::AcqRel);
        self.wakeups.wake();
    }

    /// Whether it was asked to read no more.
    pub(crate) fn is_finishing(&self) -> bool {
        self.wish.load(Ordering::Acquire) >= FINISH
    }

    /// Whether it was asked to end at once.
    pub(crate) fn is_stopped(&self) -> bool {
        self.wish.load(Ordering::Acquire) >= STOP
    }

    /// Asks it to end at once.
    pub(crate) fn stop(&self) {
        self.wish.fetch_max(STOP, Ordering::AcqRel);
        self.wakeups.wake();
    }
}

impl Link for Handle {
    fn send(&self, message: Bytes) -> Result<(), LinkError> {
        let mut outbox = lock(&self.outbox);
        if outbox.closed {
            return Err(LinkError::Closed);
        }
        if outbox.octets > 0 && outbox.octets.saturating_add(message.len()) > self.max_queued {
            return Err(LinkError::Full);
        }
        outbox.octets += message.len();
        outbox.records.push(message);
        drop(outbox);
        self.wakeups.wake();
        Ok(())
    }
}
