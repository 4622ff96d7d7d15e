//! What `rpcinfo` prints: each report is one type, with the classic tool's text and, by serde, JSON.
//!
//! Everything in a report may come from a hostile server: control characters are shown as escapes, and long texts are cut.

use std::fmt;

use serde::Serialize;

use crate::address::{IPPROTO_TCP, IPPROTO_UDP};
use crate::pmap::PmaplistPtr;
use crate::rpcb::{RpcbEntryListPtr, RpcbStat, RpcbStatByvers, RpcblistPtr};

/// Characters of a text that are shown.
const LONGEST_TEXT: usize = 1024;

/// Says what a program number is called, if anything.
pub type Names<'a> = &'a dyn Fn(u32) -> Option<String>;

/// A text from elsewhere, safe to print: control characters and those that turn the writing direction are escaped.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(LONGEST_TEXT));
    for (at, c) in text.chars().enumerate() {
        if at == LONGEST_TEXT {
            clean.push('…');
            break;
        }
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns {
            clean.extend(c.escape_unicode());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// A line of `rpcinfo -p`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortRow {
    /// Program number.
    pub program: u32,
    /// Version number.
    pub version: u32,
    /// `tcp`, `udp`, or the protocol's number.
    pub protocol: String,
    /// Port number; a server may send what is none.
    pub port: u32,
    /// The program's name, if known.
    pub service: Option<String>,
}

/// `rpcinfo -p`: what version 2 tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ports {
    /// In the server's order.
    pub registrations: Vec<PortRow>,
}

impl Ports {
    /// From PMAPPROC_DUMP's results.
    #[must_use]
    pub fn new(list: &PmaplistPtr, names: Names<'_>) -> Self {
        let row = |node: &crate::pmap::Pmaplist| PortRow {
            program: node.map.prog,
            version: node.map.vers,
            protocol: protocol_name(node.map.prot),
            port: node.map.port,
            service: names(node.map.prog),
        };
        Self {
            registrations: list.0.iter().map(row).collect(),
        }
    }
}

fn protocol_name(protocol: u32) -> String {
    match protocol {
        IPPROTO_TCP => "tcp".to_owned(),
        IPPROTO_UDP => "udp".to_owned(),
        other => other.to_string(),
    }
}

const NOTHING: &str = "No remote programs registered.";

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.registrations.is_empty() {
            return writeln!(f, "{NOTHING}");
        }
        writeln!(f, "   program vers proto   port  service")?;
        for row in &self.registrations {
            write!(
                f,
                "{:>10}{:>5}{:>6}{:>7}",
                row.program, row.version, row.protocol, row.port
            )?;
            match &row.service {
                Some(service) => writeln!(f, "  {service}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// A line of plain `rpcinfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappingRow {
    /// Program number.
    pub program: u32,
    /// Version number.
    pub version: u32,
    /// Kind of transport.
    pub netid: String,
    /// Universal address.
    pub address: String,
    /// The program's name, if known.
    pub service: Option<String>,
    /// Who registered it.
    pub owner: String,
}

/// Plain `rpcinfo`: what versions 3 and 4 tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mappings {
    /// In the server's order.
    pub registrations: Vec<MappingRow>,
}

impl Mappings {
    /// From RPCBPROC_DUMP's results.
    #[must_use]
    pub fn new(list: &RpcblistPtr, names: Names<'_>) -> Self {
        let row = |node: &crate::rpcb::RpList| MappingRow {
            program: node.rpcb_map.r_prog,
            version: node.rpcb_map.r_vers,
            netid: clean(&node.rpcb_map.r_netid),
            address: clean(&node.rpcb_map.r_addr),
            service: names(node.rpcb_map.r_prog),
            owner: clean(&node.rpcb_map.r_owner),
        };
        Self {
            registrations: list.0.iter().map(row).collect(),
        }
    }

    /// From PMAPPROC_DUMP's results, of a server that has no more.
    #[must_use]
    pub fn of_ports(list: &PmaplistPtr, names: Names<'_>) -> Self {
        let row = |node: &crate::pmap::Pmaplist| {
            let [_, _, high, low] = node.map.port.to_be_bytes();
            MappingRow {
                program: node.map.prog,
                version: node.map.vers,
                netid: protocol_name(node.map.prot),
                address: format!("0.0.0.0.{high}.{low}"),
                service: names(node.map.prog),
                owner: "unknown".to_owned(),
            }
        };
        Self {
            registrations: list.0.iter().map(row).collect(),
        }
    }

    /// The same, a line for each program.
    #[must_use]
    pub fn by_program(&self) -> Programs {
        let mut programs: Vec<ProgramRow> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for row in &self.registrations {
            let place = *places.entry(row.program).or_insert_with(|| {
                programs.push(ProgramRow {
                    program: row.program,
                    versions: Vec::new(),
                    netids: Vec::new(),
                    service: row.service.clone(),
                    owner: row.owner.clone(),
                });
                programs.len() - 1
            });
            let Some(program) = programs.get_mut(place) else {
                continue;
            };
            if !program.versions.contains(&row.version) {
                program.versions.push(row.version);
            }
            if !program.netids.contains(&row.netid) {
                program.netids.push(row.netid.clone());
            }
        }
        for program in &mut programs {
            // The classic tool puts each in front of the others.
            program.versions.reverse();
            program.netids.reverse();
        }
        Programs { programs }
    }
}

impl fmt::Display for Mappings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.registrations.is_empty() {
            return writeln!(f, "{NOTHING}");
        }
        writeln!(
            f,
            "   program version netid     address                service    owner"
        )?;
        for row in &self.registrations {
            let service = row.service.as_deref().unwrap_or("-");
            writeln!(
                f,
                "{:>10}{:>5}    {:<9} {:<22} {:<10} {}",
                row.program, row.version, row.netid, row.address, service, row.owner
            )?;
        }
        Ok(())
    }
}

/// A line of `rpcinfo -s`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProgramRow {
    /// Program number.
    pub program: u32,
    /// Its versions, last registered first.
    pub versions: Vec<u32>,
    /// Its kinds of transports, last registered first.
    pub netids: Vec<String>,
    /// The program's name, if known.
    pub service: Option<String>,
    /// Who registered its first mapping.
    pub owner: String,
}

/// `rpcinfo -s`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Programs {
    /// In the order of their first mappings.
    pub programs: Vec<ProgramRow>,
}

impl fmt::Display for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.programs.is_empty() {
            return writeln!(f, "{NOTHING}");
        }
        writeln!(
            f,
            "   program version(s) netid(s)                         service     owner"
        )?;
        for row in &self.programs {
            let versions: Vec<String> = row.versions.iter().map(u32::to_string).collect();
            let service = row.service.as_deref().unwrap_or("-");
            writeln!(
                f,
                "{:>10}  {:<10}{:<32} {:<11} {}",
                row.program,
                versions.join(","),
                row.netids.join(","),
                service,
                row.owner
            )?;
        }
        Ok(())
    }
}

/// A line of `rpcinfo -l`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AddressRow {
    /// Kind of transport.
    pub netid: String,
    /// Family of protocols.
    pub family: String,
    /// Protocol.
    pub protocol: String,
    /// `clts`, `cots` or `cots_ord`.
    pub semantics: &'static str,
    /// Universal address.
    pub address: String,
}

/// `rpcinfo -l`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// Program number.
    pub program: u32,
    /// Version number.
    pub version: u32,
    /// The program's name, if known.
    pub service: Option<String>,
    /// In the server's order.
    pub addresses: Vec<AddressRow>,
}

impl Addresses {
    /// From RPCBPROC_GETADDRLIST's results.
    #[must_use]
    pub fn new(program: u32, version: u32, list: &RpcbEntryListPtr, names: Names<'_>) -> Self {
        let row = |node: &crate::rpcb::RpcbEntryList| AddressRow {
            netid: clean(&node.rpcb_entry_map.r_nc_netid),
            family: clean(&node.rpcb_entry_map.r_nc_protofmly),
            protocol: clean(&node.rpcb_entry_map.r_nc_proto),
            semantics: match node.rpcb_entry_map.r_nc_semantics {
                1 => "clts",
                2 => "cots",
                _ => "cots_ord",
            },
            address: clean(&node.rpcb_entry_map.r_maddr),
        };
        Self {
            program,
            version,
            service: names(program),
            addresses: list.0.iter().map(row).collect(),
        }
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.addresses.is_empty() {
            return writeln!(f, "{NOTHING}");
        }
        writeln!(
            f,
            "   program vers  tp_family/name/class    address\t\t  service"
        )?;
        for row in &self.addresses {
            let kind = format!("{}/{}/{} ", row.family, row.protocol, row.semantics);
            let service = self.service.as_deref().unwrap_or("-");
            writeln!(
                f,
                "{:>10}{:>3}    {kind:<24}{:<24} {service:<13}",
                self.program, self.version, row.address
            )?;
        }
        Ok(())
    }
}

/// How often an address was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LookupRow {
    /// Program number.
    pub program: u32,
    /// The program's name, if known.
    pub service: Option<String>,
    /// Version number.
    pub version: u32,
    /// Kind of transport.
    pub netid: String,
    /// Found.
    pub success: i32,
    /// Not found.
    pub failure: i32,
}

/// How often a call was to be made for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForwardRow {
    /// Program number.
    pub program: u32,
    /// The program's name, if known.
    pub service: Option<String>,
    /// Version number.
    pub version: u32,
    /// Procedure number.
    pub procedure: u32,
    /// Kind of transport.
    pub netid: String,
    /// By RPCBPROC_INDIRECT.
    pub indirect: i32,
    /// Made.
    pub success: i32,
    /// Not made.
    pub failure: i32,
}

/// Counters of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VersionStatistics {
    /// Version of the protocol.
    pub version: u32,
    /// Calls of each procedure, by its number.
    pub calls: Vec<i32>,
    /// SETs that were done.
    pub set: i32,
    /// UNSETs that were done.
    pub unset: i32,
    /// What was asked for.
    pub lookups: Vec<LookupRow>,
    /// What was to be called.
    pub forwarded: Vec<ForwardRow>,
}

/// `rpcinfo -m`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Versions 2, 3 and 4.
    pub versions: Vec<VersionStatistics>,
}

impl Statistics {
    /// From RPCBPROC_GETSTAT's results.
    #[must_use]
    pub fn new(all: &RpcbStatByvers, names: Names<'_>) -> Self {
        let of = |(version, stat): (u32, &RpcbStat)| VersionStatistics {
            version,
            calls: stat.info.0.to_vec(),
            set: stat.setinfo,
            unset: stat.unsetinfo,
            lookups: stat
                .addrinfo
                .0
                .iter()
                .map(|node| LookupRow {
                    program: node.prog,
                    service: names(node.prog),
                    version: node.vers,
                    netid: clean(&node.netid),
                    success: node.success,
                    failure: node.failure,
                })
                .collect(),
            forwarded: stat
                .rmtinfo
                .0
                .iter()
                .map(|node| ForwardRow {
                    program: node.prog,
                    service: names(node.prog),
                    version: node.vers,
                    procedure: node.proc,
                    netid: clean(&node.netid),
                    indirect: node.indirect,
                    success: node.success,
                    failure: node.failure,
                })
                .collect(),
        };
        Self {
            versions: (2..).zip(&all.0).map(of).collect(),
        }
    }
}

const V2_NAMES: [&str; 6] = ["NULL", "SET", "UNSET", "GETPORT", "DUMP", "CALLIT"];
const V3_NAMES: [&str; 9] = [
    "NULL", "SET", "UNSET", "GETADDR", "DUMP", "CALLIT", "TIME", "U2T", "T2U",
];
const V4_MORE: [&str; 4] = ["VERADDR", "INDRECT", "GETLIST", "GETSTAT"];
const SET: usize = 1;
const UNSET: usize = 2;
const LOOKUP: usize = 3;
const CALLIT: usize = 5;
const INDIRECT: usize = 10;
const ADDRESS_LIST: usize = 11;

impl VersionStatistics {
    fn calls_of(&self, procedure: usize) -> i32 {
        self.calls.get(procedure).copied().unwrap_or_default()
    }

    /// Two lines: names, and counters under them, in columns of 8 or, if a counter needs it, 16.
    fn table(&self, f: &mut fmt::Formatter<'_>, names: &[&str], first: usize) -> fmt::Result {
        let sum = |numbers: &mut dyn Iterator<Item = i32>| numbers.fold(0i32, i32::wrapping_add);
        let mut line = String::new();
        for (procedure, name) in (first..).zip(names) {
            let done = match procedure {
                SET => Some(self.set),
                UNSET => Some(self.unset),
                LOOKUP => Some(sum(&mut self.lookups.iter().map(|row| row.success))),
                CALLIT => Some(sum(&mut self.forwarded.iter().map(|row| row.success))),
                _ => None,
            };
            let mut calls = self.calls_of(procedure);
            if self.version == 4 && procedure == LOOKUP {
                // Servers count address lists among the addresses that were found.
                calls = calls.wrapping_add(self.calls_of(ADDRESS_LIST));
            }
            let field = match done {
                Some(done) => format!("{done}/{calls}"),
                None => calls.to_string(),
            };
            let width = 8 * (1 + field.len() / 8);
            write!(f, "{name:<width$}")?;
            line.push_str(&format!("{field:<width$}"));
        }
        writeln!(f, "\n{line}")
    }

    fn lookup_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "prog\t\tvers\tnetid\t  success\tfailure")?;
        for row in &self.lookups {
            let name = row
                .service
                .clone()
                .unwrap_or_else(|| row.program.to_string());
            writeln!(
                f,
                "{name:<16}{}\t{}\t  {:<12}\t{}",
                row.version, row.netid, row.success, row.failure
            )?;
        }
        Ok(())
    }

    fn forward_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v4 = self.version == 4;
        if v4 {
            writeln!(f, "prog\t\tvers\tproc\tnetid\tindirect success failure")?;
        } else {
            writeln!(f, "prog\t\tvers\tproc\tnetid\tsuccess\tfailure")?;
        }
        for row in &self.forwarded {
            let name = row
                .service
                .clone()
                .unwrap_or_else(|| row.program.to_string());
            write!(
                f,
                "{name:<16}{}\t{}\t{}\t",
                row.version, row.procedure, row.netid
            )?;
            if v4 {
                write!(f, "{}\t ", row.indirect)?;
            }
            writeln!(f, "{}\t{}", row.success, row.failure)?;
        }
        Ok(())
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [v2, v3, v4] = self.versions.as_slice() else {
            return Ok(());
        };
        for (per, title, names, rmtcall, lookup) in [
            (
                v2,
                "PORTMAP (version 2)",
                &V2_NAMES[..],
                "PMAP_RMTCALL",
                "PMAP_GETPORT",
            ),
            (
                v3,
                "RPCBIND (version 3)",
                &V3_NAMES[..],
                "RPCB_RMTCALL (version 3)",
                "RPCB_GETADDR (version 3)",
            ),
        ] {
            writeln!(f, "{title} statistics")?;
            per.table(f, names, 0)?;
            writeln!(f)?;
            if per.calls_of(CALLIT) != 0 {
                writeln!(f, "{rmtcall} call statistics")?;
                per.forward_table(f)?;
                writeln!(f)?;
            }
            if per.calls_of(LOOKUP) != 0 {
                writeln!(f, "{lookup} call statistics")?;
                per.lookup_table(f)?;
                writeln!(f)?;
            }
        }
        writeln!(f, "RPCBIND (version 4) statistics")?;
        v4.table(f, &V3_NAMES, 0)?;
        v4.table(f, &V4_MORE, V3_NAMES.len())?;
        if v4.calls_of(CALLIT) != 0 || v4.calls_of(INDIRECT) != 0 {
            writeln!(f, "\nRPCB_RMTCALL (version 4) call statistics")?;
            v4.forward_table(f)?;
        }
        if v4.calls_of(LOOKUP) != 0 {
            writeln!(f, "\nRPCB_GETADDR (version 4) call statistics")?;
            v4.lookup_table(f)?;
        }
        Ok(())
    }
}

/// The answer, or not, to a call of procedure 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ping {
    /// Program number.
    pub program: u32,
    /// Version number.
    pub version: u32,
    /// Whether it answered.
    pub available: bool,
    /// Why not, in the C library's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl fmt::Display for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.available {
            "ready and waiting"
        } else {
            "is not available"
        };
        writeln!(
            f,
            "program {} version {} {state}",
            self.program, self.version
        )
    }
}

/// A host that answered a broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Universal address of the program there.
    pub address: String,
    /// The host's name, if it has one.
    pub host: Option<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}\t{}",
            self.address,
            self.host.as_deref().unwrap_or("unknown")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pmap::{Mapping, Pmaplist};
    use crate::rpcb::{RpList, Rpcb, RpcbEntry, RpcbEntryList};

    fn names(program: u32) -> Option<String> {
        (program == 100_003).then(|| "nfs".to_owned())
    }

    fn node(prog: u32, vers: u32, netid: &str, addr: &str, owner: &str) -> RpList {
        RpList {
            rpcb_map: Rpcb {
                r_prog: prog,
                r_vers: vers,
                r_netid: netid.to_owned(),
                r_addr: addr.to_owned(),
                r_owner: owner.to_owned(),
            },
        }
    }

    #[test]
    fn ports_look_as_ever() {
        let node = |prog, vers, prot, port| Pmaplist {
            map: Mapping {
                prog,
                vers,
                prot,
                port,
            },
        };
        let list = PmaplistPtr(vec![
            node(100_003, 4, 6, 2049),
            node(7, 1, 17, 9),
            node(8, 1, 58, 70_000),
        ]);
        assert_eq!(
            Ports::new(&list, &names).to_string(),
            "   program vers proto   port  service\n    100003    4   tcp   2049  nfs\n         7    1   udp      9\n         8    1    58  70000\n"
        );
        assert_eq!(
            Ports::new(&PmaplistPtr(vec![]), &names).to_string(),
            "No remote programs registered.\n"
        );
    }

    #[test]
    fn mappings_look_as_ever_and_hide_nothing() {
        let list = RpcblistPtr(vec![
            node(100_003, 4, "tcp", "0.0.0.0.8.1", "superuser"),
            node(9, 1, "a\u{1b}[2J", "x\ny", "\u{202e}z"),
        ]);
        assert_eq!(
            Mappings::new(&list, &names).to_string(),
            "   program version netid     address                service    owner\n\
             \u{20}   100003    4    tcp       0.0.0.0.8.1            nfs        superuser\n\
             \u{20}        9    1    a\\u{1b}[2J x\\u{a}y                -          \\u{202e}z\n"
        );
    }

    #[test]
    fn programs_are_gathered_with_the_last_first() {
        let list = RpcblistPtr(vec![
            node(9, 4, "tcp", "", "root"),
            node(9, 3, "tcp", "", "root"),
            node(100_003, 3, "udp", "", "x"),
            node(9, 3, "udp", "", "y"),
        ]);
        assert_eq!(
            Mappings::new(&list, &names).by_program().to_string(),
            "   program version(s) netid(s)                         service     owner\n\
             \u{20}        9  3,4       udp,tcp                          -           root\n\
             \u{20}   100003  3         udp                              nfs         x\n"
        );
    }

    #[test]
    fn a_hostile_list_is_printed_whole_and_harmless() {
        let long = "9".repeat(100_000);
        let many = (0..100)
            .map(|v| node(9, v, &long, &long, "\0\u{7}"))
            .collect();
        let report = Mappings::new(&RpcblistPtr(many), &names);
        assert!(
            report
                .registrations
                .iter()
                .all(|row| row.address.chars().count() <= LONGEST_TEXT + 1)
        );
        let text = report.by_program().to_string();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn address_lists_look_as_ever() {
        let entry = |family: &str, proto: &str, semantics, address: &str| RpcbEntryList {
            rpcb_entry_map: RpcbEntry {
                r_maddr: address.to_owned(),
                r_nc_netid: proto.to_owned(),
                r_nc_semantics: semantics,
                r_nc_protofmly: family.to_owned(),
                r_nc_proto: proto.to_owned(),
            },
        };
        let list = RpcbEntryListPtr(vec![
            entry("inet", "tcp", 3, "127.0.0.1.8.1"),
            entry("inet", "udp", 1, "127.0.0.1.8.2"),
        ]);
        assert_eq!(
            Addresses::new(100_003, 4, &list, &names).to_string(),
            "   program vers  tp_family/name/class    address\t\t  service\n\
             \u{20}   100003  4    inet/tcp/cots_ord       127.0.0.1.8.1            nfs          \n\
             \u{20}   100003  4    inet/udp/clts           127.0.0.1.8.2            nfs          \n"
        );
    }

    #[test]
    fn wide_counters_widen_their_column() {
        let mut stats = crate::stats::Statistics::default();
        for _ in 0..12_345 {
            stats.call(crate::stats::Version::V2, 1);
            stats.set(crate::stats::Version::V2);
        }
        let all = fairway_xdr::from_slice(&stats.encode().unwrap()).unwrap();
        let text = Statistics::new(&all, &names).to_string();
        assert!(text.starts_with(
            "PORTMAP (version 2) statistics\nNULL    SET             UNSET   GETPORT DUMP    CALLIT  \n0       12345/12345     0/0     0/0     0       0/0     \n\nRPCBIND"
        ), "{text}");
    }
}
