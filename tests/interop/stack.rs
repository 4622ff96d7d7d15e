//! Our network stack against smoltcp in memory, and against the kernel and the tools everybody has, on TAP devices.

mod capture;
mod machine;
mod probes;
mod routed;
mod services;
mod smol;
mod transfers;
