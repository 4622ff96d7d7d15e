//! `rpcinfo -p`.

use std::fmt;

use serde::Serialize;

use crate::address::{IPPROTO_TCP, IPPROTO_UDP};
use crate::pmap::{Pmaplist, PmaplistPtr};

use super::text::{NOTHING, Names};

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
        let row = |node: &Pmaplist| PortRow {
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

pub(super) fn protocol_name(protocol: u32) -> String {
    match protocol {
        IPPROTO_TCP => "tcp".to_owned(),
        IPPROTO_UDP => "udp".to_owned(),
        other => other.to_string(),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pmap::Mapping;
    use crate::report::text::tests::names;

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
}
