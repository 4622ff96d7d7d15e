//! One connection of an application or of `rsvpctl`: a task that moves octets, and nothing else.
//!
//! ```text
//!   client ══ socket ══ task ── FromClient ──► service     bounded, shared by all
//!                            ◄── ToClient ───  service     bounded, one for each
//! ```
//!
//! The task sends what it read and reads on only when told to, so that a client that floods waits for itself.

use core::time::Duration;

use bytes::Bytes;
use fairway_stack::{Clock, LocalStream, Net, Task};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

/// Octets read at once: the server of applications takes no more.
const CHUNK: usize = 16 << 10;
/// Time for the last words of a connection that is being closed.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Names a connection; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConnectionId(pub(super) u64);

/// From a connection to the service.
#[derive(Debug)]
pub(super) struct FromClient {
    pub(super) connection: ConnectionId,
    pub(super) what: News,
}

#[derive(Debug)]
pub(super) enum News {
    /// Octets came. The next are read after [`ToClient::Read`].
    Octets(Bytes),
    /// What was to be sent is sent.
    Sent,
    /// It is over.
    Ended,
}

#[derive(Debug)]
enum ToClient {
    Read,
    Send(Bytes),
    Finish(Option<Bytes>),
}

/// The service's end of a connection. Dropping it ends the connection at once.
#[derive(Debug)]
pub(super) struct Connection {
    to: mpsc::Sender<ToClient>,
    task: Option<Task<()>>,
    /// Something is being sent.
    is_sending: bool,
    /// It was told to read, and nothing came yet.
    is_reading: bool,
}

impl Connection {
    /// Starts the task; it reads when told to.
    pub(super) fn start(
        net: &Net,
        id: ConnectionId,
        stream: LocalStream,
        inbox: mpsc::Sender<FromClient>,
    ) -> Self {
        // One each of Read, Send and Finish at a time.
        let (to, from) = mpsc::channel(4);
        let clock = net.clock();
        let task = net.spawn(run(clock, id, stream, inbox, from));
        Self {
            to,
            task: Some(task),
            is_sending: false,
            is_reading: false,
        }
    }

    /// Octets are wanted.
    pub(super) fn read(&mut self) {
        if !self.is_reading && self.to.try_send(ToClient::Read).is_ok() {
            self.is_reading = true;
        }
    }

    /// [`News::Octets`] came.
    pub(super) const fn has_read(&mut self) {
        self.is_reading = false;
    }

    /// Whether something can be sent now.
    pub(super) const fn is_idle(&self) -> bool {
        !self.is_sending
    }

    /// Sends octets, whole; only while it is idle.
    pub(super) fn send(&mut self, octets: Bytes) {
        if self.to.try_send(ToClient::Send(octets)).is_ok() {
            self.is_sending = true;
        }
    }

    /// [`News::Sent`] came.
    pub(super) const fn has_sent(&mut self) {
        self.is_sending = false;
    }

    /// Ends it after some last words, unless it is not even done with those before.
    pub(super) fn finish(mut self, last: Option<Bytes>) {
        if self.is_idle()
            && self.to.try_send(ToClient::Finish(last)).is_ok()
            && let Some(task) = self.task.take()
        {
            task.detach();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn run(
    clock: Clock,
    connection: ConnectionId,
    mut stream: LocalStream,
    inbox: mpsc::Sender<FromClient>,
    mut from: mpsc::Receiver<ToClient>,
) {
    let mut buffer = vec![0; CHUNK];
    let mut is_reading = false;
    let last = loop {
        let what = tokio::select! { biased;
            told = from.recv() => match told {
                Some(ToClient::Read) => {
                    is_reading = true;
                    continue;
                }
                Some(ToClient::Send(octets)) => match stream.write_all(&octets).await {
                    Ok(()) => News::Sent,
                    Err(_) => break None,
                },
                Some(ToClient::Finish(last)) => break last,
                None => break None,
            },
            read = stream.read(&mut buffer), if is_reading => match read {
                Ok(length @ 1..) => {
                    is_reading = false;
                    News::Octets(Bytes::copy_from_slice(buffer.get(..length).unwrap_or(&[])))
                }
                Ok(0) | Err(_) => break None,
            },
        };
        if inbox.send(FromClient { connection, what }).await.is_err() {
            return;
        }
    };
    if let Some(last) = last {
        // Who does not listen to the last words misses them.
        let _ = clock.timeout(LAST_WORDS, stream.write_all(&last)).await;
    }
    let what = News::Ended;
    // The service has gone: nobody to tell.
    let _ = inbox.send(FromClient { connection, what }).await;
}
