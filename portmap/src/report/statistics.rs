//! `rpcinfo -m`.

use std::fmt;

use serde::Serialize;

use crate::rpcb::{RpcbStat, RpcbStatByvers};

use super::text::{Names, clean};

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

/// Calls of each procedure that a version has: the procedure's name, as RFC 1833 has it but small, and how often it was called; in the
/// order of the procedures' numbers. In JSON an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls(pub Vec<(&'static str, i32)>);

impl Calls {
    fn new(version: u32, calls: &[i32]) -> Self {
        // RFC 1833 §§2.1, 3.1.
        const V2: &[&str] = &["null", "set", "unset", "getport", "dump", "callit"];
        const V3: &[&str] = &[
            "null",
            "set",
            "unset",
            "getaddr",
            "dump",
            "callit",
            "gettime",
            "uaddr2taddr",
            "taddr2uaddr",
        ];
        const V4: &[&str] = &[
            "null",
            "set",
            "unset",
            "getaddr",
            "dump",
            "bcast",
            "gettime",
            "uaddr2taddr",
            "taddr2uaddr",
            "getversaddr",
            "indirect",
            "getaddrlist",
            "getstat",
        ];
        let names = match version {
            2 => V2,
            3 => V3,
            _ => V4,
        };
        Self(names.iter().copied().zip(calls.iter().copied()).collect())
    }
}

impl Serialize for Calls {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.0.iter().copied())
    }
}

/// Counters of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VersionStatistics {
    /// Version of the protocol.
    pub version: u32,
    /// Calls of each procedure.
    pub calls: Calls,
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
            calls: Calls::new(version, &stat.info.0),
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
        let calls = self.calls.0.get(procedure);
        calls.map(|(_, calls)| *calls).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::tests::names;

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
