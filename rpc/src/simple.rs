//! RPC in one line each: call a procedure, offer functions as procedures, serve them.
//!
//! The intermediate layer of the classic library (`callrpc`, `registerrpc`, `svc_run`), over UDP and TCP:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use fairway_rpc::{Procedure, simple};
//!
//! const DOUBLE: Procedure = Procedure::new(0x2000_0001, 1, 1);
//! let net = fairway_stack::Net::system();
//! // The server:
//! simple::register(DOUBLE, |n: u32| async move { n * 2 }).run(&net).await?;
//! // The client:
//! let twice: u32 = simple::call(&net, "host", DOUBLE, &21u32).await?;
//! # Ok(()) }
//! ```

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use fairway_stack::{LocalAddr, Net};
use fairway_xdr::{DecodeOwned, Encode};
use tokio::signal::unix::{SignalKind, signal};

use crate::bind::Transport;
use crate::client::{CallOptions, Client, ClientConfig};
use crate::error::{CallError, ConnectError};
use crate::msg::Procedure;
use crate::portmapper::Portmapper;
use crate::server::{
    Args, CallContext, CallFuture, Refusal, RegisterError, Registry, Reply, Server, ServerError,
    Service,
};

/// Calls a procedure on `host` over UDP, sent again every 5 s, for at most 25 s (`callrpc`).
///
/// Arguments and results have to fit a datagram of 8800 octets. The port comes from the host's portmapper.
///
/// # Errors
/// As [`Client::call`], [`CallError::Connect`] included; [`stat`](CallError::stat) is what `callrpc` returns.
///
/// # Cancel safety
/// Dropping it gives the call up; it may have run.
pub async fn call<A, R>(
    net: &Net,
    host: &str,
    procedure: Procedure,
    args: &A,
) -> Result<R, CallError>
where
    A: Encode + Sync + ?Sized,
    R: DecodeOwned,
{
    let config = ClientConfig::new().first_wait(Duration::from_secs(5));
    let Procedure {
        program, version, ..
    } = procedure;
    let client = Client::dial(net, host, program, version, Transport::Udp, config)
        .await
        .map_err(|error| CallError::Connect(Box::new(error)))?;
    client.call(procedure, args, &CallOptions::new()).await
}

/// Offers `function` as a procedure (`registerrpc`). Nothing is served until [`Functions::run`].
pub fn register<A, R, F, Fut>(procedure: Procedure, function: F) -> Functions
where
    A: DecodeOwned + Send + 'static,
    R: Encode + Send + Sync + 'static,
    F: Fn(A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
{
    Functions::default().register(procedure, function)
}

type Handler = Arc<dyn Fn(CallContext, Args) -> CallFuture + Send + Sync>;

/// Functions offered as procedures, by program and version.
#[derive(Default)]
pub struct Functions {
    programs: BTreeMap<(u32, u32), BTreeMap<u32, Handler>>,
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let procedures = self
            .programs
            .iter()
            .flat_map(|(&(program, version), offered)| {
                offered
                    .keys()
                    .map(move |&procedure| Procedure::new(program, version, procedure))
            });
        f.debug_list().entries(procedures).finish()
    }
}

/// Why functions could not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// No socket to listen on.
    #[error(transparent)]
    Listen(#[from] ServerError),
    /// The machine's portmapper cannot be reached.
    #[error("cannot register: {0}")]
    Portmapper(ConnectError),
    /// The machine's portmapper does not register a program.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The runtime, or the signals that end the program, could not be set up.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

impl Functions {
    /// Offers another function; in place of an earlier one of the same number. Procedure 0 is answered without one, and
    /// cannot be given one.
    #[must_use]
    pub fn register<A, R, F, Fut>(mut self, procedure: Procedure, function: F) -> Self
    where
        A: DecodeOwned + Send + 'static,
        R: Encode + Send + Sync + 'static,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        let function = Arc::new(function);
        let handler: Handler = Arc::new(move |cx, args| {
            let function = Arc::clone(&function);
            Box::pin(async move {
                let value = function(args.decode::<A>()?).await;
                cx.reply(Reply::Value(value))
            })
        });
        if procedure.procedure != 0 {
            self.programs
                .entry((procedure.program, procedure.version))
                .or_default()
                .insert(procedure.procedure, handler);
        }
        self
    }

    /// Serves over UDP and TCP on ports of the system's choice, without telling anybody.
    ///
    /// # Errors
    /// [`ServerError`] if there is no socket to listen on.
    ///
    /// # Cancel safety
    /// Dropping it serves nothing.
    pub async fn start(self, net: &Net) -> Result<Server, ServerError> {
        let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let mut builder = Server::builder(net).listen_udp(any).listen_tcp(any);
        for ((program, version), procedures) in self.programs {
            builder = builder.service(Offered {
                program,
                version,
                procedures,
            });
        }
        builder.start().await
    }

    /// Serves and registers with this machine's portmapper, then goes on until dropped (`svc_run`). Registrations left over
    /// by an earlier run are replaced.
    ///
    /// # Errors
    /// See [`RunError`]; never returns otherwise.
    ///
    /// # Cancel safety
    /// Dropping it stops the server; the registrations stay.
    pub async fn run(self, net: &Net) -> Result<std::convert::Infallible, RunError> {
        let portmapper = Portmapper::local(net).await.map_err(RunError::Portmapper)?;
        let server = self.start(net).await?;
        server.register(&portmapper).await?;
        std::future::pending().await
    }
}

/// How long calls that run may take when the program is told to end.
const GRACE: Duration = Duration::from_secs(10);

/// A whole server program: serves `registry` over `transports`, on ports of the system's choice on every IPv4 address,
/// registered with this machine's portmapper, until SIGINT or SIGTERM. What `rpcgen -s` writes calls this.
///
/// Then it unregisters, lets calls end for up to ten seconds, and gives exit status 0. An error goes to the standard error
/// stream, and gives 1.
#[must_use]
pub fn main(registry: Registry, transports: &[Transport]) -> ExitCode {
    match serve(registry, transports) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let program = std::env::args_os().next().unwrap_or_default();
            let program = Path::new(&program).file_name().unwrap_or_default();
            #[expect(clippy::print_stderr, reason = "the whole program is this function")]
            {
                eprintln!("{}: {error}", program.display());
            }
            ExitCode::FAILURE
        }
    }
}

fn serve(registry: Registry, transports: &[Transport]) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let net = Net::system();
        let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let mut builder = Server::builder(&net).registry(registry);
        for transport in transports {
            builder = match transport {
                Transport::Tcp => builder.listen_tcp(any),
                Transport::Udp => builder.listen_udp(any),
                Transport::Local => {
                    let name = format!("fairway-rpc-{}", std::process::id());
                    builder.listen_local(LocalAddr::abstract_name(name))
                }
            };
        }
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let portmapper = Portmapper::local(&net)
            .await
            .map_err(RunError::Portmapper)?;
        let server = builder.start().await?;
        if let Err(error) = server.register(&portmapper).await {
            // What was registered before that is taken back; the error that counts is the first.
            let _ = server.unregister(&portmapper).await;
            return Err(error.into());
        }
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let unregistered = server.unregister(&portmapper).await;
        server.shutdown(GRACE).await;
        Ok(unregistered?)
    })
}

/// The functions of one program version.
struct Offered {
    program: u32,
    version: u32,
    procedures: BTreeMap<u32, Handler>,
}

impl Service for Offered {
    fn program(&self) -> u32 {
        self.program
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn call(&self, cx: CallContext, args: Args) -> CallFuture {
        match self.procedures.get(&cx.procedure()) {
            Some(handler) => handler(cx, args),
            None => Box::pin(async { Err(Refusal::ProcUnavail) }),
        }
    }
}
