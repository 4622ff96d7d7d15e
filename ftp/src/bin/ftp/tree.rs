//! `ftp tree`.

use crate::args::TreeArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::get::parse_one;
use crate::output::{colours, name, print, print_json};
use crate::size::human;
use crate::tool::Tool;
use crate::walk::{self, Node, NodeKind, Tree, Walk};
use fairway_ftp::Name;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Json<'a> {
    path: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
}

pub(crate) async fn tree(tool: &Arc<Tool>, args: &TreeArgs) -> Outcome {
    let url = parse_one(&args.url)?;
    let site = tool.site(&url).await?;
    let root = url.path.trimmed().name().unwrap_or_else(|| Name::from(""));
    let walk = Walk {
        depth: args.depth.max(1),
        parallel: usize::from(args.jobs),
        ..Walk::default()
    };
    let mut tree = walk::remote(tool, &site, &root, &walk).await?;
    // Some servers list what does not exist as if it was empty.
    if tree.nodes.is_empty()
        && !root.raw().is_empty()
        && let Err(error) = site.metadata(&root).await
        && error.is_not_found()
    {
        return Err(Failure::nothing_at(&root));
    }
    if !args.all {
        let hidden = |path: &[u8]| {
            path.split(|octet| *octet == b'/')
                .any(|part| part.starts_with(b"."))
        };
        tree.nodes.retain(|path, _| !hidden(path));
    }
    if tool.options.json {
        for (path, node) in &tree.nodes {
            let line = Json {
                path: &String::from_utf8_lossy(path),
                kind: kind(node),
                size_bytes: node.size.filter(|_| node.kind == NodeKind::File),
                modified: node.time.map(|time| time.at.to_string()),
            };
            if !print_json(&line) {
                return Ok(());
            }
        }
    } else {
        print(&drawn(&tree, &url.to_string(), colours()));
    }
    // A tree that was cut at the depth asked for is what was asked for.
    let cut = tree.nodes.keys().any(|path| depth(path) >= args.depth);
    if tree.complete || cut {
        Ok(())
    } else {
        Err(Failure::told(Exit::Refused))
    }
}

fn depth(path: &[u8]) -> usize {
    1 + path.iter().filter(|octet| **octet == b'/').count()
}

const fn kind(node: &Node) -> &'static str {
    match node.kind {
        NodeKind::File => "file",
        NodeKind::Directory => "directory",
        NodeKind::Link => "link",
        NodeKind::Other => "other",
    }
}

/// The tree with lines from each directory to what is in it.
fn drawn(tree: &Tree, title: &str, colours: bool) -> String {
    let mut text = format!("{title}\n");
    // By directory and not by octets: `a/b` comes right behind `a`, before `a-b`.
    let mut paths: Vec<(Vec<&[u8]>, &Node)> = tree
        .nodes
        .iter()
        .map(|(path, node)| (path.split(|octet| *octet == b'/').collect(), node))
        .collect();
    paths.sort_by(|(one, _), (other, _)| one.cmp(other));
    // Whether a later sibling of the directory at each level follows.
    let mut open: Vec<bool> = Vec::new();
    for (at, (path, node)) in paths.iter().enumerate() {
        let level = path.len();
        let parent = path.get(..level - 1).unwrap_or_default();
        let rest = paths.get(at + 1..).unwrap_or_default();
        let more = rest
            .iter()
            .take_while(|(next, _)| next.starts_with(parent))
            .any(|(next, _)| next.len() == level);
        open.truncate(level - 1);
        for open in &open {
            text.push_str(if *open { "│   " } else { "    " });
        }
        text.push_str(if more { "├── " } else { "└── " });
        open.push(more);
        let shown = name(path.last().copied().unwrap_or_default());
        match node.kind {
            NodeKind::Directory if colours => text.push_str(&format!("\x1b[1;34m{shown}\x1b[0m/")),
            NodeKind::Directory => text.push_str(&format!("{shown}/")),
            NodeKind::Link => text.push_str(&format!("{shown}@")),
            _ => text.push_str(&shown),
        }
        if let (NodeKind::File, Some(size)) = (node.kind, node.size) {
            text.push_str(&format!("  {}", human(size)));
        }
        text.push('\n');
    }
    let count = |kind| tree.nodes.values().filter(|node| node.kind == kind).count();
    let octets: u64 = tree
        .nodes
        .values()
        .filter(|node| node.kind == NodeKind::File)
        .filter_map(|node| node.size)
        .fold(0, u64::saturating_add);
    let counted =
        |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    text.push_str(&format!(
        "{}, {}, {}\n",
        counted(count(NodeKind::Directory), "directory", "directories"),
        counted(count(NodeKind::File), "file", "files"),
        human(octets)
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::drawn;
    use crate::walk::{Node, NodeKind, Tree};

    #[test]
    fn lines_lead_from_directories_to_what_is_in_them() {
        let mut tree = Tree::default();
        for (path, kind) in [
            ("a", NodeKind::Directory),
            ("a-b", NodeKind::File),
            ("a/x", NodeKind::Directory),
            ("a/x/1", NodeKind::File),
            ("a/y", NodeKind::Link),
        ] {
            let node = Node {
                kind,
                size: Some(7),
                time: None,
            };
            tree.nodes.insert(path.into(), node);
        }
        assert_eq!(
            drawn(&tree, "top", false),
            "top\n├── a/\n│   ├── x/\n│   │   └── 1  7 B\n│   └── y@\n└── a-b  7 B\n2 directories, 2 files, 14 B\n"
        );
    }
}
