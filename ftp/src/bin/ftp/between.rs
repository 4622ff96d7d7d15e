//! One file from one server to another.

use crate::exit::{Failure, Outcome};
use crate::output::name;
use crate::progress::Total;
use crate::tool::Tool;
use crate::transfer::{Moved, Way, time_of};
use fairway_ftp::list::Modified;
use fairway_ftp::{ErrorKind, Name, Site};
use jiff::Timestamp;
use std::sync::Arc;

/// A file to be copied.
#[derive(Clone, Debug)]
pub(crate) struct CopyJob {
    pub(crate) from: Site,
    pub(crate) source: Name,
    pub(crate) to: Site,
    pub(crate) target: Name,
    pub(crate) size: Option<u64>,
    pub(crate) time: Option<Modified>,
}

/// Where a file is, for people.
pub(crate) fn shown(site: &Site, path: &Name) -> String {
    format!("{}:{}", site.server().host(), name(path.raw()))
}

/// Copies it through this machine.
pub(crate) async fn copy(tool: Arc<Tool>, job: CopyJob, way: Way, total: Total) -> Outcome<Moved> {
    let (source, target) = (shown(&job.from, &job.source), shown(&job.to, &job.target));
    let bar = total.file(&source, job.size);
    let ticket = tool.begin(&target);
    let copied = through(&job, &way, bar.sink()).await;
    ticket.end();
    drop(bar);
    let report = copied.map_err(|error| Failure::ftp(format!("{source} → {target}"), &error))?;
    if way.keep_time
        && let Some(time) = time_of(&job.from, &job.source, job.time).await
        && let Ok(time) = Timestamp::try_from(time)
    {
        match job.to.set_modified(&job.target, time).await {
            Err(error) if !matches!(error.kind(), ErrorKind::Refused { .. }) => {
                return Err(Failure::ftp(target, &error));
            }
            _ => {}
        }
    }
    let moved = Moved::new("cp", source, target, &report);
    if !way.silent {
        moved.show(&tool);
    }
    Ok(moved)
}

async fn through(
    job: &CopyJob,
    way: &Way,
    sink: Option<fairway_ftp::ProgressSink>,
) -> Result<fairway_ftp::Report, fairway_ftp::Error> {
    let mut download = job.from.get(&job.source).reader().await?;
    let mut put = job.to.put(&job.target).verify(way.verify);
    if let Some(size) = job.size.or(download.announced_size()) {
        put = put.expected(size);
    }
    if let Some(rate) = way.rate {
        put = put.rate(rate);
    }
    if let Some(sink) = sink {
        put = put.progress(sink);
    }
    // The end of a download comes only when its server has said that all was sent.
    let report = put.from_reader(&mut download).await.map_err(of_reader)?;
    download.finish().await?;
    Ok(report)
}

/// A stream's error holds the server's, which is the one to tell.
fn of_reader(error: fairway_ftp::Error) -> fairway_ftp::Error {
    let inner = match error.kind() {
        ErrorKind::Local { source, .. } => source
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<fairway_ftp::Error>())
            .cloned(),
        _ => None,
    };
    inner.unwrap_or(error)
}
