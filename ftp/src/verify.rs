//! Checksums: what the server says of a file, and what a file here has.
//!
//! Servers tell digests in three ways: `HASH`, whose algorithm `OPTS HASH` chooses and whose part of the file `RANG`
//! (draft-bryan-ftpext-hash); a command for each algorithm, `XCRC`, `XMD5`, `XSHA1` and their kin; and `MD5`
//! (draft-twine-ftpmd5). Their replies differ from server to server, and all of these are read:
//!
//! ```text
//! 213 SHA-256 0-1234 9f86d0818… notes.txt          HASH, the draft and ProFTPD
//! 250-Computing CRC32 digest / 250 4D2             XCRC, ProFTPD: leading zeros may be missing
//! 250 "notes.txt" 9F86D0818…                       quoted names, capitals
//! 251 notes.txt 9f86d0818…                         MD5
//! ```
//!
//! A reply in which two different digests could be meant is an error and no guess.

use crate::command::Command;
use crate::error::{Error, ErrorKind};
use crate::feature::Features;
use crate::name::Name;
use crate::reply::Reply;
use crate::session::Step;
use crate::site::{Repeat, Site};
use fairway_stack::{File, Files, NetError};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// Octets of a local file read at once.
const CHUNK: usize = 256 * 1024;

/// What a transfer is checked by when it is over ([`Get::verify`](crate::Get::verify),
/// [`Put::verify`](crate::Put::verify)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verify {
    /// Nothing: the server's final reply and the end of the data in order, as always.
    #[default]
    No,
    /// The size that the server tells. One more command.
    Size,
    /// The digest that the server tells, by the best algorithm that it offers: it reads the file once more, and so do we.
    Hash,
}

/// How a digest is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// The CRC of IEEE 802.3. Finds faults, no forgeries.
    Crc32,
    /// RFC 1321. Finds faults, no forgeries.
    Md5,
    /// RFC 3174. Finds faults, hardly forgeries.
    Sha1,
    /// RFC 6234.
    Sha512,
    /// RFC 6234.
    Sha256,
}

impl Algorithm {
    /// All, the one to be preferred first.
    pub const ALL: [Self; 5] = [
        Self::Sha256,
        Self::Sha512,
        Self::Sha1,
        Self::Md5,
        Self::Crc32,
    ];

    /// Its name in `HASH`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Octets of a digest.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::Crc32 => 4,
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The commands that servers have for it.
    const fn commands(self) -> &'static [&'static str] {
        match self {
            Self::Crc32 => &["XCRC"],
            Self::Md5 => &["XMD5", "MD5"],
            Self::Sha1 => &["XSHA1", "XSHA"],
            Self::Sha256 => &["XSHA256"],
            Self::Sha512 => &["XSHA512"],
        }
    }

    /// How `HASH` and `OPTS HASH` name it at this server; drafts and servers differ in hyphens.
    fn in_hash(self, features: &Features) -> Option<&str> {
        let plain = |name: &str| name.replace('-', "").to_ascii_uppercase();
        let wanted = plain(self.name());
        let mut offered = features.hashes().into_iter();
        offered.find(|name| plain(name) == wanted)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest and how it was made.
///
/// ```
/// use fairway_ftp::verify::{Algorithm, Digest};
///
/// let digest = Digest::of(b"123456789", Algorithm::Crc32);
/// assert_eq!(digest.to_string(), "cbf43926");
/// assert_eq!(Digest::parse("CBF43926", Algorithm::Crc32), Some(digest));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    octets: Vec<u8>,
}

impl Digest {
    /// That of these octets.
    #[must_use]
    pub fn of(octets: &[u8], algorithm: Algorithm) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(octets);
        hasher.finish()
    }

    /// Reads hexadecimal digits of either case, as many as there must be; of a CRC fewer, if leading zeros are missing.
    #[must_use]
    pub fn parse(text: &str, algorithm: Algorithm) -> Option<Self> {
        let digits = algorithm.octets() * 2;
        let short = algorithm == Algorithm::Crc32 && !text.is_empty();
        if text.len() > digits || (text.len() < digits && !short) {
            return None;
        }
        let mut nibbles = Vec::with_capacity(digits);
        nibbles.resize(digits - text.len(), 0);
        for digit in text.chars() {
            nibbles.push(u8::try_from(digit.to_digit(16)?).ok()?);
        }
        let octets = nibbles.as_chunks::<2>().0.iter();
        let octets = octets.map(|[high, low]| high << 4 | low).collect();
        Some(Self { algorithm, octets })
    }

    /// That of a local file.
    ///
    /// # Errors
    /// Those of reading.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn of_file(
        files: &Files,
        path: impl AsRef<Path>,
        algorithm: Algorithm,
    ) -> Result<Self, NetError> {
        let file = files.open(path).await?;
        Self::of_part(&file, 0..u64::MAX, algorithm).await
    }

    /// That of a part of an open file, or of what there is of it.
    pub(crate) async fn of_part(
        file: &File,
        part: Range<u64>,
        algorithm: Algorithm,
    ) -> Result<Self, NetError> {
        let mut hasher = Hasher::new(algorithm);
        let mut at = part.start;
        let mut buffer = Vec::with_capacity(CHUNK);
        while at < part.end {
            buffer.clear();
            buffer = file.read_at(at, buffer).await?;
            let left = usize::try_from(part.end - at).unwrap_or(usize::MAX);
            buffer.truncate(left);
            if buffer.is_empty() {
                break;
            }
            hasher.update(&buffer);
            at += buffer.len() as u64;
        }
        Ok(hasher.finish())
    }

    /// How it was made.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// What a reply says, if it says one.
    fn read(reply: &Reply, algorithm: Algorithm, path: &[u8]) -> Option<Self> {
        let last = String::from_utf8_lossy(reply.last_line()).into_owned();
        if let Some(digest) = Self::in_hash_reply(&last, algorithm) {
            return Some(digest);
        }
        let name = String::from_utf8_lossy(path).into_owned();
        let base = name.rsplit('/').next().unwrap_or_default();
        let words: Vec<&str> = outside_quotes(&last).collect();
        let full = |word: &&str| hex(word).len() == algorithm.octets() * 2;
        let read = |word: &str| Self::parse(hex(word), algorithm);
        let mut found: Vec<Self> = Vec::new();
        // The name may be hexadecimal digits itself: only if nothing else is can it be the digest.
        for named in [false, true] {
            let of_kind = |word: &&str| (*word == name || *word == base) == named;
            let candidates = words.iter().copied().filter(of_kind).filter(full);
            found = candidates.filter_map(read).collect();
            found.dedup();
            if !found.is_empty() {
                break;
            }
        }
        match found.as_slice() {
            [one] => return Some(one.clone()),
            [] => {}
            _ => return None,
        }
        // A short CRC stands alone, or last.
        let last = words.last().copied()?;
        (algorithm == Algorithm::Crc32 && (words.len() == 1 || (last != name && last != base)))
            .then(|| read(last))?
    }

    /// The form of `HASH`: algorithm, octets from and to, digest, name.
    fn in_hash_reply(line: &str, algorithm: Algorithm) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let plain = |name: &str| name.replace('-', "").to_ascii_uppercase();
        if plain(words.next()?) != plain(algorithm.name()) {
            return None;
        }
        let (from, to) = words.next()?.split_once('-')?;
        from.parse::<u64>().ok()?;
        to.parse::<u64>().ok()?;
        Self::parse(words.next()?, algorithm)
    }
}

/// The words of a line but for those in quotes, in which quotes are doubled.
fn outside_quotes(line: &str) -> impl Iterator<Item = &str> {
    let outside = line.split('"').step_by(2);
    outside.flat_map(str::split_ascii_whitespace)
}

/// A number without the prefix that says that it is hexadecimal, and without punctuation around.
fn hex(word: &str) -> &str {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let prefix = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    prefix.unwrap_or(word)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut octets = self.octets.iter();
        octets.try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {self}", self.algorithm)
    }
}

/// A digest in the making.
enum Hasher {
    Crc32(crc32fast::Hasher),
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32 => Self::Crc32(crc32fast::Hasher::new()),
            Algorithm::Md5 => Self::Md5(Md5::new()),
            Algorithm::Sha1 => Self::Sha1(Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Box::default()),
        }
    }

    fn update(&mut self, octets: &[u8]) {
        match self {
            Self::Crc32(hasher) => hasher.update(octets),
            Self::Md5(hasher) => hasher.update(octets),
            Self::Sha1(hasher) => hasher.update(octets),
            Self::Sha256(hasher) => hasher.update(octets),
            Self::Sha512(hasher) => hasher.update(octets),
        }
    }

    fn finish(self) -> Digest {
        let (algorithm, octets) = match self {
            Self::Crc32(hasher) => (Algorithm::Crc32, hasher.finalize().to_be_bytes().to_vec()),
            Self::Md5(hasher) => (Algorithm::Md5, hasher.finalize().to_vec()),
            Self::Sha1(hasher) => (Algorithm::Sha1, hasher.finalize().to_vec()),
            Self::Sha256(hasher) => (Algorithm::Sha256, hasher.finalize().to_vec()),
            Self::Sha512(hasher) => (Algorithm::Sha512, hasher.finalize().to_vec()),
        };
        Digest { algorithm, octets }
    }
}

impl Site {
    /// The algorithms by which the server tells digests, as its `FEAT` says, the one to be preferred first. Empty if it
    /// has none, or no `FEAT`.
    ///
    /// # Errors
    /// No connection.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn hashes(&self) -> Result<Vec<Algorithm>, Error> {
        let features = self.features().await?;
        let offered = |algorithm: &Algorithm| {
            algorithm.in_hash(&features).is_some()
                || algorithm.commands().iter().any(|verb| features.has(verb))
        };
        Ok(Algorithm::ALL.into_iter().filter(offered).collect())
    }

    /// The digest of a file on the server. Large files take their time: the limit of a reply
    /// ([`Limits::reply`](crate::Limits::reply)) holds.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if the server does not offer this algorithm; [`ErrorKind::Refused`];
    /// [`ErrorKind::Protocol`] if its answer cannot be read.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn hash(&self, path: impl Into<Name>, algorithm: Algorithm) -> Result<Digest, Error> {
        self.hash_of(&path.into(), None, algorithm).await
    }

    /// The digest of the octets `part` of a file on the server (`RANG` and `HASH`).
    ///
    /// # Errors
    /// As [`hash`](Self::hash); [`ErrorKind::Unsupported`] if the server has no `RANG`, or `part` is empty.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn hash_part(
        &self,
        path: impl Into<Name>,
        part: Range<u64>,
        algorithm: Algorithm,
    ) -> Result<Digest, Error> {
        self.hash_of(&path.into(), Some(part), algorithm).await
    }

    async fn hash_of(
        &self,
        path: &Name,
        part: Option<Range<u64>>,
        algorithm: Algorithm,
    ) -> Result<Digest, Error> {
        let features = self.features().await?;
        let octets = path
            .encode(self.server.name_charset())
            .map_err(Error::argument("path"))?;
        if let Some(name) = algorithm.in_hash(&features) {
            let argument = [b"HASH ", name.as_bytes()].concat();
            let choose = Command::with("OPTS", argument).map_err(Error::argument("algorithm"))?;
            let mut steps: Vec<Step> = vec![choose.into()];
            if let Some(part) = &part {
                steps.push(self.range(&features, part)?.into());
            }
            steps.push(self.with_path("HASH", path)?.into());
            if part.is_some() {
                // The whole file again for whoever comes next (draft-bryan-ftpext-hash §4).
                let all = Command::with("RANG", "1 0").map_err(Error::argument("range"))?;
                steps.push(Step {
                    command: all,
                    may_be_refused: true,
                });
            }
            let replies = self.converse(steps, Repeat::Safe).await?;
            let at = replies.len().checked_sub(1 + usize::from(part.is_some()));
            let reply = at.and_then(|at| replies.get(at));
            return digest_in(reply, algorithm, &octets);
        }
        if part.is_some() {
            return Err(lacks(algorithm, "a part of a file"));
        }
        let unknown = !features.are_known();
        let mut verbs = algorithm.commands().iter();
        let Some(verb) = verbs.find(|verb| unknown || features.has(verb)) else {
            return Err(lacks(algorithm, "files"));
        };
        // Names with blanks are told apart from what may follow them by quotes, which some servers know and some do not.
        let blank = octets.contains(&b' ');
        let quoted = [b"\"", &*octets, b"\""].concat();
        let forms = [quoted.as_slice(), &octets];
        let mut result = Err(lacks(algorithm, "files"));
        for form in forms.get(usize::from(!blank)..).unwrap_or_default() {
            let command = Command::with(verb, form).map_err(Error::argument("path"))?;
            result = self.converse(vec![command.into()], Repeat::Safe).await;
            if !matches!(&result, Err(error) if matches!(error.kind(), ErrorKind::Refused { .. })) {
                break;
            }
        }
        digest_in(result?.last(), algorithm, &octets)
    }

    fn range(&self, features: &Features, part: &Range<u64>) -> Result<Command, Error> {
        if !features.has("RANG") || part.is_empty() {
            return Err(ErrorKind::Unsupported("digests of this part of a file".into()).into());
        }
        // The last octet is named, not the one behind it.
        let argument = format!("{} {}", part.start, part.end - 1);
        Command::with("RANG", argument).map_err(Error::argument("range"))
    }
}

fn lacks(algorithm: Algorithm, of: &str) -> Error {
    ErrorKind::Unsupported(format!("the server tells no {algorithm} of {of}")).into()
}

fn digest_in(reply: Option<&Reply>, algorithm: Algorithm, path: &[u8]) -> Result<Digest, Error> {
    let reply = reply.ok_or_else(|| Error::lost("no reply"))?;
    Digest::read(reply, algorithm, path)
        .ok_or_else(|| ErrorKind::Protocol(format!("no {algorithm} in {reply}")).into())
}

#[cfg(test)]
mod tests;
