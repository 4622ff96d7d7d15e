//! Lines of a listing that are no entries: totals, headings, names of the directories that follow.

use super::format::Format;
use super::text::{Words, all_digits, contains, number, scaled, split_once, starts_with};

/// Why a line is no entry and need not be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Skip {
    /// Nothing, or blanks.
    Blank,
    /// A sum: `total 12`, `Total of 4 files`.
    Total,
    /// Headings of columns, or of the whole listing.
    Heading,
    /// The name of a directory whose entries follow, in a recursive listing.
    Section,
    /// The statement that there are no entries: `*.*;0  <%RMS-E-FNF, file not found>`.
    Empty,
}

/// What `total` is called where servers speak other languages; a number follows.
const TOTALS: [&str; 22] = [
    "total",
    "insgesamt",
    "summe",
    "gesamt",
    "totale",
    "totaal",
    "totalt",
    "yhteensä",
    "razem",
    "celkem",
    "suma",
    "итого",
    "всего",
    "összesen",
    "toplam",
    "合計",
    "总用量",
    "总计",
    "總計",
    "總用量",
    "총",
    "합계",
];

/// Headings of columns: words that all occur, and the form they announce.
const HEADINGS: [(&[&str], Format); 13] = [
    (&["volume", "recfm", "dsname"], Format::Mvs),
    (&["name", "vv.mm", "created", "changed"], Format::MvsMembers),
    (&["name", "size", "ttr", "amode"], Format::MvsMembers),
    (&["jobname", "jobid", "status"], Format::Jes),
    (&["stepname", "procstep", "ddname"], Format::Jes),
    (&["file", "code", "eof", "rwep"], Format::NonStop),
    (&["filename", "filetype", "lrecl", "records"], Format::Cms),
    (
        &["owner", "last modified", "attributes", "sector"],
        Format::Os9,
    ),
    (&["filename", "code", "logical", "record"], Format::Mpe),
    (&["size", "typ", "eof", "limit"], Format::Mpe),
    (&["permission", "owner", "bytes", "name"], Format::NetWare),
    (&["name", "at", "access", "last mod"], Format::Irmx),
    (&["size", "date", "time", "name"], Format::VxWorks),
];

/// Beginnings of lines around listings, and the form that has them.
const BEGINNINGS: [(&str, Skip, Option<Format>); 19] = [
    ("Total of ", Skip::Total, Some(Format::Vms)),
    ("Grand total of ", Skip::Total, Some(Format::Vms)),
    ("Directory ", Skip::Section, Some(Format::Vms)),
    ("Files: ", Skip::Heading, Some(Format::Vos)),
    ("Dirs: ", Skip::Heading, Some(Format::Vos)),
    ("Links: ", Skip::Heading, Some(Format::Vos)),
    ("Report for: ", Skip::Section, Some(Format::ClearPath)),
    ("ACCOUNT=", Skip::Section, Some(Format::Mpe)),
    ("PATH=", Skip::Section, Some(Format::Mpe)),
    (" PATH=", Skip::Section, Some(Format::Mpe)),
    (" Volume in drive ", Skip::Heading, Some(Format::Dos)),
    (" Volume Serial Number ", Skip::Heading, Some(Format::Dos)),
    ("Volume in drive ", Skip::Heading, Some(Format::Dos)),
    ("Volume Serial Number ", Skip::Heading, Some(Format::Dos)),
    (" Directory of ", Skip::Section, Some(Format::Dos)),
    ("Directory of ", Skip::Section, None),
    ("Listing of ", Skip::Section, None),
    ("-------", Skip::Heading, None),
    ("=======", Skip::Heading, None),
];

/// Says whether a line is no entry, and of which form of listing if only one has such lines.
pub(super) fn of(words: &Words<'_>) -> Option<(Skip, Option<Format>)> {
    let line = words.line();
    let Some(first) = words.get(0) else {
        return Some((Skip::Blank, None));
    };
    if is_total(words, first) {
        return Some((Skip::Total, None));
    }
    let announces = |parts: &[&str]| parts.iter().all(|part| contains(line, part.as_bytes()));
    if let Some((_, format)) = HEADINGS.iter().find(|(parts, _)| announces(parts)) {
        return Some((Skip::Heading, Some(*format)));
    }
    for (beginning, skip, format) in BEGINNINGS {
        if starts_with(line, beginning.as_bytes()) && is_meant(words, beginning) {
            return Some((skip, format));
        }
    }
    if let Some(format) = count(words) {
        return Some((Skip::Total, Some(format)));
    }
    if first.starts_with(b"*.*;") && contains(line, b"%RMS-E-FNF") {
        return Some((Skip::Empty, Some(Format::Vms)));
    }
    // `DISK:[DIRECTORY.SUB]`, as VMS names the directory.
    if words.is_exactly(1) && first.ends_with(b"]") && contains(first, b":[") {
        return Some((Skip::Section, Some(Format::Vms)));
    }
    // `./sub/dir:`, as `ls -R` does.
    let path = line.strip_suffix(b":")?;
    let is_path = path.starts_with(b".")
        || path.starts_with(b"/")
        || words.is_exactly(1) && !path.contains(&b':');
    if is_path && !path.is_empty() {
        Some((Skip::Section, None))
    } else {
        None
    }
}

/// `total 12`, `total 4.0K`, `total -956`, `total: 12`; a word and a number, nothing else.
fn is_total(words: &Words<'_>, first: &[u8]) -> bool {
    let first = first.strip_suffix(b":").unwrap_or(first);
    let known = TOTALS
        .iter()
        .any(|total| first.eq_ignore_ascii_case(total.as_bytes()));
    let amount = |word: &[u8]| {
        let word = word.strip_prefix(b"-").unwrap_or(word);
        number(word).is_some()
            || scaled(word).is_some()
            || all_digits(word)
            || super::text::grouped(word).is_some()
    };
    known && words.get(1).is_some_and(amount) && words.len() == 2
}

/// Whether a beginning that prose could have too is followed by what follows it in listings.
fn is_meant(words: &Words<'_>, beginning: &str) -> bool {
    match beginning {
        "Directory " => words
            .last()
            .is_some_and(|last| contains(last, b"[") || contains(last, b"<")),
        "Total of " => words.get(2).is_some_and(all_digits),
        "Grand total of " => words.get(3).is_some_and(all_digits),
        "Files: " | "Dirs: " | "Links: " => words.get(1).is_some_and(all_digits),
        "-------" | "=======" => words.line().iter().all(|octet| b"-= ".contains(octet)),
        _ => true,
    }
}

/// `3 File(s)  1,234 bytes`, `6 Files  504 Octets`, `3 spool files`.
fn count(words: &Words<'_>) -> Option<Format> {
    let amount = words.get(0)?;
    if number(amount).is_none() && super::text::grouped(amount).is_none() {
        return None;
    }
    let what = words.get(1)?;
    if [&b"File(s)"[..], b"Dir(s)"]
        .iter()
        .any(|known| what.eq_ignore_ascii_case(known))
    {
        return Some(Format::Dos);
    }
    let last = words.last()?;
    if (what == b"Files" || what == b"File") && split_once(last, b"Octet").is_some() {
        return Some(Format::ClearPath);
    }
    if words.is_exactly(3) && what.eq_ignore_ascii_case(b"spool") {
        Some(Format::Jes)
    } else {
        None
    }
}
