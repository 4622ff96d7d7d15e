//! The ways in which two servers can be connected, and which to try first.

use super::{Both, Orientation, Protection, Side};
use crate::error::{Error, ErrorKind};
use crate::feature::Features;
use crate::session::{Announced, Method};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Ports below this are services; a server that is sent to one would be talking to it (RFC 2577 §3).
const FIRST_PORT: u16 = 1024;

/// What an error says in addition where the source was the client of TLS, and not all that it had sent arrived.
pub(super) const TICKETS: &str = "the source, as the client of TLS, may have closed with tickets of TLS 1.3 unread, \
     which resets the connection; with TLS 1.2 at either server there are none";

/// What matters of a server and our connection to it.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// Who, for errors.
    pub(super) host: String,
    /// Where we reach it, if a proxy does not hide that.
    pub(super) address: Option<IpAddr>,
    /// Whether the control connection has TLS.
    pub(super) secure: bool,
    /// Whether data connections are to have it.
    pub(super) private: bool,
    /// Whether the address in its 227 is believed.
    pub(super) trusts: bool,
    pub(super) features: Features,
}

impl End {
    fn may_be_ipv4(&self) -> bool {
        self.address.is_none_or(|address| address.is_ipv4())
    }
}

/// A way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) orientation: Orientation,
    pub(super) protection: Protection,
}

impl Way {
    /// Whether the source is the client of TLS: a file may then arrive cut short ([`Protection::SecureClient`]).
    pub(super) fn source_begins_tls(self) -> bool {
        let client = match self.protection {
            Protection::Clear => None,
            Protection::SecureClient(side) => Some(side),
            Protection::SecurePassive => Some(self.orientation.passive()),
        };
        client == Some(Side::Source)
    }
}

/// Which commands name the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Addressing {
    /// `EPSV` and `EPRT`, and where one is refused `PASV` and `PORT`.
    #[default]
    Auto,
    /// `EPSV` and `EPRT` (RFC 2428).
    Extended,
    /// `PASV` and `PORT` (RFC 959), for IPv4 only.
    Classic,
}

/// What the caller wants of a way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    pub(super) orientation: Option<Orientation>,
    pub(super) addressing: Addressing,
    pub(super) allow_clear_data: bool,
}

/// The ways to try, the best first; `refused` are those that were refused the last time.
pub(super) fn ways(
    ends: &Both<End>,
    wishes: Wishes,
    refused: &[Orientation],
) -> Result<Vec<Way>, Error> {
    let protected = is_protected(ends, wishes)?;
    let mut ways = Vec::new();
    let mut wrong = None;
    for orientation in [Orientation::SourcePassive, Orientation::TargetPassive] {
        if wishes.orientation.is_some_and(|wish| wish != orientation) {
            continue;
        }
        if let Err(error) = is_reachable(ends, orientation, wishes.addressing) {
            wrong.get_or_insert(error);
            continue;
        }
        let protections = if protected {
            clients_of_tls(ends, orientation, wishes.addressing)
        } else {
            vec![Protection::Clear]
        };
        if protections.is_empty() {
            wrong.get_or_insert_with(|| no_client(ends));
        }
        ways.extend(protections.into_iter().map(|protection| Way {
            orientation,
            protection,
        }));
    }
    if ways.is_empty() {
        return Err(wrong.unwrap_or_else(|| no_client(ends)));
    }
    let both = ways.first().map(|way| way.orientation) != ways.last().map(|way| way.orientation);
    if both {
        // The other client of TLS comes with the other orientation.
        ways.dedup_by_key(|way| way.orientation);
    }
    // Where nothing else speaks for either, the source listens: it is told first, and if it has no file to give, says so
    // before the target has been told anything. That the file arrives whole matters more.
    ways.sort_by_key(|way| {
        let active = ends.get(way.orientation.active());
        let named = !active.features.are_known() || active.features.has("EPRT");
        let detour = way.protection == Protection::SecureClient(way.orientation.active());
        (
            refused.contains(&way.orientation),
            way.source_begins_tls(),
            detour,
            !named && !active.may_be_ipv4(),
        )
    });
    Ok(ways)
}

/// Whether the data connection has TLS.
fn is_protected(ends: &Both<End>, wishes: Wishes) -> Result<bool, Error> {
    let private = |end: &End| end.secure && end.private;
    match (private(&ends.source), private(&ends.target)) {
        (true, true) if has_client(ends) || !wishes.allow_clear_data => Ok(true),
        (false, false) => Ok(false),
        _ if wishes.allow_clear_data => Ok(false),
        (source, _) => {
            let side = if source { Side::Target } else { Side::Source };
            let reason = "no TLS here for data that is private at the other server";
            Err(third_party(ends, side, reason))
        }
    }
}

fn has_client(ends: &Both<End>) -> bool {
    let knows = |end: &End| end.features.has("SSCN") || end.features.has("CPSV");
    knows(&ends.source) || knows(&ends.target)
}

/// Of two servers that each expect a client, one must be told to begin TLS: in what ways, the passive one first.
fn clients_of_tls(
    ends: &Both<End>,
    orientation: Orientation,
    addressing: Addressing,
) -> Vec<Protection> {
    let (passive, active) = (orientation.passive(), orientation.active());
    let has = |side: Side, feature| ends.get(side).features.has(feature);
    let classic = addressing != Addressing::Extended && ends.get(passive).may_be_ipv4();
    let mut clients = Vec::new();
    if has(passive, "SSCN") {
        clients.push(Protection::SecureClient(passive));
    } else if has(passive, "CPSV") && classic {
        clients.push(Protection::SecurePassive);
    }
    if has(active, "SSCN") {
        clients.push(Protection::SecureClient(active));
    }
    clients
}

fn no_client(ends: &Both<End>) -> Error {
    let reason = format!(
        "neither it nor {} can be the client of TLS (SSCN, CPSV), and clear data is not allowed",
        ends.target.host
    );
    third_party(ends, Side::Source, &reason)
}

/// Whether the active server can get to the passive one, as far as addresses tell.
fn is_reachable(
    ends: &Both<End>,
    orientation: Orientation,
    addressing: Addressing,
) -> Result<(), Error> {
    let passive = ends.get(orientation.passive());
    let active = ends.get(orientation.active());
    let fails = |reason: String| Err(third_party(ends, orientation.passive(), &reason));
    let believed = passive.trusts && addressing != Addressing::Extended;
    let Some(here) = passive.address else {
        return if believed {
            Ok(())
        } else {
            fails("a proxy hides where it is, and what it claims is not believed".into())
        };
    };
    let Some(there) = active.address else {
        return Ok(());
    };
    if here.is_ipv4() != there.is_ipv4() {
        return fails(format!(
            "it is at {here}, and {} at {there}: no common kind of address",
            active.host
        ));
    }
    if addressing == Addressing::Classic && !here.is_ipv4() {
        return fails("PASV and PORT carry IPv4 only".into());
    }
    // Believed, its claim counts.
    if believed {
        return Ok(());
    }
    if here.is_loopback() && !there.is_loopback() {
        return fails(format!(
            "we reach it at {here}, which is another host for {} at {there}",
            active.host
        ));
    }
    let is_local = |address: IpAddr| matches!(address, IpAddr::V6(v6) if is_link_local(v6));
    if is_local(here) && !is_local(there) {
        return fails(format!(
            "we reach it at {here}, which {} cannot",
            active.host
        ));
    }
    Ok(())
}

const fn is_link_local(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xffc0 == 0xfe80
}

fn third_party(ends: &Both<End>, side: Side, reason: &str) -> Error {
    ErrorKind::ThirdParty {
        host: ends.get(side).host.clone(),
        reason: reason.into(),
        reply: None,
    }
    .into()
}

/// The commands for the passive side.
pub(super) fn passive_methods(end: &End, way: Way, addressing: Addressing) -> Vec<Method> {
    if way.protection == Protection::SecurePassive {
        return vec![Method::SecurePassive];
    }
    let mut methods = choose(
        end,
        addressing,
        Method::ExtendedPassive,
        Some(Method::Passive),
    );
    if end.trusts {
        // Only that claims an address.
        methods.reverse();
    }
    methods
}

/// The commands for the active side.
pub(super) fn active_methods(end: &End, addressing: Addressing) -> Vec<Method> {
    choose(
        end,
        addressing,
        Method::ExtendedActive,
        Some(Method::Active),
    )
}

fn choose(
    end: &End,
    addressing: Addressing,
    extended: Method,
    classic: Option<Method>,
) -> Vec<Method> {
    let classic = classic.filter(|_| end.may_be_ipv4());
    match addressing {
        Addressing::Auto => [Some(extended), classic].into_iter().flatten().collect(),
        Addressing::Extended => vec![extended],
        Addressing::Classic => classic.into_iter().collect(),
    }
}

/// Where the active side is to connect to.
///
/// The address is the one at which we reach the passive side, whatever it claims: else a server could make another
/// attack a third one (GHSA-w8c5-q2xf-gf7c). A zone is of no meaning elsewhere, so there is none.
pub(super) fn address(passive: &End, announced: Announced) -> Result<SocketAddr, Error> {
    if announced.port < FIRST_PORT {
        return Err(ErrorKind::ThirdParty {
            host: passive.host.clone(),
            reason: format!("it names port {}, which is a service's", announced.port),
            reply: None,
        }
        .into());
    }
    let claimed = announced
        .host
        .filter(|host| passive.trusts && !host.is_unspecified());
    match claimed.or(passive.address) {
        Some(host) => Ok(SocketAddr::new(host, announced.port)),
        None => Err(ErrorKind::ThirdParty {
            host: passive.host.clone(),
            reason: "a proxy hides where it is, and it does not say so itself".into(),
            reply: None,
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Both, Orientation, Protection, Side};
    use super::{Addressing, End, Way, Wishes, address, passive_methods, ways};
    use crate::feature::Features;
    use crate::reply::{Code, Reply};
    use crate::session::{Announced, Method};
    use Orientation::{SourcePassive, TargetPassive};

    fn end(address: &str, features: &str) -> End {
        let text = format!("Extensions:\n {}\nEnd", features.replace(' ', "\n "));
        End {
            host: format!("at-{address}"),
            address: Some(address.parse().unwrap()),
            secure: false,
            private: true,
            trusts: false,
            features: Features::read(&Reply::new(Code::new(211).unwrap(), text)),
        }
    }

    fn secure(features: &str) -> End {
        End {
            secure: true,
            ..end("192.0.2.1", features)
        }
    }

    fn tried(source: End, target: End, wishes: Wishes, refused: &[Orientation]) -> Vec<Way> {
        ways(&Both { source, target }, wishes, refused).unwrap()
    }

    fn clear(orientation: Orientation) -> Way {
        Way {
            orientation,
            protection: Protection::Clear,
        }
    }

    fn refusal(source: End, target: End, wishes: Wishes) -> String {
        let ends = Both { source, target };
        ways(&ends, wishes, &[]).unwrap_err().to_string()
    }

    #[test]
    fn the_source_listens_unless_that_was_refused() {
        let (a, b) = (end("192.0.2.1", "EPSV"), end("192.0.2.2", "EPSV"));
        let both = tried(a.clone(), b.clone(), Wishes::default(), &[]);
        assert_eq!(both, [clear(SourcePassive), clear(TargetPassive)]);
        let both = tried(a.clone(), b.clone(), Wishes::default(), &[SourcePassive]);
        assert_eq!(both, [clear(TargetPassive), clear(SourcePassive)]);
        let wishes = Wishes {
            orientation: Some(TargetPassive),
            ..Wishes::default()
        };
        assert_eq!(tried(a, b, wishes, &[]), [clear(TargetPassive)]);
    }

    #[test]
    fn over_ipv6_who_has_eprt_connects() {
        let (a, b) = (end("2001:db8::1", "EPSV EPRT"), end("2001:db8::2", "EPSV"));
        let first = tried(a, b, Wishes::default(), &[]).remove(0);
        assert_eq!(first, clear(TargetPassive));
    }

    #[test]
    fn one_of_two_servers_is_the_client_of_tls() {
        let all = |source, target| {
            let ways = tried(secure(source), secure(target), Wishes::default(), &[]);
            ways.into_iter()
                .map(|way| (way.orientation, way.protection))
                .collect::<Vec<_>>()
        };
        // The target rather than the source.
        assert_eq!(
            all("SSCN", "SSCN"),
            [
                (TargetPassive, Protection::SecureClient(Side::Target)),
                (SourcePassive, Protection::SecureClient(Side::Source)),
            ]
        );
        assert_eq!(
            all("SSCN", "EPSV"),
            [
                (SourcePassive, Protection::SecureClient(Side::Source)),
                (TargetPassive, Protection::SecureClient(Side::Source)),
            ]
        );
        // As a passive server rather than as an active one.
        assert_eq!(
            all("EPSV", "SSCN CPSV"),
            [
                (TargetPassive, Protection::SecureClient(Side::Target)),
                (SourcePassive, Protection::SecureClient(Side::Target)),
            ]
        );
        assert_eq!(
            all("CPSV", "EPSV"),
            [(SourcePassive, Protection::SecurePassive)]
        );
    }

    #[test]
    fn one_way_round_either_may_be_the_client_of_tls() {
        let only = |orientation, source, target| {
            let wishes = Wishes {
                orientation: Some(orientation),
                ..Wishes::default()
            };
            let ways = tried(secure(source), secure(target), wishes, &[]);
            assert!(ways.iter().all(|way| way.orientation == orientation));
            ways.into_iter()
                .map(|way| way.protection)
                .collect::<Vec<_>>()
        };
        let both = [Side::Target, Side::Source].map(Protection::SecureClient);
        assert_eq!(only(SourcePassive, "SSCN", "SSCN"), both);
        assert_eq!(only(TargetPassive, "SSCN", "SSCN"), both);
        assert_eq!(
            only(SourcePassive, "CPSV", "SSCN"),
            [
                Protection::SecureClient(Side::Target),
                Protection::SecurePassive
            ]
        );
    }

    #[test]
    fn private_data_is_clear_only_if_that_is_allowed() {
        let allowed = Wishes {
            allow_clear_data: true,
            ..Wishes::default()
        };
        let wrong = refusal(secure("EPSV"), secure("EPSV"), Wishes::default());
        assert!(wrong.contains("client of TLS"), "{wrong}");
        let both = tried(secure("EPSV"), secure("EPSV"), allowed, &[]);
        assert_eq!(both.len(), 2);
        assert_eq!(both[0].protection, Protection::Clear);
        // What can be private is so, allowed or not.
        let both = tried(secure("SSCN"), secure("EPSV"), allowed, &[]);
        assert_eq!(both[0].protection, Protection::SecureClient(Side::Source));
        let plain = || end("192.0.2.2", "SSCN");
        let wrong = refusal(secure("SSCN"), plain(), Wishes::default());
        assert!(wrong.starts_with("at-192.0.2.2 takes no part"), "{wrong}");
        assert_eq!(
            tried(secure("SSCN"), plain(), allowed, &[])[0].protection,
            Protection::Clear
        );
    }

    #[test]
    fn addresses_that_lead_nowhere_are_noticed() {
        let near = || end("127.0.0.1", "");
        let far = || end("192.0.2.2", "");
        let only = tried(near(), far(), Wishes::default(), &[]);
        assert_eq!(only, [clear(TargetPassive)]);
        let wishes = Wishes {
            orientation: Some(SourcePassive),
            ..Wishes::default()
        };
        let wrong = refusal(near(), far(), wishes);
        assert!(wrong.contains("another host for at-192.0.2.2"), "{wrong}");
        let wrong = refusal(near(), end("2001:db8::1", ""), Wishes::default());
        assert!(wrong.contains("no common kind of address"), "{wrong}");
        let wrong = refusal(far(), end("fe80::1", ""), Wishes::default());
        assert!(wrong.contains("no common kind of address"), "{wrong}");
        let only = tried(
            end("2001:db8::1", ""),
            end("fe80::1", ""),
            Wishes::default(),
            &[],
        );
        assert_eq!(only, [clear(SourcePassive)]);
    }

    #[test]
    fn behind_a_proxy_only_a_claim_tells_where_a_server_is() {
        let hidden = || End {
            address: None,
            ..end("192.0.2.1", "")
        };
        let only = tried(hidden(), end("192.0.2.2", ""), Wishes::default(), &[]);
        assert_eq!(only, [clear(TargetPassive)]);
        let wrong = refusal(hidden(), hidden(), Wishes::default());
        assert!(wrong.contains("a proxy hides where it is"), "{wrong}");
        let trusted = || End {
            trusts: true,
            ..hidden()
        };
        assert_eq!(
            tried(trusted(), hidden(), Wishes::default(), &[]),
            [clear(SourcePassive)]
        );
    }

    #[test]
    fn a_claimed_address_and_a_service_s_port_are_not_passed_on() {
        let announced = |port| Announced {
            host: Some("198.51.100.9".parse().unwrap()),
            port,
        };
        let mut passive = end("192.0.2.1", "");
        assert_eq!(
            address(&passive, announced(2000)).unwrap(),
            "192.0.2.1:2000".parse().unwrap()
        );
        let wrong = address(&passive, announced(25)).unwrap_err().to_string();
        assert!(wrong.contains("port 25"), "{wrong}");
        passive.trusts = true;
        assert_eq!(
            address(&passive, announced(2000)).unwrap(),
            "198.51.100.9:2000".parse().unwrap()
        );
        let methods = passive_methods(&passive, clear(SourcePassive), Addressing::Auto);
        assert_eq!(methods, [Method::Passive, Method::ExtendedPassive]);
    }
}
