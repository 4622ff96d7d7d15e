//! `rpcinfo -l`.

use std::fmt;

use serde::Serialize;

use crate::rpcb::RpcbEntryListPtr;

use super::text::{NOTHING, Names, clean};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::tests::names;
    use crate::rpcb::{RpcbEntry, RpcbEntryList};

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
}
