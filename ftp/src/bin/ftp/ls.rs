//! `ftp ls`.

use crate::args::{LsArgs, SortBy};
use crate::exit::{Failure, Outcome};
use crate::get::parse_one;
use crate::glob::expand;
use crate::output::{colours, name, print, print_json};
use crate::size::human;
use crate::tool::Tool;
use fairway_ftp::list::{Entry, Kind, Precision};
use fairway_ftp::{Charset, ListOptions, Name, Site};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::cmp::Reverse;
use std::sync::Arc;

/// How entries are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) names: bool,
    pub(crate) bytes: bool,
    pub(crate) json: bool,
    pub(crate) colours: bool,
}

pub(crate) async fn ls(tool: &Arc<Tool>, args: &LsArgs) -> Outcome {
    let style = Style {
        names: args.names,
        bytes: args.bytes,
        json: tool.options.json,
        colours: colours(),
    };
    let mut failure = None;
    // Patterns may lead to several directories, each shown under its name.
    let mut loose = Vec::new();
    let mut directories = Vec::new();
    for text in &args.urls {
        let url = parse_one(text)?;
        let site = tool.site(&url).await?;
        let path = url.path.trimmed();
        for found in expand(&site, &path, args.no_glob).await? {
            match found.entry {
                // A link of a pattern's is shown as it is.
                Some(entry) if args.directory || !entry.kind.is_directory() => {
                    loose.push(Row::new(&site, entry, found.path));
                }
                _ if args.directory && !found.path.raw().is_empty() => {
                    let shown = name(found.path.raw());
                    let entry = site.metadata(&found.path).await;
                    let entry = entry.map_err(|error| Failure::ftp(shown, &error))?;
                    loose.push(Row::new(&site, entry, found.path));
                }
                _ => directories.push((site.clone(), url.to_string(), found.path)),
            }
        }
    }
    let titled = directories.len() + usize::from(!loose.is_empty()) > 1 && !style.json;
    if !loose.is_empty() {
        sort(&mut loose, args);
        if !show(&loose, style) {
            return Ok(());
        }
    }
    for (at, (site, url, path)) in directories.iter().enumerate() {
        match rows(site, path, args.all).await {
            Ok(mut rows) => {
                if titled {
                    let blank = if at > 0 || !loose.is_empty() {
                        "\n"
                    } else {
                        ""
                    };
                    let title = if path.raw().is_empty() {
                        url.clone()
                    } else {
                        name(path.raw())
                    };
                    print(&format!("{blank}{title}:\n"));
                }
                sort(&mut rows, args);
                if !show(&rows, style) {
                    return Ok(());
                }
            }
            Err(error) => {
                tool.fail(&error);
                let ends = error.ends_all;
                failure.get_or_insert(Failure::told(error.exit));
                if ends {
                    break;
                }
            }
        }
    }
    failure.map_or(Ok(()), Err)
}

/// An entry and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    entry: Entry,
    path: Name,
    name: Name,
}

impl Row {
    pub(crate) fn new(site: &Site, entry: Entry, path: Name) -> Self {
        let charset = site.server().name_charset();
        Self {
            name: shown_name(charset, &entry),
            entry,
            path,
        }
    }
}

/// The last component: some servers answer with a path.
fn shown_name(charset: Charset, entry: &Entry) -> Name {
    let last = entry
        .name
        .rsplit(|octet| *octet == b'/')
        .find(|part| !part.is_empty());
    charset.name_of(last.unwrap_or(&entry.name))
}

/// What is in a directory, or the file itself if it is one.
pub(crate) async fn rows(site: &Site, path: &Name, all: bool) -> Outcome<Vec<Row>> {
    let failed = |error: &fairway_ftp::Error| Failure::ftp(name(path.raw()), error);
    let asked = (!path.raw().is_empty()).then_some(path);
    let mut options = ListOptions::default();
    options.all = all;
    let mut entries = match site.entries(asked, options).await {
        Ok(entries) => entries,
        Err(error) if error.reply().is_some() && asked.is_some() => {
            // MLSD lists directories only.
            return match site.metadata(path).await {
                Ok(entry) if !entry.kind.is_directory() => {
                    Ok(vec![Row::new(site, entry, path.clone())])
                }
                _ => Err(failed(&error)),
            };
        }
        Err(error) => return Err(failed(&error)),
    };
    let mut rows = Vec::new();
    while let Some(entry) = entries.next().await.map_err(|error| failed(&error))? {
        if all || !entry.name.starts_with(b".") {
            let child = site.server().name_charset().name_of(&entry.name);
            rows.push(Row::new(site, entry, path.join(&child)));
        }
    }
    // Some servers list what does not exist as if it was empty.
    if entries.report().entries == 0
        && asked.is_some()
        && let Err(error) = site.metadata(path).await
        && error.is_not_found()
    {
        return Err(Failure::nothing_at(path));
    }
    Ok(rows)
}

pub(crate) fn sort(rows: &mut [Row], args: &LsArgs) {
    match args.sort {
        SortBy::Name => rows.sort_by(|one, other| one.name.raw().cmp(other.name.raw())),
        SortBy::Size => rows.sort_by_key(|row| Reverse(row.entry.size)),
        SortBy::Time => rows.sort_by_key(|row| Reverse(row.entry.modified.map(|time| time.at))),
        SortBy::None => {}
    }
    if args.reverse {
        rows.reverse();
    }
}

/// Prints rows; `false` when nobody reads any more.
pub(crate) fn show(rows: &[Row], style: Style) -> bool {
    if style.json {
        return rows.iter().all(|row| print_json(&Json::new(row)));
    }
    let text = if style.names {
        rows.iter().map(|row| name(row.name.raw()) + "\n").collect()
    } else {
        table(rows, style, &TimeZone::system())
    };
    print(&text)
}

/// A table as `ls -l` prints it.
fn table(rows: &[Row], style: Style, zone: &TimeZone) -> String {
    let cells: Vec<[String; 4]> = rows.iter().map(|row| cells(row, style, zone)).collect();
    let width = |column: usize| {
        let lengths = cells.iter().filter_map(|cells| cells.get(column));
        lengths
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let (kind, size, time) = (width(0), width(1), width(2));
    let mut text = String::new();
    for [a, b, c, d] in &cells {
        text.push_str(&format!("{a:kind$}  {b:>size$}  {c:time$}  {d}\n"));
    }
    text
}

fn cells(row: &Row, style: Style, zone: &TimeZone) -> [String; 4] {
    let entry = &row.entry;
    let size = match entry.size {
        // What a directory occupies says nothing about what is in it.
        Some(_) if entry.kind.is_directory() => "-".into(),
        Some(size) if style.bytes => size.to_string(),
        Some(size) => human(size),
        None => "-".into(),
    };
    let about = if entry.size_is_exact() { "" } else { "≤" };
    let time = entry.modified.map_or_else(
        || "-".into(),
        |time| {
            let format = if time.precision == Precision::Day {
                "%Y-%m-%d"
            } else {
                "%Y-%m-%d %H:%M"
            };
            zone.to_datetime(time.at).strftime(format).to_string()
        },
    );
    let shown = name(row.name.raw());
    let coloured = match colour(entry) {
        Some(colour) if style.colours => format!("\x1b[{colour}m{shown}\x1b[0m"),
        _ => shown,
    };
    let target = match &entry.target {
        Some(target) => format!(" -> {}", name(target)),
        None => String::new(),
    };
    [
        permissions(entry),
        format!("{about}{size}"),
        time,
        format!("{coloured}{target}"),
    ]
}

fn colour(entry: &Entry) -> Option<&'static str> {
    match entry.kind {
        kind if kind.is_directory() => Some("1;34"),
        Kind::Link => Some("1;36"),
        Kind::File if entry.mode.is_some_and(|mode| mode & 0o111 != 0) => Some("1;32"),
        Kind::File => None,
        _ => Some("33"),
    }
}

/// `drwxr-xr-x`, or the first letter alone.
fn permissions(entry: &Entry) -> String {
    let letter = match entry.kind {
        Kind::File => '-',
        kind if kind.is_directory() => 'd',
        Kind::Link => 'l',
        Kind::BlockDevice => 'b',
        Kind::CharDevice => 'c',
        Kind::Pipe => 'p',
        Kind::Socket => 's',
        _ => '?',
    };
    let mut text = String::from(letter);
    let Some(mode) = entry.mode else {
        return text;
    };
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
        });
    }
    text
}

/// The word of JSON for a kind.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        kind if kind.is_directory() => "directory",
        Kind::Link => "link",
        Kind::BlockDevice => "block_device",
        Kind::CharDevice => "char_device",
        Kind::Pipe => "pipe",
        Kind::Socket => "socket",
        Kind::Door => "door",
        _ => "other",
    }
}

#[derive(Serialize)]
struct Json {
    name: String,
    path: String,
    /// Of names that are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_octets_hex: Option<String>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    size_is_exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified_precision: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

impl Json {
    fn new(row: &Row) -> Self {
        let entry = &row.entry;
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let raw = row.name.raw();
        let hex = || raw.iter().map(|octet| format!("{octet:02x}")).collect();
        Self {
            name: text(raw),
            path: text(row.path.raw()),
            name_octets_hex: std::str::from_utf8(raw).is_err().then(hex),
            kind: kind_name(entry.kind),
            size_bytes: entry.size,
            size_is_exact: entry.size_is_exact(),
            modified: entry.modified.map(|time| time.at.to_string()),
            modified_precision: entry.modified.map(|time| match time.precision {
                Precision::Day => "day",
                Precision::Minute => "minute",
                Precision::Second => "second",
                Precision::Fraction => "fraction",
            }),
            mode: entry.mode.map(|mode| format!("{mode:04o}")),
            owner: entry.owner.as_deref().map(text),
            group: entry.group.as_deref().map(text),
            target: entry.target.as_deref().map(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Style, permissions, table};
    use fairway_ftp::Name;
    use fairway_ftp::list::{Entry, Kind, Modified};
    use jiff::tz::TimeZone;

    const STYLE: Style = Style {
        names: false,
        bytes: false,
        json: false,
        colours: false,
    };

    fn row(name: &str, kind: Kind, size: Option<u64>) -> Row {
        let mut entry = Entry::new(name.to_owned(), kind);
        entry.size = size;
        entry.modified = Some(Modified::exact("2026-03-01T10:20:30Z".parse().unwrap()));
        Row {
            entry,
            path: Name::from(name),
            name: Name::from(name),
        }
    }

    #[test]
    fn columns_are_in_line() {
        let mut link = row("l", Kind::Link, None);
        link.entry.target = Some("t\x1b[2J".into());
        let rows = [
            row("a\x1b[31m", Kind::File, Some(1536)),
            row("dir", Kind::Directory, Some(4096)),
            link,
        ];
        assert_eq!(
            table(&rows, STYLE, &TimeZone::UTC),
            "-  1.5 KiB  2026-03-01 10:20  a\u{fffd}[31m\nd        -  2026-03-01 10:20  dir\nl        -  2026-03-01 10:20  l -> t\u{fffd}[2J\n"
        );
    }

    #[test]
    fn permissions_are_spelt_as_by_ls() {
        let mut entry = Entry::new("x", Kind::Directory);
        entry.mode = Some(0o1777);
        assert_eq!(permissions(&entry), "drwxrwxrwt");
        entry.mode = Some(0o4644);
        assert_eq!(permissions(&entry), "drwSr--r--");
    }
}
