//! Patterns of names: `*`, `?`, `[…]`, and the remote paths that match them.

use crate::exit::{Failure, Outcome};
use crate::url::{RemotePath, name_of};
use fairway_ftp::list::{Entry, Kind};
use fairway_ftp::{ListOptions, Name, Site};

/// What a name is compared with.
///
/// A star stands for any characters but a slash, two for any, a question mark for one character but a slash, brackets
/// for one of those inside (`[a-z]`, `[!0-9]`). A backslash takes the meaning from what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Token>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Octet(u8),
    One,
    Star,
    StarStar,
    Class {
        negated: bool,
        ranges: Vec<(u32, u32)>,
    },
}

/// How many names a pattern may lead to.
const MATCHES: usize = 100_000;

impl Pattern {
    /// Octets that are patterns unless `literal` says otherwise.
    pub(crate) fn new(octets: &[u8], literal: &[bool]) -> Self {
        let is = |at: usize, wanted: u8| {
            octets.get(at) == Some(&wanted) && literal.get(at) != Some(&true)
        };
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(octet) = octets.get(at) {
            if is(at, b'*') {
                let double = is(at + 1, b'*');
                tokens.push(if double { Token::StarStar } else { Token::Star });
                at += if double { 2 } else { 1 };
            } else if is(at, b'?') {
                tokens.push(Token::One);
                at += 1;
            } else if is(at, b'[')
                && let Some((class, end)) = class(octets, at + 1)
            {
                tokens.push(class);
                at = end;
            } else if is(at, b'\\') && at + 1 < octets.len() {
                tokens.push(Token::Octet(
                    octets.get(at + 1).copied().unwrap_or_default(),
                ));
                at += 2;
            } else {
                tokens.push(Token::Octet(*octet));
                at += 1;
            }
        }
        Self(tokens)
    }

    /// A pattern as it is typed.
    pub(crate) fn typed(text: &str) -> Self {
        Self::new(text.as_bytes(), &[])
    }

    /// The only name that it matches, if there is no pattern in it.
    pub(crate) fn literal(&self) -> Option<Vec<u8>> {
        let octet = |token: &Token| match token {
            Token::Octet(octet) => Some(*octet),
            _ => None,
        };
        self.0.iter().map(octet).collect()
    }

    /// Whether `name` is one.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        // Where to go on if what was tried behind the last star does not fit. One place is enough for stars of one
        // kind; a star that may cross slashes is kept beside it.
        let (mut token, mut at) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        let mut wide: Option<(usize, usize)> = None;
        loop {
            let fits = match self.0.get(token) {
                None if at == name.len() => return true,
                None => None,
                Some(Token::Star) => {
                    star = Some((token + 1, at));
                    token += 1;
                    continue;
                }
                Some(Token::StarStar) => {
                    wide = Some((token + 1, at));
                    star = None;
                    token += 1;
                    continue;
                }
                Some(Token::Octet(octet)) => (name.get(at) == Some(octet)).then_some(1),
                Some(Token::One) => {
                    character(name, at).and_then(|(c, len)| (c != u32::from(b'/')).then_some(len))
                }
                Some(Token::Class { negated, ranges }) => {
                    character(name, at).and_then(|(c, len)| {
                        let inside = ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
                        (inside != *negated && c != u32::from(b'/')).then_some(len)
                    })
                }
            };
            if let Some(len) = fits {
                token += 1;
                at += len;
                continue;
            }
            // The last star takes one octet more, or the wide one before it does.
            if let Some((after, from)) = star
                && from < name.len()
                && name.get(from) != Some(&b'/')
            {
                star = Some((after, from + 1));
                (token, at) = (after, from + 1);
            } else if let Some((after, from)) = wide
                && from < name.len()
            {
                wide = Some((after, from + 1));
                star = None;
                (token, at) = (after, from + 1);
            } else {
                return false;
            }
        }
    }
}

/// The class behind a bracket at `from`, and where what follows it begins.
fn class(octets: &[u8], from: usize) -> Option<(Token, usize)> {
    let negated = matches!(octets.get(from), Some(b'!' | b'^'));
    let mut at = from + usize::from(negated);
    let mut ranges = Vec::new();
    loop {
        // A bracket that comes first is one of the characters.
        if octets.get(at)? == &b']' && !ranges.is_empty() {
            return Some((Token::Class { negated, ranges }, at + 1));
        }
        let (first, len) = character(octets, at)?;
        at += len;
        let is_range = octets.get(at) == Some(&b'-') && octets.get(at + 1) != Some(&b']');
        let last = if is_range {
            let (last, len) = character(octets, at + 1)?;
            at += 1 + len;
            last
        } else {
            first
        };
        ranges.push((first, last));
    }
}

/// The character at `at` and its length; an octet that is none counts as one beyond all characters.
fn character(octets: &[u8], at: usize) -> Option<(u32, usize)> {
    let rest = octets.get(at..)?;
    let first = *rest.first()?;
    for len in 1..=rest.len().min(4) {
        if let Ok(text) = std::str::from_utf8(rest.get(..len)?)
            && let Some(c) = text.chars().next()
        {
            return Some((u32::from(c), len));
        }
    }
    Some((0x11_0000 + u32::from(first), 1))
}

/// A remote path that a pattern led to.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The path, to ask the server for.
    pub(crate) path: Name,
    /// What the listing said, if there was one.
    pub(crate) entry: Option<Entry>,
}

/// The remote paths that `path` stands for: itself if there is no pattern in it, or if `plain` says that there is none.
///
/// # Errors
/// A pattern that nothing matches; what the server says to the listings.
pub(crate) async fn expand(site: &Site, path: &RemotePath, plain: bool) -> Outcome<Vec<Found>> {
    let components = path.components();
    if plain || components.iter().all(|part| part.literal().is_some()) {
        // A path that is all literal may have had a backslash in it: what was typed counts then.
        let name = path.name().unwrap_or_else(|| Name::from(""));
        return Ok(vec![Found {
            path: name,
            entry: None,
        }]);
    }
    let start = Name::from(if path.is_absolute() { "/" } else { "" });
    let mut found = vec![Found {
        path: start,
        entry: None,
    }];
    let last = components.len().saturating_sub(1);
    for (at, component) in components.iter().enumerate() {
        if let Some(literal) = component.literal() {
            for one in &mut found {
                one.path = one.path.join(&name_of(&literal));
                one.entry = None;
            }
            continue;
        }
        let mut next = Vec::new();
        for directory in &found {
            let asked = (!directory.path.raw().is_empty()).then_some(&directory.path);
            let entries = match site.entries(asked, ListOptions::default()).await {
                Ok(entries) => entries,
                // One of several that a pattern led to need not be a directory that can be read.
                Err(error) if error.is_not_found() && at > 0 => continue,
                Err(error) => return Err(error.into()),
            };
            collect(site, entries, directory, component, at == last, &mut next).await?;
        }
        found = next;
    }
    if found.is_empty() {
        return Err(Failure::refused(format!(
            "nothing on the server matches {}",
            crate::output::name(path.name().unwrap_or_else(|| Name::from("")).raw())
        )));
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

async fn collect(
    site: &Site,
    mut entries: fairway_ftp::Entries,
    directory: &Found,
    component: &Pattern,
    is_last: bool,
    next: &mut Vec<Found>,
) -> Outcome {
    let charset = site.server().name_charset();
    while let Some(entry) = entries.next().await? {
        let name = charset.name_of(&entry.name);
        let may_lead_on = matches!(entry.kind, Kind::Directory | Kind::Link);
        // As in shells, a star does not stand for a dot at the beginning.
        let hidden =
            name.raw().starts_with(b".") && component.0.first() != Some(&Token::Octet(b'.'));
        if !entry.is_safe_name()
            || hidden
            || !component.matches(name.raw())
            || !(is_last || may_lead_on)
        {
            continue;
        }
        if next.len() >= MATCHES {
            return Err(Failure::usage(format!("more than {MATCHES} names match")));
        }
        next.push(Found {
            path: directory.path.join(&name),
            entry: Some(entry),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::typed(pattern).matches(name.as_bytes())
    }

    #[test]
    fn stars_and_marks() {
        for (pattern, yes, no) in [
            ("*", &["", "a", "ab"][..], &["a/b"][..]),
            ("a*b", &["ab", "axxb", "abab"], &["a", "abc", "a/b"]),
            (
                "*.txt",
                &[".txt", "a.txt", "a.txt.txt"],
                &["a.txt2", "d/a.txt"],
            ),
            ("?", &["a", "ä"], &["", "ab", "/"]),
            ("**/x", &["a/x", "a/b/x"], &["x", "ax"]),
            ("a/**", &["a/b", "a/b/c"], &["a", "b/a/c"]),
            ("*/x", &["a/x"], &["a/b/x"]),
            ("a**b*c", &["a/b/bc", "abc", "a/x/bxc"], &["a/b/c/"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "x"]),
            ("[!a-c]", &["d", "ä"], &["a", "/"]),
            ("[]x]", &["]", "x"], &["a"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[ä-ö]", &["ä", "ö"], &["ü"]),
            ("[", &["["], &["a"]),
            ("\\*", &["*"], &["a"]),
        ] {
            for name in yes {
                assert!(matches(pattern, name), "{pattern} should match {name}");
            }
            for name in no {
                assert!(!matches(pattern, name), "{pattern} should not match {name}");
            }
        }
    }

    #[test]
    fn octets_that_are_no_text_are_matched_too() {
        assert!(Pattern::typed("a?b*").matches(b"a\xffb\xfe"));
        assert!(!Pattern::typed("a?b").matches(b"a\xff\xffb"));
    }

    /// As the documentation has it, and slow.
    fn reference(pattern: &[u8], name: &[u8]) -> bool {
        let behind = |at: usize| pattern.get(at..).unwrap_or_default();
        match pattern {
            [] => name.is_empty(),
            [b'*', b'*', ..] => (0..=name.len()).any(|at| reference(behind(2), &name[at..])),
            [b'*', ..] => (0..=name.len())
                .take_while(|at| *at == 0 || name[at - 1] != b'/')
                .any(|at| reference(behind(1), &name[at..])),
            [b'?', ..] => {
                name.first().is_some_and(|c| *c != b'/') && reference(behind(1), &name[1..])
            }
            [c, ..] => name.first() == Some(c) && reference(behind(1), &name[1..]),
        }
    }

    proptest::proptest! {
        #[test]
        fn it_matches_what_the_definition_does(pattern in "[ab/*?]{0,8}", name in "[ab/]{0,8}") {
            proptest::prop_assert_eq!(
                matches(&pattern, &name),
                reference(pattern.as_bytes(), name.as_bytes())
            );
        }

        #[test]
        fn any_pattern_is_one(pattern in "[\\PC\\[\\]!*?-]{0,20}", name in "\\PC{0,20}") {
            let _either = matches(&pattern, &name);
        }
    }

    // A pattern of many stars must not take for ever.
    #[test]
    fn stars_do_not_multiply() {
        let pattern = "a*".repeat(30) + "b";
        assert!(!matches(&pattern, &"a".repeat(5000)));
        let pattern = "**a*".repeat(15) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000)));
    }
}
