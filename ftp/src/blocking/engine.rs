//! The thread on which connections live.

use crate::error::{Error, ErrorKind};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread, ThreadId};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A runtime that a thread drives as long as there is an engine.
#[derive(Debug)]
pub(super) struct Engine {
    handle: Handle,
    thread: ThreadId,
    /// Dropped, it ends the thread.
    _end: oneshot::Sender<()>,
}

impl Engine {
    pub(super) fn start() -> Result<Self, Error> {
        let failed = |error: std::io::Error| {
            let source = error.into();
            Error::from(ErrorKind::Socket { source })
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name("fairway-ftp".into())
            .spawn(move || {
                // It ends when the sender is dropped.
                let _ = runtime.block_on(ended);
                // Files that are being written on the blocking pool are not waited for.
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Self {
            handle,
            thread: thread.thread().id(),
            _end: end,
        })
    }

    /// Runs `action` where tasks can be spawned and sockets made.
    pub(super) fn enter<T>(&self, action: impl FnOnce() -> T) -> T {
        let _context = self.handle.enter();
        action()
    }

    /// Runs a future on this thread until it is done; the engine's thread wakes it.
    pub(super) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.check_thread();
        let _context = self.handle.enter();
        // Within a task of another runtime, that one's budget must not count: it would never be refilled.
        let mut future = pin!(tokio::task::unconstrained(future));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            match future.as_mut().poll(&mut cx) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Runs a future on the engine's thread: what moves much data needs no other thread's help there.
    pub(super) fn run<F, T>(&self, future: F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        self.check_thread();
        let (done, output) = mpsc::channel();
        self.handle.spawn(async move {
            // Somebody waits for it.
            let _ = done.send(future.await);
        });
        // The other end is gone only if the task panicked.
        output
            .recv()
            .unwrap_or_else(|_| Err(ErrorKind::Closed.into()))
    }

    #[expect(clippy::panic, reason = "documented; the other choice is to hang")]
    fn check_thread(&self) {
        if thread::current().id() == self.thread {
            panic!("a blocking call on the thread that would have to answer it");
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
