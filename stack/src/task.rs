//! Tasks of a [`Net`](crate::Net).

use crate::backend::Backend;
use crate::native::{Host, NativeTask};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A running task: wait for its result, stop it, or drop the handle and let it run.
#[derive(Debug)]
#[must_use = "dropping the handle detaches the task; write `drop` to say so"]
pub struct Task<T> {
    inner: Backend<tokio::task::JoinHandle<T>, NativeTask<T>>,
}

impl<T: Send + 'static> Task<T> {
    pub(crate) fn system<F: Future<Output = T> + Send + 'static>(future: F) -> Self {
        Self {
            inner: Backend::System(tokio::spawn(future)),
        }
    }

    #[track_caller]
    pub(crate) fn native<F: Future<Output = T> + Send + 'static>(host: &Host, future: F) -> Self {
        Self {
            inner: Backend::Native(NativeTask::new(host, future)),
        }
    }
}

impl<T> Task<T> {
    /// Stops the task at its next point of waiting; its values are dropped there.
    pub fn abort(&self) {
        match &self.inner {
            Backend::System(handle) => handle.abort(),
            Backend::Native(task) => task.abort(),
        }
    }

    /// Whether it has ended, in whatever way.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        match &self.inner {
            Backend::System(handle) => handle.is_finished(),
            Backend::Native(task) => task.is_finished(),
        }
    }

    /// Lets the task run on its own: the same as dropping the handle, said aloud.
    pub fn detach(self) {}
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskEnded>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = match &mut self.inner {
            Backend::System(handle) => ready!(Pin::new(handle).poll(cx)),
            Backend::Native(task) => ready!(Pin::new(task).poll(cx)),
        };
        Poll::Ready(ended.map_err(|error| {
            if error.is_panic() {
                TaskEnded::Panicked
            } else {
                TaskEnded::Stopped
            }
        }))
    }
}

/// Why a task has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskEnded {
    /// It was aborted, or its runtime or node has ended.
    #[error("the task was stopped")]
    Stopped,
    /// It panicked.
    #[error("the task panicked")]
    Panicked,
}
