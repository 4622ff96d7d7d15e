//! That every statement of the reference of sockets is checked by a test that cites it, or is left out for a reason.

use crate::bodies::difference::DIFFERENCES;
use fairway_native::mgmt::PARAMETERS;
use fairway_stack::option;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The statements of `sockets.md` by their prefix, and how many there are of each. Not those of sections 13.1 (T/TCP),
/// 13.3 (high performance send), 16 (NetBIOS) and 19 (Winsock).
const STATEMENTS: &[(&str, u32)] = &[
    ("ARC", 7),
    ("TYP", 5),
    ("PRT", 8),
    ("SOC", 6),
    ("BND", 8),
    ("GSN", 5),
    ("GPN", 4),
    ("SHD", 5),
    ("CLO", 5),
    ("LSN", 5),
    ("ACC", 8),
    ("CON", 9),
    ("SND", 13),
    ("RCV", 8),
    ("SEL", 5),
    ("OPT", 5),
    ("IOC", 1),
    ("SYS", 11),
    ("BLK", 3),
    ("THR", 2),
    ("OWN", 3),
    ("OOB", 7),
    ("HPX", 3),
    ("MUL", 13),
    ("LIP", 6),
    ("RES", 6),
    ("SKS", 5),
];

const BY_TYPE: &str = "the types leave no way to do otherwise";
const POINTERS: &str = "about pointers and lengths of C; addresses and buffers here have their own";
const NETBIOS: &str = "NetBIOS (section 16) is historical";
const SOCKS: &str = "which connections go through a proxy is the program's to say";
const RESOLVER: &str =
    "the resolver's own files and servers come with it; names are the system's, or a table";
const SETS: &str = "sets of descriptors are futures here, which are made anew each time";

/// What no test here cites.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "ARC-4",
        "every call returns its error; nothing is kept per thread",
    ),
    ("ARC-5", BY_TYPE),
    ("TYP-5", BY_TYPE),
    ("SOC-4", BY_TYPE),
    ("SOC-5", BY_TYPE),
    ("BND-7", BY_TYPE),
    ("BND-8", NETBIOS),
    ("GSN-2", POINTERS),
    ("GPN-2", POINTERS),
    ("SHD-2", BY_TYPE),
    ("SHD-3", NETBIOS),
    (
        "CLO-5",
        "a socket that connects is owned by the future; dropping that is closing",
    ),
    ("LSN-4", BY_TYPE),
    ("ACC-4", POINTERS),
    ("ACC-8", "ownership is the value's (OWN-2)"),
    ("CON-5", SOCKS),
    ("SND-7", BY_TYPE),
    ("SND-11", POINTERS),
    (
        "SND-12",
        "slices may be as many as one likes; the system takes 1024 at once and says how much",
    ),
    ("SND-13", BY_TYPE),
    ("RCV-5", POINTERS),
    ("SEL-1", BY_TYPE),
    ("SEL-3", SETS),
    ("SEL-4", SETS),
    ("SEL-5", SETS),
    ("OPT-2", POINTERS),
    ("OPT-4", BY_TYPE),
    ("THR-2", "nothing is kept per thread"),
    (
        "OWN-1",
        "the reference itself asks not to: nobody holds a socket but its owner",
    ),
    ("MUL-12", "says that nothing is said"),
    ("LIP-5", BY_TYPE),
    ("RES-1", RESOLVER),
    ("RES-5", RESOLVER),
    ("RES-6", RESOLVER),
    ("SKS-1", SOCKS),
];

/// What only a test elsewhere can check, since it takes packets that no stack sends or a router: the file, and the line in
/// it that names what it checks.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "HPX-3",
        "stack/native/src/tcp/tests/attacks.rs",
        "// RFC 7323 §5.3, HPX-3",
    ),
    (
        "HPX-3",
        "tests/pktscript/scripts/timestamps/paws.pkt",
        "PAWS",
    ),
    (
        "MUL-11",
        "stack/native/tests/ip/multicast_events.rs",
        "/// MUL-11: ",
    ),
];

/// Flags (section 6), and the ioctl and `os2_ioctl` commands (sections 8 and 9) of priority must or should.
const CITED: &[&str] = &[
    "MSG_OOB",
    "MSG_PEEK",
    "MSG_DONTROUTE",
    "MSG_WAITALL",
    "MSG_DONTWAIT",
    "MSG_EOF",
    "FIONBIO",
    "FIONREAD",
    "FIOASYNC",
    "SIOCATMARK",
    "SIOCGIFADDR",
    "SIOCSIFADDR",
    "SIOCAIFADDR",
    "SIOCDIFADDR",
    "SIOCGIFDSTADDR",
    "SIOCSIFDSTADDR",
    "SIOCGIFBRDADDR",
    "SIOCSIFBRDADDR",
    "SIOCGIFNETMASK",
    "SIOCSIFNETMASK",
    "SIOCGIFCONF",
    "SIOCGIFFLAGS",
    "SIOCSIFFLAGS",
    "SIOCGIFEFLAGS",
    "SIOCSIFEFLAGS",
    "SIOCGIFMETRIC",
    "SIOCSIFMETRIC",
    "SIOCGIFMTU",
    "SIOCSIFMTU",
    "SIOCGIFVALID",
    "SIOCSIFNOREDIR",
    "SIOCSIFYESREDIR",
    "SIOCSHOSTID",
    "SIOCADDMULTI",
    "SIOCDELMULTI",
    "SIOCGMCAST",
    "SIOCSRDBRD",
    "SIOCGIFTRACE",
    "SIOCSIFTRACE",
    "SIOCARP",
    "SIOCSARP",
    "SIOCGARP",
    "SIOCDARP",
    "SIOSTATCNTAT",
    "SIOCADDRT",
    "SIOCDELRT",
    "SIOFLUSHRT",
    "SIOFLUSHRTIFP",
    "SIOSTATCNTRT",
    "SIOCGMSL",
    "SIOCSMSL",
    "SIOCSSYN",
    "SIOSTATTCP",
    "SIOSTATTCPZ",
    "SIOSTATUDP",
    "SIOSTATUDPZ",
    "SIOSTATIP",
    "SIOSTATIPZ",
    "SIOSTATICMP",
    "SIOSTATICMPZ",
    "SIOSTATIGMP",
    "SIOSTATIGMPZ",
    "SIOSTATMBUF",
    "SIOSTATARP",
    "SIOSTATAT",
    "SIOSTATIF",
    "SIOSTATIF42",
    "SIOSTATRT",
    "SIOSTATSO",
];

/// Those of them that no test cites.
const NOT_CITED: &[(&str, &str)] = &[
    ("FIOASYNC", "has no effect; there is nothing to call"),
    (
        "FIONBIO",
        "no call blocks a thread; `try_…` does not wait, the others do",
    ),
    ("SIOCGIFMETRIC", "metrics are those of routes"),
    ("SIOCSIFMETRIC", "metrics are those of routes"),
    (
        "SIOCSIFDSTADDR",
        "an address is added with its peer: tests of `fairway-native`",
    ),
    (
        "SIOCSIFBRDADDR",
        "the broadcast address follows from the network: tests of `fairway-native`",
    ),
    ("SIOCSHOSTID", "`gethostid` comes with the resolver"),
    (
        "SIOCADDMULTI",
        "link addresses of groups follow from joining: tests of `fairway-native`",
    ),
    (
        "SIOCDELMULTI",
        "link addresses of groups follow from joining: tests of `fairway-native`",
    ),
    (
        "SIOCGMCAST",
        "what is joined is asked of the engine: tests of `fairway-native`",
    ),
    (
        "SIOCSRDBRD",
        "broadcasts always come back: tests of `fairway-native`",
    ),
    (
        "SIOCGIFTRACE",
        "captures are taken from links: tests of `fairway-sim`",
    ),
    (
        "SIOCSIFTRACE",
        "captures are taken from links: tests of `fairway-sim`",
    ),
    ("SIOCGMSL", "the parameter TCPCTL_MSL"),
    ("SIOCSMSL", "the parameter TCPCTL_MSL"),
    ("SIOCSSYN", "the parameter IPCTL_SYNATTCK"),
    ("SIOSTATIF42", "there is no limit of 42 interfaces"),
    (
        "SIOSTATSO",
        "numbers of sockets are in `mbstat`; each tells of itself",
    ),
];

/// Options of section 7 that are not in the table of options.
const NO_OPTION: &[(&str, &str)] = &[
    ("SO_RCVTIMEO", "`Clock::timeout` around any call"),
    ("SO_SNDTIMEO", "`Clock::timeout` around any call"),
    (
        "IP_RECVDSTADDR",
        "`RecvPacketInfo`: the same, with the interface",
    ),
    ("IP_RECVTRRI", "token rings are extinct"),
    ("IP_RETOPTS", "`Options`: the same"),
    ("TCP_CC", "T/TCP (section 13.1) is historical"),
    ("NB_DGRAM_TYPE", NETBIOS),
];

/// The 40 options of section 7.
const OPTIONS: &[&str] = &[
    "SO_ACCEPTCONN",
    "SO_BROADCAST",
    "SO_DEBUG",
    "SO_DONTROUTE",
    "SO_ERROR",
    "SO_KEEPALIVE",
    "SO_LINGER",
    "SO_L_BROADCAST",
    "SO_OOBINLINE",
    "SO_RCVBUF",
    "SO_RCV_SHUTDOWN",
    "SO_RCVLOWAT",
    "SO_RCVTIMEO",
    "SO_REUSEADDR",
    "SO_REUSEPORT",
    "SO_SNDBUF",
    "SO_SND_SHUTDOWN",
    "SO_SNDLOWAT",
    "SO_SNDTIMEO",
    "SO_TYPE",
    "SO_USELOOPBACK",
    "IP_ADD_MEMBERSHIP",
    "IP_DROP_MEMBERSHIP",
    "IP_HDRINCL",
    "IP_MULTICAST_IF",
    "IP_MULTICAST_LOOP",
    "IP_MULTICAST_TTL",
    "IP_OPTIONS",
    "IP_RECVDSTADDR",
    "IP_RECVTRRI",
    "IP_RETOPTS",
    "IP_TOS",
    "IP_TTL",
    "TCP_CC",
    "TCP_MAXSEG",
    "TCP_MSL",
    "TCP_NODELAY",
    "TCP_TIMESTMP",
    "TCP_WINSCALE",
    "NB_DGRAM_TYPE",
];

/// The 46 parameters of section 10.2.
const SYSCTLS: &[&str] = &[
    "KERNCTL_INETVER",
    "LIPCCTL_INETVER",
    "IPCTL_INETVER",
    "LIPCCTL_DG_RECVSPACE",
    "LIPCCTL_DG_SENDSPACE",
    "LIPCCTL_ST_RECVSPACE",
    "LIPCCTL_ST_SENDSPACE",
    "TCPCTL_CC",
    "TCPCTL_KEEPCNT",
    "TCPCTL_LINGERTIME",
    "TCPCTL_MSL",
    "TCPCTL_MTU",
    "TCPCTL_REALSLOW",
    "TCPCTL_TCPRWIN",
    "TCPCTL_TCPSWIN",
    "TCPCTL_TIMESTMP",
    "TCPCTL_TTL",
    "TCPCTL_WINSCALE",
    "TCPCTL_MSSDFLT",
    "TCPCTL_RTTDFLT",
    "TCPCTL_STATS",
    "UDPCTL_CHECKSUM",
    "UDPCTL_STATS",
    "UDPCTL_TTL",
    "UDPCTL_UDPRWIN",
    "UDPCTL_UDPSWIN",
    "IPCTL_FORWARDING",
    "IPCTL_SENDREDIRECTS",
    "IPCTL_ARPKILLC",
    "IPCTL_ARPKILLI",
    "IPCTL_FIREWALL",
    "IPCTL_FORWARD",
    "IPCTL_FRAGTTL",
    "IPCTL_ICMPTTL",
    "IPCTL_MULTIDEFROUTES",
    "IPCTL_SYNATTCK",
    "ICMPCTL_ECHOREPL",
    "ICMPCTL_MASKREPL",
    "ICMPCTL_STATS",
    "ICMPCTL_TTL",
    "OS2_MEMMAPIO",
    "OS2_QUERY_MEMMAPIO",
    "NET_RT_DUMP",
    "NET_RT_FLAGS",
    "NET_RT_IFLIST",
    "NET_RT_LLINFO",
];

/// The rows of section 21 of priority must or should, and where their tests are.
const ROWS: &[(&str, &str)] = &[
    ("TCP (RFC 793 era)", "stack/native/src/tcp"),
    ("UDP", "stack/tests/battery/bodies/udp.rs"),
    ("IP, fragments, options", "stack/native/src/ip"),
    ("IPv6", "stack/tests/battery/bodies/difference.rs"),
    ("ICMP echo, unreachable, redirect", "stack/native/src/icmp"),
    ("ARP", "stack/native/src/neigh"),
    (
        "Window scale, timestamps, PAWS (RFC 1323)",
        "stack/tests/battery/bodies/tcp.rs",
    ),
    (
        "Path MTU discovery flag",
        "stack/native/src/route/path_mtu.rs",
    ),
    ("SYN-attack flag", "stack/native/src/tcp/cookie.rs"),
    ("Urgent data", "stack/tests/battery/bodies/tcp.rs"),
    (
        "Keepalive, linger, MSL",
        "stack/tests/battery/bodies/tcp.rs",
    ),
    ("Port ranges", "stack/native/src/tcp/ports.rs"),
    ("IGMP v1", "stack/native/src/igmp"),
    ("Multicast options", "stack/tests/battery/bodies/udp.rs"),
    ("IP_TOS", "stack/tests/battery/bodies/options.rs"),
    (
        "IP_HDRINCL, raw sockets",
        "stack/tests/battery/bodies/raw.rs",
    ),
    ("IP_RECVDSTADDR", "stack/tests/battery/bodies/udp.rs"),
    ("SO_L_BROADCAST", "stack/tests/battery/bodies/options.rs"),
    (
        "Directed broadcast forwarding",
        "stack/native/src/ip/forward.rs",
    ),
    ("select / os2_select", "stack/tests/battery/bodies/tcp.rs"),
    ("so_cancel", "stack/tests/battery/bodies/tcp.rs"),
    (
        "Socket ownership lists",
        "stack/tests/battery/bodies/tcp.rs",
    ),
    (
        "ioctl interface and ARP control",
        "stack/tests/battery/bodies/manage.rs",
    ),
    ("sysctl / inetcfg", "stack/tests/battery/bodies/manage.rs"),
    ("PF_ROUTE dumps", "stack/tests/battery/bodies/manage.rs"),
    (
        "Statistics structures",
        "stack/tests/battery/bodies/manage.rs",
    ),
    ("High performance send", "stack/native/src/pkt.rs"),
    ("Local IPC", "stack/tests/battery/bodies/local.rs"),
    ("Resolver", "stack/tests/battery/bodies/files.rs"),
    ("SOCKS v4", "stack/tests/battery/bodies/socks.rs"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .into()
}

fn rust_files(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The words in the comments of this crate's tests: names and numbers of statements among them.
fn words_cited() -> BTreeSet<String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = Vec::new();
    rust_files(&tests, &mut files);
    rust_files(&root().join("stack/sim/tests/battery"), &mut files);
    files.push(root().join("stack/src/option.rs"));
    files.push(root().join("stack/src/local/stream.rs"));
    let mut words = BTreeSet::new();
    for file in files {
        if file.ends_with("statements.rs") {
            continue;
        }
        let text = fs::read_to_string(file).unwrap();
        let mut comments = String::new();
        for line in text.lines() {
            // Messages of assertions cite as comments do.
            if let Some((_, comment)) = line.split_once("//").or_else(|| line.split_once('"')) {
                comments.push_str(comment);
                comments.push(' ');
            }
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        words.extend(comments.split(|c| !word(c)).map(str::to_owned));
    }
    words
}

fn reasons(table: &[(&'static str, &str)]) -> BTreeSet<&'static str> {
    assert!(table.iter().all(|(_, reason)| !reason.is_empty()));
    table.iter().map(|(name, _)| *name).collect()
}

#[test]
fn every_statement_is_cited_or_left_out() {
    let (cited, mut left_out) = (words_cited(), reasons(LEFT_OUT));
    for (id, file, line) in ELSEWHERE {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(line), "{id} is not in {file}");
        left_out.insert(id);
    }
    let mut wrong = Vec::new();
    for (prefix, count) in STATEMENTS {
        for number in 1..=*count {
            let id = format!("{prefix}-{number}");
            if cited.contains(&id) == left_out.contains(id.as_str()) {
                wrong.push(id);
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "neither, or both");
}

#[test]
fn every_flag_and_command_is_cited_or_left_out() {
    let (cited, left_out) = (words_cited(), reasons(NOT_CITED));
    let wrong: Vec<_> = CITED
        .iter()
        .filter(|&name| cited.contains(*name) == left_out.contains(*name))
        .collect();
    assert_eq!(wrong, Vec::<&&str>::new(), "neither, or both");
    assert!(left_out.iter().all(|name| CITED.contains(name)));
}

#[test]
fn every_option_is_in_the_table_or_left_out() {
    assert_eq!(OPTIONS.len(), 40);
    let symbols: BTreeSet<&str> = option::TABLE
        .iter()
        .flat_map(|info| info.symbol.split(" / "))
        .collect();
    let left_out = reasons(NO_OPTION);
    for name in OPTIONS {
        assert_ne!(symbols.contains(name), left_out.contains(name), "{name}");
    }
}

#[test]
fn every_parameter_has_its_symbol() {
    assert_eq!(SYSCTLS.len(), 46);
    for name in SYSCTLS {
        // High performance send (section 13.3) is left out with its section.
        let left_out = name.starts_with("OS2_");
        let known = PARAMETERS.iter().any(|one| one.symbol == *name);
        assert_ne!(known, left_out, "{name}");
    }
}

#[test]
fn every_row_of_the_last_table_has_its_place() {
    for (row, place) in ROWS {
        assert!(root().join(place).exists(), "{row}: {place}");
    }
}

/// The differences between the back ends are documented as the tests know them; `BLESS=1` writes them anew.
#[test]
fn differences_are_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/doc/differences.md");
    let mut table = String::from("| What | On the system | On native | Why |\n|---|---|---|---|\n");
    for [what, system, native, why] in DIFFERENCES {
        writeln!(table, "| {what} | {system} | {native} | {why} |").unwrap();
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, &table).unwrap();
    }
    assert_eq!(
        fs::read_to_string(path).unwrap(),
        table,
        "BLESS=1 writes it anew"
    );
}
