//! An FTP server for tests: it does what a script says, right or wrong.
//!
//! It knows the modes that today's servers refuse (MODE B and C with restart markers, TYPE E, STRU R) and the faults
//! that today's servers have, as data of a [`Config`]. It runs on a [`Net`](fairway_stack::Net), so on loopback and on
//! simulated hosts alike, and keeps its files in memory.
//!
//! ```
//! use fairway_tests::ftp::{Config, FtpServer, Reply};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let net = fairway_stack::Net::system();
//! let config = Config::new().on_nth("RETR", 2, Reply::line("450 not now"));
//! let server = FtpServer::start(&net, config).unwrap();
//! server.files().put("/pub/hello", "hello\n");
//! // … a client talks to server.address() …
//! assert!(server.commands(0).is_empty());
//! server.stop();
//! # });
//! ```

mod certificate;
mod config;
mod control;
mod data;
mod digest;
mod ebcdic;
mod files;
mod listing;
mod proxy;
mod real;
mod record;
mod server;
mod session;
mod stream;
mod tls;
mod transfer;

pub use certificate::Certificate;
pub use config::{
    AbortStyle, Config, DataFault, EarlyClose, Foreign, NoopStyle, Passive, PwdStyle, Reply,
    StouStyle, User,
};
pub use data::{Format, Mode, Structure, Type};
pub use ebcdic::CodePage;
pub use files::{Files, LEAP_DAY, Node};
pub use proxy::{Action, After, Channel, Fault, FaultProxy, Passed, Sender};
pub use real::{CLIENT, PRODUCTS, Product, RealConfig, RealServer, RealTls};
pub use record::{Command, Counters, DataConnection, Handshake};
pub use server::FtpServer;
pub use tls::{Reuse, Tls, TlsVersion};
