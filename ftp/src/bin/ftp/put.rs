//! `ftp put`.

use crate::args::PutArgs;
use crate::exit::{Failure, Outcome};
use crate::get::parse_one;
use crate::jobs::{distinct, each};
use crate::output::{name, print};
use crate::tool::Tool;
use crate::transfer::{self, Moved, PutJob, PutVerb, Status, Way};
use crate::url::{FtpUrl, RemotePath, TypeCode, name_of, without_login};
use crate::walk::{self, NodeKind, Walk};
use fairway_ftp::{Name, Site};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

pub(crate) async fn put(tool: &Arc<Tool>, args: &PutArgs) -> Outcome {
    let Some((url, sources)) = args.words.split_last() else {
        return Err(Failure::usage("a file and a URL are needed"));
    };
    let Some(url) = url.to_str().filter(|url| url.contains("://")) else {
        let shown = url.display();
        return Err(Failure::usage(format!(
            "{shown}: the last argument is the URL to put to"
        )));
    };
    if sources.is_empty() {
        return Err(Failure::usage(format!(
            "{}: the files to put come before the URL",
            without_login(url)
        )));
    }
    let url = parse_one(url)?;
    let site = tool.connected(&url).await?;
    let text = args.text || url.type_code == Some(TypeCode::Ascii);
    let way = Way::new(&args.transfer, text);
    let into_directory = sources.len() > 1 || url.path.is_empty() || url.path.ends_with_slash();
    if sources.iter().any(|source| source == "-") {
        return from_stdin(tool, args, &url, &site, &way, into_directory).await;
    }
    let mut jobs = Vec::new();
    for source in sources {
        jobs.extend(plan(tool, args, &url, &site, source, into_directory).await?);
    }
    if !args.append && !args.unique {
        let targets = jobs.iter().map(|job| {
            let from = job.local.display().to_string();
            (from, job.remote.raw().to_vec())
        });
        distinct(targets, |remote| name(remote))?;
    }
    if args.no_clobber {
        jobs = unclobbered(tool, jobs).await?;
    }
    if args.transfer.dry_run {
        for job in &jobs {
            let (from, to) = (job.local.display().to_string(), name(job.remote.raw()));
            Moved::still("put", from, to, Status::DryRun, job.size).show(tool);
        }
        return Ok(());
    }
    let total = tool
        .board
        .total(jobs.len(), jobs.iter().map(|job| job.size).sum());
    let alone = jobs.len() == 1 && !into_directory && !args.recursive;
    let unique = args.unique;
    let work = |job: PutJob| {
        let (tool, way, total) = (Arc::clone(tool), way.clone(), total.clone());
        async move {
            let moved =
                match transfer::put(Arc::clone(&tool), job.clone(), way.clone(), total.clone())
                    .await
                {
                    Err(failure) if alone && job.verb != PutVerb::Unique => {
                        match into(&job).await {
                            Some(job) => transfer::put(Arc::clone(&tool), job, way, total).await?,
                            None => return Err(failure),
                        }
                    }
                    result => result?,
                };
            if unique && !tool.options.json {
                tool.board.aside(|| print(&format!("{}\n", moved.to)));
            }
            Ok(moved)
        }
    };
    each(tool, jobs, args.transfer.jobs, work).await.1
}

/// The job again, into a directory, if that is what was in the way.
async fn into(job: &PutJob) -> Option<PutJob> {
    job.site.detached().cd(&job.remote).await.ok()?;
    let last = job.local.file_name()?;
    Some(PutJob {
        remote: job.remote.join(&name_of(last.as_bytes())),
        ..job.clone()
    })
}

const fn verb(args: &PutArgs) -> PutVerb {
    if args.append {
        PutVerb::Append
    } else if args.unique {
        PutVerb::Unique
    } else {
        PutVerb::Replace
    }
}

/// The remote directory of a URL.
fn directory(path: &RemotePath) -> Name {
    path.trimmed().name().unwrap_or_else(|| Name::from(""))
}

async fn plan(
    tool: &Arc<Tool>,
    args: &PutArgs,
    url: &FtpUrl,
    site: &Site,
    source: &OsStr,
    into_directory: bool,
) -> Outcome<Vec<PutJob>> {
    let (local, source) = (Path::new(source), source.display());
    let metadata = tool
        .files()
        .metadata(local)
        .await
        .map_err(|error| Failure::usage(format!("{source}: {error}")))?;
    let last = local.file_name().map(OsStrExt::as_bytes);
    let target = match last {
        Some(last) if into_directory => directory(&url.path).join(&name_of(last)),
        _ => directory(&url.path),
    };
    if !metadata.is_dir() {
        if last.is_none() {
            return Err(Failure::usage(format!("{source} has no name")));
        }
        return Ok(vec![PutJob {
            site: site.clone(),
            local: local.to_owned(),
            remote: target,
            size: Some(metadata.len),
            verb: verb(args),
        }]);
    }
    if !args.recursive {
        return Err(Failure::usage(format!(
            "{source} is a directory; -r puts it"
        )));
    }
    let tree = walk::local(tool, local, &Walk::default()).await?;
    if !args.transfer.dry_run && !target.raw().is_empty() {
        walk::make_remote_all(site, &target).await?;
    }
    let mut jobs = Vec::new();
    let mut links = 0;
    for (path, node) in &tree.nodes {
        let remote = walk::remote_path(&target, path);
        match node.kind {
            NodeKind::Directory if args.transfer.dry_run => {}
            NodeKind::Directory => walk::make_remote(site, &remote).await?,
            NodeKind::File => jobs.push(PutJob {
                site: site.clone(),
                local: walk::local_path(local, path),
                remote,
                size: node.size,
                verb: PutVerb::Replace,
            }),
            NodeKind::Link | NodeKind::Other => links += 1,
        }
    }
    if links > 0 {
        tool.tell(&walk::left_out(links));
    }
    Ok(jobs)
}

/// Without those that the server has already.
async fn unclobbered(tool: &Tool, jobs: Vec<PutJob>) -> Outcome<Vec<PutJob>> {
    let mut kept = Vec::new();
    for job in jobs {
        match job.site.metadata(&job.remote).await {
            Ok(entry) => {
                let (from, to) = (job.local.display().to_string(), name(job.remote.raw()));
                Moved::still("put", from, to, Status::Skipped, entry.size).show(tool);
            }
            Err(error) if error.is_not_found() => kept.push(job),
            Err(error) => return Err(Failure::ftp(name(job.remote.raw()), &error)),
        }
    }
    Ok(kept)
}

async fn from_stdin(
    tool: &Arc<Tool>,
    args: &PutArgs,
    url: &FtpUrl,
    site: &Site,
    way: &Way,
    into_directory: bool,
) -> Outcome {
    if into_directory || args.recursive || way.resume {
        return Err(Failure::usage(
            "stdin is one file without a name: the URL gives it one, and -r and -c do not go with it",
        ));
    }
    let mut job = PutJob {
        site: site.clone(),
        local: "-".into(),
        remote: directory(&url.path),
        size: None,
        verb: verb(args),
    };
    if args.no_clobber {
        match unclobbered(tool, vec![job]).await?.pop() {
            Some(kept) => job = kept,
            None => return Ok(()),
        }
    }
    if args.transfer.dry_run {
        Moved::still(
            "put",
            "-".into(),
            name(job.remote.raw()),
            Status::DryRun,
            None,
        )
        .show(tool);
        return Ok(());
    }
    let total = tool.board.total(1, None);
    let bar = total.file("stdin", None);
    let ticket = tool.begin(format!("{} on {}", name(job.remote.raw()), url.host), false);
    let result = job
        .call(way, bar.sink())
        .from_reader(&mut tokio::io::stdin())
        .await;
    ticket.end();
    drop(bar);
    let report = result.map_err(|error| Failure::ftp(name(job.remote.raw()), &error))?;
    let remote = report.name.as_ref().unwrap_or(&job.remote);
    let moved = Moved::new("put", "-".into(), name(remote.raw()), &report);
    moved.show(tool);
    if args.unique && !tool.options.json {
        print(&format!("{}\n", moved.to));
    }
    Ok(())
}
