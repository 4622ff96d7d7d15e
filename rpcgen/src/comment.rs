//! Comments as documentation.
//!
//! A comment belongs to the item that follows it without an empty line between, or to the item whose last token stands before it
//! on its line.

use crate::preprocess::Unit;
use crate::source::Sources;

/// Finds the comments of an item by its tokens.
#[derive(Debug)]
pub(crate) struct Comments<'a> {
    pub(crate) unit: &'a Unit,
    pub(crate) sources: &'a Sources,
}

impl Comments<'_> {
    /// The comments directly before a token.
    fn before(&self, token: usize) -> std::ops::Range<usize> {
        let comments = &self.unit.comments;
        let from = comments.partition_point(|comment| comment.before < token);
        let mut to = from;
        while comments
            .get(to)
            .is_some_and(|comment| comment.before == token)
        {
            to += 1;
        }
        from..to
    }

    /// Whether the comments that begin on the line of the token before `token` speak about what is before.
    fn line_ends_before(&self, token: usize) -> bool {
        use crate::lex::Kind;
        self.unit.tokens.get(token).is_none_or(|next| {
            next.gap > 0
                || matches!(
                    next.kind,
                    Kind::RightBrace | Kind::Comma | Kind::Semicolon | Kind::End
                )
        })
    }

    /// Adds the lines of the comments before the item that begins with `token`.
    pub(crate) fn leading(&self, token: usize, lines: &mut Vec<String>) {
        let range = self.before(token);
        let comments = self.unit.comments.get(range).unwrap_or(&[]);
        let behind_previous = if self.line_ends_before(token) {
            comments
                .iter()
                .take_while(|comment| comment.gap == 0)
                .count()
        } else {
            0
        };
        let own = comments.get(behind_previous..).unwrap_or(&[]);
        let mut gap = self.unit.tokens.get(token).map_or(0, |token| token.gap);
        let mut from = own.len();
        while from > 0 && gap <= 1 {
            from -= 1;
            gap = own.get(from).map_or(u8::MAX, |comment| comment.gap);
        }
        self.clean(own.get(from..).unwrap_or(&[]), lines);
    }

    /// Adds the lines of the comments behind `token` on its line.
    pub(crate) fn trailing(&self, token: usize, lines: &mut Vec<String>) {
        let range = self.before(token + 1);
        if range.is_empty() || !self.line_ends_before(token + 1) {
            return;
        }
        let comments = self.unit.comments.get(range).unwrap_or(&[]);
        let count = comments
            .iter()
            .take_while(|comment| comment.gap == 0)
            .count();
        self.clean(comments.get(..count).unwrap_or(&[]), lines);
    }

    fn clean(&self, comments: &[crate::preprocess::Comment], lines: &mut Vec<String>) {
        for comment in comments {
            clean(self.sources.text(comment.span), lines);
        }
    }
}

/// Adds the lines of one comment without its marks, leading asterisks, shared indentation, and rulers (`*****`, `-----`).
pub(crate) fn clean(comment: &str, lines: &mut Vec<String>) {
    let first = lines.len();
    if let Some(line) = comment.strip_prefix("//") {
        lines.push(line.trim_start_matches(['/', '!']).trim().to_owned());
    } else {
        let body = comment.strip_prefix("/*").unwrap_or(comment);
        let body = body.strip_suffix("*/").unwrap_or(body);
        for (at, line) in body.lines().enumerate() {
            let line = line.trim_end();
            let bare = line.trim_start();
            // The first line stands behind `/*`, where its indentation says nothing.
            let line = match bare.strip_prefix('*') {
                Some(rest) => rest.trim_start_matches('*'),
                None if at == 0 => bare,
                None => line,
            };
            lines.push(line.replace('\t', "    "));
        }
        let own = lines.get_mut(first..).unwrap_or(&mut []);
        if let Some(line) = own.first_mut() {
            *line = line.trim().to_owned();
        }
        let says = |line: &&String| line.contains(char::is_alphanumeric);
        let indent = |line: &String| line.len() - line.trim_start_matches(' ').len();
        let shared = own
            .iter()
            .skip(1)
            .filter(says)
            .map(indent)
            .min()
            .unwrap_or(0);
        for line in own.iter_mut().skip(1) {
            let cut = shared.min(indent(line));
            *line = line.get(cut..).unwrap_or("").trim_end().to_owned();
        }
    }
    // Rulers and blank lines at both ends say nothing.
    let empty = |line: &String| {
        line.chars().all(|c| !c.is_alphanumeric()) && (line.len() > 2 || line.trim().is_empty())
    };
    while lines.len() > first && lines.last().is_some_and(empty) {
        lines.pop();
    }
    let leading = lines
        .iter()
        .skip(first)
        .take_while(|line| empty(line))
        .count();
    lines.drain(first..first + leading);
}

#[cfg(test)]
mod tests {
    use super::clean;

    fn cleaned(comment: &str) -> Vec<String> {
        let mut lines = Vec::new();
        clean(comment, &mut lines);
        lines
    }

    #[test]
    fn marks_asterisks_and_indentation_go() {
        assert_eq!(cleaned("/* one */"), ["one"]);
        assert_eq!(
            cleaned("/*\n * one\n *   two\n *\n * three\n */"),
            ["one", "  two", "", "three"]
        );
        assert_eq!(
            cleaned("/** one\n    two\n      three */"),
            ["one", "two", "  three"]
        );
        assert_eq!(cleaned("// one "), ["one"]);
        assert_eq!(cleaned("/// one"), ["one"]);
    }

    #[test]
    fn rulers_go() {
        assert_eq!(
            cleaned("/*****************\n * one\n *-----------\n ****************/"),
            ["one"]
        );
        assert_eq!(cleaned("/**/"), Vec::<String>::new());
        assert_eq!(cleaned("/*----------*/"), Vec::<String>::new());
    }
}
