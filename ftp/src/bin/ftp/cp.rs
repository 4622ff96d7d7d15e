//! `ftp cp`.

use crate::args::CpArgs;
use crate::between::{self, CopyJob};
use crate::exit::{Failure, Outcome};
use crate::get::parse_one;
use crate::glob::expand;
use crate::jobs::{distinct, each};
use crate::output::name;
use crate::tool::Tool;
use crate::transfer::{Moved, Status, Way};
use crate::url::name_of;
use crate::walk;
use fairway_ftp::Name;
use std::sync::Arc;

pub(crate) async fn cp(tool: &Arc<Tool>, args: &CpArgs) -> Outcome {
    for text in [&args.from, &args.to] {
        if !text.contains("://") {
            return Err(Failure::usage(format!(
                "{text} is no URL; get and put copy from and to this machine"
            )));
        }
    }
    let (source, target) = (parse_one(&args.from)?, parse_one(&args.to)?);
    let (from, to) = (
        tool.connected(&source).await?,
        tool.connected(&target).await?,
    );
    let found = expand(&from, &source.path.trimmed(), args.no_glob).await?;
    let files: Vec<_> = found
        .into_iter()
        .filter(|found| !matches!(&found.entry, Some(entry) if entry.kind.is_directory()))
        .collect();
    let into = target.path.ends_with_slash() || target.path.is_empty();
    if files.len() > 1 && !into {
        return Err(Failure::usage(format!(
            "{target}: several files need a directory; a slash at its end makes it one"
        )));
    }
    let directory = target
        .path
        .trimmed()
        .name()
        .unwrap_or_else(|| Name::from(""));
    let mut jobs = Vec::new();
    for file in files {
        let last = file
            .path
            .raw()
            .rsplit(|octet| *octet == b'/')
            .next()
            .unwrap_or_default();
        if matches!(last, b"" | b"." | b"..") {
            return Err(Failure::usage(format!(
                "{source} names no file; mirror copies directories"
            )));
        }
        let path = if into {
            directory.join(&name_of(last))
        } else {
            directory.clone()
        };
        if from.server() == to.server() && path == file.path {
            return Err(Failure::usage(format!(
                "{} cannot be copied onto itself",
                name(path.raw())
            )));
        }
        jobs.push(CopyJob {
            from: from.clone(),
            to: to.clone(),
            target: path,
            size: file
                .entry
                .as_ref()
                .and_then(|entry| walk::node_of(entry).size),
            time: file.entry.and_then(|entry| entry.modified),
            source: file.path,
        });
    }
    let targets = jobs
        .iter()
        .map(|job| (name(job.source.raw()), job.target.raw().to_vec()));
    distinct(targets, |target| name(target))?;
    between::check(&args.transfer, args.through)?;
    if args.transfer.resume {
        return Err(Failure::usage(
            "a copy between servers begins anew each time: -c is for get, put and mirror",
        ));
    }
    if args.transfer.dry_run {
        for job in &jobs {
            let (from, to) = (
                between::shown(&job.from, &job.source),
                between::shown(&job.to, &job.target),
            );
            Moved::still("cp", from, to, Status::DryRun, job.size).show(tool);
        }
        return Ok(());
    }
    let way = Way {
        through: args.through,
        ..Way::new(&args.transfer, false)
    };
    let total = tool
        .board
        .total(jobs.len(), jobs.iter().map(|job| job.size).sum());
    let work = |job| between::copy(Arc::clone(tool), job, way.clone(), total.clone());
    each(tool, jobs, args.transfer.jobs, work).await.1
}
