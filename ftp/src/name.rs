//! Names of remote files: text in the charset of the server, or octets as a listing had them.

use crate::command::ArgumentError;
use bytes::Bytes;
use encoding_rs::Encoding;
use std::borrow::Cow;
use std::fmt;

/// A name or path on a server.
///
/// Text is sent in the charset of the session ([`Charset`]); octets are sent as they are, so that every file of a
/// listing can be named, whatever its name is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Form);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    Text(String),
    Octets(Bytes),
}

impl Name {
    /// A name of these very octets.
    #[must_use]
    pub fn octets(octets: impl Into<Bytes>) -> Self {
        Self(Form::Octets(octets.into()))
    }

    /// What goes over the wire.
    ///
    /// # Errors
    /// [`ArgumentError::NotInCharset`] if a character cannot be sent.
    pub fn encode(&self, charset: Charset) -> Result<Cow<'_, [u8]>, ArgumentError> {
        match &self.0 {
            Form::Octets(octets) => Ok(Cow::Borrowed(octets)),
            Form::Text(text) => charset.encode(text),
        }
    }

    /// The name `child` in the directory that this names.
    #[must_use]
    pub fn join(&self, child: &Self) -> Self {
        match (&self.0, &child.0) {
            (Form::Text(directory), Form::Text(child)) => {
                let slash = if directory.is_empty() || directory.ends_with('/') {
                    ""
                } else {
                    "/"
                };
                Self(Form::Text(format!("{directory}{slash}{child}")))
            }
            (_, _) => {
                let mut path = self.raw().to_vec();
                if !path.is_empty() && !path.ends_with(b"/") {
                    path.push(b'/');
                }
                path.extend_from_slice(child.raw());
                Self::octets(path)
            }
        }
    }

    /// This and `more` in one.
    #[must_use]
    pub(crate) fn concat(&self, more: &Self) -> Self {
        match (&self.0, &more.0) {
            (Form::Text(text), Form::Text(more)) => Self(Form::Text(format!("{text}{more}"))),
            (_, _) => Self::octets([self.raw(), more.raw()].concat()),
        }
    }

    /// The octets, of a text those of UTF-8.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        match &self.0 {
            Form::Text(text) => text.as_bytes(),
            Form::Octets(octets) => octets,
        }
    }

    /// Text to show, foreign octets and control characters replaced.
    #[must_use]
    pub fn display(&self) -> Cow<'_, str> {
        let text = String::from_utf8_lossy(self.raw());
        if text.chars().any(char::is_control) {
            let shown = |c: char| {
                if c.is_control() {
                    char::REPLACEMENT_CHARACTER
                } else {
                    c
                }
            };
            return text.chars().map(shown).collect::<String>().into();
        }
        text
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.display(), f)
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(Form::Text(text.to_owned()))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(Form::Text(text))
    }
}

impl From<&String> for Name {
    fn from(text: &String) -> Self {
        Self(Form::Text(text.clone()))
    }
}

impl From<&[u8]> for Name {
    fn from(octets: &[u8]) -> Self {
        Self::octets(octets.to_vec())
    }
}

impl From<Vec<u8>> for Name {
    fn from(octets: Vec<u8>) -> Self {
        Self::octets(octets)
    }
}

impl From<Bytes> for Name {
    fn from(octets: Bytes) -> Self {
        Self::octets(octets)
    }
}

impl From<&Self> for Name {
    fn from(name: &Self) -> Self {
        name.clone()
    }
}

/// The charset of a server's file names (RFC 2640 wants UTF-8).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Charset(&'static Encoding);

impl Charset {
    /// UTF-8, the default.
    pub const UTF_8: Self = Self(encoding_rs::UTF_8);

    /// A charset by one of its names: `latin1`, `windows-1251`, `gbk`, `shift_jis` …
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Encoding::for_label(name.as_bytes()).map(Self)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Text as octets.
    ///
    /// # Errors
    /// [`ArgumentError::NotInCharset`]: the first character that the charset does not have.
    pub fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, ArgumentError> {
        if self == Self::UTF_8 {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        let (octets, _, replaced) = self.0.encode(text);
        if !replaced {
            return Ok(octets);
        }
        let missing = |c: &char| self.0.encode(c.encode_utf8(&mut [0; 4])).2;
        let missing = text.chars().find(missing);
        Err(ArgumentError::NotInCharset(missing.unwrap_or_default()))
    }

    /// Octets as text, or `None` if they are none in this charset.
    #[must_use]
    pub fn decode(self, octets: &[u8]) -> Option<Cow<'_, str>> {
        self.0
            .decode_without_bom_handling_and_without_replacement(octets)
    }

    /// A name of a listing: text where it is text in this charset, octets otherwise.
    #[must_use]
    pub fn name_of(self, octets: &[u8]) -> Name {
        match self.decode(octets) {
            // Text whose way back leads elsewhere is kept as octets: the name must stay the name.
            Some(text) if self.encode(&text).is_ok_and(|back| *back == *octets) => {
                Name::from(text.into_owned())
            }
            _ => Name::octets(octets.to_vec()),
        }
    }
}

impl Default for Charset {
    fn default() -> Self {
        Self::UTF_8
    }
}

impl fmt::Debug for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Charset, Name};
    use crate::command::ArgumentError;

    #[test]
    fn text_is_sent_in_the_charset() {
        let name = Name::from("Äpfel");
        let latin = Charset::named("latin1").unwrap();
        assert_eq!(&*name.encode(Charset::UTF_8).unwrap(), "Äpfel".as_bytes());
        assert_eq!(&*name.encode(latin).unwrap(), b"\xc4pfel");
        assert_eq!(
            Name::from("aж").encode(latin),
            Err(ArgumentError::NotInCharset('ж'))
        );
        assert!(Charset::named("nonsense").is_none());
    }

    #[test]
    fn every_name_of_a_listing_can_be_sent_back() {
        for charset in [
            "utf-8",
            "latin1",
            "windows-1251",
            "gbk",
            "shift_jis",
            "euc-kr",
            "big5",
        ] {
            let charset = Charset::named(charset).unwrap();
            for first in 0..=255u8 {
                for second in (0..=255u8).step_by(7) {
                    let octets = [b'a', first, second, b'z'];
                    let name = charset.name_of(&octets);
                    assert_eq!(&*name.encode(charset).unwrap(), octets, "{charset:?}");
                }
            }
        }
    }

    #[test]
    fn a_path_is_joined_with_one_slash() {
        let join = |a: &str, b: &str| Name::from(a).join(&Name::from(b)).to_string();
        assert_eq!(join("/a", "b"), "/a/b");
        assert_eq!(join("/", "b"), "/b");
        assert_eq!(join("", "b"), "b");
        let mixed = Name::from("/a").join(&Name::octets(&b"\xff"[..]));
        assert_eq!(mixed.raw(), b"/a/\xff");
    }

    #[test]
    fn nothing_shown_moves_the_cursor() {
        assert_eq!(Name::from("a\x1b[2Jb").display(), "a\u{fffd}[2Jb");
    }
}
