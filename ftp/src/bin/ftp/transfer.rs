//! One file there or back, as get, put, mirror, cp and the shell need it.

use crate::args::{self, TransferOptions};
use crate::exit::{Failure, Outcome, is_closed_pipe};
use crate::output::{name, print_json};
use crate::progress::Total;
use crate::size::human;
use crate::tool::Tool;
use fairway_ftp::list::{Modified, Precision};
use fairway_ftp::{Error, ErrorKind, Get, Name, Put, Report, Site, Verify};
use jiff::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// How files are moved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    pub(crate) text: bool,
    pub(crate) resume: bool,
    pub(crate) keep_time: bool,
    pub(crate) verify: Verify,
    /// Connections for one file.
    pub(crate) segments: u16,
    pub(crate) rate: Option<u64>,
    /// Between servers: through this machine.
    pub(crate) through: bool,
    /// Say nothing about each file.
    pub(crate) silent: bool,
}

impl Way {
    pub(crate) fn new(options: &TransferOptions, text: bool) -> Self {
        Self {
            text,
            resume: options.resume,
            keep_time: !options.no_keep_time,
            verify: match options.verify {
                None => Verify::No,
                Some(args::Verify::Size) => Verify::Size,
                Some(args::Verify::Hash) => Verify::Hash,
            },
            segments: 1,
            through: false,
            rate: options.limit_rate,
            silent: false,
        }
    }
}

/// What was done with a file, as text and as JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Moved {
    pub(crate) action: &'static str,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) status: Status,
    /// Octets of the file now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size_bytes: Option<u64>,
    /// Octets moved.
    pub(crate) transferred_bytes: u64,
    /// Where it began.
    pub(crate) resumed_at_bytes: u64,
    pub(crate) time_secs: f64,
    /// How often it was taken up again.
    pub(crate) retries: u32,
    /// By what it was found the same on both sides: `size`, or an algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verified: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Done,
    /// It was there already.
    Skipped,
    /// It would have been done.
    DryRun,
}

impl Moved {
    pub(crate) fn new(action: &'static str, from: String, to: String, report: &Report) -> Self {
        Self {
            action,
            from,
            to,
            status: if report.reply.is_none() {
                Status::Skipped
            } else {
                Status::Done
            },
            size_bytes: Some(report.from + report.octets),
            transferred_bytes: report.octets,
            resumed_at_bytes: report.from,
            time_secs: report.time.as_secs_f64(),
            retries: report.retries,
            verified: match report.verified {
                Verify::No => None,
                Verify::Size => Some("size".to_owned()),
                Verify::Hash => report.algorithm.map(|it| it.name().to_owned()),
            },
        }
    }

    pub(crate) fn still(
        action: &'static str,
        from: String,
        to: String,
        status: Status,
        size: Option<u64>,
    ) -> Self {
        Self {
            action,
            from,
            to,
            status,
            size_bytes: size,
            transferred_bytes: 0,
            resumed_at_bytes: 0,
            time_secs: 0.0,
            retries: 0,
            verified: None,
        }
    }

    /// Prints it: JSON on stdout, or a line of talk; what a dry run would do is data.
    pub(crate) fn show(&self, tool: &Tool) {
        if tool.options.json {
            tool.board.aside(|| print_json(self));
            return;
        }
        let Self { from, to, .. } = self;
        match self.status {
            Status::DryRun => {
                let size = self
                    .size_bytes
                    .map_or_else(String::new, |size| format!("  {}", human(size)));
                let line = format!("{} {from} → {to}{size}\n", self.action);
                tool.board.aside(|| crate::output::print(&line));
            }
            Status::Skipped => tool.tell(&format!("{from} → {to}  is there already")),
            Status::Done => {
                let resumed = if self.resumed_at_bytes > 0 {
                    format!(", went on at {}", human(self.resumed_at_bytes))
                } else {
                    String::new()
                };
                let retried = match self.retries {
                    0 => String::new(),
                    1 => ", taken up again once".to_owned(),
                    n => format!(", taken up again {n} times"),
                };
                let verified = match &self.verified {
                    Some(by) => format!(", same {by}"),
                    None => String::new(),
                };
                tool.tell(&format!(
                    "{from} → {to}  {}{resumed}{retried}{verified}",
                    speed(self.transferred_bytes, self.time_secs)
                ));
            }
        }
    }
}

/// `1.5 MiB in 0.31 s, 5.0 MiB/s`
pub(crate) fn speed(octets: u64, seconds: f64) -> String {
    let time = if seconds < 9.995 {
        format!("{} in {seconds:.2} s", human(octets))
    } else {
        format!("{} in {seconds:.0} s", human(octets))
    };
    // A rate of next to nothing would say how long the login took.
    if octets < 64 * 1024 || seconds < 0.001 {
        return time;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people"
    )]
    let rate = (octets as f64 / seconds) as u64;
    format!("{time}, {}/s", human(rate))
}

/// A file to be got.
#[derive(Clone, Debug)]
pub(crate) struct GetJob {
    pub(crate) site: Site,
    pub(crate) remote: Name,
    pub(crate) local: PathBuf,
    pub(crate) size: Option<u64>,
    pub(crate) time: Option<Modified>,
}

/// Gets a file into a file.
pub(crate) async fn get(tool: Arc<Tool>, job: GetJob, way: Way, total: Total) -> Outcome<Moved> {
    let shown = name(job.remote.raw());
    let local = job.local.display().to_string();
    let size = match job.size {
        // Few servers say it when they begin to send; people want to know how much is left.
        None if tool.board.has_bars() && !way.text => job.site.size(&job.remote).await.ok(),
        known => known,
    };
    let bar = total.file(&shown, size);
    let mut get = prepared_get(job.site.get(&job.remote), &way, job.size, bar.sink());
    get = get.resume(way.resume);
    let ticket = tool.begin(&local, !way.text);
    let result = get.to_file(&job.local).await;
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            ticket.end();
            let mut failure = Failure::ftp(&shown, &error);
            if is_partial(&error) && !way.text {
                failure.text += &format!("; {local} keeps what has come, -c goes on with it");
            }
            return Err(failure);
        }
    };
    if way.keep_time
        && let Some(time) = time_of(&job.site, &job.remote, job.time).await
    {
        // The file is there; a time that cannot be set does not make it worse.
        let _ = tool.files().set_modified(&job.local, time).await;
    }
    ticket.end();
    drop(bar);
    let moved = Moved::new("get", shown, local, &report);
    if !way.silent {
        moved.show(&tool);
    }
    Ok(moved)
}

fn prepared_get(
    mut get: Get,
    way: &Way,
    size: Option<u64>,
    sink: Option<fairway_ftp::ProgressSink>,
) -> Get {
    if way.text {
        get = get.text();
    }
    if let Some(rate) = way.rate {
        get = get.rate(rate);
    }
    if let Some(size) = size {
        get = get.expected(size);
    }
    if let Some(sink) = sink {
        get = get.progress(sink);
    }
    get.segments(usize::from(way.segments)).verify(way.verify)
}

/// When the original was changed: what the listing says, if that is good to the second, else what the server says.
pub(crate) async fn time_of(
    site: &Site,
    remote: &Name,
    known: Option<Modified>,
) -> Option<SystemTime> {
    let time = match known {
        Some(time) if time.precision >= Precision::Second => time.at,
        _ => match site.modified(remote).await {
            Ok(time) => time,
            Err(_) => known?.at,
        },
    };
    SystemTime::try_from(time).ok()
}

/// Gets a file to stdout.
pub(crate) async fn get_to_stdout(
    tool: &Arc<Tool>,
    site: &Site,
    remote: &Name,
    way: &Way,
) -> Outcome {
    let shown = name(remote.raw());
    // With stdout on a terminal, a bar would be in the way of what is shown.
    let board = if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        crate::progress::Board::new(true)
    } else {
        tool.board.clone()
    };
    let total = board.total(1, None);
    let bar = total.file(&shown, None);
    let get = prepared_get(site.get(remote), way, None, bar.sink());
    match get.to_writer(&mut tokio::io::stdout()).await {
        Ok(_) => Ok(()),
        Err(error) if is_closed_pipe(&error) => Err(Failure::told(crate::exit::Exit::Done)),
        Err(error) => Err(Failure::ftp(shown, &error)),
    }
}

/// A file to be put.
#[derive(Clone, Debug)]
pub(crate) struct PutJob {
    pub(crate) site: Site,
    pub(crate) local: PathBuf,
    pub(crate) remote: Name,
    pub(crate) size: Option<u64>,
    pub(crate) verb: PutVerb,
}

/// What becomes of a file that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PutVerb {
    #[default]
    Replace,
    Append,
    Unique,
}

impl PutJob {
    /// The call of the library, and whether its source is stdin.
    pub(crate) fn call(&self, way: &Way, sink: Option<fairway_ftp::ProgressSink>) -> Put {
        let mut put = match self.verb {
            PutVerb::Replace => self.site.put(&self.remote),
            PutVerb::Append => self.site.append(&self.remote),
            PutVerb::Unique => self.site.put_unique(&self.remote),
        };
        if way.text {
            put = put.text();
        }
        if let Some(rate) = way.rate {
            put = put.rate(rate);
        }
        if let Some(sink) = sink {
            put = put.progress(sink);
        }
        put.verify(way.verify)
    }
}

/// Puts a local file. Gives what was done, and under which name.
pub(crate) async fn put(tool: Arc<Tool>, job: PutJob, way: Way, total: Total) -> Outcome<Moved> {
    let shown = name(job.remote.raw());
    let local = job.local.display().to_string();
    let bar = total.file(&local, job.size);
    let call = job.call(&way, bar.sink()).resume(way.resume);
    let ticket = tool.begin(
        format!("{shown} on {}", job.site.server().host()),
        job.verb == PutVerb::Replace && !way.text,
    );
    let result = call.from_file(&job.local).await;
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            ticket.end();
            // The name in an error about a local file is its own.
            let mut failure = if matches!(error.kind(), ErrorKind::Local { .. }) {
                error.into()
            } else {
                let partial = is_partial(&error) && job.verb == PutVerb::Replace && !way.text;
                let mut failure = Failure::ftp(&shown, &error);
                if partial {
                    failure.text += "; the server may have a part of it, -c goes on with that";
                }
                failure
            };
            failure.text = crate::output::clean(&failure.text);
            return Err(failure);
        }
    };
    let remote = report.name.as_ref().unwrap_or(&job.remote).clone();
    if way.keep_time && job.verb != PutVerb::Append && report.reply.is_some() {
        keep_time(&tool, &job.site, &job.local, &remote).await?;
    }
    ticket.end();
    drop(bar);
    let moved = Moved::new("put", local, name(remote.raw()), &report);
    if !way.silent {
        moved.show(&tool);
    }
    Ok(moved)
}

/// Gives a file on a server the time of a local one, if the server lets us.
async fn keep_time(tool: &Tool, site: &Site, local: &Path, remote: &Name) -> Outcome {
    let Ok(metadata) = tool.files().metadata(local).await else {
        return Ok(());
    };
    let Ok(time) = Timestamp::try_from(metadata.modified) else {
        return Ok(());
    };
    match site.set_modified(remote, time).await {
        Err(error) if matches!(error.kind(), ErrorKind::Refused { .. }) => {
            tracing::debug!(%error, "the server sets no times");
            Ok(())
        }
        Err(error) => Err(Failure::ftp(name(remote.raw()), &error)),
        Ok(()) => Ok(()),
    }
}

/// Whether a part of the file may have been moved.
fn is_partial(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Aborted { .. } | ErrorKind::Lost { .. } | ErrorKind::TimedOut { .. }
    )
}
