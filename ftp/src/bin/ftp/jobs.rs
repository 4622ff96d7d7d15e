//! Several files at the same time.

use crate::exit::{Failure, Outcome};
use crate::tool::Tool;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Whether each file has a target of its own. Of two with the same one, the second would overwrite the first; at the
/// same time, each would spoil the other.
///
/// # Errors
/// The first two that have not.
pub(crate) fn distinct<T: Ord>(
    jobs: impl IntoIterator<Item = (String, T)>,
    shown: impl Fn(&T) -> String,
) -> Outcome {
    let mut taken = BTreeMap::new();
    for (from, to) in jobs {
        match taken.entry(to) {
            Entry::Vacant(free) => drop(free.insert(from)),
            Entry::Occupied(other) => {
                return Err(Failure::usage(format!(
                    "{} and {from} would both become {}",
                    other.get(),
                    shown(other.key())
                )));
            }
        }
    }
    Ok(())
}

/// Runs `work` on every item, at most `parallel` at a time, and says what fails. Goes on with the others, unless there
/// is no answer any more. Gives what succeeded, in the order of the items, and how it ended.
pub(crate) async fn each<T, R, F, W>(
    tool: &Arc<Tool>,
    items: Vec<T>,
    parallel: u16,
    work: W,
) -> (Vec<R>, Outcome)
where
    T: Send + 'static,
    R: Send + 'static,
    F: Future<Output = Outcome<R>> + Send + 'static,
    W: Fn(T) -> F,
{
    let mut running = JoinSet::new();
    let mut waiting = items.into_iter().enumerate();
    let mut done = Vec::new();
    let mut failure: Option<Failure> = None;
    let mut ended = false;
    loop {
        while !ended && running.len() < usize::from(parallel.max(1)) {
            let Some((at, item)) = waiting.next() else {
                break;
            };
            let job = work(item);
            running.spawn(async move { (at, job.await) });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((at, Ok(result)))) => done.push((at, result)),
            Some(Ok((_, Err(error)))) => {
                ended |= error.ends_all;
                tool.fail(&error);
                failure.get_or_insert(error);
            }
            // A task of ours neither panics nor is cancelled; if it was, that is no success.
            Some(Err(error)) => {
                failure.get_or_insert(Failure::refused(error.to_string()));
            }
        }
    }
    done.sort_by_key(|(at, _)| *at);
    let done = done.into_iter().map(|(_, result)| result).collect();
    (
        done,
        failure.map_or(Ok(()), |failure| Err(Failure::told(failure.exit))),
    )
}
