//! Documentation of the output: the comments of the `.x` file, and what it declares.

use super::text::pad;

/// Declarations up to this many characters are shown whole.
const SHOWN: usize = 90;

/// Writes the documentation of an item, each line behind `indent` spaces: the comments carried over, then a note, then the
/// declaration.
pub(super) fn document(
    out: &mut String,
    indent: usize,
    comments: &[String],
    notes: &[&str],
    declaration: &str,
) {
    let mut paragraphs = 0;
    let mut begin = |out: &mut String| {
        if paragraphs > 0 {
            line(out, indent, "");
        }
        paragraphs += 1;
    };
    let comments: Vec<String> = trimmed(comments);
    if !comments.is_empty() {
        begin(out);
        if comments.iter().all(|text| is_prose(text)) {
            comments.iter().for_each(|text| line(out, indent, text));
        } else {
            line(out, indent, "```text");
            comments.iter().for_each(|text| line(out, indent, text));
            line(out, indent, "```");
        }
    }
    for note in notes {
        begin(out);
        line(out, indent, note);
    }
    if !declaration.is_empty() {
        begin(out);
        pad(out, indent);
        out.push_str("/// `");
        out.push_str(declaration);
        out.push_str("`\n");
    }
}

fn line(out: &mut String, indent: usize, text: &str) {
    pad(out, indent);
    out.push_str(if text.is_empty() { "///" } else { "/// " });
    out.push_str(text);
    out.push('\n');
}

/// Lines without blanks behind them, characters that are not text, and blank lines at both ends.
fn trimmed(comments: &[String]) -> Vec<String> {
    let clean = |text: &String| {
        let text: String = text
            .chars()
            .flat_map(|c| {
                if c == '\t' {
                    "    ".chars()
                } else {
                    "".chars()
                }
                .chain((c != '\t' && is_text(c)).then_some(c))
            })
            .collect();
        text.trim_end().replace("```", "'''")
    };
    let lines: Vec<String> = comments.iter().map(clean).collect();
    let from = lines
        .iter()
        .position(|text| !text.is_empty())
        .unwrap_or(lines.len());
    let to = lines
        .iter()
        .rposition(|text| !text.is_empty())
        .map_or(from, |last| last + 1);
    lines[from..to].to_vec()
}

/// Neither a control character nor one that turns the direction of the text, which rustc refuses.
pub(super) fn is_text(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether markdown shows a line as it is.
fn is_prose(text: &str) -> bool {
    let ordinary = |c: char| c.is_alphanumeric() || " .,;:!?()'\"/-+=%@".contains(c) || c == '_';
    let first = text.split(' ').next().unwrap_or_default();
    let is_item = matches!(first, "-" | "+")
        || first
            .trim_end_matches(['.', ')'])
            .bytes()
            .all(|b| b.is_ascii_digit())
            && !text.is_empty();
    let rule = !text.is_empty() && text.chars().all(|c| "-=+ ".contains(c));
    let emphasis = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| word.starts_with('_') || word.ends_with('_'));
    text.chars().all(ordinary)
        && !text.starts_with(' ')
        && !is_item
        && !rule
        && !emphasis
        && !text.contains("://")
        && !text.contains("www.")
}

/// A declaration on one line: without comments, blanks squeezed. Empty if there is none, or if it is long.
pub(super) fn declaration(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(2 * SHOWN));
    let mut rest = text;
    // Plain text goes over in pieces, up to what is special.
    let special = |c: char| !c.is_ascii_graphic() || matches!(c, '/' | ';' | ',' | ')' | ']' | '>');
    while let Some(c) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
            gap(&mut out);
        } else if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
            gap(&mut out);
        } else if special(c) {
            rest = &rest[c.len_utf8()..];
            if c.is_whitespace() || !is_text(c) {
                gap(&mut out);
            } else {
                if c != '/' && c.is_ascii() {
                    out.truncate(out.trim_end().len());
                }
                out.push(c);
            }
        } else {
            let (piece, after) = rest.split_at(rest.find(special).unwrap_or(rest.len()));
            out.push_str(piece);
            rest = after;
        }
        if out.len() > 2 * SHOWN {
            return String::new();
        }
    }
    out.truncate(out.trim_end().len());
    if out.contains("( ") {
        out = out.replace("( ", "(");
    }
    if out.chars().count() > SHOWN || out.contains('`') {
        out.clear();
    }
    out
}

fn gap(out: &mut String) {
    if !out.is_empty() && !out.ends_with(' ') {
        out.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documented(comments: &[&str]) -> String {
        let mut out = String::new();
        let comments: Vec<String> = comments.iter().map(|&text| text.to_owned()).collect();
        document(&mut out, 0, &comments, &[], "int x");
        out
    }

    #[test]
    fn plain_words_are_prose() {
        assert_eq!(
            documented(&["", "A thing, nothing more.", ""]),
            "/// A thing, nothing more.\n///\n/// `int x`\n"
        );
    }

    #[test]
    fn what_markdown_would_change_is_shown_as_text() {
        for text in [
            "a [link]",
            "  indented",
            "- item",
            "1. item",
            "a <tag>",
            "http://a.b",
            "* star",
            "_x_",
            "====",
            "2) b",
        ] {
            assert_eq!(
                documented(&[text]),
                format!("/// ```text\n/// {text}\n/// ```\n///\n/// `int x`\n"),
                "{text}"
            );
        }
    }

    #[test]
    fn declarations_lose_comments_and_blanks() {
        assert_eq!(
            declaration("struct a {\n\tint x;  /* why */\n\tint y ;\n// z\n};"),
            "struct a { int x; int y; };"
        );
        assert_eq!(declaration(&"x".repeat(91)), "");
        assert_eq!(declaration("string name<  MAX  >"), "string name< MAX>");
    }

    #[test]
    fn characters_that_rustc_refuses_are_dropped() {
        assert_eq!(documented(&["a\u{202e}b\r"]), "/// ab\n///\n/// `int x`\n");
    }
}
