//! One file from one server to another.

use crate::args::TransferOptions;
use crate::exit::{Failure, Outcome, inner};
use crate::output::name;
use crate::progress::Total;
use crate::tool::Tool;
use crate::transfer::{Moved, Status, Way, time_of};
use fairway_ftp::list::Modified;
use fairway_ftp::{
    Error, ErrorKind, Name, ProgressSink, RelayReport, Report, Site, Verified, Verify,
};
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

/// Whether what is asked for can be had.
///
/// # Errors
/// What only goes where the octets pass here.
pub(crate) fn check(options: &TransferOptions, through: bool) -> Outcome {
    if options.limit_rate.is_some() && !through {
        return Err(Failure::usage(
            "two servers are as fast as they like; --limit-rate needs --through",
        ));
    }
    Ok(())
}

/// Copies it.
pub(crate) async fn copy(tool: Arc<Tool>, job: CopyJob, way: Way, total: Total) -> Outcome<Moved> {
    let (source, target) = (shown(&job.from, &job.source), shown(&job.to, &job.target));
    let bar = total.file(&source, job.size);
    let ticket = tool.begin(&target, false);
    let both = format!("{source} → {target}");
    let copied = if way.through {
        let report = through(&job, &way, bar.sink()).await;
        report.map(|report| Moved::new("cp", source, target.clone(), &report))
    } else {
        let report = direct(&tool, &job, &way, bar.sink()).await;
        report.map(|report| moved(source, target.clone(), &report))
    };
    ticket.end();
    drop(bar);
    let moved = copied.map_err(|error| {
        let mut failure = Failure::ftp(both, &error);
        let apart = matches!(
            inner(&error),
            ErrorKind::ThirdParty { .. } | ErrorKind::DataConnection { .. }
        );
        if apart && !way.through {
            failure.text += "; --through copies it through this machine";
        }
        failure
    })?;
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
    if !way.silent {
        moved.show(&tool);
    }
    Ok(moved)
}

fn moved(source: String, target: String, report: &RelayReport) -> Moved {
    Moved {
        transferred_bytes: report.octets.unwrap_or_default(),
        time_secs: report.time.as_secs_f64(),
        retries: report.tries.saturating_sub(1),
        verified: match &report.verified {
            Verified::Size => Some("size".to_owned()),
            Verified::Hash(algorithm) => Some(algorithm.name().to_owned()),
            _ => None,
        },
        ..Moved::still("cp", source, target, Status::Done, report.octets)
    }
}

/// From one server straight to the other.
async fn direct(
    tool: &Tool,
    job: &CopyJob,
    way: &Way,
    sink: Option<ProgressSink>,
) -> Result<RelayReport, Error> {
    let (source, target) = (job.source.clone(), job.target.clone());
    let mut relay = tool.client.copy((&job.from, source), (&job.to, target));
    if way.verify != Verify::No {
        relay = relay.verify(way.verify);
    }
    if let Some(sink) = sink {
        relay = relay.progress(sink);
    }
    relay.run().await
}

/// Through this machine.
async fn through(job: &CopyJob, way: &Way, sink: Option<ProgressSink>) -> Result<Report, Error> {
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
fn of_reader(error: Error) -> Error {
    let inner = match error.kind() {
        ErrorKind::Local { source, .. } => source
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>())
            .cloned(),
        _ => None,
    };
    inner.unwrap_or(error)
}
