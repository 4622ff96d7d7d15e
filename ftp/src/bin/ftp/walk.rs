//! Directory trees, there and here.

use crate::exit::{Failure, Outcome};
use crate::glob::Pattern;
use crate::output::name;
use crate::tool::Tool;
use crate::url::name_of;
use fairway_ftp::list::{Entry, Kind, Modified, Precision};
use fairway_ftp::{ListOptions, Name, Site};
use fairway_stack::{FileKind, NetError};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinSet;

/// What is below a directory, by path relative to it, without a slash at the beginning. A directory comes before what
/// is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) nodes: BTreeMap<Vec<u8>, Node>,
    /// Whether all of it was seen: what is missing here may then be removed elsewhere.
    pub(crate) complete: bool,
}

/// One name of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) size: Option<u64>,
    /// When it was changed, if that is known.
    pub(crate) time: Option<Modified>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    File,
    Directory,
    Link,
    /// Devices, pipes and the like.
    Other,
}

/// How to walk.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub(crate) filter: Filter,
    /// Levels below the top.
    pub(crate) depth: usize,
    /// Names in all.
    pub(crate) entries: usize,
    pub(crate) follow: bool,
    /// Directories at the same time.
    pub(crate) parallel: usize,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            depth: 64,
            entries: 1_000_000,
            follow: false,
            parallel: 1,
        }
    }
}

/// What to leave out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    exclude: Vec<Rule>,
    include: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    whole_path: bool,
    only_directories: bool,
}

impl Rule {
    fn new(text: &str) -> Self {
        let (text, only_directories) = match text.strip_suffix('/') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let anchored = text.strip_prefix('/').unwrap_or(text);
        Self {
            pattern: Pattern::typed(anchored),
            whole_path: text.contains('/'),
            only_directories,
        }
    }

    fn matches(&self, path: &[u8], is_directory: bool) -> bool {
        let last = path.rsplit(|octet| *octet == b'/').next();
        let subject = if self.whole_path {
            path
        } else {
            last.unwrap_or(path)
        };
        (is_directory || !self.only_directories) && self.pattern.matches(subject)
    }
}

impl Filter {
    /// A pattern with a slash in it is about the path, another about the name; one that ends with a slash is about
    /// directories.
    pub(crate) fn new(exclude: &[String], include: &[String]) -> Self {
        let rules = |texts: &[String]| texts.iter().map(|text| Rule::new(text)).collect();
        Self {
            exclude: rules(exclude),
            include: rules(include),
        }
    }

    /// Whether `path` takes part.
    pub(crate) fn takes(&self, path: &[u8], is_directory: bool) -> bool {
        let any = |rules: &[Rule]| rules.iter().any(|rule| rule.matches(path, is_directory));
        !any(&self.exclude) || any(&self.include)
    }
}

/// `directory/child`, relative to the top.
fn below(directory: &[u8], child: &[u8]) -> Vec<u8> {
    if directory.is_empty() {
        child.to_vec()
    } else {
        [directory, b"/", child].concat()
    }
}

/// The depth of a relative path: 1 for what is in the top.
fn depth(path: &[u8]) -> usize {
    1 + path.iter().filter(|octet| **octet == b'/').count()
}

/// The local path of a relative one.
pub(crate) fn local_path(root: &Path, path: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}

/// `2 links or special files left out`
pub(crate) fn left_out(links: usize) -> String {
    match links {
        1 => "1 link or special file left out".to_owned(),
        n => format!("{n} links or special files left out"),
    }
}

/// The remote path of a relative one.
pub(crate) fn remote_path(root: &Name, path: &[u8]) -> Name {
    if path.is_empty() {
        return root.clone();
    }
    root.join(&name_of(path))
}

/// Reads the tree below a directory of a server.
///
/// # Errors
/// The directory is none; too many names. Directories below that cannot be read are said, and make the tree
/// incomplete.
pub(crate) async fn remote(
    tool: &Arc<Tool>,
    site: &Site,
    root: &Name,
    walk: &Walk,
) -> Outcome<Tree> {
    let mut tree = Tree {
        complete: true,
        ..Tree::default()
    };
    let mut running = JoinSet::new();
    let mut waiting = vec![Vec::new()];
    loop {
        while running.len() < walk.parallel.max(1)
            && let Some(path) = waiting.pop()
        {
            let (site, directory) = (site.clone(), remote_path(root, &path));
            running.spawn(async move {
                let listed = list(&site, &directory).await;
                (path, listed)
            });
        }
        let (path, listed) = match running.join_next().await {
            None => return Ok(tree),
            Some(Ok(listed)) => listed,
            Some(Err(error)) => return Err(Failure::refused(error.to_string())),
        };
        let listed = match listed {
            Ok(listed) => listed,
            Err(failure) if path.is_empty() || failure.ends_all => return Err(failure),
            Err(failure) => {
                tool.say(&failure.text);
                tree.complete = false;
                continue;
            }
        };
        if listed.unknown > 0 {
            tool.say(&format!(
                "{}: {} lines of the listing are in no known form and were left out",
                name(remote_path(root, &path).raw()),
                listed.unknown
            ));
            tree.complete = false;
        }
        for entry in listed.entries {
            if !entry.is_safe_name() {
                tool.say(&format!(
                    "the name {} leads elsewhere and was left out",
                    name(&entry.name)
                ));
                tree.complete = false;
                continue;
            }
            let named = site.server().name_charset().name_of(&entry.name);
            let key = below(&path, named.raw());
            let mut node = node_of(&entry);
            if node.kind == NodeKind::Link && walk.follow {
                match site.metadata(remote_path(root, &key)).await {
                    Ok(target) => node = node_of(&target),
                    Err(error) => tool.say(&Failure::ftp(name(&key), &error).text),
                }
            }
            let is_directory = node.kind == NodeKind::Directory;
            if !walk.filter.takes(&key, is_directory) {
                continue;
            }
            if is_directory {
                if depth(&key) < walk.depth {
                    waiting.push(key.clone());
                } else {
                    tree.complete = false;
                }
            }
            if tree.nodes.len() >= walk.entries {
                return Err(too_many(walk));
            }
            tree.nodes.insert(key, node);
        }
    }
}

struct Listed {
    entries: Vec<Entry>,
    unknown: u64,
}

async fn list(site: &Site, directory: &Name) -> Outcome<Listed> {
    let failed = |error: &fairway_ftp::Error| Failure::ftp(name(directory.raw()), error);
    let asked = (!directory.raw().is_empty()).then_some(directory);
    // Hidden files are files.
    let options = {
        let mut options = ListOptions::default();
        options.all = true;
        options
    };
    let mut entries = match site.entries(asked, options).await {
        Ok(entries) => entries,
        Err(error) => return Err(failed(&error)),
    };
    let mut all = Vec::new();
    loop {
        match entries.next().await {
            Ok(Some(entry)) => all.push(entry),
            Ok(None) => break,
            Err(error) => return Err(failed(&error)),
        }
    }
    Ok(Listed {
        entries: all,
        unknown: entries.report().unknown,
    })
}

fn too_many(walk: &Walk) -> Failure {
    Failure::usage(format!(
        "more than {} names; --max-entries allows more",
        walk.entries
    ))
}

pub(crate) fn node_of(entry: &Entry) -> Node {
    Node {
        kind: match entry.kind {
            Kind::File => NodeKind::File,
            kind if kind.is_directory() => NodeKind::Directory,
            Kind::Link => NodeKind::Link,
            _ => NodeKind::Other,
        },
        size: entry.size.filter(|_| entry.size_is_exact()),
        time: entry.modified,
    }
}

/// Reads the tree below a local directory.
///
/// # Errors
/// The directory cannot be read; too many names.
pub(crate) async fn local(tool: &Arc<Tool>, root: &Path, walk: &Walk) -> Outcome<Tree> {
    let files = tool.files();
    let mut tree = Tree {
        complete: true,
        ..Tree::default()
    };
    let mut waiting = vec![Vec::new()];
    while let Some(path) = waiting.pop() {
        let directory = local_path(root, &path);
        let entries = match files.read_dir(&directory).await {
            Ok(entries) => entries,
            Err(error) if path.is_empty() => {
                return Err(Failure::usage(format!("{}: {error}", directory.display())));
            }
            Err(error) => {
                tool.say(&format!("{}: {error}", directory.display()));
                tree.complete = false;
                continue;
            }
        };
        for entry in entries {
            let key = below(&path, entry.name.as_bytes());
            let mut metadata = entry.metadata;
            if metadata.kind == FileKind::Link && walk.follow {
                match files.metadata(local_path(root, &key)).await {
                    Ok(target) => metadata = target,
                    Err(error) => {
                        tool.say(&format!("{}: {error}", local_path(root, &key).display()));
                    }
                }
            }
            let kind = match metadata.kind {
                FileKind::File => NodeKind::File,
                FileKind::Directory => NodeKind::Directory,
                FileKind::Link => NodeKind::Link,
                FileKind::Other => NodeKind::Other,
            };
            let is_directory = kind == NodeKind::Directory;
            if !walk.filter.takes(&key, is_directory) {
                continue;
            }
            if key.iter().any(|octet| matches!(octet, b'\r' | b'\n')) {
                tool.say(&format!(
                    "the name {} cannot be sent to a server and was left out",
                    name(&key)
                ));
                tree.complete = false;
                continue;
            }
            if is_directory {
                if depth(&key) < walk.depth {
                    waiting.push(key.clone());
                } else {
                    tree.complete = false;
                }
            }
            if tree.nodes.len() >= walk.entries {
                return Err(too_many(walk));
            }
            let time = Timestamp::try_from(metadata.modified).ok();
            let node = Node {
                kind,
                size: (kind == NodeKind::File).then_some(metadata.len),
                time: time.map(|at| {
                    let mut time = Modified::exact(at);
                    time.precision = Precision::Fraction;
                    time
                }),
            };
            tree.nodes.insert(key, node);
        }
    }
    Ok(tree)
}

/// Makes the local directory `path` below `root`, which is trusted; what is between is not: a link there could lead
/// what a server sends to anywhere.
///
/// # Errors
/// A link or a file is in the way.
pub(crate) async fn make_local(tool: &Tool, root: &Path, path: &[u8]) -> Outcome {
    // The empty path is the current directory.
    if !root.as_os_str().is_empty() {
        tool.files()
            .create_dir_all(root)
            .await
            .map_err(|error| Failure::usage(format!("{}: {error}", root.display())))?;
    }
    let mut made = Vec::new();
    for part in path
        .split(|octet| *octet == b'/')
        .filter(|part| !part.is_empty())
    {
        made = below(&made, part);
        let here = local_path(root, &made);
        match tool.files().link_metadata(&here).await {
            Ok(metadata) if metadata.kind == FileKind::Directory => {}
            Ok(metadata) => return Err(in_the_way(&here, metadata.kind)),
            Err(NetError::NotFound) => tool
                .files()
                .create_dir_all(&here)
                .await
                .map_err(|error| Failure::usage(format!("{}: {error}", here.display())))?,
            Err(error) => return Err(Failure::usage(format!("{}: {error}", here.display()))),
        }
    }
    Ok(())
}

/// The local path of the file `path` below `root`, whose directory is made.
///
/// # Errors
/// As [`make_local`]; a link or a directory has its name.
pub(crate) async fn safe_file(tool: &Tool, root: &Path, path: &[u8]) -> Outcome<PathBuf> {
    let parent = path.iter().rposition(|octet| *octet == b'/').unwrap_or(0);
    make_local(tool, root, path.get(..parent).unwrap_or_default()).await?;
    let here = local_path(root, path);
    match tool.files().link_metadata(&here).await {
        Ok(metadata) if metadata.kind == FileKind::File => Ok(here),
        Ok(metadata) => Err(in_the_way(&here, metadata.kind)),
        Err(NetError::NotFound) => Ok(here),
        Err(error) => Err(Failure::usage(format!("{}: {error}", here.display()))),
    }
}

fn in_the_way(path: &Path, kind: FileKind) -> Failure {
    let what = match kind {
        FileKind::Link => "a link",
        FileKind::Directory => "a directory",
        FileKind::File => "a file",
        FileKind::Other => "something else",
    };
    Failure::usage(format!("{}: {what} is in the way", path.display()))
}

/// Makes a directory on a server; one that is there is fine.
///
/// # Errors
/// The server's refusal.
pub(crate) async fn make_remote(site: &Site, path: &Name) -> Outcome {
    match site.mkdir(path).await {
        Ok(_) => Ok(()),
        Err(error) => match site.detached().cd(path).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Failure::ftp(name(path.raw()), &error)),
        },
    }
}

/// Makes a directory on a server and those above it, as far as they are missing.
///
/// # Errors
/// The server's refusal.
pub(crate) async fn make_remote_all(site: &Site, path: &Name) -> Outcome {
    // Mostly only the last one is missing, or none.
    let Err(first) = make_remote(site, path).await else {
        return Ok(());
    };
    let raw = path.raw();
    let ends =
        (1..raw.len()).filter(|at| raw.get(*at) == Some(&b'/') && raw.get(at - 1) != Some(&b'/'));
    let mut above = false;
    for end in ends {
        above = true;
        make_remote(site, &name_of(raw.get(..end).unwrap_or_default())).await?;
    }
    if !above {
        return Err(first);
    }
    make_remote(site, path).await
}

#[cfg(test)]
mod tests {
    use super::Filter;

    fn takes(exclude: &[&str], include: &[&str], path: &str) -> bool {
        let texts = |all: &[&str]| {
            all.iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        let is_directory = path.ends_with('/');
        let path = path.trim_end_matches('/');
        Filter::new(&texts(exclude), &texts(include)).takes(path.as_bytes(), is_directory)
    }

    #[test]
    fn patterns_leave_out_and_take_in() {
        assert!(takes(&[], &[], "a/b"));
        assert!(!takes(&["*.o"], &[], "src/a.o"));
        assert!(takes(&["*.o"], &["keep.o"], "src/keep.o"));
        assert!(!takes(&["src/*.o"], &[], "src/a.o"));
        assert!(takes(&["src/*.o"], &[], "src/b/a.o"));
        assert!(!takes(&["**/cache"], &[], "a/b/cache"));
        assert!(!takes(&["/top"], &[], "top"));
        assert!(takes(&["/top"], &[], "a/top"));
        assert!(!takes(&["tmp/"], &[], "a/tmp/"));
        assert!(takes(&["tmp/"], &[], "a/tmp"));
    }
}
