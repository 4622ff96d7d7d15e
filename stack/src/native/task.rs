//! Tasks of a host, which end with it.

use super::Host;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::Location;
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
    tasks: BTreeMap<u64, RunningTask>,
}

/// A task that has not ended.
struct RunningTask {
    /// None while it is being spawned.
    handle: Option<AbortHandle>,
    /// Where it was spawned.
    at: &'static Location<'static>,
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
        let tasks = std::mem::take(&mut self.lock().tasks);
        for handle in tasks.into_values().filter_map(|task| task.handle) {
            handle.abort();
        }
    }

    /// Where those that run were spawned, oldest first.
    pub(super) fn places(&self) -> Vec<&'static Location<'static>> {
        self.lock().tasks.values().map(|task| task.at).collect()
    }
}

/// Takes a task off the list when it ends, however it does.
struct Listed {
    tasks: Arc<Tasks>,
    number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let ended = self.tasks.lock().tasks.remove(&self.number);
        drop(ended);
    }
}

/// A task of a host.
#[derive(Debug)]
pub(crate) struct NativeTask<T> {
    handle: JoinHandle<T>,
}

impl<T: Send + 'static> NativeTask<T> {
    /// Runs `future`; on a host that has crashed, it ends before it begins.
    #[track_caller]
    pub(crate) fn new<F: Future<Output = T> + Send + 'static>(host: &Host, future: F) -> Self {
        let tasks = host.task_list().clone();
        let number = {
            let mut running = tasks.lock();
            running.begun += 1;
            let number = running.begun;
            let task = RunningTask {
                handle: None,
                at: Location::caller(),
            };
            running.tasks.insert(number, task);
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
        if let Some(task) = tasks.lock().tasks.get_mut(&number) {
            task.handle = Some(handle.abort_handle());
        }
        if host.is_down() {
            handle.abort();
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
