//! `ftp mirror`: reads two trees, plans, and does what the plan says.

use crate::args::MirrorArgs;
use crate::between::{self, CopyJob};
use crate::exit::{Exit, Failure, Outcome};
use crate::jobs::each;
use crate::output::{name, print, print_json};
use crate::plan::{Action, Plan, Rules, Times, Why, may_be_same, plan};
use crate::progress::Total;
use crate::size::human;
use crate::tool::Tool;
use crate::transfer::{self, GetJob, PutJob, PutVerb, Way, speed};
use crate::url::{Place, without_login};
use crate::walk::{self, Filter, Tree, Walk};
use fairway_ftp::list::{Modified, Precision};
use fairway_ftp::verify::{Algorithm, Digest};
use fairway_ftp::{Name, Site};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// One of the two trees.
#[derive(Clone, Debug)]
enum Side {
    Local(PathBuf),
    Remote(Site, Name),
}

impl Side {
    async fn open(tool: &Tool, text: &str) -> Outcome<Self> {
        let place = Place::parse(text)
            .map_err(|error| Failure::usage(format!("{}: {error}", without_login(text))))?;
        Ok(match place {
            Place::Local(path) => Self::Local(path),
            Place::Remote(url) => {
                let site = tool.site(&url).await?;
                let root = url.path.trimmed().name();
                Self::Remote(site, root.unwrap_or_else(|| Name::from("")))
            }
        })
    }

    fn shown(&self) -> String {
        match self {
            Self::Local(path) => path.display().to_string(),
            Self::Remote(site, root) => between::shown(site, root),
        }
    }

    /// What is there. `None` if the directory does not exist.
    async fn tree(&self, tool: &Arc<Tool>, walk: &Walk) -> Outcome<Option<Tree>> {
        match self {
            Self::Local(root) => match tool.files().metadata(root).await {
                Ok(_) => walk::local(tool, root, walk).await.map(Some),
                Err(fairway_stack::NetError::NotFound) => Ok(None),
                Err(error) => Err(Failure::usage(format!("{}: {error}", root.display()))),
            },
            Self::Remote(site, root) => {
                // Some servers list what does not exist as if it was empty.
                if !root.raw().is_empty()
                    && let Err(error) = site.detached().cd(root).await
                {
                    if error.is_not_found() {
                        return Ok(None);
                    }
                    return Err(Failure::ftp(self.shown(), &error));
                }
                walk::remote(tool, site, root, walk).await.map(Some)
            }
        }
    }

    /// Makes the directory `path` below it.
    async fn make(&self, tool: &Tool, path: &[u8]) -> Outcome {
        match self {
            Self::Local(root) => walk::make_local(tool, root, path).await,
            Self::Remote(site, root) if path.is_empty() => {
                if root.raw().is_empty() {
                    return Ok(());
                }
                walk::make_remote_all(site, root).await
            }
            Self::Remote(site, root) => {
                walk::make_remote(site, &walk::remote_path(root, path)).await
            }
        }
    }

    /// The digests it can tell, the best first.
    async fn hashes(&self) -> Outcome<Vec<Algorithm>> {
        Ok(match self {
            Self::Local(_) => Algorithm::ALL.to_vec(),
            Self::Remote(site, _) => site.hashes().await?,
        })
    }

    async fn digest(&self, tool: &Tool, path: &[u8], algorithm: Algorithm) -> Outcome<Digest> {
        match self {
            Self::Local(root) => {
                let path = walk::local_path(root, path);
                let digest = Digest::of_file(&tool.files(), &path, algorithm).await;
                digest.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
            }
            Self::Remote(site, root) => {
                let digest = site.hash(walk::remote_path(root, path), algorithm).await;
                digest.map_err(|error| Failure::ftp(name(path), &error))
            }
        }
    }

    async fn remove(&self, tool: &Tool, path: &[u8], directory: bool) -> Outcome {
        match self {
            Self::Local(root) => {
                let path = walk::local_path(root, path);
                let removed = if directory {
                    tool.files().remove_dir(&path).await
                } else {
                    tool.files().remove(&path).await
                };
                removed.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
            }
            Self::Remote(site, root) => {
                let path = walk::remote_path(root, path);
                let removed = if directory {
                    site.rmdir(&path).await
                } else {
                    site.delete(&path).await
                };
                removed.map_err(|error| Failure::ftp(name(path.raw()), &error))
            }
        }
    }
}

/// What is told at the end.
#[derive(Clone, Debug, Default, Serialize)]
struct Summary {
    event: &'static str,
    copied: usize,
    same: usize,
    directories_made: usize,
    removed: usize,
    left_out: usize,
    failed: usize,
    transferred_bytes: u64,
    time_secs: f64,
    dry_run: bool,
}

#[derive(Serialize)]
struct Step {
    event: &'static str,
    action: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
}

/// A mirror on its way.
struct Mirror<'a> {
    tool: &'a Arc<Tool>,
    from: Side,
    to: Side,
    source: Tree,
    destination: Tree,
    dry_run: bool,
    /// By which files are compared, if they are by digests.
    algorithm: Option<Algorithm>,
    summary: Summary,
    failure: Option<Exit>,
}

pub(crate) async fn mirror(tool: &Arc<Tool>, args: &MirrorArgs) -> Outcome {
    let (from, to) = (
        Side::open(tool, &args.from).await?,
        Side::open(tool, &args.to).await?,
    );
    if let (Side::Local(_), Side::Local(_)) = (&from, &to) {
        return Err(Failure::usage("neither of the two is a URL"));
    }
    if let (Side::Remote(..), Side::Remote(..)) = (&from, &to) {
        between::check(&args.transfer, args.through)?;
    }
    let walk = Walk {
        filter: Filter::new(&args.exclude, &args.include),
        depth: args.depth.max(1),
        entries: args.max_entries,
        follow: args.follow,
        parallel: usize::from(args.transfer.jobs),
    };
    // Links at the destination are never followed.
    let there = Walk {
        follow: false,
        ..walk.clone()
    };
    let (source, destination) = tokio::join!(from.tree(tool, &walk), to.tree(tool, &there));
    let source = source?.ok_or_else(|| no_directory(&from))?;
    let destination = destination?;
    let rules = Rules {
        delete: args.delete,
        times: times(args, &to).await?,
        resume: args.transfer.resume,
    };
    let algorithm = match rules.times {
        Times::Digest => Some(common_digest(&from, &to).await?),
        _ => None,
    };
    let is_new = destination.is_none();
    let destination = destination.unwrap_or_default();
    let clock = tool.net.clock();
    let start = clock.now();
    let mut mirror = Mirror {
        tool,
        from,
        to,
        source,
        destination,
        dry_run: args.transfer.dry_run,
        algorithm,
        summary: Summary {
            event: "summary",
            dry_run: args.transfer.dry_run,
            ..Summary::default()
        },
        failure: None,
    };
    let plan = plan(&mirror.source, &mirror.destination, &rules);
    if is_new && !mirror.dry_run {
        mirror.to.make(tool, b"").await?;
    }
    let done = mirror.execute(plan, args, &rules).await;
    mirror.summary.time_secs = clock.now().saturating_duration_since(start).as_secs_f64();
    mirror.tell_summary();
    done?;
    mirror
        .failure
        .map_or(Ok(()), |exit| Err(Failure::told(exit)))
}

fn no_directory(side: &Side) -> Failure {
    let text = format!("{}: no such directory", side.shown());
    match side {
        Side::Local(_) => Failure::usage(text),
        Side::Remote(..) => Failure::refused(text),
    }
}

/// The best algorithm by which both sides tell digests.
async fn common_digest(from: &Side, to: &Side) -> Outcome<Algorithm> {
    let (one, other) = (from.hashes().await?, to.hashes().await?);
    let common = one.into_iter().find(|algorithm| other.contains(algorithm));
    common.ok_or_else(|| {
        Failure::refused("there is no digest that both sides tell; --size-only compares sizes")
    })
}

/// Whether copies at the destination have the times of their originals.
async fn times(args: &MirrorArgs, to: &Side) -> Outcome<Times> {
    Ok(match to {
        _ if args.size_only => Times::Ignore,
        _ if args.checksum => Times::Digest,
        _ if args.transfer.no_keep_time => Times::Newer,
        Side::Local(_) => Times::Differ,
        Side::Remote(site, _) if site.features().await?.has("MFMT") => Times::Differ,
        Side::Remote(..) => Times::Newer,
    })
}

impl Mirror<'_> {
    async fn execute(&mut self, plan: Plan, args: &MirrorArgs, rules: &Rules) -> Outcome {
        self.summary.same = plan.same;
        self.summary.left_out = plan.left_out;
        for path in &plan.in_the_way {
            let text = "a file and a directory have this name; --delete replaces the one at the destination";
            self.fail(&Failure::refused(format!("{}: {text}", name(path))));
        }
        if plan.kept > 0 {
            self.fail(&Failure::refused(format!(
                "nothing is removed, since not all of {} could be read",
                self.from.shown()
            )));
        } else if !self.source.complete {
            self.fail(&Failure::refused(format!(
                "not all of {} could be read",
                self.from.shown()
            )));
        }
        for action in plan.clear.iter().chain(&plan.make) {
            self.step(action).await?;
        }
        self.copy(&plan, args, rules).await?;
        for action in &plan.remove {
            self.step(action).await?;
        }
        Ok(())
    }

    /// Says a failure. Nothing more is tried if nobody answers.
    fn fail(&mut self, failure: &Failure) {
        self.tool.fail(failure);
        self.summary.failed += 1;
        self.failure.get_or_insert(failure.exit);
    }

    async fn step(&mut self, action: &Action) -> Outcome {
        let (word, path, directory) = match action {
            Action::RemoveFile(path) => ("remove", path, false),
            Action::RemoveDirectory(path) => ("remove_directory", path, true),
            Action::MakeDirectory(path) => ("make_directory", path, true),
            Action::Copy(..) => return Ok(()),
        };
        let making = matches!(action, Action::MakeDirectory(_));
        if !self.dry_run {
            let done = if making {
                self.to.make(self.tool, path).await
            } else {
                self.to.remove(self.tool, path, directory).await
            };
            if let Err(failure) = done {
                if failure.ends_all {
                    return Err(failure);
                }
                self.fail(&failure);
                return Ok(());
            }
        }
        if making {
            self.summary.directories_made += 1;
        } else {
            self.summary.removed += 1;
        }
        self.show(word, path, None, None);
        Ok(())
    }

    fn show(
        &self,
        action: &'static str,
        path: &[u8],
        reason: Option<&'static str>,
        size: Option<u64>,
    ) {
        if self.tool.options.json {
            let path = String::from_utf8_lossy(path).into_owned();
            let step = Step {
                event: "step",
                action,
                path,
                reason,
                size_bytes: size,
            };
            self.tool.board.aside(|| print_json(&step));
            return;
        }
        let shown = name(path);
        let about = match (reason, size) {
            (Some(reason), Some(size)) => format!("  ({reason}, {})", human(size)),
            (Some(reason), None) => format!("  ({reason})"),
            (None, _) => String::new(),
        };
        let slash = if action.ends_with("directory") {
            "/"
        } else {
            ""
        };
        let word = action.split('_').next().unwrap_or(action);
        let line = format!("{word} {shown}{slash}{about}");
        if self.dry_run {
            // What would be done is the answer to the question.
            print(&format!("{line}\n"));
        } else {
            self.tool.tell(&line);
        }
    }

    async fn copy(&mut self, plan: &Plan, args: &MirrorArgs, rules: &Rules) -> Outcome {
        let mut files = Vec::new();
        for action in &plan.copy {
            let Action::Copy(path, why) = action else {
                continue;
            };
            let same = match why {
                Why::Time => self.is_same_after_all(path, rules).await?,
                Why::Digest => match self.digests_agree(path).await {
                    Ok(same) => same,
                    Err(failure) if failure.ends_all => return Err(failure),
                    Err(failure) => {
                        self.fail(&failure);
                        continue;
                    }
                },
                _ => false,
            };
            if same {
                self.summary.same += 1;
                continue;
            }
            files.push((path.clone(), *why));
        }
        let size = |path: &Vec<u8>| self.source.nodes.get(path).and_then(|node| node.size);
        if self.dry_run {
            for (path, why) in &files {
                self.show("copy", path, Some(why.as_str()), size(path));
            }
            self.summary.transferred_bytes = files.iter().filter_map(|(path, _)| size(path)).sum();
            self.summary.copied = files.len();
            return Ok(());
        }
        let octets = files.iter().map(|(path, _)| size(path)).sum();
        let total = self.tool.board.total(files.len(), octets);
        let mut jobs = Vec::new();
        for (path, why) in files {
            match self.job(&path, why, args).await {
                Ok(job) => jobs.push(job),
                Err(failure) if failure.ends_all => return Err(failure),
                Err(failure) => self.fail(&failure),
            }
        }
        let asked = jobs.len();
        let this = &*self;
        let work = |job: Job| {
            let (tool, total) = (Arc::clone(this.tool), total.clone());
            job.run(tool, total)
        };
        let (done, outcome) = each(self.tool, jobs, args.transfer.jobs, work).await;
        self.summary.copied = done.len();
        self.summary.transferred_bytes = done.iter().copied().fold(0, u64::saturating_add);
        self.summary.failed += asked - done.len();
        if let Err(failure) = outcome {
            self.failure.get_or_insert(failure.exit);
            if failure.ends_all {
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Whether two files are the same although their listings differ in time: where a listing has local time, or times
    /// to the minute, the server is asked for the exact one.
    async fn is_same_after_all(&self, path: &[u8], rules: &Rules) -> Outcome<bool> {
        let known = |tree: &Tree| tree.nodes.get(path).and_then(|node| node.time);
        let (Some(from), Some(to)) = (known(&self.source), known(&self.destination)) else {
            return Ok(false);
        };
        let from = exact(&self.from, path, from).await?;
        let to = exact(&self.to, path, to).await?;
        Ok(may_be_same(from, to) || (rules.times == Times::Newer && from.at < to.at))
    }

    /// Whether a file has the same digest on both sides.
    async fn digests_agree(&self, path: &[u8]) -> Outcome<bool> {
        let Some(algorithm) = self.algorithm else {
            return Ok(false);
        };
        let (one, other) = tokio::join!(
            self.from.digest(self.tool, path, algorithm),
            self.to.digest(self.tool, path, algorithm)
        );
        Ok(one? == other?)
    }

    async fn job(&self, path: &[u8], why: Why, args: &MirrorArgs) -> Outcome<Job> {
        let node = self.source.nodes.get(path);
        let (size, time) = (
            node.and_then(|node| node.size),
            node.and_then(|node| node.time),
        );
        let mut way = Way::new(&args.transfer, false);
        way.resume = why == Why::Resume;
        way.silent = true;
        way.through = args.through;
        let inner = match (&self.from, &self.to) {
            (Side::Remote(site, root), Side::Local(target)) => Inner::Get(GetJob {
                site: site.clone(),
                remote: walk::remote_path(root, path),
                local: walk::safe_file(self.tool, target, path).await?,
                size,
                time,
            }),
            (Side::Local(source), Side::Remote(site, root)) => Inner::Put(PutJob {
                site: site.clone(),
                local: walk::local_path(source, path),
                remote: walk::remote_path(root, path),
                size,
                verb: PutVerb::Replace,
            }),
            (Side::Remote(from, source), Side::Remote(to, target)) => Inner::Copy(CopyJob {
                from: from.clone(),
                source: walk::remote_path(source, path),
                to: to.clone(),
                target: walk::remote_path(target, path),
                size,
                time,
            }),
            (Side::Local(_), Side::Local(_)) => {
                return Err(Failure::usage("neither of the two is a URL"));
            }
        };
        Ok(Job {
            inner,
            way,
            path: path.to_vec(),
            why,
            size,
        })
    }

    fn tell_summary(&self) {
        let summary = &self.summary;
        if self.tool.options.json {
            print_json(summary);
            return;
        }
        let counted = |n: usize, one: &str, many: &str| match n {
            1 => format!("1 {one}"),
            n => format!("{n} {many}"),
        };
        let would = if self.dry_run { "would be " } else { "" };
        let moved = if summary.copied == 0 {
            String::new()
        } else if self.dry_run {
            format!(" ({})", human(summary.transferred_bytes))
        } else {
            format!(" ({})", speed(summary.transferred_bytes, summary.time_secs))
        };
        let mut parts = vec![format!(
            "{} {would}copied{moved}",
            counted(summary.copied, "file", "files")
        )];
        parts.push(format!("{} the same", summary.same));
        for (n, what) in [
            (summary.directories_made, "made"),
            (summary.removed, "removed"),
        ] {
            if n > 0 {
                let things = if what == "made" {
                    ("directory", "directories")
                } else {
                    ("name", "names")
                };
                parts.push(format!("{} {would}{what}", counted(n, things.0, things.1)));
            }
        }
        if summary.left_out > 0 {
            parts.push(format!(
                "{} left out",
                counted(
                    summary.left_out,
                    "link or special file",
                    "links and special files"
                )
            ));
        }
        if summary.failed > 0 {
            parts.push(counted(summary.failed, "failure", "failures"));
        }
        self.tool.tell(&parts.join(", "));
    }
}

/// The time of a file to the second, where it can be had.
async fn exact(side: &Side, path: &[u8], known: Modified) -> Outcome<Modified> {
    if known.precision >= Precision::Second {
        return Ok(known);
    }
    let Side::Remote(site, root) = side else {
        return Ok(known);
    };
    match site.modified(walk::remote_path(root, path)).await {
        Ok(time) => Ok(Modified::exact(time)),
        Err(error) if error.reply().is_some() => Ok(known),
        Err(error) => Err(Failure::ftp(name(path), &error)),
    }
}

/// One file to copy.
struct Job {
    inner: Inner,
    way: Way,
    path: Vec<u8>,
    why: Why,
    size: Option<u64>,
}

enum Inner {
    Get(GetJob),
    Put(PutJob),
    Copy(CopyJob),
}

impl Job {
    /// Copies it; gives the octets moved.
    async fn run(self, tool: Arc<Tool>, total: Total) -> Outcome<u64> {
        let moved = match self.inner {
            Inner::Get(job) => transfer::get(Arc::clone(&tool), job, self.way, total).await?,
            Inner::Put(job) => transfer::put(Arc::clone(&tool), job, self.way, total).await?,
            Inner::Copy(job) => between::copy(Arc::clone(&tool), job, self.way, total).await?,
        };
        if tool.options.json {
            let step = Step {
                event: "step",
                action: "copy",
                path: String::from_utf8_lossy(&self.path).into_owned(),
                reason: Some(self.why.as_str()),
                size_bytes: moved.size_bytes.or(self.size),
            };
            tool.board.aside(|| print_json(&step));
        } else {
            let reason = self.why.as_str();
            let size = human(moved.transferred_bytes);
            tool.tell(&format!("copy {}  ({reason}, {size})", name(&self.path)));
        }
        Ok(moved.transferred_bytes)
    }
}
