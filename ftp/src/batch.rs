//! Many transfers, some at a time.

use crate::client::{Client, lock};
use crate::error::{Error, ErrorKind};
use crate::tasks::Tasks;
use crate::transfer::{Get, Put, Report};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

type Job<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Jobs of which at most so many run at once, each on a connection of its own out of the pool; made by
/// [`Client::batch`].
///
/// ```no_run
/// use fairway_ftp::{Client, Server};
/// use fairway_stack::Net;
///
/// # async fn example() -> Result<(), fairway_ftp::Error> {
/// let client = Client::new(Net::system());
/// let site = client.site(Server::new("ftp.example.org"));
/// let mut batch = client.batch(4);
/// for name in site.names(None).await? {
///     let local = format!("mirror/{name}");
///     batch.get(site.get(name), local);
/// }
/// for result in batch.run().await {
///     println!("{} octets", result?.octets);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is done before it is run"]
pub struct Batch<T> {
    client: Client,
    at_once: usize,
    stop_at_error: bool,
    jobs: Vec<Job<T>>,
}

impl Client {
    /// An empty batch, of which at most `at_once` jobs will run at a time (at least one, at most as many as there may be
    /// connections).
    pub fn batch<T: Send + 'static>(&self, at_once: usize) -> Batch<T> {
        let limit = self.limits().connections.max(1);
        Batch {
            client: self.clone(),
            at_once: at_once.clamp(1, limit),
            stop_at_error: false,
            jobs: Vec::new(),
        }
    }
}

impl<T: Send + 'static> Batch<T> {
    /// Whether an error keeps the jobs that have not begun from beginning: they end with [`ErrorKind::Skipped`]. Those
    /// that run are not disturbed. By default all are done.
    pub fn stop_at_error(mut self, stop: bool) -> Self {
        self.stop_at_error = stop;
        self
    }

    /// Adds a job: anything that gives a result.
    pub fn add(&mut self, job: impl Future<Output = Result<T, Error>> + Send + 'static) {
        self.jobs.push(Box::pin(job));
    }

    /// How many jobs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Runs the jobs; their results in the order in which they were added.
    ///
    /// # Cancel safety
    /// Jobs that run are stopped where they are, each with what that means for it.
    pub async fn run(self) -> Vec<Result<T, Error>> {
        let net = self.client.net();
        let count = self.jobs.len();
        let mut results = Vec::new();
        results.resize_with(count, || None);
        let board = Arc::new(Board {
            queue: Mutex::new(self.jobs.into_iter().enumerate().collect()),
            results: Mutex::new(results),
        });
        let mut tasks = Tasks::new();
        for _ in 0..self.at_once.min(count) {
            tasks.spawn(net, work(Arc::clone(&board), self.stop_at_error));
        }
        // One that panicked leaves its job without a result.
        let _ = tasks.join().await;
        let results = std::mem::take(&mut *lock(&board.results));
        let skipped = || Err(ErrorKind::Skipped.into());
        let results = results.into_iter();
        results
            .map(|result| result.unwrap_or_else(skipped))
            .collect()
    }
}

impl Batch<Report> {
    /// Adds a file to be got into a local one.
    pub fn get(&mut self, get: Get, local: impl Into<PathBuf>) {
        self.add(get.to_file(local.into()));
    }

    /// Adds a local file to be put.
    pub fn put(&mut self, put: Put, local: impl Into<PathBuf>) {
        self.add(put.from_file(local.into()));
    }
}

/// What is to be done, and what came of it.
struct Board<T> {
    queue: Mutex<VecDeque<(usize, Job<T>)>>,
    results: Mutex<Vec<Option<Result<T, Error>>>>,
}

/// Does one job after the other, as long as there are some.
async fn work<T>(board: Arc<Board<T>>, stop_at_error: bool) {
    loop {
        let next = lock(&board.queue).pop_front();
        let Some((at, job)) = next else { return };
        let result = job.await;
        if stop_at_error && result.is_err() {
            lock(&board.queue).clear();
        }
        if let Some(place) = lock(&board.results).get_mut(at) {
            *place = Some(result);
        }
    }
}

impl<T> fmt::Debug for Batch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("jobs", &self.jobs.len())
            .field("at_once", &self.at_once)
            .finish_non_exhaustive()
    }
}
