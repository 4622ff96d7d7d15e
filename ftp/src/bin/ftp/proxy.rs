//! What `--proxy` says.

use crate::exit::{Exit, Failure, Outcome};
use crate::url::{UrlError, host_and_port, text_of};
use fairway_ftp::proxy::{HttpProxy, Proxy};
use fairway_stack::Net;
use fairway_stack::socks::{self, Version};
use std::net::SocketAddr;

/// A proxy as it is typed: `socks5://[user:password@]host[:port]`, and the like.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ProxyUrl {
    kind: Kind,
    login: Option<(String, String)>,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Socks(Version),
    Http,
    Ftp,
}

impl ProxyUrl {
    /// Reads it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let kinds = "a proxy begins with socks5://, socks4a://, socks4://, http:// or ftp://";
        let (scheme, rest) = text.split_once("://").ok_or(kinds)?;
        let (kind, port) = match &*scheme.to_ascii_lowercase() {
            "socks5" | "socks5h" | "socks" => (Kind::Socks(Version::V5), 1080),
            "socks4a" => (Kind::Socks(Version::V4a), 1080),
            "socks4" => (Kind::Socks(Version::V4), 1080),
            "http" => (Kind::Http, 3128),
            "ftp" => (Kind::Ftp, 21),
            _ => return Err(kinds.to_owned()),
        };
        let authority = rest.trim_end_matches('/');
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, authority),
        };
        let wrong = |error: UrlError| error.to_string();
        let login = match login {
            Some(_) if kind == Kind::Ftp => {
                return Err("an FTP proxy is logged in to as the user of the URL".to_owned());
            }
            Some(login) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                let user = text_of(user, "the user").map_err(wrong)?;
                Some((user, text_of(password, "the password").map_err(wrong)?))
            }
            None => None,
        };
        let (host, given) = host_and_port(address).map_err(wrong)?;
        Ok(Self {
            kind,
            login,
            host,
            port: given.unwrap_or(port),
        })
    }

    /// The proxy; the name of one of SOCKS is looked up.
    ///
    /// # Errors
    /// No such host.
    pub(crate) async fn proxy(&self, net: &Net) -> Outcome<Proxy> {
        Ok(match self.kind {
            Kind::Ftp => Proxy::UserAtHost {
                host: self.host.clone(),
                port: self.port,
            },
            Kind::Http => {
                let proxy = HttpProxy::new(&self.host, self.port);
                match &self.login {
                    Some((user, password)) => proxy.login(user, password).into(),
                    None => proxy.into(),
                }
            }
            Kind::Socks(version) => {
                let unknown = || Failure {
                    exit: Exit::NoAnswer,
                    text: format!("proxy {}: unknown host", self.host),
                    ends_all: true,
                };
                let addresses = net.lookup(&self.host).await.map_err(|_| unknown())?;
                let address = *addresses.first().ok_or_else(unknown)?;
                let proxy = socks::Proxy::new(version, SocketAddr::new(address, self.port));
                match &self.login {
                    Some((user, password)) => proxy.login(user.as_str(), password.as_str()).into(),
                    None => proxy.into(),
                }
            }
        })
    }
}

/// Without secrets.
impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}:{}", self.kind, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, ProxyUrl};
    use fairway_stack::socks::Version;

    #[test]
    fn each_kind_has_its_port() {
        let parse = |text| ProxyUrl::parse(text).unwrap();
        let socks = parse("socks5://anna:p%40w@[::1]");
        assert_eq!(
            (socks.kind, &*socks.host, socks.port),
            (Kind::Socks(Version::V5), "::1", 1080)
        );
        assert_eq!(socks.login, Some(("anna".into(), "p@w".into())));
        assert!(!format!("{socks:?}").contains("p@w"));
        assert_eq!(parse("http://proxy/").port, 3128);
        assert_eq!(parse("ftp://proxy:2121").port, 2121);
        for wrong in [
            "proxy:1080",
            "https://proxy",
            "socks5://",
            "ftp://u@proxy",
            "http://h:0",
        ] {
            assert!(ProxyUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
