//! Whether a program answers: `-t`, `-u`, `-a`, `-T`.

use std::time::Duration;

use bytes::Bytes;
use fairway_portmap::address::Netid;
use fairway_portmap::client::{self, Failure};
use fairway_portmap::report::Ping;
use fairway_rpc::{CallError, CallOptions, Client, Procedure};

use crate::tool::{End, Outcome, Tool, print, say, version_number, words};

/// An answer to a call of procedure 0 may take this long.
const PING_WITHIN: Duration = Duration::from_secs(10);
/// Versions tried one by one if a program names a range; the classic tool would try four billion.
const MOST_VERSIONS: u32 = 1024;
/// As often as this the time for one call may pass while versions are tried: a server that names many and then is silent is left.
const PATIENCE: u32 = 6;

impl Tool<'_> {
    pub(crate) async fn ip_ping(&self, netids: [Netid; 2], port: Option<u16>) -> Outcome {
        let (host, program, version) = match self.args.words.as_slice() {
            [host, program] => (host, program, None),
            [host, program, version] => (host, program, Some(version)),
            _ => return Err(End::Usage),
        };
        let program = self.program(program)?;
        let version = version.map(|text| version_number(text)).transpose()?;
        let client = match port {
            None => {
                self.client_of(&netids, host, program, version.unwrap_or(0), PING_WITHIN)
                    .await?
            }
            Some(port) => {
                let failed = |failure: Failure| End::Said(format!("{host}: {failure}"));
                let [v4, v6] = netids;
                let config = self.config(PING_WITHIN);
                match client::connect(&self.net, &v4, host, port, config.clone()).await {
                    Err(failure) if failure.is_unknown_host() => {
                        client::connect(&self.net, &v6, host, port, config).await
                    }
                    other => other,
                }
                .map_err(failed)?
            }
        };
        self.ping(&client, program, version).await
    }

    pub(crate) async fn program_ping(&self) -> Outcome {
        let (host, program, version) = match self.args.words.as_slice() {
            [host, program] => (host, program, None),
            [host, program, version] => (host, program, Some(version)),
            _ => return Err(End::Usage),
        };
        if self.args.netid.is_none() {
            return Err(End::Usage);
        }
        let program = self.program(program)?;
        let version = version.map(|text| version_number(text)).transpose()?;
        let Some(netid) = self.netid(|text| format!("rpcinfo: Could not find {text}"))? else {
            return Err(End::Usage);
        };
        let at = self.args.portmapper.as_ref();
        let config = self.config(PING_WITHIN);
        let client = client::dial(
            &self.net,
            at,
            &netid,
            host,
            program,
            version.unwrap_or(0),
            config,
        )
        .await
        .map_err(|failure| End::Said(format!("rpcinfo: {failure}")))?;
        self.ping(&client, program, version).await
    }

    pub(crate) async fn address_ping(&self) -> Outcome {
        let (program, version) = match self.args.words.as_slice() {
            [program] => (program, None),
            [program, version] => (program, Some(version)),
            _ => return Err(End::Usage),
        };
        let Some(netid) = self.netid(|text| format!("rpcinfo: Could not find {text}"))? else {
            return Err(End::Usage);
        };
        let program = self.program(program)?;
        let version = version.map(|text| version_number(text)).transpose()?;
        let address = self.args.address.as_deref().unwrap_or_default();
        let client = client::at_universal(&self.net, &netid, address, self.config(PING_WITHIN))
            .await
            .map_err(|failure| match failure {
                Some(failure) => End::Said(format!("rpcinfo: {failure}")),
                None => End::Said("rpcinfo: rpcinfo: no address for client handle".to_owned()),
            })?;
        self.ping(&client, program, version).await
    }

    /// Calls procedure 0 of a version, or of all versions the program says it has.
    async fn ping(&self, client: &Client, program: u32, version: Option<u32>) -> Outcome {
        if let Some(version) = version {
            return self.ping_one(client, program, version).await;
        }
        // Version 0 exists nowhere: the refusal tells which versions do. Where it does exist, the highest may not.
        let mut range = None;
        for version in [0, u32::MAX] {
            match null_call(client, program, version).await {
                Ok(()) => {}
                Err(CallError::ProgMismatch { low, high }) => {
                    range = Some((low, high));
                    break;
                }
                Err(error) => {
                    self.tell(program, version, Some(&error));
                    return Err(End::Quiet);
                }
            }
        }
        let (low, high) = range.unwrap_or((0, u32::MAX));
        let last = high.min(low.saturating_add(MOST_VERSIONS - 1));
        let within = self
            .args
            .timeout
            .map_or(PING_WITHIN, |seconds| Duration::from_secs(seconds.into()));
        let clock = self.net.clock();
        let until = clock.now() + within.saturating_mul(PATIENCE);
        let mut outcome = Ok(());
        let mut left = None;
        for version in low..=last {
            if clock.now() >= until {
                left = Some(version);
                break;
            }
            if let Err(end) = self.ping_one(client, program, version).await {
                outcome = Err(end);
            }
        }
        if last < high {
            left = left.or(Some(last + 1));
        }
        if let Some(left) = left {
            say(&format!("rpcinfo: versions {left} to {high} are not tried"));
        }
        outcome
    }

    async fn ping_one(&self, client: &Client, program: u32, version: u32) -> Outcome {
        let answer = null_call(client, program, version).await;
        self.tell(program, version, answer.as_ref().err());
        answer.map_err(|_| End::Quiet)
    }

    fn tell(&self, program: u32, version: u32, error: Option<&CallError>) {
        let error = error.map(words);
        if let Some(error) = &error
            && !self.args.json
        {
            say(&format!("rpcinfo: {error}"));
        }
        let available = error.is_none();
        print(
            self.args,
            &Ping {
                program,
                version,
                available,
                error,
            },
        );
    }
}

/// Calls procedure 0; results that should not be there are overlooked, as the classic tool does.
async fn null_call(client: &Client, program: u32, version: u32) -> Result<(), CallError> {
    let null = Procedure::new(program, version, 0);
    client
        .call_raw(null, Bytes::new(), &CallOptions::default())
        .await
        .map(drop)
}
