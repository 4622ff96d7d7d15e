//! What a node remembers: the blocks of RFC 2209 §1, by session.

mod app;
mod bsb;
mod map;
mod print;
mod psb;
mod resv_out;
mod rsb;
mod session;
mod tcsb;

pub(crate) use app::App;
pub(crate) use bsb::{Bsb, BsbKey};
pub(crate) use map::VecMap;
pub(crate) use print::Print;
pub(crate) use psb::{OtherHop, PathOut, Phop, Psb, PsbKey};
pub(crate) use resv_out::ResvOut;
pub(crate) use rsb::{NextHop, Rsb, RsbKey};
pub(crate) use session::{SessionKey, SessionState};
pub(crate) use tcsb::{Tcsb, TcsbKey};
