//! Deletes registrations of this machine: `-d`.

use fairway_portmap::client;
use fairway_portmap::report::Deleted;
use fairway_portmap::rpcb::{Rpcb, RpcbV3Client};

use crate::tool::{End, LIST_WITHIN, Outcome, Tool, print, version_number};

impl Tool<'_> {
    pub(crate) async fn delete(&self) -> Outcome {
        let [program, version] = self.args.words.as_slice() else {
            return Err(End::Usage);
        };
        let netid = self.netid(|text| format!("rpcinfo: netid {text} not supported"))?;
        let question = Rpcb {
            r_prog: self.program(program)?,
            r_vers: version_number(version)?,
            r_netid: netid.as_ref().map_or("", |netid| netid.as_str()).to_owned(),
            r_addr: String::new(),
            r_owner: String::new(),
        };
        let config = self.config(LIST_WITHIN);
        let client = match &self.args.portmapper {
            Some(at) => client::reach(&self.net, at, None, config)
                .await
                .map(|(client, _)| client),
            None => client::local(&self.net, config).await,
        };
        let done = match client {
            Ok(client) => RpcbV3Client::new(client)
                .unset(&question)
                .await
                .unwrap_or(false),
            Err(_) => false,
        };
        if done {
            let deleted = Deleted {
                program: question.r_prog,
                version: question.r_vers,
                netid: netid.map(|netid| netid.as_str().to_owned()),
            };
            print(self.args, &deleted);
            return Ok(());
        }
        Err(End::Said(format!(
            "rpcinfo: Could not delete registration for prog {program} version {version}"
        )))
    }
}
