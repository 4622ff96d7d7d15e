//! What all reports share: how texts from elsewhere are shown.

/// Characters of a text that are shown.
pub(super) const LONGEST_TEXT: usize = 1024;

/// Says what a program number is called, if anything.
pub type Names<'a> = &'a dyn Fn(u32) -> Option<String>;

/// A text from elsewhere, safe to print: control characters and those that turn the writing direction are escaped.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(LONGEST_TEXT));
    for (at, c) in text.chars().enumerate() {
        if at == LONGEST_TEXT {
            clean.push('…');
            break;
        }
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns {
            clean.extend(c.escape_unicode());
        } else {
            clean.push(c);
        }
    }
    clean
}

pub(super) const NOTHING: &str = "No remote programs registered.";

#[cfg(test)]
pub(super) mod tests {
    /// A program that has a name, among those that have none.
    pub(in crate::report) fn names(program: u32) -> Option<String> {
        (program == 100_003).then(|| "nfs".to_owned())
    }
}
