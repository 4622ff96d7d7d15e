//! Tasks of a host, which end with it.

use super::Host;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::task::{AbortHandle, JoinError, JoinHandle};

/// The tasks that run on a host.
pub(super) struct Tasks {
    runtime: Option<tokio::runtime::Handle>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    /// Numbers the tasks, so that they end in the order in which they began.
    begun: u64,
    handles: BTreeMap<u64, Option<AbortHandle>>,
}

impl Tasks {
    pub(super) fn new(runtime: Option<tokio::runtime::Handle>) -> Self {
        Self {
            runtime,
            running: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all of them, at their next point of waiting.
    pub(super) fn abort_all(&self) {
        let handles = std::mem::take(&mut self.lock().handles);
        for handle in handles.into_values().flatten() {
            handle.abort();
        }
    }
}

/// Takes a task off the list when it ends, however it does.
struct Listed {
    tasks: Arc<Tasks>,
    number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let ended = self.tasks.lock().handles.remove(&self.number);
        drop(ended);
    }
}

/// A task of a host.
#[derive(Debug)]
pub(crate) struct NativeTask<T> {
    handle: JoinHandle<T>,
}

impl<T: Send + 'static> NativeTask<T> {
    pub(crate) fn new<F: Future<Output = T> + Send + 'static>(host: &Host, future: F) -> Self {
        let tasks = host.tasks().clone();
        let number = {
            let mut running = tasks.lock();
            running.begun += 1;
            let number = running.begun;
            running.handles.insert(number, None);
            number
        };
        let listed = Listed {
            tasks: tasks.clone(),
            number,
        };
        let run = async move {
            let _listed = listed;
            future.await
        };
        let handle = match &tasks.runtime {
            Some(runtime) => runtime.spawn(run),
            None => tokio::spawn(run),
        };
        // It may have ended already, on another thread.
        if let Some(entry) = tasks.lock().handles.get_mut(&number) {
            *entry = Some(handle.abort_handle());
        }
        Self { handle }
    }
}

impl<T> NativeTask<T> {
    pub(crate) fn abort(&self) {
        self.handle.abort();
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<T> Future for NativeTask<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.handle).poll(cx)
    }
}
