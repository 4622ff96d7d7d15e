//! Which server, as whom, and how.

use crate::command::{ArgumentError, Command};
use crate::error::{Error, ErrorKind};
use crate::name::Charset;
use crate::proxy::Proxy;
use crate::session::{LoginSpec, Method, Tls};
use jiff::tz::TimeZone;
use std::fmt;
use std::net::IpAddr;

/// The port of FTP (RFC 959 §5.2).
pub const PORT: u16 = 21;
/// The port of FTP with TLS from the first octet.
pub const IMPLICIT_PORT: u16 = 990;

/// A server and an identity there. Equal ones share connections; everything in here is part of that, the password and
/// the TLS options too, so that nobody uses a session that he could not have opened.
///
/// ```
/// use fairway_ftp::Server;
///
/// let server = Server::new("ftp.example.org").login("anna", "secret");
/// assert_eq!(server.to_string(), "anna@ftp.example.org:21");
/// // The classic form of a port: one blank, decimal.
/// assert_eq!(Server::parse("ftp.example.org 2121")?.port(), 2121);
/// # Ok::<(), fairway_ftp::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    host: String,
    port: Option<u16>,
    user: String,
    password: String,
    account: Option<String>,
    tls: Tls,
    private: bool,
    clear: bool,
    charset: Charset,
    data: DataMode,
    trust_passive_address: bool,
    zone: TimeZone,
    proxy: Option<Proxy>,
    #[cfg(feature = "tls")]
    tls_options: crate::tls::TlsOptions,
}

/// Who makes the data connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DataMode {
    /// We do (`EPSV`, else `PASV`); where that fails, the server (`EPRT`, else `PORT`). What worked is tried first the
    /// next time.
    #[default]
    Auto,
    /// We do.
    Passive,
    /// The server does.
    Active,
}

impl Server {
    /// A server, as an anonymous user, without TLS. `host` is a name or a literal address.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: None,
            user: "anonymous".into(),
            password: "anonymous@".into(),
            account: None,
            tls: Tls::None,
            private: true,
            clear: false,
            charset: Charset::UTF_8,
            data: DataMode::Auto,
            trust_passive_address: false,
            zone: TimeZone::UTC,
            proxy: None,
            #[cfg(feature = "tls")]
            tls_options: crate::tls::TlsOptions::default(),
        }
    }

    /// The classic form: a name, or a name, one blank, and a port (`server1 1234`).
    ///
    /// # Errors
    /// A port that is no number from 1 to 65535, an empty name, or one with control characters.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (host, port) = match text.split_once(' ') {
            None => (text, None),
            Some((host, port)) => {
                let digits = port.bytes().all(|c| c.is_ascii_digit());
                let port: Option<u16> = port.parse().ok().filter(|port| *port != 0 && digits);
                (host, Some(port.ok_or_else(|| unknown_host(text))?))
            }
        };
        if host.is_empty() || host.chars().any(char::is_control) {
            return Err(unknown_host(text));
        }
        Ok(Self {
            port,
            ..Self::new(host)
        })
    }

    /// With a port; 21 by default, 990 for [implicit TLS](Tls::Implicit).
    #[must_use]
    pub fn on_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The same with the port said, so that saying the usual one makes no difference.
    pub(crate) fn with_its_port(self) -> Self {
        let port = self.port();
        self.on_port(port)
    }

    /// As this user.
    #[must_use]
    pub fn login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = user.into();
        self.password = password.into();
        self
    }

    /// With an account, for servers that ask for one (332).
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// With TLS.
    #[must_use]
    pub fn tls(mut self, plan: Tls) -> Self {
        self.tls = plan;
        self
    }

    /// What TLS trusts and offers.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_options(mut self, options: crate::tls::TlsOptions) -> Self {
        self.private = options.protects_data();
        self.tls_options = options;
        self
    }

    #[cfg(feature = "tls")]
    pub(crate) const fn tls_settings(&self) -> &crate::tls::TlsOptions {
        &self.tls_options
    }

    /// Whether data connections have TLS too where the control connection has (`PROT P`); yes by default.
    #[must_use]
    pub fn private_data(mut self, private: bool) -> Self {
        self.private = private;
        self
    }

    /// Whether the control connection leaves TLS after the login (`CCC`), for firewalls that want to read along; no by
    /// default.
    #[must_use]
    pub fn clear_control(mut self, clear: bool) -> Self {
        self.clear = clear;
        self
    }

    /// The charset of the names there; UTF-8 by default.
    #[must_use]
    pub fn charset(mut self, charset: Charset) -> Self {
        self.charset = charset;
        self
    }

    /// Who makes the data connections.
    #[must_use]
    pub fn data_mode(mut self, mode: DataMode) -> Self {
        self.data = mode;
        self
    }

    /// Whether the address in a 227 is believed. By default it is not, and the data connection goes to where the control
    /// connection goes: a server that names another host makes its clients attack it (CVE-2020-8284 and others). Some
    /// servers behind a distributor need it.
    #[must_use]
    pub fn trust_passive_address(mut self, trust: bool) -> Self {
        self.trust_passive_address = trust;
        self
    }

    /// The zone whose local time stands in its listings; UTC by default. (`MLSD`, `MDTM` and the like are UTC anyway.)
    #[must_use]
    pub fn zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// Through a proxy, control and data connections alike.
    #[must_use]
    pub fn proxy(mut self, proxy: impl Into<Proxy>) -> Self {
        self.proxy = Some(proxy.into());
        self
    }

    /// The proxy that stands before it.
    #[must_use]
    pub const fn proxy_before(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    pub(crate) fn zone_of_listings(&self) -> TimeZone {
        self.zone.clone()
    }

    /// The name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::Implicit => IMPLICIT_PORT,
            _ => PORT,
        })
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// How TLS begins.
    #[must_use]
    pub const fn tls_plan(&self) -> Tls {
        self.tls
    }

    pub(crate) const fn wants_private_data(&self) -> bool {
        self.private
    }

    /// The charset of the names there.
    #[must_use]
    pub const fn name_charset(&self) -> Charset {
        self.charset
    }

    pub(crate) const fn trusts_passive_address(&self) -> bool {
        self.trust_passive_address
    }

    /// "host:port", for errors and logs.
    pub(crate) fn authority(&self) -> String {
        let port = self.port();
        match self.host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
            _ => format!("{}:{port}", self.host),
        }
    }

    /// The ways of making a data connection over a control connection of this family, the best first.
    pub(crate) fn methods(&self, ipv4: bool) -> Vec<Method> {
        let passive = [Method::ExtendedPassive, Method::Passive];
        let active = [Method::ExtendedActive, Method::Active];
        let methods: Vec<Method> = match self.data {
            DataMode::Auto => passive.into_iter().chain(active).collect(),
            DataMode::Passive => passive.into(),
            DataMode::Active => active.into(),
        };
        let through = self.proxy.as_ref().filter(|proxy| proxy.carries_data());
        let possible = |method: &Method| {
            let comes_to_us = method.is_active();
            through.is_none_or(|proxy| proxy.binds() || !comes_to_us)
        };
        let old = |method: &Method| matches!(method, Method::Passive | Method::Active);
        methods
            .into_iter()
            .filter(|method| (ipv4 || !old(method)) && possible(method))
            .collect()
    }

    pub(crate) fn login_spec(&self) -> Result<LoginSpec, Error> {
        let octets = |text: &str| -> Result<Vec<u8>, ArgumentError> {
            Ok(self.charset.encode(text)?.into_owned())
        };
        let secret = |verb, text: &str| Command::secret(verb, octets(text)?);
        let account = self
            .account
            .as_deref()
            .map(|account| secret("ACCT", account));
        let user = match (&self.proxy, self.port()) {
            (Some(Proxy::UserAtHost { .. }), PORT) => format!("{}@{}", self.user, self.host),
            (Some(Proxy::UserAtHost { .. }), port) => {
                format!("{}@{}:{port}", self.user, self.host)
            }
            _ => self.user.clone(),
        };
        if matches!(self.proxy, Some(Proxy::UserAtHost { .. })) && self.tls != Tls::None {
            let reason = "TLS would end at the FTP proxy, which is not the server";
            return Err(ErrorKind::Unsupported(reason.into()).into());
        }
        Ok(LoginSpec {
            user: octets(&user)
                .and_then(|user| Command::with("USER", user))
                .map_err(Error::argument("user"))?,
            password: secret("PASS", &self.password).map_err(Error::argument("password"))?,
            account: account.transpose().map_err(Error::argument("account"))?,
            tls: self.tls,
            private: self.private,
            clear: self.clear,
            features: None,
            utf8: self.charset == Charset::UTF_8,
        })
    }
}

fn unknown_host(text: &str) -> Error {
    ErrorKind::Host {
        host: text.into(),
        source: fairway_stack::NetError::HostNotFound,
    }
    .into()
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.authority())
    }
}

impl fmt::Debug for Server {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("port", &self.port())
            .field("user", &self.user)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Server;
    use crate::error::ErrorNumber;

    // ftp-api §1, §6.1.
    #[test]
    fn a_port_follows_one_blank() {
        assert_eq!(Server::parse("a 1").unwrap().port(), 1);
        assert_eq!(Server::parse("a").unwrap().port(), 21);
        for wrong in [
            "a 0", "a 65536", "a +1", "a  1", "a x", "a ", "", " 21", "a\n",
        ] {
            let number = Server::parse(wrong).unwrap_err().number();
            assert_eq!(number, ErrorNumber::HOST, "{wrong:?}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let server = Server::new("::1")
            .login("anna", "hunter2")
            .account("hunter3");
        assert!(!format!("{server:?}{server}").contains("hunter"));
        assert_eq!(server.to_string(), "anna@[::1]:21");
    }

    #[test]
    fn arguments_are_checked_before_anything_is_sent() {
        let spec = Server::new("a").login("anna", "x\r\nDELE y").login_spec();
        assert_eq!(
            spec.unwrap_err().to_string(),
            "password: octet 0x0d at 1 cannot be part of a command"
        );
    }
}
