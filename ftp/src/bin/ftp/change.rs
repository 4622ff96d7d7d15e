//! `ftp rm`, `mv`, `mkdir`, `rmdir`, `chmod`, `size`, `quote`: one command of the protocol each, or a few.

use crate::args::{ChmodArgs, MkdirArgs, MvArgs, QuoteArgs, RmArgs, UrlsArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::get::parse_one;
use crate::glob::expand;
use crate::output::{name, print, print_json};
use crate::tool::Tool;
use crate::url::{FtpUrl, Place, RemotePath};
use crate::walk::{self, NodeKind, Walk};
use fairway_ftp::list::Kind;
use fairway_ftp::{Error, ErrorKind, Name, Site};
use serde::Serialize;
use std::sync::Arc;

/// The remote path of a URL that must name something.
fn named(url: &FtpUrl) -> Outcome<Name> {
    let path = url.path.trimmed();
    match path.name() {
        Some(name) if name.raw() != b"/" => Ok(name),
        _ => Err(Failure::usage(format!("{url} has no name in it"))),
    }
}

/// Says a failure and goes on, unless nobody answers any more.
struct Failures<'a> {
    tool: &'a Tool,
    first: Option<Exit>,
}

impl<'a> Failures<'a> {
    const fn new(tool: &'a Tool) -> Self {
        Self { tool, first: None }
    }

    fn note(&mut self, failure: Failure) -> Outcome {
        if failure.ends_all {
            return Err(failure);
        }
        self.tool.fail(&failure);
        self.first.get_or_insert(failure.exit);
        Ok(())
    }

    fn end(self) -> Outcome {
        self.first.map_or(Ok(()), |exit| Err(Failure::told(exit)))
    }
}

pub(crate) async fn rm(tool: &Arc<Tool>, args: &RmArgs) -> Outcome {
    let mut failures = Failures::new(tool);
    for text in &args.urls {
        let url = parse_one(text)?;
        named(&url)?;
        let site = tool.site(&url).await?;
        let found = match expand(&site, &url.path.trimmed(), args.no_glob).await {
            Ok(found) => found,
            Err(failure) if args.force && failure.exit == Exit::Refused => continue,
            Err(failure) => {
                failures.note(failure)?;
                continue;
            }
        };
        for found in found {
            let is_directory = match &found.entry {
                Some(entry) => entry.kind.is_directory(),
                // A link is removed, not what it leads to: DELE does that, RMD and CWD do not.
                None if args.recursive => matches!(
                    site.metadata(&found.path).await,
                    Ok(entry) if entry.kind == Kind::Directory
                ),
                None => false,
            };
            let removed = if is_directory && args.recursive {
                remove_tree(tool, &site, &found.path, args.dry_run).await
            } else if is_directory {
                Err(is_one(&found.path))
            } else {
                remove(&site, &found.path, args.dry_run, false).await
            };
            match removed {
                Err(failure) if args.force && failure.exit == Exit::Refused && !is_directory => {
                    // Forced or not, what is still there was not removed.
                    if site.metadata(&found.path).await.is_ok() {
                        failures.note(failure)?;
                    }
                }
                Err(failure) => failures.note(failure)?,
                Ok(()) => {}
            }
        }
    }
    failures.end()
}

async fn remove(site: &Site, path: &Name, dry_run: bool, directory: bool) -> Outcome {
    let shown = name(path.raw());
    if dry_run {
        print(&format!("remove {shown}\n"));
        return Ok(());
    }
    let removed = if directory {
        site.rmdir(path).await
    } else {
        site.delete(path).await
    };
    match removed {
        Ok(()) => Ok(()),
        Err(error) if !directory && is_directory(site, path, &error).await => Err(is_one(path)),
        Err(error) => Err(Failure::ftp(shown, &error)),
    }
}

/// A directory where a file is wanted.
fn is_one(path: &Name) -> Failure {
    Failure::refused(format!(
        "{} is a directory; -r removes it with all that is in it",
        name(path.raw())
    ))
}

/// Whether what the server said of `path` was because it is a directory.
pub(crate) async fn is_directory(site: &Site, path: &Name, error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Refused { .. }) && site.detached().cd(path).await.is_ok()
}

/// Removes a directory of a server with all that is in it. Links are removed, and not followed.
pub(crate) async fn remove_tree(
    tool: &Arc<Tool>,
    site: &Site,
    root: &Name,
    dry_run: bool,
) -> Outcome {
    let walk = Walk {
        depth: 1024,
        ..Walk::default()
    };
    let tree = walk::remote(tool, site, root, &walk).await?;
    let mut failures = Failures::new(tool);
    // What is in a directory stands behind it.
    for (path, node) in tree.nodes.iter().rev() {
        let path = walk::remote_path(root, path);
        let directory = node.kind == NodeKind::Directory;
        if let Err(failure) = remove(site, &path, dry_run, directory).await {
            failures.note(failure)?;
        }
    }
    failures.end()?;
    remove(site, root, dry_run, true).await
}

pub(crate) async fn mv(tool: &Arc<Tool>, args: &MvArgs) -> Outcome {
    let from = parse_one(&args.from)?;
    let to = match Place::parse(&args.to).map_err(|error| Failure::usage(error.to_string()))? {
        Place::Remote(to) => {
            let same = to.host.eq_ignore_ascii_case(&from.host)
                && to.port == from.port
                && (to.user == from.user || to.user.is_none());
            if !same {
                return Err(Failure::usage(
                    "mv renames on one server; cp copies to another, and rm removes the original",
                ));
            }
            to
        }
        Place::Local(_) => from.with_path(RemotePath::plain(&args.to)),
    };
    let site = tool.site(&from).await?;
    let source = named(&from)?;
    // As mv(1): a slash at the end is a directory to move into.
    let target = if to.path.ends_with_slash() || to.path.is_empty() {
        let last = from.path.file_name();
        let directory = to.path.trimmed().name().unwrap_or_else(|| Name::from(""));
        directory.join(&crate::url::name_of(&last))
    } else {
        named(&to)?
    };
    let renamed = site.rename(&source, &target).await;
    renamed.map_err(|error| Failure::ftp(name(source.raw()), &error))
}

pub(crate) async fn mkdir(tool: &Arc<Tool>, args: &MkdirArgs) -> Outcome {
    let mut failures = Failures::new(tool);
    for text in &args.urls {
        let url = parse_one(text)?;
        let path = named(&url)?;
        let site = tool.site(&url).await?;
        let made = if args.parents {
            walk::make_remote_all(&site, &path).await
        } else {
            let made = site.mkdir(&path).await.map(drop);
            made.map_err(|error| Failure::ftp(name(path.raw()), &error))
        };
        if let Err(failure) = made {
            failures.note(failure)?;
        }
    }
    failures.end()
}

pub(crate) async fn rmdir(tool: &Arc<Tool>, args: &UrlsArgs) -> Outcome {
    let mut failures = Failures::new(tool);
    for text in &args.urls {
        let url = parse_one(text)?;
        let path = named(&url)?;
        let site = tool.site(&url).await?;
        if let Err(failure) = remove(&site, &path, false, true).await {
            failures.note(failure)?;
        }
    }
    failures.end()
}

pub(crate) async fn chmod(tool: &Arc<Tool>, args: &ChmodArgs) -> Outcome {
    let mut failures = Failures::new(tool);
    for text in &args.urls {
        let url = parse_one(text)?;
        named(&url)?;
        let site = tool.site(&url).await?;
        for found in expand(&site, &url.path.trimmed(), args.no_glob).await? {
            if let Err(error) = site.chmod(&found.path, args.mode).await {
                failures.note(Failure::ftp(name(found.path.raw()), &error))?;
            }
        }
    }
    failures.end()
}

#[derive(Serialize)]
struct SizeJson<'a> {
    path: &'a str,
    size_bytes: u64,
}

pub(crate) async fn size(tool: &Arc<Tool>, args: &UrlsArgs) -> Outcome {
    let mut failures = Failures::new(tool);
    for text in &args.urls {
        let url = parse_one(text)?;
        let site = tool.site(&url).await?;
        for found in expand(&site, &url.path.trimmed(), false).await? {
            let shown = name(found.path.raw());
            match site.size(&found.path).await {
                Ok(size) if tool.options.json => {
                    let path = &*String::from_utf8_lossy(found.path.raw());
                    print_json(&SizeJson {
                        path,
                        size_bytes: size,
                    });
                }
                Ok(size) if args.urls.len() == 1 && found.entry.is_none() => {
                    print(&format!("{size}\n"));
                }
                Ok(size) => {
                    print(&format!("{size}\t{shown}\n"));
                }
                // What a pattern leads to may be a directory.
                Err(_) if found.entry.is_some_and(|entry| entry.kind.is_directory()) => {}
                Err(error) => failures.note(Failure::ftp(shown, &error))?,
            }
        }
    }
    failures.end()
}

#[derive(Serialize)]
struct QuoteJson<'a> {
    command: &'a str,
    code: u16,
    lines: Vec<String>,
}

pub(crate) async fn quote(tool: &Arc<Tool>, args: &QuoteArgs) -> Outcome {
    let url = parse_one(&args.url)?;
    let site = tool.site(&url).await?;
    if let Some(path) = url.path.trimmed().name() {
        let changed = site.cd(&path).await;
        changed.map_err(|error| Failure::ftp(name(path.raw()), &error))?;
    }
    let mut refused = false;
    for line in &args.lines {
        let reply = site
            .quote(line)
            .await
            .map_err(|error| Failure::ftp("", &error))?;
        refused |= reply.is_negative();
        if tool.options.json {
            print_json(&QuoteJson {
                command: line,
                code: reply.code().get(),
                lines: reply
                    .lines()
                    .map(|line| String::from_utf8_lossy(line).into_owned())
                    .collect(),
            });
        } else {
            print(&format!("{}\n", crate::output::reply(&reply)));
        }
    }
    if refused {
        return Err(Failure::told(Exit::Refused));
    }
    Ok(())
}
