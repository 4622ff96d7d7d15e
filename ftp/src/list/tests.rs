//! Lines and whole listings in `testdata/list`, with what they are.
//!
//! A file holds blocks. `<` is a line of a listing, with `\t`, `\r`, `\n`, `\\` and `\xNN` for octets; `=` is what it
//! is: `kind | size | time | name | more`, or `skip total`, or `unknown`. Times are UTC, written as exactly as they are
//! known. `@now`, `@zone`, `@format` and `@whole` (a block is one listing) hold until the end of the file. With
//! `BLESS=1` the `=` lines are rewritten.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{
    Context, Entry, Format, Item, Kind, Line, Listing, Modified, Precision, Skip, detect_line,
    parse_line_as,
};

mod behaviour;
mod properties;

fn context(now: &str, zone: &str) -> Context {
    let zone = if zone == "UTC" {
        TimeZone::UTC
    } else {
        TimeZone::posix(zone).unwrap()
    };
    Context::new(now.parse::<Timestamp>().unwrap(), zone)
}

fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            octets.push(*first);
            continue;
        }
        let (octet, used) = match rest[0] {
            b't' => (b'\t', 1),
            b'r' => (b'\r', 1),
            b'n' => (b'\n', 1),
            b'x' => (
                u8::from_str_radix(str::from_utf8(&rest[1..3]).unwrap(), 16).unwrap(),
                3,
            ),
            other => (other, 1),
        };
        octets.push(octet);
        rest = &rest[used..];
    }
    octets
}

fn escape(octets: &[u8]) -> String {
    match str::from_utf8(octets) {
        Ok(text) => text
            .replace('\\', "\\\\")
            .replace('\t', "\\t")
            .replace('\r', "\\r")
            .replace('\n', "\\n"),
        Err(_) => octets
            .escape_ascii()
            .to_string()
            .replace("\\\"", "\"")
            .replace("\\'", "'"),
    }
}

fn time(modified: Modified) -> String {
    let format = match modified.precision {
        Precision::Day if modified.at.strftime("%H:%M").to_string() == "00:00" => "%Y-%m-%d",
        Precision::Day => "%Y-%m-%d(%H:%M)",
        Precision::Minute => "%Y-%m-%d %H:%M",
        Precision::Second => "%Y-%m-%d %H:%M:%S",
        Precision::Fraction => "%Y-%m-%d %H:%M:%S%.f",
    };
    modified.at.strftime(format).to_string()
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "dir",
        Kind::CurrentDirectory => "cdir",
        Kind::ParentDirectory => "pdir",
        Kind::Link => "link",
        Kind::BlockDevice => "blk",
        Kind::CharDevice => "chr",
        Kind::Pipe => "pipe",
        Kind::Socket => "sock",
        Kind::Door => "door",
        Kind::Other => "other",
    }
}

fn describe(entry: &Entry) -> String {
    let mut text = format!(
        "{} | {}{} | {} | {}",
        kind(entry.kind),
        if entry.size.is_some() && !entry.size_is_exact() {
            "~"
        } else {
            ""
        },
        entry.size.map_or("-".into(), |size| size.to_string()),
        entry.modified.map_or("-".into(), time),
        escape(&entry.name)
    );
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            write!(text, " | {name}={value}").unwrap();
        }
    };
    let octets = |value: &Option<bytes::Bytes>| value.as_deref().map(escape);
    field("target", octets(&entry.target));
    field("mode", entry.mode.map(|mode| format!("{mode:o}")));
    field("links", entry.links.map(|links| links.to_string()));
    field("owner", octets(&entry.owner));
    field("group", octets(&entry.group));
    if let Some(details) = entry.details() {
        field(
            "version",
            details.version.map(|version| version.to_string()),
        );
        field("unique", octets(&details.unique));
        field("perm", octets(&details.perm));
        field("created", details.created.map(time));
        field(
            "device",
            details
                .device
                .map(|(major, minor)| format!("{major},{minor}")),
        );
        field(
            "records",
            details.records.map(|records| records.to_string()),
        );
        field("protection", octets(&details.protection));
        field("object", octets(&details.object));
        for (name, value) in &details.facts {
            field(&escape(name), Some(escape(value)));
        }
    }
    text
}

fn skip(skip: Skip) -> &'static str {
    match skip {
        Skip::Blank => "skip blank",
        Skip::Total => "skip total",
        Skip::Heading => "skip heading",
        Skip::Section => "skip section",
        Skip::Empty => "skip empty",
    }
}

/// What one line is, by itself.
fn single(line: &[u8], context: &Context, format: Option<Format>) -> (String, Option<Format>) {
    let (line, found) = match format {
        Some(format) => (parse_line_as(line, context, format), Some(format)),
        None => detect_line(line, context),
    };
    let text = match line {
        Line::Entry(entry) => describe(&entry),
        Line::Skip(reason) => skip(reason).to_owned(),
        Line::Unknown => "unknown".to_owned(),
    };
    (text, found)
}

/// What a listing consists of, whose octets come in pieces of `piece`.
fn whole(octets: &[u8], piece: usize, context: &Context, format: Option<Format>) -> Vec<String> {
    let mut listing = Listing::new(context.clone(), format);
    let mut found = Vec::new();
    let drain = |listing: &mut Listing, found: &mut Vec<String>| {
        while let Some(item) = listing.next_item() {
            found.push(match item {
                Item::Entry(entry) => describe(&entry),
                Item::Unknown(line) => format!("unknown {}", line.number),
            });
        }
    };
    for piece in octets.chunks(piece) {
        listing.push(piece);
        drain(&mut listing, &mut found);
    }
    listing.finish();
    drain(&mut listing, &mut found);
    let format = listing
        .format()
        .map_or("no dialect".to_owned(), |format| format.to_string());
    found.push(format!("{format}, {} skipped", listing.report().skipped));
    found
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/list");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

/// Runs one file; says what differs, and what the file should have been.
fn run(text: &str) -> (Vec<String>, String, usize) {
    let (mut now, mut zone) = ("2026-07-01T12:00:00Z".to_owned(), "UTC".to_owned());
    let (mut format, mut is_whole, mut dialect) = (None, false, None);
    let (mut wrong, mut blessed, mut cases) = (Vec::new(), String::new(), 0);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        blessed.push_str(line);
        blessed.push('\n');
        let named = |name: &str| {
            Format::ALL
                .into_iter()
                .find(|format| format!("{format:?}") == name)
                .unwrap()
        };
        match line.split_once(' ').unwrap_or((line, "")) {
            ("@now", value) => now = value.to_owned(),
            ("@zone", value) => zone = value.to_owned(),
            ("@format", value) => format = Some(named(value)),
            ("@dialect", value) => dialect = Some(named(value)),
            ("@whole", _) => is_whole = true,
            ("<", first) => {
                let mut input = vec![unescape(first)];
                while is_whole && let Some(next) = lines.next_if(|line| line.starts_with('<')) {
                    blessed.push_str(next);
                    blessed.push('\n');
                    input.push(unescape(next.get(2..).unwrap_or_default()));
                }
                let mut expected = Vec::new();
                while let Some(next) = lines.next_if(|line| line.starts_with('=')) {
                    expected.push(next.get(2..).unwrap_or_default().to_owned());
                }
                let context = context(&now, &zone);
                let found = if is_whole {
                    let octets: Vec<u8> = input
                        .iter()
                        .flat_map(|line| [line.as_slice(), b"\r\n"].concat())
                        .collect();
                    let found = whole(&octets, octets.len(), &context, format);
                    for piece in [1, 7, 100] {
                        assert_eq!(
                            whole(&octets, piece, &context, format),
                            found,
                            "in pieces of {piece}: {first}"
                        );
                    }
                    found
                } else {
                    let (text, format) = single(&input[0], &context, format);
                    if dialect.is_some() && format.is_some() && format != dialect {
                        wrong.push(format!("dialect {format:?} of {first}"));
                    }
                    vec![text]
                };
                cases += 1;
                for line in &found {
                    writeln!(blessed, "= {line}").unwrap();
                }
                if found != expected {
                    wrong.push(format!(
                        "{first}\n  expected {expected:#?}\n  found {found:#?}"
                    ));
                }
            }
            _ => assert!(line.is_empty() || line.starts_with('#'), "{line}"),
        }
    }
    (wrong, blessed, cases)
}

#[test]
fn lines_and_listings_are_what_the_files_say() {
    let mut all = 0;
    let mut failures = Vec::new();
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let (wrong, blessed, cases) = run(&text);
        all += cases;
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, blessed).unwrap();
        } else {
            failures.extend(
                wrong
                    .into_iter()
                    .map(|wrong| format!("{}: {wrong}", path.display())),
            );
        }
    }
    assert!(all > 0);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
