//! URLs of files on servers (RFC 1738 §3.2), and what is a local path instead.

use crate::glob::Pattern;
use fairway_ftp::Name;
use std::fmt;
use std::path::PathBuf;

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `ftp:`
    Plain,
    /// `ftps:`, TLS from the first octet, port 990.
    Implicit,
    /// `ftpes:`, `AUTH TLS`, and nothing without it.
    Explicit,
}

/// What `;type=` says (RFC 1738 §3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeCode {
    /// Text.
    Ascii,
    /// Octets.
    Image,
    /// Names of a directory.
    Directory,
}

/// `ftp://[user[:password]@]host[:port]/path[;type=a|i|d]`
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FtpUrl {
    pub(crate) scheme: Scheme,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) path: RemotePath,
    pub(crate) type_code: Option<TypeCode>,
}

/// Why a URL is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlError {
    #[error("a URL begins with ftp://, ftps:// (TLS from the start) or ftpes:// (AUTH TLS)")]
    Scheme,
    #[error("there is no host")]
    NoHost,
    #[error("{0:?} cannot be a host")]
    Host(String),
    #[error("{0:?} is no port from 1 to 65535")]
    Port(String),
    #[error(
        "{0:?}: a percent sign is followed by two hexadecimal digits; itself it is written %25"
    )]
    Percent(String),
    #[error(
        "%{0:02X} stands for an octet that would end the command and begin another; no server can be asked for that"
    )]
    Control(u8),
    #[error("{0} is not UTF-8")]
    NotText(&'static str),
    #[error("{0:?} is no type: it is a (text), i (octets) or d (names of a directory)")]
    Type(String),
}

impl FtpUrl {
    /// Reads a URL.
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let scheme = match &*scheme.to_ascii_lowercase() {
            "ftp" => Scheme::Plain,
            "ftps" => Scheme::Implicit,
            "ftpes" => Scheme::Explicit,
            _ => return Err(UrlError::Scheme),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, authority),
        };
        let (user, password) =
            match login.map(|login| login.split_once(':').unwrap_or((login, "\0"))) {
                None => (None, None),
                Some((user, "\0")) => (Some(text_of(user, "the user")?), None),
                Some((user, password)) => (
                    Some(text_of(user, "the user")?),
                    Some(text_of(password, "the password")?),
                ),
            };
        let (host, port) = host_and_port(address)?;
        let (path, type_code) = match path.rsplit_once(";type=") {
            None => (path, None),
            Some((path, code)) => {
                let code = match &*code.to_ascii_lowercase() {
                    "a" => TypeCode::Ascii,
                    "i" => TypeCode::Image,
                    "d" => TypeCode::Directory,
                    _ => return Err(UrlError::Type(code.to_owned())),
                };
                (path, Some(code))
            }
        };
        Ok(Self {
            scheme,
            user: user.filter(|user| !user.is_empty()),
            password,
            host,
            port,
            path: RemotePath::decode(path)?,
            type_code,
        })
    }

    /// The same server and login, another path.
    pub(crate) fn with_path(&self, path: RemotePath) -> Self {
        Self {
            path,
            ..self.clone()
        }
    }
}

/// `[::1]:21`, `host:21`, `host`.
pub(crate) fn host_and_port(address: &str) -> Result<(String, Option<u16>), UrlError> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest
                .split_once(']')
                .ok_or_else(|| UrlError::Host(address.to_owned()))?;
            let port = match rest.strip_prefix(':') {
                Some(port) => Some(port),
                None if rest.is_empty() => None,
                None => return Err(UrlError::Host(address.to_owned())),
            };
            (host.to_owned(), port)
        }
        None => match address.split_once(':') {
            Some((host, port)) => (text_of(host, "the host")?, Some(port)),
            None => (text_of(address, "the host")?, None),
        },
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    if host
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || c == '/')
    {
        return Err(UrlError::Host(host));
    }
    let port = match port {
        // RFC 3986 §3.2.3: an empty port is the default.
        None | Some("") => None,
        Some(port) => {
            let digits = port.bytes().all(|c| c.is_ascii_digit());
            let number = port.parse().ok().filter(|port| *port != 0 && digits);
            Some(number.ok_or_else(|| UrlError::Port(port.to_owned()))?)
        }
    };
    Ok((host, port))
}

/// Without the password.
impl fmt::Display for FtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scheme {
            Scheme::Plain => "ftp://",
            Scheme::Implicit => "ftps://",
            Scheme::Explicit => "ftpes://",
        })?;
        if let Some(user) = &self.user {
            write!(f, "{}@", encode(user.as_bytes(), b""))?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.path)
    }
}

impl fmt::Debug for FtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A path of a URL: octets, of which each knows whether it was written as such, so that `%2A` is a star in a name and
/// `*` a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RemotePath {
    octets: Vec<u8>,
    literal: Vec<bool>,
}

impl RemotePath {
    fn decode(text: &str) -> Result<Self, UrlError> {
        let mut path = Self::default();
        for (octet, literal) in decode(text)? {
            path.octets.push(octet);
            path.literal.push(literal);
        }
        Ok(path)
    }

    /// A path of text without patterns.
    pub(crate) fn plain(text: &str) -> Self {
        Self {
            octets: text.as_bytes().to_vec(),
            literal: vec![true; text.len()],
        }
    }

    /// A path of text, of which each octet knows whether it is a pattern's or itself.
    pub(crate) fn marked(text: &str, literal: Vec<bool>) -> Self {
        Self {
            octets: text.as_bytes().to_vec(),
            literal,
        }
    }

    /// What the server is asked for; `None` for the directory that the login leads to.
    pub(crate) fn name(&self) -> Option<Name> {
        (!self.octets.is_empty()).then(|| name_of(&self.octets))
    }

    /// The same without the slashes at its end, except that of the root.
    pub(crate) fn trimmed(&self) -> Self {
        let mut end = self.octets.len();
        while end > 1 && self.octets.get(end - 1) == Some(&b'/') {
            end -= 1;
        }
        self.slice(0, end)
    }

    fn slice(&self, from: usize, to: usize) -> Self {
        Self {
            octets: self.octets.get(from..to).unwrap_or_default().to_vec(),
            literal: self.literal.get(from..to).unwrap_or_default().to_vec(),
        }
    }

    /// Whether it names what is in a directory, and not the directory.
    pub(crate) fn ends_with_slash(&self) -> bool {
        self.octets.ends_with(b"/")
    }

    pub(crate) fn is_absolute(&self) -> bool {
        self.octets.starts_with(b"/")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// The last component; empty for the root and the login directory.
    pub(crate) fn file_name(&self) -> Vec<u8> {
        let trimmed = self.trimmed();
        let last = trimmed.octets.rsplit(|octet| *octet == b'/').next();
        last.unwrap_or_default().to_vec()
    }

    /// The components, each as what it matches.
    pub(crate) fn components(&self) -> Vec<Pattern> {
        let mut all = Vec::new();
        let mut from = 0;
        for at in 0..=self.octets.len() {
            if at == self.octets.len() || self.octets.get(at) == Some(&b'/') {
                if at > from {
                    let part = self.slice(from, at);
                    all.push(Pattern::new(&part.octets, &part.literal));
                }
                from = at + 1;
            }
        }
        all
    }
}

/// As it stands in a URL, behind the slash.
impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = match self.octets.strip_prefix(b"/") {
            Some(rest) => {
                f.write_str("%2F")?;
                rest
            }
            None => &self.octets,
        };
        f.write_str(&encode(rest, b"/*?[]"))
    }
}

/// `text` without what may be a password, for complaints about it.
pub(crate) fn without_login(text: &str) -> String {
    let shown = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    crate::output::name(shown.as_bytes())
}

/// A name of these octets: text if they are UTF-8.
pub(crate) fn name_of(octets: &[u8]) -> Name {
    match std::str::from_utf8(octets) {
        Ok(text) => Name::from(text),
        Err(_) => Name::octets(octets.to_vec()),
    }
}

/// The octets of `text`, and of each whether it was written with a percent sign.
fn decode(text: &str) -> Result<Vec<(u8, bool)>, UrlError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut octets = text.bytes().enumerate();
    while let Some((at, octet)) = octets.next() {
        let written = octet == b'%';
        let octet = if written {
            // Not all of it: it may be a password.
            let wrong =
                || UrlError::Percent(text.get(at..).unwrap_or_default().chars().take(3).collect());
            let digits = text.get(at + 1..at + 3).ok_or_else(wrong)?;
            // Not `+1`, which Rust takes for a number.
            if !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            octets.nth(1);
            u8::from_str_radix(digits, 16).map_err(|_| wrong())?
        } else {
            octet
        };
        if matches!(octet, 0 | b'\r' | b'\n') {
            return Err(UrlError::Control(octet));
        }
        decoded.push((octet, written));
    }
    Ok(decoded)
}

/// Text of a part of a URL.
pub(crate) fn text_of(text: &str, what: &'static str) -> Result<String, UrlError> {
    let octets = decode(text)?.into_iter().map(|(octet, _)| octet).collect();
    String::from_utf8(octets).map_err(|_| UrlError::NotText(what))
}

fn encode(octets: &[u8], also: &[u8]) -> String {
    let mut text = String::new();
    for octet in octets {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(octet) || also.contains(octet) {
            text.push(char::from(*octet));
        } else {
            text.push_str(&format!("%{octet:02X}"));
        }
    }
    text
}

/// A file or directory on a server or here.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Remote(FtpUrl),
    Local(PathBuf),
}

impl Place {
    /// A URL, or else a local path.
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let is_scheme = |scheme: &str| {
            !scheme.is_empty()
                && scheme
                    .bytes()
                    .all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
        };
        match text.split_once("://") {
            Some((scheme, _)) if is_scheme(scheme) => FtpUrl::parse(text).map(Self::Remote),
            _ => Ok(Self::Local(PathBuf::from(text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FtpUrl, Place, RemotePath, Scheme, TypeCode, UrlError};

    fn path(url: &str) -> String {
        let url = FtpUrl::parse(url).unwrap();
        url.path
            .name()
            .map_or_else(String::new, |name| name.to_string())
    }

    #[test]
    fn all_parts_are_found() {
        let url = FtpUrl::parse("ftpes://an%40na:p%3aw@[::1]:2121/a%20b/c;type=A").unwrap();
        assert_eq!(url.scheme, Scheme::Explicit);
        assert_eq!(url.user.as_deref(), Some("an@na"));
        assert_eq!(url.password.as_deref(), Some("p:w"));
        assert_eq!((&*url.host, url.port), ("::1", Some(2121)));
        assert_eq!(url.path.name().unwrap().to_string(), "a b/c");
        assert_eq!(url.type_code, Some(TypeCode::Ascii));
        // The password is not shown.
        assert_eq!(url.to_string(), "ftpes://an%40na@[::1]:2121/a%20b/c");
        let bare = FtpUrl::parse("FTP://host").unwrap();
        assert_eq!((bare.user, bare.password, bare.port), (None, None, None));
        assert!(bare.path.is_empty());
        let empty = FtpUrl::parse("ftp://u:@h/").unwrap();
        assert_eq!(empty.password.as_deref(), Some(""));
    }

    // RFC 1738 §3.2.2: relative to the login directory, unless a slash is written as %2F.
    #[test]
    fn an_escaped_slash_makes_it_absolute() {
        assert_eq!(path("ftp://h/etc/motd"), "etc/motd");
        assert_eq!(path("ftp://h/%2Fetc/motd"), "/etc/motd");
        assert_eq!(path("ftp://h/%2fetc%2Fmotd"), "/etc/motd");
        assert_eq!(path("ftp://h//etc/motd"), "/etc/motd");
        assert_eq!(path("ftp://h/"), "");
        assert_eq!(
            FtpUrl::parse("ftp://h/%2Fetc").unwrap().to_string(),
            "ftp://h/%2Fetc"
        );
    }

    #[test]
    fn nothing_smuggles_a_command_in() {
        for (escape, octet) in [("%0a", 10), ("%0D", 13), ("%00", 0)] {
            for url in [
                format!("ftp://h/a{escape}DELE b"),
                format!("ftp://u{escape}:p@h/"),
                format!("ftp://u:p{escape}@h/"),
                format!("ftp://h{escape}/"),
            ] {
                assert_eq!(FtpUrl::parse(&url), Err(UrlError::Control(octet)), "{url}");
            }
        }
        assert_eq!(FtpUrl::parse("ftp://h/a\r\nb"), Err(UrlError::Control(13)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |url: &str| FtpUrl::parse(url).unwrap_err();
        assert_eq!(wrong("http://h/"), UrlError::Scheme);
        assert_eq!(wrong("h/x"), UrlError::Scheme);
        assert_eq!(wrong("ftp:///x"), UrlError::NoHost);
        assert_eq!(wrong("ftp://u@/x"), UrlError::NoHost);
        assert_eq!(wrong("ftp://h:0/"), UrlError::Port("0".into()));
        assert_eq!(wrong("ftp://h:+1/"), UrlError::Port("+1".into()));
        assert_eq!(wrong("ftp://h:65536/"), UrlError::Port("65536".into()));
        assert_eq!(wrong("ftp://[::1/"), UrlError::Host("[::1".into()));
        assert_eq!(wrong("ftp://h/%4"), UrlError::Percent("%4".into()));
        assert_eq!(wrong("ftp://h/%+1"), UrlError::Percent("%+1".into()));
        assert_eq!(wrong("ftp://h/%zz"), UrlError::Percent("%zz".into()));
        assert_eq!(wrong("ftp://h/%aä"), UrlError::Percent("%aä".into()));
        assert_eq!(wrong("ftp://h/x;type=q"), UrlError::Type("q".into()));
        assert_eq!(wrong("ftp://%ff@h/"), UrlError::NotText("the user"));
    }

    #[test]
    fn names_need_not_be_utf8() {
        let url = FtpUrl::parse("ftp://h/%ff%C3%84").unwrap();
        assert_eq!(url.path.name().unwrap().raw(), b"\xff\xc3\x84");
        assert_eq!(path("ftp://h/Ä b"), "Ä b");
    }

    #[test]
    fn an_escaped_star_is_no_pattern() {
        let components = |url| FtpUrl::parse(url).unwrap().path.components();
        let patterns: Vec<bool> = components("ftp://h/a*/b%2A/c")
            .iter()
            .map(|part| part.literal().is_none())
            .collect();
        assert_eq!(patterns, [true, false, false]);
        assert_eq!(
            components("ftp://h/%2A")
                .first()
                .unwrap()
                .literal()
                .unwrap(),
            b"*"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(ftp://)?[\\PC%:@/\\[\\]]{0,40}") {
            let _either = (FtpUrl::parse(&text), Place::parse(&text));
        }

        #[test]
        fn what_is_shown_leads_to_the_same_place(octets in proptest::collection::vec(1..=255_u8, 0..20)) {
            proptest::prop_assume!(!octets.contains(&b'\r') && !octets.contains(&b'\n'));
            let written: String = octets.iter().map(|octet| format!("%{octet:02x}")).collect();
            let url = FtpUrl::parse(&format!("ftp://h/{written}")).unwrap();
            let raw = |url: &FtpUrl| url.path.name().map(|name| name.raw().to_vec()).unwrap_or_default();
            proptest::prop_assert_eq!(&raw(&url), &octets);
            proptest::prop_assert_eq!(raw(&FtpUrl::parse(&url.to_string()).unwrap()), octets);
        }
    }

    #[test]
    fn local_paths_are_told_from_urls() {
        let is_local = |text| matches!(Place::parse(text), Ok(Place::Local(_)));
        assert!(is_local("a/b") && is_local("./ftp://x") && is_local("C:\\x") && is_local("://"));
        assert!(matches!(Place::parse("ftp://h/x"), Ok(Place::Remote(_))));
        // A URL of a kind that is not ours is no file.
        assert!(Place::parse("http://h/x").is_err());
    }

    #[test]
    fn the_last_component_names_the_file() {
        let last = |text| RemotePath::plain(text).file_name();
        assert_eq!(last("a/b"), b"b");
        assert_eq!(last("a/b/"), b"b");
        assert_eq!(last("/"), b"");
        assert_eq!(last(""), b"");
        assert_eq!(RemotePath::plain("/").trimmed(), RemotePath::plain("/"));
    }
}
