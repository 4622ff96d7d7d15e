//! Goodput of one CUBIC flow over 100 Mbit/s with 20 ms of round trip and a queue of one bandwidth-delay product, with loss, reordering or
//! duplicates on the way there: in virtual time by smoltcp, in real time by the kernel.

pub mod kernel;
mod path;
pub mod smol;
