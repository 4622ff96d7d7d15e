//! `hosts.allow` and `hosts.deny`, as hosts_access(5) has them: read once into rules, not at every call.
//!
//! What is understood: lists of daemons and of clients with EXCEPT, addresses, prefixes that end in a point (`192.0.2.`),
//! `net/mask`, `net/bits`, `[IPv6]` and `[IPv6]/bits`, `*` and `?` in addresses, `ALL`, `LOCAL` (this machine: the daemon asks no name
//! server about its callers), host names (looked up when the file is read), and the options `allow` and `deny` of hosts_options(5).
//!
//! What is not: domains (`.example.com`), netgroups (`@name`), `KNOWN`, `UNKNOWN`, `PARANOID`, `user@host`, files of patterns (`/path`),
//! `daemon@address`, and options that run programs. Nothing of it passes silently: [`Rules::parse`] says what and where. A pattern that is
//! not understood decides *against* the caller: it does not match in a rule that grants, and matches in one that denies.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names under which rules speak of this daemon, beside `ALL`.
const DAEMON_NAMES: [&str; 3] = ["rpcbind", "portmap", "portmapd"];

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: u128,
    mask: u128,
    v4: bool,
}

impl Network {
    /// The addresses whose first `bits` are those of `address`; `None` if there are not as many bits.
    #[must_use]
    pub fn new(address: IpAddr, bits: u32) -> Option<Self> {
        let width = if address.is_ipv4() { 32 } else { 128 };
        if bits > width {
            return None;
        }
        let ones = u128::MAX.checked_shl(width - bits).unwrap_or(0);
        let mask = if address.is_ipv4() {
            ones & u128::from(u32::MAX)
        } else {
            ones
        };
        Some(Self::masked(address, mask))
    }

    fn masked(address: IpAddr, mask: u128) -> Self {
        let (value, v4) = number(address);
        Self {
            address: value & mask,
            mask,
            v4,
        }
    }

    /// Whether `address` is in the range. An IPv4 address in IPv6 clothes counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (value, v4) = number(address.to_canonical());
        v4 == self.v4 && value & self.mask == self.address
    }

    /// Reads `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('/') {
            Some((address, bits)) => Self::new(address.parse().ok()?, bits.parse().ok()?),
            None => {
                let address: IpAddr = text.parse().ok()?;
                Self::new(address, if address.is_ipv4() { 32 } else { 128 })
            }
        }
    }
}

fn number(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), true),
        IpAddr::V6(address) => (address.into(), false),
    }
}

/// One entry of a client list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    All,
    Local,
    Network(Network),
    /// Text with `*` and `?`.
    Glob(String),
    /// A host's name; addresses come by [`Rules::resolve`].
    Name(String, Vec<IpAddr>),
    NotUnderstood,
}

/// Entries, and what they do not apply to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct List {
    any: Vec<Pattern>,
    except: Option<Box<List>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    No,
    Yes,
    /// Depends on a pattern that is not understood.
    Unsure,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    clients: List,
    grants: bool,
}

/// Something in a file that has no effect, or not the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Path of the file.
    pub file: String,
    /// Line where the rule begins, from 1.
    pub line: usize,
    /// What it is about.
    pub text: String,
}

/// Rules that concern the portmapper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// Reads both files, given as path and content; a missing one is empty. Rules of other daemons are left out.
    #[must_use]
    pub fn parse(allow: (&str, &str), deny: (&str, &str)) -> (Self, Vec<Remark>) {
        let mut rules = Self::default();
        let mut remarks = Vec::new();
        for ((file, text), grants) in [(allow, true), (deny, false)] {
            for (line, rule) in logical_lines(text) {
                let mut remark = |text: String| {
                    remarks.push(Remark {
                        file: file.to_owned(),
                        line,
                        text,
                    });
                };
                if let Some(rule) = parse_rule(&rule, grants, &mut remark) {
                    rules.rules.push(rule);
                }
            }
        }
        (rules, remarks)
    }

    /// The host names in the rules.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        fn walk(list: &List, names: &mut Vec<String>) {
            for pattern in &list.any {
                if let Pattern::Name(name, _) = pattern
                    && !names.contains(name)
                {
                    names.push(name.clone());
                }
            }
            if let Some(except) = &list.except {
                walk(except, names);
            }
        }
        let mut names = Vec::new();
        for rule in &self.rules {
            walk(&rule.clients, &mut names);
        }
        names
    }

    /// Gives the names their addresses. A name without any stays a pattern that is not understood.
    pub fn resolve(&mut self, addresses: &BTreeMap<String, Vec<IpAddr>>) {
        fn walk(list: &mut List, addresses: &BTreeMap<String, Vec<IpAddr>>) {
            for pattern in &mut list.any {
                if let Pattern::Name(name, found) = pattern
                    && let Some(known) = addresses.get(name)
                {
                    found.clone_from(known);
                }
            }
            if let Some(except) = &mut list.except {
                walk(except, addresses);
            }
        }
        for rule in &mut self.rules {
            walk(&mut rule.clients, addresses);
        }
    }

    /// Whether nothing is denied to anybody.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.rules.iter().all(|rule| rule.grants)
    }

    /// Whether a caller at that address may be served: the first rule that matches decides, `hosts.allow` before `hosts.deny`;
    /// without one it may.
    #[must_use]
    pub fn grants(&self, caller: IpAddr) -> bool {
        if self.is_open() {
            return true;
        }
        let caller = caller.to_canonical();
        for rule in &self.rules {
            let applies = match rule.clients.matches(caller) {
                Match::Yes => true,
                Match::No => false,
                Match::Unsure => !rule.grants,
            };
            if applies {
                return rule.grants;
            }
        }
        true
    }
}

impl List {
    fn matches(&self, caller: IpAddr) -> Match {
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

    fn parse(text: &str) -> Result<Self, &'static str> {
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

/// Lines with their continuations (`\` at the end) joined, without comments and empty ones; numbers from 1.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut going_on = false;
    for (number, line) in text.lines().enumerate() {
        let (content, goes_on) = match line.strip_suffix('\\') {
            Some(content) => (content, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some((_, whole)) if going_on => whole.push_str(content),
            _ => lines.push((number + 1, content.to_owned())),
        }
        going_on = goes_on;
    }
    lines.retain(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    lines
}

/// Cuts a rule at its colons: not at those in brackets, nor at those behind a backslash.
fn fields(rule: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut bracket = false;
    let mut escaped = false;
    for c in rule.chars() {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            ':' if !bracket && !escaped => {
                fields.push(String::new());
                continue;
            }
            '[' => bracket = true,
            ']' => bracket = false,
            _ => {}
        }
        escaped = false;
        if let Some(field) = fields.last_mut() {
            field.push(c);
        }
    }
    fields
}

fn words(list: &str) -> Vec<&str> {
    list.split([' ', '\t', ',', '\r'])
        .filter(|word| !word.is_empty())
        .collect()
}

fn parse_rule(rule: &str, grants: bool, remark: &mut impl FnMut(String)) -> Option<Rule> {
    let fields = fields(rule);
    let mut fields = fields.iter();
    let daemons = words(fields.next()?);
    if !names_us(&daemons, remark) {
        return None;
    }
    let Some(clients) = fields.next() else {
        remark("no colon between daemons and clients: the rule is left out".to_owned());
        return None;
    };
    let mut rule = Rule {
        clients: parse_list(&words(clients), remark),
        grants,
    };
    for option in fields {
        let option = option.trim();
        match option.to_ascii_lowercase().as_str() {
            "allow" => rule.grants = true,
            "deny" => rule.grants = false,
            "" => {}
            _ => remark(format!(
                "option `{option}` has no effect: the portmapper runs no programs"
            )),
        }
    }
    Some(rule)
}

/// Whether a list of daemons speaks of this one.
fn names_us(daemons: &[&str], remark: &mut impl FnMut(String)) -> bool {
    let mut parts = daemons.split(|word| word.eq_ignore_ascii_case("EXCEPT"));
    let mut ours = |list: &[&str]| {
        list.iter().any(|word| {
            let (name, at) = word
                .split_once('@')
                .map_or((*word, None), |(n, a)| (n, Some(a)));
            let ours = name.eq_ignore_ascii_case("ALL")
                || DAEMON_NAMES
                    .iter()
                    .any(|daemon| name.eq_ignore_ascii_case(daemon));
            if ours && at.is_some() {
                remark(format!("`{word}`: taken for any address of this host"));
            }
            ours
        })
    };
    // a EXCEPT b EXCEPT c is a without (b without c).
    let verdicts: Vec<bool> = parts.by_ref().map(&mut ours).collect();
    let mut verdict = false;
    for (at, yes) in verdicts.iter().enumerate().rev() {
        verdict = if at + 1 == verdicts.len() {
            *yes
        } else {
            *yes && !verdict
        };
    }
    verdict
}

fn parse_list(clients: &[&str], remark: &mut impl FnMut(String)) -> List {
    let cut = clients
        .iter()
        .position(|word| word.eq_ignore_ascii_case("EXCEPT"));
    let (any, except) = match cut.and_then(|at| clients.split_at_checked(at)) {
        Some((any, except)) => (any, except.get(1..)),
        None => (clients, None),
    };
    let any = any
        .iter()
        .map(|word| {
            Pattern::parse(word).unwrap_or_else(|why| {
                remark(format!(
                    "client `{word}` is not understood ({why}): it decides against the caller"
                ));
                Pattern::NotUnderstood
            })
        })
        .collect();
    List {
        any,
        except: except.map(|rest| Box::new(parse_list(rest, remark))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow: &str, deny: &str) -> (Rules, Vec<Remark>) {
        Rules::parse(("hosts.allow", allow), ("hosts.deny", deny))
    }

    #[track_caller]
    fn check(allow: &str, deny: &str, granted: &[&str], refused: &[&str]) {
        let (rules, _) = rules(allow, deny);
        for caller in granted {
            assert!(
                rules.grants(caller.parse().unwrap()),
                "{caller} should be granted"
            );
        }
        for caller in refused {
            assert!(
                !rules.grants(caller.parse().unwrap()),
                "{caller} should be refused"
            );
        }
    }

    // hosts_access(5), "Access control files".
    mod order {
        use super::*;

        #[test]
        fn without_rules_everybody_is_granted() {
            check("", "", &["192.0.2.1", "::1"], &[]);
            check("# nothing\n\n", "#ALL: ALL\n", &["192.0.2.1"], &[]);
        }

        #[test]
        fn allow_goes_before_deny() {
            check(
                "rpcbind: 192.0.2.1",
                "ALL: ALL",
                &["192.0.2.1"],
                &["192.0.2.2", "127.0.0.1", "::1"],
            );
        }

        #[test]
        fn rules_of_other_daemons_do_not_count() {
            check("", "sshd, vsftpd: ALL", &["192.0.2.1"], &[]);
            check("", "ALL EXCEPT rpcbind: ALL", &["192.0.2.1"], &[]);
            check("", "ALL EXCEPT sshd: ALL", &[], &["192.0.2.1"]);
            check(
                "",
                "ALL EXCEPT rpcbind EXCEPT portmap: ALL",
                &[],
                &["192.0.2.1"],
            );
        }

        #[test]
        fn the_option_turns_a_rule_round() {
            check(
                "rpcbind: 192.0.2.1: deny\nrpcbind: ALL: ALLOW",
                "ALL: ALL",
                &["192.0.2.9"],
                &["192.0.2.1"],
            );
        }
    }

    // hosts_access(5), "Patterns".
    mod patterns {
        use super::*;

        #[test]
        fn addresses_prefixes_and_masks() {
            check(
                "rpcbind: 10.1. 192.0.2.0/24, 172.16.0.0/255.240.0.0",
                "ALL: ALL",
                &["10.1.2.3", "192.0.2.200", "172.31.0.1", "::ffff:10.1.0.1"],
                &["10.2.0.1", "192.0.3.1", "172.32.0.1", "::10.1.0.1"],
            );
        }

        #[test]
        fn ipv6_in_brackets() {
            check(
                "rpcbind: [2001:db8::]/32 [::1]",
                "ALL: ALL",
                &["2001:db8:1::1", "::1"],
                &["2001:db9::1", "::2", "127.0.0.1"],
            );
        }

        #[test]
        fn except_nests() {
            check(
                "ALL: 10. EXCEPT 10.1. EXCEPT 10.1.1.1",
                "ALL: ALL",
                &["10.2.0.1", "10.1.1.1"],
                &["10.1.0.1", "11.0.0.1"],
            );
        }

        #[test]
        fn local_is_this_machine() {
            check(
                "rpcbind: LOCAL",
                "rpcbind: ALL",
                &["127.0.0.1", "::1"],
                &["192.0.2.1"],
            );
        }

        #[test]
        fn wildcards_in_addresses() {
            check(
                "rpcbind: 10.?.0.*",
                "ALL: ALL",
                &["10.1.0.77"],
                &["10.12.0.7", "10.1.1.7"],
            );
        }

        #[test]
        fn lines_go_on_behind_a_backslash() {
            check(
                "rpcbind: 192.0.2.1 \\\n  192.0.2.2\n",
                "ALL: ALL",
                &["192.0.2.1", "192.0.2.2"],
                &["192.0.2.3"],
            );
        }

        #[test]
        fn names_are_what_they_resolve_to() {
            let (mut rules, remarks) = rules("rpcbind: server.example", "ALL: ALL");
            assert_eq!(
                (rules.names(), remarks),
                (vec!["server.example".to_owned()], vec![])
            );
            let server: IpAddr = "192.0.2.9".parse().unwrap();
            assert!(!rules.grants(server));
            rules.resolve(&BTreeMap::from([(
                "server.example".to_owned(),
                vec![server],
            )]));
            assert!(rules.grants(server));
            assert!(!rules.grants("192.0.2.8".parse().unwrap()));
        }
    }

    mod not_understood {
        use super::*;

        #[test]
        fn decides_against_the_caller() {
            for pattern in [
                ".example.com",
                "@netgroup",
                "KNOWN",
                "UNKNOWN",
                "/etc/hosts.list",
                "a@b",
                "[zz]",
                "1.2.3.4/99",
                "300.",
                "x!",
            ] {
                check(&format!("ALL: {pattern}"), "ALL: ALL", &[], &["192.0.2.1"]);
                check("", &format!("ALL: {pattern}"), &[], &["192.0.2.1"]);
                check(
                    "",
                    &format!("ALL: ALL EXCEPT {pattern}"),
                    &[],
                    &["192.0.2.1"],
                );
                check(
                    &format!("ALL: ALL EXCEPT {pattern}"),
                    "ALL: ALL",
                    &[],
                    &["192.0.2.1"],
                );
                check(
                    "",
                    &format!("ALL: 192.0.3. EXCEPT {pattern}"),
                    &["192.0.2.1"],
                    &["192.0.3.1"],
                );
            }
        }

        #[test]
        fn is_told_with_file_and_line() {
            let (_, remarks) = rules(
                "# x\nrpcbind: .example.com: spawn /bin/echo %h\nsshd: .foo: twist x\n",
                "portmap@192.0.2.1: ALL\nALL\n",
            );
            let told: Vec<_> = remarks.iter().map(|r| (r.file.as_str(), r.line)).collect();
            assert_eq!(
                told,
                [
                    ("hosts.allow", 2),
                    ("hosts.allow", 2),
                    ("hosts.deny", 1),
                    ("hosts.deny", 2)
                ]
            );
        }
    }
}
