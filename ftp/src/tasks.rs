//! Tasks that end with whoever waits for them.

use fairway_stack::{Net, Task, TaskEnded};
use std::future::Future;

/// Tasks that are stopped when this is dropped.
pub(crate) struct Tasks<T>(Vec<Task<T>>);

impl<T: Send + 'static> Tasks<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn spawn(&mut self, net: &Net, future: impl Future<Output = T> + Send + 'static) {
        self.0.push(net.spawn(future));
    }

    /// Waits for all, in order.
    pub(crate) async fn join(&mut self) -> Vec<Result<T, TaskEnded>> {
        let mut results = Vec::with_capacity(self.0.len());
        for task in &mut self.0 {
            results.push(task.await);
        }
        self.0.clear();
        results
    }
}

impl<T> Drop for Tasks<T> {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}
