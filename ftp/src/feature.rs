//! What a server says it can do (RFC 2389 §3).

use crate::reply::Reply;
use std::collections::BTreeMap;

/// The answer to `FEAT`: names in capitals, each with what stands behind it.
///
/// A server that refuses `FEAT` may have any feature: [`Features::are_known`] tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    known: bool,
    features: BTreeMap<String, Vec<String>>,
}

/// How many features are kept.
const LIMIT: usize = 256;

impl Features {
    /// Reads a 211 to `FEAT`.
    ///
    /// The RFC wants a blank before each feature and nothing before the first and the last line; servers that leave the
    /// blank out, or put `211-` before each line, are understood.
    #[must_use]
    pub fn read(reply: &Reply) -> Self {
        if !reply.is(211) {
            return Self::default();
        }
        let mut features: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let lines: Vec<&[u8]> = reply.lines().collect();
        let inner = lines
            .get(1..lines.len().saturating_sub(1))
            .unwrap_or_default();
        for line in inner.iter().take(LIMIT) {
            let line = String::from_utf8_lossy(line);
            let line = line.trim();
            let (name, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            if name.is_empty() {
                continue;
            }
            let of_name = features.entry(name.to_ascii_uppercase()).or_default();
            of_name.push(rest.trim().to_owned());
        }
        Self {
            known: true,
            features,
        }
    }

    /// Whether the server answered `FEAT`.
    #[must_use]
    pub const fn are_known(&self) -> bool {
        self.known
    }

    /// Whether the server named `feature` (in capitals).
    #[must_use]
    pub fn has(&self, feature: &str) -> bool {
        self.features.contains_key(feature)
    }

    /// What stands behind the name, for each time that the server named it.
    pub fn parameters(&self, feature: &str) -> impl Iterator<Item = &str> {
        self.features
            .get(feature)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// Whether `parameter` is among those of `feature`: separated by blanks, semicolons or commas, in any case, an
    /// asterisk behind it left out.
    #[must_use]
    pub fn has_parameter(&self, feature: &str, parameter: &str) -> bool {
        self.words(feature)
            .any(|word| word.trim_end_matches('*').eq_ignore_ascii_case(parameter))
    }

    /// The parameters of `feature`, one by one.
    pub fn words(&self, feature: &str) -> impl Iterator<Item = &str> {
        self.parameters(feature)
            .flat_map(|text| text.split([' ', ';', ',']))
            .filter(|word| !word.is_empty())
    }

    /// The hash of `HASH` that is chosen, or the strongest one offered (draft-bryan-ftpext-hash: `HASH SHA-256*;SHA-1`).
    #[must_use]
    pub fn hashes(&self) -> Vec<&str> {
        self.words("HASH")
            .map(|word| word.trim_end_matches('*'))
            .collect()
    }

    /// All names with their parameters, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.features
            .iter()
            .map(|(name, parameters)| (name.as_str(), parameters.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::Features;
    use crate::reply::{Code, Reply};

    fn features(text: &str) -> Features {
        Features::read(&Reply::new(Code::new(211).unwrap(), text))
    }

    #[test]
    fn are_read_as_servers_write_them() {
        let features = features(
            "Extensions supported:\n MDTM\n MLST type*;size*;modify*;UNIX.mode;\n AUTH TLS\n AUTH SSL\nutf8\n HASH SHA-1;SHA-256*\n REST STREAM\nEnd",
        );
        assert!(features.are_known() && features.has("MDTM") && features.has("UTF8"));
        assert!(!features.has("END") && !features.has("EXTENSIONS"));
        assert!(features.has_parameter("AUTH", "tls") && features.has_parameter("AUTH", "SSL"));
        assert!(
            features.has_parameter("MLST", "UNIX.mode") && features.has_parameter("MLST", "size")
        );
        assert_eq!(features.hashes(), ["SHA-1", "SHA-256"]);
    }

    #[test]
    fn a_refusal_tells_nothing() {
        let refusal = Reply::new(Code::new(502).unwrap(), "No\n EPSV\nEnd");
        assert!(!Features::read(&refusal).are_known());
        assert!(!features("no-features").has("NO-FEATURES"));
    }
}
