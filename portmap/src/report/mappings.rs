//! Plain `rpcinfo` and `rpcinfo -s`.

use std::fmt;

use serde::Serialize;

use crate::pmap::PmaplistPtr;
use crate::rpcb::RpcblistPtr;

use super::ports::protocol_name;
use super::text::{NOTHING, Names, clean};

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
    /// Its versions, last registered first; in JSON from the lowest to the highest.
    #[serde(serialize_with = "ascending")]
    pub versions: Vec<u32>,
    /// Its kinds of transports, last registered first.
    pub netids: Vec<String>,
    /// The program's name, if known.
    pub service: Option<String>,
    /// Who registered its first mapping.
    pub owner: String,
}

fn ascending<S: serde::Serializer>(versions: &[u32], s: S) -> Result<S::Ok, S::Error> {
    let mut versions = versions.to_vec();
    versions.sort_unstable();
    versions.serialize(s)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::LONGEST_TEXT;
    use crate::report::text::tests::names;
    use crate::rpcb::{RpList, Rpcb};

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
}
