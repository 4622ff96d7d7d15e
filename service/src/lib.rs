//! What Fairway's daemons share: how they read their configuration, log, end, and become less than root.
//!
//! ```text
//!   main   command line ── Program ──────────► Exit       what is said before there is a log, and exit codes
//!             │            read_config, ConfigError       file, line and key of what is wrong
//!             ▼            Log                            lines on standard error, filtered
//!          serve           Signals                        end, or read the configuration again
//!             │            wanted_user, become_user       from root to a user
//!             └──────────► notify                         the service manager
//! ```
//!
//! It knows no daemon: what a configuration holds, what is bound and what is kept of root's rights is theirs.
//!
//! ```
//! use clap::Parser as _;
//! use fairway_service::{Exit, Log, Program, Signals, Told, notify, read_config};
//! use fairway_stack::Net;
//! use std::path::{Path, PathBuf};
//!
//! /// Does nothing, until told to end.
//! #[derive(clap::Parser)]
//! struct Args {
//!     #[arg(long)]
//!     config: Option<PathBuf>,
//! }
//!
//! const IDLED: Program = Program("idled");
//!
//! fn main_of(words: &[&str]) -> Exit {
//!     let args = match Args::try_parse_from(words) {
//!         Ok(args) => args,
//!         Err(usage) => return IDLED.usage(&usage),
//!     };
//!     let (_path, _text) = match read_config(args.config.as_deref(), Path::new("/etc/idled.toml")) {
//!         Ok(read) => read,
//!         Err(error) => return IDLED.failed(Exit::Usage, error),
//!     };
//!     let _log = Log::to_stderr("info");
//!     fairway_service::serve(async {
//!         let net = Net::system();
//!         let Ok(mut signals) = Signals::catch() else {
//!             return Exit::System;
//!         };
//!         notify(&net, "READY=1").await;
//!         while signals.next().await == Told::Reload {}
//!         Exit::Done
//!     })
//! }
//!
//! assert_eq!(main_of(&["idled", "--help"]), Exit::Done);
//! assert_eq!(main_of(&["idled", "--confog"]), Exit::Usage);
//! assert_eq!(main_of(&["idled", "--config", "/nowhere"]), Exit::Usage);
//! ```
//!
//! # Not here
//!
//! Sockets that a service manager hands over, capabilities, state directories: one daemon has each.
#![forbid(unsafe_code)]

mod config_error;
mod exit;
mod log;
mod notify;
mod program;
mod read;
mod serve;
mod signals;
mod user;

pub use config_error::ConfigError;
pub use exit::Exit;
pub use log::{Log, check_directives};
pub use notify::notify;
pub use program::Program;
pub use read::read_config;
pub use serve::serve;
pub use signals::{Signals, Told};
pub use user::{BecomeError, become_user, user_of_flag, wanted_user};
