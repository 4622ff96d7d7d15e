//! What a mirror has to do: two trees go in, actions come out.

use crate::walk::{Node, NodeKind, Tree};
use fairway_ftp::list::{Modified, Precision};
use jiff::Timestamp;

/// How two files are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    /// Not by their times.
    Ignore,
    /// By digests, which somebody else compares.
    Digest,
    /// The copy has the time of the original: another one means another file.
    Differ,
    /// The copy has the time at which it was made: only an original that is newer is another file.
    Newer,
}

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Whether what the source has not is removed from the destination.
    pub(crate) delete: bool,
    pub(crate) times: Times,
    /// Whether a file that is shorter at the destination is the beginning of the one at the source.
    pub(crate) resume: bool,
}

/// Why a file is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The destination has none.
    New,
    Size,
    /// Only the times differ, as far as the listings tell.
    Time,
    /// Whether their digests differ is to be found out.
    Digest,
    /// The destination has its beginning.
    Resume,
    /// No size is known on one side.
    Unknown,
}

impl Why {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Size => "size",
            Self::Time => "time",
            Self::Digest => "digest",
            Self::Resume => "resume",
            Self::Unknown => "unknown",
        }
    }
}

/// One step, about a relative path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    RemoveFile(Vec<u8>),
    RemoveDirectory(Vec<u8>),
    MakeDirectory(Vec<u8>),
    Copy(Vec<u8>, Why),
}

/// All steps, in an order in which they can be done: what is in the way is removed, directories are made, files copied,
/// what is left over removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) clear: Vec<Action>,
    pub(crate) make: Vec<Action>,
    pub(crate) copy: Vec<Action>,
    pub(crate) remove: Vec<Action>,
    /// Files that are the same.
    pub(crate) same: usize,
    /// Links and special files of the source.
    pub(crate) left_out: usize,
    /// A file where a directory is to be, or the other way round, and nothing may be removed.
    pub(crate) in_the_way: Vec<Vec<u8>>,
    /// What would be removed if all of the source had been seen.
    pub(crate) kept: usize,
}

/// What makes `destination` like `source`.
pub(crate) fn plan(source: &Tree, destination: &Tree, rules: &Rules) -> Plan {
    let mut plan = Plan::default();
    let mut blocked: Option<Vec<u8>> = None;
    let may_remove = rules.delete && source.complete;
    for (path, node) in &source.nodes {
        if blocked.as_ref().is_some_and(|top| is_below(path, top)) {
            continue;
        }
        let there = destination.nodes.get(path);
        match node.kind {
            NodeKind::Link | NodeKind::Other => plan.left_out += 1,
            kind => match there {
                Some(there) if there.kind != kind => {
                    if may_remove {
                        plan.clear.extend(removal(destination, path, there));
                        plan.add(path, kind);
                    } else {
                        plan.in_the_way.push(path.clone());
                        blocked = Some(path.clone());
                    }
                }
                None => plan.add(path, kind),
                Some(_) if kind == NodeKind::Directory => {}
                Some(there) => match difference(node, there, rules) {
                    Some(why) => plan.copy.push(Action::Copy(path.clone(), why)),
                    None => plan.same += 1,
                },
            },
        }
    }
    let mut cleared: Option<&Vec<u8>> = None;
    for (path, node) in &destination.nodes {
        if source.nodes.contains_key(path) {
            let replaced = source
                .nodes
                .get(path)
                .is_some_and(|it| it.kind != node.kind);
            if replaced && node.kind == NodeKind::Directory {
                cleared = Some(path);
            }
            continue;
        }
        // It goes, or stays, with the directory that is in the way.
        if cleared.is_some_and(|top| is_below(path, top)) {
            continue;
        }
        if !rules.delete {
            continue;
        }
        if !source.complete {
            plan.kept += 1;
            continue;
        }
        plan.remove.push(match node.kind {
            NodeKind::Directory => Action::RemoveDirectory(path.clone()),
            _ => Action::RemoveFile(path.clone()),
        });
    }
    // What is in a directory stands behind it.
    plan.remove.reverse();
    plan
}

impl Plan {
    fn add(&mut self, path: &[u8], kind: NodeKind) {
        if kind == NodeKind::Directory {
            self.make.push(Action::MakeDirectory(path.to_vec()));
        } else {
            self.copy.push(Action::Copy(path.to_vec(), Why::New));
        }
    }
}

fn is_below(path: &[u8], top: &[u8]) -> bool {
    path.strip_prefix(top)
        .is_some_and(|rest| rest.starts_with(b"/"))
}

/// What removes `path` and all below it, the innermost first.
fn removal(tree: &Tree, path: &[u8], node: &Node) -> Vec<Action> {
    if node.kind != NodeKind::Directory {
        return vec![Action::RemoveFile(path.to_vec())];
    }
    let below = tree
        .nodes
        .iter()
        .rev()
        .filter(|(key, _)| is_below(key, path));
    let removed = below.map(|(key, node)| match node.kind {
        NodeKind::Directory => Action::RemoveDirectory(key.clone()),
        _ => Action::RemoveFile(key.clone()),
    });
    removed
        .chain(std::iter::once(Action::RemoveDirectory(path.to_vec())))
        .collect()
}

/// Why a file has to be copied; `None` if the two are the same.
fn difference(source: &Node, destination: &Node, rules: &Rules) -> Option<Why> {
    match (source.size, destination.size) {
        (Some(from), Some(to)) if from != to => {
            return Some(if rules.resume && 0 < to && to < from {
                Why::Resume
            } else {
                Why::Size
            });
        }
        _ if rules.times == Times::Digest => return Some(Why::Digest),
        (Some(_), Some(_)) => {}
        // Sizes that are guesses prove nothing: times must do.
        (_, _) if rules.times == Times::Ignore => return Some(Why::Unknown),
        (_, _) => {}
    }
    let (Some(from), Some(to)) = (source.time, destination.time) else {
        let sized = source.size.is_some() && destination.size.is_some();
        return (!sized).then_some(Why::Unknown);
    };
    let differ = match rules.times {
        Times::Ignore | Times::Digest => false,
        Times::Differ => !may_be_same(from, to),
        Times::Newer => !may_be_same(from, to) && from.at > to.at,
    };
    differ.then_some(Why::Time)
}

/// Whether the two may be the same instant, each known to its own precision.
pub(crate) fn may_be_same(one: Modified, other: Modified) -> bool {
    let (first, second) = if one.at <= other.at {
        (one, other)
    } else {
        (other, one)
    };
    second.at < end(first)
}

/// The end of the span in which an instant lies.
fn end(time: Modified) -> Timestamp {
    let seconds = match time.precision {
        // Servers and file systems cut fractions off, or keep even seconds only.
        Precision::Second | Precision::Fraction => 2,
        Precision::Minute => 60,
        Precision::Day => 86_400,
    };
    let span = jiff::SignedDuration::from_secs(seconds);
    time.at.checked_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Action, Plan, Rules, Times, Why, may_be_same, plan};
    use crate::walk::{Node, NodeKind, Tree};
    use fairway_ftp::list::{Modified, Precision};

    const RULES: Rules = Rules {
        delete: false,
        times: Times::Differ,
        resume: false,
    };
    const DELETE: Rules = Rules {
        delete: true,
        ..RULES
    };

    fn at(text: &str, precision: Precision) -> Modified {
        let mut time = Modified::exact(text.parse().unwrap());
        time.precision = precision;
        time
    }

    /// Lines as `dir/`, `link@`, `file size time`.
    fn tree(lines: &[&str]) -> Tree {
        let mut tree = Tree {
            complete: true,
            ..Tree::default()
        };
        for line in lines {
            let mut words = line.split(' ');
            let path = words.next().unwrap();
            let kind = match path.bytes().last() {
                Some(b'/') => NodeKind::Directory,
                Some(b'@') => NodeKind::Link,
                _ => NodeKind::File,
            };
            let node = Node {
                kind,
                size: words.next().map(|size| size.parse().unwrap()),
                time: words.next().map(|time| at(time, Precision::Second)),
            };
            tree.nodes
                .insert(path.trim_end_matches(['/', '@']).into(), node);
        }
        tree
    }

    fn shown(plan: &Plan) -> Vec<String> {
        let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
        let steps = [&plan.clear, &plan.make, &plan.copy, &plan.remove];
        steps
            .into_iter()
            .flatten()
            .map(|action| match action {
                Action::RemoveFile(path) => format!("- {}", text(path)),
                Action::RemoveDirectory(path) => format!("- {}/", text(path)),
                Action::MakeDirectory(path) => format!("+ {}/", text(path)),
                Action::Copy(path, why) => format!("{} {}", why.as_str(), text(path)),
            })
            .collect()
    }

    const T: &str = "2026-03-01T10:00:00Z";

    #[test]
    fn only_what_differs_is_copied() {
        let source = tree(&[
            "d/",
            "d/new 1",
            &format!("same 5 {T}"),
            &format!("larger 6 {T}"),
            "touched 5 2026-03-02T00:00:00Z",
            "link@",
        ]);
        let destination = tree(&[
            &format!("same 5 {T}"),
            &format!("larger 5 {T}"),
            &format!("touched 5 {T}"),
            "extra 9",
        ]);
        let plan = plan(&source, &destination, &RULES);
        assert_eq!(
            shown(&plan),
            ["+ d/", "new d/new", "size larger", "time touched"]
        );
        assert_eq!((plan.same, plan.left_out), (1, 1));
    }

    #[test]
    fn what_is_left_over_goes_from_the_inside() {
        let destination = tree(&["a/", "a/b/", "a/b/c 1", "a-b 1", "link@"]);
        let plan = plan(&tree(&[]), &destination, &DELETE);
        assert_eq!(
            shown(&plan),
            ["- link", "- a/b/c", "- a/b/", "- a-b", "- a/"]
        );
        assert!(shown(&super::plan(&tree(&[]), &destination, &RULES)).is_empty());
    }

    // A source that was not seen as a whole must not empty the destination.
    #[test]
    fn nothing_is_removed_after_half_a_listing() {
        let mut source = tree(&["x/"]);
        source.complete = false;
        let plan = plan(&source, &tree(&["a 1", "x 1"]), &DELETE);
        assert_eq!(shown(&plan), [""; 0]);
        assert_eq!((plan.kept, plan.in_the_way), (1, vec![b"x".to_vec()]));
    }

    #[test]
    fn what_is_in_the_way_goes_first_or_stops_what_is_below() {
        let source = tree(&["x/", "x/1 1", "y 1"]);
        let destination = tree(&["x 1", "y/", "y/z/", "y/z/1 1"]);
        let cleared = plan(&source, &destination, &DELETE);
        assert_eq!(
            shown(&cleared),
            [
                "- x", "- y/z/1", "- y/z/", "- y/", "+ x/", "new x/1", "new y"
            ]
        );
        let blocked = plan(&source, &destination, &RULES);
        assert_eq!(shown(&blocked), [""; 0]);
        assert_eq!(blocked.in_the_way, [b"x".to_vec(), b"y".to_vec()]);
    }

    #[test]
    fn a_shorter_copy_is_gone_on_with_if_asked() {
        let (source, destination) = (tree(&["a 10", "b 10"]), tree(&["a 4", "b 12"]));
        let rules = Rules {
            resume: true,
            ..RULES
        };
        assert_eq!(
            shown(&plan(&source, &destination, &rules)),
            ["resume a", "size b"]
        );
        assert_eq!(
            shown(&plan(&source, &destination, &RULES)),
            ["size a", "size b"]
        );
    }

    #[test]
    fn times_count_as_far_as_they_are_known() {
        let minute = at("2026-03-01T10:00:00Z", Precision::Minute);
        let exact = |text| at(text, Precision::Second);
        assert!(may_be_same(minute, exact("2026-03-01T10:00:59Z")));
        assert!(may_be_same(exact("2026-03-01T10:00:59Z"), minute));
        assert!(!may_be_same(minute, exact("2026-03-01T10:01:00Z")));
        assert!(!may_be_same(minute, exact("2026-03-01T09:59:00Z")));
        let day = at("2026-03-01T00:00:00Z", Precision::Day);
        assert!(may_be_same(day, minute));
        assert!(may_be_same(
            exact("2026-03-01T10:00:00Z"),
            at("2026-03-01T10:00:00.9Z", Precision::Fraction)
        ));
    }

    #[test]
    fn where_times_are_not_kept_only_a_newer_original_counts() {
        let old = tree(&["a 1 2026-03-01T10:00:00Z"]);
        let new = tree(&["a 1 2026-03-05T10:00:00Z"]);
        let rules = Rules {
            times: Times::Newer,
            ..RULES
        };
        assert!(shown(&plan(&old, &new, &rules)).is_empty());
        assert_eq!(shown(&plan(&new, &old, &rules)), ["time a"]);
        let ignore = Rules {
            times: Times::Ignore,
            ..RULES
        };
        assert!(shown(&plan(&new, &old, &ignore)).is_empty());
    }

    #[test]
    fn what_cannot_be_compared_is_copied() {
        let plan = plan(&tree(&["a"]), &tree(&["a 5"]), &RULES);
        assert_eq!(plan.copy, [Action::Copy(b"a".to_vec(), Why::Unknown)]);
    }
}
