//! Lines into words.

/// A word, of which each octet knows whether it was quoted, and so is no part of a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) quoted: Vec<bool>,
}

impl Word {
    /// A word without patterns.
    pub(super) fn plain(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            quoted: vec![true; text.len()],
        }
    }

    fn push(&mut self, c: char, quoted: bool) {
        self.text.push(c);
        self.quoted.resize(self.text.len(), quoted);
    }

    /// As a path on a server.
    pub(super) fn path(&self) -> crate::url::RemotePath {
        crate::url::RemotePath::marked(&self.text, self.quoted.clone())
    }
}

/// Splits at blanks. Within `"…"` and `'…'`, and behind `\`, everything is itself.
pub(super) fn split(line: &str) -> Result<Vec<Word>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut mark: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, mark) {
            (_, Some(open)) if c == open => mark = None,
            ('\\', None | Some('"')) => {
                let next = chars
                    .next()
                    .ok_or("a backslash at the end quotes nothing")?;
                word.get_or_insert_default().push(next, true);
            }
            (_, Some(_)) => word.get_or_insert_default().push(c, true),
            ('"' | '\'', None) => {
                mark = Some(c);
                word.get_or_insert_default();
            }
            (_, None) if c.is_whitespace() => words.extend(word.take()),
            (_, None) => word.get_or_insert_default().push(c, false),
        }
    }
    if mark.is_some() {
        return Err("a quotation mark is not closed");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::{Word, split};

    #[test]
    fn marks_keep_blanks_and_stars() {
        let texts = |line| -> Vec<String> {
            split(line)
                .unwrap()
                .into_iter()
                .map(|word| word.text)
                .collect()
        };
        assert_eq!(texts(" get  a b "), ["get", "a", "b"]);
        assert_eq!(
            texts(r#"get "a b" 'c "d' e\ f"#),
            ["get", "a b", "c \"d", "e f"]
        );
        assert_eq!(texts("x '' y"), ["x", "", "y"]);
        assert_eq!(texts("'C:\\x'"), ["C:\\x"]);
        assert!(split("a 'b").is_err() && split("a\\").is_err());
        let words = split("a* 'a*'").unwrap();
        assert_eq!(words.first().unwrap().quoted, [false, false]);
        assert_eq!(words.get(1), Some(&Word::plain("a*")));
    }
}
