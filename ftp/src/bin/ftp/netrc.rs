//! `~/.netrc`: logins by host.
//!
//! ```text
//! machine ftp.example.org login anna password "pass word" account staff
//! macdef init
//! cd pub
//!
//! default login anonymous password anna@example.org
//! ```
//!
//! A macro ends at the first empty line. Macros are skipped.

use std::fmt;

/// A login.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) account: Option<String>,
}

impl fmt::Debug for Login {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The logins of a file, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Netrc {
    /// `None` is what `default` says.
    entries: Vec<(Option<String>, Login)>,
}

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub(crate) struct NetrcError {
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Netrc {
    /// Reads the text of a file.
    pub(crate) fn parse(text: &str) -> Result<Self, NetrcError> {
        let mut words = Words {
            rest: text,
            line: 1,
        };
        let mut netrc = Self::default();
        while let Some(word) = words.next(true)? {
            match &*word {
                "machine" => {
                    let host = words.value("machine")?;
                    netrc.entries.push((Some(host), Login::default()));
                }
                "default" => netrc.entries.push((None, Login::default())),
                "login" | "user" | "password" | "passwd" | "account" => {
                    let line = words.line;
                    let value = words.value(&word)?;
                    let Some((_, login)) = netrc.entries.last_mut() else {
                        return Err(NetrcError {
                            line,
                            what: format!("{word} before the first machine"),
                        });
                    };
                    let field = match &*word {
                        "login" | "user" => &mut login.user,
                        "account" => &mut login.account,
                        _ => &mut login.password,
                    };
                    *field = Some(value);
                }
                "macdef" => {
                    let _name = words.value("macdef")?;
                    words.skip_macro();
                }
                _ => {
                    // The word may be a password behind a slip of the pen: it is not repeated.
                    return Err(NetrcError {
                        line: words.line,
                        what: "machine, default, login, password, account or macdef is expected"
                            .into(),
                    });
                }
            }
        }
        Ok(netrc)
    }

    /// The login for a host, and for a user there if one is wanted; what `default` says if there is no other.
    pub(crate) fn find(&self, host: &str, user: Option<&str>) -> Option<&Login> {
        let fits = |login: &Login| user.is_none_or(|user| login.user.as_deref() == Some(user));
        let at_host = |of: &Option<String>| {
            of.as_deref()
                .is_some_and(|of| of.eq_ignore_ascii_case(host))
        };
        let named = self
            .entries
            .iter()
            .find(|(of, login)| at_host(of) && fits(login));
        let default = || {
            self.entries
                .iter()
                .find(|(of, login)| of.is_none() && fits(login))
        };
        named.or_else(default).map(|(_, login)| login)
    }

    /// Whether it has a secret that others should not read.
    pub(crate) fn has_passwords(&self) -> bool {
        self.entries
            .iter()
            .any(|(of, login)| of.is_some() && login.password.is_some())
    }
}

struct Words<'a> {
    rest: &'a str,
    line: usize,
}

impl Words<'_> {
    fn advance(&mut self, octets: usize) {
        let (passed, rest) = self.rest.split_at(octets);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }

    /// The next word; where a keyword is expected, what follows a hash sign is a remark.
    fn next(&mut self, keyword: bool) -> Result<Option<String>, NetrcError> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.advance(blank);
            if !(keyword && self.rest.starts_with('#')) {
                break;
            }
            self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
        let quoted = self.rest.starts_with('"');
        let mut word = String::new();
        let mut end = None;
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(usize::from(quoted)) {
            if escaped {
                word.push(c);
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if quoted && c == '"' {
                end = Some(at + 1);
                break;
            } else if (!quoted && c.is_whitespace()) || (quoted && c == '\n') {
                end = (!quoted).then_some(at);
                break;
            } else {
                word.push(c);
            }
        }
        if quoted && end.is_none() {
            return Err(NetrcError {
                line: self.line,
                what: "a quotation mark is not closed".into(),
            });
        }
        let empty = self.rest.is_empty();
        self.advance(end.unwrap_or(self.rest.len()));
        Ok((!empty).then_some(word))
    }

    fn value(&mut self, keyword: &str) -> Result<String, NetrcError> {
        let line = self.line;
        self.next(false)?.ok_or_else(|| NetrcError {
            line,
            what: format!("nothing follows {keyword}"),
        })
    }

    fn skip_macro(&mut self) {
        // The rest of the line of its name, then lines up to an empty one.
        self.skip_line();
        while !self.rest.is_empty() {
            let line = self.rest.lines().next().unwrap_or_default();
            let empty = line.trim_end_matches('\r').is_empty();
            self.skip_line();
            if empty {
                break;
            }
        }
    }

    fn skip_line(&mut self) {
        let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        self.advance(end);
    }
}

#[cfg(test)]
mod tests {
    use super::Netrc;

    const FILE: &str = "# mine\nmachine a login anna password pw1\nmachine a login otto password pw2\n\
        machine B.example\n\tlogin \"two words\" password \"a\\\"b#\" account x\n\
        macdef init\ncd pub\npassword is not one\n\nmachine c login # password x\n\
        default login anonymous password me@here\n";

    #[test]
    fn logins_are_found() {
        let netrc = Netrc::parse(FILE).unwrap();
        let password = |host, user| {
            netrc
                .find(host, user)
                .and_then(|login| login.password.as_deref())
        };
        assert_eq!(password("a", None), Some("pw1"));
        assert_eq!(password("A", Some("otto")), Some("pw2"));
        assert_eq!(password("a", Some("eve")), None);
        assert_eq!(password("b.example", None), Some("a\"b#"));
        assert_eq!(
            netrc.find("b.example", None).unwrap().user.as_deref(),
            Some("two words")
        );
        assert_eq!(
            netrc.find("b.example", None).unwrap().account.as_deref(),
            Some("x")
        );
        // Where a value stands, a hash sign is one.
        assert_eq!(netrc.find("c", None).unwrap().user.as_deref(), Some("#"));
        assert_eq!(password("elsewhere", None), Some("me@here"));
        assert!(netrc.has_passwords());
        let open = Netrc::parse("default login anonymous password x").unwrap();
        assert!(!open.has_passwords());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let wrong = |text| Netrc::parse(text).unwrap_err().to_string();
        assert_eq!(wrong("machine a\nlogin"), "line 2: nothing follows login");
        assert_eq!(wrong("login a"), "line 1: login before the first machine");
        assert_eq!(
            wrong("machine a login b\n\nhunter2"),
            "line 3: machine, default, login, password, account or macdef is expected"
        );
        assert_eq!(
            wrong("machine \"a\n"),
            "line 1: a quotation mark is not closed"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[\\PC\n\"]{0,60}", words in "(machine |login |macdef |a |\"|\n|#){0,20}") {
            let _either = (Netrc::parse(&text), Netrc::parse(&words));
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        assert!(!format!("{:?}", Netrc::parse(FILE).unwrap()).contains("pw1"));
    }

    #[test]
    fn a_macro_ends_at_an_empty_line_or_the_end() {
        let netrc = Netrc::parse("machine a macdef m\nmachine b\n\n login u").unwrap();
        assert_eq!(netrc.find("a", None).unwrap().user.as_deref(), Some("u"));
        assert!(netrc.find("b", None).is_none());
        assert!(Netrc::parse("machine a macdef m\nx").is_ok());
    }
}
