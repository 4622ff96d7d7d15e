//! `ftp get`, `ftp cat`.

use crate::args::{CatArgs, GetArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::glob::{Found, expand};
use crate::jobs::{distinct, each};
use crate::output::{name, print};
use crate::tool::Tool;
use crate::transfer::{self, GetJob, Moved, Status, Way, get_to_stdout};
use crate::url::{FtpUrl, TypeCode, without_login};
use crate::walk::{self, NodeKind, Walk};
use fairway_ftp::list::Kind;
use fairway_ftp::{Name, Site};
use fairway_stack::FileKind;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where what is got goes.
enum Target {
    /// Into this directory, under the names they have.
    Directory(PathBuf),
    /// This file, or for a directory this directory.
    Path(PathBuf),
}

pub(crate) async fn get(tool: &Arc<Tool>, args: &GetArgs) -> Outcome {
    let urls = parse(&args.urls)?;
    if args.output.as_deref() == Some("-") {
        return to_stdout(tool, args, &urls).await;
    }
    let target = target(tool, args).await;
    let mut jobs = Vec::new();
    for url in &urls {
        if url.type_code == Some(TypeCode::Directory) {
            return Err(Failure::usage(format!(
                "{url}: ;type=d is a list of names: ftp ls, or get -o -"
            )));
        }
        let site = tool.connected(url).await?;
        let found = expand(&site, &url.path.trimmed(), args.no_glob).await?;
        let several = urls.len() > 1 || found.len() > 1;
        if several && let Target::Path(path) = &target {
            return Err(Failure::usage(format!(
                "{}: several files need a directory; with a slash at its end it is made",
                path.display()
            )));
        }
        for found in found {
            jobs.extend(plan(tool, args, url, &site, found, &target).await?);
        }
    }
    distinct(
        jobs.iter()
            .map(|job| (name(job.remote.raw()), job.local.clone())),
        |local| local.display().to_string(),
    )?;
    let way = Way::new(&args.transfer, args.text);
    if args.transfer.dry_run {
        for job in &jobs {
            Moved::still(
                "get",
                name(job.remote.raw()),
                job.local.display().to_string(),
                Status::DryRun,
                job.size,
            )
            .show(tool);
        }
        return Ok(());
    }
    let octets = jobs.iter().map(|job| job.size).sum::<Option<u64>>();
    let total = tool.board.total(jobs.len(), octets);
    let text = urls
        .iter()
        .any(|url| url.type_code == Some(TypeCode::Ascii));
    let way = Way {
        text: way.text || text,
        segments: args.segments,
        ..way
    };
    let work = |job: GetJob| {
        let (tool, way, total) = (Arc::clone(tool), way.clone(), total.clone());
        async move {
            let (site, remote) = (job.site.clone(), job.remote.clone());
            let got = transfer::get(tool, job, way, total).await;
            match got {
                // Servers say no more than that they cannot open it.
                Err(failure)
                    if failure.exit == Exit::Refused
                        && !failure.ends_all
                        && site.detached().cd(&remote).await.is_ok() =>
                {
                    let shown = name(remote.raw());
                    Err(Failure::refused(format!(
                        "{shown} is a directory; -r gets it"
                    )))
                }
                got => got,
            }
        }
    };
    each(tool, jobs, args.transfer.jobs, work).await.1
}

fn parse(texts: &[String]) -> Outcome<Vec<FtpUrl>> {
    texts.iter().map(|text| parse_one(text)).collect()
}

/// A URL of a command.
pub(crate) fn parse_one(text: &str) -> Outcome<FtpUrl> {
    FtpUrl::parse(text).map_err(|error| Failure::usage(format!("{}: {error}", without_login(text))))
}

async fn target(tool: &Tool, args: &GetArgs) -> Target {
    let Some(output) = &args.output else {
        return Target::Directory(PathBuf::new());
    };
    let path = PathBuf::from(output);
    let is_directory = output.ends_with('/')
        || matches!(tool.files().metadata(&path).await, Ok(metadata) if metadata.is_dir());
    if is_directory {
        Target::Directory(path)
    } else {
        Target::Path(path)
    }
}

/// The files that one remote path leads to.
async fn plan(
    tool: &Arc<Tool>,
    args: &GetArgs,
    url: &FtpUrl,
    site: &Site,
    found: Found,
    target: &Target,
) -> Outcome<Vec<GetJob>> {
    let last = local_name(&found.path);
    let is_chosen = found.entry.is_some();
    let mut entry = found.entry;
    if args.recursive && entry.as_ref().is_none_or(|entry| entry.kind == Kind::Link) {
        entry = Some(if found.path.raw().is_empty() {
            fairway_ftp::list::Entry::new("", Kind::Directory)
        } else {
            let known = site.metadata(&found.path).await;
            known.map_err(|error| Failure::ftp(name(found.path.raw()), &error))?
        });
    }
    let is_directory = entry
        .as_ref()
        .is_some_and(|entry| entry.kind.is_directory());
    if is_directory && args.recursive {
        let root = match (target, &last) {
            (Target::Directory(directory), Some(last)) => directory.join(last),
            (Target::Directory(path) | Target::Path(path), _) => path.clone(),
        };
        if let (Target::Directory(directory), Some(last)) = (target, &last)
            && is_chosen
            && !args.transfer.dry_run
        {
            // The server chose the name: a link that has it could lead what comes to anywhere.
            walk::make_local(tool, directory, last.as_bytes()).await?;
        }
        return below(tool, args, site, &found.path, &root).await;
    }
    if is_directory {
        tool.say(&format!(
            "{} is a directory; -r gets it",
            name(found.path.raw())
        ));
        return Ok(Vec::new());
    }
    let Some(last) = last else {
        return Err(Failure::usage(format!(
            "{url} names no file; -r gets a directory"
        )));
    };
    let local = match target {
        Target::Directory(directory) => directory.join(last),
        Target::Path(path) => path.clone(),
    };
    if let Target::Directory(directory) = target
        && !args.transfer.dry_run
    {
        walk::make_local(tool, directory, b"").await?;
        if entry.is_some() {
            // The server chose the name.
            walk::safe_file(tool, directory, last.as_bytes()).await?;
        }
    }
    let job = GetJob {
        site: site.clone(),
        remote: found.path,
        local,
        size: entry.as_ref().and_then(|entry| walk::node_of(entry).size),
        time: entry.and_then(|entry| entry.modified),
    };
    Ok(unclobbered(tool, args, vec![job]).await)
}

/// The last component as a name for a local file; `None` if it leads elsewhere.
fn local_name(path: &Name) -> Option<&OsStr> {
    let last = path.raw().rsplit(|octet| *octet == b'/').next()?;
    let usable = !matches!(last, b"" | b"." | b"..") && !last.contains(&0);
    usable.then(|| OsStr::from_bytes(last))
}

/// All files below a remote directory, with the local directories for them.
async fn below(
    tool: &Arc<Tool>,
    args: &GetArgs,
    site: &Site,
    remote: &Name,
    root: &Path,
) -> Outcome<Vec<GetJob>> {
    let walk = Walk {
        parallel: usize::from(args.transfer.jobs),
        ..Walk::default()
    };
    let tree = walk::remote(tool, site, remote, &walk).await?;
    let mut jobs = Vec::new();
    let mut links = 0;
    for (path, node) in &tree.nodes {
        match node.kind {
            NodeKind::Directory if args.transfer.dry_run => {}
            NodeKind::Directory => walk::make_local(tool, root, path).await?,
            NodeKind::File => {
                let local = if args.transfer.dry_run {
                    walk::local_path(root, path)
                } else {
                    walk::safe_file(tool, root, path).await?
                };
                jobs.push(GetJob {
                    site: site.clone(),
                    remote: walk::remote_path(remote, path),
                    local,
                    size: node.size,
                    time: node.time,
                });
            }
            NodeKind::Link | NodeKind::Other => links += 1,
        }
    }
    if links > 0 {
        tool.tell(&walk::left_out(links));
    }
    if !tree.complete {
        tool.say("not all of the directory could be read");
    }
    Ok(unclobbered(tool, args, jobs).await)
}

/// Without those that are here already, if these are to be left alone.
async fn unclobbered(tool: &Tool, args: &GetArgs, jobs: Vec<GetJob>) -> Vec<GetJob> {
    if !args.no_clobber {
        return jobs;
    }
    let mut kept = Vec::new();
    for job in jobs {
        match tool.files().link_metadata(&job.local).await {
            Ok(metadata) => {
                let size = (metadata.kind == FileKind::File).then_some(metadata.len);
                let (from, to) = (name(job.remote.raw()), job.local.display().to_string());
                Moved::still("get", from, to, Status::Skipped, size).show(tool);
            }
            Err(_) => kept.push(job),
        }
    }
    kept
}

async fn to_stdout(tool: &Arc<Tool>, args: &GetArgs, urls: &[FtpUrl]) -> Outcome {
    if tool.options.json || args.transfer.resume || args.recursive || args.no_clobber {
        return Err(Failure::usage(
            "-o - goes with neither --json, -c, -r nor -n",
        ));
    }
    if args.transfer.dry_run {
        for url in urls {
            print(&format!("get {url} → stdout\n"));
        }
        return Ok(());
    }
    print_files(
        tool,
        urls,
        &Way::new(&args.transfer, args.text),
        args.no_glob,
    )
    .await
}

pub(crate) async fn cat(tool: &Arc<Tool>, args: &CatArgs) -> Outcome {
    let way = Way {
        text: args.text,
        ..Way::default()
    };
    print_files(tool, &parse(&args.urls)?, &way, args.no_glob).await
}

async fn print_files(tool: &Arc<Tool>, urls: &[FtpUrl], way: &Way, no_glob: bool) -> Outcome {
    let mut failure = None;
    for url in urls {
        let site = tool.connected(url).await?;
        if url.type_code == Some(TypeCode::Directory) {
            let names = site.names(url.path.name().as_ref()).await?;
            let lines: String = names.iter().map(|one| name(one.raw()) + "\n").collect();
            print(&lines);
            continue;
        }
        let way = Way {
            text: way.text || url.type_code == Some(TypeCode::Ascii),
            ..way.clone()
        };
        for found in expand(&site, &url.path, no_glob).await? {
            if found.entry.is_some_and(|entry| entry.kind.is_directory()) {
                continue;
            }
            if found.path.raw().is_empty() {
                return Err(Failure::usage(format!("{url} names no file")));
            }
            match get_to_stdout(tool, &site, &found.path, &way).await {
                Ok(()) => {}
                Err(end) if end.exit == Exit::Done => return Ok(()),
                Err(error) if error.ends_all => return Err(error),
                Err(error) => {
                    tool.fail(&error);
                    failure.get_or_insert(Failure::told(error.exit));
                }
            }
        }
    }
    failure.map_or(Ok(()), Err)
}
