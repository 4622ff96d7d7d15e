//! Client lists: which callers a rule is about.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::network::Network;

/// One entry of a client list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    All,
    Local,
    Network(Network),
    /// Text with `*` and `?`.
    Glob(String),
    /// A host's name; addresses come by [`super::Rules::resolve`].
    Name(String, Vec<IpAddr>),
    NotUnderstood,
}

/// Entries, and what they do not apply to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    pub(super) any: Vec<Pattern>,
    pub(super) except: Option<Box<List>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    No,
    Yes,
    /// Depends on a pattern that is not understood.
    Unsure,
}

impl List {
    pub(super) fn matches(&self, caller: IpAddr) -> Match {
        let mut found = Match::No;
        for pattern in &self.any {
            match pattern.matches(caller) {
                Match::Yes => {
                    found = Match::Yes;
                    break;
                }
                Match::Unsure => found = Match::Unsure,
                Match::No => {}
            }
        }
        match (found, self.except.as_ref().map(|e| e.matches(caller))) {
            (Match::No, _) | (_, Some(Match::Yes)) => Match::No,
            (found, None | Some(Match::No)) => found,
            (_, Some(Match::Unsure)) => Match::Unsure,
        }
    }
}

impl Pattern {
    fn matches(&self, caller: IpAddr) -> Match {
        let yes = match self {
            Self::All => true,
            Self::Local => caller.is_loopback(),
            Self::Network(network) => network.contains(caller),
            Self::Glob(glob) => glob_matches(glob.as_bytes(), caller.to_string().as_bytes()),
            Self::Name(_, addresses) if addresses.is_empty() => return Match::Unsure,
            Self::Name(_, addresses) => addresses.contains(&caller),
            Self::NotUnderstood => return Match::Unsure,
        };
        if yes { Match::Yes } else { Match::No }
    }

    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.eq_ignore_ascii_case("ALL") {
            return Ok(Self::All);
        }
        if text.eq_ignore_ascii_case("LOCAL") {
            return Ok(Self::Local);
        }
        if ["KNOWN", "UNKNOWN", "PARANOID"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
        {
            return Err("needs a name server's word on every caller");
        }
        if text.starts_with('/') {
            return Err("files of patterns are not read");
        }
        if text.starts_with('.') {
            return Err("domains need a name server's word on every caller");
        }
        if text.contains('@') {
            return Err("netgroups and users are not asked for");
        }
        if let Some(rest) = text.strip_prefix('[') {
            return bracketed(rest)
                .map(Self::Network)
                .ok_or("no IPv6 address in brackets");
        }
        if text.contains(['*', '?']) {
            return Ok(Self::Glob(text.to_ascii_lowercase()));
        }
        if let Some(prefix) = text.strip_suffix('.') {
            return dotted_prefix(prefix)
                .map(Self::Network)
                .ok_or("no prefix of an IPv4 address");
        }
        if let Some((address, mask)) = text.split_once('/') {
            let address: Ipv4Addr = address
                .parse()
                .map_err(|_| "no IPv4 address before the mask")?;
            if let Ok(mask) = mask.parse::<Ipv4Addr>() {
                return Ok(Self::Network(Network::masked(
                    address.into(),
                    u32::from(mask).into(),
                )));
            }
            let bits = mask.parse().map_err(|_| "no mask")?;
            return Network::new(address.into(), bits)
                .map(Self::Network)
                .ok_or("more than 32 bits");
        }
        if let Some(network) = Network::parse(text) {
            return Ok(Self::Network(network));
        }
        let named = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if named {
            Ok(Self::Name(text.to_ascii_lowercase(), Vec::new()))
        } else {
            Err("neither an address nor a name")
        }
    }
}

/// `::1]` and `2001:db8::]/32`: what follows a bracket.
fn bracketed(rest: &str) -> Option<Network> {
    let (address, bits) = rest.split_once(']')?;
    let address: Ipv6Addr = address.parse().ok()?;
    let bits = match bits.strip_prefix('/') {
        Some(bits) => bits.parse().ok()?,
        None if bits.is_empty() => 128,
        None => return None,
    };
    Network::new(address.into(), bits)
}

/// `192.0.2` of `192.0.2.`: up to three octets.
fn dotted_prefix(prefix: &str) -> Option<Network> {
    let mut octets = [0u8; 4];
    let mut bits = 0;
    let mut places = octets.iter_mut();
    for part in prefix.split('.') {
        *places.next()? = part.parse().ok()?;
        bits += 8;
    }
    (bits < 32).then(|| Network::new(Ipv4Addr::from(octets).into(), bits))?
}

/// Whether `text` is of the form `glob`, where `*` stands for any octets and `?` for one. Takes at most their lengths' product.
fn glob_matches(glob: &[u8], text: &[u8]) -> bool {
    let mut reach = vec![false; text.len() + 1];
    if let Some(start) = reach.first_mut() {
        *start = true;
    }
    for &g in glob {
        let mut next = vec![false; reach.len()];
        let mut starred = false;
        for (at, &here) in reach.iter().enumerate() {
            starred |= here;
            if g == b'*' {
                if let Some(place) = next.get_mut(at) {
                    *place = starred;
                }
            } else if here
                && text.get(at).is_some_and(|&t| g == b'?' || g == t)
                && let Some(place) = next.get_mut(at + 1)
            {
                *place = true;
            }
        }
        reach = next;
    }
    reach.last().copied().unwrap_or_default()
}
