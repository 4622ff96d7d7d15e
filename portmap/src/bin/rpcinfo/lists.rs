//! What a portmapper has registered: `-p`, `-s`, `-m`, `-l`, and no letter at all.

use fairway_portmap::address::{self, Netid};
use fairway_portmap::client::{self, Failure};
use fairway_portmap::pmap::PmapV2Client;
use fairway_portmap::registry::PORTMAP_PROGRAM;
use fairway_portmap::report::{Addresses, Mappings, Names, Ports, Statistics};
use fairway_portmap::rpcb::{Rpcb, RpcbV3Client, RpcbV4Client};
use fairway_rpc::{CallError, Client};

use crate::tool::{End, LIST_WITHIN, Outcome, Tool, print, version_number, words};

impl Tool<'_> {
    pub(crate) async fn ports(&self) -> Outcome {
        if self.args.words.len() > 1 {
            return Err(End::Usage);
        }
        let host = self.args.words.first().map(String::as_str);
        let config = self.config(LIST_WITHIN);
        let contact =
            |failure: Failure| End::Said(format!("rpcinfo: can't contact portmapper: {failure}"));
        let client = match (host, &self.args.portmapper) {
            (_, Some(at)) => {
                client::reach(&self.net, at, None, config)
                    .await
                    .map_err(contact)?
                    .0
            }
            (None, None) => client::local(&self.net, config).await.map_err(contact)?,
            (Some(host), None) => {
                self.client_of(
                    &[Netid::Tcp, Netid::Tcp6],
                    host,
                    PORTMAP_PROGRAM,
                    2,
                    LIST_WITHIN,
                )
                .await?
            }
        };
        let list = match PmapV2Client::new(client).dump().await {
            Ok(list) => list,
            Err(CallError::ProgMismatch { low, .. }) => {
                let host = host.unwrap_or("localhost");
                return Err(if low > 2 {
                    End::Said(format!(
                        "{host} does not support portmapper.  Try rpcinfo {host} instead"
                    ))
                } else {
                    End::Untold("the host has no version 2 of the portmapper".to_owned())
                });
            }
            Err(error @ CallError::ProgUnavail) => return Err(End::Untold(words(&error))),
            Err(error) => {
                return Err(End::Said(format!(
                    "rpcinfo: can't contact portmapper: {}",
                    words(&error)
                )));
            }
        };
        let names = self.names();
        print(self.args, &Ports::new(&list, &names));
        Ok(())
    }

    pub(crate) async fn mappings(&self, short: bool) -> Outcome {
        if self.args.words.len() > 1 {
            return Err(End::Usage);
        }
        let host = self.args.words.first().map(String::as_str);
        let (client, _) = self.portmapper(host).await?;
        let report = self
            .all_mappings(client, &self.names())
            .await
            .map_err(|error| {
                End::Said(format!(
                    "rpcinfo: can't contact rpcbind: : {}",
                    words(&error)
                ))
            })?;
        if short {
            print(self.args, &report.by_program());
        } else {
            print(self.args, &report);
        }
        Ok(())
    }

    /// Version 3's list, or that of the version the portmapper has.
    async fn all_mappings(&self, client: Client, names: Names<'_>) -> Result<Mappings, CallError> {
        match RpcbV3Client::new(client.clone()).dump().await {
            Err(CallError::ProgMismatch { low: 4, .. }) => {
                let list = RpcbV4Client::new(client).dump().await?;
                Ok(Mappings::new(&list, names))
            }
            Err(CallError::ProgMismatch { high: 2, .. }) => {
                let list = PmapV2Client::new(client).dump().await?;
                Ok(Mappings::of_ports(&list, names))
            }
            list => Ok(Mappings::new(&list?, names)),
        }
    }

    pub(crate) async fn statistics(&self) -> Outcome {
        let host = self.args.words.first().map(String::as_str);
        let (client, _) = self.portmapper(host).await?;
        let all = RpcbV4Client::new(client).getstat().await.map_err(|error| {
            End::Said(format!(
                "rpcinfo: can't contact rpcbind: : {}",
                words(&error)
            ))
        })?;
        let names = self.names();
        print(self.args, &Statistics::new(&all, &names));
        Ok(())
    }

    pub(crate) async fn addresses(&self) -> Outcome {
        let [host, program, version] = self.args.words.as_slice() else {
            return Err(End::Usage);
        };
        let (client, reached) = self.portmapper(Some(host)).await?;
        let program = self.program(program)?;
        let version = version_number(version)?;
        let question = Rpcb {
            r_prog: program,
            r_vers: version,
            r_netid: self.args.netid.clone().unwrap_or_else(|| "tcp".to_owned()),
            // The address the portmapper was reached at may help it to say how its host is reached.
            r_addr: reached.map(address::universal).unwrap_or_default(),
            r_owner: String::new(),
        };
        let list = RpcbV4Client::new(client)
            .getaddrlist(&question)
            .await
            .map_err(|error| {
                End::Said(format!(
                    "rpcinfo: can't contact rpcbind: : {}",
                    words(&error)
                ))
            })?;
        let names = self.names();
        print(self.args, &Addresses::new(program, version, &list, &names));
        Ok(())
    }
}
