//! Octets of requests and replies.
//!
//! Version 5 (RFC 1928 §4, §6), a request or a reply:
//!
//! ```text
//!  +----+---------+-------+------+----------+------+        ADDR: 4 octets (ATYP 1), a length and so many (3),
//!  |VER |CMD, REP |  RSV  | ATYP |   ADDR   | PORT |              16 (4)
//!  | 1  |    1    | X'00' |  1   | variable |  2   |
//!  +----+---------+-------+------+----------+------+
//! ```
//!
//! Version 4, a request (a reply ends before the user id); 4a has an address 0.0.0.x, x not 0, and then a name:
//!
//! ```text
//!  +----+----+------+----------+---------+------+ - - - - +------+
//!  | VN | CD | PORT |    IP    | USERID  | NULL |   NAME  | NULL |
//!  | 1  | 1  |  2   |    4     | variable|  1   |         |  1   |
//!  +----+----+------+----------+---------+------+ - - - - +------+
//! ```

use super::{Broken, Command, Host, Proxy, Refusal, ReplyV4, ReplyV5, SocksError, Target, Version};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// No authentication (RFC 1928 §3).
pub(super) const METHOD_NONE: u8 = 0;
/// User and password (RFC 1928 §3).
pub(super) const METHOD_LOGIN: u8 = 2;
/// None of those offered (RFC 1928 §3).
pub(super) const METHOD_NO_ACCEPTABLE: u8 = 0xff;

const VERSION_4: u8 = 4;
const VERSION_5: u8 = 5;
/// Of the sub-negotiation (RFC 1929 §2).
const VERSION_LOGIN: u8 = 1;

const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The longest reply: version 5 with a name of 255 octets.
pub(super) const MAX_REPLY: usize = 4 + 1 + 255 + 2;

/// The methods that are offered.
pub(super) fn methods(login: bool) -> Vec<u8> {
    if login {
        vec![VERSION_5, 2, METHOD_NONE, METHOD_LOGIN]
    } else {
        vec![VERSION_5, 1, METHOD_NONE]
    }
}

/// User and password (RFC 1929 §2), if the proxy is to hear of any.
pub(super) fn login(proxy: &Proxy) -> Result<Option<Vec<u8>>, SocksError> {
    let (Some(user), Some(password)) = (&proxy.user, &proxy.password) else {
        return Ok(None);
    };
    let mut octets = vec![VERSION_LOGIN];
    for word in [user, password] {
        // RFC 1929 §2: 1 to 255 octets.
        let len = u8::try_from(word.len()).ok().filter(|len| *len > 0);
        let wrong = "user and password need 1 to 255 octets";
        octets.push(len.ok_or(SocksError::Argument(wrong))?);
        octets.extend_from_slice(word);
    }
    Ok(Some(octets))
}

/// The request.
pub(super) fn request(
    proxy: &Proxy,
    command: Command,
    target: &Target,
) -> Result<Vec<u8>, SocksError> {
    match proxy.version {
        Version::V4 | Version::V4a => request_v4(proxy, command, target),
        Version::V5 => request_v5(command, target),
    }
}

fn request_v4(proxy: &Proxy, command: Command, target: &Target) -> Result<Vec<u8>, SocksError> {
    let (ip, name) = match &target.host {
        Host::Address(IpAddr::V4(ip)) => match ip.octets() {
            [0, 0, 0, host] if host != 0 => {
                return Err(SocksError::Argument("0.0.0.x means a name in 4a"));
            }
            octets => (octets, None),
        },
        Host::Address(IpAddr::V6(_)) => return Err(SocksError::Argument("version 4 has no IPv6")),
        Host::Name(_) if proxy.version == Version::V4 => {
            return Err(SocksError::Argument("version 4 has no names"));
        }
        Host::Name(name) => (Ipv4Addr::new(0, 0, 0, 1).octets(), Some(checked(name)?)),
    };
    let user = proxy.user.as_deref().unwrap_or_default();
    if user.len() > 255 || user.contains(&0) {
        let wrong = "a user id has at most 255 octets, none of them zero";
        return Err(SocksError::Argument(wrong));
    }
    let mut octets = vec![VERSION_4, command.number()];
    octets.extend_from_slice(&target.port.to_be_bytes());
    octets.extend_from_slice(&ip);
    octets.extend_from_slice(user);
    octets.push(0);
    if let Some((name, _)) = name {
        octets.extend_from_slice(name);
        octets.push(0);
    }
    Ok(octets)
}

fn request_v5(command: Command, target: &Target) -> Result<Vec<u8>, SocksError> {
    let mut octets = vec![VERSION_5, command.number(), 0];
    match &target.host {
        Host::Address(IpAddr::V4(ip)) => {
            octets.push(IPV4);
            octets.extend_from_slice(&ip.octets());
        }
        Host::Address(IpAddr::V6(ip)) => {
            octets.push(IPV6);
            octets.extend_from_slice(&ip.octets());
        }
        Host::Name(name) => {
            let (name, len) = checked(name)?;
            octets.extend_from_slice(&[NAME, len]);
            octets.extend_from_slice(name);
        }
    }
    octets.extend_from_slice(&target.port.to_be_bytes());
    Ok(octets)
}

/// A name that both versions can carry, and its length.
fn checked(name: &str) -> Result<(&[u8], u8), SocksError> {
    match u8::try_from(name.len()) {
        Ok(len @ 1..) if !name.contains('\0') => Ok((name.as_bytes(), len)),
        _ => Err(SocksError::Argument(
            "a name has 1 to 255 octets, none of them zero",
        )),
    }
}

/// What the octets that have come so far say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading<T> {
    /// Nothing yet: so many more are needed to know more, and belong to the reply for certain.
    Needs(usize),
    /// All there is.
    Whole(T),
}

impl<T> Reading<T> {
    pub(super) fn map<U>(self, with: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Needs(more) => Reading::Needs(more),
            Self::Whole(value) => Reading::Whole(with(value)),
        }
    }
}

/// The method that the proxy chose.
pub(super) const fn chosen_method(octets: &[u8]) -> Result<Reading<u8>, SocksError> {
    match *octets {
        [] => Ok(Reading::Needs(2)),
        [VERSION_5] => Ok(Reading::Needs(1)),
        [VERSION_5, method, ..] => Ok(Reading::Whole(method)),
        [version, ..] => Err(SocksError::Broken(Broken::Version(version))),
    }
}

/// Whether the proxy accepts user and password: 0 if it does.
pub(super) const fn login_status(octets: &[u8]) -> Result<Reading<u8>, SocksError> {
    match *octets {
        [] => Ok(Reading::Needs(2)),
        [VERSION_LOGIN] => Ok(Reading::Needs(1)),
        [VERSION_LOGIN, status, ..] => Ok(Reading::Whole(status)),
        [version, ..] => Err(SocksError::Broken(Broken::Version(version))),
    }
}

/// A reply: the address in it, if it is a yes. A no is known from its second octet on, whatever comes then.
pub(super) fn reply(version: Version, octets: &[u8]) -> Result<Reading<Target>, SocksError> {
    match version {
        Version::V4 | Version::V4a => reply_v4(octets),
        Version::V5 => reply_v5(octets),
    }
}

fn reply_v4(octets: &[u8]) -> Result<Reading<Target>, SocksError> {
    match *octets {
        // The version of replies is 0.
        [version, ..] if version != 0 => Err(SocksError::Broken(Broken::Version(version))),
        [_, reply, ..] if ReplyV4(reply) != ReplyV4::GRANTED => Err(match ReplyV4(reply) {
            code @ (ReplyV4::REJECTED | ReplyV4::NO_IDENTD | ReplyV4::OTHER_USER) => {
                SocksError::Refused(Refusal::V4(code))
            }
            ReplyV4(other) => SocksError::Broken(Broken::Reply(other)),
        }),
        [_, _, p0, p1, a, b, c, d, ..] => Ok(Reading::Whole(Target {
            host: Host::Address(Ipv4Addr::new(a, b, c, d).into()),
            port: u16::from_be_bytes([p0, p1]),
        })),
        _ => Ok(Reading::Needs(8 - octets.len())),
    }
}

fn reply_v5(octets: &[u8]) -> Result<Reading<Target>, SocksError> {
    match *octets {
        [version, ..] if version != VERSION_5 => {
            return Err(SocksError::Broken(Broken::Version(version)));
        }
        [_, reply, ..] if ReplyV5(reply) != ReplyV5::SUCCEEDED => {
            return Err(SocksError::Refused(Refusal::V5(ReplyV5(reply))));
        }
        _ => {}
    }
    // RFC 1928 §6: RSV must be zero. What else it could mean is not said, so it is not looked at.
    let Some(&[_, _, _, kind, first]) = octets.first_chunk() else {
        // The shortest address with its port has more octets than this asks for.
        return Ok(Reading::Needs(5 - octets.len()));
    };
    let len = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => 1 + usize::from(first),
        other => return Err(SocksError::Broken(Broken::AddressType(other))),
    };
    let rest = octets.get(4..).unwrap_or_default();
    let Some((address, &[p0, p1, ..])) = rest.split_at_checked(len) else {
        return Ok(Reading::Needs(len + 2 - rest.len()));
    };
    let host = match (kind, address) {
        (IPV4, &[a, b, c, d]) => Host::Address(Ipv4Addr::new(a, b, c, d).into()),
        (NAME, [_len, name @ ..]) => Host::from(String::from_utf8_lossy(name).as_ref()),
        (_, address) => match <[u8; 16]>::try_from(address) {
            Ok(ip) => Host::Address(Ipv6Addr::from(ip).into()),
            Err(_) => return Err(SocksError::Broken(Broken::AddressType(kind))),
        },
    };
    Ok(Reading::Whole(Target {
        host,
        port: u16::from_be_bytes([p0, p1]),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn proxy(version: Version) -> Proxy {
        Proxy::new(version, SocketAddr::from(([192, 0, 2, 1], 1080)))
    }

    /// sockets.md section 18; 66.102.7.99:80 for Fred.
    #[test]
    fn requests_of_version_4() {
        let fred = proxy(Version::V4).login("Fred", "never sent");
        let web = SocketAddr::from(([66, 102, 7, 99], 80)).into();
        assert_eq!(
            request(&fred, Command::Connect, &web).unwrap(),
            b"\x04\x01\x00\x50\x42\x66\x07\x63Fred\0"
        );
        assert_eq!(
            request(&proxy(Version::V4), Command::Bind, &web).unwrap(),
            b"\x04\x02\x00\x50\x42\x66\x07\x63\0"
        );
        let fred = Proxy {
            version: Version::V4a,
            ..fred
        };
        let named = ("example.org", 21).into();
        assert_eq!(
            request(&fred, Command::Connect, &named).unwrap(),
            b"\x04\x01\x00\x15\x00\x00\x00\x01Fred\0example.org\0"
        );
    }

    /// RFC 1928 §3, §4; RFC 1929 §2.
    #[test]
    fn requests_of_version_5() {
        assert_eq!(methods(false), [5, 1, 0]);
        assert_eq!(methods(true), [5, 2, 0, 2]);
        let anna = proxy(Version::V5).login("anna", "key");
        assert_eq!(login(&anna).unwrap().unwrap(), b"\x01\x04anna\x03key");
        assert_eq!(login(&proxy(Version::V5)), Ok(None));
        let asked = |command, target| request(&anna, command, &target).unwrap();
        assert_eq!(
            asked(
                Command::Connect,
                SocketAddr::from(([192, 0, 2, 7], 21)).into()
            ),
            [5, 1, 0, 1, 192, 0, 2, 7, 0, 21]
        );
        assert_eq!(
            asked(Command::Bind, ("2001:db8::7", 256).into()),
            [
                5, 2, 0, 4, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1, 0
            ]
        );
        assert_eq!(
            asked(Command::Connect, ("example.org", 21).into()),
            b"\x05\x01\x00\x03\x0bexample.org\x00\x15"
        );
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        let refused = |result: Result<Vec<u8>, _>| matches!(result, Err(SocksError::Argument(_)));
        let (v4, v4a, v5) = (Version::V4, Version::V4a, Version::V5);
        let long = "x".repeat(256);
        for (version, host) in [
            (v4, "example.org"),
            (v4, "2001:db8::7"),
            (v4a, "2001:db8::7"),
            (v4a, "0.0.0.1"),
            (v4a, ""),
            (v4a, "no\0name"),
            (v4a, &long),
            (v5, ""),
            (v5, &long),
        ] {
            let target = (host, 1).into();
            let result = request(&proxy(version), Command::Connect, &target);
            assert!(refused(result), "{version:?} {host}");
        }
        let target = ("192.0.2.7", 1).into();
        for user in ["zero\0", &long] {
            let result = request(&proxy(v4).login(user, ""), Command::Connect, &target);
            assert!(refused(result), "{user}");
        }
        for (user, password) in [("", "x"), ("x", ""), (&long, "x"), ("x", &long)] {
            let login = login(&proxy(v5).login(user, password));
            assert!(matches!(login, Err(SocksError::Argument(_))));
        }
    }

    /// Reads `octets` as they would come, asking for no more than is needed; gives how many were asked for, too.
    fn read(version: Version, octets: &[u8]) -> (Result<Target, SocksError>, usize) {
        let mut have = 0;
        loop {
            match reply(version, &octets[..have]) {
                Ok(Reading::Needs(more)) => {
                    assert!(more > 0);
                    have += more;
                    assert!(have <= octets.len(), "asks for what is not of the reply");
                }
                Ok(Reading::Whole(target)) => return (Ok(target), have),
                Err(error) => return (Err(error), have),
            }
        }
    }

    /// RFC 1928 §6.
    #[test]
    fn replies_are_read_to_their_end_and_no_further() {
        let long = [&[5, 0, 0, 3, 255][..], &[b'x'; 257]].concat();
        for (version, reply, target) in [
            (
                Version::V4,
                &b"\0\x5a\x00\x50\x42\x66\x07\x63"[..],
                "66.102.7.99:80",
            ),
            (
                Version::V5,
                &[5, 0, 0, 1, 192, 0, 2, 7, 1, 0],
                "192.0.2.7:256",
            ),
            (
                Version::V5,
                &[
                    5, 0, 9, 4, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 1,
                ],
                "[2001:db8::7]:1",
            ),
            (Version::V5, b"\x05\0\0\x03\x03abc\x01\0", "abc:256"),
            (Version::V5, b"\x05\0\0\x03\0\0\x07", ":7"),
            (Version::V5, &long, &format!("{}:30840", "x".repeat(255))),
        ] {
            let (read, len) = read(version, reply);
            assert_eq!(read.unwrap().to_string(), target);
            assert_eq!(len, reply.len());
        }
        assert_eq!(long.len(), MAX_REPLY);
    }

    #[test]
    fn a_no_is_a_no_from_its_second_octet_on() {
        for (version, octets, error) in [
            (
                Version::V5,
                [5, 2],
                SocksError::Refused(Refusal::V5(ReplyV5::NOT_ALLOWED)),
            ),
            (
                Version::V5,
                [5, 200],
                SocksError::Refused(Refusal::V5(ReplyV5(200))),
            ),
            (
                Version::V4,
                [0, 91],
                SocksError::Refused(Refusal::V4(ReplyV4::REJECTED)),
            ),
            (Version::V4, [0, 0], SocksError::Broken(Broken::Reply(0))),
            (Version::V4, [4, 90], SocksError::Broken(Broken::Version(4))),
            (
                Version::V5,
                [b'H', b'T'],
                SocksError::Broken(Broken::Version(b'H')),
            ),
        ] {
            assert_eq!(reply(version, &octets), Err(error));
        }
        assert_eq!(
            reply(Version::V5, &[5, 0, 0, 2, 0]),
            Err(SocksError::Broken(Broken::AddressType(2)))
        );
    }
}
