//! Who in reach has a program: `-b`.

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::time::Duration;

use fairway_portmap::address;
use fairway_portmap::client::At;
use fairway_portmap::report::{Answer, clean};
use fairway_rpc::{BroadcastOptions, CallError, Procedure, broadcast};

use crate::tool::{End, Outcome, Tool, print, version_number};

/// Broadcast answers that wait for their hosts' names; further ones are lost, as datagrams are.
const WAITING_ANSWERS: usize = 256;

impl Tool<'_> {
    pub(crate) async fn broadcast(&self) -> Outcome {
        let [program, version] = self.args.words.as_slice() else {
            return Err(End::Usage);
        };
        let program = self.program(program)?;
        let version = version_number(version)?;
        // The C library's rhythm: 1, 2, 4, 8 seconds, or as much as there is time.
        let mut options = BroadcastOptions::default().repeats(true).rounds(
            4,
            Duration::from_secs(1),
            Duration::from_secs(2),
        );
        if let Some(seconds) = self.args.timeout {
            options = options.rounds(1, Duration::from_secs(seconds.into()), Duration::ZERO);
        }
        match &self.args.portmapper {
            Some(At::Ip(address)) => options = options.only([address.ip()]).port(address.port()),
            Some(At::Path(_)) => {
                return Err(End::Said(
                    "rpcinfo: broadcasts go to IP addresses".to_owned(),
                ));
            }
            None => {}
        }
        let (send, mut answers) = tokio::sync::mpsc::channel::<SocketAddr>(WAITING_ANSWERS);
        let asking = async {
            let each = move |(): (), address: SocketAddr| {
                let _ = send.try_send(address);
                ControlFlow::Continue(())
            };
            broadcast(
                &self.net,
                Procedure::new(program, version, 0),
                &(),
                &options,
                each,
            )
            .await
        };
        let printing = async {
            while let Some(address) = answers.recv().await {
                let host = self.host_name(address.ip()).await;
                let address = address::universal(address);
                print(self.args, &Answer { address, host });
            }
        };
        let (asked, ()) = tokio::join!(asking, printing);
        match asked {
            // Nobody ever says stop.
            Ok(()) | Err(CallError::TimedOut) => Ok(()),
            Err(error) => Err(End::Said(format!(
                "rpcinfo: broadcast failed: {}",
                error.stat()
            ))),
        }
    }

    async fn host_name(&self, address: IpAddr) -> Option<String> {
        let name = self.net.reverse_lookup(address).await?;
        Some(clean(&name))
    }
}
