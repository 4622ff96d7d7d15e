//! `CONNECT` (RFC 9110 §9.3.6, RFC 9112): a tunnel through an HTTP proxy.

use super::{ProxyError, reach};
use fairway_stack::socks::{Host, Target};
use fairway_stack::{Net, NetError, TcpStream};
use std::fmt;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Octets of a response that are read; longer ones are an error.
const RESPONSE: usize = 16 * 1024;

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpProxy {
    host: String,
    port: u16,
    login: Option<(String, String)>,
}

impl HttpProxy {
    /// The proxy there, which wants to know nobody's name.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            login: None,
        }
    }

    /// Says who asks, with a password: `Basic`, in clear text (RFC 7617).
    #[must_use]
    pub fn login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some((user.into(), password.into()));
        self
    }

    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub(super) async fn connect(
        &self,
        net: &Net,
        target: &Target,
    ) -> Result<TcpStream, ProxyError> {
        let request = self.request(target)?;
        let mut stream = reach(net, &self.host, self.port).await?;
        let broken = |error: std::io::Error| HttpError::Io(error.into());
        stream.write_all(&request).await.map_err(broken)?;
        let mut response = Response::default();
        loop {
            let mut room = [0; 2];
            let (room, _) = room.split_at_mut(response.wanted().min(2));
            let n = stream.read(room).await.map_err(broken)?;
            if n == 0 {
                return Err(HttpError::Closed.into());
            }
            if let Some(result) = response.handle_input(room.get(..n).unwrap_or_default()) {
                result?;
                return Ok(stream);
            }
        }
    }

    /// The request for a tunnel.
    fn request(&self, target: &Target) -> Result<Vec<u8>, HttpError> {
        let authority = match &target.host {
            Host::Name(name) => {
                // What is no part of a name could end the line, and begin another.
                let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
                if name.is_empty() || !name.bytes().all(fits) {
                    return Err(HttpError::Argument("the name of the server"));
                }
                format!("{name}:{}", target.port)
            }
            Host::Address(_) => target.to_string(),
        };
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        if let Some((user, password)) = &self.login {
            // RFC 7617 §2: a colon would end the user.
            if user.contains(':')
                || [user, password]
                    .iter()
                    .any(|s| s.contains(char::is_control))
            {
                return Err(HttpError::Argument("the user or password of the proxy"));
            }
            let credentials = base64(format!("{user}:{password}").as_bytes());
            request += &format!("Proxy-Authorization: Basic {credentials}\r\n");
        }
        request += "\r\n";
        Ok(request.into_bytes())
    }
}

impl fmt::Debug for HttpProxy {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("login", &self.login.is_some())
            .finish()
    }
}

/// Why there is no tunnel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// What was asked for cannot be said; nothing was.
    #[error("cannot be said in HTTP: {0}")]
    Argument(&'static str),
    /// The proxy wants to know who asks, or does not take the answer (407).
    #[error("the proxy wants a user and a password, or others: {0}")]
    Authentication(String),
    /// The proxy said no.
    #[error("refused by the proxy: {status} {reason}")]
    Refused {
        /// The status, such as 403 or 502.
        status: u16,
        /// Its words.
        reason: String,
    },
    /// What came is no response of HTTP/1, or too long for one.
    #[error("not an HTTP proxy: {0}")]
    Malformed(&'static str),
    /// The proxy closed the connection before it had answered.
    #[error("closed by the proxy before it answered")]
    Closed,
    /// The connection broke.
    #[error("connection to the proxy: {0}")]
    Io(NetError),
}

impl HttpError {
    pub(super) const fn is_transient(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500,
            Self::Closed | Self::Io(_) => true,
            Self::Argument(_) | Self::Authentication(_) | Self::Malformed(_) => false,
        }
    }
}

/// A response on its way, without I/O. No octet behind its end is asked for: that one is the server's.
#[derive(Debug, Default)]
struct Response {
    octets: Vec<u8>,
}

impl Response {
    /// How many octets to read next at most. An empty line ends the response: LF LF is the shortest end.
    fn wanted(&self) -> usize {
        match self.octets.as_slice() {
            [.., b'\n'] | [.., b'\n', b'\r'] => 1,
            _ => 2,
        }
    }

    /// Octets have arrived, no more than were wanted. Says how it ended, when it has.
    fn handle_input(&mut self, octets: &[u8]) -> Option<Result<(), HttpError>> {
        self.octets.extend_from_slice(octets);
        if self.octets.len() > RESPONSE {
            return Some(Err(HttpError::Malformed("a response without end")));
        }
        let started = self.octets.len().min(5);
        if self.octets.get(..started) != b"HTTP/".get(..started) {
            return Some(Err(HttpError::Malformed("no HTTP")));
        }
        if !self.octets.ends_with(b"\n\n") && !self.octets.ends_with(b"\n\r\n") {
            return None;
        }
        let status = status(&self.octets);
        match status {
            // RFC 9110 §15.2: something else follows.
            Ok((100..200, _)) => {
                self.octets.clear();
                None
            }
            // RFC 9110 §9.3.6: the tunnel begins behind the empty line, whatever a length says.
            Ok((200..300, _)) => Some(Ok(())),
            Ok((407, reason)) => Some(Err(HttpError::Authentication(reason))),
            Ok((status, reason)) => Some(Err(HttpError::Refused { status, reason })),
            Err(error) => Some(Err(error)),
        }
    }
}

/// Status and reason of a response (RFC 9112 §4).
fn status(octets: &[u8]) -> Result<(u16, String), HttpError> {
    let line = octets.split(|octet| *octet == b'\n').next();
    let line = String::from_utf8_lossy(line.unwrap_or_default());
    let mut words = line.trim_end().splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    if !version.starts_with("HTTP/1.") {
        return Err(HttpError::Malformed("another version than 1"));
    }
    let status = words.next().unwrap_or_default();
    let digits = status.len() == 3 && status.bytes().all(|c| c.is_ascii_digit());
    let status = status.parse().ok().filter(|_| digits);
    let status = status.ok_or(HttpError::Malformed("no status"))?;
    let reason: String = words.next().unwrap_or_default().chars().take(200).collect();
    Ok((status, reason.replace(char::is_control, "\u{fffd}")))
}

/// RFC 4648 §4.
fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for group in octets.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| {
            bits << 8 | u32::from(group.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * at) & 63) as usize);
            let filled = at <= group.len();
            text.push(char::from(*digit.filter(|_| filled).unwrap_or(&b'=')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{HttpError, HttpProxy, RESPONSE, Response, base64};

    /// Feeds what the proxy and the server behind it send; how it ended, and what was left to the server.
    fn read(octets: &[u8]) -> (Option<Result<(), HttpError>>, &[u8]) {
        let mut response = Response::default();
        let mut rest = octets;
        while !rest.is_empty() {
            let n = response.wanted().min(rest.len());
            let (now, later) = rest.split_at(n);
            rest = later;
            if let Some(end) = response.handle_input(now) {
                return (Some(end), rest);
            }
        }
        (None, rest)
    }

    // RFC 4648 §10.
    #[test]
    fn base64_is_that_of_the_rfc() {
        for (octets, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ] {
            assert_eq!(base64(octets.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    // RFC 9110 §9.3.6, RFC 7617 §2.
    #[test]
    fn a_tunnel_is_asked_for() {
        let proxy = HttpProxy::new("p", 3128).login("Aladdin", "open sesame");
        let request = proxy.request(&("ftp.example.org", 21).into()).unwrap();
        assert_eq!(
            String::from_utf8(request).unwrap(),
            "CONNECT ftp.example.org:21 HTTP/1.1\r\nHost: ftp.example.org:21\r\n\
             Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
        );
        let request = HttpProxy::new("p", 1).request(&("::1", 21).into()).unwrap();
        assert!(request.starts_with(b"CONNECT [::1]:21 HTTP/1.1\r\n"));
        assert!(!format!("{proxy:?}").contains("sesame"));
    }

    #[test]
    fn nothing_is_smuggled_into_a_request() {
        let proxy = HttpProxy::new("p", 1);
        for host in ["a\r\nX: y", "a b", "", "a/b", "ü"] {
            let refused = proxy.request(&(host, 21).into());
            assert!(matches!(refused, Err(HttpError::Argument(_))), "{host:?}");
        }
        for (user, password) in [("a:b", ""), ("a\n", ""), ("a", "\r")] {
            let proxy = HttpProxy::new("p", 1).login(user, password);
            assert!(proxy.request(&("a", 1).into()).is_err());
        }
    }

    // RFC 9110 §9.3.6: what follows the empty line is the server's.
    #[test]
    fn no_octet_behind_a_response_is_read() {
        for head in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.0 200\r\n\r\n",
            "HTTP/1.1 299 Fine\nVia: x\n\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ] {
            for greeting in ["220 ready\r\n", "\n\n", ""] {
                let octets = format!("{head}{greeting}");
                let (end, rest) = read(octets.as_bytes());
                assert_eq!(end, Some(Ok(())), "{head:?}");
                assert_eq!(rest, greeting.as_bytes(), "{head:?}");
            }
        }
    }

    #[test]
    fn a_no_says_why() {
        let end = |text: &str| read(text.as_bytes()).0.unwrap().unwrap_err();
        let refused = end("HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\n\r\n");
        assert_eq!(refused, HttpError::Authentication("Who are you".into()));
        let refused = end("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!");
        assert!(
            matches!(&refused, HttpError::Refused { status: 403, reason } if reason == "Forbidden")
        );
        assert!(!refused.is_transient());
        assert!(end("HTTP/1.1 502 \r\n\r\n").is_transient());
    }

    #[test]
    fn what_is_no_response_ends_at_once() {
        for text in [
            "220 ready\r\n",
            "SSH-2.0\r\n",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1\r\n\r\n",
            "HTTP/1.1 +20 \r\n\r\n",
        ] {
            let (end, _) = read(text.as_bytes());
            assert!(
                matches!(end, Some(Err(HttpError::Malformed(_)))),
                "{text:?}"
            );
        }
        let endless = [b"HTTP/1.1 200 OK\r\n".as_slice(), &[b'a'; RESPONSE]].concat();
        let (end, rest) = read(&endless);
        assert!(matches!(end, Some(Err(HttpError::Malformed(_)))) && !rest.is_empty());
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n").0, None);
    }

    proptest::proptest! {
        /// Whatever comes, the end of a response is where its empty line is, and no octet behind it is taken.
        #[test]
        fn responses_end_at_their_empty_line(
            lines in proptest::collection::vec("[ -~]{1,20}", 0..5),
            behind in proptest::collection::vec(proptest::num::u8::ANY, 0..20),
        ) {
            let head = format!("HTTP/1.1 200 OK\r\n{}", lines.iter().map(|line| format!("{line}\r\n")).collect::<String>());
            let octets = [head.as_bytes(), b"\r\n", &behind].concat();
            let (end, rest) = read(&octets);
            proptest::prop_assert_eq!(end, Some(Ok(())));
            proptest::prop_assert_eq!(rest, behind.as_slice());
        }

        #[test]
        fn any_octets_are_read(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = read(&octets);
            let _ = read(&[b"HTTP/1.1 ".as_slice(), &octets].concat());
        }
    }
}
