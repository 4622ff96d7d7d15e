//! What is printed: data on stdout, talk on stderr, and nothing that a server could use to play with the terminal.

use fairway_ftp::reply::Reply;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write as _};

/// `text` without what would move the cursor, change colours or turn the writing round: names come from servers.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (c.is_control() && c != '\n') || turns {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}

/// A name as one clean line.
pub(crate) fn name(octets: &[u8]) -> String {
    clean(&String::from_utf8_lossy(octets)).replace('\n', "\u{fffd}")
}

/// Writes to stdout. `false` when nobody reads any more, which is a reason to stop and no error.
pub(crate) fn print(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_ok()
}

/// Writes one JSON document on one line.
pub(crate) fn print_json(value: &impl Serialize) -> bool {
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    print(&line)
}

/// A reply as the server sent it, line by line.
pub(crate) fn reply(reply: &Reply) -> String {
    let code = reply.code();
    let text = reply.text();
    let shown = match text.split_once('\n') {
        None => format!("{code} {text}"),
        Some((first, rest)) => match rest.rsplit_once('\n') {
            None => format!("{code}-{first}\n{code} {rest}"),
            Some((middle, last)) => format!("{code}-{first}\n{middle}\n{code} {last}"),
        },
    };
    clean(&shown)
}

/// `{"error": …}`
pub(crate) fn print_failure(error: &str) -> bool {
    #[derive(Serialize)]
    struct Failed<'a> {
        error: &'a str,
    }
    print_json(&Failed { error })
}

/// Whether stdout is a terminal that shows colours.
pub(crate) fn colours() -> bool {
    io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::{clean, name};

    #[test]
    fn nothing_plays_with_the_terminal() {
        assert_eq!(clean("a\x1b]0;x\x07b"), "a\u{fffd}]0;x\u{fffd}b");
        assert_eq!(clean("gpj.\u{202e}exe"), "gpj.\u{fffd}exe");
        assert_eq!(name(b"a\nb\xff"), "a\u{fffd}b\u{fffd}");
        assert_eq!(clean("a\nÄ"), "a\nÄ");
    }
}
